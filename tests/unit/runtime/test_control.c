// If, Loop and Scan, one inside the other: shapes that change, limits, memory.
#include <check.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support/fault.h"
#include "support/tensors.h"

Suite *suite_control(void);

static blok_error error;
static blok_module *module;
static blok_engine *engine;
static blok_executor *executor;

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_module_new(blok_allocator_default(), &module, &error), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(module, NULL, &module->graph, &error), BLOK_OK);
}

static void end(void) {
  blok_executor_free(&executor);
  blok_engine_free(&engine);
  blok_module_free(&module);
}

// ---- Graphs -------------------------------------------------------------------------------------

static blok_value_id value(blok_graph *graph, const char *name) {
  for (uint32_t v = 1; v < graph->n_values; v++) {
    if (strcmp(graph->values[v].name, name) == 0) return (blok_value_id){v};
  }
  blok_value_id id;
  ck_assert_int_eq(blok_graph_add_value(graph, name, &id, &error), BLOK_OK);
  return id;
}

// The words of a list "a b c"; "-" is one left out.
static uint32_t words(const char *list, const char **out) {
  uint32_t n = 0;
  char *copy = blok_arena_text(&module->arena, list);
  for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) out[n++] = word;
  return n;
}

static blok_node_id node(blok_graph *graph, const char *op, const char *ins, const char *outs) {
  const char *in[8], *out[8];
  uint32_t n_in = words(ins, in), n_out = words(outs, out);
  blok_node_id id;
  ck_assert_int_eq(blok_graph_add_node(graph, "", op, n_in, n_out, &id, &error), BLOK_OK);
  for (uint32_t i = 0; i < n_in; i++) {
    if (*in[i] != '-') blok_graph_set_input(graph, id, i, value(graph, in[i]));
  }
  for (uint32_t i = 0; i < n_out; i++) {
    if (*out[i] != '-') blok_graph_set_output(graph, id, i, value(graph, out[i]));
  }
  return id;
}

static void ports(blok_graph *graph, const char *ins, const char *outs) {
  const char *list[8];
  uint32_t n = words(ins, list);
  for (uint32_t i = 0; i < n; i++) {
    ck_assert_int_eq(blok_graph_add_input(graph, value(graph, list[i]), NULL, &error), BLOK_OK);
  }
  n = words(outs, list);
  for (uint32_t i = 0; i < n; i++) {
    ck_assert_int_eq(blok_graph_add_output(graph, value(graph, list[i]), NULL, &error), BLOK_OK);
  }
}

// A body of the node, with captures of these names, inputs and outputs; "-" for none.
static blok_graph *body(blok_graph *graph, blok_node_id owner, const char *attribute,
                        const char *captures, const char *ins) {
  blok_node *at = blok_node_at(graph, owner);
  blok_attr *attrs = blok_arena_array(&module->arena, at->n_attrs + 1, sizeof *attrs);
  blok_subgraph *inner = blok_arena_zero(&module->arena, sizeof *inner);
  const char *list[8];
  uint32_t n = words(captures, list);
  ck_assert_int_eq(blok_graph_new(module, graph, &inner->graph, &error), BLOK_OK);
  inner->captures = blok_arena_array(&module->arena, n, sizeof *inner->captures);
  for (uint32_t i = 0; i < n; i++) {
    blok_value_id id = value(inner->graph, list[i]);
    blok_value_at(inner->graph, id)->is_capture = true;
    inner->captures[inner->n_captures++] = (blok_capture){value(graph, list[i]), id};
  }
  ports(inner->graph, ins, "");
  if (at->n_attrs) memcpy(attrs, at->attrs, at->n_attrs * sizeof *attrs);
  attrs[at->n_attrs] = (blok_attr){
      .name = attribute, .type = BLOK_ATTR_GRAPH, .has_type = true, .n = 1, .as.graphs = inner};
  at->attrs = attrs;
  at->n_attrs++;
  return inner->graph;
}

static blok_executor_options with(const blok_allocator *allocator) {
  blok_executor_options options = {.allocator = *allocator, .limits = BLOK_LIMITS_INIT};
  options.limits.run_bytes = 1 << 20;
  options.limits.loop_trips = 100;
  return options;
}

static void make(const blok_executor_options *options) {
  ck_assert_int_eq(blok_engine_new(module, NULL, NULL, blok_allocator_default(), &engine, &error),
                   BLOK_OK);
  blok_status status = blok_executor_new(engine, options, &executor, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
}

static blok_status run(const blok_tensor *inputs, size_t n, blok_tensor *outputs, size_t n_out) {
  error = (blok_error)BLOK_ERROR_INIT;
  blok_status status = BLOK_OK;
  if (!blok_executor_shaped_for(executor, inputs, n)) {
    status = blok_executor_reshape(executor, inputs, n, &error);
  }
  for (size_t i = 0; i < n_out; i++) outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  if (status != BLOK_OK) return status;
  return blok_executor_run(executor, inputs, n, outputs, n_out, &error);
}

static void runs(const blok_tensor *inputs, size_t n, blok_tensor *outputs, size_t n_out) {
  blok_status status = run(inputs, n, outputs, n_out);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
}

// ---- Loops --------------------------------------------------------------------------------------

// most, x -> s = x doubled most times, and each value on the way collected.
static void doubling(void) {
  blok_graph *graph = module->graph;
  ports(graph, "most x", "");
  blok_graph *inner = body(graph, node(graph, "Loop", "most - x", "s all"), "body", "", "i go v");
  node(inner, "Identity", "go", "on");
  node(inner, "Add", "v v", "w");
  node(inner, "Identity", "w", "seen");
  ports(inner, "", "on w seen");
  ports(graph, "", "s all");
}

START_TEST(loop__carries_and_collects) {
  int64_t most = 3;
  float x[2] = {1, 3};
  doubling();
  blok_executor_options options = with(blok_allocator_default());
  make(&options);
  blok_tensor in[2] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 1, 2)};
  blok_tensor out[2];
  for (int round = 0; round < 2; round++) {
    runs(in, 2, out, 2);
    blok_test_same_f32(&out[0], (const float[]){8, 24}, 2, 0, 0);
    ck_assert_int_eq(out[1].dims[0], 3);
    blok_test_same_f32(&out[1], (const float[]){2, 6, 4, 12, 8, 24}, 6, 0, 0);
  }
  most = 0;
  runs(in, 2, out, 2);
  blok_test_same_f32(&out[0], x, 2, 0, 0);
  ck_assert_int_eq(out[1].dims[0], 0);
  ck_assert_int_eq(out[1].dims[1], 2);
}
END_TEST

START_TEST(loop__keeps_the_limit_of_trips) {
  int64_t most = 100;
  float x[1] = {0};
  doubling();
  blok_executor_options options = with(blok_allocator_default());
  make(&options);
  blok_tensor in[2] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1)};
  blok_tensor out[2];
  runs(in, 2, out, 2);
  most = 101;
  ck_assert_int_eq(run(in, 2, out, 2), BLOK_E_LIMIT);
  ck_assert_ptr_nonnull(strstr(error.message, "loop_trips"));
  ck_assert_ptr_nonnull(strstr(error.message, "100"));
  most = 2;
  runs(in, 2, out, 2);
}
END_TEST

// Each round makes x longer by itself; two carried values change places.
START_TEST(loop__follows_shapes_that_change) {
  int64_t most = 3;
  float x[1] = {1}, y[2] = {5, 6};
  blok_graph *graph = module->graph;
  ports(graph, "most x y", "");
  blok_graph *inner = body(graph, node(graph, "Loop", "most - x y", "a b"), "body", "", "i go u v");
  blok_node_id join = node(inner, "Concat", "u v", "longer");
  ck_assert_int_eq(blok_node_set_int(inner, join, "axis", 0, &error), BLOK_OK);
  node(inner, "Identity", "go", "on");
  ports(inner, "", "on longer u");
  ports(graph, "", "a b");
  blok_executor_options options = with(blok_allocator_default());
  make(&options);
  blok_tensor in[3] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1),
                       blok_test_tensor(BLOK_F32, y, sizeof y, 1, 2)};
  blok_tensor out[2];
  runs(in, 3, out, 2);
  // u, v: 1, 56 -> 156, 1 -> 1561, 156 -> 1561156, 1561
  blok_test_same_f32(&out[0], (const float[]){1, 5, 6, 1, 1, 5, 6}, 7, 0, 0);
  blok_test_same_f32(&out[1], (const float[]){1, 5, 6, 1}, 4, 0, 0);
}
END_TEST

// A carried value that doubles in length each round reaches the limit, and is given back.
START_TEST(loop__keeps_the_limit_of_run_bytes) {
  int64_t most = 60;
  float x[1] = {1};
  uint64_t now, top;
  blok_graph *graph = module->graph;
  ports(graph, "most x", "");
  blok_graph *inner = body(graph, node(graph, "Loop", "most - x", "y"), "body", "", "i go v");
  blok_node_id join = node(inner, "Concat", "v v", "w");
  ck_assert_int_eq(blok_node_set_int(inner, join, "axis", 0, &error), BLOK_OK);
  ports(inner, "", "go w");
  ports(graph, "", "y");
  blok_executor_options options = with(blok_allocator_default());
  make(&options);
  blok_tensor in[2] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1)};
  blok_tensor out[1];
  ck_assert_int_eq(run(in, 2, out, 1), BLOK_E_LIMIT);
  ck_assert_ptr_nonnull(strstr(error.message, "run_bytes"));
  most = 4;
  runs(in, 2, out, 1);
  ck_assert_int_eq(out[0].dims[0], 16);
  blok_executor_heap_bytes(executor, &now, &top);
  ck_assert_uint_eq(now, 16 * sizeof(float));
  ck_assert_uint_ge(top, now);
}
END_TEST

START_TEST(loop__hands_carried_values_through_in_turns) {
  int64_t most = 5;
  float x[2] = {1, 2}, y[2] = {3, 4};
  blok_graph *graph = module->graph;
  ports(graph, "most x y", "");
  blok_graph *inner = body(graph, node(graph, "Loop", "most - x y", "a b"), "body", "", "i go u v");
  ports(inner, "", "go v u");
  ports(graph, "", "a b");
  blok_executor_options options = with(blok_allocator_default());
  make(&options);
  blok_tensor in[3] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 1, 2),
                       blok_test_tensor(BLOK_F32, y, sizeof y, 1, 2)};
  blok_tensor out[2];
  runs(in, 3, out, 2);
  blok_test_same_f32(&out[0], y, 2, 0, 0);
  blok_test_same_f32(&out[1], x, 2, 0, 0);
}
END_TEST

// Stops when the sum reaches 10, whatever most says.
START_TEST(loop__stops_when_the_body_says_so) {
  int64_t most = 50;
  float x[1] = {3}, ten[1] = {10};
  blok_graph *graph = module->graph;
  ports(graph, "most x ten", "");
  blok_graph *inner =
      body(graph, node(graph, "Loop", "most - x", "s all"), "body", "ten", "i go v");
  node(inner, "Add", "v v", "w");
  node(inner, "Less", "w ten", "on");
  node(inner, "Identity", "i", "round");
  ports(inner, "", "on w round");
  ports(graph, "", "s all");
  blok_executor_options options = with(blok_allocator_default());
  make(&options);
  blok_tensor in[3] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 0),
                       blok_test_tensor(BLOK_F32, ten, sizeof ten, 0)};
  blok_tensor out[2];
  runs(in, 3, out, 2);
  ck_assert(*(const float *)out[0].data == 12);
  ck_assert_int_eq(out[1].dims[0], 2);
  ck_assert_int_eq(((const int64_t *)out[1].data)[1], 1);
}
END_TEST

// ---- Scans --------------------------------------------------------------------------------------

// The running sums over axis 1 of x[2, 3], backwards, collected along axis 1.
START_TEST(scan__walks_an_axis_backwards) {
  float x[6] = {1, 2, 3, 10, 20, 30}, start[2] = {0, 0};
  blok_graph *graph = module->graph;
  ports(graph, "start x", "");
  blok_node_id scan = node(graph, "Scan", "start x", "s all");
  const int64_t one = 1;
  ck_assert_int_eq(blok_node_set_int(graph, scan, "num_scan_inputs", 1, &error), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(graph, scan, "scan_input_axes", &one, 1, &error), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(graph, scan, "scan_output_axes", &one, 1, &error), BLOK_OK);
  ck_assert_int_eq(blok_node_set_ints(graph, scan, "scan_input_directions", &one, 1, &error),
                   BLOK_OK);
  blok_graph *inner = body(graph, scan, "body", "", "v slice");
  node(inner, "Add", "v slice", "w");
  node(inner, "Identity", "w", "seen");
  ports(inner, "", "w seen");
  ports(graph, "", "s all");
  blok_executor_options options = with(blok_allocator_default());
  make(&options);
  blok_tensor in[2] = {blok_test_tensor(BLOK_F32, start, sizeof start, 1, 2),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 2, 2, 3)};
  blok_tensor out[2];
  ck_assert_int_eq(blok_executor_reshape(executor, in, 2, &error), BLOK_OK);
  out[1] = (blok_tensor)BLOK_TENSOR_INIT;
  ck_assert_int_eq(blok_executor_output(executor, 1, &out[1], &error), BLOK_OK);
  ck_assert_int_eq(out[1].dims[1], 3);
  runs(in, 2, out, 2);
  blok_test_same_f32(&out[0], (const float[]){6, 60}, 2, 0, 0);
  blok_test_same_f32(&out[1], (const float[]){3, 5, 6, 30, 50, 60}, 6, 0, 0);
}
END_TEST

// Rows of 5 floats begin at any multiple of 20 bytes.
START_TEST(scan__gives_kernels_slices_at_any_address) {
  float x[7 * 5], start[1] = {0}, want[7 * 5];
  for (int i = 0; i < 35; i++) x[i] = (float)(i % 9) / 4.0F;
  blok_graph *graph = module->graph;
  ports(graph, "start x", "");
  blok_node_id scan = node(graph, "Scan", "start x", "s all");
  ck_assert_int_eq(blok_node_set_int(graph, scan, "num_scan_inputs", 1, &error), BLOK_OK);
  blok_graph *inner = body(graph, scan, "body", "", "v slice");
  node(inner, "Softmax", "slice", "p");
  node(inner, "Mul", "p slice", "q");
  ports(inner, "", "v q");
  ports(graph, "", "s all");
  blok_tensor in[2] = {blok_test_tensor(BLOK_F32, start, sizeof start, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 2, 7, 5)};
  blok_tensor out[2];
  blok_executor_options options = with(blok_allocator_default());
  options.reference = true;
  make(&options);
  runs(in, 2, out, 2);
  memcpy(want, out[1].data, sizeof want);
  blok_executor_free(&executor);
  blok_engine_free(&engine);
  options.reference = false;
  make(&options);
  runs(in, 2, out, 2);
  blok_test_same_f32(&out[1], want, 35, 1e-5, 0);
}
END_TEST

// ---- One in the other ---------------------------------------------------------------------------

// A loop whose body takes a branch each round: x + x while flag, x * x if not.
static void nested(void) {
  blok_graph *graph = module->graph;
  ports(graph, "most flag x", "");
  blok_graph *inner = body(graph, node(graph, "Loop", "most - x", "y"), "body", "flag", "i go v");
  blok_node_id choice = node(inner, "If", "flag", "w");
  blok_graph *sum = body(inner, choice, "then_branch", "v", "");
  node(sum, "Add", "v v", "r");
  ports(sum, "", "r");
  blok_graph *product = body(inner, choice, "else_branch", "v", "");
  node(product, "Mul", "v v", "r");
  node(product, "Identity", "r", "q");
  ports(product, "", "q");
  ports(inner, "", "go w");
  ports(graph, "", "y");
}

START_TEST(loop__holds_a_branch) {
  int64_t most = 3;
  uint8_t flag = 1;
  float x[2] = {2, 3};
  nested();
  blok_executor_options options = with(blok_allocator_default());
  make(&options);
  blok_tensor in[3] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_BOOL, &flag, 1, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 1, 2)};
  blok_tensor out[1];
  runs(in, 3, out, 1);
  blok_test_same_f32(&out[0], (const float[]){16, 24}, 2, 0, 0);
  flag = 0;
  runs(in, 3, out, 1);
  blok_test_same_f32(&out[0], (const float[]){256, 6561}, 2, 0, 0);
}
END_TEST

static blok_status sweep_nested(void *context, const blok_allocator *allocator, blok_error *fault) {
  (void)context;
  int64_t most = 2;
  uint8_t flag = 0;
  float x[2] = {2, 3};
  blok_engine *from = NULL;
  blok_executor *made = NULL;
  blok_executor_options options = with(allocator);
  blok_tensor in[3] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_BOOL, &flag, 1, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 1, 2)};
  blok_tensor y = BLOK_TENSOR_INIT;
  blok_status status = blok_engine_new(module, NULL, NULL, allocator, &from, fault);
  if (status == BLOK_OK) status = blok_executor_new(from, &options, &made, fault);
  if (status == BLOK_OK) status = blok_executor_reshape(made, in, 3, fault);
  if (status == BLOK_OK) status = blok_executor_run(made, in, 3, &y, 1, fault);
  blok_executor_free(&made);
  blok_engine_free(&from);
  return status;
}

START_TEST(control__survives_every_failed_allocation) {
  nested();
  ck_assert_uint_gt(blok_fault_sweep(sweep_nested, NULL), 20);
}
END_TEST

static int stop_at_seven(void *context, const char *what, uint64_t done, uint64_t total) {
  int *calls = context;
  (void)what;
  ck_assert_uint_lt(done, total);
  return ++*calls == 7;
}

START_TEST(loop__stops_when_it_is_told_to) {
  int64_t most = 90;
  float x[1] = {1};
  int calls = 0;
  doubling();
  blok_executor_options options = with(blok_allocator_default());
  options.progress = stop_at_seven;
  options.progress_context = &calls;
  make(&options);
  blok_tensor in[2] = {blok_test_tensor(BLOK_I64, &most, 8, 0),
                       blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1)};
  blok_tensor out[2];
  ck_assert_int_eq(run(in, 2, out, 2), BLOK_E_CANCELLED);
  ck_assert_int_eq(calls, 7);
  most = 1;
  runs(in, 2, out, 2);
}
END_TEST

Suite *suite_control(void) {
  Suite *suite = suite_create("control");
  TCase *tests = tcase_create("control");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, loop__carries_and_collects);
  tcase_add_test(tests, loop__keeps_the_limit_of_trips);
  tcase_add_test(tests, loop__follows_shapes_that_change);
  tcase_add_test(tests, loop__keeps_the_limit_of_run_bytes);
  tcase_add_test(tests, loop__hands_carried_values_through_in_turns);
  tcase_add_test(tests, loop__stops_when_the_body_says_so);
  tcase_add_test(tests, loop__stops_when_it_is_told_to);
  tcase_add_test(tests, scan__walks_an_axis_backwards);
  tcase_add_test(tests, scan__gives_kernels_slices_at_any_address);
  tcase_add_test(tests, loop__holds_a_branch);
  tcase_add_test(tests, control__survives_every_failed_allocation);
  suite_add_tcase(suite, tests);
  return suite;
}
