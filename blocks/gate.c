// gate: attention that scales channels or places and is no squeeze-excite, found at its scale.
//
// What makes it one: x is multiplied by (global context: added to) a value that is computed from
// this same x, in a few nodes that nothing else reads, by a reduction over an axis and a product,
// and that is broadcast over x. A norm is none: it scales x less its mean, or has no product
// inside. The form is told by what the nodes are, not by their order.
#include <string.h>

#include "base/error.h"
#include "blocks/parts.h"
#include "blocks/region.h"

#define GATE_NODES 64

// What stands between x and the scale.
typedef struct makeup {
  uint32_t channel_convs;  // 1-D, from one channel to one: over a row of channels
  uint32_t products;       // others of constant weights
  uint32_t mixes;          // products of two computed values
  uint32_t softmaxes;
  uint32_t means, maxima;                  // over the picture
  uint32_t channel_means, channel_maxima;  // over the channels
  uint32_t reductions;                     // all of these, and any other
  uint32_t norms;                          // lengths: root of a sum of squares
  uint32_t divisions;
} makeup;

typedef struct candidate {
  blok_matcher *matcher;
  blok_node_id scale;
  blok_value_id x, small, exit;  // small: what x is multiplied by, before it is expanded
  blok_region region;
  blok_gate_desc desc;
} candidate;

// ---- What it is made of -------------------------------------------------------------------------

static const blok_literal *constant(const blok_matcher *matcher, blok_value_id value) {
  return value.i ? blok_value_at(matcher->graph, value)->literal : NULL;
}

static void add_conv(const blok_matcher *matcher, const blok_node *node, makeup *out) {
  const blok_literal *weight = constant(matcher, blok_node_input(node, 1));
  uint32_t wide = 0;
  if (!weight) {
    out->mixes++;
    return;
  }
  for (uint32_t i = 2; i < weight->rank; i++) wide += weight->dims[i] > 1;
  bool one = weight->rank >= 3 && weight->dims[0] == 1 && weight->dims[1] == 1 && wide == 1;
  if (one) {
    out->channel_convs++;
  } else {
    out->products++;
  }
}

// Over which axes a Reduce operator goes: the channels alone, or others.
static bool over_channels(const blok_matcher *matcher, const blok_node *node) {
  blok_value_id axes = blok_node_input(node, 1);
  const blok_fact *in = &matcher->facts->of[blok_node_input(node, 0).i];
  const blok_fact *fact = axes.i ? &matcher->facts->of[axes.i] : NULL;
  uint32_t axis = 0;
  return fact && fact->n_elements == 1 && fact->elements && fact->elements[0].known &&
         in->rank == 4 && blok_axis_normal(fact->elements[0].value, 4, &axis) && axis == 1;
}

static void add_node(const blok_matcher *matcher, blok_node_id id, makeup *out) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  uint8_t traits = matcher->traits[id.i];
  bool mean = node->op == BLOK_OP_ReduceMean || node->op == BLOK_OP_GlobalAveragePool ||
              node->op == BLOK_OP_AveragePool;
  bool max = node->op == BLOK_OP_ReduceMax || node->op == BLOK_OP_GlobalMaxPool;
  bool channels = (node->op == BLOK_OP_ReduceMean || node->op == BLOK_OP_ReduceMax) &&
                  over_channels(matcher, node);
  out->reductions += (traits & BLOK_TRAIT_POOL) != 0;
  out->means += mean && !channels;
  out->maxima += max && !channels;
  out->channel_means += mean && channels;
  out->channel_maxima += max && channels;
  out->softmaxes += node->op == BLOK_OP_Softmax;
  out->divisions += node->op == BLOK_OP_Div;
  out->norms += node->op == BLOK_OP_ReduceL2 || node->op == BLOK_OP_Sqrt;
  if (node->op == BLOK_OP_Conv) {
    add_conv(matcher, node, out);
  } else if (node->op == BLOK_OP_Gemm || node->op == BLOK_OP_MatMul) {
    bool weighted =
        constant(matcher, blok_node_input(node, 0)) || constant(matcher, blok_node_input(node, 1));
    out->products += weighted;
    out->mixes += !weighted;
  }
}

static makeup made_of(const candidate *self) {
  makeup out;
  memset(&out, 0, sizeof out);
  for (uint32_t i = 0; i < self->region.n_own; i++) {
    add_node(self->matcher, self->region.own[i], &out);
  }
  return out;
}

// ---- Forms --------------------------------------------------------------------------------------

// The form of a product with what small is; false: none is a gate.
static bool name_form(candidate *self, const makeup *of) {
  const blok_fact *small = &self->matcher->facts->of[self->small.i];
  const blok_dim *dims = small->dims + (small->rank - 3);
  bool channels = dims[1].value == 1 && dims[2].value == 1;
  bool context = channels && of->softmaxes && of->mixes && of->products;
  blok_gate_desc *desc = &self->desc;
  desc->form = BLOK_GATE_OTHER;
  desc->spatial = !channels && dims[0].value == 1;
  if (context) {
    desc->form = BLOK_GATE_GLOBAL_CONTEXT;
    return true;
  }
  if (desc->adds || !of->reductions || !(of->products || of->channel_convs)) return false;
  if (channels && of->means && of->maxima) {
    desc->form = BLOK_GATE_CBAM_CHANNEL;
  } else if (channels && of->means && of->channel_convs == 1 && !of->products) {
    desc->form = BLOK_GATE_ECA;
  } else if (channels && of->means && of->products == 1 && !of->channel_convs &&
             desc->activation != BLOK_ACT_NONE) {
    desc->form = BLOK_GATE_EFFECTIVE_SE;
  } else if (desc->spatial && of->channel_means && of->channel_maxima && of->products == 1) {
    desc->form = BLOK_GATE_CBAM_SPATIAL;
  }
  return true;
}

// ---- Global response normalisation --------------------------------------------------------------

// The addition of x that ends x * n * w + b + x, behind the product; none otherwise.
static blok_value_id response_exit(const blok_matcher *matcher, blok_value_id x,
                                   blok_value_id product) {
  blok_value_id value = product;
  for (int i = 0; i < 4; i++) {
    if (!blok_only_read(matcher, value, 1)) return BLOK_NO_VALUE;
    const blok_node *node =
        blok_node_at(matcher->graph, blok_uses_of(&matcher->uses, value)[0].node);
    if ((node->op != BLOK_OP_Mul && node->op != BLOK_OP_Add) || node->n_inputs != 2) break;
    blok_value_id other = node->inputs[blok_same_value(node->inputs[0], value) ? 1 : 0];
    value = node->outputs[0];
    if (node->op == BLOK_OP_Add && blok_same_value(other, x)) return value;
    if (!constant(matcher, other) || !value.i) break;
  }
  return BLOK_NO_VALUE;
}

// x times its lengths a channel over their mean.
static bool is_response(const candidate *self, const makeup *of) {
  return !self->desc.adds && of->norms && of->divisions && of->reductions >= 2 && !of->products &&
         !of->mixes && !of->channel_convs;
}

// ---- Shapes -------------------------------------------------------------------------------------

// small is broadcast over x, of rank 4, and the result has x's shape as far as is known.
static bool broadcasts(const blok_matcher *matcher, blok_value_id small, blok_value_id x) {
  const blok_fact *of = &matcher->facts->of[small.i], *large = &matcher->facts->of[x.i];
  if (large->rank != 4 || of->rank < 3 || of->rank > 4) return false;
  uint32_t offset = (uint32_t)(4 - of->rank), repeated = 0;
  for (uint32_t i = offset; i < 4; i++) {
    blok_dim a = of->dims[i - offset], b = large->dims[i];
    if (a.value == 1) {
      repeated += b.value != 1;
    } else if (blok_dim_known(a) && blok_dim_known(b) && a.value != b.value) {
      return false;
    }
  }
  return repeated > 0;
}

// ---- Candidates ---------------------------------------------------------------------------------

// The activation that makes small, through nodes that only move axes.
static blok_activation last_activation(const candidate *self) {
  blok_gather passed = {.matcher = self->matcher};
  blok_value_id value = blok_layout_read(&passed, self->small);
  const blok_unit *unit = blok_unit_making(self->matcher, value, BLOK_UNIT_ACT);
  return unit ? unit->activation : BLOK_ACT_NONE;
}

static blok_status record(candidate *self, blok_error *error) {
  blok_matcher *matcher = self->matcher;
  const blok_region *region = &self->region;
  blok_members members;
  blok_members_begin(matcher, &members);
  for (uint32_t i = 0; i < region->n_own; i++) blok_members_add(&members, region->own[i]);
  for (uint32_t i = 0; i < region->n_children; i++) {
    const blok_block_record *child = matcher->records[region->children[i]];
    for (uint32_t k = 0; k < child->n_members; k++) blok_members_add(&members, child->members[k]);
  }
  blok_members_sort(&members);
  blok_block_record made;
  memset(&made, 0, sizeof made);
  made.kind = BLOK_GATE;
  made.parent = -1;
  made.entry = self->x;
  made.exit = made.region_out = self->exit;
  made.gate = &self->desc;
  made.region = members.nodes;
  made.n_region = members.n;
  uint32_t index;
  BLOK_TRY(blok_record_add(matcher, &made, &members, &index, error));
  for (uint32_t i = 0; i < region->n_children; i++) {
    blok_record_adopt(matcher, region->children[i], index);
  }
  return BLOK_OK;
}

static bool adoptable(const candidate *self) {
  for (uint32_t i = 0; i < self->region.n_children; i++) {
    if (!blok_record_fits(self->matcher, self->region.children[i])) return false;
  }
  return true;
}

// Looks at the nodes from x to the scale. *found: a gate was recorded.
static blok_status try_region(candidate *self, bool *found, blok_region_result *result,
                              blok_error *error) {
  blok_matcher *matcher = self->matcher;
  static const blok_gate_desc empty = BLOK_GATE_DESC_INIT;
  const blok_node *scale = blok_node_at(matcher->graph, self->scale);
  *found = false;
  self->exit = scale->outputs[0];
  BLOK_TRY(blok_region_find(matcher, self->x, self->exit, &self->region, result, error));
  if (*result != BLOK_REGION_FOUND || self->region.n_own > GATE_NODES || !adoptable(self)) {
    return BLOK_OK;
  }
  self->desc = empty;
  self->desc.adds = scale->op == BLOK_OP_Add;
  self->desc.activation = last_activation(self);
  const blok_dim *dims = matcher->facts->of[self->x.i].dims;
  const blok_dim *small = matcher->facts->of[self->small.i].dims;
  uint32_t axis = 1;
  makeup of = made_of(self);
  if (is_response(self, &of)) {
    self->exit = response_exit(matcher, self->x, self->exit);
    if (!self->exit.i) return BLOK_OK;
    BLOK_TRY(blok_region_find(matcher, self->x, self->exit, &self->region, result, error));
    if (*result != BLOK_REGION_FOUND || !adoptable(self)) return BLOK_OK;
    self->desc.form = BLOK_GATE_GRN;
    self->desc.activation = BLOK_ACT_NONE;
    // Channels are last where pictures are kept so.
    if (matcher->facts->of[self->small.i].rank == 4 && small[1].value == 1) axis = 3;
  } else if (!name_form(self, &of)) {
    return BLOK_OK;
  }
  int64_t channels = dims[axis].value;
  self->desc.channels = channels < 0 || channels > INT32_MAX ? 0 : (int32_t)channels;
  *found = true;
  return record(self, error);
}

// Two gates on one x, one behind the other, with parts that they share: x is then what the first
// product reads.
static blok_status try_before(candidate *self, bool *found, blok_error *error) {
  blok_matcher *matcher = self->matcher;
  blok_value_id between = self->x;
  blok_node_id id = blok_value_producer(matcher->graph, between);
  const blok_node *before = blok_node_at(matcher->graph, id);
  blok_region_result result;
  if (!id.i || before->op != BLOK_OP_Mul || before->n_inputs != 2 || matcher->owner[id.i] >= 0 ||
      !blok_only_read(matcher, between, 1)) {
    return BLOK_OK;
  }
  for (uint32_t g = 0; g < 2 && !*found; g++) {
    blok_value_id x = before->inputs[1 - g];
    if (!x.i || !before->inputs[g].i || !broadcasts(matcher, before->inputs[g], x)) continue;
    if (!broadcasts(matcher, self->small, x)) continue;
    self->x = x;
    BLOK_TRY(try_region(self, found, &result, error));
  }
  self->x = between;
  return BLOK_OK;
}

// Near misses of the squeeze-excite matcher, in execution order, walked along with the candidates.
typedef struct told {
  uint32_t next, n;
} told;

// True when something has been said of this node already.
static bool was_told(const blok_matcher *matcher, told *self, blok_node_id id) {
  const blok_near_miss *misses = matcher->overlay->misses;
  while (self->next < self->n && matcher->place[misses[self->next].node.i] < matcher->place[id.i]) {
    self->next++;
  }
  return self->next < self->n && misses[self->next].node.i == id.i;
}

static blok_status tell(const candidate *self, blok_region_result result, blok_value_id culprit,
                        blok_error *error) {
  if (result == BLOK_REGION_SHARED) {
    return blok_miss_add(self->matcher, BLOK_GATE, self->scale, "use of inner values",
                         blok_shared_say(self->matcher, culprit).text, "read inside the block only",
                         error);
  }
  return blok_miss_add(self->matcher, BLOK_GATE, self->scale, "input of the gate",
                       "another branch as well", "the value that is scaled alone", error);
}

static blok_status match_at(blok_matcher *matcher, blok_node_id id, told *told_before,
                            blok_error *error) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  bool said = was_told(matcher, told_before, id);
  for (uint32_t g = 0; g < 2; g++) {
    candidate self = {.matcher = matcher, .scale = id, .x = node->inputs[1 - g]};
    blok_gather passed = {.matcher = matcher};
    self.small = blok_expand_read(&passed, node->inputs[g], self.x);
    if (constant(matcher, self.x) || constant(matcher, self.small)) continue;
    if (!broadcasts(matcher, self.small, self.x)) continue;
    bool found;
    blok_region_result result;
    BLOK_TRY(try_region(&self, &found, &result, error));
    bool near = result == BLOK_REGION_SHARED || result == BLOK_REGION_OTHER_INPUT;
    near = near && self.region.has_pool && self.region.has_product;
    if (!found && node->op == BLOK_OP_Mul) BLOK_TRY(try_before(&self, &found, error));
    if (found) return BLOK_OK;
    if (near && !said && node->op == BLOK_OP_Mul)
      return tell(&self, result, self.region.culprit, error);
  }
  return BLOK_OK;
}

// What is said of a node that is part of a gate after all: nothing, but for why one of no known
// form is no squeeze-excite.
static bool is_settled(const blok_matcher *matcher, const blok_near_miss *miss) {
  int32_t owner = matcher->owner[miss->node.i];
  if (owner < 0 || matcher->records[owner]->kind != BLOK_GATE) return false;
  return miss->kind == BLOK_GATE || matcher->records[owner]->gate->form != BLOK_GATE_OTHER;
}

static void forget_misses(blok_matcher *matcher) {
  blok_overlay *overlay = matcher->overlay;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < overlay->n_misses; i++) {
    if (!is_settled(matcher, &overlay->misses[i])) overlay->misses[kept++] = overlay->misses[i];
  }
  overlay->n_misses = kept;
}

blok_status blok_match_gate(blok_matcher *matcher, blok_error *error) {
  const blok_graph *graph = matcher->graph;
  told told_before = {0, matcher->overlay->n_misses};
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    const blok_node *node = blok_node_at(graph, id);
    if ((node->op != BLOK_OP_Mul && node->op != BLOK_OP_Add) || node->n_inputs != 2) continue;
    if (!node->inputs[0].i || !node->inputs[1].i || !blok_node_output(node, 0).i) continue;
    if (matcher->owner[id.i] >= 0) continue;
    BLOK_TRY(match_at(matcher, id, &told_before, error));
  }
  forget_misses(matcher);
  return BLOK_OK;
}
