// Convolutions whose groups are narrow: the kernels of depthwise.h.
#include "runtime/kernels/depthwise.h"

#include <string.h>

#include "base/error.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/pool.h"

typedef struct depthwise_step {
  void (*run)(const blok_depthwise_args *args, uint32_t first, uint32_t end);
  blok_depthwise_args args;
  blok_window_operands operands;
} depthwise_step;

static void run_depthwise(const blok_step_call *call, uint32_t first, uint32_t last,
                          uint32_t worker) {
  const depthwise_step *step = call->args;
  const blok_window_operands *operands = &step->operands;
  blok_depthwise_args args = step->args;
  (void)worker;
  args.in.data = blok_step_floats(call, operands->in);
  args.out.data = blok_step_floats(call, operands->out);
  if (operands->residual) args.residual.data = blok_step_floats(call, operands->residual);
  if (operands->sums) args.sums = blok_step_floats(call, operands->sums);
  step->run(&args, first, last);
}

// ---- Weights ------------------------------------------------------------------------------------

typedef struct pack_job {
  const blok_conv_node *conv;
  float epsilon;
  uint32_t lanes;
  float *mul;  // room for one number a channel
} pack_job;

// values: the weights, and scale and variance of a norm.
static blok_status fill(void *context, const blok_tensor *values, void *out, blok_error *error) {
  const pack_job *job = context;
  const blok_conv_node *c = job->conv;
  (void)error;
  for (uint32_t i = 0; values[1].data && i < c->out_channels; i++) {
    job->mul[i] = (float)blok_norm_factor(&values[1], &values[2], i, job->epsilon);
  }
  blok_depthwise_pack(values[0].data, values[1].data ? job->mul : NULL, c->out_channels,
                      c->in_channels / c->groups, c->kernel_h, c->kernel_w, job->lanes, out);
  return BLOK_OK;
}

static blok_status pack(blok_lowering *lowering, const blok_region *region, const blok_conv_node *c,
                        const float **out, blok_error *error) {
  pack_job job = {.conv = c, .epsilon = region->epsilon, .lanes = blok_lower_isa(lowering)->lanes};
  blok_pack_key key = {.format = "depthwise",
                       .values = {c->weights, region->norm[0], region->norm[3]},
                       .numbers = {c->out_channels, c->groups, c->kernel_h, c->kernel_w}};
  if (region->norm[0].i) {
    uint32_t bits;
    memcpy(&bits, &region->epsilon, sizeof bits);
    key.numbers[4] = bits;
    job.mul = blok_lower_alloc(lowering, c->out_channels, sizeof *job.mul);
    if (!job.mul) return blok_fail_memory(error, c->out_channels * sizeof *job.mul);
  }
  const size_t floats = blok_depthwise_packed_floats(c->out_channels, c->in_channels / c->groups,
                                                     c->kernel_h * c->kernel_w, job.lanes);
  const void *packed;
  BLOK_TRY(blok_lower_pack(lowering, &key, floats * sizeof(float), fill, &job, &packed, error));
  *out = packed;
  return BLOK_OK;
}

// ---- The region ---------------------------------------------------------------------------------

static const char *words(const blok_conv_node *c) {
  const bool square = c->kernel_h == c->kernel_w;
  if (c->in_channels != c->groups) return square && c->kernel_h == 3 ? "groups 3x3" : "groups";
  if (square && c->kernel_h == 3) return "depthwise 3x3";
  if (square && c->kernel_h == 5) return "depthwise 5x5";
  if (square && c->kernel_h == 7) return "depthwise 7x7";
  return "depthwise";
}

static blok_plane_window window_of(const blok_conv_node *c) {
  return (blok_plane_window){.in_h = c->in_h,
                             .in_w = c->in_w,
                             .out_h = c->out_h,
                             .out_w = c->out_w,
                             .kernel_h = c->kernel_h,
                             .kernel_w = c->kernel_w,
                             .stride_h = (uint32_t)c->stride_h,
                             .stride_w = (uint32_t)c->stride_w,
                             .dilation_h = (uint32_t)c->dilation_h,
                             .dilation_w = (uint32_t)c->dilation_w,
                             .pad_top = c->pad_h,
                             .pad_left = c->pad_w};
}

// Groups of whole blocks on both sides are the dense kernel's, which computes more of them at once.
static bool takes(const blok_conv_node *c, uint32_t lanes) {
  if (c->in_channels % c->groups != 0 || c->out_channels % c->groups != 0) return false;
  const uint32_t in = c->in_channels / c->groups, out = c->out_channels / c->groups;
  return blok_depthwise_fits(in, out, lanes) && (out <= lanes || in < lanes);
}

blok_status blok_lower_depthwise(blok_lowering *lowering, const blok_region *region,
                                 const blok_conv_node *c, bool *done, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  blok_epilogue epilogue;
  bool fits;
  if (!takes(c, isa->lanes)) return BLOK_OK;
  BLOK_TRY(blok_lower_epilogue(lowering, region, c->bias, c->out_channels, true, &epilogue, &fits,
                               error));
  if (!fits) return BLOK_OK;
  depthwise_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  blok_window_operands *operands = &step->operands;
  BLOK_TRY(blok_lower_window_operands(lowering, region, c->x, &epilogue, operands, error));
  blok_depthwise_args *args = &step->args;
  *args = (blok_depthwise_args){.window = window_of(c),
                                .images = c->images,
                                .channels = c->out_channels,
                                .group_in = c->in_channels / c->groups,
                                .group_out = c->out_channels / c->groups,
                                .strips = operands->strips,
                                .in = operands->in_planes,
                                .residual = operands->residual_planes,
                                .out = operands->out_planes,
                                .epilogue = operands->has_epilogue ? &operands->epilogue : NULL,
                                .sums_slot_stride = operands->sums_slot_stride,
                                .sums_batch_stride = operands->sums_batch_stride};
  BLOK_TRY(pack(lowering, region, c, &args->weights, error));
  step->run = isa->depthwise->run;
  const uint64_t weights = (uint64_t)c->out_channels * args->group_in * c->kernel_h * c->kernel_w;
  const uint64_t macs = (uint64_t)c->images * c->out_h * c->out_w * weights;
  BLOK_TRY(blok_lower_window_step(lowering, words(c), operands, run_depthwise, step, macs, weights,
                                  error));
  *done = true;
  return BLOK_OK;
}
