// MobileNetV2 (Sandler et al. 2018) as torchvision has it. Its modules have names of their own
// kind ("features.2.conv.0.0.weight"), so that the blocks are put together from convolutions; they
// are matched as inverted bottlenecks all the same.
#include "base/error.h"
#include "blocks/nets/nets.h"

enum { STEM = 32, LAST = 1280 };

static const struct {
  int32_t expansion, width, count, stride;
} plan[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
            {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

typedef struct bottleneck {
  int32_t in, out;
  int32_t stride;
  int32_t expansion;
} bottleneck;

static blok_status conv(blok_builder *builder, const blok_net_options *options, const char *name,
                        int32_t kernel, int32_t out, int32_t stride, int32_t groups,
                        blok_value_id *x, blok_error *error) {
  blok_block_options block = blok_net_block(options);
  block.out_channels = out;
  block.kernel = kernel;
  block.stride = stride;
  block.groups = groups;
  return blok_build_conv_norm_act(builder, name, &block, x, error);
}

// 1x1 to the inner channels, depthwise, 1x1 without activation, and x where it fits.
static blok_status inverted(blok_builder *builder, const blok_net_options *options, int index,
                            bottleneck shape, blok_value_id *x, blok_error *error) {
  const blok_value_id entry = *x;
  const int32_t inner = shape.in * shape.expansion;
  int part = 0;
  if (shape.expansion != 1) {
    const blok_net_text widen = blok_net_name("features.%d.conv.%d", index, part++);
    BLOK_TRY(conv(builder, options, widen.text, 1, inner, 1, 1, x, error));
  }
  const blok_net_text depthwise = blok_net_name("features.%d.conv.%d", index, part);
  const blok_net_text narrow = blok_net_name("features.%d.conv.%d", index, part + 1);
  const blok_net_text norm = blok_net_name("features.%d.conv.%d", index, part + 2);
  const blok_net_text add = blok_net_name("features.%d", index);
  BLOK_TRY(conv(builder, options, depthwise.text, 3, inner, shape.stride, inner, x, error));
  const blok_net_conv last = {.out = shape.out, .kernel = 1, .stride = 1};
  BLOK_TRY(blok_net_normed(builder, options, narrow.text, norm.text, last, x, error));
  if (shape.stride != 1 || shape.in != shape.out) return BLOK_OK;
  return blok_build_add(builder, add.text, entry, x, error);
}

static blok_status mobilenet_v2(blok_builder *builder, const blok_net_options *options,
                                blok_value_id x, blok_error *error) {
  int index = 1;
  int32_t width = STEM;
  BLOK_TRY(conv(builder, options, "features.0", 3, STEM, 2, 1, &x, error));
  for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++) {
    for (int32_t k = 0; k < plan[i].count; k++) {
      const bottleneck shape = {width, plan[i].width, k == 0 ? plan[i].stride : 1,
                                plan[i].expansion};
      BLOK_TRY(inverted(builder, options, index++, shape, &x, error));
      width = plan[i].width;
    }
  }
  const blok_net_text last = blok_net_name("features.%d", index);
  BLOK_TRY(conv(builder, options, last.text, 1, LAST, 1, 1, &x, error));
  BLOK_TRY(blok_build_global_pool(builder, "avgpool", &x, error));
  BLOK_TRY(blok_build_flatten(builder, "flatten", &x, error));
  BLOK_TRY(blok_build_linear(builder, "classifier.1", options->classes, true, &x, error));
  return blok_build_output(builder, "output", x, error);
}

const blok_net_row blok_net_mobilenet_v2 = {
    .net = {.name = "mobilenet-v2",
            .summary = "torchvision's mobilenet_v2: inverted bottlenecks",
            .options = "in, size, batch, classes, act, norm, norm-groups",
            .parameters = 3504872},
    .own = {.in_channels = 3,
            .height = 224,
            .width = 224,
            .classes = 1000,
            .activation = BLOK_ACT_RELU6},
    .naming = BLOK_NAMING_TORCHVISION,
    .body = mobilenet_v2};
