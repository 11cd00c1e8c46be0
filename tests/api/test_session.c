// Sessions: shapes, buffers, threads, limits, cancelling.
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stored.h"
#include "support/fault.h"
#include "support/tensors.h"

Suite *suite_session(void);

static blok_error error;

static void empty_error(void) { error = (blok_error)BLOK_ERROR_INIT; }

// dynamic_dims: x[N, 3, H, W] -> y[N, 4]. Fills data with a pattern.
static blok_tensor picture(float *data, int n, int side) {
  for (int i = 0; i < n * 3 * side * side; i++) data[i] = (float)(i % 17) / 8.0F - 1.0F;
  return blok_test_tensor(BLOK_F32, data, (size_t)(n * 3 * side * side) * sizeof *data, 4, n, 3,
                          side, side);
}

// ---- Right results ------------------------------------------------------------------------------

static const char *const models[] = {
    "conv_norm_relu",
    "dynamic_dims",
    "if_captures",
    "late_shapes",
    "external_data",
    "external_attribute",
    "external_whole_file",
    "local_functions",
    "initializers_as_inputs",
    "sparse_initializer",
    "unsorted_nodes",
    "unnamed_nodes",
    "typed_data",
    "constants_as_nodes",
    "opset_6",
    "opset_7",
    "opset_9",
    "opset_11",
    "opset_13",
    "guide_post_dynamo",
    "guide_pre_torchscript",
    "guide_seres_dynamo",
    "guide_bottleneck_down_torchscript",
};

START_TEST(run__gives_the_stored_outputs) {
  blok_test_vectors vectors;
  blok_test_vectors_read(models[_i], &vectors);
  blok_model *model = blok_test_open(models[_i]);
  blok_session *session = blok_test_session(model);
  blok_model_free(&model);  // the session keeps what it needs
  blok_test_run(session, &vectors);
  blok_test_run(session, &vectors);  // and nothing of the first run is left behind
  blok_session_free(&session);
  ck_assert_ptr_null(session);
  blok_test_vectors_free(&vectors);
}
END_TEST

START_TEST(run__takes_either_branch) {
  blok_model *model = blok_test_open("if_captures");
  blok_session *session = blok_test_session(model);
  float x[6] = {1, 2, 3, 4, 5, 6};
  uint8_t condition[1] = {1};
  blok_tensor inputs[2] = {blok_test_tensor(BLOK_F32, x, sizeof x, 2, 2, 3),
                           blok_test_tensor(BLOK_BOOL, condition, 1, 0)};
  float want[6];
  for (int i = 0; i < 6; i++) want[i] = x[i] * 2 * 3;
  for (int round = 0; round < 2; round++) {
    blok_tensor y = BLOK_TENSOR_INIT;
    ck_assert_int_eq(blok_session_run(session, inputs, 2, &y, 1, &error), BLOK_OK);
    blok_test_same_f32(&y, want, 6, 1e-6, 0);
  }
  condition[0] = 0;
  const float shift[3] = {1.7886285F, 0.43650985F, 0.09649747F};
  for (int i = 0; i < 6; i++) want[i] = x[i] + shift[i % 3];
  blok_tensor y = BLOK_TENSOR_INIT;
  ck_assert_int_eq(blok_session_run(session, inputs, 2, &y, 1, &error), BLOK_OK);
  blok_test_same_f32(&y, want, 6, 1e-6, 0);
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

START_TEST(run__sizes_late_values_anew_each_time) {
  blok_model *model = blok_test_open("late_shapes");
  blok_session *session = blok_test_session(model);
  float x[20] = {0};
  blok_tensor input = blok_test_tensor(BLOK_F32, x, sizeof x, 2, 4, 5);
  blok_tensor shape = BLOK_TENSOR_INIT;
  ck_assert_int_eq(blok_session_reshape(session, &input, 1, &error), BLOK_OK);
  ck_assert_int_eq(blok_session_output_shape(session, 0, &shape, &error), BLOK_OK);
  ck_assert_uint_eq(shape.rank, 2);
  ck_assert_int_eq(shape.dims[0], -1);
  ck_assert_int_eq(shape.dims[1], 3);
  const int found[] = {0, 3, 20, 1};
  for (size_t k = 0; k < sizeof found / sizeof *found; k++) {
    for (int i = 0; i < 20; i++) x[i] = i < found[k] ? 1.0F : 0.0F;
    blok_tensor y = BLOK_TENSOR_INIT;
    ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
    ck_assert_int_eq(y.dims[0], found[k]);
    ck_assert_uint_eq(y.bytes, (size_t)found[k] * 3 * sizeof(float));
  }
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

static blok_session *session_of_fuzz(const char *name) {
  char path[512];
  snprintf(path, sizeof path, "%s/fuzz/%s.onnx", BLOK_TEST_DATA, name);
  blok_model *model = NULL;
  ck_assert_int_eq(blok_model_open(path, NULL, &model, &error), BLOK_OK);
  blok_session *session = blok_test_session(model);
  blok_model_free(&model);
  return session;
}

// data[2, 0, 4] reduced along axes, which only the run knows; the file declares y[2, 1, 4].
START_TEST(run__believes_no_declared_shape_of_a_late_value) {
  blok_session *session = session_of_fuzz("declared_shape_of_late_value");
  int64_t axes[1] = {0};
  float none[1] = {0};
  blok_tensor inputs[2] = {blok_test_tensor(BLOK_F32, none, 0, 3, 2, 0, 4),
                           blok_test_tensor(BLOK_I64, axes, sizeof axes, 1, 1)};
  blok_tensor y = BLOK_TENSOR_INIT;
  ck_assert_int_eq(blok_session_run(session, inputs, 2, &y, 1, &error), BLOK_OK);
  ck_assert_int_eq(y.dims[0], 1);
  ck_assert_uint_eq(blok_tensor_count(&y), 0);
  axes[0] = 1;
  y = (blok_tensor)BLOK_TENSOR_INIT;
  const float zeroes[8] = {0};
  ck_assert_int_eq(blok_session_run(session, inputs, 2, &y, 1, &error), BLOK_OK);
  ck_assert_int_eq(y.dims[1], 1);
  blok_test_same_f32(&y, zeroes, 8, 0, 0);
  blok_session_free(&session);
}
END_TEST

START_TEST(run__refuses_a_shape_that_does_not_follow_from_the_inputs) {
  blok_session *session = session_of_fuzz("shape_of_complex_numbers");
  static double numbers[22];
  blok_tensor input = blok_test_tensor(BLOK_C128, numbers, sizeof numbers, 1, 11);
  blok_tensor y = BLOK_TENSOR_INIT;
  blok_test_fails(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_E_UNSUPPORTED, &error,
                  "ConstantOfShape", "'y'", NULL);
  blok_session_free(&session);
}
END_TEST

// ---- Shapes -------------------------------------------------------------------------------------

START_TEST(run__follows_the_inputs_shape) {
  static float data[5 * 3 * 9 * 9], alone[4];
  blok_model *model = blok_test_open("dynamic_dims");
  blok_session *session = blok_test_session(model);
  for (int n = 1; n <= 5; n += 2) {
    for (int side = 5; side <= 9; side += 2) {
      blok_tensor input = picture(data, n, side);
      blok_tensor y = BLOK_TENSOR_INIT;
      ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
      ck_assert_uint_eq(y.rank, 2);
      ck_assert_int_eq(y.dims[0], n);
      ck_assert_int_eq(y.dims[1], 4);
      // The first picture of a batch gives what it gives alone.
      memcpy(alone, y.data, sizeof alone);
      input.dims[0] = 1;
      ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 0, &error), BLOK_OK);
      y = (blok_tensor)BLOK_TENSOR_INIT;
      ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
      blok_test_same_f32(&y, alone, 4, 0, 0);
    }
  }
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

START_TEST(run__with_fixed_shapes_refuses_others) {
  static float data[2 * 3 * 5 * 5];
  blok_model *model = blok_test_open("dynamic_dims");
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.fixed_shapes = true;
  blok_session *session = NULL;
  ck_assert_int_eq(blok_session_new(model, &options, &session, &error), BLOK_OK);
  blok_tensor input = picture(data, 1, 5);
  blok_tensor y = BLOK_TENSOR_INIT;
  blok_test_fails(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_E_SHAPE, &error,
                  "dynamic_dims", "reshape", NULL);
  blok_test_fails(blok_session_output_shape(session, 0, &y, &error), BLOK_E_ARGUMENT, &error,
                  "reshape", NULL);
  ck_assert_int_eq(blok_session_reshape(session, &input, 1, &error), BLOK_OK);
  ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
  blok_tensor two = picture(data, 2, 5);
  blok_test_fails(blok_session_run(session, &two, 1, &y, 1, &error), BLOK_E_SHAPE, &error, NULL);
  y = (blok_tensor)BLOK_TENSOR_INIT;
  ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

START_TEST(run__allocates_nothing_on_known_shapes) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.allocator = &allocator;
  blok_model *model = blok_test_open("conv_norm_relu");
  blok_session *session = NULL;
  blok_test_vectors vectors;
  blok_test_vectors_read("conv_norm_relu", &vectors);
  ck_assert_int_eq(blok_session_new(model, &options, &session, &error), BLOK_OK);
  ck_assert_int_eq(blok_session_reshape(session, vectors.inputs, 1, &error), BLOK_OK);
  const uint64_t calls = fault.calls;
  for (int i = 0; i < 3; i++) blok_test_run(session, &vectors);
  ck_assert_uint_eq(fault.calls, calls);
  blok_session_free(&session);
  ck_assert_uint_eq(fault.live_blocks, 0);
  blok_test_vectors_free(&vectors);
  blok_model_free(&model);
}
END_TEST

// ---- Wrong inputs -------------------------------------------------------------------------------

START_TEST(run__refuses_inputs_that_do_not_fit) {
  static float data[2 * 3 * 5 * 5];
  blok_model *model = blok_test_open("dynamic_dims");
  blok_session *session = blok_test_session(model);
  blok_tensor good = picture(data, 1, 5);
  blok_tensor y = BLOK_TENSOR_INIT;
  blok_tensor two[2] = {good, good};
  blok_test_fails(blok_session_run(session, two, 2, &y, 1, &error), BLOK_E_ARGUMENT, &error, "1",
                  "2", NULL);
  blok_test_fails(blok_session_run(session, NULL, 1, &y, 1, &error), BLOK_E_ARGUMENT, &error, NULL);
  blok_tensor bad = good;
  bad.dtype = BLOK_I64;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_SHAPE, &error, "'x'",
                  "float32", "int64", NULL);
  bad = good;
  bad.rank = 3;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_SHAPE, &error, "'x'",
                  "4", "3", NULL);
  bad = good;
  bad.dims[1] = 4;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_SHAPE, &error, "'x'",
                  "[1, 4, 5, 5]", NULL);
  bad = good;
  bad.dims[2] = -1;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_SHAPE, &error, "'x'",
                  NULL);
  bad = good;
  bad.dims[2] = bad.dims[3] = INT64_MAX;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_SHAPE, &error, "'x'",
                  NULL);
  bad = good;
  bad.bytes -= 1;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_ARGUMENT, &error, "300",
                  "299", NULL);
  bad = good;
  bad.data = NULL;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_ARGUMENT, &error, NULL);
  bad = good;
  bad.struct_size = 0;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_ARGUMENT, &error, NULL);
  bad = good;
  bad.rank = BLOK_MAX_RANK + 1;
  blok_test_fails(blok_session_run(session, &bad, 1, &y, 1, &error), BLOK_E_ARGUMENT, &error, NULL);
  ck_assert_int_eq(blok_session_run(session, &good, 1, &y, 1, &error), BLOK_OK);
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

// ---- Outputs ------------------------------------------------------------------------------------

START_TEST(run__fills_the_callers_buffer) {
  static float data[3 * 5 * 5];
  float mine[6] = {0, 0, 0, 0, 7, 7};
  blok_model *model = blok_test_open("dynamic_dims");
  blok_session *session = blok_test_session(model);
  blok_tensor input = picture(data, 1, 5);
  blok_tensor own = BLOK_TENSOR_INIT;
  ck_assert_int_eq(blok_session_run(session, &input, 1, &own, 1, &error), BLOK_OK);
  blok_tensor y = BLOK_TENSOR_INIT;
  y.data = mine;
  y.bytes = sizeof mine;
  ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
  ck_assert_ptr_eq(y.data, mine);
  ck_assert_uint_eq(y.bytes, sizeof mine);
  y.bytes = 4 * sizeof *mine;
  blok_test_same(&y, &own, 0, 0);
  ck_assert(mine[4] == 7.0F && mine[5] == 7.0F);

  y.bytes = 4 * sizeof *mine - 1;
  blok_test_fails(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_E_BUFFER, &error, "'y'",
                  "16", "15", NULL);
  ck_assert_uint_eq(y.bytes, 16);
  ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

START_TEST(run__keeps_the_capacity_of_the_callers_buffer) {
  static float data[3 * 3 * 5 * 5];
  float mine[3 * 4];
  blok_model *model = blok_test_open("dynamic_dims");
  blok_session *session = blok_test_session(model);
  blok_tensor y = BLOK_TENSOR_INIT;
  y.data = mine;
  y.bytes = sizeof mine;
  for (int n = 1; n <= 3; n++) {
    blok_tensor input = picture(data, n, 5);
    ck_assert_msg(blok_session_run(session, &input, 1, &y, 1, &error) == BLOK_OK, "%s",
                  error.message);
    ck_assert_int_eq(y.dims[0], n);
    ck_assert_uint_eq(y.bytes, sizeof mine);
  }
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

// The natural loop uses one tensor for the output; a reshape between frees what it points to.
START_TEST(run__points_its_own_output_anew_when_it_comes_back) {
  static float data[4 * 3 * 5 * 5];
  blok_model *model = blok_test_open("dynamic_dims");
  blok_session *session = blok_test_session(model);
  blok_tensor y = BLOK_TENSOR_INIT;
  for (int n = 1; n <= 4; n++) {
    blok_tensor input = picture(data, n, 5);
    ck_assert_msg(blok_session_run(session, &input, 1, &y, 1, &error) == BLOK_OK, "%s",
                  error.message);
    ck_assert_int_eq(y.dims[0], n);
    blok_tensor fresh = BLOK_TENSOR_INIT;
    ck_assert_int_eq(blok_session_run(session, &input, 1, &fresh, 1, &error), BLOK_OK);
    ck_assert_ptr_eq(y.data, fresh.data);
    ck_assert_uint_eq(y.bytes, fresh.bytes);
  }
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

START_TEST(run__says_what_every_small_buffer_needs) {
  char small[2];
  blok_model *model = blok_test_open("constants_as_nodes");
  blok_session *session = blok_test_session(model);
  blok_test_vectors vectors;
  blok_test_vectors_read("constants_as_nodes", &vectors);
  ck_assert_uint_eq(vectors.n_outputs, 2);
  blok_tensor y[2] = {BLOK_TENSOR_INIT, BLOK_TENSOR_INIT};
  for (int i = 0; i < 2; i++) y[i].data = &small[i], y[i].bytes = 1;
  blok_test_fails(blok_session_run(session, vectors.inputs, vectors.n_inputs, y, 2, &error),
                  BLOK_E_BUFFER, &error, NULL);
  for (int i = 0; i < 2; i++) ck_assert_uint_eq(y[i].bytes, vectors.outputs[i].bytes);
  blok_test_vectors_free(&vectors);
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

START_TEST(run__refuses_outputs_it_does_not_have) {
  static float data[3 * 5 * 5];
  blok_model *model = blok_test_open("dynamic_dims");
  blok_session *session = blok_test_session(model);
  blok_tensor input = picture(data, 1, 5);
  blok_tensor y[2] = {BLOK_TENSOR_INIT, BLOK_TENSOR_INIT};
  blok_test_fails(blok_session_run(session, &input, 1, y, 2, &error), BLOK_E_ARGUMENT, &error, "1",
                  "2", NULL);
  blok_test_fails(blok_session_run(session, &input, 1, NULL, 1, &error), BLOK_E_ARGUMENT, &error,
                  NULL);
  y[0].struct_size = 0;
  blok_test_fails(blok_session_run(session, &input, 1, y, 1, &error), BLOK_E_ARGUMENT, &error,
                  "struct_size", NULL);
  ck_assert_int_eq(blok_session_reshape(session, &input, 1, &error), BLOK_OK);
  blok_test_fails(blok_session_output_shape(session, 1, &y[1], &error), BLOK_E_ARGUMENT, &error,
                  NULL);
  ck_assert_int_eq(blok_session_output_shape(session, 0, &y[1], &error), BLOK_OK);
  ck_assert_int_eq(y[1].dims[1], 4);
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

// ---- Limits and cancelling ----------------------------------------------------------------------

START_TEST(reshape__keeps_the_limit_of_run_bytes) {
  static float data[3 * 128 * 128];
  blok_model *model = blok_test_open("dynamic_dims");
  blok_limits limits = BLOK_LIMITS_INIT;
  limits.run_bytes = 500000;
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.limits = &limits;
  blok_session *session = NULL;
  ck_assert_int_eq(blok_session_new(model, &options, &session, &error), BLOK_OK);
  blok_tensor y = BLOK_TENSOR_INIT;
  blok_tensor input;
  // Twice as much as the limit if the old block were kept while the new one is taken.
  for (int side = 70; side <= 74; side++) {
    input = picture(data, 1, side);
    blok_status status = blok_session_run(session, &input, 1, &y, 0, &error);
    ck_assert_msg(status == BLOK_OK, "%s", error.message);
  }
  input = picture(data, 1, 128);
  blok_test_fails(blok_session_run(session, &input, 1, &y, 0, &error), BLOK_E_LIMIT, &error,
                  "run_bytes", "500000", NULL);
  input = picture(data, 1, 5);
  ck_assert_int_eq(blok_session_run(session, &input, 1, &y, 1, &error), BLOK_OK);
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

typedef struct stopper {
  int calls, stop_at;
} stopper;

static int stop_later(void *context, const char *what, uint64_t done, uint64_t total) {
  stopper *s = context;
  ck_assert_ptr_nonnull(what);
  ck_assert_uint_lt(done, total);
  return s->calls++ == s->stop_at;
}

START_TEST(run__stops_at_any_step_and_runs_again) {
  blok_test_vectors vectors;
  blok_test_vectors_read("guide_post_torchscript", &vectors);
  blok_model *model = blok_test_open("guide_post_torchscript");
  stopper s = {0, 0};
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.progress = stop_later;
  options.progress_context = &s;
  blok_session *session = NULL;
  ck_assert_int_eq(blok_session_new(model, &options, &session, &error), BLOK_OK);
  blok_tensor y = BLOK_TENSOR_INIT;
  for (int k = 0; k < 3; k++) {
    s = (stopper){0, k};
    blok_test_fails(blok_session_run(session, vectors.inputs, vectors.n_inputs, &y, 1, &error),
                    BLOK_E_CANCELLED, &error, "guide_post_torchscript", NULL);
    ck_assert_int_eq(s.calls, k + 1);
  }
  s = (stopper){0, -1};
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_model_free(&model);
  blok_test_vectors_free(&vectors);
}
END_TEST

START_TEST(session__takes_an_older_callers_shorter_options) {
  blok_model *model = blok_test_open("late_shapes");
  blok_session_options options;
  memset(&options, 0xff, sizeof options);
  options.struct_size = offsetof(blok_session_options, allocator);
  blok_session *session = NULL;
  blok_status status = blok_session_new(model, &options, &session, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  blok_session_free(&session);
  blok_model_free(&model);
}
END_TEST

// ---- Threads ------------------------------------------------------------------------------------

static void *run_many(void *argument) {
  blok_test_vectors vectors;
  blok_test_vectors_read("guide_post_torchscript", &vectors);
  blok_session *session = blok_test_session(argument);
  for (int i = 0; i < 5; i++) blok_test_run(session, &vectors);
  blok_session_free(&session);
  blok_test_vectors_free(&vectors);
  return NULL;
}

START_TEST(sessions__of_one_model_run_in_two_threads) {
  blok_model *model = blok_test_open("guide_post_torchscript");
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    ck_assert_int_eq(pthread_create(&threads[i], NULL, run_many, model), 0);
  blok_test_vectors vectors;
  blok_test_vectors_read("guide_post_torchscript", &vectors);
  blok_session *session = blok_test_session(model);
  blok_test_run(session, &vectors);
  blok_session_free(&session);
  for (int i = 0; i < 2; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
  blok_model_free(&model);
  blok_test_vectors_free(&vectors);
}
END_TEST

// A run that waits in its first step until it is told to go on.
typedef struct gate {
  atomic_int inside, open;
  blok_session *session;
  const blok_test_vectors *vectors;
} gate;

static int wait_at_gate(void *context, const char *what, uint64_t done, uint64_t total) {
  gate *g = context;
  (void)what;
  (void)done;
  (void)total;
  atomic_store(&g->inside, 1);
  while (!atomic_load(&g->open)) sched_yield();
  return 0;
}

static void *run_behind_gate(void *argument) {
  gate *g = argument;
  blok_test_run(g->session, g->vectors);
  return NULL;
}

START_TEST(run__says_busy_while_another_thread_runs) {
  blok_test_vectors vectors;
  blok_test_vectors_read("conv_norm_relu", &vectors);
  blok_model *model = blok_test_open("conv_norm_relu");
  gate g = {0, 0, NULL, &vectors};
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  options.progress = wait_at_gate;
  options.progress_context = &g;
  ck_assert_int_eq(blok_session_new(model, &options, &g.session, &error), BLOK_OK);
  pthread_t thread;
  ck_assert_int_eq(pthread_create(&thread, NULL, run_behind_gate, &g), 0);
  while (!atomic_load(&g.inside)) sched_yield();
  blok_tensor y = BLOK_TENSOR_INIT;
  blok_status status = blok_session_run(g.session, vectors.inputs, 1, &y, 1, &error);
  blok_test_fails(status, BLOK_E_BUSY, &error, "thread", NULL);
  status = blok_session_reshape(g.session, vectors.inputs, 1, &error);
  blok_test_fails(status, BLOK_E_BUSY, &error, NULL);
  status = blok_session_output_shape(g.session, 0, &y, &error);
  blok_test_fails(status, BLOK_E_BUSY, &error, NULL);
  atomic_store(&g.open, 1);
  ck_assert_int_eq(pthread_join(thread, NULL), 0);
  blok_test_run(g.session, &vectors);
  blok_session_free(&g.session);
  blok_model_free(&model);
  blok_test_vectors_free(&vectors);
}
END_TEST

Suite *suite_session(void) {
  Suite *suite = suite_create("session");
  TCase *tests = tcase_create("session");
  tcase_add_checked_fixture(tests, empty_error, NULL);
  tcase_add_loop_test(tests, run__gives_the_stored_outputs, 0, sizeof models / sizeof *models);
  tcase_add_test(tests, run__takes_either_branch);
  tcase_add_test(tests, run__sizes_late_values_anew_each_time);
  tcase_add_test(tests, run__believes_no_declared_shape_of_a_late_value);
  tcase_add_test(tests, run__refuses_a_shape_that_does_not_follow_from_the_inputs);
  tcase_add_test(tests, run__follows_the_inputs_shape);
  tcase_add_test(tests, run__with_fixed_shapes_refuses_others);
  tcase_add_test(tests, run__allocates_nothing_on_known_shapes);
  tcase_add_test(tests, run__refuses_inputs_that_do_not_fit);
  tcase_add_test(tests, run__fills_the_callers_buffer);
  tcase_add_test(tests, run__keeps_the_capacity_of_the_callers_buffer);
  tcase_add_test(tests, run__points_its_own_output_anew_when_it_comes_back);
  tcase_add_test(tests, run__says_what_every_small_buffer_needs);
  tcase_add_test(tests, run__refuses_outputs_it_does_not_have);
  tcase_add_test(tests, reshape__keeps_the_limit_of_run_bytes);
  tcase_add_test(tests, run__stops_at_any_step_and_runs_again);
  tcase_add_test(tests, session__takes_an_older_callers_shorter_options);
  tcase_add_test(tests, sessions__of_one_model_run_in_two_threads);
  tcase_add_test(tests, run__says_busy_while_another_thread_runs);
  suite_add_tcase(suite, tests);
  return suite;
}
