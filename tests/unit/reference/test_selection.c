// Comparisons and logic, running sums, picking along an axis, moving blocks, gathering and
// scattering by element.
#include <check.h>
#include <math.h>
#include <string.h>

#include "one_node.h"

Suite *suite_selection(void);

static const struct {
  const char *op;
  double want[3];  // of 1, 2, NaN against 2
} comparisons[] = {
    {"Less", {1, 0, 0}},
    {"LessOrEqual", {1, 1, 0}},
    {"Greater", {0, 0, 0}},
    {"GreaterOrEqual", {0, 1, 0}},
};

START_TEST(compare__is_false_of_what_is_no_number) {
  one_node n;
  one_node_init(&n, comparisons[_i].op, 2, 1);
  one_node_in(&n, 0, BLOK_F32, "3", VALUES(1, 2, (double)NAN));
  one_node_in(&n, 1, BLOK_F32, "", VALUES(2));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "3", 3, comparisons[_i].want, 0);
  one_node_free(&n);
}
END_TEST

START_TEST(compare__takes_the_highest_bit_of_unsigned_numbers_as_a_digit) {
  const uint64_t big = (uint64_t)1 << 63;
  const int64_t dims[1] = {1};
  one_node n;
  one_node_init(&n, "Greater", 2, 1);
  one_node_raw(&n, 0, BLOK_U64, 1, dims, &big, sizeof big);
  one_node_in(&n, 1, BLOK_U64, "1", VALUES(1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "1", VALUES(1), 0);
  one_node_raw(&n, 0, BLOK_I64, 1, dims, &big, sizeof big);
  one_node_in(&n, 1, BLOK_I64, "1", VALUES(1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "1", VALUES(0), 0);
  one_node_free(&n);
}
END_TEST

static const struct {
  const char *op;
  double want[4];  // of 0 0 1 1 and 0 1 0 1
} logics[] = {{"And", {0, 0, 0, 1}}, {"Or", {0, 1, 1, 1}}, {"Xor", {0, 1, 1, 0}}};

START_TEST(logic__joins_truths) {
  one_node n;
  one_node_init(&n, logics[_i].op, 2, 1);
  one_node_in(&n, 0, BLOK_BOOL, "2x1", VALUES(0, 1));
  one_node_in(&n, 1, BLOK_BOOL, "2", VALUES(0, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "2x2", 4, logics[_i].want, 0);
  one_node_free(&n);
}
END_TEST

START_TEST(not__turns_truths_round) {
  one_node n;
  one_node_init(&n, "Not", 1, 1);
  one_node_in(&n, 0, BLOK_BOOL, "2", VALUES(0, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "2", VALUES(1, 0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(is_inf__asks_for_the_signs_it_is_told_to) {
  one_node n;
  one_node_init(&n, "IsInf", 1, 1);
  one_node_in(&n, 0, BLOK_F16, "4", VALUES(HUGE_VAL, -HUGE_VAL, (double)NAN, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "4", VALUES(1, 1, 0, 0), 0);
  one_node_int(&n, "detect_negative", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "4", VALUES(1, 0, 0, 0), 0);
  one_node_free(&n);
  one_node_init(&n, "IsNaN", 1, 1);
  one_node_in(&n, 0, BLOK_F16, "3", VALUES(HUGE_VAL, (double)NAN, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "3", VALUES(0, 1, 0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(range__stops_before_the_limit_in_either_direction) {
  one_node n;
  one_node_init(&n, "Range", 3, 1);
  one_node_in(&n, 0, BLOK_F32, "", VALUES(1));
  one_node_in(&n, 1, BLOK_F32, "", VALUES(2));
  one_node_in(&n, 2, BLOK_F32, "", VALUES(0.25));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "4", VALUES(1, 1.25, 1.5, 1.75), 0);
  one_node_in(&n, 0, BLOK_I32, "", VALUES(10));
  one_node_in(&n, 1, BLOK_I32, "", VALUES(3));
  one_node_in(&n, 2, BLOK_I32, "", VALUES(-3));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I32, "3", VALUES(10, 7, 4), 0);
  one_node_in(&n, 2, BLOK_I32, "", VALUES(3));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I32, "0", 0, NULL, 0);
  one_node_in(&n, 2, BLOK_I32, "", VALUES(0));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

START_TEST(cum_sum__runs_forwards_and_back_with_and_without_itself) {
  one_node n;
  one_node_init(&n, "CumSum", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "2x3", VALUES(1, 2, 3, 10, 20, 30));
  one_node_in(&n, 1, BLOK_I64, "", VALUES(-1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x3", VALUES(1, 3, 6, 10, 30, 60), 0);
  one_node_int(&n, "exclusive", 1);
  one_node_int(&n, "reverse", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x3", VALUES(5, 3, 0, 50, 30, 0), 0);
  one_node_in(&n, 0, BLOK_I32, "2x1", VALUES(4, 5));
  one_node_in(&n, 1, BLOK_I32, "1", VALUES(0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I32, "2x1", VALUES(5, 0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(arg_max__takes_the_first_of_equal_ones_or_the_last) {
  one_node n;
  one_node_init(&n, "ArgMax", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "2x3", VALUES(1, 5, 5, -0.0, 0, -1));
  one_node_int(&n, "axis", 1);
  one_node_int(&n, "keepdims", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "2", VALUES(1, 0), 0);
  one_node_int(&n, "select_last_index", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "2", VALUES(2, 1), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(arg_min__finds_what_is_no_number_before_all) {
  one_node n;
  one_node_init(&n, "ArgMin", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "3x2", VALUES(1, 3, (double)NAN, 1, -2, 2));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "1x2", VALUES(1, 1), 0);
  one_node_in(&n, 0, BLOK_I32, "3x2", VALUES(1, 3, 0, 1, -2, 2));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "1x2", VALUES(2, 1), 0);
  one_node_in(&n, 0, BLOK_F32, "0x2", 0, NULL);
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

START_TEST(top_k__sorts_and_prefers_the_lower_index) {
  one_node n;
  one_node_init(&n, "TopK", 2, 2);
  one_node_in(&n, 0, BLOK_F32, "1x7", VALUES(3, -1, 7, 3, -8, 7, 0));
  one_node_in(&n, 1, BLOK_I64, "1", VALUES(4));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x4", VALUES(7, 7, 3, 3), 0);
  one_node_check(&n, 1, BLOK_I64, "1x4", VALUES(2, 5, 0, 3), 0);
  one_node_int(&n, "largest", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x4", VALUES(-8, -1, 0, 3), 0);
  one_node_check(&n, 1, BLOK_I64, "1x4", VALUES(4, 1, 6, 0), 0);
  one_node_in(&n, 1, BLOK_I64, "1", VALUES(8));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

START_TEST(top_k__works_along_an_inner_axis_of_integers) {
  one_node n;
  one_node_init(&n, "TopK", 2, 2);
  one_node_in(&n, 0, BLOK_I64, "3x2", VALUES(1, 9, 3, 8, 2, 7));
  one_node_in(&n, 1, BLOK_I64, "1", VALUES(2));
  one_node_int(&n, "axis", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "2x2", VALUES(3, 9, 2, 8), 0);
  one_node_check(&n, 1, BLOK_I64, "2x2", VALUES(1, 0, 2, 1), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(one_hot__leaves_indices_out_of_range_off) {
  one_node n;
  one_node_init(&n, "OneHot", 3, 1);
  one_node_in(&n, 0, BLOK_I64, "3", VALUES(1, -1, 3));
  one_node_in(&n, 1, BLOK_I64, "1", VALUES(3));
  one_node_in(&n, 2, BLOK_F32, "2", VALUES(-1, 5));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "3x3", VALUES(-1, 5, -1, -1, -1, 5, -1, -1, -1), 0);
  one_node_int(&n, "axis", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "3x3", VALUES(-1, -1, -1, 5, -1, -1, -1, 5, -1), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(trilu__keeps_a_triangle_of_each_matrix) {
  one_node n;
  one_node_init(&n, "Trilu", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "1x2x3", VALUES(1, 2, 3, 4, 5, 6));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x3", VALUES(1, 2, 3, 0, 5, 6), 0);
  one_node_in(&n, 1, BLOK_I64, "", VALUES(1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x3", VALUES(0, 2, 3, 0, 0, 6), 0);
  one_node_int(&n, "upper", 0);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x3", VALUES(1, 2, 0, 4, 5, 6), 0);
  one_node_in(&n, 1, BLOK_I64, "", VALUES(-9e18));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x3", VALUES(0, 0, 0, 0, 0, 0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(eye_like__puts_ones_on_a_diagonal_of_the_type_asked_for) {
  one_node n;
  one_node_init(&n, "EyeLike", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "2x3", VALUES(9, 9, 9, 9, 9, 9));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x3", VALUES(1, 0, 0, 0, 1, 0), 0);
  one_node_int(&n, "dtype", BLOK_I64);
  one_node_int(&n, "k", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "2x3", VALUES(0, 1, 0, 0, 0, 1), 0);
  one_node_int(&n, "dtype", BLOK_BOOL);
  one_node_int(&n, "k", -1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_BOOL, "2x3", VALUES(0, 0, 0, 1, 0, 0), 0);
  one_node_int(&n, "dtype", BLOK_F16);
  one_node_int(&n, "k", INT64_MIN);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F16, "2x3", VALUES(0, 0, 0, 0, 0, 0), 0);
  one_node_int(&n, "k", INT64_MAX);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F16, "2x3", VALUES(0, 0, 0, 0, 0, 0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(depth_to_space__moves_channels_into_blocks_in_both_orders) {
  one_node n;
  one_node_init(&n, "DepthToSpace", 1, 1);
  one_node_in(&n, 0, BLOK_F32, "1x8x1x1", VALUES(0, 1, 2, 3, 4, 5, 6, 7));
  one_node_int(&n, "blocksize", 2);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x2x2", VALUES(0, 2, 4, 6, 1, 3, 5, 7), 0);
  one_node_text(&n, "mode", "CRD");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x2x2x2", VALUES(0, 1, 2, 3, 4, 5, 6, 7), 0);
  one_node_text(&n, "mode", "CDR");
  ck_assert_int_eq(one_node_run(&n), BLOK_E_UNSUPPORTED);
  one_node_free(&n);
}
END_TEST

START_TEST(space_to_depth__is_the_way_back) {
  one_node there, back;
  one_node_init(&there, "DepthToSpace", 1, 1);
  one_node_fill(&there, 0, BLOK_F32, "2x12x2x3");
  one_node_int(&there, "blocksize", 2);
  ck_assert_int_eq(one_node_run(&there), BLOK_OK);
  one_node_init(&back, "SpaceToDepth", 1, 1);
  one_node_raw(&back, 0, BLOK_F32, 4, there.out[0].dims, there.out[0].data, there.out[0].bytes);
  one_node_int(&back, "blocksize", 2);
  ck_assert_int_eq(one_node_run(&back), BLOK_OK);
  ck_assert_mem_eq(back.out[0].data, there.in[0].data, there.in[0].bytes);
  one_node_free(&there);
  one_node_free(&back);
}
END_TEST

START_TEST(tile__repeats_every_axis) {
  one_node n;
  one_node_init(&n, "Tile", 2, 1);
  one_node_in(&n, 0, BLOK_I32, "2x2", VALUES(1, 2, 3, 4));
  one_node_in(&n, 1, BLOK_I64, "2", VALUES(2, 3));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I32, "4x6",
                 VALUES(1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4, 1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4), 0);
  one_node_in(&n, 1, BLOK_I64, "2", VALUES(2, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I32, "4x0", 0, NULL, 0);
  one_node_in(&n, 1, BLOK_I64, "2", VALUES(2, -1));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

START_TEST(mean__divides_the_sum_by_the_number_of_inputs) {
  one_node n;
  one_node_init(&n, "Mean", 3, 1);
  one_node_in(&n, 0, BLOK_F32, "2", VALUES(1, 2));
  one_node_in(&n, 1, BLOK_F32, "2", VALUES(3, 4));
  one_node_in(&n, 2, BLOK_F32, "1", VALUES(5));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2", VALUES(3, 11 / 3.), 1e-6);
  one_node_free(&n);
}
END_TEST

// ---- Functions of one number --------------------------------------------------------------------

static const struct {
  const char *op;
  double x, y;
} functions[] = {
    {"Acos", 0.5, 1.0471975512}, {"Acosh", 2, 1.3169578969}, {"Asin", 0.5, 0.5235987756},
    {"Asinh", 1, 0.8813735870},  {"Atan", 1, 0.7853981634},  {"Atanh", 0.5, 0.5493061443},
    {"Celu", -1, -0.6321205588}, {"Cos", 1, 0.5403023059},   {"Cosh", 1, 1.5430806348},
    {"Shrink", -0.75, -0.75},    {"Shrink", 0.25, 0},        {"Sign", -3, -1},
    {"Sin", 1, 0.8414709848},    {"Sinh", 1, 1.1752011936},  {"Softsign", -1, -0.5},
    {"Tan", 1, 1.5574077247},    {"ThresholdedRelu", 1, 0},  {"ThresholdedRelu", 1.5, 1.5},
};

START_TEST(function__gives_the_value_of_the_book) {
  one_node n;
  one_node_init(&n, functions[_i].op, 1, 1);
  one_node_in(&n, 0, BLOK_F64, "1", 1, &functions[_i].x);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1", 1, &functions[_i].y, 1e-9);
  one_node_free(&n);
}
END_TEST

START_TEST(sign__takes_integers_too) {
  one_node n;
  one_node_init(&n, "Sign", 1, 1);
  one_node_in(&n, 0, BLOK_I8, "3", VALUES(-128, 0, 5));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I8, "3", VALUES(-1, 0, 1), 0);
  one_node_in(&n, 0, BLOK_U8, "2", VALUES(200, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_U8, "2", VALUES(1, 0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(top_k__leaks_nothing_when_any_allocation_fails) {
  one_node n;
  one_node_init(&n, "TopK", 2, 2);
  one_node_fill(&n, 0, BLOK_F32, "2x5");
  one_node_in(&n, 1, BLOK_I64, "1", VALUES(2));
  ck_assert_uint_ge(one_node_sweep(&n), 1);
  one_node_free(&n);
}
END_TEST

#define COUNT(rows) ((int)(sizeof(rows) / sizeof(rows)[0]))

Suite *suite_selection(void) {
  Suite *suite = suite_create("selection");
  TCase *tests = tcase_create("selection");
  tcase_add_loop_test(tests, compare__is_false_of_what_is_no_number, 0, COUNT(comparisons));
  tcase_add_test(tests, compare__takes_the_highest_bit_of_unsigned_numbers_as_a_digit);
  tcase_add_loop_test(tests, logic__joins_truths, 0, COUNT(logics));
  tcase_add_test(tests, not__turns_truths_round);
  tcase_add_test(tests, is_inf__asks_for_the_signs_it_is_told_to);
  tcase_add_test(tests, range__stops_before_the_limit_in_either_direction);
  tcase_add_test(tests, cum_sum__runs_forwards_and_back_with_and_without_itself);
  tcase_add_test(tests, arg_max__takes_the_first_of_equal_ones_or_the_last);
  tcase_add_test(tests, arg_min__finds_what_is_no_number_before_all);
  tcase_add_test(tests, top_k__sorts_and_prefers_the_lower_index);
  tcase_add_test(tests, top_k__works_along_an_inner_axis_of_integers);
  tcase_add_test(tests, one_hot__leaves_indices_out_of_range_off);
  tcase_add_test(tests, trilu__keeps_a_triangle_of_each_matrix);
  tcase_add_test(tests, eye_like__puts_ones_on_a_diagonal_of_the_type_asked_for);
  tcase_add_test(tests, depth_to_space__moves_channels_into_blocks_in_both_orders);
  tcase_add_test(tests, space_to_depth__is_the_way_back);
  tcase_add_test(tests, tile__repeats_every_axis);
  tcase_add_test(tests, mean__divides_the_sum_by_the_number_of_inputs);
  tcase_add_loop_test(tests, function__gives_the_value_of_the_book, 0, COUNT(functions));
  tcase_add_test(tests, sign__takes_integers_too);
  tcase_add_test(tests, top_k__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
