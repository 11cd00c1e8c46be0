// A squeeze-excite as a unit: the channels' sums, which its producer leaves beside the value where
// it can, two small products, and a value that is the old one with a scale for each channel, which
// the next reader applies as it loads.
#include "base/error.h"
#include "base/size.h"
#include "runtime/ops/pool.h"

// ---- Products -----------------------------------------------------------------------------------

typedef struct product_step {
  void (*run)(const blok_excite_args *args, uint32_t first, uint32_t end, float *scratch);
  blok_excite_args args;
  blok_epilogue epilogue;
  blok_buffer_id in, out;
} product_step;

static void run_product(const blok_step_call *call, uint32_t first, uint32_t last,
                        uint32_t worker) {
  const product_step *step = call->args;
  blok_excite_args args = step->args;
  args.in = blok_step_floats(call, step->in);
  args.out = blok_step_floats(call, step->out);
  step->run(&args, first, last, blok_step_scratch(call, worker));
}

typedef struct pack_job {
  uint32_t inputs, outputs, lanes;
  bool in_out;  // weights are [inputs][outputs]
} pack_job;

static blok_status fill(void *context, const blok_tensor *values, void *out, blok_error *error) {
  const pack_job *job = context;
  (void)error;
  blok_excite_pack(values[0].data, job->in_out ? 1 : job->inputs, job->in_out ? job->outputs : 1,
                   job->inputs, job->outputs, job->lanes, out);
  return BLOK_OK;
}

static blok_status pack(blok_lowering *lowering, blok_value_id weights, pack_job *job,
                        const float **out, blok_error *error) {
  const blok_pack_key key = {
      .format = "excite", .values = {weights}, .numbers = {job->inputs, job->outputs, job->in_out}};
  const void *packed;
  const size_t floats = blok_excite_packed_floats(job->inputs, job->outputs, job->lanes);
  BLOK_TRY(blok_lower_pack(lowering, &key, floats * sizeof(float), fill, job, &packed, error));
  *out = packed;
  return BLOK_OK;
}

// args holds images, inputs, outputs, slots and divisor; the result's buffer is made.
static blok_status product(blok_lowering *lowering, const char *kernel, product_step *step,
                           blok_value_id weights, bool in_out, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  blok_excite_args *args = &step->args;
  pack_job job = {args->inputs, args->outputs, isa->lanes, in_out};
  BLOK_TRY(pack(lowering, weights, &job, &args->weights, error));
  const size_t wide = ((size_t)args->outputs + isa->lanes - 1) / isa->lanes * isa->lanes;
  size_t bytes;
  if (!blok_mul_size(wide, args->images, &bytes) || !blok_mul_size(bytes, sizeof(float), &bytes)) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "the gates of a value are larger than memory");
  }
  BLOK_TRY(blok_lower_scratch(lowering, bytes, &step->out, error));
  step->run = isa->pool->excite;
  args->epilogue = &step->epilogue;
  const uint64_t macs = (uint64_t)args->inputs * args->outputs;
  const uint64_t vectors = (uint64_t)args->images * (args->inputs * args->slots + args->outputs);
  const blok_step made = {
      .kernel = kernel,
      .run = run_product,
      .args = step,
      .cells = blok_excite_cells(args->images, args->inputs, args->outputs, isa->lanes),
      .scratch_bytes = blok_excite_scratch_floats(args->inputs, isa->lanes) * sizeof(float),
      .macs = args->images * macs,
      .bytes = (macs + vectors) * sizeof(float),
      .n_reads = 1,
      .reads = &step->in,
      .n_writes = 1,
      .writes = &step->out};
  return blok_lower_step(lowering, &made, error);
}

// ---- The region ---------------------------------------------------------------------------------

static bool holds(const blok_lowering *lowering, blok_value_id weights, uint64_t count) {
  blok_tensor shape;
  return blok_lower_is_constant(lowering, weights) && blok_lower_shape(lowering, weights, &shape) &&
         shape.dtype == BLOK_F32 && shape.bytes == count * sizeof(float);
}

// The input as a picture, with sizes and weights as the descriptor has them.
static bool agrees(const blok_lowering *lowering, const blok_region *region, blok_tensor *shape) {
  const blok_se_desc *desc = region->se->se;
  if (!blok_lower_shape(lowering, region->in, shape) || shape->dtype != BLOK_F32 ||
      shape->rank != 4 || desc->channels <= 0 || desc->hidden <= 0 ||
      shape->dims[1] != desc->channels) {
    return false;
  }
  const uint64_t count = (uint64_t)desc->channels * (uint64_t)desc->hidden;
  return holds(lowering, region->se->weights[0].weight, count) &&
         holds(lowering, region->se->weights[1].weight, count);
}

// The epilogue of one of the two products.
static blok_status epilogue_of(blok_lowering *lowering, const blok_region *region, int which,
                               blok_epilogue *out, bool *fits, blok_error *error) {
  const blok_se_desc *desc = region->se->se;
  const blok_conv_weights *weights = &region->se->weights[which];
  blok_region part = {.epsilon = (float)desc->epsilon, .slope = weights->slope};
  for (uint32_t i = 0; i < 4 && which == 0; i++) part.norm[i] = weights->norm[i];
  part.act = which == 0 ? blok_act_of(desc->activation, desc->alpha, desc->beta)
                        : blok_act_of(desc->gate, desc->gate_alpha, desc->gate_beta);
  const int32_t channels = which == 0 ? desc->hidden : desc->channels;
  return blok_lower_epilogue(lowering, &part, weights->bias, (uint32_t)channels, false, out, fits,
                             error);
}

static blok_status both_products(blok_lowering *lowering, const blok_region *region,
                                 const blok_tensor *shape, product_step steps[2],
                                 blok_error *error) {
  const blok_se_desc *desc = region->se->se;
  const blok_conv_weights *weights = region->se->weights;
  const uint32_t images = (uint32_t)shape->dims[0], channels = (uint32_t)desc->channels;
  const uint32_t hidden = (uint32_t)desc->hidden;
  uint32_t slots;
  BLOK_TRY(blok_lower_channel_sums(lowering, region->in, &steps[0].in, &slots, error));
  steps[0].args =
      (blok_excite_args){.images = images,
                         .inputs = channels,
                         .outputs = hidden,
                         .slots = slots,
                         .divisor = (float)((uint64_t)shape->dims[2] * (uint64_t)shape->dims[3])};
  BLOK_TRY(product(lowering, "squeeze", &steps[0], weights[0].weight,
                   desc->product[0] == BLOK_PRODUCT_LINEAR_IN_OUT, error));
  steps[1].in = steps[0].out;
  steps[1].args = (blok_excite_args){
      .images = images, .inputs = hidden, .outputs = channels, .slots = 1, .divisor = 1};
  return product(lowering, "excite", &steps[1], weights[1].weight,
                 desc->product[1] == BLOK_PRODUCT_LINEAR_IN_OUT, error);
}

blok_status blok_lower_squeeze_excite(blok_lowering *lowering, const blok_region *region,
                                      bool *done, blok_error *error) {
  blok_tensor shape;
  bool fits[2];
  if (!agrees(lowering, region, &shape)) return BLOK_OK;
  product_step *steps = blok_lower_alloc(lowering, 2, sizeof *steps);
  if (!steps) return blok_fail_memory(error, 2 * sizeof *steps);
  for (int i = 0; i < 2; i++) {
    BLOK_TRY(epilogue_of(lowering, region, i, &steps[i].epilogue, &fits[i], error));
  }
  if (!fits[0] || !fits[1]) return BLOK_OK;
  BLOK_TRY(both_products(lowering, region, &shape, steps, error));
  BLOK_TRY(blok_lower_give_scaled(lowering, region->out, region->in, steps[1].out, error));
  *done = true;
  return BLOK_OK;
}

// ---- The scale as a step ------------------------------------------------------------------------

typedef struct scale_step {
  void (*run)(const blok_scale_args *args, uint32_t first, uint32_t end);
  blok_scale_args args;
  blok_buffer_id from, scale, to;
} scale_step;

static void run_scale(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const scale_step *step = call->args;
  blok_scale_args args = step->args;
  (void)worker;
  args.in.data = blok_step_floats(call, step->from);
  args.out.data = blok_step_floats(call, step->to);
  args.scale = blok_step_floats(call, step->scale);
  step->run(&args, first, last);
}

blok_status blok_lower_channel_scale(blok_lowering *lowering, blok_buffer_id from,
                                     blok_buffer_id scale, blok_buffer_id to, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  scale_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  const blok_planes in = blok_lower_buffer(lowering, from)->planes;
  const blok_planes out = blok_lower_buffer(lowering, to)->planes;
  const uint32_t pixels = out.h * out.w;
  step->from = from;
  step->scale = scale;
  step->to = to;
  step->run = isa->pool->scale;
  step->args = (blok_scale_args){.images = out.n,
                                 .blocks = out.blocks,
                                 .pixels = pixels,
                                 .strips = blok_strips(out.n, out.blocks, pixels, 1),
                                 .in = {NULL, in.batch_stride, in.plane_stride},
                                 .out = {NULL, out.batch_stride, out.plane_stride},
                                 .scale_stride = (size_t)out.blocks * isa->lanes};
  const uint64_t cells = (uint64_t)out.n * out.blocks * step->args.strips;
  const blok_buffer_id reads[2] = {from, scale};
  const blok_step made = {.kernel = "channel scale",
                          .run = run_scale,
                          .args = step,
                          .cells = cells,
                          .bytes = 2 * (uint64_t)out.n * out.c * pixels * sizeof(float),
                          .n_reads = 2,
                          .reads = reads,
                          .n_writes = 1,
                          .writes = &to};
  return blok_lower_step(lowering, &made, error);
}
