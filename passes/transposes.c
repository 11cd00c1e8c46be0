// Transposes go where operators can work on the values before them (exports of networks that keep
// channels last hold one on each side of a convolution).
//
// A first sweep says of each value whether it is some plain value under a layout: the output of a
// Transpose, and then the output of every operator that could as well work on the plain value
// (transposes_nodes.c). A Transpose that undoes the layout ends it. Values that a node so connects
// are one group; groups are decided one by one, each as a whole: it is taken when that leaves fewer
// Transposes than there are, counting those in it against those that would have to be put behind
// values that a node outside it, a subgraph or an output reads under the layout. So the number
// never grows, and work is linear in the graph.
//
// A Transpose that follows another at once is not joined with it where the first must stay for
// others: what it makes is then what they share (the input of a residual block, say), and reading
// past it would hide that. Whether it must is known only after the sweep, which is then done again,
// a bounded number of times.
//
// A LayerNormalization over the channels of a picture stands between two Transposes that nothing
// else reads. Those three are one norm to all that follows (blocks/norms.c), and stay together.
//
// A Transpose that moves nothing but axes of size 1 is a Reshape, and counts for none.
#include "passes/transposes.h"

#include <string.h>

#include "base/error.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// Sweeps over the graph at most. Pairs that the last one still finds are joined.
#define SWEEPS 4

typedef enum mover_role {
  STAYS = 0,
  MOVES,      // works on plain values
  TURNS,      // a Transpose whose output is under a layout
  TURNS_BACK  // a Transpose whose output is a plain value
} mover_role;

typedef struct mover {
  blok_layouts layouts;
  blok_graph *graph;
  blok_uses uses;        // before any change
  uint8_t *role;         // by node: mover_role
  uint8_t *apart;        // by node: a Transpose that takes its input as a plain value
  uint32_t *group;       // by value: a value of the same group, itself for the one it goes by
  int64_t *gain;         // by value that a group goes by: Transposes that go less those that come
  uint8_t *needed;       // by value: it is read under its layout
  blok_value_id *plain;  // by value, while the graph is changed
  uint32_t *next;        // by node: the Transpose whose work this one does as well
} mover;

static const blok_layout *layout_of(const mover *self, blok_value_id value) {
  return blok_layout_of(&self->layouts, value);
}

// ---- Groups -------------------------------------------------------------------------------------

static uint32_t group_of(mover *self, uint32_t value) {
  while (self->group[value] != value) {
    self->group[value] = self->group[self->group[value]];
    value = self->group[value];
  }
  return value;
}

static void join(mover *self, blok_value_id a, blok_value_id b) {
  self->group[group_of(self, a.i)] = group_of(self, b.i);
}

static bool is_taken(mover *self, blok_value_id value) {
  return self->gain[group_of(self, value.i)] > 0;
}

// The first input under a layout.
static blok_value_id laid_input(const mover *self, const blok_node *node) {
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (layout_of(self, node->inputs[i])) return node->inputs[i];
  }
  return BLOK_NO_VALUE;
}

// ---- What could be ------------------------------------------------------------------------------

// The layout that the Transpose alone gives; false when its rank is not known.
static bool own_layout(const mover *self, const blok_node *node, blok_layout *out) {
  uint32_t n = 0;
  const int64_t *perm = blok_node_ints(node, "perm", &n);
  const blok_fact *in = blok_known_in(self->layouts.facts, node, 0);
  if (in->rank < 0 || (perm && n != (uint32_t)in->rank)) return false;
  out->rank = (uint32_t)in->rank;
  for (uint32_t i = 0; i < out->rank; i++) {
    out->perm[i] = perm ? (uint32_t)perm[i] : out->rank - 1 - i;
    if (out->perm[i] >= out->rank) return false;
  }
  return true;
}

static bool is_identity(const blok_layout *layout) {
  for (uint32_t i = 0; i < layout->rank; i++) {
    if (layout->perm[i] != i) return false;
  }
  return true;
}

static bool read_once(const mover *self, blok_value_id value) {
  return blok_uses_count(&self->uses, value) == 1;
}

static bool is_perm(const blok_layout *layout, const uint32_t perm[4]) {
  return layout->rank == 4 && memcmp(layout->perm, perm, 4 * sizeof *perm) == 0;
}

// The second Transpose of a norm over the channels; own: the layout that it gives.
static bool ends_norm(const mover *self, const blok_node *node, const blok_layout *own) {
  static const uint32_t to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};
  const blok_value_id normed = blok_node_input(node, 0);
  const blok_node *norm = blok_node_at(self->graph, blok_value_producer(self->graph, normed));
  uint32_t axis = 0;
  if (!is_perm(own, to_first) || norm->op != BLOK_OP_LayerNormalization ||
      !read_once(self, normed) || !blok_axis_normal(blok_node_int(norm, "axis", -1), 4, &axis) ||
      axis != 3) {
    return false;
  }
  const blok_value_id turned = blok_node_input(norm, 0);
  const blok_layout *layout = layout_of(self, turned);
  const blok_node_id first = turned.i ? blok_value_producer(self->graph, turned) : BLOK_NO_NODE;
  if (!first.i || !layout || self->role[first.i] != TURNS || !read_once(self, turned)) return false;
  // What comes in is plain.
  return is_perm(layout, to_last) &&
         (self->apart[first.i] ||
          !layout_of(self, blok_node_input(blok_node_at(self->graph, first), 0))) &&
         !blok_layout_only_ones(blok_facts_of(self->layouts.facts, turned), layout);
}

static blok_status look_at_transpose(mover *self, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  blok_value_id in = blok_node_input(node, 0);
  blok_value_id out = blok_node_output(node, 0);
  const blok_layout *before = self->apart[id.i] ? NULL : layout_of(self, in);
  blok_layout own = {0};
  if (!in.i || !out.i || !own_layout(self, node, &own)) return BLOK_OK;
  if (!before && ends_norm(self, node, &own)) return BLOK_OK;
  if (before) {
    for (uint32_t i = 0; i < own.rank; i++) own.perm[i] = before->perm[own.perm[i]];
  }
  if (is_identity(&own)) {
    self->role[id.i] = before ? TURNS_BACK : STAYS;
    return BLOK_OK;
  }
  blok_layout *layout = blok_arena_copy(self->layouts.arena, &own, sizeof own);
  if (!layout) return blok_fail_memory(error, sizeof own);
  self->layouts.of[out.i] = layout;
  self->role[id.i] = TURNS;
  if (before) join(self, in, out);
  return BLOK_OK;
}

static blok_status look_at(mover *self, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  const blok_layout *in = NULL;
  const blok_layout *out = NULL;
  bool moves = false;
  if (node->op == BLOK_OP_Transpose) return look_at_transpose(self, id, error);
  if (!laid_input(self, node).i) return BLOK_OK;
  BLOK_TRY(blok_layout_moves(&self->layouts, id, &in, &out, &moves, error));
  if (!moves) return BLOK_OK;
  self->role[id.i] = MOVES;
  blok_value_id first = laid_input(self, node);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (layout_of(self, node->inputs[i])) join(self, node->inputs[i], first);
  }
  for (uint32_t i = 0; out && i < node->n_outputs; i++) {
    if (!node->outputs[i].i) continue;
    self->layouts.of[node->outputs[i].i] = out;
    join(self, node->outputs[i], first);
  }
  return BLOK_OK;
}

// ---- What it would bring ------------------------------------------------------------------------

// A layout of the value that no Transpose needs to be there for.
static bool is_free(const mover *self, blok_value_id value) {
  return blok_layout_only_ones(blok_facts_of(self->layouts.facts, value), layout_of(self, value));
}

static void need(mover *self, blok_value_id value) {
  if (layout_of(self, value)) self->needed[value.i] = 1;
}

static void need_read(mover *self, blok_node_id id) {
  const blok_node *node = blok_node_at(self->graph, id);
  const blok_subgraph *inner = NULL;
  bool as_is = self->role[id.i] == STAYS || self->apart[id.i];
  for (uint32_t i = 0; as_is && i < node->n_inputs; i++) need(self, node->inputs[i]);
  for (uint32_t s = 0; (inner = blok_node_subgraph(node, s)); s++) {
    for (uint32_t c = 0; c < inner->n_captures; c++) need(self, inner->captures[c].outer);
  }
}

static void find_needed(mover *self) {
  const blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) need_read(self, graph->order[i]);
  for (uint32_t i = 0; i < graph->n_outputs; i++) need(self, graph->outputs[i].value);
}

// Sets those Transposes apart that follow one at once which must stay; true when there are more of
// them than before.
static bool set_apart(mover *self) {
  const blok_graph *graph = self->graph;
  bool more = false;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    const blok_node *node = blok_node_at(graph, id);
    bool turns = self->role[id.i] == TURNS || self->role[id.i] == TURNS_BACK;
    if (!turns || self->apart[id.i] || !self->needed[node->inputs[0].i]) continue;
    blok_node_id maker = blok_value_producer(graph, node->inputs[0]);
    if (!maker.i || self->role[maker.i] != TURNS) continue;
    self->apart[id.i] = 1;
    more = true;
  }
  return more;
}

static void count_gain(mover *self) {
  const blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    const blok_node *node = blok_node_at(graph, id);
    if (self->role[id.i] == TURNS && !is_free(self, node->outputs[0])) {
      self->gain[group_of(self, node->outputs[0].i)]++;
    } else if (self->role[id.i] == TURNS_BACK && !is_free(self, node->inputs[0])) {
      self->gain[group_of(self, node->inputs[0].i)]++;
    }
  }
  for (uint32_t i = 1; i < self->layouts.n; i++) {
    blok_value_id value = {i};
    if (!self->needed[i] || is_free(self, value)) continue;
    self->gain[group_of(self, i)]--;
  }
}

// ---- Changing the graph -------------------------------------------------------------------------

static blok_value_id plain_of(mover *self, blok_value_id value) {
  return layout_of(self, value) && is_taken(self, value) ? self->plain[value.i] : value;
}

static void drop_value(blok_graph *graph, blok_value_id id) {
  blok_value *value = blok_value_at(graph, id);
  value->producer = BLOK_NO_NODE;
  value->producer_slot = 0;
  value->dead = true;
}

// Makes a node one that turns its input into a value under layout: a Transpose, or a Reshape where
// that does.
static blok_status set_turn(mover *self, blok_node_id id, const blok_fact *fact,
                            const blok_layout *layout, blok_error *error) {
  int64_t perm[BLOK_MAX_RANK];
  blok_dim dims[BLOK_MAX_RANK];
  blok_fact plain;
  blok_graph *graph = self->graph;
  if (blok_layout_only_ones(fact, layout) && blok_layout_plain_fact(fact, layout, dims, &plain) &&
      blok_reshape_target(&plain, fact, perm)) {
    blok_value_id shape = BLOK_NO_VALUE;
    BLOK_TRY(blok_rewrite_ints(graph, id, "shape", perm, layout->rank, &shape, error));
    blok_node_drop_attr(graph, id, "perm");
    blok_node_set_op(graph, id, "Reshape");
    return blok_rewrite_input(graph, id, 1, shape, error);
  }
  for (uint32_t i = 0; i < layout->rank; i++) perm[i] = layout->perm[i];
  return blok_node_set_ints(graph, id, "perm", perm, layout->rank, error);
}

// A Transpose whose output is under a layout stays where somebody reads that.
static blok_status change_turn(mover *self, blok_node_id id, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id in = blok_node_input(blok_node_at(graph, id), 0);
  blok_value_id out = blok_node_output(blok_node_at(graph, id), 0);
  const blok_fact *fact = blok_facts_of(self->layouts.facts, out);
  if (!is_taken(self, out)) {
    blok_layout own = {0};
    BLOK_TRY(blok_rewrite_keep(graph, id, error));
    if (!own_layout(self, blok_node_at(graph, id), &own)) return BLOK_OK;
    return set_turn(self, id, fact, &own, error);
  }
  self->plain[out.i] = self->apart[id.i] ? in : plain_of(self, in);
  if (!self->needed[out.i]) {
    blok_graph_remove_node(graph, id);
    drop_value(graph, out);
    return BLOK_OK;
  }
  BLOK_TRY(blok_rewrite_keep(graph, id, error));
  blok_graph_set_input(graph, id, 0, self->plain[out.i]);
  return set_turn(self, id, fact, layout_of(self, out), error);
}

// One that ends a layout hands the plain value on.
static blok_status change_turn_back(mover *self, blok_node_id id, blok_error *error) {
  blok_value_id in = blok_node_input(blok_node_at(self->graph, id), 0);
  blok_value_id out = blok_node_output(blok_node_at(self->graph, id), 0);
  blok_layout own = {0};
  BLOK_TRY(blok_rewrite_keep(self->graph, id, error));
  if (is_taken(self, in)) {
    blok_graph_set_input(self->graph, id, 0, plain_of(self, in));
    blok_node_drop_attr(self->graph, id, "perm");
    blok_node_set_op(self->graph, id, "Identity");
    return BLOK_OK;
  }
  if (!own_layout(self, blok_node_at(self->graph, id), &own)) return BLOK_OK;
  return set_turn(self, id, blok_facts_of(self->layouts.facts, out), &own, error);
}

// Slot of the node makes a plain value; who needs the one under the layout gets it behind.
static blok_status plain_output(mover *self, blok_node_id id, uint32_t slot, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id out = blok_node_output(blok_node_at(graph, id), slot);
  const char *name = NULL;
  BLOK_TRY(blok_graph_new_name(graph, blok_value_at(graph, out)->name, &name, error));
  BLOK_TRY(blok_graph_add_value(graph, name, &self->plain[out.i], error));
  blok_graph_set_output(graph, id, slot, self->plain[out.i]);
  if (!self->needed[out.i]) drop_value(graph, out);
  return BLOK_OK;
}

static blok_status turn_output(mover *self, blok_node_id id, blok_value_id out, blok_error *error) {
  blok_node_id made = BLOK_NO_NODE;
  if (!self->needed[out.i]) return BLOK_OK;
  BLOK_TRY(
      blok_rewrite_node(self->graph, id, "Transpose", 1, &self->plain[out.i], out, &made, error));
  return set_turn(self, made, blok_facts_of(self->layouts.facts, out), layout_of(self, out), error);
}

static blok_status change_moved(mover *self, blok_node_id id, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id first = laid_input(self, blok_node_at(graph, id));
  if (!is_taken(self, first)) return blok_rewrite_keep(graph, id, error);
  BLOK_TRY(blok_layout_apply(&self->layouts, id, layout_of(self, first), error));
  BLOK_TRY(blok_rewrite_keep(graph, id, error));
  const blok_node *node = blok_node_at(graph, id);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    blok_graph_set_input(graph, id, i, plain_of(self, node->inputs[i]));
  }
  uint32_t n = node->n_outputs;
  blok_value_id *outputs = blok_arena_array(self->layouts.arena, n, sizeof *outputs);
  if (!outputs) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < n; i++) outputs[i] = blok_node_at(graph, id)->outputs[i];
  for (uint32_t i = 0; i < n; i++) {
    if (layout_of(self, outputs[i])) BLOK_TRY(plain_output(self, id, i, error));
  }
  for (uint32_t i = 0; i < n; i++) {
    if (layout_of(self, outputs[i])) BLOK_TRY(turn_output(self, id, outputs[i], error));
  }
  return BLOK_OK;
}

static blok_status change(mover *self, blok_node_id id, blok_error *error) {
  switch ((mover_role)self->role[id.i]) {
    case MOVES:
      return change_moved(self, id, error);
    case TURNS:
      return change_turn(self, id, error);
    case TURNS_BACK:
      return change_turn_back(self, id, error);
    case STAYS:
      break;
  }
  return blok_rewrite_keep(self->graph, id, error);
}

// A Transpose that does the work of one before it has the sources of both.
static void note_chain(mover *self, blok_node_id id, uint8_t *claimed) {
  const blok_node *node = blok_node_at(self->graph, id);
  blok_value_id in = blok_node_input(node, 0);
  if (self->role[id.i] != TURNS || !layout_of(self, in) || self->needed[in.i]) return;
  blok_node_id maker = blok_value_producer(self->graph, in);
  if (!is_taken(self, in) || self->role[maker.i] != TURNS || claimed[maker.i]) return;
  claimed[maker.i] = 1;
  self->next[id.i] = maker.i;
}

static blok_status look_over(mover *self, blok_error *error) {
  const blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_nodes; i++) self->role[i] = STAYS;
  for (uint32_t i = 0; i < self->layouts.n; i++) {
    self->layouts.of[i] = NULL;
    self->group[i] = i;
    self->needed[i] = 0;
  }
  for (uint32_t i = 0; i < graph->n_order; i++) BLOK_TRY(look_at(self, graph->order[i], error));
  find_needed(self);
  return BLOK_OK;
}

static blok_status move_all(mover *self, blok_error *error) {
  blok_graph *graph = self->graph;
  uint8_t *claimed = blok_arena_array(self->layouts.arena, graph->n_nodes, sizeof *claimed);
  if (!claimed) return blok_fail_memory(error, graph->n_nodes);
  for (uint32_t i = 0; i < SWEEPS; i++) {
    BLOK_TRY(look_over(self, error));
    if (i + 1 == SWEEPS || !set_apart(self)) break;
  }
  count_gain(self);
  for (uint32_t i = 0; i < graph->n_order; i++) note_chain(self, graph->order[i], claimed);
  BLOK_TRY(blok_rewrite_gather(graph, self->next, error));
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) BLOK_TRY(change(self, old.items[i], error));
  blok_graph_sweep(graph);
  return BLOK_OK;
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  bool any = false;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    any = any || blok_node_at(graph, graph->order[i])->op == BLOK_OP_Transpose;
  }
  if (!any) return BLOK_OK;
  uint32_t n = graph->n_values;
  blok_arena *arena = &facts->arena;
  mover self = {.graph = graph};
  self.layouts = (blok_layouts){.graph = graph, .facts = facts, .arena = arena, .n = n};
  self.layouts.of = blok_arena_array(arena, n, sizeof *self.layouts.of);
  self.layouts.constants = blok_arena_array(arena, n, sizeof *self.layouts.constants);
  self.role = blok_arena_array(arena, graph->n_nodes, sizeof *self.role);
  self.apart = blok_arena_array(arena, graph->n_nodes, sizeof *self.apart);
  self.group = blok_arena_array(arena, n, sizeof *self.group);
  self.gain = blok_arena_array(arena, n, sizeof *self.gain);
  self.needed = blok_arena_array(arena, n, sizeof *self.needed);
  self.plain = blok_arena_array(arena, n, sizeof *self.plain);
  self.next = blok_arena_array(arena, graph->n_nodes, sizeof *self.next);
  bool room = self.layouts.of && self.layouts.constants && self.role && self.apart && self.group &&
              self.gain && self.needed && self.plain && self.next;
  if (!room) return blok_fail_memory(error, n);
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  const blok_status status = move_all(&self, error);
  blok_uses_free(&self.uses);
  return status;
}

blok_status blok_pass_transposes(blok_module *module, const blok_pass_options *options,
                                 blok_error *error) {
  (void)options;
  return blok_known_each(module->graph, visit, error);
}
