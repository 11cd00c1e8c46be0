// Resize by tables: see layout.h. In channels, an output pixel is a sum of the input's pixels under
// both filters, vectors of channels at a time. In planes, the rows under the vertical filter are
// first summed into one row, vectors of columns at a time, then each output takes its columns.
#ifndef BLOK_KERNELS_LAYOUT_RESIZE_H
#define BLOK_KERNELS_LAYOUT_RESIZE_H

#include <string.h>

#include "runtime/kernels/layout_reorder.h"

// A table's 0 is exact.
BLOK_INLINE bool has_part(float weight) { return weight != 0; }

// ---- Channels -----------------------------------------------------------------------------------

typedef struct scaled_row {
  const float *from;  // the block's first pixel
  float *to;          // the output row's first pixel
  size_t from_row;    // floats between rows
  const int32_t *y_cells;
  const float *y_weights;
  uint32_t used;  // lanes that hold channels
} scaled_row;

BLOK_INLINE vf load_lanes(const blok_scaling *job, const float *p, uint32_t used) {
  return job->blocked ? vf_load(p) : load_some(p, used);
}
BLOK_INLINE void store_lanes(const blok_scaling *job, float *p, vf x, uint32_t used) {
  if (job->blocked) {
    vf_store(p, x);
  } else {
    store_some(p, x, used);
  }
}

// The constant, in the lanes that hold channels.
static void store_outside(const blok_scaling *job, float *to, uint32_t used) {
  if (job->blocked) vf_store(to, vf_zero());
  store_some(to, vf_set(job->outside), used);
}

// Nearest; whole: every pixel is a whole vector.
BLOK_INLINE void copy_cells(const blok_scaling *job, const scaled_row *row, bool whole) {
  const float *from = row->from + (size_t)row->y_cells[0] * row->from_row;
  const int32_t *cells = job->x.cells;
  const size_t n = job->x.out, from_pixel = job->from_pixel, to_pixel = job->to_pixel;
  float *to = row->to;
  for (size_t x = 0; x < n; x++, to += to_pixel) {
    if (cells[x] < 0) {
      store_outside(job, to, row->used);
      continue;
    }
    const float *pixel = from + (size_t)cells[x] * from_pixel;
    if (whole) {
      vf_store(to, vf_load(pixel));
    } else {
      store_some(to, load_some(pixel, row->used), row->used);
    }
  }
}

static void copy_pixels(const blok_scaling *job, const scaled_row *row) {
  if (job->blocked || row->used == VF_LANES) {
    copy_cells(job, row, true);
  } else {
    copy_cells(job, row, false);
  }
}

// One output pixel.
BLOK_INLINE vf weigh_pixel(const blok_scaling *job, const scaled_row *row, const int32_t *x_cells,
                           const float *x_weights) {
  vf sum = vf_zero();
  for (uint32_t i = 0; i < job->y.taps; i++) {
    const float y_weight = row->y_weights ? row->y_weights[i] : 1;
    if (!has_part(y_weight)) continue;
    const float *from = row->from + (size_t)row->y_cells[i] * row->from_row;
    vf part = vf_zero();
    for (uint32_t j = 0; j < job->x.taps; j++) {
      const float x_weight = x_weights ? x_weights[j] : 1;
      if (!has_part(x_weight)) continue;
      const vf pixel = load_lanes(job, from + (size_t)x_cells[j] * job->from_pixel, row->used);
      part = vf_fma(pixel, vf_set(x_weight), part);
    }
    sum = vf_fma(part, vf_set(y_weight), sum);
  }
  return sum;
}

static void weigh_pixels(const blok_scaling *job, const scaled_row *row) {
  const uint32_t taps = job->x.taps;
  float *to = row->to;
  for (size_t x = 0; x < job->x.out; x++, to += job->to_pixel) {
    const int32_t *cells = job->x.cells + x * taps;
    const float *weights = job->x.weights ? job->x.weights + x * taps : NULL;
    if (cells[0] < 0) {
      store_outside(job, to, row->used);
    } else {
      store_lanes(job, to, weigh_pixel(job, row, cells, weights), row->used);
    }
  }
}

// Of two columns what their weights leave of them.
BLOK_INLINE vf mix_two(vf left, vf right, float left_weight, float right_weight) {
  if (!has_part(right_weight)) return vf_mul(left, vf_set(left_weight));
  if (!has_part(left_weight)) return vf_mul(right, vf_set(right_weight));
  return vf_fma(right, vf_set(right_weight), vf_mul(left, vf_set(left_weight)));
}

// Two taps either way, blocked, both rows with a part: linear without antialiasing.
static void weigh_squares(const blok_scaling *job, const scaled_row *row) {
  const float *upper = row->from + (size_t)row->y_cells[0] * row->from_row;
  const float *lower = row->from + (size_t)row->y_cells[1] * row->from_row;
  const vf upper_weight = vf_set(row->y_weights[0]), lower_weight = vf_set(row->y_weights[1]);
  const int32_t *cells = job->x.cells;
  const float *weights = job->x.weights;
  const size_t n = job->x.out;
  float *to = row->to;
  for (size_t x = 0; x < n; x++, to += VF_LANES, cells += 2, weights += 2) {
    if (cells[0] < 0) {
      store_outside(job, to, row->used);
      continue;
    }
    const size_t left = (size_t)cells[0] * VF_LANES, right = (size_t)cells[1] * VF_LANES;
    const float l = weights[0], r = weights[1];
    const vf top = mix_two(vf_load(upper + left), vf_load(upper + right), l, r);
    const vf bottom = mix_two(vf_load(lower + left), vf_load(lower + right), l, r);
    vf_store(to, vf_fma(bottom, lower_weight, vf_mul(top, upper_weight)));
  }
}

static bool is_square(const blok_scaling *job, const scaled_row *row) {
  return job->blocked && job->y.taps == 2 && job->x.taps == 2 && has_part(row->y_weights[0]) &&
         has_part(row->y_weights[1]);
}

static void ISA_NAME(scale_channels)(const blok_scaling *job, size_t first, size_t last) {
  const size_t blocks = ((size_t)job->channels + VF_LANES - 1) / VF_LANES;
  for (size_t index = first; index < last; index++) {
    const size_t y = index % job->y.out, block = index / job->y.out % blocks;
    const size_t image = index / job->y.out / blocks;
    const scaled_row row = {.from = job->from + image * job->from_batch + block * job->from_plane,
                            .to = job->to + image * job->to_batch + block * job->to_plane +
                                  y * job->x.out * job->to_pixel,
                            .from_row = job->x.in * job->from_pixel,
                            .y_cells = job->y.cells + y * job->y.taps,
                            .y_weights = job->y.weights ? job->y.weights + y * job->y.taps : NULL,
                            .used = lanes_used(job->channels, block)};
    if (row.y_cells[0] < 0) {
      for (size_t x = 0; x < job->x.out; x++) {
        store_outside(job, row.to + x * job->to_pixel, row.used);
      }
    } else if (job->y.taps == 1 && job->x.taps == 1) {
      copy_pixels(job, &row);
    } else if (is_square(job, &row)) {
      weigh_squares(job, &row);
    } else {
      weigh_pixels(job, &row);
    }
  }
}

// ---- Planes -------------------------------------------------------------------------------------

// to[i] += weight * from[i]; the first row is set, not added.
static void add_row(const float *from, float weight, float *to, size_t n, bool is_first) {
  const vf factor = vf_set(weight);
  size_t i = 0;
  for (; i + VF_LANES <= n; i += VF_LANES) {
    const vf under = is_first ? vf_zero() : vf_load(to + i);
    vf_store(to + i, vf_fma(vf_load(from + i), factor, under));
  }
  if (i < n) {
    const uint32_t left = (uint32_t)(n - i);
    const vf under = is_first ? vf_zero() : vf_load_n(to + i, left);
    vf_store_n(to + i, vf_fma(vf_load_n(from + i, left), factor, under), left);
  }
}

// The row that the vertical filter makes: of a single tap the input's own.
static const float *sum_rows(const blok_scaling *job, const float *plane, const int32_t *cells,
                             const float *weights, float *scratch) {
  if (job->y.taps == 1) return plane + (size_t)cells[0] * job->x.in;
  bool is_first = true;
  for (uint32_t t = 0; t < job->y.taps; t++) {
    if (!has_part(weights[t])) continue;
    add_row(plane + (size_t)cells[t] * job->x.in, weights[t], scratch, job->x.in, is_first);
    is_first = false;
  }
  if (is_first) memset(scratch, 0, job->x.in * sizeof *scratch);
  return scratch;
}

BLOK_INLINE void weigh_columns(const blok_scaling *job, const float *from, float *to,
                               uint32_t taps) {
  for (size_t x = 0; x < job->x.out; x++) {
    const int32_t *cells = job->x.cells + x * taps;
    float sum = 0;
    if (cells[0] < 0) {
      to[x] = job->outside;
      continue;
    }
    for (uint32_t t = 0; t < taps; t++) {
      const float weight = job->x.weights[x * taps + t];
      if (has_part(weight)) sum += weight * from[cells[t]];
    }
    to[x] = sum;
  }
}

static void ISA_NAME(scale_planes)(const blok_scaling *job, size_t first, size_t last,
                                   float *scratch) {
  for (size_t index = first; index < last; index++) {
    const size_t y = index % job->y.out, channel = index / job->y.out % job->channels;
    const size_t image = index / job->y.out / job->channels;
    const float *plane = job->from + image * job->from_batch + channel * job->from_plane;
    float *to = job->to + image * job->to_batch + channel * job->to_plane + y * job->x.out;
    const int32_t *cells = job->y.cells + y * job->y.taps;
    const float *weights = job->y.weights ? job->y.weights + y * job->y.taps : NULL;
    if (cells[0] < 0) {
      for (size_t x = 0; x < job->x.out; x++) to[x] = job->outside;
      continue;
    }
    const float *row = sum_rows(job, plane, cells, weights, scratch);
    if (job->x.taps == 1) {
      for (size_t x = 0; x < job->x.out; x++) {
        const int32_t cell = job->x.cells[x];
        to[x] = cell < 0 ? job->outside : row[cell];
      }
    } else if (job->x.taps == 2) {
      weigh_columns(job, row, to, 2);
    } else {
      weigh_columns(job, row, to, job->x.taps);
    }
  }
}

#endif  // BLOK_KERNELS_LAYOUT_RESIZE_H
