// Gather by indices that are known before the run: a view where one slice lies together, a
// gathering of channels where the input stands blocked, else copies of rows. Indices that only the
// run gives may be out of range, which a step cannot say: the reference interpreter takes those.
#include "base/error.h"
#include "graph/infer.h"
#include "reference/reference.h"
#include "runtime/ops/copy.h"

typedef struct gather_args {
  blok_gather job;
  blok_buffer_id from, to;
} gather_args;

static void run_gather(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  (void)worker;
  const gather_args *args = call->args;
  blok_gather job = args->job;
  job.from = call->data[args->from];
  job.to = call->data[args->to];
  blok_gather_run(&job, first, last);
}

static blok_status gather_rows(blok_lowering *lowering, const blok_node *node,
                               const blok_gather *job, blok_error *error) {
  gather_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  if (!args) return blok_fail_memory(error, sizeof *args);
  args->job = *job;
  BLOK_TRY(blok_lower_plain(lowering, node->inputs[0], &args->from, error));
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &args->to, error));
  const blok_step step = {.kernel = "gather",
                          .run = run_gather,
                          .args = args,
                          .n_reads = 1,
                          .reads = &args->from,
                          .n_writes = 1,
                          .writes = &args->to,
                          .cells = (uint32_t)blok_gather_cells(job),
                          .bytes = 2 * blok_lower_buffer(lowering, args->to)->bytes};
  return blok_lower_step(lowering, &step, error);
}

static blok_status gather_channels(blok_lowering *lowering, const blok_node *node,
                                   const int64_t *indices, uint32_t n, int64_t channels,
                                   blok_error *error) {
  blok_channel_map map;
  BLOK_TRY(blok_channel_map_new(lowering, n, 1, &map, error));
  BLOK_TRY(blok_lower_blocked(lowering, node->inputs[0], &map.sources[0], error));
  for (uint32_t i = 0; i < n; i++) {
    const int64_t index = indices[i] < 0 ? indices[i] + channels : indices[i];
    map.lanes[i] = (blok_lane){0, (uint32_t)index};
  }
  return blok_lower_mapped(lowering, "gather", &map, 0, node->outputs[0], error);
}

// The indices as 64-bit numbers in the plan's arena; NULL: not known, or of another type.
static blok_status read_indices(blok_lowering *lowering, blok_value_id value, size_t *count,
                                int64_t **out, blok_error *error) {
  blok_tensor tensor;
  bool known;
  *out = NULL;
  BLOK_TRY(blok_lower_known(lowering, value, &tensor, &known, error));
  if (!known || (tensor.dtype != BLOK_I64 && tensor.dtype != BLOK_I32)) return BLOK_OK;
  *count = blok_ref_count(&tensor);
  *out = blok_lower_alloc(lowering, *count, sizeof **out);
  if (!*out) return blok_fail_memory(error, *count * sizeof **out);
  for (size_t i = 0; i < *count; i++) (*out)[i] = blok_ref_load_i64(&tensor, i);
  return BLOK_OK;
}

blok_status blok_lower_gather(blok_lowering *lowering, const blok_region *region, bool *done,
                              blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor in, out;
  uint32_t axis;
  int64_t *indices, bad;
  blok_gather job = {.wide = true, .outer = 1};
  if (!blok_lower_lone(lowering, region, &in, &out) || !blok_lower_element(&in) ||
      !blok_axis_normal(blok_node_int(node, "axis", 0), in.rank, &axis)) {
    return BLOK_OK;
  }
  BLOK_TRY(read_indices(lowering, blok_node_input(node, 1), &job.count, &indices, error));
  job.indices = indices;
  job.length = (size_t)in.dims[axis];
  if (!indices || !blok_gather_check(&job, &bad)) return BLOK_OK;
  job.inner = blok_lower_element(&in);
  for (uint32_t i = 0; i < axis; i++) job.outer *= (size_t)in.dims[i];
  for (uint32_t i = axis + 1; i < in.rank; i++) job.inner *= (size_t)in.dims[i];
  if (blok_gather_cells(&job) > UINT32_MAX) return BLOK_OK;
  *done = true;
  if (blok_lower_is_blocked(lowering, node->inputs[0]) && axis == 1 && out.rank == in.rank &&
      job.count < UINT32_MAX) {
    return gather_channels(lowering, node, indices, (uint32_t)job.count, in.dims[1], error);
  }
  if (job.outer == 1 && job.count == 1) {
    blok_buffer_id from;
    const size_t index = (size_t)(indices[0] < 0 ? indices[0] + in.dims[axis] : indices[0]);
    BLOK_TRY(blok_lower_plain(lowering, node->inputs[0], &from, error));
    return blok_lower_view(lowering, node->outputs[0], from, index * job.inner, error);
  }
  return gather_rows(lowering, node, &job, error);
}
