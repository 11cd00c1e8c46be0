// Conv: cross-correlation in double, one row of outputs at a time.
//
// A row of accumulators holds all outputs along the last axis. For every channel and tap the input
// cells that lie under the tap form a strided run, so the innermost loop is row[x] += weight *
// in[x]. What lies in the padding is never visited.
#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"
#include "reference/walk.h"

typedef struct conv_job {
  blok_window window;
  size_t channels;   // of a group
  size_t filters;    // of a group
  size_t in_plane;   // input cells of one channel
  size_t out_plane;  // outputs of one filter
  size_t kernel;     // taps of one channel
  double *image;     // one image: all channels
  double *filter;    // one filter: channels * kernel
  double *row;       // accumulators along the last axis
  int64_t *first;    // first output of each tap of the last axis that lies on the input
  int64_t *end;      // one past its last
} conv_job;

static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b > 0); }

static void find_spans(conv_job *job) {
  const blok_window *w = &job->window;
  uint32_t last = w->axes - 1;
  for (int64_t tap = 0; tap < w->kernel[last]; tap++) {
    // Output x reads cell x * stride + shift, which must be in 0 .. in - 1.
    int64_t shift = tap * w->dilation[last] - w->pad_begin[last];
    int64_t first = shift < 0 ? ceil_div(-shift, w->stride[last]) : 0;
    int64_t end = shift < w->in[last] ? ceil_div(w->in[last] - shift, w->stride[last]) : 0;
    job->first[tap] = first;
    job->end[tap] = blok_max_i64(first, blok_min_i64(end, w->out[last]));
  }
}

static void add_scaled(double *row, const double *in, int64_t stride, int64_t count,
                       double weight) {
  if (stride == 1) {
    for (int64_t x = 0; x < count; x++) row[x] += weight * in[x];
  } else {
    for (int64_t x = 0; x < count; x++) row[x] += weight * in[x * stride];
  }
}

// Adds one row of taps of all channels: cells begins at the input row of the group's first channel.
static void add_taps(conv_job *job, const double *cells, const double *taps) {
  const blok_window *w = &job->window;
  uint32_t last = w->axes - 1;
  int64_t stride = w->stride[last];
  for (size_t c = 0; c < job->channels; c++) {
    for (int64_t tap = 0; tap < w->kernel[last]; tap++) {
      int64_t first = job->first[tap], count = job->end[tap] - first;
      if (count == 0) continue;
      int64_t cell = first * stride + tap * w->dilation[last] - w->pad_begin[last];
      add_scaled(job->row + first, cells + cell, stride, count, taps[tap]);
    }
    cells += job->in_plane;
    taps += job->kernel;
  }
}

// The row of outputs at position[0 .. axes - 2] of the filter that job holds.
static void compute_row(conv_job *job, const double *channels, const int64_t *position,
                        double bias) {
  const blok_window *w = &job->window;
  uint32_t last = w->axes - 1;
  for (int64_t x = 0; x < w->out[last]; x++) job->row[x] = bias;
  if (job->channels == 0) return;
  int64_t tap[BLOK_MAX_RANK] = {0};
  const double *taps = job->filter;
  do {
    int64_t offset = 0;
    bool inside = true;
    for (uint32_t i = 0; i < last && inside; i++) {
      int64_t cell = position[i] * w->stride[i] - w->pad_begin[i] + tap[i] * w->dilation[i];
      inside = cell >= 0 && cell < w->in[i];
      if (inside) offset = offset * w->in[i] + cell;
    }
    if (inside) add_taps(job, channels + offset * w->in[last], taps);
    taps += w->kernel[last];
  } while (blok_ref_advance(tap, w->kernel, last));
}

// One tap that moves over every cell: the plane is one long row.
static void join_rows(conv_job *job) {
  blok_window *w = &job->window;
  for (uint32_t i = 0; i < w->axes; i++) {
    if (w->kernel[i] != 1 || w->stride[i] != 1 || w->pad_begin[i] != 0 || w->pad_end[i] != 0)
      return;
  }
  w->axes = 1;
  w->dilation[0] = 1;
  w->in[0] = (int64_t)job->in_plane;
  w->out[0] = (int64_t)job->out_plane;
}

static blok_status plan(const blok_ref_call *call, conv_job *job, blok_error *error) {
  const blok_tensor *x = call->in[0];
  const blok_tensor *w = call->in[1];
  const blok_tensor *y = call->out[0];
  int64_t group = blok_node_int(call->node, "group", 1);
  if (x->rank < 3 || w->rank != x->rank || group < 1) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s, weight %s and group %lld disagree",
                         blok_print_dims(x->dims, x->rank).text,
                         blok_print_dims(w->dims, w->rank).text, (long long)group);
  }
  uint32_t axes = x->rank - 2;
  BLOK_TRY(blok_window_resolve(call->graph, call->node, axes, x->dims + 2, w->dims + 2,
                               &job->window, error));
  job->channels = (size_t)w->dims[1];
  job->filters = (size_t)(w->dims[0] / group);
  if (!blok_dims_count(x->dims + 2, axes, &job->in_plane) ||
      !blok_dims_count(job->window.out, axes, &job->out_plane) ||
      !blok_dims_count(w->dims + 2, axes, &job->kernel)) {
    return blok_ref_fail(call, error, BLOK_E_LIMIT, "sizes of %s and %s do not fit",
                         blok_print_dims(x->dims, x->rank).text,
                         blok_print_dims(w->dims, w->rank).text);
  }
  int64_t channels = 0;
  bool agree = blok_mul_i64(w->dims[1], group, &channels) && channels == x->dims[1] &&
               w->dims[0] % group == 0 && y->rank == x->rank && y->dims[0] == x->dims[0] &&
               y->dims[1] == w->dims[0];
  for (uint32_t i = 0; agree && i < axes; i++) agree = y->dims[2 + i] == job->window.out[i];
  if (!agree) {
    return blok_ref_fail(
        call, error, BLOK_E_SHAPE, "input %s, weight %s and group %lld do not give output %s",
        blok_print_dims(x->dims, x->rank).text, blok_print_dims(w->dims, w->rank).text,
        (long long)group, blok_print_dims(y->dims, y->rank).text);
  }
  join_rows(job);
  return BLOK_OK;
}

static blok_status make_room(const blok_ref_call *call, conv_job *job, blok_error *error) {
  uint32_t last = job->window.axes - 1;
  size_t image;
  if (!blok_mul_size(job->in_plane, (size_t)call->in[0]->dims[1], &image)) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  BLOK_TRY(blok_ref_scratch(call, image, sizeof(double), &job->image, error));
  BLOK_TRY(blok_ref_scratch(call, (size_t)job->window.out[last], sizeof(double), &job->row, error));
  if (job->channels == 0) return BLOK_OK;
  size_t taps = (size_t)job->window.kernel[last];
  BLOK_TRY(
      blok_ref_scratch(call, job->channels * job->kernel, sizeof(double), &job->filter, error));
  BLOK_TRY(blok_ref_scratch(call, taps, sizeof(int64_t), &job->first, error));
  BLOK_TRY(blok_ref_scratch(call, taps, sizeof(int64_t), &job->end, error));
  find_spans(job);
  return BLOK_OK;
}

// All outputs of filter m of the image that job holds.
static void compute_filter(const blok_ref_call *call, conv_job *job, size_t image, size_t m) {
  const blok_tensor *bias_in = blok_ref_in(call, 2);
  const blok_window *w = &job->window;
  uint32_t last = w->axes - 1;
  double bias = bias_in ? blok_ref_load(bias_in, m) : 0.0;
  if (job->channels > 0) {
    size_t taps = job->channels * job->kernel;
    blok_ref_load_many(call->in[1], m * taps, taps, job->filter);
  }
  const double *channels = job->image + m / job->filters * job->channels * job->in_plane;
  size_t at = (image * (size_t)call->out[0]->dims[1] + m) * job->out_plane;
  int64_t position[BLOK_MAX_RANK] = {0};
  do {
    compute_row(job, channels, position, bias);
    blok_ref_store_many(call->out[0], at, (size_t)w->out[last], job->row);
    at += (size_t)w->out[last];
  } while (blok_ref_advance(position, w->out, last));
}

blok_status blok_ref_Conv(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  blok_dtype dtype = x->dtype;
  if (!blok_dtype_is_float(dtype)) return blok_ref_unsupported_type(call, error, dtype);
  conv_job job = {0};
  blok_status status;
  BLOK_TRY_TO(done, plan(call, &job, error));
  if (blok_ref_count(call->out[0]) == 0) goto done;
  BLOK_TRY_TO(done, make_room(call, &job, error));
  size_t filters = (size_t)call->in[1]->dims[0];
  size_t image = (size_t)x->dims[1] * job.in_plane;
  for (size_t n = 0; n < (size_t)x->dims[0]; n++) {
    blok_ref_load_many(x, n * image, image, job.image);
    for (size_t m = 0; m < filters; m++) compute_filter(call, &job, n, m);
  }
done:
  blok_free(call->allocator, job.image);
  blok_free(call->allocator, job.filter);
  blok_free(call->allocator, job.row);
  blok_free(call->allocator, job.first);
  blok_free(call->allocator, job.end);
  return status;
}
