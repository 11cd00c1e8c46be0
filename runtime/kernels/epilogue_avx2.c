// The tile epilogue in AVX2.
#include "runtime/kernels/simd_avx2.h"
// The words come first.
#include "runtime/kernels/epilogue_template.h"
