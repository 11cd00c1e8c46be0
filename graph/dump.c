// Graphs as text, for eyes and tests: one line for each list and node, subgraphs indented behind
// the node that holds them.
//
//   graph 'main'
//     input x float32[N, 3, 8, 8]
//     constant w float32[4, 3, 3, 3]
//     'conv1' y = Conv(x, w, -) {group=1, strides=[2, 2]}
//     output y
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

typedef struct dumper {
  void (*write)(void *context, const char *text);
  void *context;
  blok_arena arena;  // for the texts of types
} dumper;

static void dump_graph(dumper *d, const blok_graph *graph, int depth);

static void put(const dumper *d, const char *text) { d->write(d->context, text); }

static void put_quoted(const dumper *d, const char *name) { put(d, blok_quote(name).text); }

static void put_int(const dumper *d, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  put(d, text);
}

static void put_float(const dumper *d, float value) {
  char text[48];
  snprintf(text, sizeof text, "%.9g", (double)value);
  put(d, text);
}

static void indent(const dumper *d, int depth) {
  for (int i = 0; i < depth; i++) put(d, "  ");
}

static void put_value(const dumper *d, const blok_graph *graph, blok_value_id value) {
  if (!value.i) {
    put(d, "-");
  } else if (value.i >= graph->n_values) {
    put(d, "?");
  } else {
    put_quoted(d, blok_value_at(graph, value)->name);
  }
}

static void put_values(const dumper *d, const blok_graph *graph, const blok_value_id *values,
                       uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (i) put(d, ", ");
    put_value(d, graph, values[i]);
  }
}

// ---- Attributes ---------------------------------------------------------------------------------

static void put_literal(const dumper *d, const blok_literal *literal) {
  put(d, blok_dtype_name(literal->dtype));
  put(d, blok_print_dims(literal->dims, literal->rank).text);
}

static void put_item(const dumper *d, const blok_attr *attr, uint32_t i) {
  switch (attr->type) {
    case BLOK_ATTR_FLOAT:
      put_float(d, attr->as.f);
      return;
    case BLOK_ATTR_INT:
      put_int(d, attr->as.i);
      return;
    case BLOK_ATTR_FLOATS:
      put_float(d, attr->as.floats[i]);
      return;
    case BLOK_ATTR_INTS:
      put_int(d, attr->as.ints[i]);
      return;
    case BLOK_ATTR_STRING:
      put(d, blok_quoten(attr->as.s.data, attr->as.s.size).text);
      return;
    case BLOK_ATTR_STRINGS:
      put(d, blok_quoten(attr->as.strings[i].data, attr->as.strings[i].size).text);
      return;
    case BLOK_ATTR_TENSOR:
      put_literal(d, attr->as.literal);
      return;
    case BLOK_ATTR_TENSORS:
      put_literal(d, attr->as.literals[i]);
      return;
    case BLOK_ATTR_GRAPH:
    case BLOK_ATTR_GRAPHS:
      put(d, "graph");
      return;
    case BLOK_ATTR_SPARSE_TENSOR:
    case BLOK_ATTR_SPARSE_TENSORS:
      put(d, "sparse tensor");
      return;
    case BLOK_ATTR_TYPE:
    case BLOK_ATTR_TYPES:
      put(d, "type");
      return;
    case BLOK_ATTR_UNDEFINED:
      break;
  }
  put(d, "?");
}

static bool is_list(blok_attr_type type) {
  return (type >= BLOK_ATTR_FLOATS && type <= BLOK_ATTR_GRAPHS) ||
         type == BLOK_ATTR_SPARSE_TENSORS || type == BLOK_ATTR_TYPES;
}

static void put_attr(const dumper *d, const blok_attr *attr) {
  enum { MOST_ITEMS = 16 };
  put_quoted(d, attr->name);
  put(d, "=");
  if (attr->ref) {
    put(d, "@");
    put_quoted(d, attr->ref);
    return;
  }
  if (is_list(attr->type)) put(d, "[");
  for (uint32_t i = 0; i < attr->n && i < MOST_ITEMS; i++) {
    if (i) put(d, ", ");
    put_item(d, attr, i);
  }
  if (attr->n > MOST_ITEMS) put(d, ", ...");
  if (is_list(attr->type)) put(d, "]");
}

// ---- Nodes and lists ----------------------------------------------------------------------------

static void dump_subgraphs(dumper *d, const blok_graph *graph, const blok_attr *attr, int depth) {
  if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) return;
  for (uint32_t g = 0; g < attr->n; g++) {
    const blok_subgraph *sub = &attr->as.graphs[g];
    indent(d, depth);
    put_quoted(d, attr->name);
    put(d, " takes");
    for (uint32_t c = 0; c < sub->n_captures; c++) {
      put(d, c ? ", " : " ");
      put_value(d, graph, sub->captures[c].outer);
      put(d, " as ");
      put_value(d, sub->graph, sub->captures[c].inner);
    }
    put(d, sub->n_captures ? "\n" : " nothing\n");
    dump_graph(d, sub->graph, depth);
  }
}

static void dump_node(dumper *d, const blok_graph *graph, const blok_node *node, int depth) {
  indent(d, depth);
  if (node->name && *node->name) {
    put(d, "'");
    put_quoted(d, node->name);
    put(d, "' ");
  }
  put_values(d, graph, node->outputs, node->n_outputs);
  put(d, " = ");
  if (*blok_node_domain(node)) {
    put_quoted(d, node->domain);
    put(d, ".");
  }
  put_quoted(d, node->op_type);
  put(d, "(");
  put_values(d, graph, node->inputs, node->n_inputs);
  put(d, ")");
  for (uint32_t i = 0; i < node->n_attrs; i++) {
    put(d, i ? ", " : " {");
    put_attr(d, &node->attrs[i]);
  }
  put(d, node->n_attrs ? "}\n" : "\n");
  for (uint32_t i = 0; i < node->n_attrs; i++) dump_subgraphs(d, graph, &node->attrs[i], depth + 1);
}

static void dump_entries(dumper *d, const blok_graph *graph, const blok_value_entry *entries,
                         uint32_t n, const char *what, int depth) {
  for (uint32_t i = 0; i < n; i++) {
    indent(d, depth);
    put(d, what);
    put_value(d, graph, entries[i].value);
    const char *text = entries[i].type ? blok_type_text(&d->arena, entries[i].type) : NULL;
    if (text) put(d, " ");
    if (text) put(d, text);
    put(d, "\n");
  }
}

static void dump_graph(dumper *d, const blok_graph *graph, int depth) {
  indent(d, depth);
  put(d, "graph '");
  put_quoted(d, graph->name);
  put(d, "'\n");
  depth++;
  dump_entries(d, graph, graph->inputs, graph->n_inputs, "input ", depth);
  for (uint32_t i = 0; i < graph->n_initializers; i++) {
    const blok_value *value = blok_value_at(graph, graph->initializers[i]);
    indent(d, depth);
    put(d, "constant ");
    put_quoted(d, value->name);
    put(d, " ");
    if (value->literal) put_literal(d, value->literal);
    put(d, "\n");
  }
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (!node->dead) dump_node(d, graph, node, depth);
  }
  dump_entries(d, graph, graph->outputs, graph->n_outputs, "output ", depth);
}

void blok_graph_dump(const blok_graph *graph, void (*write)(void *context, const char *text),
                     void *context) {
  dumper d = {write, context, {{NULL, NULL, NULL}, NULL, 0, 0, 0}};
  blok_arena_init(&d.arena, &graph->module->allocator);
  dump_graph(&d, graph, 0);
  blok_arena_free(&d.arena);
}
