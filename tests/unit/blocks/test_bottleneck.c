// bottleneck: kernels, groups and widths.
#include <check.h>

#include "nets/net.h"

// 1x1, kxk, 1x1 with Relu between, of 16 channels; the middle one stands in `groups` groups.
static net_found match_bottleneck(int64_t mid, int64_t groups, int64_t k) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, 8, 8);
  net_conv(g, "b.conv1", "x", "c1", (net_conv_shape){16, mid, 1, 1, 0});
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "c2", (net_conv_shape){mid, mid, k, 1, groups});
  net_node(g, "Relu", "c2", "r2");
  net_conv(g, "b.conv3", "r2", "f", (net_conv_shape){mid, 16, 1, 1, 0});
  net_node(g, "Add", "f x", "y");
  net_output(g, "y");
  return net_match(module);
}

START_TEST(bottleneck_match__finds_plain_and_grouped) {
  for (int64_t groups = 1; groups <= 4; groups += 3) {
    net_found found = match_bottleneck(8, groups, 3);
    const blok_block_record *block = net_block(&found, BLOK_BOTTLENECK);
    ck_assert_int_eq(block->residual->convs, 3);
    ck_assert_int_eq(block->residual->conv[1].groups, groups);
    ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 0);
    net_free(&found);
  }
}
END_TEST

START_TEST(bottleneck_match__finds_any_width_without_groups) {
  net_found found = match_bottleneck(64, 1, 3);
  ck_assert_int_eq(net_block(&found, BLOK_BOTTLENECK)->residual->conv[0].out_channels, 64);
  net_free(&found);
}
END_TEST

START_TEST(bottleneck_match__finds_groups_as_wide_as_what_comes_out) {
  net_found found = match_bottleneck(16, 4, 3);
  ck_assert_int_eq(net_block(&found, BLOK_BOTTLENECK)->residual->conv[1].groups, 4);
  net_free(&found);
}
END_TEST

START_TEST(bottleneck_match__leaves_what_is_inverted) {
  static const int64_t groups[] = {32, 4};  // depthwise; grouped and wider than what comes out
  for (int i = 0; i < 2; i++) {
    net_found found = match_bottleneck(32, groups[i], 3);
    ck_assert_uint_eq(net_count(&found, BLOK_BOTTLENECK), 0);
    ck_assert_uint_eq(net_count(&found, BLOK_INVERTED_BOTTLENECK), 1);
    net_free(&found);
  }
}
END_TEST

START_TEST(bottleneck_match__refused_when_the_middle_is_1x1) {
  net_found found = match_bottleneck(8, 1, 1);
  ck_assert_uint_eq(net_count(&found, BLOK_BOTTLENECK), 0);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 1);
  net_free(&found);
}
END_TEST

Suite *suite_bottleneck(void) {
  Suite *suite = suite_create("bottleneck");
  TCase *tests = tcase_create("match");
  tcase_add_test(tests, bottleneck_match__finds_plain_and_grouped);
  tcase_add_test(tests, bottleneck_match__finds_any_width_without_groups);
  tcase_add_test(tests, bottleneck_match__finds_groups_as_wide_as_what_comes_out);
  tcase_add_test(tests, bottleneck_match__leaves_what_is_inverted);
  tcase_add_test(tests, bottleneck_match__refused_when_the_middle_is_1x1);
  suite_add_tcase(suite, tests);
  return suite;
}
