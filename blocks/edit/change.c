// Small changes of the graph that several edits make: outputs taken away, operator sets, declared
// types.
#include <string.h>

#include "base/error.h"
#include "blocks/edit/edit.h"
#include "graph/schemas.h"
#include "passes/rewrite.h"

// ---- Producers ----------------------------------------------------------------------------------

static bool hands_on(const blok_node *node) {
  if (node->n_outputs == 0 || blok_node_domain(node)[0] != '\0') return false;
  if (node->op == BLOK_OP_Identity) return true;
  return node->op == BLOK_OP_Dropout && (node->n_outputs == 1 || !node->outputs[1].i) &&
         !blok_node_input(node, 2).i;
}

blok_status blok_editing_part(blok_editing *editing, blok_value_id id) {
  blok_graph *graph = editing->graph;
  const blok_node_id node = blok_value_producer(graph, id);
  const uint32_t slot = blok_value_at(graph, id)->producer_slot;
  const char *name = NULL;
  blok_value_id fresh = BLOK_NO_VALUE;
  if (!node.i) return BLOK_OK;
  BLOK_TRY(blok_editing_fresh(editing, blok_value_at(graph, id)->name, &name));
  BLOK_TRY(blok_graph_add_value(graph, name, &fresh, editing->error));
  blok_value *value = blok_value_at(graph, id);
  value->producer = BLOK_NO_NODE;
  value->producer_slot = 0;
  blok_graph_set_output(graph, node, slot, fresh);
  return BLOK_OK;
}

blok_status blok_editing_detach(blok_editing *editing, blok_value_id value) {
  blok_graph *graph = editing->graph;
  blok_node_id node = blok_value_producer(graph, value);
  BLOK_TRY(blok_editing_part(editing, value));
  while (node.i && hands_on(blok_node_at(graph, node))) {
    const blok_value_id before = blok_node_input(blok_node_at(graph, node), 0);
    if (!before.i || blok_value_at(graph, before)->is_output) break;
    const blok_node_id next = blok_value_producer(graph, before);
    if (!next.i) break;
    blok_graph_set_input(graph, node, 0, BLOK_NO_VALUE);
    blok_graph_replace_uses(graph, before, value);
    blok_graph_set_input(graph, node, 0, before);
    node = next;
  }
  return BLOK_OK;
}

// ---- Operator sets ------------------------------------------------------------------------------

void blok_editing_newest(blok_editing *editing, uint32_t first) {
  blok_graph *graph = editing->graph;
  const int64_t newest = blok_schema_latest_opset("");
  if (blok_module_opset(editing->builder->module, "") == newest) return;
  for (uint32_t i = first; i < graph->n_order; i++) {
    blok_node_at(graph, graph->order[i])->opset = newest;
  }
}

// ---- Declared types -----------------------------------------------------------------------------

blok_type *blok_editing_type(blok_editing *editing, const blok_fact *fact) {
  blok_arena *arena = &editing->builder->module->arena;
  if (fact->kind != BLOK_TYPE_TENSOR) {
    return fact->type ? blok_type_copy(arena, fact->type, true) : NULL;
  }
  blok_type *type =
      blok_type_tensor(arena, fact->dtype, fact->rank < 0 ? 0 : (uint32_t)fact->rank, fact->dims);
  if (!type) return NULL;
  type->has_shape = fact->rank >= 0;
  for (uint32_t i = 0; i < type->rank; i++) {
    if (!type->dims[i].symbol) continue;
    type->dims[i].symbol = blok_arena_text(arena, type->dims[i].symbol);
    if (!type->dims[i].symbol) return NULL;
  }
  return type;
}

// The same type with its numbers open; symbols stay, since they claim nothing.
static blok_status open_entry(blok_editing *editing, blok_graph *graph, blok_value_entry *entry) {
  if (!entry->type || entry->type->kind != BLOK_TYPE_TENSOR) return BLOK_OK;
  blok_type *type = blok_type_copy(&editing->builder->module->arena, entry->type, true);
  if (!type) return blok_fail_memory(editing->error, 0);
  type->dim_notes = NULL;
  for (uint32_t i = 0; i < type->rank; i++) type->dims[i].value = -1;
  entry->type = type;
  blok_value_at(graph, entry->value)->type = type;
  return BLOK_OK;
}

typedef struct forgetting {
  blok_editing *editing;
  bool outputs;
} forgetting;

static blok_status forget(blok_graph *graph, void *context, blok_error *error) {
  const forgetting *self = context;
  (void)error;
  for (uint32_t i = 0; i < graph->n_infos; i++) {
    blok_value *value = blok_value_at(graph, graph->infos[i].value);
    if (!value->is_input && !value->is_output) value->type = NULL;
  }
  graph->n_infos = 0;
  for (uint32_t i = 0; graph->outer && i < graph->n_inputs; i++) {
    BLOK_TRY(open_entry(self->editing, graph, &graph->inputs[i]));
  }
  for (uint32_t i = 0; (graph->outer || self->outputs) && i < graph->n_outputs; i++) {
    BLOK_TRY(open_entry(self->editing, graph, &graph->outputs[i]));
  }
  return BLOK_OK;
}

blok_status blok_editing_forget_types(blok_editing *editing, bool outputs) {
  forgetting self = {editing, outputs};
  return blok_each_graph(editing->graph, forget, &self, editing->error);
}

// Marks the outputs of a node that reads what is marked; true when any is new.
static bool mark_after(const blok_node *node, uint8_t *after) {
  bool reads = false, marked = false;
  const blok_subgraph *inner = NULL;
  for (uint32_t i = 0; i < node->n_inputs; i++) reads = reads || after[node->inputs[i].i];
  for (uint32_t s = 0; (inner = blok_node_subgraph(node, s)); s++) {
    for (uint32_t c = 0; c < inner->n_captures; c++) {
      reads = reads || after[inner->captures[c].outer.i];
    }
  }
  for (uint32_t o = 0; reads && o < node->n_outputs; o++) {
    if (!node->outputs[o].i || after[node->outputs[o].i]) continue;
    after[node->outputs[o].i] = 1;
    marked = true;
  }
  return marked;
}

blok_status blok_editing_forget_after(blok_editing *editing, blok_node_id id) {
  blok_graph *graph = editing->graph;
  const blok_node *node = blok_node_at(graph, id);
  uint8_t *after = blok_arena_array(&editing->scratch, graph->n_values, sizeof *after);
  if (!after) return blok_fail_memory(editing->error, graph->n_values);
  for (uint32_t o = 0; o < node->n_outputs; o++) after[node->outputs[o].i] = 1;
  after[0] = 0;
  // One sweep, and more of them where the order is not topological.
  for (bool more = true; more;) {
    more = false;
    for (uint32_t i = 0; i < graph->n_order; i++) {
      more = mark_after(blok_node_at(graph, graph->order[i]), after) || more;
    }
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < graph->n_infos; i++) {
    blok_value *value = blok_value_at(graph, graph->infos[i].value);
    if (!after[graph->infos[i].value.i]) {
      graph->infos[kept++] = graph->infos[i];
    } else if (!value->is_output) {
      value->type = NULL;
    }
  }
  graph->n_infos = kept;
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    if (!after[graph->outputs[i].value.i]) continue;
    BLOK_TRY(open_entry(editing, graph, &graph->outputs[i]));
  }
  return BLOK_OK;
}

blok_status blok_editing_declare_outputs(blok_editing *editing) {
  blok_graph *graph = editing->graph;
  BLOK_TRY(blok_graph_sort(graph, editing->error));
  blok_builder_drop_view(editing->builder);
  BLOK_TRY(blok_editing_look(editing));
  editing->checked = true;
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    blok_value_entry *entry = &graph->outputs[i];
    const blok_fact *fact = blok_editing_fact(editing, entry->value);
    if (!fact) continue;
    blok_type *type = blok_editing_type(editing, fact);
    if (!type) return blok_fail_memory(editing->error, 0);
    if (type->dtype == BLOK_UNDEFINED && entry->type) type->dtype = entry->type->dtype;
    entry->type = type;
    blok_value_at(graph, entry->value)->type = type;
  }
  return BLOK_OK;
}
