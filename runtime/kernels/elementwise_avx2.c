// The kernels of elementwise.h in AVX2.
#include "runtime/kernels/simd_avx2.h"
// The words come first.
#include "runtime/kernels/elementwise_template.h"
