// The runtime's face: an executor runs one working graph, on its own memory.
//
// Layers, each seeing only those after it: exec (frames, steps, the run) -> plan (the steps of a
// graph, where values lie) -> reference. A plan is free of shapes; reshape makes the shaped part.
#ifndef BLOK_RUNTIME_RUNTIME_H
#define BLOK_RUNTIME_RUNTIME_H

#include <blok/types.h>

#include "graph/graph.h"

typedef struct blok_executor blok_executor;

typedef struct blok_executor_options {
  blok_allocator allocator;
  blok_limits limits;  // resolved: no zeroes
  blok_progress_fn progress;
  void *progress_context;
} blok_executor_options;

// Plans the module's main graph and reads its constants. The module is borrowed and must outlive
// the executor. On failure *out is NULL.
BLOK_MUST_CHECK blok_status blok_executor_new(const blok_module *module,
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

#endif  // BLOK_RUNTIME_RUNTIME_H
