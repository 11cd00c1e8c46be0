// Timing of kernels: see speed.h. The machine's peak is measured in the same process, so that
// shares hold however fast the machine runs at the moment.
#define _POSIX_C_SOURCE 200809L

#include "speed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool speed_wanted(void) {
  const char *what = getenv("BLOK_SPEED");
  return what && *what && strcmp(what, "0") != 0;
}

// The fastest of calls over at least a tenth of a second, three at least.
static double fastest(void (*run)(void *), void *context) {
  double best = 1e30, spent = 0;
  for (int calls = 0; calls < 3 || (spent < 0.1 && calls < 20000); calls++) {
    double start = now();
    run(context);
    double took = now() - start;
    spent += took;
    if (took < best) best = took;
  }
  return best;
}

enum { ROUNDS = 20000, CHAINS = 12 };

static volatile float sink;

// Ten and more chains of multiply-adds hide their latency on every processor of today.
static void fma_scalar(void *context) {
  (void)context;
  typedef float four __attribute__((vector_size(16)));
  four x[CHAINS / 2] = {{0}};
  const four m = {0.5f, 0.5f, 0.5f, 0.5f};
  for (int i = 0; i < ROUNDS; i++) {
#if !defined(__clang__)
#pragma GCC unroll 8
#endif
    for (int k = 0; k < CHAINS / 2; k++) {
      x[k] = x[k] * m + m;
      __asm__ volatile("" : "+x"(x[k]));
    }
  }
  for (int k = 0; k < CHAINS / 2; k++) sink = x[k][0];
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void fma_avx2(void *context) {
  (void)context;
  __m256 m = _mm256_set1_ps(0.5f), a = m, b = m, c = m, d = m, e = m, f = m, g = m, h = m, i = m,
         j = m, k = m, l = m;
  for (int n = 0; n < ROUNDS; n++) {
    a = _mm256_fmadd_ps(a, m, m), b = _mm256_fmadd_ps(b, m, m), c = _mm256_fmadd_ps(c, m, m);
    d = _mm256_fmadd_ps(d, m, m), e = _mm256_fmadd_ps(e, m, m), f = _mm256_fmadd_ps(f, m, m);
    g = _mm256_fmadd_ps(g, m, m), h = _mm256_fmadd_ps(h, m, m), i = _mm256_fmadd_ps(i, m, m);
    j = _mm256_fmadd_ps(j, m, m), k = _mm256_fmadd_ps(k, m, m), l = _mm256_fmadd_ps(l, m, m);
    __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f));
    __asm__ volatile("" : "+x"(g), "+x"(h), "+x"(i), "+x"(j), "+x"(k), "+x"(l));
  }
  a = a + b + c + d + e + f + g + h + i + j + k + l;
  sink = _mm256_cvtss_f32(a);
}

__attribute__((target("avx512f"))) static void fma_avx512(void *context) {
  (void)context;
  __m512 m = _mm512_set1_ps(0.5f), a = m, b = m, c = m, d = m, e = m, f = m, g = m, h = m, i = m,
         j = m, k = m, l = m;
  for (int n = 0; n < ROUNDS; n++) {
    a = _mm512_fmadd_ps(a, m, m), b = _mm512_fmadd_ps(b, m, m), c = _mm512_fmadd_ps(c, m, m);
    d = _mm512_fmadd_ps(d, m, m), e = _mm512_fmadd_ps(e, m, m), f = _mm512_fmadd_ps(f, m, m);
    g = _mm512_fmadd_ps(g, m, m), h = _mm512_fmadd_ps(h, m, m), i = _mm512_fmadd_ps(i, m, m);
    j = _mm512_fmadd_ps(j, m, m), k = _mm512_fmadd_ps(k, m, m), l = _mm512_fmadd_ps(l, m, m);
    __asm__ volatile("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f));
    __asm__ volatile("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));
  }
  a = a + b + c + d + e + f + g + h + i + j + k + l;
  sink = _mm512_cvtss_f32(a);
}
#endif

double speed_peak(const blok_isa *isa) {
  static const blok_isa *measured;
  static double peak;
  if (measured == isa) return peak;
  void (*run)(void *) = fma_scalar;
  double flops = 2.0 * 4 * (CHAINS / 2) * ROUNDS;
#if defined(__x86_64__)
  if (strcmp(isa->name, "avx2") == 0) run = fma_avx2;
  if (strcmp(isa->name, "avx512") == 0) run = fma_avx512;
  if (run != fma_scalar) flops = 2.0 * isa->lanes * CHAINS * ROUNDS;
#endif
  measured = isa;
  peak = flops / fastest(run, NULL) * 1e-9;
  return peak;
}

enum { COPY_BYTES = 48 << 20 };

static void copy_once(void *context) {
  char *memory = context;
  memcpy(memory, memory + COPY_BYTES, COPY_BYTES);
  sink = (float)memory[0];
}

// GB/s of memcpy between buffers larger than caches, read and written bytes both counted.
static double copy_speed(void) {
  static double speed;
  if (speed > 0) return speed;
  char *memory = malloc(2 * (size_t)COPY_BYTES);
  ck_assert_ptr_nonnull(memory);
  memset(memory, 1, 2 * (size_t)COPY_BYTES);
  speed = 2.0 * COPY_BYTES / fastest(copy_once, memory) * 1e-9;
  free(memory);
  return speed;
}

// The part of a line that names what is timed; false if it is not wanted.
static bool named(const char *kernel, const blok_isa *isa, const char *shape, char name[256]) {
  const char *only = getenv("BLOK_SPEED");
  snprintf(name, 256, "%s %s %s", kernel, isa->name, shape);
  return !only || strcmp(only, "1") == 0 || strstr(name, only);
}

static double say(const char *name, const blok_isa *isa, double flops, double bytes, double took) {
  printf("%-58s %9.4f ms", name, took * 1e3);
  if (flops > 0) {
    double rate = flops / took * 1e-9;
    printf("  %7.1f GFLOP/s %5.1f %%", rate, 100 * rate / speed_peak(isa));
  }
  if (bytes > 0) {
    double rate = bytes / took * 1e-9;
    printf("  %6.1f GB/s %5.1f %% of memcpy", rate, 100 * rate / copy_speed());
  }
  printf("\n");
  fflush(stdout);
  return took;
}

double speed_line(const char *kernel, const blok_isa *isa, const char *shape, double flops,
                  double bytes, void (*run)(void *context), void *context) {
  char name[256];
  if (!named(kernel, isa, shape, name)) return 0;
  return say(name, isa, flops, bytes, fastest(run, context));
}

double speed_line_parts(const char *kernel, const blok_isa *isa, const char *shape, double flops,
                        double bytes, uint32_t parts, void (*run)(void *context, uint32_t part),
                        void *context) {
  char name[256];
  if (!named(kernel, isa, shape, name)) return 0;
  double *best = malloc((parts + 1) * sizeof *best), spent = 0, sum = 0;
  ck_assert_ptr_nonnull(best);
  for (uint32_t i = 0; i < parts; i++) best[i] = 1e30;
  for (int calls = 0; calls < 3 || (spent < 0.1 && calls < 5000); calls++) {
    for (uint32_t i = 0; i < parts; i++) {
      double start = now();
      run(context, i);
      double took = now() - start;
      spent += took;
      if (took < best[i]) best[i] = took;
    }
  }
  for (uint32_t i = 0; i < parts; i++) sum += best[i];
  free(best);
  return say(name, isa, flops, bytes, sum);
}
