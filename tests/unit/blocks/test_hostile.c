// Graphs made to mislead the matchers, or to make them slow.
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "blocks/region.h"
#include "nets/net.h"
#include "support/fault.h"

// A net of one input "x" and one 3x3 weight of two channels.
typedef struct deep {
  blok_module *module;
  blok_graph *g;
  blok_value_id x, w;
} deep;

static deep begin(void) {
  deep net = {.module = net_module()};
  const int64_t dims[4] = {2, 2, 3, 3};
  net.g = net.module->graph;
  net_input(net.g, "x", 1, 2, 4, 4);
  net_weight(net.g, "w", 4, dims);
  net.x = net_value(net.g, "x");
  net.w = net_value(net.g, "w");
  return net;
}

static net_found finish(deep *net, blok_value_id y, double *seconds) {
  net_found found = {net->module, NULL, NULL};
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_graph_add_output(net->g, y, NULL, NULL), BLOK_OK);
  ck_assert_msg(blok_facts_compute(net->g, NULL, NULL, &found.facts, &error) == BLOK_OK, "%s",
                error.message);
  clock_t started = clock();
  ck_assert_int_eq(blok_blocks_match(net->g, found.facts, NULL, &found.overlay, NULL), BLOK_OK);
  if (seconds) *seconds = (double)(clock() - started) / CLOCKS_PER_SEC;
  return found;
}

static uint32_t depth_of(const net_found *found) {
  uint32_t deepest = 0;
  for (uint32_t i = 0; i < found->overlay->n_blocks; i++) {
    uint32_t depth = 0;
    for (int32_t at = (int32_t)i; at >= 0; at = found->overlay->blocks[at].parent) depth++;
    if (depth > deepest) deepest = depth;
  }
  return deepest;
}

static bool told(const net_found *found, const char *condition) {
  for (uint32_t i = 0; i < found->overlay->n_misses; i++) {
    if (strcmp(found->overlay->misses[i].condition, condition) == 0) return true;
  }
  return false;
}

// ---- Large --------------------------------------------------------------------------------------

// Far above what it takes with sanitizers on a busy machine, far below what a quadratic sweep
// takes.
#define TOO_LONG 20.0

static blok_value_id residual(deep *net, blok_value_id x) {
  blok_value_id conv = net_next(net->g, "Conv", x, net->w);
  blok_value_id relu = net_next(net->g, "Relu", conv, BLOK_NO_VALUE);
  blok_value_id f = net_next(net->g, "Conv", relu, net->w);
  return net_next(net->g, "Relu", net_next(net->g, "Add", f, x), BLOK_NO_VALUE);
}

START_TEST(match__takes_linear_time_in_a_deep_net) {
  enum { BLOCKS = 10000 };
  deep net = begin();
  double seconds;
  blok_value_id at = net.x;
  for (int i = 0; i < BLOCKS; i++) at = residual(&net, at);
  net_found found = finish(&net, at, &seconds);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), BLOCKS);
  ck_assert_uint_eq(found.overlay->n_blocks, 3 * BLOCKS);
  ck_assert_double_lt(seconds, TOO_LONG);
  net_free(&found);
}
END_TEST

START_TEST(match__takes_linear_time_in_a_deep_net_of_other_blocks) {
  enum { BLOCKS = 10000 };
  deep net = begin();
  double seconds;
  blok_value_id at = net.x;
  for (int i = 0; i < BLOCKS; i++) {
    blok_value_id conv = net_next(net.g, "Conv", at, net.w);
    at = net_next(net.g, "Add", at, net_next(net.g, "Tanh", conv, BLOK_NO_VALUE));
  }
  net_found found = finish(&net, at, &seconds);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), BLOCKS);
  ck_assert_double_lt(seconds, TOO_LONG);
  net_free(&found);
}
END_TEST

START_TEST(match__takes_linear_time_where_one_value_is_read_by_ten_thousand) {
  enum { ADDS = 10000 };
  deep net = begin();
  double seconds;
  blok_value_id sums[ADDS], y;
  blok_value_id x = net_next(net.g, "Relu", net.x, BLOK_NO_VALUE);
  for (int i = 0; i < ADDS; i++) {
    sums[i] = net_next(net.g, "Add", net_next(net.g, "Conv", x, net.w), x);
  }
  blok_node_id join;
  ck_assert_int_eq(blok_graph_add_node(net.g, NULL, "Max", ADDS, 1, &join, NULL), BLOK_OK);
  ck_assert_int_eq(blok_graph_add_value(net.g, "y", &y, NULL), BLOK_OK);
  for (uint32_t i = 0; i < ADDS; i++) blok_graph_set_input(net.g, join, i, sums[i]);
  blok_graph_set_output(net.g, join, 0, y);
  net_found found = finish(&net, y, &seconds);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), ADDS);
  ck_assert_double_lt(seconds, TOO_LONG);
  net_free(&found);
}
END_TEST

// y(i + 1) = y(i) + x: neither a layer nor a block anywhere.
START_TEST(match__finds_nothing_in_a_thousand_additions_of_one_value) {
  deep net = begin();
  double seconds;
  blok_value_id x = net_next(net.g, "Relu", net.x, BLOK_NO_VALUE), at = x;
  for (int i = 0; i < 1000; i++) at = net_next(net.g, "Add", at, x);
  net_found found = finish(&net, at, &seconds);
  ck_assert_uint_eq(found.overlay->n_blocks, 0);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  ck_assert(told(&found, "addition of a value to itself"));
  ck_assert_double_lt(seconds, TOO_LONG);
  net_free(&found);
}
END_TEST

// A long way before each addition that comes from two values: every walk is long and refused.
START_TEST(match__bounds_the_steps_of_refused_walks) {
  enum { ADDS = 2000 };
  deep net = begin();
  blok_value_id other = net_next(net.g, "Tanh", net.x, BLOK_NO_VALUE);
  blok_value_id at = net_next(net.g, "Relu", net.x, BLOK_NO_VALUE);
  for (int i = 0; i < ADDS; i++) {
    at = net_next(net.g, "Max", net_next(net.g, "Conv", at, net.w), other);
    at = net_next(net.g, "Add", at, net.x);
  }
  ck_assert_int_eq(blok_graph_add_output(net.g, at, NULL, NULL), BLOK_OK);
  blok_facts *facts = NULL;
  blok_matcher matcher;
  ck_assert_int_eq(blok_facts_compute(net.g, NULL, NULL, &facts, NULL), BLOK_OK);
  ck_assert_int_eq(blok_matcher_open(net.g, facts, NULL, &matcher, NULL), BLOK_OK);
  ck_assert_int_eq(blok_match_addition(&matcher, NULL), BLOK_OK);
  ck_assert_uint_le(matcher.steps, (uint64_t)ADDS * 3 * BLOK_REGION_STEPS * 3);
  blok_matcher_close(&matcher);
  blok_facts_free(&facts);
  blok_module_free(&net.module);
}
END_TEST

// ---- Deep ---------------------------------------------------------------------------------------

// y(i + 1) = tanh(conv(y(i))) + x: each block stands inside the next.
static net_found nested(int blocks) {
  deep net = begin();
  blok_value_id at = net.x;
  for (int i = 0; i < blocks; i++) {
    at = net_next(net.g, "Tanh", net_next(net.g, "Conv", at, net.w), BLOK_NO_VALUE);
    at = net_next(net.g, "Add", at, net.x);
  }
  return finish(&net, at, NULL);
}

START_TEST(match__finds_blocks_nested_200_deep) {
  net_found found = nested(200);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 200);
  ck_assert_uint_eq(net_count(&found, BLOK_CONV_NORM_ACT), 200);
  ck_assert_uint_eq(depth_of(&found), 201);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  ck_assert_uint_eq(found.overlay->blocks[0].n_members, 600);
  net_free(&found);
}
END_TEST

START_TEST(match__stops_nesting_at_the_limit) {
  net_found found = nested(400);
  ck_assert_uint_le(depth_of(&found), BLOK_BLOCK_DEPTH);
  ck_assert_uint_gt(net_count(&found, BLOK_RESIDUAL_OTHER), 200);
  ck_assert_uint_lt(net_count(&found, BLOK_RESIDUAL_OTHER), 400);
  ck_assert(told(&found, "depth"));
  net_free(&found);
}
END_TEST

START_TEST(match__stays_linear_in_chains_nested_as_deep_as_may_be) {
  deep net = begin();
  double seconds;
  blok_value_id x = net.x, at = net.x;
  for (int i = 0; i < 5000; i++) {
    at = net_next(net.g, "Tanh", net_next(net.g, "Conv", at, net.w), BLOK_NO_VALUE);
    at = net_next(net.g, "Add", at, x);
    if (i % 200 == 199) x = at;
  }
  net_found found = finish(&net, at, &seconds);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 5000);
  ck_assert_double_lt(seconds, TOO_LONG);
  net_free(&found);
}
END_TEST

// ---- Odd ----------------------------------------------------------------------------------------

START_TEST(match__never_sees_a_cycle_through_an_optional_input) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 2, 4, 4);
  net_node(g, "Clip", "x - high", "y");
  net_node(g, "ReduceMax", "y", "high");
  net_output(g, "y");
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_graph_sort(g, &error), BLOK_E_MALFORMED);
  blok_module_free(&module);
}
END_TEST

START_TEST(match__refuses_what_a_subgraph_reads) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 2, 4, 4);
  net_input(g, "flag", 1, 1, 1, 1);
  if (_i == 0) {
    // An inner value of F is captured.
    net_conv(g, "a", "x", "c1", net_k(2, 2, 3, 1));
    net_node(g, "Relu", "c1", "r1");
    net_conv(g, "b", "r1", "f", net_k(2, 2, 3, 1));
    net_if(g, "flag", "r1", "taken");
    net_output(g, "taken");
  } else {
    // F goes through the If.
    net_conv(g, "a", "x", "c1", net_k(2, 2, 3, 1));
    net_if(g, "flag", "c1", "r1");
    net_conv(g, "b", "r1", "f", net_k(2, 2, 3, 1));
  }
  net_node(g, "Add", "f x", "y");
  net_output(g, "y");
  net_found found = {module, NULL, NULL};
  ck_assert_int_eq(blok_facts_compute(g, NULL, NULL, &found.facts, NULL), BLOK_OK);
  ck_assert_int_eq(blok_blocks_match(g, found.facts, NULL, &found.overlay, NULL), BLOK_OK);
  ck_assert_uint_eq(net_count(&found, BLOK_CONV_NORM_ACT), 2);
  ck_assert_uint_eq(found.overlay->n_blocks, 2);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  net_free(&found);
}
END_TEST

START_TEST(match__takes_no_convolution_of_zero_channels) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  const int64_t none[4] = {0, 2, 3, 3}, of_none[4] = {2, 0, 3, 3};
  net_input(g, "x", 1, 2, 4, 4);
  net_input(g, "nothing", 1, 0, 4, 4);
  net_weight(g, "w1", 4, none);
  net_weight(g, "w2", 4, of_none);
  net_node(g, "Conv", "x w1", "a");
  net_node(g, "Conv", "nothing w2", "b");
  net_output(g, "a");
  net_output(g, "b");
  net_found found = {module, NULL, NULL};
  // Inference may refuse the graph; then there is nothing to match.
  if (blok_facts_compute(g, NULL, NULL, &found.facts, NULL) == BLOK_OK) {
    ck_assert_int_eq(blok_blocks_match(g, found.facts, NULL, &found.overlay, NULL), BLOK_OK);
    ck_assert_uint_eq(found.overlay->n_blocks, 0);
  }
  net_free(&found);
}
END_TEST

START_TEST(match__refuses_a_branch_added_to_itself) {
  deep net = begin();
  blok_value_id f = net_next(net.g, "Conv", net.x, net.w);
  net_found found = finish(&net, net_next(net.g, "Add", f, f), NULL);
  ck_assert_uint_eq(found.overlay->n_blocks, 1);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  ck_assert(told(&found, "addition of a value to itself"));
  net_free(&found);
}
END_TEST

// ---- No memory ----------------------------------------------------------------------------------

typedef struct sweep_input {
  const blok_graph *graph;
  const blok_facts *facts;
  uint32_t blocks, misses;
} sweep_input;

static blok_status match_once(void *context, const blok_allocator *allocator, blok_error *error) {
  const sweep_input *input = context;
  blok_overlay *overlay = NULL;
  blok_status status = blok_blocks_match(input->graph, input->facts, allocator, &overlay, error);
  if (status == BLOK_OK) {
    ck_assert_uint_eq(overlay->n_blocks, input->blocks);
    ck_assert_uint_eq(overlay->n_misses, input->misses);
  } else {
    ck_assert_ptr_null(overlay);
  }
  blok_overlay_free(&overlay);
  return status;
}

// Every kind once, two siblings of one name, and near misses.
START_TEST(match__survives_every_failed_allocation_with_every_kind) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 8, 8, 8);
  net_conv(g, "a.conv1", "x", "a1", net_k(8, 8, 3, 1));
  net_norm(g, "a.bn1", "a1", "a2", 8);
  net_node(g, "Relu", "a2", "a3");
  net_conv(g, "a.conv2", "a3", "a4", net_k(8, 8, 3, 1));
  net_se(g, "a.se", "a4", "a5", 8, 2);
  net_node(g, "Add", "a5 x", "a");
  net_conv(g, "b.conv1", "a", "b1", (net_conv_shape){8, 4, 1, 1, 0});
  net_node(g, "Relu", "b1", "b2");
  net_conv(g, "b.conv2", "b2", "b3", net_k(4, 4, 3, 1));
  net_node(g, "Relu", "b3", "b4");
  net_conv(g, "b.conv3", "b4", "b5", (net_conv_shape){4, 16, 1, 1, 0});
  net_conv(g, "b.down", "a", "b6", (net_conv_shape){8, 16, 1, 1, 0});
  net_node(g, "Add", "b5 b6", "b");
  net_conv(g, "c.conv1", "b", "c1", (net_conv_shape){16, 32, 1, 1, 0});
  net_node(g, "Relu", "c1", "c2");
  net_conv(g, "c.conv2", "c2", "c3", (net_conv_shape){32, 32, 3, 1, 32});
  net_node(g, "Relu", "c3", "c4");
  net_conv(g, "c.conv3", "c4", "c", (net_conv_shape){32, 8, 1, 1, 0});
  net_conv(g, "d.one", "c", "d1", net_k(8, 8, 3, 1));
  net_node(g, "Tanh", "d1", "d2");
  net_node(g, "Add", "d2 c", "d3");
  net_conv(g, "d.two", "d3", "d4", net_k(8, 8, 3, 1));
  net_node(g, "Tanh", "d4", "d5");
  net_node(g, "Add", "d3 d5", "d");
  // Effective squeeze and excite.
  net_node(g, "GlobalAveragePool", "d", "e1");
  net_conv(g, "e.fc", "e1", "e2", (net_conv_shape){8, 8, 1, 1, 0});
  net_node(g, "HardSigmoid", "e2", "e3");
  net_node(g, "Mul", "d e3", "e");
  net_node(g, "Add", "e e", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  for (int kind = BLOK_CONV_NORM_ACT; kind <= BLOK_GATE; kind++) {
    ck_assert_msg(net_count(&found, (blok_block_kind)kind) > 0, "no %s",
                  blok_block_kind_name((blok_block_kind)kind));
  }
  sweep_input input = {g, found.facts, found.overlay->n_blocks, found.overlay->n_misses};
  ck_assert_uint_gt(input.misses, 0);
  ck_assert_uint_gt(blok_fault_sweep(match_once, &input), 20);
  net_free(&found);
}
END_TEST

Suite *suite_hostile(void) {
  Suite *suite = suite_create("hostile");
  TCase *tests = tcase_create("hostile");
  tcase_set_timeout(tests, 240);
  tcase_add_test(tests, match__takes_linear_time_in_a_deep_net);
  tcase_add_test(tests, match__takes_linear_time_in_a_deep_net_of_other_blocks);
  tcase_add_test(tests, match__takes_linear_time_where_one_value_is_read_by_ten_thousand);
  tcase_add_test(tests, match__finds_nothing_in_a_thousand_additions_of_one_value);
  tcase_add_test(tests, match__bounds_the_steps_of_refused_walks);
  tcase_add_test(tests, match__finds_blocks_nested_200_deep);
  tcase_add_test(tests, match__stops_nesting_at_the_limit);
  tcase_add_test(tests, match__stays_linear_in_chains_nested_as_deep_as_may_be);
  tcase_add_test(tests, match__never_sees_a_cycle_through_an_optional_input);
  tcase_add_loop_test(tests, match__refuses_what_a_subgraph_reads, 0, 2);
  tcase_add_test(tests, match__takes_no_convolution_of_zero_channels);
  tcase_add_test(tests, match__refuses_a_branch_added_to_itself);
  tcase_add_test(tests, match__survives_every_failed_allocation_with_every_kind);
  suite_add_tcase(suite, tests);
  return suite;
}
