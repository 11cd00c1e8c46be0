// Types of values: recursive, as ONNX has them.
#ifndef BLOK_GRAPH_TYPE_H
#define BLOK_GRAPH_TYPE_H

#include <blok/types.h>
#include <stdbool.h>

#include "base/alloc.h"
#include "base/text.h"

// What a message of the file carries beside its meaning, kept so that it can be written back.
// NULL stands for one that holds nothing.
typedef struct blok_property {
  const char *key;    // NULL: absent
  const char *value;  // NULL: absent
  blok_bytes unknown;
} blok_property;

typedef struct blok_notes {
  const char *doc;  // NULL: absent
  uint32_t n_metadata;
  blok_property *metadata;
  blok_bytes unknown;  // unknown fields, in wire form (tag and value, one after the other)
} blok_notes;

// One axis of a tensor type: a number (value >= 0), a symbol (value -1, symbol set) or nothing
// (value -1, symbol NULL).
typedef struct blok_dim {
  int64_t value;
  const char *symbol;
} blok_dim;

typedef enum blok_type_kind {
  BLOK_TYPE_NONE = 0,  // a TypeProto that says nothing
  BLOK_TYPE_TENSOR,
  BLOK_TYPE_SPARSE_TENSOR,
  BLOK_TYPE_SEQUENCE,
  BLOK_TYPE_OPTIONAL,
  BLOK_TYPE_MAP,
  BLOK_TYPE_OPAQUE
} blok_type_kind;

// What a source graph keeps of a dimension beside its meaning.
typedef struct blok_dim_notes {
  const char *denotation;
  bool negative;  // the file had a negative number, kept in value
  int64_t value;
  blok_bytes unknown;
} blok_dim_notes;

typedef struct blok_type blok_type;
struct blok_type {
  blok_type_kind kind;
  // Tensor and sparse tensor.
  blok_dtype dtype;  // BLOK_UNDEFINED: unknown
  bool has_dtype;    // the file wrote elem_type
  bool has_shape;    // false: rank unknown
  uint32_t rank;
  blok_dim *dims;
  blok_dim_notes *dim_notes;  // rank of them, or NULL
  // Sequence, optional and map values.
  blok_type *element;  // NULL: absent
  int32_t key_dtype;   // map
  bool has_key_dtype;
  const char *opaque_domain, *opaque_name;
  const char *denotation;
  blok_bytes unknown;        // of the TypeProto
  blok_bytes unknown_inner;  // of TypeProto.Tensor, .Sequence, ...
  blok_bytes unknown_shape;  // of TensorShapeProto
};

// A tensor type in the arena; dims are copied, symbols borrowed. NULL: no memory.
blok_type *blok_type_tensor(blok_arena *arena, blok_dtype dtype, uint32_t rank,
                            const blok_dim *dims);

// True when both are numbers that are equal, or the same symbol.
bool blok_dim_same(blok_dim a, blok_dim b);

static inline blok_dim blok_dim_of(int64_t value) {
  blok_dim dim = {value, NULL};
  return dim;
}
static inline blok_dim blok_dim_unknown(void) {
  blok_dim dim = {-1, NULL};
  return dim;
}
static inline bool blok_dim_known(blok_dim dim) { return dim.value >= 0; }

// "float32[N, 3, 224, 224]", "sequence(float32)" in the arena.
const char *blok_type_text(blok_arena *arena, const blok_type *type);

// Copies type into another arena. notes says whether what only a source graph keeps comes along.
blok_type *blok_type_copy(blok_arena *arena, const blok_type *type, bool notes);

#endif  // BLOK_GRAPH_TYPE_H
