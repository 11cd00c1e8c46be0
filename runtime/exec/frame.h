// Frames: a shaped plan with addresses. The main graph has one; each body of an If, Loop or Scan
// has one of its own inside, so frames nest as graphs do.
//
// All frames of an executor lie in one block:
//
//     | buffers of the main plan | the body that runs: its buffers | its own bodies | scratch |
//
// Bodies of one plan never run at the same time, so they share a place, and the block is as large
// as the most that any chain of bodies needs. Late buffers come from the heap.
#ifndef BLOK_RUNTIME_EXEC_FRAME_H
#define BLOK_RUNTIME_EXEC_FRAME_H

#include "runtime/exec/heap.h"
#include "runtime/plan/shaped.h"
#include "runtime/runtime.h"

enum { BLOK_FRAME_BODIES = 2 };

// Zeros to be written after a step: behind each plane of one buffer.
typedef struct blok_zero_pixels {
  uint32_t step;
  blok_buffer_id buffer;
} blok_zero_pixels;

typedef struct blok_frame blok_frame;
struct blok_frame {
  const blok_shaped *shaped;
  blok_heap *heap;
  char **data;           // by buffer
  blok_tensor *tensors;  // by buffer: of the plain ones, data included. A late one has the dims of
                         // the last run
  // By step, for reference and control steps: the tensors in the node's slots, NULL where left out.
  const blok_tensor *const **in;
  blok_tensor *const **out;
  blok_frame *(*bodies)[BLOK_FRAME_BODIES];
  // Views whose root moves (inputs, captures, late buffers), chained by root.
  blok_buffer_id *first_view, *next_view;
  // Late buffers that end after a step, chained by step.
  blok_buffer_id *first_ended, *next_ended;
  uint32_t n_zeros;
  blok_zero_pixels *zeros;  // by step, ascending
  bool late;                // some buffer is, those of bodies included
  bool parallel;            // some step, those of bodies included, is worth more than one thread
};

// A frame with its bodies, all in arena, without addresses.
BLOK_MUST_CHECK blok_status blok_frame_new(const blok_shaped *shaped, blok_heap *heap,
                                           blok_arena *arena, blok_frame **out, blok_error *error);

// Bytes of the block for the frame and its bodies; a multiple of 64. false: the sum overflows.
bool blok_frame_bytes(const blok_frame *frame, size_t *out);
// Bytes of scratch that a worker needs for the most demanding step, bodies included.
size_t blok_frame_scratch(const blok_frame *frame);
// Puts the frame and its bodies into the block (aligned to 64).
void blok_frame_place(blok_frame *frame, char *block);

// Gives back all late buffers, those of bodies included.
void blok_frame_drop_late(blok_frame *frame);

// Gives back one late buffer.
void blok_frame_drop(blok_frame *frame, blok_buffer_id id);

// Where an outer value (an input of the main graph, or a capture or input of a body) lies for this
// run: BLOK_E_SHAPE if the plan was not shaped for such a tensor. A value that nothing reads is
// left alone.
BLOK_MUST_CHECK blok_status blok_frame_bind(blok_frame *frame, blok_value_id value,
                                            const blok_tensor *tensor, blok_error *error);

// The tensor of an output of the frame's graph after a run; NULL when the plan has it nowhere.
const blok_tensor *blok_frame_output(const blok_frame *frame, uint32_t index);

// Gives a late buffer its shape and memory, or checks that another has just this shape.
BLOK_MUST_CHECK blok_status blok_frame_size(blok_frame *frame, blok_buffer_id id, blok_dtype dtype,
                                            uint32_t rank, const int64_t *dims, blok_error *error);

// A copy of a tensor that a body made.
BLOK_MUST_CHECK blok_status blok_frame_give(blok_frame *frame, blok_buffer_id id,
                                            const blok_tensor *made, blok_error *error);

// ---- Runs ---------------------------------------------------------------------------------------

// What all frames of one run share.
typedef struct blok_run {
  const blok_executor_options *options;
  uint32_t threads;  // at most so many at once; the scratch is for these
  char *scratch;
  size_t scratch_stride;
  uint64_t trips;  // of loops, until now
} blok_run;

// Runs every step. Inputs and captures must be bound. Late values of the last run are freed first.
// times: by step, NULL for none.
BLOK_MUST_CHECK blok_status blok_frame_run(blok_frame *frame, blok_run *run, blok_step_time *times,
                                           blok_error *error);

// Runs the If, Loop or Scan of a step (control.c, loop.c, scan.c).
BLOK_MUST_CHECK blok_status blok_frame_control(blok_frame *frame, uint32_t step, blok_run *run,
                                               blok_error *error);
BLOK_MUST_CHECK blok_status blok_frame_loop(blok_frame *frame, uint32_t step, blok_run *run,
                                            blok_error *error);
BLOK_MUST_CHECK blok_status blok_frame_scan(blok_frame *frame, uint32_t step, blok_run *run,
                                            blok_error *error);
// Binds a body's captures to the values of the frame around it.
BLOK_MUST_CHECK blok_status blok_frame_bind_captures(blok_frame *frame, uint32_t step,
                                                     uint32_t body, blok_error *error);

// True when the step is worth more than one thread. Depends on the step alone.
bool blok_step_parallel(const blok_step *step);

// Bytes that the tensor's elements take; false when its dims give no size.
bool blok_tensor_dense(const blok_tensor *tensor, size_t *bytes);

#endif  // BLOK_RUNTIME_EXEC_FRAME_H
