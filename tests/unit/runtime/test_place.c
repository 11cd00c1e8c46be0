// blok_place: values whose steps overlap never share a byte.
#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#include "runtime/plan/place.h"

Suite *suite_place(void);

static uint32_t random_state;

static uint32_t random_below(uint32_t n) {
  random_state = random_state * 1664525U + 1013904223U;
  return (random_state >> 8) % n;
}

static void assert_apart(const blok_placement *items, size_t n, size_t total) {
  for (size_t i = 0; i < n; i++) {
    if (items[i].offset % 64 || items[i].offset + items[i].bytes > total) {
      ck_abort_msg("item %zu lies at %zu + %zu of %zu", i, items[i].offset, items[i].bytes, total);
    }
    for (size_t k = 0; k < i; k++) {
      bool together = items[i].first <= items[k].last && items[k].first <= items[i].last;
      bool overlap = items[i].offset < items[k].offset + items[k].bytes &&
                     items[k].offset < items[i].offset + items[i].bytes;
      if (together && overlap) ck_abort_msg("items %zu and %zu overlap", k, i);
    }
  }
}

START_TEST(place__never_overlaps_values_that_live_together) {
  blok_placement items[60];
  random_state = (uint32_t)_i + 1;
  uint32_t step = 0;
  for (size_t i = 0; i < 60; i++) {
    step += random_below(2);
    size_t bytes = random_below(8) == 0 ? 0 : random_below(5000);
    items[i] = (blok_placement){step, step + random_below(12), bytes, SIZE_MAX};
  }
  size_t total;
  ck_assert(blok_place(items, 60, blok_allocator_default(), &total));
  assert_apart(items, 60, total);
}
END_TEST

START_TEST(place__reuses_the_place_of_what_has_ended) {
  blok_placement items[100];
  for (uint32_t i = 0; i < 100; i++) items[i] = (blok_placement){i, i + 1, 640, 0};
  size_t total;
  ck_assert(blok_place(items, 100, blok_allocator_default(), &total));
  assert_apart(items, 100, total);
  ck_assert_uint_eq(total, 2 * 640);
}
END_TEST

// In the order of time the short-lived small value would split the block before the large ones
// come.
START_TEST(place__puts_large_values_on_one_another) {
  blok_placement items[] = {{0, 1, 6400, 0}, {1, 2, 640, 0}, {2, 3, 12800, 0}, {3, 4, 6400, 0}};
  size_t total;
  ck_assert(blok_place(items, 4, blok_allocator_default(), &total));
  assert_apart(items, 4, total);
  ck_assert_uint_eq(total, 12800 + 6400);
}
END_TEST

START_TEST(place__holds_very_many_values_at_once) {
  enum { MANY = 6000 };
  blok_placement *items = calloc(MANY, sizeof *items);
  ck_assert_ptr_nonnull(items);
  for (uint32_t i = 0; i < MANY; i++) {
    items[i] = (blok_placement){i, i % 3 ? MANY : i + 1, 64 + i % 200, 0};
  }
  size_t total;
  ck_assert(blok_place(items, MANY, blok_allocator_default(), &total));
  assert_apart(items, MANY, total);
  free(items);
}
END_TEST

START_TEST(place__says_when_sizes_overflow) {
  blok_placement items[2] = {{0, 1, SIZE_MAX / 2 + 1, 0}, {0, 1, SIZE_MAX / 2 + 1, 0}};
  size_t total;
  ck_assert(!blok_place(items, 2, blok_allocator_default(), &total));
  blok_placement huge = {0, 0, SIZE_MAX, 0};
  ck_assert(!blok_place(&huge, 1, blok_allocator_default(), &total));
  ck_assert(blok_place(NULL, 0, blok_allocator_default(), &total));
  ck_assert_uint_eq(total, 0);
}
END_TEST

Suite *suite_place(void) {
  Suite *suite = suite_create("place");
  TCase *tests = tcase_create("place");
  tcase_add_loop_test(tests, place__never_overlaps_values_that_live_together, 0, 200);
  tcase_add_test(tests, place__reuses_the_place_of_what_has_ended);
  tcase_add_test(tests, place__puts_large_values_on_one_another);
  tcase_add_test(tests, place__holds_very_many_values_at_once);
  tcase_add_test(tests, place__says_when_sizes_overflow);
  suite_add_tcase(suite, tests);
  return suite;
}
