// Making, shaping and freeing frames: see frame.h. What happens in a run is in step.c.
#include "runtime/exec/frame.h"

#include <string.h>

#include "base/error.h"
#include "base/size.h"

blok_status blok_heap_take(blok_heap *heap, size_t bytes, void **out, blok_error *error) {
  *out = NULL;
  if (bytes > heap->limit || heap->used > heap->limit - bytes) {
    return BLOK_FAIL(error, BLOK_E_LIMIT,
                     "values need more than the limit of %llu bytes a session (run_bytes)",
                     (unsigned long long)heap->limit);
  }
  *out = blok_alloc_aligned(&heap->allocator, bytes);
  if (!*out) return blok_fail_memory(error, bytes);
  heap->used += bytes;
  return BLOK_OK;
}

void blok_heap_give(blok_heap *heap, void *block, size_t bytes) {
  if (!block) return;
  blok_free_aligned(&heap->allocator, block);
  heap->used -= bytes;
}

// ---- Making -------------------------------------------------------------------------------------

static blok_status read_constant(blok_frame *frame, blok_value_id id, blok_error *error) {
  const blok_value *value = blok_value_at(frame->plan->graph, id);
  const blok_literal *literal = value->literal;
  blok_slot *slot = &frame->slots[id.i];
  blok_tensor *tensor = &slot->tensor;
  size_t count, bytes;
  if (literal->rank > BLOK_MAX_RANK || !blok_literal_count(literal, &count) ||
      !blok_dense_bytes(literal->dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "initializer '%s': rank or size is beyond the limit",
                     blok_quote(value->name).text);
  }
  BLOK_TRY(blok_heap_take(frame->heap, bytes, &tensor->data, error));
  slot->kind = BLOK_SLOT_CONSTANT;
  tensor->dtype = literal->dtype;
  tensor->rank = literal->rank;
  if (literal->rank) memcpy(tensor->dims, literal->dims, literal->rank * sizeof *tensor->dims);
  tensor->bytes = bytes;
  blok_status status =
      blok_literal_read(literal, &frame->heap->allocator, tensor->data, bytes, error);
  if (status != BLOK_OK)
    blok_error_prefix(error, "initializer '%s': ", blok_quote(value->name).text);
  return status;
}

static blok_status make_tables(blok_frame *frame) {
  const blok_plan *plan = frame->plan;
  blok_arena *arena = &frame->arena;
  frame->slots = blok_arena_array(arena, plan->graph->n_values, sizeof *frame->slots);
  frame->branches = blok_arena_array(arena, plan->n_steps, sizeof *frame->branches);
  frame->in = blok_arena_array(arena, plan->n_steps, sizeof *frame->in);
  frame->out = blok_arena_array(arena, plan->n_steps, sizeof *frame->out);
  if (!frame->slots || !frame->branches || !frame->in || !frame->out) return BLOK_E_MEMORY;
  for (uint32_t v = 0; v < plan->graph->n_values; v++) {
    frame->slots[v].tensor.struct_size = sizeof(blok_tensor);
  }
  for (uint32_t s = 0; s < plan->n_steps; s++) {
    const blok_node *node = blok_node_at(plan->graph, plan->steps[s].node);
    frame->in[s] = blok_arena_array(arena, node->n_inputs, sizeof **frame->in);
    frame->out[s] = blok_arena_array(arena, node->n_outputs, sizeof **frame->out);
    if (!frame->in[s] || !frame->out[s]) return BLOK_E_MEMORY;
    for (uint32_t i = 0; i < node->n_inputs; i++) {
      if (node->inputs[i].i) frame->in[s][i] = &frame->slots[node->inputs[i].i].tensor;
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
      if (node->outputs[i].i) frame->out[s][i] = &frame->slots[node->outputs[i].i].tensor;
    }
  }
  return BLOK_OK;
}

blok_status blok_frame_new(const blok_plan *plan, blok_heap *heap, blok_frame **out,
                           blok_error *error) {
  blok_status status = BLOK_OK;
  blok_frame *frame = blok_alloc_zero(&heap->allocator, sizeof *frame);
  *out = frame;
  if (!frame) return blok_fail_memory(error, sizeof *frame);
  frame->plan = plan;
  frame->heap = heap;
  blok_arena_init(&frame->arena, &heap->allocator);
  if (make_tables(frame) != BLOK_OK) {
    status = blok_fail_memory(error, 0);
    goto fail;
  }
  for (uint32_t v = 1; v < plan->graph->n_values; v++) {
    const blok_value *value = &plan->graph->values[v];
    if (value->dead || !value->literal) continue;
    BLOK_TRY_TO(fail, read_constant(frame, (blok_value_id){v}, error));
  }
  for (uint32_t s = 0; s < plan->n_steps; s++) {
    for (int b = 0; b < 2; b++) {
      if (!plan->steps[s].branch[b]) continue;
      BLOK_TRY_TO(fail,
                  blok_frame_new(plan->steps[s].branch[b], heap, &frame->branches[s][b], error));
    }
  }
  return BLOK_OK;
fail:
  blok_frame_free(out);
  return status;
}

void blok_slot_drop(blok_heap *heap, blok_slot *slot) {
  blok_heap_give(heap, slot->tensor.data, slot->tensor.bytes);
  slot->tensor.data = NULL;
  slot->tensor.bytes = 0;
}

void blok_frame_drop_late(blok_frame *frame) {
  for (uint32_t v = 1; v < frame->plan->graph->n_values; v++) {
    blok_slot *slot = &frame->slots[v];
    if (slot->kind == BLOK_SLOT_LATE) blok_slot_drop(frame->heap, slot);
  }
}

static void drop_block(blok_frame *frame) {
  blok_heap_give(frame->heap, frame->block, frame->block_bytes);
  frame->block = NULL;
  frame->block_bytes = 0;
}

void blok_frame_free(blok_frame **pointer) {
  blok_frame *frame = *pointer;
  if (!frame) return;
  *pointer = NULL;
  for (uint32_t v = 1; frame->slots && v < frame->plan->graph->n_values; v++) {
    blok_slot *slot = &frame->slots[v];
    if (slot->kind == BLOK_SLOT_LATE || slot->kind == BLOK_SLOT_CONSTANT) {
      blok_heap_give(frame->heap, slot->tensor.data, slot->tensor.bytes);
    }
  }
  for (uint32_t s = 0; frame->branches && s < frame->plan->n_steps; s++) {
    for (int b = 0; b < 2; b++) blok_frame_free(&frame->branches[s][b]);
  }
  drop_block(frame);
  blok_allocator allocator = frame->heap->allocator;
  blok_arena_free(&frame->arena);
  blok_free(&allocator, frame);
}

// ---- Shaping ------------------------------------------------------------------------------------

static bool fact_tensor(const blok_fact *fact, blok_tensor *tensor) {
  size_t count, bytes;
  if (fact->kind != BLOK_TYPE_TENSOR || fact->rank > BLOK_MAX_RANK ||
      !blok_fact_count(fact, &count) || !blok_dense_bytes(fact->dtype, count, &bytes)) {
    return false;
  }
  tensor->dtype = fact->dtype;
  tensor->rank = (uint32_t)fact->rank;
  for (uint32_t d = 0; d < tensor->rank; d++) tensor->dims[d] = fact->dims[d].value;
  tensor->bytes = bytes;
  return true;
}

// What is known of a late value before the run: for blok_executor_output.
static void show_open_shape(const blok_fact *fact, blok_tensor *tensor) {
  tensor->dtype = fact->dtype;
  bool open = fact->rank < 0 || fact->rank > BLOK_MAX_RANK;
  tensor->rank = open ? BLOK_RANK_OPEN : (uint32_t)fact->rank;
  if (open) return;
  for (uint32_t d = 0; d < tensor->rank; d++) {
    tensor->dims[d] = blok_dim_known(fact->dims[d]) ? fact->dims[d].value : -1;
  }
}

// The placed values of one shaping: the item of a value, in the order of the steps that make them.
typedef struct placed {
  blok_placement *items;
  uint32_t *values;
  size_t count;
} placed;

static blok_status collect(blok_frame *frame, const blok_facts *facts, blok_slot *slots,
                           placed *all, blok_error *error) {
  const blok_plan *plan = frame->plan;
  for (uint32_t s = 0; s < plan->n_steps; s++) {
    const blok_node *node = blok_node_at(plan->graph, plan->steps[s].node);
    for (uint32_t i = 0; i < node->n_outputs; i++) {
      uint32_t v = node->outputs[i].i;
      if (!v) continue;
      blok_slot *slot = &slots[v];
      if (!fact_tensor(&facts->of[v], &slot->tensor)) {
        slot->kind = BLOK_SLOT_LATE;
        show_open_shape(&facts->of[v], &slot->tensor);
        continue;
      }
      if (slot->tensor.bytes > frame->heap->limit) {
        return BLOK_FAIL(
            error, BLOK_E_LIMIT,
            "value '%s' of shape %s needs %zu bytes, above the limit of %llu (run_bytes)",
            blok_quote(plan->graph->values[v].name).text,
            blok_print_dims(slot->tensor.dims, slot->tensor.rank).text, slot->tensor.bytes,
            (unsigned long long)frame->heap->limit);
      }
      slot->kind = BLOK_SLOT_PLACED;
      all->values[all->count] = v;
      all->items[all->count++] = (blok_placement){s, plan->last_use[v], slot->tensor.bytes, 0};
    }
  }
  return BLOK_OK;
}

// Computes the new slots aside, and only then changes the frame. The old block goes before the new
// one comes, so that a limit holds for one of them; a frame that gets none stays without.
static blok_status place_values(blok_frame *frame, const blok_facts *facts, blok_error *error) {
  const blok_graph *graph = frame->plan->graph;
  blok_status status = BLOK_OK;
  blok_arena scratch;
  blok_arena_init(&scratch, &frame->heap->allocator);
  size_t total = 0;
  blok_slot *slots = blok_arena_copy(&scratch, frame->slots, graph->n_values * sizeof *slots);
  placed all = {blok_arena_array(&scratch, graph->n_values, sizeof *all.items),
                blok_arena_array(&scratch, graph->n_values, sizeof *all.values), 0};
  if (!slots || !all.items || !all.values) {
    status = blok_fail_memory(error, 0);
    goto done;
  }
  BLOK_TRY_TO(done, collect(frame, facts, slots, &all, error));
  if (!blok_place(all.items, all.count, &frame->heap->allocator, &total)) {
    status = blok_fail_memory(error, total);
    goto done;
  }
  blok_frame_drop_late(frame);
  drop_block(frame);
  BLOK_TRY_TO(done, blok_heap_take(frame->heap, total, &frame->block, error));
  frame->block_bytes = total;
  for (size_t i = 0; i < all.count; i++) {
    slots[all.values[i]].tensor.data = (char *)frame->block + all.items[i].offset;
  }
  for (uint32_t v = 1; v < graph->n_values; v++) {
    if (slots[v].kind != BLOK_SLOT_LATE) continue;
    slots[v].tensor.data = NULL;
    slots[v].tensor.bytes = 0;
  }
  memcpy(frame->slots, slots, graph->n_values * sizeof *slots);
done:
  blok_arena_free(&scratch);
  return status;
}

// A branch whose shapes disagree may be one that is never taken: its values are all sized by the
// run, which then says what is wrong.
static void leave_late(blok_frame *frame) {
  const blok_graph *graph = frame->plan->graph;
  blok_frame_drop_late(frame);
  for (uint32_t s = 0; s < frame->plan->n_steps; s++) {
    const blok_node *node = blok_node_at(graph, frame->plan->steps[s].node);
    for (uint32_t i = 0; i < node->n_outputs; i++) {
      blok_slot *slot = &frame->slots[node->outputs[i].i];
      if (!node->outputs[i].i || slot->kind == BLOK_SLOT_LATE) continue;
      slot->kind = BLOK_SLOT_LATE;
      slot->tensor.data = NULL;
      slot->tensor.bytes = 0;
    }
    for (int b = 0; b < 2; b++) {
      if (frame->branches[s][b]) leave_late(frame->branches[s][b]);
    }
  }
  drop_block(frame);
}

static blok_status shape_branch(blok_frame *branch, const blok_subgraph *subgraph,
                                const blok_facts *outer, const blok_limits *limits,
                                blok_error *error) {
  blok_status status = BLOK_OK;
  blok_arena scratch;
  blok_arena_init(&scratch, &branch->heap->allocator);
  blok_fact *captures = blok_arena_array(&scratch, subgraph->graph->n_values, sizeof *captures);
  if (!captures) {
    status = blok_fail_memory(error, 0);
    goto done;
  }
  for (uint32_t c = 0; c < subgraph->n_captures; c++) {
    captures[subgraph->captures[c].inner.i] = outer->of[subgraph->captures[c].outer.i];
  }
  blok_error reason = BLOK_ERROR_INIT;
  status = blok_frame_shape(branch, NULL, captures, limits, &reason);
  if (status == BLOK_E_SHAPE) {
    leave_late(branch);
    status = BLOK_OK;
  } else if (status != BLOK_OK) {
    (void)blok_fail(error, status, "%s", reason.message);
  }
done:
  blok_arena_free(&scratch);
  return status;
}

blok_status blok_frame_shape(blok_frame *frame, const blok_fact *inputs, const blok_fact *captures,
                             const blok_limits *limits, blok_error *error) {
  blok_status status = BLOK_OK;
  blok_facts *facts = NULL;
  blok_facts_options options = {
      .inputs = inputs, .captures = captures, .limits = *limits, .inferred_only = true};
  BLOK_TRY(
      blok_facts_compute(frame->plan->graph, &options, &frame->heap->allocator, &facts, error));
  BLOK_TRY_TO(done, place_values(frame, facts, error));
  for (uint32_t s = 0; s < frame->plan->n_steps; s++) {
    for (int b = 0; b < 2; b++) {
      if (!frame->branches[s][b]) continue;
      BLOK_TRY_TO(done, shape_branch(frame->branches[s][b], frame->plan->steps[s].subgraph[b],
                                     facts, limits, error));
    }
  }
done:
  blok_facts_free(&facts);
  return status;
}
