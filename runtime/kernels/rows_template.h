// Softmax, reductions and norms over vector words: see rows.h.
#ifndef BLOK_KERNELS_ROWS_TEMPLATE_H
#define BLOK_KERNELS_ROWS_TEMPLATE_H

#include <math.h>

#include "runtime/kernels/rows_totals.h"

// ---- Cells of an axis ---------------------------------------------------------------------------

// Where the vectors of a cell of a tensor with inner places lie.
typedef struct cell_place {
  size_t outer, from, end;
} cell_place;

static cell_place place_of(const blok_rows_axis *axis, uint32_t cell) {
  const size_t width = (size_t)VF_LANES * BLOK_ROWS_VECTORS;
  const size_t across = (axis->inner + width - 1) / width;
  const size_t from = cell % across * width;
  const size_t left = axis->inner - from;
  return (cell_place){cell / across, from, from + (left < width ? left : width)};
}

BLOK_INLINE uint32_t lanes_left(size_t from, size_t end) {
  return end - from < VF_LANES ? (uint32_t)(end - from) : VF_LANES;
}

// ---- Softmax ------------------------------------------------------------------------------------

// out = x * factor + shift
static void scale_row(const float *in, float *out, size_t count, float factor, float shift) {
  const vf by = vf_set(factor), plus = vf_set(shift);
  for (size_t at = 0; at < count; at += VF_LANES) {
    const uint32_t n = lanes_left(at, count);
    store_some(out + at, vf_fma(load_some(in + at, n), by, plus), n);
  }
}

static void softmax_row(const float *in, float *out, size_t length, bool log_of) {
  const float most = row_extreme(true, in, length);
  if (!log_of) {
    const double total = row_total(TERM_EXP, in, length, most, out);
    scale_row(out, out, length, (float)(1.0 / total), -0.0f);
    return;
  }
  const float total = (float)log(row_total(TERM_EXP, in, length, most, NULL));
  const vf top = vf_set(most), minus = vf_set(total);
  for (size_t at = 0; at < length; at += VF_LANES) {
    const uint32_t n = lanes_left(at, length);
    store_some(out + at, vf_sub(vf_sub(load_some(in + at, n), top), minus), n);
  }
}

static void softmax_columns(const float *in, float *out, size_t length, size_t stride, uint32_t n,
                            bool log_of) {
  const vf most = column_extremes(true, in, length, stride, n);
  double totals[VF_LANES];
  float per_lane[VF_LANES];
  column_totals(TERM_EXP, in, length, stride, n, most, totals);
  for (int i = 0; i < VF_LANES; i++) {
    per_lane[i] = (float)(log_of ? log(totals[i]) : 1.0 / totals[i]);
  }
  const vf aside = vf_load(per_lane);
  for (size_t i = 0; i < length; i++) {
    const vf x = vf_sub(load_some(in + i * stride, n), most);
    const vf y = log_of ? vf_sub(x, aside) : vf_mul(vf_exp(x), aside);
    store_some(out + i * stride, y, n);
  }
}

static void softmax(const blok_softmax_job *job, uint32_t first, uint32_t last) {
  const blok_rows_axis *axis = &job->axis;
  const size_t size = axis->length * axis->inner;
  for (uint32_t cell = first; cell < last; cell++) {
    if (axis->inner == 1) {
      softmax_row(job->in + cell * size, job->out + cell * size, axis->length, job->log);
      continue;
    }
    const cell_place place = place_of(axis, cell);
    for (size_t at = place.from; at < place.end; at += VF_LANES) {
      const size_t start = place.outer * size + at;
      softmax_columns(job->in + start, job->out + start, axis->length, axis->inner,
                      lanes_left(at, place.end), job->log);
    }
  }
}

// ---- Reductions ---------------------------------------------------------------------------------

static double finish(blok_reduce_kind kind, double total, size_t length) {
  if (kind == BLOK_REDUCE_MEAN) return total / (double)length;
  return kind == BLOK_REDUCE_L2 ? sqrt(total) : total;
}

static float reduce_row(blok_reduce_kind kind, const float *in, size_t length) {
  double total = 0;
  switch (kind) {
    case BLOK_REDUCE_SUM:
    case BLOK_REDUCE_MEAN:
      total = row_total(TERM_PLAIN, in, length, 0, NULL);
      break;
    case BLOK_REDUCE_L1:
      total = row_total(TERM_ABSOLUTE, in, length, 0, NULL);
      break;
    case BLOK_REDUCE_L2:
    case BLOK_REDUCE_SQUARES:
      total = row_total(TERM_SQUARE, in, length, 0, NULL);
      break;
    case BLOK_REDUCE_MAX:
      return row_extreme(true, in, length);
    case BLOK_REDUCE_MIN:
      return row_extreme(false, in, length);
    case BLOK_REDUCE_KINDS:
      break;
  }
  return (float)finish(kind, total, length);
}

static vf reduce_columns(blok_reduce_kind kind, const float *in, size_t length, size_t stride,
                         uint32_t n) {
  double totals[VF_LANES] = {0};
  switch (kind) {
    case BLOK_REDUCE_SUM:
    case BLOK_REDUCE_MEAN:
      column_totals(TERM_PLAIN, in, length, stride, n, vf_zero(), totals);
      break;
    case BLOK_REDUCE_L1:
      column_totals(TERM_ABSOLUTE, in, length, stride, n, vf_zero(), totals);
      break;
    case BLOK_REDUCE_L2:
    case BLOK_REDUCE_SQUARES:
      column_totals(TERM_SQUARE, in, length, stride, n, vf_zero(), totals);
      break;
    case BLOK_REDUCE_MAX:
      return column_extremes(true, in, length, stride, n);
    case BLOK_REDUCE_MIN:
      return column_extremes(false, in, length, stride, n);
    case BLOK_REDUCE_KINDS:
      break;
  }
  float results[VF_LANES];
  for (int i = 0; i < VF_LANES; i++) results[i] = (float)finish(kind, totals[i], length);
  return vf_load(results);
}

static void reduce(const blok_reduce_job *job, uint32_t first, uint32_t last) {
  const blok_rows_axis *axis = &job->axis;
  const size_t size = axis->length * axis->inner;
  for (uint32_t cell = first; cell < last; cell++) {
    if (axis->inner == 1) {
      job->out[cell] = reduce_row(job->kind, job->in + cell * size, axis->length);
      continue;
    }
    const cell_place place = place_of(axis, cell);
    for (size_t at = place.from; at < place.end; at += VF_LANES) {
      const uint32_t n = lanes_left(at, place.end);
      const float *in = job->in + place.outer * size + at;
      store_some(job->out + place.outer * axis->inner + at,
                 reduce_columns(job->kind, in, axis->length, axis->inner, n), n);
    }
  }
}

// ---- Moments and norms --------------------------------------------------------------------------

// The distances are taken from the mean as a float is able to say it; what it misses is made good.
static void row_moments(const float *in, size_t count, double *mean, double *squares) {
  const double middle = row_total(TERM_PLAIN, in, count, 0, NULL) / (double)count;
  const double missed = middle - (double)(float)middle;
  *mean = middle;
  *squares =
      row_total(TERM_DISTANCE, in, count, (float)middle, NULL) - missed * missed * (double)count;
}

static void plane_moments(const float *plane, size_t pixels, double *mean, double *squares) {
  float middle[VF_LANES];
  column_totals(TERM_PLAIN, plane, pixels, VF_LANES, VF_LANES, vf_zero(), mean);
  for (int i = 0; i < VF_LANES; i++) {
    mean[i] /= (double)pixels;
    middle[i] = (float)mean[i];
  }
  column_totals(TERM_DISTANCE, plane, pixels, VF_LANES, VF_LANES, vf_load(middle), squares);
  for (int i = 0; i < VF_LANES; i++) {
    const double missed = mean[i] - (double)middle[i];
    squares[i] -= missed * missed * (double)pixels;
  }
}

static void layer_norm_row(const blok_layer_norm_job *job, const float *in, float *out) {
  double mean = 0, squares;
  if (job->centred) {
    row_moments(in, job->length, &mean, &squares);
  } else {
    squares = row_total(TERM_SQUARE, in, job->length, 0, NULL);
  }
  const vf high = vf_set((float)mean), low = vf_set((float)(mean - (double)(float)mean));
  const vf by = vf_set((float)(1.0 / sqrt(squares / (double)job->length + job->epsilon)));
  for (size_t at = 0; at < job->length; at += VF_LANES) {
    const uint32_t n = lanes_left(at, job->length);
    const vf scale = job->scale ? load_some(job->scale + at, n) : vf_set(1.0f);
    const vf bias = job->bias ? load_some(job->bias + at, n) : vf_set(-0.0f);
    const vf x = vf_mul(vf_sub(vf_sub(load_some(in + at, n), high), low), by);
    store_some(out + at, vf_fma(x, scale, bias), n);
  }
}

static void layer_norm(const blok_layer_norm_job *job, uint32_t first, uint32_t last) {
  for (uint32_t row = first; row < last; row++) {
    layer_norm_row(job, job->in + row * job->length, job->out + row * job->length);
  }
}

const blok_rows_kernels ISA_NAME(blok_rows_kernels) = {.softmax = softmax,
                                                       .reduce = reduce,
                                                       .layer_norm = layer_norm,
                                                       .row_moments = row_moments,
                                                       .plane_moments = plane_moments};

#endif  // BLOK_KERNELS_ROWS_TEMPLATE_H
