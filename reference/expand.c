// Expand: an input repeated to a shape, as broadcasting does.
#include "base/error.h"
#include "reference/reference.h"
#include "reference/walk.h"

blok_status blok_ref_Expand(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(in->dtype);
  int64_t to_strides[BLOK_MAX_RANK];
  int64_t from_strides[BLOK_MAX_RANK];
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  // Inference may have found the result's shape without the numbers that a run gives.
  const blok_tensor *shape = blok_ref_in(call, 1);
  size_t n = blok_ref_count(shape);
  for (uint32_t i = 0; i < n; i++) {
    int64_t wanted = blok_ref_load_i64(shape, i);
    size_t back = n - i;
    if (wanted == 1 || (back <= out->rank && wanted == out->dims[out->rank - back])) continue;
    return blok_ref_fail(call, error, BLOK_E_SHAPE,
                         "input %s cannot be expanded to a shape whose axis %u is %lld",
                         blok_print_dims(in->dims, in->rank).text, i, (long long)wanted);
  }
  blok_ref_strides(out, to_strides);
  blok_ref_broadcast_strides(in, out, from_strides);
  blok_walk_copy(size, out->rank, out->dims, out->data, to_strides, in->data, from_strides);
  return BLOK_OK;
}
