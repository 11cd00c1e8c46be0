// One spelling of the pool over a whole picture: GlobalAveragePool or GlobalMaxPool of a tensor
// [N, C, H, W], and a Squeeze behind it where the node kept fewer axes. Taken for that are
//   ReduceMean or ReduceMax over axes 2 and 3,
//   a ReduceMean over one of them of a ReduceMean over the other,
//   a ReduceMean over the last axis of [N, C, H * W] that a Reshape or Flatten made of [N, C, H,
//   W], AveragePool or MaxPool of one window as large as the picture.
// The rank must be known, and be 4.
#include "base/error.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

typedef struct pooler {
  blok_graph *graph;
  const blok_facts *facts;
  blok_uses uses;  // before any change
} pooler;

// What a node is found to be.
typedef struct pool {
  const char *op_type;
  blok_value_id x;     // [N, C, H, W]
  blok_node_id first;  // whose work the pool does too; none otherwise
  uint32_t n_gone;     // of the axes 2 and 3, how many the result lacks, the last ones
} pool;

// The axes that a reduction of a value of this rank names; false when all go, or it is not known.
static bool reduced(const pooler *self, const blok_node *node, uint32_t rank, bool *on) {
  uint32_t n = 0;
  return rank <= BLOK_MAX_RANK && blok_known_axes(self->facts, node, 1, rank, on, &n) && n > 0;
}

static bool keeps(const blok_node *node) { return blok_node_int(node, "keepdims", 1) != 0; }

static bool is_float(const blok_fact *fact) { return blok_dtype_is_float(fact->dtype); }

// Over axes 2 and 3 at once.
static bool reduces_picture(const pooler *self, const blok_node *node, pool *out) {
  bool on[BLOK_MAX_RANK];
  const blok_fact *x = blok_known_in(self->facts, node, 0);
  bool mean = node->op == BLOK_OP_ReduceMean;
  if ((!mean && node->op != BLOK_OP_ReduceMax) || x->rank != 4 || !is_float(x)) return false;
  if (!reduced(self, node, 4, on) || on[0] || on[1] || !on[2] || !on[3]) return false;
  out->op_type = mean ? "GlobalAveragePool" : "GlobalMaxPool";
  out->x = node->inputs[0];
  out->n_gone = keeps(node) ? 0 : 2;
  return true;
}

// The node that makes the input, when nothing else reads it.
static const blok_node *only_maker(const pooler *self, const blok_node *node, blok_node_id *id) {
  blok_value_id value = blok_node_input(node, 0);
  *id = blok_value_producer(self->graph, value);
  if (!id->i || value.i >= self->graph->n_values || blok_uses_count(&self->uses, value) != 1) {
    return NULL;
  }
  return blok_node_at(self->graph, *id);
}

// Over one of the axes 2 and 3 after the other, by two nodes.
static bool reduces_in_turn(const pooler *self, const blok_node *node, pool *out) {
  bool before[BLOK_MAX_RANK];
  bool on[BLOK_MAX_RANK];
  const blok_fact *in = blok_known_in(self->facts, node, 0);
  if (node->op != BLOK_OP_ReduceMean || in->rank < 3) return false;
  const blok_node *first = only_maker(self, node, &out->first);
  if (!first || first->op != BLOK_OP_ReduceMean) return false;
  const blok_fact *x = blok_known_in(self->facts, first, 0);
  if (x->rank != 4 || !is_float(x) || !reduced(self, first, 4, before) ||
      !reduced(self, node, (uint32_t)in->rank, on)) {
    return false;
  }
  if (before[0] || before[1] || before[2] == before[3] || on[0] || on[1]) return false;
  // The other axis is where it was, or has moved to the end.
  bool other = keeps(first) ? on[2] == before[3] && on[3] == before[2] : on[2];
  out->op_type = "GlobalAveragePool";
  out->x = first->inputs[0];
  out->n_gone = (keeps(first) ? 0 : 1) + (keeps(node) ? 0 : 1);
  return other;
}

// Over the last axis of [N, C, H * W].
static bool reduces_flattened(const pooler *self, const blok_node *node, pool *out) {
  bool on[BLOK_MAX_RANK];
  const blok_fact *flat = blok_known_in(self->facts, node, 0);
  if (node->op != BLOK_OP_ReduceMean || flat->rank != 3 || !is_float(flat)) return false;
  if (!reduced(self, node, 3, on) || on[0] || on[1] || !on[2]) return false;
  const blok_node *first = only_maker(self, node, &out->first);
  if (!first || (first->op != BLOK_OP_Reshape && first->op != BLOK_OP_Flatten)) return false;
  const blok_fact *x = blok_known_in(self->facts, first, 0);
  if (x->rank != 4 || !blok_dim_same(x->dims[0], flat->dims[0]) ||
      !blok_dim_same(x->dims[1], flat->dims[1])) {
    return false;
  }
  out->op_type = "GlobalAveragePool";
  out->x = first->inputs[0];
  out->n_gone = keeps(node) ? 1 : 2;
  return true;
}

static bool all(const blok_node *node, const char *name, int64_t number) {
  uint32_t n = 0;
  const int64_t *values = blok_node_ints(node, name, &n);
  for (uint32_t i = 0; i < n; i++) {
    if (values[i] != number) return false;
  }
  return true;
}

// One window over all of H and W.
static bool pools_picture(const pooler *self, const blok_node *node, pool *out) {
  uint32_t n = 0;
  const int64_t *kernel = blok_node_ints(node, "kernel_shape", &n);
  const blok_fact *x = blok_known_in(self->facts, node, 0);
  bool mean = node->op == BLOK_OP_AveragePool;
  if ((!mean && node->op != BLOK_OP_MaxPool) || x->rank != 4 || n != 2 || !is_float(x)) {
    return false;
  }
  bool explicit_pads = blok_node_text_is(node, "auto_pad", "NOTSET", "NOTSET") ||
                       blok_node_text_is(node, "auto_pad", "NOTSET", "VALID");
  if (kernel[0] < 1 || kernel[1] < 1 || kernel[0] != x->dims[2].value ||
      kernel[1] != x->dims[3].value || !explicit_pads || !all(node, "pads", 0) ||
      !all(node, "dilations", 1) || blok_node_output(node, 1).i) {
    return false;
  }
  out->op_type = mean ? "GlobalAveragePool" : "GlobalMaxPool";
  out->x = node->inputs[0];
  return true;
}

static bool is_pool(const pooler *self, blok_node_id id, pool *out) {
  const blok_node *node = blok_node_at(self->graph, id);
  const pool none = {NULL, BLOK_NO_VALUE, BLOK_NO_NODE, 0};
  if (!blok_node_output(node, 0).i) return false;
  *out = none;
  if (reduces_picture(self, node, out) || pools_picture(self, node, out)) return out->x.i != 0;
  *out = none;
  if (reduces_in_turn(self, node, out)) return out->x.i != 0;
  *out = none;
  return reduces_flattened(self, node, out) && out->x.i != 0;
}

// The pool takes the node's place and name; a Squeeze makes its output where axes are gone.
static blok_status put_pool(const pooler *self, blok_node_id id, const pool *found,
                            blok_error *error) {
  static const int64_t axes[2] = {2, 3};
  blok_graph *graph = self->graph;
  blok_value_id out = blok_node_output(blok_node_at(graph, id), 0);
  blok_value_id list = BLOK_NO_VALUE;
  blok_node_id made = BLOK_NO_NODE;
  if (found->first.i) {
    BLOK_TRY(blok_node_add_sources(graph, id, blok_node_at(graph, found->first), error));
  }
  if (found->n_gone == 0) {
    blok_graph_remove_node(graph, id);
    return blok_rewrite_node(graph, id, found->op_type, 1, &found->x, out, &made, error);
  }
  BLOK_TRY(
      blok_rewrite_ints(graph, id, "axes", &axes[2 - found->n_gone], found->n_gone, &list, error));
  BLOK_TRY(blok_rewrite_node(graph, id, found->op_type, 1, &found->x, BLOK_NO_VALUE, &made, error));
  blok_value_id inputs[2] = {blok_node_output(blok_node_at(graph, made), 0), list};
  blok_graph_remove_node(graph, id);
  return blok_rewrite_node(graph, id, "Squeeze", 2, inputs, out, &made, error);
}

static blok_status pool_nodes(const pooler *self, blok_error *error) {
  blok_old_order old = blok_rewrite_begin(self->graph);
  for (uint32_t i = 0; i < old.n; i++) {
    pool found;
    if (is_pool(self, old.items[i], &found)) {
      BLOK_TRY(put_pool(self, old.items[i], &found, error));
    } else {
      BLOK_TRY(blok_rewrite_keep(self->graph, old.items[i], error));
    }
  }
  return BLOK_OK;
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  pooler self = {.graph = graph, .facts = facts};
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  blok_status status = pool_nodes(&self, error);
  blok_uses_free(&self.uses);
  return status;
}

blok_status blok_pass_pools(blok_module *module, const blok_pass_options *options,
                            blok_error *error) {
  (void)options;
  return blok_known_each(module->graph, visit, error);
}
