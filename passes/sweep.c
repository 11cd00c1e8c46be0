// What no output needs goes: nodes, captures of subgraphs, initializers.
#include "base/error.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// Captures of inner values that nobody reads any more; inner graphs have been swept.
static void drop_captures(const blok_node *node) {
  blok_subgraph *inner = NULL;
  for (uint32_t s = 0; (inner = blok_node_subgraph(node, s)); s++) {
    uint32_t kept = 0;
    for (uint32_t c = 0; inner->graph && c < inner->n_captures; c++) {
      blok_capture capture = inner->captures[c];
      if (!blok_value_at(inner->graph, capture.inner)->dead) inner->captures[kept++] = capture;
    }
    if (inner->graph) inner->n_captures = kept;
  }
}

static bool is_needed(const blok_graph *graph, blok_node_id id, const uint8_t *needed) {
  const blok_node *node = blok_node_at(graph, id);
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i].i && needed[node->outputs[i].i]) return true;
  }
  return false;
}

static void need_inputs(const blok_node *node, uint8_t *needed) {
  const blok_subgraph *inner = NULL;
  for (uint32_t i = 0; i < node->n_inputs; i++) needed[node->inputs[i].i] = 1;
  for (uint32_t s = 0; (inner = blok_node_subgraph(node, s)); s++) {
    for (uint32_t c = 0; c < inner->n_captures; c++) needed[inner->captures[c].outer.i] = 1;
  }
}

// Backwards through a topological order, so that each node is judged after all its readers.
static blok_status sweep_graph(blok_graph *graph, void *context, blok_error *error) {
  (void)context;
  const blok_allocator *allocator = &graph->module->allocator;
  uint8_t *needed = blok_alloc_array(allocator, graph->n_values, sizeof *needed);
  if (!needed) return blok_fail_memory(error, graph->n_values);
  for (uint32_t i = 0; i < graph->n_outputs; i++) needed[graph->outputs[i].value.i] = 1;
  for (uint32_t i = graph->n_order; i-- > 0;) {
    blok_node_id id = graph->order[i];
    if (is_needed(graph, id, needed)) {
      drop_captures(blok_node_at(graph, id));
      need_inputs(blok_node_at(graph, id), needed);
    } else {
      blok_graph_remove_node(graph, id);
    }
  }
  for (uint32_t i = 1; i < graph->n_values; i++) {
    blok_value *value = &graph->values[i];
    if (!needed[i] && !value->producer.i && !value->is_input) value->dead = true;
  }
  blok_free(allocator, needed);
  blok_graph_sweep(graph);
  return BLOK_OK;
}

blok_status blok_pass_sweep(blok_module *module, const blok_pass_options *options,
                            blok_error *error) {
  (void)options;
  return blok_each_graph(module->graph, sweep_graph, NULL, error);
}
