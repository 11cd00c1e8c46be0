// MaxPool and AveragePool over blocked values.
#include "runtime/ops/pool.h"

#include "base/error.h"
#include "base/size.h"

typedef struct pool_step {
  void (*run)(const blok_pool_args *args, uint32_t first, uint32_t end);
  blok_pool_args args;
  blok_window_operands operands;
} pool_step;

static void run_pool(const blok_step_call *call, uint32_t first, uint32_t last, uint32_t worker) {
  const pool_step *step = call->args;
  const blok_window_operands *operands = &step->operands;
  blok_pool_args args = step->args;
  (void)worker;
  args.in.data = blok_step_floats(call, operands->in);
  args.out.data = blok_step_floats(call, operands->out);
  if (operands->residual) args.residual.data = blok_step_floats(call, operands->residual);
  if (operands->sums) args.sums = blok_step_floats(call, operands->sums);
  step->run(&args, first, last);
}

static bool fits_32(int64_t x, int64_t low) { return x >= low && x <= INT32_MAX / 4; }

// The node's window over pictures; a row of pixels is a picture of height 1. False where the kernel
// does not take it.
static bool window_of(blok_lowering *lowering, const blok_node *node, blok_plane_window *out) {
  blok_tensor x;
  blok_window window;
  if (!blok_lower_shape(lowering, blok_node_input(node, 0), &x) || x.dtype != BLOK_F32 ||
      (x.rank != 3 && x.rank != 4)) {
    return false;
  }
  const uint32_t axes = x.rank - 2, v = axes - 1;
  if (blok_window_resolve(blok_lower_graph(lowering), node, axes, x.dims + 2, NULL, &window,
                          NULL) != BLOK_OK) {
    return false;
  }
  for (uint32_t d = 0; d < axes; d++) {
    if (!fits_32(window.in[d], 1) || !fits_32(window.out[d], 1) || !fits_32(window.kernel[d], 1) ||
        !fits_32(window.stride[d], 1) || !fits_32(window.dilation[d], 1) ||
        !fits_32(window.pad_begin[d], 0) || !fits_32(window.pad_end[d], 0)) {
      return false;
    }
  }
  *out = (blok_plane_window){.in_h = 1,
                             .in_w = (uint32_t)window.in[v],
                             .out_h = 1,
                             .out_w = (uint32_t)window.out[v],
                             .kernel_h = 1,
                             .kernel_w = (uint32_t)window.kernel[v],
                             .stride_h = 1,
                             .stride_w = (uint32_t)window.stride[v],
                             .dilation_h = 1,
                             .dilation_w = (uint32_t)window.dilation[v],
                             .pad_left = (int32_t)window.pad_begin[v],
                             .pad_right = (int32_t)window.pad_end[v]};
  if (axes == 1) return true;
  out->in_h = (uint32_t)window.in[0];
  out->out_h = (uint32_t)window.out[0];
  out->kernel_h = (uint32_t)window.kernel[0];
  out->stride_h = (uint32_t)window.stride[0];
  out->dilation_h = (uint32_t)window.dilation[0];
  out->pad_top = (int32_t)window.pad_begin[0];
  out->pad_bottom = (int32_t)window.pad_end[0];
  return true;
}

blok_status blok_lower_pool(blok_lowering *lowering, const blok_region *region, bool *done,
                            blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  const bool maximum = node->op == BLOK_OP_MaxPool;
  const blok_value_id x = blok_node_input(node, 0);
  blok_plane_window window;
  blok_epilogue epilogue;
  blok_tensor shape;
  bool fits;
  if (blok_node_output(node, 1).i || !window_of(lowering, node, &window) ||
      !blok_lower_shape(lowering, region->out, &shape)) {
    return BLOK_OK;
  }
  BLOK_TRY(blok_lower_epilogue(lowering, region, BLOK_NO_VALUE, (uint32_t)shape.dims[1], false,
                               &epilogue, &fits, error));
  if (!fits) return BLOK_OK;
  pool_step *step = blok_lower_alloc(lowering, 1, sizeof *step);
  if (!step) return blok_fail_memory(error, sizeof *step);
  blok_window_operands *operands = &step->operands;
  BLOK_TRY(blok_lower_window_operands(lowering, region, x, &epilogue, operands, error));
  step->run = maximum ? isa->pool->max : isa->pool->average;
  step->args = (blok_pool_args){.window = window,
                                .images = operands->images,
                                .channels = operands->channels,
                                .strips = operands->strips,
                                .include_pad = blok_node_int(node, "count_include_pad", 0) != 0,
                                .in = operands->in_planes,
                                .residual = operands->residual_planes,
                                .out = operands->out_planes,
                                .epilogue = operands->has_epilogue ? &operands->epilogue : NULL,
                                .sums_slot_stride = operands->sums_slot_stride,
                                .sums_batch_stride = operands->sums_batch_stride};
  BLOK_TRY(blok_lower_window_step(lowering, maximum ? "max pool" : "average pool", operands,
                                  run_pool, step, 0, 0, error));
  *done = true;
  return BLOK_OK;
}
