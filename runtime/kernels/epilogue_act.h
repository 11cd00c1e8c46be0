// The activations of epilogue.h over vector words. -infinity times a gate of 0 is NaN in SiLU,
// GELU, Mish and HardSwish, as by their definitions.
#ifndef BLOK_KERNELS_EPILOGUE_ACT_H
#define BLOK_KERNELS_EPILOGUE_ACT_H

#include "runtime/kernels/epilogue.h"
#include "runtime/kernels/simd_math.h"

typedef struct vf_act_words {
  vf a, b, slope;
} vf_act_words;

BLOK_INLINE vf vf_clip(vf x, vf low, vf high) { return vf_min(high, vf_max(low, x)); }

BLOK_INLINE vf vf_below0(vf x, vf below) { return vf_select(vf_lt(x, vf_zero()), below, x); }

// x * sigmoid(t)
BLOK_INLINE vf vf_gated(vf x, vf t) { return vf_div(x, vf_one_and_exp_of_minus(t)); }

// tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2), which is 1 from x = 20 on.
BLOK_INLINE vf vf_mish(vf x) {
  const vf e = vf_exp(vf_min(vf_set(20.0f), x));
  const vf n = vf_fma(e, e, vf_add(e, e));
  return vf_mul(x, vf_div(n, vf_add(n, vf_set(2.0f))));
}

// Off by at most 1e-6 (1 + |y|): 1 and the error function cancel around x = -5.
BLOK_INLINE vf vf_gelu(vf x) {
  const vf gate = vf_add(vf_set(1.0f), vf_erf(vf_mul(x, vf_set(0.707106781f))));
  return vf_mul(vf_mul(vf_set(0.5f), x), gate);
}

// (1 + tanh(t)) / 2 = sigmoid(2 t)
BLOK_INLINE vf vf_gelu_tanh(vf x) {
  const vf cubic = vf_fma(vf_mul(x, x), vf_set(0.0713548163f), vf_set(1.59576912f));
  return vf_gated(x, vf_mul(x, cubic));
}

// kind is a constant where this is called, so that one case is left of the switch.
BLOK_INLINE vf vf_act(blok_act_kind kind, vf x, const vf_act_words *w) {
  switch (kind) {
    case BLOK_FN_NONE:
      return x;
    case BLOK_FN_RELU:
      return vf_max(vf_zero(), x);
    case BLOK_FN_CLIP:
      return vf_clip(x, w->a, w->b);
    case BLOK_FN_LEAKY:
      return vf_below0(x, vf_mul(w->a, x));
    case BLOK_FN_PRELU:
      return vf_below0(x, vf_mul(w->slope, x));
    case BLOK_FN_SIGMOID:
      return vf_sigmoid(x);
    case BLOK_FN_TANH:
      return vf_tanh(x);
    case BLOK_FN_HARD_SIGMOID:
      return vf_clip(vf_fma(w->a, x, w->b), vf_zero(), vf_set(1.0f));
    case BLOK_FN_HARD_SWISH:
      return vf_mul(x,
                    vf_clip(vf_fma(x, vf_set(1.0f / 6.0f), vf_set(0.5f)), vf_zero(), vf_set(1.0f)));
    case BLOK_FN_SILU:
      return vf_gated(x, vf_mul(w->a, x));
    case BLOK_FN_GELU:
      return vf_gelu(x);
    case BLOK_FN_GELU_TANH:
      return vf_gelu_tanh(x);
    case BLOK_FN_MISH:
      return vf_mish(x);
    case BLOK_FN_ELU:
      return vf_below0(x, vf_mul(w->a, vf_expm1(vf_min(vf_zero(), x))));
    case BLOK_FN_SELU:
      return vf_mul(w->b, vf_below0(x, vf_mul(w->a, vf_expm1(vf_min(vf_zero(), x)))));
    case BLOK_FN_SOFTPLUS:
      return vf_softplus(x);
    case BLOK_FN_ERF:
      return vf_erf(x);
    case BLOK_FN_EXP:
      return vf_exp(x);
    case BLOK_FN_LOG:
      return vf_log(x);
    case BLOK_FN_SQRT:
      return vf_sqrt(x);
    case BLOK_FN_RECIPROCAL:
      return vf_div(vf_set(1.0f), x);
    case BLOK_FN_ABS:
      return vf_abs(x);
    case BLOK_FN_NEG:
      return vf_neg(x);
    case BLOK_FN_FLOOR:
      return vf_floor(x);
    case BLOK_FN_CEIL:
      return vf_ceil(x);
    case BLOK_FN_ROUND:
      return vf_round(x);
    case BLOK_FN_SOFTSIGN:
      return vf_div(x, vf_add(vf_set(1.0f), vf_abs(x)));
    case BLOK_FN_KINDS:
      break;
  }
  return x;
}

#endif  // BLOK_KERNELS_EPILOGUE_ACT_H
