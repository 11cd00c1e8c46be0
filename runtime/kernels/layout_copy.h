// Copies between strides, as blok_copy_plan arranged them: see layout.h. Three ways inside a cell:
// runs that lie together on both sides, squares turned in registers where each side has an axis of
// its own that lies together, and single elements.
#ifndef BLOK_KERNELS_LAYOUT_COPY_H
#define BLOK_KERNELS_LAYOUT_COPY_H

#include <string.h>

#include "runtime/kernels/layout_reorder.h"

// ---- Single elements ----------------------------------------------------------------------------

BLOK_INLINE void step_elements(const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step,
                               size_t n, size_t size) {
  for (size_t i = 0; i < n; i++) {
    memcpy(to + (ptrdiff_t)i * to_step, from + (ptrdiff_t)i * from_step, size);
  }
}

// One element n times, without gaps: what is written doubles.
static void repeat_element(const char *from, char *to, size_t n, size_t size) {
  const size_t whole = n * size;
  memcpy(to, from, size);
  for (size_t done = size; done < whole;) {
    const size_t more = done < whole - done ? done : whole - done;
    memcpy(to + done, to, more);
    done += more;
  }
}

static void copy_steps(const char *from, ptrdiff_t from_step, char *to, ptrdiff_t to_step, size_t n,
                       size_t size) {
  if (from_step == 0 && to_step == (ptrdiff_t)size) {
    repeat_element(from, to, n, size);
    return;
  }
  switch (size) {
    case 1:
      step_elements(from, from_step, to, to_step, n, 1);
      break;
    case 2:
      step_elements(from, from_step, to, to_step, n, 2);
      break;
    case 4:
      step_elements(from, from_step, to, to_step, n, 4);
      break;
    case 8:
      step_elements(from, from_step, to, to_step, n, 8);
      break;
    case 16:
      step_elements(from, from_step, to, to_step, n, 16);
      break;
    default:
      step_elements(from, from_step, to, to_step, n, size);
      break;
  }
}

// ---- Squares ------------------------------------------------------------------------------------

// A part of the last two axes: n_from steps along the one that lies together in from, n_to along
// the other. from_row is the other's step in from, to_row the first's in to.
typedef struct turned {
  const char *from;
  char *to;
  ptrdiff_t from_row, to_row;
  size_t n_from, n_to;
} turned;

BLOK_INLINE void turn_square(const char *from, ptrdiff_t from_row, char *to, ptrdiff_t to_row,
                             uint32_t n_from, uint32_t n_to) {
  vf rows[VF_LANES];
  VF_UNROLL
  for (int i = 0; i < VF_LANES; i++) {
    rows[i] =
        (uint32_t)i < n_to ? load_some((const void *)(from + i * from_row), n_from) : vf_zero();
  }
  vf_transpose(rows);
  VF_UNROLL
  for (int i = 0; i < VF_LANES; i++) {
    if ((uint32_t)i < n_from) store_some((void *)(to + i * to_row), rows[i], n_to);
  }
}

static void turn_words(const turned *job) {
  for (size_t a = 0; a < job->n_from; a += VF_LANES) {
    const size_t left_a = job->n_from - a;
    const uint32_t n_from = left_a < VF_LANES ? (uint32_t)left_a : VF_LANES;
    for (size_t b = 0; b < job->n_to; b += VF_LANES) {
      const size_t left_b = job->n_to - b;
      const uint32_t n_to = left_b < VF_LANES ? (uint32_t)left_b : VF_LANES;
      const char *from = job->from + a * 4 + (ptrdiff_t)b * job->from_row;
      char *to = job->to + b * 4 + (ptrdiff_t)a * job->to_row;
      if (n_from == VF_LANES && n_to == VF_LANES) {
        turn_square(from, job->from_row, to, job->to_row, VF_LANES, VF_LANES);
      } else {
        turn_square(from, job->from_row, to, job->to_row, n_from, n_to);
      }
    }
  }
}

// The same for elements of other sizes, without vectors: squares that stay in the first cache.
BLOK_INLINE void turn_elements(const turned *job, size_t size) {
  enum { SIDE = 16 };
  for (size_t a = 0; a < job->n_from; a += SIDE) {
    const size_t end_a = job->n_from - a < SIDE ? job->n_from : a + SIDE;
    for (size_t b = 0; b < job->n_to; b += SIDE) {
      const size_t end_b = job->n_to - b < SIDE ? job->n_to : b + SIDE;
      for (size_t i = a; i < end_a; i++) {
        char *to = job->to + (ptrdiff_t)i * job->to_row;
        const char *from = job->from + i * size;
        for (size_t j = b; j < end_b; j++) {
          memcpy(to + j * size, from + (ptrdiff_t)j * job->from_row, size);
        }
      }
    }
  }
}

static void turn(const turned *job, size_t size) {
  switch (size) {
    case 1:
      turn_elements(job, 1);
      break;
    case 2:
      turn_elements(job, 2);
      break;
    case 4:
      turn_words(job);
      break;
    default:
      turn_elements(job, 8);
      break;
  }
}

// ---- Cells --------------------------------------------------------------------------------------

// Where the axes before the inner ones put cell's outer index.
static void outer_place(const blok_copy *job, uint32_t inner, size_t outer, const char **from,
                        char **to) {
  *from = job->from;
  *to = job->to;
  for (uint32_t axis = job->rank - inner; axis-- > 0;) {
    const ptrdiff_t at = (ptrdiff_t)(outer % job->dims[axis]);
    outer /= job->dims[axis];
    *from += at * job->from_stride[axis];
    *to += at * job->to_stride[axis];
  }
}

static void copy_run(const blok_copy *job, size_t cell) {
  const size_t at = cell * job->chunk, left = job->size - at;
  memcpy((char *)job->to + at, (const char *)job->from + at, left < job->chunk ? left : job->chunk);
}

static void ISA_NAME(copy)(const blok_copy *job, size_t first, size_t last) {
  const uint32_t inner = job->transposed ? 2 : 1;
  for (size_t cell = first; cell < last; cell++) {
    if (job->rank == 0) {
      copy_run(job, cell);
      continue;
    }
    const uint32_t cut = job->rank - inner, end = job->rank - 1;
    const size_t chunks = (job->dims[cut] + job->chunk - 1) / job->chunk;
    const size_t begin = cell % chunks * job->chunk, left = job->dims[cut] - begin;
    const size_t n = left < job->chunk ? left : job->chunk;
    const char *from;
    char *to;
    outer_place(job, inner, cell / chunks, &from, &to);
    from += (ptrdiff_t)begin * job->from_stride[cut];
    to += (ptrdiff_t)begin * job->to_stride[cut];
    if (job->transposed) {
      const turned part = {from, to, job->from_stride[end], job->to_stride[cut], n, job->dims[end]};
      turn(&part, job->size);
    } else {
      copy_steps(from, job->from_stride[end], to, job->to_stride[end], n, job->size);
    }
  }
}

#endif  // BLOK_KERNELS_LAYOUT_COPY_H
