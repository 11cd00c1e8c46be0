// Tests of the pass gathers: which indices take every element in its order.
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "net.h"

static const int64_t eight[8] = {0, 1, 2, 3, 4, 5, 6, 7};

static void flatten(net *self, const char *dims) {
  net_start(self, dims);
  net_i64(self, "all", "1", (int64_t[]){-1});
  net_node(self, "Relu", "x", "r");
  net_node(self, "Reshape", "r,all", "flat");
}

START_TEST(gathers__drops_one_that_gives_the_value_that_was_flattened) {
  net self;
  flatten(&self, "2,4,1,1");
  net_i64(&self, "indices", "2,4,1,1", eight);
  net_node(&self, "Gather", "flat,indices", "y");
  net_expect(&self, "Relu");
}
END_TEST

START_TEST(gathers__makes_a_reshape_of_one_that_gives_another_shape) {
  net self;
  flatten(&self, "2,4,1,1");
  net_i64(&self, "indices", "4,2", eight);
  net_node(&self, "Gather", "flat,indices", "g");
  net_node(&self, "Tanh", "g", "y");
  net_output(&self, "y");
  net_work(&self);
  int64_t target[2];
  ck_assert_str_eq(net_ops(&self), "Relu Reshape Tanh");
  const blok_value_id made = blok_node_input(net_maker(&self, "y"), 0);
  const blok_node *node =
      blok_node_at(self.work->graph, blok_value_producer(self.work->graph, made));
  ck_assert_int_eq(net_ints_of(&self, blok_node_input(node, 1), target, 2), 2);
  ck_assert_int_eq(target[0], 4);
  ck_assert_int_eq(target[1], 2);
  ck_assert_uint_eq(node->n_sources, 2);
  net_free(&self);
}
END_TEST

// Indices of an open batch: its number times `factor`, plus what stands at `term`.
static void open_batch(net *self, int64_t factor, const int64_t *term, const char *batch) {
  flatten(self, "N,4,1,1");
  net_i64(self, "zero", "", (int64_t[]){0});
  net_i64(self, "one", "", (int64_t[]){1});
  net_i64(self, "factor", "", &factor);
  net_i64(self, "axes", "3", (int64_t[]){1, 2, 3});
  net_i64(self, "term", "1,4,1,1", term);
  net_i64(self, "nothing", "1,1,1,1", (int64_t[]){0});
  blok_node_id shape = net_node(self, "Shape", "x", "n1");
  net_int(self, shape, "end", 1);
  net_node(self, "Squeeze", "n1", "n");
  net_input(self, "other", BLOK_I64, "");
  char line[32];
  snprintf(line, sizeof line, "zero,%s,one", batch);
  net_node(self, "Range", line, "range");
  net_node(self, "Mul", "range,factor", "places");
  net_node(self, "Unsqueeze", "places,axes", "rows");
  net_node(self, "Add", "rows,term", "sum");
  net_node(self, "Add", "sum,nothing", "indices");
  net_node(self, "Gather", "flat,indices", "y");
  net_output(self, "y");
  net_work(self);
}

START_TEST(gathers__reads_a_sum_of_one_term_an_axis) {
  net self;
  open_batch(&self, 4, eight, "n");
  ck_assert_str_eq(net_ops(&self), "Relu");
  net_free(&self);
}
END_TEST

START_TEST(gathers__leaves_sums_that_take_others) {
  for (int i = 0; i < 3; i++) {
    net self;
    const int64_t term[4] = {0, 2, 4, 6};
    open_batch(&self, i == 0 ? 3 : 4, i == 1 ? term : eight, i == 2 ? "other" : "n");
    ck_assert_msg(strstr(net_ops(&self), "Gather"), "%d: %s", i, net_ops(&self));
    net_free(&self);
  }
}
END_TEST

START_TEST(gathers__leaves_indices_of_another_order_number_or_value) {
  static const int64_t swapped[8] = {0, 1, 2, 3, 4, 5, 7, 6}, turned[8] = {0, 4, 1, 5, 2, 6, 3, 7};
  static const int64_t later[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  static const struct {
    const char *dims;
    const int64_t *indices;
    const char *of;  // what is gathered from
  } rows[] = {{"2,4", swapped, "flat"}, {"4,2", turned, "flat"}, {"2,2", eight, "flat"},
              {"8", later, "flat"},     {"2", eight, "r"},       {"2,1", eight, "r"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    net self;
    char line[32];
    flatten(&self, i < 2 ? "2,4,1,1" : "3,3,1,1");
    net_i64(&self, "indices", rows[i].dims, rows[i].indices);
    snprintf(line, sizeof line, "%s,indices", rows[i].of);
    net_node(&self, "Gather", line, "g");
    net_node(&self, "Tanh", "g", "y");
    net_output(&self, "y");
    net_work(&self);
    ck_assert_msg(strstr(net_ops(&self), "Gather") || strstr(net_ops(&self), "Slice"), "%zu: %s", i,
                  net_ops(&self));
    net_free(&self);
  }
}
END_TEST

Suite *suite_gathers(void) {
  Suite *suite = suite_create("gathers");
  TCase *tcase = tcase_create("gathers");
  tcase_add_test(tcase, gathers__drops_one_that_gives_the_value_that_was_flattened);
  tcase_add_test(tcase, gathers__makes_a_reshape_of_one_that_gives_another_shape);
  tcase_add_test(tcase, gathers__reads_a_sum_of_one_term_an_axis);
  tcase_add_test(tcase, gathers__leaves_sums_that_take_others);
  tcase_add_test(tcase, gathers__leaves_indices_of_another_order_number_or_value);
  suite_add_tcase(suite, tcase);
  return suite;
}
