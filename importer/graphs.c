// GraphProto to blok_graph: the names of a graph, its lists, and what it captures.
//
// Names are resolved after every value of a graph is known, so nodes may stand in any order. A name
// that a subgraph does not have is looked for in the graphs around it, and each graph on the way
// gets a capture of it.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "importer/reading.h"

blok_status blok_scope_define(blok_reading *reading, blok_scope *scope, const char *name,
                              const char *what, blok_value_id *out, blok_error *error) {
  uint32_t known;
  if (blok_names_find(&scope->names, name, &known)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s: the name '%s' is taken already: every value of a graph needs its own",
                     what, blok_quote(name).text);
  }
  const char *copy;
  BLOK_TRY(blok_read_text(reading, name, &copy, error));
  BLOK_TRY(blok_graph_add_value(scope->graph, copy, out, error));
  if (!blok_names_put(&scope->names, copy, out->i)) return blok_fail_memory(error, 0);
  return BLOK_OK;
}

// The scope nearest to this one that has the name itself; NULL: none.
static blok_scope *owner_of(blok_scope *scope, const char *name) {
  uint32_t value;
  while (scope && !blok_names_find(&scope->names, name, &value)) scope = scope->outer;
  return scope;
}

static blok_status capture(blok_reading *reading, blok_scope *scope, blok_value_id outer,
                           const char *name, blok_value_id *out, blok_error *error) {
  if (!blok_arena_grow(reading->arena, &scope->captures, &scope->cap_captures, scope->n_captures,
                       sizeof *scope->captures)) {
    return blok_fail_memory(error, 0);
  }
  BLOK_TRY(blok_scope_define(reading, scope, name, "capture", out, error));
  blok_value *value = blok_value_at(scope->graph, *out);
  value->is_capture = true;
  value->type = blok_value_at(scope->outer->graph, outer)->type;
  scope->captures[scope->n_captures++] = (blok_capture){outer, *out};
  return BLOK_OK;
}

blok_status blok_scope_find(blok_reading *reading, blok_scope *scope, const char *name,
                            blok_value_id *out, blok_error *error) {
  *out = BLOK_NO_VALUE;
  const blok_scope *owner = owner_of(scope, name);
  if (!owner) return BLOK_OK;
  if (owner == scope) {
    uint32_t value = 0;
    if (blok_names_find(&scope->names, name, &value)) *out = (blok_value_id){value};
    return BLOK_OK;
  }
  // The graphs between, outermost first: subgraphs nest at most blok_limits.depth deep.
  blok_value_id outer;
  BLOK_TRY(blok_scope_find(reading, scope->outer, name, &outer, error));
  return capture(reading, scope, outer, name, out, error);
}

// ---- Lists --------------------------------------------------------------------------------------

static blok_status read_initializers(blok_reading *reading, const Blok__Onnx__GraphProto *message,
                                     blok_scope *scope, blok_error *error) {
  for (size_t i = 0; i < message->n_initializer; i++) {
    const Blok__Onnx__TensorProto *tensor = message->initializer[i];
    char what[192];
    snprintf(what, sizeof what, "initializer '%s'", blok_quote(tensor->name).text);
    if (!tensor->name || !*tensor->name) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "initializer %zu of the graph has no name", i);
    }
    blok_value_id value;
    blok_literal *literal;
    BLOK_TRY(blok_scope_define(reading, scope, tensor->name, what, &value, error));
    BLOK_TRY(blok_read_literal(reading, tensor, what, &literal, error));
    BLOK_TRY(blok_graph_add_initializer(scope->graph, value, literal, error));
  }
  return BLOK_OK;
}

static blok_status read_sparse_initializers(blok_reading *reading,
                                            const Blok__Onnx__GraphProto *message,
                                            blok_scope *scope, blok_error *error) {
  blok_graph *graph = scope->graph;
  graph->sparse =
      blok_arena_array(reading->arena, message->n_sparse_initializer, sizeof *graph->sparse);
  if (!graph->sparse) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < message->n_sparse_initializer; i++) {
    const Blok__Onnx__SparseTensorProto *sparse = message->sparse_initializer[i];
    const char *name = sparse->values ? sparse->values->name : NULL;
    if (!name || !*name) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "sparse initializer %zu has no values or no name",
                       i);
    }
    blok_value_id value;
    BLOK_TRY(blok_scope_define(reading, scope, name, "sparse initializer", &value, error));
    BLOK_TRY(blok_read_sparse(reading, sparse, "sparse initializer", &graph->sparse[i], error));
    blok_value_at(graph, value)->is_sparse = true;
    graph->n_sparse++;
  }
  return BLOK_OK;
}

static blok_status read_entry_notes(blok_reading *reading,
                                    const Blok__Onnx__ValueInfoProto *message,
                                    const blok_notes **out, blok_error *error) {
  return blok_read_notes(reading, message->doc_string, message->n_metadata_props,
                         message->metadata_props, message->base.unknown_fields,
                         message->base.n_unknown_fields, out, error);
}

static blok_status read_inputs(blok_reading *reading, const Blok__Onnx__GraphProto *message,
                               blok_scope *scope, blok_error *error) {
  blok_graph *graph = scope->graph;
  for (size_t i = 0; i < message->n_input; i++) {
    const Blok__Onnx__ValueInfoProto *info = message->input[i];
    if (!info->name || !*info->name) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "input %zu of the graph has no name", i);
    }
    uint32_t known;
    blok_value_id value;
    if (blok_names_find(&scope->names, info->name, &known) && !graph->values[known].is_input) {
      value = (blok_value_id){known};  // an initializer that is listed as an input too
    } else {
      BLOK_TRY(blok_scope_define(reading, scope, info->name, "graph input", &value, error));
    }
    blok_type *type;
    BLOK_TRY(blok_read_type(reading, info->type, &type, error));
    BLOK_TRY(blok_graph_add_input(graph, value, type, error));
    blok_value_at(graph, value)->type = type;
    BLOK_TRY(read_entry_notes(reading, info, &graph->inputs[graph->n_inputs - 1].notes, error));
  }
  return BLOK_OK;
}

static blok_status read_outputs(blok_reading *reading, const Blok__Onnx__GraphProto *message,
                                blok_scope *scope, blok_error *error) {
  blok_graph *graph = scope->graph;
  for (size_t i = 0; i < message->n_output; i++) {
    const Blok__Onnx__ValueInfoProto *info = message->output[i];
    blok_value_id value = BLOK_NO_VALUE;
    if (info->name && *info->name) {
      BLOK_TRY(blok_scope_find(reading, scope, info->name, &value, error));
    }
    if (!value.i) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "graph output '%s' is made by no node",
                       blok_quote(info->name).text);
    }
    blok_type *type;
    BLOK_TRY(blok_read_type(reading, info->type, &type, error));
    BLOK_TRY(blok_graph_add_output(graph, value, type, error));
    if (!blok_value_at(graph, value)->type) blok_value_at(graph, value)->type = type;
    BLOK_TRY(read_entry_notes(reading, info, &graph->outputs[graph->n_outputs - 1].notes, error));
  }
  return BLOK_OK;
}

// Inner values come last: an entry for a name that the graph does not have is kept as a value of
// its own that nothing reads.
static blok_status read_infos(blok_reading *reading, size_t count,
                              Blok__Onnx__ValueInfoProto *const *messages, blok_scope *scope,
                              blok_error *error) {
  blok_graph *graph = scope->graph;
  for (size_t i = 0; i < count; i++) {
    const char *name = messages[i]->name ? messages[i]->name : "";
    uint32_t known;
    blok_value_id value = BLOK_NO_VALUE;
    if (blok_names_find(&scope->names, name, &known)) {
      value = (blok_value_id){known};
    } else if (*name) {
      BLOK_TRY(blok_scope_define(reading, scope, name, "value_info", &value, error));
    }
    if (!blok_arena_grow(reading->arena, &graph->infos, &graph->cap_infos, graph->n_infos,
                         sizeof *graph->infos)) {
      return blok_fail_memory(error, 0);
    }
    blok_value_entry *entry = &graph->infos[graph->n_infos];
    blok_type *type;
    BLOK_TRY(blok_read_type(reading, messages[i]->type, &type, error));
    *entry = (blok_value_entry){value, type, NULL};
    BLOK_TRY(read_entry_notes(reading, messages[i], &entry->notes, error));
    graph->n_infos++;
    if (value.i && !blok_value_at(graph, value)->type) blok_value_at(graph, value)->type = type;
  }
  return BLOK_OK;
}

static blok_status read_annotations(blok_reading *reading, const Blok__Onnx__GraphProto *message,
                                    blok_graph *graph, blok_error *error) {
  graph->quant =
      blok_arena_array(reading->arena, message->n_quantization_annotation, sizeof *graph->quant);
  if (!graph->quant) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < message->n_quantization_annotation; i++) {
    const Blok__Onnx__TensorAnnotation *annotation = message->quantization_annotation[i];
    blok_quant_annotation *quant = &graph->quant[i];
    blok_property *params;
    BLOK_TRY(blok_read_text(reading, annotation->tensor_name, &quant->tensor_name, error));
    BLOK_TRY(blok_read_properties(reading, annotation->n_quant_parameter_tensor_names,
                                  annotation->quant_parameter_tensor_names, &params, error));
    quant->params = params;
    quant->n = (uint32_t)annotation->n_quant_parameter_tensor_names;
    BLOK_TRY(blok_read_unknown(reading, annotation->base.unknown_fields,
                               annotation->base.n_unknown_fields, &quant->unknown, error));
  }
  graph->n_quant = (uint32_t)message->n_quantization_annotation;
  return BLOK_OK;
}

// ---- Whole graphs -------------------------------------------------------------------------------

// A graph whose nodes feed each other in a circle cannot be meant. The order itself stays the
// file's.
static blok_status refuse_cycles(blok_reading *reading, blok_graph *graph, blok_error *error) {
  size_t bytes = graph->n_order * sizeof *graph->order;
  const blok_allocator *allocator = &reading->module->allocator;
  blok_node_id *order = blok_alloc(allocator, bytes);
  if (!order) return blok_fail_memory(error, bytes);
  if (bytes) memcpy(order, graph->order, bytes);
  blok_status status = blok_graph_sort(graph, error);
  if (bytes) memcpy(graph->order, order, bytes);
  blok_free(allocator, order);
  return status;
}

static blok_status read_contents(blok_reading *reading, const Blok__Onnx__GraphProto *message,
                                 blok_scope *scope, blok_error *error) {
  BLOK_TRY(read_initializers(reading, message, scope, error));
  BLOK_TRY(read_sparse_initializers(reading, message, scope, error));
  BLOK_TRY(read_inputs(reading, message, scope, error));
  BLOK_TRY(blok_read_nodes(reading, message->n_node, message->node, scope, error));
  BLOK_TRY(read_outputs(reading, message, scope, error));
  BLOK_TRY(read_infos(reading, message->n_value_info, message->value_info, scope, error));
  BLOK_TRY(read_annotations(reading, message, scope->graph, error));
  return refuse_cycles(reading, scope->graph, error);
}

blok_status blok_read_graph(blok_reading *reading, const Blok__Onnx__GraphProto *message,
                            blok_scope *outer, blok_subgraph *out, blok_error *error) {
  blok_scope scope = {.outer = outer};
  blok_names_init(&scope.names, &reading->module->allocator);
  blok_status status =
      blok_graph_new(reading->module, outer ? outer->graph : NULL, &scope.graph, error);
  if (status == BLOK_OK) status = blok_read_text(reading, message->name, &scope.graph->name, error);
  if (status == BLOK_OK) {
    status = blok_read_notes(reading, message->doc_string, message->n_metadata_props,
                             message->metadata_props, message->base.unknown_fields,
                             message->base.n_unknown_fields, &scope.graph->notes, error);
  }
  if (status == BLOK_OK) status = read_contents(reading, message, &scope, error);
  blok_names_free(&scope.names);
  *out = (blok_subgraph){scope.graph, scope.n_captures, scope.captures};
  return status;
}

static blok_status read_body(blok_reading *reading, const Blok__Onnx__FunctionProto *message,
                             blok_scope *scope, blok_error *error) {
  for (size_t i = 0; i < message->n_input; i++) {
    blok_value_id value;
    BLOK_TRY(blok_scope_define(reading, scope, message->input[i], "function input", &value, error));
    BLOK_TRY(blok_graph_add_input(scope->graph, value, NULL, error));
  }
  BLOK_TRY(blok_read_nodes(reading, message->n_node, message->node, scope, error));
  for (size_t i = 0; i < message->n_output; i++) {
    blok_value_id value;
    BLOK_TRY(blok_scope_find(reading, scope, message->output[i], &value, error));
    if (!value.i) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "output '%s' is made by no node",
                       blok_quote(message->output[i]).text);
    }
    BLOK_TRY(blok_graph_add_output(scope->graph, value, NULL, error));
  }
  BLOK_TRY(read_infos(reading, message->n_value_info, message->value_info, scope, error));
  return refuse_cycles(reading, scope->graph, error);
}

blok_status blok_read_function_body(blok_reading *reading, const Blok__Onnx__FunctionProto *message,
                                    blok_graph **out, blok_error *error) {
  blok_scope scope = {.outer = NULL};
  blok_names_init(&scope.names, &reading->module->allocator);
  blok_status status = blok_graph_new(reading->module, NULL, &scope.graph, error);
  if (status == BLOK_OK) status = read_body(reading, message, &scope, error);
  if (status != BLOK_OK)
    blok_error_prefix(error, "function '%s': ", blok_quote(message->name).text);
  blok_names_free(&scope.names);
  *out = scope.graph;
  return status;
}
