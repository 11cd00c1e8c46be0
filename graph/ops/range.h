// The number of elements of a Range, shared by inference and reference.
#ifndef BLOK_GRAPH_OPS_RANGE_H
#define BLOK_GRAPH_OPS_RANGE_H

#include <stdint.h>

// -1: there is no end, delta being 0 or no number. Integers are exact.
int64_t blok_range_count_i64(int64_t start, int64_t limit, int64_t delta);
int64_t blok_range_count(double start, double limit, double delta);

#endif  // BLOK_GRAPH_OPS_RANGE_H
