// Max and Min of any number of inputs, which are broadcast against each other.
#include <math.h>

#include "base/error.h"
#include "reference/reference.h"
#include "reference/rows.h"
#include "reference/walk.h"

typedef struct extreme {
  bool greatest;  // Max
  bool is_unsigned;
  bool integers;
} extreme;

static bool exceeds(int64_t a, int64_t b, bool is_unsigned) {
  return is_unsigned ? (uint64_t)a > (uint64_t)b : a > b;
}

static void integer_piece(const extreme *of, int64_t *best, const int64_t *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    bool better = of->greatest ? exceeds(x[i], best[i], of->is_unsigned)
                               : exceeds(best[i], x[i], of->is_unsigned);
    if (better) best[i] = x[i];
  }
}

// NaN on either side gives NaN: nothing compares with it.
static void float_piece(const extreme *of, double *best, const double *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    bool better = of->greatest ? x[i] > best[i] : x[i] < best[i];
    if (better || isnan(x[i])) best[i] = x[i];
  }
}

// Takes one row of an input into the output, which holds the best of the inputs before it; the
// first is copied.
static void take_row(const extreme *of, const blok_walk *walk, const blok_tensor *in,
                     const blok_tensor *out, bool first) {
  int64_t integers[2][BLOK_ROW];
  double floats[2][BLOK_ROW];
  for (int64_t from = 0; from < walk->length; from += BLOK_ROW) {
    int64_t left = walk->length - from;
    size_t n = left < BLOK_ROW ? (size_t)left : BLOK_ROW;
    int64_t at = walk->offset[0] + from;
    int64_t in_at = walk->offset[1] + from * walk->step[1];
    if (of->integers) {
      int64_t *best = first ? integers[1] : integers[0];
      blok_row_load_i64(in, in_at, walk->step[1], n, integers[1]);
      if (!first) {
        blok_row_load_i64(out, at, 1, n, best);
        integer_piece(of, best, integers[1], n);
      }
      blok_row_store_i64(out, at, n, best);
    } else {
      double *best = first ? floats[1] : floats[0];
      blok_row_load(in, in_at, walk->step[1], n, floats[1]);
      if (!first) {
        blok_row_load(out, at, 1, n, best);
        float_piece(of, best, floats[1], n);
      }
      blok_ref_store_many(out, (size_t)at, n, best);
    }
  }
}

blok_status blok_ref_Extreme(blok_ref_call *call, blok_error *error) {
  const blok_tensor *out = call->out[0];
  extreme of = {.greatest = call->node->op == BLOK_OP_Max,
                .is_unsigned = blok_dtype_is_unsigned(out->dtype),
                .integers = blok_dtype_is_integer(out->dtype)};
  if (!of.integers && !blok_dtype_is_float(out->dtype)) {
    return blok_ref_unsupported_type(call, error, out->dtype);
  }
  for (uint32_t k = 0; k < call->n_in; k++) {
    const blok_tensor *in = call->in[k];
    if (!in) return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %u is missing", k);
    if (in->dtype != out->dtype) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "element types %s and %s do not go together",
                           blok_dtype_name(out->dtype), blok_dtype_name(in->dtype));
    }
  }
  for (uint32_t k = 0; k < call->n_in; k++) {
    blok_walk walk;
    for (bool more = blok_walk_broadcast(&walk, out, &call->in[k], 1); more;
         more = blok_walk_next(&walk)) {
      take_row(&of, &walk, call->in[k], out, k == 0);
    }
  }
  return BLOK_OK;
}
