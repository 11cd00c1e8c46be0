// Parameters by the rule, multiply-adds of each operator that has them.
#include <check.h>
#include <string.h>

#include "nets/net.h"
#include "support/fault.h"

static uint64_t parameters(const blok_module *module) {
  uint64_t count = 0;
  ck_assert_int_eq(blok_count_parameters(module, NULL, &count, NULL), BLOK_OK);
  return count;
}

static void vector(blok_graph *g, const char *name, int64_t n) { net_weight(g, name, 1, &n); }

START_TEST(count_parameters__leaves_statistics_out) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 8, 8);
  net_conv(g, "conv", "x", "c", (net_conv_shape){3, 16, 3, 1, 0});
  net_norm(g, "bn", "c", "y", 16);
  ck_assert_uint_eq(parameters(module), 464);
  blok_module_free(&module);
}
END_TEST

START_TEST(count_parameters__leaves_scalars_and_what_steers_out) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 8, 8);
  net_number(g, "low", 0);
  net_node(g, "Clip", "x low -", "a");
  vector(g, "scales", 4);
  vector(g, "roi", 8);
  net_node(g, "Resize", "a roi scales", "b");
  const int64_t shape[2] = {1, -1};
  net_ints(g, "shape", shape, 2);
  net_node(g, "Reshape", "b shape", "y");
  ck_assert_uint_eq(parameters(module), 0);
  blok_module_free(&module);
}
END_TEST

START_TEST(count_parameters__counts_each_identity_once_more) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 4, 8, 8);
  vector(g, "b", 4);
  net_node(g, "Identity", "b", "b1");
  net_node(g, "Identity", "b", "b2");
  net_node(g, "Mul", "b1 b2", "m");
  net_node(g, "Add", "m b", "y");
  ck_assert_uint_eq(parameters(module), 12);
  blok_module_free(&module);
}
END_TEST

START_TEST(count_parameters__counts_a_scale_that_is_handed_out_as_variance_too) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 4, 8, 8);
  vector(g, "ones", 4);
  vector(g, "zeros", 4);
  net_node(g, "Identity", "ones", "var");
  net_node(g, "BatchNormalization", "x ones zeros zeros var", "y");
  ck_assert_uint_eq(parameters(module), 8);
  blok_module_free(&module);
}
END_TEST

// A Constant node of n floats.
static void constant(blok_graph *g, const char *name, int rank, const int64_t *dims) {
  blok_arena *arena = &g->module->arena;
  static const float zeros[64];
  size_t count = 1;
  for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
  blok_literal *literal = NULL;
  ck_assert_int_eq(blok_literal_make(arena, BLOK_F32, (uint32_t)rank, dims, zeros,
                                     count * sizeof *zeros, &literal, NULL),
                   BLOK_OK);
  ck_assert_int_eq(blok_module_keep_literal(g->module, literal, NULL), BLOK_OK);
  blok_node *node = blok_node_at(g, net_node(g, "Constant", "", name));
  node->attrs = blok_arena_zero(arena, sizeof *node->attrs);
  node->n_attrs = 1;
  node->attrs->name = "value";
  node->attrs->type = BLOK_ATTR_TENSOR;
  node->attrs->n = 1;
  node->attrs->as.literal = literal;
}

START_TEST(count_parameters__counts_constant_nodes_that_are_weights) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 4, 4);
  const int64_t kernel[4] = {2, 3, 3, 3}, bias[1] = {4}, anchors[3] = {1, 4, 4}, one[1] = {1};
  constant(g, "w", 4, kernel);
  constant(g, "b", 1, bias);
  constant(g, "anchors", 3, anchors);
  constant(g, "one", 1, one);
  net_node(g, "Conv", "x w", "c");
  net_node(g, "Add", "c b", "d");
  net_node(g, "Mul", "d anchors", "e");
  net_node(g, "Add", "e one", "y");
  ck_assert_uint_eq(parameters(module), 54 + 4);
  blok_module_free(&module);
}
END_TEST

static blok_status count_once(void *context, const blok_allocator *allocator, blok_error *error) {
  uint64_t count;
  return blok_count_parameters(context, allocator, &count, error);
}

START_TEST(count_parameters__survives_every_failed_allocation) {
  blok_module *module = net_module();
  vector(module->graph, "b", 4);
  ck_assert_uint_gt(blok_fault_sweep(count_once, module), 0);
  blok_module_free(&module);
}
END_TEST

// ---- Multiply-adds ------------------------------------------------------------------------------

static int64_t macs_of(blok_module *module, blok_node_id node) {
  blok_facts *facts = NULL;
  ck_assert_int_eq(blok_facts_compute(module->graph, NULL, NULL, &facts, NULL), BLOK_OK);
  int64_t macs = blok_node_macs(module->graph, facts, node);
  blok_facts_free(&facts);
  blok_module_free(&module);
  return macs;
}

START_TEST(node_macs__divides_a_conv_by_its_groups) {
  blok_module *module = net_module();
  net_input(module->graph, "x", 2, 8, 6, 6);
  blok_node_id node = net_conv(module->graph, "c", "x", "y", (net_conv_shape){8, 16, 3, 2, 4});
  ck_assert_int_eq(macs_of(module, node), 2 * 16 * 3 * 3 * 2 * 9);
}
END_TEST

START_TEST(node_macs__takes_an_open_batch_for_1) {
  blok_module *module = net_module();
  net_input(module->graph, "x", -1, 8, 6, 6);
  blok_node_id node = net_conv(module->graph, "c", "x", "y", (net_conv_shape){8, 4, 1, 1, 0});
  ck_assert_int_eq(macs_of(module, node), 4 * 36 * 8);
}
END_TEST

START_TEST(node_macs__is_unknown_when_another_axis_is_open) {
  blok_module *module = net_module();
  net_input(module->graph, "x", 1, 8, -1, 6);
  blok_node_id node = net_conv(module->graph, "c", "x", "y", (net_conv_shape){8, 4, 1, 1, 0});
  ck_assert_int_eq(macs_of(module, node), -1);
}
END_TEST

START_TEST(node_macs__counts_products) {
  const int64_t turned[2] = {10, 8}, straight[2] = {8, 10};
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 3, 4, 8);
  net_weight(g, "w", 2, straight);
  ck_assert_int_eq(macs_of(module, net_node(g, "MatMul", "x w", "y")), 3 * 4 * 10 * 8);
  module = net_module();
  g = module->graph;
  net_input(g, "x", -1, 8, 1, 1);
  net_weight(g, "w", 2, turned);
  net_node(g, "Flatten", "x", "f");
  blok_node_id node = net_node(g, "Gemm", "f w", "y");
  ck_assert_int_eq(blok_node_set_int(g, node, "transB", 1, NULL), BLOK_OK);
  ck_assert_int_eq(macs_of(module, node), 10 * 8);
}
END_TEST

START_TEST(node_macs__is_0_for_others) {
  blok_module *module = net_module();
  net_input(module->graph, "x", 1, 8, 6, 6);
  ck_assert_int_eq(macs_of(module, net_node(module->graph, "Relu", "x", "y")), 0);
}
END_TEST

Suite *suite_count(void) {
  Suite *suite = suite_create("count");
  TCase *tests = tcase_create("count");
  tcase_add_test(tests, count_parameters__leaves_statistics_out);
  tcase_add_test(tests, count_parameters__leaves_scalars_and_what_steers_out);
  tcase_add_test(tests, count_parameters__counts_each_identity_once_more);
  tcase_add_test(tests, count_parameters__counts_a_scale_that_is_handed_out_as_variance_too);
  tcase_add_test(tests, count_parameters__counts_constant_nodes_that_are_weights);
  tcase_add_test(tests, count_parameters__survives_every_failed_allocation);
  tcase_add_test(tests, node_macs__divides_a_conv_by_its_groups);
  tcase_add_test(tests, node_macs__takes_an_open_batch_for_1);
  tcase_add_test(tests, node_macs__is_unknown_when_another_axis_is_open);
  tcase_add_test(tests, node_macs__counts_products);
  tcase_add_test(tests, node_macs__is_0_for_others);
  suite_add_tcase(suite, tests);
  return suite;
}
