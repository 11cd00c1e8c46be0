// Checked arithmetic on sizes. Dimensions of a model are hostile numbers: every product and sum
// that becomes a size passes through here.
#ifndef BLOK_BASE_SIZE_H
#define BLOK_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Each returns false on overflow and leaves *out untouched.
static inline bool blok_mul_size(size_t a, size_t b, size_t *out) {
  size_t r;
  if (__builtin_mul_overflow(a, b, &r)) return false;
  *out = r;
  return true;
}

static inline bool blok_add_size(size_t a, size_t b, size_t *out) {
  size_t r;
  if (__builtin_add_overflow(a, b, &r)) return false;
  *out = r;
  return true;
}

static inline bool blok_mul_i64(int64_t a, int64_t b, int64_t *out) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) return false;
  *out = r;
  return true;
}

static inline bool blok_add_i64(int64_t a, int64_t b, int64_t *out) {
  int64_t r;
  if (__builtin_add_overflow(a, b, &r)) return false;
  *out = r;
  return true;
}

// Product of rank dimensions, 1 for rank 0. False when one is negative or the product overflows.
static inline bool blok_dims_count(const int64_t *dims, size_t rank, size_t *out) {
  size_t count = 1;
  bool zero = false;
  for (size_t i = 0; i < rank; i++) {
    if (dims[i] < 0 || (uint64_t)dims[i] > SIZE_MAX) return false;
    if (dims[i] == 0) {
      zero = true;
      continue;
    }
    if (!blok_mul_size(count, (size_t)dims[i], &count)) return false;
  }
  *out = zero ? 0 : count;
  return true;
}

static inline int64_t blok_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t blok_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

#endif  // BLOK_BASE_SIZE_H
