// InstanceNormalization, GroupNormalization and LpNormalization.
#include <math.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"

// Takes the mean off, in two passes, and gives the population variance.
static double centre(double *cells, size_t count) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) sum += cells[i];
  double mean = sum / (double)count;
  for (size_t i = 0; i < count; i++) {
    cells[i] -= mean;
    squares += cells[i] * cells[i];
  }
  return squares / (double)count;
}

// An InstanceNormalization is one whose groups have one channel each.
blok_status blok_ref_GroupNorm(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  if (!blok_dtype_is_float(x->dtype)) return blok_ref_unsupported_type(call, error, x->dtype);
  bool instance = call->node->op == BLOK_OP_InstanceNormalization;
  size_t channels = x->rank >= 2 ? (size_t)x->dims[1] : 0;
  int64_t asked = instance ? (int64_t)channels : blok_node_int(call->node, "num_groups", 0);
  size_t plane = 0, size = 0;
  bool agree = x->rank >= 2 && blok_ref_count(call->in[1]) == channels &&
               blok_ref_count(call->in[2]) == channels &&
               (channels == 0 || (asked >= 1 && channels % (size_t)asked == 0)) &&
               blok_dims_count(x->dims + 2, x->rank - 2, &plane);
  if (!agree) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE,
                         "input %s and its groups, scale and bias disagree",
                         blok_print_dims(x->dims, x->rank).text);
  }
  if (blok_ref_count(x) == 0) return BLOK_OK;
  size_t groups = (size_t)asked, members = channels / groups;
  double epsilon = (double)blok_node_float(call->node, "epsilon", 1e-5f);
  double *cells;
  if (!blok_mul_size(members, plane, &size)) return blok_fail_memory(error, SIZE_MAX);
  BLOK_TRY(blok_ref_scratch(call, size, sizeof(double), &cells, error));
  for (size_t g = 0; g < (size_t)x->dims[0] * groups; g++) {
    blok_ref_load_many(x, g * size, size, cells);
    double deviation = sqrt(centre(cells, size) + epsilon);
    for (size_t m = 0; m < members; m++) {
      size_t channel = g % groups * members + m;
      double scale = blok_ref_load(call->in[1], channel);
      double bias = blok_ref_load(call->in[2], channel);
      double *from = cells + m * plane;
      for (size_t i = 0; i < plane; i++) from[i] = from[i] / deviation * scale + bias;
    }
    blok_ref_store_many(call->out[0], g * size, size, cells);
  }
  blok_free(call->allocator, cells);
  return BLOK_OK;
}

// ---- LpNormalization ----------------------------------------------------------------------------

// cells[0], cells[step], ...: count of them, divided by their norm. What is all 0 stays so.
static void divide_by_norm(double *cells, size_t count, size_t step, bool squared) {
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    double cell = cells[i * step];
    sum += squared ? cell * cell : fabs(cell);
  }
  double norm = squared ? sqrt(sum) : sum;
  if (norm == 0.0) return;
  for (size_t i = 0; i < count; i++) cells[i * step] /= norm;
}

blok_status blok_ref_LpNorm(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  if (!blok_dtype_is_float(x->dtype)) return blok_ref_unsupported_type(call, error, x->dtype);
  int64_t p = blok_node_int(call->node, "p", 2);
  int64_t asked = blok_node_int(call->node, "axis", -1);
  uint32_t axis;
  if (p != 1 && p != 2) {
    return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED, "p is %lld; 1 and 2 are supported",
                         (long long)p);
  }
  if (!blok_axis_normal(asked, x->rank, &axis)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis %lld is not one of input %s",
                         (long long)asked, blok_print_dims(x->dims, x->rank).text);
  }
  if (blok_ref_count(x) == 0) return BLOK_OK;
  size_t outer, inner, length = (size_t)x->dims[axis];
  if (!blok_dims_count(x->dims, axis, &outer) ||
      !blok_dims_count(x->dims + axis + 1, x->rank - axis - 1, &inner)) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  double *cells;
  BLOK_TRY(blok_ref_scratch(call, length * inner, sizeof(double), &cells, error));
  for (size_t o = 0; o < outer; o++) {
    blok_ref_load_many(x, o * length * inner, length * inner, cells);
    for (size_t i = 0; i < inner; i++) divide_by_norm(cells + i, length, inner, p == 2);
    blok_ref_store_many(call->out[0], o * length * inner, length * inner, cells);
  }
  blok_free(call->allocator, cells);
  return BLOK_OK;
}
