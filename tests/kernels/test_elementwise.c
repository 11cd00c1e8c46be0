// Binary operators against the reference interpreter: contiguous, blocked and broadcast.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acts.h"
#include "oracle.h"
#include "runtime/kernels/elementwise.h"
#include "speed.h"

static const char *const ops[BLOK_BINARY_KINDS] = {
    [BLOK_BINARY_ADD] = "Add", [BLOK_BINARY_SUB] = "Sub",     [BLOK_BINARY_MUL] = "Mul",
    [BLOK_BINARY_DIV] = "Div", [BLOK_BINARY_MAX] = "Max",     [BLOK_BINARY_MIN] = "Min",
    [BLOK_BINARY_POW] = "Pow", [BLOK_BINARY_PRELU] = "PRelu",
};

static const blok_act no_act = {BLOK_FN_NONE, 0, 0};

// Numbers that keep quotients and powers tame.
static void fill_operands(blok_binary_kind kind, float *a, size_t n_a, float *b, size_t n_b) {
  fill_values(a, n_a, 1);
  fill_values(b, n_b, 2);
  for (size_t i = 0; i < n_a && kind == BLOK_BINARY_POW; i++) a[i] = fabsf(a[i]) + 0.25f;
  for (size_t i = 0; i < n_b && kind == BLOK_BINARY_DIV; i++) b[i] += b[i] < 0 ? -0.5f : 0.5f;
}

static size_t count_of(uint32_t rank, const int64_t *dims) {
  size_t count = 1;
  for (uint32_t d = 0; d < rank; d++) count *= (size_t)dims[d];
  return count;
}

// malloc'ed: the reference's answer.
static float *expect_pair(blok_binary_kind kind, const float *a, const int64_t *a_dims,
                          const float *b, const int64_t *b_dims, uint32_t rank, size_t count) {
  oracle of;
  oracle_init(&of, ops[kind], 2, 1);
  oracle_in(&of, 0, a, rank, a_dims);
  oracle_in(&of, 1, b, rank, b_dims);
  oracle_run(&of);
  float *want = malloc(count * sizeof *want + 1);
  ck_assert_ptr_nonnull(want);
  memcpy(want, oracle_out(&of, 0), count * sizeof *want);
  oracle_free(&of);
  return want;
}

// ---- Broadcast ----------------------------------------------------------------------------------

typedef struct shapes {
  uint32_t rank;
  int64_t dims[5], a[5], b[5];
} shapes;

static const shapes broadcasts[] = {
    {1, {1}, {1}, {1}},
    {1, {37}, {37}, {37}},
    {1, {37}, {37}, {1}},
    {1, {37}, {1}, {37}},
    {2, {9, 17}, {9, 17}, {1, 17}},
    {2, {9, 17}, {9, 1}, {9, 17}},
    {2, {9, 17}, {9, 1}, {1, 17}},
    {4, {2, 3, 5, 7}, {2, 3, 5, 7}, {1, 3, 1, 1}},
    {4, {2, 3, 5, 7}, {2, 3, 5, 7}, {2, 1, 5, 7}},
    {4, {2, 3, 5, 7}, {1, 3, 1, 7}, {2, 1, 5, 1}},
    {4, {2, 3, 5, 7}, {2, 3, 5, 7}, {2, 3, 1, 1}},
    {5, {2, 1, 3, 2, 3}, {2, 1, 1, 2, 1}, {1, 1, 3, 1, 3}},
    {2, {3, 9001}, {3, 9001}, {3, 1}},
    {3, {2, 4096, 3}, {2, 4096, 3}, {2, 1, 3}},
};
enum { BROADCASTS = sizeof broadcasts / sizeof *broadcasts };

// PRelu's slope must repeat to the first operand.
static bool allowed(const shapes *of, blok_binary_kind kind) {
  return kind != BLOK_BINARY_PRELU || memcmp(of->a, of->dims, sizeof of->a) == 0;
}

static void check_broadcast(const blok_isa *isa, const shapes *of, blok_binary_kind kind,
                            blok_act act, bool in_place) {
  char what[96];
  snprintf(what, sizeof what, "%s %s case %d", isa->name, ops[kind], (int)(of - broadcasts));
  const size_t n = count_of(of->rank, of->dims), n_a = count_of(of->rank, of->a),
               n_b = count_of(of->rank, of->b);
  float *a = guarded_new(n_a), *b = guarded_new(n_b);
  fill_operands(kind, a, n_a, b, n_b);
  float *want = expect_pair(kind, a, of->a, b, of->b, of->rank, n);
  act_expect(act, NULL, want, 1, (uint32_t)n);
  float *out = in_place ? a : guarded_new(n);
  blok_broadcast plan;
  ck_assert(blok_broadcast_plan(of->rank, of->dims, of->a, of->b, &plan));
  // In two ranges, as two threads would take them.
  const uint32_t half = plan.cells / 2;
  blok_broadcast_run(isa, &plan, kind, &act, a, b, out, half, plan.cells);
  blok_broadcast_run(isa, &plan, kind, &act, a, b, out, 0, half);
  oracle_same(out, want, n, 1e-6, what);
  if (!in_place) guarded_free(out);
  guarded_free(a);
  guarded_free(b);
  free(want);
}

START_TEST(elementwise__equals_the_reference_when_shapes_are_broadcast) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (int k = 0; k < BROADCASTS; k++) {
      const shapes *of = &broadcasts[k];
      if (!allowed(of, (blok_binary_kind)_i)) continue;
      check_broadcast(isa, of, (blok_binary_kind)_i, no_act, false);
      check_broadcast(isa, of, (blok_binary_kind)_i, act_of(BLOK_FN_RELU), false);
      if (memcmp(of->a, of->dims, sizeof of->a) == 0) {
        check_broadcast(isa, of, (blok_binary_kind)_i, no_act, true);
      }
    }
  }
}
END_TEST

START_TEST(elementwise__refuses_shapes_when_too_many_axes_remain) {
  const int64_t dims[10] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2};
  const int64_t a[10] = {2, 1, 2, 1, 2, 1, 2, 1, 2, 1}, b[10] = {1, 2, 1, 2, 1, 2, 1, 2, 1, 2};
  blok_broadcast plan;
  ck_assert(!blok_broadcast_plan(10, dims, a, b, &plan));
  ck_assert(blok_broadcast_plan(8, dims, a, b, &plan));
  ck_assert_uint_eq(plan.rank, 8);
  ck_assert(blok_broadcast_plan(10, dims, dims, dims, &plan));
  ck_assert_uint_eq(plan.rank, 1);
  ck_assert_uint_eq(plan.dims[0], 1024);
}
END_TEST

// ---- Special values -----------------------------------------------------------------------------

START_TEST(elementwise__keeps_nan_and_infinity_when_the_reference_does) {
  const float specials[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1.0f, -2.0f, 0.5f};
  enum { N = 8 };
  float a[N * N], b[N * N], out[N * N];
  const int64_t dims[1] = {N * N};
  for (int i = 0; i < N * N; i++) {
    a[i] = specials[i / N];
    b[i] = specials[i % N];
  }
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    float *want = expect_pair((blok_binary_kind)_i, a, dims, b, dims, 1, N * N);
    const blok_binary_job job = {.kind = (blok_binary_kind)_i,
                                 .a = a,
                                 .b = b,
                                 .out = out,
                                 .a_stride = isa->lanes,
                                 .b_stride = isa->lanes,
                                 .out_stride = isa->lanes};
    blok_binary_flat(isa, &job, N * N);
    oracle_same(out, want, N * N, 1e-6, ops[_i]);
    free(want);
  }
}
END_TEST

START_TEST(elementwise__raises_to_special_powers_when_the_exponent_is_one_number) {
  const float base[] = {0.0f, -0.0f, 1.0f, 2.0f, 1e-30f, INFINITY, -INFINITY, NAN, 9.0f, 3.5f};
  const float exponents[] = {2.0f, 0.5f, 3.0f, -1.0f, 0.0f};
  enum { N = sizeof base / sizeof *base };
  const int64_t dims[1] = {N}, one[1] = {1};
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++) {
      float out[N];
      blok_broadcast plan;
      float *want = expect_pair(BLOK_BINARY_POW, base, dims, &exponents[e], one, 1, N);
      ck_assert(blok_broadcast_plan(1, dims, dims, one, &plan));
      blok_broadcast_run(isa, &plan, BLOK_BINARY_POW, &no_act, base, &exponents[e], out, 0,
                         plan.cells);
      oracle_same(out, want, N, 1e-6, "power");
      for (int k = 0; k < N; k++) ck_assert(isnan(out[k]) || !signbit(out[k]) == !signbit(want[k]));
      free(want);
    }
  }
}
END_TEST

// ---- Blocked ------------------------------------------------------------------------------------

// Planes of 3 pixels against a full value, one number a channel, and one a pixel.
static void check_blocked(const blok_isa *isa, blok_binary_kind kind, uint32_t channels, int form) {
  enum { PIXELS = 3 };
  const int64_t dims[3] = {1, channels, PIXELS};
  const int64_t forms[3][3] = {{1, channels, PIXELS}, {1, channels, 1}, {1, 1, PIXELS}};
  const uint32_t lanes = isa->lanes, blocks = blocks_of(channels, lanes);
  float a[3 * 33], b[3 * 33];
  char what[64];
  snprintf(what, sizeof what, "%s %s %u channels form %d", isa->name, ops[kind], channels, form);
  fill_operands(kind, a, 3 * 33, b, 3 * 33);
  float *want = expect_pair(kind, a, dims, b, forms[form], 3, (size_t)channels * PIXELS);
  const uint32_t b_channels = (uint32_t)forms[form][1], b_pixels = (uint32_t)forms[form][2];
  float *left = blocked_of(a, 1, channels, PIXELS, lanes);
  float *right = blocked_of(b, 1, b_channels, b_pixels, lanes);
  float *out = blocked_room(1, channels, PIXELS, lanes);
  for (uint32_t block = 0; block < blocks; block++) {
    const uint32_t left_over = channels - block * lanes;
    const blok_binary_job job = {
        .kind = kind,
        .a = left + block * plane_floats(PIXELS, lanes),
        .b = right + (b_channels == 1 ? 0 : block * plane_floats(b_pixels, lanes)),
        .out = out + block * plane_floats(PIXELS, lanes),
        .a_stride = lanes,
        .b_stride = b_pixels == 1 ? 0 : lanes,
        .out_stride = lanes,
        .b_single = b_channels == 1 && channels > 1,
        .rows = PIXELS,
        .live = left_over < lanes ? left_over : lanes};
    isa->elementwise->binary(&job);
  }
  float *got = plain_of(out, 1, channels, PIXELS, lanes);
  oracle_same(got, want, (size_t)channels * PIXELS, 1e-6, what);
  free(got);
  free(want);
  guarded_free(left);
  guarded_free(right);
  guarded_free(out);
}

START_TEST(elementwise__keeps_padding_lanes_zero_when_values_are_blocked) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (uint32_t channels = 1; channels <= 2 * isa->lanes + 1; channels++) {
      for (int form = 0; form < 3; form++) {
        check_blocked(isa, (blok_binary_kind)_i, channels, form);
      }
    }
  }
}
END_TEST

// ---- One value ----------------------------------------------------------------------------------

START_TEST(elementwise__covers_every_count_when_floats_are_contiguous) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (uint32_t count = 1; count <= 4 * isa->lanes + 1; count++) {
      float *in = guarded_new(count), *beside = guarded_new(count), *out = guarded_new(count);
      float factors[16], want[65];
      fill_values(in, count, count);
      fill_values(beside, count, count + 1);
      for (int k = 0; k < 16; k++) factors[k] = 1.5f;
      memcpy(want, in, count * sizeof *want);
      act_expect(act_of(BLOK_FN_TANH), NULL, want, 1, count);
      for (uint32_t k = 0; k < count; k++) want[k] = want[k] * 1.5f + beside[k];
      act_expect(act_of(BLOK_FN_SIGMOID), NULL, want, 1, count);
      const blok_rows_job job = {.in = in,
                                 .out = out,
                                 .residual = beside,
                                 .in_stride = isa->lanes,
                                 .out_stride = isa->lanes,
                                 .residual_stride = isa->lanes,
                                 .act = act_of(BLOK_FN_TANH),
                                 .after = act_of(BLOK_FN_SIGMOID),
                                 .scale = factors};
      blok_rows_flat(isa, &job, count);
      oracle_same(out, want, count, 1e-6, "contiguous");
      guarded_free(in);
      guarded_free(beside);
      guarded_free(out);
    }
  }
}
END_TEST

// ---- Speed --------------------------------------------------------------------------------------

enum { TIMED = 1 << 16 };

typedef struct timing {
  const blok_isa *isa;
  blok_binary_job binary;
  blok_rows_job rows;
  size_t count;
} timing;

static void run_binary(void *context) {
  const timing *of = context;
  blok_binary_flat(of->isa, &of->binary, of->count);
}

static void run_rows(void *context) {
  const timing *of = context;
  blok_rows_flat(of->isa, &of->rows, of->count);
}

START_TEST(elementwise__speed) {
  static float a[TIMED], b[TIMED], out[TIMED];
  const struct {
    const char *name;
    blok_act_kind act, after;
    bool residual;
  } cases[] = {
      {"relu", BLOK_FN_RELU, BLOK_FN_NONE, false},
      {"add, relu", BLOK_FN_NONE, BLOK_FN_RELU, true},
      {"silu", BLOK_FN_SILU, BLOK_FN_NONE, false},
      {"exp", BLOK_FN_EXP, BLOK_FN_NONE, false},
      {"log", BLOK_FN_LOG, BLOK_FN_NONE, false},
      {"tanh", BLOK_FN_TANH, BLOK_FN_NONE, false},
      {"gelu", BLOK_FN_GELU, BLOK_FN_NONE, false},
      {"mish", BLOK_FN_MISH, BLOK_FN_NONE, false},
      {"elu", BLOK_FN_ELU, BLOK_FN_NONE, false},
      {"softplus", BLOK_FN_SOFTPLUS, BLOK_FN_NONE, false},
  };
  fill_values(a, TIMED, 1);
  fill_values(b, TIMED, 2);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    timing of = {.isa = isa, .count = TIMED};
    of.binary = (blok_binary_job){.kind = BLOK_BINARY_MUL,
                                  .a = a,
                                  .b = b,
                                  .out = out,
                                  .a_stride = isa->lanes,
                                  .b_stride = isa->lanes,
                                  .out_stride = isa->lanes};
    speed_line("elementwise", isa, "multiply 65536", TIMED, 3.0 * sizeof a, run_binary, &of);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
      of.rows = (blok_rows_job){.in = a,
                                .out = out,
                                .residual = cases[k].residual ? b : NULL,
                                .in_stride = isa->lanes,
                                .out_stride = isa->lanes,
                                .residual_stride = isa->lanes,
                                .act = {cases[k].act, 1, 6},
                                .after = {cases[k].after, 0, 0}};
      speed_line("elementwise", isa, cases[k].name, 0, (cases[k].residual ? 3.0 : 2.0) * sizeof a,
                 run_rows, &of);
    }
  }
}
END_TEST

Suite *suite_elementwise(void) {
  Suite *suite = suite_create("elementwise");
  TCase *tests = tcase_create("elementwise");
  if (speed_wanted()) {
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, elementwise__speed);
  } else {
    tcase_add_loop_test(tests, elementwise__equals_the_reference_when_shapes_are_broadcast, 0,
                        BLOK_BINARY_KINDS);
    tcase_add_test(tests, elementwise__refuses_shapes_when_too_many_axes_remain);
    tcase_add_loop_test(tests, elementwise__keeps_nan_and_infinity_when_the_reference_does, 0,
                        BLOK_BINARY_KINDS);
    tcase_add_test(tests, elementwise__raises_to_special_powers_when_the_exponent_is_one_number);
    tcase_add_loop_test(tests, elementwise__keeps_padding_lanes_zero_when_values_are_blocked, 0,
                        BLOK_BINARY_KINDS);
    tcase_add_test(tests, elementwise__covers_every_count_when_floats_are_contiguous);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
