// Products and convolutions for AVX2: twelve of the sixteen registers are sums.
#include "runtime/kernels/simd_avx2.h"
// The words come first.
#include "runtime/kernels/conv_template.h"

CONV_TILES(1, 8)
CONV_TILES(2, 6)
CONV_TILES(3, 4)

const blok_conv_kernels blok_conv_kernels_avx2 = {
    .lanes = VF_LANES,
    .panel_blocks = 2,
    .wider = true,
    .chunk_floats = 384,
    .rows = 6,
    .tiles = {NULL, tiles_1_avx2, tiles_2_avx2, tiles_3_avx2},
    .scale = scale_rows_avx2};
