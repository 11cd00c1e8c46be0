// What is known of Loop and Scan: shapes that stay from round to round, and those that do not.
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "net.h"
#include "passes/facts.h"

Suite *suite_loops(void);

static blok_error error;
static blok_facts *facts;

static blok_status infer(const net *self) {
  error = (blok_error)BLOK_ERROR_INIT;
  blok_facts_options options = {.inferred_only = true};
  return blok_facts_compute(self->graph, &options, NULL, &facts, &error);
}

static void gives(const net *self, const char *name, const char *shape) {
  const blok_fact *fact = &facts->of[net_value(self->graph, name).i];
  ck_assert_str_eq(blok_print_fact(fact).text, shape);
}

// Infers, asserts the shapes of y and all (NULL: there is none), and frees all.
static void shapes(net *self, const char *y, const char *all) {
  ck_assert_msg(infer(self) == BLOK_OK, "%s", error.message);
  gives(self, "y", y);
  if (all) gives(self, "all", all);
  blok_facts_free(&facts);
  net_free(self);
}

static void refuses(net *self, const char *text) {
  ck_assert_int_eq(infer(self), BLOK_E_SHAPE);
  ck_assert_msg(strstr(error.message, text) != NULL, "%s", error.message);
  net_free(self);
}

// y, all = Loop(most, , x); the body's inputs are i, go, v, and its graph is the net's now.
static void begin_loop(net *self, const char *dims) {
  net_make(self, 28);
  net_input(self, "x", BLOK_F32, dims);
  net_branch(self, net_node(self, "Loop", "most,,x", "y,all"), "body", "");
  net_input(self, "i", BLOK_I64, "");
  net_input(self, "go", BLOK_BOOL, "");
  net_input(self, "v", BLOK_F32, "7,7,7");  // left over from an export, and wrong
}

static void end_loop(net *self, const char *condition, const char *carried, const char *seen) {
  net_output(self, condition);
  net_output(self, carried);
  net_output(self, seen);
  net_leave(self);
  net_output(self, "y");
  net_output(self, "all");
}

START_TEST(facts__keep_a_carried_shape_that_stays) {
  net self;
  begin_loop(&self, "N,3");
  net_node(&self, "Add", "v,v", "w");
  net_node(&self, "Not", "go", "on");
  end_loop(&self, "on", "w", "w");
  net_input(&self, "most", BLOK_I64, "");
  shapes(&self, "[N, 3]", "[?, N, 3]");
}
END_TEST

START_TEST(facts__count_the_rounds_of_a_loop_that_never_stops_early) {
  net self;
  begin_loop(&self, "2,3");
  net_node(&self, "Add", "v,v", "w");
  net_node(&self, "Identity", "go", "on");
  end_loop(&self, "on", "w", "w");
  net_i64(&self, "most", "", (int64_t[]){4});
  shapes(&self, "[2, 3]", "[4, 2, 3]");
}
END_TEST

START_TEST(facts__open_the_axis_that_a_loop_changes) {
  net self;
  begin_loop(&self, "2,3");
  net_int(&self, net_node(&self, "Concat", "v,v", "w"), "axis", 0);
  end_loop(&self, "go", "w", "i");
  net_input(&self, "most", BLOK_I64, "");
  shapes(&self, "[?, 3]", "[?]");
}
END_TEST

START_TEST(facts__open_the_rank_that_a_loop_changes) {
  net self;
  begin_loop(&self, "2,3");
  net_i64(&self, "front", "1", (int64_t[]){0});
  net_node(&self, "Unsqueeze", "v,front", "w");
  end_loop(&self, "go", "w", "i");
  net_input(&self, "most", BLOK_I64, "");
  shapes(&self, "?", "[?]");
}
END_TEST

START_TEST(facts__refuse_a_body_of_other_inputs_or_types) {
  net self;
  begin_loop(&self, "2,3");
  net_input(&self, "more", BLOK_F32, "");
  end_loop(&self, "go", "v", "i");
  net_input(&self, "most", BLOK_I64, "");
  refuses(&self, "the body has 4 inputs where 3 are given to it");
  begin_loop(&self, "2,3");
  net_int(&self, net_node(&self, "Cast", "v", "w"), "to", BLOK_F64);
  end_loop(&self, "go", "w", "i");
  net_input(&self, "most", BLOK_I64, "");
  refuses(&self, "carried value 0 is float32 at first, but the body makes it float64");
}
END_TEST

// y, all = Scan(start, x), x scanned along axis 1.
static void begin_scan(net *self, int64_t scanned) {
  net_make(self, 28);
  net_input(self, "start", BLOK_F32, "2");
  net_input(self, "x", BLOK_F32, "2,5");
  blok_node_id node = net_node(self, "Scan", "start,x", "y,all");
  net_int(self, node, "num_scan_inputs", scanned);
  if (scanned == 1) {
    net_ints(self, node, "scan_input_axes", 1, (int64_t[]){-1});
    net_ints(self, node, "scan_output_axes", 1, (int64_t[]){-1});
  }
  net_branch(self, node, "body", "");
  net_input(self, "v", BLOK_F32, NULL);
  net_input(self, "slice", BLOK_F32, NULL);
  net_node(self, "Add", "v,slice", "w");
  net_output(self, "w");
  net_output(self, "slice");
  net_leave(self);
  net_output(self, "y");
  net_output(self, "all");
}

START_TEST(facts__slice_what_a_scan_walks_along) {
  net self;
  begin_scan(&self, 1);
  shapes(&self, "[2]", "[2, 5]");
}
END_TEST

START_TEST(facts__refuse_scans_that_do_not_fit) {
  net self;
  begin_scan(&self, 0);
  refuses(&self, "num_scan_inputs is 0, and the node has 2 inputs");
  begin_scan(&self, 3);
  refuses(&self, "num_scan_inputs is 3, and the node has 2 inputs");
  begin_scan(&self, 2);
  net_type(&self, "start", BLOK_F32, "7");
  refuses(&self, "scanned inputs have 7 and 2 slices");
}
END_TEST

START_TEST(facts_body__tells_what_holds_in_every_round) {
  net self;
  begin_loop(&self, "2,3");
  net_int(&self, net_node(&self, "Concat", "v,v", "w"), "axis", 0);
  end_loop(&self, "go", "w", "i");
  net_input(&self, "most", BLOK_I64, "");
  ck_assert_msg(infer(&self) == BLOK_OK, "%s", error.message);
  blok_arena arena;
  blok_arena_init(&arena, blok_allocator_default());
  blok_node_id node = self.graph->order[0];
  blok_fact *inputs, *captures;
  const blok_subgraph *body = blok_node_attr(blok_node_at(self.graph, node), "body")->as.graphs;
  ck_assert_int_eq(
      blok_facts_body(facts, self.graph, node, body, &arena, &inputs, &captures, &error), BLOK_OK);
  ck_assert_str_eq(blok_print_fact(&inputs[0]).text, "[]");
  ck_assert_int_eq(inputs[1].dtype, BLOK_BOOL);
  ck_assert_str_eq(blok_print_fact(&inputs[2]).text, "[?, 3]");
  blok_arena_free(&arena);
  blok_facts_free(&facts);
  net_free(&self);
}
END_TEST

START_TEST(facts_unknown__know_nothing) {
  net self;
  begin_loop(&self, "2,3");
  end_loop(&self, "go", "v", "i");
  ck_assert_int_eq(blok_facts_unknown(self.graph, NULL, &facts, &error), BLOK_OK);
  ck_assert_uint_ge(facts->n, self.graph->n_values);
  gives(&self, "x", "?");
  blok_facts_free(&facts);
  net_free(&self);
}
END_TEST

// Trials of a body inside trials of a body: the work must not double with each level.
START_TEST(facts__take_deeply_nested_loops) {
  enum { DEPTH = 40 };
  net self;
  net_make(&self, 28);
  net_input(&self, "most", BLOK_I64, "");
  net_input(&self, "v", BLOK_F32, "2,3");
  for (int d = 0; d < DEPTH; d++) {
    net_branch(&self, net_node(&self, "Loop", "most,,v", "y"), "body", "most");
    net_input(&self, "i", BLOK_I64, "");
    net_input(&self, "go", BLOK_BOOL, "");
    net_input(&self, "v", BLOK_F32, NULL);
  }
  net_int(&self, net_node(&self, "Concat", "v,v", "y"), "axis", 0);
  for (int d = 0; d < DEPTH; d++) {
    net_output(&self, "go");
    net_output(&self, "y");
    net_leave(&self);
  }
  net_output(&self, "y");
  ck_assert_msg(infer(&self) == BLOK_OK, "%s", error.message);
  blok_facts_free(&facts);
  net_free(&self);
}
END_TEST

START_TEST(normalise__refuses_scans_of_a_batch) {
  net self;
  net_make(&self, 8);
  net_input(&self, "start", BLOK_F32, "1,2");
  net_input(&self, "x", BLOK_F32, "1,5,2");
  blok_node_id node = net_node(&self, "Scan", ",start,x", "y");
  net_int(&self, node, "num_scan_inputs", 1);
  net_branch(&self, node, "body", "");
  net_input(&self, "v", BLOK_F32, "2");
  net_input(&self, "slice", BLOK_F32, "2");
  net_node(&self, "Add", "v,slice", "w");
  net_output(&self, "w");
  net_leave(&self);
  net_output(&self, "y");
  net_refuse(&self, BLOK_E_UNSUPPORTED, "operator set 9");
  net_free(&self);
}
END_TEST

Suite *suite_loops(void) {
  Suite *suite = suite_create("loops");
  TCase *tests = tcase_create("loops");
  tcase_add_test(tests, facts__keep_a_carried_shape_that_stays);
  tcase_add_test(tests, facts__count_the_rounds_of_a_loop_that_never_stops_early);
  tcase_add_test(tests, facts__open_the_axis_that_a_loop_changes);
  tcase_add_test(tests, facts__open_the_rank_that_a_loop_changes);
  tcase_add_test(tests, facts__refuse_a_body_of_other_inputs_or_types);
  tcase_add_test(tests, facts__slice_what_a_scan_walks_along);
  tcase_add_test(tests, facts__refuse_scans_that_do_not_fit);
  tcase_add_test(tests, facts_body__tells_what_holds_in_every_round);
  tcase_add_test(tests, facts_unknown__know_nothing);
  tcase_add_test(tests, facts__take_deeply_nested_loops);
  tcase_add_test(tests, normalise__refuses_scans_of_a_batch);
  suite_add_tcase(suite, tests);
  return suite;
}
