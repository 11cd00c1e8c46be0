// Norms of blocks other than batch norm: what is one, what is none, what counts.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "nets/net.h"

static void vector(blok_graph *g, const char *name, int64_t n) { net_weight(g, name, 1, &n); }

static const blok_norm norms[] = {BLOK_NORM_GROUP, BLOK_NORM_GROUP, BLOK_NORM_LAYER};
static const int32_t groups[] = {4, 16, 0};

// A norm of 16 channels: of four groups, of each channel, of all channels of a pixel.
static void norm(blok_graph *g, int form, const char *in, const char *out) {
  char lines[3][128];
  const char *list[4] = {lines[0], NULL, NULL, NULL};
  if (form == 0) {
    snprintf(lines[0], sizeof lines[0], "GroupNormalization num_groups=4 epsilon=0.25: %s g b = %s",
             in, out);
  } else if (form == 1) {
    snprintf(lines[0], sizeof lines[0], "InstanceNormalization epsilon=0.25: %s g b = %s", in, out);
  } else {
    snprintf(lines[0], sizeof lines[0], "Transpose perm=0,2,3,1: %s = %s.t", in, out);
    snprintf(lines[1], sizeof lines[1], "LayerNormalization axis=-1 epsilon=0.25: %s.t g b = %s.n",
             out, out);
    snprintf(lines[2], sizeof lines[2], "Transpose perm=0,3,1,2: %s.n = %s", out, out);
    list[1] = lines[1];
    list[2] = lines[2];
  }
  net_lines(g, list);
}

static blok_graph *begin(blok_module **module) {
  blok_graph *g = net_begin(module);
  vector(g, "g", 16);
  vector(g, "b", 16);
  return g;
}

START_TEST(norm_match__finds_norms_of_groups_and_of_channels_in_post_order) {
  blok_module *module;
  blok_graph *g = begin(&module);
  net_conv(g, "b.conv1", "x", "c1", net_k(16, 16, 3, 1));
  norm(g, _i, "c1", "n1");
  net_node(g, "Relu", "n1", "r1");
  net_conv(g, "b.conv2", "r1", "c2", net_k(16, 16, 3, 1));
  norm(g, _i, "c2", "f");
  net_conv(g, "b.proj", "x", "c3", net_k(16, 16, 1, 1));
  norm(g, _i, "c3", "p");
  net_node(g, "Add", "f p", "s");
  net_node(g, "Relu", "s", "y");
  net_found found = net_finish(module);
  const blok_block_record *block = net_block(&found, BLOK_RESIDUAL);
  const blok_residual_desc *desc = block->residual;
  static const char *const skips[] = {"conv 1x1 + group 4", "conv 1x1 + group 16",
                                      "conv 1x1 + layer"};
  ck_assert_int_eq(desc->order, BLOK_ORDER_POST);
  ck_assert_str_eq(block->skip_of, skips[_i]);
  const blok_conv_desc *convs[] = {&desc->conv[0], &desc->conv[1], &desc->skip_step[0].conv};
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(convs[i]->norm, norms[_i]);
    ck_assert_int_eq(convs[i]->norm_groups, groups[_i]);
    ck_assert(convs[i]->epsilon == 0.25);
  }
  ck_assert(blok_same_value(block->residual_weights->conv[0].norm[0], net_value(g, "g")));
  ck_assert(blok_same_value(block->residual_weights->conv[0].norm[1], net_value(g, "b")));
  ck_assert_uint_eq(block->residual_weights->conv[0].norm[2].i, 0);
  ck_assert_uint_eq(block->parameters, 2 * 16 * 16 * 9 + 16 * 16 + 3 * 32);
  ck_assert_uint_eq(block->n_members, _i == 2 ? 15 : 9);
  ck_assert_uint_eq(net_count(&found, BLOK_CONV_NORM_ACT), 3);
  net_free(&found);
}
END_TEST

START_TEST(norm_match__finds_norms_of_groups_and_of_channels_in_pre_order) {
  blok_module *module;
  blok_graph *g = begin(&module);
  norm(g, _i, "x", "n1");
  net_node(g, "Relu", "n1", "r1");
  net_conv(g, "b.conv1", "r1", "c1", net_k(16, 16, 3, 1));
  norm(g, _i, "c1", "n2");
  net_node(g, "Relu", "n2", "r2");
  net_conv(g, "b.conv2", "r2", "f", net_k(16, 16, 3, 1));
  net_node(g, "Add", "x f", "y");
  net_found found = net_finish(module);
  const blok_residual_desc *desc = net_block(&found, BLOK_RESIDUAL)->residual;
  ck_assert_int_eq(desc->order, BLOK_ORDER_PRE);
  ck_assert_int_eq(desc->skip, BLOK_SKIP_IDENTITY);
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(desc->conv[i].norm, norms[_i]);
    ck_assert_int_eq(desc->conv[i].norm_groups, groups[_i]);
  }
  net_free(&found);
}
END_TEST

// What these lines make of c, a convolution of x, is no norm of that convolution.
static void assert_no_norm(const char *const *lines, const char *also) {
  blok_module *module;
  blok_graph *g = begin(&module);
  vector(g, "one", 1);
  net_conv(g, "conv", "x", "c", net_k(16, 16, 3, 1));
  net_lines(g, lines);
  if (also) net_output(g, also);
  net_found found = net_finish(module);
  ck_assert_int_eq(net_block(&found, BLOK_CONV_NORM_ACT)->conv->norm, BLOK_NORM_NONE);
  net_free(&found);
}

START_TEST(norm_match__leaves_layer_norms_that_are_not_over_the_channels) {
  static const char *const rows[][4] = {
      {"Transpose perm=0,2,3,1: c = t", "LayerNormalization axis=2: t g b = n",
       "Transpose perm=0,3,1,2: n = y", NULL},
      {"Transpose perm=0,3,2,1: c = t", "LayerNormalization axis=-1: t g b = n",
       "Transpose perm=0,3,2,1: n = y", NULL},
      {"Transpose perm=0,2,3,1: c = t", "LayerNormalization axis=-1: t g b = n",
       "Transpose perm=0,2,1,3: n = y", NULL},
      {"Transpose perm=0,2,3,1: c = t", "LayerNormalization axis=-1: t one one = n",
       "Transpose perm=0,3,1,2: n = y", NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_no_norm(rows[i], NULL);
}
END_TEST

START_TEST(norm_match__leaves_layer_norms_whose_inner_values_are_read_elsewhere) {
  static const char *const lines[] = {"Transpose perm=0,2,3,1: c = t",
                                      "LayerNormalization axis=-1: t g b = n",
                                      "Transpose perm=0,3,1,2: n = y", NULL};
  assert_no_norm(lines, "t");
  assert_no_norm(lines, "n");
}
END_TEST

START_TEST(norm_match__leaves_norms_whose_numbers_are_computed) {
  static const char *const rows[][3] = {
      {"Relu: g = h", "GroupNormalization num_groups=4: c h b = y", NULL},
      {"Relu: b = h", "InstanceNormalization: c g h = y", NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) assert_no_norm(rows[i], NULL);
}
END_TEST

START_TEST(norm_match__leaves_a_squeeze_excite_with_a_group_norm_inside) {
  blok_module *module;
  blok_graph *g = net_begin(&module);
  vector(g, "g", 4);
  vector(g, "b", 4);
  net_node(g, "GlobalAveragePool", "x", "p");
  net_conv(g, "fc1", "p", "c1", net_k(16, 4, 1, 1));
  net_node(g, "InstanceNormalization", "c1 g b", "n");
  net_node(g, "Relu", "n", "r");
  net_conv(g, "fc2", "r", "c2", net_k(4, 16, 1, 1));
  net_node(g, "Sigmoid", "c2", "s");
  net_node(g, "Mul", "x s", "y");
  net_found found = net_finish(module);
  ck_assert_uint_eq(net_count(&found, BLOK_SQUEEZE_EXCITE), 0);
  net_free(&found);
}
END_TEST

// ---- Parameters ---------------------------------------------------------------------------------

// x by groups of 4, normed by scale and shift, and back, times g plus b.
static uint64_t parameters_of(float scale, const char *between) {
  static const int64_t four[1] = {4}, by_channel[3] = {16, 1, 1}, shape[3] = {0, 4, -1};
  const float numbers[4] = {scale, scale, scale, scale};
  blok_value_id made;
  blok_module *module;
  uint64_t count = 0;
  blok_graph *g = net_begin(&module);
  net_weight(g, "g", 3, by_channel);
  net_weight(g, "b", 3, by_channel);
  net_weight(g, "zeros", 1, four);
  net_ints(g, "groups", shape, 3);
  ck_assert_int_eq(blok_graph_add_constant(g, "ones", BLOK_F32, 1, four, numbers, &made, NULL),
                   BLOK_OK);
  net_node(g, "Shape", "x", "shape");
  net_node(g, between, strcmp(between, "Reshape") ? "x" : "x groups", "a");
  net_node(g, "InstanceNormalization", "a ones zeros", "n");
  net_node(g, "Reshape", "n shape", "r");
  net_node(g, "Mul", "r g", "m");
  net_node(g, "Add", "m b", "y");
  ck_assert_int_eq(blok_count_parameters(module, NULL, &count, NULL), BLOK_OK);
  blok_module_free(&module);
  return count;
}

START_TEST(count_parameters__leaves_the_ones_and_zeros_of_a_spelled_group_norm_out) {
  ck_assert_uint_eq(parameters_of(1, "Reshape"), 32);
  ck_assert_uint_eq(parameters_of(2, "Reshape"), 40);
  ck_assert_uint_eq(parameters_of(1, "Relu"), 40);
}
END_TEST

Suite *suite_norms(void) {
  Suite *suite = suite_create("norms");
  TCase *match = tcase_create("match");
  tcase_add_loop_test(match, norm_match__finds_norms_of_groups_and_of_channels_in_post_order, 0, 3);
  tcase_add_loop_test(match, norm_match__finds_norms_of_groups_and_of_channels_in_pre_order, 0, 3);
  tcase_add_test(match, norm_match__leaves_layer_norms_that_are_not_over_the_channels);
  tcase_add_test(match, norm_match__leaves_layer_norms_whose_inner_values_are_read_elsewhere);
  tcase_add_test(match, norm_match__leaves_norms_whose_numbers_are_computed);
  tcase_add_test(match, norm_match__leaves_a_squeeze_excite_with_a_group_norm_inside);
  suite_add_tcase(suite, match);
  TCase *count = tcase_create("count");
  tcase_add_test(count, count_parameters__leaves_the_ones_and_zeros_of_a_spelled_group_norm_out);
  suite_add_tcase(suite, count);
  return suite;
}
