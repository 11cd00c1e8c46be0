// Making and placing frames, and what lies where: see frame.h. The run is in run.c.
#include "runtime/exec/frame.h"

#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "reference/reference.h"

bool blok_tensor_dense(const blok_tensor *tensor, size_t *bytes) {
  size_t count;
  return tensor->rank <= BLOK_MAX_RANK && blok_dims_count(tensor->dims, tensor->rank, &count) &&
         blok_dense_bytes(tensor->dtype, count, bytes);
}

// ---- Making -------------------------------------------------------------------------------------

static blok_status make_step_lists(blok_frame *frame, uint32_t s, blok_arena *arena) {
  const blok_step *step = &frame->shaped->steps[s];
  if (step->kind == BLOK_STEP_KERNEL) return BLOK_OK;
  const blok_tensor **in = blok_arena_array(arena, step->n_reads, sizeof *in);
  blok_tensor **out = blok_arena_array(arena, step->n_writes, sizeof *out);
  if (!in || !out) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < step->n_reads; i++) {
    if (step->reads[i]) in[i] = &frame->tensors[step->reads[i]];
  }
  for (uint32_t i = 0; i < step->n_writes; i++) {
    if (step->writes[i]) out[i] = &frame->tensors[step->writes[i]];
  }
  frame->in[s] = in;
  frame->out[s] = out;
  return BLOK_OK;
}

static void make_tensors(blok_frame *frame) {
  const blok_shaped *shaped = frame->shaped;
  for (uint32_t b = 1; b < shaped->n_buffers; b++) {
    const blok_buffer *buffer = &shaped->buffers[b];
    blok_tensor *tensor = &frame->tensors[b];
    *tensor = buffer->shape;
    tensor->struct_size = sizeof *tensor;
    tensor->data = NULL;
    if (buffer->kind == BLOK_BUFFER_LATE) tensor->bytes = 0;
  }
}

// Chains: views by moving root, late buffers by last step.
static void make_chains(blok_frame *frame) {
  const blok_shaped *shaped = frame->shaped;
  for (uint32_t b = 1; b < shaped->n_buffers; b++) {
    const blok_buffer *buffer = &shaped->buffers[b];
    if (buffer->kind == BLOK_BUFFER_VIEW) {
      blok_buffer_kind root = shaped->buffers[buffer->root].kind;
      if (root != BLOK_BUFFER_INPUT && root != BLOK_BUFFER_LATE) continue;
      frame->next_view[b] = frame->first_view[buffer->root];
      frame->first_view[buffer->root] = b;
    } else if (buffer->kind == BLOK_BUFFER_LATE) {
      frame->late = true;
      if (buffer->last >= shaped->n_steps) continue;
      frame->next_ended[b] = frame->first_ended[buffer->last];
      frame->first_ended[buffer->last] = b;
    }
  }
}

static bool wants_zeros(const blok_shaped *shaped, blok_buffer_id id) {
  const blok_buffer *buffer = &shaped->buffers[id];
  return id && buffer->layout == BLOK_BLOCKED && buffer->zero_pixel;
}

static blok_status make_zeros(blok_frame *frame, blok_arena *arena) {
  const blok_shaped *shaped = frame->shaped;
  for (int filling = 0; filling < 2; filling++) {
    uint32_t n = 0;
    for (uint32_t s = 0; s < shaped->n_steps; s++) {
      const blok_step *step = &shaped->steps[s];
      for (uint32_t i = 0; i < step->n_writes; i++) {
        if (!wants_zeros(shaped, step->writes[i])) continue;
        if (filling) frame->zeros[n] = (blok_zero_pixels){s, step->writes[i]};
        n++;
      }
    }
    if (filling) break;
    frame->n_zeros = n;
    frame->zeros = blok_arena_array(arena, n, sizeof *frame->zeros);
    if (!frame->zeros) return BLOK_E_MEMORY;
  }
  return BLOK_OK;
}

static blok_status make_tables(blok_frame *frame, blok_arena *arena) {
  const blok_shaped *shaped = frame->shaped;
  uint32_t buffers = shaped->n_buffers, steps = shaped->n_steps;
  frame->data = blok_arena_array(arena, buffers, sizeof *frame->data);
  frame->tensors = blok_arena_array(arena, buffers, sizeof *frame->tensors);
  frame->first_view = blok_arena_array(arena, buffers, sizeof *frame->first_view);
  frame->next_view = blok_arena_array(arena, buffers, sizeof *frame->next_view);
  frame->next_ended = blok_arena_array(arena, buffers, sizeof *frame->next_ended);
  frame->first_ended = blok_arena_array(arena, steps, sizeof *frame->first_ended);
  frame->in = blok_arena_array(arena, steps, sizeof *frame->in);
  frame->out = blok_arena_array(arena, steps, sizeof *frame->out);
  frame->bodies = blok_arena_array(arena, steps, sizeof *frame->bodies);
  if (!frame->data || !frame->tensors || !frame->first_view || !frame->next_view ||
      !frame->next_ended || !frame->first_ended || !frame->in || !frame->out || !frame->bodies) {
    return BLOK_E_MEMORY;
  }
  make_tensors(frame);
  make_chains(frame);
  for (uint32_t s = 0; s < steps; s++) {
    frame->parallel = frame->parallel || blok_step_parallel(&shaped->steps[s]);
    BLOK_TRY(make_step_lists(frame, s, arena));
  }
  return make_zeros(frame, arena);
}

blok_status blok_frame_new(const blok_shaped *shaped, blok_heap *heap, blok_arena *arena,
                           blok_frame **out, blok_error *error) {
  *out = NULL;
  blok_frame *frame = blok_arena_zero(arena, sizeof *frame);
  if (!frame) return blok_fail_memory(error, sizeof *frame);
  frame->shaped = shaped;
  frame->heap = heap;
  if (make_tables(frame, arena) != BLOK_OK) return blok_fail_memory(error, 0);
  for (uint32_t s = 0; s < shaped->n_steps; s++) {
    const blok_step *step = &shaped->steps[s];
    for (uint32_t b = 0; b < step->n_bodies && b < BLOK_FRAME_BODIES; b++) {
      blok_frame **body = &frame->bodies[s][b];
      BLOK_TRY(blok_frame_new(step->bodies[b].shaped, heap, arena, body, error));
      frame->parallel = frame->parallel || (*body)->parallel;
      frame->late = frame->late || (*body)->late;
    }
  }
  *out = frame;
  return BLOK_OK;
}

// ---- Placing ------------------------------------------------------------------------------------

// The buffers of the frame itself, a multiple of 64 bytes.
static bool own_bytes(const blok_frame *frame, size_t *out) {
  if (!blok_add_size(frame->shaped->arena_bytes, 63, out)) return false;
  *out &= ~(size_t)63;
  return true;
}

bool blok_frame_bytes(const blok_frame *frame, size_t *out) {
  size_t own, most = 0, one;
  if (!own_bytes(frame, &own)) return false;
  for (uint32_t s = 0; s < frame->shaped->n_steps; s++) {
    for (uint32_t b = 0; b < BLOK_FRAME_BODIES; b++) {
      if (!frame->bodies[s][b]) continue;
      if (!blok_frame_bytes(frame->bodies[s][b], &one)) return false;
      if (one > most) most = one;
    }
  }
  return blok_add_size(own, most, out);
}

size_t blok_frame_scratch(const blok_frame *frame) {
  size_t most = frame->shaped->scratch_bytes;
  for (uint32_t s = 0; s < frame->shaped->n_steps; s++) {
    for (uint32_t b = 0; b < BLOK_FRAME_BODIES; b++) {
      size_t one = frame->bodies[s][b] ? blok_frame_scratch(frame->bodies[s][b]) : 0;
      if (one > most) most = one;
    }
  }
  return most;
}

static void set_data(blok_frame *frame, blok_buffer_id id, char *data) {
  frame->data[id] = data;
  frame->tensors[id].data = data;
}

void blok_frame_place(blok_frame *frame, char *block) {
  const blok_shaped *shaped = frame->shaped;
  for (uint32_t b = 1; b < shaped->n_buffers; b++) {
    const blok_buffer *buffer = &shaped->buffers[b];
    if (buffer->kind == BLOK_BUFFER_ARENA) set_data(frame, b, block + buffer->at);
    if (buffer->kind == BLOK_BUFFER_CONSTANT) {
      set_data(frame, b, (char *)(uintptr_t)buffer->constant);
    }
  }
  for (uint32_t b = 1; b < shaped->n_buffers; b++) {
    const blok_buffer *buffer = &shaped->buffers[b];
    if (buffer->kind != BLOK_BUFFER_VIEW || !frame->data[buffer->root]) continue;
    set_data(frame, b, frame->data[buffer->root] + buffer->offset);
  }
  size_t own = 0;
  (void)own_bytes(frame, &own);  // blok_frame_bytes has seen that it fits
  for (uint32_t s = 0; s < shaped->n_steps; s++) {
    for (uint32_t b = 0; b < BLOK_FRAME_BODIES; b++) {
      if (frame->bodies[s][b]) blok_frame_place(frame->bodies[s][b], block + own);
    }
  }
}

// ---- Buffers that move --------------------------------------------------------------------------

static const char *buffer_name(const blok_frame *frame, blok_buffer_id id) {
  return blok_value_at(frame->shaped->plan->graph, frame->shaped->buffers[id].value)->name;
}

// What lies inside a buffer moves with it. A view past the end of what its root has become would be
// a fault of the plan.
static blok_status move_views(blok_frame *frame, blok_buffer_id root, blok_error *error) {
  for (blok_buffer_id v = frame->first_view[root]; v; v = frame->next_view[v]) {
    const blok_buffer *view = &frame->shaped->buffers[v];
    size_t end;
    if (!blok_add_size(view->offset, view->bytes, &end) || end > frame->tensors[root].bytes) {
      return BLOK_FAIL(error, BLOK_E_INTERNAL, "value '%s' of %zu bytes does not hold '%s'",
                       blok_quote(buffer_name(frame, root)).text, frame->tensors[root].bytes,
                       blok_quote(buffer_name(frame, v)).text);
    }
    set_data(frame, v, frame->data[root] ? frame->data[root] + view->offset : NULL);
  }
  return BLOK_OK;
}

void blok_frame_drop(blok_frame *frame, blok_buffer_id id) {
  blok_heap_give(frame->heap, frame->data[id], frame->tensors[id].bytes);
  set_data(frame, id, NULL);
  frame->tensors[id].bytes = 0;
  for (blok_buffer_id v = frame->first_view[id]; v; v = frame->next_view[v]) {
    set_data(frame, v, NULL);
  }
}

void blok_frame_drop_late(blok_frame *frame) {
  const blok_shaped *shaped = frame->shaped;
  if (!frame->late) return;
  for (uint32_t b = 1; b < shaped->n_buffers; b++) {
    if (shaped->buffers[b].kind == BLOK_BUFFER_LATE) blok_frame_drop(frame, b);
  }
  for (uint32_t s = 0; s < shaped->n_steps; s++) {
    for (uint32_t b = 0; b < BLOK_FRAME_BODIES; b++) {
      if (frame->bodies[s][b]) blok_frame_drop_late(frame->bodies[s][b]);
    }
  }
}

// True when the plan, which knows dims of -1 as open, was made for such a tensor.
static bool shaped_for(const blok_tensor *known, blok_dtype dtype, uint32_t rank,
                       const int64_t *dims) {
  if (known->dtype != BLOK_UNDEFINED && known->dtype != dtype) return false;
  if (known->rank == BLOK_RANK_OPEN) return rank <= BLOK_MAX_RANK;
  if (known->rank != rank) return false;
  for (uint32_t d = 0; d < rank; d++) {
    if (known->dims[d] >= 0 && known->dims[d] != dims[d]) return false;
  }
  return true;
}

static blok_status fail_shape(const blok_frame *frame, blok_buffer_id id, blok_dtype dtype,
                              uint32_t rank, const int64_t *dims, blok_error *error) {
  const blok_tensor *known = &frame->shaped->buffers[id].shape;
  uint32_t known_rank = known->rank == BLOK_RANK_OPEN ? 0 : known->rank;
  return BLOK_FAIL(error, BLOK_E_SHAPE, "value '%s' was sized as %s %s, but the run makes it %s %s",
                   blok_quote(buffer_name(frame, id)).text, blok_dtype_name(known->dtype),
                   blok_print_dims(known->dims, known_rank).text, blok_dtype_name(dtype),
                   blok_print_dims(dims, rank).text);
}

blok_status blok_frame_bind(blok_frame *frame, blok_value_id value, const blok_tensor *tensor,
                            blok_error *error) {
  blok_buffer_id id = frame->shaped->plain[value.i];
  if (!id || frame->shaped->buffers[id].kind != BLOK_BUFFER_INPUT) return BLOK_OK;
  if (!shaped_for(&frame->shaped->buffers[id].shape, tensor->dtype, tensor->rank, tensor->dims)) {
    return fail_shape(frame, id, tensor->dtype, tensor->rank, tensor->dims, error);
  }
  frame->tensors[id] = *tensor;
  frame->tensors[id].struct_size = sizeof *tensor;
  frame->data[id] = tensor->data;
  return move_views(frame, id, error);
}

const blok_tensor *blok_frame_output(const blok_frame *frame, uint32_t index) {
  blok_value_id value = frame->shaped->plan->graph->outputs[index].value;
  blok_buffer_id id = frame->shaped->plain[value.i];
  return id ? &frame->tensors[id] : NULL;
}

blok_status blok_frame_size(blok_frame *frame, blok_buffer_id id, blok_dtype dtype, uint32_t rank,
                            const int64_t *dims, blok_error *error) {
  const blok_buffer *buffer = &frame->shaped->buffers[id];
  blok_tensor *tensor = &frame->tensors[id];
  if (buffer->kind != BLOK_BUFFER_LATE) {
    if (shaped_for(&buffer->shape, dtype, rank, dims)) return BLOK_OK;
    return fail_shape(frame, id, dtype, rank, dims, error);
  }
  size_t count, bytes;
  if (rank > BLOK_MAX_RANK || !blok_dims_count(dims, rank, &count) ||
      !blok_dense_bytes(dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_SHAPE, "value '%s' cannot have the shape %s",
                     blok_quote(buffer_name(frame, id)).text, blok_print_dims(dims, rank).text);
  }
  blok_frame_drop(frame, id);
  void *data;
  BLOK_TRY(blok_heap_take(frame->heap, bytes, &data, error));
  tensor->bytes = bytes;
  tensor->dtype = dtype;
  tensor->rank = rank;
  if (rank) memcpy(tensor->dims, dims, rank * sizeof *dims);
  set_data(frame, id, data);
  return move_views(frame, id, error);
}
