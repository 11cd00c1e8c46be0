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
  record->exit = after ? after->out : addition->out;
  bool failed;
  record->skip_of = blok_skip_text(matcher, skip, &failed);
  if (failed) return blok_fail_memory(error, 0);
  blok_skip_describe(skip, desc->projection_after_preact ? skip->entry : record->entry, desc,
                     weights);
  record->skip_entry = desc->skip_elsewhere ? skip->entry : BLOK_NO_VALUE;
  describe_after(after, desc, weights);
  desc->skip_channels = (int32_t)addition->partial.channels;
  record->residual = desc;
  record->residual_weights = weights;
  for (uint32_t i = 0; i < skip->n_nodes; i++) blok_members_add(members, skip->nodes[i]);
  blok_members_add(members, addition->add);
  for (uint32_t i = 0; i < addition->partial.n_nodes; i++) {
    blok_members_add(members, addition->partial.nodes[i]);
  }
  if (after) blok_members_add_unit(members, after);
  BLOK_TRY(blok_record_add(matcher, record, members, index, error));
  for (uint32_t i = 0; i < skip->n_convs; i++) {
    BLOK_TRY(blok_record_conv(matcher, (int32_t)*index, skip->convs[i].conv, skip->convs[i].norm,
                              NULL, false, error));
  }
  return BLOK_OK;
}

// ---- Additions to the first channels ------------------------------------------------------------

// The only slice along the channels that makes value: of *of, from begin to end.
static bool read_slice(const blok_matcher *matcher, blok_value_id value, blok_value_id *of,
                       int64_t *begin, int64_t *end, blok_node_id *node) {
  blok_skip_path path;
  blok_skip_begin(&path, value);
  if (!blok_skip_extend(matcher, &path) || path.n != 1 || path.step[0].op != BLOK_SKIP_SLICE ||
      path.step[0].axis != 1 || path.step[0].step != 1) {
    return false;
  }
  *of = path.entry;
  *begin = path.step[0].begin;
  *end = path.step[0].end;
  *node = path.nodes[0];
  return true;
}

static bool along_channels(const blok_node *node) {
  uint32_t axis;
  return blok_axis_normal(blok_node_int(node, "axis", 0), 4, &axis) && axis == 1;
}

// True where rest is what head leaves of *v: both are slices of it, or a Split's two outputs.
static bool share_out(const blok_matcher *matcher, blok_value_id head, blok_value_id rest,
                      blok_value_id *v, blok_partial *partial) {
  const blok_fact *facts = matcher->facts->of;
  blok_node_id nodes[2];
  blok_value_id of[2];
  int64_t begin[2], end[2];
  if (!blok_only_read(matcher, head, 1) || !blok_only_read(matcher, rest, 1)) return false;
  const blok_node_id id = blok_value_producer(matcher->graph, head);
  const blok_node *split = blok_node_at(matcher->graph, id);
  if (id.i && split->op == BLOK_OP_Split) {
    *v = blok_node_input(split, 0);
    if (split->n_outputs != 2 || !blok_same_value(split->outputs[0], head) ||
        !blok_same_value(split->outputs[1], rest) || !v->i || facts[v->i].rank != 4 ||
        !along_channels(split) || matcher->owner[id.i] >= 0) {
      return false;
    }
    partial->channels = facts[head.i].rank == 4 ? facts[head.i].dims[1].value : -1;
    partial->reads = 1;
    partial->nodes[partial->n_nodes++] = id;
    return true;
  }
  if (!read_slice(matcher, head, &of[0], &begin[0], &end[0], &nodes[0]) ||
      !read_slice(matcher, rest, &of[1], &begin[1], &end[1], &nodes[1]) ||
      !blok_same_value(of[0], of[1]) || begin[0] != 0 || begin[1] != end[0] ||
      end[1] < facts[of[0].i].dims[1].value) {
    return false;
  }
  *v = of[0];
  partial->channels = end[0];
  partial->reads = 2;
  for (int i = 0; i < 2; i++) partial->nodes[partial->n_nodes++] = nodes[i];
  return true;
}

// Fills addition where operand w of the Add is the first channels of a value.
static bool read_partial(blok_matcher *matcher, blok_node_id id, int w, blok_addition *addition) {
  const blok_node *add = blok_node_at(matcher->graph, id);
  const blok_use *use = blok_uses_of(&matcher->uses, add->outputs[0]);
  blok_value_id v;
  memset(addition, 0, sizeof *addition);
  blok_partial *partial = &addition->partial;
  if (!blok_only_read(matcher, add->outputs[0], 1) || !use->node.i) return false;
  const blok_node *join = blok_node_at(matcher->graph, use->node);
  if (join->op != BLOK_OP_Concat || join->n_inputs != 2 || !blok_node_output(join, 0).i ||
      !blok_same_value(join->inputs[0], add->outputs[0]) || !along_channels(join) ||
      matcher->owner[use->node.i] >= 0 || !join->inputs[1].i ||
      !share_out(matcher, add->inputs[w], join->inputs[1], &v, partial)) {
    return false;
  }
  const blok_dim whole = matcher->facts->of[v.i].dims[1];
  if (!blok_dim_known(whole) || partial->channels < 1 || partial->channels >= whole.value ||
      partial->channels > INT32_MAX) {
    return false;
  }
  partial->head = add->inputs[w];
  partial->nodes[partial->n_nodes++] = use->node;
  addition->matcher = matcher;
  addition->add = id;
  addition->operands[0] = v;
  addition->operands[1] = add->inputs[1 - w];
  addition->out = join->outputs[0];
  return true;
}

// ---- Additions ----------------------------------------------------------------------------------

// Offers the addition to the kinds. Of two near misses *miss is the one that says more.
static blok_status offer(blok_addition *addition, bool *found, blok_miss_text *miss,
                         blok_error *error) {
  blok_matcher *matcher = addition->matcher;
  blok_miss_text other;
  memset(miss, 0, sizeof *miss);
  memset(&other, 0, sizeof other);
  addition->after = blok_unit_reading(matcher, addition->out, BLOK_UNIT_ACT);
  if (addition->after && !blok_unit_free(matcher, addition->after)) addition->after = NULL;
  BLOK_TRY(blok_residual_try(addition, found, miss, error));
  if (!*found) BLOK_TRY(blok_residual_other_try(addition, found, &other, error));
  if (!miss->near || (other.decides && !miss->decides)) *miss = other;
  return BLOK_OK;
}

static blok_status match_addition(blok_matcher *matcher, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  blok_addition addition;
  blok_miss_text partly, miss;
  memset(&partly, 0, sizeof partly);
  bool found = false;
  if (read_partial(matcher, id, 0, &addition) || read_partial(matcher, id, 1, &addition)) {
    BLOK_TRY(offer(&addition, &found, &partly, error));
    if (found) return BLOK_OK;
  }
  addition = (blok_addition){.matcher = matcher,
                             .add = id,
                             .operands = {node->inputs[0], node->inputs[1]},
                             .out = node->outputs[0]};
  BLOK_TRY(offer(&addition, &found, &miss, error));
  if (partly.near) miss = partly;
  if (found || !miss.near) return BLOK_OK;
  return blok_miss_add(matcher, miss.kind, id, miss.condition, miss.got, miss.want, error);
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
