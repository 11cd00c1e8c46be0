// The two operands of an addition, walked backwards to where they fork. See path.h.
#include "blocks/path.h"

#include <string.h>

#include "base/error.h"

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
                                uint32_t steps, uint32_t reads) {
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

static const char wrong_scale[] = "place of the scale";

// Convolution, norm, activation; each but the first may be missing. A squeeze-excite stands behind
// them, or before the activation.
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
    switch (unit->kind) {
      case BLOK_UNIT_SE:
        if (body->se) return wrong_se;
        body->se = unit;
        body->se_part = body->n - 1;
        break;
      case BLOK_UNIT_NORM:
        if (behind_se) return wrong_se;
        if (part->norm || part->act) return wrong_order;
        part->norm = unit;
        break;
      case BLOK_UNIT_ACT:
        if (part->act) return behind_se ? wrong_se : wrong_order;
        part->act = unit;
        body->se_before_act = body->se_before_act || behind_se;
        break;
      case BLOK_UNIT_CONV:
      case BLOK_UNIT_SCALE:
        return wrong_scale;
    }
  }
  return NULL;
}

// Norm, activation, convolution, squeeze-excite; each but the convolution may be missing.
static const char *read_pre(const blok_unit *const *units, uint32_t n, blok_body *body) {
  blok_stretch next = {NULL, NULL, NULL};
  for (uint32_t i = 0; i < n; i++) {
    const blok_unit *unit = units[i];
    switch (unit->kind) {
      case BLOK_UNIT_CONV:
        if (body->n == 3) return "convolutions in F(x)";
        next.conv = unit;
        body->part[body->n++] = next;
        next = (blok_stretch){NULL, NULL, NULL};
        break;
      case BLOK_UNIT_SE:
        if (body->se || next.norm || next.act || body->n == 0) return wrong_se;
        body->se = unit;
        body->se_part = body->n - 1;
        break;
      case BLOK_UNIT_NORM:
        if (next.norm || next.act) return wrong_order;
        next.norm = unit;
        break;
      case BLOK_UNIT_ACT:
        if (next.act) return wrong_order;
        next.act = unit;
        break;
      case BLOK_UNIT_SCALE:
        return wrong_scale;
    }
  }
  return next.norm || next.act ? wrong_order : NULL;
}

const char *blok_body_read(const blok_unit *const *units, uint32_t n, blok_body *body) {
  memset(body, 0, sizeof *body);
  if (n && units[n - 1]->kind == BLOK_UNIT_SCALE) body->scale = units[--n];
  if (n && units[0]->kind == BLOK_UNIT_CONV) {
    body->order = BLOK_ORDER_POST;
    return read_post(units, n, body);
  }
  body->order = BLOK_ORDER_PRE;
  return read_pre(units, n, body);
}

// ---- Kinds --------------------------------------------------------------------------------------

bool blok_conv_larger(const blok_conv_desc *conv) {
  return conv->kernel[0] > 1 || conv->kernel[1] > 1;
}

bool blok_conv_depthwise(const blok_conv_desc *conv) {
  return conv->groups > 1 && conv->groups == conv->in_channels;
}

bool blok_body_inverted(const blok_body *body) {
  if (body->n != 2 && body->n != 3) return false;
  const blok_conv_desc *first = body->part[0].conv->conv;
  const blok_conv_desc *wide = body->part[body->n - 2].conv->conv;
  const blok_conv_desc *last = body->part[body->n - 1].conv->conv;
  if (body->n == 3 && blok_conv_larger(first)) return false;
  if (blok_conv_larger(last) || !blok_conv_larger(wide)) return false;
  return blok_conv_depthwise(wide) || (wide->groups > 1 && wide->out_channels > last->out_channels);
}

const char *blok_body_inverted_lacks(const blok_body *body, const char **got, const char **want) {
  if (body->order != BLOK_ORDER_POST) {
    *got = "norm, act, conv";
    *want = "conv, norm, act in an inverted bottleneck";
    return wrong_order;
  }
  const blok_unit *last = body->part[body->n - 1].act;
  if (last) {
    *got = blok_activation_name(last->activation);
    *want = "none in an inverted bottleneck";
    return "activation behind the last convolution";
  }
  *got = "none";
  *want = "one in an inverted bottleneck";
  if (!body->part[body->n - 2].act) return "activation behind the kxk convolution";
  if (!body->part[0].act) return "activation behind the first convolution";
  return NULL;
}

// ---- What it comes to ---------------------------------------------------------------------------

void blok_body_describe(const blok_matcher *matcher, const blok_body *body,
                        blok_residual_desc *desc, blok_residual_weights *weights) {
  desc->convs = (int32_t)body->n;
  desc->order = body->order;
  for (uint32_t i = 0; i < body->n; i++) {
    const blok_stretch *part = &body->part[i];
    desc->conv[i] = blok_conv_described(part->conv, part->norm, part->act);
    weights->conv[i] = blok_conv_weighed(matcher, part->conv, part->norm, part->act);
  }
  desc->has_se = body->se != NULL;
  if (body->se) {
    const blok_block_record *se = matcher->records[body->se->record];
    desc->se = *se->se;
    memcpy(weights->se, se->weights, sizeof weights->se);
    desc->se_conv = (int32_t)body->se_part;
    desc->se_before_act = body->se_before_act;
  }
  if (!body->scale) return;
  desc->scale = body->scale->scale;
  if (desc->scale == BLOK_SCALE_NUMBER) desc->scale_number = body->scale->alpha;
  weights->scale = body->scale->factor;
}

void blok_body_members(const blok_body *body, blok_members *members) {
  for (uint32_t i = 0; i < body->n; i++) {
    const blok_stretch *part = &body->part[i];
    blok_members_add_unit(members, part->conv);
    if (part->norm) blok_members_add_unit(members, part->norm);
    if (part->act) blok_members_add_unit(members, part->act);
  }
  if (body->se) blok_members_add_unit(members, body->se);
  if (body->scale) blok_members_add_unit(members, body->scale);
}

blok_status blok_body_children(blok_matcher *matcher, const blok_body *body, uint32_t parent,
                               blok_error *error) {
  bool pre = body->order == BLOK_ORDER_PRE;
  // With a squeeze-excite between a norm and an activation, the two do not stand together.
  for (uint32_t i = 0; i < body->n; i++) {
    const blok_stretch *part = &body->part[i];
    bool apart = body->se_before_act && body->se_part == i;
    BLOK_TRY(blok_record_conv(matcher, (int32_t)parent, part->conv, part->norm,
                              apart ? NULL : part->act, pre, error));
  }
  if (body->se) blok_record_adopt(matcher, body->se->record, parent);
  return BLOK_OK;
}
