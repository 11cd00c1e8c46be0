// Loop nests over strided arrays, for operators that broadcast, move or reduce.
//
// A walk goes through an index space of up to BLOK_MAX_RANK axes row by row, the last axis being
// the row, and keeps the offset (in elements) of each array at the row's start. Axes along which
// all arrays step evenly are merged first, so that rows are as long as they can be.
#ifndef BLOK_REFERENCE_WALK_H
#define BLOK_REFERENCE_WALK_H

#include <blok/types.h>

#define BLOK_WALK_ARRAYS 4

typedef struct blok_walk {
  uint32_t arrays;
  uint32_t rank;  // axes above the row
  int64_t dims[BLOK_MAX_RANK];
  int64_t strides[BLOK_WALK_ARRAYS][BLOK_MAX_RANK];
  int64_t at[BLOK_MAX_RANK];
  // Of the present row: its length, where each array begins, and how it steps.
  int64_t length;
  int64_t offset[BLOK_WALK_ARRAYS];
  int64_t step[BLOK_WALK_ARRAYS];
} blok_walk;

// strides[k] holds array k's strides along the rank axes. False: there is nothing to walk, as an
// axis has no elements. Rank 0 is one row of one element.
//   for (bool more = blok_walk_begin(...); more; more = blok_walk_next(&walk)) ...
bool blok_walk_begin(blok_walk *walk, uint32_t rank, const int64_t *dims, uint32_t arrays,
                     const int64_t *const *strides);
bool blok_walk_next(blok_walk *walk);

// A walk over out, array 0, and n inputs (BLOK_WALK_ARRAYS - 1 at most) that are broadcast to it.
bool blok_walk_broadcast(blok_walk *walk, const blok_tensor *out, const blok_tensor *const *in,
                         uint32_t n);

// The next index below limits in row-major order; false after the last, when it is all zeroes
// again.
bool blok_ref_advance(int64_t *index, const int64_t *limits, uint32_t n);

// Copies elements of size bytes from one strided array to another.
void blok_walk_copy(size_t size, uint32_t rank, const int64_t *dims, void *to,
                    const int64_t *to_strides, const void *from, const int64_t *from_strides);

// Copies one row of elements of size bytes; strides in elements.
void blok_walk_copy_row(size_t size, int64_t length, void *to, int64_t to_step, const void *from,
                        int64_t from_step);

// The integers of a small int32 or int64 tensor. False when there are more than capacity or the
// type is another one.
bool blok_ref_ints(const blok_tensor *tensor, int64_t *values, uint32_t capacity, uint32_t *n);

#endif  // BLOK_REFERENCE_WALK_H
