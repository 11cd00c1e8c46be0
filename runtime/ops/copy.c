// Operators whose result is the bytes of their input: Flatten, Identity, Reshape, Squeeze,
// Unsqueeze, and Dropout and Cast that change nothing. They cost no step.
#include "runtime/ops/copy.h"

#include "base/error.h"
#include "reference/reference.h"

// Images and channels stay axes of their own: the blocked form is the same bytes too.
static bool keeps_channels(const blok_lowering *lowering, blok_value_id value,
                           const blok_tensor *in, const blok_tensor *out) {
  return blok_lower_is_blocked(lowering, value) && (out->rank == 3 || out->rank == 4) &&
         in->dims[0] == out->dims[0] && in->dims[1] == out->dims[1];
}

blok_status blok_lower_same_bytes(blok_lowering *lowering, blok_value_id from, blok_value_id to,
                                  blok_error *error) {
  blok_tensor in, out;
  blok_buffer_id id;
  if (blok_lower_shape(lowering, from, &in) && blok_lower_shape(lowering, to, &out) &&
      keeps_channels(lowering, from, &in, &out)) {
    BLOK_TRY(blok_lower_blocked(lowering, from, &id, error));
    return blok_lower_view_blocked(lowering, to, id, 0, error);
  }
  BLOK_TRY(blok_lower_plain(lowering, from, &id, error));
  return blok_lower_view(lowering, to, id, 0, error);
}

// Channels in their own order.
static blok_status map_of(blok_lowering *lowering, blok_value_id value, blok_channel_map *out,
                          blok_error *error) {
  const uint32_t channels = (uint32_t)blok_lower_fact(lowering, value)->dims[1].value;
  BLOK_TRY(blok_channel_map_new(lowering, channels, 1, out, error));
  for (uint32_t c = 0; c < channels; c++) out->lanes[c] = (blok_lane){0, c};
  return blok_lower_blocked(lowering, value, &out->sources[0], error);
}

// The first Reshape of a channel shuffle makes the shuffle's end.
static blok_status shuffle(blok_lowering *lowering, const blok_node *node, bool *done,
                           blok_error *error) {
  const blok_value_id value = blok_node_input(node, 0);
  blok_shuffle found;
  blok_channel_map map;
  if (blok_lower_shuffled(lowering, node)) {
    *done = true;
    return BLOK_OK;
  }
  const blok_fact *in = blok_lower_fact(lowering, value);
  const blok_fact *out = blok_lower_fact(lowering, node->outputs[0]);
  if (out->rank != in->rank + 1 || !blok_lower_is_blocked(lowering, value) ||
      !blok_lower_shuffle(lowering, value, &found)) {
    return BLOK_OK;
  }
  *done = true;
  BLOK_TRY(map_of(lowering, value, &map, error));
  return blok_lower_shuffle_ends(lowering, &found, &map, error);
}

blok_status blok_lower_reshape(blok_lowering *lowering, const blok_region *region, bool *done,
                               blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out, target;
  if (!blok_lower_lone(lowering, region, &in, &out) || in.bytes != out.bytes) return BLOK_OK;
  if (blok_node_input(node, 1).i) {
    // Where the run gives the shape or axes they have to be looked at: the reference does that.
    bool known;
    BLOK_TRY(blok_lower_known(lowering, node->inputs[1], &target, &known, error));
    if (!known) return BLOK_OK;
  }
  if (node->op == BLOK_OP_Reshape) {
    BLOK_TRY(shuffle(lowering, node, done, error));
    if (*done) return BLOK_OK;
  }
  *done = true;
  return blok_lower_same_bytes(lowering, node->inputs[0], node->outputs[0], error);
}

blok_status blok_lower_dropout(blok_lowering *lowering, const blok_region *region, bool *done,
                               blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out, training;
  if (!blok_lower_lone(lowering, region, &in, &out)) return BLOK_OK;
  if (blok_node_output(node, 1).i) return BLOK_OK;  // the mask
  if (blok_node_input(node, 2).i) {
    bool known;
    BLOK_TRY(blok_lower_known(lowering, node->inputs[2], &training, &known, error));
    if (!known || training.bytes != 1 || *(const uint8_t *)training.data) return BLOK_OK;
  }
  *done = true;
  return blok_lower_same_bytes(lowering, node->inputs[0], node->outputs[0], error);
}

// ---- Cast ---------------------------------------------------------------------------------------

typedef struct cast_args {
  blok_cast job;
  blok_buffer_id from, to;
} cast_args;

static void run_cast(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  (void)worker;
  const cast_args *args = call->args;
  blok_cast job = args->job;
  job.from = call->data[args->from];
  job.to = call->data[args->to];
  blok_cast_run(&job, first, last);
}

blok_status blok_lower_cast(blok_lowering *lowering, const blok_region *region, bool *done,
                            blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out;
  if (!blok_lower_lone(lowering, region, &in, &out)) return BLOK_OK;
  if (in.dtype == out.dtype) {
    *done = true;
    return blok_lower_same_bytes(lowering, node->inputs[0], node->outputs[0], error);
  }
  if (!blok_cast_has(in.dtype, out.dtype)) return BLOK_OK;
  cast_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  if (!args) return blok_fail_memory(error, sizeof *args);
  args->job.from_dtype = in.dtype;
  args->job.to_dtype = out.dtype;
  args->job.count = blok_ref_count(&out);
  const size_t cells = blok_cast_cells(&args->job);
  if (cells > UINT32_MAX) return BLOK_OK;
  *done = true;
  BLOK_TRY(blok_lower_plain(lowering, node->inputs[0], &args->from, error));
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &args->to, error));
  const blok_step step = {.kernel = "cast",
                          .run = run_cast,
                          .args = args,
                          .n_reads = 1,
                          .reads = &args->from,
                          .n_writes = 1,
                          .writes = &args->to,
                          .cells = (uint32_t)cells,
                          .bytes = in.bytes + out.bytes};
  return blok_lower_step(lowering, &step, error);
}
