// One edit from its beginning to its end, and finding what it is about by name.
#include "blocks/edit/edit.h"

#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// ---- What is needed now -------------------------------------------------------------------------

typedef struct need {
  const blok_graph *graph;
  uint8_t *nodes, *values;  // by handle
  blok_node_id *stack;      // nodes whose inputs are still to be looked at
  uint32_t depth;
} need;

static void need_value(need *self, blok_value_id value) {
  if (!value.i || self->values[value.i]) return;
  self->values[value.i] = 1;
  const blok_node_id node = blok_value_producer(self->graph, value);
  if (!node.i || self->nodes[node.i]) return;
  self->nodes[node.i] = 1;
  self->stack[self->depth++] = node;
}

static void need_inputs(need *self, const blok_node *node) {
  const blok_subgraph *inner = NULL;
  for (uint32_t i = 0; i < node->n_inputs; i++) need_value(self, node->inputs[i]);
  for (uint32_t s = 0; (inner = blok_node_subgraph(node, s)); s++) {
    for (uint32_t c = 0; c < inner->n_captures; c++) need_value(self, inner->captures[c].outer);
  }
}

// Marks what outputs and roots need, and what nodes need that nothing needed before: they stay.
static blok_status find_needed(blok_editing *editing, const blok_value_id *roots, uint32_t n_roots,
                               need *out) {
  const blok_graph *graph = editing->graph;
  *out = (need){.graph = graph};
  out->nodes = blok_arena_array(&editing->scratch, graph->n_nodes, sizeof *out->nodes);
  out->values = blok_arena_array(&editing->scratch, graph->n_values, sizeof *out->values);
  out->stack = blok_arena_array(&editing->scratch, graph->n_nodes, sizeof *out->stack);
  if (!out->nodes || !out->values || !out->stack) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < graph->n_outputs; i++) need_value(out, graph->outputs[i].value);
  for (uint32_t i = 0; i < n_roots; i++) need_value(out, roots[i]);
  for (uint32_t i = 1; editing->needed_nodes && !editing->sweeps_all && i < editing->n_nodes; i++) {
    if (editing->needed_nodes[i] || graph->nodes[i].dead || out->nodes[i]) continue;
    out->nodes[i] = 1;
    out->stack[out->depth++] = (blok_node_id){i};
  }
  while (out->depth) need_inputs(out, blok_node_at(graph, out->stack[--out->depth]));
  return BLOK_OK;
}

static void drop_input(blok_graph *graph, blok_value_id value) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    if (!blok_same_value(graph->inputs[i].value, value)) graph->inputs[kept++] = graph->inputs[i];
  }
  graph->n_inputs = kept;
  blok_value_at(graph, value)->is_input = false;
}

void blok_editing_drop_weight(blok_editing *editing, blok_value_id id) {
  blok_value *value = blok_value_at(editing->graph, id);
  if (value->is_input) drop_input(editing->graph, id);
  value->literal = NULL;
  value->dead = true;
}

static void drop_node(blok_graph *graph, blok_node_id id) {
  const blok_node *node = blok_node_at(graph, id);
  for (uint32_t o = 0; o < node->n_outputs; o++) {
    if (node->outputs[o].i) blok_value_at(graph, node->outputs[o])->dead = true;
  }
  blok_graph_remove_node(graph, id);
}

// The names of what is there, the insides of subgraphs included: what stands inside must not go by
// a name of what stands outside.
static blok_status take_names(blok_graph *graph, void *context, blok_error *error) {
  blok_builder *builder = context;
  blok_names *taken = &builder->taken;
  for (uint32_t i = 1; i < graph->n_nodes; i++) {
    const blok_node *node = &graph->nodes[i];
    if (node->dead || !node->name) continue;
    if (!blok_names_put(taken, node->name, 0)) return blok_fail_memory(error, 0);
  }
  for (uint32_t i = 1; i < graph->n_values; i++) {
    const blok_value *value = &graph->values[i];
    if (value->dead) continue;
    if (!blok_names_put(taken, value->name, graph->outer ? 0 : i)) {
      return blok_fail_memory(error, 0);
    }
  }
  return BLOK_OK;
}

static blok_status retake_names(blok_editing *editing) {
  blok_names *taken = &editing->builder->taken;
  blok_names_free(taken);
  blok_names_init(taken, &editing->builder->allocator);
  return blok_each_graph(editing->graph, take_names, editing->builder, editing->error);
}

blok_status blok_editing_sweep(blok_editing *editing, const blok_value_id *roots,
                               uint32_t n_roots) {
  blok_graph *graph = editing->graph;
  need now;
  BLOK_TRY(find_needed(editing, roots, n_roots, &now));
  for (uint32_t i = 1; i < graph->n_nodes; i++) {
    const bool was = editing->sweeps_all || i >= editing->n_nodes || editing->needed_nodes[i];
    if (!graph->nodes[i].dead && was && !now.nodes[i]) drop_node(graph, (blok_node_id){i});
  }
  for (uint32_t i = 1; i < graph->n_values; i++) {
    const blok_value *value = &graph->values[i];
    const bool was = editing->sweeps_all || i >= editing->n_values || editing->needed_values[i];
    if (value->dead || !value->literal || value->is_sparse || !was || now.values[i]) continue;
    blok_editing_drop_weight(editing, (blok_value_id){i});
  }
  blok_graph_sweep(graph);
  return retake_names(editing);
}

// ---- Beginning and ending -----------------------------------------------------------------------

blok_status blok_editing_begin(blok_builder *builder, blok_editing *editing, blok_error *error) {
  memset(editing, 0, sizeof *editing);
  editing->local = (blok_error)BLOK_ERROR_INIT;
  editing->error = error ? error : &editing->local;
  blok_error_clear(error);
  if (!builder) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "the builder is NULL");
  editing->builder = builder;
  blok_arena_init(&editing->scratch, &builder->allocator);
  blok_names_init(&editing->values, &builder->allocator);
  BLOK_TRY(blok_builder_try_begin(builder, &editing->kept, editing->error));
  editing->graph = builder->graph;
  editing->n_nodes = editing->graph->n_nodes;
  editing->n_values = editing->graph->n_values;
  need before;
  BLOK_TRY(find_needed(editing, NULL, 0, &before));
  editing->needed_nodes = before.nodes;
  editing->needed_values = before.values;
  return BLOK_OK;
}

static void drop_view(blok_editing *editing) {
  blok_overlay_free(&editing->view.overlay);
  blok_facts_free(&editing->view.facts);
  blok_module_free(&editing->view.working);
}

// A model that could be run can be run afterwards.
static blok_status finish(blok_editing *editing) {
  const blok_build_view *view = NULL;
  BLOK_TRY(blok_editing_sweep(editing, NULL, 0));
  BLOK_TRY(blok_graph_sort(editing->graph, editing->error));
  if (!editing->view.working || editing->checked) return BLOK_OK;
  blok_builder_drop_view(editing->builder);
  return blok_builder_look(editing->builder, &view, editing->error);
}

blok_status blok_editing_end(blok_editing *editing, blok_status status) {
  blok_builder *builder = editing->builder;
  if (!builder) return status;
  if (status == BLOK_OK) status = finish(editing);
  drop_view(editing);
  blok_names_free(&editing->values);
  if (editing->kept) status = blok_builder_try_end(builder, &editing->kept, status, editing->error);
  if (status != BLOK_OK) {
    blok_error_prefix(editing->error, "%s: ", blok_quote(builder->name).text);
  }
  blok_arena_free(&editing->scratch);
  return status;
}

// ---- Looking ------------------------------------------------------------------------------------

blok_status blok_editing_name(blok_editing *editing) {
  const blok_graph *graph = editing->graph;
  blok_names_free(&editing->values);
  blok_names_init(&editing->values, &editing->builder->allocator);
  for (uint32_t i = 1; i < graph->n_values; i++) {
    if (graph->values[i].dead) continue;
    if (!blok_names_put(&editing->values, graph->values[i].name, i)) {
      return blok_fail_memory(editing->error, 0);
    }
  }
  return BLOK_OK;
}

blok_status blok_editing_look(blok_editing *editing) {
  const blok_build_view *view = NULL;
  drop_view(editing);
  BLOK_TRY(blok_builder_look(editing->builder, &view, editing->error));
  // Taken over: the builder drops its own with the first change.
  editing->view = *view;
  editing->builder->view = (blok_build_view){NULL, NULL, NULL};
  return blok_editing_name(editing);
}

blok_status blok_editing_try_look(blok_editing *editing) {
  blok_error why = BLOK_ERROR_INIT;
  blok_error *error = editing->error;
  editing->error = &why;
  const blok_status status = blok_editing_look(editing);
  editing->error = error;
  if (status == BLOK_OK) return BLOK_OK;
  if (status == BLOK_E_MEMORY || status == BLOK_E_IO || status == BLOK_E_INTERNAL) {
    return blok_fail(error, status, "%s", why.message);
  }
  return blok_editing_name(editing);
}

static bool stands_in(const blok_editing *editing, blok_value_id working) {
  if (!working.i) return true;
  return blok_editing_value(editing, blok_value_at(editing->view.working->graph, working)->name).i;
}

static bool blocks_stand(const blok_editing *editing) {
  const blok_overlay *overlay = editing->view.overlay;
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    const blok_block_record *record = &overlay->blocks[i];
    if (!stands_in(editing, record->entry) || !stands_in(editing, record->exit)) return false;
  }
  return true;
}

blok_status blok_editing_inline(blok_editing *editing) {
  blok_module *module = editing->builder->module;
  const blok_pass_options options = {.limits = editing->builder->limits};
  BLOK_TRY(blok_pass_inline_functions(module, &options, editing->error));
  BLOK_TRY(retake_names(editing));
  blok_builder_drop_view(editing->builder);
  return blok_editing_look(editing);
}

blok_status blok_editing_look_inside(blok_editing *editing) {
  BLOK_TRY(blok_editing_look(editing));
  if (editing->builder->module->n_functions == 0 || blocks_stand(editing)) return BLOK_OK;
  return blok_editing_inline(editing);
}

// ---- Finding ------------------------------------------------------------------------------------

blok_value_id blok_editing_value(const blok_editing *editing, const char *name) {
  blok_value_id value = BLOK_NO_VALUE;
  if (!name || !blok_names_find(&editing->values, name, &value.i)) return BLOK_NO_VALUE;
  return blok_value_at(editing->graph, value)->dead ? BLOK_NO_VALUE : value;
}

const blok_fact *blok_editing_fact(const blok_editing *editing, blok_value_id value) {
  const blok_graph *working = editing->view.working ? editing->view.working->graph : NULL;
  const char *name = blok_value_at(editing->graph, value)->name;
  for (uint32_t i = 1; working && i < working->n_values; i++) {
    if (working->values[i].dead || strcmp(working->values[i].name, name) != 0) continue;
    const blok_fact *fact = &editing->view.facts->of[i];
    return fact->kind == BLOK_TYPE_NONE ? NULL : fact;
  }
  return NULL;
}

// The index-th record (from 1) of that name, or of the kinds among them; -1: there are not so many.
static int32_t nth_block(const blok_overlay *overlay, const char *name, size_t length,
                         uint32_t kinds, uint64_t index) {
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    const blok_block_record *record = &overlay->blocks[i];
    if (strlen(record->name) != length || strncmp(record->name, name, length) != 0) continue;
    if (!(kinds >> (uint32_t)record->kind & 1u)) continue;
    if (--index == 0) return (int32_t)i;
  }
  return -1;
}

int32_t blok_editing_block(const blok_editing *editing, const char *name, uint32_t kinds) {
  const blok_overlay *overlay = editing->view.overlay;
  const size_t length = strlen(name);
  int32_t found = nth_block(overlay, name, length, kinds, 1);
  if (found < 0) found = nth_block(overlay, name, length, UINT32_MAX, 1);
  const char *mark = strrchr(name, '#');
  if (found >= 0 || !mark || !mark[1]) return found;
  uint64_t index = 0;
  for (const char *digit = mark + 1; *digit; digit++) {
    if (*digit < '0' || *digit > '9' || index > UINT32_MAX) return -1;
    index = index * 10 + (uint64_t)(*digit - '0');
  }
  return index ? nth_block(overlay, name, (size_t)(mark - name), UINT32_MAX, index) : -1;
}

blok_status blok_editing_no_block(const blok_editing *editing, const char *name) {
  const blok_overlay *overlay = editing->view.overlay;
  const char **names =
      blok_alloc_array(&editing->builder->allocator, overlay->n_blocks + 1, sizeof *names);
  if (!names) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < overlay->n_blocks; i++) names[i] = overlay->blocks[i].name;
  const blok_near_names near = blok_names_near(name, names, overlay->n_blocks);
  blok_free(&editing->builder->allocator, names);
  return BLOK_FAIL(editing->error, BLOK_E_NOT_FOUND, "there is no block '%s'%s",
                   blok_quote(name).text, near.text);
}

blok_status blok_editing_no_value(const blok_editing *editing, const char *what, const char *name) {
  const blok_graph *graph = editing->graph;
  const char **names =
      blok_alloc_array(&editing->builder->allocator, graph->n_values, sizeof *names);
  uint32_t n = 0;
  if (!names) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 1; i < graph->n_values; i++) {
    if (!graph->values[i].dead) names[n++] = graph->values[i].name;
  }
  const blok_near_names near = blok_names_near(name, names, n);
  blok_free(&editing->builder->allocator, names);
  return BLOK_FAIL(editing->error, BLOK_E_NOT_FOUND, "there is no %s '%s'%s", what,
                   blok_quote(name).text, near.text);
}
