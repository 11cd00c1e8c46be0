// The blocks in `blok inspect --json`: the whole descriptor of each.
#include "tools/inspect.h"
#include "tools/shape.h"

void blok_inspect_json_macs(blok_json *json, int64_t macs) {
  if (macs < 0) {
    blok_json_null(json, "macs");
  } else {
    blok_json_int(json, "macs", macs);
  }
}

// A number of which 0 says that there is none.
static void write_present(blok_json *json, const char *key, int32_t number) {
  if (number > 0) {
    blok_json_int(json, key, number);
  } else {
    blok_json_null(json, key);
  }
}

static void write_list(blok_json *json, const char *key, const int32_t *numbers, size_t count) {
  blok_json_open(json, key, '[');
  for (size_t i = 0; i < count; i++) blok_json_int(json, NULL, numbers[i]);
  blok_json_close(json);
}

static void write_norm(blok_json *json, blok_norm norm, double epsilon) {
  blok_json_text(json, "norm", blok_norm_name(norm));
  if (norm == BLOK_NORM_NONE) {
    blok_json_null(json, "epsilon");
  } else {
    blok_json_number(json, "epsilon", epsilon);
  }
}

// The activation under key, and its numbers under alpha and beta: null for one that has none.
static void write_activation(blok_json *json, const char *key, const char *alpha_key,
                             const char *beta_key, blok_activation activation, double alpha,
                             double beta) {
  const bool two = activation == BLOK_ACT_CLIP || activation == BLOK_ACT_HARD_SIGMOID;
  const bool one = two || activation == BLOK_ACT_LEAKY_RELU || activation == BLOK_ACT_ELU;
  blok_json_text(json, key, blok_activation_name(activation));
  if (one) {
    blok_json_number(json, alpha_key, alpha);
  } else {
    blok_json_null(json, alpha_key);
  }
  if (two) {
    blok_json_number(json, beta_key, beta);
  } else {
    blok_json_null(json, beta_key);
  }
}

static void write_conv(blok_json *json, const char *key, const blok_conv_desc *conv) {
  blok_json_open(json, key, '{');
  blok_json_int(json, "in_channels", conv->in_channels);
  blok_json_int(json, "out_channels", conv->out_channels);
  write_list(json, "kernel", conv->kernel, 2);
  write_list(json, "stride", conv->stride, 2);
  write_list(json, "pads", conv->pads, 4);
  write_list(json, "dilation", conv->dilation, 2);
  blok_json_int(json, "groups", conv->groups);
  blok_json_bool(json, "bias", conv->bias);
  write_norm(json, conv->norm, conv->epsilon);
  write_present(json, "norm_groups", conv->norm_groups);
  write_activation(json, "activation", "alpha", "beta", conv->activation, conv->alpha, conv->beta);
  blok_json_close(json);
}

static void write_convs(blok_json *json, const blok_block *block) {
  blok_json_open(json, "convs", '[');
  if (block->conv != NULL) write_conv(json, NULL, block->conv);
  for (int32_t i = 0; block->residual != NULL && i < block->residual->convs && i < 3; i++) {
    write_conv(json, NULL, &block->residual->conv[i]);
  }
  blok_json_close(json);
}

// ---- The skip path ------------------------------------------------------------------------------

static const char *step_name(blok_skip_op op) {
  switch (op) {
    case BLOK_SKIP_CONV:
      return "conv";
    case BLOK_SKIP_NORM:
      return "norm";
    case BLOK_SKIP_AVERAGE_POOL:
      return "average_pool";
    case BLOK_SKIP_MAX_POOL:
      return "max_pool";
    case BLOK_SKIP_PAD:
      return "pad";
    case BLOK_SKIP_SLICE:
      return "slice";
    case BLOK_SKIP_SCALE:
      return "scale";
  }
  return "unknown";
}

static void write_step(blok_json *json, const blok_skip_step *step) {
  const bool average = step->op == BLOK_SKIP_AVERAGE_POOL;
  blok_json_open(json, NULL, '{');
  blok_json_text(json, "op", step_name(step->op));
  if (step->op == BLOK_SKIP_CONV) write_conv(json, "conv", &step->conv);
  if (step->op == BLOK_SKIP_NORM) {
    blok_json_int(json, "channels", step->conv.in_channels);
    write_norm(json, step->conv.norm, step->conv.epsilon);
    write_present(json, "norm_groups", step->conv.norm_groups);
  }
  if (average || step->op == BLOK_SKIP_MAX_POOL) {
    write_list(json, "kernel", step->kernel, 2);
    write_list(json, "stride", step->stride, 2);
    write_list(json, "pads", step->pads, 4);
    blok_json_bool(json, "ceil_mode", step->ceil_mode);
    if (average) blok_json_bool(json, "count_include_pad", step->count_include_pad);
  }
  if (step->op == BLOK_SKIP_PAD || step->op == BLOK_SKIP_SLICE) {
    blok_json_int(json, "axis", step->axis);
    blok_json_int(json, "begin", step->begin);
    blok_json_int(json, "end", step->end);
    if (step->op == BLOK_SKIP_SLICE) blok_json_int(json, "step", step->step);
  }
  if (step->op == BLOK_SKIP_SCALE) {
    const bool channels = step->scale == BLOK_SCALE_CHANNELS;
    blok_json_text(json, "of", channels ? "channels" : "number");
    if (channels) blok_json_int(json, "axis", step->axis);
    blok_json_bool(json, "divides", step->divides);
  }
  blok_json_close(json);
}

static void write_skip(blok_json *json, const blok_block *block) {
  const blok_residual_desc *desc = block->residual;
  const bool added = blok_inspect_has_addition(block);
  blok_json_text(json, "skip", blok_skip_name(added ? desc->skip : BLOK_SKIP_NONE));
  blok_json_text(json, "skip_of", block->skip_of);
  blok_json_open(json, "skip_steps", '[');
  for (int32_t i = 0; added && i < desc->skip_steps && i < BLOK_SKIP_STEPS; i++) {
    write_step(json, &desc->skip_step[i]);
  }
  blok_json_close(json);
  blok_json_bool(json, "skip_elsewhere", added && desc->skip_elsewhere);
  blok_json_bool(json, "projection_after_preact", added && desc->projection_after_preact);
  write_present(json, "skip_channels", added ? desc->skip_channels : 0);
  blok_json_bool(json, "channels_last", desc != NULL && desc->channels_last);
}

// order, after_add and the numbers of the latter: null where they say nothing.
static void write_answers(blok_json *json, const blok_block *block) {
  const blok_residual_desc *desc = block->residual;
  const bool added = blok_inspect_has_addition(block);
  const bool ordered = added && desc->order != BLOK_ORDER_NONE;
  blok_json_text(json, "order", ordered ? blok_order_name(desc->order) : NULL);
  if (added) {
    write_activation(json, "after_add", "after_alpha", "after_beta", desc->after_add,
                     desc->after_alpha, desc->after_beta);
  } else {
    blok_json_null(json, "after_add");
    blok_json_null(json, "after_alpha");
    blok_json_null(json, "after_beta");
  }
}

// ---- Gates and scales ---------------------------------------------------------------------------

static const char *product_name(blok_product product) {
  switch (product) {
    case BLOK_PRODUCT_CONV:
      return "conv";
    case BLOK_PRODUCT_LINEAR:
      return "linear";
    case BLOK_PRODUCT_LINEAR_IN_OUT:
      return "linear_in_out";
  }
  return "unknown";
}

static void write_se(blok_json *json, const blok_block *block) {
  const blok_se_desc *se = blok_inspect_se(block);
  if (se == NULL) {
    blok_json_null(json, "se");
    return;
  }
  blok_json_open(json, "se", '{');
  blok_json_int(json, "channels", se->channels);
  blok_json_int(json, "hidden", se->hidden);
  write_activation(json, "activation", "alpha", "beta", se->activation, se->alpha, se->beta);
  write_activation(json, "gate", "gate_alpha", "gate_beta", se->gate, se->gate_alpha,
                   se->gate_beta);
  blok_json_open(json, "products", '[');
  for (int i = 0; i < 2; i++) blok_json_text(json, NULL, product_name(se->product[i]));
  blok_json_close(json);
  blok_json_open(json, "bias", '[');
  for (int i = 0; i < 2; i++) blok_json_bool(json, NULL, se->bias[i]);
  blok_json_close(json);
  write_norm(json, se->norm, se->epsilon);
  if (block->residual != NULL) {
    blok_json_int(json, "behind_conv", block->residual->se_conv);
    blok_json_bool(json, "before_activation", block->residual->se_before_act);
  }
  blok_json_close(json);
}

static void write_scale(blok_json *json, const blok_residual_desc *desc) {
  const blok_scale scale = desc == NULL ? BLOK_SCALE_NONE : desc->scale;
  if (scale == BLOK_SCALE_NONE) {
    blok_json_null(json, "scale");
    return;
  }
  blok_json_open(json, "scale", '{');
  blok_json_text(json, "of", scale == BLOK_SCALE_NUMBER ? "number" : "channels");
  if (scale == BLOK_SCALE_NUMBER) {
    blok_json_number(json, "number", desc->scale_number);
  } else {
    blok_json_null(json, "number");
  }
  blok_json_close(json);
}

static void write_drop_path(blok_json *json, const blok_residual_desc *desc) {
  if (desc == NULL || desc->drop_path == 0) {
    blok_json_null(json, "drop_path");
  } else {
    blok_json_number(json, "drop_path", desc->drop_path);
  }
}

static void write_gate(blok_json *json, const blok_gate_desc *gate) {
  if (gate == NULL) {
    blok_json_null(json, "gate");
    return;
  }
  blok_json_open(json, "gate", '{');
  blok_json_text(json, "form", blok_gate_form_name(gate->form));
  blok_json_int(json, "channels", gate->channels);
  blok_json_bool(json, "spatial", gate->spatial);
  blok_json_bool(json, "adds", gate->adds);
  blok_json_text(json, "activation", blok_activation_name(gate->activation));
  blok_json_close(json);
}

// ---- A block ------------------------------------------------------------------------------------

static void write_block(blok_json *json, const blok_model *model, size_t index) {
  const blok_block *block = blok_model_block(model, index);
  blok_json_open(json, NULL, '{');
  blok_json_text(json, "kind", blok_block_kind_name(block->kind));
  blok_json_text(json, "name", block->name);
  if (block->parent < 0) {
    blok_json_null(json, "parent");
  } else {
    blok_json_int(json, "parent", block->parent);
  }
  blok_json_text(json, "entry", block->entry);
  blok_json_text(json, "exit", block->exit);
  write_skip(json, block);
  write_answers(json, block);
  blok_json_int(json, "stride", block->stride);
  blok_json_int(json, "groups", block->groups);
  blok_json_int(json, "in_channels", block->in_channels);
  write_present(json, "mid_channels", block->mid_channels);
  blok_json_int(json, "out_channels", block->out_channels);
  blok_json_text(json, "activation", blok_inspect_activation(block));
  write_convs(json, block);
  write_se(json, block);
  write_scale(json, block->residual);
  write_drop_path(json, block->residual);
  write_gate(json, block->gate);
  blok_json_uint(json, "parameters", block->parameters);
  blok_inspect_json_macs(json, block->macs);
  blok_json_axes(json, "shape", block->out_axes, block->out_rank);
  blok_json_open(json, "nodes", '[');
  for (size_t i = 0; i < block->nodes; i++) {
    blok_json_text(json, NULL,
                   blok_inspect_node_name(model, blok_model_block_node(model, index, i)));
  }
  blok_json_close(json);
  blok_json_close(json);
}

void blok_inspect_json_blocks(blok_json *json, const blok_model *model) {
  const size_t blocks = blok_model_block_count(model);
  blok_json_open(json, "blocks", '[');
  for (size_t i = 0; i < blocks; i++) write_block(json, model, i);
  blok_json_close(json);
}
