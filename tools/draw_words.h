// The words of a picture: operations as text.
#ifndef BLOK_TOOLS_DRAW_WORDS_H
#define BLOK_TOOLS_DRAW_WORDS_H

#include "tools/outline.h"

// Texts are freed with free().

const char *blok_draw_arrow(bool utf8);  // what stands between operations

// "leaky_relu(0.1)"; "" for none.
char *blok_draw_activation(blok_activation activation, double alpha, double beta);

// "batch norm", "group norm 32", "layer norm"; "" for none.
char *blok_draw_norm(blok_norm norm, int32_t groups);

// "conv 3x3 /2 + bias", "depthwise 5x5".
char *blok_draw_operator(const blok_conv_desc *conv);

// With channels, norm and activation: "conv 7x7 /2  3 > 64  -> batch norm -> relu".
char *blok_draw_conv(const blok_conv_desc *conv, bool utf8);

// "average pool 2x2 /2", "conv 1x1 /2  64 > 128 -> batch norm".
char *blok_draw_step(const blok_skip_step *step, bool utf8);

// "squeeze_excite  64 > 4 > 64": what a block is, in a few words.
char *blok_draw_words(const blok_block *block, bool utf8);

#endif  // BLOK_TOOLS_DRAW_WORDS_H
