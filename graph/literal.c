// Literals: sizes, checks, making. Reading is in literal_read.c.
#include "graph/literal.h"

#include <blok/session.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/literal_form.h"

bool blok_literal_count(const blok_literal *literal, size_t *count) {
  return blok_dims_count(literal->dims, literal->rank, count);
}

bool blok_dense_bytes(blok_dtype dtype, size_t count, size_t *bytes) {
  if (dtype == BLOK_STRING) return blok_mul_size(count, sizeof(blok_text), bytes);
  size_t bits = blok_dtype_bits(dtype);
  if (bits == 0) return false;
  if (bits >= 8) return blok_mul_size(count, bits / 8, bytes);
  // Packed without gaps, the last byte filled up with zeroes: 8 elements make bits bytes.
  *bytes = count / 8 * bits + (count % 8 * bits + 7) / 8;
  return true;
}

const char *blok_encoding_field(blok_encoding encoding) {
  switch (encoding) {
    case BLOK_ENCODED_NONE:
      return "no data field";
    case BLOK_ENCODED_RAW:
      return "raw_data";
    case BLOK_ENCODED_FLOAT_DATA:
      return "float_data";
    case BLOK_ENCODED_INT32_DATA:
      return "int32_data";
    case BLOK_ENCODED_INT64_DATA:
      return "int64_data";
    case BLOK_ENCODED_DOUBLE_DATA:
      return "double_data";
    case BLOK_ENCODED_UINT64_DATA:
      return "uint64_data";
    case BLOK_ENCODED_STRINGS:
      return "string_data";
  }
  return "an unknown data field";
}

// The typed field that elements of dtype are kept in when they are not raw.
static blok_encoding typed_encoding(blok_dtype dtype) {
  switch (dtype) {
    case BLOK_F32:
    case BLOK_C64:
      return BLOK_ENCODED_FLOAT_DATA;
    case BLOK_F64:
    case BLOK_C128:
      return BLOK_ENCODED_DOUBLE_DATA;
    case BLOK_I64:
      return BLOK_ENCODED_INT64_DATA;
    case BLOK_U32:
    case BLOK_U64:
      return BLOK_ENCODED_UINT64_DATA;
    case BLOK_STRING:
      return BLOK_ENCODED_STRINGS;
    case BLOK_U8:
    case BLOK_I8:
    case BLOK_U16:
    case BLOK_I16:
    case BLOK_I32:
    case BLOK_BOOL:
    case BLOK_F16:
    case BLOK_BF16:
    case BLOK_F8E4M3FN:
    case BLOK_F8E4M3FNUZ:
    case BLOK_F8E5M2:
    case BLOK_F8E5M2FNUZ:
    case BLOK_F8E8M0:
    case BLOK_U4:
    case BLOK_I4:
    case BLOK_F4E2M1:
    case BLOK_U2:
    case BLOK_I2:
    case BLOK_F6E2M3:
    case BLOK_F6E3M2:
      return BLOK_ENCODED_INT32_DATA;
    case BLOK_UNDEFINED:
      break;
  }
  return BLOK_ENCODED_NONE;
}

blok_status blok_literal_form_of(const blok_literal *literal, const char *what,
                                 blok_literal_form *out, blok_error *error) {
  blok_dtype dtype = literal->dtype;
  if (typed_encoding(dtype) == BLOK_ENCODED_NONE) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: element type %d is not known", what, (int)dtype);
  }
  for (uint32_t i = 0; i < literal->rank; i++) {
    if (literal->dims[i] >= 0) continue;
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: dims[%u] is %lld, below 0", what, i,
                     (long long)literal->dims[i]);
  }
  if (!blok_literal_count(literal, &out->count) ||
      !blok_dense_bytes(dtype, out->count, &out->bytes)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: dims %s name more elements than memory can hold",
                     what, blok_print_dims(literal->dims, literal->rank).text);
  }
  bool fits = literal->encoding == BLOK_ENCODED_NONE ||
              (literal->encoding == BLOK_ENCODED_RAW && dtype != BLOK_STRING) ||
              literal->encoding == typed_encoding(dtype);
  if (!fits) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: elements of type %s cannot be in %s", what,
                     blok_dtype_name(dtype), blok_encoding_field(literal->encoding));
  }
  // Elements of 4 bits and less share a byte, so many in a number of int32_data; those of 6 do not.
  size_t bits = blok_dtype_bits(dtype);
  size_t per_number = bits && bits <= 4 ? 8 / bits : 1;
  out->numbers = out->count / per_number + (out->count % per_number != 0);
  return BLOK_OK;
}

// Bytes or numbers held against bytes or numbers wanted.
static blok_status wrong_length(const blok_literal *literal, const char *what, const char *unit,
                                uint64_t held, uint64_t wanted, blok_error *error) {
  return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: %s holds %llu %s, but %s%s needs %llu", what,
                   blok_encoding_field(literal->encoding), (unsigned long long)held, unit,
                   blok_dtype_name(literal->dtype),
                   blok_print_dims(literal->dims, literal->rank).text, (unsigned long long)wanted);
}

blok_status blok_literal_length(const blok_literal *literal, const char *what,
                                const blok_literal_form *form, blok_error *error) {
  uint64_t held = literal->storage ? blok_storage_size(literal->storage) : 0;
  switch (literal->encoding) {
    case BLOK_ENCODED_NONE:
      if (form->count == 0) return BLOK_OK;
      return BLOK_FAIL(error, BLOK_E_MALFORMED,
                       "%s: holds 0 of %zu elements (no data field is set)", what, form->count);
    case BLOK_ENCODED_STRINGS:
      if (literal->n_strings == form->count) return BLOK_OK;
      return wrong_length(literal, what, "strings", literal->n_strings, form->count, error);
    case BLOK_ENCODED_RAW:
    case BLOK_ENCODED_FLOAT_DATA:
    case BLOK_ENCODED_DOUBLE_DATA:
      if (held == form->bytes) return BLOK_OK;
      return wrong_length(literal, what, "bytes", held, form->bytes, error);
    case BLOK_ENCODED_INT32_DATA:
    case BLOK_ENCODED_INT64_DATA:
    case BLOK_ENCODED_UINT64_DATA:
      // A number takes 1 to 10 bytes; the exact count shows when they are read.
      if (held >= form->numbers && held / 10 + (held % 10 != 0) <= form->numbers) return BLOK_OK;
      return BLOK_FAIL(error, BLOK_E_MALFORMED,
                       "%s: the %llu bytes of %s cannot be the %zu numbers that dims %s need", what,
                       (unsigned long long)held, blok_encoding_field(literal->encoding),
                       form->numbers, blok_print_dims(literal->dims, literal->rank).text);
  }
  return BLOK_FAIL(error, BLOK_E_INTERNAL, "%s: unknown encoding %d", what, (int)literal->encoding);
}

blok_status blok_literal_check(const blok_literal *literal, const char *what, blok_error *error) {
  blok_literal_form form;
  BLOK_TRY(blok_literal_form_of(literal, what, &form, error));
  return blok_literal_length(literal, what, &form, error);
}

// ---- Making -------------------------------------------------------------------------------------

// Copies the strings that elements name into the arena, as one block.
static bool copy_strings(blok_arena *arena, const blok_text *texts, size_t count,
                         blok_literal *literal) {
  size_t total = 0;
  for (size_t i = 0; i < count; i++) {
    if (!blok_add_size(total, texts[i].size, &total)) return false;
  }
  blok_bytes *strings = blok_arena_array(arena, count, sizeof *strings);
  uint8_t *bytes = blok_arena_alloc(arena, total);
  if (!strings || !bytes) return false;
  for (size_t i = 0; i < count; i++) {
    if (texts[i].size) memcpy(bytes, texts[i].bytes, texts[i].size);
    strings[i].data = bytes;
    strings[i].size = texts[i].size;
    bytes += texts[i].size;
  }
  literal->n_strings = (uint32_t)count;
  literal->strings = strings;
  return true;
}

blok_status blok_literal_make(blok_arena *arena, blok_dtype dtype, uint32_t rank,
                              const int64_t *dims, const void *elements, size_t bytes,
                              blok_literal **out, blok_error *error) {
  *out = NULL;
  size_t count, wanted;
  if (!blok_dims_count(dims, rank, &count) || !blok_dense_bytes(dtype, count, &wanted) ||
      (dtype == BLOK_STRING && count > UINT32_MAX)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "a constant of %s%s cannot be made",
                     blok_dtype_name(dtype), blok_print_dims(dims, rank).text);
  }
  if (bytes != wanted) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "a constant of %s%s needs %zu bytes, not %zu",
                     blok_dtype_name(dtype), blok_print_dims(dims, rank).text, wanted, bytes);
  }
  blok_literal *literal = blok_arena_zero(arena, sizeof *literal);
  int64_t *own_dims = blok_arena_copy(arena, dims, rank * sizeof *dims);
  if (!literal || !own_dims) return blok_fail_memory(error, sizeof *literal);
  literal->dtype = dtype;
  literal->has_dtype = true;
  literal->rank = rank;
  literal->dims = own_dims;
  if (dtype == BLOK_STRING) {
    literal->encoding = BLOK_ENCODED_STRINGS;
    if (!copy_strings(arena, elements, count, literal)) return blok_fail_memory(error, bytes);
  } else {
    literal->encoding = BLOK_ENCODED_RAW;
    literal->storage = blok_storage_copy(&arena->allocator, elements, bytes);
    if (!literal->storage) return blok_fail_memory(error, bytes);
  }
  *out = literal;
  return BLOK_OK;
}
