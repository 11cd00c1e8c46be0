// A group norm spelled as an InstanceNormalization of [N, groups, ...], whose scale is 1 and whose
// shift is 0, between two Reshapes, and then a scale and a shift of each channel, becomes one
// GroupNormalization: operator sets before 18 had no other word for it.
//
// All of it is float32, as GroupNormalization computes in that. Either factor may be missing where
// it did nothing.
#include "base/error.h"
#include "passes/known.h"
#include "passes/norm_parts.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// Element index of a Reshape's target; -1 where it is not known.
static int64_t target_at(const blok_norm_search *self, const blok_node *reshape, uint32_t index) {
  const blok_fact *fact = blok_known_in(self->facts, reshape, 1);
  if (!fact->elements || fact->n_elements <= index || !fact->elements[index].known) return -1;
  return fact->elements[index].value;
}

// The Reshape puts the channels of each picture into groups.
static bool makes_groups(const blok_norm_search *self, const blok_node *reshape,
                         blok_norm_pattern *pattern) {
  const blok_fact *in = blok_known_in(self->facts, reshape, 0);
  const blok_fact *out = blok_known_out(self->facts, reshape);
  if (in->dtype != BLOK_F32 || in->rank < 3 || out->rank < 3 || !blok_dim_known(in->dims[1])) {
    return false;
  }
  const bool copied =
      target_at(self, reshape, 0) == 0 && blok_node_int(reshape, "allowzero", 0) == 0;
  if (!copied && !blok_dim_same(in->dims[0], out->dims[0])) return false;
  pattern->channels = in->dims[1].value;
  return pattern->groups > 0 && out->dims[1].value == pattern->groups &&
         pattern->channels % pattern->groups == 0;
}

// The Reshape gives back the shape of x: by numbers, or because that is where its target is from.
static bool gives_back(const blok_norm_search *self, const blok_node *reshape, blok_value_id x) {
  const blok_fact *in = blok_facts_of(self->facts, x);
  if (blok_same_shape(in, blok_known_out(self->facts, reshape))) return true;
  const blok_node_id id = blok_pattern_maker(self, blok_node_input(reshape, 1), BLOK_OP_Shape);
  const blok_node *shape = blok_node_at(self->graph, id);
  return id.i && blok_same_value(blok_node_input(shape, 0), x) &&
         blok_node_int(shape, "start", 0) == 0 && !blok_node_attr(shape, "end");
}

// The only reader of value, where it is a Reshape of it; none otherwise.
static blok_node_id next_reshape(const blok_norm_search *self, blok_value_id value) {
  if (blok_uses_count(&self->uses, value) != 1) return BLOK_NO_NODE;
  const blok_use *use = blok_uses_of(&self->uses, value);
  if (!use->node.i || use->slot != 0) return BLOK_NO_NODE;
  return blok_node_at(self->graph, use->node)->op == BLOK_OP_Reshape ? use->node : BLOK_NO_NODE;
}

static bool read(const blok_norm_search *self, blok_node_id id, blok_norm_pattern *out) {
  const blok_graph *graph = self->graph;
  const blok_node *norm = blok_node_at(graph, id);
  const blok_fact *scale = blok_known_in(self->facts, norm, 1);
  const blok_node_id first = blok_pattern_maker(self, blok_node_input(norm, 0), BLOK_OP_Reshape);
  if (!first.i || !blok_node_output(norm, 0).i || scale->rank != 1) return false;
  const blok_node_id last = next_reshape(self, norm->outputs[0]);
  const blok_node *back = blok_node_at(graph, last);
  if (!last.i || !blok_node_output(back, 0).i || !blok_all_equal(scale, 1) ||
      !blok_all_equal(blok_known_in(self->facts, norm, 2), 0)) {
    return false;
  }
  out->groups = scale->dims[0].value;
  out->epsilon = blok_node_float(norm, "epsilon", 1e-5f);
  out->x = blok_node_input(blok_node_at(graph, first), 0);
  out->out = back->outputs[0];
  return out->x.i && makes_groups(self, blok_node_at(graph, first), out) &&
         gives_back(self, back, out->x) && blok_pattern_add(out, first) &&
         blok_pattern_add(out, id) && blok_pattern_add(out, last) &&
         blok_pattern_affine(self, 1, out) && blok_pattern_private(self, out);
}

static blok_status write(const blok_norm_search *self, const blok_norm_pattern *pattern,
                         blok_error *error) {
  const blok_node_id last = pattern->nodes[pattern->n_nodes - 1];
  blok_value_id inputs[3] = {pattern->x};
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(blok_pattern_numbers(self, pattern, pattern->scale, 1, "scale", &inputs[1], error));
  BLOK_TRY(blok_pattern_numbers(self, pattern, pattern->shift, 0, "shift", &inputs[2], error));
  BLOK_TRY(blok_rewrite_node(self->graph, last, "GroupNormalization", 3, inputs, pattern->out,
                             &made, error));
  BLOK_TRY(blok_node_set_float(self->graph, made, "epsilon", pattern->epsilon, error));
  return blok_node_set_int(self->graph, made, "num_groups", pattern->groups, error);
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  return blok_norms_respell(graph, facts, BLOK_OP_InstanceNormalization, read, write, error);
}

blok_status blok_pass_group_norms(blok_module *module, const blok_pass_options *options,
                                  blok_error *error) {
  (void)options;
  return blok_known_where(module->graph, BLOK_OP_InstanceNormalization, visit, error);
}
