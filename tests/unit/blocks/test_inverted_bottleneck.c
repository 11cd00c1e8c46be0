// inverted_bottleneck: with and without an addition, and its look-alikes.
#include <check.h>
#include <string.h>

#include "nets/net.h"

// What stands between x (16 channels) and f.
typedef struct form {
  bool no_expand;  // no 1x1 convolution before the 3x3 one
  bool no_first_act, no_middle_act;
  bool last_act;
  bool norm;        // a norm behind each convolution
  bool se;          // behind the middle activation
  bool se_before;   // or before it
  int64_t mid;      // 0: 32
  int64_t groups;   // 0: depthwise
  int64_t stride;   // 0: 1
  const char *add;  // "f x" and the like; NULL: none
} form;

static void step(blok_graph *g, const char *name, const char *x, const char *y,
                 net_conv_shape shape, bool norm) {
  char bn[32] = "", conv[32];
  strcpy(conv, norm ? name : y);
  strcat(conv, norm ? ".c" : "");
  strcat(strcpy(bn, name), ".bn");
  net_conv(g, name, x, conv, shape);
  if (norm) net_norm(g, bn, conv, y, shape.out);
}

static net_found match_form(form is) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, 8, 8);
  int64_t mid = is.no_expand ? 16 : is.mid ? is.mid : 32;
  int64_t groups = is.groups ? is.groups : mid;
  const char *at = "x";
  if (!is.no_expand) {
    step(g, "b.expand", at, "e", (net_conv_shape){16, mid, 1, 1, 0}, is.norm);
    at = "e";
    if (!is.no_first_act) net_node(g, "Relu", at, "er");
    if (!is.no_first_act) at = "er";
  }
  step(g, "b.dw", at, "d", (net_conv_shape){mid, mid, 3, is.stride, groups}, is.norm);
  at = "d";
  if (is.se_before) net_se(g, "b.se", at, "ds", mid, 4);
  if (is.se_before) at = "ds";
  if (!is.no_middle_act) net_node(g, "HardSwish", at, "dr");
  if (!is.no_middle_act) at = "dr";
  if (is.se) net_se(g, "b.se", at, "ds", mid, 4);
  if (is.se) at = "ds";
  bool ends = !is.add && !is.last_act;
  step(g, "b.project", at,
       ends          ? "y"
       : is.last_act ? "l"
                     : "f",
       (net_conv_shape){mid, 16, 1, 1, 0}, is.norm);
  if (is.last_act) net_node(g, "Relu", "l", is.add ? "f" : "y");
  if (is.add) net_node(g, "Add", is.add, "y");
  net_output(g, "y");
  return net_match(module);
}

static const blok_residual_desc *the_block(const net_found *found) {
  ck_assert_uint_eq(found->overlay->n_misses, 0);
  return net_block(found, BLOK_INVERTED_BOTTLENECK)->residual;
}

static void assert_none(form is) {
  net_found found = match_form(is);
  ck_assert_uint_eq(net_count(&found, BLOK_INVERTED_BOTTLENECK), 0);
  ck_assert_uint_eq(found.overlay->n_misses, 0);
  net_free(&found);
}

// ---- What is found ------------------------------------------------------------------------------

START_TEST(inverted_bottleneck_match__finds_three_convs_and_an_addition) {
  static const char *const adds[] = {"f x", "x f"};
  for (int i = 0; i < 2; i++) {
    net_found found = match_form((form){.norm = true, .add = adds[i]});
    const blok_residual_desc *desc = the_block(&found);
    ck_assert_int_eq(desc->convs, 3);
    ck_assert_int_eq(desc->skip, BLOK_SKIP_IDENTITY);
    ck_assert_int_eq(desc->order, BLOK_ORDER_POST);
    ck_assert_int_eq(desc->after_add, BLOK_ACT_NONE);
    ck_assert_int_eq(desc->conv[0].activation, BLOK_ACT_RELU);
    ck_assert_int_eq(desc->conv[1].groups, 32);
    ck_assert_int_eq(desc->conv[2].norm, BLOK_NORM_BATCH);
    ck_assert_uint_eq(net_count(&found, BLOK_CONV_NORM_ACT), 3);
    net_free(&found);
  }
}
END_TEST

START_TEST(inverted_bottleneck_match__finds_two_convs_and_an_addition) {
  net_found found = match_form((form){.no_expand = true, .add = "x f"});
  ck_assert_int_eq(the_block(&found)->convs, 2);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 0);
  net_free(&found);
}
END_TEST

START_TEST(inverted_bottleneck_match__finds_one_without_addition) {
  net_found found = match_form((form){.norm = true, .stride = 2});
  const blok_block_record *block = net_block(&found, BLOK_INVERTED_BOTTLENECK);
  const blok_residual_desc *desc = the_block(&found);
  ck_assert_int_eq(desc->convs, 3);
  ck_assert_int_eq(desc->skip, BLOK_SKIP_NONE);
  ck_assert_int_eq(desc->order, BLOK_ORDER_POST);
  ck_assert_int_eq(desc->conv[1].stride[1], 2);
  ck_assert_ptr_null(block->skip_of);
  ck_assert(blok_same_value(block->entry, net_value(found.module->graph, "x")));
  ck_assert(blok_same_value(block->exit, net_value(found.module->graph, "y")));
  ck_assert_uint_eq(block->n_members, 8);
  ck_assert_uint_eq(net_count(&found, BLOK_CONV_NORM_ACT), 3);
  for (uint32_t i = 1; i < 4; i++) ck_assert_int_eq(found.overlay->blocks[i].parent, 0);
  net_free(&found);
}
END_TEST

START_TEST(inverted_bottleneck_match__finds_two_convs_without_addition) {
  net_found found = match_form((form){.no_expand = true});
  ck_assert_int_eq(the_block(&found)->convs, 2);
  ck_assert(blok_same_value(net_block(&found, BLOK_INVERTED_BOTTLENECK)->entry,
                            net_value(found.module->graph, "x")));
  net_free(&found);
}
END_TEST

START_TEST(inverted_bottleneck_match__finds_squeeze_excite_on_either_side_of_the_activation) {
  static const char *const adds[] = {NULL, "f x"};
  for (int i = 0; i < 4; i++) {
    bool before = i >= 2;
    net_found found = match_form((form){.se = !before, .se_before = before, .add = adds[i % 2]});
    const blok_residual_desc *desc = the_block(&found);
    ck_assert(desc->has_se);
    ck_assert_int_eq(desc->se_conv, 1);
    ck_assert(desc->se_before_act == before);
    ck_assert_int_eq(desc->conv[1].activation, BLOK_ACT_HARD_SWISH);
    ck_assert_uint_eq(net_count(&found, BLOK_SQUEEZE_EXCITE), 1);
    net_free(&found);
  }
}
END_TEST

START_TEST(inverted_bottleneck_match__finds_groups_wider_than_what_comes_out) {
  static const char *const adds[] = {NULL, "f x"};
  for (int i = 0; i < 2; i++) {
    net_found found = match_form((form){.groups = 4, .add = adds[i]});
    ck_assert_int_eq(the_block(&found)->conv[1].groups, 4);
    net_free(&found);
  }
}
END_TEST

START_TEST(inverted_bottleneck_match__begins_behind_a_conv_that_does_not_widen) {
  net_found found = match_form((form){.mid = 16});
  const blok_residual_desc *desc = the_block(&found);
  ck_assert_int_eq(desc->convs, 2);
  ck_assert_int_eq(desc->conv[0].kernel[0], 3);
  net_free(&found);
}
END_TEST

START_TEST(inverted_bottleneck_match__begins_behind_a_value_that_others_read) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, 8, 8);
  net_conv(g, "b.expand", "x", "e", (net_conv_shape){16, 32, 1, 1, 0});
  net_node(g, "Relu", "e", "er");
  net_conv(g, "b.dw", "er", "d", (net_conv_shape){32, 32, 3, 1, 32});
  net_node(g, "Relu", "d", "dr");
  net_conv(g, "b.project", "dr", "y", (net_conv_shape){32, 16, 1, 1, 0});
  net_output(g, "y");
  net_output(g, "er");
  net_found found = net_match(module);
  ck_assert_int_eq(the_block(&found)->convs, 2);
  net_free(&found);
}
END_TEST

// ---- Refusals -----------------------------------------------------------------------------------

START_TEST(inverted_bottleneck_match__refused_when_nothing_is_activated_between) {
  assert_none((form){.no_middle_act = true});
}
END_TEST

START_TEST(inverted_bottleneck_match__refused_when_the_middle_is_one_group) {
  assert_none((form){.groups = 1});
}
END_TEST

START_TEST(inverted_bottleneck_match__refused_when_groups_are_no_wider_than_what_comes_out) {
  assert_none((form){.mid = 16, .groups = 4});
}
END_TEST

// ShuffleNet: 1x1, depthwise, 1x1 and an activation.
START_TEST(inverted_bottleneck_match__refused_when_the_last_conv_is_activated) {
  net_found found = match_form((form){.no_middle_act = true, .last_act = true});
  ck_assert_uint_eq(net_count(&found, BLOK_INVERTED_BOTTLENECK), 0);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  const blok_near_miss *miss = &found.overlay->misses[0];
  ck_assert_int_eq(miss->kind, BLOK_INVERTED_BOTTLENECK);
  ck_assert_str_eq(miss->condition, "activation behind the last convolution");
  ck_assert_str_eq(miss->got, "relu");
  net_free(&found);
}
END_TEST

START_TEST(inverted_bottleneck_match__says_nothing_of_separable_convs) {
  assert_none((form){.no_expand = true, .last_act = true});
}
END_TEST

START_TEST(inverted_bottleneck_match__leaves_other_additions_to_residual_other) {
  static const form forms[] = {{.last_act = true, .add = "f x"},
                               {.no_middle_act = true, .add = "f x"},
                               {.no_first_act = true, .add = "f x"}};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    net_found found = match_form(forms[i]);
    const blok_block_record *block = net_block(&found, BLOK_RESIDUAL_OTHER);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(net_count(&found, BLOK_BOTTLENECK), 0);
    net_free(&found);
  }
}
END_TEST

// Two of them in a row, and x added to what comes out: neither is held by more than the other's
// parent.
START_TEST(inverted_bottleneck_match__becomes_a_child_of_a_residual_other) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, 8, 8);
  net_conv(g, "b.pre", "x", "p", (net_conv_shape){16, 16, 5, 1, 16});
  net_conv(g, "b.expand", "p", "e", (net_conv_shape){16, 32, 1, 1, 0});
  net_node(g, "Relu", "e", "er");
  net_conv(g, "b.dw", "er", "d", (net_conv_shape){32, 32, 3, 1, 32});
  net_node(g, "Relu", "d", "dr");
  net_se(g, "b.se", "dr", "ds", 32, 4);
  net_conv(g, "b.project", "ds", "f", (net_conv_shape){32, 16, 1, 1, 0});
  net_node(g, "Add", "f x", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 1);
  ck_assert_uint_eq(net_count(&found, BLOK_INVERTED_BOTTLENECK), 1);
  const blok_overlay *overlay = found.overlay;
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    const blok_block_record *block = &overlay->blocks[i];
    if (block->kind == BLOK_INVERTED_BOTTLENECK) {
      ck_assert_int_eq(overlay->blocks[block->parent].kind, BLOK_RESIDUAL_OTHER);
      ck_assert(block->residual->has_se);
    }
    if (block->kind == BLOK_SQUEEZE_EXCITE) {
      ck_assert_int_eq(overlay->blocks[block->parent].kind, BLOK_INVERTED_BOTTLENECK);
    }
  }
  net_free(&found);
}
END_TEST

Suite *suite_inverted_bottleneck(void) {
  Suite *suite = suite_create("inverted_bottleneck");
  TCase *tests = tcase_create("match");
  tcase_add_test(tests, inverted_bottleneck_match__finds_three_convs_and_an_addition);
  tcase_add_test(tests, inverted_bottleneck_match__finds_two_convs_and_an_addition);
  tcase_add_test(tests, inverted_bottleneck_match__finds_one_without_addition);
  tcase_add_test(tests, inverted_bottleneck_match__finds_two_convs_without_addition);
  tcase_add_test(tests,
                 inverted_bottleneck_match__finds_squeeze_excite_on_either_side_of_the_activation);
  tcase_add_test(tests, inverted_bottleneck_match__finds_groups_wider_than_what_comes_out);
  tcase_add_test(tests, inverted_bottleneck_match__begins_behind_a_conv_that_does_not_widen);
  tcase_add_test(tests, inverted_bottleneck_match__begins_behind_a_value_that_others_read);
  suite_add_tcase(suite, tests);
  TCase *refusals = tcase_create("refusals");
  tcase_add_test(refusals, inverted_bottleneck_match__refused_when_nothing_is_activated_between);
  tcase_add_test(refusals, inverted_bottleneck_match__refused_when_the_middle_is_one_group);
  tcase_add_test(refusals,
                 inverted_bottleneck_match__refused_when_groups_are_no_wider_than_what_comes_out);
  tcase_add_test(refusals, inverted_bottleneck_match__refused_when_the_last_conv_is_activated);
  tcase_add_test(refusals, inverted_bottleneck_match__says_nothing_of_separable_convs);
  tcase_add_test(refusals, inverted_bottleneck_match__leaves_other_additions_to_residual_other);
  tcase_add_test(refusals, inverted_bottleneck_match__becomes_a_child_of_a_residual_other);
  suite_add_tcase(suite, refusals);
  return suite;
}
