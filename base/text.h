// Strings: bytes with a length, names from files escaped for messages, shapes as text, and a table
// from names to numbers.
#ifndef BLOK_BASE_TEXT_H
#define BLOK_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

// Bytes of somebody else, not terminated.
typedef struct blok_bytes {
  const uint8_t *data;
  size_t size;
} blok_bytes;

// A name from a file, made fit to be printed: control bytes, bytes that are no UTF-8, and the quote
// become \xNN, and a name too long ends in "...". For use in one message:
//   BLOK_FAIL(error, BLOK_E_SHAPE, "Conv node '%s': ...", blok_quote(node->name).text)
typedef struct blok_quoted {
  char text[160];
} blok_quoted;

blok_quoted blok_quote(const char *name);  // NULL gives ""
blok_quoted blok_quoten(const void *bytes, size_t size);

// "[1, 3, 224, 224]"; -1 prints as "?".
typedef struct blok_dims_text {
  char text[240];
} blok_dims_text;

blok_dims_text blok_print_dims(const int64_t *dims, size_t rank);

// Length of the UTF-8 sequence at bytes (1 to 4), 0 if it is none (overlong, surrogate, cut off).
size_t blok_utf8_length(const uint8_t *bytes, size_t size);

// NULL counts as "".
bool blok_text_equal(const char *a, const char *b);
uint64_t blok_hash_bytes(const void *bytes, size_t size);  // FNV-1a, 64 bit

// ---- Hash table from names to numbers -----------------------------------------------------------

// Keys are borrowed. Open addressing; iteration order is never used, so it cannot leak into
// results.
typedef struct blok_names {
  const blok_allocator *allocator;
  const char **keys;
  uint32_t *values;
  uint32_t capacity;  // power of two, or 0
  uint32_t count;
} blok_names;

// Borrows allocator for the table's life. An empty table takes no memory.
void blok_names_init(blok_names *names, const blok_allocator *allocator);
void blok_names_free(blok_names *names);  // leaves it empty and usable
// False when key is not there: *value is left alone then.
bool blok_names_find(const blok_names *names, const char *key, uint32_t *value);
// Puts key, replacing its value; false: no memory.
bool blok_names_put(blok_names *names, const char *key, uint32_t value);

#endif  // BLOK_BASE_TEXT_H
