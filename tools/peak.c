// Measuring the machine: loops of multiply-adds that need neither memory nor one another.
#define _POSIX_C_SOURCE 200809L
#include "tools/peak.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ROUNDS = 20000 };

static volatile float sink;

// Twelve chains at once hide how long one multiply-add takes on every processor of today. Each loop
// gives the number of floating-point operations that it did.
#define TWELVE(DO)    DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define BEGIN(i)      x##i = m,
#define KEEP(i, kind) __asm__ volatile("" : "+" kind(x##i));
#define SUM(i)        x##i +

// The portable kernels multiply and add in two steps, four lanes at a time where there are vectors.
typedef float four __attribute__((vector_size(16)));

static double loop_scalar(void) {
  const four m = {0.5f, 0.5f, 0.5f, 0.5f};
  four TWELVE(BEGIN) sum;
  for (int n = 0; n < ROUNDS; n++) {
#define STEP(i) x##i = x##i * m + m;
#if defined(__x86_64__)
#define HOLD(i) KEEP(i, "x")
#elif defined(__aarch64__)
#define HOLD(i) KEEP(i, "w")
#else
#define HOLD(i) KEEP(i, "m")
#endif
    TWELVE(STEP)
    TWELVE(HOLD)
#undef STEP
#undef HOLD
  }
  sum = TWELVE(SUM) m;
  sink = sum[0];
  return 2.0 * 4 * 12 * ROUNDS;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static double loop_avx2(void) {
  const __m256 m = _mm256_set1_ps(0.5f);
  __m256 TWELVE(BEGIN) sum;
  for (int n = 0; n < ROUNDS; n++) {
#define STEP(i) x##i = _mm256_fmadd_ps(x##i, m, m);
#define HOLD(i) KEEP(i, "x")
    TWELVE(STEP)
    TWELVE(HOLD)
#undef STEP
#undef HOLD
  }
  sum = TWELVE(SUM) m;
  sink = _mm256_cvtss_f32(sum);
  return 2.0 * 8 * 12 * ROUNDS;
}

__attribute__((target("avx512f"))) static double loop_avx512(void) {
  const __m512 m = _mm512_set1_ps(0.5f);
  __m512 TWELVE(BEGIN) sum;
  for (int n = 0; n < ROUNDS; n++) {
#define STEP(i) x##i = _mm512_fmadd_ps(x##i, m, m);
#define HOLD(i) KEEP(i, "v")
    TWELVE(STEP)
    TWELVE(HOLD)
#undef STEP
#undef HOLD
  }
  sum = TWELVE(SUM) m;
  sink = _mm512_cvtss_f32(sum);
  return 2.0 * 16 * 12 * ROUNDS;
}
#endif

typedef double (*loop_fn)(void);

static loop_fn loop_of(const char *isa) {
#if defined(__x86_64__)
  if (strcmp(isa, "avx512") == 0) return loop_avx512;
  if (strcmp(isa, "avx2") == 0) return loop_avx2;
#else
  (void)isa;
#endif
  return loop_scalar;
}

typedef struct runner {
  loop_fn loop;
  pthread_t thread;
  double gflops;
} runner;

// The fastest loop in a tenth of a second.
static void *run(void *context) {
  runner *one = context;
  const double start = blok_cli_now();
  for (double begun = start, now = start; now - start < 0.1; begun = now) {
    const double work = one->loop();
    now = blok_cli_now();
    if (now > begun && work / (now - begun) * 1e-9 > one->gflops) {
      one->gflops = work / (now - begun) * 1e-9;
    }
  }
  return NULL;
}

double blok_peak_gflops(const char *isa, uint32_t threads) {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  if (processors > 0 && threads > processors) threads = (uint32_t)processors;
  runner *runners = blok_cli_alloc(threads, sizeof *runners);
  uint32_t begun = 0;
  for (; begun < threads; begun++) {
    runners[begun].loop = loop_of(isa);
    if (pthread_create(&runners[begun].thread, NULL, run, &runners[begun]) != 0) break;
  }
  double total = 0;
  for (uint32_t i = 0; i < begun; i++) {
    (void)pthread_join(runners[i].thread, NULL);
    total += runners[i].gflops;
  }
  free(runners);
  return begun == threads ? total : 0;
}
