// Sessions: an executor, the model it runs, and a flag that keeps two threads out of one run.
#include <stdatomic.h>

#include "api/internal.h"
#include "base/error.h"
#include "runtime/runtime.h"

struct blok_session {
  blok_allocator allocator;
  blok_model *model;  // one reference
  blok_executor *executor;
  bool fixed_shapes;
  atomic_flag running;
};

blok_status blok_session_new(const blok_model *model, const blok_session_options *given,
                             blok_session **out, blok_error *error) {
  blok_error_clear(error);
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_session_new: out is NULL");
  *out = NULL;
  if (!model) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_session_new: model is NULL");
  blok_session_options options = BLOK_SESSION_OPTIONS_INIT;
  BLOK_TRY(blok_take_options(given, &options, sizeof options, "blok_session_options", error));
  BLOK_TRY(blok_check_struct(options.limits, "blok_limits", error));
  BLOK_TRY(blok_model_runnable(model, error));
  blok_executor_options executor = {
      options.allocator ? *options.allocator : model->allocator,
      options.limits ? blok_limits_resolve(options.limits) : model->limits, options.progress,
      options.progress_context};
  blok_session *session = blok_alloc_zero(&executor.allocator, sizeof *session);
  if (!session) return blok_fail_memory(error, sizeof *session);
  session->allocator = executor.allocator;
  session->fixed_shapes = options.fixed_shapes;
  atomic_flag_clear(&session->running);
  blok_status status = blok_executor_new(model->working, &executor, &session->executor, error);
  if (status != BLOK_OK) {
    blok_error_prefix(error, "%s: ", blok_quote(model->name).text);
    blok_free(&executor.allocator, session);
    return status;
  }
  session->model = (blok_model *)(uintptr_t)blok_model_retain(model);
  *out = session;
  return BLOK_OK;
}

void blok_session_free(blok_session **pointer) {
  if (!pointer || !*pointer) return;
  blok_session *session = *pointer;
  *pointer = NULL;
  blok_executor_free(&session->executor);
  blok_model_free(&session->model);
  blok_allocator allocator = session->allocator;
  blok_free(&allocator, session);
}

// Takes the session for one call; BLOK_E_BUSY while another thread has it.
static blok_status enter(blok_session *session, blok_error *error) {
  if (!atomic_flag_test_and_set_explicit(&session->running, memory_order_acquire)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_BUSY,
                   "%s: the session is running on another thread: make one session a thread",
                   blok_quote(session->model->name).text);
}

// Gives the session back, and puts the model's name before a failure's message.
static blok_status leave(blok_session *session, blok_status status, blok_error *error) {
  if (status != BLOK_OK) blok_error_prefix(error, "%s: ", blok_quote(session->model->name).text);
  atomic_flag_clear_explicit(&session->running, memory_order_release);
  return status;
}

blok_status blok_session_reshape(blok_session *session, const blok_tensor *inputs, size_t count,
                                 blok_error *error) {
  blok_error_clear(error);
  if (!session || (!inputs && count)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_session_reshape: %s is NULL",
                     session ? "inputs" : "session");
  }
  BLOK_TRY(enter(session, error));
  return leave(session, blok_executor_reshape(session->executor, inputs, count, error), error);
}

blok_status blok_session_output_shape(const blok_session *session, size_t index, blok_tensor *out,
                                      blok_error *error) {
  blok_error_clear(error);
  if (!session || !out) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_session_output_shape: %s is NULL",
                     session ? "out" : "session");
  }
  // Taking the session changes nothing that the caller can see, so it stays const for him.
  blok_session *held = (blok_session *)(uintptr_t)session;
  BLOK_TRY(enter(held, error));
  blok_status status = blok_executor_output(session->executor, index, out, error);
  return leave(held, status, error);
}

static blok_status run(blok_session *session, const blok_tensor *inputs, size_t input_count,
                       blok_tensor *outputs, size_t output_count, blok_error *error) {
  if (!session->fixed_shapes && !blok_executor_shaped_for(session->executor, inputs, input_count)) {
    BLOK_TRY(blok_executor_reshape(session->executor, inputs, input_count, error));
  }
  return blok_executor_run(session->executor, inputs, input_count, outputs, output_count, error);
}

blok_status blok_session_run(blok_session *session, const blok_tensor *inputs, size_t input_count,
                             blok_tensor *outputs, size_t output_count, blok_error *error) {
  blok_error_clear(error);
  if (!session || (!inputs && input_count) || (!outputs && output_count)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_session_run: %s is NULL",
                     !session                 ? "session"
                     : !inputs && input_count ? "inputs"
                                              : "outputs");
  }
  BLOK_TRY(enter(session, error));
  return leave(session, run(session, inputs, input_count, outputs, output_count, error), error);
}
