// Shapes of InstanceNormalization and GroupNormalization: [N, C, ...] stays, with a scale and a
// bias for each channel.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/operands.h"
#include "graph/ops/ops.h"

static blok_status check_groups(const blok_infer *infer, blok_dim channels, blok_error *error) {
  if (infer->node->op != BLOK_OP_GroupNormalization) return BLOK_OK;
  int64_t groups = blok_node_int(infer->node, "num_groups", 0);
  if (groups < 1) {
    return blok_infer_fail(infer, error, "num_groups is %lld; it must be 1 or more",
                           (long long)groups);
  }
  if (!blok_dim_known(channels) || channels.value % groups == 0) return BLOK_OK;
  return blok_infer_fail(infer, error, "%lld groups do not divide %lld channels", (long long)groups,
                         (long long)channels.value);
}

blok_status blok_infer_GroupNorm(blok_infer *infer, blok_error *error) {
  const blok_fact *x = blok_infer_in(infer, 0);
  blok_dim channels = blok_dim_unknown();
  if (blok_fact_ranked(x)) {
    if (x->rank < 2) {
      return blok_infer_fail(infer, error, "input is %s; it needs at least two axes, [N, C, ...]",
                             blok_print_fact(x).text);
    }
    channels = x->dims[1];
  }
  BLOK_TRY(check_groups(infer, channels, error));
  for (uint32_t slot = 1; slot <= 2; slot++) {
    const blok_fact *fact = blok_infer_in(infer, slot);
    if (!blok_fact_ranked(fact)) continue;
    blok_dim held = fact->rank == 1 ? fact->dims[0] : blok_dim_unknown();
    bool fits = fact->rank == 1 && (!blok_dim_known(held) || !blok_dim_known(channels) ||
                                    held.value == channels.value);
    if (!fits) {
      return blok_infer_fail(infer, error, "%s is %s; input %s needs one value for each channel",
                             slot == 1 ? "scale" : "bias", blok_print_fact(fact).text,
                             blok_print_fact(x ? x : fact).text);
    }
  }
  blok_dtype dtype;
  BLOK_TRY(blok_infer_shared_dtype(infer, 0, 1, &dtype, error));
  return blok_infer_like(infer, 0, x, dtype, error);
}
