// Tests of the pass transposes: what cancels, through which operators, and what is left alone.
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "net.h"
#include "support/fault.h"

static const int64_t last[4] = {0, 2, 3, 1};   // [N, C, H, W] to [N, H, W, C]
static const int64_t first[4] = {0, 3, 1, 2};  // and back

static void turn(net *self, const char *in, const char *out, const int64_t *perm) {
  net_ints(self, net_node(self, "Transpose", in, out), "perm", 4, perm);
}

static void work(net *self, const char *ops) {
  net_output(self, "y");
  net_work(self);
  ck_assert_str_eq(net_ops(self), ops);
}

// y must be this for an x of these dims with the elements 0, 1, 2, ...
static void check(net *self, const int64_t *dims, const char *out, const float *want) {
  float x[64];
  blok_tensor tensor = BLOK_TENSOR_INIT;
  size_t count = 1;
  tensor.dtype = BLOK_F32;
  tensor.rank = 4;
  for (int i = 0; i < 4; i++) {
    tensor.dims[i] = dims[i];
    count *= (size_t)dims[i];
  }
  ck_assert_uint_le(count, 64);
  for (size_t i = 0; i < count; i++) x[i] = (float)i;
  tensor.data = x;
  tensor.bytes = count * sizeof *x;
  net_check(self, &tensor, 1, "y", out, want);
}

START_TEST(transposes__cancels_a_pair) {
  net self;
  net_start(&self, "N,3,H,W");
  turn(&self, "x", "a", last);
  turn(&self, "a", "b", first);
  net_node(&self, "Relu", "b", "y");
  net_expect(&self, "Relu");
}
END_TEST

START_TEST(transposes__joins_two_that_do_not_cancel) {
  net self;
  net_start(&self, "N,3,H,W");
  turn(&self, "x", "a", last);
  turn(&self, "a", "b", last);
  net_node(&self, "Relu", "b", "y");
  net_output(&self, "y");
  net_work(&self);
  const blok_node *node = blok_node_at(self.work->graph, self.work->graph->order[0]);
  uint32_t n = 0;
  ck_assert_uint_eq(self.work->graph->n_order, 2);
  ck_assert_str_eq(node->op_type, "Relu");
  node = blok_node_at(self.work->graph, self.work->graph->order[1]);
  ck_assert_str_eq(node->op_type, "Transpose");
  const int64_t *perm = blok_node_ints(node, "perm", &n);
  ck_assert_uint_eq(n, 4);
  ck_assert_mem_eq(perm, ((int64_t[]){0, 3, 1, 2}), sizeof(int64_t[4]));
  net_free(&self);
}
END_TEST

// y = Reshape(a) + Reshape(d) of a = x turned, d = op of a turned back and forth.
static void branch_off(net *self, const char *op, const char *extra) {
  char inputs[32];
  snprintf(inputs, sizeof inputs, "b%s", extra);
  turn(self, "x", "a", last);
  turn(self, "a", "b", first);
  net_node(self, op, inputs, "c");
  turn(self, "c", "d", last);
  net_i64(self, "flat", "2", (int64_t[]){3, 4});
  net_node(self, "Reshape", "a,flat", "e");
  net_node(self, "Reshape", "d,flat", "f");
  net_node(self, "Add", "e,f", "y");
}

START_TEST(transposes__stay_where_others_read_what_lies_between_the_two) {
  net self;
  net_start(&self, "1,2,2,3");
  net_f32(&self, "scale", "3", (float[]){1, 2, 3});
  branch_off(&self, "LayerNormalization", ",scale");
  work(&self, "Transpose Transpose LayerNormalization Transpose Reshape Reshape Add");
  net_free(&self);
}
END_TEST

START_TEST(transposes__cancel_behind_one_that_stays_for_others) {
  // Softmax runs over three neighbours that rise by one.
  static const float share[3] = {0.09003057F, 0.24472848F, 0.66524094F};
  net self;
  float want[12];
  net_start(&self, "1,2,2,3");
  branch_off(&self, "Softmax", "");
  work(&self, "Transpose Softmax Reshape Reshape Add");
  for (int i = 0; i < 12; i++) want[i] = (float)(i / 2 + i % 2 * 6) + share[i / 2 % 3];
  check(&self, (int64_t[]){1, 2, 2, 3}, "3,4", want);
  net_free(&self);
}
END_TEST

START_TEST(transposes__are_not_joined_where_others_read_what_lies_between_them) {
  net self;
  net_start(&self, "N,3,H,W");
  turn(&self, "x", "a", last);
  turn(&self, "a", "b", last);
  net_node(&self, "Relu", "b", "c");
  turn(&self, "c", "y", last);
  net_output(&self, "a");
  work(&self, "Transpose Relu Transpose");
  const blok_graph *graph = self.work->graph;
  const blok_node *relu = blok_node_at(graph, graph->order[1]);
  ck_assert_uint_eq(relu->inputs[0].i, net_maker(&self, "a")->outputs[0].i);
  net_free(&self);
}
END_TEST

START_TEST(transposes__cancel_a_pair_beside_one_that_stays) {
  net self;
  net_start(&self, "1,2,2,2");
  turn(&self, "x", "a", last);
  turn(&self, "a", "b", first);
  net_node(&self, "Relu", "b", "y");
  turn(&self, "x", "c", first);
  turn(&self, "c", "d", last);
  net_node(&self, "Tanh", "d", "z");
  net_output(&self, "a");
  net_output(&self, "y");
  net_output(&self, "z");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Transpose Transpose Relu Tanh");
  net_free(&self);
}
END_TEST

START_TEST(transposes__move_through_arithmetic_with_constants_of_any_rank) {
  static const char *const dims[] = {"", "2", "1,1,1,2", "3,1", "1,2,3,2"};
  static const float numbers[12] = {50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100};
  for (int i = 0; i < 5; i++) {
    net self;
    net_start(&self, "N,2,2,3");
    turn(&self, "x", "a", last);
    net_f32(&self, "c", dims[i], numbers);
    net_node(&self, "Add", "c,a", "b");
    turn(&self, "b", "z", first);
    net_node(&self, "Neg", "z", "y");
    work(&self, "Add Neg");
    float want[12];
    for (int c = 0; c < 2; c++) {
      for (int h = 0; h < 2; h++) {
        for (int w = 0; w < 3; w++) {
          int at = (c * 2 + h) * 3 + w;
          int index[] = {0, c, c, w, (h * 3 + w) * 2 + c};
          want[at] = -((float)at + numbers[index[i]]);
        }
      }
    }
    check(&self, (int64_t[]){1, 2, 2, 3}, "1,2,2,3", want);
    net_free(&self);
  }
}
END_TEST

START_TEST(transposes__move_through_both_operands_under_the_same_one) {
  net self;
  net_start(&self, "N,3,H,W");
  net_input(&self, "z", BLOK_F32, "N,3,H,W");
  turn(&self, "x", "a", last);
  turn(&self, "z", "b", last);
  net_node(&self, "Add", "a,b", "c");
  net_node(&self, "Relu", "c", "d");
  turn(&self, "d", "e", first);
  net_node(&self, "Tanh", "e", "y");
  net_expect(&self, "Add Relu Tanh");
}
END_TEST

START_TEST(transposes__stay_where_operands_are_under_different_ones) {
  static const int64_t other[4] = {0, 3, 2, 1};
  net self;
  net_start(&self, "N,3,3,3");
  net_input(&self, "z", BLOK_F32, "N,3,3,3");
  turn(&self, "x", "a", last);
  turn(&self, "z", "b", other);
  net_node(&self, "Add", "a,b", "c");
  turn(&self, "c", "d", first);
  net_node(&self, "Tanh", "d", "y");
  net_expect(&self, "Transpose Transpose Add Transpose Tanh");
}
END_TEST

START_TEST(transposes__give_a_gate_of_single_pixels_another_shape) {
  net self;
  net_start(&self, "N,2,2,2");
  turn(&self, "x", "a", last);
  net_input(&self, "gate", BLOK_F32, "N,1,1,2");
  net_node(&self, "Mul", "a,gate", "b");
  turn(&self, "b", "c", first);
  net_node(&self, "Tanh", "c", "y");
  net_expect(&self, "Reshape Mul Tanh");
}
END_TEST

START_TEST(transposes__never_move_through_a_batch_norm) {
  net self;
  net_start(&self, "N,2,2,2");
  turn(&self, "x", "a", last);
  net_f32(&self, "one", "2", (float[]){1, 1});
  net_node(&self, "BatchNormalization", "a,one,one,one,one", "b");
  turn(&self, "b", "y", first);
  net_expect(&self, "Transpose BatchNormalization Transpose");
}
END_TEST

START_TEST(transposes__remap_the_axes_of_what_has_some) {
  net self;
  net_start(&self, "1,2,2,2");
  turn(&self, "x", "a", last);
  net_i64(&self, "pads", "8", (int64_t[]){0, 1, 0, 0, 0, 0, 0, 0});
  net_node(&self, "Pad", "a,pads", "b");
  net_i64(&self, "from", "1", (int64_t[]){1});
  net_i64(&self, "to", "1", (int64_t[]){2});
  net_i64(&self, "axes", "1", (int64_t[]){2});
  net_node(&self, "Slice", "b,from,to,axes", "c");
  net_int(&self, net_node(&self, "Concat", "c,c", "d"), "axis", -1);
  turn(&self, "d", "y", first);
  work(&self, "Pad Slice Concat");
  // Rows 0 (padding), 1, 2; column 1; channels 0, 1, 0, 1.
  check(&self, (int64_t[]){1, 2, 2, 2}, "1,4,3,1", (float[]){0, 1, 3, 0, 5, 7, 0, 1, 3, 0, 5, 7});
  net_free(&self);
}
END_TEST

START_TEST(transposes__remap_softmax_and_split) {
  net self;
  net_start(&self, "N,4,2,2");
  turn(&self, "x", "a", last);
  net_node(&self, "Softmax", "a", "b");
  net_i64(&self, "sizes", "2", (int64_t[]){2, 2});
  net_int(&self, net_node(&self, "Split", "b,sizes", "c,d"), "axis", 3);
  net_node(&self, "Mul", "c,d", "e");
  turn(&self, "e", "y", first);
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Softmax Split Mul");
  const blok_graph *graph = self.work->graph;
  ck_assert_int_eq(blok_node_int(blok_node_at(graph, graph->order[0]), "axis", -1), 1);
  ck_assert_int_eq(blok_node_int(blok_node_at(graph, graph->order[1]), "axis", -1), 1);
  net_free(&self);
}
END_TEST

START_TEST(transposes__end_in_a_mean_that_drops_the_axes_they_move) {
  net self;
  net_start(&self, "N,3,H,W");
  turn(&self, "x", "a", last);
  net_node(&self, "Relu", "a", "b");
  net_i64(&self, "axes", "2", (int64_t[]){1, 2});
  net_int(&self, net_node(&self, "ReduceMean", "b,axes", "y"), "keepdims", 0);
  net_expect(&self, "Relu GlobalAveragePool Squeeze");
}
END_TEST

START_TEST(transposes__become_a_reshape_where_only_single_axes_move) {
  net self;
  net_start(&self, "N,3,H,W");
  net_node(&self, "GlobalAveragePool", "x", "a");
  turn(&self, "a", "b", last);
  net_node(&self, "Relu", "b", "y");
  net_expect(&self, "GlobalAveragePool Reshape Relu");
}
END_TEST

START_TEST(transposes__cancel_where_only_single_axes_move) {
  net self;
  net_start(&self, "N,3,H,W");
  net_node(&self, "GlobalAveragePool", "x", "a");
  turn(&self, "a", "b", last);
  turn(&self, "b", "y", first);
  net_expect(&self, "GlobalAveragePool");
}
END_TEST

START_TEST(transposes__stay_where_moving_them_would_need_as_many) {
  net self;
  net_start(&self, "N,3,H,W");
  turn(&self, "x", "a", last);
  net_node(&self, "Relu", "a", "b");
  net_node(&self, "Tanh", "b", "y");
  net_output(&self, "b");
  net_expect(&self, "Transpose Relu Tanh");
}
END_TEST

START_TEST(transposes__keep_the_names_and_layouts_of_outputs) {
  net self;
  net_start(&self, "N,2,1,2");
  turn(&self, "x", "a", last);
  net_node(&self, "Neg", "a", "y");
  turn(&self, "y", "z", first);
  net_node(&self, "Abs", "y", "t");
  turn(&self, "t", "u", first);
  net_output(&self, "u");
  net_output(&self, "z");
  work(&self, "Neg Transpose Abs");
  ck_assert_str_eq(net_maker(&self, "z")->op_type, "Neg");
  ck_assert_str_eq(net_maker(&self, "u")->op_type, "Abs");
  ck_assert_str_eq(net_maker(&self, "y")->op_type, "Transpose");
  check(&self, (int64_t[]){1, 2, 1, 2}, "1,1,2,2", (float[]){0, -2, -1, -3});
  net_free(&self);
}
END_TEST

START_TEST(transposes__serve_a_branch_that_captures_the_value) {
  net self;
  net_start(&self, "N,3,H,W");
  net_input(&self, "c", BLOK_BOOL, "");
  turn(&self, "x", "a", last);
  net_node(&self, "Neg", "a", "b");
  turn(&self, "b", "d", first);
  turn(&self, "b", "e", first);
  net_node(&self, "Mul", "d,e", "z");
  blok_node_id node = net_node(&self, "If", "c", "y");
  static const char *const branches[] = {"then_branch", "else_branch"};
  for (int i = 0; i < 2; i++) {
    net_branch(&self, node, branches[i], "b");
    net_node(&self, i ? "Relu" : "Tanh", "b", "r");
    net_output(&self, "r");
    net_leave(&self);
  }
  net_output(&self, "z");
  net_expect(&self, "Neg Transpose Mul If");
}
END_TEST

static void add_conv(net *self, const char *in, const char *name, char *out, size_t size) {
  char names[3][16];
  char pair[40];
  for (int k = 0; k < 3; k++) snprintf(names[k], sizeof names[k], "%s%c", name, 'a' + k);
  turn(self, in, names[0], first);
  snprintf(pair, sizeof pair, "%s,w", names[0]);
  net_node(self, "Conv", pair, names[1]);
  turn(self, names[1], names[2], last);
  snprintf(pair, sizeof pair, "%s,bias", names[2]);
  snprintf(out, size, "%sd", name);
  net_node(self, "Add", pair, out);
}

// A net as exporters of channels-last models write it: each convolution between two transposes,
// additions and Relu outside.
START_TEST(transposes__leave_one_at_each_end_of_a_residual_net_of_channels_last) {
  net self;
  net_make(&self, 13);
  net_input(&self, "x", BLOK_F32, "N,8,8,2");
  net_f32(&self, "w", "2,2,1,1", (float[]){1, 2, 3, 4});
  net_f32(&self, "bias", "2", (float[]){1, 2});
  char in[16];
  add_conv(&self, "x", "s", in, sizeof in);
  for (int i = 0; i < 5; i++) {
    char name[16], f[16], sum[16], pair[40];
    snprintf(name, sizeof name, "r%d", i);
    add_conv(&self, in, name, f, sizeof f);
    snprintf(pair, sizeof pair, "%s,%s", in, f);
    snprintf(sum, sizeof sum, "sum%d", i);
    net_node(&self, "Add", pair, sum);
    snprintf(in, sizeof in, "act%d", i);
    net_node(&self, "Relu", sum, in);
  }
  net_node(&self, "Tanh", in, "y");
  net_output(&self, "y");
  net_work(&self);
  const blok_graph *graph = self.work->graph;
  uint32_t transposes = 0;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    transposes += blok_node_at(graph, graph->order[i])->op == BLOK_OP_Transpose;
  }
  ck_assert_uint_eq(transposes, 2);
  ck_assert_uint_eq(graph->n_order, 2 + 2 + 5 * 4 + 1);
  net_free(&self);
}
END_TEST

static blok_status make_working(void *context, const blok_allocator *allocator, blok_error *error) {
  const net *self = context;
  blok_pass_options options = net_options();
  blok_module *made = NULL;
  // The clone takes the allocator of its source.
  blok_module source = *self->module;
  source.allocator = *allocator;
  blok_status status = blok_working_graph(&source, &options, &made, error);
  if (status != BLOK_OK) ck_assert_ptr_null(made);
  blok_module_free(&made);
  return status;
}

START_TEST(transposes__survive_every_failed_allocation) {
  net self;
  net_start(&self, "N,2,2,3");
  turn(&self, "x", "a", last);
  net_f32(&self, "c", "2,3,2", (float[12]){1, 2, 3});
  net_input(&self, "gate", BLOK_F32, "N,1,1,2");
  net_node(&self, "Mul", "a,gate", "b");
  net_node(&self, "Add", "b,c", "d");
  net_i64(&self, "pads", "8", (int64_t[]){0, 1, 0, 0, 0, 0, 0, 0});
  net_node(&self, "Pad", "d,pads", "e");
  turn(&self, "e", "f", first);
  turn(&self, "d", "y", first);
  net_output(&self, "e");
  net_output(&self, "f");
  work(&self, "Reshape Mul Add Pad Transpose");
  ck_assert_uint_gt(blok_fault_sweep(make_working, &self), 20);
  net_free(&self);
}
END_TEST

START_TEST(transposes__take_a_long_chain) {
  net self;
  net_start(&self, "1,2,2,2");
  blok_value_id at = net_value(self.graph, "x");
  for (int i = 0; i < 30000; i++) {
    const char *name = blok_arena_format(&self.module->arena, "v%d", i);
    blok_node_id node = BLOK_NO_NODE;
    const char *op = i % 3 == 1 ? "Tanh" : "Transpose";
    ck_assert_int_eq(blok_graph_add_node(self.graph, "", op, 1, 1, &node, NULL), BLOK_OK);
    if (i % 3 != 1) net_ints(&self, node, "perm", 4, last);
    blok_graph_set_input(self.graph, node, 0, at);
    ck_assert_int_eq(blok_graph_add_value(self.graph, name, &at, NULL), BLOK_OK);
    blok_graph_set_output(self.graph, node, 0, at);
  }
  ck_assert_int_eq(blok_graph_add_output(self.graph, at, NULL, NULL), BLOK_OK);
  net_work(&self);
  // Twice 10,000 turns of three leave two.
  ck_assert_uint_eq(self.work->graph->n_order, 10001);
  net_free(&self);
}
END_TEST

Suite *suite_transposes(void);
Suite *suite_transposes(void) {
  Suite *suite = suite_create("transposes");
  TCase *tests = tcase_create("transposes");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, transposes__cancels_a_pair);
  tcase_add_test(tests, transposes__joins_two_that_do_not_cancel);
  tcase_add_test(tests, transposes__stay_where_others_read_what_lies_between_the_two);
  tcase_add_test(tests, transposes__cancel_behind_one_that_stays_for_others);
  tcase_add_test(tests, transposes__are_not_joined_where_others_read_what_lies_between_them);
  tcase_add_test(tests, transposes__cancel_a_pair_beside_one_that_stays);
  tcase_add_test(tests, transposes__move_through_arithmetic_with_constants_of_any_rank);
  tcase_add_test(tests, transposes__move_through_both_operands_under_the_same_one);
  tcase_add_test(tests, transposes__stay_where_operands_are_under_different_ones);
  tcase_add_test(tests, transposes__give_a_gate_of_single_pixels_another_shape);
  tcase_add_test(tests, transposes__never_move_through_a_batch_norm);
  tcase_add_test(tests, transposes__remap_the_axes_of_what_has_some);
  tcase_add_test(tests, transposes__remap_softmax_and_split);
  tcase_add_test(tests, transposes__end_in_a_mean_that_drops_the_axes_they_move);
  tcase_add_test(tests, transposes__become_a_reshape_where_only_single_axes_move);
  tcase_add_test(tests, transposes__cancel_where_only_single_axes_move);
  tcase_add_test(tests, transposes__stay_where_moving_them_would_need_as_many);
  tcase_add_test(tests, transposes__keep_the_names_and_layouts_of_outputs);
  tcase_add_test(tests, transposes__serve_a_branch_that_captures_the_value);
  tcase_add_test(tests, transposes__leave_one_at_each_end_of_a_residual_net_of_channels_last);
  tcase_add_test(tests, transposes__survive_every_failed_allocation);
  tcase_add_test(tests, transposes__take_a_long_chain);
  suite_add_tcase(suite, tests);
  return suite;
}
