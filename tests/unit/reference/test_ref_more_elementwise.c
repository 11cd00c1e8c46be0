// The reference of the rarer elementwise operators: functions of one number, Pow, Max and Min.
// Values are worked out by hand or in double.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "one_node.h"

Suite *suite_ref_more_elementwise(void);

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

// op of two inputs of their own types; the result has the type of the first.
static void binary(const char *op, blok_dtype left, blok_dtype right, uint32_t n, const double *a,
                   const double *b, const double *want) {
  char shape[16];
  one_node node;
  snprintf(shape, sizeof shape, "%u", n);
  one_node_init(&node, op, 2, 1);
  one_node_in(&node, 0, left, shape, n, a);
  one_node_in(&node, 1, right, shape, n, b);
  ck_assert_msg(one_node_run(&node) == BLOK_OK, "%s", node.error.message);
  one_node_check(&node, 0, left, shape, n, want, 0);
  one_node_free(&node);
}

START_TEST(unary__gives_the_rarer_functions_values) {
  static const struct {
    const char *op, *attr;
    double value, x[5], want[5];
  } cases[] = {
      {"Abs", NULL, 0, {-3, -0.5, 0, 0.5, 3}, {3, 0.5, 0, 0.5, 3}},
      {"Elu", NULL, 0, {-3, -0.5, 0, 0.5, 3}, {-0.95021293163, -0.39346934029, 0, 0.5, 3}},
      {"Elu", "alpha", 1.5, {-3, -0.5, 0, 0.5, 3}, {-1.42531939745, -0.59020401043, 0, 0.5, 3}},
      {"Floor", NULL, 0, {-3, -0.5, 0, 0.5, 3.5}, {-3, -1, 0, 0, 3}},
      {"Log",
       NULL,
       0,
       {0.25, 0.5, 1, 3, 8},
       {-1.38629436112, -0.69314718056, 0, 1.09861228867, 2.07944154168}},
      {"Mish",
       NULL,
       0,
       {-3, -0.5, 0, 0.5, 3},
       {-0.14564746128, -0.22074377465, 0, 0.37524521130, 2.98653500497}},
      {"Neg", NULL, 0, {-3, -0.5, 0, 0.5, 3}, {3, 0.5, 0, -0.5, -3}},
      {"Reciprocal", NULL, 0, {0.25, 0.5, -1, 3, 8}, {4, 2, -1, 0.33333333333, 0.125}},
      {"Round", NULL, 0, {-2.5, -1.5, 0.5, 1.5, 2.75}, {-2, -2, 0, 2, 3}},
      {"Selu",
       NULL,
       0,
       {-3, -0.5, 0, 0.5, 3},
       {-1.67056873399, -0.69175818997, 0, 0.52535051107, 3.15210306644}},
      {"Selu", "gamma", 2, {-3, -0.5, 0, 0.5, 3}, {-3.17991263781, -1.31675552871, 0, 1, 6}},
      {"Softplus",
       NULL,
       0,
       {-3, -0.5, 0, 0.5, 3},
       {0.04858735157, 0.47407698418, 0.69314718056, 0.97407698418, 3.04858735157}},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    const double *x = cases[i].x;
    one_node_unary(cases[i].op, cases[i].attr, cases[i].value, BLOK_F64, 5, x, cases[i].want, 1e-8);
    one_node_unary(cases[i].op, cases[i].attr, cases[i].value, BLOK_F32, 5, x, cases[i].want, 1e-6);
    one_node_unary(cases[i].op, cases[i].attr, cases[i].value, BLOK_F16, 5, x, cases[i].want, 1e-2);
    one_node_unary(cases[i].op, cases[i].attr, cases[i].value, BLOK_BF16, 5, x, cases[i].want,
                   7e-2);
  }
}
END_TEST

START_TEST(unary__keeps_the_rarer_functions_limits) {
  const double x[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 1000, -1000};
  const double nan = (double)NAN;
  one_node_unary("Softplus", NULL, 0, BLOK_F64, 5, x, (const double[]){nan, HUGE_VAL, 0, 1000, 0},
                 0);
  one_node_unary("Elu", NULL, 0, BLOK_F64, 5, x, (const double[]){nan, HUGE_VAL, -1, 1000, -1}, 0);
  one_node_unary("Mish", NULL, 0, BLOK_F64, 2, x + 3, (const double[]){1000, 0}, 0);
  one_node_unary("Log", NULL, 0, BLOK_F32, 3, (const double[]){0, -1, nan},
                 (const double[]){-HUGE_VAL, nan, nan}, 0);
  one_node_unary("Reciprocal", NULL, 0, BLOK_F32, 2, (const double[]){0, HUGE_VAL},
                 (const double[]){HUGE_VAL, 0}, 0);
}
END_TEST

START_TEST(unary__takes_abs_and_neg_of_integers_and_wraps) {
  one_node_unary("Abs", NULL, 0, BLOK_I8, 3, (const double[]){-128, -7, 7},
                 (const double[]){-128, 7, 7}, 0);
  one_node_unary("Abs", NULL, 0, BLOK_I64, 2, (const double[]){-0x1p63, -9},
                 (const double[]){-0x1p63, 9}, 0);
  one_node_unary("Abs", NULL, 0, BLOK_U64, 2, (const double[]){0x1p63, 9},
                 (const double[]){0x1p63, 9}, 0);
  one_node_unary("Abs", NULL, 0, BLOK_U8, 2, (const double[]){200, 9}, (const double[]){200, 9}, 0);
  one_node_unary("Neg", NULL, 0, BLOK_I8, 3, (const double[]){-128, -7, 7},
                 (const double[]){-128, 7, -7}, 0);
  one_node_unary("Neg", NULL, 0, BLOK_I32, 2, (const double[]){5, 0}, (const double[]){-5, 0}, 0);
  one_node node;
  one_node_init(&node, "Neg", 1, 1);
  one_node_fill(&node, 0, BLOK_U8, "3");
  ck_assert_int_eq(one_node_run(&node), BLOK_E_UNSUPPORTED);
  one_node_free(&node);
}
END_TEST

START_TEST(pow__gives_the_type_of_the_base) {
  static const blok_dtype floats[] = {BLOK_F16, BLOK_BF16, BLOK_F32, BLOK_F64};
  static const blok_dtype integers[] = {BLOK_I8, BLOK_I32, BLOK_I64, BLOK_U8, BLOK_U64};
  const double a[] = {3, 2, 1, 0}, b[] = {2, 3, 9, 0}, want[] = {9, 8, 1, 1};
  for (size_t i = 0; i < COUNT(floats); i++) {
    for (size_t k = 0; k < COUNT(integers); k++) {
      binary("Pow", floats[i], integers[k], 4, a, b, want);
      binary("Pow", integers[k], floats[i], 4, a, b, want);
      binary("Pow", integers[k], integers[0], 4, a, b, want);
    }
    binary("Pow", floats[i], BLOK_F32, 4, (const double[]){4, 4, -2, 0},
           (const double[]){0.5, -1, 3, -1}, (const double[]){2, 0.25, -8, HUGE_VAL});
  }
}
END_TEST

START_TEST(pow__of_integers_is_exact_and_wraps) {
  one_node node;
  int64_t dims[] = {3};
  int64_t base[] = {3, 3, -3}, exponent[] = {39, 41, 39};
  // 3^39 needs 62 bits, 3^41 65.
  const int64_t want[] = {4052555153018976267, (int64_t)UINT64_C(18026252303461234787),
                          -4052555153018976267};
  one_node_init(&node, "Pow", 2, 1);
  one_node_raw(&node, 0, BLOK_I64, 1, dims, base, sizeof base);
  one_node_raw(&node, 1, BLOK_I64, 1, dims, exponent, sizeof exponent);
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  ck_assert_mem_eq(node.out[0].data, want, sizeof want);
  one_node_in(&node, 1, BLOK_F32, "3", 3, (const double[]){39, 41, 39});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  ck_assert_mem_eq(node.out[0].data, want, sizeof want);
  one_node_free(&node);
  binary("Pow", BLOK_I8, BLOK_I8, 2, (const double[]){2, -2}, (const double[]){7, 9},
         (const double[]){-128, 0});
}
END_TEST

START_TEST(pow__of_an_integer_goes_towards_zero) {
  binary("Pow", BLOK_I32, BLOK_I32, 5, (const double[]){1, -1, -1, 2, -7},
         (const double[]){-3, -3, -4, -1, -1}, (const double[]){1, -1, 1, 0, 0});
  binary("Pow", BLOK_U64, BLOK_I32, 2, (const double[]){1, 0x1p63}, (const double[]){-1, -1},
         (const double[]){1, 0});
  binary("Pow", BLOK_I32, BLOK_F32, 4, (const double[]){10, 9, 2, -1},
         (const double[]){0.5, 1.5, -1, -1}, (const double[]){3, 27, 0, -1});
  static const blok_dtype exponents[] = {BLOK_I32, BLOK_F32};
  for (size_t i = 0; i < COUNT(exponents); i++) {
    one_node node;
    one_node_init(&node, "Pow", 2, 1);
    one_node_in(&node, 0, BLOK_I32, "2", 2, (const double[]){1, 0});
    one_node_in(&node, 1, exponents[i], "", 1, (const double[]){-1});
    ck_assert_int_eq(one_node_run(&node), BLOK_E_SHAPE);
    ck_assert_str_eq(node.error.message, "Pow node 'n': integer 0 to a negative power");
    one_node_free(&node);
  }
}
END_TEST

START_TEST(pow__broadcasts_both_ways_and_refuses_bool) {
  one_node node;
  one_node_init(&node, "Pow", 2, 1);
  one_node_in(&node, 0, BLOK_F32, "2x1", 2, (const double[]){2, 3});
  one_node_in(&node, 1, BLOK_I64, "3", 3, (const double[]){0, 1, 2});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "2x3", VALUES(1, 2, 4, 1, 3, 9), 0);
  one_node_in(&node, 1, BLOK_BOOL, "3", 3, (const double[]){0, 1, 1});
  ck_assert_int_eq(one_node_run(&node), BLOK_E_UNSUPPORTED);
  one_node_free(&node);
}
END_TEST

START_TEST(extremes__compare_in_every_type) {
  static const blok_dtype types[] = {BLOK_F16, BLOK_BF16, BLOK_F32, BLOK_F64, BLOK_I8,  BLOK_I16,
                                     BLOK_I32, BLOK_I64,  BLOK_U8,  BLOK_U16, BLOK_U32, BLOK_U64};
  const double a[] = {1, 5, 3}, b[] = {4, 2, 3};
  for (size_t i = 0; i < COUNT(types); i++) {
    binary("Max", types[i], types[i], 3, a, b, (const double[]){4, 5, 3});
    binary("Min", types[i], types[i], 3, a, b, (const double[]){1, 2, 3});
  }
  binary("Max", BLOK_I8, BLOK_I8, 2, (const double[]){-1, -128}, (const double[]){1, -2},
         (const double[]){1, -2});
  binary("Max", BLOK_U64, BLOK_U64, 2, (const double[]){0x1p63, 1}, (const double[]){1, 0x1p63},
         (const double[]){0x1p63, 0x1p63});
  binary("Min", BLOK_U64, BLOK_U64, 2, (const double[]){0x1p63, 1}, (const double[]){1, 0x1p63},
         (const double[]){1, 1});
}
END_TEST

START_TEST(extremes__take_any_number_of_inputs_and_broadcast) {
  one_node node;
  one_node_init(&node, "Max", 3, 1);
  one_node_in(&node, 0, BLOK_F32, "2x1", 2, (const double[]){1, 5});
  one_node_in(&node, 1, BLOK_F32, "3", 3, (const double[]){0, 3, 6});
  one_node_in(&node, 2, BLOK_F32, "", 1, (const double[]){2});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "2x3", VALUES(2, 3, 6, 5, 5, 6), 0);
  one_node_free(&node);
  one_node_init(&node, "Min", 1, 1);
  one_node_in(&node, 0, BLOK_I32, "2", 2, (const double[]){-1, 5});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_I32, "2", VALUES(-1, 5), 0);
  one_node_free(&node);
}
END_TEST

START_TEST(extremes__read_more_than_one_piece) {
  enum { N = 700 };
  static double a[N], b[N], want[N];
  for (int i = 0; i < N; i++) {
    a[i] = i % 7;
    b[i] = i % 5;
    want[i] = a[i] < b[i] ? a[i] : b[i];
  }
  binary("Min", BLOK_F32, BLOK_F32, N, a, b, want);
  binary("Min", BLOK_I64, BLOK_I64, N, a, b, want);
}
END_TEST

START_TEST(extremes__pass_nan_from_any_input) {
  const double nan = (double)NAN;
  const double a[] = {nan, 1, HUGE_VAL}, b[] = {1, nan, -HUGE_VAL};
  binary("Max", BLOK_F32, BLOK_F32, 3, a, b, (const double[]){nan, nan, HUGE_VAL});
  binary("Min", BLOK_F32, BLOK_F32, 3, a, b, (const double[]){nan, nan, -HUGE_VAL});
}
END_TEST

START_TEST(extremes__refuse_bool) {
  one_node node;
  one_node_init(&node, "Max", 2, 1);
  one_node_in(&node, 0, BLOK_BOOL, "2", 2, (const double[]){0, 1});
  one_node_in(&node, 1, BLOK_BOOL, "2", 2, (const double[]){0, 1});
  ck_assert_int_eq(one_node_run(&node), BLOK_E_UNSUPPORTED);
  one_node_free(&node);
}
END_TEST

Suite *suite_ref_more_elementwise(void) {
  Suite *suite = suite_create("ref_more_elementwise");
  TCase *tests = tcase_create("ref_more_elementwise");
  tcase_add_test(tests, unary__gives_the_rarer_functions_values);
  tcase_add_test(tests, unary__keeps_the_rarer_functions_limits);
  tcase_add_test(tests, unary__takes_abs_and_neg_of_integers_and_wraps);
  tcase_add_test(tests, pow__gives_the_type_of_the_base);
  tcase_add_test(tests, pow__of_integers_is_exact_and_wraps);
  tcase_add_test(tests, pow__of_an_integer_goes_towards_zero);
  tcase_add_test(tests, pow__broadcasts_both_ways_and_refuses_bool);
  tcase_add_test(tests, extremes__compare_in_every_type);
  tcase_add_test(tests, extremes__take_any_number_of_inputs_and_broadcast);
  tcase_add_test(tests, extremes__read_more_than_one_piece);
  tcase_add_test(tests, extremes__pass_nan_from_any_input);
  tcase_add_test(tests, extremes__refuse_bool);
  suite_add_tcase(suite, tests);
  return suite;
}
