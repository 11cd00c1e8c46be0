// The reference interpreter: every operator plain, slow, obviously right.
//
// Floats (f16, bf16, f32, f64) are computed with double accumulators and rounded once at the end;
// integers are exact and wrap. Constants are folded by it, kernels are tested against it, and it
// runs what has no kernel. A call is a pure function of its inputs and attributes.
#ifndef BLOK_REFERENCE_REFERENCE_H
#define BLOK_REFERENCE_REFERENCE_H

#include <blok/types.h>

#include "graph/graph.h"

typedef struct blok_ref_call blok_ref_call;
struct blok_ref_call {
  const blok_graph *graph;
  const blok_node *node;
  uint32_t n_in, n_out;
  const blok_tensor *const *in;  // NULL for an input left out
  // Each has dtype, rank, dims as inference gave them and data of that size; NULL for an output
  // left out. Where only the values tell the size (NonZero), data is NULL and the function calls
  // resize.
  blok_tensor *const *out;
  const blok_allocator *allocator;  // for scratch
  // Sets out[slot]'s dims and makes its data. Set by the caller.
  blok_status (*resize)(blok_ref_call *call, uint32_t slot, uint32_t rank, const int64_t *dims,
                        blok_error *error);
  void *context;
};

// Computes the node's outputs. BLOK_E_UNSUPPORTED names an operator or element type that the
// reference does not have; BLOK_E_SHAPE what only the values show (an index out of range). The
// outputs' shapes must be those of inference on the same inputs. Thread-safe.
BLOK_MUST_CHECK blok_status blok_reference_run(blok_ref_call *call, blok_error *error);

// True when the reference has the operator (If and other control flow are the engine's).
bool blok_reference_has(blok_op op);

// ---- For the functions --------------------------------------------------------------------------

static inline const blok_tensor *blok_ref_in(const blok_ref_call *call, uint32_t slot) {
  return slot < call->n_in ? call->in[slot] : NULL;
}

// "Gather node 'x': " + text.
blok_status blok_ref_fail(const blok_ref_call *call, blok_error *error, blok_status status,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));
// "... : elements of type string are not supported here".
blok_status blok_ref_unsupported_type(const blok_ref_call *call, blok_error *error,
                                      blok_dtype dtype);

// The attribute axis (default 0) as an axis of in; BLOK_E_SHAPE when it is out of range.
BLOK_MUST_CHECK blok_status blok_ref_axis(const blok_ref_call *call, const blok_tensor *in,
                                          uint32_t *out, blok_error *error);

// Element i as double (floats, integers, bool), and back with rounding or wrapping as Cast does.
// For float types and integers of up to 32 bits exact; use the i64 forms for wide integers.
double blok_ref_load(const blok_tensor *tensor, size_t i);
void blok_ref_store(const blok_tensor *tensor, size_t i, double value);
int64_t blok_ref_load_i64(const blok_tensor *tensor, size_t i);  // integers, bool; u64 as bits
void blok_ref_store_i64(const blok_tensor *tensor, size_t i, int64_t value);  // wraps

// count elements from first on, as the single forms above do it one by one.
void blok_ref_load_many(const blok_tensor *tensor, size_t first, size_t count, double *out);
void blok_ref_store_many(const blok_tensor *tensor, size_t first, size_t count,
                         const double *values);

// Elements: the product of dims, which inference has checked; 0 if it does not fit.
size_t blok_ref_count(const blok_tensor *tensor);

// count elements of size bytes, zeroed, from the call's allocator; freed with blok_free. *out is
// NULL on failure.
BLOK_MUST_CHECK blok_status blok_ref_scratch(const blok_ref_call *call, size_t count, size_t size,
                                             void *out, blok_error *error);

bool blok_dtype_is_float(blok_dtype dtype);    // f16, bf16, f32, f64
bool blok_dtype_is_integer(blok_dtype dtype);  // i8..i64, u8..u64; not bool
bool blok_dtype_is_unsigned(blok_dtype dtype);

// Bytes of one element as held in memory (blok_dtype_bits / 8; sizeof(blok_text) for strings; 0 for
// types packed under a byte).
size_t blok_dtype_size(blok_dtype dtype);

// Row-major strides, in elements.
void blok_ref_strides(const blok_tensor *tensor, int64_t *strides);
// Strides of in when broadcast to out's shape: 0 along repeated axes, aligned to out's rank.
void blok_ref_broadcast_strides(const blok_tensor *in, const blok_tensor *out, int64_t *strides);

// Rows of one family declare the same function again.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
#define OP(id, domain, name, infer, reference) \
  blok_status blok_ref_##reference(blok_ref_call *call, blok_error *error);
#include "graph/ops.def"
#undef OP
#pragma GCC diagnostic pop

#endif  // BLOK_REFERENCE_REFERENCE_H
