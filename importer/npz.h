// Reading .npz files: zip archives of stored .npy arrays (numpy.savez), by their central directory.
// Every offset, size, count and name is checked against the file before it is used.
#ifndef BLOK_IMPORTER_NPZ_H
#define BLOK_IMPORTER_NPZ_H

#include <blok/types.h>

#include "base/alloc.h"
#include "base/file.h"

// One array. Its name is the entry's without ".npy", well-formed UTF-8 and no other entry's.
typedef struct blok_npz_array {
  const char *name;
  uint64_t offset, size;  // of the .npy's bytes in the file
  uint32_t crc;
} blok_npz_array;

typedef struct blok_npz {
  const char *path;  // for messages
  blok_file *file;
  blok_arena arena;
  uint32_t n;
  blok_npz_array *arrays;  // in the directory's order
} blok_npz;

// Opens path and reads its directory. out must be freed with blok_npz_close whatever the status;
// path must outlive it. BLOK_E_UNSUPPORTED: compressed or encrypted entries; BLOK_E_LIMIT: a
// directory of more than 256 MiB.
BLOK_MUST_CHECK blok_status blok_npz_open(const char *path, const blok_allocator *allocator,
                                          blok_npz *out, blok_error *error);
void blok_npz_close(blok_npz *npz);

// Reads array index: tensor's type and dims are set, and its data, taken from the allocator that
// npz was opened with, is the caller's to free. The checksum must agree.
BLOK_MUST_CHECK blok_status blok_npz_read(const blok_npz *npz, uint32_t index, blok_tensor *tensor,
                                          blok_error *error);

// The type and dims alone, from the array's header.
BLOK_MUST_CHECK blok_status blok_npz_describe(const blok_npz *npz, uint32_t index,
                                              blok_tensor *tensor, blok_error *error);

#endif  // BLOK_IMPORTER_NPZ_H
