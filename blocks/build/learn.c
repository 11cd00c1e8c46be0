// What is known of the builder's values: of constants their dims, of what nodes make what inference
// says, and all that followed from a constant's numbers anew when these are changed.
#include <string.h>

#include "base/error.h"
#include "blocks/build/build.h"
#include "graph/schemas.h"
#include "passes/driver.h"

const blok_fact *blok_builder_fact(const blok_builder *builder, blok_value_id value) {
  return blok_facts_of(builder->facts, value);
}

blok_status blok_builder_learn(blok_builder *builder, blok_value_id value, const blok_fact *fact,
                               blok_error *error) {
  blok_facts *facts = builder->facts;
  while (value.i >= facts->n) {
    uint32_t capacity = facts->n;
    if (!blok_grow(&facts->allocator, &facts->of, &capacity, facts->n, sizeof *facts->of)) {
      return blok_fail_memory(error, 0);
    }
    for (uint32_t i = facts->n; i < capacity; i++) {
      facts->of[i] = (blok_fact){.kind = BLOK_TYPE_NONE, .rank = -1};
    }
    facts->n = capacity;
  }
  facts->of[value.i] = *fact;
  return BLOK_OK;
}

blok_status blok_builder_learn_literal(blok_builder *builder, blok_value_id value,
                                       const blok_literal *literal, blok_error *error) {
  blok_fact fact = {.kind = BLOK_TYPE_TENSOR, .dtype = literal->dtype};
  blok_dim *dims = blok_arena_array(&builder->facts->arena, literal->rank, sizeof *dims);
  if (!dims) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < literal->rank; i++) dims[i] = blok_dim_of(literal->dims[i]);
  fact.rank = (int32_t)literal->rank;
  fact.dims = dims;
  return blok_builder_learn(builder, value, &fact, error);
}

// What a writer made beside its nodes: axes, scales, a weight in other dims.
static blok_status learn_constants(blok_builder *builder, const blok_node *node,
                                   blok_error *error) {
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    const blok_value_id value = node->inputs[i];
    if (!value.i || blok_builder_fact(builder, value)->kind != BLOK_TYPE_NONE) continue;
    const blok_literal *literal = blok_value_at(builder->graph, value)->literal;
    if (!literal || literal->rank > BLOK_MAX_RANK) continue;
    BLOK_TRY(blok_builder_learn_literal(builder, value, literal, error));
  }
  return BLOK_OK;
}

blok_status blok_builder_infer(blok_builder *builder, uint32_t first, blok_error *error) {
  blok_graph *graph = builder->graph;
  const int64_t newest = blok_schema_latest_opset("");
  const bool marked = blok_module_opset(builder->module, "") != newest;
  if (graph->n_order > builder->limits.nodes) {
    return BLOK_FAIL(error, BLOK_E_LIMIT,
                     "the model would have %u nodes, the limit is %llu (nodes "
                     "of blok_limits)",
                     graph->n_order, (unsigned long long)builder->limits.nodes);
  }
  for (uint32_t i = first; i < graph->n_order; i++) {
    blok_node *node = blok_node_at(graph, graph->order[i]);
    if (marked) node->opset = newest;
    BLOK_TRY(learn_constants(builder, node, error));
    BLOK_TRY(blok_facts_step(builder->facts, graph->order[i], error));
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      const blok_value_id made = node->outputs[o];
      if (made.i && !blok_names_put(&builder->taken, blok_value_at(graph, made)->name, made.i)) {
        return blok_fail_memory(error, 0);
      }
    }
  }
  return BLOK_OK;
}

// ---- All nodes again ----------------------------------------------------------------------------

// Inference knows newest forms alone: a node in an older one was inferred by itself (version.c), or
// came with a model and is known from its working graph.
static bool is_newest(const blok_builder *builder, const blok_node *node) {
  const int64_t opset = node->opset ? node->opset : blok_module_opset(builder->module, "");
  const int64_t latest = blok_schema_latest_opset("");
  if (opset == latest) return true;
  return node->op != BLOK_OP_UNKNOWN && !*blok_node_domain(node) &&
         blok_schema_find("", node->op_type, opset) == blok_schema_find("", node->op_type, latest);
}

static bool all_known(const blok_builder *builder, const blok_value_id *values, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (values[i].i && blok_builder_fact(builder, values[i])->kind == BLOK_TYPE_NONE) return false;
  }
  return true;
}

blok_status blok_builder_learn_nodes(blok_builder *builder, bool *whole, blok_error *error) {
  const blok_graph *graph = builder->graph;
  *whole = true;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    blok_error reason = BLOK_ERROR_INIT;
    if (all_known(builder, node->outputs, node->n_outputs)) continue;
    if (is_newest(builder, node) && all_known(builder, node->inputs, node->n_inputs)) {
      const blok_status status = blok_facts_step(builder->facts, graph->order[i], &reason);
      if (status == BLOK_E_MEMORY) return blok_fail(error, status, "%s", reason.message);
    }
    if (!all_known(builder, node->outputs, node->n_outputs)) *whole = false;
  }
  return BLOK_OK;
}

// ---- Other numbers ------------------------------------------------------------------------------

// What changing a constant's numbers goes through: the facts as they were, and by value whether its
// elements were known and may be others now.
typedef struct renewal {
  blok_builder *builder;
  blok_fact *was;
  bool *stale;
  blok_error *error;
} renewal;

static bool same_shape(const blok_fact *a, const blok_fact *b) {
  bool same = a->kind == b->kind && a->dtype == b->dtype && a->rank == b->rank;
  for (int32_t i = 0; same && i < a->rank; i++) same = blok_dim_same(a->dims[i], b->dims[i]);
  return same;
}

static bool reads_stale(const renewal *self, const blok_node *node) {
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (self->stale[node->inputs[i].i]) return true;
  }
  return false;
}

static blok_status renew(renewal *self, blok_value_id constant) {
  blok_builder *builder = self->builder;
  const blok_graph *graph = builder->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (!reads_stale(self, node) || !is_newest(builder, node)) continue;
    BLOK_TRY(blok_facts_step(builder->facts, graph->order[i], self->error));
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      const blok_value_id made = node->outputs[o];
      if (!made.i) continue;
      const blok_fact *was = &self->was[made.i], *is = blok_builder_fact(builder, made);
      if (!same_shape(was, is)) {
        return BLOK_FAIL(self->error, BLOK_E_ARGUMENT,
                         "weight '%s': shapes have been inferred from its numbers, and with these "
                         "'%s' is %s rather than %s: build with the right ones from the beginning",
                         blok_quote(blok_value_at(graph, constant)->name).text,
                         blok_quote(blok_value_at(graph, made)->name).text,
                         blok_print_fact(is).text, blok_print_fact(was).text);
      }
      self->stale[made.i] = was->tensor || was->elements;
    }
  }
  return BLOK_OK;
}

blok_status blok_builder_renew(blok_builder *builder, blok_value_id constant, blok_error *error) {
  const blok_facts *facts = builder->facts;
  const uint32_t n = builder->graph->n_values;
  blok_fact *fact = &builder->facts->of[constant.i];
  if (!fact->tensor) return BLOK_OK;
  renewal self = {.builder = builder, .error = error};
  self.was = blok_alloc_array(&builder->allocator, facts->n, sizeof *self.was);
  self.stale = blok_alloc_array(&builder->allocator, n, sizeof *self.stale);
  blok_status status = BLOK_OK;
  if (self.was && self.stale) {
    memcpy(self.was, facts->of, facts->n * sizeof *self.was);
    fact->tensor = NULL;
    fact->elements = NULL;
    fact->n_elements = 0;
    self.stale[constant.i] = true;
    status = renew(&self, constant);
    if (status != BLOK_OK) memcpy(facts->of, self.was, facts->n * sizeof *self.was);
  } else {
    status = blok_fail_memory(error, 0);
  }
  blok_free(&builder->allocator, self.was);
  blok_free(&builder->allocator, self.stale);
  return status;
}
