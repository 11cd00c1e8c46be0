// The vector functions against double libm, over the whole range of floats.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "oracle.h"

enum { ROWS = 256, MOST_LANES = 16 };

// Through an epilogue of nothing but the activation.
static void apply(const blok_isa *isa, blok_act act, float *values, uint32_t rows) {
  const blok_epilogue epilogue = {.act = act};
  const blok_tile tile = {
      .out = values, .row_stride = isa->lanes, .rows = rows, .blocks = 1, .channels = isa->lanes};
  isa->epilogue(&epilogue, &tile);
}

static float one(const blok_isa *isa, blok_act act, float x) {
  float values[MOST_LANES];
  for (int i = 0; i < MOST_LANES; i++) values[i] = x;
  apply(isa, act, values, 1);
  return values[0];
}

static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
static double softplus(double x) { return (x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x))); }
static double elu(double x) { return x < 0.0 ? expm1(x) : x; }
static double silu(double x) { return x / (1.0 + exp(-x)); }
static double mish(double x) { return x * tanh(softplus(x)); }
static double gelu(double x) { return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440)); }
// (1 + tanh(t)) / 2 is sigmoid(2 t), which does not cancel.
static double gelu_tanh(double x) {
  return x * sigmoid(1.5957691216057307118 * (x + 0.044715 * x * x * x));
}

// ulps: the most errors of the last place; absolute: instead of them, of 1 + |y|, where the
// function passes through 0 by cancellation.
static const struct {
  const char *name;
  blok_act act;
  double (*of)(double);
  double ulps, absolute;
} functions[] = {
    {"exp", {BLOK_FN_EXP, 0, 0}, exp, 1.1, 0},
    {"log", {BLOK_FN_LOG, 0, 0}, log, 0.9, 0},
    {"expm1", {BLOK_FN_ELU, 1, 0}, elu, 1.0, 0},
    {"sigmoid", {BLOK_FN_SIGMOID, 0, 0}, sigmoid, 2.5, 0},
    {"tanh", {BLOK_FN_TANH, 0, 0}, tanh, 2.6, 0},
    {"erf", {BLOK_FN_ERF, 0, 0}, erf, 7.0, 0},
    {"softplus", {BLOK_FN_SOFTPLUS, 0, 0}, softplus, 2.8, 0},
    {"silu", {BLOK_FN_SILU, 1, 0}, silu, 0, 1.2e-7},
    {"mish", {BLOK_FN_MISH, 0, 0}, mish, 0, 1.2e-7},
    {"gelu", {BLOK_FN_GELU, 0, 0}, gelu, 0, 1e-6},
    {"gelu_tanh", {BLOK_FN_GELU_TANH, 0, 0}, gelu_tanh, 0, 1.2e-7},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

// Under 2^-125 a result may be 0.
static bool near_enough(int function, double got, double want) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
  const float rounded = (float)want;
  if (isinf(rounded) || isinf(got)) return got == (double)rounded || fabs(want) > 3.40282e38;
  const double size = fabs((double)rounded);
  if (size < 0x1p-125) return fabs(got - want) <= 0x1p-125;
  if (functions[function].absolute > 0) {
    return fabs(got - want) <= functions[function].absolute * (1.0 + fabs(want));
  }
  const double ulp = (double)nextafterf((float)size, INFINITY) - size;
  return fabs(got - want) <= functions[function].ulps * ulp;
}

// The step is prime to the number of bit patterns: signs, exponents and NaNs all come up.
START_TEST(math__is_within_its_stated_error_when_compared_with_double) {
  const uint32_t step = 60013;
  float in[ROWS * MOST_LANES], out[ROWS * MOST_LANES];
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    uint64_t bits = 0;
    while (bits <= UINT32_MAX) {
      for (uint32_t k = 0; k < ROWS * isa->lanes; k++, bits += step) {
        const uint32_t pattern = (uint32_t)bits;
        memcpy(&in[k], &pattern, sizeof pattern);
      }
      memcpy(out, in, sizeof in);
      apply(isa, functions[_i].act, out, ROWS);
      for (uint32_t k = 0; k < ROWS * isa->lanes; k++) {
        const double x = (double)in[k], want = functions[_i].of(x);
        if (near_enough(_i, (double)out[k], want)) continue;
        ck_abort_msg("%s %s(%.9g) is %.9g instead of %.9g", isa->name, functions[_i].name, x,
                     (double)out[k], want);
      }
    }
  }
}
END_TEST

START_TEST(math__is_exact_at_the_ends_of_its_range) {
  const float inf = INFINITY;
  const struct {
    blok_act act;
    float x, y;
  } cases[] = {
      {{BLOK_FN_EXP, 0, 0}, 0.0f, 1.0f},         {{BLOK_FN_EXP, 0, 0}, -0.0f, 1.0f},
      {{BLOK_FN_EXP, 0, 0}, -inf, 0.0f},         {{BLOK_FN_EXP, 0, 0}, inf, inf},
      {{BLOK_FN_EXP, 0, 0}, -3e38f, 0.0f},       {{BLOK_FN_EXP, 0, 0}, 3e38f, inf},
      {{BLOK_FN_LOG, 0, 0}, 1.0f, 0.0f},         {{BLOK_FN_LOG, 0, 0}, 0.0f, -inf},
      {{BLOK_FN_LOG, 0, 0}, inf, inf},           {{BLOK_FN_SIGMOID, 0, 0}, 0.0f, 0.5f},
      {{BLOK_FN_SIGMOID, 0, 0}, -inf, 0.0f},     {{BLOK_FN_SIGMOID, 0, 0}, inf, 1.0f},
      {{BLOK_FN_TANH, 0, 0}, -inf, -1.0f},       {{BLOK_FN_TANH, 0, 0}, inf, 1.0f},
      {{BLOK_FN_ERF, 0, 0}, -inf, -1.0f},        {{BLOK_FN_ERF, 0, 0}, 1e30f, 1.0f},
      {{BLOK_FN_SOFTPLUS, 0, 0}, -inf, 0.0f},    {{BLOK_FN_SOFTPLUS, 0, 0}, inf, inf},
      {{BLOK_FN_ELU, 1, 0}, -inf, -1.0f},        {{BLOK_FN_ELU, 1, 0}, inf, inf},
      {{BLOK_FN_GELU, 0, 0}, -1e30f, 0.0f},      {{BLOK_FN_MISH, 0, 0}, 1e30f, 1e30f},
      {{BLOK_FN_GELU_TANH, 0, 0}, 1e30f, 1e30f},
  };
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
      const float y = one(isa, cases[k].act, cases[k].x);
      ck_assert_msg(y == cases[k].y, "%s function %d of %g is %g instead of %g", isa->name,
                    (int)cases[k].act.kind, (double)cases[k].x, (double)y, (double)cases[k].y);
    }
    const float tiny = one(isa, (blok_act){BLOK_FN_TANH, 0, 0}, -0.0f);
    ck_assert(tiny == 0.0f && signbit(tiny));
    ck_assert(isnan(one(isa, (blok_act){BLOK_FN_LOG, 0, 0}, -1.0f)));
  }
}
END_TEST

Suite *suite_math(void) {
  Suite *suite = suite_create("math");
  TCase *tests = tcase_create("math");
  tcase_add_loop_test(tests, math__is_within_its_stated_error_when_compared_with_double, 0,
                      FUNCTIONS);
  tcase_add_test(tests, math__is_exact_at_the_ends_of_its_range);
  suite_add_tcase(suite, tests);
  return suite;
}
