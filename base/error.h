// Filling the caller's blok_error, and forwarding a status.
//
// Idiom: `return BLOK_FAIL(error, BLOK_E_SHAPE, "Conv node '%s': ...", name)` where a fault is
// found, `BLOK_TRY(call(..., error))` where one is passed on, `BLOK_TRY_TO(fail, call(...))` where
// something must be freed first (with `blok_status status` in scope).
#ifndef BLOK_BASE_ERROR_H
#define BLOK_BASE_ERROR_H

#include <blok/status.h>
#include <stdarg.h>

// Writes status and the formatted message unless error already holds one; error may be NULL.
// Control bytes in the result are replaced by '?', and a message too long ends in "...". Returns
// status, so that it can stand in a return.
blok_status blok_fail(blok_error *error, blok_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// BLOK_E_MEMORY with the number of bytes that were wanted (0: unknown).
blok_status blok_fail_memory(blok_error *error, size_t bytes);

// Puts text ("model.onnx: ") before the message that error holds, unless it begins with it already.
void blok_error_prefix(blok_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Makes error empty again: for calls that try one way, then another.
void blok_error_clear(blok_error *error);

#define BLOK_FAIL(error, status, ...) blok_fail((error), (status), __VA_ARGS__)

#define BLOK_TRY(call)                                      \
  do {                                                      \
    blok_status blok_try_status = (call);                   \
    if (blok_try_status != BLOK_OK) return blok_try_status; \
  } while (0)

#define BLOK_TRY_TO(label, call)       \
  do {                                 \
    status = (call);                   \
    if (status != BLOK_OK) goto label; \
  } while (0)

#endif  // BLOK_BASE_ERROR_H
