// Shape: the sizes of the axes from start to end. Size: their product.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

// A bound that counts from the back when negative, clamped to the axes there are.
static int64_t bound(int64_t value, int64_t rank) {
  if (value < 0) value += rank;
  if (value < 0) return 0;
  return value > rank ? rank : value;
}

blok_status blok_infer_Shape(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  if (context->n_out == 0) return BLOK_OK;
  blok_dim length = blok_dim_unknown();
  if (!blok_fact_ranked(in)) return blok_infer_set(context, 0, BLOK_I64, 1, &length, error);
  int64_t start = bound(blok_node_int(context->node, "start", 0), in->rank);
  int64_t end = bound(blok_node_int(context->node, "end", in->rank), in->rank);
  length = blok_dim_of(end > start ? end - start : 0);
  BLOK_TRY(blok_infer_set(context, 0, BLOK_I64, 1, &length, error));
  blok_element items[BLOK_MAX_RANK];
  uint32_t n = 0;
  for (int64_t i = start; i < end; i++) items[n++] = blok_element_of_dim(in->dims[i]);
  return blok_elements_put(context, 0, items, n, error);
}

blok_status blok_infer_Size(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  size_t count = 0;
  if (context->n_out == 0) return BLOK_OK;
  BLOK_TRY(blok_infer_set(context, 0, BLOK_I64, 0, NULL, error));
  if (!in || !blok_fact_count(in, &count) || count > INT64_MAX) return BLOK_OK;
  blok_element item = blok_element_of((int64_t)count);
  return blok_elements_put(context, 0, &item, 1, error);
}
