// The tile epilogue in AVX-512.
#include "runtime/kernels/simd_avx512.h"
// The words come first.
#include "runtime/kernels/epilogue_template.h"
