// Depthwise convolutions and narrow groups in AVX2.
#include "runtime/kernels/simd_avx2.h"
// The words come first.
#include "runtime/kernels/depthwise_template.h"
