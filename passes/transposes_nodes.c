// How operators work on values without the Transpose before them: elementwise ones as they are, the
// others over other axes. See transposes.h.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "passes/evaluate.h"
#include "passes/known.h"
#include "passes/rewrite.h"
#include "passes/transposes.h"
#include "reference/reference.h"

// Constants of more elements than this are not written anew in another order: each node under a
// layout may need a copy of its own, so this bounds what a small file can ask for.
#define REORDERED_ELEMENTS 4096

// How an operator's parameters name axes.
typedef enum axes_kind {
  AXES_FIXED = 0,  // it does not move
  AXES_NONE,       // elementwise; other inputs are parameters of no axis
  AXES_BROADCAST,  // elementwise, all inputs are operands
  AXES_JOINED,     // the attribute axis; all inputs are operands
  AXES_ATTRIBUTE,  // the attribute axis
  AXES_REDUCED,    // input 1; gone where keepdims is 0
  AXES_GONE,       // input 1
  AXES_PADDED,     // input 1 holds two numbers for each axis, or for each of input 3
  AXES_SLICED,     // input 3, or the first ones
} axes_kind;

static axes_kind kind_of(blok_op op) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  switch (op) {
    case BLOK_OP_Abs:
    case BLOK_OP_Cast:
    case BLOK_OP_CastLike:
    case BLOK_OP_Ceil:
    case BLOK_OP_Clip:
    case BLOK_OP_Elu:
    case BLOK_OP_Erf:
    case BLOK_OP_Exp:
    case BLOK_OP_Floor:
    case BLOK_OP_Gelu:
    case BLOK_OP_HardSigmoid:
    case BLOK_OP_HardSwish:
    case BLOK_OP_Identity:
    case BLOK_OP_LeakyRelu:
    case BLOK_OP_Log:
    case BLOK_OP_Mish:
    case BLOK_OP_Neg:
    case BLOK_OP_Reciprocal:
    case BLOK_OP_Relu:
    case BLOK_OP_Round:
    case BLOK_OP_Selu:
    case BLOK_OP_Sigmoid:
    case BLOK_OP_Softplus:
    case BLOK_OP_Sqrt:
    case BLOK_OP_Swish:
    case BLOK_OP_Tanh:
      return AXES_NONE;
    case BLOK_OP_Add:
    case BLOK_OP_Div:
    case BLOK_OP_Equal:
    case BLOK_OP_Max:
    case BLOK_OP_Min:
    case BLOK_OP_Mod:
    case BLOK_OP_Mul:
    case BLOK_OP_PRelu:
    case BLOK_OP_Pow:
    case BLOK_OP_Sub:
    case BLOK_OP_Sum:
    case BLOK_OP_Where:
      return AXES_BROADCAST;
    case BLOK_OP_Concat:
      return AXES_JOINED;
    case BLOK_OP_Softmax:
    case BLOK_OP_Split:
      return AXES_ATTRIBUTE;
    case BLOK_OP_ReduceMax:
    case BLOK_OP_ReduceMean:
    case BLOK_OP_ReduceProd:
    case BLOK_OP_ReduceSum:
      return AXES_REDUCED;
    case BLOK_OP_Squeeze:
      return AXES_GONE;
    case BLOK_OP_Pad:
      return AXES_PADDED;
    case BLOK_OP_Slice:
      return AXES_SLICED;
    default:
      return AXES_FIXED;
  }
#pragma GCC diagnostic pop
}

// ---- Layouts ------------------------------------------------------------------------------------

bool blok_layout_same(const blok_layout *a, const blok_layout *b) {
  if (a == b) return true;
  return a && b && a->rank == b->rank && memcmp(a->perm, b->perm, a->rank * sizeof *a->perm) == 0;
}

bool blok_layout_plain_fact(const blok_fact *fact, const blok_layout *layout, blok_dim *dims,
                            blok_fact *out) {
  if (fact->rank < 0 || (uint32_t)fact->rank > layout->rank) return false;
  uint32_t lacks = layout->rank - (uint32_t)fact->rank;
  for (uint32_t i = 0; i < layout->rank; i++) {
    dims[layout->perm[i]] = i < lacks ? blok_dim_of(1) : fact->dims[i - lacks];
  }
  *out = *fact;
  out->rank = (int32_t)layout->rank;
  out->dims = dims;
  return true;
}

// The axes that are not of size 1 stand in the same order.
static bool keeps_order(const blok_fact *fact, const blok_layout *layout) {
  if (fact->rank < 0 || (uint32_t)fact->rank > layout->rank) return false;
  uint32_t lacks = layout->rank - (uint32_t)fact->rank;
  int64_t last = -1;
  for (uint32_t i = lacks; i < layout->rank; i++) {
    if (fact->dims[i - lacks].value == 1) continue;
    if ((int64_t)layout->perm[i] < last) return false;
    last = layout->perm[i];
  }
  return true;
}

bool blok_layout_only_ones(const blok_fact *fact, const blok_layout *layout) {
  blok_dim dims[BLOK_MAX_RANK];
  int64_t target[BLOK_MAX_RANK];
  blok_fact plain;
  return keeps_order(fact, layout) && blok_layout_plain_fact(fact, layout, dims, &plain) &&
         blok_reshape_target(fact, &plain, target) && blok_reshape_target(&plain, fact, target);
}

// ---- May it move? -------------------------------------------------------------------------------

// An operand that is under no layout: a constant, or one whose shape makes the layout a Reshape.
static bool operand_fits(const blok_layouts *self, blok_value_id value, const blok_layout *in) {
  const blok_fact *fact = blok_facts_of(self->facts, value);
  const blok_literal *literal = blok_value_at(self->graph, value)->literal;
  size_t count = 0;
  size_t bytes = 0;
  if (fact->rank == 0) return true;
  if (fact->rank < 0 || (uint32_t)fact->rank > in->rank) return false;
  if (!literal) return blok_layout_only_ones(fact, in);
  if (!blok_literal_readable(literal, &count, &bytes)) return false;
  return keeps_order(fact, in) || count <= REORDERED_ELEMENTS;
}

// The layout that all inputs under one share; NULL when there is none, or they differ.
static const blok_layout *common(const blok_layouts *self, const blok_node *node) {
  const blok_layout *found = NULL;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    const blok_layout *layout = blok_layout_of(self, node->inputs[i]);
    if (!layout) continue;
    if (found && !blok_layout_same(found, layout)) return NULL;
    found = layout;
  }
  return found;
}

static bool operands_fit(const blok_layouts *self, const blok_node *node, const blok_layout *in) {
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!node->inputs[i].i || blok_layout_of(self, node->inputs[i])) continue;
    if (node->op == BLOK_OP_Concat || !operand_fits(self, node->inputs[i], in)) return false;
  }
  return blok_known_out(self->facts, node)->rank == (int32_t)in->rank;
}

// Only input 0 is under a layout.
static const blok_layout *of_first(const blok_layouts *self, const blok_node *node) {
  for (uint32_t i = 1; i < node->n_inputs; i++) {
    if (blok_layout_of(self, node->inputs[i])) return NULL;
  }
  return blok_layout_of(self, blok_node_input(node, 0));
}

static bool axes_of(const blok_layouts *self, const blok_node *node, uint32_t rank, bool *on) {
  uint32_t n = 0;
  return blok_known_axes(self->facts, node, 1, rank, on, &n) && n > 0;
}

// The list that input slot names, each axis as one of the plain value.
static bool plain_axes(const blok_layouts *self, const blok_node *node, uint32_t slot,
                       const blok_layout *in, int64_t *axes, uint32_t *n) {
  if (!blok_known_ints(blok_known_in(self->facts, node, slot), axes, BLOK_MAX_RANK, n)) {
    return false;
  }
  for (uint32_t i = 0; i < *n; i++) {
    uint32_t axis = 0;
    if (!blok_axis_normal(axes[i], in->rank, &axis)) return false;
    axes[i] = in->perm[axis];
  }
  return true;
}

// What is left of the layout when the axes that are on have gone; NULL when nothing is.
static blok_status without(const blok_layouts *self, const blok_layout *in, const bool *on,
                           const blok_layout **out, blok_error *error) {
  blok_layout left = {0};
  uint32_t at[BLOK_MAX_RANK];
  bool gone[BLOK_MAX_RANK];
  bool moved = false;
  uint32_t n = 0;
  *out = NULL;
  for (uint32_t i = 0; i < in->rank; i++) gone[in->perm[i]] = on[i];
  for (uint32_t i = 0; i < in->rank; i++) {
    at[i] = n;
    if (!gone[i]) n++;
  }
  for (uint32_t i = 0; i < in->rank; i++) {
    if (on[i]) continue;
    moved = moved || at[in->perm[i]] != left.rank;
    left.perm[left.rank++] = at[in->perm[i]];
  }
  if (!moved) return BLOK_OK;
  *out = blok_arena_copy(self->arena, &left, sizeof left);
  return *out ? BLOK_OK : blok_fail_memory(error, sizeof left);
}

// The numbers of a Pad or Slice are constants whose count agrees.
static bool pads_known(const blok_layouts *self, const blok_node *node, const blok_layout *in) {
  int64_t axes[BLOK_MAX_RANK];
  int64_t pads[2 * BLOK_MAX_RANK];
  uint32_t n = 0;
  uint32_t n_axes = in->rank;
  if (!blok_known_ints(blok_known_in(self->facts, node, 1), pads, 2 * BLOK_MAX_RANK, &n)) {
    return false;
  }
  if (blok_node_input(node, 3).i && !plain_axes(self, node, 3, in, axes, &n_axes)) return false;
  return n == 2 * n_axes;
}

static bool slices_known(const blok_layouts *self, const blok_node *node, const blok_layout *in) {
  int64_t axes[BLOK_MAX_RANK];
  uint32_t n = 0;
  const blok_fact *starts = blok_known_in(self->facts, node, 1);
  if (blok_node_input(node, 3).i) return plain_axes(self, node, 3, in, axes, &n);
  return starts->rank == 1 && starts->dims[0].value >= 0 && starts->dims[0].value <= in->rank;
}

blok_status blok_layout_moves(const blok_layouts *self, blok_node_id id, const blok_layout **in,
                              const blok_layout **out, bool *moves, blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  axes_kind kind = kind_of(node->op);
  bool on[BLOK_MAX_RANK];
  uint32_t axis = 0;
  *moves = false;
  if (kind == AXES_FIXED) return BLOK_OK;
  bool operands = kind == AXES_BROADCAST || kind == AXES_JOINED;
  *in = operands ? common(self, node) : of_first(self, node);
  *out = *in;
  if (!*in) return BLOK_OK;
  int64_t fallback = node->op == BLOK_OP_Softmax ? -1 : 0;
  switch (kind) {
    case AXES_FIXED:
      return BLOK_OK;
    case AXES_NONE:
      break;
    case AXES_BROADCAST:
      if (!operands_fit(self, node, *in)) return BLOK_OK;
      break;
    case AXES_JOINED:
    case AXES_ATTRIBUTE:
      if (kind == AXES_JOINED && !operands_fit(self, node, *in)) return BLOK_OK;
      if (!blok_axis_normal(blok_node_int(node, "axis", fallback), (*in)->rank, &axis)) {
        return BLOK_OK;
      }
      break;
    case AXES_REDUCED:
      if (!axes_of(self, node, (*in)->rank, on)) return BLOK_OK;
      if (blok_node_int(node, "keepdims", 1) == 0) {
        BLOK_TRY(without(self, *in, on, out, error));
      }
      break;
    case AXES_GONE:
      if (!axes_of(self, node, (*in)->rank, on)) return BLOK_OK;
      BLOK_TRY(without(self, *in, on, out, error));
      break;
    case AXES_PADDED:
      if (!pads_known(self, node, *in)) return BLOK_OK;
      break;
    case AXES_SLICED:
      if (!slices_known(self, node, *in)) return BLOK_OK;
      break;
  }
  *moves = true;
  return BLOK_OK;
}

// ---- Moving it ----------------------------------------------------------------------------------

// The elements of a constant in the plain order; dims has in->rank entries in the order it has now,
// plain in the order it gets.
static blok_status reorder(blok_layouts *self, blok_node_id id, const blok_literal *literal,
                           const blok_layout *in, const blok_dim *plain, blok_value_id *out,
                           blok_error *error) {
  blok_tensor *tensor = NULL;
  size_t size = blok_dtype_size(literal->dtype);
  int64_t dims[BLOK_MAX_RANK];
  size_t stride[BLOK_MAX_RANK];  // of the present order, by plain axis
  int64_t at[BLOK_MAX_RANK] = {0};
  size_t count = 0;
  size_t step = 1;
  BLOK_TRY(blok_literal_tensor(literal, self->arena, &tensor, error));
  for (uint32_t i = in->rank; i-- > 0;) {
    stride[in->perm[i]] = step;
    step *= (size_t)plain[in->perm[i]].value;
  }
  for (uint32_t i = 0; i < in->rank; i++) dims[i] = plain[i].value;
  if (!blok_dims_count(dims, in->rank, &count)) return blok_fail_memory(error, SIZE_MAX);
  unsigned char *bytes = blok_arena_array(self->arena, count ? count : 1, size);
  if (!bytes) return blok_fail_memory(error, count);
  const unsigned char *from = tensor->data;
  for (size_t e = 0; e < count; e++) {
    size_t offset = 0;
    for (uint32_t i = 0; i < in->rank; i++) offset += (size_t)at[i] * stride[i];
    memcpy(bytes + e * size, from + offset * size, size);
    for (uint32_t i = in->rank; i-- > 0 && ++at[i] == dims[i];) at[i] = 0;
  }
  const char *stem = blok_node_at(self->graph, id)->op_type;
  return blok_graph_add_constant(self->graph, stem, literal->dtype, in->rank, dims, bytes, out,
                                 error);
}

static blok_status plain_constant(blok_layouts *self, blok_node_id id, blok_value_id value,
                                  const blok_layout *in, blok_value_id *out, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_plain_constant *made = &self->constants[value.i];
  const blok_fact *fact = blok_facts_of(self->facts, value);
  const blok_literal *literal = blok_value_at(graph, value)->literal;
  blok_dim dims[BLOK_MAX_RANK];
  int64_t numbers[BLOK_MAX_RANK];
  blok_fact plain;
  *out = made->value;
  if (made->value.i && blok_layout_same(made->layout, in)) return BLOK_OK;
  if (!blok_layout_plain_fact(fact, in, dims, &plain)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "constant '%s' has no place under the layout",
                     blok_quote(blok_value_at(graph, value)->name).text);
  }
  if (keeps_order(fact, in)) {
    const char *name = NULL;
    BLOK_TRY(blok_graph_new_name(graph, blok_value_at(graph, value)->name, &name, error));
    BLOK_TRY(blok_graph_add_value(graph, name, out, error));
    for (uint32_t i = 0; i < in->rank; i++) numbers[i] = dims[i].value;
    BLOK_TRY(blok_rewrite_share(graph, *out, literal, in->rank, numbers, error));
  } else {
    BLOK_TRY(reorder(self, id, literal, in, dims, out, error));
  }
  made->layout = in;
  made->value = *out;
  return BLOK_OK;
}

// An operand under no layout takes its plain form.
static blok_status plain_operand(blok_layouts *self, blok_node_id id, uint32_t slot,
                                 const blok_layout *in, blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id value = blok_node_input(blok_node_at(graph, id), slot);
  const blok_fact *fact = blok_facts_of(self->facts, value);
  blok_dim dims[BLOK_MAX_RANK];
  int64_t target[BLOK_MAX_RANK];
  blok_fact plain;
  if (!value.i || blok_layout_of(self, value) || fact->rank == 0) return BLOK_OK;
  blok_value_id made = BLOK_NO_VALUE;
  if (blok_value_at(graph, value)->literal) {
    BLOK_TRY(plain_constant(self, id, value, in, &made, error));
  } else {
    blok_value_id inputs[2] = {value, BLOK_NO_VALUE};
    blok_node_id reshape = BLOK_NO_NODE;
    if (!blok_layout_plain_fact(fact, in, dims, &plain) ||
        !blok_reshape_target(fact, &plain, target)) {
      return BLOK_FAIL(error, BLOK_E_INTERNAL, "value '%s' has no place under the layout",
                       blok_quote(blok_value_at(graph, value)->name).text);
    }
    BLOK_TRY(blok_rewrite_ints(graph, id, "shape", target, in->rank, &inputs[1], error));
    BLOK_TRY(blok_rewrite_node(graph, id, "Reshape", 2, inputs, BLOK_NO_VALUE, &reshape, error));
    made = blok_node_output(blok_node_at(graph, reshape), 0);
  }
  blok_graph_set_input(graph, id, slot, made);
  return BLOK_OK;
}

static blok_status put_axes(blok_layouts *self, blok_node_id id, uint32_t slot, const int64_t *axes,
                            uint32_t n, blok_error *error) {
  blok_value_id list = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(self->graph, id, "axes", axes, n, &list, error));
  return blok_rewrite_input(self->graph, id, slot, list, error);
}

static blok_status move_marked(blok_layouts *self, blok_node_id id, const blok_layout *in,
                               blok_error *error) {
  bool on[BLOK_MAX_RANK] = {false};
  bool plain[BLOK_MAX_RANK] = {false};
  int64_t axes[BLOK_MAX_RANK];
  uint32_t n = 0;
  if (!axes_of(self, blok_node_at(self->graph, id), in->rank, on)) return BLOK_OK;
  for (uint32_t i = 0; i < in->rank; i++) plain[in->perm[i]] = on[i];
  for (uint32_t i = 0; i < in->rank; i++) {
    if (plain[i]) axes[n++] = i;
  }
  return put_axes(self, id, 1, axes, n, error);
}

static blok_status move_pads(blok_layouts *self, blok_node_id id, const blok_layout *in,
                             blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  int64_t pads[2 * BLOK_MAX_RANK] = {0};
  int64_t plain[2 * BLOK_MAX_RANK];
  blok_value_id list = BLOK_NO_VALUE;
  uint32_t n = 0;
  uint32_t rank = in->rank;
  if (blok_node_input(node, 3).i) {
    if (!plain_axes(self, node, 3, in, plain, &n)) return BLOK_OK;
    return put_axes(self, id, 3, plain, n, error);
  }
  if (!blok_known_ints(blok_known_in(self->facts, node, 1), pads, 2 * BLOK_MAX_RANK, &n)) {
    return BLOK_OK;
  }
  for (uint32_t i = 0; i < rank; i++) {
    plain[in->perm[i]] = pads[i];
    plain[rank + in->perm[i]] = pads[rank + i];
  }
  BLOK_TRY(blok_rewrite_ints(self->graph, id, "pads", plain, 2 * rank, &list, error));
  return blok_rewrite_input(self->graph, id, 1, list, error);
}

static blok_status move_slices(blok_layouts *self, blok_node_id id, const blok_layout *in,
                               blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  int64_t axes[BLOK_MAX_RANK];
  uint32_t n = 0;
  if (blok_node_input(node, 3).i) {
    if (!plain_axes(self, node, 3, in, axes, &n)) return BLOK_OK;
    return put_axes(self, id, 3, axes, n, error);
  }
  n = (uint32_t)blok_known_in(self->facts, node, 1)->dims[0].value;
  for (uint32_t i = 0; i < n; i++) axes[i] = in->perm[i];
  return put_axes(self, id, 3, axes, n, error);
}

blok_status blok_layout_apply(blok_layouts *self, blok_node_id id, const blok_layout *in,
                              blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  int64_t fallback = node->op == BLOK_OP_Softmax ? -1 : 0;
  uint32_t axis = 0;
  switch (kind_of(node->op)) {
    case AXES_FIXED:
    case AXES_NONE:
      return BLOK_OK;
    case AXES_BROADCAST:
      for (uint32_t i = 0; i < blok_node_at(self->graph, id)->n_inputs; i++) {
        BLOK_TRY(plain_operand(self, id, i, in, error));
      }
      return BLOK_OK;
    case AXES_JOINED:
    case AXES_ATTRIBUTE:
      (void)blok_axis_normal(blok_node_int(node, "axis", fallback), in->rank, &axis);
      return blok_node_set_int(self->graph, id, "axis", in->perm[axis], error);
    case AXES_REDUCED:
    case AXES_GONE:
      return move_marked(self, id, in, error);
    case AXES_PADDED:
      return move_pads(self, id, in, error);
    case AXES_SLICED:
      return move_slices(self, id, in, error);
  }
  return BLOK_OK;
}
