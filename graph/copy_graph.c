// Copying a graph: values and nodes that live get new handles in the order of the old ones, so that
// what was sorted stays sorted; then everything that names them is translated.
#include <string.h>

#include "base/error.h"
#include "graph/copy.h"

typedef struct graph_copy {
  const blok_copier *c;
  const blok_graph *from;
  blok_graph *to;
  blok_value_id *values;  // new handles by old ones; none for what stays behind
  blok_node_id *nodes;
} graph_copy;

static blok_status no_memory(const graph_copy *g) { return blok_fail_memory(g->c->error, 0); }

// A zeroed array of exactly n items, NULL for none.
static bool new_array(const graph_copy *g, uint32_t n, size_t size, void *items) {
  void *block = n ? blok_arena_array(&g->c->to->arena, n, size) : NULL;
  memcpy(items, &block, sizeof block);
  return block || n == 0;
}

// ---- Which values come along --------------------------------------------------------------------

static const blok_value_id marked = {UINT32_MAX};

static void keep(graph_copy *g, blok_value_id value) {
  if (value.i && !blok_value_at(g->from, value)->dead) g->values[value.i] = marked;
}

static void keep_captured(graph_copy *g, const blok_attr *attr) {
  if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) return;
  for (uint32_t s = 0; s < attr->n; s++) {
    const blok_subgraph *sub = &attr->as.graphs[s];
    for (uint32_t i = 0; i < sub->n_captures; i++) keep(g, sub->captures[i].outer);
  }
}

// Values that nothing gives and nothing reads are what removed nodes have left.
static void mark_values(graph_copy *g) {
  const blok_graph *from = g->from;
  for (uint32_t i = 1; i < from->n_values; i++) {
    const blok_value *value = &from->values[i];
    bool given = value->producer.i || value->literal || value->is_input || value->is_output ||
                 value->is_capture || value->is_sparse;
    if (given) keep(g, (blok_value_id){i});
  }
  for (uint32_t n = 1; n < from->n_nodes; n++) {
    const blok_node *node = &from->nodes[n];
    if (node->dead) continue;
    for (uint32_t i = 0; i < node->n_inputs; i++) keep(g, node->inputs[i]);
    for (uint32_t i = 0; i < node->n_attrs; i++) keep_captured(g, &node->attrs[i]);
  }
  for (uint32_t i = 0; g->c->notes && i < from->n_infos; i++) keep(g, from->infos[i].value);
}

// Numbers those that are kept, and the live nodes; makes the arrays.
static blok_status number(graph_copy *g) {
  const bool exact = g->c->exact;
  uint32_t n_values = 1, n_nodes = 1;
  for (uint32_t i = 1; i < g->from->n_values; i++) {
    if (g->values[i].i) g->values[i].i = exact ? i : n_values++;
  }
  for (uint32_t i = 1; i < g->from->n_nodes; i++) {
    if (!g->from->nodes[i].dead) g->nodes[i].i = exact ? i : n_nodes++;
  }
  if (exact) {
    n_values = g->from->n_values;
    n_nodes = g->from->n_nodes;
  }
  blok_graph *to = g->to;
  if (!new_array(g, n_values, sizeof *to->values, &to->values) ||
      !new_array(g, n_nodes, sizeof *to->nodes, &to->nodes)) {
    return no_memory(g);
  }
  to->n_values = to->cap_values = n_values;
  to->n_nodes = to->cap_nodes = n_nodes;
  for (uint32_t i = 0; i < n_values; i++) to->values[i].dead = true;
  for (uint32_t i = 0; i < n_nodes; i++) to->nodes[i].dead = true;
  return BLOK_OK;
}

// ---- Values -------------------------------------------------------------------------------------

static blok_status copy_values(const graph_copy *g) {
  for (uint32_t i = 1; i < g->from->n_values; i++) {
    if (!g->values[i].i) continue;
    const blok_value *from = &g->from->values[i];
    blok_value *to = blok_value_at(g->to, g->values[i]);
    *to = *from;
    to->producer = g->nodes[from->producer.i];
    BLOK_TRY(blok_copy_text(g->c, from->name, &to->name));
    BLOK_TRY(blok_copy_type(g->c, from->type, &to->type));
    BLOK_TRY(blok_copy_literal(g->c, from->literal, &to->literal));
  }
  return BLOK_OK;
}

static blok_status copy_entries(const graph_copy *g, const blok_value_entry *from, uint32_t n,
                                blok_value_entry **out, uint32_t *n_out) {
  blok_value_entry *entries;
  if (!new_array(g, n, sizeof *entries, &entries)) return no_memory(g);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < n; i++) {
    blok_value_id value = g->values[from[i].value.i];
    if (!value.i) continue;
    blok_value_entry *entry = &entries[kept++];
    entry->value = value;
    BLOK_TRY(blok_copy_notes(g->c, from[i].notes, &entry->notes));
    // An entry's type is often the value's own: then so is the copy's.
    if (from[i].type == blok_value_at(g->from, from[i].value)->type) {
      entry->type = blok_value_at(g->to, value)->type;
      continue;
    }
    blok_type *type;
    BLOK_TRY(blok_copy_type(g->c, from[i].type, &type));
    entry->type = type;
  }
  *out = entries;
  *n_out = kept;
  return BLOK_OK;
}

static blok_status copy_initializers(const graph_copy *g) {
  const blok_graph *from = g->from;
  blok_graph *to = g->to;
  if (!new_array(g, from->n_initializers, sizeof *to->initializers, &to->initializers)) {
    return no_memory(g);
  }
  to->cap_initializers = from->n_initializers;
  for (uint32_t i = 0; i < from->n_initializers; i++) {
    blok_value_id value = g->values[from->initializers[i].i];
    if (value.i) to->initializers[to->n_initializers++] = value;
  }
  to->n_sparse = from->n_sparse;
  return blok_copy_sparse(g->c, from->sparse, from->n_sparse, &to->sparse);
}

static blok_status copy_annotations(const graph_copy *g) {
  uint32_t n = g->c->notes ? g->from->n_quant : 0;
  if (!new_array(g, n, sizeof *g->to->quant, &g->to->quant)) return no_memory(g);
  g->to->n_quant = n;
  for (uint32_t i = 0; i < n; i++) {
    const blok_quant_annotation *from = &g->from->quant[i];
    blok_quant_annotation *to = &g->to->quant[i];
    blok_property *params;
    BLOK_TRY(blok_copy_text(g->c, from->tensor_name, &to->tensor_name));
    BLOK_TRY(blok_copy_properties(g->c, from->params, from->n, &params));
    BLOK_TRY(blok_copy_unknown(g->c, from->unknown, &to->unknown));
    to->n = from->n;
    to->params = params;
  }
  return BLOK_OK;
}

static blok_status copy_lists(const graph_copy *g) {
  const blok_graph *from = g->from;
  blok_graph *to = g->to;
  BLOK_TRY(copy_entries(g, from->inputs, from->n_inputs, &to->inputs, &to->n_inputs));
  BLOK_TRY(copy_entries(g, from->outputs, from->n_outputs, &to->outputs, &to->n_outputs));
  uint32_t n_infos = g->c->notes ? from->n_infos : 0;
  BLOK_TRY(copy_entries(g, from->infos, n_infos, &to->infos, &to->n_infos));
  to->cap_inputs = from->n_inputs;
  to->cap_outputs = from->n_outputs;
  to->cap_infos = n_infos;
  BLOK_TRY(copy_initializers(g));
  return copy_annotations(g);
}

// ---- Nodes --------------------------------------------------------------------------------------

static blok_status copy_slots(const graph_copy *g, const blok_value_id *from, uint32_t n,
                              blok_value_id **out) {
  if (!new_array(g, n, sizeof **out, out)) return no_memory(g);
  for (uint32_t i = 0; i < n; i++) (*out)[i] = g->values[from[i].i];
  return BLOK_OK;
}

static blok_status copy_sources(const graph_copy *g, uint32_t handle, bool itself, blok_node *to) {
  blok_node_id self = {handle};
  const blok_node *from = &g->from->nodes[handle];
  const blok_node_id *sources = itself ? &self : from->sources;
  to->n_sources = itself ? 1 : from->n_sources;
  to->sources = NULL;
  if (to->n_sources == 0) return BLOK_OK;
  to->sources = blok_arena_copy(&g->c->to->arena, sources, to->n_sources * sizeof *sources);
  return to->sources ? BLOK_OK : no_memory(g);
}

// The module that a node stands in, as the torch.export exporter notes it: the last but one of
// "['', 'layer1', 'layer1.0', 'conv2d']", whose last is the operation.
static blok_status copy_scope(const graph_copy *g, const blok_node *from, blok_node *to) {
  const char *begin = NULL, *end = NULL, *text = NULL;
  if (from->scope || !g->c->sources || !from->notes) {
    return blok_copy_text(g->c, from->scope, &to->scope);
  }
  for (uint32_t i = 0; i < from->notes->n_metadata; i++) {
    const blok_property *note = &from->notes->metadata[i];
    if (blok_text_equal(note->key, "pkg.torch.onnx.name_scopes")) text = note->value;
  }
  const char *open = text ? strchr(text, '\'') : NULL;
  while (open) {
    const char *close = strchr(open + 1, '\'');
    const char *next = close ? strchr(close + 1, '\'') : NULL;
    if (!next) break;
    begin = open + 1;
    end = close;
    open = next;
  }
  to->scope = NULL;
  if (begin == end) return BLOK_OK;
  to->scope = blok_arena_textn(&g->c->to->arena, begin, (size_t)(end - begin));
  return to->scope ? BLOK_OK : no_memory(g);
}

static blok_status copy_node(const graph_copy *g, uint32_t handle, bool itself) {
  const blok_copier *c = g->c;
  const blok_node *from = &g->from->nodes[handle];
  blok_node *to = blok_node_at(g->to, g->nodes[handle]);
  *to = *from;
  if (from->op) {
    to->op_type = blok_op_name(from->op);  // static, so that it need not be copied
  } else {
    BLOK_TRY(blok_copy_text(c, from->op_type, &to->op_type));
  }
  BLOK_TRY(blok_copy_text(c, from->domain, &to->domain));
  BLOK_TRY(blok_copy_text(c, from->name, &to->name));
  BLOK_TRY(blok_copy_text(c, from->overload, &to->overload));
  BLOK_TRY(copy_slots(g, from->inputs, from->n_inputs, &to->inputs));
  BLOK_TRY(copy_slots(g, from->outputs, from->n_outputs, &to->outputs));
  BLOK_TRY(blok_copy_attrs(c, from->attrs, from->n_attrs, g->to, g->values, &to->attrs));
  BLOK_TRY(blok_copy_notes(c, from->notes, &to->notes));
  BLOK_TRY(copy_scope(g, from, to));
  to->n_device_configurations = c->notes ? from->n_device_configurations : 0;
  BLOK_TRY(blok_copy_many_bytes(c, from->device_configurations, to->n_device_configurations,
                                &to->device_configurations));
  return copy_sources(g, handle, itself, to);
}

static blok_status copy_nodes(const graph_copy *g, bool itself) {
  for (uint32_t i = 1; i < g->from->n_nodes; i++) {
    if (g->nodes[i].i) BLOK_TRY(copy_node(g, i, itself));
  }
  blok_graph *to = g->to;
  if (!new_array(g, g->from->n_order, sizeof *to->order, &to->order)) return no_memory(g);
  to->cap_order = g->from->n_order;
  for (uint32_t i = 0; i < g->from->n_order; i++) {
    blok_node_id node = g->nodes[g->from->order[i].i];
    if (node.i) to->order[to->n_order++] = node;
  }
  return BLOK_OK;
}

static blok_status copy_all(graph_copy *g, bool itself) {
  BLOK_TRY(blok_copy_text(g->c, g->from->name, &g->to->name));
  BLOK_TRY(blok_copy_notes(g->c, g->from->notes, &g->to->notes));
  mark_values(g);
  BLOK_TRY(number(g));
  BLOK_TRY(copy_values(g));
  BLOK_TRY(copy_lists(g));
  return copy_nodes(g, itself);
}

blok_status blok_copy_graph(const blok_copier *c, const blok_graph *graph, blok_graph *outer,
                            bool main, blok_graph **out, blok_value_id **map) {
  const blok_allocator *allocator = &c->to->allocator;
  graph_copy g = {c, graph, NULL, NULL, NULL};
  *out = NULL;
  if (map) *map = NULL;
  g.to = blok_arena_zero(&c->to->arena, sizeof *g.to);
  g.values = blok_alloc_array(allocator, graph->n_values, sizeof *g.values);
  g.nodes = blok_alloc_array(allocator, graph->n_nodes, sizeof *g.nodes);
  blok_status status = BLOK_OK;
  if (!g.to || !g.values || !g.nodes) {
    status = no_memory(&g);
    goto done;
  }
  g.to->module = c->to;
  g.to->outer = outer;
  BLOK_TRY_TO(done, copy_all(&g, main && c->sources));
  *out = g.to;
  if (map) {
    *map = g.values;
    g.values = NULL;
  }
done:
  blok_free(allocator, g.values);
  blok_free(allocator, g.nodes);
  return status;
}
