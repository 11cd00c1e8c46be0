// Functions of one and of two values, element by element.
//
// The kernels work on rows of one vector each: the pixels of a block in the blocked layout, or
// VF_LANES successive floats of anything contiguous. A stride of 0 repeats a row, which is what
// broadcasting is made of. The functions below the table cut contiguous memory and broadcast
// tensors into such rows.
#ifndef BLOK_KERNELS_ELEMENTWISE_H
#define BLOK_KERNELS_ELEMENTWISE_H

#include "runtime/kernels/epilogue_rows.h"
#include "runtime/kernels/isa.h"

typedef enum blok_binary_kind {
  BLOK_BINARY_ADD,
  BLOK_BINARY_SUB,
  BLOK_BINARY_MUL,
  BLOK_BINARY_DIV,
  BLOK_BINARY_MAX,  // NaN where either is
  BLOK_BINARY_MIN,
  BLOK_BINARY_PRELU,  // b * a where a is below 0
  BLOK_BINARY_POW,    // quick where b is 2 or 1/2 all over and has stride 0
  BLOK_BINARY_KINDS
} blok_binary_kind;

typedef struct blok_binary_job {
  blok_binary_kind kind;
  const float *a, *b;  // either may be out
  float *out;
  size_t a_stride, b_stride, out_stride;  // from row to row, in floats
  bool b_single;                          // b has one float a row, for all lanes
  size_t rows;
  uint32_t live;  // lanes with results, 0 to VF_LANES
  bool matrix;    // the other lanes do not exist; else their results are 0
} blok_binary_job;

struct blok_elementwise_kernels {
  // y = after(act(x * mul + bias) * scale + residual): see epilogue_rows.h.
  void (*rows)(const blok_rows_job *job);
  void (*binary)(const blok_binary_job *job);
};

// ---- Contiguous floats --------------------------------------------------------------------------

// The job on count floats in a row instead of job->rows rows; its rows, live and matrix are not
// read. Each stride is the set's lanes (a value as long as out) or 0 (lanes equal floats). Thread-
// safe for different outputs, as all below.
void blok_rows_flat(const blok_isa *isa, const blok_rows_job *job, size_t count);
void blok_binary_flat(const blok_isa *isa, const blok_binary_job *job, size_t count);

// ---- Two tensors, broadcast ---------------------------------------------------------------------

enum { BLOK_BROADCAST_AXES = 8 };

// The axes of out after merging, outermost first, and what a step along each is in a and b: 0 where
// they are repeated.
typedef struct blok_broadcast {
  uint32_t rank;  // at least 1
  size_t dims[BLOK_BROADCAST_AXES];
  size_t a[BLOK_BROADCAST_AXES], b[BLOK_BROADCAST_AXES];
  size_t piece;  // floats of the last axis in a cell, when the axis is longer
  size_t rows;   // rows of the last axis in a cell, when it is not
  uint32_t cells;
} blok_broadcast;

// dims are out's, of axes axes; a_dims and b_dims have the same number of axes (1 in front) and
// each is out's or 1. False when more than BLOK_BROADCAST_AXES remain after merging, or the cells
// are too many to count.
bool blok_broadcast_plan(uint32_t axes, const int64_t *dims, const int64_t *a_dims,
                         const int64_t *b_dims, blok_broadcast *out);

// Cells [first, last) of out = kind(a, b), then act where it is not BLOK_FN_NONE.
void blok_broadcast_run(const blok_isa *isa, const blok_broadcast *plan, blok_binary_kind kind,
                        const blok_act *act, const float *a, const float *b, float *out,
                        uint32_t first, uint32_t last);

#endif  // BLOK_KERNELS_ELEMENTWISE_H
