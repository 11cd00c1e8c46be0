// Shaped plans: steps, buffers and their places for one tuple of input shapes. Immutable once made;
// a reference count lets sessions share one.
#ifndef BLOK_RUNTIME_PLAN_SHAPED_H
#define BLOK_RUNTIME_PLAN_SHAPED_H

#include <stdatomic.h>

#include "passes/facts.h"
#include "runtime/ops/step.h"
#include "runtime/plan/pack.h"
#include "runtime/plan/plan.h"

struct blok_shaped {
  const blok_plan *plan;
  blok_allocator allocator;
  blok_arena arena;    // of all tables, and of the steps' arguments
  uint32_t n_buffers;  // item 0 is none
  blok_buffer *buffers;
  uint32_t n_steps;
  blok_step *steps;
  blok_buffer_id *plain;  // by value handle: where the value stands plain; 0: nowhere
  size_t arena_bytes;     // of all arena buffers
  size_t scratch_bytes;   // of one worker: the most that a step asks for, a multiple of 64
  blok_pack_store *store;
  uint32_t n_packs, cap_packs;
  blok_pack **packs;  // references that this plan holds
};

typedef struct blok_shaped_options {
  // Facts of the graph's inputs by position, and of its captures by value handle: NULL for main
  // graphs.
  const blok_fact *inputs;
  const blok_fact *captures;
  // Nothing is known: every value is late. For a body whose shapes disagree and that may never run.
  bool open;
  const blok_limits *limits;
  blok_pack_store *store;
} blok_shaped_options;

// Shapes that do not fit are BLOK_E_SHAPE, intermediate sizes beyond limits->run_bytes
// BLOK_E_LIMIT. On failure *out is NULL.
BLOK_MUST_CHECK blok_status blok_shaped_new(const blok_plan *plan,
                                            const blok_shaped_options *options,
                                            const blok_allocator *allocator, blok_shaped **out,
                                            blok_error *error);
void blok_shaped_free(blok_shaped **shaped);

// Where the value of an output (or any value) stands: the view or buffer, NULL when nowhere.
static inline const blok_buffer *blok_shaped_buffer(const blok_shaped *shaped, blok_buffer_id id) {
  return &shaped->buffers[id];
}

#endif  // BLOK_RUNTIME_PLAN_SHAPED_H
