// Windows, planes and small products in AVX-512.
#include "runtime/kernels/simd_avx512.h"
// The words come first.
#include "runtime/kernels/pool_template.h"
