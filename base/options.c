// Taking the caller's versioned structs. See options.h.
#include "base/options.h"

#include "base/error.h"

static uint32_t size_of_struct(const void *given) {
  uint32_t size;  // every versioned struct begins with it
  memcpy(&size, given, sizeof size);
  return size;
}

blok_status blok_check_struct(const void *given, const char *what, blok_error *error) {
  if (!given || size_of_struct(given) >= sizeof(uint32_t)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: struct_size is %u: begin with its _INIT macro",
                   what, size_of_struct(given));
}

blok_status blok_take_options(const void *given, void *out, uint32_t size, const char *what,
                              blok_error *error) {
  if (!given) return BLOK_OK;
  BLOK_TRY(blok_check_struct(given, what, error));
  uint32_t given_size = size_of_struct(given);
  memcpy(out, given, given_size < size ? given_size : size);
  memcpy(out, &size, sizeof size);
  return BLOK_OK;
}
