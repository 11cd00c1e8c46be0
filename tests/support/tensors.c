// See tensors.h.
#include "support/tensors.h"

#include <check.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

blok_tensor blok_test_tensor(blok_dtype dtype, void *data, size_t bytes, int rank, ...) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = dtype;
  tensor.rank = (uint32_t)rank;
  va_list dims;
  va_start(dims, rank);
  for (int i = 0; i < rank; i++) tensor.dims[i] = va_arg(dims, int);
  va_end(dims);
  tensor.data = data;
  tensor.bytes = bytes;
  return tensor;
}

static size_t element_bytes(blok_dtype dtype) {
  if (dtype == BLOK_F64 || dtype == BLOK_I64 || dtype == BLOK_U64) return 8;
  if (dtype == BLOK_F32 || dtype == BLOK_I32 || dtype == BLOK_U32) return 4;
  if (dtype == BLOK_F16 || dtype == BLOK_BF16 || dtype == BLOK_I16 || dtype == BLOK_U16) return 2;
  if (dtype == BLOK_I8 || dtype == BLOK_U8 || dtype == BLOK_BOOL) return 1;
  ck_abort_msg("no comparison for element type %d", (int)dtype);
  return 0;
}

static bool near(double got, double want, double rtol, double atol) {
  if (isnan(want)) return isnan(got);
  if (isinf(want) || isinf(got)) return isinf(got) && isinf(want) && signbit(got) == signbit(want);
  return fabs(got - want) <= atol + rtol * fabs(want);
}

static void compare_floats(double got, double want, size_t i, double rtol, double atol) {
  ck_assert_msg(near(got, want, rtol, atol), "element %zu: got %.9g, want %.9g", i, got, want);
}

void blok_test_same(const blok_tensor *got, const blok_tensor *want, double rtol, double atol) {
  ck_assert_int_eq((int)got->dtype, (int)want->dtype);
  ck_assert_uint_eq(got->rank, want->rank);
  size_t count = 1;
  for (uint32_t i = 0; i < want->rank; i++) {
    ck_assert_msg(got->dims[i] == want->dims[i], "axis %u: got %lld, want %lld", i,
                  (long long)got->dims[i], (long long)want->dims[i]);
    count *= (size_t)want->dims[i];
  }
  size_t size = element_bytes(want->dtype);
  ck_assert_uint_ge(got->bytes, count * size);
  const unsigned char *a = got->data;
  const unsigned char *b = want->data;
  for (size_t i = 0; i < count; i++) {
    if (want->dtype == BLOK_F32) {
      float x, y;
      memcpy(&x, a + i * size, size);
      memcpy(&y, b + i * size, size);
      compare_floats((double)x, (double)y, i, rtol, atol);
    } else if (want->dtype == BLOK_F64) {
      double x, y;
      memcpy(&x, a + i * size, size);
      memcpy(&y, b + i * size, size);
      compare_floats(x, y, i, rtol, atol);
    } else {
      ck_assert_msg(memcmp(a + i * size, b + i * size, size) == 0, "element %zu differs", i);
    }
  }
}

void blok_test_same_f32(const blok_tensor *got, const float *want, size_t count, double rtol,
                        double atol) {
  ck_assert_int_eq((int)got->dtype, (int)BLOK_F32);
  size_t have = 1;
  for (uint32_t i = 0; i < got->rank; i++) have *= (size_t)got->dims[i];
  ck_assert_uint_eq(have, count);
  for (size_t i = 0; i < count; i++) {
    float x;
    memcpy(&x, (const unsigned char *)got->data + i * sizeof x, sizeof x);
    compare_floats((double)x, (double)want[i], i, rtol, atol);
  }
}
