// Rows of one vector of which some lanes may not be channels.
#ifndef BLOK_KERNELS_EPILOGUE_WORDS_H
#define BLOK_KERNELS_EPILOGUE_WORDS_H

#include <stdbool.h>

#include "runtime/kernels/simd.h"

typedef enum lanes_kind {
  LANES_ALL,     // are channels
  LANES_SOME,    // are channels, the others get 0
  LANES_MATRIX,  // exist at all
} lanes_kind;

BLOK_INLINE lanes_kind lanes_of(uint32_t live, bool matrix) {
  return live == VF_LANES ? LANES_ALL : matrix ? LANES_MATRIX : LANES_SOME;
}

// True in the first n lanes.
BLOK_INLINE vm vf_lanes_below(uint32_t n) {
  static const float lanes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return vf_lt(vf_load(lanes), vf_set((float)n));
}

BLOK_INLINE vf vf_load_lanes(const float *p, lanes_kind lanes, uint32_t live) {
  return lanes == LANES_MATRIX ? vf_load_n(p, live) : vf_load(p);
}

// keep is vf_lanes_below(live).
BLOK_INLINE void vf_store_lanes(float *p, vf x, lanes_kind lanes, uint32_t live, vm keep) {
  if (lanes == LANES_MATRIX) {
    vf_store_n(p, x, live);
  } else {
    vf_store(p, lanes == LANES_SOME ? vf_select(keep, x, vf_zero()) : x);
  }
}

#endif  // BLOK_KERNELS_EPILOGUE_WORDS_H
