// The kinds of storage and their reference counts.
#include <check.h>
#include <string.h>

#include "base/error.h"
#include "base/storage.h"
#include "support/fault.h"
#include "support/folder.h"

typedef struct release_log {
  int calls;
  const void *bytes;
} release_log;

static void log_release(void *context, const void *bytes) {
  release_log *log = context;
  log->calls++;
  log->bytes = bytes;
}

START_TEST(storage__frees_owned_bytes_with_the_last_reference) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  void *bytes = blok_alloc(&allocator, 4);
  memcpy(bytes, "abcd", 4);
  blok_storage *storage = blok_storage_own(&allocator, bytes, 4);
  ck_assert_ptr_eq(blok_storage_retain(storage), storage);
  blok_storage_release(storage);
  ck_assert_mem_eq(blok_storage_memory(storage), "abcd", 4);
  blok_storage_release(storage);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

START_TEST(storage__calls_release_once_for_borrowed_bytes) {
  release_log log = {0, NULL};
  const char bytes[] = "abcd";
  blok_storage *storage =
      blok_storage_borrow(blok_allocator_default(), bytes, 4, log_release, &log);
  blok_storage *slice = blok_storage_slice(blok_allocator_default(), storage, 1, 2);
  ck_assert_ptr_eq(blok_storage_memory(slice), bytes + 1);
  blok_storage_release(storage);
  ck_assert_int_eq(log.calls, 0);  // the slice still needs them
  blok_storage_release(slice);
  ck_assert_int_eq(log.calls, 1);
  ck_assert_ptr_eq(log.bytes, bytes);
}
END_TEST

START_TEST(storage__refuses_a_slice_outside_its_parent) {
  blok_storage *storage = blok_storage_copy(blok_allocator_default(), "abcd", 4);
  ck_assert_ptr_null(blok_storage_slice(blok_allocator_default(), storage, 3, 2));
  ck_assert_ptr_null(blok_storage_slice(blok_allocator_default(), storage, UINT64_MAX, 2));
  blok_storage *end = blok_storage_slice(blok_allocator_default(), storage, 4, 0);
  ck_assert_ptr_nonnull(end);
  blok_storage_release(end);
  blok_storage_release(storage);
}
END_TEST

START_TEST(storage__refuses_a_read_outside) {
  char bytes[4];
  blok_error error = BLOK_ERROR_INIT;
  blok_storage *storage = blok_storage_copy(blok_allocator_default(), "abcd", 4);
  ck_assert_int_eq(blok_storage_read(storage, 1, bytes, 3, &error), BLOK_OK);
  ck_assert_mem_eq(bytes, "bcd", 3);
  ck_assert_int_eq(blok_storage_read(storage, 2, bytes, 3, &error), BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "3 bytes at 2"));
  blok_storage_release(storage);
}
END_TEST

START_TEST(storage__reads_slices_of_a_file_that_outlives_its_handle) {
  blok_test_folder folder;
  blok_test_folder_make(&folder);
  const char *path = blok_test_path(&folder, "weights");
  blok_test_write(path, "0123456789", 10);
  blok_file *file = NULL;
  ck_assert_int_eq(blok_file_open(path, NULL, NULL, &file, NULL), BLOK_OK);
  blok_storage *whole = blok_storage_file(blok_allocator_default(), file, 2, 6);
  blok_file_release(file);
  blok_storage *slice = blok_storage_slice(blok_allocator_default(), whole, 1, 3);
  blok_storage_release(whole);
  ck_assert_ptr_null(blok_storage_memory(slice));
  ck_assert_uint_eq(blok_storage_size(slice), 3);
  char bytes[3];
  ck_assert_int_eq(blok_storage_read(slice, 0, bytes, 3, NULL), BLOK_OK);
  ck_assert_mem_eq(bytes, "345", 3);
  blok_storage_release(slice);
  blok_test_folder_remove(&folder);
}
END_TEST

static blok_status make_storages(void *context, const blok_allocator *allocator,
                                 blok_error *error) {
  (void)context;
  blok_status status = BLOK_OK;
  blok_storage *copy = blok_storage_copy(allocator, "abcd", 4);
  blok_storage *slice = copy ? blok_storage_slice(allocator, copy, 1, 2) : NULL;
  if (!slice) status = blok_fail_memory(error, 4);
  blok_storage_release(copy);
  blok_storage_release(slice);
  return status;
}

START_TEST(storage__leaks_nothing_when_any_allocation_fails) {
  ck_assert_uint_eq(blok_fault_sweep(make_storages, NULL), 3);
}
END_TEST

Suite *suite_storage(void) {
  Suite *suite = suite_create("storage");
  TCase *tests = tcase_create("storage");
  tcase_add_test(tests, storage__frees_owned_bytes_with_the_last_reference);
  tcase_add_test(tests, storage__calls_release_once_for_borrowed_bytes);
  tcase_add_test(tests, storage__refuses_a_slice_outside_its_parent);
  tcase_add_test(tests, storage__refuses_a_read_outside);
  tcase_add_test(tests, storage__reads_slices_of_a_file_that_outlives_its_handle);
  tcase_add_test(tests, storage__leaks_nothing_when_any_allocation_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
