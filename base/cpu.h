// What the processor and the operating system offer, asked at run time.
#ifndef BLOK_BASE_CPU_H
#define BLOK_BASE_CPU_H

#include <stdbool.h>
#include <stdint.h>

// One bit a feature, as the kernels need them: a bit is set only when the registers are saved by
// the operating system too.
typedef enum blok_cpu_feature {
  BLOK_CPU_SSE2 = 1 << 0,
  BLOK_CPU_AVX2 = 1 << 1,         // with FMA and F16C
  BLOK_CPU_AVX512 = 1 << 2,       // F, BW, DQ and VL, with BLOK_CPU_AVX2
  BLOK_CPU_AVX512_VNNI = 1 << 3,  // with BLOK_CPU_AVX512
  BLOK_CPU_AVX512_BF16 = 1 << 4,  // with BLOK_CPU_AVX512
  BLOK_CPU_NEON = 1 << 5
} blok_cpu_feature;

// The sum of blok_cpu_feature bits. Asked once and kept; thread-safe.
uint32_t blok_cpu_features(void);

// Names of the features, best first: "avx512 avx2 sse2". "scalar" when there are none. Never NULL,
// lives for ever; thread-safe.
const char *blok_cpu_isa_text(void);

// The instruction set that the environment variable BLOK_ISA names; NULL when it is unset or empty.
const char *blok_cpu_isa_asked(void);

#endif  // BLOK_BASE_CPU_H
