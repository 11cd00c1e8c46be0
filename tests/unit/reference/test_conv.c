// Conv against hand-computed values and a formula that reads padding as zeros.
#include <check.h>
#include <string.h>

#include "one_node.h"

START_TEST(conv__sums_windows_when_2d) {
  one_node n;
  one_node_init(&n, "Conv", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x3x3", VALUES(1, 2, 3, 4, 5, 6, 7, 8, 9));
  one_node_in(&n, 1, BLOK_F32, "1x1x2x2", VALUES(1, 10, 100, 1000));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x2x2", VALUES(5421, 6532, 8754, 9865), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv__reads_zeros_when_padded) {
  one_node n;
  one_node_init(&n, "Conv", 3, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x3", VALUES(1, 2, 3));
  one_node_in(&n, 1, BLOK_F32, "1x1x3", VALUES(1, 10, 100));
  one_node_in(&n, 2, BLOK_F32, "1", VALUES(0.5));
  one_node_ints(&n, "pads", INTS(2, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4", VALUES(100.5, 210.5, 321.5, 32.5), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv__puts_the_odd_pad_where_auto_pad_says) {
  one_node n;
  one_node_init(&n, "Conv", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x3", VALUES(1, 2, 3));
  one_node_in(&n, 1, BLOK_F32, "1x1x2", VALUES(1, 10));
  one_node_text(&n, "auto_pad", "SAME_UPPER");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x3", VALUES(21, 32, 3), 0);
  one_node_text(&n, "auto_pad", "SAME_LOWER");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x3", VALUES(10, 21, 32), 0);
  one_node_free(&n);
}
END_TEST

// One output cell straight from the definition, axis by axis; x and w have 2 spatial axes.
static double slow_cell(const one_node *n, const blok_window *w, int64_t group, int64_t image,
                        int64_t m, int64_t oy, int64_t ox) {
  const blok_tensor *x = &n->in[0], *f = &n->in[1];
  double sum = n->has_in[2] ? blok_ref_load(&n->in[2], (size_t)m) : 0;
  int64_t first = m / (f->dims[0] / group) * f->dims[1];
  for (int64_t c = 0; c < f->dims[1]; c++) {
    for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
      for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
        int64_t y = oy * w->stride[0] + ky * w->dilation[0] - w->pad_begin[0];
        int64_t z = ox * w->stride[1] + kx * w->dilation[1] - w->pad_begin[1];
        if (y < 0 || y >= x->dims[2] || z < 0 || z >= x->dims[3]) continue;
        int64_t at = ((image * x->dims[1] + first + c) * x->dims[2] + y) * x->dims[3] + z;
        int64_t tap = ((m * f->dims[1] + c) * w->kernel[0] + ky) * w->kernel[1] + kx;
        sum += blok_ref_load(x, (size_t)at) * blok_ref_load(f, (size_t)tap);
      }
    }
  }
  return sum;
}

static void check_slowly(const one_node *n, int64_t group) {
  blok_window w;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_window_resolve(n->graph, blok_node_at(n->graph, n->node), 2,
                                       n->in[0].dims + 2, n->in[1].dims + 2, &w, &error),
                   BLOK_OK);
  const int64_t *d = n->out[0].dims;
  size_t at = 0;
  for (int64_t i = 0; i < d[0]; i++) {
    for (int64_t m = 0; m < d[1]; m++) {
      for (int64_t y = 0; y < d[2]; y++) {
        for (int64_t x = 0; x < d[3]; x++, at++) {
          ck_assert_double_eq_tol(one_node_value(n, 0, at), slow_cell(n, &w, group, i, m, y, x),
                                  1e-5);
        }
      }
    }
  }
  ck_assert_uint_gt(at, 0);
}

typedef struct conv_case {
  const char *x, *w;
  int64_t group, stride[2], dilation[2], pads[4];
} conv_case;

static const conv_case cases[] = {
    {"2x4x5x7", "6x2x3x2", 2, {1, 1}, {1, 1}, {1, 0, 1, 1}},
    {"1x3x9x8", "4x3x3x3", 1, {2, 3}, {1, 2}, {1, 2, 0, 1}},
    {"1x6x6x6", "6x1x3x3", 6, {1, 2}, {2, 1}, {2, 1, 2, 1}},
    {"2x5x4x3", "7x5x1x1", 1, {1, 1}, {1, 1}, {0, 0, 0, 0}},
    {"1x2x5x5", "3x2x1x1", 1, {2, 2}, {1, 1}, {0, 0, 0, 0}},
    {"1x2x2x2", "3x2x1x1", 1, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {"1x1x2x2", "1x1x3x3", 1, {3, 3}, {1, 1}, {4, 5, 4, 5}},
};

START_TEST(conv__agrees_with_its_definition) {
  const conv_case *c = &cases[_i];
  one_node n;
  one_node_init(&n, "Conv", 3, 1);
  one_node_fill(&n, 0, BLOK_F32, c->x);
  one_node_fill(&n, 1, BLOK_F32, c->w);
  char filters[8] = {c->w[0], 0};
  one_node_fill(&n, 2, BLOK_F32, filters);
  one_node_int(&n, "group", c->group);
  one_node_ints(&n, "strides", 2, c->stride);
  one_node_ints(&n, "dilations", 2, c->dilation);
  one_node_ints(&n, "pads", 4, c->pads);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  check_slowly(&n, c->group);
  one_node_free(&n);
}
END_TEST

START_TEST(conv__works_on_three_axes) {
  one_node n;
  one_node_init(&n, "Conv", 2, 1);
  one_node_in(&n, 0, BLOK_F64, "1x1x2x2x2", VALUES(1, 2, 3, 4, 5, 6, 7, 8));
  one_node_in(&n, 1, BLOK_F64, "1x1x2x2x2", VALUES(1, 1, 1, 1, 1, 1, 1, 10));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x1x1x1x1", VALUES(108), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv__rounds_once_when_elements_are_short) {
  // 2048 + 1 + 1 is 2050; an f16 sum would stay at 2048.
  static const blok_dtype dtypes[] = {BLOK_F16, BLOK_BF16};
  static const double wants[] = {2050, 2048};
  one_node n;
  one_node_init(&n, "Conv", 2, 1);
  one_node_in(&n, 0, dtypes[_i], "1x1x3", VALUES(2048, 1, 1));
  one_node_in(&n, 1, dtypes[_i], "1x1x3", VALUES(1, 1, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, dtypes[_i], "1x1x1", VALUES(wants[_i]), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv__gives_the_bias_when_there_is_nothing_to_sum) {
  one_node n;
  one_node_init(&n, "Conv", 3, 1);
  one_node_fill(&n, 0, BLOK_F32, "1x0x3x3");
  one_node_fill(&n, 1, BLOK_F32, "2x0x3x3");
  one_node_in(&n, 2, BLOK_F32, "2", VALUES(3, 4));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x1x1", VALUES(3, 4), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv__gives_nothing_when_the_batch_is_empty) {
  one_node n;
  one_node_init(&n, "Conv", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "0x2x3x3");
  one_node_fill(&n, 1, BLOK_F32, "5x2x3x3");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert_str_eq(blok_print_dims(n.out[0].dims, 4).text, "[0, 5, 1, 1]");
  one_node_free(&n);
}
END_TEST

START_TEST(conv__refuses_integers) {
  one_node n;
  one_node_init(&n, "Conv", 2, 1);
  one_node_fill(&n, 0, BLOK_I32, "1x1x3x3");
  one_node_fill(&n, 1, BLOK_I32, "1x1x3x3");
  ck_assert_int_eq(one_node_run(&n), BLOK_E_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(n.error.message, "int32"));
  one_node_free(&n);
}
END_TEST

START_TEST(conv__reports_memory_and_leaks_nothing_when_any_allocation_fails) {
  one_node n;
  one_node_init(&n, "Conv", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "1x2x5x5");
  one_node_fill(&n, 1, BLOK_F32, "3x2x3x3");
  ck_assert_uint_ge(one_node_sweep(&n), 5);
  one_node_free(&n);
}
END_TEST

Suite *suite_conv(void) {
  Suite *suite = suite_create("conv");
  TCase *tests = tcase_create("conv");
  tcase_add_test(tests, conv__sums_windows_when_2d);
  tcase_add_test(tests, conv__reads_zeros_when_padded);
  tcase_add_test(tests, conv__puts_the_odd_pad_where_auto_pad_says);
  tcase_add_loop_test(tests, conv__agrees_with_its_definition, 0,
                      (int)(sizeof cases / sizeof *cases));
  tcase_add_test(tests, conv__works_on_three_axes);
  tcase_add_loop_test(tests, conv__rounds_once_when_elements_are_short, 0, 2);
  tcase_add_test(tests, conv__gives_the_bias_when_there_is_nothing_to_sum);
  tcase_add_test(tests, conv__gives_nothing_when_the_batch_is_empty);
  tcase_add_test(tests, conv__refuses_integers);
  tcase_add_test(tests, conv__reports_memory_and_leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
