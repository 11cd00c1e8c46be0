// Tile: the input again and again along its axes.
#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

blok_status blok_infer_Tile(blok_infer *infer, blok_error *error) {
  const blok_fact *in = blok_infer_in(infer, 0);
  const blok_fact *repeats = blok_infer_in(infer, 1);
  blok_infer_set_dtype(infer, 0, in ? in->dtype : BLOK_UNDEFINED);
  if (!blok_fact_ranked(in)) return BLOK_OK;
  int64_t length = blok_infer_length(repeats);
  if (length >= 0 && length != in->rank) {
    return blok_infer_fail(infer, error, "repeats holds %lld numbers, input %s needs one an axis",
                           (long long)length, blok_print_fact(in).text);
  }
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  bool known = blok_elements_get(repeats, items, &n) && n == (uint32_t)in->rank;
  blok_dim dims[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < (uint32_t)in->rank; i++) {
    int64_t size = in->dims[i].value;
    dims[i] = blok_dim_unknown();
    if (!known) continue;
    if (items[i].known && items[i].value == 1) dims[i] = in->dims[i];
    if (size == 1) dims[i] = blok_dim_of_element(items[i]);
    if (items[i].known && items[i].value < 0) {
      return blok_infer_fail(infer, error, "repeats[%u] is %lld; it must be 0 or more", i,
                             (long long)items[i].value);
    }
    if (!items[i].known || size < 0) continue;
    if (!blok_mul_i64(size, items[i].value, &dims[i].value)) {
      return blok_infer_fail(infer, error, "axis %u of %lld repeated %lld times is too large", i,
                             (long long)size, (long long)items[i].value);
    }
  }
  return blok_infer_set(infer, 0, in->dtype, (uint32_t)in->rank, dims, error);
}
