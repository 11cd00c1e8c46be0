// The axis of a value's channels. See channels.h.
#include "blocks/channels.h"

#define MOST_VALUES  24  // looked at in one search
#define MOST_READERS 8   // of each

// A value on the way, and which axis of x each of its axes is.
typedef struct seen {
  blok_value_id value;
  uint32_t axis[BLOK_MAX_RANK];
} seen;

typedef struct search {
  const blok_matcher *matcher;
  uint32_t rank, end;  // of x; the place to stop before
  uint32_t n;
  seen values[MOST_VALUES];
} search;

static void look_behind(search *self, const seen *from, blok_value_id value) {
  if (self->n == MOST_VALUES || !value.i) return;
  if (self->matcher->facts->of[value.i].rank != (int32_t)self->rank) return;
  self->values[self->n] = *from;
  self->values[self->n++].value = value;
}

static void look_behind_transpose(search *self, const seen *from, const blok_node *node) {
  uint32_t n;
  const int64_t *perm = blok_node_ints(node, "perm", &n);
  seen turned = *from;
  if (perm && n != self->rank) return;
  for (uint32_t i = 0; i < self->rank; i++) {
    uint32_t of = self->rank - 1 - i;
    if (perm && !blok_axis_normal(perm[i], self->rank, &of)) return;
    turned.axis[i] = from->axis[of];
  }
  look_behind(self, &turned, blok_node_output(node, 0));
}

// The only axis that a mean is taken over, where what it is the mean of is a sequence or a picture:
// one place at a time, over its channels. -1 otherwise.
static int32_t reduced_axis(const search *self, const blok_node *node) {
  const blok_value_id axes = blok_node_input(node, 1);
  const blok_fact *fact = &self->matcher->facts->of[axes.i];
  uint32_t axis;
  if (!axes.i || !fact->elements || fact->n_elements != 1 || !fact->elements[0].known ||
      !blok_axis_normal(fact->elements[0].value, self->rank, &axis) || axis == 0) {
    return -1;
  }
  return (int32_t)axis;
}

// The axis of its input that the node takes for the channels; -1: it says nothing.
static int32_t channels_of_reader(const search *self, const blok_node *node) {
  const int32_t last = (int32_t)self->rank - 1;
  uint32_t axis;
// Most operators say nothing here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  switch (node->op) {
    case BLOK_OP_Conv:
    case BLOK_OP_ConvTranspose:
    case BLOK_OP_BatchNormalization:
    case BLOK_OP_InstanceNormalization:
    case BLOK_OP_GroupNormalization:
    case BLOK_OP_GlobalAveragePool:
    case BLOK_OP_GlobalMaxPool:
    case BLOK_OP_AveragePool:
    case BLOK_OP_MaxPool:
      return 1;
    case BLOK_OP_LayerNormalization:
    case BLOK_OP_RMSNormalization:
      return blok_axis_normal(blok_node_int(node, "axis", -1), self->rank, &axis) &&
                     (int32_t)axis == last
                 ? last
                 : -1;
    case BLOK_OP_MatMul: {
      const blok_value_id weight = blok_node_input(node, 1);
      return weight.i && blok_value_at(self->matcher->graph, weight)->literal ? last : -1;
    }
    case BLOK_OP_Gemm:
      return last;
    case BLOK_OP_ReduceMean:
      return reduced_axis(self, node);
    default:
      return -1;
  }
#pragma GCC diagnostic pop
}

// Steps that leave every axis where it is.
static bool keeps_axes(const blok_matcher *matcher, blok_node_id id) {
  const blok_node *node = blok_node_at(matcher->graph, id);
// Most operators say nothing here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
  switch (node->op) {
    case BLOK_OP_Add:
    case BLOK_OP_Sub:
    case BLOK_OP_Mul:
    case BLOK_OP_Div:
    case BLOK_OP_Pow:
    case BLOK_OP_Sqrt:
    case BLOK_OP_Cast:
    case BLOK_OP_Pad:
    case BLOK_OP_Slice:
    case BLOK_OP_Split:
    case BLOK_OP_Concat:
      return true;
    default:
      return (matcher->traits[id.i] & BLOK_TRAIT_ACTIVATION) != 0;
  }
#pragma GCC diagnostic pop
}

// What the readers of one value say: an axis of x, or -1.
static int32_t ask_readers(search *self, const seen *at) {
  const blok_matcher *matcher = self->matcher;
  const blok_use *uses = blok_uses_of(&matcher->uses, at->value);
  const uint32_t n = blok_uses_count(&matcher->uses, at->value);
  for (uint32_t i = 0; i < n && i < MOST_READERS; i++) {
    const blok_node_id id = uses[i].node;
    if (!id.i || matcher->place[id.i] >= self->end) continue;
    const blok_node *node = blok_node_at(matcher->graph, id);
    const bool first = blok_same_value(blok_node_input(node, 0), at->value);
    const int32_t axis = first ? channels_of_reader(self, node) : -1;
    if (axis >= 0) return (int32_t)at->axis[axis];
    if (node->op == BLOK_OP_Transpose) {
      look_behind_transpose(self, at, node);
    } else if (keeps_axes(matcher, id)) {
      for (uint32_t o = 0; o < node->n_outputs; o++) look_behind(self, at, node->outputs[o]);
    }
  }
  return -1;
}

bool blok_channels_last(const blok_matcher *matcher, blok_value_id x, blok_node_id end) {
  const int32_t rank = matcher->facts->of[x.i].rank;
  search self;
  if (rank < 2 || rank > BLOK_MAX_RANK) return false;
  self.matcher = matcher;
  self.rank = (uint32_t)rank;
  self.end = matcher->place[end.i];
  self.n = 1;
  self.values[0].value = x;
  for (uint32_t i = 0; i < self.rank; i++) self.values[0].axis[i] = i;
  for (uint32_t i = 0; i < self.n; i++) {
    const seen at = self.values[i];
    const int32_t axis = ask_readers(&self, &at);
    if (axis == 1 || axis == rank - 1) return axis == rank - 1;
  }
  return rank <= 3;
}
