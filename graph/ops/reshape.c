// Operators that change the shape and leave the elements where they are: Flatten, Reshape, Squeeze,
// Unsqueeze.
//
// Sizes are worked out by products of axes in which numbers are multiplied and symbols kept as they
// are: what stands on both sides cancels, so that [N, 3, 4] as [N, -1] or [-1, 12] resolves
// although N is not a number yet.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/geometry.h"
#include "graph/ops/ops.h"

typedef struct product {
  bool fits;  // the numbers' product does
  int64_t number;
  uint32_t n_symbols, n_unknown;
  const char *symbols[BLOK_MAX_RANK];
} product;

static const product product_one = {true, 1, 0, 0, {NULL}};

static void multiply(product *to, blok_dim dim) {
  if (dim.value >= 0) {
    if (!blok_mul_i64(to->number, dim.value, &to->number)) to->fits = false;
  } else if (dim.symbol) {
    to->symbols[to->n_symbols++] = dim.symbol;
  } else {
    to->n_unknown++;
  }
}

// Takes out the symbols that both have.
static void cancel(product *a, product *b) {
  for (uint32_t i = 0; i < a->n_symbols;) {
    uint32_t k = 0;
    while (k < b->n_symbols && strcmp(a->symbols[i], b->symbols[k]) != 0) k++;
    if (k == b->n_symbols) {
      i++;
      continue;
    }
    a->symbols[i] = a->symbols[--a->n_symbols];
    b->symbols[k] = b->symbols[--b->n_symbols];
  }
}

// The product as one axis.
static blok_dim product_dim(const product *of) {
  blok_dim dim = blok_dim_unknown();
  if (of->number == 0) return blok_dim_of(0);
  if (of->n_unknown > 0) return dim;
  if (of->n_symbols == 0) return blok_dim_of(of->number);
  if (of->n_symbols == 1 && of->number == 1) dim.symbol = of->symbols[0];
  return dim;
}

static blok_status fail_overflow(const blok_infer *context, const blok_fact *in,
                                 blok_error *error) {
  return blok_infer_fail(context, error, "the product of the axes of %s is too large",
                         blok_print_fact(in).text);
}

blok_status blok_infer_Flatten(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  if (!in || context->n_out == 0) return BLOK_OK;
  blok_dim dims[2] = {blok_dim_unknown(), blok_dim_unknown()};
  if (!blok_fact_ranked(in)) return blok_infer_set(context, 0, in->dtype, 2, dims, error);
  int64_t rank = in->rank;
  int64_t axis = blok_node_int(context->node, "axis", 1);
  if (axis < -rank || axis > rank) {
    return blok_infer_fail(context, error, "axis %lld is out of range for input %s",
                           (long long)axis, blok_print_fact(in).text);
  }
  if (axis < 0) axis += rank;
  product rows = product_one;
  product columns = product_one;
  for (int64_t i = 0; i < rank; i++) multiply(i < axis ? &rows : &columns, in->dims[i]);
  if (!rows.fits || !columns.fits) return fail_overflow(context, in, error);
  dims[0] = product_dim(&rows);
  dims[1] = product_dim(&columns);
  BLOK_TRY(blok_infer_set(context, 0, in->dtype, 2, dims, error));
  return blok_elements_pass(context, error);
}

// ---- Reshape ------------------------------------------------------------------------------------

typedef struct target {
  uint32_t rank;
  blok_dim dims[BLOK_MAX_RANK];
  int32_t rest;                // the axis given as -1; -1: none
  bool copied[BLOK_MAX_RANK];  // given as 0: the input's own axis
} target;

static blok_status fail_reshape(const blok_infer *context, const blok_fact *in, const target *to,
                                blok_error *error) {
  blok_fact out = *in;
  out.rank = (int32_t)to->rank;
  out.dims = to->dims;
  return blok_infer_fail(context, error, "input %s cannot take the shape %s",
                         blok_print_fact(in).text, blok_print_fact(&out).text);
}

// Reads the requested sizes.
static blok_status read_target(const blok_infer *context, const blok_fact *in,
                               const blok_element *sizes, target *to, blok_error *error) {
  bool zero_is_size = blok_node_int(context->node, "allowzero", 0) != 0;
  bool zero = false;
  to->rest = -1;
  for (uint32_t i = 0; i < to->rank; i++) {
    to->copied[i] = false;
    to->dims[i] = blok_dim_of_element(sizes[i]);
    if (!sizes[i].known) continue;
    if (sizes[i].value < -1 || (sizes[i].value == -1 && to->rest >= 0)) {
      return blok_infer_fail(context, error, "axis %u of the shape asked for is %lld%s", i,
                             (long long)sizes[i].value,
                             sizes[i].value == -1 ? ", and another one is, too" : "");
    }
    if (sizes[i].value == -1) to->rest = (int32_t)i;
    zero = zero || sizes[i].value == 0;
    if (sizes[i].value != 0 || zero_is_size) continue;
    to->dims[i] = blok_dim_unknown();
    if (!blok_fact_ranked(in)) continue;
    if (i >= (uint32_t)in->rank) {
      return blok_infer_fail(context, error,
                             "axis %u of the shape asked for is 0, which copies an axis that "
                             "input %s does not have",
                             i, blok_print_fact(in).text);
    }
    to->dims[i] = in->dims[i];
    to->copied[i] = true;
  }
  if (zero && zero_is_size && to->rest >= 0) {
    return blok_infer_fail(context, error,
                           "the shape asked for holds both 0 and -1, and allowzero is set");
  }
  return BLOK_OK;
}

// Works out the one axis that is still open from the number of elements, and checks that number.
static blok_status solve(const blok_infer *context, const blok_fact *in, target *to,
                         blok_error *error) {
  product have = product_one;
  product want = product_one;
  uint32_t open = 0;  // the last one, when there is any
  uint32_t n_open = 0;
  for (uint32_t i = 0; i < (uint32_t)in->rank; i++) {
    if (i >= to->rank || !to->copied[i]) multiply(&have, in->dims[i]);
  }
  for (uint32_t i = 0; i < to->rank; i++) {
    if (to->copied[i]) continue;
    if (to->dims[i].value < 0 && !to->dims[i].symbol) {
      open = i;
      n_open++;
    } else {
      multiply(&want, to->dims[i]);
    }
  }
  if (!have.fits || !want.fits) return fail_overflow(context, in, error);
  cancel(&have, &want);
  if (have.n_unknown > 0 || want.n_symbols > 0 || n_open > 1) return BLOK_OK;
  if (n_open == 0) {
    bool same = have.n_symbols > 0 || have.number == want.number;
    return same ? BLOK_OK : fail_reshape(context, in, to, error);
  }
  if (have.n_symbols == 0) {
    if (want.number == 0) {
      // Any size would do, so -1 says nothing.
      return to->rest >= 0 ? fail_reshape(context, in, to, error) : BLOK_OK;
    }
    if (have.number % want.number != 0) return fail_reshape(context, in, to, error);
    to->dims[open] = blok_dim_of(have.number / want.number);
  } else if (have.n_symbols == 1 && have.number == want.number && have.number != 0) {
    to->dims[open].symbol = have.symbols[0];
  }
  return BLOK_OK;
}

blok_status blok_infer_Reshape(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  const blok_fact *shape = blok_infer_in(context, 1);
  if (!in || context->n_out == 0) return BLOK_OK;
  int64_t length = blok_infer_length(shape);
  if (length > BLOK_MAX_RANK) {
    return blok_infer_fail(context, error, "the shape asked for has %lld axes, the limit is %u",
                           (long long)length, (unsigned)BLOK_MAX_RANK);
  }
  blok_element sizes[BLOK_FACT_ELEMENTS];
  target to;
  if (length < 0 || !blok_elements_get(shape, sizes, &to.rank)) {
    blok_infer_set_dtype(context, 0, in->dtype);
    return BLOK_OK;
  }
  BLOK_TRY(read_target(context, in, sizes, &to, error));
  if (blok_fact_ranked(in)) BLOK_TRY(solve(context, in, &to, error));
  BLOK_TRY(blok_infer_set(context, 0, in->dtype, to.rank, to.dims, error));
  return blok_elements_pass(context, error);
}

// ---- Squeeze and Unsqueeze ----------------------------------------------------------------------

static blok_status fail_axis(const blok_infer *context, const blok_fact *in, int64_t axis,
                             blok_error *error) {
  return blok_infer_fail(context, error, "axis %lld is out of range or named twice for input %s",
                         (long long)axis, blok_print_fact(in).text);
}

// n axes of unknown size; n negative or too many: not even the rank is known.
static blok_status set_rank(blok_infer *context, blok_dtype dtype, int64_t n, blok_error *error) {
  blok_dim dims[BLOK_MAX_RANK];
  if (n < 0 || n > BLOK_MAX_RANK) {
    blok_infer_set_dtype(context, 0, dtype);
    return BLOK_OK;
  }
  for (int64_t i = 0; i < n; i++) dims[i] = blok_dim_unknown();
  return blok_infer_set(context, 0, dtype, (uint32_t)n, dims, error);
}

blok_status blok_infer_Squeeze(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  const blok_fact *axes_fact = blok_infer_in(context, 1);
  if (!in || context->n_out == 0) return BLOK_OK;
  if (!blok_fact_ranked(in)) return set_rank(context, in->dtype, -1, error);
  uint32_t rank = (uint32_t)in->rank;
  bool gone[BLOK_MAX_RANK] = {false};
  int64_t axes[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (axes_fact) {
    if (!blok_infer_ints(context, 1, axes, BLOK_FACT_ELEMENTS, &n)) {
      int64_t length = blok_infer_length(axes_fact);
      return set_rank(context, in->dtype, length < 0 ? -1 : in->rank - length, error);
    }
    int64_t bad = 0;
    if (!blok_axes_mark(axes, n, rank, gone, &bad)) return fail_axis(context, in, bad, error);
  } else {
    for (uint32_t i = 0; i < rank; i++) {
      if (!blok_dim_known(in->dims[i])) return set_rank(context, in->dtype, -1, error);
      gone[i] = in->dims[i].value == 1;
    }
  }
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t kept = 0;
  for (uint32_t i = 0; i < rank; i++) {
    if (!gone[i]) {
      dims[kept++] = in->dims[i];
    } else if (blok_dim_known(in->dims[i]) && in->dims[i].value != 1) {
      return blok_infer_fail(context, error, "axis %u of input %s is not 1", i,
                             blok_print_fact(in).text);
    }
  }
  BLOK_TRY(blok_infer_set(context, 0, in->dtype, kept, dims, error));
  return blok_elements_pass(context, error);
}

blok_status blok_infer_Unsqueeze(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  const blok_fact *axes_fact = blok_infer_in(context, 1);
  if (!in || context->n_out == 0) return BLOK_OK;
  if (!blok_fact_ranked(in)) return set_rank(context, in->dtype, -1, error);
  int64_t axes[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (!axes_fact || !blok_infer_ints(context, 1, axes, BLOK_FACT_ELEMENTS, &n)) {
    int64_t length = blok_infer_length(axes_fact);
    return set_rank(context, in->dtype,
                    length < 0 || length > BLOK_MAX_RANK ? -1 : in->rank + length, error);
  }
  uint32_t rank = (uint32_t)in->rank + n;
  if (rank > BLOK_MAX_RANK) {
    return blok_infer_fail(context, error, "input %s with %u axes more passes the limit of %u",
                           blok_print_fact(in).text, n, (unsigned)BLOK_MAX_RANK);
  }
  bool made[BLOK_MAX_RANK] = {false};
  int64_t bad = 0;
  if (!blok_axes_mark(axes, n, rank, made, &bad)) return fail_axis(context, in, bad, error);
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t next = 0;
  for (uint32_t i = 0; i < rank; i++) dims[i] = made[i] ? blok_dim_of(1) : in->dims[next++];
  BLOK_TRY(blok_infer_set(context, 0, in->dtype, rank, dims, error));
  return blok_elements_pass(context, error);
}
