// Making plans: regions, the bodies of control flow as plans of their own. See plan.h.
#include "runtime/plan/plan.h"

#include "base/error.h"
#include "passes/facts.h"
#include "reference/reference.h"

// ---- Bodies -------------------------------------------------------------------------------------

static uint32_t count_bodies(const blok_node *node) {
  uint32_t n = 0;
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    if (node->attrs[a].type == BLOK_ATTR_GRAPH) n += node->attrs[a].n;
  }
  return n;
}

static blok_status plan_body(const blok_plan *plan, const blok_subgraph *subgraph,
                             blok_arena *arena, blok_plan_body *body, blok_error *error) {
  blok_plan_options options = plan->options;
  options.overlay = NULL;
  body->subgraph = subgraph;
  blok_plan *inner;
  BLOK_TRY(blok_plan_new(subgraph->graph, &options, NULL, arena, &inner, error));
  body->plan = inner;
  return BLOK_OK;
}

static blok_status add_body(const blok_plan *plan, const blok_node *node, const char *name,
                            blok_arena *arena, blok_plan_bodies *bodies, blok_error *error) {
  const blok_attr *attr = blok_node_attr(node, name);
  const blok_subgraph *subgraph =
      attr && attr->type == BLOK_ATTR_GRAPH && attr->n == 1 ? attr->as.graphs : NULL;
  if (!subgraph) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s node '%s': %s is missing", node->op_type,
                     blok_node_label(plan->graph, node).text, name);
  }
  if (node->op == BLOK_OP_If && subgraph->graph->n_outputs != node->n_outputs) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "If node '%s': %s is missing or has not %u outputs",
                     blok_node_label(plan->graph, node).text, name, node->n_outputs);
  }
  return plan_body(plan, subgraph, arena, &bodies->items[bodies->n++], error);
}

static blok_status plan_control(const blok_plan *plan, const blok_node *node, blok_arena *arena,
                                blok_plan_bodies *bodies, blok_error *error) {
  bodies->items = blok_arena_array(arena, 2, sizeof *bodies->items);
  if (!bodies->items) return blok_fail_memory(error, 0);
  if (node->op != BLOK_OP_If) return add_body(plan, node, "body", arena, bodies, error);
  BLOK_TRY(add_body(plan, node, "then_branch", arena, bodies, error));
  return add_body(plan, node, "else_branch", arena, bodies, error);
}

static blok_status check_nodes(const blok_plan *plan, const blok_region *region,
                               blok_error *error) {
  for (uint32_t i = 0; i < region->n_nodes; i++) {
    const blok_node *node = blok_node_at(plan->graph, region->nodes[i]);
    if (count_bodies(node) || blok_reference_has(node->op)) continue;
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "%s node '%s': this build cannot run the operator",
                     blok_quote(node->op_type).text, blok_node_label(plan->graph, node).text);
  }
  return BLOK_OK;
}

static blok_status plan_bodies(blok_plan *plan, blok_arena *arena, blok_error *error) {
  plan->bodies = blok_arena_array(arena, plan->n_regions, sizeof *plan->bodies);
  if (!plan->bodies) return blok_fail_memory(error, 0);
  for (uint32_t r = 0; r < plan->n_regions; r++) {
    BLOK_TRY(check_nodes(plan, &plan->regions[r], error));
    const blok_node *node = blok_node_at(plan->graph, plan->regions[r].anchor);
    if (!count_bodies(node)) continue;
    BLOK_TRY(plan_control(plan, node, arena, &plan->bodies[r], error));
  }
  return BLOK_OK;
}

// ---- Last uses ----------------------------------------------------------------------------------

static void note_uses(blok_plan *plan, uint32_t r) {
  const blok_region *region = &plan->regions[r];
  for (uint32_t k = 0; k < region->n_nodes; k++) {
    const blok_node *node = blok_node_at(plan->graph, region->nodes[k]);
    for (uint32_t i = 0; i < node->n_inputs; i++) plan->last_use[node->inputs[i].i] = r;
    for (uint32_t i = 0; i < node->n_outputs; i++) plan->last_use[node->outputs[i].i] = r;
  }
  for (uint32_t b = 0; b < plan->bodies[r].n; b++) {
    const blok_subgraph *subgraph = plan->bodies[r].items[b].subgraph;
    for (uint32_t c = 0; c < subgraph->n_captures; c++) {
      plan->last_use[subgraph->captures[c].outer.i] = r;
    }
  }
}

blok_status blok_plan_new(const blok_graph *graph, const blok_plan_options *options,
                          const blok_facts *facts, blok_arena *arena, blok_plan **out,
                          blok_error *error) {
  *out = NULL;
  blok_plan *plan = blok_arena_zero(arena, sizeof *plan);
  if (!plan) return blok_fail_memory(error, sizeof *plan);
  plan->graph = graph;
  plan->options = *options;
  plan->last_use = blok_arena_array(arena, graph->n_values, sizeof *plan->last_use);
  if (!plan->last_use) return blok_fail_memory(error, 0);
  BLOK_TRY(blok_regions_make(plan, facts, arena, error));
  BLOK_TRY(plan_bodies(plan, arena, error));
  for (uint32_t r = 0; r < plan->n_regions; r++) note_uses(plan, r);
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    plan->last_use[graph->outputs[i].value.i] = plan->n_regions;
  }
  *out = plan;
  return BLOK_OK;
}
