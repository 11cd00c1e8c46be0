// Inputs of a run: pictures.
#include <inttypes.h>
#include <string.h>

#include "tools/element.h"
#include "tools/feed.h"
#include "tools/shape.h"

static bool is_color_count(int64_t size) { return size == 1 || size == 3; }

// Reads the layout off the input's shape, in which open axes are -1, and fills those.
static blok_status find_target(const blok_value_info *input, const char *path,
                               const blok_picture *picture, uint32_t rank, int64_t *dims,
                               blok_picture_target *target, blok_error *error) {
  const blok_shown name = blok_show(input->name);
  const blok_shown shape = blok_show_axes(input->axes, input->rank);
  const blok_shown file = blok_show(path);
  if (rank < 3 || rank > 4) {
    return blok_cli_error(error, BLOK_E_SHAPE,
                          "%s: input '%s' is %s: a picture needs an input of 3 or 4 axes; give an "
                          "array (.npy)",
                          file.text, name.text, shape.text);
  }
  if (rank == 4 && dims[0] != 1) {
    return blok_cli_error(error, BLOK_E_SHAPE,
                          "%s: input '%s' is %s: it takes %" PRId64
                          " pictures at once; give them as one array (.npy)",
                          file.text, name.text, shape.text, dims[0]);
  }
  int64_t *part = dims + rank - 3;
  target->channels_last = is_color_count(part[2]) && !is_color_count(part[0]);
  int64_t *channels = target->channels_last ? &part[2] : &part[0];
  int64_t *height = target->channels_last ? &part[0] : &part[1];
  int64_t *width = target->channels_last ? &part[1] : &part[2];
  if (*channels < 0) *channels = picture->channels;
  if (*height < 0) *height = picture->height;
  if (*width < 0) *width = picture->width;
  if (!is_color_count(*channels)) {
    return blok_cli_error(error, BLOK_E_SHAPE,
                          "%s: input '%s' is %s: a picture has 1 or 3 channels, not %" PRId64
                          "; give an array (.npy)",
                          file.text, name.text, shape.text, *channels);
  }
  if (*height < 1 || *width < 1 || *height > BLOK_PICTURE_SIDE || *width > BLOK_PICTURE_SIDE) {
    return blok_cli_error(error, BLOK_E_LIMIT,
                          "%s: input '%s' is %s: sides from 1 to %d pixels can be filled",
                          file.text, name.text, shape.text, BLOK_PICTURE_SIDE);
  }
  target->channels = (uint32_t)*channels;
  target->height = (uint32_t)*height;
  target->width = (uint32_t)*width;
  return BLOK_OK;
}

// The given means or stds for as many channels as the input has.
static blok_status spread(int given, float *values, uint32_t channels, const char *option,
                          blok_error *error) {
  if (given == 3 && channels == 1) {
    return blok_cli_error(error, BLOK_E_ARGUMENT,
                          "%s has three numbers, but the input has one channel", option);
  }
  for (int i = 1; given == 1 && i < 3; i++) values[i] = values[0];
  return BLOK_OK;
}

// What was done with the picture, in words.
static void describe(const blok_picture *picture, const blok_picture_options *options,
                     const blok_picture_target *target, const blok_tensor *tensor, char *out,
                     size_t size) {
  static const char *const resized[] = {"stretched", "scaled and cropped",
                                        "fitted, black beside it,"};
  size_t used = (size_t)snprintf(out, size, "%ux%u %s", picture->width, picture->height,
                                 picture->channels == 1 ? "grey" : "RGB");
#define ADD(...)                                                                     \
  do {                                                                               \
    if (used < size) used += (size_t)snprintf(out + used, size - used, __VA_ARGS__); \
  } while (0)
  if (picture->alpha_dropped) ADD(", transparency dropped");
  if (picture->width != target->width || picture->height != target->height) {
    ADD(", %s to %ux%u (bilinear)", resized[options->resize], target->width, target->height);
  }
  if (picture->channels < target->channels) ADD(", grey repeated in 3 channels");
  if (picture->channels > target->channels) ADD(", made grey (0.299 R + 0.587 G + 0.114 B)");
  if (options->bgr && target->channels == 3) ADD(", BGR");
  if (tensor->dtype == BLOK_U8 && !options->scale_given) {
    ADD(", values 0 to 255");
  } else if (options->scale_below == 1) {
    ADD(", times %.9g", options->scale);
  } else {
    ADD(", times %.9g/%.9g", options->scale, options->scale_below);
  }
  if (options->means > 0) {
    ADD(", mean %.6g", (double)options->mean[0]);
    if (options->means > 1) ADD(",%.6g,%.6g", (double)options->mean[1], (double)options->mean[2]);
  }
  if (options->stds > 0) {
    ADD(", std %.6g", (double)options->std[0]);
    if (options->stds > 1) ADD(",%.6g,%.6g", (double)options->std[1], (double)options->std[2]);
  }
  ADD("; %s %s (%s)", blok_dtype_name(tensor->dtype),
      blok_show_dims(tensor->dims, tensor->rank).text,
      target->channels_last ? "channels last" : "channels first");
#undef ADD
}

static blok_status fill(blok_feed *feed, size_t index, const blok_source *source,
                        const blok_picture *picture, blok_error *error) {
  const blok_value_info *input = &feed->inputs[index];
  blok_tensor *tensor = &feed->arrays[index].tensor;
  blok_picture_options options = *feed->pictures;
  blok_picture_target target = {0, 0, 0, false};
  *tensor = (blok_tensor)BLOK_TENSOR_INIT;
  tensor->dtype = input->dtype;
  tensor->rank = input->rank < 0 ? 0 : (uint32_t)input->rank;
  if (!blok_element_is_real(input->dtype) && input->dtype != BLOK_U8) {
    return blok_cli_error(
        error, BLOK_E_SHAPE,
        "%s: input '%s' is of type %s: pictures go into floats and uint8; give an "
        "array (.npy)",
        blok_show(source->path).text, blok_show(input->name).text,
        input->type == NULL ? "unknown" : input->type);
  }
  blok_status status = blok_feed_dims(feed, index, tensor->dims, error);
  if (status == BLOK_OK) {
    status = find_target(input, source->path, picture, tensor->rank, tensor->dims, &target, error);
  }
  for (uint32_t axis = 0; axis < tensor->rank && status == BLOK_OK; axis++) {
    status = blok_feed_bind(feed, index, axis, tensor->dims[axis], error);
  }
  if (status == BLOK_OK)
    status = spread(options.means, options.mean, target.channels, "--mean", error);
  if (status == BLOK_OK)
    status = spread(options.stds, options.std, target.channels, "--std", error);
  if (status == BLOK_OK) status = blok_array_allocate(&feed->arrays[index], input->name, error);
  if (status != BLOK_OK) return status;
  blok_picture_fill(picture, &options, &target, tensor);
  char words[sizeof feed->said];
  describe(picture, &options, &target, tensor, words, sizeof words);
  if (strcmp(words, feed->said) != 0) {
    blok_cli_note(feed->cli, "%s: %s", blok_show(source->path).text, words);
    memcpy(feed->said, words, sizeof words);
  }
  return BLOK_OK;
}

blok_status blok_feed_picture(blok_feed *feed, size_t index, const blok_source *source,
                              blok_error *error) {
  blok_picture picture;
  blok_status status = blok_picture_decode(source, &picture, error);
  if (status == BLOK_OK) status = fill(feed, index, source, &picture, error);
  blok_picture_free(&picture);
  return status;
}
