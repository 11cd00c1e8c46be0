// Windows, planes and small products against the reference.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "runtime/kernels/pool.h"
#include "speed.h"

typedef struct shape {
  uint32_t images, channels, h, w, kernel_h, kernel_w, stride, dilation;
  uint32_t top, left, bottom, right;
  bool ceil_mode;
} shape;

static float *values_new(size_t count, uint32_t seed) {
  float *values = malloc((count + 1) * sizeof *values);
  ck_assert_ptr_nonnull(values);
  fill_values(values, count, seed);
  return values;
}

static void let_go(const float *data) {
  union {
    const float *from;
    float *to;
  } way = {.from = data};
  guarded_free(way.to);
}

static void answer(oracle *o, const char *op, const shape *s, const float *x, bool include_pad) {
  oracle_init(o, op, 1, 1);
  oracle_ints(o, "kernel_shape", 2, (const int64_t[]){s->kernel_h, s->kernel_w});
  oracle_ints(o, "strides", 2, (const int64_t[]){s->stride, s->stride});
  oracle_ints(o, "dilations", 2, (const int64_t[]){s->dilation, s->dilation});
  oracle_ints(o, "pads", 4, (const int64_t[]){s->top, s->left, s->bottom, s->right});
  oracle_int(o, "ceil_mode", s->ceil_mode);
  if (include_pad) oracle_int(o, "count_include_pad", 1);
  oracle_in(o, 0, x, 4, (const int64_t[]){s->images, s->channels, s->h, s->w});
  oracle_run(o);
}

static blok_pool_args operands_new(const shape *s, const float *x, const blok_tensor *out,
                                   uint32_t lanes) {
  const uint32_t out_h = (uint32_t)out->dims[2], out_w = (uint32_t)out->dims[3];
  const uint32_t blocks = blocks_of(s->channels, lanes);
  blok_pool_args args = {.window = {.in_h = s->h,
                                    .in_w = s->w,
                                    .out_h = out_h,
                                    .out_w = out_w,
                                    .kernel_h = s->kernel_h,
                                    .kernel_w = s->kernel_w,
                                    .stride_h = s->stride,
                                    .stride_w = s->stride,
                                    .dilation_h = s->dilation,
                                    .dilation_w = s->dilation,
                                    .pad_top = (int32_t)s->top,
                                    .pad_left = (int32_t)s->left,
                                    .pad_bottom = (int32_t)s->bottom,
                                    .pad_right = (int32_t)s->right},
                         .images = s->images,
                         .channels = s->channels,
                         .strips = blok_strips(s->images, blocks, out_h, out_w)};
  args.in.data = blocked_of(x, s->images, s->channels, s->h * s->w, lanes);
  args.in.plane_stride = plane_floats(s->h * s->w, lanes);
  args.in.batch_stride = blocks * args.in.plane_stride;
  args.out.data = blocked_room(s->images, s->channels, out_h * out_w, lanes);
  args.out.plane_stride = plane_floats(out_h * out_w, lanes);
  args.out.batch_stride = blocks * args.out.plane_stride;
  return args;
}

enum { MAXIMUM, AVERAGE, AVERAGE_WITH_PAD };

static void check_window(const shape *s, const float *x, int what) {
  oracle o;
  answer(&o, what == MAXIMUM ? "MaxPool" : "AveragePool", s, x, what == AVERAGE_WITH_PAD);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)) != NULL; i++) {
    blok_pool_args args = operands_new(s, x, &o.out[0], isa->lanes);
    args.include_pad = what == AVERAGE_WITH_PAD;
    const uint32_t pixels = args.window.out_h * args.window.out_w;
    const uint32_t cells = s->images * blocks_of(s->channels, isa->lanes) * args.strips;
    void (*run)(const blok_pool_args *, uint32_t, uint32_t) =
        what == MAXIMUM ? isa->pool->max : isa->pool->average;
    run(&args, 0, cells / 2);
    run(&args, cells / 2, cells);
    float *plain = plain_of(args.out.data, s->images, s->channels, pixels, isa->lanes);
    char name[160];
    snprintf(name, sizeof name, "%s: %d of %ux%ux%u, kernel %ux%u, stride %u, dilation %u",
             isa->name, what, s->channels, s->h, s->w, s->kernel_h, s->kernel_w, s->stride,
             s->dilation);
    oracle_same(plain, oracle_out(&o, 0), (size_t)s->images * s->channels * pixels, 1e-6, name);
    free(plain);
    let_go(args.in.data);
    guarded_free(args.out.data);
  }
  oracle_free(&o);
}

static void check_windows(const shape *s) {
  float *x = values_new((size_t)s->images * s->channels * s->h * s->w, 3);
  for (int what = MAXIMUM; what <= AVERAGE_WITH_PAD; what++) check_window(s, x, what);
  free(x);
}

START_TEST(pool__equals_reference_for_every_channel_count) {
  for (uint32_t channels = 1; channels <= 33; channels++) {
    check_windows(&(shape){2, channels, 7, 9, 3, 3, 2, 1, 1, 1, 1, 1, false});
  }
}
END_TEST

START_TEST(pool__equals_reference_for_every_kernel_stride_and_width) {
  for (uint32_t kernel = 1; kernel <= 5; kernel++) {
    for (uint32_t stride = 1; stride <= 3; stride++) {
      for (uint32_t w = kernel; w <= 40; w += w < 20 ? 1 : 7) {
        const uint32_t pad = kernel / 2;
        check_windows(
            &(shape){1, 9, 6, w, kernel, kernel, stride, 1, pad, pad, pad, pad, w % 2 == 0});
      }
    }
  }
}
END_TEST

START_TEST(pool__equals_reference_with_dilation_and_uneven_windows) {
  check_windows(&(shape){1, 5, 12, 31, 3, 3, 1, 2, 2, 2, 2, 2, false});
  check_windows(&(shape){1, 5, 12, 31, 2, 4, 2, 3, 0, 1, 1, 3, true});
  check_windows(&(shape){1, 5, 1, 50, 1, 7, 3, 1, 0, 3, 0, 3, true});
  check_windows(&(shape){1, 5, 9, 9, 9, 9, 1, 1, 0, 0, 0, 0, false});
}
END_TEST

START_TEST(pool__keeps_nan_and_infinity_as_the_reference_does) {
  const shape s = {1, 9, 8, 24, 3, 3, 1, 1, 1, 1, 1, 1, false};
  float *x = values_new(9 * 8 * 24, 4);
  for (uint32_t i = 0; i < 9 * 8 * 24; i += 53) x[i] = NAN;
  for (uint32_t i = 7; i < 9 * 8 * 24; i += 41) x[i] = INFINITY;
  for (uint32_t i = 9; i < 9 * 8 * 24; i += 37) x[i] = -INFINITY;
  for (int what = MAXIMUM; what <= AVERAGE_WITH_PAD; what++) check_window(&s, x, what);
  for (uint32_t i = 0; i < 9 * 8 * 24; i++) x[i] = -INFINITY;
  check_window(&s, x, MAXIMUM);
  free(x);
}
END_TEST

START_TEST(pool__applies_the_epilogue_and_sums_results) {
  const shape s = {2, 11, 40, 30, 2, 2, 1, 1, 0, 0, 0, 0, false};
  float *x = values_new(2 * 11 * 40 * 30, 5);
  float bias[32];
  fill_values(bias, 32, 6);
  oracle o;
  answer(&o, "MaxPool", &s, x, false);
  const uint32_t pixels = 39 * 29;
  float *want = values_new(2 * 11 * pixels, 1);
  double sums[22] = {0};
  for (uint32_t i = 0; i < 2 * 11 * pixels; i++) {
    const float y = oracle_out(&o, 0)[i] + bias[i / pixels % 11];
    want[i] = y > 0 ? y : 0;
    sums[i / pixels] += (double)want[i];
  }
  const blok_epilogue epilogue = {.act = {.kind = BLOK_FN_RELU}, .bias = bias};
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)) != NULL; i++) {
    blok_pool_args args = operands_new(&s, x, &o.out[0], isa->lanes);
    const uint32_t width = blocks_of(11, isa->lanes) * isa->lanes;
    args.epilogue = &epilogue;
    args.sums_slot_stride = width;
    args.sums_batch_stride = args.strips * width;
    args.sums = guarded_new(2 * args.sums_batch_stride);
    ck_assert_uint_gt(args.strips, 1);
    isa->pool->max(&args, 0, 2 * args.strips * width / isa->lanes);
    float *plain = plain_of(args.out.data, 2, 11, pixels, isa->lanes);
    oracle_same(plain, want, 2 * 11 * pixels, 1e-6, isa->name);
    for (uint32_t c = 0; c < 22; c++) {
      double sum = 0;
      for (uint32_t slot = 0; slot < args.strips; slot++) {
        sum += (double)args.sums[c / 11 * args.sums_batch_stride + slot * width + c % 11];
      }
      ck_assert_double_eq_tol(sum, sums[c], 1e-3);
    }
    free(plain);
    guarded_free(args.sums);
    let_go(args.in.data);
    guarded_free(args.out.data);
  }
  free(x);
  free(want);
  oracle_free(&o);
}
END_TEST

// ---- Planes -------------------------------------------------------------------------------------

static void check_global(uint32_t images, uint32_t channels, uint32_t h, uint32_t w, bool maximum,
                         bool row) {
  const uint32_t pixels = h * w;
  float *x = values_new((size_t)images * channels * pixels, 7);
  if (maximum && pixels > 3) x[1] = NAN;
  oracle o;
  oracle_init(&o, maximum ? "GlobalMaxPool" : "GlobalAveragePool", 1, 1);
  oracle_in(&o, 0, x, 4, (const int64_t[]){images, channels, h, w});
  oracle_run(&o);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)) != NULL; i++) {
    const uint32_t lanes = isa->lanes, blocks = blocks_of(channels, lanes);
    blok_planes_args args = {.images = images, .blocks = blocks, .pixels = pixels};
    args.slots = blok_strips(images, blocks, pixels, 1);
    args.in.data = blocked_of(x, images, channels, pixels, lanes);
    args.in.plane_stride = plane_floats(pixels, lanes);
    args.in.batch_stride = blocks * args.in.plane_stride;
    args.out = guarded_new((size_t)images * args.slots * blocks * lanes);
    const uint32_t cells = images * blocks * args.slots;
    if (maximum) {
      isa->pool->max_planes(&args, 0, cells / 2);
      isa->pool->max_planes(&args, cells / 2, cells);
    } else {
      isa->pool->sum_planes(&args, 0, cells / 2);
      isa->pool->sum_planes(&args, cells / 2, cells);
    }
    float *out =
        row ? guarded_new((size_t)images * channels) : blocked_room(images, channels, 1, lanes);
    const blok_join_args joined = {.images = images,
                                   .channels = channels,
                                   .slots = args.slots,
                                   .in = args.out,
                                   .divisor = maximum ? 1 : (float)pixels,
                                   .out = out,
                                   .batch_stride = row ? channels : blocks * plane_floats(1, lanes),
                                   .block_stride = row ? lanes : plane_floats(1, lanes),
                                   .row = row};
    (maximum ? isa->pool->join_maxima : isa->pool->join_sums)(&joined, 0, images);
    float *plain = row ? out : plain_of(out, images, channels, 1, lanes);
    char name[80];
    snprintf(name, sizeof name, "%s: global of %ux%ux%ux%u", isa->name, images, channels, h, w);
    oracle_same(plain, oracle_out(&o, 0), (size_t)images * channels, 1e-6, name);
    if (!row) free(plain);
    guarded_free(out);
    guarded_free(args.out);
    let_go(args.in.data);
  }
  free(x);
  oracle_free(&o);
}

START_TEST(planes__equal_global_pools_of_the_reference) {
  for (uint32_t channels = 1; channels <= 33; channels++) {
    for (int form = 0; form < 4; form++) {
      check_global(2, channels, 1 + channels % 5, 7, form & 1, form & 2);
    }
  }
  for (int form = 0; form < 4; form++) {
    check_global(1, 3, 70, 61, form & 1, form & 2);
    check_global(1, 17, 1, 1, form & 1, form & 2);
  }
}
END_TEST

// ---- Squeeze-excite -----------------------------------------------------------------------------

static void check_excite(uint32_t images, uint32_t inputs, uint32_t outputs, uint32_t slots) {
  float *weights = values_new((size_t)outputs * inputs, 8);
  float *bias = values_new(outputs + 16, 9);
  float *parts = values_new((size_t)images * slots * inputs, 10);
  float *mean = values_new((size_t)images * inputs, 11);
  const float divisor = slots == 1 ? 1 : 49;
  for (uint32_t n = 0; n < images; n++) {
    for (uint32_t c = 0; c < inputs; c++) {
      float sum = 0;
      for (uint32_t slot = 0; slot < slots; slot++) sum += parts[(n * slots + slot) * inputs + c];
      mean[n * inputs + c] = sum / divisor;
    }
  }
  oracle o;
  oracle_init(&o, "Gemm", 3, 1);
  oracle_int(&o, "transB", 1);
  oracle_in(&o, 0, mean, 2, (const int64_t[]){images, inputs});
  oracle_in(&o, 1, weights, 2, (const int64_t[]){outputs, inputs});
  oracle_in(&o, 2, bias, 1, (const int64_t[]){outputs});
  oracle_run(&o);
  float *want = values_new((size_t)images * outputs, 1);
  for (uint32_t i = 0; i < images * outputs; i++) want[i] = fmaxf(oracle_out(&o, 0)[i], 0);
  const blok_epilogue epilogue = {.act = {.kind = BLOK_FN_RELU}, .bias = bias};
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)) != NULL; i++) {
    const uint32_t lanes = isa->lanes;
    const size_t wide_in = blocks_of(inputs, lanes) * lanes;
    const size_t wide_out = blocks_of(outputs, lanes) * lanes;
    float *in = guarded_new(images * slots * wide_in);
    memset(in, 0, images * slots * wide_in * sizeof *in);
    for (uint32_t part = 0; part < images * slots; part++) {
      memcpy(in + part * wide_in, parts + (size_t)part * inputs, inputs * sizeof *in);
    }
    float *packed = guarded_new(blok_excite_packed_floats(inputs, outputs, lanes));
    blok_excite_pack(weights, inputs, 1, inputs, outputs, lanes, packed);
    float *scratch = guarded_new(blok_excite_scratch_floats(inputs, lanes));
    const blok_excite_args args = {.images = images,
                                   .inputs = inputs,
                                   .outputs = outputs,
                                   .slots = slots,
                                   .in = in,
                                   .divisor = divisor,
                                   .weights = packed,
                                   .epilogue = &epilogue,
                                   .out = guarded_new(images * wide_out)};
    const uint32_t cells = blok_excite_cells(images, inputs, outputs, lanes);
    isa->pool->excite(&args, 0, cells / 2, scratch);
    isa->pool->excite(&args, cells / 2, cells, scratch);
    char name[80];
    snprintf(name, sizeof name, "%s: excite %u from %u", isa->name, outputs, inputs);
    for (uint32_t n = 0; n < images; n++) {
      oracle_same(args.out + n * wide_out, want + (size_t)n * outputs, outputs, 1e-5, name);
      for (size_t c = outputs; c < wide_out; c++) {
        ck_assert_msg(args.out[n * wide_out + c] == 0, "%s: padding lane %zu", name, c);
      }
    }
    guarded_free(args.out);
    guarded_free(scratch);
    guarded_free(packed);
    guarded_free(in);
  }
  oracle_free(&o);
  free(weights);
  free(bias);
  free(parts);
  free(mean);
  free(want);
}

START_TEST(excite__equals_reference_for_every_width) {
  for (uint32_t outputs = 1; outputs <= 70; outputs += outputs < 34 ? 1 : 6) {
    check_excite(1 + outputs % 3, outputs % 11 + 1, outputs, 1);
    check_excite(1, 37, outputs, 1 + outputs % 5);
  }
  check_excite(3, 96, 300, 4);
  check_excite(2, 520, 65, 2);
}
END_TEST

START_TEST(scale__multiplies_each_channel_in_place_and_not) {
  for (uint32_t channels = 1; channels <= 33; channels += 4) {
    const uint32_t pixels = 41;
    float *x = values_new((size_t)2 * channels * pixels, 12);
    float *want = values_new((size_t)2 * channels * pixels, 1);
    float factors[2 * 48];
    fill_values(factors, 2 * 48, 13);
    for (uint32_t i = 0; i < 2 * channels * pixels; i++) {
      const uint32_t c = i / pixels % channels, n = i / pixels / channels;
      want[i] = x[i] * factors[n * 48 + c];
    }
    const blok_isa *isa;
    for (uint32_t i = 0; (isa = tested_isa(i)) != NULL; i++) {
      const uint32_t blocks = blocks_of(channels, isa->lanes);
      float *in = blocked_of(x, 2, channels, pixels, isa->lanes);
      float *out = blocked_room(2, channels, pixels, isa->lanes);
      const size_t plane = plane_floats(pixels, isa->lanes);
      blok_scale_args args = {.images = 2,
                              .blocks = blocks,
                              .pixels = pixels,
                              .strips = 3,
                              .in = {in, blocks * plane, plane},
                              .out = {out, blocks * plane, plane},
                              .scale = factors,
                              .scale_stride = 48};
      isa->pool->scale(&args, 0, 2);
      isa->pool->scale(&args, 2, 2 * blocks * 3);
      float *plain = plain_of(out, 2, channels, pixels, isa->lanes);
      oracle_same(plain, want, (size_t)2 * channels * pixels, 0, isa->name);
      free(plain);
      args.out.data = in;
      isa->pool->scale(&args, 0, 2 * blocks * 3);
      plain = plain_of(in, 2, channels, pixels, isa->lanes);
      oracle_same(plain, want, (size_t)2 * channels * pixels, 0, isa->name);
      free(plain);
      guarded_free(in);
      guarded_free(out);
    }
    free(x);
    free(want);
  }
}
END_TEST

// ---- Speed --------------------------------------------------------------------------------------

typedef struct timing {
  const blok_isa *isa;
  blok_pool_args pool;
  blok_planes_args planes;
  blok_excite_args excite;
  uint32_t cells;
  float *scratch;
} timing;

static void time_max(void *context) {
  const timing *t = context;
  t->isa->pool->max(&t->pool, 0, t->cells);
}
static void time_average(void *context) {
  const timing *t = context;
  t->isa->pool->average(&t->pool, 0, t->cells);
}
static void time_planes(void *context) {
  const timing *t = context;
  t->isa->pool->sum_planes(&t->planes, 0, t->cells);
}
static void time_excite(void *context) {
  const timing *t = context;
  t->isa->pool->excite(&t->excite, 0, t->cells, t->scratch);
}

static void time_windows(const blok_isa *isa) {
  static const shape shapes[] = {{1, 64, 112, 112, 3, 3, 2, 1, 1, 1, 1, 1, false},
                                 {1, 128, 56, 56, 2, 2, 2, 1, 0, 0, 0, 0, false},
                                 {1, 256, 14, 14, 3, 3, 1, 1, 1, 1, 1, 1, false}};
  for (uint32_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const shape *s = &shapes[i];
    float *x = values_new((size_t)s->channels * s->h * s->w, 1);
    blok_tensor out = BLOK_TENSOR_INIT;
    out.dims[2] = (s->h + s->top + s->bottom - s->kernel_h) / s->stride + 1;
    out.dims[3] = (s->w + s->left + s->right - s->kernel_w) / s->stride + 1;
    timing t = {.isa = isa, .pool = operands_new(s, x, &out, isa->lanes)};
    t.cells = blocks_of(s->channels, isa->lanes) * t.pool.strips;
    const double bytes =
        4.0 * s->channels * (s->h * s->w + t.pool.window.out_h * t.pool.window.out_w);
    char name[80];
    snprintf(name, sizeof name, "%ux%ux%u k%u s%u", s->channels, s->h, s->w, s->kernel_w,
             s->stride);
    speed_line("max pool", isa, name, 0, bytes, time_max, &t);
    speed_line("average pool", isa, name, 0, bytes, time_average, &t);
    free(x);
    let_go(t.pool.in.data);
    guarded_free(t.pool.out.data);
  }
}

static void time_global(const blok_isa *isa) {
  const uint32_t blocks = blocks_of(960, isa->lanes);
  float *x = values_new(960 * 49, 1);
  timing t = {.isa = isa, .planes = {.images = 1, .blocks = blocks, .pixels = 49, .slots = 1}};
  t.planes.in.data = blocked_of(x, 1, 960, 49, isa->lanes);
  t.planes.in.plane_stride = plane_floats(49, isa->lanes);
  t.planes.out = guarded_new(960);
  t.cells = blocks;
  speed_line("plane sums", isa, "960x7x7", 0, 4.0 * 960 * 49, time_planes, &t);
  guarded_free(t.planes.out);
  let_go(t.planes.in.data);
  free(x);
}

static void time_products(const blok_isa *isa) {
  static const uint32_t sizes[][2] = {{96, 4}, {480, 20}, {960, 240}, {240, 960}, {1152, 48}};
  for (uint32_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const uint32_t inputs = sizes[i][0], outputs = sizes[i][1];
    float *weights = values_new((size_t)inputs * outputs, 1);
    float *packed = guarded_new(blok_excite_packed_floats(inputs, outputs, isa->lanes));
    blok_excite_pack(weights, inputs, 1, inputs, outputs, isa->lanes, packed);
    float *in = guarded_new(inputs + 16);
    fill_values(in, inputs + 16, 2);
    timing t = {.isa = isa,
                .excite = {.images = 1,
                           .inputs = inputs,
                           .outputs = outputs,
                           .slots = 1,
                           .in = in,
                           .divisor = 49,
                           .weights = packed,
                           .out = guarded_new(outputs + 16)},
                .scratch = guarded_new(inputs + 16)};
    t.cells = blok_excite_cells(1, inputs, outputs, isa->lanes);
    char name[80];
    snprintf(name, sizeof name, "%u from %u", outputs, inputs);
    speed_line("excite", isa, name, 2.0 * inputs * outputs, 4.0 * inputs * outputs, time_excite,
               &t);
    guarded_free(t.scratch);
    guarded_free(t.excite.out);
    guarded_free(in);
    guarded_free(packed);
    free(weights);
  }
}

START_TEST(pool__speed) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)) != NULL; i++) {
    time_windows(isa);
    time_global(isa);
    time_products(isa);
  }
}
END_TEST

Suite *suite_pool(void) {
  Suite *suite = suite_create("pool");
  TCase *tests = tcase_create("pool");
  tcase_set_timeout(tests, 120);
  if (speed_wanted()) {
    tcase_add_test(tests, pool__speed);
  } else {
    tcase_add_test(tests, pool__equals_reference_for_every_channel_count);
    tcase_add_test(tests, pool__equals_reference_for_every_kernel_stride_and_width);
    tcase_add_test(tests, pool__equals_reference_with_dilation_and_uneven_windows);
    tcase_add_test(tests, pool__keeps_nan_and_infinity_as_the_reference_does);
    tcase_add_test(tests, pool__applies_the_epilogue_and_sums_results);
    tcase_add_test(tests, planes__equal_global_pools_of_the_reference);
    tcase_add_test(tests, excite__equals_reference_for_every_width);
    tcase_add_test(tests, scale__multiplies_each_channel_in_place_and_not);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
