// Nodes whose outputs are known become constants: those whose inputs are constants, by the
// reference interpreter, and shape chains, whose numbers the facts hold. An If whose condition is
// known becomes the branch that is taken.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "passes/driver.h"
#include "passes/evaluate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/splice.h"

// A branch taken may make other conditions known; more rounds than this are not worth the time.
#define ROUNDS 8

typedef struct folder {
  const blok_pass_options *options;
  blok_graph *graph;
  const blok_facts *facts;
  bool taken;  // a branch took an If's place
} folder;

// ---- Constants ----------------------------------------------------------------------------------

static blok_status put_constant(blok_graph *graph, blok_value_id value, const blok_tensor *tensor,
                                blok_error *error) {
  size_t count = 0;
  size_t bytes = 0;
  if (!blok_dims_count(tensor->dims, tensor->rank, &count) ||
      !blok_dense_bytes(tensor->dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_INTERNAL, "constant '%s' has no size",
                     blok_quote(blok_value_at(graph, value)->name).text);
  }
  blok_literal *literal = NULL;
  BLOK_TRY(blok_literal_make(&graph->module->arena, tensor->dtype, tensor->rank, tensor->dims,
                             tensor->data, bytes, &literal, error));
  literal->name = blok_value_at(graph, value)->name;
  return blok_graph_add_initializer(graph, value, literal, error);
}

// The node goes, its outputs become initializers; tensors has n_outputs entries, NULL for none.
static blok_status replace_node(blok_graph *graph, blok_node_id id, blok_tensor *const *tensors,
                                blok_error *error) {
  blok_node node = *blok_node_at(graph, id);
  for (uint32_t i = 0; i < node.n_outputs; i++) {
    blok_value_id out = node.outputs[i];
    if (!out.i || !tensors[i]) continue;
    blok_graph_set_output(graph, id, i, BLOK_NO_VALUE);
    BLOK_TRY(put_constant(graph, out, tensors[i], error));
  }
  blok_graph_remove_node(graph, id);
  return BLOK_OK;
}

// True when facts hold every output whole.
static bool known_outputs(const folder *self, const blok_node *node) {
  bool any = false;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!node->outputs[i].i) continue;
    if (!blok_facts_of(self->facts, node->outputs[i])->tensor) return false;
    any = true;
  }
  return any;
}

static blok_status take_known(const folder *self, blok_node_id id, blok_error *error) {
  blok_graph *graph = self->graph;
  for (uint32_t i = 0; i < blok_node_at(graph, id)->n_outputs; i++) {
    blok_value_id out = blok_node_at(graph, id)->outputs[i];
    if (!out.i) continue;
    blok_graph_set_output(graph, id, i, BLOK_NO_VALUE);
    BLOK_TRY(put_constant(graph, out, blok_facts_of(self->facts, out)->tensor, error));
  }
  blok_graph_remove_node(graph, id);
  return BLOK_OK;
}

// The literals of the node's inputs; false when one is no constant that can be read.
static bool constant_inputs(const blok_graph *graph, const blok_node *node, uint64_t *bytes) {
  *bytes = 0;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    size_t count = 0;
    size_t size = 0;
    if (!node->inputs[i].i) continue;
    const blok_literal *literal = blok_value_at(graph, node->inputs[i])->literal;
    if (!literal || !blok_literal_readable(literal, &count, &size)) return false;
    if (size > UINT64_MAX - *bytes) return false;
    *bytes += size;
  }
  return node->n_inputs > 0;
}

// Operators that give their first input's elements another shape need no new bytes.
static bool only_shapes(blok_op op) {
  return op == BLOK_OP_Reshape || op == BLOK_OP_Flatten || op == BLOK_OP_Squeeze ||
         op == BLOK_OP_Unsqueeze || op == BLOK_OP_Identity;
}

static blok_status share(const folder *self, blok_node_id id, bool *done, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_node_at(graph, id);
  blok_value_id in = blok_node_input(node, 0);
  blok_value_id out = blok_node_output(node, 0);
  const blok_fact *fact = blok_facts_of(self->facts, out);
  const blok_literal *literal = in.i ? blok_value_at(graph, in)->literal : NULL;
  size_t before = 0;
  size_t after = 0;
  if (!out.i || !literal || !blok_literal_count(literal, &before) ||
      !blok_fact_count(fact, &after) || before != after) {
    return BLOK_OK;
  }
  int64_t dims[BLOK_MAX_RANK];
  for (int32_t i = 0; i < fact->rank; i++) dims[i] = fact->dims[i].value;
  blok_graph_remove_node(graph, id);
  *done = true;
  return blok_rewrite_share(graph, out, literal, (uint32_t)fact->rank, dims, error);
}

static blok_status evaluate(const folder *self, blok_node_id id, uint64_t input_bytes,
                            blok_arena *arena, bool *done, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_node_at(graph, id);
  blok_tensor **in = blok_arena_array(arena, node->n_inputs, sizeof *in);
  blok_tensor **out = blok_arena_array(arena, node->n_outputs, sizeof *out);
  blok_fact *facts = blok_arena_array(arena, node->n_outputs, sizeof *facts);
  if (!in || !out || !facts) return blok_fail_memory(error, 0);
  uint64_t limit = self->options->limits.fold_bytes;
  if (input_bytes > limit) limit = input_bytes;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    facts[i] = *blok_facts_of(self->facts, node->outputs[i]);
  }
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!node->inputs[i].i) continue;
    BLOK_TRY(
        blok_literal_tensor(blok_value_at(graph, node->inputs[i])->literal, arena, &in[i], error));
  }
  BLOK_TRY(blok_evaluate(graph, id, (const blok_tensor *const *)in, facts, limit, arena, out, done,
                         error));
  return *done ? replace_node(graph, id, out, error) : BLOK_OK;
}

// A CastLike whose type is known needs its second input no more: one of a constant can be folded.
static blok_status resolve_type(const folder *self, blok_node_id id, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node *node = blok_node_at(graph, id);
  blok_dtype dtype = blok_facts_of(self->facts, blok_node_input(node, 1))->dtype;
  if (node->op != BLOK_OP_CastLike || dtype == BLOK_UNDEFINED) return BLOK_OK;
  BLOK_TRY(blok_node_set_int(graph, id, "to", (int64_t)dtype, error));
  BLOK_TRY(blok_node_resize_inputs(graph, id, 1, error));
  blok_node_set_op(graph, id, "Cast");
  return BLOK_OK;
}

static blok_status fold_node(const folder *self, blok_node_id id, bool *done, blok_error *error) {
  BLOK_TRY(resolve_type(self, id, error));
  const blok_node *node = blok_node_at(self->graph, id);
  uint64_t bytes = 0;
  if (!blok_may_evaluate(node)) return BLOK_OK;
  if (known_outputs(self, node)) {
    *done = true;
    return take_known(self, id, error);
  }
  if (!constant_inputs(self->graph, node, &bytes)) return BLOK_OK;
  if (only_shapes(node->op)) return share(self, id, done, error);
  blok_arena arena;
  blok_arena_init(&arena, &self->graph->module->allocator);
  blok_status status = evaluate(self, id, bytes, &arena, done, error);
  blok_arena_free(&arena);
  return status;
}

// ---- Branches -----------------------------------------------------------------------------------

// The branch that an If is known to take, NULL when that is open.
static const blok_subgraph *known_branch(const folder *self, const blok_node *node) {
  if (node->op != BLOK_OP_If) return NULL;
  const blok_tensor *condition = blok_facts_of(self->facts, blok_node_input(node, 0))->tensor;
  size_t count = 0;
  if (!condition || condition->dtype != BLOK_BOOL || !condition->data ||
      !blok_dims_count(condition->dims, condition->rank, &count) || count != 1) {
    return NULL;
  }
  bool truth = *(const uint8_t *)condition->data != 0;
  const blok_attr *attr = blok_node_attr(node, truth ? "then_branch" : "else_branch");
  if (!attr || attr->type != BLOK_ATTR_GRAPH || attr->n != 1) return NULL;
  const blok_subgraph *branch = &attr->as.graphs[0];
  bool fits =
      branch->graph && branch->graph->n_outputs == node->n_outputs && branch->graph->n_inputs == 0;
  return fits ? branch : NULL;
}

static blok_status copy_branch(blok_splice *splice, const blok_subgraph *branch,
                               const blok_value_id *outputs, uint32_t n, blok_error *error) {
  const blok_graph *body = branch->graph;
  for (uint32_t i = 0; i < branch->n_captures; i++) {
    blok_splice_bind(splice, branch->captures[i].inner, branch->captures[i].outer);
  }
  blok_splice_outputs(splice, outputs, n);
  for (uint32_t i = 0; i < body->n_order; i++) {
    blok_node_id made = BLOK_NO_NODE;
    if (blok_node_at(body, body->order[i])->dead) continue;
    BLOK_TRY(blok_splice_node(splice, body->order[i], &made, error));
  }
  return blok_splice_rest(splice, outputs, n, error);
}

static blok_status take_branch(folder *self, blok_node_id id, const blok_subgraph *branch,
                               blok_error *error) {
  blok_graph *graph = self->graph;
  blok_node node = *blok_node_at(graph, id);
  blok_value_id *outputs = blok_arena_array(&graph->module->arena, node.n_outputs, sizeof *outputs);
  if (!outputs) return blok_fail_memory(error, 0);
  if (node.n_outputs) memcpy(outputs, node.outputs, node.n_outputs * sizeof *outputs);
  blok_graph_remove_node(graph, id);
  blok_splice splice = {.graph = graph, .body = branch->graph, .call = id};
  BLOK_TRY(blok_splice_begin(&splice, error));
  blok_status status = copy_branch(&splice, branch, outputs, node.n_outputs, error);
  blok_splice_end(&splice);
  self->taken = true;
  return status;
}

// ---- Graphs -------------------------------------------------------------------------------------

static blok_status fold_graph(const blok_pass_options *options, blok_graph *graph,
                              const blok_fact *captures, blok_error *error);

// The subgraphs of a node. One whose shapes disagree may never run, and stays as it is.
static blok_status fold_inner(const folder *self, blok_node_id id, blok_error *error) {
  const blok_subgraph *inner = NULL;
  blok_arena arena;
  blok_arena_init(&arena, &self->graph->module->allocator);
  blok_status status = BLOK_OK;
  for (uint32_t s = 0;
       status == BLOK_OK && (inner = blok_node_subgraph(blok_node_at(self->graph, id), s)); s++) {
    blok_fact *captures = NULL;
    blok_error reason = BLOK_ERROR_INIT;
    if (!inner->graph) continue;
    status = blok_facts_captures(self->facts, inner, &arena, &captures, &reason);
    if (status == BLOK_OK) status = fold_graph(self->options, inner->graph, captures, &reason);
    if (status == BLOK_E_SHAPE) status = BLOK_OK;
    if (status != BLOK_OK) blok_fail(error, status, "%s", reason.message);
  }
  blok_arena_free(&arena);
  return status;
}

static blok_status fold_order(folder *self, blok_error *error) {
  blok_old_order old = blok_rewrite_begin(self->graph);
  for (uint32_t i = 0; i < old.n; i++) {
    blok_node_id id = old.items[i];
    const blok_subgraph *branch = known_branch(self, blok_node_at(self->graph, id));
    bool done = false;
    if (branch) {
      BLOK_TRY(take_branch(self, id, branch, error));
      continue;
    }
    BLOK_TRY(fold_inner(self, id, error));
    BLOK_TRY(fold_node(self, id, &done, error));
    if (!done) BLOK_TRY(blok_rewrite_keep(self->graph, id, error));
  }
  return BLOK_OK;
}

static blok_status fold_graph(const blok_pass_options *options, blok_graph *graph,
                              const blok_fact *captures, blok_error *error) {
  // What the file declares of inner values may be stale, and must not become a number.
  blok_facts_options facts_options = {
      .captures = captures, .limits = options->limits, .inferred_only = true};
  for (int round = 0; round < ROUNDS; round++) {
    blok_facts *facts = NULL;
    BLOK_TRY(blok_facts_compute(graph, &facts_options, &graph->module->allocator, &facts, error));
    folder self = {options, graph, facts, false};
    blok_status status = fold_order(&self, error);
    blok_facts_free(&facts);
    if (status != BLOK_OK || !self.taken) return status;
  }
  return BLOK_OK;
}

blok_status blok_pass_fold(blok_module *module, const blok_pass_options *options,
                           blok_error *error) {
  return fold_graph(options, module->graph, NULL, error);
}
