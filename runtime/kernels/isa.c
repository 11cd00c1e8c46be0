// The tables of kernels: see isa.h.
#include "runtime/kernels/isa.h"

#include <string.h>

#include "base/cpu.h"

#define KERNELS(suffix)                                                                    \
  extern const blok_conv_kernels blok_conv_kernels_##suffix;                               \
  extern const blok_depthwise_kernels blok_depthwise_kernels_##suffix;                     \
  extern const blok_pool_kernels blok_pool_kernels_##suffix;                               \
  extern const blok_elementwise_kernels blok_elementwise_kernels_##suffix;                 \
  extern const blok_rows_kernels blok_rows_kernels_##suffix;                               \
  extern const blok_layout_kernels blok_layout_kernels_##suffix;                           \
  static const blok_isa suffix##_set = {.name = #suffix,                                   \
                                        .lanes = BLOK_LANES_##suffix,                      \
                                        .epilogue = blok_epilogue_##suffix,                \
                                        .conv = &blok_conv_kernels_##suffix,               \
                                        .depthwise = &blok_depthwise_kernels_##suffix,     \
                                        .pool = &blok_pool_kernels_##suffix,               \
                                        .elementwise = &blok_elementwise_kernels_##suffix, \
                                        .rows = &blok_rows_kernels_##suffix,               \
                                        .layout = &blok_layout_kernels_##suffix};

#define BLOK_LANES_scalar 8
#define BLOK_LANES_avx2   8
#define BLOK_LANES_avx512 16

KERNELS(scalar)
#if defined(__x86_64__)
KERNELS(avx2)
KERNELS(avx512)
#endif

typedef struct isa_row {
  const blok_isa *set;
  uint32_t needs;  // blok_cpu_feature bits
} isa_row;

// Worst first.
static const isa_row rows[] = {
    {&scalar_set, 0},
#if defined(__x86_64__)
    {&avx2_set, BLOK_CPU_AVX2},
    {&avx512_set, BLOK_CPU_AVX512},
#endif
};
enum { ROWS = sizeof rows / sizeof *rows };

const blok_isa *blok_isa_at(uint32_t index) { return index < ROWS ? rows[index].set : NULL; }

bool blok_isa_runs(const blok_isa *isa) {
  for (int i = 0; i < ROWS; i++) {
    if (rows[i].set == isa) return (blok_cpu_features() & rows[i].needs) == rows[i].needs;
  }
  return false;
}

const blok_isa *blok_isa_best(void) {
  for (int i = ROWS - 1; i > 0; i--) {
    if (blok_isa_runs(rows[i].set)) return rows[i].set;
  }
  return rows[0].set;
}

const blok_isa *blok_isa_named(const char *name) {
  for (int i = 0; i < ROWS; i++) {
    if (strcmp(rows[i].set->name, name) == 0)
      return blok_isa_runs(rows[i].set) ? rows[i].set : NULL;
  }
  return NULL;
}
