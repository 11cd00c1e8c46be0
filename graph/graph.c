// Modules and graphs: making them, adding values, nodes and lists, and freeing all of it.
#include "graph/graph.h"

#include <string.h>

#include "base/error.h"
#include "base/size.h"

blok_status blok_module_new(const blok_allocator *allocator, blok_module **out, blok_error *error) {
  *out = NULL;
  allocator = blok_allocator_or_default(allocator);
  blok_module *module = blok_alloc_zero(allocator, sizeof *module);
  if (!module) return blok_fail_memory(error, sizeof *module);
  module->allocator = *allocator;
  blok_arena_init(&module->arena, allocator);
  *out = module;
  return BLOK_OK;
}

void blok_module_free(blok_module **module) {
  blok_module *old = *module;
  *module = NULL;
  if (!old) return;
  // A literal that was handed over twice has one reference all the same.
  for (uint32_t i = 0; i < old->n_literals; i++) {
    blok_storage_release(old->literals[i]->storage);
    old->literals[i]->storage = NULL;
  }
  blok_allocator allocator = old->allocator;
  blok_arena_free(&old->arena);
  blok_free(&allocator, old);
}

blok_status blok_graph_new(blok_module *module, blok_graph *outer, blok_graph **out,
                           blok_error *error) {
  *out = NULL;
  blok_arena *arena = &module->arena;
  blok_graph *graph = blok_arena_zero(arena, sizeof *graph);
  if (!graph) return blok_fail_memory(error, sizeof *graph);
  graph->module = module;
  graph->outer = outer;
  if (!blok_arena_grow(arena, &graph->nodes, &graph->cap_nodes, 0, sizeof *graph->nodes) ||
      !blok_arena_grow(arena, &graph->values, &graph->cap_values, 0, sizeof *graph->values)) {
    return blok_fail_memory(error, 0);
  }
  memset(&graph->nodes[0], 0, sizeof graph->nodes[0]);
  memset(&graph->values[0], 0, sizeof graph->values[0]);
  graph->nodes[0].dead = true;
  graph->values[0].dead = true;
  graph->n_nodes = 1;
  graph->n_values = 1;
  *out = graph;
  return BLOK_OK;
}

blok_status blok_graph_add_value(blok_graph *graph, const char *name, blok_value_id *out,
                                 blok_error *error) {
  *out = BLOK_NO_VALUE;
  if (!blok_arena_grow(&graph->module->arena, &graph->values, &graph->cap_values, graph->n_values,
                       sizeof *graph->values)) {
    return blok_fail_memory(error, 0);
  }
  blok_value *value = &graph->values[graph->n_values];
  memset(value, 0, sizeof *value);
  value->name = name;
  out->i = graph->n_values++;
  return BLOK_OK;
}

// ---- Nodes --------------------------------------------------------------------------------------

// n slots, all none; NULL for 0 of them.
static bool new_slots(blok_arena *arena, uint32_t n, blok_value_id **out) {
  *out = n ? blok_arena_array(arena, n, sizeof **out) : NULL;
  return *out || n == 0;
}

blok_status blok_graph_add_node(blok_graph *graph, const char *domain, const char *op_type,
                                uint32_t n_inputs, uint32_t n_outputs, blok_node_id *out,
                                blok_error *error) {
  *out = BLOK_NO_NODE;
  blok_arena *arena = &graph->module->arena;
  blok_node node;
  memset(&node, 0, sizeof node);
  node.op = blok_op_find(domain, op_type);
  node.op_type = op_type;
  node.domain = domain;
  node.n_inputs = n_inputs;
  node.n_outputs = n_outputs;
  if (!new_slots(arena, n_inputs, &node.inputs) || !new_slots(arena, n_outputs, &node.outputs) ||
      !blok_arena_grow(arena, &graph->nodes, &graph->cap_nodes, graph->n_nodes,
                       sizeof *graph->nodes) ||
      !blok_arena_grow(arena, &graph->order, &graph->cap_order, graph->n_order,
                       sizeof *graph->order)) {
    return blok_fail_memory(error, 0);
  }
  out->i = graph->n_nodes++;
  graph->nodes[out->i] = node;
  graph->order[graph->n_order++] = *out;
  return BLOK_OK;
}

void blok_graph_set_input(blok_graph *graph, blok_node_id node, uint32_t slot,
                          blok_value_id value) {
  blok_node_at(graph, node)->inputs[slot] = value;
}

void blok_graph_set_output(blok_graph *graph, blok_node_id node, uint32_t slot,
                           blok_value_id value) {
  blok_value_id *output = &blok_node_at(graph, node)->outputs[slot];
  if (output->i) blok_value_at(graph, *output)->producer = BLOK_NO_NODE;
  *output = value;
  if (!value.i) return;
  blok_value_at(graph, value)->producer = node;
  blok_value_at(graph, value)->producer_slot = slot;
}

// ---- Lists --------------------------------------------------------------------------------------

static blok_status add_entry(blok_graph *graph, blok_value_entry **entries, uint32_t *n,
                             uint32_t *capacity, blok_value_id value, const blok_type *type,
                             blok_error *error) {
  if (!blok_arena_grow(&graph->module->arena, entries, capacity, *n, sizeof **entries)) {
    return blok_fail_memory(error, 0);
  }
  blok_value_entry entry = {value, type, NULL};
  (*entries)[(*n)++] = entry;
  return BLOK_OK;
}

blok_status blok_graph_add_input(blok_graph *graph, blok_value_id value, const blok_type *type,
                                 blok_error *error) {
  BLOK_TRY(
      add_entry(graph, &graph->inputs, &graph->n_inputs, &graph->cap_inputs, value, type, error));
  blok_value_at(graph, value)->is_input = true;
  return BLOK_OK;
}

blok_status blok_graph_add_output(blok_graph *graph, blok_value_id value, const blok_type *type,
                                  blok_error *error) {
  BLOK_TRY(add_entry(graph, &graph->outputs, &graph->n_outputs, &graph->cap_outputs, value, type,
                     error));
  blok_value_at(graph, value)->is_output = true;
  return BLOK_OK;
}

blok_status blok_module_keep_literal(blok_module *module, blok_literal *literal,
                                     blok_error *error) {
  if (!literal->storage) return BLOK_OK;
  if (!blok_arena_grow(&module->arena, &module->literals, &module->cap_literals, module->n_literals,
                       sizeof(blok_literal *))) {
    blok_storage_release(literal->storage);
    literal->storage = NULL;
    return blok_fail_memory(error, 0);
  }
  module->literals[module->n_literals++] = literal;
  return BLOK_OK;
}

blok_status blok_graph_add_initializer(blok_graph *graph, blok_value_id value,
                                       blok_literal *literal, blok_error *error) {
  BLOK_TRY(blok_module_keep_literal(graph->module, literal, error));
  if (!blok_arena_grow(&graph->module->arena, &graph->initializers, &graph->cap_initializers,
                       graph->n_initializers, sizeof *graph->initializers)) {
    return blok_fail_memory(error, 0);
  }
  graph->initializers[graph->n_initializers++] = value;
  blok_value_at(graph, value)->literal = literal;
  return BLOK_OK;
}

// A tensor type of these numbers.
static blok_type *concrete_type(blok_arena *arena, blok_dtype dtype, uint32_t rank,
                                const int64_t *dims) {
  blok_type *type = blok_type_tensor(arena, dtype, 0, NULL);
  if (!type || rank == 0) return type;
  type->rank = rank;
  type->dims = blok_arena_array(arena, rank, sizeof *type->dims);
  if (!type->dims) return NULL;
  for (uint32_t i = 0; i < rank; i++) type->dims[i] = blok_dim_of(dims[i]);
  return type;
}

blok_status blok_graph_add_constant(blok_graph *graph, const char *stem, blok_dtype dtype,
                                    uint32_t rank, const int64_t *dims, const void *elements,
                                    blok_value_id *out, blok_error *error) {
  *out = BLOK_NO_VALUE;
  blok_arena *arena = &graph->module->arena;
  size_t count, bytes;
  if (!blok_dims_count(dims, rank, &count) || !blok_dense_bytes(dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "a constant of %s%s cannot be made",
                     blok_dtype_name(dtype), blok_print_dims(dims, rank).text);
  }
  blok_type *type = concrete_type(arena, dtype, rank, dims);
  if (!type) return blok_fail_memory(error, sizeof *type);
  const char *name;
  BLOK_TRY(blok_graph_new_name(graph, stem, &name, error));
  blok_literal *literal;
  BLOK_TRY(blok_literal_make(arena, dtype, rank, dims, elements, bytes, &literal, error));
  literal->name = name;
  // From here on the module holds the storage; the value is added when nothing more can fail.
  BLOK_TRY(blok_module_keep_literal(graph->module, literal, error));
  if (!blok_arena_grow(arena, &graph->initializers, &graph->cap_initializers, graph->n_initializers,
                       sizeof *graph->initializers)) {
    return blok_fail_memory(error, 0);
  }
  blok_value_id value;
  BLOK_TRY(blok_graph_add_value(graph, name, &value, error));
  graph->initializers[graph->n_initializers++] = value;
  blok_value_at(graph, value)->literal = literal;
  blok_value_at(graph, value)->type = type;
  *out = value;
  return BLOK_OK;
}
