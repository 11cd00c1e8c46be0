// The runtime's face. An engine belongs to a model: its plans and packed weights. An executor is
// one place where the model runs, on its own memory.
//
// Layers, each seeing only those after it: exec (frames, runs, profiles) -> plan (regions, shaped
// plans, packs, places) -> ops (a region becomes steps) -> kernels.
#ifndef BLOK_RUNTIME_RUNTIME_H
#define BLOK_RUNTIME_RUNTIME_H

#include <blok/types.h>

#include "base/pool.h"
#include "blocks/blocks.h"
#include "graph/graph.h"
#include "passes/facts.h"
#include "runtime/plan/plan.h"
#include "runtime/plan/shaped.h"

// ---- Engines ------------------------------------------------------------------------------------

typedef struct blok_engine blok_engine;

// module, facts and overlay are borrowed and must outlive the engine; facts and overlay may be
// NULL. Makes nothing else yet. Thread-safe in all that follows. On failure *out is NULL.
BLOK_MUST_CHECK blok_status blok_engine_new(const blok_module *module, const blok_facts *facts,
                                            const blok_overlay *overlay,
                                            const blok_allocator *allocator, blok_engine **out,
                                            blok_error *error);
// Every executor of it must be gone.
void blok_engine_free(blok_engine **engine);

// The plan for this set: made at the first call, then shared; lives as long as the engine.
BLOK_MUST_CHECK blok_status blok_engine_plan(blok_engine *engine, const blok_isa *isa,
                                             bool reference, bool blocks, const blok_plan **out,
                                             blok_error *error);
// The shaped plan for these input shapes (facts by position in the graph's inputs): one that is in
// use, or that was until lately, or a new one. Give it back with blok_engine_release.
BLOK_MUST_CHECK blok_status blok_engine_shape(blok_engine *engine, const blok_plan *plan,
                                              const blok_fact *inputs, const blok_limits *limits,
                                              blok_shaped **out, blok_error *error);
void blok_engine_release(blok_engine *engine, blok_shaped **shaped);  // *shaped NULL is allowed
// Bytes of packed weights, of all plans together.
size_t blok_engine_packed_bytes(blok_engine *engine);

// ---- Executors ----------------------------------------------------------------------------------

typedef struct blok_executor blok_executor;

typedef struct blok_executor_options {
  blok_allocator allocator;
  blok_limits limits;  // resolved: no zeroes
  blok_progress_fn progress;
  void *progress_context;
  const blok_isa *isa;  // NULL: the best
  bool reference;
  bool no_blocks;
  blok_pool *pool;   // NULL: none; retained
  uint32_t threads;  // at most so many of the pool's; 0: all
} blok_executor_options;

// The engine is borrowed and must outlive the executor. On failure *out is NULL.
BLOK_MUST_CHECK blok_status blok_executor_new(blok_engine *engine,
                                              const blok_executor_options *options,
                                              blok_executor **out, blok_error *error);
void blok_executor_free(blok_executor **executor);

// Sizes every value for these input shapes and takes the memory for them. When it fails, the
// executor has no shapes, and takes another reshape.
BLOK_MUST_CHECK blok_status blok_executor_reshape(blok_executor *executor,
                                                  const blok_tensor *inputs, size_t count,
                                                  blok_error *error);

// True when the last reshape was for just these shapes and types.
bool blok_executor_shaped_for(const blok_executor *executor, const blok_tensor *inputs,
                              size_t count);

// dtype, rank and dims of output index after reshape (-1 for what only a run knows).
BLOK_MUST_CHECK blok_status blok_executor_output(const blok_executor *executor, size_t index,
                                                 blok_tensor *out, blok_error *error);

// Runs on shapes that the executor was reshaped for. See blok_session_run for inputs and outputs.
BLOK_MUST_CHECK blok_status blok_executor_run(blok_executor *executor, const blok_tensor *inputs,
                                              size_t input_count, blok_tensor *outputs,
                                              size_t output_count, blok_error *error);

// The shaped plan of the last reshape; NULL before one. Valid until the next.
const blok_shaped *blok_executor_shaped(const blok_executor *executor);
// Bytes that the executor holds for runs: buffers, scratch of its workers, nested frames. Known
// before the first run.
size_t blok_executor_arena_bytes(const blok_executor *executor);
// Bytes that late values take now, and the most that they took in a run.
void blok_executor_heap_bytes(const blok_executor *executor, uint64_t *now, uint64_t *most);

// ---- Profile ------------------------------------------------------------------------------------

typedef struct blok_step_time {
  uint64_t runs, nanoseconds, least;  // sum over runs, and the quickest
} blok_step_time;

// While on, each run adds to the times of the main graph's steps; on again sets them to 0. Takes
// its memory at once, and again at each reshape.
BLOK_MUST_CHECK blok_status blok_executor_profile(blok_executor *executor, bool on,
                                                  blok_error *error);
// By step of blok_executor_shaped; NULL when off.
const blok_step_time *blok_executor_times(const blok_executor *executor);

#endif  // BLOK_RUNTIME_RUNTIME_H
