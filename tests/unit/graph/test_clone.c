// Clones: equal where they must be, compact, sharing storages, and clean when memory runs out.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "net.h"
#include "support/fault.h"

static blok_module *clone(const blok_module *module, bool sources, bool notes) {
  blok_module *copy = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_module_clone(module, sources, notes, &copy, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  return copy;
}

static void assert_same_dump(const blok_graph *a, const blok_graph *b) {
  char *text_a = net_dump(a), *text_b = net_dump(b);
  ck_assert_str_eq(text_a, text_b);
  free(text_a);
  free(text_b);
}

// x -> a -> (removed) ... with a constant and an If whose body captures "y".
static blok_module *sample(void) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  const float weights[] = {1, 2, 3};
  net_input(g, "x");
  blok_node_id removed = net_node(g, "removed", "Relu", "x", "gone");
  net_constant(g, "w", weights, 3);
  net_node(g, "a", "Mul", "x w", "y");
  blok_node_id holder = net_node(g, "if", "If", "y", "z");
  net_body(g, holder, "y");
  net_output(g, "z");
  blok_graph_remove_node(g, removed);
  blok_value_at(g, net_value(g, "gone"))->dead = true;
  blok_graph_sweep(g);
  return module;
}

START_TEST(clone__is_equal_compact_and_valid) {
  blok_module *module = sample();
  blok_module *copy = clone(module, false, true);
  assert_same_dump(module->graph, copy->graph);
  net_assert_valid(copy->graph, true);
  ck_assert_uint_eq(copy->graph->n_nodes, 3);   // the placeholder and two
  ck_assert_uint_eq(copy->graph->n_values, 5);  // the placeholder, x, w, y, z
  const blok_node *holder = blok_node_at(copy->graph, copy->graph->order[1]);
  const blok_subgraph *sub = blok_node_attr(holder, "body")->as.graphs;
  ck_assert_ptr_eq(sub->graph->outer, copy->graph);
  ck_assert_uint_eq(sub->captures[0].outer.i, net_value(copy->graph, "y").i);
  blok_module_free(&module);
  // Nothing of the original is needed.
  net_assert_valid(copy->graph, true);
  free(net_dump(copy->graph));
  blok_module_free(&copy);
}
END_TEST

START_TEST(clone__shares_storages_and_releases_each_once) {
  blok_module *module = sample();
  blok_value_id w = net_value(module->graph, "w");
  const blok_storage *storage = blok_value_at(module->graph, w)->literal->storage;
  blok_module *copy = clone(module, false, false);
  w = net_value(copy->graph, "w");
  const blok_literal *literal = blok_value_at(copy->graph, w)->literal;
  ck_assert_ptr_eq(literal->storage, storage);
  blok_module_free(&module);
  float got[3];
  ck_assert_int_eq(blok_literal_read(literal, NULL, got, sizeof got, NULL), BLOK_OK);
  ck_assert(got[2] == 3.0f);
  blok_module_free(&copy);
  ck_assert_ptr_null(copy);
  blok_module_free(&copy);
}
END_TEST

START_TEST(clone__names_the_nodes_it_was_made_of) {
  blok_module *module = sample();
  blok_module *copy = clone(module, true, false);
  const blok_graph *g = copy->graph;
  for (uint32_t i = 0; i < g->n_order; i++) {
    const blok_node *node = blok_node_at(g, g->order[i]);
    ck_assert_uint_eq(node->n_sources, 1);
    ck_assert_uint_eq(node->sources[0].i, module->graph->order[i].i);
  }
  // A clone without new sources keeps those there are.
  blok_module *again = clone(copy, false, false);
  const blok_node *first = blok_node_at(again->graph, again->graph->order[0]);
  ck_assert_uint_eq(first->sources[0].i, module->graph->order[0].i);
  blok_module_free(&module);
  blok_module_free(&copy);
  blok_module_free(&again);
}
END_TEST

START_TEST(clone__drops_values_that_removed_nodes_have_left) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x");
  blok_node_id removed = net_node(g, "removed", "Relu", "x", "left");
  net_node(g, "stays", "Relu", "x", "y");
  blok_graph_remove_node(g, removed);
  blok_graph_sweep(g);
  blok_module *copy = clone(module, false, false);
  ck_assert_uint_eq(copy->graph->n_values, 3);
  blok_module_free(&module);
  blok_module_free(&copy);
}
END_TEST

// A note with one of everything.
static const blok_notes *full_notes(void) {
  static blok_property property = {"key", "value", {(const uint8_t *)"p", 1}};
  static const blok_notes notes = {"doc", 1, &property, {(const uint8_t *)"note", 4}};
  return &notes;
}

static void assert_full_notes(const blok_notes *notes) {
  ck_assert_ptr_nonnull(notes);
  ck_assert_ptr_ne(notes, full_notes());
  ck_assert_str_eq(notes->doc, "doc");
  ck_assert_uint_eq(notes->n_metadata, 1);
  ck_assert_str_eq(notes->metadata[0].key, "key");
  ck_assert_str_eq(notes->metadata[0].value, "value");
  ck_assert_mem_eq(notes->metadata[0].unknown.data, "p", 1);
  ck_assert_mem_eq(notes->unknown.data, "note", 4);
}

// Every place that holds notes, names or wire bytes has some.
static blok_module *annotated(void) {
  static const blok_bytes device = {(const uint8_t *)"device", 6};
  static blok_property parameter = {"SCALE_TENSOR", "s", {NULL, 0}};
  static blok_quant_annotation quant = {"y", 1, &parameter, {(const uint8_t *)"q", 1}};
  static blok_property binding = {"from", "to", {NULL, 0}};
  static blok_opset opset = {"", 17, true, {(const uint8_t *)"o", 1}};
  static const char *in[] = {"A"}, *out[] = {"B"}, *attributes[] = {"k"};
  static blok_training training;
  blok_module *module = sample();
  blok_graph *g = module->graph;
  module->has_ir_version = true;
  module->ir_version = 8;
  module->producer_name = "pytorch";
  module->notes = full_notes();
  module->opsets = &opset;
  module->n_opsets = 1;
  module->configurations = &device;
  module->n_configurations = 1;
  g->notes = full_notes();
  g->quant = &quant;
  g->n_quant = 1;
  g->inputs[0].notes = full_notes();
  blok_node *node = blok_node_at(g, g->order[0]);
  node->notes = full_notes();
  node->domain = "";
  node->overload = "over";
  node->device_configurations = &device;
  node->n_device_configurations = 1;
  blok_value_at(g, net_value(g, "w"))->literal->notes = full_notes();
  g->infos = blok_arena_zero(&module->arena, sizeof *g->infos);
  g->infos[0].value = net_value(g, "only_described");
  g->n_infos = g->cap_infos = 1;

  blok_error error = BLOK_ERROR_INIT;
  blok_function *function = blok_arena_zero(&module->arena, sizeof *function);
  function->name = "Double";
  function->domain = "local";
  function->inputs = in;
  function->outputs = out;
  function->attributes = attributes;
  function->n_inputs = function->n_outputs = function->n_attributes = 1;
  function->opsets = &opset;
  function->n_opsets = 1;
  function->notes = full_notes();
  ck_assert_int_eq(blok_graph_new(module, NULL, &function->body, &error), BLOK_OK);
  net_input(function->body, "A");
  net_node(function->body, "double", "Add", "A A", "B");
  net_output(function->body, "B");
  module->functions = function;
  module->n_functions = 1;

  memset(&training, 0, sizeof training);
  ck_assert_int_eq(blok_graph_new(module, NULL, &training.algorithm, &error), BLOK_OK);
  net_node(training.algorithm, "step", "Sub", "p q", "r");
  training.update_bindings = &binding;
  training.n_update_bindings = 1;
  module->training = &training;
  module->n_training = 1;
  return module;
}

START_TEST(clone__brings_along_all_that_a_file_said) {
  blok_module *module = annotated();
  blok_module *copy = clone(module, false, true);
  blok_module_free(&module);
  const blok_graph *g = copy->graph;
  ck_assert_int_eq(copy->ir_version, 8);
  ck_assert_str_eq(copy->producer_name, "pytorch");
  assert_full_notes(copy->notes);
  ck_assert_int_eq(blok_module_opset(copy, ""), 17);
  ck_assert_mem_eq(copy->opsets[0].unknown.data, "o", 1);
  ck_assert_mem_eq(copy->configurations[0].data, "device", 6);
  assert_full_notes(g->notes);
  assert_full_notes(g->inputs[0].notes);
  ck_assert_uint_eq(g->n_infos, 1);
  ck_assert_str_eq(blok_value_at(g, g->infos[0].value)->name, "only_described");
  ck_assert_str_eq(g->quant[0].tensor_name, "y");
  ck_assert_str_eq(g->quant[0].params[0].value, "s");
  const blok_node *node = blok_node_at(g, g->order[0]);
  assert_full_notes(node->notes);
  ck_assert_str_eq(node->domain, "");
  ck_assert_str_eq(node->overload, "over");
  ck_assert_mem_eq(node->device_configurations[0].data, "device", 6);
  assert_full_notes(g->values[g->initializers[0].i].literal->notes);
  const blok_function *function = &copy->functions[0];
  ck_assert_str_eq(function->name, "Double");
  ck_assert_str_eq(function->inputs[0], "A");
  ck_assert_str_eq(function->attributes[0], "k");
  assert_full_notes(function->notes);
  net_assert_order(function->body, "double");
  net_assert_valid(function->body, true);
  net_assert_order(copy->training[0].algorithm, "step");
  ck_assert_str_eq(copy->training[0].update_bindings[0].key, "from");
  blok_module_free(&copy);
}
END_TEST

START_TEST(clone__leaves_notes_behind_when_told_to) {
  blok_module *module = annotated();
  blok_module *copy = clone(module, true, false);
  blok_module_free(&module);
  const blok_graph *g = copy->graph;
  ck_assert_ptr_null(copy->notes);
  ck_assert_ptr_null(g->notes);
  ck_assert_uint_eq(g->n_infos, 0);
  ck_assert_uint_eq(g->n_quant, 0);
  ck_assert_uint_eq(g->n_values, 5);
  ck_assert_uint_eq(copy->n_training, 0);
  ck_assert_uint_eq(copy->n_configurations, 0);
  const blok_node *node = blok_node_at(g, g->order[0]);
  ck_assert_ptr_null(node->notes);
  ck_assert_uint_eq(node->n_device_configurations, 0);
  ck_assert_uint_eq(copy->n_functions, 1);
  ck_assert_ptr_null(copy->functions[0].notes);
  blok_module_free(&copy);
}
END_TEST

// One attribute of every type, over storages and texts of the module.
static void add_all_attrs(blok_module *module, blok_node *node) {
  static const int64_t ints[] = {1, 2}, one[] = {1};
  static const float floats[] = {0.5f};
  static const blok_bytes strings[] = {{(const uint8_t *)"s1", 2}, {NULL, 0}};
  blok_arena *arena = &module->arena;
  blok_literal *literal = NULL;
  ck_assert_int_eq(blok_literal_make(arena, BLOK_F32, 1, one, floats, 4, &literal, NULL), BLOK_OK);
  ck_assert_int_eq(blok_module_keep_literal(module, literal, NULL), BLOK_OK);
  blok_literal **literals = blok_arena_copy(arena, &literal, sizeof literal);
  blok_sparse *sparse = blok_arena_zero(arena, sizeof *sparse);
  sparse->values = literal;
  sparse->rank = 1;
  sparse->dims = one;
  const blok_dim dim = {-1, "N"};
  blok_type *type = blok_type_tensor(arena, BLOK_F16, 1, &dim);
  blok_type **types = blok_arena_copy(arena, &type, sizeof type);
  blok_attr *attrs = blok_arena_array(arena, 14, sizeof *attrs);
  for (int i = 0; i < 14; i++) {
    attrs[i].name = blok_arena_format(arena, "attr%d", i + 1);
    attrs[i].type = (blok_attr_type)(i + 1);
    attrs[i].n = 1;
    attrs[i].ref = i == 1 ? "outer_name" : NULL;
  }
  attrs[BLOK_ATTR_FLOAT - 1].as.f = 0.25f;
  attrs[BLOK_ATTR_INT - 1].as.i = 42;
  attrs[BLOK_ATTR_STRING - 1].as.s = strings[0];
  attrs[BLOK_ATTR_TENSOR - 1].as.literal = literal;
  attrs[BLOK_ATTR_GRAPH - 1].n = 0;
  attrs[BLOK_ATTR_FLOATS - 1].as.floats = floats;
  attrs[BLOK_ATTR_INTS - 1].as.ints = ints;
  attrs[BLOK_ATTR_INTS - 1].n = 2;
  attrs[BLOK_ATTR_STRINGS - 1].as.strings = strings;
  attrs[BLOK_ATTR_STRINGS - 1].n = 2;
  attrs[BLOK_ATTR_TENSORS - 1].as.literals = literals;
  attrs[BLOK_ATTR_GRAPHS - 1].n = 0;
  attrs[BLOK_ATTR_SPARSE_TENSOR - 1].as.sparse = sparse;
  attrs[BLOK_ATTR_SPARSE_TENSORS - 1].as.sparse = sparse;
  attrs[BLOK_ATTR_TYPE - 1].as.types = types;
  attrs[BLOK_ATTR_TYPES - 1].as.types = types;
  node->attrs = attrs;
  node->n_attrs = 14;
}

START_TEST(clone__copies_attributes_of_every_type) {
  blok_module *module = net_module();
  blok_node_id id = net_node(module->graph, "n", "Custom", "x", "y");
  add_all_attrs(module, blok_node_at(module->graph, id));
  blok_module *copy = clone(module, false, true);
  assert_same_dump(module->graph, copy->graph);
  blok_module_free(&module);
  const blok_node *node = blok_node_at(copy->graph, copy->graph->order[0]);
  const blok_attr *attrs = node->attrs;
  float got = 0;
  const blok_literal *literals[] = {attrs[BLOK_ATTR_TENSOR - 1].as.literal,
                                    attrs[BLOK_ATTR_TENSORS - 1].as.literals[0],
                                    attrs[BLOK_ATTR_SPARSE_TENSOR - 1].as.sparse->values};
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(blok_literal_read(literals[i], NULL, &got, sizeof got, NULL), BLOK_OK);
    ck_assert(got == 0.5f);
  }
  ck_assert_str_eq(attrs[BLOK_ATTR_INT - 1].ref, "outer_name");
  ck_assert_int_eq(attrs[BLOK_ATTR_INTS - 1].as.ints[1], 2);
  ck_assert_mem_eq(attrs[BLOK_ATTR_STRINGS - 1].as.strings[0].data, "s1", 2);
  ck_assert_str_eq(attrs[BLOK_ATTR_TYPES - 1].as.types[0]->dims[0].symbol, "N");
  ck_assert_int_eq(attrs[BLOK_ATTR_SPARSE_TENSORS - 1].as.sparse->dims[0], 1);
  blok_module_free(&copy);
}
END_TEST

START_TEST(clone__can_grow_and_be_named_in) {
  blok_module *module = sample();
  blok_module *copy = clone(module, false, false);
  blok_module_free(&module);
  blok_graph *g = copy->graph;
  net_node(g, "more", "Relu", "z", "u");
  net_output(g, "u");
  const char *name = NULL;
  ck_assert_int_eq(blok_graph_new_name(g, "w", &name, NULL), BLOK_OK);
  ck_assert_str_eq(name, "w_1");
  net_assert_valid(g, true);
  blok_module_free(&copy);
}
END_TEST

START_TEST(free__releases_a_literal_kept_twice_once) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_module *module = NULL;
  ck_assert_int_eq(blok_module_new(&allocator, &module, NULL), BLOK_OK);
  blok_literal *literal = NULL;
  ck_assert_int_eq(blok_literal_make(&module->arena, BLOK_U8, 0, NULL, "a", 1, &literal, NULL),
                   BLOK_OK);
  ck_assert_int_eq(blok_module_keep_literal(module, literal, NULL), BLOK_OK);
  ck_assert_int_eq(blok_module_keep_literal(module, literal, NULL), BLOK_OK);
  blok_module_free(&module);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

// ---- Failing allocations ------------------------------------------------------------------------

static blok_status add_if(blok_graph *g, blok_value_id outer, blok_error *error) {
  blok_arena *arena = &g->module->arena;
  blok_node_id id;
  blok_value_id out, inner;
  blok_graph *body;
  BLOK_TRY(blok_graph_add_node(g, NULL, "If", 1, 1, &id, error));
  BLOK_TRY(blok_graph_add_value(g, "if_out", &out, error));
  blok_graph_set_output(g, id, 0, out);
  blok_graph_set_input(g, id, 0, outer);
  BLOK_TRY(blok_graph_new(g->module, g, &body, error));
  BLOK_TRY(blok_graph_add_value(body, "outer", &inner, error));
  blok_value_at(body, inner)->is_capture = true;
  BLOK_TRY(blok_graph_add_output(body, inner, NULL, error));
  blok_subgraph *sub = blok_arena_zero(arena, sizeof *sub);
  blok_capture *capture = blok_arena_zero(arena, sizeof *capture);
  blok_attr *attr = blok_arena_zero(arena, sizeof *attr);
  if (!sub || !capture || !attr) return blok_fail_memory(error, 0);
  *capture = (blok_capture){outer, inner};
  sub->graph = body;
  sub->captures = capture;
  sub->n_captures = 1;
  attr->name = "then_branch";
  attr->type = BLOK_ATTR_GRAPH;
  attr->n = 1;
  attr->as.graphs = sub;
  blok_node_at(g, id)->attrs = attr;
  blok_node_at(g, id)->n_attrs = 1;
  BLOK_TRY(blok_node_set_int(g, id, "number", 1, error));
  BLOK_TRY(blok_node_set_text(g, id, "text", "abc", error));
  return blok_graph_add_output(g, out, NULL, error);
}

static blok_status build(blok_module *module, blok_error *error) {
  const float values[] = {1, 2, 3, 4};
  const int64_t dims[] = {2, 2};
  blok_value_id x, w;
  BLOK_TRY(blok_graph_new(module, NULL, &module->graph, error));
  blok_graph *g = module->graph;
  BLOK_TRY(blok_graph_add_value(g, "x", &x, error));
  blok_type *type = blok_type_tensor(&module->arena, BLOK_BOOL, 0, NULL);
  if (!type) return blok_fail_memory(error, 0);
  BLOK_TRY(blok_graph_add_input(g, x, type, error));
  for (int i = 0; i < 10; i++) {
    BLOK_TRY(blok_graph_add_constant(g, "w", BLOK_F32, 2, dims, values, &w, error));
    BLOK_TRY(blok_graph_add_output(g, w, NULL, error));
  }
  return add_if(g, x, error);
}

static blok_status build_and_clone(void *context, const blok_allocator *allocator,
                                   blok_error *error) {
  (void)context;
  blok_module *module = NULL, *copy = NULL;
  blok_uses uses;
  memset(&uses, 0, sizeof uses);
  blok_status status = blok_module_new(allocator, &module, error);
  if (status == BLOK_OK) status = build(module, error);
  if (status == BLOK_OK) {
    status = blok_module_clone(module, true, true, &copy, error);
    ck_assert((status == BLOK_OK) == (copy != NULL));
  }
  if (status == BLOK_OK) status = blok_graph_sort(copy->graph, error);
  if (status == BLOK_OK) status = blok_graph_verify(copy->graph, true, error);
  if (status == BLOK_OK) status = blok_uses_build(copy->graph, allocator, &uses, error);
  if (status != BLOK_OK) ck_assert(uses.first == NULL && uses.items == NULL);
  blok_uses_free(&uses);
  blok_module_free(&module);
  blok_module_free(&copy);
  return status;
}

START_TEST(build_and_clone__are_clean_when_any_allocation_fails) {
  ck_assert_uint_gt(blok_fault_sweep(build_and_clone, NULL), 30);
}
END_TEST

START_TEST(copy__keeps_every_handle_and_dead_entries) {
  blok_module *module = sample(), *copy = NULL;
  const blok_graph *from = module->graph;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_module_copy(module, &copy, &error) == BLOK_OK, "%s", error.message);
  const blok_graph *to = copy->graph;
  assert_same_dump(from, to);
  net_assert_valid(to, true);
  ck_assert_uint_eq(to->n_nodes, from->n_nodes);
  ck_assert_uint_eq(to->n_values, from->n_values);
  for (uint32_t i = 0; i < from->n_nodes; i++) {
    ck_assert(to->nodes[i].dead == from->nodes[i].dead);
    if (!from->nodes[i].dead) ck_assert_str_eq(to->nodes[i].name, from->nodes[i].name);
  }
  for (uint32_t i = 0; i < from->n_values; i++) {
    ck_assert(to->values[i].dead == from->values[i].dead);
    if (!from->values[i].dead) ck_assert_str_eq(to->values[i].name, from->values[i].name);
  }
  blok_module_free(&module);
  net_assert_valid(copy->graph, true);
  blok_module_free(&copy);
}
END_TEST

Suite *suite_clone(void) {
  Suite *suite = suite_create("clone");
  TCase *tests = tcase_create("clone");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, clone__is_equal_compact_and_valid);
  tcase_add_test(tests, clone__shares_storages_and_releases_each_once);
  tcase_add_test(tests, clone__names_the_nodes_it_was_made_of);
  tcase_add_test(tests, clone__drops_values_that_removed_nodes_have_left);
  tcase_add_test(tests, clone__brings_along_all_that_a_file_said);
  tcase_add_test(tests, clone__leaves_notes_behind_when_told_to);
  tcase_add_test(tests, clone__copies_attributes_of_every_type);
  tcase_add_test(tests, clone__can_grow_and_be_named_in);
  tcase_add_test(tests, copy__keeps_every_handle_and_dead_entries);
  tcase_add_test(tests, free__releases_a_literal_kept_twice_once);
  tcase_add_test(tests, build_and_clone__are_clean_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
