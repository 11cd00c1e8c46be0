// Questions that hooks of several families put to a node's inputs.
#include "graph/ops/operands.h"

#include "base/error.h"
#include "base/size.h"

static blok_dtype dtype_at(const blok_infer *infer, uint32_t slot) {
  const blok_fact *fact = blok_infer_in(infer, slot);
  return fact ? fact->dtype : BLOK_UNDEFINED;
}

blok_status blok_infer_shared_dtype(const blok_infer *infer, uint32_t first, uint32_t second,
                                    blok_dtype *out, blok_error *error) {
  blok_dtype a = dtype_at(infer, first);
  blok_dtype b = dtype_at(infer, second);
  if (a != BLOK_UNDEFINED && b != BLOK_UNDEFINED && a != b) {
    return blok_infer_fail(infer, error, "input %u is of type %s, input %u of type %s", first,
                           blok_dtype_name(a), second, blok_dtype_name(b));
  }
  *out = a != BLOK_UNDEFINED ? a : b;
  return BLOK_OK;
}

blok_status blok_infer_windows(const blok_infer *infer, const blok_fact *x, const int64_t *kernel,
                               blok_dim *out, blok_error *error) {
  uint32_t axes = (uint32_t)x->rank - 2;
  int64_t in[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < axes; i++) in[i] = x->dims[2 + i].value;
  blok_window window;
  BLOK_TRY(blok_window_resolve(infer->graph, infer->node, axes, in, kernel, &window, error));
  bool same = blok_node_text_is(infer->node, "auto_pad", "NOTSET", "SAME_UPPER") ||
              blok_node_text_is(infer->node, "auto_pad", "NOTSET", "SAME_LOWER");
  for (uint32_t i = 0; i < axes; i++) {
    if (window.out[i] >= 0) {
      out[2 + i] = blok_dim_of(window.out[i]);
      continue;
    }
    // A span of 1 + reach cells moved one by one over a size padded by as much leaves that size.
    int64_t reach, pads;
    bool kept =
        window.stride[i] == 1 &&
        (same ||
         (window.kernel[i] > 0 && blok_mul_i64(window.kernel[i] - 1, window.dilation[i], &reach) &&
          blok_add_i64(window.pad_begin[i], window.pad_end[i], &pads) && reach == pads));
    out[2 + i] = kept ? x->dims[2 + i] : blok_dim_unknown();
  }
  return BLOK_OK;
}

blok_status blok_infer_repeats_to(const blok_infer *infer, uint32_t slot, const char *what,
                                  uint32_t rank, const blok_dim *dims, blok_error *error) {
  const blok_fact *fact = blok_infer_in(infer, slot);
  if (!fact || fact->rank < 0) return BLOK_OK;
  bool fits = (uint32_t)fact->rank <= rank;
  for (uint32_t i = 0; fits && i < (uint32_t)fact->rank; i++) {
    int64_t own = fact->dims[i].value;
    int64_t want = dims[rank - (uint32_t)fact->rank + i].value;
    fits = own < 0 || own == 1 || want < 0 || own == want;
  }
  if (fits) return BLOK_OK;
  blok_fact target = {.kind = BLOK_TYPE_TENSOR, .rank = (int32_t)rank, .dims = dims};
  return blok_infer_fail(infer, error, "%s %s cannot be repeated to %s", what,
                         blok_print_fact(fact).text, blok_print_fact(&target).text);
}
