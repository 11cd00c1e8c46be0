// Nodes of one graph copied into another, renamed as they come. See splice.h.
#include "passes/splice.h"

#include <string.h>

#include "base/error.h"
#include "passes/rewrite.h"

#define NOT_MET UINT32_MAX

static blok_arena *arena_of(const blok_splice *splice) { return &splice->graph->module->arena; }

blok_status blok_splice_begin(blok_splice *splice, blok_error *error) {
  const blok_allocator *allocator = &splice->graph->module->allocator;
  splice->map = blok_alloc_array(allocator, splice->body->n_values, sizeof *splice->map);
  if (!splice->map) return blok_fail_memory(error, 0);
  for (uint32_t i = 1; i < splice->body->n_values; i++) splice->map[i].i = NOT_MET;
  return BLOK_OK;
}

void blok_splice_end(blok_splice *splice) {
  blok_free(&splice->graph->module->allocator, splice->map);
  splice->map = NULL;
}

void blok_splice_bind(blok_splice *splice, blok_value_id inner, blok_value_id value) {
  splice->map[inner.i] = value;
}

// prefix/name, or name itself.
static const char *prefixed(const blok_splice *splice, const char *name) {
  if (!name || !splice->prefix) return name;
  return blok_arena_format(arena_of(splice), "%s/%s", splice->prefix, name);
}

blok_status blok_splice_value(blok_splice *splice, blok_value_id inner, blok_value_id *out,
                              blok_error *error) {
  *out = splice->map[inner.i];
  if (out->i != NOT_MET) return BLOK_OK;
  const blok_value *old = blok_value_at(splice->body, inner);
  const char *stem = prefixed(splice, old->name);
  const char *name = NULL;
  if (!stem) return blok_fail_memory(error, 0);
  BLOK_TRY(blok_graph_new_name(splice->graph, stem, &name, error));
  BLOK_TRY(blok_graph_add_value(splice->graph, name, out, error));
  if (old->literal) {
    BLOK_TRY(
        blok_rewrite_share(splice->graph, *out, old->literal, old->literal->rank, NULL, error));
  }
  splice->map[inner.i] = *out;
  return BLOK_OK;
}

// ---- Attributes and the graphs in them ----------------------------------------------------------

static blok_status copy_attrs(const blok_splice *splice, blok_graph *to, const blok_node *from,
                              blok_node_id node, blok_error *error);

// A node of a subgraph, all of whose values have the same handles in the copy.
static blok_status copy_inner_node(const blok_splice *splice, blok_graph *to, const blok_node *from,
                                   blok_error *error) {
  blok_node_id id = BLOK_NO_NODE;
  BLOK_TRY(blok_graph_add_node(to, from->domain, from->op_type, from->n_inputs, from->n_outputs,
                               &id, error));
  for (uint32_t i = 0; i < from->n_inputs; i++) blok_graph_set_input(to, id, i, from->inputs[i]);
  for (uint32_t i = 0; i < from->n_outputs; i++) {
    if (from->outputs[i].i) blok_graph_set_output(to, id, i, from->outputs[i]);
  }
  blok_node *node = blok_node_at(to, id);
  node->name = from->name;
  node->overload = from->overload;
  node->opset = splice->opset ? splice->opset(splice->context, from) : from->opset;
  return copy_attrs(splice, to, from, id, error);
}

static blok_status copy_inner_values(const blok_graph *from, blok_graph *to, blok_error *error) {
  for (uint32_t i = 1; i < from->n_values; i++) {
    const blok_value *old = &from->values[i];
    blok_value_id id = BLOK_NO_VALUE;
    BLOK_TRY(blok_graph_add_value(to, old->name, &id, error));
    blok_value *value = blok_value_at(to, id);
    value->type = old->type;
    value->is_capture = old->is_capture;
    value->is_sparse = old->is_sparse;
    value->dead = old->dead;
  }
  to->n_sparse = from->n_sparse;
  to->sparse = from->sparse;
  for (uint32_t i = 0; i < from->n_initializers; i++) {
    blok_value_id id = from->initializers[i];
    const blok_literal *literal = blok_value_at(from, id)->literal;
    if (literal) BLOK_TRY(blok_rewrite_share(to, id, literal, literal->rank, NULL, error));
  }
  for (uint32_t i = 0; i < from->n_inputs; i++) {
    BLOK_TRY(blok_graph_add_input(to, from->inputs[i].value, from->inputs[i].type, error));
  }
  for (uint32_t i = 0; i < from->n_outputs; i++) {
    BLOK_TRY(blok_graph_add_output(to, from->outputs[i].value, from->outputs[i].type, error));
  }
  return BLOK_OK;
}

// Inner reads of a capture whose outer value is left out read nothing.
static void drop_missing(blok_graph *graph, blok_value_id missing) {
  blok_value_at(graph, missing)->dead = true;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    blok_subgraph *inner = NULL;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      if (node->inputs[k].i == missing.i) node->inputs[k] = BLOK_NO_VALUE;
    }
    for (uint32_t s = 0; (inner = blok_node_subgraph(node, s)); s++) {
      uint32_t kept = 0;
      for (uint32_t c = 0; c < inner->n_captures; c++) {
        blok_capture capture = inner->captures[c];
        if (capture.outer.i != missing.i) {
          inner->captures[kept++] = capture;
        } else if (inner->graph) {
          drop_missing(inner->graph, capture.inner);
        }
      }
      inner->n_captures = kept;
    }
  }
}

// captures still name values of the graph that the subgraph was copied from.
static blok_status copy_subgraph(const blok_splice *splice, blok_graph *outer,
                                 const blok_subgraph *from, blok_subgraph *to, blok_error *error) {
  *to = *from;
  to->captures = blok_arena_array(arena_of(splice), from->n_captures, sizeof *to->captures);
  if (!to->captures) return blok_fail_memory(error, 0);
  if (from->n_captures) {
    memcpy(to->captures, from->captures, from->n_captures * sizeof *to->captures);
  }
  if (!from->graph) return BLOK_OK;
  BLOK_TRY(blok_graph_new(outer->module, outer, &to->graph, error));
  to->graph->name = from->graph->name;
  BLOK_TRY(copy_inner_values(from->graph, to->graph, error));
  for (uint32_t i = 0; i < from->graph->n_order; i++) {
    const blok_node *node = blok_node_at(from->graph, from->graph->order[i]);
    if (!node->dead) BLOK_TRY(copy_inner_node(splice, to->graph, node, error));
  }
  return BLOK_OK;
}

static blok_status copy_attrs(const blok_splice *splice, blok_graph *to, const blok_node *from,
                              blok_node_id node, blok_error *error) {
  blok_attr *attrs = blok_arena_array(arena_of(splice), from->n_attrs, sizeof *attrs);
  if (!attrs) return blok_fail_memory(error, 0);
  uint32_t n = 0;
  for (uint32_t a = 0; a < from->n_attrs; a++) {
    const blok_attr *in = &from->attrs[a];
    blok_attr *out = &attrs[n];
    bool keep = true;
    *out = *in;
    if (splice->attr) BLOK_TRY(splice->attr(splice->context, in, out, &keep, error));
    if (!keep) continue;
    n++;
    if (out->type != BLOK_ATTR_GRAPH && out->type != BLOK_ATTR_GRAPHS) continue;
    const blok_subgraph *graphs = out->as.graphs;
    out->as.graphs = blok_arena_array(arena_of(splice), out->n, sizeof *out->as.graphs);
    if (!out->as.graphs) return blok_fail_memory(error, 0);
    for (uint32_t g = 0; g < out->n; g++) {
      BLOK_TRY(copy_subgraph(splice, to, &graphs[g], &out->as.graphs[g], error));
    }
  }
  blok_node_at(to, node)->attrs = attrs;
  blok_node_at(to, node)->n_attrs = n;
  return BLOK_OK;
}

// ---- Nodes --------------------------------------------------------------------------------------

// The captures of a copied node's subgraphs, from values of body to values of graph.
static blok_status rebind_captures(blok_splice *splice, blok_node_id id, blok_error *error) {
  blok_subgraph *inner = NULL;
  for (uint32_t s = 0; (inner = blok_node_subgraph(blok_node_at(splice->graph, id), s)); s++) {
    uint32_t kept = 0;
    for (uint32_t c = 0; c < inner->n_captures; c++) {
      blok_capture capture = inner->captures[c];
      blok_value_id outer = BLOK_NO_VALUE;
      BLOK_TRY(blok_splice_value(splice, capture.outer, &outer, error));
      if (outer.i) {
        inner->captures[kept++] = (blok_capture){outer, capture.inner};
      } else if (inner->graph) {
        drop_missing(inner->graph, capture.inner);
      }
    }
    inner->n_captures = kept;
  }
  return BLOK_OK;
}

blok_status blok_splice_node(blok_splice *splice, blok_node_id node, blok_node_id *out,
                             blok_error *error) {
  blok_graph *graph = splice->graph;
  blok_node from = *blok_node_at(splice->body, node);
  blok_node_id id = BLOK_NO_NODE;
  BLOK_TRY(blok_graph_add_node(graph, from.domain, from.op_type, from.n_inputs, from.n_outputs, &id,
                               error));
  for (uint32_t i = 0; i < from.n_inputs; i++) {
    blok_value_id value = BLOK_NO_VALUE;
    BLOK_TRY(blok_splice_value(splice, from.inputs[i], &value, error));
    blok_graph_set_input(graph, id, i, value);
  }
  for (uint32_t i = 0; i < from.n_outputs; i++) {
    blok_value_id value = BLOK_NO_VALUE;
    BLOK_TRY(blok_splice_value(splice, from.outputs[i], &value, error));
    if (value.i) blok_graph_set_output(graph, id, i, value);
  }
  const char *name = prefixed(splice, from.name);
  if (from.name && !name) return blok_fail_memory(error, 0);
  blok_node *made = blok_node_at(graph, id);
  made->name = name;
  made->overload = from.overload;
  made->opset = splice->opset ? splice->opset(splice->context, &from) : from.opset;
  BLOK_TRY(blok_node_add_sources(graph, id, blok_node_at(graph, splice->call), error));
  BLOK_TRY(copy_attrs(splice, graph, &from, id, error));
  BLOK_TRY(rebind_captures(splice, id, error));
  *out = id;
  return BLOK_OK;
}

void blok_splice_outputs(blok_splice *splice, const blok_value_id *outputs, uint32_t n) {
  for (uint32_t i = 0; i < n && i < splice->body->n_outputs; i++) {
    blok_value_id inner = splice->body->outputs[i].value;
    if (!outputs[i].i || !inner.i || splice->map[inner.i].i != NOT_MET) continue;
    if (blok_value_producer(splice->body, inner).i) splice->map[inner.i] = outputs[i];
  }
}

blok_status blok_splice_rest(blok_splice *splice, const blok_value_id *outputs, uint32_t n,
                             blok_error *error) {
  for (uint32_t i = 0; i < n && i < splice->body->n_outputs; i++) {
    blok_value_id inner = splice->body->outputs[i].value;
    blok_value_id value = BLOK_NO_VALUE;
    blok_node_id id = BLOK_NO_NODE;
    if (!outputs[i].i || !inner.i) continue;
    BLOK_TRY(blok_splice_value(splice, inner, &value, error));
    if (value.i == outputs[i].i) continue;
    BLOK_TRY(blok_rewrite_node(splice->graph, splice->call, "Identity", 1, &value, outputs[i], &id,
                               error));
  }
  return BLOK_OK;
}
