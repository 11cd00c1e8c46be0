// The cells of a convolution: see conv.h.
//
// A cell is a strip of rows by a group of panels. The strip's table of offsets is built once for
// all panels (and kept for the next cells while they have the same strip), then each panel goes
// over the strip chunk by chunk of input channels: sums wait in the output meanwhile. With the last
// chunk the rows go in batches, so that the epilogue finds them in the first cache.
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "runtime/kernels/conv_inside.h"

enum { BATCH = 48, ALIGN = 64 };

bool blok_conv_scratch_of(const blok_conv_filter *filter, const blok_conv_shape *shape,
                          blok_conv_scratch *out) {
  const size_t rows = shape->strip_rows, lanes = filter->lanes;
  size_t table, scaled = 0, tail = 0;
  if (!blok_mul_size(rows * sizeof(int32_t), (size_t)filter->kernel_h * filter->kernel_w, &table)) {
    return false;
  }
  table = (table + ALIGN - 1) / ALIGN * ALIGN;
  if (shape->scaled) {
    const size_t whole = (filter->cover + lanes - 1) / lanes * lanes;
    if (!blok_mul_size(rows * sizeof(float), whole, &scaled)) return false;
  }
  if (shape->matrix_out && filter->out_channels % lanes) {
    if (!blok_mul_size(rows * sizeof(float), lanes * BLOK_CONV_MOST_BLOCKS, &tail)) return false;
  }
  out->scaled = table;
  return blok_add_size(table, (scaled + ALIGN - 1) / ALIGN * ALIGN, &out->tail) &&
         blok_add_size(out->tail, (tail + ALIGN - 1) / ALIGN * ALIGN, &out->bytes);
}

// Where a strip is, and what was made for it.
typedef struct strip_at {
  uint32_t image, line, index;
  uint32_t first, rows;  // of the line
  const float *in;       // what offsets count from, without the panel's first block
  size_t block;          // step of in
  int32_t *offsets;      // [tap][rows]
} strip_at;

// ---- The table of offsets -----------------------------------------------------------------------

// to[first], ... of up to end: at, at + by, ... Gives end, or first if that is more.
static uint32_t progression(int32_t *to, uint32_t first, uint32_t end, uint32_t at, uint32_t by) {
  typedef uint32_t four __attribute__((vector_size(16)));
  four next = {at, at + by, at + 2 * by, at + 3 * by};
  uint32_t i = first;
  for (; i + 4 <= end; i += 4, next += 4 * by) memcpy(to + i, &next, sizeof next);
  for (at += by * (i - first); i < end; i++, at += by) to[i] = (int32_t)at;
  return i;
}

// Offsets of count rows that lie in one picture row, for one tap: the inputs x, x + stride, ... of
// the input row at base; those outside 0 to width are at zero.
static void offsets_along(int32_t *to, uint32_t count, int64_t x, int32_t stride, uint32_t width,
                          int64_t base, int32_t step, int32_t zero) {
  int64_t at = base + x * step;
  const int32_t by = stride * step;
  uint32_t i = 0;
  if (stride > 0) {
    for (; i < count && x < 0; i++, x += stride, at += by) to[i] = zero;
    uint64_t left = x < width ? (width - (uint64_t)x + (uint32_t)stride - 1) / (uint32_t)stride : 0;
    const uint32_t end = left < count - i ? i + (uint32_t)left : count;
    i = progression(to, i, end, (uint32_t)at, (uint32_t)by);
    for (; i < count; i++) to[i] = zero;
    return;
  }
  for (; i < count; i++, x += stride, at += by) to[i] = x >= 0 && x < width ? (int32_t)at : zero;
}

static void build_offsets(const blok_conv *conv, const strip_at *strip) {
  const blok_conv_shape *s = conv->shape;
  const blok_conv_filter *f = conv->filter;
  const int32_t step = (int32_t)conv->in_steps.row, zero = (int32_t)conv->zero;
  if (s->flat) {
    for (uint32_t i = 0; i < strip->rows; i++) strip->offsets[i] = (int32_t)i * step;
    return;
  }
  // A line that is a whole image has rows of out_w pixels, another one is one of them.
  const uint32_t first_y = s->lines == 1 ? strip->first / s->out_w : strip->line;
  const uint32_t first_x = s->lines == 1 ? strip->first % s->out_w : strip->first;
  int32_t *to = strip->offsets;
  for (uint32_t i = 0; i < f->kernel_h; i++) {
    for (uint32_t j = 0; j < f->kernel_w; j++) {
      uint32_t y = first_y, x = first_x;
      for (uint32_t row = 0; row < strip->rows; y++, x = 0) {
        const uint32_t left = strip->rows - row, wide = s->out_w - x;
        const uint32_t count = wide < left ? wide : left;
        const int64_t in_y = (int64_t)y * s->stride_h - s->pad_h + (int64_t)i * s->dilation_h;
        const int64_t in_x = (int64_t)x * s->stride_w - s->pad_w + (int64_t)j * s->dilation_w;
        if (in_y < 0 || in_y >= s->in_h) {
          for (uint32_t k = 0; k < count; k++) to[k] = zero;
        } else {
          offsets_along(to, count, in_x, s->stride_w, s->in_w, in_y * s->in_w * step, step, zero);
        }
        to += count;
        row += count;
      }
    }
  }
}

// ---- A panel over a strip -----------------------------------------------------------------------

typedef struct panel_job {
  const blok_conv *conv;
  const strip_at *strip;
  const float *weights;
  const float *in;  // with the panel's first block
  blok_conv_tiles_fn tiles;
  uint32_t width;  // channels of the panel
  float *out;      // raw sums, then results
  size_t out_row, out_block;
  blok_epilogue epilogue;
  blok_tile tile;  // of the whole strip
} panel_job;

static void run_tiles(const panel_job *job, uint32_t chunk_first, uint32_t first, uint32_t rows) {
  const blok_conv_filter *f = job->conv->filter;
  const uint32_t taps = f->kernel_h * f->kernel_w, lanes = f->lanes;
  const uint32_t left = f->cover - chunk_first * lanes, most = f->chunk * lanes;
  const uint32_t channels = left < most ? left : most;
  const blok_conv_tiles tiles = {
      .in = job->in + chunk_first * job->strip->block,
      .offsets = job->strip->offsets + first,
      .offsets_step = job->strip->rows,
      .block = job->strip->block,
      .rows = rows,
      .taps = taps,
      .blocks = channels / lanes,
      .rest = channels % lanes,
      .weights = job->weights + (size_t)chunk_first * lanes * taps * job->width,
      .out = job->out + first * job->out_row,
      .out_row = job->out_row,
      .out_block = job->out_block,
      .add = chunk_first > 0};
  job->tiles(&tiles);
}

static void finish_rows(const panel_job *job, uint32_t first, uint32_t rows) {
  blok_tile tile = job->tile;
  tile.out += first * tile.row_stride;
  if (tile.residual) tile.residual += first * tile.residual_row_stride;
  tile.rows = rows;
  job->conv->isa->epilogue(&job->epilogue, &tile);
}

static void run_panel(const panel_job *job) {
  const blok_conv_filter *f = job->conv->filter;
  const uint32_t blocks = (f->cover + f->lanes - 1) / f->lanes, rows = job->strip->rows;
  const bool any = blocks > 0 && f->kernel_h > 0 && f->kernel_w > 0;
  uint32_t chunk = 0;
  for (; any && chunk + f->chunk < blocks; chunk += f->chunk) run_tiles(job, chunk, 0, rows);
  const uint32_t batches = (rows + BATCH - 1) / BATCH;
  for (uint32_t i = 0; i < batches; i++) {
    const uint32_t first = (uint32_t)((uint64_t)rows * i / batches);
    const uint32_t count = (uint32_t)((uint64_t)rows * (i + 1) / batches) - first;
    if (any) {
      run_tiles(job, chunk, first, count);
    } else {
      for (uint32_t r = first; r < first + count; r++) {
        for (uint32_t b = 0; b < job->tile.blocks; b++) {
          memset(job->out + r * job->out_row + b * job->out_block, 0, f->lanes * sizeof(float));
        }
      }
    }
    finish_rows(job, first, count);
  }
}

static void panel_over_strip(const blok_conv *conv, const strip_at *strip, uint32_t index,
                             float *scratch_tail) {
  const blok_conv_filter *f = conv->filter;
  const blok_conv_shape *s = conv->shape;
  const uint32_t lanes = f->lanes;
  blok_conv_panel panel;
  blok_conv_panel_of(f, index, &panel);
  const uint32_t channel = panel.first_block * lanes, width = panel.blocks * lanes;
  const size_t pixel = (s->lines == 1 ? 0 : (size_t)strip->line * s->out_step_h) +
                       (size_t)strip->first * s->out_step_w;
  float *out = conv->out + strip->image * conv->out_steps.image + pixel * conv->out_steps.row +
               panel.first_block * conv->out_steps.block;
  const size_t out_row = conv->out_steps.row * s->out_step_w;
  const bool tail = s->matrix_out && channel + width > f->out_channels;

  panel_job job = {
      .conv = conv,
      .strip = strip,
      .weights = conv->packed + strip->image * conv->packed_step + blok_conv_panel_at(f, &panel),
      .in = strip->in + panel.in_block * strip->block,
      .tiles = conv->isa->conv->tiles[panel.blocks],
      .width = width,
      .out = tail ? scratch_tail : out,
      .out_row = tail ? width : out_row,
      .out_block = tail ? lanes : conv->out_steps.block,
      .epilogue = *conv->epilogue};
  if (job.epilogue.scale) job.epilogue.scale += strip->image * conv->scale_step;
  job.tile = (blok_tile){.out = job.out,
                         .row_stride = job.out_row,
                         .block_stride = job.out_block,
                         .rows = strip->rows,
                         .blocks = panel.blocks,
                         .channel = channel,
                         .channels = f->out_channels,
                         .matrix = s->matrix_out};
  if (conv->residual) {
    const blok_conv_steps *steps = &conv->residual_steps;
    job.tile.residual = conv->residual + strip->image * steps->image + pixel * steps->row +
                        panel.first_block * steps->block;
    job.tile.residual_row_stride = steps->row * s->out_step_w;
    job.tile.residual_block_stride = steps->block;
  }
  if (conv->sums) {
    const size_t padded = ((size_t)f->out_channels + lanes - 1) / lanes * lanes;
    const size_t slot = (size_t)strip->image * s->slots + strip->line * s->strips + strip->index;
    job.tile.sums = conv->sums + slot * padded;
    memset(job.tile.sums + channel, 0, width * sizeof(float));
  }
  run_panel(&job);
  if (!tail) return;
  const size_t bytes = (f->out_channels - channel) * sizeof(float);
  for (uint32_t r = 0; r < strip->rows; r++) memcpy(out + r * out_row, job.out + r * width, bytes);
}

// ---- Cells --------------------------------------------------------------------------------------

static void enter_strip(const blok_conv *conv, strip_at *strip, bool table, float *scaled) {
  const blok_conv_shape *s = conv->shape;
  const blok_conv_filter *f = conv->filter;
  const uint64_t rows = s->line_rows;
  strip->first = (uint32_t)(rows * strip->index / s->strips);
  const uint32_t count = (uint32_t)(rows * (strip->index + 1) / s->strips) - strip->first;
  table = table || count != strip->rows;
  strip->rows = count;
  if (table || !s->flat) build_offsets(conv, strip);
  strip->in = conv->in + strip->image * conv->in_steps.image;
  if (s->flat) strip->in += strip->first * conv->in_steps.row;
  strip->block = conv->in_steps.block;
  if (!conv->in_scale) return;
  const uint32_t blocks = (f->cover + f->lanes - 1) / f->lanes;
  conv->isa->conv->scale(strip->in, strip->block, strip->offsets, strip->rows, blocks,
                         conv->in_scale + strip->image * conv->in_scale_step, scaled);
  strip->in = scaled;
  strip->block = (size_t)strip->rows * f->lanes;
  for (uint32_t i = 0; i < strip->rows; i++) strip->offsets[i] = (int32_t)(i * f->lanes);
}

void blok_conv_cells(const blok_conv *conv, uint32_t first, uint32_t last, void *scratch) {
  const blok_conv_shape *s = conv->shape;
  const uint32_t panels = blok_conv_panels(conv->filter);
  const uint32_t strips = s->images * s->lines * s->strips;
  blok_conv_scratch parts;
  if (first >= last || !blok_conv_scratch_of(conv->filter, s, &parts)) return;
  char *const memory = scratch;
  float *const scaled = (float *)(void *)(memory + parts.scaled);
  float *const tail = (float *)(void *)(memory + parts.tail);
  strip_at strip = {.offsets = scratch};
  uint32_t entered = strips;
  for (uint32_t cell = first; cell < last; cell++) {
    const uint32_t group = s->panels_first ? cell / strips : cell % s->panel_groups;
    const uint32_t at = s->panels_first ? cell % strips : cell / s->panel_groups;
    if (at != entered) {
      strip.index = at % s->strips;
      strip.line = at / s->strips % s->lines;
      strip.image = at / s->strips / s->lines;
      enter_strip(conv, &strip, entered == strips || conv->in_scale != NULL, scaled);
      entered = at;
    }
    const uint32_t from = (uint32_t)((uint64_t)panels * group / s->panel_groups);
    const uint32_t to = (uint32_t)((uint64_t)panels * (group + 1) / s->panel_groups);
    for (uint32_t i = from; i < to; i++) panel_over_strip(conv, &strip, i, tail);
  }
}
