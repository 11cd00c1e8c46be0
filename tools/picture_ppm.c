// Netpbm pictures: .ppm and .pgm, plain (P2, P3) and raw (P5, P6).
#include "tools/picture.h"

typedef struct reader {
  const uint8_t *next;
  const uint8_t *end;
} reader;

// A number behind white space and comments.
static bool take_number(reader *at, uint32_t *out) {
  while (at->next < at->end) {
    if (*at->next == '#') {
      while (at->next < at->end && *at->next != '\n') at->next++;
    } else if (*at->next == ' ' || (*at->next >= '\t' && *at->next <= '\r')) {
      at->next++;
    } else {
      break;
    }
  }
  const uint8_t *first = at->next;
  uint32_t value = 0;
  while (at->next < at->end && *at->next >= '0' && *at->next <= '9') {
    value = value * 10 + (*at->next++ - '0');
    if (value > 10000000) return false;
  }
  *out = value;
  return at->next > first;
}

static bool take_sample(reader *at, bool plain, uint32_t most, uint32_t *out) {
  if (plain) return take_number(at, out) && *out <= most;
  const size_t bytes = most > 255 ? 2 : 1;
  if ((size_t)(at->end - at->next) < bytes) return false;
  *out = bytes == 2 ? (uint32_t)(at->next[0] << 8 | at->next[1]) : at->next[0];
  at->next += bytes;
  return *out <= most;
}

blok_status blok_picture_ppm(const blok_source *source, blok_picture *out, blok_error *error) {
  const blok_shown name = blok_show(source->path);
  reader at = {source->bytes + 2, source->bytes + source->size};
  const bool plain = source->bytes[1] < '5';
  const uint32_t channels = source->bytes[1] == '3' || source->bytes[1] == '6' ? 3 : 1;
  uint32_t width = 0;
  uint32_t height = 0;
  uint32_t most = 0;
  if (!take_number(&at, &width) || !take_number(&at, &height) || !take_number(&at, &most) ||
      most == 0 || most > 65535 || at.next == at.end) {
    return blok_cli_error(error, BLOK_E_MALFORMED, "%s: damaged PPM picture: its header is wrong",
                          name.text);
  }
  at.next++;
  const blok_status status = blok_picture_allocate(source, width, height, channels, out, error);
  if (status != BLOK_OK) return status;
  const size_t samples = (size_t)width * height * channels;
  for (size_t i = 0; i < samples; i++) {
    uint32_t value = 0;
    if (!take_sample(&at, plain, most, &value)) {
      return blok_cli_error(error, BLOK_E_MALFORMED,
                            "%s: damaged PPM picture: sample %zu of %zu is missing or above %u",
                            name.text, i + 1, samples, most);
    }
    out->samples[i] = (uint16_t)((value * 65535U + most / 2) / most);
  }
  return BLOK_OK;
}
