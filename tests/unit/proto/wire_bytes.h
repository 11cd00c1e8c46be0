// Protobuf messages written by hand, for tests that need bytes no serialiser would make.
#ifndef BLOK_TESTS_WIRE_BYTES_H
#define BLOK_TESTS_WIRE_BYTES_H

#include <stddef.h>
#include <stdint.h>

// A growing message; free with blok_bytes_free. Zero-initialised is empty.
typedef struct blok_test_bytes {
  uint8_t *data;
  size_t size;
  size_t capacity;
} blok_test_bytes;

void blok_bytes_free(blok_test_bytes *b);
void blok_bytes_raw(blok_test_bytes *b, const void *bytes, size_t size);
void blok_bytes_varint(blok_test_bytes *b, uint64_t value);

// Fields: a number, a string, any bytes, another message, a fixed 32-bit value.
void blok_bytes_int(blok_test_bytes *b, uint32_t number, uint64_t value);
void blok_bytes_text(blok_test_bytes *b, uint32_t number, const char *text);
void blok_bytes_run(blok_test_bytes *b, uint32_t number, const void *bytes, size_t size);
void blok_bytes_message(blok_test_bytes *b, uint32_t number, const blok_test_bytes *message);
void blok_bytes_fixed32(blok_test_bytes *b, uint32_t number, uint32_t value);

#endif  // BLOK_TESTS_WIRE_BYTES_H
