// Blocks that are kept as nodes: which of their nodes compute F(x), and how they are counted.
#ifndef BLOK_TOOLS_DRAW_NODES_H
#define BLOK_TOOLS_DRAW_NODES_H

#include "tools/outline.h"

// Operators in the order in which they first come, with how often.
#define BLOK_OPERATOR_KINDS 10

typedef struct blok_operators {
  size_t nodes;
  size_t kinds;
  const char *names[BLOK_OPERATOR_KINDS];
  size_t counts[BLOK_OPERATOR_KINDS];
  size_t others;  // nodes of further kinds
} blok_operators;

void blok_draw_count(blok_operators *list, const char *op);

// What belongs to a block but not to what it computes inside: the addition (or the product of a
// gate), what is activated behind it, the skip path.
typedef struct blok_frame {
  const blok_outline *outline;
  const blok_block *block;
  size_t first, last;                   // members from the addition to the exit
  bool skip_left[BLOK_SKIP_STEPS];      // steps of the skip path not met yet
  int32_t skip_child[BLOK_SKIP_STEPS];  // the blocks that are its convolutions, -1: none
} blok_frame;

void blok_draw_frame(const blok_outline *outline, size_t block, blok_frame *frame);

// Whether member, one of the block's own nodes, is part of the frame, or says nothing (Identity).
bool blok_draw_framed(blok_frame *frame, size_t member, const char *op);

// Whether the block inside is a convolution of the skip path.
bool blok_draw_on_skip(const blok_frame *frame, size_t child);

#endif  // BLOK_TOOLS_DRAW_NODES_H
