// See net.h.
#include "net.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "passes/facts.h"
#include "support/tensors.h"

#define OK(call) ck_assert_int_eq((call), BLOK_OK)

void net_make(net *self, int64_t opset) {
  memset(self, 0, sizeof *self);
  OK(blok_module_new(NULL, &self->module, NULL));
  blok_opset *import = blok_arena_zero(&self->module->arena, sizeof *import);
  ck_assert_ptr_nonnull(import);
  import->domain = "";
  import->version = opset;
  import->has_version = true;
  self->module->opsets = import;
  self->module->n_opsets = 1;
  OK(blok_graph_new(self->module, NULL, &self->graph, NULL));
  self->module->graph = self->graph;
}

void net_free(net *self) {
  blok_module_free(&self->work);
  blok_module_free(&self->module);
}

static blok_value_id find(const blok_graph *graph, const char *name) {
  for (uint32_t i = 1; i < graph->n_values; i++) {
    if (!graph->values[i].dead && strcmp(graph->values[i].name, name) == 0) {
      return (blok_value_id){i};
    }
  }
  return BLOK_NO_VALUE;
}

blok_value_id net_value(blok_graph *graph, const char *name) {
  blok_value_id id = find(graph, name);
  if (id.i) return id;
  const char *copy = blok_arena_text(&graph->module->arena, name);
  OK(blok_graph_add_value(graph, copy, &id, NULL));
  return id;
}

// The next piece of a list; *list moves behind it. False at the end.
static bool piece(const char **list, char *out, size_t size) {
  if (!*list) return false;
  size_t n = strcspn(*list, ",");
  ck_assert_uint_lt(n, size);
  memcpy(out, *list, n);
  out[n] = '\0';
  *list = (*list)[n] ? *list + n + 1 : NULL;
  return true;
}

static uint32_t parse_dims(blok_arena *arena, const char *text, blok_dim *dims) {
  char word[64];
  uint32_t n = 0;
  if (!text || !*text) return 0;
  while (piece(&text, word, sizeof word)) {
    ck_assert_uint_lt(n, BLOK_MAX_RANK);
    char *end = NULL;
    long number = strtol(word, &end, 10);
    if (*end == '\0') {
      dims[n++] = blok_dim_of(number);
    } else {
      dims[n] = blok_dim_unknown();
      if (strcmp(word, "?") != 0) dims[n].symbol = blok_arena_text(arena, word);
      n++;
    }
  }
  return n;
}

void net_type(net *self, const char *name, blok_dtype dtype, const char *text) {
  blok_dim dims[BLOK_MAX_RANK];
  blok_arena *arena = &self->module->arena;
  blok_type *type = blok_type_tensor(arena, dtype, parse_dims(arena, text, dims), dims);
  ck_assert_ptr_nonnull(type);
  if (!text) type->has_shape = false;
  blok_value_at(self->graph, net_value(self->graph, name))->type = type;
}

void net_input(net *self, const char *name, blok_dtype dtype, const char *dims) {
  net_type(self, name, dtype, dims);
  blok_value_id id = net_value(self->graph, name);
  OK(blok_graph_add_input(self->graph, id, blok_value_at(self->graph, id)->type, NULL));
}

void net_output(net *self, const char *name) {
  blok_value_id id = net_value(self->graph, name);
  OK(blok_graph_add_output(self->graph, id, blok_value_at(self->graph, id)->type, NULL));
}

static void constant(net *self, const char *name, blok_dtype dtype, const char *text,
                     const void *values) {
  blok_dim dims[BLOK_MAX_RANK];
  int64_t numbers[BLOK_MAX_RANK];
  uint32_t rank = parse_dims(&self->module->arena, text, dims);
  size_t bytes = dtype == BLOK_F32 ? 4 : 8;
  for (uint32_t i = 0; i < rank; i++) {
    numbers[i] = dims[i].value;
    bytes *= (size_t)numbers[i];
  }
  blok_literal *literal = NULL;
  OK(blok_literal_make(&self->module->arena, dtype, rank, numbers, values, bytes, &literal, NULL));
  OK(blok_graph_add_initializer(self->graph, net_value(self->graph, name), literal, NULL));
}

void net_f32(net *self, const char *name, const char *dims, const float *values) {
  constant(self, name, BLOK_F32, dims, values);
}

void net_i64(net *self, const char *name, const char *dims, const int64_t *values) {
  constant(self, name, BLOK_I64, dims, values);
}

static uint32_t pieces(const char *list) {
  uint32_t n = 1;
  if (!*list) return 0;
  for (; *list; list++) n += *list == ',';
  return n;
}

blok_node_id net_node(net *self, const char *op_type, const char *inputs, const char *outputs) {
  char word[64];
  blok_node_id node = BLOK_NO_NODE;
  const char *colon = strchr(op_type, ':');
  const char *domain = colon ? "local" : "";
  const char *name = blok_arena_text(&self->module->arena, colon ? colon + 1 : op_type);
  OK(blok_graph_add_node(self->graph, domain, name, pieces(inputs), pieces(outputs), &node, NULL));
  if (!*inputs) inputs = NULL;
  if (!*outputs) outputs = NULL;
  for (uint32_t i = 0; piece(&inputs, word, sizeof word); i++) {
    if (*word) blok_graph_set_input(self->graph, node, i, net_value(self->graph, word));
  }
  for (uint32_t i = 0; piece(&outputs, word, sizeof word); i++) {
    if (*word) blok_graph_set_output(self->graph, node, i, net_value(self->graph, word));
  }
  return node;
}

void net_int(net *self, blok_node_id node, const char *name, int64_t value) {
  OK(blok_node_set_int(self->graph, node, name, value, NULL));
}

void net_ints(net *self, blok_node_id node, const char *name, uint32_t n, const int64_t *values) {
  OK(blok_node_set_ints(self->graph, node, name, values, n, NULL));
}

void net_float(net *self, blok_node_id node, const char *name, float value) {
  OK(blok_node_set_float(self->graph, node, name, value, NULL));
}

void net_text(net *self, blok_node_id node, const char *name, const char *value) {
  OK(blok_node_set_text(self->graph, node, name, value, NULL));
}

void net_attr(net *self, blok_node_id id, const blok_attr *attr) {
  blok_node *node = blok_node_at(self->graph, id);
  blok_attr *attrs =
      blok_arena_array(&self->module->arena, (size_t)node->n_attrs + 1, sizeof *attrs);
  ck_assert_ptr_nonnull(attrs);
  if (node->n_attrs) memcpy(attrs, node->attrs, node->n_attrs * sizeof *attrs);
  attrs[node->n_attrs++] = *attr;
  node->attrs = attrs;
}

void net_branch(net *self, blok_node_id node, const char *name, const char *captures) {
  blok_arena *arena = &self->module->arena;
  blok_subgraph *sub = blok_arena_zero(arena, sizeof *sub);
  blok_graph *outer = self->graph;
  char word[64];
  ck_assert_ptr_nonnull(sub);
  OK(blok_graph_new(self->module, outer, &sub->graph, NULL));
  sub->captures = blok_arena_array(arena, pieces(captures), sizeof *sub->captures);
  if (!*captures) captures = NULL;
  while (piece(&captures, word, sizeof word)) {
    blok_value_id inner = net_value(sub->graph, word);
    blok_value_at(sub->graph, inner)->is_capture = true;
    sub->captures[sub->n_captures++] = (blok_capture){net_value(outer, word), inner};
  }
  blok_attr attr = {.name = name, .type = BLOK_ATTR_GRAPH, .has_type = true, .n = 1};
  attr.as.graphs = sub;
  net_attr(self, node, &attr);
  self->graph = sub->graph;
}

void net_leave(net *self) { self->graph = self->graph->outer; }

blok_pass_options net_options(void) {
  blok_pass_options options = {.limits = blok_limits_resolve(NULL)};
  return options;
}

void net_work(net *self) {
  blok_error error = BLOK_ERROR_INIT;
  blok_pass_options options = net_options();
  blok_module_free(&self->work);
  blok_status status = blok_working_graph(self->module, &options, &self->work, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
}

void net_refuse(net *self, blok_status status, const char *text) {
  blok_error error = BLOK_ERROR_INIT;
  blok_pass_options options = net_options();
  ck_assert_int_eq(blok_working_graph(self->module, &options, &self->work, &error), status);
  ck_assert_ptr_null(self->work);
  ck_assert_msg(strstr(error.message, text) != NULL, "'%s' is not in: %s", text, error.message);
}

const char *net_ops(const net *self) {
  static char text[2000];
  const blok_graph *graph = self->work->graph;
  text[0] = '\0';
  for (uint32_t i = 0; i < graph->n_order; i++) {
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "",
             blok_node_at(graph, graph->order[i])->op_type);
  }
  return text;
}

const blok_node *net_maker(const net *self, const char *name) {
  const blok_graph *graph = self->work->graph;
  blok_value_id id = find(graph, name);
  if (!id.i || !blok_value_at(graph, id)->producer.i) return NULL;
  return blok_node_at(graph, blok_value_at(graph, id)->producer);
}

int64_t net_ints_of(const net *self, blok_value_id value, int64_t *out, size_t capacity) {
  size_t count = 0;
  if (!value.i) return -1;
  const blok_literal *literal = blok_value_at(self->work->graph, value)->literal;
  if (!literal || literal->dtype != BLOK_I64 || !blok_literal_count(literal, &count)) return -1;
  ck_assert_uint_le(count, capacity);
  OK(blok_literal_read(literal, &self->work->allocator, out, count * sizeof *out, NULL));
  return (int64_t)count;
}

void net_start(net *self, const char *dims) {
  net_make(self, 22);
  net_input(self, "x", BLOK_F32, dims);
}

void net_expect(net *self, const char *ops) {
  net_output(self, "y");
  net_work(self);
  ck_assert_str_eq(net_ops(self), ops);
  net_free(self);
}

void net_check(const net *self, const blok_tensor *inputs, uint32_t n, const char *output,
               const char *text, const float *want) {
  const blok_graph *graph = self->work->graph;
  blok_fact facts[8] = {0};
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  uint32_t used = 0;
  ck_assert_uint_le(graph->n_inputs, 8);
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    if (blok_value_at(graph, graph->inputs[i].value)->literal) continue;
    ck_assert_uint_lt(used, n);
    OK(blok_fact_of_tensor(&arena, &inputs[used++], &facts[i], NULL));
  }
  blok_facts_options options = {.inputs = facts};
  blok_facts *found = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_facts_compute(graph, &options, NULL, &found, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  const blok_tensor *got = found->of[find(graph, output).i].tensor;
  ck_assert_msg(got != NULL, "value '%s' was not computed", output);
  blok_dim dims[BLOK_MAX_RANK];
  ck_assert_uint_eq(got->rank, parse_dims(&arena, text, dims));
  size_t count = 1;
  for (uint32_t i = 0; i < got->rank; i++) {
    ck_assert_int_eq(got->dims[i], dims[i].value);
    count *= (size_t)dims[i].value;
  }
  blok_test_same_f32(got, want, count, 1e-5, 1e-6);
  blok_facts_free(&found);
  blok_arena_free(&arena);
}
