// The speed of products and convolutions: the layers of ResNet-50 and some others.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "conv_kit.h"
#include "oracle.h"
#include "runtime/kernels/openblas.h"
#include "speed.h"

Suite *suite_conv_speed(void);

static void run_cell(void *context, uint32_t cell) {
  conv_kit *kit = context;
  blok_conv_cells(&kit->conv, cell, cell + 1, kit->scratch);
}

static void time_conv(const blok_isa *isa, const conv_case *c) {
  conv_kit kit;
  conv_kit_init(&kit, isa, c);
  const blok_conv_filter *f = &kit.filter;
  const blok_conv_shape *s = &kit.shape;
  const size_t taps = (size_t)f->kernel_h * f->kernel_w;
  const size_t weights = f->in_channels / f->groups * taps * f->out_channels;
  const size_t in_count = (size_t)s->images * f->in_channels * s->in_h * s->in_w;
  float *w = malloc(weights * sizeof *w), *in = malloc(in_count * sizeof *in);
  ck_assert(w && in);
  fill_values(w, weights, 1);
  fill_values(in, in_count, 2);
  conv_kit_pack(&kit, w, NULL);
  conv_kit_operands(&kit, in, NULL);
  kit.epilogue.act.kind = BLOK_FN_RELU;
  char shape[128];
  snprintf(shape, sizeof shape, "%ux%ux%ux%u->%u %ux%u/%d g%u", s->images, f->in_channels, s->in_h,
           s->in_w, f->out_channels, f->kernel_h, f->kernel_w, s->stride_h, f->groups);
  const double flops = 2.0 * (double)weights * s->images * s->out_h * s->out_w;
  speed_line_parts("conv", isa, shape, flops, 0, s->cells, run_cell, &kit);
  free(w);
  free(in);
  conv_kit_free(&kit);
}

static void time_matrix(const blok_isa *isa, uint32_t m, uint32_t k, uint32_t n) {
  conv_kit kit;
  conv_kit_init_matrix(&kit, isa, m, k, n);
  float *w = malloc(sizeof *w * k * n), *in = malloc(sizeof *in * m * k);
  ck_assert(w && in);
  fill_values(w, (size_t)k * n, 1);
  fill_values(in, (size_t)m * k, 2);
  conv_kit_pack_matrix(&kit, w, true);
  conv_kit_operands_matrix(&kit, in, k);
  char shape[64];
  snprintf(shape, sizeof shape, "%ux%u by %ux%u", m, k, k, n);
  speed_line_parts("gemm", isa, shape, 2.0 * m * k * n, m == 1 ? 4.0 * k * n : 0, kit.shape.cells,
                   run_cell, &kit);
  free(w);
  free(in);
  conv_kit_free(&kit);
}

typedef struct pack_job {
  conv_kit *kit;
  const float *weights;
  blok_conv_source source;
} pack_job;

static void run_pack(void *context) {
  pack_job *job = context;
  blok_conv_pack(&job->kit->filter, &job->source, 0, blok_conv_panels(&job->kit->filter),
                 job->kit->packed);
}

static void time_pack(const blok_isa *isa, const conv_case *c, bool columns) {
  conv_kit kit;
  conv_kit_init(&kit, isa, c);
  const blok_conv_filter *f = &kit.filter;
  const size_t taps = (size_t)f->kernel_h * f->kernel_w;
  const size_t weights = f->out_channels * f->in_channels * taps;
  float *w = malloc(weights * sizeof *w);
  ck_assert_ptr_nonnull(w);
  fill_values(w, weights, 1);
  pack_job job = {.kit = &kit,
                  .source = {.data = w,
                             .out = columns ? 1 : (ptrdiff_t)(f->in_channels * taps),
                             .in = columns ? (ptrdiff_t)f->out_channels : (ptrdiff_t)taps,
                             .tap_h = f->kernel_w,
                             .tap_w = 1}};
  char shape[64];
  snprintf(shape, sizeof shape, "%s %ux%ux%ux%u", columns ? "[K][N]" : "[O][C]", f->out_channels,
           f->in_channels, f->kernel_h, f->kernel_w);
  speed_line("pack", isa, shape, 0, 8.0 * (double)weights, run_pack, &job);
  free(w);
  conv_kit_free(&kit);
}

// A product whose second operand is packed at each run, by our kernel and by OpenBLAS.
typedef struct dynamic_job {
  conv_kit *kit;
  const float *b;
  blok_openblas_job openblas;
} dynamic_job;

static void run_dynamic(void *context) {
  dynamic_job *job = context;
  conv_kit *kit = job->kit;
  const blok_conv_source source = {
      .data = job->b, .out = 1, .in = kit->filter.out_channels, .tap_h = 1, .tap_w = 1};
  blok_conv_pack(&kit->filter, &source, 0, blok_conv_panels(&kit->filter), kit->packed);
  blok_conv_cells(&kit->conv, 0, kit->shape.cells, kit->scratch);
}

static void run_openblas(void *context) {
  dynamic_job *job = context;
  (void)blok_openblas_multiply(&job->openblas);
}

static void time_dynamic(const blok_isa *isa, uint32_t m, uint32_t k, uint32_t n) {
  conv_kit kit;
  conv_kit_init_matrix(&kit, isa, m, k, n);
  float *b = malloc(sizeof *b * k * n), *in = malloc(sizeof *in * m * k);
  ck_assert(b && in);
  fill_values(b, (size_t)k * n, 1);
  fill_values(in, (size_t)m * k, 2);
  conv_kit_operands_matrix(&kit, in, k);
  dynamic_job job = {.kit = &kit, .b = b};
  job.openblas =
      (blok_openblas_job){.m = m, .n = n, .k = k, .alpha = 1, .a = kit.in, .b = b, .c = kit.out};
  char shape[64];
  snprintf(shape, sizeof shape, "%ux%u by %ux%u, packed in the run", m, k, k, n);
  speed_line("gemm", isa, shape, 2.0 * m * k * n, 0, run_dynamic, &job);
  snprintf(shape, sizeof shape, "%ux%u by %ux%u", m, k, k, n);
  if (blok_openblas()) speed_line("openblas", isa, shape, 2.0 * m * k * n, 0, run_openblas, &job);
  free(b);
  free(in);
  conv_kit_free(&kit);
}

// In the order of the network; 1x1 of a block's first and of its later places.
static const conv_case layers[] = {
    {1, 3, 64, 1, 224, 224, 7, 7, 2, 2, 1, 1, {3, 3, 3, 3}},
    {1, 64, 64, 1, 56, 56, 1, 1, 1, 1, 1, 1, {0}},
    {1, 64, 64, 1, 56, 56, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
    {1, 64, 256, 1, 56, 56, 1, 1, 1, 1, 1, 1, {0}},
    {1, 256, 64, 1, 56, 56, 1, 1, 1, 1, 1, 1, {0}},
    {1, 256, 128, 1, 56, 56, 1, 1, 1, 1, 1, 1, {0}},
    {1, 128, 128, 1, 56, 56, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}},
    {1, 256, 512, 1, 56, 56, 1, 1, 2, 2, 1, 1, {0}},
    {1, 128, 512, 1, 28, 28, 1, 1, 1, 1, 1, 1, {0}},
    {1, 512, 128, 1, 28, 28, 1, 1, 1, 1, 1, 1, {0}},
    {1, 128, 128, 1, 28, 28, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
    {1, 512, 256, 1, 28, 28, 1, 1, 1, 1, 1, 1, {0}},
    {1, 256, 256, 1, 28, 28, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}},
    {1, 512, 1024, 1, 28, 28, 1, 1, 2, 2, 1, 1, {0}},
    {1, 256, 1024, 1, 14, 14, 1, 1, 1, 1, 1, 1, {0}},
    {1, 1024, 256, 1, 14, 14, 1, 1, 1, 1, 1, 1, {0}},
    {1, 256, 256, 1, 14, 14, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
    {1, 1024, 512, 1, 14, 14, 1, 1, 1, 1, 1, 1, {0}},
    {1, 512, 512, 1, 14, 14, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}},
    {1, 1024, 2048, 1, 14, 14, 1, 1, 2, 2, 1, 1, {0}},
    {1, 512, 2048, 1, 7, 7, 1, 1, 1, 1, 1, 1, {0}},
    {1, 2048, 512, 1, 7, 7, 1, 1, 1, 1, 1, 1, {0}},
    {1, 512, 512, 1, 7, 7, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
    // MobileNet's and EfficientNet's narrow ones, a wide group, a WideResNet's.
    {1, 3, 32, 1, 224, 224, 3, 3, 2, 2, 1, 1, {1, 1, 1, 1}},
    {1, 32, 16, 1, 112, 112, 1, 1, 1, 1, 1, 1, {0}},
    {1, 24, 144, 1, 56, 56, 1, 1, 1, 1, 1, 1, {0}},
    {1, 144, 24, 1, 56, 56, 1, 1, 1, 1, 1, 1, {0}},
    {1, 960, 160, 1, 7, 7, 1, 1, 1, 1, 1, 1, {0}},
    {1, 256, 256, 8, 28, 28, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
    {1, 16, 16, 1, 32, 32, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
    {1, 160, 160, 1, 32, 32, 3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
};

START_TEST(speed) {
  const blok_isa *isa = tested_isa((uint32_t)_i);
  if (!isa) return;
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) time_conv(isa, &layers[i]);
  time_matrix(isa, 1, 2048, 1000);
  time_matrix(isa, 8, 2048, 1000);
  time_matrix(isa, 197, 768, 768);
  time_matrix(isa, 197, 768, 3072);
  time_matrix(isa, 512, 512, 512);
  time_dynamic(isa, 49, 32, 49);
  time_dynamic(isa, 197, 64, 197);
  time_dynamic(isa, 197, 197, 64);
  time_dynamic(isa, 512, 512, 512);
  time_dynamic(isa, 1024, 1024, 1024);
  time_pack(isa, &layers[16], false);
  time_pack(isa, &layers[21], false);
  time_pack(isa, &layers[14], false);
  time_pack(isa, &layers[21], true);
}
END_TEST

Suite *suite_conv_speed(void) {
  Suite *suite = suite_create("conv_speed");
  TCase *tcase = tcase_create("speed");
  tcase_set_timeout(tcase, 600);
  if (speed_wanted()) tcase_add_loop_test(tcase, speed, 0, 3);
  suite_add_tcase(suite, tcase);
  return suite;
}
