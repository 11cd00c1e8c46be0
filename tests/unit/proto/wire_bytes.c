// See wire_bytes.h.
#include "wire_bytes.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void blok_bytes_free(blok_test_bytes *b) {
  free(b->data);
  memset(b, 0, sizeof *b);
}

void blok_bytes_raw(blok_test_bytes *b, const void *bytes, size_t size) {
  if (b->size + size > b->capacity) {
    b->capacity = 2 * (b->size + size);
    b->data = realloc(b->data, b->capacity);
    ck_assert_ptr_nonnull(b->data);
  }
  if (size > 0) memcpy(b->data + b->size, bytes, size);
  b->size += size;
}

void blok_bytes_varint(blok_test_bytes *b, uint64_t value) {
  do {
    uint8_t byte = (uint8_t)((value & 0x7f) | (value >= 0x80 ? 0x80 : 0));
    blok_bytes_raw(b, &byte, 1);
    value >>= 7;
  } while (value);
}

static void tag(blok_test_bytes *b, uint32_t number, uint32_t type) {
  blok_bytes_varint(b, (uint64_t)number << 3 | type);
}

void blok_bytes_int(blok_test_bytes *b, uint32_t number, uint64_t value) {
  tag(b, number, 0);
  blok_bytes_varint(b, value);
}

void blok_bytes_run(blok_test_bytes *b, uint32_t number, const void *bytes, size_t size) {
  tag(b, number, 2);
  blok_bytes_varint(b, size);
  blok_bytes_raw(b, bytes, size);
}

void blok_bytes_text(blok_test_bytes *b, uint32_t number, const char *text) {
  blok_bytes_run(b, number, text, strlen(text));
}

void blok_bytes_message(blok_test_bytes *b, uint32_t number, const blok_test_bytes *message) {
  blok_bytes_run(b, number, message->data, message->size);
}

void blok_bytes_fixed32(blok_test_bytes *b, uint32_t number, uint32_t value) {
  tag(b, number, 5);
  uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                      (uint8_t)(value >> 24)};
  blok_bytes_raw(b, bytes, 4);
}
