// Texts made piece by piece in memory.
#define _POSIX_C_SOURCE 200809L
#include "tools/text.h"

FILE *blok_text_begin(char **text, size_t *size) {
  *text = NULL;
  *size = 0;
  FILE *stream = open_memstream(text, size);
  if (stream == NULL) blok_cli_no_memory();
  return stream;
}

char *blok_text_end(FILE *stream, char **text) {
  const bool failed = ferror(stream) != 0;
  if (fclose(stream) != 0 || failed || *text == NULL) blok_cli_no_memory();
  return *text;
}

char *blok_textv(const char *format, va_list arguments) {
  char *text = NULL;
  size_t size = 0;
  FILE *stream = blok_text_begin(&text, &size);
  vfprintf(stream, format, arguments);
  return blok_text_end(stream, &text);
}

char *blok_textf(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = blok_textv(format, arguments);
  va_end(arguments);
  return text;
}
