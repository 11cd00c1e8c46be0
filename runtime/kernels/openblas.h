// OpenBLAS: products of matrices in f64, and large ones in f32 whose operands are known only during
// the run. A build without it has no such functions: blok_openblas says so.
#ifndef BLOK_KERNELS_OPENBLAS_H
#define BLOK_KERNELS_OPENBLAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// c[m][n] = alpha * a * b + beta * c, rows of c n apart. a is [m][k], or [k][m] if transposed, b is
// [k][n], or [n][k]; both dense. With beta 0 what stood in c does not matter. alpha and beta are
// rounded to the type of the operands.
typedef struct blok_openblas_job {
  bool wide;  // f64, else f32
  bool transposed_a, transposed_b;
  uint32_t m, n, k;  // INT32_MAX at most
  double alpha, beta;
  const void *a, *b;
  void *c;
} blok_openblas_job;

// Computes the product on the calling thread. Callers take turns: the library is not safe to enter
// twice. Thread-safe. False: this build has no OpenBLAS, and nothing was done.
bool blok_openblas_multiply(const blok_openblas_job *job);

// True when this build has it.
bool blok_openblas(void);

#endif  // BLOK_KERNELS_OPENBLAS_H
