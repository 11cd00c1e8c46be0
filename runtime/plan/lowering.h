// What stands behind blok_lowering: the state of one shaping. The interface that operators' files
// use is runtime/ops/lowering.h.
#ifndef BLOK_RUNTIME_PLAN_LOWERING_H
#define BLOK_RUNTIME_PLAN_LOWERING_H

#include "runtime/ops/lowering.h"
#include "runtime/plan/shaped.h"

// The forms in which a value stands. 0: not in that form.
typedef struct blok_forms {
  blok_buffer_id plain, blocked;
  blok_value_id scaled_of;  // a value, to be multiplied by scale; none: not in that form
  blok_buffer_id scale;
  blok_buffer_id sums;
  uint32_t slots;
  bool wants_sums, prefers_blocked;
  blok_buffer_id prepared;  // blocked, not yet whole: what a Concat collects is put there already
  blok_value_id home;       // the value of a Concat whose buffer it is to stand in; none: its own
  uint32_t home_channel;    // from this channel of it on
} blok_forms;

struct blok_lowering {
  const blok_plan *plan;
  const blok_graph *graph;
  const blok_facts *facts;
  const blok_isa *isa;
  const blok_shaped_options *options;
  blok_shaped *shaped;
  uint32_t region;    // that is being lowered
  bool in_pieces;     // node by node: a later one may read what this one reads
  blok_forms *forms;  // by value handle
  uint32_t cap_buffers, cap_steps;
  uint32_t *needed_until;  // by buffer: the last region that reads a value in it; capacity as
  uint32_t cap_needed;     // buffers'
  blok_arena scratch;      // of the region that is being lowered
};

// ---- Buffers and forms (forms.c) ----------------------------------------------------------------

// A buffer of this kind; the rest of *like is copied.
BLOK_MUST_CHECK blok_status blok_buffer_add(blok_lowering *lowering, const blok_buffer *like,
                                            blok_buffer_id *out, blok_error *error);
static inline blok_buffer *blok_buffer_at(const blok_lowering *lowering, blok_buffer_id id) {
  return &lowering->shaped->buffers[id];
}
// The value as [n, c, h, w] of the set's blocks; false: no f32 of rank 3 or 4, or too large.
bool blok_planes_of(const blok_lowering *lowering, const blok_tensor *shape, blok_planes *out);

// The plain buffer of a value that a reference or control step makes: late where its size is
// unknown.
BLOK_MUST_CHECK blok_status blok_lower_any_output(blok_lowering *lowering, blok_value_id value,
                                                  blok_buffer_id *out, blok_error *error);

// ---- Before any region (wishes.c) ---------------------------------------------------------------

// Which values are better blocked, whose channel sums are wanted, and which stand inside a Concat's
// result.
void blok_lower_wishes(blok_lowering *lowering);

// ---- Regions (region_steps.c) -------------------------------------------------------------------

BLOK_MUST_CHECK blok_status blok_lower_region(blok_lowering *lowering, uint32_t region,
                                              blok_error *error);

#endif  // BLOK_RUNTIME_PLAN_LOWERING_H
