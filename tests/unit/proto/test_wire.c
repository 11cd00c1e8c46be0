// The wire scan: what is cut, what is kept, and what is refused.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/storage.h"
#include "proto/onnx.pb-c.h"
#include "proto/wire.h"
#include "wire_bytes.h"

enum { BIG = 3000 };

static const ProtobufCMessageDescriptor *const MODEL = &blok__onnx__model_proto__descriptor;
static const ProtobufCMessageDescriptor *const TENSOR = &blok__onnx__tensor_proto__descriptor;
static const ProtobufCMessageDescriptor *const TYPE = &blok__onnx__type_proto__descriptor;

static uint8_t pattern[2 * BIG];

static void fill_pattern(void) {
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i * 7 + 1);
}

static blok_status scan(const blok_test_bytes *b, const ProtobufCMessageDescriptor *root,
                        const blok_limits *limits, blok_wire_skeleton *out, blok_error *error) {
  blok_storage *storage =
      blok_storage_borrow(blok_allocator_default(), b->data, b->size, NULL, NULL);
  ck_assert_ptr_nonnull(storage);
  blok_status status = blok_wire_scan(storage, root, limits, NULL, out, error);
  blok_storage_release(storage);
  return status;
}

static ProtobufCMessage *unpack(const blok_wire_skeleton *skeleton,
                                const ProtobufCMessageDescriptor *root) {
  ProtobufCMessage *message =
      protobuf_c_message_unpack(root, NULL, skeleton->size, skeleton->bytes);
  ck_assert_ptr_nonnull(message);
  return message;
}

static Blok__Onnx__TensorProto *unpack_tensor(const blok_wire_skeleton *skeleton) {
  return (Blok__Onnx__TensorProto *)unpack(skeleton, TENSOR);
}

// The bytes must be refused with this status and a message that holds these words.
static void refused(const blok_test_bytes *b, const ProtobufCMessageDescriptor *root,
                    const blok_limits *limits, blok_status want, const char *words) {
  blok_wire_skeleton skeleton;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(scan(b, root, limits, &skeleton, &error), want);
  ck_assert_msg(strstr(error.message, words) != NULL, "'%s' does not say '%s'", error.message,
                words);
  blok_wire_skeleton_free(&skeleton);
}

static void accepted(const blok_test_bytes *b, const ProtobufCMessageDescriptor *root) {
  blok_wire_skeleton skeleton;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(scan(b, root, NULL, &skeleton, &error) == BLOK_OK, "%s", error.message);
  blok_wire_skeleton_free(&skeleton);
}

static blok_test_bytes model_of_graph(const blok_test_bytes *graph) {
  blok_test_bytes model = {0};
  blok_bytes_int(&model, 1, 8);
  blok_bytes_message(&model, 7, graph);
  return model;
}

// A graph in an attribute of a node of a graph ..., so many of them inside the outermost.
static blok_test_bytes nested_graphs(size_t count) {
  blok_test_bytes graph = {0};
  blok_bytes_text(&graph, 2, "innermost");
  for (size_t i = 0; i < count; i++) {
    blok_test_bytes attribute = {0}, node = {0}, outer = {0};
    blok_bytes_message(&attribute, 6, &graph);
    blok_bytes_message(&node, 5, &attribute);
    blok_bytes_message(&outer, 1, &node);
    blok_bytes_free(&attribute);
    blok_bytes_free(&node);
    blok_bytes_free(&graph);
    graph = outer;
  }
  blok_test_bytes model = model_of_graph(&graph);
  blok_bytes_free(&graph);
  return model;
}

// ---- What is cut --------------------------------------------------------------------------------

START_TEST(scan__cuts_raw_data_from_the_limit_on) {
  for (size_t size = BLOK_WIRE_CUT_BYTES - 1; size <= BLOK_WIRE_CUT_BYTES; size++) {
    blok_test_bytes b = {0};
    blok_bytes_int(&b, 2, 1);
    blok_bytes_text(&b, 8, "w");
    blok_bytes_run(&b, 9, pattern, size);
    blok_wire_skeleton skeleton;
    ck_assert_int_eq(scan(&b, TENSOR, NULL, &skeleton, NULL), BLOK_OK);
    Blok__Onnx__TensorProto *tensor = unpack_tensor(&skeleton);
    bool cut = size >= BLOK_WIRE_CUT_BYTES;
    ck_assert_int_eq(tensor->has_raw_data, !cut);
    ck_assert_uint_eq(skeleton.payload_count, cut);
    ck_assert_str_eq(tensor->name, "w");
    ck_assert_uint_eq(tensor->base.n_unknown_fields, 1);
    ck_assert_uint_eq(tensor->base.unknown_fields[0].tag, BLOK_WIRE_MARKER);
    if (cut) {
      ck_assert_uint_eq(skeleton.payloads[0].field, 9);
      ck_assert_uint_eq(skeleton.payloads[0].size, size);
      ck_assert_mem_eq(b.data + skeleton.payloads[0].offset, pattern, size);
    }
    protobuf_c_message_free_unpacked(&tensor->base, NULL);
    blok_wire_skeleton_free(&skeleton);
    blok_bytes_free(&b);
  }
}
END_TEST

START_TEST(scan__cuts_every_typed_field_that_is_one_packed_run) {
  static const uint32_t fields[] = {4, 5, 7, 10, 11};
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    blok_test_bytes b = {0};
    blok_bytes_int(&b, 2, 1);
    blok_bytes_run(&b, fields[i], pattern, BIG);
    blok_wire_skeleton skeleton;
    ck_assert_int_eq(scan(&b, TENSOR, NULL, &skeleton, NULL), BLOK_OK);
    ck_assert_uint_eq(skeleton.payload_count, 1);
    ck_assert_uint_eq(skeleton.payloads[0].field, fields[i]);
    ck_assert_uint_lt(skeleton.size, 20);
    blok_wire_skeleton_free(&skeleton);
    blok_bytes_free(&b);
  }
}
END_TEST

START_TEST(scan__keeps_a_typed_field_that_comes_in_pieces) {
  blok_test_bytes b = {0};
  blok_bytes_run(&b, 4, pattern, BIG);
  blok_bytes_fixed32(&b, 4, 0x3f800000);
  blok_wire_skeleton skeleton;
  ck_assert_int_eq(scan(&b, TENSOR, NULL, &skeleton, NULL), BLOK_OK);
  ck_assert_uint_eq(skeleton.payload_count, 0);
  Blok__Onnx__TensorProto *tensor = unpack_tensor(&skeleton);
  ck_assert_uint_eq(tensor->n_float_data, BIG / 4 + 1);
  ck_assert_mem_eq(tensor->float_data, pattern, BIG);
  ck_assert(tensor->float_data[BIG / 4] == 1.0f);
  protobuf_c_message_free_unpacked(&tensor->base, NULL);
  blok_wire_skeleton_free(&skeleton);
  blok_bytes_free(&b);
}
END_TEST

START_TEST(scan__takes_the_last_raw_data_when_it_comes_twice) {
  static const size_t sizes[][2] = {{BIG, 8}, {8, BIG}, {BIG, 2000}, {8, 4}};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    size_t last = sizes[i][1];
    blok_test_bytes b = {0};
    blok_bytes_run(&b, 9, pattern, sizes[i][0]);
    blok_bytes_int(&b, 2, 1);
    blok_bytes_run(&b, 9, pattern + 1, last);
    blok_wire_skeleton skeleton;
    ck_assert_int_eq(scan(&b, TENSOR, NULL, &skeleton, NULL), BLOK_OK);
    Blok__Onnx__TensorProto *tensor = unpack_tensor(&skeleton);
    if (last < BLOK_WIRE_CUT_BYTES) {
      ck_assert_uint_eq(skeleton.payload_count, 0);
      ck_assert_uint_eq(tensor->raw_data.len, last);
      ck_assert_mem_eq(tensor->raw_data.data, pattern + 1, last);
    } else {
      ck_assert_uint_eq(skeleton.payload_count, 1);
      ck_assert_int_eq(tensor->has_raw_data, 0);
      ck_assert_mem_eq(b.data + skeleton.payloads[0].offset, pattern + 1, last);
    }
    protobuf_c_message_free_unpacked(&tensor->base, NULL);
    blok_wire_skeleton_free(&skeleton);
    blok_bytes_free(&b);
  }
}
END_TEST

START_TEST(scan__keeps_a_field_with_the_marker_s_number_behind_the_marker) {
  blok_test_bytes b = {0};
  blok_bytes_fixed32(&b, BLOK_WIRE_MARKER, 77);
  blok_bytes_run(&b, 9, pattern, BIG);
  blok_wire_skeleton skeleton;
  ck_assert_int_eq(scan(&b, TENSOR, NULL, &skeleton, NULL), BLOK_OK);
  Blok__Onnx__TensorProto *tensor = unpack_tensor(&skeleton);
  ck_assert_uint_eq(tensor->base.n_unknown_fields, 2);
  ck_assert_uint_eq(tensor->base.unknown_fields[0].data[0], 0);
  ck_assert_uint_eq(tensor->base.unknown_fields[1].data[0], 77);
  protobuf_c_message_free_unpacked(&tensor->base, NULL);
  blok_wire_skeleton_free(&skeleton);
  blok_bytes_free(&b);
}
END_TEST

START_TEST(scan__chains_the_payloads_of_one_tensor) {
  blok_test_bytes b = {0};
  blok_bytes_run(&b, 4, pattern, BIG);
  blok_bytes_run(&b, 9, pattern, BIG);
  blok_wire_skeleton skeleton;
  ck_assert_int_eq(scan(&b, TENSOR, NULL, &skeleton, NULL), BLOK_OK);
  ck_assert_uint_eq(skeleton.payload_count, 2);
  ck_assert(skeleton.payloads[0].more);
  ck_assert(!skeleton.payloads[1].more);
  blok_wire_skeleton_free(&skeleton);
  blok_bytes_free(&b);
}
END_TEST

START_TEST(scan__accepts_numbers_that_are_longer_than_needed) {
  // Tag 2, varint, in two bytes; a length of 1 in three; both are legal.
  static const uint8_t bytes[] = {0x90, 0x00, 0x01, 0x42, 0x81, 0x80, 0x00, 'w'};
  blok_test_bytes b = {0};
  blok_bytes_raw(&b, bytes, sizeof bytes);
  blok_wire_skeleton skeleton;
  ck_assert_int_eq(scan(&b, TENSOR, NULL, &skeleton, NULL), BLOK_OK);
  Blok__Onnx__TensorProto *tensor = unpack_tensor(&skeleton);
  ck_assert_int_eq(tensor->data_type, 1);
  ck_assert_str_eq(tensor->name, "w");
  protobuf_c_message_free_unpacked(&tensor->base, NULL);
  blok_wire_skeleton_free(&skeleton);
  blok_bytes_free(&b);
}
END_TEST

// ---- What is refused ----------------------------------------------------------------------------

START_TEST(scan__names_the_field_when_the_file_is_truncated) {
  blok_test_bytes graph = {0};
  blok_bytes_text(&graph, 2, "a graph with a name");
  blok_test_bytes model = model_of_graph(&graph);
  model.size -= 5;
  refused(&model, MODEL, NULL, BLOK_E_MALFORMED, "truncated: 'graph' of the ModelProto");
  blok_bytes_free(&graph);
  blok_bytes_free(&model);
}
END_TEST

START_TEST(scan__refuses_every_cut_inside_a_field) {
  blok_test_bytes tensor = {0}, graph = {0};
  blok_bytes_int(&tensor, 2, 1);
  blok_bytes_run(&tensor, 9, pattern, BIG);
  blok_bytes_message(&graph, 5, &tensor);
  blok_test_bytes model = model_of_graph(&graph);
  size_t whole = model.size;
  for (model.size = 3; model.size < whole; model.size++) {
    blok_wire_skeleton skeleton;
    ck_assert_int_eq(scan(&model, MODEL, NULL, &skeleton, NULL), BLOK_E_MALFORMED);
    blok_wire_skeleton_free(&skeleton);
  }
  blok_bytes_free(&tensor);
  blok_bytes_free(&graph);
  blok_bytes_free(&model);
}
END_TEST

START_TEST(scan__refuses_a_length_past_its_message) {
  static const uint8_t node[] = {0x0a, 0x05, 'x'};  // an input name of five bytes, one there
  blok_test_bytes n = {0}, graph = {0};
  blok_bytes_raw(&n, node, sizeof node);
  blok_bytes_message(&graph, 1, &n);
  blok_bytes_text(&graph, 2, "more bytes behind it");
  blok_test_bytes model = model_of_graph(&graph);
  refused(&model, MODEL, NULL, BLOK_E_MALFORMED, "field 1 of a NodeProto has 5 bytes where 1 are");
  blok_bytes_free(&n);
  blok_bytes_free(&graph);
  blok_bytes_free(&model);
}
END_TEST

START_TEST(scan__refuses_broken_tags_and_wire_types) {
  static const struct {
    uint8_t bytes[14];
    uint8_t size;
    const char *words;
  } cases[] = {
      {{0x00, 0x00}, 2, "no field begins so"},                                // field 0
      {{0x0f, 0x00}, 2, "no field begins so"},                                // wire type 7
      {{0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x00}, 7, "no field begins so"},  // tag over 32 bits
      {{0x1b, 0x1c}, 2, "is a group"},
      {{0x10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}, 12, "over 10 bytes"},
      {{0x15, 0, 0, 0, 0}, 5, "'data_type' has wire type 5 instead of 0"},
      {{0x12, 0x01, 0x00}, 3, "'data_type' has wire type 2 instead of 0"},
      {{0x40, 0x01}, 2, "'name' has wire type 0 instead of 2"},
      {{0x22, 0x03, 1, 2, 3}, 5, "no multiple of 4"},     // float_data
      {{0x52, 0x04, 1, 2, 3, 4}, 6, "no multiple of 8"},  // double_data
      {{0x10, 0x80}, 2, "truncated"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    blok_test_bytes b = {0};
    blok_bytes_raw(&b, cases[i].bytes, cases[i].size);
    refused(&b, TENSOR, NULL, BLOK_E_MALFORMED, cases[i].words);
    blok_bytes_free(&b);
  }
}
END_TEST

START_TEST(scan__refuses_what_protobuf_c_would_lose) {
  blok_test_bytes b = {0};
  blok_bytes_run(&b, 8, "a\0b", 3);
  refused(&b, TENSOR, NULL, BLOK_E_UNSUPPORTED, "zero byte");
  blok_bytes_free(&b);

  blok_test_bytes graph = {0};
  blok_test_bytes model = model_of_graph(&graph);
  blok_bytes_message(&model, 7, &graph);
  refused(&model, MODEL, NULL, BLOK_E_UNSUPPORTED, "'graph' twice");
  blok_bytes_free(&model);
}
END_TEST

START_TEST(scan__stops_at_the_subgraph_limit) {
  blok_test_bytes model = nested_graphs(64);
  accepted(&model, MODEL);
  blok_bytes_free(&model);
  model = nested_graphs(65);
  refused(&model, MODEL, NULL, BLOK_E_LIMIT, "subgraphs nest deeper than 64 levels");
  blok_bytes_free(&model);
  model = nested_graphs(3000);
  refused(&model, MODEL, NULL, BLOK_E_LIMIT, "subgraphs nest deeper than 64 levels");
  blok_limits limits = BLOK_LIMITS_INIT;
  limits.depth = 100000;
  refused(&model, MODEL, &limits, BLOK_E_LIMIT, "subgraphs nest deeper than 90 levels");
  blok_bytes_free(&model);
}
END_TEST

START_TEST(scan__stops_at_the_message_depth) {
  blok_test_bytes type = {0};
  for (int i = 0; i < BLOK_WIRE_MAX_DEPTH; i++) {
    blok_test_bytes sequence = {0}, outer = {0};
    blok_bytes_message(&sequence, 1, &type);
    blok_bytes_message(&outer, 4, &sequence);
    blok_bytes_free(&sequence);
    blok_bytes_free(&type);
    type = outer;
  }
  refused(&type, TYPE, NULL, BLOK_E_LIMIT, "messages nest deeper than 320 levels");
  blok_bytes_free(&type);
}
END_TEST

START_TEST(scan__stops_at_the_node_and_skeleton_limits) {
  blok_test_bytes graph = {0}, node = {0};
  for (int i = 0; i < 100; i++) blok_bytes_message(&graph, 1, &node);
  blok_test_bytes model = model_of_graph(&graph);
  blok_limits limits = BLOK_LIMITS_INIT;
  limits.nodes = 100;
  blok_wire_skeleton skeleton;
  ck_assert_int_eq(scan(&model, MODEL, &limits, &skeleton, NULL), BLOK_OK);
  blok_wire_skeleton_free(&skeleton);
  limits.nodes = 99;
  refused(&model, MODEL, &limits, BLOK_E_LIMIT, "more than 99 nodes");
  limits.nodes = 0;
  limits.skeleton_bytes = 300;
  refused(&model, MODEL, &limits, BLOK_E_LIMIT, "larger than 300 bytes (skeleton_bytes");
  blok_bytes_free(&graph);
  blok_bytes_free(&model);
}
END_TEST

Suite *suite_wire(void) {
  Suite *suite = suite_create("wire");
  TCase *tests = tcase_create("scan");
  tcase_add_checked_fixture(tests, fill_pattern, NULL);
  tcase_add_test(tests, scan__cuts_raw_data_from_the_limit_on);
  tcase_add_test(tests, scan__cuts_every_typed_field_that_is_one_packed_run);
  tcase_add_test(tests, scan__keeps_a_typed_field_that_comes_in_pieces);
  tcase_add_test(tests, scan__takes_the_last_raw_data_when_it_comes_twice);
  tcase_add_test(tests, scan__keeps_a_field_with_the_marker_s_number_behind_the_marker);
  tcase_add_test(tests, scan__chains_the_payloads_of_one_tensor);
  tcase_add_test(tests, scan__accepts_numbers_that_are_longer_than_needed);
  tcase_add_test(tests, scan__names_the_field_when_the_file_is_truncated);
  tcase_add_test(tests, scan__refuses_every_cut_inside_a_field);
  tcase_add_test(tests, scan__refuses_a_length_past_its_message);
  tcase_add_test(tests, scan__refuses_broken_tags_and_wire_types);
  tcase_add_test(tests, scan__refuses_what_protobuf_c_would_lose);
  tcase_add_test(tests, scan__stops_at_the_subgraph_limit);
  tcase_add_test(tests, scan__stops_at_the_message_depth);
  tcase_add_test(tests, scan__stops_at_the_node_and_skeleton_limits);
  suite_add_tcase(suite, tests);
  return suite;
}
