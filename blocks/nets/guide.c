// The guide's networks, from simple to advanced: a baseline, residual stages, wide ones,
// bottlenecks, squeeze-excite. All but the baseline have one plan: a stem, three stages or as many
// as are asked for, each twice as wide and half as large as the one before it, and the classifier's
// head.
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "blocks/nets/nets.h"

// ---- Baseline -----------------------------------------------------------------------------------

static blok_status baseline(blok_builder *builder, const blok_net_options *options, blok_value_id x,
                            blok_error *error) {
  static const struct {
    int32_t width;  // times base; 0: a pool
  } plan[] = {{1}, {1}, {0}, {2}, {0}, {4}};
  for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++) {
    const blok_net_text name = blok_net_name("features.%d", (int)i);
    if (plan[i].width == 0) {
      BLOK_TRY(blok_build_max_pool(builder, name.text, 2, 2, 0, &x, error));
      continue;
    }
    const int32_t width = plan[i].width * options->base;
    BLOK_TRY(blok_net_act(builder, options, name.text, width, 1, &x, error));
  }
  return blok_net_classify(builder, options, x, error);
}

const blok_net_row blok_net_baseline_cnn = {
    .net = {.name = "baseline-cnn",
            .summary = "four convolutions and two pools, without a skip",
            .options = "in, size, batch, classes, base, act, norm, norm-groups",
            .parameters = 104042},
    .own = {.in_channels = 3,
            .height = 32,
            .width = 32,
            .classes = 10,
            .base = 32,
            .activation = BLOK_ACT_RELU},
    .body = baseline};

// ---- Stages -------------------------------------------------------------------------------------

// In pre order the first block begins with its own norm, so that the stem is a convolution alone.
static blok_status stem(blok_builder *builder, const blok_net_options *options, blok_value_id *x,
                        blok_error *error) {
  if (options->order == BLOK_ORDER_PRE) {
    return blok_net_plain(builder, "stem", (blok_net_conv){options->base, 3, 1, false}, x, error);
  }
  return blok_net_act(builder, options, "stem", options->base, 1, x, error);
}

static blok_status staged(blok_builder *builder, const blok_net_options *options,
                          blok_block_kind kind, int32_t widen, blok_value_id x, blok_error *error) {
  blok_net_tower tower = blok_net_tower_begin(builder, options, "", kind);
  int64_t width = (int64_t)options->base * widen;
  BLOK_TRY(stem(builder, options, &x, error));
  for (int32_t i = 0; i < blok_net_stages(options); i++) {
    BLOK_TRY(blok_net_stage(&tower, width, i == 0 ? 1 : 2, &x, error));
    width *= 2;
  }
  return blok_net_classify(builder, options, x, error);
}

static blok_status residual(blok_builder *builder, const blok_net_options *options, blok_value_id x,
                            blok_error *error) {
  return staged(builder, options, BLOK_RESIDUAL, 1, x, error);
}

const blok_net_row blok_net_residual_cnn = {
    .net = {.name = "residual-cnn",
            .summary = "stages of residual blocks",
            .options = "in, size, batch, classes, base, blocks, order, act, norm, norm-groups, se, "
                       "reduction, min-hidden, drop-path",
            .parameters = 272474},
    .own = {.in_channels = 3,
            .height = 32,
            .width = 32,
            .classes = 10,
            .base = 16,
            .blocks = {3, 3, 3, 0},
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_RELU},
    .body = residual};

static blok_status bottlenecks(blok_builder *builder, const blok_net_options *options,
                               blok_value_id x, blok_error *error) {
  return staged(builder, options, BLOK_BOTTLENECK, 4, x, error);
}

const blok_net_row blok_net_bottleneck_cnn = {
    .net = {.name = "bottleneck-cnn",
            .summary = "stages of bottlenecks, their outputs four times base",
            .options = "in, size, batch, classes, base, blocks, order, act, norm, norm-groups, se, "
                       "reduction, min-hidden, drop-path",
            .parameters = 313114},
    .own = {.in_channels = 3,
            .height = 32,
            .width = 32,
            .classes = 10,
            .base = 16,
            .blocks = {3, 3, 3, 0},
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_RELU},
    .body = bottlenecks};

// ---- Depth and width ----------------------------------------------------------------------------

// Two convolutions a block and three stages, and four layers besides: the depth is 6 n + 4.
static blok_status deep(blok_builder *builder, const blok_net_options *options, const char *name,
                        blok_value_id x, blok_error *error) {
  blok_net_options planned = *options;
  const int32_t beyond = options->depth - 4;
  if (beyond < 6 || beyond % 6 != 0) {
    const int32_t below = beyond < 6 ? 10 : options->depth - beyond % 6;
    char nearest[48];
    if (beyond < 6) {
      (void)snprintf(nearest, sizeof nearest, "the least is %" PRId32, below);
    } else {
      (void)snprintf(nearest, sizeof nearest, "the nearest are %" PRId32 " and %" PRId32, below,
                     below + 6);
    }
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: depth %" PRId32
                     " has no whole number of blocks a stage: (depth - 4) must divide by 6: %s",
                     name, options->depth, nearest);
  }
  for (size_t i = 0; i < 3; i++) planned.blocks[i] = beyond / 6;
  return staged(builder, &planned, BLOK_RESIDUAL, options->widen, x, error);
}

static blok_status wide(blok_builder *builder, const blok_net_options *options, blok_value_id x,
                        blok_error *error) {
  return deep(builder, options, "wide-resnet", x, error);
}

const blok_net_row blok_net_wide_resnet = {
    .net = {.name = "wide-resnet",
            .summary = "three stages of pre-activation blocks, k times as wide",
            .options = "in, size, batch, classes, base, depth, widen, act, norm, norm-groups, se, "
                       "reduction, min-hidden, drop-path",
            .parameters = 1467610},
    .own = {.in_channels = 3,
            .height = 32,
            .width = 32,
            .classes = 10,
            .base = 16,
            .depth = 28,
            .widen = 2,
            .order = BLOK_ORDER_PRE,
            .activation = BLOK_ACT_RELU},
    .body = wide};

static blok_status se_resnet(blok_builder *builder, const blok_net_options *options,
                             blok_value_id x, blok_error *error) {
  return deep(builder, options, "se-resnet", x, error);
}

const blok_net_row blok_net_se_resnet = {
    .net = {.name = "se-resnet",
            .summary = "three stages of residual blocks with squeeze-excite",
            .options = "in, size, batch, classes, base, depth, widen, act, norm, norm-groups, "
                       "reduction, min-hidden, drop-path",
            .parameters = 1480282},
    .own = {.in_channels = 3,
            .height = 32,
            .width = 32,
            .classes = 10,
            .base = 16,
            .depth = 28,
            .widen = 2,
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_SILU,
            .se = true},
    .body = se_resnet};
