// Elementwise operators whose output has the shape of their first input.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

blok_status blok_infer_Same(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  if (!in || context->n_out == 0) return BLOK_OK;
  bool identity = context->node->op == BLOK_OP_Identity;
  if (identity && in->kind != BLOK_TYPE_TENSOR) {
    context->out[0] = *in;
    return BLOK_OK;
  }
  BLOK_TRY(blok_infer_like(context, 0, in, in->dtype, error));
  if (!identity) return BLOK_OK;
  context->out[0].tensor = in->tensor;
  return blok_elements_pass(context, error);
}

blok_status blok_infer_Dropout(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  if (!in) return BLOK_OK;
  BLOK_TRY(blok_infer_like(context, 0, in, in->dtype, error));
  return blok_infer_like(context, 1, in, BLOK_BOOL, error);
}

// Elements that survive a change of the element type: numbers always (wrapped by
// blok_elements_put), symbols among the wide integers.
static blok_status cast_elements(blok_infer *context, blok_error *error) {
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  if (!blok_elements_get(blok_infer_in(context, 0), items, &n)) return BLOK_OK;
  if (context->out[0].dtype == BLOK_BOOL) {
    for (uint32_t i = 0; i < n; i++) items[i].symbol = NULL;
  }
  return blok_elements_put(context, 0, items, n, error);
}

blok_status blok_infer_Cast(blok_infer *context, blok_error *error) {
  int64_t to = blok_node_int(context->node, "to", BLOK_UNDEFINED);
  if (to <= BLOK_UNDEFINED || to > BLOK_I2) {
    return blok_infer_fail(context, error, "attribute to is %lld, which names no element type",
                           (long long)to);
  }
  const blok_fact *in = blok_infer_in(context, 0);
  if (!in || context->n_out == 0) return BLOK_OK;
  BLOK_TRY(blok_infer_like(context, 0, in, (blok_dtype)to, error));
  return cast_elements(context, error);
}

blok_status blok_infer_CastLike(blok_infer *context, blok_error *error) {
  const blok_fact *in = blok_infer_in(context, 0);
  const blok_fact *like = blok_infer_in(context, 1);
  if (!in || context->n_out == 0) return BLOK_OK;
  BLOK_TRY(blok_infer_like(context, 0, in, like ? like->dtype : BLOK_UNDEFINED, error));
  return cast_elements(context, error);
}

blok_status blok_infer_Test(blok_infer *context, blok_error *error) {
  return blok_infer_like(context, 0, blok_infer_in(context, 0), BLOK_BOOL, error);
}
