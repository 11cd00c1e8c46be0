// Split: an axis cut into parts.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/geometry.h"
#include "graph/ops/ops.h"

// The sizes that input split gives; *all when each is a number.
static blok_status given_parts(const blok_infer *context, const blok_fact *in, uint32_t axis,
                               blok_dim *parts, bool *all, blok_error *error) {
  blok_element sizes[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  *all = false;
  if (!blok_elements_get(blok_infer_in(context, 1), sizes, &n)) return BLOK_OK;
  if (n != context->n_out) {
    return blok_infer_fail(context, error, "%u sizes for %u outputs", n, context->n_out);
  }
  int64_t sum = 0;
  *all = true;
  for (uint32_t i = 0; i < n; i++) {
    if (sizes[i].known && (sizes[i].value < 0 || !blok_add_i64(sum, sizes[i].value, &sum))) {
      return blok_infer_fail(context, error, "size %lld of output %u is not possible",
                             (long long)sizes[i].value, i);
    }
    *all = *all && sizes[i].known;
    parts[i] = blok_dim_of_element(sizes[i]);
  }
  if (*all && in->dims[axis].value >= 0 && sum != in->dims[axis].value) {
    return blok_infer_fail(context, error,
                           "the sizes add up to %lld, which is not axis %u of input %s",
                           (long long)sum, axis, blok_print_fact(in).text);
  }
  return BLOK_OK;
}

static blok_status equal_parts(const blok_infer *context, const blok_fact *in, uint32_t axis,
                               blok_dim *parts, blok_error *error) {
  int64_t n = blok_node_int(context->node, "num_outputs", context->n_out);
  int64_t size = in->dims[axis].value;
  if (n != (int64_t)context->n_out) {
    return blok_infer_fail(context, error, "num_outputs is %lld, but it has %u outputs",
                           (long long)n, context->n_out);
  }
  if (n == 1) parts[0] = in->dims[axis];
  if (n == 1 || size < 0) return BLOK_OK;
  for (int64_t i = 0; i < n; i++) {
    int64_t part = blok_split_part(size, n, i);
    if (part < 0) {
      return blok_infer_fail(context, error, "axis %u of input %s cannot be cut into %lld parts",
                             axis, blok_print_fact(in).text, (long long)n);
    }
    parts[i] = blok_dim_of(part);
  }
  return BLOK_OK;
}

static blok_status split_elements(blok_infer *context, const blok_dim *parts, blok_error *error) {
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  uint32_t from = 0;
  if (!blok_elements_get(blok_infer_in(context, 0), items, &n)) return BLOK_OK;
  for (uint32_t i = 0; i < context->n_out; i++) {
    if (parts[i].value < 0 || parts[i].value > (int64_t)(n - from)) return BLOK_OK;
    BLOK_TRY(blok_elements_put(context, i, items + from, (uint32_t)parts[i].value, error));
    from += (uint32_t)parts[i].value;
  }
  return BLOK_OK;
}

blok_status blok_infer_Split(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  if (!in || context->n_out == 0) return BLOK_OK;
  if (!blok_fact_ranked(in)) {
    for (uint32_t i = 0; i < context->n_out; i++) blok_infer_set_dtype(context, i, in->dtype);
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)in->rank;
  uint32_t axis = 0;
  BLOK_TRY(blok_infer_axis(context, in, &axis, error));
  blok_dim *parts = blok_arena_array(context->arena, context->n_out, sizeof *parts);
  if (!parts) return blok_fail_memory(error, context->n_out * sizeof *parts);
  for (uint32_t i = 0; i < context->n_out; i++) parts[i] = blok_dim_unknown();
  if (blok_infer_in(context, 1)) {
    bool all = false;
    BLOK_TRY(given_parts(context, in, axis, parts, &all, error));
    if (!all && context->n_out == 1) parts[0] = in->dims[axis];
  } else {
    BLOK_TRY(equal_parts(context, in, axis, parts, error));
  }
  blok_dim dims[BLOK_MAX_RANK];
  memcpy(dims, in->dims, rank * sizeof *dims);
  for (uint32_t i = 0; i < context->n_out; i++) {
    dims[axis] = parts[i];
    BLOK_TRY(blok_infer_set(context, i, in->dtype, rank, dims, error));
  }
  return rank == 1 ? split_elements(context, parts, error) : BLOK_OK;
}
