// What blocks are written of: nodes and constants under fresh names, convolutions, norms,
// activations.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "blocks/write.h"

// ---- Names --------------------------------------------------------------------------------------

blok_status blok_write_name(blok_writer *writer, const char *stem, const char **out) {
  blok_arena *arena = &writer->graph->module->arena;
  uint32_t other;
  *out = stem;
  while (blok_names_find(writer->taken, *out, &other)) {
    *out = blok_arena_format(arena, "%s_%u", stem, ++writer->next_name);
    if (!*out) return blok_fail_memory(writer->error, 0);
  }
  return blok_names_put(writer->taken, *out, 0) ? BLOK_OK : blok_fail_memory(writer->error, 0);
}

static blok_status name_of(blok_writer *writer, const char *part, const char *what,
                           const char **out) {
  const char *stem = blok_arena_format(&writer->graph->module->arena, "%s%s%s/%s", writer->scope,
                                       *part ? "/" : "", part, what);
  return stem ? blok_write_name(writer, stem, out) : blok_fail_memory(writer->error, 0);
}

// ---- Nodes and constants ------------------------------------------------------------------------

blok_status blok_write_node(blok_writer *writer, const char *part, const char *op_type, uint32_t n,
                            const blok_value_id *inputs, blok_value_id *value, blok_node_id *node) {
  blok_graph *graph = writer->graph;
  const char *name = NULL;
  BLOK_TRY(name_of(writer, part, op_type, &name));
  const char *output = blok_arena_format(&graph->module->arena, "%s_output_0", name);
  if (!output) return blok_fail_memory(writer->error, 0);
  BLOK_TRY(blok_write_name(writer, output, &output));
  blok_value_id made = BLOK_NO_VALUE;
  blok_node_id id = BLOK_NO_NODE;
  while (n && !inputs[n - 1].i) n--;
  BLOK_TRY(blok_graph_add_value(graph, output, &made, writer->error));
  BLOK_TRY(blok_graph_add_node(graph, "", op_type, n, 1, &id, writer->error));
  blok_node_at(graph, id)->name = name;
  for (uint32_t i = 0; i < n; i++) blok_graph_set_input(graph, id, i, inputs[i]);
  blok_graph_set_output(graph, id, 0, made);
  *value = made;
  if (node) *node = id;
  return BLOK_OK;
}

// An initializer of native elements.
static blok_status write_constant(blok_writer *writer, const char *part, const char *what,
                                  blok_dtype dtype, uint32_t rank, const int64_t *dims,
                                  const void *elements, size_t bytes, blok_value_id *value) {
  blok_graph *graph = writer->graph;
  const char *name = NULL;
  blok_literal *literal = NULL;
  BLOK_TRY(name_of(writer, part, what, &name));
  BLOK_TRY(blok_graph_add_value(graph, name, value, writer->error));
  BLOK_TRY(blok_literal_make(&graph->module->arena, dtype, rank, dims, elements, bytes, &literal,
                             writer->error));
  literal->name = name;
  return blok_graph_add_initializer(graph, *value, literal, writer->error);
}

blok_status blok_write_number(blok_writer *writer, const char *part, const char *what,
                              double number, blok_value_id *value) {
  const blok_dtype dtype = writer->dtype;
  const float f32 = (float)number;
  const uint16_t half = dtype == BLOK_BF16 ? blok_bf16_from_f32(f32) : blok_f16_from_f32(f32);
  const void *elements = &f32;
  size_t bytes = sizeof f32;
  if (dtype == BLOK_F64) {
    elements = &number;
    bytes = sizeof number;
  } else if (dtype == BLOK_F16 || dtype == BLOK_BF16) {
    elements = &half;
    bytes = sizeof half;
  }
  return write_constant(writer, part, what, dtype, 0, NULL, elements, bytes, value);
}

blok_status blok_write_ints(blok_writer *writer, const char *part, const char *what,
                            const int64_t *ints, uint32_t n, blok_value_id *value) {
  const int64_t dims[1] = {n};
  return write_constant(writer, part, what, BLOK_I64, 1, dims, ints, n * sizeof *ints, value);
}

blok_status blok_write_floats(blok_writer *writer, const char *part, const char *what,
                              const float *floats, uint32_t n, blok_value_id *value) {
  const int64_t dims[1] = {n};
  return write_constant(writer, part, what, BLOK_F32, 1, dims, floats, n * sizeof *floats, value);
}

blok_status blok_write_shaped(blok_writer *writer, uint32_t rank, const int64_t *dims,
                              blok_value_id *value) {
  blok_graph *graph = writer->graph;
  blok_arena *arena = &graph->module->arena;
  const blok_literal *literal = blok_value_at(graph, *value)->literal;
  if (!literal) {
    return BLOK_FAIL(writer->error, BLOK_E_INTERNAL, "'%s' is a weight of a block and no constant",
                     blok_quote(blok_value_at(graph, *value)->name).text);
  }
  if (literal->rank == rank && memcmp(literal->dims, dims, rank * sizeof *dims) == 0) {
    return BLOK_OK;
  }
  const char *name = NULL;
  blok_value_id made = BLOK_NO_VALUE;
  blok_literal *shared = blok_arena_copy(arena, literal, sizeof *literal);
  int64_t *copy = blok_arena_copy(arena, dims, rank * sizeof *dims);
  if (!shared || !copy) return blok_fail_memory(writer->error, sizeof *literal);
  BLOK_TRY(blok_write_name(writer, blok_value_at(graph, *value)->name, &name));
  BLOK_TRY(blok_graph_add_value(graph, name, &made, writer->error));
  shared->name = name;
  shared->rank = rank;
  shared->dims = copy;
  if (shared->storage) blok_storage_retain(shared->storage);
  *value = made;
  return blok_graph_add_initializer(graph, made, shared, writer->error);
}

// ---- Convolutions and norms ---------------------------------------------------------------------

static blok_status set_ints(blok_writer *writer, blok_node_id node, const char *name,
                            const int32_t *values, uint32_t n) {
  int64_t wide[4] = {0};
  for (uint32_t i = 0; i < n; i++) wide[i] = values[i];
  return blok_node_set_ints(writer->graph, node, name, wide, n, writer->error);
}

blok_status blok_write_conv(blok_writer *writer, const char *part, const blok_conv_desc *desc,
                            const blok_conv_weights *weights, blok_value_id *value) {
  const blok_value_id inputs[3] = {*value, blok_writer_value(writer, weights->weight),
                                   blok_writer_value(writer, weights->bias)};
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(blok_write_node(writer, part, "Conv", 3, inputs, value, &node));
  BLOK_TRY(set_ints(writer, node, "dilations", desc->dilation, 2));
  BLOK_TRY(blok_node_set_int(writer->graph, node, "group", (int64_t)desc->groups, writer->error));
  BLOK_TRY(set_ints(writer, node, "kernel_shape", desc->kernel, 2));
  BLOK_TRY(set_ints(writer, node, "pads", desc->pads, 4));
  return set_ints(writer, node, "strides", desc->stride, 2);
}

static blok_status set_epsilon(blok_writer *writer, blok_node_id node, double epsilon) {
  return blok_node_set_float(writer->graph, node, "epsilon", (float)epsilon, writer->error);
}

static blok_status write_batch_norm(blok_writer *writer, const char *part, double epsilon,
                                    const blok_value_id inputs[5], blok_value_id *value) {
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(blok_write_node(writer, part, "BatchNormalization", 5, inputs, value, &node));
  return set_epsilon(writer, node, epsilon);
}

static blok_status write_group_norm(blok_writer *writer, const char *part, int32_t groups,
                                    double epsilon, const blok_value_id inputs[5],
                                    blok_value_id *value) {
  const blok_literal *scale = blok_value_at(writer->graph, inputs[1])->literal;
  const bool each = scale && scale->rank == 1 && scale->dims[0] == groups;
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(blok_write_node(writer, part, each ? "InstanceNormalization" : "GroupNormalization", 3,
                           inputs, value, &node));
  BLOK_TRY(set_epsilon(writer, node, epsilon));
  if (each) return BLOK_OK;
  return blok_node_set_int(writer->graph, node, "num_groups", groups, writer->error);
}

static blok_status write_turned(blok_writer *writer, const char *part, const int64_t perm[4],
                                blok_value_id *value) {
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(blok_write_node(writer, part, "Transpose", 1, value, value, &node));
  return blok_node_set_ints(writer->graph, node, "perm", perm, 4, writer->error);
}

static blok_status write_layer_norm(blok_writer *writer, const char *part, double epsilon,
                                    blok_value_id inputs[5], blok_value_id *value) {
  static const int64_t last[4] = {0, 2, 3, 1}, back[4] = {0, 3, 1, 2};
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(write_turned(writer, part, last, &inputs[0]));
  BLOK_TRY(blok_write_node(writer, part, "LayerNormalization", 3, inputs, value, &node));
  BLOK_TRY(blok_node_set_int(writer->graph, node, "axis", -1, writer->error));
  BLOK_TRY(set_epsilon(writer, node, epsilon));
  return write_turned(writer, part, back, value);
}

blok_status blok_write_norm(blok_writer *writer, const char *part, blok_norm norm, int32_t groups,
                            double epsilon, const blok_conv_weights *weights,
                            blok_value_id *value) {
  blok_value_id inputs[5] = {*value};
  for (uint32_t i = 0; i < 4; i++) inputs[1 + i] = blok_writer_value(writer, weights->norm[i]);
  switch (norm) {
    case BLOK_NORM_NONE:
      return BLOK_OK;
    case BLOK_NORM_BATCH:
      return write_batch_norm(writer, part, epsilon, inputs, value);
    case BLOK_NORM_GROUP:
      return write_group_norm(writer, part, groups, epsilon, inputs, value);
    case BLOK_NORM_LAYER:
      return write_layer_norm(writer, part, epsilon, inputs, value);
  }
  return BLOK_FAIL(writer->error, BLOK_E_INTERNAL, "a block has norm %d, which is none", (int)norm);
}

// ---- Activations --------------------------------------------------------------------------------

// How an activation is spelled: its operator, and the attributes that alpha and beta are.
typedef struct spelling {
  const char *op_type;
  bool alpha, beta;
} spelling;

static const spelling spellings[] = {
    [BLOK_ACT_RELU] = {"Relu", false, false},
    [BLOK_ACT_RELU6] = {"Clip", false, false},
    [BLOK_ACT_LEAKY_RELU] = {"LeakyRelu", true, false},
    [BLOK_ACT_SILU] = {"Swish", false, false},
    [BLOK_ACT_HARD_SWISH] = {"HardSwish", false, false},
    [BLOK_ACT_SIGMOID] = {"Sigmoid", false, false},
    [BLOK_ACT_HARD_SIGMOID] = {"HardSigmoid", true, true},
    [BLOK_ACT_TANH] = {"Tanh", false, false},
    [BLOK_ACT_GELU] = {"Gelu", false, false},
    [BLOK_ACT_PRELU] = {"PRelu", false, false},
    [BLOK_ACT_CLIP] = {"Clip", false, false},
    [BLOK_ACT_GELU_TANH] = {"Gelu", false, false},
    [BLOK_ACT_MISH] = {"Mish", false, false},
    [BLOK_ACT_ELU] = {"Elu", true, false},
};

// The operator's further inputs: a prelu's slope, the bounds of a range, an infinite one left out.
static blok_status further_inputs(blok_writer *writer, const char *part,
                                  const blok_written_act *act, blok_value_id inputs[3]) {
  if (act->activation == BLOK_ACT_PRELU) inputs[1] = act->slope;
  if (act->activation != BLOK_ACT_RELU6 && act->activation != BLOK_ACT_CLIP) return BLOK_OK;
  const bool clip = act->activation == BLOK_ACT_CLIP;
  const double low = clip ? act->alpha : 0, high = clip ? act->beta : 6;
  if (!isinf(low)) BLOK_TRY(blok_write_number(writer, part, "min", low, &inputs[1]));
  if (!isinf(high)) BLOK_TRY(blok_write_number(writer, part, "max", high, &inputs[2]));
  return BLOK_OK;
}

blok_status blok_write_activation(blok_writer *writer, const char *part,
                                  const blok_written_act *act, blok_value_id *value) {
  if (act->activation == BLOK_ACT_NONE) return BLOK_OK;
  const size_t index = (size_t)act->activation;
  if (index >= sizeof spellings / sizeof spellings[0]) {
    return BLOK_FAIL(writer->error, BLOK_E_INTERNAL, "a block has activation %zu, which is none",
                     index);
  }
  const spelling *as = &spellings[index];
  blok_graph *graph = writer->graph;
  blok_value_id inputs[3] = {*value};
  blok_node_id node = BLOK_NO_NODE;
  BLOK_TRY(further_inputs(writer, part, act, inputs));
  BLOK_TRY(blok_write_node(writer, part, as->op_type, 3, inputs, value, &node));
  if (as->alpha) {
    BLOK_TRY(blok_node_set_float(graph, node, "alpha", (float)act->alpha, writer->error));
  }
  if (as->beta) {
    BLOK_TRY(blok_node_set_float(graph, node, "beta", (float)act->beta, writer->error));
  }
  if (act->activation != BLOK_ACT_GELU_TANH) return BLOK_OK;
  return blok_node_set_text(graph, node, "approximate", "tanh", writer->error);
}
