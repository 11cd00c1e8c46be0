// Convolutions of groups narrower than a vector, on the blocked layout: depthwise ones and those
// whose groups have few channels (ResNeXt, RegNet). Dense groups are conv.h's.
//
// A vector holds the VF_LANES channels of a block of outputs at one pixel. In a depthwise
// convolution they meet their own inputs lane by lane. In a narrow group each output lane needs
// every input of its group: for each of them in turn the input vector's lanes are permuted so that
// each output finds its own, and no product with zero is made. Where a group's outputs fill whole
// blocks, all lanes need the same input, which is broadcast.
//
// Weights are packed [block of outputs][tap row][input of the group][tap column][lane]. Several
// pixels of a row are computed at once: an input is loaded once and meets all the taps of its row
// that use it. Taps in the padding are left out.
#ifndef BLOK_KERNELS_DEPTHWISE_H
#define BLOK_KERNELS_DEPTHWISE_H

#include "runtime/kernels/epilogue.h"
#include "runtime/kernels/isa.h"
#include "runtime/kernels/pool_window.h"

typedef struct blok_depthwise_args {
  blok_plane_window window;
  uint32_t images;
  uint32_t channels;             // of the output
  uint32_t group_in, group_out;  // channels of a group; 1 and 1: depthwise
  uint32_t strips;               // blok_strips of the output
  blok_blocked_in in, residual;  // residual.data NULL: none
  blok_blocked_out out;
  const float *weights;           // packed
  const blok_epilogue *epilogue;  // NULL: the sums are the results
  size_t scale_stride;            // from an image's epilogue->scale to the next one's
  // The results' sums by channel for each strip, set by it: sums[strip * slot_stride + image *
  // batch_stride + channel], whole blocks. NULL: none.
  float *sums;
  size_t sums_slot_stride, sums_batch_stride;
} blok_depthwise_args;

struct blok_depthwise_kernels {
  // Cells first..end of images * blocks of channels * strips. Thread-safe for different cells.
  void (*run)(const blok_depthwise_args *args, uint32_t first, uint32_t end);
};

// True when these kernels have such groups for blocks of lanes channels: every window, outputs
// that fill whole blocks, or groups whose outputs divide a block and are a multiple of the inputs.
bool blok_depthwise_fits(uint32_t group_in, uint32_t group_out, uint32_t lanes);

// Floats of the packed weights.
size_t blok_depthwise_packed_floats(uint32_t channels, uint32_t group_in, uint32_t taps,
                                    uint32_t lanes);

// Packs weights [channels][group_in][kernel_h][kernel_w], each output's multiplied by its mul
// (NULL: by 1). Lanes beyond channels are 0.
void blok_depthwise_pack(const float *weights, const float *mul, uint32_t channels,
                         uint32_t group_in, uint32_t kernel_h, uint32_t kernel_w, uint32_t lanes,
                         float *packed);

#endif  // BLOK_KERNELS_DEPTHWISE_H
