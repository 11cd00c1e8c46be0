// Necks, a detector's head, a decoder's step.
#include <check.h>
#include <string.h>

#include "stored.h"

Suite *suite_necks(void);

static blok_builder *new_builder(void) {
  blok_builder *builder = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_builder_new(NULL, &builder, &error) == BLOK_OK, "%s", error.message);
  return builder;
}

static uint64_t parameters_of(const blok_builder *builder) {
  uint64_t parameters = 0;
  int64_t macs = 0;
  ck_assert_int_eq(blok_build_counts(builder, &parameters, &macs, NULL), BLOK_OK);
  return parameters;
}

typedef struct levels {
  blok_builder *builder;
  blok_value_id at[3];
} levels;

static levels pyramid_of(int64_t first, int64_t second, int64_t third) {
  static const char *const names[3] = {"fine", "middle", "coarse"};
  const int64_t sizes[3] = {first, second, third};
  levels made = {new_builder(), {{0}, {0}, {0}}};
  for (size_t i = 0; i < 3; i++) {
    const int64_t dims[4] = {-1, 8 << i, sizes[i], sizes[i]};
    ck_assert_int_eq(blok_build_input(made.builder, names[i], BLOK_F32, 4, dims, &made.at[i], NULL),
                     BLOK_OK);
  }
  return made;
}

static void shape_is(const blok_builder *builder, blok_value_id value, int64_t channels,
                     int64_t size) {
  blok_value_info info = BLOK_VALUE_INFO_INIT;
  ck_assert_int_eq(blok_build_value_info(builder, value, &info), BLOK_OK);
  ck_assert_int_eq(info.rank, 4);
  ck_assert_int_eq(info.axes[1].value, channels);
  ck_assert_int_eq(info.axes[2].value, size);
  ck_assert_int_eq(info.axes[3].value, size);
}

START_TEST(necks__give_every_level_the_same_width_and_its_own_size) {
  for (int aggregation = 0; aggregation < 2; aggregation++) {
    levels l = pyramid_of(16, 8, 4);
    blok_error error = BLOK_ERROR_INIT;
    ck_assert_msg((aggregation ? blok_build_pan : blok_build_fpn)(l.builder, "neck", 12, l.at, 3,
                                                                  &error) == BLOK_OK,
                  "%s", error.message);
    for (int i = 0; i < 3; i++) shape_is(l.builder, l.at[i], 12, 16 >> i);
    // Lateral and output convolutions with their biases; down and mix.
    const uint64_t pyramid = (8 + 16 + 32) * 12 + 3 * 12 + 3 * (12 * 12 * 9 + 12);
    const uint64_t paths = 2 * (12 * 12 * 9 + 12) + 2 * (24 * 12 * 9 + 12);
    ck_assert_uint_eq(parameters_of(l.builder), pyramid + (aggregation ? paths : 0));
    blok_builder_free(&l.builder);
  }
}
END_TEST

START_TEST(necks__refuse_levels_that_do_not_halve) {
  levels l = pyramid_of(16, 8, 5);
  const levels before = l;
  blok_error error = BLOK_ERROR_INIT;
  blok_test_fails(blok_build_fpn(l.builder, "neck", 12, l.at, 3, &error), BLOK_E_SHAPE, &error,
                  "neck", "shape", "[N, 16, 8, 8]", "[N, 32, 5, 5]", NULL);
  blok_test_fails(blok_build_pan(l.builder, "neck", 12, l.at, 3, &error), BLOK_E_SHAPE, &error,
                  "neck", "shape", NULL);
  ck_assert_int_eq(memcmp(&before.at, &l.at, sizeof l.at), 0);
  ck_assert_uint_eq(parameters_of(l.builder), 0);
  blok_builder_free(&l.builder);
}
END_TEST

START_TEST(necks__refuse_counts_and_names_that_are_none) {
  levels l = pyramid_of(16, 8, 4);
  blok_error error = BLOK_ERROR_INIT;
  char name[400];
  memset(name, 'n', sizeof name);
  name[sizeof name - 1] = '\0';
  blok_test_fails(blok_build_fpn(l.builder, "neck", 12, l.at, 0, &error), BLOK_E_ARGUMENT, &error,
                  "neck", "0 levels", NULL);
  blok_test_fails(blok_build_fpn(l.builder, "neck", 12, l.at, 17, &error), BLOK_E_ARGUMENT, &error,
                  "17 levels", NULL);
  blok_test_fails(blok_build_fpn(l.builder, "neck", 0, l.at, 3, &error), BLOK_E_ARGUMENT, &error,
                  "0 channels", NULL);
  blok_test_fails(blok_build_pan(l.builder, name, 12, l.at, 3, &error), BLOK_E_ARGUMENT, &error,
                  "399 bytes", NULL);
  blok_test_fails(blok_build_fpn(NULL, "neck", 12, l.at, 3, &error), BLOK_E_ARGUMENT, &error,
                  "NULL", NULL);
  blok_value_id scores, boxes;
  blok_test_fails(blok_build_detect(l.builder, "head", 0, 8, l.at[0], &scores, &boxes, &error),
                  BLOK_E_ARGUMENT, &error, "head", "0 classes", NULL);
  blok_test_fails(blok_build_detect(l.builder, name, 1, 8, l.at[0], &scores, &boxes, &error),
                  BLOK_E_ARGUMENT, &error, "399 bytes", NULL);
  blok_test_fails(blok_build_merge(l.builder, name, NULL, l.at[0], &l.at[1], &error),
                  BLOK_E_ARGUMENT, &error, "399 bytes", NULL);
  blok_builder_free(&l.builder);
}
END_TEST

START_TEST(detector__levels_of_one_name_share_their_weights) {
  levels l = pyramid_of(16, 8, 4);
  blok_value_id scores[3], boxes[3];
  uint64_t one = 0;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_build_fpn(l.builder, "neck", 12, l.at, 3, &error), BLOK_OK);
  const uint64_t neck = parameters_of(l.builder);
  for (int i = 0; i < 3; i++) {
    ck_assert_msg(blok_build_detect(l.builder, "head", 5, 12, l.at[i], &scores[i], &boxes[i],
                                    &error) == BLOK_OK,
                  "%s", error.message);
    shape_is(l.builder, scores[i], 5, 16 >> i);
    shape_is(l.builder, boxes[i], 4, 16 >> i);
    if (i == 0) one = parameters_of(l.builder) - neck;
    ck_assert_uint_eq(parameters_of(l.builder) - neck, one);
  }
  ck_assert_uint_eq(one, 4 * (12 * 12 * 9 + 12) + (5 + 4) * (12 * 9 + 1));
  // Another name has weights of its own.
  ck_assert_int_eq(
      blok_build_detect(l.builder, "other", 5, 12, l.at[0], &scores[0], &boxes[0], &error),
      BLOK_OK);
  ck_assert_uint_eq(parameters_of(l.builder) - neck, 2 * one);
  // Weights of other dims cannot be the same.
  blok_test_fails(
      blok_build_detect(l.builder, "head", 6, 12, l.at[0], &scores[0], &boxes[0], &error),
      BLOK_E_ARGUMENT, &error, "head.scores.4", NULL);
  // Nor does anything share that does not say so.
  blok_conv_desc desc = BLOK_CONV_DESC_INIT;
  desc.out_channels = 12;
  ck_assert_int_eq(blok_build_conv(l.builder, "neck.lateral.0", &desc, &l.at[0], &error),
                   BLOK_E_ARGUMENT);
  ck_assert_uint_eq(parameters_of(l.builder) - neck, 2 * one);
  blok_builder_free(&l.builder);
}
END_TEST

START_TEST(decoder__joins_the_skip_with_what_is_twice_as_large) {
  levels l = pyramid_of(16, 8, 4);
  blok_block_options block = BLOK_BLOCK_OPTIONS_INIT;
  blok_error error = BLOK_ERROR_INIT;
  blok_value_id x = l.at[2];
  block.out_channels = 10;
  ck_assert_msg(blok_build_merge(l.builder, "decoder1", &block, l.at[1], &x, &error) == BLOK_OK,
                "%s", error.message);
  shape_is(l.builder, x, 10, 8);
  // Two of 3x3 over 32 + 16 channels and the projection, each with its norm.
  ck_assert_uint_eq(parameters_of(l.builder), 48 * 10 * 9 + 20 + 10 * 10 * 9 + 20 + 48 * 10 + 20);
  const blok_value_id before = x;
  blok_test_fails(blok_build_merge(l.builder, "decoder2", &block, l.at[2], &x, &error),
                  BLOK_E_SHAPE, &error, "decoder2", "shape", "[N, 10, 8, 8]", "[N, 32, 4, 4]",
                  NULL);
  ck_assert_uint_eq(x.i, before.i);
  blok_builder_free(&l.builder);
}
END_TEST

Suite *suite_necks(void) {
  Suite *suite = suite_create("necks");
  TCase *tests = tcase_create("necks");
  tcase_set_tags(tests, "one_thread");
  tcase_add_test(tests, necks__give_every_level_the_same_width_and_its_own_size);
  tcase_add_test(tests, necks__refuse_levels_that_do_not_halve);
  tcase_add_test(tests, necks__refuse_counts_and_names_that_are_none);
  tcase_add_test(tests, detector__levels_of_one_name_share_their_weights);
  tcase_add_test(tests, decoder__joins_the_skip_with_what_is_twice_as_large);
  suite_add_tcase(suite, tests);
  return suite;
}
