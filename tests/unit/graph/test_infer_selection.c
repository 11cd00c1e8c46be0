// Inference of operators that select, compare, count and scatter: shapes, symbols and elements.
#include <check.h>

#include "one_hook.h"

Suite *suite_infer_selection(void);

START_TEST(compare__orders_elements_that_are_known) {
  one_hook h;
  one_hook_init(&h, "Less", 2, 1);
  one_hook_list(&h, 0, "1,2,N");
  one_hook_list(&h, 1, "2,2,3");
  one_hook_gives(&h, 0, BLOK_BOOL, "3");
  one_hook_elements(&h, 0, "1,0,?");
  one_hook_free(&h);
}
END_TEST

START_TEST(range__takes_its_size_from_numbers_or_a_symbol) {
  one_hook h;
  one_hook_init(&h, "Range", 3, 1);
  one_hook_scalar(&h, 0, BLOK_I64, 1);
  one_hook_scalar(&h, 1, BLOK_I64, 8);
  one_hook_scalar(&h, 2, BLOK_I64, 3);
  one_hook_gives(&h, 0, BLOK_I64, "3");
  one_hook_elements(&h, 0, "1,4,7");
  one_hook_scalar(&h, 2, BLOK_I64, 0);
  one_hook_fails(&h, "delta must not be 0");
  one_hook_scalar(&h, 0, BLOK_I64, 0);
  one_hook_list(&h, 1, "N");
  one_hook_scalar(&h, 2, BLOK_I64, 1);
  one_hook_gives(&h, 0, BLOK_I64, "N");
  one_hook_in(&h, 1, BLOK_I64, "");
  one_hook_gives(&h, 0, BLOK_I64, "?");
  one_hook_free(&h);
}
END_TEST

START_TEST(size__is_known_when_every_axis_is) {
  one_hook h;
  one_hook_init(&h, "Size", 1, 1);
  one_hook_in(&h, 0, BLOK_F32, "2,3");
  one_hook_gives(&h, 0, BLOK_I64, "");
  one_hook_elements(&h, 0, "6");
  one_hook_in(&h, 0, BLOK_F32, "N,3");
  one_hook_gives(&h, 0, BLOK_I64, "");
  one_hook_elements(&h, 0, NULL);
  one_hook_free(&h);
}
END_TEST

START_TEST(arg_max__drops_or_keeps_its_axis) {
  one_hook h;
  one_hook_init(&h, "ArgMax", 1, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,3,W");
  one_hook_int(&h, "axis", -2);
  one_hook_gives(&h, 0, BLOK_I64, "N,1,W");
  one_hook_int(&h, "keepdims", 0);
  one_hook_gives(&h, 0, BLOK_I64, "N,W");
  one_hook_int(&h, "axis", 3);
  one_hook_fails(&h, "axis 3");
  one_hook_free(&h);
}
END_TEST

START_TEST(top_k__sizes_both_outputs) {
  one_hook h;
  one_hook_init(&h, "TopK", 2, 2);
  one_hook_in(&h, 0, BLOK_F16, "N,10");
  one_hook_list(&h, 1, "4");
  one_hook_gives(&h, 0, BLOK_F16, "N,4");
  one_hook_gives(&h, 1, BLOK_I64, "N,4");
  one_hook_list(&h, 1, "K");
  one_hook_gives(&h, 0, BLOK_F16, "N,K");
  one_hook_list(&h, 1, "11");
  one_hook_fails(&h, "K is 11");
  one_hook_free(&h);
}
END_TEST

START_TEST(one_hot__adds_an_axis_of_the_depth) {
  one_hook h;
  one_hook_init(&h, "OneHot", 3, 1);
  one_hook_in(&h, 0, BLOK_I64, "N,T");
  one_hook_scalar(&h, 1, BLOK_I64, 5);
  one_hook_in(&h, 2, BLOK_F32, "2");
  one_hook_gives(&h, 0, BLOK_F32, "N,T,5");
  one_hook_int(&h, "axis", 1);
  one_hook_gives(&h, 0, BLOK_F32, "N,5,T");
  one_hook_int(&h, "axis", 3);
  one_hook_fails(&h, "axis 3");
  one_hook_free(&h);
}
END_TEST

START_TEST(eye_like__has_the_shape_of_a_matrix_and_the_type_asked_for) {
  one_hook h;
  one_hook_init(&h, "EyeLike", 1, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,5");
  one_hook_gives(&h, 0, BLOK_F32, "N,5");
  one_hook_int(&h, "dtype", BLOK_I64);
  one_hook_gives(&h, 0, BLOK_I64, "N,5");
  one_hook_in(&h, 0, BLOK_F32, "N,5,5");
  one_hook_fails(&h, "is no matrix");
  one_hook_int(&h, "dtype", 99);
  one_hook_fails(&h, "attribute dtype is 99");
  one_hook_free(&h);
}
END_TEST

START_TEST(depth_to_space__divides_channels_and_multiplies_sides) {
  one_hook h;
  one_hook_init(&h, "DepthToSpace", 1, 1);
  one_hook_int(&h, "blocksize", 2);
  one_hook_in(&h, 0, BLOK_F32, "N,12,H,5");
  one_hook_gives(&h, 0, BLOK_F32, "N,3,?,10");
  one_hook_in(&h, 0, BLOK_F32, "N,6,4,4");
  one_hook_fails(&h, "the number of channels is 6, which 4 does not divide");
  one_hook_in(&h, 0, BLOK_F32, "N,12,4");
  one_hook_fails(&h, "it needs the axes");
  one_hook_free(&h);
  one_hook_init(&h, "SpaceToDepth", 1, 1);
  one_hook_int(&h, "blocksize", 2);
  one_hook_in(&h, 0, BLOK_F32, "N,3,4,6");
  one_hook_gives(&h, 0, BLOK_F32, "N,12,2,3");
  one_hook_free(&h);
}
END_TEST

START_TEST(tile__keeps_symbols_that_are_not_repeated) {
  one_hook h;
  one_hook_init(&h, "Tile", 2, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,3,1");
  one_hook_list(&h, 1, "1,2,M");
  one_hook_gives(&h, 0, BLOK_F32, "N,6,M");
  one_hook_list(&h, 1, "2,2");
  one_hook_fails(&h, "repeats holds 2 numbers, input");
  one_hook_list(&h, 1, "1,-1,1");
  one_hook_fails(&h, "repeats[1] is -1");
  one_hook_free(&h);
}
END_TEST

START_TEST(gather_nd__joins_the_lists_with_what_they_leave) {
  one_hook h;
  one_hook_init(&h, "GatherND", 2, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,8,W");
  one_hook_in(&h, 1, BLOK_I64, "L,2");
  one_hook_gives(&h, 0, BLOK_F32, "L,W");
  one_hook_int(&h, "batch_dims", 1);
  one_hook_in(&h, 1, BLOK_I64, "N,5,1");
  one_hook_gives(&h, 0, BLOK_F32, "N,5,W");
  one_hook_in(&h, 1, BLOK_I64, "N,5,3");
  one_hook_fails(&h, "do not fit input");
  one_hook_free(&h);
}
END_TEST

START_TEST(scatter__keeps_the_shape_of_the_data) {
  one_hook h;
  one_hook_init(&h, "ScatterND", 3, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,8");
  one_hook_in(&h, 1, BLOK_I64, "4,2");
  one_hook_in(&h, 2, BLOK_F32, "4");
  one_hook_gives(&h, 0, BLOK_F32, "N,8");
  one_hook_in(&h, 2, BLOK_F16, "4");
  one_hook_fails(&h, "float32 and float16");
  one_hook_free(&h);
}
END_TEST

START_TEST(einsum__gives_the_labels_their_sizes) {
  one_hook h;
  one_hook_init(&h, "Einsum", 2, 1);
  ck_assert_int_eq(blok_node_set_text(h.graph, h.node, "equation", "bhid,bhjd->bhij", &h.error),
                   BLOK_OK);
  one_hook_in(&h, 0, BLOK_F32, "N,2,T,64");
  one_hook_in(&h, 1, BLOK_F32, "N,2,S,64");
  one_hook_gives(&h, 0, BLOK_F32, "N,2,T,S");
  one_hook_in(&h, 1, BLOK_F32, "N,2,S,32");
  one_hook_fails(&h, "an axis of the same label");
  one_hook_in(&h, 1, BLOK_F32, NULL);
  one_hook_gives(&h, 0, BLOK_F32, NULL);
  one_hook_free(&h);
}
END_TEST

START_TEST(attention__shapes_results_by_the_queries) {
  one_hook h;
  one_hook_init(&h, "Attention", 3, 4);
  one_hook_in(&h, 0, BLOK_F32, "N,8,T,64");
  one_hook_in(&h, 1, BLOK_F32, "N,2,S,64");
  one_hook_in(&h, 2, BLOK_F32, "N,2,S,32");
  one_hook_gives(&h, 0, BLOK_F32, "N,8,T,32");
  one_hook_gives(&h, 1, BLOK_F32, "N,2,S,64");
  one_hook_gives(&h, 2, BLOK_F32, "N,2,S,32");
  one_hook_gives(&h, 3, BLOK_F32, "N,8,T,S");
  one_hook_in(&h, 1, BLOK_F32, "N,3,S,64");
  one_hook_fails(&h, "do not go together");
  one_hook_in(&h, 0, BLOK_F32, "N,T,128");
  one_hook_fails(&h, "q_num_heads");
  one_hook_free(&h);
}
END_TEST

START_TEST(conv_transpose__computes_the_sides_it_knows) {
  one_hook h;
  one_hook_init(&h, "ConvTranspose", 2, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,8,5,W");
  one_hook_in(&h, 1, BLOK_F32, "8,3,4,4");
  one_hook_ints(&h, "strides", 2, (int64_t[]){2, 2});
  one_hook_ints(&h, "pads", 4, (int64_t[]){1, 1, 1, 1});
  one_hook_int(&h, "group", 2);
  one_hook_gives(&h, 0, BLOK_F32, "N,6,10,?");
  one_hook_int(&h, "group", 3);
  one_hook_fails(&h, "3 groups do not divide");
  one_hook_int(&h, "group", 1);
  one_hook_in(&h, 1, BLOK_F32, "7,3,4,4");
  one_hook_fails(&h, "the ranks or the channels differ");
  one_hook_in(&h, 1, BLOK_F32, NULL);
  one_hook_gives(&h, 0, BLOK_F32, "N,?,?,?");
  one_hook_ints(&h, "kernel_shape", 2, (int64_t[]){4, 4});
  one_hook_gives(&h, 0, BLOK_F32, "N,?,10,?");
  one_hook_ints(&h, "output_shape", 2, (int64_t[]){9, 9});
  one_hook_gives(&h, 0, BLOK_F32, "N,?,9,9");
  one_hook_free(&h);
}
END_TEST

START_TEST(group_norm__wants_one_scale_for_each_channel) {
  one_hook h;
  one_hook_init(&h, "GroupNormalization", 3, 1);
  one_hook_in(&h, 0, BLOK_F32, "N,8,W");
  one_hook_in(&h, 1, BLOK_F32, "8");
  one_hook_in(&h, 2, BLOK_F32, "8");
  one_hook_int(&h, "num_groups", 4);
  one_hook_gives(&h, 0, BLOK_F32, "N,8,W");
  one_hook_int(&h, "num_groups", 3);
  one_hook_fails(&h, "3 groups do not divide 8 channels");
  one_hook_int(&h, "num_groups", 0);
  one_hook_fails(&h, "num_groups is 0");
  one_hook_int(&h, "num_groups", 4);
  one_hook_in(&h, 2, BLOK_F32, "4");
  one_hook_fails(&h, "bias is [4]");
  one_hook_free(&h);
}
END_TEST

Suite *suite_infer_selection(void) {
  Suite *suite = suite_create("infer_selection");
  TCase *tests = tcase_create("infer_selection");
  tcase_add_test(tests, compare__orders_elements_that_are_known);
  tcase_add_test(tests, range__takes_its_size_from_numbers_or_a_symbol);
  tcase_add_test(tests, size__is_known_when_every_axis_is);
  tcase_add_test(tests, arg_max__drops_or_keeps_its_axis);
  tcase_add_test(tests, top_k__sizes_both_outputs);
  tcase_add_test(tests, one_hot__adds_an_axis_of_the_depth);
  tcase_add_test(tests, eye_like__has_the_shape_of_a_matrix_and_the_type_asked_for);
  tcase_add_test(tests, depth_to_space__divides_channels_and_multiplies_sides);
  tcase_add_test(tests, tile__keeps_symbols_that_are_not_repeated);
  tcase_add_test(tests, gather_nd__joins_the_lists_with_what_they_leave);
  tcase_add_test(tests, scatter__keeps_the_shape_of_the_data);
  tcase_add_test(tests, einsum__gives_the_labels_their_sizes);
  tcase_add_test(tests, attention__shapes_results_by_the_queries);
  tcase_add_test(tests, conv_transpose__computes_the_sides_it_knows);
  tcase_add_test(tests, group_norm__wants_one_scale_for_each_channel);
  suite_add_tcase(suite, tests);
  return suite;
}
