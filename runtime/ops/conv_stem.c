// Convolutions of few channels: the first ones of networks.
//
// With three channels every tap is only three multiply-adds long, and finding its rows costs as
// much. So the picture is first copied with its channels last and its pads around it. The taps of a
// kernel row are then neighbours: kernel_w * channels numbers that follow one another are one tap
// of that many channels, and the convolution is one of kernel_h taps that never leave the picture.
//
// The packed weights are the ordinary ones. Those hold, for each tap, its few channels; read as
// those of one chunk with a tap a kernel row they are the same numbers in the same order.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "runtime/ops/conv.h"

enum {
  MOST_CHANNELS = 5,         // with six, taps are long enough
  CELL_FLOATS = 16 << 10,    // of the copy that are worth a cell
  SMALL_PICTURE = 64 << 10,  // floats: may be mostly pads
  MOST_GROWTH = 3            // of a larger one, pads included
};

// ---- The convolution ----------------------------------------------------------------------------

static int64_t reach(uint32_t out, int32_t stride, uint32_t kernel, int32_t dilation) {
  return (int64_t)(out - 1) * stride + (int64_t)(kernel - 1) * dilation + 1;
}

bool blok_conv_stem_of(const blok_lowering *lowering, const blok_conv_node *c,
                       blok_conv_stem *out) {
  const blok_conv_kernels *kernels = blok_lower_isa(lowering)->conv;
  if (c->groups != 1 || c->in_channels > MOST_CHANNELS || c->kernel_w < 2 || c->dilation_w != 1 ||
      c->dilation_h < 1 || blok_lower_is_blocked(lowering, c->x)) {
    return false;
  }
  const int64_t height = reach(c->out_h, c->stride_h, c->kernel_h, c->dilation_h);
  const int64_t width = reach(c->out_w, c->stride_w, c->kernel_w, 1);
  const size_t channels = c->in_channels;
  size_t row, room;
  if (height > INT32_MAX || width > INT32_MAX || c->kernel_w > INT32_MAX / MOST_CHANNELS ||
      !blok_mul_size((size_t)width, channels, &row) ||
      !blok_mul_size(row, (size_t)height, &out->image) ||
      !blok_mul_size(out->image, c->images * sizeof(float), &out->bytes) ||
      !blok_mul_size(c->in_h, c->in_w, &room) ||
      !blok_mul_size(room, channels * MOST_GROWTH, &room)) {
    return false;
  }
  const size_t pieces = (out->image + CELL_FLOATS - 1) / CELL_FLOATS;
  out->pieces = (uint32_t)(pieces < (size_t)height ? pieces : (size_t)height);
  if ((uint64_t)out->pieces * c->images > UINT32_MAX) return false;
  if (out->image > SMALL_PICTURE && out->image > room) return false;
  out->filter = (blok_conv_filter){.in_channels = c->kernel_w * c->in_channels,
                                   .out_channels = c->out_channels,
                                   .groups = 1,
                                   .kernel_h = c->kernel_h,
                                   .kernel_w = 1};
  out->shape = (blok_conv_shape){.images = c->images,
                                 .in_h = (uint32_t)height,
                                 .in_w = (uint32_t)width,
                                 .out_h = c->out_h,
                                 .out_w = c->out_w,
                                 .stride_h = c->stride_h,
                                 .stride_w = c->stride_w,
                                 .dilation_h = c->dilation_h,
                                 .dilation_w = 1,
                                 .out_step_w = 1,
                                 .out_step_h = c->out_w};
  if (!blok_conv_filter_init(kernels, &out->filter)) return false;
  out->filter.chunk = (out->filter.cover + kernels->lanes - 1) / kernels->lanes;
  return blok_conv_grid(&out->filter, kernels, &out->shape);
}

bool blok_lower_reads_plain(blok_lowering *lowering, blok_node_id conv) {
  blok_conv_node c;
  blok_conv_stem stem;
  return blok_conv_node_of(lowering, conv, &c) && blok_conv_stem_of(lowering, &c, &stem);
}

// ---- The picture --------------------------------------------------------------------------------

typedef struct picture_args {
  uint32_t channels, in_h, in_w;
  uint32_t height, width;  // with pads
  int32_t pad_h;
  uint32_t pieces;        // of an image, one a cell
  uint32_t left, pixels;  // of a row: pixels of zeros, then so many of the input, then zeros
  blok_buffer_id from, to;
} picture_args;

typedef float four __attribute__((vector_size(16)));

static four load_four(const float *p) {
  four x;
  memcpy(&x, p, sizeof x);
  return x;
}
static void store_four(float *p, four x) { memcpy(p, &x, sizeof x); }

// Pixels of `channels` channels that lie plane floats apart.
static void interleave(const float *from, size_t plane, uint32_t pixels, uint32_t channels,
                       float *to) {
  for (uint32_t x = 0; x < pixels; x++, to += channels) {
    for (uint32_t c = 0; c < channels; c++) to[c] = from[c * plane + x];
  }
}

// Red, green and blue, four pixels at a time.
static void interleave_three(const float *from, size_t plane, uint32_t pixels, float *to) {
  uint32_t x = 0;
  for (; x + 4 <= pixels; x += 4, from += 4, to += 12) {
    const four a = load_four(from), b = load_four(from + plane), c = load_four(from + 2 * plane);
    const four ab = __builtin_shufflevector(a, b, 0, 2, 4, 6);
    const four bc = __builtin_shufflevector(b, c, 1, 3, 5, 7);
    const four ca = __builtin_shufflevector(c, a, 0, 2, 5, 7);
    store_four(to, __builtin_shufflevector(ab, ca, 0, 2, 4, 6));
    store_four(to + 4, __builtin_shufflevector(bc, ab, 0, 2, 5, 7));
    store_four(to + 8, __builtin_shufflevector(ca, bc, 1, 3, 5, 7));
  }
  interleave(from, plane, pixels - x, 3, to);
}

static void picture_row(const picture_args *p, const float *image, uint32_t y, float *to) {
  const int64_t in_y = (int64_t)y - p->pad_h;
  const uint32_t channels = p->channels;
  const size_t row = (size_t)p->width * channels;
  if (in_y < 0 || in_y >= p->in_h) {
    memset(to, 0, row * sizeof *to);
    return;
  }
  const size_t plane = (size_t)p->in_h * p->in_w;
  const float *from = image + (size_t)in_y * p->in_w;
  const size_t before = (size_t)p->left * channels, some = (size_t)p->pixels * channels;
  memset(to, 0, before * sizeof *to);
  memset(to + before + some, 0, (row - before - some) * sizeof *to);
  to += before;
  if (channels == 1) {
    memcpy(to, from, some * sizeof *to);
  } else if (channels == 3) {
    interleave_three(from, plane, p->pixels, to);
  } else {
    interleave(from, plane, p->pixels, channels, to);
  }
}

static void run_picture(const blok_step_call *call, uint32_t first, uint32_t last,
                        uint32_t worker) {
  const picture_args *p = call->args;
  const size_t in = (size_t)p->in_h * p->in_w * p->channels;
  const size_t row = (size_t)p->width * p->channels;
  (void)worker;
  for (uint32_t cell = first; cell < last; cell++) {
    const uint32_t image = cell / p->pieces;
    const uint64_t piece = cell % p->pieces;
    const float *from = blok_step_floats(call, p->from) + image * in;
    float *to = blok_step_floats(call, p->to) + image * row * p->height;
    const uint32_t end = (uint32_t)(p->height * (piece + 1) / p->pieces);
    for (uint32_t y = (uint32_t)(p->height * piece / p->pieces); y < end; y++) {
      picture_row(p, from, y, to + y * row);
    }
  }
}

// Where the input stands in a row. Pads are never negative.
static void place_columns(picture_args *p, uint32_t pad) {
  p->left = pad < p->width ? pad : p->width;
  p->pixels = p->width - p->left < p->in_w ? p->width - p->left : p->in_w;
}

blok_status blok_lower_conv_picture(blok_lowering *lowering, const blok_conv_node *c,
                                    const blok_conv_stem *stem, blok_buffer_id *out,
                                    blok_error *error) {
  picture_args *p = blok_lower_alloc(lowering, 1, sizeof *p);
  if (!p) return blok_fail_memory(error, sizeof *p);
  *p = (picture_args){.channels = c->in_channels,
                      .in_h = c->in_h,
                      .in_w = c->in_w,
                      .height = stem->shape.in_h,
                      .width = stem->shape.in_w,
                      .pad_h = c->pad_h,
                      .pieces = stem->pieces};
  place_columns(p, (uint32_t)c->pad_w);
  BLOK_TRY(blok_lower_plain(lowering, c->x, &p->from, error));
  BLOK_TRY(blok_lower_scratch(lowering, stem->bytes, &p->to, error));
  *out = p->to;
  const size_t read = (size_t)c->images * c->in_channels * c->in_h * c->in_w * sizeof(float);
  const blok_step step = {.kernel = "pad channels last",
                          .run = run_picture,
                          .args = p,
                          .n_reads = 1,
                          .reads = &p->from,
                          .n_writes = 1,
                          .writes = &p->to,
                          .cells = c->images * stem->pieces,
                          .bytes = read + stem->bytes};
  return blok_lower_step(lowering, &step, error);
}
