// Models as source text, and weights from archives, through the public headers.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"
#include "support/fault.h"
#include "support/folder.h"

Suite *suite_source(void);

static blok_test_folder folder;
static blok_error error;

static void begin(void) {
  blok_test_folder_make(&folder);
  error = (blok_error)BLOK_ERROR_INIT;
}

static void end(void) { blok_test_folder_remove(&folder); }

static void copy_path(char path[512], const char *name) {
  ck_assert_int_lt(snprintf(path, 512, "%s", blok_test_path(&folder, name)), 512);
}

// ---- Text ---------------------------------------------------------------------------------------

static const struct {
  const char *model;
  uint32_t blocks;
} models[] = {{"guide_pre_dynamo", 1},        {"guide_seres_down_torchscript", 1},
              {"guide_bottleneck_dynamo", 1}, {"guide_post_torchscript", 1},
              {"conv_norm_relu", 1},          {"opset_7", 0}};

static void save(const blok_model *model, const char *path, blok_language language,
                 blok_source_report *report) {
  const blok_status status = blok_model_save_source(model, path, language, report, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
}

START_TEST(source__writes_the_text_and_its_weights_in_both_languages) {
  static const char *const names[2] = {"net.c", "net.py"};
  static const char *const weights[2] = {"net.npz", "with_suffix(\".npz\")"};
  static const blok_language languages[2] = {BLOK_SOURCE_C, BLOK_SOURCE_PYTHON};
  blok_model *model = blok_test_open(models[_i].model);
  for (int i = 0; i < 2; i++) {
    blok_source_report report = BLOK_SOURCE_REPORT_INIT;
    char path[512];
    size_t size = 0;
    uint32_t lines = 0;
    copy_path(path, names[i]);
    save(model, path, languages[i], &report);
    char *text = blok_test_read(path, &size);
    ck_assert_ptr_nonnull(text);
    for (size_t k = 0; k < size; k++) lines += text[k] == '\n';
    ck_assert_uint_eq(report.lines, lines);
    ck_assert_uint_ge(report.blocks, models[_i].blocks);
    ck_assert_str_eq(report.weights_name, "net.npz");
    ck_assert_ptr_nonnull(strstr(text, weights[i]));
    free(text);
  }
  ck_assert_uint_eq(blok_test_count(&folder), 3);
  blok_model_free(&model);
}
END_TEST

START_TEST(source__is_the_same_bytes_every_time) {
  static const char *const names[2] = {"net.py", "net.npz"};
  blok_model *model = blok_test_open("guide_seres_dynamo");
  char path[512], *bytes[2][2];
  size_t size[2][2];
  copy_path(path, "net.py");
  for (int i = 0; i < 2; i++) {
    save(model, path, BLOK_SOURCE_PYTHON, NULL);
    for (int k = 0; k < 2; k++) {
      bytes[i][k] = blok_test_read(blok_test_path(&folder, names[k]), &size[i][k]);
    }
  }
  for (int k = 0; k < 2; k++) {
    ck_assert_uint_eq(size[0][k], size[1][k]);
    ck_assert_int_eq(memcmp(bytes[0][k], bytes[1][k], size[0][k]), 0);
    free(bytes[0][k]);
    free(bytes[1][k]);
  }
  blok_model_free(&model);
}
END_TEST

START_TEST(source__leaves_old_files_alone_when_an_operator_has_no_call) {
  char path[512];
  size_t size = 0;
  blok_model *model = blok_test_open("if_captures");
  copy_path(path, "net.py");
  blok_test_write(path, "old", 3);
  for (int language = BLOK_SOURCE_C; language <= BLOK_SOURCE_PYTHON; language++) {
    const blok_status status =
        blok_model_save_source(model, path, (blok_language)language, NULL, &error);
    blok_test_fails(status, BLOK_E_UNSUPPORTED, &error, "If node", NULL);
  }
  ck_assert_uint_eq(blok_test_count(&folder), 1);
  char *text = blok_test_read(path, &size);
  ck_assert_str_eq(text, "old");
  free(text);
  blok_model_free(&model);
}
END_TEST

START_TEST(source__says_why_it_cannot_be_written) {
  char path[512];
  blok_model *model = blok_test_open("conv_norm_relu");
  copy_path(path, "none/net.c");
  blok_status status = blok_model_save_source(model, path, BLOK_SOURCE_C, NULL, &error);
  blok_test_fails(status, BLOK_E_IO, &error, "none", NULL);
  copy_path(path, "net.npz");
  status = blok_model_save_source(model, path, BLOK_SOURCE_C, NULL, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "call the text .py or .c", NULL);
  status = blok_model_save_source(model, path, (blok_language)7, NULL, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "language is 7", NULL);
  status = blok_model_save_source(model, NULL, BLOK_SOURCE_C, NULL, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "path is NULL", NULL);
  status = blok_model_save_source(NULL, path, BLOK_SOURCE_C, NULL, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "model is NULL", NULL);
  ck_assert_uint_eq(blok_test_count(&folder), 0);
  blok_model_free(&model);
  model = blok_test_open("unknown_operator");
  copy_path(path, "net.py");
  status = blok_model_save_source(model, path, BLOK_SOURCE_PYTHON, NULL, &error);
  ck_assert_int_eq(status, BLOK_E_UNSUPPORTED);
  blok_model_free(&model);
}
END_TEST

// ---- Weights ------------------------------------------------------------------------------------

static blok_status open_builder(uint64_t seed, int32_t channels, const blok_allocator *allocator,
                                blok_builder **out) {
  static const int64_t shape[4] = {1, 3, 8, 8};
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  blok_value_id x;
  options.naming = BLOK_NAMING_TORCHVISION;
  options.seed = seed;
  options.allocator = allocator;
  block.out_channels = channels;
  block.se = true;
  blok_status status = blok_builder_new(&options, out, &error);
  if (status == BLOK_OK) status = blok_build_input(*out, "x", BLOK_F32, 4, shape, &x, &error);
  if (status == BLOK_OK) status = blok_build_basic(*out, "layer1", &block, &x, &error);
  if (status == BLOK_OK) status = blok_build_output(*out, "y", x, &error);
  return status;
}

static blok_builder *builder_of(uint64_t seed, int32_t channels) {
  blok_builder *builder = NULL;
  const blok_status status = open_builder(seed, channels, NULL, &builder);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  return builder;
}

// The archive of a net of that many channels, as net.npz.
static void archive_of(uint64_t seed, int32_t channels, const char *name) {
  char path[512];
  blok_model *model = NULL;
  blok_builder *builder = builder_of(seed, channels);
  ck_assert_msg(blok_builder_finish(&builder, &model, &error) == BLOK_OK, "%s", error.message);
  copy_path(path, name);
  save(model, path, BLOK_SOURCE_C, NULL);
  blok_model_free(&model);
}

static void run(const blok_model *model, float result[512]) {
  static float x[3 * 8 * 8];
  blok_tensor input = BLOK_TENSOR_INIT, output = BLOK_TENSOR_INIT;
  for (int i = 0; i < 3 * 8 * 8; i++) x[i] = (float)(i % 7) - 3;
  input.dtype = BLOK_F32;
  input.rank = 4;
  input.dims[0] = 1;
  input.dims[1] = 3;
  input.dims[2] = input.dims[3] = 8;
  input.data = x;
  input.bytes = sizeof x;
  output.data = result;
  output.bytes = 512 * sizeof *result;
  blok_session *session = blok_test_session(model);
  ck_assert_msg(blok_session_run(session, &input, 1, &output, 1, &error) == BLOK_OK, "%s",
                error.message);
  blok_session_free(&session);
}

START_TEST(weights__of_an_archive_make_another_net_the_same) {
  float a[512], b[512], c[512];
  blok_model *model = NULL;
  archive_of(1, 8, "net.c");
  for (int i = 0; i < 3; i++) {
    blok_builder *builder = builder_of(i == 0 ? 1 : 2, 8);
    if (i == 1) {
      const char *path = blok_test_path(&folder, "net.npz");
      ck_assert_msg(blok_build_weights_npz(builder, path, false, &error) == BLOK_OK, "%s",
                    error.message);
    }
    ck_assert_int_eq(blok_builder_finish(&builder, &model, &error), BLOK_OK);
    run(model, i == 0 ? a : i == 1 ? b : c);
    blok_model_free(&model);
  }
  ck_assert_int_eq(memcmp(a, b, sizeof a), 0);
  ck_assert_int_ne(memcmp(a, c, sizeof a), 0);
}
END_TEST

START_TEST(weights__that_do_not_fit_leave_the_builder_as_it_was) {
  float before[512], after[512];
  blok_model *model = NULL;
  blok_builder *builder = builder_of(3, 8);
  ck_assert_int_eq(blok_builder_finish(&builder, &model, &error), BLOK_OK);
  run(model, before);
  blok_model_free(&model);
  archive_of(1, 4, "four.c");
  builder = builder_of(3, 8);
  blok_status status =
      blok_build_weights_npz(builder, blok_test_path(&folder, "four.npz"), true, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "four.npz", "layer1.", "[4", NULL);
  status = blok_build_weights_npz(builder, blok_test_path(&folder, "none.npz"), true, &error);
  ck_assert_int_eq(status, BLOK_E_NOT_FOUND);
  status = blok_build_weights_npz(builder, NULL, true, &error);
  blok_test_fails(status, BLOK_E_ARGUMENT, &error, "path is NULL", NULL);
  ck_assert_int_eq(blok_builder_finish(&builder, &model, &error), BLOK_OK);
  run(model, after);
  blok_model_free(&model);
  ck_assert_int_eq(memcmp(before, after, sizeof before), 0);
}
END_TEST

START_TEST(weights__must_all_be_there_unless_partial_allows_it) {
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  blok_value_id y;
  archive_of(1, 8, "net.c");
  const char *path = blok_test_path(&folder, "net.npz");
  blok_builder *builder = builder_of(2, 8);
  ck_assert_int_eq(blok_build_find(builder, "y", &y, &error), BLOK_OK);
  block.out_channels = 8;
  ck_assert_int_eq(blok_build_conv_norm_act(builder, "more", &block, &y, &error), BLOK_OK);
  blok_status status = blok_build_weights_npz(builder, path, false, &error);
  blok_test_fails(status, BLOK_E_NOT_FOUND, &error, "'more.", "partial", NULL);
  ck_assert_int_eq(blok_build_weights_npz(builder, path, true, &error), BLOK_OK);
  blok_builder_free(&builder);
}
END_TEST

// ---- Failing ------------------------------------------------------------------------------------

static blok_status build_and_save(void *context, const blok_allocator *allocator,
                                  blok_error *fault) {
  blok_builder *builder = NULL;
  blok_model *model = NULL;
  error = (blok_error)BLOK_ERROR_INIT;
  blok_status status = open_builder(1, 4, allocator, &builder);
  if (status == BLOK_OK) {
    status = blok_build_weights_npz(builder, blok_test_path(&folder, "net.npz"), false, &error);
  }
  if (status == BLOK_OK) status = blok_builder_finish(&builder, &model, &error);
  if (status == BLOK_OK) {
    status = blok_model_save_source(model, context, BLOK_SOURCE_PYTHON, NULL, &error);
  }
  blok_model_free(&model);
  blok_builder_free(&builder);
  *fault = error;
  return status;
}

START_TEST(source__gives_an_error_at_every_allocation_that_fails) {
  char path[512];
  archive_of(1, 4, "net.c");
  copy_path(path, "again.py");
  ck_assert_uint_gt(blok_fault_sweep(build_and_save, path), 50);
  ck_assert_uint_eq(blok_test_count(&folder), 4);
}
END_TEST

// ---- Arrays -------------------------------------------------------------------------------------

START_TEST(npy__comes_back_as_its_header_says) {
  static const int16_t numbers[6] = {1, -2, 3, -4, 5, -6};
  int16_t back[6];
  char file[BLOK_NPY_HEADER + sizeof numbers];
  size_t size = 0;
  blok_tensor tensor = BLOK_TENSOR_INIT, read = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_I16;
  tensor.rank = 2;
  tensor.dims[0] = 2;
  tensor.dims[1] = 3;
  ck_assert_int_eq(blok_npy_header(&tensor, file, sizeof file, &size, &error), BLOK_OK);
  ck_assert_uint_eq(size % 64, 0);
  memcpy(file + size, numbers, sizeof numbers);
  size += sizeof numbers;
  ck_assert_int_eq(blok_npy_describe(file, size, "f", &read, &error), BLOK_OK);
  ck_assert_uint_eq(read.bytes, sizeof numbers);
  ck_assert_ptr_null(read.data);
  read.data = back;
  ck_assert_int_eq(blok_npy_read(file, size, "f", &read, &error), BLOK_OK);
  ck_assert_int_eq(memcmp(back, numbers, sizeof numbers), 0);
  read.bytes = sizeof numbers - 1;
  blok_test_fails(blok_npy_read(file, size, "f", &read, &error), BLOK_E_BUFFER, &error, "12 bytes",
                  NULL);
  blok_test_fails(blok_npy_describe(file, size - 1, "f", &read, &error), BLOK_E_MALFORMED, &error,
                  "f: ", NULL);
  blok_test_fails(blok_npy_header(&tensor, file, 8, &size, &error), BLOK_E_BUFFER, &error, NULL);
  tensor.dtype = BLOK_STRING;
  blok_test_fails(blok_npy_header(&tensor, file, sizeof file, &size, &error), BLOK_E_UNSUPPORTED,
                  &error, "npy", NULL);
}
END_TEST

Suite *suite_source(void) {
  Suite *suite = suite_create("source");
  TCase *tests = tcase_create("source");
  tcase_set_tags(tests, "one_thread");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_loop_test(tests, source__writes_the_text_and_its_weights_in_both_languages, 0,
                      (int)(sizeof models / sizeof *models));
  tcase_add_test(tests, source__is_the_same_bytes_every_time);
  tcase_add_test(tests, source__leaves_old_files_alone_when_an_operator_has_no_call);
  tcase_add_test(tests, source__says_why_it_cannot_be_written);
  tcase_add_test(tests, weights__of_an_archive_make_another_net_the_same);
  tcase_add_test(tests, weights__that_do_not_fit_leave_the_builder_as_it_was);
  tcase_add_test(tests, weights__must_all_be_there_unless_partial_allows_it);
  tcase_add_test(tests, source__gives_an_error_at_every_allocation_that_fails);
  tcase_add_test(tests, npy__comes_back_as_its_header_says);
  suite_add_tcase(suite, tests);
  return suite;
}
