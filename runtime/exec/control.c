// If: the frame of the branch that is taken runs inside.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "runtime/exec/frame.h"

blok_status blok_frame_bind_captures(blok_frame *frame, uint32_t step, uint32_t body,
                                     blok_error *error) {
  const blok_step_body *inner = &frame->shaped->steps[step].bodies[body];
  for (uint32_t c = 0; c < inner->subgraph->n_captures; c++) {
    blok_buffer_id outer = inner->captures[c];
    if (!outer) continue;
    BLOK_TRY(blok_frame_bind(frame->bodies[step][body], inner->subgraph->captures[c].inner,
                             &frame->tensors[outer], error));
  }
  return BLOK_OK;
}

blok_status blok_frame_give(blok_frame *frame, blok_buffer_id id, const blok_tensor *made,
                            blok_error *error) {
  BLOK_TRY(blok_frame_size(frame, id, made->dtype, made->rank, made->dims, error));
  blok_tensor *out = &frame->tensors[id];
  size_t bytes;
  if (!blok_tensor_dense(out, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "a body's output has no size");
  }
  if (bytes) memcpy(out->data, made->data, bytes);
  return BLOK_OK;
}

static blok_status run_if(blok_frame *frame, uint32_t index, blok_run *run, blok_error *error) {
  const blok_step *step = &frame->shaped->steps[index];
  const blok_graph *graph = frame->shaped->plan->graph;
  blok_quoted label = blok_node_label(graph, blok_node_at(graph, step->node));
  const blok_tensor *condition = step->n_reads ? frame->in[index][0] : NULL;
  size_t count = 0;
  if (!condition || condition->dtype != BLOK_BOOL ||
      !blok_dims_count(condition->dims, condition->rank, &count) || count != 1) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "If node '%s': the condition is not one bool",
                     label.text);
  }
  uint32_t taken = *(const uint8_t *)condition->data ? 0 : 1;
  blok_frame *branch = frame->bodies[index][taken];
  BLOK_TRY(blok_frame_bind_captures(frame, index, taken, error));
  BLOK_TRY(blok_frame_run(branch, run, NULL, error));
  for (uint32_t i = 0; i < step->n_writes; i++) {
    if (!step->writes[i]) continue;
    const blok_tensor *made = blok_frame_output(branch, i);
    if (!made) {
      return BLOK_FAIL(error, BLOK_E_INTERNAL, "If node '%s': output %u was not made", label.text,
                       i);
    }
    BLOK_TRY(blok_frame_give(frame, step->writes[i], made, error));
  }
  blok_frame_drop_late(branch);
  return BLOK_OK;
}

blok_status blok_frame_control(blok_frame *frame, uint32_t step, blok_run *run, blok_error *error) {
  const blok_graph *graph = frame->shaped->plan->graph;
  blok_op op = blok_node_at(graph, frame->shaped->steps[step].node)->op;
  if (op == BLOK_OP_Loop) return blok_frame_loop(frame, step, run, error);
  if (op == BLOK_OP_Scan) return blok_frame_scan(frame, step, run, error);
  return run_if(frame, step, run, error);
}
