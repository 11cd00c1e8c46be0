// Open heights and widths: one rule for all kinds with an addition.
#include <check.h>

#include "nets/net.h"

typedef struct pool {
  const char *op_type;
  int64_t kernel, stride, begin, end;  // of both axes
  bool ceil;
} pool;

static void write_pool(blok_graph *g, const pool *p, const char *x, const char *y) {
  const int64_t kernel[2] = {p->kernel, p->kernel}, stride[2] = {p->stride, p->stride};
  const int64_t pads[4] = {p->begin, p->begin, p->end, p->end};
  blok_node_id node = net_node(g, p->op_type, x, y);
  ck_assert_int_eq(blok_node_set_ints(g, node, "kernel_shape", kernel, 2, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(g, node, "strides", stride, 2, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(g, node, "pads", pads, 4, NULL), BLOK_OK);
  ck_assert_int_eq(blok_node_set_int(g, node, "ceil_mode", p->ceil, NULL), BLOK_OK);
}

// F: a convolution of a kernel, padding and stride, an activation and a 3x3 one that keeps sizes.
// Strict kinds have the Relu, residual_other the Sin.
typedef struct branch {
  int64_t kernel, stride, begin, end;
} branch;

static void write_branch(blok_graph *g, const branch *b, bool other) {
  const int64_t pads[4] = {b->begin, b->begin, b->end, b->end};
  blok_node_id conv =
      net_conv(g, "b.conv1", "x", "c1", (net_conv_shape){16, 16, b->kernel, b->stride, 0});
  ck_assert_int_eq(blok_node_set_ints(g, conv, "pads", pads, 4, NULL), BLOK_OK);
  net_node(g, other ? "Sin" : "Relu", "c1", "r1");
  net_conv(g, "b.conv2", "r1", "f", (net_conv_shape){16, 16, 3, 1, 0});
}

static net_found match(const branch *b, const pool *p, bool other) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, -1, -1);
  write_branch(g, b, other);
  if (p) write_pool(g, p, "x", "p");
  net_node(g, "Add", p ? "f p" : "f x", "y");
  net_output(g, "y");
  return net_match(module);
}

static const struct {
  branch f;
  pool skip;  // without an operator: the identity
} equal[] = {
    {{3, 1, 1, 1}, {NULL, 0, 0, 0, 0, false}},
    {{5, 1, 1, 3}, {NULL, 0, 0, 0, 0, false}},
    // ceil(n / 2)
    {{3, 2, 1, 1}, {"AveragePool", 2, 2, 0, 0, true}},
    {{3, 2, 1, 1}, {"MaxPool", 3, 2, 1, 1, false}},
    {{1, 2, 0, 0}, {"MaxPool", 3, 2, 1, 1, false}},
    // floor(n / 2)
    {{4, 2, 1, 1}, {"MaxPool", 2, 2, 0, 0, false}},
    {{2, 2, 0, 0}, {"AveragePool", 2, 2, 0, 0, false}},
    // floor(n / 2) + 1: rounded up, and the window that would begin in the padding left out
    {{3, 2, 1, 2}, {"MaxPool", 3, 2, 1, 1, true}},
    {{1, 2, 0, 0}, {"MaxPool", 1, 2, 0, 1, true}},
    // n - 2
    {{3, 1, 0, 0}, {"MaxPool", 3, 1, 0, 0, false}},
};

enum { EQUAL = sizeof equal / sizeof equal[0] };

START_TEST(sizes__agree_where_both_ways_round_alike) {
  const pool *skip = equal[_i].skip.op_type ? &equal[_i].skip : NULL;
  for (int other = 0; other < 2; other++) {
    net_found found = match(&equal[_i].f, skip, other != 0);
    ck_assert_uint_eq(net_count(&found, other ? BLOK_RESIDUAL_OTHER : BLOK_RESIDUAL), 1);
    net_free(&found);
  }
}
END_TEST

static const struct {
  branch f;
  pool skip;
} unequal[] = {
    {{3, 2, 1, 1}, {NULL, 0, 0, 0, 0, false}},
    {{3, 1, 0, 0}, {NULL, 0, 0, 0, 0, false}},
    {{3, 1, 1, 2}, {NULL, 0, 0, 0, 0, false}},
    // At 3 one way gives 1 and the other 2: the addition would repeat it.
    {{3, 2, 1, 1}, {"AveragePool", 2, 2, 0, 0, false}},
    {{3, 2, 1, 1}, {"MaxPool", 2, 2, 0, 0, false}},
    {{4, 2, 1, 1}, {"MaxPool", 2, 2, 0, 0, true}},
    {{3, 2, 1, 1}, {"MaxPool", 3, 2, 1, 1, true}},
    {{3, 1, 1, 1}, {"MaxPool", 3, 1, 0, 0, false}},
};

enum { UNEQUAL = sizeof unequal / sizeof unequal[0] };

START_TEST(sizes__refused_where_one_size_may_be_one_and_the_other_not) {
  const pool *skip = unequal[_i].skip.op_type ? &unequal[_i].skip : NULL;
  for (int other = 0; other < 2; other++) {
    net_found found = match(&unequal[_i].f, skip, other != 0);
    ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL), 0);
    ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
    ck_assert_uint_eq(found.overlay->n_misses, 1);
    ck_assert_str_eq(found.overlay->misses[0].condition, "shapes of F(x) and skip(x)");
    net_free(&found);
  }
}
END_TEST

// ---- Inside F(x) of a residual_other ------------------------------------------------------------

static net_found match_lines(const char *const *lines) {
  const int64_t kernel[4] = {16, 16, 3, 3}, halves[2] = {8, 8}, one = 1, zero = 0, end = INT64_MAX;
  const int64_t pads[4] = {1, 1, 1, 1}, axes[2] = {2, 3}, height = 2;
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  net_input(g, "x", -1, 16, -1, -1);
  net_weight(g, "k", 4, kernel);
  net_ints(g, "halves", halves, 2);
  net_ints(g, "zero", &zero, 1);
  net_ints(g, "one", &one, 1);
  net_ints(g, "end", &end, 1);
  net_ints(g, "pads", pads, 4);
  net_ints(g, "axes", axes, 2);
  net_ints(g, "height", &height, 1);
  net_lines(g, lines);
  net_output(g, "y");
  return net_match(module);
}

static const char *const inside[][8] = {
    // Padding that a convolution without any takes off again.
    {"Pad: x pads - axes = a", "Conv: a k = b", "Sin: b = f", "Add: f x = y"},
    // Channels shared out and joined.
    {"Split axis=1: x halves = a b", "Sin: a = c", "Concat axis=1: c b = d",
     "Conv pads=1,1,1,1: d k = e", "Sin: e = f", "Add: f x = y"},
    // A window over the picture, rolled by a row.
    {"Slice: x one end height = a", "Slice: x zero one height = b", "Concat axis=2: a b = c",
     "Conv pads=1,1,1,1: c k = d", "Sin: d = f", "Add: f x = y"},
    // A number a channel that the picture is multiplied by.
    {"Conv pads=1,1,1,1: x k = a", "Sin: a = b", "ReduceMax keepdims=1: b axes = c", "Sin: c = d",
     "Mul: d b = f", "Add: f x = y"},
};

enum { INSIDE = sizeof inside / sizeof inside[0] };

START_TEST(sizes__are_followed_through_other_nodes) {
  net_found found = match_lines(inside[_i]);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 1);
  net_free(&found);
}
END_TEST

static const char *const apart[][8] = {
    // Padding alone.
    {"Pad: x pads - axes = a", "Conv pads=1,1,1,1: a k = b", "Sin: b = f", "Add: f x = y"},
    // A stride behind what has no constant geometry.
    {"Slice: x one end height = a", "Slice: x zero one height = b", "Concat axis=2: a b = c",
     "Conv strides=2,2 pads=1,1,1,1: c k = d", "Sin: d = f", "Add: f x = y"},
    // Channels shared out, and a convolution that takes the border off.
    {"Split axis=1: x halves = a b", "Concat axis=1: b a = c", "Conv: c k = d", "Sin: d = f",
     "Add: f x = y"},
};

enum { APART = sizeof apart / sizeof apart[0] };

START_TEST(sizes__refused_where_other_nodes_change_them) {
  net_found found = match_lines(apart[_i]);
  ck_assert_uint_eq(net_count(&found, BLOK_RESIDUAL_OTHER), 0);
  ck_assert_uint_eq(found.overlay->n_misses, 1);
  net_free(&found);
}
END_TEST

Suite *suite_sizes(void);

Suite *suite_sizes(void) {
  Suite *suite = suite_create("sizes");
  TCase *tests = tcase_create("rule");
  tcase_add_loop_test(tests, sizes__agree_where_both_ways_round_alike, 0, EQUAL);
  tcase_add_loop_test(tests, sizes__refused_where_one_size_may_be_one_and_the_other_not, 0,
                      UNEQUAL);
  tcase_add_loop_test(tests, sizes__are_followed_through_other_nodes, 0, INSIDE);
  tcase_add_loop_test(tests, sizes__refused_where_other_nodes_change_them, 0, APART);
  suite_add_tcase(suite, tests);
  return suite;
}
