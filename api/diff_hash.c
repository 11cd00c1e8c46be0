// Hashes of what stands above each value: so many nodes of it, without attributes and numbers, or
// all of it. Names and the order of nodes play no part, nor do the places of inputs that commute.
#include <stdlib.h>
#include <string.h>

#include "api/diff_parts.h"
#include "base/error.h"

uint64_t blok_diff_hash_text(const char *text) {
  return text ? blok_hash_bytes(text, strlen(text)) : 0;
}

bool blok_diff_commutes(const blok_node *node) {
  static const char *const ops[] = {"Add",       "Mul",        "Sum",       "Max", "Min",
                                    "Mean",      "And",        "Or",        "Xor", "Equal",
                                    "BitwiseOr", "BitwiseAnd", "BitwiseXor"};
  if (!node->op_type || *blok_node_domain(node) || node->n_inputs < 2) return false;
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    if (strcmp(node->op_type, ops[i]) == 0) return true;
  }
  return false;
}

// ---- By operator --------------------------------------------------------------------------------

// Functions go by no name.
static uint64_t hash_op(const blok_differ *self, int side, const blok_node *node) {
  if (blok_differ_function(self, side, node)) return 3;
  return blok_diff_mix(blok_diff_hash_text(blok_node_domain(node)),
                       blok_diff_hash_text(node->op_type));
}

static uint64_t hash_origin(const blok_differ *self, const blok_diff_frame *frame, int side,
                            blok_value_id id) {
  const blok_graph *graph = frame->graph[side];
  const blok_value *value = blok_value_at(graph, id);
  blok_diff_constant constant;
  if (frame->input[side][id.i]) return blok_diff_mix(5, frame->input[side][id.i]);
  if (blok_differ_constant(graph, id, &constant)) {
    uint64_t hash = blok_diff_mix(7, (uint64_t)constant.dtype);
    hash = blok_diff_mix(hash, constant.rank);
    for (uint32_t d = 0; constant.literal && d < constant.rank; d++) {
      hash = blok_diff_mix(hash, (uint64_t)constant.dims[d]);
    }
    return constant.literal || constant.rank == 0 ? hash
                                                  : blok_diff_mix(hash, (uint64_t)constant.length);
  }
  if (!value->producer.i) return 11;
  return blok_diff_mix(hash_op(self, side, blok_node_at(graph, value->producer)),
                       value->producer_slot);
}

// ---- So many nodes ------------------------------------------------------------------------------

static uint64_t hash_inputs(const blok_differ *self, const blok_graph *graph, const blok_node *node,
                            uint64_t hash, const uint64_t *above) {
  uint64_t sum = 0;
  const bool any_order = blok_diff_commutes(node);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    const blok_value_id input = blok_differ_resolve(self, graph, node->inputs[i]);
    if (any_order) {
      sum += blok_diff_mix(13, above[input.i]);
    } else if (input.i) {
      hash = blok_diff_mix(blok_diff_mix(hash, i), above[input.i]);
    }
  }
  return any_order ? blok_diff_mix(hash, sum) : hash;
}

static uint64_t next_hash(const blok_differ *self, const blok_graph *graph, uint32_t v,
                          const uint64_t *lowest, const uint64_t *above) {
  const blok_value *value = &graph->values[v];
  blok_diff_constant constant;
  if (!value->producer.i || blok_differ_constant(graph, (blok_value_id){v}, &constant)) {
    return lowest[v];
  }
  return hash_inputs(self, graph, blok_node_at(graph, value->producer), lowest[v], above);
}

static uint64_t *new_hashes(blok_differ *self, const blok_graph *graph) {
  return blok_arena_array(&self->scratch, graph->n_values, sizeof(uint64_t));
}

static blok_status hash_side(blok_differ *self, blok_diff_frame *frame, int side) {
  static const uint32_t heights[BLOK_DIFF_LEVELS] = {0, 1, 2, 4, 8, 16};
  const blok_graph *graph = frame->graph[side];
  uint64_t **kept = frame->hash[side];
  uint64_t *now = blok_alloc_array(&self->allocator, graph->n_values, sizeof *now);
  uint64_t *next = blok_alloc_array(&self->allocator, graph->n_values, sizeof *next);
  bool whole = now && next;
  for (int level = 0; level < BLOK_DIFF_LEVELS; level++) {
    kept[level] = new_hashes(self, graph);
    whole = whole && kept[level];
  }
  uint32_t height = 0;
  for (uint32_t v = 1; whole && v < graph->n_values; v++) {
    now[v] = hash_origin(self, frame, side, (blok_value_id){v});
  }
  for (int level = 0; whole && level < BLOK_DIFF_LEVELS; level++) {
    for (; height < heights[level]; height++) {
      for (uint32_t v = 1; v < graph->n_values; v++) {
        next[v] = next_hash(self, graph, v, kept[0], now);
      }
      uint64_t *swapped = now;
      now = next;
      next = swapped;
    }
    memcpy(kept[level], now, graph->n_values * sizeof *now);
  }
  blok_free(&self->allocator, now);
  blok_free(&self->allocator, next);
  return whole ? BLOK_OK : blok_fail_memory(self->error, graph->n_values * sizeof *now);
}

blok_status blok_differ_hash(blok_differ *self, blok_diff_frame *frame) {
  for (int side = 0; side < SIDES; side++) {
    if (!frame->hash[side][0]) BLOK_TRY(hash_side(self, frame, side));
  }
  return BLOK_OK;
}

// ---- All of it ----------------------------------------------------------------------------------

// Whatever the order of the attributes.
static uint64_t hash_attributes(const blok_node *node) {
  uint64_t sum = 0;
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    const blok_attr *attr = &node->attrs[a];
    uint64_t hash = blok_diff_mix(blok_diff_hash_text(attr->name), (uint64_t)attr->type);
    const void *bytes = NULL;
    size_t size = 0;
    if (attr->type == BLOK_ATTR_INT) bytes = &attr->as.i, size = sizeof attr->as.i;
    if (attr->type == BLOK_ATTR_FLOAT) bytes = &attr->as.f, size = sizeof attr->as.f;
    if (attr->type == BLOK_ATTR_INTS) bytes = attr->as.ints, size = attr->n * sizeof(int64_t);
    if (attr->type == BLOK_ATTR_FLOATS) bytes = attr->as.floats, size = attr->n * sizeof(float);
    if (attr->type == BLOK_ATTR_STRING) bytes = attr->as.s.data, size = attr->as.s.size;
    if (attr->n && size) hash = blok_diff_mix(hash, blok_hash_bytes(bytes, size));
    sum += hash;
  }
  return sum;
}

static blok_status hash_value(blok_differ *self, const blok_diff_frame *frame, int side, uint32_t v,
                              uint64_t *whole) {
  const blok_graph *graph = frame->graph[side];
  const blok_value *value = &graph->values[v];
  blok_diff_constant constant;
  if (blok_differ_constant(graph, (blok_value_id){v}, &constant)) {
    return blok_differ_hash_constant(self, &constant, &whole[v]);
  }
  whole[v] = frame->hash[side][0][v];
  if (!value->producer.i) return BLOK_OK;
  const blok_node *node = blok_node_at(graph, value->producer);
  whole[v] = blok_diff_mix(whole[v], hash_attributes(node));
  whole[v] = hash_inputs(self, graph, node, whole[v], whole);
  return BLOK_OK;
}

// Inputs first, from every value that is read: a stack of values, each with the inputs that have
// been followed. On a cycle the value that closes it counts as 0.
static blok_status hash_above(blok_differ *self, const blok_diff_frame *frame, int side,
                              uint32_t from, uint8_t *known, uint32_t *stack, uint32_t *followed) {
  enum { BEGUN = 1, DONE = 2 };
  const blok_graph *graph = frame->graph[side];
  uint32_t depth = 0;
  if (known[from]) return BLOK_OK;
  known[from] = BEGUN;
  stack[depth] = from;
  followed[depth++] = 0;
  while (depth > 0) {
    const uint32_t v = stack[depth - 1];
    const blok_node_id producer = graph->values[v].producer;
    const blok_node *node = producer.i ? blok_node_at(graph, producer) : NULL;
    if (!node || followed[depth - 1] >= node->n_inputs) {
      BLOK_TRY(hash_value(self, frame, side, v, frame->whole[side]));
      known[v] = DONE;
      depth--;
      continue;
    }
    const blok_value_id input =
        blok_differ_resolve(self, graph, node->inputs[followed[depth - 1]++]);
    if (!input.i || known[input.i]) continue;
    known[input.i] = BEGUN;
    stack[depth] = input.i;
    followed[depth++] = 0;
  }
  return BLOK_OK;
}

static blok_status hash_whole_side(blok_differ *self, blok_diff_frame *frame, int side) {
  const blok_graph *graph = frame->graph[side];
  const size_t n = graph->n_values;
  uint8_t *known = blok_alloc_array(&self->allocator, n, sizeof *known);
  uint32_t *stack = blok_alloc_array(&self->allocator, n, sizeof *stack);
  uint32_t *followed = blok_alloc_array(&self->allocator, n, sizeof *followed);
  blok_status status = BLOK_OK;
  frame->whole[side] = new_hashes(self, graph);
  if (!known || !stack || !followed || !frame->whole[side]) {
    status = blok_fail_memory(self->error, n * sizeof *stack);
    goto done;
  }
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    const blok_value_id value = blok_differ_resolve(self, graph, graph->outputs[i].value);
    BLOK_TRY_TO(done, hash_above(self, frame, side, value.i, known, stack, followed));
  }
done:
  blok_free(&self->allocator, known);
  blok_free(&self->allocator, stack);
  blok_free(&self->allocator, followed);
  return status;
}

blok_status blok_differ_hash_whole(blok_differ *self, blok_diff_frame *frame) {
  BLOK_TRY(blok_differ_hash(self, frame));
  for (int side = 0; side < SIDES; side++) {
    if (!frame->whole[side]) BLOK_TRY(hash_whole_side(self, frame, side));
  }
  return BLOK_OK;
}
