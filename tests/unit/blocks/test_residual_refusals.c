// residual: each condition that fails, with its words, and what only looks like one.
#include <check.h>
#include <stdio.h>

#include "nets/net.h"

static void assert_refused(blok_module *module, const char *condition) {
  net_found found = net_finish(module);
  net_assert_refused(&found, condition);
  net_free(&found);
}

// No strict kind: it stays a residual_other, and nothing is to be told.
static void assert_other(blok_module *module) {
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 0);
  ck_assert_uint_eq(net_count(&found, BLOK_BOTTLENECK), 0);
  ck_assert_uint_eq(net_count(&found, BLOK_INVERTED_BOTTLENECK), 0);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 1);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  net_free(&found);
}

// ---- Refusals -----------------------------------------------------------------------------------

START_TEST(residual_match__refused_when_inner_value_is_output) {
  static const char *const inner[] = {"c1", "n1", "r1", "c2", "f"};
  for (int i = 0; i < 5; i++) {
    blok_module *module;
    blok_graph *g = net_begin(&module);
    net_post(g, 16, 1);
    net_node(g, "Add", "f x", "y");
    net_output(g, inner[i]);
    assert_refused(module, "use of inner values");
  }
}
END_TEST

START_TEST(residual_match__refused_when_inner_value_is_read_elsewhere) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_post(g, 16, 1);
  net_node(g, "Add", "f x", "y");
  net_node(g, "Sigmoid", "r1", "elsewhere");
  net_output(g, "elsewhere");
  assert_refused(module, "use of inner values");
}
END_TEST

START_TEST(residual_match__refused_when_the_projection_is_read_elsewhere) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.proj", "x", "p", net_k(16, 32, 1, 2));
  net_post(g, 32, 2);
  net_node(g, "Add", "f p", "y");
  net_output(g, "p");
  assert_refused(module, "use of inner values");
}
END_TEST

START_TEST(residual_match__leaves_the_activation_when_the_sum_is_output) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_post(g, 16, 1);
  net_node(g, "Add", "f x", "s");
  net_node(g, "Relu", "s", "y");
  net_output(g, "s");
  net_found found = net_finish(module);
  ck_assert_int_eq(net_block(&found, BLOK_RESIDUAL)->residual->after_add, BLOK_ACT_NONE);
  ck_assert(blok_same_value(net_block(&found, BLOK_RESIDUAL)->exit, net_value(g, "s")));
  net_free(&found);
}
END_TEST

START_TEST(residual_match__refused_when_a_norm_is_in_training) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_post(g, 16, 1);
  net_node(g, "Add", "f x", "y");
  ck_assert_int_eq(blok_node_set_int(g, (blok_node_id){2}, "training_mode", 1, NULL), BLOK_OK);
  net_found found = net_finish(module);
  net_assert_refused(&found, "operators of F(x)");
  ck_assert_str_eq(found.overlay->misses[0].got, "BatchNormalization in training mode");
  net_free(&found);
}
END_TEST

START_TEST(residual_match__refused_when_the_addition_repeats) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 1, 16, 2, 2);
  net_post(g, 16, 2);
  net_node(g, "Add", "f x", "y");
  assert_refused(module, "shapes of F(x) and skip(x)");
}
END_TEST

START_TEST(residual_match__refused_when_one_channel_repeats) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_post(g, 1, 1);
  net_node(g, "Add", "f x", "y");
  assert_refused(module, "shapes of F(x) and skip(x)");
}
END_TEST

START_TEST(residual_match__refused_when_squeeze_excite_feeds_a_norm) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 16, 3, 1));
  net_se(g, "b.se", "c1", "e", 16, 4);
  net_norm(g, "b.bn1", "e", "n1", 16);
  net_node(g, "Relu", "n1", "r1");
  net_conv(g, "b.conv2", "r1", "f", net_k(16, 16, 3, 1));
  net_node(g, "Add", "f x", "y");
  assert_other(module);
}
END_TEST

START_TEST(residual_match__refused_when_the_order_is_mixed) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_norm(g, "b.bn1", "x", "n1", 16);
  net_conv(g, "b.conv1", "n1", "c1", net_k(16, 16, 3, 1));
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "c2", net_k(16, 16, 3, 1));
  net_norm(g, "b.bn3", "c2", "f", 16);
  net_node(g, "Add", "f x", "y");
  assert_other(module);
}
END_TEST

START_TEST(residual_match__refused_with_one_conv_or_four) {
  for (int n = 1; n <= 4; n += 3) {
    blok_module *module;
    blok_graph *g = net_begin(&module);
    for (int i = 0; i < n; i++) {
      char name[16], from[16], to[16];
      snprintf(name, sizeof name, "b.conv%d", i);
      snprintf(from, sizeof from, "c%d", i);
      snprintf(to, sizeof to, "c%d", i + 1);
      net_conv(g, name, i ? from : "x", i + 1 < n ? to : "f", net_k(16, 16, 3, 1));
    }
    net_node(g, "Add", "f x", "y");
    assert_other(module);
  }
}
END_TEST

START_TEST(residual_match__refused_when_both_convs_are_1x1) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.fc1", "x", "c1", net_k(16, 64, 1, 1));
  net_node(g, "Gelu", "c1", "r1");
  net_conv(g, "b.fc2", "r1", "f", net_k(64, 16, 1, 1));
  net_node(g, "Add", "f x", "y");
  assert_other(module);
}
END_TEST

START_TEST(residual_match__refused_when_a_scale_stands_inside) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_number(g, "k", 0.5f);
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 16, 3, 1));
  net_node(g, "Mul", "c1 k", "m");
  net_node(g, "Relu", "m", "r1");
  net_conv(g, "b.conv2", "r1", "f", net_k(16, 16, 3, 1));
  net_node(g, "Add", "f x", "y");
  assert_other(module);
}
END_TEST

START_TEST(residual_match__refused_when_both_branches_are_linear) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "b.proj", "x", "p", net_k(16, 16, 1, 1));
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 16, 3, 1));
  net_conv(g, "b.conv2", "c1", "f", net_k(16, 16, 3, 1));
  net_node(g, "Add", "f p", "y");
  assert_refused(module, "sum of branches: no activation inside F(x)");
}
END_TEST

// The two operands are one convolution apart, but the window reaches over an edge that only some
// sizes have.
START_TEST(residual_match__refused_when_an_open_size_may_not_agree) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, -1, -1);
  const int64_t two[2] = {2, 2};
  blok_node_id pool = net_node(g, "AveragePool", "x", "a");
  ck_assert_int_eq(blok_node_set_ints(g, pool, "kernel_shape", two, 2, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(g, pool, "strides", two, 2, NULL), BLOK_OK);
  net_conv(g, "b.proj", "a", "p", net_k(16, 32, 1, 1));
  net_post(g, 32, 2);
  net_node(g, "Add", "f p", "y");
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 0);
  net_free(&found);
}
END_TEST

// ---- What looks like one ------------------------------------------------------------------------

START_TEST(residual_match__says_nothing_of_additions_of_other_values) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "a", "x", "c1", net_k(16, 16, 3, 1));
  net_input(g, "other", -1, 16, 8, 8);
  net_conv(g, "b", "other", "c2", net_k(16, 16, 3, 1));
  net_node(g, "Add", "c1 c2", "y");
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 0);
  ck_assert_uint_eq(net_count(&found, BLOK_CONV_NORM_ACT), 2);
  for (uint32_t i = 0; i < found.overlay->n_misses; i++) {
    ck_assert_int_eq(found.overlay->misses[i].kind, BLOK_RESIDUAL_OTHER);
  }
  net_free(&found);
}
END_TEST

static void join(blok_graph *g, const char *inputs, const char *out) {
  blok_node_id node = net_node(g, "Concat", inputs, out);
  ck_assert_int_eq(blok_node_set_int(g, node, "axis", 1, NULL), BLOK_OK);
}

// DenseNet: the second layer reads the join of x and the first one's output, and is joined to the
// two, not to the join.
START_TEST(residual_match__refused_when_the_sum_is_a_join) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_norm(g, "l1.bn", "x", "n1", 16);
  net_node(g, "Relu", "n1", "r1");
  net_conv(g, "l1.conv", "r1", "f1", net_k(16, 8, 3, 1));
  join(g, "x f1", "j1");
  net_conv(g, "l2.conv", "j1", "f2", net_k(24, 8, 3, 1));
  join(g, "x f1 f2", "y");
  net_found found = net_finish(module);
  ck_assert_uint_eq(found.overlay->n_misses, 2);
  for (uint32_t i = 0; i < 2; i++) {
    const blok_near_miss *miss = &found.overlay->misses[i];
    ck_assert_int_eq(miss->kind, BLOK_RESIDUAL);
    ck_assert_str_eq(miss->condition, "join of F(x) and x");
    ck_assert_str_eq(miss->got, "Concat");
    ck_assert_str_eq(miss->want, "Add");
  }
  net_free(&found);
}
END_TEST

// A cross-stage or Inception module joins branches, none of which is what another is made of.
START_TEST(residual_match__says_nothing_of_joins_of_branches) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  net_conv(g, "a", "x", "f1", net_k(16, 8, 3, 1));
  net_conv(g, "b", "x", "f2", net_k(16, 8, 1, 1));
  join(g, "f1 f2", "y");
  net_found found = net_finish(module);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  net_free(&found);
}
END_TEST

Suite *suite_residual_refusals(void) {
  Suite *suite = suite_create("residual_refusals");
  TCase *tests = tcase_create("match");
  tcase_add_test(tests, residual_match__refused_when_inner_value_is_output);
  tcase_add_test(tests, residual_match__refused_when_inner_value_is_read_elsewhere);
  tcase_add_test(tests, residual_match__refused_when_the_projection_is_read_elsewhere);
  tcase_add_test(tests, residual_match__leaves_the_activation_when_the_sum_is_output);
  tcase_add_test(tests, residual_match__refused_when_a_norm_is_in_training);
  tcase_add_test(tests, residual_match__refused_when_the_addition_repeats);
  tcase_add_test(tests, residual_match__refused_when_one_channel_repeats);
  tcase_add_test(tests, residual_match__refused_when_squeeze_excite_feeds_a_norm);
  tcase_add_test(tests, residual_match__refused_when_the_order_is_mixed);
  tcase_add_test(tests, residual_match__refused_with_one_conv_or_four);
  tcase_add_test(tests, residual_match__refused_when_both_convs_are_1x1);
  tcase_add_test(tests, residual_match__refused_when_a_scale_stands_inside);
  tcase_add_test(tests, residual_match__refused_when_both_branches_are_linear);
  tcase_add_test(tests, residual_match__refused_when_an_open_size_may_not_agree);
  tcase_add_test(tests, residual_match__says_nothing_of_additions_of_other_values);
  tcase_add_test(tests, residual_match__refused_when_the_sum_is_a_join);
  tcase_add_test(tests, residual_match__says_nothing_of_joins_of_branches);
  suite_add_tcase(suite, tests);
  return suite;
}
