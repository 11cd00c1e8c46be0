// Writing models in another operator set, and with their blocks as functions.
#include <check.h>
#include <stddef.h>
#include <string.h>

#include "stored.h"
#include "support/folder.h"

Suite *suite_save_opset(void);

static blok_error error;
static blok_test_folder folder;

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  blok_test_folder_make(&folder);
}

static void end(void) { blok_test_folder_remove(&folder); }

static blok_save_report save(const char *name, const char *path, int64_t opset, bool functions) {
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  blok_save_report report = BLOK_SAVE_REPORT_INIT;
  blok_model *model = blok_test_open(name);
  options.weights = BLOK_WEIGHTS_INLINE;
  options.opset = opset;
  options.functions = functions;
  options.report = &report;
  blok_status status = blok_model_save(model, path, &options, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  blok_model_free(&model);
  return report;
}

// What was saved must run and give what the fixture stores, and say what the report says.
static void check_saved(const char *path, const char *name, const blok_save_report *report) {
  blok_test_vectors vectors;
  blok_test_vectors_read(name, &vectors);
  blok_model *model = NULL;
  blok_status status = blok_model_open(path, NULL, &model, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  ck_assert_int_eq(blok_model_get_info(model, &info), BLOK_OK);
  ck_assert_int_eq(info.opset, report->opset);
  ck_assert_int_eq(info.ir_version, report->ir_version);
  ck_assert_uint_eq(info.functions, report->functions);
  blok_session *session = blok_test_session(model);
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_model_free(&model);
  blok_test_vectors_free(&vectors);
}

START_TEST(save_opset__writes_a_model_that_runs_in_every_set) {
  static const int64_t opsets[] = {7, 9, 11, 13, 17, 18, 20, 28};
  static const char *const models[] = {"conv_norm_relu", "guide_seres_dynamo"};
  const char *path = blok_test_path(&folder, "a.onnx");
  for (size_t m = 0; m < 2; m++) {
    for (size_t i = 0; i < sizeof opsets / sizeof opsets[0]; i++) {
      blok_save_report report = save(models[m], path, opsets[i], false);
      ck_assert_int_eq(report.opset, opsets[i]);
      check_saved(path, models[m], &report);
    }
  }
}
END_TEST

START_TEST(save_opset__takes_functions_whose_operators_change_apart) {
  const char *path = blok_test_path(&folder, "a.onnx");
  blok_save_report report = save("local_functions", path, 9, false);
  check_saved(path, "local_functions", &report);
}
END_TEST

START_TEST(save_opset__writes_blocks_as_functions_of_the_set) {
  const char *path = blok_test_path(&folder, "a.onnx");
  for (int64_t opset = 7; opset <= 20; opset += 13) {
    blok_save_report report = save("guide_seres_dynamo", path, opset, true);
    ck_assert_uint_gt(report.functions, 0);
    ck_assert_int_ge(report.ir_version, 8);
    check_saved(path, "guide_seres_dynamo", &report);
  }
}
END_TEST

START_TEST(save_opset__leaves_the_old_file_where_it_is_refused) {
  const char *path = blok_test_path(&folder, "a.onnx");
  blok_save_report before = save("conv_norm_relu", path, 0, false);
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  blok_model *model = blok_test_open("conv_norm_relu");
  for (int64_t opset = 6; opset <= 29; opset += 23) {
    options.opset = opset;
    ck_assert_int_eq(blok_model_save(model, path, &options, &error), BLOK_E_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(error.message, "7 to 28"));
    error = (blok_error)BLOK_ERROR_INIT;
  }
  blok_model_free(&model);
  ck_assert_uint_eq(blok_test_count(&folder), 1);
  check_saved(path, "conv_norm_relu", &before);
}
END_TEST

START_TEST(save_opset__fills_a_shorter_report) {
  const char *path = blok_test_path(&folder, "a.onnx");
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  blok_save_report report = BLOK_SAVE_REPORT_INIT;
  blok_model *model = blok_test_open("guide_seres_dynamo");
  report.struct_size = (uint32_t)offsetof(blok_save_report, opset);
  report.functions = 77;
  options.functions = true;
  options.report = &report;
  ck_assert_int_eq(blok_model_save(model, path, &options, &error), BLOK_OK);
  ck_assert_uint_gt(report.model_bytes, 0);
  ck_assert_uint_eq(report.functions, 77);
  blok_model_free(&model);
}
END_TEST

Suite *suite_save_opset(void) {
  Suite *suite = suite_create("save_opset");
  TCase *sets = tcase_create("sets");
  tcase_set_tags(sets, "one_thread");
  tcase_add_checked_fixture(sets, begin, end);
  tcase_set_timeout(sets, 60);
  tcase_add_test(sets, save_opset__writes_a_model_that_runs_in_every_set);
  tcase_add_test(sets, save_opset__takes_functions_whose_operators_change_apart);
  tcase_add_test(sets, save_opset__writes_blocks_as_functions_of_the_set);
  tcase_add_test(sets, save_opset__leaves_the_old_file_where_it_is_refused);
  tcase_add_test(sets, save_opset__fills_a_shorter_report);
  suite_add_tcase(suite, sets);
  return suite;
}
