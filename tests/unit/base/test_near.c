// Names that someone may have meant.
#include <check.h>
#include <string.h>

#include "base/near.h"

#define NAMES(...) \
  (const char *const[]) { __VA_ARGS__ }

START_TEST(near__tells_three_at_most_the_nearest_first) {
  const char *const *names = NAMES("layer1.0", "layer1.10", "layer2.0", "fc", "layer1.1");
  ck_assert_str_eq(blok_names_near("layer1.2", names, 5).text,
                   "; near it: 'layer1.0', 'layer1.1', 'layer1.10'");
}
END_TEST

START_TEST(near__finds_what_holds_the_name_or_is_held_by_it) {
  const char *const *names = NAMES("a.b.c", "wide-resnet", "an-entirely-other-name", "x");
  ck_assert_str_eq(blok_names_near("resnet", names, 4).text, "; near it: 'wide-resnet'");
  ck_assert_str_eq(blok_names_near("a-wide-resnet-28", names, 4).text, "; near it: 'wide-resnet'");
}
END_TEST

START_TEST(near__tells_all_where_none_is_near_and_they_are_few) {
  ck_assert_str_eq(blok_names_near("pixels", NAMES("x"), 1).text, "; there is 'x'");
  ck_assert_str_eq(blok_names_near("pixels", NAMES("x", "y"), 2).text, "; there are 'x', 'y'");
  ck_assert_str_eq(blok_names_near("pixels", NAMES("x", "y", "z", "w"), 4).text, "");
  ck_assert_str_eq(blok_names_near("pixels", NULL, 0).text, "");
}
END_TEST

START_TEST(near__prefers_what_begins_alike_among_names_as_far_away) {
  const char *const *names = NAMES("stem", "stage1.0", "stage1.1");
  ck_assert_str_eq(blok_names_near("stage9", names, 3).text,
                   "; near it: 'stage1.0', 'stage1.1', 'stem'");
}
END_TEST

START_TEST(near__escapes_and_cuts_what_is_hostile) {
  char name[501];
  memset(name, 1, sizeof name - 1);
  name[sizeof name - 1] = '\0';
  const char *const *names = NAMES(name, name, name);
  const blok_near_names near = blok_names_near("pixels", names, 3);
  ck_assert_uint_lt(strlen(near.text), sizeof near.text);
  ck_assert_ptr_nonnull(strstr(near.text, "\\x01\\x01"));
  for (const char *at = near.text; *at; at++) ck_assert_int_ge(*at, ' ');
}
END_TEST

Suite *suite_near(void) {
  Suite *suite = suite_create("near");
  TCase *tests = tcase_create("near");
  tcase_add_test(tests, near__tells_three_at_most_the_nearest_first);
  tcase_add_test(tests, near__finds_what_holds_the_name_or_is_held_by_it);
  tcase_add_test(tests, near__tells_all_where_none_is_near_and_they_are_few);
  tcase_add_test(tests, near__prefers_what_begins_alike_among_names_as_far_away);
  tcase_add_test(tests, near__escapes_and_cuts_what_is_hostile);
  suite_add_tcase(suite, tests);
  return suite;
}
