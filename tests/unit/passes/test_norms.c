// Tests of the passes that find norms spelled in nodes: group_norms and layer_norms, and of what
// transposes leaves together.
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "net.h"
#include "support/fault.h"

// y must be this for an x of [1, 4, 1, 2] or [1, 2, 1, 2].
static void check(const net *self, const char *dims, int64_t channels, const float *x,
                  const float *want) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = 4;
  memcpy(tensor.dims, (int64_t[]){1, channels, 1, 2}, 4 * sizeof(int64_t));
  tensor.data = (void *)(uintptr_t)x;
  tensor.bytes = (size_t)channels * 2 * sizeof *x;
  net_check(self, &tensor, 1, "y", dims, want);
}

// ---- group_norms --------------------------------------------------------------------------------

typedef struct grouping {
  const char *dims;       // of x, of 4 channels
  const int64_t *target;  // of the first Reshape, three numbers
  const char *back;       // target of the second one: a name, made below
  const float *ones;      // scale of the InstanceNormalization of two groups
  const float *zeros;     // its shift
  const char *scale;      // "" for none
  const char *shift;
  const char *more;  // is an output too; "" for none
} grouping;

static const float one[2] = {1, 1}, zero[2] = {0, 0}, other[2] = {1, 2};
static const int64_t copied[3] = {0, 2, -1}, counted[3] = {1, 2, -1}, mixed[3] = {2, 2, -1};

static const grouping plain = {"1,4,1,2", copied, "shape", one, zero, "scale", "shift", ""};

static void group(net *self, const grouping *of) {
  net_start(self, of->dims);
  net_f32(self, "scale", "4,1,1", (float[]){1, 2, 3, 4});
  net_f32(self, "shift", "1,4,1,1", (float[]){10, 20, 30, 40});
  net_f32(self, "narrow", "1,1,2", (float[]){5, 6});
  net_f32(self, "ones", "2", of->ones);
  net_f32(self, "zeros", "2", of->zeros);
  net_i64(self, "groups", "3", of->target);
  net_i64(self, "numbers", "4", (int64_t[]){1, 4, 1, 2});
  net_i64(self, "turned", "4", (int64_t[]){1, 4, 2, 1});
  net_node(self, "Reshape", "x,groups", "a");
  net_float(self, net_node(self, "InstanceNormalization", "a,ones,zeros", "b"), "epsilon", 0);
  if (strcmp(of->back, "shape") == 0) net_node(self, "Shape", "x", "shape");
  char line[64];
  snprintf(line, sizeof line, "b,%s", of->back);
  const bool scaled = *of->scale, shifted = *of->shift;
  net_node(self, "Reshape", line, scaled || shifted ? "c" : "y");
  snprintf(line, sizeof line, "%s,c", of->scale);
  if (scaled) net_node(self, "Mul", line, shifted ? "d" : "y");
  snprintf(line, sizeof line, "%s,%s", scaled ? "d" : "c", of->shift);
  if (shifted) net_node(self, "Add", line, "y");
  net_output(self, "y");
  if (*of->more) net_output(self, of->more);
  net_work(self);
}

START_TEST(group_norms__makes_one_operator_of_an_instance_norm_between_reshapes) {
  static const char *const dims[] = {"1,4,1,2", "1,4,1,2", "N,4,H,W", "?,4,?,?"};
  for (int i = 0; i < 4; i++) {
    net self;
    grouping of = plain;
    of.dims = dims[i];
    if (i == 1) {
      of.target = counted;
      of.back = "numbers";
    }
    group(&self, &of);
    ck_assert_str_eq(net_ops(&self), "GroupNormalization");
    const blok_node *node = net_maker(&self, "y");
    ck_assert_int_eq(blok_node_int(node, "num_groups", 0), 2);
    ck_assert_uint_eq(node->n_sources, 5);
    check(&self, "1,4,1,2", 4, (float[]){1, 3, 1, 3, 0, 4, 0, 4},
          (float[]){9, 11, 18, 22, 27, 33, 36, 44});
    net_free(&self);
  }
}
END_TEST

START_TEST(group_norms__takes_ones_and_zeros_where_a_factor_is_missing) {
  static const char *const factors[3][2] = {{"", ""}, {"scale", ""}, {"", "shift"}};
  static const float want[3][8] = {
      {-1, 1, -1, 1, -1, 1, -1, 1}, {-1, 1, -2, 2, -3, 3, -4, 4}, {9, 11, 19, 21, 29, 31, 39, 41}};
  for (int i = 0; i < 3; i++) {
    net self;
    grouping of = plain;
    of.scale = factors[i][0];
    of.shift = factors[i][1];
    group(&self, &of);
    ck_assert_str_eq(net_ops(&self), "GroupNormalization");
    check(&self, "1,4,1,2", 4, (float[]){1, 3, 1, 3, 0, 4, 0, 4}, want[i]);
    net_free(&self);
  }
}
END_TEST

START_TEST(group_norms__leaves_a_factor_of_another_axis_behind_it) {
  net self;
  grouping of = plain;
  of.scale = "narrow";
  of.shift = "";
  group(&self, &of);
  ck_assert_str_eq(net_ops(&self), "GroupNormalization Mul");
  check(&self, "1,4,1,2", 4, (float[]){1, 3, 1, 3, 0, 4, 0, 4},
        (float[]){-5, 6, -5, 6, -5, 6, -5, 6});
  net_free(&self);
}
END_TEST

START_TEST(group_norms__leaves_what_is_no_group_norm) {
  for (int i = 0; i < 6; i++) {
    net self;
    grouping of = plain;
    if (i == 0) of.ones = other;
    if (i == 1) of.zeros = other;
    // Groups of two pictures, or of an unknown number of channels.
    if (i == 2) of.target = mixed;
    if (i == 3) of.dims = "1,?,1,2";
    if (i == 4) of.back = "turned";
    if (i == 5) of.more = "b";
    if (i == 4) of.scale = of.shift = "";
    group(&self, &of);
    ck_assert_msg(strstr(net_ops(&self), "Reshape InstanceNormalization"), "%d: %s", i,
                  net_ops(&self));
    net_free(&self);
  }
}
END_TEST

// ---- layer_norms --------------------------------------------------------------------------------

typedef struct spelling {
  const char *dims;
  int64_t axis, other_axis;  // of both means
  bool twice;                // x - mean is computed twice
  bool by_mul;               // squares
  bool keepdims;
  const char *factors;  // dims of scale and shift, of two numbers; NULL: none
  const char *more;     // is an output too; "" for none
} spelling;

static const spelling across = {"N,2,H,W", 1, 1, false, false, true, "2,1,1", ""};

static void mean(net *self, const char *in, const char *out, int64_t axis, bool keepdims) {
  char name[16], line[32];
  snprintf(name, sizeof name, "axes_%s", out);
  net_i64(self, name, "1", &axis);
  snprintf(line, sizeof line, "%s,%s", in, name);
  net_int(self, net_node(self, "ReduceMean", line, out), "keepdims", keepdims);
}

static void layer(net *self, const spelling *of) {
  net_start(self, of->dims);
  net_f32(self, "two", "", (float[]){2});
  net_f32(self, "epsilon", "", (float[]){3});
  mean(self, "x", "m", of->axis, of->keepdims);
  net_node(self, "Sub", "x,m", "d");
  if (of->twice) net_node(self, "Sub", "x,m", "e");
  if (of->by_mul) net_node(self, "Mul", of->twice ? "e,e" : "d,d", "q");
  if (!of->by_mul) net_node(self, "Pow", of->twice ? "e,two" : "d,two", "q");
  mean(self, "q", "v", of->other_axis, of->keepdims);
  net_node(self, "Add", "epsilon,v", "w");
  net_node(self, "Sqrt", "w", "r");
  net_node(self, "Div", "d,r", of->factors ? "n" : "y");
  if (of->factors) {
    net_f32(self, "scale", of->factors, (float[]){2, 4});
    net_f32(self, "shift", of->factors, (float[]){10, 20});
    net_node(self, "Mul", "scale,n", "s");
    net_node(self, "Add", "s,shift", "y");
  }
  net_output(self, "y");
  if (*of->more) net_output(self, of->more);
  net_work(self);
}

START_TEST(layer_norms__puts_a_norm_over_axis_1_between_transposes) {
  for (int i = 0; i < 4; i++) {
    net self;
    spelling of = across;
    of.twice = i & 1;
    of.by_mul = i & 2;
    layer(&self, &of);
    ck_assert_str_eq(net_ops(&self), "Transpose LayerNormalization Transpose");
    ck_assert_uint_eq(net_maker(&self, "y")->n_sources, of.twice ? 10 : 9);
    check(&self, "1,2,1,2", 2, (float[]){1, 5, 3, 7}, (float[]){9, 9, 22, 22});
    net_free(&self);
  }
}
END_TEST

START_TEST(layer_norms__makes_one_operator_of_a_norm_over_the_last_axis) {
  net self;
  spelling of = across;
  of.dims = "1,2,1,2";
  of.axis = -1;
  of.other_axis = 3;
  of.factors = "2";
  layer(&self, &of);
  ck_assert_str_eq(net_ops(&self), "LayerNormalization");
  check(&self, "1,2,1,2", 2, (float[]){1, 3, 5, 7}, (float[]){9, 22, 9, 22});
  net_free(&self);
}
END_TEST

START_TEST(layer_norms__takes_ones_where_the_factors_are_missing) {
  net self;
  spelling of = across;
  of.factors = NULL;
  layer(&self, &of);
  ck_assert_str_eq(net_ops(&self), "Transpose LayerNormalization Transpose");
  check(&self, "1,2,1,2", 2, (float[]){1, 5, 3, 7}, (float[]){-0.5F, -0.5F, 0.5F, 0.5F});
  net_free(&self);
}
END_TEST

START_TEST(layer_norms__leaves_other_axes_and_shared_values) {
  static const char *const shared[] = {"m", "d", "v", "r"};
  for (int i = 0; i < 8; i++) {
    net self;
    spelling of = across;
    if (i == 0) of.axis = 2;
    if (i == 1) of.axis = of.other_axis = 2;
    if (i == 2) of.dims = "N,?,H,W";
    // A batch of one and the channels of a list: sums broadcast over other axes.
    if (i == 3) {
      of.dims = "2,2,2";
      of.keepdims = false;
    }
    if (i >= 4) of.more = shared[i - 4];
    if (i < 4) of.factors = NULL;
    layer(&self, &of);
    ck_assert_msg(!strstr(net_ops(&self), "LayerNormalization"), "%d: %s", i, net_ops(&self));
    net_free(&self);
  }
}
END_TEST

// ---- transposes ---------------------------------------------------------------------------------

// A LayerNormalization between Transposes.
static void norm(net *self, const char *in, const char *out) {
  static const int64_t last[4] = {0, 2, 3, 1}, first[4] = {0, 3, 1, 2};
  char turned[16], normed[16], line[32];
  snprintf(turned, sizeof turned, "%s_t", out);
  snprintf(normed, sizeof normed, "%s_n", out);
  snprintf(line, sizeof line, "%s,ones", turned);
  net_ints(self, net_node(self, "Transpose", in, turned), "perm", 4, last);
  net_node(self, "LayerNormalization", line, normed);
  net_ints(self, net_node(self, "Transpose", normed, out), "perm", 4, first);
}

START_TEST(transposes__stay_on_both_sides_of_a_norm_over_the_channels) {
  static const char *const dims[] = {"N,2,H,W", "N,2,1,1"};
  // Of a picture of one pixel nothing moves.
  static const char *const want[] = {
      "Transpose LayerNormalization Transpose Transpose LayerNormalization Transpose Add",
      "Reshape LayerNormalization Reshape Reshape LayerNormalization Reshape Add"};
  for (int i = 0; i < 2; i++) {
    net self;
    net_start(&self, dims[i]);
    net_input(&self, "z", BLOK_F32, dims[i]);
    net_f32(&self, "ones", "2", one);
    norm(&self, "x", "a");
    norm(&self, "z", "b");
    net_node(&self, "Add", "a,b", "y");
    net_expect(&self, want[i]);
  }
}
END_TEST

static blok_status make_working(void *context, const blok_allocator *allocator, blok_error *error) {
  const net *self = context;
  blok_pass_options options = net_options();
  blok_module *work = NULL;
  // The clone takes the allocator of its source.
  blok_module source = *self->module;
  source.allocator = *allocator;
  blok_status status = blok_working_graph(&source, &options, &work, error);
  if (status != BLOK_OK) ck_assert_ptr_null(work);
  blok_module_free(&work);
  return status;
}

START_TEST(norms__survive_every_failed_allocation) {
  net self;
  grouping of = plain;
  of.shift = "";
  group(&self, &of);
  ck_assert_uint_gt(blok_fault_sweep(make_working, &self), 10);
  net_free(&self);
  spelling spelled = across;
  spelled.factors = NULL;
  layer(&self, &spelled);
  ck_assert_uint_gt(blok_fault_sweep(make_working, &self), 10);
  net_free(&self);
}
END_TEST

Suite *suite_norms(void) {
  Suite *suite = suite_create("norms");
  TCase *groups = tcase_create("group_norms");
  tcase_add_test(groups, group_norms__makes_one_operator_of_an_instance_norm_between_reshapes);
  tcase_add_test(groups, group_norms__takes_ones_and_zeros_where_a_factor_is_missing);
  tcase_add_test(groups, group_norms__leaves_a_factor_of_another_axis_behind_it);
  tcase_add_test(groups, group_norms__leaves_what_is_no_group_norm);
  suite_add_tcase(suite, groups);
  TCase *layers = tcase_create("layer_norms");
  tcase_add_test(layers, layer_norms__puts_a_norm_over_axis_1_between_transposes);
  tcase_add_test(layers, layer_norms__makes_one_operator_of_a_norm_over_the_last_axis);
  tcase_add_test(layers, layer_norms__takes_ones_where_the_factors_are_missing);
  tcase_add_test(layers, layer_norms__leaves_other_axes_and_shared_values);
  tcase_add_test(layers, norms__survive_every_failed_allocation);
  suite_add_tcase(suite, layers);
  TCase *transposes = tcase_create("transposes");
  tcase_add_test(transposes, transposes__stay_on_both_sides_of_a_norm_over_the_channels);
  suite_add_tcase(suite, transposes);
  return suite;
}
