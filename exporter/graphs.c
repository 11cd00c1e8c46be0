// blok_graph to GraphProto: lists, nodes, attributes.
#include "base/error.h"
#include "exporter/writing.h"

blok_status blok_write_names(blok_writing *writing, const blok_graph *graph,
                             const char *const *outer_names, const blok_subgraph *captures,
                             const char ***out, blok_error *error) {
  const char **names = blok_write_take(writing, graph->n_values, sizeof *names, error);
  *out = names;
  if (!names) return BLOK_E_MEMORY;
  for (uint32_t v = 1; v < graph->n_values; v++) names[v] = graph->values[v].name;
  for (uint32_t c = 0; captures && c < captures->n_captures; c++) {
    names[captures->captures[c].inner.i] = outer_names[captures->captures[c].outer.i];
  }
  return BLOK_OK;
}

// ---- Attributes ---------------------------------------------------------------------------------

static blok_status write_literals(blok_writing *writing, const blok_attr *attr,
                                  Blok__Onnx__AttributeProto *message, blok_error *error) {
  message->tensors = blok_write_take(writing, attr->n, sizeof *message->tensors, error);
  if (!message->tensors) return BLOK_E_MEMORY;
  message->n_tensors = attr->n;
  for (uint32_t i = 0; i < attr->n; i++) {
    const blok_literal *literal = attr->as.literals[i];
    BLOK_TRY(blok_write_literal(writing, literal, literal->name, &message->tensors[i], error));
  }
  return BLOK_OK;
}

static blok_status write_graphs(blok_writing *writing, const blok_attr *attr,
                                const char *const *names, Blok__Onnx__GraphProto ***out,
                                blok_error *error) {
  *out = blok_write_take(writing, attr->n, sizeof **out, error);
  if (!*out) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < attr->n; i++) {
    const blok_subgraph *subgraph = &attr->as.graphs[i];
    BLOK_TRY(blok_write_graph(writing, subgraph->graph, names, subgraph, &(*out)[i], error));
  }
  return BLOK_OK;
}

static blok_status write_sparses(blok_writing *writing, const blok_attr *attr,
                                 Blok__Onnx__SparseTensorProto ***out, blok_error *error) {
  *out = blok_write_take(writing, attr->n, sizeof **out, error);
  if (!*out) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < attr->n; i++) {
    BLOK_TRY(blok_write_sparse(writing, &attr->as.sparse[i], &(*out)[i], error));
  }
  return BLOK_OK;
}

static blok_status write_types(blok_writing *writing, const blok_attr *attr,
                               Blok__Onnx__TypeProto ***out, blok_error *error) {
  *out = blok_write_take(writing, attr->n, sizeof **out, error);
  if (!*out) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < attr->n; i++) {
    BLOK_TRY(blok_write_type(writing, attr->as.types[i], &(*out)[i], error));
  }
  return BLOK_OK;
}

static ProtobufCBinaryData borrow_bytes(blok_bytes bytes) {
  return (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
}

static blok_status write_strings(blok_writing *writing, const blok_attr *attr,
                                 Blok__Onnx__AttributeProto *message, blok_error *error) {
  message->strings = blok_write_take(writing, attr->n, sizeof *message->strings, error);
  if (!message->strings) return BLOK_E_MEMORY;
  message->n_strings = attr->n;
  for (uint32_t i = 0; i < attr->n; i++) message->strings[i] = borrow_bytes(attr->as.strings[i]);
  return BLOK_OK;
}

// The fields of the types that hold messages. A single one is written by the code for many.
static blok_status write_messages(blok_writing *writing, const blok_attr *attr,
                                  const char *const *names, Blok__Onnx__AttributeProto *message,
                                  blok_error *error) {
  Blok__Onnx__GraphProto **graphs;
  Blok__Onnx__SparseTensorProto **sparses;
  Blok__Onnx__TypeProto **types;
  if (attr->type == BLOK_ATTR_TENSOR) {
    return blok_write_literal(writing, attr->as.literal, attr->as.literal->name, &message->t,
                              error);
  }
  if (attr->type == BLOK_ATTR_TENSORS) return write_literals(writing, attr, message, error);
  if (attr->type == BLOK_ATTR_GRAPH || attr->type == BLOK_ATTR_GRAPHS) {
    BLOK_TRY(write_graphs(writing, attr, names, &graphs, error));
    if (attr->type == BLOK_ATTR_GRAPH) {
      message->g = graphs[0];
    } else {
      message->graphs = graphs;
      message->n_graphs = attr->n;
    }
  } else if (attr->type == BLOK_ATTR_SPARSE_TENSOR || attr->type == BLOK_ATTR_SPARSE_TENSORS) {
    BLOK_TRY(write_sparses(writing, attr, &sparses, error));
    if (attr->type == BLOK_ATTR_SPARSE_TENSOR) {
      message->sparse_tensor = sparses[0];
    } else {
      message->sparse_tensors = sparses;
      message->n_sparse_tensors = attr->n;
    }
  } else {
    BLOK_TRY(write_types(writing, attr, &types, error));
    if (attr->type == BLOK_ATTR_TYPE) {
      message->tp = types[0];
    } else {
      message->type_protos = types;
      message->n_type_protos = attr->n;
    }
  }
  return BLOK_OK;
}

static blok_status write_value(blok_writing *writing, const blok_attr *attr,
                               const char *const *names, Blok__Onnx__AttributeProto *message,
                               blok_error *error) {
  if (attr->n == 0) return BLOK_OK;
  switch (attr->type) {
    case BLOK_ATTR_UNDEFINED:
      return BLOK_OK;
    case BLOK_ATTR_FLOAT:
      message->has_f = 1;
      message->f = attr->as.f;
      return BLOK_OK;
    case BLOK_ATTR_INT:
      message->has_i = 1;
      message->i = attr->as.i;
      return BLOK_OK;
    case BLOK_ATTR_STRING:
      message->has_s = 1;
      message->s = borrow_bytes(attr->as.s);
      return BLOK_OK;
    case BLOK_ATTR_FLOATS:
      message->floats = (float *)(uintptr_t)attr->as.floats;
      message->n_floats = attr->n;
      return BLOK_OK;
    case BLOK_ATTR_INTS:
      message->ints = (int64_t *)(uintptr_t)attr->as.ints;
      message->n_ints = attr->n;
      return BLOK_OK;
    case BLOK_ATTR_STRINGS:
      return write_strings(writing, attr, message, error);
    case BLOK_ATTR_TENSOR:
    case BLOK_ATTR_TENSORS:
    case BLOK_ATTR_GRAPH:
    case BLOK_ATTR_GRAPHS:
    case BLOK_ATTR_SPARSE_TENSOR:
    case BLOK_ATTR_SPARSE_TENSORS:
    case BLOK_ATTR_TYPE:
    case BLOK_ATTR_TYPES:
      return write_messages(writing, attr, names, message, error);
  }
  return BLOK_OK;
}

blok_status blok_write_attribute(blok_writing *writing, const blok_attr *attr,
                                 const char *const *names, Blok__Onnx__AttributeProto **out,
                                 blok_error *error) {
  Blok__Onnx__AttributeProto *message = blok_write_take(writing, 1, sizeof *message, error);
  *out = message;
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__attribute_proto__init(message);
  message->name = blok_write_text(attr->name);
  message->ref_attr_name = blok_write_text(attr->ref);
  message->has_type = attr->has_type;
  message->type = (Blok__Onnx__AttributeProto__AttributeType)attr->type;
  BLOK_TRY(blok_write_notes(writing, attr->notes, &message->doc_string, NULL, NULL, &message->base,
                            error));
  return write_value(writing, attr, names, message, error);
}

// ---- Nodes --------------------------------------------------------------------------------------

static blok_status write_slots(blok_writing *writing, const blok_value_id *values, uint32_t n,
                               const char *const *names, size_t *count, char ***out,
                               blok_error *error) {
  *out = blok_write_take(writing, n, sizeof **out, error);
  if (!*out) return BLOK_E_MEMORY;
  *count = n;
  for (uint32_t i = 0; i < n; i++)
    (*out)[i] = blok_write_text(values[i].i ? names[values[i].i] : "");
  return BLOK_OK;
}

static blok_status write_node(blok_writing *writing, const blok_node *node,
                              const char *const *names, Blok__Onnx__NodeProto **out,
                              blok_error *error) {
  Blok__Onnx__NodeProto *message = blok_write_take(writing, 1, sizeof *message, error);
  *out = message;
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__node_proto__init(message);
  message->name = blok_write_text(node->name);
  message->op_type = blok_write_text(node->op_type);
  message->domain = blok_write_text(node->domain);
  message->overload = blok_write_text(node->overload);
  BLOK_TRY(write_slots(writing, node->inputs, node->n_inputs, names, &message->n_input,
                       &message->input, error));
  BLOK_TRY(write_slots(writing, node->outputs, node->n_outputs, names, &message->n_output,
                       &message->output, error));
  message->n_attribute = node->n_attrs;
  message->attribute = blok_write_take(writing, node->n_attrs, sizeof *message->attribute, error);
  if (!message->attribute) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    BLOK_TRY(blok_write_attribute(writing, &node->attrs[i], names, &message->attribute[i], error));
  }
  const uint32_t devices = node->n_device_configurations;
  message->n_device_configurations = devices;
  message->device_configurations =
      blok_write_take(writing, devices, sizeof *message->device_configurations, error);
  if (!message->device_configurations) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < devices; i++) {
    ProtobufCMessage *device;
    BLOK_TRY(blok_write_opaque(writing, node->device_configurations[i],
                               &blok__onnx__node_device_configuration_proto__descriptor, &device,
                               error));
    message->device_configurations[i] = (Blok__Onnx__NodeDeviceConfigurationProto *)device;
  }
  return blok_write_notes(writing, node->notes, &message->doc_string, &message->n_metadata_props,
                          &message->metadata_props, &message->base, error);
}

blok_status blok_write_nodes(blok_writing *writing, const blok_graph *graph,
                             const char *const *names, size_t *count, Blok__Onnx__NodeProto ***out,
                             blok_error *error) {
  *out = blok_write_take(writing, graph->n_order, sizeof **out, error);
  if (!*out) return BLOK_E_MEMORY;
  *count = 0;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (node->dead) continue;
    BLOK_TRY(write_node(writing, node, names, &(*out)[(*count)++], error));
  }
  return BLOK_OK;
}

// ---- Graphs -------------------------------------------------------------------------------------

blok_status blok_write_entries(blok_writing *writing, const blok_value_entry *entries, size_t count,
                               const char *const *names, Blok__Onnx__ValueInfoProto ***out,
                               blok_error *error) {
  *out = blok_write_take(writing, count, sizeof **out, error);
  if (!*out) return BLOK_E_MEMORY;
  for (size_t i = 0; i < count; i++) {
    Blok__Onnx__ValueInfoProto *message = blok_write_take(writing, 1, sizeof *message, error);
    if (!message) return BLOK_E_MEMORY;
    blok__onnx__value_info_proto__init(message);
    (*out)[i] = message;
    if (entries[i].value.i) message->name = blok_write_text(names[entries[i].value.i]);
    BLOK_TRY(blok_write_type(writing, entries[i].type, &message->type, error));
    BLOK_TRY(blok_write_notes(writing, entries[i].notes, &message->doc_string,
                              &message->n_metadata_props, &message->metadata_props, &message->base,
                              error));
  }
  return BLOK_OK;
}

static blok_status write_initializers(blok_writing *writing, const blok_graph *graph,
                                      const char *const *names, Blok__Onnx__GraphProto *message,
                                      blok_error *error) {
  message->initializer =
      blok_write_take(writing, graph->n_initializers, sizeof *message->initializer, error);
  message->sparse_initializer =
      blok_write_take(writing, graph->n_sparse, sizeof *message->sparse_initializer, error);
  if (!message->initializer || !message->sparse_initializer) return BLOK_E_MEMORY;
  message->n_initializer = graph->n_initializers;
  message->n_sparse_initializer = graph->n_sparse;
  for (uint32_t i = 0; i < graph->n_initializers; i++) {
    blok_value_id value = graph->initializers[i];
    BLOK_TRY(blok_write_literal(writing, blok_value_at(graph, value)->literal, names[value.i],
                                &message->initializer[i], error));
  }
  for (uint32_t i = 0; i < graph->n_sparse; i++) {
    BLOK_TRY(blok_write_sparse(writing, &graph->sparse[i], &message->sparse_initializer[i], error));
  }
  return BLOK_OK;
}

static blok_status write_annotations(blok_writing *writing, const blok_graph *graph,
                                     Blok__Onnx__GraphProto *message, blok_error *error) {
  message->n_quantization_annotation = graph->n_quant;
  message->quantization_annotation =
      blok_write_take(writing, graph->n_quant, sizeof *message->quantization_annotation, error);
  if (!message->quantization_annotation) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < graph->n_quant; i++) {
    const blok_quant_annotation *quant = &graph->quant[i];
    Blok__Onnx__TensorAnnotation *annotation =
        blok_write_take(writing, 1, sizeof *annotation, error);
    if (!annotation) return BLOK_E_MEMORY;
    blok__onnx__tensor_annotation__init(annotation);
    message->quantization_annotation[i] = annotation;
    annotation->tensor_name = blok_write_text(quant->tensor_name);
    annotation->n_quant_parameter_tensor_names = quant->n;
    BLOK_TRY(blok_write_properties(writing, quant->params, quant->n,
                                   &annotation->quant_parameter_tensor_names, error));
    BLOK_TRY(blok_write_unknown(writing, quant->unknown, &annotation->base, error));
  }
  return BLOK_OK;
}

blok_status blok_write_graph(blok_writing *writing, const blok_graph *graph,
                             const char *const *outer_names, const blok_subgraph *captures,
                             Blok__Onnx__GraphProto **out, blok_error *error) {
  Blok__Onnx__GraphProto *message = blok_write_take(writing, 1, sizeof *message, error);
  *out = message;
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__graph_proto__init(message);
  const char **names;
  BLOK_TRY(blok_write_names(writing, graph, outer_names, captures, &names, error));
  message->name = blok_write_text(graph->name);
  BLOK_TRY(blok_write_notes(writing, graph->notes, &message->doc_string, &message->n_metadata_props,
                            &message->metadata_props, &message->base, error));
  BLOK_TRY(write_initializers(writing, graph, names, message, error));
  message->n_input = graph->n_inputs;
  message->n_output = graph->n_outputs;
  message->n_value_info = graph->n_infos;
  BLOK_TRY(
      blok_write_entries(writing, graph->inputs, graph->n_inputs, names, &message->input, error));
  BLOK_TRY(blok_write_entries(writing, graph->outputs, graph->n_outputs, names, &message->output,
                              error));
  BLOK_TRY(blok_write_entries(writing, graph->infos, graph->n_infos, names, &message->value_info,
                              error));
  BLOK_TRY(blok_write_nodes(writing, graph, names, &message->n_node, &message->node, error));
  return write_annotations(writing, graph, message, error);
}
