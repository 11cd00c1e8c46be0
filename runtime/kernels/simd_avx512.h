// Vector words for AVX-512 (F, BW, DQ, VL): simd.h says what each means.
#ifndef BLOK_KERNELS_SIMD_AVX512_H
#define BLOK_KERNELS_SIMD_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#include "runtime/kernels/simd.h"

#define BLOK_ISA_SUFFIX avx512
#define VF_LANES        16

typedef __m512 vf;
typedef __mmask16 vm;

BLOK_INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
BLOK_INLINE void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
BLOK_INLINE vf vf_set(float x) { return _mm512_set1_ps(x); }
BLOK_INLINE vf vf_broadcast(const float *p) { return _mm512_set1_ps(*p); }
BLOK_INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }

BLOK_INLINE vm vf_first(uint32_t n) { return (vm)((1u << n) - 1); }
BLOK_INLINE vf vf_load_n(const float *p, uint32_t n) {
  return _mm512_maskz_loadu_ps(vf_first(n), p);
}
BLOK_INLINE void vf_store_n(float *p, vf x, uint32_t n) {
  _mm512_mask_storeu_ps(p, vf_first(n), x);
}

BLOK_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
BLOK_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
BLOK_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
BLOK_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
BLOK_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
BLOK_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
BLOK_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
BLOK_INLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }

#define VF_ROUNDING(name, how) \
  BLOK_INLINE vf name(vf a) { return _mm512_roundscale_ps(a, (how) | _MM_FROUND_NO_EXC); }
VF_ROUNDING(vf_floor, _MM_FROUND_TO_NEG_INF)
VF_ROUNDING(vf_ceil, _MM_FROUND_TO_POS_INF)
VF_ROUNDING(vf_trunc, _MM_FROUND_TO_ZERO)
VF_ROUNDING(vf_round, _MM_FROUND_TO_NEAREST_INT)
#undef VF_ROUNDING

BLOK_INLINE vf vf_sign_bit(void) { return _mm512_set1_ps(-0.0f); }
BLOK_INLINE vf vf_abs(vf a) { return _mm512_andnot_ps(vf_sign_bit(), a); }
BLOK_INLINE vf vf_neg(vf a) { return _mm512_xor_ps(vf_sign_bit(), a); }
BLOK_INLINE vf vf_copysign(vf x, vf from) {
  return _mm512_or_ps(vf_abs(x), _mm512_and_ps(vf_sign_bit(), from));
}

BLOK_INLINE vf vf_scale2(vf x, vf n) {
  const __m512i bits = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
  return _mm512_mul_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32(bits, 23)));
}
BLOK_INLINE vf vf_low_power2(vf x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(x), 23));
}
BLOK_INLINE vf vf_exponent(vf x) {
  const __m512i bits = _mm512_srli_epi32(_mm512_castps_si512(x), 23);
  return _mm512_cvtepi32_ps(_mm512_sub_epi32(bits, _mm512_set1_epi32(126)));
}
BLOK_INLINE vf vf_mantissa(vf x) {
  const __m512i bits = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x007fffff));
  return _mm512_castsi512_ps(_mm512_or_si512(bits, _mm512_set1_epi32(0x3f000000)));
}

BLOK_INLINE vm vf_lt(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
BLOK_INLINE vm vf_le(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
BLOK_INLINE vm vf_eq(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
BLOK_INLINE vm vf_nan(vf a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
BLOK_INLINE vf vf_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }

BLOK_INLINE float vf_sum(vf x) { return _mm512_reduce_add_ps(x); }
BLOK_INLINE float vf_across_max(vf x) { return _mm512_reduce_max_ps(x); }

#define vf_swizzle4(x, k)      _mm512_permute_ps((x), (k)*0x55)
#define vf_load_swizzle4(p, k) vf_swizzle4(vf_load(p), k)

typedef __m512i vp;
BLOK_INLINE vp vp_load(const int32_t *p) { return _mm512_loadu_si512(p); }
BLOK_INLINE vf vf_permute(vf x, vp p) { return _mm512_permutexvar_ps(p, x); }
BLOK_INLINE vf vf_permute4(vf x, vp p) { return _mm512_permutevar_ps(x, p); }
BLOK_INLINE vp vp_plus(vp p, int32_t n) { return _mm512_add_epi32(p, _mm512_set1_epi32(n)); }

// Pairs of lanes, then pairs of pairs, then quarters, in two steps, change places.
BLOK_INLINE void vf_transpose(vf rows[VF_LANES]) {
  vf pairs[VF_LANES], quads[VF_LANES];
  VF_UNROLL
  for (int i = 0; i < VF_LANES; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
  }
  VF_UNROLL
  for (int i = 0; i < VF_LANES; i += 4) {
    quads[i] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    quads[i + 2] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  VF_UNROLL
  for (int i = 0; i < 4; i++) {
    const vf even_low = _mm512_shuffle_f32x4(quads[i], quads[i + 4], 0x88);
    const vf odd_low = _mm512_shuffle_f32x4(quads[i], quads[i + 4], 0xdd);
    const vf even_high = _mm512_shuffle_f32x4(quads[i + 8], quads[i + 12], 0x88);
    const vf odd_high = _mm512_shuffle_f32x4(quads[i + 8], quads[i + 12], 0xdd);
    rows[i] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
    rows[i + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
    rows[i + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
    rows[i + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
  }
}

#endif  // BLOK_KERNELS_SIMD_AVX512_H
