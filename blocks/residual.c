// residual and bottleneck: F(x) + skip(x), found at the addition.
//
// Both operands are walked backwards. The one that is x itself, or x behind a projection, is the
// skip; the other is F, whose units between the fork and the addition tell kind and order. Each
// condition that fails is a near miss, but only where the fork was found: most additions are
// something else.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "blocks/path.h"

typedef struct attempt {
  blok_matcher *matcher;
  blok_node_id add;
  blok_chain f, skip;
  uint32_t f_steps, skip_steps;
  const blok_unit *units[BLOK_CHAIN_STEPS];  // of F in execution order, f_steps of them
  uint32_t convs;                            // of F
  blok_body body;
  const blok_unit *projection, *projection_norm;
  bool after_preact;  // the fork stands behind the first norm and activation
  blok_value_id entry;
  const blok_unit *after;  // activation behind the addition
  // The first condition that failed; condition NULL: all hold.
  const char *condition;
  char got[512];
  const char *want;
} attempt;

static bool fail(attempt *self, const char *condition, const char *want, const char *got) {
  self->condition = condition;
  self->want = want;
  snprintf(self->got, sizeof self->got, "%s", got);
  return false;
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
      return fail(self, "operators of F(x)", want, "BatchNormalization in training mode");
    }
    return fail(self, "operators of F(x)", want, blok_quote(node->op_type).text);
  }
  return true;
}

static bool is_projection(const blok_conv_desc *conv) {
  for (int i = 0; i < 4; i++) {
    if (conv->pads[i] != 0) return false;
  }
  return conv->kernel[0] == 1 && conv->kernel[1] == 1 && conv->groups == 1;
}

// The skip path is empty, or a 1x1 convolution with an optional norm.
static bool find_skip(attempt *self) {
  const blok_matcher *matcher = self->matcher;
  const blok_chain *skip = &self->skip;
  uint32_t n = self->skip_steps, at = 0;
  if (n == 0) return true;
  const blok_unit *unit = blok_unit_at(matcher, skip->units[0]);
  if (unit && unit->kind == BLOK_UNIT_NORM) {
    self->projection_norm = unit;
    at = 1;
  }
  unit = at < n ? blok_unit_at(matcher, skip->units[at]) : NULL;
  if (at + 1 == n && unit && unit->kind == BLOK_UNIT_CONV && is_projection(unit->conv)) {
    self->projection = unit;
    return true;
  }
  char got[256] = "";
  for (uint32_t i = n; i-- > 0;) {
    const blok_unit *step = blok_unit_at(matcher, skip->units[i]);
    blok_node_id id = step && step->n_nodes ? step->nodes[step->n_nodes - 1] : skip->foreign[i];
    const char *op = id.i ? blok_node_at(matcher->graph, id)->op_type : "squeeze_excite";
    size_t used = strlen(got);
    snprintf(got + used, sizeof got - used, "%s%s", used ? ", " : "", blok_quote(op).text);
  }
  return fail(self, "skip path", "x itself, or a 1x1 convolution with an optional norm", got);
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
                                      [BLOK_UNIT_SE] = "squeeze_excite"};
  char got[256] = "";
  for (uint32_t i = 0; i < self->f_steps; i++) {
    size_t used = strlen(got);
    snprintf(got + used, sizeof got - used, "%s%s", used ? ", " : "", words[self->units[i]->kind]);
  }
  return fail(
      self, wrong,
      "conv, norm, act throughout, or norm, act, conv throughout, squeeze_excite behind one", got);
}

static bool larger_kernel(const blok_conv_desc *conv) {
  return conv->kernel[0] > 1 || conv->kernel[1] > 1;
}

static bool depthwise(const blok_conv_desc *conv) {
  return conv->groups > 1 && conv->groups == conv->in_channels;
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
    return larger_kernel(conv[0]) || larger_kernel(conv[1]) ||
           fail(self, "kernels of F(x)", "one larger than 1x1", got);
  }
  bool right = !larger_kernel(conv[0]) && larger_kernel(conv[1]) && !larger_kernel(conv[2]);
  return right || fail(self, "kernels of F(x)", "1x1, kxk, 1x1", got);
}

// What is depthwise, or grouped and wider than what comes out, is an inverted bottleneck.
static bool right_groups(attempt *self) {
  const blok_stretch *part = self->body.part;
  for (uint32_t i = 0; i < self->convs; i++) {
    if (!depthwise(part[i].conv->conv)) continue;
    return fail(self, "groups of F(x)'s convolutions", "no depthwise convolution",
                "a depthwise convolution");
  }
  const blok_conv_desc *middle = part[1].conv->conv;
  if (self->convs == 2 || middle->groups == 1 ||
      middle->out_channels <= part[2].conv->conv->out_channels) {
    return true;
  }
  char got[96];
  snprintf(got, sizeof got, "%d groups, %d channels for %d out", middle->groups,
           middle->out_channels, part[2].conv->conv->out_channels);
  return fail(self, "width of the grouped convolution", "no wider than what comes out", got);
}

static bool private_values(attempt *self) {
  const blok_matcher *matcher = self->matcher;
  blok_value_id shared = blok_chain_shared(matcher, &self->f, self->f_steps);
  if (!shared.i) shared = blok_chain_shared(matcher, &self->skip, self->skip_steps);
  if (!shared.i) return true;
  const blok_value *value = blok_value_at(matcher->graph, shared);
  char got[256];
  if (value->is_output) {
    snprintf(got, sizeof got, "'%s' is a graph output", blok_quote(value->name).text);
  } else {
    snprintf(got, sizeof got, "'%s' is read %u times", blok_quote(value->name).text,
             blok_uses_count(&matcher->uses, shared));
  }
  return fail(self, "use of inner values", "read inside the block only", got);
}

// ---- Shapes -------------------------------------------------------------------------------------

// Of the axis, no more and no less padding than keeps the size at a stride of 1.
static bool keeps_size(const blok_conv_desc *conv, int axis) {
  int64_t pads = (int64_t)conv->pads[axis] + conv->pads[axis + 2];
  return pads == ((int64_t)conv->kernel[axis] - 1) * conv->dilation[axis];
}

// True when F and skip give the same size of this axis (0: height) whatever comes in: all
// convolutions keep the size but for their strides, and the strides together are the same.
static bool same_size_always(const attempt *self, int axis) {
  int64_t stride = 1;
  for (uint32_t i = 0; i < self->convs; i++) {
    const blok_conv_desc *conv = self->body.part[i].conv->conv;
    if (!keeps_size(conv, axis) || conv->stride[axis] > 1024 || stride > 1024) return false;
    stride *= conv->stride[axis];
  }
  return stride == (self->projection ? self->projection->conv->stride[axis] : 1);
}

static bool same_shapes(attempt *self) {
  const blok_facts *facts = self->matcher->facts;
  const blok_fact *f = &facts->of[self->f.values[0].i], *skip = &facts->of[self->skip.values[0].i];
  const blok_conv_desc *last = self->body.part[self->convs - 1].conv->conv;
  int32_t skipped = self->projection ? self->projection->conv->out_channels
                                     : self->body.part[0].conv->conv->in_channels;
  bool same = last->out_channels == skipped;
  for (int axis = 0; axis < 2 && same; axis++) {
    int64_t a = f->rank == 4 ? f->dims[2 + axis].value : -1;
    int64_t b = skip->rank == 4 ? skip->dims[2 + axis].value : -1;
    same = a >= 0 && b >= 0 ? a == b : same_size_always(self, axis);
  }
  if (same) return true;
  char got[512];
  snprintf(got, sizeof got, "%s and %s", blok_print_fact(f).text, blok_print_fact(skip).text);
  return fail(self, "shapes of F(x) and skip(x)", "equal", got);
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
  if (!self->projection || body->order != BLOK_ORDER_POST || self->after) return;
  const blok_unit *act = blok_unit_making(matcher, p, BLOK_UNIT_ACT);
  if (!act || !blok_only_read(matcher, p, 2)) return;
  const blok_unit *norm = blok_unit_making(matcher, act->in, BLOK_UNIT_NORM);
  if (!norm || !blok_only_read(matcher, act->in, act->in_reads)) return;
  if (self->projection_norm || body->part[body->n - 1].norm) return;
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
  self->after_preact = true;
  self->entry = norm->in;
}

// ---- One way round ------------------------------------------------------------------------------

static bool unclaimed(attempt *self) {
  for (uint32_t i = 0; i < self->f_steps; i++) {
    if (blok_unit_free(self->matcher, self->units[i])) continue;
    return fail(self, "nodes of F(x)", "held by no other block", "held by another block");
  }
  const blok_unit *skip[] = {self->projection, self->projection_norm};
  for (size_t i = 0; i < 2; i++) {
    if (!skip[i] || blok_unit_free(self->matcher, skip[i])) continue;
    return fail(self, "nodes of the skip path", "held by no other block", "held by another block");
  }
  return true;
}

// True where a refusal is worth telling: F holds a convolution, and of F and the skip path at most
// one holds what no block of this kind has.
static bool comes_near(const attempt *self) {
  const blok_graph *graph = self->matcher->graph;
  bool conv = false, foreign_f = false, foreign_skip = false;
  for (uint32_t i = 0; i < self->f_steps; i++) {
    const blok_unit *unit = blok_unit_at(self->matcher, self->f.units[i]);
    if (!unit) foreign_f = true;
    conv = conv || (unit ? unit->kind == BLOK_UNIT_CONV
                         : blok_node_at(graph, self->f.foreign[i])->op == BLOK_OP_Conv);
  }
  for (uint32_t i = 0; i < self->skip_steps; i++) {
    if (!self->skip.units[i]) foreign_skip = true;
  }
  return conv && !(foreign_f && foreign_skip);
}

static bool try_operands(attempt *self) {
  if (!blok_chain_fork(&self->f, &self->skip, &self->f_steps, &self->skip_steps)) return false;
  if (!comes_near(self)) return false;
  self->entry = self->f.values[self->f_steps];
  if (!known_steps(self) || !find_skip(self) || !enough_convs(self) || !read_order(self) ||
      !right_kernels(self) || !right_groups(self) || !private_values(self) || !same_shapes(self) ||
      !unclaimed(self)) {
    return false;
  }
  blok_value_id sum = blok_node_at(self->matcher->graph, self->add)->outputs[0];
  self->after = blok_unit_reading(self->matcher, sum, BLOK_UNIT_ACT);
  if (self->after && !blok_unit_free(self->matcher, self->after)) self->after = NULL;
  find_shared_preact(self);
  return true;
}

// ---- The record ---------------------------------------------------------------------------------

static bool describe_skip(blok_matcher *matcher, const attempt *self, const char **out) {
  if (!self->projection) return true;
  const int32_t *stride = self->projection->conv->stride;
  char step[48] = "";
  if (stride[0] != stride[1]) {
    snprintf(step, sizeof step, " /%dx%d", stride[0], stride[1]);
  } else if (stride[0] > 1) {
    snprintf(step, sizeof step, " /%d", stride[0]);
  }
  *out = blok_arena_format(&matcher->overlay->arena, "conv 1x1%s%s", step,
                           self->projection_norm ? " + batch" : "");
  return *out != NULL;
}

static void describe_projection(const attempt *self, blok_residual_desc *desc,
                                blok_residual_weights *weights) {
  static const blok_skip_step empty = BLOK_SKIP_STEP_INIT;
  const blok_matcher *matcher = self->matcher;
  desc->skip = self->projection ? BLOK_SKIP_PROJECTION : BLOK_SKIP_IDENTITY;
  if (!self->projection) return;
  desc->skip_steps = 1;
  desc->skip_step[0] = empty;
  desc->skip_step[0].conv =
      blok_conv_described(matcher, self->projection, self->projection_norm, NULL);
  weights->skip[0] = blok_conv_weighed(matcher, self->projection, self->projection_norm, NULL);
}

static void describe(const attempt *self, blok_residual_desc *desc,
                     blok_residual_weights *weights) {
  static const blok_residual_desc empty = BLOK_RESIDUAL_DESC_INIT;
  const blok_matcher *matcher = self->matcher;
  const blok_body *body = &self->body;
  *desc = empty;
  memset(weights, 0, sizeof *weights);
  desc->convs = (int32_t)body->n;
  for (uint32_t i = 0; i < body->n; i++) {
    const blok_stretch *part = &body->part[i];
    desc->conv[i] = blok_conv_described(matcher, part->conv, part->norm, part->act);
    weights->conv[i] = blok_conv_weighed(matcher, part->conv, part->norm, part->act);
  }
  desc->order = body->order;
  describe_projection(self, desc, weights);
  desc->projection_after_preact = self->after_preact;
  desc->has_se = body->se != NULL;
  if (body->se) {
    const blok_block_record *se = matcher->records[body->se->record];
    desc->se = *se->se;
    memcpy(weights->se, se->weights, sizeof weights->se);
    desc->se_conv = (int32_t)body->se_part;
  }
  if (!self->after) return;
  desc->after_add = self->after->activation;
  desc->after_alpha = self->after->alpha;
  desc->after_beta = self->after->beta;
  weights->after_slope = self->after->slope;
}

static void gather(const attempt *self, blok_members *members) {
  const blok_body *body = &self->body;
  for (uint32_t i = 0; i < body->n; i++) {
    const blok_stretch *part = &body->part[i];
    blok_members_add_unit(members, part->conv);
    if (part->norm) blok_members_add_unit(members, part->norm);
    if (part->act) blok_members_add_unit(members, part->act);
  }
  if (body->se) blok_members_add_unit(members, body->se);
  if (self->projection) blok_members_add_unit(members, self->projection);
  if (self->projection_norm) blok_members_add_unit(members, self->projection_norm);
  blok_members_add(members, self->add);
  if (self->after) blok_members_add_unit(members, self->after);
}

static blok_status record(const attempt *self, blok_error *error) {
  blok_matcher *matcher = self->matcher;
  const blok_body *body = &self->body;
  blok_members members;
  blok_members_begin(matcher, &members);
  blok_block_record made;
  memset(&made, 0, sizeof made);
  made.kind = body->n == 3 ? BLOK_BOTTLENECK : BLOK_RESIDUAL;
  made.parent = -1;
  made.entry = self->entry;
  made.exit = self->after ? self->after->out : blok_node_at(matcher->graph, self->add)->outputs[0];
  if (!describe_skip(matcher, self, &made.skip_of)) return blok_fail_memory(error, 0);
  blok_residual_desc desc;
  blok_residual_weights weights;
  describe(self, &desc, &weights);
  made.residual = &desc;
  made.residual_weights = &weights;
  gather(self, &members);
  uint32_t index;
  BLOK_TRY(blok_record_add(matcher, &made, &members, &index, error));
  int32_t parent = (int32_t)index;
  bool pre = body->order == BLOK_ORDER_PRE;
  for (uint32_t i = 0; i < body->n; i++) {
    const blok_stretch *part = &body->part[i];
    BLOK_TRY(blok_record_conv(matcher, parent, part->conv, part->norm, part->act, pre, error));
  }
  if (body->se) blok_record_adopt(matcher, body->se->record, index);
  if (!self->projection) return BLOK_OK;
  return blok_record_conv(matcher, parent, self->projection, self->projection_norm, NULL, false,
                          error);
}

// ---- The sweep ----------------------------------------------------------------------------------

static blok_status match_at(blok_matcher *matcher, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  attempt ways[2];
  for (int w = 0; w < 2; w++) {
    memset(&ways[w], 0, sizeof ways[w]);
    ways[w].matcher = matcher;
    ways[w].add = id;
  }
  blok_chain_walk(matcher, node->inputs[0], &ways[0].f);
  blok_chain_walk(matcher, node->inputs[1], &ways[0].skip);
  ways[1].f = ways[0].skip;
  ways[1].skip = ways[0].f;
  const attempt *nearest = NULL;
  for (int w = 0; w < 2; w++) {
    if (try_operands(&ways[w])) return record(&ways[w], error);
    if (!ways[w].condition) continue;
    if (!nearest || ways[w].f_steps > nearest->f_steps) nearest = &ways[w];
  }
  if (!nearest) return BLOK_OK;
  return blok_miss_add(matcher, nearest->convs == 3 ? BLOK_BOTTLENECK : BLOK_RESIDUAL, id,
                       nearest->condition, nearest->got, nearest->want, error);
}

blok_status blok_match_residual(blok_matcher *matcher, blok_error *error) {
  const blok_graph *graph = matcher->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if ((node->op != BLOK_OP_Add && node->op != BLOK_OP_Sum) || node->n_inputs != 2) continue;
    if (!node->inputs[0].i || !node->inputs[1].i || !blok_node_output(node, 0).i) continue;
    if (matcher->owner[graph->order[i].i] >= 0) continue;
    BLOK_TRY(match_at(matcher, graph->order[i], error));
  }
  return BLOK_OK;
}
