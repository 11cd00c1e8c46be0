// squeeze_excite: x * gate(second(act(first(mean(x))))), found at its scale.
#include <string.h>

#include "base/error.h"
#include "blocks/matcher.h"

// A candidate, and the first condition that it fails.
typedef struct attempt {
  blok_node_id scale, pool;
  blok_value_id x;
  const blok_unit *gate, *second, *inner, *first;
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

// ---- Parts --------------------------------------------------------------------------------------

static bool is_product(const blok_unit *conv) {
  const blok_conv_desc *desc = conv->conv;
  for (int i = 0; i < 4; i++) {
    if (desc->pads[i] != 0) return false;
  }
  return desc->kernel[0] == 1 && desc->kernel[1] == 1 && desc->groups == 1;
}

static bool find_product(const blok_matcher *matcher, attempt *self, const char *which,
                         blok_value_id out, const blok_unit **product) {
  static const char want[] = "a 1x1 convolution of constant weights, one group";
  *product = blok_unit_making(matcher, out, BLOK_UNIT_CONV);
  if (!*product) return fail(self, which, op_making(matcher, out), want);
  return is_product(*product) || fail(self, which, "another convolution", want);
}

// Axes 2 and 3 of a rank of 4, in either order, counted from either end.
static bool spatial_axes(const blok_matcher *matcher, blok_value_id axes) {
  if (!axes.i) return false;
  const blok_fact *fact = &matcher->facts->of[axes.i];
  if (fact->n_elements != 2 || !fact->elements) return false;
  uint32_t seen = 0;
  for (uint32_t i = 0; i < 2; i++) {
    uint32_t axis = 0;
    if (!fact->elements[i].known || !blok_axis_normal(fact->elements[i].value, 4, &axis)) {
      return false;
    }
    seen |= 1u << axis;
  }
  return seen == (1u << 2 | 1u << 3);
}

// An AveragePool whose window is the whole picture.
static bool whole_window(const blok_matcher *matcher, const blok_node *node) {
  uint32_t n_kernel, n_pads;
  const blok_fact *in = &matcher->facts->of[node->inputs[0].i];
  const blok_fact *out = &matcher->facts->of[node->outputs[0].i];
  const int64_t *kernel = blok_node_ints(node, "kernel_shape", &n_kernel);
  const int64_t *pads = blok_node_ints(node, "pads", &n_pads);
  if (n_kernel != 2 || in->rank != 4 || out->rank != 4) return false;
  for (uint32_t i = 0; i < n_pads; i++) {
    if (pads[i] != 0) return false;
  }
  for (uint32_t i = 0; i < 2; i++) {
    if (in->dims[2 + i].value != kernel[i] || out->dims[2 + i].value != 1) return false;
  }
  return true;
}

static bool is_mean(const blok_matcher *matcher, const blok_node *node) {
  if (!blok_node_input(node, 0).i || !blok_node_output(node, 0).i) return false;
  if (node->op == BLOK_OP_GlobalAveragePool) return true;
  if (node->op == BLOK_OP_AveragePool) return whole_window(matcher, node);
  return node->op == BLOK_OP_ReduceMean && blok_node_int(node, "keepdims", 1) != 0 &&
         spatial_axes(matcher, blok_node_input(node, 1));
}

// ---- Conditions ---------------------------------------------------------------------------------

static bool find_pool(const blok_matcher *matcher, attempt *self) {
  blok_value_id pooled = self->first->in;
  self->pool = blok_value_producer(matcher->graph, pooled);
  const blok_node *pool = blok_node_at(matcher->graph, self->pool);
  if (!self->pool.i || !is_mean(matcher, pool)) {
    return fail(self, "pooling", op_making(matcher, pooled),
                "the mean over height and width, axes kept");
  }
  const blok_fact *fact = &matcher->facts->of[self->x.i];
  if (fact->rank >= 0 && fact->rank != 4) {
    return fail(self, "rank of the input", "another rank", "4");
  }
  return blok_same_value(pool->inputs[0], self->x) ||
         fail(self, "input of the pooling", "another value", "the value that is scaled");
}

static bool same_channels(attempt *self) {
  const blok_conv_desc *first = self->first->conv, *second = self->second->conv;
  return (first->in_channels == second->out_channels &&
          first->out_channels == second->in_channels) ||
         fail(self, "channels", "another number of gates than of channels", "one gate a channel");
}

static bool inner_values_private(const blok_matcher *matcher, attempt *self) {
  const blok_value_id inner[] = {self->first->in, self->gate->out};
  for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
    if (!blok_only_read(matcher, inner[i], 1)) {
      return fail(self, "use of inner values", "read elsewhere or a graph output",
                  "read inside the block only");
    }
  }
  const blok_unit *readers[] = {self->inner, self->second, self->gate};
  for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
    if (!blok_only_read(matcher, readers[i]->in, readers[i]->in_reads)) {
      return fail(self, "use of inner values", "read elsewhere or a graph output",
                  "read inside the block only");
    }
  }
  return true;
}

static bool try_scale(const blok_matcher *matcher, attempt *self) {
  if (!find_product(matcher, self, "second product", self->gate->in, &self->second)) return false;
  self->inner = blok_unit_making(matcher, self->second->in, BLOK_UNIT_ACT);
  if (!self->inner) {
    return fail(self, "activation between the products", op_making(matcher, self->second->in),
                "an activation");
  }
  return find_product(matcher, self, "first product", self->inner->in, &self->first) &&
         find_pool(matcher, self) && same_channels(self) && inner_values_private(matcher, self);
}

// ---- The record ---------------------------------------------------------------------------------

static blok_status record(blok_matcher *matcher, const attempt *self, blok_error *error) {
  static const blok_se_desc empty = BLOK_SE_DESC_INIT;
  blok_members members;
  blok_members_begin(matcher, &members);
  blok_block_record made;
  memset(&made, 0, sizeof made);
  made.kind = BLOK_SQUEEZE_EXCITE;
  made.parent = -1;
  made.entry = self->x;
  made.exit = blok_node_at(matcher->graph, self->scale)->outputs[0];
  blok_se_desc desc = empty, *se = &desc;
  made.se = se;
  se->channels = self->first->conv->in_channels;
  se->hidden = self->first->conv->out_channels;
  se->activation = self->inner->activation;
  se->alpha = self->inner->alpha;
  se->beta = self->inner->beta;
  se->gate = self->gate->activation;
  se->gate_alpha = self->gate->alpha;
  se->gate_beta = self->gate->beta;
  se->bias[0] = self->first->conv->bias;
  se->bias[1] = self->second->conv->bias;
  const blok_conv_weights weights[2] = {blok_conv_weighed(matcher, self->first, NULL, self->inner),
                                        blok_conv_weighed(matcher, self->second, NULL, NULL)};
  made.weights = weights;
  const blok_unit *parts[] = {self->first, self->inner, self->second, self->gate};
  blok_members_add(&members, self->pool);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    blok_members_add_unit(&members, parts[i]);
  }
  blok_members_add(&members, self->scale);
  blok_unit unit;
  memset(&unit, 0, sizeof unit);
  BLOK_TRY(blok_record_add(matcher, &made, &members, &unit.record, error));
  unit.kind = BLOK_UNIT_SE;
  unit.in = made.entry;
  unit.out = made.exit;
  unit.in_reads = 2;
  return blok_unit_add(matcher, &unit, error);
}

// A gate of one value a channel; what is multiplied otherwise came nowhere near.
static bool scales_channels(const blok_matcher *matcher, blok_value_id gate, blok_value_id x) {
  const blok_fact *small = &matcher->facts->of[gate.i], *large = &matcher->facts->of[x.i];
  if (small->rank != 4 || large->rank != 4) return false;
  bool one = small->dims[2].value == 1 && small->dims[3].value == 1;
  return one && (large->dims[2].value != 1 || large->dims[3].value != 1);
}

static blok_status match_at(blok_matcher *matcher, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  for (uint32_t g = 0; g < 2; g++) {
    attempt self;
    memset(&self, 0, sizeof self);
    self.scale = id;
    self.x = node->inputs[1 - g];
    self.gate = blok_unit_making(matcher, node->inputs[g], BLOK_UNIT_ACT);
    if (!self.gate || (self.gate->activation != BLOK_ACT_SIGMOID &&
                       self.gate->activation != BLOK_ACT_HARD_SIGMOID)) {
      continue;
    }
    if (try_scale(matcher, &self)) return record(matcher, &self, error);
    if (!scales_channels(matcher, node->inputs[g], self.x)) continue;
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
