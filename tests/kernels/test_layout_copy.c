// Copies between strides, by tables and by index, and casts: every element size, odd strides.
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "runtime/kernels/layout.h"
#include "speed.h"

static uint32_t draw(uint32_t *state, uint32_t below) {
  *state = *state * 1664525u + 1013904223u;
  return (*state >> 8) % below;
}

// Bytes that do not repeat soon.
static void fill_bytes(uint8_t *bytes, size_t count, uint32_t seed) {
  for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)draw(&seed, 256);
}

// ---- Between strides ----------------------------------------------------------------------------

enum { ROOM = 24576, CANARY = 0x5a };

typedef struct places {
  uint8_t from[ROOM], want[ROOM], got[ROOM];
} places;

// Element by element, as the strides say.
static void copy_plainly(const blok_copy *job) {
  size_t index[BLOK_COPY_RANK] = {0};
  for (;;) {
    const uint8_t *from = job->from;
    uint8_t *to = job->to;
    for (uint32_t a = 0; a < job->rank; a++) {
      from += (ptrdiff_t)index[a] * job->from_stride[a];
      to += (ptrdiff_t)index[a] * job->to_stride[a];
    }
    memcpy(to, from, job->size);
    uint32_t a = job->rank;
    while (a-- > 0) {
      if (++index[a] < job->dims[a]) break;
      index[a] = 0;
    }
    if (a == UINT32_MAX) return;
  }
}

static void check_copy(const blok_isa *isa, const blok_copy *asked, places *at, const char *what) {
  memset(at->want, CANARY, ROOM);
  memset(at->got, CANARY, ROOM);
  blok_copy job = *asked;
  const ptrdiff_t offset = (uint8_t *)job.to - at->got;
  job.to = at->want + offset;
  copy_plainly(&job);
  job.to = at->got + offset;
  blok_copy_plan(&job);
  for (size_t cell = blok_copy_cells(&job); cell-- > 0;) isa->layout->copy(&job, cell, cell + 1);
  ck_assert_msg(memcmp(at->got, at->want, ROOM) == 0, "%s: %s", isa->name, what);
}

// Destination axes in any order and with gaps; the source's strides of any sign, or 0.
static void draw_copy(uint32_t *state, places *at, blok_copy *job) {
  static const size_t sizes[] = {1, 2, 4, 4, 4, 8, 16, 12};
  memset(job, 0, sizeof *job);
  job->size = sizes[draw(state, 8)];
  job->rank = draw(state, 6);
  uint32_t order[8];
  for (uint32_t i = 0; i < job->rank; i++) order[i] = i;
  for (uint32_t i = job->rank; i > 1; i--) {
    const uint32_t k = draw(state, i), held = order[k];
    order[k] = order[i - 1];
    order[i - 1] = held;
  }
  size_t elements = 1, to_offset = 0;
  for (uint32_t i = 0; i < job->rank; i++) {
    size_t dim = 1 + draw(state, job->rank < 3 ? 40 : 6);
    if (elements * dim > 1500) dim = 1;
    elements *= dim;
    job->dims[i] = dim;
  }
  ptrdiff_t to = (ptrdiff_t)job->size, from = to;
  const uint8_t *source = at->from;
  bool backwards[8];
  for (uint32_t i = 0; i < job->rank; i++) backwards[i] = draw(state, 4) == 0;
  for (uint32_t i = job->rank; i-- > 0;) {
    job->to_stride[i] = to;
    to *= (ptrdiff_t)job->dims[i];
    if (draw(state, 5) == 0 && to < ROOM / 4) to += (ptrdiff_t)job->size;
  }
  for (uint32_t k = job->rank; k-- > 0;) {
    const uint32_t i = order[k];
    if (draw(state, 6) == 0) continue;  // repeated
    job->from_stride[i] = from;
    if (backwards[i]) {
      source += from * (ptrdiff_t)(job->dims[i] - 1);
      job->from_stride[i] = -from;
    }
    from *= (ptrdiff_t)job->dims[i];
  }
  if (job->size < 8) to_offset = job->size * draw(state, 5);
  ck_assert_int_lt(to, ROOM - 64);
  ck_assert_int_lt(from, ROOM - 64);
  job->from = source;
  job->to = at->got + to_offset;
}

START_TEST(copy__puts_every_element_where_the_strides_say) {
  places *at = malloc(sizeof *at);
  ck_assert_ptr_nonnull(at);
  fill_bytes(at->from, ROOM, 5);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    uint32_t state = 77;
    for (int round = 0; round < 1500; round++) {
      blok_copy job;
      char what[64];
      draw_copy(&state, at, &job);
      snprintf(what, sizeof what, "round %d, rank %u, size %zu", round, job.rank, job.size);
      check_copy(isa, &job, at, what);
    }
  }
  free(at);
}
END_TEST

START_TEST(copy__turns_matrices_of_any_sides) {
  places *at = malloc(sizeof *at);
  ck_assert_ptr_nonnull(at);
  fill_bytes(at->from, ROOM, 6);
  static const size_t sizes[] = {1, 2, 4, 8};
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    for (size_t rows = 1; rows <= 35; rows += 2) {
      for (size_t columns = 1; columns <= 35; columns += 3) {
        for (int s = 0; s < 4; s++) {
          const ptrdiff_t size = (ptrdiff_t)sizes[s];
          const blok_copy job = {
              .from = at->from,
              .to = at->got + 64,
              .size = sizes[s],
              .rank = 3,
              .dims = {2, columns, rows},
              .from_stride = {size * (ptrdiff_t)(rows * columns), size, size * (ptrdiff_t)columns},
              .to_stride = {size * (ptrdiff_t)(rows * columns), size * (ptrdiff_t)rows, size}};
          char what[64];
          snprintf(what, sizeof what, "%zux%zu of %zu bytes", rows, columns, sizes[s]);
          check_copy(isa, &job, at, what);
        }
      }
    }
  }
  free(at);
}
END_TEST

START_TEST(copy__of_an_empty_axis_has_no_cells) {
  blok_copy job = {
      .size = 4, .rank = 2, .dims = {0, 8}, .from_stride = {32, 4}, .to_stride = {32, 4}};
  blok_copy_plan(&job);
  ck_assert_uint_eq(blok_copy_cells(&job), 0);
}
END_TEST

START_TEST(copy__cuts_a_long_run_into_cells) {
  enum { BYTES = 100001 };
  uint8_t *from = malloc(BYTES), *to = calloc(BYTES + 8, 1);
  ck_assert(from && to);
  fill_bytes(from, BYTES, 9);
  blok_copy job = {.from = from,
                   .to = to,
                   .size = 1,
                   .rank = 1,
                   .dims = {BYTES},
                   .from_stride = {1},
                   .to_stride = {1}};
  blok_copy_plan(&job);
  ck_assert_uint_gt(blok_copy_cells(&job), 1);
  for (size_t cell = blok_copy_cells(&job); cell-- > 0;) {
    tested_isa(0)->layout->copy(&job, cell, cell + 1);
  }
  ck_assert_mem_eq(to, from, BYTES);
  ck_assert_uint_eq(to[BYTES], 0);
  free(from);
  free(to);
}
END_TEST

// ---- By index -----------------------------------------------------------------------------------

START_TEST(pick__takes_elements_by_the_tables_of_the_axes) {
  static const size_t sizes[] = {1, 2, 4, 8, 12};
  for (int s = 0; s < 5; s++) {
    const size_t size = sizes[s];
    uint8_t from[5 * 7 * 12], fill[12], got[4 * 3 * 9 * 12 + 1];
    fill_bytes(from, sizeof from, 4);
    fill_bytes(fill, sizeof fill, 99);
    memset(got, CANARY, sizeof got);
    int64_t outer[4] = {0, 0, 0, 0}, rows[3], columns[9];
    for (int i = 0; i < 3; i++) rows[i] = i == 1 ? -1 : (int64_t)((size_t)(4 - i) * 7 * size);
    for (int i = 0; i < 9; i++)
      columns[i] = i == 0 || i == 8 ? -1 : (int64_t)((size_t)(7 - i) * size);
    const blok_pick job = {from, got, fill, size, 3, {4, 3, 9}, {outer, rows, columns}};
    const size_t cells = blok_pick_cells(&job);
    ck_assert_uint_eq(cells, 12);
    blok_pick_run(&job, 5, cells);
    blok_pick_run(&job, 0, 5);
    for (size_t i = 0; i < 4 * 3 * 9; i++) {
      const int64_t row = rows[i / 9 % 3], column = columns[i % 9];
      const uint8_t *want = row < 0 || column < 0 ? fill : from + row + column;
      ck_assert_mem_eq(got + i * size, want, size);
    }
    ck_assert_uint_eq(got[4 * 3 * 9 * size], CANARY);
  }
}
END_TEST

static void check_gather(blok_dtype dtype, const void *indices, uint32_t n) {
  enum { OUTER = 3, LENGTH = 5, INNER = 7 };
  float data[OUTER * LENGTH * INNER];
  fill_values(data, OUTER * LENGTH * INNER, 8);
  for (int inner = 1; inner <= INNER; inner += 6) {
    oracle want;
    const int64_t dims[] = {OUTER, LENGTH, inner}, count = n;
    oracle_init(&want, "Gather", 2, 1);
    oracle_int(&want, "axis", 1);
    oracle_in(&want, 0, data, 3, dims);
    oracle_in_of(&want, 1, dtype, indices, 1, &count);
    oracle_run(&want);
    float *got = guarded_new((size_t)OUTER * n * (size_t)inner);
    const blok_gather job = {data,  got,    indices, dtype == BLOK_I64,
                             OUTER, LENGTH, n,       (size_t)inner * 4};
    int64_t bad = 0;
    ck_assert(blok_gather_check(&job, &bad));
    for (size_t cell = blok_gather_cells(&job); cell-- > 0;) blok_gather_run(&job, cell, cell + 1);
    ck_assert_mem_eq(got, oracle_out(&want, 0), (size_t)OUTER * n * (size_t)inner * 4);
    guarded_free(got);
    oracle_free(&want);
  }
}

START_TEST(gather__takes_rows_from_both_ends_of_the_axis) {
  const int64_t wide[] = {4, 0, -1, -5, 2, 2};
  const int32_t narrow[] = {4, 0, -1, -5, 2, 2};
  check_gather(BLOK_I64, wide, 6);
  check_gather(BLOK_I32, narrow, 6);
}
END_TEST

START_TEST(gather__names_the_first_index_that_is_none_of_the_axis) {
  const int64_t indices[] = {0, 4, -6, 5};
  const blok_gather job = {NULL, NULL, indices, true, 1, 5, 4, 4};
  int64_t bad = 0;
  ck_assert(!blok_gather_check(&job, &bad));
  ck_assert_int_eq(bad, -6);
}
END_TEST

// ---- Casts --------------------------------------------------------------------------------------

static const blok_dtype numbers[] = {BLOK_F32, BLOK_U8,   BLOK_I8,  BLOK_U16, BLOK_I16,
                                     BLOK_I32, BLOK_I64,  BLOK_F16, BLOK_F64, BLOK_U32,
                                     BLOK_U64, BLOK_BF16, BLOK_BOOL};
enum { NUMBERS = sizeof numbers / sizeof *numbers, CAST = 5001 };

// The edges of every type, and values in between, made by the reference from doubles.
static void make_values(blok_dtype dtype, oracle *source) {
  static double values[CAST];
  static const double edges[] = {0,
                                 -0.0,
                                 0.5,
                                 -0.5,
                                 1.5,
                                 2.5,
                                 127,
                                 128,
                                 -128,
                                 -129,
                                 255,
                                 256,
                                 65504,
                                 65520,
                                 70000,
                                 -70000,
                                 1e-8,
                                 3e-5,
                                 1e9,
                                 3e9,
                                 -3e9,
                                 1e19,
                                 -1e19,
                                 1e30,
                                 1e300,
                                 1e-40,
                                 16777217,
                                 (double)INFINITY,
                                 (double)-INFINITY,
                                 (double)NAN,
                                 9.2e18,
                                 0x1p-149};
  const int64_t count = CAST;
  uint32_t state = 3;
  for (int i = 0; i < CAST; i++) {
    values[i] = i < (int)(sizeof edges / sizeof *edges)
                    ? edges[i]
                    : ldexp((double)draw(&state, 1u << 23) - 0x1p22, (int)draw(&state, 80) - 60);
  }
  oracle_init(source, "Cast", 1, 1);
  oracle_int(source, "to", dtype);
  oracle_in_of(source, 0, BLOK_F64, values, 1, &count);
  oracle_run(source);
}

START_TEST(cast__is_the_reference_between_all_numbers) {
  for (int f = 0; f < NUMBERS; f++) {
    oracle source;
    const int64_t count = CAST;
    make_values(numbers[f], &source);
    for (int t = 0; t < NUMBERS; t++) {
      oracle want;
      oracle_init(&want, "Cast", 1, 1);
      oracle_int(&want, "to", numbers[t]);
      oracle_in_of(&want, 0, numbers[f], source.out[0].data, 1, &count);
      oracle_run(&want);
      ck_assert(blok_cast_has(numbers[f], numbers[t]));
      uint8_t *got = malloc(want.out[0].bytes + 1);
      ck_assert_ptr_nonnull(got);
      got[want.out[0].bytes] = CANARY;
      const blok_cast job = {source.out[0].data, got, numbers[f], numbers[t], CAST};
      for (size_t cell = blok_cast_cells(&job); cell-- > 0;) blok_cast_run(&job, cell, cell + 1);
      ck_assert_msg(memcmp(got, want.out[0].data, want.out[0].bytes) == 0, "%s to %s",
                    blok_dtype_name(numbers[f]), blok_dtype_name(numbers[t]));
      ck_assert_uint_eq(got[want.out[0].bytes], CANARY);
      free(got);
      oracle_free(&want);
    }
    oracle_free(&source);
  }
}
END_TEST

START_TEST(cast__does_not_take_strings_or_complex_numbers) {
  ck_assert(!blok_cast_has(BLOK_STRING, BLOK_F32));
  ck_assert(!blok_cast_has(BLOK_F32, BLOK_C64));
}
END_TEST

// ---- Speed --------------------------------------------------------------------------------------

typedef struct timed_copy {
  const blok_isa *isa;
  blok_copy job;
} timed_copy;

static void run_timed_copy(void *context) {
  const timed_copy *self = context;
  self->isa->layout->copy(&self->job, 0, blok_copy_cells(&self->job));
}

START_TEST(speed__of_copies) {
  float *from = guarded_new(1 << 19), *to = guarded_new(1 << 19);
  fill_values(from, 1 << 19, 1);
  const blok_isa *isa;
  for (uint32_t i = 0; (isa = tested_isa(i)); i++) {
    timed_copy turn = {isa,
                       {.from = from,
                        .to = to,
                        .size = 4,
                        .rank = 2,
                        .dims = {3136, 96},
                        .from_stride = {4, 4 * 3136},
                        .to_stride = {4 * 96, 4}}};
    timed_copy heads = {isa,
                        {.from = from,
                         .to = to,
                         .size = 4,
                         .rank = 3,
                         .dims = {12, 197, 64},
                         .from_stride = {256, 3072, 4},
                         .to_stride = {197 * 256, 256, 4}}};
    blok_copy_plan(&turn.job);
    blok_copy_plan(&heads.job);
    speed_line("layout copy", isa, "transpose 96x3136", 0, 8.0 * 96 * 3136, run_timed_copy, &turn);
    speed_line("layout copy", isa, "heads 197x12x64", 0, 8.0 * 12 * 197 * 64, run_timed_copy,
               &heads);
  }
  guarded_free(from);
  guarded_free(to);
}
END_TEST

Suite *suite_layout_copy(void);
Suite *suite_layout_copy(void) {
  Suite *suite = suite_create("layout_copy");
  TCase *tests = tcase_create("copy");
  tcase_set_timeout(tests, 60);
  if (speed_wanted()) {
    tcase_add_test(tests, speed__of_copies);
  } else {
    tcase_add_test(tests, copy__puts_every_element_where_the_strides_say);
    tcase_add_test(tests, copy__turns_matrices_of_any_sides);
    tcase_add_test(tests, copy__of_an_empty_axis_has_no_cells);
    tcase_add_test(tests, copy__cuts_a_long_run_into_cells);
    tcase_add_test(tests, pick__takes_elements_by_the_tables_of_the_axes);
    tcase_add_test(tests, gather__takes_rows_from_both_ends_of_the_axis);
    tcase_add_test(tests, gather__names_the_first_index_that_is_none_of_the_axis);
    tcase_add_test(tests, cast__is_the_reference_between_all_numbers);
    tcase_add_test(tests, cast__does_not_take_strings_or_complex_numbers);
  }
  suite_add_tcase(suite, tests);
  return suite;
}
