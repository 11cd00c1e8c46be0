// A value, a weight or a node under another name.
#include <string.h>

#include "base/error.h"
#include "blocks/edit/edit.h"
#include "passes/rewrite.h"

// Strings that name a value or weight of the main graph beside the graph's own lists.
static blok_status rename_properties(blok_editing *editing, uint32_t n,
                                     const blok_property **properties, bool keys, const char *from,
                                     const char *to) {
  bool named = false;
  for (uint32_t i = 0; i < n; i++) {
    const blok_property *property = &(*properties)[i];
    named = named || blok_text_equal(property->value, from) ||
            (keys && blok_text_equal(property->key, from));
  }
  if (!named) return BLOK_OK;
  blok_arena *arena = &editing->builder->module->arena;
  blok_property *copies = blok_arena_copy(arena, *properties, n * sizeof *copies);
  if (!copies) return blok_fail_memory(editing->error, n * sizeof *copies);
  for (uint32_t i = 0; i < n; i++) {
    if (copies[i].value && strcmp(copies[i].value, from) == 0) copies[i].value = to;
    if (keys && copies[i].key && strcmp(copies[i].key, from) == 0) copies[i].key = to;
  }
  *properties = copies;
  return BLOK_OK;
}

static blok_status rename_around(blok_editing *editing, const char *from, const char *to) {
  blok_module *module = editing->builder->module;
  blok_graph *graph = editing->graph;
  for (uint32_t i = 0; i < graph->n_quant; i++) {
    blok_quant_annotation *quant = &graph->quant[i];
    if (blok_text_equal(quant->tensor_name, from)) quant->tensor_name = to;
    BLOK_TRY(rename_properties(editing, quant->n, &quant->params, false, from, to));
  }
  for (uint32_t i = 0; i < module->n_training; i++) {
    blok_training *training = &module->training[i];
    BLOK_TRY(rename_properties(editing, training->n_initialization_bindings,
                               &training->initialization_bindings, true, from, to));
    BLOK_TRY(rename_properties(editing, training->n_update_bindings, &training->update_bindings,
                               true, from, to));
  }
  for (uint32_t i = 0; i < graph->n_sparse; i++) {
    blok_literal *values = graph->sparse[i].values;
    if (values && blok_text_equal(values->name, from)) values->name = to;
  }
  return BLOK_OK;
}

typedef struct renaming {
  const char *from, *to;
} renaming;

// What stands for the value inside a subgraph goes by its name there too.
static blok_status rename_inside(blok_graph *graph, void *context, blok_error *error) {
  const renaming *self = context;
  if (!graph->outer) return BLOK_OK;
  for (uint32_t i = 1; i < graph->n_values; i++) {
    const blok_value *value = &graph->values[i];
    if (value->dead || !value->is_capture || !blok_text_equal(value->name, self->from)) continue;
    BLOK_TRY(blok_graph_rename(graph, (blok_value_id){i}, self->to, error));
  }
  return BLOK_OK;
}

static blok_status rename_value(blok_editing *editing, blok_value_id value, const char *to) {
  blok_graph *graph = editing->graph;
  renaming self = {blok_value_at(graph, value)->name, to};
  BLOK_TRY(rename_around(editing, self.from, to));
  BLOK_TRY(blok_each_graph(graph, rename_inside, &self, editing->error));
  blok_literal *literal = blok_value_at(graph, value)->literal;
  if (literal) literal->name = to;
  return blok_graph_rename(graph, value, to, editing->error);
}

static blok_status no_name(blok_editing *editing, const char *name) {
  return blok_editing_no_value(editing, "value, weight or node", name);
}

// The live node of that name, none where there is none.
static blok_node_id find_node(const blok_graph *graph, const char *name) {
  for (uint32_t i = 1; i < graph->n_nodes; i++) {
    const blok_node *node = &graph->nodes[i];
    if (!node->dead && blok_text_equal(node->name, name)) return (blok_node_id){i};
  }
  return BLOK_NO_NODE;
}

static blok_status rename_one(blok_editing *editing, const char *from, const char *to) {
  uint32_t other = 0;
  if (!from || !to || !*from || !*to) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "blok_edit_rename: a name is %s",
                     from && to ? "empty" : "NULL");
  }
  BLOK_TRY(blok_editing_name(editing));
  // Takes the names of subgraphs as well.
  BLOK_TRY(blok_editing_sweep(editing, NULL, 0));
  const blok_value_id value = blok_editing_value(editing, from);
  const blok_node_id node = find_node(editing->graph, from);
  if (!value.i && !node.i) return no_name(editing, from);
  if (strcmp(from, to) == 0) return BLOK_OK;
  if (blok_names_find(&editing->builder->taken, to, &other)) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                     "'%s' cannot be called '%s': that name is taken", blok_quote(from).text,
                     blok_quote(to).text);
  }
  const char *name = blok_arena_text(&editing->builder->module->arena, to);
  if (!name) return blok_fail_memory(editing->error, 0);
  if (value.i) return rename_value(editing, value, name);
  blok_node_at(editing->graph, node)->name = name;
  return BLOK_OK;
}

blok_status blok_edit_rename(blok_builder *builder, const char *from, const char *to,
                             blok_error *error) {
  blok_editing editing;
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = rename_one(&editing, from, to);
  return blok_editing_end(&editing, status);
}
