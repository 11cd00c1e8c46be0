// Convolutions and products against the reference, for each instruction set: every tail of channels
// and rows, strides, dilations, pads, groups, and what the epilogue is given.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv_kit.h"
#include "oracle.h"
#include "speed.h"

Suite *suite_conv(void);

enum { SETS = 3 };

static const double tolerance = 2e-6;

typedef struct operands {
  float *in, *weights, *bias, *scale, *residual;
  size_t outs;
} operands;

static float *filled(size_t count, uint32_t seed) {
  float *data = malloc((count + 1) * sizeof *data);
  ck_assert_ptr_nonnull(data);
  fill_values(data, count, seed);
  return data;
}

static operands operands_of(const conv_kit *kit) {
  const blok_conv_filter *f = &kit->filter;
  const blok_conv_shape *s = &kit->shape;
  const size_t lanes = kit->isa->lanes, padded = (f->out_channels + lanes - 1) / lanes * lanes;
  const size_t taps = (size_t)f->kernel_h * f->kernel_w;
  operands o = {.outs = (size_t)s->images * f->out_channels * s->out_h * s->out_w};
  o.in = filled((size_t)s->images * f->in_channels * s->in_h * s->in_w, 1);
  o.weights = filled(f->in_channels / f->groups * taps * f->out_channels, 2);
  // By channel, up to a whole block; what is behind the channels must not count.
  o.bias = filled(padded, 3);
  o.scale = filled(padded, 4);
  for (size_t i = f->out_channels; i < padded; i++) o.bias[i] = o.scale[i] = NAN;
  o.residual = filled(o.outs, 5);
  return o;
}

static void free_operands(operands *o) {
  free(o->in);
  free(o->weights);
  free(o->bias);
  free(o->scale);
  free(o->residual);
}

// The reference's result, malloc'ed.
static float *reference_conv(const conv_kit *kit, const conv_case *c, const operands *o) {
  const blok_conv_filter *f = &kit->filter;
  const blok_conv_shape *s = &kit->shape;
  oracle node;
  oracle_init(&node, "Conv", 2, 1);
  oracle_in(&node, 0, o->in, 4, (int64_t[]){s->images, f->in_channels, s->in_h, s->in_w});
  oracle_in(&node, 1, o->weights, 4,
            (int64_t[]){f->out_channels, f->in_channels / f->groups, f->kernel_h, f->kernel_w});
  oracle_int(&node, "group", f->groups);
  oracle_ints(&node, "strides", 2, (int64_t[]){s->stride_h, s->stride_w});
  oracle_ints(&node, "dilations", 2, (int64_t[]){s->dilation_h, s->dilation_w});
  oracle_ints(&node, "pads", 4, (int64_t[]){c->pads[0], c->pads[1], c->pads[2], c->pads[3]});
  oracle_run(&node);
  float *out = malloc((o->outs + 1) * sizeof *out);
  ck_assert_ptr_nonnull(out);
  memcpy(out, oracle_out(&node, 0), o->outs * sizeof *out);
  oracle_free(&node);
  return out;
}

static const char *text_of(const blok_isa *isa, const conv_case *c) {
  static char text[160];
  snprintf(text, sizeof text,
           "%s: %ux%ux%ux%u -> %u, %ux%u, stride %dx%d, dilation %dx%d, group %u", isa->name,
           c->images, c->in, c->h, c->w, c->out, c->kernel_h, c->kernel_w, c->stride_h, c->stride_w,
           c->dilation_h, c->dilation_w, c->groups);
  return text;
}

static void check_plain(const blok_isa *isa, const conv_case *c) {
  conv_kit kit;
  conv_kit_init(&kit, isa, c);
  operands o = operands_of(&kit);
  conv_kit_pack(&kit, o.weights, NULL);
  conv_kit_operands(&kit, o.in, NULL);
  conv_kit_run(&kit, false);
  float *got = conv_kit_result(&kit), *want = reference_conv(&kit, c, &o);
  oracle_same(got, want, o.outs, tolerance, text_of(isa, c));
  free(got);
  free(want);
  free_operands(&o);
  conv_kit_free(&kit);
}

START_TEST(conv__equals_the_reference_for_every_tail_of_channels) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  const uint32_t lanes = isa->lanes;
  for (uint32_t in = 1; in <= 2 * lanes + 1; in += lanes > 8 ? 3 : 1) {
    for (uint32_t k = 1; k <= 3; k += 2) {
      check_plain(isa, &(conv_case){1, in, 2 * lanes + 3, 1, 3, 4, k, k, 1, 1, 1, 1, {1, 1, 1, 1}});
    }
  }
  for (uint32_t out = 1; out <= 5 * lanes + 1; out += lanes > 8 ? 5 : 1) {
    check_plain(isa, &(conv_case){1, lanes + 2, out, 1, 3, 5, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}});
  }
}
END_TEST

START_TEST(conv__equals_the_reference_for_every_number_of_rows) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  for (uint32_t w = 1; w <= 26; w++) {
    for (uint32_t blocks = 1; blocks <= 4; blocks++) {
      check_plain(isa, &(conv_case){1, 9, blocks * isa->lanes, 1, 1, w, 1, 1, 1, 1, 1, 1, {0}});
    }
  }
}
END_TEST

static const conv_case windows[] = {
    {2, 5, 7, 1, 6, 7, 3, 3, 1, 1, 1, 1, {0, 0, 0, 0}},
    {1, 5, 7, 1, 6, 7, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}},
    {1, 3, 9, 1, 17, 13, 7, 7, 2, 2, 1, 1, {3, 3, 3, 3}},
    {1, 8, 8, 1, 9, 9, 3, 3, 1, 1, 2, 3, {2, 3, 2, 3}},
    {1, 4, 8, 1, 9, 5, 1, 5, 1, 1, 1, 1, {0, 2, 0, 2}},
    {1, 4, 8, 1, 9, 5, 5, 1, 3, 2, 1, 1, {2, 0, 0, 1}},
    {2, 6, 8, 1, 5, 5, 1, 1, 2, 2, 1, 1, {0, 0, 0, 0}},
    {1, 6, 8, 1, 2, 2, 1, 1, 1, 1, 1, 1, {1, 2, 3, 1}},
    {1, 2, 4, 1, 2, 2, 3, 3, 3, 3, 1, 1, {4, 5, 4, 5}},
    {1, 3, 4, 1, 3, 2, 2, 2, 1, 5, 3, 1, {1, 4, 2, 3}},
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, {0}},
    {3, 2, 3, 1, 1, 1, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
};

START_TEST(conv__equals_the_reference_for_strides_dilations_and_pads) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) check_plain(isa, &windows[i]);
}
END_TEST

static const conv_case large[] = {
    // Several chunks of channels, with a last one that is shorter.
    {1, 75, 20, 1, 5, 9, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
    {1, 600, 17, 1, 3, 3, 1, 1, 1, 1, 1, 1, {0}},
    // Several strips, which begin and end within picture rows.
    {2, 24, 16, 1, 41, 37, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
    {2, 100, 24, 1, 30, 31, 1, 1, 1, 1, 1, 1, {0}},
    {1, 16, 8, 1, 50, 61, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}},
    // More weights than input: cells share panels.
    {2, 200, 200, 1, 4, 4, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
};

START_TEST(conv__equals_the_reference_when_cut_into_chunks_strips_and_panels) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  for (size_t i = 0; i < sizeof large / sizeof *large; i++) check_plain(isa, &large[i]);
}
END_TEST

START_TEST(conv__equals_the_reference_for_groups_of_any_width) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  static const uint32_t widths[][3] = {// groups, inputs and outputs of each
                                       {2, 16, 16}, {3, 16, 32}, {2, 32, 48}, {4, 4, 4},
                                       {5, 3, 7},   {2, 9, 17},  {3, 1, 5},   {33, 1, 1},
                                       {2, 20, 8},  {7, 24, 24}};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    const uint32_t g = widths[i][0];
    check_plain(
        isa, &(conv_case){
                 2, g * widths[i][1], g * widths[i][2], g, 4, 5, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}});
  }
}
END_TEST

// y = relu(relu(x * folded scale + bias) * scale + residual), and the sums of y.
START_TEST(conv__hands_its_tiles_to_the_epilogue) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  for (uint32_t out = isa->lanes - 1; out <= 3 * isa->lanes + 1; out += isa->lanes + 1) {
    const conv_case c = {2, 19, out, 1, 9, 14, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}};
    conv_kit kit;
    conv_kit_init(&kit, isa, &c);
    operands o = operands_of(&kit);
    const uint32_t pixels = kit.shape.out_h * kit.shape.out_w, images = c.images;
    const uint32_t padded = blocks_of(out, isa->lanes) * isa->lanes;
    conv_kit_pack(&kit, o.weights, o.scale);
    conv_kit_operands(&kit, o.in, o.residual);
    float *scale = filled((size_t)images * padded, 6);
    kit.epilogue = (blok_epilogue){
        .act.kind = BLOK_FN_RELU, .after.kind = BLOK_FN_RELU, .bias = o.bias, .scale = scale};
    kit.conv.scale_step = padded;
    kit.conv.sums = kit.sums = guarded_new((size_t)images * kit.shape.slots * padded);
    conv_kit_run(&kit, false);
    float *got = conv_kit_result(&kit), *want = reference_conv(&kit, &c, &o);
    for (size_t i = 0; i < o.outs; i++) {
      const size_t channel = i / pixels % out, image = i / pixels / out;
      float x = fmaxf(want[i] * o.scale[channel] + o.bias[channel], 0);
      want[i] = fmaxf(x * scale[image * padded + channel] + o.residual[i], 0);
    }
    oracle_same(got, want, o.outs, tolerance, text_of(isa, &c));
    for (uint32_t n = 0; n < images; n++) {
      for (uint32_t k = 0; k < padded; k++) {
        float sum = 0, expected = 0;
        for (uint32_t slot = 0; slot < kit.shape.slots; slot++) {
          sum += kit.sums[((size_t)n * kit.shape.slots + slot) * padded + k];
        }
        for (uint32_t p = 0; k < out && p < pixels; p++) {
          expected += want[((size_t)n * out + k) * pixels + p];
        }
        ck_assert_double_eq_tol((double)sum, (double)expected, 1e-3);
      }
    }
    free(got);
    free(want);
    free(scale);
    free_operands(&o);
    conv_kit_free(&kit);
  }
}
END_TEST

START_TEST(conv__multiplies_its_input_by_a_scale_when_there_is_one) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  for (int32_t stride = 1; stride <= 2; stride++) {
    const conv_case c = {2, 2 * isa->lanes + 3, 20, 1, 33, 29, 1, 1, stride, stride, 1, 1, {0}};
    conv_kit kit;
    conv_kit_init(&kit, isa, &c);
    operands o = operands_of(&kit);
    const uint32_t padded = blocks_of(c.in, isa->lanes) * isa->lanes, pixels = c.h * c.w;
    float *scale = filled((size_t)c.images * padded, 7);
    for (uint32_t i = c.in; i < padded; i++) scale[i] = scale[padded + i] = NAN;
    // The scale is part of the shape: cut again.
    kit.shape.scaled = true;
    ck_assert(blok_conv_grid(&kit.filter, isa->conv, &kit.shape));
    free(kit.scratch);
    kit.scratch = aligned_alloc(64, (kit.shape.scratch + 64) / 64 * 64);
    conv_kit_pack(&kit, o.weights, NULL);
    conv_kit_operands(&kit, o.in, NULL);
    kit.conv.in_scale = scale;
    kit.conv.in_scale_step = padded;
    conv_kit_run(&kit, true);
    for (size_t i = 0; i < (size_t)c.images * c.in * pixels; i++) {
      o.in[i] *= scale[i / pixels / c.in * padded + i / pixels % c.in];
    }
    float *got = conv_kit_result(&kit), *want = reference_conv(&kit, &c, &o);
    oracle_same(got, want, o.outs, tolerance, text_of(isa, &c));
    free(got);
    free(want);
    free(scale);
    free_operands(&o);
    conv_kit_free(&kit);
  }
}
END_TEST

static void same_bits(const blok_isa *isa, const conv_case *c) {
  conv_kit kit;
  conv_kit_init(&kit, isa, c);
  operands o = operands_of(&kit);
  conv_kit_pack(&kit, o.weights, NULL);
  conv_kit_operands(&kit, o.in, NULL);
  const uint32_t padded = blocks_of(c->out, isa->lanes) * isa->lanes;
  const size_t sums = (size_t)kit.shape.images * kit.shape.slots * padded;
  kit.conv.sums = kit.sums = guarded_new(sums);
  ck_assert_uint_gt(kit.shape.cells, 1);
  float *copies[2], *sum_copies[2];
  for (int i = 0; i < 2; i++) {
    conv_kit_run(&kit, i == 1);
    copies[i] = conv_kit_result(&kit);
    sum_copies[i] = malloc(sums * sizeof(float));
    memcpy(sum_copies[i], kit.sums, sums * sizeof(float));
  }
  ck_assert_mem_eq(copies[0], copies[1], o.outs * sizeof(float));
  ck_assert_mem_eq(sum_copies[0], sum_copies[1], sums * sizeof(float));
  for (int i = 0; i < 2; i++) {
    free(copies[i]);
    free(sum_copies[i]);
  }
  free_operands(&o);
  conv_kit_free(&kit);
}

START_TEST(conv__gives_the_same_bits_however_its_cells_are_shared_out) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  same_bits(isa, &(conv_case){2, 100, 40, 1, 30, 31, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}});
  same_bits(isa, &(conv_case){2, 200, 200, 1, 4, 4, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}});
}
END_TEST

START_TEST(conv__carries_nan_and_infinity_only_where_they_belong) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  const conv_case c = {1, 11, 13, 1, 6, 6, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}};
  conv_kit kit;
  conv_kit_init(&kit, isa, &c);
  operands o = operands_of(&kit);
  o.in[36 * 3 + 7] = NAN;
  o.in[36 * 10 + 35] = INFINITY;
  conv_kit_pack(&kit, o.weights, NULL);
  conv_kit_operands(&kit, o.in, NULL);
  conv_kit_run(&kit, false);
  float *got = conv_kit_result(&kit), *want = reference_conv(&kit, &c, &o);
  oracle_same(got, want, o.outs, tolerance, text_of(isa, &c));
  free(got);
  free(want);
  free_operands(&o);
  conv_kit_free(&kit);
}
END_TEST

// ---- Parts of a transposed convolution ----------------------------------------------------------

// Outputs two apart that read taps backwards: y[2 i + 1] = sum over k of w[k] * x[i + 1 - k].
START_TEST(conv__writes_every_other_pixel_and_reads_taps_backwards) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  enum { IN = 5, OUT = 3, H = 3, W = 4 };
  const uint32_t lanes = isa->lanes;
  conv_kit kit;
  conv_kit_init(&kit, isa, &(conv_case){1, IN, OUT, 1, H, W, 2, 2, 1, 1, 1, 1, {1, 1, 0, 0}});
  kit.shape.pad_h = kit.shape.pad_w = -1;
  kit.shape.dilation_h = kit.shape.dilation_w = -1;
  kit.shape.out_step_w = 2;
  kit.shape.out_step_h = 2 * 2 * W;
  ck_assert(blok_conv_grid(&kit.filter, isa->conv, &kit.shape));
  free(kit.scratch);
  kit.scratch = aligned_alloc(64, (kit.shape.scratch + 64) / 64 * 64);
  operands o = operands_of(&kit);
  conv_kit_pack(&kit, o.weights, NULL);
  conv_kit_operands(&kit, o.in, NULL);
  float *wide = blocked_room(1, OUT, 4 * H * W, lanes);
  kit.conv.out = wide + (2 * W + 1) * lanes;
  kit.conv.out_steps.block = plane_floats(4 * H * W, lanes);
  conv_kit_run(&kit, false);
  guarded_check(wide);
  for (int c = 0; c < OUT; c++) {
    for (int y = 0; y < 2 * H; y++) {
      for (int x = 0; x < 2 * W; x++) {
        const float got = wide[(y * 2 * W + x) * (int)lanes + c];
        if (y % 2 == 0 || x % 2 == 0) {
          ck_assert_double_nan((double)got);
          continue;
        }
        double want = 0;
        for (int k = 0; k < IN * 4; k++) {
          const int in_y = y / 2 + 1 - k / 2 % 2, in_x = x / 2 + 1 - k % 2;
          if (in_y >= H || in_x >= W) continue;
          want += (double)o.weights[c * IN * 4 + k] * (double)o.in[(k / 4 * H + in_y) * W + in_x];
        }
        ck_assert_double_eq_tol((double)got, want, 1e-5);
      }
    }
  }
  guarded_free(wide);
  free_operands(&o);
  conv_kit_free(&kit);
}
END_TEST

START_TEST(conv__gives_the_bias_when_there_are_no_taps_or_no_channels) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  for (int without_taps = 0; without_taps < 2; without_taps++) {
    conv_kit kit;
    conv_kit_init(&kit, isa,
                  &(conv_case){1, without_taps ? 4 : 0, 5, 1, 2, 3, 1, 1, 1, 1, 1, 1, {0}});
    if (without_taps) {
      kit.filter.kernel_w = 0;
      ck_assert(blok_conv_filter_init(isa->conv, &kit.filter));
      ck_assert_uint_eq(kit.filter.floats, 0);
    }
    operands o = operands_of(&kit);
    conv_kit_pack(&kit, o.weights, NULL);
    conv_kit_operands(&kit, o.in, NULL);
    kit.epilogue.bias = o.bias;
    conv_kit_run(&kit, false);
    float *got = conv_kit_result(&kit);
    for (size_t i = 0; i < o.outs; i++) ck_assert(got[i] == o.bias[i / 6]);
    free(got);
    free_operands(&o);
    conv_kit_free(&kit);
  }
}
END_TEST

// ---- Matrices -----------------------------------------------------------------------------------

static void check_matrix(const blok_isa *isa, uint32_t m, uint32_t k, uint32_t n, bool transposed,
                         uint32_t gap) {
  conv_kit kit;
  oracle node;
  char text[96];
  snprintf(text, sizeof text, "%s: %ux%u by %ux%u%s", isa->name, m, k, k, n,
           transposed ? " transposed" : "");
  conv_kit_init_matrix(&kit, isa, m, k, n);
  float *a = filled((size_t)m * k, 1), *b = filled((size_t)k * n, 2);
  conv_kit_pack_matrix(&kit, b, transposed);
  conv_kit_operands_matrix(&kit, a, k + gap);
  conv_kit_run(&kit, true);
  float *got = conv_kit_result(&kit);
  oracle_init(&node, "Gemm", 2, 1);
  oracle_int(&node, "transB", transposed);
  oracle_in(&node, 0, a, 2, (int64_t[]){m, k});
  oracle_in(&node, 1, b, 2, transposed ? (int64_t[]){n, k} : (int64_t[]){k, n});
  oracle_run(&node);
  oracle_same(got, oracle_out(&node, 0), (size_t)m * n, tolerance, text);
  oracle_free(&node);
  free(got);
  free(a);
  free(b);
  conv_kit_free(&kit);
}

START_TEST(product__equals_the_reference_for_every_tail) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  for (uint32_t m = 1; m <= 9; m++) check_matrix(isa, m, 21, 19, m % 2, m % 3);
  for (uint32_t k = 1; k <= 2 * isa->lanes + 1; k++) check_matrix(isa, 4, k, 18, k % 2, 1);
  for (uint32_t n = 1; n <= 5 * isa->lanes + 1; n++) check_matrix(isa, 7, 9, n, n % 2, 0);
}
END_TEST

START_TEST(product__equals_the_reference_when_large) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  check_matrix(isa, 1, 1300, 90, true, 0);
  check_matrix(isa, 150, 300, 70, false, 4);
  check_matrix(isa, 3, 700, 1001, false, 0);
}
END_TEST

START_TEST(product__adds_bias_and_residual_behind_which_nothing_is_touched) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  enum { M = 13, K = 10, N = 21 };
  conv_kit kit;
  conv_kit_init_matrix(&kit, isa, M, K, N);
  float *a = filled(M * K, 1), *b = filled(K * N, 2), *bias = filled(N + 16, 3);
  float *residual = guarded_new(M * N);
  fill_values(residual, M * N, 4);
  conv_kit_pack_matrix(&kit, b, false);
  conv_kit_operands_matrix(&kit, a, K);
  kit.epilogue.bias = bias;
  kit.conv.residual = residual;
  kit.conv.residual_steps = kit.conv.out_steps;
  conv_kit_run(&kit, false);
  float *got = conv_kit_result(&kit);
  for (int i = 0; i < M * N; i++) {
    double want = (double)bias[i % N] + (double)residual[i];
    for (int k = 0; k < K; k++) want += (double)a[i / N * K + k] * (double)b[k * N + i % N];
    ck_assert_double_eq_tol((double)got[i], want, 1e-5);
  }
  free(got);
  free(a);
  free(b);
  free(bias);
  guarded_free(residual);
  conv_kit_free(&kit);
}
END_TEST

START_TEST(conv__refuses_what_cannot_be_addressed) {
  const blok_conv_kernels *kernels = blok_isa_at(0)->conv;
  blok_conv_filter f = {.in_channels = 1u << 30,
                        .out_channels = 1u << 30,
                        .groups = 1,
                        .kernel_h = 16,
                        .kernel_w = 16};
  ck_assert(!blok_conv_filter_init(kernels, &f));
  f = (blok_conv_filter){
      .in_channels = 6, .out_channels = 4, .groups = 4, .kernel_h = 1, .kernel_w = 1};
  ck_assert(!blok_conv_filter_init(kernels, &f));
  f.groups = 2;
  ck_assert(blok_conv_filter_init(kernels, &f));
  blok_conv_shape s = {.images = 1,
                       .in_h = 1u << 16,
                       .in_w = 1u << 15,
                       .out_h = 1u << 15,
                       .out_w = 1u << 15,
                       .stride_h = 2,
                       .stride_w = 1,
                       .out_step_w = 1,
                       .out_step_h = 1u << 15};
  ck_assert(!blok_conv_grid(&f, kernels, &s));
}
END_TEST

Suite *suite_conv(void) {
  Suite *suite = suite_create("conv");
  TCase *tcase = tcase_create("conv");
  suite_add_tcase(suite, tcase);
  if (speed_wanted()) return suite;
  tcase_add_loop_test(tcase, conv__equals_the_reference_for_every_tail_of_channels, 0, SETS);
  tcase_add_loop_test(tcase, conv__equals_the_reference_for_every_number_of_rows, 0, SETS);
  tcase_add_loop_test(tcase, conv__equals_the_reference_for_strides_dilations_and_pads, 0, SETS);
  tcase_add_loop_test(tcase, conv__equals_the_reference_when_cut_into_chunks_strips_and_panels, 0,
                      SETS);
  tcase_add_loop_test(tcase, conv__equals_the_reference_for_groups_of_any_width, 0, SETS);
  tcase_add_loop_test(tcase, conv__hands_its_tiles_to_the_epilogue, 0, SETS);
  tcase_add_loop_test(tcase, conv__multiplies_its_input_by_a_scale_when_there_is_one, 0, SETS);
  tcase_add_loop_test(tcase, conv__gives_the_same_bits_however_its_cells_are_shared_out, 0, SETS);
  tcase_add_loop_test(tcase, conv__carries_nan_and_infinity_only_where_they_belong, 0, SETS);
  tcase_add_loop_test(tcase, conv__writes_every_other_pixel_and_reads_taps_backwards, 0, SETS);
  tcase_add_loop_test(tcase, conv__gives_the_bias_when_there_are_no_taps_or_no_channels, 0, SETS);
  tcase_add_loop_test(tcase, product__equals_the_reference_for_every_tail, 0, SETS);
  tcase_add_loop_test(tcase, product__equals_the_reference_when_large, 0, SETS);
  tcase_add_loop_test(tcase, product__adds_bias_and_residual_behind_which_nothing_is_touched, 0,
                      SETS);
  tcase_add_test(tcase, conv__refuses_what_cannot_be_addressed);
  return suite;
}
