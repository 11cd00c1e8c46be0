// See net.h.
#include "net.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)                                                       \
  do {                                                                 \
    blok_error ok_error = BLOK_ERROR_INIT;                             \
    blok_error *error = &ok_error;                                     \
    ck_assert_msg((call) == BLOK_OK, "%s: %s", #call, error->message); \
  } while (0)

blok_module *net_module(void) {
  blok_module *module = NULL;
  OK(blok_module_new(NULL, &module, error));
  OK(blok_graph_new(module, NULL, &module->graph, error));
  return module;
}

blok_value_id net_value(blok_graph *graph, const char *name) {
  blok_value_id value = BLOK_NO_VALUE;
  if (strcmp(name, "") == 0 || strcmp(name, "-") == 0) return value;
  for (uint32_t i = 1; i < graph->n_values; i++) {
    if (strcmp(graph->values[i].name, name) == 0) return (blok_value_id){i};
  }
  OK(blok_graph_add_value(graph, blok_arena_text(&graph->module->arena, name), &value, error));
  return value;
}

void net_input(blok_graph *graph, const char *name) {
  OK(blok_graph_add_input(graph, net_value(graph, name), NULL, error));
}

void net_output(blok_graph *graph, const char *name) {
  OK(blok_graph_add_output(graph, net_value(graph, name), NULL, error));
}

void net_constant(blok_graph *graph, const char *name, const float *values, int64_t n) {
  blok_literal *literal = NULL;
  OK(blok_literal_make(&graph->module->arena, BLOK_F32, 1, &n, values, (size_t)n * sizeof *values,
                       &literal, error));
  literal->name = blok_arena_text(&graph->module->arena, name);
  OK(blok_graph_add_initializer(graph, net_value(graph, name), literal, error));
}

// Splits a list of names; at most 8 of up to 31 bytes.
static uint32_t split(const char *list, char names[8][32]) {
  uint32_t n = 0;
  while (*list) {
    size_t length = strcspn(list, " ");
    ck_assert_uint_lt(n, 8);
    ck_assert_uint_lt(length, 32);
    memcpy(names[n], list, length);
    names[n++][length] = '\0';
    list += length;
    list += strspn(list, " ");
  }
  return n;
}

blok_node_id net_node(blok_graph *graph, const char *name, const char *op_type, const char *inputs,
                      const char *outputs) {
  char in[8][32], out[8][32];
  uint32_t n_in = split(inputs, in), n_out = split(outputs, out);
  blok_node_id node;
  OK(blok_graph_add_node(graph, NULL, blok_arena_text(&graph->module->arena, op_type), n_in, n_out,
                         &node, error));
  blok_node_at(graph, node)->name = blok_arena_text(&graph->module->arena, name);
  for (uint32_t i = 0; i < n_in; i++) {
    blok_graph_set_input(graph, node, i, net_value(graph, in[i]));
  }
  for (uint32_t i = 0; i < n_out; i++) {
    blok_graph_set_output(graph, node, i, net_value(graph, out[i]));
  }
  return node;
}

blok_graph *net_body(blok_graph *graph, blok_node_id node, const char *outer) {
  blok_arena *arena = &graph->module->arena;
  blok_graph *body = NULL;
  OK(blok_graph_new(graph->module, graph, &body, error));
  body->name = "body";
  blok_value_id inner = net_value(body, outer);
  blok_value_at(body, inner)->is_capture = true;
  net_node(body, "inner", "Relu", outer, "inner_out");
  net_output(body, "inner_out");

  blok_subgraph *sub = blok_arena_zero(arena, sizeof *sub);
  sub->graph = body;
  sub->n_captures = 1;
  sub->captures = blok_arena_zero(arena, sizeof *sub->captures);
  sub->captures[0] = (blok_capture){net_value(graph, outer), inner};
  blok_node *holder = blok_node_at(graph, node);
  blok_attr *attrs = blok_arena_array(arena, holder->n_attrs + 1u, sizeof *attrs);
  if (holder->n_attrs) memcpy(attrs, holder->attrs, holder->n_attrs * sizeof *attrs);
  blok_attr *attr = &attrs[holder->n_attrs++];
  attr->name = "body";
  attr->type = BLOK_ATTR_GRAPH;
  attr->has_type = true;
  attr->n = 1;
  attr->as.graphs = sub;
  holder->attrs = attrs;
  return body;
}

void net_assert_order(const blok_graph *graph, const char *names) {
  char got[256] = "";
  for (uint32_t i = 0; i < graph->n_order; i++) {
    if (i) strcat(got, " ");
    strcat(got, blok_node_at(graph, graph->order[i])->name);
  }
  ck_assert_str_eq(got, names);
}

typedef struct dump_text {
  char *text;
  size_t used;
} dump_text;

static void append(void *context, const char *text) {
  dump_text *dump = context;
  size_t length = strlen(text);
  dump->text = realloc(dump->text, dump->used + length + 1);
  ck_assert_ptr_nonnull(dump->text);
  memcpy(dump->text + dump->used, text, length + 1);
  dump->used += length;
}

char *net_dump(const blok_graph *graph) {
  dump_text dump = {NULL, 0};
  blok_graph_dump(graph, append, &dump);
  return dump.text;
}

void net_assert_valid(const blok_graph *graph, bool sorted) {
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_graph_verify(graph, sorted, &error) == BLOK_OK, "%s", error.message);
}
