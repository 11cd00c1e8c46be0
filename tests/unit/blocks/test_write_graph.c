// Whole graphs written anew: regions that stay, blocks inside them, the order of blocks, names.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "again.h"
#include "blocks/write.h"
#include "support/fault.h"

#define K(in, out, k) \
  (net_conv_shape) { (in), (out), (k), 0, 0 }

static blok_graph *begin(int64_t channels) {
  blok_graph *g = net_module()->graph;
  net_input(g, "x", 2, channels, 8, 8);
  return g;
}

// Checks the network that ends at y; what was written is returned.
static net_found finish(blok_graph *g, blok_block_kind kind) {
  net_output(g, "y");
  return again_check(g->module, kind);
}

static void constants(blok_graph *g) {
  static const struct {
    const char *name;
    int rank;
    int64_t dims[4];
  } weights[] = {{"k1", 4, {4, 16, 1, 1}}, {"k2", 4, {16, 4, 1, 1}}, {"k16", 4, {16, 16, 1, 1}},
                 {"g.weight", 1, {16}},    {"up", 2, {16, 64}},      {"down", 2, {64, 16}},
                 {"gamma", 3, {16, 1, 1}}};
  static const int64_t both[2] = {2, 3};
  for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++) {
    net_weight(g, weights[i].name, weights[i].rank, weights[i].dims);
  }
  net_ints(g, "both", both, 2);
}

// ConvNeXt's F(x).
static void convnext(blok_graph *g, const char *x, const char *y) {
  char last[64] = "Mul: p2 gamma = ";
  const char *const lines[] = {"Transpose perm=0,2,3,1: dw = nhwc",
                               "LayerNormalization: nhwc g.weight = n",
                               "MatMul: n up = p",
                               "Gelu: p = a",
                               "MatMul: a down = q",
                               "Transpose perm=0,3,1,2: q = p2",
                               strcat(last, y),
                               NULL};
  net_conv(g, "b.dw", x, "dw", (net_conv_shape){16, 16, 7, 0, 16});
  net_lines(g, lines);
}

// ---- Regions ------------------------------------------------------------------------------------

START_TEST(blocks_write__keeps_the_region_of_a_residual_other) {
  blok_graph *g = begin(16);
  constants(g);
  convnext(g, "x", "f");
  net_node(g, "Add", "x f", "s");
  net_node(g, "Elu", "s", "y");
  net_found again = finish(g, BLOK_RESIDUAL_OTHER);
  const blok_block_record *block = net_block(&again, BLOK_RESIDUAL_OTHER);
  ck_assert_uint_eq(net_count(&again, BLOK_CONV_NORM_ACT), 1);
  // The addition has F(x) first, as it is written; the region's nodes are those that there were.
  const blok_node *add = NULL;
  for (uint32_t i = 0; i < block->n_members; i++) {
    const blok_node *node = blok_node_at(again.module->graph, block->members[i]);
    if (strcmp(node->op_type, "Add") == 0) add = node;
  }
  ck_assert_ptr_nonnull(add);
  ck_assert_str_eq(blok_value_at(again.module->graph, add->inputs[0])->name, "f");
  ck_assert_str_eq(blok_value_at(again.module->graph, add->inputs[1])->name, "x");
  net_free(&again);
}
END_TEST

START_TEST(blocks_write__writes_the_skip_path_of_a_residual_other) {
  for (int first = 0; first < 2; first++) {
    blok_graph *g = begin(16);
    constants(g);
    if (first) net_conv(g, "b.skip", "x", "c", K(16, 16, 1));
    if (first) net_norm(g, "b.skip_bn", "c", "k", 16);
    convnext(g, "x", "f");
    if (!first) net_conv(g, "b.skip", "x", "c", K(16, 16, 1));
    if (!first) net_norm(g, "b.skip_bn", "c", "k", 16);
    net_node(g, "Add", "f k", "y");
    net_found again = finish(g, BLOK_RESIDUAL_OTHER);
    ck_assert_uint_eq(net_count(&again, BLOK_CONV_NORM_ACT), 2);
    net_free(&again);
  }
}
END_TEST

START_TEST(blocks_write__writes_blocks_inside_regions) {
  static const char *const inner[] = {"Relu: r = a", "Gelu: a = e", "Mul: e gamma = f", NULL};
  blok_graph *g = begin(16);
  constants(g);
  // A residual block and a squeeze-excite inside the F(x) of another addition.
  net_conv(g, "b.conv1", "x", "c1", K(16, 16, 3));
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "c2", K(16, 16, 3));
  net_node(g, "Add", "c2 x", "s");
  net_se(g, "b.se", "s", "r", 16, 4);
  net_lines(g, inner);
  net_node(g, "Add", "f x", "y");
  net_found again = finish(g, BLOK_RESIDUAL_OTHER);
  ck_assert_uint_eq(net_count(&again, BLOK_RESIDUAL), 1);
  ck_assert_uint_eq(net_count(&again, BLOK_SQUEEZE_EXCITE), 1);
  net_free(&again);
}
END_TEST

START_TEST(blocks_write__keeps_a_gate_as_it_is) {
  static const char *const lines[] = {"GlobalAveragePool: c = p",
                                      "Conv: p k16 = q",
                                      "HardSigmoid: q = h",
                                      "Mul: c h = m",
                                      "Relu: m = y",
                                      NULL};
  blok_graph *g = begin(16);
  constants(g);
  net_conv(g, "b.conv", "x", "c", K(16, 16, 3));
  net_lines(g, lines);
  net_found again = finish(g, BLOK_GATE);
  ck_assert_str_eq(blok_value_at(again.module->graph, net_block(&again, BLOK_GATE)->exit)->name,
                   "m");
  net_free(&again);
}
END_TEST

// ---- Spellings ----------------------------------------------------------------------------------

START_TEST(blocks_write__makes_one_node_of_an_activation_of_many) {
  static const char *const hard_swish[] = {"Add: c three = t", "Clip: t zero six = u",
                                           "Mul: c u = v", "Div: v six = y", NULL};
  static const char *const silu[] = {"Sigmoid: c = t", "Mul: t c = y", NULL};
  for (int i = 0; i < 2; i++) {
    blok_graph *g = begin(8);
    net_number(g, "zero", 0);
    net_number(g, "three", 3);
    net_number(g, "six", 6);
    net_conv(g, "conv", "x", "c", K(8, 8, 3));
    net_lines(g, i ? silu : hard_swish);
    net_found again = finish(g, BLOK_CONV_NORM_ACT);
    ck_assert_uint_eq(again.module->graph->n_order, 2);
    ck_assert_str_eq(blok_node_at(again.module->graph, again.module->graph->order[1])->op_type,
                     i ? "Swish" : "HardSwish");
    net_free(&again);
  }
}
END_TEST

START_TEST(blocks_write__takes_same_padding_for_what_it_is) {
  blok_graph *g = begin(8);
  blok_node_id conv = net_conv(g, "conv", "x", "y", K(8, 8, 4));
  blok_node_drop_attr(g, conv, "pads");
  ck_assert_int_eq(blok_node_set_text(g, conv, "auto_pad", "SAME_LOWER", NULL), BLOK_OK);
  net_found again = finish(g, BLOK_CONV_NORM_ACT);
  const blok_conv_desc *desc = net_block(&again, BLOK_CONV_NORM_ACT)->conv;
  ck_assert_int_eq(desc->pads[0], 2);
  ck_assert_int_eq(desc->pads[2], 1);
  net_free(&again);
}
END_TEST

// ---- Order, names, constants --------------------------------------------------------------------

START_TEST(blocks_write__keeps_the_order_of_blocks_that_interleave) {
  blok_graph *g = begin(8);
  net_conv(g, "first", "x", "c1", K(8, 8, 3));
  net_conv(g, "second", "x", "c2", K(8, 4, 3));
  net_node(g, "Relu", "c2", "r2");
  net_node(g, "Relu", "c1", "r1");
  net_lines(g, (const char *const[]){"Concat axis=1: r1 r2 = y", NULL});
  net_output(g, "y");
  again_noise(g->module);
  net_found found = net_match(g->module);
  net_found again = again_written(&found);
  ck_assert_uint_eq(again.overlay->n_blocks, 2);
  ck_assert_str_eq(again.overlay->blocks[0].name, "first");
  ck_assert_str_eq(again.overlay->blocks[1].name, "second");
  net_free(&found);
  net_free(&again);
}
END_TEST

static const char *node_name(const net_found *found, uint32_t place) {
  const blok_graph *graph = found->module->graph;
  return blok_node_at(graph, graph->order[place])->name;
}

static const char *output_name(const net_found *found, uint32_t place) {
  const blok_graph *graph = found->module->graph;
  return blok_value_at(graph, blok_node_at(graph, graph->order[place])->outputs[0])->name;
}

START_TEST(blocks_write__names_nodes_by_their_block) {
  blok_graph *g = begin(8);
  net_conv(g, "stage.0.first", "x", "c1", K(8, 8, 3));
  net_norm(g, "stage.0.norm", "c1", "n1", 8);
  net_node(g, "Relu", "n1", "r1");
  net_conv(g, "stage.0.second", "r1", "c2", K(8, 8, 3));
  net_node(g, "Add", "c2 x", "y");
  net_found again = finish(g, BLOK_RESIDUAL);
  static const char *const names[] = {"stage.0/conv1/Conv", "stage.0/conv1/BatchNormalization",
                                      "stage.0/conv1/Relu", "stage.0/conv2/Conv", "stage.0/Add"};
  ck_assert_uint_eq(again.module->graph->n_order, 5);
  for (uint32_t i = 0; i < 5; i++) ck_assert_str_eq(node_name(&again, i), names[i]);
  ck_assert_str_eq(net_block(&again, BLOK_RESIDUAL)->name, "stage.0");
  // Handles follow the order, so that places and handles can stand for each other.
  for (uint32_t i = 0; i < 5; i++) ck_assert_uint_eq(again.module->graph->order[i].i, i + 1);
  net_free(&again);
}
END_TEST

// The nodes of F(x) by their operators, named by path as TorchScript does or noted as torch.export
// does.
static net_found match_named(bool noted) {
  blok_graph *g = begin(16);
  constants(g);
  convnext(g, "x", "f");
  net_node(g, "Add", "f x", "y");
  net_output(g, "y");
  again_noise(g->module);
  for (uint32_t i = 0; i < g->n_order; i++) {
    blok_node *node = blok_node_at(g, g->order[i]);
    const bool last = i + 1 == g->n_order;
    node->name = last ? "/stage/stage.0/Add" : "/stage/stage.0/inner/Op";
    if (!noted) continue;
    node->name = last ? "node_add" : "node_op";
    node->scope = last ? "stage.0" : "stage.0.inner";
  }
  return net_match(g->module);
}

START_TEST(blocks_write__names_what_it_keeps_by_the_block_too) {
  for (int noted = 0; noted < 2; noted++) {
    net_found found = match_named(noted != 0);
    ck_assert_str_eq(net_block(&found, BLOK_RESIDUAL_OTHER)->name, "stage.0");
    net_found again = again_written(&found);
    ck_assert_str_eq(net_block(&again, BLOK_RESIDUAL_OTHER)->name, "stage.0");
    // The convolution, a block inside, is written; what stands behind it is kept.
    ck_assert_str_eq(node_name(&again, 0), "stage.0/inner/Conv");
    ck_assert_str_eq(node_name(&again, 1), noted ? "stage.0/inner/node_op" : "stage.0/inner/Op");
    net_free(&found);
    net_free(&again);
  }
}
END_TEST

START_TEST(blocks_write__tells_blocks_of_one_name_apart) {
  blok_graph *g = begin(8);
  net_node(g, "Relu", "x", "conv/Conv");  // a value that is called so already
  blok_node_id one = net_conv(g, "a", "conv/Conv", "c", K(8, 8, 3));
  blok_node_id two = net_conv(g, "b", "c", "y", K(8, 8, 3));
  blok_node_at(g, one)->name = "/conv/Conv";
  blok_node_at(g, two)->name = "/conv/Conv";
  net_output(g, "y");
  again_noise(g->module);
  net_found found = net_match(g->module);
  net_found again = again_written(&found);
  ck_assert_uint_eq(again.overlay->n_blocks, 2);
  ck_assert_str_eq(node_name(&again, 1), "conv/Conv_1");
  ck_assert_str_eq(node_name(&again, 2), "conv/Conv_2");
  ck_assert_str_eq(again.overlay->blocks[0].name, "conv");
  ck_assert_str_eq(again.overlay->blocks[1].name, "conv");
  net_free(&found);
  net_free(&again);
}
END_TEST

START_TEST(blocks_write__gives_equal_names_when_done_twice) {
  blok_graph *g = begin(16);
  net_conv(g, "stage.0.conv1", "x", "c1", K(16, 16, 3));
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "stage.0.conv2", "r1", "c2", K(16, 16, 3));
  net_se(g, "stage.0.se", "c2", "e", 16, 4);
  net_node(g, "Add", "e x", "y");
  net_output(g, "y");
  again_noise(g->module);
  net_found found = net_match(g->module);
  net_found once = again_written(&found), twice = again_written(&once);
  ck_assert_uint_eq(once.module->graph->n_order, twice.module->graph->n_order);
  for (uint32_t i = 0; i < once.module->graph->n_order; i++) {
    ck_assert_str_eq(node_name(&once, i), node_name(&twice, i));
    ck_assert_str_eq(output_name(&once, i), output_name(&twice, i));
  }
  net_free(&found);
  net_free(&once);
  net_free(&twice);
}
END_TEST

START_TEST(blocks_write__leaves_no_constant_that_nobody_reads) {
  blok_graph *g = begin(8);
  net_number(g, "zero", 0);
  net_number(g, "six", 6);
  net_conv(g, "conv", "x", "c", K(8, 8, 3));
  net_lines(g, (const char *const[]){"Max: c zero = m", "Min: m six = y", NULL});
  net_found again = finish(g, BLOK_CONV_NORM_ACT);
  ck_assert_uint_eq(again.module->graph->n_initializers, 3);  // the weight, two new bounds
  net_free(&again);
}
END_TEST

START_TEST(blocks_write__shares_weights_with_the_graph_it_was_made_of) {
  blok_graph *g = begin(8);
  net_conv(g, "conv", "x", "y", K(8, 8, 3));
  net_output(g, "y");
  again_noise(g->module);
  net_found found = net_match(g->module);
  net_found again = again_written(&found);
  const blok_literal *old = blok_value_at(g, net_value(g, "conv.weight"))->literal;
  const blok_graph *graph = again.module->graph;
  ck_assert_uint_eq(graph->n_initializers, 1);
  ck_assert_ptr_eq(blok_value_at(graph, graph->initializers[0])->literal->storage, old->storage);
  net_free(&found);
  net_free(&again);
}
END_TEST

START_TEST(blocks_write__copies_a_graph_without_blocks) {
  blok_graph *g = begin(8);
  net_lines(g, (const char *const[]){"Relu: x = r", "Add: r x = y", NULL});
  net_output(g, "y");
  net_found found = net_match(g->module);
  ck_assert_uint_eq(found.overlay->n_blocks, 0);
  net_found again = again_written(&found);
  ck_assert_uint_eq(again.module->graph->n_order, 2);
  net_free(&found);
  net_free(&again);
}
END_TEST

// ---- Failed allocations -------------------------------------------------------------------------

static blok_status write_once(void *context, const blok_allocator *allocator, blok_error *error) {
  const net_found *found = context;
  blok_module lent = *found->module, *out = NULL;
  lent.allocator = *allocator;
  blok_status status = blok_blocks_write(&lent, found->facts, found->overlay, &out, error);
  if (status != BLOK_OK) ck_assert_ptr_null(out);
  blok_module_free(&out);
  return status;
}

START_TEST(blocks_write__survives_every_failed_allocation) {
  blok_graph *g = begin(16);
  constants(g);
  convnext(g, "x", "f");
  net_node(g, "Add", "x f", "s");
  net_se(g, "se", "s", "e", 16, 4);
  net_conv(g, "conv1", "e", "c1", K(16, 16, 3));
  net_node(g, "Elu", "c1", "r1");
  net_conv(g, "conv2", "r1", "c2", K(16, 16, 3));
  net_node(g, "Add", "c2 e", "y");
  net_output(g, "y");
  net_found found = net_match(g->module);
  ck_assert_uint_gt(blok_fault_sweep(write_once, &found), 10);
  net_free(&found);
}
END_TEST

Suite *suite_write_graph(void) {
  Suite *suite = suite_create("write_graph");
  TCase *tests = tcase_create("write_graph");
  tcase_add_test(tests, blocks_write__keeps_the_region_of_a_residual_other);
  tcase_add_test(tests, blocks_write__writes_the_skip_path_of_a_residual_other);
  tcase_add_test(tests, blocks_write__writes_blocks_inside_regions);
  tcase_add_test(tests, blocks_write__keeps_a_gate_as_it_is);
  tcase_add_test(tests, blocks_write__makes_one_node_of_an_activation_of_many);
  tcase_add_test(tests, blocks_write__takes_same_padding_for_what_it_is);
  tcase_add_test(tests, blocks_write__keeps_the_order_of_blocks_that_interleave);
  tcase_add_test(tests, blocks_write__names_nodes_by_their_block);
  tcase_add_test(tests, blocks_write__names_what_it_keeps_by_the_block_too);
  tcase_add_test(tests, blocks_write__tells_blocks_of_one_name_apart);
  tcase_add_test(tests, blocks_write__gives_equal_names_when_done_twice);
  tcase_add_test(tests, blocks_write__leaves_no_constant_that_nobody_reads);
  tcase_add_test(tests, blocks_write__shares_weights_with_the_graph_it_was_made_of);
  tcase_add_test(tests, blocks_write__copies_a_graph_without_blocks);
  tcase_add_test(tests, blocks_write__survives_every_failed_allocation);
  suite_add_tcase(suite, tests);
  return suite;
}
