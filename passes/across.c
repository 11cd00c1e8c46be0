// A Reshape, then elementwise operators, then another Reshape: the operators can as well work on
// what the first one read, so the first one goes. Exports of linear layers over [N, 1, 1, C] hold
// such a pair around each bias and activation.
//
// Constants among the operands must broadcast the same way in both shapes: that can be told when
// the first Reshape (or Flatten, Squeeze, Unsqueeze) only puts in or takes out axes of size 1.
#include "base/error.h"
#include "passes/evaluate.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// Operators between the two; a longer row is not followed.
#define BETWEEN 8

typedef struct crosser {
  blok_graph *graph;
  blok_uses uses;           // before any change
  const blok_fact **facts;  // by value: of the one whose shape it has by now
  uint32_t n;
  uint32_t *next;  // by node: the Reshape whose work this one does as well
} crosser;

typedef struct row {
  blok_node_id first, last;  // the Reshapes
  uint32_t n;
  blok_node_id between[BETWEEN];
  uint32_t slot[BETWEEN];  // of the input that comes from the one before
} row;

static bool reshapes(const blok_node *node) {
  return node->op == BLOK_OP_Reshape || node->op == BLOK_OP_Flatten ||
         node->op == BLOK_OP_Squeeze || node->op == BLOK_OP_Unsqueeze;
}

static bool is_unary(blok_op op) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  switch (op) {
    case BLOK_OP_Abs:
    case BLOK_OP_Cast:
    case BLOK_OP_Clip:
    case BLOK_OP_Elu:
    case BLOK_OP_Erf:
    case BLOK_OP_Exp:
    case BLOK_OP_Gelu:
    case BLOK_OP_HardSigmoid:
    case BLOK_OP_HardSwish:
    case BLOK_OP_LeakyRelu:
    case BLOK_OP_Log:
    case BLOK_OP_Mish:
    case BLOK_OP_Neg:
    case BLOK_OP_Reciprocal:
    case BLOK_OP_Relu:
    case BLOK_OP_Selu:
    case BLOK_OP_Sigmoid:
    case BLOK_OP_Softplus:
    case BLOK_OP_Sqrt:
    case BLOK_OP_Swish:
    case BLOK_OP_Tanh:
      return true;
    default:
      return false;
  }
#pragma GCC diagnostic pop
}

static bool is_binary(blok_op op) {
  return op == BLOK_OP_Add || op == BLOK_OP_Sub || op == BLOK_OP_Mul || op == BLOK_OP_Div ||
         op == BLOK_OP_Max || op == BLOK_OP_Min || op == BLOK_OP_Pow;
}

static const blok_fact *shape_of(const crosser *self, blok_value_id value) {
  return self->facts[value.i];
}

// ---- Constants ----------------------------------------------------------------------------------

// The next axis from *at on that is not of size 1; the rank when there is none.
static int32_t next_axis(const blok_fact *fact, int32_t at) {
  while (at < fact->rank && fact->dims[at].value == 1) at++;
  return at;
}

// The shape of a constant beside a tensor of shape from, when that one takes the shape to; its rank
// is 1 at least unless to's is 0. False where from and to differ in more than axes of 1, or the
// constant widens the tensor.
static bool constant_dims(const blok_fact *constant, const blok_fact *from, const blok_fact *to,
                          int64_t *dims, uint32_t *rank) {
  int32_t lacks = from->rank - constant->rank;
  int32_t at = 0;
  if (constant->rank < 0 || lacks < 0 || to->rank < 0) return false;
  for (int32_t i = 0; i < to->rank; i++) dims[i] = 1;
  for (int32_t i = 0; i < from->rank; i++) {
    int64_t size = i < lacks ? 1 : constant->dims[i - lacks].value;
    if (from->dims[i].value == 1) {
      if (size != 1) return false;
      continue;
    }
    at = next_axis(to, at);
    if (at == to->rank || !blok_dim_same(from->dims[i], to->dims[at])) return false;
    if (size != 1 && size != from->dims[i].value) return false;
    dims[at++] = size;
  }
  // Axes of 1 in front say nothing.
  int32_t ones = 0;
  while (ones + 1 < to->rank && dims[ones] == 1) ones++;
  for (int32_t i = ones; i < to->rank; i++) dims[i - ones] = dims[i];
  *rank = (uint32_t)(to->rank - ones);
  return next_axis(to, at) == to->rank;
}

// ---- Finding a row ------------------------------------------------------------------------------

// The only node that reads value, none otherwise.
static blok_node_id only_reader(const crosser *self, blok_value_id value, uint32_t *slot) {
  if (!value.i || value.i >= self->n || blok_uses_count(&self->uses, value) != 1) {
    return BLOK_NO_NODE;
  }
  const blok_use *use = blok_uses_of(&self->uses, value);
  *slot = use->slot;
  return use->slot == UINT32_MAX ? BLOK_NO_NODE : use->node;
}

static bool crosses(const crosser *self, const blok_node *node, uint32_t slot,
                    const blok_fact *from, const blok_fact *to) {
  int64_t dims[BLOK_MAX_RANK];
  uint32_t rank = 0;
  if (is_unary(node->op)) return slot == 0;
  if (!is_binary(node->op) || node->n_inputs != 2) return false;
  blok_value_id other = node->inputs[1 - slot];
  const blok_fact *fact = shape_of(self, other);
  if (!other.i || !blok_value_at(self->graph, other)->literal) return false;
  return fact->rank == 0 || constant_dims(fact, from, to, dims, &rank);
}

static bool find_row(const crosser *self, blok_node_id first, row *out) {
  const blok_node *node = blok_node_at(self->graph, first);
  if (!reshapes(node) || !blok_node_input(node, 0).i || !blok_node_output(node, 0).i) return false;
  const blok_fact *from = shape_of(self, node->outputs[0]);
  const blok_fact *to = shape_of(self, node->inputs[0]);
  out->first = first;
  out->n = 0;
  for (blok_value_id value = node->outputs[0];;) {
    uint32_t slot = 0;
    blok_node_id id = only_reader(self, value, &slot);
    if (!id.i) return false;
    node = blok_node_at(self->graph, id);
    if (reshapes(node) && slot == 0) {
      out->last = id;
      break;
    }
    if (out->n == BETWEEN || !crosses(self, node, slot, from, to)) return false;
    out->between[out->n] = id;
    out->slot[out->n++] = slot;
    value = blok_node_output(node, 0);
  }
  return out->n > 0;
}

// ---- Changing it --------------------------------------------------------------------------------

static blok_status move_constant(crosser *self, blok_node_id id, uint32_t slot,
                                 const blok_fact *from, const blok_fact *to, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id value = blok_node_input(blok_node_at(graph, id), slot);
  const blok_fact *fact = shape_of(self, value);
  int64_t dims[BLOK_MAX_RANK];
  uint32_t rank = 0;
  const char *name = NULL;
  blok_value_id made = BLOK_NO_VALUE;
  if (fact->rank == 0 || !constant_dims(fact, from, to, dims, &rank)) return BLOK_OK;
  bool same = (uint32_t)fact->rank == rank;
  for (uint32_t i = 0; same && i < rank; i++) same = dims[i] == fact->dims[i].value;
  if (same) return BLOK_OK;
  BLOK_TRY(blok_graph_new_name(graph, blok_value_at(graph, value)->name, &name, error));
  BLOK_TRY(blok_graph_add_value(graph, name, &made, error));
  BLOK_TRY(
      blok_rewrite_share(graph, made, blok_value_at(graph, value)->literal, rank, dims, error));
  blok_graph_set_input(graph, id, slot, made);
  return BLOK_OK;
}

static blok_status cross(crosser *self, const row *found, const int64_t *target, uint32_t rank,
                         blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id x = blok_node_input(blok_node_at(graph, found->first), 0);
  const blok_fact *from = shape_of(self, blok_node_output(blok_node_at(graph, found->first), 0));
  const blok_fact *to = shape_of(self, x);
  blok_graph_set_input(graph, found->between[0], found->slot[0], x);
  for (uint32_t i = 0; i < found->n; i++) {
    blok_node_id id = found->between[i];
    if (is_binary(blok_node_at(graph, id)->op)) {
      BLOK_TRY(move_constant(self, id, 1 - found->slot[i], from, to, error));
    }
    blok_value_id out = blok_node_output(blok_node_at(graph, id), 0);
    self->facts[out.i] = to;
    // What the file declares is the other shape.
    blok_value_at(graph, out)->type = NULL;
  }
  blok_value_id shape = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(graph, found->last, "shape", target, rank, &shape, error));
  blok_node_set_op(graph, found->last, "Reshape");
  blok_node_drop_attr(graph, found->last, "axis");
  blok_node_drop_attr(graph, found->last, "allowzero");
  BLOK_TRY(blok_node_resize_inputs(graph, found->last, 2, error));
  blok_graph_set_input(graph, found->last, 1, shape);
  self->next[found->last.i] = found->first.i;
  return BLOK_OK;
}

static blok_status cross_all(crosser *self, blok_error *error) {
  blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    row found;
    int64_t target[BLOK_MAX_RANK];
    if (!find_row(self, graph->order[i], &found)) continue;
    const blok_fact *to = shape_of(self, blok_node_at(graph, found.first)->inputs[0]);
    const blok_fact *out = shape_of(self, blok_node_output(blok_node_at(graph, found.last), 0));
    if (!blok_reshape_target(to, out, target)) continue;
    BLOK_TRY(cross(self, &found, target, (uint32_t)out->rank, error));
  }
  return blok_rewrite_gather(graph, self->next, error);
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  crosser self = {.graph = graph, .n = graph->n_values};
  self.facts = blok_arena_array(&facts->arena, graph->n_values, sizeof *self.facts);
  self.next = blok_arena_array(&facts->arena, graph->n_nodes, sizeof *self.next);
  if (!self.facts || !self.next) return blok_fail_memory(error, graph->n_values);
  for (uint32_t i = 0; i < graph->n_values; i++) {
    self.facts[i] = blok_facts_of(facts, (blok_value_id){i});
  }
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  blok_status status = cross_all(&self, error);
  blok_uses_free(&self.uses);
  return status;
}

blok_status blok_pass_across(blok_module *module, const blok_pass_options *options,
                             blok_error *error) {
  (void)options;
  return blok_known_each(module->graph, visit, error);
}
