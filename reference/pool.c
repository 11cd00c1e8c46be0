// Pooling: average, maximum and norm over windows, and over whole planes. One plane (all cells of
// one channel of one image) at a time, in double, which holds every element type here exactly.
#include <math.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"
#include "reference/walk.h"

typedef struct pool_job {
  blok_window window;
  size_t planes;     // images * channels
  size_t in_plane;   // cells of one
  size_t out_plane;  // outputs of one
  double *cells;     // one plane
  double *values;    // its outputs
  bool include_pad;  // AveragePool: padding counts
  double p;          // LpPool
} pool_job;

// What a window covers of the input: taps first..end of each axis, and how many taps lie on the
// input or its padding (ceil_mode lets a window reach beyond both).
typedef struct cover {
  int64_t start[BLOK_MAX_RANK];  // cell of tap 0, negative in the padding
  int64_t first[BLOK_MAX_RANK], end[BLOK_MAX_RANK];
  double padded_count;
  bool empty;
} cover;

static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0); }

// blok_ref_advance with a lower end, low <= index < high.
static bool advance(int64_t *index, const int64_t *low, const int64_t *high, uint32_t n) {
  for (uint32_t i = n; i-- > 0;) {
    if (++index[i] < high[i]) return true;
    index[i] = low[i];
  }
  return false;
}

// Taps from start on, dilation apart, that lie before limit.
static int64_t taps_before(int64_t limit, int64_t start, int64_t dilation, int64_t kernel) {
  if (start >= limit) return 0;
  uint64_t room = (uint64_t)limit - (uint64_t)start;  // may be more than an int64_t holds
  uint64_t taps = (room - 1) / (uint64_t)dilation + 1;
  return taps < (uint64_t)kernel ? (int64_t)taps : kernel;
}

static void find_cover(const blok_window *w, const int64_t *position, cover *out) {
  out->padded_count = 1;
  out->empty = false;
  for (uint32_t i = 0; i < w->axes; i++) {
    int64_t start;  // a window beyond all numbers lies beyond the input
    start = blok_mul_i64(position[i], w->stride[i], &start) ? start - w->pad_begin[i] : INT64_MAX;
    out->start[i] = start;
    out->first[i] = start < 0 ? ceil_div(-start, w->dilation[i]) : 0;
    out->end[i] = taps_before(w->in[i], start, w->dilation[i], w->kernel[i]);
    out->padded_count *=
        (double)taps_before(w->in[i] + w->pad_end[i], start, w->dilation[i], w->kernel[i]);
    if (out->first[i] >= out->end[i]) out->empty = true;
  }
}

// Cell of the plane under a tap.
static size_t cell_of(const blok_window *w, const cover *area, const int64_t *tap) {
  int64_t cell = 0;
  for (uint32_t i = 0; i < w->axes; i++) {
    cell = cell * w->in[i] + area->start[i] + tap[i] * w->dilation[i];
  }
  return (size_t)cell;
}

static void first_tap(const blok_window *w, const cover *area, int64_t *tap) {
  for (uint32_t i = 0; i < w->axes; i++) tap[i] = area->first[i];
}

static blok_status plan(const blok_ref_call *call, pool_job *job, blok_error *error) {
  const blok_tensor *x = call->in[0];
  const blok_tensor *y = call->out[0];
  uint32_t axes = x->rank >= 2 ? x->rank - 2 : 0;
  bool agree =
      axes > 0 && y->rank == x->rank && y->dims[0] == x->dims[0] && y->dims[1] == x->dims[1];
  if (agree) {
    BLOK_TRY(
        blok_window_resolve(call->graph, call->node, axes, x->dims + 2, NULL, &job->window, error));
  }
  for (uint32_t i = 0; agree && i < axes; i++) agree = y->dims[2 + i] == job->window.out[i];
  agree = agree && blok_dims_count(x->dims, 2, &job->planes) &&
          blok_dims_count(x->dims + 2, axes, &job->in_plane) &&
          blok_dims_count(y->dims + 2, axes, &job->out_plane);
  if (!agree) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s does not give output %s",
                         blok_print_dims(x->dims, x->rank).text,
                         blok_print_dims(y->dims, y->rank).text);
  }
  if (job->planes == 0 || job->out_plane == 0) {  // no room for what nobody computes
    job->planes = 0;
    return BLOK_OK;
  }
  BLOK_TRY(blok_ref_scratch(call, job->in_plane, sizeof(double), &job->cells, error));
  return blok_ref_scratch(call, job->out_plane, sizeof(double), &job->values, error);
}

static void finish(const blok_ref_call *call, pool_job *job) {
  blok_free(call->allocator, job->cells);
  blok_free(call->allocator, job->values);
}

// Fills the output with what pool makes of the window at each position.
static blok_status pool_planes(blok_ref_call *call, pool_job *job,
                               double (*pool)(const pool_job *job, const int64_t *position),
                               blok_error *error) {
  blok_status status;
  BLOK_TRY_TO(done, plan(call, job, error));
  for (size_t plane = 0; plane < job->planes; plane++) {
    blok_ref_load_many(call->in[0], plane * job->in_plane, job->in_plane, job->cells);
    int64_t position[BLOK_MAX_RANK] = {0};
    size_t at = 0;
    do {
      job->values[at++] = pool(job, position);
    } while (blok_ref_advance(position, job->window.out, job->window.axes));
    blok_ref_store_many(call->out[0], plane * job->out_plane, job->out_plane, job->values);
  }
done:
  finish(call, job);
  return status;
}

// ---- AveragePool --------------------------------------------------------------------------------

static double average(const pool_job *job, const int64_t *position) {
  const blok_window *w = &job->window;
  cover area;
  find_cover(w, position, &area);
  double sum = 0, count = 0;
  if (!area.empty) {
    int64_t tap[BLOK_MAX_RANK];
    first_tap(w, &area, tap);
    do {
      sum += job->cells[cell_of(w, &area, tap)];
      count++;
    } while (advance(tap, area.first, area.end, w->axes));
  }
  if (job->include_pad) count = area.padded_count;
  return count > 0 ? sum / count : (double)NAN;
}

blok_status blok_ref_AveragePool(blok_ref_call *call, blok_error *error) {
  blok_dtype dtype = call->in[0]->dtype;
  if (!blok_dtype_is_float(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  pool_job job = {.include_pad = blok_node_int(call->node, "count_include_pad", 0) != 0};
  return pool_planes(call, &job, average, error);
}

// ---- MaxPool ------------------------------------------------------------------------------------

static double lowest(blok_dtype dtype) {
  if (dtype == BLOK_I8) return INT8_MIN;
  return dtype == BLOK_U8 ? 0 : -(double)INFINITY;
}

// Number of a cell of the plane when the first axis runs fastest.
static int64_t column_major(const blok_window *w, int64_t cell) {
  int64_t index[BLOK_MAX_RANK];
  for (uint32_t i = w->axes; i-- > 0;) {
    index[i] = cell % w->in[i];
    cell /= w->in[i];
  }
  int64_t number = 0;
  for (uint32_t i = w->axes; i-- > 0;) number = number * w->in[i] + index[i];
  return number;
}

// The largest cell under the window, the first of equal ones; a cell that is no number wins. *cell
// is -1 for a window that lies in the padding altogether.
static double maximum(const pool_job *job, const int64_t *position, double low, int64_t *cell) {
  const blok_window *w = &job->window;
  cover area;
  find_cover(w, position, &area);
  double best = low;
  *cell = -1;
  if (area.empty) return best;
  int64_t tap[BLOK_MAX_RANK];
  first_tap(w, &area, tap);
  do {
    size_t at = cell_of(w, &area, tap);
    double value = job->cells[at];
    if (*cell < 0 || value > best || (isnan(value) && !isnan(best))) {
      best = value;
      *cell = (int64_t)at;
    }
  } while (advance(tap, area.first, area.end, w->axes));
  return best;
}

blok_status blok_ref_MaxPool(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  blok_dtype dtype = x->dtype;
  if (!blok_dtype_is_float(dtype) && dtype != BLOK_I8 && dtype != BLOK_U8) {
    return blok_ref_unsupported_type(call, error, dtype);
  }
  const blok_tensor *indices = call->n_out > 1 ? call->out[1] : NULL;
  bool by_column = blok_node_int(call->node, "storage_order", 0) != 0;
  pool_job job = {0};
  blok_status status;
  BLOK_TRY_TO(done, plan(call, &job, error));
  for (size_t plane = 0; plane < job.planes; plane++) {
    blok_ref_load_many(x, plane * job.in_plane, job.in_plane, job.cells);
    int64_t position[BLOK_MAX_RANK] = {0};
    size_t at = 0;
    do {
      int64_t cell;
      job.values[at] = maximum(&job, position, lowest(dtype), &cell);
      if (indices) {
        if (by_column && cell >= 0) cell = column_major(&job.window, cell);
        if (cell >= 0) cell += (int64_t)(plane * job.in_plane);
        blok_ref_store_i64(indices, plane * job.out_plane + at, cell);
      }
      at++;
    } while (blok_ref_advance(position, job.window.out, job.window.axes));
    blok_ref_store_many(call->out[0], plane * job.out_plane, job.out_plane, job.values);
  }
done:
  finish(call, &job);
  return status;
}

// ---- LpPool -------------------------------------------------------------------------------------

// The padding counts as 0.
static double norm(const pool_job *job, const int64_t *position) {
  const blok_window *w = &job->window;
  cover area;
  find_cover(w, position, &area);
  double sum = 0;
  if (area.empty) return 0;
  int64_t tap[BLOK_MAX_RANK];
  first_tap(w, &area, tap);
  do {
    sum += pow(fabs(job->cells[cell_of(w, &area, tap)]), job->p);
  } while (advance(tap, area.first, area.end, w->axes));
  return pow(sum, 1 / job->p);
}

blok_status blok_ref_LpPool(blok_ref_call *call, blok_error *error) {
  blok_dtype dtype = call->in[0]->dtype;
  if (!blok_dtype_is_float(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  int64_t p = blok_node_int(call->node, "p", 2);
  if (p < 1) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "p is %lld; it must be 1 or more",
                         (long long)p);
  }
  pool_job job = {.p = (double)p};
  return pool_planes(call, &job, norm, error);
}

// ---- GlobalAveragePool, GlobalMaxPool -----------------------------------------------------------

blok_status blok_ref_GlobalPool(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  blok_dtype dtype = x->dtype;
  if (!blok_dtype_is_float(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  bool is_max = call->node->op == BLOK_OP_GlobalMaxPool;
  size_t planes, plane;
  if (x->rank < 2 || !blok_dims_count(x->dims, 2, &planes) ||
      !blok_dims_count(x->dims + 2, x->rank - 2, &plane) ||
      blok_ref_count(call->out[0]) != planes) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s does not give output %s",
                         blok_print_dims(x->dims, x->rank).text,
                         blok_print_dims(call->out[0]->dims, call->out[0]->rank).text);
  }
  double *cells;
  BLOK_TRY(blok_ref_scratch(call, plane, sizeof(double), &cells, error));
  for (size_t p = 0; p < planes; p++) {
    blok_ref_load_many(x, p * plane, plane, cells);
    double result = is_max ? -(double)INFINITY : 0;
    for (size_t i = 0; i < plane; i++) {
      if (!is_max) {
        result += cells[i];
      } else if (cells[i] > result || isnan(cells[i])) {
        result = cells[i];
      }
    }
    blok_ref_store(call->out[0], p, is_max ? result : result / (double)plane);
  }
  blok_free(call->allocator, cells);
  return BLOK_OK;
}
