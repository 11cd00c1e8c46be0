// MatMul and Gemm against hand-computed values and a plain formula.
#include <check.h>
#include <string.h>

#include "one_node.h"

START_TEST(matmul__multiplies_rows_by_columns) {
  one_node n;
  one_node_init(&n, "MatMul", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "2x3", VALUES(1, 2, 3, 4, 5, 6));
  one_node_in(&n, 1, BLOK_F32, "3x2", VALUES(1, 10, 100, 1000, 10000, 100000));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2", VALUES(30201, 302010, 60504, 605040), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(matmul__takes_vectors_as_row_and_column) {
  one_node n;
  one_node_init(&n, "MatMul", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "2", VALUES(3, 4));
  one_node_in(&n, 1, BLOK_F32, "2", VALUES(10, 100));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "", VALUES(430), 0);
  one_node_in(&n, 1, BLOK_F32, "2x2x1", VALUES(1, 10, 100, 1000));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x1", VALUES(43, 4300), 0);
  one_node_in(&n, 0, BLOK_F32, "2x1x2", VALUES(1, 2, 3, 4));
  one_node_in(&n, 1, BLOK_F32, "2", VALUES(10, 100));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x1", VALUES(210, 430), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(matmul__repeats_leading_axes) {
  one_node n;
  one_node_init(&n, "MatMul", 2, 1);
  one_node_in(&n, 0, BLOK_F64, "2x1x1x2", VALUES(1, 2, 3, 4));
  one_node_in(&n, 1, BLOK_F64, "3x2x1", VALUES(1, 1, 10, 10, 100, 1000));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "2x3x1x1", VALUES(3, 30, 2100, 7, 70, 4300), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(matmul__wraps_integers) {
  static const blok_dtype dtypes[] = {BLOK_I32, BLOK_U32, BLOK_I64, BLOK_U64};
  static const double wants[] = {-2147483647, 2147483649, 2147483649, 2147483649};
  one_node n;
  one_node_init(&n, "MatMul", 2, 1);
  one_node_in(&n, 0, dtypes[_i], "1x2", VALUES(65536, 1));
  one_node_in(&n, 1, dtypes[_i], "2x1", VALUES(32768, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, dtypes[_i], "1x1", VALUES(wants[_i]), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(matmul__crosses_its_column_blocks) {
  one_node n;
  one_node_init(&n, "MatMul", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "2x3");
  one_node_fill(&n, 1, BLOK_F32, "3x600");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  for (size_t r = 0; r < 2; r++) {
    for (size_t c = 0; c < 600; c++) {
      double sum = 0;
      for (size_t k = 0; k < 3; k++) {
        sum += blok_ref_load(&n.in[0], r * 3 + k) * blok_ref_load(&n.in[1], k * 600 + c);
      }
      ck_assert_double_eq_tol(one_node_value(&n, 0, r * 600 + c), sum, 1e-6);
    }
  }
  one_node_free(&n);
}
END_TEST

START_TEST(matmul__gives_zeros_when_the_inner_axis_is_empty) {
  one_node n;
  one_node_init(&n, "MatMul", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "2x0");
  one_node_fill(&n, 1, BLOK_F32, "0x2");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2", VALUES(0, 0, 0, 0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(matmul__refuses_short_integers) {
  one_node n;
  one_node_init(&n, "MatMul", 2, 1);
  one_node_fill(&n, 0, BLOK_I8, "2x2");
  one_node_fill(&n, 1, BLOK_I8, "2x2");
  ck_assert_int_eq(one_node_run(&n), BLOK_E_UNSUPPORTED);
  one_node_free(&n);
}
END_TEST

START_TEST(gemm__transposes_scales_and_adds) {
  one_node n;
  one_node_init(&n, "Gemm", 3, 1);
  one_node_in(&n, 0, BLOK_F32, "3x2", VALUES(1, 4, 2, 5, 3, 6));
  one_node_in(&n, 1, BLOK_F32, "1x3", VALUES(1, 10, 100));
  one_node_in(&n, 2, BLOK_F32, "2x1", VALUES(8, 16));
  one_node_int(&n, "transA", 1);
  one_node_int(&n, "transB", 1);
  one_node_float(&n, "alpha", 2);
  one_node_float(&n, "beta", 0.25);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x1", VALUES(644, 1312), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(gemm__does_without_its_third_input) {
  one_node n;
  one_node_init(&n, "Gemm", 2, 1);
  one_node_in(&n, 0, BLOK_F64, "1x2", VALUES(1, 2));
  one_node_in(&n, 1, BLOK_F64, "2x2", VALUES(1, 2, 3, 4));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x2", VALUES(7, 10), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(gemm__repeats_its_third_input) {
  static const char *const shapes[] = {"", "1", "2", "1x2", "2x2"};
  static const uint32_t counts[] = {1, 1, 2, 2, 4};
  static const double c[] = {100, 200, 300, 400};
  static const double wants[][4] = {{101, 102, 103, 104},
                                    {101, 102, 103, 104},
                                    {101, 202, 103, 204},
                                    {101, 202, 103, 204},
                                    {101, 202, 303, 404}};
  one_node n;
  one_node_init(&n, "Gemm", 3, 1);
  one_node_in(&n, 0, BLOK_F32, "2x2", VALUES(1, 0, 0, 1));
  one_node_in(&n, 1, BLOK_F32, "2x2", VALUES(1, 2, 3, 4));
  one_node_in(&n, 2, BLOK_F32, shapes[_i], counts[_i], c);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2", 4, wants[_i], 0);
  one_node_free(&n);
}
END_TEST

START_TEST(gemm__keeps_integers_exact) {
  one_node n;
  one_node_init(&n, "Gemm", 3, 1);
  int64_t one_by_one[] = {1, 1}, a = INT64_MAX, b = 1, c = -2;
  one_node_raw(&n, 0, BLOK_I64, 2, one_by_one, &a, sizeof a);
  one_node_raw(&n, 1, BLOK_I64, 2, one_by_one, &b, sizeof b);
  one_node_raw(&n, 2, BLOK_I64, 0, NULL, &c, sizeof c);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert(blok_ref_load_i64(&n.out[0], 0) == INT64_MAX - 2);
  one_node_float(&n, "alpha", 0.5);
  one_node_in(&n, 0, BLOK_I64, "1x1", VALUES(-7));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "1x1", VALUES(-5), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(gemm__leaks_nothing_when_any_allocation_fails) {
  one_node n;
  one_node_init(&n, "Gemm", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "3x2");
  one_node_fill(&n, 1, BLOK_F32, "4x3");
  one_node_int(&n, "transA", 1);
  one_node_int(&n, "transB", 1);
  ck_assert_uint_ge(one_node_sweep(&n), 4);
  one_node_free(&n);
}
END_TEST

Suite *suite_matmul(void) {
  Suite *suite = suite_create("matmul");
  TCase *tests = tcase_create("matmul");
  tcase_add_test(tests, matmul__multiplies_rows_by_columns);
  tcase_add_test(tests, matmul__takes_vectors_as_row_and_column);
  tcase_add_test(tests, matmul__repeats_leading_axes);
  tcase_add_loop_test(tests, matmul__wraps_integers, 0, 4);
  tcase_add_test(tests, matmul__crosses_its_column_blocks);
  tcase_add_test(tests, matmul__gives_zeros_when_the_inner_axis_is_empty);
  tcase_add_test(tests, matmul__refuses_short_integers);
  tcase_add_test(tests, gemm__transposes_scales_and_adds);
  tcase_add_test(tests, gemm__does_without_its_third_input);
  tcase_add_loop_test(tests, gemm__repeats_its_third_input, 0, 5);
  tcase_add_test(tests, gemm__keeps_integers_exact);
  tcase_add_test(tests, gemm__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
