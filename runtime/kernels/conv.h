// Products and convolutions: one dense kernel for matrices, 1x1, kxk, strided, dilated and grouped
// convolutions, and for the phases of transposed ones.
//
// The kernel multiplies rows by panels. A row is an output pixel, or a row of a matrix; a panel is
// a few blocks of output channels. Rows and panels meet in a tile that lives in registers: for each
// input channel of each tap one number of each row is broadcast and multiplied with the panel's
// weights. Where a row finds its input is looked up in a table of offsets [tap][row]; a tap outside
// the picture finds the plane's zero pixel, so that edges are nothing special.
//
// Packed weights: [panel][chunk][tap][input channel of the chunk][output channel of the panel].
// Chunks of input blocks are so small that a panel's share stays in the first cache while all rows
// of a strip go by (the blocking of Goto and van de Geijn, Anatomy of High-Performance Matrix
// Multiplication, 2008, with the roles of the operands exchanged).
//
// The work is cut into cells: images by strips of rows by groups of panels.
#ifndef BLOK_KERNELS_CONV_H
#define BLOK_KERNELS_CONV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/kernels/isa.h"

// ---- Weights ------------------------------------------------------------------------------------

// What weights fix, and how they are packed for a set. The packed form depends on nothing else, so
// that all image sizes and batches share it. A matrix has one tap and one group.
typedef struct blok_conv_filter {
  uint32_t in_channels, out_channels, groups;
  uint32_t kernel_h, kernel_w;  // taps; none at all: every sum is 0
  // Filled by blok_conv_filter_init.
  uint32_t lanes;
  uint32_t regions, region_blocks, region_panels;  // no panel crosses the end of a region
  uint32_t cover;                                  // input channels that a panel reads
  uint32_t chunk;                                  // input blocks at a time
  size_t floats;                                   // of the packed weights
} blok_conv_filter;

// Fills the second half from the first. False: the packed weights are too large to address, or
// in_channels or out_channels is no multiple of groups.
bool blok_conv_filter_init(const blok_conv_kernels *kernels, blok_conv_filter *filter);

static inline uint32_t blok_conv_panels(const blok_conv_filter *filter) {
  return filter->regions * filter->region_panels;
}

// Where the weight of output channel o, input channel c of o's group g, and tap (y, x) stands:
// data[o * out + c * in + g * group + y * tap_h + x * tap_w]. A convolution's [O][C][H][W] has
// group 0; negative strides are fine.
typedef struct blok_conv_source {
  const float *data;
  ptrdiff_t out, in, group, tap_h, tap_w;
  const float *scale;  // by output channel, multiplied in; NULL: none
} blok_conv_source;

// Writes the panels [first, last) of packed, which has filter->floats floats in all and is aligned
// to 64 bytes. Thread-safe for different panels.
void blok_conv_pack(const blok_conv_filter *filter, const blok_conv_source *source, uint32_t first,
                    uint32_t last, float *packed);

// ---- A convolution of one shape -----------------------------------------------------------------

// Steps in floats from one image, block of channels and row to the next. A blocked value has rows
// of a block's lanes; a matrix has blocks of a set's lanes and rows of its own length or more.
typedef struct blok_conv_steps {
  size_t image, block, row;
} blok_conv_steps;

// The shape half is filled by the caller, the rest by blok_conv_grid.
typedef struct blok_conv_shape {
  uint32_t images;
  uint32_t in_h, in_w, out_h, out_w;  // a matrix of M rows: in and out 1 by M
  // Output (y, x) reads at tap (i, j) the input (y * stride_h - pad_h + i * dilation_h, ...), which
  // is 0 outside the picture. Dilations and pads may be negative.
  int32_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  // Output pixels are this far apart in the output's plane, in rows of blok_conv_steps: 1 and
  // out_w, but for the phases of a transposed convolution.
  uint32_t out_step_w, out_step_h;
  bool scaled;      // the input has a scale (1x1, one group)
  bool matrix_out;  // out_channels elements a row, none behind them
  // Filled by blok_conv_grid.
  bool flat;                    // row r reads pixel r alone
  bool panels_first;            // consecutive cells share panels, not strips
  uint32_t lines;               // pieces of an image that have evenly spaced output rows
  uint32_t line_rows;           // rows of a piece
  uint32_t strips, strip_rows;  // of a line: how many, and rows of the longest
  uint32_t panel_groups;
  uint32_t cells;
  uint32_t slots;  // channel sums an image: one a strip of a line
  size_t scratch;  // bytes of scratch memory that a worker needs
} blok_conv_shape;

// Fills the second half. It depends on filter, shape and set alone. False: too large to address.
bool blok_conv_grid(const blok_conv_filter *filter, const blok_conv_kernels *kernels,
                    blok_conv_shape *shape);

// Operands of one call. Channel sums are [image][slot][out_channels up to a whole block]; what was
// there is replaced.
typedef struct blok_conv {
  const blok_isa *isa;
  const blok_conv_filter *filter;
  const blok_conv_shape *shape;
  const float *packed;
  size_t packed_step;  // from image to image, in floats; 0: the same weights for all
  const float *in;
  blok_conv_steps in_steps;
  uint32_t zero;  // offset of the zero pixel in a plane; used if a tap is outside
  float *out;
  blok_conv_steps out_steps;  // with matrix_out block is the set's lanes
  const blok_epilogue *epilogue;
  size_t scale_step;      // of epilogue->scale, from image to image
  const float *residual;  // NULL: none
  blok_conv_steps residual_steps;
  const float *in_scale;  // by input channel, in_scale_step an image; NULL: none
  size_t in_scale_step;
  float *sums;  // NULL: none
} blok_conv;

// Computes the cells [first, last). scratch has shape->scratch bytes, aligned to 64; no two calls
// at once may share it. Thread-safe for different cells.
void blok_conv_cells(const blok_conv *conv, uint32_t first, uint32_t last, void *scratch);

// ---- What a set brings --------------------------------------------------------------------------

enum { BLOK_CONV_MOST_BLOCKS = 4 };  // of a panel

// Rows by one panel and one chunk. offsets[tap * offsets_step + row] is where the row's input of
// that tap begins, from in on; block is the step to the next lanes channels, of which there are
// blocks full ones and rest channels more.
typedef struct blok_conv_tiles {
  const float *in;
  const int32_t *offsets;
  size_t offsets_step, block;
  uint32_t rows, taps, blocks, rest;
  const float *weights;
  float *out;
  size_t out_row, out_block;
  bool add;  // to what stands in out, rather than replace it
} blok_conv_tiles;

typedef void (*blok_conv_tiles_fn)(const blok_conv_tiles *tiles);

struct blok_conv_kernels {
  uint32_t lanes;
  uint32_t panel_blocks;  // of a panel, as far as they divide evenly
  bool wider;             // else panels are wider, rather than narrower
  uint32_t chunk_floats;  // of one output channel's weights in a chunk, about
  uint32_t rows;          // of a tile of panel_blocks
  blok_conv_tiles_fn tiles[BLOK_CONV_MOST_BLOCKS + 1];  // by blocks of the panel
  // to[block][row][lane] = from[block * step + offsets[row] + lane] * scale[block][lane]
  void (*scale)(const float *from, size_t step, const int32_t *offsets, uint32_t rows,
                uint32_t blocks, const float *scale, float *to);
};

#endif  // BLOK_KERNELS_CONV_H
