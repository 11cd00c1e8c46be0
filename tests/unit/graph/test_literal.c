// Literals: every encoding that a file may write elements in, and what is wrong with bad ones.
#include <blok/session.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "graph/literal.h"
#include "support/fault.h"
#include "support/folder.h"

// A literal of one axis over the given bytes; the test frees it with drop().
static blok_literal over(blok_dtype dtype, int64_t count, blok_encoding encoding, const void *bytes,
                         size_t size) {
  static int64_t dims[1];
  blok_literal literal;
  memset(&literal, 0, sizeof literal);
  dims[0] = count;
  literal.name = "w";
  literal.dtype = dtype;
  literal.rank = 1;
  literal.dims = dims;
  literal.encoding = encoding;
  if (bytes) literal.storage = blok_storage_copy(blok_allocator_default(), bytes, size);
  return literal;
}

static void drop(blok_literal *literal) { blok_storage_release(literal->storage); }

static void assert_reads(blok_dtype dtype, int64_t count, blok_encoding encoding, const void *bytes,
                         size_t size, const void *want, size_t want_size) {
  blok_literal literal = over(dtype, count, encoding, bytes, size);
  blok_error error = BLOK_ERROR_INIT;
  unsigned char got[64];
  memset(got, 0x5a, sizeof got);
  ck_assert_msg(blok_literal_check(&literal, "w", &error) == BLOK_OK, "%s", error.message);
  ck_assert_msg(blok_literal_read(&literal, NULL, got, want_size, &error) == BLOK_OK, "%s",
                error.message);
  ck_assert_mem_eq(got, want, want_size);
  ck_assert_msg(got[want_size] == 0x5a, "wrote behind the end");
  drop(&literal);
}

// The message of a read that must fail as malformed contains part.
static void assert_refused(blok_literal *literal, const char *part) {
  blok_error error = BLOK_ERROR_INIT;
  unsigned char got[256];
  ck_assert_int_eq(blok_literal_read(literal, NULL, got, sizeof got, &error), BLOK_E_MALFORMED);
  ck_assert_msg(strstr(error.message, part) != NULL, "'%s' lacks '%s'", error.message, part);
  drop(literal);
}

#define READS(dtype, count, encoding, want, ...)                                    \
  do {                                                                              \
    const uint8_t bytes_[] = {__VA_ARGS__};                                         \
    assert_reads(dtype, count, encoding, bytes_, sizeof bytes_, want, sizeof want); \
  } while (0)

#define REFUSED(dtype, count, encoding, part, ...)                               \
  do {                                                                           \
    const uint8_t bytes_[] = {__VA_ARGS__};                                      \
    blok_literal literal_ = over(dtype, count, encoding, bytes_, sizeof bytes_); \
    assert_refused(&literal_, part);                                             \
  } while (0)

START_TEST(read__takes_raw_bytes_as_they_are) {
  const int16_t want[] = {-2, 0x1234};
  READS(BLOK_I16, 2, BLOK_ENCODED_RAW, want, 0xfe, 0xff, 0x34, 0x12);
}
END_TEST

START_TEST(read__takes_raw_elements_under_a_byte_packed) {
  const uint8_t nibbles[] = {0x21, 0x03};
  READS(BLOK_I4, 3, BLOK_ENCODED_RAW, nibbles, 0x21, 0x03);
  const uint8_t pairs[] = {0xe4, 0x01};
  READS(BLOK_U2, 5, BLOK_ENCODED_RAW, pairs, 0xe4, 0x01);
}
END_TEST

START_TEST(read__makes_raw_bools_0_or_1) {
  const uint8_t want[] = {0, 1, 1};
  READS(BLOK_BOOL, 3, BLOK_ENCODED_RAW, want, 0, 1, 0x80);
}
END_TEST

START_TEST(read__takes_float_data_for_floats_and_complex_pairs) {
  const float want[] = {1.0f, -2.0f};
  READS(BLOK_F32, 2, BLOK_ENCODED_FLOAT_DATA, want, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
  READS(BLOK_C64, 1, BLOK_ENCODED_FLOAT_DATA, want, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0);
}
END_TEST

START_TEST(read__takes_double_data_for_doubles_and_complex_pairs) {
  const double want[] = {1.0, -2.0};
  READS(BLOK_F64, 2, BLOK_ENCODED_DOUBLE_DATA, want, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,  //
        0, 0, 0, 0, 0, 0, 0, 0xc0);
  READS(BLOK_C128, 1, BLOK_ENCODED_DOUBLE_DATA, want, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f,  //
        0, 0, 0, 0, 0, 0, 0, 0xc0);
}
END_TEST

START_TEST(read__decodes_int32_data_of_each_width) {
  const int32_t wide[] = {-1, 300, INT32_MIN};
  READS(BLOK_I32, 3, BLOK_ENCODED_INT32_DATA, wide,                  //
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,  //
        0xac, 0x02,                                                  //
        0x80, 0x80, 0x80, 0x80, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x01);
  const int16_t narrow[] = {-1, 300};
  READS(BLOK_I16, 2, BLOK_ENCODED_INT32_DATA, narrow,  //
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0xac, 0x02);
  const int8_t byte[] = {-128, 5};
  READS(BLOK_I8, 2, BLOK_ENCODED_INT32_DATA, byte,  //
        0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x05);
  const uint8_t small[] = {255, 0};
  READS(BLOK_U8, 2, BLOK_ENCODED_INT32_DATA, small, 0xff, 0x01, 0x00);
  const uint16_t shorts[] = {65535};
  READS(BLOK_U16, 1, BLOK_ENCODED_INT32_DATA, shorts, 0xff, 0xff, 0x03);
  const uint8_t flags[] = {1, 0, 1};
  READS(BLOK_BOOL, 3, BLOK_ENCODED_INT32_DATA, flags, 1, 0, 0x80, 0x02);
}
END_TEST

START_TEST(read__decodes_int32_data_of_bit_patterns) {
  const uint16_t one[] = {0x3c00};
  READS(BLOK_F16, 1, BLOK_ENCODED_INT32_DATA, one, 0x80, 0x78);
  const uint16_t one_bf16[] = {0x3f80};
  READS(BLOK_BF16, 1, BLOK_ENCODED_INT32_DATA, one_bf16, 0x80, 0x7f);
  const uint8_t eight[] = {0x81};
  READS(BLOK_F8E4M3FN, 1, BLOK_ENCODED_INT32_DATA, eight, 0x81, 0x01);
  READS(BLOK_F8E8M0, 1, BLOK_ENCODED_INT32_DATA, eight, 0x81, 0x01);
}
END_TEST

START_TEST(read__decodes_int32_data_of_packed_elements) {
  // Two numbers hold three elements of 4 bits, or five of 2.
  const uint8_t want[] = {0x21, 0xf3};
  READS(BLOK_I4, 3, BLOK_ENCODED_INT32_DATA, want, 0x21, 0xf3, 0x01);
  READS(BLOK_U4, 4, BLOK_ENCODED_INT32_DATA, want, 0x21, 0xf3, 0x01);
  READS(BLOK_F4E2M1, 4, BLOK_ENCODED_INT32_DATA, want, 0x21, 0xf3, 0x01);
  READS(BLOK_I2, 5, BLOK_ENCODED_INT32_DATA, want, 0x21, 0xf3, 0x01);
}
END_TEST

START_TEST(read__decodes_int32_data_of_6_bits_without_gaps) {
  const uint8_t want[] = {0x7f, 0xf0, 0x03};
  READS(BLOK_F6E2M3, 3, BLOK_ENCODED_INT32_DATA, want, 0x3f, 0x01, 0x3f);
  const uint8_t last[] = {0xc1, 0x0f};
  READS(BLOK_F6E3M2, 2, BLOK_ENCODED_INT32_DATA, last, 0x01, 0x3f);
}
END_TEST

START_TEST(read__decodes_int64_and_uint64_data) {
  const int64_t wide[] = {-1, 128};
  READS(BLOK_I64, 2, BLOK_ENCODED_INT64_DATA, wide,  //
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x80, 0x01);
  const uint64_t most[] = {UINT64_MAX};
  READS(BLOK_U64, 1, BLOK_ENCODED_UINT64_DATA, most,  //
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01);
  const uint32_t half[] = {UINT32_MAX, 1};
  READS(BLOK_U32, 2, BLOK_ENCODED_UINT64_DATA, half, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x01);
}
END_TEST

START_TEST(read__points_into_strings) {
  const blok_bytes strings[] = {{(const uint8_t *)"ab", 2}, {(const uint8_t *)"", 0}};
  blok_literal literal = over(BLOK_STRING, 2, BLOK_ENCODED_STRINGS, NULL, 0);
  literal.strings = strings;
  literal.n_strings = 2;
  blok_text got[2];
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_literal_read(&literal, NULL, got, sizeof got, &error), BLOK_OK);
  ck_assert_ptr_eq(got[0].bytes, strings[0].data);
  ck_assert_uint_eq(got[0].size, 2);
  ck_assert_uint_eq(got[1].size, 0);
  literal.n_strings = 1;
  assert_refused(&literal, "holds 1 strings, but string[2] needs 2");
}
END_TEST

START_TEST(read__decodes_numbers_of_a_file_across_pieces) {
  // 2-byte numbers behind one of 1 byte: one of them lies across every border of a piece.
  enum { COUNT = 100000 };
  size_t size = 1 + 2 * (COUNT - 1);
  uint8_t *bytes = malloc(size);
  int64_t *got = malloc(COUNT * sizeof *got);
  bytes[0] = 7;
  for (size_t i = 1; i < COUNT; i++) {
    bytes[2 * i - 1] = (uint8_t)(0x80 | (i & 0x7f));
    bytes[2 * i] = 0x01;
  }
  blok_test_folder folder;
  blok_test_folder_make(&folder);
  const char *path = blok_test_path(&folder, "numbers");
  blok_test_write(path, bytes, size);
  blok_error error = BLOK_ERROR_INIT;
  blok_file *file = NULL;
  const blok_allocator *allocator = blok_allocator_default();
  ck_assert_int_eq(blok_file_open(path, allocator, NULL, &file, &error), BLOK_OK);

  blok_literal literal = over(BLOK_I64, COUNT, BLOK_ENCODED_INT64_DATA, NULL, 0);
  literal.storage = blok_storage_file(allocator, file, 0, size);
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator counting = blok_fault_allocator(&fault);
  blok_status status = blok_literal_read(&literal, &counting, got, COUNT * sizeof *got, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  ck_assert_int_eq(got[0], 7);
  for (size_t i = 1; i < COUNT; i++) ck_assert_int_eq(got[i], (int64_t)(0x80 + (i & 0x7f)));
  ck_assert_uint_le(fault.peak_bytes, 1 << 16);
  ck_assert_uint_eq(fault.live_blocks, 0);

  drop(&literal);
  blok_file_release(file);
  blok_test_folder_remove(&folder);
  free(bytes);
  free(got);
}
END_TEST

START_TEST(read__refuses_wrong_lengths) {
  REFUSED(BLOK_F32, 2, BLOK_ENCODED_RAW, "raw_data holds 7 bytes, but float32[2] needs 8",  //
          1, 2, 3, 4, 5, 6, 7);
  REFUSED(BLOK_F32, 1, BLOK_ENCODED_FLOAT_DATA, "float_data holds 8 bytes", 1, 2, 3, 4, 5, 6, 7, 8);
  REFUSED(BLOK_I4, 3, BLOK_ENCODED_RAW, "needs 2", 1);
  REFUSED(BLOK_I64, 2, BLOK_ENCODED_INT64_DATA, "cannot be the 2 numbers", 1);
  REFUSED(BLOK_I64, 2, BLOK_ENCODED_INT64_DATA, "holds 1 of the 2 numbers", 0x80, 0x01);
  REFUSED(BLOK_I64, 1, BLOK_ENCODED_INT64_DATA, "more than the 1 numbers", 1, 2);
  REFUSED(BLOK_I4, 2, BLOK_ENCODED_INT32_DATA, "more than the 1 numbers", 1, 2);
}
END_TEST

START_TEST(read__refuses_damaged_numbers) {
  REFUSED(BLOK_I64, 1, BLOK_ENCODED_INT64_DATA, "cut off", 0x80);
  REFUSED(BLOK_I64, 1, BLOK_ENCODED_INT64_DATA, "does not fit 64 bits",  //
          0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02);
  REFUSED(BLOK_I64, 2, BLOK_ENCODED_INT64_DATA, "does not fit 64 bits",  //
          0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x01);
}
END_TEST

START_TEST(read__refuses_an_encoding_that_the_type_does_not_have) {
  REFUSED(BLOK_F32, 1, BLOK_ENCODED_INT32_DATA, "float32 cannot be in int32_data", 1);
  REFUSED(BLOK_I64, 1, BLOK_ENCODED_INT32_DATA, "int64 cannot be in int32_data", 1);
  REFUSED(BLOK_U32, 1, BLOK_ENCODED_INT32_DATA, "uint32 cannot be in int32_data", 1);
  REFUSED(BLOK_STRING, 1, BLOK_ENCODED_RAW, "string cannot be in raw_data", 1);
  REFUSED((blok_dtype)99, 1, BLOK_ENCODED_RAW, "element type 99 is not known", 1);
}
END_TEST

START_TEST(read__takes_no_data_for_no_elements_only) {
  blok_literal literal = over(BLOK_F32, 0, BLOK_ENCODED_NONE, NULL, 0);
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_literal_check(&literal, "w", &error), BLOK_OK);
  ck_assert_int_eq(blok_literal_read(&literal, NULL, NULL, 0, &error), BLOK_OK);
  literal = over(BLOK_F32, 3, BLOK_ENCODED_NONE, NULL, 0);
  assert_refused(&literal, "holds 0 of 3 elements");
}
END_TEST

START_TEST(read__refuses_memory_too_small) {
  blok_literal literal = over(BLOK_I8, 4, BLOK_ENCODED_RAW, "abcd", 4);
  blok_error error = BLOK_ERROR_INIT;
  char got[3];
  ck_assert_int_eq(blok_literal_read(&literal, NULL, got, sizeof got, &error), BLOK_E_ARGUMENT);
  drop(&literal);
}
END_TEST

START_TEST(check__refuses_dims_that_overflow_or_are_negative) {
  const int64_t huge[] = {INT64_MAX, INT64_MAX, 0x7fffffff};
  blok_literal literal = over(BLOK_F32, 1, BLOK_ENCODED_RAW, NULL, 0);
  literal.dims = huge;
  literal.rank = 3;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_literal_check(&literal, "initializer 'w'", &error), BLOK_E_MALFORMED);
  ck_assert_ptr_nonnull(strstr(error.message, "initializer 'w': dims [9223372036854775807"));
  // The count fits, the bytes do not.
  const int64_t wide[] = {INT64_MAX};
  literal.dims = wide;
  literal.rank = 1;
  ck_assert_int_eq(blok_literal_check(&literal, "w", NULL), BLOK_E_MALFORMED);
  literal = over(BLOK_F32, -3, BLOK_ENCODED_RAW, NULL, 0);
  blok_error negative = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_literal_check(&literal, "w", &negative), BLOK_E_MALFORMED);
  ck_assert_ptr_nonnull(strstr(negative.message, "dims[0] is -3"));
}
END_TEST

START_TEST(read__escapes_the_name_in_messages) {
  blok_literal literal = over(BLOK_F32, 1, BLOK_ENCODED_RAW, "a", 1);
  literal.name = "bad\n\x1b[31m'name";
  blok_error error = BLOK_ERROR_INIT;
  float got;
  ck_assert_int_eq(blok_literal_read(&literal, NULL, &got, sizeof got, &error), BLOK_E_MALFORMED);
  ck_assert_ptr_nonnull(strstr(error.message, "bad\\x0a\\x1b[31m\\x27name"));
  drop(&literal);
}
END_TEST

START_TEST(dense_bytes__rounds_packed_types_up_and_sees_overflow) {
  size_t bytes = 0;
  ck_assert(blok_dense_bytes(BLOK_I4, 5, &bytes));
  ck_assert_uint_eq(bytes, 3);
  ck_assert(blok_dense_bytes(BLOK_U2, 5, &bytes));
  ck_assert_uint_eq(bytes, 2);
  ck_assert(blok_dense_bytes(BLOK_I4, SIZE_MAX, &bytes));
  ck_assert_uint_eq(bytes, SIZE_MAX / 2 + 1);
  ck_assert(!blok_dense_bytes(BLOK_F32, SIZE_MAX / 2, &bytes));
  ck_assert(!blok_dense_bytes(BLOK_UNDEFINED, 1, &bytes));
}
END_TEST

START_TEST(make__keeps_a_copy_of_elements_and_strings) {
  blok_arena arena;
  blok_arena_init(&arena, NULL);
  blok_error error = BLOK_ERROR_INIT;
  int64_t dims[] = {2};
  float values[] = {1.5f, 2.5f}, got[2];
  blok_literal *literal = NULL;
  ck_assert_int_eq(
      blok_literal_make(&arena, BLOK_F32, 1, dims, values, sizeof values, &literal, &error),
      BLOK_OK);
  values[0] = 0;
  dims[0] = 0;
  ck_assert_int_eq(blok_literal_read(literal, NULL, got, sizeof got, &error), BLOK_OK);
  ck_assert(got[0] == 1.5f && got[1] == 2.5f);
  drop(literal);

  char word[] = "word";
  blok_text texts[1] = {{word, 4}}, back[1];
  dims[0] = 1;
  ck_assert_int_eq(
      blok_literal_make(&arena, BLOK_STRING, 1, dims, texts, sizeof texts, &literal, &error),
      BLOK_OK);
  word[0] = 'x';
  ck_assert_int_eq(blok_literal_read(literal, NULL, back, sizeof back, &error), BLOK_OK);
  ck_assert_mem_eq(back[0].bytes, "word", 4);
  ck_assert_int_eq(blok_literal_make(&arena, BLOK_F32, 1, dims, values, 8, &literal, &error),
                   BLOK_E_ARGUMENT);
  ck_assert_ptr_null(literal);
  blok_arena_free(&arena);
}
END_TEST

Suite *suite_literal(void) {
  Suite *suite = suite_create("literal");
  TCase *tests = tcase_create("literal");
  tcase_add_test(tests, read__takes_raw_bytes_as_they_are);
  tcase_add_test(tests, read__takes_raw_elements_under_a_byte_packed);
  tcase_add_test(tests, read__makes_raw_bools_0_or_1);
  tcase_add_test(tests, read__takes_float_data_for_floats_and_complex_pairs);
  tcase_add_test(tests, read__takes_double_data_for_doubles_and_complex_pairs);
  tcase_add_test(tests, read__decodes_int32_data_of_each_width);
  tcase_add_test(tests, read__decodes_int32_data_of_bit_patterns);
  tcase_add_test(tests, read__decodes_int32_data_of_packed_elements);
  tcase_add_test(tests, read__decodes_int32_data_of_6_bits_without_gaps);
  tcase_add_test(tests, read__decodes_int64_and_uint64_data);
  tcase_add_test(tests, read__points_into_strings);
  tcase_add_test(tests, read__decodes_numbers_of_a_file_across_pieces);
  tcase_add_test(tests, read__refuses_wrong_lengths);
  tcase_add_test(tests, read__refuses_damaged_numbers);
  tcase_add_test(tests, read__refuses_an_encoding_that_the_type_does_not_have);
  tcase_add_test(tests, read__takes_no_data_for_no_elements_only);
  tcase_add_test(tests, read__refuses_memory_too_small);
  tcase_add_test(tests, check__refuses_dims_that_overflow_or_are_negative);
  tcase_add_test(tests, read__escapes_the_name_in_messages);
  tcase_add_test(tests, dense_bytes__rounds_packed_types_up_and_sees_overflow);
  tcase_add_test(tests, make__keeps_a_copy_of_elements_and_strings);
  suite_add_tcase(suite, tests);
  return suite;
}
