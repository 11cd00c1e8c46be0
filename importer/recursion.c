// Local functions that call themselves, through others or not, cannot be meant: refused here, so
// that nobody who walks from call to body has to count how deep.
#include "base/error.h"
#include "graph/functions.h"
#include "importer/reading.h"

// One function's body calls another.
typedef struct call_edge {
  uint32_t caller, callee;
} call_edge;

typedef struct call_graph {
  const blok_module *module;
  blok_arena arena;
  blok_functions functions;
  uint32_t n_edges, cap_edges;
  call_edge *edges;
  uint32_t *pending;  // by function: calls to functions that are not known to end yet
} call_graph;

static blok_status add_calls(call_graph *calls, uint32_t caller, const blok_graph *graph,
                             blok_error *error);

static blok_status add_node_calls(call_graph *calls, uint32_t caller, const blok_node *node,
                                  blok_error *error) {
  const blok_function *called = blok_functions_find(&calls->functions, node);
  if (called) {
    uint32_t callee = (uint32_t)(called - calls->module->functions);
    if (!blok_arena_grow(&calls->arena, &calls->edges, &calls->cap_edges, calls->n_edges,
                         sizeof *calls->edges)) {
      return blok_fail_memory(error, 0);
    }
    calls->edges[calls->n_edges++] = (call_edge){caller, callee};
    calls->pending[caller]++;
  }
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    const blok_attr *attr = &node->attrs[a];
    if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
    for (uint32_t g = 0; g < attr->n; g++) {
      BLOK_TRY(add_calls(calls, caller, attr->as.graphs[g].graph, error));
    }
  }
  return BLOK_OK;
}

static blok_status add_calls(call_graph *calls, uint32_t caller, const blok_graph *graph,
                             blok_error *error) {
  for (uint32_t i = 0; i < graph->n_order; i++) {
    BLOK_TRY(add_node_calls(calls, caller, blok_node_at(graph, graph->order[i]), error));
  }
  return BLOK_OK;
}

static blok_status list_calls(call_graph *calls, blok_error *error) {
  const blok_module *module = calls->module;
  calls->pending = blok_arena_array(&calls->arena, module->n_functions, sizeof *calls->pending);
  if (!calls->pending) return blok_fail_memory(error, 0);
  BLOK_TRY(blok_functions_sort(module, &calls->functions, error));
  const blok_function *twice = blok_functions_repeated(&calls->functions);
  if (twice) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "function '%s' of domain '%s' is defined twice",
                     blok_quote(twice->name).text, blok_quote(twice->domain).text);
  }
  for (uint32_t f = 0; f < module->n_functions; f++) {
    BLOK_TRY(add_calls(calls, f, module->functions[f].body, error));
  }
  return BLOK_OK;
}

// The calls by callee, so that a function that ends tells its callers: first[f] .. first[f + 1].
static blok_status by_callee(call_graph *calls, uint32_t **first, uint32_t **callers,
                             blok_error *error) {
  const uint32_t n = calls->module->n_functions;
  *first = blok_arena_array(&calls->arena, (size_t)n + 2, sizeof **first);
  *callers = blok_arena_array(&calls->arena, calls->n_edges, sizeof **callers);
  if (!*first || !*callers) return blok_fail_memory(error, 0);
  uint32_t *at = *first + 1;
  for (uint32_t e = 0; e < calls->n_edges; e++) at[calls->edges[e].callee + 1]++;
  for (uint32_t f = 0; f < n; f++) at[f + 1] += at[f];
  for (uint32_t e = 0; e < calls->n_edges; e++) {
    (*callers)[at[calls->edges[e].callee]++] = calls->edges[e].caller;
  }
  return BLOK_OK;
}

static blok_status find_circle(call_graph *calls, blok_error *error) {
  const blok_module *module = calls->module;
  uint32_t *first, *callers;
  BLOK_TRY(by_callee(calls, &first, &callers, error));
  uint32_t *ended = blok_arena_array(&calls->arena, module->n_functions, sizeof *ended);
  if (!ended) return blok_fail_memory(error, 0);
  uint32_t n_ended = 0;
  for (uint32_t f = 0; f < module->n_functions; f++) {
    if (calls->pending[f] == 0) ended[n_ended++] = f;
  }
  for (uint32_t done = 0; done < n_ended; done++) {
    uint32_t callee = ended[done];
    for (uint32_t c = first[callee]; c < first[callee + 1]; c++) {
      if (--calls->pending[callers[c]] == 0) ended[n_ended++] = callers[c];
    }
  }
  for (uint32_t f = 0; f < module->n_functions; f++) {
    if (calls->pending[f] == 0) continue;
    return BLOK_FAIL(
        error, BLOK_E_MALFORMED,
        "function '%s' calls itself, directly or through others: ONNX has no recursion",
        blok_quote(module->functions[f].name).text);
  }
  return BLOK_OK;
}

blok_status blok_refuse_recursion(const blok_module *module, blok_error *error) {
  if (module->n_functions == 0) return BLOK_OK;
  call_graph calls = {.module = module};
  blok_arena_init(&calls.arena, &module->allocator);
  blok_status status = list_calls(&calls, error);
  if (status == BLOK_OK) status = find_circle(&calls, error);
  blok_functions_free(&calls.functions);
  blok_arena_free(&calls.arena);
  return status;
}
