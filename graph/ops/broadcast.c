// Operators that broadcast their inputs against each other as numpy does. Small integer tensors
// carry their elements along, so that arithmetic on shapes resolves.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

// The common shape of all inputs and the common element type of the inputs from..to-1 into output
// 0; dtype instead of the latter unless it is BLOK_UNDEFINED.
static blok_status broadcast_inputs(blok_infer *context, uint32_t from, uint32_t to,
                                    blok_dtype dtype, blok_error *error) {
  blok_dim dims[BLOK_MAX_RANK] = {{0, NULL}};
  uint32_t rank = 0;
  bool ranked = true;
  blok_dtype common = BLOK_UNDEFINED;
  for (uint32_t i = 0; i < context->n_in; i++) {
    const blok_fact *in = blok_infer_in(context, i);
    if (!in || !blok_fact_ranked(in)) ranked = false;
    if (!in) continue;
    if (i >= from && i < to && in->dtype != BLOK_UNDEFINED) {
      if (common == BLOK_UNDEFINED) common = in->dtype;
      if (in->dtype != common) {
        return blok_infer_fail(context, error, "element types %s and %s do not go together",
                               blok_dtype_name(common), blok_dtype_name(in->dtype));
      }
    }
    if (!ranked) continue;
    blok_dim joined[BLOK_MAX_RANK];
    uint32_t joined_rank = 0;
    if (!blok_broadcast_dims(dims, rank, in->dims, (uint32_t)in->rank, joined, &joined_rank)) {
      blok_fact left = *in;
      left.rank = (int32_t)rank;
      left.dims = dims;
      return blok_infer_fail(context, error, "shapes %s and %s cannot be broadcast together",
                             blok_print_fact(&left).text, blok_print_fact(in).text);
    }
    rank = joined_rank;
    for (uint32_t axis = 0; axis < rank; axis++) dims[axis] = joined[axis];
  }
  if (context->n_out == 0) return BLOK_OK;
  if (dtype == BLOK_UNDEFINED) dtype = common;
  if (ranked) return blok_infer_set(context, 0, dtype, rank, dims, error);
  blok_infer_set_dtype(context, 0, dtype);
  return BLOK_OK;
}

// The number of elements of output 0, when it is small enough to track them.
static bool small_output(const blok_infer *context, uint32_t *n) {
  size_t count = 0;
  if (context->n_out == 0 || !blok_fact_count(&context->out[0], &count)) return false;
  *n = (uint32_t)count;
  return count <= BLOK_FACT_ELEMENTS;
}

// The elements of input slot, one for each of output 0's n. False: not tracked.
static bool spread_input(blok_infer *context, uint32_t slot, uint32_t n, blok_element *items) {
  const blok_fact *in = blok_infer_in(context, slot);
  blok_element own[BLOK_FACT_ELEMENTS];
  uint32_t index[BLOK_FACT_ELEMENTS];
  uint32_t n_own = 0;
  if (!blok_elements_get(in, own, &n_own)) return false;
  blok_elements_spread(in, &context->out[0], index);
  for (uint32_t i = 0; i < n; i++) items[i] = own[index[i]];
  return true;
}

static int64_t floor_mod(int64_t a, int64_t b) {
  int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static blok_element number_op(const blok_node *node, int64_t a, int64_t b) {
  if (node->op == BLOK_OP_Add) return blok_element_of((int64_t)((uint64_t)a + (uint64_t)b));
  if (node->op == BLOK_OP_Sub) return blok_element_of((int64_t)((uint64_t)a - (uint64_t)b));
  if (node->op == BLOK_OP_Mul) return blok_element_of((int64_t)((uint64_t)a * (uint64_t)b));
  if (node->op == BLOK_OP_Div) {
    if (b == -1) return blok_element_of((int64_t)(0 - (uint64_t)a));
    return b != 0 ? blok_element_of(a / b) : blok_element_unknown();
  }
  if (node->op == BLOK_OP_Mod) {
    if (b == -1) return blok_element_of(0);
    if (b == 0) return blok_element_unknown();
    return blok_element_of(blok_node_int(node, "fmod", 0) != 0 ? a % b : floor_mod(a, b));
  }
  return blok_element_unknown();
}

// What is left of a symbol: x + 0, x - 0, x * 1, x / 1 and their mirror images, and x * 0.
static blok_element symbol_op(blok_op op, blok_element a, blok_element b) {
  bool zero_a = a.known && a.value == 0;
  bool zero_b = b.known && b.value == 0;
  bool one_a = a.known && a.value == 1;
  bool one_b = b.known && b.value == 1;
  if (op == BLOK_OP_Mul && (zero_a || zero_b)) return blok_element_of(0);
  if ((op == BLOK_OP_Add && zero_a) || (op == BLOK_OP_Mul && one_a)) return b;
  if ((op == BLOK_OP_Add || op == BLOK_OP_Sub) && zero_b) return a;
  if ((op == BLOK_OP_Mul || op == BLOK_OP_Div) && one_b) return a;
  return blok_element_unknown();
}

blok_status blok_infer_Broadcast(blok_infer *context, blok_error *error) {
  // The exponent's type is its own.
  uint32_t typed = context->node->op == BLOK_OP_Pow ? 1 : context->n_in;
  BLOK_TRY(broadcast_inputs(context, 0, typed, BLOK_UNDEFINED, error));
  blok_element a[BLOK_FACT_ELEMENTS];
  blok_element b[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (context->n_in != 2 || !small_output(context, &n)) return BLOK_OK;
  blok_dtype dtype = context->out[0].dtype;
  if (dtype != BLOK_I32 && dtype != BLOK_I64) return BLOK_OK;
  if (!spread_input(context, 0, n, a) || !spread_input(context, 1, n, b)) return BLOK_OK;
  for (uint32_t i = 0; i < n; i++) {
    a[i] = a[i].known && b[i].known ? number_op(context->node, a[i].value, b[i].value)
                                    : symbol_op(context->node->op, a[i], b[i]);
  }
  return blok_elements_put(context, 0, a, n, error);
}

// A symbol is the size of an axis: never negative.
static bool never_equal(blok_element a, blok_element b) {
  if (a.known && b.known) return a.value != b.value;
  return (a.symbol && b.known && b.value < 0) || (b.symbol && a.known && a.value < 0);
}

static blok_element compare(blok_op op, blok_element a, blok_element b) {
  bool same = blok_element_same(a, b);
  if (op == BLOK_OP_Equal && same) return blok_element_of(1);
  if (op == BLOK_OP_Equal && never_equal(a, b)) return blok_element_of(0);
  if (!a.known || !b.known) return blok_element_unknown();
  if (op == BLOK_OP_Less) return blok_element_of(a.value < b.value);
  if (op == BLOK_OP_LessOrEqual) return blok_element_of(a.value <= b.value);
  if (op == BLOK_OP_Greater) return blok_element_of(a.value > b.value);
  if (op == BLOK_OP_GreaterOrEqual) return blok_element_of(a.value >= b.value);
  if (op == BLOK_OP_And) return blok_element_of(a.value && b.value);
  if (op == BLOK_OP_Or) return blok_element_of(a.value || b.value);
  return op == BLOK_OP_Xor ? blok_element_of(!a.value != !b.value) : blok_element_unknown();
}

blok_status blok_infer_Compare(blok_infer *context, blok_error *error) {
  BLOK_TRY(broadcast_inputs(context, 0, context->n_in, BLOK_BOOL, error));
  blok_element a[BLOK_FACT_ELEMENTS];
  blok_element b[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (context->n_in != 2 || !small_output(context, &n)) return BLOK_OK;
  if (!spread_input(context, 0, n, a) || !spread_input(context, 1, n, b)) return BLOK_OK;
  for (uint32_t i = 0; i < n; i++) a[i] = compare(context->node->op, a[i], b[i]);
  return blok_elements_put(context, 0, a, n, error);
}

blok_status blok_infer_Where(blok_infer *context, blok_error *error) {
  BLOK_TRY(broadcast_inputs(context, 1, context->n_in, BLOK_UNDEFINED, error));
  blok_element condition[BLOK_FACT_ELEMENTS];
  blok_element x[BLOK_FACT_ELEMENTS];
  blok_element y[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (!small_output(context, &n) || !spread_input(context, 0, n, condition)) return BLOK_OK;
  if (!spread_input(context, 1, n, x) || !spread_input(context, 2, n, y)) return BLOK_OK;
  for (uint32_t i = 0; i < n; i++) {
    if (condition[i].known) {
      if (condition[i].value == 0) x[i] = y[i];
    } else if (!blok_element_same(x[i], y[i])) {
      x[i] = blok_element_unknown();
    }
  }
  return blok_elements_put(context, 0, x, n, error);
}

// The slope is broadcast to the input, never the other way round.
blok_status blok_infer_PRelu(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  const blok_fact *slope = blok_infer_in(context, 1);
  if (!in) return BLOK_OK;
  if (blok_fact_ranked(in) && blok_fact_ranked(slope)) {
    blok_dim dims[BLOK_MAX_RANK];
    uint32_t rank = 0;
    bool fits = blok_broadcast_dims(in->dims, (uint32_t)in->rank, slope->dims,
                                    (uint32_t)slope->rank, dims, &rank) &&
                rank == (uint32_t)in->rank;
    for (uint32_t axis = 0; fits && axis < rank; axis++) {
      fits = !blok_dim_known(in->dims[axis]) || !blok_dim_known(dims[axis]) ||
             in->dims[axis].value == dims[axis].value;
    }
    if (!fits) {
      return blok_infer_fail(context, error, "slope %s cannot be broadcast to the input %s",
                             blok_print_fact(slope).text, blok_print_fact(in).text);
    }
  }
  return blok_infer_like(context, 0, in, in->dtype, error);
}
