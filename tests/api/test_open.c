// Opening models: from a path, from memory, with external data, options and limits; what goes
// wrong.
#include <check.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"
#include "support/fault.h"
#include "support/folder.h"

Suite *suite_open(void);

static blok_error error;

static void empty_error(void) { error = (blok_error)BLOK_ERROR_INIT; }

// ---- From memory --------------------------------------------------------------------------------

typedef struct lent {
  const void *bytes;
  int released;
} lent;

static void take_back(void *context, const void *bytes) {
  lent *loan = context;
  ck_assert_ptr_eq(bytes, loan->bytes);
  loan->released++;
}

START_TEST(load__runs_from_borrowed_bytes_and_gives_them_back_once) {
  blok_test_vectors vectors;
  blok_test_vectors_read("guide_post_torchscript", &vectors);
  size_t size;
  char *bytes = blok_test_read(blok_test_model("guide_post_torchscript"), &size);
  lent loan = {bytes, 0};
  blok_model *model = NULL;
  ck_assert_int_eq(blok_model_load(bytes, size, take_back, &loan, NULL, &model, &error), BLOK_OK);
  blok_session *session = blok_test_session(model);
  blok_test_run(session, &vectors);
  blok_model_free(&model);
  ck_assert_int_eq(loan.released, 0);
  blok_session_free(&session);
  ck_assert_int_eq(loan.released, 1);
  free(bytes);
  blok_test_vectors_free(&vectors);
}
END_TEST

START_TEST(load__gives_bytes_back_once_when_it_fails) {
  char bytes[] = "no model";
  lent loan = {bytes, 0};
  blok_model *model = (blok_model *)&loan;
  blok_status status =
      blok_model_load(bytes, sizeof bytes - 1, take_back, &loan, NULL, &model, &error);
  blok_test_fails(status, BLOK_E_MALFORMED, &error, "model: ", NULL);
  ck_assert_ptr_null(model);
  ck_assert_int_eq(loan.released, 1);
  status = blok_model_load(bytes, sizeof bytes - 1, take_back, &loan, NULL, NULL, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "out", NULL);
  ck_assert_int_eq(loan.released, 2);
}
END_TEST

START_TEST(load__calls_the_model_by_the_given_name) {
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.name = "the\nnet";
  blok_model *model = NULL;
  blok_status status = blok_model_load("?", 1, NULL, NULL, &options, &model, &error);
  ck_assert_int_ne(status, BLOK_OK);
  ck_assert_msg(strncmp(error.message, "the\\x0anet: ", 12) == 0, "%s", error.message);
}
END_TEST

typedef struct data_of_folder {
  const char *model;
  char *bytes;
  int asked;
} data_of_folder;

static int find_data(void *context, const char *location, const void **bytes, size_t *size) {
  data_of_folder *data = context;
  if (strcmp(location, "model.onnx.data") != 0) return 1;
  char path[512];
  snprintf(path, sizeof path, "%s.data", blok_test_model(data->model));
  if (!data->bytes) data->bytes = blok_test_read(path, size);
  *bytes = data->bytes;
  data->asked++;
  return 0;
}

START_TEST(load__takes_external_data_by_callback) {
  data_of_folder data = {"external_data", NULL, 0};
  blok_external external = {&data, find_data};
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.external = &external;
  size_t size;
  char *bytes = blok_test_read(blok_test_model("external_data"), &size);
  blok_model *model = NULL;
  blok_status status = blok_model_load(bytes, size, NULL, NULL, &options, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  ck_assert_int_eq(data.asked, 1);
  blok_test_vectors vectors;
  blok_test_vectors_read("external_data", &vectors);
  blok_session *session = blok_test_session(model);
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_model_free(&model);

  external.find = NULL;
  status = blok_model_load(bytes, size, NULL, NULL, &options, &model, &error);
  blok_test_fails(status, BLOK_E_NOT_FOUND, &error, "model.onnx.data", "conv.weight", NULL);
  free(bytes);
  free(data.bytes);
  blok_test_vectors_free(&vectors);
}
END_TEST

START_TEST(load__looks_for_external_data_in_the_given_root) {
  size_t size;
  char root[512];
  char *bytes = blok_test_read(blok_test_model("external_data"), &size);
  snprintf(root, sizeof root, "%s", blok_test_model("external_data"));
  *strrchr(root, '/') = '\0';
  blok_model *model = NULL;
  blok_status status = blok_model_load(bytes, size, NULL, NULL, NULL, &model, &error);
  blok_test_fails(status, BLOK_E_NOT_FOUND, &error, "external_root", NULL);
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.external_root = root;
  status = blok_model_load(bytes, size, NULL, NULL, &options, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  blok_test_vectors vectors;
  blok_test_vectors_read("external_data", &vectors);
  blok_session *session = blok_test_session(model);
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_model_free(&model);
  blok_test_vectors_free(&vectors);
  free(bytes);
}
END_TEST

// ---- What goes wrong ----------------------------------------------------------------------------

START_TEST(open__names_the_file_that_is_not_there) {
  blok_model *model = NULL;
  blok_status status = blok_model_open("/nonexistent/net.onnx", NULL, &model, &error);
  blok_test_fails(status, BLOK_E_NOT_FOUND, &error, "/nonexistent/net.onnx", NULL);
  ck_assert_ptr_null(model);
  ck_assert_int_eq(blok_model_open("/nonexistent/net.onnx", NULL, &model, NULL), BLOK_E_NOT_FOUND);
}
END_TEST

START_TEST(open__refuses_null) {
  blok_model *model = NULL;
  blok_test_fails(blok_model_open(NULL, NULL, &model, &error), BLOK_E_ARGUMENT, &error, "path",
                  NULL);
  blok_test_fails(blok_model_open("x", NULL, NULL, &error), BLOK_E_ARGUMENT, &error, "out", NULL);
}
END_TEST

START_TEST(open__refuses_limits_made_without_their_macro) {
  blok_limits limits = {0};
  limits.run_bytes = 1000;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.limits = &limits;
  blok_model *model = NULL;
  blok_status status = blok_model_open(blok_test_model("if_captures"), &options, &model, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "blok_limits", "_INIT", NULL);
  ck_assert_ptr_null(model);
  model = blok_test_open("if_captures");
  blok_session_options session_options = BLOK_SESSION_OPTIONS_INIT;
  session_options.limits = &limits;
  blok_session *session = NULL;
  blok_test_fails(blok_session_new(model, &session_options, &session, &error), BLOK_E_ARGUMENT,
                  &error, "blok_limits", NULL);
  blok_model_free(&model);
}
END_TEST

START_TEST(open__fills_the_error_anew_each_time) {
  blok_model *model = NULL;
  ck_assert_int_ne(blok_model_open("/nonexistent/a.onnx", NULL, &model, &error), BLOK_OK);
  blok_status status = blok_model_open("/nonexistent/b.onnx", NULL, &model, &error);
  blok_test_fails(status, BLOK_E_NOT_FOUND, &error, "b.onnx", NULL);
  ck_assert_int_eq(blok_model_open(blok_test_model("late_shapes"), NULL, &model, &error), BLOK_OK);
  ck_assert_int_eq(error.status, BLOK_OK);
  ck_assert_str_eq(error.message, "");
  blok_model_free(&model);
  ck_assert_ptr_null(model);
  blok_model_free(&model);
}
END_TEST

START_TEST(open__opens_what_it_cannot_run_and_says_why) {
  blok_model *model = blok_test_open("unknown_operator");
  blok_status status = blok_model_runnable(model, &error);
  blok_test_fails(status, BLOK_E_UNSUPPORTED, &error, "unknown_operator", "Frobnicate", "odd",
                  NULL);
  blok_error again = BLOK_ERROR_INIT;
  blok_session *session = NULL;
  ck_assert_int_eq(blok_session_new(model, NULL, &session, &again), status);
  ck_assert_ptr_null(session);
  ck_assert_str_eq(again.message, error.message);
  ck_assert_uint_eq(blok_model_unknown_count(model), 1);
  blok_loose_info unknown = BLOK_LOOSE_INFO_INIT;
  ck_assert_int_eq(blok_model_unknown(model, 0, &unknown), BLOK_OK);
  ck_assert_str_eq(unknown.op, "org.example.Frobnicate");
  ck_assert_uint_eq(blok_model_block_count(model), 0);
  blok_model_free(&model);
}
END_TEST

static void keep_last(void *context, const char *message) {
  char *last = context;
  snprintf(last, 256, "%s", message);
}

START_TEST(open__warns_of_a_newer_ir_and_goes_on) {
  char path[512], last[256] = "";
  snprintf(path, sizeof path, "%s/bad/ir_newer/model.onnx", BLOK_TEST_DATA);
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.warn = keep_last;
  options.warn_context = last;
  blok_model *model = NULL;
  blok_status status = blok_model_open(path, &options, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  ck_assert_ptr_nonnull(strstr(last, "IR version"));
  ck_assert_str_eq(blok_model_warning(model, 0), last);
  ck_assert_ptr_null(blok_model_warning(model, 1));
  blok_model_free(&model);
}
END_TEST

// ---- Options ------------------------------------------------------------------------------------

START_TEST(open__takes_an_older_callers_shorter_options) {
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  memset(&options, 0xff, sizeof options);
  options.struct_size = offsetof(blok_open_options, limits);
  options.allocator = NULL;
  blok_model *model = NULL;
  blok_status status = blok_model_open(blok_test_model("late_shapes"), &options, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  blok_model_free(&model);
  options.struct_size = 0;
  status = blok_model_open(blok_test_model("late_shapes"), &options, &model, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "struct_size", NULL);
}
END_TEST

START_TEST(open__takes_a_newer_callers_longer_options) {
  struct {
    blok_open_options known;
    void *unknown[4];
  } options;
  memset(&options, 0xff, sizeof options);
  options.known = (blok_open_options)BLOK_OPEN_OPTIONS_INIT;
  options.known.struct_size = sizeof options;
  blok_model *model = NULL;
  blok_status status =
      blok_model_open(blok_test_model("late_shapes"), &options.known, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  blok_model_free(&model);
}
END_TEST

static blok_status open_limited(const char *name, const blok_limits *limits) {
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.limits = limits;
  blok_model *model = NULL;
  blok_status status = blok_model_open(blok_test_model(name), &options, &model, &error);
  if (status == BLOK_OK) {
    status = blok_model_runnable(model, &error);
    blok_model_free(&model);
  } else {
    ck_assert_ptr_null(model);
  }
  return status;
}

START_TEST(open__keeps_the_limits) {
  blok_limits limits = BLOK_LIMITS_INIT;
  ck_assert_int_eq(open_limited("if_captures", &limits), BLOK_OK);
  limits.nodes = 5;
  blok_test_fails(open_limited("if_captures", &limits), BLOK_E_LIMIT, &error, "5", "nodes", NULL);
  limits = (blok_limits)BLOK_LIMITS_INIT;
  limits.depth = 1;
  blok_test_fails(open_limited("if_captures", &limits), BLOK_E_LIMIT, &error, "depth", NULL);
  limits = (blok_limits)BLOK_LIMITS_INIT;
  limits.skeleton_bytes = 100;
  blok_test_fails(open_limited("if_captures", &limits), BLOK_E_LIMIT, &error, "100", NULL);
  limits = (blok_limits)BLOK_LIMITS_INIT;
  limits.tensor_elements = 50;
  blok_test_fails(open_limited("conv_norm_relu", &limits), BLOK_E_LIMIT, &error, "50", NULL);
  limits.tensor_elements = 107;  // the largest weight has 108
  blok_test_fails(open_limited("external_data", &limits), BLOK_E_LIMIT, &error, "'conv.weight'",
                  "tensor_elements", NULL);
  limits = (blok_limits)BLOK_LIMITS_INIT;
  limits.inline_nodes = 1;
  blok_test_fails(open_limited("local_functions", &limits), BLOK_E_LIMIT, &error, "inline_nodes",
                  NULL);
}
END_TEST

static int stop_at_once(void *context, const char *what, uint64_t done, uint64_t total) {
  ck_assert_ptr_nonnull(what);
  ck_assert_uint_le(done, total);
  ++*(int *)context;
  return 1;
}

START_TEST(open__stops_when_progress_says_so) {
  int calls = 0;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.progress = stop_at_once;
  options.progress_context = &calls;
  blok_model *model = NULL;
  blok_status status =
      blok_model_open(blok_test_model("guide_seres_dynamo"), &options, &model, &error);
  blok_test_fails(status, BLOK_E_CANCELLED, &error, "guide_seres_dynamo", NULL);
  ck_assert_ptr_null(model);
  ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(open__takes_all_memory_from_the_given_allocator) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.allocator = &allocator;
  blok_model *model = NULL;
  blok_status status = blok_model_open(blok_test_model("if_captures"), &options, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  memset(&allocator, 0, sizeof allocator);  // the model keeps a copy
  uint64_t of_model = fault.live_blocks;
  ck_assert_uint_gt(of_model, 0);
  blok_session *session = blok_test_session(model);
  ck_assert_uint_gt(fault.live_blocks, of_model);
  blok_test_vectors vectors;
  blok_test_vectors_read("if_captures", &vectors);
  blok_test_run(session, &vectors);
  blok_test_vectors_free(&vectors);
  blok_session_free(&session);
  // Plans and packed weights stay with the model, for the next session.
  uint64_t kept = fault.live_blocks;
  session = blok_test_session(model);
  blok_session_free(&session);
  ck_assert_uint_eq(fault.live_blocks, kept);
  blok_model_free(&model);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

Suite *suite_open(void) {
  Suite *suite = suite_create("open");
  TCase *tests = tcase_create("open");
  tcase_set_tags(tests, "one_thread");
  tcase_add_checked_fixture(tests, empty_error, NULL);
  tcase_add_test(tests, load__runs_from_borrowed_bytes_and_gives_them_back_once);
  tcase_add_test(tests, load__gives_bytes_back_once_when_it_fails);
  tcase_add_test(tests, load__calls_the_model_by_the_given_name);
  tcase_add_test(tests, load__takes_external_data_by_callback);
  tcase_add_test(tests, load__looks_for_external_data_in_the_given_root);
  tcase_add_test(tests, open__names_the_file_that_is_not_there);
  tcase_add_test(tests, open__refuses_null);
  tcase_add_test(tests, open__refuses_limits_made_without_their_macro);
  tcase_add_test(tests, open__fills_the_error_anew_each_time);
  tcase_add_test(tests, open__opens_what_it_cannot_run_and_says_why);
  tcase_add_test(tests, open__warns_of_a_newer_ir_and_goes_on);
  tcase_add_test(tests, open__takes_an_older_callers_shorter_options);
  tcase_add_test(tests, open__takes_a_newer_callers_longer_options);
  tcase_add_test(tests, open__keeps_the_limits);
  tcase_add_test(tests, open__stops_when_progress_says_so);
  tcase_add_test(tests, open__takes_all_memory_from_the_given_allocator);
  suite_add_tcase(suite, tests);
  return suite;
}
