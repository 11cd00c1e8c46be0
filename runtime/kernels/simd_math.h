// Exponentials, logarithms and what is made of them, a vector at a time: float arithmetic only, no
// tables. Coefficients are minimax fits, made for the intervals that the comments name.
//
// The errors given are the most seen in any set over the whole range of floats against double libm,
// in units of the last place (ulp). A NaN gives a NaN; only vf_log makes a NaN of a number, a
// negative one. Results under 2^-125 may be 0.
#ifndef BLOK_KERNELS_SIMD_MATH_H
#define BLOK_KERNELS_SIMD_MATH_H

#include <math.h>

#include "runtime/kernels/simd.h"

// VF_POLYNOMIAL_n(x, a, b, c ...): a + b x + c x^2 ..., n numbers, by Horner. Macros, since gcc -O2
// would leave a loop over the numbers as one.
BLOK_INLINE vf vf_horner(vf y, vf x, float next) { return vf_fma(y, x, vf_set(next)); }
#define VF_POLYNOMIAL_1(x, a)      vf_set(a)
#define VF_POLYNOMIAL_2(x, a, ...) vf_horner(VF_POLYNOMIAL_1(x, __VA_ARGS__), x, a)
#define VF_POLYNOMIAL_3(x, a, ...) vf_horner(VF_POLYNOMIAL_2(x, __VA_ARGS__), x, a)
#define VF_POLYNOMIAL_4(x, a, ...) vf_horner(VF_POLYNOMIAL_3(x, __VA_ARGS__), x, a)
#define VF_POLYNOMIAL_5(x, a, ...) vf_horner(VF_POLYNOMIAL_4(x, __VA_ARGS__), x, a)
#define VF_POLYNOMIAL_6(x, a, ...) vf_horner(VF_POLYNOMIAL_5(x, __VA_ARGS__), x, a)
#define VF_POLYNOMIAL_7(x, a, ...) vf_horner(VF_POLYNOMIAL_6(x, __VA_ARGS__), x, a)
#define VF_POLYNOMIAL_8(x, a, ...) vf_horner(VF_POLYNOMIAL_7(x, __VA_ARGS__), x, a)
#define VF_POLYNOMIAL_9(x, a, ...) vf_horner(VF_POLYNOMIAL_8(x, __VA_ARGS__), x, a)

// 1.5 * 2^23: what is added to it is rounded to a whole number, which the sum's low bits then hold.
#define VF_WHOLE 12582912.0f

// For e^(sign x), sign 1 or -1: sets *r to x - sign n ln 2, n = round(sign x / ln 2), in two steps
// of which the first is exact. Returns a float whose low byte is n + bias.
BLOK_INLINE vf vf_exp_reduce(vf x, float sign, float bias, vf *r) {
  const vf whole = vf_set(VF_WHOLE + bias);
  const vf sum = vf_fma(x, vf_set(sign * 1.44269504f), whole);
  const vf n = vf_sub(sum, whole);
  *r = vf_fma(n, vf_set(sign * 2.12194440e-4f), vf_fma(n, vf_set(sign * -0.693359375f), x));
  return sum;
}

// Half of e^(sign x): see vf_exp. The sign goes into the coefficients.
BLOK_INLINE vf vf_half_exp(vf x, float sign) {
  const float least = sign < 0 ? -89.0f : -87.5f, most = sign < 0 ? 87.5f : 89.0f;
  x = vf_min(vf_set(most), vf_max(vf_set(least), x));
  vf r;
  // 2^(n-1), or 0 for n = -126.
  const vf power = vf_low_power2(vf_exp_reduce(x, sign, 126.0f, &r));
  const vf p = VF_POLYNOMIAL_5(r, sign * 0.5f, 0.166665167f, sign * 0.0416661985f, 0.00836917665f,
                               sign * 0.00139509793f);
  const vf y = vf_fma(vf_mul(r, r), p, r), one = vf_set(1.0f);
  return vf_mul(sign < 0 ? vf_sub(one, y) : vf_add(one, y), power);
}

// e^x. Infinity from x = 88.73 on, 0 below -86.99. 1.1 ulp.
BLOK_INLINE vf vf_exp(vf x) {
  const vf half = vf_half_exp(x, 1);
  return vf_add(half, half);
}

// 1 + e^-x
BLOK_INLINE vf vf_one_and_exp_of_minus(vf x) {
  return vf_fma(vf_half_exp(x, -1), vf_set(2.0f), vf_set(1.0f));
}

// e^x - 1, for x up to 88. 1 ulp (below 0).
BLOK_INLINE vf vf_expm1(vf x) {
  x = vf_max(vf_set(-30.0f), x);
  vf r;
  const vf power = vf_low_power2(vf_exp_reduce(x, 1, 127.0f, &r));
  const vf p = VF_POLYNOMIAL_6(r, 0.5f, 0.166666672f, 0.0416662619f, 0.00833326858f, 0.00139466056f,
                               0.000199162081f);
  const vf y = vf_fma(vf_mul(r, r), p, r);
  return vf_fma(y, power, vf_sub(power, vf_set(1.0f)));
}

// Natural logarithm; of 0 -infinity, of less NaN. 0.9 ulp.
BLOK_INLINE vf vf_log(vf x) {
  const vm small = vf_lt(x, vf_set(1.17549435e-38f));
  const vf normal = vf_select(small, vf_mul(x, vf_set(8388608.0f)), x);
  vf e = vf_sub(vf_exponent(normal), vf_select(small, vf_set(23.0f), vf_zero()));
  vf m = vf_mantissa(normal);
  const vm low = vf_lt(m, vf_set(0.707106781f));
  m = vf_select(low, vf_add(m, m), m);
  e = vf_select(low, vf_sub(e, vf_set(1.0f)), e);
  const vf f = vf_sub(m, vf_set(1.0f));  // in [1/sqrt 2 - 1, sqrt 2 - 1]
  const vf p =
      VF_POLYNOMIAL_9(f, 0.333333105f, -0.249999866f, 0.200022265f, -0.166692495f, 0.142186552f,
                      -0.12384367f, 0.118730098f, -0.117897138f, 0.0691518337f);
  const vf f2 = vf_mul(f, f);
  vf y = vf_fma(vf_mul(f, f2), p, vf_mul(e, vf_set(-2.12194440e-4f)));
  y = vf_fma(f2, vf_set(-0.5f), y);
  y = vf_fma(e, vf_set(0.693359375f), vf_add(f, y));
  y = vf_select(vf_eq(x, vf_set(INFINITY)), x, y);
  y = vf_select(vf_lt(vf_zero(), x), y, vf_set(NAN));
  return vf_select(vf_eq(x, vf_zero()), vf_set(-INFINITY), y);
}

// log(1 + x) for x in [0, 1], by 2 atanh(x / (2 + x)).
BLOK_INLINE vf vf_log1p_unit(vf x) {
  const vf s = vf_div(x, vf_add(x, vf_set(2.0f)));
  const vf u = vf_mul(s, s);
  const vf p = VF_POLYNOMIAL_4(u, 0.333332062f, 0.200108498f, 0.139995679f, 0.140122429f);
  const vf twice = vf_add(s, s);
  return vf_fma(vf_mul(twice, u), p, twice);
}

// 1 / (1 + e^-x). 2.5 ulp.
BLOK_INLINE vf vf_sigmoid(vf x) { return vf_div(vf_set(1.0f), vf_one_and_exp_of_minus(x)); }

// By e^2x - 1, which keeps its precision near 0. 2.6 ulp.
BLOK_INLINE vf vf_tanh(vf x) {
  const vf least = vf_min(vf_set(9.1f), vf_abs(x));
  const vf e = vf_expm1(vf_add(least, least));
  return vf_copysign(vf_div(e, vf_add(e, vf_set(2.0f))), x);
}

// log(1 + e^x). 2.8 ulp.
BLOK_INLINE vf vf_softplus(vf x) {
  return vf_add(vf_max(vf_zero(), x), vf_log1p_unit(vf_exp(vf_neg(vf_abs(x)))));
}

// A quotient of polynomials up to 3.925, 1 from there on. 7 ulp.
BLOK_INLINE vf vf_erf(vf x) {
  const vf u = vf_mul(x, x);
  const vf p = VF_POLYNOMIAL_6(u, 1.12837911f, 0.190591902f, 0.0527690277f, 0.00377246435f,
                               0.000284840615f, 2.04602793e-06f);
  const vf q = VF_POLYNOMIAL_6(u, 1.0f, 0.502240419f, 0.114181936f, 0.0149830254f, 0.00116383529f,
                               3.80476304e-05f);
  const vm far = vf_le(vf_set(3.925f), vf_abs(x));
  return vf_select(far, vf_copysign(vf_set(1.0f), x), vf_div(vf_mul(x, p), q));
}

#endif  // BLOK_KERNELS_SIMD_MATH_H
