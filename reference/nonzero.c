// NonZero: a column of indices for each element that is not zero, in row-major order.
#include <blok/session.h>

#include "base/error.h"
#include "reference/reference.h"

// A string that is not empty counts; inference promises the other types.
static bool is_set(const blok_tensor *in, size_t i) {
  if (in->dtype == BLOK_STRING) return ((const blok_text *)in->data)[i].size > 0;
  if (blok_dtype_is_float(in->dtype)) return blok_ref_load(in, i) != 0.0;
  return blok_ref_load_i64(in, i) != 0;
}

blok_status blok_ref_NonZero(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  size_t count = blok_ref_count(in);
  int64_t dims[2] = {(int64_t)in->rank, 0};
  if (!blok_dtype_is_float(in->dtype) && !blok_dtype_is_integer(in->dtype) &&
      in->dtype != BLOK_BOOL && in->dtype != BLOK_STRING) {
    return blok_ref_unsupported_type(call, error, in->dtype);
  }
  for (size_t i = 0; i < count; i++) dims[1] += is_set(in, i);
  BLOK_TRY(call->resize(call, 0, 2, dims, error));
  int64_t *to = call->out[0]->data;
  int64_t at[BLOK_MAX_RANK] = {0};
  int64_t column = 0;
  for (size_t i = 0; i < count; i++) {
    if (is_set(in, i)) {
      for (uint32_t axis = 0; axis < in->rank; axis++) to[axis * dims[1] + column] = at[axis];
      column++;
    }
    for (uint32_t axis = in->rank; axis-- > 0;) {
      if (++at[axis] < in->dims[axis]) break;
      at[axis] = 0;
    }
  }
  return BLOK_OK;
}
