// Steps and buffers: what a shaped plan is made of. Both are immutable once the plan is shaped and
// hold no addresses of a session: a step names buffers, and a run says where they lie.
#ifndef BLOK_RUNTIME_OPS_STEP_H
#define BLOK_RUNTIME_OPS_STEP_H

#include <blok/types.h>

#include "graph/graph.h"

// ---- Buffers ------------------------------------------------------------------------------------

typedef uint32_t blok_buffer_id;  // 0: none

typedef enum blok_layout {
  BLOK_PLAIN = 0,  // row-major, as blok_tensor has it
  BLOK_BLOCKED     // f32 [n, c, h, w] in blocks of channels: see blok_planes
} blok_layout;

typedef enum blok_buffer_kind {
  BLOK_BUFFER_ARENA = 1,  // in the session's arena
  BLOK_BUFFER_INPUT,  // an input of the caller's, or a capture of the enclosing graph's: bound by
                      // each run
  BLOK_BUFFER_CONSTANT,  // in the pack store
  BLOK_BUFFER_LATE,      // sized during the run, from the session's heap
  BLOK_BUFFER_VIEW       // inside another one
} blok_buffer_kind;

// The blocked layout: channel c of pixel p of image n is the float
//     n * batch_stride + (c / lanes) * plane_stride + p * lanes + c % lanes
// where lanes is that of the plan's instruction set and p = y * w + x. Lanes beyond c are 0 after
// every step. Behind the h * w pixels of each plane lies one pixel of zeros, which taps outside the
// picture read; the executor writes it for every buffer with zero_pixel, which all buffers in one
// piece of memory have or none.
typedef struct blok_planes {
  uint32_t n, c, h, w;
  uint32_t blocks;                    // ceil(c / lanes)
  size_t plane_stride, batch_stride;  // in floats
} blok_planes;

typedef struct blok_buffer {
  blok_buffer_kind kind;
  blok_layout layout;
  blok_value_id value;  // none: scratch
  blok_tensor shape;   // dtype, rank, dims and bytes of the value; data NULL. Scratch: bytes alone.
                       // Late: what is known, dims of -1 for the rest (rank BLOK_RANK_OPEN: not
                       // even the rank)
  blok_planes planes;  // of a blocked one
  bool zero_pixel;
  blok_buffer_id root;              // of a view: the buffer that it lies in, itself no view
  size_t offset;                    // of a view, in bytes; else 0
  size_t bytes;                     // memory, planes and zero pixels included
  uint32_t first, last;             // steps between which it must stand, views included; of roots
  size_t at;                        // of an arena buffer: its place, a multiple of 64
  const void *constant;             // of a constant
  const blok_subgraph *capture_of;  // reserved for subgraphs: NULL
} blok_buffer;

// The rank of a late value's shape while not even that is known.
#define BLOK_RANK_OPEN UINT32_MAX

// ---- Steps --------------------------------------------------------------------------------------

// What a step's function is called with; the same for all its cells.
typedef struct blok_step_call {
  const void *args;   // the step's
  char *const *data;  // by buffer handle
  char *scratch;      // scratch_stride bytes a worker, aligned to 64
  size_t scratch_stride;
} blok_step_call;

// Computes the cells [first, last). worker is unique among the threads in this step. Cells are
// independent; the result never depends on how they are shared out. Cannot fail.
typedef void (*blok_step_fn)(const blok_step_call *call, uint32_t first, uint32_t last,
                             uint32_t worker);

typedef enum blok_step_kind {
  BLOK_STEP_KERNEL = 1,  // run, over cells
  BLOK_STEP_REFERENCE,   // node, by the reference interpreter
  BLOK_STEP_CONTROL      // node is an If, Loop or Scan: bodies
} blok_step_kind;

typedef struct blok_plan blok_plan;
typedef struct blok_shaped blok_shaped;

// One body of a control step.
typedef struct blok_step_body {
  const blok_subgraph *subgraph;
  const blok_plan *plan;
  blok_shaped *shaped;       // its plan for the captures' shapes
  blok_buffer_id *captures;  // by subgraph->captures: plain buffers of the enclosing shaped plan
} blok_step_body;

typedef struct blok_step {
  blok_step_kind kind;
  const char *kernel;  // words for tables: "conv 3x3", "reference"; static
  blok_node_id node;   // the region's anchor: for messages
  uint32_t region;     // in the plan
  uint32_t n_reads, n_writes;
  const blok_buffer_id *reads, *writes;  // reference and control: by the node's slots, 0 left out
  // Kernels.
  blok_step_fn run;
  const void *args;
  uint64_t cells;        // UINT32_MAX at most: blok_lower_step sees to it
  size_t scratch_bytes;  // a worker
  uint64_t macs;         // multiply-adds that it does, padding lanes included
  uint64_t bytes;        // that it reads and writes at least: operands and weights once
  // Control.
  uint32_t n_bodies;
  blok_step_body *bodies;
} blok_step;

static inline float *blok_step_floats(const blok_step_call *call, blok_buffer_id id) {
  return (float *)(void *)call->data[id];
}
static inline void *blok_step_scratch(const blok_step_call *call, uint32_t worker) {
  return call->scratch + worker * call->scratch_stride;
}

#endif  // BLOK_RUNTIME_OPS_STEP_H
