// The sweep that sees a graph as units: convolutions, norms, activations, scales.
#include <string.h>

#include "base/error.h"
#include "blocks/matcher.h"

const blok_unit *blok_unit_making(const blok_matcher *matcher, blok_value_id value,
                                  blok_unit_kind kind) {
  const blok_unit *unit = blok_unit_at(matcher, matcher->unit_of[value.i]);
  return unit && unit->kind == kind ? unit : NULL;
}

const blok_unit *blok_unit_reading(const blok_matcher *matcher, blok_value_id value,
                                   blok_unit_kind kind) {
  const blok_unit *unit = blok_unit_at(matcher, matcher->reader_of[value.i]);
  return unit && unit->kind == kind ? unit : NULL;
}

bool blok_only_read(const blok_matcher *matcher, blok_value_id value, uint32_t reads) {
  return value.i && !blok_value_at(matcher->graph, value)->is_output &&
         blok_uses_count(&matcher->uses, value) == reads;
}

blok_status blok_unit_add(blok_matcher *matcher, const blok_unit *unit, blok_error *error) {
  if (!blok_arena_grow(&matcher->scratch, &matcher->units, &matcher->cap_units, matcher->n_units,
                       sizeof *matcher->units)) {
    return blok_fail_memory(error, 0);
  }
  uint32_t index = matcher->n_units++;
  matcher->units[index] = *unit;
  matcher->unit_of[unit->out.i] = index;
  if (blok_only_read(matcher, unit->in, unit->in_reads)) matcher->reader_of[unit->in.i] = index;
  return BLOK_OK;
}

static const blok_literal *constant(const blok_matcher *matcher, blok_value_id value) {
  return value.i ? blok_value_at(matcher->graph, value)->literal : NULL;
}

// ---- Convolutions -------------------------------------------------------------------------------

static bool fits(int64_t value) { return value > 0 && value <= INT32_MAX; }

// Padding of one axis. SAME padding of a stride of 1 does not depend on the size.
static bool read_pads(const blok_node *node, const blok_window *window, uint32_t axis,
                      int32_t pads[4]) {
  int64_t begin = window->pad_begin[axis], end = window->pad_end[axis];
  if (begin < 0 || end < 0) {
    if (window->stride[axis] != 1) return false;
    int64_t total = (window->kernel[axis] - 1) * window->dilation[axis];
    bool lower = blok_node_text_is(node, "auto_pad", "NOTSET", "SAME_LOWER");
    begin = lower ? total - total / 2 : total / 2;
    end = total - begin;
  }
  if (begin > INT32_MAX || end > INT32_MAX) return false;
  pads[axis] = (int32_t)begin;
  pads[axis + 2] = (int32_t)end;
  return true;
}

// A 2-D convolution of constant weights; false for every other.
static bool read_conv(const blok_matcher *matcher, const blok_node *node, blok_conv_desc *out) {
  static const blok_conv_desc empty = BLOK_CONV_DESC_INIT;
  const blok_literal *weight = constant(matcher, blok_node_input(node, 1));
  blok_value_id x = blok_node_input(node, 0), bias = blok_node_input(node, 2);
  if (!x.i || !weight || weight->rank != 4 || (bias.i && !constant(matcher, bias))) return false;
  *out = empty;
  const blok_fact *fact = &matcher->facts->of[x.i];
  if (fact->rank >= 0 && fact->rank != 4) return false;
  int64_t group = blok_node_int(node, "group", 1), in_channels;
  for (uint32_t i = 0; i < 4; i++) {
    if (!fits(weight->dims[i])) return false;
  }
  if (!fits(group) || weight->dims[0] % group != 0) return false;
  in_channels = weight->dims[1] * group;
  if (!fits(in_channels)) return false;
  out->in_channels = (int32_t)in_channels;
  out->out_channels = (int32_t)weight->dims[0];
  out->groups = (int32_t)group;
  out->bias = bias.i != 0;
  int64_t in[2] = {-1, -1};
  if (fact->rank == 4) {
    in[0] = fact->dims[2].value;
    in[1] = fact->dims[3].value;
  }
  blok_window window;
  if (blok_window_resolve(matcher->graph, node, 2, in, weight->dims + 2, &window, NULL) !=
      BLOK_OK) {
    return false;
  }
  for (uint32_t a = 0; a < 2; a++) {
    if (!fits(window.kernel[a]) || !fits(window.stride[a]) || !fits(window.dilation[a]) ||
        !read_pads(node, &window, a, out->pads)) {
      return false;
    }
    out->kernel[a] = (int32_t)window.kernel[a];
    out->stride[a] = (int32_t)window.stride[a];
    out->dilation[a] = (int32_t)window.dilation[a];
  }
  return true;
}

// ---- Scales -------------------------------------------------------------------------------------

// One number a channel of x, on axis 1 of a rank of 4, all of them as many as x has channels.
static bool is_channels(const blok_matcher *matcher, blok_value_id factor, blok_value_id x) {
  const blok_literal *literal = constant(matcher, factor);
  const blok_fact *fact = &matcher->facts->of[x.i];
  if (!literal || fact->rank != 4 || literal->rank < 3 || literal->rank > 4) return false;
  const int64_t *dims = literal->dims + (literal->rank - 3);
  if (literal->rank == 4 && literal->dims[0] != 1) return false;
  return dims[0] == fact->dims[1].value && dims[1] == 1 && dims[2] == 1;
}

// x times a constant, or divided by a number; false for every other node.
static bool read_scale(const blok_matcher *matcher, const blok_node *node, blok_unit *unit) {
  if (node->n_inputs != 2 || !node->inputs[0].i || !node->inputs[1].i) return false;
  bool divides = node->op == BLOK_OP_Div;
  if (!divides && node->op != BLOK_OP_Mul) return false;
  for (uint32_t c = divides ? 1 : 0; c < 2; c++) {
    blok_value_id factor = node->inputs[c], x = node->inputs[1 - c];
    unit->in = x;
    unit->factor = factor;
    if (blok_number_beside(matcher, node, c, &unit->alpha) && (!divides || unit->alpha != 0)) {
      if (divides) unit->alpha = 1 / unit->alpha;
      unit->scale = BLOK_SCALE_NUMBER;
      return true;
    }
    if (!divides && is_channels(matcher, factor, x)) {
      unit->scale = BLOK_SCALE_CHANNELS;
      return true;
    }
  }
  return false;
}

// ---- The sweep ----------------------------------------------------------------------------------

// Fills a unit of one node; false when the node is none. *desc: of a convolution.
static bool read_one(const blok_matcher *matcher, const blok_node *node, blok_unit *unit,
                     blok_conv_desc *desc) {
  memset(unit, 0, sizeof *unit);
  if (node->op == BLOK_OP_Conv && read_conv(matcher, node, desc)) {
    unit->kind = BLOK_UNIT_CONV;
    unit->in = node->inputs[0];
    return true;
  }
  if (!read_scale(matcher, node, unit)) return false;
  unit->kind = BLOK_UNIT_SCALE;
  return true;
}

static blok_status read_unit(blok_matcher *matcher, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(matcher->graph, id);
  blok_unit unit;
  blok_conv_desc desc;
  if (!blok_node_output(node, 0).i) return BLOK_OK;
  if (blok_activation_read(matcher, id, &unit)) return blok_unit_add(matcher, &unit, error);
  if (blok_norm_read(matcher, id, &unit)) return blok_unit_add(matcher, &unit, error);
  if (!read_one(matcher, node, &unit, &desc)) return BLOK_OK;
  if (unit.kind == BLOK_UNIT_CONV) {
    unit.conv = blok_arena_copy(&matcher->scratch, &desc, sizeof desc);
    if (!unit.conv) return blok_fail_memory(error, 0);
  }
  unit.out = node->outputs[0];
  unit.in_reads = 1;
  unit.n_nodes = 1;
  unit.nodes[0] = id;
  return blok_unit_add(matcher, &unit, error);
}

blok_status blok_units_find(blok_matcher *matcher, blok_error *error) {
  const blok_graph *graph = matcher->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    BLOK_TRY(read_unit(matcher, graph->order[i], error));
  }
  return BLOK_OK;
}
