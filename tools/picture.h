// Pictures: reading them (.png, .jpg, .ppm and .pgm) and turning them into tensors.
#ifndef BLOK_TOOLS_PICTURE_H
#define BLOK_TOOLS_PICTURE_H

#include "tools/source.h"

#define BLOK_PICTURE_SIDE   16384       // the most pixels in a row or column
#define BLOK_PICTURE_PIXELS (1U << 27)  // the most pixels in all

// Samples of 16 bits, row by row, the channels of a pixel together. 8-bit samples are multiplied by
// 257, so that 65535 is white in every picture.
typedef struct blok_picture {
  uint32_t width;
  uint32_t height;
  uint32_t channels;  // 1: grey, 3: red, green, blue
  uint16_t *samples;
  bool alpha_dropped;  // the file has transparency; the colours beneath were taken as they are
} blok_picture;

// Decodes a source of one of the picture kinds. BLOK_E_MALFORMED, BLOK_E_UNSUPPORTED, BLOK_E_LIMIT,
// BLOK_E_MEMORY. Free with blok_picture_free whatever the status.
BLOK_MUST_CHECK blok_status blok_picture_decode(const blok_source *source, blok_picture *out,
                                                blok_error *error);
void blok_picture_free(blok_picture *picture);

typedef enum blok_resize {
  BLOK_RESIZE_STRETCH,  // to the size wanted, whatever the sides' ratio
  BLOK_RESIZE_CROP,     // fills the size wanted, what juts out is cut off on both sides
  BLOK_RESIZE_FIT       // whole inside the size wanted, black beside it
} blok_resize;

// How a picture becomes numbers: sample (0 to 255) * scale / scale_below, minus mean, over std.
typedef struct blok_picture_options {
  double scale, scale_below;
  int means;  // how many of mean were given: 0, 1 or 3
  int stds;
  float mean[3];
  float std[3];
  bool scale_given;
  bool bgr;
  blok_resize resize;
} blok_picture_options;

#define BLOK_PICTURE_OPTIONS_INIT \
  { 1, 255, 0, 0, {0, 0, 0}, {1, 1, 1}, false, false, BLOK_RESIZE_STRETCH }

// What the tensor should be.
typedef struct blok_picture_target {
  uint32_t width;
  uint32_t height;
  uint32_t channels;  // 1 or 3
  bool channels_last;
} blok_picture_target;

// Fills tensor, whose memory holds exactly one picture of the target's size.
void blok_picture_fill(const blok_picture *picture, const blok_picture_options *options,
                       const blok_picture_target *target, blok_tensor *tensor);

// ---- The decoders; each gets a picture that is all zero -----------------------------------------
blok_status blok_picture_png(const blok_source *source, blok_picture *out, blok_error *error);
blok_status blok_picture_jpeg(const blok_source *source, blok_picture *out, blok_error *error);
blok_status blok_picture_ppm(const blok_source *source, blok_picture *out, blok_error *error);

// Checks width and height against the limits and takes the memory for the samples.
blok_status blok_picture_allocate(const blok_source *source, uint64_t width, uint64_t height,
                                  uint32_t channels, blok_picture *out, blok_error *error);

#endif  // BLOK_TOOLS_PICTURE_H
