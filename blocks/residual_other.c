// residual_other: any other addition of F(x) and skip(x), F kept as nodes. See docs/blocks.md.
//
// The skip path is taken backwards step by step from either operand, the shorter path first; after
// each step the other operand is asked whether it is computed from where the path begins now.
#include <string.h>

#include "base/error.h"
#include "blocks/addition.h"
#include "blocks/channels.h"
#include "blocks/sizes.h"

// One operand taken as the skip, the other as F(x).
typedef struct way {
  blok_skip_path skip;
  blok_value_id f;
  bool ended;  // nothing further back can be x
} way;

typedef struct attempt {
  blok_addition *addition;
  blok_matcher *matcher;
  const way *at;
  blok_value_id x;  // where F(x) begins: the path's entry, or before a shared pool
  blok_region region;
  blok_miss_text *miss;
  int miss_weight;  // of the near miss noted; the heavier one stands
} attempt;

// Which near miss is told where several were: what says most about the addition.
enum {
  WEIGHT_APART = 1,  // neither operand is computed from the other's x
  WEIGHT_BRANCH = 2,
  WEIGHT_SHARED = 3,
  WEIGHT_SHAPE = 4,
  WEIGHT_SUM = 5,
  WEIGHT_RESIZE = 6
};

#define MISS(self, weight, condition, want, ...)                                        \
  do {                                                                                  \
    if ((self)->miss_weight < (weight)) {                                               \
      (self)->miss_weight = (weight);                                                   \
      blok_miss_write((self)->miss, BLOK_RESIDUAL_OTHER, condition, want, __VA_ARGS__); \
      (self)->miss->decides = (weight) > WEIGHT_APART;                                  \
    }                                                                                   \
  } while (0)

// ---- Conditions ---------------------------------------------------------------------------------

static const char *name_of(const blok_matcher *matcher, blok_value_id value, blok_quoted *quoted) {
  *quoted = blok_quote(blok_value_at(matcher->graph, value)->name);
  return quoted->text;
}

// More than steps that move or scale: what a reader would call a layer. x + relu(x) has none.
static bool has_substance(const blok_region *region) {
  return region->has_product || region->has_norm || region->has_pool;
}

// True where the addition repeats one of its operands along an axis.
static bool broadcasts(const blok_fact *a, const blok_fact *b) {
  if (a->rank < 0 || b->rank < 0) return false;
  if (a->rank != b->rank) return true;
  for (int32_t i = 0; i < a->rank; i++) {
    if ((a->dims[i].value == 1) != (b->dims[i].value == 1)) return true;
  }
  return false;
}

// How both operands' sizes of this axis come from that of x. Of axes that are none of a picture
// nothing is known.
static void read_sizes(const attempt *self, int32_t rank, int32_t axis, blok_size *f,
                       blok_size *skip) {
  static const blok_size same = BLOK_SIZE_INIT;
  const blok_skip_path *path = &self->at->skip;
  *f = *skip = same;
  f->loose = rank != 4 || axis < 2;
  if (f->loose) return;
  blok_size_region(self->matcher, &self->region, axis - 2, f);
  if (path->elsewhere) blok_size_step(&path->shared, axis - 2, skip);
  for (uint32_t i = 0; i < path->n; i++) blok_size_step(&path->step[i], axis - 2, skip);
}

// Both operands have one shape.
static bool same_shapes(attempt *self) {
  const blok_fact *facts = self->matcher->facts->of;
  const blok_fact *f = &facts[blok_addition_summed(self->addition, self->at->f).i];
  const blok_fact *skip = &facts[self->at->skip.end.i];
  bool same = f->rank >= 0 && f->rank == skip->rank;
  for (int32_t i = 0; i < f->rank && same; i++) {
    const bool open = !blok_dim_known(f->dims[i]) || !blok_dim_known(skip->dims[i]);
    blok_size of_f = BLOK_SIZE_INIT, of_skip = BLOK_SIZE_INIT;
    if (open) read_sizes(self, f->rank, i, &of_f, &of_skip);
    same = blok_sizes_agree(f->dims[i], skip->dims[i], &of_f, &of_skip);
  }
  if (same) return true;
  const char *condition = broadcasts(f, skip) ? "broadcast of F(x)" : "shapes of F(x) and skip(x)";
  MISS(self, WEIGHT_SHAPE, condition, "equal", "%.100s and %.100s", blok_print_fact(f).text,
       blok_print_fact(skip).text);
  return false;
}

// Nothing in F that a run would do otherwise than the same block made anew.
static bool steady_norms(attempt *self) {
  for (uint32_t i = 0; i < self->region.n_own; i++) {
    const blok_node *node = blok_node_at(self->matcher->graph, self->region.own[i]);
    if (node->op != BLOK_OP_BatchNormalization || !blok_node_int(node, "training_mode", 0)) {
      continue;
    }
    MISS(self, WEIGHT_SUM, "operators of F(x)", "norms at inference",
         "BatchNormalization in training mode");
    return false;
  }
  return true;
}

static bool private_end(attempt *self) {
  const uint32_t reads = blok_addition_reads(self->addition);
  if (blok_only_read(self->matcher, self->at->f, reads)) return true;
  blok_quoted name;
  MISS(self, WEIGHT_SHARED, "use of inner values", "read inside the block only",
       "'%s' is read elsewhere too", name_of(self->matcher, self->at->f, &name));
  return false;
}

static bool shallow_enough(attempt *self) {
  for (uint32_t i = 0; i < self->region.n_children; i++) {
    if (blok_record_fits(self->matcher, self->region.children[i])) continue;
    MISS(self, WEIGHT_SUM, "depth", "blocks nested less deep", "more than %d blocks in each other",
         BLOK_BLOCK_DEPTH);
    return false;
  }
  return true;
}

static bool small_picture(attempt *self) {
  if (!self->region.has_resize) return true;
  MISS(self, WEIGHT_RESIZE, "Resize inside F(x)", "no Resize or ConvTranspose in it",
       "F(x) makes its picture larger");
  return false;
}

static bool more_than_a_sum(attempt *self) {
  if (self->region.has_activation || !blok_skip_has_conv(&self->at->skip)) return true;
  MISS(self, WEIGHT_SUM, "sum of branches: no activation inside F(x)",
       "an activation or gate in F(x), where a convolution is on the skip path",
       "two branches of x, neither activated");
  return false;
}

// A region that is almost F(x): told where it holds a layer.
static void tell_refusal(attempt *self, blok_region_result result) {
  blok_quoted name;
  if (!has_substance(&self->region) || !small_picture(self)) return;
  name_of(self->matcher, self->region.culprit, &name);
  if (result == BLOK_REGION_OTHER_INPUT) {
    MISS(self, WEIGHT_BRANCH, "F(x) computed from another branch", "from x, and side inputs",
         "'%s'", name.text);
  } else if (result == BLOK_REGION_SUBGRAPH) {
    MISS(self, WEIGHT_SHARED, "subgraph inside F(x)", "plain nodes", "'%s'", name.text);
  } else {
    MISS(self, WEIGHT_SHARED, "use of inner values", "read inside the block only",
         "'%s' is read elsewhere too", name.text);
  }
}

// ---- The record ---------------------------------------------------------------------------------

// The node that reads value first, in the region: one of its own, or the first of a block.
static blok_node_id first_reader(const attempt *self, blok_value_id value) {
  const blok_matcher *matcher = self->matcher;
  const blok_region *region = &self->region;
  blok_node_id first = BLOK_NO_NODE;
  for (uint32_t i = 0; i < region->n_own && !first.i; i++) {
    const blok_node *node = blok_node_at(matcher->graph, region->own[i]);
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      if (blok_same_value(node->inputs[k], value)) first = region->own[i];
    }
  }
  for (uint32_t i = 0; i < region->n_children; i++) {
    const blok_block_record *child = matcher->records[region->children[i]];
    if (!blok_same_value(child->entry, value)) continue;
    if (!first.i || matcher->place[child->members[0].i] < matcher->place[first.i]) {
      first = child->members[0];
    }
  }
  return first;
}

// LayerNorm spelled out begins with a mean that is taken off what it is the mean of.
static bool begins_norm(const blok_matcher *matcher, const blok_node *mean, blok_value_id value) {
  if (mean->op != BLOK_OP_ReduceMean || !blok_node_output(mean, 0).i) return false;
  const blok_use *uses = blok_uses_of(&matcher->uses, mean->outputs[0]);
  if (blok_uses_count(&matcher->uses, mean->outputs[0]) != 1 || !uses[0].node.i) return false;
  const blok_node *reader = blok_node_at(matcher->graph, uses[0].node);
  return reader->op == BLOK_OP_Sub && blok_same_value(reader->inputs[0], value);
}

// Pre: a norm or activation comes first behind x; post: a product does. Steps that only move
// elements are looked through.
static blok_order order_of(const attempt *self) {
  const blok_matcher *matcher = self->matcher;
  blok_value_id value = self->region.entry;
  for (int step = 0; step < 4; step++) {
    blok_node_id first = first_reader(self, value);
    if (!first.i) return BLOK_ORDER_NONE;
    const blok_node *node = blok_node_at(matcher->graph, first);
    uint8_t traits = matcher->traits[first.i];
    if (traits & (BLOK_TRAIT_NORM | BLOK_TRAIT_ACTIVATION)) return BLOK_ORDER_PRE;
    if (traits & BLOK_TRAIT_PRODUCT) return BLOK_ORDER_POST;
    if (begins_norm(matcher, node, value)) return BLOK_ORDER_PRE;
    bool moves = node->op == BLOK_OP_Transpose || node->op == BLOK_OP_Reshape ||
                 node->op == BLOK_OP_Flatten || node->op == BLOK_OP_Squeeze ||
                 node->op == BLOK_OP_Unsqueeze || node->op == BLOK_OP_Cast ||
                 node->op == BLOK_OP_Pad;
    if (!moves) return BLOK_ORDER_NONE;
    value = blok_node_output(node, 0);
  }
  return BLOK_ORDER_NONE;
}

static blok_status record(const attempt *self, blok_error *error) {
  static const blok_residual_desc empty = BLOK_RESIDUAL_DESC_INIT;
  blok_matcher *matcher = self->matcher;
  const blok_region *region = &self->region;
  blok_members inner, members;
  blok_members_begin(matcher, &inner);
  for (uint32_t i = 0; i < region->n_own; i++) blok_members_add(&inner, region->own[i]);
  for (uint32_t i = 0; i < region->n_children; i++) {
    const blok_block_record *child = matcher->records[region->children[i]];
    for (uint32_t k = 0; k < child->n_members; k++) blok_members_add(&inner, child->members[k]);
  }
  blok_members_sort(&inner);
  members = inner;
  // The region's nodes stay where they are; the block's begin with a copy of them.
  members.nodes = NULL;
  members.n = members.capacity = 0;
  for (uint32_t i = 0; i < inner.n; i++) blok_members_add(&members, inner.nodes[i]);
  blok_block_record made;
  memset(&made, 0, sizeof made);
  made.kind = BLOK_RESIDUAL_OTHER;
  made.entry = self->x;
  made.n_region = inner.n;
  made.region = inner.nodes;
  made.region_out = region->end;
  blok_residual_desc desc = empty;
  blok_residual_weights weights;
  memset(&weights, 0, sizeof weights);
  desc.convs = 0;
  desc.order = order_of(self);
  desc.channels_last = blok_channels_last(matcher, self->x, self->addition->add);
  // The lists of the region hold until the next search, and none is made before the end.
  uint32_t index;
  BLOK_TRY(blok_addition_record(self->addition, &self->at->skip, &made, &desc, &weights, &members,
                                &index, error));
  for (uint32_t i = 0; i < region->n_children; i++) {
    blok_record_adopt(matcher, region->children[i], index);
  }
  return BLOK_OK;
}

// ---- One beginning ------------------------------------------------------------------------------

// x is where F(x) would begin.
static blok_status try_from(attempt *self, way *at, blok_value_id x, bool *found,
                            blok_error *error) {
  self->at = at;
  self->x = x;
  if (blok_value_at(self->matcher->graph, x)->literal || blok_same_value(x, at->f)) return BLOK_OK;
  blok_region_result result;
  BLOK_TRY(blok_region_find(self->matcher, x, at->f, &self->region, &result, error));
  if (result == BLOK_REGION_UNRELATED) return BLOK_OK;
  if (result == BLOK_REGION_TOO_LARGE) {
    // What begins further back is larger still.
    at->ended = true;
    return BLOK_OK;
  }
  if (result != BLOK_REGION_FOUND) {
    tell_refusal(self, result);
    return BLOK_OK;
  }
  if (!has_substance(&self->region) || !small_picture(self) || !same_shapes(self) ||
      !more_than_a_sum(self) || !steady_norms(self) || !private_end(self) ||
      !shallow_enough(self)) {
    return BLOK_OK;
  }
  *found = true;
  return record(self, error);
}

// Takes the path a step back; where it cannot, a shared pool is the last chance.
static blok_status go_back(attempt *self, way *at, bool *found, blok_error *error) {
  blok_value_id x;
  if (blok_skip_extend(self->matcher, &at->skip)) return BLOK_OK;
  at->ended = true;
  if (!blok_skip_elsewhere(self->matcher, &at->skip, &x)) return BLOK_OK;
  return try_from(self, at, x, found, error);
}

// ---- Additions that are none --------------------------------------------------------------------

// A constant of the other operand's whole shape but for the batch: a position's own number.
static bool is_positional(const blok_matcher *matcher, blok_value_id constant,
                          blok_value_id other) {
  const blok_literal *literal = blok_value_at(matcher->graph, constant)->literal;
  const blok_fact *fact = &matcher->facts->of[other.i];
  if (!literal || fact->rank < 3 || (int64_t)literal->rank != fact->rank) return false;
  for (int32_t i = 1; i < fact->rank; i++) {
    if (literal->dims[i] < 2 || literal->dims[i] != fact->dims[i].value) return false;
  }
  return true;
}

// What a picture of several branches is fused from.
static bool ends_branch(const blok_matcher *matcher, blok_value_id value) {
  blok_node_id maker = blok_value_producer(matcher->graph, value);
  if (!maker.i) return false;
  if (blok_unit_making(matcher, value, BLOK_UNIT_NORM)) return true;
  return matcher->traits[maker.i] & (BLOK_TRAIT_CONV | BLOK_TRAIT_RESIZE);
}

static void tell_none(attempt *self) {
  const blok_matcher *matcher = self->matcher;
  const blok_value_id *operands = self->addition->operands;
  const blok_fact *facts = matcher->facts->of;
  for (int i = 0; i < 2; i++) {
    if (!is_positional(matcher, operands[i], operands[1 - i])) continue;
    blok_quoted name;
    MISS(self, WEIGHT_APART, "addition of a constant", "F(x), computed from x",
         "'%s', a number for each position", name_of(matcher, operands[i], &name));
    return;
  }
  uint64_t from[2] = {matcher->tells_of[operands[0].i], matcher->tells_of[operands[1].i]};
  if (!from[0] || !(from[0] & from[1]) || facts[operands[0].i].rank != 4 ||
      broadcasts(&facts[operands[0].i], &facts[operands[1].i]) ||
      !(ends_branch(matcher, operands[0]) || ends_branch(matcher, operands[1]))) {
    return;
  }
  blok_quoted a, b;
  MISS(self, WEIGHT_APART, "F(x) computed from another branch", "from what the other operand is",
       "'%.100s' and '%.100s'", name_of(matcher, operands[0], &a),
       name_of(matcher, operands[1], &b));
}

blok_status blok_residual_other_try(blok_addition *addition, bool *found, blok_miss_text *miss,
                                    blok_error *error) {
  attempt self = {.addition = addition, .matcher = addition->matcher, .miss = miss};
  *found = false;
  if (blok_same_value(addition->operands[0], addition->operands[1])) {
    blok_quoted name;
    blok_miss_write(miss, BLOK_RESIDUAL_OTHER, "addition of a value to itself", "F(x) and x",
                    "'%s' twice", name_of(addition->matcher, addition->operands[0], &name));
    miss->decides = true;
    return BLOK_OK;
  }
  way ways[2];
  for (int w = 0; w < 2; w++) {
    blok_skip_begin(&ways[w].skip, addition->operands[w]);
    ways[w].f = addition->operands[1 - w];
    ways[w].ended = blok_value_at(addition->matcher->graph, ways[w].f)->literal != NULL;
  }
  // F is known where the addition is of its first channels.
  if (addition->partial.channels) ways[0].ended = true;
  while (!ways[0].ended || !ways[1].ended) {
    for (int w = 0; w < 2; w++) {
      if (ways[w].ended) continue;
      BLOK_TRY(try_from(&self, &ways[w], ways[w].skip.entry, found, error));
      if (*found) return BLOK_OK;
    }
    for (int w = 0; w < 2; w++) {
      if (ways[w].ended) continue;
      BLOK_TRY(go_back(&self, &ways[w], found, error));
      if (*found) return BLOK_OK;
    }
  }
  if (!self.miss_weight && !addition->partial.channels) tell_none(&self);
  return BLOK_OK;
}
