// Transpose: as a view where only axes of one element move, between the blocked layout and channels
// last in one step, else as a copy between strides.
#include "base/error.h"
#include "runtime/ops/copy.h"
#include "runtime/ops/reorder.h"

// perm as axes of the input; false when it is none.
static bool read_perm(const blok_node *node, const blok_tensor *in, const blok_tensor *out,
                      uint32_t *perm) {
  uint32_t n;
  const int64_t *given = blok_node_ints(node, "perm", &n);
  const bool reversed = !blok_node_attr(node, "perm");
  if (out->rank != in->rank || (!reversed && n != in->rank)) return false;
  for (uint32_t i = 0; i < in->rank; i++) {
    const int64_t axis = reversed ? (int64_t)(in->rank - 1 - i) : given[i];
    if (axis < 0 || axis >= in->rank || in->dims[axis] != out->dims[i]) return false;
    perm[i] = (uint32_t)axis;
  }
  return true;
}

// The axes of more than one element stay in their order.
static bool moves_nothing(const blok_tensor *in, const uint32_t *perm) {
  uint32_t least = 0;
  for (uint32_t i = 0; i < in->rank; i++) {
    if (in->dims[perm[i]] == 1) continue;
    if (perm[i] < least) return false;
    least = perm[i];
  }
  return true;
}

// [n, c, ...] to [n, ..., c].
static bool puts_channels_last(const blok_tensor *in, const uint32_t *perm) {
  if ((in->rank != 3 && in->rank != 4) || perm[0] != 0 || perm[in->rank - 1] != 1) return false;
  for (uint32_t i = 1; i + 1 < in->rank; i++) {
    if (perm[i] != i + 1) return false;
  }
  return true;
}

// [n, ..., c] to [n, c, ...].
static bool puts_channels_first(const blok_tensor *in, const uint32_t *perm) {
  if ((in->rank != 3 && in->rank != 4) || perm[0] != 0 || perm[1] != in->rank - 1) return false;
  for (uint32_t i = 2; i < in->rank; i++) {
    if (perm[i] != i - 1) return false;
  }
  return true;
}

static blok_status copy_turned(blok_lowering *lowering, const blok_node *node,
                               const blok_tensor *in, const blok_tensor *out, const uint32_t *perm,
                               blok_error *error) {
  ptrdiff_t from[BLOK_MAX_RANK];
  blok_copy_part *part = blok_lower_alloc(lowering, 1, sizeof *part);
  if (!part) return blok_fail_memory(error, sizeof *part);
  BLOK_TRY(blok_lower_plain(lowering, node->inputs[0], &part->from, error));
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &part->to, error));
  part->job.size = blok_lower_element(in);
  part->job.rank = out->rank;
  blok_copy_strides(in, from);
  blok_copy_strides(out, part->job.to_stride);
  for (uint32_t i = 0; i < out->rank; i++) {
    part->job.dims[i] = (size_t)out->dims[i];
    part->job.from_stride[i] = from[perm[i]];
  }
  return blok_lower_copies(lowering, "transpose", 1, part, error);
}

blok_status blok_lower_transpose(blok_lowering *lowering, const blok_region *region, bool *done,
                                 blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out;
  uint32_t perm[BLOK_MAX_RANK];
  blok_buffer_id from, to;
  if (!blok_lower_lone(lowering, region, &in, &out) || !read_perm(node, &in, &out, perm)) {
    return BLOK_OK;
  }
  if (!blok_lower_element(&in)) return BLOK_OK;
  const blok_value_id source = node->inputs[0], result = node->outputs[0];
  *done = true;
  if (blok_lower_shuffled(lowering, node)) return BLOK_OK;
  if (puts_channels_last(&in, perm) && blok_lower_is_blocked(lowering, source)) {
    BLOK_TRY(blok_lower_blocked(lowering, source, &from, error));
    BLOK_TRY(blok_lower_output(lowering, result, BLOK_PLAIN, &to, error));
    return blok_lower_reorder_to(lowering, from, to, true, error);
  }
  if (puts_channels_first(&in, perm) && blok_lower_prefers_blocked(lowering, result)) {
    BLOK_TRY(blok_lower_plain(lowering, source, &from, error));
    BLOK_TRY(blok_lower_output(lowering, result, BLOK_BLOCKED, &to, error));
    return blok_lower_reorder_to(lowering, from, to, true, error);
  }
  if (moves_nothing(&in, perm)) {
    BLOK_TRY(blok_lower_plain(lowering, source, &from, error));
    return blok_lower_view(lowering, result, from, 0, error);
  }
  return copy_turned(lowering, node, &in, &out, perm, error);
}
