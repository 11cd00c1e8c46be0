// A layer norm spelled in nodes, (x - mean) / sqrt(mean of squares + epsilon), and then a scale and
// a shift, becomes one LayerNormalization: operator sets before 17 had no word for it.
//
// The mean is over the last axis, or over axis 1 of [N, C, H, W], as networks of convolutions have
// it; then a Transpose stands on each side. All of it is float32, as LayerNormalization computes in
// that. The differences may be computed once or twice, their squares by Pow or by Mul.
#include "base/error.h"
#include "passes/known.h"
#include "passes/norm_parts.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// A ReduceMean over one axis, which it keeps; none for anything else.
static blok_node_id mean_of(const blok_norm_search *self, blok_value_id value, uint32_t *axis) {
  const blok_node_id id = blok_pattern_maker(self, value, BLOK_OP_ReduceMean);
  const blok_node *node = blok_node_at(self->graph, id);
  if (!id.i) return id;
  const blok_fact *in = blok_known_in(self->facts, node, 0);
  bool on[BLOK_MAX_RANK];
  uint32_t n = 0;
  if (in->rank < 1 || in->rank > BLOK_MAX_RANK || !blok_node_int(node, "keepdims", 1) ||
      !blok_known_axes(self->facts, node, 1, (uint32_t)in->rank, on, &n) || n != 1) {
    return BLOK_NO_NODE;
  }
  *axis = 0;
  while (!on[*axis]) ++*axis;
  return id;
}

// True when value is x less the mean; adds the nodes that make it.
static bool is_difference(const blok_norm_search *self, blok_value_id value,
                          blok_norm_pattern *pattern, uint32_t *axis) {
  const blok_node_id sub = blok_pattern_maker(self, value, BLOK_OP_Sub);
  const blok_node *node = blok_node_at(self->graph, sub);
  if (!sub.i || !blok_node_input(node, 0).i || !blok_node_input(node, 1).i) return false;
  const blok_node_id mean = mean_of(self, node->inputs[1], axis);
  if (!mean.i ||
      !blok_same_value(blok_node_input(blok_node_at(self->graph, mean), 0), node->inputs[0])) {
    return false;
  }
  pattern->x = node->inputs[0];
  return blok_pattern_add(pattern, mean) && blok_pattern_add(pattern, sub);
}

// What value is the square of; none when it is no square.
static blok_value_id square_root_of(const blok_norm_search *self, blok_value_id value,
                                    blok_norm_pattern *pattern) {
  const blok_node_id pow = blok_pattern_maker(self, value, BLOK_OP_Pow);
  const blok_node_id mul = blok_pattern_maker(self, value, BLOK_OP_Mul);
  const blok_node_id id = pow.i ? pow : mul;
  const blok_node *node = blok_node_at(self->graph, id);
  if (!id.i || node->n_inputs != 2 || !blok_pattern_add(pattern, id)) return BLOK_NO_VALUE;
  const bool square = pow.i ? blok_all_equal(blok_known_in(self->facts, node, 1), 2)
                            : blok_same_value(node->inputs[0], node->inputs[1]);
  return square ? node->inputs[0] : BLOK_NO_VALUE;
}

// A float32 constant of one number.
static bool one_number(const blok_norm_search *self, blok_value_id value, float *out) {
  const blok_fact *fact = blok_facts_of(self->facts, value);
  size_t count = 0;
  if (!value.i || fact->dtype != BLOK_F32 || !fact->tensor || !fact->tensor->data ||
      !blok_fact_count(fact, &count) || count != 1) {
    return false;
  }
  *out = *(const float *)fact->tensor->data;
  return true;
}

// What epsilon is added to before the root; none when value is no such root.
static blok_value_id variance_of(const blok_norm_search *self, blok_value_id value,
                                 blok_norm_pattern *pattern) {
  const blok_node_id root = blok_pattern_maker(self, value, BLOK_OP_Sqrt);
  if (!root.i) return BLOK_NO_VALUE;
  const blok_value_id sum = blok_node_input(blok_node_at(self->graph, root), 0);
  const blok_node_id add = blok_pattern_maker(self, sum, BLOK_OP_Add);
  const blok_node *node = blok_node_at(self->graph, add);
  if (!add.i || node->n_inputs != 2) return BLOK_NO_VALUE;
  if (!blok_pattern_add(pattern, root) || !blok_pattern_add(pattern, add)) return BLOK_NO_VALUE;
  for (uint32_t slot = 0; slot < 2; slot++) {
    if (one_number(self, node->inputs[slot], &pattern->epsilon)) return node->inputs[1 - slot];
  }
  return BLOK_NO_VALUE;
}

static bool read(const blok_norm_search *self, blok_node_id id, blok_norm_pattern *out) {
  const blok_node *div = blok_node_at(self->graph, id);
  uint32_t axis = 0, other = 0;
  if (!blok_node_output(div, 0).i || !is_difference(self, blok_node_input(div, 0), out, &axis)) {
    return false;
  }
  const blok_value_id x = out->x;
  const blok_value_id variance = variance_of(self, blok_node_input(div, 1), out);
  const blok_node_id mean = mean_of(self, variance, &other);
  if (!mean.i || other != axis || !blok_pattern_add(out, mean)) return false;
  const blok_value_id squares = blok_node_input(blok_node_at(self->graph, mean), 0);
  const blok_value_id difference = square_root_of(self, squares, out);
  if (!is_difference(self, difference, out, &other) || other != axis ||
      !blok_same_value(out->x, x)) {
    return false;
  }
  const blok_fact *fact = blok_facts_of(self->facts, x);
  const bool last = (int32_t)axis == fact->rank - 1;
  out->across = !last;
  if (fact->dtype != BLOK_F32 || !(last || (axis == 1 && fact->rank == 4)) ||
      !blok_dim_known(fact->dims[axis]) || fact->dims[axis].value < 1) {
    return false;
  }
  out->channels = fact->dims[axis].value;
  out->out = div->outputs[0];
  return blok_pattern_add(out, id) && blok_pattern_affine(self, axis, out) &&
         blok_pattern_private(self, out);
}

static blok_status put(const blok_norm_search *self, blok_node_id like, const char *op_type,
                       uint32_t n, const blok_value_id *inputs, blok_value_id out,
                       blok_node_id *made, blok_error *error) {
  return blok_rewrite_node(self->graph, like, op_type, n, inputs, out, made, error);
}

static blok_status turn(const blok_norm_search *self, blok_node_id like, const int64_t perm[4],
                        blok_value_id in, blok_value_id out, blok_value_id *value,
                        blok_error *error) {
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(put(self, like, "Transpose", 1, &in, out, &made, error));
  *value = blok_node_at(self->graph, made)->outputs[0];
  return blok_node_set_ints(self->graph, made, "perm", perm, 4, error);
}

static blok_status write(const blok_norm_search *self, const blok_norm_pattern *pattern,
                         blok_error *error) {
  static const int64_t to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};
  const blok_node_id like = pattern->nodes[pattern->n_nodes - 1];
  blok_value_id inputs[3] = {pattern->x}, out = pattern->out;
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(blok_pattern_numbers(self, pattern, pattern->scale, 1, "scale", &inputs[1], error));
  BLOK_TRY(blok_pattern_numbers(self, pattern, pattern->shift, 0, "shift", &inputs[2], error));
  if (pattern->across) {
    BLOK_TRY(turn(self, like, to_last, inputs[0], BLOK_NO_VALUE, &inputs[0], error));
    out = BLOK_NO_VALUE;
  }
  BLOK_TRY(put(self, like, "LayerNormalization", 3, inputs, out, &made, error));
  BLOK_TRY(blok_node_set_int(self->graph, made, "axis", -1, error));
  BLOK_TRY(blok_node_set_float(self->graph, made, "epsilon", pattern->epsilon, error));
  if (!pattern->across) return BLOK_OK;
  const blok_value_id normed = blok_node_at(self->graph, made)->outputs[0];
  return turn(self, like, to_first, normed, pattern->out, &out, error);
}

static blok_status visit(blok_graph *graph, blok_facts *facts, blok_error *error) {
  return blok_norms_respell(graph, facts, BLOK_OP_Div, read, write, error);
}

blok_status blok_pass_layer_norms(blok_module *module, const blok_pass_options *options,
                                  blok_error *error) {
  (void)options;
  return blok_known_where(module->graph, BLOK_OP_Sqrt, visit, error);
}
