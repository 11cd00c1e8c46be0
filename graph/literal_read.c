// Reading literals into memory. Raw and floating data are copied as they stand; the packed numbers
// of the integer fields (varints: 7 bits a byte, low ones first, the top bit says that more follow)
// are decoded in bounded pieces, so that nothing but the destination is as large as the tensor.
#include <blok/session.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph/literal_form.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are stored little endian, and this machine is not"
#endif

enum { PIECE = 1 << 16 };

// Where decoded numbers go. A varint may lie across two pieces: value and shift carry it over.
typedef struct number_sink {
  blok_dtype dtype;
  uint8_t *out;
  size_t wanted, done;
  uint64_t value;
  unsigned shift;
} number_sink;

// Element i of 6-bit elements packed without gaps, low bits first. Elements come in order, so a
// byte is zeroed with its first bit.
static void store_six_bits(uint8_t *out, size_t i, uint64_t value) {
  for (size_t b = 0; b < 6; b++) {
    size_t at = i * 6 + b;
    if (at % 8 == 0) out[at / 8] = 0;
    out[at / 8] = (uint8_t)(out[at / 8] | (value >> b & 1) << at % 8);
  }
}

// Integers keep the low bits of the number, as protobuf's own narrowing does; 16-bit and 8-bit
// floats are bit patterns; of elements under a byte, a number holds one packed byte, or one element
// of 6 bits.
static void store(number_sink *sink) {
  uint64_t value = sink->value;
  size_t i = sink->done++;
  uint32_t bits = blok_dtype_bits(sink->dtype);
  if (sink->dtype == BLOK_BOOL) {
    sink->out[i] = (uint32_t)value != 0;
  } else if (bits == 6) {
    store_six_bits(sink->out, i, value);
  } else if (bits <= 8) {
    sink->out[i] = (uint8_t)value;
  } else if (bits == 16) {
    uint16_t narrow = (uint16_t)value;
    memcpy(sink->out + i * sizeof narrow, &narrow, sizeof narrow);
  } else if (bits == 32) {
    uint32_t narrow = (uint32_t)value;
    memcpy(sink->out + i * sizeof narrow, &narrow, sizeof narrow);
  } else {
    memcpy(sink->out + i * sizeof value, &value, sizeof value);
  }
}

static blok_status decode(number_sink *sink, const uint8_t *bytes, size_t size, const char *what,
                          blok_error *error) {
  for (size_t i = 0; i < size; i++) {
    uint8_t byte = bytes[i];
    if (sink->shift > 63 || (sink->shift == 63 && byte > 1)) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: number %zu does not fit 64 bits", what,
                       sink->done);
    }
    sink->value |= (uint64_t)(byte & 0x7f) << sink->shift;
    if (byte & 0x80) {
      sink->shift += 7;
      continue;
    }
    if (sink->done == sink->wanted) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: holds more than the %zu numbers its dims need",
                       what, sink->wanted);
    }
    store(sink);
    sink->value = 0;
    sink->shift = 0;
  }
  return BLOK_OK;
}

static blok_status decode_file(number_sink *sink, const blok_storage *storage,
                               const blok_allocator *allocator, const char *what,
                               blok_error *error) {
  uint64_t size = blok_storage_size(storage);
  size_t room = size < PIECE ? (size_t)size : PIECE;
  uint8_t *piece = blok_alloc(allocator, room);
  if (!piece) return blok_fail_memory(error, room);
  blok_status status = BLOK_OK;
  for (uint64_t at = 0; at < size && status == BLOK_OK; at += room) {
    size_t part = size - at < room ? (size_t)(size - at) : room;
    status = blok_storage_read(storage, at, piece, part, error);
    if (status == BLOK_OK) status = decode(sink, piece, part, what, error);
  }
  blok_free(allocator, piece);
  return status;
}

static blok_status read_numbers(const blok_literal *literal, const blok_literal_form *form,
                                const blok_allocator *allocator, const char *what, void *out,
                                blok_error *error) {
  number_sink sink = {literal->dtype, out, form->numbers, 0, 0, 0};
  if (literal->storage) {
    const uint8_t *bytes = blok_storage_memory(literal->storage);
    size_t size = (size_t)blok_storage_size(literal->storage);
    BLOK_TRY(bytes ? decode(&sink, bytes, size, what, error)
                   : decode_file(&sink, literal->storage, allocator, what, error));
  }
  if (sink.shift != 0) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: the last number is cut off", what);
  }
  if (sink.done != sink.wanted) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: holds %zu of the %zu numbers its dims need",
                     what, sink.done, sink.wanted);
  }
  return BLOK_OK;
}

static blok_status read_bytes(const blok_literal *literal, const blok_literal_form *form, void *out,
                              blok_error *error) {
  if (form->bytes == 0) return BLOK_OK;
  BLOK_TRY(blok_storage_read(literal->storage, 0, out, form->bytes, error));
  if (literal->dtype == BLOK_BOOL) {
    uint8_t *flags = out;
    for (size_t i = 0; i < form->bytes; i++) flags[i] = flags[i] != 0;
  }
  return BLOK_OK;
}

static void read_strings(const blok_literal *literal, void *out) {
  blok_text *texts = out;
  for (uint32_t i = 0; i < literal->n_strings; i++) {
    texts[i].bytes = (const char *)literal->strings[i].data;
    texts[i].size = literal->strings[i].size;
  }
}

blok_status blok_literal_read(const blok_literal *literal, const blok_allocator *allocator,
                              void *out, size_t bytes, blok_error *error) {
  char what[sizeof(blok_quoted) + 16];
  snprintf(what, sizeof what, "tensor '%s'", blok_quote(literal->name).text);
  blok_literal_form form;
  BLOK_TRY(blok_literal_form_of(literal, what, &form, error));
  BLOK_TRY(blok_literal_length(literal, what, &form, error));
  if (bytes < form.bytes) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: needs %zu bytes of memory, got %zu", what,
                     form.bytes, bytes);
  }
  switch (literal->encoding) {
    case BLOK_ENCODED_NONE:
      return BLOK_OK;
    case BLOK_ENCODED_STRINGS:
      read_strings(literal, out);
      return BLOK_OK;
    case BLOK_ENCODED_RAW:
    case BLOK_ENCODED_FLOAT_DATA:
    case BLOK_ENCODED_DOUBLE_DATA:
      return read_bytes(literal, &form, out, error);
    case BLOK_ENCODED_INT32_DATA:
    case BLOK_ENCODED_INT64_DATA:
    case BLOK_ENCODED_UINT64_DATA:
      return read_numbers(literal, &form, blok_allocator_or_default(allocator), what, out, error);
  }
  return BLOK_FAIL(error, BLOK_E_INTERNAL, "%s: unknown encoding %d", what, (int)literal->encoding);
}
