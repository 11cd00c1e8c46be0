// Archives of arrays written and read again.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/npy.h"
#include "base/zip.h"
#include "exporter/npz.h"
#include "importer/npz.h"
#include "support/fault.h"
#include "support/folder.h"

Suite *suite_npz_files(void);

static blok_test_folder folder;
static blok_error error;

static void begin(void) {
  blok_test_folder_make(&folder);
  error = (blok_error)BLOK_ERROR_INIT;
}

static void end(void) { blok_test_folder_remove(&folder); }

static float numbers[24];
static int64_t wholes[3] = {-1, 0, INT64_MAX};

static blok_tensor floats(uint32_t rank, int64_t a, int64_t b) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  tensor.dtype = BLOK_F32;
  tensor.rank = rank;
  tensor.dims[0] = a;
  tensor.dims[1] = b;
  tensor.data = numbers;
  tensor.bytes = sizeof numbers;
  return tensor;
}

static const char *const names[] = {"layer1.0.conv1.weight", "one", "none", "wholes",
                                    "a name with blanks and \xc3\xbc"};

// The arrays that all of these tests write.
static blok_tensor array_of(size_t index) {
  blok_tensor tensor = BLOK_TENSOR_INIT;
  if (index == 0) return floats(2, 4, 6);
  if (index == 1) return floats(0, 0, 0);
  if (index == 2) return floats(2, 0, 5);
  if (index == 4) return floats(1, 7, 0);
  tensor.dtype = BLOK_I64;
  tensor.rank = 1;
  tensor.dims[0] = 3;
  tensor.data = wholes;
  tensor.bytes = sizeof wholes;
  return tensor;
}

enum { ARRAYS = 5 };

static blok_status write_all(void *context, const blok_allocator *allocator, blok_error *fault) {
  blok_npz_writer writer;
  blok_sink *sink = NULL;
  for (size_t i = 0; i < 24; i++) numbers[i] = (float)i / 3;
  blok_status status = blok_sink_open(context, allocator, &sink, fault);
  if (status != BLOK_OK) return status;
  blok_npz_begin(&writer, sink, allocator);
  for (size_t i = 0; i < ARRAYS && status == BLOK_OK; i++) {
    const blok_tensor tensor = array_of(i);
    status = blok_npz_put(&writer, names[i], &tensor, fault);
  }
  if (status == BLOK_OK) status = blok_npz_end(&writer, fault);
  blok_npz_free(&writer);
  if (status == BLOK_OK) return blok_sink_commit(&sink, fault);
  blok_sink_abandon(&sink);
  return status;
}

static void written(char *path) {
  strcpy(path, blok_test_path(&folder, "w.npz"));
  ck_assert_msg(write_all(path, blok_allocator_default(), &error) == BLOK_OK, "%s", error.message);
}

START_TEST(npz__comes_back_as_it_was_written) {
  char path[300];
  blok_npz npz;
  written(path);
  ck_assert_int_eq(blok_npz_open(path, blok_allocator_default(), &npz, &error), BLOK_OK);
  ck_assert_uint_eq(npz.n, ARRAYS);
  for (uint32_t i = 0; i < ARRAYS; i++) {
    const blok_tensor wanted = array_of(i);
    blok_tensor tensor;
    ck_assert_str_eq(npz.arrays[i].name, names[i]);
    ck_assert_msg(blok_npz_read(&npz, i, &tensor, &error) == BLOK_OK, "%s", error.message);
    ck_assert_int_eq(tensor.dtype, wanted.dtype);
    ck_assert_uint_eq(tensor.rank, wanted.rank);
    ck_assert_int_eq(memcmp(tensor.dims, wanted.dims, wanted.rank * sizeof *wanted.dims), 0);
    if (tensor.bytes) ck_assert_int_eq(memcmp(tensor.data, wanted.data, tensor.bytes), 0);
    free(tensor.data);
  }
  blok_npz_close(&npz);
}
END_TEST

START_TEST(npz__has_its_elements_aligned_and_its_bytes_decided) {
  char path[300];
  size_t size = 0, again = 0;
  blok_npz npz;
  written(path);
  char *bytes = blok_test_read(path, &size);
  ck_assert_int_eq(blok_npz_open(path, blok_allocator_default(), &npz, &error), BLOK_OK);
  for (uint32_t i = 0; i < npz.n; i++) {
    blok_npy header;
    const blok_npz_array *array = &npz.arrays[i];
    ck_assert_int_eq(blok_npy_parse_header(bytes + array->offset, array->size, array->size, "x",
                                           &header, &error),
                     BLOK_OK);
    ck_assert_uint_eq((array->offset + header.start) % 64, 0);
  }
  blok_npz_close(&npz);
  written(path);
  char *second = blok_test_read(path, &again);
  ck_assert_uint_eq(size, again);
  ck_assert_int_eq(memcmp(bytes, second, size), 0);
  free(bytes);
  free(second);
}
END_TEST

START_TEST(npz__refuses_types_that_numpy_lacks) {
  blok_npz_writer writer;
  blok_sink *sink = NULL;
  blok_tensor tensor = floats(1, 2, 0);
  tensor.dtype = BLOK_BF16;
  const char *path = blok_test_path(&folder, "w.npz");
  ck_assert_int_eq(blok_sink_open(path, blok_allocator_default(), &sink, &error), BLOK_OK);
  blok_npz_begin(&writer, sink, blok_allocator_default());
  ck_assert_int_eq(blok_npz_put(&writer, "half", &tensor, &error), BLOK_E_UNSUPPORTED);
  ck_assert_ptr_nonnull(strstr(error.message, "'half'"));
  ck_assert_ptr_nonnull(strstr(error.message, "bfloat16"));
  blok_npz_free(&writer);
  blok_sink_abandon(&sink);
  ck_assert_uint_eq(blok_test_count(&folder), 0);
}
END_TEST

START_TEST(npz__leaves_nothing_behind_at_every_allocation_that_fails) {
  char path[300];
  strcpy(path, blok_test_path(&folder, "w.npz"));
  ck_assert_uint_gt(blok_fault_sweep(write_all, path), 3);
}
END_TEST

START_TEST(crc__is_the_one_of_zip) {
  ck_assert_uint_eq(blok_crc32(0, "123456789", 9), 0xcbf43926u);
  ck_assert_uint_eq(blok_crc32(blok_crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
  ck_assert_uint_eq(blok_crc32(0, "", 0), 0);
}
END_TEST

Suite *suite_npz_files(void) {
  Suite *suite = suite_create("npz_files");
  TCase *tests = tcase_create("npz_files");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, npz__comes_back_as_it_was_written);
  tcase_add_test(tests, npz__has_its_elements_aligned_and_its_bytes_decided);
  tcase_add_test(tests, npz__refuses_types_that_numpy_lacks);
  tcase_add_test(tests, npz__leaves_nothing_behind_at_every_allocation_that_fails);
  tcase_add_test(tests, crc__is_the_one_of_zip);
  suite_add_tcase(suite, tests);
  return suite;
}
