// Elementwise operators of several inputs, which are broadcast against each other: the arithmetic
// of two, PRelu, Sum, Mean, Equal and Where. Max, Min and Pow have files of their own.
#include <blok/session.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "reference/reference.h"
#include "reference/rows.h"
#include "reference/walk.h"

static size_t piece(int64_t length, int64_t from) {
  return length - from < BLOK_ROW ? (size_t)(length - from) : BLOK_ROW;
}

static blok_status check_same_type(const blok_ref_call *call, const blok_tensor *a,
                                   const blok_tensor *b, blok_error *error) {
  if (a->dtype == b->dtype) return BLOK_OK;
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "element types %s and %s do not go together",
                       blok_dtype_name(a->dtype), blok_dtype_name(b->dtype));
}

// ---- Arithmetic of two --------------------------------------------------------------------------

// The operators as the loops below tell them apart.
typedef enum arithmetic { ADD, SUB, MUL, DIV, MOD_FLOOR, MOD_TRUNC, PRELU } arithmetic;

// The result has the sign of b; what is divided by 0 is NaN.
static double floor_mod(double a, double b) {
  double rest = fmod(a, b);
  if (rest == 0.0) return copysign(0.0, b);
  return (rest < 0.0) != (b < 0.0) ? rest + b : rest;
}

static void float_row(arithmetic op, const double *a, const double *b, double *out, size_t n) {
  switch (op) {
    case ADD:
      for (size_t i = 0; i < n; i++) out[i] = a[i] + b[i];
      break;
    case SUB:
      for (size_t i = 0; i < n; i++) out[i] = a[i] - b[i];
      break;
    case MUL:
      for (size_t i = 0; i < n; i++) out[i] = a[i] * b[i];
      break;
    case DIV:
      for (size_t i = 0; i < n; i++) out[i] = a[i] / b[i];
      break;
    case MOD_FLOOR:
      for (size_t i = 0; i < n; i++) out[i] = floor_mod(a[i], b[i]);
      break;
    case MOD_TRUNC:
      for (size_t i = 0; i < n; i++) out[i] = fmod(a[i], b[i]);
      break;
    case PRELU:
      for (size_t i = 0; i < n; i++) out[i] = a[i] < 0.0 ? a[i] * b[i] : a[i];
      break;
  }
}

// One f32 operation rounds once, as the detour by double does.
static bool f32_row(arithmetic op, const float *a, int64_t step_a, const float *b, int64_t step_b,
                    float *out, int64_t n) {
#define LOOP(sign)                                                             \
  if (step_a == 1 && step_b == 1) {                                            \
    for (int64_t i = 0; i < n; i++) out[i] = a[i] sign b[i];                   \
  } else {                                                                     \
    for (int64_t i = 0; i < n; i++) out[i] = a[i * step_a] sign b[i * step_b]; \
  }                                                                            \
  return true
  switch (op) {
    case ADD:
      LOOP(+);
    case SUB:
      LOOP(-);
    case MUL:
      LOOP(*);
    case DIV:
      LOOP(/);
    case MOD_FLOOR:
    case MOD_TRUNC:
    case PRELU:
      break;
  }
#undef LOOP
  return false;
}

// Wraps. Division and remainder of signed numbers; b is not 0.
static int64_t signed_op(arithmetic op, int64_t a, int64_t b) {
  switch (op) {
    case ADD:
      return (int64_t)((uint64_t)a + (uint64_t)b);
    case SUB:
      return (int64_t)((uint64_t)a - (uint64_t)b);
    case MUL:
      return (int64_t)((uint64_t)a * (uint64_t)b);
    case DIV:
      return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
    case MOD_TRUNC:
      return b == -1 ? 0 : a % b;
    case MOD_FLOOR: {
      int64_t rest = b == -1 ? 0 : a % b;
      return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    }
    case PRELU:
      return a < 0 ? (int64_t)((uint64_t)a * (uint64_t)b) : a;
  }
  return 0;
}

static int64_t unsigned_op(arithmetic op, int64_t a, int64_t b) {
  if (op == DIV) return (int64_t)((uint64_t)a / (uint64_t)b);
  if (op == MOD_FLOOR || op == MOD_TRUNC) return (int64_t)((uint64_t)a % (uint64_t)b);
  return op == PRELU ? a : signed_op(op, a, b);
}

static blok_status integer_rows(const blok_ref_call *call, arithmetic op, const blok_walk *walk,
                                const blok_tensor *a, const blok_tensor *b, const blok_tensor *out,
                                blok_error *error) {
  int64_t left[BLOK_ROW];
  int64_t right[BLOK_ROW];
  bool is_unsigned = blok_dtype_is_unsigned(a->dtype);
  bool divides = op == DIV || op == MOD_FLOOR || op == MOD_TRUNC;
  for (int64_t from = 0; from < walk->length; from += BLOK_ROW) {
    size_t n = piece(walk->length, from);
    blok_row_load_i64(a, walk->offset[1] + from * walk->step[1], walk->step[1], n, left);
    blok_row_load_i64(b, walk->offset[2] + from * walk->step[2], walk->step[2], n, right);
    for (size_t i = 0; i < n; i++) {
      if (divides && right[i] == 0) {
        return blok_ref_fail(call, error, BLOK_E_SHAPE, "integer division by zero");
      }
      left[i] = is_unsigned ? unsigned_op(op, left[i], right[i]) : signed_op(op, left[i], right[i]);
    }
    blok_row_store_i64(out, walk->offset[0] + from, n, left);
  }
  return BLOK_OK;
}

static void float_rows(arithmetic op, const blok_walk *walk, const blok_tensor *a,
                       const blok_tensor *b, const blok_tensor *out) {
  double left[BLOK_ROW];
  double right[BLOK_ROW];
  if (out->dtype == BLOK_F32 && f32_row(op, (const float *)a->data + walk->offset[1], walk->step[1],
                                        (const float *)b->data + walk->offset[2], walk->step[2],
                                        (float *)out->data + walk->offset[0], walk->length)) {
    return;
  }
  for (int64_t from = 0; from < walk->length; from += BLOK_ROW) {
    size_t n = piece(walk->length, from);
    blok_row_load(a, walk->offset[1] + from * walk->step[1], walk->step[1], n, left);
    blok_row_load(b, walk->offset[2] + from * walk->step[2], walk->step[2], n, right);
    float_row(op, left, right, left, n);
    blok_ref_store_many(out, (size_t)(walk->offset[0] + from), n, left);
  }
}

static blok_status compute(const blok_ref_call *call, arithmetic op, blok_error *error) {
  const blok_tensor *in[2] = {call->in[0], call->in[1]};
  const blok_tensor *out = call->out[0];
  blok_walk walk;
  BLOK_TRY(check_same_type(call, in[0], in[1], error));
  bool integers = blok_dtype_is_integer(in[0]->dtype);
  if (!integers && !blok_dtype_is_float(in[0]->dtype)) {
    return blok_ref_unsupported_type(call, error, in[0]->dtype);
  }
  for (bool more = blok_walk_broadcast(&walk, out, in, 2); more; more = blok_walk_next(&walk)) {
    if (integers) {
      BLOK_TRY(integer_rows(call, op, &walk, in[0], in[1], out, error));
    } else {
      float_rows(op, &walk, in[0], in[1], out);
    }
  }
  return BLOK_OK;
}

blok_status blok_ref_Binary(blok_ref_call *call, blok_error *error) {
  switch ((int)call->node->op) {
    case BLOK_OP_Add:
      return compute(call, ADD, error);
    case BLOK_OP_Sub:
      return compute(call, SUB, error);
    case BLOK_OP_Mul:
      return compute(call, MUL, error);
    case BLOK_OP_Div:
      return compute(call, DIV, error);
    case BLOK_OP_Mod:
      return compute(call, blok_node_int(call->node, "fmod", 0) ? MOD_TRUNC : MOD_FLOOR, error);
    default:
      return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED, "this build has no such arithmetic");
  }
}

blok_status blok_ref_PRelu(blok_ref_call *call, blok_error *error) {
  return compute(call, PRELU, error);
}

// ---- Sum, Mean ----------------------------------------------------------------------------------

blok_status blok_ref_Sum(blok_ref_call *call, blok_error *error) {
  const blok_tensor *out = call->out[0];
  size_t count = blok_ref_count(out);
  double *sums = NULL;
  if (!blok_dtype_is_float(out->dtype)) return blok_ref_unsupported_type(call, error, out->dtype);
  for (uint32_t k = 0; k < call->n_in; k++) {
    if (!call->in[k]) return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %u is missing", k);
    BLOK_TRY(check_same_type(call, out, call->in[k], error));
  }
  BLOK_TRY(blok_ref_scratch(call, count, sizeof *sums, &sums, error));
  for (uint32_t k = 0; k < call->n_in; k++) {
    double row[BLOK_ROW];
    blok_walk walk;
    for (bool more = blok_walk_broadcast(&walk, out, &call->in[k], 1); more;
         more = blok_walk_next(&walk)) {
      for (int64_t from = 0; from < walk.length; from += BLOK_ROW) {
        size_t n = piece(walk.length, from);
        double *to = sums + walk.offset[0] + from;
        blok_row_load(call->in[k], walk.offset[1] + from * walk.step[1], walk.step[1], n, row);
        for (size_t i = 0; i < n; i++) to[i] = k == 0 ? row[i] : to[i] + row[i];
      }
    }
  }
  if (call->node->op == BLOK_OP_Mean) {
    for (size_t i = 0; i < count; i++) sums[i] /= (double)call->n_in;
  }
  blok_ref_store_many(out, 0, count, sums);
  blok_free(call->allocator, sums);
  return BLOK_OK;
}

// ---- Equal --------------------------------------------------------------------------------------

static bool same_text(const blok_text *a, const blok_text *b) {
  return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

static void equal_row(const blok_walk *walk, const blok_tensor *a, const blok_tensor *b,
                      uint8_t *out) {
  double x[BLOK_ROW];
  double y[BLOK_ROW];
  int64_t m[BLOK_ROW];
  int64_t k[BLOK_ROW];
  for (int64_t from = 0; from < walk->length; from += BLOK_ROW) {
    size_t n = piece(walk->length, from);
    int64_t at_a = walk->offset[1] + from * walk->step[1];
    int64_t at_b = walk->offset[2] + from * walk->step[2];
    if (a->dtype == BLOK_STRING) {
      const blok_text *left = (const blok_text *)a->data + at_a;
      const blok_text *right = (const blok_text *)b->data + at_b;
      for (size_t i = 0; i < n; i++) {
        out[from + (int64_t)i] =
            same_text(left + (int64_t)i * walk->step[1], right + (int64_t)i * walk->step[2]);
      }
    } else if (blok_dtype_is_float(a->dtype)) {
      blok_row_load(a, at_a, walk->step[1], n, x);
      blok_row_load(b, at_b, walk->step[2], n, y);
      for (size_t i = 0; i < n; i++) out[from + (int64_t)i] = x[i] == y[i];
    } else {
      blok_row_load_i64(a, at_a, walk->step[1], n, m);
      blok_row_load_i64(b, at_b, walk->step[2], n, k);
      for (size_t i = 0; i < n; i++) out[from + (int64_t)i] = m[i] == k[i];
    }
  }
}

blok_status blok_ref_Equal(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in[2] = {call->in[0], call->in[1]};
  const blok_tensor *out = call->out[0];
  blok_walk walk;
  BLOK_TRY(check_same_type(call, in[0], in[1], error));
  blok_dtype dtype = in[0]->dtype;
  if (!blok_dtype_is_float(dtype) && !blok_dtype_is_integer(dtype) && dtype != BLOK_BOOL &&
      dtype != BLOK_STRING) {
    return blok_ref_unsupported_type(call, error, dtype);
  }
  for (bool more = blok_walk_broadcast(&walk, out, in, 2); more; more = blok_walk_next(&walk)) {
    equal_row(&walk, in[0], in[1], (uint8_t *)out->data + walk.offset[0]);
  }
  return BLOK_OK;
}

// ---- Where --------------------------------------------------------------------------------------

static void where_row(const blok_walk *walk, size_t size, const uint8_t *condition,
                      const unsigned char *x, const unsigned char *y, unsigned char *out) {
  ptrdiff_t step_x = (ptrdiff_t)(walk->step[2] * (int64_t)size);
  ptrdiff_t step_y = (ptrdiff_t)(walk->step[3] * (int64_t)size);
  for (int64_t i = 0; i < walk->length; i++) {
    bool left = condition[i * walk->step[1]] != 0;
    const unsigned char *from = left ? x + i * step_x : y + i * step_y;
    if (size == 4) {
      memcpy(out + i * 4, from, 4);
    } else {
      memcpy(out + i * (ptrdiff_t)size, from, size);
    }
  }
}

blok_status blok_ref_Where(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in[3] = {call->in[0], call->in[1], call->in[2]};
  const blok_tensor *out = call->out[0];
  blok_walk walk;
  size_t size = blok_dtype_size(in[1]->dtype);
  BLOK_TRY(check_same_type(call, in[1], in[2], error));
  if (size == 0) return blok_ref_unsupported_type(call, error, in[1]->dtype);
  if (in[0]->dtype != BLOK_BOOL) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "the condition is %s instead of bool",
                         blok_dtype_name(in[0]->dtype));
  }
  for (bool more = blok_walk_broadcast(&walk, out, in, 3); more; more = blok_walk_next(&walk)) {
    where_row(&walk, size, (const uint8_t *)in[0]->data + walk.offset[1],
              (const unsigned char *)in[1]->data + walk.offset[2] * (ptrdiff_t)size,
              (const unsigned char *)in[2]->data + walk.offset[3] * (ptrdiff_t)size,
              (unsigned char *)out->data + walk.offset[0] * (ptrdiff_t)size);
  }
  return BLOK_OK;
}
