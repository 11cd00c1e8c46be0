// Depthwise convolutions and narrow groups in AVX2.
#include "runtime/kernels/simd_avx2.h"

enum { WIDE = 7 };
// The words and WIDE come first.
#include "runtime/kernels/depthwise_template.h"
