// The kernels by instruction set: one table each, chosen once per plan.
#ifndef BLOK_KERNELS_ISA_H
#define BLOK_KERNELS_ISA_H

#include <stdint.h>

#include "runtime/kernels/epilogue.h"

// Of each family its own table of functions, declared in the family's header (conv.h, ...).
typedef struct blok_conv_kernels blok_conv_kernels;
typedef struct blok_depthwise_kernels blok_depthwise_kernels;
typedef struct blok_pool_kernels blok_pool_kernels;
typedef struct blok_elementwise_kernels blok_elementwise_kernels;
typedef struct blok_rows_kernels blok_rows_kernels;
typedef struct blok_layout_kernels blok_layout_kernels;

typedef struct blok_isa {
  const char *name;  // "avx2", as --isa and BLOK_ISA spell it
  uint32_t lanes;    // of a vector of floats: channels in a block of the blocked layout
  blok_epilogue_fn epilogue;
  const blok_conv_kernels *conv;                // conv.h: products and convolutions
  const blok_depthwise_kernels *depthwise;      // depthwise.h: depthwise and narrow groups
  const blok_pool_kernels *pool;                // pool.h: windows and channel sums
  const blok_elementwise_kernels *elementwise;  // elementwise.h
  const blok_rows_kernels *rows;                // rows.h: softmax, norms, means of rows
  const blok_layout_kernels *layout;            // layout.h: blocked and plain, transposes, resize
} blok_isa;

// The best set that this CPU has. Never NULL; lives for ever.
const blok_isa *blok_isa_best(void);
// By name; NULL when this build or this CPU has none of that name.
const blok_isa *blok_isa_named(const char *name);
// Every set that this build has, in order from scalar on, whether or not the CPU has it; NULL past
// the end. For tests.
const blok_isa *blok_isa_at(uint32_t index);
bool blok_isa_runs(const blok_isa *isa);

#endif  // BLOK_KERNELS_ISA_H
