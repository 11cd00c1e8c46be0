// Softmax, reductions and norms against the reference interpreter.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "runtime/kernels/rows.h"
#include "speed.h"

static const blok_rows_axis axes[] = {
    {1, 1, 1},  {3, 5, 1},   {2, 8, 1},    {2, 16, 1},  {1, 17, 1}, {2, 49, 1},   {2, 197, 1},
    {1, 33, 1}, {1, 64, 1},  {1, 2100, 1}, {2, 3, 2},   {1, 5, 7},  {2, 1, 9},    {1, 7, 16},
    {1, 9, 33}, {2, 4, 130}, {1, 600, 5},  {3, 259, 1}, {1, 2, 64}, {1, 20000, 1}};
enum { AXES = sizeof axes / sizeof *axes };

static size_t count_of(const blok_rows_axis *axis) {
  return axis->outer * axis->length * axis->inner;
}

// In two ranges, as two threads would take them.
#define IN_TWO(run, job, cells)       \
  do {                                \
    (run)((job), (cells) / 2, cells); \
    (run)((job), 0, (cells) / 2);     \
  } while (0)

// ---- Softmax ------------------------------------------------------------------------------------

static void check_softmax(const blok_isa *isa, const blok_rows_axis *axis, float *in, bool log_of,
                          bool in_place, double tolerance) {
  const size_t count = count_of(axis);
  const int64_t dims[3] = {(int64_t)axis->outer, (int64_t)axis->length, (int64_t)axis->inner};
  char what[96];
  snprintf(what, sizeof what, "%s %s of %zu x %zu x %zu", isa->name,
           log_of ? "log softmax" : "softmax", axis->outer, axis->length, axis->inner);
  oracle of;
  oracle_init(&of, log_of ? "LogSoftmax" : "Softmax", 1, 1);
  oracle_int(&of, "axis", 1);
  oracle_in(&of, 0, in, 3, dims);
  oracle_run(&of);
  float *out = in_place ? in : guarded_new(count);
  const blok_softmax_job job = {.in = in, .out = out, .axis = *axis, .log = log_of};
  const uint32_t cells = blok_rows_cells(isa, axis);
  IN_TWO(isa->rows->softmax, &job, cells);
  oracle_same(out, oracle_out(&of, 0), count, tolerance, what);
  oracle_free(&of);
  if (!in_place) guarded_free(out);
}

START_TEST(rows__softmax_equals_the_reference_when_lengths_and_strides_differ) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    const size_t count = count_of(&axes[_i]);
    float *in = guarded_new(count);
    for (int how = 0; how < 4; how++) {
      fill_values(in, count, (uint32_t)_i);
      for (size_t k = 0; k < count; k++) in[k] *= 20.0f;
      check_softmax(isa, &axes[_i], in, how & 1, how & 2, how & 1 ? 5e-7 : 1e-7);
    }
    guarded_free(in);
  }
}
END_TEST

START_TEST(rows__softmax_treats_nan_and_infinity_as_the_reference) {
  const float specials[5][3] = {{NAN, 1, 2},
                                {-INFINITY, 1, 2},
                                {-INFINITY, -INFINITY, -INFINITY},
                                {INFINITY, 1, 2},
                                {3e38f, -3e38f, 0}};
  const blok_rows_axis shapes[] = {{1, 19, 1}, {1, 19, 3}};
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (int k = 0; k < 2; k++) {
      const size_t count = count_of(&shapes[k]);
      float *in = guarded_new(count);
      for (size_t at = 0; at < count; at++) in[at] = specials[_i][at % 3];
      check_softmax(isa, &shapes[k], in, false, false, 1e-6);
      check_softmax(isa, &shapes[k], in, true, false, 1e-6);
      guarded_free(in);
    }
  }
}
END_TEST

// ---- Reductions ---------------------------------------------------------------------------------

static const char *const reductions[BLOK_REDUCE_KINDS] = {
    [BLOK_REDUCE_SUM] = "ReduceSum",
    [BLOK_REDUCE_MEAN] = "ReduceMean",
    [BLOK_REDUCE_L1] = "ReduceL1",
    [BLOK_REDUCE_L2] = "ReduceL2",
    [BLOK_REDUCE_MAX] = "ReduceMax",
    [BLOK_REDUCE_MIN] = "ReduceMin",
    [BLOK_REDUCE_SQUARES] = "ReduceSumSquare"};

static void check_reduce(const blok_isa *isa, blok_reduce_kind kind, const blok_rows_axis *axis,
                         const float *in) {
  const int64_t dims[3] = {(int64_t)axis->outer, (int64_t)axis->length, (int64_t)axis->inner};
  const int64_t reduced = 1, one = 1;
  char what[96];
  snprintf(what, sizeof what, "%s %s of %zu x %zu x %zu", isa->name, reductions[kind], axis->outer,
           axis->length, axis->inner);
  oracle of;
  oracle_init(&of, reductions[kind], 2, 1);
  oracle_int(&of, "keepdims", 0);
  oracle_in(&of, 0, in, 3, dims);
  oracle_in_of(&of, 1, BLOK_I64, &reduced, 1, &one);
  oracle_run(&of);
  float *out = guarded_new(axis->outer * axis->inner);
  const blok_reduce_job job = {.in = in, .out = out, .axis = *axis, .kind = kind};
  const uint32_t cells = blok_rows_cells(isa, axis);
  IN_TWO(isa->rows->reduce, &job, cells);
  // Terms of both signs cancel in a sum, their errors do not.
  const double tolerance = 1e-7 * fmax(2.0, sqrt((double)axis->length));
  oracle_same(out, oracle_out(&of, 0), axis->outer * axis->inner, tolerance, what);
  oracle_free(&of);
  guarded_free(out);
}

START_TEST(rows__reductions_equal_the_reference_when_lengths_and_strides_differ) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (int k = 0; k < AXES; k++) {
      const size_t count = count_of(&axes[k]);
      float *in = guarded_new(count);
      fill_values(in, count, (uint32_t)k);
      check_reduce(isa, (blok_reduce_kind)_i, &axes[k], in);
      if (count > 2) {
        in[count / 2] = NAN;
        check_reduce(isa, (blok_reduce_kind)_i, &axes[k], in);
        in[count / 2] = INFINITY;
        check_reduce(isa, (blok_reduce_kind)_i, &axes[k], in);
      }
      guarded_free(in);
    }
  }
}
END_TEST

// A plain float sum of a million numbers around 1 would be off in the fourth digit.
START_TEST(rows__a_million_elements_keep_a_floats_precision) {
  enum { MANY = 1000000 };
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    float *in = guarded_new(MANY);
    fill_values(in, MANY, 1);
    double total = 0, squares = 0, mean, got;
    for (size_t k = 0; k < MANY; k++) {
      in[k] += 100.0f;
      total += (double)in[k];
    }
    for (size_t k = 0; k < MANY; k++) {
      squares += ((double)in[k] - total / MANY) * ((double)in[k] - total / MANY);
    }
    float sum;
    const blok_reduce_job job = {
        .in = in, .out = &sum, .axis = {1, MANY, 1}, .kind = BLOK_REDUCE_SUM};
    isa->rows->reduce(&job, 0, 1);
    ck_assert_double_le(fabs((double)sum - total), 1e-7 * total);
    isa->rows->row_moments(in, MANY, &mean, &got);
    ck_assert_double_le(fabs(mean - total / MANY), 1e-6 * mean);
    ck_assert_double_le(fabs(got - squares), 1e-4 * squares);
    guarded_free(in);
  }
}
END_TEST

// ---- Norms --------------------------------------------------------------------------------------

static void check_layer_norm(const blok_isa *isa, int64_t length, float shift, bool centred,
                             bool with_bias) {
  enum { ROWS = 3 };
  const int64_t dims[2] = {ROWS, length};
  const size_t count = (size_t)(ROWS * length);
  char what[96];
  snprintf(what, sizeof what, "%s norm of %d around %g, centred %d", isa->name, (int)length,
           (double)shift, centred);
  float *in = guarded_new(count), *out = guarded_new(count);
  float *scale = guarded_new((size_t)length), *bias = guarded_new((size_t)length);
  fill_values(in, count, (uint32_t)length);
  fill_values(scale, (size_t)length, 2);
  fill_values(bias, (size_t)length, 3);
  for (size_t k = 0; k < count; k++) in[k] += shift;
  oracle of;
  oracle_init(&of, centred ? "LayerNormalization" : "RMSNormalization", centred ? 3 : 2, 1);
  oracle_in(&of, 0, in, 2, dims);
  oracle_in(&of, 1, scale, 1, dims + 1);
  if (centred && with_bias) oracle_in(&of, 2, bias, 1, dims + 1);
  oracle_run(&of);
  const blok_layer_norm_job job = {.in = in,
                                   .out = out,
                                   .length = (size_t)length,
                                   .scale = scale,
                                   .bias = centred && with_bias ? bias : NULL,
                                   .epsilon = (double)1e-5f,
                                   .centred = centred};
  isa->rows->layer_norm(&job, 1, ROWS);
  isa->rows->layer_norm(&job, 0, 1);
  oracle_same(out, oracle_out(&of, 0), count, shift > 1 ? 2e-6 : 5e-7, what);
  oracle_free(&of);
  guarded_free(in);
  guarded_free(out);
  guarded_free(scale);
  guarded_free(bias);
}

START_TEST(rows__norms_equal_the_reference_when_rows_have_any_length) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (int64_t length = 1; length <= 3 * (int64_t)isa->lanes + 1; length++) {
      check_layer_norm(isa, length, 0, true, length % 2);
      check_layer_norm(isa, length, 0, false, false);
    }
    check_layer_norm(isa, 768, 0, true, true);
    check_layer_norm(isa, 768, 100, true, true);
    check_layer_norm(isa, 5000, 0.5f, false, true);
  }
}
END_TEST

START_TEST(rows__plane_moments_equal_row_moments_when_channels_are_blocked) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    const uint32_t lanes = isa->lanes, sizes[] = {1, 2, 3, 4, 5, 49, 257, 1030};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
      const uint32_t pixels = sizes[k];
      float *plain = guarded_new((size_t)pixels * lanes);
      fill_values(plain, (size_t)pixels * lanes, pixels);
      float *plane = blocked_of(plain, 1, lanes, pixels, lanes);
      double mean[16], squares[16];
      isa->rows->plane_moments(plane, pixels, mean, squares);
      for (uint32_t c = 0; c < lanes; c++) {
        double total = 0, apart = 0;
        for (uint32_t p = 0; p < pixels; p++) total += (double)plain[c * pixels + p];
        for (uint32_t p = 0; p < pixels; p++) {
          const double d = (double)plain[c * pixels + p] - total / pixels;
          apart += d * d;
        }
        ck_assert_double_le(fabs(mean[c] - total / pixels), 1e-7);
        ck_assert_double_le(fabs(squares[c] - apart), 1e-6 * (1 + apart));
      }
      guarded_free(plain);
      guarded_free(plane);
    }
  }
}
END_TEST

// ---- Speed --------------------------------------------------------------------------------------

typedef struct timing {
  const blok_isa *isa;
  blok_softmax_job softmax;
  blok_layer_norm_job norm;
  blok_reduce_job reduce;
  uint32_t cells;
} timing;

static void run_softmax(void *context) {
  const timing *of = context;
  of->isa->rows->softmax(&of->softmax, 0, of->cells);
}

static void run_norm(void *context) {
  const timing *of = context;
  of->isa->rows->layer_norm(&of->norm, 0, of->cells);
}

static void run_reduce(void *context) {
  const timing *of = context;
  of->isa->rows->reduce(&of->reduce, 0, of->cells);
}

START_TEST(rows__speed) {
  enum { ROWS = 196, LENGTH = 384, COUNT = ROWS * LENGTH };
  static float in[COUNT], out[COUNT], scale[LENGTH], bias[LENGTH];
  const double bytes = (double)sizeof in;
  fill_values(in, COUNT, 1);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    timing of = {.isa = isa, .cells = ROWS};
    of.softmax = (blok_softmax_job){.in = in, .out = out, .axis = {ROWS, LENGTH, 1}};
    of.norm = (blok_layer_norm_job){.in = in,
                                    .out = out,
                                    .length = LENGTH,
                                    .scale = scale,
                                    .bias = bias,
                                    .epsilon = 1e-5,
                                    .centred = true};
    of.reduce = (blok_reduce_job){.in = in, .out = out, .axis = {ROWS, LENGTH, 1}};
    speed_line("rows", isa, "softmax 196 x 384", 0, 2 * bytes, run_softmax, &of);
    speed_line("rows", isa, "layer norm 196 x 384", 0, 2 * bytes, run_norm, &of);
    speed_line("rows", isa, "sum 196 x 384", COUNT, bytes, run_reduce, &of);
    of.reduce.axis = (blok_rows_axis){1, ROWS, LENGTH};
    of.cells = blok_rows_cells(isa, &of.reduce.axis);
    speed_line("rows", isa, "sum 196 x 384, columns", COUNT, bytes, run_reduce, &of);
  }
}
END_TEST

Suite *suite_rows(void) {
  Suite *suite = suite_create("rows");
  TCase *tests = tcase_create("rows");
  if (speed_wanted()) {
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, rows__speed);
  } else {
    tcase_add_loop_test(tests, rows__softmax_equals_the_reference_when_lengths_and_strides_differ,
                        0, AXES);
    tcase_add_loop_test(tests, rows__softmax_treats_nan_and_infinity_as_the_reference, 0, 5);
    tcase_add_loop_test(tests, rows__reductions_equal_the_reference_when_lengths_and_strides_differ,
                        0, BLOK_REDUCE_KINDS);
    tcase_add_test(tests, rows__a_million_elements_keep_a_floats_precision);
    tcase_add_test(tests, rows__norms_equal_the_reference_when_rows_have_any_length);
    tcase_add_test(tests, rows__plane_moments_equal_row_moments_when_channels_are_blocked);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
