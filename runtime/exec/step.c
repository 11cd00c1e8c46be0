// The run of a frame: steps in order, late values sized as they come, branches entered.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "reference/reference.h"
#include "runtime/exec/frame.h"

// What the reference's resize callback needs.
typedef struct step_context {
  blok_frame *frame;
  const blok_node *node;
} step_context;

static bool same_shape(const blok_tensor *tensor, uint32_t rank, const int64_t *dims) {
  return tensor->rank == rank &&
         (rank == 0 || memcmp(tensor->dims, dims, rank * sizeof *dims) == 0);
}

// Gives a late slot its shape and memory, or checks that a placed one has just this shape.
static blok_status give_shape(blok_frame *frame, blok_value_id id, blok_dtype dtype, uint32_t rank,
                              const int64_t *dims, blok_error *error) {
  blok_slot *slot = &frame->slots[id.i];
  blok_tensor *tensor = &slot->tensor;
  const char *name = blok_value_at(frame->plan->graph, id)->name;
  if (slot->kind == BLOK_SLOT_PLACED) {
    if (tensor->dtype == dtype && same_shape(tensor, rank, dims)) return BLOK_OK;
    return BLOK_FAIL(error, BLOK_E_SHAPE,
                     "value '%s' was sized as %s %s, but the run makes it %s %s",
                     blok_quote(name).text, blok_dtype_name(tensor->dtype),
                     blok_print_dims(tensor->dims, tensor->rank).text, blok_dtype_name(dtype),
                     blok_print_dims(dims, rank).text);
  }
  size_t count, bytes;
  if (rank > BLOK_MAX_RANK || !blok_dims_count(dims, rank, &count) ||
      !blok_dense_bytes(dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "value '%s' cannot have the shape %s",
                     blok_quote(name).text, blok_print_dims(dims, rank).text);
  }
  blok_slot_drop(frame->heap, slot);
  BLOK_TRY(blok_heap_take(frame->heap, bytes, &tensor->data, error));
  tensor->bytes = bytes;
  tensor->dtype = dtype;
  tensor->rank = rank;
  if (rank) memcpy(tensor->dims, dims, rank * sizeof *dims);
  return BLOK_OK;
}

static blok_status resize(blok_ref_call *call, uint32_t slot, uint32_t rank, const int64_t *dims,
                          blok_error *error) {
  step_context *context = call->context;
  blok_value_id id = context->node->outputs[slot];
  return give_shape(context->frame, id, call->out[slot]->dtype, rank, dims, error);
}

static bool has_late_output(const blok_frame *frame, const blok_node *node) {
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i].i && frame->slots[node->outputs[i].i].kind == BLOK_SLOT_LATE) return true;
  }
  return false;
}

// Late outputs get their shapes from inference on the inputs as they are now. NonZero's stays open:
// the reference tells it when it has computed.
static blok_status size_late_outputs(blok_frame *frame, uint32_t index, blok_arena *scratch,
                                     blok_error *error) {
  const blok_graph *graph = frame->plan->graph;
  blok_node_id node_id = frame->plan->steps[index].node;
  const blok_node *node = blok_node_at(graph, node_id);
  blok_fact *facts = blok_arena_array(scratch, node->n_inputs + node->n_outputs, sizeof *facts);
  const blok_fact **in = blok_arena_array(scratch, node->n_inputs, sizeof *in);
  if (!facts || !in) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!frame->in[index][i]) continue;
    BLOK_TRY(blok_fact_of_tensor(scratch, frame->in[index][i], &facts[i], error));
    in[i] = &facts[i];
  }
  blok_fact *out = facts + node->n_inputs;
  BLOK_TRY(blok_facts_node(graph, node_id, in, out, scratch, error));
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    blok_value_id id = node->outputs[i];
    if (!id.i || frame->slots[id.i].kind != BLOK_SLOT_LATE) continue;
    frame->slots[id.i].tensor.dtype = out[i].dtype;
    if (!blok_fact_shaped(&out[i])) {
      if (node->op == BLOK_OP_NonZero) continue;
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                       "%s node '%s': the shape of '%s' does not follow from the inputs",
                       blok_quote(node->op_type).text, blok_node_label(graph, node).text,
                       blok_quote(blok_value_at(graph, id)->name).text);
    }
    int64_t dims[BLOK_MAX_RANK];
    for (int32_t d = 0; d < out[i].rank; d++) dims[d] = out[i].dims[d].value;
    BLOK_TRY(give_shape(frame, id, out[i].dtype, (uint32_t)out[i].rank, dims, error));
  }
  return BLOK_OK;
}

static blok_status run_reference(blok_frame *frame, uint32_t index, blok_error *error) {
  const blok_node *node = blok_node_at(frame->plan->graph, frame->plan->steps[index].node);
  if (has_late_output(frame, node)) {
    blok_arena scratch;
    blok_arena_init(&scratch, &frame->heap->allocator);
    blok_status status = size_late_outputs(frame, index, &scratch, error);
    blok_arena_free(&scratch);
    if (status != BLOK_OK) return status;
  }
  step_context context = {frame, node};
  blok_ref_call call = {frame->plan->graph,
                        node,
                        node->n_inputs,
                        node->n_outputs,
                        frame->in[index],
                        frame->out[index],
                        &frame->heap->allocator,
                        resize,
                        &context};
  return blok_reference_run(&call, error);
}

// Values of the enclosing frame become the branch's captures for this run.
static void bind_captures(blok_frame *frame, blok_frame *branch, const blok_subgraph *subgraph) {
  for (uint32_t c = 0; c < subgraph->n_captures; c++) {
    blok_slot *inner = &branch->slots[subgraph->captures[c].inner.i];
    inner->kind = BLOK_SLOT_BORROWED;
    inner->tensor = frame->slots[subgraph->captures[c].outer.i].tensor;
  }
}

static blok_status run_if(blok_frame *frame, uint32_t index, const blok_executor_options *options,
                          blok_error *error) {
  const blok_step *step = &frame->plan->steps[index];
  const blok_node *node = blok_node_at(frame->plan->graph, step->node);
  const blok_tensor *condition = node->n_inputs ? frame->in[index][0] : NULL;
  size_t count = 0;
  if (!condition || condition->dtype != BLOK_BOOL ||
      !blok_dims_count(condition->dims, condition->rank, &count) || count != 1) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "If node '%s': the condition is not one bool",
                     blok_node_label(frame->plan->graph, node).text);
  }
  int taken = *(const uint8_t *)condition->data ? 0 : 1;
  blok_frame *branch = frame->branches[index][taken];
  bind_captures(frame, branch, step->subgraph[taken]);
  BLOK_TRY(blok_frame_run(branch, options, error));
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!node->outputs[i].i) continue;
    const blok_tensor *made = &branch->slots[branch->plan->graph->outputs[i].value.i].tensor;
    BLOK_TRY(give_shape(frame, node->outputs[i], made->dtype, made->rank, made->dims, error));
    blok_tensor *out = &frame->slots[node->outputs[i].i].tensor;
    if (out->bytes) memcpy(out->data, made->data, out->bytes);
  }
  blok_frame_drop_late(branch);
  return BLOK_OK;
}

// Late values that no later step reads are given back at once.
static void drop_ended(blok_frame *frame, uint32_t index) {
  const blok_node *node = blok_node_at(frame->plan->graph, frame->plan->steps[index].node);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    uint32_t v = node->inputs[i].i;
    blok_slot *slot = &frame->slots[v];
    if (!v || slot->kind != BLOK_SLOT_LATE || frame->plan->last_use[v] != index) continue;
    blok_slot_drop(frame->heap, slot);
  }
}

blok_status blok_frame_run(blok_frame *frame, const blok_executor_options *options,
                           blok_error *error) {
  blok_frame_drop_late(frame);
  for (uint32_t s = 0; s < frame->plan->n_steps; s++) {
    if (options->progress &&
        options->progress(options->progress_context, "run", s, frame->plan->n_steps) != 0) {
      return BLOK_FAIL(error, BLOK_E_CANCELLED, "the run was cancelled after %u of %u steps", s,
                       frame->plan->n_steps);
    }
    if (frame->plan->steps[s].branch[0]) {
      BLOK_TRY(run_if(frame, s, options, error));
    } else {
      BLOK_TRY(run_reference(frame, s, error));
    }
    drop_ended(frame, s);
  }
  return BLOK_OK;
}
