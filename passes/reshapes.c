// Shapes that a graph computes become constants where the facts say enough, so that nothing needs
// the chain of nodes that computed them; an Expand before arithmetic that broadcasts by itself
// goes; and of Reshape, Flatten, Squeeze and Unsqueeze in a row the last reads what the first read,
// where that leaves the first without a reader: one that stays is what its other readers share with
// the row (the input of a residual block, say), and reading past it would hide that.
#include <string.h>

#include "base/error.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

typedef struct reshaper {
  blok_graph *graph;
  const blok_facts *facts;
  blok_uses uses;    // before any change
  uint32_t *shaped;  // by value: the uses that only ask for its shape
  uint32_t *next;    // by node: the one before it in a row that nothing needs but this one; 0: none
} reshaper;

// ---- Targets ------------------------------------------------------------------------------------

// The elements of the shape that node is given at slot 1, when a constant may take its place: it is
// computed, and its length is known.
static const blok_fact *open_target(const reshaper *self, const blok_node *node) {
  blok_value_id value = blok_node_input(node, 1);
  const blok_fact *target = blok_facts_of(self->facts, value);
  bool listed = value.i && !blok_value_at(self->graph, value)->literal && target->rank == 1 &&
                target->n_elements > 0 && target->n_elements <= BLOK_MAX_RANK &&
                target->n_elements == (uint64_t)target->dims[0].value;
  return listed ? target : NULL;
}

static blok_status put_target(const reshaper *self, blok_node_id id, const int64_t *numbers,
                              uint32_t n, blok_error *error) {
  blok_value_id constant = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(self->graph, id, "shape", numbers, n, &constant, error));
  return blok_rewrite_input(self->graph, id, 1, constant, error);
}

// The target as numbers: what is known of it or of the result, 0 for an axis that x has at the same
// place under the same symbol, -1 for one that is open: a Reshape that can be done at all fills it
// in from the number of elements. False when more is open than a target can say. copies: a 0 among
// the numbers copies an axis, or there is none.
static bool target_numbers(const blok_fact *x, const blok_fact *target, const blok_fact *out,
                           bool copies, int64_t *numbers) {
  int open = 0;
  for (uint32_t i = 0; i < target->n_elements; i++) {
    blok_element element = target->elements[i];
    bool in_x = (int64_t)i < x->rank && !blok_dim_known(x->dims[i]) && x->dims[i].symbol;
    bool in_out = out->rank == (int32_t)target->n_elements && out->dims[i].value > 0;
    if (element.known && element.value != -1) {
      numbers[i] = element.value;
    } else if (in_out) {
      numbers[i] = out->dims[i].value;
    } else if (element.symbol && in_x && copies && strcmp(element.symbol, x->dims[i].symbol) == 0) {
      numbers[i] = 0;
    } else {
      numbers[i] = -1;
      open++;
    }
  }
  return open <= 1;
}

static blok_status fix_reshape(const reshaper *self, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  const blok_fact *target = open_target(self, node);
  if (node->op != BLOK_OP_Reshape || !target) return BLOK_OK;
  bool zero = false;
  for (uint32_t i = 0; i < target->n_elements; i++) {
    zero = zero || (target->elements[i].known && target->elements[i].value == 0);
  }
  int64_t numbers[BLOK_MAX_RANK];
  bool sizes = blok_node_int(node, "allowzero", 0) != 0;
  if (sizes && zero) return BLOK_OK;
  const blok_fact *x = blok_known_in(self->facts, node, 0);
  const blok_fact *out = blok_known_out(self->facts, node);
  if (!target_numbers(x, target, out, true, numbers)) return BLOK_OK;
  // Without a 0 asked for, the attribute only forbids the ones put here.
  if (sizes) blok_node_drop_attr(self->graph, id, "allowzero");
  return put_target(self, id, numbers, target->n_elements, error);
}

// The axis of x under axis i of a result of rank n; 1 where x has none.
static blok_dim under(const blok_fact *x, uint32_t n, uint32_t i) {
  int64_t at = (int64_t)i - ((int64_t)n - x->rank);
  return at < 0 ? blok_dim_of(1) : x->dims[at];
}

// A 1 lets x's own axis through.
static blok_status fix_expand(const reshaper *self, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  const blok_fact *target = open_target(self, node);
  const blok_fact *x = blok_known_in(self->facts, node, 0);
  if (node->op != BLOK_OP_Expand || !target || x->rank < 0) return BLOK_OK;
  int64_t numbers[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < target->n_elements; i++) {
    blok_element element = target->elements[i];
    blok_dim dim = under(x, target->n_elements, i);
    bool same = element.symbol && dim.symbol && !blok_dim_known(dim) &&
                strcmp(element.symbol, dim.symbol) == 0;
    if (!element.known && !same) return BLOK_OK;
    numbers[i] = element.known ? element.value : 1;
  }
  return put_target(self, id, numbers, target->n_elements, error);
}

// ---- Expands before arithmetic ------------------------------------------------------------------

static bool broadcasts(blok_op op) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  switch (op) {
    case BLOK_OP_Add:
    case BLOK_OP_Sub:
    case BLOK_OP_Mul:
    case BLOK_OP_Div:
    case BLOK_OP_Pow:
    case BLOK_OP_Mod:
    case BLOK_OP_Max:
    case BLOK_OP_Min:
    case BLOK_OP_Sum:
    case BLOK_OP_Equal:
    case BLOK_OP_Where:
      return true;
    default:
      return false;
  }
#pragma GCC diagnostic pop
}

// Each axis of narrow is 1 or the same as the one of wide at its place.
static bool lies_within(const blok_fact *narrow, const blok_fact *wide) {
  if (narrow->rank < 0 || narrow->rank > wide->rank) return false;
  for (int32_t i = 0; i < narrow->rank; i++) {
    blok_dim dim = narrow->dims[i];
    if (dim.value != 1 && !blok_dim_same(dim, wide->dims[wide->rank - narrow->rank + i])) {
      return false;
    }
  }
  return true;
}

// True when another operand is as wide as the one at slot. Nodes of many operands are not asked.
static bool covered(const reshaper *self, const blok_node *node, uint32_t slot) {
  const blok_fact *wide = blok_known_in(self->facts, node, slot);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (i == slot || !node->inputs[i].i || blok_same_value(node->inputs[i], node->inputs[slot])) {
      continue;
    }
    if (lies_within(wide, blok_known_in(self->facts, node, i))) return true;
  }
  return false;
}

static blok_status skip_expand(const reshaper *self, blok_node_id id, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_node_at(graph, id);
  if (!broadcasts(node->op) || node->n_inputs > 4) return BLOK_OK;
  for (uint32_t slot = 0; slot < node->n_inputs; slot++) {
    blok_node_id maker = blok_value_producer(graph, node->inputs[slot]);
    const blok_node *expand = blok_node_at(graph, maker);
    if (!maker.i || expand->op != BLOK_OP_Expand || !covered(self, node, slot)) continue;
    blok_value_id narrow = blok_node_input(expand, 0);
    if (!narrow.i) continue;
    blok_graph_set_input(graph, id, slot, narrow);
    // One is enough: the other's shape has just been relied on.
    return blok_node_add_sources(graph, id, expand, error);
  }
  return BLOK_OK;
}

// ---- Reshapes in a row --------------------------------------------------------------------------

static bool reshapes(const blok_node *node) {
  return node->op == BLOK_OP_Reshape || node->op == BLOK_OP_Flatten ||
         node->op == BLOK_OP_Squeeze || node->op == BLOK_OP_Unsqueeze;
}

static void note_shaped(reshaper *self) {
  const blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (node->op == BLOK_OP_Shape) self->shaped[blok_node_input(node, 0).i]++;
  }
}

// One use takes the elements; what asks for the shape is known without them, or goes on doing so.
static bool read_once(const reshaper *self, blok_value_id value) {
  return blok_uses_count(&self->uses, value) == self->shaped[value.i] + 1;
}

// The node reads what its maker reads, since neither moves an element; its own target then says the
// whole shape. What the maker read has been followed to its start already.
static blok_status skip_reshape(reshaper *self, blok_node_id id, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_node_at(graph, id);
  if (!reshapes(node) || !blok_node_input(node, 0).i) return BLOK_OK;
  blok_node_id maker = blok_value_producer(graph, node->inputs[0]);
  const blok_node *first = blok_node_at(graph, maker);
  if (!maker.i || !reshapes(first) || !blok_node_input(first, 0).i) return BLOK_OK;
  if (!read_once(self, node->inputs[0])) return BLOK_OK;
  int64_t target[BLOK_MAX_RANK];
  blok_value_id x = first->inputs[0];
  const blok_fact *out = blok_known_out(self->facts, node);
  if (!blok_reshape_target(blok_facts_of(self->facts, x), out, target)) return BLOK_OK;
  blok_value_id shape = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(graph, id, "shape", target, (uint32_t)out->rank, &shape, error));
  blok_node_set_op(graph, id, "Reshape");
  blok_node_drop_attr(graph, id, "axis");
  blok_node_drop_attr(graph, id, "allowzero");
  BLOK_TRY(blok_node_resize_inputs(graph, id, 2, error));
  blok_graph_set_input(graph, id, 0, x);
  blok_graph_set_input(graph, id, 1, shape);
  self->next[id.i] = maker.i;
  return BLOK_OK;
}

static blok_status reshape_nodes(reshaper *self, blok_error *error) {
  blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    BLOK_TRY(fix_reshape(self, id, error));
    BLOK_TRY(fix_expand(self, id, error));
    BLOK_TRY(skip_expand(self, id, error));
    BLOK_TRY(skip_reshape(self, id, error));
  }
  return blok_rewrite_gather(graph, self->next, error);
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  reshaper self = {.graph = graph, .facts = facts};
  self.next = blok_arena_array(&facts->arena, graph->n_nodes, sizeof *self.next);
  self.shaped = blok_arena_array(&facts->arena, graph->n_values, sizeof *self.shaped);
  if (!self.next || !self.shaped) return blok_fail_memory(error, graph->n_nodes);
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  note_shaped(&self);
  blok_status status = reshape_nodes(&self, error);
  blok_uses_free(&self.uses);
  return status;
}

blok_status blok_pass_reshapes(blok_module *module, const blok_pass_options *options,
                               blok_error *error) {
  (void)options;
  return blok_known_each(module->graph, visit, error);
}
