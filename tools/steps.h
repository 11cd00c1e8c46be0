// What a session has become, read whole: for the tables of `blok inspect` and `blok bench`.
#ifndef BLOK_TOOLS_STEPS_H
#define BLOK_TOOLS_STEPS_H

#include "tools/json.h"
#include "tools/table.h"

typedef struct blok_steps {
  const blok_model *model;
  blok_machine_info machine;
  blok_memory_info memory;
  size_t count;
  blok_step_info *items;
} blok_steps;

// Reads it from a session that has shapes; what steps points to lives until the session's next
// reshape. Free with blok_steps_free whatever the status.
BLOK_MUST_CHECK blok_status blok_steps_read(blok_steps *steps, const blok_model *model,
                                            const blok_session *session, blok_error *error);
void blok_steps_free(blok_steps *steps);

// The block around a step; NULL: none. The outermost one is that which lies in no other.
const blok_block *blok_steps_block(const blok_steps *steps, size_t index);
const blok_block *blok_steps_outermost(const blok_steps *steps, size_t index);

// "float32 1x64x56x56", "bytes" for what is no value of the model.
blok_shown blok_steps_shape(const blok_step_info *step);
// "blocked 8", "plain".
blok_shown blok_steps_layout(const blok_step_info *step);

// ---- Parts of JSON, in the object that is open --------------------------------------------------

// "isa" and "threads".
void blok_steps_json_machine(const blok_steps *steps, blok_json *json);
// arena_bytes to heap_most_bytes.
void blok_steps_json_memory(const blok_steps *steps, blok_json *json);
// Of one step: index to cells.
void blok_steps_json_step(const blok_steps *steps, const blok_session *session, size_t index,
                          blok_json *json);

#endif  // BLOK_TOOLS_STEPS_H
