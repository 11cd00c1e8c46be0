// The error record: writing it, putting a prefix before it, the names of statuses. See error.h.
#include "base/error.h"

#include <stdio.h>
#include <string.h>

const char *blok_status_name(blok_status status) {
  switch (status) {
    case BLOK_OK:
      return "ok";
    case BLOK_E_ARGUMENT:
      return "argument";
    case BLOK_E_MALFORMED:
      return "malformed";
    case BLOK_E_UNSUPPORTED:
      return "unsupported";
    case BLOK_E_SHAPE:
      return "shape";
    case BLOK_E_LIMIT:
      return "limit";
    case BLOK_E_IO:
      return "io";
    case BLOK_E_MEMORY:
      return "memory";
    case BLOK_E_BUFFER:
      return "buffer";
    case BLOK_E_BUSY:
      return "busy";
    case BLOK_E_CANCELLED:
      return "cancelled";
    case BLOK_E_NOT_FOUND:
      return "not_found";
    case BLOK_E_INTERNAL:
      return "internal";
  }
  return "internal";
}

// One line, whatever the arguments held.
static void tidy(char *message, size_t capacity, int wanted) {
  for (char *c = message; *c; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
  }
  if (wanted >= 0 && (size_t)wanted >= capacity) memcpy(message + capacity - 4, "...", 4);
}

blok_status blok_fail(blok_error *error, blok_status status, const char *format, ...) {
  if (!error || error->status != BLOK_OK) return status;
  va_list arguments;
  va_start(arguments, format);
  int wanted = vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  tidy(error->message, sizeof error->message, wanted);
  error->status = status;
  return status;
}

blok_status blok_fail_memory(blok_error *error, size_t bytes) {
  if (bytes == 0) return blok_fail(error, BLOK_E_MEMORY, "out of memory");
  return blok_fail(error, BLOK_E_MEMORY, "out of memory: %zu bytes were wanted", bytes);
}

void blok_error_prefix(blok_error *error, const char *format, ...) {
  if (!error || error->status == BLOK_OK) return;
  char prefix[512];
  va_list arguments;
  va_start(arguments, format);
  int wanted = vsnprintf(prefix, sizeof prefix, format, arguments);
  va_end(arguments);
  tidy(prefix, sizeof prefix, wanted);
  size_t length = strlen(prefix);
  if (strncmp(error->message, prefix, length) == 0) return;
  size_t room = sizeof error->message - length - 1;
  size_t kept = strlen(error->message);
  if (kept > room) kept = room;
  memmove(error->message + length, error->message, kept);
  memcpy(error->message, prefix, length);
  error->message[length + kept] = '\0';
}

void blok_error_clear(blok_error *error) {
  if (!error) return;
  error->status = BLOK_OK;
  error->message[0] = '\0';
}
