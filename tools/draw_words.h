// The words of a picture: operations as text.
#ifndef BLOK_TOOLS_DRAW_WORDS_H
#define BLOK_TOOLS_DRAW_WORDS_H

#include "tools/outline.h"

// Texts are freed with free().

const char *blok_draw_arrow(bool utf8);  // what stands between operations

// "leaky_relu(0.1)"; "" for none.
char *blok_draw_activation(blok_activation activation, double alpha, double beta);

// "conv 3x3 /2 + bias", "depthwise 5x5".
char *blok_draw_operator(const blok_conv_desc *conv);

// "average pool 2x2 /2", "conv 1x1 /2  64 > 128 -> batch norm".
char *blok_draw_step(const blok_skip_step *step, bool utf8);

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

#endif  // BLOK_TOOLS_DRAW_WORDS_H
