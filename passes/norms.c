// A multiplication by one number a channel, and then an addition of one, is a BatchNormalization at
// inference whose mean is 0 and whose variance is 1: exporters that fold the statistics into scale
// and shift write it so, and frozen norms are written so by hand.
//
// Both operands are constants [C, 1, 1] or [1, C, 1, 1] for a tensor of rank 4 (and likewise for
// other ranks from 3 on); what is scaled comes from a node that does no scaling of its own, so that
// the tail of longer arithmetic is left as it is.
#include "base/error.h"
#include "base/size.h"
#include "passes/known.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

typedef struct normer {
  blok_graph *graph;
  const blok_facts *facts;
  blok_uses uses;  // before any change
  blok_arena *arena;
} normer;

typedef struct norm {
  blok_value_id x, scale, shift;
  blok_node_id scaling;
  int64_t channels;
} norm;

// The input that is a float32 constant of one number a channel; the other one in *rest.
static bool by_channel(const normer *self, const blok_node *node, blok_value_id *constant,
                       blok_value_id *rest, int64_t *channels) {
  const blok_fact *out = blok_known_out(self->facts, node);
  if (node->n_inputs != 2 || out->rank < 3 || out->dims[1].value < 2) return false;
  for (uint32_t slot = 0; slot < 2; slot++) {
    blok_value_id value = node->inputs[slot];
    const blok_literal *literal = blok_value_at(self->graph, value)->literal;
    size_t count = 0;
    *rest = node->inputs[1 - slot];
    if (!value.i || !rest->i || !literal || literal->dtype != BLOK_F32) continue;
    uint32_t rank = (uint32_t)out->rank;
    if (literal->rank + 1 < rank || literal->rank > rank) continue;
    // The channel's axis is the second of rank.
    uint32_t axis = literal->rank + 1 - rank;
    if (literal->dims[axis] != out->dims[1].value || !blok_literal_count(literal, &count) ||
        count != (size_t)literal->dims[axis]) {
      continue;
    }
    // The result would be wider than what is scaled.
    if (!blok_same_shape(blok_facts_of(self->facts, *rest), out)) continue;
    *constant = value;
    *channels = literal->dims[axis];
    return true;
  }
  return false;
}

static bool scales(const blok_node *node) {
  return node->op == BLOK_OP_Mul || node->op == BLOK_OP_Div;
}

static bool is_norm(const normer *self, blok_node_id id, norm *out) {
  const blok_node *node = blok_node_at(self->graph, id);
  blok_value_id scaled = BLOK_NO_VALUE;
  int64_t channels = 0;
  if (node->op != BLOK_OP_Add || !blok_node_output(node, 0).i ||
      !by_channel(self, node, &out->shift, &scaled, &out->channels)) {
    return false;
  }
  out->scaling = blok_value_producer(self->graph, scaled);
  const blok_node *mul = blok_node_at(self->graph, out->scaling);
  if (!out->scaling.i || mul->op != BLOK_OP_Mul || blok_uses_count(&self->uses, scaled) != 1 ||
      !by_channel(self, mul, &out->scale, &out->x, &channels) || channels != out->channels) {
    return false;
  }
  blok_node_id maker = blok_value_producer(self->graph, out->x);
  return maker.i && !scales(blok_node_at(self->graph, maker));
}

// The constant as a list, for the node.
static blok_status flat(const normer *self, blok_value_id value, int64_t channels,
                        blok_value_id *out, blok_error *error) {
  blok_graph *graph = self->graph;
  const char *name = NULL;
  BLOK_TRY(blok_graph_new_name(graph, blok_value_at(graph, value)->name, &name, error));
  BLOK_TRY(blok_graph_add_value(graph, name, out, error));
  return blok_rewrite_share(graph, *out, blok_value_at(graph, value)->literal, 1, &channels, error);
}

static blok_status put_norm(const normer *self, blok_node_id id, const norm *found,
                            blok_error *error) {
  blok_graph *graph = self->graph;
  blok_value_id inputs[5] = {found->x};
  blok_value_id out = blok_node_output(blok_node_at(graph, id), 0);
  blok_node_id made = BLOK_NO_NODE;
  float *numbers = blok_arena_array(self->arena, (size_t)found->channels, sizeof *numbers);
  if (!numbers) return blok_fail_memory(error, (size_t)found->channels);
  BLOK_TRY(flat(self, found->scale, found->channels, &inputs[1], error));
  BLOK_TRY(flat(self, found->shift, found->channels, &inputs[2], error));
  BLOK_TRY(blok_graph_add_constant(graph, "mean", BLOK_F32, 1, &found->channels, numbers,
                                   &inputs[3], error));
  for (int64_t i = 0; i < found->channels; i++) numbers[i] = 1;
  BLOK_TRY(blok_graph_add_constant(graph, "variance", BLOK_F32, 1, &found->channels, numbers,
                                   &inputs[4], error));
  BLOK_TRY(blok_node_add_sources(graph, id, blok_node_at(graph, found->scaling), error));
  blok_graph_remove_node(graph, id);
  BLOK_TRY(blok_rewrite_node(graph, id, "BatchNormalization", 5, inputs, out, &made, error));
  return blok_node_set_float(graph, made, "epsilon", 0, error);
}

static blok_status norm_nodes(const normer *self, blok_error *error) {
  blok_old_order old = blok_rewrite_begin(self->graph);
  for (uint32_t i = 0; i < old.n; i++) {
    norm found;
    if (is_norm(self, old.items[i], &found)) {
      BLOK_TRY(put_norm(self, old.items[i], &found, error));
    } else {
      BLOK_TRY(blok_rewrite_keep(self->graph, old.items[i], error));
    }
  }
  return BLOK_OK;
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  normer self = {.graph = graph, .facts = facts, .arena = &facts->arena};
  BLOK_TRY(blok_uses_build(graph, &graph->module->allocator, &self.uses, error));
  blok_status status = norm_nodes(&self, error);
  blok_uses_free(&self.uses);
  return status;
}

blok_status blok_pass_norms(blok_module *module, const blok_pass_options *options,
                            blok_error *error) {
  (void)options;
  return blok_known_each(module->graph, visit, error);
}
