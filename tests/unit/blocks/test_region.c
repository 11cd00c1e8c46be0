// Regions: what lies between a value and one computed from it.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "blocks/region.h"
#include "nets/net.h"
#include "support/fault.h"

// A matcher over a net whose squeeze-excites have been found.
typedef struct bench {
  blok_module *module;
  blok_facts *facts;
  blok_matcher matcher;
  blok_region region;
} bench;

static blok_graph *bench_begin(bench *self) {
  memset(self, 0, sizeof *self);
  self->module = net_module();
  return self->module->graph;
}

static void bench_open(bench *self) {
  blok_graph *graph = self->module->graph;
  ck_assert_int_eq(blok_facts_compute(graph, NULL, NULL, &self->facts, NULL), BLOK_OK);
  ck_assert_int_eq(blok_matcher_open(graph, self->facts, NULL, &self->matcher, NULL), BLOK_OK);
  ck_assert_int_eq(blok_match_squeeze_excite(&self->matcher, NULL), BLOK_OK);
}

static void bench_end(bench *self) {
  blok_matcher_close(&self->matcher);
  blok_facts_free(&self->facts);
  blok_module_free(&self->module);
}

static blok_region_result find(bench *self, const char *x, const char *end) {
  blok_graph *graph = self->module->graph;
  blok_region_result result;
  ck_assert_int_eq(blok_region_find(&self->matcher, net_value(graph, x), net_value(graph, end),
                                    &self->region, &result, NULL),
                   BLOK_OK);
  return result;
}

static void assert_culprit(const bench *self, const char *name) {
  ck_assert_uint_ne(self->region.culprit.i, 0);
  ck_assert_str_eq(blok_value_at(self->module->graph, self->region.culprit)->name, name);
}

START_TEST(region__holds_all_ways_in_execution_order) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "in", 1, 8, 8, 8);
  net_node(g, "Relu", "in", "x");
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_node(g, "Sigmoid", "a", "s");
  net_conv(g, "b", "x", "b", net_k(8, 8, 3, 1));
  net_node(g, "Mul", "s b", "end");
  net_node(g, "Add", "end x", "y");
  net_output(g, "y");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_FOUND);
  ck_assert_uint_eq(self.region.n_own, 4);
  for (uint32_t i = 0; i < 4; i++) ck_assert_uint_eq(self.region.own[i].i, i + 2);
  ck_assert_uint_eq(self.region.n_children, 0);
  ck_assert_uint_eq(self.region.entry_reads, 2);
  ck_assert(!self.region.has_resize && !self.region.has_norm && !self.region.has_pool);
  bench_end(&self);
}
END_TEST

START_TEST(region__steps_over_blocks) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "x", 1, 8, 8, 8);
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_se(g, "se", "a", "e", 8, 2);
  net_conv(g, "b", "e", "end", net_k(8, 8, 3, 1));
  net_output(g, "end");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_FOUND);
  ck_assert_uint_eq(self.region.n_own, 2);
  ck_assert_uint_eq(self.region.n_children, 1);
  ck_assert_int_eq(self.matcher.records[self.region.children[0]]->kind, BLOK_SQUEEZE_EXCITE);
  // The pool and the scale read it.
  ck_assert_int_eq(find(&self, "a", "e"), BLOK_REGION_FOUND);
  ck_assert_uint_eq(self.region.n_own, 0);
  ck_assert_uint_eq(self.region.entry_reads, 2);
  ck_assert(self.region.has_pool && self.region.has_activation);
  bench_end(&self);
}
END_TEST

START_TEST(region__is_unrelated_where_end_is_not_computed_from_x) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "in", 1, 8, 8, 8);
  net_conv(g, "a", "in", "a", net_k(8, 8, 3, 1));
  net_conv(g, "b", "in", "b", net_k(8, 8, 3, 1));
  net_node(g, "Add", "a b", "y");
  net_output(g, "y");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "a", "b"), BLOK_REGION_UNRELATED);
  ck_assert_int_eq(find(&self, "b", "a"), BLOK_REGION_UNRELATED);
  ck_assert_int_eq(find(&self, "a", "in"), BLOK_REGION_UNRELATED);
  ck_assert_int_eq(find(&self, "a", "a"), BLOK_REGION_UNRELATED);
  bench_end(&self);
}
END_TEST

START_TEST(region__is_unrelated_where_end_depends_on_the_shape_of_x_alone) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "x", -1, 8, -1, -1);
  net_weight(g, "table", 4, (const int64_t[]){1, 8, 1, 1});
  net_node(g, "Shape", "x", "sizes");
  net_node(g, "Expand", "table sizes", "places");
  net_conv(g, "a", "places", "a", net_k(8, 8, 3, 1));
  net_output(g, "a");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "a"), BLOK_REGION_UNRELATED);
  ck_assert_int_eq(find(&self, "x", "sizes"), BLOK_REGION_UNRELATED);
  bench_end(&self);
}
END_TEST

START_TEST(region__holds_what_the_shape_of_x_gives_beside_its_elements) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "x", -1, 8, -1, -1);
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_node(g, "Shape", "x", "sizes");
  net_node(g, "Reshape", "a sizes", "end");
  net_output(g, "end");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_FOUND);
  ck_assert_uint_eq(self.region.n_own, 3);
  ck_assert_uint_eq(self.region.entry_reads, 2);
  bench_end(&self);
}
END_TEST

START_TEST(region__refuses_an_inner_value_that_is_read_outside) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "x", 1, 8, 8, 8);
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_conv(g, "b", "a", "end", net_k(8, 8, 3, 1));
  net_node(g, "Relu", "a", "elsewhere");
  net_output(g, "end");
  net_output(g, "elsewhere");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_SHARED);
  assert_culprit(&self, "a");
  // The end and x may be read by anything.
  ck_assert_int_eq(find(&self, "x", "a"), BLOK_REGION_FOUND);
  ck_assert_int_eq(find(&self, "a", "end"), BLOK_REGION_FOUND);
  bench_end(&self);
}
END_TEST

START_TEST(region__refuses_an_inner_value_that_is_an_output) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "x", 1, 8, 8, 8);
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_conv(g, "b", "a", "end", net_k(8, 8, 3, 1));
  net_output(g, "end");
  net_output(g, "a");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_SHARED);
  assert_culprit(&self, "a");
  bench_end(&self);
}
END_TEST

START_TEST(region__refuses_a_second_output_that_is_read_outside) {
  bench self;
  blok_graph *g = bench_begin(&self);
  const int64_t half[2] = {4, 4};
  net_input(g, "x", 1, 8, 8, 8);
  net_ints(g, "halves", half, 2);
  blok_node_id split = net_node(g, "Split", "x halves", "one two");
  ck_assert_int_eq(blok_node_set_int(g, split, "axis", 1, NULL), BLOK_OK);
  net_conv(g, "a", "one", "end", net_k(4, 4, 3, 1));
  net_node(g, "Relu", "two", "elsewhere");
  net_output(g, "end");
  net_output(g, "elsewhere");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_SHARED);
  assert_culprit(&self, "two");
  bench_end(&self);
}
END_TEST

START_TEST(region__takes_side_inputs_that_tell_less_than_x) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "in", 1, 8, 8, 8);
  net_input(g, "time", 1, 8, 1, 1);
  net_conv(g, "stem", "in", "x", net_k(8, 8, 3, 1));
  net_node(g, "Sigmoid", "time", "t");
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_node(g, "Mul", "a t", "end");
  net_node(g, "Relu", "t", "elsewhere");
  net_output(g, "end");
  net_output(g, "elsewhere");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_FOUND);
  // The time's own nodes are none of the region's.
  ck_assert_uint_eq(self.region.n_own, 2);
  bench_end(&self);
}
END_TEST

START_TEST(region__refuses_another_branch_of_the_same_picture) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "in", 1, 8, 8, 8);
  net_conv(g, "one", "in", "x", net_k(8, 8, 3, 1));
  net_conv(g, "two", "in", "other", net_k(8, 8, 3, 1));
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_node(g, "Mul", "a other", "end");
  net_output(g, "end");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_OTHER_INPUT);
  assert_culprit(&self, "other");
  bench_end(&self);
}
END_TEST

START_TEST(region__takes_shapes_of_the_same_picture) {
  bench self;
  blok_graph *g = bench_begin(&self);
  net_input(g, "in", -1, 8, 8, 8);
  net_node(g, "Shape", "in", "shape");
  net_node(g, "Relu", "in", "x");
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_node(g, "Reshape", "a shape", "end");
  net_node(g, "Reshape", "x shape", "elsewhere");
  net_output(g, "end");
  net_output(g, "elsewhere");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_FOUND);
  ck_assert_uint_eq(self.region.n_own, 2);
  bench_end(&self);
}
END_TEST

START_TEST(region__gives_up_where_it_is_too_large) {
  bench self;
  blok_graph *g = bench_begin(&self);
  char from[32], to[32];
  net_input(g, "v0", 1, 8, 8, 8);
  for (int i = 0; i < BLOK_REGION_STEPS + 1; i++) {
    snprintf(from, sizeof from, "v%d", i);
    snprintf(to, sizeof to, "v%d", i + 1);
    net_node(g, "Relu", from, to);
  }
  net_output(g, to);
  bench_open(&self);
  ck_assert_int_eq(find(&self, "v1", to), BLOK_REGION_FOUND);
  ck_assert_uint_eq(self.region.n_own, BLOK_REGION_STEPS);
  ck_assert_int_eq(find(&self, "v0", to), BLOK_REGION_TOO_LARGE);
  bench_end(&self);
}
END_TEST

START_TEST(region__gives_up_where_a_node_reads_too_much) {
  bench self;
  blok_graph *g = bench_begin(&self);
  enum { READS = BLOK_REGION_READS + 1 };
  net_input(g, "in", 1, 8, 8, 8);
  net_node(g, "Relu", "in", "x");
  blok_node_id sum;
  ck_assert_int_eq(blok_graph_add_node(g, NULL, "Sum", READS, 1, &sum, NULL), BLOK_OK);
  for (uint32_t i = 0; i < READS; i++) blok_graph_set_input(g, sum, i, net_value(g, "x"));
  blok_graph_set_output(g, sum, 0, net_value(g, "end"));
  net_output(g, "end");
  bench_open(&self);
  ck_assert_int_eq(find(&self, "x", "end"), BLOK_REGION_TOO_LARGE);
  bench_end(&self);
}
END_TEST

typedef struct sweep_input {
  blok_graph *graph;
  const blok_facts *facts;
} sweep_input;

static blok_status find_once(void *context, const blok_allocator *allocator, blok_error *error) {
  const sweep_input *input = context;
  blok_matcher matcher;
  blok_region region;
  blok_region_result result = BLOK_REGION_UNRELATED;
  blok_status status = blok_matcher_open(input->graph, input->facts, allocator, &matcher, error);
  if (status == BLOK_OK) {
    status = blok_region_find(&matcher, net_value(input->graph, "x"),
                              net_value(input->graph, "end"), &region, &result, error);
    ck_assert(status != BLOK_OK || result == BLOK_REGION_FOUND);
  }
  blok_matcher_close(&matcher);
  return status;
}

START_TEST(region__survives_every_failed_allocation) {
  blok_module *module = net_module();
  blok_graph *g = module->graph;
  blok_facts *facts = NULL;
  net_input(g, "x", 1, 8, 8, 8);
  net_conv(g, "a", "x", "a", net_k(8, 8, 3, 1));
  net_conv(g, "b", "a", "end", net_k(8, 8, 3, 1));
  net_output(g, "end");
  ck_assert_int_eq(blok_facts_compute(g, NULL, NULL, &facts, NULL), BLOK_OK);
  sweep_input input = {g, facts};
  ck_assert_uint_gt(blok_fault_sweep(find_once, &input), 3);
  blok_facts_free(&facts);
  blok_module_free(&module);
}
END_TEST

Suite *suite_region(void) {
  Suite *suite = suite_create("region");
  TCase *tests = tcase_create("region");
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, region__holds_all_ways_in_execution_order);
  tcase_add_test(tests, region__steps_over_blocks);
  tcase_add_test(tests, region__is_unrelated_where_end_is_not_computed_from_x);
  tcase_add_test(tests, region__is_unrelated_where_end_depends_on_the_shape_of_x_alone);
  tcase_add_test(tests, region__holds_what_the_shape_of_x_gives_beside_its_elements);
  tcase_add_test(tests, region__refuses_an_inner_value_that_is_read_outside);
  tcase_add_test(tests, region__refuses_an_inner_value_that_is_an_output);
  tcase_add_test(tests, region__refuses_a_second_output_that_is_read_outside);
  tcase_add_test(tests, region__takes_side_inputs_that_tell_less_than_x);
  tcase_add_test(tests, region__refuses_another_branch_of_the_same_picture);
  tcase_add_test(tests, region__takes_shapes_of_the_same_picture);
  tcase_add_test(tests, region__gives_up_where_it_is_too_large);
  tcase_add_test(tests, region__gives_up_where_a_node_reads_too_much);
  tcase_add_test(tests, region__survives_every_failed_allocation);
  suite_add_tcase(suite, tests);
  return suite;
}
