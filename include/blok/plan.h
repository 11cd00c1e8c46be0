// What a session has become: its memory, the steps that it runs, and how long each takes.
//
// All of it follows from the last reshape; before one, there is nothing to tell (BLOK_E_ARGUMENT).
// Not while the session runs (BLOK_E_BUSY).
#ifndef BLOK_PLAN_H
#define BLOK_PLAN_H

#include <blok/session.h>
#include <blok/types.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Memory -------------------------------------------------------------------------------------

typedef struct blok_memory_info {
  uint32_t struct_size;
  // What this session holds for its runs, exact before the first one.
  uint64_t arena_bytes;    // values, scratch of all threads, tables of where they lie
  uint64_t value_bytes;    // of these, values; each has its place for just the steps that need it
  uint64_t live_bytes;     // the most that values take at any one step: no place could be smaller
  size_t live_step;        // that step
  uint64_t scratch_bytes;  // scratch of one thread
  // Packed weights of the model, shared by all its sessions.
  uint64_t packed_bytes;
  // Values whose size only a run knows: now, and the most in a run so far. Bound by
  // limits.run_bytes.
  uint64_t heap_bytes, heap_most_bytes;
} blok_memory_info;

#define BLOK_MEMORY_INFO_INIT \
  { sizeof(blok_memory_info), 0, 0, 0, 0, 0, 0, 0, 0 }

BLOK_API BLOK_MUST_CHECK blok_status blok_session_memory(const blok_session *session,
                                                         blok_memory_info *info, blok_error *error);

// ---- Steps --------------------------------------------------------------------------------------

// Who runs a session, and on what. Known from the start.
typedef struct blok_machine_info {
  uint32_t struct_size;
  const char *isa;   // the instruction set of its kernels, "reference" for the interpreter
  uint32_t threads;  // that take part, the caller's included
  size_t steps;      // 0 before the first reshape
} blok_machine_info;

#define BLOK_MACHINE_INFO_INIT \
  { sizeof(blok_machine_info), NULL, 0, 0 }

BLOK_API BLOK_MUST_CHECK blok_status blok_session_machine(const blok_session *session,
                                                          blok_machine_info *info,
                                                          blok_error *error);

// One step of a run. Strings live until the next reshape.
typedef struct blok_step_info {
  uint32_t struct_size;
  const char *name;    // of the source node that it stands for first, or that node's first output
  const char *op;      // that node's operator
  size_t nodes;        // source nodes that it computes: blok_session_step_node
  int32_t block;       // the innermost block around it, as blok_model_block counts; -1: none
  const char *kernel;  // "conv 3x3", "reorder", "reference"
  const char *layout;  // of what it makes: "plain", or "blocked": channels in blocks of lanes
  uint32_t lanes;      // of a block; 0: plain
  // What it makes, the first of several. BLOK_UNDEFINED: nothing that is a value of the model.
  blok_dtype dtype;
  int32_t rank;                 // -1: only a run knows
  int64_t dims[BLOK_MAX_RANK];  // -1: only a run knows
  uint64_t bytes;               // that it reads and writes at least; 0: unknown
  uint64_t macs;                // multiply-adds that it does, those on padding included
  uint32_t cells;               // pieces of work that threads share; 0: one thread does it
  uint64_t scratch_bytes;       // a thread
  // While blok_session_profile is on: the runs since, their time, and that of the quickest.
  uint64_t runs, nanoseconds, least_nanoseconds;
} blok_step_info;

#define BLOK_STEP_INFO_INIT                                                                       \
  {                                                                                               \
    sizeof(blok_step_info), NULL, NULL, 0, -1, NULL, NULL, 0, BLOK_UNDEFINED, 0, {0}, 0, 0, 0, 0, \
        0, 0, 0                                                                                   \
  }

// Step index in the order of a run. BLOK_E_NOT_FOUND past the last.
BLOK_API BLOK_MUST_CHECK blok_status blok_session_step(const blok_session *session, size_t index,
                                                       blok_step_info *info, blok_error *error);

// Node index (as blok_model_node counts) of a source node that the step computes, ascending;
// SIZE_MAX past the last, before the first reshape, and while the session runs.
BLOK_API size_t blok_session_step_node(const blok_session *session, size_t index, size_t member);

// Turns the clock of each step on or off; on again sets all times to 0. A run then allocates as
// little as before. Steps inside an If, Loop or Scan count as time of that step.
BLOK_API BLOK_MUST_CHECK blok_status blok_session_profile(blok_session *session, bool on,
                                                          blok_error *error);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_PLAN_H
