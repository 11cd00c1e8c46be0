// Blocks as model-local functions: the steps in their order. See functions_parts.h.
#include "blocks/functions.h"

#include "base/error.h"
#include "blocks/functions_parts.h"

// Files need not have their nodes in execution order.
static void find_places(blok_calls *self) {
  const blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) self->place[graph->order[i].i] = i;
  self->sorted = true;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      if (!node->inputs[k].i) continue;
      const blok_node_id producer = blok_value_producer(graph, node->inputs[k]);
      if (producer.i && self->place[producer.i] >= i) self->sorted = false;
    }
  }
}

static blok_status make_room(blok_calls *self) {
  blok_arena *arena = &self->scratch;
  const blok_graph *graph = self->graph;
  const size_t n_nodes = graph->n_nodes, n_values = graph->n_values;
  self->node_of = blok_arena_array(arena, self->source->graph->n_nodes, sizeof *self->node_of);
  self->blocks = blok_arena_array(arena, self->overlay->n_blocks, sizeof *self->blocks);
  self->named = blok_arena_array(arena, n_nodes, sizeof *self->named);
  self->inner = blok_arena_array(arena, n_nodes, sizeof *self->inner);
  self->constant = blok_arena_array(arena, n_values, sizeof *self->constant);
  self->node_mark = blok_arena_array(arena, n_nodes, sizeof *self->node_mark);
  self->node_number = blok_arena_array(arena, n_nodes, sizeof *self->node_number);
  self->value_mark = blok_arena_array(arena, n_values, sizeof *self->value_mark);
  self->value_number = blok_arena_array(arena, n_values, sizeof *self->value_number);
  self->place = blok_arena_array(arena, n_nodes, sizeof *self->place);
  self->list = blok_arena_array(arena, 2 * n_nodes, sizeof *self->list);
  self->stack = blok_arena_array(arena, 2 * n_nodes, sizeof *self->stack);
  if (!self->node_of || !self->blocks || !self->named || !self->inner || !self->constant ||
      !self->node_mark || !self->node_number || !self->value_mark || !self->value_number ||
      !self->place || !self->list || !self->stack) {
    return blok_fail_memory(self->error, 0);
  }
  for (uint32_t i = 1; i < n_nodes; i++) {
    const blok_node *node = &graph->nodes[i];
    if (node->n_sources) self->node_of[node->sources[0].i].i = i;
  }
  find_places(self);
  return BLOK_OK;
}

static blok_status work(blok_calls *self) {
  BLOK_TRY(blok_module_clone(self->source, true, true, &self->module, self->error));
  self->graph = self->module->graph;
  BLOK_TRY(blok_functions_sort(self->module, &self->functions, self->error));
  BLOK_TRY(blok_uses_build(self->graph, &self->module->allocator, &self->uses, self->error));
  BLOK_TRY(make_room(self));
  BLOK_TRY(blok_calls_regions(self));
  BLOK_TRY(blok_calls_bodies(self));
  BLOK_TRY(blok_calls_names(self));
  return blok_calls_write(self);
}

blok_status blok_blocks_to_functions(const blok_module *source, const blok_module *working,
                                     const blok_overlay *overlay, blok_module **out,
                                     blok_functions_report *report, blok_error *error) {
  blok_calls self = {
      .source = source, .working = working->graph, .overlay = overlay, .error = error};
  *out = NULL;
  blok_arena_init(&self.scratch, &source->allocator);
  const blok_status status = work(&self);
  if (self.uses.allocator) blok_uses_free(&self.uses);
  blok_functions_free(&self.functions);
  blok_arena_free(&self.scratch);
  if (status != BLOK_OK) {
    blok_module_free(&self.module);
    return status;
  }
  *out = self.module;
  if (report) *report = self.report;
  return BLOK_OK;
}
