// How weights are cut into panels and chunks, and a convolution into cells: see conv.h.
#include "runtime/kernels/conv.h"

#include <stdlib.h>

#include "base/size.h"
#include "runtime/kernels/conv_inside.h"

enum {
  STRIP_BYTES = 192 << 10,   // of input that a strip reads: beside a panel in the second cache
  WEIGHT_BYTES = 256 << 10,  // of weights that stay in the second cache
  CELL_FLOPS = 3 << 19,      // worth a cell: some fifteen microseconds
  CELL_WEIGHTS = 64 << 10,   // bytes of weights worth a cell where they are all the work
  MOST_CELLS = 32,           // that are made for the sake of threads
  MOST_OFFSETS = 16 << 10    // of a strip's table
};

static uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }
static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }
static uint32_t over(uint32_t a, uint32_t b) { return a / b + (a % b != 0); }

// ---- Weights ------------------------------------------------------------------------------------

void blok_conv_panel_of(const blok_conv_filter *filter, uint32_t panel, blok_conv_panel *out) {
  const uint32_t lanes = filter->lanes, region = panel / filter->region_panels;
  const uint64_t q = panel % filter->region_panels, blocks = filter->region_blocks;
  const uint32_t first = (uint32_t)(blocks * q / filter->region_panels);
  out->blocks = (uint32_t)(blocks * (q + 1) / filter->region_panels) - first;
  out->first_block = region * filter->region_blocks + first;
  out->in_block = 0;
  if (filter->cover == filter->in_channels) return;
  const uint32_t group = out->first_block * lanes / (filter->out_channels / filter->groups);
  const uint32_t at = group * (filter->in_channels / filter->groups) / lanes;
  out->in_block = smaller(at, over(filter->in_channels, lanes) - filter->cover / lanes);
}

// Input blocks of the groups that a panel's outputs are in.
static uint32_t panel_cover(const blok_conv_filter *filter, uint32_t panel) {
  blok_conv_panel p;
  blok_conv_panel_of(filter, panel, &p);
  const uint32_t in = filter->in_channels / filter->groups;
  const uint32_t out = filter->out_channels / filter->groups;
  const uint32_t last = (p.first_block + p.blocks) * filter->lanes - 1;
  const uint32_t first_group = p.first_block * filter->lanes / out;
  const uint32_t last_group = smaller(last, filter->out_channels - 1) / out;
  return over((last_group + 1) * in, filter->lanes) - first_group * in / filter->lanes;
}

bool blok_conv_filter_init(const blok_conv_kernels *kernels, blok_conv_filter *filter) {
  const uint32_t lanes = kernels->lanes, groups = filter->groups;
  filter->lanes = lanes;
  filter->cover = filter->in_channels;
  filter->floats = 0;
  if (groups == 0 || filter->in_channels % groups || filter->out_channels % groups) return false;
  if (filter->in_channels > INT32_MAX - 64 || filter->out_channels > INT32_MAX - 64) return false;
  const uint32_t outputs = filter->out_channels / groups;
  const bool whole = outputs % lanes == 0;  // blocks in a group
  filter->regions = whole ? groups : 1;
  filter->region_blocks = over(whole ? outputs : filter->out_channels, lanes);
  filter->region_panels = kernels->wider ? filter->region_blocks / kernels->panel_blocks
                                         : over(filter->region_blocks, kernels->panel_blocks);
  if (filter->region_panels == 0 && filter->out_channels > 0) filter->region_panels = 1;
  if (groups > 1 && filter->in_channels > 0 && filter->out_channels > 0) {
    uint32_t blocks = 0;
    const uint32_t panels = blok_conv_panels(filter);
    for (uint32_t i = 0; i < panels; i++) blocks = larger(blocks, panel_cover(filter, i));
    if (blocks * lanes < filter->in_channels) filter->cover = blocks * lanes;
  }

  size_t taps, floats, outs = (size_t)filter->regions * filter->region_blocks * lanes;
  if (!blok_mul_size(filter->kernel_h, filter->kernel_w, &taps) ||
      !blok_mul_size(taps, filter->cover, &floats) || !blok_mul_size(floats, outs, &floats) ||
      taps > MOST_OFFSETS || floats > SIZE_MAX / 2 / sizeof(float)) {
    return false;
  }
  filter->floats = floats;
  const size_t depth = taps * filter->cover;
  const size_t chunks = (depth + kernels->chunk_floats / 2) / kernels->chunk_floats;
  filter->chunk = over(over(filter->cover, lanes), chunks ? (uint32_t)chunks : 1);
  if (filter->chunk == 0) filter->chunk = 1;
  return true;
}

// ---- Cells --------------------------------------------------------------------------------------

// Bytes of input that are dear because of one row, and of its offsets.
static size_t row_bytes(const blok_conv_filter *filter, const blok_conv_shape *shape) {
  const uint32_t h = smaller(filter->kernel_h, (uint32_t)abs(shape->stride_h));
  const uint32_t w = smaller(filter->kernel_w, (uint32_t)abs(shape->stride_w));
  const size_t taps = (size_t)filter->kernel_h * filter->kernel_w;
  return sizeof(float) * (filter->cover * (size_t)larger(h, 1) * larger(w, 1) + taps);
}

static void cut(const blok_conv_filter *filter, const blok_conv_kernels *kernels,
                blok_conv_shape *shape) {
  const uint32_t panels = blok_conv_panels(filter);
  const size_t taps = (size_t)filter->kernel_h * filter->kernel_w;
  const double pixels = (double)shape->in_h * shape->in_w * shape->images;
  const double rows = (double)shape->line_rows * shape->lines * shape->images;
  const double weights = (double)filter->floats * sizeof(float);
  const double inputs = pixels * filter->in_channels * sizeof(float);
  const double flops = 2 * rows * (double)filter->floats;

  // What the caches ask for.
  const size_t bytes = row_bytes(filter, shape);
  size_t most = STRIP_BYTES / bytes;
  if (taps && most > MOST_OFFSETS / taps) most = MOST_OFFSETS / taps;
  if (most < 2 * (size_t)kernels->rows) most = 2 * (size_t)kernels->rows;
  if (most > INT32_MAX) most = INT32_MAX;
  shape->strips = larger(over(shape->line_rows, (uint32_t)most), 1);
  shape->panel_groups = 1;
  shape->panels_first = weights > inputs;

  // What threads ask for.
  double worth = flops / CELL_FLOPS;
  if (worth < weights / CELL_WEIGHTS) worth = weights / CELL_WEIGHTS;
  // In pairs: most machines have an even number of processors, and a cell too many is one's alone.
  const uint32_t pairs = worth > MOST_CELLS ? MOST_CELLS / 2 : (uint32_t)(worth + 1) / 2;
  const uint32_t wanted = larger(2 * pairs, 1);
  const double pieces = (double)shape->images * shape->lines;
  if (pieces * shape->strips < wanted && weights <= WEIGHT_BYTES) {
    const uint32_t more = over(wanted, (uint32_t)pieces);
    const uint32_t least = 8 * kernels->rows;
    shape->strips = larger(shape->strips, smaller(more, over(shape->line_rows, least)));
  }
  if (pieces * shape->strips < wanted) {
    shape->panel_groups = over(wanted, (uint32_t)pieces * shape->strips);
  }
  if (shape->panels_first && pieces * shape->strips > 1) {
    const double groups = weights / WEIGHT_BYTES;
    if (groups < panels) shape->panel_groups = larger(shape->panel_groups, (uint32_t)groups);
  }
  shape->panel_groups = larger(smaller(shape->panel_groups, panels), 1);
  shape->strip_rows = over(shape->line_rows, shape->strips);
}

bool blok_conv_grid(const blok_conv_filter *filter, const blok_conv_kernels *kernels,
                    blok_conv_shape *shape) {
  const bool one_tap = filter->kernel_h == 1 && filter->kernel_w == 1;
  const bool even = shape->out_step_w == 1 && shape->out_step_h == shape->out_w;
  shape->flat = even && one_tap && shape->stride_h == 1 && shape->stride_w == 1 &&
                shape->pad_h == 0 && shape->pad_w == 0 && shape->in_h == shape->out_h &&
                shape->in_w == shape->out_w;
  shape->lines = even ? 1 : shape->out_h;
  size_t in, rows;
  if (!blok_mul_size(shape->in_h, shape->in_w, &in) || !blok_add_size(in, 1, &in) ||
      !blok_mul_size(in, filter->lanes, &in) || (!shape->flat && in > INT32_MAX) ||
      !blok_mul_size(even ? shape->out_h : 1, shape->out_w, &rows) || rows > INT32_MAX) {
    return false;
  }
  shape->line_rows = (uint32_t)rows;
  shape->cells = shape->slots = 0;
  shape->scratch = 0;
  if (shape->images == 0 || shape->lines == 0 || rows == 0 || filter->out_channels == 0)
    return true;
  cut(filter, kernels, shape);

  size_t cells;
  if (!blok_mul_size(shape->images, shape->lines, &cells) ||
      !blok_mul_size(cells, shape->strips, &cells) ||
      !blok_mul_size(cells, shape->panel_groups, &cells) || cells > INT32_MAX) {
    return false;
  }
  shape->cells = (uint32_t)cells;
  shape->slots = shape->lines * shape->strips;
  blok_conv_scratch scratch;
  if (!blok_conv_scratch_of(filter, shape, &scratch)) return false;
  shape->scratch = scratch.bytes;
  return true;
}
