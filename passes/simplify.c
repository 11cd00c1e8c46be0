// Nodes that are proved to do nothing go: by their attributes, or by what is known of shapes and
// numbers.
//
// Numbers are compared by ==: x + 0 makes 0.0 of -0.0, and leaving it out keeps the -0.0, which
// equals it.
#include <math.h>

#include "base/error.h"
#include "base/size.h"
#include "passes/evaluate.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// Constants of more elements than this are not read to see whether they are all 0 or 1.
#define NEUTRAL_ELEMENTS 4096

typedef struct simplifier {
  blok_graph *graph;
  const blok_facts *facts;
} simplifier;

static const blok_fact *in_fact(const simplifier *self, const blok_node *node, uint32_t slot) {
  return blok_known_in(self->facts, node, slot);
}

static const blok_fact *out_fact(const simplifier *self, const blok_node *node) {
  return blok_known_out(self->facts, node);
}

// ---- Shapes -------------------------------------------------------------------------------------

// The same shape, for nodes that keep the number of elements: one axis may be open when all others
// are numbers above 0.
static bool same_copy(const blok_fact *a, const blok_fact *b) {
  if (blok_same_shape(a, b)) return true;
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

// An operand of shape with has no part in the shape that broadcasting gives x.
static bool widens_nothing(const blok_fact *x, const blok_fact *with) {
  if (with->rank == 0) return true;
  if (with->rank < 0 || with->rank > x->rank) return false;
  for (int32_t i = 0; i < with->rank; i++) {
    blok_dim dim = with->dims[i];
    if (dim.value != 1 && !blok_dim_same(dim, x->dims[x->rank - with->rank + i])) return false;
  }
  return true;
}

static bool keeps_order(const blok_node *node) {
  uint32_t n = 0;
  const int64_t *perm = blok_node_ints(node, "perm", &n);
  for (uint32_t i = 0; i < n; i++) {
    if (perm[i] != (int64_t)i) return false;
  }
  return n > 0;
}

static bool expands_nothing(const simplifier *self, const blok_node *node) {
  const blok_fact *in = in_fact(self, node, 0);
  const blok_fact *target = in_fact(self, node, 1);
  if (blok_same_shape(in, out_fact(self, node))) return true;
  return in->rank >= 0 && target->tensor && target->rank == 1 &&
         target->dims[0].value <= in->rank && blok_all_equal(target, 1);
}

// ---- Numbers ------------------------------------------------------------------------------------

static blok_status all_equal(const simplifier *self, blok_value_id value, double number, bool *out,
                             blok_error *error) {
  const blok_literal *literal = blok_value_at(self->graph, value)->literal;
  blok_fact fact = *blok_facts_of(self->facts, value);
  size_t count = 0;
  size_t bytes = 0;
  blok_arena arena;
  blok_tensor *tensor = NULL;
  *out = blok_all_equal(&fact, number);
  if (fact.tensor || !literal || !blok_literal_readable(literal, &count, &bytes) ||
      count > NEUTRAL_ELEMENTS) {
    return BLOK_OK;
  }
  blok_arena_init(&arena, &self->graph->module->allocator);
  blok_error reason = BLOK_ERROR_INIT;
  blok_status status = blok_literal_tensor(literal, &arena, &tensor, &reason);
  fact.tensor = tensor;
  *out = blok_all_equal(&fact, number);
  blok_arena_free(&arena);
  // A constant that cannot be read is not neutral; who needs it says why.
  return status == BLOK_E_MEMORY ? blok_fail_memory(error, bytes) : BLOK_OK;
}

// x + 0, x - 0, x * 1, x / 1, where the constant does not widen x.
static blok_status neutral(const simplifier *self, const blok_node *node, uint32_t *slot, bool *out,
                           blok_error *error) {
  double number = node->op == BLOK_OP_Mul || node->op == BLOK_OP_Div ? 1 : 0;
  bool commutes = node->op == BLOK_OP_Mul || node->op == BLOK_OP_Add;
  *out = false;
  for (uint32_t x = 0; x < (commutes ? 2u : 1u) && !*out; x++) {
    *slot = x;
    if (!blok_node_input(node, x).i || !blok_node_input(node, 1 - x).i) continue;
    if (!widens_nothing(in_fact(self, node, x), in_fact(self, node, 1 - x))) continue;
    BLOK_TRY(all_equal(self, blok_node_input(node, 1 - x), number, out, error));
  }
  return BLOK_OK;
}

static bool no_bound(const simplifier *self, const blok_node *node, uint32_t slot,
                     double infinite) {
  return !blok_node_input(node, slot).i || blok_all_equal(in_fact(self, node, slot), infinite);
}

// ---- Ranges -------------------------------------------------------------------------------------

static bool forward_steps(const simplifier *self, const blok_node *node) {
  int64_t steps[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (!blok_node_input(node, 4).i) return true;
  if (!blok_known_ints(in_fact(self, node, 4), steps, BLOK_FACT_ELEMENTS, &n)) return false;
  for (uint32_t i = 0; i < n; i++) {
    if (steps[i] < 1) return false;
  }
  return true;
}

// From 0 to the end by steps of 1, whatever the sizes are.
static bool takes_all(const simplifier *self, const blok_node *node) {
  int64_t starts[BLOK_FACT_ELEMENTS], ends[BLOK_FACT_ELEMENTS], steps[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  uint32_t n_ends = 0;
  uint32_t n_steps = 0;
  if (!blok_known_ints(in_fact(self, node, 1), starts, BLOK_FACT_ELEMENTS, &n) ||
      !blok_known_ints(in_fact(self, node, 2), ends, BLOK_FACT_ELEMENTS, &n_ends)) {
    return false;
  }
  bool stepped = blok_node_input(node, 4).i != 0;
  if (stepped && !blok_known_ints(in_fact(self, node, 4), steps, BLOK_FACT_ELEMENTS, &n_steps)) {
    return false;
  }
  if (n_ends != n || (stepped && n_steps != n)) return false;
  for (uint32_t i = 0; i < n; i++) {
    if (starts[i] != 0 || ends[i] != INT64_MAX || (stepped && steps[i] != 1)) return false;
  }
  return true;
}

// ---- Windows ------------------------------------------------------------------------------------

static bool attr_all(const blok_node *node, const char *name, int64_t number, bool absent) {
  uint32_t n = 0;
  const int64_t *values = blok_node_ints(node, name, &n);
  for (uint32_t i = 0; i < n; i++) {
    if (values[i] != number) return false;
  }
  return n > 0 || absent;
}

// A pool over windows of one element, one beside the other.
static bool pools_nothing(const blok_node *node) {
  return attr_all(node, "kernel_shape", 1, false) && attr_all(node, "strides", 1, true) &&
         attr_all(node, "pads", 0, true) && !blok_node_output(node, 1).i;
}

// By a scale of 1 every rule of coordinates but the one that crops takes each element where it is.
static bool resizes_nothing(const simplifier *self, const blok_node *node) {
  if (blok_node_text_is(node, "coordinate_transformation_mode", "half_pixel",
                        "tf_crop_and_resize")) {
    return false;
  }
  if (blok_node_input(node, 2).i) return blok_all_equal(in_fact(self, node, 2), 1);
  return blok_node_input(node, 3).i &&
         blok_same_shape(in_fact(self, node, 0), out_fact(self, node));
}

static bool same_type(const simplifier *self, const blok_node *node) {
  blok_dtype dtype = in_fact(self, node, 0)->dtype;
  return dtype != BLOK_UNDEFINED && dtype == out_fact(self, node)->dtype;
}

// ---- Nodes --------------------------------------------------------------------------------------

// True when the node's first output is its first input, as shapes and attributes show.
static bool passes_on(const simplifier *self, const blok_node *node) {
  const blok_fact *in = in_fact(self, node, 0);
  const blok_fact *out = out_fact(self, node);
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
      return expands_nothing(self, node);
    case BLOK_OP_Pad:
      return blok_all_equal(in_fact(self, node, 1), 0);
    case BLOK_OP_Slice:
      return takes_all(self, node) || (blok_same_shape(in, out) && forward_steps(self, node));
    case BLOK_OP_Transpose:
      return keeps_order(node) || (in->rank >= 0 && in->rank <= 1);
    case BLOK_OP_Cast:
    case BLOK_OP_CastLike:
      return same_type(self, node);
    case BLOK_OP_Concat:
    case BLOK_OP_Sum:
    case BLOK_OP_Max:
    case BLOK_OP_Min:
      return node->n_inputs == 1;
    case BLOK_OP_Split:
      return node->n_outputs == 1 && blok_same_shape(in, out);
    case BLOK_OP_Clip:
      return no_bound(self, node, 1, -HUGE_VAL) && no_bound(self, node, 2, HUGE_VAL);
    case BLOK_OP_MaxPool:
    case BLOK_OP_AveragePool:
      return pools_nothing(node);
    case BLOK_OP_Resize:
      return resizes_nothing(self, node);
    default:
      return false;
  }
#pragma GCC diagnostic pop
}

static blok_status does_nothing(const simplifier *self, const blok_node *node, uint32_t *slot,
                                bool *out, blok_error *error) {
  *slot = 0;
  if (node->op == BLOK_OP_Add || node->op == BLOK_OP_Sub || node->op == BLOK_OP_Mul ||
      node->op == BLOK_OP_Div) {
    return neutral(self, node, slot, out, error);
  }
  *out = passes_on(self, node);
  return BLOK_OK;
}

static blok_status simplify_nodes(const simplifier *self, blok_bypass *bypass, blok_error *error) {
  blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    const blok_node *node = blok_node_at(graph, id);
    uint32_t slot = 0;
    bool nothing = false;
    if (node->op == BLOK_OP_Sum && node->n_inputs == 2) blok_node_set_op(graph, id, "Add");
    BLOK_TRY(does_nothing(self, node, &slot, &nothing, error));
    // One that must stay, for the name of an output, stays as it is.
    if (nothing) (void)blok_bypass_node(bypass, id, slot);
  }
  return BLOK_OK;
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  simplifier self = {graph, facts};
  blok_bypass bypass = {0};
  BLOK_TRY(blok_bypass_begin(graph, &bypass, error));
  blok_status status = simplify_nodes(&self, &bypass, error);
  if (status == BLOK_OK) {
    blok_bypass_end(&bypass);
  } else {
    blok_bypass_abandon(&bypass);
  }
  return status;
}

blok_status blok_pass_simplify(blok_module *module, const blok_pass_options *options,
                               blok_error *error) {
  (void)options;
  return blok_known_each(module->graph, visit, error);
}
