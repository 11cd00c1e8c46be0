// Shapes of what picks elements along an axis: ArgMax, ArgMin, TopK and OneHot; and of EyeLike.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

blok_status blok_infer_ArgExtreme(blok_infer *infer, blok_error *error) {
  const blok_fact *in = blok_infer_in(infer, 0);
  if (!blok_fact_ranked(in)) {
    blok_infer_set_dtype(infer, 0, BLOK_I64);
    return BLOK_OK;
  }
  uint32_t axis = 0, rank = 0;
  bool keep = blok_node_int(infer->node, "keepdims", 1) != 0;
  blok_dim dims[BLOK_MAX_RANK];
  BLOK_TRY(blok_infer_axis(infer, in, &axis, error));
  for (uint32_t i = 0; i < (uint32_t)in->rank; i++) {
    if (i != axis) dims[rank++] = in->dims[i];
    if (i == axis && keep) dims[rank++] = blok_dim_of(1);
  }
  return blok_infer_set(infer, 0, BLOK_I64, rank, dims, error);
}

blok_status blok_infer_TopK(blok_infer *infer, blok_error *error) {
  const blok_fact *in = blok_infer_in(infer, 0);
  blok_dtype dtype = in ? in->dtype : BLOK_UNDEFINED;
  blok_infer_set_dtype(infer, 0, dtype);
  blok_infer_set_dtype(infer, 1, BLOK_I64);
  if (!blok_fact_ranked(in)) return BLOK_OK;
  int64_t asked = blok_node_int(infer->node, "axis", -1);
  uint32_t axis;
  if (!blok_axis_normal(asked, (uint32_t)in->rank, &axis)) {
    return blok_infer_fail(infer, error, "axis %lld is not one of input %s", (long long)asked,
                           blok_print_fact(in).text);
  }
  blok_element items[BLOK_FACT_ELEMENTS];
  blok_dim dims[BLOK_MAX_RANK], size = in->dims[axis];
  uint32_t n = 0;
  for (uint32_t i = 0; i < (uint32_t)in->rank; i++) dims[i] = in->dims[i];
  dims[axis] = blok_dim_unknown();
  if (blok_elements_get(blok_infer_in(infer, 1), items, &n) && n == 1) {
    bool fits = !items[0].known ||
                (items[0].value >= 0 && (!blok_dim_known(size) || items[0].value <= size.value));
    if (!fits) {
      return blok_infer_fail(infer, error,
                             "K is %lld; it must be from 0 to the size of axis %u of input %s",
                             (long long)items[0].value, axis, blok_print_fact(in).text);
    }
    dims[axis] = blok_dim_of_element(items[0]);
  }
  BLOK_TRY(blok_infer_set(infer, 0, dtype, (uint32_t)in->rank, dims, error));
  return blok_infer_set(infer, 1, BLOK_I64, (uint32_t)in->rank, dims, error);
}

// depth as far as it is known; it may be a float that holds a whole number.
static blok_dim read_depth(const blok_fact *depth) {
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (blok_elements_get(depth, items, &n) && n == 1) return blok_dim_of_element(items[0]);
  size_t count = 0;
  bool readable = depth && depth->tensor && depth->tensor->data && blok_fact_count(depth, &count);
  if (!readable || count != 1 || depth->tensor->dtype != BLOK_F32) return blok_dim_unknown();
  float value = *(const float *)depth->tensor->data;
  return value >= 0.0F && value < 0x1p53F ? blok_dim_of((int64_t)value) : blok_dim_unknown();
}

blok_status blok_infer_OneHot(blok_infer *infer, blok_error *error) {
  const blok_fact *indices = blok_infer_in(infer, 0);
  const blok_fact *values = blok_infer_in(infer, 2);
  blok_dtype dtype = values ? values->dtype : BLOK_UNDEFINED;
  blok_infer_set_dtype(infer, 0, dtype);
  if (!blok_fact_ranked(indices)) return BLOK_OK;
  int64_t asked = blok_node_int(infer->node, "axis", -1);
  uint32_t rank = (uint32_t)indices->rank + 1, axis;
  if (rank > BLOK_MAX_RANK || !blok_axis_normal(asked, rank, &axis)) {
    return blok_infer_fail(infer, error, "axis %lld is no place for one more axis in %s",
                           (long long)asked, blok_print_fact(indices).text);
  }
  blok_dim dims[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < rank; i++) {
    if (i != axis) dims[i] = indices->dims[i < axis ? i : i - 1];
  }
  dims[axis] = read_depth(blok_infer_in(infer, 1));
  return blok_infer_set(infer, 0, dtype, rank, dims, error);
}

blok_status blok_infer_EyeLike(blok_infer *infer, blok_error *error) {
  const blok_fact *in = blok_infer_in(infer, 0);
  int64_t dtype = blok_node_int(infer->node, "dtype", in ? (int64_t)in->dtype : BLOK_UNDEFINED);
  if (dtype < BLOK_UNDEFINED || dtype > BLOK_I2) {
    return blok_infer_fail(infer, error, "attribute dtype is %lld, which names no element type",
                           (long long)dtype);
  }
  blok_infer_set_dtype(infer, 0, (blok_dtype)dtype);
  if (!blok_fact_ranked(in)) return BLOK_OK;
  if (in->rank != 2) {
    return blok_infer_fail(infer, error, "input %s is no matrix", blok_print_fact(in).text);
  }
  return blok_infer_set(infer, 0, (blok_dtype)dtype, 2, in->dims, error);
}
