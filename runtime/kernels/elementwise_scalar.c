// The kernels of elementwise.h in plain C.
#include "runtime/kernels/simd_scalar.h"
// The words come first.
#include "runtime/kernels/elementwise_template.h"
