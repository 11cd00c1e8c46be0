// Nodes and units as functions of one value: see acts.h.
#include "runtime/plan/acts.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "runtime/ops/region.h"

// Operators without parameters.
static blok_act_kind plain_kind(blok_op op) {
  static const struct {
    blok_op op;
    blok_act_kind kind;
  } rows[] = {
      {BLOK_OP_Abs, BLOK_FN_ABS},           {BLOK_OP_Ceil, BLOK_FN_CEIL},
      {BLOK_OP_Erf, BLOK_FN_ERF},           {BLOK_OP_Exp, BLOK_FN_EXP},
      {BLOK_OP_Floor, BLOK_FN_FLOOR},       {BLOK_OP_HardSwish, BLOK_FN_HARD_SWISH},
      {BLOK_OP_Log, BLOK_FN_LOG},           {BLOK_OP_Mish, BLOK_FN_MISH},
      {BLOK_OP_Neg, BLOK_FN_NEG},           {BLOK_OP_Reciprocal, BLOK_FN_RECIPROCAL},
      {BLOK_OP_Relu, BLOK_FN_RELU},         {BLOK_OP_Round, BLOK_FN_ROUND},
      {BLOK_OP_Sigmoid, BLOK_FN_SIGMOID},   {BLOK_OP_Softplus, BLOK_FN_SOFTPLUS},
      {BLOK_OP_Softsign, BLOK_FN_SOFTSIGN}, {BLOK_OP_Sqrt, BLOK_FN_SQRT},
      {BLOK_OP_Tanh, BLOK_FN_TANH},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].op == op) return rows[i].kind;
  }
  return BLOK_FN_NONE;
}

// A bound of Clip: fallback where it is left out; false where it is no constant f32.
static bool read_bound(const blok_facts *facts, blok_value_id value, float fallback, float *out) {
  *out = fallback;
  if (!value.i) return true;
  const blok_tensor *tensor = facts->of[value.i].tensor;
  if (!tensor || !tensor->data || tensor->dtype != BLOK_F32 || tensor->bytes < sizeof *out) {
    return false;
  }
  memcpy(out, tensor->data, sizeof *out);
  return !isnan(*out);
}

static bool of_node(const blok_graph *graph, const blok_facts *facts, const blok_node *node,
                    blok_act *act, blok_value_id *slope) {
  switch ((int)node->op) {
    case BLOK_OP_Clip:
      act->kind = BLOK_FN_CLIP;
      return read_bound(facts, blok_node_input(node, 1), -INFINITY, &act->a) &&
             read_bound(facts, blok_node_input(node, 2), INFINITY, &act->b) && act->a <= act->b;
    case BLOK_OP_LeakyRelu:
      *act = (blok_act){BLOK_FN_LEAKY, blok_node_float(node, "alpha", 0.01f), 0};
      return true;
    case BLOK_OP_Elu:
      *act = (blok_act){BLOK_FN_ELU, blok_node_float(node, "alpha", 1.0f), 0};
      return true;
    case BLOK_OP_Selu:
      *act = (blok_act){BLOK_FN_SELU, blok_node_float(node, "alpha", 1.67326319217681884765625f),
                        blok_node_float(node, "gamma", 1.05070102214813232421875f)};
      return true;
    case BLOK_OP_HardSigmoid:
      *act = (blok_act){BLOK_FN_HARD_SIGMOID, blok_node_float(node, "alpha", 0.2f),
                        blok_node_float(node, "beta", 0.5f)};
      return true;
    case BLOK_OP_Swish:
      *act = (blok_act){BLOK_FN_SILU, blok_node_float(node, "alpha", 1.0f), 0};
      return true;
    case BLOK_OP_Gelu:
      act->kind =
          blok_node_text_is(node, "approximate", "none", "tanh") ? BLOK_FN_GELU_TANH : BLOK_FN_GELU;
      return act->kind == BLOK_FN_GELU_TANH ||
             blok_node_text_is(node, "approximate", "none", "none");
    case BLOK_OP_PRelu:
      act->kind = BLOK_FN_PRELU;
      *slope = blok_node_input(node, 1);
      return slope->i && blok_value_at(graph, *slope)->literal;
    default:
      act->kind = plain_kind(node->op);
      return act->kind != BLOK_FN_NONE;
  }
}

bool blok_act_of_node(const blok_graph *graph, const blok_facts *facts, blok_node_id id,
                      blok_act *act, blok_value_id *slope) {
  const blok_node *node = blok_node_at(graph, id);
  *act = (blok_act){BLOK_FN_NONE, 0, 0};
  *slope = BLOK_NO_VALUE;
  return blok_node_input(node, 0).i && blok_node_output(node, 0).i &&
         of_node(graph, facts, node, act, slope);
}

blok_act blok_act_of(blok_activation activation, double alpha, double beta) {
  static const blok_act_kind kinds[] = {
      [BLOK_ACT_NONE] = BLOK_FN_NONE,
      [BLOK_ACT_RELU] = BLOK_FN_RELU,
      [BLOK_ACT_RELU6] = BLOK_FN_CLIP,
      [BLOK_ACT_LEAKY_RELU] = BLOK_FN_LEAKY,
      [BLOK_ACT_SILU] = BLOK_FN_SILU,
      [BLOK_ACT_HARD_SWISH] = BLOK_FN_HARD_SWISH,
      [BLOK_ACT_SIGMOID] = BLOK_FN_SIGMOID,
      [BLOK_ACT_HARD_SIGMOID] = BLOK_FN_HARD_SIGMOID,
      [BLOK_ACT_TANH] = BLOK_FN_TANH,
      [BLOK_ACT_GELU] = BLOK_FN_GELU,
      [BLOK_ACT_PRELU] = BLOK_FN_PRELU,
      [BLOK_ACT_CLIP] = BLOK_FN_CLIP,
      [BLOK_ACT_GELU_TANH] = BLOK_FN_GELU_TANH,
      [BLOK_ACT_MISH] = BLOK_FN_MISH,
      [BLOK_ACT_ELU] = BLOK_FN_ELU,
  };
  blok_act act = {kinds[activation], (float)alpha, (float)beta};
  if (activation == BLOK_ACT_RELU6) act = (blok_act){BLOK_FN_CLIP, 0, 6};
  if (activation == BLOK_ACT_SILU) act.a = 1;
  return act;
}

blok_act blok_act_of_unit(const blok_unit *unit) {
  return blok_act_of(unit->activation, unit->alpha, unit->beta);
}
