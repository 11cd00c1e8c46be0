// Normalizations by instance, group, root mean square and norm; the kin of Softmax; reductions that
// gather something else than a sum; pooling by norm.
#include <check.h>
#include <math.h>
#include <string.h>

#include "one_node.h"

Suite *suite_group_norm(void);

START_TEST(instance_norm__takes_each_channel_of_each_image_by_itself) {
  one_node n;
  one_node_init(&n, "InstanceNormalization", 3, 1);
  one_node_in(&n, 0, BLOK_F32, "2x2x2", VALUES(1, 3, 10, 10, 5, 9, 0, 2));
  one_node_in(&n, 1, BLOK_F32, "2", VALUES(2, 1));
  one_node_in(&n, 2, BLOK_F32, "2", VALUES(0, 5));
  one_node_float(&n, "epsilon", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert(isnan(one_node_value(&n, 0, 2)));
  one_node_float(&n, "epsilon", 3);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2x2", VALUES(-1, 1, 5, 5, -4 / sqrt(7), 4 / sqrt(7), 4.5, 5.5),
                 1e-6);
  one_node_free(&n);
}
END_TEST

START_TEST(group_norm__shares_the_statistics_and_keeps_scales_by_channel) {
  one_node n;
  one_node_init(&n, "GroupNormalization", 3, 1);
  one_node_in(&n, 0, BLOK_F64, "1x4x1", VALUES(1, 5, 10, 10));
  one_node_in(&n, 1, BLOK_F64, "4", VALUES(1, 10, 1, 1));
  one_node_in(&n, 2, BLOK_F64, "4", VALUES(0, 1, 2, 3));
  one_node_int(&n, "num_groups", 2);
  one_node_float(&n, "epsilon", 0.25);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  double d = sqrt(4.25);
  one_node_check(&n, 0, BLOK_F64, "1x4x1", VALUES(-2 / d, 20 / d + 1, 2, 3), 1e-12);
  one_node_free(&n);
}
END_TEST

START_TEST(rms_norm__divides_by_the_root_mean_square) {
  one_node n;
  one_node_init(&n, "RMSNormalization", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "2x2", VALUES(1, 7, 3, 4));
  one_node_in(&n, 1, BLOK_F32, "2", VALUES(1, 10));
  one_node_float(&n, "epsilon", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  double r = sqrt(12.5);
  one_node_check(&n, 0, BLOK_F32, "2x2", VALUES(0.2, 14, 3 / r, 40 / r), 1e-6);
  one_node_free(&n);
}
END_TEST

START_TEST(lp_norm__divides_lines_and_leaves_zeros) {
  one_node n;
  one_node_init(&n, "LpNormalization", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "2x3", VALUES(3, 0, -1, -4, 0, 3));
  one_node_int(&n, "axis", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  double r = sqrt(10);
  one_node_check(&n, 0, BLOK_F32, "2x3", VALUES(0.6, 0, -1 / r, -0.8, 0, 3 / r), 1e-6);
  one_node_int(&n, "p", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x3", VALUES(3 / 7., 0, -0.25, -4 / 7., 0, 0.75), 1e-6);
  one_node_int(&n, "p", 3);
  ck_assert_int_eq(one_node_run(&n), BLOK_E_UNSUPPORTED);
  one_node_free(&n);
}
END_TEST

START_TEST(log_softmax__stays_finite_where_softmax_vanishes) {
  one_node n;
  one_node_init(&n, "LogSoftmax", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "2x2", VALUES(0, 2000, 1, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2", VALUES(-2000, 0, -log(2), -log(2)), 1e-6);
  one_node_free(&n);
}
END_TEST

START_TEST(hardmax__marks_the_first_of_the_largest) {
  one_node n;
  one_node_init(&n, "Hardmax", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "2x3", VALUES(1, 3, 3, -1, -2, -3));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x3", VALUES(0, 1, 0, 1, 0, 0), 0);
  one_node_int(&n, "axis", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x3", VALUES(1, 1, 1, 0, 0, 0), 0);
  one_node_free(&n);
}
END_TEST

// ---- Reductions ---------------------------------------------------------------------------------

static const struct {
  const char *op;
  double floats;    // of 3, -4, 1
  double integers;  // of the same; NaN: they have no such number
  double nothing;   // of no floats at all
} reductions[] = {
    {"ReduceL1", 8, 8, 0},
    {"ReduceL2", 5.0990195135927848, 5, 0},
    {"ReduceLogSum", -HUGE_VAL, (double)NAN, -HUGE_VAL},
    {"ReduceLogSumExp", 3.1277309, 3, -HUGE_VAL},
    {"ReduceMin", -4, -4, HUGE_VAL},
    {"ReduceMax", 3, 3, -HUGE_VAL},
    {"ReduceSumSquare", 26, 26, 0},
};

START_TEST(reduce__gathers_what_its_name_says) {
  one_node n;
  one_node_init(&n, reductions[_i].op, 1, 1);
  one_node_int(&n, "keepdims", 0);
  one_node_in(&n, 0, BLOK_F64, "3", VALUES(3, -4, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "", 1, &reductions[_i].floats, 1e-6);
  one_node_fill(&n, 0, BLOK_F64, "0");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "", 1, &reductions[_i].nothing, 0);
  if (!isnan(reductions[_i].integers)) {
    one_node_in(&n, 0, BLOK_I32, "3", VALUES(3, -4, 1));
    ck_assert_int_eq(one_node_run(&n), BLOK_OK);
    one_node_check(&n, 0, BLOK_I32, "", 1, &reductions[_i].integers, 0);
  }
  one_node_free(&n);
}
END_TEST

START_TEST(reduce_log_sum_exp__neither_overflows_nor_loses_infinities) {
  one_node n;
  one_node_init(&n, "ReduceLogSumExp", 2, 1);
  one_node_in(&n, 0, BLOK_F64, "3x2",
              VALUES(1000, 1000, -HUGE_VAL, -HUGE_VAL, HUGE_VAL, -HUGE_VAL));
  one_node_in(&n, 1, BLOK_I64, "1", VALUES(1));
  one_node_int(&n, "keepdims", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "3", VALUES(1000 + log(2), -HUGE_VAL, HUGE_VAL), 1e-12);
  one_node_free(&n);
}
END_TEST

START_TEST(reduce_min__knows_the_ends_of_every_type) {
  static const struct {
    blok_dtype dtype;
    double least, most;
  } ends[] = {
      {BLOK_I8, -128, 127}, {BLOK_U8, 0, 255}, {BLOK_I16, -32768, 32767}, {BLOK_BOOL, 0, 1}};
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    one_node n;
    one_node_init(&n, "ReduceMin", 1, 1);
    one_node_int(&n, "keepdims", 0);
    one_node_fill(&n, 0, ends[i].dtype, "0");
    ck_assert_int_eq(one_node_run(&n), BLOK_OK);
    one_node_check(&n, 0, ends[i].dtype, "", 1, &ends[i].most, 0);
    one_node_in(&n, 0, ends[i].dtype, "2", VALUES(ends[i].most, ends[i].least));
    ck_assert_int_eq(one_node_run(&n), BLOK_OK);
    one_node_check(&n, 0, ends[i].dtype, "", 1, &ends[i].least, 0);
    one_node_free(&n);
  }
}
END_TEST

START_TEST(lp_pool__takes_the_norm_of_each_window) {
  one_node n;
  one_node_init(&n, "LpPool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x4", VALUES(3, -4, 0, 2));
  one_node_ints(&n, "kernel_shape", INTS(2));
  one_node_ints(&n, "pads", INTS(1, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4", VALUES(3, 5, 4, 2), 1e-6);
  one_node_int(&n, "p", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4", VALUES(3, 7, 4, 2), 1e-6);
  one_node_free(&n);
}
END_TEST

START_TEST(average_pool__reaches_over_dilated_windows) {
  one_node n;
  one_node_init(&n, "AveragePool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x5", VALUES(1, 2, 3, 4, 9));
  one_node_ints(&n, "kernel_shape", INTS(2));
  one_node_ints(&n, "dilations", INTS(3));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x2", VALUES(2.5, 5.5), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(group_norm__leaks_nothing_when_any_allocation_fails) {
  one_node n;
  one_node_init(&n, "GroupNormalization", 3, 1);
  one_node_fill(&n, 0, BLOK_F32, "1x4x3");
  one_node_fill(&n, 1, BLOK_F32, "4");
  one_node_fill(&n, 2, BLOK_F32, "4");
  one_node_int(&n, "num_groups", 2);
  ck_assert_uint_ge(one_node_sweep(&n), 1);
  one_node_free(&n);
}
END_TEST

Suite *suite_group_norm(void) {
  Suite *suite = suite_create("group_norm");
  TCase *tests = tcase_create("group_norm");
  tcase_add_test(tests, instance_norm__takes_each_channel_of_each_image_by_itself);
  tcase_add_test(tests, group_norm__shares_the_statistics_and_keeps_scales_by_channel);
  tcase_add_test(tests, rms_norm__divides_by_the_root_mean_square);
  tcase_add_test(tests, lp_norm__divides_lines_and_leaves_zeros);
  tcase_add_test(tests, log_softmax__stays_finite_where_softmax_vanishes);
  tcase_add_test(tests, hardmax__marks_the_first_of_the_largest);
  tcase_add_loop_test(tests, reduce__gathers_what_its_name_says, 0,
                      (int)(sizeof reductions / sizeof reductions[0]));
  tcase_add_test(tests, reduce_log_sum_exp__neither_overflows_nor_loses_infinities);
  tcase_add_test(tests, reduce_min__knows_the_ends_of_every_type);
  tcase_add_test(tests, lp_pool__takes_the_norm_of_each_window);
  tcase_add_test(tests, average_pool__reaches_over_dilated_windows);
  tcase_add_test(tests, group_norm__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
