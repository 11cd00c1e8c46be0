// The invariants of a graph, checked one after the other; see blok_graph_verify in graph.h.
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

typedef struct verifier {
  const blok_graph *graph;
  const blok_allocator *allocator;
  bool sorted;
  uint8_t *node_seen;   // by node handle: stands in the order so far
  uint8_t *value_seen;  // by value handle; what for is said where it is used
  blok_names names;
} verifier;

static blok_status check_graph(const blok_graph *graph, bool sorted, blok_error *error);

#define FAULT(error, ...) BLOK_FAIL((error), BLOK_E_INTERNAL, __VA_ARGS__)

static bool live_node(const blok_graph *graph, blok_node_id id) {
  return id.i != 0 && id.i < graph->n_nodes && !graph->nodes[id.i].dead;
}

static bool live_value(const blok_graph *graph, blok_value_id id) {
  return id.i != 0 && id.i < graph->n_values && !graph->values[id.i].dead;
}

static bool has_origin(const blok_value *value) {
  return value->literal || value->is_input || value->is_capture || value->is_sparse;
}

static blok_status check_placeholders(const verifier *v, blok_error *error) {
  const blok_graph *graph = v->graph;
  if (graph->n_nodes == 0 || graph->n_values == 0 || !graph->nodes[0].dead ||
      !graph->values[0].dead) {
    return FAULT(error, "graph: item 0 of nodes and values is no dead placeholder");
  }
  return BLOK_OK;
}

// ---- Values -------------------------------------------------------------------------------------

static blok_status check_value(verifier *v, uint32_t i, blok_error *error) {
  const blok_graph *graph = v->graph;
  const blok_value *value = &graph->values[i];
  if (!value->name || !*value->name) return FAULT(error, "graph: value %u has no name", i);
  uint32_t other;
  if (blok_names_find(&v->names, value->name, &other)) {
    return FAULT(error, "graph: values %u and %u are both called '%s'", other, i,
                 blok_quote(value->name).text);
  }
  if (!blok_names_put(&v->names, value->name, i)) return blok_fail_memory(error, 0);
  if (!value->producer.i) return BLOK_OK;
  if (!live_node(graph, value->producer)) {
    return FAULT(error, "graph: value '%s' has node %u as producer, which is none",
                 blok_quote(value->name).text, value->producer.i);
  }
  const blok_node *producer = blok_node_at(graph, value->producer);
  if (blok_node_output(producer, value->producer_slot).i != i) {
    return FAULT(error, "graph: value '%s' says it is output %u of node '%s', which says otherwise",
                 blok_quote(value->name).text, value->producer_slot,
                 blok_node_label(graph, producer).text);
  }
  if (has_origin(value)) {
    return FAULT(error, "graph: value '%s' is made by node '%s' and is an input or constant too",
                 blok_quote(value->name).text, blok_node_label(graph, producer).text);
  }
  return BLOK_OK;
}

static blok_status check_values(verifier *v, blok_error *error) {
  for (uint32_t i = 1; i < v->graph->n_values; i++) {
    if (!v->graph->values[i].dead) BLOK_TRY(check_value(v, i, error));
  }
  return BLOK_OK;
}

// ---- Lists --------------------------------------------------------------------------------------

static blok_status check_entries(verifier *v, const blok_value_entry *entries, uint32_t n,
                                 const char *list, blok_error *error) {
  for (uint32_t i = 0; i < n; i++) {
    if (!live_value(v->graph, entries[i].value)) {
      return FAULT(error, "graph: entry %u of the %s is value %u, which is none", i, list,
                   entries[i].value.i);
    }
    v->value_seen[entries[i].value.i] = 1;
  }
  return BLOK_OK;
}

// Values marked as seen are those in the list: each one's flag must say the same. Clears the marks.
static blok_status check_flags(verifier *v, bool (*flag)(const blok_value *), const char *list,
                               blok_error *error) {
  for (uint32_t i = 1; i < v->graph->n_values; i++) {
    const blok_value *value = &v->graph->values[i];
    bool listed = v->value_seen[i] != 0;
    v->value_seen[i] = 0;
    if (value->dead || flag(value) == listed) continue;
    return FAULT(error, "graph: value '%s' %s of the %s and is flagged otherwise",
                 blok_quote(value->name).text, listed ? "is" : "is none", list);
  }
  return BLOK_OK;
}

static bool flag_input(const blok_value *value) { return value->is_input; }
static bool flag_output(const blok_value *value) { return value->is_output; }
static bool flag_literal(const blok_value *value) { return value->literal != NULL; }

static blok_status check_lists(verifier *v, blok_error *error) {
  const blok_graph *graph = v->graph;
  BLOK_TRY(check_entries(v, graph->inputs, graph->n_inputs, "inputs", error));
  BLOK_TRY(check_flags(v, flag_input, "inputs", error));
  BLOK_TRY(check_entries(v, graph->outputs, graph->n_outputs, "outputs", error));
  BLOK_TRY(check_flags(v, flag_output, "outputs", error));
  for (uint32_t i = 0; i < graph->n_initializers; i++) {
    blok_value_id value = graph->initializers[i];
    if (!live_value(graph, value)) {
      return FAULT(error, "graph: entry %u of the initializers is value %u, which is none", i,
                   value.i);
    }
    v->value_seen[value.i] = 1;
  }
  BLOK_TRY(check_flags(v, flag_literal, "initializers", error));
  for (uint32_t i = 0; i < graph->n_infos; i++) {
    if (graph->infos[i].value.i == 0 || graph->infos[i].value.i >= graph->n_values) {
      return FAULT(error, "graph: entry %u of the inner values is value %u, which is none", i,
                   graph->infos[i].value.i);
    }
  }
  return BLOK_OK;
}

// ---- Nodes --------------------------------------------------------------------------------------

// Whether value may be read where the walk along the order stands.
static blok_status check_read(const verifier *v, const blok_node *node, blok_value_id id,
                              blok_error *error) {
  const blok_graph *graph = v->graph;
  if (!id.i) return BLOK_OK;
  if (!live_value(graph, id)) {
    return FAULT(error, "graph: node '%s' reads value %u, which is none",
                 blok_node_label(v->graph, node).text, id.i);
  }
  const blok_value *value = blok_value_at(graph, id);
  if (!v->sorted || has_origin(value)) return BLOK_OK;
  if (!value->producer.i) {
    return FAULT(error, "graph: node '%s' reads '%s', which nothing makes",
                 blok_node_label(v->graph, node).text, blok_quote(value->name).text);
  }
  if (!v->node_seen[value->producer.i]) {
    return FAULT(error, "graph: node '%s' reads '%s' before it is made",
                 blok_node_label(v->graph, node).text, blok_quote(value->name).text);
  }
  return BLOK_OK;
}

static blok_status check_subgraph(const verifier *v, const blok_node *node,
                                  const blok_subgraph *sub, blok_error *error) {
  const blok_graph *inner = sub->graph;
  if (!inner || inner->outer != v->graph || inner->module != v->graph->module) {
    return FAULT(error, "graph: a subgraph of node '%s' does not name this graph as its outer one",
                 blok_node_label(v->graph, node).text);
  }
  uint32_t flagged = 0;
  for (uint32_t i = 1; i < inner->n_values; i++) {
    flagged += !inner->values[i].dead && inner->values[i].is_capture;
  }
  if (flagged != sub->n_captures) {
    return FAULT(error, "graph: a subgraph of node '%s' lists %u captures and flags %u values",
                 blok_node_label(v->graph, node).text, sub->n_captures, flagged);
  }
  for (uint32_t i = 0; i < sub->n_captures; i++) {
    blok_capture capture = sub->captures[i];
    if (!capture.outer.i) {
      return FAULT(error, "graph: capture %u of node '%s' takes nothing from outside", i,
                   blok_node_label(v->graph, node).text);
    }
    BLOK_TRY(check_read(v, node, capture.outer, error));
    if (!live_value(inner, capture.inner) || !inner->values[capture.inner.i].is_capture) {
      return FAULT(error, "graph: capture %u of node '%s' stands for value %u, which is none", i,
                   blok_node_label(v->graph, node).text, capture.inner.i);
    }
  }
  return check_graph(inner, v->sorted, error);
}

static blok_status check_node(const verifier *v, blok_node_id id, blok_error *error) {
  const blok_graph *graph = v->graph;
  const blok_node *node = blok_node_at(graph, id);
  if (!node->op_type || node->op != blok_op_find(node->domain, node->op_type)) {
    return FAULT(error, "graph: node '%s' has op %d for operator '%s'",
                 blok_node_label(v->graph, node).text, (int)node->op,
                 blok_quote(node->op_type).text);
  }
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    BLOK_TRY(check_read(v, node, node->inputs[i], error));
  }
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    blok_value_id output = node->outputs[i];
    if (!output.i) continue;
    bool agrees = live_value(graph, output) && graph->values[output.i].producer.i == id.i &&
                  graph->values[output.i].producer_slot == i;
    if (!agrees) {
      return FAULT(error, "graph: output %u of node '%s' is value %u, which says otherwise", i,
                   blok_node_label(v->graph, node).text, output.i);
    }
  }
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    const blok_attr *attr = &node->attrs[i];
    if (!attr->name) {
      return FAULT(error, "graph: node '%s' has an unnamed attribute",
                   blok_node_label(v->graph, node).text);
    }
    if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
    for (uint32_t g = 0; g < attr->n; g++) {
      BLOK_TRY(check_subgraph(v, node, &attr->as.graphs[g], error));
    }
  }
  return BLOK_OK;
}

static blok_status check_order(verifier *v, blok_error *error) {
  const blok_graph *graph = v->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    if (!live_node(graph, id)) {
      return FAULT(error, "graph: place %u of the order is node %u, which is none", i, id.i);
    }
    if (v->node_seen[id.i]) {
      return FAULT(error, "graph: node '%s' stands in the order twice",
                   blok_node_label(graph, blok_node_at(graph, id)).text);
    }
    BLOK_TRY(check_node(v, id, error));
    v->node_seen[id.i] = 1;
  }
  for (uint32_t i = 1; i < graph->n_nodes; i++) {
    if (graph->nodes[i].dead || v->node_seen[i]) continue;
    return FAULT(error, "graph: node '%s' is missing from the order",
                 blok_node_label(graph, &graph->nodes[i]).text);
  }
  if (!v->sorted) return BLOK_OK;
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    const blok_value *value = blok_value_at(graph, graph->outputs[i].value);
    if (value->producer.i || has_origin(value)) continue;
    return FAULT(error, "graph: nothing makes the output '%s'", blok_quote(value->name).text);
  }
  return BLOK_OK;
}

static blok_status check_all(verifier *v, blok_error *error) {
  BLOK_TRY(check_values(v, error));
  BLOK_TRY(check_lists(v, error));
  return check_order(v, error);
}

static blok_status check_graph(const blok_graph *graph, bool sorted, blok_error *error) {
  const blok_allocator *allocator = &graph->module->allocator;
  verifier v = {graph, allocator, sorted, NULL, NULL, {NULL, NULL, NULL, 0, 0}};
  BLOK_TRY(check_placeholders(&v, error));
  blok_names_init(&v.names, allocator);
  v.node_seen = blok_alloc_array(allocator, graph->n_nodes, 1);
  v.value_seen = blok_alloc_array(allocator, graph->n_values, 1);
  blok_status status =
      v.node_seen && v.value_seen ? check_all(&v, error) : blok_fail_memory(error, graph->n_nodes);
  blok_free(allocator, v.node_seen);
  blok_free(allocator, v.value_seen);
  blok_names_free(&v.names);
  return status;
}

blok_status blok_graph_verify(const blok_graph *graph, bool sorted, blok_error *error) {
  return check_graph(graph, sorted, error);
}
