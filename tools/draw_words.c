// Operations as text.
#include "tools/draw_words.h"

#include <stdlib.h>

#include "tools/text.h"

const char *blok_draw_arrow(bool utf8) { return utf8 ? "→" : "->"; }

char *blok_draw_activation(blok_activation activation, double alpha, double beta) {
  const char *name = activation == BLOK_ACT_NONE ? "" : blok_activation_name(activation);
  if (activation == BLOK_ACT_LEAKY_RELU || activation == BLOK_ACT_ELU) {
    return blok_textf("%s(%.4g)", name, alpha);
  }
  if (activation == BLOK_ACT_CLIP) return blok_textf("%s(%.4g, %.4g)", name, alpha, beta);
  return blok_textf("%s", name);
}

// "3x3", " /2": the second is empty where nothing is skipped.
static void window_text(const int32_t kernel[2], const int32_t stride[2], char text[64]) {
  size_t used = (size_t)snprintf(text, 64, "%dx%d", kernel[0], kernel[1]);
  if (stride[0] != stride[1]) {
    (void)snprintf(text + used, 64 - used, " /%dx%d", stride[0], stride[1]);
  } else if (stride[0] != 1) {
    (void)snprintf(text + used, 64 - used, " /%d", stride[0]);
  }
}

char *blok_draw_operator(const blok_conv_desc *conv) {
  char window[64];
  char groups[32] = "";
  char dilation[48] = "";
  window_text(conv->kernel, conv->stride, window);
  const bool depthwise = conv->groups > 1 && conv->groups == conv->in_channels;
  if (conv->groups > 1 && !depthwise) {
    (void)snprintf(groups, sizeof groups, ", %d groups", conv->groups);
  }
  if (conv->dilation[0] != conv->dilation[1]) {
    (void)snprintf(dilation, sizeof dilation, ", dilation %dx%d", conv->dilation[0],
                   conv->dilation[1]);
  } else if (conv->dilation[0] != 1) {
    (void)snprintf(dilation, sizeof dilation, ", dilation %d", conv->dilation[0]);
  }
  return blok_textf("%s %s%s%s%s", depthwise ? "depthwise" : "conv", window, groups, dilation,
                    conv->bias ? " + bias" : "");
}

char *blok_draw_norm(blok_norm norm, int32_t groups) {
  if (norm == BLOK_NORM_NONE) return blok_textf("%s", "");
  if (norm == BLOK_NORM_GROUP) return blok_textf("%s norm %d", blok_norm_name(norm), groups);
  return blok_textf("%s norm", blok_norm_name(norm));
}

char *blok_draw_conv(const blok_conv_desc *conv, bool utf8) {
  const char *arrow = blok_draw_arrow(utf8);
  char *operator_text = blok_draw_operator(conv);
  char *activation = blok_draw_activation(conv->activation, conv->alpha, conv->beta);
  char *norm_text = blok_draw_norm(conv->norm, conv->norm_groups);
  const bool norm = norm_text[0] != '\0';
  const bool active = activation[0] != '\0';
  char *text = blok_textf("%s  %d > %d%s%s%s%s%s%s%s%s", operator_text, conv->in_channels,
                          conv->out_channels, norm ? "  " : "", norm ? arrow : "", norm ? " " : "",
                          norm_text,
                          !active ? ""
                          : norm  ? " "
                                  : "  ",
                          active ? arrow : "", active ? " " : "", activation);
  free(operator_text);
  free(norm_text);
  free(activation);
  return text;
}

char *blok_draw_step(const blok_skip_step *step, bool utf8) {
  char window[64];
  window_text(step->kernel, step->stride, window);
  switch (step->op) {
    case BLOK_SKIP_CONV:
      return blok_draw_conv(&step->conv, utf8);
    case BLOK_SKIP_NORM:
      return blok_draw_norm(step->conv.norm, step->conv.norm_groups);
    case BLOK_SKIP_AVERAGE_POOL:
      return blok_textf("average pool %s", window);
    case BLOK_SKIP_MAX_POOL:
      return blok_textf("max pool %s", window);
    case BLOK_SKIP_PAD:
      return blok_textf("zeros on axis %d: %lld before, %lld behind", step->axis,
                        (long long)step->begin, (long long)step->end);
    case BLOK_SKIP_SLICE:
      return step->step == 1
                 ? blok_textf("axis %d from %lld to %lld", step->axis, (long long)step->begin,
                              (long long)step->end)
                 : blok_textf("axis %d, one of %lld", step->axis, (long long)step->step);
    case BLOK_SKIP_SCALE:
      return blok_textf("%s %s", step->divides ? "divided by" : "times",
                        step->scale == BLOK_SCALE_CHANNELS ? "one number a channel" : "one number");
  }
  return blok_textf("%s", "");
}

char *blok_draw_words(const blok_block *block, bool utf8) {
  const char *kind = blok_block_kind_name(block->kind);
  if (block->conv != NULL) return blok_draw_conv(block->conv, utf8);
  if (block->se != NULL) {
    return blok_textf("%s  %d > %d > %d", kind, block->se->channels, block->se->hidden,
                      block->se->channels);
  }
  if (block->gate != NULL) {
    return blok_textf("%s: %s", kind, blok_gate_form_name(block->gate->form));
  }
  const blok_shown name = blok_show(block->name);
  return blok_textf("%s  %s", kind, name.text);
}
