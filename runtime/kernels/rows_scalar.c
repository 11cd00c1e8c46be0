// The kernels of rows.h in plain C.
#include "runtime/kernels/simd_scalar.h"
// The words come first.
#include "runtime/kernels/rows_template.h"
