// Upgrade rules that put other nodes around a node, because its meaning changed: broadcasting by
// axis, softmax over flattened axes, the old modes of normalisation and dropout, the groups' own
// scales, the constants of Selu.
#include <string.h>

#include "base/error.h"
#include "graph/infer.h"
#include "passes/rewrite.h"
#include "passes/upgrade.h"
#include "reference/reference.h"

// Puts an Unsqueeze before the node that gives its input at slot count axes more at the end.
static blok_status append_axes(blok_upgrade *upgrade, uint32_t slot, int64_t rank, int64_t count,
                               blok_error *error) {
  int64_t axes[BLOK_MAX_RANK];
  if (count <= 0) return BLOK_OK;
  if (rank + count > BLOK_MAX_RANK) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_LIMIT, "rank %lld is above %d",
                             (long long)(rank + count), BLOK_MAX_RANK);
  }
  for (int64_t i = 0; i < count; i++) axes[i] = rank + i;
  blok_value_id list = BLOK_NO_VALUE;
  blok_value_id wider = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_ints(upgrade->graph, upgrade->node, "axes", axes, (uint32_t)count, &list,
                             error));
  blok_value_id value = blok_node_input(blok_node_at(upgrade->graph, upgrade->node), slot);
  BLOK_TRY(blok_upgrade_before(upgrade, "Unsqueeze", value, list, &wider, error));
  blok_graph_set_input(upgrade->graph, upgrade->node, slot, wider);
  return BLOK_OK;
}

// B stood at A's axes from `axis` on; now shapes are aligned at their ends.
blok_status blok_upgrade_broadcast(blok_upgrade *upgrade, blok_error *error) {
  const blok_node *node = blok_node_at(upgrade->graph, upgrade->node);
  bool wanted = blok_node_int(node, "broadcast", 0) != 0 && blok_node_attr(node, "axis");
  int64_t axis = blok_node_int(node, "axis", 0);
  blok_node_drop_attr(upgrade->graph, upgrade->node, "broadcast");
  blok_node_drop_attr(upgrade->graph, upgrade->node, "axis");
  if (!wanted) return BLOK_OK;
  int64_t rank_a = blok_upgrade_in(upgrade, 0)->rank;
  int64_t rank_b = blok_upgrade_in(upgrade, 1)->rank;
  if (rank_a < 0 || rank_b < 0) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_SHAPE, "axis %lld needs inputs of known rank",
                             (long long)axis);
  }
  int64_t first = axis < 0 ? axis + rank_a : axis;
  if (first < 0 || rank_b > rank_a - first) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_SHAPE,
                             "an input of rank %lld does not fit at axis %lld of rank %lld",
                             (long long)rank_b, (long long)axis, (long long)rank_a);
  }
  return append_axes(upgrade, 1, rank_b, rank_a - first - rank_b, error);
}

// A slope for each channel was a plain list; now it is broadcast.
blok_status blok_upgrade_prelu(blok_upgrade *upgrade, blok_error *error) {
  const blok_fact *x = blok_upgrade_in(upgrade, 0);
  const blok_fact *slope = blok_upgrade_in(upgrade, 1);
  if (slope->rank != 1 || slope->dims[0].value == 1) return BLOK_OK;
  if (x->rank < 0) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_SHAPE,
                             "a slope for each channel needs an input of known rank");
  }
  return append_axes(upgrade, 1, 1, x->rank - 2, error);
}

// Softmax, LogSoftmax and Hardmax worked on [axes before axis, axes from axis on]: the same as now
// when axis is the last,
// or all after it have length 1. Otherwise Flatten, Softmax, and Reshape to the old shape.
blok_status blok_upgrade_softmax(blok_upgrade *upgrade, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  const blok_node *node = blok_node_at(graph, upgrade->node);
  int64_t axis = blok_node_int(node, "axis", 1);
  const blok_fact *x = blok_upgrade_in(upgrade, 0);
  bool direct = axis == -1;
  uint32_t from = 0;
  if (x->rank > 0 && blok_axis_normal(axis, (uint32_t)x->rank, &from)) {
    direct = true;
    for (uint32_t i = from + 1; i < (uint32_t)x->rank; i++) {
      if (x->dims[i].value != 1) direct = false;
    }
  }
  if (direct) return blok_node_set_int(graph, upgrade->node, "axis", axis, error);
  blok_value_id in = blok_node_input(node, 0);
  blok_value_id out = blok_node_output(node, 0);
  const char *op_type = node->op_type;
  if (!in.i || !out.i) return BLOK_OK;
  blok_node_id flatten = BLOK_NO_NODE;
  blok_node_id softmax = BLOK_NO_NODE;
  blok_value_id shape = BLOK_NO_VALUE;
  BLOK_TRY(
      blok_rewrite_node(graph, upgrade->node, "Flatten", 1, &in, BLOK_NO_VALUE, &flatten, error));
  BLOK_TRY(blok_node_set_int(graph, flatten, "axis", axis, error));
  blok_value_id flat = blok_node_output(blok_node_at(graph, flatten), 0);
  BLOK_TRY(
      blok_rewrite_node(graph, upgrade->node, op_type, 1, &flat, BLOK_NO_VALUE, &softmax, error));
  BLOK_TRY(blok_node_set_int(graph, softmax, "axis", 1, error));
  BLOK_TRY(blok_upgrade_before(upgrade, "Shape", in, BLOK_NO_VALUE, &shape, error));
  // The node itself becomes the Reshape, so that its output stays where it is.
  blok_node_drop_attr(graph, upgrade->node, "axis");
  blok_node_set_op(graph, upgrade->node, "Reshape");
  BLOK_TRY(blok_node_set_int(graph, upgrade->node, "allowzero", 1, error));
  blok_graph_set_input(graph, upgrade->node, 0, blok_node_output(blok_node_at(graph, softmax), 0));
  return blok_rewrite_input(graph, upgrade->node, 1, shape, error);
}

// ---- Dropout ------------------------------------------------------------------------------------

// Versions below 12 are run as they are at inference: what is_test = 0 asked for is chance. The
// mask had the type of the data before version 10 and is bool now.
blok_status blok_upgrade_dropout(blok_upgrade *upgrade, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  blok_node_drop_attr(graph, upgrade->node, "is_test");
  const blok_attr *ratio = blok_node_attr(blok_node_at(graph, upgrade->node), "ratio");
  if (ratio && ratio->type == BLOK_ATTR_FLOAT) {
    blok_value_id value = BLOK_NO_VALUE;
    BLOK_TRY(blok_rewrite_number(graph, upgrade->node, "ratio", BLOK_F32, (double)ratio->as.f,
                                 &value, error));
    BLOK_TRY(blok_rewrite_input(graph, upgrade->node, 1, value, error));
  }
  blok_node_drop_attr(graph, upgrade->node, "ratio");
  blok_value_id mask = blok_node_output(blok_node_at(graph, upgrade->node), 1);
  if (upgrade->version >= 10 || !mask.i) return BLOK_OK;
  if (blok_uses_count(upgrade->uses, mask) == 0) {
    blok_value_at(graph, mask)->producer = BLOK_NO_NODE;
    blok_value_at(graph, mask)->dead = true;
    blok_node_at(graph, upgrade->node)->n_outputs = 1;
    return BLOK_OK;
  }
  const char *name = NULL;
  blok_value_id flags = BLOK_NO_VALUE;
  blok_node_id cast = BLOK_NO_NODE;
  BLOK_TRY(blok_graph_new_name(graph, blok_value_at(graph, mask)->name, &name, error));
  BLOK_TRY(blok_graph_add_value(graph, name, &flags, error));
  blok_value_at(graph, mask)->producer = BLOK_NO_NODE;
  blok_graph_set_output(graph, upgrade->node, 1, flags);
  BLOK_TRY(blok_upgrade_place(upgrade, error));
  blok_value_id inputs[2] = {flags, blok_node_input(blok_node_at(graph, upgrade->node), 0)};
  return blok_rewrite_node(graph, upgrade->node, "CastLike", 2, inputs, mask, &cast, error);
}

// ---- BatchNormalization -------------------------------------------------------------------------

// spatial = 0: a mean and variance for every element of a picture, so plain arithmetic.
static blok_status per_element(blok_upgrade *upgrade, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  const blok_node *node = blok_node_at(graph, upgrade->node);
  float epsilon = blok_node_float(node, "epsilon", 1e-5f);
  blok_value_id in[5];
  for (uint32_t i = 0; i < 5; i++) {
    in[i] = blok_node_input(node, i);
    if (!in[i].i) {
      return blok_upgrade_fail(upgrade, error, BLOK_E_MALFORMED, "5 inputs are needed");
    }
  }
  blok_dtype dtype = blok_upgrade_in(upgrade, 4)->dtype;
  blok_value_id number = BLOK_NO_VALUE;
  blok_value_id deviation = BLOK_NO_VALUE;
  blok_value_id value = BLOK_NO_VALUE;
  BLOK_TRY(blok_rewrite_number(graph, upgrade->node, "epsilon",
                               blok_dtype_is_float(dtype) ? dtype : BLOK_F32, (double)epsilon,
                               &number, error));
  BLOK_TRY(blok_upgrade_before(upgrade, "Add", in[4], number, &deviation, error));
  BLOK_TRY(blok_upgrade_before(upgrade, "Sqrt", deviation, BLOK_NO_VALUE, &deviation, error));
  BLOK_TRY(blok_upgrade_before(upgrade, "Sub", in[0], in[3], &value, error));
  BLOK_TRY(blok_upgrade_before(upgrade, "Div", value, deviation, &value, error));
  BLOK_TRY(blok_upgrade_before(upgrade, "Mul", value, in[1], &value, error));
  blok_node_set_op(graph, upgrade->node, "Add");
  blok_node_drop_attr(graph, upgrade->node, "epsilon");
  blok_node_drop_attr(graph, upgrade->node, "momentum");
  blok_graph_set_input(graph, upgrade->node, 0, value);
  blok_graph_set_input(graph, upgrade->node, 1, in[2]);
  BLOK_TRY(blok_node_resize_inputs(graph, upgrade->node, 2, error));
  return BLOK_OK;
}

// Cuts the outputs from keep on off; one that is read cannot be made any more.
static blok_status cut_outputs(blok_upgrade *upgrade, uint32_t keep, blok_error *error) {
  blok_node *node = blok_node_at(upgrade->graph, upgrade->node);
  for (uint32_t i = keep; i < node->n_outputs; i++) {
    blok_value_id out = node->outputs[i];
    if (!out.i) continue;
    blok_value *value = blok_value_at(upgrade->graph, out);
    if (blok_uses_count(upgrade->uses, out) > 0 || value->is_output) {
      return blok_upgrade_fail(upgrade, error, BLOK_E_UNSUPPORTED,
                               "its output '%s' (number %u) is read, and newer versions have none",
                               blok_quote(value->name).text, i);
    }
    value->producer = BLOK_NO_NODE;
    value->dead = true;
  }
  if (node->n_outputs > keep) node->n_outputs = keep;
  return BLOK_OK;
}

// Training mode went by the number of outputs (versions 7 and 9) or is_test; now it is an
// attribute. saved_mean and saved_var, outputs 3 and 4, are gone.
blok_status blok_upgrade_batch_norm(blok_upgrade *upgrade, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  const blok_node *node = blok_node_at(graph, upgrade->node);
  bool training = false;
  for (uint32_t i = 1; i < node->n_outputs; i++) training = training || node->outputs[i].i;
  if (blok_node_int(node, "is_test", 0) != 0) training = false;
  bool spatial = blok_node_int(node, "spatial", 1) != 0;
  blok_node_drop_attr(graph, upgrade->node, "is_test");
  blok_node_drop_attr(graph, upgrade->node, "spatial");
  BLOK_TRY(cut_outputs(upgrade, training ? 3 : 1, error));
  if (!spatial) {
    if (!training) return per_element(upgrade, error);
    return blok_upgrade_fail(upgrade, error, BLOK_E_UNSUPPORTED,
                             "training mode with spatial = 0 is not supported");
  }
  return training ? blok_node_set_int(graph, upgrade->node, "training_mode", 1, error) : BLOK_OK;
}

// ---- GroupNormalization -------------------------------------------------------------------------

// A value for each group becomes one for each of its channels: [G] -> [G, 1] -> [G, C / G] -> [C].
static blok_status spread_groups(blok_upgrade *upgrade, uint32_t slot, int64_t groups,
                                 int64_t channels, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  blok_value_id value = BLOK_NO_VALUE;
  blok_value_id list = BLOK_NO_VALUE;
  int64_t square[2] = {groups, channels / groups};
  BLOK_TRY(append_axes(upgrade, slot, 1, 1, error));
  BLOK_TRY(blok_rewrite_ints(graph, upgrade->node, "groups", square, 2, &list, error));
  value = blok_node_input(blok_node_at(graph, upgrade->node), slot);
  BLOK_TRY(blok_upgrade_before(upgrade, "Expand", value, list, &value, error));
  BLOK_TRY(blok_rewrite_ints(graph, upgrade->node, "channels", &channels, 1, &list, error));
  BLOK_TRY(blok_upgrade_before(upgrade, "Reshape", value, list, &value, error));
  blok_graph_set_input(graph, upgrade->node, slot, value);
  return BLOK_OK;
}

// Version 18 had a scale and a bias for each group.
blok_status blok_upgrade_group_norm(blok_upgrade *upgrade, blok_error *error) {
  const blok_fact *x = blok_upgrade_in(upgrade, 0);
  int64_t groups = blok_node_int(blok_node_at(upgrade->graph, upgrade->node), "num_groups", 0);
  int64_t channels = x->rank >= 2 ? x->dims[1].value : -1;
  if (channels < 0) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_SHAPE,
                             "the number of channels of its input is not known");
  }
  if (groups < 1 || channels % groups != 0) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_SHAPE,
                             "%lld groups do not divide %lld channels", (long long)groups,
                             (long long)channels);
  }
  if (channels == groups) return BLOK_OK;
  BLOK_TRY(spread_groups(upgrade, 1, groups, channels, error));
  return spread_groups(upgrade, 2, groups, channels, error);
}

// ---- Scan ---------------------------------------------------------------------------------------

// Version 8 ran a batch of scans of their own lengths.
blok_status blok_upgrade_scan(blok_upgrade *upgrade, blok_error *error) {
  return blok_upgrade_fail(upgrade, error, BLOK_E_UNSUPPORTED,
                           "scans of a batch are not run: export the model with operator set 9 or "
                           "newer");
}

// ---- Selu ---------------------------------------------------------------------------------------

// The constants of version 1 had four decimals.
blok_status blok_upgrade_selu(blok_upgrade *upgrade, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  if (!blok_node_attr(blok_node_at(graph, upgrade->node), "alpha")) {
    BLOK_TRY(blok_node_set_float(graph, upgrade->node, "alpha", 1.6732F, error));
  }
  if (blok_node_attr(blok_node_at(graph, upgrade->node), "gamma")) return BLOK_OK;
  return blok_node_set_float(graph, upgrade->node, "gamma", 1.0507F, error);
}
