// Who reads each value: counted in a first sweep, filed in a second, so that the lists of all
// values lie one behind the other in one array, each in the order of execution.
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

// One sweep over the readers of all values.
typedef struct use_sweep {
  uint32_t *first;
  blok_use *items;  // NULL while counting
  uint64_t total;
} use_sweep;

static void visit(use_sweep *sweep, blok_value_id value, blok_node_id node, uint32_t slot) {
  if (!value.i) return;
  sweep->total++;
  if (!sweep->items) {
    sweep->first[value.i]++;
    return;
  }
  blok_use use = {node, slot};
  sweep->items[sweep->first[value.i]++] = use;
}

static void visit_captures(use_sweep *sweep, blok_node_id id, const blok_attr *attr) {
  if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) return;
  for (uint32_t g = 0; g < attr->n; g++) {
    const blok_subgraph *sub = &attr->as.graphs[g];
    for (uint32_t c = 0; c < sub->n_captures; c++) {
      visit(sweep, sub->captures[c].outer, id, UINT32_MAX);
    }
  }
}

static void sweep_graph(const blok_graph *graph, use_sweep *sweep) {
  for (uint32_t n = 0; n < graph->n_order; n++) {
    blok_node_id id = graph->order[n];
    const blok_node *node = blok_node_at(graph, id);
    if (node->dead) continue;
    for (uint32_t i = 0; i < node->n_inputs; i++) visit(sweep, node->inputs[i], id, i);
    for (uint32_t i = 0; i < node->n_attrs; i++) visit_captures(sweep, id, &node->attrs[i]);
  }
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    visit(sweep, graph->outputs[i].value, BLOK_NO_NODE, i);
  }
}

blok_status blok_uses_build(const blok_graph *graph, const blok_allocator *allocator,
                            blok_uses *out, blok_error *error) {
  allocator = blok_allocator_or_default(allocator);
  memset(out, 0, sizeof *out);
  out->allocator = allocator;
  size_t entries = (size_t)graph->n_values + 1;
  out->first = blok_alloc_array(allocator, entries, sizeof *out->first);
  if (!out->first) return blok_fail_memory(error, entries * sizeof *out->first);
  use_sweep sweep = {out->first, NULL, 0};
  sweep_graph(graph, &sweep);
  if (sweep.total > UINT32_MAX) {
    blok_uses_free(out);
    return BLOK_FAIL(error, BLOK_E_LIMIT, "a graph reads values %llu times; %lu is the most",
                     (unsigned long long)sweep.total, (unsigned long)UINT32_MAX);
  }
  out->items = blok_alloc_array(allocator, (size_t)sweep.total, sizeof *out->items);
  if (!out->items) {
    blok_uses_free(out);
    return blok_fail_memory(error, (size_t)sweep.total * sizeof *out->items);
  }
  // Counts become starts; filing moves each start to its end, which is the next value's start.
  uint32_t start = 0;
  for (size_t v = 0; v < entries; v++) {
    uint32_t count = out->first[v];
    out->first[v] = start;
    start += count;
  }
  sweep.items = out->items;
  sweep_graph(graph, &sweep);
  memmove(out->first + 1, out->first, (entries - 1) * sizeof *out->first);
  out->first[0] = 0;
  return BLOK_OK;
}

void blok_uses_free(blok_uses *uses) {
  if (!uses->allocator) return;
  blok_free(uses->allocator, uses->first);
  blok_free(uses->allocator, uses->items);
  memset(uses, 0, sizeof *uses);
}
