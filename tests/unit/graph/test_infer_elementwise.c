// Inference of elementwise, broadcasting and reducing operators.
#include <check.h>

#include "one_hook.h"

Suite *suite_infer_elementwise(void);

START_TEST(same__keeps_the_shape_and_symbols) {
  one_hook hook;
  one_hook_init(&hook, "Relu", 1, 1);
  one_hook_in(&hook, 0, BLOK_F16, "N,3,?");
  one_hook_gives(&hook, 0, BLOK_F16, "N,3,?");
  one_hook_in(&hook, 0, BLOK_F32, NULL);
  one_hook_gives(&hook, 0, BLOK_F32, NULL);
  one_hook_free(&hook);
}
END_TEST

START_TEST(same__keeps_elements_for_identity_only) {
  one_hook hook;
  one_hook_init(&hook, "Identity", 1, 1);
  one_hook_list(&hook, 0, "N,3,-1,?");
  one_hook_gives(&hook, 0, BLOK_I64, "4");
  one_hook_elements(&hook, 0, "N,3,-1,?");
  one_hook_free(&hook);
  one_hook_init(&hook, "Relu", 1, 1);
  one_hook_list(&hook, 0, "-1");
  one_hook_gives(&hook, 0, BLOK_I64, "1");
  one_hook_elements(&hook, 0, NULL);
  one_hook_free(&hook);
}
END_TEST

START_TEST(dropout__has_a_bool_mask) {
  one_hook hook;
  one_hook_init(&hook, "Dropout", 1, 2);
  one_hook_in(&hook, 0, BLOK_F32, "N,8");
  one_hook_gives(&hook, 0, BLOK_F32, "N,8");
  one_hook_gives(&hook, 1, BLOK_BOOL, "N,8");
  one_hook_free(&hook);
}
END_TEST

START_TEST(cast__keeps_elements_among_integers) {
  one_hook hook;
  one_hook_init(&hook, "Cast", 1, 1);
  one_hook_list(&hook, 0, "N,5000000000,-2");
  one_hook_int(&hook, "to", BLOK_I32);
  one_hook_gives(&hook, 0, BLOK_I32, "3");
  one_hook_elements(&hook, 0, "N,705032704,-2");
  one_hook_int(&hook, "to", BLOK_BOOL);
  one_hook_gives(&hook, 0, BLOK_BOOL, "3");
  one_hook_elements(&hook, 0, "?,1,1");
  one_hook_int(&hook, "to", BLOK_F8E5M2);
  one_hook_gives(&hook, 0, BLOK_F8E5M2, "3");
  one_hook_elements(&hook, 0, NULL);
  one_hook_free(&hook);
}
END_TEST

START_TEST(cast__refuses_a_number_that_names_no_type) {
  one_hook hook;
  one_hook_init(&hook, "Cast", 1, 1);
  one_hook_in(&hook, 0, BLOK_F32, "2");
  one_hook_fails(&hook, "names no element type");
  one_hook_int(&hook, "to", INT64_MAX);
  one_hook_fails(&hook, "9223372036854775807");
  one_hook_free(&hook);
}
END_TEST

START_TEST(cast_like__takes_the_type_of_the_second_input) {
  one_hook hook;
  one_hook_init(&hook, "CastLike", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N");
  one_hook_in(&hook, 1, BLOK_U8, "7,7");
  one_hook_gives(&hook, 0, BLOK_U8, "N");
  one_hook_free(&hook);
}
END_TEST

START_TEST(broadcast__joins_shapes_as_numpy_does) {
  one_hook hook;
  one_hook_init(&hook, "Add", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,1,5");
  one_hook_in(&hook, 1, BLOK_F32, "4,1");
  one_hook_gives(&hook, 0, BLOK_F32, "N,4,5");
  one_hook_in(&hook, 1, BLOK_F32, "");
  one_hook_gives(&hook, 0, BLOK_F32, "N,1,5");
  one_hook_in(&hook, 1, BLOK_F32, NULL);
  one_hook_gives(&hook, 0, BLOK_F32, NULL);
  one_hook_free(&hook);
  one_hook_init(&hook, "Sum", 3, 1);
  one_hook_in(&hook, 0, BLOK_F32, "3,1,1");
  one_hook_in(&hook, 1, BLOK_F32, "1,4,1");
  one_hook_in(&hook, 2, BLOK_F32, "5");
  one_hook_gives(&hook, 0, BLOK_F32, "3,4,5");
  one_hook_free(&hook);
}
END_TEST

START_TEST(broadcast__gives_pow_the_type_of_the_base) {
  one_hook hook;
  one_hook_init(&hook, "Pow", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,1");
  one_hook_in(&hook, 1, BLOK_I64, "3");
  one_hook_gives(&hook, 0, BLOK_F32, "N,3");
  one_hook_in(&hook, 0, BLOK_UNDEFINED, "2");
  one_hook_in(&hook, 1, BLOK_I64, "");
  one_hook_gives(&hook, 0, BLOK_UNDEFINED, "2");
  one_hook_free(&hook);
  one_hook_init(&hook, "Max", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "2");
  one_hook_in(&hook, 1, BLOK_I64, "2");
  one_hook_fails(&hook, "float32 and int64");
  one_hook_free(&hook);
}
END_TEST

START_TEST(broadcast__fails_naming_both_shapes_when_they_disagree) {
  one_hook hook;
  one_hook_init(&hook, "Mul", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,3");
  one_hook_in(&hook, 1, BLOK_F32, "4");
  one_hook_fails(&hook, "shapes [N, 3] and [4]");
  one_hook_in(&hook, 1, BLOK_F64, "3");
  one_hook_fails(&hook, "float32 and float64");
  one_hook_free(&hook);
}
END_TEST

static void arithmetic(const char *op, const char *a, const char *b, const char *want) {
  one_hook hook;
  one_hook_init(&hook, op, 2, 1);
  one_hook_list(&hook, 0, a);
  one_hook_list(&hook, 1, b);
  ck_assert_int_eq(one_hook_run(&hook), BLOK_OK);
  one_hook_elements(&hook, 0, want);
  one_hook_free(&hook);
}

START_TEST(broadcast__computes_elements_and_keeps_symbols_that_nothing_changes) {
  arithmetic("Add", "N,0,N,3,?", "0,N,1,4,1", "N,N,?,7,?");
  arithmetic("Sub", "N,9,0,N", "0,12,N,N", "N,-3,?,?");
  arithmetic("Mul", "N,1,0,N,6", "1", "N,1,0,N,6");
  arithmetic("Mul", "1,N,N", "N,0,2", "N,0,?");
  arithmetic("Div", "N,7,-7,5,8", "1,2,2,0,-1", "N,3,-3,?,-8");
  arithmetic("Mod", "7,-7,7,5,8", "3,3,-3,0,-1", "1,2,-2,?,0");
  arithmetic("Max", "7,N", "3,1", NULL);
  arithmetic("Pow", "7,N", "2,1", NULL);
  arithmetic("Div", "-9223372036854775808", "-1", "-9223372036854775808");
  arithmetic("Add", "9223372036854775807", "1", "-9223372036854775808");
}
END_TEST

START_TEST(compare__knows_that_a_symbol_is_not_negative) {
  one_hook hook;
  one_hook_init(&hook, "Equal", 2, 1);
  one_hook_list(&hook, 0, "N,N,3,N,M,?");
  one_hook_list(&hook, 1, "-1,N,3,4,N,?");
  one_hook_gives(&hook, 0, BLOK_BOOL, "6");
  one_hook_elements(&hook, 0, "0,1,1,?,?,?");
  one_hook_free(&hook);
}
END_TEST

START_TEST(where__picks_elements_by_known_conditions) {
  one_hook hook;
  one_hook_init(&hook, "Where", 3, 1);
  one_hook_list(&hook, 0, "1,0,?,?");
  hook.in[0].dtype = BLOK_BOOL;
  one_hook_list(&hook, 1, "N,2,5,6");
  one_hook_list(&hook, 2, "1,M,5,7");
  one_hook_gives(&hook, 0, BLOK_I64, "4");
  one_hook_elements(&hook, 0, "N,M,5,?");
  one_hook_free(&hook);
}
END_TEST

START_TEST(prelu__refuses_a_slope_that_would_widen_the_input) {
  one_hook hook;
  one_hook_init(&hook, "PRelu", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,4,2");
  one_hook_in(&hook, 1, BLOK_F32, "4,1");
  one_hook_gives(&hook, 0, BLOK_F32, "N,4,2");
  one_hook_in(&hook, 1, BLOK_F32, "1,1,4,1");
  one_hook_fails(&hook, "slope [1, 1, 4, 1]");
  one_hook_in(&hook, 0, BLOK_F32, "N,1,2");
  one_hook_in(&hook, 1, BLOK_F32, "4,1");
  one_hook_fails(&hook, "[N, 1, 2]");
  one_hook_free(&hook);
}
END_TEST

START_TEST(reduce__drops_or_keeps_the_axes) {
  one_hook hook;
  one_hook_init(&hook, "ReduceMean", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,8,H,7");
  one_hook_list(&hook, 1, "-1,2");
  one_hook_gives(&hook, 0, BLOK_F32, "N,8,1,1");
  one_hook_int(&hook, "keepdims", 0);
  one_hook_gives(&hook, 0, BLOK_F32, "N,8");
  one_hook_in(&hook, 1, BLOK_I64, "2");
  one_hook_gives(&hook, 0, BLOK_F32, "?,?");
  one_hook_in(&hook, 1, BLOK_I64, NULL);
  one_hook_gives(&hook, 0, BLOK_F32, NULL);
  one_hook_free(&hook);
}
END_TEST

START_TEST(reduce__takes_no_axes_as_all_unless_told_otherwise) {
  one_hook hook;
  one_hook_init(&hook, "ReduceSum", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,8");
  one_hook_gives(&hook, 0, BLOK_F32, "1,1");
  one_hook_list(&hook, 1, "");
  one_hook_gives(&hook, 0, BLOK_F32, "1,1");
  one_hook_int(&hook, "noop_with_empty_axes", 1);
  one_hook_gives(&hook, 0, BLOK_F32, "N,8");
  one_hook_free(&hook);
}
END_TEST

START_TEST(reduce__refuses_axes_out_of_range_or_named_twice) {
  one_hook hook;
  one_hook_init(&hook, "ReduceMax", 2, 1);
  one_hook_in(&hook, 0, BLOK_F32, "N,8");
  one_hook_list(&hook, 1, "2");
  one_hook_fails(&hook, "axis 2 is out of range");
  one_hook_list(&hook, 1, "1,-1");
  one_hook_fails(&hook, "axis -1");
  one_hook_list(&hook, 1, "-9223372036854775808");
  one_hook_fails(&hook, "-9223372036854775808");
  one_hook_free(&hook);
}
END_TEST

Suite *suite_infer_elementwise(void) {
  Suite *suite = suite_create("infer_elementwise");
  TCase *tests = tcase_create("infer_elementwise");
  tcase_add_test(tests, same__keeps_the_shape_and_symbols);
  tcase_add_test(tests, same__keeps_elements_for_identity_only);
  tcase_add_test(tests, dropout__has_a_bool_mask);
  tcase_add_test(tests, cast__keeps_elements_among_integers);
  tcase_add_test(tests, cast__refuses_a_number_that_names_no_type);
  tcase_add_test(tests, cast_like__takes_the_type_of_the_second_input);
  tcase_add_test(tests, broadcast__joins_shapes_as_numpy_does);
  tcase_add_test(tests, broadcast__gives_pow_the_type_of_the_base);
  tcase_add_test(tests, broadcast__fails_naming_both_shapes_when_they_disagree);
  tcase_add_test(tests, broadcast__computes_elements_and_keeps_symbols_that_nothing_changes);
  tcase_add_test(tests, compare__knows_that_a_symbol_is_not_negative);
  tcase_add_test(tests, where__picks_elements_by_known_conditions);
  tcase_add_test(tests, prelu__refuses_a_slope_that_would_widen_the_input);
  tcase_add_test(tests, reduce__drops_or_keeps_the_axes);
  tcase_add_test(tests, reduce__takes_no_axes_as_all_unless_told_otherwise);
  tcase_add_test(tests, reduce__refuses_axes_out_of_range_or_named_twice);
  suite_add_tcase(suite, tests);
  return suite;
}
