// Shapes of GatherElements, GatherND, ScatterElements and ScatterND: elements or slices picked by
// indices into several axes.
#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

blok_status blok_infer_GatherElements(blok_infer *infer, blok_error *error) {
  const blok_fact *in = blok_infer_in(infer, 0);
  const blok_fact *indices = blok_infer_in(infer, 1);
  if (blok_fact_ranked(in)) {
    uint32_t axis = 0;
    BLOK_TRY(blok_infer_axis(infer, in, &axis, error));
    if (blok_fact_ranked(indices) && indices->rank != in->rank) {
      return blok_infer_fail(infer, error, "input %s and indices %s have different ranks",
                             blok_print_fact(in).text, blok_print_fact(indices).text);
    }
  }
  return blok_infer_like(infer, 0, indices, in ? in->dtype : BLOK_UNDEFINED, error);
}

blok_status blok_infer_GatherND(blok_infer *infer, blok_error *error) {
  const blok_fact *in = blok_infer_in(infer, 0);
  const blok_fact *indices = blok_infer_in(infer, 1);
  int64_t batch = blok_node_int(infer->node, "batch_dims", 0);
  blok_infer_set_dtype(infer, 0, in ? in->dtype : BLOK_UNDEFINED);
  if (!blok_fact_ranked(in) || !blok_fact_ranked(indices)) return BLOK_OK;
  int64_t rank = in->rank, lists = (int64_t)indices->rank - 1;
  if (batch < 0 || batch > lists || batch >= rank) {
    return blok_infer_fail(infer, error, "batch_dims %lld do not fit input %s and indices %s",
                           (long long)batch, blok_print_fact(in).text,
                           blok_print_fact(indices).text);
  }
  int64_t length = indices->dims[lists].value;
  if (length < 0) return BLOK_OK;
  int64_t left = rank - batch - length;
  if (length == 0 || left < 0 || lists + left > BLOK_MAX_RANK) {
    return blok_infer_fail(infer, error, "indices %s of %lld axes do not fit input %s",
                           blok_print_fact(indices).text, (long long)length,
                           blok_print_fact(in).text);
  }
  blok_dim dims[BLOK_MAX_RANK];
  for (int64_t i = 0; i < lists; i++) dims[i] = indices->dims[i];
  for (int64_t i = 0; i < left; i++) dims[lists + i] = in->dims[batch + length + i];
  return blok_infer_set(infer, 0, in->dtype, (uint32_t)(lists + left), dims, error);
}

// The output is the first input with some elements changed.
blok_status blok_infer_Scatter(blok_infer *infer, blok_error *error) {
  const blok_fact *in = blok_infer_in(infer, 0);
  const blok_fact *updates = blok_infer_in(infer, 2);
  if (in && updates && in->dtype != BLOK_UNDEFINED && updates->dtype != BLOK_UNDEFINED &&
      in->dtype != updates->dtype) {
    return blok_infer_fail(infer, error, "element types %s and %s do not go together",
                           blok_dtype_name(in->dtype), blok_dtype_name(updates->dtype));
  }
  return blok_infer_like(infer, 0, in, in ? in->dtype : BLOK_UNDEFINED, error);
}
