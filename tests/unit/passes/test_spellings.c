// Tests of the passes that give one spelling to shapes, norms and pools: reshapes, across, norms,
// pools.
#include <check.h>
#include <stdint.h>
#include <string.h>

#include "net.h"

// ---- reshapes -----------------------------------------------------------------------------------

START_TEST(reshapes__makes_a_computed_target_constant_under_allowzero) {
  net self;
  net_start(&self, "N,4,H,3");
  net_i64(&self, "rest", "1", (int64_t[]){12});
  blok_node_id n = net_node(&self, "Shape", "x", "n");
  net_int(&self, n, "end", 1);
  blok_node_id h = net_node(&self, "Shape", "x", "h");
  net_int(&self, h, "start", 2);
  net_int(&self, h, "end", 3);
  blok_node_id concat = net_node(&self, "Concat", "n,rest,h", "target");
  net_int(&self, concat, "axis", 0);
  blok_node_id reshape = net_node(&self, "Reshape", "x,target", "y");
  net_int(&self, reshape, "allowzero", 1);
  net_output(&self, "y");
  net_work(&self);
  int64_t target[3];
  ck_assert_str_eq(net_ops(&self), "Reshape");
  ck_assert_int_eq(net_ints_of(&self, blok_node_input(net_maker(&self, "y"), 1), target, 3), 3);
  ck_assert_int_eq(target[0], 0);
  ck_assert_int_eq(target[1], 12);
  ck_assert_int_eq(target[2], 0);
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "allowzero", 0), 0);
  net_free(&self);
}
END_TEST

START_TEST(reshapes__leaves_a_target_of_which_too_much_is_open) {
  net self;
  net_start(&self, "N,4,H");
  net_input(&self, "target", BLOK_I64, "3");
  net_node(&self, "Reshape", "x,target", "y");
  net_expect(&self, "Reshape");
}
END_TEST

START_TEST(reshapes__gives_an_expand_ones_where_the_input_has_the_axis) {
  net self;
  net_start(&self, "N,4,1,1");
  net_i64(&self, "rest", "3", (int64_t[]){4, 2, 3});
  blok_node_id n = net_node(&self, "Shape", "x", "n");
  net_int(&self, n, "end", 1);
  blok_node_id concat = net_node(&self, "Concat", "n,rest", "target");
  net_int(&self, concat, "axis", 0);
  net_node(&self, "Expand", "x,target", "y");
  net_output(&self, "y");
  net_work(&self);
  int64_t target[4];
  ck_assert_str_eq(net_ops(&self), "Expand");
  ck_assert_int_eq(net_ints_of(&self, blok_node_input(net_maker(&self, "y"), 1), target, 4), 4);
  ck_assert_int_eq(target[0], 1);
  ck_assert_int_eq(target[1], 4);
  ck_assert_int_eq(target[3], 3);
  net_free(&self);
}
END_TEST

START_TEST(reshapes__skips_an_expand_whose_shape_the_other_operand_covers) {
  static const char *const wide[] = {"N,8,H,W", "M,N,8,H,W", "N,8,1,W", "N,8,H,?"};
  static const char *const want[] = {"Mul", "Mul", "Shape Expand Mul", "Shape Expand Mul"};
  for (size_t i = 0; i < 4; i++) {
    net self;
    net_start(&self, "N,8,H,W");
    net_input(&self, "gate", BLOK_F32, "N,8,1,1");
    net_input(&self, "other", BLOK_F32, wide[i]);
    net_node(&self, "Shape", "x", "shape");
    net_node(&self, "Expand", "gate,shape", "full");
    net_node(&self, "Mul", "other,full", "y");
    net_expect(&self, want[i]);
  }
}
END_TEST

START_TEST(reshapes__keeps_one_of_two_expands_that_only_cover_each_other) {
  net self;
  net_start(&self, "N,8,1,1");
  net_input(&self, "z", BLOK_F32, "1,8,1,1");
  net_i64(&self, "shape", "4", (int64_t[]){1, 8, 5, 5});
  net_node(&self, "Expand", "x,shape", "a");
  net_node(&self, "Expand", "x,shape", "b");
  net_node(&self, "Relu", "b", "c");
  net_node(&self, "Add", "a,b", "d");
  net_node(&self, "Add", "d,c", "y");
  net_expect(&self, "Expand Relu Add Add");
}
END_TEST

START_TEST(reshapes__joins_reshapes_in_a_row) {
  net self;
  net_start(&self, "N,8,2,2");
  net_i64(&self, "a", "3", (int64_t[]){0, 8, 4});
  net_i64(&self, "axes", "1", (int64_t[]){1});
  net_node(&self, "Reshape", "x,a", "p");
  net_node(&self, "Unsqueeze", "p,axes", "q");
  net_node(&self, "Flatten", "q", "y");
  net_output(&self, "y");
  net_work(&self);
  int64_t target[2];
  ck_assert_str_eq(net_ops(&self), "Reshape");
  const blok_node *node = net_maker(&self, "y");
  ck_assert_int_eq(net_ints_of(&self, blok_node_input(node, 1), target, 2), 2);
  ck_assert_int_eq(target[0], 0);
  ck_assert_int_eq(target[1], 32);
  ck_assert_uint_eq(node->n_sources, 3);
  net_free(&self);
}
END_TEST

START_TEST(reshapes__leaves_a_row_whose_result_no_target_can_say) {
  net self;
  net_start(&self, "?,8,?,?");
  net_i64(&self, "axes", "1", (int64_t[]){0});
  net_node(&self, "Unsqueeze", "x,axes", "a");
  net_node(&self, "Unsqueeze", "a,axes", "y");
  net_expect(&self, "Unsqueeze Unsqueeze");
}
END_TEST

START_TEST(reshapes__cancels_a_squeeze_and_what_undoes_it) {
  net self;
  net_start(&self, "N,8,5,5");
  net_i64(&self, "axes", "2", (int64_t[]){2, 3});
  net_node(&self, "GlobalAveragePool", "x", "a");
  net_node(&self, "Squeeze", "a,axes", "b");
  net_node(&self, "Unsqueeze", "b,axes", "c");
  net_node(&self, "Mul", "x,c", "y");
  net_expect(&self, "GlobalAveragePool Mul");
}
END_TEST

START_TEST(reshapes__stay_in_a_row_where_others_read_what_lies_between) {
  net self;
  net_start(&self, "2,3,4");
  net_i64(&self, "square", "2", (int64_t[]){6, 4});
  net_i64(&self, "flat", "2", (int64_t[]){1, 24});
  net_node(&self, "Reshape", "x,square", "a");
  net_node(&self, "Reshape", "a,flat", "b");
  net_node(&self, "Softmax", "b", "c");
  net_node(&self, "Reshape", "c,square", "d");
  net_node(&self, "Add", "a,d", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Reshape Reshape Softmax Reshape Add");
  const blok_node *inner = net_maker(&self, "b");
  ck_assert_ptr_nonnull(inner);
  ck_assert_uint_eq(inner->inputs[0].i, net_maker(&self, "a")->outputs[0].i);
  net_free(&self);
}
END_TEST

START_TEST(reshapes__join_where_others_ask_only_for_the_shape_between) {
  net self;
  net_start(&self, "N,3,4");
  net_i64(&self, "square", "3", (int64_t[]){0, 12, 1});
  net_i64(&self, "flat", "2", (int64_t[]){0, 12});
  net_node(&self, "Reshape", "x,square", "a");
  net_node(&self, "Reshape", "a,flat", "b");
  net_node(&self, "Softmax", "b", "c");
  net_node(&self, "Shape", "a", "s");
  net_node(&self, "Reshape", "c,s", "y");
  net_expect(&self, "Reshape Softmax Reshape");
}
END_TEST

START_TEST(reshapes__takes_a_long_row) {
  net self;
  net_start(&self, "2,3");
  blok_value_id last = net_value(self.graph, "x");
  net_i64(&self, "s", "2", (int64_t[]){3, 2});
  net_i64(&self, "t", "2", (int64_t[]){2, 3});
  for (int i = 0; i < 20001; i++) {
    const char *name = blok_arena_format(&self.module->arena, "r%d", i);
    blok_node_id node = BLOK_NO_NODE;
    ck_assert_int_eq(blok_graph_add_node(self.graph, "", "Reshape", 2, 1, &node, NULL), BLOK_OK);
    blok_graph_set_input(self.graph, node, 0, last);
    blok_graph_set_input(self.graph, node, 1, net_value(self.graph, i % 2 ? "t" : "s"));
    ck_assert_int_eq(blok_graph_add_value(self.graph, name, &last, NULL), BLOK_OK);
    blok_graph_set_output(self.graph, node, 0, last);
  }
  ck_assert_int_eq(blok_graph_add_output(self.graph, last, NULL, NULL), BLOK_OK);
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Reshape");
  ck_assert_uint_eq(net_maker(&self, "r20000")->n_sources, 20001);
  net_free(&self);
}
END_TEST

START_TEST(across__lets_reshapes_meet_around_a_bias_and_an_activation) {
  static const char *const bias[] = {"", "4", "1,1,4", "1,1,1,4", "1,2,1"};
  static const char *const want[] = {"MatMul Add Relu MatMul", "MatMul Add Relu MatMul",
                                     "MatMul Add Relu MatMul", "MatMul Add Relu MatMul",
                                     "MatMul Reshape Add Relu Reshape MatMul"};
  static const float w[16] = {1, 2, 3};
  for (int i = 0; i < 5; i++) {
    net self;
    net_start(&self, "N,4");
    net_f32(&self, "w", "4,4", w);
    net_f32(&self, "bias", bias[i], (float[]){1, 2, 3, 4});
    net_i64(&self, "wide", "4", (int64_t[]){-1, 1, 1, 4});
    net_i64(&self, "narrow", "2", (int64_t[]){-1, 4});
    net_node(&self, "MatMul", "x,w", "a");
    net_node(&self, "Reshape", "a,wide", "b");
    net_node(&self, "Add", "bias,b", "c");
    net_node(&self, "Relu", "c", "d");
    net_node(&self, "Reshape", "d,narrow", "e");
    net_node(&self, "MatMul", "e,w", "y");
    net_expect(&self, want[i]);
  }
}
END_TEST

START_TEST(across__computes_what_the_reshapes_computed) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  float x[6] = {1, 2, 3, 4, 5, 6};
  tensor.dtype = BLOK_F32;
  tensor.rank = 2;
  tensor.dims[0] = 2;
  tensor.dims[1] = 3;
  tensor.data = x;
  tensor.bytes = sizeof x;
  net self;
  net_start(&self, "N,3");
  net_f32(&self, "bias", "1,3,1", (float[]){10, 20, 30});
  net_i64(&self, "wide", "4", (int64_t[]){-1, 1, 3, 1});
  net_i64(&self, "other", "3", (int64_t[]){-1, 3, 1});
  net_node(&self, "Reshape", "x,wide", "a");
  net_type(&self, "b", BLOK_F32, "N,1,3,1");
  net_node(&self, "Sub", "bias,a", "b");
  net_node(&self, "Reshape", "b,other", "c");
  net_node(&self, "Neg", "c", "d");
  net_i64(&self, "narrow", "2", (int64_t[]){-1, 3});
  net_node(&self, "Reshape", "d,narrow", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Sub Neg");
  net_check(&self, &tensor, 1, "y", "2,3", (float[]){-9, -18, -27, -6, -15, -24});
  net_free(&self);
}
END_TEST

START_TEST(across__leaves_values_that_others_read) {
  net self;
  net_start(&self, "N,4");
  net_i64(&self, "wide", "4", (int64_t[]){-1, 1, 1, 4});
  net_i64(&self, "narrow", "2", (int64_t[]){-1, 4});
  net_node(&self, "Reshape", "x,wide", "b");
  net_node(&self, "Relu", "b", "z");
  net_node(&self, "Reshape", "z,narrow", "y");
  net_output(&self, "z");
  net_expect(&self, "Reshape Relu Reshape");
}
END_TEST

// ---- norms --------------------------------------------------------------------------------------

START_TEST(norms__makes_a_batch_norm_of_a_scale_and_a_shift_of_each_channel) {
  static const char *const dims[] = {"1,2,1,1", "2,1,1", "3", "1,1,2,1", "1,2,1,3"};
  blok_tensor tensor = BLOK_TENSOR_INIT;
  float x[4] = {1, -2, 3, 4};
  tensor.dtype = BLOK_F32;
  tensor.rank = 4;
  memcpy(tensor.dims, (int64_t[]){1, 2, 1, 2}, 4 * sizeof(int64_t));
  tensor.data = x;
  tensor.bytes = sizeof x;
  for (int i = 0; i < 5; i++) {
    net self;
    net_start(&self, i < 2 ? "N,2,H,W" : "N,2,2,3");
    net_f32(&self, "scale", dims[i], (float[]){10, 100, 10, 10, 10, 10});
    net_f32(&self, "shift", dims[0], (float[]){1, 2});
    net_node(&self, "Relu", "x", "a");
    net_node(&self, "Mul", "scale,a", "b");
    net_node(&self, "Add", "b,shift", "y");
    net_output(&self, "y");
    net_work(&self);
    ck_assert_str_eq(net_ops(&self), i < 2 ? "Relu BatchNormalization" : "Relu Mul Add");
    if (i < 2) {
      ck_assert_uint_eq(net_maker(&self, "y")->n_sources, 2);
      net_check(&self, &tensor, 1, "y", "1,2,1,2", (float[]){11, 1, 302, 402});
    }
    net_free(&self);
  }
}
END_TEST

START_TEST(norms__leaves_other_arithmetic) {
  static const char *const want[] = {"Relu Mul Add Add", "Relu Mul Mul Add", "Mul Add"};
  for (int i = 0; i < 3; i++) {
    net self;
    net_start(&self, "N,2,H,W");
    net_f32(&self, "scale", "2,1,1", (float[]){10, 100});
    net_f32(&self, "shift", "2,1,1", (float[]){1, 2});
    if (i < 2) net_node(&self, "Relu", "x", "a");
    if (i == 1) net_node(&self, "Mul", "a,x", "s");
    net_node(&self, "Mul", i == 0 ? "scale,a" : i == 1 ? "scale,s" : "scale,x", "b");
    net_node(&self, "Add", "b,shift", i == 0 ? "c" : "y");
    // The scaled value has another reader.
    if (i == 0) net_node(&self, "Add", "b,c", "y");
    net_expect(&self, want[i]);
  }
}
END_TEST

// ---- pools --------------------------------------------------------------------------------------

// A reduction of in to out over n axes.
static void reduce(net *self, const char *op, const char *in, const char *out, const char *axes,
                   uint32_t n, const int64_t *list, int64_t keep) {
  char inputs[64];
  char dims[2] = {(char)('0' + n), '\0'};
  strcat(strcat(strcpy(inputs, in), ","), axes);
  net_i64(self, axes, dims, list);
  net_int(self, net_node(self, op, inputs, out), "keepdims", keep);
}

START_TEST(pools__gives_one_spelling_to_the_mean_over_both_axes) {
  static const int64_t axes[][2] = {{2, 3}, {3, 2}, {-1, -2}, {2, -1}};
  for (int i = 0; i < 8; i++) {
    net self;
    net_start(&self, "N,8,H,W");
    reduce(&self, "ReduceMean", "x", "y", "axes", 2, axes[i / 2], i % 2);
    net_expect(&self, i % 2 ? "GlobalAveragePool" : "GlobalAveragePool Squeeze");
  }
}
END_TEST

START_TEST(pools__takes_the_axes_one_after_the_other) {
  static const int64_t first[] = {3, 2, -1, 3};
  static const int64_t second[] = {2, 3, -1, 2};
  static const int64_t keep_first[] = {1, 1, 0, 0};
  for (int i = 0; i < 4; i++) {
    for (int64_t keep = 0; keep < 2; keep++) {
      net self;
      net_start(&self, "N,8,H,W");
      reduce(&self, "ReduceMean", "x", "a", "p", 1, &first[i], keep_first[i]);
      reduce(&self, "ReduceMean", "a", "y", "q", 1, &second[i], keep);
      net_output(&self, "y");
      net_work(&self);
      bool whole = keep_first[i] && keep;
      ck_assert_str_eq(net_ops(&self), whole ? "GlobalAveragePool" : "GlobalAveragePool Squeeze");
      ck_assert_uint_eq(net_maker(&self, "y")->n_sources, 2);
      net_free(&self);
    }
  }
}
END_TEST

START_TEST(pools__computes_what_the_means_computed) {
  float x[12];
  for (int i = 0; i < 12; i++) x[i] = (float)(i * i);
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = 4;
  tensor.data = x;
  tensor.bytes = sizeof x;
  memcpy(tensor.dims, (int64_t[]){1, 2, 2, 3}, 4 * sizeof(int64_t));
  net self;
  net_start(&self, "N,2,2,3");
  reduce(&self, "ReduceMean", "x", "a", "p", 1, (int64_t[]){2}, 0);
  reduce(&self, "ReduceMean", "a", "y", "q", 1, (int64_t[]){2}, 1);
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "GlobalAveragePool Squeeze");
  net_check(&self, &tensor, 1, "y", "1,2,1", (float[]){55.0f / 6, 451.0f / 6});
  net_free(&self);
}
END_TEST

START_TEST(pools__leaves_other_axes_ranks_and_types) {
  static const char *const dims[] = {"N,8,H,W", "N,8,H,W", "N,8,H", NULL, "N,8,D,H,W"};
  static const int64_t axes[][2] = {{1, 2}, {0, 3}, {1, 2}, {2, 3}, {2, 3}};
  for (int i = 0; i < 5; i++) {
    net self;
    net_start(&self, dims[i]);
    reduce(&self, "ReduceMean", "x", "y", "axes", 2, axes[i], 1);
    net_expect(&self, "ReduceMean");
  }
  net self;
  net_make(&self, 22);
  net_input(&self, "x", BLOK_I32, "N,8,H,W");
  reduce(&self, "ReduceMean", "x", "y", "axes", 2, (int64_t[]){2, 3}, 1);
  net_expect(&self, "ReduceMean");
}
END_TEST

START_TEST(pools__leaves_a_mean_of_a_mean_that_others_read) {
  net self;
  net_start(&self, "N,8,H,W");
  reduce(&self, "ReduceMean", "x", "a", "p", 1, (int64_t[]){3}, 1);
  reduce(&self, "ReduceMean", "a", "b", "q", 1, (int64_t[]){2}, 1);
  net_node(&self, "Add", "a,b", "y");
  net_expect(&self, "ReduceMean ReduceMean Add");
}
END_TEST

START_TEST(pools__takes_the_mean_over_flattened_axes) {
  for (int64_t keep = 0; keep < 2; keep++) {
    net self;
    net_start(&self, "N,8,H,W");
    net_i64(&self, "flat", "3", (int64_t[]){0, 0, -1});
    net_node(&self, "Reshape", "x,flat", "a");
    reduce(&self, "ReduceMean", "a", "y", "axes", 1, (int64_t[]){-1}, keep);
    net_expect(&self, "GlobalAveragePool Squeeze");
  }
}
END_TEST

START_TEST(pools__leaves_the_mean_over_other_groups_of_elements) {
  net self;
  net_start(&self, "N,8,2,2");
  net_i64(&self, "flat", "3", (int64_t[]){0, 4, -1});
  net_node(&self, "Reshape", "x,flat", "a");
  reduce(&self, "ReduceMean", "a", "y", "axes", 1, (int64_t[]){-1}, 1);
  net_expect(&self, "Reshape ReduceMean");
}
END_TEST

START_TEST(pools__takes_a_window_as_large_as_the_picture) {
  for (int i = 0; i < 4; i++) {
    net self;
    net_start(&self, i == 3 ? "N,8,H,5" : "N,8,7,5");
    blok_node_id pool = net_node(&self, i ? "AveragePool" : "MaxPool", "x", "y");
    net_ints(&self, pool, "kernel_shape", 2, (int64_t[]){7, 5});
    if (i == 2) net_ints(&self, pool, "pads", 4, (int64_t[]){1, 1, 1, 1});
    net_expect(&self, i == 0 ? "GlobalMaxPool" : i == 1 ? "GlobalAveragePool" : "AveragePool");
  }
}
END_TEST

START_TEST(pools__gives_one_spelling_to_the_maximum) {
  net self;
  net_start(&self, "N,8,H,W");
  reduce(&self, "ReduceMax", "x", "y", "axes", 2, (int64_t[]){3, 2}, 1);
  net_expect(&self, "GlobalMaxPool");
}
END_TEST

Suite *suite_spellings(void);
Suite *suite_spellings(void) {
  Suite *suite = suite_create("spellings");
  TCase *reshapes = tcase_create("reshapes");
  tcase_set_timeout(reshapes, 60);
  tcase_add_test(reshapes, reshapes__makes_a_computed_target_constant_under_allowzero);
  tcase_add_test(reshapes, reshapes__leaves_a_target_of_which_too_much_is_open);
  tcase_add_test(reshapes, reshapes__gives_an_expand_ones_where_the_input_has_the_axis);
  tcase_add_test(reshapes, reshapes__skips_an_expand_whose_shape_the_other_operand_covers);
  tcase_add_test(reshapes, reshapes__keeps_one_of_two_expands_that_only_cover_each_other);
  tcase_add_test(reshapes, reshapes__joins_reshapes_in_a_row);
  tcase_add_test(reshapes, reshapes__leaves_a_row_whose_result_no_target_can_say);
  tcase_add_test(reshapes, reshapes__cancels_a_squeeze_and_what_undoes_it);
  tcase_add_test(reshapes, reshapes__stay_in_a_row_where_others_read_what_lies_between);
  tcase_add_test(reshapes, reshapes__join_where_others_ask_only_for_the_shape_between);
  tcase_add_test(reshapes, reshapes__takes_a_long_row);
  tcase_add_test(reshapes, across__lets_reshapes_meet_around_a_bias_and_an_activation);
  tcase_add_test(reshapes, across__computes_what_the_reshapes_computed);
  tcase_add_test(reshapes, across__leaves_values_that_others_read);
  suite_add_tcase(suite, reshapes);
  TCase *norms = tcase_create("norms");
  tcase_add_test(norms, norms__makes_a_batch_norm_of_a_scale_and_a_shift_of_each_channel);
  tcase_add_test(norms, norms__leaves_other_arithmetic);
  suite_add_tcase(suite, norms);
  TCase *pools = tcase_create("pools");
  tcase_add_test(pools, pools__gives_one_spelling_to_the_mean_over_both_axes);
  tcase_add_test(pools, pools__takes_the_axes_one_after_the_other);
  tcase_add_test(pools, pools__computes_what_the_means_computed);
  tcase_add_test(pools, pools__leaves_other_axes_ranks_and_types);
  tcase_add_test(pools, pools__leaves_a_mean_of_a_mean_that_others_read);
  tcase_add_test(pools, pools__takes_the_mean_over_flattened_axes);
  tcase_add_test(pools, pools__leaves_the_mean_over_other_groups_of_elements);
  tcase_add_test(pools, pools__takes_a_window_as_large_as_the_picture);
  tcase_add_test(pools, pools__gives_one_spelling_to_the_maximum);
  suite_add_tcase(suite, pools);
  return suite;
}
