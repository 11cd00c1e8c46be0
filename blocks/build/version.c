// Operators that the caller spells as an older operator set has them.
//
// Inference knows the newest version of each operator alone. So a node of another version is put
// into a small model of its own, which is prepared as any model is, and what is known of its
// outputs is taken from there.
#include <string.h>

#include "base/error.h"
#include "blocks/build/build.h"
#include "graph/schemas.h"
#include "passes/passes.h"

typedef struct trial {
  blok_builder *builder;
  const blok_node *node;
  blok_module *module;
  blok_graph *graph;
  blok_error *error;
} trial;

static blok_status import_set(trial *self, int64_t opset) {
  blok_opset *import = blok_arena_zero(&self->module->arena, sizeof *import);
  if (!import) return blok_fail_memory(self->error, sizeof *import);
  import->domain = "";
  import->version = opset;
  import->has_version = true;
  self->module->opsets = import;
  self->module->n_opsets = 1;
  return BLOK_OK;
}

// A constant that the node reads, over the same storage.
static blok_status share_literal(trial *self, blok_value_id value, const blok_literal *literal) {
  blok_literal *shared = blok_arena_copy(&self->module->arena, literal, sizeof *literal);
  if (!shared) return blok_fail_memory(self->error, sizeof *shared);
  if (shared->storage) blok_storage_retain(shared->storage);
  return blok_graph_add_initializer(self->graph, value, shared, self->error);
}

// A value that the node reads: a constant, or an input of what is known of it.
static blok_status add_value(trial *self, blok_value_id from, blok_value_id *out) {
  const blok_value *value = blok_value_at(self->builder->graph, from);
  const blok_fact *fact = blok_builder_fact(self->builder, from);
  BLOK_TRY(blok_graph_add_value(self->graph, value->name, out, self->error));
  if (value->literal) return share_literal(self, *out, value->literal);
  const bool tensor = fact->kind == BLOK_TYPE_TENSOR;
  blok_type *type =
      blok_type_tensor(&self->module->arena, tensor ? fact->dtype : BLOK_UNDEFINED,
                       tensor && fact->rank > 0 ? (uint32_t)fact->rank : 0, fact->dims);
  if (!type) return blok_fail_memory(self->error, 0);
  type->has_shape = tensor && fact->rank >= 0;
  type->has_dtype = tensor && fact->dtype;
  blok_value_at(self->graph, *out)->type = type;
  return blok_graph_add_input(self->graph, *out, type, self->error);
}

static blok_status add_inputs(trial *self, blok_node_id id) {
  for (uint32_t i = 0; i < self->node->n_inputs; i++) {
    const blok_value_id from = self->node->inputs[i];
    blok_value_id own = BLOK_NO_VALUE;
    if (!from.i) continue;
    for (uint32_t k = 0; k < i; k++) {
      if (blok_same_value(self->node->inputs[k], from)) {
        own = blok_node_at(self->graph, id)->inputs[k];
      }
    }
    if (!own.i) BLOK_TRY(add_value(self, from, &own));
    blok_graph_set_input(self->graph, id, i, own);
  }
  return BLOK_OK;
}

static blok_status add_node(trial *self) {
  const blok_node *from = self->node;
  blok_node_id id = BLOK_NO_NODE;
  BLOK_TRY(blok_graph_add_node(self->graph, from->domain, from->op_type, from->n_inputs,
                               from->n_outputs, &id, self->error));
  blok_node *node = blok_node_at(self->graph, id);
  node->name = from->name;
  node->n_attrs = from->n_attrs;
  node->attrs = from->attrs;
  BLOK_TRY(add_inputs(self, id));
  for (uint32_t i = 0; i < from->n_outputs; i++) {
    const char *name = blok_value_at(self->builder->graph, from->outputs[i])->name;
    blok_value_id made = BLOK_NO_VALUE;
    BLOK_TRY(blok_graph_add_value(self->graph, name, &made, self->error));
    blok_graph_set_output(self->graph, id, i, made);
    BLOK_TRY(blok_graph_add_output(self->graph, made, NULL, self->error));
  }
  return BLOK_OK;
}

static blok_status learn(trial *self, const blok_module *working) {
  const blok_graph *graph = working->graph;
  blok_facts *facts = NULL;
  BLOK_TRY(blok_facts_compute(graph, &self->builder->facts_options, &self->builder->allocator,
                              &facts, self->error));
  blok_status status = BLOK_OK;
  for (uint32_t i = 0; i < graph->n_outputs && status == BLOK_OK; i++) {
    status = blok_builder_learn_copy(self->builder, self->node->outputs[i],
                                     &facts->of[graph->outputs[i].value.i], self->error);
  }
  blok_facts_free(&facts);
  return status;
}

static blok_status try_node(trial *self, int64_t opset) {
  const blok_pass_options options = {.limits = self->builder->limits};
  blok_module *working = NULL;
  BLOK_TRY(blok_module_new(&self->builder->allocator, &self->module, self->error));
  BLOK_TRY(import_set(self, opset));
  BLOK_TRY(blok_graph_new(self->module, NULL, &self->module->graph, self->error));
  self->graph = self->module->graph;
  BLOK_TRY(add_node(self));
  BLOK_TRY(blok_working_graph(self->module, &options, &working, self->error));
  const blok_status status = learn(self, working);
  blok_module_free(&working);
  return status;
}

blok_status blok_builder_check_version(const blok_builder *builder, const char *op_type,
                                       int64_t opset, bool *newest, blok_error *error) {
  const int64_t latest = blok_schema_latest_opset("");
  *newest = true;
  if (opset == 0) return BLOK_OK;
  const blok_schema *written =
      opset > 0 && opset <= latest ? blok_schema_find("", op_type, opset) : NULL;
  if (!written) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "operator set %lld has no operator '%s'",
                     (long long)opset, blok_quote(op_type).text);
  }
  *newest = written == blok_schema_find("", op_type, latest);
  if (*newest || written == blok_schema_find("", op_type, builder->opset)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                   "'%s' of operator set %lld in a model of set %lld, where it has another form: "
                   "spell it as that set has it, or leave opset 0 for the newest form",
                   blok_quote(op_type).text, (long long)opset, (long long)builder->opset);
}

blok_status blok_builder_infer_version(blok_builder *builder, blok_node_id id, int64_t opset,
                                       blok_error *error) {
  blok_graph *graph = builder->graph;
  blok_node *node = blok_node_at(graph, id);
  trial self = {.builder = builder, .node = node, .error = error};
  node->opset = builder->opset;
  const blok_status status = try_node(&self, opset);
  blok_module_free(&self.module);
  if (status != BLOK_OK) return status;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    const blok_value_id made = node->outputs[i];
    if (!blok_names_put(&builder->taken, blok_value_at(graph, made)->name, made.i)) {
      return blok_fail_memory(error, 0);
    }
  }
  return BLOK_OK;
}
