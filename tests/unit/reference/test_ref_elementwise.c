// The reference of elementwise, broadcasting, casting and reducing operators, against values worked
// out by hand or by numpy in double.
#include <blok/session.h>
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "one_node.h"
#include "support/fault.h"

Suite *suite_ref_elementwise(void);

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))

START_TEST(unary__gives_the_functions_values) {
  static const double x[] = {-3, -0.5, 0, 0.5, 3};
  static const struct {
    const char *op, *attr;
    double value, want[5];
  } cases[] = {
      {"Ceil", NULL, 0, {-3, 0, 0, 1, 3}},
      {"Erf", NULL, 0, {-0.9999779095, -0.5204998778, 0, 0.5204998778, 0.9999779095}},
      {"Exp", NULL, 0, {0.04978706837, 0.60653065971, 1, 1.64872127070, 20.08553692319}},
      {"Gelu", NULL, 0, {-0.00404969409, -0.15426876936, 0, 0.34573123063, 2.99595030590}},
      {"HardSigmoid", "alpha", 0.25, {0, 0.375, 0.5, 0.625, 1}},
      {"HardSwish", NULL, 0, {0, -0.20833333333, 0, 0.29166666666, 3}},
      {"LeakyRelu", "alpha", 0.125, {-0.375, -0.0625, 0, 0.5, 3}},
      {"Relu", NULL, 0, {0, 0, 0, 0.5, 3}},
      {"Sigmoid", NULL, 0, {0.04742587318, 0.37754066880, 0.5, 0.62245933120, 0.95257412682}},
      {"Swish", "alpha", 2, {-0.00741786947, -0.13447071068, 0, 0.36552928932, 2.99258213053}},
      {"Tanh", NULL, 0, {-0.99505475369, -0.46211715726, 0, 0.46211715726, 0.99505475369}},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    one_node_unary(cases[i].op, cases[i].attr, cases[i].value, BLOK_F64, 5, x, cases[i].want, 1e-9);
    one_node_unary(cases[i].op, cases[i].attr, cases[i].value, BLOK_F32, 5, x, cases[i].want, 1e-6);
    one_node_unary(cases[i].op, cases[i].attr, cases[i].value, BLOK_F16, 5, x, cases[i].want, 1e-2);
    one_node_unary(cases[i].op, cases[i].attr, cases[i].value, BLOK_BF16, 5, x, cases[i].want,
                   7e-2);
  }
}
END_TEST

START_TEST(unary__reads_more_than_one_piece) {
  enum { N = 700 };
  static double x[N], want[N];
  for (int i = 0; i < N; i++) {
    x[i] = i - 350;
    want[i] = i < 350 ? 0 : i - 350;
  }
  one_node_unary("Relu", NULL, 0, BLOK_F32, N, x, want, 0);
  one_node_unary("Relu", NULL, 0, BLOK_F64, N, x, want, 0);
  one_node_unary("Relu", NULL, 0, BLOK_I16, N, x, want, 0);
}
END_TEST

START_TEST(unary__passes_nan_and_infinities) {
  const double x[] = {(double)NAN, HUGE_VAL, -HUGE_VAL};
  one_node_unary("Relu", NULL, 0, BLOK_F32, 3, x, (const double[]){(double)NAN, HUGE_VAL, 0}, 0);
  one_node_unary("HardSigmoid", NULL, 0, BLOK_F32, 3, x, (const double[]){(double)NAN, 1, 0}, 0);
  one_node_unary("Sigmoid", NULL, 0, BLOK_F32, 3, x, (const double[]){(double)NAN, 1, 0}, 0);
  one_node_unary("Sqrt", NULL, 0, BLOK_F32, 3, x,
                 (const double[]){(double)NAN, HUGE_VAL, (double)NAN}, 0);
}
END_TEST

START_TEST(gelu__takes_the_tanh_form_and_refuses_others) {
  static const double want[] = {-0.15428599018, 2.99636260728};
  one_node node;
  one_node_init(&node, "Gelu", 1, 1);
  one_node_in(&node, 0, BLOK_F64, "2", 2, (const double[]){-0.5, 3});
  one_node_text(&node, "approximate", "tanh");
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F64, "2", 2, want, 1e-9);
  one_node_text(&node, "approximate", "sometimes");
  ck_assert_int_eq(one_node_run(&node), BLOK_E_UNSUPPORTED);
  one_node_free(&node);
}
END_TEST

START_TEST(unary__names_the_type_it_does_not_take) {
  one_node node;
  one_node_init(&node, "Tanh", 1, 1);
  one_node_fill(&node, 0, BLOK_I32, "3");
  ck_assert_int_eq(one_node_run(&node), BLOK_E_UNSUPPORTED);
  ck_assert_str_eq(node.error.message,
                   "Tanh node 'n': elements of type int32 are not supported here");
  one_node_free(&node);
}
END_TEST

static void clip(blok_dtype dtype, const double *low, const double *high, const double *want) {
  static const double x[] = {1, 5, 9, 200};
  one_node node;
  one_node_init(&node, "Clip", 3, 1);
  one_node_in(&node, 0, dtype, "4", 4, x);
  if (low) one_node_in(&node, 1, dtype, "", 1, low);
  if (high) one_node_in(&node, 2, dtype, "", 1, high);
  ck_assert_msg(one_node_run(&node) == BLOK_OK, "%s", node.error.message);
  one_node_check(&node, 0, dtype, "4", 4, want, 0);
  one_node_free(&node);
}

START_TEST(clip__bounds_either_side) {
  static const blok_dtype types[] = {BLOK_F32, BLOK_F16, BLOK_U8, BLOK_I64, BLOK_U64};
  for (size_t i = 0; i < COUNT(types); i++) {
    const double low = 4;
    const double high = 8;
    clip(types[i], &low, &high, (const double[]){4, 5, 8, 8});
    clip(types[i], &low, NULL, (const double[]){4, 5, 9, 200});
    clip(types[i], NULL, &high, (const double[]){1, 5, 8, 8});
    clip(types[i], NULL, NULL, (const double[]){1, 5, 9, 200});
    clip(types[i], &high, &low, (const double[]){4, 4, 4, 4});
  }
}
END_TEST

START_TEST(clip__keeps_nan) {
  one_node node;
  one_node_init(&node, "Clip", 3, 1);
  one_node_in(&node, 0, BLOK_F32, "2", 2, (const double[]){(double)NAN, 7});
  one_node_in(&node, 1, BLOK_F32, "", 1, (const double[]){0});
  one_node_in(&node, 2, BLOK_F32, "", 1, (const double[]){5});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "2", 2, (const double[]){(double)NAN, 5}, 0);
  one_node_in(&node, 1, BLOK_F32, "", 1, (const double[]){(double)NAN});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "2", 2, (const double[]){(double)NAN, (double)NAN}, 0);
  one_node_free(&node);
}
END_TEST

START_TEST(dropout__copies_and_marks_all_as_kept) {
  one_node node;
  one_node_init(&node, "Dropout", 3, 2);
  one_node_in(&node, 0, BLOK_F32, "2", 2, (const double[]){3, -4});
  one_node_in(&node, 1, BLOK_F32, "", 1, (const double[]){0.5});
  one_node_in(&node, 2, BLOK_BOOL, "", 1, (const double[]){0});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "2", 2, (const double[]){3, -4}, 0);
  one_node_check(&node, 1, BLOK_BOOL, "2", 2, (const double[]){1, 1}, 0);
  one_node_in(&node, 2, BLOK_BOOL, "", 1, (const double[]){1});
  ck_assert_int_eq(one_node_run(&node), BLOK_E_UNSUPPORTED);
  one_node_free(&node);
}
END_TEST

// ---- Two inputs ---------------------------------------------------------------------------------

static void binary(const char *op, int fmod_attr, blok_dtype dtype, uint32_t n, const double *a,
                   const double *b, const double *want) {
  char shape[16];
  one_node node;
  snprintf(shape, sizeof shape, "%u", n);
  one_node_init(&node, op, 2, 1);
  if (fmod_attr >= 0) one_node_int(&node, "fmod", fmod_attr);
  one_node_in(&node, 0, dtype, shape, n, a);
  one_node_in(&node, 1, dtype, shape, n, b);
  ck_assert_msg(one_node_run(&node) == BLOK_OK, "%s", node.error.message);
  one_node_check(&node, 0, dtype, shape, n, want, 0);
  one_node_free(&node);
}

START_TEST(binary__computes_in_every_type) {
  static const blok_dtype types[] = {BLOK_F16, BLOK_BF16, BLOK_F32, BLOK_F64, BLOK_I8,  BLOK_I16,
                                     BLOK_I32, BLOK_I64,  BLOK_U8,  BLOK_U16, BLOK_U32, BLOK_U64};
  static const double a[] = {12, 9, 8};
  static const double b[] = {3, 9, 4};
  for (size_t i = 0; i < COUNT(types); i++) {
    binary("Add", -1, types[i], 3, a, b, (const double[]){15, 18, 12});
    binary("Sub", -1, types[i], 3, a, b, (const double[]){9, 0, 4});
    binary("Mul", -1, types[i], 3, a, b, (const double[]){36, 81, 32});
    binary("Div", -1, types[i], 3, a, b, (const double[]){4, 1, 2});
    binary("Mod", 0, types[i], 3, b, a, (const double[]){3, 0, 4});
  }
}
END_TEST

START_TEST(binary__wraps_integers) {
  binary("Add", -1, BLOK_I8, 1, (const double[]){127}, (const double[]){2}, (const double[]){-127});
  binary("Sub", -1, BLOK_U8, 1, (const double[]){1}, (const double[]){2}, (const double[]){255});
  binary("Mul", -1, BLOK_I32, 1, (const double[]){65536}, (const double[]){65536},
         (const double[]){0});
  binary("Div", -1, BLOK_I8, 2, (const double[]){-128, -7}, (const double[]){-1, 2},
         (const double[]){-128, -3});
  binary("Div", -1, BLOK_I32, 1, (const double[]){INT32_MIN}, (const double[]){-1},
         (const double[]){INT32_MIN});
  binary("Div", -1, BLOK_I64, 1, (const double[]){-0x1p63}, (const double[]){-1},
         (const double[]){-0x1p63});
  binary("Mod", 1, BLOK_I64, 1, (const double[]){-0x1p63}, (const double[]){-1},
         (const double[]){0});
  binary("Div", -1, BLOK_U64, 1, (const double[]){0x1p63}, (const double[]){4},
         (const double[]){0x1p61});
}
END_TEST

START_TEST(mod__takes_the_sign_of_the_divisor_or_of_the_dividend) {
  static const double a[] = {-7, 7, -7, 7, -6};
  static const double b[] = {3, -3, -3, 3, 3};
  binary("Mod", 0, BLOK_I32, 5, a, b, (const double[]){2, -2, -1, 1, 0});
  binary("Mod", 1, BLOK_I32, 5, a, b, (const double[]){-1, 1, -1, 1, 0});
  binary("Mod", 0, BLOK_F32, 5, a, b, (const double[]){2, -2, -1, 1, 0});
  binary("Mod", 1, BLOK_F64, 5, a, b, (const double[]){-1, 1, -1, 1, 0});
  const double x[] = {HUGE_VAL, 5, 5, -5};
  const double y[] = {2, 0, -HUGE_VAL, -HUGE_VAL};
  binary("Mod", 0, BLOK_F32, 4, x, y, (const double[]){(double)NAN, (double)NAN, -HUGE_VAL, -5});
  binary("Mod", 1, BLOK_F32, 4, x, y, (const double[]){(double)NAN, (double)NAN, 5, -5});
}
END_TEST

START_TEST(binary__refuses_integer_division_by_zero) {
  static const char *const ops[] = {"Div", "Mod"};
  for (size_t i = 0; i < COUNT(ops); i++) {
    one_node node;
    one_node_init(&node, ops[i], 2, 1);
    one_node_in(&node, 0, BLOK_I32, "2", 2, (const double[]){1, 2});
    one_node_in(&node, 1, BLOK_I32, "2", 2, (const double[]){1, 0});
    ck_assert_int_eq(one_node_run(&node), BLOK_E_SHAPE);
    ck_assert_ptr_nonnull(strstr(node.error.message, "division by zero"));
    one_node_free(&node);
  }
  binary("Div", -1, BLOK_F32, 2, (const double[]){1, 0}, (const double[]){0, 0},
         (const double[]){HUGE_VAL, (double)NAN});
}
END_TEST

START_TEST(binary__broadcasts_both_ways) {
  static const double want[] = {11, 12, 13, 21, 22, 23, 14, 15, 16, 24, 25, 26};
  static const blok_dtype types[] = {BLOK_F32, BLOK_F64, BLOK_I32};
  for (size_t i = 0; i < COUNT(types); i++) {
    one_node node;
    one_node_init(&node, "Add", 2, 1);
    one_node_in(&node, 0, types[i], "2x1x3", 6, (const double[]){1, 2, 3, 4, 5, 6});
    one_node_in(&node, 1, types[i], "2x1", 2, (const double[]){10, 20});
    ck_assert_int_eq(one_node_run(&node), BLOK_OK);
    one_node_check(&node, 0, types[i], "2x2x3", 12, want, 0);
    one_node_in(&node, 1, types[i], "0x1", 0, NULL);
    ck_assert_int_eq(one_node_run(&node), BLOK_OK);
    one_node_check(&node, 0, types[i], "2x0x3", 0, want, 0);
    one_node_free(&node);
  }
}
END_TEST

START_TEST(prelu__scales_what_is_negative_by_channel) {
  one_node node;
  one_node_init(&node, "PRelu", 2, 1);
  one_node_in(&node, 0, BLOK_F32, "2x2", 4, (const double[]){-1, 2, -3, -4});
  one_node_in(&node, 1, BLOK_F32, "2x1", 2, (const double[]){0.5, 2});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "2x2", 4, (const double[]){-0.5, 2, -6, -8}, 0);
  one_node_free(&node);
}
END_TEST

START_TEST(sum__rounds_once) {
  one_node node;
  one_node_init(&node, "Sum", 3, 1);
  one_node_in(&node, 0, BLOK_F32, "1", 1, (const double[]){0x1p24});
  one_node_in(&node, 1, BLOK_F32, "2", 2, (const double[]){1, 2});
  one_node_in(&node, 2, BLOK_F32, "", 1, (const double[]){1});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "2", 2, (const double[]){0x1p24 + 2, 0x1p24 + 4}, 0);
  one_node_free(&node);
}
END_TEST

static blok_status sum_with(void *context, const blok_allocator *allocator, blok_error *error) {
  one_node node;
  (void)context;
  one_node_init(&node, "Sum", 2, 1);
  one_node_fill(&node, 0, BLOK_F32, "3x4");
  one_node_fill(&node, 1, BLOK_F32, "4");
  blok_status status = one_node_run_with(&node, allocator);
  if (error) *error = node.error;
  one_node_free(&node);
  return status;
}

START_TEST(sum__survives_failed_allocations) {
  ck_assert_uint_gt(blok_fault_sweep(sum_with, NULL), 0);
}
END_TEST

START_TEST(equal__compares_every_type) {
  static const blok_dtype types[] = {BLOK_F16, BLOK_F32, BLOK_I64, BLOK_U8, BLOK_BOOL};
  for (size_t i = 0; i < COUNT(types); i++) {
    one_node node;
    one_node_init(&node, "Equal", 2, 1);
    one_node_in(&node, 0, types[i], "2x2", 4, (const double[]){1, 0, 1, 1});
    one_node_in(&node, 1, types[i], "2", 2, (const double[]){1, 1});
    ck_assert_int_eq(one_node_run(&node), BLOK_OK);
    one_node_check(&node, 0, BLOK_BOOL, "2x2", 4, (const double[]){1, 0, 1, 1}, 0);
    one_node_free(&node);
  }
}
END_TEST

START_TEST(equal__tells_wide_integers_and_strings_apart) {
  const int64_t a[] = {INT64_MAX, INT64_MAX};
  const int64_t b[] = {INT64_MAX - 1, INT64_MAX};
  const blok_text s[] = {{"ab", 2}, {"ab", 2}};
  const blok_text t[] = {{"abc", 3}, {"ab", 2}};
  const int64_t dims[] = {2};
  one_node node;
  one_node_init(&node, "Equal", 2, 1);
  one_node_raw(&node, 0, BLOK_I64, 1, dims, a, sizeof a);
  one_node_raw(&node, 1, BLOK_I64, 1, dims, b, sizeof b);
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_BOOL, "2", 2, (const double[]){0, 1}, 0);
  one_node_raw(&node, 0, BLOK_STRING, 1, dims, s, sizeof s);
  one_node_raw(&node, 1, BLOK_STRING, 1, dims, t, sizeof t);
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_BOOL, "2", 2, (const double[]){0, 1}, 0);
  one_node_in(&node, 0, BLOK_F32, "2", 2, (const double[]){(double)NAN, -0.0});
  one_node_in(&node, 1, BLOK_F32, "2", 2, (const double[]){(double)NAN, 0.0});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_BOOL, "2", 2, (const double[]){0, 1}, 0);
  one_node_free(&node);
}
END_TEST

START_TEST(where__picks_by_condition) {
  static const blok_dtype types[] = {BLOK_F32, BLOK_I64, BLOK_U8, BLOK_F16, BLOK_BOOL};
  for (size_t i = 0; i < COUNT(types); i++) {
    one_node node;
    one_node_init(&node, "Where", 3, 1);
    one_node_in(&node, 0, BLOK_BOOL, "2x1", 2, (const double[]){1, 0});
    one_node_in(&node, 1, types[i], "2", 2, (const double[]){1, 0});
    one_node_in(&node, 2, types[i], "", 1, (const double[]){1});
    ck_assert_int_eq(one_node_run(&node), BLOK_OK);
    one_node_check(&node, 0, types[i], "2x2", 4, (const double[]){1, 0, 1, 1}, 0);
    one_node_free(&node);
  }
}
END_TEST

// ---- Casts --------------------------------------------------------------------------------------

static void cast(blok_dtype from, blok_dtype to, uint32_t n, const double *x, const double *want) {
  char shape[16];
  one_node node;
  snprintf(shape, sizeof shape, "%u", n);
  one_node_init(&node, "Cast", 1, 1);
  one_node_int(&node, "to", to);
  one_node_in(&node, 0, from, shape, n, x);
  ck_assert_msg(one_node_run(&node) == BLOK_OK, "%s", node.error.message);
  one_node_check(&node, 0, to, shape, n, want, 0);
  one_node_free(&node);
}

START_TEST(cast__goes_between_all_numbers) {
  static const blok_dtype types[] = {BLOK_F16, BLOK_BF16, BLOK_F32, BLOK_F64, BLOK_I8,  BLOK_I16,
                                     BLOK_I32, BLOK_I64,  BLOK_U8,  BLOK_U16, BLOK_U32, BLOK_U64};
  static const double x[] = {0, 1, 100};
  for (size_t i = 0; i < COUNT(types); i++) {
    for (size_t k = 0; k < COUNT(types); k++) cast(types[i], types[k], 3, x, x);
    cast(types[i], BLOK_BOOL, 3, x, (const double[]){0, 1, 1});
    cast(BLOK_BOOL, types[i], 2, (const double[]){0, 1}, (const double[]){0, 1});
  }
}
END_TEST

START_TEST(cast__truncates_wraps_and_overflows_as_defined) {
  cast(BLOK_F32, BLOK_I32, 4, (const double[]){2.9, -2.9, 0.5, -0.0},
       (const double[]){2, -2, 0, 0});
  cast(BLOK_I16, BLOK_I8, 2, (const double[]){200, -129}, (const double[]){-56, 127});
  cast(BLOK_I32, BLOK_U8, 2, (const double[]){-1, 256}, (const double[]){255, 0});
  cast(BLOK_F64, BLOK_F32, 2, (const double[]){1e300, -1e300},
       (const double[]){HUGE_VAL, -HUGE_VAL});
  cast(BLOK_F32, BLOK_F16, 2, (const double[]){65520, 1e-9}, (const double[]){HUGE_VAL, 0});
  cast(BLOK_F32, BLOK_BOOL, 3, (const double[]){-0.0, 0.1, (double)NAN}, (const double[]){0, 1, 1});
  cast(BLOK_F32, BLOK_I64, 1, (const double[]){(double)NAN}, (const double[]){0});
}
END_TEST

START_TEST(cast__rounds_a_wide_integer_to_f32_once) {
  // Just above the middle of two floats: by way of a double it would round to the lower one.
  const int64_t value[] = {0x4000004000000001};
  const int64_t dims[] = {1};
  one_node node;
  one_node_init(&node, "Cast", 1, 1);
  one_node_int(&node, "to", BLOK_F32);
  one_node_raw(&node, 0, BLOK_I64, 1, dims, value, sizeof value);
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "1", 1, (const double[]){0x1.000002p62}, 0);
  one_node_free(&node);
}
END_TEST

START_TEST(cast__reads_numbers_from_strings) {
  const blok_text text[] = {{"3.14", 4}, {" -1e-3 ", 7}, {"+inf", 4}, {"NaN", 3}, {"100", 3}};
  const blok_text wide[] = {{"9007199254740993", 16}};
  const blok_text bad[] = {{"Hello", 5}};
  const int64_t dims[] = {5};
  const int64_t one[] = {1};
  one_node node;
  one_node_init(&node, "Cast", 1, 1);
  one_node_int(&node, "to", BLOK_F64);
  one_node_raw(&node, 0, BLOK_STRING, 1, dims, text, sizeof text);
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F64, "5", 5,
                 (const double[]){3.14, -1e-3, HUGE_VAL, (double)NAN, 100}, 0);
  one_node_int(&node, "to", BLOK_I64);
  one_node_raw(&node, 0, BLOK_STRING, 1, one, wide, sizeof wide);
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  ck_assert_int_eq(blok_ref_load_i64(&node.out[0], 0), 9007199254740993);
  one_node_raw(&node, 0, BLOK_STRING, 1, one, bad, sizeof bad);
  ck_assert_int_eq(one_node_run(&node), BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(node.error.message, "'Hello', is no number"));
  one_node_free(&node);
}
END_TEST

START_TEST(cast__names_both_types_when_it_cannot) {
  one_node node;
  one_node_init(&node, "Cast", 1, 1);
  one_node_int(&node, "to", BLOK_F8E5M2);
  one_node_fill(&node, 0, BLOK_F32, "3");
  ck_assert_int_eq(one_node_run(&node), BLOK_E_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(node.error.message, "float32 cannot be cast to float8e5m2"));
  one_node_free(&node);
}
END_TEST

START_TEST(cast_like__takes_the_other_inputs_type) {
  one_node node;
  one_node_init(&node, "CastLike", 2, 1);
  one_node_in(&node, 0, BLOK_F32, "2", 2, (const double[]){1.5, -1.5});
  one_node_in(&node, 1, BLOK_I8, "", 1, (const double[]){0});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_I8, "2", 2, (const double[]){1, -1}, 0);
  one_node_free(&node);
}
END_TEST

// ---- Reductions ---------------------------------------------------------------------------------

static void reduce(const char *op, blok_dtype dtype, const char *in, uint32_t n_axes,
                   const double *axes, const char *shape, uint32_t n, const double *want) {
  static const double x[] = {1, 2, 3, 4, 5, 6, 7, 8};
  char axes_shape[16];
  one_node node;
  one_node_init(&node, op, 2, 1);
  one_node_int(&node, "keepdims", 0);
  one_node_in(&node, 0, dtype, in, strcmp(in, "2x0") == 0 ? 0 : 8, x);
  snprintf(axes_shape, sizeof axes_shape, "%u", n_axes);
  if (n_axes > 0) one_node_in(&node, 1, BLOK_I64, axes_shape, n_axes, axes);
  ck_assert_msg(one_node_run(&node) == BLOK_OK, "%s", node.error.message);
  one_node_check(&node, 0, dtype, shape, n, want, 0);
  one_node_free(&node);
}

START_TEST(reduce__goes_over_any_axes) {
  static const blok_dtype types[] = {BLOK_F32, BLOK_F64, BLOK_F16, BLOK_I32, BLOK_U64};
  for (size_t i = 0; i < COUNT(types); i++) {
    reduce("ReduceSum", types[i], "2x2x2", 1, (const double[]){1}, "2x2", 4,
           (const double[]){4, 6, 12, 14});
    reduce("ReduceSum", types[i], "2x2x2", 2, (const double[]){-1, 0}, "2", 2,
           (const double[]){14, 22});
    reduce("ReduceMean", types[i], "2x2x2", 2, (const double[]){2, 1}, "2", 2,
           types[i] == BLOK_I32 || types[i] == BLOK_U64 ? (const double[]){2, 6}
                                                        : (const double[]){2.5, 6.5});
    reduce("ReduceMax", types[i], "2x4", 1, (const double[]){0}, "4", 4,
           (const double[]){5, 6, 7, 8});
    reduce("ReduceProd", types[i], "4x2", 1, (const double[]){1}, "4", 4,
           (const double[]){2, 12, 30, 56});
    reduce("ReduceSum", types[i], "8", 0, NULL, "", 1, (const double[]){36});
  }
}
END_TEST

START_TEST(reduce__of_nothing_gives_the_neutral_value) {
  const double axis = 1;
  reduce("ReduceSum", BLOK_F32, "2x0", 1, &axis, "2", 2, (const double[]){0, 0});
  reduce("ReduceProd", BLOK_I32, "2x0", 1, &axis, "2", 2, (const double[]){1, 1});
  reduce("ReduceMean", BLOK_F32, "2x0", 1, &axis, "2", 2,
         (const double[]){(double)NAN, (double)NAN});
  reduce("ReduceMax", BLOK_F32, "2x0", 1, &axis, "2", 2, (const double[]){-HUGE_VAL, -HUGE_VAL});
  reduce("ReduceMax", BLOK_I32, "2x0", 1, &axis, "2", 2, (const double[]){INT32_MIN, INT32_MIN});
  reduce("ReduceMax", BLOK_U8, "2x0", 1, &axis, "2", 2, (const double[]){0, 0});
  reduce("ReduceMax", BLOK_BOOL, "2x0", 1, &axis, "2", 2, (const double[]){0, 0});
  one_node node;
  one_node_init(&node, "ReduceMean", 1, 1);
  one_node_in(&node, 0, BLOK_I32, "2x0", 0, NULL);
  ck_assert_int_eq(one_node_run(&node), BLOK_E_SHAPE);
  one_node_free(&node);
}
END_TEST

START_TEST(reduce__keeps_nan_bits_and_large_sums) {
  one_node node;
  one_node_init(&node, "ReduceMax", 1, 1);
  one_node_in(&node, 0, BLOK_F32, "3", 3, (const double[]){1, (double)NAN, 5});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "1", 1, (const double[]){(double)NAN}, 0);
  one_node_free(&node);
  one_node_init(&node, "ReduceSum", 1, 1);
  one_node_in(&node, 0, BLOK_F32, "4", 4, (const double[]){0x1p24, 1, 1, -0x1p24});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "1", 1, (const double[]){2}, 0);
  one_node_free(&node);
  one_node_init(&node, "ReduceMax", 1, 1);
  one_node_in(&node, 0, BLOK_U64, "2", 2, (const double[]){1, 0x1p63});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_U64, "1", 1, (const double[]){0x1p63}, 0);
  one_node_free(&node);
}
END_TEST

START_TEST(reduce__without_axes_can_be_told_to_do_nothing) {
  one_node node;
  one_node_init(&node, "ReduceSum", 1, 1);
  one_node_int(&node, "noop_with_empty_axes", 1);
  one_node_in(&node, 0, BLOK_F32, "2x2", 4, (const double[]){1, 2, 3, 4});
  ck_assert_int_eq(one_node_run(&node), BLOK_OK);
  one_node_check(&node, 0, BLOK_F32, "2x2", 4, (const double[]){1, 2, 3, 4}, 0);
  one_node_free(&node);
}
END_TEST

Suite *suite_ref_elementwise(void) {
  Suite *suite = suite_create("ref_elementwise");
  TCase *tests = tcase_create("ref_elementwise");
  tcase_add_test(tests, unary__gives_the_functions_values);
  tcase_add_test(tests, unary__reads_more_than_one_piece);
  tcase_add_test(tests, unary__passes_nan_and_infinities);
  tcase_add_test(tests, gelu__takes_the_tanh_form_and_refuses_others);
  tcase_add_test(tests, unary__names_the_type_it_does_not_take);
  tcase_add_test(tests, clip__bounds_either_side);
  tcase_add_test(tests, clip__keeps_nan);
  tcase_add_test(tests, dropout__copies_and_marks_all_as_kept);
  tcase_add_test(tests, binary__computes_in_every_type);
  tcase_add_test(tests, binary__wraps_integers);
  tcase_add_test(tests, mod__takes_the_sign_of_the_divisor_or_of_the_dividend);
  tcase_add_test(tests, binary__refuses_integer_division_by_zero);
  tcase_add_test(tests, binary__broadcasts_both_ways);
  tcase_add_test(tests, prelu__scales_what_is_negative_by_channel);
  tcase_add_test(tests, sum__rounds_once);
  tcase_add_test(tests, sum__survives_failed_allocations);
  tcase_add_test(tests, equal__compares_every_type);
  tcase_add_test(tests, equal__tells_wide_integers_and_strings_apart);
  tcase_add_test(tests, where__picks_by_condition);
  tcase_add_test(tests, cast__goes_between_all_numbers);
  tcase_add_test(tests, cast__truncates_wraps_and_overflows_as_defined);
  tcase_add_test(tests, cast__rounds_a_wide_integer_to_f32_once);
  tcase_add_test(tests, cast__reads_numbers_from_strings);
  tcase_add_test(tests, cast__names_both_types_when_it_cannot);
  tcase_add_test(tests, cast_like__takes_the_other_inputs_type);
  tcase_add_test(tests, reduce__goes_over_any_axes);
  tcase_add_test(tests, reduce__of_nothing_gives_the_neutral_value);
  tcase_add_test(tests, reduce__keeps_nan_bits_and_large_sums);
  tcase_add_test(tests, reduce__without_axes_can_be_told_to_do_nothing);
  suite_add_tcase(suite, tests);
  return suite;
}
