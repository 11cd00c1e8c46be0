// A Gather that takes all elements of a flattened value in their order is a Reshape of that value,
// or nothing at all: torch.export writes a tensor that only got other strides so, with indices
// that are a constant, or a sum of one term an axis where the batch is open.
//
// Indices are read as strides: element (i, j, ...) is i times one number plus j times another and
// so on. The strides of a tensor in row-major order, and as many elements as there are, prove it.
#include "base/error.h"
#include "base/size.h"
#include "passes/evaluate.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

// Constants of more elements are not read, nor more of them all together; sums in sums are followed
// so far.
#define MOST_ELEMENTS (1u << 20)
#define MOST_WORK     (1u << 24)
#define MOST_DEPTH    8

typedef struct gatherer {
  blok_graph *graph;
  const blok_facts *facts;
  blok_arena *arena;
  uint64_t left;  // constants' elements that may still be read, terms counted as one
} gatherer;

typedef struct strides {
  uint32_t rank;
  int64_t of[BLOK_MAX_RANK];  // by axis; of an axis of size 1: any number
} strides;

// ---- Indices ------------------------------------------------------------------------------------

// True when all elements are what the strides say; *out is filled from the first of each axis.
static bool regular(const blok_tensor *tensor, size_t count, strides *out) {
  size_t behind[BLOK_MAX_RANK];
  size_t step = 1;
  for (uint32_t i = tensor->rank; i-- > 0; step *= (size_t)tensor->dims[i]) {
    behind[i] = step;
    out->of[i] = tensor->dims[i] > 1 ? blok_ref_load_i64(tensor, step) : 0;
    if (out->of[i] < 0 || out->of[i] > MOST_ELEMENTS) return false;
  }
  for (size_t n = 0; n < count; n++) {
    int64_t want = 0;
    for (uint32_t i = 0; i < tensor->rank; i++) {
      want += (int64_t)(n / behind[i] % (size_t)tensor->dims[i]) * out->of[i];
    }
    if (blok_ref_load_i64(tensor, n) != want) return false;
  }
  return true;
}

static blok_status read_constant(gatherer *self, const blok_literal *literal, strides *out,
                                 bool *found, blok_error *error) {
  size_t count = 0, bytes = 0;
  blok_tensor *tensor = NULL;
  if (literal->dtype != BLOK_I64 || literal->rank > BLOK_MAX_RANK ||
      !blok_literal_readable(literal, &count, &bytes) || count == 0 || count > MOST_ELEMENTS ||
      count > self->left) {
    return BLOK_OK;
  }
  self->left -= count;
  BLOK_TRY(blok_literal_tensor(literal, self->arena, &tensor, error));
  out->rank = literal->rank;
  *found = regular(tensor, count, out);
  return BLOK_OK;
}

// The one number that a value is known to be.
static bool one_number(gatherer *self, blok_value_id value, int64_t *out) {
  const blok_fact *fact = blok_facts_of(self->facts, value);
  if (!value.i || fact->rank < 0 || fact->n_elements != 1 || !fact->elements[0].known) return false;
  *out = fact->elements[0].value;
  return *out >= 0 && *out <= MOST_ELEMENTS;
}

static blok_status read_strides(gatherer *self, blok_value_id value, uint32_t depth, strides *out,
                                bool *found, blok_error *error);

// Ranks are put even at the last axis. False where a sum is too large.
static bool add_strides(const strides *a, const strides *b, strides *out) {
  out->rank = a->rank > b->rank ? a->rank : b->rank;
  for (uint32_t back = 1; back <= out->rank; back++) {
    const int64_t left = back <= a->rank ? a->of[a->rank - back] : 0;
    const int64_t right = back <= b->rank ? b->of[b->rank - back] : 0;
    if (!blok_add_i64(left, right, &out->of[out->rank - back])) return false;
  }
  return true;
}

// A term along an axis that is 1 long adds nothing.
static void drop_single(const blok_fact *fact, strides *of) {
  for (uint32_t i = 0; i < of->rank; i++) {
    if (fact->dims[i].value == 1) of->of[i] = 0;
  }
}

static blok_status read_sum(gatherer *self, const blok_node *node, uint32_t depth, strides *out,
                            bool *found, blok_error *error) {
  strides terms[2];
  for (uint32_t slot = 0; slot < 2; slot++) {
    bool read = false;
    BLOK_TRY(read_strides(self, node->inputs[slot], depth, &terms[slot], &read, error));
    if (!read) return BLOK_OK;
  }
  *found = add_strides(&terms[0], &terms[1], out);
  return BLOK_OK;
}

static blok_status read_product(gatherer *self, const blok_node *node, uint32_t depth, strides *out,
                                bool *found, blok_error *error) {
  int64_t factor = 0;
  for (uint32_t slot = 0; slot < 2; slot++) {
    const blok_fact *fact = blok_known_in(self->facts, node, slot);
    if (fact->rank != 0 || !one_number(self, node->inputs[slot], &factor)) continue;
    BLOK_TRY(read_strides(self, node->inputs[1 - slot], depth, out, found, error));
    for (uint32_t i = 0; *found && i < out->rank; i++) {
      *found = blok_mul_i64(out->of[i], factor, &out->of[i]);
    }
    return BLOK_OK;
  }
  return BLOK_OK;
}

static blok_status read_unsqueeze(gatherer *self, const blok_node *node, uint32_t depth,
                                  strides *out, bool *found, blok_error *error) {
  const blok_fact *fact = blok_known_out(self->facts, node);
  bool on[BLOK_MAX_RANK];
  uint32_t n = 0, next = 0;
  strides inner;
  bool read = false;
  if (fact->rank < 0 || fact->rank > BLOK_MAX_RANK ||
      !blok_known_axes(self->facts, node, 1, (uint32_t)fact->rank, on, &n)) {
    return BLOK_OK;
  }
  BLOK_TRY(read_strides(self, node->inputs[0], depth, &inner, &read, error));
  if (!read || inner.rank + n != (uint32_t)fact->rank) return BLOK_OK;
  out->rank = (uint32_t)fact->rank;
  for (uint32_t i = 0; i < out->rank; i++) out->of[i] = on[i] ? 0 : inner.of[next++];
  *found = true;
  return BLOK_OK;
}

static bool read_range(gatherer *self, const blok_node *node, strides *out) {
  int64_t start = 0, delta = 0;
  out->rank = 1;
  out->of[0] = 1;
  return one_number(self, blok_node_input(node, 0), &start) && start == 0 &&
         one_number(self, blok_node_input(node, 2), &delta) && delta == 1;
}

// *found stays false where the value is nothing that has strides.
static blok_status read_strides(gatherer *self, blok_value_id value, uint32_t depth, strides *out,
                                bool *found, blok_error *error) {
  const blok_fact *fact = blok_facts_of(self->facts, value);
  if (!value.i || depth == MOST_DEPTH || fact->rank < 0 || fact->rank > BLOK_MAX_RANK ||
      self->left == 0) {
    return BLOK_OK;
  }
  self->left--;
  const blok_literal *literal = blok_value_at(self->graph, value)->literal;
  const blok_node_id id = blok_value_producer(self->graph, value);
  const blok_node *node = blok_node_at(self->graph, id);
  if (literal) {
    BLOK_TRY(read_constant(self, literal, out, found, error));
  } else if (!id.i || !blok_node_input(node, 0).i || !blok_node_input(node, 1).i) {
    return BLOK_OK;
  } else if (node->op == BLOK_OP_Add) {
    BLOK_TRY(read_sum(self, node, depth + 1, out, found, error));
  } else if (node->op == BLOK_OP_Mul) {
    BLOK_TRY(read_product(self, node, depth + 1, out, found, error));
  } else if (node->op == BLOK_OP_Unsqueeze) {
    BLOK_TRY(read_unsqueeze(self, node, depth + 1, out, found, error));
  } else if (node->op == BLOK_OP_Range) {
    *found = read_range(self, node, out);
  }
  if (*found) *found = out->rank == (uint32_t)fact->rank;
  if (*found) drop_single(fact, out);
  return BLOK_OK;
}

// ---- The Gather ---------------------------------------------------------------------------------

// Strides of a tensor of these dims, of which the first that is not 1 may be open.
static bool in_order(const strides *of, const blok_fact *fact) {
  int64_t behind = 1;
  bool open = false;
  for (uint32_t i = of->rank; i-- > 0;) {
    const int64_t size = fact->dims[i].value;
    if (size == 1) continue;
    if (open || of->of[i] != behind) return false;
    open = size < 0;
    if (!open && !blok_mul_i64(behind, size, &behind)) return false;
  }
  return true;
}

static bool as_many(const blok_fact *a, const blok_fact *b) {
  size_t left = 0, right = 0;
  return blok_fact_count(a, &left) && blok_fact_count(b, &right) && left == right && left > 0;
}

// x, which was flattened, in the shape of the indices.
static blok_status replace(gatherer *self, blok_node_id id, blok_node_id flat, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_value_id x = blok_node_at(graph, flat)->inputs[0];
  const blok_fact *in = blok_facts_of(self->facts, x);
  const blok_fact *out = blok_known_out(self->facts, blok_node_at(graph, id));
  const bool same = blok_same_shape(in, out);
  int64_t target[BLOK_MAX_RANK];
  blok_value_id shape = BLOK_NO_VALUE;
  if (!same && (!as_many(in, out) || !blok_reshape_target(in, out, target))) return BLOK_OK;
  if (!same) {
    BLOK_TRY(blok_rewrite_ints(graph, id, "shape", target, (uint32_t)out->rank, &shape, error));
  }
  BLOK_TRY(blok_node_add_sources(graph, id, blok_node_at(graph, flat), error));
  blok_node_drop_attr(graph, id, "axis");
  blok_node_set_op(graph, id, same ? "Identity" : "Reshape");
  BLOK_TRY(blok_node_resize_inputs(graph, id, same ? 1 : 2, error));
  blok_graph_set_input(graph, id, 0, x);
  if (!same) blok_graph_set_input(graph, id, 1, shape);
  return BLOK_OK;
}

static blok_status look_at(gatherer *self, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(self->graph, id);
  if (node->op != BLOK_OP_Gather || !blok_node_input(node, 0).i || !blok_node_output(node, 0).i) {
    return BLOK_OK;
  }
  const blok_node_id flat = blok_value_producer(self->graph, node->inputs[0]);
  const blok_node *reshape = blok_node_at(self->graph, flat);
  strides of;
  bool found = false;
  if (!flat.i || reshape->op != BLOK_OP_Reshape || !blok_node_input(reshape, 0).i ||
      blok_known_out(self->facts, reshape)->rank != 1) {
    return BLOK_OK;
  }
  BLOK_TRY(read_strides(self, blok_node_input(node, 1), 0, &of, &found, error));
  if (!found || !in_order(&of, blok_known_in(self->facts, node, 1))) return BLOK_OK;
  return replace(self, id, flat, error);
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  gatherer self = {graph, facts, &facts->arena, MOST_WORK};
  for (uint32_t i = 0; i < graph->n_order; i++) BLOK_TRY(look_at(&self, graph->order[i], error));
  return BLOK_OK;
}

blok_status blok_pass_gathers(blok_module *module, const blok_pass_options *options,
                              blok_error *error) {
  (void)options;
  return blok_known_where(module->graph, BLOK_OP_Gather, visit, error);
}
