// The driver: failed allocations, names of scopes and enums.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "nets/net.h"
#include "support/fault.h"

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

typedef struct sweep_input {
  const blok_graph *graph;
  const blok_facts *facts;
} sweep_input;

static blok_status match_once(void *context, const blok_allocator *allocator, blok_error *error) {
  const sweep_input *input = context;
  blok_overlay *overlay = NULL;
  blok_status status = blok_blocks_match(input->graph, input->facts, allocator, &overlay, error);
  if (status == BLOK_OK) {
    // Two residual blocks, three convolutions, a squeeze-excite.
    ck_assert_uint_eq(overlay->n_blocks, 6);
    ck_assert_uint_eq(overlay->n_misses, 0);
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
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 16, 3, 1));
  net_conv(g, "b.conv2", "c1", "c2", net_k(16, 16, 3, 1));
  net_se(g, "b.se", "c2", "e", 16, 4);
  net_node(g, "Add", "e x", "s");
  net_conv(g, "last", "s", "c3", net_k(16, 16, 3, 1));
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
  net_conv(g, "onnx::Conv_1", "x", "c1", net_k(16, 16, 3, 1));
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "onnx::Conv_2", "r1", "c2", net_k(16, 16, 3, 1));
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
  net_conv(g, "net.block1.conv10", "x", "c1", net_k(16, 16, 3, 1));
  net_conv(g, "net.block1.conv1", "c1", "c2", net_k(16, 16, 3, 1));
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
  net_conv(g, "conv1", "x", "c1", net_k(16, 16, 3, 1));
  net_conv(g, "conv2", "c1", "c2", net_k(16, 16, 3, 1));
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

// Two blocks of one module: a convolution of "b.first", then one of "b.second".
static net_found twins(void (*tell)(blok_graph *g)) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 16, 8, 8);
  net_conv(g, "w1", "x", "c1", net_k(16, 16, 3, 1));
  net_node(g, "Tanh", "c1", "t1");
  net_node(g, "Add", "t1 x", "s");
  net_conv(g, "w2", "s", "c2", net_k(16, 16, 3, 1));
  net_node(g, "Tanh", "c2", "t2");
  net_node(g, "Add", "t2 s", "y");
  net_output(g, "y");
  tell(g);
  return net_match(module);
}

static void tell_by_name(blok_graph *g) {
  static const char *const names[] = {"/b/first/conv/Conv",  "/b/first/act/Tanh",  "/b/Add",
                                      "/b/second/conv/Conv", "/b/second/act/Tanh", "/b/Add_1"};
  for (uint32_t i = 0; i < 6; i++) name_node(g, i + 1, names[i]);
}

static void tell_by_note(blok_graph *g) {
  static const char *const scopes[] = {"b.first", "b.first", "b", "b.second.conv", "b.second", "b"};
  for (uint32_t i = 0; i < 6; i++) blok_node_at(g, (blok_node_id){i + 1})->scope = scopes[i];
}

static void tell_nothing(blok_graph *g) {
  for (uint32_t i = 0; i < 6; i++) name_node(g, i + 1, "/b/Node");
}

START_TEST(scope__tells_siblings_apart) {
  net_found found = twins(_i == 0 ? tell_by_name : tell_by_note);
  ck_assert_uint_eq(found.overlay->n_blocks, 4);
  ck_assert_str_eq(found.overlay->blocks[0].name, "b.first");
  ck_assert_str_eq(found.overlay->blocks[2].name, "b.second");
  net_free(&found);
}
END_TEST

START_TEST(scope__leaves_siblings_that_nothing_tells_apart) {
  net_found found = twins(tell_nothing);
  ck_assert_str_eq(found.overlay->blocks[0].name, "b");
  ck_assert_str_eq(found.overlay->blocks[2].name, "b");
  net_free(&found);
}
END_TEST

START_TEST(scope__is_not_told_by_a_weight_that_others_read_too) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  const int64_t dims[4] = {16, 16, 3, 3};
  net_input(g, "x", 1, 16, 8, 8);
  net_weight(g, "a.conv.weight", 4, dims);
  blok_value_id x = net_value(g, "x"), w = net_value(g, "a.conv.weight");
  for (int i = 0; i < 2; i++) {
    blok_value_id conv = net_next(g, "Conv", x, w);
    x = net_next(g, "Add", net_next(g, "Tanh", conv, BLOK_NO_VALUE), x);
  }
  ck_assert_int_eq(blok_graph_add_output(g, x, NULL, NULL), BLOK_OK);
  net_found found = net_match(module);
  ck_assert_uint_eq(found.overlay->n_blocks, 4);
  for (uint32_t i = 0; i < found.overlay->n_blocks; i++) {
    ck_assert_str_ne(found.overlay->blocks[i].name, "a.conv");
  }
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
  tcase_add_test(tests, match__survives_every_failed_allocation);
  tcase_add_test(tests, scope__is_the_module_path_that_nodes_share);
  tcase_add_test(tests, scope__is_cut_at_whole_components);
  tcase_add_test(tests, scope__is_the_first_node_where_nothing_is_shared);
  tcase_add_loop_test(tests, scope__tells_siblings_apart, 0, 2);
  tcase_add_test(tests, scope__leaves_siblings_that_nothing_tells_apart);
  tcase_add_test(tests, scope__is_not_told_by_a_weight_that_others_read_too);
  tcase_add_test(tests, names__are_those_of_tables_and_json);
  suite_add_tcase(suite, tests);
  return suite;
}
