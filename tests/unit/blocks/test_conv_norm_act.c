// conv_norm_act: what it takes in, in which spellings, and what it leaves alone.
#include <check.h>
#include <math.h>

#include "net.h"

#define C3_8 \
  (net_conv_shape) { 3, 8, 3, 2, 0 }

static void finish_node(blok_module *module, blok_node_id node, const char *name, float value) {
  ck_assert_int_eq(blok_node_set_float(module->graph, node, name, value, NULL), BLOK_OK);
}

START_TEST(conv_norm_act_match__takes_norm_and_activation) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 32, 32);
  net_conv(g, "a.conv", "x", "c", C3_8);
  finish_node(module, net_norm(g, "a.bn", "c", "n", 8), "epsilon", 0.5f);
  net_node(g, "Relu", "n", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_uint_eq(found.overlay->n_blocks, 1);
  const blok_block_record *block = net_block(&found, BLOK_CONV_NORM_ACT);
  const blok_conv_desc *conv = block->conv;
  ck_assert_str_eq(block->name, "a.conv");
  ck_assert_uint_eq(block->n_members, 3);
  ck_assert_int_eq(conv->in_channels, 3);
  ck_assert_int_eq(conv->out_channels, 8);
  ck_assert_int_eq(conv->kernel[0], 3);
  ck_assert_int_eq(conv->stride[1], 2);
  ck_assert_int_eq(conv->pads[3], 1);
  ck_assert_int_eq(conv->groups, 1);
  ck_assert(!conv->bias);
  ck_assert_int_eq(conv->norm, BLOK_NORM_BATCH);
  ck_assert_double_eq(conv->epsilon, 0.5);
  ck_assert_int_eq(conv->activation, BLOK_ACT_RELU);
  ck_assert(blok_same_value(block->entry, net_value(g, "x")));
  ck_assert(blok_same_value(block->exit, net_value(g, "y")));
  ck_assert(blok_same_value(block->weights[0].weight, net_value(g, "a.conv.weight")));
  ck_assert(blok_same_value(block->weights[0].norm[3], net_value(g, "a.bn.var")));
  ck_assert_uint_eq(block->parameters, 8 * 3 * 9 + 8 + 8);
  ck_assert_int_eq(block->macs, 16 * 16 * 8 * 3 * 9);
  net_free(&found);
}
END_TEST

START_TEST(conv_norm_act_match__takes_a_lone_conv) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 32, 32);
  net_conv(g, "stem", "x", "y", C3_8);
  net_output(g, "y");
  net_found found = net_match(module);
  const blok_block_record *block = net_block(&found, BLOK_CONV_NORM_ACT);
  ck_assert_int_eq(block->conv->norm, BLOK_NORM_NONE);
  ck_assert_int_eq(block->conv->activation, BLOK_ACT_NONE);
  ck_assert_int_eq(found.overlay->innermost[block->members[0].i], 0);
  net_free(&found);
}
END_TEST

START_TEST(conv_norm_act_match__stops_where_the_inner_value_is_read_twice) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 32, 32);
  net_conv(g, "stem", "x", "c", C3_8);
  net_norm(g, "bn", "c", "n", 8);
  net_node(g, "Relu", "c", "r");
  net_node(g, "Concat", "n r", "y");
  ck_assert_int_eq(blok_node_set_int(g, (blok_node_id){4}, "axis", 1, NULL), BLOK_OK);
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_uint_eq(net_block(&found, BLOK_CONV_NORM_ACT)->n_members, 1);
  net_free(&found);
}
END_TEST

START_TEST(conv_norm_act_match__stops_where_the_inner_value_is_output) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 32, 32);
  net_conv(g, "stem", "x", "c", C3_8);
  net_norm(g, "bn", "c", "n", 8);
  net_node(g, "Relu", "n", "y");
  net_output(g, "y");
  net_output(g, "n");
  net_found found = net_match(module);
  const blok_block_record *block = net_block(&found, BLOK_CONV_NORM_ACT);
  ck_assert_uint_eq(block->n_members, 2);
  ck_assert(blok_same_value(block->exit, net_value(g, "n")));
  net_free(&found);
}
END_TEST

START_TEST(conv_norm_act_match__leaves_a_training_norm_alone) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 32, 32);
  net_conv(g, "stem", "x", "c", C3_8);
  blok_node_id norm = net_norm(g, "bn", "c", "y", 8);
  ck_assert_int_eq(blok_node_set_int(g, norm, "training_mode", 1, NULL), BLOK_OK);
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_uint_eq(net_block(&found, BLOK_CONV_NORM_ACT)->n_members, 1);
  net_free(&found);
}
END_TEST

START_TEST(conv_norm_act_match__leaves_a_computed_weight_alone) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 32, 32);
  net_input(g, "w", 8, 3, 3, 3);
  net_node(g, "Conv", "x w", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_uint_eq(found.overlay->n_blocks, 0);
  ck_assert_int_eq(found.overlay->innermost[1], -1);
  net_free(&found);
}
END_TEST

START_TEST(conv_norm_act_match__reads_same_padding_of_an_open_size) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, -1, -1);
  blok_node_id conv = net_conv(g, "stem", "x", "y", (net_conv_shape){3, 8, 4, 1, 0});
  blok_node_drop_attr(g, conv, "pads");
  ck_assert_int_eq(blok_node_set_text(g, conv, "auto_pad", "SAME_LOWER", NULL), BLOK_OK);
  net_output(g, "y");
  net_found found = net_match(module);
  const blok_block_record *block = net_block(&found, BLOK_CONV_NORM_ACT);
  ck_assert_int_eq(block->conv->pads[0], 2);
  ck_assert_int_eq(block->conv->pads[2], 1);
  ck_assert_int_eq(block->macs, -1);
  net_free(&found);
}
END_TEST

// ---- Activations --------------------------------------------------------------------------------

// The activation that the nodes behind a convolution make of "c".
static blok_conv_desc activation_of(void (*write)(blok_graph *)) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 32, 32);
  net_conv(g, "stem", "x", "c", C3_8);
  write(g);
  net_output(g, "y");
  net_found found = net_match(module);
  blok_conv_desc desc = *net_block(&found, BLOK_CONV_NORM_ACT)->conv;
  net_free(&found);
  return desc;
}

static void write_silu(blok_graph *g) {
  net_node(g, "Sigmoid", "c", "s");
  net_node(g, "Mul", "s c", "y");
}
static void write_relu6(blok_graph *g) {
  net_number(g, "low", 0);
  net_number(g, "high", 6);
  net_node(g, "Clip", "c low high", "y");
}
static void write_clip(blok_graph *g) {
  net_number(g, "low", -1);
  net_node(g, "Clip", "c low -", "y");
}
static void write_hard_swish(blok_graph *g) {
  finish_node(g->module, net_node(g, "HardSigmoid", "c", "s"), "alpha", 1.0f / 6);
  net_node(g, "Mul", "c s", "y");
}
static void write_hard_sigmoid_product(blok_graph *g) {
  finish_node(g->module, net_node(g, "HardSigmoid", "c", "s"), "alpha", 0.25f);
  net_node(g, "Mul", "c s", "y");
}
static void write_shifted_relu6(blok_graph *g) {
  net_number(g, "three", 3);
  net_number(g, "low", 0);
  net_number(g, "high", 6);
  net_node(g, "Add", "c three", "a");
  net_node(g, "Clip", "a low high", "r");
}
static void write_spelled_hard_swish(blok_graph *g) {
  write_shifted_relu6(g);
  net_node(g, "Mul", "c r", "m");
  net_node(g, "Div", "m high", "y");
}
static void write_hard_swish_of_gate(blok_graph *g) {
  write_shifted_relu6(g);
  net_node(g, "Div", "r high", "d");
  net_node(g, "Mul", "c d", "y");
}
static void write_spelled_hard_sigmoid(blok_graph *g) {
  write_shifted_relu6(g);
  net_node(g, "Div", "r high", "y");
}
static void write_leaky(blok_graph *g) {
  finish_node(g->module, net_node(g, "LeakyRelu", "c", "y"), "alpha", 0.5f);
}
static void write_swish_of_two(blok_graph *g) {
  finish_node(g->module, net_node(g, "Swish", "c", "y"), "alpha", 2.0f);
}
static void write_tanh_gelu(blok_graph *g) {
  blok_node_id node = net_node(g, "Gelu", "c", "y");
  ck_assert_int_eq(blok_node_set_text(g, node, "approximate", "tanh", NULL), BLOK_OK);
}
static void write_gelu(blok_graph *g) { net_node(g, "Gelu", "c", "y"); }
static void write_swish(blok_graph *g) { net_node(g, "Swish", "c", "y"); }
static void write_shared_sigmoid(blok_graph *g) {
  write_silu(g);
  net_output(g, "s");
}

START_TEST(activation__is_read_in_every_spelling) {
  ck_assert_int_eq(activation_of(write_silu).activation, BLOK_ACT_SILU);
  ck_assert_int_eq(activation_of(write_swish).activation, BLOK_ACT_SILU);
  ck_assert_int_eq(activation_of(write_relu6).activation, BLOK_ACT_RELU6);
  ck_assert_int_eq(activation_of(write_hard_swish).activation, BLOK_ACT_HARD_SWISH);
  ck_assert_int_eq(activation_of(write_spelled_hard_swish).activation, BLOK_ACT_HARD_SWISH);
  ck_assert_int_eq(activation_of(write_hard_swish_of_gate).activation, BLOK_ACT_HARD_SWISH);
  ck_assert_int_eq(activation_of(write_spelled_hard_sigmoid).activation, BLOK_ACT_HARD_SIGMOID);
  ck_assert_int_eq(activation_of(write_gelu).activation, BLOK_ACT_GELU);
}
END_TEST

START_TEST(activation__keeps_its_numbers) {
  blok_conv_desc leaky = activation_of(write_leaky), clip = activation_of(write_clip);
  ck_assert_int_eq(leaky.activation, BLOK_ACT_LEAKY_RELU);
  ck_assert_double_eq(leaky.alpha, 0.5);
  ck_assert_int_eq(clip.activation, BLOK_ACT_CLIP);
  ck_assert_double_eq(clip.alpha, -1);
  ck_assert(isinf(clip.beta) && clip.beta > 0);
}
END_TEST

START_TEST(activation__refused_when_no_descriptor_says_it) {
  ck_assert_int_eq(activation_of(write_hard_sigmoid_product).activation, BLOK_ACT_NONE);
  ck_assert_int_eq(activation_of(write_swish_of_two).activation, BLOK_ACT_NONE);
  ck_assert_int_eq(activation_of(write_tanh_gelu).activation, BLOK_ACT_NONE);
}
END_TEST

START_TEST(activation__refused_when_its_inner_value_is_output) {
  ck_assert_int_eq(activation_of(write_shared_sigmoid).activation, BLOK_ACT_NONE);
}
END_TEST

Suite *suite_conv_norm_act(void) {
  Suite *suite = suite_create("conv_norm_act");
  TCase *tests = tcase_create("match");
  tcase_add_test(tests, conv_norm_act_match__takes_norm_and_activation);
  tcase_add_test(tests, conv_norm_act_match__takes_a_lone_conv);
  tcase_add_test(tests, conv_norm_act_match__stops_where_the_inner_value_is_read_twice);
  tcase_add_test(tests, conv_norm_act_match__stops_where_the_inner_value_is_output);
  tcase_add_test(tests, conv_norm_act_match__leaves_a_training_norm_alone);
  tcase_add_test(tests, conv_norm_act_match__leaves_a_computed_weight_alone);
  tcase_add_test(tests, conv_norm_act_match__reads_same_padding_of_an_open_size);
  tcase_add_test(tests, activation__is_read_in_every_spelling);
  tcase_add_test(tests, activation__keeps_its_numbers);
  tcase_add_test(tests, activation__refused_when_no_descriptor_says_it);
  tcase_add_test(tests, activation__refused_when_its_inner_value_is_output);
  suite_add_tcase(suite, tests);
  return suite;
}
