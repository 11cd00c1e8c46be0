// Gather: entries of one axis, picked by index.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

blok_status blok_infer_Gather(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  const blok_fact *indices = blok_infer_in(context, 1);
  if (!in || context->n_out == 0) return BLOK_OK;
  if (!blok_fact_ranked(in)) {
    blok_infer_set_dtype(context, 0, in->dtype);
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)in->rank;
  uint32_t axis = 0;
  BLOK_TRY(blok_infer_axis(context, in, &axis, error));
  blok_element picks[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  bool small = blok_elements_get(indices, picks, &n);
  int64_t size = in->dims[axis].value;
  for (uint32_t i = 0; small && size >= 0 && i < n; i++) {
    if (!picks[i].known) continue;
    if (picks[i].value < -size || picks[i].value >= size) {
      return blok_infer_fail(context, error, "index %lld is out of range for axis %u of input %s",
                             (long long)picks[i].value, axis, blok_print_fact(in).text);
    }
    if (picks[i].value < 0) picks[i].value += size;
  }
  if (!blok_fact_ranked(indices)) {
    blok_infer_set_dtype(context, 0, in->dtype);
    return BLOK_OK;
  }
  uint32_t out_rank = rank - 1 + (uint32_t)indices->rank;
  if (out_rank > BLOK_MAX_RANK) {
    return blok_infer_fail(context, error, "input %s by indices %s passes the limit of %u axes",
                           blok_print_fact(in).text, blok_print_fact(indices).text,
                           (unsigned)BLOK_MAX_RANK);
  }
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t to = 0;
  for (uint32_t i = 0; i < axis; i++) dims[to++] = in->dims[i];
  for (uint32_t i = 0; i < (uint32_t)indices->rank; i++) dims[to++] = indices->dims[i];
  for (uint32_t i = axis + 1; i < rank; i++) dims[to++] = in->dims[i];
  BLOK_TRY(blok_infer_set(context, 0, in->dtype, out_rank, dims, error));

  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n_items = 0;
  if (rank != 1 || !small || !blok_elements_get(in, items, &n_items)) return BLOK_OK;
  for (uint32_t i = 0; i < n; i++) {
    picks[i] = picks[i].known ? items[picks[i].value] : blok_element_unknown();
  }
  return blok_elements_put(context, 0, picks, n, error);
}
