// Depthwise convolutions and narrow groups in AVX-512.
#include "runtime/kernels/simd_avx512.h"
// The words come first.
#include "runtime/kernels/depthwise_template.h"
