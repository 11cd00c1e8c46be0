// Blocks as model-local functions: the boundaries that matching found, written into the file.
#ifndef BLOK_BLOCKS_FUNCTIONS_H
#define BLOK_BLOCKS_FUNCTIONS_H

#include "blocks/blocks.h"

// The domain that the functions are in.
#define BLOK_FUNCTIONS_DOMAIN "blok.blocks"

// What was done.
typedef struct blok_functions_report {
  uint32_t functions;  // made
  uint32_t calls;      // blocks that became one
  uint32_t kept;       // blocks that stay nodes: an inner value is read outside, or is an output
} blok_functions_report;

// A clone of source, notes included, in which the nodes of each block are a call of a function that
// is named after the block's kind ("residual", "residual_2", ...): equal bodies are one function,
// blocks inside blocks calls inside bodies. The call goes by the block's name; its inputs are the
// block's entry and its weights, which stay initializers of the main graph. working and overlay are
// what was matched on source: nodes of working name source's nodes. *out is NULL on failure.
BLOK_MUST_CHECK blok_status blok_blocks_to_functions(const blok_module *source,
                                                     const blok_module *working,
                                                     const blok_overlay *overlay, blok_module **out,
                                                     blok_functions_report *report,
                                                     blok_error *error);

#endif  // BLOK_BLOCKS_FUNCTIONS_H
