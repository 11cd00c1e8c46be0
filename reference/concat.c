// Concat: inputs laid behind each other along one axis.
#include "base/error.h"
#include "graph/infer.h"
#include "reference/reference.h"
#include "reference/walk.h"

blok_status blok_ref_Concat(blok_ref_call *call, blok_error *error) {
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(out->dtype);
  int64_t asked = blok_node_int(call->node, "axis", 0);
  uint32_t axis = 0;
  if (size == 0) return blok_ref_unsupported_type(call, error, out->dtype);
  if (!blok_axis_normal(asked, out->rank, &axis)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis %lld is out of range for output %s",
                         (long long)asked, blok_print_dims(out->dims, out->rank).text);
  }
  int64_t to_strides[BLOK_MAX_RANK];
  int64_t from_strides[BLOK_MAX_RANK];
  int64_t done = 0;
  blok_ref_strides(out, to_strides);
  for (uint32_t i = 0; i < call->n_in; i++) {
    const blok_tensor *in = call->in[i];
    if (!in || in->dtype != out->dtype || in->rank != out->rank ||
        in->dims[axis] > out->dims[axis] - done) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %u does not fit output %s", i,
                           blok_print_dims(out->dims, out->rank).text);
    }
    blok_ref_strides(in, from_strides);
    unsigned char *to = (unsigned char *)out->data;
    if (blok_ref_count(in) > 0) {
      to += (size_t)done * (size_t)to_strides[axis] * size;
      blok_walk_copy(size, in->rank, in->dims, to, to_strides, in->data, from_strides);
    }
    done += in->dims[axis];
  }
  return BLOK_OK;
}
