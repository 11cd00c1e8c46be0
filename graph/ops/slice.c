// Slice: a range of each axis, with steps.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/geometry.h"
#include "graph/ops/ops.h"

typedef struct range {
  blok_element start, end, step;
} range;

// The size of an axis after a slice whose numbers may be open.
static blok_dim slice_dim(blok_dim size, const range *of) {
  if (!of->start.known || !of->step.known) return blok_dim_unknown();
  if (size.value >= 0 && of->end.known) {
    int64_t first = 0;
    int64_t count = 0;
    blok_slice_range(size.value, of->start.value, of->end.value, of->step.value, &first, &count);
    return blok_dim_of(count);
  }
  bool to_end = of->end.known ? of->end.value >= INT32_MAX
                              : blok_element_same(of->end, blok_element_of_dim(size));
  if (of->start.value == 0 && of->step.value == 1 && to_end) return size;
  bool backwards = of->step.value == -1 && of->end.known && of->end.value <= INT32_MIN + 1 &&
                   (of->start.value == -1 || of->start.value >= INT32_MAX);
  return backwards ? size : blok_dim_unknown();
}

// The elements of input slot. False: not even their number is known.
static bool read_numbers(blok_infer *context, uint32_t slot, blok_element *items, uint32_t *n) {
  return blok_elements_get(blok_infer_in(context, slot), items, n);
}

static blok_status slice_elements(blok_infer *context, const range *of, blok_error *error) {
  blok_element items[BLOK_FACT_ELEMENTS];
  blok_element picked[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (!of->start.known || !of->end.known || !of->step.known) return BLOK_OK;
  if (!blok_elements_get(blok_infer_in(context, 0), items, &n)) return BLOK_OK;
  int64_t first = 0;
  int64_t count = 0;
  blok_slice_range(n, of->start.value, of->end.value, of->step.value, &first, &count);
  for (int64_t i = 0; i < count; i++) picked[i] = items[first + i * of->step.value];
  return blok_elements_put(context, 0, picked, (uint32_t)count, error);
}

blok_status blok_infer_Slice(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  if (!in || context->n_out == 0) return BLOK_OK;
  if (!blok_fact_ranked(in)) {
    blok_infer_set_dtype(context, 0, in->dtype);
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)in->rank;
  blok_element starts[BLOK_FACT_ELEMENTS];
  blok_element ends[BLOK_FACT_ELEMENTS];
  blok_element steps[BLOK_FACT_ELEMENTS];
  int64_t axes[BLOK_FACT_ELEMENTS];
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t n = 0;
  uint32_t n_ends = 0;
  bool known = read_numbers(context, 1, starts, &n) && read_numbers(context, 2, ends, &n_ends);
  uint32_t n_axes = n;
  uint32_t n_steps = n;
  for (uint32_t i = 0; known && i < n; i++) {
    axes[i] = i;
    steps[i] = blok_element_of(1);
  }
  if (known && blok_infer_in(context, 3)) {
    known = blok_infer_ints(context, 3, axes, BLOK_FACT_ELEMENTS, &n_axes);
  }
  if (known && blok_infer_in(context, 4)) known = read_numbers(context, 4, steps, &n_steps);
  if (!known) {
    for (uint32_t i = 0; i < rank; i++) dims[i] = blok_dim_unknown();
    return blok_infer_set(context, 0, in->dtype, rank, dims, error);
  }
  if (n_ends != n || n_axes != n || n_steps != n) {
    return blok_infer_fail(context, error, "%u starts, %u ends, %u axes and %u steps", n, n_ends,
                           n_axes, n_steps);
  }
  bool seen[BLOK_MAX_RANK] = {false};
  range first = {blok_element_of(0), blok_element_of(INT64_MAX), blok_element_of(1)};
  if (rank > 0) memcpy(dims, in->dims, rank * sizeof *dims);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t axis = 0;
    if (!blok_axis_normal(axes[i], rank, &axis) || seen[axis]) {
      return blok_infer_fail(context, error,
                             "axis %lld is out of range or named twice for input %s",
                             (long long)axes[i], blok_print_fact(in).text);
    }
    seen[axis] = true;
    if (steps[i].known && steps[i].value == 0) {
      return blok_infer_fail(context, error, "the step along axis %u is 0", axis);
    }
    range of = {starts[i], ends[i], steps[i]};
    if (axis == 0) first = of;
    dims[axis] = slice_dim(in->dims[axis], &of);
  }
  BLOK_TRY(blok_infer_set(context, 0, in->dtype, rank, dims, error));
  return rank == 1 ? slice_elements(context, &first, error) : BLOK_OK;
}
