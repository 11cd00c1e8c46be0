// What the files of conv.h share.
#ifndef BLOK_KERNELS_CONV_INSIDE_H
#define BLOK_KERNELS_CONV_INSIDE_H

#include "runtime/kernels/conv.h"

typedef struct blok_conv_panel {
  uint32_t first_block, blocks;  // of outputs
  uint32_t in_block;             // the first that it reads
} blok_conv_panel;

void blok_conv_panel_of(const blok_conv_filter *filter, uint32_t panel, blok_conv_panel *out);

// Floats of the packed weights before the panel.
static inline size_t blok_conv_panel_at(const blok_conv_filter *filter,
                                        const blok_conv_panel *panel) {
  return (size_t)panel->first_block * filter->lanes * filter->cover * filter->kernel_h *
         filter->kernel_w;
}

// Bytes from the start of a worker's scratch memory to its parts.
typedef struct blok_conv_scratch {
  size_t scaled;  // the strip's input with its scale; the table of offsets comes before it
  size_t tail;    // a panel's results where the last block of a matrix is not whole
  size_t bytes;
} blok_conv_scratch;

// False: too large.
bool blok_conv_scratch_of(const blok_conv_filter *filter, const blok_conv_shape *shape,
                          blok_conv_scratch *out);

#endif  // BLOK_KERNELS_CONV_INSIDE_H
