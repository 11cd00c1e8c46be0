// Convolutions of few channels as steps of a plan, against the reference interpreter: which of them
// read a picture with its channels last, and that every tail of it is right.
#include <check.h>
#include <stdio.h>

#include "lowered.h"
#include "speed.h"

Suite *suite_conv_stem(void);

static const double tolerance = 4e-6;

#define PICTURE "pad channels last, "

static void same(const char *inputs, const char *nodes, const char *steps) {
  lowered_same(BLOK_F32, inputs, nodes, steps, tolerance);
}

static const char *words(int32_t h, int32_t w) {
  if (h != w || (h != 3 && h != 5 && h != 7)) return PICTURE "conv, reorder to plain";
  return h == 3   ? PICTURE "conv 3x3, reorder to plain"
         : h == 5 ? PICTURE "conv 5x5, reorder to plain"
                  : PICTURE "conv 7x7, reorder to plain";
}

// Two images of `channels` channels, 19 outputs (no whole number of blocks), uneven pads.
START_TEST(conv_stem__equals_the_reference_for_every_tail_of_a_kernel_row) {
  const int32_t channels = _i;
  char inputs[64], nodes[128];
  snprintf(inputs, sizeof inputs, "x 2x%dx9x11", channels);
  for (int32_t w = 2; w <= 7; w++) {
    for (int32_t h = 1; h <= 7; h += 2) {
      snprintf(nodes, sizeof nodes, "Conv x #19x%dx%dx%d #19 > y : strides=%d,%d pads=%d,%d,%d,%d",
               channels, h, w, h % 3 + 1, w % 4 + 1, h / 2, w / 3, h / 3, w / 2);
      same(inputs, nodes, words(h, w));
    }
  }
}
END_TEST

START_TEST(conv_stem__equals_the_reference_for_every_number_of_outputs) {
  char nodes[128];
  for (int32_t outs = 1; outs <= 35; outs += 2) {
    snprintf(nodes, sizeof nodes, "Conv x #%dx3x3x3 #%d > y : strides=2,2 pads=1,1,1,1", outs,
             outs);
    same("x 1x3x9x8", nodes, words(3, 3));
  }
}
END_TEST

START_TEST(conv_stem__equals_the_reference_for_every_width) {
  char inputs[64];
  for (int32_t w = 1; w <= 27; w++) {
    snprintf(inputs, sizeof inputs, "x 1x3x5x%d", w);
    same(inputs, "Conv x #16x3x3x3 > y : pads=1,1,1,1", words(3, 3));
  }
}
END_TEST

START_TEST(conv_stem__reads_zeros_beyond_the_picture) {
  // A whole output row and column outside, on each side.
  same("x 1x3x4x5", "Conv x #8x3x3x3 > y : pads=4,5,6,4", words(3, 3));
  // Pads to the right of a narrow picture that is narrower than the pads to its left.
  same("x 2x2x3x1", "Conv x #8x2x2x2 > y : pads=0,9,0,1 strides=1,3", words(2, 2));
  // Nothing of the picture's columns, then of its rows, is ever read.
  same("x 1x2x3x1", "Conv x #8x2x2x2 #8 > y : pads=0,9,0,0 strides=1,20", words(2, 2));
  same("x 1x2x1x3", "Conv x #8x2x2x2 #8 > y : pads=9,0,0,0 strides=20,1", words(2, 2));
  same("x 1x4x6x7", "Conv x #8x4x3x3 > y : auto_pad=SAME_LOWER strides=2,2", words(3, 3));
}
END_TEST

START_TEST(conv_stem__leaves_out_what_no_tap_reads) {
  // Strides beyond the kernel; a rest at the right and below.
  same("x 2x3x13x14", "Conv x #9x3x2x2 > y : strides=5,4", words(2, 2));
  same("x 1x3x17x19", "Conv x #9x3x4x4 #9 > y : strides=4,4", words(4, 4));
}
END_TEST

// So many numbers a kernel row that the ordinary blocking would cut them.
START_TEST(conv_stem__takes_large_kernels_whole) {
  same("x 1x3x33x34", "Conv x #20x3x16x16 #20 > y : strides=16,16", words(16, 16));
  same("x 1x5x20x21", "Conv x #33x5x11x11 > y : strides=4,4 pads=2,2,2,2", words(11, 11));
}
END_TEST

START_TEST(conv_stem__takes_dilated_columns_and_rows_of_pixels) {
  same("x 1x3x12x9", "Conv x #9x3x3x3 > y : dilations=3,1 pads=1,1,1,1", words(3, 3));
  same("x 2x4x31", "Conv x #9x4x5 #9 > y : strides=2, pads=3,1", words(1, 5));
  same("x 2x1x1x31", "Conv x #9x1x1x4 > y : strides=1,4", words(1, 4));
}
END_TEST

START_TEST(conv_stem__is_cut_into_pieces_and_strips) {
  same("x 2x3x101x91", "Conv x #24x3x7x7 #24 > y : strides=2,2 pads=3,3,3,3", words(7, 7));
  same("x 1x5x120x40", "Conv x #9x5x3x3 > y : pads=1,1,1,1", words(3, 3));
}
END_TEST

START_TEST(conv_stem__does_what_follows_the_node_too) {
  same("x 2x3x9x8, r 2x11x9x8",
       "Conv x #11x3x3x3 #11 > c : pads=1,1,1,1\n"
       "BatchNormalization c +11 #11 #11 +11 > n\n"
       "Add n r > s\n"
       "Relu s > y\n",
       PICTURE "reorder to blocked, conv 3x3, reorder to plain");
  // Channel sums of the results.
  same("x 2x3x40x42",
       "Conv x #11x3x3x3 > c : pads=1,1,1,1\n"
       "Sigmoid c > a\n"
       "GlobalAveragePool a > y\n",
       NULL);
}
END_TEST

START_TEST(conv_stem__has_what_comes_before_it_made_plain) {
  same("x 1x3x9x8",
       "Sub x #1x3x1x1 > s\n"
       "Conv s #8x3x3x3 > y\n",
       "subtract, " PICTURE "conv 3x3, reorder to plain");
}
END_TEST

START_TEST(conv_stem__gives_way_where_the_input_stands_blocked) {
  same("x 1x9x9x8",
       "Conv x #4x9x3x3 > a\n"
       "Conv a #8x4x3x3 > y\n",
       "reorder to blocked, conv 3x3, conv 3x3, reorder to plain");
}
END_TEST

START_TEST(conv_stem__gives_way_where_channels_are_many) {
  same("x 1x6x9x8", "Conv x #8x6x3x3 > y", "reorder to blocked, conv 3x3, reorder to plain");
}
END_TEST

START_TEST(conv_stem__gives_way_where_kernel_rows_are_no_neighbours) {
  const char *ordinary = "reorder to blocked, conv 3x3, reorder to plain";
  same("x 1x3x9x8", "Conv x #8x3x3x3 > y : dilations=1,2", ordinary);
  same("x 1x3x9x8", "Conv x #8x3x3x1 > y", "reorder to blocked, conv, reorder to plain");
  same("x 1x3x9x8", "Conv x #8x3x1x1 > y", "reorder to blocked, conv 1x1, reorder to plain");
  same("x 1x6x9x8", "Conv x #8x3x3x3 > y : group=2", NULL);
}
END_TEST

// A picture that would be nearly all pads is not made.
START_TEST(conv_stem__gives_way_where_pads_are_the_most) {
  same("x 1x1x4x4", "Conv x #8x1x3x3 > y : pads=200,200,200,200 strides=60,60",
       "reorder to blocked, conv 3x3, reorder to plain");
}
END_TEST

Suite *suite_conv_stem(void) {
  Suite *suite = suite_create("conv_stem");
  TCase *tcase = tcase_create("conv_stem");
  suite_add_tcase(suite, tcase);
  if (speed_wanted()) return suite;
  tcase_set_timeout(tcase, 120);
  tcase_add_loop_test(tcase, conv_stem__equals_the_reference_for_every_tail_of_a_kernel_row, 1, 6);
  tcase_add_test(tcase, conv_stem__equals_the_reference_for_every_number_of_outputs);
  tcase_add_test(tcase, conv_stem__equals_the_reference_for_every_width);
  tcase_add_test(tcase, conv_stem__reads_zeros_beyond_the_picture);
  tcase_add_test(tcase, conv_stem__leaves_out_what_no_tap_reads);
  tcase_add_test(tcase, conv_stem__takes_large_kernels_whole);
  tcase_add_test(tcase, conv_stem__takes_dilated_columns_and_rows_of_pixels);
  tcase_add_test(tcase, conv_stem__is_cut_into_pieces_and_strips);
  tcase_add_test(tcase, conv_stem__does_what_follows_the_node_too);
  tcase_add_test(tcase, conv_stem__has_what_comes_before_it_made_plain);
  tcase_add_test(tcase, conv_stem__gives_way_where_the_input_stands_blocked);
  tcase_add_test(tcase, conv_stem__gives_way_where_channels_are_many);
  tcase_add_test(tcase, conv_stem__gives_way_where_kernel_rows_are_no_neighbours);
  tcase_add_test(tcase, conv_stem__gives_way_where_pads_are_the_most);
  return suite;
}
