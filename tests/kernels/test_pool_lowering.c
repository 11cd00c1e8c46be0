// Depthwise convolutions, pools and reductions of planes as steps of a plan, against the reference
// interpreter.
#include <check.h>

#include "lowered.h"
#include "speed.h"

Suite *suite_pool_lowering(void);

static void same(const char *inputs, const char *nodes, const char *steps) {
  lowered_same(BLOK_F32, inputs, nodes, steps, 4e-6);
}

// ---- Depthwise ----------------------------------------------------------------------------------

START_TEST(depthwise_step__does_what_follows_the_node_too) {
  same("x 2x11x9x8, r 2x11x9x8",
       "Conv x #11x1x3x3 #11 > c : group=11 pads=1,1,1,1\n"
       "BatchNormalization c +11 #11 #11 +11 > n\n"
       "Add n r > s\n"
       "Relu s > y\n",
       "reorder to blocked, reorder to blocked, depthwise 3x3, reorder to plain");
  same("x 1x16x9x8",
       "Conv x #16x1x5x5 #16 > c : group=16 pads=2,2,2,2 strides=2,2\n"
       "BatchNormalization c +16 #16 #16 +16 > n : epsilon=0.5\n"
       "Clip n # > y\n",
       NULL);
  same("x 1x16x9x8",
       "Conv x #16x1x7x7 #16 > c : group=16 pads=3,3,3,3\n"
       "Mul c #16x1x1 > y\n",
       "reorder to blocked, depthwise 7x7, reorder to plain");
}
END_TEST

START_TEST(depthwise_step__takes_rows_of_pixels_and_uneven_kernels) {
  same("x 2x6x31", "Conv x #6x1x5 #6 > y : group=6 strides=2, pads=3,1 dilations=2,",
       "reorder to blocked, depthwise, reorder to plain");
  same("x 1x6x7x9", "Conv x #6x1x2x3 > y : group=6 pads=1,0,0,2",
       "reorder to blocked, depthwise, reorder to plain");
}
END_TEST

START_TEST(depthwise_step__takes_narrow_groups) {
  same("x 1x24x9x10", "Conv x #24x4x3x3 #24 > y : group=6 pads=1,1,1,1",
       "reorder to blocked, groups 3x3, reorder to plain");
  same("x 1x24x9x10", "Conv x #24x8x3x3 > y : group=3 strides=2,2 pads=1,1,1,1", NULL);
  same("x 1x12x5x5", "Conv x #24x1x3x3 > y : group=12 pads=1,1,1,1",
       "reorder to blocked, depthwise 3x3, reorder to plain");
  same("x 1x12x5x5", "Conv x #12x2x1x1 > y : group=6",
       "reorder to blocked, groups, reorder to plain");
}
END_TEST

// ---- Pools --------------------------------------------------------------------------------------

START_TEST(pool_step__equals_the_reference) {
  same("x 2x11x9x8", "MaxPool x > y : kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
       "reorder to blocked, max pool, reorder to plain");
  same("x 1x11x9x8", "AveragePool x > y : kernel_shape=2,3 ceil_mode=1 strides=2,2 pads=1,1,0,1",
       "reorder to blocked, average pool, reorder to plain");
  same("x 1x5x9x8", "AveragePool x > y : kernel_shape=3,3 count_include_pad=1 auto_pad=SAME_UPPER",
       "reorder to blocked, average pool, reorder to plain");
  same("x 1x5x17", "MaxPool x > y : kernel_shape=3, dilations=2,",
       "reorder to blocked, max pool, reorder to plain");
}
END_TEST

START_TEST(pool_step__leaves_cubes_to_others) {
  same("x 1x3x5x4x4", "MaxPool x > y : kernel_shape=2,2,2", "reference");
}
END_TEST

// ---- Planes -------------------------------------------------------------------------------------

START_TEST(global_pool_step__takes_the_sums_of_its_producer) {
  same("x 1x11x9x8",
       "Conv x #19x11x1x1 #19 > c\n"
       "GlobalAveragePool c > y\n",
       "reorder to blocked, conv 1x1, join sums");
  same("x 2x11x9x8",
       "Conv x #11x1x3x3 > c : group=11\n"
       "Relu c > a\n"
       "GlobalAveragePool a > y\n",
       "reorder to blocked, depthwise 3x3, join sums");
}
END_TEST

START_TEST(global_pool_step__reduces_planes_where_nobody_summed) {
  same("x 2x11x9x8", "GlobalAveragePool x > y", "reorder to blocked, plane sums, join sums");
  same("x 2x11x9x8", "GlobalMaxPool x > y", "reorder to blocked, plane maxima, join maxima");
  same("x 1x3x70", "GlobalAveragePool x > y", "reorder to blocked, plane sums, join sums");
  same("x 1x9x6x5",
       "GlobalMaxPool x > m\n"
       "Conv m #4x9x1x1 > y\n",
       NULL);
}
END_TEST

Suite *suite_pool_lowering(void) {
  Suite *suite = suite_create("pool lowering");
  TCase *tests = tcase_create("pool lowering");
  if (!speed_wanted()) {
    tcase_add_test(tests, depthwise_step__does_what_follows_the_node_too);
    tcase_add_test(tests, depthwise_step__takes_rows_of_pixels_and_uneven_kernels);
    tcase_add_test(tests, depthwise_step__takes_narrow_groups);
    tcase_add_test(tests, pool_step__equals_the_reference);
    tcase_add_test(tests, pool_step__leaves_cubes_to_others);
    tcase_add_test(tests, global_pool_step__takes_the_sums_of_its_producer);
    tcase_add_test(tests, global_pool_step__reduces_planes_where_nobody_summed);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
