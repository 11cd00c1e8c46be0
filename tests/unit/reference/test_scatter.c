// Gathering and scattering by index, Einsum and Attention.
#include <check.h>
#include <math.h>
#include <string.h>

#include "one_node.h"

Suite *suite_scatter(void);

START_TEST(gather_elements__reads_along_one_axis) {
  one_node n;
  one_node_init(&n, "GatherElements", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "3x2", VALUES(1, 2, 3, 4, 5, 6));
  one_node_in(&n, 1, BLOK_I64, "2x2", VALUES(2, 0, -2, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2", VALUES(5, 2, 3, 4), 0);
  one_node_in(&n, 1, BLOK_I64, "1x1", VALUES(3));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(n.error.message, "index 3 is out of range for an axis of 3"));
  one_node_free(&n);
}
END_TEST

START_TEST(scatter_elements__writes_where_gather_elements_reads) {
  one_node n;
  one_node_init(&n, "ScatterElements", 3, 1);
  one_node_in(&n, 0, BLOK_F32, "1x4", VALUES(1, 2, 3, 4));
  one_node_in(&n, 1, BLOK_I64, "1x3", VALUES(1, -1, 1));
  one_node_in(&n, 2, BLOK_F32, "1x3", VALUES(10, 20, -30));
  one_node_int(&n, "axis", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x4", VALUES(1, -30, 3, 20), 0);
  static const struct {
    const char *name;
    double at_1, at_3;
  } ways[] = {{"add", -18, 24}, {"mul", -600, 80}, {"max", 10, 20}, {"min", -30, 4}};
  for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
    one_node_text(&n, "reduction", ways[i].name);
    ck_assert_int_eq(one_node_run(&n), BLOK_OK);
    one_node_check(&n, 0, BLOK_F32, "1x4", VALUES(1, ways[i].at_1, 3, ways[i].at_3), 0);
  }
  one_node_text(&n, "reduction", "xor");
  ck_assert_int_eq(one_node_run(&n), BLOK_E_UNSUPPORTED);
  one_node_free(&n);
}
END_TEST

START_TEST(gather_nd__takes_slices_batch_by_batch) {
  one_node n;
  one_node_init(&n, "GatherND", 2, 1);
  one_node_in(&n, 0, BLOK_I32, "2x2x2", VALUES(0, 1, 2, 3, 4, 5, 6, 7));
  one_node_in(&n, 1, BLOK_I64, "2x2", VALUES(0, 1, 1, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I32, "2x2", VALUES(2, 3, 4, 5), 0);
  one_node_in(&n, 1, BLOK_I64, "2x1", VALUES(1, -2));
  one_node_int(&n, "batch_dims", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I32, "2x2", VALUES(2, 3, 4, 5), 0);
  one_node_in(&n, 1, BLOK_I64, "2x1", VALUES(1, 2));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

START_TEST(scatter_nd__replaces_and_adds_slices) {
  one_node n;
  one_node_init(&n, "ScatterND", 3, 1);
  one_node_in(&n, 0, BLOK_I64, "3x2", VALUES(1, 2, 3, 4, 5, 6));
  one_node_in(&n, 1, BLOK_I64, "2x1", VALUES(2, 0));
  one_node_in(&n, 2, BLOK_I64, "2x2", VALUES(10, 20, 30, 40));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "3x2", VALUES(30, 40, 3, 4, 10, 20), 0);
  one_node_text(&n, "reduction", "add");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I64, "3x2", VALUES(31, 42, 3, 4, 15, 26), 0);
  one_node_in(&n, 2, BLOK_I64, "2x1", VALUES(1, 2));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

// ---- Einsum -------------------------------------------------------------------------------------

static void einsum(one_node *n, const char *equation, uint32_t n_in) {
  one_node_init(n, "Einsum", n_in, 1);
  one_node_text(n, "equation", equation);
}

START_TEST(einsum__multiplies_matrices_in_batches) {
  one_node n;
  einsum(&n, "bij, bkj -> bik", 2);
  one_node_in(&n, 0, BLOK_F32, "2x1x2", VALUES(1, 2, 3, 4));
  one_node_in(&n, 1, BLOK_F32, "2x2x2", VALUES(1, 10, 2, 20, 3, 30, 4, 40));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x1x2", VALUES(21, 42, 129, 172), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(einsum__sums_diagonals_and_orders_implied_results) {
  one_node n;
  einsum(&n, "ii", 1);
  one_node_in(&n, 0, BLOK_F32, "2x2", VALUES(1, 2, 3, 4));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "", VALUES(5), 0);
  one_node_free(&n);
  einsum(&n, "ba", 1);
  one_node_in(&n, 0, BLOK_I32, "2x3", VALUES(1, 2, 3, 4, 5, 6));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_I32, "3x2", VALUES(1, 4, 2, 5, 3, 6), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(einsum__repeats_axes_of_an_ellipsis) {
  one_node n;
  einsum(&n, "...i,...i->...", 2);
  one_node_in(&n, 0, BLOK_F64, "2x1x2", VALUES(1, 2, 3, 4));
  one_node_in(&n, 1, BLOK_F64, "3x2", VALUES(1, 0, 0, 1, 1, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "2x3", VALUES(1, 2, 3, 3, 4, 7), 0);
  one_node_free(&n);
}
END_TEST

static const struct {
  const char *equation, *part;
} bad_equations[] = {
    {"ij->k", "a letter that no input has"},  {"ij->ii", "a letter twice"},
    {"ijk", "does not fit its input's rank"}, {"i...j...", "two ellipses"},
    {"ij->i;", "no letter, comma"},           {"i,j", "no letter, comma"},
};

START_TEST(einsum__says_what_is_wrong_with_an_equation) {
  one_node n;
  einsum(&n, bad_equations[_i].equation, 1);
  one_node_fill(&n, 0, BLOK_F32, _i == 5 ? "2" : "2x2");
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  ck_assert_msg(strstr(n.error.message, bad_equations[_i].part) != NULL, "%s", n.error.message);
  one_node_free(&n);
}
END_TEST

START_TEST(einsum__refuses_sizes_that_disagree) {
  one_node n;
  einsum(&n, "i,i->i", 2);
  one_node_fill(&n, 0, BLOK_F32, "2");
  one_node_fill(&n, 1, BLOK_F32, "3");
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

// ---- Attention ----------------------------------------------------------------------------------

// Two keys whose scores are 0 and log(3) before the scale of 1.
static void two_keys(one_node *n, uint32_t n_in, uint32_t n_out) {
  one_node_init(n, "Attention", n_in, n_out);
  one_node_in(n, 0, BLOK_F64, "1x1x2x1", VALUES(1, 1));
  one_node_in(n, 1, BLOK_F64, "1x1x2x1", VALUES(0, log(3)));
  one_node_in(n, 2, BLOK_F64, "1x1x2x2", VALUES(4, 0, 0, 8));
  one_node_float(n, "scale", 1);
}

START_TEST(attention__weighs_values_by_the_softmax_of_scores) {
  one_node n;
  two_keys(&n, 3, 4);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x1x2x2", VALUES(1, 6, 1, 6), 1e-12);
  one_node_check(&n, 3, BLOK_F64, "1x1x2x2", VALUES(0, log(3), 0, log(3)), 1e-12);
  one_node_int(&n, "qk_matmul_output_mode", 3);
  one_node_int(&n, "is_causal", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x1x2x2", VALUES(4, 0, 1, 6), 1e-12);
  one_node_check(&n, 3, BLOK_F64, "1x1x2x2", VALUES(1, 0, 0.25, 0.75), 1e-12);
  one_node_free(&n);
}
END_TEST

START_TEST(attention__gives_nothing_where_a_mask_forbids_all) {
  one_node n;
  two_keys(&n, 4, 1);
  one_node_in(&n, 3, BLOK_BOOL, "2x2", VALUES(0, 0, 0, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x1x2x2", VALUES(0, 0, 0, 8), 1e-12);
  // A mask that is too short forbids what it does not name.
  one_node_in(&n, 3, BLOK_F64, "1x1", VALUES(0));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x1x2x2", VALUES(4, 0, 4, 0), 1e-12);
  one_node_in(&n, 3, BLOK_F64, "3x2", VALUES(0, 0, 0, 0, 0, 0));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  one_node_free(&n);
}
END_TEST

START_TEST(attention__puts_the_past_before_the_present) {
  one_node n;
  one_node_init(&n, "Attention", 6, 3);
  one_node_in(&n, 0, BLOK_F64, "1x1x1x1", VALUES(1));
  one_node_in(&n, 1, BLOK_F64, "1x1x1x1", VALUES(log(3)));
  one_node_in(&n, 2, BLOK_F64, "1x1x1x1", VALUES(8));
  one_node_in(&n, 4, BLOK_F64, "1x1x1x1", VALUES(0));
  one_node_in(&n, 5, BLOK_F64, "1x1x1x1", VALUES(4));
  one_node_int(&n, "is_causal", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x1x1x1", VALUES(7), 1e-12);
  one_node_check(&n, 1, BLOK_F64, "1x1x2x1", VALUES(0, log(3)), 0);
  one_node_check(&n, 2, BLOK_F64, "1x1x2x1", VALUES(4, 8), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(attention__shares_heads_of_keys_and_reads_three_axes) {
  one_node n;
  one_node_init(&n, "Attention", 3, 1);
  // Two heads of queries on one of keys; one key, so that each gives its value.
  one_node_in(&n, 0, BLOK_F32, "1x1x4", VALUES(1, 2, 3, 4));
  one_node_in(&n, 1, BLOK_F32, "1x1x2", VALUES(1, 1));
  one_node_in(&n, 2, BLOK_F32, "1x1x1", VALUES(5));
  one_node_int(&n, "q_num_heads", 2);
  one_node_int(&n, "kv_num_heads", 1);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x2", VALUES(5, 5), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(attention__refuses_to_round_the_softmax_to_16_bits) {
  one_node n;
  one_node_init(&n, "Attention", 3, 1);
  for (uint32_t i = 0; i < 3; i++) one_node_fill(&n, i, BLOK_F16, "1x1x2x2");
  ck_assert_int_eq(one_node_run(&n), BLOK_E_UNSUPPORTED);
  for (uint32_t i = 0; i < 3; i++) one_node_fill(&n, i, BLOK_F32, "1x1x2x2");
  one_node_int(&n, "softmax_precision", BLOK_F16);
  ck_assert_int_eq(one_node_run(&n), BLOK_E_UNSUPPORTED);
  one_node_free(&n);
}
END_TEST

START_TEST(attention__leaks_nothing_when_any_allocation_fails) {
  one_node n;
  two_keys(&n, 3, 1);
  ck_assert_uint_ge(one_node_sweep(&n), 5);
  one_node_free(&n);
}
END_TEST

Suite *suite_scatter(void) {
  Suite *suite = suite_create("scatter");
  TCase *tests = tcase_create("scatter");
  tcase_add_test(tests, gather_elements__reads_along_one_axis);
  tcase_add_test(tests, scatter_elements__writes_where_gather_elements_reads);
  tcase_add_test(tests, gather_nd__takes_slices_batch_by_batch);
  tcase_add_test(tests, scatter_nd__replaces_and_adds_slices);
  tcase_add_test(tests, einsum__multiplies_matrices_in_batches);
  tcase_add_test(tests, einsum__sums_diagonals_and_orders_implied_results);
  tcase_add_test(tests, einsum__repeats_axes_of_an_ellipsis);
  tcase_add_loop_test(tests, einsum__says_what_is_wrong_with_an_equation, 0,
                      (int)(sizeof bad_equations / sizeof bad_equations[0]));
  tcase_add_test(tests, einsum__refuses_sizes_that_disagree);
  tcase_add_test(tests, attention__weighs_values_by_the_softmax_of_scores);
  tcase_add_test(tests, attention__gives_nothing_where_a_mask_forbids_all);
  tcase_add_test(tests, attention__puts_the_past_before_the_present);
  tcase_add_test(tests, attention__shares_heads_of_keys_and_reads_three_axes);
  tcase_add_test(tests, attention__refuses_to_round_the_softmax_to_16_bits);
  tcase_add_test(tests, attention__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
