// A builder's life: values and their shapes, parts and operators in old and new forms, changes that
// are tried and taken back.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "blocks/build/build.h"
#include "nets/net.h"

Suite *suite_build_builder(void);

static blok_error error = BLOK_ERROR_INIT;

#define OK(call) ck_assert_msg((call) == BLOK_OK, "%s", error.message)

static blok_builder *begin_in(int64_t opset, int64_t n, int64_t c, int64_t h, int64_t w,
                              blok_value_id *x) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  const int64_t dims[4] = {n, c, h, w};
  blok_builder *builder = NULL;
  options.opset = opset;
  options.name = "net";
  OK(blok_builder_new(&options, &builder, &error));
  OK(blok_build_input(builder, "x", BLOK_F32, 4, dims, x, &error));
  return builder;
}

// The shape of a value as text: "[N, 16, 8, 8]".
static const char *shape_of(const blok_builder *builder, blok_value_id value) {
  static blok_dims_text text;
  text = blok_print_fact(blok_builder_fact(builder, value));
  return text.text;
}

// ---- Values -------------------------------------------------------------------------------------

START_TEST(build_builder__knows_the_shape_of_every_value) {
  blok_value_id x, y, both[2];
  blok_builder *builder = begin_in(0, -1, 16, 32, 32, &x);
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  ck_assert_str_eq(shape_of(builder, x), "[N, 16, 32, 32]");
  options.stride = 2;
  options.out_channels = 32;
  OK(blok_build_basic(builder, "b", &options, &x, &error));
  ck_assert_str_eq(shape_of(builder, x), "[N, 32, 16, 16]");
  OK(blok_build_max_pool(builder, "p", 3, 2, 1, &x, &error));
  ck_assert_str_eq(shape_of(builder, x), "[N, 32, 8, 8]");
  OK(blok_build_average_pool(builder, "a", 2, 2, 0, &x, &error));
  ck_assert_str_eq(shape_of(builder, x), "[N, 32, 4, 4]");
  OK(blok_build_upsample(builder, "u", 2, true, &x, &error));
  OK(blok_build_upsample(builder, "v", 3, false, &x, &error));
  ck_assert_str_eq(shape_of(builder, x), "[N, 32, 24, 24]");
  both[0] = both[1] = x;
  OK(blok_build_concat(builder, "c", both, 2, 1, &y, &error));
  ck_assert_str_eq(shape_of(builder, y), "[N, 64, 24, 24]");
  OK(blok_build_add(builder, "s", x, &x, &error));
  OK(blok_build_global_pool(builder, "g", &y, &error));
  ck_assert_str_eq(shape_of(builder, y), "[N, 64, 1, 1]");
  OK(blok_build_flatten(builder, "f", &y, &error));
  OK(blok_build_linear(builder, "l", 10, false, &y, &error));
  ck_assert_str_eq(shape_of(builder, y), "[N, 10]");
  OK(blok_build_linear(builder, "last", 7, true, &x, &error));
  ck_assert_str_eq(shape_of(builder, x), "[N, 32, 24, 7]");
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert(blok_build_value_info(builder, y, &info) == BLOK_OK);
  ck_assert_int_eq(info.rank, 2);
  ck_assert_str_eq(info.axes[0].symbol, "N");
  ck_assert_int_eq(info.axes[1].value, 10);
  ck_assert_str_eq(info.type, "float32");
  ck_assert(blok_build_value_info(builder, (blok_value_id){9999}, &info) == BLOK_E_NOT_FOUND);
  blok_builder_free(&builder);
}
END_TEST

static const blok_product products[] = {BLOK_PRODUCT_CONV, BLOK_PRODUCT_LINEAR,
                                        BLOK_PRODUCT_LINEAR_IN_OUT};

START_TEST(build_builder__knows_the_shape_behind_every_squeeze_excite) {
  blok_value_id x;
  blok_builder *builder = begin_in(0, -1, 16, 8, 8, &x);
  blok_se_desc desc = BLOK_SE_DESC_INIT;
  desc.hidden = 4;
  desc.product[0] = products[_i % 3];
  desc.product[1] = products[_i / 3];
  OK(blok_build_squeeze_excite(builder, "se", &desc, &x, &error));
  ck_assert_str_eq(shape_of(builder, x), "[N, 16, 8, 8]");
  blok_builder_free(&builder);
}
END_TEST

// Constants that nodes are written with are known as weights are: axes, pads, ends, a factor.
START_TEST(build_builder__knows_the_shape_behind_other_skip_paths) {
  blok_value_id x;
  blok_builder *builder = begin_in(0, 2, 16, 8, 8, &x);
  blok_residual_desc desc = BLOK_RESIDUAL_DESC_INIT;
  desc.conv[0].out_channels = 16;
  desc.conv[1].out_channels = 24;
  desc.scale = BLOK_SCALE_NUMBER;
  desc.scale_number = 0.5;
  desc.conv[0].stride[0] = desc.conv[0].stride[1] = 2;
  desc.skip = BLOK_SKIP_PROJECTION;
  desc.skip_steps = 3;
  for (int i = 0; i < 2; i++) {
    desc.skip_step[i].op = BLOK_SKIP_SLICE;
    desc.skip_step[i].axis = 2 + i;
    desc.skip_step[i].end = 8;
    desc.skip_step[i].step = 2;
  }
  desc.skip_step[2].op = BLOK_SKIP_PAD;
  desc.skip_step[2].axis = 1;
  desc.skip_step[2].begin = desc.skip_step[2].end = 4;
  OK(blok_build_residual(builder, "b", &desc, &x, &error));
  ck_assert_str_eq(shape_of(builder, x), "[2, 24, 4, 4]");
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_builder__outputs_are_renamed_or_handed_on) {
  blok_value_id x, y, z, found;
  blok_builder *builder = begin_in(0, 1, 16, 8, 8, &x);
  y = x;
  OK(blok_build_basic(builder, "b", NULL, &y, &error));
  OK(blok_build_output(builder, "y", y, &error));
  OK(blok_build_find(builder, "y", &found, &error));
  ck_assert_uint_eq(found.i, y.i);
  const uint32_t nodes = builder->graph->n_order;
  // An output already, an input: an Identity each.
  OK(blok_build_output(builder, "again", y, &error));
  OK(blok_build_output(builder, "same", x, &error));
  ck_assert_uint_eq(builder->graph->n_order, nodes + 2);
  OK(blok_build_find(builder, "same", &found, &error));
  const blok_node *node = blok_node_at(builder->graph, blok_value_producer(builder->graph, found));
  ck_assert_int_eq(node->op, BLOK_OP_Identity);
  ck_assert_uint_eq(builder->graph->n_outputs, 3);
  // What is built behind an output reads it.
  z = y;
  OK(blok_build_basic(builder, "c", NULL, &z, &error));
  OK(blok_graph_verify(builder->graph, true, &error));
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_builder__a_mark_takes_back_outputs_and_their_names) {
  blok_value_id x, y, found;
  blok_builder *builder = begin_in(0, 1, 16, 8, 8, &x);
  y = x;
  OK(blok_build_activation(builder, "r", BLOK_ACT_RELU, 0, 0, &y, &error));
  const blok_build_mark mark = blok_builder_mark(builder);
  OK(blok_build_output(builder, "y", y, &error));
  OK(blok_build_basic(builder, "b", NULL, &y, &error));
  OK(blok_build_output(builder, "z", y, &error));
  ck_assert(blok_builder_close(builder, &mark, BLOK_E_SHAPE) == BLOK_E_SHAPE);
  ck_assert_uint_eq(builder->graph->n_outputs, 0);
  ck_assert(blok_build_find(builder, "y", &found, &error) == BLOK_E_NOT_FOUND);
  OK(blok_build_find(builder, "r/Relu_output_0", &found, &error));
  OK(blok_graph_verify(builder->graph, true, &error));
  OK(blok_build_basic(builder, "b", NULL, &found, &error));
  OK(blok_build_output(builder, "y", found, &error));
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_builder__counts_parameters_and_multiply_adds_as_it_grows) {
  blok_value_id x;
  uint64_t parameters = 1;
  int64_t macs = 1;
  blok_builder *builder = begin_in(0, -1, 3, 32, 32, &x);
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  OK(blok_build_counts(builder, &parameters, &macs, &error));
  ck_assert_uint_eq(parameters, 0);
  ck_assert_int_eq(macs, 0);
  options.out_channels = 16;
  OK(blok_build_conv_norm_act(builder, "c", &options, &x, &error));
  OK(blok_build_counts(builder, &parameters, &macs, &error));
  ck_assert_uint_eq(parameters, 464);
  ck_assert_int_eq(macs, 16 * 32 * 32 * 27);
  OK(blok_build_counts(builder, NULL, NULL, NULL));
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_builder__multiply_adds_of_open_pictures_are_not_known) {
  blok_value_id x;
  int64_t macs = 0;
  blok_builder *builder = begin_in(0, -1, 3, -1, -1, &x);
  OK(blok_build_basic(builder, "b", NULL, &x, &error));
  ck_assert_str_eq(shape_of(builder, x), "[N, 3, ?, ?]");
  OK(blok_build_counts(builder, NULL, &macs, &error));
  ck_assert_int_eq(macs, -1);
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_builder__keeps_the_rate_of_drop_path) {
  blok_value_id x;
  const blok_build_view *view = NULL;
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_builder *builder = begin_in(0, 1, 16, 8, 8, &x);
  options.drop_path = 0.125;
  ck_assert(blok_build_basic(builder, "", &options, &x, &error) == BLOK_E_ARGUMENT);
  ck_assert_ptr_null(builder->module->notes);
  OK(blok_build_basic(builder, "stage1.0", &options, &x, &error));
  OK(blok_build_output(builder, "y", x, &error));
  OK(blok_builder_look(builder, &view, &error));
  ck_assert_uint_ge(view->overlay->n_blocks, 1);
  ck_assert(view->overlay->blocks[0].residual->drop_path == 0.125);
  blok_builder_free(&builder);
}
END_TEST

// ---- Operators ----------------------------------------------------------------------------------

START_TEST(build_builder__takes_operators_in_the_newest_form) {
  blok_value_id x, parts[2], sizes;
  int64_t numbers[2] = {6, 10};
  blok_builder *builder = begin_in(0, 1, 16, 8, 8, &x);
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_I64;
  tensor.rank = 1;
  tensor.dims[0] = 2;
  tensor.data = numbers;
  tensor.bytes = sizeof numbers;
  OK(blok_build_constant(builder, "sizes", &tensor, &sizes, &error));
  blok_build_attribute axis;
  memset(&axis, 0, sizeof axis);
  axis.name = "axis";
  axis.type = "int";
  axis.i = 1;
  const blok_value_id inputs[3] = {x, sizes, BLOK_NO_VALUE};
  blok_operator op = BLOK_OPERATOR_INIT;
  op.op_type = "Split";
  op.inputs = inputs;
  op.input_count = 3;
  op.attributes = &axis;
  op.attribute_count = 1;
  OK(blok_build_operator(builder, "cut", &op, parts, 2, &error));
  ck_assert_str_eq(shape_of(builder, parts[0]), "[1, 6, 8, 8]");
  ck_assert_str_eq(shape_of(builder, parts[1]), "[1, 10, 8, 8]");
  ck_assert_str_eq(blok_value_at(builder->graph, parts[1])->name, "cut/Split_output_1");
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_builder__takes_operators_in_the_form_of_the_models_own_set) {
  blok_value_id x, y;
  static const int64_t axes[2] = {2, 3};
  blok_module *module = NULL;
  blok_builder *builder = begin_in(11, -1, 16, 1, 1, &x);
  blok_build_attribute attribute;
  memset(&attribute, 0, sizeof attribute);
  attribute.name = "axes";
  attribute.type = "ints";
  attribute.ints = axes;
  attribute.count = 2;
  blok_operator op = BLOK_OPERATOR_INIT;
  op.op_type = "Squeeze";
  op.inputs = &x;
  op.input_count = 1;
  op.attributes = &attribute;
  op.attribute_count = 1;
  op.opset = 11;
  OK(blok_build_operator(builder, "s", &op, &y, 1, &error));
  ck_assert_str_eq(shape_of(builder, y), "[N, 16]");
  OK(blok_build_linear(builder, "fc", 5, true, &y, &error));
  OK(blok_build_output(builder, "y", y, &error));
  // The same form in another set's words; then a form that the model's set does not have.
  op.opset = 12;
  OK(blok_build_operator(builder, "t", &op, &y, 1, &error));
  op.opset = 1;
  ck_assert(blok_build_operator(builder, "u", &op, &y, 1, &error) == BLOK_E_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(error.message, "'Squeeze' of operator set 1 in a model of set 11"));
  OK(blok_builder_take(builder, &module, &error));
  ck_assert_int_eq(blok_module_opset(module, ""), 11);
  const blok_node *node = blok_node_at(module->graph, module->graph->order[0]);
  ck_assert_str_eq(node->op_type, "Squeeze");
  ck_assert_uint_eq(node->n_inputs, 1);
  ck_assert_int_eq(node->opset, 0);
  blok_module_free(&module);
  blok_builder_taken(&builder, BLOK_OK);
  ck_assert_ptr_null(builder);
}
END_TEST

// ---- Trying -------------------------------------------------------------------------------------

START_TEST(build_builder__a_change_that_failed_never_was) {
  blok_value_id x, dropped, y, found;
  blok_module *kept = NULL;
  blok_builder *builder = begin_in(0, 1, 16, 8, 8, &x);
  dropped = y = x;
  OK(blok_build_activation(builder, "r", BLOK_ACT_RELU, 0, 0, &dropped, &error));
  OK(blok_build_basic(builder, "b", NULL, &y, &error));
  OK(blok_build_output(builder, "y", y, &error));
  // A dead entry before others: handles must stay what they are all the same.
  blok_graph_remove_node(builder->graph, blok_value_producer(builder->graph, dropped));
  blok_value_at(builder->graph, dropped)->dead = true;
  blok_graph_sweep(builder->graph);
  OK(blok_builder_changed(builder, &error));
  const blok_module *before = builder->module;
  const uint32_t nodes = builder->graph->n_order;

  OK(blok_builder_try_begin(builder, &kept, &error));
  ck_assert_ptr_eq(kept, before);
  ck_assert_ptr_ne(builder->module, before);
  ck_assert_str_eq(blok_value_at(builder->graph, y)->name, "y");
  ck_assert_str_eq(shape_of(builder, y), "[1, 16, 8, 8]");
  OK(blok_graph_rename(builder->graph, y, "z", &error));
  OK(blok_build_basic(builder, "c", NULL, &y, &error));
  ck_assert(blok_builder_try_end(builder, &kept, BLOK_E_SHAPE, &error) == BLOK_E_SHAPE);
  ck_assert_ptr_eq(builder->module, before);
  ck_assert_uint_eq(builder->graph->n_order, nodes);
  OK(blok_build_find(builder, "y", &found, &error));
  ck_assert(blok_build_find(builder, "c.conv1.conv.weight", &found, &error) == BLOK_E_NOT_FOUND);
  OK(blok_graph_verify(builder->graph, true, &error));
  blok_builder_free(&builder);
}
END_TEST

START_TEST(build_builder__a_change_that_went_well_stays) {
  blok_value_id x, y, found;
  blok_module *kept = NULL;
  blok_weight_info info = BLOK_WEIGHT_INFO_INIT;
  blok_builder *builder = begin_in(0, 1, 16, 8, 8, &x);
  y = x;
  OK(blok_build_basic(builder, "b", NULL, &y, &error));
  OK(blok_build_output(builder, "y", y, &error));
  OK(blok_builder_try_begin(builder, &kept, &error));
  OK(blok_build_find(builder, "b.conv1.conv.weight", &found, &error));
  OK(blok_graph_rename(builder->graph, found, "w", &error));
  OK(blok_builder_try_end(builder, &kept, BLOK_OK, &error));
  ck_assert_ptr_null(kept);
  OK(blok_build_find(builder, "w", &found, &error));
  ck_assert(blok_build_weight_info(builder, 0, &info) == BLOK_OK);
  ck_assert_str_eq(info.name, "w");
  ck_assert_str_eq(shape_of(builder, y), "[1, 16, 8, 8]");
  blok_builder_free(&builder);
}
END_TEST

// What the passes make something else of is known by its own name all the same.
START_TEST(build_builder__knows_every_value_as_before_after_a_change) {
  blok_value_id x, shape;
  const blok_build_attribute axis = {.name = "axis", .type = "int", .i = -1};
  blok_operator op = BLOK_OPERATOR_INIT;
  blok_block_options options = BLOK_BLOCK_OPTIONS_INIT;
  blok_builder *builder = begin_in(13, -1, 16, 8, 8, &x);
  options.activation = BLOK_ACT_GELU;
  options.norm = BLOK_NORM_LAYER;
  options.se = true;
  OK(blok_build_basic(builder, "b", &options, &x, &error));
  OK(blok_build_linear(builder, "l", 4, true, &x, &error));
  OK(blok_build_activation(builder, "a", BLOK_ACT_GELU_TANH, 0, 0, &x, &error));
  op.op_type = "Shape";
  op.inputs = &x;
  op.input_count = 1;
  OK(blok_build_operator(builder, "s", &op, &shape, 1, &error));
  const blok_value_id inputs[2] = {x, shape};
  op.op_type = "Expand";
  op.inputs = inputs;
  op.input_count = 2;
  OK(blok_build_operator(builder, "e", &op, &x, 1, &error));
  op.op_type = "LogSoftmax";
  op.inputs = &x;
  op.input_count = 1;
  op.attributes = &axis;
  op.attribute_count = 1;
  op.opset = 13;
  OK(blok_build_operator(builder, "n", &op, &x, 1, &error));
  OK(blok_build_output(builder, "y", x, &error));
  enum { MOST = 200 };
  static blok_dims_text before[MOST];
  const uint32_t n = builder->graph->n_values;
  ck_assert_uint_le(n, MOST);
  for (uint32_t i = 1; i < n; i++) {
    before[i] = blok_print_fact(blok_builder_fact(builder, (blok_value_id){i}));
  }
  OK(blok_builder_changed(builder, &error));
  for (uint32_t i = 1; i < n; i++) {
    ck_assert_str_eq(before[i].text, shape_of(builder, (blok_value_id){i}));
  }
  blok_module *module = NULL;
  OK(blok_builder_take(builder, &module, &error));
  blok_module_free(&module);
  blok_builder_taken(&builder, BLOK_OK);
}
END_TEST

START_TEST(build_builder__a_model_without_output_is_not_finished_and_goes_on) {
  blok_value_id x;
  blok_module *module = NULL;
  blok_builder *builder = begin_in(0, 1, 16, 8, 8, &x);
  OK(blok_build_basic(builder, "b", NULL, &x, &error));
  ck_assert(blok_builder_take(builder, &module, &error) == BLOK_E_ARGUMENT);
  ck_assert_str_eq(error.message, "net: the model has no output: name one by blok_build_output");
  ck_assert_ptr_null(module);
  OK(blok_build_output(builder, "y", x, &error));
  OK(blok_builder_take(builder, &module, &error));
  // What became of it may fail too: then the builder is there again.
  blok_module_free(&module);
  blok_builder_taken(&builder, BLOK_E_MEMORY);
  ck_assert_ptr_nonnull(builder);
  OK(blok_build_basic(builder, "c", NULL, &x, &error));
  OK(blok_builder_take(builder, &module, &error));
  ck_assert_str_eq(module->producer_name, "blok");
  ck_assert_int_eq(blok_module_opset(module, ""), 18);
  ck_assert_int_eq(module->ir_version, 8);
  blok_module_free(&module);
  blok_builder_taken(&builder, BLOK_OK);
}
END_TEST

// A model of operator set 6: x [1, 4, 8, 8] through a Relu to y.
static blok_module *old_module(void) {
  blok_module *module = net_module();
  blok_opset *import = blok_arena_zero(&module->arena, sizeof *import);
  ck_assert_ptr_nonnull(import);
  import->domain = "";
  import->version = 6;
  import->has_version = true;
  module->opsets = import;
  module->n_opsets = 1;
  module->has_ir_version = true;
  module->ir_version = 3;
  net_input(module->graph, "x", 1, 4, 8, 8);
  net_node(module->graph, "Relu", "x", "y");
  net_output(module->graph, "y");
  return module;
}

START_TEST(
    build_builder__a_model_of_an_older_set_than_can_be_written_stays_while_nothing_is_added) {
  blok_module *module = old_module();
  blok_builder *builder = NULL;
  blok_value_id y;
  OK(blok_builder_begin(NULL, &module, &builder, &error));
  ck_assert_ptr_null(module);
  OK(blok_build_find(builder, "y", &y, &error));
  ck_assert_str_eq(shape_of(builder, y), "[1, 4, 8, 8]");
  OK(blok_builder_take(builder, &module, &error));
  ck_assert_int_eq(blok_module_opset(module, ""), 6);
  ck_assert_int_eq(module->ir_version, 3);
  blok_builder_taken(&builder, BLOK_OK);

  OK(blok_builder_begin(NULL, &module, &builder, &error));
  OK(blok_build_find(builder, "y", &y, &error));
  OK(blok_build_basic(builder, "b", NULL, &y, &error));
  ck_assert(blok_builder_take(builder, &module, &error) == BLOK_E_UNSUPPORTED);
  ck_assert_ptr_nonnull(
      strstr(error.message, "'b/conv1/Conv' was added to a model of operator set 6"));
  ck_assert_ptr_null(module);
  blok_builder_free(&builder);
}
END_TEST

Suite *suite_build_builder(void) {
  Suite *suite = suite_create("build_builder");
  TCase *tcase = tcase_create("build_builder");
  tcase_add_test(tcase, build_builder__knows_the_shape_of_every_value);
  tcase_add_loop_test(tcase, build_builder__knows_the_shape_behind_every_squeeze_excite, 0, 9);
  tcase_add_test(tcase, build_builder__knows_the_shape_behind_other_skip_paths);
  tcase_add_test(tcase, build_builder__outputs_are_renamed_or_handed_on);
  tcase_add_test(tcase, build_builder__a_mark_takes_back_outputs_and_their_names);
  tcase_add_test(tcase, build_builder__counts_parameters_and_multiply_adds_as_it_grows);
  tcase_add_test(tcase, build_builder__multiply_adds_of_open_pictures_are_not_known);
  tcase_add_test(tcase, build_builder__keeps_the_rate_of_drop_path);
  tcase_add_test(tcase, build_builder__takes_operators_in_the_newest_form);
  tcase_add_test(tcase, build_builder__takes_operators_in_the_form_of_the_models_own_set);
  tcase_add_test(tcase, build_builder__a_change_that_failed_never_was);
  tcase_add_test(tcase, build_builder__a_change_that_went_well_stays);
  tcase_add_test(tcase, build_builder__knows_every_value_as_before_after_a_change);
  tcase_add_test(tcase, build_builder__a_model_without_output_is_not_finished_and_goes_on);
  tcase_add_test(
      tcase,
      build_builder__a_model_of_an_older_set_than_can_be_written_stays_while_nothing_is_added);
  suite_add_tcase(suite, tcase);
  return suite;
}
