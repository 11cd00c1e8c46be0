// Shapes of Conv: [N, C, ...] by [M, C / group, kernel...] gives [N, M, ...].
#include "base/error.h"
#include "base/size.h"
#include "graph/ops/operands.h"
#include "graph/ops/ops.h"

// The channels of input, weight and group agree, as far as they are known.
static blok_status check_channels(const blok_infer *infer, const blok_fact *x, const blok_fact *w,
                                  int64_t group, blok_error *error) {
  int64_t filters = w->dims[0].value;
  if (filters >= 0 && filters % group != 0) {
    return blok_infer_fail(infer, error,
                           "weight %s has %lld filters, which %lld groups do not divide",
                           blok_print_fact(w).text, (long long)filters, (long long)group);
  }
  if (!blok_fact_ranked(x) || !blok_dim_known(x->dims[1]) || !blok_dim_known(w->dims[1])) {
    return BLOK_OK;
  }
  int64_t want;
  if (!blok_mul_i64(w->dims[1].value, group, &want) || want != x->dims[1].value) {
    return blok_infer_fail(
        infer, error, "input %s has %lld channels, weight %s with group %lld wants %lld x %lld",
        blok_print_fact(x).text, (long long)x->dims[1].value, blok_print_fact(w).text,
        (long long)group, (long long)w->dims[1].value, (long long)group);
  }
  return BLOK_OK;
}

static blok_status check_kernel(const blok_infer *infer, const int64_t *kernel, uint32_t axes,
                                blok_error *error) {
  uint32_t n;
  const int64_t *attr = blok_node_ints(infer->node, "kernel_shape", &n);
  if (!attr) return BLOK_OK;
  bool agree = n == axes;
  for (uint32_t i = 0; agree && i < axes; i++) agree = kernel[i] < 0 || kernel[i] == attr[i];
  if (agree) return BLOK_OK;
  return blok_infer_fail(infer, error, "kernel_shape is %s, weight is %s",
                         blok_print_dims(attr, n).text,
                         blok_print_fact(blok_infer_in(infer, 1)).text);
}

static blok_status check_bias(const blok_infer *infer, const blok_fact *w, blok_error *error) {
  const blok_fact *bias = blok_infer_in(infer, 2);
  if (!blok_fact_ranked(bias)) return BLOK_OK;
  bool agree =
      bias->rank == 1 && (!w || !blok_dim_known(bias->dims[0]) || !blok_dim_known(w->dims[0]) ||
                          bias->dims[0].value == w->dims[0].value);
  if (agree) return BLOK_OK;
  return blok_infer_fail(infer, error, "bias is %s, weight %s wants one value for each filter",
                         blok_print_fact(bias).text, blok_print_fact(w).text);
}

blok_status blok_infer_Conv(blok_infer *infer, blok_error *error) {
  const blok_fact *x = blok_infer_in(infer, 0);
  const blok_fact *w = blok_infer_in(infer, 1);
  blok_dtype dtype;
  BLOK_TRY(blok_infer_shared_dtype(infer, 0, 1, &dtype, error));
  int64_t group = blok_node_int(infer->node, "group", 1);
  if (group < 1) {
    return blok_infer_fail(infer, error, "group is %lld; it must be 1 or more", (long long)group);
  }
  bool x_ranked = blok_fact_ranked(x), w_ranked = blok_fact_ranked(w);
  if ((x_ranked && x->rank < 3) || (w_ranked && w->rank < 3)) {
    const blok_fact *flat = x_ranked && x->rank < 3 ? x : w;
    return blok_infer_fail(infer, error, "%s is %s; it needs at least one spatial axis",
                           flat == x ? "input" : "weight", blok_print_fact(flat).text);
  }
  if (x_ranked && w_ranked && x->rank != w->rank) {
    return blok_infer_fail(infer, error, "input is %s, weight %s: the ranks differ",
                           blok_print_fact(x).text, blok_print_fact(w).text);
  }
  if (blok_fact_ranked(w)) BLOK_TRY(check_channels(infer, x, w, group, error));
  BLOK_TRY(check_bias(infer, w_ranked ? w : NULL, error));
  if (!x_ranked) {
    blok_infer_set_dtype(infer, 0, dtype);
    return BLOK_OK;
  }
  uint32_t axes = (uint32_t)x->rank - 2;
  int64_t kernel[BLOK_MAX_RANK];
  bool kernel_known = w_ranked;
  for (uint32_t i = 0; i < axes; i++) {
    kernel[i] = w_ranked ? w->dims[2 + i].value : -1;
    if (kernel[i] < 0) kernel_known = false;
  }
  if (w_ranked) BLOK_TRY(check_kernel(infer, kernel, axes, error));
  blok_dim dims[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < (uint32_t)x->rank; i++) dims[i] = blok_dim_unknown();
  dims[0] = x->dims[0];
  if (w_ranked) dims[1] = w->dims[0];
  if (kernel_known || blok_node_attr(infer->node, "kernel_shape")) {
    BLOK_TRY(blok_infer_windows(infer, x, kernel_known ? kernel : NULL, dims, error));
  }
  return blok_infer_set(infer, 0, dtype, (uint32_t)x->rank, dims, error);
}
