// If: what both branches agree upon, or what the one branch gives that a known condition picks.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

// Fills one fact for each output of the branch.
static blok_status run_branch(blok_infer *context, const char *name, blok_fact *facts,
                              blok_error *error) {
  const blok_attr *attr = blok_node_attr(context->node, name);
  if (!attr || attr->type != BLOK_ATTR_GRAPH || attr->n == 0 || !attr->as.graphs) {
    return blok_infer_fail(context, error, "attribute %s is missing or holds no graph", name);
  }
  const blok_subgraph *branch = attr->as.graphs;
  if (branch->graph->n_outputs != context->n_out) {
    return blok_infer_fail(context, error, "%s makes %u outputs, the node has %u", name,
                           branch->graph->n_outputs, context->n_out);
  }
  for (uint32_t i = 0; i < branch->graph->n_inputs; i++) {
    const blok_value *input = blok_value_at(branch->graph, branch->graph->inputs[i].value);
    if (input->literal) continue;  // an initializer that is listed as an input, too
    return blok_infer_fail(context, error, "%s has the input '%s', and a branch takes none", name,
                           blok_quote(input->name).text);
  }
  for (uint32_t i = 0; i < context->n_out; i++) facts[i].rank = -1;
  return context->subgraph(context, branch, NULL, facts, error);
}

static blok_status merge_elements(blok_infer *context, uint32_t slot, const blok_fact *a,
                                  const blok_fact *b, blok_error *error) {
  blok_element left[BLOK_FACT_ELEMENTS];
  blok_element right[BLOK_FACT_ELEMENTS];
  uint32_t n = 0;
  uint32_t n_right = 0;
  if (!blok_elements_get(a, left, &n) || !blok_elements_get(b, right, &n_right)) return BLOK_OK;
  for (uint32_t i = 0; i < n && n == n_right; i++) {
    if (!blok_element_same(left[i], right[i])) left[i] = blok_element_unknown();
  }
  return n == n_right ? blok_elements_put(context, slot, left, n, error) : BLOK_OK;
}

static blok_status merge(blok_infer *context, uint32_t slot, const blok_fact *a, const blok_fact *b,
                         blok_error *error) {
  if (a->kind != BLOK_TYPE_TENSOR || b->kind != BLOK_TYPE_TENSOR) {
    if (a->kind == b->kind && a->type == b->type) context->out[slot] = *a;
    return BLOK_OK;
  }
  if (a->dtype != b->dtype && a->dtype != BLOK_UNDEFINED && b->dtype != BLOK_UNDEFINED) {
    return blok_infer_fail(context, error, "output %u is %s in one branch and %s in the other",
                           slot, blok_dtype_name(a->dtype), blok_dtype_name(b->dtype));
  }
  blok_dtype dtype = a->dtype != BLOK_UNDEFINED ? a->dtype : b->dtype;
  if (!blok_fact_ranked(a) || a->rank != b->rank) {
    blok_infer_set_dtype(context, slot, dtype);
    return BLOK_OK;
  }
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t rank = (uint32_t)a->rank;
  for (uint32_t i = 0; i < rank; i++) {
    dims[i] = blok_dim_same(a->dims[i], b->dims[i]) ? a->dims[i] : blok_dim_unknown();
  }
  BLOK_TRY(blok_infer_set(context, slot, dtype, rank, dims, error));
  return merge_elements(context, slot, a, b, error);
}

blok_status blok_infer_If(blok_infer *context, blok_error *error) {
  bool condition = false;
  uint32_t n = context->n_out;
  if (!context->subgraph || n == 0) return BLOK_OK;
  blok_fact *taken = blok_arena_array(context->arena, n, sizeof *taken);
  blok_fact *other = blok_arena_array(context->arena, n, sizeof *other);
  if (!taken || !other) return blok_fail_memory(error, n * sizeof *taken);
  if (blok_infer_truth(blok_infer_in(context, 0), &condition)) {
    BLOK_TRY(run_branch(context, condition ? "then_branch" : "else_branch", taken, error));
    memcpy(context->out, taken, n * sizeof *taken);
    return BLOK_OK;
  }
  BLOK_TRY(run_branch(context, "then_branch", taken, error));
  BLOK_TRY(run_branch(context, "else_branch", other, error));
  for (uint32_t i = 0; i < n; i++) BLOK_TRY(merge(context, i, &taken[i], &other[i], error));
  return BLOK_OK;
}
