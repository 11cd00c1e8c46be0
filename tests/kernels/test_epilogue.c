// The tile epilogue against the reference interpreter: every activation, every mixture of parts,
// blocked and matrix tiles with every number of channels.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acts.h"
#include "oracle.h"
#include "speed.h"

enum { ROWS = 5, MOST_CHANNELS = 33, PADDED = 48 };

// The parts of an epilogue, as bits.
enum { MUL = 1, BIAS = 2, SCALE = 4, RESIDUAL = 8, SUMS = 16, MIXTURES = 32 };

typedef struct parts {
  float mul[PADDED], bias[PADDED], scale[PADDED], slope[PADDED];
  float residual[ROWS * PADDED];  // [row][channel]
  float in[ROWS * PADDED];
} parts;

static void fill_parts(parts *of, uint32_t seed) {
  fill_values(of->mul, PADDED, seed + 1);
  fill_values(of->bias, PADDED, seed + 2);
  fill_values(of->scale, PADDED, seed + 3);
  fill_values(of->slope, PADDED, seed + 4);
  fill_values(of->residual, ROWS * PADDED, seed + 5);
  fill_values(of->in, ROWS * PADDED, seed + 6);
  for (size_t i = 0; i < ROWS * PADDED; i++) of->in[i] *= 4.0f;
}

// For functions that blow rounding up near 0, or end there.
static void make_positive(parts *of) {
  for (int i = 0; i < PADDED; i++) {
    of->mul[i] = fabsf(of->mul[i]) + 0.5f;
    of->bias[i] = fabsf(of->bias[i]) + 0.5f;
  }
  for (int i = 0; i < ROWS * PADDED; i++) of->in[i] = fabsf(of->in[i]) + 0.5f;
}

// want[row][channel] for channels channels.
static void expect(const parts *of, blok_act act, blok_act after, int mixture, uint32_t channels,
                   float *want) {
  const size_t count = (size_t)ROWS * channels;
  for (uint32_t r = 0; r < ROWS; r++) {
    for (uint32_t c = 0; c < channels; c++) {
      float x = of->in[r * PADDED + c];
      if (mixture & MUL) x *= of->mul[c];
      if (mixture & BIAS) x += of->bias[c];
      want[r * channels + c] = x;
    }
  }
  act_expect(act, of->slope, want, ROWS, channels);
  for (size_t i = 0; i < count; i++) {
    const size_t r = i / channels, c = i % channels;
    if (mixture & SCALE) want[i] *= of->scale[c];
    if (mixture & RESIDUAL) want[i] += of->residual[r * PADDED + c];
  }
  act_expect(after, of->slope, want, ROWS, channels);
}

typedef struct placement {
  size_t row_stride, block_stride, floats;
} placement;

// Blocked: planes of ROWS pixels and one of zeros. Matrix: rows with a gap.
static placement place_of(const blok_isa *isa, bool matrix, uint32_t channels) {
  if (matrix) return (placement){channels + 3, isa->lanes, (size_t)ROWS * (channels + 3)};
  const size_t plane = plane_floats(ROWS, isa->lanes);
  return (placement){isa->lanes, plane, plane * blocks_of(channels, isa->lanes)};
}

static float *place_values(const blok_isa *isa, const placement *at, bool matrix,
                           const float *values, uint32_t channels) {
  float *out = guarded_new(at->floats);
  for (uint32_t r = 0; r < ROWS; r++) {
    for (uint32_t c = 0; c < channels; c++) {
      const size_t block = matrix ? 0 : c / isa->lanes, lane = matrix ? c : c % isa->lanes;
      out[block * at->block_stride + r * at->row_stride + lane] = values[r * PADDED + c];
    }
  }
  return out;
}

static void check_results(const blok_isa *isa, const placement *at, bool matrix, const float *out,
                          const float *want, uint32_t channels, const char *what) {
  float got[ROWS * MOST_CHANNELS];
  const uint32_t lanes = isa->lanes, width = blocks_of(channels, lanes) * lanes;
  for (uint32_t r = 0; r < ROWS; r++) {
    const uint32_t end = matrix ? channels + 3 : width;
    for (uint32_t c = 0; c < end; c++) {
      const size_t block = matrix ? 0 : c / lanes, lane = matrix ? c : c % lanes;
      const float y = out[block * at->block_stride + r * at->row_stride + lane];
      if (c < channels) {
        got[r * channels + c] = y;
      } else if (matrix) {
        if (!isnan(y)) ck_abort_msg("%s: wrote beyond the columns", what);
      } else if (y != 0.0f || signbit(y)) {
        ck_abort_msg("%s: padding lane %u holds %g", what, c, (double)y);
      }
    }
  }
  oracle_same(got, want, (size_t)ROWS * channels, 1e-6, what);
}

static void check_one(const blok_isa *isa, blok_act act, blok_act after, int mixture, bool matrix,
                      uint32_t channels) {
  static parts of;
  char what[128];
  snprintf(what, sizeof what, "%s act %d after %d parts %d %s %u channels", isa->name,
           (int)act.kind, (int)after.kind, mixture, matrix ? "matrix" : "blocked", channels);
  fill_parts(&of, (uint32_t)act.kind * 7 + channels);
  if (act.kind == BLOK_FN_LOG || act.kind == BLOK_FN_SQRT || act.kind == BLOK_FN_RECIPROCAL) {
    make_positive(&of);
  }
  float want[ROWS * MOST_CHANNELS];
  expect(&of, act, after, mixture, channels, want);
  const placement at = place_of(isa, matrix, channels);
  float *out = place_values(isa, &at, matrix, of.in, channels);
  float *residual = place_values(isa, &at, matrix, of.residual, channels);
  float *sums = guarded_new((size_t)blocks_of(channels, isa->lanes) * isa->lanes);
  for (uint32_t c = 0; c < channels; c++) sums[c] = 100.0f;
  const blok_epilogue epilogue = {.act = act,
                                  .after = after,
                                  .mul = mixture & MUL ? of.mul : NULL,
                                  .bias = mixture & BIAS ? of.bias : NULL,
                                  .slope = of.slope,
                                  .scale = mixture & SCALE ? of.scale : NULL};
  const blok_tile tile = {.out = out,
                          .row_stride = at.row_stride,
                          .block_stride = at.block_stride,
                          .residual = mixture & RESIDUAL ? residual : NULL,
                          .residual_row_stride = at.row_stride,
                          .residual_block_stride = at.block_stride,
                          .rows = ROWS,
                          .blocks = blocks_of(channels, isa->lanes),
                          .channels = channels,
                          .matrix = matrix,
                          .sums = mixture & SUMS ? sums : NULL};
  isa->epilogue(&epilogue, &tile);
  check_results(isa, &at, matrix, out, want, channels, what);
  for (uint32_t c = 0; c < channels; c++) {
    double total = 100.0;
    for (uint32_t r = 0; r < ROWS; r++) total += (double)want[r * channels + c];
    const double wanted = mixture & SUMS ? total : 100.0;
    if (fabs((double)sums[c] - wanted) < 1e-3) continue;
    ck_abort_msg("%s: sum %u is %g instead of %g", what, c, (double)sums[c], wanted);
  }
  guarded_free(out);
  guarded_free(residual);
  guarded_free(sums);
}

static const blok_act no_act = {BLOK_FN_NONE, 0, 0};

START_TEST(epilogue__equals_the_reference_when_any_activation_meets_any_channel_count) {
  const blok_act act = act_of((blok_act_kind)_i);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (uint32_t channels = 1; channels <= 2 * isa->lanes + 1; channels++) {
      const bool odd = channels % 2 != 0;
      check_one(isa, act, no_act, odd ? BIAS : BIAS | SUMS, false, channels);
      check_one(isa, act, no_act, odd ? RESIDUAL | SUMS : MUL | BIAS, true, channels);
    }
  }
}
END_TEST

START_TEST(epilogue__equals_the_reference_when_parts_are_mixed) {
  const blok_act acts[] = {no_act, act_of(BLOK_FN_RELU), act_of(BLOK_FN_CLIP),
                           act_of(BLOK_FN_HARD_SWISH), act_of(BLOK_FN_SILU)};
  const blok_act afters[] = {no_act, act_of(BLOK_FN_RELU), act_of(BLOK_FN_PRELU),
                             act_of(BLOK_FN_SIGMOID)};
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (size_t a = 0; a < sizeof acts / sizeof *acts; a++) {
      for (size_t b = 0; b < sizeof afters / sizeof *afters; b++) {
        check_one(isa, acts[a], afters[b], _i, false, 2 * isa->lanes);
        check_one(isa, acts[a], afters[b], _i, false, isa->lanes + 3);
        check_one(isa, acts[a], afters[b], _i, true, isa->lanes + 1);
      }
    }
  }
}
END_TEST

START_TEST(epilogue__keeps_nan_and_infinity_when_the_reference_does) {
  const float special[] = {NAN, INFINITY, -INFINITY, -0.0f, 0.0f, 3.4e38f, -3.4e38f, 1e-40f};
  const blok_act act = act_of((blok_act_kind)_i);
  float slope[PADDED], want[8], got[PADDED];
  for (int i = 0; i < PADDED; i++) slope[i] = 0.25f;
  memcpy(want, special, sizeof want);
  act_expect(act, slope, want, 1, 8);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    memset(got, 0, sizeof got);
    memcpy(got, special, sizeof special);
    const blok_epilogue epilogue = {.act = act, .slope = slope};
    const blok_tile tile = {.out = got, .row_stride = 16, .rows = 1, .blocks = 1, .channels = 8};
    isa->epilogue(&epilogue, &tile);
    for (int k = 0; k < 8; k++) {
      const double g = (double)got[k], w = (double)want[k];
      const bool same = isnan(w)   ? isnan(g)
                        : isinf(w) ? g == w
                                   : fabs(g - w) <= 1e-6 * fabs(w) + 0x1p-125;
      ck_assert_msg(same, "%s function %d of %g is %g instead of %g", isa->name, _i,
                    (double)special[k], g, w);
    }
  }
}
END_TEST

// ---- Speed --------------------------------------------------------------------------------------

typedef struct timing {
  const blok_isa *isa;
  blok_epilogue epilogue;
  blok_tile tile;
} timing;

static void run_timing(void *context) {
  const timing *of = context;
  of->isa->epilogue(&of->epilogue, &of->tile);
}

// Tiles as a convolution makes them: 48 pixels by two blocks.
START_TEST(epilogue__speed) {
  static float out[2 * 48 * 16], residual[2 * 48 * 16], bias[32], sums[32];
  const struct {
    const char *name;
    blok_act_kind act, after;
    bool residual, sums;
  } cases[] = {
      {"bias", BLOK_FN_NONE, BLOK_FN_NONE, false, false},
      {"relu", BLOK_FN_RELU, BLOK_FN_NONE, false, false},
      {"relu, sums", BLOK_FN_RELU, BLOK_FN_NONE, false, true},
      {"add, relu", BLOK_FN_NONE, BLOK_FN_RELU, true, false},
      {"hard swish", BLOK_FN_HARD_SWISH, BLOK_FN_NONE, false, false},
      {"silu", BLOK_FN_SILU, BLOK_FN_NONE, false, false},
      {"gelu", BLOK_FN_GELU, BLOK_FN_NONE, false, false},
      {"sigmoid", BLOK_FN_SIGMOID, BLOK_FN_NONE, false, false},
  };
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
      const uint32_t lanes = isa->lanes;
      timing of = {
          .isa = isa,
          .epilogue = {.act = {cases[k].act, 1, 6}, .after = {cases[k].after, 0, 0}, .bias = bias},
          .tile = {.out = out,
                   .row_stride = lanes,
                   .block_stride = (size_t)48 * lanes,
                   .residual = cases[k].residual ? residual : NULL,
                   .residual_row_stride = lanes,
                   .residual_block_stride = (size_t)48 * lanes,
                   .rows = 48,
                   .blocks = 2,
                   .channels = 2 * lanes,
                   .sums = cases[k].sums ? sums : NULL}};
      const double arrays = cases[k].residual ? 3 : 2;
      memset(out, 0, sizeof out);
      speed_line("epilogue", isa, cases[k].name, 0, arrays * 2 * 48 * lanes * sizeof(float),
                 run_timing, &of);
    }
  }
}
END_TEST

Suite *suite_epilogue(void) {
  Suite *suite = suite_create("epilogue");
  TCase *tests = tcase_create("epilogue");
  if (speed_wanted()) {
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, epilogue__speed);
  } else {
    tcase_add_loop_test(tests,
                        epilogue__equals_the_reference_when_any_activation_meets_any_channel_count,
                        0, BLOK_FN_KINDS);
    tcase_add_loop_test(tests, epilogue__equals_the_reference_when_parts_are_mixed, 0, MIXTURES);
    tcase_add_loop_test(tests, epilogue__keeps_nan_and_infinity_when_the_reference_does, 0,
                        BLOK_FN_KINDS);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
