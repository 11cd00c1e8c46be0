// Shapes of MatMul (numpy's rules) and Gemm.
#include "base/error.h"
#include "graph/ops/operands.h"
#include "graph/ops/ops.h"

static bool differ(blok_dim a, blok_dim b) {
  return blok_dim_known(a) && blok_dim_known(b) && a.value != b.value;
}

static blok_status fail_inner(const blok_infer *infer, blok_dim a, blok_dim b, blok_error *error) {
  return blok_infer_fail(infer, error, "%s by %s: rows of %lld against columns of %lld",
                         blok_print_fact(blok_infer_in(infer, 0)).text,
                         blok_print_fact(blok_infer_in(infer, 1)).text, (long long)a.value,
                         (long long)b.value);
}

blok_status blok_infer_MatMul(blok_infer *infer, blok_error *error) {
  const blok_fact *a = blok_infer_in(infer, 0);
  const blok_fact *b = blok_infer_in(infer, 1);
  blok_dtype dtype;
  BLOK_TRY(blok_infer_shared_dtype(infer, 0, 1, &dtype, error));
  if ((a && a->rank == 0) || (b && b->rank == 0)) {
    return blok_infer_fail(infer, error, "an input is a scalar; both need an axis");
  }
  if (!blok_fact_ranked(a) || !blok_fact_ranked(b)) {
    blok_infer_set_dtype(infer, 0, dtype);
    return BLOK_OK;
  }
  uint32_t rank_a = (uint32_t)a->rank, rank_b = (uint32_t)b->rank;
  blok_dim inner_a = a->dims[rank_a - 1];
  blok_dim inner_b = b->dims[rank_b > 1 ? rank_b - 2 : 0];
  if (differ(inner_a, inner_b)) return fail_inner(infer, inner_a, inner_b, error);
  uint32_t batch_a = rank_a > 2 ? rank_a - 2 : 0, batch_b = rank_b > 2 ? rank_b - 2 : 0;
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t rank;
  if (!blok_broadcast_dims(a->dims, batch_a, b->dims, batch_b, dims, &rank)) {
    return blok_infer_fail(infer, error,
                           "%s by %s: the leading axes cannot be repeated to one shape",
                           blok_print_fact(a).text, blok_print_fact(b).text);
  }
  if (rank_a > 1) dims[rank++] = a->dims[rank_a - 2];
  if (rank_b > 1) dims[rank++] = b->dims[rank_b - 1];
  return blok_infer_set(infer, 0, dtype, rank, dims, error);
}

// Rows and columns of a matrix at slot as Gemm takes it.
static blok_status matrix_dims(const blok_infer *infer, uint32_t slot, const char *transpose,
                               blok_dim dims[2], blok_error *error) {
  const blok_fact *fact = blok_infer_in(infer, slot);
  dims[0] = dims[1] = blok_dim_unknown();
  if (!fact || fact->rank < 0) return BLOK_OK;
  if (fact->rank != 2) {
    return blok_infer_fail(infer, error, "input %u is %s; it needs two axes", slot,
                           blok_print_fact(fact).text);
  }
  bool turned = blok_node_int(infer->node, transpose, 0) != 0;
  dims[0] = fact->dims[turned ? 1 : 0];
  dims[1] = fact->dims[turned ? 0 : 1];
  return BLOK_OK;
}

blok_status blok_infer_Gemm(blok_infer *infer, blok_error *error) {
  blok_dtype dtype;
  BLOK_TRY(blok_infer_shared_dtype(infer, 0, 1, &dtype, error));
  blok_dim a[2], b[2];
  BLOK_TRY(matrix_dims(infer, 0, "transA", a, error));
  BLOK_TRY(matrix_dims(infer, 1, "transB", b, error));
  if (differ(a[1], b[0])) return fail_inner(infer, a[1], b[0], error);
  blok_dim dims[2] = {a[0], b[1]};
  BLOK_TRY(blok_infer_repeats_to(infer, 2, "C", 2, dims, error));
  return blok_infer_set(infer, 0, dtype, 2, dims, error);
}
