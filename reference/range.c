// Range and CumSum: sums that run on.
#include "graph/ops/range.h"

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"

static blok_status check_range(const blok_ref_call *call, int64_t count, blok_error *error) {
  const blok_tensor *out = call->out[0];
  if (out->rank == 1 && out->dims[0] == count) return BLOK_OK;
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "there are %lld elements, room is for %s",
                       (long long)count, blok_print_dims(out->dims, out->rank).text);
}

blok_status blok_ref_Range(blok_ref_call *call, blok_error *error) {
  const blok_tensor *out = call->out[0];
  for (uint32_t slot = 0; slot < 3; slot++) {
    if (blok_ref_count(call->in[slot]) != 1 || call->in[slot]->dtype != out->dtype) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %u is not one number of type %s", slot,
                           blok_dtype_name(out->dtype));
    }
  }
  if (blok_dtype_is_integer(out->dtype)) {
    int64_t start = blok_ref_load_i64(call->in[0], 0);
    int64_t delta = blok_ref_load_i64(call->in[2], 0);
    int64_t count = blok_range_count_i64(start, blok_ref_load_i64(call->in[1], 0), delta);
    BLOK_TRY(check_range(call, count, error));
    for (int64_t i = 0; i < count; i++) {
      uint64_t value = (uint64_t)start + (uint64_t)i * (uint64_t)delta;
      blok_ref_store_i64(out, (size_t)i, (int64_t)value);
    }
    return BLOK_OK;
  }
  if (!blok_dtype_is_float(out->dtype)) return blok_ref_unsupported_type(call, error, out->dtype);
  double start = blok_ref_load(call->in[0], 0);
  double delta = blok_ref_load(call->in[2], 0);
  int64_t count = blok_range_count(start, blok_ref_load(call->in[1], 0), delta);
  BLOK_TRY(check_range(call, count, error));
  for (int64_t i = 0; i < count; i++) {
    blok_ref_store(out, (size_t)i, start + (double)i * delta);
  }
  return BLOK_OK;
}

// ---- CumSum -------------------------------------------------------------------------------------

typedef struct running {
  size_t length, step;
  bool exclusive, reverse, floats;
} running;

// The elements first, first + step, ...: each becomes the sum of those before it and, unless
// exclusive, itself.
static void sum_up(const running *of, const blok_tensor *in, const blok_tensor *out, size_t first) {
  double sum = 0.0;
  uint64_t whole = 0;
  for (size_t i = 0; i < of->length; i++) {
    size_t at = first + (of->reverse ? of->length - 1 - i : i) * of->step;
    if (of->floats) {
      double before = sum;
      sum += blok_ref_load(in, at);
      blok_ref_store(out, at, of->exclusive ? before : sum);
    } else {
      uint64_t before = whole;
      whole += (uint64_t)blok_ref_load_i64(in, at);
      blok_ref_store_i64(out, at, (int64_t)(of->exclusive ? before : whole));
    }
  }
}

blok_status blok_ref_CumSum(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *axis_in = call->in[1];
  bool floats = blok_dtype_is_float(in->dtype);
  uint32_t axis = 0;
  if (!floats && !blok_dtype_is_integer(in->dtype)) {
    return blok_ref_unsupported_type(call, error, in->dtype);
  }
  if (blok_ref_count(axis_in) != 1 || !blok_dtype_is_integer(axis_in->dtype) ||
      !blok_axis_normal(blok_ref_load_i64(axis_in, 0), in->rank, &axis)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis is not one of input %s",
                         blok_print_dims(in->dims, in->rank).text);
  }
  if (blok_ref_count(in) == 0) return BLOK_OK;
  running of = {.length = (size_t)in->dims[axis],
                .step = 1,
                .exclusive = blok_node_int(call->node, "exclusive", 0) != 0,
                .reverse = blok_node_int(call->node, "reverse", 0) != 0,
                .floats = floats};
  for (uint32_t i = axis + 1; i < in->rank; i++) of.step *= (size_t)in->dims[i];
  size_t block = of.length * of.step;
  size_t outer = blok_ref_count(in) / block;
  for (size_t o = 0; o < outer; o++) {
    for (size_t i = 0; i < of.step; i++) sum_up(&of, in, call->out[0], o * block + i);
  }
  return BLOK_OK;
}
