// Loop nests over strided arrays, their axes merged where they can be. See walk.h.
#include "reference/walk.h"

#include <string.h>

#include "reference/reference.h"

bool blok_walk_begin(blok_walk *walk, uint32_t rank, const int64_t *dims, uint32_t arrays,
                     const int64_t *const *strides) {
  walk->arrays = arrays;
  walk->rank = 0;
  for (uint32_t k = 0; k < arrays; k++) walk->offset[k] = 0;
  for (uint32_t axis = 0; axis < rank; axis++) {
    if (dims[axis] <= 0) return false;
  }
  // Axes are collected from the outermost on; one that continues the axis before it is merged.
  uint32_t n = 0;
  for (uint32_t axis = 0; axis < rank; axis++) {
    if (dims[axis] == 1) continue;
    bool merges = n > 0;
    for (uint32_t k = 0; merges && k < arrays; k++) {
      merges = walk->strides[k][n - 1] == strides[k][axis] * dims[axis];
    }
    if (!merges) walk->dims[n++] = 1;
    walk->dims[n - 1] *= dims[axis];
    for (uint32_t k = 0; k < arrays; k++) walk->strides[k][n - 1] = strides[k][axis];
  }
  walk->length = 1;
  for (uint32_t k = 0; k < arrays; k++) walk->step[k] = 1;
  if (n > 0) {
    n--;
    walk->length = walk->dims[n];
    for (uint32_t k = 0; k < arrays; k++) walk->step[k] = walk->strides[k][n];
  }
  walk->rank = n;
  for (uint32_t axis = 0; axis < n; axis++) walk->at[axis] = 0;
  return true;
}

bool blok_walk_broadcast(blok_walk *walk, const blok_tensor *out, const blok_tensor *const *in,
                         uint32_t n) {
  int64_t strides[BLOK_WALK_ARRAYS][BLOK_MAX_RANK];
  const int64_t *all[BLOK_WALK_ARRAYS];
  blok_ref_strides(out, strides[0]);
  for (uint32_t i = 0; i < n; i++) blok_ref_broadcast_strides(in[i], out, strides[i + 1]);
  for (uint32_t i = 0; i <= n; i++) all[i] = strides[i];
  return blok_walk_begin(walk, out->rank, out->dims, n + 1, all);
}

bool blok_walk_next(blok_walk *walk) {
  for (uint32_t axis = walk->rank; axis-- > 0;) {
    if (++walk->at[axis] < walk->dims[axis]) {
      for (uint32_t k = 0; k < walk->arrays; k++) walk->offset[k] += walk->strides[k][axis];
      return true;
    }
    walk->at[axis] = 0;
    for (uint32_t k = 0; k < walk->arrays; k++) {
      walk->offset[k] -= walk->strides[k][axis] * (walk->dims[axis] - 1);
    }
  }
  return false;
}

void blok_walk_copy_row(size_t size, int64_t length, void *to, int64_t to_step, const void *from,
                        int64_t from_step) {
  unsigned char *out = to;
  const unsigned char *in = from;
  if (length <= 0) return;
  if (to_step == 1 && from_step == 1) {
    memcpy(out, in, (size_t)length * size);
    return;
  }
  ptrdiff_t out_bytes = (ptrdiff_t)(to_step * (int64_t)size);
  ptrdiff_t in_bytes = (ptrdiff_t)(from_step * (int64_t)size);
// A constant size makes the copy one load and one store.
#define COPY(bytes) \
  for (int64_t i = 0; i < length; i++) memcpy(out + i * out_bytes, in + i * in_bytes, (bytes))
  if (size == 4) {
    COPY(4);
  } else if (size == 8) {
    COPY(8);
  } else if (size == 2) {
    COPY(2);
  } else if (size == 1) {
    COPY(1);
  } else {
    COPY(size);
  }
#undef COPY
}

bool blok_ref_advance(int64_t *index, const int64_t *limits, uint32_t n) {
  for (uint32_t i = n; i-- > 0;) {
    if (++index[i] < limits[i]) return true;
    index[i] = 0;
  }
  return false;
}

void blok_walk_copy(size_t size, uint32_t rank, const int64_t *dims, void *to,
                    const int64_t *to_strides, const void *from, const int64_t *from_strides) {
  blok_walk walk;
  const int64_t *strides[2] = {to_strides, from_strides};
  for (bool more = blok_walk_begin(&walk, rank, dims, 2, strides); more;
       more = blok_walk_next(&walk)) {
    blok_walk_copy_row(size, walk.length, (unsigned char *)to + walk.offset[0] * (ptrdiff_t)size,
                       walk.step[0], (const unsigned char *)from + walk.offset[1] * (ptrdiff_t)size,
                       walk.step[1]);
  }
}

bool blok_ref_ints(const blok_tensor *tensor, int64_t *values, uint32_t capacity, uint32_t *n) {
  if (!tensor || (tensor->dtype != BLOK_I64 && tensor->dtype != BLOK_I32)) return false;
  size_t count = blok_ref_count(tensor);
  if (count > capacity) return false;
  for (size_t i = 0; i < count; i++) values[i] = blok_ref_load_i64(tensor, i);
  *n = (uint32_t)count;
  return true;
}
