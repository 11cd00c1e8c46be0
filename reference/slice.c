// Slice: from start to end in steps, on each of some axes.
#include "base/error.h"
#include "graph/infer.h"
#include "graph/ops/geometry.h"
#include "reference/reference.h"
#include "reference/walk.h"

// Input slot as n numbers; left out, it counts as said by fallback (its first, and what is added
// from one to the next).
static blok_status read_list(const blok_ref_call *call, uint32_t slot, const char *what,
                             int64_t *values, uint32_t n, int64_t fallback, int64_t more,
                             blok_error *error) {
  const blok_tensor *in = blok_ref_in(call, slot);
  uint32_t have = 0;
  for (uint32_t i = 0; i < n; i++) values[i] = fallback + more * (int64_t)i;
  if (!in) return BLOK_OK;
  if (blok_ref_ints(in, values, BLOK_MAX_RANK, &have) && have == n) return BLOK_OK;
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "%s does not hold %u integers", what, n);
}

blok_status blok_ref_Slice(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(in->dtype);
  int64_t starts[BLOK_MAX_RANK];
  int64_t ends[BLOK_MAX_RANK];
  int64_t axes[BLOK_MAX_RANK];
  int64_t steps[BLOK_MAX_RANK];
  int64_t to_strides[BLOK_MAX_RANK];
  int64_t from_strides[BLOK_MAX_RANK];
  bool seen[BLOK_MAX_RANK] = {false};
  int64_t base = 0;
  uint32_t n = 0;
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  if (!blok_ref_ints(call->in[1], starts, BLOK_MAX_RANK, &n)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "starts is no small tensor of integers");
  }
  BLOK_TRY(read_list(call, 2, "ends", ends, n, 0, 0, error));
  BLOK_TRY(read_list(call, 3, "axes", axes, n, 0, 1, error));
  BLOK_TRY(read_list(call, 4, "steps", steps, n, 1, 0, error));
  if (blok_ref_count(in) == 0) return BLOK_OK;
  blok_ref_strides(in, from_strides);
  blok_ref_strides(out, to_strides);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t axis = 0;
    int64_t first = 0;
    int64_t count = 0;
    if (!blok_axis_normal(axes[i], in->rank, &axis) || seen[axis] || steps[i] == 0) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis %lld with step %lld of input %s",
                           (long long)axes[i], (long long)steps[i],
                           blok_print_dims(in->dims, in->rank).text);
    }
    seen[axis] = true;
    blok_slice_range(in->dims[axis], starts[i], ends[i], steps[i], &first, &count);
    if (count != out->dims[axis]) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis %u has %lld elements, its output %lld",
                           axis, (long long)count, (long long)out->dims[axis]);
    }
    base += first * from_strides[axis];
    // The step of a single element is never taken, and may be too large to multiply.
    from_strides[axis] = count > 1 ? from_strides[axis] * steps[i] : 0;
  }
  const unsigned char *from = in->data;
  if (blok_ref_count(out) == 0) return BLOK_OK;
  blok_walk_copy(size, out->rank, out->dims, out->data, to_strides, from + (size_t)base * size,
                 from_strides);
  return BLOK_OK;
}
