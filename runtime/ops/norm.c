// Norms whose numbers are known before the run (BatchNormalization by itself) or belong to one row
// (LayerNormalization, RMSNormalization).
#include <math.h>

#include "base/error.h"
#include "graph/infer.h"
#include "runtime/kernels/rows.h"
#include "runtime/ops/elementwise.h"

// ---- BatchNormalization -------------------------------------------------------------------------

static bool other_outputs(const blok_node *node) {
  for (uint32_t i = 1; i < node->n_outputs; i++) {
    if (node->outputs[i].i) return true;
  }
  return false;
}

blok_status blok_lower_batch_norm(blok_lowering *lowering, const blok_region *region, bool *done,
                                  blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const blok_value_id x = blok_node_input(node, 0);
  blok_region arrays = {.act = region->act,
                        .slope = region->slope,
                        .epsilon = blok_node_float(node, "epsilon", 1e-5f)};
  blok_epilogue epilogue;
  blok_tensor shape;
  bool fits;
  if (region->residual.i || other_outputs(node) || blok_node_int(node, "training_mode", 0) != 0 ||
      !blok_lower_floats(lowering, x, &shape) || shape.rank < 2 || shape.dims[1] > INT32_MAX ||
      (region->slope.i && !blok_lower_by_channel(lowering, region->slope, &shape))) {
    return BLOK_OK;
  }
  for (uint32_t i = 0; i < 4; i++) arrays.norm[i] = blok_node_input(node, i + 1);
  BLOK_TRY(blok_lower_epilogue(lowering, &arrays, BLOK_NO_VALUE, (uint32_t)shape.dims[1], false,
                               &epilogue, &fits, error));
  if (!fits) return BLOK_OK;
  *done = true;
  if (!blok_lower_go_blocked(lowering, x, &shape, region->out)) {
    return blok_lower_plain_channels(lowering, "norm", &epilogue, x, region->out, error);
  }
  blok_buffer_id in;
  BLOK_TRY(blok_lower_blocked(lowering, x, &in, error));
  const blok_planes planes = blok_lower_buffer(lowering, in)->planes;
  blok_planes_map map = {.in = blok_plane_operand_of(lowering, in, &planes),
                         .mul = blok_plane_operand_channels(lowering, epilogue.mul),
                         .bias = blok_plane_operand_channels(lowering, epilogue.bias),
                         .slope = blok_plane_operand_channels(lowering, epilogue.slope),
                         .act = region->act};
  return blok_lower_planes_map(lowering, "norm", region->out, &map, error);
}

// ---- LayerNormalization, RMSNormalization -------------------------------------------------------

typedef struct layer_step {
  const blok_rows_kernels *kernels;
  size_t length;
  double epsilon;
  bool centred;
  blok_buffer_id in, out, scale, bias;
} layer_step;

static const float *floats_or_none(const blok_step_call *call, blok_buffer_id id) {
  return id ? blok_step_floats(call, id) : NULL;
}

static void run_layer(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const layer_step *step = call->args;
  (void)worker;
  const blok_layer_norm_job job = {.in = blok_step_floats(call, step->in),
                                   .out = blok_step_floats(call, step->out),
                                   .length = step->length,
                                   .scale = floats_or_none(call, step->scale),
                                   .bias = floats_or_none(call, step->bias),
                                   .epsilon = step->epsilon,
                                   .centred = step->centred};
  step->kernels->layer_norm(&job, first, last);
}

// True for none, and for one number for every element of a row.
static bool fits_row(const blok_lowering *lowering, blok_value_id value, const blok_tensor *x,
                     uint32_t axis) {
  blok_tensor shape;
  if (!value.i) return true;
  if (!blok_lower_floats(lowering, value, &shape) || shape.rank > x->rank) return false;
  for (uint32_t d = 0; d < x->rank; d++) {
    const uint32_t missing = x->rank - shape.rank;
    const int64_t dim = d < missing ? 1 : shape.dims[d - missing];
    if (dim != (d < axis ? 1 : x->dims[d])) return false;
  }
  return true;
}

blok_status blok_lower_layer_norm(blok_lowering *lowering, const blok_region *region, bool *done,
                                  blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const blok_value_id x = blok_node_input(node, 0), scale = blok_node_input(node, 1),
                      bias = blok_node_input(node, 2);
  blok_tensor shape;
  uint32_t axis;
  size_t rows = 1;
  if (!blok_region_plain(region) || other_outputs(node) ||
      !blok_lower_floats(lowering, x, &shape) ||
      !blok_axis_normal(blok_node_int(node, "axis", -1), shape.rank, &axis) ||
      !fits_row(lowering, scale, &shape, axis) || !fits_row(lowering, bias, &shape, axis)) {
    return BLOK_OK;
  }
  for (uint32_t d = 0; d < axis; d++) rows *= (size_t)shape.dims[d];
  if (rows > UINT32_MAX) return BLOK_OK;
  layer_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  *step = (layer_step){.kernels = blok_lower_isa(lowering)->rows,
                       .length = shape.bytes / sizeof(float) / rows,
                       .epsilon = (double)blok_node_float(node, "epsilon", 1e-5f),
                       .centred = node->op == BLOK_OP_LayerNormalization};
  BLOK_TRY(blok_lower_plain(lowering, x, &step->in, error));
  if (scale.i) BLOK_TRY(blok_lower_plain(lowering, scale, &step->scale, error));
  if (bias.i) BLOK_TRY(blok_lower_plain(lowering, bias, &step->bias, error));
  const bool apart = blok_lower_is_constant(lowering, scale) &&
                     (!bias.i || blok_lower_is_constant(lowering, bias));
  BLOK_TRY(
      apart ? blok_lower_output_over(lowering, region->out, step->in, BLOK_PLAIN, &step->out, error)
            : blok_lower_output(lowering, region->out, BLOK_PLAIN, &step->out, error));
  const blok_buffer_id reads[] = {step->in, step->scale, step->bias};
  const blok_step made = {.kernel = step->centred ? "layer norm" : "rms norm",
                          .run = run_layer,
                          .args = step,
                          .cells = (uint32_t)rows,
                          .bytes = 2 * shape.bytes + 2 * step->length * sizeof(float),
                          .n_reads = 3,
                          .reads = reads,
                          .n_writes = 1,
                          .writes = &step->out};
  *done = true;
  return blok_lower_step(lowering, &made, error);
}
