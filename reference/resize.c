// Resize. Nearest copies elements of any type; linear and cubic work in double, one axis after the
// other, since their weights are products of one weight an axis.
#include "graph/ops/resize.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"
#include "reference/resize_axis.h"

// ---- What is asked for --------------------------------------------------------------------------
static const blok_tensor *given(const blok_ref_call *call, uint32_t slot) {
  const blok_tensor *in = blok_ref_in(call, slot);
  return in && blok_ref_count(in) > 0 ? in : NULL;
}

static blok_status check_length(const blok_ref_call *call, const char *what, const blok_tensor *in,
                                size_t want, blok_error *error) {
  if (in->rank == 1 && blok_ref_count(in) == want) return BLOK_OK;
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "%s is %s; it needs %zu values", what,
                       blok_print_dims(in->dims, in->rank).text, want);
}

static blok_status take_scales(const blok_ref_call *call, const blok_tensor *scales,
                               const uint32_t *axes, uint32_t n, blok_resize_job *job,
                               blok_error *error) {
  BLOK_TRY(check_length(call, "scales", scales, n, error));
  for (uint32_t i = 0; i < n; i++) {
    blok_resize_axis *axis = &job->axes[axes[i]];
    float scale = (float)blok_ref_load(scales, i);
    int64_t size;
    if (!blok_resize_scaled(axis->in, scale, &size) || size != axis->out) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE,
                           "scale %g does not take axis %u from %lld to %lld", (double)scale,
                           axes[i], (long long)axis->in, (long long)axis->out);
    }
    axis->up = (double)scale;
    axis->down = 1;
  }
  return BLOK_OK;
}

static blok_status take_sizes(const blok_ref_call *call, const blok_tensor *sizes,
                              const uint32_t *axes, uint32_t n, blok_resize_job *job,
                              blok_error *error) {
  BLOK_TRY(check_length(call, "sizes", sizes, n, error));
  blok_resize_policy policy = blok_resize_policy_of(call->node);
  int64_t in[BLOK_MAX_RANK], wanted[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < n; i++) {
    in[i] = job->axes[axes[i]].in;
    wanted[i] = blok_ref_load_i64(sizes, i);
  }
  uint32_t which = 0;
  bool stretch = policy == BLOK_RESIZE_STRETCH;
  bool fits = policy != BLOK_RESIZE_BAD_POLICY &&
              (stretch || blok_resize_ratio(policy, in, wanted, n, &which));
  for (uint32_t i = 0; fits && i < n; i++) {
    blok_resize_axis *axis = &job->axes[axes[i]];
    uint32_t from = stretch ? i : which;
    int64_t size = wanted[i];
    fits =
        (stretch || blok_resize_kept(in[i], wanted[which], in[which], &size)) && size == axis->out;
    axis->up = (double)wanted[from];
    axis->down = (double)in[from];
  }
  if (fits) return BLOK_OK;
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "sizes %s do not take input %s to output %s",
                       blok_print_dims(wanted, n).text,
                       blok_print_dims(call->in[0]->dims, call->in[0]->rank).text,
                       blok_print_dims(call->out[0]->dims, call->out[0]->rank).text);
}

static blok_status take_roi(const blok_ref_call *call, const uint32_t *axes, uint32_t n,
                            blok_resize_job *job, blok_error *error) {
  if (job->how.transform != BLOK_RESIZE_CROP) return BLOK_OK;
  const blok_tensor *roi = given(call, 1);
  if (!roi) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "tf_crop_and_resize needs the input roi");
  }
  BLOK_TRY(check_length(call, "roi", roi, 2 * (size_t)n, error));
  for (uint32_t i = 0; i < n; i++) {
    job->axes[axes[i]].roi_start = blok_ref_load(roi, i);
    job->axes[axes[i]].roi_end = blok_ref_load(roi, n + i);
  }
  return BLOK_OK;
}

blok_status blok_resize_plan(const blok_ref_call *call, blok_resize_job *job, blok_error *error) {
  const blok_tensor *x = call->in[0];
  const blok_tensor *y = call->out[0];
  const char *what = "";
  if (!blok_resize_read(call->node, &job->how, &what)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "%s is none that ONNX has", what);
  }
  uint32_t axes[BLOK_MAX_RANK], n;
  if (y->rank != x->rank || !blok_resize_axes(call->node, x->rank, axes, &n)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "axes do not name axes of input %s, each once",
                         blok_print_dims(x->dims, x->rank).text);
  }
  for (uint32_t i = 0; i < x->rank; i++) {
    job->axes[i] = (blok_resize_axis){x->dims[i], y->dims[i], 1, 1, 0, 1};
  }
  const blok_tensor *scales = given(call, 2);
  const blok_tensor *sizes = given(call, 3);
  if (!scales == !sizes) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "it has %s; it needs one of them",
                         scales ? "both scales and sizes" : "neither scales nor sizes");
  }
  if (scales) {
    BLOK_TRY(take_scales(call, scales, axes, n, job, error));
  } else {
    BLOK_TRY(take_sizes(call, sizes, axes, n, job, error));
  }
  return take_roi(call, axes, n, job, error);
}

// ---- Nearest ------------------------------------------------------------------------------------
// The cells of y from at on, along the last axis: cell i is cell last[i] of x's row (negative: of
// none).
static void copy_row(const blok_ref_call *call, const blok_resize_job *job, size_t size,
                     int64_t row, const int64_t *last, size_t at) {
  const blok_tensor *x = call->in[0];
  const blok_tensor *y = call->out[0];
  const blok_resize_axis *axis = &job->axes[x->rank - 1];
  for (int64_t i = 0; i < axis->out; i++, at++) {
    if (row < 0 || last[i] < 0) {
      blok_ref_store(y, at, job->how.extrapolation);
    } else {
      size_t from = (size_t)(row * axis->in + last[i]);
      memcpy((char *)y->data + at * size, (const char *)x->data + from * size, size);
    }
  }
}

static blok_status run_nearest(const blok_ref_call *call, const blok_resize_job *job,
                               blok_error *error) {
  const blok_tensor *x = call->in[0];
  const blok_tensor *y = call->out[0];
  size_t size = blok_dtype_size(x->dtype);
  bool number =
      blok_dtype_is_float(x->dtype) || blok_dtype_is_integer(x->dtype) || x->dtype == BLOK_BOOL;
  if (size == 0 || (job->how.transform == BLOK_RESIZE_CROP && !number)) {
    return blok_ref_unsupported_type(call, error, x->dtype);
  }
  int64_t *cells[BLOK_MAX_RANK] = {NULL};
  blok_status status = BLOK_OK;
  for (uint32_t i = 0; i < x->rank; i++) {
    const blok_resize_axis *axis = &job->axes[i];
    bool same = blok_resize_is_identity(&job->how, axis);
    BLOK_TRY_TO(done, blok_ref_scratch(call, (size_t)axis->out, sizeof(int64_t), &cells[i], error));
    for (int64_t c = 0; c < axis->out; c++) {
      cells[i][c] = same ? c : blok_resize_nearest(&job->how, axis, c);
    }
  }
  uint32_t lead = x->rank - 1;
  int64_t index[BLOK_MAX_RANK] = {0};
  size_t count = blok_ref_count(y), step = (size_t)y->dims[lead];
  for (size_t at = 0; at < count; at += step) {
    int64_t row = 0;
    for (uint32_t i = 0; i < lead && row >= 0; i++) {
      int64_t cell = cells[i][index[i]];
      row = cell < 0 ? -1 : row * x->dims[i] + cell;
    }
    copy_row(call, job, size, row, cells[lead], at);
    for (uint32_t i = lead; i-- > 0;) {
      if (++index[i] < y->dims[i]) break;
      index[i] = 0;
    }
  }
done:
  for (uint32_t i = 0; i < x->rank; i++) blok_free(call->allocator, cells[i]);
  return status;
}

// ---- Linear and cubic ---------------------------------------------------------------------------
// A tensor of doubles under way: outer * length * inner, the axis in the middle.
static void mix(const double *from, size_t outer, size_t inner, const blok_resize_axis *axis,
                int64_t taps, const int64_t *cells, const double *weights, double *to) {
  for (size_t o = 0; o < outer; o++) {
    for (int64_t x = 0; x < axis->out; x++, to += inner) {
      for (size_t i = 0; i < inner; i++) to[i] = 0;
      for (int64_t t = 0; t < taps; t++) {
        double weight = weights[x * taps + t];
        const double *row = from + (size_t)cells[x * taps + t] * inner;
        // A cell of weight 0 has no part, not even when it is no number.
        if (weight < 0 || weight > 0) {
          for (size_t i = 0; i < inner; i++) to[i] += weight * row[i];
        }
      }
    }
    from += (size_t)axis->in * inner;
  }
}

// The cells along the axis that lie outside take the extrapolation value.
static void extrapolate(double *values, size_t outer, size_t inner, const blok_resize_axis *axis,
                        const bool *outside, double value) {
  for (size_t o = 0; o < outer; o++) {
    for (int64_t x = 0; x < axis->out; x++, values += inner) {
      for (size_t i = 0; outside[x] && i < inner; i++) values[i] = value;
    }
  }
}

// Resizes one axis of *values, whose dims so far are dims: a new block takes its place.
static blok_status resize_axis(const blok_ref_call *call, const blok_resize_job *job,
                               uint32_t which, int64_t *dims, uint32_t rank, double **values,
                               blok_error *error) {
  const blok_resize_axis *axis = &job->axes[which];
  size_t taps = (size_t)blok_resize_taps(&job->how, axis);
  size_t outer, inner, count, table;
  dims[which] = axis->out;
  if (!blok_dims_count(dims, rank, &count) || !blok_dims_count(dims, which, &outer) ||
      !blok_dims_count(dims + which + 1, rank - which - 1, &inner) ||
      !blok_mul_size(taps, (size_t)axis->out, &table)) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  int64_t *cells = NULL;
  double *weights = NULL, *result = NULL;
  bool *outside = NULL;
  blok_status status;
  BLOK_TRY_TO(done, blok_ref_scratch(call, table, sizeof(int64_t), &cells, error));
  BLOK_TRY_TO(done, blok_ref_scratch(call, table, sizeof(double), &weights, error));
  BLOK_TRY_TO(done, blok_ref_scratch(call, (size_t)axis->out, sizeof(bool), &outside, error));
  BLOK_TRY_TO(done, blok_ref_scratch(call, count, sizeof(double), &result, error));
  for (int64_t x = 0; x < axis->out; x++) {
    size_t at = (size_t)x * taps;
    outside[x] = !blok_resize_weigh(&job->how, axis, x, cells + at, weights + at);
  }
  mix(*values, outer, inner, axis, (int64_t)taps, cells, weights, result);
  extrapolate(result, outer, inner, axis, outside, job->how.extrapolation);
  blok_free(call->allocator, *values);
  *values = result;
done:
  blok_free(call->allocator, cells);
  blok_free(call->allocator, weights);
  blok_free(call->allocator, outside);
  return status;
}

// Integers are cut towards zero after what rounding took off, and kept in their type's range.
static double cut(double value, blok_dtype dtype) {
  if (!blok_dtype_is_integer(dtype)) return value;
  double nearest = nearbyint(value);
  value = fabs(value - nearest) < 1e-6 ? nearest : trunc(value);
  int bits = (int)blok_dtype_bits(dtype);
  bool is_unsigned = blok_dtype_is_unsigned(dtype);
  double low = is_unsigned ? 0 : -ldexp(1, bits - 1);
  double high = ldexp(1, is_unsigned ? bits : bits - 1) - 1;
  return fmax(low, fmin(value, high));
}

static blok_status run_weighted(const blok_ref_call *call, const blok_resize_job *job,
                                blok_error *error) {
  const blok_tensor *x = call->in[0];
  const blok_tensor *y = call->out[0];
  if (!blok_dtype_is_float(x->dtype) && !blok_dtype_is_integer(x->dtype)) {
    return blok_ref_unsupported_type(call, error, x->dtype);
  }
  int64_t dims[BLOK_MAX_RANK];
  for (uint32_t i = 0; i < x->rank; i++) dims[i] = x->dims[i];
  size_t count = blok_ref_count(x);
  double *values;
  BLOK_TRY(blok_ref_scratch(call, count, sizeof(double), &values, error));
  blok_ref_load_many(x, 0, count, values);
  blok_status status = BLOK_OK;
  // The shrinking axes come first, so that no block on the way is larger than both ends.
  for (uint32_t i = 0; i < 2 * x->rank && status == BLOK_OK; i++) {
    uint32_t which = i % x->rank;
    const blok_resize_axis *axis = &job->axes[which];
    bool shrinks = axis->out <= axis->in;
    if (shrinks != (i < x->rank) || blok_resize_is_identity(&job->how, axis)) continue;
    status = resize_axis(call, job, which, dims, x->rank, &values, error);
  }
  if (status == BLOK_OK) {
    count = blok_ref_count(y);
    for (size_t i = 0; i < count; i++) values[i] = cut(values[i], y->dtype);
    blok_ref_store_many(y, 0, count, values);
  }
  blok_free(call->allocator, values);
  return status;
}

blok_status blok_ref_Resize(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  const blok_tensor *y = call->out[0];
  blok_resize_job job;
  BLOK_TRY(blok_resize_plan(call, &job, error));
  if (blok_ref_count(y) == 0) return BLOK_OK;
  if (x->rank == 0 || blok_ref_count(x) == 0) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s has nothing to make %s of",
                         blok_print_dims(x->dims, x->rank).text,
                         blok_print_dims(y->dims, y->rank).text);
  }
  return job.how.mode == BLOK_RESIZE_NEAREST ? run_nearest(call, &job, error)
                                             : run_weighted(call, &job, error);
}
