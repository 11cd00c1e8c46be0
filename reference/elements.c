// Elements of tensors: reading and writing them as double or int64_t, one or many, and where they
// lie.
#include <blok/session.h>
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/size.h"
#include "reference/reference.h"

bool blok_dtype_is_float(blok_dtype dtype) {
  return dtype == BLOK_F16 || dtype == BLOK_BF16 || dtype == BLOK_F32 || dtype == BLOK_F64;
}

bool blok_dtype_is_unsigned(blok_dtype dtype) {
  return dtype == BLOK_U8 || dtype == BLOK_U16 || dtype == BLOK_U32 || dtype == BLOK_U64;
}

bool blok_dtype_is_integer(blok_dtype dtype) {
  return blok_dtype_is_unsigned(dtype) || dtype == BLOK_I8 || dtype == BLOK_I16 ||
         dtype == BLOK_I32 || dtype == BLOK_I64;
}

size_t blok_dtype_size(blok_dtype dtype) {
  return dtype == BLOK_STRING ? sizeof(blok_text) : blok_dtype_bits(dtype) / 8;
}

size_t blok_ref_count(const blok_tensor *tensor) {
  size_t count;
  return blok_dims_count(tensor->dims, tensor->rank, &count) ? count : 0;
}

// ---- One element --------------------------------------------------------------------------------

// The integer types: CASE(dtype, C type, lowest, highest).
#define INTEGERS(CASE)                          \
  CASE(BLOK_U8, uint8_t, 0, UINT8_MAX)          \
  CASE(BLOK_I8, int8_t, INT8_MIN, INT8_MAX)     \
  CASE(BLOK_U16, uint16_t, 0, UINT16_MAX)       \
  CASE(BLOK_I16, int16_t, INT16_MIN, INT16_MAX) \
  CASE(BLOK_U32, uint32_t, 0, UINT32_MAX)       \
  CASE(BLOK_I32, int32_t, INT32_MIN, INT32_MAX) \
  CASE(BLOK_U64, uint64_t, 0, UINT64_MAX)       \
  CASE(BLOK_I64, int64_t, INT64_MIN, INT64_MAX)

// Towards zero; the caller's type then takes it modulo its size. What no 64-bit integer holds goes
// to the nearer end of the type, and what is no number to 0.
static int64_t integer_of(double value, int64_t lowest, uint64_t highest) {
  if (isnan(value)) return 0;
  if (value >= -0x1p63 && value < 0x1p63) return (int64_t)value;
  if (value < 0) return lowest;
  return value < 0x1p64 && highest == UINT64_MAX ? (int64_t)(uint64_t)value : (int64_t)highest;
}

double blok_ref_load(const blok_tensor *tensor, size_t i) {
  double value;
  blok_ref_load_many(tensor, i, 1, &value);
  return value;
}

void blok_ref_store(const blok_tensor *tensor, size_t i, double value) {
  blok_ref_store_many(tensor, i, 1, &value);
}

int64_t blok_ref_load_i64(const blok_tensor *tensor, size_t i) {
  switch ((int)tensor->dtype) {
#define CASE(dtype, type, ...) \
  case dtype:                  \
    return (int64_t)((const type *)tensor->data)[i];
    INTEGERS(CASE)
#undef CASE
    case BLOK_BOOL:
      return ((const uint8_t *)tensor->data)[i] != 0;
    default:
      return integer_of(blok_ref_load(tensor, i), INT64_MIN, INT64_MAX);
  }
}

void blok_ref_store_i64(const blok_tensor *tensor, size_t i, int64_t value) {
  switch ((int)tensor->dtype) {
#define CASE(dtype, type, ...)                         \
  case dtype:                                          \
    ((type *)tensor->data)[i] = (type)(uint64_t)value; \
    break;
    INTEGERS(CASE)
#undef CASE
    case BLOK_BOOL:
      ((uint8_t *)tensor->data)[i] = value != 0;
      break;
    default:
      blok_ref_store(tensor, i, (double)value);
      break;
  }
}

// ---- Many elements ------------------------------------------------------------------------------

void blok_ref_load_many(const blok_tensor *tensor, size_t first, size_t count, double *out) {
  switch ((int)tensor->dtype) {
#define CASE(dtype, type, ...)                                   \
  case dtype: {                                                  \
    const type *from = (const type *)tensor->data + first;       \
    for (size_t i = 0; i < count; i++) out[i] = (double)from[i]; \
    break;                                                       \
  }
    INTEGERS(CASE)
    CASE(BLOK_F32, float, )
    CASE(BLOK_F64, double, )
#undef CASE
    case BLOK_BOOL: {
      const uint8_t *from = (const uint8_t *)tensor->data + first;
      for (size_t i = 0; i < count; i++) out[i] = from[i] ? 1.0 : 0.0;
      break;
    }
    case BLOK_F16: {
      const uint16_t *from = (const uint16_t *)tensor->data + first;
      for (size_t i = 0; i < count; i++) out[i] = (double)blok_f16_to_f32(from[i]);
      break;
    }
    case BLOK_BF16: {
      const uint16_t *from = (const uint16_t *)tensor->data + first;
      for (size_t i = 0; i < count; i++) out[i] = (double)blok_bf16_to_f32(from[i]);
      break;
    }
    default:
      for (size_t i = 0; i < count; i++) out[i] = 0.0;
      break;
  }
}

void blok_ref_store_many(const blok_tensor *tensor, size_t first, size_t count,
                         const double *values) {
  switch ((int)tensor->dtype) {
#define CASE(dtype, type, lowest, highest)                  \
  case dtype: {                                             \
    type *to = (type *)tensor->data + first;                \
    for (size_t i = 0; i < count; i++) {                    \
      to[i] = (type)integer_of(values[i], lowest, highest); \
    }                                                       \
    break;                                                  \
  }
    INTEGERS(CASE)
#undef CASE
    case BLOK_F32: {
      float *to = (float *)tensor->data + first;
      for (size_t i = 0; i < count; i++) to[i] = (float)values[i];
      break;
    }
    case BLOK_F64:
      if (count) memcpy((double *)tensor->data + first, values, count * sizeof *values);
      break;
    case BLOK_BOOL: {
      uint8_t *to = (uint8_t *)tensor->data + first;
      for (size_t i = 0; i < count; i++) to[i] = values[i] != 0.0;
      break;
    }
    case BLOK_F16: {
      uint16_t *to = (uint16_t *)tensor->data + first;
      for (size_t i = 0; i < count; i++) to[i] = blok_f16_from_f64(values[i]);
      break;
    }
    case BLOK_BF16: {
      uint16_t *to = (uint16_t *)tensor->data + first;
      for (size_t i = 0; i < count; i++) to[i] = blok_bf16_from_f64(values[i]);
      break;
    }
    default:
      break;
  }
}

// ---- Strides ------------------------------------------------------------------------------------

void blok_ref_strides(const blok_tensor *tensor, int64_t *strides) {
  int64_t stride = 1;
  for (uint32_t axis = tensor->rank; axis-- > 0;) {
    strides[axis] = stride;
    // Unsigned, as beside a zero-size axis, where nothing is addressed, the product may not fit.
    stride = (int64_t)((uint64_t)stride * (uint64_t)blok_max_i64(tensor->dims[axis], 1));
  }
}

void blok_ref_broadcast_strides(const blok_tensor *in, const blok_tensor *out, int64_t *strides) {
  int64_t own[BLOK_MAX_RANK];
  blok_ref_strides(in, own);
  uint32_t shift = out->rank - in->rank;
  for (uint32_t axis = 0; axis < out->rank; axis++) {
    strides[axis] = axis < shift || in->dims[axis - shift] == 1 ? 0 : own[axis - shift];
  }
}
