// Which nodes run together. Each node that a kernel can compute draws in what follows it: a norm,
// a bias, an activation, a scale, the addition of a skip path and the activation behind it; a
// squeeze-excite that was matched is one region. Blocks and loose nodes go the same way. See
// plan.h.
#include <string.h>

#include "base/error.h"
#include "blocks/matcher.h"
#include "runtime/plan/acts.h"
#include "runtime/plan/plan.h"

enum { MOST_NODES = 64 };

typedef struct maker {
  blok_plan *plan;
  const blok_graph *graph;
  const blok_facts *facts;
  blok_matcher *matcher;
  blok_arena *arena;
  bool *taken;            // by node handle: in a region
  bool *scaled;           // by value handle: made by a squeeze-excite
  uint32_t *spelled;      // by node handle: the activation of several nodes that it is in, 0: none
  blok_region *by_place;  // by place of the last node in the order; n_nodes 0: none
  uint32_t *place;        // by node handle
  blok_node_id nodes[MOST_NODES];  // of the region that grows
  uint32_t n;
} maker;

static bool reads_alone(const maker *self, blok_value_id value, const blok_use **use) {
  if (!blok_only_read(self->matcher, value, 1)) return false;
  *use = blok_uses_of(&self->matcher->uses, value);
  return (*use)->node.i && (*use)->slot != UINT32_MAX && !self->taken[(*use)->node.i];
}

static bool is_constant(const maker *self, blok_value_id value) {
  return value.i && blok_value_at(self->graph, value)->literal;
}

// ---- A region that grows ------------------------------------------------------------------------

static bool take_nodes(maker *self, const blok_node_id *nodes, uint32_t n) {
  if (self->n + n > MOST_NODES) return false;
  for (uint32_t i = 0; i < n; i++) {
    if (self->taken[nodes[i].i]) return false;
  }
  for (uint32_t i = 0; i < n; i++) {
    self->nodes[self->n++] = nodes[i];
    self->taken[nodes[i].i] = true;
  }
  return true;
}

// A batch norm: what the others do is known of a whole group of results only.
static void take_norm(maker *self, blok_region *region) {
  const blok_unit *unit = blok_unit_reading(self->matcher, region->out, BLOK_UNIT_NORM);
  if (!unit || unit->norm != BLOK_NORM_BATCH) return;
  if (!take_nodes(self, unit->nodes, unit->n_nodes)) return;
  for (uint32_t i = 0; i < 4; i++) region->norm[i] = unit->weights[i];
  region->epsilon = (float)unit->epsilon;
  region->out = unit->out;
}

// True when constant, beside a value of the rank that x has, holds one number, or as many as x has
// channels, on their axis: `behind` axes stand behind it.
static bool by_channel(const maker *self, blok_value_id constant, blok_value_id x,
                       uint32_t behind) {
  const blok_literal *literal = blok_value_at(self->graph, constant)->literal;
  const blok_fact *fact = &self->facts->of[x.i];
  if (!literal || literal->dtype != BLOK_F32 || fact->rank <= (int32_t)behind ||
      literal->rank > (uint32_t)fact->rank) {
    return false;
  }
  int64_t channels = fact->dims[fact->rank - 1 - (int32_t)behind].value, count = 1;
  for (uint32_t d = 0; d < literal->rank; d++) {
    if (literal->dims[d] != 1 && literal->rank - 1 - d != behind) return false;
    count *= literal->dims[d];
  }
  return count == 1 || count == channels;
}

// behind: axes behind that of the channels, which a slope has to stand on.
static void take_act(maker *self, blok_region *region, uint32_t behind, blok_act *act) {
  const blok_unit *unit = blok_unit_reading(self->matcher, region->out, BLOK_UNIT_ACT);
  if (!unit || (unit->slope.i && region->slope.i)) return;
  if (unit->slope.i && !by_channel(self, unit->slope, region->out, behind)) return;
  if (!take_nodes(self, unit->nodes, unit->n_nodes)) return;
  *act = blok_act_of_unit(unit);
  if (unit->slope.i) region->slope = unit->slope;
  region->out = unit->out;
}

// The only reader of the region's result, where it is an op of two inputs; *other is the second.
static blok_node_id beside(const maker *self, const blok_region *region, blok_op op,
                           blok_value_id *other) {
  const blok_use *use;
  if (!reads_alone(self, region->out, &use)) return BLOK_NO_NODE;
  const blok_node *node = blok_node_at(self->graph, use->node);
  if (node->op != op || node->n_inputs != 2 || use->slot > 1) return BLOK_NO_NODE;
  *other = node->inputs[1 - use->slot];
  return other->i ? use->node : BLOK_NO_NODE;
}

// An Add or Mul with a constant of one number a channel.
static void take_constant(maker *self, blok_region *region, blok_op op, uint32_t behind,
                          blok_value_id *constant) {
  blok_value_id other;
  blok_node_id node = beside(self, region, op, &other);
  if (!node.i || !is_constant(self, other) || !by_channel(self, other, region->out, behind)) return;
  if (!take_nodes(self, &node, 1)) return;
  *constant = other;
  region->out = blok_node_output(blok_node_at(self->graph, node), 0);
}

// Sizes that are known and differ.
static bool disagree(const blok_fact *a, const blok_fact *b) {
  if (a->dtype != b->dtype || a->rank != b->rank) return true;
  for (int32_t d = 0; d < a->rank; d++) {
    if (blok_dim_known(a->dims[d]) && blok_dim_known(b->dims[d]) &&
        a->dims[d].value != b->dims[d].value) {
      return true;
    }
  }
  return false;
}

// The addition of a skip path. What a squeeze-excite made is better added by the addition itself,
// which then applies the scale on the way.
static void take_residual(maker *self, blok_region *region) {
  blok_value_id other;
  blok_node_id node = beside(self, region, BLOK_OP_Add, &other);
  if (!node.i || is_constant(self, other) || self->scaled[other.i]) return;
  if (disagree(&self->facts->of[region->out.i], &self->facts->of[other.i])) return;
  region->n_before = self->n;
  region->before = region->out;
  if (!take_nodes(self, &node, 1)) return;
  region->residual = other;
  region->out = blok_node_output(blok_node_at(self->graph, node), 0);
}

static void draw_in(maker *self, blok_region *region) {
  const blok_op op = blok_node_at(self->graph, region->anchor)->op;
  const bool product = op == BLOK_OP_Gemm || op == BLOK_OP_MatMul;
  const bool convolution = op == BLOK_OP_Conv || op == BLOK_OP_ConvTranspose;
  const int32_t rank = self->facts->of[region->out.i].rank;
  const uint32_t behind = product || rank < 2 ? 0 : (uint32_t)rank - 2;
  if (product || convolution) {
    if (rank < 2) return;
    if (convolution) take_norm(self, region);
    take_constant(self, region, BLOK_OP_Add, behind, &region->bias);
    take_act(self, region, behind, &region->act);
    take_constant(self, region, BLOK_OP_Mul, behind, &region->scale);
    take_residual(self, region);
    if (region->residual.i) take_act(self, region, behind, &region->after);
  } else if (op == BLOK_OP_BatchNormalization || op == BLOK_OP_Add || op == BLOK_OP_Sub ||
             op == BLOK_OP_Mul || op == BLOK_OP_Div) {
    take_act(self, region, behind, &region->act);
  }
}

// ---- Regions into their places ------------------------------------------------------------------

// A region stands where its last node stood: all that it reads is there by then, and what its inner
// nodes make is read by nobody else.
static blok_status put(maker *self, blok_region *region, blok_error *error) {
  uint32_t last = 0;
  for (uint32_t i = 0; i < region->n_nodes; i++) {
    const uint32_t at = self->place[region->nodes[i].i];
    if (at > last) last = at;
  }
  region->nodes =
      blok_arena_copy(self->arena, region->nodes, region->n_nodes * sizeof *region->nodes);
  if (!region->nodes) return blok_fail_memory(error, 0);
  region->block =
      self->plan->options.overlay ? self->plan->options.overlay->innermost[region->anchor.i] : -1;
  self->by_place[last] = *region;
  return BLOK_OK;
}

static blok_region begin(maker *self, blok_node_id anchor) {
  blok_region region = {.kind = BLOK_REGION_NODES, .anchor = anchor};
  region.out = blok_node_output(blok_node_at(self->graph, anchor), 0);
  self->n = 0;
  (void)take_nodes(self, &anchor, 1);
  return region;
}

static blok_status squeeze_excites(maker *self, blok_error *error) {
  const blok_overlay *overlay = self->plan->options.overlay;
  for (uint32_t b = 0; overlay && b < overlay->n_blocks; b++) {
    const blok_block_record *record = &overlay->blocks[b];
    if (record->kind != BLOK_SQUEEZE_EXCITE || !record->n_members) continue;
    blok_region region = {.kind = BLOK_REGION_SQUEEZE_EXCITE,
                          .anchor = record->members[record->n_members - 1],
                          .n_nodes = record->n_members,
                          .nodes = record->members,
                          .in = record->entry,
                          .out = record->exit,
                          .se = record};
    for (uint32_t i = 0; i < record->n_members; i++) self->taken[record->members[i].i] = true;
    self->scaled[record->exit.i] = true;
    BLOK_TRY(put(self, &region, error));
  }
  return BLOK_OK;
}

static bool draws(blok_op op) {
  return op == BLOK_OP_Conv || op == BLOK_OP_ConvTranspose || op == BLOK_OP_Gemm ||
         op == BLOK_OP_MatMul;
}

static blok_status region_at(maker *self, blok_node_id id, bool fuse, blok_error *error) {
  blok_region region = begin(self, id);
  if (fuse) draw_in(self, &region);
  region.nodes = self->nodes;
  region.n_nodes = self->n;
  return put(self, &region, error);
}

// The function of one value that the node begins, however many nodes spell it; *done stays false
// where it begins none.
static blok_status activation_at(maker *self, blok_node_id id, bool fuse, bool *done,
                                 blok_error *error) {
  blok_region region = {.kind = BLOK_REGION_ACTIVATION, .anchor = id};
  const blok_unit *unit = fuse ? blok_unit_at(self->matcher, self->spelled[id.i]) : NULL;
  self->n = 0;
  if (unit && take_nodes(self, unit->nodes, unit->n_nodes)) {
    region.act = blok_act_of_unit(unit);
    region.slope = unit->slope;
    region.in = unit->in;
    region.out = unit->out;
  } else if (blok_act_of_node(self->graph, self->facts, id, &region.act, &region.slope)) {
    (void)take_nodes(self, &id, 1);
    region.in = blok_node_input(blok_node_at(self->graph, id), 0);
    region.out = blok_node_output(blok_node_at(self->graph, id), 0);
  } else {
    return BLOK_OK;
  }
  *done = true;
  region.nodes = self->nodes;
  region.n_nodes = self->n;
  return put(self, &region, error);
}

// First products and convolutions draw in what they can, then each node in order.
static blok_status all_nodes(maker *self, blok_error *error) {
  const blok_graph *graph = self->graph;
  const bool kernels = !self->plan->options.reference;
  const bool fuse = self->plan->options.fuse && kernels;
  for (uint32_t i = 0; i < graph->n_order && fuse; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (self->taken[graph->order[i].i] || !draws(node->op)) continue;
    BLOK_TRY(region_at(self, graph->order[i], true, error));
  }
  for (uint32_t i = 0; i < graph->n_order; i++) {
    bool done = false;
    if (self->taken[graph->order[i].i]) continue;
    if (kernels) BLOK_TRY(activation_at(self, graph->order[i], fuse, &done, error));
    if (!done) BLOK_TRY(region_at(self, graph->order[i], fuse, error));
  }
  return BLOK_OK;
}

// Each node of an activation that several nodes spell, with the longest of them.
static void note_spelled(maker *self) {
  const blok_matcher *matcher = self->matcher;
  for (uint32_t u = 1; u < matcher->n_units; u++) {
    const blok_unit *unit = &matcher->units[u];
    if (unit->kind != BLOK_UNIT_ACT || unit->n_nodes < 2) continue;
    for (uint32_t i = 0; i < unit->n_nodes; i++) {
      uint32_t *at = &self->spelled[unit->nodes[i].i];
      if (matcher->units[*at].n_nodes < unit->n_nodes) *at = u;
    }
  }
}

static blok_status make(maker *self, blok_error *error) {
  const blok_graph *graph = self->graph;
  blok_arena *scratch = &self->matcher->scratch;
  self->taken = blok_arena_array(scratch, graph->n_nodes, sizeof *self->taken);
  self->scaled = blok_arena_array(scratch, graph->n_values, sizeof *self->scaled);
  self->spelled = blok_arena_array(scratch, graph->n_nodes, sizeof *self->spelled);
  self->by_place = blok_arena_array(scratch, graph->n_order, sizeof *self->by_place);
  self->place = blok_arena_array(scratch, graph->n_nodes, sizeof *self->place);
  if (!self->taken || !self->scaled || !self->spelled || !self->by_place || !self->place) {
    return blok_fail_memory(error, 0);
  }
  for (uint32_t i = 0; i < graph->n_order; i++) {
    self->place[graph->order[i].i] = i;
    self->taken[graph->order[i].i] = blok_node_at(graph, graph->order[i])->dead;
  }
  note_spelled(self);
  if (!self->plan->options.reference) BLOK_TRY(squeeze_excites(self, error));
  BLOK_TRY(all_nodes(self, error));
  self->plan->regions = blok_arena_array(self->arena, graph->n_order, sizeof *self->plan->regions);
  if (!self->plan->regions) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < graph->n_order; i++) {
    if (self->by_place[i].n_nodes) {
      self->plan->regions[self->plan->n_regions++] = self->by_place[i];
    }
  }
  return BLOK_OK;
}

// A body's facts: nothing is known of its captures.
static blok_status own_facts(const blok_graph *graph, blok_arena *arena, blok_facts **out,
                             blok_error *error) {
  blok_fact *captures = NULL;
  if (graph->outer) {
    captures = blok_arena_array(arena, graph->n_values, sizeof *captures);
    if (!captures) return blok_fail_memory(error, 0);
    for (uint32_t v = 0; v < graph->n_values; v++) captures[v].rank = -1;
  }
  blok_facts_options options = {.captures = captures, .inferred_only = true};
  return blok_facts_compute(graph, &options, &arena->allocator, out, error);
}

blok_status blok_regions_make(blok_plan *plan, const blok_facts *facts, blok_arena *arena,
                              blok_error *error) {
  blok_status status = BLOK_OK;
  blok_facts *own = NULL;
  blok_matcher matcher;
  if (!facts) {
    BLOK_TRY(own_facts(plan->graph, arena, &own, error));
    facts = own;
  }
  maker self = {.plan = plan, .graph = plan->graph, .facts = facts, .arena = arena};
  self.matcher = &matcher;
  status = blok_matcher_open(plan->graph, facts, &arena->allocator, &matcher, error);
  if (status == BLOK_OK) status = make(&self, error);
  blok_matcher_close(&matcher);
  blok_facts_free(&own);
  return status;
}
