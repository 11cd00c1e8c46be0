// Blocked to plain and back, and channels gathered from blocked values: every set, every tail of
// channels and pixels, cells in any order.
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "runtime/kernels/layout.h"
#include "speed.h"

static const uint32_t pixel_counts[] = {1, 2, 7, 8, 9, 15, 16, 17, 49, 255, 256, 300};
enum { PIXEL_COUNTS = sizeof pixel_counts / sizeof *pixel_counts, IMAGES = 2 };

typedef void (*reorder_fn)(const blok_reorder *job, size_t first, size_t last);

// All cells, the last one first: no order may matter.
static void run_backwards(reorder_fn run, const blok_reorder *job, size_t cells) {
  for (size_t cell = cells; cell-- > 0;) run(job, cell, cell + 1);
}

static void same_bits(const float *got, const float *want, size_t count) {
  ck_assert_mem_eq(got, want, count * sizeof *got);
}

// [image][channel][pixel] as [image][pixel][channel], guarded.
static float *last_of(const float *first, uint32_t channels, uint32_t pixels) {
  float *out = guarded_new((size_t)IMAGES * channels * pixels);
  for (size_t n = 0; n < IMAGES; n++) {
    for (size_t c = 0; c < channels; c++) {
      for (size_t p = 0; p < pixels; p++) {
        out[(n * pixels + p) * channels + c] = first[(n * channels + c) * pixels + p];
      }
    }
  }
  return out;
}

static void check_reorder(const blok_isa *isa, uint32_t channels, uint32_t pixels) {
  const uint32_t lanes = isa->lanes;
  const size_t count = (size_t)IMAGES * channels * pixels;
  const size_t whole = blocked_floats(IMAGES, channels, pixels, lanes);
  float *first = guarded_new(count);
  fill_values(first, count, channels * 1000 + pixels);
  float *last = last_of(first, channels, pixels);
  float *blocked = blocked_of(first, IMAGES, channels, pixels, lanes);
  float *blocked_got = blocked_room(IMAGES, channels, pixels, lanes);
  float *blocked_got_last = blocked_room(IMAGES, channels, pixels, lanes);
  float *first_got = guarded_new(count), *last_got = guarded_new(count);

  blok_reorder job = {.from = first,
                      .to = blocked_got,
                      .batch = blocked_floats(1, channels, pixels, lanes),
                      .plane = plane_floats(pixels, lanes),
                      .plain_batch = (size_t)channels * pixels,
                      .plain_row = pixels,
                      .images = IMAGES,
                      .channels = channels,
                      .pixels = pixels};
  const size_t first_cells = blok_reorder_first_cells(&job, lanes);
  const size_t last_cells = blok_reorder_last_cells(&job);
  run_backwards(isa->layout->blocked_from_first, &job, first_cells);
  same_bits(blocked_got, blocked, whole);
  job.from = blocked;
  job.to = first_got;
  run_backwards(isa->layout->first_from_blocked, &job, first_cells);
  same_bits(first_got, first, count);
  job.plain_row = channels;
  job.to = last_got;
  run_backwards(isa->layout->last_from_blocked, &job, last_cells);
  same_bits(last_got, last, count);
  job.from = last;
  job.to = blocked_got_last;
  run_backwards(isa->layout->blocked_from_last, &job, last_cells);
  same_bits(blocked_got_last, blocked, whole);

  guarded_free(first);
  guarded_free(last);
  guarded_free(blocked);
  guarded_free(blocked_got);
  guarded_free(blocked_got_last);
  guarded_free(first_got);
  guarded_free(last_got);
}

START_TEST(reorder__moves_every_channel_and_pixel_and_zeroes_padding_lanes) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (uint32_t channels = 1; channels <= 2 * isa->lanes + 1; channels++) {
      for (int p = 0; p < PIXEL_COUNTS; p++) {
        // Long rows with a few counts of channels only: they take their time.
        if (pixel_counts[p] > 50 && channels % 8 != 1) continue;
        check_reorder(isa, channels, pixel_counts[p]);
      }
    }
  }
}
END_TEST

// ---- Channels -----------------------------------------------------------------------------------

enum { SOURCES = 3 };

typedef struct gathered {
  const blok_isa *isa;
  uint32_t channels, pixels;  // of the destination
  uint32_t source_channels[SOURCES];
  const blok_lane *lanes;
} gathered;

static void check_gathered(const gathered *t) {
  const uint32_t lanes = t->isa->lanes;
  float *plain[SOURCES], *blocked[SOURCES];
  blok_lane_source sources[SOURCES];
  for (uint32_t s = 0; s < SOURCES; s++) {
    const size_t count = (size_t)IMAGES * t->source_channels[s] * t->pixels;
    plain[s] = guarded_new(count);
    fill_values(plain[s], count, s + 7);
    blocked[s] = blocked_of(plain[s], IMAGES, t->source_channels[s], t->pixels, lanes);
    sources[s] =
        (blok_lane_source){blocked[s], blocked_floats(1, t->source_channels[s], t->pixels, lanes),
                           plane_floats(t->pixels, lanes)};
  }
  float *to = blocked_room(IMAGES, t->channels, t->pixels, lanes);
  const blok_channel_move job = {.sources = sources,
                                 .lanes = t->lanes,
                                 .to = to,
                                 .batch = blocked_floats(1, t->channels, t->pixels, lanes),
                                 .plane = plane_floats(t->pixels, lanes),
                                 .images = IMAGES,
                                 .channels = t->channels,
                                 .pixels = t->pixels};
  for (size_t cell = blok_channel_cells(&job, lanes); cell-- > 0;) {
    t->isa->layout->channels(&job, cell, cell + 1);
  }
  guarded_check(to);
  float *got = plain_of(to, IMAGES, t->channels, t->pixels, lanes);
  for (size_t n = 0; n < IMAGES; n++) {
    for (size_t c = 0; c < t->channels; c++) {
      for (size_t p = 0; p < t->pixels; p++) {
        const blok_lane *lane = &t->lanes[c];
        float want = 0;
        if (lane->source != BLOK_LANE_ZERO) {
          const size_t row = n * t->source_channels[lane->source] + lane->channel;
          want = plain[lane->source][row * t->pixels + p];
        }
        ck_assert_msg(got[(n * t->channels + c) * t->pixels + p] == want,
                      "%s: channel %zu of %u, pixel %zu", t->isa->name, c, t->channels, p);
      }
    }
  }
  free(got);
  guarded_free(to);
  for (uint32_t s = 0; s < SOURCES; s++) {
    guarded_free(plain[s]);
    guarded_free(blocked[s]);
  }
}

START_TEST(channels__are_concatenated_at_any_offset) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (uint32_t a = 1; a <= 2 * isa->lanes + 1; a++) {
      for (uint32_t b = 1; b <= isa->lanes + 1; b += 3) {
        blok_lane lanes[128];
        uint32_t n = 0;
        const uint32_t counts[SOURCES] = {a, b, 5};
        for (uint16_t s = 0; s < SOURCES; s++) {
          for (uint32_t c = 0; c < counts[s]; c++) lanes[n++] = (blok_lane){s, c};
        }
        const gathered t = {isa, n, 13, {a, b, 5}, lanes};
        check_gathered(&t);
      }
    }
  }
}
END_TEST

START_TEST(channels__are_sliced_and_shuffled_and_padded_with_zeros) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    const uint32_t most = 3 * isa->lanes;
    for (uint32_t channels = 1; channels <= 2 * isa->lanes + 1; channels++) {
      blok_lane slice[64], shuffle[64], padded[64], scattered[64];
      for (uint32_t c = 0; c < channels; c++) {
        const uint32_t half = (channels + 1) / 2;
        slice[c] = (blok_lane){0, c + isa->lanes - 1};
        shuffle[c] = (blok_lane){0, c % 2 * half + c / 2};
        padded[c] = c < 2 || c > 9 ? (blok_lane){BLOK_LANE_ZERO, 0} : (blok_lane){1, c - 2};
        scattered[c] = (blok_lane){(uint16_t)(c % SOURCES), c * 7 % most};
      }
      const blok_lane *all[] = {slice, shuffle, padded, scattered};
      for (int k = 0; k < 4; k++) {
        const gathered t = {
            isa, channels, k == 0 && channels == isa->lanes ? 1030 : 9, {most, most, most}, all[k]};
        check_gathered(&t);
      }
    }
  }
}
END_TEST

START_TEST(channels__fill_a_block_whose_first_lanes_are_already_there) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    const uint32_t there = isa->lanes - 3, added = 2, pixels = 11, channels = there + added;
    float plain[32 * 11];
    fill_values(plain, channels * pixels, 3);
    float *to = blocked_of(plain, 1, there, pixels, isa->lanes);
    float *more = blocked_of(plain + there * pixels, 1, added, pixels, isa->lanes);
    const blok_lane_source sources[] = {{to, 0, 0}, {more, 0, 0}};
    blok_lane lanes[32];
    for (uint32_t c = 0; c < channels; c++) {
      lanes[c] = c < there ? (blok_lane){0, c} : (blok_lane){1, c - there};
    }
    const blok_channel_move job = {.sources = sources,
                                   .lanes = lanes,
                                   .to = to,
                                   .images = 1,
                                   .channels = channels,
                                   .pixels = pixels};
    isa->layout->channels(&job, 0, blok_channel_cells(&job, isa->lanes));
    float *got = plain_of(to, 1, channels, pixels, isa->lanes);
    same_bits(got, plain, (size_t)channels * pixels);
    free(got);
    guarded_free(to);
    guarded_free(more);
  }
}
END_TEST

// ---- Speed --------------------------------------------------------------------------------------

typedef struct timed_reorder {
  blok_reorder job;
  reorder_fn run;
  size_t cells;
} timed_reorder;

static void run_timed_reorder(void *context) {
  const timed_reorder *self = context;
  self->run(&self->job, 0, self->cells);
}

static void time_reorders(const blok_isa *isa, uint32_t channels, uint32_t pixels) {
  const size_t count = (size_t)channels * pixels;
  float *plain = guarded_new(count);
  fill_values(plain, count, 1);
  float *blocked = blocked_of(plain, 1, channels, pixels, isa->lanes);
  timed_reorder timed = {.job = {.from = plain,
                                 .to = blocked,
                                 .plane = plane_floats(pixels, isa->lanes),
                                 .plain_row = pixels,
                                 .images = 1,
                                 .channels = channels,
                                 .pixels = pixels}};
  const double bytes = 4.0 * (double)(count + blocked_floats(1, channels, pixels, isa->lanes));
  char shape[64];
  snprintf(shape, sizeof shape, "%ux%u", channels, pixels);
  timed.run = isa->layout->blocked_from_first;
  timed.cells = blok_reorder_first_cells(&timed.job, isa->lanes);
  speed_line("layout blocked_from_first", isa, shape, 0, bytes, run_timed_reorder, &timed);
  timed.job.plain_row = channels;
  timed.cells = blok_reorder_last_cells(&timed.job);
  timed.run = isa->layout->blocked_from_last;
  speed_line("layout blocked_from_last", isa, shape, 0, bytes, run_timed_reorder, &timed);
  timed.job.from = blocked;
  timed.job.to = plain;
  timed.run = isa->layout->last_from_blocked;
  speed_line("layout last_from_blocked", isa, shape, 0, bytes, run_timed_reorder, &timed);
  timed.job.plain_row = pixels;
  timed.cells = blok_reorder_first_cells(&timed.job, isa->lanes);
  timed.run = isa->layout->first_from_blocked;
  speed_line("layout first_from_blocked", isa, shape, 0, bytes, run_timed_reorder, &timed);
  guarded_free(plain);
  guarded_free(blocked);
}

typedef struct timed_move {
  const blok_isa *isa;
  blok_channel_move job;
} timed_move;

static void run_timed_move(void *context) {
  const timed_move *self = context;
  self->isa->layout->channels(&self->job, 0, blok_channel_cells(&self->job, self->isa->lanes));
}

static void time_moves(const blok_isa *isa, uint32_t channels, uint32_t pixels) {
  static const char *const names[] = {"aligned", "shifted by 4", "shuffle of 2 groups"};
  const size_t whole = blocked_floats(1, channels + isa->lanes, pixels, isa->lanes);
  float *from = guarded_new(whole), *to = guarded_new(whole);
  fill_values(from, whole, 1);
  const blok_lane_source source = {from, 0, plane_floats(pixels, isa->lanes)};
  blok_lane lanes[1024];
  timed_move timed = {isa,
                      {.sources = &source,
                       .lanes = lanes,
                       .to = to,
                       .plane = source.plane,
                       .images = 1,
                       .channels = channels,
                       .pixels = pixels}};
  for (int how = 0; how < 3; how++) {
    for (uint32_t c = 0; c < channels; c++) {
      const uint32_t from_channel[] = {c, c + 4, c % 2 * (channels / 2) + c / 2};
      lanes[c] = (blok_lane){0, from_channel[how]};
    }
    char shape[64];
    snprintf(shape, sizeof shape, "%ux%u %s", channels, pixels, names[how]);
    speed_line("layout channels", isa, shape, 0, 8.0 * channels * pixels, run_timed_move, &timed);
  }
  guarded_free(from);
  guarded_free(to);
}

START_TEST(speed__of_reorders_and_channel_moves) {
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    time_reorders(isa, 3, 224 * 224);
    time_reorders(isa, 96, 56 * 56);
    time_reorders(isa, 512, 7 * 7);
    time_moves(isa, 256, 14 * 14);
  }
}
END_TEST

Suite *suite_layout(void);
Suite *suite_layout(void) {
  Suite *suite = suite_create("layout");
  TCase *tests = tcase_create("layout");
  tcase_set_timeout(tests, 60);
  if (speed_wanted()) {
    tcase_add_test(tests, speed__of_reorders_and_channel_moves);
  } else {
    tcase_add_test(tests, reorder__moves_every_channel_and_pixel_and_zeroes_padding_lanes);
    tcase_add_test(tests, channels__are_concatenated_at_any_offset);
    tcase_add_test(tests, channels__are_sliced_and_shuffled_and_padded_with_zeros);
    tcase_add_test(tests, channels__fill_a_block_whose_first_lanes_are_already_there);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
