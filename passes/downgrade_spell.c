// Downgrade rules that spell a node out by others: activations, norms, softmax, comparisons,
// selection, broadcasting.
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "passes/downgrade_rules.h"
#include "passes/known.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// A scalar of the type of input 0 combined with a: op_type(a, number).
static blok_status with_number(blok_downgrading *self, const char *op_type, blok_value_id a,
                               blok_dtype dtype, double number, blok_value_id *out,
                               blok_error *error) {
  blok_value_id constant = BLOK_NO_VALUE;
  BLOK_TRY(blok_down_number(self, "number", dtype, number, &constant, error));
  return blok_down_before(self, op_type, a, constant, out, error);
}

// ---- Activations --------------------------------------------------------------------------------

blok_status blok_downgrade_hard_swish(blok_downgrading *self, blok_error *error) {
  blok_value_id x = blok_down_input(self, 0);
  blok_node_id made = BLOK_NO_NODE;
  blok_value_id gate = BLOK_NO_VALUE;
  BLOK_TRY(blok_down_make(self, "HardSigmoid", 1, &x, &made, &gate, error));
  BLOK_TRY(blok_node_set_float(self->graph, made, "alpha", 1.0F / 6.0F, error));
  BLOK_TRY(blok_node_set_float(self->graph, made, "beta", 0.5F, error));
  return blok_down_become(self, "Mul", x, gate, error);
}

blok_status blok_downgrade_swish(blok_downgrading *self, blok_error *error) {
  double alpha = (double)blok_node_float(blok_down_node(self), "alpha", 1.0F);
  blok_value_id x = blok_down_input(self, 0);
  blok_value_id gate = x;
  if (alpha != 1.0) {
    blok_dtype dtype = BLOK_UNDEFINED;
    BLOK_TRY(blok_down_float(self, 0, &dtype, error));
    BLOK_TRY(with_number(self, "Mul", x, dtype, alpha, &gate, error));
  }
  BLOK_TRY(blok_down_before(self, "Sigmoid", gate, BLOK_NO_VALUE, &gate, error));
  return blok_down_become(self, "Mul", x, gate, error);
}

blok_status blok_downgrade_mish(blok_downgrading *self, blok_error *error) {
  blok_value_id x = blok_down_input(self, 0);
  blok_value_id gate = BLOK_NO_VALUE;
  BLOK_TRY(blok_down_before(self, "Softplus", x, BLOK_NO_VALUE, &gate, error));
  BLOK_TRY(blok_down_before(self, "Tanh", gate, BLOK_NO_VALUE, &gate, error));
  return blok_down_become(self, "Mul", x, gate, error);
}

// The inside of tanh's approximation: sqrt(2 / pi) * (x + 0.044715 x^3).
static blok_status gelu_tanh(blok_downgrading *self, blok_value_id x, blok_dtype dtype,
                             blok_value_id *out, blok_error *error) {
  blok_value_id cube = BLOK_NO_VALUE;
  BLOK_TRY(blok_down_before(self, "Mul", x, x, &cube, error));
  BLOK_TRY(blok_down_before(self, "Mul", cube, x, &cube, error));
  BLOK_TRY(with_number(self, "Mul", cube, dtype, 0.044715, &cube, error));
  BLOK_TRY(blok_down_before(self, "Add", x, cube, &cube, error));
  BLOK_TRY(with_number(self, "Mul", cube, dtype, sqrt(2.0 / 3.14159265358979323846), &cube, error));
  return blok_down_before(self, "Tanh", cube, BLOK_NO_VALUE, out, error);
}

// x * (1 + erf(x / sqrt(2))) * 0.5, as exporters spell it.
blok_status blok_downgrade_gelu(blok_downgrading *self, blok_error *error) {
  bool exact = blok_node_text_is(blok_down_node(self), "approximate", "none", "none");
  blok_value_id x = blok_down_input(self, 0);
  blok_value_id gate = BLOK_NO_VALUE;
  blok_value_id half = BLOK_NO_VALUE;
  blok_dtype dtype = BLOK_UNDEFINED;
  BLOK_TRY(blok_down_float(self, 0, &dtype, error));
  if (exact && self->opset < 9) {
    return blok_down_fail(self, error, "Erf, which it is made of, came with 9");
  }
  if (exact) {
    BLOK_TRY(with_number(self, "Div", x, dtype, sqrt(2.0), &gate, error));
    BLOK_TRY(blok_down_before(self, "Erf", gate, BLOK_NO_VALUE, &gate, error));
  } else {
    BLOK_TRY(gelu_tanh(self, x, dtype, &gate, error));
  }
  BLOK_TRY(with_number(self, "Add", gate, dtype, 1.0, &gate, error));
  BLOK_TRY(blok_down_before(self, "Mul", x, gate, &gate, error));
  BLOK_TRY(blok_down_number(self, "half", dtype, 0.5, &half, error));
  return blok_down_become(self, "Mul", gate, half, error);
}

// alpha * Elu(x / alpha) is Celu, since Elu's negative branch is exp(x) - 1.
blok_status blok_downgrade_celu(blok_downgrading *self, blok_error *error) {
  double alpha = (double)blok_node_float(blok_down_node(self), "alpha", 1.0F);
  blok_value_id x = blok_down_input(self, 0);
  blok_value_id number = BLOK_NO_VALUE;
  blok_dtype dtype = BLOK_UNDEFINED;
  BLOK_TRY(blok_down_float(self, 0, &dtype, error));
  if (self->opset >= 12 && dtype == BLOK_F32) return BLOK_OK;
  if (!(alpha > 0)) return blok_down_fail(self, error, "alpha %g is not above 0", alpha);
  if (alpha == 1.0) return blok_down_become(self, "Elu", x, BLOK_NO_VALUE, error);
  BLOK_TRY(with_number(self, "Div", x, dtype, alpha, &x, error));
  BLOK_TRY(blok_down_before(self, "Elu", x, BLOK_NO_VALUE, &x, error));
  BLOK_TRY(blok_down_number(self, "alpha", dtype, alpha, &number, error));
  return blok_down_become(self, "Mul", x, number, error);
}

blok_status blok_downgrade_thresholded(blok_downgrading *self, blok_error *error) {
  double alpha = (double)blok_node_float(blok_down_node(self), "alpha", 1.0F);
  blok_value_id x = blok_down_input(self, 0);
  blok_value_id above = BLOK_NO_VALUE;
  blok_dtype dtype = BLOK_UNDEFINED;
  BLOK_TRY(blok_down_float(self, 0, &dtype, error));
  BLOK_TRY(with_number(self, "Greater", x, dtype, alpha, &above, error));
  BLOK_TRY(blok_down_cast(self, above, dtype, &above, error));
  return blok_down_become(self, "Mul", x, above, error);
}

// ---- Softmax ------------------------------------------------------------------------------------

// Below 13 the axes from axis on were one: the same where all behind it have length 1. Else the
// axis is brought to the end.
blok_status blok_downgrade_softmax(blok_downgrading *self, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_fact *x = blok_down_in(self, 0);
  int64_t axis = blok_node_int(blok_down_node(self), "axis", -1);
  uint32_t rank = 0;
  if (self->opset >= 13) return BLOK_OK;
  if (axis == -1 && x->rank < 0 && self->opset >= 11) {
    return blok_node_set_int(graph, self->node, "axis", axis, error);
  }
  BLOK_TRY(blok_down_rank(self, 0, &rank, error));
  BLOK_TRY(blok_down_axis(self, -1, &axis, error));
  bool last = true;
  for (uint32_t i = (uint32_t)axis + 1; i < rank; i++) last = last && x->dims[i].value == 1;
  BLOK_TRY(blok_node_set_int(graph, self->node, "axis", last ? axis : (int64_t)rank - 1, error));
  if (last) return BLOK_OK;
  int64_t perm[BLOK_MAX_RANK];
  blok_value_id value = BLOK_NO_VALUE;
  blok_node_id made = BLOK_NO_NODE;
  for (uint32_t i = 0; i < rank; i++) perm[i] = i;
  perm[axis] = (int64_t)rank - 1;
  perm[rank - 1] = axis;
  BLOK_TRY(blok_down_transpose(self, blok_down_input(self, 0), perm, rank, &value, error));
  const char *op_type = blok_down_node(self)->op_type;
  BLOK_TRY(blok_down_make(self, op_type, 1, &value, &made, &value, error));
  BLOK_TRY(blok_node_set_int(graph, made, "axis", (int64_t)rank - 1, error));
  BLOK_TRY(blok_down_become(self, "Transpose", value, BLOK_NO_VALUE, error));
  return blok_node_set_ints(graph, self->node, "perm", perm, rank, error);
}

// ---- Comparisons --------------------------------------------------------------------------------

// Equal of floats came with 11, GreaterOrEqual with 12. Below 11 a >= b is not a < b, which differs
// only for values that are no numbers.
blok_status blok_downgrade_or_equal(blok_downgrading *self, blok_error *error) {
  bool greater = strcmp(blok_down_node(self)->op_type, "GreaterOrEqual") == 0;
  blok_value_id a = blok_down_input(self, 0);
  blok_value_id b = blok_down_input(self, 1);
  blok_value_id strict = BLOK_NO_VALUE;
  blok_value_id equal = BLOK_NO_VALUE;
  if (self->opset < 11) {
    BLOK_TRY(blok_down_before(self, greater ? "Less" : "Greater", a, b, &strict, error));
    return blok_down_become(self, "Not", strict, BLOK_NO_VALUE, error);
  }
  BLOK_TRY(blok_down_before(self, greater ? "Greater" : "Less", a, b, &strict, error));
  BLOK_TRY(blok_down_before(self, "Equal", a, b, &equal, error));
  return blok_down_become(self, "Or", strict, equal, error);
}

// Below 11 there was Equal of int32, int64 and bool alone: others are equal where neither is less.
blok_status blok_downgrade_equal(blok_downgrading *self, blok_error *error) {
  blok_value_id a = blok_down_input(self, 0);
  blok_value_id b = blok_down_input(self, 1);
  blok_value_id less = BLOK_NO_VALUE;
  blok_value_id more = BLOK_NO_VALUE;
  blok_dtype dtype = blok_down_dtype(self, a);
  bool taken = dtype == BLOK_UNDEFINED || dtype == BLOK_I32 || dtype == BLOK_I64 ||
               dtype == BLOK_BOOL || dtype == BLOK_STRING;
  if (taken) return BLOK_OK;
  BLOK_TRY(blok_down_before(self, "Less", a, b, &less, error));
  BLOK_TRY(blok_down_before(self, "Greater", a, b, &more, error));
  BLOK_TRY(blok_down_before(self, "Or", less, more, &less, error));
  return blok_down_become(self, "Not", less, BLOK_NO_VALUE, error);
}

// ---- Selection and broadcasting -----------------------------------------------------------------

// True when a value may hold infinities or what is no number: 0 times these is not 0.
static blok_status may_be_infinite(const blok_downgrading *self, uint32_t slot, bool *out,
                                   blok_error *error) {
  const blok_tensor *tensor = NULL;
  BLOK_TRY(blok_down_tensor(self, blok_down_input(self, slot), &tensor, error));
  size_t count = tensor ? blok_ref_count(tensor) : 0;
  *out = false;
  for (size_t i = 0; i < count; i++) *out = *out || !isfinite(blok_ref_load(tensor, i));
  return BLOK_OK;
}

// x * c + y * (1 - c), exact for finite values.
static blok_status where_by_products(blok_downgrading *self, blok_dtype dtype, blok_error *error) {
  blok_value_id c = blok_down_input(self, 0);
  blok_value_id yes = BLOK_NO_VALUE;
  blok_value_id no = BLOK_NO_VALUE;
  for (uint32_t slot = 1; slot < 3 && blok_dtype_is_float(dtype); slot++) {
    bool infinite = false;
    BLOK_TRY(may_be_infinite(self, slot, &infinite, error));
    if (!infinite) continue;
    return blok_down_fail(self, error, "it came with 9, and its constant input %u is not finite",
                          slot);
  }
  BLOK_TRY(blok_down_cast(self, c, dtype, &yes, error));
  BLOK_TRY(blok_down_before(self, "Mul", blok_down_input(self, 1), yes, &yes, error));
  BLOK_TRY(blok_down_before(self, "Not", c, BLOK_NO_VALUE, &no, error));
  BLOK_TRY(blok_down_cast(self, no, dtype, &no, error));
  BLOK_TRY(blok_down_before(self, "Mul", blok_down_input(self, 2), no, &no, error));
  return blok_down_become(self, "Add", yes, no, error);
}

blok_status blok_downgrade_where(blok_downgrading *self, blok_error *error) {
  blok_dtype dtype = blok_down_dtype(self, blok_down_input(self, 1));
  if (dtype == BLOK_UNDEFINED) dtype = blok_down_dtype(self, blok_down_input(self, 2));
  blok_value_id c = blok_down_input(self, 0);
  blok_value_id yes = BLOK_NO_VALUE;
  blok_value_id no = BLOK_NO_VALUE;
  if (dtype == BLOK_BOOL) {
    BLOK_TRY(blok_down_before(self, "And", c, blok_down_input(self, 1), &yes, error));
    BLOK_TRY(blok_down_before(self, "Not", c, BLOK_NO_VALUE, &no, error));
    BLOK_TRY(blok_down_before(self, "And", no, blok_down_input(self, 2), &no, error));
    return blok_down_become(self, "Or", yes, no, error);
  }
  bool product = blok_dtype_is_float(dtype) || dtype == BLOK_I32 || dtype == BLOK_I64;
  if (product) return where_by_products(self, dtype, error);
  return blok_down_fail(self, error, "it came with 9");
}

// How often Tile repeats each axis. mask is 1 where that is the target's number, 0 where it is 1.
static blok_status repeats(blok_downgrading *self, const int64_t *mask, uint32_t rank,
                           blok_value_id *out, blok_error *error) {
  int64_t rest[BLOK_MAX_RANK], dims[1] = {rank};
  blok_value_id on = BLOK_NO_VALUE;
  blok_value_id off = BLOK_NO_VALUE;
  for (uint32_t i = 0; i < rank; i++) rest[i] = 1 - mask[i];
  BLOK_TRY(blok_down_numbers(self, "repeated", BLOK_I64, 1, dims, mask, &on, error));
  BLOK_TRY(blok_down_numbers(self, "kept", BLOK_I64, 1, dims, rest, &off, error));
  BLOK_TRY(blok_down_before(self, "Mul", blok_down_input(self, 1), on, &on, error));
  return blok_down_before(self, "Add", on, off, out, error);
}

// Expand came with 8: Tile repeats the axes of length 1.
blok_status blok_downgrade_expand(blok_downgrading *self, blok_error *error) {
  const blok_fact *x = blok_down_in(self, 0);
  const blok_fact *out = blok_down_out(self);
  const blok_fact *shape = blok_down_in(self, 1);
  int64_t mask[BLOK_MAX_RANK], axes[BLOK_MAX_RANK], counts[BLOK_MAX_RANK];
  bool fits = x->rank >= 0 && out->rank >= x->rank && shape->rank == 1 &&
              (shape->dims[0].value == out->rank || blok_fact_shaped(out));
  bool all = true;
  uint32_t rank = fits ? (uint32_t)out->rank : 0;
  uint32_t more = fits ? rank - (uint32_t)x->rank : 0;
  for (uint32_t i = 0; i < rank; i++) {
    blok_dim from = i < more ? blok_dim_of(1) : x->dims[i - more];
    bool same = blok_dim_same(from, out->dims[i]);
    fits = fits && (same || from.value == 1);
    mask[i] = same ? 0 : 1;
    counts[i] = same ? 1 : out->dims[i].value;
    all = all && (same || out->dims[i].value >= 0);
    if (i < more) axes[i] = i;
  }
  if (!fits) {
    return blok_down_fail(self, error, "it came with 8, and which axes it repeats is not known");
  }
  blok_value_id value = blok_down_input(self, 0);
  blok_value_id list = BLOK_NO_VALUE;
  if (all) {
    BLOK_TRY(blok_rewrite_ints(self->graph, self->node, "repeats", counts, rank, &list, error));
  } else {
    BLOK_TRY(repeats(self, mask, rank, &list, error));
  }
  if (more) BLOK_TRY(blok_down_unsqueeze(self, value, axes, more, &value, error));
  return blok_down_become(self, "Tile", value, list, error);
}

// ---- Max, Min, Sum, Mean ------------------------------------------------------------------------

static bool all_same_shape(const blok_downgrading *self) {
  for (uint32_t i = 1; i < blok_down_node(self)->n_inputs; i++) {
    if (!blok_same_shape(blok_down_in(self, 0), blok_down_in(self, i))) return false;
  }
  return true;
}

// Inputs by twos. At least two.
blok_status blok_downgrade_extreme(blok_downgrading *self, blok_error *error) {
  const char *op_type = blok_down_node(self)->op_type;
  uint32_t n = blok_down_node(self)->n_inputs;
  blok_dtype dtype = blok_down_dtype(self, blok_down_input(self, 0));
  bool taken = dtype == BLOK_UNDEFINED || blok_dtype_is_float(dtype);
  if (taken && (self->opset >= 8 || n < 2 || all_same_shape(self))) return BLOK_OK;
  blok_value_id value = blok_down_input(self, 0);
  for (uint32_t i = 1; i < n; i++) {
    blok_value_id next = blok_down_input(self, i);
    BLOK_TRY(blok_down_extreme(self, op_type, value, next, dtype, &value, error));
  }
  return blok_down_become(self, "Identity", value, BLOK_NO_VALUE, error);
}

// Sum and Mean did not broadcast below 8; Add did from 7 on.
blok_status blok_downgrade_sum(blok_downgrading *self, blok_error *error) {
  bool mean = strcmp(blok_down_node(self)->op_type, "Mean") == 0;
  uint32_t n = blok_down_node(self)->n_inputs;
  blok_value_id sum = blok_down_input(self, 0);
  blok_value_id last = blok_down_input(self, n ? n - 1 : 0);
  blok_dtype dtype = BLOK_UNDEFINED;
  if (n < 2 || all_same_shape(self)) return BLOK_OK;
  for (uint32_t i = 1; i + 1 < n; i++) {
    BLOK_TRY(blok_down_before(self, "Add", sum, blok_down_input(self, i), &sum, error));
  }
  if (!mean) return blok_down_become(self, "Add", sum, last, error);
  BLOK_TRY(blok_down_float(self, 0, &dtype, error));
  BLOK_TRY(blok_down_before(self, "Add", sum, last, &sum, error));
  BLOK_TRY(blok_down_number(self, "count", dtype, n, &last, error));
  return blok_down_become(self, "Div", sum, last, error);
}

// Below 12 the exponent had the base's type.
blok_status blok_downgrade_pow(blok_downgrading *self, blok_error *error) {
  blok_dtype base = blok_down_dtype(self, blok_down_input(self, 0));
  blok_dtype power = blok_down_dtype(self, blok_down_input(self, 1));
  const blok_tensor *tensor = NULL;
  blok_value_id value = blok_down_input(self, 1);
  if (base == power || base == BLOK_UNDEFINED || power == BLOK_UNDEFINED) return BLOK_OK;
  BLOK_TRY(blok_down_tensor(self, value, &tensor, error));
  if (tensor && tensor->rank == 0 && blok_dtype_is_float(base)) {
    BLOK_TRY(blok_down_number(self, "exponent", base, blok_ref_load(tensor, 0), &value, error));
  } else {
    BLOK_TRY(blok_down_cast(self, value, base, &value, error));
  }
  blok_graph_set_input(self->graph, self->node, 1, value);
  return BLOK_OK;
}
