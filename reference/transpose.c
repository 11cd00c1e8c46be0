// Transpose: the axes in another order.
#include "base/error.h"
#include "reference/reference.h"
#include "reference/walk.h"

blok_status blok_ref_Transpose(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(in->dtype);
  uint32_t n = 0;
  const int64_t *perm = blok_node_ints(call->node, "perm", &n);
  bool reversed = !blok_node_attr(call->node, "perm");
  int64_t own[BLOK_MAX_RANK];
  int64_t to_strides[BLOK_MAX_RANK];
  int64_t from_strides[BLOK_MAX_RANK];
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  if (!reversed && n != in->rank) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "perm has %u axes, the input %u", n, in->rank);
  }
  blok_ref_strides(in, own);
  blok_ref_strides(out, to_strides);
  for (uint32_t i = 0; i < in->rank; i++) {
    int64_t from = reversed ? (int64_t)in->rank - 1 - (int64_t)i : perm[i];
    if (from < 0 || from >= (int64_t)in->rank || in->dims[from] != out->dims[i]) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "perm %s is no order of the axes of input %s",
                           blok_print_dims(perm, n).text, blok_print_dims(in->dims, in->rank).text);
    }
    from_strides[i] = own[from];
  }
  blok_walk_copy(size, out->rank, out->dims, out->data, to_strides, in->data, from_strides);
  return BLOK_OK;
}
