// The allocator's helpers, growable arrays, and the arena.
#include <check.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "support/fault.h"

START_TEST(alloc__refuses_an_array_whose_size_overflows) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  ck_assert_ptr_null(blok_alloc_array(&allocator, SIZE_MAX / 2, 3));
  ck_assert_uint_eq(fault.calls, 0);
}
END_TEST

START_TEST(alloc__aligns_to_a_cache_line) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  for (size_t bytes = 0; bytes < 200; bytes += 7) {
    char *block = blok_alloc_aligned(&allocator, bytes);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq((uintptr_t)block % 64, 0);
    memset(block, 1, bytes);
    blok_free_aligned(&allocator, block);
  }
  ck_assert_ptr_null(blok_alloc_aligned(&allocator, SIZE_MAX - 8));
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(grow__keeps_the_items) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  int *items = NULL;
  uint32_t capacity = 0;
  for (uint32_t count = 0; count < 1000; count++) {
    ck_assert(blok_grow(&allocator, &items, &capacity, count, sizeof *items));
    items[count] = (int)count;
  }
  for (int i = 0; i < 1000; i++) ck_assert_int_eq(items[i], i);
  blok_free(&allocator, items);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(grow__leaves_the_array_alone_when_memory_ends) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  int *items = NULL;
  uint32_t capacity = 0;
  ck_assert(blok_grow(&allocator, &items, &capacity, 0, sizeof *items));
  items[0] = 5;
  fault.fail_at = fault.calls + 1;
  const int *before = items;
  uint32_t capacity_before = capacity;
  ck_assert(!blok_grow(&allocator, &items, &capacity, capacity, sizeof *items));
  ck_assert_ptr_eq(items, before);
  ck_assert_uint_eq(capacity, capacity_before);
  ck_assert_int_eq(items[0], 5);
  blok_free(&allocator, items);
}
END_TEST

START_TEST(arena__gives_aligned_blocks_that_do_not_overlap) {
  enum { COUNT = 3000 };
  static unsigned char *blocks[COUNT];
  blok_arena arena;
  blok_arena_init(&arena, blok_allocator_default());
  for (size_t i = 0; i < COUNT; i++) {
    size_t bytes = i % 97 == 0 ? 20000 : i % 61;
    blocks[i] = blok_arena_alloc(&arena, bytes);
    ck_assert_ptr_nonnull(blocks[i]);
    ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
    memset(blocks[i], (int)(i & 0xff), bytes);
  }
  for (size_t i = 0; i < COUNT; i++) {
    size_t bytes = i % 97 == 0 ? 20000 : i % 61;
    for (size_t k = 0; k < bytes; k++) {
      if (blocks[i][k] != (i & 0xff)) ck_abort_msg("block %zu was overwritten", i);
    }
  }
  blok_arena_free(&arena);
}
END_TEST

START_TEST(arena__is_usable_again_after_free) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_arena arena;
  blok_arena_init(&arena, &allocator);
  ck_assert_ptr_nonnull(blok_arena_alloc(&arena, 100));
  blok_arena_free(&arena);
  ck_assert_uint_eq(fault.live_blocks, 0);
  ck_assert_ptr_nonnull(blok_arena_alloc(&arena, 100));
  blok_arena_free(&arena);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(arena__refuses_sizes_that_overflow) {
  blok_arena arena;
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_arena_init(&arena, &allocator);
  for (size_t less = 0; less < 40; less++) {
    ck_assert_ptr_null(blok_arena_alloc(&arena, SIZE_MAX - less));
  }
  ck_assert_ptr_null(blok_arena_array(&arena, SIZE_MAX / 4, 8));
  ck_assert_ptr_null(blok_arena_textn(&arena, "x", SIZE_MAX));
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(arena__copies_text) {
  blok_arena arena;
  blok_arena_init(&arena, blok_allocator_default());
  ck_assert_ptr_null(blok_arena_text(&arena, NULL));
  ck_assert_str_eq(blok_arena_text(&arena, "name"), "name");
  ck_assert_str_eq(blok_arena_textn(&arena, "name", 2), "na");
  ck_assert_str_eq(blok_arena_format(&arena, "%s_%d", "conv", 12), "conv_12");
  blok_arena_free(&arena);
}
END_TEST

static blok_status use_arena(void *context, const blok_allocator *allocator, blok_error *error) {
  (void)context;
  blok_arena arena;
  blok_status status = BLOK_OK;
  int *items = NULL;
  uint32_t capacity = 0;
  blok_arena_init(&arena, allocator);
  for (uint32_t i = 0; i < 100 && status == BLOK_OK; i++) {
    if (!blok_arena_grow(&arena, &items, &capacity, i, sizeof *items) ||
        !blok_arena_format(&arena, "value %u", i) ||
        !blok_arena_zero(&arena, i % 30 ? 200 : 9000)) {
      status = blok_fail_memory(error, 0);
      break;
    }
    items[i] = (int)i;
    if (items[i / 2] != (int)(i / 2)) ck_abort_msg("item %u was lost", i / 2);
  }
  blok_arena_free(&arena);
  return status;
}

START_TEST(arena__frees_all_when_any_allocation_fails) {
  ck_assert_uint_gt(blok_fault_sweep(use_arena, NULL), 3);
}
END_TEST

Suite *suite_alloc(void) {
  Suite *suite = suite_create("alloc");
  TCase *tests = tcase_create("alloc");
  tcase_set_timeout(tests, 120);
  tcase_add_test(tests, alloc__refuses_an_array_whose_size_overflows);
  tcase_add_test(tests, alloc__aligns_to_a_cache_line);
  tcase_add_test(tests, grow__keeps_the_items);
  tcase_add_test(tests, grow__leaves_the_array_alone_when_memory_ends);
  tcase_add_test(tests, arena__gives_aligned_blocks_that_do_not_overlap);
  tcase_add_test(tests, arena__is_usable_again_after_free);
  tcase_add_test(tests, arena__refuses_sizes_that_overflow);
  tcase_add_test(tests, arena__copies_text);
  tcase_add_test(tests, arena__frees_all_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
