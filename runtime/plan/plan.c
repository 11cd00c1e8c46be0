// Making plans: one step a node, an If's branches as plans of their own. See plan.h.
#include "runtime/plan/plan.h"

#include "base/error.h"
#include "reference/reference.h"

static const blok_subgraph *branch_of(const blok_node *node, const char *name) {
  const blok_attr *attr = blok_node_attr(node, name);
  return attr && attr->type == BLOK_ATTR_GRAPH && attr->n == 1 ? attr->as.graphs : NULL;
}

static blok_status plan_step(const blok_graph *graph, blok_arena *arena, blok_step *step,
                             blok_error *error) {
  const blok_node *node = blok_node_at(graph, step->node);
  if (node->op == BLOK_OP_If) {
    static const char *const names[2] = {"then_branch", "else_branch"};
    for (int i = 0; i < 2; i++) {
      step->subgraph[i] = branch_of(node, names[i]);
      if (!step->subgraph[i] || step->subgraph[i]->graph->n_outputs != node->n_outputs) {
        return BLOK_FAIL(error, BLOK_E_MALFORMED,
                         "If node '%s': %s is missing or has not %u outputs",
                         blok_node_label(graph, node).text, names[i], node->n_outputs);
      }
      BLOK_TRY(blok_plan_new(step->subgraph[i]->graph, arena, &step->branch[i], error));
    }
    return BLOK_OK;
  }
  if (blok_reference_has(node->op)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "%s node '%s': this build cannot run the operator",
                   blok_quote(node->op_type).text, blok_node_label(graph, node).text);
}

static void note_uses(blok_plan *plan, uint32_t index) {
  const blok_step *step = &plan->steps[index];
  const blok_node *node = blok_node_at(plan->graph, step->node);
  for (uint32_t i = 0; i < node->n_inputs; i++) plan->last_use[node->inputs[i].i] = index;
  for (uint32_t i = 0; i < node->n_outputs; i++) plan->last_use[node->outputs[i].i] = index;
  for (int b = 0; b < 2; b++) {
    const blok_subgraph *subgraph = step->subgraph[b];
    for (uint32_t c = 0; subgraph && c < subgraph->n_captures; c++) {
      plan->last_use[subgraph->captures[c].outer.i] = index;
    }
  }
}

blok_status blok_plan_new(const blok_graph *graph, blok_arena *arena, blok_plan **out,
                          blok_error *error) {
  *out = NULL;
  blok_plan *plan = blok_arena_zero(arena, sizeof *plan);
  if (!plan) return blok_fail_memory(error, sizeof *plan);
  plan->graph = graph;
  plan->steps = blok_arena_array(arena, graph->n_order, sizeof *plan->steps);
  plan->last_use = blok_arena_array(arena, graph->n_values, sizeof *plan->last_use);
  if (!plan->steps || !plan->last_use) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < graph->n_order; i++) {
    if (blok_node_at(graph, graph->order[i])->dead) continue;
    blok_step *step = &plan->steps[plan->n_steps];
    step->node = graph->order[i];
    BLOK_TRY(plan_step(graph, arena, step, error));
    note_uses(plan, plan->n_steps++);
  }
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    plan->last_use[graph->outputs[i].value.i] = plan->n_steps;
  }
  *out = plan;
  return BLOK_OK;
}
