// What the file says: the model, its inputs, outputs, nodes and weights.
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "graph/schemas.h"

static const char *or_empty(const char *text) { return text ? text : ""; }

static uint64_t literal_bytes(const blok_literal *literal) {
  return literal->storage ? blok_storage_size(literal->storage) : 0;
}

blok_status blok_model_get_info(const blok_model *model, blok_model_info *info) {
  if (!model || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  const blok_module *source = model->source;
  const blok_graph *graph = source->graph;
  uint64_t bytes = 0, external = 0;
  for (uint32_t i = 0; i < graph->n_initializers; i++) {
    const blok_literal *literal = blok_value_at(graph, graph->initializers[i])->literal;
    bytes += literal_bytes(literal);
    if (literal->location) external += literal_bytes(literal);
  }
  BLOK_FILL(info, .name = or_empty(graph->name), .producer = model->producer,
            .doc = source->notes ? or_empty(source->notes->doc) : "",
            .ir_version = source->ir_version, .opset = blok_module_opset(source, ""),
            .nodes = graph->n_order, .functions = source->n_functions, .inputs = model->n_fed,
            .outputs = graph->n_outputs, .weights = graph->n_initializers,
            .parameters = model->parameters, .macs = model->macs, .weight_bytes = bytes,
            .external_bytes = external);
  return BLOK_OK;
}

// ---- Inputs, outputs, values --------------------------------------------------------------------

// By what inference knows (fact, NULL: nothing), else by what the file declares (type, may be
// NULL).
static blok_status fill_value(const char *name, const blok_fact *fact, const blok_type *type,
                              blok_value_info *info) {
  if (fact && fact->kind == BLOK_TYPE_TENSOR) {
    BLOK_FILL(info, .name = name, .dtype = fact->dtype, .type = blok_dtype_name(fact->dtype),
              .rank = fact->rank, .axes = (const blok_axis *)fact->dims);
    return BLOK_OK;
  }
  if (type && type->kind == BLOK_TYPE_TENSOR) {
    BLOK_FILL(info, .name = name, .dtype = type->dtype, .type = blok_dtype_name(type->dtype),
              .rank = type->has_shape ? (int32_t)type->rank : -1,
              .axes = (const blok_axis *)type->dims);
    return BLOK_OK;
  }
  static const char *const kinds[] = {"unknown",  "tensor", "sparse_tensor", "sequence",
                                      "optional", "map",    "opaque"};
  BLOK_FILL(info, .name = name, .type = type ? kinds[type->kind] : "unknown", .rank = -1);
  return BLOK_OK;
}

// A blok_dim is a blok_axis under the graph's own name.
_Static_assert(sizeof(blok_dim) == sizeof(blok_axis) &&
                   offsetof(blok_dim, symbol) == offsetof(blok_axis, symbol),
               "axes are handed out as they lie in types");

static const blok_fact *fact_of_name(const blok_model *model, const char *name) {
  uint32_t value;
  if (!model->facts || !blok_names_find(&model->working_names, name, &value)) return NULL;
  return &model->facts->of[value];
}

blok_status blok_model_input(const blok_model *model, size_t index, blok_value_info *info) {
  if (!model || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  if (index >= model->n_fed) return BLOK_E_NOT_FOUND;
  const blok_graph *graph = model->source->graph;
  const blok_value_entry *entry = &graph->inputs[model->fed[index]];
  return fill_value(blok_value_at(graph, entry->value)->name, NULL, entry->type, info);
}

blok_status blok_model_output(const blok_model *model, size_t index, blok_value_info *info) {
  if (!model || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  const blok_graph *graph = model->source->graph;
  if (index >= graph->n_outputs) return BLOK_E_NOT_FOUND;
  const blok_value_entry *entry = &graph->outputs[index];
  const char *name = blok_value_at(graph, entry->value)->name;
  return fill_value(name, fact_of_name(model, name), entry->type, info);
}

// ---- Nodes --------------------------------------------------------------------------------------

static const blok_node *node_at(const blok_model *model, size_t index) {
  const blok_graph *graph = model->source->graph;
  return index < graph->n_order ? blok_node_at(graph, graph->order[index]) : NULL;
}

static const char *node_name(const blok_graph *graph, const blok_node *node) {
  if (node->name && *node->name) return node->name;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i].i) return blok_value_at(graph, node->outputs[i])->name;
  }
  return "";
}

blok_status blok_model_node(const blok_model *model, size_t index, blok_node_info *info) {
  if (!model || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  const blok_node *node = node_at(model, index);
  if (!node) return BLOK_E_NOT_FOUND;
  const char *domain = blok_node_domain(node);
  BLOK_FILL(info, .name = node_name(model->source->graph, node), .op_type = node->op_type,
            .domain = domain, .inputs = node->n_inputs, .outputs = node->n_outputs,
            .block = model->node_block ? model->node_block[index] : -1,
            .known = blok_model_knows(model, node));
  return BLOK_OK;
}

static const char *slot_name(const blok_model *model, const blok_value_id *slots, uint32_t n,
                             size_t slot) {
  if (slot >= n) return NULL;
  return slots[slot].i ? blok_value_at(model->source->graph, slots[slot])->name : "";
}

const char *blok_model_node_input(const blok_model *model, size_t index, size_t slot) {
  const blok_node *node = model ? node_at(model, index) : NULL;
  return node ? slot_name(model, node->inputs, node->n_inputs, slot) : NULL;
}

const char *blok_model_node_output(const blok_model *model, size_t index, size_t slot) {
  const blok_node *node = model ? node_at(model, index) : NULL;
  return node ? slot_name(model, node->outputs, node->n_outputs, slot) : NULL;
}

blok_status blok_model_node_output_info(const blok_model *model, size_t index, size_t slot,
                                        blok_value_info *info) {
  if (!model || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  const char *name = blok_model_node_output(model, index, slot);
  const blok_fact *fact = name && *name ? fact_of_name(model, name) : NULL;
  return fact ? fill_value(name, fact, NULL, info) : BLOK_E_NOT_FOUND;
}

// ---- Weights ------------------------------------------------------------------------------------

static const blok_value *weight_at(const blok_model *model, size_t index) {
  const blok_graph *graph = model->source->graph;
  return index < graph->n_initializers ? blok_value_at(graph, graph->initializers[index]) : NULL;
}

blok_status blok_model_weight(const blok_model *model, size_t index, blok_weight_info *info) {
  if (!model || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  const blok_value *value = weight_at(model, index);
  if (!value) return BLOK_E_NOT_FOUND;
  const blok_literal *literal = value->literal;
  BLOK_FILL(info, .name = value->name, .dtype = literal->dtype, .rank = literal->rank,
            .dims = literal->dims, .bytes = blok_model_literal_bytes(literal),
            .location = literal->location);
  return BLOK_OK;
}

blok_status blok_model_weight_read(const blok_model *model, size_t index, void *data, size_t bytes,
                                   blok_error *error) {
  blok_error_clear(error);
  if (!model || (!data && bytes)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_weight_read: %s is NULL",
                     model ? "data" : "model");
  }
  const blok_value *value = weight_at(model, index);
  if (!value)
    return BLOK_FAIL(error, BLOK_E_NOT_FOUND, "the model has no weight of index %zu", index);
  return blok_model_read_literal(model, value->literal, value->name, data, bytes, error);
}
