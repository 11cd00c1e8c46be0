// Depthwise convolutions and narrow groups against the reference, over every tail.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "runtime/kernels/depthwise.h"
#include "speed.h"

typedef struct shape {
  uint32_t images, groups, group_in, group_out;
  uint32_t h, w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  uint32_t top, left, bottom, right;
} shape;

static uint32_t out_size(uint32_t in, uint32_t pads, uint32_t kernel, uint32_t stride,
                         uint32_t dilation) {
  return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

static blok_plane_window window_of(const shape *s) {
  return (blok_plane_window){
      .in_h = s->h,
      .in_w = s->w,
      .out_h = out_size(s->h, s->top + s->bottom, s->kernel_h, s->stride_h, s->dilation_h),
      .out_w = out_size(s->w, s->left + s->right, s->kernel_w, s->stride_w, s->dilation_w),
      .kernel_h = s->kernel_h,
      .kernel_w = s->kernel_w,
      .stride_h = s->stride_h,
      .stride_w = s->stride_w,
      .dilation_h = s->dilation_h,
      .dilation_w = s->dilation_w,
      .pad_top = (int32_t)s->top,
      .pad_left = (int32_t)s->left,
      .pad_bottom = (int32_t)s->bottom,
      .pad_right = (int32_t)s->right};
}

static float *values_new(size_t count, uint32_t seed) {
  float *values = malloc((count + 1) * sizeof *values);
  ck_assert_ptr_nonnull(values);
  fill_values(values, count, seed);
  return values;
}

// A convolution with its plain operands and the reference's answer.
typedef struct conv_case {
  shape shape;
  blok_plane_window window;
  uint32_t in_channels, channels, taps, pixels;
  float *x, *weights;
  oracle oracle;
  char what[160];
} conv_case;

static void case_begin(conv_case *c, const shape *s) {
  memset(c, 0, sizeof *c);
  c->shape = *s;
  c->window = window_of(s);
  c->in_channels = s->groups * s->group_in;
  c->channels = s->groups * s->group_out;
  c->taps = s->kernel_h * s->kernel_w;
  c->pixels = c->window.out_h * c->window.out_w;
  c->x = values_new((size_t)s->images * c->in_channels * s->h * s->w, 1);
  c->weights = values_new((size_t)c->channels * s->group_in * c->taps, 2);
  snprintf(c->what, sizeof c->what,
           "%u groups of %u to %u, %ux%u, kernel %ux%u, stride %ux%u, dilation %ux%u, "
           "pads %u %u %u %u",
           s->groups, s->group_in, s->group_out, s->h, s->w, s->kernel_h, s->kernel_w, s->stride_h,
           s->stride_w, s->dilation_h, s->dilation_w, s->top, s->left, s->bottom, s->right);
}

static void case_answer(conv_case *c) {
  const shape *s = &c->shape;
  oracle_init(&c->oracle, "Conv", 2, 1);
  oracle_int(&c->oracle, "group", s->groups);
  oracle_ints(&c->oracle, "strides", 2, (const int64_t[]){s->stride_h, s->stride_w});
  oracle_ints(&c->oracle, "dilations", 2, (const int64_t[]){s->dilation_h, s->dilation_w});
  oracle_ints(&c->oracle, "pads", 4, (const int64_t[]){s->top, s->left, s->bottom, s->right});
  oracle_in(&c->oracle, 0, c->x, 4, (const int64_t[]){s->images, c->in_channels, s->h, s->w});
  oracle_in(&c->oracle, 1, c->weights, 4,
            (const int64_t[]){c->channels, s->group_in, s->kernel_h, s->kernel_w});
  oracle_run(&c->oracle);
}

static void case_end(conv_case *c) {
  free(c->x);
  free(c->weights);
  oracle_free(&c->oracle);
}

// The blocked side of a case: args with memory for one set.
static blok_depthwise_args operands_new(const conv_case *c, uint32_t lanes, const float *mul) {
  const shape *s = &c->shape;
  const uint32_t blocks = blocks_of(c->channels, lanes);
  blok_depthwise_args args = {.window = c->window,
                              .images = s->images,
                              .channels = c->channels,
                              .group_in = s->group_in,
                              .group_out = s->group_out};
  args.strips = blok_strips(s->images, blocks, c->window.out_h, c->window.out_w);
  args.in.data = blocked_of(c->x, s->images, c->in_channels, s->h * s->w, lanes);
  args.in.plane_stride = plane_floats(s->h * s->w, lanes);
  args.in.batch_stride = blocks_of(c->in_channels, lanes) * args.in.plane_stride;
  args.out.data = blocked_room(s->images, c->channels, c->pixels, lanes);
  args.out.plane_stride = plane_floats(c->pixels, lanes);
  args.out.batch_stride = blocks * args.out.plane_stride;
  float *packed =
      guarded_new(blok_depthwise_packed_floats(c->channels, s->group_in, c->taps, lanes));
  blok_depthwise_pack(c->weights, mul, c->channels, s->group_in, s->kernel_h, s->kernel_w, lanes,
                      packed);
  args.weights = packed;
  return args;
}

static void let_go(const float *data) {
  union {
    const float *from;
    float *to;
  } way = {.from = data};
  guarded_free(way.to);
}

static void operands_free(blok_depthwise_args *args) {
  let_go(args->in.data);
  let_go(args->weights);
  guarded_free(args->out.data);
}

// All cells, in two calls.
static void run_all(const blok_isa *isa, const blok_depthwise_args *args) {
  const uint32_t cells = args->images * blocks_of(args->channels, isa->lanes) * args->strips;
  isa->depthwise->run(args, 0, cells / 3);
  isa->depthwise->run(args, cells / 3, cells);
}

static void check_sums(const shape *s) {
  conv_case c;
  bool answered = false;
  case_begin(&c, s);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)) != NULL; i++) {
    if (!blok_depthwise_fits(s->group_in, s->group_out, isa->lanes)) continue;
    if (!answered) case_answer(&c);
    answered = true;
    blok_depthwise_args args = operands_new(&c, isa->lanes, NULL);
    run_all(isa, &args);
    float *plain = plain_of(args.out.data, s->images, c.channels, c.pixels, isa->lanes);
    char what[200];
    snprintf(what, sizeof what, "%s: %s", isa->name, c.what);
    oracle_same(plain, oracle_out(&c.oracle, 0), (size_t)s->images * c.channels * c.pixels, 2e-6,
                what);
    free(plain);
    operands_free(&args);
  }
  if (answered) {
    case_end(&c);
  } else {
    free(c.x);
    free(c.weights);
  }
}

START_TEST(depthwise__equals_reference_for_every_channel_count) {
  for (uint32_t channels = 1; channels <= 33; channels++) {
    check_sums(&(shape){2, channels, 1, 1, 5, 6, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
  }
}
END_TEST

START_TEST(depthwise__equals_reference_for_every_kernel_stride_and_width) {
  static const uint32_t kernels[] = {1, 2, 3, 5, 7, 9};
  for (uint32_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
    for (uint32_t stride = 1; stride <= 3; stride++) {
      for (uint32_t w = 1; w <= 40; w += w < 24 ? 1 : 5) {
        const uint32_t kernel = kernels[k], pad = kernel / 2, right = w % 2 ? pad : kernel - 1;
        if (w + pad + right < kernel) continue;
        check_sums(&(shape){1, 9, 1, 1, 1 + w % 6 + kernel / 3, w, kernel, kernel, stride, stride,
                            1, 1, pad, pad, pad, right});
      }
    }
  }
}
END_TEST

START_TEST(depthwise__equals_reference_with_dilation_and_uneven_taps) {
  for (uint32_t dilation = 1; dilation <= 4; dilation++) {
    check_sums(&(shape){1, 10, 1, 1, 11, 23, 3, 3, 1, 1, dilation, dilation, dilation, dilation,
                        dilation, dilation});
    check_sums(&(shape){1, 10, 1, 1, 17, 19, 3, 3, 2, 1, dilation, 1, 0, 2, 3, 0});
    check_sums(&(shape){1, 10, 1, 1, 17, 19, 2, 5, 1, 2, 1, dilation, 0, 1, 3, 6});
    check_sums(&(shape){1, 10, 1, 1, 1, 50, 1, 31, 1, 1, 1, 1, 0, 15, 0, 15});
    check_sums(&(shape){1, 10, 1, 1, 9, 4, 3, 3, 1, 1, 4, 4, 4, 4, 4, 4});
    check_sums(&(shape){1, 3, 1, 1, 2, 2, 3, 3, 3, 3, 1, 1, 7, 6, 5, 4});
  }
}
END_TEST

START_TEST(depthwise__equals_reference_when_outputs_repeat_inputs) {
  static const uint32_t widths[] = {2, 3, 4, 8, 16};
  for (uint32_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    for (uint32_t groups = 1; groups <= 9; groups++) {
      check_sums(&(shape){2, groups, 1, widths[i], 6, 9, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1});
      check_sums(&(shape){1, groups, 1, widths[i], 6, 9, 5, 5, 2, 2, 1, 1, 2, 2, 2, 2});
    }
  }
}
END_TEST

START_TEST(narrow_groups__equal_reference_for_every_width) {
  static const uint32_t widths[][2] = {{2, 2}, {4, 4},  {8, 8}, {16, 16}, {2, 4}, {2, 8},
                                       {4, 8}, {8, 16}, {3, 8}, {5, 16},  {8, 4}, {24, 16}};
  for (uint32_t i = 0; i < sizeof widths / sizeof *widths; i++) {
    const uint32_t in = widths[i][0], out = widths[i][1];
    for (uint32_t groups = 1; groups <= 5; groups += 2) {
      for (uint32_t stride = 1; stride <= 2; stride++) {
        check_sums(&(shape){2, groups, in, out, 9, 15, 3, 3, stride, stride, 1, 1, 1, 1, 1, 1});
        check_sums(&(shape){1, groups, in, out, 5, 4, 3, 3, stride, stride, 1, 1, 1, 1, 1, 1});
      }
      check_sums(&(shape){1, groups, in, out, 5, 9, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0});
      check_sums(&(shape){1, groups, in, out, 6, 9, 5, 3, 1, 1, 2, 1, 2, 1, 2, 1});
    }
  }
}
END_TEST

START_TEST(depthwise__fits_only_groups_that_share_a_block) {
  ck_assert(blok_depthwise_fits(1, 1, 8) && blok_depthwise_fits(4, 4, 8));
  ck_assert(blok_depthwise_fits(8, 8, 8) && blok_depthwise_fits(8, 8, 16));
  ck_assert(blok_depthwise_fits(1, 24, 8) && blok_depthwise_fits(7, 16, 16));
  ck_assert(!blok_depthwise_fits(3, 3, 8) && !blok_depthwise_fits(4, 2, 8));
  ck_assert(!blok_depthwise_fits(12, 12, 8) && !blok_depthwise_fits(0, 8, 8));
}
END_TEST

START_TEST(depthwise__folds_bias_activation_residual_and_sums_into_strips) {
  const shape s = {2, 19, 1, 1, 40, 41, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1};
  conv_case c;
  case_begin(&c, &s);
  case_answer(&c);
  const size_t count = (size_t)s.images * c.channels * c.pixels;
  float bias[32], mul[32], scale[64];
  fill_values(bias, 32, 5);
  fill_values(mul, 32, 6);
  fill_values(scale, 64, 7);
  float *residual = values_new(count, 8);
  float *want = values_new(count, 9);
  double sums[2][32] = {{0}};
  for (size_t i = 0; i < count; i++) {
    const uint32_t channel = (uint32_t)(i / c.pixels) % c.channels;
    const uint32_t image = (uint32_t)(i / c.pixels) / c.channels;
    float y = oracle_out(&c.oracle, 0)[i] * mul[channel] + bias[channel];
    y = (y > 0 ? y : 0) * scale[image * 32 + channel] + residual[i];
    want[i] = y;
    sums[image][channel] += (double)y;
  }
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)) != NULL; i++) {
    blok_depthwise_args args = operands_new(&c, isa->lanes, mul);
    const blok_epilogue epilogue = {.act = {.kind = BLOK_FN_RELU}, .bias = bias, .scale = scale};
    float *blocked = blocked_of(residual, s.images, c.channels, c.pixels, isa->lanes);
    float *slots = guarded_new((size_t)args.strips * 2 * 32);
    args.epilogue = &epilogue;
    args.scale_stride = 32;
    args.residual = (blok_blocked_in){blocked, args.out.batch_stride, args.out.plane_stride};
    args.sums = slots;
    args.sums_slot_stride = 64;
    args.sums_batch_stride = 32;
    ck_assert_uint_gt(args.strips, 1);
    run_all(isa, &args);
    float *plain = plain_of(args.out.data, s.images, c.channels, c.pixels, isa->lanes);
    oracle_same(plain, want, count, 2e-6, isa->name);
    for (uint32_t image = 0; image < s.images; image++) {
      for (uint32_t channel = 0; channel < c.channels; channel++) {
        double sum = 0;
        for (uint32_t slot = 0; slot < args.strips; slot++) {
          sum += (double)slots[slot * 64 + image * 32 + channel];
        }
        ck_assert_double_eq_tol(sum, sums[image][channel], 1e-3);
      }
    }
    free(plain);
    guarded_free(slots);
    guarded_free(blocked);
    operands_free(&args);
  }
  free(residual);
  free(want);
  case_end(&c);
}
END_TEST

// ---- Speed --------------------------------------------------------------------------------------

typedef struct timing {
  const blok_isa *isa;
  blok_depthwise_args args;
  uint32_t cells;
} timing;

static void time_run(void *context) {
  const timing *t = context;
  t->isa->depthwise->run(&t->args, 0, t->cells);
}

START_TEST(depthwise__speed) {
  static const shape shapes[] = {
      {1, 32, 1, 1, 112, 112, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 96, 1, 1, 112, 112, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},
      {1, 144, 1, 1, 56, 56, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 32, 1, 1, 28, 28, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 192, 1, 1, 28, 28, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 384, 1, 1, 14, 14, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 576, 1, 1, 14, 14, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},
      {1, 960, 1, 1, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 72, 1, 1, 56, 56, 5, 5, 2, 2, 1, 1, 2, 2, 2, 2},
      {1, 120, 1, 1, 28, 28, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2},
      {1, 960, 1, 1, 7, 7, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2},
      {1, 96, 1, 1, 56, 56, 7, 7, 1, 1, 1, 1, 3, 3, 3, 3},
      {1, 768, 1, 1, 7, 7, 7, 7, 1, 1, 1, 1, 3, 3, 3, 3},
      {1, 64, 1, 1, 28, 28, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2},
      {1, 32, 4, 4, 56, 56, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 32, 4, 4, 56, 56, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},
      {1, 6, 8, 8, 56, 56, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 26, 8, 8, 28, 28, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1},
      {1, 55, 8, 8, 14, 14, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 32, 16, 16, 14, 14, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
      {1, 32, 32, 32, 7, 7, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},
  };
  for (uint32_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const shape *s = &shapes[i];
    conv_case c;
    case_begin(&c, s);
    const blok_isa *isa;
    for (uint32_t k = 0; (isa = tested_isa(k)) != NULL; k++) {
      if (!blok_depthwise_fits(s->group_in, s->group_out, isa->lanes)) continue;
      timing t = {.isa = isa, .args = operands_new(&c, isa->lanes, NULL)};
      t.cells = blocks_of(c.channels, isa->lanes) * t.args.strips;
      float *bias = values_new(c.channels + isa->lanes, 3);
      const blok_epilogue epilogue = {.act = {.kind = BLOK_FN_CLIP, .b = 6}, .bias = bias};
      t.args.epilogue = &epilogue;
      char name[80];
      snprintf(name, sizeof name, "%ux%ux%u g%u k%u s%u d%u", c.in_channels, s->h, s->w,
               s->group_in, s->kernel_w, s->stride_w, s->dilation_w);
      speed_line("depthwise", isa, name, 2.0 * c.channels * c.pixels * s->group_in * c.taps,
                 4.0 * ((double)c.in_channels * s->h * s->w + (double)c.channels * c.pixels),
                 time_run, &t);
      free(bias);
      operands_free(&t.args);
    }
    free(c.x);
    free(c.weights);
  }
}
END_TEST

Suite *suite_depthwise(void) {
  Suite *suite = suite_create("depthwise");
  TCase *tests = tcase_create("depthwise");
  tcase_set_timeout(tests, 120);
  if (speed_wanted()) {
    tcase_add_test(tests, depthwise__speed);
  } else {
    tcase_add_test(tests, depthwise__equals_reference_for_every_channel_count);
    tcase_add_test(tests, depthwise__equals_reference_for_every_kernel_stride_and_width);
    tcase_add_test(tests, depthwise__equals_reference_with_dilation_and_uneven_taps);
    tcase_add_test(tests, depthwise__equals_reference_when_outputs_repeat_inputs);
    tcase_add_test(tests, narrow_groups__equal_reference_for_every_width);
    tcase_add_test(tests, depthwise__fits_only_groups_that_share_a_block);
    tcase_add_test(tests, depthwise__folds_bias_activation_residual_and_sums_into_strips);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
