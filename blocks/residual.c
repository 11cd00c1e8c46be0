// residual, bottleneck and inverted_bottleneck: F(x) + skip(x), found at the addition.
//
// Both operands are walked backwards to where they fork. One way must be a skip path (skip.h); the
// other is F, whose units between the fork and the addition tell kind and order. Each condition
// that fails is a near miss, but only where a fork was found: most additions are something else.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "blocks/addition.h"
#include "blocks/path.h"
#include "blocks/sizes.h"

typedef struct attempt {
  const blok_addition *addition;
  blok_matcher *matcher;
  blok_chain f, skip;
  uint32_t f_steps, skip_steps;
  const blok_unit *units[BLOK_CHAIN_STEPS];  // of F in execution order, f_steps of them
  uint32_t convs;                            // of F
  blok_body body;
  blok_skip_path path;
  bool right_skip;  // the path leads to where F begins
  blok_block_kind kind;
  blok_value_id entry;
  // The first condition that failed; condition NULL: all hold.
  const char *condition;
  char got[512];
  const char *want;
  bool decides;  // the condition holds for every kind with an addition
} attempt;

// A condition of these kinds alone.
static bool fail(attempt *self, const char *condition, const char *want, const char *got) {
  self->condition = condition;
  self->want = want;
  snprintf(self->got, sizeof self->got, "%s", got);
  return false;
}

// A condition of every kind with an addition.
static bool fail_all(attempt *self, const char *condition, const char *want, const char *got) {
  self->decides = true;
  return fail(self, condition, want, got);
}

// ---- Conditions ---------------------------------------------------------------------------------

// Every step of F is a unit.
static bool known_steps(attempt *self) {
  for (uint32_t i = 0; i < self->f_steps; i++) {
    const blok_unit *unit = blok_unit_at(self->matcher, self->f.units[i]);
    self->units[self->f_steps - 1 - i] = unit;
    if (unit) continue;
    const blok_node *node = blok_node_at(self->matcher->graph, self->f.foreign[i]);
    static const char want[] = "conv, norm, activation and squeeze_excite of constant weights";
    if (blok_node_int(node, "training_mode", 0) != 0) {
      return fail_all(self, "operators of F(x)", want, "BatchNormalization in training mode");
    }
    return fail(self, "operators of F(x)", want, blok_quote(node->op_type).text);
  }
  return true;
}

// Takes the skip path to where F begins, or to behind a pool that others read too and that reads
// that value.
static bool walk_skip(attempt *self) {
  blok_value_id from = self->f.values[self->f_steps], pooled;
  blok_skip_begin(&self->path, self->skip.values[0]);
  while (!blok_same_value(self->path.entry, from)) {
    if (blok_skip_extend(self->matcher, &self->path)) continue;
    return blok_skip_elsewhere(self->matcher, &self->path, &pooled) &&
           blok_same_value(pooled, from);
  }
  return true;
}

static bool not_private(attempt *self, blok_value_id shared) {
  return fail_all(self, "use of inner values", "read inside the block only",
                  blok_shared_say(self->matcher, shared).text);
}

static bool find_skip(attempt *self) {
  const blok_matcher *matcher = self->matcher;
  if (self->right_skip) return true;
  if (self->path.stop == BLOK_SKIP_SHARED) return not_private(self, self->path.entry);
  if (self->path.stop == BLOK_SKIP_HELD) {
    return fail(self, "nodes of the skip path", "held by no other block", "held by another block");
  }
  char got[256] = "";
  for (uint32_t i = self->skip_steps; i-- > 0;) {
    const blok_unit *step = blok_unit_at(matcher, self->skip.units[i]);
    blok_node_id id =
        step && step->n_nodes ? step->nodes[step->n_nodes - 1] : self->skip.foreign[i];
    const char *op = id.i ? blok_node_at(matcher->graph, id)->op_type : "squeeze_excite";
    size_t used = strlen(got);
    snprintf(got + used, sizeof got - used, "%s%s", used ? ", " : "", blok_quote(op).text);
  }
  return fail(self, "skip path",
              "x itself, or x through norms, scales, pools, padding, slices and one 1x1 conv", got);
}

static bool enough_convs(attempt *self) {
  self->convs = 0;
  for (uint32_t i = 0; i < self->f_steps; i++) {
    if (self->units[i]->kind == BLOK_UNIT_CONV) self->convs++;
  }
  if (self->convs == 2 || self->convs == 3) return true;
  char got[32];
  snprintf(got, sizeof got, "%u", self->convs);
  return fail(self, "convolutions in F(x)", "2 (residual) or 3 (bottleneck)", got);
}

static bool read_order(attempt *self) {
  const char *wrong = blok_body_read(self->units, self->f_steps, &self->body);
  if (!wrong) return true;
  static const char *const words[] = {[BLOK_UNIT_CONV] = "conv",
                                      [BLOK_UNIT_NORM] = "norm",
                                      [BLOK_UNIT_ACT] = "act",
                                      [BLOK_UNIT_SE] = "squeeze_excite",
                                      [BLOK_UNIT_SCALE] = "scale"};
  char got[256] = "";
  for (uint32_t i = 0; i < self->f_steps; i++) {
    size_t used = strlen(got);
    snprintf(got + used, sizeof got - used, "%s%s", used ? ", " : "", words[self->units[i]->kind]);
  }
  return fail(
      self, wrong,
      "conv, norm, act throughout, or norm, act, conv throughout, squeeze_excite behind one", got);
}

static bool right_kernels(attempt *self) {
  const blok_conv_desc *conv[3] = {NULL, NULL, NULL};
  char got[128] = "";
  for (uint32_t i = 0; i < self->convs; i++) {
    conv[i] = self->body.part[i].conv->conv;
    size_t used = strlen(got);
    snprintf(got + used, sizeof got - used, "%s%dx%d", used ? ", " : "", conv[i]->kernel[0],
             conv[i]->kernel[1]);
  }
  if (self->convs == 2) {
    return blok_conv_larger(conv[0]) || blok_conv_larger(conv[1]) ||
           fail(self, "kernels of F(x)", "one larger than 1x1", got);
  }
  bool right =
      !blok_conv_larger(conv[0]) && blok_conv_larger(conv[1]) && !blok_conv_larger(conv[2]);
  return right || fail(self, "kernels of F(x)", "1x1, kxk, 1x1", got);
}

// What is an inverted bottleneck by its kernels must be one in all else; of the other kinds none
// has a depthwise convolution.
static bool right_kind(attempt *self) {
  const blok_stretch *part = self->body.part;
  self->kind = self->convs == 3 ? BLOK_BOTTLENECK : BLOK_RESIDUAL;
  if (blok_body_inverted(&self->body)) {
    self->kind = BLOK_INVERTED_BOTTLENECK;
    const char *got, *want, *lacks = blok_body_inverted_lacks(&self->body, &got, &want);
    return !lacks || fail(self, lacks, want, got);
  }
  if (!right_kernels(self)) return false;
  for (uint32_t i = 0; i < self->convs; i++) {
    if (!blok_conv_depthwise(part[i].conv->conv)) continue;
    return fail(self, "groups of F(x)'s convolutions",
                "no depthwise convolution, but in an inverted bottleneck",
                "a depthwise convolution");
  }
  return true;
}

// What is linear on both ways is a sum of branches, not a correction of x.
static bool corrects(attempt *self) {
  if (!blok_skip_has_conv(&self->path) || self->body.se) return true;
  for (uint32_t i = 0; i < self->convs; i++) {
    if (self->body.part[i].act) return true;
  }
  return fail(self, "sum of branches: no activation inside F(x)",
              "an activation or gate in F(x), where a convolution is on the skip path",
              "two branches of x, neither activated");
}

static bool private_values(attempt *self) {
  blok_value_id shared = blok_chain_shared(self->matcher, &self->f, self->f_steps,
                                           blok_addition_reads(self->addition));
  return !shared.i || not_private(self, shared);
}

// ---- Shapes -------------------------------------------------------------------------------------

// How both operands' sizes of this axis (0: height) come from that of x.
static void read_sizes(const attempt *self, int axis, blok_size *f, blok_size *skip) {
  static const blok_size same = BLOK_SIZE_INIT;
  *f = *skip = same;
  for (uint32_t i = 0; i < self->convs; i++) {
    blok_size_conv(self->body.part[i].conv->conv, axis, f);
  }
  if (self->path.elsewhere) blok_size_step(&self->path.shared, axis, skip);
  for (uint32_t i = 0; i < self->path.n; i++) blok_size_step(&self->path.step[i], axis, skip);
}

// Channels that come out of the skip path.
static int64_t skip_channels(const attempt *self) {
  int64_t channels = self->body.part[0].conv->conv->in_channels;
  for (uint32_t i = 0; i < self->path.n; i++) {
    const blok_skip_step *step = &self->path.step[i];
    if (step->op == BLOK_SKIP_CONV) channels = step->conv.out_channels;
    if (step->op == BLOK_SKIP_PAD && step->axis == 1) channels += step->begin + step->end;
    if (step->op == BLOK_SKIP_SLICE && step->axis == 1) {
      int64_t end = step->end < channels ? step->end : channels;
      channels = end > step->begin ? (end - step->begin + step->step - 1) / step->step : 0;
    }
  }
  return channels;
}

static bool same_shapes(attempt *self) {
  const blok_addition *addition = self->addition;
  const blok_facts *facts = self->matcher->facts;
  const blok_fact *f = &facts->of[blok_addition_summed(addition, self->f.values[0]).i];
  const blok_fact *skip = &facts->of[self->path.end.i];
  int64_t channels = self->body.part[self->convs - 1].conv->conv->out_channels;
  if (addition->partial.channels) channels = addition->partial.channels;
  bool same = channels == skip_channels(self);
  if (f->rank == 4 && f->dims[1].value >= 0) same = same && f->dims[1].value == channels;
  for (int axis = 0; axis < 2 && same; axis++) {
    blok_dim unknown = blok_dim_unknown();
    blok_dim a = f->rank == 4 ? f->dims[2 + axis] : unknown;
    blok_dim b = skip->rank == 4 ? skip->dims[2 + axis] : unknown;
    blok_size of_f, of_skip;
    read_sizes(self, axis, &of_f, &of_skip);
    same = blok_sizes_agree(a, b, &of_f, &of_skip);
  }
  if (same) return true;
  char got[512];
  snprintf(got, sizeof got, "%s and %s", blok_print_fact(f).text, blok_print_fact(skip).text);
  return fail_all(self, "shapes of F(x) and skip(x)", "equal", got);
}

// ---- Pre-activation with the skip behind it -----------------------------------------------------

// ResNet v2 begins a stage by p = act(norm(x)), and both F and the projection read p. That looks
// like a post-activation block of p, but for: nothing stands behind the addition, p is made for the
// block alone by a norm, the last convolution has no norm of its own, and the norm of p is none
// that a convolution before it owns, unless F's other convolutions show that norms come first.
static void find_shared_preact(attempt *self) {
  const blok_matcher *matcher = self->matcher;
  blok_body *body = &self->body;
  blok_value_id p = self->f.values[self->f_steps];
  bool post = self->kind != BLOK_INVERTED_BOTTLENECK && body->order == BLOK_ORDER_POST;
  if (!blok_skip_has_conv(&self->path) || !post || self->addition->after) return;
  const blok_unit *act = blok_unit_making(matcher, p, BLOK_UNIT_ACT);
  if (!act || !blok_only_read(matcher, p, 2)) return;
  const blok_unit *norm = blok_unit_making(matcher, act->in, BLOK_UNIT_NORM);
  if (!norm || !blok_only_read(matcher, act->in, act->in_reads)) return;
  if (self->path.convs[0].norm || body->part[body->n - 1].norm) return;
  bool norms = false;
  for (uint32_t i = 0; i + 1 < body->n; i++) norms = norms || body->part[i].norm;
  bool owned =
      blok_unit_making(matcher, norm->in, BLOK_UNIT_CONV) && blok_only_read(matcher, norm->in, 1);
  if ((owned && !norms) || !blok_unit_free(matcher, norm) || !blok_unit_free(matcher, act)) return;
  const blok_unit *units[BLOK_CHAIN_STEPS + 2] = {norm, act};
  blok_body pre;
  memcpy(units + 2, self->units, self->f_steps * sizeof *units);
  if (blok_body_read(units, self->f_steps + 2, &pre)) return;
  *body = pre;
  self->entry = norm->in;
}

// ---- One way round ------------------------------------------------------------------------------

static bool unclaimed(attempt *self) {
  for (uint32_t i = 0; i < self->f_steps; i++) {
    if (blok_unit_free(self->matcher, self->units[i])) continue;
    return fail(self, "nodes of F(x)", "held by no other block", "held by another block");
  }
  return true;
}

// True where a refusal is worth telling: F holds a convolution, and of F and the skip path at most
// one holds what no block of this kind has.
static bool comes_near(const attempt *self) {
  const blok_graph *graph = self->matcher->graph;
  bool conv = false, foreign_f = false;
  for (uint32_t i = 0; i < self->f_steps; i++) {
    const blok_unit *unit = blok_unit_at(self->matcher, self->f.units[i]);
    if (!unit) foreign_f = true;
    conv = conv || (unit ? unit->kind == BLOK_UNIT_CONV
                         : blok_node_at(graph, self->f.foreign[i])->op == BLOK_OP_Conv);
  }
  bool foreign_skip = false;
  for (uint32_t i = 0; !self->right_skip && i < self->skip_steps; i++) {
    if (!self->skip.units[i]) foreign_skip = true;
  }
  return conv && !(foreign_f && foreign_skip);
}

static bool try_operands(attempt *self) {
  if (!blok_chain_fork(&self->f, &self->skip, &self->f_steps, &self->skip_steps)) return false;
  self->right_skip = walk_skip(self);
  if (!comes_near(self)) return false;
  self->entry = self->f.values[self->f_steps];
  if (!known_steps(self) || !find_skip(self) || !enough_convs(self) || !read_order(self) ||
      !right_kind(self) || !private_values(self) || !same_shapes(self) || !corrects(self) ||
      !unclaimed(self)) {
    return false;
  }
  find_shared_preact(self);
  return true;
}

// ---- The record ---------------------------------------------------------------------------------

static void describe(const attempt *self, blok_residual_desc *desc,
                     blok_residual_weights *weights) {
  static const blok_residual_desc empty = BLOK_RESIDUAL_DESC_INIT;
  *desc = empty;
  memset(weights, 0, sizeof *weights);
  blok_body_describe(self->matcher, &self->body, desc, weights);
  desc->projection_after_preact = !blok_same_value(self->entry, self->f.values[self->f_steps]);
}

static blok_status record(const attempt *self, blok_error *error) {
  blok_matcher *matcher = self->matcher;
  blok_members members;
  blok_members_begin(matcher, &members);
  blok_body_members(&self->body, &members);
  blok_block_record made;
  memset(&made, 0, sizeof made);
  made.kind = self->kind;
  made.entry = self->entry;
  blok_residual_desc desc;
  blok_residual_weights weights;
  describe(self, &desc, &weights);
  uint32_t index;
  BLOK_TRY(blok_addition_record(self->addition, &self->path, &made, &desc, &weights, &members,
                                &index, error));
  return blok_body_children(matcher, &self->body, index, error);
}

blok_status blok_residual_try(blok_addition *addition, bool *found, blok_miss_text *miss,
                              blok_error *error) {
  blok_matcher *matcher = addition->matcher;
  attempt ways[2];
  *found = false;
  if (blok_same_value(addition->operands[0], addition->operands[1])) return BLOK_OK;
  // F is known where the addition is of its first channels.
  const int n_ways = addition->partial.channels ? 1 : 2;
  for (int w = 0; w < 2; w++) {
    memset(&ways[w], 0, sizeof ways[w]);
    ways[w].addition = addition;
    ways[w].matcher = matcher;
  }
  blok_chain_walk(matcher, addition->operands[0], &ways[0].f);
  blok_chain_walk(matcher, addition->operands[1], &ways[0].skip);
  ways[1].f = ways[0].skip;
  ways[1].skip = ways[0].f;
  const attempt *nearest = NULL;
  for (int w = 0; w < n_ways; w++) {
    if (try_operands(&ways[w])) {
      *found = true;
      return record(&ways[w], error);
    }
    if (!ways[w].condition) continue;
    if (!nearest || ways[w].f_steps > nearest->f_steps) nearest = &ways[w];
  }
  if (!nearest) return BLOK_OK;
  blok_block_kind kind = nearest->kind         ? nearest->kind
                         : nearest->convs == 3 ? BLOK_BOTTLENECK
                                               : BLOK_RESIDUAL;
  blok_miss_write(miss, kind, nearest->condition, nearest->want, "%s", nearest->got);
  miss->decides = nearest->decides;
  return BLOK_OK;
}
