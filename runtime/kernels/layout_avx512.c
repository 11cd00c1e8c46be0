// The kernels of layout.h in AVX-512.
#include "runtime/kernels/simd_avx512.h"
// The words come first.
#include "runtime/kernels/layout_template.h"
