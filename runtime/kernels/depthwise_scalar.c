// Depthwise convolutions and narrow groups in plain C.
#include "runtime/kernels/simd_scalar.h"
// The words come first.
#include "runtime/kernels/depthwise_template.h"
