// Reductions of whole planes: GlobalAveragePool, GlobalMaxPool, ReduceMean over the pixels.
//
// A first step makes a slot of sums (or maxima) for each cell, unless the value's producer gave its
// sums; a second one joins the slots.
#include "base/error.h"
#include "base/size.h"
#include "runtime/ops/pool.h"

// ---- Planes to slots ----------------------------------------------------------------------------

typedef struct planes_step {
  void (*run)(const blok_planes_args *args, uint32_t first, uint32_t end);
  blok_planes_args args;
  blok_buffer_id in, out;
} planes_step;

static void run_planes(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const planes_step *step = call->args;
  blok_planes_args args = step->args;
  (void)worker;
  args.in.data = blok_step_floats(call, step->in);
  args.out = blok_step_floats(call, step->out);
  step->run(&args, first, last);
}

static blok_status reduce_planes(blok_lowering *lowering, blok_value_id value, bool maximum,
                                 blok_buffer_id *out, uint32_t *slots, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  planes_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  BLOK_TRY(blok_lower_blocked(lowering, value, &step->in, error));
  const blok_planes planes = blok_lower_buffer(lowering, step->in)->planes;
  const uint32_t pixels = planes.h * planes.w;
  step->run = maximum ? isa->pool->max_planes : isa->pool->sum_planes;
  step->args = (blok_planes_args){.images = planes.n,
                                  .blocks = planes.blocks,
                                  .pixels = pixels,
                                  .slots = blok_strips(planes.n, planes.blocks, pixels, 1),
                                  .in = {NULL, planes.batch_stride, planes.plane_stride}};
  // Fewer than the planes' own elements, whose bytes are known to fit.
  const uint64_t cells = (uint64_t)planes.n * planes.blocks * step->args.slots;
  BLOK_TRY(blok_lower_scratch(lowering, cells * isa->lanes * sizeof(float), &step->out, error));
  *out = step->out;
  *slots = step->args.slots;
  const blok_step made = {.kernel = maximum ? "plane maxima" : "plane sums",
                          .run = run_planes,
                          .args = step,
                          .cells = cells,
                          .bytes = (uint64_t)planes.n * planes.c * pixels * sizeof(float),
                          .n_reads = 1,
                          .reads = &step->in,
                          .n_writes = 1,
                          .writes = &step->out};
  return blok_lower_step(lowering, &made, error);
}

blok_status blok_lower_channel_sums(blok_lowering *lowering, blok_value_id value,
                                    blok_buffer_id *sums, uint32_t *slots, blok_error *error) {
  if (blok_lower_sums(lowering, value, sums, slots)) return BLOK_OK;
  BLOK_TRY(reduce_planes(lowering, value, false, sums, slots, error));
  blok_lower_give_sums(lowering, value, *sums, *slots);
  return BLOK_OK;
}

// ---- Slots to results ---------------------------------------------------------------------------

typedef struct join_step {
  void (*run)(const blok_join_args *args, uint32_t first, uint32_t end);
  blok_join_args args;
  blok_buffer_id in, out;
} join_step;

static void run_join(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const join_step *step = call->args;
  blok_join_args args = step->args;
  (void)worker;
  args.in = blok_step_floats(call, step->in);
  args.out = blok_step_floats(call, step->out);
  step->run(&args, first, last);
}

// shape: of the value that was reduced; divisor: 1 for maxima.
static blok_status join(blok_lowering *lowering, const blok_region *region,
                        const blok_tensor *shape, blok_buffer_id slots_buffer, uint32_t slots,
                        bool maximum, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  join_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  const bool blocked = blok_lower_prefers_blocked(lowering, region->out);
  const uint64_t pixels = (uint64_t)(shape->dims[2] * (shape->rank == 4 ? shape->dims[3] : 1));
  const uint32_t images = (uint32_t)shape->dims[0], channels = (uint32_t)shape->dims[1];
  step->in = slots_buffer;
  BLOK_TRY(blok_lower_output(lowering, region->out, blocked ? BLOK_BLOCKED : BLOK_PLAIN, &step->out,
                             error));
  step->run = maximum ? isa->pool->join_maxima : isa->pool->join_sums;
  step->args = (blok_join_args){.images = images,
                                .channels = channels,
                                .slots = slots,
                                .divisor = maximum ? 1 : (float)pixels,
                                .batch_stride = channels,
                                .block_stride = isa->lanes,
                                .row = !blocked};
  if (blocked) {
    const blok_planes *planes = &blok_lower_buffer(lowering, step->out)->planes;
    step->args.batch_stride = planes->batch_stride;
    step->args.block_stride = planes->plane_stride;
  }
  const blok_step made = {.kernel = maximum ? "join maxima" : "join sums",
                          .run = run_join,
                          .args = step,
                          .cells = images,
                          .bytes = (uint64_t)images * channels * (slots + 1) * sizeof(float),
                          .n_reads = 1,
                          .reads = &step->in,
                          .n_writes = 1,
                          .writes = &step->out};
  return blok_lower_step(lowering, &made, error);
}

// ---- The regions --------------------------------------------------------------------------------

static bool is_picture(blok_lowering *lowering, blok_value_id value, blok_tensor *shape) {
  if (!blok_lower_shape(lowering, value, shape) || shape->dtype != BLOK_F32) return false;
  if (shape->rank != 3 && shape->rank != 4) return false;
  for (uint32_t d = 0; d < shape->rank; d++) {
    if (shape->dims[d] > INT32_MAX) return false;
  }
  return true;
}

blok_status blok_lower_global_pool(blok_lowering *lowering, const blok_region *region, bool *done,
                                   blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const blok_value_id x = blok_node_input(node, 0);
  const bool maximum = node->op == BLOK_OP_GlobalMaxPool;
  blok_tensor shape;
  blok_buffer_id buffer;
  uint32_t slots;
  if (!blok_region_plain(region) || !is_picture(lowering, x, &shape)) return BLOK_OK;
  if (maximum) {
    BLOK_TRY(reduce_planes(lowering, x, true, &buffer, &slots, error));
  } else {
    BLOK_TRY(blok_lower_channel_sums(lowering, x, &buffer, &slots, error));
  }
  BLOK_TRY(join(lowering, region, &shape, buffer, slots, maximum, error));
  *done = true;
  return BLOK_OK;
}

// True when the axes of a ReduceMean are those of the pixels, and no other.
static bool over_pixels(const blok_lowering *lowering, const blok_node *node, uint32_t rank) {
  const blok_value_id axes = blok_node_input(node, 1);
  bool seen[BLOK_MAX_RANK] = {false};
  if (!axes.i) return false;
  const blok_fact *fact = blok_lower_fact(lowering, axes);
  for (uint32_t i = 0; i < fact->n_elements; i++) {
    if (!fact->elements[i].known) return false;
    int64_t axis = fact->elements[i].value;
    if (axis < 0) axis += rank;
    if (axis < 2 || axis >= rank || seen[axis]) return false;
    seen[axis] = true;
  }
  return fact->n_elements == rank - 2;
}

blok_status blok_lower_plane_means(blok_lowering *lowering, const blok_region *region, bool *done,
                                   blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const blok_value_id x = blok_node_input(node, 0);
  blok_tensor shape;
  blok_buffer_id buffer;
  uint32_t slots;
  if (!blok_region_plain(region) || !is_picture(lowering, x, &shape) ||
      !over_pixels(lowering, node, shape.rank)) {
    return BLOK_OK;
  }
  if (!blok_lower_is_blocked(lowering, x) && !blok_lower_sums(lowering, x, &buffer, &slots)) {
    return BLOK_OK;
  }
  BLOK_TRY(blok_lower_channel_sums(lowering, x, &buffer, &slots, error));
  BLOK_TRY(join(lowering, region, &shape, buffer, slots, false, error));
  *done = true;
  return BLOK_OK;
}
