// Concat. Blocked and along the channels, an input may stand in the result already (it was made
// there); the others are moved: whole blocks as they are, else lane by lane. Plain, every input is
// a copy between strides, all of one step.
#include "base/error.h"
#include "graph/infer.h"
#include "runtime/ops/copy.h"

// ---- Blocked ------------------------------------------------------------------------------------

// Result or, where it is shuffled at once, what comes of it, is read blocked.
static bool wants_blocked(const blok_lowering *lowering, const blok_node *node,
                          blok_shuffle *shuffle) {
  *shuffle = (blok_shuffle){0};
  if (blok_lower_prefers_blocked(lowering, node->outputs[0])) return true;
  bool any = false;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    any = any || blok_lower_is_blocked(lowering, node->inputs[i]);
  }
  return any && blok_lower_shuffle(lowering, node->outputs[0], shuffle);
}

static uint32_t channels_of(const blok_lowering *lowering, blok_value_id value) {
  return (uint32_t)blok_lower_fact(lowering, value)->dims[1].value;
}

// Where a buffer lies: the one at the root, and the byte in it.
static blok_buffer_id place_of(const blok_lowering *lowering, blok_buffer_id id, size_t *offset) {
  *offset = blok_lower_buffer(lowering, id)->offset;
  return blok_lower_root(lowering, id);
}

// The input is already the channels of `to` from first on.
static bool stands_there(const blok_lowering *lowering, blok_buffer_id input, blok_buffer_id to,
                         uint32_t first) {
  const blok_planes *whole = &blok_lower_buffer(lowering, to)->planes;
  const uint32_t lanes = blok_lower_isa(lowering)->lanes;
  size_t at, base;
  if (first % lanes != 0) return false;
  if (place_of(lowering, input, &at) != place_of(lowering, to, &base)) return false;
  return at == base + first / lanes * whole->plane_stride * sizeof(float);
}

// Channels of the inputs, one behind another. What stands in `to` (0: nothing is made yet) is taken
// from there, which is no work; *moves says whether there is any.
static blok_status inputs_map(blok_lowering *lowering, const blok_node *node, blok_buffer_id to,
                              blok_channel_map *map, bool *moves, blok_error *error) {
  const uint32_t channels = channels_of(lowering, node->outputs[0]);
  BLOK_TRY(blok_channel_map_new(lowering, channels, node->n_inputs, map, error));
  uint32_t first = 0;
  *moves = false;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    BLOK_TRY(blok_lower_blocked(lowering, node->inputs[i], &map->sources[i], error));
    const uint32_t own = channels_of(lowering, node->inputs[i]);
    const bool there = to && stands_there(lowering, map->sources[i], to, first);
    if (there) map->sources[i] = to;
    *moves = *moves || !there;
    for (uint32_t k = 0; k < own; k++) {
      map->lanes[first + k] = (blok_lane){(uint16_t)i, there ? first + k : k};
    }
    first += own;
  }
  return BLOK_OK;
}

static blok_status concat_blocked(blok_lowering *lowering, const blok_node *node,
                                  const blok_shuffle *shuffle, blok_error *error) {
  blok_channel_map map;
  bool moves;
  if (shuffle->end.i) {
    BLOK_TRY(inputs_map(lowering, node, 0, &map, &moves, error));
    return blok_lower_shuffle_ends(lowering, shuffle, &map, error);
  }
  blok_buffer_id to;
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_BLOCKED, &to, error));
  BLOK_TRY(inputs_map(lowering, node, to, &map, &moves, error));
  return moves ? blok_lower_channels(lowering, "concat", &map, to, error) : BLOK_OK;
}

// ---- Plain --------------------------------------------------------------------------------------

static blok_status concat_plain(blok_lowering *lowering, const blok_node *node,
                                const blok_tensor *out, uint32_t axis, blok_error *error) {
  blok_copy_part *parts = blok_lower_alloc(lowering, node->n_inputs, sizeof *parts);
  blok_buffer_id to;
  if (!parts) return blok_fail_memory(error, 0);
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &to, error));
  size_t offset = 0;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    blok_tensor in;
    blok_copy *job = &parts[i].job;
    BLOK_TRY(blok_lower_plain(lowering, node->inputs[i], &parts[i].from, error));
    in = blok_lower_buffer(lowering, parts[i].from)->shape;
    parts[i].to = to;
    parts[i].to_offset = offset;
    job->size = blok_lower_element(out);
    job->rank = out->rank;
    blok_copy_strides(&in, job->from_stride);
    blok_copy_strides(out, job->to_stride);
    for (uint32_t d = 0; d < out->rank; d++) job->dims[d] = (size_t)in.dims[d];
    offset += (size_t)in.dims[axis] * (size_t)job->to_stride[axis];
  }
  return blok_lower_copies(lowering, "concat", node->n_inputs, parts, error);
}

// All inputs are there, of the result's type and rank, and their sizes along the axis add up.
static bool fits(const blok_lowering *lowering, const blok_node *node, const blok_tensor *out,
                 uint32_t axis) {
  int64_t sum = 0;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    blok_tensor in;
    if (!node->inputs[i].i || !blok_lower_shape(lowering, node->inputs[i], &in) ||
        in.dtype != out->dtype || in.rank != out->rank) {
      return false;
    }
    for (uint32_t d = 0; d < in.rank; d++) {
      if (d != axis && in.dims[d] != out->dims[d]) return false;
    }
    sum += in.dims[axis];
  }
  return sum == out->dims[axis] && node->n_inputs < BLOK_LANE_ZERO;
}

blok_status blok_lower_concat(blok_lowering *lowering, const blok_region *region, bool *done,
                              blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out;
  uint32_t axis;
  blok_shuffle shuffle;
  if (!blok_lower_lone(lowering, region, &in, &out) || !blok_lower_element(&out) ||
      !blok_axis_normal(blok_node_int(node, "axis", 0), out.rank, &axis) ||
      !fits(lowering, node, &out, axis)) {
    return BLOK_OK;
  }
  *done = true;
  if (node->n_inputs == 1) {
    return blok_lower_same_bytes(lowering, node->inputs[0], node->outputs[0], error);
  }
  const bool channels = axis == 1 && out.dtype == BLOK_F32 && (out.rank == 3 || out.rank == 4);
  if (channels && wants_blocked(lowering, node, &shuffle)) {
    return concat_blocked(lowering, node, &shuffle, error);
  }
  return concat_plain(lowering, node, &out, axis, error);
}
