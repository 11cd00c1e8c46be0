// What the kernels of layout.h need no vectors for: counts of cells, the plan of a copy, copies by
// index.
#include "runtime/kernels/layout.h"

#include <string.h>

static size_t parts_of(size_t whole, size_t part) { return (whole + part - 1) / part; }

// ---- Cells --------------------------------------------------------------------------------------

size_t blok_reorder_first_cells(const blok_reorder *job, uint32_t lanes) {
  return job->images * parts_of(job->channels, lanes) * parts_of(job->pixels, BLOK_REORDER_PIXELS);
}

size_t blok_reorder_last_cells(const blok_reorder *job) {
  return job->images * parts_of(job->pixels, BLOK_REORDER_LAST_PIXELS);
}

size_t blok_channel_cells(const blok_channel_move *job, uint32_t lanes) {
  return job->images * parts_of(job->channels, lanes) * parts_of(job->pixels, BLOK_CHANNEL_PIXELS);
}

size_t blok_scaling_channel_cells(const blok_scaling *job, uint32_t lanes) {
  return job->images * parts_of(job->channels, lanes) * job->y.out;
}

size_t blok_scaling_plane_cells(const blok_scaling *job) {
  return (size_t)job->images * job->channels * job->y.out;
}

size_t blok_scaling_scratch(const blok_scaling *job) { return job->y.taps > 1 ? job->x.in : 0; }

// ---- The plan of a copy -------------------------------------------------------------------------

static size_t length_of(ptrdiff_t stride) {
  return stride < 0 ? 0 - (size_t)stride : (size_t)stride;
}

static void swap_axes(blok_copy *job, uint32_t a, uint32_t b) {
  const size_t dim = job->dims[a];
  const ptrdiff_t from = job->from_stride[a], to = job->to_stride[a];
  job->dims[a] = job->dims[b];
  job->from_stride[a] = job->from_stride[b];
  job->to_stride[a] = job->to_stride[b];
  job->dims[b] = dim;
  job->from_stride[b] = from;
  job->to_stride[b] = to;
}

// Drops axes of one step and puts the others in the order of what is written, widest first.
static void order_axes(blok_copy *job) {
  uint32_t rank = 0;
  for (uint32_t axis = 0; axis < job->rank; axis++) {
    if (job->dims[axis] != 1) swap_axes(job, rank++, axis);
  }
  job->rank = rank;
  for (uint32_t axis = 1; axis < rank; axis++) {
    for (uint32_t i = axis;
         i > 0 && length_of(job->to_stride[i - 1]) < length_of(job->to_stride[i]); i--) {
      swap_axes(job, i - 1, i);
    }
  }
}

// Joins neighbours that are one axis on both sides, and takes what lies together into the element.
static void join_axes(blok_copy *job) {
  uint32_t rank = 0;
  for (uint32_t axis = 0; axis < job->rank; axis++) {
    if (rank > 0) {
      const ptrdiff_t steps = (ptrdiff_t)job->dims[axis];
      if (job->from_stride[rank - 1] == steps * job->from_stride[axis] &&
          job->to_stride[rank - 1] == steps * job->to_stride[axis]) {
        job->dims[rank - 1] *= job->dims[axis];
        job->from_stride[rank - 1] = job->from_stride[axis];
        job->to_stride[rank - 1] = job->to_stride[axis];
        continue;
      }
    }
    swap_axes(job, rank++, axis);
  }
  const ptrdiff_t size = (ptrdiff_t)job->size;
  if (rank > 0 && job->from_stride[rank - 1] == size && job->to_stride[rank - 1] == size) {
    job->size *= job->dims[--rank];
  }
  job->rank = rank;
}

// Puts the axis that lies together in from beside the one that lies together in to.
static bool find_square(blok_copy *job) {
  const ptrdiff_t size = (ptrdiff_t)job->size;
  if (job->rank < 2 || job->to_stride[job->rank - 1] != size) return false;
  if (size != 1 && size != 2 && size != 4 && size != 8) return false;
  for (uint32_t axis = job->rank - 1; axis-- > 0;) {
    if (job->from_stride[axis] != size) continue;
    for (uint32_t i = axis; i + 2 < job->rank; i++) swap_axes(job, i, i + 1);
    return true;
  }
  return false;
}

void blok_copy_plan(blok_copy *job) {
  enum { CELL_BYTES = 32768, SQUARES = 16 };
  job->transposed = false;
  job->cells = job->chunk = 0;
  for (uint32_t axis = 0; axis < job->rank; axis++) {
    if (job->dims[axis] == 0) return;
  }
  if (job->size == 0) return;
  order_axes(job);
  join_axes(job);
  if (job->rank == 0) {
    job->chunk = CELL_BYTES;
    job->cells = parts_of(job->size, job->chunk);
    return;
  }
  job->transposed = find_square(job);
  const uint32_t cut = job->rank - (job->transposed ? 2 : 1);
  size_t step = job->size;  // bytes that one step of the cut axis writes
  if (job->transposed) step *= job->dims[job->rank - 1];
  job->chunk = CELL_BYTES / step + 1;
  if (job->transposed) job->chunk = parts_of(job->chunk, SQUARES) * SQUARES;
  job->cells = parts_of(job->dims[cut], job->chunk);
  for (uint32_t axis = 0; axis < cut; axis++) job->cells *= job->dims[axis];
}

// ---- By index -----------------------------------------------------------------------------------

size_t blok_pick_cells(const blok_pick *job) {
  size_t rows = job->size > 0 && job->dims[job->rank - 1] > 0;
  for (uint32_t axis = 0; axis + 1 < job->rank; axis++) rows *= job->dims[axis];
  return rows;
}

static inline __attribute__((always_inline)) void pick_row(const char *from, const int64_t *offsets,
                                                           const char *fill, char *to, size_t n,
                                                           size_t size) {
  for (size_t i = 0; i < n; i++) {
    memcpy(to + i * size, offsets[i] < 0 ? fill : from + offsets[i], size);
  }
}

static void fill_row(const char *fill, char *to, size_t n, size_t size) {
  for (size_t i = 0; i < n; i++) memcpy(to + i * size, fill, size);
}

static void pick_sized(const char *from, const int64_t *offsets, const char *fill, char *to,
                       size_t n, size_t size) {
  switch (size) {
    case 1:
      pick_row(from, offsets, fill, to, n, 1);
      break;
    case 2:
      pick_row(from, offsets, fill, to, n, 2);
      break;
    case 4:
      pick_row(from, offsets, fill, to, n, 4);
      break;
    case 8:
      pick_row(from, offsets, fill, to, n, 8);
      break;
    default:
      pick_row(from, offsets, fill, to, n, size);
      break;
  }
}

void blok_pick_run(const blok_pick *job, size_t first, size_t last) {
  const uint32_t lead = job->rank - 1;
  const size_t row_bytes = job->dims[lead] * job->size;
  size_t index[BLOK_MAX_RANK];
  size_t rest = first;
  for (uint32_t axis = lead; axis-- > 0;) {
    index[axis] = rest % job->dims[axis];
    rest /= job->dims[axis];
  }
  for (size_t row = first; row < last; row++) {
    int64_t at = 0;
    bool inside = true;
    for (uint32_t axis = 0; axis < lead; axis++) {
      const int64_t offset = job->offsets[axis][index[axis]];
      inside = inside && offset >= 0;
      at += offset;
    }
    char *to = (char *)job->to + row * row_bytes;
    if (inside) {
      pick_sized((const char *)job->from + at, job->offsets[lead], job->fill, to, job->dims[lead],
                 job->size);
    } else {
      fill_row(job->fill, to, job->dims[lead], job->size);
    }
    for (uint32_t axis = lead; axis-- > 0;) {
      if (++index[axis] < job->dims[axis]) break;
      index[axis] = 0;
    }
  }
}

enum { GATHER_BYTES = 16384 };  // that a cell writes, unless one row is more

static size_t gather_rows(const blok_gather *job) { return GATHER_BYTES / job->inner + 1; }

size_t blok_gather_cells(const blok_gather *job) {
  if (job->inner == 0) return 0;
  return parts_of(job->outer * job->count, gather_rows(job));
}

static int64_t index_at(const blok_gather *job, size_t i) {
  return job->wide ? ((const int64_t *)job->indices)[i] : ((const int32_t *)job->indices)[i];
}

bool blok_gather_check(const blok_gather *job, int64_t *bad) {
  const int64_t length = (int64_t)job->length;
  for (size_t i = 0; i < job->count; i++) {
    const int64_t index = index_at(job, i);
    if (index >= -length && index < length) continue;
    *bad = index;
    return false;
  }
  return true;
}

void blok_gather_run(const blok_gather *job, size_t first, size_t last) {
  const size_t rows = gather_rows(job), all = job->outer * job->count;
  const size_t end = last * rows < all ? last * rows : all;
  for (size_t row = first * rows; row < end; row++) {
    int64_t index = index_at(job, row % job->count);
    if (index < 0) index += (int64_t)job->length;
    const size_t from = row / job->count * job->length + (size_t)index;
    const char *source = (const char *)job->from + from * job->inner;
    char *to = (char *)job->to + row * job->inner;
    if (job->inner == 4) {
      memcpy(to, source, 4);
    } else {
      memcpy(to, source, job->inner);
    }
  }
}
