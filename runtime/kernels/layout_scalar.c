// The kernels of layout.h in plain C.
#include "runtime/kernels/simd_scalar.h"
// The words come first.
#include "runtime/kernels/layout_template.h"
