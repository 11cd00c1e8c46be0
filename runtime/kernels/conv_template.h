// The tile of conv.h over vector words: rows by a panel's blocks, held in registers over all taps
// and channels of a chunk.
//
// The file that includes it writes CONV_TILES(n, most) for each number n of blocks that a panel has
// there: n by most sums, n vectors of weights and a broadcast fill the registers.
#include "runtime/kernels/conv.h"

// A multiply-add waits for the one before it in its accumulator. With few accumulators, consecutive
// channels go to different sets of them, so that at least eight are on their way.
#define CONV_SPLIT(rows, blocks) \
  ((rows) * (blocks) >= 6 ? 1 : (rows) * (blocks) >= 3 ? 2 : (rows) * (blocks) >= 2 ? 4 : 8)

BLOK_INLINE void conv_tile(const blok_conv_tiles *t, uint32_t row, size_t ahead, const int rows,
                           const int blocks) {
  enum { MOST = 32, UNROLLED = 8 };
  const int split = CONV_SPLIT(rows, blocks);
  float *out = t->out + row * t->out_row;
  vf sum[MOST];
  VF_UNROLL
  for (int i = 0; i < split * rows * blocks; i++) sum[i] = vf_zero();
  const float *w = t->weights;
  const int32_t *offsets = t->offsets + row;
  for (uint32_t tap = 0; tap < t->taps; tap++, offsets += t->offsets_step) {
    const float *in[16];
    VF_UNROLL
    for (int r = 0; r < rows; r++) in[r] = t->in + offsets[r];
    for (uint32_t n = t->blocks; n; n--) {
      __builtin_prefetch(w + ahead, 0, 2);
      for (int half = 0; half < VF_LANES; half += UNROLLED) {
        VF_UNROLL
        for (int k = 0; k < UNROLLED; k++) {
          vf *const s = sum + k % split * rows * blocks;
          vf weight[BLOK_CONV_MOST_BLOCKS];
          VF_UNROLL
          for (int b = 0; b < blocks; b++) weight[b] = vf_load(w + (k * blocks + b) * VF_LANES);
          VF_UNROLL
          for (int r = 0; r < rows; r++) {
            const vf x = vf_broadcast(in[r] + half + k);
            VF_UNROLL
            for (int b = 0; b < blocks; b++) {
              s[r * blocks + b] = vf_fma(x, weight[b], s[r * blocks + b]);
            }
          }
        }
        w += UNROLLED * blocks * VF_LANES;
      }
      VF_UNROLL
      for (int r = 0; r < rows; r++) in[r] += t->block;
    }
    for (uint32_t k = 0; k < t->rest; k++) {
      VF_UNROLL
      for (int r = 0; r < rows; r++) {
        const vf x = vf_broadcast(in[r] + k);
        VF_UNROLL
        for (int b = 0; b < blocks; b++) {
          sum[r * blocks + b] = vf_fma(x, vf_load(w + b * VF_LANES), sum[r * blocks + b]);
        }
      }
      w += blocks * VF_LANES;
    }
  }
  VF_UNROLL
  for (int r = 0; r < rows; r++) {
    VF_UNROLL
    for (int b = 0; b < blocks; b++) {
      vf all = sum[r * blocks + b];
      VF_UNROLL
      for (int i = 1; i < split; i++) all = vf_add(all, sum[(i * rows + r) * blocks + b]);
      float *to = out + r * t->out_row + b * t->out_block;
      // Sums of chunks, rather than one sum that grows: a smaller error.
      if (t->add) all = vf_add(all, vf_load(to));
      vf_store(to, all);
    }
  }
}

// The rows in tiles of about the same height. With several taps each asks for a part of the weights
// that come behind these, so that they are in the second cache when their turn comes; with one the
// processor's own guess serves better.
#define CONV_TILES(wide, most)                                                    \
  static void ISA_NAME(tiles_##wide)(const blok_conv_tiles *t) {                  \
    const uint32_t tiles = (t->rows + (most)-1) / (most);                         \
    uint32_t row = 0, longer = t->rows % tiles, each = t->rows / tiles;           \
    const size_t channels = (size_t)t->taps * (t->blocks * VF_LANES + t->rest);   \
    for (uint32_t i = 0; i < tiles; i++) {                                        \
      const size_t ahead = t->taps > 1 ? channels * (wide)*VF_LANES + i * 16 : 0; \
      const uint32_t rows = each + (i < longer);                                  \
      switch (rows) { CONV_CASES_##most(wide) }                                   \
      row += rows;                                                                \
    }                                                                             \
  }
#define CONV_CASE(wide, rows)             \
  case rows:                              \
    conv_tile(t, row, ahead, rows, wide); \
    break;
#define CONV_CASES_1(n) CONV_CASE(n, 1)
#define CONV_CASES_2(n) CONV_CASES_1(n) CONV_CASE(n, 2)
#define CONV_CASES_3(n) CONV_CASES_2(n) CONV_CASE(n, 3)
#define CONV_CASES_4(n) CONV_CASES_3(n) CONV_CASE(n, 4)
#define CONV_CASES_5(n) CONV_CASES_4(n) CONV_CASE(n, 5)
#define CONV_CASES_6(n) CONV_CASES_5(n) CONV_CASE(n, 6)
#define CONV_CASES_7(n) CONV_CASES_6(n) CONV_CASE(n, 7)
#define CONV_CASES_8(n) CONV_CASES_7(n) CONV_CASE(n, 8)

static void ISA_NAME(scale_rows)(const float *from, size_t step, const int32_t *offsets,
                                 uint32_t rows, uint32_t blocks, const float *scale, float *to) {
  for (uint32_t b = 0; b < blocks; b++, from += step, scale += VF_LANES) {
    const vf by = vf_load(scale);
    for (uint32_t r = 0; r < rows; r++, to += VF_LANES) {
      vf_store(to, vf_mul(vf_load(from + offsets[r]), by));
    }
  }
}
