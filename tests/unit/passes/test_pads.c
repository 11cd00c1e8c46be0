// Tests of the pass that gives a Pad's work to the windows that read it.
#include <check.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "net.h"

static const float weights[4] = {1, 1, 1, 1};
// Begin and end of four axes: a row above, a column to the right.
static const int64_t row_and_column[8] = {0, 0, 1, 0, 0, 0, 0, 1};

// Pad of x [1, 1, 2, 2] to p by these numbers and list, with constants "pads" and "w".
static blok_node_id start(net *self, const int64_t *pads, const char *inputs) {
  net_start(self, "1,1,2,2");
  net_i64(self, "pads", "8", pads);
  net_f32(self, "w", "1,1,2,2", weights);
  return net_node(self, "Pad", inputs, "p");
}

static blok_node_id pool(net *self, const char *op_type, const char *outputs, int64_t side) {
  blok_node_id node = net_node(self, op_type, "p", outputs);
  net_ints(self, node, "kernel_shape", 2, (int64_t[]){side, side});
  return node;
}

// y becomes an output; the working graph holds these operators, and y is this for an x of 1, 2, -3
// and 4.
static void expect(net *self, const char *ops, const char *dims, const float *want) {
  float x[4] = {1, 2, -3, 4};
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = 4;
  tensor.dims[0] = tensor.dims[1] = 1;
  tensor.dims[2] = tensor.dims[3] = 2;
  tensor.data = x;
  tensor.bytes = sizeof x;
  net_output(self, "y");
  net_work(self);
  ck_assert_str_eq(net_ops(self), ops);
  net_check(self, &tensor, 1, "y", dims, want);
}

static void ck_pads(const net *self, const char *name, const int64_t *want) {
  uint32_t n = 0;
  const blok_node *node = net_maker(self, name);
  ck_assert_ptr_nonnull(node);
  const int64_t *pads = blok_node_ints(node, "pads", &n);
  ck_assert_uint_eq(n, 4);
  for (uint32_t i = 0; i < n; i++) ck_assert_int_eq(pads[i], want[i]);
}

START_TEST(pads__become_those_of_a_convolution) {
  for (int valid = 0; valid < 2; valid++) {
    net self;
    start(&self, row_and_column, "x,pads");
    blok_node_id node = net_node(&self, "Conv", "p,w", "y");
    if (valid) {
      net_text(&self, node, "auto_pad", "VALID");
      net_ints(&self, node, "pads", 4, (int64_t[]){1, 1, 1, 1});  // has no meaning then
    }
    expect(&self, "Conv", "1,1,2,2", (float[]){3, 2, 4, 6});
    ck_pads(&self, "y", (int64_t[]){1, 0, 0, 1});
    ck_assert_str_eq(net_maker(&self, "y")->op_type, "Conv");
    ck_assert_uint_eq(net_maker(&self, "y")->n_sources, 2);
    net_free(&self);
  }
}
END_TEST

START_TEST(pads__are_seen_between_transposes_that_cancel) {
  net self;
  float x[8] = {1, 2, 3, 4, 10, 20, 30, 40};
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = 4;
  memcpy(tensor.dims, (int64_t[]){1, 2, 2, 2}, sizeof(int64_t[4]));
  tensor.data = x;
  tensor.bytes = sizeof x;
  net_start(&self, "1,2,2,2");
  net_i64(&self, "pads", "8", (int64_t[]){0, 1, 0, 0, 0, 0, 1, 0});
  net_f32(&self, "w", "1,2,1,1", weights);
  blok_node_id to = net_node(&self, "Transpose", "x", "a");
  net_ints(&self, to, "perm", 4, (int64_t[]){0, 2, 3, 1});
  net_node(&self, "Pad", "a,pads", "b");
  blok_node_id back = net_node(&self, "Transpose", "b", "p");
  net_ints(&self, back, "perm", 4, (int64_t[]){0, 3, 1, 2});
  net_node(&self, "Conv", "p,w", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "Conv");
  ck_pads(&self, "y", (int64_t[]){1, 0, 0, 1});
  net_check(&self, &tensor, 1, "y", "1,1,3,3", (float[]){0, 0, 0, 11, 22, 0, 33, 44, 0});
  net_free(&self);
}
END_TEST

START_TEST(pads__add_to_those_that_a_convolution_has) {
  net self;
  start(&self, row_and_column, "x,pads");
  net_ints(&self, net_node(&self, "Conv", "p,w", "y"), "pads", 4, (int64_t[]){0, 1, 0, 0});
  expect(&self, "Conv", "1,1,2,3", (float[]){1, 3, 2, -2, 4, 6});
  ck_pads(&self, "y", (int64_t[]){1, 1, 0, 1});
  net_free(&self);
}
END_TEST

START_TEST(pads__may_be_wider_than_the_window) {
  net self;
  start(&self, (int64_t[]){0, 0, 0, 0, 0, 0, 0, 2}, "x,pads");
  net_f32(&self, "one", "1,1,1,1", weights);
  net_node(&self, "Conv", "p,one", "y");
  expect(&self, "Conv", "1,1,2,4", (float[]){1, 2, 0, 0, -3, 4, 0, 0});
  net_free(&self);
}
END_TEST

START_TEST(pads__are_read_by_the_axes_that_are_named) {
  net self;
  start(&self, row_and_column, "x,few,zero,axes");
  net_i64(&self, "few", "4", (int64_t[]){0, 1, 1, 0});
  net_f32(&self, "zero", "", (float[]){0});
  net_i64(&self, "axes", "2", (int64_t[]){-1, 2});
  net_node(&self, "Conv", "p,w", "y");
  expect(&self, "Conv", "1,1,2,2", (float[]){3, 2, 4, 6});
  net_free(&self);
}
END_TEST

START_TEST(pads__are_computed_from_a_known_shape) {
  net self;
  start(&self, row_and_column, "x,computed");
  net_i64(&self, "less", "4", (int64_t[]){1, 1, 1, 2});
  net_i64(&self, "ends", "4", (int64_t[]){0, 0, 0, 1});
  net_node(&self, "Shape", "x", "shape");
  net_node(&self, "Sub", "shape,less", "begins");
  net_int(&self, net_node(&self, "Concat", "begins,ends", "computed"), "axis", 0);
  net_node(&self, "Conv", "p,w", "y");
  // The Pad stands before what computes for it.
  expect(&self, "Conv", "1,1,2,2", (float[]){3, 2, 4, 6});
  net_free(&self);
}
END_TEST

START_TEST(pads__go_to_each_of_several_readers) {
  net self;
  start(&self, row_and_column, "x,pads");
  net_f32(&self, "v", "1,1,2,2", (float[]){0, 0, 0, 1});
  net_node(&self, "Conv", "p,w", "a");
  net_node(&self, "Conv", "p,v", "b");
  pool(&self, "AveragePool", "c", 2);
  net_node(&self, "Sum", "a,b,c", "y");
  expect(&self, "Conv Conv AveragePool Sum", "1,1,2,2", (float[]){5.75f, 2.5f, 9, 7.5f});
  static const char *const names[] = {"a", "b", "c"};
  for (int i = 0; i < 3; i++) {
    ck_pads(&self, names[i], (int64_t[]){1, 0, 0, 1});
    ck_assert_uint_eq(net_maker(&self, names[i])->n_sources, 2);
  }
  net_free(&self);
}
END_TEST

START_TEST(pads__stay_unless_zeros_are_added_round_the_picture) {
  static const int64_t others[][8] = {
      {0, 0, -1, 0, 0, 0, 2, 0},             // takes a row away
      {0, 1, 0, 0, 0, 0, 0, 0},              // another channel
      {0, 0, INT64_MAX / 2, 0, 0, 0, 0, 0},  // more than a convolution can say
  };
  net self;
  for (int i = 0; i < 2; i++) {
    start(&self, others[i], "x,pads");
    net_f32(&self, "v", "1,2,1,1", weights);
    net_node(&self, "Conv", i == 1 ? "p,v" : "p,w", "y");
    net_expect(&self, "Pad Conv");
  }
  net_start(&self, "1,1,2,?");
  net_i64(&self, "pads", "8", others[2]);
  net_f32(&self, "w", "1,1,2,2", weights);
  net_node(&self, "Pad", "x,pads", "p");
  net_node(&self, "Conv", "p,w", "y");
  net_expect(&self, "Pad Conv");
  start(&self, row_and_column, "x,pads,one");
  net_f32(&self, "one", "", weights);
  net_node(&self, "Conv", "p,w", "y");
  net_expect(&self, "Pad Conv");
  net_text(&self, start(&self, row_and_column, "x,pads"), "mode", "edge");
  net_node(&self, "Conv", "p,w", "y");
  net_expect(&self, "Pad Conv");
  start(&self, row_and_column, "x,given");
  net_input(&self, "given", BLOK_I64, "8");
  net_node(&self, "Conv", "p,w", "y");
  net_expect(&self, "Pad Conv");
}
END_TEST

START_TEST(pads__stay_for_all_when_one_reader_cannot_take_them) {
  net self;
  start(&self, row_and_column, "x,pads");
  net_node(&self, "Conv", "p,w", "a");
  net_output(&self, "a");
  net_node(&self, "Relu", "p", "y");
  net_expect(&self, "Pad Conv Relu");
  start(&self, row_and_column, "x,pads");
  net_output(&self, "p");
  net_node(&self, "Conv", "p,w", "y");
  net_expect(&self, "Pad Conv");
  start(&self, row_and_column, "x,pads");
  net_input(&self, "z", BLOK_F32, "1,1,3,3");
  net_node(&self, "Conv", "z,p", "y");
  net_expect(&self, "Pad Conv");
  start(&self, row_and_column, "x,pads");
  net_text(&self, net_node(&self, "Conv", "p,w", "y"), "auto_pad", "SAME_UPPER");
  net_expect(&self, "Pad Conv");
  start(&self, row_and_column, "x,pads");
  net_input(&self, "c", BLOK_BOOL, "");
  blok_node_id node = net_node(&self, "If", "c", "y");
  for (int i = 0; i < 2; i++) {
    net_branch(&self, node, i ? "then_branch" : "else_branch", "p,w");
    net_node(&self, "Conv", "p,w", "r");
    net_output(&self, "r");
    net_leave(&self);
  }
  net_expect(&self, "Pad If");
}
END_TEST

START_TEST(pads__are_counted_by_an_average) {
  for (int64_t counted = 0; counted < 2; counted++) {
    net self;
    start(&self, row_and_column, "x,pads");
    blok_node_id node = pool(&self, "AveragePool", "y", 2);
    net_int(&self, node, "count_include_pad", counted);
    expect(&self, "AveragePool", "1,1,2,2", (float[]){0.75f, 0.5f, 1, 1.5f});
    ck_assert_int_eq(blok_node_int(net_maker(&self, "y"), "count_include_pad", 0), 1);
    net_free(&self);
  }
}
END_TEST

START_TEST(pads__stay_before_an_average_that_counts_otherwise) {
  for (int i = 0; i < 4; i++) {
    net self;
    start(&self, row_and_column, "x,pads");
    blok_node_id node = pool(&self, "AveragePool", "y", i == 0 ? 1 : 2);
    if (i == 1) net_int(&self, node, "ceil_mode", 1);
    if (i == 2) net_ints(&self, node, "dilations", 2, (int64_t[]){2, 1});
    if (i == 3) net_ints(&self, node, "pads", 4, (int64_t[]){0, 1, 0, 0});
    // A window of one element is no pool once what it reads is whole.
    net_expect(&self, i == 0 ? "Pad" : "Pad AveragePool");
  }
}
END_TEST

START_TEST(pads__of_the_lowest_number_go_to_a_maximum) {
  static const float lowest[] = {-INFINITY, -FLT_MAX};
  for (int i = 0; i < 2; i++) {
    net self;
    start(&self, row_and_column, "x,pads,least");
    net_f32(&self, "least", "", &lowest[i]);
    pool(&self, "MaxPool", "y", 2);
    expect(&self, "MaxPool", "1,1,2,2", (float[]){2, 2, 4, 4});
    ck_pads(&self, "y", (int64_t[]){1, 0, 0, 1});
    net_free(&self);
  }
}
END_TEST

START_TEST(pads__stay_before_a_maximum_that_may_be_one_of_them) {
  for (int i = 0; i < 4; i++) {
    net self;
    const float number = i == 0 ? 0 : -INFINITY;
    start(&self, i == 1 ? (int64_t[]){0, 0, 2, 0, 0, 0, 0, 0} : row_and_column, "x,pads,least");
    net_f32(&self, "least", "", &number);
    // Positions are those in the padded picture; and sums are no maximum.
    if (i == 2) net_output(&self, "at");
    pool(&self, i == 3 ? "AveragePool" : "MaxPool", i == 2 ? "y,at" : "y", 2);
    net_expect(&self, i == 3 ? "Pad AveragePool" : "Pad MaxPool");
  }
}
END_TEST

Suite *suite_pads(void);
Suite *suite_pads(void) {
  Suite *suite = suite_create("pads");
  TCase *tests = tcase_create("pads");
  tcase_add_test(tests, pads__become_those_of_a_convolution);
  tcase_add_test(tests, pads__are_seen_between_transposes_that_cancel);
  tcase_add_test(tests, pads__add_to_those_that_a_convolution_has);
  tcase_add_test(tests, pads__may_be_wider_than_the_window);
  tcase_add_test(tests, pads__are_read_by_the_axes_that_are_named);
  tcase_add_test(tests, pads__are_computed_from_a_known_shape);
  tcase_add_test(tests, pads__go_to_each_of_several_readers);
  tcase_add_test(tests, pads__stay_unless_zeros_are_added_round_the_picture);
  tcase_add_test(tests, pads__stay_for_all_when_one_reader_cannot_take_them);
  tcase_add_test(tests, pads__are_counted_by_an_average);
  tcase_add_test(tests, pads__stay_before_an_average_that_counts_otherwise);
  tcase_add_test(tests, pads__of_the_lowest_number_go_to_a_maximum);
  tcase_add_test(tests, pads__stay_before_a_maximum_that_may_be_one_of_them);
  suite_add_tcase(suite, tests);
  return suite;
}
