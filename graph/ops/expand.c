// Expand: the input broadcast with a shape.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

static blok_status expand_elements(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  blok_element own[BLOK_FACT_ELEMENTS];
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t index[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  size_t count = 0;
  if (!blok_elements_get(in, own, &n)) return BLOK_OK;
  if (!blok_fact_count(&context->out[0], &count) || count > BLOK_FACT_ELEMENTS) return BLOK_OK;
  blok_elements_spread(in, &context->out[0], index);
  for (size_t i = 0; i < count; i++) items[i] = own[index[i]];
  return blok_elements_put(context, 0, items, (uint32_t)count, error);
}

blok_status blok_infer_Expand(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  const blok_fact *shape = blok_infer_in(context, 1);
  if (!in || context->n_out == 0) return BLOK_OK;
  int64_t length = blok_infer_length(shape);
  if (length > BLOK_MAX_RANK) {
    return blok_infer_fail(context, error, "the shape asked for has %lld axes, the limit is %u",
                           (long long)length, (unsigned)BLOK_MAX_RANK);
  }
  blok_element sizes[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (!blok_fact_ranked(in) || length < 0 || !blok_elements_get(shape, sizes, &n)) {
    blok_infer_set_dtype(context, 0, in->dtype);
    return BLOK_OK;
  }
  blok_dim asked[BLOK_MAX_RANK];
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t rank = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (sizes[i].known && sizes[i].value < 0) {
      return blok_infer_fail(context, error, "axis %u of the shape asked for is %lld", i,
                             (long long)sizes[i].value);
    }
    asked[i] = blok_dim_of_element(sizes[i]);
  }
  if (!blok_broadcast_dims(in->dims, (uint32_t)in->rank, asked, n, dims, &rank)) {
    blok_fact wanted = *in;
    wanted.rank = (int32_t)n;
    wanted.dims = asked;
    return blok_infer_fail(context, error, "input %s cannot be broadcast to %s",
                           blok_print_fact(in).text, blok_print_fact(&wanted).text);
  }
  BLOK_TRY(blok_infer_set(context, 0, in->dtype, rank, dims, error));
  return expand_elements(context, error);
}
