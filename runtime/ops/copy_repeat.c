// Expand, Tile, DepthToSpace and SpaceToDepth: elements repeated or in another order, as copies
// between strides.
#include <string.h>

#include "base/error.h"
#include "reference/reference.h"
#include "runtime/ops/copy.h"

// Input and output of a node as the only part of a step.
static blok_status one_part(blok_lowering *lowering, const blok_node *node, const blok_copy *job,
                            const char *kernel, blok_error *error) {
  blok_copy_part *part = blok_lower_alloc(lowering, 1, sizeof *part);
  if (!part) return blok_fail_memory(error, sizeof *part);
  part->job = *job;
  BLOK_TRY(blok_lower_plain(lowering, node->inputs[0], &part->from, error));
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &part->to, error));
  return blok_lower_copies(lowering, kernel, 1, part, error);
}

blok_status blok_lower_expand(blok_lowering *lowering, const blok_region *region, bool *done,
                              blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out, target;
  bool known;
  if (!blok_lower_lone(lowering, region, &in, &out) || !blok_lower_element(&in) ||
      in.rank > out.rank) {
    return BLOK_OK;
  }
  BLOK_TRY(blok_lower_known(lowering, blok_node_input(node, 1), &target, &known, error));
  if (!known) return BLOK_OK;
  *done = true;
  if (in.bytes == out.bytes) {
    return blok_lower_same_bytes(lowering, node->inputs[0], node->outputs[0], error);
  }
  ptrdiff_t from[BLOK_MAX_RANK];
  blok_copy job = {.size = blok_lower_element(&in), .rank = out.rank};
  const uint32_t shift = out.rank - in.rank;
  blok_copy_strides(&in, from);
  blok_copy_strides(&out, job.to_stride);
  for (uint32_t i = 0; i < out.rank; i++) {
    job.dims[i] = (size_t)out.dims[i];
    if (i >= shift && in.dims[i - shift] != 1) job.from_stride[i] = from[i - shift];
  }
  return one_part(lowering, node, &job, "expand", error);
}

blok_status blok_lower_tile(blok_lowering *lowering, const blok_region *region, bool *done,
                            blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out, repeats;
  bool known;
  if (!blok_lower_lone(lowering, region, &in, &out) || !blok_lower_element(&in) ||
      in.rank != out.rank) {
    return BLOK_OK;
  }
  BLOK_TRY(blok_lower_known(lowering, blok_node_input(node, 1), &repeats, &known, error));
  if (!known) return BLOK_OK;
  // Of each axis two: the repeats, and the input's own.
  ptrdiff_t from[BLOK_MAX_RANK], to[BLOK_MAX_RANK];
  blok_copy job = {.size = blok_lower_element(&in), .rank = 2 * in.rank};
  blok_copy_strides(&in, from);
  blok_copy_strides(&out, to);
  for (uint32_t i = 0; i < in.rank; i++) {
    job.dims[2 * i] = (size_t)(out.dims[i] / in.dims[i]);
    job.to_stride[2 * i] = to[i] * in.dims[i];
    job.dims[2 * i + 1] = (size_t)in.dims[i];
    job.from_stride[2 * i + 1] = from[i];
    job.to_stride[2 * i + 1] = to[i];
  }
  *done = true;
  return one_part(lowering, node, &job, "tile", error);
}

blok_status blok_lower_depth_to_space(blok_lowering *lowering, const blok_region *region,
                                      bool *done, blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out;
  const int64_t block = blok_node_int(node, "blocksize", 0);
  const bool to_space = node->op == BLOK_OP_DepthToSpace;
  const bool rows_first = blok_node_text_is(node, "mode", "DCR", "DCR");
  if (!blok_lower_lone(lowering, region, &in, &out) || !blok_lower_element(&in) || in.rank != 4 ||
      block < 1 || (!rows_first && !blok_node_text_is(node, "mode", "DCR", "CRD"))) {
    return BLOK_OK;
  }
  // deep: the side with more channels; wide: the one with more pixels. Axes: image, channel, row
  // and column in a block, block's row and column.
  const blok_tensor *deep = to_space ? &in : &out, *wide = to_space ? &out : &in;
  ptrdiff_t d[BLOK_MAX_RANK], w[BLOK_MAX_RANK];
  blok_copy_strides(deep, d);
  blok_copy_strides(wide, w);
  const int64_t channels = wide->dims[1];
  const ptrdiff_t channel = rows_first ? d[1] : d[1] * block * block;
  const ptrdiff_t column = rows_first ? d[1] * channels : d[1];
  const ptrdiff_t deep_strides[] = {d[0], channel, column * block, column, d[2], d[3]};
  const ptrdiff_t wide_strides[] = {w[0], w[1], w[2], w[3], w[2] * block, w[3] * block};
  const int64_t dims[] = {in.dims[0], channels, block, block, deep->dims[2], deep->dims[3]};
  blok_copy job = {.size = blok_lower_element(&in), .rank = 6};
  for (uint32_t i = 0; i < 6; i++) {
    job.dims[i] = (size_t)dims[i];
    job.from_stride[i] = to_space ? deep_strides[i] : wide_strides[i];
    job.to_stride[i] = to_space ? wide_strides[i] : deep_strides[i];
  }
  *done = true;
  return one_part(lowering, node, &job, to_space ? "depth to space" : "space to depth", error);
}
