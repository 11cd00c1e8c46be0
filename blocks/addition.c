// The sweep over additions, and the record that all kinds with one share. See addition.h.
#include "blocks/addition.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "blocks/path.h"

void blok_miss_write(blok_miss_text *miss, blok_block_kind kind, const char *condition,
                     const char *want, const char *got, ...) {
  miss->near = true;
  miss->kind = kind;
  miss->condition = condition;
  miss->want = want;
  va_list arguments;
  va_start(arguments, got);
  vsnprintf(miss->got, sizeof miss->got, got, arguments);
  va_end(arguments);
}

// ---- The record ---------------------------------------------------------------------------------

static void describe_after(const blok_unit *after, blok_residual_desc *desc,
                           blok_residual_weights *weights) {
  if (!after) return;
  desc->after_add = after->activation;
  desc->after_alpha = after->alpha;
  desc->after_beta = after->beta;
  weights->after_slope = after->slope;
}

blok_status blok_addition_record(const blok_addition *addition, const blok_skip_path *skip,
                                 blok_block_record *record, blok_residual_desc *desc,
                                 blok_residual_weights *weights, blok_members *members,
                                 uint32_t *index, blok_error *error) {
  blok_matcher *matcher = addition->matcher;
  const blok_unit *after = addition->after;
  record->parent = -1;
  record->exit = after ? after->out : blok_node_at(matcher->graph, addition->add)->outputs[0];
  bool failed;
  record->skip_of = blok_skip_text(matcher, skip, &failed);
  if (failed) return blok_fail_memory(error, 0);
  blok_skip_describe(skip, desc->projection_after_preact ? skip->entry : record->entry, desc,
                     weights);
  record->skip_entry = desc->skip_elsewhere ? skip->entry : BLOK_NO_VALUE;
  describe_after(after, desc, weights);
  record->residual = desc;
  record->residual_weights = weights;
  for (uint32_t i = 0; i < skip->n_nodes; i++) blok_members_add(members, skip->nodes[i]);
  blok_members_add(members, addition->add);
  if (after) blok_members_add_unit(members, after);
  BLOK_TRY(blok_record_add(matcher, record, members, index, error));
  for (uint32_t i = 0; i < skip->n_convs; i++) {
    BLOK_TRY(blok_record_conv(matcher, (int32_t)*index, skip->convs[i].conv, skip->convs[i].norm,
                              NULL, false, error));
  }
  return BLOK_OK;
}

// ---- Additions ----------------------------------------------------------------------------------

static blok_status match_addition(blok_matcher *matcher, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  blok_addition addition = {matcher, id, {node->inputs[0], node->inputs[1]}, NULL};
  addition.after = blok_unit_reading(matcher, node->outputs[0], BLOK_UNIT_ACT);
  if (addition.after && !blok_unit_free(matcher, addition.after)) addition.after = NULL;
  blok_miss_text strict, other;
  memset(&strict, 0, sizeof strict);
  memset(&other, 0, sizeof other);
  bool found = false;
  BLOK_TRY(blok_residual_try(&addition, &found, &strict, error));
  if (!found) BLOK_TRY(blok_residual_other_try(&addition, &found, &other, error));
  const blok_miss_text *miss = &strict;
  if (!strict.near || (other.decides && !strict.decides)) miss = &other;
  if (found || !miss->near) return BLOK_OK;
  return blok_miss_add(matcher, miss->kind, id, miss->condition, miss->got, miss->want, error);
}

// ---- Joins that look like additions -------------------------------------------------------------

// True when value is what the other operands of the join are: the only one, or a join of them all
// in the same order (a dense block writes its growing list anew each time).
static bool is_rest(const blok_matcher *matcher, const blok_node *join, uint32_t f,
                    blok_value_id value) {
  uint32_t first = f == 0 ? 1 : 0, rest = join->n_inputs - 1;
  if (rest == 1) return blok_same_value(join->inputs[first], value);
  blok_node_id id = blok_value_producer(matcher->graph, value);
  const blok_node *before = blok_node_at(matcher->graph, id);
  if (!id.i || before->op != BLOK_OP_Concat || before->n_inputs != rest) return false;
  for (uint32_t i = 0; i < rest; i++) {
    if (!blok_same_value(before->inputs[i], join->inputs[first + i])) return false;
  }
  return true;
}

// True when operand f of the join is computed by convolutions from what the others are.
static bool joins_own_input(const blok_matcher *matcher, const blok_node *join, uint32_t f) {
  blok_chain chain;
  blok_chain_walk(matcher, join->inputs[f], &chain);
  bool conv = false;
  for (uint32_t i = 0; i < chain.n; i++) {
    const blok_unit *unit = blok_unit_at(matcher, chain.units[i]);
    if (!unit) return false;
    conv = conv || unit->kind == BLOK_UNIT_CONV;
    blok_value_id from = chain.values[i + 1];
    const blok_unit *next = i + 1 < chain.n ? blok_unit_at(matcher, chain.units[i + 1]) : NULL;
    bool candidate = join->n_inputs == 2 || !next;
    if (conv && candidate && is_rest(matcher, join, f, from)) return true;
  }
  return false;
}

// Concat of x and F(x), as in DenseNet, is told as what a residual block is not.
static blok_status look_at_join(blok_matcher *matcher, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  uint32_t last = node->n_inputs - 1;
  for (uint32_t i = 0; i <= last; i++) {
    if (!node->inputs[i].i) return BLOK_OK;
  }
  if (!joins_own_input(matcher, node, last) && !joins_own_input(matcher, node, 0)) return BLOK_OK;
  return blok_miss_add(matcher, BLOK_RESIDUAL, id, "join of F(x) and x", "Concat", "Add", error);
}

// ---- The sweep ----------------------------------------------------------------------------------

blok_status blok_match_addition(blok_matcher *matcher, blok_error *error) {
  const blok_graph *graph = matcher->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id id = graph->order[i];
    const blok_node *node = blok_node_at(graph, id);
    if (matcher->owner[id.i] >= 0 || !blok_node_output(node, 0).i) continue;
    if (node->op == BLOK_OP_Concat && node->n_inputs >= 2) {
      BLOK_TRY(look_at_join(matcher, id, error));
    }
    if ((node->op != BLOK_OP_Add && node->op != BLOK_OP_Sum) || node->n_inputs != 2) continue;
    if (!node->inputs[0].i || !node->inputs[1].i) continue;
    BLOK_TRY(match_addition(matcher, id, error));
  }
  return BLOK_OK;
}
