// Activations of one operator, and numbers that constants hold. Those spelled in several nodes are
// in spelled.c.
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

bool blok_number_beside(const blok_matcher *matcher, const blok_node *node, uint32_t slot,
                        double *out) {
  if (node->n_inputs != 2 || !node->inputs[1 - slot].i) return false;
  if (!blok_constant_number(matcher, node->inputs[slot], out)) return false;
  int32_t rank = matcher->facts->of[node->inputs[1 - slot].i].rank;
  uint32_t own = matcher->facts->of[node->inputs[slot].i].tensor->rank;
  return own <= (rank < 0 ? 1 : (uint32_t)rank);
}

bool blok_fits_number(double a, double b) { return fabs(a - b) <= 1e-6 * fabs(b); }

static bool one_node(const blok_node *node, blok_node_id id, blok_activation activation,
                     blok_unit *unit) {
  unit->activation = activation;
  unit->in = blok_node_input(node, 0);
  unit->in_reads = 1;
  unit->n_nodes = 1;
  unit->nodes[0] = id;
  return true;
}

// Activations of one operator. Clip and Relu may end a longer spelling and are not read here.
static bool read_one(const blok_matcher *matcher, const blok_node *node, blok_node_id id,
                     blok_unit *unit) {
  static const struct {
    blok_op op;
    blok_activation activation;
  } plain[] = {
      {BLOK_OP_Sigmoid, BLOK_ACT_SIGMOID},
      {BLOK_OP_Tanh, BLOK_ACT_TANH},
      {BLOK_OP_HardSwish, BLOK_ACT_HARD_SWISH},
      {BLOK_OP_Mish, BLOK_ACT_MISH},
  };
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
    if (node->op == plain[i].op) return one_node(node, id, plain[i].activation, unit);
  }
  if (node->op == BLOK_OP_PRelu) {
    unit->slope = blok_node_input(node, 1);
    return unit->slope.i && blok_value_at(matcher->graph, unit->slope)->literal &&
           one_node(node, id, BLOK_ACT_PRELU, unit);
  }
  if (node->op == BLOK_OP_LeakyRelu) {
    unit->alpha = (double)blok_node_float(node, "alpha", 0.01f);
    return one_node(node, id, BLOK_ACT_LEAKY_RELU, unit);
  }
  if (node->op == BLOK_OP_Elu) {
    unit->alpha = (double)blok_node_float(node, "alpha", 1.0f);
    return one_node(node, id, BLOK_ACT_ELU, unit);
  }
  if (node->op == BLOK_OP_HardSigmoid) {
    unit->alpha = (double)blok_node_float(node, "alpha", 0.2f);
    unit->beta = (double)blok_node_float(node, "beta", 0.5f);
    return one_node(node, id, BLOK_ACT_HARD_SIGMOID, unit);
  }
  if (node->op == BLOK_OP_Swish) {
    return blok_node_float(node, "alpha", 1.0f) == 1.0f && one_node(node, id, BLOK_ACT_SILU, unit);
  }
  if (node->op == BLOK_OP_Gelu) {
    bool tanh = blok_node_text_is(node, "approximate", "none", "tanh");
    return (tanh || blok_node_text_is(node, "approximate", "none", "none")) &&
           one_node(node, id, tanh ? BLOK_ACT_GELU_TANH : BLOK_ACT_GELU, unit);
  }
  return false;
}

bool blok_activation_read(const blok_matcher *matcher, blok_node_id id, blok_unit *unit) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  memset(unit, 0, sizeof *unit);
  unit->kind = BLOK_UNIT_ACT;
  if (!blok_node_input(node, 0).i || !blok_node_output(node, 0).i) return false;
  unit->out = node->outputs[0];
  return read_one(matcher, node, id, unit) || blok_activation_spelled(matcher, id, unit);
}
