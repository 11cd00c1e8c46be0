// Steps between the blocked layout and plain memory.
#ifndef BLOK_RUNTIME_OPS_REORDER_H
#define BLOK_RUNTIME_OPS_REORDER_H

#include "runtime/ops/lowering.h"

// One of from and to is blocked, the other plain: f32 of the same images, channels and pixels, the
// channels first or last. Shapes are those of the blocked one.
BLOK_MUST_CHECK blok_status blok_lower_reorder_to(blok_lowering *lowering, blok_buffer_id from,
                                                  blok_buffer_id to, bool channels_last,
                                                  blok_error *error);

#endif  // BLOK_RUNTIME_OPS_REORDER_H
