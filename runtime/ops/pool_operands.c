// Operands of depthwise convolutions and pools: see pool.h.
#include "base/error.h"
#include "runtime/ops/pool.h"

static blok_blocked_in planes_in(const blok_lowering *lowering, blok_buffer_id id) {
  const blok_planes *planes = &blok_lower_buffer(lowering, id)->planes;
  return (blok_blocked_in){NULL, planes->batch_stride, planes->plane_stride};
}

blok_status blok_lower_window_operands(blok_lowering *lowering, const blok_region *region,
                                       blok_value_id x, const blok_epilogue *epilogue,
                                       blok_window_operands *out, blok_error *error) {
  *out = (blok_window_operands){.epilogue = *epilogue};
  BLOK_TRY(blok_lower_blocked(lowering, x, &out->in, error));
  if (region->residual.i) {
    BLOK_TRY(blok_lower_blocked(lowering, region->residual, &out->residual, error));
    out->residual_planes = planes_in(lowering, out->residual);
  }
  BLOK_TRY(blok_lower_output(lowering, region->out, BLOK_BLOCKED, &out->out, error));
  const blok_planes planes = blok_lower_buffer(lowering, out->out)->planes;
  out->in_planes = planes_in(lowering, out->in);
  out->out_planes = (blok_blocked_out){NULL, planes.batch_stride, planes.plane_stride};
  out->images = planes.n;
  out->channels = planes.c;
  out->strips = blok_strips(planes.n, planes.blocks, planes.h, planes.w);
  out->has_epilogue = epilogue->act.kind != BLOK_FN_NONE || epilogue->mul || epilogue->bias ||
                      epilogue->scale || out->residual;
  if (!blok_lower_wants_sums(lowering, region->out)) return BLOK_OK;
  out->sums_slot_stride = (size_t)planes.blocks * blok_lower_isa(lowering)->lanes;
  out->sums_batch_stride = out->sums_slot_stride * out->strips;
  return blok_lower_make_sums(lowering, region->out, out->strips, &out->sums, error);
}

blok_status blok_lower_window_step(blok_lowering *lowering, const char *kernel,
                                   const blok_window_operands *operands, blok_step_fn run,
                                   const void *args, uint64_t macs, uint64_t floats,
                                   blok_error *error) {
  const blok_planes *in = &blok_lower_buffer(lowering, operands->in)->planes;
  const blok_planes *out = &blok_lower_buffer(lowering, operands->out)->planes;
  const uint64_t results = (uint64_t)out->n * out->c * out->h * out->w;
  uint64_t cells = (uint64_t)out->n * out->blocks * operands->strips;
  floats += (uint64_t)in->n * in->c * in->h * in->w + results * (operands->residual ? 2 : 1);
  blok_buffer_id reads[2] = {operands->in, operands->residual};
  blok_buffer_id writes[2] = {operands->out, operands->sums};
  const blok_step step = {.kernel = kernel,
                          .run = run,
                          .args = args,
                          .cells = cells,
                          .macs = macs,
                          .bytes = floats * sizeof(float),
                          .n_reads = operands->residual ? 2 : 1,
                          .reads = reads,
                          .n_writes = operands->sums ? 2 : 1,
                          .writes = writes};
  return blok_lower_step(lowering, &step, error);
}
