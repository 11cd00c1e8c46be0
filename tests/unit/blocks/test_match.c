// The driver: deep networks, failed allocations, names of scopes and enums.
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net.h"
#include "support/fault.h"

#define K3(in, out) \
  (net_conv_shape) { (in), (out), 3, 1, 0 }

static void name_node(blok_graph *g, uint32_t node, const char *name) {
  blok_node_at(g, (blok_node_id){node})->name = name;
}

START_TEST(match__finds_nothing_in_an_empty_graph) {
  net_found found = net_match(net_module());
  ck_assert_uint_eq(found.overlay->n_blocks, 0);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  net_free(&found);
}
END_TEST

// Nodes and values of a deep network, made without looking names up.
static blok_value_id deep_value(blok_graph *g, const char *stem, unsigned i) {
  blok_value_id value;
  const char *name = blok_arena_format(&g->module->arena, "%s%u", stem, i);
  ck_assert_ptr_nonnull(name);
  ck_assert_int_eq(blok_graph_add_value(g, name, &value, NULL), BLOK_OK);
  return value;
}

static blok_value_id deep_node(blok_graph *g, const char *op_type, blok_value_id a, blok_value_id b,
                               unsigned i) {
  blok_node_id node;
  blok_value_id out = deep_value(g, op_type, i);
  ck_assert_int_eq(blok_graph_add_node(g, NULL, op_type, b.i ? 2 : 1, 1, &node, NULL), BLOK_OK);
  blok_graph_set_input(g, node, 0, a);
  if (b.i) blok_graph_set_input(g, node, 1, b);
  blok_graph_set_output(g, node, 0, out);
  if (strcmp(op_type, "Conv") == 0) {
    const int64_t pads[4] = {1, 1, 1, 1};
    ck_assert_int_eq(blok_node_set_ints(g, node, "pads", pads, 4, NULL), BLOK_OK);
  }
  return out;
}

START_TEST(match__takes_linear_time_in_a_deep_net) {
  enum { BLOCKS = 10000 };
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 2, 4, 4);
  const int64_t dims[4] = {2, 2, 3, 3};
  net_weight(g, "w", 4, dims);
  blok_value_id at = net_value(g, "x"), w = net_value(g, "w");
  for (unsigned i = 0; i < BLOCKS; i++) {
    blok_value_id conv = deep_node(g, "Conv", at, w, 2 * i);
    blok_value_id relu = deep_node(g, "Relu", conv, BLOK_NO_VALUE, 2 * i);
    blok_value_id f = deep_node(g, "Conv", relu, w, 2 * i + 1);
    blok_value_id sum = deep_node(g, "Add", f, at, i);
    at = deep_node(g, "Relu", sum, BLOK_NO_VALUE, 2 * i + 1);
  }
  ck_assert_int_eq(blok_graph_add_output(g, at, NULL, NULL), BLOK_OK);
  net_found found = {module, NULL, NULL};
  ck_assert_int_eq(blok_facts_compute(g, NULL, NULL, &found.facts, NULL), BLOK_OK);
  clock_t begin = clock();
  ck_assert_int_eq(blok_blocks_match(g, found.facts, NULL, &found.overlay, NULL), BLOK_OK);
  double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), BLOCKS);
  ck_assert_uint_eq(found.overlay->n_blocks, 3 * BLOCKS);
  // Far above what it takes with sanitizers, far below what a quadratic sweep takes.
  ck_assert_double_lt(seconds, 10.0);
  net_free(&found);
}
END_TEST

typedef struct sweep_input {
  const blok_graph *graph;
  const blok_facts *facts;
} sweep_input;

static blok_status match_once(void *context, const blok_allocator *allocator, blok_error *error) {
  const sweep_input *input = context;
  blok_overlay *overlay = NULL;
  blok_status status = blok_blocks_match(input->graph, input->facts, allocator, &overlay, error);
  if (status == BLOK_OK) {
    ck_assert_uint_eq(overlay->n_blocks, 5);
    ck_assert_uint_eq(overlay->n_misses, 1);
  } else {
    ck_assert_ptr_null(overlay);
  }
  blok_overlay_free(&overlay);
  return status;
}

START_TEST(match__survives_every_failed_allocation) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 16, 8, 8);
  net_conv(g, "b.conv1", "x", "c1", K3(16, 16));
  net_conv(g, "b.conv2", "c1", "c2", K3(16, 16));
  net_se(g, "b.se", "c2", "e", 16, 4);
  net_node(g, "Add", "e x", "s");
  net_conv(g, "last", "s", "c3", K3(16, 16));
  net_node(g, "Add", "c3 s", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  sweep_input input = {g, found.facts};
  ck_assert_uint_gt(blok_fault_sweep(match_once, &input), 5);
  net_free(&found);
}
END_TEST

// ---- Names --------------------------------------------------------------------------------------

START_TEST(scope__is_the_module_path_that_nodes_share) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 16, 8, 8);
  net_conv(g, "onnx::Conv_1", "x", "c1", K3(16, 16));
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "onnx::Conv_2", "r1", "c2", K3(16, 16));
  net_node(g, "Add", "c2 x", "y");
  net_output(g, "y");
  name_node(g, 1, "/layer1/layer1.0/conv1/Conv");
  name_node(g, 2, "/layer1/layer1.0/relu/Relu");
  name_node(g, 3, "/layer1/layer1.0/conv2/Conv");
  name_node(g, 4, "/layer1/layer1.0/Add");
  net_found found = net_match(module);
  ck_assert_str_eq(found.overlay->blocks[0].name, "layer1.0");
  ck_assert_str_eq(found.overlay->blocks[1].name, "layer1.0.conv1");
  ck_assert_str_eq(found.overlay->blocks[2].name, "layer1.0.conv2");
  net_free(&found);
}
END_TEST

START_TEST(scope__is_cut_at_whole_components) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 16, 8, 8);
  net_conv(g, "net.block1.conv10", "x", "c1", K3(16, 16));
  net_conv(g, "net.block1.conv1", "c1", "c2", K3(16, 16));
  net_node(g, "Add", "c2 x", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_str_eq(found.overlay->blocks[0].name, "net.block1");
  net_free(&found);
}
END_TEST

START_TEST(scope__is_the_first_node_where_nothing_is_shared) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 16, 8, 8);
  net_conv(g, "conv1", "x", "c1", K3(16, 16));
  net_conv(g, "conv2", "c1", "c2", K3(16, 16));
  net_node(g, "Add", "c2 x", "y");
  net_output(g, "y");
  name_node(g, 1, "node_conv");
  net_found found = net_match(module);
  ck_assert_str_eq(found.overlay->blocks[0].name, "node_conv");
  net_free(&found);
  module = net_module();
  g = module->graph;
  net_input(g, "x", 1, 16, 8, 8);
  const int64_t dims[4] = {16, 16, 1, 1};
  net_weight(g, "w", 4, dims);
  net_node(g, "Conv", "x w", "y");
  net_output(g, "y");
  found = net_match(module);
  ck_assert_str_eq(found.overlay->blocks[0].name, "y");
  net_free(&found);
}
END_TEST

START_TEST(names__are_those_of_tables_and_json) {
  ck_assert_str_eq(blok_block_kind_name(BLOK_CONV_NORM_ACT), "conv_norm_act");
  ck_assert_str_eq(blok_block_kind_name(BLOK_RESIDUAL), "residual");
  ck_assert_str_eq(blok_block_kind_name(BLOK_BOTTLENECK), "bottleneck");
  ck_assert_str_eq(blok_block_kind_name(BLOK_SQUEEZE_EXCITE), "squeeze_excite");
  ck_assert_str_eq(blok_block_kind_name((blok_block_kind)99), "none");
  ck_assert_str_eq(blok_skip_name(BLOK_SKIP_PROJECTION), "projection");
  ck_assert_str_eq(blok_skip_name(BLOK_SKIP_NONE), "none");
  ck_assert_str_eq(blok_order_name(BLOK_ORDER_PRE), "pre");
  ck_assert_str_eq(blok_activation_name(BLOK_ACT_HARD_SWISH), "hard_swish");
  ck_assert_str_eq(blok_activation_name(BLOK_ACT_CLIP), "clip");
  ck_assert_str_eq(blok_activation_name((blok_activation)99), "none");
  ck_assert_str_eq(blok_norm_name(BLOK_NORM_BATCH), "batch");
}
END_TEST

Suite *suite_match(void) {
  Suite *suite = suite_create("match");
  TCase *tests = tcase_create("match");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, match__finds_nothing_in_an_empty_graph);
  tcase_add_test(tests, match__takes_linear_time_in_a_deep_net);
  tcase_add_test(tests, match__survives_every_failed_allocation);
  tcase_add_test(tests, scope__is_the_module_path_that_nodes_share);
  tcase_add_test(tests, scope__is_cut_at_whole_components);
  tcase_add_test(tests, scope__is_the_first_node_where_nothing_is_shared);
  tcase_add_test(tests, names__are_those_of_tables_and_json);
  suite_add_tcase(suite, tests);
  return suite;
}
