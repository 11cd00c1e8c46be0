// Names and shapes made fit for messages, and the table from names to numbers. See text.h.
#include "base/text.h"

#include <stdio.h>
#include <string.h>

size_t blok_utf8_length(const uint8_t *bytes, size_t size) {
  uint8_t lead = bytes[0];
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || length > size) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((bytes[i] & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && bytes[1] < 0xa0) return 0;  // overlong
  if (lead == 0xed && bytes[1] > 0x9f) return 0;  // surrogate
  if (lead == 0xf0 && bytes[1] < 0x90) return 0;  // overlong
  if (lead == 0xf4 && bytes[1] > 0x8f) return 0;  // past U+10FFFF
  return length;
}

blok_quoted blok_quoten(const void *source, size_t size) {
  const uint8_t *bytes = source;
  blok_quoted quoted;
  const size_t room = sizeof quoted.text - 4;  // for "..." and the NUL
  size_t used = 0;
  size_t at = 0;
  while (at < size) {
    size_t length = blok_utf8_length(bytes + at, size - at);
    bool plain = length > 1
                     ? !(length == 2 && bytes[at] == 0xc2 && bytes[at + 1] < 0xa0)
                     : length == 1 && bytes[at] >= 0x20 && bytes[at] != 0x7f && bytes[at] != '\'';
    size_t need = plain ? length : 4;
    if (used + need > room) {
      memcpy(quoted.text + used, "...", 3);
      used += 3;
      break;
    }
    if (plain) {
      memcpy(quoted.text + used, bytes + at, length);
      at += length;
    } else {
      snprintf(quoted.text + used, 5, "\\x%02x", bytes[at]);
      at++;
    }
    used += need;
  }
  quoted.text[used] = '\0';
  return quoted;
}

blok_quoted blok_quote(const char *name) {
  return blok_quoten(name ? name : "", name ? strlen(name) : 0);
}

blok_dims_text blok_print_dims(const int64_t *dims, size_t rank) {
  blok_dims_text out;
  size_t used = 0;
  out.text[used++] = '[';
  for (size_t i = 0; i < rank; i++) {
    char number[32];
    if (dims[i] == -1) {
      memcpy(number, "?", 2);
    } else {
      snprintf(number, sizeof number, "%lld", (long long)dims[i]);
    }
    size_t length = strlen(number);
    if (used + length + 8 > sizeof out.text) {
      memcpy(out.text + used, "...", 3);
      used += 3;
      break;
    }
    if (i) {
      memcpy(out.text + used, ", ", 2);
      used += 2;
    }
    memcpy(out.text + used, number, length);
    used += length;
  }
  out.text[used++] = ']';
  out.text[used] = '\0';
  return out;
}

bool blok_text_equal(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

uint64_t blok_hash_bytes(const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  uint64_t hash = 14695981039346656037u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ at[i]) * 1099511628211u;
  return hash;
}

void blok_names_init(blok_names *names, const blok_allocator *allocator) {
  memset(names, 0, sizeof *names);
  names->allocator = allocator;
}

void blok_names_free(blok_names *names) {
  blok_free(names->allocator, names->keys);
  blok_free(names->allocator, names->values);
  blok_names_init(names, names->allocator);
}

// The slot that holds key, or the free one where it belongs. capacity > 0.
static uint32_t slot_of(const blok_names *names, const char *key) {
  uint32_t mask = names->capacity - 1;
  uint32_t slot = (uint32_t)blok_hash_bytes(key, strlen(key)) & mask;
  while (names->keys[slot] && strcmp(names->keys[slot], key) != 0) slot = (slot + 1) & mask;
  return slot;
}

bool blok_names_find(const blok_names *names, const char *key, uint32_t *value) {
  if (names->count == 0) return false;
  uint32_t slot = slot_of(names, key);
  if (!names->keys[slot]) return false;
  *value = names->values[slot];
  return true;
}

static bool enlarge(blok_names *names) {
  blok_names bigger = *names;
  if (names->capacity > UINT32_MAX / 4) return false;
  bigger.capacity = names->capacity ? names->capacity * 2 : 16;
  bigger.keys = blok_alloc_array(names->allocator, bigger.capacity, sizeof *bigger.keys);
  bigger.values = blok_alloc_array(names->allocator, bigger.capacity, sizeof *bigger.values);
  if (!bigger.keys || !bigger.values) {
    blok_free(names->allocator, bigger.keys);
    blok_free(names->allocator, bigger.values);
    return false;
  }
  for (uint32_t i = 0; i < names->capacity; i++) {
    if (!names->keys[i]) continue;
    uint32_t slot = slot_of(&bigger, names->keys[i]);
    bigger.keys[slot] = names->keys[i];
    bigger.values[slot] = names->values[i];
  }
  blok_free(names->allocator, names->keys);
  blok_free(names->allocator, names->values);
  *names = bigger;
  return true;
}

bool blok_names_put(blok_names *names, const char *key, uint32_t value) {
  if (names->count >= names->capacity / 2 && !enlarge(names)) return false;
  uint32_t slot = slot_of(names, key);
  if (!names->keys[slot]) names->count++;
  names->keys[slot] = key;
  names->values[slot] = value;
  return true;
}
