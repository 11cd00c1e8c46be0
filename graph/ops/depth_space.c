// DepthToSpace and SpaceToDepth: blocks of blocksize x blocksize cells between the channels and the
// spatial axes of [N, C, H, W].
#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

// The dimension times or divided by factor; unknown stays unknown.
static blok_status scale_dim(const blok_infer *infer, blok_dim from, int64_t factor, bool divide,
                             const char *what, blok_dim *out, blok_error *error) {
  *out = blok_dim_unknown();
  if (!blok_dim_known(from)) return BLOK_OK;
  if (divide && from.value % factor != 0) {
    return blok_infer_fail(infer, error, "%s is %lld, which %lld does not divide", what,
                           (long long)from.value, (long long)factor);
  }
  int64_t value = from.value / factor;
  if (!divide && !blok_mul_i64(from.value, factor, &value)) {
    return blok_infer_fail(infer, error, "%s of %lld times %lld is too large", what,
                           (long long)from.value, (long long)factor);
  }
  *out = blok_dim_of(value);
  return BLOK_OK;
}

blok_status blok_infer_DepthToSpace(blok_infer *infer, blok_error *error) {
  const blok_fact *x = blok_infer_in(infer, 0);
  int64_t size = blok_node_int(infer->node, "blocksize", 0), area;
  bool to_space = infer->node->op == BLOK_OP_DepthToSpace;
  if (size < 1 || !blok_mul_i64(size, size, &area)) {
    return blok_infer_fail(infer, error, "blocksize is %lld; it must be 1 or more",
                           (long long)size);
  }
  if (!blok_fact_ranked(x)) {
    blok_infer_set_dtype(infer, 0, x ? x->dtype : BLOK_UNDEFINED);
    return BLOK_OK;
  }
  if (x->rank != 4) {
    return blok_infer_fail(infer, error, "input is %s; it needs the axes [N, C, H, W]",
                           blok_print_fact(x).text);
  }
  blok_dim dims[4] = {x->dims[0]};
  BLOK_TRY(scale_dim(infer, x->dims[1], area, to_space, "the number of channels", &dims[1], error));
  BLOK_TRY(scale_dim(infer, x->dims[2], size, !to_space, "the height", &dims[2], error));
  BLOK_TRY(scale_dim(infer, x->dims[3], size, !to_space, "the width", &dims[3], error));
  return blok_infer_set(infer, 0, x->dtype, 4, dims, error);
}
