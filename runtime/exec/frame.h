// Frames: the values of one graph while it runs. The main graph has one; each branch of an If has
// one of its own inside, so plans nest as graphs do.
#ifndef BLOK_RUNTIME_EXEC_FRAME_H
#define BLOK_RUNTIME_EXEC_FRAME_H

#include "passes/facts.h"
#include "runtime/plan/plan.h"
#include "runtime/runtime.h"

// What stands behind a value of a frame.
typedef enum blok_slot_kind {
  BLOK_SLOT_NONE = 0,  // nothing yet
  BLOK_SLOT_CONSTANT,  // read once, kept by the executor
  BLOK_SLOT_BORROWED,  // an input of the caller's, or a capture of the enclosing frame's
  BLOK_SLOT_PLACED,    // in the frame's block, sized by reshape
  BLOK_SLOT_LATE       // in memory of its own, sized during the run
} blok_slot_kind;

// The rank of a late value's tensor while not even that is known.
#define BLOK_RANK_OPEN UINT32_MAX

typedef struct blok_slot {
  blok_slot_kind kind;
  blok_tensor tensor;
} blok_slot;

// Memory that a run asks for beyond what reshape took, under the limit.
typedef struct blok_heap {
  blok_allocator allocator;
  uint64_t used, limit;
} blok_heap;

typedef struct blok_frame blok_frame;
struct blok_frame {
  const blok_plan *plan;
  blok_heap *heap;
  blok_slot *slots;  // by value handle
  void *block;       // of the placed values
  size_t block_bytes;
  // By step: the frames of an If's branches, NULL elsewhere.
  blok_frame *(*branches)[2];
  // By step: the tensors handed to the reference, NULL where left out.
  const blok_tensor ***in;
  blok_tensor ***out;
  blok_arena arena;  // of all the tables above
};

// A frame of the plan with its constants read (nested frames included). Free it with
// blok_frame_free also when this fails half-way.
BLOK_MUST_CHECK blok_status blok_frame_new(const blok_plan *plan, blok_heap *heap, blok_frame **out,
                                           blok_error *error);
void blok_frame_free(blok_frame **frame);

// Gives every value whose fact is shaped its place, and takes the block. inputs are facts by
// position in the graph's inputs (main graphs only), captures by its value handles (subgraphs
// only); the other is NULL. Nested frames follow.
BLOK_MUST_CHECK blok_status blok_frame_shape(blok_frame *frame, const blok_fact *inputs,
                                             const blok_fact *captures, const blok_limits *limits,
                                             blok_error *error);

// Runs every step. Inputs and captures must be in their slots. Late values of the last run are
// freed first.
BLOK_MUST_CHECK blok_status blok_frame_run(blok_frame *frame, const blok_executor_options *options,
                                           blok_error *error);

// Frees the late values.
void blok_frame_drop_late(blok_frame *frame);

// Frees the memory of a late value.
void blok_slot_drop(blok_heap *heap, blok_slot *slot);

// bytes of memory, counted against the limit: BLOK_E_LIMIT past it. give takes back what take gave,
// with the same number of bytes; a NULL block is allowed.
BLOK_MUST_CHECK blok_status blok_heap_take(blok_heap *heap, size_t bytes, void **out,
                                           blok_error *error);
void blok_heap_give(blok_heap *heap, void *block, size_t bytes);

#endif  // BLOK_RUNTIME_EXEC_FRAME_H
