// Pad: elements added before and after each axis, or taken away by negative numbers.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

static blok_status fail_pads(const blok_infer *context, const blok_fact *in, uint32_t axis,
                             int64_t before, int64_t after, blok_error *error) {
  return blok_infer_fail(context, error, "pads %lld and %lld do not fit axis %u of input %s",
                         (long long)before, (long long)after, axis, blok_print_fact(in).text);
}

// One axis: size becomes size + before + after.
static bool pad_axis(blok_dim *dim, blok_element before, blok_element after) {
  int64_t more = 0;
  if (!before.known || !after.known) {
    *dim = blok_dim_unknown();
    return true;
  }
  if (!blok_add_i64(before.value, after.value, &more)) return false;
  if (more == 0) {
    // Sizes stay, but no more may be taken away than there is.
    return dim->value < 0 || (before.value >= -dim->value && after.value >= -dim->value);
  }
  if (dim->value < 0) {
    *dim = blok_dim_unknown();
    return true;
  }
  int64_t cropped = dim->value;
  if (before.value < 0 && !blok_add_i64(cropped, before.value, &cropped)) return false;
  if (after.value < 0 && !blok_add_i64(cropped, after.value, &cropped)) return false;
  return cropped >= 0 && blok_add_i64(dim->value, more, &dim->value);
}

blok_status blok_infer_Pad(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  if (!in || context->n_out == 0) return BLOK_OK;
  if (!blok_fact_ranked(in)) {
    blok_infer_set_dtype(context, 0, in->dtype);
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)in->rank;
  const blok_fact *axes_fact = blok_infer_in(context, 3);
  int64_t axes[BLOK_FACT_ELEMENTS];
  blok_element pads[BLOK_FACT_ELEMENTS];
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t n_axes = rank;
  uint32_t n_pads = 0;
  for (uint32_t i = 0; i < rank; i++) axes[i] = i;
  bool known_axes = !axes_fact || blok_infer_ints(context, 3, axes, BLOK_FACT_ELEMENTS, &n_axes);
  if (!known_axes || !blok_elements_get(blok_infer_in(context, 1), pads, &n_pads)) {
    for (uint32_t i = 0; i < rank; i++) dims[i] = blok_dim_unknown();
    return blok_infer_set(context, 0, in->dtype, rank, dims, error);
  }
  if (n_pads != 2 * n_axes) {
    return blok_infer_fail(context, error, "%u pads for %u axes of input %s: it takes two an axis",
                           n_pads, n_axes, blok_print_fact(in).text);
  }
  bool seen[BLOK_MAX_RANK] = {false};
  if (rank > 0) memcpy(dims, in->dims, rank * sizeof *dims);
  for (uint32_t i = 0; i < n_axes; i++) {
    uint32_t axis = 0;
    if (!blok_axis_normal(axes[i], rank, &axis) || seen[axis]) {
      return blok_infer_fail(context, error,
                             "axis %lld is out of range or named twice for input %s",
                             (long long)axes[i], blok_print_fact(in).text);
    }
    seen[axis] = true;
    blok_element before = pads[i];
    blok_element after = pads[n_axes + i];
    if (!pad_axis(&dims[axis], before, after)) {
      return fail_pads(context, in, axis, before.value, after.value, error);
    }
  }
  return blok_infer_set(context, 0, in->dtype, rank, dims, error);
}
