// See net.h.
#include "nets/net.h"

#include <check.h>
#include <stdio.h>
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

static const char *keep(blok_graph *graph, const char *text) {
  const char *kept = blok_arena_text(&graph->module->arena, text);
  ck_assert_ptr_nonnull(kept);
  return kept;
}

blok_value_id net_value(blok_graph *graph, const char *name) {
  blok_value_id value = BLOK_NO_VALUE;
  if (strcmp(name, "-") == 0) return value;
  // Backwards: what is read was mostly made a moment ago.
  for (uint32_t i = graph->n_values; i-- > 1;) {
    if (strcmp(graph->values[i].name, name) == 0) return (blok_value_id){i};
  }
  OK(blok_graph_add_value(graph, keep(graph, name), &value, error));
  return value;
}

void net_input(blok_graph *graph, const char *name, int64_t n, int64_t c, int64_t h, int64_t w) {
  const int64_t sizes[4] = {n, c, h, w};
  blok_dim dims[4];
  for (int i = 0; i < 4; i++) {
    dims[i] = sizes[i] < 0 ? blok_dim_unknown() : blok_dim_of(sizes[i]);
  }
  if (n < 0) dims[0].symbol = "N";
  blok_type *type = blok_type_tensor(&graph->module->arena, BLOK_F32, 4, dims);
  ck_assert_ptr_nonnull(type);
  blok_value_id value = net_value(graph, name);
  blok_value_at(graph, value)->type = type;
  OK(blok_graph_add_input(graph, value, type, error));
}

void net_output(blok_graph *graph, const char *name) {
  OK(blok_graph_add_output(graph, net_value(graph, name), NULL, error));
}

static void initializer(blok_graph *graph, const char *name, blok_dtype dtype, int rank,
                        const int64_t *dims, const void *data, size_t bytes) {
  blok_literal *literal = NULL;
  OK(blok_literal_make(&graph->module->arena, dtype, (uint32_t)rank, dims, data, bytes, &literal,
                       error));
  literal->name = keep(graph, name);
  OK(blok_graph_add_initializer(graph, net_value(graph, name), literal, error));
}

void net_weight(blok_graph *graph, const char *name, int rank, const int64_t *dims) {
  size_t count = 1;
  for (int i = 0; i < rank; i++) count *= (size_t)dims[i];
  float *zeros = calloc(count ? count : 1, sizeof *zeros);
  ck_assert_ptr_nonnull(zeros);
  initializer(graph, name, BLOK_F32, rank, dims, zeros, count * sizeof *zeros);
  free(zeros);
}

void net_number(blok_graph *graph, const char *name, float number) {
  initializer(graph, name, BLOK_F32, 0, NULL, &number, sizeof number);
}

void net_ints(blok_graph *graph, const char *name, const int64_t *ints, int64_t n) {
  initializer(graph, name, BLOK_I64, 1, &n, ints, (size_t)n * sizeof *ints);
}

// Splits a list of names; at most 8 of up to 47 bytes.
static uint32_t split(const char *list, char names[8][48]) {
  uint32_t n = 0;
  while (*list) {
    size_t length = strcspn(list, " ");
    ck_assert_uint_lt(n, 8);
    ck_assert_uint_lt(length, 48);
    memcpy(names[n], list, length);
    names[n++][length] = '\0';
    list += length;
    list += strspn(list, " ");
  }
  return n;
}

blok_node_id net_node(blok_graph *graph, const char *op_type, const char *inputs,
                      const char *outputs) {
  char in[8][48], out[8][48];
  uint32_t n_in = split(inputs, in), n_out = split(outputs, out);
  blok_node_id node;
  OK(blok_graph_add_node(graph, NULL, keep(graph, op_type), n_in, n_out, &node, error));
  for (uint32_t i = 0; i < n_in; i++) {
    blok_graph_set_input(graph, node, i, net_value(graph, in[i]));
  }
  for (uint32_t i = 0; i < n_out; i++) {
    blok_graph_set_output(graph, node, i, net_value(graph, out[i]));
  }
  return node;
}

// "transB=1", "alpha=0.5", "perm=0,2,3,1"; name is cut off at its end.
static void set_attribute(blok_graph *graph, blok_node_id node, char *name) {
  char *value = strchr(name, '=');
  int64_t ints[8];
  uint32_t n = 0;
  ck_assert_ptr_nonnull(value);
  *value++ = '\0';
  const char *kept = keep(graph, name);
  if (strchr(value, '.')) {
    OK(blok_node_set_float(graph, node, kept, strtof(value, NULL), error));
    return;
  }
  bool list = strchr(value, ',') != NULL;
  for (char *at = value; *at && n < 8; at += *at == ',') ints[n++] = strtoll(at, &at, 10);
  if (list) {
    OK(blok_node_set_ints(graph, node, kept, ints, n, error));
  } else {
    OK(blok_node_set_int(graph, node, kept, ints[0], error));
  }
}

void net_lines(blok_graph *graph, const char *const *lines) {
  for (; *lines; lines++) {
    char line[160], head[8][48];
    ck_assert_uint_lt(strlen(*lines), sizeof line);
    strcpy(line, *lines);
    char *inputs = strstr(line, ": ");
    char *outputs = inputs ? strstr(inputs + 2, " = ") : NULL;
    ck_assert_msg(outputs != NULL, "not a line: %s", line);
    *inputs = *outputs = '\0';
    uint32_t n = split(line, head);
    blok_node_id node = net_node(graph, head[0], inputs + 2, outputs + 3);
    for (uint32_t i = 1; i < n; i++) set_attribute(graph, node, head[i]);
  }
}

blok_node_id net_conv(blok_graph *graph, const char *name, const char *x, const char *y,
                      net_conv_shape shape) {
  char weight[64], inputs[128];
  int64_t groups = shape.groups ? shape.groups : 1, stride = shape.stride ? shape.stride : 1;
  const int64_t dims[4] = {shape.out, shape.in / groups, shape.k, shape.k};
  const int64_t pads[4] = {shape.k / 2, shape.k / 2, shape.k / 2, shape.k / 2};
  const int64_t strides[2] = {stride, stride};
  snprintf(weight, sizeof weight, "%s.weight", name);
  snprintf(inputs, sizeof inputs, "%s %s", x, weight);
  net_weight(graph, weight, 4, dims);
  blok_node_id node = net_node(graph, "Conv", inputs, y);
  OK(blok_node_set_ints(graph, node, "pads", pads, 4, error));
  OK(blok_node_set_ints(graph, node, "strides", strides, 2, error));
  OK(blok_node_set_int(graph, node, "group", groups, error));
  return node;
}

blok_node_id net_norm(blok_graph *graph, const char *name, const char *x, const char *y,
                      int64_t channels) {
  static const char *const parts[] = {"weight", "bias", "mean", "var"};
  char inputs[256];
  size_t used = (size_t)snprintf(inputs, sizeof inputs, "%s", x);
  for (int i = 0; i < 4; i++) {
    char value[64];
    snprintf(value, sizeof value, "%s.%s", name, parts[i]);
    net_weight(graph, value, 1, &channels);
    used += (size_t)snprintf(inputs + used, sizeof inputs - used, " %s", value);
  }
  return net_node(graph, "BatchNormalization", inputs, y);
}

void net_se(blok_graph *graph, const char *name, const char *x, const char *y, int64_t channels,
            int64_t hidden) {
  char v[5][40], line[128];
  for (int i = 0; i < 5; i++) snprintf(v[i], sizeof v[i], "%s.v%d", name, i);
  net_node(graph, "GlobalAveragePool", x, v[0]);
  snprintf(line, sizeof line, "%s.fc1", name);
  net_conv(graph, line, v[0], v[1], (net_conv_shape){channels, hidden, 1, 0, 0});
  net_node(graph, "Relu", v[1], v[2]);
  snprintf(line, sizeof line, "%s.fc2", name);
  net_conv(graph, line, v[2], v[3], (net_conv_shape){hidden, channels, 1, 0, 0});
  net_node(graph, "Sigmoid", v[3], v[4]);
  snprintf(line, sizeof line, "%s %s", x, v[4]);
  net_node(graph, "Mul", line, y);
}

blok_value_id net_next(blok_graph *graph, const char *op_type, blok_value_id a, blok_value_id b) {
  blok_node_id node;
  blok_value_id out;
  const char *name =
      blok_arena_format(&graph->module->arena, "%s%u", op_type, (unsigned)graph->n_values);
  ck_assert_ptr_nonnull(name);
  OK(blok_graph_add_value(graph, name, &out, error));
  OK(blok_graph_add_node(graph, NULL, keep(graph, op_type), b.i ? 2 : 1, 1, &node, error));
  blok_graph_set_input(graph, node, 0, a);
  if (b.i) blok_graph_set_input(graph, node, 1, b);
  blok_graph_set_output(graph, node, 0, out);
  if (strcmp(op_type, "Conv") == 0) {
    const int64_t pads[4] = {1, 1, 1, 1};
    OK(blok_node_set_ints(graph, node, "pads", pads, 4, error));
  }
  return out;
}

static void add_branch(blok_graph *graph, blok_attr *attr, const char *name, const char *captured) {
  blok_arena *arena = &graph->module->arena;
  blok_graph *body = NULL;
  OK(blok_graph_new(graph->module, graph, &body, error));
  body->name = name;
  blok_value_id inner = net_value(body, captured);
  blok_value_at(body, inner)->is_capture = true;
  net_node(body, "Relu", captured, "inner");
  net_output(body, "inner");
  blok_subgraph *sub = blok_arena_zero(arena, sizeof *sub);
  blok_capture *capture = blok_arena_zero(arena, sizeof *capture);
  ck_assert(sub && capture);
  *capture = (blok_capture){net_value(graph, captured), inner};
  *sub = (blok_subgraph){body, 1, capture};
  attr->name = name;
  attr->type = BLOK_ATTR_GRAPH;
  attr->n = 1;
  attr->as.graphs = sub;
}

blok_node_id net_if(blok_graph *graph, const char *condition, const char *captured,
                    const char *out) {
  blok_node_id id = net_node(graph, "If", condition, out);
  blok_attr *attrs = blok_arena_array(&graph->module->arena, 2, sizeof *attrs);
  ck_assert_ptr_nonnull(attrs);
  add_branch(graph, &attrs[0], "then_branch", captured);
  add_branch(graph, &attrs[1], "else_branch", captured);
  blok_node *node = blok_node_at(graph, id);
  node->attrs = attrs;
  node->n_attrs = 2;
  return id;
}

// ---- Matching -----------------------------------------------------------------------------------

net_found net_match(blok_module *module) {
  net_found found = {module, NULL, NULL};
  OK(blok_graph_verify(module->graph, true, error));
  OK(blok_facts_compute(module->graph, NULL, NULL, &found.facts, error));
  OK(blok_blocks_match(module->graph, found.facts, NULL, &found.overlay, error));
  ck_assert_ptr_nonnull(found.overlay);
  return found;
}

void net_free(net_found *found) {
  blok_overlay_free(&found->overlay);
  blok_facts_free(&found->facts);
  blok_module_free(&found->module);
}

uint32_t net_count(const net_found *found, blok_block_kind kind) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < found->overlay->n_blocks; i++) {
    if (found->overlay->blocks[i].kind == kind) count++;
  }
  return count;
}

const blok_block_record *net_block(const net_found *found, blok_block_kind kind) {
  const blok_block_record *block = NULL;
  for (uint32_t i = 0; i < found->overlay->n_blocks; i++) {
    const blok_block_record *at = &found->overlay->blocks[i];
    if (at->kind != kind || at->parent >= 0) continue;
    ck_assert_msg(!block, "more than one %s", blok_block_kind_name(kind));
    block = at;
  }
  if (!block && found->overlay->n_misses) {
    const blok_near_miss *miss = &found->overlay->misses[0];
    ck_abort_msg("no %s: %s is %s", blok_block_kind_name(kind), miss->condition, miss->got);
  }
  ck_assert_msg(block != NULL, "no %s", blok_block_kind_name(kind));
  return block;
}

void net_assert_refused(const net_found *found, const char *condition) {
  ck_assert_uint_eq(net_count(found, BLOK_RESIDUAL), 0);
  ck_assert_uint_eq(net_count(found, BLOK_BOTTLENECK), 0);
  ck_assert_uint_eq(net_count(found, BLOK_SQUEEZE_EXCITE), 0);
  ck_assert_uint_eq(found->overlay->n_misses, 1);
  ck_assert_str_eq(found->overlay->misses[0].condition, condition);
  ck_assert_str_ne(found->overlay->misses[0].got, "");
  ck_assert_str_ne(found->overlay->misses[0].want, "");
}

net_found net_finish(blok_module *module) {
  net_output(module->graph, "y");
  return net_match(module);
}

blok_graph *net_begin(blok_module **module) {
  *module = net_module();
  net_input((*module)->graph, "x", -1, 16, 8, 8);
  return (*module)->graph;
}

void net_post(blok_graph *graph, int64_t out, int64_t stride) {
  net_conv(graph, "b.conv1", "x", "c1", net_k(16, out, 3, stride));
  net_norm(graph, "b.bn1", "c1", "n1", out);
  net_node(graph, "Relu", "n1", "r1");
  net_conv(graph, "b.conv2", "r1", "c2", net_k(out, out, 3, 1));
  net_norm(graph, "b.bn2", "c2", "f", out);
}
