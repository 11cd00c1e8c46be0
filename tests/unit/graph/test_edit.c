// Edits of graphs: names, attributes, slots, removal, replacing, and who reads what.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "support/fault.h"

static blok_value_id input_of(const blok_graph *g, blok_node_id node, uint32_t slot) {
  return blok_node_input(blok_node_at(g, node), slot);
}

START_TEST(op_find__knows_every_row_and_both_names_of_the_domain) {
  for (int op = 1; op < BLOK_OP_COUNT; op++) {
    ck_assert_int_eq(blok_op_find("", blok_op_name((blok_op)op)), op);
  }
  ck_assert_int_eq(blok_op_find("ai.onnx", "Conv"), BLOK_OP_Conv);
  ck_assert_int_eq(blok_op_find(NULL, "Conv"), BLOK_OP_Conv);
  ck_assert_int_eq(blok_op_find("com.example", "Conv"), BLOK_OP_UNKNOWN);
  ck_assert_int_eq(blok_op_find("", "Convolve"), BLOK_OP_UNKNOWN);
  ck_assert_str_eq(blok_op_name(BLOK_OP_UNKNOWN), "");
}
END_TEST

START_TEST(new_name__avoids_every_name_of_the_graph) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  const char *name = NULL;
  net_value(g, "axes");
  net_value(g, "axes_1");
  ck_assert_int_eq(blok_graph_new_name(g, "axes", &name, NULL), BLOK_OK);
  ck_assert_str_eq(name, "axes_2");
  ck_assert_int_eq(blok_graph_new_name(g, "fresh", &name, NULL), BLOK_OK);
  ck_assert_str_eq(name, "fresh");
  blok_value_id value = net_value(g, "fresh");
  ck_assert_int_eq(blok_graph_rename(g, value, "renamed", NULL), BLOK_OK);
  ck_assert_int_eq(blok_graph_new_name(g, "renamed", &name, NULL), BLOK_OK);
  ck_assert_str_ne(name, "renamed");
  ck_assert_int_eq(blok_graph_new_name(g, "", &name, NULL), BLOK_OK);
  ck_assert_str_eq(name, "value");
  blok_module_free(&module);
}
END_TEST

START_TEST(new_name__stays_quick_for_many_constants_of_one_stem) {
  blok_module *module = net_module();
  const int64_t number = 3;
  for (int i = 0; i < 50000; i++) {
    blok_value_id value;
    ck_assert_int_eq(
        blok_graph_add_constant(module->graph, "axes", BLOK_I64, 0, NULL, &number, &value, NULL),
        BLOK_OK);
  }
  net_assert_valid(module->graph, true);
  blok_module_free(&module);
}
END_TEST

START_TEST(add_constant__makes_an_initializer_with_a_type) {
  blok_module *module = net_module();
  const int64_t dims[] = {2}, numbers[] = {5, -6};
  int64_t got[2];
  blok_value_id id;
  ck_assert_int_eq(
      blok_graph_add_constant(module->graph, "shape", BLOK_I64, 1, dims, numbers, &id, NULL),
      BLOK_OK);
  const blok_value *value = blok_value_at(module->graph, id);
  ck_assert_str_eq(value->name, "shape");
  ck_assert_str_eq(value->literal->name, "shape");
  ck_assert_int_eq(value->type->dims[0].value, 2);
  ck_assert_int_eq(blok_literal_read(value->literal, NULL, got, sizeof got, NULL), BLOK_OK);
  ck_assert_mem_eq(got, numbers, sizeof got);
  const int64_t bad[] = {-2};
  ck_assert_int_eq(
      blok_graph_add_constant(module->graph, "bad", BLOK_I64, 1, bad, numbers, &id, NULL),
      BLOK_E_ARGUMENT);
  net_assert_valid(module->graph, true);
  blok_module_free(&module);
}
END_TEST

START_TEST(set_attr__replaces_adds_and_drops) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  blok_node_id id = net_node(g, "n", "Conv", "x w", "y");
  const int64_t pads[] = {1, 2, 3, 4};
  char name[] = "group";
  ck_assert_int_eq(blok_node_set_int(g, id, name, 2, NULL), BLOK_OK);
  name[0] = 'x';
  ck_assert_int_eq(blok_node_set_ints(g, id, "pads", pads, 4, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_text(g, id, "auto_pad", "VALID", NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_float(g, id, "alpha", 0.5f, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_int(g, id, "group", 8, NULL), BLOK_OK);
  const blok_node *node = blok_node_at(g, id);
  ck_assert_uint_eq(node->n_attrs, 4);
  ck_assert_int_eq(blok_node_int(node, "group", 1), 8);
  ck_assert(blok_node_float(node, "alpha", 0) == 0.5f);
  ck_assert(blok_node_text_is(node, "auto_pad", "NOTSET", "VALID"));
  ck_assert(!blok_node_text_is(node, "auto_pad", "NOTSET", "VALID2"));
  ck_assert(blok_node_text_is(node, "mode", "linear", "linear"));
  uint32_t n;
  ck_assert_mem_eq(blok_node_ints(node, "pads", &n), pads, sizeof pads);
  ck_assert_uint_eq(n, 4);
  // Of another type, it counts as absent.
  ck_assert_int_eq(blok_node_int(node, "alpha", 7), 7);
  blok_node_drop_attr(g, id, "pads");
  ck_assert_ptr_null(blok_node_ints(node, "pads", &n));
  ck_assert_uint_eq(n, 0);
  ck_assert_uint_eq(node->n_attrs, 3);
  blok_module_free(&module);
}
END_TEST

START_TEST(node__is_called_by_its_name_or_its_first_output_escaped) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  const blok_node *named = blok_node_at(g, net_node(g, "a\tb", "Relu", "x", "y"));
  ck_assert_str_eq(blok_node_label(g, named).text, "a\\x09b");
  const blok_node *nameless = blok_node_at(g, net_node(g, "", "Relu", "x", "- z"));
  ck_assert_str_eq(blok_node_label(g, nameless).text, "z");
  ck_assert_str_eq(blok_node_domain(nameless), "");
  blok_module_free(&module);
}
END_TEST

START_TEST(resize_inputs__keeps_what_there_was) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  blok_node_id id = net_node(g, "n", "Clip", "x", "y");
  ck_assert_int_eq(blok_node_resize_inputs(g, id, 3, NULL), BLOK_OK);
  ck_assert_uint_eq(input_of(g, id, 0).i, net_value(g, "x").i);
  ck_assert_uint_eq(input_of(g, id, 2).i, 0);
  ck_assert_uint_eq(input_of(g, id, 3).i, 0);
  ck_assert_int_eq(blok_node_resize_inputs(g, id, 0, NULL), BLOK_OK);
  ck_assert_uint_eq(input_of(g, id, 0).i, 0);
  blok_node_set_op(g, id, "Relu");
  ck_assert_int_eq(blok_node_at(g, id)->op, BLOK_OP_Relu);
  blok_module_free(&module);
}
END_TEST

START_TEST(add_sources__merges_sorted_and_unique) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  blok_node_id a = net_node(g, "a", "Relu", "x", "y");
  static const blok_node_id first[] = {{2}, {5}, {9}}, second[] = {{1}, {5}, {10}};
  blok_node_at(g, a)->sources = first;
  blok_node_at(g, a)->n_sources = 3;
  blok_node from = {0};
  from.sources = second;
  from.n_sources = 3;
  ck_assert_int_eq(blok_node_add_sources(g, a, &from, NULL), BLOK_OK);
  const blok_node_id want[] = {{1}, {2}, {5}, {9}, {10}};
  ck_assert_uint_eq(blok_node_at(g, a)->n_sources, 5);
  ck_assert_mem_eq(blok_node_at(g, a)->sources, want, sizeof want);
  blok_module_free(&module);
}
END_TEST

START_TEST(remove__detaches_outputs_and_sweep_tidies_the_lists) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  const float one = 1;
  net_input(g, "x");
  net_constant(g, "w", &one, 1);
  blok_node_id a = net_node(g, "a", "Mul", "x w", "y");
  net_node(g, "b", "Relu", "x", "z");
  blok_graph_remove_node(g, a);
  blok_value_at(g, net_value(g, "w"))->dead = true;
  ck_assert_uint_eq(blok_value_producer(g, net_value(g, "y")).i, 0);
  blok_graph_sweep(g);
  net_assert_order(g, "b");
  ck_assert_uint_eq(g->n_initializers, 0);
  net_assert_valid(g, true);
  blok_module_free(&module);
}
END_TEST

START_TEST(set_output__detaches_the_value_it_displaces) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  blok_node_id a = net_node(g, "a", "Relu", "x", "y");
  blok_graph_set_output(g, a, 0, net_value(g, "z"));
  ck_assert_uint_eq(blok_value_producer(g, net_value(g, "y")).i, 0);
  ck_assert_uint_eq(blok_value_producer(g, net_value(g, "z")).i, a.i);
  net_assert_valid(g, true);
  blok_module_free(&module);
}
END_TEST

START_TEST(replace_uses__reaches_inputs_and_captures_but_no_output) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  net_node(g, "a", "Relu", "x", "y");
  blok_node_id b = net_node(g, "b", "Add", "y y", "z");
  blok_node_id c = net_node(g, "c", "If", "x", "u");
  net_body(g, c, "y");
  net_output(g, "y");
  blok_graph_replace_uses(g, net_value(g, "y"), net_value(g, "x"));
  ck_assert_uint_eq(input_of(g, b, 0).i, net_value(g, "x").i);
  ck_assert_uint_eq(input_of(g, b, 1).i, net_value(g, "x").i);
  const blok_subgraph *sub = blok_node_attr(blok_node_at(g, c), "body")->as.graphs;
  ck_assert_uint_eq(sub->captures[0].outer.i, net_value(g, "x").i);
  ck_assert_uint_eq(g->outputs[0].value.i, net_value(g, "y").i);
  blok_module_free(&module);
}
END_TEST

// Maps each value of a chain to the one before it, and v1 and v2 to each other.
static void replace_chain(blok_allocator *allocator, uint32_t length) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  blok_value_id reader_of;
  for (uint32_t i = 0; i < length; i++) {
    const char *name = blok_arena_format(&module->arena, "v%u", i + 1);
    ck_assert_int_eq(blok_graph_add_value(g, name, &reader_of, NULL), BLOK_OK);
  }
  blok_node_id reader;
  ck_assert_int_eq(blok_graph_add_node(g, NULL, "Concat", length, 1, &reader, NULL), BLOK_OK);
  for (uint32_t i = 0; i < length; i++) {
    blok_graph_set_input(g, reader, i, (blok_value_id){i + 1});
  }
  blok_value_id *map = calloc(g->n_values, sizeof *map);
  map[1].i = 2;
  map[2].i = 1;
  map[3].i = 3;
  for (uint32_t i = 4; i <= length; i++) map[i].i = i - 1;
  if (allocator) module->allocator = *allocator;
  blok_graph_replace_all(g, map);
  module->allocator = *blok_allocator_default();
  ck_assert_uint_le(input_of(g, reader, 0).i, 2);
  ck_assert_uint_le(input_of(g, reader, 1).i, 2);
  for (uint32_t i = 2; i < length; i++) ck_assert_uint_eq(input_of(g, reader, i).i, 3);
  free(map);
  blok_module_free(&module);
}

START_TEST(replace_all__follows_long_chains_and_survives_circles) { replace_chain(NULL, 300000); }
END_TEST

START_TEST(replace_all__needs_no_memory_to_be_right) {
  blok_fault fault = BLOK_FAULT_INIT;
  fault.fail_at = 1;
  blok_allocator allocator = blok_fault_allocator(&fault);
  replace_chain(&allocator, 500);
  ck_assert_uint_eq(fault.calls, 1);
}
END_TEST

START_TEST(uses__lists_every_reader_in_order) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  blok_node_id a = net_node(g, "a", "Add", "x x", "y");
  blok_node_id b = net_node(g, "b", "If", "y", "z");
  net_body(g, b, "x");
  net_output(g, "z");
  net_output(g, "x");
  blok_uses uses;
  ck_assert_int_eq(blok_uses_build(g, NULL, &uses, NULL), BLOK_OK);
  blok_value_id x = net_value(g, "x"), z = net_value(g, "z");
  ck_assert_uint_eq(blok_uses_count(&uses, x), 4);
  const blok_use *use = blok_uses_of(&uses, x);
  ck_assert(use[0].node.i == a.i && use[0].slot == 0);
  ck_assert(use[1].node.i == a.i && use[1].slot == 1);
  ck_assert(use[2].node.i == b.i && use[2].slot == UINT32_MAX);
  ck_assert(use[3].node.i == 0 && use[3].slot == 1);
  ck_assert_uint_eq(blok_uses_count(&uses, net_value(g, "y")), 1);
  ck_assert_uint_eq(blok_uses_count(&uses, z), 1);
  ck_assert(blok_uses_of(&uses, z)->node.i == 0 && blok_uses_of(&uses, z)->slot == 0);
  ck_assert_uint_eq(blok_uses_count(&uses, BLOK_NO_VALUE), 0);
  blok_uses_free(&uses);
  blok_uses_free(&uses);
  blok_module_free(&module);
}
END_TEST

START_TEST(module_opset__takes_both_names_of_the_domain) {
  blok_module *module = net_module();
  blok_opset opsets[] = {{"ai.onnx.ml", 3, true, {NULL, 0}}, {"ai.onnx", 17, true, {NULL, 0}}};
  module->opsets = opsets;
  module->n_opsets = 2;
  ck_assert_int_eq(blok_module_opset(module, ""), 17);
  ck_assert_int_eq(blok_module_opset(module, NULL), 17);
  ck_assert_int_eq(blok_module_opset(module, "ai.onnx.ml"), 3);
  ck_assert_int_eq(blok_module_opset(module, "other"), 0);
  blok_module_free(&module);
}
END_TEST

START_TEST(dump__shows_lists_nodes_and_subgraphs) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  const float one = 1;
  const int64_t strides[] = {2, 2};
  g->name = "main";
  net_input(g, "x");
  net_constant(g, "w", &one, 1);
  blok_node_id conv = net_node(g, "conv\n1", "Conv", "x w -", "y");
  ck_assert_int_eq(blok_node_set_ints(g, conv, "strides", strides, 2, NULL), BLOK_OK);
  net_body(g, net_node(g, "", "If", "y", "z"), "y");
  net_output(g, "z");
  char *text = net_dump(g);
  ck_assert_str_eq(text,
                   "graph 'main'\n"
                   "  input x\n"
                   "  constant w float32[1]\n"
                   "  'conv\\x0a1' y = Conv(x, w, -) {strides=[2, 2]}\n"
                   "  z = If(y) {body=graph}\n"
                   "    body takes y as y\n"
                   "    graph 'body'\n"
                   "      'inner' inner_out = Relu(y)\n"
                   "      output inner_out\n"
                   "  output z\n");
  free(text);
  blok_module_free(&module);
}
END_TEST

Suite *suite_edit(void) {
  Suite *suite = suite_create("edit");
  TCase *tests = tcase_create("edit");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, op_find__knows_every_row_and_both_names_of_the_domain);
  tcase_add_test(tests, new_name__avoids_every_name_of_the_graph);
  tcase_add_test(tests, new_name__stays_quick_for_many_constants_of_one_stem);
  tcase_add_test(tests, add_constant__makes_an_initializer_with_a_type);
  tcase_add_test(tests, set_attr__replaces_adds_and_drops);
  tcase_add_test(tests, node__is_called_by_its_name_or_its_first_output_escaped);
  tcase_add_test(tests, resize_inputs__keeps_what_there_was);
  tcase_add_test(tests, add_sources__merges_sorted_and_unique);
  tcase_add_test(tests, remove__detaches_outputs_and_sweep_tidies_the_lists);
  tcase_add_test(tests, set_output__detaches_the_value_it_displaces);
  tcase_add_test(tests, replace_uses__reaches_inputs_and_captures_but_no_output);
  tcase_add_test(tests, replace_all__follows_long_chains_and_survives_circles);
  tcase_add_test(tests, replace_all__needs_no_memory_to_be_right);
  tcase_add_test(tests, uses__lists_every_reader_in_order);
  tcase_add_test(tests, module_opset__takes_both_names_of_the_domain);
  tcase_add_test(tests, dump__shows_lists_nodes_and_subgraphs);
  suite_add_tcase(suite, tests);
  return suite;
}
