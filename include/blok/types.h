// The words that all headers share: element types, tensors, allocators, limits, diagnostics.
#ifndef BLOK_TYPES_H
#define BLOK_TYPES_H

#include <blok/status.h>

#ifdef __cplusplus
extern "C" {
#endif

// Element types, numbered as ONNX's TensorProto.DataType.
typedef enum blok_dtype {
  BLOK_UNDEFINED = 0,
  BLOK_F32 = 1,
  BLOK_U8 = 2,
  BLOK_I8 = 3,
  BLOK_U16 = 4,
  BLOK_I16 = 5,
  BLOK_I32 = 6,
  BLOK_I64 = 7,
  BLOK_STRING = 8,
  BLOK_BOOL = 9,
  BLOK_F16 = 10,
  BLOK_F64 = 11,
  BLOK_U32 = 12,
  BLOK_U64 = 13,
  BLOK_C64 = 14,
  BLOK_C128 = 15,
  BLOK_BF16 = 16,
  BLOK_F8E4M3FN = 17,
  BLOK_F8E4M3FNUZ = 18,
  BLOK_F8E5M2 = 19,
  BLOK_F8E5M2FNUZ = 20,
  BLOK_U4 = 21,
  BLOK_I4 = 22,
  BLOK_F4E2M1 = 23,
  BLOK_F8E8M0 = 24,
  BLOK_U2 = 25,
  BLOK_I2 = 26,
  BLOK_F6E2M3 = 27,
  BLOK_F6E3M2 = 28
} blok_dtype;

// numpy's name where numpy has the type ("float32", "int64", "bool"), else ONNX's in lower case
// ("bfloat16", "float8e4m3fn"). "undefined" for a number that names no type. Never NULL.
BLOK_API const char *blok_dtype_name(blok_dtype dtype);

// Bits of one element as raw data holds it: 32 for BLOK_F32, 8 for BLOK_BOOL, 4 for BLOK_I4; 0 for
// strings and numbers that name no type.
BLOK_API uint32_t blok_dtype_bits(blok_dtype dtype);

#define BLOK_MAX_RANK 16

// A dense array in row-major order, in the machine's byte order; a scalar has rank 0. Elements of
// less than a byte are packed as ONNX packs them, low bits first. Whoever made the array owns data.
typedef struct blok_tensor {
  uint32_t struct_size;  // sizeof(blok_tensor)
  blok_dtype dtype;
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
  void *data;
  size_t bytes;  // capacity of data: at least what dtype and dims need
} blok_tensor;

#define BLOK_TENSOR_INIT \
  { sizeof(blok_tensor), BLOK_UNDEFINED, 0, {0}, NULL, 0 }

// One axis: a number (value >= 0, symbol NULL), a symbol (value -1), or unknown (-1 and NULL).
typedef struct blok_axis {
  int64_t value;
  const char *symbol;
} blok_axis;

// A value of a graph that is being built: what an input or a block gives. i is 0 for none.
typedef struct blok_value_id {
  uint32_t i;
} blok_value_id;

#define BLOK_VALUE_ID_INIT \
  { 0 }

// Where a library object takes its memory. reallocate(NULL) allocates; every block is aligned for
// any C type. Called from the threads that call the library, so it must be thread-safe if they are
// many. The object made with an allocator keeps a copy of this struct for its life.
typedef struct blok_allocator {
  void *context;
  void *(*reallocate)(void *context, void *block, size_t bytes);  // NULL on failure, block intact
  void (*release)(void *context, void *block);                    // NULL is allowed
} blok_allocator;

// What a model may ask of the machine. 0 means the default named beside the field.
typedef struct blok_limits {
  uint32_t struct_size;
  uint32_t depth;            // nested subgraphs: 64
  uint64_t skeleton_bytes;   // a model's bytes without its weights: 512 MiB
  uint64_t nodes;            // nodes of all graphs together: 4,000,000
  uint64_t tensor_elements;  // elements of one tensor: 2^40
  uint64_t run_bytes;        // values alive in one session: 16 GiB
  uint64_t fold_bytes;       // a constant made by folding: 64 MiB, or what its inputs hold if more
  uint64_t inline_nodes;     // nodes after local functions are inlined: 1,000,000
  uint64_t loop_trips;       // rounds of all Loop and Scan bodies in one run: 1,000,000
} blok_limits;

#define BLOK_LIMITS_INIT \
  { sizeof(blok_limits), 0, 0, 0, 0, 0, 0, 0, 0 }

// Called with each warning: one line, valid during the call.
typedef void (*blok_warn_fn)(void *context, const char *message);

// Called now and then during long work. done and total count the same unit (bytes, nodes, steps). A
// result other than 0 asks to stop: the call ends with BLOK_E_CANCELLED.
typedef int (*blok_progress_fn)(void *context, const char *what, uint64_t done, uint64_t total);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_TYPES_H
