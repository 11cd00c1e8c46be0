// Products and convolutions for AVX-512: twenty-four of the thirty-two registers are sums.
#include "runtime/kernels/simd_avx512.h"
// The words come first.
#include "runtime/kernels/conv_template.h"

CONV_TILES(1, 8)
CONV_TILES(2, 8)
CONV_TILES(3, 8)
CONV_TILES(4, 6)

const blok_conv_kernels blok_conv_kernels_avx512 = {
    .lanes = VF_LANES,
    .panel_blocks = 4,
    .chunk_floats = 96,
    .rows = 6,
    .tiles = {NULL, tiles_1_avx512, tiles_2_avx512, tiles_3_avx512, tiles_4_avx512},
    .scale = scale_rows_avx512};
