// A model of any operator set in another one. A node whose form changes on the way is brought to
// its newest form first, by the rules of upgrade.c, and from there to the target, by those of
// downgrade.c; the others stay as they are.
//
// What the rules need to know of values is inferred, which knows newest forms only. So every node
// is upgraded for a while: facts are gathered, and nodes that need no change get their old form
// back.
#include <string.h>

#include "base/error.h"
#include "graph/schemas.h"
#include "passes/downgrade.h"
#include "passes/downgrade_rules.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/upgrade.h"

// A node as it was before its upgrade, and what the upgrade made around it.
typedef struct old_form {
  blok_graph *graph;
  blok_node_id id;
  blok_node node;  // with arrays of its own
  uint32_t n_made;
  blok_node_id *made;
  bool changes;  // it goes on to the target; else it gets its old form back
} old_form;

// What was inferred of known[i], to be freed.
typedef struct held_facts {
  blok_facts *facts;
} held_facts;

typedef struct converter {
  blok_module *module;
  blok_allocator allocator;
  int64_t source, target;
  uint32_t n_known, cap_known;
  blok_known_graph *known;
  uint32_t cap_held;
  held_facts *held;  // of known, by place
  uint32_t n_old, cap_old;
  old_form *old;
} converter;

static bool default_domain(const blok_node *node) { return blok_node_domain(node)[0] == '\0'; }

static int64_t set_of(const converter *self, const blok_node *node) {
  return node->opset ? node->opset : self->source;
}

// The schema that the node was written for, NULL when rules and inference know nothing of it.
static const blok_schema *known_schema(const converter *self, const blok_node *node) {
  if (!default_domain(node) || !blok_upgrade_knows(node)) return NULL;
  return blok_schema_find("", node->op_type, set_of(self, node));
}

// Whether a node must be rewritten: its form is another, the operator is not there, or it told
// executors of set 1 what they may overwrite.
static bool changes(const converter *self, const blok_node *node) {
  int64_t from = set_of(self, node);
  const blok_schema *was = blok_schema_find("", node->op_type, from);
  const blok_schema *is = blok_schema_find("", node->op_type, self->target);
  if (was == is) return false;
  if (!is || is->deprecated || blok_node_attr(node, "consumed_inputs")) return true;
  return blok_downgrade_crosses(node->op_type, from, self->target) ||
         blok_upgrade_crosses(node->op_type, from, self->target);
}

// ---- Up -----------------------------------------------------------------------------------------

static blok_status copy_form(const converter *self, const blok_node *node, old_form *out,
                             blok_error *error) {
  blok_arena *arena = &self->module->arena;
  out->node = *node;
  out->node.inputs = blok_arena_copy(arena, node->inputs, node->n_inputs * sizeof *node->inputs);
  out->node.outputs =
      blok_arena_copy(arena, node->outputs, node->n_outputs * sizeof *node->outputs);
  out->node.attrs = blok_arena_copy(arena, node->attrs, node->n_attrs * sizeof *node->attrs);
  bool whole = (out->node.inputs || !node->n_inputs) && (out->node.outputs || !node->n_outputs) &&
               (out->node.attrs || !node->n_attrs);
  return whole ? BLOK_OK : blok_fail_memory(error, 0);
}

static blok_status remember(converter *self, blok_graph *graph, blok_node_id id, old_form **out,
                            blok_error *error) {
  if (!blok_grow(&self->allocator, &self->old, &self->cap_old, self->n_old, sizeof *self->old)) {
    return blok_fail_memory(error, 0);
  }
  old_form *form = &self->old[self->n_old];
  memset(form, 0, sizeof *form);
  form->graph = graph;
  form->id = id;
  form->changes = changes(self, blok_node_at(graph, id));
  BLOK_TRY(copy_form(self, blok_node_at(graph, id), form, error));
  self->n_old++;
  *out = form;
  return BLOK_OK;
}

// Shapes that disagree, and operators that nobody knows, leave values of which nothing is known.
static blok_status learn(blok_facts *facts, blok_node_id node, blok_error *error) {
  blok_error ignored = BLOK_ERROR_INIT;
  blok_status status = blok_facts_step(facts, node, &ignored);
  return status == BLOK_E_MEMORY ? blok_fail_memory(error, 0) : BLOK_OK;
}

// Nodes that the upgrade put before and after the node.
static blok_status note_made(converter *self, old_form *form, uint32_t first, blok_error *error) {
  const blok_graph *graph = form->graph;
  form->made = blok_arena_array(&self->module->arena, (size_t)(graph->n_order - first) + 1,
                                sizeof *form->made);
  if (!form->made) return blok_fail_memory(error, 0);
  for (uint32_t i = first; i < graph->n_order; i++) {
    if (graph->order[i].i != form->id.i) form->made[form->n_made++] = graph->order[i];
  }
  return BLOK_OK;
}

static blok_status upgrade_node(converter *self, blok_graph *graph, blok_node_id id,
                                blok_facts *facts, const blok_uses *uses, blok_error *error) {
  const blok_schema *schema = known_schema(self, blok_node_at(graph, id));
  uint32_t first = graph->n_order;
  old_form *form = NULL;
  if (!schema) {
    BLOK_TRY(blok_rewrite_keep(graph, id, error));
    return learn(facts, id, error);
  }
  BLOK_TRY(remember(self, graph, id, &form, error));
  blok_upgrade upgrade = {graph, id, schema->since_version, facts, uses, false};
  blok_error reason = BLOK_ERROR_INIT;
  blok_status status = blok_upgrade_node(&upgrade, &reason);
  // What cannot climb may still stay: it is then unknown to those behind it.
  if (status != BLOK_OK && (form->changes || status == BLOK_E_MEMORY)) {
    return blok_fail(error, status, "%s", reason.message);
  }
  if (status != BLOK_OK && !upgrade.placed) BLOK_TRY(blok_rewrite_keep(graph, id, error));
  BLOK_TRY(note_made(self, form, first, error));
  if (status != BLOK_OK) return BLOK_OK;
  for (uint32_t k = first; k < graph->n_order; k++) {
    BLOK_TRY(learn(facts, graph->order[k], error));
  }
  return BLOK_OK;
}

static blok_status upgrade_graph(converter *self, blok_graph *graph, const blok_fact *captures,
                                 blok_error *error);

static blok_status upgrade_bodies(converter *self, blok_graph *graph, blok_node_id id,
                                  blok_facts *facts, blok_error *error) {
  const blok_subgraph *body = NULL;
  for (uint32_t s = 0; (body = blok_node_subgraph(blok_node_at(graph, id), s)); s++) {
    blok_fact *captures = NULL;
    if (!body->graph) continue;
    BLOK_TRY(blok_facts_captures(facts, body, &facts->arena, &captures, error));
    BLOK_TRY(upgrade_graph(self, body->graph, captures, error));
  }
  return BLOK_OK;
}

static blok_status upgrade_graph(converter *self, blok_graph *graph, const blok_fact *captures,
                                 blok_error *error) {
  blok_facts_options options = {.captures = captures, .inferred_only = true};
  blok_uses uses = {0};
  if (!blok_grow(&self->allocator, &self->known, &self->cap_known, self->n_known,
                 sizeof *self->known) ||
      !blok_grow(&self->allocator, &self->held, &self->cap_held, self->n_known,
                 sizeof *self->held)) {
    return blok_fail_memory(error, 0);
  }
  self->held[self->n_known].facts = NULL;
  BLOK_TRY(blok_graph_sort(graph, error));
  blok_known_graph *known = &self->known[self->n_known];
  memset(known, 0, sizeof *known);
  known->graph = graph;
  BLOK_TRY(blok_read_before_take(graph, &known->before, error));
  uint32_t at = self->n_known++;
  blok_facts *facts = NULL;
  BLOK_TRY(blok_facts_begin(graph, &options, &self->allocator, &facts, error));
  self->held[at].facts = facts;
  self->known[at].facts = facts;
  BLOK_TRY(blok_uses_build(graph, &self->allocator, &uses, error));
  blok_status status = BLOK_OK;
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; status == BLOK_OK && i < old.n; i++) {
    status = upgrade_bodies(self, graph, old.items[i], facts, error);
    if (status != BLOK_OK) break;
    status = upgrade_node(self, graph, old.items[i], facts, &uses, error);
  }
  blok_uses_free(&uses);
  return status;
}

// ---- And back -----------------------------------------------------------------------------------

static void detach(blok_graph *graph, const blok_node *node) {
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!node->outputs[i].i) continue;
    blok_value_at(graph, node->outputs[i])->producer = BLOK_NO_NODE;
    blok_value_at(graph, node->outputs[i])->dead = true;
  }
}

static void restore(const old_form *form) {
  blok_graph *graph = form->graph;
  for (uint32_t i = 0; i < form->n_made; i++) {
    detach(graph, blok_node_at(graph, form->made[i]));
    blok_graph_remove_node(graph, form->made[i]);
  }
  blok_node *node = blok_node_at(graph, form->id);
  detach(graph, node);
  *node = form->node;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    blok_value_id value = node->outputs[i];
    if (!value.i) continue;
    blok_value_at(graph, value)->dead = false;
    blok_graph_set_output(graph, form->id, i, value);
  }
}

// Nodes that go on say that they are in their newest form.
static void settle_forms(const converter *self) {
  int64_t newest = blok_schema_latest_opset("");
  for (uint32_t i = 0; i < self->n_old; i++) {
    const old_form *form = &self->old[i];
    if (!form->changes) {
      restore(form);
      continue;
    }
    blok_node_at(form->graph, form->id)->opset = newest;
    for (uint32_t k = 0; k < form->n_made; k++) {
      blok_node_at(form->graph, form->made[k])->opset = newest;
    }
  }
  for (uint32_t i = 0; i < self->n_known; i++) blok_graph_sweep(self->known[i].graph);
}

static void converter_free(converter *self) {
  for (uint32_t i = 0; i < self->n_known; i++) {
    blok_facts_free(&self->held[i].facts);
    blok_free(&self->allocator, self->known[i].before.read);
  }
  blok_free(&self->allocator, self->known);
  blok_free(&self->allocator, self->held);
  blok_free(&self->allocator, self->old);
}

static blok_status convert(blok_module *module, int64_t source, int64_t target, blok_error *error) {
  converter self = {
      .module = module, .allocator = module->allocator, .source = source, .target = target};
  blok_status status = upgrade_graph(&self, module->graph, NULL, error);
  if (status == BLOK_OK) {
    settle_forms(&self);
    status = blok_downgrade_known(module, self.known, self.n_known, target, error);
  }
  converter_free(&self);
  return status;
}

// ---- Functions ----------------------------------------------------------------------------------

// Whether two sets have one version of every operator of the graph.
typedef struct versions {
  int64_t from, to;
  bool same;
} versions;

static blok_status compare_versions(blok_graph *graph, void *context, blok_error *error) {
  versions *self = context;
  (void)error;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (!default_domain(node)) continue;
    if (blok_schema_find("", node->op_type, self->from) !=
        blok_schema_find("", node->op_type, self->to)) {
      self->same = false;
    }
  }
  return BLOK_OK;
}

static blok_opset *default_set(const blok_function *function) {
  for (uint32_t i = 0; i < function->n_opsets; i++) {
    if (blok_domain(function->opsets[i].domain)[0] == '\0') return &function->opsets[i];
  }
  return NULL;
}

static blok_status functions_stay(const blok_module *module, int64_t target, bool *out,
                                  blok_error *error) {
  *out = true;
  for (uint32_t i = 0; i < module->n_functions; i++) {
    const blok_function *function = &module->functions[i];
    const blok_opset *set = default_set(function);
    versions both = {set ? set->version : target, target, true};
    if (function->body) {
      BLOK_TRY(blok_each_graph(function->body, compare_versions, &both, error));
    }
    *out = *out && both.same;
  }
  return BLOK_OK;
}

static void stamp_functions(blok_module *module, int64_t target) {
  for (uint32_t i = 0; i < module->n_functions; i++) {
    blok_opset *set = default_set(&module->functions[i]);
    if (set) set->version = target;
  }
}

typedef struct domain_search {
  const char *domain;
  bool found;
} domain_search;

static blok_status find_domain(blok_graph *graph, void *context, blok_error *error) {
  domain_search *self = context;
  (void)error;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (strcmp(blok_node_domain(node), self->domain) == 0) self->found = true;
  }
  return BLOK_OK;
}

// Functions become nodes, and the domains that only they were in are not imported any more.
static blok_status inline_all(const blok_module *source, blok_module *module,
                              const blok_limits *limits, blok_error *error) {
  blok_pass_options options = {.limits = blok_limits_resolve(limits)};
  BLOK_TRY(blok_pass_inline_functions(module, &options, error));
  for (uint32_t i = 0; i < source->n_functions; i++) {
    domain_search search = {blok_domain(source->functions[i].domain), false};
    BLOK_TRY(blok_each_graph(module->graph, find_domain, &search, error));
    if (search.found || search.domain[0] == '\0') continue;
    uint32_t kept = 0;
    for (uint32_t k = 0; k < module->n_opsets; k++) {
      if (strcmp(blok_domain(module->opsets[k].domain), search.domain) != 0) {
        module->opsets[kept++] = module->opsets[k];
      }
    }
    module->n_opsets = kept;
  }
  return BLOK_OK;
}

// ---- The whole ----------------------------------------------------------------------------------

// Training graphs are not rewritten.
static blok_status check_training(const blok_module *module, int64_t source, int64_t target,
                                  blok_error *error) {
  versions both = {source, target, true};
  for (uint32_t i = 0; i < module->n_training; i++) {
    const blok_training *training = &module->training[i];
    if (training->initialization) {
      BLOK_TRY(blok_each_graph(training->initialization, compare_versions, &both, error));
    }
    if (training->algorithm) {
      BLOK_TRY(blok_each_graph(training->algorithm, compare_versions, &both, error));
    }
  }
  if (both.same) return BLOK_OK;
  return BLOK_FAIL(
      error, BLOK_E_UNSUPPORTED,
      "its training graphs cannot be written in operator set %lld: operators of theirs "
      "changed between it and %lld",
      (long long)target, (long long)source);
}

static blok_status source_set(const blok_module *source, int64_t *out, blok_error *error) {
  int64_t newest = blok_schema_latest_opset("");
  *out = blok_module_opset(source, "");
  // Files of IR versions 1 and 2 had no imports: all they use is operator set 1.
  if (*out == 0) *out = source->has_ir_version && source->ir_version < 3 ? 1 : newest;
  if (*out >= 1 && *out <= newest) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                   "the model uses operator set %lld, this build knows sets up to %lld",
                   (long long)*out, (long long)newest);
}

static blok_status convert_clone(const blok_module *source, int64_t from, int64_t opset,
                                 bool keep_functions, const blok_limits *limits, blok_module **out,
                                 blok_error *error) {
  blok_module *module = NULL;
  blok_pass_options options = {.limits = blok_limits_resolve(limits)};
  *out = NULL;
  BLOK_TRY(blok_module_clone(source, false, true, &module, error));
  blok_status status = BLOK_OK;
  if (!keep_functions) BLOK_TRY_TO(fail, inline_all(source, module, limits, error));
  stamp_functions(module, opset);
  // Sparse constants came with 11.
  if (opset < 11) BLOK_TRY_TO(fail, blok_pass_densify(module, &options, error));
  BLOK_TRY_TO(fail, convert(module, from, opset, error));
  *out = module;
  return BLOK_OK;
fail:
  blok_module_free(&module);
  return status;
}

blok_status blok_convert_opset(const blok_module *source, int64_t opset, const blok_limits *limits,
                               blok_module **out, blok_error *error) {
  int64_t from = 0;
  bool stay = true;
  *out = NULL;
  BLOK_TRY(blok_downgrade_check(opset, error));
  BLOK_TRY(source_set(source, &from, error));
  BLOK_TRY(check_training(source, from, opset, error));
  BLOK_TRY(functions_stay(source, opset, &stay, error));
  blok_error reason = BLOK_ERROR_INIT;
  blok_status status = convert_clone(source, from, opset, stay, limits, out, &reason);
  // A call hides what it makes from the rules: they may get further without functions.
  if (status == BLOK_E_UNSUPPORTED && stay && source->n_functions) {
    blok_error_clear(&reason);
    status = convert_clone(source, from, opset, false, limits, out, &reason);
  }
  return status == BLOK_OK ? BLOK_OK : blok_fail(error, status, "%s", reason.message);
}
