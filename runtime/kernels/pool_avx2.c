// Windows, planes and small products in AVX2.
#include "runtime/kernels/simd_avx2.h"
// The words come first.
#include "runtime/kernels/pool_template.h"
