// Activations put in the place of others, however those are spelled.
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "blocks/build/checks.h"
#include "blocks/edit/edit.h"
#include "blocks/matcher.h"

#define FRESH_SLOPE 0.25

typedef struct swap {
  blok_editing *editing;
  blok_activation from;
  blok_written_act to;
  int32_t only;  // the block that it happens in, -1: everywhere
  blok_matcher matcher;
  uint32_t n;
  const blok_unit **units;
  blok_value_id *ins, *outs;  // by place in units, of the source graph
} swap;

// ---- Which --------------------------------------------------------------------------------------

static bool is_inside(const swap *self, const blok_unit *unit) {
  const blok_overlay *overlay = self->editing->view.overlay;
  const blok_node_id last = unit->nodes[unit->n_nodes - 1];
  if (self->only < 0) return true;
  for (int32_t i = overlay->innermost[last.i]; i >= 0; i = overlay->blocks[i].parent) {
    if (i == self->only) return true;
  }
  return false;
}

static bool holds(const blok_unit *unit, blok_node_id node) {
  for (uint32_t i = 0; i < unit->n_nodes; i++) {
    if (unit->nodes[i].i == node.i) return true;
  }
  return false;
}

// Whether the unit is part of a longer one: the Sigmoid of a SiLU.
static bool is_part(const swap *self, const uint32_t *longest, const blok_unit *unit) {
  for (uint32_t i = 0; i < unit->n_nodes; i++) {
    const blok_unit *other = &self->matcher.units[longest[unit->nodes[i].i]];
    if (other->n_nodes > unit->n_nodes && holds(other, unit->nodes[0])) return true;
  }
  return false;
}

// By node: the activation of the most nodes that holds it.
static blok_status find_longest(const swap *self, uint32_t **out) {
  const blok_matcher *matcher = &self->matcher;
  uint32_t *longest =
      blok_arena_array(&self->editing->scratch, matcher->graph->n_nodes, sizeof *longest);
  *out = longest;
  if (!longest) return blok_fail_memory(self->editing->error, 0);
  for (uint32_t u = 1; u < matcher->n_units; u++) {
    const blok_unit *unit = &matcher->units[u];
    if (unit->kind != BLOK_UNIT_ACT) continue;
    for (uint32_t i = 0; i < unit->n_nodes; i++) {
      uint32_t *of = &longest[unit->nodes[i].i];
      if (!*of || matcher->units[*of].n_nodes < unit->n_nodes) *of = u;
    }
  }
  return BLOK_OK;
}

static blok_status find_units(swap *self) {
  const blok_matcher *matcher = &self->matcher;
  blok_arena *arena = &self->editing->scratch;
  uint32_t *longest = NULL;
  BLOK_TRY(find_longest(self, &longest));
  self->units = blok_arena_array(arena, matcher->n_units + 1, sizeof(blok_unit *));
  if (!self->units) return blok_fail_memory(self->editing->error, 0);
  for (uint32_t u = 1; u < matcher->n_units; u++) {
    const blok_unit *unit = &matcher->units[u];
    if (unit->kind != BLOK_UNIT_ACT || unit->activation != self->from || unit->n_nodes == 0) {
      continue;
    }
    if (is_part(self, longest, unit) || !is_inside(self, unit)) continue;
    self->units[self->n++] = unit;
  }
  self->ins = blok_arena_array(arena, self->n + 1, sizeof *self->ins);
  self->outs = blok_arena_array(arena, self->n + 1, sizeof *self->outs);
  return self->ins && self->outs ? BLOK_OK : blok_fail_memory(self->editing->error, 0);
}

// ---- Where --------------------------------------------------------------------------------------

static blok_status find_places(swap *self, bool *all) {
  const blok_editing *editing = self->editing;
  const blok_graph *working = editing->view.working->graph;
  *all = true;
  for (uint32_t i = 0; i < self->n; i++) {
    const blok_unit *unit = self->units[i];
    self->ins[i] = blok_editing_value(editing, blok_value_at(working, unit->in)->name);
    self->outs[i] = blok_editing_value(editing, blok_value_at(working, unit->out)->name);
    if (self->ins[i].i && self->outs[i].i) continue;
    *all = false;
    const blok_node *node = blok_node_at(working, unit->nodes[unit->n_nodes - 1]);
    return BLOK_FAIL(
        editing->error, BLOK_E_UNSUPPORTED,
        "the %s of node '%s' cannot be replaced: it works on values that the file does "
        "not have (a layout or a function lies between)",
        blok_activation_name(self->from), blok_node_label(working, node).text);
  }
  return BLOK_OK;
}

static blok_status find(swap *self, bool *all) {
  const blok_build_view *view = &self->editing->view;
  *all = true;
  BLOK_TRY(blok_matcher_open(view->working->graph, view->facts, &self->editing->builder->allocator,
                             &self->matcher, self->editing->error));
  BLOK_TRY(find_units(self));
  return find_places(self, all);
}

// ---- Writing ------------------------------------------------------------------------------------

// What the new node's name begins with: the path of the old one, or its output's name.
static const char *scope_of(const swap *self, uint32_t index) {
  const blok_graph *graph = self->editing->graph;
  blok_arena *arena = &self->editing->builder->module->arena;
  const blok_node_id id = blok_value_producer(graph, self->outs[index]);
  const char *name = id.i ? blok_node_at(graph, id)->name : NULL;
  const char *end = name ? strrchr(name, '/') : NULL;
  if (end && end > name) return blok_arena_textn(arena, name, (size_t)(end - name));
  return blok_arena_text(arena,
                         name && *name ? name : blok_value_at(graph, self->outs[index])->name);
}

static blok_status draw_slope(swap *self, uint32_t index, const char *scope, blok_value_id *out) {
  const blok_fact *in = &self->editing->view.facts->of[self->units[index]->in.i];
  int64_t dims[BLOK_MAX_RANK];
  if (in->rank < 2 || in->dims[1].value < 1) {
    return BLOK_FAIL(self->editing->error, BLOK_E_SHAPE,
                     "a prelu has a slope for each channel, and those of '%s' are not known: %s",
                     blok_quote(blok_value_at(self->editing->graph, self->ins[index])->name).text,
                     blok_print_fact(in).text);
  }
  const uint32_t rank = (uint32_t)in->rank - 1;
  for (uint32_t i = 0; i < rank; i++) dims[i] = i == 0 ? in->dims[1].value : 1;
  const char *name = NULL;
  const char *stem = *scope == '/' ? scope + 1 : scope;
  BLOK_TRY(blok_builder_join(self->editing->builder, stem, "weight", &name, self->editing->error));
  return blok_editing_draw(self->editing, name, in->dtype, rank, dims, BLOK_DRAW_CONSTANT,
                           FRESH_SLOPE, out);
}

static blok_status write_one(swap *self, uint32_t index, const char *scope) {
  blok_editing *editing = self->editing;
  blok_graph *graph = editing->graph;
  const uint32_t first = graph->n_order;
  const blok_dtype dtype = editing->view.facts->of[self->units[index]->in.i].dtype;
  blok_writer writer = {.graph = graph,
                        .taken = &editing->builder->taken,
                        .scope = scope,
                        .dtype = dtype ? dtype : BLOK_F32,
                        .error = editing->error};
  blok_written_act act = self->to;
  blok_value_id value = self->ins[index];
  if (act.activation == BLOK_ACT_PRELU) BLOK_TRY(draw_slope(self, index, scope, &act.slope));
  BLOK_TRY(blok_write_activation(&writer, "", &act, &value));
  const blok_node_id made = blok_value_producer(graph, value);
  blok_value *between = blok_value_at(graph, value);
  between->producer = BLOK_NO_NODE;
  between->dead = true;
  blok_graph_set_output(graph, made, 0, self->outs[index]);
  blok_editing_newest(editing, first);
  return BLOK_OK;
}

static blok_status write_all(swap *self) {
  blok_editing *editing = self->editing;
  const char **scopes = blok_arena_array(&editing->scratch, self->n + 1, sizeof *scopes);
  if (!scopes) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < self->n; i++) {
    scopes[i] = scope_of(self, i);
    if (!scopes[i]) return blok_fail_memory(editing->error, 0);
  }
  for (uint32_t i = 0; i < self->n; i++) BLOK_TRY(blok_editing_detach(editing, self->outs[i]));
  BLOK_TRY(blok_editing_sweep(editing, self->ins, self->n));
  for (uint32_t i = 0; i < self->n; i++) BLOK_TRY(write_one(self, i, scopes[i]));
  return BLOK_OK;
}

// ---- The edit -----------------------------------------------------------------------------------

static bool is_activation(blok_activation activation) {
  return activation > BLOK_ACT_NONE && strcmp(blok_activation_name(activation), "none") != 0;
}

static blok_status find_block(swap *self, const char *block) {
  self->only = -1;
  if (!block) return BLOK_OK;
  self->only = blok_editing_block(self->editing, block, UINT32_MAX);
  return self->only < 0 ? blok_editing_no_block(self->editing, block) : BLOK_OK;
}

static blok_status run(swap *self, const char *block) {
  blok_editing *editing = self->editing;
  const blok_activation to = self->to.activation;
  bool all = true;
  if (!is_activation(self->from) || !is_activation(to)) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "%d is no activation: see blok_activation",
                     (int)(is_activation(self->from) ? to : self->from));
  }
  BLOK_TRY(blok_check_activation(block ? block : "every block", "the edit", to, self->to.alpha,
                                 self->to.beta, editing->error));
  BLOK_TRY(blok_editing_look_inside(editing));
  BLOK_TRY(find_block(self, block));
  blok_status status = find(self, &all);
  // Loose ones may lie in a function though no block does.
  if (status != BLOK_OK && !all && editing->builder->module->n_functions) {
    blok_matcher_close(&self->matcher);
    memset(&self->matcher, 0, sizeof self->matcher);
    self->n = 0;
    blok_error_clear(editing->error);
    BLOK_TRY(blok_editing_inline(editing));
    BLOK_TRY(find_block(self, block));
    status = find(self, &all);
  }
  return status == BLOK_OK ? write_all(self) : status;
}

blok_status blok_edit_activation(blok_builder *builder, const char *block, blok_activation from,
                                 blok_activation to, double alpha, double beta, size_t *changed,
                                 blok_error *error) {
  blok_editing editing;
  swap self = {.editing = &editing, .from = from, .to = {to, alpha, beta, BLOK_NO_VALUE}};
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = run(&self, block);
  if (self.matcher.graph) blok_matcher_close(&self.matcher);
  status = blok_editing_end(&editing, status);
  if (changed) *changed = status == BLOK_OK ? self.n : 0;
  return status;
}
