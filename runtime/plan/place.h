// Where buffers lie: by lifetime, in one block.
#ifndef BLOK_RUNTIME_PLAN_PLACE_H
#define BLOK_RUNTIME_PLAN_PLACE_H

#include "base/alloc.h"

// One buffer to be placed: it must not overlap another whose steps overlap its own.
typedef struct blok_placement {
  uint32_t first, last;  // steps, inclusive
  size_t bytes;
  size_t offset;  // filled; a multiple of 64
} blok_placement;

// Places items (sorted by first; their bytes are rounded up) into one block, and says how large it
// must be. The same items always get the same places. false: no memory, or sizes overflow.
bool blok_place(blok_placement *items, size_t count, const blok_allocator *allocator,
                size_t *total);

#endif  // BLOK_RUNTIME_PLAN_PLACE_H
