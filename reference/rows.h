// Strided runs of elements to and from buffers of double or int64_t, a piece at a time, so that an
// operator is written once for all element types.
#ifndef BLOK_REFERENCE_ROWS_H
#define BLOK_REFERENCE_ROWS_H

#include <blok/types.h>

// Elements of a piece.
#define BLOK_ROW 256

// n elements (BLOK_ROW at most), the first at offset, each step elements after the one before.
void blok_row_load(const blok_tensor *tensor, int64_t offset, int64_t step, size_t n, double *out);
// Integers and bool; u64 as bits.
void blok_row_load_i64(const blok_tensor *tensor, int64_t offset, int64_t step, size_t n,
                       int64_t *out);
// n elements that lie one after the other; wraps.
void blok_row_store_i64(const blok_tensor *tensor, int64_t offset, size_t n, const int64_t *values);

#endif  // BLOK_REFERENCE_ROWS_H
