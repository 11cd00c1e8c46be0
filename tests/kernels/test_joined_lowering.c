// What stands behind a product or convolution and looks as if it could be done with it, but is laid
// along another axis: against the reference interpreter.
#include <check.h>

#include "lowered.h"
#include "speed.h"

Suite *suite_joined_lowering(void);

static void same(const char *inputs, const char *nodes) {
  lowered_same(BLOK_F32, inputs, nodes, NULL, 4e-6);
}

// As many slopes as channels each time, but of rows or pixels.
START_TEST(prelu__of_another_axis_than_the_channels_is_right) {
  same("x 2x7x6x6",
       "MatMul x #6x7 > c\n"
       "PRelu c #7x1x1 > y\n");
  same("x 5x9",
       "Gemm x #9x5 #5 > c\n"
       "PRelu c #5x1 > y\n");
  same("x 1x5x4x5",
       "Conv x #6x5x3x3 #6 > c\n"
       "PRelu c #1x1x2x3 > y\n");
  same("x 1x3x8x8, r 1x8x8x8",
       "Conv x #8x3x1x1 > c\n"
       "Add c r > s\n"
       "PRelu s #8x1 > y\n");
  same("x 1x3x4x4",
       "ConvTranspose x #3x8x2x2 > c : strides=2,2\n"
       "PRelu c #8 > y\n");
}
END_TEST

START_TEST(prelu__of_another_axis_behind_an_addition_or_norm_is_right) {
  same("x 1x8x8x8",
       "Conv x #8x8x1x1 > c\n"
       "BatchNormalization x +8 #8 #8 +8 > n\n"
       "Mul n c > m\n"
       "PRelu m #8 > y\n");
  same("x 1x8x8x8",
       "BatchNormalization x +8 #8 #8 +8 > n\n"
       "PRelu n #8x1 > y\n");
}
END_TEST

Suite *suite_joined_lowering(void) {
  Suite *suite = suite_create("joined_lowering");
  TCase *tcase = tcase_create("joined_lowering");
  suite_add_tcase(suite, tcase);
  if (speed_wanted()) return suite;
  tcase_add_test(tcase, prelu__of_another_axis_than_the_channels_is_right);
  tcase_add_test(tcase, prelu__of_another_axis_behind_an_addition_or_norm_is_right);
  return suite;
}
