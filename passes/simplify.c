// Nodes that are proved to do nothing by what is known of shapes and numbers go, and a Reshape
// whose target is known but for one axis gets it as a constant, so that nothing needs the chain of
// nodes that computed it.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "passes/driver.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

typedef struct simplifier {
  blok_graph *graph;
  const blok_facts *facts;
} simplifier;

static const blok_fact *in_fact(const simplifier *self, const blok_node *node, uint32_t slot) {
  return blok_facts_of(self->facts, blok_node_input(node, slot));
}

static const blok_fact *out_fact(const simplifier *self, const blok_node *node) {
  return blok_facts_of(self->facts, blok_node_output(node, 0));
}

// ---- Proofs -------------------------------------------------------------------------------------

static bool same_shape(const blok_fact *a, const blok_fact *b) {
  if (a->rank < 0 || a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; i++) {
    if (!blok_dim_same(a->dims[i], b->dims[i])) return false;
  }
  return true;
}

// The same for nodes that keep the number of elements: one axis may be open when all others are
// numbers above 0.
static bool same_copy(const blok_fact *a, const blok_fact *b) {
  if (same_shape(a, b)) return true;
  if (a->rank < 0 || a->rank != b->rank) return false;
  int open = 0;
  for (int32_t i = 0; i < a->rank; i++) {
    bool numbers = a->dims[i].value > 0 && a->dims[i].value == b->dims[i].value;
    if (numbers) continue;
    if (a->dims[i].value >= 0 && b->dims[i].value >= 0) return false;
    open++;
  }
  return open == 1;
}

static bool all_equal(const blok_fact *fact, double number) {
  size_t count = 0;
  const blok_tensor *tensor = fact->tensor;
  if (!tensor || !tensor->data || tensor->dtype == BLOK_BOOL ||
      !blok_dims_count(tensor->dims, tensor->rank, &count) || count == 0) {
    return false;
  }
  if (!blok_dtype_is_float(tensor->dtype) && !blok_dtype_is_integer(tensor->dtype)) return false;
  for (size_t i = 0; i < count; i++) {
    if (blok_ref_load(tensor, i) != number) return false;
  }
  return true;
}

// x + 0, x - 0, x * 1, x / 1, where the constant does not widen x.
static bool neutral(const simplifier *self, const blok_node *node, uint32_t *slot) {
  double number = node->op == BLOK_OP_Mul || node->op == BLOK_OP_Div ? 1 : 0;
  bool commutes = node->op == BLOK_OP_Mul || node->op == BLOK_OP_Add;
  const blok_fact *out = out_fact(self, node);
  for (uint32_t x = 0; x < (commutes ? 2u : 1u); x++) {
    *slot = x;
    if (all_equal(in_fact(self, node, 1 - x), number) && same_shape(in_fact(self, node, x), out)) {
      return true;
    }
  }
  return false;
}

static bool keeps_order(const blok_node *node) {
  uint32_t n = 0;
  const int64_t *perm = blok_node_ints(node, "perm", &n);
  for (uint32_t i = 0; i < n; i++) {
    if (perm[i] != (int64_t)i) return false;
  }
  return n > 0;
}

static bool forward_steps(const simplifier *self, const blok_node *node) {
  if (!blok_node_input(node, 4).i) return true;
  const blok_tensor *steps = in_fact(self, node, 4)->tensor;
  size_t count = 0;
  if (!steps || !steps->data || !blok_dims_count(steps->dims, steps->rank, &count)) return false;
  for (size_t i = 0; i < count; i++) {
    if (blok_ref_load_i64(steps, i) < 1) return false;
  }
  return true;
}

static bool same_type(const simplifier *self, const blok_node *node) {
  blok_dtype dtype = in_fact(self, node, 0)->dtype;
  return dtype != BLOK_UNDEFINED && dtype == out_fact(self, node)->dtype;
}

// True when the node's first output is its input at *slot.
static bool does_nothing(const simplifier *self, const blok_node *node, uint32_t *slot) {
  const blok_fact *in = in_fact(self, node, 0);
  const blok_fact *out = out_fact(self, node);
  *slot = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  switch (node->op) {
    case BLOK_OP_Identity:
      return true;
    case BLOK_OP_Reshape:
    case BLOK_OP_Flatten:
    case BLOK_OP_Squeeze:
    case BLOK_OP_Unsqueeze:
      return same_copy(in, out);
    case BLOK_OP_Expand:
      return same_shape(in, out);
    case BLOK_OP_Pad:
      return all_equal(in_fact(self, node, 1), 0) && same_shape(in, out);
    case BLOK_OP_Slice:
      return same_shape(in, out) && forward_steps(self, node);
    case BLOK_OP_Transpose:
      return keeps_order(node) || (in->rank >= 0 && in->rank <= 1);
    case BLOK_OP_Cast:
    case BLOK_OP_CastLike:
      return same_type(self, node);
    case BLOK_OP_Concat:
    case BLOK_OP_Sum:
      return node->n_inputs == 1;
    case BLOK_OP_Split:
      return node->n_outputs == 1 && same_shape(in, out);
    case BLOK_OP_Clip:
      return !blok_node_input(node, 1).i && !blok_node_input(node, 2).i;
    case BLOK_OP_Add:
    case BLOK_OP_Sub:
    case BLOK_OP_Mul:
    case BLOK_OP_Div:
      return neutral(self, node, slot);
    default:
      return false;
  }
#pragma GCC diagnostic pop
}

// ---- Reshape targets ----------------------------------------------------------------------------

// The target as numbers: 0 for an axis that x has at the same place under the same symbol, -1 for
// one that is open. False when more is open than a target can say.
static bool target_numbers(const blok_fact *x, const blok_fact *target, bool allow_zero,
                           int64_t *out) {
  int open = 0;
  for (uint32_t i = 0; i < target->n_elements; i++) {
    blok_element element = target->elements[i];
    bool in_x = (int64_t)i < x->rank && !blok_dim_known(x->dims[i]) && x->dims[i].symbol;
    if (element.known) {
      out[i] = element.value;
      if (element.value == 0 && allow_zero) return false;
    } else if (element.symbol && in_x && !allow_zero &&
               strcmp(element.symbol, x->dims[i].symbol) == 0) {
      out[i] = 0;
    } else {
      out[i] = -1;
    }
    if (out[i] == -1) open++;
  }
  return open <= 1;
}

static blok_status fix_target(const simplifier *self, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  blok_value_id value = blok_node_input(node, 1);
  const blok_fact *target = blok_facts_of(self->facts, value);
  if (node->op != BLOK_OP_Reshape || !value.i || blok_value_at(self->graph, value)->literal ||
      target->rank != 1 || target->n_elements == 0 ||
      target->n_elements != (uint64_t)target->dims[0].value) {
    return BLOK_OK;
  }
  int64_t numbers[BLOK_FACT_ELEMENTS];
  bool allow_zero = blok_node_int(node, "allowzero", 0) != 0;
  if (!target_numbers(in_fact(self, node, 0), target, allow_zero, numbers)) return BLOK_OK;
  blok_value_id constant = BLOK_NO_VALUE;
  BLOK_TRY(
      blok_rewrite_ints(self->graph, id, "shape", numbers, target->n_elements, &constant, error));
  blok_graph_set_input(self->graph, id, 1, constant);
  return BLOK_OK;
}

// ---- Expands before arithmetic ------------------------------------------------------------------

// Arithmetic broadcasts by itself: where the other operand already has the result's shape, an
// operand need not be expanded to it first.
static blok_status skip_expand(const simplifier *self, blok_node_id id, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_node_at(graph, id);
  bool broadcasts = node->op == BLOK_OP_Add || node->op == BLOK_OP_Sub || node->op == BLOK_OP_Mul ||
                    node->op == BLOK_OP_Div;
  if (!broadcasts) return BLOK_OK;
  for (uint32_t slot = 0; slot < 2; slot++) {
    node = blok_node_at(graph, id);
    blok_value_id value = blok_node_input(node, slot);
    blok_node_id maker = blok_value_producer(graph, value);
    const blok_node *expand = blok_node_at(graph, maker);
    if (!value.i || !maker.i || expand->op != BLOK_OP_Expand) continue;
    if (!same_shape(in_fact(self, node, 1 - slot), out_fact(self, node))) continue;
    blok_value_id narrow = blok_node_input(expand, 0);
    if (!narrow.i) continue;
    blok_graph_set_input(graph, id, slot, narrow);
    BLOK_TRY(blok_node_add_sources(graph, id, expand, error));
    // One is enough: the other's shape has just been relied on.
    return BLOK_OK;
  }
  return BLOK_OK;
}

// ---- Graphs -------------------------------------------------------------------------------------

static blok_status simplify_graph(blok_graph *graph, const blok_fact *captures, blok_error *error);

// As in fold: a subgraph whose shapes disagree stays as it is.
static blok_status simplify_inner(const simplifier *self, blok_node_id id, blok_arena *arena,
                                  blok_error *error) {
  const blok_subgraph *inner = NULL;
  for (uint32_t s = 0; (inner = blok_node_subgraph(blok_node_at(self->graph, id), s)); s++) {
    blok_fact *captures = NULL;
    blok_error reason = BLOK_ERROR_INIT;
    if (!inner->graph) continue;
    BLOK_TRY(blok_facts_captures(self->facts, inner, arena, &captures, error));
    blok_status status = simplify_graph(inner->graph, captures, &reason);
    if (status != BLOK_OK && status != BLOK_E_SHAPE) {
      return blok_fail(error, status, "%s", reason.message);
    }
  }
  return BLOK_OK;
}

static blok_status simplify_nodes(const simplifier *self, blok_arena *arena, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_bypass bypass = {0};
  for (uint32_t i = 0; i < graph->n_order; i++) {
    BLOK_TRY(simplify_inner(self, graph->order[i], arena, error));
    BLOK_TRY(fix_target(self, graph->order[i], error));
    BLOK_TRY(skip_expand(self, graph->order[i], error));
  }
  BLOK_TRY(blok_bypass_begin(graph, &bypass, error));
  for (uint32_t i = 0; i < graph->n_order; i++) {
    uint32_t slot = 0;
    bool nothing = does_nothing(self, blok_node_at(graph, graph->order[i]), &slot);
    // One that must stay, for the name of an output, stays as it is.
    if (nothing) (void)blok_bypass_node(&bypass, graph->order[i], slot);
  }
  blok_bypass_end(&bypass);
  return BLOK_OK;
}

static blok_status simplify_graph(blok_graph *graph, const blok_fact *captures, blok_error *error) {
  blok_facts_options options = {.captures = captures, .inferred_only = true};
  blok_facts *facts = NULL;
  BLOK_TRY(blok_facts_compute(graph, &options, &graph->module->allocator, &facts, error));
  simplifier self = {graph, facts};
  blok_status status = simplify_nodes(&self, &facts->arena, error);
  blok_facts_free(&facts);
  return status;
}

blok_status blok_pass_simplify(blok_module *module, const blok_pass_options *options,
                               blok_error *error) {
  (void)options;
  return simplify_graph(module->graph, NULL, error);
}
