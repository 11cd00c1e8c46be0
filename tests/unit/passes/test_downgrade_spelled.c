// Operators that an older set did not have are spelled out by others, with the same result.
#include <check.h>
#include <math.h>
#include <string.h>

#include "downgraded.h"
#include "support/tensors.h"

#define NEWEST 28

static float values[8] = {-4, -2, -1, 0, 1, 2, 3, 4};
static float counting[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static blok_tensor eight(float *from) {
  return blok_test_tensor(BLOK_F32, from, 8 * sizeof *from, 3, 1, 2, 4);
}

// ---- Activations --------------------------------------------------------------------------------

static void expect_activation(const char *op_type, const char *attr, float value, int64_t opset,
                              const char *ops, double (*function)(double)) {
  net self;
  float want[8];
  blok_tensor x = eight(values);
  begin(&self, NEWEST, "1,2,4");
  blok_node_id node = net_node(&self, op_type, "x", "y");
  if (attr) net_float(&self, node, attr, value);
  for (int i = 0; i < 8; i++) want[i] = (float)function((double)values[i]);
  expect_spelled(&self, opset, ops, &x, "1,2,4", want);
}

static double hard_swish(double x) { return x * fmax(0, fmin(1, x / 6 + 0.5)); }
static double mish(double x) { return x * tanh(log1p(exp(x))); }
static double gelu(double x) { return 0.5 * x * (1 + erf(x / sqrt(2.0))); }
static double silu(double x) { return x / (1 + exp(-x)); }
static double swish_2(double x) { return x / (1 + exp(-2 * x)); }
static double celu_2(double x) { return fmax(0, x) + fmin(0, 2 * (exp(x / 2) - 1)); }
static double thresholded(double x) { return x > 1.5 ? x : 0; }
static double gelu_tanh(double x) {
  return 0.5 * x * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

START_TEST(downgrade__spells_activations_out) {
  expect_activation("HardSwish", NULL, 0, 13, "HardSigmoid Mul", hard_swish);
  expect_activation("Mish", NULL, 0, 17, "Softplus Tanh Mul", mish);
  expect_activation("Gelu", NULL, 0, 19, "Div Erf Add Mul Mul", gelu);
  expect_activation("Swish", NULL, 0, 23, "Sigmoid Mul", silu);
  expect_activation("Swish", "alpha", 2, 7, "Mul Sigmoid Mul", swish_2);
  expect_activation("Celu", "alpha", 2, 11, "Div Elu Mul", celu_2);
  expect_activation("ThresholdedRelu", "alpha", 1.5F, 7, "Greater Cast Mul", thresholded);
}
END_TEST

START_TEST(downgrade__spells_gelu_by_tanh_and_refuses_erf_before_it_came) {
  net self;
  float want[8];
  blok_tensor x = eight(values);
  begin(&self, NEWEST, "1,2,4");
  net_node(&self, "Gelu", "x", "y");
  net_output(&self, "y");
  convert_refused(&self, 8, BLOK_E_UNSUPPORTED,
                  "Gelu node 'y' cannot be written in operator set 8");
  net_free(&self);
  begin(&self, NEWEST, "1,2,4");
  net_text(&self, net_node(&self, "Gelu", "x", "y"), "approximate", "tanh");
  for (int i = 0; i < 8; i++) want[i] = (float)gelu_tanh((double)values[i]);
  expect_spelled(&self, 7, "Mul Mul Mul Add Mul Tanh Add Mul Mul", &x, "1,2,4", want);
}
END_TEST

// ---- Norms --------------------------------------------------------------------------------------

START_TEST(downgrade__spells_group_norm_by_instance_norm) {
  // Two groups of two channels: means 1.5 and 5.5 of two values that lie 1 apart.
  static const float want[8] = {-1.3416408F, -0.4472136F, 10 + 0.8944272F, 10 + 2.6832816F,
                                -1.3416408F, -0.4472136F, 10 + 0.8944272F, 10 + 2.6832816F};
  net self;
  net_make(&self, NEWEST);
  net_input(&self, "x", BLOK_F32, "N,4,2");
  net_f32(&self, "scale", "4", (float[]){1, 2, 1, 2});
  net_f32(&self, "bias", "4", (float[]){0, 10, 0, 10});
  blok_node_id norm = net_node(&self, "GroupNormalization", "x,scale,bias", "y");
  net_int(&self, norm, "num_groups", 2);
  net_float(&self, norm, "epsilon", 0);
  net_output(&self, "y");
  blok_tensor x = blok_test_tensor(BLOK_F32, counting, sizeof counting, 3, 1, 4, 2);
  for (int64_t opset = 7; opset <= 20; opset += 13) {
    convert_to(&self, opset,
               "Reshape Constant Constant InstanceNormalization Reshape Unsqueeze Unsqueeze Mul "
               "Add");
    converted_gives(&self, &x, "1,4,2", want);
    // What is trained is there under the names and in the shapes that it had.
    const blok_value *scale = blok_value_at(self.work->graph, net_value(self.work->graph, "scale"));
    ck_assert_ptr_nonnull(scale->literal);
    ck_assert_uint_eq(scale->literal->rank, 1);
    ck_assert_int_eq(scale->literal->dims[0], 4);
    for (uint32_t i = 0; i < self.work->graph->n_initializers; i++) {
      const blok_value *value = blok_value_at(self.work->graph, self.work->graph->initializers[i]);
      ck_assert_int_eq(value->literal->dtype == BLOK_F32,
                       strcmp(value->name, "scale") == 0 || strcmp(value->name, "bias") == 0);
    }
  }
  convert_to(&self, 21, "GroupNormalization");
  net_free(&self);
}
END_TEST

START_TEST(downgrade__spells_layer_norm_and_its_statistics) {
  net self;
  begin(&self, NEWEST, "1,2,4");
  net_f32(&self, "scale", "4", (float[]){1, 1, 2, 2});
  net_f32(&self, "bias", "4", (float[]){0, 1, 0, 1});
  blok_node_id norm = net_node(&self, "LayerNormalization", "x,scale,bias", "y,mean,inverse");
  net_float(&self, norm, "epsilon", 0);
  net_output(&self, "mean");
  net_output(&self, "inverse");
  blok_tensor x = eight(counting);
  expect_spelled(&self, 16,
                 "ReduceMean Identity Sub Mul ReduceMean Add Sqrt Reciprocal Div Mul Add", &x,
                 "1,2,4",
                 (float[]){-1.3416408F, 0.5527864F, 0.8944272F, 3.6832816F, -1.3416408F, 0.5527864F,
                           0.8944272F, 3.6832816F});
}
END_TEST

START_TEST(downgrade__spells_rms_norm) {
  net self;
  float rows[8] = {1, 1, 1, 1, 3, 3, -3, -3};
  begin(&self, NEWEST, "1,2,4");
  net_f32(&self, "scale", "4", (float[]){1, 2, 3, 4});
  net_float(&self, net_node(&self, "RMSNormalization", "x,scale", "y"), "epsilon", 0);
  blok_tensor x = eight(rows);
  expect_spelled(&self, 9, "Mul ReduceMean Add Sqrt Div Mul", &x, "1,2,4",
                 (float[]){1, 2, 3, 4, 1, 2, -3, -4});
}
END_TEST

// ---- Softmax ------------------------------------------------------------------------------------

START_TEST(downgrade__turns_softmax_round_where_its_axis_is_not_the_last) {
  net self;
  blok_tensor x =
      blok_test_tensor(BLOK_F32, (float[]){0, 0, 0, 1.0986123F}, 4 * sizeof(float), 3, 1, 2, 2);
  begin(&self, NEWEST, "1,2,2");
  net_int(&self, net_node(&self, "Softmax", "x", "y"), "axis", 1);
  net_output(&self, "y");
  convert_to(&self, 12, "Transpose Softmax Transpose");
  converted_gives(&self, &x, "1,2,2", (float[]){0.5F, 0.25F, 0.5F, 0.75F});
  net_free(&self);
}
END_TEST

START_TEST(downgrade__keeps_softmax_whose_axis_is_the_last_that_counts) {
  net self;
  begin(&self, NEWEST, "N,10,1,1");
  net_int(&self, net_node(&self, "Softmax", "x", "y"), "axis", -3);
  net_output(&self, "y");
  convert_to(&self, 7, "Softmax");
  ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "axis", 7), 1);
  net_free(&self);
}
END_TEST

// ---- Comparisons, selection, broadcasting -------------------------------------------------------

START_TEST(downgrade__spells_comparisons_and_selection) {
  net self;
  blok_tensor x = eight(values);
  begin(&self, NEWEST, "1,2,4");
  net_f32(&self, "one", "", (float[]){1});
  net_f32(&self, "ten", "", (float[]){10});
  net_node(&self, "GreaterOrEqual", "x,one", "c");
  net_node(&self, "Where", "c,x,ten", "y");
  net_output(&self, "y");
  const float want[8] = {10, 10, 10, 10, 1, 2, 3, 4};
  convert_to(&self, 11, "Greater Equal Or Where");
  converted_gives(&self, &x, "1,2,4", want);
  convert_to(&self, 8, "Less Not Cast Mul Not Cast Mul Add");
  converted_gives(&self, &x, "1,2,4", want);
  net_free(&self);
}
END_TEST

START_TEST(downgrade__refuses_to_select_infinity_by_products) {
  net self;
  begin(&self, NEWEST, "1,2,4");
  net_input(&self, "c", BLOK_BOOL, "4");
  net_f32(&self, "low", "", (float[]){-INFINITY});
  net_node(&self, "Where", "c,x,low", "y");
  net_output(&self, "y");
  convert_refused(&self, 8, BLOK_E_UNSUPPORTED, "its constant input 2 is not finite");
  convert_to(&self, 9, "Where");
  net_free(&self);
}
END_TEST

START_TEST(downgrade__repeats_where_there_was_no_expand) {
  net self;
  float four[4] = {1, 2, 3, 4};
  blok_tensor x = blok_test_tensor(BLOK_F32, four, sizeof four, 2, 2, 2);
  net_make(&self, NEWEST);
  net_input(&self, "x", BLOK_F32, "2,2");
  net_i64(&self, "shape", "3", (int64_t[]){2, 1, 2});
  net_node(&self, "Expand", "x,shape", "y");
  expect_spelled(&self, 7, "Unsqueeze Tile", &x, "2,2,2", (float[]){1, 2, 3, 4, 1, 2, 3, 4});
}
END_TEST

START_TEST(downgrade__repeats_by_what_a_run_alone_knows) {
  net self;
  net_make(&self, NEWEST);
  net_input(&self, "x", BLOK_F32, "N,3");
  net_f32(&self, "token", "1,2", (float[]){1, 2});
  net_int(&self, net_node(&self, "Shape", "x", "n"), "end", 1);
  net_i64(&self, "two", "1", (int64_t[]){2});
  net_int(&self, net_node(&self, "Concat", "n,two", "shape"), "axis", 0);
  net_node(&self, "Expand", "token,shape", "y");
  blok_tensor x = blok_test_tensor(BLOK_F32, counting, 6 * sizeof *counting, 2, 2, 3);
  expect_spelled(&self, 7, "Shape Slice Concat Mul Add Tile", &x, "2,2", (float[]){1, 2, 1, 2});
}
END_TEST

START_TEST(downgrade__adds_by_twos_where_sum_did_not_broadcast) {
  net self;
  blok_tensor x = eight(counting);
  begin(&self, NEWEST, "1,2,4");
  net_f32(&self, "a", "4", (float[]){10, 20, 30, 40});
  net_f32(&self, "b", "", (float[]){3});
  net_node(&self, "Mean", "x,a,b", "y");
  net_output(&self, "y");
  convert_to(&self, 8, "Mean");
  convert_to(&self, 7, "Add Add Div");
  float want[8];
  for (int i = 0; i < 8; i++) want[i] = (counting[i] + 10.0F * (float)(i % 4 + 1) + 3) / 3;
  converted_gives(&self, &x, "1,2,4", want);
  net_free(&self);
}
END_TEST

START_TEST(downgrade__picks_integers_by_comparison_where_max_took_floats) {
  net self;
  net_make(&self, NEWEST);
  net_input(&self, "x", BLOK_I64, "2");
  net_i64(&self, "one", "", (int64_t[]){1});
  net_node(&self, "Max", "x,one", "y");
  net_output(&self, "y");
  convert_to(&self, 9, "Greater Where Identity");
  convert_refused(&self, 8, BLOK_E_UNSUPPORTED, "int64 values came with 9");
  net_free(&self);
}
END_TEST

START_TEST(downgrade__gives_pow_an_exponent_of_the_bases_type) {
  net self;
  blok_tensor x = eight(values);
  begin(&self, NEWEST, "1,2,4");
  net_i64(&self, "two", "", (int64_t[]){2});
  net_node(&self, "Pow", "x,two", "y");
  expect_spelled(&self, 11, "Pow", &x, "1,2,4", (float[]){16, 4, 1, 0, 1, 4, 9, 16});
}
END_TEST

// ---- Resize -------------------------------------------------------------------------------------

static void twice(net *self, const char *dims, const char *mode) {
  net_make(self, NEWEST);
  net_input(self, "x", BLOK_F32, dims);
  net_f32(self, "scales", "4", (float[]){1, 1, 2, 2});
  net_text(self, net_node(self, "Resize", "x,,scales", "y"), "mode", mode);
  net_output(self, "y");
}

START_TEST(downgrade__writes_nearest_by_whole_scales_as_resize_10_and_upsample) {
  static const float want[8] = {1, 1, 2, 2, 1, 1, 2, 2};
  net self;
  blok_tensor x = blok_test_tensor(BLOK_F32, counting, 2 * sizeof *counting, 4, 1, 1, 1, 2);
  twice(&self, "N,1,H,2", "nearest");
  convert_to(&self, 13, "Resize");
  ck_assert(!blok_node_input(net_maker(&self, "y"), 1).i);
  convert_to(&self, 11, "Resize");
  ck_assert(blok_node_input(net_maker(&self, "y"), 1).i != 0);
  convert_to(&self, 10, "Resize");
  ck_assert_uint_eq(net_maker(&self, "y")->n_inputs, 2);
  converted_gives(&self, &x, "1,1,2,4", want);
  convert_to(&self, 9, "Upsample");
  converted_gives(&self, &x, "1,1,2,4", want);
  convert_to(&self, 7, "Upsample");
  ck_assert_uint_eq(net_maker(&self, "y")->n_inputs, 1);
  converted_gives(&self, &x, "1,1,2,4", want);
  net_free(&self);
}
END_TEST

START_TEST(downgrade__rounds_scales_up_where_sizes_would_come_out_too_short) {
  // 12 times the float next to 17 / 12 is below 17.
  net self;
  net_make(&self, NEWEST);
  net_input(&self, "x", BLOK_F32, "1,1,1,12");
  net_i64(&self, "sizes", "4", (int64_t[]){1, 1, 1, 17});
  blok_node_id resize = net_node(&self, "Resize", "x,,,sizes", "y");
  net_text(&self, resize, "coordinate_transformation_mode", "asymmetric");
  net_text(&self, resize, "nearest_mode", "floor");
  net_output(&self, "y");
  convert_to(&self, 7, "Upsample");
  const blok_attr *scales = blok_node_attr(net_maker(&self, "y"), "scales");
  ck_assert_ptr_nonnull(scales);
  ck_assert_double_ge(12.0 * (double)scales->as.floats[3], 17.0);
  ck_assert_double_lt((double)scales->as.floats[3], 1.41667);
  net_free(&self);
}
END_TEST

START_TEST(downgrade__mixes_pixels_by_products_below_11) {
  net self;
  blok_tensor x = blok_test_tensor(BLOK_F32, counting, 2 * sizeof *counting, 4, 1, 1, 1, 2);
  twice(&self, "N,1,1,2", "linear");
  convert_to(&self, 10, "MatMul MatMul Identity");
  converted_gives(&self, &x, "1,1,2,4", (float[]){1, 1.25F, 1.75F, 2, 1, 1.25F, 1.75F, 2});
  net_free(&self);
  twice(&self, "N,1,H,2", "linear");
  convert_refused(&self, 10, BLOK_E_UNSUPPORTED, "Resize node 'y'");
  net_free(&self);
}
END_TEST

START_TEST(downgrade__gathers_the_nearest_pixels_where_the_old_form_takes_others) {
  net self;
  float row[4] = {1, 2, 3, 4};
  blok_tensor x = blok_test_tensor(BLOK_F32, row, sizeof row, 4, 1, 1, 1, 4);
  net_make(&self, NEWEST);
  net_input(&self, "x", BLOK_F32, "1,1,1,4");
  net_i64(&self, "sizes", "1", (int64_t[]){3});
  blok_node_id resize = net_node(&self, "Resize", "x,,,sizes", "y");
  net_ints(&self, resize, "axes", 1, (int64_t[]){3});
  net_output(&self, "y");
  convert_to(&self, 17, "Resize");
  ck_assert_ptr_null(blok_node_attr(net_maker(&self, "y"), "axes"));
  converted_gives(&self, &x, "1,1,1,3", (float[]){1, 2, 4});
  convert_to(&self, 9, "Gather Identity");
  converted_gives(&self, &x, "1,1,1,3", (float[]){1, 2, 4});
  net_free(&self);
}
END_TEST

Suite *suite_downgrade_spelled(void);

Suite *suite_downgrade_spelled(void) {
  Suite *suite = suite_create("downgrade_spelled");
  TCase *spelled = tcase_create("spelled");
  tcase_add_test(spelled, downgrade__spells_activations_out);
  tcase_add_test(spelled, downgrade__spells_gelu_by_tanh_and_refuses_erf_before_it_came);
  tcase_add_test(spelled, downgrade__spells_group_norm_by_instance_norm);
  tcase_add_test(spelled, downgrade__spells_layer_norm_and_its_statistics);
  tcase_add_test(spelled, downgrade__spells_rms_norm);
  tcase_add_test(spelled, downgrade__turns_softmax_round_where_its_axis_is_not_the_last);
  tcase_add_test(spelled, downgrade__keeps_softmax_whose_axis_is_the_last_that_counts);
  tcase_add_test(spelled, downgrade__spells_comparisons_and_selection);
  tcase_add_test(spelled, downgrade__refuses_to_select_infinity_by_products);
  tcase_add_test(spelled, downgrade__repeats_where_there_was_no_expand);
  tcase_add_test(spelled, downgrade__repeats_by_what_a_run_alone_knows);
  tcase_add_test(spelled, downgrade__adds_by_twos_where_sum_did_not_broadcast);
  tcase_add_test(spelled, downgrade__picks_integers_by_comparison_where_max_took_floats);
  tcase_add_test(spelled, downgrade__gives_pow_an_exponent_of_the_bases_type);
  tcase_add_test(spelled, downgrade__writes_nearest_by_whole_scales_as_resize_10_and_upsample);
  tcase_add_test(spelled, downgrade__rounds_scales_up_where_sizes_would_come_out_too_short);
  tcase_add_test(spelled, downgrade__mixes_pixels_by_products_below_11);
  tcase_add_test(spelled, downgrade__gathers_the_nearest_pixels_where_the_old_form_takes_others);
  suite_add_tcase(suite, spelled);
  return suite;
}
