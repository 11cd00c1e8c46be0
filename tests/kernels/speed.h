// The kernels' tests as a benchmark: with BLOK_SPEED set, suites add a test case that times instead
// of those that check. BLOK_SPEED=1 times everything, BLOK_SPEED=conv what has "conv" in its line.
#ifndef BLOK_TESTS_KERNELS_SPEED_H
#define BLOK_TESTS_KERNELS_SPEED_H

#include <stdbool.h>

#include "runtime/kernels/isa.h"

bool speed_wanted(void);

// Times run(context) by the fastest of many calls and prints one line: kernel, set, shape,
// milliseconds, GFLOP/s with its share of the set's measured peak, GB/s with its share of memcpy's
// (flops or bytes 0: not said). Returns the seconds; 0 when BLOK_SPEED leaves the line out.
double speed_line(const char *kernel, const blok_isa *isa, const char *shape, double flops,
                  double bytes, void (*run)(void *context), void *context);

// The same for work in parts, which run does one after another: the sum of each part's fastest
// call, so that the times of a machine that does other things too still mean something.
double speed_line_parts(const char *kernel, const blok_isa *isa, const char *shape, double flops,
                        double bytes, uint32_t parts, void (*run)(void *context, uint32_t part),
                        void *context);

// GFLOP/s of multiply-adds in registers on one core with this set's vectors, measured once.
double speed_peak(const blok_isa *isa);

#endif  // BLOK_TESTS_KERNELS_SPEED_H
