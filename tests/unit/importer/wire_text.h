// Models for tests, written as text: fields by number, as in "1:8 7{1{4:'Relu'}}".
#ifndef BLOK_TESTS_IMPORTER_WIRE_TEXT_H
#define BLOK_TESTS_IMPORTER_WIRE_TEXT_H

#include <stddef.h>
#include <stdint.h>

typedef struct wire_text {
  uint8_t bytes[8192];
  size_t size;
} wire_text;

// N:3 is a number, N:'abc' a string, N{...} a message; blanks between. Asserts that text is right.
void wire_of_text(const char *text, wire_text *out);

#endif  // BLOK_TESTS_IMPORTER_WIRE_TEXT_H
