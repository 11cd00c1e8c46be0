// Resize by tables: every mode and coordinate rule, blocked, channels last and planes.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "reference/resize_axis.h"
#include "runtime/kernels/layout.h"
#include "speed.h"

typedef struct resize_case {
  const char *mode, *transform, *rounding;
  int64_t in[2], out[2];
  bool antialias;
  uint32_t channels;
  float not_a_number;  // put into one element where it is not 0
} resize_case;

enum { IMAGES = 2, MOST_OUT = 64, MOST_TAPS = 24 };

typedef struct tables {
  int32_t cells[2][MOST_OUT * MOST_TAPS];
  float weights[2][MOST_OUT * MOST_TAPS];
} tables;

static blok_scaled_axis table_of(const oracle *asked, const resize_case *t, int axis, tables *at) {
  blok_resize_how how;
  const char *what;
  ck_assert(blok_resize_read(blok_node_at(asked->graph, asked->node), &how, &what));
  const blok_resize_axis about = {t->in[axis],         t->out[axis],  (double)t->out[axis],
                                  (double)t->in[axis], (double)-0.2f, (double)1.1f};
  int32_t *cells = at->cells[axis];
  float *weights = at->weights[axis];
  blok_scaled_axis out = {(size_t)t->in[axis], (size_t)t->out[axis], 1, cells, NULL};
  for (int64_t i = 0; how.mode == BLOK_RESIZE_NEAREST && i < t->out[axis]; i++) {
    cells[i] = (int32_t)blok_resize_nearest(&how, &about, i);
  }
  if (how.mode == BLOK_RESIZE_NEAREST) return out;
  const int64_t taps = blok_resize_taps(&how, &about);
  ck_assert_int_le(taps, MOST_TAPS);
  out.taps = (uint32_t)taps;
  out.weights = weights;
  for (int64_t i = 0; i < t->out[axis]; i++) {
    int64_t wide[MOST_TAPS];
    double fine[MOST_TAPS];
    const bool inside = blok_resize_weigh(&how, &about, i, wide, fine);
    for (int64_t k = 0; k < taps; k++) {
      cells[i * taps + k] = (int32_t)wide[k];
      weights[i * taps + k] = (float)fine[k];
    }
    if (!inside) cells[i * taps] = -1;
  }
  return out;
}

static void ask(oracle *self, const resize_case *t, const float *x, const int64_t *dims) {
  static const float roi[] = {0, 0, -0.2f, -0.2f, 1, 1, 1.1f, 1.1f};
  static int64_t sizes[4];
  const int64_t eight = 8, four = 4;
  memcpy(sizes, dims, sizeof sizes);
  sizes[2] = t->out[0];
  sizes[3] = t->out[1];
  oracle_init(self, "Resize", 4, 1);
  oracle_text(self, "mode", t->mode);
  oracle_text(self, "coordinate_transformation_mode", t->transform);
  oracle_text(self, "nearest_mode", t->rounding);
  oracle_int(self, "antialias", t->antialias);
  oracle_float(self, "extrapolation_value", 2.5);
  oracle_in(self, 0, x, 4, dims);
  if (strcmp(t->transform, "tf_crop_and_resize") == 0) oracle_in(self, 1, roi, 1, &eight);
  oracle_in_of(self, 3, BLOK_I64, sizes, 1, &four);
  oracle_run(self);
}

static void check_blocked(const blok_isa *isa, blok_scaling job, const float *x, const float *want,
                          const char *what) {
  const uint32_t in = (uint32_t)(job.y.in * job.x.in), out = (uint32_t)(job.y.out * job.x.out);
  float *from = blocked_of(x, IMAGES, job.channels, in, isa->lanes);
  float *to = blocked_room(IMAGES, job.channels, out, isa->lanes);
  job.from = from;
  job.to = to;
  job.blocked = true;
  job.from_batch = blocked_floats(1, job.channels, in, isa->lanes);
  job.to_batch = blocked_floats(1, job.channels, out, isa->lanes);
  job.from_plane = plane_floats(in, isa->lanes);
  job.to_plane = plane_floats(out, isa->lanes);
  job.from_pixel = job.to_pixel = isa->lanes;
  for (size_t cell = blok_scaling_channel_cells(&job, isa->lanes); cell-- > 0;) {
    isa->layout->scale_channels(&job, cell, cell + 1);
  }
  float *got = plain_of(to, IMAGES, job.channels, out, isa->lanes);
  oracle_same(got, want, (size_t)IMAGES * job.channels * out, 1e-6, what);
  free(got);
  guarded_free(from);
  guarded_free(to);
}

static void check_last(const blok_isa *isa, blok_scaling job, const float *x, const float *want,
                       const char *what) {
  const size_t in = job.y.in * job.x.in, out = job.y.out * job.x.out, channels = job.channels;
  float *from = guarded_new(IMAGES * channels * in), *to = guarded_new(IMAGES * channels * out);
  float *got = malloc(sizeof *got * IMAGES * channels * out);
  ck_assert_ptr_nonnull(got);
  for (size_t i = 0; i < IMAGES * channels * in; i++) {
    from[(i / in / channels * in + i % in) * channels + i / in % channels] = x[i];
  }
  job.from = from;
  job.to = to;
  job.from_batch = channels * in;
  job.to_batch = channels * out;
  job.from_plane = job.to_plane = isa->lanes;
  job.from_pixel = job.to_pixel = channels;
  for (size_t cell = blok_scaling_channel_cells(&job, isa->lanes); cell-- > 0;) {
    isa->layout->scale_channels(&job, cell, cell + 1);
  }
  for (size_t i = 0; i < IMAGES * channels * out; i++) {
    got[i] = to[(i / out / channels * out + i % out) * channels + i / out % channels];
  }
  oracle_same(got, want, IMAGES * channels * out, 1e-6, what);
  free(got);
  guarded_free(from);
  guarded_free(to);
}

static void check_planes(const blok_isa *isa, blok_scaling job, const float *x, const float *want,
                         const char *what) {
  const size_t in = job.y.in * job.x.in, out = job.y.out * job.x.out;
  const size_t count = IMAGES * job.channels * out;
  float *from = guarded_new(IMAGES * job.channels * in), *to = guarded_new(count);
  float *scratch = guarded_new(blok_scaling_scratch(&job));
  memcpy(from, x, IMAGES * job.channels * in * sizeof *from);
  job.from = from;
  job.to = to;
  job.from_batch = job.channels * in;
  job.to_batch = job.channels * out;
  job.from_plane = in;
  job.to_plane = out;
  for (size_t cell = blok_scaling_plane_cells(&job); cell-- > 0;) {
    isa->layout->scale_planes(&job, cell, cell + 1, scratch);
  }
  oracle_same(to, want, count, 1e-6, what);
  guarded_free(from);
  guarded_free(to);
  guarded_free(scratch);
}

static void check_resize(const resize_case *t) {
  const int64_t dims[] = {IMAGES, t->channels, t->in[0], t->in[1]};
  const size_t count = (size_t)(dims[0] * dims[1] * dims[2] * dims[3]);
  float *x = guarded_new(count);
  fill_values(x, count, t->channels);
  if (t->not_a_number < 0 || t->not_a_number > 0 || isnan(t->not_a_number)) {
    x[count / 2] = t->not_a_number;
  }
  oracle asked;
  ask(&asked, t, x, dims);
  static tables at;
  blok_scaling job = {.images = IMAGES, .channels = t->channels, .outside = 2.5f};
  job.y = table_of(&asked, t, 0, &at);
  job.x = table_of(&asked, t, 1, &at);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    char what[160];
    snprintf(what, sizeof what, "%s: %s %s %s %lldx%lld to %lldx%lld, %u channels", isa->name,
             t->mode, t->transform, t->rounding, (long long)t->in[0], (long long)t->in[1],
             (long long)t->out[0], (long long)t->out[1], t->channels);
    check_blocked(isa, job, x, oracle_out(&asked, 0), what);
    check_last(isa, job, x, oracle_out(&asked, 0), what);
    check_planes(isa, job, x, oracle_out(&asked, 0), what);
  }
  oracle_free(&asked);
  guarded_free(x);
}

static const char *const transforms[] = {"half_pixel",         "half_pixel_symmetric",
                                         "pytorch_half_pixel", "align_corners",
                                         "asymmetric",         "tf_crop_and_resize"};
static const int64_t sides[][4] = {{5, 7, 10, 14}, {9, 4, 5, 13}, {3, 11, 1, 11}, {1, 1, 4, 3}};

START_TEST(resize__nearest_takes_the_reference_s_cells) {
  static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                          "ceil"};
  for (int t = 0; t < 6; t++) {
    for (int r = 0; r < 4; r++) {
      for (int s = 0; s < 4; s++) {
        const resize_case asked = {"nearest",
                                   transforms[t],
                                   roundings[r],
                                   {sides[s][0], sides[s][1]},
                                   {sides[s][2], sides[s][3]},
                                   false,
                                   11,
                                   0};
        check_resize(&asked);
      }
    }
  }
}
END_TEST

static void check_weighted(const char *mode) {
  for (int t = 0; t < 6; t++) {
    for (int s = 0; s < 4; s++) {
      for (int antialias = 0; antialias < 2; antialias++) {
        const resize_case asked = {mode,
                                   transforms[t],
                                   "floor",
                                   {sides[s][0], sides[s][1]},
                                   {sides[s][2], sides[s][3]},
                                   antialias != 0,
                                   5,
                                   0};
        check_resize(&asked);
      }
    }
  }
}

START_TEST(resize__linear_weighs_as_the_reference_does) { check_weighted("linear"); }
END_TEST

START_TEST(resize__cubic_weighs_as_the_reference_does) { check_weighted("cubic"); }
END_TEST

START_TEST(resize__takes_every_count_of_channels) {
  for (uint32_t channels = 1; channels <= 33; channels++) {
    const resize_case linear = {"linear", "half_pixel", "floor",  {5, 6},
                                {9, 12},  false,        channels, 0};
    const resize_case nearest = {"nearest", "asymmetric", "floor",  {3, 4},
                                 {6, 8},    false,        channels, 0};
    check_resize(&linear);
    check_resize(&nearest);
  }
}
END_TEST

START_TEST(resize__leaves_out_cells_of_weight_zero_that_are_no_numbers) {
  const resize_case nan = {"linear", "align_corners", "floor", {5, 5}, {9, 9}, false, 3, NAN};
  const resize_case infinite = {"linear", "align_corners", "floor", {5, 5},
                                {9, 9},   false,           9,       INFINITY};
  check_resize(&nan);
  check_resize(&infinite);
}
END_TEST

// ---- Speed --------------------------------------------------------------------------------------

typedef struct timed_scaling {
  const blok_isa *isa;
  blok_scaling job;
} timed_scaling;

static void run_timed_scaling(void *context) {
  const timed_scaling *self = context;
  const blok_scaling *job = &self->job;
  self->isa->layout->scale_channels(job, 0, blok_scaling_channel_cells(job, self->isa->lanes));
}

START_TEST(speed__of_resizes) {
  enum { IN = 28, OUT = 56, CHANNELS = 128 };
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    static tables at;
    float *from = guarded_new(blocked_floats(1, CHANNELS, IN * IN, isa->lanes));
    float *to = guarded_new(blocked_floats(1, CHANNELS, OUT * OUT, isa->lanes));
    fill_values(from, blocked_floats(1, CHANNELS, IN * IN, isa->lanes), 1);
    for (int linear = 0; linear < 2; linear++) {
      const resize_case t = {
          linear ? "linear" : "nearest", "half_pixel", "floor", {IN, IN}, {OUT, OUT}, false, 1, 0};
      static const int64_t dims[] = {1, 1, IN, IN};
      oracle asked;
      ask(&asked, &t, from, dims);
      timed_scaling timed = {isa,
                             {.from = from,
                              .to = to,
                              .from_plane = plane_floats(IN * IN, isa->lanes),
                              .to_plane = plane_floats(OUT * OUT, isa->lanes),
                              .from_pixel = isa->lanes,
                              .to_pixel = isa->lanes,
                              .images = 1,
                              .channels = CHANNELS,
                              .blocked = true}};
      timed.job.y = table_of(&asked, &t, 0, &at);
      timed.job.x = table_of(&asked, &t, 1, &at);
      speed_line("layout resize", isa, linear ? "linear 128x28x28 x2" : "nearest 128x28x28 x2", 0,
                 4.0 * CHANNELS * (IN * IN + OUT * OUT), run_timed_scaling, &timed);
      oracle_free(&asked);
    }
    guarded_free(from);
    guarded_free(to);
  }
}
END_TEST

Suite *suite_layout_resize(void);
Suite *suite_layout_resize(void) {
  Suite *suite = suite_create("layout_resize");
  TCase *tests = tcase_create("resize");
  tcase_set_timeout(tests, 60);
  if (speed_wanted()) {
    tcase_add_test(tests, speed__of_resizes);
  } else {
    tcase_add_test(tests, resize__nearest_takes_the_reference_s_cells);
    tcase_add_test(tests, resize__linear_weighs_as_the_reference_does);
    tcase_add_test(tests, resize__cubic_weighs_as_the_reference_does);
    tcase_add_test(tests, resize__takes_every_count_of_channels);
    tcase_add_test(tests, resize__leaves_out_cells_of_weight_zero_that_are_no_numbers);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
