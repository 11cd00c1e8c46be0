// NodeProto to blok_node, AttributeProto to blok_attr.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "importer/reading.h"

// ---- Attributes ---------------------------------------------------------------------------------

// The types whose field an attribute has set, as bits by blok_attr_type.
static uint32_t fields_set(const Blok__Onnx__AttributeProto *message) {
  uint32_t set = 0;
  if (message->has_f) set |= 1u << BLOK_ATTR_FLOAT;
  if (message->has_i) set |= 1u << BLOK_ATTR_INT;
  if (message->has_s) set |= 1u << BLOK_ATTR_STRING;
  if (message->t) set |= 1u << BLOK_ATTR_TENSOR;
  if (message->g) set |= 1u << BLOK_ATTR_GRAPH;
  if (message->sparse_tensor) set |= 1u << BLOK_ATTR_SPARSE_TENSOR;
  if (message->tp) set |= 1u << BLOK_ATTR_TYPE;
  if (message->n_floats) set |= 1u << BLOK_ATTR_FLOATS;
  if (message->n_ints) set |= 1u << BLOK_ATTR_INTS;
  if (message->n_strings) set |= 1u << BLOK_ATTR_STRINGS;
  if (message->n_tensors) set |= 1u << BLOK_ATTR_TENSORS;
  if (message->n_graphs) set |= 1u << BLOK_ATTR_GRAPHS;
  if (message->n_sparse_tensors) set |= 1u << BLOK_ATTR_SPARSE_TENSORS;
  if (message->n_type_protos) set |= 1u << BLOK_ATTR_TYPES;
  return set;
}

// The attribute's type: as written, or by the one field that is set (IR 1 did not write it).
static blok_status find_type(const Blok__Onnx__AttributeProto *message, const char *owner,
                             blok_attr *out, blok_error *error) {
  uint32_t set = fields_set(message);
  blok_quoted name = blok_quote(message->name);
  if (set & (set - 1)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s: attribute '%s' holds values of more than one type", owner, name.text);
  }
  out->has_type = message->has_type;
  if (message->has_type &&
      message->type != BLOK__ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED) {
    out->type = (blok_attr_type)message->type;
    if ((unsigned)out->type > BLOK_ATTR_TYPES) {
      return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                       "%s: attribute '%s' has the type %d, which is not known", owner, name.text,
                       (int)message->type);
    }
    if (set && set != 1u << out->type) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED,
                       "%s: attribute '%s' says one type and holds another", owner, name.text);
    }
    return BLOK_OK;
  }
  for (unsigned type = 1; type <= BLOK_ATTR_TYPES; type++) {
    if (set == 1u << type) out->type = (blok_attr_type)type;
  }
  return BLOK_OK;
}

static blok_status read_literals(blok_reading *reading, size_t n,
                                 Blok__Onnx__TensorProto *const *messages, const char *what,
                                 blok_attr *out, blok_error *error) {
  out->as.literals = blok_arena_array(reading->arena, n, sizeof *out->as.literals);
  if (!out->as.literals) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < n; i++) {
    BLOK_TRY(blok_read_kept_literal(reading, messages[i], what, &out->as.literals[i], error));
    out->n++;
  }
  return BLOK_OK;
}

static blok_status read_graphs(blok_reading *reading, size_t n,
                               Blok__Onnx__GraphProto *const *messages, blok_scope *scope,
                               blok_attr *out, blok_error *error) {
  out->as.graphs = blok_arena_array(reading->arena, n, sizeof *out->as.graphs);
  if (!out->as.graphs) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < n; i++) {
    BLOK_TRY(blok_read_graph(reading, messages[i], scope, &out->as.graphs[i], error));
    out->n++;
  }
  return BLOK_OK;
}

static blok_status read_sparses(blok_reading *reading, size_t n,
                                Blok__Onnx__SparseTensorProto *const *messages, const char *what,
                                blok_attr *out, blok_error *error) {
  out->as.sparse = blok_arena_array(reading->arena, n, sizeof *out->as.sparse);
  if (!out->as.sparse) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < n; i++) {
    BLOK_TRY(blok_read_sparse(reading, messages[i], what, &out->as.sparse[i], error));
    out->n++;
  }
  return BLOK_OK;
}

static blok_status read_types(blok_reading *reading, size_t n,
                              Blok__Onnx__TypeProto *const *messages, blok_attr *out,
                              blok_error *error) {
  out->as.types = blok_arena_array(reading->arena, n, sizeof *out->as.types);
  if (!out->as.types) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < n; i++) {
    BLOK_TRY(blok_read_type(reading, messages[i], &out->as.types[i], error));
    out->n++;
  }
  return BLOK_OK;
}

static blok_status read_strings(blok_reading *reading, const Blok__Onnx__AttributeProto *message,
                                blok_attr *out, blok_error *error) {
  blok_bytes *strings = blok_arena_array(reading->arena, message->n_strings, sizeof *strings);
  if (!strings) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < message->n_strings; i++) {
    BLOK_TRY(blok_read_bytes(reading, message->strings[i], &strings[i], error));
  }
  out->as.strings = strings;
  out->n = (uint32_t)message->n_strings;
  return BLOK_OK;
}

static blok_status read_numbers(blok_reading *reading, const void *values, size_t n, size_t size,
                                const void **out, blok_error *error) {
  *out = blok_arena_copy(reading->arena, values, n * size);
  return *out ? BLOK_OK : blok_fail_memory(error, 0);
}

static blok_status read_value(blok_reading *reading, const Blok__Onnx__AttributeProto *message,
                              blok_scope *scope, const char *what, blok_attr *out,
                              blok_error *error) {
  const void *numbers;
  switch (out->type) {
    case BLOK_ATTR_UNDEFINED:
      return BLOK_OK;
    case BLOK_ATTR_FLOAT:
      out->as.f = message->f;
      out->n = message->has_f ? 1 : 0;
      return BLOK_OK;
    case BLOK_ATTR_INT:
      out->as.i = message->i;
      out->n = message->has_i ? 1 : 0;
      return BLOK_OK;
    case BLOK_ATTR_STRING:
      out->n = message->has_s ? 1 : 0;
      return blok_read_bytes(reading, message->s, &out->as.s, error);
    case BLOK_ATTR_TENSOR:
      if (!message->t) return BLOK_OK;
      BLOK_TRY(blok_read_kept_literal(reading, message->t, what, &out->as.literal, error));
      out->n = 1;
      return BLOK_OK;
    case BLOK_ATTR_GRAPH:
      return read_graphs(reading, message->g ? 1 : 0, &message->g, scope, out, error);
    case BLOK_ATTR_FLOATS:
      BLOK_TRY(read_numbers(reading, message->floats, message->n_floats, sizeof(float), &numbers,
                            error));
      out->as.floats = numbers;
      out->n = (uint32_t)message->n_floats;
      return BLOK_OK;
    case BLOK_ATTR_INTS:
      BLOK_TRY(
          read_numbers(reading, message->ints, message->n_ints, sizeof(int64_t), &numbers, error));
      out->as.ints = numbers;
      out->n = (uint32_t)message->n_ints;
      return BLOK_OK;
    case BLOK_ATTR_STRINGS:
      return read_strings(reading, message, out, error);
    case BLOK_ATTR_TENSORS:
      return read_literals(reading, message->n_tensors, message->tensors, what, out, error);
    case BLOK_ATTR_GRAPHS:
      return read_graphs(reading, message->n_graphs, message->graphs, scope, out, error);
    case BLOK_ATTR_SPARSE_TENSOR:
      return read_sparses(reading, message->sparse_tensor ? 1 : 0, &message->sparse_tensor, what,
                          out, error);
    case BLOK_ATTR_SPARSE_TENSORS:
      return read_sparses(reading, message->n_sparse_tensors, message->sparse_tensors, what, out,
                          error);
    case BLOK_ATTR_TYPE:
      return read_types(reading, message->tp ? 1 : 0, &message->tp, out, error);
    case BLOK_ATTR_TYPES:
      return read_types(reading, message->n_type_protos, message->type_protos, out, error);
  }
  return BLOK_OK;
}

blok_status blok_read_attribute(blok_reading *reading, const Blok__Onnx__AttributeProto *message,
                                blok_scope *scope, const char *owner, blok_attr *out,
                                blok_error *error) {
  char what[512];
  if (!message->name || !*message->name) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: an attribute has no name", owner);
  }
  snprintf(what, sizeof what, "%s: attribute '%s'", owner, blok_quote(message->name).text);
  BLOK_TRY(blok_read_text(reading, message->name, &out->name, error));
  BLOK_TRY(blok_read_text(reading, message->ref_attr_name, &out->ref, error));
  BLOK_TRY(blok_read_notes(reading, message->doc_string, 0, NULL, message->base.unknown_fields,
                           message->base.n_unknown_fields, &out->notes, error));
  BLOK_TRY(find_type(message, owner, out, error));
  return read_value(reading, message, scope, what, out, error);
}

// ---- Nodes --------------------------------------------------------------------------------------

// "Conv node 'x'" for messages while the node is being read.
static void label(const Blok__Onnx__NodeProto *message, char *out, size_t size) {
  const char *name = message->name && *message->name ? message->name
                     : message->n_output             ? message->output[0]
                                                     : "";
  snprintf(out, size, "%s node '%s'", blok_quote(message->op_type).text, blok_quote(name).text);
}

static blok_status read_outputs(blok_reading *reading, const Blok__Onnx__NodeProto *message,
                                blok_scope *scope, blok_node_id node, blok_error *error) {
  char what[384];
  label(message, what, sizeof what);
  for (size_t i = 0; i < message->n_output; i++) {
    if (!*message->output[i]) continue;
    blok_value_id value;
    BLOK_TRY(blok_scope_define(reading, scope, message->output[i], what, &value, error));
    blok_graph_set_output(scope->graph, node, (uint32_t)i, value);
  }
  return BLOK_OK;
}

static blok_status read_inputs(blok_reading *reading, const Blok__Onnx__NodeProto *message,
                               blok_scope *scope, blok_node_id node, blok_error *error) {
  for (size_t i = 0; i < message->n_input; i++) {
    if (!*message->input[i]) continue;
    blok_value_id value;
    BLOK_TRY(blok_scope_find(reading, scope, message->input[i], &value, error));
    if (!value.i) {
      char what[384];
      label(message, what, sizeof what);
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: input '%s' is made by no node", what,
                       blok_quote(message->input[i]).text);
    }
    blok_graph_set_input(scope->graph, node, (uint32_t)i, value);
  }
  return BLOK_OK;
}

// No attribute may stand twice.
static blok_status refuse_twice(blok_reading *reading, const Blok__Onnx__NodeProto *message,
                                const char *what, blok_error *error) {
  blok_status status = BLOK_OK;
  blok_names names;
  if (message->n_attribute < 2) return BLOK_OK;
  blok_names_init(&names, &reading->module->allocator);
  for (size_t i = 0; i < message->n_attribute && status == BLOK_OK; i++) {
    const char *name = message->attribute[i]->name;
    uint32_t first;
    if (!name) continue;
    if (blok_names_find(&names, name, &first)) {
      status = BLOK_FAIL(error, BLOK_E_MALFORMED, "%s has the attribute '%s' twice", what,
                         blok_quote(name).text);
    } else if (!blok_names_put(&names, name, (uint32_t)i)) {
      status = blok_fail_memory(error, 0);
    }
  }
  blok_names_free(&names);
  return status;
}

static blok_status read_attributes(blok_reading *reading, const Blok__Onnx__NodeProto *message,
                                   blok_scope *scope, blok_node_id id, blok_error *error) {
  char what[384];
  label(message, what, sizeof what);
  blok_attr *attrs = blok_arena_array(reading->arena, message->n_attribute, sizeof *attrs);
  if (!attrs) return blok_fail_memory(error, 0);
  BLOK_TRY(refuse_twice(reading, message, what, error));
  for (size_t i = 0; i < message->n_attribute; i++) {
    BLOK_TRY(blok_read_attribute(reading, message->attribute[i], scope, what, &attrs[i], error));
  }
  blok_node *node = blok_node_at(scope->graph, id);
  node->attrs = attrs;
  node->n_attrs = (uint32_t)message->n_attribute;
  return BLOK_OK;
}

static blok_status read_extras(blok_reading *reading, const Blok__Onnx__NodeProto *message,
                               blok_node *node, blok_error *error) {
  BLOK_TRY(blok_read_text(reading, message->name, &node->name, error));
  BLOK_TRY(blok_read_text(reading, message->domain, &node->domain, error));
  BLOK_TRY(blok_read_text(reading, message->overload, &node->overload, error));
  BLOK_TRY(blok_read_notes(reading, message->doc_string, message->n_metadata_props,
                           message->metadata_props, message->base.unknown_fields,
                           message->base.n_unknown_fields, &node->notes, error));
  blok_bytes *devices =
      blok_arena_array(reading->arena, message->n_device_configurations, sizeof *devices);
  if (!devices) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < message->n_device_configurations; i++) {
    BLOK_TRY(
        blok_read_opaque(reading, &message->device_configurations[i]->base, &devices[i], error));
  }
  node->device_configurations = devices;
  node->n_device_configurations = (uint32_t)message->n_device_configurations;
  return BLOK_OK;
}

static blok_status add_node(blok_reading *reading, const Blok__Onnx__NodeProto *message,
                            size_t index, blok_scope *scope, blok_node_id *out, blok_error *error) {
  const char *op_type;
  if (!message->op_type || !*message->op_type) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "node %zu ('%s') names no operator", index,
                     blok_quote(message->name).text);
  }
  BLOK_TRY(blok_read_text(reading, message->op_type, &op_type, error));
  BLOK_TRY(blok_graph_add_node(scope->graph, message->domain, op_type, (uint32_t)message->n_input,
                               (uint32_t)message->n_output, out, error));
  BLOK_TRY(read_extras(reading, message, blok_node_at(scope->graph, *out), error));
  return read_outputs(reading, message, scope, *out, error);
}

blok_status blok_read_nodes(blok_reading *reading, size_t count,
                            Blok__Onnx__NodeProto *const *messages, blok_scope *scope,
                            blok_error *error) {
  const uint32_t first = scope->graph->n_nodes;
  for (size_t i = 0; i < count; i++) {
    blok_node_id node;
    BLOK_TRY(add_node(reading, messages[i], i, scope, &node, error));
  }
  for (size_t i = 0; i < count; i++) {
    blok_node_id node = {first + (uint32_t)i};
    BLOK_TRY(read_inputs(reading, messages[i], scope, node, error));
    BLOK_TRY(read_attributes(reading, messages[i], scope, node, error));
  }
  return BLOK_OK;
}
