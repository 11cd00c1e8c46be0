// Reorders: a value from one form to the other. Lowering adds them where a reader asks for a form
// in which the value does not stand; Transpose uses those whose plain side has the channels last.
#include "runtime/ops/reorder.h"

#include "base/error.h"
#include "runtime/kernels/layout.h"

typedef struct reorder_args {
  void (*run)(const blok_reorder *job, size_t first, size_t last);
  blok_reorder job;
  blok_buffer_id from, to;
} reorder_args;

static void run_reorder(const blok_step_call *call, uint32_t first, uint32_t last,
                        uint32_t worker) {
  (void)worker;
  const reorder_args *args = call->args;
  blok_reorder job = args->job;
  job.from = blok_step_floats(call, args->from);
  job.to = blok_step_floats(call, args->to);
  args->run(&job, first, last);
}

blok_status blok_lower_reorder_to(blok_lowering *lowering, blok_buffer_id from, blok_buffer_id to,
                                  bool channels_last, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  const blok_layout_kernels *kernels = isa->layout;
  const bool into_blocks = blok_lower_buffer(lowering, to)->layout == BLOK_BLOCKED;
  const blok_planes *planes = &blok_lower_buffer(lowering, into_blocks ? to : from)->planes;
  const size_t pixels = (size_t)planes->h * planes->w;
  // A single pixel's channels lie side by side either way, and move as vectors.
  const bool last = channels_last || pixels == 1;
  reorder_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  if (!args) return blok_fail_memory(error, sizeof *args);
  args->from = from;
  args->to = to;
  args->job = (blok_reorder){.batch = planes->batch_stride,
                             .plane = planes->plane_stride,
                             .plain_batch = planes->c * pixels,
                             .plain_row = last ? planes->c : pixels,
                             .images = planes->n,
                             .channels = planes->c,
                             .pixels = pixels};
  if (last) {
    args->run = into_blocks ? kernels->blocked_from_last : kernels->last_from_blocked;
  } else {
    args->run = into_blocks ? kernels->blocked_from_first : kernels->first_from_blocked;
  }
  const size_t cells =
      last ? blok_reorder_last_cells(&args->job) : blok_reorder_first_cells(&args->job, isa->lanes);
  const blok_step step = {.kernel = into_blocks ? "reorder to blocked" : "reorder to plain",
                          .run = run_reorder,
                          .args = args,
                          .n_reads = 1,
                          .reads = &from,
                          .n_writes = 1,
                          .writes = &to,
                          .cells = cells,
                          .bytes = 2 * planes->n * planes->c * pixels * sizeof(float)};
  return blok_lower_step(lowering, &step, error);
}

blok_status blok_lower_reorder(blok_lowering *lowering, blok_buffer_id from, blok_buffer_id to,
                               blok_error *error) {
  return blok_lower_reorder_to(lowering, from, to, false, error);
}
