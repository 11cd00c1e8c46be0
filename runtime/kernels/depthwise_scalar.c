// Depthwise convolutions and narrow groups in plain C.
#include "runtime/kernels/simd_scalar.h"

enum { WIDE = 3 };
// The words and WIDE come first.
#include "runtime/kernels/depthwise_template.h"
