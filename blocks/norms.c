// Norms as units: over statistics of training, over groups of channels, over the channels.
#include <string.h>

#include "blocks/matcher.h"
#include "passes/evaluate.h"
#include "passes/known.h"

static const blok_literal *constant(const blok_matcher *matcher, blok_value_id value) {
  return value.i ? blok_value_at(matcher->graph, value)->literal : NULL;
}

// Nothing reads an output behind the first.
static bool one_output(const blok_matcher *matcher, const blok_node *node) {
  for (uint32_t i = 1; i < node->n_outputs; i++) {
    if (node->outputs[i].i && !blok_only_read(matcher, node->outputs[i], 0)) return false;
  }
  return true;
}

// A constant list of numbers, one a channel; 0 for anything else.
static int32_t list_length(const blok_matcher *matcher, blok_value_id value) {
  const blok_literal *literal = constant(matcher, value);
  if (!literal || literal->rank != 1 || literal->dims[0] < 1 || literal->dims[0] > INT32_MAX) {
    return 0;
  }
  return (int32_t)literal->dims[0];
}

static void take_weights(const blok_node *node, uint32_t n, blok_unit *unit) {
  for (uint32_t i = 0; i < n; i++) unit->weights[i] = blok_node_input(node, 1 + i);
}

static bool read_batch(const blok_matcher *matcher, const blok_node *node, blok_unit *unit) {
  if (blok_node_int(node, "training_mode", 0) != 0) return false;
  take_weights(node, 4, unit);
  for (uint32_t i = 0; i < 4; i++) {
    if (!constant(matcher, unit->weights[i])) return false;
  }
  unit->norm = BLOK_NORM_BATCH;
  return one_output(matcher, node);
}

// An InstanceNormalization has as many groups as channels.
static bool read_group(const blok_matcher *matcher, const blok_node *node, blok_unit *unit) {
  take_weights(node, 2, unit);
  const int32_t channels = list_length(matcher, unit->weights[0]);
  int64_t groups = channels;
  if (node->op == BLOK_OP_GroupNormalization) groups = blok_node_int(node, "num_groups", 0);
  if (channels == 0 || list_length(matcher, unit->weights[1]) != channels) return false;
  if (groups < 1 || groups > channels || channels % groups != 0) return false;
  unit->norm = BLOK_NORM_GROUP;
  unit->norm_groups = (int32_t)groups;
  return true;
}

static bool turns(const blok_node *node, const int64_t perm[4]) {
  uint32_t n = 0;
  const int64_t *has = blok_node_ints(node, "perm", &n);
  return node->op == BLOK_OP_Transpose && n == 4 && memcmp(has, perm, 4 * sizeof *perm) == 0;
}

// The node that makes an input, where nothing else reads that.
static const blok_node *sole_maker(const blok_matcher *matcher, blok_value_id value,
                                   blok_node_id *id) {
  *id = value.i ? blok_value_producer(matcher->graph, value) : BLOK_NO_NODE;
  return id->i && blok_only_read(matcher, value, 1) ? blok_node_at(matcher->graph, *id) : NULL;
}

// Transpose to channels last, LayerNormalization of the last axis, Transpose back.
static bool read_layer(const blok_matcher *matcher, const blok_node *back, blok_unit *unit) {
  static const int64_t to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};
  uint32_t axis = 0;
  if (!turns(back, to_first)) return false;
  const blok_node *norm = sole_maker(matcher, blok_node_input(back, 0), &unit->nodes[1]);
  if (!norm || norm->op != BLOK_OP_LayerNormalization || !one_output(matcher, norm) ||
      !blok_axis_normal(blok_node_int(norm, "axis", -1), 4, &axis) || axis != 3) {
    return false;
  }
  const blok_node *first = sole_maker(matcher, blok_node_input(norm, 0), &unit->nodes[0]);
  if (!first || !turns(first, to_last) || !blok_node_input(first, 0).i) return false;
  take_weights(norm, 2, unit);
  unit->in = first->inputs[0];
  const blok_fact *fact = &matcher->facts->of[unit->in.i];
  const int32_t channels = list_length(matcher, unit->weights[0]);
  if (channels == 0 || fact->rank != 4 || fact->dims[1].value != channels) return false;
  if (unit->weights[1].i && list_length(matcher, unit->weights[1]) != channels) return false;
  unit->norm = BLOK_NORM_LAYER;
  unit->epsilon = (double)blok_node_float(norm, "epsilon", 1e-5f);
  unit->n_nodes = 3;
  return true;
}

static bool read_norm(const blok_matcher *matcher, const blok_node *node, blok_unit *unit) {
  if (node->op == BLOK_OP_Transpose) return read_layer(matcher, node, unit);
  unit->in = blok_node_input(node, 0);
  unit->epsilon = (double)blok_node_float(node, "epsilon", 1e-5f);
  unit->n_nodes = 1;
  if (!unit->in.i) return false;
  if (node->op == BLOK_OP_BatchNormalization) return read_batch(matcher, node, unit);
  return (node->op == BLOK_OP_GroupNormalization || node->op == BLOK_OP_InstanceNormalization) &&
         read_group(matcher, node, unit);
}

bool blok_norm_read(const blok_matcher *matcher, blok_node_id id, blok_unit *unit) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  memset(unit, 0, sizeof *unit);
  if (!read_norm(matcher, node, unit)) return false;
  unit->kind = BLOK_UNIT_NORM;
  unit->out = node->outputs[0];
  unit->in_reads = 1;
  unit->nodes[unit->n_nodes - 1] = id;
  return true;
}

// ---- Group norms as files spell them ------------------------------------------------------------

// What has more groups than this is no group norm.
#define MOST_GROUPS 65536

// The node that makes value, where it is of this operator; NULL otherwise.
static const blok_node *maker_of(const blok_graph *graph, blok_value_id value, blok_op op) {
  const blok_node_id id = value.i ? blok_value_producer(graph, value) : BLOK_NO_NODE;
  const blok_node *node = blok_node_at(graph, id);
  return id.i && node->op == op ? node : NULL;
}

static const blok_literal *source_constant(const blok_graph *graph, blok_value_id value) {
  const blok_node *maker = maker_of(graph, value, BLOK_OP_Constant);
  if (!maker) return value.i ? blok_value_at(graph, value)->literal : NULL;
  const blok_attr *attr = blok_node_attr(maker, "value");
  return attr && attr->type == BLOK_ATTR_TENSOR && attr->n ? attr->as.literal : NULL;
}

static bool all_equal(const blok_graph *graph, blok_value_id value, double number) {
  const blok_literal *literal = source_constant(graph, value);
  size_t count = 0, bytes = 0;
  if (!literal || !blok_literal_readable(literal, &count, &bytes) || count > MOST_GROUPS) {
    return false;
  }
  blok_arena arena;
  blok_tensor *tensor = NULL;
  blok_error unread = BLOK_ERROR_INIT;
  blok_arena_init(&arena, &graph->module->allocator);
  const bool read = blok_literal_tensor(literal, &arena, &tensor, &unread) == BLOK_OK;
  const blok_fact fact = {.tensor = tensor};
  const bool equal = read && blok_all_equal(&fact, number);
  blok_arena_free(&arena);
  return equal;
}

bool blok_spells_groups(const blok_graph *graph, const blok_node *node) {
  return node->op == BLOK_OP_InstanceNormalization && !*blok_node_domain(node) &&
         maker_of(graph, blok_node_input(node, 0), BLOK_OP_Reshape) &&
         all_equal(graph, blok_node_input(node, 1), 1) &&
         all_equal(graph, blok_node_input(node, 2), 0);
}
