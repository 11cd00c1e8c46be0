// Softmax and LogSoftmax along one axis of plain memory.
#include "base/error.h"
#include "graph/infer.h"
#include "runtime/kernels/rows.h"
#include "runtime/ops/elementwise.h"

typedef struct softmax_step {
  const blok_rows_kernels *kernels;
  blok_rows_axis axis;
  bool log;
  blok_buffer_id in, out;
} softmax_step;

static void run_softmax(const blok_step_call *call, uint32_t first, uint32_t last,
                        uint32_t worker) {
  const softmax_step *step = call->args;
  (void)worker;
  const blok_softmax_job job = {.in = blok_step_floats(call, step->in),
                                .out = blok_step_floats(call, step->out),
                                .axis = step->axis,
                                .log = step->log};
  step->kernels->softmax(&job, first, last);
}

blok_status blok_lower_softmax(blok_lowering *lowering, const blok_region *region, bool *done,
                               blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const blok_value_id x = blok_node_input(node, 0);
  blok_tensor shape;
  uint32_t middle;
  if (!blok_region_plain(region) || !blok_lower_floats(lowering, x, &shape) ||
      !blok_axis_normal(blok_node_int(node, "axis", -1), shape.rank, &middle)) {
    return BLOK_OK;
  }
  blok_rows_axis axis = {1, (size_t)shape.dims[middle], 1};
  for (uint32_t d = 0; d < middle; d++) axis.outer *= (size_t)shape.dims[d];
  for (uint32_t d = middle + 1; d < shape.rank; d++) axis.inner *= (size_t)shape.dims[d];
  const uint32_t cells = blok_rows_cells(isa, &axis);
  if (cells == UINT32_MAX) return BLOK_OK;
  softmax_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  *step = (softmax_step){.kernels = isa->rows, .axis = axis, .log = node->op == BLOK_OP_LogSoftmax};
  BLOK_TRY(blok_lower_plain(lowering, x, &step->in, error));
  BLOK_TRY(blok_lower_output_over(lowering, region->out, step->in, BLOK_PLAIN, &step->out, error));
  const blok_step made = {.kernel = step->log ? "log softmax" : "softmax",
                          .run = run_softmax,
                          .args = step,
                          .cells = cells,
                          .bytes = 2 * shape.bytes,
                          .n_reads = 1,
                          .reads = &step->in,
                          .n_writes = 1,
                          .writes = &step->out};
  *done = true;
  return blok_lower_step(lowering, &made, error);
}
