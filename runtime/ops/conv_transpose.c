// ConvTranspose by the dense kernel, one step for each phase of its outputs.
//
// Output y gets a contribution from input i by tap k where y + pad = i * stride + k * dilation. So
// outputs that are a stride apart, a phase, use the same taps: those with k * dilation = y + pad
// modulo stride, every (stride / gcd(stride, dilation))-th one. Within a phase the inputs of
// consecutive outputs are consecutive, and those of consecutive taps go backwards: a convolution
// of stride 1 with a negative dilation, whose results stand a stride apart.
#include "base/error.h"
#include "runtime/ops/conv.h"

enum { MOST_PHASES = 64 };

// Along one axis.
typedef struct axis {
  int64_t in, out, kernel, stride, dilation, pad;
} axis;

typedef struct phase {
  uint32_t outputs, taps;
  uint32_t first_tap, tap_step;
  int32_t pad, dilation;
} phase;

static bool small(int64_t x) { return x >= INT32_MIN / 4 && x <= INT32_MAX / 4; }

static int64_t common_divisor(int64_t a, int64_t b) {
  while (b) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

static phase phase_of(const axis *a, int64_t index) {
  const int64_t divisor = common_divisor(a->stride, a->dilation);
  phase p = {.tap_step = (uint32_t)(a->stride / divisor),
             .dilation = (int32_t) - (a->dilation / divisor)};
  if (index < a->out) p.outputs = (uint32_t)((a->out - index - 1) / a->stride + 1);
  const int64_t at = index + a->pad;
  for (int64_t k = 0; k < a->kernel && k < p.tap_step; k++) {
    if ((at - k * a->dilation) % a->stride != 0) continue;
    p.first_tap = (uint32_t)k;
    p.taps = (uint32_t)((a->kernel - k - 1) / p.tap_step + 1);
    p.pad = (int32_t) - ((at - k * a->dilation) / a->stride);
  }
  return p;
}

// ---- The node -----------------------------------------------------------------------------------

typedef struct transposed {
  blok_value_id x, weights, bias;
  int64_t images, in_channels, out_channels, groups;
  axis h, w;
} transposed;

static bool numbers(blok_lowering *lowering, blok_node_id id, transposed *t) {
  const blok_graph *graph = blok_lower_graph(lowering);
  const blok_node *node = blok_node_at(graph, id);
  blok_tensor x, w, y;
  blok_window window;
  *t = (transposed){.x = blok_node_input(node, 0),
                    .weights = blok_node_input(node, 1),
                    .bias = blok_node_input(node, 2)};
  if (!blok_lower_shape(lowering, t->x, &x) || !blok_lower_shape(lowering, t->weights, &w) ||
      !blok_lower_shape(lowering, blok_node_output(node, 0), &y) ||
      !blok_lower_is_constant(lowering, t->weights) ||
      (t->bias.i && !blok_lower_is_constant(lowering, t->bias))) {
    return false;
  }
  if (x.dtype != BLOK_F32 || w.dtype != BLOK_F32 || (x.rank != 3 && x.rank != 4)) return false;
  for (uint32_t d = 0; d < x.rank; d++) {
    if (x.dims[d] <= 0 || w.dims[d] <= 0 || y.dims[d] <= 0) return false;
    if (!small(x.dims[d]) || !small(w.dims[d]) || !small(y.dims[d])) return false;
  }
  const uint32_t axes = x.rank - 2;
  if (blok_window_resolve_transposed(graph, node, axes, x.dims + 2, w.dims + 2, &window, NULL) !=
      BLOK_OK) {
    return false;
  }
  axis *const along[] = {axes == 1 ? &t->w : &t->h, &t->w};
  t->h = (axis){.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
  for (uint32_t d = 0; d < axes; d++) {
    if (!small(window.stride[d]) || !small(window.dilation[d]) || !small(window.pad_begin[d]) ||
        !small(window.kernel[d] * window.dilation[d])) {
      return false;
    }
    *along[d] = (axis){x.dims[2 + d],    y.dims[2 + d],      window.kernel[d],
                       window.stride[d], window.dilation[d], window.pad_begin[d]};
  }
  t->images = x.dims[0];
  t->in_channels = x.dims[1];
  t->out_channels = y.dims[1];
  t->groups = blok_node_int(node, "group", 1);
  return t->groups > 0 && t->h.stride * t->w.stride <= MOST_PHASES;
}

// ---- A phase ------------------------------------------------------------------------------------

static bool fit(blok_lowering *lowering, const transposed *t, const phase *h, const phase *w,
                blok_conv_args *args) {
  const blok_conv_kernels *kernels = blok_lower_isa(lowering)->conv;
  args->filter = (blok_conv_filter){.in_channels = (uint32_t)t->in_channels,
                                    .out_channels = (uint32_t)t->out_channels,
                                    .groups = (uint32_t)t->groups,
                                    .kernel_h = h->taps,
                                    .kernel_w = w->taps};
  args->shape = (blok_conv_shape){.images = (uint32_t)t->images,
                                  .in_h = (uint32_t)t->h.in,
                                  .in_w = (uint32_t)t->w.in,
                                  .out_h = h->outputs,
                                  .out_w = w->outputs,
                                  .stride_h = 1,
                                  .stride_w = 1,
                                  .pad_h = h->pad,
                                  .pad_w = w->pad,
                                  .dilation_h = h->dilation,
                                  .dilation_w = w->dilation,
                                  .out_step_w = (uint32_t)t->w.stride,
                                  .out_step_h = (uint32_t)(t->h.stride * t->w.out)};
  return blok_conv_filter_init(kernels, &args->filter) &&
         blok_conv_grid(&args->filter, kernels, &args->shape);
}

static blok_status bind(blok_lowering *lowering, const blok_region *region, const transposed *t,
                        const phase *h, const phase *w, blok_conv_args *args, blok_error *error) {
  const uint32_t lanes = blok_lower_isa(lowering)->lanes;
  blok_conv *conv = &args->conv;
  BLOK_TRY(blok_lower_blocked(lowering, t->x, &args->in, error));
  blok_lower_needs_zero_pixel(lowering, args->in);
  conv->in_steps = blok_conv_steps_of(&blok_lower_buffer(lowering, args->in)->planes, lanes);
  conv->zero = (uint32_t)(t->h.in * t->w.in) * lanes;
  if (region->residual.i) {
    BLOK_TRY(blok_lower_blocked(lowering, region->residual, &args->residual, error));
    conv->residual_steps =
        blok_conv_steps_of(&blok_lower_buffer(lowering, args->residual)->planes, lanes);
    args->residual_offset = args->out_offset;
  }
  BLOK_TRY(blok_lower_output(lowering, region->out, BLOK_BLOCKED, &args->out, error));
  conv->out_steps = blok_conv_steps_of(&blok_lower_buffer(lowering, args->out)->planes, lanes);
  if (args->filter.floats == 0) return BLOK_OK;
  const ptrdiff_t outputs = t->out_channels / t->groups, inputs = t->in_channels / t->groups;
  const ptrdiff_t taps = t->h.kernel * t->w.kernel;
  const blok_conv_source source = {.out = taps,
                                   .in = outputs * taps,
                                   .group = (inputs - 1) * outputs * taps,
                                   .tap_h = h->tap_step * t->w.kernel,
                                   .tap_w = w->tap_step};
  return blok_lower_conv_pack(lowering, t->weights,
                              (size_t)(h->first_tap * t->w.kernel + w->first_tap), &args->filter,
                              &source, &conv->packed, error);
}

blok_status blok_lower_conv_transpose(blok_lowering *lowering, const blok_region *region,
                                      bool *done, blok_error *error) {
  transposed t;
  blok_epilogue epilogue;
  bool fits;
  if (!numbers(lowering, region->anchor, &t)) return BLOK_OK;
  const uint32_t phases = (uint32_t)(t.h.stride * t.w.stride);
  const uint32_t lanes = blok_lower_isa(lowering)->lanes;
  blok_conv_args *all = blok_lower_alloc(lowering, phases, sizeof *all);
  if (!all) return blok_fail_memory(error, phases * sizeof *all);
  for (uint32_t i = 0; i < phases; i++) {
    const uint32_t y = i / (uint32_t)t.w.stride, x = i % (uint32_t)t.w.stride;
    const phase h = phase_of(&t.h, y), w = phase_of(&t.w, x);
    if (!fit(lowering, &t, &h, &w, &all[i])) return BLOK_OK;
    all[i].out_offset = ((size_t)y * (size_t)t.w.out + x) * lanes;
  }
  BLOK_TRY(blok_lower_epilogue(lowering, region, t.bias, (uint32_t)t.out_channels, false, &epilogue,
                               &fits, error));
  if (!fits) return BLOK_OK;
  for (uint32_t i = 0; i < phases; i++) {
    const phase h = phase_of(&t.h, i / (uint32_t)t.w.stride);
    const phase w = phase_of(&t.w, i % (uint32_t)t.w.stride);
    if (!all[i].shape.cells) continue;
    all[i].epilogue = epilogue;
    BLOK_TRY(bind(lowering, region, &t, &h, &w, &all[i], error));
    BLOK_TRY(blok_lower_conv_step(lowering, "conv transposed", &all[i], error));
  }
  *done = true;
  return BLOK_OK;
}
