// What the machine can do at best: the measure of a profile.
#ifndef BLOK_TOOLS_PEAK_H
#define BLOK_TOOLS_PEAK_H

#include <stdint.h>

// GFLOP/s of multiply-adds in registers, by this instruction set ("avx2") on so many threads at
// once, each multiply-add counted as two: measured, which takes about a tenth of a second. Threads
// beyond the machine's processors add nothing. 0 when it cannot be measured.
double blok_peak_gflops(const char *isa, uint32_t threads);

#endif  // BLOK_TOOLS_PEAK_H
