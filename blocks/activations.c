// Activations, however they are spelled: one operator, Sigmoid and Mul, or hard swish in four
// nodes.
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "blocks/matcher.h"

bool blok_constant_number(const blok_matcher *matcher, blok_value_id value, double *out) {
  if (!value.i) return false;
  const blok_tensor *tensor = matcher->facts->of[value.i].tensor;
  if (!tensor || !tensor->data) return false;
  for (uint32_t i = 0; i < tensor->rank; i++) {
    if (tensor->dims[i] != 1) return false;
  }
  float f32 = 0;
  double f64 = 0;
  uint16_t half = 0;
  if (tensor->dtype == BLOK_F32) {
    memcpy(&f32, tensor->data, sizeof f32);
    *out = (double)f32;
  } else if (tensor->dtype == BLOK_F64) {
    memcpy(&f64, tensor->data, sizeof f64);
    *out = f64;
  } else if (tensor->dtype == BLOK_F16 || tensor->dtype == BLOK_BF16) {
    memcpy(&half, tensor->data, sizeof half);
    *out = (double)(tensor->dtype == BLOK_F16 ? blok_f16_to_f32(half) : blok_bf16_to_f32(half));
  } else {
    return false;
  }
  return true;
}

// Equal to what an f32 holds of it.
static bool near(double a, double b) { return fabs(a - b) <= 1e-6 * fabs(b); }

static bool one_node(const blok_node *node, blok_node_id id, blok_activation activation,
                     blok_unit *unit) {
  unit->activation = activation;
  unit->in = blok_node_input(node, 0);
  unit->in_reads = 1;
  unit->n_nodes = 1;
  unit->nodes[0] = id;
  return true;
}

static bool prelu_slope(const blok_matcher *matcher, const blok_node *node, blok_unit *unit) {
  unit->slope = blok_node_input(node, 1);
  return unit->slope.i && blok_value_at(matcher->graph, unit->slope)->literal;
}

static bool clip(const blok_matcher *matcher, const blok_node *node, blok_node_id id,
                 blok_unit *unit) {
  double low = -HUGE_VAL, high = HUGE_VAL;
  blok_value_id min = blok_node_input(node, 1), max = blok_node_input(node, 2);
  if (min.i && !blok_constant_number(matcher, min, &low)) return false;
  if (max.i && !blok_constant_number(matcher, max, &high)) return false;
  if (low == 0 && high == 6) return one_node(node, id, BLOK_ACT_RELU6, unit);
  unit->alpha = low;
  unit->beta = high;
  return one_node(node, id, BLOK_ACT_CLIP, unit);
}

// The activation that makes value for one reader alone; NULL otherwise.
static const blok_unit *inner(const blok_matcher *matcher, blok_value_id value,
                              blok_activation activation) {
  const blok_unit *unit = blok_unit_making(matcher, value, BLOK_UNIT_ACT);
  if (!unit || unit->activation != activation || !blok_only_read(matcher, value, 1)) return NULL;
  return unit;
}

static bool is_hard_swish_gate(const blok_unit *unit) {
  return unit && near(unit->alpha, 1.0 / 6) && near(unit->beta, 0.5);
}

// Mul(x, gate(x)): SiLU, hard swish.
static bool gated(const blok_matcher *matcher, const blok_node *node, blok_node_id id,
                  blok_unit *unit) {
  for (uint32_t g = 0; g < 2; g++) {
    blok_value_id gate = node->inputs[g], x = node->inputs[1 - g];
    const blok_unit *by = inner(matcher, gate, BLOK_ACT_SIGMOID);
    blok_activation activation = BLOK_ACT_SILU;
    if (!by) {
      by = inner(matcher, gate, BLOK_ACT_HARD_SIGMOID);
      activation = BLOK_ACT_HARD_SWISH;
      if (!is_hard_swish_gate(by)) by = NULL;
    }
    if (!by || !blok_same_value(by->in, x) || by->n_nodes >= BLOK_UNIT_NODES) continue;
    *unit = *by;
    unit->activation = activation;
    unit->alpha = unit->beta = 0;
    unit->in_reads = by->in_reads + 1;
    unit->nodes[unit->n_nodes++] = id;
    return true;
  }
  return false;
}

// The other input of a node of two inputs one of which is the constant number; none otherwise.
static blok_value_id beside_number(const blok_matcher *matcher, const blok_node *node,
                                   double number) {
  double got = 0;
  for (uint32_t c = 0; c < 2; c++) {
    if (blok_constant_number(matcher, node->inputs[c], &got) && near(got, number)) {
      return node->inputs[1 - c];
    }
  }
  return BLOK_NO_VALUE;
}

// relu6(x + 3) behind value, each step for one reader alone: *x, the Add and the Clip.
static bool shifted_relu6(const blok_matcher *matcher, blok_value_id value, blok_value_id *x,
                          blok_node_id nodes[2]) {
  const blok_unit *relu6 = inner(matcher, value, BLOK_ACT_RELU6);
  if (!relu6 || !blok_only_read(matcher, relu6->in, 1)) return false;
  blok_node_id id = blok_value_producer(matcher->graph, relu6->in);
  const blok_node *add = blok_node_at(matcher->graph, id);
  if (!id.i || add->op != BLOK_OP_Add || add->n_inputs != 2) return false;
  *x = beside_number(matcher, add, 3);
  nodes[0] = id;
  nodes[1] = relu6->nodes[0];
  return x->i != 0;
}

// What ends in a division by 6: hard sigmoid relu6(x + 3) / 6, hard swish x * relu6(x + 3) / 6.
static bool sixth(const blok_matcher *matcher, const blok_node *node, blok_node_id id,
                  blok_unit *unit) {
  blok_value_id whole = BLOK_NO_VALUE, x = BLOK_NO_VALUE;
  double six = 0;
  if (node->op == BLOK_OP_Mul) {
    whole = beside_number(matcher, node, 1.0 / 6);
  } else if (blok_constant_number(matcher, node->inputs[1], &six) && near(six, 6)) {
    whole = node->inputs[0];
  }
  if (!whole.i) return false;
  if (shifted_relu6(matcher, whole, &x, unit->nodes)) {
    unit->activation = BLOK_ACT_HARD_SIGMOID;
    unit->alpha = 1.0 / 6;
    unit->beta = 0.5;
    unit->in_reads = 1;
    unit->n_nodes = 3;
    unit->nodes[2] = id;
    unit->in = x;
    return true;
  }
  blok_node_id product = blok_value_producer(matcher->graph, whole);
  const blok_node *mul = blok_node_at(matcher->graph, product);
  if (!product.i || mul->op != BLOK_OP_Mul || mul->n_inputs != 2) return false;
  if (!blok_only_read(matcher, whole, 1)) return false;
  for (uint32_t g = 0; g < 2; g++) {
    if (!shifted_relu6(matcher, mul->inputs[g], &x, unit->nodes)) continue;
    if (!blok_same_value(x, mul->inputs[1 - g])) continue;
    unit->activation = BLOK_ACT_HARD_SWISH;
    unit->in_reads = 2;
    unit->n_nodes = 4;
    unit->nodes[2] = product;
    unit->nodes[3] = id;
    unit->in = x;
    return true;
  }
  return false;
}

bool blok_activation_read(const blok_matcher *matcher, blok_node_id id, blok_unit *unit) {
  static const struct {
    blok_op op;
    blok_activation activation;
  } plain[] = {
      {BLOK_OP_Relu, BLOK_ACT_RELU},   {BLOK_OP_Sigmoid, BLOK_ACT_SIGMOID},
      {BLOK_OP_Tanh, BLOK_ACT_TANH},   {BLOK_OP_HardSwish, BLOK_ACT_HARD_SWISH},
      {BLOK_OP_PRelu, BLOK_ACT_PRELU},
  };
  const blok_node *node = blok_node_at(matcher->graph, id);
  memset(unit, 0, sizeof *unit);
  unit->kind = BLOK_UNIT_ACT;
  if (!blok_node_input(node, 0).i || !blok_node_output(node, 0).i) return false;
  unit->out = node->outputs[0];
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
    if (node->op != plain[i].op) continue;
    if (node->op == BLOK_OP_PRelu && !prelu_slope(matcher, node, unit)) return false;
    return one_node(node, id, plain[i].activation, unit);
  }
  if (node->op == BLOK_OP_LeakyRelu) {
    unit->alpha = (double)blok_node_float(node, "alpha", 0.01f);
    return one_node(node, id, BLOK_ACT_LEAKY_RELU, unit);
  }
  if (node->op == BLOK_OP_HardSigmoid) {
    unit->alpha = (double)blok_node_float(node, "alpha", 0.2f);
    unit->beta = (double)blok_node_float(node, "beta", 0.5f);
    return one_node(node, id, BLOK_ACT_HARD_SIGMOID, unit);
  }
  if (node->op == BLOK_OP_Clip) return clip(matcher, node, id, unit);
  if (node->op == BLOK_OP_Swish) {
    return blok_node_float(node, "alpha", 1.0f) == 1.0f && one_node(node, id, BLOK_ACT_SILU, unit);
  }
  if (node->op == BLOK_OP_Gelu) {
    return blok_node_text_is(node, "approximate", "none", "none") &&
           one_node(node, id, BLOK_ACT_GELU, unit);
  }
  bool two = (node->op == BLOK_OP_Mul || node->op == BLOK_OP_Div) && node->n_inputs == 2;
  if (!two) return false;
  blok_unit found = *unit;
  if ((node->op == BLOK_OP_Mul && gated(matcher, node, id, &found)) ||
      sixth(matcher, node, id, &found)) {
    blok_value_id out = unit->out;
    *unit = found;
    unit->out = out;
    return true;
  }
  return false;
}
