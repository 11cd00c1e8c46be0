// The error record.
#include <check.h>
#include <string.h>

#include "base/error.h"

START_TEST(error__keeps_the_first_message) {
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(BLOK_FAIL(&error, BLOK_E_SHAPE, "first %d", 1), BLOK_E_SHAPE);
  ck_assert_int_eq(BLOK_FAIL(&error, BLOK_E_IO, "second"), BLOK_E_IO);
  ck_assert_int_eq(error.status, BLOK_E_SHAPE);
  ck_assert_str_eq(error.message, "first 1");
}
END_TEST

START_TEST(error__takes_null) {
  ck_assert_int_eq(BLOK_FAIL(NULL, BLOK_E_IO, "unheard"), BLOK_E_IO);
  blok_error_prefix(NULL, "x: ");
  blok_error_clear(NULL);
}
END_TEST

START_TEST(error__is_one_line_whatever_the_arguments_hold) {
  blok_error error = BLOK_ERROR_INIT;
  (void)BLOK_FAIL(&error, BLOK_E_IO, "a%sb", "\n\x1b\x7f");
  ck_assert_str_eq(error.message, "a???b");
}
END_TEST

START_TEST(error__ends_a_long_message_in_dots) {
  blok_error error = BLOK_ERROR_INIT;
  (void)BLOK_FAIL(&error, BLOK_E_IO, "%02000d", 0);
  size_t length = strlen(error.message);
  ck_assert_uint_eq(length, sizeof error.message - 1);
  ck_assert_str_eq(error.message + length - 4, "0...");
}
END_TEST

START_TEST(error__takes_a_prefix_once) {
  blok_error error = BLOK_ERROR_INIT;
  blok_error_prefix(&error, "%s: ", "model.onnx");
  ck_assert_str_eq(error.message, "");
  (void)BLOK_FAIL(&error, BLOK_E_IO, "cannot be read");
  blok_error_prefix(&error, "%s: ", "model.onnx");
  blok_error_prefix(&error, "%s: ", "model.onnx");
  ck_assert_str_eq(error.message, "model.onnx: cannot be read");
}
END_TEST

START_TEST(error__keeps_a_prefixed_message_inside_its_bounds) {
  blok_error error = BLOK_ERROR_INIT;
  (void)BLOK_FAIL(&error, BLOK_E_IO, "%02000d", 0);
  blok_error_prefix(&error, "%01000d", 1);
  ck_assert_uint_eq(strlen(error.message), sizeof error.message - 1);
}
END_TEST

START_TEST(error__names_every_status) {
  ck_assert_str_eq(blok_status_name(BLOK_OK), "ok");
  ck_assert_str_eq(blok_status_name(BLOK_E_NOT_FOUND), "not_found");
  ck_assert_str_eq(blok_status_name((blok_status)99), "internal");
}
END_TEST

Suite *suite_error(void) {
  Suite *suite = suite_create("error");
  TCase *tests = tcase_create("error");
  tcase_add_test(tests, error__keeps_the_first_message);
  tcase_add_test(tests, error__takes_null);
  tcase_add_test(tests, error__is_one_line_whatever_the_arguments_hold);
  tcase_add_test(tests, error__ends_a_long_message_in_dots);
  tcase_add_test(tests, error__takes_a_prefix_once);
  tcase_add_test(tests, error__keeps_a_prefixed_message_inside_its_bounds);
  tcase_add_test(tests, error__names_every_status);
  suite_add_tcase(suite, tests);
  return suite;
}
