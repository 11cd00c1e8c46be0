// ConvTranspose against its definition, on small planes.
#include <check.h>
#include <string.h>

#include "one_node.h"

Suite *suite_conv_transpose(void);

START_TEST(conv_transpose__adds_the_kernel_once_for_each_cell) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x2x2", VALUES(1, 2, 3, 4));
  one_node_in(&n, 1, BLOK_F32, "1x1x2x2", VALUES(1, 10, 100, 1000));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x3x3", VALUES(1, 12, 20, 103, 1234, 2040, 300, 3400, 4000),
                 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv_transpose__spreads_cells_by_the_stride_and_cuts_off_the_pads) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 3, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x3", VALUES(1, 2, 3));
  one_node_in(&n, 1, BLOK_F32, "1x1x3", VALUES(1, 10, 100));
  one_node_in(&n, 2, BLOK_F32, "1", VALUES(0.5));
  one_node_ints(&n, "strides", INTS(2));
  one_node_ints(&n, "pads", INTS(1, 2));
  one_node_ints(&n, "output_padding", INTS(1));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  // All of it: 1 10 102 20 203 30 300 and one place more.
  one_node_check(&n, 0, BLOK_F32, "1x1x5", VALUES(10.5, 102.5, 20.5, 203.5, 30.5), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv_transpose__keeps_groups_apart) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 2, 1);
  one_node_in(&n, 0, BLOK_F64, "1x4x1", VALUES(1, 2, 3, 4));
  // Channels 0 and 1 make filters 0 and 1, channels 2 and 3 filters 2 and 3.
  one_node_in(&n, 1, BLOK_F64, "4x2x1", VALUES(1, 10, 100, 1000, 1, 10, 100, 1000));
  one_node_int(&n, "group", 2);
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F64, "1x4x1", VALUES(201, 2010, 403, 4030), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv_transpose__moves_the_taps_apart_by_the_dilation) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x1x2", VALUES(1, 2));
  one_node_in(&n, 1, BLOK_F32, "1x1x2x2", VALUES(1, 10, 100, 1000));
  one_node_ints(&n, "dilations", INTS(2, 3));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x3x5",
                 VALUES(1, 2, 0, 10, 20, 0, 0, 0, 0, 0, 100, 200, 0, 1000, 2000), 0);
  one_node_free(&n);
}
END_TEST

// What is asked for in vain, by output_shape, stays the bias.
START_TEST(conv_transpose__finds_the_pads_for_an_output_shape) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x3", VALUES(1, 2, 3));
  one_node_in(&n, 1, BLOK_F32, "1x1x2", VALUES(1, 10));
  one_node_ints(&n, "output_shape", INTS(3));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x3", VALUES(12, 23, 30), 0);
  one_node_text(&n, "auto_pad", "SAME_UPPER");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x3", VALUES(1, 12, 23), 0);
  one_node_ints(&n, "output_shape", INTS(6));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x6", VALUES(1, 12, 23, 30, 0, 0), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv_transpose__multiplies_the_size_by_the_stride_when_same) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 2, 1);
  one_node_in(&n, 0, BLOK_F32, "1x1x2", VALUES(1, 2));
  one_node_in(&n, 1, BLOK_F32, "1x1x3", VALUES(1, 10, 100));
  one_node_ints(&n, "strides", INTS(2));
  one_node_text(&n, "auto_pad", "SAME_UPPER");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4", VALUES(1, 10, 102, 20), 0);
  one_node_text(&n, "auto_pad", "SAME_LOWER");
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x4", VALUES(10, 102, 20, 200), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv_transpose__gives_the_bias_where_there_are_no_channels) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 3, 1);
  one_node_fill(&n, 0, BLOK_F32, "1x0x2");
  one_node_fill(&n, 1, BLOK_F32, "0x1x1");
  one_node_in(&n, 2, BLOK_F32, "1", VALUES(7));
  ck_assert_int_eq(one_node_run(&n), BLOK_OK);
  one_node_check(&n, 0, BLOK_F32, "1x1x2", VALUES(7, 7), 0);
  one_node_free(&n);
}
END_TEST

START_TEST(conv_transpose__refuses_pads_that_leave_nothing) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "1x1x2");
  one_node_fill(&n, 1, BLOK_F32, "1x1x2");
  one_node_ints(&n, "pads", INTS(3, 1));
  ck_assert_int_eq(one_node_run(&n), BLOK_E_SHAPE);
  ck_assert_ptr_nonnull(strstr(n.error.message, "cut off more than the 3 outputs"));
  one_node_free(&n);
}
END_TEST

START_TEST(conv_transpose__leaks_nothing_when_any_allocation_fails) {
  one_node n;
  one_node_init(&n, "ConvTranspose", 2, 1);
  one_node_fill(&n, 0, BLOK_F32, "1x2x3x3");
  one_node_fill(&n, 1, BLOK_F32, "2x2x2x2");
  ck_assert_uint_ge(one_node_sweep(&n), 3);
  one_node_free(&n);
}
END_TEST

Suite *suite_conv_transpose(void) {
  Suite *suite = suite_create("conv_transpose");
  TCase *tests = tcase_create("conv_transpose");
  tcase_add_test(tests, conv_transpose__adds_the_kernel_once_for_each_cell);
  tcase_add_test(tests, conv_transpose__spreads_cells_by_the_stride_and_cuts_off_the_pads);
  tcase_add_test(tests, conv_transpose__keeps_groups_apart);
  tcase_add_test(tests, conv_transpose__moves_the_taps_apart_by_the_dilation);
  tcase_add_test(tests, conv_transpose__finds_the_pads_for_an_output_shape);
  tcase_add_test(tests, conv_transpose__multiplies_the_size_by_the_stride_when_same);
  tcase_add_test(tests, conv_transpose__gives_the_bias_where_there_are_no_channels);
  tcase_add_test(tests, conv_transpose__refuses_pads_that_leave_nothing);
  tcase_add_test(tests, conv_transpose__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
