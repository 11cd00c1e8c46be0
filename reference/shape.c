// Shape: the dimensions of the input, or a range of them, as a vector of int64. Size: the number of
// its elements.
#include "base/error.h"
#include "reference/reference.h"

static int64_t bound(int64_t value, int64_t rank) {
  if (value < 0) value += rank;
  if (value < 0) return 0;
  return value > rank ? rank : value;
}

blok_status blok_ref_Shape(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  int64_t rank = (int64_t)in->rank;
  int64_t start = bound(blok_node_int(call->node, "start", 0), rank);
  int64_t end = bound(blok_node_int(call->node, "end", rank), rank);
  size_t n = end > start ? (size_t)(end - start) : 0;
  if (out->dtype != BLOK_I64 || blok_ref_count(out) != n) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "its output is not int64[%zu]", n);
  }
  for (size_t i = 0; i < n; i++) blok_ref_store_i64(out, i, in->dims[start + (int64_t)i]);
  return BLOK_OK;
}

blok_status blok_ref_Size(blok_ref_call *call, blok_error *error) {
  const blok_tensor *out = call->out[0];
  if (out->dtype != BLOK_I64 || blok_ref_count(out) != 1) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "its output is not one int64");
  }
  blok_ref_store_i64(out, 0, (int64_t)blok_ref_count(call->in[0]));
  return BLOK_OK;
}
