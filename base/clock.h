// Time, for measuring.
#ifndef BLOK_BASE_CLOCK_H
#define BLOK_BASE_CLOCK_H

#include <stdint.h>

// Nanoseconds of a clock that never goes back; from when it counts is not said. 0 where the machine
// has none. Thread-safe.
uint64_t blok_clock_now(void);

#endif  // BLOK_BASE_CLOCK_H
