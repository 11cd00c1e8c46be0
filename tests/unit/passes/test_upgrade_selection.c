// Old versions of reductions, group normalisation, selection and scattering reach the newest one.
#include <check.h>
#include <math.h>
#include <string.h>

#include "net.h"
#include "support/tensors.h"

Suite *suite_upgrade_selection(void);

static float six[6] = {1, 2, 3, 4, 5, 6};

static blok_tensor six_23(void) { return blok_test_tensor(BLOK_F32, six, sizeof six, 2, 2, 3); }

static const struct {
  const char *op;
  float want[2];  // over the rows of 1 2 3 and 4 5 6
} reductions[] = {
    {"ReduceL1", {6, 15}},
    {"ReduceLogSum", {1.7917595F, 2.7080502F}},
    {"ReduceMin", {1, 4}},
    {"ReduceSumSquare", {14, 77}},
    {"ReduceL2", {3.7416575F, 8.7749643F}},
    {"ReduceLogSumExp", {3.4076059F, 6.4076061F}},
};

START_TEST(normalise__gives_old_reductions_their_axes_as_an_input) {
  net self;
  net_make(&self, 13);
  net_input(&self, "x", BLOK_F32, "2,3");
  blok_node_id reduce = net_node(&self, reductions[_i].op, "x", "y");
  net_ints(&self, reduce, "axes", 1, (int64_t[]){-1});
  net_int(&self, reduce, "keepdims", 0);
  net_output(&self, "y");
  net_work(&self);
  ck_assert_ptr_null(blok_node_attr(net_maker(&self, "y"), "axes"));
  blok_tensor x = six_23();
  net_check(&self, &x, 1, "y", "2", reductions[_i].want);
  net_free(&self);
}
END_TEST

START_TEST(normalise__spreads_the_scales_of_groups_over_their_channels) {
  net self;
  net_make(&self, 18);
  net_input(&self, "x", BLOK_F32, "1,4,1");
  net_f32(&self, "s", "2", (float[]){1, 10});
  net_f32(&self, "b", "2", (float[]){0, 100});
  blok_node_id norm = net_node(&self, "GroupNormalization", "x,s,b", "y");
  net_int(&self, norm, "num_groups", 2);
  net_float(&self, norm, "epsilon", 0);
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "GroupNormalization");
  float values[4] = {1, 3, 5, 9};
  blok_tensor x = blok_test_tensor(BLOK_F32, values, sizeof values, 3, 1, 4, 1);
  net_check(&self, &x, 1, "y", "1,4,1", (float[]){-1, 1, 90, 110});
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_old_groups_of_an_unknown_number_of_channels) {
  net self;
  net_make(&self, 18);
  net_input(&self, "x", BLOK_F32, "1,C,1");
  net_f32(&self, "s", "2", (float[]){1, 10});
  blok_node_id norm = net_node(&self, "GroupNormalization", "x,s,s", "y");
  net_int(&self, norm, "num_groups", 2);
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_SHAPE, "GroupNormalization node 'y' (version 18): the number of");
  net_free(&self);
}
END_TEST

START_TEST(normalise__flattens_around_an_old_log_softmax) {
  net self;
  net_make(&self, 11);
  net_input(&self, "x", BLOK_F32, "1,2,2");
  net_node(&self, "LogSoftmax", "x", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_ptr_nonnull(strstr(net_ops(&self), "LogSoftmax"));
  float zeros[4] = {0};
  float want = -logf(4);
  blok_tensor x = blok_test_tensor(BLOK_F32, zeros, sizeof zeros, 3, 1, 2, 2);
  net_check(&self, &x, 1, "y", "1,2,2", (float[]){want, want, want, want});
  net_free(&self);
}
END_TEST

START_TEST(normalise__gives_an_old_top_k_its_number_as_an_input) {
  net self;
  net_make(&self, 9);
  net_input(&self, "x", BLOK_F32, "2,3");
  blok_node_id top = net_node(&self, "TopK", "x", "y,i");
  net_int(&self, top, "k", 2);
  net_output(&self, "y");
  net_work(&self);
  blok_tensor x = six_23();
  net_check(&self, &x, 1, "y", "2,2", (float[]){3, 2, 6, 5});
  net_free(&self);
}
END_TEST

START_TEST(normalise__knows_scatter_by_its_new_name) {
  net self;
  net_make(&self, 10);
  net_input(&self, "x", BLOK_F32, "2,3");
  net_i64(&self, "i", "1,2", (int64_t[]){1, 0});
  net_f32(&self, "u", "1,2", (float[]){-4, -2});
  net_node(&self, "Scatter", "x,i,u", "y");
  net_output(&self, "y");
  net_work(&self);
  ck_assert_str_eq(net_ops(&self), "ScatterElements");
  blok_tensor x = six_23();
  net_check(&self, &x, 1, "y", "2,3", (float[]){1, -2, 3, -4, 5, 6});
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_the_first_tile_by_its_version) {
  net self;
  net_make(&self, 5);
  net_input(&self, "x", BLOK_F32, "2");
  net_input(&self, "t", BLOK_F32, "");
  net_input(&self, "a", BLOK_F32, "");
  net_node(&self, "Tile", "x,t,a", "y");
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_UNSUPPORTED, "Tile node 'y' (version 1): only versions 6 and newer");
  net_free(&self);
}
END_TEST

Suite *suite_upgrade_selection(void) {
  Suite *suite = suite_create("upgrade_selection");
  TCase *rules = tcase_create("rules");
  tcase_add_loop_test(rules, normalise__gives_old_reductions_their_axes_as_an_input, 0,
                      (int)(sizeof reductions / sizeof reductions[0]));
  tcase_add_test(rules, normalise__spreads_the_scales_of_groups_over_their_channels);
  tcase_add_test(rules, normalise__refuses_old_groups_of_an_unknown_number_of_channels);
  tcase_add_test(rules, normalise__flattens_around_an_old_log_softmax);
  tcase_add_test(rules, normalise__gives_an_old_top_k_its_number_as_an_input);
  tcase_add_test(rules, normalise__knows_scatter_by_its_new_name);
  tcase_add_test(rules, normalise__refuses_the_first_tile_by_its_version);
  suite_add_tcase(suite, rules);
  return suite;
}
