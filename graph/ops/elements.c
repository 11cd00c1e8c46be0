// See elements.h.
#include "graph/ops/elements.h"

#include <string.h>

#include "base/error.h"

blok_status blok_infer_like(blok_infer *context, uint32_t slot, const blok_fact *like,
                            blok_dtype dtype, blok_error *error) {
  if (slot >= context->n_out) return BLOK_OK;
  if (blok_fact_ranked(like)) {
    return blok_infer_set(context, slot, dtype, (uint32_t)like->rank, like->dims, error);
  }
  blok_infer_set_dtype(context, slot, dtype);
  return BLOK_OK;
}

static bool may_track(blok_dtype dtype) {
  return dtype == BLOK_I32 || dtype == BLOK_I64 || dtype == BLOK_BOOL;
}

static int64_t read_value(const blok_tensor *tensor, size_t i) {
  if (tensor->dtype == BLOK_I64) return ((const int64_t *)tensor->data)[i];
  if (tensor->dtype == BLOK_I32) return ((const int32_t *)tensor->data)[i];
  return ((const uint8_t *)tensor->data)[i] != 0;
}

bool blok_elements_get(const blok_fact *fact, blok_element items[BLOK_FACT_ELEMENTS], uint32_t *n) {
  size_t count = 0;
  if (!fact || !may_track(fact->dtype) || !blok_fact_count(fact, &count)) return false;
  if (count > BLOK_FACT_ELEMENTS) return false;
  *n = (uint32_t)count;
  const blok_tensor *tensor = fact->tensor;
  bool readable = tensor && tensor->dtype == fact->dtype && tensor->data;
  for (uint32_t i = 0; i < *n; i++) {
    if (fact->elements && i < fact->n_elements) {
      items[i] = fact->elements[i];
    } else if (readable) {
      items[i] = blok_element_of(read_value(tensor, i));
    } else {
      items[i] = blok_element_unknown();
    }
  }
  return true;
}

blok_status blok_elements_put(blok_infer *context, uint32_t slot, const blok_element *items,
                              uint32_t n, blok_error *error) {
  if (slot >= context->n_out || n > BLOK_FACT_ELEMENTS) return BLOK_OK;
  const blok_fact *out = &context->out[slot];
  size_t count = 0;
  if (!may_track(out->dtype) || !blok_fact_count(out, &count) || count != n) return BLOK_OK;
  blok_element wrapped[BLOK_FACT_ELEMENTS];
  bool any = false;
  for (uint32_t i = 0; i < n; i++) {
    wrapped[i] = items[i];
    any = any || items[i].known || items[i].symbol;
    if (!items[i].known) continue;
    if (out->dtype == BLOK_I32) wrapped[i].value = (int32_t)(uint32_t)(uint64_t)items[i].value;
    if (out->dtype == BLOK_BOOL) wrapped[i].value = items[i].value != 0;
  }
  if (!any) return BLOK_OK;
  return blok_infer_set_elements(context, slot, wrapped, n, error);
}

blok_status blok_elements_pass(blok_infer *context, blok_error *error) {
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (!blok_elements_get(blok_infer_in(context, 0), items, &n)) return BLOK_OK;
  return blok_elements_put(context, 0, items, n, error);
}

void blok_elements_spread(const blok_fact *in, const blok_fact *out,
                          uint32_t index[BLOK_FACT_ELEMENTS]) {
  int64_t at[BLOK_MAX_RANK] = {0};
  uint32_t stride[BLOK_MAX_RANK] = {0};
  uint32_t rank = (uint32_t)out->rank;
  uint32_t shift = rank - (uint32_t)in->rank;
  uint32_t step = 1;
  size_t count = 1;
  for (uint32_t axis = rank; axis-- > 0;) {
    count *= (size_t)out->dims[axis].value;
    if (axis < shift) continue;
    int64_t size = in->dims[axis - shift].value;
    stride[axis] = size == 1 ? 0 : step;
    step *= (uint32_t)size;
  }
  uint32_t offset = 0;
  for (size_t i = 0; i < count; i++) {
    index[i] = offset;
    for (uint32_t axis = rank; axis-- > 0;) {
      offset += stride[axis];
      if (++at[axis] < out->dims[axis].value) break;
      offset -= stride[axis] * (uint32_t)at[axis];
      at[axis] = 0;
    }
  }
}

bool blok_element_same(blok_element a, blok_element b) {
  if (a.known || b.known) return a.known && b.known && a.value == b.value;
  return a.symbol && b.symbol && strcmp(a.symbol, b.symbol) == 0;
}

int64_t blok_infer_length(const blok_fact *fact) {
  if (!blok_fact_ranked(fact)) return -1;
  if (fact->rank == 0) return 1;
  return fact->rank == 1 ? fact->dims[0].value : -1;
}

bool blok_infer_truth(const blok_fact *fact, bool *value) {
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (!blok_elements_get(fact, items, &n) || n != 1 || !items[0].known) return false;
  *value = items[0].value != 0;
  return true;
}
