// Writing models: to a path, over the file they were opened from, to a writer, inline and external.
#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "stored.h"
#include "support/folder.h"

Suite *suite_save(void);

static blok_error error;
static blok_test_folder folder;

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  blok_test_folder_make(&folder);
}

static void end(void) { blok_test_folder_remove(&folder); }

static void save(const blok_model *model, const char *path, blok_weights_at weights) {
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  options.weights = weights;
  blok_status status = blok_model_save(model, path, &options, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
}

static void check_saved(const char *path, const char *name) {
  blok_test_vectors vectors;
  blok_test_vectors_read(name, &vectors);
  blok_model *model = NULL;
  blok_status status = blok_model_open(path, NULL, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  blok_session *session = blok_test_session(model);
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_model_free(&model);
  blok_test_vectors_free(&vectors);
}

static void same_files(const char *a, const char *b) {
  size_t size_a, size_b;
  char *bytes_a = blok_test_read(a, &size_a), *bytes_b = blok_test_read(b, &size_b);
  ck_assert(bytes_a && bytes_b);
  ck_assert_uint_eq(size_a, size_b);
  ck_assert_int_eq(memcmp(bytes_a, bytes_b, size_a), 0);
  free(bytes_a);
  free(bytes_b);
}

static const char *const models[] = {
    "conv_norm_relu", "if_captures",        "local_functions", "external_attribute",
    "external_data",  "sparse_initializer", "typed_data",      "guide_seres_dynamo"};

START_TEST(save__gives_equal_bytes_twice_and_a_model_that_runs) {
  const char *a = blok_test_path(&folder, "a.onnx"), *b = blok_test_path(&folder, "b.onnx");
  blok_model *model = blok_test_open(models[_i]);
  save(model, a, BLOK_WEIGHTS_INLINE);
  save(model, b, BLOK_WEIGHTS_INLINE);
  blok_model_free(&model);
  same_files(a, b);
  ck_assert_uint_eq(blok_test_count(&folder), 2);
  check_saved(a, models[_i]);
}
END_TEST

START_TEST(save__goes_inline_to_external_and_back) {
  const char *inside = blok_test_path(&folder, "in.onnx");
  const char *outside = blok_test_path(&folder, "out.onnx");
  const char *back = blok_test_path(&folder, "back.onnx");
  blok_model *model = blok_test_open("guide_seres_dynamo");
  save(model, inside, BLOK_WEIGHTS_INLINE);
  save(model, outside, BLOK_WEIGHTS_EXTERNAL);
  blok_model_free(&model);
  ck_assert_uint_eq(blok_test_count(&folder), 3);
  check_saved(outside, "guide_seres_dynamo");
  ck_assert_int_eq(blok_model_open(outside, NULL, &model, &error), BLOK_OK);
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  ck_assert_int_eq(blok_model_get_info(model, &info), BLOK_OK);
  ck_assert_uint_gt(info.external_bytes, 0);
  save(model, back, BLOK_WEIGHTS_INLINE);
  blok_model_free(&model);
  same_files(inside, back);
}
END_TEST

START_TEST(save__replaces_the_file_it_was_opened_from) {
  const char *path = blok_test_path(&folder, "net.onnx");
  blok_model *model = blok_test_open("guide_seres_dynamo");
  save(model, path, BLOK_WEIGHTS_EXTERNAL);
  blok_model_free(&model);
  for (int round = 0; round < 3; round++) {
    ck_assert_int_eq(blok_model_open(path, NULL, &model, &error), BLOK_OK);
    save(model, path, BLOK_WEIGHTS_AS_READ);
    blok_model_free(&model);
    ck_assert_uint_eq(blok_test_count(&folder), 2);  // the old external file is gone
    check_saved(path, "guide_seres_dynamo");
  }
  ck_assert_int_eq(blok_model_open(path, NULL, &model, &error), BLOK_OK);
  save(model, path, BLOK_WEIGHTS_INLINE);
  blok_model_free(&model);
  ck_assert_uint_eq(blok_test_count(&folder), 1);
  check_saved(path, "guide_seres_dynamo");
}
END_TEST

START_TEST(save__leaves_a_strangers_file_alone) {
  const char *path = blok_test_path(&folder, "net.onnx");
  const char *stranger = blok_test_path(&folder, "net.onnx.data");
  blok_test_write(stranger, "mine", 4);
  blok_model *model = blok_test_open("guide_seres_dynamo");
  for (int round = 0; round < 3; round++) save(model, path, BLOK_WEIGHTS_EXTERNAL);
  blok_model_free(&model);
  size_t size;
  char *bytes = blok_test_read(stranger, &size);
  ck_assert_ptr_nonnull(bytes);
  ck_assert_uint_eq(size, 4);
  ck_assert_int_eq(memcmp(bytes, "mine", 4), 0);
  free(bytes);
  ck_assert_uint_eq(blok_test_count(&folder), 3);
  check_saved(path, "guide_seres_dynamo");
}
END_TEST

START_TEST(save__refuses_weights_under_the_models_own_name) {
  const char *path = blok_test_path(&folder, "net.onnx");
  blok_model *model = blok_test_open("guide_seres_dynamo");
  save(model, path, BLOK_WEIGHTS_INLINE);
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  options.weights = BLOK_WEIGHTS_EXTERNAL;
  options.external_name = "net.onnx";
  blok_test_fails(blok_model_save(model, path, &options, &error), BLOK_E_ARGUMENT, &error,
                  "net.onnx", "own name", NULL);
  blok_model_free(&model);
  ck_assert_uint_eq(blok_test_count(&folder), 1);
  check_saved(path, "guide_seres_dynamo");
}
END_TEST

START_TEST(save__refuses_choices_and_reports_it_does_not_know) {
  const char *path = blok_test_path(&folder, "net.onnx");
  blok_model *model = blok_test_open("guide_seres_dynamo");
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  options.weights = (blok_weights_at)3;
  blok_test_fails(blok_model_save(model, path, &options, &error), BLOK_E_ARGUMENT, &error,
                  "weights", "3", NULL);
  blok_save_report report = BLOK_SAVE_REPORT_INIT;
  report.struct_size = 0;
  options = (blok_save_options)BLOK_SAVE_OPTIONS_INIT;
  options.report = &report;
  blok_test_fails(blok_model_save(model, path, &options, &error), BLOK_E_ARGUMENT, &error,
                  "blok_save_report", NULL);
  ck_assert_uint_eq(blok_test_count(&folder), 0);
  blok_model_free(&model);
}
END_TEST

START_TEST(save__fills_only_an_older_callers_report) {
  blok_model *model = blok_test_open("guide_seres_dynamo");
  blok_save_report report = BLOK_SAVE_REPORT_INIT;
  report.struct_size = offsetof(blok_save_report, external_bytes);
  report.external_bytes = 7;
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  options.weights = BLOK_WEIGHTS_INLINE;
  options.report = &report;
  const char *path = blok_test_path(&folder, "net.onnx");
  ck_assert_int_eq(blok_model_save(model, path, &options, &error), BLOK_OK);
  ck_assert_uint_gt(report.model_bytes, 0);
  ck_assert_uint_eq(report.external_bytes, 7);
  ck_assert_uint_eq(report.struct_size, offsetof(blok_save_report, external_bytes));
  blok_model_free(&model);
}
END_TEST

START_TEST(save__names_the_path_it_cannot_write) {
  const char *path = blok_test_path(&folder, "missing/net.onnx");
  blok_model *model = blok_test_open("conv_norm_relu");
  blok_status status = blok_model_save(model, path, NULL, &error);
  ck_assert(status == BLOK_E_IO || status == BLOK_E_NOT_FOUND);
  blok_test_fails(status, status, &error, "missing/", NULL);
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  options.weights = BLOK_WEIGHTS_EXTERNAL;
  options.external_name = "../data";
  path = blok_test_path(&folder, "net.onnx");
  blok_test_fails(blok_model_save(model, path, &options, &error), BLOK_E_ARGUMENT, &error,
                  "../data", NULL);
  ck_assert_uint_eq(blok_test_count(&folder), 0);
  blok_test_fails(blok_model_save(model, NULL, &options, &error), BLOK_E_ARGUMENT, &error, NULL);
  blok_model_free(&model);
}
END_TEST

static int stop(void *context, const char *what, uint64_t done, uint64_t total) {
  (void)context;
  (void)what;
  (void)done;
  (void)total;
  return 1;
}

START_TEST(save__leaves_the_old_file_when_it_is_cancelled) {
  const char *path = blok_test_path(&folder, "net.onnx");
  blok_test_write(path, "old", 3);
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  options.weights = BLOK_WEIGHTS_EXTERNAL;
  options.progress = stop;
  blok_model *model = blok_test_open("guide_seres_dynamo");
  blok_test_fails(blok_model_save(model, path, &options, &error), BLOK_E_CANCELLED, &error, NULL);
  blok_model_free(&model);
  size_t size;
  char *bytes = blok_test_read(path, &size);
  ck_assert_uint_eq(size, 3);
  free(bytes);
  ck_assert_uint_eq(blok_test_count(&folder), 1);
}
END_TEST

typedef struct taken {
  char *bytes;
  size_t size, limit;
} taken;

static int take(void *context, const void *bytes, size_t size) {
  taken *t = context;
  if (t->size + size > t->limit) return 1;
  t->bytes = realloc(t->bytes, t->size + size + 1);
  ck_assert_ptr_nonnull(t->bytes);
  if (size) memcpy(t->bytes + t->size, bytes, size);
  t->size += size;
  return 0;
}

START_TEST(write__gives_the_bytes_of_save_inline) {
  const char *path = blok_test_path(&folder, "net.onnx");
  blok_model *model = blok_test_open("external_data");
  save(model, path, BLOK_WEIGHTS_INLINE);
  taken t = {NULL, 0, SIZE_MAX};
  ck_assert_int_eq(blok_model_write(model, take, &t, &error), BLOK_OK);
  size_t size;
  char *bytes = blok_test_read(path, &size);
  ck_assert_uint_eq(size, t.size);
  ck_assert_int_eq(memcmp(bytes, t.bytes, size), 0);
  free(bytes);
  t.limit = t.size - 1;
  t.size = 0;
  blok_test_fails(blok_model_write(model, take, &t, &error), BLOK_E_IO, &error, NULL);
  free(t.bytes);
  blok_model_free(&model);
}
END_TEST

Suite *suite_save(void) {
  Suite *suite = suite_create("save");
  TCase *tests = tcase_create("save");
  tcase_set_tags(tests, "one_thread");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_loop_test(tests, save__gives_equal_bytes_twice_and_a_model_that_runs, 0,
                      sizeof models / sizeof *models);
  tcase_add_test(tests, save__goes_inline_to_external_and_back);
  tcase_add_test(tests, save__replaces_the_file_it_was_opened_from);
  tcase_add_test(tests, save__leaves_a_strangers_file_alone);
  tcase_add_test(tests, save__refuses_weights_under_the_models_own_name);
  tcase_add_test(tests, save__refuses_choices_and_reports_it_does_not_know);
  tcase_add_test(tests, save__fills_only_an_older_callers_report);
  tcase_add_test(tests, save__names_the_path_it_cannot_write);
  tcase_add_test(tests, save__leaves_the_old_file_when_it_is_cancelled);
  tcase_add_test(tests, write__gives_the_bytes_of_save_inline);
  suite_add_tcase(suite, tests);
  return suite;
}
