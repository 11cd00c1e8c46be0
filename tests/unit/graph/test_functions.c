// Calls and the local functions that they mean.
#include <check.h>

#include "graph/functions.h"

static blok_function made[] = {
    {.name = "F", .domain = "one"},
    {.name = "F", .domain = "two"},
    {.name = "F", .domain = "one", .overload = "wide"},
    {.name = "G", .domain = "ai.onnx"},
};

static blok_functions functions;

static void sort(uint32_t n) {
  blok_module module = {.allocator = *blok_allocator_default(), .n_functions = n};
  module.functions = made;
  ck_assert_int_eq(blok_functions_sort(&module, &functions, NULL), BLOK_OK);
}

static const blok_function *called(const char *domain, const char *name, const char *overload) {
  blok_node node = {.domain = domain, .op_type = name, .overload = overload};
  return blok_functions_find(&functions, &node);
}

START_TEST(call__means_the_function_of_its_own_domain) {
  sort(4);
  ck_assert_ptr_eq(called("one", "F", NULL), &made[0]);
  ck_assert_ptr_eq(called("two", "F", ""), &made[1]);
  ck_assert_ptr_null(called("three", "F", NULL));
  ck_assert_ptr_null(called(NULL, "F", NULL));
  blok_functions_free(&functions);
}
END_TEST

START_TEST(call__tells_overloads_apart) {
  sort(4);
  ck_assert_ptr_eq(called("one", "F", "wide"), &made[2]);
  ck_assert_ptr_null(called("two", "F", "wide"));
  blok_functions_free(&functions);
}
END_TEST

START_TEST(call__takes_every_spelling_of_the_default_domain) {
  sort(4);
  ck_assert_ptr_eq(called(NULL, "G", NULL), &made[3]);
  ck_assert_ptr_eq(called("", "G", NULL), &made[3]);
  ck_assert_ptr_eq(called("ai.onnx", "G", NULL), &made[3]);
  blok_functions_free(&functions);
}
END_TEST

START_TEST(functions__of_one_key_are_noticed) {
  sort(4);
  ck_assert_ptr_null(blok_functions_repeated(&functions));
  blok_functions_free(&functions);
  blok_function kept = made[3];
  made[3] = made[1];
  sort(4);
  ck_assert_ptr_eq(blok_functions_repeated(&functions), &made[3]);
  ck_assert_ptr_eq(called("two", "F", NULL), &made[1]);  // the first in the file's order
  blok_functions_free(&functions);
  made[3] = kept;
}
END_TEST

START_TEST(call__means_nothing_where_there_is_no_function) {
  sort(0);
  ck_assert_ptr_null(called("one", "F", NULL));
  blok_functions_free(&functions);
  blok_functions_free(&functions);
}
END_TEST

Suite *suite_functions(void) {
  Suite *suite = suite_create("functions");
  TCase *tests = tcase_create("functions");
  tcase_add_test(tests, call__means_the_function_of_its_own_domain);
  tcase_add_test(tests, call__tells_overloads_apart);
  tcase_add_test(tests, call__takes_every_spelling_of_the_default_domain);
  tcase_add_test(tests, functions__of_one_key_are_noticed);
  tcase_add_test(tests, call__means_nothing_where_there_is_no_function);
  suite_add_tcase(suite, tests);
  return suite;
}
