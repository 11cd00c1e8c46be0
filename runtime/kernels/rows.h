// What needs a whole row or a whole channel before it can say one element: softmax, reductions,
// layer norms, and the moments that group norms are made of.
//
// Totals: vectors are added in floats for at most 64 steps, then lane by lane in doubles, so that
// a row of a million elements keeps a float's precision. The order depends on the set only.
#ifndef BLOK_KERNELS_ROWS_H
#define BLOK_KERNELS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/kernels/isa.h"

// A plain tensor [outer][length][inner] seen along its middle axis. A cell is one row where inner
// is 1, and else BLOK_ROWS_VECTORS vectors of places of the inner axis under one outer place.
typedef struct blok_rows_axis {
  size_t outer, length, inner;
} blok_rows_axis;

enum { BLOK_ROWS_VECTORS = 4 };

// The cells of it; UINT32_MAX stands for too many.
uint32_t blok_rows_cells(const blok_isa *isa, const blok_rows_axis *axis);

typedef struct blok_softmax_job {
  const float *in;
  float *out;  // may be in
  blok_rows_axis axis;
  bool log;  // x - log(sum) instead of exp(x) / sum
} blok_softmax_job;

typedef enum blok_reduce_kind {
  BLOK_REDUCE_SUM,
  BLOK_REDUCE_MEAN,
  BLOK_REDUCE_L1,
  BLOK_REDUCE_L2,
  BLOK_REDUCE_SQUARES,  // their sum
  BLOK_REDUCE_MAX,      // NaN where there is one; -infinity of nothing
  BLOK_REDUCE_MIN,
  BLOK_REDUCE_KINDS
} blok_reduce_kind;

typedef struct blok_reduce_job {
  const float *in;
  float *out;  // [outer][inner]
  blok_rows_axis axis;
  blok_reduce_kind kind;
} blok_reduce_job;

// y = (x - mean) / sqrt(variance + epsilon) * scale + bias for every row of length floats.
typedef struct blok_layer_norm_job {
  const float *in;
  float *out;  // may be in
  size_t length;
  const float *scale, *bias;  // length floats; NULL: none
  double epsilon;
  bool centred;  // else the mean counts as 0 (RMS)
} blok_layer_norm_job;

// All are thread-safe for different cells or rows.
struct blok_rows_kernels {
  void (*softmax)(const blok_softmax_job *job, uint32_t first, uint32_t last);        // cells
  void (*reduce)(const blok_reduce_job *job, uint32_t first, uint32_t last);          // cells
  void (*layer_norm)(const blok_layer_norm_job *job, uint32_t first, uint32_t last);  // rows
  // The mean of count floats, and the sum of their squared distances from it.
  void (*row_moments)(const float *in, size_t count, double *mean, double *squares);
  // The same for each of the VF_LANES channels of a blocked plane: as many doubles each.
  void (*plane_moments)(const float *plane, size_t pixels, double *mean, double *squares);
};

#endif  // BLOK_KERNELS_ROWS_H
