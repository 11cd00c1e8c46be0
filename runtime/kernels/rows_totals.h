// Totals over rows and columns, and other things that are gathered: the parts of rows_template.h.
#ifndef BLOK_KERNELS_ROWS_TOTALS_H
#define BLOK_KERNELS_ROWS_TOTALS_H

#include "runtime/kernels/epilogue_words.h"
#include "runtime/kernels/rows.h"
#include "runtime/kernels/simd_math.h"

// Steps that are added in floats.
enum { FLOAT_STEPS = 64 };

// What is added up of x; aside is a parameter of the kind.
typedef enum term_kind {
  TERM_PLAIN,
  TERM_ABSOLUTE,
  TERM_SQUARE,
  TERM_DISTANCE,  // (x - aside)^2
  TERM_EXP        // e^(x - aside)
} term_kind;

// kind is a constant where this is called.
BLOK_INLINE vf term_of(term_kind kind, vf x, vf aside) {
  switch (kind) {
    case TERM_PLAIN:
      return x;
    case TERM_ABSOLUTE:
      return vf_abs(x);
    case TERM_SQUARE:
      return vf_mul(x, x);
    case TERM_DISTANCE:
      x = vf_sub(x, aside);
      return vf_mul(x, x);
    case TERM_EXP:
      return vf_exp(vf_sub(x, aside));
  }
  return x;
}

// The first n lanes, of VF_LANES at most.
BLOK_INLINE vf load_some(const float *p, uint32_t n) {
  return n < VF_LANES ? vf_load_n(p, n) : vf_load(p);
}
BLOK_INLINE void store_some(float *p, vf x, uint32_t n) {
  if (n < VF_LANES) {
    vf_store_n(p, x, n);
  } else {
    vf_store(p, x);
  }
}

BLOK_INLINE void add_lanes(double *lanes, vf x) {
  float floats[VF_LANES];
  vf_store(floats, x);
  for (int i = 0; i < VF_LANES; i++) lanes[i] += (double)floats[i];
}

// The lanes beyond n of what a partial load gave, replaced.
BLOK_INLINE vf vf_pad(vf x, uint32_t n, vf with) { return vf_select(vf_lanes_below(n), x, with); }

// The total of count floats in a row. TERM_EXP also leaves the terms in out.
BLOK_INLINE double row_total(term_kind kind, const float *in, size_t count, float aside_of,
                             float *out) {
  double lanes[VF_LANES] = {0};
  const vf aside = vf_set(aside_of);
  size_t at = 0;
  while (count - at >= VF_LANES) {
    const size_t vectors = (count - at) / VF_LANES;
    size_t left = vectors < FLOAT_STEPS ? vectors : FLOAT_STEPS;
    vf sums[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
    for (; left >= 4; left -= 4) {
      for (int k = 0; k < 4; k++, at += VF_LANES) {
        const vf term = term_of(kind, vf_load(in + at), aside);
        if (out) vf_store(out + at, term);
        sums[k] = vf_add(sums[k], term);
      }
    }
    for (; left > 0; left--, at += VF_LANES) {
      const vf term = term_of(kind, vf_load(in + at), aside);
      if (out) vf_store(out + at, term);
      sums[0] = vf_add(sums[0], term);
    }
    add_lanes(lanes, vf_add(vf_add(sums[0], sums[1]), vf_add(sums[2], sums[3])));
  }
  if (at < count) {
    const uint32_t rest = (uint32_t)(count - at);
    const vf term = term_of(kind, vf_load_n(in + at, rest), aside);
    if (out) vf_store_n(out + at, term, rest);
    add_lanes(lanes, vf_pad(term, rest, vf_zero()));
  }
  double total = 0;
  for (int i = 0; i < VF_LANES; i++) total += lanes[i];
  return total;
}

// The totals of VF_LANES columns (of the first n of them, where n is less): count rows, stride
// floats apart.
BLOK_INLINE void column_totals(term_kind kind, const float *in, size_t count, size_t stride,
                               uint32_t n, vf aside, double *lanes) {
  for (int i = 0; i < VF_LANES; i++) lanes[i] = 0;
  for (size_t done = 0; done < count; done += FLOAT_STEPS) {
    const size_t end = count - done < FLOAT_STEPS ? count : done + FLOAT_STEPS;
    vf sums[4] = {vf_zero(), vf_zero(), vf_zero(), vf_zero()};
    size_t i = done;
    for (; i + 4 <= end; i += 4) {
      for (int k = 0; k < 4; k++) {
        const vf x = load_some(in + (i + k) * stride, n);
        sums[k] = vf_add(sums[k], term_of(kind, x, aside));
      }
    }
    for (; i < end; i++) {
      sums[0] = vf_add(sums[0], term_of(kind, load_some(in + i * stride, n), aside));
    }
    add_lanes(lanes, vf_add(vf_add(sums[0], sums[1]), vf_add(sums[2], sums[3])));
  }
}

// ---- The largest and the smallest ---------------------------------------------------------------

// What has been NaN stays so.
BLOK_INLINE vf extreme_of(bool most, vf so_far, vf x) {
  const vf next = most ? vf_max(so_far, x) : vf_min(so_far, x);
  return vf_select(vf_nan(so_far), so_far, next);
}

BLOK_INLINE float row_extreme(bool most, const float *in, size_t count) {
  const vf none = vf_set(most ? -INFINITY : INFINITY);
  vf best[2] = {none, none};
  size_t at = 0;
  for (; count - at >= 2 * VF_LANES; at += 2 * VF_LANES) {
    best[0] = extreme_of(most, best[0], vf_load(in + at));
    best[1] = extreme_of(most, best[1], vf_load(in + at + VF_LANES));
  }
  while (at < count) {
    const size_t left = count - at;
    const uint32_t n = left < VF_LANES ? (uint32_t)left : VF_LANES;
    best[0] = extreme_of(most, best[0], vf_pad(load_some(in + at, n), n, none));
    at += n;
  }
  float lanes[VF_LANES];
  vf_store(lanes, extreme_of(most, best[0], best[1]));
  float result = lanes[0];
  for (int i = 1; i < VF_LANES; i++) {
    const bool better = most ? lanes[i] > result : lanes[i] < result;
    if (better || isnan(lanes[i])) result = lanes[i];
  }
  return result;
}

BLOK_INLINE vf column_extremes(bool most, const float *in, size_t count, size_t stride,
                               uint32_t n) {
  vf best = vf_set(most ? -INFINITY : INFINITY);
  for (size_t i = 0; i < count; i++) {
    best = extreme_of(most, best, load_some(in + i * stride, n));
  }
  return best;
}

#endif  // BLOK_KERNELS_ROWS_TOTALS_H
