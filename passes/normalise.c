// Every operator at its newest version: first the whole model is looked through for operators that
// this build cannot run, all of which go into one message, then each node climbs by the rules of
// upgrade.c. From here on the module imports the newest operator set.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/schemas.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/upgrade.h"

// What a list in a message names; more is counted.
#define LISTED 5

typedef struct unknown_kind {
  const blok_graph *graph;
  const blok_node *first;
  int64_t opset;  // not 0: the operator exists, but not in this operator set
  uint64_t count;
} unknown_kind;

typedef struct census {
  int64_t opset;  // the module's
  blok_names index;
  uint32_t n, capacity;
  unknown_kind *kinds;
  bool needs_facts;
  blok_arena keys;
} census;

// ---- Which operators there are ------------------------------------------------------------------

static int64_t opset_of(const blok_node *node, int64_t module_opset) {
  return node->opset ? node->opset : module_opset;
}

static bool default_domain(const blok_node *node) { return blok_node_domain(node)[0] == '\0'; }

// The schema that the node was written for, NULL when this build cannot run it.
static const blok_schema *known_schema(const blok_node *node, int64_t opset) {
  if (!blok_upgrade_knows(node)) return NULL;
  const blok_schema *schema = blok_schema_find(blok_node_domain(node), node->op_type, opset);
  // The first version of GroupNormalization is deprecated from its own day on, but models have it.
  bool in_use = schema && (!schema->deprecated || node->op == BLOK_OP_GroupNormalization);
  return in_use ? schema : NULL;
}

static blok_status count_unknown(census *self, const blok_graph *graph, const blok_node *node,
                                 int64_t opset, blok_error *error) {
  const char *domain = blok_node_domain(node);
  if (node->op == BLOK_OP_UNKNOWN) opset = 0;
  const char *key = blok_arena_format(&self->keys, "%s%s%s %lld", domain, domain[0] ? "." : "",
                                      node->op_type, (long long)opset);
  if (!key) return blok_fail_memory(error, 0);
  uint32_t at = 0;
  if (blok_names_find(&self->index, key, &at)) {
    self->kinds[at].count++;
    return BLOK_OK;
  }
  if (!blok_grow(self->index.allocator, &self->kinds, &self->capacity, self->n,
                 sizeof *self->kinds) ||
      !blok_names_put(&self->index, key, self->n)) {
    return blok_fail_memory(error, 0);
  }
  self->kinds[self->n++] = (unknown_kind){graph, node, opset, 1};
  return BLOK_OK;
}

static blok_status check_version(const blok_node *node, const blok_graph *graph, int64_t opset,
                                 blok_error *error) {
  int64_t newest = blok_schema_latest_opset("");
  if (opset > newest) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "the model uses operator set %lld, this build knows sets up to %lld: export "
                     "it with an older one",
                     (long long)opset, (long long)newest);
  }
  if (opset >= 1) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_MALFORMED,
                   "%s node '%s': the model imports no operator set for the default domain",
                   blok_quote(node->op_type).text, blok_node_label(graph, node).text);
}

// Old nodes must have had the number of inputs and outputs that their version allows; the newest
// version's own numbers are checked by inference.
static blok_status check_counts(const blok_graph *graph, const blok_node *node,
                                const blok_schema *schema, int64_t opset, blok_error *error) {
  uint32_t inputs = node->n_inputs;
  uint32_t outputs = node->n_outputs;
  while (inputs && !node->inputs[inputs - 1].i) inputs--;
  while (outputs && !node->outputs[outputs - 1].i) outputs--;
  bool open_in = schema->max_inputs == BLOK_SCHEMA_UNBOUNDED;
  bool open_out = schema->max_outputs == BLOK_SCHEMA_UNBOUNDED;
  if (!open_in && inputs > schema->max_inputs) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s node '%s' has %u inputs, operator set %lld allows %u", node->op_type,
                     blok_node_label(graph, node).text, inputs, (long long)opset,
                     schema->max_inputs);
  }
  if (!open_out && outputs > schema->max_outputs) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s node '%s' has %u outputs, operator set %lld allows %u", node->op_type,
                     blok_node_label(graph, node).text, outputs, (long long)opset,
                     schema->max_outputs);
  }
  return BLOK_OK;
}

// An attribute of another type than its operator's would be read as if it were not there.
static blok_status check_attrs(const blok_graph *graph, const blok_node *node,
                               const blok_schema *schema, blok_error *error) {
  static const char *const kinds[] = {
      [BLOK_ATTR_FLOAT] = "a float",           [BLOK_ATTR_INT] = "an integer",
      [BLOK_ATTR_STRING] = "a string",         [BLOK_ATTR_TENSOR] = "a tensor",
      [BLOK_ATTR_GRAPH] = "a graph",           [BLOK_ATTR_FLOATS] = "a list of floats",
      [BLOK_ATTR_INTS] = "a list of integers", [BLOK_ATTR_STRINGS] = "a list of strings",
  };
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    const blok_attr *attr = &node->attrs[i];
    const blok_schema_attr *wanted = attr->name ? blok_schema_attr_find(schema, attr->name) : NULL;
    if (!wanted || attr->type == BLOK_ATTR_UNDEFINED || attr->type == wanted->type) continue;
    bool named = wanted->type < sizeof kinds / sizeof kinds[0] && kinds[wanted->type];
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s node '%s': attribute %s is not %s",
                     blok_quote(node->op_type).text, blok_node_label(graph, node).text,
                     blok_quote(attr->name).text,
                     named ? kinds[wanted->type] : "of its operator's type");
  }
  return BLOK_OK;
}

static blok_status take_census(blok_graph *graph, void *context, blok_error *error) {
  census *self = context;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    int64_t opset = opset_of(node, self->opset);
    if (default_domain(node)) BLOK_TRY(check_version(node, graph, opset, error));
    const blok_schema *schema = known_schema(node, opset);
    if (!schema) {
      BLOK_TRY(count_unknown(self, graph, node, opset, error));
      continue;
    }
    BLOK_TRY(check_counts(graph, node, schema, opset, error));
    BLOK_TRY(check_attrs(graph, node, schema, error));
    self->needs_facts =
        self->needs_facts || blok_upgrade_needs_facts(node->op_type, schema->since_version);
  }
  return BLOK_OK;
}

// "LSTM x2 (first: node 'a')", with the domain before the name where it is not the default one.
static void print_kind(const unknown_kind *kind, char *text, size_t size) {
  const char *domain = blok_node_domain(kind->first);
  char opset[48] = "";
  if (kind->opset) snprintf(opset, sizeof opset, " of operator set %lld", (long long)kind->opset);
  snprintf(text, size, "%s%s%s%s x%llu (first: node '%s')", blok_quote(domain).text,
           domain[0] ? "." : "", blok_quote(kind->first->op_type).text, opset,
           (unsigned long long)kind->count, blok_node_label(kind->graph, kind->first).text);
}

static blok_status refuse(const census *self, blok_error *error) {
  char list[BLOK_ERROR_MESSAGE_SIZE] = "";
  size_t used = 0;
  uint32_t shown = 0;
  for (; shown < self->n && shown < LISTED; shown++) {
    char item[sizeof(blok_quoted) * 3 + 128];
    print_kind(&self->kinds[shown], item, sizeof item);
    size_t length = strlen(item);
    // Room for ", " and for ", and N more" behind it.
    if (shown && used + length + 32 > sizeof list - 64) break;
    if (length > sizeof list - 96) length = sizeof list - 96;
    if (shown) memcpy(list + used, ", ", 2);
    if (shown) used += 2;
    memcpy(list + used, item, length);
    used += length;
    list[used] = '\0';
  }
  if (shown < self->n) {
    snprintf(list + used, sizeof list - used, ", and %u more", self->n - shown);
  }
  return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "operators that this build cannot run: %s", list);
}

// ---- Upgrading ----------------------------------------------------------------------------------

typedef struct normaliser {
  blok_module *module;
  int64_t opset;
  bool needs_facts;
} normaliser;

static blok_status upgrade_graph(const normaliser *self, blok_graph *graph,
                                 const blok_fact *captures, blok_error *error);

// Shapes that disagree are the business of later passes: a value of which the rules learn nothing.
static blok_status learn(blok_facts *facts, blok_node_id node, blok_error *error) {
  blok_error ignored = BLOK_ERROR_INIT;
  blok_status status = blok_facts_step(facts, node, &ignored);
  return status == BLOK_E_MEMORY ? blok_fail_memory(error, 0) : BLOK_OK;
}

static blok_status upgrade_inner(const normaliser *self, blok_graph *graph, blok_node_id node,
                                 blok_facts *facts, blok_error *error) {
  const blok_subgraph *inner = NULL;
  for (uint32_t s = 0; (inner = blok_node_subgraph(blok_node_at(graph, node), s)); s++) {
    blok_fact *captures = NULL;
    if (!inner->graph) continue;
    if (facts) BLOK_TRY(blok_facts_captures(facts, inner, &facts->arena, &captures, error));
    BLOK_TRY(upgrade_graph(self, inner->graph, captures, error));
  }
  return BLOK_OK;
}

static blok_status upgrade_nodes(const normaliser *self, blok_graph *graph, blok_facts *facts,
                                 const blok_uses *uses, blok_error *error) {
  blok_old_order old = blok_rewrite_begin(graph);
  for (uint32_t i = 0; i < old.n; i++) {
    blok_node_id id = old.items[i];
    uint32_t first = graph->n_order;
    BLOK_TRY(upgrade_inner(self, graph, id, facts, error));
    const blok_node *node = blok_node_at(graph, id);
    const blok_schema *schema = known_schema(node, opset_of(node, self->opset));
    if (!schema) {
      return BLOK_FAIL(error, BLOK_E_INTERNAL, "%s node '%s' has lost its version",
                       blok_quote(node->op_type).text, blok_node_label(graph, node).text);
    }
    blok_upgrade upgrade = {graph, id, schema->since_version, facts, uses, false};
    BLOK_TRY(blok_upgrade_node(&upgrade, error));
    blok_node_at(graph, id)->opset = 0;
    for (uint32_t k = first; facts && k < graph->n_order; k++) {
      BLOK_TRY(learn(facts, graph->order[k], error));
    }
  }
  return BLOK_OK;
}

static blok_status upgrade_graph(const normaliser *self, blok_graph *graph,
                                 const blok_fact *captures, blok_error *error) {
  const blok_allocator *allocator = &graph->module->allocator;
  blok_facts_options options = {.captures = captures, .inferred_only = true};
  blok_facts *facts = NULL;
  blok_uses uses = {0};
  blok_status status = blok_uses_build(graph, allocator, &uses, error);
  if (status != BLOK_OK) return status;
  if (self->needs_facts) {
    BLOK_TRY_TO(done, blok_facts_begin(graph, &options, allocator, &facts, error));
  }
  status = upgrade_nodes(self, graph, facts, &uses, error);
done:
  blok_facts_free(&facts);
  blok_uses_free(&uses);
  return status;
}

static blok_status import_newest(blok_module *module, blok_error *error) {
  blok_opset *opset = blok_arena_zero(&module->arena, sizeof *opset);
  if (!opset) return blok_fail_memory(error, sizeof *opset);
  opset->domain = "";
  opset->version = blok_schema_latest_opset("");
  opset->has_version = true;
  module->opsets = opset;
  module->n_opsets = 1;
  return BLOK_OK;
}

blok_status blok_pass_normalise(blok_module *module, const blok_pass_options *options,
                                blok_error *error) {
  (void)options;
  int64_t opset = blok_module_opset(module, "");
  // Files of IR versions 1 and 2 had no imports: all they use is operator set 1.
  if (opset == 0 && module->has_ir_version && module->ir_version < 3) opset = 1;
  census found = {.opset = opset};
  blok_names_init(&found.index, &module->allocator);
  blok_arena_init(&found.keys, &module->allocator);
  blok_status status = blok_each_graph(module->graph, take_census, &found, error);
  if (status == BLOK_OK && found.n) status = refuse(&found, error);
  blok_names_free(&found.index);
  blok_arena_free(&found.keys);
  blok_free(&module->allocator, found.kinds);
  if (status != BLOK_OK) return status;
  normaliser self = {module, opset, found.needs_facts};
  BLOK_TRY(upgrade_graph(&self, module->graph, NULL, error));
  return import_newest(module, error);
}
