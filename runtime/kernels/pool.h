// What reduces pixels, on the blocked layout: windows (maximum, average), whole planes (sums and
// maxima by channel), and what squeeze-excite makes of such sums: small products of a vector with a
// matrix, and the scaling of channels.
//
// Sums across cells go to one slot per cell, [image][slot][channel], and are added in the order of
// the slots by whoever reads them, so that results do not depend on the number of threads.
#ifndef BLOK_KERNELS_POOL_H
#define BLOK_KERNELS_POOL_H

#include "runtime/kernels/epilogue.h"
#include "runtime/kernels/isa.h"
#include "runtime/kernels/pool_window.h"

// ---- Windows ------------------------------------------------------------------------------------

typedef struct blok_pool_args {
  blok_plane_window window;
  uint32_t images, channels;
  uint32_t strips;               // blok_strips of the output
  bool include_pad;              // average: padding counts as zeros
  blok_blocked_in in, residual;  // residual.data NULL: none
  blok_blocked_out out;
  const blok_epilogue *epilogue;  // NULL: none
  float *sums;                    // as in blok_depthwise_args; NULL: none
  size_t sums_slot_stride, sums_batch_stride;
} blok_pool_args;

// ---- Planes -------------------------------------------------------------------------------------

typedef struct blok_planes_args {
  uint32_t images, blocks, pixels;
  uint32_t slots;  // blok_strips of pixels rows of one pixel
  blok_blocked_in in;
  float *out;  // [image][slot][block * lanes]
} blok_planes_args;

// Slots to results. The result of a channel: its slots in order, joined, divided by divisor.
typedef struct blok_join_args {
  uint32_t images, channels, slots;
  const float *in;  // [image][slot][blocks * lanes]
  float divisor;
  float *out;
  size_t batch_stride, block_stride;  // of out; block_stride lanes: a row of channels
  bool row;                           // elements beyond channels are not touched, else they are 0
} blok_join_args;

// ---- Squeeze-excite -----------------------------------------------------------------------------

// out[image] = epilogue(weights * v[image]), v as blok_join_args makes it of its slots.
typedef struct blok_excite_args {
  uint32_t images, inputs, outputs, slots;
  const float *in;  // [image][slot][blocks of inputs * lanes]
  float divisor;
  const float *weights;           // blok_excite_pack
  const blok_epilogue *epilogue;  // bias and activation; NULL: none
  float *out;                     // [image][blocks of outputs * lanes]; lanes beyond outputs are 0
} blok_excite_args;

// Each channel of each image times scale[image * scale_stride + channel]. in and out may be one.
typedef struct blok_scale_args {
  uint32_t images, blocks, pixels;
  uint32_t strips;  // blok_strips of pixels rows of one pixel
  blok_blocked_in in;
  blok_blocked_out out;
  const float *scale;
  size_t scale_stride;
} blok_scale_args;

// All are thread-safe for different cells; they compute the cells first..end.
struct blok_pool_kernels {
  // images * blocks of channels * strips cells. A maximum is NaN where an element under the window
  // is; of a window without elements it is -infinity, and the average NaN.
  void (*max)(const blok_pool_args *args, uint32_t first, uint32_t end);
  void (*average)(const blok_pool_args *args, uint32_t first, uint32_t end);
  // images * blocks * slots cells.
  void (*sum_planes)(const blok_planes_args *args, uint32_t first, uint32_t end);
  void (*max_planes)(const blok_planes_args *args, uint32_t first, uint32_t end);
  // images cells.
  void (*join_sums)(const blok_join_args *args, uint32_t first, uint32_t end);
  void (*join_maxima)(const blok_join_args *args, uint32_t first, uint32_t end);
  // blok_excite_cells cells; scratch: blok_excite_scratch_floats.
  void (*excite)(const blok_excite_args *args, uint32_t first, uint32_t end, float *scratch);
  // images * blocks * strips cells.
  void (*scale)(const blok_scale_args *args, uint32_t first, uint32_t end);
};

// Weights of excite are packed in panels of BLOK_EXCITE_PANEL vectors of outputs (the last one
// narrower): [panel][input][lanes of the panel].
enum { BLOK_EXCITE_PANEL = 4 };

uint32_t blok_excite_cells(uint32_t images, uint32_t inputs, uint32_t outputs, uint32_t lanes);
size_t blok_excite_packed_floats(uint32_t inputs, uint32_t outputs, uint32_t lanes);
size_t blok_excite_scratch_floats(uint32_t inputs, uint32_t lanes);
// weights[output * output_stride + input * input_stride]. Lanes beyond outputs are 0.
void blok_excite_pack(const float *weights, size_t output_stride, size_t input_stride,
                      uint32_t inputs, uint32_t outputs, uint32_t lanes, float *packed);

// Panels of one cell: for excite and blok_excite_cells.
uint32_t blok_excite_panels_per_cell(uint32_t inputs, uint32_t lanes);

#endif  // BLOK_KERNELS_POOL_H
