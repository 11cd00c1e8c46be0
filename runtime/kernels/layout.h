// Kernels that move values: between the blocked layout and plain ones, between strides, along
// tables of indices, between element types; and those that resize, which move and weigh.
//
// Every function does the cells [first, last) of its job; how many there are, the job's own _cells
// function says. Cells are cut by shape and instruction set only, write different elements, and may
// run on any threads at once. Nothing is allocated and no state is kept.
//
// Blocked values (f32 only) have VF_LANES channels in a block; channel c of pixel p of image n lies
// at n * batch + (c / lanes) * plane + p * lanes + c % lanes floats. Every function leaves 0 in
// the lanes past the last channel and does not touch the zero pixel behind a plane.
#ifndef BLOK_KERNELS_LAYOUT_H
#define BLOK_KERNELS_LAYOUT_H

#include <blok/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- Blocked and plain --------------------------------------------------------------------------

// A blocked value and the same value in plain memory: channels first ([image][channel][pixel]) or
// last ([image][pixel][channel]). One of them is read, the other written.
typedef struct blok_reorder {
  const float *from;
  float *to;
  size_t batch, plane;  // floats between images and between blocks of the blocked one
  size_t plain_batch;   // floats between images of the plain one
  size_t plain_row;     // floats between its channels (first) or its pixels (last)
  uint32_t images, channels;
  size_t pixels;
} blok_reorder;

enum {
  BLOK_REORDER_PIXELS = 256,      // pixels of a cell of one block, channels first
  BLOK_REORDER_LAST_PIXELS = 32,  // pixels of a cell of all blocks, channels last
};

size_t blok_reorder_first_cells(const blok_reorder *job, uint32_t lanes);
size_t blok_reorder_last_cells(const blok_reorder *job);

// ---- Channels of blocked values -----------------------------------------------------------------

enum { BLOK_LANE_ZERO = UINT16_MAX };

// Where one channel comes from.
typedef struct blok_lane {
  uint16_t source;   // index of a source; BLOK_LANE_ZERO: of none, the channel is 0
  uint32_t channel;  // of that source
} blok_lane;

typedef struct blok_lane_source {
  const float *data;
  size_t batch, plane;
} blok_lane_source;

// A blocked value whose channels are gathered from those of others with as many images and pixels:
// Concat, Split, Slice, Gather and Pad along the channels, and channel shuffles. A source may be
// the destination itself where each lane that it gives stays where it is.
typedef struct blok_channel_move {
  const blok_lane_source *sources;
  const blok_lane *lanes;  // one for each channel of the destination
  float *to;
  size_t batch, plane;
  uint32_t images, channels;
  size_t pixels;
} blok_channel_move;

enum { BLOK_CHANNEL_PIXELS = 1024 };  // pixels of a cell of one block

size_t blok_channel_cells(const blok_channel_move *job, uint32_t lanes);

// ---- Copies between strides ---------------------------------------------------------------------

enum { BLOK_COPY_RANK = 2 * BLOK_MAX_RANK };

// Elements of any size from one arrangement of strides to another: Transpose, Slice, Split, Concat,
// Expand, Tile, DepthToSpace, constant Pad. Strides are in bytes and may be negative or, in from,
// 0; data points at the element whose indices are all 0. The caller fills the first part and calls
// blok_copy_plan; what that leaves is for the kernels.
typedef struct blok_copy {
  const void *from;
  void *to;
  size_t size;  // bytes of an element; after planning, of a run
  uint32_t rank;
  size_t dims[BLOK_COPY_RANK];
  ptrdiff_t from_stride[BLOK_COPY_RANK], to_stride[BLOK_COPY_RANK];

  size_t cells;
  size_t chunk;     // steps of the inner axis, or bytes of a single run, in a cell
  bool transposed;  // the last two axes are contiguous on one side each
} blok_copy;

// Drops, sorts, joins and cuts the axes; the elements copied stay the same. from and to may be
// moved on afterwards by whoever reuses the plan for another place.
void blok_copy_plan(blok_copy *job);
static inline size_t blok_copy_cells(const blok_copy *job) { return job->cells; }

// ---- By index -----------------------------------------------------------------------------------

// A dense destination whose element at (i, j, ...) lies in the source at offsets[0][i] +
// offsets[1][j] + ... bytes: Pad of every mode, nearest Resize, and what else goes by axis.
typedef struct blok_pick {
  const void *from;
  void *to;
  const void *fill;  // an element: what a negative offset on any axis stands for
  size_t size;       // bytes of an element, or of what lies together on both sides
  uint32_t rank;     // at least 1
  size_t dims[BLOK_MAX_RANK];
  const int64_t *offsets[BLOK_MAX_RANK];
} blok_pick;

size_t blok_pick_cells(const blok_pick *job);
void blok_pick_run(const blok_pick *job, size_t first, size_t last);

// Rows along one axis: to[o][k] = from[o][indices[k]], each of inner bytes. Negative indices count
// from the end of the axis.
typedef struct blok_gather {
  const void *from;
  void *to;
  const void *indices;  // int64_t, or int32_t unless wide
  bool wide;
  size_t outer, length, count, inner;  // length of the axis in from, count of indices
} blok_gather;

size_t blok_gather_cells(const blok_gather *job);
void blok_gather_run(const blok_gather *job, size_t first, size_t last);
// True when every index is in [-length, length); else *bad is the first that is not. Nothing may be
// gathered before this was asked.
bool blok_gather_check(const blok_gather *job, int64_t *bad);

// ---- Element types ------------------------------------------------------------------------------

// count elements to another type, as the operator Cast says: towards zero to integers, wrapping
// within them, to the nearest (ties to even) among floats.
typedef struct blok_cast {
  const void *from;
  void *to;
  blok_dtype from_dtype, to_dtype;
  size_t count;
} blok_cast;

enum { BLOK_CAST_ELEMENTS = 4096 };  // of a cell

// Between f16, bf16, f32, f64, bool and the integers of 8 to 64 bits.
bool blok_cast_has(blok_dtype from, blok_dtype to);
size_t blok_cast_cells(const blok_cast *job);
void blok_cast_run(const blok_cast *job, size_t first, size_t last);

// ---- Resize -------------------------------------------------------------------------------------

// How one axis is resized: output i is the sum over t of weights[i * taps + t] * input
// cells[i * taps + t]. A cell of weight 0 has no part, even where it is not a number. A single tap
// is copied, not weighed. A first cell below 0 means that the output lies outside and takes a
// constant.
typedef struct blok_scaled_axis {
  size_t in, out;
  uint32_t taps;
  const int32_t *cells;
  const float *weights;  // NULL where taps is 1
} blok_scaled_axis;

// Floats whose rows and columns are resized.
typedef struct blok_scaling {
  const float *from;
  float *to;
  size_t from_batch, to_batch;  // floats between images
  size_t from_plane, to_plane;  // between blocks (in channels), or between channels (planes)
  size_t from_pixel, to_pixel;  // in channels: lanes when blocked, the channels when they come last
  uint32_t images, channels;
  bool blocked;  // in channels: the lanes past the last channel exist, and become 0
  float outside;
  blok_scaled_axis y, x;
} blok_scaling;

// A cell is one row of the output, of one block or channel.
size_t blok_scaling_channel_cells(const blok_scaling *job, uint32_t lanes);
size_t blok_scaling_plane_cells(const blok_scaling *job);
// Floats of scratch that a thread needs for planes.
size_t blok_scaling_scratch(const blok_scaling *job);

// ---- By instruction set -------------------------------------------------------------------------

typedef struct blok_layout_kernels {
  // Cells of blok_reorder_first_cells.
  void (*blocked_from_first)(const blok_reorder *job, size_t first, size_t last);
  void (*first_from_blocked)(const blok_reorder *job, size_t first, size_t last);
  // Cells of blok_reorder_last_cells.
  void (*blocked_from_last)(const blok_reorder *job, size_t first, size_t last);
  void (*last_from_blocked)(const blok_reorder *job, size_t first, size_t last);
  void (*channels)(const blok_channel_move *job, size_t first, size_t last);
  void (*copy)(const blok_copy *job, size_t first, size_t last);
  // Vectors of channels: blocked values, and plain ones with the channels last.
  void (*scale_channels)(const blok_scaling *job, size_t first, size_t last);
  // Planes of one channel each; scratch of blok_scaling_scratch floats for each caller.
  void (*scale_planes)(const blok_scaling *job, size_t first, size_t last, float *scratch);
} blok_layout_kernels;

#endif  // BLOK_KERNELS_LAYOUT_H
