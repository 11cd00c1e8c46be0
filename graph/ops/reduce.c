// Reductions over axes: ReduceL1 to ReduceSumSquare.
#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/geometry.h"
#include "graph/ops/ops.h"

// Which axes go is unknown: only the rank may be told.
static blok_status reduce_unknown(blok_infer *context, const blok_fact *in, int64_t n_axes,
                                  bool keep, blok_error *error) {
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t rank = (uint32_t)in->rank;
  if (!keep) {
    if (n_axes < 1 || n_axes > in->rank) {
      blok_infer_set_dtype(context, 0, in->dtype);
      return BLOK_OK;
    }
    rank -= (uint32_t)n_axes;
  }
  for (uint32_t i = 0; i < rank; i++) {
    bool one = keep && in->dims[i].value == 1;
    dims[i] = one ? blok_dim_of(1) : blok_dim_unknown();
  }
  return blok_infer_set(context, 0, in->dtype, rank, dims, error);
}

blok_status blok_infer_Reduce(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  const blok_fact *axes_fact = blok_infer_in(context, 1);
  if (!in || context->n_out == 0) return BLOK_OK;
  if (!blok_fact_ranked(in)) {
    blok_infer_set_dtype(context, 0, in->dtype);
    return BLOK_OK;
  }
  bool keep = blok_node_int(context->node, "keepdims", 1) != 0;
  bool none_is_none = blok_node_int(context->node, "noop_with_empty_axes", 0) != 0;
  uint32_t rank = (uint32_t)in->rank;
  int64_t axes[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (axes_fact && !blok_infer_ints(context, 1, axes, BLOK_FACT_ELEMENTS, &n)) {
    return reduce_unknown(context, in, blok_infer_length(axes_fact), keep, error);
  }
  bool gone[BLOK_MAX_RANK] = {false};
  int64_t bad = 0;
  if (!blok_axes_mark(axes, n, rank, gone, &bad)) {
    return blok_infer_fail(context, error, "axis %lld is out of range or named twice for input %s",
                           (long long)bad, blok_print_fact(in).text);
  }
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t kept = 0;
  for (uint32_t i = 0; i < rank; i++) {
    bool reduced = n > 0 ? gone[i] : !none_is_none;
    if (!reduced) dims[kept++] = in->dims[i];
    if (reduced && keep) dims[kept++] = blok_dim_of(1);
  }
  return blok_infer_set(context, 0, in->dtype, kept, dims, error);
}
