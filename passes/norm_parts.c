// What the passes that find norms share. See norm_parts.h.
#include "passes/norm_parts.h"

#include "base/error.h"
#include "base/size.h"
#include "passes/known.h"
#include "passes/rewrite.h"

// ---- Patterns -----------------------------------------------------------------------------------

static bool has(const blok_norm_pattern *pattern, blok_node_id node) {
  for (uint32_t i = 0; i < pattern->n_nodes; i++) {
    if (pattern->nodes[i].i == node.i) return true;
  }
  return false;
}

bool blok_pattern_add(blok_norm_pattern *pattern, blok_node_id node) {
  if (has(pattern, node)) return true;
  if (pattern->n_nodes == BLOK_PATTERN_NODES) return false;
  pattern->nodes[pattern->n_nodes++] = node;
  return true;
}

static bool read_inside(const blok_norm_search *self, const blok_norm_pattern *pattern,
                        blok_value_id value) {
  const uint32_t n = blok_uses_count(&self->uses, value);
  const blok_use *uses = blok_uses_of(&self->uses, value);
  if (blok_value_at(self->graph, value)->is_output || n > BLOK_PATTERN_NODES) return false;
  for (uint32_t i = 0; i < n; i++) {
    if (!uses[i].node.i || uses[i].slot == UINT32_MAX || !has(pattern, uses[i].node)) return false;
  }
  return true;
}

bool blok_pattern_private(const blok_norm_search *self, const blok_norm_pattern *pattern) {
  for (uint32_t i = 0; i < pattern->n_nodes; i++) {
    const blok_node *node = blok_node_at(self->graph, pattern->nodes[i]);
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      const blok_value_id made = node->outputs[o];
      if (!made.i || blok_same_value(made, pattern->out)) continue;
      if (!read_inside(self, pattern, made)) return false;
    }
  }
  return true;
}

blok_node_id blok_pattern_maker(const blok_norm_search *self, blok_value_id value, blok_op op) {
  const blok_node_id id = value.i ? blok_value_producer(self->graph, value) : BLOK_NO_NODE;
  return id.i && blok_node_at(self->graph, id)->op == op ? id : BLOK_NO_NODE;
}

// ---- Numbers of a channel -----------------------------------------------------------------------

blok_value_id blok_pattern_beside(const blok_norm_search *self, const blok_node *node,
                                  uint32_t axis, int64_t channels, blok_value_id *constant) {
  const blok_fact *out = blok_known_out(self->facts, node);
  if (node->n_inputs != 2 || out->rank <= (int32_t)axis) return BLOK_NO_VALUE;
  const uint32_t rank = (uint32_t)out->rank;
  for (uint32_t slot = 0; slot < 2; slot++) {
    const blok_value_id value = node->inputs[slot], rest = node->inputs[1 - slot];
    const blok_literal *literal = value.i ? blok_value_at(self->graph, value)->literal : NULL;
    size_t count = 0;
    if (!rest.i || !literal || literal->dtype != BLOK_F32) continue;
    if (literal->rank > rank || literal->rank + axis < rank) continue;
    // Axes are counted from the last one.
    if (literal->dims[literal->rank + axis - rank] != channels ||
        !blok_literal_count(literal, &count) || count != (size_t)channels) {
      continue;
    }
    // Otherwise the result would be wider.
    const blok_fact *fact = blok_facts_of(self->facts, rest);
    if (fact->rank != out->rank || fact->dims[axis].value != channels) continue;
    *constant = value;
    return rest;
  }
  return BLOK_NO_VALUE;
}

// The node of this operator that alone reads value; none otherwise.
static blok_node_id sole_reader(const blok_norm_search *self, blok_value_id value, blok_op op) {
  if (blok_value_at(self->graph, value)->is_output || blok_uses_count(&self->uses, value) != 1) {
    return BLOK_NO_NODE;
  }
  const blok_use *use = blok_uses_of(&self->uses, value);
  if (!use->node.i || use->slot == UINT32_MAX) return BLOK_NO_NODE;
  return blok_node_at(self->graph, use->node)->op == op ? use->node : BLOK_NO_NODE;
}

bool blok_pattern_affine(const blok_norm_search *self, uint32_t axis, blok_norm_pattern *pattern) {
  static const blok_op ops[2] = {BLOK_OP_Mul, BLOK_OP_Add};
  blok_value_id *const constants[2] = {&pattern->scale, &pattern->shift};
  for (int i = 0; i < 2; i++) {
    const blok_node_id id = sole_reader(self, pattern->out, ops[i]);
    const blok_node *node = blok_node_at(self->graph, id);
    if (!id.i || !blok_node_output(node, 0).i) continue;
    const blok_value_id rest =
        blok_pattern_beside(self, node, axis, pattern->channels, constants[i]);
    if (!rest.i || !blok_same_value(rest, pattern->out)) continue;
    if (!blok_pattern_add(pattern, id)) return false;
    pattern->out = node->outputs[0];
  }
  return true;
}

blok_status blok_pattern_numbers(const blok_norm_search *self, const blok_norm_pattern *pattern,
                                 blok_value_id constant, float fill, const char *stem,
                                 blok_value_id *out, blok_error *error) {
  blok_graph *graph = self->graph;
  const int64_t n = pattern->channels;
  if (constant.i) {
    const blok_value *value = blok_value_at(graph, constant);
    const char *name = NULL;
    *out = constant;
    if (value->literal->rank == 1) return BLOK_OK;
    BLOK_TRY(blok_graph_new_name(graph, value->name, &name, error));
    BLOK_TRY(blok_graph_add_value(graph, name, out, error));
    return blok_rewrite_share(graph, *out, blok_value_at(graph, constant)->literal, 1, &n, error);
  }
  float *numbers = blok_arena_array(self->arena, (size_t)n, sizeof *numbers);
  if (!numbers) return blok_fail_memory(error, (size_t)n);
  for (int64_t i = 0; i < n; i++) numbers[i] = fill;
  return blok_graph_add_constant(graph, stem, BLOK_F32, 1, &n, numbers, out, error);
}

// ---- The sweep ----------------------------------------------------------------------------------

// What a node of the old order is.
typedef struct found {
  bool inside;                       // in a pattern: it goes
  const blok_norm_pattern *pattern;  // whose place the node is
} found;

static blok_status find(const blok_norm_search *self, blok_op found_by, blok_norm_read_fn read,
                        found *of, bool *any, blok_error *error) {
  const blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node_id id = graph->order[i];
    blok_norm_pattern pattern = {0};
    bool free = true;
    if (blok_node_at(graph, id)->op != found_by || !read(self, id, &pattern)) continue;
    for (uint32_t n = 0; n < pattern.n_nodes; n++) free = free && !of[pattern.nodes[n].i].inside;
    if (!free) continue;
    for (uint32_t n = 0; n < pattern.n_nodes; n++) of[pattern.nodes[n].i].inside = true;
    found *last = &of[blok_value_producer(graph, pattern.out).i];
    last->pattern = blok_arena_copy(self->arena, &pattern, sizeof pattern);
    if (!last->pattern) return blok_fail_memory(error, sizeof pattern);
    *any = true;
  }
  return BLOK_OK;
}

// Takes the pattern's nodes out; what is written has the sources of all of them.
static blok_status take_out(const blok_norm_search *self, const blok_norm_pattern *pattern,
                            blok_node_id last, blok_error *error) {
  blok_graph *graph = self->graph;
  for (uint32_t n = 0; n < pattern->n_nodes; n++) {
    const blok_node_id id = pattern->nodes[n];
    if (id.i == last.i) continue;
    blok_node *node = blok_node_at(graph, id);
    BLOK_TRY(blok_node_add_sources(graph, last, node, error));
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      if (!node->outputs[o].i) continue;
      blok_value *value = blok_value_at(graph, node->outputs[o]);
      value->producer = BLOK_NO_NODE;
      value->producer_slot = 0;
      value->dead = true;
    }
    blok_graph_remove_node(graph, id);
  }
  blok_graph_remove_node(graph, last);
  return BLOK_OK;
}

static blok_status respell(const blok_norm_search *self, const found *of, blok_norm_write_fn write,
                           blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) {
    const found *at = &of[old.items[i].i];
    if (!at->inside) {
      BLOK_TRY(blok_rewrite_keep(graph, old.items[i], error));
    } else if (at->pattern) {
      BLOK_TRY(take_out(self, at->pattern, old.items[i], error));
      BLOK_TRY(write(self, at->pattern, error));
    }
  }
  return BLOK_OK;
}

blok_status blok_norms_respell(blok_graph *graph, blok_facts *facts, blok_op found_by,
                               blok_norm_read_fn read, blok_norm_write_fn write,
                               blok_error *error) {
  blok_norm_search self = {.graph = graph, .facts = facts, .arena = &facts->arena};
  bool any = false;
  found *of = blok_arena_array(self.arena, graph->n_nodes, sizeof *of);
  if (!of) return blok_fail_memory(error, graph->n_nodes);
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  blok_status status = find(&self, found_by, read, of, &any, error);
  if (status == BLOK_OK && any) status = respell(&self, of, write, error);
  blok_uses_free(&self.uses);
  return status;
}
