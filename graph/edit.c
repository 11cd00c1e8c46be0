// Edits that touch many readers at once: removing nodes, replacing values.
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

void blok_graph_remove_node(blok_graph *graph, blok_node_id id) {
  blok_node *node = blok_node_at(graph, id);
  node->dead = true;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i].i) blok_value_at(graph, node->outputs[i])->producer = BLOK_NO_NODE;
    node->outputs[i] = BLOK_NO_VALUE;
  }
}

void blok_graph_sweep(blok_graph *graph) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    if (!blok_node_at(graph, graph->order[i])->dead) graph->order[kept++] = graph->order[i];
  }
  graph->n_order = kept;
  kept = 0;
  for (uint32_t i = 0; i < graph->n_initializers; i++) {
    blok_value_id value = graph->initializers[i];
    if (!blok_value_at(graph, value)->dead) graph->initializers[kept++] = value;
  }
  graph->n_initializers = kept;
  kept = 0;
  for (uint32_t i = 0; i < graph->n_infos; i++) {
    if (!blok_value_at(graph, graph->infos[i].value)->dead) graph->infos[kept++] = graph->infos[i];
  }
  graph->n_infos = kept;
}

blok_status blok_graph_renumber(blok_graph *graph, blok_error *error) {
  const uint32_t n = graph->n_order + 1;
  blok_node *nodes = blok_arena_array(&graph->module->arena, n, sizeof *nodes);
  if (!nodes) return blok_fail_memory(error, n * sizeof *nodes);
  nodes[0].dead = true;
  for (uint32_t i = 1; i < n; i++) {
    blok_node *node = &nodes[i];
    *node = *blok_node_at(graph, graph->order[i - 1]);
    node->n_sources = 0;
    node->sources = NULL;
    node->scope = NULL;
    graph->order[i - 1].i = i;
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      if (node->outputs[o].i) blok_value_at(graph, node->outputs[o])->producer.i = i;
    }
  }
  graph->nodes = nodes;
  graph->n_nodes = graph->cap_nodes = n;
  return BLOK_OK;
}

// ---- Replacing ----------------------------------------------------------------------------------

typedef struct replacement {
  blok_value_id old, fresh;  // one value by another, when map is NULL
  const blok_value_id *map;
  blok_value_id *shortcuts;  // a copy of map, chains shortened as they are followed; or NULL
  uint32_t n;
} replacement;

// The end of value's chain. Each step that is taken once is shortened, so that all chains together
// cost no more than the map is long.
static blok_value_id follow_short(blok_value_id *map, uint32_t n, blok_value_id value) {
  blok_value_id end = value;
  for (uint32_t steps = 0; map[end.i].i && !blok_same_value(map[end.i], end); steps++) {
    if (steps == n) {
      map[end.i] = BLOK_NO_VALUE;  // a circle: it ends here
      break;
    }
    end = map[end.i];
  }
  while (!blok_same_value(value, end)) {
    blok_value_id next = map[value.i];
    map[value.i] = end;
    value = next;
  }
  return end;
}

static blok_value_id follow(const blok_value_id *map, uint32_t n, blok_value_id value) {
  for (uint32_t steps = 0; steps < n; steps++) {
    if (!map[value.i].i || blok_same_value(map[value.i], value)) break;
    value = map[value.i];
  }
  return value;
}

static blok_value_id replaced(const replacement *by, blok_value_id value) {
  if (!value.i) return value;
  if (!by->map) return blok_same_value(value, by->old) ? by->fresh : value;
  return by->shortcuts ? follow_short(by->shortcuts, by->n, value) : follow(by->map, by->n, value);
}

static void replace_captures(const replacement *by, const blok_attr *attr) {
  if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) return;
  for (uint32_t g = 0; g < attr->n; g++) {
    const blok_subgraph *sub = &attr->as.graphs[g];
    for (uint32_t c = 0; c < sub->n_captures; c++) {
      sub->captures[c].outer = replaced(by, sub->captures[c].outer);
    }
  }
}

static void replace(blok_graph *graph, const replacement *by) {
  for (uint32_t n = 1; n < graph->n_nodes; n++) {
    blok_node *node = &graph->nodes[n];
    if (node->dead) continue;
    for (uint32_t i = 0; i < node->n_inputs; i++) node->inputs[i] = replaced(by, node->inputs[i]);
    for (uint32_t i = 0; i < node->n_attrs; i++) replace_captures(by, &node->attrs[i]);
  }
}

void blok_graph_replace_uses(blok_graph *graph, blok_value_id old, blok_value_id new_value) {
  replacement by = {old, new_value, NULL, NULL, 0};
  replace(graph, &by);
}

void blok_graph_replace_all(blok_graph *graph, const blok_value_id *map) {
  const blok_allocator *allocator = &graph->module->allocator;
  replacement by = {BLOK_NO_VALUE, BLOK_NO_VALUE, map, NULL, graph->n_values};
  // Without memory for the shortcuts it is slower, and as right.
  by.shortcuts = blok_alloc_array(allocator, graph->n_values, sizeof *map);
  if (by.shortcuts) memcpy(by.shortcuts, map, graph->n_values * sizeof *map);
  replace(graph, &by);
  blok_free(allocator, by.shortcuts);
}
