// Any operator: a node as the caller spells it.
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "blocks/build/build.h"
#include "graph/schemas.h"

typedef struct adding {
  blok_builder *builder;
  const char *name;
  const blok_operator *op;
  blok_node_id node;
  blok_error *error;
} adding;

static blok_quoted label(const adding *self) {
  return blok_quote(*self->name ? self->name : self->op->op_type);
}

// ---- Attributes ---------------------------------------------------------------------------------

static blok_status add_attr(adding *self, const char *name, blok_attr attr) {
  blok_graph *graph = self->builder->graph;
  blok_arena *arena = &graph->module->arena;
  blok_node *node = blok_node_at(graph, self->node);
  blok_attr *attrs = blok_arena_array(arena, (size_t)node->n_attrs + 1, sizeof *attrs);
  attr.name = blok_arena_text(arena, name);
  attr.has_type = true;
  if (!attrs || !attr.name) return blok_fail_memory(self->error, 0);
  if (node->n_attrs) memcpy(attrs, node->attrs, node->n_attrs * sizeof *attrs);
  attrs[node->n_attrs++] = attr;
  node->attrs = attrs;
  return BLOK_OK;
}

static blok_status add_floats(adding *self, const blok_build_attribute *given) {
  blok_attr attr = {.type = BLOK_ATTR_FLOATS, .n = (uint32_t)given->count};
  attr.as.floats = blok_arena_copy(&self->builder->module->arena, given->floats,
                                   given->count * sizeof *given->floats);
  if (!attr.as.floats) return blok_fail_memory(self->error, 0);
  return add_attr(self, given->name, attr);
}

static blok_status add_tensor(adding *self, const blok_build_attribute *given) {
  const blok_tensor *tensor = given->tensor;
  blok_module *module = self->builder->module;
  blok_attr attr = {.type = BLOK_ATTR_TENSOR, .n = 1};
  size_t bytes = 0;
  BLOK_TRY(blok_builder_check_tensor("attribute", given->name, tensor, &bytes, self->error));
  BLOK_TRY(blok_literal_make(&module->arena, tensor->dtype, tensor->rank, tensor->dims,
                             tensor->data, bytes, &attr.as.literal, self->error));
  BLOK_TRY(blok_module_keep_literal(module, attr.as.literal, self->error));
  return add_attr(self, given->name, attr);
}

static blok_status wrong_attr(const adding *self, const blok_build_attribute *given,
                              const char *why) {
  return BLOK_FAIL(self->error, BLOK_E_ARGUMENT, "%s node '%s': attribute '%s' of type '%s' %s",
                   blok_quote(self->op->op_type).text, label(self).text,
                   blok_quote(given->name).text, blok_quote(given->type).text, why);
}

// The operator in the version that the node is written in.
static const blok_schema *schema_of(const blok_operator *op) {
  return blok_schema_find("", op->op_type, op->opset ? op->opset : blok_schema_latest_opset(""));
}

static blok_status check_attribute(const adding *self, const blok_build_attribute *given,
                                   const char *type) {
  static const char *const names[] = {
      [BLOK_ATTR_FLOAT] = "float",   [BLOK_ATTR_INT] = "int",       [BLOK_ATTR_STRING] = "string",
      [BLOK_ATTR_TENSOR] = "tensor", [BLOK_ATTR_FLOATS] = "floats", [BLOK_ATTR_INTS] = "ints"};
  const blok_schema *schema = schema_of(self->op);
  if (!given->name || !*given->name) return wrong_attr(self, given, "has no name");
  const blok_schema_attr *attr = schema ? blok_schema_attr_find(schema, given->name) : NULL;
  if (!attr) return wrong_attr(self, given, "is none that the operator has");
  const size_t index = attr->type;
  const char *wanted = index < sizeof names / sizeof names[0] ? names[index] : NULL;
  if (!wanted) return wrong_attr(self, given, "cannot be given here");
  if (strcmp(type, wanted) == 0) return BLOK_OK;
  return BLOK_FAIL(self->error, BLOK_E_ARGUMENT,
                   "%s node '%s': attribute '%s' is of type '%s', not '%s'",
                   blok_quote(self->op->op_type).text, label(self).text,
                   blok_quote(given->name).text, wanted, blok_quote(type).text);
}

static blok_status check_required(const adding *self) {
  const blok_schema *schema = schema_of(self->op);
  const blok_node *node = blok_node_at(self->builder->graph, self->node);
  for (size_t i = 0; schema && i < schema->attr_count; i++) {
    const blok_schema_attr *attr = blok_schema_attr_at(schema, i);
    if (!attr->required || blok_node_attr(node, blok_schema_text(attr->name))) continue;
    return BLOK_FAIL(self->error, BLOK_E_ARGUMENT, "%s node '%s': the attribute '%s' is missing",
                     blok_quote(self->op->op_type).text, label(self).text,
                     blok_schema_text(attr->name));
  }
  return BLOK_OK;
}

static blok_status add_attribute(adding *self, const blok_build_attribute *given) {
  blok_graph *graph = self->builder->graph;
  const char *type = given->type ? given->type : "";
  BLOK_TRY(check_attribute(self, given, type));
  if (blok_node_attr(blok_node_at(graph, self->node), given->name)) {
    return wrong_attr(self, given, "is given twice");
  }
  if (given->count > UINT32_MAX) return wrong_attr(self, given, "has too many elements");
  if (strcmp(type, "int") == 0) {
    return blok_node_set_int(graph, self->node, given->name, given->i, self->error);
  }
  if (strcmp(type, "float") == 0) {
    return blok_node_set_float(graph, self->node, given->name, given->f, self->error);
  }
  if (strcmp(type, "string") == 0) {
    if (!given->text) return wrong_attr(self, given, "has no text");
    return blok_node_set_text(graph, self->node, given->name, given->text, self->error);
  }
  if (strcmp(type, "ints") == 0) {
    if (given->count && !given->ints) return wrong_attr(self, given, "has no ints");
    return blok_node_set_ints(graph, self->node, given->name, given->ints, (uint32_t)given->count,
                              self->error);
  }
  if (strcmp(type, "floats") == 0) {
    if (given->count && !given->floats) return wrong_attr(self, given, "has no floats");
    return add_floats(self, given);
  }
  return add_tensor(self, given);
}

// ---- The node -----------------------------------------------------------------------------------

static blok_status check_operator(const blok_builder *builder, const char *name,
                                  const blok_operator *op, const blok_value_id *outputs,
                                  size_t output_count, blok_error *error) {
  if (!op->op_type || !*op->op_type || !outputs || output_count == 0) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_operator: '%s' has no %s",
                     blok_quote(name).text, op->op_type && *op->op_type ? "outputs" : "op_type");
  }
  if ((op->input_count && !op->inputs) || (op->attribute_count && !op->attributes) ||
      op->input_count > UINT16_MAX || output_count > UINT16_MAX) {
    return BLOK_FAIL(
        error, BLOK_E_ARGUMENT,
        "blok_build_operator: %s node '%s' has %zu inputs, %zu attributes, %zu outputs",
        blok_quote(op->op_type).text, blok_quote(name).text, op->input_count, op->attribute_count,
        output_count);
  }
  if (blok_op_find(op->domain, op->op_type) == BLOK_OP_UNKNOWN) {
    return BLOK_FAIL(
        error, BLOK_E_UNSUPPORTED, "node '%s': the operator '%s' of domain '%s' is not known",
        blok_quote(name).text, blok_quote(op->op_type).text, blok_quote(op->domain).text);
  }
  for (size_t i = 0; i < op->input_count; i++) {
    if (!op->inputs[i].i || blok_builder_has(builder, op->inputs[i])) continue;
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s node '%s': input %zu is value %u, which the builder has not",
                     blok_quote(op->op_type).text, blok_quote(name).text, i, op->inputs[i].i);
  }
  return BLOK_OK;
}

// Names of nodes and values: "name/Op" and "name/Op_output_0", as the parts have them.
static blok_status add_node(adding *self, blok_value_id *outputs, uint32_t n_outputs) {
  blok_builder *builder = self->builder;
  const blok_operator *op = self->op;
  blok_graph *graph = builder->graph;
  blok_arena *arena = &builder->module->arena;
  blok_writer writer;
  const char *name = NULL;
  uint32_t n = (uint32_t)op->input_count;
  while (n && !op->inputs[n - 1].i) n--;
  BLOK_TRY(blok_builder_writer(builder, self->name, &writer, self->error));
  const char *stem = blok_arena_format(arena, "%s/%s", self->name, op->op_type);
  const char *type = blok_op_name(blok_op_find(op->domain, op->op_type));
  if (!stem) return blok_fail_memory(self->error, 0);
  BLOK_TRY(blok_write_name(&writer, stem, &name));
  BLOK_TRY(blok_graph_add_node(graph, "", type, n, n_outputs, &self->node, self->error));
  blok_node_at(graph, self->node)->name = name;
  for (uint32_t i = 0; i < n; i++) blok_graph_set_input(graph, self->node, i, op->inputs[i]);
  for (uint32_t i = 0; i < n_outputs; i++) {
    const char *output = blok_arena_format(arena, "%s_output_%u", name, i);
    if (!output) return blok_fail_memory(self->error, 0);
    BLOK_TRY(blok_write_name(&writer, output, &output));
    BLOK_TRY(blok_graph_add_value(graph, output, &outputs[i], self->error));
    blok_graph_set_output(graph, self->node, i, outputs[i]);
  }
  for (size_t i = 0; i < op->attribute_count; i++) {
    BLOK_TRY(add_attribute(self, &op->attributes[i]));
  }
  return check_required(self);
}

static blok_status add_operator(adding *self, blok_value_id *outputs, uint32_t n_outputs) {
  const uint32_t first = self->builder->graph->n_order;
  bool newest = true;
  BLOK_TRY(blok_builder_check_version(self->builder, self->op->op_type, self->op->opset, &newest,
                                      self->error));
  BLOK_TRY(add_node(self, outputs, n_outputs));
  if (newest) return blok_builder_infer(self->builder, first, self->error);
  return blok_builder_infer_version(self->builder, self->node, self->op->opset, self->error);
}

blok_status blok_build_operator(blok_builder *builder, const char *name, const blok_operator *given,
                                blok_value_id *outputs, size_t output_count, blok_error *error) {
  blok_operator op = BLOK_OPERATOR_INIT;
  BLOK_TRY(blok_builder_enter_bare(builder, "blok_build_operator", error));
  if (!given || !name) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_operator: %s is NULL",
                     name ? "op" : "name");
  }
  if (*name) BLOK_TRY(blok_builder_check_name("blok_build_operator", name, error));
  BLOK_TRY(blok_take_options(given, &op, sizeof op, "blok_operator", error));
  BLOK_TRY(check_operator(builder, name, &op, outputs, output_count, error));
  const blok_build_mark mark = blok_builder_mark(builder);
  adding self = {builder, name, &op, BLOK_NO_NODE, error};
  blok_value_id *made = blok_alloc_array(&builder->allocator, output_count, sizeof *made);
  if (!made) return blok_fail_memory(error, 0);
  const blok_status status =
      blok_builder_close(builder, &mark, add_operator(&self, made, (uint32_t)output_count));
  if (status == BLOK_OK) memcpy(outputs, made, output_count * sizeof *made);
  blok_free(&builder->allocator, made);
  return status;
}
