// Windows over the pixels of a blocked value: what pooling and depthwise kernels share.
//
// Work is cut into cells: one strip of output rows of one plane (a block of channels of an image)
// each. Cell (image * blocks + block) * strips + strip has the rows that blok_strip_rows says.
#ifndef BLOK_KERNELS_POOL_WINDOW_H
#define BLOK_KERNELS_POOL_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Pixels and taps; no size, kernel, stride or dilation is 0. Output pixel (y, x) has its tap (0, 0)
// on input pixel (y * stride_h - pad_top, x * stride_w - pad_left). One axis: h is 1 throughout.
typedef struct blok_plane_window {
  uint32_t in_h, in_w, out_h, out_w;
  uint32_t kernel_h, kernel_w;
  uint32_t stride_h, stride_w;
  uint32_t dilation_h, dilation_w;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
} blok_plane_window;

// A blocked value: where it begins, and its strides in floats.
typedef struct blok_blocked_in {
  const float *data;
  size_t batch_stride, plane_stride;
} blok_blocked_in;

typedef struct blok_blocked_out {
  float *data;
  size_t batch_stride, plane_stride;
} blok_blocked_out;

// Strips that the plane of a value is cut into: by shape alone, so that a cell's part stays in the
// second cache and some sixteen threads find work.
uint32_t blok_strips(uint32_t images, uint32_t blocks, uint32_t out_h, uint32_t out_w);

// Rows first..end of a strip.
static inline void blok_strip_rows(uint32_t out_h, uint32_t strips, uint32_t strip, uint32_t *first,
                                   uint32_t *end) {
  *first = (uint32_t)((uint64_t)out_h * strip / strips);
  *end = (uint32_t)((uint64_t)out_h * (strip + 1) / strips);
}

// Taps first..end of an axis whose tap 0 lies on pixel start that fall into 0..size; first == end
// for none.
static inline void blok_taps_inside(int64_t start, uint32_t size, uint32_t kernel,
                                    uint32_t dilation, uint32_t *first, uint32_t *end) {
  int64_t lead = start < 0 ? -start : 0;
  int64_t most = start < (int64_t)size ? (int64_t)size - start : 0;
  if (dilation > 1) {
    lead = (lead + dilation - 1) / dilation;
    most = (most + dilation - 1) / dilation;
  }
  *end = most < kernel ? (uint32_t)most : kernel;
  *first = lead < *end ? (uint32_t)lead : *end;
}

#endif  // BLOK_KERNELS_POOL_WINDOW_H
