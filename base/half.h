// The 16-bit floating types: f16 (IEEE half) and bf16 (the upper half of an f32). To and from f32
// and f64, rounded to the nearest, ties to even; infinities, subnormals and NaN payloads are kept,
// a finite number too large becomes an infinity.
#ifndef BLOK_BASE_HALF_H
#define BLOK_BASE_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t blok_f32_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static inline float blok_f32_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline float blok_f16_to_f32(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  uint32_t exponent = (half >> 10) & 0x1fu;
  uint32_t fraction = half & 0x3ffu;
  if (exponent == 0x1f) return blok_f32_of_bits(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return blok_f32_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
  return blok_f32_of_bits(sign | blok_f32_bits((float)fraction * 0x1p-24f));
}

static inline uint16_t blok_f16_from_f32(float value) {
  uint32_t bits = blok_f32_bits(value);
  uint32_t sign = bits >> 16 & 0x8000u;
  uint32_t size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) {  // NaN: the payload's upper bits, and never an infinity
    uint32_t payload = size >> 13 & 0x3ffu;
    return (uint16_t)(sign | 0x7c00u | (payload ? payload : 0x200u));
  }
  if (size >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);  // 65520 and more
  if (size >= 0x38800000u) {                                   // 2^-14 and more: normal
    size -= 112u << 23;
    size += 0xfffu + (size >> 13 & 1u);
    return (uint16_t)(sign | size >> 13);
  }
  uint32_t exponent = size >> 23;
  if (exponent < 102) return (uint16_t)sign;  // below half of the smallest subnormal
  uint32_t shift = 126 - exponent;
  uint32_t fraction = (size & 0x7fffffu) | 0x800000u;
  uint32_t result = fraction >> shift;
  uint32_t rest = fraction & ((1u << shift) - 1);
  uint32_t middle = 1u << (shift - 1);
  if (rest > middle || (rest == middle && (result & 1u))) result++;
  return (uint16_t)(sign | result);
}

static inline float blok_bf16_to_f32(uint16_t brain) {
  return blok_f32_of_bits((uint32_t)brain << 16);
}

static inline uint16_t blok_bf16_from_f32(float value) {
  uint32_t bits = blok_f32_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {  // NaN
    return (uint16_t)(bits >> 16 | ((bits & 0x7f0000u) ? 0 : 0x40u));
  }
  bits += 0x7fffu + (bits >> 16 & 1u);
  return (uint16_t)(bits >> 16);
}

// An f32 from which a shorter type can be rounded as if from value itself: cut towards zero, and
// its last bit set when anything was lost ("round to odd"). Rounding twice would err on ties.
static inline float blok_f32_odd_from_f64(double value) {
  float near = (float)value;
  if ((double)near == value || value != value) return near;
  uint32_t bits = blok_f32_bits(near);
  double size = value < 0 ? -value : value;
  double near_size = near < 0 ? -(double)near : (double)near;
  if (near_size > size) bits--;
  return blok_f32_of_bits(bits | 1u);
}

static inline uint16_t blok_f16_from_f64(double value) {
  return blok_f16_from_f32(blok_f32_odd_from_f64(value));
}

static inline uint16_t blok_bf16_from_f64(double value) {
  return blok_bf16_from_f32(blok_f32_odd_from_f64(value));
}

#endif  // BLOK_BASE_HALF_H
