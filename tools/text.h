// Texts made piece by piece in memory. Memory that cannot be had ends the program, as it does in
// blok_cli_alloc.
#ifndef BLOK_TOOLS_TEXT_H
#define BLOK_TOOLS_TEXT_H

#include <stdarg.h>
#include <stdio.h>

#include "tools/cli.h"

// A stream into memory; text and size must outlive it.
FILE *blok_text_begin(char **text, size_t *size);

// Ends the stream and gives what was written, freed with free().
char *blok_text_end(FILE *stream, char **text);

// A new text as printf makes it, freed with free().
char *blok_textf(const char *format, ...) BLOK_PRINTF(1, 2);
char *blok_textv(const char *format, va_list arguments) BLOK_PRINTF(1, 0);

#endif  // BLOK_TOOLS_TEXT_H
