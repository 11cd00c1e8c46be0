// Nodes of old operator versions reach the newest one and still mean what they meant.
#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "net.h"
#include "support/tensors.h"

static float six[6] = {1, 2, 3, 4, 5, 6};
static float eight[8] = {-4, -3, -2, -1, 0, 1, 2, 3};

static blok_tensor six_23(void) { return blok_test_tensor(BLOK_F32, six, sizeof six, 2, 2, 3); }

// Integers that the working graph's node (maker of y) has at an input.
static void check_ints(const net *self, uint32_t slot, uint32_t n, const int64_t *want) {
  int64_t got[16];
  const blok_node *node = net_maker(self, "y");
  ck_assert_ptr_nonnull(node);
  ck_assert_int_eq(net_ints_of(self, blok_node_input(node, slot), got, 16), n);
  for (uint32_t i = 0; i < n; i++) ck_assert_int_eq(got[i], want[i]);
}

START_TEST(normalise__aligns_the_second_operand_at_axis_when_add_is_older_than_7) {
  net self;
  net_make(&self, 6);
  net_input(&self, "x", BLOK_F32, "2,2,2");
  net_f32(&self, "b", "2", (float[]){10, 20});
  blok_node_id add = net_node(&self, "Add", "x,b", "y");
  net_int(&self, add, "broadcast", 1);
  net_int(&self, add, "axis", 1);
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Add");
  ck_assert_ptr_null(blok_node_attr(net_maker(&self, "y"), "axis"));
  blok_tensor x = blok_test_tensor(BLOK_F32, eight, sizeof eight, 3, 2, 2, 2);
  net_check(&self, &x, 1, "y", "2,2,2", (float[]){6, 7, 18, 19, 10, 11, 22, 23});
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_an_axis_that_does_not_fit) {
  net self;
  net_make(&self, 6);
  net_input(&self, "x", BLOK_F32, "2,2");
  net_input(&self, "b", BLOK_F32, "2,2");
  blok_node_id mul = net_node(&self, "Mul", "x,b", "y");
  net_int(&self, mul, "broadcast", 1);
  net_int(&self, mul, "axis", 1);
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_SHAPE, "Mul node 'y' (version 6): an input of rank 2");
  net_free(&self);
}
END_TEST

START_TEST(normalise__aligns_the_exponent_at_axis_when_pow_is_older_than_7) {
  net self;
  net_make(&self, 6);
  net_input(&self, "x", BLOK_F32, "2,2,2");
  net_f32(&self, "e", "2", (float[]){1, 2});
  blok_node_id pow = net_node(&self, "Pow", "x,e", "y");
  net_int(&self, pow, "broadcast", 1);
  net_int(&self, pow, "axis", 1);
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Pow");
  ck_assert_uint_eq(net_maker(&self, "y")->n_attrs, 0);
  blok_tensor x = blok_test_tensor(BLOK_F32, eight, sizeof eight, 3, 2, 2, 2);
  net_check(&self, &x, 1, "y", "2,2,2", (float[]){-4, -3, 4, 1, 0, 1, 4, 9});
  net_free(&self);
}
END_TEST

static void check_selu(int64_t opset, float alpha, float gamma) {
  net self;
  net_make(&self, opset);
  net_input(&self, "x", BLOK_F32, "2,3");
  blok_node_id selu = net_node(&self, "Selu", "x", "y");
  if (gamma == 3.0F) net_float(&self, selu, "gamma", gamma);
  net_output(&self, "y");
  net_work(&self);
  const blok_node *node = net_maker(&self, "y");
  ck_assert(blok_node_float(node, "alpha", 7.0F) == alpha);
  ck_assert(blok_node_float(node, "gamma", 7.0F) == gamma);
  net_free(&self);
}

START_TEST(normalise__gives_selu_the_constants_of_version_1) {
  check_selu(5, 1.6732F, 1.0507F);
  check_selu(5, 1.6732F, 3.0F);
  check_selu(6, 7.0F, 7.0F);
}
END_TEST

START_TEST(normalise__takes_max_and_min_of_every_version) {
  static const int64_t opsets[] = {1, 6, 8, 12, 13};
  for (size_t i = 0; i < sizeof opsets / sizeof *opsets; i++) {
    net self;
    net_make(&self, opsets[i]);
    net_input(&self, "x", BLOK_F32, "2,3");
    net_f32(&self, "c", "2,3", (float[]){4, 4, 4, 4, 4, 4});
    net_f32(&self, "d", "2,3", (float[]){2, 2, 2, 2, 2, 2});
    blok_node_id least = net_node(&self, "Min", "x,c", "t");
    net_node(&self, "Max", "d,t", "y");
    if (opsets[i] == 1) net_ints(&self, least, "consumed_inputs", 2, (int64_t[]){0, 0});
    net_output(&self, "y");
    net_work(&self);
    ck_assert_str_eq(net_ops(&self), "Min Max");
    ck_assert_uint_eq(net_maker(&self, "t")->n_attrs, 0);
    blok_tensor x = six_23();
    net_check(&self, &x, 1, "y", "2,3", (float[]){2, 2, 3, 4, 4, 4});
    net_free(&self);
  }
}
END_TEST

START_TEST(normalise__drops_consumed_inputs_of_version_1) {
  net self;
  net_make(&self, 1);
  net_input(&self, "x", BLOK_F32, "2,3");
  blok_node_id relu = net_node(&self, "Relu", "x", "y");
  net_ints(&self, relu, "consumed_inputs", 1, (int64_t[]){0});
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Relu");
  ck_assert_uint_eq(net_maker(&self, "y")->n_attrs, 0);
  net_free(&self);
}
END_TEST

START_TEST(normalise__keeps_inference_of_batch_norm_by_number_of_outputs) {
  net self;
  net_make(&self, 9);
  net_input(&self, "x", BLOK_F32, "1,2,3");
  net_f32(&self, "s", "2", (float[]){1, 2});
  net_f32(&self, "b", "2", (float[]){0, 1});
  net_f32(&self, "m", "2", (float[]){0, 5});
  net_f32(&self, "v", "2", (float[]){1, 4});
  blok_node_id norm = net_node(&self, "BatchNormalization", "x,s,b,m,v", "y,,,,");
  net_float(&self, norm, "epsilon", 0.0f);
  net_output(&self, "y");
  net_work(&self);
  const blok_node *node = net_maker(&self, "y");
  ck_assert_str_eq(net_ops(&self), "BatchNormalization");
  ck_assert_uint_eq(node->n_outputs, 1);
  ck_assert_int_eq(blok_node_int(node, "training_mode", 0), 0);
  blok_tensor x = blok_test_tensor(BLOK_F32, six, sizeof six, 3, 1, 2, 3);
  net_check(&self, &x, 1, "y", "1,2,3", (float[]){1, 2, 3, 0, 1, 2});
  net_free(&self);
}
END_TEST

static void training_norm(net *self, int64_t opset) {
  net_make(self, opset);
  net_input(self, "x", BLOK_F32, "1,2,3");
  for (const char *name = "sbmv"; *name; name++) {
    net_f32(self, (char[]){*name, '\0'}, "2", (float[]){1, 1});
  }
  net_node(self, "BatchNormalization", "x,s,b,m,v", "y,mean,var,saved_mean,saved_var");
  net_output(self, "y");
}

START_TEST(normalise__gives_batch_norm_of_five_outputs_training_mode) {
  net self;
  training_norm(&self, 7);
  net_work(&self);
  ck_assert_uint_eq(net_maker(&self, "y")->n_outputs, 3);
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "training_mode", 0), 1);
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_batch_norm_whose_saved_mean_is_read) {
  net self;
  training_norm(&self, 7);
  net_output(&self, "saved_mean");
  net_refuse(&self, BLOK_E_UNSUPPORTED, "output 'saved_mean'");
  net_free(&self);
}
END_TEST

START_TEST(normalise__takes_is_test_for_inference) {
  net self;
  training_norm(&self, 6);
  net_int(&self, self.graph->order[0], "is_test", 1);
  net_work(&self);
  ck_assert_uint_eq(net_maker(&self, "y")->n_outputs, 1);
  ck_assert_uint_eq(net_maker(&self, "y")->n_attrs, 0);
  net_free(&self);
}
END_TEST

START_TEST(normalise__spells_batch_norm_per_element_out) {
  net self;
  net_make(&self, 7);
  net_input(&self, "x", BLOK_F32, "2,3");
  net_f32(&self, "s", "3", (float[]){1, 2, 1});
  net_f32(&self, "b", "3", (float[]){0, 0, 1});
  net_f32(&self, "m", "3", (float[]){1, 1, 1});
  net_f32(&self, "v", "3", (float[]){1, 4, 1});
  blok_node_id norm = net_node(&self, "BatchNormalization", "x,s,b,m,v", "y");
  net_int(&self, norm, "spatial", 0);
  net_float(&self, norm, "epsilon", 0.0f);
  net_output(&self, "y");
  net_work(&self);
  blok_tensor x = six_23();
  net_check(&self, &x, 1, "y", "2,3", (float[]){0, 1, 3, 3, 4, 6});
  net_free(&self);
}
END_TEST

START_TEST(normalise__reads_the_type_name_of_cast_version_1) {
  net self;
  net_make(&self, 1);
  net_input(&self, "x", BLOK_F32, "2");
  blok_node_id cast = net_node(&self, "Cast", "x", "y");
  net_text(&self, cast, "to", "INT64");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "to", 0), BLOK_I64);
  net_text(&self, cast, "to", "NUMBER");
  blok_module_free(&self.work);
  net_refuse(&self, BLOK_E_MALFORMED, "'NUMBER' is no element type");
  net_free(&self);
}
END_TEST

START_TEST(normalise__gives_clip_its_bounds_as_inputs_of_the_same_type) {
  net self;
  net_make(&self, 6);
  net_input(&self, "x", BLOK_F32, "2,3");
  net_input(&self, "h", BLOK_F16, "2");
  blok_node_id clip = net_node(&self, "Clip", "x", "y");
  blok_node_id half = net_node(&self, "Clip", "h", "z");
  net_float(&self, clip, "min", 2);
  net_float(&self, clip, "max", 4);
  net_float(&self, half, "max", 4);
  net_output(&self, "y");
  net_output(&self, "z");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Clip Clip");
  const blok_node *z = net_maker(&self, "z");
  ck_assert_uint_eq(blok_node_input(z, 1).i, 0);
  ck_assert_int_eq(blok_value_at(self.work->graph, blok_node_input(z, 2))->literal->dtype,
                   BLOK_F16);
  blok_tensor inputs[2] = {six_23(), blok_test_tensor(BLOK_F16, six, 4, 1, 2)};
  net_check(&self, inputs, 2, "y", "2,3", (float[]){2, 2, 3, 4, 4, 4});
  net_free(&self);
}
END_TEST

START_TEST(normalise__gives_concat_axis_1_when_version_1_has_none) {
  net self;
  net_make(&self, 3);
  net_input(&self, "x", BLOK_F32, "2,3");
  net_node(&self, "Concat", "x,x", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "axis", -9), 1);
  net_free(&self);
}
END_TEST

START_TEST(normalise__makes_the_mask_of_an_old_dropout_one_of_numbers) {
  net self;
  net_make(&self, 7);
  net_input(&self, "x", BLOK_F32, "2,3");
  blok_node_id drop = net_node(&self, "Dropout", "x", "y,mask");
  net_float(&self, drop, "ratio", 0.25f);
  net_output(&self, "y");
  net_output(&self, "mask");
  net_work(&self);
  ck_assert_ptr_null(blok_node_attr(net_maker(&self, "y"), "ratio"));
  ck_assert_str_eq(net_maker(&self, "mask")->op_type, "Cast");
  ck_assert_str_eq(net_ops(&self), "Dropout Cast");
  net_free(&self);
}
END_TEST

START_TEST(normalise__drops_the_broadcast_flag_of_gemm) {
  net self;
  net_make(&self, 6);
  net_input(&self, "x", BLOK_F32, "2,3");
  net_f32(&self, "w", "3,2", six);
  net_f32(&self, "c", "2", (float[]){1, 2});
  blok_node_id gemm = net_node(&self, "Gemm", "x,w,c", "y");
  net_int(&self, gemm, "broadcast", 1);
  net_output(&self, "y");
  net_work(&self);
  ck_assert_uint_eq(net_maker(&self, "y")->n_attrs, 0);
  blok_tensor x = six_23();
  net_check(&self, &x, 1, "y", "2,2", (float[]){23, 30, 50, 66});
  net_free(&self);
}
END_TEST

START_TEST(normalise__gives_pad_its_pads_and_value_as_inputs) {
  for (int64_t opset = 1; opset <= 2; opset++) {
    net self;
    net_make(&self, opset);
    net_input(&self, "x", BLOK_F32, "2,3");
    blok_node_id pad = net_node(&self, "Pad", "x", "y");
    net_ints(&self, pad, opset == 1 ? "paddings" : "pads", 4, (int64_t[]){0, 1, 0, 0});
    net_float(&self, pad, "value", 9);
    net_output(&self, "y");
    net_work(&self);
    check_ints(&self, 1, 4, (int64_t[]){0, 1, 0, 0});
    blok_tensor x = six_23();
    net_check(&self, &x, 1, "y", "2,4", (float[]){9, 1, 2, 3, 9, 4, 5, 6});
    net_free(&self);
  }
}
END_TEST

START_TEST(normalise__spreads_a_slope_for_each_channel) {
  net self;
  net_make(&self, 6);
  net_input(&self, "x", BLOK_F32, "1,2,4");
  net_f32(&self, "s", "2", (float[]){0.5f, 2});
  net_node(&self, "PRelu", "x,s", "y");
  net_output(&self, "y");
  net_work(&self);
  blok_tensor x = blok_test_tensor(BLOK_F32, eight, sizeof eight, 3, 1, 2, 4);
  net_check(&self, &x, 1, "y", "1,2,4", (float[]){-2, -1.5f, -1, -0.5f, 0, 1, 2, 3});
  net_free(&self);
}
END_TEST

START_TEST(normalise__gives_reductions_their_axes_as_input) {
  static const char *const ops[] = {"ReduceMean", "ReduceSum", "ReduceMax", "ReduceProd"};
  static const float want[4][2] = {{2, 5}, {6, 15}, {3, 6}, {6, 120}};
  for (size_t i = 0; i < 4; i++) {
    net self;
    net_make(&self, 11);
    net_input(&self, "x", BLOK_F32, "2,3");
    blok_node_id reduce = net_node(&self, ops[i], "x", "y");
    net_ints(&self, reduce, "axes", 1, (int64_t[]){-1});
    net_int(&self, reduce, "keepdims", 0);
    net_output(&self, "y");
    net_work(&self);
    check_ints(&self, 1, 1, (int64_t[]){-1});
    blok_tensor x = six_23();
    net_check(&self, &x, 1, "y", "2", want[i]);
    net_free(&self);
  }
}
END_TEST

START_TEST(normalise__takes_no_axes_and_empty_axes_for_all) {
  for (uint32_t form = 0; form < 2; form++) {
    net self;
    net_make(&self, 13);
    net_input(&self, "x", BLOK_F32, "2,3");
    blok_node_id reduce = net_node(&self, "ReduceMean", "x", "y");
    if (form) net_ints(&self, reduce, "axes", 0, (int64_t[]){0});
    net_output(&self, "y");
    net_work(&self);
    blok_tensor x = six_23();
    net_check(&self, &x, 1, "y", "1,1", (float[]){3.5f});
    net_free(&self);
  }
}
END_TEST

START_TEST(normalise__gives_reshape_its_shape_as_input) {
  net self;
  net_make(&self, 1);
  net_input(&self, "x", BLOK_F32, "2,3");
  blok_node_id reshape = net_node(&self, "Reshape", "x", "y");
  net_ints(&self, reshape, "shape", 2, (int64_t[]){-1, 2});
  net_output(&self, "y");
  net_work(&self);
  check_ints(&self, 1, 2, (int64_t[]){-1, 2});
  net_free(&self);
}
END_TEST

START_TEST(normalise__maps_resize_10_and_upsample_by_asymmetric_floor) {
  for (int form = 0; form < 4; form++) {
    static const int64_t opsets[] = {10, 9, 7, 1};
    net self;
    net_make(&self, opsets[form]);
    net_input(&self, "x", BLOK_F32, "1,1,1,3");
    net_f32(&self, "s", "4", (float[]){1, 1, 1, 2});
    blok_node_id node =
        net_node(&self, form == 0 ? "Resize" : "Upsample", form < 2 ? "x,s" : "x", "y");
    if (form == 2) {
      float scales[4] = {1, 1, 1, 2};
      blok_attr attr = {.name = "scales", .type = BLOK_ATTR_FLOATS, .has_type = true, .n = 4};
      attr.as.floats = blok_arena_copy(&self.module->arena, scales, sizeof scales);
      net_attr(&self, node, &attr);
    }
    if (form == 3) net_float(&self, node, "width_scale", 2);
    if (form == 3) net_float(&self, node, "height_scale", 1);
    net_output(&self, "y");
    net_work(&self);
    const blok_node *made = net_maker(&self, "y");
    ck_assert_str_eq(net_ops(&self), "Resize");
    ck_assert_uint_eq(made->n_inputs, 3);
    ck_assert_uint_eq(made->inputs[1].i, 0);
    ck_assert(blok_node_text_is(made, "coordinate_transformation_mode", "", "asymmetric"));
    ck_assert(blok_node_text_is(made, "nearest_mode", "", "floor"));
    blok_tensor x = blok_test_tensor(BLOK_F32, six, 12, 4, 1, 1, 1, 3);
    net_check(&self, &x, 1, "y", "1,1,1,6", (float[]){1, 1, 2, 2, 3, 3});
    net_free(&self);
  }
}
END_TEST

START_TEST(normalise__leaves_out_empty_inputs_of_resize_11) {
  net self;
  net_make(&self, 11);
  net_input(&self, "x", BLOK_F32, "1,1,1,3");
  net_f32(&self, "none", "0", six);
  net_i64(&self, "sizes", "4", (int64_t[]){1, 1, 1, 6});
  blok_node_id resize = net_node(&self, "Resize", "x,none,none,sizes", "y");
  net_text(&self, resize, "coordinate_transformation_mode", "tf_half_pixel_for_nn");
  net_text(&self, resize, "nearest_mode", "floor");
  net_output(&self, "y");
  net_work(&self);
  const blok_node *made = net_maker(&self, "y");
  ck_assert_uint_eq(made->inputs[1].i, 0);
  ck_assert_uint_eq(made->inputs[2].i, 0);
  ck_assert(blok_node_text_is(made, "coordinate_transformation_mode", "", "half_pixel"));
  ck_assert(blok_node_text_is(made, "nearest_mode", "", "round_prefer_ceil"));
  net_free(&self);
}
END_TEST

START_TEST(normalise__gives_slice_its_ranges_as_inputs) {
  net self;
  net_make(&self, 9);
  net_input(&self, "x", BLOK_F32, "2,3");
  blok_node_id slice = net_node(&self, "Slice", "x", "y");
  net_ints(&self, slice, "starts", 1, (int64_t[]){1});
  net_ints(&self, slice, "ends", 1, (int64_t[]){INT64_MAX});
  net_ints(&self, slice, "axes", 1, (int64_t[]){1});
  net_output(&self, "y");
  net_work(&self);
  blok_tensor x = six_23();
  net_check(&self, &x, 1, "y", "2,2", (float[]){2, 3, 5, 6});
  net_free(&self);
}
END_TEST

START_TEST(normalise__keeps_an_old_softmax_whose_axis_is_the_last) {
  net self;
  net_make(&self, 11);
  net_input(&self, "x", BLOK_F32, "N,3");
  net_node(&self, "Softmax", "x", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Softmax");
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "axis", -9), 1);
  net_free(&self);
}
END_TEST

START_TEST(normalise__flattens_around_an_old_softmax_of_more_axes) {
  net self;
  net_make(&self, 11);
  net_input(&self, "x", BLOK_F32, "1,2,2");
  blok_node_id softmax = net_node(&self, "Softmax", "x", "y");
  net_int(&self, softmax, "axis", 1);
  net_output(&self, "y");
  net_work(&self);
  float zeros[4] = {0};
  blok_tensor x = blok_test_tensor(BLOK_F32, zeros, sizeof zeros, 3, 1, 2, 2);
  net_check(&self, &x, 1, "y", "1,2,2", (float[]){0.25f, 0.25f, 0.25f, 0.25f});
  net_free(&self);
}
END_TEST

START_TEST(normalise__counts_the_parts_of_a_split_without_sizes) {
  net self;
  net_make(&self, 13);
  net_input(&self, "x", BLOK_F32, "2,4");
  blok_node_id split = net_node(&self, "Split", "x", "y,z");
  net_int(&self, split, "axis", 1);
  net_output(&self, "y");
  net_output(&self, "z");
  net_work(&self);
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "num_outputs", 0), 2);
  net_free(&self);
}
END_TEST

START_TEST(normalise__gives_split_2_its_sizes_as_input) {
  net self;
  net_make(&self, 11);
  net_input(&self, "x", BLOK_F32, "2,3");
  blok_node_id split = net_node(&self, "Split", "x", "y,z");
  net_int(&self, split, "axis", 1);
  net_ints(&self, split, "split", 2, (int64_t[]){1, 2});
  net_output(&self, "y");
  net_output(&self, "z");
  net_work(&self);
  check_ints(&self, 1, 2, (int64_t[]){1, 2});
  ck_assert_ptr_null(blok_node_attr(net_maker(&self, "y"), "num_outputs"));
  net_free(&self);
}
END_TEST

START_TEST(normalise__gives_squeeze_and_unsqueeze_their_axes_as_input) {
  net self;
  net_make(&self, 11);
  net_input(&self, "x", BLOK_F32, "N,3,1");
  blok_node_id squeeze = net_node(&self, "Squeeze", "x", "a");
  net_node(&self, "Softmax", "a", "b");
  blok_node_id unsqueeze = net_node(&self, "Unsqueeze", "b", "y");
  net_ints(&self, squeeze, "axes", 1, (int64_t[]){2});
  net_ints(&self, unsqueeze, "axes", 1, (int64_t[]){0});
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Squeeze Softmax Unsqueeze");
  check_ints(&self, 1, 1, (int64_t[]){0});
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_an_attribute_of_the_wrong_kind) {
  net self;
  net_make(&self, 11);
  net_input(&self, "x", BLOK_F32, "2,3,1");
  blok_node_id squeeze = net_node(&self, "Squeeze", "x", "y");
  net_text(&self, squeeze, "axes", "all");
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_MALFORMED, "attribute axes is not a list of integers");
  net_free(&self);
}
END_TEST

START_TEST(normalise__lists_what_it_cannot_run_with_counts_and_first_nodes) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "2");
  net_node(&self, "LSTM", "x", "a");
  net_node(&self, "local:Thing", "a", "b");
  net_node(&self, "LSTM", "b", "c");
  net_node(&self, "Gelu", "c", "d");  // came with operator set 20
  net_node(&self, "Op1", "d", "e");
  net_node(&self, "Op2", "e", "f");
  net_node(&self, "Op3", "f", "g");
  net_node(&self, "Op4", "g", "h");
  net_output(&self, "h");
  net_refuse(&self, BLOK_E_UNSUPPORTED,
             "operators that this build cannot run: LSTM x2 (first: node 'a'), local.Thing x1 "
             "(first: node 'b'), Gelu of operator set 17 x1 (first: node 'd'), Op1 x1 (first: node "
             "'e'), Op2 x1 (first: node 'f'), and 2 more");
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_an_attribute_whose_type_is_not_its_operators) {
  net self;
  net_make(&self, 17);
  net_input(&self, "x", BLOK_F32, "2");
  blok_node_id leaky = net_node(&self, "LeakyRelu", "x", "y");
  net_int(&self, leaky, "alpha", 2);
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_MALFORMED, "LeakyRelu node 'y': attribute alpha is not a float");
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_an_operator_set_newer_than_known) {
  net self;
  net_make(&self, 29);
  net_input(&self, "x", BLOK_F32, "2");
  net_node(&self, "Relu", "x", "y");
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_UNSUPPORTED, "uses operator set 29, this build knows sets up to 28");
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_more_inputs_than_the_version_takes) {
  net self;
  net_make(&self, 9);
  net_input(&self, "x", BLOK_F32, "2");
  net_node(&self, "Clip", "x,x,x", "y");
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_MALFORMED, "Clip node 'y' has 3 inputs, operator set 9 allows 1");
  net_free(&self);
}
END_TEST

Suite *suite_upgrade(void);
Suite *suite_upgrade(void) {
  Suite *suite = suite_create("upgrade");
  TCase *rules = tcase_create("rules");
  tcase_add_test(rules, normalise__aligns_the_second_operand_at_axis_when_add_is_older_than_7);
  tcase_add_test(rules, normalise__refuses_an_axis_that_does_not_fit);
  tcase_add_test(rules, normalise__aligns_the_exponent_at_axis_when_pow_is_older_than_7);
  tcase_add_test(rules, normalise__gives_selu_the_constants_of_version_1);
  tcase_add_test(rules, normalise__takes_max_and_min_of_every_version);
  tcase_add_test(rules, normalise__drops_consumed_inputs_of_version_1);
  tcase_add_test(rules, normalise__keeps_inference_of_batch_norm_by_number_of_outputs);
  tcase_add_test(rules, normalise__gives_batch_norm_of_five_outputs_training_mode);
  tcase_add_test(rules, normalise__refuses_batch_norm_whose_saved_mean_is_read);
  tcase_add_test(rules, normalise__takes_is_test_for_inference);
  tcase_add_test(rules, normalise__spells_batch_norm_per_element_out);
  tcase_add_test(rules, normalise__reads_the_type_name_of_cast_version_1);
  tcase_add_test(rules, normalise__gives_clip_its_bounds_as_inputs_of_the_same_type);
  tcase_add_test(rules, normalise__gives_concat_axis_1_when_version_1_has_none);
  tcase_add_test(rules, normalise__makes_the_mask_of_an_old_dropout_one_of_numbers);
  tcase_add_test(rules, normalise__drops_the_broadcast_flag_of_gemm);
  tcase_add_test(rules, normalise__gives_pad_its_pads_and_value_as_inputs);
  tcase_add_test(rules, normalise__spreads_a_slope_for_each_channel);
  tcase_add_test(rules, normalise__gives_reductions_their_axes_as_input);
  tcase_add_test(rules, normalise__takes_no_axes_and_empty_axes_for_all);
  tcase_add_test(rules, normalise__gives_reshape_its_shape_as_input);
  tcase_add_test(rules, normalise__maps_resize_10_and_upsample_by_asymmetric_floor);
  tcase_add_test(rules, normalise__leaves_out_empty_inputs_of_resize_11);
  tcase_add_test(rules, normalise__gives_slice_its_ranges_as_inputs);
  tcase_add_test(rules, normalise__keeps_an_old_softmax_whose_axis_is_the_last);
  tcase_add_test(rules, normalise__flattens_around_an_old_softmax_of_more_axes);
  tcase_add_test(rules, normalise__counts_the_parts_of_a_split_without_sizes);
  tcase_add_test(rules, normalise__gives_split_2_its_sizes_as_input);
  tcase_add_test(rules, normalise__gives_squeeze_and_unsqueeze_their_axes_as_input);
  tcase_add_test(rules, normalise__refuses_an_attribute_of_the_wrong_kind);
  suite_add_tcase(suite, rules);
  TCase *refusals = tcase_create("refusals");
  tcase_add_test(refusals, normalise__lists_what_it_cannot_run_with_counts_and_first_nodes);
  tcase_add_test(refusals, normalise__refuses_an_attribute_whose_type_is_not_its_operators);
  tcase_add_test(refusals, normalise__refuses_an_operator_set_newer_than_known);
  tcase_add_test(refusals, normalise__refuses_more_inputs_than_the_version_takes);
  suite_add_tcase(suite, refusals);
  return suite;
}
