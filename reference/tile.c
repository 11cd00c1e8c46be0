// Tile: a copy of the input at every place of a grid.
#include "base/error.h"
#include "reference/reference.h"
#include "reference/walk.h"

blok_status blok_ref_Tile(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *repeats = call->in[1];
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(in->dtype);
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  bool fits = blok_ref_count(repeats) == in->rank && out->rank == in->rank;
  int64_t to[BLOK_MAX_RANK], from[BLOK_MAX_RANK];
  for (uint32_t i = 0; fits && i < in->rank; i++) {
    int64_t times = blok_ref_load_i64(repeats, i);
    fits = in->dims[i] == 0
               ? out->dims[i] == 0
               : out->dims[i] % in->dims[i] == 0 && out->dims[i] / in->dims[i] == times;
  }
  if (!fits) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "the repeats of input %s do not give output %s",
                         blok_print_dims(in->dims, in->rank).text,
                         blok_print_dims(out->dims, out->rank).text);
  }
  if (blok_ref_count(out) == 0) return BLOK_OK;
  blok_ref_strides(in, from);
  blok_ref_strides(out, to);
  // One copy of the input for each tile.
  int64_t tile[BLOK_MAX_RANK] = {0};
  bool more = true;
  while (more) {
    int64_t first = 0;
    for (uint32_t i = 0; i < in->rank; i++) first += tile[i] * in->dims[i] * to[i];
    blok_walk_copy(size, in->rank, in->dims, (unsigned char *)out->data + (size_t)first * size, to,
                   in->data, from);
    more = false;
    for (uint32_t i = in->rank; i-- > 0 && !more;) {
      more = (++tile[i] + 1) * in->dims[i] <= out->dims[i];
      if (!more) tile[i] = 0;
    }
  }
  return BLOK_OK;
}
