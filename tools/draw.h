// A picture of one block: its main path from x to y, its skip path beside it,
// squeeze-and-excitation as a loop on the main path.
//
//     x  64 channels
//     |------------------------------------------.
//     o conv 3x3  64 > 64  -> batch norm -> relu |
//     o conv 3x3  64 > 64  -> batch norm         | identity
//    (+)-----------------------------------------'
//     o relu
//     y  1x64x56x56
#ifndef BLOK_TOOLS_DRAW_H
#define BLOK_TOOLS_DRAW_H

#include "tools/outline.h"

// The picture of block index as lines, each of which ends in a line feed; freed with free(). Names
// from the file are escaped. utf8: lines and corners with their own characters, else in ASCII.
// Blocks that are alike but for their names have equal pictures.
char *blok_draw_block(const blok_outline *outline, size_t index, bool utf8);

#endif  // BLOK_TOOLS_DRAW_H
