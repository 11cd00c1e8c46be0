// The two operands of an addition, walked backwards to where they fork. See path.h.
#include "blocks/path.h"

#include <string.h>

void blok_chain_walk(const blok_matcher *matcher, blok_value_id end, blok_chain *chain) {
  chain->n = 0;
  chain->values[0] = end;
  while (chain->n < BLOK_CHAIN_STEPS) {
    uint32_t i = chain->n;
    blok_value_id value = chain->values[i], next = BLOK_NO_VALUE;
    const blok_unit *unit = blok_unit_at(matcher, matcher->unit_of[value.i]);
    chain->units[i] = matcher->unit_of[value.i];
    chain->foreign[i] = BLOK_NO_NODE;
    if (unit) {
      next = unit->in;
    } else {
      chain->foreign[i] = blok_value_producer(matcher->graph, value);
      if (chain->foreign[i].i) {
        next = blok_node_input(blok_node_at(matcher->graph, chain->foreign[i]), 0);
      }
    }
    if (!next.i) return;
    chain->values[++chain->n] = next;
  }
}

bool blok_chain_fork(const blok_chain *f, const blok_chain *skip, uint32_t *f_steps,
                     uint32_t *skip_steps) {
  for (uint32_t i = 1; i <= f->n; i++) {
    for (uint32_t j = 0; j <= skip->n && j <= BLOK_SKIP_REACH; j++) {
      if (!blok_same_value(f->values[i], skip->values[j])) continue;
      *f_steps = i;
      *skip_steps = j;
      return true;
    }
  }
  return false;
}

blok_value_id blok_chain_shared(const blok_matcher *matcher, const blok_chain *chain,
                                uint32_t steps) {
  uint32_t reads = 1;
  for (uint32_t i = 0; i < steps; i++) {
    if (!blok_only_read(matcher, chain->values[i], reads)) return chain->values[i];
    const blok_unit *unit = blok_unit_at(matcher, chain->units[i]);
    reads = unit ? unit->in_reads : 1;
  }
  return BLOK_NO_VALUE;
}

// ---- F(x) ---------------------------------------------------------------------------------------

static const char wrong_order[] = "order of norm, activation and convolution";
static const char wrong_se[] = "place of squeeze_excite";

// Convolution, norm, activation, squeeze-excite; each but the first may be missing.
static const char *read_post(const blok_unit *const *units, uint32_t n, blok_body *body) {
  for (uint32_t i = 0; i < n; i++) {
    const blok_unit *unit = units[i];
    if (unit->kind == BLOK_UNIT_CONV) {
      if (body->n == 3) return "convolutions in F(x)";
      body->part[body->n++].conv = unit;
      continue;
    }
    blok_stretch *part = &body->part[body->n - 1];  // a convolution came first
    bool behind_se = body->se && body->se_part == body->n - 1;
    if (behind_se) return wrong_se;
    if (unit->kind == BLOK_UNIT_SE) {
      if (body->se) return wrong_se;
      body->se = unit;
      body->se_part = body->n - 1;
    } else if (unit->kind == BLOK_UNIT_NORM) {
      if (part->norm || part->act) return wrong_order;
      part->norm = unit;
    } else {
      if (part->act) return wrong_order;
      part->act = unit;
    }
  }
  return NULL;
}

// Norm, activation, convolution, squeeze-excite; each but the convolution may be missing.
static const char *read_pre(const blok_unit *const *units, uint32_t n, blok_body *body) {
  blok_stretch next = {NULL, NULL, NULL};
  for (uint32_t i = 0; i < n; i++) {
    const blok_unit *unit = units[i];
    if (unit->kind == BLOK_UNIT_CONV) {
      if (body->n == 3) return "convolutions in F(x)";
      next.conv = unit;
      body->part[body->n++] = next;
      next = (blok_stretch){NULL, NULL, NULL};
    } else if (unit->kind == BLOK_UNIT_SE) {
      if (body->se || next.norm || next.act || body->n == 0) return wrong_se;
      body->se = unit;
      body->se_part = body->n - 1;
    } else if (unit->kind == BLOK_UNIT_NORM) {
      if (next.norm || next.act) return wrong_order;
      next.norm = unit;
    } else {
      if (next.act) return wrong_order;
      next.act = unit;
    }
  }
  return next.norm || next.act ? wrong_order : NULL;
}

const char *blok_body_read(const blok_unit *const *units, uint32_t n, blok_body *body) {
  memset(body, 0, sizeof *body);
  if (n && units[0]->kind == BLOK_UNIT_CONV) {
    body->order = BLOK_ORDER_POST;
    return read_post(units, n, body);
  }
  body->order = BLOK_ORDER_PRE;
  return read_pre(units, n, body);
}
