// Literals: constant tensors of a model (TensorProto): initializers and tensor attributes. Their
// bytes stay where they are until somebody reads them.
#ifndef BLOK_GRAPH_LITERAL_H
#define BLOK_GRAPH_LITERAL_H

#include <blok/types.h>

#include "base/storage.h"
#include "graph/type.h"

// How the bytes of the storage spell the elements. The typed forms are a packed protobuf field:
// little-endian floats and doubles, or varints.
typedef enum blok_encoding {
  BLOK_ENCODED_NONE = 0,  // no data field at all (a tensor of no elements, or malformed)
  BLOK_ENCODED_RAW,       // raw_data: little endian, elements under a byte packed low bits first
  BLOK_ENCODED_FLOAT_DATA,
  BLOK_ENCODED_INT32_DATA,  // varints; also f16, bf16, f8, bool, int8..uint16, and packed int4
  BLOK_ENCODED_INT64_DATA,
  BLOK_ENCODED_DOUBLE_DATA,
  BLOK_ENCODED_UINT64_DATA,  // also uint32
  BLOK_ENCODED_STRINGS       // string_data, in strings
} blok_encoding;

typedef struct blok_literal {
  const char *name;  // NULL: absent
  blok_dtype dtype;
  bool has_dtype;
  uint32_t rank;
  const int64_t *dims;
  blok_encoding encoding;
  blok_storage *storage;  // one reference held by the graph; NULL when encoding is NONE or STRINGS
  uint32_t n_strings;
  const blok_bytes *strings;
  // The external file it came from, as the model spells it; NULL: inline. Encoding is RAW then.
  const char *location;
  uint32_t n_external;  // the remaining key/value pairs as read (checksum, ...)
  const blok_property *external;
  bool has_segment;
  int64_t segment_begin, segment_end;
  bool has_data_location;  // the file wrote data_location
  const blok_notes *notes;
} blok_literal;

// Elements: the product of dims. False when it overflows.
bool blok_literal_count(const blok_literal *literal, size_t *count);

// Bytes that dense elements of dtype need; for strings sizeof(blok_text) each. False on overflow.
bool blok_dense_bytes(blok_dtype dtype, size_t count, size_t *bytes);

// Decodes the elements into out (native order, bytes as blok_dense_bytes says; strings point into
// the literal). scratch memory comes from allocator. Checks lengths: malformed when the literal
// holds fewer or more elements than its dims say.
BLOK_MUST_CHECK blok_status blok_literal_read(const blok_literal *literal,
                                              const blok_allocator *allocator, void *out,
                                              size_t bytes, blok_error *error);

// Checks without reading the bytes: dims not negative, product fits, dtype known, encoding fits the
// dtype, and the storage's length agrees where it can be told (raw and floating data).
BLOK_MUST_CHECK blok_status blok_literal_check(const blok_literal *literal, const char *what,
                                               blok_error *error);

// A literal that owns its data (native elements), made in the arena. bytes are copied into a
// storage. The caller releases it by the graph that takes it (see blok_graph_add_initializer).
BLOK_MUST_CHECK blok_status blok_literal_make(blok_arena *arena, blok_dtype dtype, uint32_t rank,
                                              const int64_t *dims, const void *elements,
                                              size_t bytes, blok_literal **out, blok_error *error);

#endif  // BLOK_GRAPH_LITERAL_H
