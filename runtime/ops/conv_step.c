// The dense kernel as a step: see conv.h.
#include "base/error.h"
#include "runtime/ops/conv.h"

// ---- Packed weights -----------------------------------------------------------------------------

typedef struct pack_job {
  const blok_conv_filter *filter;
  const blok_conv_source *source;
  size_t first;
} pack_job;

static blok_status fill_panels(void *context, const blok_tensor *values, void *out,
                               blok_error *error) {
  const pack_job *job = context;
  blok_conv_source source = *job->source;
  (void)error;
  source.data = (const float *)values[0].data + job->first;
  blok_conv_pack(job->filter, &source, 0, blok_conv_panels(job->filter), out);
  return BLOK_OK;
}

static uint64_t two(uint64_t high, uint64_t low) { return high << 32 | (low & UINT32_MAX); }

blok_status blok_lower_conv_pack(blok_lowering *lowering, blok_value_id weights, size_t first,
                                 const blok_conv_filter *filter, const blok_conv_source *source,
                                 const float **out, blok_error *error) {
  const blok_pack_key key = {
      .format = "panels",
      .values = {weights},
      .numbers = {two(filter->in_channels, filter->out_channels), filter->groups,
                  two(filter->kernel_h, filter->kernel_w), (uint64_t)source->out,
                  (uint64_t)source->in, (uint64_t)source->group,
                  two((uint64_t)source->tap_h, (uint64_t)source->tap_w), first}};
  pack_job job = {filter, source, first};
  const void *data;
  BLOK_TRY(blok_lower_pack(lowering, &key, filter->floats * sizeof(float), fill_panels, &job, &data,
                           error));
  *out = data;
  return BLOK_OK;
}

// ---- The step -----------------------------------------------------------------------------------

static void run_conv(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const blok_conv_args *args = call->args;
  blok_conv conv = args->conv;
  conv.in = blok_step_floats(call, args->in) + args->in_offset;
  conv.out = blok_step_floats(call, args->out) + args->out_offset;
  if (args->residual) {
    conv.residual = blok_step_floats(call, args->residual) + args->residual_offset;
  }
  if (args->in_scale) conv.in_scale = blok_step_floats(call, args->in_scale);
  if (args->sums) conv.sums = blok_step_floats(call, args->sums);
  if (args->packed) conv.packed = blok_step_floats(call, args->packed);
  blok_conv_cells(&conv, first, last, blok_step_scratch(call, worker));
}

blok_status blok_lower_conv_step(blok_lowering *lowering, const char *kernel, blok_conv_args *args,
                                 blok_error *error) {
  const blok_conv_shape *shape = &args->shape;
  const blok_conv_filter *filter = &args->filter;
  args->conv.isa = blok_lower_isa(lowering);
  args->conv.filter = filter;
  args->conv.shape = shape;
  args->conv.epilogue = &args->epilogue;
  const uint64_t rows = (uint64_t)shape->images * shape->out_h * shape->out_w;
  const uint64_t pixels = (uint64_t)shape->images * shape->in_h * shape->in_w;
  const uint64_t outs = rows * filter->out_channels;
  const uint64_t ins =
      args->in_floats ? (uint64_t)shape->images * args->in_floats : pixels * filter->in_channels;
  const uint64_t floats = ins + outs * (args->residual ? 2 : 1) + filter->floats;
  blok_buffer_id reads[4], writes[2];
  blok_step step = {.kernel = kernel,
                    .run = run_conv,
                    .args = args,
                    .cells = shape->cells,
                    .scratch_bytes = shape->scratch,
                    .macs = rows * filter->floats,
                    .bytes = floats * sizeof(float),
                    .reads = reads,
                    .writes = writes};
  reads[step.n_reads++] = args->in;
  if (args->residual) reads[step.n_reads++] = args->residual;
  if (args->in_scale) reads[step.n_reads++] = args->in_scale;
  if (args->packed) reads[step.n_reads++] = args->packed;
  writes[step.n_writes++] = args->out;
  if (args->sums) writes[step.n_writes++] = args->sums;
  return blok_lower_step(lowering, &step, error);
}
