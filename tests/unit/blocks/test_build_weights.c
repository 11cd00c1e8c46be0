// Weights: their names as PyTorch's modules have them, their numbers from seed and name alone, the
// caller's in their place.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "blocks/build/build.h"

Suite *suite_build_weights(void);

static blok_error error = BLOK_ERROR_INIT;

#define OK(call) ck_assert_msg((call) == BLOK_OK, "%s", error.message)

static blok_builder *begin_with(blok_naming naming, uint64_t seed, blok_value_id *x) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  const int64_t dims[4] = {2, 16, 32, 32};
  blok_builder *builder = NULL;
  options.naming = naming;
  options.seed = seed;
  OK(blok_builder_new(&options, &builder, &error));
  OK(blok_build_input(builder, "x", BLOK_F32, 4, dims, x, &error));
  return builder;
}

// The weights in order are these, ended by NULL.
static void check_names(const blok_builder *builder, const char *const *names) {
  size_t i = 0;
  for (;; i++) {
    blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
    const blok_status status = blok_build_weight_info(builder, i, &info);
    if (!names[i]) {
      ck_assert_msg(status == BLOK_E_NOT_FOUND, "'%s' is one more", info.name);
      return;
    }
    ck_assert_msg(status == BLOK_OK, "'%s' is missing", names[i]);
    ck_assert_str_eq(info.name, names[i]);
  }
}

#define BN(name) name ".weight", name ".bias", name ".running_mean", name ".running_var"

// ---- Names --------------------------------------------------------------------------------------

START_TEST(build_weights__go_by_the_names_of_the_guide) {
  blok_value_id x;
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_conv_desc conv = BLOK_CONV_DESC_INIT;
  blok_builder *builder = begin_with(BLOK_NAMING_GUIDE, 0, &x);
  conv.out_channels = 16;
  OK(blok_build_conv(builder, "stem", &conv, &x, &error));
  OK(blok_build_conv_norm_act(builder, "features.0", NULL, &x, &error));
  options.out_channels = 32;
  options.stride = 2;
  options.se = true;
  OK(blok_build_basic(builder, "post", &options, &x, &error));
  options.se = false;
  options.order = BLOK_ORDER_PRE;
  options.out_channels = 64;
  OK(blok_build_basic(builder, "pre", &options, &x, &error));
  options = (blok_block_options)BLOK_BLOCK_OPTIONS_INIT;
  options.out_channels = 128;
  OK(blok_build_bottleneck(builder, "", &options, &x, &error));
  OK(blok_build_se(builder, "", NULL, &x, &error));
  OK(blok_build_head(builder, "", NULL, &x, &error));
  static const char *const names[] = {"stem.weight",
                                      "features.0.conv.weight",
                                      BN("features.0.bn"),
                                      "post.conv1.conv.weight",
                                      BN("post.conv1.bn"),
                                      "post.conv2.0.weight",
                                      BN("post.conv2.1"),
                                      "post.se.fc.0.weight",
                                      "post.se.fc.0.bias",
                                      "post.se.fc.2.weight",
                                      "post.se.fc.2.bias",
                                      "post.proj.0.weight",
                                      BN("post.proj.1"),
                                      BN("pre.bn1"),
                                      "pre.conv1.weight",
                                      BN("pre.bn2"),
                                      "pre.conv2.weight",
                                      "pre.proj.weight",
                                      "conv1.conv.weight",
                                      BN("conv1.bn"),
                                      "conv2.conv.weight",
                                      BN("conv2.bn"),
                                      "conv3.0.weight",
                                      BN("conv3.1"),
                                      "proj.0.weight",
                                      BN("proj.1"),
                                      "fc.0.weight",
                                      "fc.0.bias",
                                      "fc.2.weight",
                                      "fc.2.bias",
                                      "fc.weight",
                                      "fc.bias",
                                      NULL};
  check_names(builder, names);
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_weights__go_by_the_names_of_torchvision) {
  blok_value_id x;
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_conv_desc conv = BLOK_CONV_DESC_INIT;
  blok_builder *builder = begin_with(BLOK_NAMING_TORCHVISION, 0, &x);
  conv.out_channels = 16;
  OK(blok_build_conv(builder, "conv1", &conv, &x, &error));
  OK(blok_build_norm(builder, "bn1", BLOK_NORM_BATCH, 0, 1e-5, &x, &error));
  options.out_channels = 32;
  options.stride = 2;
  OK(blok_build_basic(builder, "layer1.0", &options, &x, &error));
  options.se = true;
  options.skip_average_pool = true;
  options.out_channels = 64;
  OK(blok_build_bottleneck(builder, "layer2.0", &options, &x, &error));
  static const char *const names[] = {"conv1.weight",
                                      BN("bn1"),
                                      "layer1.0.conv1.weight",
                                      BN("layer1.0.bn1"),
                                      "layer1.0.conv2.weight",
                                      BN("layer1.0.bn2"),
                                      "layer1.0.downsample.0.weight",
                                      BN("layer1.0.downsample.1"),
                                      "layer2.0.conv1.weight",
                                      BN("layer2.0.bn1"),
                                      "layer2.0.conv2.weight",
                                      BN("layer2.0.bn2"),
                                      "layer2.0.conv3.weight",
                                      BN("layer2.0.bn3"),
                                      "layer2.0.se.fc1.weight",
                                      "layer2.0.se.fc1.bias",
                                      "layer2.0.se.fc2.weight",
                                      "layer2.0.se.fc2.bias",
                                      "layer2.0.downsample.1.weight",
                                      BN("layer2.0.downsample.2"),
                                      NULL};
  check_names(builder, names);
  blok_builder_free(&builder);
}
END_TEST

// ---- Numbers ------------------------------------------------------------------------------------

// The floats of a weight; *count of them.
static const float *numbers_of(const blok_builder *builder, const char *name, size_t *count) {
  blok_value_id value;
  OK(blok_build_find(builder, name, &value, &error));
  const blok_literal *literal = blok_value_at(builder->graph, value)->literal;
  ck_assert_ptr_nonnull(literal);
  ck_assert(blok_literal_count(literal, count));
  return blok_storage_memory(literal->storage);
}

START_TEST(build_weights__are_uniform_within_one_over_the_root_of_what_comes_in) {
  blok_value_id x;
  size_t count = 0;
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_builder *builder = begin_with(BLOK_NAMING_GUIDE, 7, &x);
  options.out_channels = 256;
  options.groups = 2;
  OK(blok_build_conv_norm_act(builder, "c", &options, &x, &error));
  const float *w = numbers_of(builder, "c.conv.weight", &count);
  ck_assert_uint_eq(count, 256 * 8 * 9);
  const double bound = 1.0 / sqrt(8 * 9);
  double sum = 0, squares = 0, largest = 0;
  for (size_t i = 0; i < count; i++) {
    const double number = (double)w[i];
    sum += number;
    squares += number * number;
    if (fabs(number) > largest) largest = fabs(number);
  }
  const double n = (double)count, variance = bound * bound / 3;
  ck_assert(largest <= bound && largest > 0.99 * bound);
  ck_assert(fabs(sum / n) < 5 * sqrt(variance / n));
  // The variance of a square of a uniform number is 4/5 of its mean squared.
  ck_assert(fabs(squares / n - variance) < 5 * variance * sqrt(0.8 / n));

  static const struct {
    const char *name;
    float number;
  } norms[] = {
      {"c.bn.weight", 1}, {"c.bn.bias", 0}, {"c.bn.running_mean", 0}, {"c.bn.running_var", 1}};
  for (size_t k = 0; k < 4; k++) {
    const float *norm = numbers_of(builder, norms[k].name, &count);
    ck_assert_uint_eq(count, 256);
    for (size_t i = 0; i < count; i++) ck_assert(norm[i] == norms[k].number);
  }
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_weights__depend_on_seed_and_name_alone) {
  blok_value_id x;
  size_t count = 0, other = 0;
  blok_builder *a = begin_with(BLOK_NAMING_GUIDE, 1, &x);
  OK(blok_build_conv_norm_act(a, "c", NULL, &x, &error));
  OK(blok_build_conv_norm_act(a, "d", NULL, &x, &error));
  blok_value_id y;
  blok_builder *b = begin_with(BLOK_NAMING_GUIDE, 1, &y);
  OK(blok_build_basic(b, "first", NULL, &y, &error));
  OK(blok_build_conv_norm_act(b, "d", NULL, &y, &error));
  blok_value_id z;
  blok_builder *c = begin_with(BLOK_NAMING_GUIDE, 2, &z);
  OK(blok_build_conv_norm_act(c, "d", NULL, &z, &error));
  const float *of_a = numbers_of(a, "d.conv.weight", &count);
  const float *of_b = numbers_of(b, "d.conv.weight", &other);
  const float *of_c = numbers_of(c, "d.conv.weight", &other);
  const float *beside = numbers_of(a, "c.conv.weight", &other);
  ck_assert_uint_eq(count, other);
  ck_assert_int_eq(memcmp(of_a, of_b, count * sizeof *of_a), 0);
  ck_assert_int_ne(memcmp(of_a, of_c, count * sizeof *of_a), 0);
  ck_assert_int_ne(memcmp(of_a, beside, count * sizeof *of_a), 0);
  blok_builder_free(&a);
  blok_builder_free(&b);
  blok_builder_free(&c);
}
END_TEST

// ---- The caller's -------------------------------------------------------------------------------

static blok_tensor tensor_of(float *numbers, size_t bytes, uint32_t rank, int64_t a, int64_t b) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = rank;
  tensor.dims[0] = a;
  tensor.dims[1] = b;
  tensor.data = numbers;
  tensor.bytes = bytes;
  return tensor;
}

START_TEST(build_weights__the_callers_numbers_are_copied_into_place) {
  blok_value_id x;
  float numbers[16];
  size_t count = 0;
  blok_builder *builder = begin_with(BLOK_NAMING_GUIDE, 0, &x);
  OK(blok_build_basic(builder, "b", NULL, &x, &error));
  for (int i = 0; i < 16; i++) numbers[i] = (float)i;
  const blok_tensor tensor = tensor_of(numbers, sizeof numbers, 1, 16, 0);
  OK(blok_build_weight(builder, "b.conv1.bn.bias", &tensor, &error));
  numbers[3] = 99;
  const float *now = numbers_of(builder, "b.conv1.bn.bias", &count);
  ck_assert_uint_eq(count, 16);
  for (int i = 0; i < 16; i++) ck_assert(now[i] == (float)i);
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_weights__the_callers_numbers_of_another_size_or_type_are_refused) {
  blok_value_id x;
  float numbers[32] = {0};
  blok_builder *builder = begin_with(BLOK_NAMING_GUIDE, 0, &x);
  OK(blok_build_basic(builder, "b", NULL, &x, &error));
  blok_tensor tensor = tensor_of(numbers, sizeof numbers, 1, 17, 0);
  const char *name = "b.conv1.bn.bias";
  ck_assert(blok_build_weight(builder, name, &tensor, &error) == BLOK_E_ARGUMENT);
  ck_assert_str_eq(error.message,
                   "weight 'b.conv1.bn.bias' is float32[16], and the tensor float32[17]");
  tensor = tensor_of(numbers, sizeof numbers, 2, 16, 1);
  ck_assert(blok_build_weight(builder, name, &tensor, &error) == BLOK_E_ARGUMENT);
  tensor = tensor_of(numbers, sizeof numbers, 1, 16, 0);
  tensor.dtype = BLOK_F16;
  ck_assert(blok_build_weight(builder, name, &tensor, &error) == BLOK_E_ARGUMENT);
  tensor = tensor_of(numbers, 63, 1, 16, 0);
  ck_assert(blok_build_weight(builder, name, &tensor, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "needs 64 bytes, the tensor has 63"));
  tensor = tensor_of(NULL, 64, 1, 16, 0);
  ck_assert(blok_build_weight(builder, name, &tensor, &error) == BLOK_E_ARGUMENT);
  tensor = tensor_of(numbers, sizeof numbers, 1, -16, 0);
  ck_assert(blok_build_weight(builder, name, &tensor, &error) == BLOK_E_ARGUMENT);
  tensor = tensor_of(numbers, sizeof numbers, 1, 16, 0);
  tensor.struct_size = 0;
  ck_assert(blok_build_weight(builder, name, &tensor, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_weight(builder, name, NULL, &error) == BLOK_E_ARGUMENT);
  tensor = tensor_of(numbers, sizeof numbers, 1, 16, 0);
  ck_assert(blok_build_weight(builder, "b.conv1.bn.bais", &tensor, &error) == BLOK_E_NOT_FOUND);
  ck_assert_ptr_nonnull(strstr(error.message,
                               "no weight is called 'b.conv1.bn.bais'; near it: "
                               "'b.conv1.bn.bias'"));
  ck_assert(blok_build_weight(builder, "x", &tensor, &error) == BLOK_E_NOT_FOUND);
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_weights__numbers_that_shapes_came_from_stay) {
  blok_value_id x, shape, out;
  int64_t target[2] = {2, -1};
  blok_builder *builder = begin_with(BLOK_NAMING_GUIDE, 0, &x);
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_I64;
  tensor.rank = 1;
  tensor.dims[0] = 2;
  tensor.data = target;
  tensor.bytes = sizeof target;
  OK(blok_build_constant(builder, "shape", &tensor, &shape, &error));
  OK(blok_build_weight(builder, "shape", &tensor, &error));
  const blok_value_id inputs[2] = {x, shape};
  blok_operator op = BLOK_OPERATOR_INIT;
  op.op_type = "Reshape";
  op.inputs = inputs;
  op.input_count = 2;
  OK(blok_build_operator(builder, "r", &op, &out, 1, &error));
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert(blok_build_value_info(builder, out, &info) == BLOK_OK);
  ck_assert_int_eq(info.rank, 2);
  ck_assert_int_eq(info.axes[1].value, 16 * 32 * 32);
  OK(blok_build_weight(builder, "shape", &tensor, &error));
  target[0] = 4;
  ck_assert(blok_build_weight(builder, "shape", &tensor, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "shapes have been inferred from its numbers"));
  ck_assert_ptr_nonnull(strstr(error.message, "is [4, 8192] rather than [2, 16384]"));
  target[0] = 2;
  target[1] = 3;
  ck_assert(blok_build_weight(builder, "shape", &tensor, &error) != BLOK_OK);
  ck_assert(blok_build_value_info(builder, out, &info) == BLOK_OK);
  ck_assert_int_eq(info.axes[1].value, 16 * 32 * 32);
  target[1] = 16 * 32 * 32;  // the same shape in other words
  OK(blok_build_weight(builder, "shape", &tensor, &error));
  blok_builder_free(&builder);
}
END_TEST

// Inference evaluates what is small and constant: a short bias, a small weight that is turned.
START_TEST(build_weights__small_ones_of_which_more_is_known_can_be_replaced) {
  blok_value_id x;
  float numbers[64];
  size_t count = 0;
  blok_builder *builder = begin_with(BLOK_NAMING_GUIDE, 0, &x);
  blok_residual_desc scaled = BLOK_RESIDUAL_DESC_INIT;
  scaled.conv[0].out_channels = scaled.conv[1].out_channels = 16;
  scaled.scale = BLOK_SCALE_CHANNELS;
  OK(blok_build_residual(builder, "b", &scaled, &x, &error));
  OK(blok_build_linear(builder, "wide", 2, true, &x, &error));
  OK(blok_build_linear(builder, "small", 4, true, &x, &error));
  for (int i = 0; i < 64; i++) numbers[i] = (float)i;
  const blok_tensor bias = tensor_of(numbers, sizeof numbers, 1, 4, 0);
  const blok_tensor weight = tensor_of(numbers, sizeof numbers, 2, 4, 2);
  blok_tensor gamma = tensor_of(numbers, sizeof numbers, 3, 16, 1);
  gamma.dims[2] = 1;
  OK(blok_build_weight(builder, "b.gamma", &gamma, &error));
  OK(blok_build_weight(builder, "small.bias", &bias, &error));
  OK(blok_build_weight(builder, "small.weight", &weight, &error));
  OK(blok_build_weight(builder, "small.weight", &weight, &error));
  const float *now = numbers_of(builder, "small.weight", &count);
  ck_assert_uint_eq(count, 8);
  for (int i = 0; i < 8; i++) ck_assert(now[i] == (float)i);
  blok_builder_free(&builder);
}
END_TEST

// A slope of one number where a channel has one too: the weight by that name is what the node
// reads.
START_TEST(build_weights__every_listed_one_is_read) {
  blok_value_id x;
  blok_builder *builder = begin_with(BLOK_NAMING_GUIDE, 0, &x);
  blok_se_desc desc = BLOK_SE_DESC_INIT;
  desc.hidden = 1;
  desc.activation = BLOK_ACT_PRELU;
  OK(blok_build_squeeze_excite(builder, "se", &desc, &x, &error));
  const blok_graph *graph = builder->graph;
  for (uint32_t w = 0; w < builder->n_weights; w++) {
    uint32_t reads = 0;
    for (uint32_t i = 0; i < graph->n_order; i++) {
      const blok_node *node = blok_node_at(graph, graph->order[i]);
      for (uint32_t s = 0; s < node->n_inputs; s++) {
        reads += blok_same_value(node->inputs[s], builder->weights[w]);
      }
    }
    ck_assert_msg(reads == 1, "%s", blok_value_at(graph, builder->weights[w])->name);
  }
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_weights__a_constant_is_listed_where_it_can_be_trained) {
  blok_value_id x, made;
  float number = 0;
  blok_builder *builder = begin_with(BLOK_NAMING_GUIDE, 0, &x);
  blok_tensor tensor = tensor_of(&number, sizeof number, 1, 1, 0);
  OK(blok_build_constant(builder, "one", &tensor, &made, &error));
  tensor.rank = 0;
  OK(blok_build_constant(builder, "scalar", &tensor, &made, &error));
  ck_assert(blok_build_constant(builder, "one", &tensor, &made, &error) == BLOK_E_ARGUMENT);
  ck_assert(blok_build_constant(builder, "", &tensor, &made, &error) == BLOK_E_ARGUMENT);
  OK(blok_build_upsample(builder, "up", 2, false, &x, &error));
  static const char *const names[] = {"one", NULL};
  check_names(builder, names);
  // Looked at anew, the list is the same.
  OK(blok_build_add(builder, "a", made, &made, &error));
  OK(blok_builder_changed(builder, &error));
  check_names(builder, names);
  blok_builder_free(&builder);
}
END_TEST

Suite *suite_build_weights(void) {
  Suite *suite = suite_create("build_weights");
  TCase *tcase = tcase_create("build_weights");
  tcase_add_test(tcase, build_weights__go_by_the_names_of_the_guide);
  tcase_add_test(tcase, build_weights__go_by_the_names_of_torchvision);
  tcase_add_test(tcase, build_weights__are_uniform_within_one_over_the_root_of_what_comes_in);
  tcase_add_test(tcase, build_weights__depend_on_seed_and_name_alone);
  tcase_add_test(tcase, build_weights__the_callers_numbers_are_copied_into_place);
  tcase_add_test(tcase, build_weights__the_callers_numbers_of_another_size_or_type_are_refused);
  tcase_add_test(tcase, build_weights__numbers_that_shapes_came_from_stay);
  tcase_add_test(tcase, build_weights__small_ones_of_which_more_is_known_can_be_replaced);
  tcase_add_test(tcase, build_weights__every_listed_one_is_read);
  tcase_add_test(tcase, build_weights__a_constant_is_listed_where_it_can_be_trained);
  suite_add_tcase(suite, tcase);
  return suite;
}
