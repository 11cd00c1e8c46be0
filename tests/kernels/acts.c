// Activations by the reference interpreter: see acts.h.
#include "acts.h"

#include <check.h>
#include <string.h>

#include "oracle.h"

// How each kind is written as a node: the attributes for a and b.
static const struct {
  const char *op, *a, *b;
} nodes[BLOK_FN_KINDS] = {
    [BLOK_FN_NONE] = {NULL, NULL, NULL},
    [BLOK_FN_RELU] = {"Relu", NULL, NULL},
    [BLOK_FN_CLIP] = {"Clip", NULL, NULL},
    [BLOK_FN_LEAKY] = {"LeakyRelu", "alpha", NULL},
    [BLOK_FN_PRELU] = {"PRelu", NULL, NULL},
    [BLOK_FN_SIGMOID] = {"Sigmoid", NULL, NULL},
    [BLOK_FN_TANH] = {"Tanh", NULL, NULL},
    [BLOK_FN_HARD_SIGMOID] = {"HardSigmoid", "alpha", "beta"},
    [BLOK_FN_HARD_SWISH] = {"HardSwish", NULL, NULL},
    [BLOK_FN_SILU] = {"Swish", "alpha", NULL},
    [BLOK_FN_GELU] = {"Gelu", NULL, NULL},
    [BLOK_FN_GELU_TANH] = {"Gelu", NULL, NULL},
    [BLOK_FN_MISH] = {"Mish", NULL, NULL},
    [BLOK_FN_ELU] = {"Elu", "alpha", NULL},
    [BLOK_FN_SELU] = {"Selu", "alpha", "gamma"},
    [BLOK_FN_SOFTPLUS] = {"Softplus", NULL, NULL},
    [BLOK_FN_ERF] = {"Erf", NULL, NULL},
    [BLOK_FN_EXP] = {"Exp", NULL, NULL},
    [BLOK_FN_LOG] = {"Log", NULL, NULL},
    [BLOK_FN_SQRT] = {"Sqrt", NULL, NULL},
    [BLOK_FN_RECIPROCAL] = {"Reciprocal", NULL, NULL},
    [BLOK_FN_ABS] = {"Abs", NULL, NULL},
    [BLOK_FN_NEG] = {"Neg", NULL, NULL},
    [BLOK_FN_FLOOR] = {"Floor", NULL, NULL},
    [BLOK_FN_CEIL] = {"Ceil", NULL, NULL},
    [BLOK_FN_ROUND] = {"Round", NULL, NULL},
    [BLOK_FN_SOFTSIGN] = {"Softsign", NULL, NULL},
};

blok_act act_of(blok_act_kind kind) {
  switch ((int)kind) {
    case BLOK_FN_CLIP:
      return (blok_act){kind, -0.5f, 1.5f};
    case BLOK_FN_HARD_SIGMOID:
      return (blok_act){kind, 0.25f, 0.375f};
    case BLOK_FN_SELU:
      return (blok_act){kind, 1.625f, 1.0625f};
    case BLOK_FN_SILU:
      return (blok_act){kind, 1.0f, 0.0f};
    default:
      return (blok_act){kind, 0.125f, 0.0f};
  }
}

void act_expect(blok_act act, const float *slope, float *values, uint32_t rows, uint32_t channels) {
  if (act.kind == BLOK_FN_NONE) return;
  const bool clip = act.kind == BLOK_FN_CLIP, prelu = act.kind == BLOK_FN_PRELU;
  const int64_t dims[2] = {rows, channels};
  oracle of;
  oracle_init(&of, nodes[act.kind].op, clip ? 3 : prelu ? 2 : 1, 1);
  if (nodes[act.kind].a) oracle_float(&of, nodes[act.kind].a, (double)act.a);
  if (nodes[act.kind].b) oracle_float(&of, nodes[act.kind].b, (double)act.b);
  if (act.kind == BLOK_FN_GELU_TANH) oracle_text(&of, "approximate", "tanh");
  oracle_in(&of, 0, values, 2, dims);
  if (clip) {
    oracle_in(&of, 1, &act.a, 0, NULL);
    oracle_in(&of, 2, &act.b, 0, NULL);
  }
  if (prelu) oracle_in(&of, 1, slope, 1, dims + 1);
  oracle_run(&of);
  memcpy(values, oracle_out(&of, 0), (size_t)rows * channels * sizeof *values);
  oracle_free(&of);
}
