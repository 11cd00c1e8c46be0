// Resize against hand-computed values.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "one_node.h"

static void init(one_node *n, const char *mode, const char *transform) {
  one_node_init(n, "Resize", 4, 1);
  one_node_text(n, "mode", mode);
  one_node_text(n, "coordinate_transformation_mode", transform);
}

// Resizes a row of count values to size cells and checks them.
static void check_row(one_node *n, uint32_t count, const double *row, double size, uint32_t n_want,
                      const double *want) {
  char shape[16], out[16];
  snprintf(shape, sizeof shape, "%u", count);
  snprintf(out, sizeof out, "%u", n_want);
  one_node_in(n, 0, BLOK_F64, shape, count, row);
  one_node_in(n, 3, BLOK_I64, "1", VALUES(size));
  ck_assert_msg(one_node_run(n) == BLOK_OK, "%s", n->error.message);
  one_node_check(n, 0, BLOK_F64, out, n_want, want, 1e-9);
}

START_TEST(resize__rounds_coordinates_as_nearest_mode_says) {
  static const char *const modes[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  // Coordinates of asymmetric 2 to 4 cells are 0, 0.5, 1, 1.5.
  static const double wants[][4] = {
      {10, 10, 20, 20}, {10, 20, 20, 20}, {10, 10, 20, 20}, {10, 20, 20, 20}};
  one_node n;
  init(&n, "nearest", "asymmetric");
  one_node_text(&n, "nearest_mode", modes[_i]);
  check_row(&n, VALUES(10, 20), 4, 4, wants[_i]);
  one_node_free(&n);
}
END_TEST

typedef struct transform_case {
  const char *name;
  double wants[4];
} transform_case;

// A ramp 0, 10, 20 taken to 4 cells, linear.
static const transform_case transforms[] = {
    {"half_pixel", {0, 6.25, 13.75, 20}},
    {"half_pixel_symmetric", {0, 6.25, 13.75, 20}},
    {"pytorch_half_pixel", {0, 6.25, 13.75, 20}},
    {"align_corners", {0, 20.0 / 3, 40.0 / 3, 20}},
    {"asymmetric", {0, 7.5, 15, 20}},
};

START_TEST(resize__places_coordinates_as_the_transformation_says) {
  one_node n;
  init(&n, "linear", transforms[_i].name);
  check_row(&n, VALUES(0, 10, 20), 4, 4, transforms[_i].wants);
  one_node_free(&n);
}
END_TEST

START_TEST(resize__takes_a_whole_cell_for_whole_when_nearest_divides_by_a_float) {
  // 1.7f is a little more than 1.7, so that 17 / 1.7f is a little less than 10.
  one_node n;
  init(&n, "nearest", "asymmetric");
  one_node_text(&n, "nearest_mode", "floor");
  one_node_in(&n, 0, BLOK_F32, "11", VALUES(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  one_node_in(&n, 2, BLOK_F32, "1", VALUES(1.7));
  ck_assert_msg(one_node_run(&n) == BLOK_OK, "%s", n.error.message);
  one_node_check(&n, 0, BLOK_F32, "18",
                 VALUES(0, 0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9, 10), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(resize__reads_the_first_cell_when_one_cell_is_left) {
  one_node n;
  init(&n, "linear", "pytorch_half_pixel");
  check_row(&n, VALUES(5, 10, 20), 1, VALUES(5));
  one_node_text(&n, "coordinate_transformation_mode", "align_corners");
  check_row(&n, VALUES(5, 10, 20), 1, VALUES(5));
  one_node_text(&n, "coordinate_transformation_mode", "half_pixel");
  check_row(&n, VALUES(5, 10, 20), 1, VALUES(10));
  one_node_free(&n);
}
END_TEST

START_TEST(resize__extrapolates_when_the_crop_leaves_the_input) {
  one_node n;
  init(&n, "linear", "tf_crop_and_resize");
  one_node_float(&n, "extrapolation_value", -9);
  one_node_in(&n, 1, BLOK_F32, "2", VALUES(0.5, 1.5));
  check_row(&n, VALUES(0, 10, 20), 3, VALUES(10, 20, -9));
  one_node_text(&n, "mode", "nearest");
  check_row(&n, VALUES(0, 10, 20), 3, VALUES(10, 20, -9));
  one_node_in(&n, 1, BLOK_F32, "2", VALUES(0.25, 0.75));
  one_node_text(&n, "mode", "linear");
  check_row(&n, VALUES(0, 10, 20), 1, VALUES(10));
  one_node_in(&n, 1, BLOK_F64, "2", VALUES((double)NAN, 1));
  check_row(&n, VALUES(0, 10, 20), 2, VALUES(-9, -9));
  one_node_free(&n);
}
END_TEST

START_TEST(resize__fits_cubic_pieces) {
  one_node n;
  init(&n, "cubic", "asymmetric");
  one_node_float(&n, "cubic_coeff_a", -0.5);
  // Halfway between cells the weights are -1/16, 9/16, 9/16, -1/16; the edges repeat.
  check_row(&n, VALUES(0, 16, 32, 0), 8, VALUES(0, 7, 16, 27, 32, 17, 0, -2));
  one_node_int(&n, "exclude_outside", 1);
  check_row(&n, VALUES(0, 16, 32, 0), 8,
            VALUES(0, (9 * 16 - 32) / 17.0, 16, 27, 32, (9 * 32 - 16) / 17.0, 0, -4));
  one_node_free(&n);
}
END_TEST

START_TEST(resize__widens_the_filter_when_antialias_and_shrinking) {
  one_node n;
  init(&n, "linear", "half_pixel");
  one_node_int(&n, "antialias", 1);
  one_node_int(&n, "exclude_outside", 1);
  // Cell 0 stands at 0.5: distances 0.5, 0.5, 1.5 of radius 2 weigh 3, 3, 1 (of 7).
  check_row(&n, VALUES(7, 14, 21, 28), 2, VALUES(12, 23));
  one_node_int(&n, "antialias", 0);
  check_row(&n, VALUES(7, 14, 21, 28), 2, VALUES(10.5, 24.5));
  one_node_free(&n);
}
END_TEST

START_TEST(resize__takes_scales_of_all_axes) {
  one_node n;
  init(&n, "nearest", "asymmetric");
  one_node_text(&n, "nearest_mode", "floor");
  one_node_in(&n, 0, BLOK_F32, "1x1x2x2", VALUES(1, 2, 3, 4));
  one_node_in(&n, 2, BLOK_F32, "4", VALUES(1, 1, 2, 1.5));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4x3", VALUES(1, 1, 2, 1, 1, 2, 3, 3, 4, 3, 3, 4), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(resize__takes_sizes_of_the_named_axes) {
  one_node n;
  init(&n, "linear", "align_corners");
  one_node_in(&n, 0, BLOK_F32, "2x1x2", VALUES(1, 3, 5, 9));
  one_node_in(&n, 2, BLOK_F32, "0", 0, NULL);
  one_node_in(&n, 3, BLOK_I64, "2", VALUES(3, 2));
  one_node_ints(&n, "axes", INTS(-1, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "2x2x3", VALUES(1, 2, 3, 1, 2, 3, 5, 7, 9, 5, 7, 9), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(resize__keeps_the_aspect_ratio_when_told) {
  one_node n;
  init(&n, "nearest", "asymmetric");
  one_node_fill(&n, 0, BLOK_F32, "2x4");
  one_node_in(&n, 3, BLOK_I64, "2", VALUES(5, 6));
  one_node_text(&n, "keep_aspect_ratio_policy", "not_larger");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert_str_eq(blok_print_dims(n.out[0].dims, 2).text, "[3, 6]");
  one_node_text(&n, "keep_aspect_ratio_policy", "not_smaller");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert_str_eq(blok_print_dims(n.out[0].dims, 2).text, "[5, 10]");
  one_node_free(&n);
}
END_TEST

START_TEST(resize__copies_wide_integers_when_nearest) {
  one_node n;
  init(&n, "nearest", "asymmetric");
  int64_t dims[] = {1}, value = INT64_MAX - 1;
  one_node_raw(&n, 0, BLOK_I64, 1, dims, &value, sizeof value);
  one_node_in(&n, 3, BLOK_I64, "1", VALUES(2));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert(blok_ref_load_i64(&n.out[0], 1) == value);
  one_node_free(&n);
}
END_TEST

START_TEST(resize__cuts_and_bounds_integers_when_weighted) {
  one_node n;
  init(&n, "linear", "align_corners");
  one_node_in(&n, 0, BLOK_U8, "2", VALUES(10, 20));
  one_node_in(&n, 3, BLOK_I64, "1", VALUES(4));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_U8, "4", VALUES(10, 13, 16, 20), 0);
  one_node_text(&n, "mode", "cubic");
  one_node_text(&n, "coordinate_transformation_mode", "asymmetric");
  one_node_in(&n, 0, BLOK_U8, "4", VALUES(0, 255, 255, 0));
  one_node_in(&n, 3, BLOK_I64, "1", VALUES(8));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  ck_assert_double_eq(one_node_value(&n, 0, 3), 255);
  ck_assert_double_eq(one_node_value(&n, 0, 7), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(resize__divides_sizes_exactly) {
  one_node n;
  init(&n, "nearest", "asymmetric");
  one_node_text(&n, "nearest_mode", "floor");
  one_node_in(&n, 3, BLOK_I64, "1", VALUES(7));
  double row[343];
  for (int i = 0; i < 343; i++) row[i] = i;
  one_node_in(&n, 0, BLOK_F32, "343", 343, row);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "7", VALUES(0, 49, 98, 147, 196, 245, 294), 0);
  one_node_free(&n);
}
END_TEST

static void check_refused(one_node *n, const char *words) {
  n->error = (blok_error)BLOK_ERROR_INIT;
  blok_status status = one_node_run(n);
  ck_assert_msg(status == BLOK_E_SHAPE, "status %d: %s", (int)status, n->error.message);
  ck_assert_msg(strstr(n->error.message, words) != NULL, "%s", n->error.message);
}

START_TEST(resize__refuses_what_makes_no_sense) {
  one_node n;
  init(&n, "nearest", "asymmetric");
  one_node_fill(&n, 0, BLOK_F32, "2x2");
  check_refused(&n, "neither scales nor sizes");
  one_node_in(&n, 2, BLOK_F32, "2", VALUES(1, 0));
  check_refused(&n, "scale 0 of axis 1");
  one_node_in(&n, 2, BLOK_F32, "2", VALUES(1, (double)NAN));
  check_refused(&n, "axis 1");
  one_node_in(&n, 2, BLOK_F32, "2", VALUES(1, 3e38));
  check_refused(&n, "axis 1");
  one_node_in(&n, 2, BLOK_F32, "1", VALUES(1));
  check_refused(&n, "one value for each of 2 axes");
  one_node_ints(&n, "axes", INTS(5));
  check_refused(&n, "axes do not name");
  one_node_ints(&n, "axes", INTS(0));
  one_node_text(&n, "mode", "lanczos");
  check_refused(&n, "mode is none");
  one_node_text(&n, "mode", "linear");
  one_node_text(&n, "coordinate_transformation_mode", "tf_crop_and_resize");
  check_refused(&n, "needs the input roi");
  one_node_in(&n, 3, BLOK_I64, "1", VALUES(3));
  check_refused(&n, "both scales and sizes");
  one_node_free(&n);
}
END_TEST

START_TEST(resize__refuses_to_make_something_of_nothing) {
  one_node n;
  init(&n, "nearest", "asymmetric");
  one_node_fill(&n, 0, BLOK_F32, "0");
  one_node_in(&n, 3, BLOK_I64, "1", VALUES(3));
  check_refused(&n, "nothing to make");
  one_node_in(&n, 3, BLOK_I64, "1", VALUES(0));
  n.error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_free(&n);
}
END_TEST

START_TEST(resize__leaks_nothing_when_any_allocation_fails) {
  one_node n;
  init(&n, _i ? "cubic" : "nearest", "half_pixel");
  one_node_fill(&n, 0, BLOK_F32, "2x3");
  one_node_in(&n, 3, BLOK_I64, "2", VALUES(3, 2));
  ck_assert_uint_ge(one_node_sweep(&n), 2);
  one_node_free(&n);
}
END_TEST

Suite *suite_resize(void) {
  Suite *suite = suite_create("resize");
  TCase *tests = tcase_create("resize");
  tcase_add_loop_test(tests, resize__rounds_coordinates_as_nearest_mode_says, 0, 4);
  tcase_add_loop_test(tests, resize__places_coordinates_as_the_transformation_says, 0,
                      (int)(sizeof transforms / sizeof *transforms));
  tcase_add_test(tests, resize__takes_a_whole_cell_for_whole_when_nearest_divides_by_a_float);
  tcase_add_test(tests, resize__reads_the_first_cell_when_one_cell_is_left);
  tcase_add_test(tests, resize__extrapolates_when_the_crop_leaves_the_input);
  tcase_add_test(tests, resize__fits_cubic_pieces);
  tcase_add_test(tests, resize__widens_the_filter_when_antialias_and_shrinking);
  tcase_add_test(tests, resize__takes_scales_of_all_axes);
  tcase_add_test(tests, resize__takes_sizes_of_the_named_axes);
  tcase_add_test(tests, resize__keeps_the_aspect_ratio_when_told);
  tcase_add_test(tests, resize__copies_wide_integers_when_nearest);
  tcase_add_test(tests, resize__cuts_and_bounds_integers_when_weighted);
  tcase_add_test(tests, resize__divides_sizes_exactly);
  tcase_add_test(tests, resize__refuses_what_makes_no_sense);
  tcase_add_test(tests, resize__refuses_to_make_something_of_nothing);
  tcase_add_loop_test(tests, resize__leaks_nothing_when_any_allocation_fails, 0, 2);
  suite_add_tcase(suite, tests);
  return suite;
}
