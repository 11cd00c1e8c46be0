// Softmax, LogSoftmax and Hardmax along one axis. The largest element is taken off first so that
// nothing overflows.
#include <math.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"

// cells[0], cells[step], ...: count of them.
static void softmax(double *cells, size_t count, size_t step) {
  double largest = -(double)INFINITY, sum = 0;
  for (size_t i = 0; i < count; i++) {
    double value = cells[i * step];
    if (value > largest || isnan(value)) largest = value;
  }
  for (size_t i = 0; i < count; i++) {
    cells[i * step] = exp(cells[i * step] - largest);
    sum += cells[i * step];
  }
  for (size_t i = 0; i < count; i++) cells[i * step] /= sum;
}

static void log_softmax(double *cells, size_t count, size_t step) {
  double largest = -(double)INFINITY, sum = 0;
  for (size_t i = 0; i < count; i++) {
    double value = cells[i * step];
    if (value > largest || isnan(value)) largest = value;
  }
  for (size_t i = 0; i < count; i++) sum += exp(cells[i * step] - largest);
  double log_sum = log(sum);
  for (size_t i = 0; i < count; i++) cells[i * step] = cells[i * step] - largest - log_sum;
}

// 1 for the first of the largest, 0 for all others.
static void hardmax(double *cells, size_t count, size_t step) {
  size_t best = 0;
  for (size_t i = 1; i < count; i++) {
    if (cells[i * step] > cells[best * step]) best = i;
  }
  for (size_t i = 0; i < count; i++) cells[i * step] = i == best ? 1.0 : 0.0;
}

blok_status blok_ref_Softmax(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  blok_dtype dtype = x->dtype;
  if (!blok_dtype_is_float(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  int64_t attr = blok_node_int(call->node, "axis", -1);
  uint32_t axis;
  if (!blok_axis_normal(attr, x->rank, &axis)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis %lld is not one of input %s",
                         (long long)attr, blok_print_dims(x->dims, x->rank).text);
  }
  if (blok_ref_count(x) == 0) return BLOK_OK;
  size_t outer, inner, length = (size_t)x->dims[axis];
  if (!blok_dims_count(x->dims, axis, &outer) ||
      !blok_dims_count(x->dims + axis + 1, x->rank - axis - 1, &inner)) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  void (*apply)(double *, size_t, size_t) = softmax;
  if (call->node->op == BLOK_OP_LogSoftmax) apply = log_softmax;
  if (call->node->op == BLOK_OP_Hardmax) apply = hardmax;
  size_t block = length * inner;
  double *cells;
  BLOK_TRY(blok_ref_scratch(call, block, sizeof(double), &cells, error));
  for (size_t o = 0; o < outer; o++) {
    blok_ref_load_many(x, o * block, block, cells);
    for (size_t i = 0; i < inner; i++) apply(cells + i, length, inner);
    blok_ref_store_many(call->out[0], o * block, block, cells);
  }
  blok_free(call->allocator, cells);
  return BLOK_OK;
}
