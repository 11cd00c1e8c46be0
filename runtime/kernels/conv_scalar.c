// Products and convolutions in plain C: a vector is two registers of what most processors have, and
// four of them are sums.
#include "runtime/kernels/simd_scalar.h"
// The words come first.
#include "runtime/kernels/conv_template.h"

CONV_TILES(1, 4)

const blok_conv_kernels blok_conv_kernels_scalar = {.lanes = VF_LANES,
                                                    .panel_blocks = 1,
                                                    .chunk_floats = 512,
                                                    .rows = 4,
                                                    .tiles = {NULL, tiles_1_scalar},
                                                    .scale = scale_rows_scalar};
