// What the files that make an outline share: the outline while it is made, and the parts that are
// no blocks.
#ifndef BLOK_CODEGEN_PARTS_H
#define BLOK_CODEGEN_PARTS_H

#include "blocks/build/build.h"
#include "codegen/outline.h"

// A block of the overlay as an item would say it.
typedef struct blok_block_item {
  bool fits;  // it can be said
  blok_item item;
  uint32_t n_weights;
  blok_block_weight *weights;
  bool *swapped;   // by weight: it is saved with its axes swapped
  bool turned[2];  // the same of a squeeze-excite's products
} blok_block_item;

typedef struct blok_making {
  blok_outline *outline;
  const blok_overlay *overlay;
  blok_arena arena;  // until the outline is made
  blok_uses uses;
  blok_namer namer;
  blok_block_item *blocks;     // by block of the overlay
  const char **names;          // by item: what the file calls it; NULL: nothing
  const blok_block_item **of;  // by item: its block; NULL: none
  bool *taken;                 // by node: another item says it
} blok_making;

// One node that no block item holds, as a layer where it is one.
BLOK_MUST_CHECK blok_status blok_making_node(blok_making *making, blok_node_id id,
                                             blok_error *error);
BLOK_MUST_CHECK blok_status blok_making_add(blok_making *making, const blok_item *item,
                                            const char *name, blok_error *error);
// Names and saves what those nodes read, after the items have names.
BLOK_MUST_CHECK blok_status blok_making_save(blok_making *making, blok_error *error);

BLOK_MUST_CHECK blok_status blok_outline_save(blok_outline *outline,
                                              const blok_saved_weight *weight, blok_error *error);

#endif  // BLOK_CODEGEN_PARTS_H
