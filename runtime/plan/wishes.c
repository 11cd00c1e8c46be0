// What is known of values before any region is lowered: who would like them blocked, who wants
// their channel sums, and which of them a Concat collects, so that they can be made where it puts
// them.
#include "runtime/plan/lowering.h"

// ---- Blocked ------------------------------------------------------------------------------------

static bool works_blocked(blok_op op) {
  return op == BLOK_OP_Conv || op == BLOK_OP_ConvTranspose || op == BLOK_OP_MaxPool ||
         op == BLOK_OP_AveragePool || op == BLOK_OP_GlobalAveragePool ||
         op == BLOK_OP_GlobalMaxPool;
}

// Keeps the form of what it reads.
static bool hands_on(const blok_region *region, blok_op op) {
  return region->kind == BLOK_REGION_ACTIVATION || op == BLOK_OP_Add || op == BLOK_OP_Mul ||
         op == BLOK_OP_Sub || op == BLOK_OP_Div || op == BLOK_OP_BatchNormalization ||
         op == BLOK_OP_Concat || op == BLOK_OP_Resize || op == BLOK_OP_Split || op == BLOK_OP_Max ||
         op == BLOK_OP_Min;
}

static void wish(blok_lowering *lowering, blok_value_id value) {
  blok_tensor shape;
  blok_planes planes;
  if (!value.i || blok_lower_is_constant(lowering, value)) return;
  if (!blok_lower_shape(lowering, value, &shape)) return;
  if (blok_planes_of(lowering, &shape, &planes)) lowering->forms[value.i].prefers_blocked = true;
}

static void want_sums(blok_lowering *lowering, blok_value_id value) {
  if (value.i) lowering->forms[value.i].wants_sums = true;
}

static void wishes_of(blok_lowering *lowering, const blok_region *region) {
  const blok_node *anchor = blok_node_at(lowering->graph, region->anchor);
  blok_forms *forms = lowering->forms;
  if (region->kind == BLOK_REGION_SQUEEZE_EXCITE) {
    wish(lowering, region->in);
    want_sums(lowering, region->in);
    return;
  }
  if (anchor->op == BLOK_OP_GlobalAveragePool) want_sums(lowering, blok_node_input(anchor, 0));
  const bool plain = anchor->op == BLOK_OP_Conv && blok_lower_reads_plain(lowering, region->anchor);
  if (works_blocked(anchor->op) && !plain) wish(lowering, blok_node_input(anchor, 0));
  bool on = false;
  for (uint32_t i = 0; i < anchor->n_outputs; i++) {
    on = on || forms[anchor->outputs[i].i].prefers_blocked;
  }
  if (region->out.i && forms[region->out.i].prefers_blocked) on = true;
  if (region->residual.i && works_blocked(anchor->op)) wish(lowering, region->residual);
  if (!on || !hands_on(region, anchor->op)) return;
  if (region->kind == BLOK_REGION_ACTIVATION) wish(lowering, region->in);
  for (uint32_t i = 0; i < anchor->n_inputs && region->kind == BLOK_REGION_NODES; i++) {
    wish(lowering, anchor->inputs[i]);
  }
}

// ---- Concats ------------------------------------------------------------------------------------

// A Concat over channels whose result stands blocked and whose inputs all begin at whole blocks.
static bool collects(const blok_lowering *lowering, const blok_region *region,
                     const blok_node **out) {
  const blok_node *node = blok_node_at(lowering->graph, region->anchor);
  blok_tensor shape;
  blok_planes planes;
  if (region->kind != BLOK_REGION_NODES || node->op != BLOK_OP_Concat) return false;
  if (!lowering->forms[region->out.i].prefers_blocked ||
      !blok_lower_shape(lowering, region->out, &shape)) {
    return false;
  }
  const int64_t axis = blok_node_int(node, "axis", 0);
  if (axis != 1 && axis + shape.rank != 1) return false;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!node->inputs[i].i || !blok_lower_shape(lowering, node->inputs[i], &shape) ||
        !blok_planes_of(lowering, &shape, &planes)) {
      return false;
    }
    if (i + 1 < node->n_inputs && planes.c % lowering->isa->lanes != 0) return false;
  }
  *out = node;
  return true;
}

static uint32_t channels_of(const blok_lowering *lowering, blok_value_id value) {
  return (uint32_t)blok_lower_fact(lowering, value)->dims[1].value;
}

// True when the inputs stand one behind another inside another Concat's result already: this one is
// then a part of that (DenseNet).
static bool lies_inside(blok_lowering *lowering, const blok_node *node, blok_value_id result) {
  const blok_forms *forms = lowering->forms, *first = &forms[node->inputs[0].i];
  uint32_t channel = first->home_channel;
  if (!first->home.i) return false;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    const blok_forms *one = &forms[node->inputs[i].i];
    if (!blok_same_value(one->home, first->home) || one->home_channel != channel) return false;
    channel += channels_of(lowering, node->inputs[i]);
  }
  lowering->forms[result.i].home = first->home;
  lowering->forms[result.i].home_channel = first->home_channel;
  return true;
}

static void give_homes(blok_lowering *lowering, const blok_node *node, blok_value_id result) {
  uint32_t channel = 0;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    const blok_value_id input = node->inputs[i];
    const blok_value *value = blok_value_at(lowering->graph, input);
    blok_forms *forms = &lowering->forms[input.i];
    if (!forms->home.i && !value->literal && !value->is_input && !value->is_capture) {
      forms->home = result;
      forms->home_channel = channel;
    }
    channel += channels_of(lowering, input);
  }
}

void blok_lower_wishes(blok_lowering *lowering) {
  const blok_plan *plan = lowering->plan;
  for (uint32_t r = plan->n_regions; r-- > 0;) wishes_of(lowering, &plan->regions[r]);
  for (uint32_t r = plan->n_regions; r-- > 0;) {
    const blok_node *node;
    const blok_region *region = &plan->regions[r];
    if (!collects(lowering, region, &node)) continue;
    if (!lies_inside(lowering, node, region->out)) give_homes(lowering, node, region->out);
  }
}
