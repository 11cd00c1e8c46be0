// Runs of elements to and from buffers of double or int64_t. See rows.h.
#include "reference/rows.h"

#include "reference/reference.h"

void blok_row_load(const blok_tensor *tensor, int64_t offset, int64_t step, size_t n, double *out) {
  if (step == 1) {
    blok_ref_load_many(tensor, (size_t)offset, n, out);
  } else if (step == 0) {
    double value = blok_ref_load(tensor, (size_t)offset);
    for (size_t i = 0; i < n; i++) out[i] = value;
  } else if (tensor->dtype == BLOK_F32) {
    const float *from = (const float *)tensor->data + offset;
    for (size_t i = 0; i < n; i++) out[i] = (double)from[(int64_t)i * step];
  } else {
    for (size_t i = 0; i < n; i++) {
      out[i] = blok_ref_load(tensor, (size_t)(offset + (int64_t)i * step));
    }
  }
}

// The types of the loops below: CASE(dtype, C type).
#define INTEGERS(CASE)     \
  CASE(BLOK_U8, uint8_t)   \
  CASE(BLOK_I8, int8_t)    \
  CASE(BLOK_U16, uint16_t) \
  CASE(BLOK_I16, int16_t)  \
  CASE(BLOK_U32, uint32_t) \
  CASE(BLOK_I32, int32_t)  \
  CASE(BLOK_U64, uint64_t) \
  CASE(BLOK_I64, int64_t)

void blok_row_load_i64(const blok_tensor *tensor, int64_t offset, int64_t step, size_t n,
                       int64_t *out) {
  switch ((int)tensor->dtype) {
#define CASE(dtype, type)                                                     \
  case dtype: {                                                               \
    const type *from = (const type *)tensor->data + offset;                   \
    for (size_t i = 0; i < n; i++) out[i] = (int64_t)from[(int64_t)i * step]; \
    break;                                                                    \
  }
    INTEGERS(CASE)
#undef CASE
    default:
      for (size_t i = 0; i < n; i++) {
        out[i] = blok_ref_load_i64(tensor, (size_t)(offset + (int64_t)i * step));
      }
      break;
  }
}

void blok_row_store_i64(const blok_tensor *tensor, int64_t offset, size_t n,
                        const int64_t *values) {
  switch ((int)tensor->dtype) {
#define CASE(dtype, type)                                                     \
  case dtype: {                                                               \
    for (size_t i = 0; i < n; i++) {                                          \
      ((type *)tensor->data)[(size_t)offset + i] = (type)(uint64_t)values[i]; \
    }                                                                         \
    break;                                                                    \
  }
    INTEGERS(CASE)
#undef CASE
    default:
      for (size_t i = 0; i < n; i++) blok_ref_store_i64(tensor, (size_t)offset + i, values[i]);
      break;
  }
}
