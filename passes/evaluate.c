// One node run by the reference interpreter on inputs that are known. See evaluate.h.
#include "passes/evaluate.h"

#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "reference/reference.h"

// What the call's resize needs.
typedef struct evaluation {
  blok_arena *arena;
  uint64_t left;  // bytes that outputs may still take
} evaluation;

bool blok_may_evaluate(const blok_node *node) {
  if (!blok_reference_has(node->op) || node->op == BLOK_OP_Dropout) return false;
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    if (node->attrs[a].type == BLOK_ATTR_GRAPH || node->attrs[a].type == BLOK_ATTR_GRAPHS) {
      return false;
    }
  }
  return true;
}

// BLOK_E_LIMIT when the tensor does not fit; the caller makes "not done" of it.
static blok_status make_data(evaluation *self, blok_tensor *tensor, blok_error *error) {
  size_t count = 0;
  size_t bytes = 0;
  if (!blok_dims_count(tensor->dims, tensor->rank, &count) ||
      !blok_mul_size(count, blok_dtype_size(tensor->dtype), &bytes) || bytes > self->left) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "a constant would be too large");
  }
  self->left -= bytes;
  tensor->data = blok_arena_zero(self->arena, bytes);
  tensor->bytes = bytes;
  return tensor->data ? BLOK_OK : blok_fail_memory(error, bytes);
}

static blok_status resize(blok_ref_call *call, uint32_t slot, uint32_t rank, const int64_t *dims,
                          blok_error *error) {
  blok_tensor *tensor = slot < call->n_out ? call->out[slot] : NULL;
  if (!tensor || rank > BLOK_MAX_RANK) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "an output cannot be sized");
  }
  tensor->rank = rank;
  for (uint32_t i = 0; i < rank; i++) tensor->dims[i] = dims[i];
  return make_data(call->context, tensor, error);
}

// The tensor that a fact describes, with data; *out stays NULL when the fact says too little.
static blok_status make_output(evaluation *self, const blok_node *node, const blok_fact *fact,
                               blok_tensor **out, blok_error *error) {
  if (fact->kind != BLOK_TYPE_TENSOR || blok_dtype_size(fact->dtype) == 0 ||
      fact->dtype == BLOK_STRING) {
    return BLOK_OK;
  }
  bool sized_by_run = node->op == BLOK_OP_NonZero;
  if (!sized_by_run && !blok_fact_shaped(fact)) return BLOK_OK;
  blok_tensor *tensor = blok_arena_zero(self->arena, sizeof *tensor);
  if (!tensor) return blok_fail_memory(error, sizeof *tensor);
  tensor->struct_size = sizeof *tensor;
  tensor->dtype = fact->dtype;
  if (!sized_by_run) {
    tensor->rank = (uint32_t)fact->rank;
    for (uint32_t i = 0; i < tensor->rank; i++) tensor->dims[i] = fact->dims[i].value;
    BLOK_TRY(make_data(self, tensor, error));
  }
  *out = tensor;
  return BLOK_OK;
}

static blok_status run(evaluation *self, const blok_graph *graph, blok_node_id id,
                       const blok_tensor *const *in, const blok_fact *facts, blok_tensor **out,
                       bool *done, blok_error *error) {
  const blok_node *node = blok_node_at(graph, id);
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    out[i] = NULL;
    if (!node->outputs[i].i) continue;
    BLOK_TRY(make_output(self, node, &facts[i], &out[i], error));
    if (!out[i]) return BLOK_OK;
  }
  blok_ref_call call = {0};
  call.graph = graph;
  call.node = node;
  call.n_in = node->n_inputs;
  call.n_out = node->n_outputs;
  call.in = in;
  call.out = out;
  call.allocator = &self->arena->allocator;
  call.resize = resize;
  call.context = self;
  BLOK_TRY(blok_reference_run(&call, error));
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (out[i] && !out[i]->data) return BLOK_OK;
  }
  *done = true;
  return BLOK_OK;
}

blok_status blok_evaluate(const blok_graph *graph, blok_node_id node, const blok_tensor *const *in,
                          const blok_fact *facts, uint64_t limit, blok_arena *arena,
                          blok_tensor **out, bool *done, blok_error *error) {
  *done = false;
  evaluation self = {arena, limit};
  blok_error inner = BLOK_ERROR_INIT;
  blok_status status = run(&self, graph, node, in, facts, out, done, &inner);
  if (status == BLOK_E_MEMORY) return blok_fail_memory(error, 0);
  if (status != BLOK_OK) *done = false;
  return BLOK_OK;
}

bool blok_literal_readable(const blok_literal *literal, size_t *count, size_t *bytes) {
  size_t size = blok_dtype_size(literal->dtype);
  if (literal->dtype == BLOK_STRING || size == 0 || literal->rank > BLOK_MAX_RANK) return false;
  return blok_literal_count(literal, count) && blok_mul_size(*count, size, bytes);
}

blok_status blok_literal_tensor(const blok_literal *literal, blok_arena *arena, blok_tensor **out,
                                blok_error *error) {
  size_t count = 0;
  size_t bytes = 0;
  *out = NULL;
  if (!blok_literal_readable(literal, &count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "tensor '%s': elements of type %s cannot be read",
                     blok_quote(literal->name).text, blok_dtype_name(literal->dtype));
  }
  blok_tensor *tensor = blok_arena_zero(arena, sizeof *tensor);
  void *data = blok_arena_alloc(arena, bytes);
  if (!tensor || !data) return blok_fail_memory(error, bytes);
  BLOK_TRY(blok_literal_read(literal, &arena->allocator, data, bytes, error));
  tensor->struct_size = sizeof *tensor;
  tensor->dtype = literal->dtype;
  tensor->rank = literal->rank;
  for (uint32_t i = 0; i < literal->rank; i++) tensor->dims[i] = literal->dims[i];
  tensor->data = data;
  tensor->bytes = bytes;
  *out = tensor;
  return BLOK_OK;
}
