// Topological order: stable, deep, and what cannot be sorted.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "net.h"

static void assert_refused(blok_graph *graph, const char *message) {
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_graph_sort(graph, &error), BLOK_E_MALFORMED);
  ck_assert_str_eq(error.message, message);
}

START_TEST(sort__keeps_an_order_that_is_right) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  net_node(g, "b", "Relu", "x", "v1");
  net_node(g, "a", "Relu", "x", "v2");
  net_node(g, "d", "Relu", "v2", "v3");
  net_node(g, "c", "Add", "v1 v3", "v4");
  ck_assert_int_eq(blok_graph_sort(g, NULL), BLOK_OK);
  net_assert_order(g, "b a d c");
  blok_module_free(&module);
}
END_TEST

START_TEST(sort__moves_only_what_is_needed_too_early) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  net_node(g, "last", "Add", "v1 v2", "v4");
  net_node(g, "free", "Relu", "x", "v5");
  net_node(g, "second", "Relu", "v1", "v2");
  net_node(g, "first", "Relu", "x", "v1");
  ck_assert_int_eq(blok_graph_sort(g, NULL), BLOK_OK);
  net_assert_order(g, "first second last free");
  net_assert_valid(g, true);
  blok_module_free(&module);
}
END_TEST

START_TEST(sort__counts_captures_as_reads) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  blok_node_id holder = net_node(g, "if", "If", "x", "y");
  net_body(g, holder, "late");
  net_node(g, "late", "Relu", "x", "late");
  ck_assert_int_eq(blok_graph_sort(g, NULL), BLOK_OK);
  net_assert_order(g, "late if");
  net_assert_valid(g, true);
  blok_module_free(&module);
}
END_TEST

START_TEST(sort__drops_dead_nodes) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  blok_node_id dead = net_node(g, "dead", "Relu", "x", "v");
  net_node(g, "alive", "Relu", "x", "y");
  blok_graph_remove_node(g, dead);
  ck_assert_int_eq(blok_graph_sort(g, NULL), BLOK_OK);
  net_assert_order(g, "alive");
  blok_module_free(&module);
}
END_TEST

START_TEST(sort__names_nodes_of_a_cycle) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  net_node(g, "before", "Relu", "p", "q");
  net_node(g, "one", "Add", "r q", "s");
  net_node(g, "two", "Relu", "s", "p");
  net_node(g, "start", "Relu", "x", "r");
  assert_refused(g,
                 "3 nodes need each other's outputs in a cycle, 'before', 'two' and 'one' among "
                 "them");
  net_assert_order(g, "before one two start");
  blok_module_free(&module);
}
END_TEST

START_TEST(sort__names_both_nodes_of_a_short_cycle_and_a_node_that_reads_itself) {
  blok_module *module = net_module();
  net_node(module->graph, "a", "Relu", "q", "p");
  net_node(module->graph, "b\n", "Relu", "p", "q");
  assert_refused(module->graph, "the nodes 'a' and 'b\\x0a' need each other's outputs");
  blok_module_free(&module);
  module = net_module();
  net_node(module->graph, "self", "Relu", "p", "p");
  assert_refused(module->graph, "node 'self' reads its own output");
  blok_module_free(&module);
}
END_TEST

START_TEST(sort__refuses_a_cycle_through_a_capture) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  blok_node_id holder = net_node(g, "if", "If", "x", "y");
  net_body(g, holder, "z");
  net_node(g, "after", "Relu", "y", "z");
  assert_refused(g, "the nodes 'if' and 'after' need each other's outputs");
  blok_module_free(&module);
}
END_TEST

START_TEST(sort__refuses_a_value_that_nothing_makes) {
  blok_module *module = net_module();
  net_node(module->graph, "a", "Relu", "nowhere", "p");
  assert_refused(module->graph,
                 "Relu node 'a' reads 'nowhere', which no node, input or initializer gives");
  blok_module_free(&module);
}
END_TEST

START_TEST(sort__takes_a_chain_of_200000_nodes_the_wrong_way_round) {
  enum { COUNT = 200000 };
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  blok_error error = BLOK_ERROR_INIT;
  for (uint32_t i = 0; i <= COUNT; i++) {
    blok_value_id value;
    const char *name = blok_arena_format(&module->arena, "v%u", i);
    ck_assert_int_eq(blok_graph_add_value(g, name, &value, &error), BLOK_OK);
  }
  net_input(g, "v0");
  for (uint32_t i = COUNT; i > 0; i--) {
    blok_node_id node;
    ck_assert_int_eq(blok_graph_add_node(g, NULL, "Relu", 1, 1, &node, &error), BLOK_OK);
    blok_graph_set_input(g, node, 0, (blok_value_id){i});
    blok_graph_set_output(g, node, 0, (blok_value_id){i + 1});
  }
  ck_assert_int_eq(blok_graph_sort(g, &error), BLOK_OK);
  ck_assert_uint_eq(g->order[0].i, COUNT);
  ck_assert_uint_eq(g->order[COUNT - 1].i, 1);
  net_assert_valid(g, true);
  blok_module_free(&module);
}
END_TEST

Suite *suite_sort(void) {
  Suite *suite = suite_create("sort");
  TCase *tests = tcase_create("sort");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, sort__keeps_an_order_that_is_right);
  tcase_add_test(tests, sort__moves_only_what_is_needed_too_early);
  tcase_add_test(tests, sort__counts_captures_as_reads);
  tcase_add_test(tests, sort__drops_dead_nodes);
  tcase_add_test(tests, sort__names_nodes_of_a_cycle);
  tcase_add_test(tests, sort__names_both_nodes_of_a_short_cycle_and_a_node_that_reads_itself);
  tcase_add_test(tests, sort__refuses_a_cycle_through_a_capture);
  tcase_add_test(tests, sort__refuses_a_value_that_nothing_makes);
  tcase_add_test(tests, sort__takes_a_chain_of_200000_nodes_the_wrong_way_round);
  suite_add_tcase(suite, tests);
  return suite;
}
