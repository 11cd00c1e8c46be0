// Gather: slices of one axis, picked by a tensor of indices.
#include <string.h>

#include "base/error.h"
#include "reference/reference.h"

blok_status blok_ref_Gather(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *indices = call->in[1];
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(in->dtype);
  uint32_t axis = 0;
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  BLOK_TRY(blok_ref_axis(call, in, &axis, error));
  if (indices->dtype != BLOK_I64 && indices->dtype != BLOK_I32) {
    return blok_ref_unsupported_type(call, error, indices->dtype);
  }
  int64_t n_entries = in->dims[axis];
  size_t n_indices = blok_ref_count(indices);
  size_t outer = 1;
  size_t entry = size;  // bytes of one entry
  for (uint32_t i = 0; i < axis; i++) outer *= (size_t)in->dims[i];
  for (uint32_t i = axis + 1; i < in->rank; i++) entry *= (size_t)in->dims[i];
  const unsigned char *from = in->data;
  unsigned char *to = out->data;
  for (size_t k = 0; k < n_indices; k++) {
    int64_t index = blok_ref_load_i64(indices, k);
    if (index < -n_entries || index >= n_entries) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE,
                           "index %lld is out of range for axis %u of input %s", (long long)index,
                           axis, blok_print_dims(in->dims, in->rank).text);
    }
    if (index < 0) index += n_entries;
    if (entry == 0) continue;
    for (size_t i = 0; i < outer; i++) {
      memcpy(to + (i * n_indices + k) * entry,
             from + (i * (size_t)n_entries + (size_t)index) * entry, entry);
    }
  }
  return BLOK_OK;
}
