// Comparing tensors in tests.
#ifndef BLOK_TESTS_SUPPORT_TENSORS_H
#define BLOK_TESTS_SUPPORT_TENSORS_H

#include <blok/types.h>
#include <stddef.h>

// A tensor over data of the caller's; dims as a list: blok_test_tensor(BLOK_F32, x, sizeof x, 2, 3,
// 4) is 3x4 (rank 2).
blok_tensor blok_test_tensor(blok_dtype dtype, void *data, size_t bytes, int rank, ...);

// Asserts that both have the same dtype and dims, and that elements of floating types agree within
// atol + rtol * |want| (NaN with NaN, infinities by sign), all others exactly. The message names
// the first element that differs. Types: f32, f64, the integers of whole bytes, bool.
void blok_test_same(const blok_tensor *got, const blok_tensor *want, double rtol, double atol);

// Asserts that got is a tensor of dtype f32 with these dims and values.
void blok_test_same_f32(const blok_tensor *got, const float *want, size_t count, double rtol,
                        double atol);

#endif  // BLOK_TESTS_SUPPORT_TENSORS_H
