// PNG pictures by libpng.
#include <stdlib.h>

#include "tools/picture.h"

#ifdef BLOK_HAVE_PNG
#include <png.h>
#include <setjmp.h>
#include <string.h>

// Lives outside the frame that longjmp returns to, so nothing of it is lost.
typedef struct png_job {
  const blok_source *source;
  size_t at;
  blok_picture *out;
  blok_error *error;
  blok_status status;
  png_structp png;
  png_infop info;
  png_bytep *rows;
} png_job;

static void on_error(png_structp png, png_const_charp message) {
  png_job *job = png_get_error_ptr(png);
  if (job->status == BLOK_OK) {
    job->status = blok_cli_error(job->error, BLOK_E_MALFORMED, "%s: damaged PNG picture: %s",
                                 blok_show(job->source->path).text, blok_show(message).text);
  }
  longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void read_bytes(png_structp png, png_bytep to, size_t size) {
  png_job *job = png_get_io_ptr(png);
  if (size > job->source->size - job->at) png_error(png, "the file is cut off");
  memcpy(to, job->source->bytes + job->at, size);
  job->at += size;
}

// Asks for samples of 16 or 8 bits, grey or RGB, without transparency.
static uint32_t set_form(png_job *job) {
  const int color = png_get_color_type(job->png, job->info);
  const int depth = png_get_bit_depth(job->png, job->info);
  job->out->alpha_dropped =
      (color & PNG_COLOR_MASK_ALPHA) != 0 || png_get_valid(job->png, job->info, PNG_INFO_tRNS) != 0;
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(job->png);
  if (color == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(job->png);
  png_set_strip_alpha(job->png);
  (void)png_set_interlace_handling(job->png);
  png_read_update_info(job->png, job->info);
  return (color & PNG_COLOR_MASK_COLOR) != 0 ? 3 : 1;
}

static void read_rows(png_job *job) {
  png_read_info(job->png, job->info);
  const uint32_t width = png_get_image_width(job->png, job->info);
  const uint32_t height = png_get_image_height(job->png, job->info);
  const uint32_t channels = set_form(job);
  const size_t row_bytes = png_get_rowbytes(job->png, job->info);
  const size_t row_samples = (size_t)width * channels;
  const bool wide = png_get_bit_depth(job->png, job->info) == 16;
  if (row_bytes != row_samples * (wide ? 2 : 1)) png_error(job->png, "unknown kind of pixels");
  job->status = blok_picture_allocate(job->source, width, height, channels, job->out, job->error);
  if (job->status == BLOK_OK) job->rows = calloc(height, sizeof *job->rows);
  if (job->rows == NULL) png_error(job->png, "out of memory");
  // Rows are read to the end of their place; spreading them out to 16 bits then works upwards.
  for (uint32_t y = 0; y < height; y++) {
    uint8_t *row = (uint8_t *)(job->out->samples + y * row_samples);
    job->rows[y] = row + (wide ? 0 : row_bytes);
  }
  png_read_image(job->png, job->rows);
  png_read_end(job->png, NULL);
  for (uint32_t y = 0; y < height; y++) {
    uint16_t *to = job->out->samples + y * row_samples;
    const uint8_t *from = job->rows[y];
    for (size_t i = 0; i < row_samples; i++) {
      to[i] = wide ? (uint16_t)((unsigned)from[2 * i] << 8 | from[2 * i + 1])
                   : (uint16_t)(from[i] * 257);
    }
  }
}

blok_status blok_picture_png(const blok_source *source, blok_picture *out, blok_error *error) {
  png_job job = {.source = source, .out = out, .error = error, .status = BLOK_OK};
  job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
  if (job.png != NULL) job.info = png_create_info_struct(job.png);
  if (job.info == NULL) {
    png_destroy_read_struct(&job.png, NULL, NULL);
    return blok_cli_error(error, BLOK_E_MEMORY, "%s: no memory to read it",
                          blok_show(source->path).text);
  }
  png_job *const shared = &job;
  if (setjmp(png_jmpbuf(job.png)) == 0) {
    png_set_user_limits(job.png, 1U << 30, 1U << 30);
    png_set_read_fn(job.png, shared, read_bytes);
    read_rows(shared);
  }
  png_destroy_read_struct(&shared->png, &shared->info, NULL);
  free(shared->rows);
  return shared->status;
}
#else
blok_status blok_picture_png(const blok_source *source, blok_picture *out, blok_error *error) {
  (void)out;
  return blok_cli_error(error, BLOK_E_UNSUPPORTED,
                        "%s: a PNG picture, which this build cannot read (no libpng)",
                        blok_show(source->path).text);
}
#endif
