// Shapes of pooling: windows over the spatial axes, or the whole of them.
#include "base/error.h"
#include "graph/ops/operands.h"
#include "graph/ops/ops.h"

static blok_status check_rank(const blok_infer *infer, const blok_fact *x, int32_t least,
                              blok_error *error) {
  if (x->rank >= least) return BLOK_OK;
  return blok_infer_fail(infer, error, "input is %s; it needs at least %d axes, [N, C, ...]",
                         blok_print_fact(x).text, (int)least);
}

static blok_status infer_windows(blok_infer *infer, blok_error *error) {
  const blok_fact *x = blok_infer_in(infer, 0);
  if (!blok_fact_ranked(x)) {
    blok_infer_set_dtype(infer, 0, x ? x->dtype : BLOK_UNDEFINED);
    return BLOK_OK;
  }
  BLOK_TRY(check_rank(infer, x, 3, error));
  blok_dim dims[BLOK_MAX_RANK];
  dims[0] = x->dims[0];
  dims[1] = x->dims[1];
  BLOK_TRY(blok_infer_windows(infer, x, NULL, dims, error));
  return blok_infer_set(infer, 0, x->dtype, (uint32_t)x->rank, dims, error);
}

blok_status blok_infer_Pool(blok_infer *infer, blok_error *error) {
  return infer_windows(infer, error);
}

blok_status blok_infer_MaxPool(blok_infer *infer, blok_error *error) {
  int64_t order = blok_node_int(infer->node, "storage_order", 0);
  if (order != 0 && order != 1) {
    return blok_infer_fail(infer, error, "storage_order is %lld; it must be 0 or 1",
                           (long long)order);
  }
  BLOK_TRY(infer_windows(infer, error));
  const blok_fact *y = &infer->out[0];
  if (infer->n_out > 1 && y->rank >= 0) {
    return blok_infer_set(infer, 1, BLOK_I64, (uint32_t)y->rank, y->dims, error);
  }
  blok_infer_set_dtype(infer, 1, BLOK_I64);
  return BLOK_OK;
}

blok_status blok_infer_GlobalPool(blok_infer *infer, blok_error *error) {
  const blok_fact *x = blok_infer_in(infer, 0);
  if (!blok_fact_ranked(x)) {
    blok_infer_set_dtype(infer, 0, x ? x->dtype : BLOK_UNDEFINED);
    return BLOK_OK;
  }
  BLOK_TRY(check_rank(infer, x, 2, error));
  blok_dim dims[BLOK_MAX_RANK];
  for (int32_t i = 0; i < x->rank; i++) dims[i] = i < 2 ? x->dims[i] : blok_dim_of(1);
  return blok_infer_set(infer, 0, x->dtype, (uint32_t)x->rank, dims, error);
}
