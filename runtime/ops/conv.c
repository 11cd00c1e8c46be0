// Conv: the dense kernel over blocked values.
#include "runtime/ops/conv.h"

#include "base/error.h"

// ---- The node in numbers ------------------------------------------------------------------------

static bool small(int64_t x) { return x >= INT32_MIN / 4 && x <= INT32_MAX / 4; }

// True when no tap of any output falls outside along one axis.
static bool covered(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                    int64_t pad) {
  const int64_t last = (out - 1) * stride - pad + (kernel - 1) * dilation;
  return pad <= 0 && last < in;
}

bool blok_conv_node_of(blok_lowering *lowering, blok_node_id id, blok_conv_node *out) {
  const blok_graph *graph = blok_lower_graph(lowering);
  const blok_node *node = blok_node_at(graph, id);
  blok_tensor x, w, y;
  blok_window window;
  const blok_value_id bias = blok_node_input(node, 2);
  *out = (blok_conv_node){
      .x = blok_node_input(node, 0), .weights = blok_node_input(node, 1), .bias = bias};
  if (!blok_lower_shape(lowering, out->x, &x) || !blok_lower_shape(lowering, out->weights, &w) ||
      !blok_lower_shape(lowering, blok_node_output(node, 0), &y) ||
      !blok_lower_is_constant(lowering, out->weights) ||
      (bias.i && !blok_lower_is_constant(lowering, bias))) {
    return false;
  }
  if (x.dtype != BLOK_F32 || w.dtype != BLOK_F32 || (x.rank != 3 && x.rank != 4)) return false;
  for (uint32_t d = 0; d < x.rank; d++) {
    if (x.dims[d] <= 0 || w.dims[d] <= 0 || y.dims[d] <= 0) return false;
    if (!small(x.dims[d]) || !small(w.dims[d]) || !small(y.dims[d])) return false;
  }
  const uint32_t axes = x.rank - 2, h = 0, v = axes - 1;  // the axis of rows (if any), of columns
  if (blok_window_resolve(graph, node, axes, x.dims + 2, w.dims + 2, &window, NULL) != BLOK_OK) {
    return false;
  }
  for (uint32_t d = 0; d < axes; d++) {
    if (!small(window.stride[d]) || !small(window.dilation[d]) || !small(window.pad_begin[d]) ||
        !covered(INT32_MAX, window.out[d], window.kernel[d], window.stride[d], window.dilation[d],
                 0)) {
      return false;
    }
    out->outside =
        out->outside || !covered(window.in[d], window.out[d], window.kernel[d], window.stride[d],
                                 window.dilation[d], window.pad_begin[d]);
  }
  out->images = (uint32_t)x.dims[0];
  out->in_channels = (uint32_t)x.dims[1];
  out->out_channels = (uint32_t)w.dims[0];
  const int64_t groups = blok_node_int(node, "group", 1);
  if (groups < 1 || groups > out->out_channels) return false;
  out->groups = (uint32_t)groups;
  out->in_h = out->out_h = out->kernel_h = 1;
  out->stride_h = out->dilation_h = 1;
  out->in_w = (uint32_t)window.in[v];
  out->out_w = (uint32_t)window.out[v];
  out->kernel_w = (uint32_t)window.kernel[v];
  out->stride_w = (int32_t)window.stride[v];
  out->dilation_w = (int32_t)window.dilation[v];
  out->pad_w = (int32_t)window.pad_begin[v];
  if (axes == 1) return true;
  out->in_h = (uint32_t)window.in[h];
  out->out_h = (uint32_t)window.out[h];
  out->kernel_h = (uint32_t)window.kernel[h];
  out->stride_h = (int32_t)window.stride[h];
  out->dilation_h = (int32_t)window.dilation[h];
  out->pad_h = (int32_t)window.pad_begin[h];
  return true;
}

// ---- The region ---------------------------------------------------------------------------------

static const char *words(const blok_conv_node *c) {
  const bool square = c->kernel_h == c->kernel_w;
  if (c->groups > 1) return "conv grouped";
  if (square && c->kernel_h == 1) return "conv 1x1";
  if (square && c->kernel_h == 3) return "conv 3x3";
  if (square && c->kernel_h == 5) return "conv 5x5";
  if (square && c->kernel_h == 7) return "conv 7x7";
  return "conv";
}

// Pictures of one pixel: the images are the rows of a matrix.
static bool is_matrix(const blok_conv_node *c) {
  return c->images > 1 && c->in_h * c->in_w == 1 && c->out_h * c->out_w == 1 &&
         c->kernel_h * c->kernel_w == 1 && !c->outside;
}

static bool fit(blok_lowering *lowering, const blok_conv_node *c, bool rows, blok_conv_args *args) {
  const blok_conv_kernels *kernels = blok_lower_isa(lowering)->conv;
  args->filter = (blok_conv_filter){.in_channels = c->in_channels,
                                    .out_channels = c->out_channels,
                                    .groups = c->groups,
                                    .kernel_h = c->kernel_h,
                                    .kernel_w = c->kernel_w};
  args->shape = (blok_conv_shape){.images = rows ? 1 : c->images,
                                  .in_h = c->in_h,
                                  .in_w = rows ? c->images : c->in_w,
                                  .out_h = c->out_h,
                                  .out_w = rows ? c->images : c->out_w,
                                  .stride_h = rows ? 1 : c->stride_h,
                                  .stride_w = rows ? 1 : c->stride_w,
                                  .pad_h = c->pad_h,
                                  .pad_w = c->pad_w,
                                  .dilation_h = c->dilation_h,
                                  .dilation_w = c->dilation_w,
                                  .out_step_w = 1};
  args->shape.out_step_h = args->shape.out_w;
  return blok_conv_filter_init(kernels, &args->filter) &&
         blok_conv_grid(&args->filter, kernels, &args->shape);
}

static blok_conv_steps steps_of(blok_lowering *lowering, blok_buffer_id id, bool rows) {
  const blok_planes *planes = &blok_lower_buffer(lowering, id)->planes;
  const uint32_t lanes = blok_lower_isa(lowering)->lanes;
  if (rows) return (blok_conv_steps){0, planes->plane_stride, planes->batch_stride};
  return blok_conv_steps_of(planes, lanes);
}

static blok_status bind_weights(blok_lowering *lowering, const blok_conv_node *c,
                                blok_conv_args *args, blok_error *error) {
  const ptrdiff_t taps = (ptrdiff_t)c->kernel_h * c->kernel_w;
  const blok_conv_source source = {
      .out = c->in_channels / c->groups * taps, .in = taps, .tap_h = c->kernel_w, .tap_w = 1};
  return blok_lower_conv_pack(lowering, c->weights, 0, &args->filter, &source, &args->conv.packed,
                              error);
}

static blok_status bind_input(blok_lowering *lowering, const blok_conv_node *c, bool rows,
                              blok_conv_args *args, blok_error *error) {
  const uint32_t lanes = blok_lower_isa(lowering)->lanes;
  blok_conv *conv = &args->conv;
  if (c->kernel_h * c->kernel_w == 1 && c->groups == 1 && !rows) {
    BLOK_TRY(blok_lower_scaled(lowering, c->x, &args->in, &args->in_scale, error));
    args->shape.scaled = args->in_scale != 0;
    // Only the scratch memory is another one.
    if (!blok_conv_grid(&args->filter, blok_lower_isa(lowering)->conv, &args->shape)) {
      return BLOK_FAIL(error, BLOK_E_LIMIT, "a convolution's scratch memory is too large");
    }
    conv->in_scale_step = ((size_t)c->in_channels + lanes - 1) / lanes * lanes;
  } else {
    BLOK_TRY(blok_lower_blocked(lowering, c->x, &args->in, error));
  }
  if (c->outside) blok_lower_needs_zero_pixel(lowering, args->in);
  conv->in_steps = steps_of(lowering, args->in, rows);
  conv->zero = c->in_h * c->in_w * lanes;
  return BLOK_OK;
}

// The input of a stem, whose filter and shape take the place of the ordinary ones.
static blok_status bind_stem(blok_lowering *lowering, const blok_conv_node *c,
                             const blok_conv_stem *stem, blok_conv_args *args, blok_error *error) {
  args->filter = stem->filter;
  args->shape = stem->shape;
  args->in_floats = stem->image;
  args->conv.in_steps =
      (blok_conv_steps){stem->image, blok_lower_isa(lowering)->lanes, c->in_channels};
  return blok_lower_conv_picture(lowering, c, stem, &args->in, error);
}

// The operands, when everything is known to fit. stem: NULL where the input is read blocked.
static blok_status bind(blok_lowering *lowering, const blok_region *region, const blok_conv_node *c,
                        bool rows, const blok_conv_stem *stem, blok_conv_args *args,
                        blok_error *error) {
  blok_conv *conv = &args->conv;
  BLOK_TRY(bind_weights(lowering, c, args, error));
  BLOK_TRY(stem ? bind_stem(lowering, c, stem, args, error)
                : bind_input(lowering, c, rows, args, error));
  if (region->residual.i) {
    BLOK_TRY(blok_lower_blocked(lowering, region->residual, &args->residual, error));
    conv->residual_steps = steps_of(lowering, args->residual, rows);
  }
  BLOK_TRY(blok_lower_output(lowering, region->out, BLOK_BLOCKED, &args->out, error));
  conv->out_steps = steps_of(lowering, args->out, rows);
  if (!rows && blok_lower_wants_sums(lowering, region->out)) {
    BLOK_TRY(blok_lower_make_sums(lowering, region->out, args->shape.slots, &args->sums, error));
  }
  return BLOK_OK;
}

blok_status blok_lower_conv(blok_lowering *lowering, const blok_region *region, bool *done,
                            blok_error *error) {
  blok_conv_node c;
  blok_tensor out;
  bool fits;
  if (!blok_conv_node_of(lowering, region->anchor, &c)) return BLOK_OK;
  if (!blok_lower_shape(lowering, region->out, &out)) return BLOK_OK;
  if (c.groups > 1) {
    BLOK_TRY(blok_lower_depthwise(lowering, region, &c, done, error));
    if (*done) return BLOK_OK;
  }
  blok_conv_args *args = blok_lower_alloc(lowering, 1, sizeof *args);
  if (!args) return blok_fail_memory(error, sizeof *args);
  const bool rows = is_matrix(&c);
  if (!fit(lowering, &c, rows, args)) return BLOK_OK;
  BLOK_TRY(blok_lower_epilogue(lowering, region, c.bias, c.out_channels, false, &args->epilogue,
                               &fits, error));
  if (!fits) return BLOK_OK;
  blok_conv_stem stem;
  const bool few = !rows && blok_conv_stem_of(lowering, &c, &stem);
  BLOK_TRY(bind(lowering, region, &c, rows, few ? &stem : NULL, args, error));
  BLOK_TRY(blok_lower_conv_step(lowering, words(&c), args, error));
  *done = true;
  return BLOK_OK;
}
