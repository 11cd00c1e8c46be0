// One block as nodes: its convolutions in the descriptor's order, its skip path, its addition.
#include "blocks/write.h"

#include "base/error.h"

static blok_written_act act_of(const blok_writer *writer, const blok_conv_desc *desc,
                               const blok_conv_weights *weights) {
  return (blok_written_act){desc->activation, desc->alpha, desc->beta,
                            blok_writer_value(writer, weights->slope)};
}

static blok_status write_norm(blok_writer *writer, const char *part, const blok_conv_desc *desc,
                              const blok_conv_weights *weights, blok_value_id *value) {
  return blok_write_norm(writer, part, desc->norm, desc->norm_groups, desc->epsilon, weights,
                         value);
}

// ---- The skip path ------------------------------------------------------------------------------

static blok_status set_window(blok_writer *writer, blok_node_id node, const blok_skip_step *step) {
  blok_graph *graph = writer->graph;
  blok_error *error = writer->error;
  const int64_t kernel[2] = {step->kernel[0], step->kernel[1]};
  const int64_t stride[2] = {step->stride[0], step->stride[1]};
  const int64_t pads[4] = {step->pads[0], step->pads[1], step->pads[2], step->pads[3]};
  BLOK_TRY(blok_node_set_int(graph, node, "ceil_mode", step->ceil_mode, error));
  if (step->op == BLOK_SKIP_AVERAGE_POOL) {
    BLOK_TRY(blok_node_set_int(graph, node, "count_include_pad", step->count_include_pad, error));
  }
  BLOK_TRY(blok_node_set_ints(graph, node, "kernel_shape", kernel, 2, error));
  BLOK_TRY(blok_node_set_ints(graph, node, "pads", pads, 4, error));
  return blok_node_set_ints(graph, node, "strides", stride, 2, error);
}

static blok_status write_pool(blok_writer *writer, const char *part, const blok_skip_step *step,
                              blok_value_id *value) {
  const char *op_type = step->op == BLOK_SKIP_MAX_POOL ? "MaxPool" : "AveragePool";
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(blok_write_node(writer, part, op_type, 1, value, value, &node));
  return set_window(writer, node, step);
}

static blok_status write_pad(blok_writer *writer, const char *part, const blok_skip_step *step,
                             blok_value_id *value) {
  const int64_t pads[2] = {step->begin, step->end}, axis = step->axis;
  blok_value_id inputs[4] = {*value};
  BLOK_TRY(blok_write_ints(writer, part, "pads", pads, 2, &inputs[1]));
  BLOK_TRY(blok_write_ints(writer, part, "axes", &axis, 1, &inputs[3]));
  return blok_write_node(writer, part, "Pad", 4, inputs, value, NULL);
}

static blok_status write_slice(blok_writer *writer, const char *part, const blok_skip_step *step,
                               blok_value_id *value) {
  const int64_t axis = step->axis;
  blok_value_id inputs[5] = {*value};
  BLOK_TRY(blok_write_ints(writer, part, "starts", &step->begin, 1, &inputs[1]));
  BLOK_TRY(blok_write_ints(writer, part, "ends", &step->end, 1, &inputs[2]));
  BLOK_TRY(blok_write_ints(writer, part, "axes", &axis, 1, &inputs[3]));
  BLOK_TRY(blok_write_ints(writer, part, "steps", &step->step, 1, &inputs[4]));
  return blok_write_node(writer, part, "Slice", 5, inputs, value, NULL);
}

static blok_status write_factor(blok_writer *writer, const char *part, const blok_skip_step *step,
                                const blok_conv_weights *weights, blok_value_id *value) {
  const blok_value_id inputs[2] = {*value, blok_writer_value(writer, weights->weight)};
  return blok_write_node(writer, part, step->divides ? "Div" : "Mul", 2, inputs, value, NULL);
}

static blok_status write_step(blok_writer *writer, const char *part, const blok_skip_step *step,
                              const blok_conv_weights *weights, blok_value_id *value) {
  switch (step->op) {
    case BLOK_SKIP_CONV:
      BLOK_TRY(blok_write_conv(writer, part, &step->conv, weights, value));
      return write_norm(writer, part, &step->conv, weights, value);
    case BLOK_SKIP_NORM:
      return write_norm(writer, part, &step->conv, weights, value);
    case BLOK_SKIP_AVERAGE_POOL:
    case BLOK_SKIP_MAX_POOL:
      return write_pool(writer, part, step, value);
    case BLOK_SKIP_PAD:
      return write_pad(writer, part, step, value);
    case BLOK_SKIP_SLICE:
      return write_slice(writer, part, step, value);
    case BLOK_SKIP_SCALE:
      return write_factor(writer, part, step, weights, value);
  }
  return BLOK_FAIL(writer->error, BLOK_E_INTERNAL, "a skip path has step %d, which is none",
                   (int)step->op);
}

blok_status blok_write_skip(blok_writer *writer, const blok_block_record *record,
                            blok_value_id preact, blok_value_id *value) {
  const blok_residual_desc *desc = record->residual;
  *value = blok_writer_value(writer, desc->skip_elsewhere ? record->skip_entry : record->entry);
  if (desc->projection_after_preact) *value = preact;
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    char part[] = "skip1";
    part[4] = desc->skip_steps == 1 ? '\0' : (char)('1' + i);
    BLOK_TRY(
        write_step(writer, part, &desc->skip_step[i], &record->residual_weights->skip[i], value));
  }
  return BLOK_OK;
}

// ---- F(x) ---------------------------------------------------------------------------------------

// Convolution index of F in post order: conv, norm, [se], act, [se].
static blok_status write_post(blok_writer *writer, const char *part, int32_t index,
                              const blok_residual_desc *desc, const blok_residual_weights *weights,
                              blok_value_id *value) {
  const blok_conv_desc *conv = &desc->conv[index];
  const blok_conv_weights *of = &weights->conv[index];
  const blok_written_act act = act_of(writer, conv, of);
  const bool se = desc->has_se && desc->se_conv == index;
  BLOK_TRY(blok_write_conv(writer, part, conv, of, value));
  BLOK_TRY(write_norm(writer, part, conv, of, value));
  if (se && desc->se_before_act) {
    BLOK_TRY(blok_write_squeeze_excite(writer, "se", &desc->se, weights->se, value));
  }
  BLOK_TRY(blok_write_activation(writer, part, &act, value));
  if (!se || desc->se_before_act) return BLOK_OK;
  return blok_write_squeeze_excite(writer, "se", &desc->se, weights->se, value);
}

// In pre order: norm, act, conv, [se]. preact is what stands between act and conv.
static blok_status write_pre(blok_writer *writer, const char *part, int32_t index,
                             const blok_residual_desc *desc, const blok_residual_weights *weights,
                             blok_value_id *value, blok_value_id *preact) {
  const blok_conv_desc *conv = &desc->conv[index];
  const blok_conv_weights *of = &weights->conv[index];
  const blok_written_act act = act_of(writer, conv, of);
  BLOK_TRY(write_norm(writer, part, conv, of, value));
  BLOK_TRY(blok_write_activation(writer, part, &act, value));
  *preact = *value;
  BLOK_TRY(blok_write_conv(writer, part, conv, of, value));
  if (!desc->has_se || desc->se_conv != index) return BLOK_OK;
  return blok_write_squeeze_excite(writer, "se", &desc->se, weights->se, value);
}

static blok_status write_scale(blok_writer *writer, const blok_residual_desc *desc,
                               const blok_residual_weights *weights, blok_value_id *value) {
  blok_value_id inputs[2] = {*value, BLOK_NO_VALUE};
  if (desc->scale == BLOK_SCALE_NONE) return BLOK_OK;
  if (desc->scale == BLOK_SCALE_NUMBER) {
    BLOK_TRY(blok_write_number(writer, "scale", "factor", desc->scale_number, &inputs[1]));
  } else {
    inputs[1] = blok_writer_value(writer, weights->scale);
  }
  return blok_write_node(writer, "scale", "Mul", 2, inputs, value, NULL);
}

// F(x), scaled; *preact is what the skip path of projection_after_preact begins at.
static blok_status write_body(blok_writer *writer, const blok_residual_desc *desc,
                              const blok_residual_weights *weights, blok_value_id *value,
                              blok_value_id *preact) {
  for (int32_t i = 0; i < desc->convs; i++) {
    char part[] = "conv1";
    part[4] = (char)('1' + i);
    blok_value_id between = BLOK_NO_VALUE;
    if (desc->order == BLOK_ORDER_PRE) {
      BLOK_TRY(write_pre(writer, part, i, desc, weights, value, &between));
      if (i == 0) *preact = between;
    } else {
      BLOK_TRY(write_post(writer, part, i, desc, weights, value));
    }
  }
  return write_scale(writer, desc, weights, value);
}

// *value + skip, or only the first channels of *value.
static blok_status write_sum(blok_writer *writer, int32_t channels, blok_value_id skip,
                             blok_value_id *value) {
  blok_skip_step step = BLOK_SKIP_STEP_INIT;
  blok_value_id inputs[2] = {*value, skip}, rest = *value;
  if (channels == 0) return blok_write_node(writer, "", "Add", 2, inputs, value, NULL);
  step.axis = 1;
  step.end = channels;
  BLOK_TRY(write_slice(writer, "first", &step, &inputs[0]));
  BLOK_TRY(blok_write_node(writer, "", "Add", 2, inputs, &inputs[0], NULL));
  step.begin = channels;
  step.end = INT64_MAX;
  BLOK_TRY(write_slice(writer, "rest", &step, &rest));
  inputs[1] = rest;
  blok_node_id join = BLOK_NO_NODE;
  BLOK_TRY(blok_write_node(writer, "", "Concat", 2, inputs, value, &join));
  return blok_node_set_int(writer->graph, join, "axis", 1, writer->error);
}

static blok_status write_residual(blok_writer *writer, const blok_block_record *record,
                                  blok_value_id *value) {
  const blok_residual_desc *desc = record->residual;
  const blok_residual_weights *weights = record->residual_weights;
  blok_value_id skip = writer->skip, preact = BLOK_NO_VALUE;
  if (record->kind == BLOK_RESIDUAL_OTHER) {
    *value = blok_writer_value(writer, record->region_out);
  } else {
    BLOK_TRY(write_body(writer, desc, weights, value, &preact));
  }
  if (desc->skip == BLOK_SKIP_NONE) return BLOK_OK;
  if (!skip.i) BLOK_TRY(blok_write_skip(writer, record, preact, &skip));
  const blok_written_act after = {desc->after_add, desc->after_alpha, desc->after_beta,
                                  blok_writer_value(writer, weights->after_slope)};
  BLOK_TRY(write_sum(writer, desc->skip_channels, skip, value));
  return blok_write_activation(writer, "", &after, value);
}

// ---- A block ------------------------------------------------------------------------------------

static blok_status write_conv_norm_act(blok_writer *writer, const blok_block_record *record,
                                       blok_value_id *value) {
  const blok_conv_desc *desc = record->conv;
  const blok_written_act act = act_of(writer, desc, record->weights);
  BLOK_TRY(blok_write_conv(writer, "", desc, record->weights, value));
  BLOK_TRY(write_norm(writer, "", desc, record->weights, value));
  return blok_write_activation(writer, "", &act, value);
}

// The node that makes value makes exit instead.
static void make_exit(blok_graph *graph, blok_value_id value, blok_value_id exit) {
  blok_value *made = blok_value_at(graph, value);
  const blok_node_id node = made->producer;
  made->producer = BLOK_NO_NODE;
  made->dead = true;
  blok_graph_set_output(graph, node, 0, exit);
}

blok_status blok_write_block(blok_writer *writer, const blok_block_record *record) {
  blok_value_id value = blok_writer_value(writer, record->entry);
  switch (record->kind) {
    case BLOK_CONV_NORM_ACT:
      BLOK_TRY(write_conv_norm_act(writer, record, &value));
      break;
    case BLOK_SQUEEZE_EXCITE:
      BLOK_TRY(blok_write_squeeze_excite(writer, "", record->se, record->weights, &value));
      break;
    case BLOK_RESIDUAL:
    case BLOK_BOTTLENECK:
    case BLOK_INVERTED_BOTTLENECK:
    case BLOK_RESIDUAL_OTHER:
      BLOK_TRY(write_residual(writer, record, &value));
      break;
    case BLOK_GATE:
      return BLOK_OK;
  }
  writer->made = value;
  if (!record->exit.i) return BLOK_OK;
  writer->made = blok_writer_value(writer, record->exit);
  make_exit(writer->graph, value, writer->made);
  return BLOK_OK;
}
