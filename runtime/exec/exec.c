// The executor: inputs and outputs around the main graph's frame. See runtime.h.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "runtime/exec/frame.h"

// Memory that a run handed out as an output. Kept as a number: the memory itself may be gone.
typedef struct handed_out {
  uintptr_t data;
  size_t bytes;
} handed_out;

struct blok_executor {
  blok_executor_options options;
  blok_engine *engine;
  const blok_plan *plan;
  blok_heap heap;
  uint32_t threads;  // that take part in a step at most
  // Inputs that a caller feeds: those that are no initializers, in order; and their shapes at the
  // last reshape.
  uint32_t n_inputs;
  blok_value_id *inputs;
  blok_tensor *known;
  handed_out *handed;  // by output: what the last run that owned it gave the caller
  // What a reshape makes: NULL and 0 without shapes.
  blok_shaped *shaped;
  blok_arena tables;  // of the frames
  blok_frame *frame;
  char *block;
  size_t block_bytes;
  char *scratch;  // the end of the block
  size_t scratch_stride;
  bool profiled;
  blok_step_time *times;
};

// ---- Making -------------------------------------------------------------------------------------

static blok_status list_inputs(blok_executor *executor, blok_error *error) {
  const blok_graph *graph = executor->plan->graph;
  const blok_allocator *allocator = &executor->options.allocator;
  executor->inputs = blok_alloc_array(allocator, graph->n_inputs, sizeof *executor->inputs);
  executor->known = blok_alloc_array(allocator, graph->n_inputs, sizeof *executor->known);
  executor->handed = blok_alloc_array(allocator, graph->n_outputs, sizeof *executor->handed);
  if (!executor->inputs || !executor->known || !executor->handed) {
    return blok_fail_memory(error, 0);
  }
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    blok_value_id id = graph->inputs[i].value;
    if (!blok_value_at(graph, id)->literal) executor->inputs[executor->n_inputs++] = id;
  }
  return BLOK_OK;
}

blok_status blok_executor_new(blok_engine *engine, const blok_executor_options *options,
                              blok_executor **out, blok_error *error) {
  blok_status status = BLOK_OK;
  *out = NULL;
  blok_executor *executor = blok_alloc_zero(&options->allocator, sizeof *executor);
  if (!executor) return blok_fail_memory(error, sizeof *executor);
  executor->options = *options;
  executor->engine = engine;
  executor->heap.allocator = options->allocator;
  executor->heap.limit = options->limits.run_bytes;
  blok_arena_init(&executor->tables, &options->allocator);
  executor->options.pool = options->pool ? blok_pool_retain(options->pool) : NULL;
  executor->threads = blok_pool_threads(options->pool);
  if (options->threads && options->threads < executor->threads) {
    executor->threads = options->threads;
  }
  const blok_isa *isa = options->isa ? options->isa : blok_isa_best();
  BLOK_TRY_TO(fail, blok_engine_plan(engine, isa, options->reference, !options->no_blocks,
                                     &executor->plan, error));
  BLOK_TRY_TO(fail, list_inputs(executor, error));
  *out = executor;
  return BLOK_OK;
fail:
  blok_executor_free(&executor);
  return status;
}

// Back to no shapes.
static void drop_shape(blok_executor *executor) {
  if (executor->frame) blok_frame_drop_late(executor->frame);
  executor->frame = NULL;
  blok_heap_give_block(&executor->heap, executor->block, executor->block_bytes);
  executor->block = executor->scratch = NULL;
  executor->block_bytes = executor->scratch_stride = 0;
  blok_free(&executor->options.allocator, executor->times);
  executor->times = NULL;
  blok_arena_free(&executor->tables);
  blok_engine_release(executor->engine, &executor->shaped);
}

void blok_executor_free(blok_executor **pointer) {
  blok_executor *executor = *pointer;
  if (!executor) return;
  *pointer = NULL;
  drop_shape(executor);
  blok_pool_release(executor->options.pool);
  blok_allocator allocator = executor->options.allocator;
  blok_free(&allocator, executor->inputs);
  blok_free(&allocator, executor->known);
  blok_free(&allocator, executor->handed);
  blok_free(&allocator, executor);
}

// ---- Inputs -------------------------------------------------------------------------------------

static const char *input_name(const blok_executor *executor, size_t index) {
  return blok_value_at(executor->plan->graph, executor->inputs[index])->name;
}

static blok_status check_input(const blok_executor *executor, const blok_tensor *tensor,
                               size_t index, blok_error *error) {
  const blok_graph *graph = executor->plan->graph;
  const blok_type *type = blok_value_at(graph, executor->inputs[index])->type;
  blok_quoted name = blok_quote(input_name(executor, index));
  if (tensor->struct_size < sizeof *tensor || tensor->rank > BLOK_MAX_RANK) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "input '%s': not made by BLOK_TENSOR_INIT, or a rank above %d", name.text,
                     BLOK_MAX_RANK);
  }
  if (type && type->kind != BLOK_TYPE_TENSOR && type->kind != BLOK_TYPE_NONE) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "input '%s' is no tensor: this build runs tensors only", name.text);
  }
  if (type && type->kind == BLOK_TYPE_TENSOR && type->dtype != BLOK_UNDEFINED &&
      type->dtype != tensor->dtype) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "input '%s' is %s, but %s was given", name.text,
                     blok_dtype_name(type->dtype), blok_dtype_name(tensor->dtype));
  }
  if (type && type->has_shape && type->rank != tensor->rank) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "input '%s' has %u axes, but %u were given: %s",
                     name.text, type->rank, tensor->rank,
                     blok_print_dims(tensor->dims, tensor->rank).text);
  }
  size_t count, bytes;
  if (!blok_dims_count(tensor->dims, tensor->rank, &count) ||
      !blok_dense_bytes(tensor->dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "input '%s' cannot have the shape %s of %s", name.text,
                     blok_print_dims(tensor->dims, tensor->rank).text,
                     blok_dtype_name(tensor->dtype));
  }
  return BLOK_OK;
}

static blok_status check_inputs(const blok_executor *executor, const blok_tensor *inputs,
                                size_t count, blok_error *error) {
  if (count != executor->n_inputs) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "the model has %u inputs, but %zu were given",
                     executor->n_inputs, count);
  }
  for (size_t i = 0; i < count; i++) BLOK_TRY(check_input(executor, &inputs[i], i, error));
  return BLOK_OK;
}

// Only the shape of the tensor counts here: its data may not be there yet.
static blok_status input_fact(blok_arena *arena, const blok_tensor *tensor, blok_fact *fact,
                              blok_error *error) {
  blok_dim *dims = blok_arena_array(arena, tensor->rank, sizeof *dims);
  if (!dims) return blok_fail_memory(error, 0);
  for (uint32_t d = 0; d < tensor->rank; d++) dims[d] = blok_dim_of(tensor->dims[d]);
  *fact = (blok_fact){.kind = BLOK_TYPE_TENSOR,
                      .dtype = tensor->dtype,
                      .rank = (int32_t)tensor->rank,
                      .dims = dims};
  return BLOK_OK;
}

// The facts of the graph's inputs, by position: nothing where an initializer stands.
static blok_status input_facts(const blok_executor *executor, const blok_tensor *inputs,
                               blok_arena *scratch, blok_fact **out, blok_error *error) {
  const blok_graph *graph = executor->plan->graph;
  blok_fact *facts = blok_arena_array(scratch, graph->n_inputs, sizeof *facts);
  if (!facts) return blok_fail_memory(error, 0);
  size_t fed = 0;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    if (blok_value_at(graph, graph->inputs[i].value)->literal) continue;
    BLOK_TRY(input_fact(scratch, &inputs[fed++], &facts[i], error));
  }
  *out = facts;
  return BLOK_OK;
}

// ---- Shapes -------------------------------------------------------------------------------------

static blok_status start_times(blok_executor *executor, blok_error *error) {
  blok_free(&executor->options.allocator, executor->times);
  executor->times = NULL;
  if (!executor->profiled || !executor->shaped) return BLOK_OK;
  size_t n = executor->shaped->n_steps;
  executor->times = blok_alloc_array(&executor->options.allocator, n, sizeof *executor->times);
  return executor->times ? BLOK_OK : blok_fail_memory(error, n * sizeof *executor->times);
}

// One block for all frames and the workers' scratch.
static blok_status take_memory(blok_executor *executor, blok_error *error) {
  size_t frames, scratch, total;
  BLOK_TRY(blok_frame_new(executor->shaped, &executor->heap, &executor->tables, &executor->frame,
                          error));
  // Without a step worth sharing out there is one worker.
  size_t workers = executor->frame->parallel ? executor->threads : 1;
  executor->scratch_stride = (blok_frame_scratch(executor->frame) + 63) & ~(size_t)63;
  if (!blok_frame_bytes(executor->frame, &frames) ||
      !blok_mul_size(executor->scratch_stride, workers, &scratch) ||
      !blok_add_size(frames, scratch, &total)) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  BLOK_TRY(blok_heap_take_block(&executor->heap, total, &executor->block, error));
  executor->block_bytes = total;
  executor->scratch = executor->block + frames;
  blok_frame_place(executor->frame, executor->block);
  return start_times(executor, error);
}

blok_status blok_executor_reshape(blok_executor *executor, const blok_tensor *inputs, size_t count,
                                  blok_error *error) {
  BLOK_TRY(check_inputs(executor, inputs, count, error));
  if (blok_executor_shaped_for(executor, inputs, count)) return BLOK_OK;
  blok_fact *facts = NULL;
  blok_shaped *shaped = NULL;
  blok_arena scratch;
  blok_arena_init(&scratch, &executor->options.allocator);
  blok_status status = input_facts(executor, inputs, &scratch, &facts, error);
  // The old plan lives until the new one is made, since they share packed weights; the old memory
  // goes before the new is taken, so that the limit holds for one of them.
  if (status == BLOK_OK) {
    status = blok_engine_shape(executor->engine, executor->plan, facts, &executor->options.limits,
                               &shaped, error);
  }
  blok_arena_free(&scratch);
  drop_shape(executor);
  if (status != BLOK_OK) return status;
  executor->shaped = shaped;
  status = take_memory(executor, error);
  if (status != BLOK_OK) {
    drop_shape(executor);
    return status;
  }
  for (size_t i = 0; i < count; i++) {
    executor->known[i] = inputs[i];
    executor->known[i].data = NULL;
  }
  return BLOK_OK;
}

bool blok_executor_shaped_for(const blok_executor *executor, const blok_tensor *inputs,
                              size_t count) {
  if (!executor->frame || count != executor->n_inputs) return false;
  for (size_t i = 0; i < count; i++) {
    const blok_tensor *known = &executor->known[i];
    if (known->dtype != inputs[i].dtype || known->rank != inputs[i].rank) return false;
    if (known->rank &&
        memcmp(known->dims, inputs[i].dims, known->rank * sizeof *known->dims) != 0) {
      return false;
    }
  }
  return true;
}

const blok_shaped *blok_executor_shaped(const blok_executor *executor) { return executor->shaped; }

size_t blok_executor_arena_bytes(const blok_executor *executor) {
  return executor->block_bytes + executor->tables.total;
}

void blok_executor_heap_bytes(const blok_executor *executor, uint64_t *now, uint64_t *most) {
  *now = executor->heap.late;
  *most = executor->heap.late_most;
}

// ---- Profile ------------------------------------------------------------------------------------

blok_status blok_executor_profile(blok_executor *executor, bool on, blok_error *error) {
  executor->profiled = on;
  blok_status status = start_times(executor, error);
  if (status != BLOK_OK) executor->profiled = false;
  return status;
}

const blok_step_time *blok_executor_times(const blok_executor *executor) { return executor->times; }

// ---- Outputs ------------------------------------------------------------------------------------

static void copy_shape(blok_tensor *out, const blok_tensor *from) {
  out->dtype = from->dtype;
  out->rank = from->rank;
  memcpy(out->dims, from->dims, sizeof out->dims);
}

static blok_status fail_output_size(blok_error *error, size_t index) {
  return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                   "output %zu: the tensor's struct_size is too small: begin with BLOK_TENSOR_INIT",
                   index);
}

blok_status blok_executor_output(const blok_executor *executor, size_t index, blok_tensor *out,
                                 blok_error *error) {
  const blok_graph *graph = executor->plan->graph;
  if (index >= graph->n_outputs) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "the model has %u outputs, there is none of index %zu",
                     graph->n_outputs, index);
  }
  if (!executor->frame) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "the session has no shapes yet: reshape it first");
  }
  if (out->struct_size < sizeof *out) return fail_output_size(error, index);
  blok_value_id id = graph->outputs[index].value;
  const blok_tensor *tensor = blok_frame_output(executor->frame, (uint32_t)index);
  if (!tensor || tensor->rank == BLOK_RANK_OPEN) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "output '%s': only a run knows how many axes it has",
                     blok_quote(blok_value_at(graph, id)->name).text);
  }
  copy_shape(out, tensor);
  return BLOK_OK;
}

// A tensor that a run filled with memory of ours comes back for the next one: it is no buffer of
// the caller's, and what it points to may have been freed by a reshape.
static bool came_from_us(const handed_out *handed, const blok_tensor *out) {
  return out->data && (uintptr_t)out->data == handed->data && out->bytes == handed->bytes;
}

static blok_status hand_out(const blok_executor *executor, size_t index, blok_tensor *out,
                            blok_error *error) {
  blok_value_id id = executor->plan->graph->outputs[index].value;
  const blok_tensor *made = blok_frame_output(executor->frame, (uint32_t)index);
  size_t bytes;
  if (!made || !blok_tensor_dense(made, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "output '%s' has no shape after the run",
                     blok_quote(blok_value_at(executor->plan->graph, id)->name).text);
  }
  copy_shape(out, made);
  handed_out *handed = &executor->handed[index];
  if (!out->data || came_from_us(handed, out)) {
    out->data = made->data;
    out->bytes = bytes;
    *handed = (handed_out){(uintptr_t)made->data, bytes};
    return BLOK_OK;
  }
  size_t given = out->bytes;
  if (given < bytes) {
    out->bytes = bytes;
    return BLOK_FAIL(error, BLOK_E_BUFFER,
                     "output '%s' of shape %s needs %zu bytes, the buffer has %zu",
                     blok_quote(blok_value_at(executor->plan->graph, id)->name).text,
                     blok_print_dims(made->dims, made->rank).text, bytes, given);
  }
  if (bytes) memcpy(out->data, made->data, bytes);
  return BLOK_OK;
}

// The pool is kept for the whole run, so that its threads stay awake between steps.
static blok_status run_frame(blok_executor *executor, blok_error *error) {
  blok_run run = {.options = &executor->options,
                  .threads = executor->threads,
                  .scratch = executor->scratch,
                  .scratch_stride = executor->scratch_stride};
  executor->heap.late_most = 0;
  bool kept =
      executor->frame->parallel && executor->threads > 1 && blok_pool_begin(executor->options.pool);
  blok_status status = blok_frame_run(executor->frame, &run, executor->times, error);
  if (kept) blok_pool_end(executor->options.pool);
  return status;
}

blok_status blok_executor_run(blok_executor *executor, const blok_tensor *inputs,
                              size_t input_count, blok_tensor *outputs, size_t output_count,
                              blok_error *error) {
  const blok_graph *graph = executor->plan->graph;
  BLOK_TRY(check_inputs(executor, inputs, input_count, error));
  if (output_count > graph->n_outputs) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "the model has %u outputs, but %zu were asked for",
                     graph->n_outputs, output_count);
  }
  if (!blok_executor_shaped_for(executor, inputs, input_count)) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "the session was reshaped for other input shapes");
  }
  for (size_t i = 0; i < output_count; i++) {
    if (outputs[i].struct_size < sizeof *outputs) return fail_output_size(error, i);
  }
  for (size_t i = 0; i < input_count; i++) {
    size_t count = 0, bytes = 0;
    bool sized = blok_dims_count(inputs[i].dims, inputs[i].rank, &count) &&
                 blok_dense_bytes(inputs[i].dtype, count, &bytes);
    if (!sized || inputs[i].bytes < bytes || (bytes && !inputs[i].data)) {
      return BLOK_FAIL(error, BLOK_E_ARGUMENT, "input '%s' needs %zu bytes, but %zu were given",
                       blok_quote(input_name(executor, i)).text, bytes,
                       inputs[i].data ? inputs[i].bytes : 0);
    }
    BLOK_TRY(blok_frame_bind(executor->frame, executor->inputs[i], &inputs[i], error));
  }
  BLOK_TRY(run_frame(executor, error));
  // Past a buffer that is too small, the others are still told what they need.
  blok_status status = BLOK_OK;
  for (size_t i = 0; i < output_count; i++) {
    blok_status one = hand_out(executor, i, &outputs[i], error);
    if (status == BLOK_OK) status = one;
  }
  return status;
}
