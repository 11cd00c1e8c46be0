// Normalizations and Softmax against hand-computed values.
#include <check.h>
#include <math.h>

#include "one_node.h"

static void batch_inputs(one_node *n) {
  one_node_in(n, 0, BLOK_F32, "2x2x2", VALUES(1, 3, 10, 10, 5, 7, 20, 20));
  one_node_in(n, 1, BLOK_F32, "2", VALUES(2, 3));
  one_node_in(n, 2, BLOK_F32, "2", VALUES(1, -1));
  one_node_in(n, 3, BLOK_F32, "2", VALUES(2, 10));
  one_node_in(n, 4, BLOK_F32, "2", VALUES(3, 24));
  one_node_float(n, "epsilon", 1);
}

START_TEST(batch_norm__uses_the_given_statistics_when_not_training) {
  one_node n;
  one_node_init(&n, "BatchNormalization", 5, 1);
  batch_inputs(&n);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2x2", VALUES(0, 2, -1, -1, 4, 6, 5, 5), 1e-6);
  one_node_free(&n);
}
END_TEST

START_TEST(batch_norm__uses_and_keeps_those_of_the_batch_when_training) {
  one_node n;
  one_node_init(&n, "BatchNormalization", 5, 3);
  batch_inputs(&n);
  one_node_int(&n, "training_mode", 1);
  one_node_float(&n, "momentum", 0.75);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  // Channel 0: mean 4, variance 5; channel 1: mean 15, variance 25.
  double a = 2 / sqrt(6), b = 3 / sqrt(26);
  one_node_check(
      &n, 0, BLOK_F32, "2x2x2",
      VALUES(1 - 3 * a, 1 - a, -1 - 5 * b, -1 - 5 * b, 1 + a, 1 + 3 * a, -1 + 5 * b, -1 + 5 * b),
      1e-6);
  one_node_check(&n, 1, BLOK_F32, "2", VALUES(2.5, 11.25), 0);
  one_node_check(&n, 2, BLOK_F32, "2", VALUES(3.5, 24.25), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(batch_norm__takes_one_axis_as_one_channel) {
  one_node n;
  one_node_init(&n, "BatchNormalization", 5, 1);
  one_node_in(&n, 0, BLOK_F64, "3", VALUES(1, 2, 3));
  one_node_in(&n, 1, BLOK_F64, "1", VALUES(10));
  one_node_in(&n, 2, BLOK_F64, "1", VALUES(0));
  one_node_in(&n, 3, BLOK_F64, "1", VALUES(2));
  one_node_in(&n, 4, BLOK_F64, "1", VALUES(0));
  one_node_float(&n, "epsilon", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "3", VALUES(-10, 0, 10), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(batch_norm__mixes_element_types) {
  one_node n;
  one_node_init(&n, "BatchNormalization", 5, 1);
  one_node_in(&n, 0, BLOK_F16, "1x1x2", VALUES(1, 3));
  one_node_in(&n, 1, BLOK_F32, "1", VALUES(4));
  one_node_in(&n, 2, BLOK_F32, "1", VALUES(0.5));
  one_node_in(&n, 3, BLOK_F64, "1", VALUES(1));
  one_node_in(&n, 4, BLOK_F64, "1", VALUES(3));
  one_node_float(&n, "epsilon", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F16, "1x1x2", VALUES(0.5, 4.5), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(layer_norm__gives_mean_and_inverse_deviation) {
  one_node n;
  one_node_init(&n, "LayerNormalization", 3, 3);
  one_node_in(&n, 0, BLOK_F32, "2x2", VALUES(1, 3, 10, 14));
  one_node_in(&n, 1, BLOK_F32, "2", VALUES(1, 2));
  one_node_in(&n, 2, BLOK_F32, "2", VALUES(0, 5));
  one_node_float(&n, "epsilon", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2", VALUES(-1, 7, -1, 7), 0);
  one_node_check(&n, 1, BLOK_F32, "2x1", VALUES(2, 12), 0);
  one_node_check(&n, 2, BLOK_F32, "2x1", VALUES(1, 0.5), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(layer_norm__spans_all_axes_from_axis_on) {
  one_node n;
  one_node_init(&n, "LayerNormalization", 2, 2);
  one_node_in(&n, 0, BLOK_F16, "1x2x2", VALUES(-3, -1, 1, 3));
  one_node_in(&n, 1, BLOK_F16, "2x1", VALUES(1, 2));
  one_node_int(&n, "axis", -2);
  one_node_float(&n, "epsilon", 4);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F16, "1x2x2", VALUES(-1, -1.0 / 3, 2.0 / 3, 2), 1e-3);
  one_node_check(&n, 1, BLOK_F32, "1x1x1", VALUES(0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(layer_norm__takes_a_scale_that_varies_from_row_to_row) {
  one_node n;
  one_node_init(&n, "LayerNormalization", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "2x2", VALUES(1, 3, 1, 3));
  one_node_in(&n, 1, BLOK_F32, "2x1", VALUES(5, 7));
  one_node_float(&n, "epsilon", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2", VALUES(-5, 5, -7, 7), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(softmax__sums_to_one_along_the_axis) {
  one_node n;
  one_node_init(&n, "Softmax", 1, 1);
  double a = log(3);
  one_node_in(&n, 0, BLOK_F64, "2x2", VALUES(1000, 1000 + a, a, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "2x2", VALUES(0.25, 0.75, 0.75, 0.25), 1e-12);
  one_node_in(&n, 0, BLOK_F64, "2x2", VALUES(0, a, a, 0));
  one_node_int(&n, "axis", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "2x2", VALUES(0.25, 0.75, 0.75, 0.25), 1e-12);
  one_node_free(&n);
}
END_TEST

START_TEST(softmax__refuses_an_axis_that_is_none) {
  one_node n;
  one_node_init(&n, "Softmax", 1, 1);
  one_node_fill(&n, 0, BLOK_F32, "2x2");
  one_node_int(&n, "axis", 2);
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

START_TEST(layer_norm__leaks_nothing_when_any_allocation_fails) {
  one_node n;
  one_node_init(&n, "LayerNormalization", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "2x3");
  one_node_fill(&n, 1, BLOK_F32, "3");
  ck_assert_uint_ge(one_node_sweep(&n), 3);
  one_node_free(&n);
}
END_TEST

Suite *suite_norm(void) {
  Suite *suite = suite_create("norm");
  TCase *tests = tcase_create("norm");
  tcase_add_test(tests, batch_norm__uses_the_given_statistics_when_not_training);
  tcase_add_test(tests, batch_norm__uses_and_keeps_those_of_the_batch_when_training);
  tcase_add_test(tests, batch_norm__takes_one_axis_as_one_channel);
  tcase_add_test(tests, batch_norm__mixes_element_types);
  tcase_add_test(tests, layer_norm__gives_mean_and_inverse_deviation);
  tcase_add_test(tests, layer_norm__spans_all_axes_from_axis_on);
  tcase_add_test(tests, layer_norm__takes_a_scale_that_varies_from_row_to_row);
  tcase_add_test(tests, softmax__sums_to_one_along_the_axis);
  tcase_add_test(tests, softmax__refuses_an_axis_that_is_none);
  tcase_add_test(tests, layer_norm__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
