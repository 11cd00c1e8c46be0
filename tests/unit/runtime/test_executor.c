// The executor on graphs made here: late values, their memory, branches, operators nobody has.
#include <check.h>
#include <math.h>
#include <string.h>

#include "runtime/runtime.h"
#include "support/fault.h"
#include "support/tensors.h"

Suite *suite_executor(void);

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
  blok_executor_options options = {.allocator = allocator, .limits = BLOK_LIMITS_INIT};
  options.limits.run_bytes = run_bytes;
  options.limits.loop_trips = 1000;
  return options;
}

// The executor of the module's graph as it is now.
static blok_status make(const blok_executor_options *options) {
  ck_assert_int_eq(blok_engine_new(module, NULL, NULL, blok_allocator_default(), &engine, &error),
                   BLOK_OK);
  return blok_executor_new(engine, options, &executor, &error);
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
  ck_assert_int_eq(make(&options), BLOK_OK);
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
  ck_assert_int_eq(make(&options), BLOK_OK);
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
  blok_engine *from = NULL;
  blok_executor *made = NULL;
  blok_executor_options options = with(*allocator, 1 << 20);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 10), y = BLOK_TENSOR_INIT;
  blok_status status = blok_engine_new(module, NULL, NULL, allocator, &from, fault);
  if (status == BLOK_OK) status = blok_executor_new(from, &options, &made, fault);
  if (status != BLOK_OK) ck_assert_ptr_null(made);
  if (status == BLOK_OK) status = blok_executor_reshape(made, &input, 1, fault);
  if (status == BLOK_OK) status = blok_executor_run(made, &input, 1, &y, 1, fault);
  blok_executor_free(&made);
  blok_engine_free(&from);
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
  ck_assert_int_eq(make(&options), BLOK_OK);
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

// Five steps in a row, whose values take 4,000 bytes each.
static void row_of_steps(void) {
  static const char *const names[] = {"x", "a", "b", "c", "d", "y"};
  put_input(module->graph, "x");
  for (int i = 0; i < 5; i++) node(module->graph, i % 2 ? "Ceil" : "Round", names[i], names[i + 1]);
  put_output(module->graph, "y");
}

START_TEST(executor__puts_values_where_earlier_ones_have_ended) {
  static float x[1000];
  for (int i = 0; i < 1000; i++) x[i] = (float)i + 0.25F;
  row_of_steps();
  blok_executor_options options = with(*blok_allocator_default(), 1 << 20);
  options.reference = true;
  ck_assert_int_eq(make(&options), BLOK_OK);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1000), y;
  ck_assert_msg(run(&input, 1, &y) == BLOK_OK, "%s", error.message);
  ck_assert(((const float *)y.data)[999] == 999.0F);
  ck_assert_uint_le(blok_executor_shaped(executor)->arena_bytes, 2 * 4032);
}
END_TEST

START_TEST(executor__tells_the_memory_that_it_takes) {
  static float x[1000];
  blok_fault fault = BLOK_FAULT_INIT;
  row_of_steps();
  blok_executor_options options = with(blok_fault_allocator(&fault), 1 << 20);
  ck_assert_int_eq(make(&options), BLOK_OK);
  ck_assert_uint_eq(blok_executor_arena_bytes(executor), 0);
  size_t before = fault.live_bytes;
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1000), y = BLOK_TENSOR_INIT;
  ck_assert_int_eq(blok_executor_reshape(executor, &input, 1, &error), BLOK_OK);
  // What the block's alignment costs comes on top.
  size_t taken = fault.live_bytes - before;
  ck_assert_uint_ge(taken, blok_executor_arena_bytes(executor));
  ck_assert_uint_le(taken, blok_executor_arena_bytes(executor) + 64 + sizeof(void *));
  size_t peak = fault.peak_bytes;
  ck_assert_int_eq(blok_executor_run(executor, &input, 1, &y, 1, &error), BLOK_OK);
  ck_assert_uint_eq(fault.live_bytes - before, taken);
  ck_assert_uint_eq(fault.peak_bytes, peak);
  blok_executor_free(&executor);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(run__ignores_what_an_earlier_run_left) {
  static float x[1000], first[1000];
  row_of_steps();
  blok_executor_options options = with(*blok_allocator_default(), 1 << 20);
  ck_assert_int_eq(make(&options), BLOK_OK);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 1000), y;
  for (int i = 0; i < 1000; i++) x[i] = (float)i / 8.0F;
  ck_assert_int_eq(run(&input, 1, &y), BLOK_OK);
  memcpy(first, y.data, sizeof first);
  for (int i = 0; i < 1000; i++) x[i] = NAN;
  ck_assert_int_eq(run(&input, 1, &y), BLOK_OK);
  ck_assert(isnan(((const float *)y.data)[7]));
  for (int i = 0; i < 1000; i++) x[i] = (float)i / 8.0F;
  ck_assert_int_eq(run(&input, 1, &y), BLOK_OK);
  ck_assert_mem_eq(y.data, first, sizeof first);
}
END_TEST

START_TEST(reshape__without_memory_for_the_arena_leaves_no_shapes) {
  static float x[100];
  blok_fault fault = BLOK_FAULT_INIT;
  row_of_steps();
  blok_executor_options options = with(blok_fault_allocator(&fault), 1 << 20);
  ck_assert_int_eq(make(&options), BLOK_OK);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 100), y;
  fault.fail_at = fault.calls + 1;
  fault.fail_after = true;
  ck_assert_int_eq(run(&input, 1, &y), BLOK_E_MEMORY);
  ck_assert_ptr_null(blok_executor_shaped(executor));
  ck_assert_uint_eq(blok_executor_arena_bytes(executor), 0);
  fault.fail_at = 0;
  error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_int_eq(run(&input, 1, &y), BLOK_OK);
  blok_executor_free(&executor);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(reshape__refuses_values_larger_than_memory) {
  put_input(module->graph, "x");
  node(module->graph, "Round", "x", "y");
  put_output(module->graph, "y");
  blok_executor_options options = with(*blok_allocator_default(), UINT64_MAX);
  ck_assert_int_eq(make(&options), BLOK_OK);
  float x[1] = {0};
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 2, 1, 1), y;
  input.dims[0] = INT64_C(1) << 40;
  input.dims[1] = INT64_C(1) << 40;
  ck_assert_int_eq(blok_executor_reshape(executor, &input, 1, &error), BLOK_E_SHAPE);
  input.dims[1] = 1 << 20;
  error = (blok_error)BLOK_ERROR_INIT;
  ck_assert_int_ne(blok_executor_reshape(executor, &input, 1, &error), BLOK_OK);
  ck_assert_ptr_ne(strchr(error.message, ' '), NULL);
  input.dims[0] = input.dims[1] = 1;
  ck_assert_int_eq(run(&input, 1, &y), BLOK_OK);
}
END_TEST

// Softmax of 64 rows of 1,000 numbers, then LogSoftmax: kernels worth more than one thread.
static void kernels(void) {
  put_input(module->graph, "x");
  node(module->graph, "Softmax", "x", "a");
  node(module->graph, "LogSoftmax", "a", "y");
  put_output(module->graph, "y");
}

static blok_tensor rows_of_numbers(void) {
  static float x[64 * 1000];
  for (int i = 0; i < 64000; i++) x[i] = (float)(i * 7919 % 1013) / 97.0F;
  return blok_test_tensor(BLOK_F32, x, sizeof x, 2, 64, 1000);
}

START_TEST(run__allocates_nothing_where_every_step_is_a_kernel) {
  blok_fault fault = BLOK_FAULT_INIT;
  kernels();
  blok_executor_options options = with(blok_fault_allocator(&fault), 1 << 24);
  ck_assert_int_eq(make(&options), BLOK_OK);
  blok_tensor input = rows_of_numbers(), y;
  ck_assert_msg(run(&input, 1, &y) == BLOK_OK, "%s", error.message);
  const blok_shaped *shaped = blok_executor_shaped(executor);
  for (uint32_t s = 0; s < shaped->n_steps; s++) {
    ck_assert_int_eq(shaped->steps[s].kind, BLOK_STEP_KERNEL);
  }
  uint64_t calls = fault.calls;
  for (int round = 0; round < 3; round++) ck_assert_int_eq(run(&input, 1, &y), BLOK_OK);
  ck_assert_uint_eq(fault.calls, calls);
  blok_executor_free(&executor);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(run__has_the_same_bits_for_any_number_of_threads) {
  static const uint32_t threads[] = {1, 2, 3, 5, 8};
  static float want[64 * 1000];
  blok_tensor input = rows_of_numbers(), y;
  kernels();
  for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
    blok_pool_options pool = BLOK_POOL_OPTIONS_INIT;
    blok_executor_options options = with(*blok_allocator_default(), 1 << 24);
    pool.threads = threads[t];
    ck_assert_int_eq(blok_pool_new(&pool, &options.pool, &error), BLOK_OK);
    ck_assert_int_eq(make(&options), BLOK_OK);
    blok_pool_free(&options.pool);  // the executor keeps it
    for (int round = 0; round < 5; round++) {
      ck_assert_msg(run(&input, 1, &y) == BLOK_OK, "%s", error.message);
      if (t == 0) memcpy(want, y.data, sizeof want);
      ck_assert_mem_eq(y.data, want, sizeof want);
    }
    blok_executor_free(&executor);
    blok_engine_free(&engine);
  }
}
END_TEST

START_TEST(profile__counts_the_runs_of_each_step) {
  static float x[100];
  row_of_steps();
  blok_executor_options options = with(*blok_allocator_default(), 1 << 20);
  ck_assert_int_eq(make(&options), BLOK_OK);
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 1, 100), y;
  ck_assert_ptr_null(blok_executor_times(executor));
  ck_assert_int_eq(blok_executor_profile(executor, true, &error), BLOK_OK);
  for (int round = 0; round < 3; round++) ck_assert_int_eq(run(&input, 1, &y), BLOK_OK);
  const blok_step_time *times = blok_executor_times(executor);
  ck_assert_ptr_nonnull(times);
  for (uint32_t s = 0; s < blok_executor_shaped(executor)->n_steps; s++) {
    ck_assert_uint_eq(times[s].runs, 3);
  }
  ck_assert_int_eq(blok_executor_profile(executor, true, &error), BLOK_OK);
  ck_assert_uint_eq(blok_executor_times(executor)[0].runs, 0);
  ck_assert_int_eq(blok_executor_profile(executor, false, &error), BLOK_OK);
  ck_assert_ptr_null(blok_executor_times(executor));
}
END_TEST

START_TEST(executor__names_the_operator_that_nothing_runs) {
  blok_graph *graph = module->graph;
  put_input(graph, "x");
  node(graph, "Frobnicate", "x", "y");
  put_output(graph, "y");
  blok_executor_options options = with(*blok_allocator_default(), 8192);
  ck_assert_int_eq(make(&options), BLOK_E_UNSUPPORTED);
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
  ck_assert_int_eq(make(&options), BLOK_OK);
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
  tcase_add_test(tests, executor__puts_values_where_earlier_ones_have_ended);
  tcase_add_test(tests, executor__tells_the_memory_that_it_takes);
  tcase_add_test(tests, run__ignores_what_an_earlier_run_left);
  tcase_add_test(tests, reshape__without_memory_for_the_arena_leaves_no_shapes);
  tcase_add_test(tests, reshape__refuses_values_larger_than_memory);
  tcase_add_test(tests, run__allocates_nothing_where_every_step_is_a_kernel);
  tcase_add_test(tests, run__has_the_same_bits_for_any_number_of_threads);
  tcase_add_test(tests, profile__counts_the_runs_of_each_step);
  tcase_add_test(tests, executor__names_the_operator_that_nothing_runs);
  tcase_add_test(tests, run__hands_an_input_through);
  suite_add_tcase(suite, tests);
  return suite;
}
