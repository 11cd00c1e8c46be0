// Convolutions and products as steps of a plan, against the reference interpreter.
#include <check.h>

#include "lowered.h"
#include "runtime/kernels/openblas.h"
#include "speed.h"

Suite *suite_conv_lowering(void);

static const double tolerance = 4e-6;

static void same(const char *inputs, const char *nodes, const char *steps) {
  lowered_same(BLOK_F32, inputs, nodes, steps, tolerance);
}

// ---- Conv ---------------------------------------------------------------------------------------

START_TEST(conv_step__does_what_follows_the_node_too) {
  same("x 2x9x9x8, r 2x11x9x8",
       "Conv x #11x9x3x3 #11 > c : pads=1,1,1,1\n"
       "BatchNormalization c +11 #11 #11 +11 > n\n"
       "Add n r > s\n"
       "Relu s > y\n",
       "reorder to blocked, reorder to blocked, conv 3x3, reorder to plain");
  same("x 1x19x6x7",
       "Conv x #8x19x1x1 > c\n"
       "Add c #1x8x1x1 > b\n"
       "Sigmoid b > a\n"
       "Mul a #1x8x1x1 > y\n",
       "reorder to blocked, conv 1x1, reorder to plain");
}
END_TEST

START_TEST(conv_step__takes_rows_of_pixels) {
  same("x 2x6x31", "Conv x #9x6x5 #9 > y : strides=2, pads=3,1 dilations=2,",
       "reorder to blocked, conv, reorder to plain");
}
END_TEST

START_TEST(conv_step__takes_one_pixel_images_as_rows) {
  same("x 7x20x1x1, r 7x21x1x1",
       "Conv x #21x20x1x1 #21 > c\n"
       "Relu c > a\n"
       "Add a r > y\n",
       "reorder to blocked, reorder to blocked, conv 1x1, reorder to plain");
}
END_TEST

START_TEST(conv_step__reads_zeros_beyond_the_picture) {
  same("x 1x8x5x4",
       "Conv x #10x8x3x3 > a : auto_pad=SAME_UPPER strides=2,2\n"
       "Conv a #10x10x3x3 > y : pads=4,4,4,4 dilations=3,3\n",
       "reorder to blocked, conv 3x3, conv 3x3, reorder to plain");
}
END_TEST

START_TEST(conv_step__takes_groups_that_no_other_kernel_takes) {
  same("x 1x48x7x6", "Conv x #96x24x3x3 > y : group=2 pads=1,1,1,1", NULL);
  same("x 2x15x7x6", "Conv x #36x5x2x3 #36 > y : group=3 strides=2,1", NULL);
  same("x 1x20x4x4", "Conv x #40x1x3x3 > y : group=20 pads=1,1,1,1", NULL);
}
END_TEST

// ---- ConvTranspose ------------------------------------------------------------------------------

START_TEST(conv_transpose_step__equals_the_reference) {
  same("x 2x5x4x6", "ConvTranspose x #5x9x2x2 #9 > y : strides=2,2", NULL);
  same("x 1x9x5x3", "ConvTranspose x #9x4x4x3 > y : strides=2,2 pads=1,1,1,1", NULL);
  same("x 1x3x5x3", "ConvTranspose x #3x4x3x3 > y : strides=3,2 dilations=2,2 output_padding=2,1",
       NULL);
  same("x 1x3x4", "ConvTranspose x #3x4x5 > y : strides=3,", NULL);
  same("x 1x6x4x4",
       "ConvTranspose x #6x2x3x3 #4 > c : group=2 strides=1,2 pads=1,0,1,0\n"
       "Relu c > y\n",
       NULL);
  // More stride than kernel: some phases have no taps.
  same("x 1x6x4x4", "ConvTranspose x #6x3x1x2 #3 > y : strides=3,4 output_padding=2,1", NULL);
  // One tap a phase.
  same("x 2x24x8x6",
       "ConvTranspose x #24x1x3x3 > y : group=8 strides=3,2 pads=1,0,1,2 "
       "dilations=2,1 output_padding=0,1",
       NULL);
}
END_TEST

START_TEST(conv_transpose_step__is_one_a_phase) {
  same("x 1x5x4x6", "ConvTranspose x #5x9x2x2 > y : strides=1,2",
       "reorder to blocked, conv transposed, conv transposed, reorder to plain");
}
END_TEST

// ---- Gemm ---------------------------------------------------------------------------------------

START_TEST(gemm_step__equals_the_reference) {
  same("x 7x30", "Gemm x #30x21 #21 > y", "matrix product");
  same("x 7x30", "Gemm x #21x30 #1x21 > y : transB=1", "matrix product");
  same("x 1x300", "Gemm x #300x51 # > y", "vector by matrix");
  same("x 9x30, r 9x21",
       "Gemm x #30x21 #21 > c\n"
       "Gelu c > a\n"
       "Add a r > y\n",
       "matrix product");
}
END_TEST

// The kernel does not have these; somebody else does them right.
START_TEST(gemm_step__leaves_the_rest_to_others) {
  same("x 7x30", "Gemm x #30x21 #7x21 > y", NULL);
  same("x 7x30", "Gemm x #30x7 #7x1 > y", NULL);
  same("x 30x7", "Gemm x #30x21 > y : transA=1", NULL);
  same("x 7x30", "Gemm x #30x21 #21 > y : alpha=0.5 beta=2.0", NULL);
}
END_TEST

// ---- MatMul -------------------------------------------------------------------------------------

START_TEST(matmul_step__equals_the_reference) {
  same("x 2x3x5x12", "MatMul x #12x33 > y", "matrix product");
  same("x 2x5x12",
       "MatMul x #12x33 > c\n"
       "Add c #33 > y\n",
       "matrix product");
  same("a 5x12, b 12x9", "MatMul a b > y", "pack, matrix product");
  same("a 2x3x5x12, b 2x3x12x9", "MatMul a b > y", "pack, matrix product");
  same("a 5x12, b 2x3x12x9", "MatMul a b > y", "pack, matrix product");
  same("a 1x5x12, b 4x12x9", "MatMul a b > y", "pack, matrix product");
  same("a 12, b 12x9", "MatMul a b > y", "pack, vector by matrix");
  same("a 3x5x12, b 12", "MatMul a b > y", "pack, matrix product");
  same("a 3x5x12", "MatMul a #3x12x20 > y", "pack, matrix product");
}
END_TEST

START_TEST(matmul_step__leaves_crossed_batches_to_others) {
  same("a 2x1x5x12, b 3x12x9", "MatMul a b > y", "reference");
}
END_TEST

START_TEST(product_step__takes_doubles_where_there_is_openblas) {
  const char *kernel = blok_openblas() ? "openblas" : "reference";
  lowered_same(BLOK_F64, "a 2x3x5x12, b 2x3x12x9", "MatMul a b > y", kernel, 1e-6);
  lowered_same(BLOK_F64, "a 5x12", "MatMul a #12x33 > y", kernel, 1e-6);
  lowered_same(BLOK_F64, "a 5x12", "Gemm a #33x12 #33 > y : transB=1", kernel, 1e-6);
  lowered_same(BLOK_F64, "a 5x12", "Gemm a #12x33 #1 > y", kernel, 1e-6);
}
END_TEST

Suite *suite_conv_lowering(void) {
  Suite *suite = suite_create("conv_lowering");
  TCase *tcase = tcase_create("conv_lowering");
  suite_add_tcase(suite, tcase);
  if (speed_wanted()) return suite;
  tcase_add_test(tcase, conv_step__does_what_follows_the_node_too);
  tcase_add_test(tcase, conv_step__takes_rows_of_pixels);
  tcase_add_test(tcase, conv_step__takes_one_pixel_images_as_rows);
  tcase_add_test(tcase, conv_step__reads_zeros_beyond_the_picture);
  tcase_add_test(tcase, conv_step__takes_groups_that_no_other_kernel_takes);
  tcase_add_test(tcase, conv_transpose_step__equals_the_reference);
  tcase_add_test(tcase, conv_transpose_step__is_one_a_phase);
  tcase_add_test(tcase, gemm_step__equals_the_reference);
  tcase_add_test(tcase, gemm_step__leaves_the_rest_to_others);
  tcase_add_test(tcase, matmul_step__equals_the_reference);
  tcase_add_test(tcase, matmul_step__leaves_crossed_batches_to_others);
  tcase_add_test(tcase, product_step__takes_doubles_where_there_is_openblas);
  return suite;
}
