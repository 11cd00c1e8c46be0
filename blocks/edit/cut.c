// What lies between named values as a model of its own.
#include <string.h>

#include "base/error.h"
#include "blocks/edit/edit.h"
#include "passes/rewrite.h"

typedef struct cut {
  blok_editing *editing;
  uint32_t n_inputs, n_outputs;
  blok_value_entry *inputs, *outputs;  // the new lists; NULL: the old one stays
} cut;

// ---- What was named -----------------------------------------------------------------------------

static blok_status find_value(const cut *self, const char *what, const char *name,
                              blok_value_id *out) {
  blok_editing *editing = self->editing;
  const blok_graph *graph = editing->graph;
  if (!name) return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "the name of an %s is NULL", what);
  *out = blok_editing_value(editing, name);
  if (!out->i) return blok_editing_no_value(editing, "value", name);
  const blok_value *value = blok_value_at(graph, *out);
  if (value->literal || value->is_sparse) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                     "'%s' is a weight and cannot become an %s: name a value that a node makes",
                     blok_quote(name).text, what);
  }
  return BLOK_OK;
}

static const blok_value_entry *entry_of(const blok_value_entry *entries, uint32_t n,
                                        blok_value_id value) {
  for (uint32_t i = 0; i < n; i++) {
    if (blok_same_value(entries[i].value, value)) return &entries[i];
  }
  return NULL;
}

static bool is_typed(const blok_type *type) {
  return type && (type->kind != BLOK_TYPE_TENSOR || type->dtype != BLOK_UNDEFINED);
}

// As the file lists it, as it declares it, or as inference knows it.
static blok_status make_entry(const cut *self, blok_value_id value, blok_value_entry *out) {
  blok_editing *editing = self->editing;
  const blok_graph *graph = editing->graph;
  const blok_value_entry *listed = entry_of(graph->inputs, graph->n_inputs, value);
  if (!listed) listed = entry_of(graph->outputs, graph->n_outputs, value);
  if (listed) {
    *out = *listed;
    return BLOK_OK;
  }
  listed = entry_of(graph->infos, graph->n_infos, value);
  *out = listed ? *listed : (blok_value_entry){.value = value};
  const blok_fact *fact = editing->view.working ? blok_editing_fact(editing, value) : NULL;
  if (fact) {
    out->type = blok_editing_type(editing, fact);
    if (!out->type) return blok_fail_memory(editing->error, 0);
  }
  if (is_typed(out->type)) return BLOK_OK;
  return BLOK_FAIL(editing->error, BLOK_E_UNSUPPORTED,
                   "the type of '%s' is not known, so that it cannot be an input or output",
                   blok_quote(blok_value_at(graph, value)->name).text);
}

static blok_status make_list(const cut *self, const char *what, const char *const *names, size_t n,
                             blok_value_entry **out, uint32_t *count) {
  blok_editing *editing = self->editing;
  blok_module *module = editing->builder->module;
  if (n == 0) return BLOK_OK;
  if (!names || n > editing->graph->n_values) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "blok_edit_cut: %zu %ss, and their names %s",
                     n, what, names ? "are too many" : "are NULL");
  }
  *out = blok_arena_array(&module->arena, n, sizeof **out);
  if (!*out) return blok_fail_memory(editing->error, 0);
  for (size_t i = 0; i < n; i++) {
    blok_value_id value = BLOK_NO_VALUE;
    BLOK_TRY(find_value(self, what, names[i], &value));
    if (entry_of(*out, (uint32_t)i, value)) {
      return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "'%s' is named twice among the %ss",
                       blok_quote(names[i]).text, what);
    }
    BLOK_TRY(make_entry(self, value, &(*out)[i]));
  }
  *count = (uint32_t)n;
  return BLOK_OK;
}

// ---- Cutting ------------------------------------------------------------------------------------

static blok_status set_outputs(const cut *self) {
  blok_graph *graph = self->editing->graph;
  if (!self->outputs) return BLOK_OK;
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    blok_value_at(graph, graph->outputs[i].value)->is_output = false;
  }
  graph->outputs = self->outputs;
  graph->n_outputs = graph->cap_outputs = self->n_outputs;
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    const blok_value_entry *entry = &graph->outputs[i];
    blok_value *value = blok_value_at(graph, entry->value);
    value->is_output = true;
    value->type = (blok_type *)(uintptr_t)entry->type;
    if (!value->is_input) continue;
    return BLOK_FAIL(self->editing->error, BLOK_E_ARGUMENT,
                     "output '%s' is an input of the model: nothing lies between",
                     blok_quote(value->name).text);
  }
  return BLOK_OK;
}

static blok_status make_input(const cut *self, const blok_value_entry *entry) {
  blok_graph *graph = self->editing->graph;
  if (blok_value_at(graph, entry->value)->is_output) {
    return BLOK_FAIL(self->editing->error, BLOK_E_ARGUMENT,
                     "'%s' is input and output: nothing lies between",
                     blok_quote(blok_value_at(graph, entry->value)->name).text);
  }
  if (blok_value_producer(graph, entry->value).i) {
    BLOK_TRY(blok_editing_part(self->editing, entry->value));
  }
  blok_value *value = blok_value_at(graph, entry->value);
  value->is_input = true;
  value->type = (blok_type *)(uintptr_t)entry->type;
  return BLOK_OK;
}

// ---- What is left -------------------------------------------------------------------------------

// Values that an output needs, with who asked for each: the output from which it was reached.
typedef struct reach {
  const blok_graph *graph;
  uint32_t *from;  // by value: place of the output + 1; 0: not needed
  blok_value_id *stack;
  uint32_t depth;
} reach;

static void reach_value(reach *self, blok_value_id value, uint32_t from) {
  if (!value.i || self->from[value.i]) return;
  self->from[value.i] = from;
  self->stack[self->depth++] = value;
}

static void reach_inputs(reach *self, const blok_node *node, uint32_t from) {
  const blok_subgraph *inner = NULL;
  for (uint32_t i = 0; i < node->n_inputs; i++) reach_value(self, node->inputs[i], from);
  for (uint32_t s = 0; (inner = blok_node_subgraph(node, s)); s++) {
    for (uint32_t c = 0; c < inner->n_captures; c++) {
      reach_value(self, inner->captures[c].outer, from);
    }
  }
}

static blok_status find_reach(blok_editing *editing, reach *out) {
  const blok_graph *graph = editing->graph;
  *out = (reach){.graph = graph};
  out->from = blok_arena_array(&editing->scratch, graph->n_values, sizeof *out->from);
  out->stack = blok_arena_array(&editing->scratch, graph->n_values, sizeof *out->stack);
  if (!out->from || !out->stack) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    reach_value(out, graph->outputs[i].value, i + 1);
    while (out->depth) {
      const blok_value_id value = out->stack[--out->depth];
      const blok_node_id node = blok_value_producer(graph, value);
      if (node.i) reach_inputs(out, blok_node_at(graph, node), i + 1);
    }
  }
  return BLOK_OK;
}

// An input of old that an output needs and that is none of the new ones.
static blok_status check_old(const cut *self, const reach *seen, const blok_value_entry *old) {
  const blok_graph *graph = self->editing->graph;
  const blok_value *value = blok_value_at(graph, old->value);
  if (value->literal || entry_of(self->inputs, self->n_inputs, old->value)) return BLOK_OK;
  if (!seen->from[old->value.i]) return BLOK_OK;
  const blok_value_id output = graph->outputs[seen->from[old->value.i] - 1].value;
  return BLOK_FAIL(self->editing->error, BLOK_E_ARGUMENT,
                   "output '%s' needs input '%s', which is not among the new inputs: name it, or "
                   "a value on the way",
                   blok_quote(blok_value_at(graph, output)->name).text,
                   blok_quote(value->name).text);
}

static blok_status check_new(const cut *self, const reach *seen) {
  const blok_graph *graph = self->editing->graph;
  for (uint32_t i = 0; i < self->n_inputs; i++) {
    const blok_value_id value = self->inputs[i].value;
    if (seen->from[value.i]) continue;
    const blok_value_id output = graph->outputs[graph->n_outputs - 1].value;
    return BLOK_FAIL(self->editing->error, BLOK_E_ARGUMENT,
                     "input '%s' is not needed by output '%s'%s",
                     blok_quote(blok_value_at(graph, value)->name).text,
                     blok_quote(blok_value_at(graph, output)->name).text,
                     graph->n_outputs > 1 ? " nor by another" : "");
  }
  return BLOK_OK;
}

// The new list: the new inputs, then those old entries that are weights too and still needed.
// Without new inputs the old ones that an output still needs.
static blok_status set_inputs(const cut *self, const reach *seen) {
  blok_editing *editing = self->editing;
  blok_graph *graph = editing->graph;
  const uint32_t most = graph->n_inputs + self->n_inputs;
  blok_value_entry *list = blok_arena_array(&graph->module->arena, most + 1, sizeof *list);
  uint32_t n = 0;
  if (!list) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < self->n_inputs; i++) list[n++] = self->inputs[i];
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const blok_value_entry *old = &graph->inputs[i];
    blok_value *value = blok_value_at(graph, old->value);
    if (self->inputs && entry_of(self->inputs, self->n_inputs, old->value)) continue;
    if (self->inputs) BLOK_TRY(check_old(self, seen, old));
    const bool stays = seen->from[old->value.i] && (value->literal || !self->inputs);
    if (stays) {
      list[n++] = *old;
    } else {
      value->is_input = false;
      value->dead = !value->literal && !value->is_sparse;
    }
  }
  graph->inputs = list;
  graph->n_inputs = n;
  graph->cap_inputs = most + 1;
  return BLOK_OK;
}

// Infos of values that are listed now are said there.
static void drop_infos(blok_graph *graph) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < graph->n_infos; i++) {
    const blok_value *value = blok_value_at(graph, graph->infos[i].value);
    if (!value->is_input && !value->is_output) graph->infos[kept++] = graph->infos[i];
  }
  graph->n_infos = kept;
}

static blok_status apply(cut *self, const char *const *inputs, size_t n_inputs,
                         const char *const *outputs, size_t n_outputs) {
  blok_editing *editing = self->editing;
  reach seen;
  if (n_inputs == 0 && n_outputs == 0) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "a cut names an input or an output at least");
  }
  BLOK_TRY(blok_editing_try_look(editing));
  BLOK_TRY(make_list(self, "output", outputs, n_outputs, &self->outputs, &self->n_outputs));
  BLOK_TRY(make_list(self, "input", inputs, n_inputs, &self->inputs, &self->n_inputs));
  BLOK_TRY(set_outputs(self));
  for (uint32_t i = 0; i < self->n_inputs; i++) BLOK_TRY(make_input(self, &self->inputs[i]));
  BLOK_TRY(find_reach(editing, &seen));
  BLOK_TRY(check_new(self, &seen));
  BLOK_TRY(set_inputs(self, &seen));
  drop_infos(editing->graph);
  editing->sweeps_all = true;
  return BLOK_OK;
}

blok_status blok_edit_cut(blok_builder *builder, const char *const *inputs, size_t input_count,
                          const char *const *outputs, size_t output_count, blok_error *error) {
  blok_editing editing;
  cut self = {.editing = &editing};
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = apply(&self, inputs, input_count, outputs, output_count);
  return blok_editing_end(&editing, status);
}
