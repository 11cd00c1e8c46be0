// Source text as it grows, and the words that may stand in it.
//
// Nothing from a file enters a page but as an identifier (blok_identifier) or between quotes
// (blok_quoted_text), so that no name can become code.
#ifndef BLOK_CODEGEN_PAGE_H
#define BLOK_CODEGEN_PAGE_H

#include <blok/types.h>

#include "base/alloc.h"
#include "base/text.h"

typedef struct blok_page {
  const blok_allocator *allocator;
  char *text;  // size bytes and a NUL
  size_t size, capacity;
  uint32_t lines;
  bool failed;  // no memory: what was put since is not there
} blok_page;

enum { BLOK_PAGE_WIDTH = 100 };  // of the source text that is written

void blok_page_begin(blok_page *page, const blok_allocator *allocator);
void blok_page_put(blok_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
// One more item of a list that is a page of its own, a comma before it.
void blok_page_item(blok_page *list, const char *item);
// The page's text in arena, NULL: no memory; the page is freed.
const char *blok_page_end(blok_page *page, blok_arena *arena);
// Breaks lines of more than width characters between the items of a list in brackets, as far as
// they have one; what goes on stands below the first item.
void blok_page_fold(blok_page *page, int width);
void blok_page_free(blok_page *page);

// The shortest decimal number that is exactly number where a float holds it, or a double: "0.1",
// "1e-05", "2.0". Infinities and NaN: "inf", "-inf", "nan".
typedef struct blok_number {
  char text[40];
} blok_number;
blok_number blok_print_number(double number);

// An identifier like name: other characters become '_', a first digit is led by lead. Never empty,
// at most 60 characters; in arena, NULL: no memory.
const char *blok_identifier(blok_arena *arena, const char *name, const char *lead);

// A keyword of C or Python, or a name that a module of PyTorch has already.
bool blok_is_reserved(const char *word);

// text between double quotes as C reads it: '?', for C's trigraphs, and what is not ASCII stand as
// octal digits, control bytes, which no name of the builder may have, as '_'. Python reads the same
// where text is ASCII. In arena, NULL: no memory.
const char *blok_quoted_text(blok_arena *arena, const char *text);

#endif  // BLOK_CODEGEN_PAGE_H
