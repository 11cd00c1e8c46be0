// What passes share: a new order, new constants, nodes taken out. See rewrite.h.
#include "passes/rewrite.h"

#include <string.h>

#include "base/error.h"
#include "reference/reference.h"

blok_subgraph *blok_node_subgraph(const blok_node *node, uint32_t index) {
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    const blok_attr *attr = &node->attrs[a];
    if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
    if (index < attr->n) return &attr->as.graphs[index];
    index -= attr->n;
  }
  return NULL;
}

blok_status blok_each_graph(blok_graph *graph, blok_graph_visit visit, void *context,
                            blok_error *error) {
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id node = graph->order[i];
    const blok_subgraph *inner = NULL;
    for (uint32_t s = 0; (inner = blok_node_subgraph(blok_node_at(graph, node), s)); s++) {
      if (inner->graph) BLOK_TRY(blok_each_graph(inner->graph, visit, context, error));
    }
  }
  return visit(graph, context, error);
}

blok_old_order blok_rewrite_begin(blok_graph *graph) {
  blok_old_order old = {graph->order, graph->n_order};
  graph->order = NULL;
  graph->n_order = graph->cap_order = 0;
  return old;
}

blok_status blok_rewrite_keep(blok_graph *graph, blok_node_id node, blok_error *error) {
  if (!blok_arena_grow(&graph->module->arena, &graph->order, &graph->cap_order, graph->n_order,
                       sizeof *graph->order)) {
    return blok_fail_memory(error, 0);
  }
  graph->order[graph->n_order++] = node;
  return BLOK_OK;
}

// The name that a node goes by, not escaped.
static const char *stem_of(const blok_graph *graph, const blok_node *node) {
  if (node->name && node->name[0]) return node->name;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i].i) return blok_value_at(graph, node->outputs[i])->name;
  }
  return node->op_type;
}

static blok_status fresh_name(blok_graph *graph, blok_node_id node, const char *what,
                              const char **out, blok_error *error) {
  const char *stem = blok_arena_format(&graph->module->arena, "%s/%s",
                                       stem_of(graph, blok_node_at(graph, node)), what);
  if (!stem) return blok_fail_memory(error, 0);
  return blok_graph_new_name(graph, stem, out, error);
}

blok_status blok_rewrite_node(blok_graph *graph, blok_node_id like, const char *op_type, uint32_t n,
                              const blok_value_id *inputs, blok_value_id output, blok_node_id *out,
                              blok_error *error) {
  if (!output.i) {
    const char *name = NULL;
    BLOK_TRY(fresh_name(graph, like, op_type, &name, error));
    BLOK_TRY(blok_graph_add_value(graph, name, &output, error));
  }
  blok_node_id made = BLOK_NO_NODE;
  BLOK_TRY(blok_graph_add_node(graph, "", op_type, n, 1, &made, error));
  for (uint32_t i = 0; i < n; i++) blok_graph_set_input(graph, made, i, inputs[i]);
  blok_graph_set_output(graph, made, 0, output);
  blok_node_at(graph, made)->name = blok_node_at(graph, like)->name;
  BLOK_TRY(blok_node_add_sources(graph, made, blok_node_at(graph, like), error));
  *out = made;
  return BLOK_OK;
}

blok_status blok_rewrite_ints(blok_graph *graph, blok_node_id node, const char *what,
                              const int64_t *values, uint32_t n, blok_value_id *out,
                              blok_error *error) {
  const char *name = NULL;
  int64_t dims[1] = {n};
  static const int64_t none = 0;
  BLOK_TRY(fresh_name(graph, node, what, &name, error));
  return blok_graph_add_constant(graph, name, BLOK_I64, 1, dims, n ? values : &none, out, error);
}

blok_status blok_rewrite_number(blok_graph *graph, blok_node_id node, const char *what,
                                blok_dtype dtype, double value, blok_value_id *out,
                                blok_error *error) {
  union {
    double f64;
    uint8_t bytes[8];
  } data = {0};
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = dtype;
  tensor.data = &data;
  tensor.bytes = sizeof data;
  blok_ref_store(&tensor, 0, value);
  const char *name = NULL;
  BLOK_TRY(fresh_name(graph, node, what, &name, error));
  return blok_graph_add_constant(graph, name, dtype, 0, NULL, &data, out, error);
}

blok_status blok_rewrite_input(blok_graph *graph, blok_node_id node, uint32_t slot,
                               blok_value_id value, blok_error *error) {
  if (slot >= blok_node_at(graph, node)->n_inputs) {
    if (!value.i) return BLOK_OK;
    BLOK_TRY(blok_node_resize_inputs(graph, node, slot + 1, error));
  }
  blok_graph_set_input(graph, node, slot, value);
  return BLOK_OK;
}

blok_status blok_rewrite_share(blok_graph *graph, blok_value_id value, const blok_literal *literal,
                               uint32_t rank, const int64_t *dims, blok_error *error) {
  blok_arena *arena = &graph->module->arena;
  blok_literal *shared = blok_arena_copy(arena, literal, sizeof *literal);
  if (!shared) return blok_fail_memory(error, sizeof *literal);
  if (dims || rank != literal->rank) {
    int64_t *copy = blok_arena_array(arena, rank, sizeof *copy);
    if (!copy) return blok_fail_memory(error, 0);
    for (uint32_t i = 0; i < rank; i++) copy[i] = dims ? dims[i] : 0;
    shared->rank = rank;
    shared->dims = copy;
  }
  shared->name = blok_value_at(graph, value)->name;
  if (shared->storage) blok_storage_retain(shared->storage);
  return blok_graph_add_initializer(graph, value, shared, error);
}

// Two by two, so that a long chain costs no more than sorting it would.
static blok_status gather_chain(blok_graph *graph, uint32_t *next, uint32_t head,
                                blok_error *error) {
  for (bool more = next[head] != 0; more;) {
    more = false;
    for (uint32_t at = head; at && next[at]; at = next[at]) {
      uint32_t with = next[at];
      BLOK_TRY(blok_node_add_sources(graph, (blok_node_id){at}, &graph->nodes[with], error));
      next[at] = next[with];
      more = more || next[at] != 0;
    }
  }
  return BLOK_OK;
}

blok_status blok_rewrite_gather(blok_graph *graph, uint32_t *next, blok_error *error) {
  const blok_allocator *allocator = &graph->module->allocator;
  uint8_t *follows = blok_alloc_array(allocator, graph->n_nodes, sizeof *follows);
  if (!follows) return blok_fail_memory(error, graph->n_nodes);
  blok_status status = BLOK_OK;
  for (uint32_t i = 1; i < graph->n_nodes; i++) {
    if (next[i]) follows[next[i]] = 1;
  }
  for (uint32_t i = 1; status == BLOK_OK && i < graph->n_nodes; i++) {
    if (next[i] && !follows[i]) status = gather_chain(graph, next, i, error);
  }
  blok_free(allocator, follows);
  return status;
}

// ---- Handing on ---------------------------------------------------------------------------------

blok_status blok_bypass_begin(blok_graph *graph, blok_bypass *out, blok_error *error) {
  out->graph = graph;
  out->allocator = &graph->module->allocator;
  out->map = blok_alloc_array(out->allocator, graph->n_values, sizeof *out->map);
  return out->map ? BLOK_OK : blok_fail_memory(error, 0);
}

// What stands for value by now; the way there is shortened.
static blok_value_id resolve(blok_bypass *bypass, blok_value_id value) {
  blok_value_id end = value;
  while (bypass->map[end.i].i) end = bypass->map[end.i];
  while (bypass->map[value.i].i) {
    blok_value_id next = bypass->map[value.i];
    bypass->map[value.i] = end;
    value = next;
  }
  return end;
}

// The node that makes from makes to instead.
static void move_output(blok_graph *graph, blok_value_id from, blok_value_id to) {
  blok_value *value = blok_value_at(graph, from);
  blok_node_id producer = value->producer;
  uint32_t slot = value->producer_slot;
  blok_type *type = value->type;
  blok_graph_set_output(graph, producer, slot, to);
  value = blok_value_at(graph, from);
  value->producer = BLOK_NO_NODE;
  value->producer_slot = 0;
  value->dead = true;
  if (!blok_value_at(graph, to)->type) blok_value_at(graph, to)->type = type;
}

bool blok_bypass_node(blok_bypass *bypass, blok_node_id node, uint32_t slot) {
  blok_graph *graph = bypass->graph;
  blok_value_id in = blok_node_input(blok_node_at(graph, node), slot);
  blok_value_id out = blok_node_output(blok_node_at(graph, node), 0);
  if (!in.i || !out.i) return false;
  in = resolve(bypass, in);
  const blok_value *source = blok_value_at(graph, in);
  if (in.i == out.i) return false;
  if (!blok_value_at(graph, out)->is_output) {
    blok_graph_remove_node(graph, node);
    bypass->map[out.i] = in;
    blok_value *kept = blok_value_at(graph, in);
    if (!kept->type) kept->type = blok_value_at(graph, out)->type;
    blok_value_at(graph, out)->dead = true;
    return true;
  }
  if (!source->producer.i || source->is_output || source->is_input || source->literal ||
      source->is_capture || source->is_sparse) {
    return false;
  }
  blok_graph_remove_node(graph, node);
  move_output(graph, in, out);
  bypass->map[in.i] = out;
  return true;
}

void blok_bypass_end(blok_bypass *bypass) {
  blok_graph_replace_all(bypass->graph, bypass->map);
  blok_graph_sweep(bypass->graph);
  blok_bypass_abandon(bypass);
}

void blok_bypass_abandon(blok_bypass *bypass) {
  blok_free(bypass->allocator, bypass->map);
  bypass->map = NULL;
}
