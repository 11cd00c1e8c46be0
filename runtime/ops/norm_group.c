// GroupNormalization and InstanceNormalization: a group is some of an image's channels.
//
// On plain memory a group lies in one piece. On blocked planes a cell is the fewest blocks that
// hold whole groups: their channels' moments are taken lane by lane, joined to those of groups, and
// then each channel has its factor and summand.
#include <math.h>

#include "base/error.h"
#include "runtime/kernels/rows.h"
#include "runtime/ops/elementwise.h"

typedef struct group_step {
  const blok_isa *isa;
  uint32_t channels, members;  // of an image, of a group
  size_t pixels;
  double epsilon;
  blok_planes planes;  // of in, blocked
  size_t out_batch, out_plane;
  uint32_t unit, units;  // blocked: blocks in a cell, cells in an image
  blok_buffer_id in, scale, bias, out;
} group_step;

enum { MOST_LANES = 16 };

// What makes a group's values of mean 0 and variance 1, then scales channel c.
static void factor_of(const group_step *step, const blok_step_call *call, uint32_t c, double mean,
                      double variance, float *mul, float *bias) {
  const double by = (double)blok_step_floats(call, step->scale)[c] / sqrt(variance + step->epsilon);
  *mul = (float)by;
  *bias = (float)((double)blok_step_floats(call, step->bias)[c] - mean * by);
}

// ---- Plain --------------------------------------------------------------------------------------

static void run_plain(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const group_step *step = call->args;
  const uint32_t lanes = step->isa->lanes, groups = step->channels / step->members;
  const size_t size = step->members * step->pixels;
  (void)worker;
  for (uint32_t cell = first; cell < last; cell++) {
    const float *in = blok_step_floats(call, step->in) + cell * size;
    float *out = blok_step_floats(call, step->out) + cell * size;
    double mean, squares;
    step->isa->rows->row_moments(in, size, &mean, &squares);
    for (uint32_t m = 0; m < step->members; m++) {
      float mul[MOST_LANES], bias[MOST_LANES];
      factor_of(step, call, cell % groups * step->members + m, mean, squares / (double)size, mul,
                bias);
      for (uint32_t i = 1; i < lanes; i++) {
        mul[i] = mul[0];
        bias[i] = bias[0];
      }
      const blok_rows_job job = {.in = in + m * step->pixels,
                                 .out = out + m * step->pixels,
                                 .in_stride = lanes,
                                 .out_stride = lanes,
                                 .mul = mul,
                                 .bias = bias};
      blok_rows_flat(step->isa, &job, step->pixels);
    }
  }
}

// ---- Blocked ------------------------------------------------------------------------------------

// A worker's scratch: by channel of a cell.
typedef struct moments {
  double *mean, *squares;
  float *mul, *bias;
} moments;

static moments moments_in(const group_step *step, void *scratch) {
  const size_t channels = (size_t)step->unit * step->isa->lanes;
  moments of;
  of.mean = scratch;
  of.squares = of.mean + channels;
  of.mul = (float *)(void *)(of.squares + channels);
  of.bias = of.mul + channels;
  return of;
}

// The groups of n channels, the first of which is `channel` in the image.
static void join_groups(const group_step *step, const blok_step_call *call, const moments *of,
                        uint32_t channel, uint32_t n) {
  const double pixels = (double)step->pixels, members = (double)step->members;
  for (uint32_t from = 0; from < n; from += step->members) {
    double mean = 0, squares = 0;
    for (uint32_t m = from; m < from + step->members; m++) mean += of->mean[m];
    mean /= members;
    for (uint32_t m = from; m < from + step->members; m++) {
      const double apart = of->mean[m] - mean;
      squares += of->squares[m] + apart * apart * pixels;
    }
    for (uint32_t m = from; m < from + step->members; m++) {
      factor_of(step, call, channel + m, mean, squares / (members * pixels), &of->mul[m],
                &of->bias[m]);
    }
  }
}

static void run_blocked(const blok_step_call *call, uint32_t first, uint32_t last,
                        uint32_t worker) {
  const group_step *step = call->args;
  const uint32_t lanes = step->isa->lanes;
  const moments of = moments_in(step, blok_step_scratch(call, worker));
  for (uint32_t cell = first; cell < last; cell++) {
    const uint32_t image = cell / step->units, block = cell % step->units * step->unit;
    const uint32_t left = step->planes.blocks - block;
    const uint32_t blocks = left < step->unit ? left : step->unit;
    const uint32_t channel = block * lanes, rest = step->channels - channel;
    const uint32_t channels = rest < blocks * lanes ? rest : blocks * lanes;
    const float *in = blok_step_floats(call, step->in) + image * step->planes.batch_stride +
                      block * step->planes.plane_stride;
    float *out =
        blok_step_floats(call, step->out) + image * step->out_batch + block * step->out_plane;
    for (uint32_t b = 0; b < blocks; b++) {
      step->isa->rows->plane_moments(in + b * step->planes.plane_stride, step->pixels,
                                     of.mean + b * lanes, of.squares + b * lanes);
    }
    join_groups(step, call, &of, channel, channels);
    for (uint32_t b = 0; b < blocks; b++) {
      const uint32_t live = channels - b * lanes;
      const blok_rows_job job = {.in = in + b * step->planes.plane_stride,
                                 .out = out + b * step->out_plane,
                                 .in_stride = lanes,
                                 .out_stride = lanes,
                                 .rows = step->pixels,
                                 .live = live < lanes ? live : lanes,
                                 .mul = of.mul + b * lanes,
                                 .bias = of.bias + b * lanes};
      step->isa->elementwise->rows(&job);
    }
  }
}

// The fewest blocks that hold whole groups.
static uint32_t unit_of(uint32_t members, uint32_t lanes, uint32_t blocks) {
  for (uint32_t unit = 1; unit < blocks; unit++) {
    if ((uint64_t)unit * lanes % members == 0) return unit;
  }
  return blocks;
}

// ---- The region ---------------------------------------------------------------------------------

static bool is_row(const blok_lowering *lowering, blok_value_id value, int64_t channels) {
  blok_tensor shape;
  return blok_lower_floats(lowering, value, &shape) && shape.rank == 1 && shape.dims[0] == channels;
}

static blok_status make_blocked(blok_lowering *lowering, group_step *step, blok_value_id x,
                                blok_value_id out, blok_step *made, blok_error *error) {
  const uint32_t lanes = step->isa->lanes;
  BLOK_TRY(blok_lower_blocked(lowering, x, &step->in, error));
  BLOK_TRY(blok_lower_output_over(lowering, out, step->in, BLOK_BLOCKED, &step->out, error));
  step->planes = blok_lower_buffer(lowering, step->in)->planes;
  step->out_batch = blok_lower_buffer(lowering, step->out)->planes.batch_stride;
  step->out_plane = blok_lower_buffer(lowering, step->out)->planes.plane_stride;
  step->unit = unit_of(step->members, lanes, step->planes.blocks);
  step->units = (step->planes.blocks + step->unit - 1) / step->unit;
  made->run = run_blocked;
  made->scratch_bytes = (size_t)step->unit * lanes * (2 * sizeof(double) + 2 * sizeof(float));
  made->cells = step->planes.n * step->units;
  return BLOK_OK;
}

static blok_status make_plain(blok_lowering *lowering, group_step *step, blok_value_id x,
                              blok_value_id out, uint32_t cells, blok_step *made,
                              blok_error *error) {
  BLOK_TRY(blok_lower_plain(lowering, x, &step->in, error));
  BLOK_TRY(blok_lower_output(lowering, out, BLOK_PLAIN, &step->out, error));
  made->run = run_plain;
  made->cells = cells;
  return BLOK_OK;
}

blok_status blok_lower_group_norm(blok_lowering *lowering, const blok_region *region, bool *done,
                                  blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const bool instance = node->op == BLOK_OP_InstanceNormalization;
  const blok_value_id x = blok_node_input(node, 0), scale = blok_node_input(node, 1),
                      bias = blok_node_input(node, 2);
  blok_tensor shape;
  if (!blok_region_plain(region) || !blok_lower_floats(lowering, x, &shape) || shape.rank < 3 ||
      shape.dims[1] > INT32_MAX || !is_row(lowering, scale, shape.dims[1]) ||
      !is_row(lowering, bias, shape.dims[1])) {
    return BLOK_OK;
  }
  const int64_t channels = shape.dims[1];
  const int64_t groups = instance ? channels : blok_node_int(node, "num_groups", 0);
  if (groups < 1 || channels % groups != 0 || shape.dims[0] > UINT32_MAX / groups) return BLOK_OK;
  group_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  *step =
      (group_step){.isa = blok_lower_isa(lowering),
                   .channels = (uint32_t)channels,
                   .members = (uint32_t)(channels / groups),
                   .pixels = shape.bytes / sizeof(float) / (size_t)shape.dims[0] / (size_t)channels,
                   .epsilon = (double)blok_node_float(node, "epsilon", 1e-5f)};
  blok_step made = {
      .kernel = instance ? "instance norm" : "group norm", .args = step, .bytes = 3 * shape.bytes};
  BLOK_TRY(blok_lower_plain(lowering, scale, &step->scale, error));
  BLOK_TRY(blok_lower_plain(lowering, bias, &step->bias, error));
  if (blok_lower_is_blocked(lowering, x)) {
    BLOK_TRY(make_blocked(lowering, step, x, region->out, &made, error));
  } else {
    BLOK_TRY(make_plain(lowering, step, x, region->out, (uint32_t)(shape.dims[0] * groups), &made,
                        error));
  }
  const blok_buffer_id reads[] = {step->in, step->scale, step->bias};
  made.n_reads = 3;
  made.reads = reads;
  made.n_writes = 1;
  made.writes = &step->out;
  *done = true;
  return blok_lower_step(lowering, &made, error);
}
