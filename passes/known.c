// Graphs with what is known of them, and small proofs. See known.h.
#include "passes/known.h"

#include "base/error.h"
#include "base/size.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

static blok_status each(blok_graph *graph, const blok_fact *captures, blok_known_visit visit,
                        blok_error *error);

static blok_status each_inner(blok_graph *graph, blok_node_id id, blok_facts *facts,
                              blok_known_visit visit, blok_error *error) {
  const blok_subgraph *inner = NULL;
  for (uint32_t s = 0; (inner = blok_node_subgraph(blok_node_at(graph, id), s)); s++) {
    blok_fact *captures = NULL;
    blok_error reason = BLOK_ERROR_INIT;
    if (!inner->graph) continue;
    BLOK_TRY(blok_facts_captures(facts, inner, &facts->arena, &captures, error));
    blok_status status = each(inner->graph, captures, visit, &reason);
    if (status != BLOK_OK && status != BLOK_E_SHAPE) {
      return blok_fail(error, status, "%s", reason.message);
    }
  }
  return BLOK_OK;
}

static blok_status each(blok_graph *graph, const blok_fact *captures, blok_known_visit visit,
                        blok_error *error) {
  blok_facts_options options = {.captures = captures, .inferred_only = true};
  blok_facts *facts = NULL;
  BLOK_TRY(blok_facts_compute(graph, &options, &graph->module->allocator, &facts, error));
  blok_status status = BLOK_OK;
  for (uint32_t i = 0; status == BLOK_OK && i < graph->n_order; i++) {
    status = each_inner(graph, graph->order[i], facts, visit, error);
  }
  if (status == BLOK_OK) status = visit(graph, facts, error);
  blok_facts_free(&facts);
  return status;
}

blok_status blok_known_each(blok_graph *graph, blok_known_visit visit, blok_error *error) {
  return each(graph, NULL, visit, error);
}

typedef struct presence {
  blok_op op;
  bool any;
} presence;

static blok_status look_for(blok_graph *graph, void *context, blok_error *error) {
  presence *self = context;
  (void)error;
  for (uint32_t i = 0; !self->any && i < graph->n_order; i++) {
    self->any = blok_node_at(graph, graph->order[i])->op == self->op;
  }
  return BLOK_OK;
}

blok_status blok_known_where(blok_graph *graph, blok_op op, blok_known_visit visit,
                             blok_error *error) {
  presence wanted = {op, false};
  BLOK_TRY(blok_each_graph(graph, look_for, &wanted, error));
  return wanted.any ? blok_known_each(graph, visit, error) : BLOK_OK;
}

const blok_fact *blok_known_in(const blok_facts *facts, const blok_node *node, uint32_t slot) {
  return blok_facts_of(facts, blok_node_input(node, slot));
}

const blok_fact *blok_known_out(const blok_facts *facts, const blok_node *node) {
  return blok_facts_of(facts, blok_node_output(node, 0));
}

bool blok_known_ints(const blok_fact *fact, int64_t *values, uint32_t capacity, uint32_t *n) {
  if (fact->rank < 0 || fact->rank > 1 || !fact->elements || fact->n_elements > capacity) {
    return false;
  }
  size_t count = 0;
  if (!blok_fact_count(fact, &count) || count != fact->n_elements) return false;
  for (uint32_t i = 0; i < fact->n_elements; i++) {
    if (!fact->elements[i].known) return false;
    values[i] = fact->elements[i].value;
  }
  *n = fact->n_elements;
  return true;
}

bool blok_known_axes(const blok_facts *facts, const blok_node *node, uint32_t slot, uint32_t rank,
                     bool *on, uint32_t *n) {
  int64_t axes[BLOK_FACT_ELEMENTS];
  *n = 0;
  for (uint32_t i = 0; i < rank; i++) on[i] = false;
  if (!blok_node_input(node, slot).i) return true;
  const blok_fact *fact = blok_known_in(facts, node, slot);
  if (!blok_known_ints(fact, axes, BLOK_FACT_ELEMENTS, n)) return false;
  for (uint32_t i = 0; i < *n; i++) {
    uint32_t axis = 0;
    if (!blok_axis_normal(axes[i], rank, &axis) || on[axis]) return false;
    on[axis] = true;
  }
  return true;
}

bool blok_same_shape(const blok_fact *a, const blok_fact *b) {
  if (a->rank < 0 || a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; i++) {
    if (!blok_dim_same(a->dims[i], b->dims[i])) return false;
  }
  return true;
}

bool blok_all_equal(const blok_fact *fact, double number) {
  size_t count = 0;
  const blok_tensor *tensor = fact->tensor;
  if (!tensor || !tensor->data || tensor->dtype == BLOK_BOOL ||
      !blok_dims_count(tensor->dims, tensor->rank, &count) || count == 0) {
    return false;
  }
  if (!blok_dtype_is_float(tensor->dtype) && !blok_dtype_is_integer(tensor->dtype)) return false;
  for (size_t i = 0; i < count; i++) {
    if (blok_ref_load(tensor, i) != number) return false;
  }
  return true;
}

bool blok_reshape_target(const blok_fact *in, const blok_fact *out, int64_t *target) {
  int open = 0;
  if (out->rank < 0) return false;
  for (int32_t i = 0; i < out->rank; i++) {
    blok_dim dim = out->dims[i];
    target[i] = dim.value;
    // A 0 would copy an axis.
    if (dim.value == 0) return false;
    if (dim.value > 0) continue;
    bool same = i < in->rank && blok_dim_same(in->dims[i], dim);
    target[i] = same ? 0 : -1;
    if (!same) open++;
  }
  return open <= 1;
}
