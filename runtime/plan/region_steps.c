// A region becomes steps: by its operator's function as a whole, without its addition, or node by
// node; by the reference interpreter where no function takes it.
#include "base/error.h"
#include "runtime/plan/acts.h"
#include "runtime/plan/control.h"
#include "runtime/plan/lowering.h"

// ---- What functions may see ---------------------------------------------------------------------

static bool has_elements(const blok_lowering *lowering, blok_value_id value) {
  blok_tensor shape;
  return blok_lower_shape(lowering, value, &shape) && shape.bytes > 0;
}

// Every size is known, and nothing is empty.
static bool is_known(const blok_lowering *lowering, const blok_region *region) {
  for (uint32_t k = 0; k < region->n_nodes; k++) {
    const blok_node *node = blok_node_at(lowering->graph, region->nodes[k]);
    for (uint32_t i = 0; i < node->n_inputs; i++) {
      if (node->inputs[i].i && !blok_lower_is_constant(lowering, node->inputs[i]) &&
          !has_elements(lowering, node->inputs[i])) {
        return false;
      }
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
      if (node->outputs[i].i && !has_elements(lowering, node->outputs[i])) return false;
    }
  }
  return true;
}

static bool same_shape(const blok_lowering *lowering, blok_value_id a, blok_value_id b) {
  blok_tensor left, right;
  if (!blok_lower_shape(lowering, a, &left) || !blok_lower_shape(lowering, b, &right)) return false;
  if (left.dtype != right.dtype || left.rank != right.rank) return false;
  for (uint32_t d = 0; d < left.rank; d++) {
    if (left.dims[d] != right.dims[d]) return false;
  }
  return true;
}

static blok_lower_fn function_of(const blok_lowering *lowering, const blok_region *region) {
  if (region->kind == BLOK_REGION_SQUEEZE_EXCITE) return blok_lower_squeeze_excite;
  if (region->kind == BLOK_REGION_ACTIVATION) return blok_lower_activation;
  return blok_lower_function(blok_node_at(lowering->graph, region->anchor)->op);
}

static blok_status try_function(blok_lowering *lowering, const blok_region *region, bool *done,
                                blok_error *error) {
  const blok_lower_fn function = function_of(lowering, region);
  if (!function || lowering->plan->options.reference || !is_known(lowering, region)) return BLOK_OK;
  // Either operand of the addition may have turned out to be the one that is repeated.
  if (region->residual.i && (!same_shape(lowering, region->residual, region->out) ||
                             !same_shape(lowering, region->before, region->out))) {
    return BLOK_OK;
  }
  return function(lowering, region, done, error);
}

// ---- The reference interpreter ------------------------------------------------------------------

static blok_status by_reference(blok_lowering *lowering, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(lowering->graph, id);
  blok_buffer_id *reads = blok_arena_array(&lowering->scratch, node->n_inputs, sizeof *reads);
  blok_buffer_id *writes = blok_arena_array(&lowering->scratch, node->n_outputs, sizeof *writes);
  if (!reads || !writes) return blok_fail_memory(error, 0);
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!node->inputs[i].i) continue;
    BLOK_TRY(blok_lower_plain(lowering, node->inputs[i], &reads[i], error));
    bytes += blok_lower_buffer(lowering, reads[i])->bytes;
  }
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!node->outputs[i].i) continue;
    BLOK_TRY(blok_lower_any_output(lowering, node->outputs[i], &writes[i], error));
    bytes += blok_lower_buffer(lowering, writes[i])->bytes;
  }
  const int64_t macs = blok_node_macs(lowering->graph, lowering->facts, id);
  const blok_step step = {.kind = BLOK_STEP_REFERENCE,
                          .kernel = "reference",
                          .node = id,
                          .n_reads = node->n_inputs,
                          .n_writes = node->n_outputs,
                          .reads = reads,
                          .writes = writes,
                          .macs = macs > 0 ? (uint64_t)macs : 0,
                          .bytes = bytes};
  return blok_lower_step(lowering, &step, error);
}

// ---- Node by node -------------------------------------------------------------------------------

static blok_status one_node(blok_lowering *lowering, const blok_node_id *id, int32_t block,
                            blok_error *error) {
  const blok_node *node = blok_node_at(lowering->graph, *id);
  blok_region region = {.kind = BLOK_REGION_NODES,
                        .anchor = *id,
                        .n_nodes = 1,
                        .nodes = id,
                        .block = block,
                        .out = blok_node_output(node, 0)};
  if (blok_act_of_node(lowering->graph, lowering->facts, *id, &region.act, &region.slope)) {
    region.kind = BLOK_REGION_ACTIVATION;
    region.in = blok_node_input(node, 0);
  }
  bool done = false;
  BLOK_TRY(try_function(lowering, &region, &done, error));
  return done ? BLOK_OK : by_reference(lowering, *id, error);
}

static blok_status node_by_node(blok_lowering *lowering, const blok_region *region, uint32_t first,
                                blok_error *error) {
  blok_status status = BLOK_OK;
  lowering->in_pieces = region->n_nodes - first > 1;
  for (uint32_t i = first; i < region->n_nodes && status == BLOK_OK; i++) {
    status = one_node(lowering, &region->nodes[i], region->block, error);
  }
  lowering->in_pieces = false;
  return status;
}

// The region as far as the addition, then the addition and what follows by themselves.
static blok_status in_two(blok_lowering *lowering, const blok_region *region, bool *done,
                          blok_error *error) {
  blok_region before = *region;
  before.n_nodes = region->n_before;
  before.out = region->before;
  before.residual = BLOK_NO_VALUE;
  before.after = (blok_act){BLOK_FN_NONE, 0, 0};
  if (before.act.kind != BLOK_FN_PRELU) before.slope = BLOK_NO_VALUE;
  lowering->in_pieces = true;
  blok_status status = try_function(lowering, &before, done, error);
  lowering->in_pieces = false;
  if (status != BLOK_OK || !*done) return status;
  return node_by_node(lowering, region, region->n_before, error);
}

// Outputs are handed out plain.
static blok_status show_outputs(blok_lowering *lowering, const blok_region *region,
                                blok_error *error) {
  for (uint32_t k = 0; k < region->n_nodes; k++) {
    const blok_node *node = blok_node_at(lowering->graph, region->nodes[k]);
    for (uint32_t i = 0; i < node->n_outputs; i++) {
      blok_buffer_id id;
      if (!node->outputs[i].i || !blok_value_at(lowering->graph, node->outputs[i])->is_output) {
        continue;
      }
      BLOK_TRY(blok_lower_plain(lowering, node->outputs[i], &id, error));
    }
  }
  return BLOK_OK;
}

// One value of more than a session may hold is refused before anything is made for it: tables of a
// resize grow with its output too.
static blok_status check_size(const blok_lowering *lowering, const blok_region *region,
                              blok_error *error) {
  const uint64_t most = lowering->options->limits->run_bytes;
  blok_tensor shape;
  if (!blok_lower_shape(lowering, region->out, &shape) || shape.bytes <= most) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_LIMIT,
                   "value '%s' needs %zu bytes, more than the limit of %llu bytes a session "
                   "(run_bytes)",
                   blok_quote(blok_value_at(lowering->graph, region->out)->name).text, shape.bytes,
                   (unsigned long long)most);
}

static blok_status lower(blok_lowering *lowering, const blok_region *region, blok_error *error) {
  bool done = false;
  if (lowering->plan->bodies[lowering->region].n) {
    return blok_lower_control(lowering, region->anchor, error);
  }
  BLOK_TRY(try_function(lowering, region, &done, error));
  if (!done && region->residual.i) BLOK_TRY(in_two(lowering, region, &done, error));
  return done ? BLOK_OK : node_by_node(lowering, region, 0, error);
}

blok_status blok_lower_region(blok_lowering *lowering, uint32_t index, blok_error *error) {
  const blok_region *region = &lowering->plan->regions[index];
  lowering->region = index;
  blok_status status = check_size(lowering, region, error);
  if (status == BLOK_OK) status = lower(lowering, region, error);
  if (status == BLOK_OK) status = show_outputs(lowering, region, error);
  blok_arena_free(&lowering->scratch);
  return status;
}
