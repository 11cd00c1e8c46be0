// Shapes of BatchNormalization, LayerNormalization and RMSNormalization.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/operands.h"
#include "graph/ops/ops.h"

// One value a channel at slot; *channels takes over what the input knows of their number.
static blok_status check_per_channel(const blok_infer *infer, uint32_t slot, const char *what,
                                     blok_dim *channels, blok_error *error) {
  const blok_fact *fact = blok_infer_in(infer, slot);
  if (!fact || fact->rank < 0) return BLOK_OK;
  if (fact->rank != 1) {
    return blok_infer_fail(infer, error, "%s is %s; it needs one axis, [C]", what,
                           blok_print_fact(fact).text);
  }
  if (!blok_dim_known(fact->dims[0])) return BLOK_OK;
  if (!blok_dim_known(*channels)) {
    *channels = fact->dims[0];
    return BLOK_OK;
  }
  if (channels->value == fact->dims[0].value) return BLOK_OK;
  return blok_infer_fail(infer, error, "%s has %lld values for %lld channels", what,
                         (long long)fact->dims[0].value, (long long)channels->value);
}

blok_status blok_infer_BatchNorm(blok_infer *infer, blok_error *error) {
  static const char *const names[] = {"input", "scale", "bias", "mean", "variance"};
  const blok_fact *x = blok_infer_in(infer, 0);
  blok_dim channels = blok_dim_unknown();
  if (blok_fact_ranked(x)) {
    if (x->rank == 0) return blok_infer_fail(infer, error, "input is a scalar");
    channels = x->rank == 1 ? blok_dim_of(1) : x->dims[1];
  }
  for (uint32_t slot = 1; slot <= 4; slot++) {
    BLOK_TRY(check_per_channel(infer, slot, names[slot], &channels, error));
  }
  BLOK_TRY(blok_infer_like(infer, 0, x, x ? x->dtype : BLOK_UNDEFINED, error));
  blok_dtype dtype;
  BLOK_TRY(blok_infer_shared_dtype(infer, 3, 4, &dtype, error));
  for (uint32_t slot = 1; slot <= 2; slot++) {
    BLOK_TRY(blok_infer_set(infer, slot, dtype, 1, &channels, error));
  }
  return BLOK_OK;
}

blok_status blok_infer_LayerNorm(blok_infer *infer, blok_error *error) {
  const blok_fact *x = blok_infer_in(infer, 0);
  blok_dtype dtype;
  BLOK_TRY(blok_infer_shared_dtype(infer, 0, 1, &dtype, error));
  int64_t stash = blok_node_int(infer->node, "stash_type", BLOK_F32);
  if (stash != BLOK_F32 && stash != BLOK_BF16) {
    return blok_infer_fail(infer, error,
                           "stash_type is %lld; it must be 1 (float32) or 16 (bfloat16)",
                           (long long)stash);
  }
  for (uint32_t slot = 1; slot <= 2; slot++) blok_infer_set_dtype(infer, slot, (blok_dtype)stash);
  if (!blok_fact_ranked(x)) {
    blok_infer_set_dtype(infer, 0, dtype);
    return BLOK_OK;
  }
  int64_t axis_attr = blok_node_int(infer->node, "axis", -1);
  uint32_t rank = (uint32_t)x->rank, axis;
  if (!blok_axis_normal(axis_attr, rank, &axis)) {
    return blok_infer_fail(infer, error, "axis %lld is not one of input %s", (long long)axis_attr,
                           blok_print_fact(x).text);
  }
  BLOK_TRY(blok_infer_repeats_to(infer, 1, "scale", rank, x->dims, error));
  BLOK_TRY(blok_infer_repeats_to(infer, 2, "bias", rank, x->dims, error));
  BLOK_TRY(blok_infer_set(infer, 0, dtype, rank, x->dims, error));
  blok_dim dims[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < rank; i++) dims[i] = i < axis ? x->dims[i] : blok_dim_of(1);
  BLOK_TRY(blok_infer_set(infer, 1, (blok_dtype)stash, rank, dims, error));
  return blok_infer_set(infer, 2, (blok_dtype)stash, rank, dims, error);
}
