// See wire_text.h.
#include "wire_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static void put(wire_text *out, const void *bytes, size_t size) {
  ck_assert_uint_le(out->size + size, sizeof out->bytes);
  memcpy(out->bytes + out->size, bytes, size);
  out->size += size;
}

static void put_varint(wire_text *out, uint64_t value) {
  do {
    uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    put(out, &byte, 1);
    value >>= 7;
  } while (value);
}

static void put_run(wire_text *out, unsigned long number, const void *bytes, size_t size) {
  put_varint(out, number << 3 | 2);
  put_varint(out, size);
  put(out, bytes, size);
}

// Fields up to the end or a closing brace; the place behind.
static const char *put_fields(const char *text, wire_text *out) {
  for (;;) {
    text += strspn(text, " \n");
    if (*text == '\0') return text;
    if (*text == '}') return text + 1;
    char *behind;
    unsigned long number = strtoul(text, &behind, 10);
    ck_assert_msg(behind != text, "no field number: %s", text);
    if (*behind == '{') {
      wire_text *inner = calloc(1, sizeof *inner);
      ck_assert_ptr_nonnull(inner);
      text = put_fields(behind + 1, inner);
      put_run(out, number, inner->bytes, inner->size);
      free(inner);
    } else if (behind[0] == ':' && behind[1] == '\'') {
      size_t length = strcspn(behind + 2, "'");
      put_run(out, number, behind + 2, length);
      text = behind + 2 + length + 1;
    } else {
      ck_assert_int_eq(*behind, ':');
      put_varint(out, number << 3);
      put_varint(out, (uint64_t)strtoll(behind + 1, &behind, 10));
      text = behind;
    }
  }
}

void wire_of_text(const char *text, wire_text *out) {
  out->size = 0;
  ck_assert_int_eq(*put_fields(text, out), '\0');
}
