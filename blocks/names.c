// The words for the enums of blok/blocks.h, as tables, JSON and messages spell them.
#include <blok/blocks.h>
#include <stddef.h>

const char *blok_block_kind_name(blok_block_kind kind) {
  switch (kind) {
#define BLOCK(id, name, match, what) \
  case BLOK_##id:                    \
    return #name;
#include "blocks/blocks.def"
#undef BLOCK
  }
  return "none";
}

const char *blok_skip_name(blok_skip skip) {
  switch (skip) {
    case BLOK_SKIP_IDENTITY:
      return "identity";
    case BLOK_SKIP_PROJECTION:
      return "projection";
    case BLOK_SKIP_NONE:
      break;
  }
  return "none";
}

const char *blok_order_name(blok_order order) {
  switch (order) {
    case BLOK_ORDER_POST:
      return "post";
    case BLOK_ORDER_PRE:
      return "pre";
    case BLOK_ORDER_NONE:
      break;
  }
  return "none";
}

const char *blok_activation_name(blok_activation activation) {
  static const char *const names[] = {
      [BLOK_ACT_NONE] = "none",
      [BLOK_ACT_RELU] = "relu",
      [BLOK_ACT_RELU6] = "relu6",
      [BLOK_ACT_LEAKY_RELU] = "leaky_relu",
      [BLOK_ACT_SILU] = "silu",
      [BLOK_ACT_HARD_SWISH] = "hard_swish",
      [BLOK_ACT_SIGMOID] = "sigmoid",
      [BLOK_ACT_HARD_SIGMOID] = "hard_sigmoid",
      [BLOK_ACT_TANH] = "tanh",
      [BLOK_ACT_GELU] = "gelu",
      [BLOK_ACT_PRELU] = "prelu",
      [BLOK_ACT_CLIP] = "clip",
      [BLOK_ACT_GELU_TANH] = "gelu_tanh",
      [BLOK_ACT_MISH] = "mish",
      [BLOK_ACT_ELU] = "elu",
  };
  size_t index = (size_t)activation;
  return index < sizeof names / sizeof names[0] ? names[index] : "none";
}

const char *blok_gate_form_name(blok_gate_form form) {
  static const char *const names[] = {
      [BLOK_GATE_OTHER] = "other",
      [BLOK_GATE_ECA] = "eca",
      [BLOK_GATE_EFFECTIVE_SE] = "effective_se",
      [BLOK_GATE_GLOBAL_CONTEXT] = "global_context",
      [BLOK_GATE_CBAM_CHANNEL] = "cbam_channel",
      [BLOK_GATE_CBAM_SPATIAL] = "cbam_spatial",
      [BLOK_GATE_GRN] = "grn",
  };
  size_t index = (size_t)form;
  return index < sizeof names / sizeof names[0] ? names[index] : "other";
}

const char *blok_norm_name(blok_norm norm) {
  switch (norm) {
    case BLOK_NORM_BATCH:
      return "batch";
    case BLOK_NORM_GROUP:
      return "group";
    case BLOK_NORM_LAYER:
      return "layer";
    case BLOK_NORM_NONE:
      break;
  }
  return "none";
}
