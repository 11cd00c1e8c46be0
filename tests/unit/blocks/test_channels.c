// Which axis of x holds the channels, told by F(x).
#include <check.h>

#include "nets/net.h"

static const char *const last[][8] = {
    {"LayerNormalization axis=-1: x g16 = a", "MatMul: a w = f", "Add: f x = y"},
    {"LayerNormalization axis=3: x g16 = a", "MatMul: a w = f", "Add: f x = y"},
    {"MatMul: x w = a", "Tanh: a = f", "Add: x f = y"},
    {"Tanh: x = t", "MatMul: t w = f", "Add: x f = y"},
    {"Transpose perm=0,3,1,2: x = a", "Conv pads=1,1,1,1: a k = b", "Transpose perm=0,2,3,1: b = c",
     "Tanh: c = f", "Add: f x = y"},
    {"ReduceMean keepdims=1: x end = m", "Sub: x m = c", "MatMul: c w = f", "Add: f x = y"},
};

static const char *const first[][8] = {
    {"Conv pads=1,1,1,1: x k = a", "Sin: a = f", "Add: f x = y"},
    {"AveragePool kernel_shape=3,3 pads=1,1,1,1: x = f", "Add: f x = y"},
    {"Transpose perm=0,2,3,1: x = a", "LayerNormalization axis=-1: a g16 = b", "MatMul: b w = c",
     "Transpose perm=0,3,1,2: c = f", "Add: f x = y"},
    {"Transpose perm=0,2,3,1: x = a", "Tanh: a = t", "MatMul: t w = c",
     "Transpose perm=0,3,1,2: c = f", "Add: f x = y"},
    // Nothing says it.
    {"LayerNormalization axis=1: x g = a", "Tanh: a = f", "Add: f x = y"},
};

enum { LAST = sizeof last / sizeof last[0], FIRST = sizeof first / sizeof first[0] };

static net_found match(const char *const *lines) {
  const int64_t kernel[4] = {16, 16, 3, 3}, square[2] = {16, 16}, sixteen = 16, minus = -1;
  const int64_t all[3] = {16, 16, 16};
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 2, 16, 16, 16);
  net_weight(g, "k", 4, kernel);
  net_weight(g, "w", 2, square);
  net_weight(g, "g16", 1, &sixteen);
  net_weight(g, "g", 3, all);
  net_ints(g, "end", &minus, 1);
  net_lines(g, lines);
  net_output(g, "y");
  return net_match(module);
}

START_TEST(channels__are_the_last_axis_where_f_reads_them_there) {
  net_found found = match(last[_i]);
  ck_assert(net_block(&found, BLOK_RESIDUAL_OTHER)->residual->channels_last);
  net_free(&found);
}
END_TEST

START_TEST(channels__are_axis_1_of_a_picture_otherwise) {
  net_found found = match(first[_i]);
  ck_assert(!net_block(&found, BLOK_RESIDUAL_OTHER)->residual->channels_last);
  net_free(&found);
}
END_TEST

// [N, T, C], and [N, C, T] where a convolution reads it.
START_TEST(channels__of_a_sequence_are_the_last_axis_unless_a_convolution_reads_it) {
  static const char *const products[] = {"Tanh: s = a", "LayerNormalization axis=1: a g = f",
                                         "Add: s f = z", NULL};
  static const char *const convolution[] = {
      "Conv pads=1,1: s k1 = a", "BatchNormalization: a g1 g1 g1 g1 = f", "Add: s f = z", NULL};
  const int64_t dims[3] = {0, 16, 256}, kernel[3] = {16, 16, 3}, all[2] = {16, 256}, c = 16;
  for (int conv = 0; conv < 2; conv++) {
    blok_module *module = net_module();
    blok_graph *g = module->graph;
    net_input(g, "x", 2, 16, 16, 16);
    net_ints(g, "dims", dims, 3);
    net_weight(g, "k1", 3, kernel);
    net_weight(g, "g1", 1, &c);
    net_weight(g, "g", 2, all);
    net_node(g, "Reshape", "x dims", "s");
    net_lines(g, conv ? convolution : products);
    net_output(g, "z");
    net_found found = net_match(module);
    const blok_block_record *block = net_block(&found, BLOK_RESIDUAL_OTHER);
    ck_assert_int_eq(block->residual->channels_last, !conv);
    net_free(&found);
  }
}
END_TEST

// F(x) of a strict kind is made of convolutions.
START_TEST(channels__of_a_residual_are_axis_1) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", 2, 16, 8, 8);
  net_conv(g, "a", "x", "c1", (net_conv_shape){16, 16, 3, 1, 0});
  net_node(g, "Relu", "c1", "r1");
  net_conv(g, "b", "r1", "f", (net_conv_shape){16, 16, 3, 1, 0});
  net_node(g, "Add", "f x", "y");
  net_output(g, "y");
  net_found found = net_match(module);
  ck_assert(!net_block(&found, BLOK_RESIDUAL)->residual->channels_last);
  net_free(&found);
}
END_TEST

Suite *suite_channels(void);

Suite *suite_channels(void) {
  Suite *suite = suite_create("channels");
  TCase *tests = tcase_create("axis");
  tcase_add_loop_test(tests, channels__are_the_last_axis_where_f_reads_them_there, 0, LAST);
  tcase_add_loop_test(tests, channels__are_axis_1_of_a_picture_otherwise, 0, FIRST);
  tcase_add_test(tests, channels__of_a_sequence_are_the_last_axis_unless_a_convolution_reads_it);
  tcase_add_test(tests, channels__of_a_residual_are_axis_1);
  suite_add_tcase(suite, tests);
  return suite;
}
