// Shapes as text.
#include "tools/shape.h"

#include <inttypes.h>

blok_shown blok_show_axes(const blok_axis *axes, int32_t rank) {
  blok_shown shown;
  size_t used = 0;
  bool open = false;
  for (int32_t i = 0; i < rank; i++) open = open || axes[i].value < 0;
  if (rank <= 0) (void)snprintf(shown.text, sizeof shown.text, rank < 0 ? "?" : "scalar");
  for (int32_t i = 0; i < rank && used < sizeof shown.text; i++) {
    // Between names an x would read as part of one.
    const char *cross = i == 0 ? "" : open ? " x " : "x";
    const size_t room = sizeof shown.text - used;
    int wrote = 0;
    if (axes[i].value >= 0) {
      wrote = snprintf(shown.text + used, room, "%s%" PRId64, cross, axes[i].value);
    } else {
      wrote = snprintf(shown.text + used, room, "%s%s", cross,
                       axes[i].symbol == NULL ? "?" : blok_show(axes[i].symbol).text);
    }
    used += (size_t)wrote;
  }
  return shown;
}

blok_shown blok_show_dims(const int64_t *dims, size_t rank) {
  blok_axis axes[BLOK_MAX_RANK];
  if (rank > BLOK_MAX_RANK) return blok_show("?");
  for (size_t i = 0; i < rank; i++) axes[i] = (blok_axis){dims[i], NULL};
  return blok_show_axes(axes, (int32_t)rank);
}

void blok_json_axes(blok_json *json, const char *key, const blok_axis *axes, int32_t rank) {
  if (rank < 0) {
    blok_json_null(json, key);
    return;
  }
  blok_json_open(json, key, '[');
  for (int32_t i = 0; i < rank; i++) {
    if (axes[i].value >= 0) {
      blok_json_int(json, NULL, axes[i].value);
    } else {
      blok_json_text(json, NULL, axes[i].symbol);
    }
  }
  blok_json_close(json);
}

void blok_json_dims(blok_json *json, const char *key, const int64_t *dims, size_t rank) {
  blok_json_open(json, key, '[');
  for (size_t i = 0; i < rank; i++) blok_json_int(json, NULL, dims[i]);
  blok_json_close(json);
}
