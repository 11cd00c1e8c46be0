// Pow: the result has the type of the base; the exponent may be of another type.
#include <math.h>

#include "base/error.h"
#include "reference/reference.h"
#include "reference/rows.h"
#include "reference/walk.h"

// Wraps, by squaring.
static int64_t repeated(int64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (uint64_t square = (uint64_t)base; exponent > 0; exponent >>= 1) {
    if (exponent & 1) result *= square;
    square *= square;
  }
  return (int64_t)result;
}

// base to a negative power, towards zero; base is not 0.
static int64_t inverse(int64_t base, bool odd, bool is_unsigned) {
  if (base == 1) return 1;
  if (base == -1 && !is_unsigned) return odd ? -1 : 1;
  return 0;
}

static blok_status divides_by_zero(const blok_ref_call *call, blok_error *error) {
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "integer 0 to a negative power");
}

static blok_status by_integers(const blok_ref_call *call, int64_t *base, const int64_t *exponent,
                               size_t n, blok_error *error) {
  bool is_unsigned = blok_dtype_is_unsigned(call->in[0]->dtype);
  bool signed_exponent = !blok_dtype_is_unsigned(call->in[1]->dtype);
  for (size_t i = 0; i < n; i++) {
    if (signed_exponent && exponent[i] < 0) {
      if (base[i] == 0) return divides_by_zero(call, error);
      base[i] = inverse(base[i], (exponent[i] & 1) != 0, is_unsigned);
    } else {
      base[i] = repeated(base[i], (uint64_t)exponent[i]);
    }
  }
  return BLOK_OK;
}

// Whole exponents are taken exactly, others by way of double: see blok_ref_store.
static blok_status by_floats(const blok_ref_call *call, const blok_tensor *out, int64_t at,
                             int64_t *base, const double *exponent, size_t n, blok_error *error) {
  bool is_unsigned = blok_dtype_is_unsigned(call->in[0]->dtype);
  for (size_t i = 0; i < n; i++) {
    double e = exponent[i];
    if (e < 0.0 && base[i] == 0) return divides_by_zero(call, error);
    if (e >= 0.0 && e < 0x1p63 && e == floor(e)) {
      blok_ref_store_i64(out, (size_t)at + i, repeated(base[i], (uint64_t)e));
    } else {
      double x = is_unsigned ? (double)(uint64_t)base[i] : (double)base[i];
      blok_ref_store(out, (size_t)at + i, pow(x, e));
    }
  }
  return BLOK_OK;
}

static blok_status integer_piece(const blok_ref_call *call, const blok_walk *walk, int64_t from,
                                 size_t n, blok_error *error) {
  int64_t base[BLOK_ROW];
  int64_t whole[BLOK_ROW];
  double exponent[BLOK_ROW];
  const blok_tensor *out = call->out[0];
  int64_t at = walk->offset[0] + from;
  int64_t exponent_at = walk->offset[2] + from * walk->step[2];
  blok_row_load_i64(call->in[0], walk->offset[1] + from * walk->step[1], walk->step[1], n, base);
  if (blok_dtype_is_float(call->in[1]->dtype)) {
    blok_row_load(call->in[1], exponent_at, walk->step[2], n, exponent);
    return by_floats(call, out, at, base, exponent, n, error);
  }
  blok_row_load_i64(call->in[1], exponent_at, walk->step[2], n, whole);
  BLOK_TRY(by_integers(call, base, whole, n, error));
  blok_row_store_i64(out, at, n, base);
  return BLOK_OK;
}

static void float_piece(const blok_ref_call *call, const blok_walk *walk, int64_t from, size_t n) {
  double base[BLOK_ROW];
  double exponent[BLOK_ROW];
  blok_row_load(call->in[0], walk->offset[1] + from * walk->step[1], walk->step[1], n, base);
  blok_row_load(call->in[1], walk->offset[2] + from * walk->step[2], walk->step[2], n, exponent);
  for (size_t i = 0; i < n; i++) base[i] = pow(base[i], exponent[i]);
  blok_ref_store_many(call->out[0], (size_t)(walk->offset[0] + from), n, base);
}

blok_status blok_ref_Pow(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in[2] = {call->in[0], call->in[1]};
  const blok_tensor *out = call->out[0];
  blok_walk walk;
  for (uint32_t i = 0; i < 2; i++) {
    if (!blok_dtype_is_float(in[i]->dtype) && !blok_dtype_is_integer(in[i]->dtype)) {
      return blok_ref_unsupported_type(call, error, in[i]->dtype);
    }
  }
  bool integers = blok_dtype_is_integer(in[0]->dtype);
  for (bool more = blok_walk_broadcast(&walk, out, in, 2); more; more = blok_walk_next(&walk)) {
    for (int64_t from = 0; from < walk.length; from += BLOK_ROW) {
      int64_t left = walk.length - from;
      size_t n = left < BLOK_ROW ? (size_t)left : BLOK_ROW;
      if (integers) {
        BLOK_TRY(integer_piece(call, &walk, from, n, error));
      } else {
        float_piece(call, &walk, from, n);
      }
    }
  }
  return BLOK_OK;
}
