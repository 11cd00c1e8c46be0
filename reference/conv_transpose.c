// ConvTranspose: every input cell adds its multiple of the kernel to the outputs that it lies
// under.
//
// The outputs of one filter of one image are gathered in double; channels, taps and input rows are
// gone through one after the other, and what falls into the pads is left out.
#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"
#include "reference/walk.h"

typedef struct transposed_job {
  blok_window window;
  size_t channels;   // of a group
  size_t filters;    // of a group
  size_t in_plane;   // input cells of one channel
  size_t out_plane;  // outputs of one filter
  size_t kernel;     // taps of one channel and filter
  double *image;     // one image: all channels
  double *taps;      // of one channel and filter
  double *plane;     // the outputs of one filter
} transposed_job;

// One input row under one row of taps, at row `to` of the plane.
static void add_row(const transposed_job *job, const double *cells, const double *taps,
                    double *to) {
  const blok_window *w = &job->window;
  uint32_t last = w->axes - 1;
  for (int64_t tap = 0; tap < w->kernel[last]; tap++) {
    int64_t shift = tap * w->dilation[last] - w->pad_begin[last];
    for (int64_t x = 0; x < w->in[last]; x++) {
      int64_t at = x * w->stride[last] + shift;
      if (at >= w->out[last]) break;
      if (at >= 0) to[at] += cells[x] * taps[tap];
    }
  }
}

// One channel with the taps that job holds.
static void add_channel(transposed_job *job, const double *cells) {
  const blok_window *w = &job->window;
  uint32_t last = w->axes - 1;
  int64_t position[BLOK_MAX_RANK] = {0};
  do {
    int64_t tap[BLOK_MAX_RANK] = {0};
    const double *taps = job->taps;
    do {
      int64_t row = 0;
      bool inside = true;
      for (uint32_t i = 0; i < last && inside; i++) {
        int64_t at = position[i] * w->stride[i] + tap[i] * w->dilation[i] - w->pad_begin[i];
        inside = at >= 0 && at < w->out[i];
        if (inside) row = row * w->out[i] + at;
      }
      if (inside) add_row(job, cells, taps, job->plane + row * w->out[last]);
      taps += w->kernel[last];
    } while (blok_ref_advance(tap, w->kernel, last));
    cells += w->in[last];
  } while (blok_ref_advance(position, w->in, last));
}

static blok_status plan(const blok_ref_call *call, transposed_job *job, blok_error *error) {
  const blok_tensor *x = call->in[0];
  const blok_tensor *w = call->in[1];
  const blok_tensor *y = call->out[0];
  const blok_tensor *bias = blok_ref_in(call, 2);
  int64_t group = blok_node_int(call->node, "group", 1);
  int64_t filters = 0;
  bool agree = x->rank >= 3 && w->rank == x->rank && y->rank == x->rank && group >= 1;
  if (agree) {
    BLOK_TRY(blok_window_resolve_transposed(call->graph, call->node, x->rank - 2, x->dims + 2,
                                            w->dims + 2, &job->window, error));
  }
  agree = agree && blok_mul_i64(w->dims[1], group, &filters) && w->dims[0] == x->dims[1] &&
          w->dims[0] % group == 0 && y->dims[0] == x->dims[0] && y->dims[1] == filters &&
          (!bias || blok_ref_count(bias) == (size_t)filters);
  for (uint32_t i = 0; agree && i < job->window.axes; i++) {
    agree = y->dims[2 + i] == job->window.out[i] && w->dims[2 + i] == job->window.kernel[i];
  }
  agree = agree && blok_dims_count(x->dims + 2, x->rank - 2, &job->in_plane) &&
          blok_dims_count(y->dims + 2, x->rank - 2, &job->out_plane) &&
          blok_dims_count(w->dims + 2, x->rank - 2, &job->kernel);
  if (!agree) {
    return blok_ref_fail(
        call, error, BLOK_E_SHAPE, "input %s, weight %s and group %lld do not give output %s",
        blok_print_dims(x->dims, x->rank).text, blok_print_dims(w->dims, w->rank).text,
        (long long)group, blok_print_dims(y->dims, y->rank).text);
  }
  job->channels = (size_t)(w->dims[0] / group);
  job->filters = (size_t)w->dims[1];
  return BLOK_OK;
}

static blok_status make_room(const blok_ref_call *call, transposed_job *job, blok_error *error) {
  size_t image;
  if (!blok_mul_size(job->in_plane, (size_t)call->in[0]->dims[1], &image)) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  BLOK_TRY(blok_ref_scratch(call, image, sizeof(double), &job->image, error));
  BLOK_TRY(blok_ref_scratch(call, job->kernel, sizeof(double), &job->taps, error));
  return blok_ref_scratch(call, job->out_plane, sizeof(double), &job->plane, error);
}

static void compute_filter(const blok_ref_call *call, transposed_job *job, size_t image,
                           size_t filter) {
  const blok_tensor *bias_in = blok_ref_in(call, 2);
  double bias = bias_in ? blok_ref_load(bias_in, filter) : 0.0;
  for (size_t i = 0; i < job->out_plane; i++) job->plane[i] = bias;
  size_t first = filter / job->filters * job->channels;
  for (size_t c = first; c < first + job->channels && job->in_plane > 0; c++) {
    size_t at = (c * job->filters + filter % job->filters) * job->kernel;
    blok_ref_load_many(call->in[1], at, job->kernel, job->taps);
    add_channel(job, job->image + c * job->in_plane);
  }
  size_t to = (image * (size_t)call->out[0]->dims[1] + filter) * job->out_plane;
  blok_ref_store_many(call->out[0], to, job->out_plane, job->plane);
}

blok_status blok_ref_ConvTranspose(blok_ref_call *call, blok_error *error) {
  const blok_tensor *x = call->in[0];
  if (!blok_dtype_is_float(x->dtype)) return blok_ref_unsupported_type(call, error, x->dtype);
  transposed_job job = {0};
  blok_status status;
  BLOK_TRY_TO(done, plan(call, &job, error));
  if (blok_ref_count(call->out[0]) == 0) goto done;
  BLOK_TRY_TO(done, make_room(call, &job, error));
  size_t image = (size_t)x->dims[1] * job.in_plane;
  for (size_t n = 0; n < (size_t)x->dims[0]; n++) {
    blok_ref_load_many(x, n * image, image, job.image);
    for (size_t m = 0; m < (size_t)call->out[0]->dims[1]; m++) compute_filter(call, &job, n, m);
  }
done:
  blok_free(call->allocator, job.image);
  blok_free(call->allocator, job.taps);
  blok_free(call->allocator, job.plane);
  return status;
}
