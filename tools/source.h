// Files given to -i and --data: read whole, and told apart by their first bytes.
#ifndef BLOK_TOOLS_SOURCE_H
#define BLOK_TOOLS_SOURCE_H

#include "tools/cli.h"

typedef enum blok_source_kind {
  BLOK_SOURCE_UNKNOWN,
  BLOK_SOURCE_NPY,
  BLOK_SOURCE_PB,  // by the name's ending, .pb
  BLOK_SOURCE_PNG,
  BLOK_SOURCE_JPEG,
  BLOK_SOURCE_PPM
} blok_source_kind;

typedef struct blok_source {
  const char *path;
  uint8_t *bytes;
  size_t size;
  blok_source_kind kind;
} blok_source;

// Reads path ("-" is standard input). BLOK_E_NOT_FOUND, BLOK_E_IO (a folder, no permission),
// BLOK_E_MEMORY. Free it with blok_source_free whatever the status.
BLOK_MUST_CHECK blok_status blok_source_read(const char *path, blok_source *out, blok_error *error);
void blok_source_free(blok_source *source);

// An array with the words of where its memory came from.
typedef struct blok_array {
  blok_tensor tensor;
  bool of_library;  // made by blok_tensor_read_pb
} blok_array;

// The array that a .npy or .pb source holds. Free it with blok_array_free.
BLOK_MUST_CHECK blok_status blok_array_read(const blok_source *source, blok_array *out,
                                            blok_error *error);
void blok_array_free(blok_array *array);

// Gives the tensor, whose type and dims are set, zeroed memory of its own. input is its name, for
// messages. BLOK_E_LIMIT when no machine could hold it, BLOK_E_MEMORY when this one cannot.
BLOK_MUST_CHECK blok_status blok_array_allocate(blok_array *array, const char *input,
                                                blok_error *error);

#endif  // BLOK_TOOLS_SOURCE_H
