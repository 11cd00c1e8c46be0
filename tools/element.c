// Single elements of tensors as doubles.
#include "tools/element.h"

#include <math.h>
#include <string.h>

uint32_t blok_element_parts(blok_dtype dtype) {
  if (dtype == BLOK_C64 || dtype == BLOK_C128) return 2;
  return dtype == BLOK_STRING ? 0 : 1;
}

bool blok_element_is_real(blok_dtype dtype) {
  return dtype == BLOK_F32 || dtype == BLOK_F64 || dtype == BLOK_F16 || dtype == BLOK_BF16;
}

size_t blok_element_bytes(blok_dtype dtype, size_t count) {
  const size_t bits = dtype == BLOK_STRING ? 8 * sizeof(blok_text) : blok_dtype_bits(dtype);
  if (bits < 8) return count / 8 * bits + (count % 8 * bits + 7) / 8;
  return count > SIZE_MAX / (bits / 8) ? SIZE_MAX : count * (bits / 8);
}

// What a small float has for its largest exponent.
enum { TOP_IEEE, TOP_NAN_ONLY, TOP_NONE };

// A float of sign, exponent and mantissa bits.
static double small_float(uint32_t bits, int exponent_bits, int mantissa_bits, int bias, int top) {
  const uint32_t mantissa_mask = (1U << mantissa_bits) - 1;
  const uint32_t exponent_mask = (1U << exponent_bits) - 1;
  const uint32_t mantissa = bits & mantissa_mask;
  const uint32_t exponent = bits >> mantissa_bits & exponent_mask;
  const double sign = bits >> (mantissa_bits + exponent_bits) & 1 ? -1 : 1;
  if (top == TOP_IEEE && exponent == exponent_mask) {
    return mantissa == 0 ? sign * (double)INFINITY : (double)NAN;
  }
  if (top == TOP_NAN_ONLY && exponent == exponent_mask && mantissa == mantissa_mask) {
    return (double)NAN;
  }
  if (exponent == 0) return sign * ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign *
         ldexp((double)(mantissa | 1U << mantissa_bits), (int)exponent - bias - mantissa_bits);
}

// Element index of a type of less than a byte, low bits first.
static uint32_t packed_bits(const blok_tensor *tensor, size_t index, uint32_t bits) {
  const uint8_t *bytes = tensor->data;
  const size_t at = index * bits, past = at % 8;
  uint32_t word = bytes[at / 8];
  if (past + bits > 8) word |= (uint32_t)bytes[at / 8 + 1] << 8;
  return word >> past & ((1U << bits) - 1);
}

#define GET(type)                                                                             \
  {                                                                                           \
    type element;                                                                             \
    memcpy(&element, (const uint8_t *)tensor->data + index * sizeof element, sizeof element); \
    return (double)element;                                                                   \
  }

static uint16_t bits16(const blok_tensor *tensor, size_t index) {
  uint16_t element;
  memcpy(&element, (const uint8_t *)tensor->data + index * 2, 2);
  return element;
}

double blok_element_get(const blok_tensor *tensor, size_t index) {
  const uint8_t *bytes = tensor->data;
  switch (tensor->dtype) {
    case BLOK_F32:
    case BLOK_C64:
      GET(float)
    case BLOK_F64:
    case BLOK_C128:
      GET(double)
    case BLOK_U8:
      return bytes[index];
    case BLOK_BOOL:
      return bytes[index] != 0;
    case BLOK_I8:
      GET(int8_t)
    case BLOK_U16:
      GET(uint16_t)
    case BLOK_I16:
      GET(int16_t)
    case BLOK_U32:
      GET(uint32_t)
    case BLOK_I32:
      GET(int32_t)
    case BLOK_U64:
      GET(uint64_t)
    case BLOK_I64:
      GET(int64_t)
    case BLOK_F16:
      return small_float(bits16(tensor, index), 5, 10, 15, TOP_IEEE);
    case BLOK_BF16:
      return small_float(bits16(tensor, index), 8, 7, 127, TOP_IEEE);
    case BLOK_F8E4M3FN:
      return small_float(bytes[index], 4, 3, 7, TOP_NAN_ONLY);
    case BLOK_F8E4M3FNUZ:
      return bytes[index] == 0x80 ? (double)NAN : small_float(bytes[index], 4, 3, 8, TOP_NONE);
    case BLOK_F8E5M2:
      return small_float(bytes[index], 5, 2, 15, TOP_IEEE);
    case BLOK_F8E5M2FNUZ:
      return bytes[index] == 0x80 ? (double)NAN : small_float(bytes[index], 5, 2, 16, TOP_NONE);
    case BLOK_F8E8M0:
      return bytes[index] == 0xff ? (double)NAN : ldexp(1, bytes[index] - 127);
    case BLOK_F4E2M1:
      return small_float(packed_bits(tensor, index, 4), 2, 1, 1, TOP_NONE);
    case BLOK_U4:
      return packed_bits(tensor, index, 4);
    case BLOK_I4:
      return (int)(packed_bits(tensor, index, 4) ^ 8) - 8;
    case BLOK_U2:
      return packed_bits(tensor, index, 2);
    case BLOK_I2:
      return (int)(packed_bits(tensor, index, 2) ^ 2) - 2;
    case BLOK_F6E2M3:
      return small_float(packed_bits(tensor, index, 6), 2, 3, 1, TOP_NONE);
    case BLOK_F6E3M2:
      return small_float(packed_bits(tensor, index, 6), 3, 2, 3, TOP_NONE);
    case BLOK_STRING:
    case BLOK_UNDEFINED:
      break;
  }
  return 0;
}

// The bits of the nearest 16-bit float with that many mantissa bits, halves to even.
static uint16_t to_float16(double number, int mantissa_bits, int bias) {
  const int exponent_top = (1 << (15 - mantissa_bits)) - 1;
  const uint16_t sign = signbit(number) ? 0x8000 : 0;
  const double size = fabs(number);
  if (isnan(number))
    return (uint16_t)(sign | exponent_top << mantissa_bits | 1U << (mantissa_bits - 1));
  int exponent = 0;
  if (isfinite(size)) (void)frexp(size, &exponent);
  exponent += bias - 1;
  if (exponent < 1 || size == 0) exponent = 1;
  const double steps = isfinite(size) ? rint(ldexp(size, bias + mantissa_bits - exponent)) : 0;
  const int64_t bits = (int64_t)steps + ((int64_t)(exponent - 1) << mantissa_bits);
  if (!isfinite(size) || bits >= (int64_t)exponent_top << mantissa_bits) {
    return (uint16_t)(sign | exponent_top << mantissa_bits);
  }
  return (uint16_t)(sign | bits);
}

#define SET(type)                                                                       \
  {                                                                                     \
    const type element = (type)number;                                                  \
    memcpy((uint8_t *)tensor->data + index * sizeof element, &element, sizeof element); \
    return true;                                                                        \
  }

bool blok_element_set(blok_tensor *tensor, size_t index, double number) {
  uint8_t *bytes = tensor->data;
  uint16_t bits;
  switch (tensor->dtype) {
    case BLOK_F32:
      SET(float)
    case BLOK_F64:
      SET(double)
    case BLOK_U8:
      SET(uint8_t)
    case BLOK_I8:
      SET(int8_t)
    case BLOK_U16:
      SET(uint16_t)
    case BLOK_I16:
      SET(int16_t)
    case BLOK_U32:
      SET(uint32_t)
    case BLOK_I32:
      SET(int32_t)
    case BLOK_U64:
      SET(uint64_t)
    case BLOK_I64:
      SET(int64_t)
    case BLOK_BOOL:
      bytes[index] = number != 0;
      return true;
    case BLOK_F16:
    case BLOK_BF16:
      bits = tensor->dtype == BLOK_F16 ? to_float16(number, 10, 15) : to_float16(number, 7, 127);
      memcpy(bytes + 2 * index, &bits, 2);
      return true;
    case BLOK_C64:
    case BLOK_C128:
    case BLOK_F8E4M3FN:
    case BLOK_F8E4M3FNUZ:
    case BLOK_F8E5M2:
    case BLOK_F8E5M2FNUZ:
    case BLOK_F8E8M0:
    case BLOK_F4E2M1:
    case BLOK_U4:
    case BLOK_I4:
    case BLOK_U2:
    case BLOK_I2:
    case BLOK_F6E2M3:
    case BLOK_F6E3M2:
    case BLOK_STRING:
    case BLOK_UNDEFINED:
      break;
  }
  return false;
}
