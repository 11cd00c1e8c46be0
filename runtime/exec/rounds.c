// What Loop and Scan share: see rounds.h.
#include "runtime/exec/rounds.h"

#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "reference/reference.h"

blok_status blok_rounds_take(blok_heap *heap, block *b, size_t bytes, blok_error *error) {
  if (b->data && b->bytes >= bytes) return BLOK_OK;
  blok_heap_give(heap, b->data, b->bytes);
  *b = (block){NULL, 0};
  BLOK_TRY(blok_heap_take(heap, bytes, &b->data, error));
  b->bytes = bytes;
  return BLOK_OK;
}

static void give(blok_heap *heap, block *b) {
  blok_heap_give(heap, b->data, b->bytes);
  *b = (block){NULL, 0};
}

// ---- Beginning and end --------------------------------------------------------------------------

blok_status blok_rounds_fail_size(const rounds *self, const char *what, uint32_t i,
                                  blok_error *error) {
  return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "%s node '%s': %s %u has no size in whole bytes",
                   self->op, self->label.text, what, i);
}

blok_status blok_rounds_begin(rounds *self, uint32_t n_own, uint32_t n_own_out, uint32_t n_carried,
                              uint32_t n_scanned, blok_error *error) {
  const blok_graph *graph = self->body->shaped->plan->graph;
  if (n_carried > self->step->n_writes || graph->n_outputs != n_own_out + self->step->n_writes) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s node '%s': %u outputs and a body of %u do not fit %u carried values",
                     self->op, self->label.text, self->step->n_writes, graph->n_outputs, n_carried);
  }
  self->n_carried = n_carried;
  self->n_collected = self->step->n_writes - n_carried;
  self->n_scanned = n_scanned;
  self->inputs = blok_arena_array(&self->arena, graph->n_inputs, sizeof *self->inputs);
  self->carried = blok_arena_array(&self->arena, n_carried, sizeof *self->carried);
  self->collected = blok_arena_array(&self->arena, self->n_collected, sizeof *self->collected);
  self->scanned = blok_arena_array(&self->arena, n_scanned, sizeof *self->scanned);
  if (!self->inputs || !self->carried || !self->collected || !self->scanned) {
    return blok_fail_memory(error, 0);
  }
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    blok_value_id id = graph->inputs[i].value;
    if (!blok_value_at(graph, id)->literal) self->inputs[self->n_inputs++] = id;
  }
  if (self->n_inputs != n_own + n_carried + n_scanned) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s node '%s': the body has %u inputs where %u are given to it", self->op,
                     self->label.text, self->n_inputs, n_own + n_carried + n_scanned);
  }
  for (uint32_t k = 0; k < n_carried; k++) {
    const blok_tensor *first = self->frame->in[self->index][n_own + k];
    size_t bytes;
    if (!first || !blok_tensor_dense(first, &bytes))
      return blok_rounds_fail_size(self, "input", k, error);
    self->carried[k].now = *first;
    self->carried[k].now.bytes = bytes;
  }
  for (uint32_t i = 0; i < self->n_collected; i++) {
    self->collected[i].to = self->step->writes[n_carried + i];
    self->collected[i].length = -1;
  }
  return blok_frame_bind_captures(self->frame, self->index, 0, error);
}

static void end(rounds *self) {
  for (uint32_t k = 0; self->carried && k < self->n_carried; k++) {
    give(self->heap, &self->carried[k].blocks[0]);
    give(self->heap, &self->carried[k].blocks[1]);
  }
  for (uint32_t i = 0; self->collected && i < self->n_collected; i++) {
    give(self->heap, &self->collected[i].grown);
  }
  for (uint32_t i = 0; self->scanned && i < self->n_scanned; i++) {
    give(self->heap, &self->scanned[i].gathered);
  }
  blok_frame_drop_late(self->body);
  blok_arena_free(&self->arena);
}

// ---- Rounds -------------------------------------------------------------------------------------

// Of what a file declares of a body's inputs, passes have believed the type and the number of axes.
static blok_status check_declared(const rounds *self, blok_value_id id, const blok_tensor *tensor,
                                  blok_error *error) {
  const blok_value *value = blok_value_at(self->body->shaped->plan->graph, id);
  const blok_type *type = value->type;
  if (!type || type->kind != BLOK_TYPE_TENSOR) return BLOK_OK;
  bool fits = type->dtype == BLOK_UNDEFINED || type->dtype == tensor->dtype;
  if (fits && (!type->has_shape || type->rank == tensor->rank)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_SHAPE,
                   "%s node '%s': the body's input '%s' is declared with another type or number "
                   "of axes than the %s %s that it is given",
                   self->op, self->label.text, blok_quote(value->name).text,
                   blok_dtype_name(tensor->dtype),
                   blok_print_dims(tensor->dims, tensor->rank).text);
}

blok_status blok_rounds_feed(const rounds *self, uint32_t input, const blok_tensor *tensor,
                             blok_error *error) {
  BLOK_TRY(check_declared(self, self->inputs[input], tensor, error));
  return blok_frame_bind(self->body, self->inputs[input], tensor, error);
}

blok_status blok_rounds_feed_single(const rounds *self, uint32_t input, blok_dtype dtype,
                                    void *number, blok_error *error) {
  const blok_shaped *shaped = self->body->shaped;
  blok_value_id id = self->inputs[input];
  const blok_type *type = blok_value_at(shaped->plan->graph, id)->type;
  bool axis = type && type->kind == BLOK_TYPE_TENSOR && type->has_shape && type->rank == 1;
  const blok_tensor *known = &shaped->buffers[shaped->plain[id.i]].shape;
  if (shaped->plain[id.i] && known->rank != BLOK_RANK_OPEN) axis = known->rank == 1;
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = dtype;
  tensor.rank = axis ? 1 : 0;
  tensor.dims[0] = axis ? 1 : 0;
  tensor.data = number;
  tensor.bytes = blok_dtype_size(dtype);
  return blok_frame_bind(self->body, id, &tensor, error);
}

blok_status blok_rounds_made(const rounds *self, uint32_t output, const blok_tensor **out,
                             size_t *bytes, blok_error *error) {
  *out = blok_frame_output(self->body, output);
  if (!*out) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "%s node '%s': the body's output %u was not made",
                     self->op, self->label.text, output);
  }
  return blok_tensor_dense(*out, bytes) ? BLOK_OK
                                        : blok_rounds_fail_size(self, "output", output, error);
}

static blok_status carry(rounds *self, uint32_t k, uint32_t output, blok_error *error) {
  carried *one = &self->carried[k];
  const blok_tensor *made;
  size_t bytes;
  BLOK_TRY(blok_rounds_made(self, output, &made, &bytes, error));
  void *data = made->data;
  if (data != one->now.data && bytes) {
    uint32_t other = 1 - one->current;
    BLOK_TRY(blok_rounds_take(self->heap, &one->blocks[other], bytes, error));
    data = one->blocks[other].data;
    memcpy(data, made->data, bytes);
    one->current = other;
  }
  one->now = *made;
  one->now.data = data;
  one->now.bytes = bytes;
  return BLOK_OK;
}

void blok_rounds_move(const blok_tensor *whole, uint32_t axis, uint64_t at, blok_tensor *slice,
                      bool into_whole) {
  size_t size = blok_dtype_size(whole->dtype), inner = size, outer = 1;
  for (uint32_t d = 0; d < axis; d++) outer *= (size_t)whole->dims[d];
  for (uint32_t d = axis + 1; d < whole->rank; d++) inner *= (size_t)whole->dims[d];
  size_t stride = inner * (size_t)whole->dims[axis];
  for (size_t o = 0; o < outer && inner; o++) {
    char *place = (char *)whole->data + o * stride + at * inner;
    char *dense = (char *)slice->data + o * inner;
    if (into_whole) {
      memcpy(place, dense, inner);
    } else {
      memcpy(dense, place, inner);
    }
  }
}

// The dims of the whole that collects slices like one.
static blok_status whole_dims(const rounds *self, const collected *one, int64_t n, uint32_t *rank,
                              int64_t *dims, blok_error *error) {
  uint32_t axis;
  *rank = one->slice.rank + 1;
  if (*rank > BLOK_MAX_RANK || !blok_axis_normal(one->axis, *rank, &axis)) {
    return BLOK_FAIL(error, BLOK_E_SHAPE,
                     "%s node '%s': slices of %u axes cannot be collected along axis %lld",
                     self->op, self->label.text, one->slice.rank, (long long)one->axis);
  }
  for (uint32_t d = 0, from = 0; d < *rank; d++) {
    dims[d] = d == axis ? n : one->slice.dims[from++];
  }
  return BLOK_OK;
}

// Makes room for the slice of this round in a block that grows.
static blok_status grow(rounds *self, collected *one, size_t bytes, blok_error *error) {
  size_t used, wanted;
  if (!blok_mul_size(bytes, (size_t)self->done, &used) || !blok_add_size(used, bytes, &wanted) ||
      (used && !blok_mul_size(used, 2, &wanted))) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  if (one->grown.data && one->grown.bytes - used >= bytes) return BLOK_OK;
  block larger = {NULL, wanted};
  BLOK_TRY(blok_heap_take(self->heap, wanted, &larger.data, error));
  if (used) memcpy(larger.data, one->grown.data, used);
  give(self->heap, &one->grown);
  one->grown = larger;
  return BLOK_OK;
}

// The first slice says what all will be like, and so how large the whole is, where the number of
// rounds is known: by a Scan's inputs, or by the plan.
static blok_status begin_collecting(rounds *self, collected *one, uint32_t output,
                                    const blok_tensor *made, blok_error *error) {
  one->slice = *made;
  if (blok_dtype_size(made->dtype) == 0)
    return blok_rounds_fail_size(self, "output", output, error);
  const blok_buffer *to = &self->frame->shaped->buffers[one->to];
  one->length = self->total;
  if (self->total < 0 && to->kind != BLOK_BUFFER_LATE && to->shape.rank) {
    one->length = to->shape.dims[0];
  }
  if (one->length < 0) return BLOK_OK;
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
  BLOK_TRY(whole_dims(self, one, one->length, &rank, dims, error));
  return blok_frame_size(self->frame, one->to, made->dtype, rank, dims, error);
}

static blok_status fail_rounds(const rounds *self, int64_t planned, blok_error *error) {
  return BLOK_FAIL(
      error, BLOK_E_SHAPE, "%s node '%s': planned for %lld rounds, but the run made %s", self->op,
      self->label.text, (long long)planned, (int64_t)self->done < planned ? "fewer" : "more");
}

static blok_status collect(rounds *self, collected *one, uint32_t output, blok_error *error) {
  const blok_tensor *made;
  size_t bytes;
  BLOK_TRY(blok_rounds_made(self, output, &made, &bytes, error));
  if (self->done == 0) BLOK_TRY(begin_collecting(self, one, output, made, error));
  if (made->dtype != one->slice.dtype || made->rank != one->slice.rank ||
      (made->rank && memcmp(made->dims, one->slice.dims, made->rank * sizeof *made->dims) != 0)) {
    return BLOK_FAIL(error, BLOK_E_SHAPE,
                     "%s node '%s': round %llu makes output %u %s %s, the first round made it %s",
                     self->op, self->label.text, (unsigned long long)self->done, output,
                     blok_dtype_name(made->dtype), blok_print_dims(made->dims, made->rank).text,
                     blok_print_dims(one->slice.dims, one->slice.rank).text);
  }
  blok_tensor slice = *made;
  if (one->length >= 0) {
    uint64_t length = (uint64_t)one->length;
    uint32_t axis = 0;
    if (self->done >= length) return fail_rounds(self, one->length, error);
    (void)blok_axis_normal(one->axis, slice.rank + 1, &axis);  // whole_dims has seen that it is one
    uint64_t at = one->backwards ? length - 1 - self->done : self->done;
    blok_rounds_move(&self->frame->tensors[one->to], axis, at, &slice, true);
    return BLOK_OK;
  }
  BLOK_TRY(grow(self, one, bytes, error));
  if (bytes) memcpy((char *)one->grown.data + bytes * self->done, made->data, bytes);
  return BLOK_OK;
}

static blok_status count_trip(rounds *self, blok_error *error) {
  uint64_t limit = self->run->options->limits.loop_trips;
  if (self->run->trips < limit) {
    self->run->trips++;
    return BLOK_OK;
  }
  return BLOK_FAIL(error, BLOK_E_LIMIT,
                   "%s node '%s': the run makes more than %llu rounds (loop_trips of blok_limits)",
                   self->op, self->label.text, (unsigned long long)limit);
}

blok_status blok_rounds_run(rounds *self, uint32_t first_out, blok_error *error) {
  BLOK_TRY(count_trip(self, error));
  BLOK_TRY(blok_frame_run(self->body, self->run, NULL, error));
  uint32_t first_collected = first_out + self->n_carried;
  for (uint32_t i = 0; i < self->n_collected; i++) {
    if (!self->collected[i].to) continue;
    BLOK_TRY(collect(self, &self->collected[i], first_collected + i, error));
  }
  for (uint32_t k = 0; k < self->n_carried; k++) BLOK_TRY(carry(self, k, first_out + k, error));
  self->done++;
  return BLOK_OK;
}

// What no round has made: nothing along the axis, beside the axes that the plan knows.
static blok_status collect_nothing(rounds *self, collected *one, uint32_t output,
                                   blok_error *error) {
  const blok_shaped *shaped = self->body->shaped;
  blok_value_id value = shaped->plan->graph->outputs[output].value;
  const blok_type *type = blok_value_at(shaped->plan->graph, value)->type;
  blok_buffer_id id = shaped->plain[value.i];
  if (id) one->slice = shaped->buffers[id].shape;
  if (!id || one->slice.rank == BLOK_RANK_OPEN) one->slice.rank = 0;
  if (one->slice.dtype == BLOK_UNDEFINED && type) one->slice.dtype = type->dtype;
  for (uint32_t d = 0; d < one->slice.rank; d++) {
    one->slice.dims[d] = blok_max_i64(one->slice.dims[d], 0);
  }
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
  BLOK_TRY(whole_dims(self, one, 0, &rank, dims, error));
  return blok_frame_size(self->frame, one->to, one->slice.dtype, rank, dims, error);
}

blok_status blok_rounds_finish(rounds *self, uint32_t first_out, blok_error *error) {
  for (uint32_t k = 0; k < self->n_carried; k++) {
    blok_buffer_id to = self->step->writes[k];
    if (to) BLOK_TRY(blok_frame_give(self->frame, to, &self->carried[k].now, error));
  }
  for (uint32_t i = 0; i < self->n_collected; i++) {
    collected *one = &self->collected[i];
    if (!one->to) continue;
    if (self->done == 0) {
      BLOK_TRY(collect_nothing(self, one, first_out + self->n_carried + i, error));
    } else if (one->length >= 0) {
      if ((int64_t)self->done != one->length) return fail_rounds(self, one->length, error);
    } else {
      blok_tensor whole = {.struct_size = sizeof whole,
                           .dtype = one->slice.dtype,
                           .data = one->grown.data,
                           .bytes = one->grown.bytes};
      BLOK_TRY(whole_dims(self, one, (int64_t)self->done, &whole.rank, whole.dims, error));
      BLOK_TRY(blok_frame_give(self->frame, one->to, &whole, error));
      give(self->heap, &one->grown);
    }
  }
  return BLOK_OK;
}

// ---- All of it ----------------------------------------------------------------------------------

blok_status blok_rounds_of(blok_frame *frame, uint32_t index, blok_run *run,
                           blok_status (*rounds_of)(rounds *, blok_error *), blok_error *error) {
  const blok_graph *graph = frame->shaped->plan->graph;
  rounds self = {.frame = frame,
                 .body = frame->bodies[index][0],
                 .index = index,
                 .step = &frame->shaped->steps[index],
                 .run = run,
                 .heap = frame->heap,
                 .total = -1};
  self.node = blok_node_at(graph, self.step->node);
  self.label = blok_node_label(graph, self.node);
  self.op = self.node->op == BLOK_OP_Loop ? "Loop" : "Scan";
  blok_arena_init(&self.arena, &frame->heap->allocator);
  blok_status status = rounds_of(&self, error);
  end(&self);
  return status;
}
