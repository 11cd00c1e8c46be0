// The executor on graphs made here: late values, their memory, branches, operators nobody has.
#include <check.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support/fault.h"
#include "support/tensors.h"

Suite *suite_executor(void);

static blok_error error;
static blok_module *module;
static blok_executor *executor;

static void begin(void) {
  error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_module_new(blok_allocator_default(), &module, &error), BLOK_OK);
  ck_assert_int_eq(blok_graph_new(module, NULL, &module->graph, &error), BLOK_OK);
}

static void end(void) {
  blok_executor_free(&executor);
  blok_module_free(&module);
}

static blok_value_id value(blok_graph *graph, const char *name) {
  for (uint32_t v = 1; v < graph->n_values; v++) {
    if (strcmp(graph->values[v].name, name) == 0) return (blok_value_id){v};
  }
  blok_value_id id;
  ck_assert_int_eq(blok_graph_add_value(graph, name, &id, &error), BLOK_OK);
  return id;
}

// One input, one output.
static blok_node_id node(blok_graph *graph, const char *op, const char *in, const char *out) {
  blok_node_id id;
  ck_assert_int_eq(blok_graph_add_node(graph, "", op, 1, 1, &id, &error), BLOK_OK);
  blok_graph_set_input(graph, id, 0, value(graph, in));
  blok_graph_set_output(graph, id, 0, value(graph, out));
  return id;
}

static void put_input(blok_graph *graph, const char *name) {
  ck_assert_int_eq(blok_graph_add_input(graph, value(graph, name), NULL, &error), BLOK_OK);
}

static void put_output(blok_graph *graph, const char *name) {
  ck_assert_int_eq(blok_graph_add_output(graph, value(graph, name), NULL, &error), BLOK_OK);
}

static blok_executor_options with(blok_allocator allocator, uint64_t run_bytes) {
  blok_executor_options options = {allocator, BLOK_LIMITS_INIT, NULL, NULL};
  options.limits.run_bytes = run_bytes;
  return options;
}

static blok_status run(blok_tensor *inputs, size_t n, blok_tensor *out) {
  blok_status status = blok_executor_reshape(executor, inputs, n, &error);
  if (status != BLOK_OK) return status;
  *out = (blok_tensor)BLOK_TENSOR_INIT;
  return blok_executor_run(executor, inputs, n, out, 1, &error);
}

// NonZero of 1,000 ones: 8 KB of indices; then eight casts there and back, 4 and 8 KB each.
static void late_chain(void) {
  blok_graph *graph = module->graph;
  put_input(graph, "x");
  node(graph, "NonZero", "x", "at");
  static const char *const names[] = {"at", "a", "b", "c", "d", "e", "f", "g", "y"};
  for (int i = 0; i < 8; i++) {
    blok_node_id id = node(graph, "Cast", names[i], names[i + 1]);
    ck_assert_int_eq(blok_node_set_int(graph, id, "to", i % 2 ? BLOK_I64 : BLOK_F32, &error),
                     BLOK_OK);
  }
  put_output(graph, "y");
}

START_TEST(run__gives_late_values_back_after_their_last_use) {
  static float x[1000];
  for (int i = 0; i < 1000; i++) x[i] = 1;
  blok_fault fault = BLOK_FAULT_INIT;
  late_chain();
  // Two neighbours fit, three do not.
  blok_executor_options options = with(blok_fault_allocator(&fault), 13000);
  ck_assert_int_eq(blok_executor_new(module, &options, &executor, &error), BLOK_OK);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1000), y;
  for (int round = 0; round < 3; round++) {
    ck_assert_msg(run(&input, 1, &y) == BLOK_OK, "%s", error.message);
    ck_assert_int_eq(y.dims[1], 1000);
    ck_assert_int_eq(((const int64_t *)y.data)[999], 999);
  }
  blok_executor_free(&executor);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(run__keeps_the_limit_for_late_values) {
  static float x[1000];
  for (int i = 0; i < 1000; i++) x[i] = 1;
  late_chain();
  blok_executor_options options = with(*blok_allocator_default(), 11000);
  ck_assert_int_eq(blok_executor_new(module, &options, &executor, &error), BLOK_OK);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1000), y;
  ck_assert_int_eq(run(&input, 1, &y), BLOK_E_LIMIT);
  ck_assert_ptr_nonnull(strstr(error.message, "run_bytes"));
  memset(x, 0, sizeof x);
  error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_msg(run(&input, 1, &y) == BLOK_OK, "%s", error.message);
  ck_assert_int_eq(y.dims[1], 0);
}
END_TEST

static blok_status sweep_late(void *context, const blok_allocator *allocator, blok_error *fault) {
  (void)context;
  static float x[10] = {1, 0, 1};
  blok_executor *made = NULL;
  blok_executor_options options = with(*allocator, 1 << 20);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 10), y = BLOK_TENSOR_INIT;
  blok_status status = blok_executor_new(module, &options, &made, fault);
  if (status != BLOK_OK) ck_assert_ptr_null(made);
  if (status == BLOK_OK) status = blok_executor_reshape(made, &input, 1, fault);
  if (status == BLOK_OK) status = blok_executor_run(made, &input, 1, &y, 1, fault);
  blok_executor_free(&made);
  return status;
}

START_TEST(run__survives_every_failed_allocation_of_late_values) {
  late_chain();
  ck_assert_uint_gt(blok_fault_sweep(sweep_late, NULL), 20);
}
END_TEST

START_TEST(executor__takes_another_reshape_after_one_that_failed) {
  static float x[4000];
  blok_graph *graph = module->graph;
  put_input(graph, "x");
  node(graph, "Relu", "x", "y");
  put_output(graph, "y");
  blok_executor_options options = with(*blok_allocator_default(), 8192);
  ck_assert_int_eq(blok_executor_new(module, &options, &executor, &error), BLOK_OK);
  blok_tensor small = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 2000), y;
  blok_tensor large = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 4000);
  ck_assert_int_eq(run(&small, 1, &y), BLOK_OK);
  ck_assert_int_eq(run(&large, 1, &y), BLOK_E_LIMIT);
  ck_assert(!blok_executor_shaped_for(executor, &small, 1));
  error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_int_eq(run(&small, 1, &y), BLOK_OK);
  ck_assert(blok_executor_shaped_for(executor, &small, 1));
}
END_TEST

START_TEST(executor__names_the_operator_that_nothing_runs) {
  blok_graph *graph = module->graph;
  put_input(graph, "x");
  node(graph, "Frobnicate", "x", "y");
  put_output(graph, "y");
  blok_executor_options options = with(*blok_allocator_default(), 8192);
  ck_assert_int_eq(blok_executor_new(module, &options, &executor, &error), BLOK_E_UNSUPPORTED);
  ck_assert_ptr_null(executor);
  ck_assert_ptr_nonnull(strstr(error.message, "Frobnicate"));
}
END_TEST

START_TEST(run__hands_an_input_through) {
  float x[3] = {1, 2, 3}, mine[3] = {0};
  blok_graph *graph = module->graph;
  put_input(graph, "x");
  put_output(graph, "x");
  blok_executor_options options = with(*blok_allocator_default(), 8192);
  ck_assert_int_eq(blok_executor_new(module, &options, &executor, &error), BLOK_OK);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 3);
  blok_tensor out = BLOK_TENSOR_INIT;
  out.data = mine;
  out.bytes = sizeof mine;
  ck_assert_int_eq(blok_executor_reshape(executor, &input, 1, &error), BLOK_OK);
  ck_assert_int_eq(blok_executor_run(executor, &input, 1, &out, 1, &error), BLOK_OK);
  blok_test_same_f32(&out, x, 3, 0, 0);
}
END_TEST

Suite *suite_executor(void) {
  Suite *suite = suite_create("executor");
  TCase *tests = tcase_create("executor");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, run__gives_late_values_back_after_their_last_use);
  tcase_add_test(tests, run__keeps_the_limit_for_late_values);
  tcase_add_test(tests, run__survives_every_failed_allocation_of_late_values);
  tcase_add_test(tests, executor__takes_another_reshape_after_one_that_failed);
  tcase_add_test(tests, executor__names_the_operator_that_nothing_runs);
  tcase_add_test(tests, run__hands_an_input_through);
  suite_add_tcase(suite, tests);
  return suite;
}
