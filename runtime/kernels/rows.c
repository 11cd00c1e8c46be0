// The cells of rows.h.
#include "runtime/kernels/rows.h"

uint32_t blok_rows_cells(const blok_isa *isa, const blok_rows_axis *axis) {
  const size_t width = (size_t)isa->lanes * BLOK_ROWS_VECTORS;
  const size_t across = axis->inner == 1 ? 1 : (axis->inner + width - 1) / width;
  if (across == 0 || axis->outer == 0) return 0;
  return axis->outer > (UINT32_MAX - 1) / across ? UINT32_MAX : (uint32_t)(axis->outer * across);
}
