// Range: start, start + delta, ... below limit.
#include "graph/ops/range.h"

#include <math.h>

#include "base/error.h"
#include "base/half.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

int64_t blok_range_count_i64(int64_t start, int64_t limit, int64_t delta) {
  bool up = delta > 0;
  if (delta == 0) return -1;
  if (up ? start >= limit : start <= limit) return 0;
  uint64_t span = up ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
  uint64_t step = up ? (uint64_t)delta : 0 - (uint64_t)delta;
  uint64_t count = (span - 1) / step + 1;
  return count <= INT64_MAX ? (int64_t)count : -1;
}

int64_t blok_range_count(double start, double limit, double delta) {
  double count = ceil((limit - start) / delta);
  if (isnan(count) || count >= 0x1p62) return -1;
  return count > 0 ? (int64_t)count : 0;
}

// The float that a fact of one element holds.
static bool float_of(const blok_fact *fact, double *out) {
  size_t count = 0;
  if (!fact || !fact->tensor || !fact->tensor->data || !blok_fact_count(fact, &count)) return false;
  const void *data = fact->tensor->data;
  if (count != 1) return false;
  switch ((int)fact->tensor->dtype) {
    case BLOK_F32:
      *out = (double)*(const float *)data;
      return true;
    case BLOK_F64:
      *out = *(const double *)data;
      return true;
    case BLOK_I16:
      *out = *(const int16_t *)data;
      return true;
    case BLOK_F16:
      *out = (double)blok_f16_to_f32(*(const uint16_t *)data);
      return true;
    case BLOK_BF16:
      *out = (double)blok_bf16_to_f32(*(const uint16_t *)data);
      return true;
    default:
      return false;
  }
}

// One element: a number, a symbol or nothing.
static blok_element element_of(const blok_fact *fact) {
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  return blok_elements_get(fact, items, &n) && n == 1 ? items[0] : blok_element_unknown();
}

static blok_status fail_count(const blok_infer *infer, blok_error *error) {
  return blok_infer_fail(infer, error,
                         "delta must not be 0, and start, limit and delta must give a number of "
                         "elements that is finite");
}

static blok_status integer_range(blok_infer *infer, blok_dtype dtype, blok_error *error) {
  blok_element start = element_of(infer->in[0]);
  blok_element limit = element_of(infer->in[1]);
  blok_element delta = element_of(infer->in[2]);
  blok_dim dim = blok_dim_unknown();
  if (start.known && limit.known && delta.known) {
    dim.value = blok_range_count_i64(start.value, limit.value, delta.value);
    if (dim.value < 0) return fail_count(infer, error);
  } else if (start.known && start.value == 0 && delta.known && delta.value == 1) {
    dim = blok_dim_of_element(limit);
  }
  BLOK_TRY(blok_infer_set(infer, 0, dtype, 1, &dim, error));
  if (dim.value < 0 || dim.value > BLOK_FACT_ELEMENTS) return BLOK_OK;
  blok_element items[BLOK_FACT_ELEMENTS];
  for (int64_t i = 0; i < dim.value; i++) {
    items[i] =
        blok_element_of((int64_t)((uint64_t)start.value + (uint64_t)i * (uint64_t)delta.value));
  }
  return blok_elements_put(infer, 0, items, (uint32_t)dim.value, error);
}

blok_status blok_infer_Range(blok_infer *infer, blok_error *error) {
  blok_dtype dtype = BLOK_UNDEFINED;
  for (uint32_t slot = 0; slot < 3; slot++) {
    const blok_fact *fact = blok_infer_in(infer, slot);
    size_t count = 0;
    if (!fact) return BLOK_OK;
    if (blok_fact_count(fact, &count) && count != 1) {
      return blok_infer_fail(infer, error, "input %u is %s instead of one number", slot,
                             blok_print_fact(fact).text);
    }
    if (dtype != BLOK_UNDEFINED && fact->dtype != BLOK_UNDEFINED && fact->dtype != dtype) {
      return blok_infer_fail(infer, error, "element types %s and %s do not go together",
                             blok_dtype_name(dtype), blok_dtype_name(fact->dtype));
    }
    if (fact->dtype != BLOK_UNDEFINED) dtype = fact->dtype;
  }
  if (dtype == BLOK_I32 || dtype == BLOK_I64) return integer_range(infer, dtype, error);
  double start, limit, delta;
  blok_dim dim = blok_dim_unknown();
  if (float_of(infer->in[0], &start) && float_of(infer->in[1], &limit) &&
      float_of(infer->in[2], &delta)) {
    dim.value = blok_range_count(start, limit, delta);
    if (dim.value < 0) return fail_count(infer, error);
  }
  return blok_infer_set(infer, 0, dtype, 1, &dim, error);
}
