// Blocks as builder calls: by options (blok_build_basic and its like) where these say all, by the
// descriptor otherwise. The program keeps one variable of each; only fields that change are set.
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "codegen/c.h"

// ---- Words --------------------------------------------------------------------------------------

const char *blok_c_activation(blok_activation activation) {
  static const char *const names[] = {"NONE",       "RELU",    "RELU6",        "LEAKY_RELU", "SILU",
                                      "HARD_SWISH", "SIGMOID", "HARD_SIGMOID", "TANH",       "GELU",
                                      "PRELU",      "CLIP",    "GELU_TANH",    "MISH",       "ELU"};
  const size_t index = (size_t)activation;
  return index < sizeof names / sizeof *names ? names[index] : "NONE";
}

static const char *norm_word(blok_norm norm) {
  static const char *const names[] = {"NONE", "BATCH", "GROUP", "LAYER"};
  const size_t index = (size_t)norm;
  return index < sizeof names / sizeof *names ? names[index] : "NONE";
}

// ---- Setting what changes -----------------------------------------------------------------------

static void set_int(blok_c *self, const char *where, const char *field, int64_t from, int64_t to) {
  if (from != to) blok_page_put(self->page, "  %s%s = %lld;\n", where, field, (long long)to);
}

static void set_bool(blok_c *self, const char *where, const char *field, bool from, bool to) {
  if (from != to) blok_page_put(self->page, "  %s%s = %s;\n", where, field, to ? "true" : "false");
}

static void set_number(blok_c *self, const char *where, const char *field, double from, double to) {
  if (from == to || (isnan(from) && isnan(to))) return;
  blok_page_put(self->page, "  %s%s = %s;\n", where, field, blok_c_number(self, to));
}

static void set_activation(blok_c *self, const char *where, const char *field, blok_activation from,
                           blok_activation to) {
  if (from != to) {
    blok_page_put(self->page, "  %s%s = BLOK_ACT_%s;\n", where, field, blok_c_activation(to));
  }
}

static void set_norm(blok_c *self, const char *where, blok_norm from, blok_norm to) {
  if (from != to) blok_page_put(self->page, "  %snorm = BLOK_NORM_%s;\n", where, norm_word(to));
}

static void set_each(blok_c *self, const char *where, const char *field, const int32_t *from,
                     const int32_t *to, int n) {
  for (int i = 0; i < n; i++) {
    if (from[i] != to[i]) {
      blok_page_put(self->page, "  %s%s[%d] = %d;\n", where, field, i, (int)to[i]);
    }
  }
}

// ---- Options ------------------------------------------------------------------------------------

static void set_options(blok_c *self, const blok_block_options *to) {
  const blok_block_options *from = &self->block;
  static const char where[] = "block.";
  self->needs[BLOK_C_BLOCK] = true;
  set_int(self, where, "out_channels", from->out_channels, to->out_channels);
  set_int(self, where, "kernel", from->kernel, to->kernel);
  set_int(self, where, "stride", from->stride, to->stride);
  set_int(self, where, "dilation", from->dilation, to->dilation);
  set_int(self, where, "groups", from->groups, to->groups);
  if (from->order != to->order) {
    blok_page_put(self->page, "  block.order = BLOK_ORDER_%s;\n",
                  to->order == BLOK_ORDER_PRE ? "PRE" : "POST");
  }
  set_activation(self, where, "activation", from->activation, to->activation);
  set_bool(self, where, "final_activation", from->final_activation, to->final_activation);
  set_bool(self, where, "no_final", from->no_final, to->no_final);
  set_norm(self, where, from->norm, to->norm);
  set_int(self, where, "norm_groups", from->norm_groups, to->norm_groups);
  set_number(self, where, "epsilon", from->epsilon, to->epsilon);
  set_number(self, where, "expansion", from->expansion, to->expansion);
  set_bool(self, where, "se", from->se, to->se);
  set_int(self, where, "se_reduction", from->se_reduction, to->se_reduction);
  set_int(self, where, "se_min_hidden", from->se_min_hidden, to->se_min_hidden);
  set_activation(self, where, "se_activation", from->se_activation, to->se_activation);
  set_activation(self, where, "se_gate", from->se_gate, to->se_gate);
  set_bool(self, where, "skip_average_pool", from->skip_average_pool, to->skip_average_pool);
  self->block = *to;
}

// What options can say of a norm.
static void take_norm(const blok_conv_desc *conv, blok_block_options *out) {
  out->norm = conv->norm;
  if (conv->norm != BLOK_NORM_NONE && fabs(conv->epsilon - out->epsilon) > 1e-11) {
    out->epsilon = conv->epsilon;
  }
  if (conv->norm == BLOK_NORM_GROUP) out->norm_groups = conv->norm_groups;
}

static void take_window(const blok_conv_desc *conv, blok_block_options *out) {
  out->kernel = conv->kernel[0];
  out->stride = conv->stride[0];
  out->dilation = conv->dilation[0];
  out->groups = conv->groups;
}

static void take_se(const blok_se_desc *se, blok_block_options *out) {
  const int32_t divided = se->hidden > 0 ? se->channels / se->hidden : 1;
  const int32_t usual = se->channels / out->se_reduction;
  out->se_activation = se->activation;
  out->se_gate = se->gate;
  if (se->hidden == (usual > out->se_min_hidden ? usual : out->se_min_hidden)) return;
  if (divided > 0 && se->channels / divided == se->hidden) {
    out->se_reduction = divided;
    if (se->hidden < out->se_min_hidden) out->se_min_hidden = se->hidden;
    return;
  }
  out->se_reduction = se->channels;
  out->se_min_hidden = se->hidden;
}

typedef blok_status (*describe_fn)(const blok_block_options *options, int32_t in_channels,
                                   blok_residual_desc *desc, blok_error *error);

// The options that give item's descriptor, and the call they are for; NULL: none do.
static const char *residual_options(const blok_item *item, blok_block_options *out) {
  const blok_residual_desc *desc = &item->residual;
  const int32_t last = desc->convs - 1;
  const bool inverted = item->block == BLOK_INVERTED_BOTTLENECK;
  const bool basic = item->block == BLOK_RESIDUAL;
  const int32_t wide = inverted ? last - 1 : basic ? 0 : 1;
  const int32_t in = desc->conv[0].in_channels, mid = desc->conv[wide].in_channels;
  blok_residual_desc made = BLOK_RESIDUAL_DESC_INIT;
  const describe_fn describe = inverted ? blok_inverted_describe
                               : basic  ? blok_basic_describe
                                        : blok_bottleneck_describe;
  if (wide < 0 || in < 1 || mid < 1) return NULL;
  out->out_channels = desc->conv[last].out_channels;
  out->activation = desc->conv[wide].activation;
  take_norm(&desc->conv[0], out);
  take_window(&desc->conv[wide], out);
  out->se = desc->has_se;
  if (desc->has_se) take_se(&desc->se, out);
  if (inverted) {
    if (out->groups == mid) out->groups = 1;
    if (mid != 6 * in) out->expansion = (double)mid / in;
  } else {
    out->order = desc->order;
    const bool final = desc->after_add != BLOK_ACT_NONE;
    if (desc->order == BLOK_ORDER_PRE) {
      out->final_activation = final;
    } else {
      out->no_final = !final;
    }
    if (!basic && out->out_channels != 4 * mid) out->expansion = (double)out->out_channels / mid;
    out->skip_average_pool =
        desc->skip_steps > 1 && desc->skip_step[0].op == BLOK_SKIP_AVERAGE_POOL;
  }
  if (describe(out, in, &made, NULL) != BLOK_OK) return NULL;
  blok_block left = {.struct_size = sizeof left}, right = {.struct_size = sizeof right};
  left.kind = right.kind = item->block;
  left.residual = desc;
  right.residual = &made;
  if (!blok_block_same(&left, &right)) return NULL;
  return inverted ? "blok_build_inverted" : basic ? "blok_build_basic" : "blok_build_bottleneck";
}

static bool conv_options(const blok_conv_desc *desc, blok_block_options *out) {
  blok_conv_desc made = BLOK_CONV_DESC_INIT;
  out->out_channels = desc->out_channels;
  out->activation = desc->activation;
  take_norm(desc, out);
  take_window(desc, out);
  if (blok_conv_describe(out, desc->in_channels, &made, NULL) != BLOK_OK) return false;
  blok_block left = {.struct_size = sizeof left}, right = {.struct_size = sizeof right};
  left.kind = right.kind = BLOK_CONV_NORM_ACT;
  left.conv = desc;
  right.conv = &made;
  return blok_block_same(&left, &right);
}

static bool se_options(const blok_se_desc *desc, blok_block_options *out) {
  blok_se_desc made = BLOK_SE_DESC_INIT;
  take_se(desc, out);
  if (blok_se_describe(out, desc->channels, &made, NULL) != BLOK_OK) return false;
  blok_block left = {.struct_size = sizeof left}, right = {.struct_size = sizeof right};
  left.kind = right.kind = BLOK_SQUEEZE_EXCITE;
  left.se = desc;
  right.se = &made;
  return blok_block_same(&left, &right);
}

// ---- Descriptors --------------------------------------------------------------------------------

static void set_conv(blok_c *self, const char *where, blok_conv_desc *from,
                     const blok_conv_desc *to) {
  set_int(self, where, "in_channels", from->in_channels, to->in_channels);
  set_int(self, where, "out_channels", from->out_channels, to->out_channels);
  set_each(self, where, "kernel", from->kernel, to->kernel, 2);
  set_each(self, where, "stride", from->stride, to->stride, 2);
  set_each(self, where, "pads", from->pads, to->pads, 4);
  set_each(self, where, "dilation", from->dilation, to->dilation, 2);
  set_int(self, where, "groups", from->groups, to->groups);
  set_bool(self, where, "bias", from->bias, to->bias);
  set_norm(self, where, from->norm, to->norm);
  set_number(self, where, "epsilon", from->epsilon, to->epsilon);
  set_activation(self, where, "activation", from->activation, to->activation);
  set_number(self, where, "alpha", from->alpha, to->alpha);
  set_number(self, where, "beta", from->beta, to->beta);
  set_int(self, where, "norm_groups", from->norm_groups, to->norm_groups);
  *from = *to;
}

static void set_product(blok_c *self, const char *where, int which, const blok_se_desc *from,
                        const blok_se_desc *to) {
  if (from->product[which] != to->product[which]) {
    blok_page_put(self->page, "  %sproduct[%d] = BLOK_PRODUCT_%s;\n", where, which,
                  to->product[which] == BLOK_PRODUCT_CONV ? "CONV" : "LINEAR");
  }
  set_bool(self, where, which ? "bias[1]" : "bias[0]", from->bias[which], to->bias[which]);
}

static void set_se(blok_c *self, const char *where, blok_se_desc *from, const blok_se_desc *to) {
  set_int(self, where, "channels", from->channels, to->channels);
  set_int(self, where, "hidden", from->hidden, to->hidden);
  set_activation(self, where, "activation", from->activation, to->activation);
  set_number(self, where, "alpha", from->alpha, to->alpha);
  set_number(self, where, "beta", from->beta, to->beta);
  set_activation(self, where, "gate", from->gate, to->gate);
  set_number(self, where, "gate_alpha", from->gate_alpha, to->gate_alpha);
  set_number(self, where, "gate_beta", from->gate_beta, to->gate_beta);
  set_product(self, where, 0, from, to);
  set_product(self, where, 1, from, to);
  set_norm(self, where, from->norm, to->norm);
  set_number(self, where, "epsilon", from->epsilon, to->epsilon);
  *from = *to;
}

static const char *scale_word(blok_scale scale) {
  return scale == BLOK_SCALE_NUMBER ? "NUMBER" : scale == BLOK_SCALE_CHANNELS ? "CHANNELS" : "NONE";
}

static void set_step(blok_c *self, int32_t index, blok_skip_step *from, const blok_skip_step *to) {
  static const char *const ops[] = {"",         "CONV", "NORM",  "AVERAGE_POOL",
                                    "MAX_POOL", "PAD",  "SLICE", "SCALE"};
  const char *where = blok_c_text(self, "residual.skip_step[%d].", (int)index);
  if (from->op != to->op) {
    blok_page_put(self->page, "  %sop = BLOK_SKIP_%s;\n", where, ops[(size_t)to->op % 8]);
  }
  set_conv(self, blok_c_text(self, "%sconv.", where), &from->conv, &to->conv);
  set_each(self, where, "kernel", from->kernel, to->kernel, 2);
  set_each(self, where, "stride", from->stride, to->stride, 2);
  set_each(self, where, "pads", from->pads, to->pads, 4);
  set_bool(self, where, "ceil_mode", from->ceil_mode, to->ceil_mode);
  set_bool(self, where, "count_include_pad", from->count_include_pad, to->count_include_pad);
  set_int(self, where, "axis", from->axis, to->axis);
  set_int(self, where, "begin", from->begin, to->begin);
  set_int(self, where, "end", from->end, to->end);
  set_int(self, where, "step", from->step, to->step);
  if (from->scale != to->scale) {
    blok_page_put(self->page, "  %sscale = BLOK_SCALE_%s;\n", where, scale_word(to->scale));
  }
  set_bool(self, where, "divides", from->divides, to->divides);
  *from = *to;
}

static void set_residual(blok_c *self, const blok_residual_desc *to) {
  blok_residual_desc *from = &self->residual;
  static const char where[] = "residual.";
  static const char *const skips[] = {"NONE", "IDENTITY", "PROJECTION"};
  self->needs[BLOK_C_RESIDUAL] = true;
  set_int(self, where, "convs", from->convs, to->convs);
  for (int32_t i = 0; i < to->convs; i++) {
    set_conv(self, blok_c_text(self, "residual.conv[%d].", (int)i), &from->conv[i], &to->conv[i]);
  }
  if (from->order != to->order) {
    blok_page_put(self->page, "  residual.order = BLOK_ORDER_%s;\n",
                  to->order == BLOK_ORDER_PRE ? "PRE" : "POST");
  }
  if (from->skip != to->skip) {
    blok_page_put(self->page, "  residual.skip = BLOK_SKIP_%s;\n", skips[(size_t)to->skip % 3]);
  }
  set_int(self, where, "skip_steps", from->skip_steps, to->skip_steps);
  for (int32_t i = 0; i < to->skip_steps; i++) {
    set_step(self, i, &from->skip_step[i], &to->skip_step[i]);
  }
  set_bool(self, where, "projection_after_preact", from->projection_after_preact,
           to->projection_after_preact);
  set_bool(self, where, "has_se", from->has_se, to->has_se);
  if (to->has_se) set_se(self, "residual.se.", &from->se, &to->se);
  set_int(self, where, "se_conv", from->se_conv, to->se_conv);
  set_bool(self, where, "se_before_act", from->se_before_act, to->se_before_act);
  if (from->scale != to->scale) {
    blok_page_put(self->page, "  residual.scale = BLOK_SCALE_%s;\n", scale_word(to->scale));
  }
  set_number(self, where, "scale_number", from->scale_number, to->scale_number);
  set_activation(self, where, "after_add", from->after_add, to->after_add);
  set_number(self, where, "after_alpha", from->after_alpha, to->after_alpha);
  set_number(self, where, "after_beta", from->after_beta, to->after_beta);
  set_number(self, where, "drop_path", from->drop_path, to->drop_path);
  from->convs = to->convs;
  from->order = to->order;
  from->skip = to->skip;
  from->skip_steps = to->skip_steps;
  from->projection_after_preact = to->projection_after_preact;
  from->has_se = to->has_se;
  from->se_conv = to->se_conv;
  from->se_before_act = to->se_before_act;
  from->scale = to->scale;
  from->scale_number = to->scale_number;
  from->after_add = to->after_add;
  from->after_alpha = to->after_alpha;
  from->after_beta = to->after_beta;
  from->drop_path = to->drop_path;
}

// ---- The call -----------------------------------------------------------------------------------

const char *blok_c_block(blok_c *self, const blok_item *item, const char *name, const char *x) {
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  const char *function = NULL, *described = "block";
  if (item->kind == BLOK_ITEM_RESIDUAL) {
    if (item->residual.drop_path == 0) function = residual_options(item, &options);
    if (!function) {
      set_residual(self, &item->residual);
      function = "blok_build_residual";
      described = "residual";
    }
  } else if (item->kind == BLOK_ITEM_SE) {
    if (se_options(&item->se, &options)) {
      function = "blok_build_se";
    } else {
      self->needs[BLOK_C_SE] = true;
      set_se(self, "se.", &self->se, &item->se);
      function = "blok_build_squeeze_excite";
      described = "se";
    }
  } else if (conv_options(&item->conv, &options)) {
    function = "blok_build_conv_norm_act";
  } else {
    self->needs[BLOK_C_CONV] = true;
    set_conv(self, "conv.", &self->conv, &item->conv);
    function = "blok_build_conv";
    described = "conv";
  }
  if (strcmp(described, "block") == 0) set_options(self, &options);
  return blok_c_text(self, "%s(builder, %s, &%s, &%s, error)", function, name, described, x);
}
