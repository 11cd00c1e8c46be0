// The one file that enters OpenBLAS. Its serial flavour keeps global state that two threads at once
// spoil, hence the lock; it has no threads of its own.
#include "runtime/kernels/openblas.h"

#if defined(BLOK_HAVE_OPENBLAS)

#include "base/lock.h"

// From OpenBLAS's cblas.h, whose numbers are part of its binary interface.
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };
void cblas_sgemm(int order, int a_as, int b_as, int m, int n, int k, float alpha, const float *a,
                 int lda, const float *b, int ldb, float beta, float *c, int ldc);
void cblas_dgemm(int order, int a_as, int b_as, int m, int n, int k, double alpha, const double *a,
                 int lda, const double *b, int ldb, double beta, double *c, int ldc);

static blok_lock turn = BLOK_LOCK_INIT;

bool blok_openblas(void) { return true; }

bool blok_openblas_multiply(const blok_openblas_job *p) {
  const int m = (int)p->m, n = (int)p->n, k = (int)p->k;
  const int a_as = p->transposed_a ? TRANSPOSED : AS_IT_IS;
  const int b_as = p->transposed_b ? TRANSPOSED : AS_IT_IS;
  const int lda = p->transposed_a ? m : k, ldb = p->transposed_b ? k : n;
  blok_lock_take(&turn);
  if (p->wide) {
    cblas_dgemm(ROW_MAJOR, a_as, b_as, m, n, k, p->alpha, p->a, lda, p->b, ldb, p->beta, p->c, n);
  } else {
    cblas_sgemm(ROW_MAJOR, a_as, b_as, m, n, k, (float)p->alpha, p->a, lda, p->b, ldb,
                (float)p->beta, p->c, n);
  }
  blok_lock_give(&turn);
  return true;
}

#else

bool blok_openblas(void) { return false; }

bool blok_openblas_multiply(const blok_openblas_job *p) {
  (void)p;
  return false;
}

#endif
