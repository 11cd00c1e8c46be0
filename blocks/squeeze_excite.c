// squeeze_excite: x * gate(second(act(norm(first(mean(x)))))), found at its scale and read
// backwards. Nodes that only move axes of size 1 may stand anywhere between mean and scale.
#include <string.h>

#include "base/error.h"
#include "blocks/parts.h"

// A candidate, and the first condition that it fails.
typedef struct attempt {
  const blok_matcher *matcher;
  blok_node_id scale;
  blok_value_id x, small;  // small: one gate a channel, before it is expanded
  const blok_unit *gate, *inner, *norm;
  blok_small_product first, second;
  blok_gather nodes;
  bool moved;  // axes of size 1 move on the way
  uint32_t x_reads;
  blok_value_id shared;   // an inner value that is not the block's alone
  const char *condition;  // NULL: all hold
  const char *got, *want;
} attempt;

static bool fail(attempt *self, const char *condition, const char *got, const char *want) {
  self->condition = condition;
  self->got = got;
  self->want = want;
  return false;
}

static const char *op_making(const blok_matcher *matcher, blok_value_id value) {
  blok_node_id node = blok_value_producer(matcher->graph, value);
  return node.i ? blok_node_at(matcher->graph, node)->op_type : "no node";
}

static blok_value_id layout_before(attempt *self, blok_value_id value) {
  blok_value_id before = blok_layout_read(&self->nodes, value);
  if (!blok_same_value(before, value)) self->moved = true;
  return before;
}

// ---- Conditions ---------------------------------------------------------------------------------

static bool find_product(attempt *self, const char *which, blok_value_id value,
                         blok_small_product *product) {
  static const char want[] = "a 1x1 convolution of one group, or a linear layer; constant weights";
  value = layout_before(self, value);
  if (blok_small_product_read(&self->nodes, value, product)) return true;
  const char *got = op_making(self->matcher, value);
  return fail(self, which, strcmp(got, "Conv") == 0 ? "another convolution" : got, want);
}

// The activation between the products, and the norm before it.
static bool find_inner(attempt *self) {
  blok_value_id value = layout_before(self, self->second.in);
  self->inner = blok_unit_making(self->matcher, value, BLOK_UNIT_ACT);
  if (!self->inner) {
    return fail(self, "activation between the products", op_making(self->matcher, value),
                "an activation");
  }
  blok_gather_unit(&self->nodes, self->inner);
  value = layout_before(self, self->inner->in);
  self->norm = blok_unit_making(self->matcher, value, BLOK_UNIT_NORM);
  if (self->norm && self->norm->norm != BLOK_NORM_BATCH) self->norm = NULL;
  if (self->norm) {
    blok_gather_unit(&self->nodes, self->norm);
    value = self->norm->in;
  }
  return find_product(self, "first product", value, &self->first);
}

static bool find_mean(attempt *self) {
  blok_value_id of, value = layout_before(self, self->first.in);
  if (!blok_mean_read(&self->nodes, value, &of)) {
    return fail(self, "pooling", op_making(self->matcher, value), "the mean over height and width");
  }
  const blok_fact *fact = &self->matcher->facts->of[self->x.i];
  if (fact->rank >= 0 && fact->rank != 4) {
    return fail(self, "rank of the input", "another rank", "4");
  }
  return blok_same_value(of, self->x) ||
         fail(self, "input of the pooling", "another value", "the value that is scaled");
}

static bool same_channels(attempt *self) {
  const blok_fact *fact = &self->matcher->facts->of[self->x.i];
  const blok_small_product *first = &self->first, *second = &self->second;
  if (first->out_size != second->in_size || first->in_size > INT32_MAX ||
      first->out_size > INT32_MAX) {
    return fail(self, "hidden width", "another number of inputs than the first product has outputs",
                "the same");
  }
  int64_t channels = fact->rank == 4 ? fact->dims[1].value : -1;
  if (first->in_size != second->out_size || (channels >= 0 && channels != first->in_size)) {
    return fail(self, "channels", "another number of gates than of channels", "one gate a channel");
  }
  // Convolutions keep the gates on the axis of the channels.
  const blok_fact *small = &self->matcher->facts->of[self->small.i];
  bool known = !self->moved && first->kind == BLOK_PRODUCT_CONV && second->kind == first->kind;
  if (known || (blok_one_place(self->matcher, self->small, self->x) &&
                small->dims[small->rank - 3].value == channels)) {
    return true;
  }
  return fail(self, "shape of the gate", "not one number a channel", "[N, C, 1, 1]");
}

static bool inner_values_private(attempt *self) {
  if (!blok_gather_closed(&self->nodes, self->x, &self->x_reads)) {
    return fail(self, "inputs of the block", "another value is read",
                "the value that is scaled, and constants");
  }
  blok_value_id exit = blok_node_at(self->matcher->graph, self->scale)->outputs[0];
  self->shared = blok_gather_shared(&self->nodes, exit);
  return !self->shared.i || fail(self, "use of inner values", "", "read inside the block only");
}

static bool try_scale(attempt *self) {
  if (!find_product(self, "second product", self->gate->in, &self->second)) return false;
  return find_inner(self) && find_mean(self) && same_channels(self) && inner_values_private(self);
}

// ---- The record ---------------------------------------------------------------------------------

static void describe(const attempt *self, blok_se_desc *se, blok_conv_weights weights[2]) {
  static const blok_se_desc empty = BLOK_SE_DESC_INIT;
  const blok_small_product *products[2] = {&self->first, &self->second};
  *se = empty;
  memset(weights, 0, 2 * sizeof *weights);
  se->channels = (int32_t)self->first.in_size;
  se->hidden = (int32_t)self->first.out_size;
  se->activation = self->inner->activation;
  se->alpha = self->inner->alpha;
  se->beta = self->inner->beta;
  se->gate = self->gate->activation;
  se->gate_alpha = self->gate->alpha;
  se->gate_beta = self->gate->beta;
  for (int i = 0; i < 2; i++) {
    se->product[i] = products[i]->kind;
    se->bias[i] = products[i]->bias.i != 0;
    weights[i].weight = products[i]->weight;
    weights[i].bias = products[i]->bias;
  }
  weights[0].slope = self->inner->slope;
  if (!self->norm) return;
  se->norm = self->norm->norm;
  se->epsilon = self->norm->epsilon;
  memcpy(weights[0].norm, self->norm->weights, sizeof weights[0].norm);
}

static blok_status record(blok_matcher *matcher, const attempt *self, blok_error *error) {
  blok_members members;
  blok_members_begin(matcher, &members);
  blok_block_record made;
  memset(&made, 0, sizeof made);
  made.kind = BLOK_SQUEEZE_EXCITE;
  made.parent = -1;
  made.entry = self->x;
  made.exit = blok_node_at(matcher->graph, self->scale)->outputs[0];
  blok_se_desc desc;
  blok_conv_weights weights[2];
  describe(self, &desc, weights);
  made.se = &desc;
  made.weights = weights;
  for (uint32_t i = 0; i < self->nodes.n; i++) blok_members_add(&members, self->nodes.nodes[i]);
  blok_unit unit;
  memset(&unit, 0, sizeof unit);
  BLOK_TRY(blok_record_add(matcher, &made, &members, &unit.record, error));
  unit.kind = BLOK_UNIT_SE;
  unit.in = made.entry;
  unit.out = made.exit;
  unit.in_reads = self->x_reads;
  return blok_unit_add(matcher, &unit, error);
}

// ---- Candidates ---------------------------------------------------------------------------------

// What is multiplied by one value a channel; other products came nowhere near.
static bool scales_channels(const attempt *self) {
  const blok_fact *large = &self->matcher->facts->of[self->x.i];
  return blok_one_place(self->matcher, self->small, self->x) &&
         (large->dims[2].value != 1 || large->dims[3].value != 1);
}

// True when a gate of this shape cannot be one number a channel.
static bool elsewhere(const blok_fact *small) {
  if (small->rank < 0) return false;
  if (small->rank < 3 || small->rank > 4) return true;
  const blok_dim *last = small->dims + (small->rank - 2);
  return (blok_dim_known(last[0]) && last[0].value != 1) ||
         (blok_dim_known(last[1]) && last[1].value != 1);
}

// Reads the operand of a product as a gate on x.
static bool begin(attempt *self, blok_matcher *matcher, blok_node_id id, uint32_t operand) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  memset(self, 0, sizeof *self);
  self->matcher = self->nodes.matcher = matcher;
  self->scale = id;
  self->x = node->inputs[1 - operand];
  blok_gather_add(&self->nodes, id);
  self->small = blok_expand_read(&self->nodes, node->inputs[operand], self->x);
  if (elsewhere(&matcher->facts->of[self->small.i])) return false;
  blok_value_id value = layout_before(self, self->small);
  self->gate = blok_unit_making(matcher, value, BLOK_UNIT_ACT);
  if (!self->gate || (self->gate->activation != BLOK_ACT_SIGMOID &&
                      self->gate->activation != BLOK_ACT_HARD_SIGMOID)) {
    return false;
  }
  blok_gather_unit(&self->nodes, self->gate);
  return true;
}

static blok_status match_at(blok_matcher *matcher, blok_node_id id, blok_error *error) {
  for (uint32_t g = 0; g < 2; g++) {
    attempt self;
    if (!begin(&self, matcher, id, g)) continue;
    if (try_scale(&self)) return record(matcher, &self, error);
    if (!scales_channels(&self)) continue;
    blok_shared_words words;
    if (self.shared.i) {
      words = blok_shared_say(matcher, self.shared);
      self.got = words.text;
    }
    return blok_miss_add(matcher, BLOK_SQUEEZE_EXCITE, id, self.condition, self.got, self.want,
                         error);
  }
  return BLOK_OK;
}

blok_status blok_match_squeeze_excite(blok_matcher *matcher, blok_error *error) {
  const blok_graph *graph = matcher->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (node->op != BLOK_OP_Mul || node->n_inputs != 2 || !blok_node_output(node, 0).i) continue;
    if (!node->inputs[0].i || !node->inputs[1].i) continue;
    BLOK_TRY(match_at(matcher, graph->order[i], error));
  }
  return BLOK_OK;
}
