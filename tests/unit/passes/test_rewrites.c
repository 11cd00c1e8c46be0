// Tests of the passes that take nodes away: simplify's proofs, merge, sequences and slices; and of
// all rewriting passes when memory fails.
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "net.h"
#include "support/fault.h"

static const float zeros[8] = {0};
static const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};

// ---- simplify -----------------------------------------------------------------------------------

START_TEST(simplify__drops_a_neutral_constant_that_widens_nothing) {
  static const char *const dims[] = {"", "1", "4", "1,4", "1,1,1", "2,4"};
  for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
    for (int op = 0; op < 4; op++) {
      static const char *const ops[] = {"Add", "Sub", "Mul", "Div"};
      net self;
      net_start(&self, "?,2,4");
      net_f32(&self, "c", dims[i], op < 2 ? zeros : ones);
      net_node(&self, "Relu", "x", "a");
      net_node(&self, ops[op], "a,c", "b");
      net_node(&self, "Tanh", "b", "y");
      net_expect(&self, "Relu Tanh");
    }
  }
}
END_TEST

START_TEST(simplify__keeps_a_neutral_constant_that_may_widen) {
  static const char *const dims[] = {"3,1,4", "1,1,1,1", "2,4"};
  for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
    net self;
    net_start(&self, i == 2 ? NULL : "?,1,4");
    net_f32(&self, "c", dims[i], (float[12]){0});
    net_node(&self, "Add", "x,c", "b");
    net_node(&self, "Tanh", "b", "y");
    net_expect(&self, "Add Tanh");
  }
}
END_TEST

START_TEST(simplify__keeps_a_constant_on_the_other_side_of_what_does_not_commute) {
  net self;
  net_start(&self, "2,4");
  net_f32(&self, "one", "", ones);
  net_node(&self, "Div", "one,x", "y");
  net_expect(&self, "Div");
}
END_TEST

START_TEST(simplify__makes_an_add_of_a_sum_of_two) {
  net self;
  net_start(&self, "2,4");
  net_node(&self, "Relu", "x", "a");
  net_node(&self, "Sum", "x,a", "y");
  net_expect(&self, "Relu Add");
}
END_TEST

START_TEST(simplify__drops_operators_of_one_operand) {
  static const char *const ops[] = {"Max", "Min", "Sum", "Concat"};
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    net self;
    net_start(&self, "2,4");
    blok_node_id node = net_node(&self, ops[i], "x", "a");
    if (i == 3) net_int(&self, node, "axis", 0);
    net_node(&self, "Tanh", "a", "y");
    net_expect(&self, "Tanh");
  }
}
END_TEST

START_TEST(simplify__drops_a_slice_of_the_whole_of_an_unknown_axis) {
  for (int64_t begin = 0; begin < 2; begin++) {
    net self;
    net_start(&self, "?,4");
    net_i64(&self, "from", "1", &begin);
    net_i64(&self, "to", "1", (int64_t[]){INT64_MAX});
    net_i64(&self, "axes", "1", (int64_t[]){0});
    net_node(&self, "Slice", "x,from,to,axes", "a");
    net_node(&self, "Tanh", "a", "y");
    net_expect(&self, begin == 0 ? "Tanh" : "Slice Tanh");
  }
}
END_TEST

START_TEST(simplify__keeps_a_slice_of_the_whole_axis_that_goes_backwards) {
  net self;
  net_start(&self, "3,4");
  net_i64(&self, "from", "1", (int64_t[]){-1});
  net_i64(&self, "to", "1", (int64_t[]){INT64_MIN});
  net_i64(&self, "axes", "1", (int64_t[]){0});
  net_i64(&self, "steps", "1", (int64_t[]){-1});
  net_node(&self, "Slice", "x,from,to,axes,steps", "y");
  net_expect(&self, "Slice");
}
END_TEST

START_TEST(simplify__drops_a_clip_without_finite_bounds) {
  for (int i = 0; i < 2; i++) {
    net self;
    net_start(&self, "2,4");
    net_f32(&self, "low", "", (float[]){-INFINITY});
    net_f32(&self, "high", "", (float[]){i ? 3.0e38f : INFINITY});
    net_node(&self, "Clip", "x,low,high", "a");
    net_node(&self, "Tanh", "a", "y");
    net_expect(&self, i ? "Clip Tanh" : "Tanh");
  }
}
END_TEST

START_TEST(simplify__drops_a_pool_of_single_elements) {
  static const char *const want[] = {"Tanh", "MaxPool Tanh", "MaxPool Tanh"};
  for (int i = 0; i < 3; i++) {
    net self;
    net_start(&self, "N,2,H,W");
    blok_node_id pool = net_node(&self, "MaxPool", "x", "a");
    net_ints(&self, pool, "kernel_shape", 2, (int64_t[]){1, 1});
    if (i == 1) net_ints(&self, pool, "strides", 2, (int64_t[]){2, 2});
    if (i == 2) net_ints(&self, pool, "pads", 4, (int64_t[]){0, 0, 1, 1});
    net_node(&self, "Tanh", "a", "y");
    net_expect(&self, want[i]);
  }
}
END_TEST

START_TEST(simplify__drops_a_resize_by_one_unless_it_crops) {
  static const char *const want[] = {"Tanh", "Resize Tanh", "Resize Tanh"};
  for (int i = 0; i < 3; i++) {
    net self;
    net_start(&self, "1,2,5,5");
    net_f32(&self, "roi", "8", (float[]){0, 0, 0, 0, 1, 1, 1, 1});
    net_f32(&self, "scales", "4", (float[]){1, 1, i == 1 ? 1.1f : 1, 1});
    blok_node_id node = net_node(&self, "Resize", i == 2 ? "x,roi,scales" : "x,,scales", "a");
    net_text(&self, node, "coordinate_transformation_mode",
             i == 2 ? "tf_crop_and_resize" : "asymmetric");
    net_node(&self, "Tanh", "a", "y");
    net_expect(&self, want[i]);
  }
}
END_TEST

// ---- merge --------------------------------------------------------------------------------------

START_TEST(merge__makes_one_of_equal_nodes_and_of_their_equal_readers) {
  net self;
  net_start(&self, "2,4");
  net_node(&self, "Sigmoid", "x", "a");
  net_node(&self, "Sigmoid", "x", "b");
  net_node(&self, "Tanh", "a", "c");
  net_node(&self, "Tanh", "b", "d");
  net_node(&self, "Add", "c,d", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Sigmoid Tanh Add");
  const blok_node *add = net_maker(&self, "y");
  ck_assert_uint_eq(add->inputs[0].i, add->inputs[1].i);
  const blok_graph *graph = self.work->graph;
  ck_assert_uint_eq(blok_node_at(graph, blok_value_producer(graph, add->inputs[0]))->n_sources, 2);
  net_free(&self);
}
END_TEST

START_TEST(merge__compares_small_constants_by_what_they_hold) {
  for (int64_t same = 0; same < 2; same++) {
    net self;
    net_start(&self, "6,4");
    net_i64(&self, "f", "1", (int64_t[]){1});
    net_i64(&self, "g", "1", (int64_t[]){same ? 1 : 2});
    net_i64(&self, "t", "1", (int64_t[]){5});
    net_i64(&self, "u", "1", (int64_t[]){same ? 5 : 6});
    net_node(&self, "Slice", "x,f,t", "a");
    net_node(&self, "Slice", "x,g,u", "b");
    net_node(&self, "Add", "a,b", "y");
    net_expect(&self, same ? "Slice Add" : "Slice Slice Add");
  }
}
END_TEST

START_TEST(merge__tells_attributes_operators_and_the_order_of_inputs_apart) {
  net self;
  net_start(&self, "2,4");
  net_input(&self, "z", BLOK_F32, "2,4");
  blok_node_id a = net_node(&self, "LeakyRelu", "x", "a");
  blok_node_id b = net_node(&self, "LeakyRelu", "x", "b");
  net_float(&self, a, "alpha", 0.1f);
  net_float(&self, b, "alpha", 0.2f);
  net_node(&self, "Tanh", "x", "c");
  net_node(&self, "Sub", "x,z", "d");
  net_node(&self, "Sub", "z,x", "e");
  net_node(&self, "Sum", "a,b,c,d,e", "y");
  net_expect(&self, "LeakyRelu LeakyRelu Tanh Sub Sub Sum");
}
END_TEST

START_TEST(merge__keeps_the_names_of_outputs) {
  net self;
  net_start(&self, "2,4");
  net_node(&self, "Relu", "x", "a");
  net_node(&self, "Relu", "x", "y");
  net_node(&self, "Relu", "x", "z");
  net_node(&self, "Tanh", "a", "t");
  net_output(&self, "y");
  net_output(&self, "z");
  net_output(&self, "t");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Relu Relu Tanh");
  ck_assert_ptr_nonnull(net_maker(&self, "y"));
  ck_assert_ptr_nonnull(net_maker(&self, "z"));
  ck_assert_uint_eq(net_maker(&self, "y")->n_sources, 2);
  net_free(&self);
}
END_TEST

START_TEST(merge__leaves_what_chance_makes) {
  net self;
  net_start(&self, "2,4");
  net_f32(&self, "ratio", "", (float[]){0.5f});
  net_input(&self, "mode", BLOK_BOOL, "");
  net_node(&self, "Dropout", "x,ratio,mode", "a");
  net_node(&self, "Dropout", "x,ratio,mode", "b");
  net_node(&self, "Add", "a,b", "y");
  net_expect(&self, "Dropout Dropout Add");
}
END_TEST

START_TEST(merge__follows_what_a_branch_captures) {
  net self;
  net_start(&self, "2,4");
  net_input(&self, "c", BLOK_BOOL, "");
  net_node(&self, "Relu", "x", "a");
  net_node(&self, "Relu", "x", "b");
  blok_node_id node = net_node(&self, "If", "c", "y");
  static const char *const branches[] = {"then_branch", "else_branch"};
  for (int i = 0; i < 2; i++) {
    net_branch(&self, node, branches[i], i ? "a" : "b");
    net_node(&self, "Tanh", i ? "a" : "b", "r");
    net_output(&self, "r");
    net_leave(&self);
  }
  net_expect(&self, "Relu If");
}
END_TEST

START_TEST(merge__leaves_layers_of_equal_weights) {
  net self;
  net_start(&self, "1,4,2,2");
  net_f32(&self, "w", "2,4,1,1", ones);
  net_f32(&self, "v", "2,4,1,1", ones);
  net_node(&self, "Conv", "x,w", "a");
  net_node(&self, "Conv", "x,v", "b");
  net_node(&self, "Conv", "x,w", "c");
  net_node(&self, "Sum", "a,b,c", "y");
  net_expect(&self, "Conv Conv Conv Sum");
  net_start(&self, "1,4,2,2");
  net_f32(&self, "scale", "4", ones);
  net_f32(&self, "shift", "4", zeros);
  net_node(&self, "BatchNormalization", "x,scale,shift,shift,scale", "a");
  net_node(&self, "BatchNormalization", "x,scale,shift,shift,scale", "b");
  net_node(&self, "Add", "a,b", "y");
  net_expect(&self, "BatchNormalization BatchNormalization Add");
}
END_TEST

// Weights that stay as small as they are in the file, since wide they would pass the limit.
START_TEST(merge__leaves_layers_of_weights_that_are_computed) {
  static const int8_t bytes[1024] = {1, 2, 3};
  net self;
  net_start(&self, "2,32");
  net_input(&self, "q", BLOK_I8, "32,32");
  blok_value_id weight = BLOK_NO_VALUE;
  ck_assert_int_eq(blok_graph_add_constant(self.graph, "w", BLOK_I8, 2, (int64_t[]){32, 32}, bytes,
                                           &weight, NULL),
                   BLOK_OK);
  for (int i = 0; i < 2; i++) {
    net_int(&self, net_node(&self, "Cast", i ? "w" : "q", i ? "wide" : "given"), "to", BLOK_F32);
    net_node(&self, "MatMul", i ? "x,wide" : "x,given", i ? "a" : "c");
    net_node(&self, "MatMul", i ? "x,wide" : "x,given", i ? "b" : "d");
  }
  net_node(&self, "Sum", "a,b,c,d", "y");
  net_output(&self, "y");
  blok_pass_options options = net_options();
  options.limits.fold_bytes = 1;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_working_graph(self.module, &options, &self.work, &error), BLOK_OK);
  ck_assert_str_eq(net_ops(&self), "Cast MatMul Cast MatMul MatMul Sum");
  const blok_node *sum = net_maker(&self, "y");
  ck_assert_uint_ne(sum->inputs[0].i, sum->inputs[1].i);
  ck_assert_uint_eq(sum->inputs[2].i, sum->inputs[3].i);
  net_free(&self);
}
END_TEST

START_TEST(merge__leaves_layers_of_weights_that_a_branch_captures) {
  net self;
  net_start(&self, "2,2");
  net_input(&self, "c", BLOK_BOOL, "");
  net_f32(&self, "w", "2,2", ones);
  blok_node_id node = net_node(&self, "If", "c", "y");
  for (int i = 0; i < 2; i++) {
    net_branch(&self, node, i ? "then_branch" : "else_branch", "x,w");
    net_node(&self, "Relu", "x", "r");
    net_node(&self, "Relu", "x", "s");
    net_node(&self, "MatMul", "r,w", "a");
    net_node(&self, "MatMul", "s,w", "b");
    net_node(&self, "Add", "a,b", "o");
    net_output(&self, "o");
    net_leave(&self);
  }
  net_output(&self, "y");
  net_work(&self);
  const blok_graph *branch = net_maker(&self, "y")->attrs[0].as.graphs[0].graph;
  ck_assert_uint_eq(branch->n_order, 4);
  ck_assert_str_eq(blok_node_at(branch, branch->order[1])->op_type, "MatMul");
  ck_assert_str_eq(blok_node_at(branch, branch->order[2])->op_type, "MatMul");
  net_free(&self);
}
END_TEST

START_TEST(merge__takes_resizes_by_one_list_of_scales) {
  net self;
  net_start(&self, "1,4,2,2");
  net_f32(&self, "scales", "4", (float[]){1, 1, 2, 2});
  net_node(&self, "Resize", "x,,scales", "a");
  net_node(&self, "Resize", "x,,scales", "b");
  net_node(&self, "Add", "a,b", "y");
  net_expect(&self, "Resize Add");
}
END_TEST

START_TEST(merge__takes_many_equal_nodes) {
  enum { MANY = 50000 };
  net self;
  net_start(&self, "2,4");
  blok_node_id sum = BLOK_NO_NODE;
  blok_node_id node = BLOK_NO_NODE;
  blok_value_id out = BLOK_NO_VALUE;
  ck_assert_int_eq(blok_graph_add_node(self.graph, "", "Sum", MANY, 1, &sum, NULL), BLOK_OK);
  blok_graph_set_output(self.graph, sum, 0, net_value(self.graph, "y"));
  for (uint32_t i = 0; i < MANY; i++) {
    const char *name = blok_arena_format(&self.module->arena, "r%u", i);
    ck_assert_int_eq(blok_graph_add_node(self.graph, "", "Relu", 1, 1, &node, NULL), BLOK_OK);
    ck_assert_int_eq(blok_graph_add_value(self.graph, name, &out, NULL), BLOK_OK);
    blok_graph_set_input(self.graph, node, 0, net_value(self.graph, "x"));
    blok_graph_set_output(self.graph, node, 0, out);
    blok_graph_set_input(self.graph, sum, i, out);
  }
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Relu Sum");
  ck_assert_uint_eq(net_maker(&self, "r0")->n_sources, MANY);
  net_free(&self);
}
END_TEST

// ---- sequences and slices -----------------------------------------------------------------------

static void take(net *self, const char *place, int64_t at, const char *out) {
  char inputs[64];
  net_i64(self, place, "", &at);
  net_node(self, "SequenceAt", strcat(strcpy(inputs, "seq,"), place), out);
}

START_TEST(sequences__becomes_a_split_of_the_sizes_given) {
  net self;
  net_start(&self, "N,8");
  net_i64(&self, "sizes", "2", (int64_t[]){3, 5});
  net_int(&self, net_node(&self, "SplitToSequence", "x,sizes", "seq"), "axis", 1);
  take(&self, "p", 0, "a");
  take(&self, "q", -1, "b");
  take(&self, "r", 1, "c");
  net_node(&self, "Mul", "b,c", "y");
  net_output(&self, "a");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Split Mul");
  ck_assert_ptr_eq(net_maker(&self, "a"), net_maker(&self, "b"));
  ck_assert_uint_ge(net_maker(&self, "a")->n_sources, 2);
  net_free(&self);
}
END_TEST

START_TEST(sequences__becomes_a_split_of_equal_chunks) {
  net self;
  net_start(&self, "N,8");
  net_i64(&self, "size", "", (int64_t[]){4});
  net_int(&self, net_node(&self, "SplitToSequence", "x,size", "seq"), "axis", 1);
  take(&self, "p", 0, "a");
  take(&self, "q", 1, "b");
  net_node(&self, "Mul", "a,b", "y");
  net_expect(&self, "Split Mul");
}
END_TEST

START_TEST(sequences__becomes_slices_where_the_axis_is_open) {
  float x[5] = {1, 2, 3, 4, 5};
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = 1;
  tensor.dims[0] = 5;
  tensor.data = x;
  tensor.bytes = sizeof x;
  net self;
  net_start(&self, "N");
  net_i64(&self, "size", "", (int64_t[]){2});
  net_node(&self, "SplitToSequence", "x,size", "seq");
  take(&self, "p", 2, "a");
  net_node(&self, "Tanh", "a", "t");
  net_node(&self, "Neg", "a", "y");
  net_output(&self, "t");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Slice Tanh Neg");
  net_check(&self, &tensor, 1, "y", "1", (float[]){-5});
  net_free(&self);
}
END_TEST

START_TEST(sequences__drops_the_axis_where_that_is_asked_for) {
  net self;
  net_start(&self, "N,2");
  blok_node_id node = net_node(&self, "SplitToSequence", "x", "seq");
  net_int(&self, node, "axis", 1);
  net_int(&self, node, "keepdims", 0);
  take(&self, "p", 0, "a");
  take(&self, "q", 1, "b");
  net_node(&self, "Mul", "a,b", "y");
  net_expect(&self, "Split Squeeze Squeeze Mul");
}
END_TEST

START_TEST(sequences__leaves_a_place_that_only_the_run_knows) {
  net self;
  net_start(&self, "N,8");
  net_input(&self, "place", BLOK_I64, "");
  net_node(&self, "SplitToSequence", "x", "seq");
  net_node(&self, "SequenceAt", "seq,place", "y");
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_UNSUPPORTED, "SplitToSequence");
  net_free(&self);
}
END_TEST

START_TEST(slices__becomes_a_split_when_the_parts_are_equal_and_all_there) {
  static const int64_t from[][2] = {{0, 4}, {4, 0}, {0, 3}, {0, 4}, {0, 2}};
  static const int64_t to[][2] = {{4, 8}, {8, 4}, {3, 8}, {4, 7}, {4, 6}};
  static const char *const want[] = {"Split Concat", "Split Concat", "Slice Slice Concat",
                                     "Slice Slice Concat", "Slice Slice Concat"};
  for (int i = 0; i < 5; i++) {
    net self;
    net_start(&self, "N,8");
    net_i64(&self, "axes", "1", (int64_t[]){-1});
    net_i64(&self, "f", "1", &from[i][0]);
    net_i64(&self, "g", "1", &from[i][1]);
    net_i64(&self, "t", "1", &to[i][0]);
    net_i64(&self, "u", "1", &to[i][1]);
    net_node(&self, "Slice", "x,f,t,axes", "a");
    net_node(&self, "Slice", "x,g,u,axes", "b");
    net_int(&self, net_node(&self, "Concat", "a,b", "y"), "axis", 1);
    net_expect(&self, want[i]);
  }
}
END_TEST

START_TEST(slices__may_leave_the_last_of_three_smaller) {
  float x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = 1;
  tensor.dims[0] = 8;
  tensor.data = x;
  tensor.bytes = sizeof x;
  net self;
  net_start(&self, "8");
  net_i64(&self, "size", "", (int64_t[]){3});
  net_node(&self, "SplitToSequence", "x,size", "seq");
  take(&self, "p", 0, "a");
  take(&self, "q", 1, "b");
  take(&self, "r", 2, "c");
  net_int(&self, net_node(&self, "Concat", "c,a,b", "y"), "axis", 0);
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Split Concat");
  net_check(&self, &tensor, 1, "y", "8", (float[]){6, 7, 0, 1, 2, 3, 4, 5});
  net_free(&self);
}
END_TEST

// ---- All of them --------------------------------------------------------------------------------

static blok_status make_working(void *context, const blok_allocator *allocator, blok_error *error) {
  const net *self = context;
  blok_pass_options options = net_options();
  blok_module *work = NULL;
  // The clone takes the allocator of its source.
  blok_module source = *self->module;
  source.allocator = *allocator;
  blok_status status = blok_working_graph(&source, &options, &work, error);
  if (status != BLOK_OK) ck_assert_ptr_null(work);
  blok_module_free(&work);
  return status;
}

START_TEST(rewrites__survive_every_failed_allocation) {
  net self;
  net_start(&self, "N,8,6,6");
  net_i64(&self, "halves", "2", (int64_t[]){4, 4});
  net_int(&self, net_node(&self, "SplitToSequence", "x,halves", "seq"), "axis", 1);
  take(&self, "p", 0, "a");
  take(&self, "q", 1, "b");
  blok_node_id turn = net_node(&self, "Transpose", "a", "c");
  net_ints(&self, turn, "perm", 4, (int64_t[]){0, 2, 3, 1});
  net_f32(&self, "bias", "4", ones);
  net_f32(&self, "table", "2,4", zeros);
  net_node(&self, "Add", "c,bias", "d");
  turn = net_node(&self, "Transpose", "d", "e");
  net_ints(&self, turn, "perm", 4, (int64_t[]){0, 3, 1, 2});
  net_node(&self, "Mul", "e,b", "f");
  net_node(&self, "Relu", "f", "g");
  net_node(&self, "Relu", "f", "h");
  net_i64(&self, "axes", "2", (int64_t[]){2, 3});
  net_int(&self, net_node(&self, "ReduceMean", "g,axes", "i"), "keepdims", 0);
  net_i64(&self, "back", "4", (int64_t[]){0, 4, 1, 1});
  net_node(&self, "Reshape", "i,back", "j");
  net_node(&self, "Mul", "h,j", "k");
  net_i64(&self, "ends", "8", (int64_t[]){0, 0, 0, 1, 0, 0, 1, 0});
  net_f32(&self, "weights", "2,4,1,1", ones);
  net_node(&self, "Pad", "k,ends", "wider");
  net_node(&self, "Conv", "wider,weights", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Split Add Mul Relu GlobalAveragePool Mul Conv");
  ck_assert_uint_gt(blok_fault_sweep(make_working, &self), 20);
  net_free(&self);
}
END_TEST

Suite *suite_rewrites(void);
Suite *suite_rewrites(void) {
  Suite *suite = suite_create("rewrites");
  TCase *simplify = tcase_create("simplify");
  tcase_add_test(simplify, simplify__drops_a_neutral_constant_that_widens_nothing);
  tcase_add_test(simplify, simplify__keeps_a_neutral_constant_that_may_widen);
  tcase_add_test(simplify, simplify__keeps_a_constant_on_the_other_side_of_what_does_not_commute);
  tcase_add_test(simplify, simplify__makes_an_add_of_a_sum_of_two);
  tcase_add_test(simplify, simplify__drops_operators_of_one_operand);
  tcase_add_test(simplify, simplify__drops_a_slice_of_the_whole_of_an_unknown_axis);
  tcase_add_test(simplify, simplify__keeps_a_slice_of_the_whole_axis_that_goes_backwards);
  tcase_add_test(simplify, simplify__drops_a_clip_without_finite_bounds);
  tcase_add_test(simplify, simplify__drops_a_pool_of_single_elements);
  tcase_add_test(simplify, simplify__drops_a_resize_by_one_unless_it_crops);
  suite_add_tcase(suite, simplify);
  TCase *merge = tcase_create("merge");
  tcase_set_timeout(merge, 60);
  tcase_add_test(merge, merge__makes_one_of_equal_nodes_and_of_their_equal_readers);
  tcase_add_test(merge, merge__compares_small_constants_by_what_they_hold);
  tcase_add_test(merge, merge__tells_attributes_operators_and_the_order_of_inputs_apart);
  tcase_add_test(merge, merge__keeps_the_names_of_outputs);
  tcase_add_test(merge, merge__leaves_what_chance_makes);
  tcase_add_test(merge, merge__follows_what_a_branch_captures);
  tcase_add_test(merge, merge__leaves_layers_of_equal_weights);
  tcase_add_test(merge, merge__leaves_layers_of_weights_that_are_computed);
  tcase_add_test(merge, merge__leaves_layers_of_weights_that_a_branch_captures);
  tcase_add_test(merge, merge__takes_resizes_by_one_list_of_scales);
  tcase_add_test(merge, merge__takes_many_equal_nodes);
  suite_add_tcase(suite, merge);
  TCase *parts = tcase_create("parts");
  tcase_add_test(parts, sequences__becomes_a_split_of_the_sizes_given);
  tcase_add_test(parts, sequences__becomes_a_split_of_equal_chunks);
  tcase_add_test(parts, sequences__becomes_slices_where_the_axis_is_open);
  tcase_add_test(parts, sequences__drops_the_axis_where_that_is_asked_for);
  tcase_add_test(parts, sequences__leaves_a_place_that_only_the_run_knows);
  tcase_add_test(parts, slices__becomes_a_split_when_the_parts_are_equal_and_all_there);
  tcase_add_test(parts, slices__may_leave_the_last_of_three_smaller);
  suite_add_tcase(suite, parts);
  TCase *all = tcase_create("all");
  tcase_set_timeout(all, 60);
  tcase_add_test(all, rewrites__survive_every_failed_allocation);
  suite_add_tcase(suite, all);
  return suite;
}
