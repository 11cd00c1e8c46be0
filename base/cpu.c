// Asking the processor for its instruction sets, once. See cpu.h.
#include "base/cpu.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

// The register sets that the operating system saves.
static uint32_t saved_registers(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static bool has(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

static uint32_t ask(void) {
  const uint32_t ymm = 0x06;  // of saved_registers: xmm, ymm
  const uint32_t zmm = 0xe6;  // and masks, zmm
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  uint32_t features = has(d, bit_SSE2) ? BLOK_CPU_SSE2 : 0;
  bool wide = has(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C);
  if (!wide) return features;
  uint32_t saved = saved_registers();
  uint32_t b7, c7;
  if (!has(saved, ymm) || !__get_cpuid_count(7, 0, &a, &b7, &c7, &d)) return features;
  if (!has(b7, bit_AVX2)) return features;
  features |= BLOK_CPU_AVX2;
  if (!has(saved, zmm) || !has(b7, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL)) {
    return features;
  }
  features |= BLOK_CPU_AVX512;
  if (has(c7, bit_AVX512VNNI)) features |= BLOK_CPU_AVX512_VNNI;
  const uint32_t bf16 = 1u << 5;  // of eax
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && has(a, bf16)) features |= BLOK_CPU_AVX512_BF16;
  return features;
}
#elif defined(__aarch64__)
static uint32_t ask(void) { return BLOK_CPU_NEON; }  // part of the base architecture
#else
static uint32_t ask(void) { return 0; }
#endif

uint32_t blok_cpu_features(void) {
  const uint32_t known = 1u << 31;  // so that 0 says "not asked yet"
  static _Atomic uint32_t kept;
  uint32_t features = atomic_load_explicit(&kept, memory_order_relaxed);
  if (features == 0) {
    features = ask() | known;
    atomic_store_explicit(&kept, features, memory_order_relaxed);
  }
  return features & ~known;
}

const char *blok_cpu_isa_text(void) {
  static const struct {
    uint32_t needs;
    const char *text;
  } names[] = {
      {BLOK_CPU_AVX512_BF16 | BLOK_CPU_AVX512_VNNI, "avx512_bf16 avx512_vnni avx512 avx2 sse2"},
      {BLOK_CPU_AVX512_BF16, "avx512_bf16 avx512 avx2 sse2"},
      {BLOK_CPU_AVX512_VNNI, "avx512_vnni avx512 avx2 sse2"},
      {BLOK_CPU_AVX512, "avx512 avx2 sse2"},
      {BLOK_CPU_AVX2, "avx2 sse2"},
      {BLOK_CPU_SSE2, "sse2"},
      {BLOK_CPU_NEON, "neon"},
  };
  uint32_t features = blok_cpu_features();
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if ((features & names[i].needs) == names[i].needs) return names[i].text;
  }
  return "scalar";
}

const char *blok_cpu_isa_asked(void) {
  const char *name = getenv("BLOK_ISA");
  return name && *name ? name : NULL;
}
