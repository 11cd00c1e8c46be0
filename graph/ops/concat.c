// Concat: inputs joined along one axis.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

// Two axes that must agree: the one of which more is known. False when they are different numbers.
static bool agree(blok_dim a, blok_dim b, blok_dim *out) {
  if (a.value >= 0 && b.value >= 0 && a.value != b.value) return false;
  *out = a.value >= 0 || (a.symbol && b.value < 0) ? a : b;
  return true;
}

// The sum of two axes: a symbol survives only where nothing is added to it.
static bool add(blok_dim a, blok_dim b, blok_dim *out) {
  *out = blok_dim_unknown();
  if (a.value >= 0 && b.value >= 0) return blok_add_i64(a.value, b.value, &out->value);
  if (a.value == 0) *out = b;
  if (b.value == 0) *out = a;
  return true;
}

static blok_status concat_elements(blok_infer *context, blok_error *error) {
  blok_element all[BLOK_FACT_ELEMENTS];
  uint32_t n_all = 0;
  for (uint32_t i = 0; i < context->n_in; i++) {
    blok_element items[BLOK_FACT_ELEMENTS];
    uint32_t n = 0;
    if (!blok_elements_get(blok_infer_in(context, i), items, &n)) return BLOK_OK;
    if (n > BLOK_FACT_ELEMENTS - n_all) return BLOK_OK;
    if (n > 0) memcpy(all + n_all, items, n * sizeof *items);
    n_all += n;
  }
  return blok_elements_put(context, 0, all, n_all, error);
}

blok_status blok_infer_Concat(blok_infer *context, blok_error *error) {
  const blok_fact *first = NULL;  // of known rank
  blok_dtype dtype = BLOK_UNDEFINED;
  bool all_ranked = true;
  if (context->n_out == 0) return BLOK_OK;
  for (uint32_t i = 0; i < context->n_in; i++) {
    const blok_fact *in = blok_infer_in(context, i);
    if (!in || !blok_fact_ranked(in)) all_ranked = false;
    if (!in) continue;
    if (blok_fact_ranked(in) && !first) first = in;
    if (dtype == BLOK_UNDEFINED) dtype = in->dtype;
    if (in->dtype != BLOK_UNDEFINED && in->dtype != dtype) {
      return blok_infer_fail(context, error, "element types %s and %s do not go together",
                             blok_dtype_name(dtype), blok_dtype_name(in->dtype));
    }
  }
  if (!first) {
    blok_infer_set_dtype(context, 0, dtype);
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)first->rank;
  uint32_t axis = 0;
  BLOK_TRY(blok_infer_axis(context, first, &axis, error));
  blok_dim dims[BLOK_MAX_RANK];
  memcpy(dims, first->dims, rank * sizeof *dims);
  dims[axis] = blok_dim_of(0);
  for (uint32_t i = 0; i < context->n_in; i++) {
    const blok_fact *in = blok_infer_in(context, i);
    if (!blok_fact_ranked(in)) continue;
    bool fits = (uint32_t)in->rank == rank;
    for (uint32_t k = 0; fits && k < rank; k++) {
      fits =
          k == axis ? add(dims[k], in->dims[k], &dims[k]) : agree(dims[k], in->dims[k], &dims[k]);
    }
    if (!fits) {
      return blok_infer_fail(context, error, "inputs %s and %s cannot be joined along axis %u",
                             blok_print_fact(first).text, blok_print_fact(in).text, axis);
    }
  }
  if (!all_ranked) dims[axis] = blok_dim_unknown();
  BLOK_TRY(blok_infer_set(context, 0, dtype, rank, dims, error));
  return rank == 1 && all_ranked ? concat_elements(context, error) : BLOK_OK;
}
