// The caller's versioned structs: each begins with its struct_size, and an older caller's is
// shorter.
#ifndef BLOK_BASE_OPTIONS_H
#define BLOK_BASE_OPTIONS_H

#include <blok/status.h>
#include <stdint.h>
#include <string.h>

// Copies what given, the caller's versioned struct of options, has onto out, the defaults: an older
// caller's struct is shorter. NULL gives the defaults. what names the struct in the message.
BLOK_MUST_CHECK blok_status blok_take_options(const void *given, void *out, uint32_t size,
                                              const char *what, blok_error *error);

// BLOK_E_ARGUMENT for a struct that was not begun with its _INIT macro; NULL is fine.
BLOK_MUST_CHECK blok_status blok_check_struct(const void *given, const char *what,
                                              blok_error *error);

// Fills the caller's struct, which may be of an older, shorter version; its struct_size stays.
#define BLOK_FILL(info, ...)                                  \
  do {                                                        \
    uint32_t fill_size = (info)->struct_size;                 \
    __typeof__(*(info)) filled = {__VA_ARGS__};               \
    if (fill_size > sizeof filled) fill_size = sizeof filled; \
    filled.struct_size = (info)->struct_size;                 \
    memcpy((info), &filled, fill_size);                       \
  } while (0)

#endif  // BLOK_BASE_OPTIONS_H
