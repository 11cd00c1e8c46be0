// Checked sizes.
#include <check.h>
#include <stdint.h>

#include "base/size.h"

START_TEST(size__refuses_a_product_that_overflows) {
  size_t out = 7;
  ck_assert(!blok_mul_size(SIZE_MAX / 2, 3, &out));
  ck_assert_uint_eq(out, 7);
  ck_assert(blok_mul_size(SIZE_MAX / 3, 3, &out));
  ck_assert_uint_eq(out, SIZE_MAX / 3 * 3);
}
END_TEST

START_TEST(size__refuses_a_sum_that_overflows) {
  size_t out = 7;
  ck_assert(!blok_add_size(SIZE_MAX, 1, &out));
  ck_assert_uint_eq(out, 7);
  ck_assert(blok_add_size(SIZE_MAX - 1, 1, &out));
  ck_assert_uint_eq(out, SIZE_MAX);
}
END_TEST

START_TEST(size__refuses_signed_overflow_at_both_ends) {
  int64_t out = 7;
  ck_assert(!blok_mul_i64(INT64_MIN, -1, &out));
  ck_assert(!blok_add_i64(INT64_MAX, 1, &out));
  ck_assert(!blok_add_i64(INT64_MIN, -1, &out));
  ck_assert_int_eq(out, 7);
  ck_assert(blok_mul_i64(INT64_MIN, 1, &out));
  ck_assert_int_eq(out, INT64_MIN);
}
END_TEST

START_TEST(size__counts_a_scalar_as_one) {
  size_t count = 0;
  ck_assert(blok_dims_count(NULL, 0, &count));
  ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(size__counts_the_product_of_dims) {
  const int64_t dims[] = {2, 3, 224, 224};
  size_t count = 0;
  ck_assert(blok_dims_count(dims, 4, &count));
  ck_assert_uint_eq(count, 2 * 3 * 224 * 224);
}
END_TEST

START_TEST(size__refuses_a_negative_dim) {
  const int64_t dims[] = {2, -1};
  size_t count = 7;
  ck_assert(!blok_dims_count(dims, 2, &count));
  ck_assert_uint_eq(count, 7);
}
END_TEST

START_TEST(size__refuses_dims_whose_product_overflows_even_beside_a_zero) {
  const int64_t dims[] = {0, INT64_MAX, INT64_MAX, 4};
  size_t count = 7;
  ck_assert(!blok_dims_count(dims, 4, &count));
  ck_assert_uint_eq(count, 7);
}
END_TEST

START_TEST(size__counts_zero_when_a_dim_is_zero) {
  const int64_t dims[] = {5, 0, 9};
  size_t count = 7;
  ck_assert(blok_dims_count(dims, 3, &count));
  ck_assert_uint_eq(count, 0);
}
END_TEST

Suite *suite_size(void) {
  Suite *suite = suite_create("size");
  TCase *tests = tcase_create("size");
  tcase_add_test(tests, size__refuses_a_product_that_overflows);
  tcase_add_test(tests, size__refuses_a_sum_that_overflows);
  tcase_add_test(tests, size__refuses_signed_overflow_at_both_ends);
  tcase_add_test(tests, size__counts_a_scalar_as_one);
  tcase_add_test(tests, size__counts_the_product_of_dims);
  tcase_add_test(tests, size__refuses_a_negative_dim);
  tcase_add_test(tests, size__refuses_dims_whose_product_overflows_even_beside_a_zero);
  tcase_add_test(tests, size__counts_zero_when_a_dim_is_zero);
  suite_add_tcase(suite, tests);
  return suite;
}
