// The tile epilogue in plain C.
#include "runtime/kernels/simd_scalar.h"
// The words come first.
#include "runtime/kernels/epilogue_template.h"
