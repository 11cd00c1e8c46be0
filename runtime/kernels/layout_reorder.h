// Between blocked and plain floats: see layout.h. Channels first, squares of VF_LANES channels by
// as many pixels are turned in registers; channels last, vectors of channels move as they are.
#ifndef BLOK_KERNELS_LAYOUT_REORDER_H
#define BLOK_KERNELS_LAYOUT_REORDER_H

#include "runtime/kernels/layout.h"

// Lanes of a block that hold channels.
BLOK_INLINE uint32_t lanes_used(uint32_t channels, size_t block) {
  const size_t left = channels - block * VF_LANES;
  return left < VF_LANES ? (uint32_t)left : VF_LANES;
}

BLOK_INLINE vf load_some(const float *p, uint32_t n) {
  return n == VF_LANES ? vf_load(p) : vf_load_n(p, n);
}
BLOK_INLINE void store_some(float *p, vf x, uint32_t n) {
  if (n == VF_LANES) {
    vf_store(p, x);
  } else {
    vf_store_n(p, x, n);
  }
}

// ---- Channels first -----------------------------------------------------------------------------

typedef struct first_cell {
  size_t plain, blocked;  // floats to the cell's first pixel
  size_t pixels;
  uint32_t used;
} first_cell;

static first_cell first_cell_at(const blok_reorder *job, size_t index) {
  const size_t chunks = (job->pixels + BLOK_REORDER_PIXELS - 1) / BLOK_REORDER_PIXELS;
  const size_t blocks = ((size_t)job->channels + VF_LANES - 1) / VF_LANES;
  const size_t from = index % chunks * BLOK_REORDER_PIXELS;
  const size_t block = index / chunks % blocks, image = index / chunks / blocks;
  const size_t left = job->pixels - from;
  const first_cell cell = {
      .plain = image * job->plain_batch + block * VF_LANES * job->plain_row + from,
      .blocked = image * job->batch + block * job->plane + from * VF_LANES,
      .pixels = left < BLOK_REORDER_PIXELS ? left : BLOK_REORDER_PIXELS,
      .used = lanes_used(job->channels, block)};
  return cell;
}

// used rows of pixels at distance row become n pixels of VF_LANES channels.
BLOK_INLINE void turn_in(const float *from, size_t row, uint32_t used, float *to, uint32_t n) {
  vf rows[VF_LANES];
  if (used == VF_LANES && n == VF_LANES) {
    VF_UNROLL
    for (uint32_t i = 0; i < VF_LANES; i++) rows[i] = vf_load(from + i * row);
  } else {
    VF_UNROLL
    for (uint32_t i = 0; i < VF_LANES; i++) {
      rows[i] = i < used ? load_some(from + i * row, n) : vf_zero();
    }
  }
  vf_transpose(rows);
  VF_UNROLL
  for (uint32_t i = 0; i < VF_LANES; i++) {
    if (i < n) vf_store(to + i * VF_LANES, rows[i]);
  }
}

BLOK_INLINE void turn_out(const float *from, uint32_t n, float *to, size_t row, uint32_t used) {
  vf rows[VF_LANES];
  VF_UNROLL
  for (uint32_t i = 0; i < VF_LANES; i++) {
    rows[i] = i < n ? vf_load(from + i * VF_LANES) : vf_zero();
  }
  vf_transpose(rows);
  if (used == VF_LANES && n == VF_LANES) {
    VF_UNROLL
    for (uint32_t i = 0; i < VF_LANES; i++) vf_store(to + i * row, rows[i]);
  } else {
    VF_UNROLL
    for (uint32_t i = 0; i < VF_LANES; i++) {
      if (i < used) store_some(to + i * row, rows[i], n);
    }
  }
}

static void ISA_NAME(blocked_from_first)(const blok_reorder *job, size_t first, size_t last) {
  for (size_t index = first; index < last; index++) {
    const first_cell cell = first_cell_at(job, index);
    const float *from = job->from + cell.plain;
    float *to = job->to + cell.blocked;
    size_t p = 0;
    if (cell.used == VF_LANES) {
      for (; p + VF_LANES <= cell.pixels; p += VF_LANES) {
        turn_in(from + p, job->plain_row, VF_LANES, to + p * VF_LANES, VF_LANES);
      }
    } else {
      for (; p + VF_LANES <= cell.pixels; p += VF_LANES) {
        turn_in(from + p, job->plain_row, cell.used, to + p * VF_LANES, VF_LANES);
      }
    }
    if (p < cell.pixels) {
      turn_in(from + p, job->plain_row, cell.used, to + p * VF_LANES, (uint32_t)(cell.pixels - p));
    }
  }
}

static void ISA_NAME(first_from_blocked)(const blok_reorder *job, size_t first, size_t last) {
  for (size_t index = first; index < last; index++) {
    const first_cell cell = first_cell_at(job, index);
    const float *from = job->from + cell.blocked;
    float *to = job->to + cell.plain;
    size_t p = 0;
    for (; p + VF_LANES <= cell.pixels; p += VF_LANES) {
      turn_out(from + p * VF_LANES, VF_LANES, to + p, job->plain_row, cell.used);
    }
    if (p < cell.pixels) {
      turn_out(from + p * VF_LANES, (uint32_t)(cell.pixels - p), to + p, job->plain_row, cell.used);
    }
  }
}

// ---- Channels last ------------------------------------------------------------------------------

typedef struct last_cell {
  size_t plain, blocked;
  size_t pixels;
} last_cell;

static last_cell last_cell_at(const blok_reorder *job, size_t index) {
  const size_t chunks = (job->pixels + BLOK_REORDER_LAST_PIXELS - 1) / BLOK_REORDER_LAST_PIXELS;
  const size_t image = index / chunks, from = index % chunks * BLOK_REORDER_LAST_PIXELS;
  const size_t left = job->pixels - from;
  const last_cell cell = {
      .plain = image * job->plain_batch + from * job->plain_row,
      .blocked = image * job->batch + from * VF_LANES,
      .pixels = left < BLOK_REORDER_LAST_PIXELS ? left : BLOK_REORDER_LAST_PIXELS};
  return cell;
}

static void ISA_NAME(blocked_from_last)(const blok_reorder *job, size_t first, size_t last) {
  const size_t blocks = ((size_t)job->channels + VF_LANES - 1) / VF_LANES;
  for (size_t index = first; index < last; index++) {
    const last_cell cell = last_cell_at(job, index);
    for (size_t b = 0; b < blocks; b++) {
      const uint32_t used = lanes_used(job->channels, b);
      const float *from = job->from + cell.plain + b * VF_LANES;
      float *to = job->to + cell.blocked + b * job->plane;
      for (size_t p = 0; p < cell.pixels; p++) {
        vf_store(to + p * VF_LANES, load_some(from + p * job->plain_row, used));
      }
    }
  }
}

static void ISA_NAME(last_from_blocked)(const blok_reorder *job, size_t first, size_t last) {
  const size_t blocks = ((size_t)job->channels + VF_LANES - 1) / VF_LANES;
  for (size_t index = first; index < last; index++) {
    const last_cell cell = last_cell_at(job, index);
    for (size_t b = 0; b < blocks; b++) {
      const uint32_t used = lanes_used(job->channels, b);
      const float *from = job->from + cell.blocked + b * job->plane;
      float *to = job->to + cell.plain + b * VF_LANES;
      for (size_t p = 0; p < cell.pixels; p++) {
        store_some(to + p * job->plain_row, vf_load(from + p * VF_LANES), used);
      }
    }
  }
}

#endif  // BLOK_KERNELS_LAYOUT_REORDER_H
