// DepthToSpace and SpaceToDepth: the elements of six axes in another order.
#include "base/error.h"
#include "reference/reference.h"
#include "reference/walk.h"

blok_status blok_ref_DepthToSpace(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(in->dtype);
  int64_t block = blok_node_int(call->node, "blocksize", 0);
  bool to_space = call->node->op == BLOK_OP_DepthToSpace;
  bool columns = blok_node_text_is(call->node, "mode", "DCR", "CRD");
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  if (!columns && !blok_node_text_is(call->node, "mode", "DCR", "DCR")) {
    return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED, "mode is neither DCR nor CRD");
  }
  if (in->rank != 4 || out->rank != 4 || block < 1) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s cannot be cut in blocks of %lld",
                         blok_print_dims(in->dims, in->rank).text, (long long)block);
  }
  // deep: the side with more channels; wide: the one with more places. Axes: image, channel, row
  // and column of a block, block's row and column.
  const blok_tensor *deep = to_space ? in : out;
  const blok_tensor *wide = to_space ? out : in;
  int64_t channels = wide->dims[1], height = deep->dims[2], width = deep->dims[3];
  int64_t plane = height * width;
  int64_t dims[6] = {in->dims[0], channels, block, block, height, width};
  int64_t deep_strides[6] = {deep->dims[1] * plane, plane, block * channels * plane,
                             channels * plane,      width, 1};
  if (columns) {
    deep_strides[1] = block * block * plane;
    deep_strides[2] = block * plane;
    deep_strides[3] = plane;
  }
  int64_t row = width * block;
  int64_t wide_strides[6] = {
      channels * height * block * row, height * block * row, row, 1, block * row, block};
  blok_walk_copy(size, 6, dims, out->data, to_space ? wide_strides : deep_strides, in->data,
                 to_space ? deep_strides : wide_strides);
  return BLOK_OK;
}
