// See conv_kit.h.
#include "conv_kit.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

static uint32_t or_one(uint32_t x) { return x ? x : 1; }

static uint32_t size_out(uint32_t in, uint32_t kernel, int32_t stride, int32_t dilation,
                         uint32_t pads) {
  const uint32_t window = (kernel - 1) * (uint32_t)dilation + 1;
  ck_assert_uint_ge(in + pads, window);
  return (in + pads - window) / (uint32_t)stride + 1;
}

static void finish(conv_kit *kit) {
  ck_assert(blok_conv_filter_init(kit->isa->conv, &kit->filter));
  ck_assert(blok_conv_grid(&kit->filter, kit->isa->conv, &kit->shape));
  kit->packed = guarded_new(kit->filter.floats);
  // Whole lines, as aligned_alloc wants them.
  kit->scratch = aligned_alloc(64, (kit->shape.scratch + 64) / 64 * 64);
  ck_assert_ptr_nonnull(kit->scratch);
  memset(kit->scratch, 0xff, (kit->shape.scratch + 64) / 64 * 64);
  kit->conv.isa = kit->isa;
  kit->conv.filter = &kit->filter;
  kit->conv.shape = &kit->shape;
  kit->conv.packed = kit->packed;
  kit->conv.epilogue = &kit->epilogue;
}

void conv_kit_init(conv_kit *kit, const blok_isa *isa, const conv_case *c) {
  memset(kit, 0, sizeof *kit);
  kit->isa = isa;
  kit->filter = (blok_conv_filter){.in_channels = c->in,
                                   .out_channels = c->out,
                                   .groups = or_one(c->groups),
                                   .kernel_h = or_one(c->kernel_h),
                                   .kernel_w = or_one(c->kernel_w)};
  blok_conv_shape *s = &kit->shape;
  s->images = or_one(c->images);
  s->in_h = c->h;
  s->in_w = c->w;
  s->stride_h = (int32_t)or_one((uint32_t)c->stride_h);
  s->stride_w = (int32_t)or_one((uint32_t)c->stride_w);
  s->dilation_h = (int32_t)or_one((uint32_t)c->dilation_h);
  s->dilation_w = (int32_t)or_one((uint32_t)c->dilation_w);
  s->pad_h = (int32_t)c->pads[0];
  s->pad_w = (int32_t)c->pads[1];
  s->out_h =
      size_out(c->h, kit->filter.kernel_h, s->stride_h, s->dilation_h, c->pads[0] + c->pads[2]);
  s->out_w =
      size_out(c->w, kit->filter.kernel_w, s->stride_w, s->dilation_w, c->pads[1] + c->pads[3]);
  s->out_step_w = 1;
  s->out_step_h = s->out_w;
  finish(kit);
}

void conv_kit_init_matrix(conv_kit *kit, const blok_isa *isa, uint32_t m, uint32_t k, uint32_t n) {
  memset(kit, 0, sizeof *kit);
  kit->isa = isa;
  kit->filter = (blok_conv_filter){
      .in_channels = k, .out_channels = n, .groups = 1, .kernel_h = 1, .kernel_w = 1};
  kit->shape = (blok_conv_shape){.images = 1,
                                 .in_h = 1,
                                 .in_w = m,
                                 .out_h = 1,
                                 .out_w = m,
                                 .stride_h = 1,
                                 .stride_w = 1,
                                 .dilation_h = 1,
                                 .dilation_w = 1,
                                 .out_step_w = 1,
                                 .out_step_h = m,
                                 .matrix_out = true};
  finish(kit);
}

static void pack(conv_kit *kit, const blok_conv_source *source) {
  const uint32_t panels = blok_conv_panels(&kit->filter);
  for (uint32_t i = panels; i > 0; i--) {
    blok_conv_pack(&kit->filter, source, i - 1, i, kit->packed);
  }
  guarded_check(kit->packed);
}

void conv_kit_pack(conv_kit *kit, const float *weights, const float *scale) {
  const blok_conv_filter *f = &kit->filter;
  const ptrdiff_t taps = (ptrdiff_t)f->kernel_h * f->kernel_w;
  const blok_conv_source source = {.data = weights,
                                   .out = f->in_channels / f->groups * taps,
                                   .in = taps,
                                   .tap_h = f->kernel_w,
                                   .tap_w = 1,
                                   .scale = scale};
  pack(kit, &source);
}

void conv_kit_pack_matrix(conv_kit *kit, const float *weights, bool transposed) {
  const blok_conv_filter *f = &kit->filter;
  const blok_conv_source source = {.data = weights,
                                   .out = transposed ? f->in_channels : 1,
                                   .in = transposed ? 1 : f->out_channels,
                                   .tap_h = 1,
                                   .tap_w = 1};
  pack(kit, &source);
}

static blok_conv_steps blocked_steps(const conv_kit *kit, uint32_t channels, uint32_t pixels) {
  const uint32_t lanes = kit->isa->lanes;
  return (blok_conv_steps){blocked_floats(1, channels, pixels, lanes), plane_floats(pixels, lanes),
                           lanes};
}

void conv_kit_operands(conv_kit *kit, const float *in, const float *residual) {
  const blok_conv_shape *s = &kit->shape;
  const blok_conv_filter *f = &kit->filter;
  const uint32_t in_pixels = s->in_h * s->in_w, out_pixels = s->out_h * s->out_w;
  const uint32_t lanes = kit->isa->lanes;
  kit->conv.in = kit->in = blocked_of(in, s->images, f->in_channels, in_pixels, lanes);
  kit->conv.in_steps = blocked_steps(kit, f->in_channels, in_pixels);
  kit->conv.zero = in_pixels * lanes;
  kit->conv.out = kit->out = blocked_room(s->images, f->out_channels, out_pixels, lanes);
  kit->conv.out_steps = blocked_steps(kit, f->out_channels, out_pixels);
  if (!residual) return;
  kit->residual = blocked_of(residual, s->images, f->out_channels, out_pixels, lanes);
  kit->conv.residual = kit->residual;
  kit->conv.residual_steps = kit->conv.out_steps;
}

void conv_kit_operands_matrix(conv_kit *kit, const float *in, uint32_t row) {
  const uint32_t m = kit->shape.out_w, k = kit->filter.in_channels, n = kit->filter.out_channels;
  const size_t lanes = kit->isa->lanes;
  kit->in = guarded_new((size_t)m * row);
  for (uint32_t i = 0; i < m; i++) memcpy(kit->in + i * row, in + i * k, k * sizeof *in);
  kit->conv.in = kit->in;
  kit->conv.in_steps = (blok_conv_steps){0, lanes, row};
  kit->conv.out = kit->out = guarded_new((size_t)m * n);
  kit->conv.out_steps = (blok_conv_steps){0, lanes, n};
}

void conv_kit_run(conv_kit *kit, bool one_by_one) {
  const uint32_t cells = kit->shape.cells;
  if (!one_by_one) {
    blok_conv_cells(&kit->conv, 0, cells, kit->scratch);
  } else {
    for (uint32_t i = cells; i > 0; i--) blok_conv_cells(&kit->conv, i - 1, i, kit->scratch);
  }
}

float *conv_kit_result(conv_kit *kit) {
  const blok_conv_shape *s = &kit->shape;
  guarded_check(kit->in);
  guarded_check(kit->out);
  if (!s->matrix_out) {
    return plain_of(kit->out, s->images, kit->filter.out_channels, s->out_h * s->out_w,
                    kit->isa->lanes);
  }
  const size_t bytes = (size_t)s->out_w * kit->filter.out_channels * sizeof(float);
  float *out = malloc(bytes + 1);
  ck_assert_ptr_nonnull(out);
  memcpy(out, kit->out, bytes);
  return out;
}

void conv_kit_free(conv_kit *kit) {
  guarded_free(kit->packed);
  guarded_free(kit->in);
  guarded_free(kit->out);
  guarded_free(kit->residual);
  guarded_free(kit->sums);
  free(kit->scratch);
}
