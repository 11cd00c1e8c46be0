// Reading a session's steps and memory. See steps.h.
#include "tools/steps.h"

#include <stdlib.h>

#include "tools/shape.h"

blok_status blok_steps_read(blok_steps *steps, const blok_model *model, const blok_session *session,
                            blok_error *error) {
  *steps = (blok_steps){
      .model = model, .machine = BLOK_MACHINE_INFO_INIT, .memory = BLOK_MEMORY_INFO_INIT};
  blok_status status = blok_session_machine(session, &steps->machine, error);
  if (status == BLOK_OK) status = blok_session_memory(session, &steps->memory, error);
  if (status != BLOK_OK) return status;
  steps->items = blok_cli_alloc(steps->machine.steps, sizeof *steps->items);
  for (; steps->count < steps->machine.steps; steps->count++) {
    blok_step_info *step = &steps->items[steps->count];
    *step = (blok_step_info)BLOK_STEP_INFO_INIT;
    status = blok_session_step(session, steps->count, step, error);
    if (status != BLOK_OK) return status;
  }
  return BLOK_OK;
}

void blok_steps_free(blok_steps *steps) {
  free(steps->items);
  steps->items = NULL;
  steps->count = 0;
}

const blok_block *blok_steps_block(const blok_steps *steps, size_t index) {
  const int32_t block = steps->items[index].block;
  return block < 0 ? NULL : blok_model_block(steps->model, (size_t)block);
}

const blok_block *blok_steps_outermost(const blok_steps *steps, size_t index) {
  const blok_block *block = blok_steps_block(steps, index);
  while (block != NULL && block->parent >= 0) {
    block = blok_model_block(steps->model, (size_t)block->parent);
  }
  return block;
}

blok_shown blok_steps_shape(const blok_step_info *step) {
  if (step->dtype == BLOK_UNDEFINED) return blok_show("scratch");
  blok_shown shown;
  const blok_shown dims =
      step->rank < 0 ? blok_show("?") : blok_show_dims(step->dims, (size_t)step->rank);
  (void)snprintf(shown.text, sizeof shown.text, "%s %.200s", blok_dtype_name(step->dtype),
                 dims.text);
  return shown;
}

blok_shown blok_steps_layout(const blok_step_info *step) {
  blok_shown shown = blok_show(step->layout);
  if (step->lanes > 0) {
    (void)snprintf(shown.text, sizeof shown.text, "%s %u", step->layout, step->lanes);
  }
  return shown;
}

// ---- JSON ---------------------------------------------------------------------------------------

void blok_steps_json_machine(const blok_steps *steps, blok_json *json) {
  blok_json_text(json, "isa", steps->machine.isa);
  blok_json_uint(json, "threads", steps->machine.threads);
}

void blok_steps_json_memory(const blok_steps *steps, blok_json *json) {
  const blok_memory_info *memory = &steps->memory;
  blok_json_uint(json, "arena_bytes", memory->arena_bytes);
  blok_json_uint(json, "value_bytes", memory->value_bytes);
  blok_json_uint(json, "live_bytes", memory->live_bytes);
  blok_json_uint(json, "live_step", memory->live_step);
  blok_json_uint(json, "scratch_bytes", memory->scratch_bytes);
  blok_json_uint(json, "packed_bytes", memory->packed_bytes);
  blok_json_uint(json, "heap_bytes", memory->heap_bytes);
  blok_json_uint(json, "heap_most_bytes", memory->heap_most_bytes);
}

static void json_nodes(const blok_steps *steps, const blok_session *session, size_t index,
                       blok_json *json) {
  blok_json_open(json, "nodes", '[');
  for (size_t m = 0; m < steps->items[index].nodes; m++) {
    const size_t node = blok_session_step_node(session, index, m);
    blok_node_info info = BLOK_NODE_INFO_INIT;
    if (blok_model_node(steps->model, node, &info) == BLOK_OK) {
      blok_json_text(json, NULL, info.name);
    }
  }
  blok_json_close(json);
}

static void json_shape(const blok_step_info *step, blok_json *json) {
  blok_axis axes[BLOK_MAX_RANK];
  for (int32_t d = 0; d < step->rank; d++) axes[d] = (blok_axis){step->dims[d], NULL};
  const bool is_value = step->dtype != BLOK_UNDEFINED;
  blok_json_text(json, "dtype", is_value ? blok_dtype_name(step->dtype) : NULL);
  blok_json_axes(json, "shape", axes, is_value ? step->rank : -1);
}

void blok_steps_json_step(const blok_steps *steps, const blok_session *session, size_t index,
                          blok_json *json) {
  const blok_step_info *step = &steps->items[index];
  const blok_block *block = blok_steps_block(steps, index);
  blok_json_uint(json, "index", index);
  blok_json_text(json, "name", step->name);
  blok_json_text(json, "op", step->op);
  json_nodes(steps, session, index, json);
  blok_json_text(json, "block", block == NULL ? NULL : block->name);
  blok_json_text(json, "block_kind", block == NULL ? NULL : blok_block_kind_name(block->kind));
  blok_json_text(json, "kernel", step->kernel);
  blok_json_text(json, "layout", step->layout);
  blok_json_uint(json, "lanes", step->lanes);
  json_shape(step, json);
  blok_json_uint(json, "bytes", step->bytes);
  blok_json_uint(json, "macs", step->macs);
  blok_json_uint(json, "cells", step->cells);
  blok_json_uint(json, "scratch_bytes", step->scratch_bytes);
}
