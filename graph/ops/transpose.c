// Transpose: axes in another order.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

blok_status blok_infer_Transpose(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  uint32_t n = 0;
  const int64_t *perm = blok_node_ints(context->node, "perm", &n);
  bool reversed = !blok_node_attr(context->node, "perm");
  if (!in || context->n_out == 0) return BLOK_OK;
  if (!blok_fact_ranked(in)) {
    blok_infer_set_dtype(context, 0, in->dtype);
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)in->rank;
  blok_dim dims[BLOK_MAX_RANK];
  bool seen[BLOK_MAX_RANK] = {false};
  if (!reversed && n != rank) {
    return blok_infer_fail(context, error, "perm has %u axes, input %s has %u", n,
                           blok_print_fact(in).text, rank);
  }
  for (uint32_t i = 0; i < rank; i++) {
    int64_t from = reversed ? (int64_t)rank - 1 - (int64_t)i : perm[i];
    if (from < 0 || from >= in->rank || seen[from]) {
      return blok_infer_fail(context, error, "perm %s is no order of the axes of input %s",
                             blok_print_dims(perm, n).text, blok_print_fact(in).text);
    }
    seen[from] = true;
    dims[i] = in->dims[from];
  }
  BLOK_TRY(blok_infer_set(context, 0, in->dtype, rank, dims, error));
  return rank <= 1 ? blok_elements_pass(context, error) : BLOK_OK;
}
