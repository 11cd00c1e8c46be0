// conv_norm_act: what it takes in, in which spellings, and what it leaves alone.
#include <check.h>

#include "nets/net.h"

#define C3_8 \
  (net_conv_shape) { 3, 8, 3, 2, 0 }

START_TEST(conv_norm_act_match__takes_norm_and_activation) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 32, 32);
  net_conv(g, "a.conv", "x", "c", C3_8);
  blok_node_id norm = net_norm(g, "a.bn", "c", "n", 8);
  ck_assert_int_eq(blok_node_set_float(g, norm, "epsilon", 0.5f, NULL), BLOK_OK);
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

// ---- Children -----------------------------------------------------------------------------------

// x + Sin(act(norm(conv(x)))): no strict kind, so that F stays as nodes.
static net_found match_inside(void) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 8, 32, 32);
  net_conv(g, "b.conv", "x", "c", (net_conv_shape){8, 8, 3, 1, 0});
  net_norm(g, "b.bn", "c", "n", 8);
  net_node(g, "Relu", "n", "r");
  net_node(g, "Sin", "r", "f");
  net_node(g, "Add", "f x", "y");
  net_output(g, "y");
  return net_match(module);
}

START_TEST(conv_norm_act_match__becomes_a_child_of_a_block_kept_as_nodes) {
  net_found found = match_inside();
  const blok_overlay *overlay = found.overlay;
  ck_assert_uint_eq(overlay->n_blocks, 2);
  ck_assert_int_eq(overlay->blocks[0].kind, BLOK_RESIDUAL_OTHER);
  const blok_block_record *child = &overlay->blocks[1];
  ck_assert_int_eq(child->kind, BLOK_CONV_NORM_ACT);
  ck_assert_int_eq(child->parent, 0);
  ck_assert_uint_eq(child->n_members, 3);
  ck_assert_int_eq(child->conv->activation, BLOK_ACT_RELU);
  for (uint32_t i = 0; i < 3; i++) {
    ck_assert_int_eq(overlay->innermost[child->members[i].i], 1);
  }
  net_free(&found);
}
END_TEST

START_TEST(conv_norm_act_match__leaves_what_another_block_holds) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 8, 32, 32);
  // The activation is the residual block's: it stands before the first convolution.
  net_conv(g, "stem", "x", "c", (net_conv_shape){8, 8, 3, 1, 0});
  net_norm(g, "b.bn1", "c", "n1", 8);
  net_node(g, "Relu", "n1", "r1");
  net_conv(g, "b.conv1", "r1", "c1", (net_conv_shape){8, 8, 3, 1, 0});
  net_norm(g, "b.bn2", "c1", "n2", 8);
  net_node(g, "Relu", "n2", "r2");
  net_conv(g, "b.conv2", "r2", "f", (net_conv_shape){8, 8, 3, 1, 0});
  net_conv(g, "b.proj", "r1", "s", (net_conv_shape){8, 8, 1, 1, 0});
  net_node(g, "Add", "f s", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  const blok_block_record *stem = net_block(&found, BLOK_CONV_NORM_ACT);
  ck_assert_str_eq(stem->name, "stem");
  ck_assert_uint_eq(stem->n_members, 1);
  ck_assert_int_eq(stem->conv->norm, BLOK_NORM_NONE);
  net_free(&found);
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
  tcase_add_test(tests, conv_norm_act_match__becomes_a_child_of_a_block_kept_as_nodes);
  tcase_add_test(tests, conv_norm_act_match__leaves_what_another_block_holds);
  suite_add_tcase(suite, tests);
  return suite;
}
