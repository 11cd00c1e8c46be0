// What the importer keeps of a file, and what it refuses.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "importer/importer.h"
#include "wire_text.h"

Suite *suite_import(void);

static blok_error error;
static blok_module *module;

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  module = NULL;
}

static void end(void) { blok_module_free(&module); }

static const blok_limits limits = {
    sizeof(blok_limits), 64, 1 << 20, 1000, 1 << 20, 1 << 20, 1 << 20, 1000, 1000};

static blok_status import_text(const char *text) {
  wire_text wire;
  wire_of_text(text, &wire);
  blok_import_options options = {.allocator = blok_allocator_default(), .limits = limits};
  blok_storage *source = blok_storage_copy(blok_allocator_default(), wire.bytes, wire.size);
  ck_assert_ptr_nonnull(source);
  error = (blok_error)BLOK_ERROR_INIT;
  blok_module_free(&module);
  blok_status status = blok_import(source, &options, &module, &error);
  blok_storage_release(source);
  ck_assert((status == BLOK_OK) == (module != NULL));
  return status;
}

// A model of IR 8 and opset 17 around a graph.
static blok_status import_graph(const char *graph) {
  char text[4096];
  int length = snprintf(text, sizeof text, "1:8 8{1:'' 2:17} 7{%s}", graph);
  ck_assert_int_lt(length, (int)sizeof text);
  return import_text(text);
}

static void refuses(blok_status status, blok_status wanted, const char *word) {
  ck_assert_msg(status == wanted, "got %d, want %d: %s", status, wanted, error.message);
  ck_assert_msg(strstr(error.message, word) != NULL, "'%s' is not in '%s'", word, error.message);
}

static const char *value_name(const blok_graph *graph, blok_value_id id) {
  return id.i ? graph->values[id.i].name : "";
}

static const blok_node *node_of(const blok_graph *graph, uint32_t index) {
  ck_assert_uint_lt(index, graph->n_order);
  return &graph->nodes[graph->order[index].i];
}

// ---- Kept ---------------------------------------------------------------------------------------

START_TEST(import__keeps_the_files_order_of_unsorted_nodes) {
  ck_assert_int_eq(import_graph("1{1:'a' 2:'y' 4:'Relu' 3:'second'} 1{1:'x' 2:'a' 4:'Exp'}"
                                "11{1:'x'} 12{1:'y'}"),
                   BLOK_OK);
  const blok_graph *graph = module->graph;
  ck_assert_uint_eq(graph->n_order, 2);
  ck_assert_str_eq(node_of(graph, 0)->op_type, "Relu");
  ck_assert_str_eq(node_of(graph, 0)->name, "second");
  ck_assert_str_eq(value_name(graph, node_of(graph, 0)->inputs[0]), "a");
  ck_assert_ptr_null(node_of(graph, 1)->name);
}
END_TEST

START_TEST(import__keeps_left_out_inputs_and_outputs) {
  ck_assert_int_eq(import_graph("1{1:'x' 1:'' 1:'x' 2:'' 2:'y' 4:'Odd' 7:'org.example' 8:'fast'}"
                                "11{1:'x'} 12{1:'y'}"),
                   BLOK_OK);
  const blok_node *node = node_of(module->graph, 0);
  ck_assert_uint_eq(node->n_inputs, 3);
  ck_assert_uint_eq(node->inputs[1].i, 0);
  ck_assert_uint_eq(node->n_outputs, 2);
  ck_assert_uint_eq(node->outputs[0].i, 0);
  ck_assert_str_eq(node->domain, "org.example");
  ck_assert_str_eq(node->overload, "fast");
  ck_assert_int_eq(node->op, BLOK_OP_UNKNOWN);
}
END_TEST

START_TEST(import__keeps_unknown_fields_and_notes) {
  ck_assert_int_eq(
      import_text("1:8 8{1:'' 2:17 99:'set'} 6:'doc' 14{1:'k' 2:'v'} 77:5 "
                  "7{1{1:'x' 2:'y' 4:'Relu' 6:'why' 88:'node'} 11{1:'x'} 12{1:'y'} 66:'graph'}"),
      BLOK_OK);
  ck_assert_str_eq(module->notes->doc, "doc");
  ck_assert_uint_eq(module->notes->n_metadata, 1);
  ck_assert_str_eq(module->notes->metadata[0].value, "v");
  const blok_bytes of_model = module->notes->unknown;
  ck_assert_uint_eq(of_model.size, 3);
  ck_assert_int_eq(memcmp(of_model.data, "\xe8\x04\x05", 3), 0);
  ck_assert_uint_gt(module->opsets[0].unknown.size, 0);
  ck_assert_uint_gt(module->graph->notes->unknown.size, 0);
  ck_assert_str_eq(node_of(module->graph, 0)->notes->doc, "why");
  ck_assert_uint_gt(node_of(module->graph, 0)->notes->unknown.size, 0);
}
END_TEST

START_TEST(import__finds_what_nested_subgraphs_take_from_outside) {
  ck_assert_int_eq(import_graph("1{1:'c' 2:'y' 4:'If' 5{1:'then_branch' 20:5 6{"
                                "  1{1:'c' 2:'t' 4:'If' 5{1:'then_branch' 20:5 6{"
                                "    1{1:'x' 1:'late' 2:'u' 4:'Add'} 12{1:'u'}}}} 12{1:'t'}}}}"
                                "1{1:'x' 2:'late' 4:'Relu'} 11{1:'x'} 11{1:'c'} 12{1:'y'}"),
                   BLOK_OK);
  const blok_graph *main_graph = module->graph;
  const blok_subgraph *then = node_of(main_graph, 0)->attrs[0].as.graphs;
  ck_assert_uint_eq(then->n_captures, 3);  // c itself, x and late for the graph inside
  for (uint32_t i = 0; i < then->n_captures; i++) {
    const char *outer = value_name(main_graph, then->captures[i].outer);
    ck_assert_str_eq(outer, value_name(then->graph, then->captures[i].inner));
    ck_assert(then->graph->values[then->captures[i].inner.i].is_capture);
  }
  const blok_subgraph *inside = node_of(then->graph, 0)->attrs[0].as.graphs;
  ck_assert_uint_eq(inside->n_captures, 2);
  ck_assert_ptr_eq(inside->graph->outer, then->graph);
}
END_TEST

START_TEST(import__lets_a_subgraph_hide_an_outer_name) {
  ck_assert_int_eq(import_graph("1{1:'c' 2:'y' 4:'If' 5{1:'then_branch' 20:5 6{"
                                "1{2:'x' 4:'Constant' 5{1:'value_int' 3:1 20:2}} 12{1:'x'}}}}"
                                "11{1:'x'} 11{1:'c'} 12{1:'y'}"),
                   BLOK_OK);
  ck_assert_uint_eq(node_of(module->graph, 0)->attrs[0].as.graphs->n_captures, 0);
}
END_TEST

START_TEST(import__lists_an_initializer_as_input_once) {
  ck_assert_int_eq(import_graph("1{1:'x' 1:'w' 2:'y' 4:'Add'} 5{1:1 2:1 8:'w' 9:'abcd'}"
                                "11{1:'w'} 11{1:'x'} 12{1:'y'}"),
                   BLOK_OK);
  const blok_graph *graph = module->graph;
  ck_assert_uint_eq(graph->n_inputs, 2);
  const blok_value *w = &graph->values[graph->inputs[0].value.i];
  ck_assert_str_eq(w->name, "w");
  ck_assert(w->is_input && w->literal != NULL);
  ck_assert_uint_eq(graph->n_initializers, 1);
}
END_TEST

START_TEST(import__reads_an_attributes_type_from_its_field) {
  ck_assert_int_eq(
      import_graph("1{1:'x' 2:'y' 4:'Odd' 5{1:'i' 3:-4} 5{1:'ints' 8:1 8:2} 5{1:'none'}"
                   "5{1:'s' 4:'text' 20:3}} 11{1:'x'} 12{1:'y'}"),
      BLOK_OK);
  const blok_attr *attrs = node_of(module->graph, 0)->attrs;
  ck_assert_int_eq(attrs[0].type, BLOK_ATTR_INT);
  ck_assert(!attrs[0].has_type);
  ck_assert_int_eq(attrs[0].as.i, -4);
  ck_assert_int_eq(attrs[1].type, BLOK_ATTR_INTS);
  ck_assert_uint_eq(attrs[1].n, 2);
  ck_assert_int_eq(attrs[2].type, BLOK_ATTR_UNDEFINED);
  ck_assert(attrs[3].has_type);
  ck_assert_uint_eq(attrs[3].as.s.size, 4);
}
END_TEST

START_TEST(import__reads_functions_with_their_bodies) {
  ck_assert_int_eq(
      import_text("1:8 8{1:'' 2:17} 8{1:'l' 2:1} 7{1{1:'x' 2:'y' 4:'F' 7:'l'} 11{1:'x'} "
                  "12{1:'y'}} 25{1:'F' 10:'l' 4:'a' 5:'b' 6:'k' 9{1:'' 2:13}"
                  "7{1:'a' 2:'b' 4:'Relu' 5{1:'alpha' 21:'k' 20:1}} 11{1:'n' 3:2 20:2}}"),
      BLOK_OK);
  ck_assert_uint_eq(module->n_functions, 1);
  const blok_function *function = &module->functions[0];
  ck_assert_str_eq(function->name, "F");
  ck_assert_str_eq(function->inputs[0], "a");
  ck_assert_str_eq(function->attributes[0], "k");
  ck_assert_int_eq(function->opsets[0].version, 13);
  ck_assert_uint_eq(function->n_defaults, 1);
  ck_assert_int_eq(function->defaults[0].as.i, 2);
  ck_assert_uint_eq(function->body->n_order, 1);
  ck_assert_str_eq(node_of(function->body, 0)->attrs[0].ref, "k");
}
END_TEST

// ---- Refused ------------------------------------------------------------------------------------

typedef struct bad_graph {
  const char *graph;
  const char *word;
} bad_graph;

static const bad_graph bad_graphs[] = {
    {"1{1:'gone' 2:'y' 4:'Relu' 3:'n'} 12{1:'y'}", "'gone'"},
    {"11{1:'x'} 12{1:'gone'}", "'gone'"},
    {"1{1:'x' 2:'y' 4:'Relu'} 1{1:'x' 2:'y' 4:'Exp'} 11{1:'x'} 12{1:'y'}", "'y'"},
    {"1{1:'x' 2:'y' 2:'y' 4:'Split'} 11{1:'x'} 12{1:'y'}", "'y'"},
    {"11{1:'x'} 11{1:'x'} 12{1:'x'}", "'x'"},
    {"5{2:1 8:'w' 9:'abcd'} 5{2:1 8:'w' 9:'abcd'} 12{1:'w'}", "'w'"},
    {"1{1:'x' 2:'w' 4:'Relu'} 5{2:1 8:'w' 9:'abcd'} 11{1:'x'} 12{1:'w'}", "'w'"},
    {"5{2:1 9:'abcd'}", "no name"},
    {"11{2{}}", "no name"},
    {"1{1:'x' 2:'y' 3:'n'} 11{1:'x'} 12{1:'y'}", "operator"},
    {"1{1:'b' 2:'a' 4:'Relu'} 1{1:'a' 2:'b' 4:'Relu'} 12{1:'b'}", "'a' and 'b'"},
    {"1{1:'a' 2:'a' 4:'Relu'} 12{1:'a'}", "node 'a'"},
    {"1{1:'x' 2:'y' 4:'Elu' 3:'n' 5{1:'k' 3:1} 5{1:'k' 3:2}} 11{1:'x'} 12{1:'y'}", "'k' twice"},
    {"1{1:'x' 2:'y' 4:'Elu' 5{1:'k' 3:1 4:'s'}} 11{1:'x'} 12{1:'y'}", "'k'"},
    {"1{1:'x' 2:'y' 4:'Elu' 5{1:'k' 3:1 20:3}} 11{1:'x'} 12{1:'y'}", "'k'"},
    {"1{1:'x' 2:'y' 4:'Elu' 5{3:1}} 11{1:'x'} 12{1:'y'}", "no name"},
    {"5{1:2 2:1 8:'w' 9:'abcd'} 12{1:'w'}", "'w'"},
    {"5{1:1 2:1 8:'w' 9:'abcd' 4:'abcd'} 12{1:'w'}", "'w'"},
    {"5{1:1 2:1 8:'w' 14:1} 12{1:'w'}", "'w'"},
    {"5{1:1 2:1 8:'w' 14:1 13{1:'location' 2:'w.bin'}} 12{1:'w'}", "w.bin"},
};

START_TEST(import__refuses_a_graph_that_cannot_be_meant) {
  blok_status status = import_graph(bad_graphs[_i].graph);
  ck_assert_msg(status == BLOK_E_MALFORMED || status == BLOK_E_NOT_FOUND, "%d: %s", status,
                error.message);
  ck_assert_msg(strstr(error.message, bad_graphs[_i].word), "'%s' is not in '%s'",
                bad_graphs[_i].word, error.message);
}
END_TEST

START_TEST(import__refuses_a_model_without_graph_opset_or_ir) {
  refuses(import_text("1:8 8{2:17}"), BLOK_E_MALFORMED, "graph");
  refuses(import_text("1:8 7{2:'g'}"), BLOK_E_MALFORMED, "opset");
  refuses(import_text("8{2:17} 7{2:'g'}"), BLOK_E_MALFORMED, "ir_version");
  ck_assert_int_eq(import_text("1:1 7{2:'g'}"), BLOK_OK);
}
END_TEST

START_TEST(import__refuses_functions_that_call_themselves) {
  refuses(import_text("1:8 8{1:'' 2:17} 8{1:'l' 2:1} 7{2:'g'}"
                      "25{1:'F' 10:'l' 4:'a' 5:'b' 9{1:'l' 2:1} 7{1:'a' 2:'b' 4:'F' 7:'l'}}"),
          BLOK_E_MALFORMED, "'F'");
}
END_TEST

START_TEST(import__escapes_names_in_messages) {
  refuses(import_graph("1{1:'a\x01\xff' 2:'y' 4:'Relu'} 12{1:'y'}"), BLOK_E_MALFORMED,
          "a\\x01\\xff");
}
END_TEST

Suite *suite_import(void) {
  Suite *suite = suite_create("import");
  TCase *tests = tcase_create("import");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, import__keeps_the_files_order_of_unsorted_nodes);
  tcase_add_test(tests, import__keeps_left_out_inputs_and_outputs);
  tcase_add_test(tests, import__keeps_unknown_fields_and_notes);
  tcase_add_test(tests, import__finds_what_nested_subgraphs_take_from_outside);
  tcase_add_test(tests, import__lets_a_subgraph_hide_an_outer_name);
  tcase_add_test(tests, import__lists_an_initializer_as_input_once);
  tcase_add_test(tests, import__reads_an_attributes_type_from_its_field);
  tcase_add_test(tests, import__reads_functions_with_their_bodies);
  tcase_add_loop_test(tests, import__refuses_a_graph_that_cannot_be_meant, 0,
                      sizeof bad_graphs / sizeof *bad_graphs);
  tcase_add_test(tests, import__refuses_a_model_without_graph_opset_or_ir);
  tcase_add_test(tests, import__refuses_functions_that_call_themselves);
  tcase_add_test(tests, import__escapes_names_in_messages);
  suite_add_tcase(suite, tests);
  return suite;
}
