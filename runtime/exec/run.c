// The run of a frame: steps in order, kernels shared out over threads, late values sized as they
// come.
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/pool.h"
#include "base/size.h"
#include "reference/reference.h"
#include "runtime/exec/frame.h"

// ---- Kernels ------------------------------------------------------------------------------------

// Waking another thread and waiting for it takes some microseconds. A step that one thread does in
// less is left to it: at about 32 multiply-adds and 16 bytes a nanosecond.
bool blok_step_parallel(const blok_step *step) {
  enum { MACS_A_NANOSECOND = 32, BYTES_A_NANOSECOND = 16, LEAST_NANOSECONDS = 4000 };
  return step->kind == BLOK_STEP_KERNEL && step->cells > 1 &&
         step->macs / MACS_A_NANOSECOND + step->bytes / BYTES_A_NANOSECOND >= LEAST_NANOSECONDS;
}

typedef struct kernel_call {
  const blok_step *step;
  blok_step_call call;
} kernel_call;

static void run_cells(void *context, uint32_t first, uint32_t last, uint32_t worker) {
  const kernel_call *self = context;
  self->step->run(&self->call, first, last, worker);
}

static void run_kernel(blok_frame *frame, const blok_step *step, const blok_run *run) {
  kernel_call self = {step, {step->args, frame->data, run->scratch, run->scratch_stride}};
  if (blok_step_parallel(step)) {
    blok_pool_run(run->options->pool, run->threads, (uint32_t)step->cells, run_cells, &self);
  } else if (step->cells) {
    step->run(&self.call, 0, (uint32_t)step->cells, 0);
  }
}

// What taps outside the picture read: one pixel behind each plane.
static void write_zeros(blok_frame *frame, blok_buffer_id id) {
  const blok_planes *planes = &frame->shaped->buffers[id].planes;
  size_t lanes = frame->shaped->plan->options.isa->lanes;
  size_t pixel = (size_t)planes->h * planes->w * lanes;
  for (uint32_t n = 0; n < planes->n; n++) {
    float *image = (float *)(void *)frame->data[id] + n * planes->batch_stride + pixel;
    for (uint32_t k = 0; k < planes->blocks; k++) {
      memset(image + k * planes->plane_stride, 0, lanes * sizeof *image);
    }
  }
}

// ---- The reference ------------------------------------------------------------------------------

// What the reference's resize callback needs.
typedef struct reference_context {
  blok_frame *frame;
  const blok_step *step;
} reference_context;

static blok_status resize(blok_ref_call *call, uint32_t slot, uint32_t rank, const int64_t *dims,
                          blok_error *error) {
  reference_context *context = call->context;
  return blok_frame_size(context->frame, context->step->writes[slot], call->out[slot]->dtype, rank,
                         dims, error);
}

static bool has_late_output(const blok_frame *frame, const blok_step *step) {
  for (uint32_t i = 0; i < step->n_writes; i++) {
    if (step->writes[i] && frame->shaped->buffers[step->writes[i]].kind == BLOK_BUFFER_LATE) {
      return true;
    }
  }
  return false;
}

// Late outputs get their shapes from inference on the inputs as they are now. NonZero's stays open:
// the reference tells it when it has computed.
static blok_status size_late_outputs(blok_frame *frame, uint32_t index, blok_arena *scratch,
                                     blok_error *error) {
  const blok_step *step = &frame->shaped->steps[index];
  const blok_graph *graph = frame->shaped->plan->graph;
  const blok_node *node = blok_node_at(graph, step->node);
  blok_fact *facts = blok_arena_array(scratch, node->n_inputs + node->n_outputs, sizeof *facts);
  const blok_fact **in = blok_arena_array(scratch, node->n_inputs, sizeof *in);
  if (!facts || !in) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < node->n_inputs && i < step->n_reads; i++) {
    if (!frame->in[index][i]) continue;
    BLOK_TRY(blok_fact_of_tensor(scratch, frame->in[index][i], &facts[i], error));
    in[i] = &facts[i];
  }
  blok_fact *out = facts + node->n_inputs;
  BLOK_TRY(blok_facts_node(graph, step->node, in, out, scratch, error));
  for (uint32_t i = 0; i < node->n_outputs && i < step->n_writes; i++) {
    blok_buffer_id id = step->writes[i];
    if (!id || frame->shaped->buffers[id].kind != BLOK_BUFFER_LATE) continue;
    frame->tensors[id].dtype = out[i].dtype;
    if (!blok_fact_shaped(&out[i])) {
      if (node->op == BLOK_OP_NonZero) continue;
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                       "%s node '%s': the shape of '%s' does not follow from the inputs",
                       blok_quote(node->op_type).text, blok_node_label(graph, node).text,
                       blok_quote(blok_value_at(graph, node->outputs[i])->name).text);
    }
    int64_t dims[BLOK_MAX_RANK];
    for (int32_t d = 0; d < out[i].rank; d++) dims[d] = out[i].dims[d].value;
    BLOK_TRY(blok_frame_size(frame, id, out[i].dtype, (uint32_t)out[i].rank, dims, error));
  }
  return BLOK_OK;
}

static blok_status run_reference(blok_frame *frame, uint32_t index, blok_error *error) {
  const blok_step *step = &frame->shaped->steps[index];
  const blok_graph *graph = frame->shaped->plan->graph;
  if (has_late_output(frame, step)) {
    blok_arena scratch;
    blok_arena_init(&scratch, &frame->heap->allocator);
    blok_status status = size_late_outputs(frame, index, &scratch, error);
    blok_arena_free(&scratch);
    if (status != BLOK_OK) return status;
  }
  reference_context context = {frame, step};
  blok_ref_call call = {graph,
                        blok_node_at(graph, step->node),
                        step->n_reads,
                        step->n_writes,
                        frame->in[index],
                        frame->out[index],
                        &frame->heap->allocator,
                        resize,
                        &context};
  return blok_reference_run(&call, error);
}

// ---- Steps --------------------------------------------------------------------------------------

// Late values that no later step reads are given back at once.
static void drop_ended(blok_frame *frame, uint32_t step) {
  for (blok_buffer_id b = frame->first_ended[step]; b; b = frame->next_ended[b]) {
    blok_frame_drop(frame, b);
  }
}

static blok_status run_step(blok_frame *frame, uint32_t index, blok_run *run, blok_error *error) {
  const blok_step *step = &frame->shaped->steps[index];
  if (step->kind == BLOK_STEP_REFERENCE) return run_reference(frame, index, error);
  if (step->kind == BLOK_STEP_CONTROL) return blok_frame_control(frame, index, run, error);
  run_kernel(frame, step, run);
  return BLOK_OK;
}

static void add_time(blok_step_time *time, uint64_t began) {
  uint64_t took = blok_clock_now() - began;
  if (time->runs == 0 || took < time->least) time->least = took;
  time->nanoseconds += took;
  time->runs++;
}

blok_status blok_frame_run(blok_frame *frame, blok_run *run, blok_step_time *times,
                           blok_error *error) {
  const blok_executor_options *options = run->options;
  uint32_t n_steps = frame->shaped->n_steps;
  const blok_zero_pixels *zeros = frame->zeros, *end = zeros + frame->n_zeros;
  blok_frame_drop_late(frame);
  for (uint32_t s = 0; s < n_steps; s++) {
    if (options->progress && options->progress(options->progress_context, "run", s, n_steps) != 0) {
      return BLOK_FAIL(error, BLOK_E_CANCELLED, "the run was cancelled after %u of %u steps", s,
                       n_steps);
    }
    uint64_t began = times ? blok_clock_now() : 0;
    BLOK_TRY(run_step(frame, s, run, error));
    for (; zeros < end && zeros->step == s; zeros++) write_zeros(frame, zeros->buffer);
    if (times) add_time(&times[s], began);
    drop_ended(frame, s);
  }
  return BLOK_OK;
}
