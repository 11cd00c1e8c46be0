// The table of downgrade rules and the walk over a graph. See downgrade.h and downgrade_rules.h.
#include "passes/downgrade.h"

#include <string.h>

#include "base/error.h"
#include "graph/schemas.h"
#include "passes/downgrade_rules.h"
#include "passes/rewrite.h"

// A rule takes a node from its newest form to that of any older set; the form changed at `at` (0
// ends the list).
typedef struct downgrade_rule {
  const char *op_type;
  blok_downgrade_fn apply;
  int64_t at[6];
} downgrade_rule;

static const downgrade_rule rules[] = {
    {"ArgMax", blok_downgrade_axis, {11}},
    {"ArgMin", blok_downgrade_axis, {11}},
    {"AveragePool", blok_downgrade_pool, {22, 19, 10}},
    {"BatchNormalization", blok_downgrade_batch_norm, {14, 9, 7}},
    {"CastLike", blok_downgrade_cast_like, {15}},
    {"Celu", blok_downgrade_celu, {28, 12}},
    {"Clip", blok_downgrade_clip, {12, 11}},
    {"Concat", blok_downgrade_axis, {11}},
    {"Constant", blok_downgrade_constant, {12, 11, 9}},
    {"ConstantOfShape", blok_downgrade_constant_of_shape, {9}},
    {"DepthToSpace", blok_downgrade_depth_space, {11}},
    {"Dropout", blok_downgrade_dropout, {12, 10, 7}},
    {"Equal", blok_downgrade_equal, {11}},
    {"Expand", blok_downgrade_expand, {8}},
    {"Flatten", blok_downgrade_flatten, {11, 9}},
    {"Gather", blok_downgrade_gather, {11}},
    {"Gelu", blok_downgrade_gelu, {20}},
    {"Gemm", blok_downgrade_gemm, {11}},
    {"GreaterOrEqual", blok_downgrade_or_equal, {12}},
    {"GroupNormalization", blok_downgrade_group_norm, {21}},
    {"HardSwish", blok_downgrade_hard_swish, {14}},
    {"Hardmax", blok_downgrade_softmax, {13, 11}},
    {"If", blok_downgrade_branches, {11}},
    {"LayerNormalization", blok_downgrade_layer_norm, {17}},
    {"LessOrEqual", blok_downgrade_or_equal, {12}},
    {"LogSoftmax", blok_downgrade_softmax, {13, 11}},
    {"LpPool", blok_downgrade_pool, {22, 18}},
    {"Max", blok_downgrade_extreme, {12, 8}},
    {"MaxPool", blok_downgrade_pool, {22, 10}},
    {"Mean", blok_downgrade_sum, {8}},
    {"Min", blok_downgrade_extreme, {12, 8}},
    {"Mish", blok_downgrade_mish, {18}},
    {"Pad", blok_downgrade_pad, {19, 18, 11, 2}},
    {"Pow", blok_downgrade_pow, {12}},
    {"RMSNormalization", blok_downgrade_layer_norm, {23}},
    {"ReduceL1", blok_downgrade_reduce, {18, 11}},
    {"ReduceL2", blok_downgrade_reduce, {18, 11}},
    {"ReduceLogSum", blok_downgrade_reduce, {18, 11}},
    {"ReduceLogSumExp", blok_downgrade_reduce, {18, 11}},
    {"ReduceMax", blok_downgrade_reduce, {18, 11}},
    {"ReduceMean", blok_downgrade_reduce, {18, 11}},
    {"ReduceMin", blok_downgrade_reduce, {18, 11}},
    {"ReduceProd", blok_downgrade_reduce, {18, 11}},
    {"ReduceSum", blok_downgrade_reduce, {13, 11}},
    {"ReduceSumSquare", blok_downgrade_reduce, {18, 11}},
    {"Reshape", blok_downgrade_reshape, {14}},
    {"Resize", blok_downgrade_resize, {19, 18, 13, 11, 10}},
    {"ScatterElements", blok_downgrade_scatter, {18, 16, 11}},
    {"ScatterND", blok_downgrade_scatter, {18, 16}},
    {"Shape", blok_downgrade_shape, {15}},
    {"Slice", blok_downgrade_slice, {11, 10}},
    {"Softmax", blok_downgrade_softmax, {13, 11}},
    {"SpaceToDepth", blok_downgrade_depth_space, {28}},
    {"Split", blok_downgrade_split, {18, 13, 11, 2}},
    {"Squeeze", blok_downgrade_squeeze, {13, 11}},
    {"Sum", blok_downgrade_sum, {8}},
    {"Swish", blok_downgrade_swish, {24}},
    {"ThresholdedRelu", blok_downgrade_thresholded, {10}},
    {"TopK", blok_downgrade_top_k, {11, 10}},
    {"Trilu", blok_downgrade_trilu, {14}},
    {"Unsqueeze", blok_downgrade_squeeze, {13, 11}},
    {"Upsample", blok_downgrade_resize, {10, 9, 7}},
    {"Where", blok_downgrade_where, {9}},
};

#define RULES (sizeof rules / sizeof rules[0])

static const downgrade_rule *find_rule(const char *op_type) {
  for (size_t i = 0; i < RULES; i++) {
    if (rules[i].op_type[0] == op_type[0] && strcmp(rules[i].op_type, op_type) == 0) {
      return &rules[i];
    }
  }
  return NULL;
}

bool blok_downgrade_crosses(const char *op_type, int64_t from, int64_t to) {
  const downgrade_rule *rule = find_rule(op_type);
  int64_t low = from < to ? from : to;
  int64_t high = from < to ? to : from;
  for (size_t i = 0; rule && rule->at[i]; i++) {
    if (low < rule->at[i] && rule->at[i] <= high) return true;
  }
  return false;
}

// ---- One node -----------------------------------------------------------------------------------

// Where nothing else helps, a small value that is known before any run is a constant.
static blok_status write_constant(blok_downgrading *self, bool *done, blok_error *error) {
  const blok_node *node = blok_down_node(self);
  const blok_tensor *tensor = blok_down_out(self)->tensor;
  *done = tensor && tensor->data && node->n_outputs == 1 && node->op != BLOK_OP_Constant;
  return *done ? blok_down_constant(self, tensor, error) : BLOK_OK;
}

blok_status blok_downgrade_node(blok_downgrading *self, blok_error *error) {
  blok_graph *graph = self->graph;
  const blok_node before = *blok_down_node(self);
  const downgrade_rule *rule = find_rule(before.op_type);
  uint32_t first = graph->n_order;
  int64_t newest = blok_schema_latest_opset("");
  blok_error reason = BLOK_ERROR_INIT;
  blok_status status = BLOK_OK;
  if (rule && self->opset < rule->at[0]) status = rule->apply(self, &reason);
  blok_down_node(self)->opset = self->opset;
  if (status == BLOK_OK && !blok_down_node(self)->dead) {
    status = blok_rewrite_keep(graph, self->node, &reason);
  }
  for (uint32_t i = first; status == BLOK_OK && i < graph->n_order; i++) {
    blok_downgrading made = *self;
    made.node = graph->order[i];
    status = blok_downgrade_settle(&made, newest, &reason);
  }
  if (status == BLOK_OK) return BLOK_OK;
  bool done = false;
  if (status == BLOK_E_UNSUPPORTED && before.n_outputs == 1) {
    // What the rule made on its way is taken off again.
    for (uint32_t i = first; i < graph->n_order; i++) {
      if (graph->order[i].i != self->node.i) blok_graph_remove_node(graph, graph->order[i]);
    }
    graph->n_order = first;
    BLOK_TRY(write_constant(self, &done, error));
  }
  if (done && blok_down_node(self)->dead) return BLOK_OK;
  if (done) return blok_rewrite_keep(graph, self->node, error);
  return blok_fail(error, status, "%s", reason.message);
}

// ---- A graph ------------------------------------------------------------------------------------

typedef struct downgrade_run {
  int64_t source;  // that nodes which say nothing are written in
  int64_t opset;
  blok_known_graph *known;
  uint32_t n_known;
} downgrade_run;

static bool default_domain(const blok_node *node) { return blok_node_domain(node)[0] == '\0'; }

static blok_status downgrade_graph(const downgrade_run *run, blok_graph *graph,
                                   const blok_facts *facts, blok_read_before *given,
                                   blok_error *error);

// What is known of a body's values before it is changed; shapes that disagree leave it at that.
static blok_status infer_body(const blok_facts *outer, const blok_subgraph *body, blok_arena *arena,
                              blok_facts **out, blok_error *error) {
  const blok_graph *graph = body->graph;
  blok_fact *captures = NULL;
  if (!outer) return BLOK_OK;
  BLOK_TRY(blok_facts_captures(outer, body, arena, &captures, error));
  blok_facts_options options = {.captures = captures, .inferred_only = true};
  BLOK_TRY(blok_facts_begin(graph, &options, &graph->module->allocator, out, error));
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_error ignored = BLOK_ERROR_INIT;
    if (blok_facts_step(*out, graph->order[i], &ignored) == BLOK_E_MEMORY) {
      blok_facts_free(out);
      return blok_fail_memory(error, 0);
    }
  }
  return BLOK_OK;
}

static blok_status downgrade_body(const downgrade_run *run, const blok_subgraph *body,
                                  const blok_facts *outer, blok_error *error) {
  for (uint32_t i = 0; i < run->n_known; i++) {
    if (run->known[i].graph != body->graph) continue;
    return downgrade_graph(run, body->graph, run->known[i].facts, &run->known[i].before, error);
  }
  blok_arena arena;
  blok_facts *facts = NULL;
  blok_arena_init(&arena, &body->graph->module->allocator);
  blok_status status = infer_body(outer, body, &arena, &facts, error);
  if (status == BLOK_OK) status = downgrade_graph(run, body->graph, facts, NULL, error);
  blok_facts_free(&facts);
  blok_arena_free(&arena);
  return status;
}

// Nodes of a set between the newest and the target have the target's form already.
static blok_status downgrade_one(const downgrade_run *run, blok_graph *graph, blok_node_id id,
                                 const blok_facts *facts, const blok_read_before *before,
                                 blok_error *error) {
  blok_node *node = blok_node_at(graph, id);
  blok_downgrading self = {graph, id, run->opset, facts, before};
  int64_t written = node->opset ? node->opset : run->source;
  if (default_domain(node) && written == blok_schema_latest_opset("") && written != run->opset) {
    return blok_downgrade_node(&self, error);
  }
  BLOK_TRY(blok_rewrite_keep(graph, id, error));
  if (!default_domain(node) || written == run->opset) return BLOK_OK;
  node->opset = run->opset;
  const blok_schema *was = blok_schema_find("", node->op_type, written);
  if (was && was == blok_schema_find("", node->op_type, run->opset)) return BLOK_OK;
  return blok_downgrade_settle(&self, written, error);
}

static blok_status downgrade_nodes(const downgrade_run *run, blok_graph *graph,
                                   const blok_facts *facts, const blok_read_before *before,
                                   blok_error *error) {
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) {
    const blok_subgraph *body = NULL;
    for (uint32_t s = 0; (body = blok_node_subgraph(blok_node_at(graph, old.items[i]), s)); s++) {
      if (body->graph) BLOK_TRY(downgrade_body(run, body, facts, error));
    }
    BLOK_TRY(downgrade_one(run, graph, old.items[i], facts, before, error));
  }
  return BLOK_OK;
}

static blok_status downgrade_graph(const downgrade_run *run, blok_graph *graph,
                                   const blok_facts *facts, blok_read_before *given,
                                   blok_error *error) {
  blok_read_before own = {0};
  blok_read_before *before = given && given->read ? given : &own;
  if (before == &own) BLOK_TRY(blok_read_before_take(graph, &own, error));
  blok_status status = downgrade_nodes(run, graph, facts, before, error);
  if (status == BLOK_OK) status = blok_read_before_sweep(graph, before, error);
  blok_free(&graph->module->allocator, own.read);
  return status;
}

// Nodes say their set only where it is not the module's.
static blok_status forget_sets(blok_graph *graph, void *context, blok_error *error) {
  (void)context;
  (void)error;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node *node = blok_node_at(graph, graph->order[i]);
    if (default_domain(node)) node->opset = 0;
  }
  return BLOK_OK;
}

blok_status blok_downgrade_check(int64_t opset, blok_error *error) {
  int64_t newest = blok_schema_latest_opset("");
  if (opset >= BLOK_OLDEST_OPSET && opset <= newest) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                   "operator set %lld is out of range: models are written in %d to %lld",
                   (long long)opset, BLOK_OLDEST_OPSET, (long long)newest);
}

blok_status blok_downgrade_known(blok_module *module, blok_known_graph *known, uint32_t n,
                                 int64_t opset, blok_error *error) {
  int64_t source = blok_module_opset(module, "");
  downgrade_run run = {source ? source : opset, opset, known, n};
  blok_known_graph *top = NULL;
  for (uint32_t i = 0; i < n; i++) {
    if (known[i].graph == module->graph) top = &known[i];
  }
  BLOK_TRY(downgrade_graph(&run, module->graph, top ? top->facts : NULL, top ? &top->before : NULL,
                           error));
  BLOK_TRY(blok_each_graph(module->graph, forget_sets, NULL, error));
  return blok_downgrade_stamp(module, opset, opset < run.source, error);
}

blok_status blok_downgrade(blok_module *module, const blok_facts *facts, int64_t opset,
                           blok_error *error) {
  blok_known_graph known = {module->graph, facts, {0, NULL, 0}};
  BLOK_TRY(blok_downgrade_check(opset, error));
  return blok_downgrade_known(module, &known, 1, opset, error);
}
