// Small graphs written as text, run by kernels and by the reference interpreter: for tests of
// lowering.
#ifndef BLOK_TESTS_KERNELS_LOWERED_H
#define BLOK_TESTS_KERNELS_LOWERED_H

#include "runtime/runtime.h"

// inputs: "x 2x3x8x8, y 5". nodes, one line each:
//     "Conv x #8x3x3x3 #8 > c : strides=2,2 pads=1,1,1,1 auto_pad=VALID alpha=0.5\n"
// where #dims is a constant of values in [-1, 1] (+dims: in [0.5, 1.5]), a scalar is #, a missing
// input is -, numbers with a point are floats and a list of one is "axes=1,". The last node's first
// output is the graph's. dtype is that of all inputs and constants, f32 or f64.
//
// Runs it on every tested set and asserts that the result is the reference's within tolerance
// (oracle_same), that the bits are the same when threads share the work, and that the steps'
// kernels are `steps`, joined by ", ", where that is not NULL.
void lowered_same(blok_dtype dtype, const char *inputs, const char *nodes, const char *steps,
                  double tolerance);

#endif  // BLOK_TESTS_KERNELS_LOWERED_H
