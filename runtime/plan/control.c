// Steps of If, Loop and Scan: see control.h.
#include "runtime/plan/control.h"

#include "base/error.h"

// ---- Bodies -------------------------------------------------------------------------------------

static blok_status shape_body(blok_lowering *lowering, blok_node_id node,
                              const blok_plan_body *plan, blok_shaped **out, blok_error *error) {
  blok_shaped_options options = *lowering->options;
  blok_fact *captures, *inputs;
  BLOK_TRY(blok_facts_body(lowering->facts, lowering->graph, node, plan->subgraph,
                           &lowering->scratch, &inputs, &captures, error));
  options.captures = captures;
  options.inputs = inputs;
  const blok_allocator *allocator = &lowering->shaped->allocator;
  blok_error reason = BLOK_ERROR_INIT;
  blok_status status = blok_shaped_new(plan->plan, &options, allocator, out, &reason);
  if (status == BLOK_OK) return BLOK_OK;
  if (status != BLOK_E_SHAPE) return blok_fail(error, status, "%s", reason.message);
  // A branch whose shapes disagree may be one that is never taken: its run will say what is wrong.
  options.open = true;
  return blok_shaped_new(plan->plan, &options, allocator, out, error);
}

static blok_status add_body(blok_lowering *lowering, blok_node_id node, const blok_plan_body *plan,
                            blok_step_body *body, blok_error *error) {
  const blok_subgraph *subgraph = plan->subgraph;
  body->subgraph = subgraph;
  body->plan = plan->plan;
  body->captures =
      blok_arena_array(&lowering->shaped->arena, subgraph->n_captures, sizeof *body->captures);
  if (!body->captures) return blok_fail_memory(error, 0);
  for (uint32_t c = 0; c < subgraph->n_captures; c++) {
    BLOK_TRY(blok_lower_plain(lowering, subgraph->captures[c].outer, &body->captures[c], error));
  }
  BLOK_TRY(shape_body(lowering, node, plan, &body->shaped, error));
  return BLOK_OK;
}

// The node's inputs, and then what the bodies capture, so that all of it stands until the step.
static blok_status gather_reads(blok_lowering *lowering, const blok_node *node, blok_step *step,
                                blok_error *error) {
  uint32_t n = node->n_inputs;
  for (uint32_t b = 0; b < step->n_bodies; b++) n += step->bodies[b].subgraph->n_captures;
  blok_buffer_id *reads = blok_arena_array(&lowering->scratch, n, sizeof *reads);
  if (!reads) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    if (!node->inputs[i].i) continue;
    BLOK_TRY(blok_lower_plain(lowering, node->inputs[i], &reads[i], error));
  }
  uint32_t at = node->n_inputs;
  for (uint32_t b = 0; b < step->n_bodies; b++) {
    const blok_step_body *body = &step->bodies[b];
    for (uint32_t c = 0; c < body->subgraph->n_captures; c++) reads[at++] = body->captures[c];
  }
  step->reads = reads;
  step->n_reads = n;
  return BLOK_OK;
}

blok_status blok_lower_control(blok_lowering *lowering, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(lowering->graph, id);
  const blok_plan_bodies *plans = &lowering->plan->bodies[lowering->region];
  blok_step step = {.kind = BLOK_STEP_CONTROL, .kernel = "control", .node = id};
  step.bodies = blok_arena_array(&lowering->shaped->arena, plans->n, sizeof *step.bodies);
  if (!step.bodies) return blok_fail_memory(error, 0);
  // The step owns its bodies only once it is in the list; what fails before frees them here.
  blok_status status = BLOK_OK;
  for (uint32_t b = 0; b < plans->n && status == BLOK_OK; b++) {
    step.n_bodies = b + 1;
    status = add_body(lowering, id, &plans->items[b], &step.bodies[b], error);
  }
  if (status == BLOK_OK) status = gather_reads(lowering, node, &step, error);
  blok_buffer_id *writes = blok_arena_array(&lowering->scratch, node->n_outputs, sizeof *writes);
  if (status == BLOK_OK && !writes) status = blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < node->n_outputs && status == BLOK_OK; i++) {
    if (!node->outputs[i].i) continue;
    status = blok_lower_any_output(lowering, node->outputs[i], &writes[i], error);
  }
  step.writes = writes;
  step.n_writes = node->n_outputs;
  if (status == BLOK_OK) status = blok_lower_step(lowering, &step, error);
  if (status != BLOK_OK) {
    for (uint32_t b = 0; b < step.n_bodies; b++) blok_shaped_free(&step.bodies[b].shaped);
  }
  return status;
}
