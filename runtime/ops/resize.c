// Resize of rows and columns, by tables made here: in vectors of channels for blocked values and
// those whose channels come last, else plane by plane. Nearest of any type and on any axes goes by
// tables of offsets. What is left (linear and cubic on other axes or types) has no kernel.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "reference/resize_axis.h"
#include "runtime/ops/copy.h"

// ---- What is asked for --------------------------------------------------------------------------

// roi, scales and sizes with their elements; *known false where one has none before the run.
static blok_status read_inputs(blok_lowering *lowering, const blok_node *node, blok_tensor *inputs,
                               const blok_tensor **in, bool *known, blok_error *error) {
  *known = true;
  for (uint32_t slot = 1; slot < node->n_inputs && slot < 4 && *known; slot++) {
    if (!node->inputs[slot].i) continue;
    BLOK_TRY(blok_lower_known(lowering, node->inputs[slot], &inputs[slot], known, error));
    in[slot] = &inputs[slot];
  }
  return BLOK_OK;
}

// Both sides have elements and the attributes fit; what does not is the reference's to refuse.
static blok_status read_job(blok_lowering *lowering, const blok_node *node, blok_tensor *x,
                            blok_tensor *y, blok_resize_job *job, bool *known, blok_error *error) {
  blok_tensor inputs[4];
  const blok_tensor *in[4] = {x};
  blok_tensor *const out[1] = {y};
  BLOK_TRY(read_inputs(lowering, node, inputs, in, known, error));
  const blok_ref_call call = {.graph = blok_lower_graph(lowering),
                              .node = node,
                              .n_in = node->n_inputs < 4 ? node->n_inputs : 4,
                              .n_out = 1,
                              .in = in,
                              .out = out};
  *known = *known && blok_resize_plan(&call, job, NULL) == BLOK_OK;
  return BLOK_OK;
}

static bool stays(const blok_resize_job *job, uint32_t axis) {
  return blok_resize_is_identity(&job->how, &job->axes[axis]);
}

// ---- Tables -------------------------------------------------------------------------------------

static blok_status make_taps(blok_lowering *lowering, const blok_resize_how *how,
                             const blok_resize_axis *axis, uint32_t taps, int32_t *cells,
                             float *weights, blok_error *error) {
  int64_t *wide = blok_lower_alloc(lowering, taps, sizeof *wide);
  double *fine = blok_lower_alloc(lowering, taps, sizeof *fine);
  if (!wide || !fine) return blok_fail_memory(error, 0);
  for (int64_t i = 0; i < axis->out; i++, cells += taps, weights += taps) {
    const bool inside = blok_resize_weigh(how, axis, i, wide, fine);
    for (uint32_t t = 0; t < taps; t++) {
      cells[t] = (int32_t)wide[t];
      weights[t] = (float)fine[t];
    }
    if (!inside) cells[0] = -1;
  }
  return BLOK_OK;
}

static blok_status make_axis(blok_lowering *lowering, const blok_resize_how *how,
                             const blok_resize_axis *axis, blok_scaled_axis *out,
                             blok_error *error) {
  const bool same = blok_resize_is_identity(how, axis);
  const bool single = same || how->mode == BLOK_RESIZE_NEAREST;
  const uint32_t taps = single ? 1 : (uint32_t)blok_resize_taps(how, axis);
  const size_t n = (size_t)axis->out;
  size_t count;
  if (!blok_mul_size(n, taps, &count)) return blok_fail_memory(error, SIZE_MAX);
  int32_t *cells = blok_lower_alloc(lowering, count, sizeof *cells);
  float *weights = single ? NULL : blok_lower_alloc(lowering, count, sizeof *weights);
  if (!cells || (!single && !weights)) return blok_fail_memory(error, count * sizeof *cells);
  *out = (blok_scaled_axis){(size_t)axis->in, n, taps, cells, weights};
  if (!single) return make_taps(lowering, how, axis, taps, cells, weights, error);
  for (size_t i = 0; i < n; i++) {
    cells[i] = (int32_t)(same ? (int64_t)i : blok_resize_nearest(how, axis, (int64_t)i));
  }
  return BLOK_OK;
}

// Tables fit the kernels' numbers, and filters are no wider than the axis asks for.
static bool axis_fits(const blok_resize_how *how, const blok_resize_axis *axis) {
  return axis->in <= INT32_MAX && axis->out <= INT32_MAX &&
         blok_resize_taps(how, axis) <= INT32_MAX;
}

// ---- Rows and columns ---------------------------------------------------------------------------

typedef struct scale_args {
  const blok_layout_kernels *kernels;
  bool planes;
  blok_scaling job;
  blok_buffer_id from, to;
} scale_args;

static void run_scaling(const blok_step_call *call, uint32_t first, uint32_t last,
                        uint32_t worker) {
  const scale_args *args = call->args;
  blok_scaling job = args->job;
  job.from = blok_step_floats(call, args->from);
  job.to = blok_step_floats(call, args->to);
  if (args->planes) {
    args->kernels->scale_planes(&job, first, last, blok_step_scratch(call, worker));
  } else {
    args->kernels->scale_channels(&job, first, last);
  }
}

// How the job's rows, columns and channels lie in the tensor.
typedef enum arrangement { NO_PLANES, CHANNELS_FIRST, CHANNELS_LAST } arrangement;

static arrangement arrangement_of(const blok_resize_job *job, const blok_tensor *x) {
  if (x->dtype != BLOK_F32 || (x->rank != 3 && x->rank != 4) || !stays(job, 0)) return NO_PLANES;
  if (stays(job, 1)) return CHANNELS_FIRST;
  return stays(job, x->rank - 1) ? CHANNELS_LAST : NO_PLANES;
}

static void describe_blocked(const blok_planes *from, const blok_planes *to, uint32_t lanes,
                             blok_scaling *out) {
  out->blocked = true;
  out->from_batch = from->batch_stride;
  out->to_batch = to->batch_stride;
  out->from_plane = from->plane_stride;
  out->to_plane = to->plane_stride;
  out->from_pixel = out->to_pixel = lanes;
}

static void describe_plain(arrangement how, uint32_t lanes, blok_scaling *out) {
  const size_t from = out->y.in * out->x.in, to = out->y.out * out->x.out;
  out->from_batch = from * out->channels;
  out->to_batch = to * out->channels;
  out->from_plane = how == CHANNELS_LAST ? lanes : from;
  out->to_plane = how == CHANNELS_LAST ? lanes : to;
  out->from_pixel = out->to_pixel = out->channels;
}

static blok_status scale(blok_lowering *lowering, const blok_node *node, arrangement how,
                         bool blocked, scale_args *args, blok_error *error) {
  const blok_value_id x = node->inputs[0], y = node->outputs[0];
  const blok_isa *isa = blok_lower_isa(lowering);
  blok_scaling *job = &args->job;
  args->planes = !blocked && how == CHANNELS_FIRST;
  args->kernels = isa->layout;
  BLOK_TRY(blocked ? blok_lower_blocked(lowering, x, &args->from, error)
                   : blok_lower_plain(lowering, x, &args->from, error));
  BLOK_TRY(blok_lower_output(lowering, y, blocked ? BLOK_BLOCKED : BLOK_PLAIN, &args->to, error));
  const blok_buffer *from = blok_lower_buffer(lowering, args->from);
  const blok_buffer *to = blok_lower_buffer(lowering, args->to);
  if (blocked) {
    describe_blocked(&from->planes, &to->planes, isa->lanes, job);
  } else {
    describe_plain(how, isa->lanes, job);
  }
  const size_t cells =
      args->planes ? blok_scaling_plane_cells(job) : blok_scaling_channel_cells(job, isa->lanes);
  const uint32_t taps = job->y.taps * job->x.taps;
  const size_t outputs = to->shape.bytes / sizeof(float);
  const blok_step step = {.kernel = taps == 1 ? "resize nearest" : "resize",
                          .run = run_scaling,
                          .args = args,
                          .n_reads = 1,
                          .reads = &args->from,
                          .n_writes = 1,
                          .writes = &args->to,
                          .cells = cells,
                          .scratch_bytes = blok_scaling_scratch(job) * sizeof(float),
                          .macs = taps == 1 ? 0 : (uint64_t)outputs * taps,
                          .bytes = from->shape.bytes + to->shape.bytes};
  return blok_lower_step(lowering, &step, error);
}

static blok_status scale_planes(blok_lowering *lowering, const blok_node *node,
                                const blok_resize_job *job, const blok_tensor *x, arrangement how,
                                blok_error *error) {
  static const blok_resize_axis one_row = {1, 1, 1, 1, 0, 1};
  const uint32_t first = how == CHANNELS_LAST ? 1 : 2;
  const bool flat = x->rank == 3;
  scale_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  if (!args) return blok_fail_memory(error, sizeof *args);
  args->job.images = (uint32_t)x->dims[0];
  args->job.channels = (uint32_t)x->dims[how == CHANNELS_LAST ? x->rank - 1 : 1];
  args->job.outside = (float)job->how.extrapolation;
  BLOK_TRY(
      make_axis(lowering, &job->how, flat ? &one_row : &job->axes[first], &args->job.y, error));
  BLOK_TRY(
      make_axis(lowering, &job->how, &job->axes[flat ? first : first + 1], &args->job.x, error));
  const bool blocked =
      how == CHANNELS_FIRST && (blok_lower_is_blocked(lowering, node->inputs[0]) ||
                                blok_lower_prefers_blocked(lowering, node->outputs[0]));
  return scale(lowering, node, how, blocked, args, error);
}

// ---- Nearest, of any type -----------------------------------------------------------------------

static blok_status pick_nearest(blok_lowering *lowering, const blok_node *node,
                                const blok_resize_job *job, const blok_tensor *x,
                                blok_error *error) {
  blok_pick pick = {.size = blok_lower_element(x), .rank = x->rank};
  ptrdiff_t strides[BLOK_MAX_RANK];
  blok_buffer_id from, to;
  blok_copy_strides(x, strides);
  while (pick.rank > 1 && stays(job, pick.rank - 1)) pick.size *= (size_t)x->dims[--pick.rank];
  for (uint32_t i = 0; i < pick.rank; i++) {
    const size_t n = pick.dims[i] = (size_t)job->axes[i].out;
    int64_t *offsets = blok_lower_alloc(lowering, n, sizeof *offsets);
    if (!offsets) return blok_fail_memory(error, n * sizeof *offsets);
    for (size_t k = 0; k < n; k++) {
      const int64_t cell =
          stays(job, i) ? (int64_t)k : blok_resize_nearest(&job->how, &job->axes[i], (int64_t)k);
      offsets[k] = cell * strides[i];
    }
    pick.offsets[i] = offsets;
  }
  BLOK_TRY(blok_lower_plain(lowering, node->inputs[0], &from, error));
  BLOK_TRY(blok_lower_output(lowering, node->outputs[0], BLOK_PLAIN, &to, error));
  return blok_lower_pick(lowering, "resize nearest", &pick, from, to, error);
}

blok_status blok_lower_resize(blok_lowering *lowering, const blok_region *region, bool *done,
                              blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blok_tensor x, y;
  blok_resize_job job;
  bool known, still = true, fits = true;
  if (!blok_lower_lone(lowering, region, &x, &y) || !blok_lower_element(&x) || x.rank == 0 ||
      x.rank != y.rank) {
    return BLOK_OK;
  }
  BLOK_TRY(read_job(lowering, node, &x, &y, &job, &known, error));
  if (!known) return BLOK_OK;
  for (uint32_t i = 0; i < x.rank; i++) {
    still = still && stays(&job, i);
    fits = fits && axis_fits(&job.how, &job.axes[i]);
  }
  const arrangement how = arrangement_of(&job, &x);
  const bool nearest = job.how.mode == BLOK_RESIZE_NEAREST;
  if (still) {
    *done = true;
    return blok_lower_same_bytes(lowering, node->inputs[0], node->outputs[0], error);
  }
  if (how != NO_PLANES && fits) {
    *done = true;
    return scale_planes(lowering, node, &job, &x, how, error);
  }
  if (!nearest || job.how.transform == BLOK_RESIZE_CROP) return BLOK_OK;
  *done = true;
  return pick_nearest(lowering, node, &job, &x, error);
}
