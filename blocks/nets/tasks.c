// The guide's three integrations: the same blocks, put to work as a classifier, a detector with a
// neck, and an encoder-decoder.
#include "base/error.h"
#include "blocks/nets/nets.h"

enum { NECK = 64 };  // channels of the detectors' necks and heads

// ---- Backbone -----------------------------------------------------------------------------------

// A stem that halves the picture, then stages, each twice as wide as the one before it and, but for
// the first, half as large. levels: what each stage makes.
static blok_status backbone(blok_builder *builder, const blok_net_options *options, blok_value_id x,
                            blok_value_id levels[4], blok_error *error) {
  blok_net_tower tower = blok_net_tower_begin(builder, options, "backbone.", BLOK_RESIDUAL);
  int64_t width = options->base;
  BLOK_TRY(blok_net_act(builder, options, "backbone.stem", options->base, 2, &x, error));
  for (int32_t i = 0; i < blok_net_stages(options); i++) {
    BLOK_TRY(blok_net_stage(&tower, width, i == 0 ? 1 : 2, &x, error));
    levels[i] = x;
    width *= 2;
  }
  return BLOK_OK;
}

static blok_status classifier(blok_builder *builder, const blok_net_options *options,
                              blok_value_id x, blok_error *error) {
  blok_value_id levels[4] = {{0}};
  BLOK_TRY(backbone(builder, options, x, levels, error));
  return blok_net_classify(builder, options, levels[blok_net_stages(options) - 1], error);
}

#define BACKBONE_OPTIONS                                                            \
  "in, size, batch, classes, base, blocks, act, norm, norm-groups, se, reduction, " \
  "min-hidden, drop-path"

const blok_net_row blok_net_classifier = {
    .net = {.name = "classifier",
            .summary = "a backbone of residual stages, mean of each channel, linear layer",
            .options = BACKBONE_OPTIONS,
            .parameters = 2797610},
    .own = {.in_channels = 3,
            .height = 64,
            .width = 64,
            .classes = 10,
            .base = 32,
            .blocks = {2, 2, 2, 2},
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_RELU},
    .body = classifier};

// ---- Detectors ----------------------------------------------------------------------------------

typedef blok_status (*neck_call)(blok_builder *builder, const char *name, int32_t channels,
                                 blok_value_id *levels, uint32_t count, blok_error *error);

// The neck takes every stage but the first where there are more than one.
static blok_status detector(blok_builder *builder, const blok_net_options *options, neck_call neck,
                            blok_value_id x, blok_error *error) {
  blok_value_id stages[4] = {{0}};
  const int32_t count = blok_net_stages(options);
  const int32_t first = count > 1 ? 1 : 0;
  BLOK_TRY(backbone(builder, options, x, stages, error));
  BLOK_TRY(neck(builder, "neck", NECK, stages + first, (uint32_t)(count - first), error));
  for (int32_t i = first; i < count; i++) {
    const blok_net_text names[2] = {blok_net_name("scores.%d", (int)(i - first)),
                                    blok_net_name("boxes.%d", (int)(i - first))};
    blok_value_id made[2] = {{0}};
    BLOK_TRY(blok_build_detect(builder, "head", options->classes, NECK, stages[i], &made[0],
                               &made[1], error));
    for (size_t k = 0; k < 2; k++) {
      BLOK_TRY(blok_build_output(builder, names[k].text, made[k], error));
    }
  }
  return BLOK_OK;
}

static blok_status detector_fpn(blok_builder *builder, const blok_net_options *options,
                                blok_value_id x, blok_error *error) {
  return detector(builder, options, blok_build_fpn, x, error);
}

const blok_net_row blok_net_detector_fpn = {
    .net = {.name = "detector-fpn",
            .summary = "a detector: backbone, feature pyramid, a head that all levels share",
            .options = BACKBONE_OPTIONS,
            .parameters = 3090478},
    .own = {.in_channels = 3,
            .height = 128,
            .width = 128,
            .classes = 10,
            .base = 32,
            .blocks = {2, 2, 2, 2},
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_RELU},
    .body = detector_fpn};

static blok_status detector_pan(blok_builder *builder, const blok_net_options *options,
                                blok_value_id x, blok_error *error) {
  return detector(builder, options, blok_build_pan, x, error);
}

const blok_net_row blok_net_detector_pan = {
    .net = {.name = "detector-pan",
            .summary = "a detector: backbone, path aggregation, a head that all levels share",
            .options = BACKBONE_OPTIONS,
            .parameters = 3311918},
    .own = {.in_channels = 3,
            .height = 128,
            .width = 128,
            .classes = 10,
            .base = 32,
            .blocks = {2, 2, 2, 2},
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_RELU},
    .body = detector_pan};

// ---- Encoder and decoder ------------------------------------------------------------------------

// Stages from the whole picture down, and back up by merges with the stage of the same size; the
// mask is a score for each class and pixel.
static blok_status encoder_decoder(blok_builder *builder, const blok_net_options *options,
                                   blok_value_id x, blok_error *error) {
  blok_net_tower tower = blok_net_tower_begin(builder, options, "", BLOK_RESIDUAL);
  blok_block_options block = blok_net_block(options);
  blok_value_id stages[4] = {{0}};
  int32_t widths[4] = {0};
  const int32_t count = blok_net_stages(options);
  tower.word = "encoder";
  BLOK_TRY(blok_net_act(builder, options, "stem", options->base, 1, &x, error));
  for (int32_t i = 0; i < count; i++) {
    BLOK_TRY(blok_net_channels((int64_t)options->base << i, &widths[i], error));
    BLOK_TRY(blok_net_stage(&tower, widths[i], i == 0 ? 1 : 2, &x, error));
    stages[i] = x;
  }
  for (int32_t i = count - 1; i-- > 0;) {
    const blok_net_text name = blok_net_name("decoder%d", (int)i + 1);
    block.out_channels = widths[i];
    BLOK_TRY(blok_build_merge(builder, name.text, &block, stages[i], &x, error));
  }
  BLOK_TRY(
      blok_net_plain(builder, "mask", (blok_net_conv){options->classes, 1, 1, true}, &x, error));
  return blok_build_output(builder, "output", x, error);
}

const blok_net_row blok_net_encoder_decoder = {
    .net = {.name = "encoder-decoder",
            .summary = "a score for each class and pixel: stages down, merges back up, mask head",
            .options = BACKBONE_OPTIONS,
            .parameters = 517906},
    .own = {.in_channels = 3,
            .height = 64,
            .width = 64,
            .classes = 2,
            .base = 16,
            .blocks = {1, 1, 1, 1},
            .order = BLOK_ORDER_POST,
            .activation = BLOK_ACT_RELU},
    .body = encoder_decoder};
