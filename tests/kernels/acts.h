// Activations by the reference interpreter.
#ifndef BLOK_TESTS_KERNELS_ACTS_H
#define BLOK_TESTS_KERNELS_ACTS_H

#include "runtime/kernels/epilogue.h"

// The kind with parameters that show.
blok_act act_of(blok_act_kind kind);

// Replaces values [rows][channels] by the activation of them; slope is by channel.
void act_expect(blok_act act, const float *slope, float *values, uint32_t rows, uint32_t channels);

#endif  // BLOK_TESTS_KERNELS_ACTS_H
