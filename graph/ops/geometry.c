// See geometry.h.
#include "graph/ops/geometry.h"

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
  if (value > high) value = high;
  return value < low ? low : value;
}

void blok_slice_range(int64_t size, int64_t start, int64_t end, int64_t step, int64_t *first,
                      int64_t *count) {
  if (start < 0) start += size;
  if (end < 0) end += size;
  *first = 0;
  *count = 0;
  if (size <= 0) return;
  uint64_t span = 0;
  uint64_t stride = 0;
  if (step > 0) {
    start = clamp(start, 0, size);
    end = clamp(end, 0, size);
    span = end > start ? (uint64_t)(end - start) : 0;
    stride = (uint64_t)step;
  } else {
    start = clamp(start, 0, size - 1);
    end = clamp(end, -1, size - 1);
    span = start > end ? (uint64_t)(start - end) : 0;
    stride = 0 - (uint64_t)step;
  }
  if (span == 0) return;
  *first = start;
  *count = (int64_t)((span - 1) / stride + 1);
}

bool blok_axes_mark(const int64_t *axes, uint32_t n, uint32_t rank, bool *marked, int64_t *bad) {
  for (uint32_t i = 0; i < n; i++) {
    uint32_t axis = 0;
    *bad = axes[i];
    if (!blok_axis_normal(axes[i], rank, &axis) || marked[axis]) return false;
    marked[axis] = true;
  }
  return true;
}

int64_t blok_split_part(int64_t size, int64_t parts, int64_t i) {
  int64_t part = size / parts + (size % parts != 0);
  if (i < parts - 1) return part;
  int64_t before = 0;
  if (!blok_mul_i64(part, parts - 1, &before)) return -1;
  return size - before;
}
