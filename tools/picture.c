// Turning pictures into tensors: size, channels, scale.
#include "tools/picture.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/element.h"

blok_status blok_picture_decode(const blok_source *source, blok_picture *out, blok_error *error) {
  memset(out, 0, sizeof *out);
  if (source->kind == BLOK_SOURCE_PNG) return blok_picture_png(source, out, error);
  if (source->kind == BLOK_SOURCE_JPEG) return blok_picture_jpeg(source, out, error);
  return blok_picture_ppm(source, out, error);
}

void blok_picture_free(blok_picture *picture) {
  free(picture->samples);
  memset(picture, 0, sizeof *picture);
}

blok_status blok_picture_allocate(const blok_source *source, uint64_t width, uint64_t height,
                                  uint32_t channels, blok_picture *out, blok_error *error) {
  const blok_shown name = blok_show(source->path);
  if (width == 0 || height == 0) {
    return blok_cli_error(error, BLOK_E_MALFORMED, "%s: a picture of no size", name.text);
  }
  if (width > BLOK_PICTURE_SIDE || height > BLOK_PICTURE_SIDE ||
      width * height > BLOK_PICTURE_PIXELS) {
    return blok_cli_error(error, BLOK_E_LIMIT,
                          "%s: %" PRIu64 "x%" PRIu64
                          " pixels; the limit is %d a side and %u in all",
                          name.text, width, height, BLOK_PICTURE_SIDE, BLOK_PICTURE_PIXELS);
  }
  out->samples = calloc((size_t)(width * height), channels * sizeof *out->samples);
  if (out->samples == NULL) {
    return blok_cli_error(error, BLOK_E_MEMORY, "%s: no memory for its pixels", name.text);
  }
  out->width = (uint32_t)width;
  out->height = (uint32_t)height;
  out->channels = channels;
  return BLOK_OK;
}

// A position between two samples of a row or column.
typedef struct blend {
  uint32_t low, high;
  float weight;  // of high
  bool outside;
} blend;

// Where the centre of pixel index of a side of target pixels lies on a side of source pixels, both
// sides' middles laid over each other.
static blend locate(uint32_t index, uint32_t target, uint32_t source, double step) {
  double at = (index + 0.5 - target / 2.0) * step + source / 2.0 - 0.5;
  blend found;
  found.outside = at < -0.5 || at > source - 0.5;
  if (at < 0) at = 0;
  if (at > source - 1.0) at = source - 1.0;
  found.low = (uint32_t)at;
  found.high = found.low + 1 < source ? found.low + 1 : found.low;
  found.weight = (float)(at - found.low);
  return found;
}

static float sample_at(const blok_picture *picture, uint32_t x, uint32_t y, uint32_t channel) {
  const size_t pixel = (size_t)y * picture->width + x;
  return (float)picture->samples[pixel * picture->channels + channel] / 257.0F;
}

static float blended(const blok_picture *picture, blend x, blend y, uint32_t channel) {
  const float top_left = sample_at(picture, x.low, y.low, channel);
  if (x.weight == 0 && y.weight == 0) return top_left;
  const float top_right = sample_at(picture, x.high, y.low, channel);
  const float low_left = sample_at(picture, x.low, y.high, channel);
  const float low_right = sample_at(picture, x.high, y.high, channel);
  const float top = top_left + (top_right - top_left) * x.weight;
  const float low = low_left + (low_right - low_left) * x.weight;
  return top + (low - top) * y.weight;
}

// The pixel in the channels wanted, 0 to 255.
static void pixel_at(const blok_picture *picture, const blok_picture_options *options, blend x,
                     blend y, uint32_t channels, float *out) {
  float rgb[3] = {0, 0, 0};
  if (!x.outside && !y.outside) {
    for (uint32_t c = 0; c < 3; c++) {
      rgb[c] = c < picture->channels ? blended(picture, x, y, c) : rgb[0];
    }
  }
  if (channels == 1) {
    out[0] = picture->channels == 1 ? rgb[0] : 0.299F * rgb[0] + 0.587F * rgb[1] + 0.114F * rgb[2];
    return;
  }
  for (uint32_t c = 0; c < 3; c++) out[c] = rgb[options->bgr ? 2 - c : c];
}

void blok_picture_fill(const blok_picture *picture, const blok_picture_options *options,
                       const blok_picture_target *target, blok_tensor *tensor) {
  double step_x = (double)picture->width / target->width;
  double step_y = (double)picture->height / target->height;
  if (options->resize == BLOK_RESIZE_CROP) step_x = step_y = fmin(step_x, step_y);
  if (options->resize == BLOK_RESIZE_FIT) step_x = step_y = fmax(step_x, step_y);
  const bool bytes_wanted = tensor->dtype == BLOK_U8;
  const bool raw = bytes_wanted && !options->scale_given;
  const size_t plane = (size_t)target->width * target->height;
  for (uint32_t row = 0; row < target->height; row++) {
    const blend y = locate(row, target->height, picture->height, step_y);
    for (uint32_t column = 0; column < target->width; column++) {
      const blend x = locate(column, target->width, picture->width, step_x);
      const size_t pixel = (size_t)row * target->width + column;
      float values[3];
      pixel_at(picture, options, x, y, target->channels, values);
      for (uint32_t c = 0; c < target->channels; c++) {
        float value = values[c];
        if (!raw) value = (float)((double)value * options->scale / options->scale_below);
        value = (value - options->mean[c]) / options->std[c];
        if (bytes_wanted) value = fminf(fmaxf(rintf(value), 0), 255);
        (void)blok_element_set(
            tensor, target->channels_last ? pixel * target->channels + c : c * plane + pixel,
            (double)value);
      }
    }
  }
}
