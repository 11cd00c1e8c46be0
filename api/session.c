// Sessions: making one, and the calls that go to its executor.
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "base/cpu.h"
#include "base/error.h"

// ---- Instruction sets and threads ---------------------------------------------------------------

// The sets that this CPU has: "scalar, avx2".
typedef struct isa_list {
  char text[80];
} isa_list;

static isa_list list_isas(void) {
  isa_list list = {""};
  size_t at = 0;
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = blok_isa_at(i)) != NULL; i++) {
    if (!blok_isa_runs(isa) || at >= sizeof list.text) continue;
    int wrote = snprintf(list.text + at, sizeof list.text - at, "%s%s", at ? ", " : "", isa->name);
    if (wrote > 0) at += (size_t)wrote;
  }
  return list;
}

static blok_status choose_isa(const char *name, const blok_isa **out, blok_error *error) {
  const char *asked = name ? name : blok_cpu_isa_asked();
  *out = asked ? blok_isa_named(asked) : blok_isa_best();
  if (*out) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                   "%sthere is no instruction set '%s' here; this build and this CPU have: %s",
                   name ? "" : "BLOK_ISA: ", blok_quote(asked).text, list_isas().text);
}

// The model's threads, made by the first session that wants them.
static blok_status shared_pool(const blok_model *model, blok_pool **out, blok_error *error) {
  // What sessions share changes in a model that others may be reading; the lock is for that.
  blok_model *owner = (blok_model *)(uintptr_t)model;
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  options.allocator = &model->allocator;
  blok_status status = BLOK_OK;
  blok_lock_take(&owner->lock);
  if (!owner->pool) status = blok_pool_new(&options, &owner->pool, error);
  if (status == BLOK_OK) *out = blok_pool_retain(owner->pool);
  blok_lock_give(&owner->lock);
  return status;
}

// The pool that the session computes with, one reference for the caller; NULL: the thread that
// calls run computes alone.
static blok_status choose_pool(const blok_model *model, const blok_session_options *options,
                               blok_pool **out, blok_error *error) {
  *out = NULL;
  if (options->threads > BLOK_POOL_MOST_THREADS) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "blok_session_options.threads is %u: a pool has %d threads at most",
                     options->threads, BLOK_POOL_MOST_THREADS);
  }
  if (options->reference || options->threads == 1) return BLOK_OK;
  if (options->pool) {
    *out = blok_pool_retain(options->pool);
    return BLOK_OK;
  }
  if (options->threads == 0) return shared_pool(model, out, error);
  blok_pool_options own = BLOK_POOL_OPTIONS_INIT;
  own.threads = options->threads;
  own.allocator = options->allocator ? options->allocator : &model->allocator;
  return blok_pool_new(&own, out, error);
}

static uint32_t threads_of(const blok_pool *pool, uint32_t most) {
  uint32_t threads = blok_pool_threads(pool);
  return most && most < threads ? most : threads;
}

// ---- Making -------------------------------------------------------------------------------------

static blok_status make_session(const blok_model *model, const blok_session_options *options,
                                const blok_isa *isa, blok_pool *pool, blok_session **out,
                                blok_error *error) {
  blok_executor_options executor = {
      .allocator = options->allocator ? *options->allocator : model->allocator,
      .limits = options->limits ? blok_limits_resolve(options->limits) : model->limits,
      .progress = options->progress,
      .progress_context = options->progress_context,
      .isa = isa,
      .reference = options->reference,
      .no_blocks = options->no_blocks,
      .pool = pool,
      .threads = options->threads};
  blok_session *session = blok_alloc_zero(&executor.allocator, sizeof *session);
  if (!session) return blok_fail_memory(error, sizeof *session);
  session->allocator = executor.allocator;
  session->fixed_shapes = options->fixed_shapes;
  session->isa = isa;
  session->reference = options->reference;
  session->threads = threads_of(pool, options->threads);
  atomic_flag_clear(&session->running);
  blok_status status = blok_executor_new(model->engine, &executor, &session->executor, error);
  if (status != BLOK_OK) {
    blok_error_prefix(error, "%s: ", blok_quote(model->name).text);
    blok_free(&executor.allocator, session);
    return status;
  }
  session->model = (blok_model *)(uintptr_t)blok_model_retain(model);
  *out = session;
  return BLOK_OK;
}

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
  const blok_isa *isa = NULL;
  blok_pool *pool = NULL;
  BLOK_TRY(choose_isa(options.isa, &isa, error));
  BLOK_TRY(choose_pool(model, &options, &pool, error));
  blok_status status = make_session(model, &options, isa, pool, out, error);
  blok_pool_release(pool);
  return status;
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

// ---- Calls --------------------------------------------------------------------------------------

blok_status blok_session_enter(blok_session *session, blok_error *error) {
  if (!atomic_flag_test_and_set_explicit(&session->running, memory_order_acquire)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_BUSY,
                   "%s: the session is running on another thread: make one session a thread",
                   blok_quote(session->model->name).text);
}

blok_status blok_session_leave(blok_session *session, blok_status status, blok_error *error) {
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
  BLOK_TRY(blok_session_enter(session, error));
  blok_status status = blok_executor_reshape(session->executor, inputs, count, error);
  return blok_session_leave(session, status, error);
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
  BLOK_TRY(blok_session_enter(held, error));
  blok_status status = blok_executor_output(session->executor, index, out, error);
  return blok_session_leave(held, status, error);
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
  BLOK_TRY(blok_session_enter(session, error));
  blok_status status = run(session, inputs, input_count, outputs, output_count, error);
  return blok_session_leave(session, status, error);
}
