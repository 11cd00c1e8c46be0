// Windows, planes and small products in plain C.
#include "runtime/kernels/simd_scalar.h"
// The words come first.
#include "runtime/kernels/pool_template.h"
