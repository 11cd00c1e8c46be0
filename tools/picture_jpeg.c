// JPEG pictures by libjpeg.
#include <stdio.h>
#include <stdlib.h>

#include "tools/picture.h"

#ifdef BLOK_HAVE_JPEG
#include <jpeglib.h>
// After jpeglib.h, which it builds on.
#include <jerror.h>
#include <setjmp.h>

// Lives outside the frame that longjmp returns to, so nothing of it is lost. manager comes first:
// libjpeg hands a pointer to it back.
typedef struct jpeg_job {
  struct jpeg_error_mgr manager;
  struct jpeg_decompress_struct jpeg;
  jmp_buf escape;
  const blok_source *source;
  blok_picture *out;
  blok_error *error;
  blok_status status;
  uint8_t *row;
} jpeg_job;

static jpeg_job *job_of(j_common_ptr jpeg) { return jpeg->client_data; }

static void on_error(j_common_ptr jpeg) {
  jpeg_job *job = job_of(jpeg);
  char message[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, message);
  if (job->status == BLOK_OK) {
    job->status = blok_cli_error(job->error, BLOK_E_MALFORMED, "%s: damaged JPEG picture: %s",
                                 blok_show(job->source->path).text, blok_show(message).text);
  }
  longjmp(job->escape, 1);
}

// Harmless oddities pass; data that is missing does not, though libjpeg would fill it with grey.
static void on_message(j_common_ptr jpeg, int level) {
  const int code = jpeg->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) on_error(jpeg);
}

static void stop_with(jpeg_job *job, blok_status status) {
  job->status = status;
  longjmp(job->escape, 1);
}

static void read_rows(jpeg_job *job) {
  struct jpeg_decompress_struct *jpeg = &job->jpeg;
  jpeg_create_decompress(jpeg);
  jpeg_mem_src(jpeg, job->source->bytes, job->source->size);
  (void)jpeg_read_header(jpeg, TRUE);
  if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK) {
    stop_with(job, blok_cli_error(job->error, BLOK_E_UNSUPPORTED,
                                  "%s: a JPEG picture of four inks (CMYK); convert it to RGB",
                                  blok_show(job->source->path).text));
  }
  jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  const uint32_t channels = jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3;
  const blok_status status = blok_picture_allocate(
      job->source, jpeg->image_width, jpeg->image_height, channels, job->out, job->error);
  if (status != BLOK_OK) stop_with(job, status);
  const size_t row_samples = (size_t)job->out->width * channels;
  job->row = malloc(row_samples);
  if (job->row == NULL) {
    stop_with(job, blok_cli_error(job->error, BLOK_E_MEMORY, "%s: no memory for its pixels",
                                  blok_show(job->source->path).text));
  }
  (void)jpeg_start_decompress(jpeg);
  while (jpeg->output_scanline < jpeg->output_height) {
    uint16_t *to = job->out->samples + jpeg->output_scanline * row_samples;
    JSAMPROW rows[1] = {job->row};
    (void)jpeg_read_scanlines(jpeg, rows, 1);
    for (size_t i = 0; i < row_samples; i++) to[i] = (uint16_t)(job->row[i] * 257);
  }
  (void)jpeg_finish_decompress(jpeg);
}

blok_status blok_picture_jpeg(const blok_source *source, blok_picture *out, blok_error *error) {
  jpeg_job *const job = blok_cli_alloc(1, sizeof *job);
  job->source = source;
  job->out = out;
  job->error = error;
  job->jpeg.err = jpeg_std_error(&job->manager);
  job->jpeg.client_data = job;
  job->manager.error_exit = on_error;
  job->manager.emit_message = on_message;
  if (setjmp(job->escape) == 0) read_rows(job);
  jpeg_destroy_decompress(&job->jpeg);
  const blok_status status = job->status;
  free(job->row);
  free(job);
  return status;
}
#else
blok_status blok_picture_jpeg(const blok_source *source, blok_picture *out, blok_error *error) {
  (void)out;
  return blok_cli_error(error, BLOK_E_UNSUPPORTED,
                        "%s: a JPEG picture, which this build cannot read (no libjpeg)",
                        blok_show(source->path).text);
}
#endif
