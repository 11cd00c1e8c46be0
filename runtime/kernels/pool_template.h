// Windows, planes and small products over vector words: see pool.h.
#include <math.h>

#include "runtime/kernels/pool.h"
#include "runtime/kernels/pool_windows.h"

// After the windows, whose words it uses.
#include "runtime/kernels/pool_planes.h"

const blok_pool_kernels ISA_NAME(blok_pool_kernels) = {.max = max,
                                                       .average = average,
                                                       .sum_planes = sum_planes,
                                                       .max_planes = max_planes,
                                                       .join_sums = join_sums,
                                                       .join_maxima = join_maxima,
                                                       .excite = excite,
                                                       .scale = scale};
