// Each broken invariant is found and named.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "net.h"

static blok_module *module;
static blok_graph *g;
static blok_node_id a, b, holder;

static void setup(void) {
  const float one = 1;
  module = net_module();
  g = module->graph;
  net_input(g, "x");
  net_constant(g, "w", &one, 1);
  a = net_node(g, "a", "Mul", "x w", "y");
  b = net_node(g, "b", "Relu", "y", "z");
  holder = net_node(g, "holder", "If", "z", "u");
  net_body(g, holder, "y");
  net_output(g, "u");
}

static void teardown(void) { blok_module_free(&module); }

static void assert_fault(const char *message) {
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_graph_verify(g, true, &error), BLOK_E_INTERNAL);
  ck_assert_str_eq(error.message, message);
}

static blok_value *value(const char *name) { return blok_value_at(g, net_value(g, name)); }

START_TEST(verify__passes_a_graph_that_is_right) { net_assert_valid(g, true); }
END_TEST

START_TEST(verify__finds_handles_out_of_range_or_dead) {
  blok_graph_set_input(g, a, 0, (blok_value_id){99});
  assert_fault("graph: node 'a' reads value 99, which is none");
  blok_graph_set_input(g, a, 0, BLOK_NO_VALUE);
  net_assert_valid(g, true);
  value("w")->dead = true;
  assert_fault("graph: entry 0 of the initializers is value 2, which is none");
}
END_TEST

START_TEST(verify__finds_producers_that_disagree) {
  value("z")->producer = a;
  assert_fault("graph: value 'z' says it is output 0 of node 'a', which says otherwise");
  value("z")->producer = BLOK_NO_NODE;
  assert_fault("graph: output 0 of node 'b' is value 4, which says otherwise");
}
END_TEST

START_TEST(verify__finds_a_value_with_two_origins) {
  value("y")->is_input = true;
  assert_fault("graph: value 'y' is made by node 'a' and is an input or constant too");
}
END_TEST

START_TEST(verify__finds_names_that_are_missing_or_used_twice) {
  value("z")->name = "y";
  assert_fault("graph: values 3 and 4 are both called 'y'");
  blok_value_at(g, (blok_value_id){4})->name = "";
  assert_fault("graph: value 4 has no name");
}
END_TEST

START_TEST(verify__finds_lists_that_disagree_with_flags) {
  value("z")->is_output = true;
  assert_fault("graph: value 'z' is none of the outputs and is flagged otherwise");
  value("z")->is_output = false;
  g->n_initializers = 0;
  assert_fault("graph: value 'w' is none of the initializers and is flagged otherwise");
}
END_TEST

START_TEST(verify__finds_an_order_that_is_not_topological) {
  g->order[0] = b;
  g->order[1] = a;
  assert_fault("graph: node 'b' reads 'y' before it is made");
  ck_assert_int_eq(blok_graph_verify(g, false, NULL), BLOK_OK);
}
END_TEST

START_TEST(verify__finds_nodes_missing_from_the_order_or_twice_in_it) {
  g->order[2] = b;
  assert_fault("graph: node 'b' stands in the order twice");
  g->n_order = 2;
  assert_fault("graph: node 'holder' is missing from the order");
}
END_TEST

START_TEST(verify__finds_dead_nodes_in_the_order) {
  blok_graph_remove_node(g, holder);
  assert_fault("graph: place 2 of the order is node 3, which is none");
}
END_TEST

START_TEST(verify__finds_what_nothing_makes) {
  net_node(g, "c", "Relu", "nowhere", "v");
  assert_fault("graph: node 'c' reads 'nowhere', which nothing makes");
  blok_graph_set_input(g, (blok_node_id){4}, 0, BLOK_NO_VALUE);
  net_output(g, "lost");
  assert_fault("graph: nothing makes the output 'lost'");
}
END_TEST

START_TEST(verify__finds_an_operator_that_is_not_the_op) {
  char message[64];
  blok_node_at(g, b)->op = BLOK_OP_Conv;
  snprintf(message, sizeof message, "graph: node 'b' has op %d for operator 'Relu'", BLOK_OP_Conv);
  assert_fault(message);
}
END_TEST

START_TEST(verify__finds_captures_that_are_wrong) {
  const blok_subgraph *sub = blok_node_attr(blok_node_at(g, holder), "body")->as.graphs;
  blok_capture right = sub->captures[0];
  sub->captures[0].outer = BLOK_NO_VALUE;
  assert_fault("graph: capture 0 of node 'holder' takes nothing from outside");
  sub->captures[0].outer = net_value(g, "u");
  assert_fault("graph: node 'holder' reads 'u' before it is made");
  sub->captures[0] = right;
  sub->captures[0].inner.i = 2;
  assert_fault("graph: capture 0 of node 'holder' stands for value 2, which is none");
  sub->captures[0] = right;
  blok_value_at(sub->graph, right.inner)->is_capture = false;
  assert_fault("graph: a subgraph of node 'holder' lists 1 captures and flags 0 values");
  blok_value_at(sub->graph, right.inner)->is_capture = true;
  sub->graph->outer = NULL;
  assert_fault("graph: a subgraph of node 'holder' does not name this graph as its outer one");
}
END_TEST

START_TEST(verify__looks_into_subgraphs) {
  const blok_subgraph *sub = blok_node_attr(blok_node_at(g, holder), "body")->as.graphs;
  sub->graph->n_order = 0;
  assert_fault("graph: node 'inner' is missing from the order");
}
END_TEST

Suite *suite_verify(void) {
  Suite *suite = suite_create("verify");
  TCase *tests = tcase_create("verify");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, verify__passes_a_graph_that_is_right);
  tcase_add_test(tests, verify__finds_handles_out_of_range_or_dead);
  tcase_add_test(tests, verify__finds_producers_that_disagree);
  tcase_add_test(tests, verify__finds_a_value_with_two_origins);
  tcase_add_test(tests, verify__finds_names_that_are_missing_or_used_twice);
  tcase_add_test(tests, verify__finds_lists_that_disagree_with_flags);
  tcase_add_test(tests, verify__finds_an_order_that_is_not_topological);
  tcase_add_test(tests, verify__finds_nodes_missing_from_the_order_or_twice_in_it);
  tcase_add_test(tests, verify__finds_dead_nodes_in_the_order);
  tcase_add_test(tests, verify__finds_what_nothing_makes);
  tcase_add_test(tests, verify__finds_an_operator_that_is_not_the_op);
  tcase_add_test(tests, verify__finds_captures_that_are_wrong);
  tcase_add_test(tests, verify__looks_into_subgraphs);
  suite_add_tcase(suite, tests);
  return suite;
}
