// Shapes of ConvTranspose: [N, C, ...] by [C, M / group, kernel...] gives [N, M, ...].
#include "base/error.h"
#include "base/size.h"
#include "graph/ops/operands.h"
#include "graph/ops/ops.h"

// The filters of the output, as far as the weight tells them.
static blok_status find_filters(const blok_infer *infer, const blok_fact *w, int64_t group,
                                blok_dim *out, blok_error *error) {
  if (!blok_fact_ranked(w) || !blok_dim_known(w->dims[1])) return BLOK_OK;
  int64_t filters;
  if (!blok_mul_i64(w->dims[1].value, group, &filters)) {
    return blok_infer_fail(infer, error, "weight %s with group %lld has too many filters",
                           blok_print_fact(w).text, (long long)group);
  }
  *out = blok_dim_of(filters);
  return BLOK_OK;
}

static blok_status check_operands(const blok_infer *infer, const blok_fact *x, const blok_fact *w,
                                  int64_t group, blok_dim filters, blok_error *error) {
  bool x_ranked = blok_fact_ranked(x), w_ranked = blok_fact_ranked(w);
  if ((x_ranked && x->rank < 3) || (w_ranked && w->rank < 3)) {
    const blok_fact *flat = x_ranked && x->rank < 3 ? x : w;
    return blok_infer_fail(infer, error, "%s is %s; it needs at least one spatial axis",
                           flat == x ? "input" : "weight", blok_print_fact(flat).text);
  }
  if (x_ranked && w_ranked) {
    blok_dim channels = x->dims[1], rows = w->dims[0];
    bool agree = !blok_dim_known(channels) || !blok_dim_known(rows) || channels.value == rows.value;
    if (x->rank != w->rank || !agree) {
      return blok_infer_fail(infer, error,
                             "input is %s, weight %s: the ranks or the channels differ",
                             blok_print_fact(x).text, blok_print_fact(w).text);
    }
  }
  if (w_ranked && blok_dim_known(w->dims[0]) && w->dims[0].value % group != 0) {
    return blok_infer_fail(infer, error,
                           "weight %s is for %lld channels, which %lld groups do not divide",
                           blok_print_fact(w).text, (long long)w->dims[0].value, (long long)group);
  }
  const blok_fact *bias = blok_infer_in(infer, 2);
  if (!blok_fact_ranked(bias)) return BLOK_OK;
  bool fits = bias->rank == 1 && (!blok_dim_known(filters) || !blok_dim_known(bias->dims[0]) ||
                                  bias->dims[0].value == filters.value);
  if (fits) return BLOK_OK;
  return blok_infer_fail(infer, error, "bias is %s; it needs one value for each of %lld filters",
                         blok_print_fact(bias).text, (long long)filters.value);
}

// kernel_shape, where it is there, says what the weight says. *known: the kernel is known.
static blok_status read_kernel(const blok_infer *infer, const blok_fact *w, uint32_t axes,
                               int64_t *kernel, bool *known, blok_error *error) {
  uint32_t n;
  const int64_t *attr = blok_node_ints(infer->node, "kernel_shape", &n);
  *known = attr || blok_fact_ranked(w);
  bool agree = !attr || n == axes;
  for (uint32_t i = 0; agree && i < axes; i++) {
    int64_t held = blok_fact_ranked(w) ? w->dims[2 + i].value : -1;
    kernel[i] = held < 0 && attr ? attr[i] : held;
    if (kernel[i] < 0) *known = false;
    if (attr && kernel[i] != attr[i]) agree = false;
  }
  if (agree) return BLOK_OK;
  return blok_infer_fail(infer, error, "kernel_shape is %s, weight is %s",
                         blok_print_dims(attr, n).text, blok_print_fact(w).text);
}

blok_status blok_infer_ConvTranspose(blok_infer *infer, blok_error *error) {
  const blok_fact *x = blok_infer_in(infer, 0);
  const blok_fact *w = blok_infer_in(infer, 1);
  blok_dtype dtype;
  BLOK_TRY(blok_infer_shared_dtype(infer, 0, 1, &dtype, error));
  int64_t group = blok_node_int(infer->node, "group", 1);
  if (group < 1) {
    return blok_infer_fail(infer, error, "group is %lld; it must be 1 or more", (long long)group);
  }
  blok_dim filters = blok_dim_unknown();
  if (!blok_fact_ranked(w) || w->rank >= 2) {
    BLOK_TRY(find_filters(infer, w, group, &filters, error));
  }
  BLOK_TRY(check_operands(infer, x, w, group, filters, error));
  if (!blok_fact_ranked(x)) {
    blok_infer_set_dtype(infer, 0, dtype);
    return BLOK_OK;
  }
  uint32_t axes = (uint32_t)x->rank - 2;
  int64_t in[BLOK_MAX_RANK], kernel[BLOK_MAX_RANK];
  bool known;
  BLOK_TRY(read_kernel(infer, w, axes, kernel, &known, error));
  blok_dim dims[BLOK_MAX_RANK];
  dims[0] = x->dims[0];
  dims[1] = filters;
  for (uint32_t i = 0; i < axes; i++) {
    dims[2 + i] = blok_dim_unknown();
    in[i] = x->dims[2 + i].value;
  }
  if (known) {
    blok_window window;
    BLOK_TRY(blok_window_resolve_transposed(infer->graph, infer->node, axes, in, kernel, &window,
                                            error));
    for (uint32_t i = 0; i < axes; i++) {
      if (window.out[i] >= 0) dims[2 + i] = blok_dim_of(window.out[i]);
    }
  }
  return blok_infer_set(infer, 0, dtype, (uint32_t)x->rank, dims, error);
}
