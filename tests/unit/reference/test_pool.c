// Pooling against hand-computed values.
#include <check.h>
#include <math.h>

#include "one_node.h"

START_TEST(average_pool__divides_by_what_lies_on_the_input) {
  one_node n;
  one_node_init(&n, "AveragePool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x4", VALUES(2, 4, 6, 8));
  one_node_ints(&n, "kernel_shape", INTS(3));
  one_node_ints(&n, "pads", INTS(1, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4", VALUES(3, 4, 6, 7), 0);
  one_node_int(&n, "count_include_pad", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4", VALUES(2, 4, 6, 14.0 / 3), 1e-6);
  one_node_free(&n);
}
END_TEST

START_TEST(average_pool__counts_padding_but_nothing_beyond_when_ceil_mode) {
  one_node n;
  one_node_init(&n, "AveragePool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x4", VALUES(2, 4, 6, 8));
  one_node_ints(&n, "kernel_shape", INTS(3));
  one_node_ints(&n, "strides", INTS(2));
  one_node_ints(&n, "pads", INTS(0, 1));
  one_node_int(&n, "ceil_mode", 1);
  one_node_int(&n, "count_include_pad", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x2", VALUES(4, 14.0 / 3), 1e-6);
  one_node_ints(&n, "pads", INTS(0, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x2", VALUES(4, 7), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(average_pool__skips_cells_when_dilated) {
  one_node n;
  one_node_init(&n, "AveragePool", 1, 1);
  one_node_in(&n, 0, BLOK_F64, "1x1x3x3", VALUES(1, 2, 3, 4, 5, 6, 7, 8, 10));
  one_node_ints(&n, "kernel_shape", INTS(2, 2));
  one_node_ints(&n, "dilations", INTS(2, 2));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x1x1x1", VALUES(5.25), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(average_pool__is_no_number_when_a_window_holds_only_padding) {
  one_node n;
  one_node_init(&n, "AveragePool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x1", VALUES(3));
  one_node_ints(&n, "kernel_shape", INTS(1));
  one_node_ints(&n, "pads", INTS(1, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x2", VALUES((double)NAN, 3), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(max_pool__finds_value_and_place) {
  one_node n;
  one_node_init(&n, "MaxPool", 1, 2);
  one_node_in(&n, 0, BLOK_F32, "1x2x2x3", VALUES(1, 5, 2, 3, 4, 6, -1, -1, -3, -2, -8, -1));
  one_node_ints(&n, "kernel_shape", INTS(2, 2));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x1x2", VALUES(5, 6, -1, -1), 0);
  one_node_check(&n, 1, BLOK_I64, "1x2x1x2", VALUES(1, 5, 6, 7), 0);
  one_node_int(&n, "storage_order", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 1, BLOK_I64, "1x2x1x2", VALUES(2, 5, 6, 8), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(max_pool__ignores_padding_when_all_is_negative) {
  one_node n;
  one_node_init(&n, "MaxPool", 1, 1);
  one_node_in(&n, 0, BLOK_I8, "1x1x3", VALUES(-128, -5, -7));
  one_node_ints(&n, "kernel_shape", INTS(2));
  one_node_ints(&n, "pads", INTS(1, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I8, "1x1x4", VALUES(-128, -5, -5, -7), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(max_pool__makes_a_last_partial_window_when_ceil_mode) {
  one_node n;
  one_node_init(&n, "MaxPool", 1, 1);
  one_node_in(&n, 0, BLOK_U8, "1x1x5", VALUES(9, 1, 2, 3, 200));
  one_node_ints(&n, "kernel_shape", INTS(2));
  one_node_ints(&n, "strides", INTS(2));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_U8, "1x1x2", VALUES(9, 3), 0);
  one_node_int(&n, "ceil_mode", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_U8, "1x1x3", VALUES(9, 3, 200), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(max_pool__makes_one_window_when_ceil_mode_and_the_kernel_is_a_little_too_large) {
  one_node n;
  one_node_init(&n, "MaxPool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x3", VALUES(1, 7, 3));
  one_node_ints(&n, "kernel_shape", INTS(4));
  one_node_ints(&n, "strides", INTS(2));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  n.error = (blok_error)BLOK_ERROR_INIT;
  one_node_int(&n, "ceil_mode", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x1", VALUES(7), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(max_pool__passes_on_what_is_no_number) {
  one_node n;
  one_node_init(&n, "MaxPool", 1, 2);
  one_node_in(&n, 0, BLOK_F32, "1x1x4", VALUES(1, (double)NAN, 7, 3));
  one_node_ints(&n, "kernel_shape", INTS(3));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x2", VALUES((double)NAN, (double)NAN), 0);
  one_node_check(&n, 1, BLOK_I64, "1x1x2", VALUES(1, 1), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(max_pool__refuses_other_types) {
  one_node n;
  one_node_init(&n, "MaxPool", 1, 1);
  one_node_fill(&n, 0, BLOK_I32, "1x1x4");
  one_node_ints(&n, "kernel_shape", INTS(3));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_UNSUPPORTED);
  one_node_free(&n);
}
END_TEST

START_TEST(pool__ends_at_once_when_kernel_and_pads_are_huge) {
  one_node n;
  one_node_init(&n, "AveragePool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x2", VALUES(2, 4));
  one_node_ints(&n, "kernel_shape", INTS((int64_t)1 << 40));
  one_node_ints(&n, "pads", INTS((int64_t)1 << 40, 0));
  one_node_ints(&n, "strides", INTS((int64_t)1 << 40));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert_uint_eq(blok_ref_count(&n.out[0]), 1);
  one_node_free(&n);
}
END_TEST

START_TEST(pool__takes_no_memory_when_there_is_no_plane) {
  one_node n;
  one_node_init(&n, "MaxPool", 1, 2);
  one_node_fill(&n, 0, BLOK_F32, "0x3x1");
  one_node_ints(&n, "kernel_shape", INTS(1));
  one_node_ints(&n, "pads", INTS((int64_t)1 << 50, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert_uint_eq(blok_ref_count(&n.out[0]), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(pool__counts_windows_whose_ends_are_further_apart_than_numbers_go) {
  one_node n;
  one_node_init(&n, "AveragePool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x4", VALUES(1, 2, 3, 4));
  one_node_ints(&n, "kernel_shape", INTS(INT64_MAX));
  one_node_text(&n, "auto_pad", "SAME_LOWER");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4", VALUES(2.5, 2.5, 2.5, 2.5), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(global_pool__takes_whole_planes) {
  one_node n;
  one_node_init(&n, "GlobalAveragePool", 1, 1);
  one_node_in(&n, 0, BLOK_F16, "1x2x2x2", VALUES(1, 2, 3, 4, -1, -2, -3, -6));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F16, "1x2x1x1", VALUES(2.5, -3), 0);
  one_node_free(&n);
  one_node_init(&n, "GlobalMaxPool", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x2x2x2", VALUES(1, 2, 3, 4, -1, -2, -3, -6));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x1x1", VALUES(4, -1), 0);
  one_node_free(&n);
}
END_TEST

Suite *suite_pool(void) {
  Suite *suite = suite_create("pool");
  TCase *tests = tcase_create("pool");
  tcase_add_test(tests, average_pool__divides_by_what_lies_on_the_input);
  tcase_add_test(tests, average_pool__counts_padding_but_nothing_beyond_when_ceil_mode);
  tcase_add_test(tests, average_pool__skips_cells_when_dilated);
  tcase_add_test(tests, average_pool__is_no_number_when_a_window_holds_only_padding);
  tcase_add_test(tests, max_pool__finds_value_and_place);
  tcase_add_test(tests, max_pool__ignores_padding_when_all_is_negative);
  tcase_add_test(tests, max_pool__makes_a_last_partial_window_when_ceil_mode);
  tcase_add_test(tests,
                 max_pool__makes_one_window_when_ceil_mode_and_the_kernel_is_a_little_too_large);
  tcase_add_test(tests, max_pool__passes_on_what_is_no_number);
  tcase_add_test(tests, max_pool__refuses_other_types);
  tcase_add_test(tests, pool__ends_at_once_when_kernel_and_pads_are_huge);
  tcase_add_test(tests, pool__takes_no_memory_when_there_is_no_plane);
  tcase_add_test(tests, pool__counts_windows_whose_ends_are_further_apart_than_numbers_go);
  tcase_add_test(tests, global_pool__takes_whole_planes);
  suite_add_tcase(suite, tests);
  return suite;
}
