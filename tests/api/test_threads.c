// Threads: the same bits however many there are, pools of all kinds, and sessions that go on after
// what went wrong.
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"
#include "support/fault.h"
#include "support/tensors.h"

Suite *suite_threads(void);

static blok_error error;

static void empty_error(void) { error = (blok_error)BLOK_ERROR_INIT; }

// ---- The same bits ------------------------------------------------------------------------------

static const char *const models[] = {"guide_seres_down_dynamo",
                                     "guide_bottleneck_down_torchscript",
                                     "guide_pre_dynamo",
                                     "block_kinds",
                                     "dynamic_dims",
                                     "conv_norm_relu",
                                     "local_functions"};
static const uint32_t thread_counts[] = {1, 2, 3, 5, 8};
enum {
  MODELS = sizeof models / sizeof *models,
  THREAD_COUNTS = sizeof thread_counts / sizeof *thread_counts
};

// The outputs of one run, copied.
typedef struct answer {
  size_t n;
  blok_tensor outputs[BLOK_TEST_TENSORS];
} answer;

static bool run_once(blok_session *session, const blok_test_vectors *vectors, answer *out) {
  out->n = vectors->n_outputs;
  for (size_t i = 0; i < out->n; i++) out->outputs[i] = (blok_tensor)BLOK_TENSOR_INIT;
  if (blok_session_run(session, vectors->inputs, vectors->n_inputs, out->outputs, out->n, NULL) !=
      BLOK_OK) {
    return false;
  }
  for (size_t i = 0; i < out->n; i++) {
    void *copy = malloc(out->outputs[i].bytes + 1);
    if (!copy) return false;
    memcpy(copy, out->outputs[i].data, out->outputs[i].bytes);
    out->outputs[i].data = copy;
  }
  return true;
}

static void answer_free(answer *a) {
  for (size_t i = 0; i < a->n; i++) free(a->outputs[i].data);
  a->n = 0;
}

static bool same_bits(const answer *a, const answer *b) {
  if (a->n != b->n) return false;
  for (size_t i = 0; i < a->n; i++) {
    if (a->outputs[i].bytes != b->outputs[i].bytes ||
        memcmp(a->outputs[i].data, b->outputs[i].data, a->outputs[i].bytes) != 0) {
      return false;
    }
  }
  return true;
}

static blok_session *session_of(const blok_model *model, uint32_t threads, blok_pool *pool) {
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.threads = threads;
  options.pool = pool;
  blok_session *session = NULL;
  ck_assert_msg(blok_session_new(model, &options, &session, &error) == BLOK_OK, "%s",
                error.message);
  return session;
}

START_TEST(run__gives_the_same_bits_for_any_number_of_threads) {
  blok_model *model = blok_test_open(models[_i]);
  blok_test_vectors vectors;
  blok_test_vectors_read(models[_i], &vectors);
  answer first = {0};
  for (int t = 0; t < THREAD_COUNTS; t++) {
    blok_session *session = session_of(model, thread_counts[t], NULL);
    blok_machine_info machine = BLOK_MACHINE_INFO_INIT;
    ck_assert_int_eq(blok_session_machine(session, &machine, &error), BLOK_OK);
    ck_assert_uint_eq(machine.threads, thread_counts[t]);
    for (int round = 0; round < 3; round++) {
      answer next = {0};
      ck_assert(run_once(session, &vectors, &next));
      if (first.n == 0) {
        first = next;
        continue;
      }
      ck_assert_msg(same_bits(&first, &next), "%s: round %d of %u threads differs", models[_i],
                    round, thread_counts[t]);
      answer_free(&next);
    }
    blok_session_free(&session);
  }
  answer_free(&first);
  blok_test_vectors_free(&vectors);
  blok_model_free(&model);
}
END_TEST

typedef struct crowd {
  const blok_model *model;
  const blok_test_vectors *vectors;
  const answer *want;
  blok_pool *pool;
} crowd;

// Gives NULL, or what went wrong.
static void *run_in_crowd(void *context) {
  const crowd *c = context;
  static char no_session[] = "no session", failed[] = "run failed", other[] = "other bits";
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.pool = c->pool;
  blok_session *session = NULL;
  if (blok_session_new(c->model, &options, &session, NULL) != BLOK_OK) return no_session;
  void *fault = NULL;
  for (int round = 0; round < 10 && !fault; round++) {
    answer got = {0};
    if (!run_once(session, c->vectors, &got)) {
      fault = failed;
    } else if (!same_bits(c->want, &got)) {
      fault = other;
    }
    answer_free(&got);
  }
  blok_session_free(&session);
  return fault;
}

// Alone, then four at once: on the threads of the model, and on a pool of the caller's.
START_TEST(run__gives_the_same_bits_with_four_sessions_at_once) {
  blok_model *model = blok_test_open(models[_i / 2]);
  blok_test_vectors vectors;
  blok_test_vectors_read(models[_i / 2], &vectors);
  blok_session *alone = session_of(model, 1, NULL);
  answer want = {0};
  ck_assert(run_once(alone, &vectors, &want));
  blok_session_free(&alone);
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  options.threads = 3;
  crowd c = {model, &vectors, &want, NULL};
  if (_i % 2) ck_assert_int_eq(blok_pool_new(&options, &c.pool, &error), BLOK_OK);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(pthread_create(&threads[i], NULL, run_in_crowd, &c), 0);
  }
  for (int i = 0; i < 4; i++) {
    void *fault = NULL;
    ck_assert_int_eq(pthread_join(threads[i], &fault), 0);
    ck_assert_msg(!fault, "session %d: %s", i, (const char *)fault);
  }
  blok_pool_free(&c.pool);
  answer_free(&want);
  blok_test_vectors_free(&vectors);
  blok_model_free(&model);
}
END_TEST

// ---- Pools --------------------------------------------------------------------------------------

START_TEST(session__keeps_the_pool_that_it_was_given) {
  blok_model *model = blok_test_open("guide_seres_dynamo");
  blok_test_vectors vectors;
  blok_test_vectors_read("guide_seres_dynamo", &vectors);
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  options.threads = 4;
  blok_pool *pool = NULL;
  ck_assert_int_eq(blok_pool_new(&options, &pool, &error), BLOK_OK);
  blok_session *all = session_of(model, 0, pool);
  blok_session *some = session_of(model, 3, pool);
  blok_session *more = session_of(model, 9, pool);
  blok_pool_free(&pool);
  blok_session *const sessions[] = {all, some, more};
  const uint32_t want[] = {4, 3, 4};
  for (int i = 0; i < 3; i++) {
    blok_machine_info machine = BLOK_MACHINE_INFO_INIT;
    ck_assert_int_eq(blok_session_machine(sessions[i], &machine, &error), BLOK_OK);
    ck_assert_uint_eq(machine.threads, want[i]);
    blok_test_run(sessions[i], &vectors);
  }
  blok_session_free(&all);
  blok_session_free(&some);
  blok_session_free(&more);
  blok_test_vectors_free(&vectors);
  blok_model_free(&model);
}
END_TEST

START_TEST(run__does_with_more_threads_than_there_is_work) {
  blok_model *model = blok_test_open("conv_norm_relu");
  blok_test_vectors vectors;
  blok_test_vectors_read("conv_norm_relu", &vectors);
  blok_session *session = session_of(model, 64, NULL);
  for (int i = 0; i < 3; i++) blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_test_vectors_free(&vectors);
  blok_model_free(&model);
}
END_TEST

START_TEST(session__refuses_more_threads_than_a_pool_can_have) {
  blok_model *model = blok_test_open("conv_norm_relu");
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.threads = BLOK_POOL_MOST_THREADS + 1;
  blok_session *session = NULL;
  blok_test_fails(blok_session_new(model, &options, &session, &error), BLOK_E_ARGUMENT, &error,
                  "1025", "1024", NULL);
  ck_assert_ptr_null(session);
  blok_model_free(&model);
}
END_TEST

// ---- Bad input: the session goes on -------------------------------------------------------------

// dynamic_dims: x[N, 3, H, W] -> y[N, 4].
typedef struct open_case {
  blok_model *model;
  blok_session *session;
  float data[2 * 3 * 8 * 8];
  blok_tensor input;
} open_case;

static void open_dynamic(open_case *c, const blok_session_options *options) {
  memset(c->data, 0, sizeof c->data);
  c->model = blok_test_open("dynamic_dims");
  ck_assert_msg(blok_session_new(c->model, options, &c->session, &error) == BLOK_OK, "%s",
                error.message);
  c->input = blok_test_tensor(BLOK_F32, c->data, sizeof c->data, 4, 2, 3, 8, 8);
}

static void runs_well(open_case *c) {
  blok_tensor y = BLOK_TENSOR_INIT;
  ck_assert_msg(blok_session_run(c->session, &c->input, 1, &y, 1, &error) == BLOK_OK, "%s",
                error.message);
  ck_assert_int_eq(y.dims[0], 2);
}

static void close_dynamic(open_case *c) {
  blok_session_free(&c->session);
  blok_model_free(&c->model);
}

START_TEST(reshape__refuses_shapes_that_do_not_fit_and_goes_on) {
  static open_case c;
  open_dynamic(&c, NULL);
  blok_tensor wrong = blok_test_tensor(BLOK_F32, NULL, 0, 4, 2, 5, 8, 8);
  blok_test_fails(blok_session_reshape(c.session, &wrong, 1, &error), BLOK_E_SHAPE, &error, "3",
                  "5", NULL);
  runs_well(&c);
  blok_test_fails(blok_session_reshape(c.session, &wrong, 1, &error), BLOK_E_SHAPE, &error, NULL);
  blok_step_info step = BLOK_STEP_INFO_INIT;  // a reshape that failed leaves no shapes
  blok_test_fails(blok_session_step(c.session, 0, &step, &error), BLOK_E_ARGUMENT, &error, NULL);
  runs_well(&c);
  close_dynamic(&c);
}
END_TEST

START_TEST(reshape__refuses_sizes_that_overflow_and_goes_on) {
  static open_case c;
  open_dynamic(&c, NULL);
  static const int64_t sizes[][3] = {{1, INT32_MAX, INT32_MAX},
                                     {INT64_MAX / 16, 8, 8},
                                     {1, 1 << 20, 1 << 20},
                                     {INT64_MAX, INT64_MAX, INT64_MAX}};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    blok_tensor huge = c.input;
    huge.dims[0] = sizes[i][0];
    huge.dims[2] = sizes[i][1];
    huge.dims[3] = sizes[i][2];
    const blok_status status = blok_session_reshape(c.session, &huge, 1, &error);
    ck_assert_msg(status == BLOK_E_LIMIT || status == BLOK_E_SHAPE, "size %zu gives %s", i,
                  blok_status_name(status));
    blok_test_fails(status, status, &error, NULL);
    runs_well(&c);
  }
  close_dynamic(&c);
}
END_TEST

START_TEST(reshape__says_that_there_is_no_memory_and_goes_on) {
  static open_case c;
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.allocator = &allocator;
  options.threads = 2;
  open_dynamic(&c, &options);
  blok_tensor large = blok_test_tensor(BLOK_F32, NULL, 0, 4, 1, 3, 64, 64);
  runs_well(&c);
  int failed = 0;
  for (;;) {
    fault.calls = 0;
    fault.fail_at = (uint64_t)failed + 1;
    const blok_status status = blok_session_reshape(c.session, &large, 1, &error);
    fault.fail_at = 0;
    if (status == BLOK_OK) break;
    blok_test_fails(status, BLOK_E_MEMORY, &error, "memory", NULL);
    failed++;
    runs_well(&c);
  }
  ck_assert_int_ge(failed, 1);
  runs_well(&c);
  close_dynamic(&c);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

Suite *suite_threads(void) {
  Suite *suite = suite_create("threads");
  TCase *tests = tcase_create("threads");
  tcase_add_checked_fixture(tests, empty_error, NULL);
  tcase_add_loop_test(tests, run__gives_the_same_bits_for_any_number_of_threads, 0, MODELS);
  tcase_add_loop_test(tests, run__gives_the_same_bits_with_four_sessions_at_once, 0, 2 * MODELS);
  tcase_add_test(tests, session__keeps_the_pool_that_it_was_given);
  tcase_add_test(tests, run__does_with_more_threads_than_there_is_work);
  tcase_add_test(tests, session__refuses_more_threads_than_a_pool_can_have);
  tcase_add_test(tests, reshape__refuses_shapes_that_do_not_fit_and_goes_on);
  tcase_add_test(tests, reshape__refuses_sizes_that_overflow_and_goes_on);
  tcase_add_test(tests, reshape__says_that_there_is_no_memory_and_goes_on);
  suite_add_tcase(suite, tests);
  return suite;
}
