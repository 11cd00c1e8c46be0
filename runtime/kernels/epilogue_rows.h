// One block of VF_LANES channels over rows: what the epilogue and the elementwise kernels are made
// of. y = after(act(x * mul + bias) * scale + residual), as epilogue.h has it.
#ifndef BLOK_KERNELS_EPILOGUE_ROWS_H
#define BLOK_KERNELS_EPILOGUE_ROWS_H

#include "runtime/kernels/epilogue.h"

typedef struct blok_rows_job {
  const float *in;  // may be out
  float *out;
  const float *residual;                          // NULL: none
  size_t in_stride, out_stride, residual_stride;  // from row to row, in floats
  size_t rows;
  uint32_t live;  // lanes that are channels, 0 to VF_LANES
  bool matrix;    // the other lanes do not exist; else their results are 0
  blok_act act, after;
  const float *mul, *bias, *scale;  // VF_LANES floats each; NULL: none
  const float *slope;               // of act or after, whichever is a prelu
  float *sums;  // VF_LANES floats that the results' sums are added to; NULL: none
} blok_rows_job;

// Thread-safe for different rows (and sums).
void blok_rows_job_scalar(const blok_rows_job *job);
void blok_rows_job_avx2(const blok_rows_job *job);
void blok_rows_job_avx512(const blok_rows_job *job);

#endif  // BLOK_KERNELS_EPILOGUE_ROWS_H
