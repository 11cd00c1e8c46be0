// The guide's modules as small networks: one block between input and output, so that each can be
// looked at, run and written by itself.
#include "base/error.h"
#include "blocks/nets/nets.h"

static blok_block_options single(const blok_net_options *options) {
  blok_block_options block = blok_net_block(options);
  block.out_channels = options->out_channels;
  block.stride = options->stride;
  return block;
}

// ---- Convolution, norm, activation --------------------------------------------------------------

static blok_status conv_bn_act(blok_builder *builder, const blok_net_options *options,
                               blok_value_id x, blok_error *error) {
  blok_block_options block = single(options);
  block.kernel = options->kernel;
  BLOK_TRY(blok_build_conv_norm_act(builder, "", &block, &x, error));
  return blok_build_output(builder, "output", x, error);
}

const blok_net_row blok_net_conv_bn_act = {
    .net = {.name = "conv-bn-act",
            .summary = "convolution, norm, activation",
            .options = "in, out, kernel, stride, size, batch, act, norm, norm-groups",
            .parameters = 464},
    .own = {.in_channels = 3,
            .out_channels = 16,
            .kernel = 3,
            .stride = 1,
            .height = 32,
            .width = 32,
            .activation = BLOK_ACT_RELU},
    .body = conv_bn_act};

// ---- Blocks with an addition --------------------------------------------------------------------

static blok_status basic(blok_builder *builder, const blok_net_options *options, blok_value_id x,
                         blok_error *error) {
  const blok_block_options block = single(options);
  BLOK_TRY(blok_build_basic(builder, "", &block, &x, error));
  return blok_build_output(builder, "output", x, error);
}

const blok_net_row blok_net_basic_post = {
    .net = {.name = "basic-post",
            .summary = "a residual block, activation behind the norm and the addition",
            .options = "in, out, stride, size, batch, act, norm, norm-groups",
            .parameters = 4672},
    .own = {.in_channels = 16,
            .stride = 1,
            .height = 32,
            .width = 32,
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_RELU},
    .body = basic};

const blok_net_row blok_net_basic_pre = {
    .net = {.name = "basic-pre",
            .summary = "a residual block, norm and activation before each convolution",
            .options = "in, out, stride, size, batch, act, norm, norm-groups",
            .parameters = 4672},
    .own = {.in_channels = 16,
            .stride = 1,
            .height = 32,
            .width = 32,
            .order = BLOK_ORDER_PRE,
            .activation = BLOK_ACT_RELU},
    .body = basic};

const blok_net_row blok_net_se_res_block = {
    .net = {.name = "se-res-block",
            .summary = "a residual block with a squeeze-excite before the addition",
            .options =
                "in, out, stride, size, batch, act, norm, norm-groups, reduction, min-hidden",
            .parameters = 18852},
    .own = {.in_channels = 32,
            .stride = 1,
            .height = 32,
            .width = 32,
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_SILU,
            .se = true},
    .body = basic};

static blok_status bottleneck(blok_builder *builder, const blok_net_options *options,
                              blok_value_id x, blok_error *error) {
  const blok_block_options block = single(options);
  BLOK_TRY(blok_build_bottleneck(builder, "", &block, &x, error));
  return blok_build_output(builder, "output", x, error);
}

const blok_net_row blok_net_bottleneck_block = {
    .net = {.name = "bottleneck-block",
            .summary = "1x1 to a quarter of out, 3x3, 1x1 to out, and an addition",
            .options = "in, out, stride, size, batch, act, norm, norm-groups",
            .parameters = 75008},
    .own = {.in_channels = 64,
            .out_channels = 256,
            .stride = 1,
            .height = 32,
            .width = 32,
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_RELU},
    .body = bottleneck};

// ---- Squeeze-excite -----------------------------------------------------------------------------

static blok_status se_block(blok_builder *builder, const blok_net_options *options, blok_value_id x,
                            blok_error *error) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.se_reduction = options->se_reduction;
  block.se_min_hidden = options->se_min_hidden;
  block.se_activation = options->activation;
  BLOK_TRY(blok_build_se(builder, "", &block, &x, error));
  return blok_build_output(builder, "output", x, error);
}

const blok_net_row blok_net_se_block = {
    .net = {.name = "se-block",
            .summary = "a squeeze-excite: a gate for each channel",
            .options = "in, size, batch, act, reduction, min-hidden",
            .parameters = 580},
    .own = {.in_channels = 64, .height = 16, .width = 16, .activation = BLOK_ACT_SILU},
    .body = se_block};
