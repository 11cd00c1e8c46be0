// Looking at nodes and changing them in place: attributes, input slots, operator, sources.
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

const char *blok_node_domain(const blok_node *node) { return blok_domain(node->domain); }

blok_quoted blok_node_label(const blok_graph *graph, const blok_node *node) {
  if (node->name && *node->name) return blok_quote(node->name);
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i].i) return blok_quote(blok_value_at(graph, node->outputs[i])->name);
  }
  return blok_quote(NULL);
}

const blok_attr *blok_node_attr(const blok_node *node, const char *name) {
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    if (blok_text_equal(node->attrs[i].name, name)) return &node->attrs[i];
  }
  return NULL;
}

// The attribute if it holds a value of this type.
static const blok_attr *attr_of_type(const blok_node *node, const char *name, blok_attr_type type) {
  const blok_attr *attr = blok_node_attr(node, name);
  return attr && attr->type == type && !attr->ref ? attr : NULL;
}

int64_t blok_node_int(const blok_node *node, const char *name, int64_t fallback) {
  const blok_attr *attr = attr_of_type(node, name, BLOK_ATTR_INT);
  return attr && attr->n ? attr->as.i : fallback;
}

float blok_node_float(const blok_node *node, const char *name, float fallback) {
  const blok_attr *attr = attr_of_type(node, name, BLOK_ATTR_FLOAT);
  return attr && attr->n ? attr->as.f : fallback;
}

bool blok_node_text_is(const blok_node *node, const char *name, const char *fallback,
                       const char *text) {
  const blok_attr *attr = attr_of_type(node, name, BLOK_ATTR_STRING);
  if (!attr || !attr->n) return fallback && strcmp(fallback, text) == 0;
  size_t length = strlen(text);
  return attr->as.s.size == length && (length == 0 || memcmp(attr->as.s.data, text, length) == 0);
}

const int64_t *blok_node_ints(const blok_node *node, const char *name, uint32_t *n) {
  const blok_attr *attr = attr_of_type(node, name, BLOK_ATTR_INTS);
  *n = attr ? attr->n : 0;
  return attr ? attr->as.ints : NULL;
}

int64_t blok_module_opset(const blok_module *module, const char *domain) {
  domain = blok_domain(domain);
  for (uint32_t i = 0; i < module->n_opsets; i++) {
    const blok_opset *opset = &module->opsets[i];
    if (strcmp(blok_domain(opset->domain), domain) == 0) return opset->version;
  }
  return 0;
}

// ---- Attributes ---------------------------------------------------------------------------------

// Puts attr (all but its name) under name: in the place of the one there, or at the end.
static blok_status put_attr(blok_graph *graph, blok_node_id id, const char *name, blok_attr attr,
                            blok_error *error) {
  blok_arena *arena = &graph->module->arena;
  blok_node *node = blok_node_at(graph, id);
  attr.has_type = true;
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    if (!blok_text_equal(node->attrs[i].name, name)) continue;
    attr.name = node->attrs[i].name;
    node->attrs[i] = attr;
    return BLOK_OK;
  }
  blok_attr *attrs = blok_arena_array(arena, (size_t)node->n_attrs + 1, sizeof *attrs);
  attr.name = blok_arena_text(arena, name);
  if (!attrs || !attr.name) return blok_fail_memory(error, 0);
  if (node->n_attrs) memcpy(attrs, node->attrs, node->n_attrs * sizeof *attrs);
  attrs[node->n_attrs] = attr;
  node->attrs = attrs;
  node->n_attrs++;
  return BLOK_OK;
}

static blok_attr empty_attr(blok_attr_type type, uint32_t n) {
  blok_attr attr;
  memset(&attr, 0, sizeof attr);
  attr.type = type;
  attr.n = n;
  return attr;
}

blok_status blok_node_set_int(blok_graph *graph, blok_node_id node, const char *name, int64_t value,
                              blok_error *error) {
  blok_attr attr = empty_attr(BLOK_ATTR_INT, 1);
  attr.as.i = value;
  return put_attr(graph, node, name, attr, error);
}

blok_status blok_node_set_float(blok_graph *graph, blok_node_id node, const char *name, float value,
                                blok_error *error) {
  blok_attr attr = empty_attr(BLOK_ATTR_FLOAT, 1);
  attr.as.f = value;
  return put_attr(graph, node, name, attr, error);
}

blok_status blok_node_set_text(blok_graph *graph, blok_node_id node, const char *name,
                               const char *value, blok_error *error) {
  blok_attr attr = empty_attr(BLOK_ATTR_STRING, 1);
  attr.as.s.size = strlen(value);
  attr.as.s.data = blok_arena_copy(&graph->module->arena, value, attr.as.s.size + 1);
  if (!attr.as.s.data) return blok_fail_memory(error, attr.as.s.size + 1);
  return put_attr(graph, node, name, attr, error);
}

blok_status blok_node_set_ints(blok_graph *graph, blok_node_id node, const char *name,
                               const int64_t *values, uint32_t n, blok_error *error) {
  blok_attr attr = empty_attr(BLOK_ATTR_INTS, n);
  attr.as.ints = blok_arena_copy(&graph->module->arena, values, n * sizeof *values);
  if (!attr.as.ints) return blok_fail_memory(error, n * sizeof *values);
  return put_attr(graph, node, name, attr, error);
}

void blok_node_drop_attr(blok_graph *graph, blok_node_id id, const char *name) {
  blok_node *node = blok_node_at(graph, id);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    if (!blok_text_equal(node->attrs[i].name, name)) node->attrs[kept++] = node->attrs[i];
  }
  node->n_attrs = kept;
}

// ---- The node itself ----------------------------------------------------------------------------

blok_status blok_node_resize_inputs(blok_graph *graph, blok_node_id id, uint32_t n_inputs,
                                    blok_error *error) {
  blok_node *node = blok_node_at(graph, id);
  if (n_inputs > node->n_inputs) {
    blok_value_id *inputs = blok_arena_array(&graph->module->arena, n_inputs, sizeof *node->inputs);
    if (!inputs) return blok_fail_memory(error, n_inputs * sizeof *inputs);
    if (node->n_inputs) memcpy(inputs, node->inputs, node->n_inputs * sizeof *inputs);
    node->inputs = inputs;
  }
  node->n_inputs = n_inputs;
  return BLOK_OK;
}

void blok_node_set_op(blok_graph *graph, blok_node_id id, const char *op_type) {
  blok_node *node = blok_node_at(graph, id);
  node->op_type = op_type;
  node->op = blok_op_find(node->domain, op_type);
}

blok_status blok_node_add_sources(blok_graph *graph, blok_node_id id, const blok_node *from,
                                  blok_error *error) {
  blok_node *node = blok_node_at(graph, id);
  if (from->n_sources == 0) return BLOK_OK;
  size_t total = (size_t)node->n_sources + from->n_sources;
  blok_node_id *merged = blok_arena_array(&graph->module->arena, total, sizeof *merged);
  if (!merged) return blok_fail_memory(error, total * sizeof *merged);
  uint32_t a = 0, b = 0, n = 0;
  while (a < node->n_sources || b < from->n_sources) {
    bool take_a =
        b == from->n_sources || (a < node->n_sources && node->sources[a].i <= from->sources[b].i);
    blok_node_id next = take_a ? node->sources[a++] : from->sources[b++];
    if (n == 0 || merged[n - 1].i != next.i) merged[n++] = next;
  }
  node->sources = merged;
  node->n_sources = n;
  return BLOK_OK;
}
