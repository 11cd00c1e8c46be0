// Archives of arrays, made here byte by byte: what is read, and every way of lying that is refused.
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/zip.h"
#include "importer/npz.h"
#include "support/fault.h"
#include "support/folder.h"

Suite *suite_npz(void);

static blok_test_folder folder;
static blok_error error;
static blok_npz npz;

static void begin(void) {
  blok_test_folder_make(&folder);
  error = (blok_error)BLOK_ERROR_INIT;
}

static void end(void) { blok_test_folder_remove(&folder); }

// ---- Making archives ----------------------------------------------------------------------------

enum { ARCHIVE_BYTES = 4096 };

typedef struct archive {
  uint8_t bytes[ARCHIVE_BYTES];
  size_t size;
  uint8_t directory[1024];
  size_t directory_size;
  uint32_t entries;
} archive;

static void put(archive *zip, uint64_t value, size_t bytes) {
  ck_assert_uint_lt(zip->size + bytes, ARCHIVE_BYTES);
  blok_put_le(zip->bytes + zip->size, value, bytes);
  zip->size += bytes;
}

static void put_bytes(archive *zip, const void *bytes, size_t size) {
  ck_assert_uint_lt(zip->size + size, ARCHIVE_BYTES);
  memcpy(zip->bytes + zip->size, bytes, size);
  zip->size += size;
}

// What an entry says of itself.
typedef struct entry {
  const char *name;
  const void *data;
  size_t size;
  uint32_t flags, method;
} entry;

static void put_entry(archive *zip, const entry *e) {
  const size_t at = zip->size, name = strlen(e->name);
  const uint32_t crc = blok_crc32(0, e->data, e->size);
  put(zip, BLOK_ZIP_LOCAL, 4);
  put(zip, 20, 2);
  put(zip, e->flags, 2);
  put(zip, e->method, 2);
  put(zip, 0, 4);
  put(zip, crc, 4);
  put(zip, e->size, 4);
  put(zip, e->size, 4);
  put(zip, name, 2);
  put(zip, 0, 2);
  put_bytes(zip, e->name, name);
  put_bytes(zip, e->data, e->size);
  uint8_t *d = zip->directory + zip->directory_size;
  memset(d, 0, BLOK_ZIP_CENTRAL_BYTES);
  blok_put_le(d, BLOK_ZIP_CENTRAL, 4);
  blok_put_le(d + 8, e->flags, 2);
  blok_put_le(d + 10, e->method, 2);
  blok_put_le(d + 16, crc, 4);
  blok_put_le(d + 20, e->size, 4);
  blok_put_le(d + 24, e->size, 4);
  blok_put_le(d + 28, name, 2);
  blok_put_le(d + 42, at, 4);
  memcpy(d + BLOK_ZIP_CENTRAL_BYTES, e->name, name);
  zip->directory_size += BLOK_ZIP_CENTRAL_BYTES + name;
  zip->entries++;
}

static size_t close_archive(archive *zip) {
  const size_t at = zip->size;
  put_bytes(zip, zip->directory, zip->directory_size);
  const size_t record = zip->size;
  put(zip, BLOK_ZIP_END, 4);
  put(zip, 0, 4);
  put(zip, zip->entries, 2);
  put(zip, zip->entries, 2);
  put(zip, zip->directory_size, 4);
  put(zip, at, 4);
  put(zip, 0, 2);
  return record;
}

// A .npy of version 1.
typedef struct npy {
  uint8_t bytes[256];
  size_t size;
} npy;

static npy make_npy(const char *header, const void *data, size_t size) {
  npy out = {.size = 10};
  const size_t length = strlen(header);
  memcpy(out.bytes, "\x93NUMPY\x01\x00", 8);
  blok_put_le(out.bytes + 8, length, 2);
  memcpy(out.bytes + 10, header, length);
  memcpy(out.bytes + 10 + length, data, size);
  out.size += length + size;
  return out;
}

static const float six[6] = {1, 2, 3, 4, 5, 6};

static npy plain(void) {
  return make_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", six, sizeof six);
}

// An archive of "a.b" and "c", both 2x3; returns where its end record is.
static size_t two(archive *zip) {
  const npy array = plain();
  *zip = (archive){.size = 0};
  put_entry(zip, &(entry){"a.b.npy", array.bytes, array.size, 0, 0});
  put_entry(zip, &(entry){"c.npy", array.bytes, array.size, 0, 0});
  return close_archive(zip);
}

static const char *path_of(const archive *zip) {
  const char *path = blok_test_path(&folder, "w.npz");
  blok_test_write(path, zip->bytes, zip->size);
  return path;
}

static void refused(const archive *zip, blok_status wanted, const char *word) {
  error = (blok_error)BLOK_ERROR_INIT;
  const blok_status status = blok_npz_open(path_of(zip), blok_allocator_default(), &npz, &error);
  blok_npz_close(&npz);
  ck_assert_msg(status == wanted, "got %d, want %d: %s", status, wanted, error.message);
  ck_assert_msg(strstr(error.message, word) != NULL, "'%s' is not in '%s'", word, error.message);
  ck_assert_ptr_nonnull(strstr(error.message, "w.npz"));
}

// ---- Read ---------------------------------------------------------------------------------------

START_TEST(npz__reads_arrays_by_name) {
  archive zip;
  blok_tensor tensor;
  two(&zip);
  ck_assert_int_eq(blok_npz_open(path_of(&zip), blok_allocator_default(), &npz, &error), BLOK_OK);
  ck_assert_uint_eq(npz.n, 2);
  ck_assert_str_eq(npz.arrays[0].name, "a.b");
  ck_assert_str_eq(npz.arrays[1].name, "c");
  ck_assert_int_eq(blok_npz_describe(&npz, 1, &tensor, &error), BLOK_OK);
  ck_assert_uint_eq(tensor.rank, 2);
  ck_assert_int_eq(tensor.dims[1], 3);
  ck_assert_int_eq(blok_npz_read(&npz, 1, &tensor, &error), BLOK_OK);
  ck_assert_int_eq(tensor.dtype, BLOK_F32);
  ck_assert_int_eq(memcmp(tensor.data, six, sizeof six), 0);
  free(tensor.data);
  blok_npz_close(&npz);
}
END_TEST

START_TEST(npz__reads_fortran_order_and_big_endian) {
  static const uint8_t big[12] = {0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6};
  const npy array =
      make_npy("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3)}", big, sizeof big);
  archive zip = {.size = 0};
  blok_tensor tensor;
  put_entry(&zip, &(entry){"x.npy", array.bytes, array.size, 0, 0});
  close_archive(&zip);
  ck_assert_int_eq(blok_npz_open(path_of(&zip), blok_allocator_default(), &npz, &error), BLOK_OK);
  ck_assert_msg(blok_npz_read(&npz, 0, &tensor, &error) == BLOK_OK, "%s", error.message);
  for (int16_t i = 0; i < 6; i++) ck_assert_int_eq(((int16_t *)tensor.data)[i], i + 1);
  free(tensor.data);
  blok_npz_close(&npz);
}
END_TEST

START_TEST(npz__reads_an_archive_of_nothing_and_one_with_a_comment) {
  archive zip = {.size = 0};
  close_archive(&zip);
  ck_assert_int_eq(blok_npz_open(path_of(&zip), blok_allocator_default(), &npz, &error), BLOK_OK);
  ck_assert_uint_eq(npz.n, 0);
  blok_npz_close(&npz);
  const size_t end_record = two(&zip);
  blok_put_le(zip.bytes + end_record + 20, 5, 2);
  put_bytes(&zip, "hello", 5);
  ck_assert_int_eq(blok_npz_open(path_of(&zip), blok_allocator_default(), &npz, &error), BLOK_OK);
  ck_assert_uint_eq(npz.n, 2);
  blok_npz_close(&npz);
}
END_TEST

// ---- Refused ------------------------------------------------------------------------------------

START_TEST(npz__refuses_every_archive_that_is_cut_off) {
  archive zip;
  two(&zip);
  const size_t whole = zip.size;
  for (zip.size = 0; zip.size < whole; zip.size++) refused(&zip, BLOK_E_MALFORMED, "no .npz file");
}
END_TEST

// Whatever one byte of the directory or the records says, opening and reading stay inside the file.
START_TEST(npz__survives_any_byte_of_its_records) {
  archive zip, changed;
  two(&zip);
  for (size_t at = 0; at < zip.size; at++) {
    static const uint8_t values[] = {0, 0x80, 0xff};
    for (size_t k = 0; k < sizeof values; k++) {
      changed = zip;
      changed.bytes[at] = values[k];
      error = (blok_error)BLOK_ERROR_INIT;
      if (blok_npz_open(path_of(&changed), blok_allocator_default(), &npz, &error) == BLOK_OK) {
        for (uint32_t i = 0; i < npz.n; i++) {
          blok_tensor tensor = BLOK_TENSOR_INIT;
          const blok_status status = blok_npz_read(&npz, i, &tensor, &error);
          if (status == BLOK_OK) free(tensor.data);
        }
      }
      blok_npz_close(&npz);
    }
  }
}
END_TEST

START_TEST(npz__says_how_to_save_what_is_compressed) {
  const npy array = plain();
  archive zip = {.size = 0};
  put_entry(&zip, &(entry){"x.npy", array.bytes, array.size, 0, 8});
  close_archive(&zip);
  refused(&zip, BLOK_E_UNSUPPORTED, "save it with numpy.savez");
}
END_TEST

START_TEST(npz__refuses_other_methods_and_encryption) {
  const npy array = plain();
  archive zip = {.size = 0};
  put_entry(&zip, &(entry){"x.npy", array.bytes, array.size, 0, 14});
  close_archive(&zip);
  refused(&zip, BLOK_E_UNSUPPORTED, "numpy.savez does not use");
  zip = (archive){.size = 0};
  put_entry(&zip, &(entry){"x.npy", array.bytes, array.size, 1, 0});
  close_archive(&zip);
  refused(&zip, BLOK_E_UNSUPPORTED, "encrypted");
}
END_TEST

START_TEST(npz__refuses_names_that_are_none) {
  static const char *const names[] = {"x.txt", ".np", "\xff.npy", ""};
  const npy array = plain();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    archive zip = {.size = 0};
    put_entry(&zip, &(entry){names[i], array.bytes, array.size, 0, 0});
    close_archive(&zip);
    refused(&zip, BLOK_E_MALFORMED, "no .npz file");
  }
}
END_TEST

START_TEST(npz__refuses_two_arrays_of_one_name) {
  const npy array = plain();
  archive zip = {.size = 0};
  put_entry(&zip, &(entry){"x.npy", array.bytes, array.size, 0, 0});
  put_entry(&zip, &(entry){"x.npy", array.bytes, array.size, 0, 0});
  close_archive(&zip);
  refused(&zip, BLOK_E_MALFORMED, "two arrays are called 'x'");
}
END_TEST

// Where a number stands behind the beginning of the end record.
typedef struct lie {
  size_t at, bytes;
  uint64_t value;
} lie;

static const lie lies[] = {{10, 2, 3},          {10, 2, 60000},      {12, 4, 1},
                           {12, 4, 0xfffffff0}, {16, 4, 0xfffffff0}, {16, 4, 1}};

START_TEST(npz__refuses_a_directory_that_is_not_there) {
  archive zip;
  const size_t record = two(&zip);
  blok_put_le(zip.bytes + record + lies[_i].at, lies[_i].value, lies[_i].bytes);
  refused(&zip, BLOK_E_MALFORMED, "no .npz file");
}
END_TEST

// The 64-bit records: an offset that points behind the file, one that points at something else.
START_TEST(npz__refuses_64_bit_records_that_lie) {
  static const uint64_t offsets[] = {0, 7, UINT64_MAX, UINT64_MAX - 40};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    archive zip = {.size = 0};
    for (int k = 0; k < 8; k++) put(&zip, 0, 8);
    put(&zip, BLOK_ZIP_LOCATOR, 4);
    put(&zip, 0, 4);
    put(&zip, offsets[i], 8);
    put(&zip, 1, 4);
    put(&zip, BLOK_ZIP_END, 4);
    put(&zip, 0, 4);
    put(&zip, 0xffffffff, 4);
    put(&zip, 0xffffffffffffffff, 8);
    put(&zip, 0, 2);
    refused(&zip, BLOK_E_MALFORMED, "end record");
  }
}
END_TEST

START_TEST(npz__tells_when_an_array_was_changed) {
  archive zip;
  blok_tensor tensor;
  two(&zip);
  ck_assert_uint_gt(zip.size, 140);
  zip.bytes[120] ^= 1;
  ck_assert_int_eq(blok_npz_open(path_of(&zip), blok_allocator_default(), &npz, &error), BLOK_OK);
  ck_assert_int_eq(blok_npz_read(&npz, 0, &tensor, &error), BLOK_E_MALFORMED);
  ck_assert_ptr_nonnull(strstr(error.message, "checksum of array 'a.b'"));
  blok_npz_close(&npz);
}
END_TEST

START_TEST(npz__refuses_arrays_whose_header_does_not_fit) {
  static const char *const headers[] = {
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905, 4), }",
      "{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", "nothing"};
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    const npy array = make_npy(headers[i], six, sizeof six);
    archive zip = {.size = 0};
    blok_tensor tensor;
    put_entry(&zip, &(entry){"x.npy", array.bytes, array.size, 0, 0});
    close_archive(&zip);
    error = (blok_error)BLOK_ERROR_INIT;
    ck_assert_int_eq(blok_npz_open(path_of(&zip), blok_allocator_default(), &npz, &error), BLOK_OK);
    ck_assert_int_ne(blok_npz_describe(&npz, 0, &tensor, &error), BLOK_OK);
    ck_assert_ptr_nonnull(strstr(error.message, "array x"));
    ck_assert_int_ne(blok_npz_read(&npz, 0, &tensor, &error), BLOK_OK);
    blok_npz_close(&npz);
  }
}
END_TEST

static blok_status open_and_read(void *context, const blok_allocator *allocator,
                                 blok_error *fault) {
  blok_npz own;
  blok_tensor tensor = BLOK_TENSOR_INIT;
  blok_status status = blok_npz_open(context, allocator, &own, fault);
  if (status == BLOK_OK) status = blok_npz_describe(&own, 0, &tensor, fault);
  if (status == BLOK_OK) {
    status = blok_npz_read(&own, 1, &tensor, fault);
    if (status == BLOK_OK) blok_free(allocator, tensor.data);
  }
  blok_npz_close(&own);
  return status;
}

START_TEST(npz__gives_an_error_at_every_allocation_that_fails) {
  archive zip;
  char path[300];
  two(&zip);
  strcpy(path, path_of(&zip));
  ck_assert_uint_gt(blok_fault_sweep(open_and_read, path), 5);
}
END_TEST

Suite *suite_npz(void) {
  Suite *suite = suite_create("npz");
  TCase *tests = tcase_create("npz");
  tcase_add_checked_fixture(tests, begin, end);
  tcase_add_test(tests, npz__reads_arrays_by_name);
  tcase_add_test(tests, npz__reads_fortran_order_and_big_endian);
  tcase_add_test(tests, npz__reads_an_archive_of_nothing_and_one_with_a_comment);
  tcase_add_test(tests, npz__refuses_every_archive_that_is_cut_off);
  tcase_add_test(tests, npz__survives_any_byte_of_its_records);
  tcase_add_test(tests, npz__says_how_to_save_what_is_compressed);
  tcase_add_test(tests, npz__refuses_other_methods_and_encryption);
  tcase_add_test(tests, npz__refuses_names_that_are_none);
  tcase_add_test(tests, npz__refuses_two_arrays_of_one_name);
  tcase_add_loop_test(tests, npz__refuses_a_directory_that_is_not_there, 0,
                      (int)(sizeof lies / sizeof *lies));
  tcase_add_test(tests, npz__refuses_64_bit_records_that_lie);
  tcase_add_test(tests, npz__tells_when_an_array_was_changed);
  tcase_add_test(tests, npz__refuses_arrays_whose_header_does_not_fit);
  tcase_add_test(tests, npz__gives_an_error_at_every_allocation_that_fails);
  suite_add_tcase(suite, tests);
  return suite;
}
