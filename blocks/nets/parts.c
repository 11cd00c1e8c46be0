// Parts that most networks are put together from: plain convolutions, stages, the classifier's
// head.
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "blocks/nets/nets.h"

blok_net_text blok_net_name(const char *format, ...) {
  blok_net_text name;
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(name.text, sizeof name.text, format, arguments);
  va_end(arguments);
  return name;
}

blok_status blok_net_channels(int64_t channels, int32_t *out, blok_error *error) {
  if (channels < 1 || channels > INT32_MAX) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "a stage of %" PRId64 " channels: give a smaller base or widen", channels);
  }
  *out = (int32_t)channels;
  return BLOK_OK;
}

blok_block_options blok_net_block(const blok_net_options *options) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  block.order = options->order == BLOK_ORDER_NONE ? BLOK_ORDER_POST : options->order;
  block.activation = options->activation;
  block.norm = options->norm;
  if (options->norm == BLOK_NORM_GROUP) block.norm_groups = options->norm_groups;
  block.se = options->se;
  if (options->se) {
    block.se_reduction = options->se_reduction;
    block.se_min_hidden = options->se_min_hidden;
  }
  return block;
}

blok_status blok_net_act(blok_builder *builder, const blok_net_options *options, const char *name,
                         int32_t out, int32_t stride, blok_value_id *x, blok_error *error) {
  blok_net_options without_se = *options;
  without_se.se = false;
  without_se.order = BLOK_ORDER_POST;
  blok_block_options block = blok_net_block(&without_se);
  block.out_channels = out;
  block.stride = stride;
  return blok_build_conv_norm_act(builder, name, &block, x, error);
}

blok_status blok_net_plain(blok_builder *builder, const char *name, blok_net_conv conv,
                           blok_value_id *x, blok_error *error) {
  blok_conv_desc desc = BLOK_CONV_DESC_INIT;
  desc.out_channels = conv.out;
  desc.bias = conv.bias;
  for (size_t i = 0; i < 2; i++) {
    desc.kernel[i] = conv.kernel;
    desc.stride[i] = conv.stride;
  }
  for (size_t i = 0; i < 4; i++) desc.pads[i] = conv.kernel / 2;
  return blok_build_conv(builder, name, &desc, x, error);
}

blok_status blok_net_normed(blok_builder *builder, const blok_net_options *options,
                            const char *name, const char *norm, blok_net_conv conv,
                            blok_value_id *x, blok_error *error) {
  conv.bias = options->norm == BLOK_NORM_NONE;
  BLOK_TRY(blok_net_plain(builder, name, conv, x, error));
  if (options->norm == BLOK_NORM_NONE) return BLOK_OK;
  return blok_build_norm(builder, norm, options->norm, options->norm_groups, 1e-5, x, error);
}

// ---- Stages -------------------------------------------------------------------------------------

int32_t blok_net_stages(const blok_net_options *options) {
  int32_t stages = 0;
  while (stages < 4 && options->blocks[stages] > 0) stages++;
  return stages;
}

blok_net_tower blok_net_tower_begin(blok_builder *builder, const blok_net_options *options,
                                    const char *prefix, blok_block_kind kind) {
  blok_net_tower tower = {builder, options, prefix, "stage", kind, 1, 0, 0};
  for (int32_t i = 0; i < blok_net_stages(options); i++) tower.total += options->blocks[i];
  return tower;
}

blok_status blok_net_stage(blok_net_tower *tower, int64_t width, int32_t stride, blok_value_id *x,
                           blok_error *error) {
  blok_block_options block = blok_net_block(tower->options);
  BLOK_TRY(blok_net_channels(width, &block.out_channels, error));
  for (int32_t i = 0; i < tower->options->blocks[tower->stage - 1]; i++) {
    const blok_net_text name =
        blok_net_name("%s%s%d.%d", tower->prefix, tower->word, (int)tower->stage, (int)i);
    block.stride = i == 0 ? stride : 1;
    block.drop_path = 0;
    if (tower->total > 1) {
      block.drop_path = tower->options->drop_path * tower->done / (tower->total - 1);
    }
    BLOK_TRY(tower->kind == BLOK_BOTTLENECK
                 ? blok_build_bottleneck(tower->builder, name.text, &block, x, error)
                 : blok_build_basic(tower->builder, name.text, &block, x, error));
    tower->done++;
  }
  tower->stage++;
  return BLOK_OK;
}

// ---- Head ---------------------------------------------------------------------------------------

blok_status blok_net_classify(blok_builder *builder, const blok_net_options *options,
                              blok_value_id x, blok_error *error) {
  blok_head_options head = BLOK_HEAD_OPTIONS_INIT;
  head.classes = options->classes;
  if (options->order == BLOK_ORDER_PRE) {
    head.norm = options->norm;
    head.activation = options->activation;
    if (options->norm == BLOK_NORM_GROUP) head.norm_groups = options->norm_groups;
  }
  BLOK_TRY(blok_build_head(builder, "", &head, &x, error));
  return blok_build_output(builder, "output", x, error);
}
