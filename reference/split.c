// Split: one axis cut into parts, an output each.
#include "base/error.h"
#include "graph/ops/geometry.h"
#include "reference/reference.h"
#include "reference/walk.h"

blok_status blok_ref_Split(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  size_t size = blok_dtype_size(in->dtype);
  uint32_t axis = 0;
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  BLOK_TRY(blok_ref_axis(call, in, &axis, error));
  const blok_tensor *sizes = blok_ref_in(call, 1);
  if (sizes && (sizes->dtype != BLOK_I64 || blok_ref_count(sizes) != call->n_out)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "split does not hold %u integers", call->n_out);
  }
  int64_t from_strides[BLOK_MAX_RANK];
  int64_t to_strides[BLOK_MAX_RANK];
  int64_t done = 0;
  blok_ref_strides(in, from_strides);
  for (uint32_t i = 0; i < call->n_out; i++) {
    const blok_tensor *out = call->out[i];
    int64_t part = blok_split_part(in->dims[axis], call->n_out, i);
    if (sizes) part = blok_ref_load_i64(sizes, i);
    if (part < 0 || part > in->dims[axis] - done || (out && out->dims[axis] != part)) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE,
                           "part %u of %lld elements does not fit axis %u of input %s", i,
                           (long long)part, axis, blok_print_dims(in->dims, in->rank).text);
    }
    if (out && blok_ref_count(out) > 0) {
      const unsigned char *from = in->data;
      blok_ref_strides(out, to_strides);
      blok_walk_copy(size, in->rank, out->dims, out->data, to_strides,
                     from + (size_t)done * (size_t)from_strides[axis] * size, from_strides);
    }
    done += part;
  }
  return BLOK_OK;
}
