// What the exporter writes of a graph made here, seen through protobuf-c.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/exporter.h"
#include "proto/message.h"
#include "support/fault.h"

Suite *suite_export(void);

static blok_error error;
static blok_module *module;

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_module_new(blok_allocator_default(), &module, &error), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(module, NULL, &module->graph, &error), BLOK_OK);
  module->has_ir_version = true;
  module->ir_version = 8;
}

static void end(void) { blok_module_free(&module); }

static blok_value_id value(blok_graph *graph, const char *name) {
  blok_value_id id;
  ck_assert_int_eq(blok_graph_add_value(graph, name, &id, &error), BLOK_OK);
  return id;
}

static blok_node_id node(blok_graph *graph, const char *op, blok_value_id in, blok_value_id out) {
  blok_node_id id;
  ck_assert_int_eq(blok_graph_add_node(graph, NULL, op, 1, 1, &id, &error), BLOK_OK);
  blok_graph_set_input(graph, id, 0, in);
  blok_graph_set_output(graph, id, 0, out);
  return id;
}

typedef struct taken {
  uint8_t bytes[4096];
  size_t size;
} taken;

static int take(void *context, const void *bytes, size_t size) {
  taken *out = context;
  if (size > sizeof out->bytes - out->size) return 1;
  if (size) memcpy(out->bytes + out->size, bytes, size);
  out->size += size;
  return 0;
}

static Blok__Onnx__ModelProto *written(taken *out) {
  out->size = 0;
  ck_assert_msg(blok_export_writer(module, take, out, &error) == BLOK_OK, "%s", error.message);
  Blok__Onnx__ModelProto *model = blok__onnx__model_proto__unpack(NULL, out->size, out->bytes);
  ck_assert_ptr_nonnull(model);
  return model;
}

START_TEST(export__leaves_out_what_was_removed) {
  blok_graph *graph = module->graph;
  blok_value_id x = value(graph, "x"), a = value(graph, "a"), y = value(graph, "y");
  ck_assert_int_eq(blok_graph_add_input(graph, x, NULL, &error), BLOK_OK);
  blok_node_id first = node(graph, "Identity", x, a);
  node(graph, "Relu", a, y);
  ck_assert_int_eq(blok_graph_add_output(graph, y, NULL, &error), BLOK_OK);
  blok_graph_replace_uses(graph, a, x);
  blok_graph_remove_node(graph, first);
  taken out;
  Blok__Onnx__ModelProto *model = written(&out);
  ck_assert_uint_eq(model->graph->n_node, 1);
  ck_assert_str_eq(model->graph->node[0]->op_type, "Relu");
  ck_assert_str_eq(model->graph->node[0]->input[0], "x");
  ck_assert_int_eq(model->ir_version, 8);
  blok__onnx__model_proto__free_unpacked(model, NULL);
}
END_TEST

START_TEST(export__writes_captures_under_their_outer_names) {
  blok_graph *graph = module->graph;
  blok_value_id x = value(graph, "x"), y = value(graph, "y");
  ck_assert_int_eq(blok_graph_add_input(graph, x, NULL, &error), BLOK_OK);
  blok_node_id outer = node(graph, "If", x, y);
  ck_assert_int_eq(blok_graph_add_output(graph, y, NULL, &error), BLOK_OK);
  blok_graph *body;
  ck_assert_int_eq(blok_graph_new(module, graph, &body, &error), BLOK_OK);
  blok_value_id inner = value(body, "x"), t = value(body, "t");
  body->values[inner.i].is_capture = true;
  node(body, "Relu", inner, t);
  ck_assert_int_eq(blok_graph_add_output(body, t, NULL, &error), BLOK_OK);
  blok_capture pair = {x, inner};
  blok_subgraph subgraph = {body, 1, &pair};
  blok_attr attr = {.name = "then_branch", .type = BLOK_ATTR_GRAPH, .has_type = true, .n = 1};
  attr.as.graphs = &subgraph;
  graph->nodes[outer.i].attrs = &attr;
  graph->nodes[outer.i].n_attrs = 1;
  ck_assert_int_eq(blok_graph_rename(graph, x, "renamed", &error), BLOK_OK);
  taken out;
  Blok__Onnx__ModelProto *model = written(&out);
  const Blok__Onnx__GraphProto *then = model->graph->node[0]->attribute[0]->g;
  ck_assert_str_eq(model->graph->input[0]->name, "renamed");
  ck_assert_str_eq(then->node[0]->input[0], "renamed");
  ck_assert_str_eq(then->node[0]->output[0], "t");
  blok__onnx__model_proto__free_unpacked(model, NULL);
}
END_TEST

START_TEST(export__writes_elements_and_left_out_slots) {
  blok_graph *graph = module->graph;
  const float elements[2] = {1.5F, -2.0F};
  const int64_t dims[1] = {2};
  blok_value_id w, y = value(graph, "y");
  ck_assert_int_eq(blok_graph_add_constant(graph, "w", BLOK_F32, 1, dims, elements, &w, &error),
                   BLOK_OK);
  blok_node_id id;
  ck_assert_int_eq(blok_graph_add_node(graph, "", "Clip", 3, 1, &id, &error), BLOK_OK);
  blok_graph_set_input(graph, id, 0, w);
  blok_graph_set_output(graph, id, 0, y);
  ck_assert_int_eq(blok_graph_add_output(graph, y, NULL, &error), BLOK_OK);
  taken out, again;
  Blok__Onnx__ModelProto *model = written(&out);
  const Blok__Onnx__TensorProto *tensor = model->graph->initializer[0];
  ck_assert_str_eq(tensor->name, "w");
  ck_assert_int_eq(tensor->data_type, BLOK_F32);
  ck_assert_uint_eq(tensor->raw_data.len, sizeof elements);
  ck_assert_int_eq(memcmp(tensor->raw_data.data, elements, sizeof elements), 0);
  ck_assert_uint_eq(model->graph->node[0]->n_input, 3);
  ck_assert_str_eq(model->graph->node[0]->input[2], "");
  blok__onnx__model_proto__free_unpacked(model, NULL);
  blok__onnx__model_proto__free_unpacked(written(&again), NULL);
  ck_assert_uint_eq(out.size, again.size);
  ck_assert_int_eq(memcmp(out.bytes, again.bytes, out.size), 0);
}
END_TEST

START_TEST(export__says_when_the_writer_is_full) {
  taken out;
  out.size = sizeof out.bytes;
  ck_assert_int_eq(blok_export_writer(module, take, &out, &error), BLOK_E_IO);
  ck_assert_str_ne(error.message, "");
}
END_TEST

Suite *suite_export(void) {
  Suite *suite = suite_create("export");
  TCase *tests = tcase_create("export");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, export__leaves_out_what_was_removed);
  tcase_add_test(tests, export__writes_captures_under_their_outer_names);
  tcase_add_test(tests, export__writes_elements_and_left_out_slots);
  tcase_add_test(tests, export__says_when_the_writer_is_full);
  suite_add_tcase(suite, tests);
  return suite;
}
