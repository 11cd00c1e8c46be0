// Vector words for AVX2 with FMA: simd.h says what each means.
#ifndef BLOK_KERNELS_SIMD_AVX2_H
#define BLOK_KERNELS_SIMD_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#include "runtime/kernels/simd.h"

#define BLOK_ISA_SUFFIX avx2
#define VF_LANES        8

typedef __m256 vf;
typedef __m256 vm;

BLOK_INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
BLOK_INLINE void vf_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
BLOK_INLINE vf vf_set(float x) { return _mm256_set1_ps(x); }
BLOK_INLINE vf vf_broadcast(const float *p) { return _mm256_broadcast_ss(p); }
BLOK_INLINE vf vf_zero(void) { return _mm256_setzero_ps(); }

BLOK_INLINE __m256i vf_first(uint32_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}
BLOK_INLINE vf vf_load_n(const float *p, uint32_t n) { return _mm256_maskload_ps(p, vf_first(n)); }
BLOK_INLINE void vf_store_n(float *p, vf x, uint32_t n) { _mm256_maskstore_ps(p, vf_first(n), x); }

BLOK_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
BLOK_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
BLOK_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
BLOK_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
BLOK_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
BLOK_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
BLOK_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
BLOK_INLINE vf vf_sqrt(vf a) { return _mm256_sqrt_ps(a); }

#define VF_ROUNDING(name, how) \
  BLOK_INLINE vf name(vf a) { return _mm256_round_ps(a, (how) | _MM_FROUND_NO_EXC); }
VF_ROUNDING(vf_floor, _MM_FROUND_TO_NEG_INF)
VF_ROUNDING(vf_ceil, _MM_FROUND_TO_POS_INF)
VF_ROUNDING(vf_trunc, _MM_FROUND_TO_ZERO)
VF_ROUNDING(vf_round, _MM_FROUND_TO_NEAREST_INT)
#undef VF_ROUNDING

BLOK_INLINE vf vf_sign_bit(void) { return _mm256_set1_ps(-0.0f); }
BLOK_INLINE vf vf_abs(vf a) { return _mm256_andnot_ps(vf_sign_bit(), a); }
BLOK_INLINE vf vf_neg(vf a) { return _mm256_xor_ps(vf_sign_bit(), a); }
BLOK_INLINE vf vf_copysign(vf x, vf from) {
  return _mm256_or_ps(vf_abs(x), _mm256_and_ps(vf_sign_bit(), from));
}

BLOK_INLINE vf vf_scale2(vf x, vf n) {
  const __m256i bits = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23)));
}
BLOK_INLINE vf vf_low_power2(vf x) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), 23));
}
BLOK_INLINE vf vf_exponent(vf x) {
  const __m256i bits = _mm256_srli_epi32(_mm256_castps_si256(x), 23);
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(bits, _mm256_set1_epi32(126)));
}
BLOK_INLINE vf vf_mantissa(vf x) {
  const __m256i bits = _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x007fffff));
  return _mm256_castsi256_ps(_mm256_or_si256(bits, _mm256_set1_epi32(0x3f000000)));
}

BLOK_INLINE vm vf_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
BLOK_INLINE vm vf_le(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
BLOK_INLINE vm vf_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
BLOK_INLINE vm vf_nan(vf a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
BLOK_INLINE vf vf_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }

BLOK_INLINE float vf_sum(vf x) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}
BLOK_INLINE float vf_across_max(vf x) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

#define vf_swizzle4(x, k)      _mm256_permute_ps((x), (k)*0x55)
#define vf_load_swizzle4(p, k) vf_swizzle4(vf_load(p), k)

typedef __m256i vp;
BLOK_INLINE vp vp_load(const int32_t *p) { return _mm256_loadu_si256((const void *)p); }
BLOK_INLINE vf vf_permute(vf x, vp p) { return _mm256_permutevar8x32_ps(x, p); }
BLOK_INLINE vf vf_permute4(vf x, vp p) { return _mm256_permutevar_ps(x, p); }
BLOK_INLINE vp vp_plus(vp p, int32_t n) { return _mm256_add_epi32(p, _mm256_set1_epi32(n)); }

// Pairs of lanes, then pairs of pairs, then halves change places.
BLOK_INLINE void vf_transpose(vf rows[VF_LANES]) {
  vf pairs[VF_LANES], quads[VF_LANES];
  VF_UNROLL
  for (int i = 0; i < VF_LANES; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
  }
  VF_UNROLL
  for (int i = 0; i < VF_LANES; i += 4) {
    quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  VF_UNROLL
  for (int i = 0; i < 4; i++) {
    rows[i] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20);
    rows[i + 4] = _mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31);
  }
}

#endif  // BLOK_KERNELS_SIMD_AVX2_H
