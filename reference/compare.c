// Elementwise operators whose result is bool: the comparisons by order, logic, and the tests for
// NaN and infinity.
#include <math.h>

#include "base/error.h"
#include "reference/reference.h"
#include "reference/rows.h"
#include "reference/walk.h"

static size_t piece(int64_t length, int64_t from) {
  return length - from < BLOK_ROW ? (size_t)(length - from) : BLOK_ROW;
}

static blok_status check_same_type(const blok_ref_call *call, blok_error *error) {
  const blok_tensor *a = call->in[0];
  const blok_tensor *b = call->in[1];
  if (a->dtype == b->dtype) return BLOK_OK;
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "element types %s and %s do not go together",
                       blok_dtype_name(a->dtype), blok_dtype_name(b->dtype));
}

// ---- Less, Greater, LessOrEqual, GreaterOrEqual -------------------------------------------------

// What the operator accepts. Nothing is true of a NaN.
typedef struct order {
  bool less, equal, greater;
} order;

static bool accepts_float(const order *of, double a, double b) {
  return (of->less && a < b) || (of->equal && a == b) || (of->greater && a > b);
}

static bool accepts_integer(const order *of, int64_t a, int64_t b, bool is_unsigned) {
  bool less = is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
  return (of->less && less) || (of->equal && a == b) || (of->greater && !less && a != b);
}

static void compare_row(const order *of, const blok_walk *walk, const blok_tensor *a,
                        const blok_tensor *b, uint8_t *out) {
  double x[BLOK_ROW], y[BLOK_ROW];
  int64_t m[BLOK_ROW], k[BLOK_ROW];
  bool is_unsigned = blok_dtype_is_unsigned(a->dtype);
  for (int64_t from = 0; from < walk->length; from += BLOK_ROW) {
    size_t n = piece(walk->length, from);
    int64_t at_a = walk->offset[1] + from * walk->step[1];
    int64_t at_b = walk->offset[2] + from * walk->step[2];
    if (blok_dtype_is_float(a->dtype)) {
      blok_row_load(a, at_a, walk->step[1], n, x);
      blok_row_load(b, at_b, walk->step[2], n, y);
      for (size_t i = 0; i < n; i++) out[from + (int64_t)i] = accepts_float(of, x[i], y[i]);
    } else {
      blok_row_load_i64(a, at_a, walk->step[1], n, m);
      blok_row_load_i64(b, at_b, walk->step[2], n, k);
      for (size_t i = 0; i < n; i++) {
        out[from + (int64_t)i] = accepts_integer(of, m[i], k[i], is_unsigned);
      }
    }
  }
}

blok_status blok_ref_Compare(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in[2] = {call->in[0], call->in[1]};
  blok_op op = call->node->op;
  order of = {.less = op == BLOK_OP_Less || op == BLOK_OP_LessOrEqual,
              .equal = op == BLOK_OP_LessOrEqual || op == BLOK_OP_GreaterOrEqual,
              .greater = op == BLOK_OP_Greater || op == BLOK_OP_GreaterOrEqual};
  blok_walk walk;
  BLOK_TRY(check_same_type(call, error));
  if (!blok_dtype_is_float(in[0]->dtype) && !blok_dtype_is_integer(in[0]->dtype)) {
    return blok_ref_unsupported_type(call, error, in[0]->dtype);
  }
  for (bool more = blok_walk_broadcast(&walk, call->out[0], in, 2); more;
       more = blok_walk_next(&walk)) {
    compare_row(&of, &walk, in[0], in[1], (uint8_t *)call->out[0]->data + walk.offset[0]);
  }
  return BLOK_OK;
}

// ---- And, Or, Xor, Not --------------------------------------------------------------------------

static void logic_row(blok_op op, const blok_walk *walk, const uint8_t *a, const uint8_t *b,
                      uint8_t *out) {
  for (int64_t i = 0; i < walk->length; i++) {
    bool x = a[i * walk->step[1]] != 0, y = b[i * walk->step[2]] != 0;
    out[i] = op == BLOK_OP_And ? x && y : op == BLOK_OP_Or ? x || y : x != y;
  }
}

blok_status blok_ref_Logic(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in[2] = {call->in[0], call->in[1]};
  blok_walk walk;
  BLOK_TRY(check_same_type(call, error));
  if (in[0]->dtype != BLOK_BOOL) return blok_ref_unsupported_type(call, error, in[0]->dtype);
  for (bool more = blok_walk_broadcast(&walk, call->out[0], in, 2); more;
       more = blok_walk_next(&walk)) {
    logic_row(call->node->op, &walk, (const uint8_t *)in[0]->data + walk.offset[1],
              (const uint8_t *)in[1]->data + walk.offset[2],
              (uint8_t *)call->out[0]->data + walk.offset[0]);
  }
  return BLOK_OK;
}

blok_status blok_ref_Not(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  if (in->dtype != BLOK_BOOL) return blok_ref_unsupported_type(call, error, in->dtype);
  size_t count = blok_ref_count(in);
  const uint8_t *from = in->data;
  uint8_t *to = call->out[0]->data;
  for (size_t i = 0; i < count; i++) to[i] = from[i] == 0;
  return BLOK_OK;
}

// ---- IsNaN, IsInf -------------------------------------------------------------------------------

blok_status blok_ref_Test(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  if (!blok_dtype_is_float(in->dtype)) return blok_ref_unsupported_type(call, error, in->dtype);
  bool infinity = call->node->op == BLOK_OP_IsInf;
  bool above = blok_node_int(call->node, "detect_positive", 1) != 0;
  bool below = blok_node_int(call->node, "detect_negative", 1) != 0;
  size_t count = blok_ref_count(in);
  uint8_t *to = call->out[0]->data;
  for (size_t i = 0; i < count; i++) {
    double x = blok_ref_load(in, i);
    bool found = infinity ? isinf(x) && (x > 0.0 ? above : below) : isnan(x);
    to[i] = found;
  }
  return BLOK_OK;
}
