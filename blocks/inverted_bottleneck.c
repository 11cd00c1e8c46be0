// inverted_bottleneck without an addition: [1x1, act] kxk, act, 1x1, where the kxk convolution is
// depthwise or grouped and wider than what comes out. Found at its last convolution, behind which
// nothing is activated. Those with an addition are found there (residual.c).
#include <string.h>

#include "base/error.h"
#include "blocks/path.h"

typedef struct attempt {
  blok_matcher *matcher;
  const blok_unit *last, *norm;  // the last convolution and its norm
  int32_t home;                  // the block that holds all nodes, -1: none
  blok_value_id entry, exit;
  blok_body body;
} attempt;

// True when the same block holds the unit, or none.
static bool at_home(const attempt *self, const blok_unit *unit) {
  if (unit->kind == BLOK_UNIT_SE) {
    return self->matcher->records[unit->record]->parent == self->home;
  }
  int32_t home;
  return blok_unit_home(self->matcher, unit, &home) && home == self->home;
}

static bool pointwise(const blok_conv_desc *conv) {
  for (int i = 0; i < 4; i++) {
    if (conv->pads[i] != 0) return false;
  }
  return !blok_conv_larger(conv);
}

// Reads the steps that lead to the last convolution, back to and with the first `convs` ones of
// them, as F's body. False when they are others, read elsewhere, or not at home.
static bool read_body(attempt *self, const blok_chain *chain, uint32_t convs) {
  const blok_matcher *matcher = self->matcher;
  const blok_unit *units[BLOK_CHAIN_STEPS + 2];
  uint32_t steps = 0, seen = 0, n = 0;
  while (seen < convs) {
    const blok_unit *unit = steps < chain->n ? blok_unit_at(matcher, chain->units[steps]) : NULL;
    if (!unit || !at_home(self, unit)) return false;
    if (unit->kind == BLOK_UNIT_CONV) seen++;
    steps++;
  }
  if (blok_chain_shared(matcher, chain, steps, 1).i) return false;
  for (uint32_t i = steps; i-- > 0;) units[n++] = blok_unit_at(matcher, chain->units[i]);
  units[n++] = self->last;
  if (self->norm) units[n++] = self->norm;
  self->entry = chain->values[steps];
  return !blok_body_read(units, n, &self->body) && blok_body_inverted(&self->body);
}

// The whole of three convolutions, where the first one widens.
static bool read_whole(attempt *self, const blok_chain *chain) {
  if (!read_body(self, chain, 2)) return false;
  const blok_conv_desc *first = self->body.part[0].conv->conv;
  return pointwise(first) && first->out_channels > first->in_channels;
}

static blok_status record(attempt *self, blok_error *error) {
  static const blok_residual_desc empty = BLOK_RESIDUAL_DESC_INIT;
  blok_matcher *matcher = self->matcher;
  blok_members members;
  blok_members_begin(matcher, &members);
  blok_body_members(&self->body, &members);
  blok_block_record made;
  memset(&made, 0, sizeof made);
  made.kind = BLOK_INVERTED_BOTTLENECK;
  made.parent = self->home;
  made.entry = self->entry;
  made.exit = self->exit;
  blok_residual_desc desc = empty;
  blok_residual_weights weights;
  memset(&weights, 0, sizeof weights);
  blok_body_describe(matcher, &self->body, &desc, &weights);
  desc.skip = BLOK_SKIP_NONE;
  made.residual = &desc;
  made.residual_weights = &weights;
  uint32_t index;
  BLOK_TRY(blok_record_add(matcher, &made, &members, &index, error));
  return blok_body_children(matcher, &self->body, index, error);
}

// ShuffleNet's 1x1, depthwise, 1x1 with an activation behind it looks like one.
static blok_status note_miss(attempt *self, const blok_chain *chain, const blok_unit *after,
                             blok_error *error) {
  if (!read_body(self, chain, 2) || !pointwise(self->body.part[0].conv->conv)) return BLOK_OK;
  return blok_miss_add(self->matcher, BLOK_INVERTED_BOTTLENECK, self->last->nodes[0],
                       "activation behind the last convolution",
                       blok_activation_name(after->activation), "none", error);
}

static blok_status match_at(blok_matcher *matcher, uint32_t index, blok_error *error) {
  attempt self;
  memset(&self, 0, sizeof self);
  self.matcher = matcher;
  self.last = blok_unit_at(matcher, index);
  if (!pointwise(self.last->conv) || !blok_unit_home(matcher, self.last, &self.home)) {
    return BLOK_OK;
  }
  self.norm = blok_unit_reading(matcher, self.last->out, BLOK_UNIT_NORM);
  if (self.norm && !at_home(&self, self.norm)) self.norm = NULL;
  self.exit = self.norm ? self.norm->out : self.last->out;
  blok_chain chain;
  blok_chain_walk(matcher, self.last->in, &chain);
  const blok_unit *after = blok_unit_reading(matcher, self.exit, BLOK_UNIT_ACT);
  if (after) return note_miss(&self, &chain, after, error);
  const char *got, *want;
  bool found = read_whole(&self, &chain) && !blok_body_inverted_lacks(&self.body, &got, &want);
  if (!found) {
    found = read_body(&self, &chain, 1) && !blok_body_inverted_lacks(&self.body, &got, &want);
  }
  return found ? record(&self, error) : BLOK_OK;
}

blok_status blok_match_inverted_bottleneck(blok_matcher *matcher, blok_error *error) {
  // Units that are found meanwhile are none of convolutions.
  for (uint32_t i = 1; i < matcher->n_units; i++) {
    if (blok_unit_at(matcher, i)->kind != BLOK_UNIT_CONV) continue;
    BLOK_TRY(match_at(matcher, i, error));
  }
  return BLOK_OK;
}
