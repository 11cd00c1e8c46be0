// NonZero: the indices of what is not zero, a column each. How many only the values tell.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

blok_status blok_infer_NonZero(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  if (context->n_out == 0) return BLOK_OK;
  blok_dim dims[2] = {blok_dim_unknown(), blok_dim_unknown()};
  if (blok_fact_ranked(in)) dims[0] = blok_dim_of(in->rank);
  return blok_infer_set(context, 0, BLOK_I64, 2, dims, error);
}
