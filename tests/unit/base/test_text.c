// Escaping, dims as text, UTF-8, and the table of names.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "support/fault.h"

START_TEST(quote__keeps_plain_names_and_utf8) {
  ck_assert_str_eq(blok_quote("layer1.0/Conv:out").text, "layer1.0/Conv:out");
  ck_assert_str_eq(blok_quote("gewicht_\xc3\xa4_\xe2\x82\xac_\xf0\x9f\x98\x80").text,
                   "gewicht_\xc3\xa4_\xe2\x82\xac_\xf0\x9f\x98\x80");
  ck_assert_str_eq(blok_quote(NULL).text, "");
}
END_TEST

START_TEST(quote__escapes_control_bytes_and_the_quote) {
  ck_assert_str_eq(blok_quote("a\nb\x1b[31mc\x7f'").text, "a\\x0ab\\x1b[31mc\\x7f\\x27");
  ck_assert_str_eq(blok_quoten("a\0b", 3).text, "a\\x00b");
  ck_assert_str_eq(blok_quote("\xc2\x9b").text, "\\xc2\\x9b");  // a control character of two bytes
}
END_TEST

START_TEST(quote__escapes_bytes_that_are_no_utf8) {
  ck_assert_str_eq(blok_quote("\xff\xfe").text, "\\xff\\xfe");
  ck_assert_str_eq(blok_quote("\xc0\xaf").text, "\\xc0\\xaf");                    // overlong
  ck_assert_str_eq(blok_quote("\xed\xa0\x80").text, "\\xed\\xa0\\x80");           // surrogate
  ck_assert_str_eq(blok_quote("\xf4\x90\x80\x80").text, "\\xf4\\x90\\x80\\x80");  // past U+10FFFF
  ck_assert_str_eq(blok_quote("x\xe2\x82").text, "x\\xe2\\x82");                  // cut off
}
END_TEST

START_TEST(quote__cuts_a_long_name_at_a_whole_character) {
  char name[4096];
  for (size_t pad = 0; pad < 4; pad++) {
    memset(name, 'x', sizeof name);
    for (size_t i = pad; i + 4 < sizeof name; i += 4) memcpy(name + i, "\xf0\x9f\x98\x80", 4);
    name[sizeof name - 1] = '\0';
    blok_quoted quoted = blok_quote(name);
    size_t length = strlen(quoted.text);
    ck_assert_uint_lt(length, sizeof quoted.text);
    ck_assert_str_eq(quoted.text + length - 3, "...");
    for (size_t i = 0; i < length - 3;) {
      size_t step = blok_utf8_length((const uint8_t *)quoted.text + i, length - 3 - i);
      ck_assert_uint_gt(step, 0);
      i += step;
    }
  }
}
END_TEST

START_TEST(quote__holds_a_name_of_nothing_but_escapes) {
  char name[500];
  memset(name, 1, sizeof name);
  blok_quoted quoted = blok_quoten(name, sizeof name);
  ck_assert_uint_lt(strlen(quoted.text), sizeof quoted.text);
  ck_assert_ptr_nonnull(strstr(quoted.text, "\\x01..."));
}
END_TEST

START_TEST(dims__print_numbers_and_unknowns) {
  const int64_t dims[] = {-1, 3, 224};
  ck_assert_str_eq(blok_print_dims(dims, 3).text, "[?, 3, 224]");
  ck_assert_str_eq(blok_print_dims(NULL, 0).text, "[]");
}
END_TEST

START_TEST(dims__cut_a_long_list) {
  int64_t dims[64];
  for (size_t i = 0; i < 64; i++) dims[i] = INT64_MIN;
  blok_dims_text text = blok_print_dims(dims, 64);
  ck_assert_uint_lt(strlen(text.text), sizeof text.text);
  ck_assert_str_eq(text.text + strlen(text.text) - 4, "...]");
}
END_TEST

START_TEST(names__finds_what_was_put_and_nothing_else) {
  enum { COUNT = 5000 };
  static char keys[COUNT][16];
  blok_names names;
  uint32_t value = 77;
  blok_names_init(&names, blok_allocator_default());
  ck_assert(!blok_names_find(&names, "absent", &value));
  for (uint32_t i = 0; i < COUNT; i++) {
    snprintf(keys[i], sizeof keys[i], "value_%u", i);
    ck_assert(blok_names_put(&names, keys[i], i));
  }
  ck_assert_uint_eq(names.count, COUNT);
  for (uint32_t i = 0; i < COUNT; i++) {
    ck_assert(blok_names_find(&names, keys[i], &value));
    ck_assert_uint_eq(value, i);
  }
  value = 77;
  ck_assert(!blok_names_find(&names, "value_5000", &value));
  ck_assert_uint_eq(value, 77);
  blok_names_free(&names);
}
END_TEST

START_TEST(names__replaces_the_value_of_a_key_put_again) {
  blok_names names;
  uint32_t value;
  blok_names_init(&names, blok_allocator_default());
  ck_assert(blok_names_put(&names, "", 1));
  ck_assert(blok_names_put(&names, "", 2));
  ck_assert_uint_eq(names.count, 1);
  ck_assert(blok_names_find(&names, "", &value));
  ck_assert_uint_eq(value, 2);
  blok_names_free(&names);
}
END_TEST

static blok_status fill_names(void *context, const blok_allocator *allocator, blok_error *error) {
  static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  (void)context;
  blok_names names;
  blok_status status = BLOK_OK;
  uint32_t put = 0;
  uint32_t value;
  blok_names_init(&names, allocator);
  while (put < 10 && blok_names_put(&names, keys[put], put)) put++;
  for (uint32_t i = 0; i < put; i++) {
    ck_assert(blok_names_find(&names, keys[i], &value));
    ck_assert_uint_eq(value, i);
  }
  if (put < 10) {
    status = error->status = BLOK_E_MEMORY;
    snprintf(error->message, sizeof error->message, "no room for key %u", put);
  }
  blok_names_free(&names);
  return status;
}

START_TEST(names__stays_whole_when_any_allocation_fails) {
  ck_assert_uint_ge(blok_fault_sweep(fill_names, NULL), 4);
}
END_TEST

START_TEST(text__null_equals_the_empty_string) {
  ck_assert(blok_text_equal(NULL, ""));
  ck_assert(blok_text_equal("a", "a"));
  ck_assert(!blok_text_equal("a", NULL));
}
END_TEST

Suite *suite_text(void) {
  Suite *suite = suite_create("text");
  TCase *tests = tcase_create("text");
  tcase_add_test(tests, quote__keeps_plain_names_and_utf8);
  tcase_add_test(tests, quote__escapes_control_bytes_and_the_quote);
  tcase_add_test(tests, quote__escapes_bytes_that_are_no_utf8);
  tcase_add_test(tests, quote__cuts_a_long_name_at_a_whole_character);
  tcase_add_test(tests, quote__holds_a_name_of_nothing_but_escapes);
  tcase_add_test(tests, dims__print_numbers_and_unknowns);
  tcase_add_test(tests, dims__cut_a_long_list);
  tcase_add_test(tests, names__finds_what_was_put_and_nothing_else);
  tcase_add_test(tests, names__replaces_the_value_of_a_key_put_again);
  tcase_add_test(tests, names__stays_whole_when_any_allocation_fails);
  tcase_add_test(tests, text__null_equals_the_empty_string);
  suite_add_tcase(suite, tests);
  return suite;
}
