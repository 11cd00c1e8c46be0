// Attributes of nodes, and the tensors that nodes and graph hold, as the API hands them out.
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "base/size.h"

uint64_t blok_model_literal_bytes(const blok_literal *literal) {
  size_t count, bytes;
  if (!blok_literal_count(literal, &count) || !blok_dense_bytes(literal->dtype, count, &bytes)) {
    return 0;
  }
  return bytes;
}

blok_status blok_model_read_literal(const blok_model *model, const blok_literal *literal,
                                    const char *what, void *data, size_t bytes, blok_error *error) {
  size_t count, need;
  if (!blok_literal_count(literal, &count) || !blok_dense_bytes(literal->dtype, count, &need)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "weight '%s' has an impossible size",
                     blok_quote(what).text);
  }
  if (bytes < need) {
    return BLOK_FAIL(error, BLOK_E_BUFFER, "weight '%s' needs %zu bytes, the buffer has %zu",
                     blok_quote(what).text, need, bytes);
  }
  return blok_literal_read(literal, &model->allocator, data, need, error);
}

static const blok_attr *attribute_at(const blok_model *model, size_t node, size_t index) {
  const blok_graph *graph = model->source->graph;
  if (node >= graph->n_order) return NULL;
  const blok_node *at = blok_node_at(graph, graph->order[node]);
  return index < at->n_attrs ? &at->attrs[index] : NULL;
}

static const char *type_word(blok_attr_type type) {
  static const char *const words[] = {
      "undefined",      "float", "int",     "string",  "tensor", "graph",
      "floats",         "ints",  "strings", "tensors", "graphs", "sparse_tensor",
      "sparse_tensors", "type",  "types",
  };
  size_t index = (size_t)type;
  return index < sizeof words / sizeof words[0] ? words[index] : "undefined";
}

blok_status blok_model_node_attribute(const blok_model *model, size_t node, size_t index,
                                      blok_attribute_info *info) {
  if (!model || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  const blok_attr *attr = attribute_at(model, node, index);
  if (!attr) return BLOK_E_NOT_FOUND;
  blok_attribute_info found = BLOK_ATTRIBUTE_INFO_INIT;
  found.name = attr->name;
  found.type = type_word(attr->type);
  found.count = attr->n;
  if (attr->type == BLOK_ATTR_INT) found.ints = &attr->as.i;
  if (attr->type == BLOK_ATTR_INTS) found.ints = attr->as.ints;
  if (attr->type == BLOK_ATTR_FLOAT) found.floats = &attr->as.f;
  if (attr->type == BLOK_ATTR_FLOATS) found.floats = attr->as.floats;
  if (attr->type == BLOK_ATTR_STRING && attr->n) {
    found.text = (const char *)attr->as.s.data;
    found.text_size = attr->as.s.size;
  }
  if (attr->type == BLOK_ATTR_TENSOR && attr->n) {
    const blok_literal *literal = attr->as.literal;
    found.dtype = literal->dtype;
    found.rank = literal->rank;
    found.dims = literal->dims;
    found.bytes = blok_model_literal_bytes(literal);
  }
  BLOK_FILL(info, .name = found.name, .type = found.type, .count = found.count, .ints = found.ints,
            .floats = found.floats, .text = found.text, .text_size = found.text_size,
            .dtype = found.dtype, .rank = found.rank, .dims = found.dims, .bytes = found.bytes);
  return BLOK_OK;
}

blok_status blok_model_node_attribute_read(const blok_model *model, size_t node, size_t index,
                                           void *data, size_t bytes, blok_error *error) {
  blok_error_clear(error);
  if (!model || (!data && bytes)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_node_attribute_read: %s is NULL",
                     model ? "data" : "model");
  }
  const blok_attr *attr = attribute_at(model, node, index);
  if (!attr) {
    return BLOK_FAIL(error, BLOK_E_NOT_FOUND, "node %zu has no attribute of index %zu", node,
                     index);
  }
  if (attr->type != BLOK_ATTR_TENSOR || !attr->n) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "attribute '%s' is of type %s, not a tensor",
                     blok_quote(attr->name).text, type_word(attr->type));
  }
  return blok_model_read_literal(model, attr->as.literal, attr->name, data, bytes, error);
}
