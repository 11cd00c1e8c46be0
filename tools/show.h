// Names and numbers fit to be printed.
#ifndef BLOK_TOOLS_SHOW_H
#define BLOK_TOOLS_SHOW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// A name from a file, fit to be printed: control bytes and bytes that are no UTF-8 become \xNN, and
// what is too long ends in "...". NULL gives "".
typedef struct blok_shown {
  char text[240];
} blok_shown;

blok_shown blok_show(const char *name);

// Appends name to out, escaped in the same way but never cut.
void blok_show_to(FILE *out, const char *name);

// Length of the UTF-8 sequence at text (which ends in NUL), 0 if it is none or a control character.
size_t blok_show_length(const unsigned char *text);

// "1,234,567"
typedef struct blok_grouped {
  char text[32];
} blok_grouped;

blok_grouped blok_group_digits(uint64_t number);

// Bytes for people: "512 bytes", "44.6 MiB".
blok_grouped blok_group_bytes(uint64_t bytes);

#endif  // BLOK_TOOLS_SHOW_H
