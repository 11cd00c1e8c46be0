// Windows of convolutions and pools, and broadcasting.
#include <check.h>
#include <string.h>

#include "graph/infer.h"
#include "net.h"

static blok_module *module;
static blok_graph *graph;
static blok_node_id node;

static void setup(void) {
  module = net_module();
  graph = module->graph;
  node = net_node(graph, "pool", "MaxPool", "x", "y");
}

static void teardown(void) { blok_module_free(&module); }

static void set1(const char *name, int64_t value) {
  ck_assert_int_eq(blok_node_set_ints(graph, node, name, &value, 1, NULL), BLOK_OK);
}

static void set_pads(int64_t begin, int64_t end) {
  const int64_t pads[] = {begin, end};
  ck_assert_int_eq(blok_node_set_ints(graph, node, "pads", pads, 2, NULL), BLOK_OK);
}

static void set_auto(const char *value) {
  ck_assert_int_eq(blok_node_set_text(graph, node, "auto_pad", value, NULL), BLOK_OK);
}

// On one axis: the output and both pads for an input of this size.
static void assert_window(int64_t in, int64_t out, int64_t begin, int64_t end) {
  blok_window window;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status =
      blok_window_resolve(graph, blok_node_at(graph, node), 1, &in, NULL, &window, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  ck_assert_int_eq(window.out[0], out);
  ck_assert_int_eq(window.pad_begin[0], begin);
  ck_assert_int_eq(window.pad_end[0], end);
  ck_assert_int_eq(window.in[0], in);
}

static void assert_refused(int64_t in, const int64_t *kernel, const char *message) {
  blok_window window;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(
      blok_window_resolve(graph, blok_node_at(graph, node), 1, &in, kernel, &window, &error),
      BLOK_E_SHAPE);
  ck_assert_str_eq(error.message, message);
}

START_TEST(window__counts_places_with_given_pads) {
  set1("kernel_shape", 3);
  assert_window(5, 3, 0, 0);
  set1("strides", 2);
  set_pads(1, 1);
  assert_window(224, 112, 1, 1);
  assert_window(1, 1, 1, 1);
  assert_window(-1, -1, 1, 1);
}
END_TEST

START_TEST(window__spreads_the_kernel_by_dilation) {
  set1("kernel_shape", 3);
  set1("dilations", 2);
  assert_window(5, 1, 0, 0);
  assert_window(9, 5, 0, 0);
  assert_refused(4, NULL,
                 "MaxPool node 'pool': on spatial axis 0 the kernel 3 with dilation 2 covers 5, "
                 "more than the input's 4 with pads 0 and 0");
}
END_TEST

START_TEST(window__begins_the_last_place_inside_when_rounding_up) {
  set1("kernel_shape", 3);
  set1("strides", 2);
  assert_window(6, 2, 0, 0);
  ck_assert_int_eq(blok_node_set_int(graph, node, "ceil_mode", 1, NULL), BLOK_OK);
  assert_window(6, 3, 0, 0);
  assert_window(7, 3, 0, 0);
  // Rounded up there would be 3 places, the third beginning at 4, behind the input's end.
  set1("kernel_shape", 1);
  set_pads(0, 1);
  set1("strides", 4);
  assert_window(4, 1, 0, 1);
  // The pad before the input counts as inside.
  set1("kernel_shape", 2);
  set1("strides", 3);
  set_pads(1, 1);
  assert_window(3, 2, 1, 1);
  assert_window(2, 1, 1, 1);
}
END_TEST

START_TEST(window__finds_pads_for_same) {
  set1("kernel_shape", 3);
  set1("strides", 2);
  set_auto("SAME_UPPER");
  assert_window(6, 3, 0, 1);
  assert_window(7, 4, 1, 1);
  set_auto("SAME_LOWER");
  assert_window(6, 3, 1, 0);
  // A stride larger than the kernel leaves nothing to pad.
  set1("strides", 5);
  assert_window(10, 2, 0, 0);
  // Unknown sizes: the pads are known with a stride of 1 only.
  assert_window(-1, -1, -1, -1);
  set1("strides", 1);
  set1("kernel_shape", 4);
  assert_window(-1, -1, 2, 1);
  set1("dilations", 2);
  assert_window(10, 10, 3, 3);
}
END_TEST

START_TEST(window__pads_nothing_for_valid) {
  set1("kernel_shape", 3);
  set1("strides", 2);
  set_pads(4, 4);
  set_auto("VALID");
  assert_window(6, 2, 0, 0);
  // ONNX gives VALID the same size with ceil_mode and without.
  ck_assert_int_eq(blok_node_set_int(graph, node, "ceil_mode", 1, NULL), BLOK_OK);
  assert_window(6, 2, 0, 0);
  set_auto("NOTSET");
  assert_window(6, 6, 4, 4);
}
END_TEST

START_TEST(window__takes_the_kernel_from_the_weight) {
  int64_t kernel = 3, in = 8;
  blok_window window;
  const blok_node *n = blok_node_at(graph, node);
  ck_assert_int_eq(blok_window_resolve(graph, n, 1, &in, &kernel, &window, NULL), BLOK_OK);
  ck_assert_int_eq(window.kernel[0], 3);
  ck_assert_int_eq(window.out[0], 6);
  kernel = -1;
  ck_assert_int_eq(blok_window_resolve(graph, n, 1, &in, &kernel, &window, NULL), BLOK_OK);
  ck_assert_int_eq(window.out[0], -1);
  kernel = 0;
  assert_refused(8, &kernel, "MaxPool node 'pool': the kernel's spatial size 0 is 0");
  assert_refused(8, NULL, "MaxPool node 'pool': kernel_shape is missing");
  set1("kernel_shape", 5);
  kernel = 3;
  assert_refused(8, &kernel,
                 "MaxPool node 'pool': kernel_shape[0] is 5, but the weight's size there is 3");
}
END_TEST

START_TEST(window__refuses_numbers_that_make_no_window) {
  set1("kernel_shape", 3);
  set1("strides", 0);
  assert_refused(8, NULL, "MaxPool node 'pool': strides[0] is 0, it must be 1 or more");
  set1("strides", -2);
  assert_refused(8, NULL, "MaxPool node 'pool': strides[0] is -2, it must be 1 or more");
  set1("strides", 1);
  set1("dilations", 0);
  assert_refused(8, NULL, "MaxPool node 'pool': dilations[0] is 0, it must be 1 or more");
  set1("dilations", 1);
  set_pads(0, -1);
  assert_refused(8, NULL, "MaxPool node 'pool': pads[1] is -1, it must be 0 or more");
  set1("pads", 1);
  assert_refused(8, NULL,
                 "MaxPool node 'pool': pads has 1 values, the input's spatial axes need 2");
  set_auto("SAME\x01");
  assert_refused(8, NULL,
                 "MaxPool node 'pool': auto_pad 'SAME\\x01' is none of NOTSET, SAME_UPPER, "
                 "SAME_LOWER, VALID");
  blok_node_drop_attr(graph, node, "pads");
  set_auto("NOTSET");
  set1("kernel_shape", -3);
  assert_refused(8, NULL, "MaxPool node 'pool': kernel_shape[0] is -3, it must be 1 or more");
}
END_TEST

START_TEST(window__survives_numbers_that_overflow) {
  const int64_t huge = INT64_MAX;
  set1("kernel_shape", huge);
  set1("dilations", huge);
  assert_refused(8, NULL, "MaxPool node 'pool': kernel or pads on axis 0 are too large");
  set_auto("SAME_UPPER");
  assert_refused(8, NULL, "MaxPool node 'pool': the kernel's reach on axis 0 is too large");
  set_auto("NOTSET");
  set1("kernel_shape", 1);
  set1("dilations", 1);
  set_pads(huge, huge);
  assert_refused(8, NULL, "MaxPool node 'pool': kernel or pads on axis 0 are too large");
  set_pads(0, 0);
  assert_window(huge, huge, 0, 0);
  blok_window window;
  int64_t in[BLOK_MAX_RANK] = {0};
  ck_assert_int_eq(blok_window_resolve(graph, blok_node_at(graph, node), BLOK_MAX_RANK - 1, in,
                                       NULL, &window, NULL),
                   BLOK_E_SHAPE);
}
END_TEST

// ---- Broadcasting -------------------------------------------------------------------------------

static blok_dim symbol(const char *name) { return (blok_dim){-1, name}; }

static void assert_broadcast(blok_dim a, blok_dim b, blok_dim want) {
  for (int swap = 0; swap < 2; swap++) {
    blok_dim out;
    uint32_t rank = 0;
    ck_assert(blok_broadcast_dims(swap ? &b : &a, 1, swap ? &a : &b, 1, &out, &rank));
    ck_assert_uint_eq(rank, 1);
    ck_assert_int_eq(out.value, want.value);
    ck_assert(blok_text_equal(out.symbol, want.symbol));
  }
}

START_TEST(broadcast__joins_numbers_symbols_and_unknowns) {
  assert_broadcast(blok_dim_of(3), blok_dim_of(1), blok_dim_of(3));
  assert_broadcast(blok_dim_of(0), blok_dim_of(1), blok_dim_of(0));
  assert_broadcast(blok_dim_unknown(), blok_dim_of(4), blok_dim_of(4));
  assert_broadcast(blok_dim_unknown(), blok_dim_of(1), blok_dim_unknown());
  assert_broadcast(symbol("N"), blok_dim_of(1), symbol("N"));
  assert_broadcast(symbol("N"), blok_dim_of(4), blok_dim_of(4));
  assert_broadcast(symbol("N"), symbol("N"), symbol("N"));
  assert_broadcast(symbol("N"), symbol("M"), blok_dim_unknown());
  assert_broadcast(symbol("N"), blok_dim_unknown(), blok_dim_unknown());
}
END_TEST

START_TEST(broadcast__aligns_ranks_at_the_end_and_may_write_over_its_inputs) {
  blok_dim a[3] = {blok_dim_of(5)};
  const blok_dim b[] = {blok_dim_of(2), blok_dim_of(1), blok_dim_of(5)};
  uint32_t rank = 0;
  ck_assert(blok_broadcast_dims(a, 1, b, 3, a, &rank));
  ck_assert_uint_eq(rank, 3);
  ck_assert(a[0].value == 2 && a[1].value == 1 && a[2].value == 5);
  ck_assert(blok_broadcast_dims(NULL, 0, NULL, 0, a, &rank));
  ck_assert_uint_eq(rank, 0);
}
END_TEST

START_TEST(broadcast__refuses_sizes_that_differ) {
  const blok_dim a = blok_dim_of(3), b = blok_dim_of(2), zero = blok_dim_of(0);
  blok_dim out;
  uint32_t rank;
  ck_assert(!blok_broadcast_dims(&a, 1, &b, 1, &out, &rank));
  ck_assert(!blok_broadcast_dims(&a, 1, &zero, 1, &out, &rank));
}
END_TEST

START_TEST(axis__counts_from_both_ends) {
  uint32_t axis = 99;
  ck_assert(blok_axis_normal(-1, 4, &axis));
  ck_assert_uint_eq(axis, 3);
  ck_assert(blok_axis_normal(0, 1, &axis));
  ck_assert_uint_eq(axis, 0);
  ck_assert(!blok_axis_normal(4, 4, &axis));
  ck_assert(!blok_axis_normal(-5, 4, &axis));
  ck_assert(!blok_axis_normal(0, 0, &axis));
  ck_assert(!blok_axis_normal(INT64_MIN, 4, &axis));
}
END_TEST

Suite *suite_window(void) {
  Suite *suite = suite_create("window");
  TCase *tests = tcase_create("window");
  tcase_add_checked_fixture(tests, setup, teardown);
  tcase_add_test(tests, window__counts_places_with_given_pads);
  tcase_add_test(tests, window__spreads_the_kernel_by_dilation);
  tcase_add_test(tests, window__begins_the_last_place_inside_when_rounding_up);
  tcase_add_test(tests, window__finds_pads_for_same);
  tcase_add_test(tests, window__pads_nothing_for_valid);
  tcase_add_test(tests, window__takes_the_kernel_from_the_weight);
  tcase_add_test(tests, window__refuses_numbers_that_make_no_window);
  tcase_add_test(tests, window__survives_numbers_that_overflow);
  tcase_add_test(tests, broadcast__joins_numbers_symbols_and_unknowns);
  tcase_add_test(tests, broadcast__aligns_ranks_at_the_end_and_may_write_over_its_inputs);
  tcase_add_test(tests, broadcast__refuses_sizes_that_differ);
  tcase_add_test(tests, axis__counts_from_both_ends);
  suite_add_tcase(suite, tests);
  return suite;
}
