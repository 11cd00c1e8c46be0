// The ResNets for large pictures, as torchvision has them: a stem that makes the picture four times
// smaller, four stages, and torchvision's names of weights.
#include "base/error.h"
#include "blocks/nets/nets.h"

static blok_status resnet(blok_builder *builder, const blok_net_options *options,
                          blok_block_kind kind, blok_value_id x, blok_error *error) {
  blok_net_tower tower = blok_net_tower_begin(builder, options, "", kind);
  int64_t width = (int64_t)options->base * (kind == BLOK_BOTTLENECK ? 4 : 1);
  tower.word = "layer";
  const blok_net_conv stem = {.out = options->base, .kernel = 7, .stride = 2};
  BLOK_TRY(blok_net_normed(builder, options, "conv1", "bn1", stem, &x, error));
  BLOK_TRY(blok_build_activation(builder, "relu", options->activation, 0, 0, &x, error));
  BLOK_TRY(blok_build_max_pool(builder, "maxpool", 3, 2, 1, &x, error));
  for (int32_t i = 0; i < blok_net_stages(options); i++) {
    BLOK_TRY(blok_net_stage(&tower, width, i == 0 ? 1 : 2, &x, error));
    width *= 2;
  }
  return blok_net_classify(builder, options, x, error);
}

static blok_status basic(blok_builder *builder, const blok_net_options *options, blok_value_id x,
                         blok_error *error) {
  return resnet(builder, options, BLOK_RESIDUAL, x, error);
}

static blok_status bottleneck(blok_builder *builder, const blok_net_options *options,
                              blok_value_id x, blok_error *error) {
  return resnet(builder, options, BLOK_BOTTLENECK, x, error);
}

// What the four have in common; then each net with its stages.
#define RESNET_OPTIONS                                                                  \
  "in, size, batch, classes, base, act, norm, norm-groups, se, reduction, min-hidden, " \
  "drop-path"

#define RESNET(id, text, kind, count, ...)                                                   \
  const blok_net_row blok_net_##id = {                                                       \
      .net = {.name = #id, .summary = text, .options = RESNET_OPTIONS, .parameters = count}, \
      .own = {.in_channels = 3,                                                              \
              .height = 224,                                                                 \
              .width = 224,                                                                  \
              .classes = 1000,                                                               \
              .base = 64,                                                                    \
              .blocks = __VA_ARGS__,                                                         \
              .order = BLOK_ORDER_POST,                                                      \
              .activation = BLOK_ACT_RELU},                                                  \
      .naming = BLOK_NAMING_TORCHVISION,                                                     \
      .body = kind}

RESNET(resnet18, "torchvision's resnet18: residual blocks, 2, 2, 2, 2", basic, 11689512,
       {2, 2, 2, 2});
RESNET(resnet34, "torchvision's resnet34: residual blocks, 3, 4, 6, 3", basic, 21797672,
       {3, 4, 6, 3});
RESNET(resnet50, "torchvision's resnet50: bottlenecks, 3, 4, 6, 3", bottleneck, 25557032,
       {3, 4, 6, 3});
RESNET(resnet101, "torchvision's resnet101: bottlenecks, 3, 4, 23, 3", bottleneck, 44549160,
       {3, 4, 23, 3});
