// Reading whole messages, writing them, and both with memory that runs out.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/storage.h"
#include "proto/message.h"
#include "support/fault.h"
#include "support/folder.h"
#include "wire_bytes.h"

enum { BIG = 3000, HUGE_WEIGHT = 4 << 20 };

static uint8_t pattern[BIG];

static void fill_pattern(void) {
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (uint8_t)(i * 7 + 1);
}

static blok_storage *storage_of(const blok_test_bytes *b) {
  blok_storage *storage =
      blok_storage_borrow(blok_allocator_default(), b->data, b->size, NULL, NULL);
  ck_assert_ptr_nonnull(storage);
  return storage;
}

static blok_test_bytes tensor_with(const char *name, uint32_t field, const void *bytes,
                                   size_t size) {
  blok_test_bytes tensor = {0};
  blok_bytes_int(&tensor, 1, size);
  blok_bytes_int(&tensor, 2, 2);
  if (field < 8) blok_bytes_run(&tensor, field, bytes, size);
  blok_bytes_text(&tensor, 8, name);
  if (field > 8) blok_bytes_run(&tensor, field, bytes, size);
  blok_bytes_text(&tensor, 12, "a doc string behind the payload");
  return tensor;
}

// A model with payloads in an initializer, a sparse initializer, an attribute, a subgraph's
// initializer and a function, with small tensors between them and unknown fields. Fields rise, as
// in what a serialiser writes.
static blok_test_bytes rich_model(void) {
  blok_test_bytes big = tensor_with("big", 9, pattern, BIG);
  blok_test_bytes typed = tensor_with("typed", 4, pattern, BIG);
  blok_test_bytes late = tensor_with("late", 10, pattern, BIG);
  blok_test_bytes small = tensor_with("small", 9, pattern, 40);
  blok_bytes_fixed32(&small, 1000, 5);
  blok_bytes_fixed32(&big, BLOK_WIRE_MARKER, 123);

  blok_test_bytes inner = {0}, attribute = {0}, subgraph = {0}, node = {0}, sparse = {0};
  blok_bytes_text(&inner, 2, "inner");
  blok_bytes_message(&inner, 5, &typed);
  blok_bytes_text(&attribute, 1, "value");
  blok_bytes_message(&attribute, 5, &big);
  blok_bytes_int(&attribute, 20, 4);
  blok_bytes_text(&subgraph, 1, "body");
  blok_bytes_message(&subgraph, 6, &inner);
  blok_bytes_text(&node, 2, "y");
  blok_bytes_text(&node, 4, "If");
  blok_bytes_message(&node, 5, &attribute);
  blok_bytes_message(&node, 5, &subgraph);
  blok_bytes_text(&node, 99, "unknown to us");
  blok_bytes_message(&sparse, 1, &late);
  blok_bytes_message(&sparse, 2, &small);

  blok_test_bytes graph = {0}, function = {0}, model = {0};
  blok_bytes_message(&graph, 1, &node);
  blok_bytes_text(&graph, 2, "main");
  blok_bytes_message(&graph, 5, &small);
  blok_bytes_message(&graph, 5, &typed);
  blok_bytes_message(&graph, 5, &big);
  blok_bytes_message(&graph, 15, &sparse);
  blok_bytes_text(&function, 1, "f");
  blok_bytes_message(&function, 7, &node);
  blok_bytes_int(&model, 1, 10);
  blok_bytes_text(&model, 2, "");
  blok_bytes_message(&model, 7, &graph);
  blok_bytes_message(&model, 25, &function);
  blok_bytes_int(&model, 500, 3);

  blok_test_bytes *parts[] = {&big,      &typed, &late,   &small, &inner,   &attribute,
                              &subgraph, &node,  &sparse, &graph, &function};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) blok_bytes_free(parts[i]);
  return model;
}

// ---- Putting back what was cut ------------------------------------------------------------------

// The payloads of a message that was read, as sources for writing it again. The markers that the
// scan left are indices into just this list.
typedef struct sources {
  blok_wire_source list[16];
  uint32_t count;
} sources;

static void sources_free(sources *all) {
  for (uint32_t i = 0; i < all->count; i++) {
    blok_storage *owned = (blok_storage *)(uintptr_t)all->list[i].storage;
    blok_storage_release(owned);
  }
  all->count = 0;
}

static blok_status take_sources(blok_storage *storage, const blok_allocator *allocator,
                                sources *all, blok_error *error) {
  blok_wire_skeleton skeleton;
  all->count = 0;
  blok_status status = blok_wire_scan(storage, &blok__onnx__model_proto__descriptor, NULL,
                                      allocator, &skeleton, error);
  for (uint32_t i = 0; status == BLOK_OK && i < skeleton.payload_count; i++) {
    const blok_wire_payload *payload = &skeleton.payloads[i];
    blok_storage *slice = blok_storage_slice(allocator, storage, payload->offset, payload->size);
    if (!slice) {
      status = blok_fail_memory(error, 0);
    } else {
      all->list[all->count++] = (blok_wire_source){slice, payload->field};
    }
  }
  blok_wire_skeleton_free(&skeleton);
  return status;
}

static blok_status collect(void *context, const void *bytes, size_t size, blok_error *error) {
  (void)error;
  blok_bytes_raw(context, bytes, size);
  return BLOK_OK;
}

// Reads and writes back; what was written replaces *out.
static blok_status there_and_back(blok_storage *storage, const blok_allocator *allocator,
                                  blok_test_bytes *out, blok_error *error) {
  out->size = 0;
  sources all = {0};
  blok_proto *proto = NULL;
  blok_status status = take_sources(storage, allocator, &all, error);
  if (status == BLOK_OK) {
    status = blok_proto_read_model(storage, NULL, allocator, &proto, error);
    ck_assert_int_eq(proto != NULL, status == BLOK_OK);
  }
  if (status == BLOK_OK) {
    status = blok_proto_write(&blok_proto_model(proto)->base, all.list, all.count, allocator,
                              collect, out, error);
  }
  blok_proto_free(&proto);
  sources_free(&all);
  return status;
}

START_TEST(write__gives_the_bytes_that_were_read) {
  blok_test_bytes model = rich_model(), out = {0};
  blok_storage *storage = storage_of(&model);
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = there_and_back(storage, blok_allocator_default(), &out, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  ck_assert_uint_eq(out.size, model.size);
  ck_assert_mem_eq(out.data, model.data, model.size);
  blok_storage_release(storage);
  blok_bytes_free(&model);
  blok_bytes_free(&out);
}
END_TEST

START_TEST(write__streams_from_a_file_with_little_memory) {
  uint8_t *weight = calloc(1, HUGE_WEIGHT);
  ck_assert_ptr_nonnull(weight);
  for (size_t i = 0; i < HUGE_WEIGHT; i += 997) weight[i] = (uint8_t)i;
  blok_test_bytes graph = {0}, model = {0}, out = {0};
  for (int i = 0; i < 3; i++) {
    blok_test_bytes tensor = tensor_with("w", 9, weight, HUGE_WEIGHT);
    blok_bytes_message(&graph, 5, &tensor);
    blok_bytes_free(&tensor);
  }
  blok_bytes_message(&model, 7, &graph);
  blok_test_folder folder;
  blok_test_folder_make(&folder);
  const char *path = blok_test_path(&folder, "m.onnx");
  blok_test_write(path, model.data, model.size);

  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_file *file;
  ck_assert_int_eq(blok_file_open(path, &allocator, NULL, &file, NULL), BLOK_OK);
  blok_storage *storage = blok_storage_file(&allocator, file, 0, blok_file_size(file));
  blok_file_release(file);
  ck_assert_ptr_nonnull(storage);
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(there_and_back(storage, &allocator, &out, &error) == BLOK_OK, "%s", error.message);
  ck_assert_uint_eq(out.size, model.size);
  ck_assert(memcmp(out.data, model.data, model.size) == 0);
  ck_assert_uint_lt(fault.peak_bytes, 200000);
  blok_storage_release(storage);
  ck_assert_uint_eq(fault.live_blocks, 0);
  blok_test_folder_remove(&folder);
  blok_bytes_free(&graph);
  blok_bytes_free(&model);
  blok_bytes_free(&out);
  free(weight);
}
END_TEST

// ---- Reading ------------------------------------------------------------------------------------

START_TEST(read_model__finds_payloads_and_unknown_fields) {
  blok_test_bytes model = rich_model();
  blok_storage *storage = storage_of(&model);
  blok_proto *proto;
  ck_assert_int_eq(blok_proto_read_model(storage, NULL, NULL, &proto, NULL), BLOK_OK);
  ck_assert_ptr_null(blok_proto_tensor(proto));
  const Blok__Onnx__GraphProto *graph = blok_proto_model(proto)->graph;
  ck_assert_uint_eq(graph->n_initializer, 3);

  size_t count;
  const ProtobufCMessageUnknownField *unknown =
      blok_proto_tensor_unknown(graph->initializer[0], &count);
  ck_assert_uint_eq(count, 1);
  ck_assert_uint_eq(unknown[0].tag, 1000);
  ck_assert_ptr_null(blok_proto_payload(proto, graph->initializer[0], 9));
  ck_assert_uint_eq(graph->initializer[0]->raw_data.len, 40);

  const blok_wire_payload *payload = blok_proto_payload(proto, graph->initializer[1], 4);
  ck_assert_ptr_nonnull(payload);
  ck_assert_ptr_null(blok_proto_payload(proto, graph->initializer[1], 9));
  uint8_t bytes[BIG];
  ck_assert_uint_eq(payload->size, BIG);
  ck_assert_int_eq(blok_storage_read(blok_proto_storage(proto), payload->offset, bytes, BIG, NULL),
                   BLOK_OK);
  ck_assert_mem_eq(bytes, pattern, BIG);
  ck_assert_ptr_nonnull(blok_proto_payload(proto, graph->initializer[2], 9));
  blok_proto_free(&proto);
  ck_assert_ptr_null(proto);
  blok_storage_release(storage);
  blok_bytes_free(&model);
}
END_TEST

START_TEST(read_tensor__reads_sequence_and_optional_files_too) {
  blok_test_bytes tensor = tensor_with("t", 9, pattern, BIG), sequence = {0}, optional = {0};
  blok_bytes_int(&sequence, 2, 1);
  blok_bytes_message(&sequence, 3, &tensor);
  blok_bytes_message(&sequence, 3, &tensor);
  blok_bytes_int(&optional, 2, 3);
  blok_bytes_message(&optional, 5, &sequence);
  blok_storage *storages[] = {storage_of(&tensor), storage_of(&sequence), storage_of(&optional)};
  blok_proto *proto;

  ck_assert_int_eq(blok_proto_read_tensor(storages[0], NULL, NULL, &proto, NULL), BLOK_OK);
  ck_assert_str_eq(blok_proto_tensor(proto)->name, "t");
  ck_assert_ptr_nonnull(blok_proto_payload(proto, blok_proto_tensor(proto), 9));
  blok_proto_free(&proto);

  ck_assert_int_eq(blok_proto_read_sequence(storages[1], NULL, NULL, &proto, NULL), BLOK_OK);
  const Blok__Onnx__SequenceProto *list = blok_proto_sequence(proto);
  ck_assert_uint_eq(list->n_tensor_values, 2);
  ck_assert_ptr_ne(blok_proto_payload(proto, list->tensor_values[0], 9),
                   blok_proto_payload(proto, list->tensor_values[1], 9));
  blok_proto_free(&proto);

  ck_assert_int_eq(blok_proto_read_optional(storages[2], NULL, NULL, &proto, NULL), BLOK_OK);
  ck_assert_uint_eq(blok_proto_optional(proto)->sequence_value->n_tensor_values, 2);
  blok_proto_free(&proto);

  for (int i = 0; i < 3; i++) blok_storage_release(storages[i]);
  blok_bytes_free(&tensor);
  blok_bytes_free(&sequence);
  blok_bytes_free(&optional);
}
END_TEST

START_TEST(read_model__says_what_the_file_is_instead) {
  static const struct {
    const char *bytes;
    size_t size;
    const char *words;
  } cases[] = {
      {"", 0, "the file is empty"},
      {"PK\3\4 and so on", 13, "zip archive"},
      {"\x1f\x8b\x08\x00", 4, "gzip"},
      {"\x80\2}q\1.", 6, "pickle"},
      {"\x89PNG\r\n\x1a\n", 8, "PNG"},
      {"\x1c\0\0\0TFL3", 8, "TensorFlow Lite"},
      {"<!DOCTYPE html>\n<html>", 22, "web page"},
      {"hello, this is text\n", 20, "it is text"},
      {"version https://git-lfs.github.com/spec/v1\n", 43, "Git LFS"},
      {"\x08\x08", 2, "there is no graph"},
      {"\x08\x08\x3a\x7f\x0a", 5, "truncated"},
      {"\xff\xff\xff\xff\xff\xff", 6, "truncated"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    blok_test_bytes b = {0};
    blok_bytes_raw(&b, cases[i].bytes, cases[i].size);
    blok_storage *storage = storage_of(&b);
    blok_proto *proto = (blok_proto *)&b;
    blok_error error = BLOK_ERROR_INIT;
    ck_assert_int_eq(blok_proto_read_model(storage, NULL, NULL, &proto, &error), BLOK_E_MALFORMED);
    ck_assert_ptr_null(proto);
    ck_assert_msg(strstr(error.message, cases[i].words) != NULL, "'%s' does not say '%s'",
                  error.message, cases[i].words);
    blok_storage_release(storage);
    blok_bytes_free(&b);
  }
}
END_TEST

START_TEST(read_tensor__refuses_a_model) {
  blok_test_bytes model = rich_model();
  blok_storage *storage = storage_of(&model);
  blok_proto *proto;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_proto_read_tensor(storage, NULL, NULL, &proto, &error), BLOK_E_MALFORMED);
  ck_assert_ptr_nonnull(strstr(error.message, "not a TensorProto"));
  blok_storage_release(storage);
  blok_bytes_free(&model);
}
END_TEST

START_TEST(read_model__bounds_the_memory_that_small_messages_take) {
  blok_test_bytes graph = {0}, model = {0}, empty = {0}, node = {0};
  for (int i = 0; i < 5000; i++) blok_bytes_message(&node, 5, &empty);
  blok_bytes_message(&graph, 1, &node);
  blok_bytes_message(&model, 7, &graph);
  blok_storage *storage = storage_of(&model);
  blok_limits limits = BLOK_LIMITS_INIT;
  limits.skeleton_bytes = 40000;
  blok_proto *proto;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_proto_read_model(storage, &limits, NULL, &proto, &error), BLOK_E_LIMIT);
  ck_assert_ptr_nonnull(strstr(error.message, "bytes of memory"));
  blok_storage_release(storage);
  blok_bytes_free(&graph);
  blok_bytes_free(&model);
  blok_bytes_free(&node);
}
END_TEST

// ---- Writing what was built ---------------------------------------------------------------------

typedef struct built {
  Blok__Onnx__ModelProto model;
  Blok__Onnx__GraphProto graph;
  Blok__Onnx__TensorProto tensor;
  Blok__Onnx__TensorProto *tensors[1];
  char name[2];
} built;

static void build(built *b) {
  blok__onnx__model_proto__init(&b->model);
  blok__onnx__graph_proto__init(&b->graph);
  blok__onnx__tensor_proto__init(&b->tensor);
  strcpy(b->name, "w");
  b->tensor.name = b->name;
  b->tensors[0] = &b->tensor;
  b->graph.initializer = b->tensors;
  b->graph.n_initializer = 1;
  b->model.graph = &b->graph;
}

START_TEST(write__puts_a_source_where_its_field_belongs) {
  built b;
  build(&b);
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  ck_assert(blok_proto_mark(&arena, &b.tensor, 0));
  blok_test_bytes content = {0}, out = {0};
  blok_bytes_raw(&content, "\1\2\3\4", 4);
  blok_storage *storage = storage_of(&content);
  blok_wire_source source = {storage, 4};
  uint64_t measured = 0;
  ck_assert_int_eq(blok_proto_measure(&b.model.base, &source, 1, NULL, &measured, NULL), BLOK_OK);
  ck_assert_int_eq(blok_proto_write(&b.model.base, &source, 1, NULL, collect, &out, NULL), BLOK_OK);
  static const uint8_t want[] = {0x3a, 11, 0x2a, 9, 0x22, 4, 1, 2, 3, 4, 0x42, 1, 'w'};
  ck_assert_uint_eq(out.size, sizeof want);
  ck_assert_mem_eq(out.data, want, sizeof want);
  ck_assert_uint_eq(measured, sizeof want);
  blok_storage_release(storage);
  blok_arena_free(&arena);
  blok_bytes_free(&content);
  blok_bytes_free(&out);
}
END_TEST

START_TEST(write__refuses_more_than_2_gib_before_the_first_byte) {
  built b;
  build(&b);
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  ck_assert(blok_proto_mark(&arena, &b.tensor, 0));
  // Nothing of it is ever read.
  blok_storage *storage =
      blok_storage_borrow(blok_allocator_default(), pattern, (size_t)3 << 30, NULL, NULL);
  ck_assert_ptr_nonnull(storage);
  blok_wire_source source = {storage, 9};
  blok_test_bytes out = {0};
  uint64_t measured = 0;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_proto_write(&b.model.base, &source, 1, NULL, collect, &out, &error),
                   BLOK_E_LIMIT);
  ck_assert_ptr_nonnull(strstr(error.message, "external data"));
  ck_assert_uint_eq(out.size, 0);
  ck_assert_int_eq(blok_proto_measure(&b.model.base, &source, 1, NULL, &measured, NULL), BLOK_OK);
  ck_assert_uint_gt(measured, UINT64_C(3) << 30);
  blok_storage_release(storage);
  blok_arena_free(&arena);
}
END_TEST

START_TEST(write__refuses_tensors_without_a_good_marker) {
  built b;
  build(&b);
  blok_test_bytes out = {0};
  ck_assert_int_eq(blok_proto_write(&b.model.base, NULL, 0, NULL, collect, &out, NULL),
                   BLOK_E_INTERNAL);
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  ck_assert(blok_proto_mark(&arena, &b.tensor, 7));
  ck_assert_int_eq(blok_proto_write(&b.model.base, NULL, 0, NULL, collect, &out, NULL),
                   BLOK_E_INTERNAL);
  ck_assert_uint_eq(out.size, 0);
  blok_arena_free(&arena);
}
END_TEST

static blok_status full_disk(void *context, const void *bytes, size_t size, blok_error *error) {
  (void)context;
  (void)bytes;
  (void)size;
  return BLOK_FAIL(error, BLOK_E_IO, "no space left");
}

START_TEST(write__passes_on_what_the_writer_says) {
  built b;
  build(&b);
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  ck_assert(blok_proto_mark(&arena, &b.tensor, BLOK_WIRE_NO_PAYLOAD));
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_proto_write(&b.model.base, NULL, 0, NULL, full_disk, NULL, &error),
                   BLOK_E_IO);
  ck_assert_str_eq(error.message, "no space left");
  blok_arena_free(&arena);
}
END_TEST

// ---- Memory that runs out -----------------------------------------------------------------------

typedef struct sweep {
  const blok_test_bytes *model;
  blok_test_bytes out;
} sweep;

static blok_status read_and_write(void *context, const blok_allocator *allocator,
                                  blok_error *error) {
  sweep *s = context;
  blok_storage *storage =
      blok_storage_borrow(allocator, s->model->data, s->model->size, NULL, NULL);
  if (!storage) return blok_fail_memory(error, 0);
  blok_status status = there_and_back(storage, allocator, &s->out, error);
  blok_storage_release(storage);
  return status;
}

START_TEST(read_and_write__end_cleanly_when_any_allocation_fails) {
  blok_test_bytes model = rich_model();
  sweep s = {&model, {0}};
  ck_assert_uint_gt(blok_fault_sweep(read_and_write, &s), 10);
  blok_bytes_free(&model);
  blok_bytes_free(&s.out);
}
END_TEST

Suite *suite_message(void) {
  Suite *suite = suite_create("message");
  TCase *tests = tcase_create("message");
  tcase_add_checked_fixture(tests, fill_pattern, NULL);
  tcase_add_test(tests, write__gives_the_bytes_that_were_read);
  tcase_add_test(tests, write__streams_from_a_file_with_little_memory);
  tcase_add_test(tests, read_model__finds_payloads_and_unknown_fields);
  tcase_add_test(tests, read_tensor__reads_sequence_and_optional_files_too);
  tcase_add_test(tests, read_model__says_what_the_file_is_instead);
  tcase_add_test(tests, read_tensor__refuses_a_model);
  tcase_add_test(tests, read_model__bounds_the_memory_that_small_messages_take);
  tcase_add_test(tests, write__puts_a_source_where_its_field_belongs);
  tcase_add_test(tests, write__refuses_more_than_2_gib_before_the_first_byte);
  tcase_add_test(tests, write__refuses_tensors_without_a_good_marker);
  tcase_add_test(tests, write__passes_on_what_the_writer_says);
  tcase_add_test(tests, read_and_write__end_cleanly_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
