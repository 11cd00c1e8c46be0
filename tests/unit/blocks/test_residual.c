// residual: orders, skips, squeeze-excite, scales, and the tree of children.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "nets/net.h"

static const blok_residual_desc *the_residual(const net_found *found) {
  ck_assert_uint_eq(found->overlay->n_misses, 0);
  return net_block(found, BLOK_RESIDUAL)->residual;
}

// norm, Relu, conv, norm, Relu, conv: x to f.
static void write_pre(blok_graph *g, int64_t out, int64_t stride) {
  net_norm(g, "b.bn1", "x", "n1", 16);
  net_node(g, "Relu", "n1", "r1");
  net_conv(g, "b.conv1", "r1", "c1", net_k(16, out, 3, stride));
  net_norm(g, "b.bn2", "c1", "n2", out);
  net_node(g, "Relu", "n2", "r2");
  net_conv(g, "b.conv2", "r2", "f", net_k(out, out, 3, 1));
}

// ---- What is found ------------------------------------------------------------------------------

START_TEST(residual_match__finds_post_activation_with_identity) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_post(g, 16, 1);
  net_node(g, "Add", "f x", "s");
  net_node(g, "Relu", "s", "y");
  net_found found = net_finish(module);
  const blok_residual_desc *desc = the_residual(&found);
  const blok_block_record *block = net_block(&found, BLOK_RESIDUAL);
  ck_assert_str_eq(block->name, "b");
  ck_assert_ptr_null(block->skip_of);
  ck_assert_int_eq(desc->convs, 2);
  ck_assert_int_eq(desc->skip, BLOK_SKIP_IDENTITY);
  ck_assert_int_eq(desc->order, BLOK_ORDER_POST);
  ck_assert_int_eq(desc->after_add, BLOK_ACT_RELU);
  ck_assert_int_eq(desc->conv[0].activation, BLOK_ACT_RELU);
  ck_assert_int_eq(desc->conv[0].norm, BLOK_NORM_BATCH);
  ck_assert_int_eq(desc->conv[1].activation, BLOK_ACT_NONE);
  ck_assert_int_eq(desc->conv[1].norm, BLOK_NORM_BATCH);
  ck_assert(!desc->has_se);
  ck_assert_uint_eq(block->n_members, 7);
  ck_assert_uint_eq(block->parameters, 4672);
  ck_assert_int_eq(block->macs, 2 * 64 * 16 * 16 * 9);
  ck_assert(blok_same_value(block->entry, net_value(g, "x")));
  ck_assert(blok_same_value(block->exit, net_value(g, "y")));
  net_free(&found);
}
END_TEST

START_TEST(residual_match__finds_folded_post_activation_with_projection) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.proj", "x", "p", net_k(16, 32, 1, 2));
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 32, 3, 2));
  net_node(g, "Sigmoid", "c1", "s1");
  net_node(g, "Mul", "c1 s1", "r1");
  net_conv(g, "b.conv2", "r1", "f", net_k(32, 32, 3, 1));
  net_node(g, "Add", "p f", "s");
  net_node(g, "Relu", "s", "y");
  net_found found = net_finish(module);
  const blok_residual_desc *desc = the_residual(&found);
  ck_assert_int_eq(desc->skip, BLOK_SKIP_PROJECTION);
  ck_assert_int_eq(desc->order, BLOK_ORDER_POST);
  ck_assert_int_eq(desc->skip_step[0].conv.stride[0], 2);
  ck_assert_int_eq(desc->skip_step[0].conv.out_channels, 32);
  ck_assert_int_eq(desc->conv[0].activation, BLOK_ACT_SILU);
  ck_assert_str_eq(net_block(&found, BLOK_RESIDUAL)->skip_of, "conv 1x1 /2");
  net_free(&found);
}
END_TEST

START_TEST(residual_match__finds_pre_activation_with_identity) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  write_pre(g, 16, 1);
  net_node(g, "Sum", "x f", "y");
  net_found found = net_finish(module);
  const blok_residual_desc *desc = the_residual(&found);
  ck_assert_int_eq(desc->order, BLOK_ORDER_PRE);
  ck_assert_int_eq(desc->skip, BLOK_SKIP_IDENTITY);
  ck_assert_int_eq(desc->after_add, BLOK_ACT_NONE);
  ck_assert_int_eq(desc->conv[0].norm, BLOK_NORM_BATCH);
  ck_assert_int_eq(desc->conv[1].activation, BLOK_ACT_RELU);
  ck_assert_uint_eq(net_block(&found, BLOK_RESIDUAL)->n_members, 7);
  net_free(&found);
}
END_TEST

START_TEST(residual_match__finds_pre_activation_with_projection_of_x) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.proj", "x", "p", net_k(16, 32, 1, 2));
  write_pre(g, 32, 2);
  net_node(g, "Add", "f p", "y");
  net_found found = net_finish(module);
  const blok_residual_desc *desc = the_residual(&found);
  ck_assert_int_eq(desc->order, BLOK_ORDER_PRE);
  ck_assert_int_eq(desc->skip, BLOK_SKIP_PROJECTION);
  ck_assert(!desc->projection_after_preact);
  net_free(&found);
}
END_TEST

static net_found match_shared_preact(bool after) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  write_pre(g, 32, 2);
  net_conv(g, "b.proj", "r1", "p", net_k(16, 32, 1, 2));
  net_node(g, "Add", "f p", after ? "s" : "y");
  if (after) net_node(g, "Relu", "s", "y");
  return net_finish(module);
}

START_TEST(residual_match__finds_projection_behind_the_first_activation) {
  net_found found = match_shared_preact(false);
  const blok_residual_desc *desc = the_residual(&found);
  const blok_block_record *block = net_block(&found, BLOK_RESIDUAL);
  ck_assert_int_eq(desc->order, BLOK_ORDER_PRE);
  ck_assert(desc->projection_after_preact);
  ck_assert_int_eq(desc->conv[0].norm, BLOK_NORM_BATCH);
  ck_assert(blok_same_value(block->entry, net_value(found.module->graph, "x")));
  ck_assert_uint_eq(block->n_members, 8);
  net_free(&found);
}
END_TEST

// ResNet-D before the addition: the projection reads a pool of what F reads.
START_TEST(residual_match__finds_a_pooled_projection_behind_the_first_activation) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  const int64_t two[2] = {2, 2};
  write_pre(g, 32, 2);
  blok_node_id pool = net_node(g, "AveragePool", "r1", "a");
  ck_assert_int_eq(blok_node_set_ints(g, pool, "kernel_shape", two, 2, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(g, pool, "strides", two, 2, NULL), BLOK_OK);
  net_conv(g, "b.proj", "a", "p", net_k(16, 32, 1, 1));
  net_node(g, "Add", "f p", "y");
  net_found found = net_finish(module);
  const blok_residual_desc *desc = the_residual(&found);
  const blok_block_record *block = net_block(&found, BLOK_RESIDUAL);
  ck_assert_int_eq(desc->order, BLOK_ORDER_PRE);
  ck_assert(desc->projection_after_preact);
  ck_assert(!desc->skip_elsewhere);
  ck_assert_str_eq(block->skip_of, "avg pool 2x2 /2, conv 1x1");
  ck_assert(blok_same_value(block->entry, net_value(g, "x")));
  ck_assert_uint_eq(block->n_members, 9);
  net_free(&found);
}
END_TEST

START_TEST(residual_match__takes_an_activation_behind_the_addition_for_post_order) {
  net_found found = match_shared_preact(true);
  const blok_residual_desc *desc = the_residual(&found);
  ck_assert_int_eq(desc->order, BLOK_ORDER_POST);
  ck_assert(!desc->projection_after_preact);
  net_free(&found);
}
END_TEST

// A convolution, its norm and Relu make p; F and the projection read p.
static net_found match_behind_conv(bool inner_norm) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "stem", "x", "c0", net_k(16, 16, 3, 1));
  net_norm(g, "b.bn0", "c0", "n0", 16);
  net_node(g, "Relu", "n0", "p");
  net_conv(g, "b.conv1", "p", "c1", net_k(16, 32, 3, 1));
  if (inner_norm) net_norm(g, "b.bn1", "c1", "n1", 32);
  net_node(g, "Relu", inner_norm ? "n1" : "c1", "r1");
  net_conv(g, "b.conv2", "r1", "f", net_k(32, 32, 3, 1));
  net_conv(g, "b.proj", "p", "s", net_k(16, 32, 1, 1));
  net_node(g, "Add", "f s", "y");
  return net_finish(module);
}

START_TEST(residual_match__leaves_a_norm_to_its_conv_unless_inner_norms_come_first) {
  net_found found = match_behind_conv(false);
  ck_assert_int_eq(the_residual(&found)->order, BLOK_ORDER_POST);
  ck_assert_uint_eq(net_block(&found, BLOK_CONV_NORM_ACT)->n_members, 3);
  net_free(&found);
  found = match_behind_conv(true);
  ck_assert_int_eq(the_residual(&found)->order, BLOK_ORDER_PRE);
  ck_assert(the_residual(&found)->projection_after_preact);
  ck_assert_uint_eq(net_block(&found, BLOK_CONV_NORM_ACT)->n_members, 1);
  net_free(&found);
}
END_TEST

static net_found match_se(const char *se_in, const char *add, const char *before_add) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 16, 3, 1));
  net_node(g, "Relu", "c1", "r1");
  if (!before_add) net_se(g, "b.se", se_in, "e", 16, 4);
  net_conv(g, "b.conv2", before_add ? "r1" : "e", "c2", net_k(16, 16, 3, 1));
  if (before_add) net_se(g, "b.se", se_in, before_add, 16, 4);
  net_node(g, "Add", add, "y");
  return net_finish(module);
}

START_TEST(residual_match__finds_squeeze_excite_behind_either_conv) {
  net_found found = match_se("c2", "e x", "e");
  const blok_residual_desc *desc = the_residual(&found);
  ck_assert(desc->has_se);
  ck_assert_int_eq(desc->se_conv, 1);
  ck_assert_int_eq(desc->se.hidden, 4);
  ck_assert_uint_eq(net_count(&found, BLOK_SQUEEZE_EXCITE), 1);
  net_free(&found);
  found = match_se("r1", "c2 x", NULL);
  desc = the_residual(&found);
  ck_assert(desc->has_se);
  ck_assert_int_eq(desc->se_conv, 0);
  net_free(&found);
}
END_TEST

START_TEST(residual_match__agrees_on_open_sizes_by_geometry) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, -1, -1);
  net_conv(g, "b.proj", "x", "p", net_k(16, 32, 1, 2));
  net_post(g, 32, 2);
  net_node(g, "Add", "f p", "y");
  net_found found = net_finish(module);
  the_residual(&found);
  net_free(&found);
}
END_TEST

START_TEST(residual_match__numbers_a_tree_of_children) {
  net_found found = match_se("c2", "e x", "e");
  const blok_overlay *overlay = found.overlay;
  ck_assert_uint_eq(overlay->n_blocks, 4);
  ck_assert_int_eq(overlay->blocks[0].kind, BLOK_RESIDUAL);
  ck_assert_int_eq(overlay->blocks[0].parent, -1);
  ck_assert_str_eq(overlay->blocks[1].name, "b.conv1");
  ck_assert_str_eq(overlay->blocks[2].name, "b.conv2");
  ck_assert_int_eq(overlay->blocks[3].kind, BLOK_SQUEEZE_EXCITE);
  for (uint32_t i = 1; i < 4; i++) {
    const blok_block_record *child = &overlay->blocks[i];
    ck_assert_int_eq(child->parent, 0);
    for (uint32_t m = 0; m < child->n_members; m++) {
      ck_assert_int_eq(overlay->innermost[child->members[m].i], (int32_t)i);
    }
  }
  // The addition is the block's own.
  const blok_block_record *block = &overlay->blocks[0];
  ck_assert_int_eq(overlay->innermost[block->members[block->n_members - 1].i], 0);
  net_free(&found);
}
END_TEST

// A squeeze-excite between the first convolution and its activation, or its norm and that.
static net_found match_se_before_act(bool norm) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.conv1", "x", norm ? "c0" : "c1", net_k(16, 16, 3, 1));
  if (norm) net_norm(g, "b.bn1", "c0", "c1", 16);
  net_se(g, "b.se", "c1", "e", 16, 4);
  net_node(g, "Relu", "e", "r1");
  net_conv(g, "b.conv2", "r1", "f", net_k(16, 16, 3, 1));
  net_node(g, "Add", "f x", "y");
  return net_finish(module);
}

START_TEST(residual_match__finds_squeeze_excite_before_the_activation) {
  for (int norm = 0; norm < 2; norm++) {
    net_found found = match_se_before_act(norm != 0);
    const blok_residual_desc *desc = the_residual(&found);
    ck_assert(desc->has_se);
    ck_assert(desc->se_before_act);
    ck_assert_int_eq(desc->se_conv, 0);
    ck_assert_int_eq(desc->conv[0].activation, BLOK_ACT_RELU);
    ck_assert_int_eq(desc->conv[0].norm, norm ? BLOK_NORM_BATCH : BLOK_NORM_NONE);
    // The child ends before the squeeze-excite; the activation is the block's own.
    const blok_block_record *child = &found.overlay->blocks[1];
    ck_assert_int_eq(child->conv->activation, BLOK_ACT_NONE);
    ck_assert_uint_eq(child->n_members, norm ? 2 : 1);
    net_free(&found);
  }
}
END_TEST

START_TEST(residual_match__finds_squeeze_excite_in_pre_order) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  write_pre(g, 16, 1);
  net_se(g, "b.se", "f", "e", 16, 4);
  net_node(g, "Add", "x e", "y");
  net_found found = net_finish(module);
  const blok_residual_desc *desc = the_residual(&found);
  ck_assert_int_eq(desc->order, BLOK_ORDER_PRE);
  ck_assert(desc->has_se);
  ck_assert(!desc->se_before_act);
  ck_assert_int_eq(desc->se_conv, 1);
  net_free(&found);
}
END_TEST

START_TEST(residual_match__finds_a_number_that_scales_the_branch) {
  for (int other_way = 0; other_way < 2; other_way++) {
    blok_module *module;
    blok_graph *g = net_begin(&module);
    net_post(g, 16, 1);
    net_number(g, "k", 0.25f);
    net_node(g, "Mul", other_way ? "k f" : "f k", "m");
    net_node(g, "Add", "m x", "y");
    net_found found = net_finish(module);
    const blok_residual_desc *desc = the_residual(&found);
    const blok_block_record *block = net_block(&found, BLOK_RESIDUAL);
    ck_assert_int_eq(desc->scale, BLOK_SCALE_NUMBER);
    ck_assert_double_eq(desc->scale_number, 0.25);
    ck_assert(blok_same_value(block->residual_weights->scale, net_value(g, "k")));
    ck_assert_uint_eq(block->n_members, 7);
    net_free(&found);
  }
}
END_TEST

START_TEST(residual_match__finds_one_factor_a_channel) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  const int64_t dims[3] = {16, 1, 1};
  write_pre(g, 16, 1);
  net_weight(g, "b.gamma", 3, dims);
  net_node(g, "Mul", "b.gamma f", "m");
  net_node(g, "Add", "x m", "y");
  net_found found = net_finish(module);
  const blok_residual_desc *desc = the_residual(&found);
  ck_assert_int_eq(desc->scale, BLOK_SCALE_CHANNELS);
  ck_assert(blok_same_value(net_block(&found, BLOK_RESIDUAL)->residual_weights->scale,
                            net_value(g, "b.gamma")));
  net_free(&found);
}
END_TEST

// 3x3 that widens, activation, 1x1: EfficientNet V2's fused block is a residual one.
START_TEST(residual_match__finds_a_fused_inverted_block) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 64, 3, 1));
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "f", net_k(64, 16, 1, 1));
  net_node(g, "Add", "f x", "y");
  net_found found = net_finish(module);
  ck_assert_int_eq(the_residual(&found)->conv[0].out_channels, 64);
  net_free(&found);
}
END_TEST

Suite *suite_residual(void) {
  Suite *suite = suite_create("residual");
  TCase *tests = tcase_create("match");
  tcase_add_test(tests, residual_match__finds_post_activation_with_identity);
  tcase_add_test(tests, residual_match__finds_folded_post_activation_with_projection);
  tcase_add_test(tests, residual_match__finds_pre_activation_with_identity);
  tcase_add_test(tests, residual_match__finds_pre_activation_with_projection_of_x);
  tcase_add_test(tests, residual_match__finds_projection_behind_the_first_activation);
  tcase_add_test(tests, residual_match__finds_a_pooled_projection_behind_the_first_activation);
  tcase_add_test(tests, residual_match__takes_an_activation_behind_the_addition_for_post_order);
  tcase_add_test(tests, residual_match__leaves_a_norm_to_its_conv_unless_inner_norms_come_first);
  tcase_add_test(tests, residual_match__finds_squeeze_excite_behind_either_conv);
  tcase_add_test(tests, residual_match__agrees_on_open_sizes_by_geometry);
  tcase_add_test(tests, residual_match__numbers_a_tree_of_children);
  tcase_add_test(tests, residual_match__finds_squeeze_excite_before_the_activation);
  tcase_add_test(tests, residual_match__finds_squeeze_excite_in_pre_order);
  tcase_add_test(tests, residual_match__finds_a_number_that_scales_the_branch);
  tcase_add_test(tests, residual_match__finds_one_factor_a_channel);
  tcase_add_test(tests, residual_match__finds_a_fused_inverted_block);
  suite_add_tcase(suite, tests);
  return suite;
}
