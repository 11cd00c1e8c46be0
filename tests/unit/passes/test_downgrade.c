// Nodes of the newest operator set get the form that they had in an older one.
#include <check.h>
#include <math.h>
#include <string.h>

#include "downgraded.h"
#include "support/tensors.h"

#define NEWEST 28

static float six[6] = {1, 2, 3, 4, 5, 6};

static blok_tensor six_23(void) { return blok_test_tensor(BLOK_F32, six, sizeof six, 2, 2, 3); }

static void check_list(const net *self, const char *name, uint32_t n, const int64_t *want) {
  uint32_t got = 0;
  const int64_t *values = blok_node_ints(net_maker(self, "y"), name, &got);
  ck_assert_uint_eq(got, n);
  for (uint32_t i = 0; i < n; i++) ck_assert_int_eq(values[i], want[i]);
}

START_TEST(downgrade__gives_reductions_their_axes_as_attribute) {
  static const struct {
    const char *op_type;
    int64_t input;  // the last set that had them as attribute
  } ops[] = {{"ReduceMean", 17}, {"ReduceSum", 12}, {"ReduceMax", 17}, {"ReduceL2", 17}};
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    net self;
    begin(&self, NEWEST, "2,3");
    net_i64(&self, "axes", "1", (int64_t[]){-1});
    blok_node_id node = net_node(&self, ops[i].op_type, "x,axes", "y");
    net_int(&self, node, "keepdims", 0);
    net_output(&self, "y");
    convert_to(&self, ops[i].input + 1, ops[i].op_type);
    ck_assert_uint_eq(net_maker(&self, "y")->n_inputs, 2);
    convert_to(&self, ops[i].input, ops[i].op_type);
    ck_assert_uint_eq(net_maker(&self, "y")->n_inputs, 1);
    check_list(&self, "axes", 1, (int64_t[]){-1});
    ck_assert_uint_eq(self.work->graph->n_initializers, 0);
    convert_to(&self, 9, ops[i].op_type);
    check_list(&self, "axes", 1, (int64_t[]){1});
    net_free(&self);
  }
}
END_TEST

START_TEST(downgrade__leaves_a_reduction_over_no_axes_by_itself) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_int(&self, net_node(&self, "ReduceSumSquare", "x", "y"), "noop_with_empty_axes", 1);
  expect_spelled(&self, 9, "Mul", &x, "2,3", (float[]){1, 4, 9, 16, 25, 36});
}
END_TEST

START_TEST(downgrade__gives_squeeze_and_unsqueeze_their_axes_as_attribute) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_i64(&self, "axes", "2", (int64_t[]){0, -1});
  net_node(&self, "Unsqueeze", "x,axes", "y");
  net_output(&self, "y");
  convert_to(&self, 11, "Unsqueeze");
  check_list(&self, "axes", 2, (int64_t[]){0, -1});
  convert_to(&self, 7, "Unsqueeze");
  check_list(&self, "axes", 2, (int64_t[]){0, 3});
  converted_gives(&self, &x, "1,2,3,1", six);
  net_free(&self);
}
END_TEST

START_TEST(downgrade__refuses_axes_that_a_run_alone_knows) {
  net self;
  begin(&self, NEWEST, "2,3");
  net_input(&self, "axes", BLOK_I64, "1");
  net_node(&self, "Unsqueeze", "x,axes", "y");
  net_output(&self, "y");
  convert_refused(&self, 12, BLOK_E_UNSUPPORTED,
                  "Unsqueeze node 'y' cannot be written in operator set 12: axes must be constant");
  convert_to(&self, 13, "Unsqueeze");
  net_free(&self);
}
END_TEST

START_TEST(downgrade__gives_clip_its_bounds_as_attributes) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_f32(&self, "high", "", (float[]){4});
  net_node(&self, "Clip", "x,,high", "y");
  net_output(&self, "y");
  convert_to(&self, 7, "Clip");
  const blok_node *clip = net_maker(&self, "y");
  ck_assert(blok_node_float(clip, "max", 0) == 4.0F);
  ck_assert_ptr_null(blok_node_attr(clip, "min"));
  ck_assert_uint_eq(clip->n_inputs, 1);
  converted_gives(&self, &x, "2,3", (float[]){1, 2, 3, 4, 4, 4});
  net_free(&self);
}
END_TEST

START_TEST(downgrade__clips_by_max_and_min_where_the_bounds_are_computed) {
  net self;
  begin(&self, NEWEST, "2,3");
  net_input(&self, "low", BLOK_F32, "");
  net_node(&self, "Clip", "x,low", "y");
  net_output(&self, "y");
  convert_to(&self, 9, "Max Identity");
  convert_refused(&self, 7, BLOK_E_UNSUPPORTED, "Max broadcasts from set 8 on");
  net_free(&self);
}
END_TEST

START_TEST(downgrade__gives_pad_its_pads_and_value_as_attributes) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_i64(&self, "pads", "2", (int64_t[]){1, 0});
  net_f32(&self, "value", "", (float[]){9});
  net_i64(&self, "axes", "1", (int64_t[]){-1});
  net_node(&self, "Pad", "x,pads,value,axes", "y");
  net_output(&self, "y");
  convert_to(&self, 17, "Pad");
  ck_assert_uint_eq(net_maker(&self, "y")->n_inputs, 3);
  convert_to(&self, 7, "Pad");
  check_list(&self, "pads", 4, (int64_t[]){0, 1, 0, 0});
  ck_assert(blok_node_float(net_maker(&self, "y"), "value", 0) == 9.0F);
  converted_gives(&self, &x, "2,4", (float[]){9, 1, 2, 3, 9, 4, 5, 6});
  net_free(&self);
}
END_TEST

START_TEST(downgrade__gives_slice_its_ranges_as_attributes) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_i64(&self, "starts", "1", (int64_t[]){1});
  net_i64(&self, "ends", "1", (int64_t[]){INT64_MAX});
  net_i64(&self, "axes", "1", (int64_t[]){-1});
  net_node(&self, "Slice", "x,starts,ends,axes", "y");
  expect_spelled(&self, 9, "Slice", &x, "2,2", (float[]){2, 3, 5, 6});
}
END_TEST

START_TEST(downgrade__gathers_what_a_slice_with_steps_takes) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_i64(&self, "starts", "2", (int64_t[]){0, -1});
  net_i64(&self, "ends", "2", (int64_t[]){1, INT64_MIN});
  net_i64(&self, "axes", "2", (int64_t[]){0, 1});
  net_i64(&self, "steps", "2", (int64_t[]){1, -2});
  net_node(&self, "Slice", "x,starts,ends,axes,steps", "y");
  expect_spelled(&self, 9, "Gather Slice", &x, "1,2", (float[]){3, 1});
}
END_TEST

START_TEST(downgrade__gives_split_its_sizes_where_the_parts_are_not_equal) {
  net self;
  begin(&self, NEWEST, "2,3");
  blok_node_id split = net_node(&self, "Split", "x", "y,z");
  net_int(&self, split, "axis", 1);
  net_int(&self, split, "num_outputs", 2);
  net_output(&self, "y");
  net_output(&self, "z");
  int64_t sizes[2];
  convert_to(&self, 13, "Split");
  const blok_node *node = net_maker(&self, "y");
  ck_assert_int_eq(net_ints_of(&self, blok_node_input(node, 1), sizes, 2), 2);
  ck_assert(sizes[0] == 2 && sizes[1] == 1);
  convert_to(&self, 11, "Split");
  check_list(&self, "split", 2, (int64_t[]){2, 1});
  ck_assert_ptr_null(blok_node_attr(net_maker(&self, "y"), "num_outputs"));
  net_free(&self);
}
END_TEST

START_TEST(downgrade__counts_axes_from_the_front_below_11) {
  net self;
  begin(&self, NEWEST, "2,3");
  net_int(&self, net_node(&self, "Concat", "x,x", "y"), "axis", -1);
  net_output(&self, "y");
  convert_to(&self, 11, "Concat");
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "axis", 7), -1);
  convert_to(&self, 10, "Concat");
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "axis", 7), 1);
  net_free(&self);
}
END_TEST

START_TEST(downgrade__counts_indices_from_the_front_below_11) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_i64(&self, "i", "1", (int64_t[]){-1});
  net_int(&self, net_node(&self, "Gather", "x,i", "y"), "axis", 1);
  net_output(&self, "y");
  convert_to(&self, 9, "Gather");
  int64_t index = 0;
  ck_assert_int_eq(net_ints_of(&self, blok_node_input(net_maker(&self, "y"), 1), &index, 1), 1);
  ck_assert_int_eq(index, 2);
  converted_gives(&self, &x, "2,1", (float[]){3, 6});
  net_free(&self);
}
END_TEST

START_TEST(downgrade__gives_gemm_a_bias_of_zero_below_11) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_f32(&self, "w", "3,1", (float[]){1, 10, 100});
  net_node(&self, "Gemm", "x,w", "y");
  net_output(&self, "y");
  convert_to(&self, 7, "Gemm");
  ck_assert_uint_eq(net_maker(&self, "y")->n_inputs, 3);
  converted_gives(&self, &x, "2,1", (float[]){321, 654});
  net_free(&self);
}
END_TEST

START_TEST(downgrade__cuts_a_part_of_the_shape_out_below_15) {
  for (int64_t opset = 9; opset <= 14; opset += 5) {
    net self;
    net_make(&self, NEWEST);
    net_input(&self, "x", BLOK_F32, "N,3,?");
    blok_node_id shape = net_node(&self, "Shape", "x", "s");
    net_int(&self, shape, "start", -1);
    net_node(&self, "ConstantOfShape", "s", "y");
    net_output(&self, "y");
    convert_to(&self, opset, "Shape Slice ConstantOfShape");
    net_free(&self);
  }
}
END_TEST

START_TEST(downgrade__drops_what_says_nothing) {
  net self;
  begin(&self, NEWEST, "1,1,4,4");
  blok_node_id pool = net_node(&self, "MaxPool", "x", "t");
  net_ints(&self, pool, "kernel_shape", 2, (int64_t[]){2, 2});
  net_ints(&self, pool, "dilations", 2, (int64_t[]){1, 1});
  net_int(&self, pool, "ceil_mode", 0);
  net_int(&self, pool, "storage_order", 0);
  net_i64(&self, "shape", "2", (int64_t[]){1, 9});
  net_int(&self, net_node(&self, "Reshape", "t,shape", "y"), "allowzero", 1);
  net_output(&self, "y");
  convert_to(&self, 7, "MaxPool Reshape");
  ck_assert_uint_eq(net_maker(&self, "t")->n_attrs, 1);
  ck_assert_uint_eq(net_maker(&self, "y")->n_attrs, 0);
  net_free(&self);
}
END_TEST

START_TEST(downgrade__pads_a_pool_that_rounds_up) {
  net self;
  blok_tensor x = blok_test_tensor(BLOK_F32, six, 5 * sizeof *six, 3, 1, 1, 5);
  begin(&self, NEWEST, "1,1,5");
  blok_node_id pool = net_node(&self, "AveragePool", "x", "y");
  net_ints(&self, pool, "kernel_shape", 1, (int64_t[]){2});
  net_ints(&self, pool, "strides", 1, (int64_t[]){2});
  net_int(&self, pool, "ceil_mode", 1);
  net_output(&self, "y");
  convert_to(&self, 9, "AveragePool");
  check_list(&self, "pads", 2, (int64_t[]){0, 1});
  converted_gives(&self, &x, "1,1,3", (float[]){1.5F, 3.5F, 5});
  convert_to(&self, 10, "AveragePool");
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "ceil_mode", 0), 1);
  net_free(&self);
}
END_TEST

START_TEST(downgrade__takes_the_smallest_as_the_largest_of_negatives) {
  net self;
  blok_tensor x = six_23();
  begin(&self, NEWEST, "2,3");
  net_i64(&self, "k", "1", (int64_t[]){2});
  net_int(&self, net_node(&self, "TopK", "x,k", "y,i"), "largest", 0);
  net_output(&self, "i");
  expect_spelled(&self, 9, "Neg TopK Neg", &x, "2,2", (float[]){1, 2, 4, 5});
}
END_TEST

START_TEST(downgrade__names_what_came_later) {
  static const struct {
    const char *op_type, *inputs, *attr, *said;
    int64_t value, opset;
  } cases[] = {
      {"Det", "x", NULL, "it came with 11", 0, 9},
      {"MaxPool", "x", "dilations", "its attribute dilations came with 10", 2, 9},
      {"ArgMax", "x", "select_last_index", "its attribute select_last_index came with 12", 1, 11},
      {"BatchNormalization", "x,s,s,s,s", "training_mode", "training_mode came with 14", 1, 13},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    net self;
    begin(&self, NEWEST, "1,1,4");
    net_f32(&self, "s", "1", (float[]){1});
    blok_node_id node = net_node(&self, cases[i].op_type, cases[i].inputs, "y");
    if (i == 1) net_ints(&self, node, "kernel_shape", 1, (int64_t[]){2});
    if (i == 1) net_ints(&self, node, "dilations", 1, &cases[i].value);
    if (cases[i].attr && i != 1) net_int(&self, node, cases[i].attr, cases[i].value);
    net_output(&self, "y");
    convert_refused(&self, cases[i].opset, BLOK_E_UNSUPPORTED, cases[i].said);
    net_free(&self);
  }
}
END_TEST

START_TEST(downgrade__names_the_type_that_came_later) {
  net self;
  net_make(&self, NEWEST);
  net_input(&self, "x", BLOK_BF16, "2,3");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  convert_refused(&self, 12, BLOK_E_UNSUPPORTED, "bfloat16 input 0 came with 13");
  convert_to(&self, 13, "Relu");
  net_free(&self);
}
END_TEST

START_TEST(downgrade__writes_small_values_that_are_known_as_constants) {
  net self;
  net_make(&self, NEWEST);
  net_input(&self, "x", BLOK_F32, "2");
  net_f32(&self, "zero", "", (float[]){0});
  net_f32(&self, "two", "", (float[]){2});
  net_f32(&self, "one", "", (float[]){1});
  net_node(&self, "Range", "zero,two,one", "r");
  net_node(&self, "Add", "x,r", "y");
  blok_tensor x = blok_test_tensor(BLOK_F32, six, 2 * sizeof *six, 1, 2);
  expect_spelled(&self, 9, "Constant Add", &x, "2", (float[]){1, 3});
}
END_TEST

START_TEST(downgrade__makes_initializers_of_constants_that_were_no_floats) {
  net self;
  blok_tensor x = six_23();
  begin(&self, 13, "2,3");
  blok_node_id constant = net_node(&self, "Constant", "", "shape");
  net_ints(&self, constant, "value_ints", 2, (int64_t[]){3, 2});
  net_node(&self, "Reshape", "x,shape", "y");
  net_output(&self, "y");
  convert_to(&self, 9, "Constant Reshape");
  convert_to(&self, 8, "Reshape");
  ck_assert_uint_eq(self.work->graph->n_initializers, 1);
  converted_gives(&self, &x, "3,2", six);
  net_free(&self);
}
END_TEST

Suite *suite_downgrade(void);

Suite *suite_downgrade(void) {
  Suite *suite = suite_create("downgrade");
  TCase *forms = tcase_create("forms");
  tcase_add_test(forms, downgrade__gives_reductions_their_axes_as_attribute);
  tcase_add_test(forms, downgrade__leaves_a_reduction_over_no_axes_by_itself);
  tcase_add_test(forms, downgrade__gives_squeeze_and_unsqueeze_their_axes_as_attribute);
  tcase_add_test(forms, downgrade__refuses_axes_that_a_run_alone_knows);
  tcase_add_test(forms, downgrade__gives_clip_its_bounds_as_attributes);
  tcase_add_test(forms, downgrade__clips_by_max_and_min_where_the_bounds_are_computed);
  tcase_add_test(forms, downgrade__gives_pad_its_pads_and_value_as_attributes);
  tcase_add_test(forms, downgrade__gives_slice_its_ranges_as_attributes);
  tcase_add_test(forms, downgrade__gathers_what_a_slice_with_steps_takes);
  tcase_add_test(forms, downgrade__gives_split_its_sizes_where_the_parts_are_not_equal);
  tcase_add_test(forms, downgrade__counts_axes_from_the_front_below_11);
  tcase_add_test(forms, downgrade__counts_indices_from_the_front_below_11);
  tcase_add_test(forms, downgrade__gives_gemm_a_bias_of_zero_below_11);
  tcase_add_test(forms, downgrade__cuts_a_part_of_the_shape_out_below_15);
  tcase_add_test(forms, downgrade__drops_what_says_nothing);
  tcase_add_test(forms, downgrade__pads_a_pool_that_rounds_up);
  tcase_add_test(forms, downgrade__takes_the_smallest_as_the_largest_of_negatives);
  tcase_add_test(forms, downgrade__writes_small_values_that_are_known_as_constants);
  tcase_add_test(forms, downgrade__makes_initializers_of_constants_that_were_no_floats);
  suite_add_tcase(suite, forms);
  TCase *refusals = tcase_create("refusals");
  tcase_add_test(refusals, downgrade__names_what_came_later);
  tcase_add_test(refusals, downgrade__names_the_type_that_came_later);
  suite_add_tcase(suite, refusals);
  return suite;
}
