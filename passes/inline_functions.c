// Calls of model-local functions become their bodies, in subgraphs and in the bodies themselves
// too. A copied node keeps the operator set that its function imports (blok_node.opset), so that a
// later pass can still tell its version.
#include <string.h>

#include "base/error.h"
#include "graph/functions.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/splice.h"

typedef struct inliner {
  blok_module *module;
  const blok_pass_options *options;
  blok_functions functions;
  uint64_t made;  // nodes so far
} inliner;

// A call under way; outer ones are its callers.
typedef struct call_frame call_frame;
struct call_frame {
  const call_frame *outer;
  const blok_function *function;
  blok_node call;  // a copy: the graph's array of nodes grows
  uint32_t depth;
};

// ---- Finding ------------------------------------------------------------------------------------

// The function that node calls, NULL when it calls none. An operator of the default domain that
// Blok has itself is never taken from the file.
static const blok_function *find(const inliner *self, const blok_node *node) {
  if (node->op != BLOK_OP_UNKNOWN && blok_node_domain(node)[0] == '\0') return NULL;
  return blok_functions_find(&self->functions, node);
}

// ---- Attributes ---------------------------------------------------------------------------------

// A reference becomes the call's attribute, or the function's default, or nothing.
static blok_status bind_attr(void *context, const blok_attr *in, blok_attr *out, bool *keep,
                             blok_error *error) {
  const call_frame *frame = context;
  if (!in->ref) return BLOK_OK;
  const blok_attr *given = blok_node_attr(&frame->call, in->ref);
  for (uint32_t i = 0; !given && i < frame->function->n_defaults; i++) {
    const blok_attr *fallback = &frame->function->defaults[i];
    if (blok_text_equal(fallback->name, in->ref)) given = fallback;
  }
  *keep = given && !given->ref;
  if (!*keep) return BLOK_OK;
  if (given->type == BLOK_ATTR_GRAPH || given->type == BLOK_ATTR_GRAPHS) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "function '%s' takes the graph '%s' as an attribute, which is not supported",
                     blok_quote(frame->function->name).text, blok_quote(in->ref).text);
  }
  *out = *given;
  out->name = in->name;
  return BLOK_OK;
}

static int64_t function_opset(void *context, const blok_node *node) {
  const call_frame *frame = context;
  const char *domain = blok_node_domain(node);
  for (uint32_t i = 0; i < frame->function->n_opsets; i++) {
    const blok_opset *opset = &frame->function->opsets[i];
    if (strcmp(blok_domain(opset->domain), domain) == 0) return opset->version;
  }
  return 0;
}

// ---- Inlining -----------------------------------------------------------------------------------

static blok_status inline_graph(inliner *self, blok_graph *graph, const call_frame *outer,
                                blok_error *error);

// "a -> b -> a" of the calls from the first one of function on.
static blok_status fail_recursion(const call_frame *outer, const blok_function *function,
                                  blok_error *error) {
  char chain[600] = "";
  const call_frame *frame = outer;
  size_t at = sizeof chain - 1;
  // Written from its end to its beginning, as the frames are linked.
  const char *name = function->name;
  for (bool last = true;; last = false) {
    blok_quoted quoted = blok_quote(name);
    size_t length = strlen(quoted.text) + (last ? 0 : 4);
    if (length + 4 > at) {
      at -= 3;
      memcpy(chain + at, "...", 3);
      break;
    }
    at -= length;
    memcpy(chain + at, quoted.text, strlen(quoted.text));
    if (!last) memcpy(chain + at + length - 4, " -> ", 4);
    if (!frame || (!last && name == function->name)) break;
    name = frame->function->name;
    frame = frame->outer;
  }
  return BLOK_FAIL(error, BLOK_E_MALFORMED, "function '%s' calls itself: %s",
                   blok_quote(function->name).text, chain + at);
}

static blok_status check_call(const inliner *self, const blok_graph *graph, const blok_node *call,
                              const blok_function *function, const call_frame *outer,
                              blok_error *error) {
  for (const call_frame *frame = outer; frame; frame = frame->outer) {
    if (frame->function == function) return fail_recursion(outer, function, error);
  }
  uint32_t depth = outer ? outer->depth + 1 : 1;
  if (depth > self->options->limits.depth) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "function '%s': calls are nested deeper than %u",
                     blok_quote(function->name).text, self->options->limits.depth);
  }
  const blok_graph *body = function->body;
  if (!body || call->n_inputs > body->n_inputs || call->n_outputs > body->n_outputs) {
    return BLOK_FAIL(
        error, BLOK_E_MALFORMED,
        "node '%s' calls function '%s' with %u inputs and %u outputs, it has %u and %u",
        blok_node_label(graph, call).text, blok_quote(function->name).text, call->n_inputs,
        call->n_outputs, body ? body->n_inputs : 0, body ? body->n_outputs : 0);
  }
  return BLOK_OK;
}

static blok_status inline_node(inliner *self, blok_graph *graph, blok_node_id id,
                               const call_frame *outer, blok_error *error);

static blok_status copy_body(inliner *self, blok_splice *splice, const call_frame *frame,
                             const blok_value_id *outputs, blok_error *error) {
  const blok_graph *body = splice->body;
  for (uint32_t i = 0; i < body->n_inputs; i++) {
    blok_splice_bind(splice, body->inputs[i].value, blok_node_input(&frame->call, i));
  }
  blok_splice_outputs(splice, outputs, frame->call.n_outputs);
  for (uint32_t i = 0; i < body->n_order; i++) {
    blok_node_id made = BLOK_NO_NODE;
    if (blok_node_at(body, body->order[i])->dead) continue;
    if (++self->made > self->options->limits.inline_nodes) {
      return BLOK_FAIL(error, BLOK_E_LIMIT,
                       "function '%s': more than %llu nodes after functions are inlined "
                       "(inline_nodes of blok_limits)",
                       blok_quote(frame->function->name).text,
                       (unsigned long long)self->options->limits.inline_nodes);
    }
    BLOK_TRY(blok_splice_node(splice, body->order[i], &made, error));
    BLOK_TRY(inline_node(self, splice->graph, made, frame, error));
  }
  return blok_splice_rest(splice, outputs, frame->call.n_outputs, error);
}

// The call's place in the order is taken by what it stands for.
static blok_status expand(inliner *self, blok_graph *graph, blok_node_id id,
                          const blok_function *function, const call_frame *outer,
                          blok_error *error) {
  call_frame frame = {outer, function, *blok_node_at(graph, id), outer ? outer->depth + 1 : 1};
  blok_arena *arena = &graph->module->arena;
  uint32_t n = frame.call.n_outputs;
  blok_value_id *outputs = blok_arena_array(arena, n, sizeof *outputs);
  if (!outputs) return blok_fail_memory(error, 0);
  if (n) memcpy(outputs, frame.call.outputs, n * sizeof *outputs);
  blok_graph_remove_node(graph, id);
  const char *prefix = frame.call.name && frame.call.name[0] ? frame.call.name : function->name;
  blok_splice splice = {.graph = graph,
                        .body = function->body,
                        .prefix = prefix ? prefix : "",
                        .call = id,
                        .attr = bind_attr,
                        .opset = function_opset,
                        .context = &frame};
  BLOK_TRY(blok_splice_begin(&splice, error));
  blok_status status = copy_body(self, &splice, &frame, outputs, error);
  blok_splice_end(&splice);
  return status;
}

// A node at the end of the order: its subgraphs first, then the node if it is a call.
static blok_status inline_node(inliner *self, blok_graph *graph, blok_node_id id,
                               const call_frame *outer, blok_error *error) {
  const blok_subgraph *inner = NULL;
  for (uint32_t s = 0; (inner = blok_node_subgraph(blok_node_at(graph, id), s)); s++) {
    if (inner->graph) BLOK_TRY(inline_graph(self, inner->graph, outer, error));
  }
  const blok_node *node = blok_node_at(graph, id);
  const blok_function *function = find(self, node);
  if (!function) return BLOK_OK;
  BLOK_TRY(check_call(self, graph, node, function, outer, error));
  return expand(self, graph, id, function, outer, error);
}

static blok_status inline_graph(inliner *self, blok_graph *graph, const call_frame *outer,
                                blok_error *error) {
  uint32_t depth = 0;
  for (const blok_graph *around = graph->outer; around; around = around->outer) depth++;
  if (depth > self->options->limits.depth) {
    return BLOK_FAIL(error, BLOK_E_LIMIT,
                     "subgraphs are nested deeper than %u after functions are inlined",
                     self->options->limits.depth);
  }
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) {
    self->made++;
    BLOK_TRY(blok_rewrite_keep(graph, old.items[i], error));
    BLOK_TRY(inline_node(self, graph, old.items[i], outer, error));
  }
  blok_graph_sweep(graph);
  return BLOK_OK;
}

blok_status blok_pass_inline_functions(blok_module *module, const blok_pass_options *options,
                                       blok_error *error) {
  if (module->n_functions == 0) return BLOK_OK;
  inliner self = {.module = module, .options = options};
  blok_status status = blok_functions_sort(module, &self.functions, error);
  if (status == BLOK_OK) status = inline_graph(&self, module->graph, NULL, error);
  blok_functions_free(&self.functions);
  if (status != BLOK_OK) return status;
  module->n_functions = 0;
  module->functions = NULL;
  return BLOK_OK;
}
