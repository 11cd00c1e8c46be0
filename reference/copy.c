// Operators that leave the elements as they are and where they are: Flatten, Identity, Reshape,
// Squeeze, Unsqueeze.
#include <string.h>

#include "base/error.h"
#include "graph/literal.h"
#include "reference/reference.h"

// Inference may have found the result's shape without the numbers of the target, which a run gives:
// they must ask for just that shape.
static blok_status check_target(const blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *target = blok_ref_in(call, 1);
  const blok_tensor *out = call->out[0];
  bool zero_is_size = blok_node_int(call->node, "allowzero", 0) != 0;
  uint32_t rests = 0;
  bool fits = blok_ref_count(target) == out->rank;
  for (uint32_t i = 0; fits && i < out->rank; i++) {
    int64_t size = blok_ref_load_i64(target, i);
    if (size == 0 && !zero_is_size) {
      fits = i < in->rank && out->dims[i] == in->dims[i];
    } else if (size == -1) {
      fits = ++rests == 1;
    } else {
      fits = size == out->dims[i];
    }
  }
  if (fits) return BLOK_OK;
  return blok_ref_fail(
      call, error, BLOK_E_SHAPE, "input %s cannot take the shape asked for: its elements make %s",
      blok_print_dims(in->dims, in->rank).text, blok_print_dims(out->dims, out->rank).text);
}

blok_status blok_ref_Copy(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  size_t bytes = 0;
  size_t count = blok_ref_count(in);
  if (count != blok_ref_count(out) || in->dtype != out->dtype) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s cannot take the shape %s",
                         blok_print_dims(in->dims, in->rank).text,
                         blok_print_dims(out->dims, out->rank).text);
  }
  if (call->node->op == BLOK_OP_Reshape && blok_ref_in(call, 1)) {
    BLOK_TRY(check_target(call, error));
  }
  if (!blok_dense_bytes(in->dtype, count, &bytes)) {
    return blok_ref_unsupported_type(call, error, in->dtype);
  }
  if (bytes > 0 && out->data != in->data) memcpy(out->data, in->data, bytes);
  return BLOK_OK;
}
