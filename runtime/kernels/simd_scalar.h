// Vector words in plain C, eight floats at a time: what any processor runs. simd.h says what each
// means. The compiler splits them into what its baseline has (SSE2, NEON).
#ifndef BLOK_KERNELS_SIMD_SCALAR_H
#define BLOK_KERNELS_SIMD_SCALAR_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "runtime/kernels/simd.h"

#define BLOK_ISA_SUFFIX scalar
#define VF_LANES        8

typedef float vf __attribute__((vector_size(32)));
typedef int32_t vm __attribute__((vector_size(32)));

BLOK_INLINE vf vf_load(const float *p) {
  vf x;
  memcpy(&x, p, sizeof x);
  return x;
}
BLOK_INLINE void vf_store(float *p, vf x) { memcpy(p, &x, sizeof x); }
BLOK_INLINE vf vf_set(float x) { return (vf){x, x, x, x, x, x, x, x}; }
BLOK_INLINE vf vf_broadcast(const float *p) { return vf_set(*p); }
BLOK_INLINE vf vf_zero(void) { return vf_set(0); }
BLOK_INLINE vf vf_load_n(const float *p, uint32_t n) {
  vf x = vf_zero();
  memcpy(&x, p, n * sizeof *p);
  return x;
}
BLOK_INLINE void vf_store_n(float *p, vf x, uint32_t n) { memcpy(p, &x, n * sizeof *p); }

BLOK_INLINE vf vf_add(vf a, vf b) { return a + b; }
BLOK_INLINE vf vf_sub(vf a, vf b) { return a - b; }
BLOK_INLINE vf vf_mul(vf a, vf b) { return a * b; }
BLOK_INLINE vf vf_div(vf a, vf b) { return a / b; }
BLOK_INLINE vf vf_fma(vf a, vf b, vf c) { return a * b + c; }

BLOK_INLINE vf vf_select(vm m, vf a, vf b) { return (vf)((m & (vm)a) | (~m & (vm)b)); }
// By halves: gcc takes comparisons wider than the processor's vectors apart lane by lane.
typedef float vf_half __attribute__((vector_size(16)));
typedef int32_t vm_half __attribute__((vector_size(16)));
#define VF_COMPARE(name, relation)                                                                 \
  BLOK_INLINE vm name(vf a, vf b) {                                                                \
    const union {                                                                                  \
      vf whole;                                                                                    \
      vf_half half[2];                                                                             \
    } x = {a}, y = {b};                                                                            \
    const union {                                                                                  \
      vm_half half[2];                                                                             \
      vm whole;                                                                                    \
    } mask = {{(vm_half)(x.half[0] relation y.half[0]), (vm_half)(x.half[1] relation y.half[1])}}; \
    return mask.whole;                                                                             \
  }
VF_COMPARE(vf_lt, <)
VF_COMPARE(vf_le, <=)
VF_COMPARE(vf_eq, ==)
VF_COMPARE(vf_differ, !=)
#undef VF_COMPARE
BLOK_INLINE vm vf_nan(vf a) { return vf_differ(a, a); }
BLOK_INLINE vf vf_max(vf a, vf b) { return vf_select(vf_lt(b, a), a, b); }
BLOK_INLINE vf vf_min(vf a, vf b) { return vf_select(vf_lt(a, b), a, b); }

#define VF_BY_LANE(name, function)                            \
  BLOK_INLINE vf name(vf a) {                                 \
    for (int i = 0; i < VF_LANES; i++) a[i] = function(a[i]); \
    return a;                                                 \
  }
VF_BY_LANE(vf_sqrt, sqrtf)
VF_BY_LANE(vf_floor, floorf)
VF_BY_LANE(vf_ceil, ceilf)
VF_BY_LANE(vf_trunc, truncf)
VF_BY_LANE(vf_round, rintf)
#undef VF_BY_LANE

BLOK_INLINE vm vf_sign_bit(void) { return (vm)vf_set(-0.0f); }
BLOK_INLINE vf vf_abs(vf a) { return (vf)((vm)a & ~vf_sign_bit()); }
BLOK_INLINE vf vf_neg(vf a) { return (vf)((vm)a ^ vf_sign_bit()); }
BLOK_INLINE vf vf_copysign(vf x, vf from) {
  return (vf)(((vm)x & ~vf_sign_bit()) | ((vm)from & vf_sign_bit()));
}

BLOK_INLINE vf vf_scale2(vf x, vf n) {
  vm bits;
  for (int i = 0; i < VF_LANES; i++) bits[i] = (int32_t)((uint32_t)((int32_t)n[i] + 127) << 23);
  return x * (vf)bits;
}
BLOK_INLINE vf vf_low_power2(vf x) {
  typedef uint32_t bits __attribute__((vector_size(32)));
  return (vf)((bits)x << 23);
}
BLOK_INLINE vf vf_exponent(vf x) {
  const vm bits = (vm)x;
  for (int i = 0; i < VF_LANES; i++) x[i] = (float)((bits[i] >> 23) - 126);
  return x;
}
BLOK_INLINE vf vf_mantissa(vf x) { return (vf)(((vm)x & 0x007fffff) | 0x3f000000); }

BLOK_INLINE float vf_sum(vf x) {
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}
BLOK_INLINE float vf_across_max(vf x) {
  float most = x[0];
  for (int i = 1; i < VF_LANES; i++) most = x[i] > most ? x[i] : most;
  return most;
}

#define vf_swizzle4(x, k) \
  ((vf){(x)[k], (x)[k], (x)[k], (x)[k], (x)[(k) + 4], (x)[(k) + 4], (x)[(k) + 4], (x)[(k) + 4]})
BLOK_INLINE vf vf_load_swizzle4(const float *p, int k) {
  const float a = p[k], b = p[k + 4];
  return (vf){a, a, a, a, b, b, b, b};
}

typedef vm vp;
BLOK_INLINE vp vp_load(const int32_t *p) {
  vp x;
  memcpy(&x, p, sizeof x);
  return x;
}
BLOK_INLINE vf vf_permute(vf x, vp p) {
  float lanes[VF_LANES];
  vf_store(lanes, x);
  for (int i = 0; i < VF_LANES; i++) x[i] = lanes[p[i]];
  return x;
}
BLOK_INLINE vf vf_permute4(vf x, vp p) {
  float lanes[VF_LANES];
  vf_store(lanes, x);
  for (int i = 0; i < VF_LANES; i++) x[i] = lanes[(i & ~3) + (p[i] & 3)];
  return x;
}
BLOK_INLINE vp vp_plus(vp p, int32_t n) { return p + n; }

BLOK_INLINE void vf_transpose(vf rows[VF_LANES]) {
  VF_UNROLL
  for (int i = 0; i < VF_LANES; i++) {
    VF_UNROLL
    for (int j = 0; j < i; j++) {
      const float upper = rows[j][i];
      rows[j][i] = rows[i][j];
      rows[i][j] = upper;
    }
  }
}

#endif  // BLOK_KERNELS_SIMD_SCALAR_H
