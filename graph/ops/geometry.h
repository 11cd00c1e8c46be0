// Geometry of the operators that move data, shared by inference and reference.
#ifndef BLOK_GRAPH_OPS_GEOMETRY_H
#define BLOK_GRAPH_OPS_GEOMETRY_H

#include <blok/types.h>

// What a slice takes of an axis of size elements: count of them, the first at *first, then every
// step-th. start and end count from the back when negative and are clamped. step is not 0.
void blok_slice_range(int64_t size, int64_t start, int64_t end, int64_t step, int64_t *first,
                      int64_t *count);

// Marks the n axes (negative ones count from the back) in marked[rank]. False when one is out of
// range or named twice: *bad is that one.
bool blok_axes_mark(const int64_t *axes, uint32_t n, uint32_t rank, bool *marked, int64_t *bad);

// Size of part i when size elements are split into parts, all equal but a shorter last one;
// negative when there are too few for that.
int64_t blok_split_part(int64_t size, int64_t parts, int64_t i);

#endif  // BLOK_GRAPH_OPS_GEOMETRY_H
