// Names and numbers fit to be printed.
#include "tools/show.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

size_t blok_show_length(const unsigned char *text) {
  const unsigned char first = text[0];
  if (first >= 0x20 && first < 0x7f) return 1;
  size_t length = 0;
  uint32_t code = 0;
  uint32_t least = 0;
  if ((first & 0xe0) == 0xc0) {
    length = 2, code = first & 0x1fU, least = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, code = first & 0x0fU, least = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, code = first & 0x07U, least = 0x10000;
  }
  for (size_t i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool control =
      code < 0xa0 || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return code < least || code > 0x10ffff || surrogate || control ? 0 : length;
}

blok_shown blok_show(const char *name) {
  blok_shown shown;
  size_t used = 0;
  const unsigned char *next = (const unsigned char *)(name == NULL ? "" : name);
  while (*next != '\0') {
    if (used + 8 > sizeof shown.text) {
      memcpy(shown.text + used, "...", 3);
      used += 3;
      break;
    }
    const size_t length = blok_show_length(next);
    if (length == 0) {
      used += (size_t)snprintf(shown.text + used, 5, "\\x%02x", *next++);
    } else {
      memcpy(shown.text + used, next, length);
      used += length;
      next += length;
    }
  }
  shown.text[used] = '\0';
  return shown;
}

void blok_show_to(FILE *out, const char *name) {
  const unsigned char *next = (const unsigned char *)(name == NULL ? "" : name);
  while (*next != '\0') {
    const size_t length = blok_show_length(next);
    if (length == 0) {
      fprintf(out, "\\x%02x", *next++);
    } else {
      fwrite(next, 1, length, out);
      next += length;
    }
  }
}

blok_grouped blok_group_digits(uint64_t number) {
  char digits[24];
  blok_grouped grouped;
  const size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number);
  size_t used = 0;
  for (size_t i = 0; i < length; i++) {
    if (i > 0 && (length - i) % 3 == 0) grouped.text[used++] = ',';
    grouped.text[used++] = digits[i];
  }
  grouped.text[used] = '\0';
  return grouped;
}

blok_grouped blok_group_bytes(uint64_t bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  blok_grouped grouped;
  if (bytes < 1024) {
    (void)snprintf(grouped.text, sizeof grouped.text, "%d bytes", (int)bytes);
    return grouped;
  }
  double amount = (double)bytes / 1024;
  size_t unit = 0;
  for (; amount >= 1024; unit++) amount /= 1024;
  (void)snprintf(grouped.text, sizeof grouped.text, "%.1f %s", amount, units[unit]);
  return grouped;
}
