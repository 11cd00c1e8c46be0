// The vector words that kernels are written in, one meaning for every instruction set.
//
// A kernel is a header over these words (conv_template.h), compiled by one small file for each
// instruction set (conv_avx2.c), which includes its simd_*.h first. Nothing else of the
// library sees vectors.
//
//   vf, VF_LANES       a vector of floats: as many as a block of the blocked layout has channels
//   vm                 a mask, one truth a lane
//   vf_load, vf_store  any alignment; vf_load_n, vf_store_n: the first n lanes (0 < n < VF_LANES),
//                      the others are loaded as 0 and not touched in memory
//   vf_fma(a, b, c)    a * b + c: fused, but in the scalar set, where it rounds twice
//   vf_max, vf_min     b where either is NaN: put the value that may be NaN second
//   vf_floor, vf_ceil, vf_round, vf_trunc: round is to the nearest, ties to even
//   vf_scale2(x, n)    x * 2^n, n a whole number in [-126, 127]
//   vf_low_power2(x)   the float whose exponent field is the low byte k of x's bits: 2^(k - 127),
//   or
//                      0 where k is 0; the ninth bit is its sign
//   vf_exponent(x), vf_mantissa(x)   of a positive normal x: x = mantissa * 2^exponent, mantissa in
//                      [0.5, 1)
//   vf_select(m, a, b) a where the mask is true, else b
//   vf_lt, vf_le, vf_eq: false for NaN; vf_nan: true for NaN
//   vf_abs, vf_neg, vf_copysign(x, from)
//   vf_sum, vf_across_max  over all lanes, in an order that only the set decides
//   vf_swizzle4(x, k)  in each group of four lanes: its lane k, k a constant of 0 to 3
//   vf_load_swizzle4(p, k)  the same of what lies at p
//   vp, vp_load, vf_permute(x, p)  lane i of the result is lane p[i] of x; vp_load reads int32_t's
//   vf_permute4(x, p)  the same in each group of four lanes, p[i] modulo 4; vp_plus(p, n) adds n to
//                      each
//   vf_transpose(rows) the square of VF_LANES vectors, in place
//   ISA_NAME(name)     name with the set's suffix: name_avx2
#ifndef BLOK_KERNELS_SIMD_H
#define BLOK_KERNELS_SIMD_H

#define BLOK_JOIN2(a, b) a##_##b
#define BLOK_JOIN(a, b)  BLOK_JOIN2(a, b)
#define ISA_NAME(name)   BLOK_JOIN(name, BLOK_ISA_SUFFIX)

// Before a loop over the registers of a tile, whose count is a constant: without it the vectors
// would lie in memory. Sanitizers check every access of the unrolled code, which takes minutes to
// compile: they get the loops.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VF_UNROLL
#elif defined(__clang__)
#define VF_UNROLL _Pragma("clang loop unroll(full)")
#else
#define VF_UNROLL _Pragma("GCC unroll 32")
#endif

#define BLOK_INLINE static inline __attribute__((always_inline, unused))

#endif  // BLOK_KERNELS_SIMD_H
