// Blocks as PyTorch modules: each writes the class that it alone would have, and classes.c finds
// what they have in common.
//
// Modules inside a class are called as the weights in the .npz are: conv1, bn1, downsample.0,
// se.fc1 (BLOK_NAMING_TORCHVISION).
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "codegen/python.h"

// ---- Layers -------------------------------------------------------------------------------------

static const char *pair(blok_python *self, const char *hint, const int32_t values[2]) {
  if (values[0] == values[1]) return blok_py_hole_int(self, hint, values[0]);
  return blok_py_hole(self, hint, blok_py(self, "(%d, %d)", (int)values[0], (int)values[1]));
}

// cin, cout: hints.
static const char *conv_text(blok_python *self, const blok_conv_desc *desc, const char *cin,
                             const char *cout) {
  const int32_t *pads = desc->pads;
  const bool even = pads[0] == pads[2] && pads[1] == pads[3];
  const bool depthwise = desc->groups > 1 && desc->groups == desc->in_channels;
  const char *padding =
      even ? blok_py(self, "padding=%s", pair(self, "padding", pads))
           : blok_py(self, "pads=%s",
                     blok_py_hole(self, "pads",
                                  blok_py(self, "(%d, %d, %d, %d)", (int)pads[1], (int)pads[3],
                                          (int)pads[0], (int)pads[2])));
  if (!even) self->uses[BLOK_PY_PADDED_CONV] = true;
  return blok_py(
      self, "%s(%s, %s, %s, %s%sstride=%s%s%s, dilation=%s, groups=%s%s)",
      even ? "nn.Conv2d" : "PaddedConv2d", blok_py_hole_int(self, cin, desc->in_channels),
      blok_py_hole_int(self, cout, desc->out_channels), pair(self, "kernel", desc->kernel),
      even ? "" : padding, even ? "" : ", ", pair(self, "stride", desc->stride), even ? ", " : "",
      even ? padding : "", pair(self, "dilation", desc->dilation),
      blok_py_hole_int(self, depthwise ? cin : "groups", desc->groups),
      desc->bias ? "" : ", bias=False");
}

static const char *norm_text(blok_python *self, blok_norm norm, int32_t groups, double epsilon,
                             int64_t channels, const char *hint) {
  const bool usual = fabs(epsilon - 1e-5) < 1e-11;
  const char *eps = usual ? "" : blok_py(self, ", eps=%s", blok_print_number(epsilon).text);
  const char *width = blok_py_hole_int(self, hint, channels);
  switch (norm) {
    case BLOK_NORM_GROUP:
      return blok_py(self, "nn.GroupNorm(%s, %s%s)", blok_py_hole_int(self, "norm_groups", groups),
                     width, eps);
    case BLOK_NORM_LAYER:
      self->uses[BLOK_PY_LAYER_NORM] = true;
      return blok_py(self, "LayerNorm2d(%s%s)", width, eps);
    case BLOK_NORM_BATCH:
    case BLOK_NORM_NONE:
      break;
  }
  return blok_py(self, "nn.BatchNorm2d(%s%s)", width, eps);
}

static const char *bound(double number) {
  return isinf(number) ? number > 0 ? "float(\"inf\")" : "-float(\"inf\")" : NULL;
}

static const char *plain_act(blok_python *self, blok_activation activation, double alpha,
                             double beta) {
  const char *a = bound(alpha), *b = bound(beta);
  if (!a) a = blok_py(self, "%s", blok_print_number(alpha).text);
  if (!b) b = blok_py(self, "%s", blok_print_number(beta).text);
  switch (activation) {
    case BLOK_ACT_NONE:
      return "nn.Identity()";
    case BLOK_ACT_RELU:
      return "nn.ReLU()";
    case BLOK_ACT_RELU6:
      return "nn.ReLU6()";
    case BLOK_ACT_LEAKY_RELU:
      return blok_py(self, "nn.LeakyReLU(%s)", a);
    case BLOK_ACT_SILU:
      return "nn.SiLU()";
    case BLOK_ACT_HARD_SWISH:
      return "nn.Hardswish()";
    case BLOK_ACT_SIGMOID:
      return "nn.Sigmoid()";
    case BLOK_ACT_HARD_SIGMOID:
      if (fabs(alpha - 1.0 / 6) < 1e-7 && beta == 0.5) return "nn.Hardsigmoid()";
      self->uses[BLOK_PY_HARD_SIGMOID] = true;
      return blok_py(self, "HardSigmoid(%s, %s)", a, b);
    case BLOK_ACT_TANH:
      return "nn.Tanh()";
    case BLOK_ACT_GELU:
      return "nn.GELU()";
    case BLOK_ACT_PRELU:
      return "nn.PReLU()";
    case BLOK_ACT_CLIP:
      return blok_py(self, "nn.Hardtanh(%s, %s)", a, b);
    case BLOK_ACT_GELU_TANH:
      return "nn.GELU(\"tanh\")";
    case BLOK_ACT_MISH:
      return "nn.Mish()";
    case BLOK_ACT_ELU:
      return blok_py(self, "nn.ELU(%s)", a);
  }
  return "nn.Identity()";
}

// A PReLU has a weight and so must be each block's own; others may be given to a class.
static const char *act_text(blok_python *self, const char *hint, blok_activation activation,
                            double alpha, double beta) {
  const char *text = plain_act(self, activation, alpha, beta);
  return activation == BLOK_ACT_PRELU ? text : blok_py_hole(self, hint, text);
}

// ---- conv_norm_act ------------------------------------------------------------------------------

static void conv_instance(blok_python *self, const blok_conv_desc *desc, blok_instance *out) {
  const bool norm = desc->norm != BLOK_NORM_NONE, act = desc->activation != BLOK_ACT_NONE;
  const char *text = blok_py(self, "        super().__init__(\n            %s",
                             conv_text(self, desc, "cin", "cout"));
  if (norm) {
    text = blok_py(
        self, "%s,\n            %s", text,
        norm_text(self, desc->norm, desc->norm_groups, desc->epsilon, desc->out_channels, "cout"));
  }
  if (act) {
    text = blok_py(self, "%s,\n            %s", text,
                   act_text(self, "act", desc->activation, desc->alpha, desc->beta));
  }
  out->stem = norm ? act ? "ConvNormAct" : "ConvNorm" : "ConvAct";
  out->head = blok_py(self, "%s)\n", text);
}

// ---- Squeeze and excite -------------------------------------------------------------------------

static const char *product_text(blok_python *self, const blok_se_desc *se, int which) {
  const char *in =
      blok_py_hole_int(self, which ? "hidden" : "channels", which ? se->hidden : se->channels);
  const char *out =
      blok_py_hole_int(self, which ? "channels" : "hidden", which ? se->channels : se->hidden);
  const bool conv = se->product[which] == BLOK_PRODUCT_CONV;
  return blok_py(self, "        self.fc%d = nn.%s(%s, %s%s%s)\n", which + 1,
                 conv ? "Conv2d" : "Linear", in, out, conv ? ", 1" : "",
                 se->bias[which] ? "" : ", bias=False");
}

static void se_instance(blok_python *self, const blok_se_desc *se, blok_instance *out) {
  const bool norm = se->norm != BLOK_NORM_NONE, act = se->activation != BLOK_ACT_NONE;
  const bool convs = se->product[0] == BLOK_PRODUCT_CONV;
  const char *between = "self.fc1(y)";
  out->stem = "SqueezeExcite";
  out->head = product_text(self, se, 0);
  if (norm) {
    const char *text = norm_text(self, se->norm, 0, se->epsilon, se->hidden, "hidden");
    if (!convs) {
      text = blok_py(self, "nn.BatchNorm1d(%s", strchr(text, '(') + 1);
    }
    out->head = blok_py(self, "%s        self.bn = %s\n", out->head, text);
    between = "self.bn(self.fc1(y))";
  }
  if (act) {
    out->head = blok_py(self, "%s        self.activation = %s\n", out->head,
                        act_text(self, "activation", se->activation, se->alpha, se->beta));
    between = blok_py(self, "self.activation(%s)", between);
  }
  out->head = blok_py(self, "%s%s        self.gate = %s\n", out->head, product_text(self, se, 1),
                      act_text(self, "gate", se->gate, se->gate_alpha, se->gate_beta));
  const bool conv_last = se->product[1] == BLOK_PRODUCT_CONV;
  const char *turn = convs == conv_last ? "" : conv_last ? "[:, :, None, None]" : ".flatten(1)";
  const char *forward =
      blok_py(self,
              "        y = x.mean((2, 3)%s)\n        y = self.gate(self.fc2(%s%s))\n"
              "        return x * y%s\n",
              convs ? ", keepdim=True" : "", between, turn, conv_last ? "" : "[:, :, None, None]");
  for (int i = 0; i < 8; i++) out->forward[i] = forward;
}

// ---- The skip path ------------------------------------------------------------------------------

static const char *window_text(blok_python *self, const blok_skip_step *step) {
  const bool mean = step->op == BLOK_SKIP_AVERAGE_POOL;
  return blok_py(self, "nn.%s(%s, stride=%s, padding=%s%s%s)", mean ? "AvgPool2d" : "MaxPool2d",
                 pair(self, "pool", step->kernel), pair(self, "pool_stride", step->stride),
                 pair(self, "pool_padding", step->pads), step->ceil_mode ? ", ceil_mode=True" : "",
                 mean && !step->count_include_pad ? ", count_include_pad=False" : "");
}

static const char *step_text(blok_python *self, const blok_skip_step *step) {
  const blok_conv_desc *conv = &step->conv;
  switch (step->op) {
    case BLOK_SKIP_CONV: {
      const char *text = conv_text(self, conv, "cin", "cout");
      if (conv->norm == BLOK_NORM_NONE) return text;
      return blok_py(self, "%s,\n            %s", text,
                     norm_text(self, conv->norm, conv->norm_groups, conv->epsilon,
                               conv->out_channels, "cout"));
    }
    case BLOK_SKIP_NORM:
      return norm_text(self, conv->norm, conv->norm_groups, conv->epsilon, conv->in_channels,
                       "cin");
    case BLOK_SKIP_AVERAGE_POOL:
    case BLOK_SKIP_MAX_POOL:
      return window_text(self, step);
    case BLOK_SKIP_PAD:
      self->uses[BLOK_PY_PAD] = true;
      return blok_py(self, "Pad(%d, %s, %s)", (int)step->axis,
                     blok_py_hole_int(self, "before", step->begin),
                     blok_py_hole_int(self, "behind", step->end));
    case BLOK_SKIP_SLICE:
      self->uses[BLOK_PY_SLICE] = true;
      return blok_py(self, "Slice(%d, %lld, %lld, %lld)", (int)step->axis, (long long)step->begin,
                     (long long)step->end, (long long)step->step);
    case BLOK_SKIP_SCALE:
      self->uses[BLOK_PY_SCALE] = true;
      if (step->scale == BLOK_SCALE_NUMBER) {
        return step->divides ? "Scale((), divides=True)" : "Scale(())";
      }
      return blok_py(self, "Scale((%s, 1, 1)%s)", blok_py_hole_int(self, "cin", conv->in_channels),
                     step->divides ? ", divides=True" : "");
  }
  return "nn.Identity()";
}

static const char *skip_text(blok_python *self, const blok_residual_desc *desc) {
  const char *text = "";
  bool many = desc->skip_steps > 1;
  if (desc->skip_steps == 0) return NULL;
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    const blok_skip_step *step = &desc->skip_step[i];
    many = many || (step->op == BLOK_SKIP_CONV && step->conv.norm != BLOK_NORM_NONE);
    text = blok_py(self, "%s%s%s", text, i ? ",\n            " : "", step_text(self, step));
  }
  return many ? blok_py(self, "nn.Sequential(\n            %s)", text) : text;
}

// ---- Blocks with an addition --------------------------------------------------------------------

static bool has_act(const blok_conv_desc *conv) { return conv->activation != BLOK_ACT_NONE; }

// One module self.act serves the whole block: all its activations are the same and have no weight.
static bool one_act(const blok_residual_desc *desc) {
  const blok_conv_desc *first = NULL;
  for (int32_t i = 0; i < desc->convs; i++) {
    const blok_conv_desc *conv = &desc->conv[i];
    if (!has_act(conv)) continue;
    if (conv->activation == BLOK_ACT_PRELU) return false;
    if (first && (conv->activation != first->activation || conv->alpha != first->alpha ||
                  conv->beta != first->beta)) {
      return false;
    }
    first = conv;
  }
  return desc->after_add == BLOK_ACT_NONE ||
         (desc->after_add != BLOK_ACT_PRELU &&
          (!first || (desc->after_add == first->activation && desc->after_alpha == first->alpha &&
                      desc->after_beta == first->beta)));
}

static const char *act_name(blok_python *self, const blok_residual_desc *desc, int32_t index) {
  return one_act(desc) ? "self.act" : blok_py(self, "self.act%d", (int)index + 1);
}

// forward; parts and sometimes as bits of form.
static const char *forward_text(blok_python *self, const blok_residual_desc *desc,
                                unsigned int form) {
  const bool pre = desc->order == BLOK_ORDER_PRE;
  const char *skip = form & 1U ? "self.downsample(%s)" : "x";
  const char *text = "", *y = "x";
  if (desc->skip == BLOK_SKIP_NONE && !(form & 4U)) skip = NULL;
  const char *from = desc->projection_after_preact ? "y" : "x";
  const char *line =
      !(form & 1U) ? "" : blok_py(self, "        skip = self.downsample(%s)\n", from);
  if (form & 1U && !desc->projection_after_preact) text = line;
  for (int32_t i = 0; i < desc->convs; i++) {
    const blok_conv_desc *conv = &desc->conv[i];
    const bool se = form & 2U && desc->has_se && desc->se_conv == i;
    const char *value = pre ? y : blok_py(self, "self.conv%d(%s)", (int)i + 1, y);
    if (conv->norm != BLOK_NORM_NONE) value = blok_py(self, "self.bn%d(%s)", (int)i + 1, value);
    if (se && !pre && desc->se_before_act) value = blok_py(self, "self.se(%s)", value);
    if (has_act(conv)) value = blok_py(self, "%s(%s)", act_name(self, desc, i), value);
    if (pre && i == 0 && form & 1U && desc->projection_after_preact) {
      text = blok_py(self, "%s        y = %s\n%s", text, value, line);
      value = "y";
    }
    if (pre) value = blok_py(self, "self.conv%d(%s)", (int)i + 1, value);
    if (se && (pre || !desc->se_before_act)) value = blok_py(self, "self.se(%s)", value);
    text = blok_py(self, "%s        y = %s\n", text, value);
    y = "y";
  }
  if (desc->scale == BLOK_SCALE_CHANNELS) y = "y * self.layer_scale";
  if (desc->scale == BLOK_SCALE_NUMBER) {
    y = blok_py(self, "y * %s", blok_print_number(desc->scale_number).text);
  }
  if (!skip) return blok_py(self, "%s        return %s\n", text, y);
  const char *sum = blok_py(self, "%s + %s", y, form & 1U ? "skip" : "x");
  if (desc->after_add != BLOK_ACT_NONE) {
    sum = blok_py(self, "self.act(%s)", sum);
  }
  if (!(form & 4U)) return blok_py(self, "%s        return %s\n", text, sum);
  return blok_py(self, "%s        return %s if self.adds else %s\n", text, sum, y);
}

static const char *residual_stem(const blok_item *item) {
  const bool pre = item->residual.order == BLOK_ORDER_PRE;
  if (item->block == BLOK_BOTTLENECK) return pre ? "PreActBottleneck" : "Bottleneck";
  if (item->block == BLOK_INVERTED_BOTTLENECK) {
    return item->residual.convs == 2 ? "DepthwiseSeparable" : "InvertedBottleneck";
  }
  return pre ? "PreActBlock" : "BasicBlock";
}

static void residual_instance(blok_python *self, const blok_item *item, const blok_instance *se,
                              blok_instance *out) {
  const blok_residual_desc *desc = &item->residual;
  const bool pre = desc->order == BLOK_ORDER_PRE, one = one_act(desc);
  const int32_t last = desc->convs - 1, wide = desc->conv[last].out_channels;
  const char *in = "cin", *act = NULL;
  out->stem = residual_stem(item);
  out->kind = desc->projection_after_preact ? "preact" : "";
  out->adds = desc->skip != BLOK_SKIP_NONE;
  out->head = out->tail = "";
  for (int32_t i = 0; i <= last; i++) {
    const blok_conv_desc *conv = &desc->conv[i];
    const char *to =
        i == last || (item->block == BLOK_RESIDUAL && conv->out_channels == wide) ? "cout" : "mid";
    const char *conv_line =
        blok_py(self, "        self.conv%d = %s\n", (int)i + 1, conv_text(self, conv, in, to));
    const char *norm_line = "";
    if (conv->norm != BLOK_NORM_NONE) {
      norm_line = blok_py(self, "        self.bn%d = %s\n", (int)i + 1,
                          norm_text(self, conv->norm, conv->norm_groups, conv->epsilon,
                                    pre ? conv->in_channels : conv->out_channels, pre ? in : to));
    }
    out->head = blok_py(self, "%s%s%s", out->head, pre ? norm_line : conv_line,
                        pre ? conv_line : norm_line);
    if (has_act(conv)) {
      act = act_text(self, "act", conv->activation, conv->alpha, conv->beta);
      if (!one) {
        out->tail = blok_py(self, "%s        self.act%d = %s\n", out->tail, (int)i + 1, act);
      }
    }
    in = to;
  }
  if (desc->after_add != BLOK_ACT_NONE) {
    const char *after = act_text(self, "act", desc->after_add, desc->after_alpha, desc->after_beta);
    if (one) act = after;
    if (!one) out->tail = blok_py(self, "%s        self.act = %s\n", out->tail, after);
  }
  if (one && act) out->tail = blok_py(self, "        self.act = %s\n", act);
  if (desc->scale == BLOK_SCALE_CHANNELS) {
    out->tail = blok_py(self, "%s        self.layer_scale = nn.Parameter(torch.ones(%s, 1, 1))\n",
                        out->tail, blok_py_hole_int(self, "cout", wide));
  }
  out->part[BLOK_SECTION_SKIP] = skip_text(self, desc);
  if (desc->has_se) {
    out->part[BLOK_SECTION_SE] = blok_py_keep(self, blok_classes_call(&self->classes, se, true));
  }
  for (unsigned int form = 0; form < 8; form++) {
    out->forward[form] = forward_text(self, desc, form);
  }
}

// ---- All of them --------------------------------------------------------------------------------

static blok_status put(blok_python *self, blok_instance *instance, blok_error *error) {
  if (!instance->kind) instance->kind = "";
  if (!instance->tail) instance->tail = "";
  if (self->failed) return blok_fail_memory(error, 0);
  return blok_classes_put(&self->classes, instance, error);
}

static bool is_plain_conv(const blok_item *item) {
  return item->kind == BLOK_ITEM_CONV && item->conv.norm == BLOK_NORM_NONE &&
         item->conv.activation == BLOK_ACT_NONE;
}

blok_status blok_python_blocks(blok_python *self, blok_error *error) {
  const blok_outline *outline = self->outline;
  const uint32_t n = outline->n_items;
  self->instances = blok_arena_array(&self->arena, n + 1, sizeof *self->instances);
  blok_instance *inner = blok_arena_array(&self->arena, n + 1, sizeof *inner);
  if (!self->instances || !inner) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < n; i++) {
    const blok_item *item = &outline->items[i];
    if (item->kind == BLOK_ITEM_CONV && !is_plain_conv(item)) {
      conv_instance(self, &item->conv, &self->instances[i]);
      BLOK_TRY(put(self, &self->instances[i], error));
    } else if (item->kind == BLOK_ITEM_SE) {
      se_instance(self, &item->se, &self->instances[i]);
      BLOK_TRY(put(self, &self->instances[i], error));
    } else if (item->kind == BLOK_ITEM_RESIDUAL && item->residual.has_se) {
      se_instance(self, &item->residual.se, &inner[i]);
      BLOK_TRY(put(self, &inner[i], error));
    }
  }
  const uint32_t first = self->classes.n;
  BLOK_TRY(blok_classes_close(&self->classes, 0, error));
  for (uint32_t i = 0; i < n; i++) {
    const blok_item *item = &outline->items[i];
    if (item->kind != BLOK_ITEM_RESIDUAL) continue;
    residual_instance(self, item, &inner[i], &self->instances[i]);
    BLOK_TRY(put(self, &self->instances[i], error));
  }
  return blok_classes_close(&self->classes, first, error);
}

const char *blok_python_module(blok_python *self, uint32_t index) {
  const blok_item *item = &self->outline->items[index];
  const char *text = NULL;
  const char *bias = item->bias ? "" : ", bias=False";
  if (is_plain_conv(item)) {
    text = blok_classes_fill(&self->arena, conv_text(self, &item->conv, "cin", "cout"));
  } else if (item->kind == BLOK_ITEM_LINEAR) {
    text = blok_py(self, "nn.Linear(%lld, %lld%s)", (long long)item->features[0],
                   (long long)item->features[1], bias);
  } else if (item->kind == BLOK_ITEM_NORM) {
    const char *holes =
        norm_text(self, BLOK_NORM_BATCH, 0, item->epsilon, item->features[0], "cin");
    text = blok_classes_fill(&self->arena, holes);
  } else if (item->kind == BLOK_ITEM_LAYER_NORM) {
    text = blok_py(self, "nn.LayerNorm(%lld, eps=%s%s)", (long long)item->features[0],
                   blok_print_number(item->epsilon).text, bias);
  } else {
    text = blok_classes_call(&self->classes, &self->instances[index], false);
  }
  return blok_py_keep(self, text);
}
