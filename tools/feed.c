// Inputs of a run: binding of open axes, arrays and noise.
#include "tools/feed.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/element.h"
#include "tools/shape.h"

// ---- Open axes ----------------------------------------------------------------------------------

static blok_symbol *find_symbol(blok_feed *feed, const char *name) {
  for (size_t i = 0; i < feed->symbol_count; i++) {
    if (strcmp(feed->symbols[i].name, name) == 0) return &feed->symbols[i];
  }
  return NULL;
}

static const blok_shape_binding *find_shape(const blok_feed *feed, const char *input) {
  const blok_bindings *bindings = feed->bindings;
  for (size_t i = 0; i < bindings->shape_count; i++) {
    if (strcmp(bindings->shapes[i].name, input) == 0) return &bindings->shapes[i];
  }
  return NULL;
}

blok_status blok_feed_bind(blok_feed *feed, size_t index, uint32_t axis, int64_t value,
                           blok_error *error) {
  const blok_value_info *input = &feed->inputs[index];
  const char *name = input->axes[axis].value >= 0 ? NULL : input->axes[axis].symbol;
  if (name == NULL) return BLOK_OK;
  const blok_symbol *symbol = find_symbol(feed, name);
  if (symbol == NULL) {
    feed->symbols[feed->symbol_count++] = (blok_symbol){name, value};
  } else if (symbol->value != value) {
    return blok_cli_error(error, BLOK_E_SHAPE,
                          "input '%s': axis %u, '%s', would be %" PRId64 ", but '%s' is %" PRId64
                          " already",
                          blok_show(input->name).text, axis, blok_show(name).text, value,
                          blok_show(name).text, symbol->value);
  }
  return BLOK_OK;
}

// Binds the axes of input index to the shape dims, where the ranks agree.
static blok_status bind_all(blok_feed *feed, size_t index, const int64_t *dims, uint32_t rank,
                            blok_error *error) {
  if (feed->inputs[index].rank != (int32_t)rank) return BLOK_OK;
  for (uint32_t axis = 0; axis < rank; axis++) {
    const blok_status status = blok_feed_bind(feed, index, axis, dims[axis], error);
    if (status != BLOK_OK) return status;
  }
  return BLOK_OK;
}

// Starts with what --dim and --shape say.
static blok_status bind_flags(blok_feed *feed, blok_error *error) {
  feed->symbol_count = 0;
  for (size_t i = 0; i < feed->bindings->dim_count; i++) {
    const blok_dim_binding *dim = &feed->bindings->dims[i];
    blok_symbol *symbol = find_symbol(feed, dim->symbol);
    if (symbol == NULL) symbol = &feed->symbols[feed->symbol_count++];
    *symbol = (blok_symbol){dim->symbol, dim->value};
  }
  for (size_t i = 0; i < feed->count; i++) {
    const blok_shape_binding *shape = find_shape(feed, feed->inputs[i].name);
    if (shape == NULL) continue;
    const blok_status status = bind_all(feed, i, shape->dims, shape->rank, error);
    if (status != BLOK_OK) return status;
  }
  return BLOK_OK;
}

blok_status blok_feed_dims(blok_feed *feed, size_t index, int64_t *dims, blok_error *error) {
  const blok_value_info *input = &feed->inputs[index];
  const blok_shape_binding *shape = find_shape(feed, input->name);
  if (shape != NULL) {
    memcpy(dims, shape->dims, sizeof shape->dims);
    return BLOK_OK;
  }
  for (int32_t axis = 0; axis < input->rank; axis++) {
    const blok_axis *declared = &input->axes[axis];
    const blok_symbol *symbol = declared->value < 0 && declared->symbol != NULL
                                    ? find_symbol(feed, declared->symbol)
                                    : NULL;
    dims[axis] = symbol != NULL ? symbol->value : declared->value;
    if (dims[axis] >= 0 || axis > 0) continue;
    dims[0] = 1;
    const blok_status status = blok_feed_bind(feed, index, 0, 1, error);
    if (status != BLOK_OK) return status;
  }
  return BLOK_OK;
}

// ---- Checking the flags against the model -------------------------------------------------------

static blok_status check_shape(const blok_feed *feed, const blok_shape_binding *shape,
                               blok_error *error) {
  for (size_t i = 0; i < feed->count; i++) {
    const blok_value_info *input = &feed->inputs[i];
    if (strcmp(input->name, shape->name) != 0) continue;
    if (input->rank >= 0 && input->rank != (int32_t)shape->rank) {
      return blok_cli_error(error, BLOK_E_SHAPE, "--shape %s=%s: the input has %d axes: %s",
                            blok_show(input->name).text,
                            blok_show_dims(shape->dims, shape->rank).text, input->rank,
                            blok_show_axes(input->axes, input->rank).text);
    }
    return BLOK_OK;
  }
  return blok_cli_error(error, BLOK_E_NOT_FOUND,
                        "--shape %s=...: the model has no such input; its %s%s%s",
                        blok_show(shape->name).text, feed->count == 1 ? "input is '" : "inputs: '",
                        feed->count == 0 ? "" : blok_show(feed->inputs[0].name).text,
                        feed->count > 1 ? "', ..." : "'");
}

static blok_status check_flags(blok_feed *feed, blok_error *error) {
  blok_bindings *bindings = feed->bindings;
  for (size_t i = 0; i < bindings->shape_count; i++) {
    const blok_status status = check_shape(feed, &bindings->shapes[i], error);
    if (status != BLOK_OK) return status;
  }
  for (size_t d = 0; d < bindings->dim_count; d++) {
    bool found = false;
    char known[256] = "";
    for (size_t i = 0; i < feed->count; i++) {
      for (int32_t axis = 0; axis < feed->inputs[i].rank; axis++) {
        const char *symbol = feed->inputs[i].axes[axis].symbol;
        if (feed->inputs[i].axes[axis].value >= 0 || symbol == NULL) continue;
        found = found || strcmp(symbol, bindings->dims[d].symbol) == 0;
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, " '%s'", blok_show(symbol).text);
      }
    }
    if (!found) {
      return blok_cli_error(error, BLOK_E_NOT_FOUND,
                            "--dim %s=%" PRId64
                            ": no input has an open axis of that name; open: %s",
                            blok_show(bindings->dims[d].symbol).text, bindings->dims[d].value,
                            known[0] == '\0' ? "none" : known + 1);
    }
  }
  return BLOK_OK;
}

blok_status blok_feed_begin(blok_feed *feed, const blok_cli *cli, const blok_model *model,
                            blok_bindings *bindings, const blok_picture_options *pictures,
                            blok_error *error) {
  memset(feed, 0, sizeof *feed);
  feed->cli = cli;
  feed->bindings = bindings;
  feed->pictures = pictures;
  blok_model_info info = BLOK_MODEL_INFO_INIT;
  blok_status status = blok_model_get_info(model, &info);
  feed->inputs = blok_cli_alloc(info.inputs, sizeof *feed->inputs);
  feed->tensors = blok_cli_alloc(info.inputs, sizeof *feed->tensors);
  feed->arrays = blok_cli_alloc(info.inputs, sizeof *feed->arrays);
  size_t axes = bindings->dim_count;
  for (size_t i = 0; i < info.inputs && status == BLOK_OK; i++) {
    feed->inputs[i] = (blok_value_info)BLOK_VALUE_INFO_INIT;
    status = blok_model_input(model, i, &feed->inputs[i]);
    if (feed->inputs[i].rank > BLOK_MAX_RANK) {
      return blok_cli_error(error, BLOK_E_LIMIT, "input '%s' has %d axes; the limit is %d",
                            blok_show(feed->inputs[i].name).text, feed->inputs[i].rank,
                            BLOK_MAX_RANK);
    }
    if (feed->inputs[i].rank > 0) axes += (size_t)feed->inputs[i].rank;
    feed->count = i + 1;
  }
  if (status != BLOK_OK) {
    return blok_cli_error(error, status, "the model's inputs cannot be listed");
  }
  feed->symbols = blok_cli_alloc(axes, sizeof *feed->symbols);
  return check_flags(feed, error);
}

void blok_feed_end(blok_feed *feed) {
  for (size_t i = 0; i < feed->count; i++) blok_array_free(&feed->arrays[i]);
  free(feed->inputs);
  free(feed->tensors);
  free(feed->arrays);
  free(feed->symbols);
  memset(feed, 0, sizeof *feed);
}

// ---- Noise --------------------------------------------------------------------------------------

#define NOISE_SEED 1

// The next number of the splitmix64 sequence.
static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

// A number of the normal distribution (Box and Muller).
static double next_normal(uint64_t *state) {
  const double pi = 3.14159265358979323846;
  const double first = ((double)(next_random(state) >> 11) + 1) / 9007199254740993.0;
  const double second = (double)(next_random(state) >> 11) / 9007199254740992.0;
  return sqrt(-2 * log(first)) * cos(2 * pi * second);
}

static blok_status open_axis(const blok_value_info *input, const int64_t *dims, blok_error *error) {
  for (int32_t axis = 0; axis < input->rank; axis++) {
    if (dims[axis] >= 0) continue;
    const blok_shown name = blok_show(input->name);
    const blok_shown shape = blok_show_axes(input->axes, input->rank);
    if (input->axes[axis].symbol == NULL) {
      return blok_cli_error(error, BLOK_E_SHAPE,
                            "input '%s' is %s: the size of axis %d is open; give the whole shape: "
                            "--shape %s=...",
                            name.text, shape.text, axis, name.text);
    }
    const blok_shown symbol = blok_show(input->axes[axis].symbol);
    return blok_cli_error(error, BLOK_E_SHAPE,
                          "input '%s' is %s: the size of axis %d is open; give it: --dim %s=N",
                          name.text, shape.text, axis, symbol.text);
  }
  return BLOK_OK;
}

static blok_status fill_noise(blok_feed *feed, size_t index, blok_error *error) {
  const blok_value_info *input = &feed->inputs[index];
  const blok_shown name = blok_show(input->name);
  blok_array *array = &feed->arrays[index];
  uint64_t state = NOISE_SEED + index;
  uint8_t scratch[16] = {0};
  blok_tensor probe = BLOK_TENSOR_INIT;
  probe.dtype = input->dtype;
  probe.data = scratch;
  if (!blok_element_set(&probe, 0, 0)) {
    return blok_cli_error(error, BLOK_E_UNSUPPORTED,
                          "input '%s' of type %s cannot be filled with noise; give it with -i",
                          name.text, input->type == NULL ? "unknown" : input->type);
  }
  array->tensor = (blok_tensor)BLOK_TENSOR_INIT;
  const blok_shape_binding *shape = find_shape(feed, input->name);
  if (shape == NULL && input->rank < 0) {
    return blok_cli_error(error, BLOK_E_SHAPE,
                          "input '%s' has no known shape; give it: --shape %s=...", name.text,
                          name.text);
  }
  array->tensor.rank = shape != NULL ? shape->rank : (uint32_t)input->rank;
  array->tensor.dtype = input->dtype;
  blok_status status = blok_feed_dims(feed, index, array->tensor.dims, error);
  if (status == BLOK_OK && shape == NULL) status = open_axis(input, array->tensor.dims, error);
  if (status == BLOK_OK) status = blok_array_allocate(array, input->name, error);
  if (status != BLOK_OK) return status;
  const bool real = blok_element_is_real(input->dtype);
  const size_t count = blok_tensor_count(&array->tensor);
  for (size_t i = 0; i < count; i++) {
    const double number = real ? next_normal(&state) : (double)(next_random(&state) >> 63);
    (void)blok_element_set(&array->tensor, i, number);
  }
  if (!feed->noise_said) {
    blok_cli_note(feed->cli,
                  "no -i: inputs are noise (normal distribution; integers 0 or 1), seed %d",
                  NOISE_SEED);
  }
  feed->noise_said = true;
  return BLOK_OK;
}

// ---- Loading ------------------------------------------------------------------------------------

// Reads the file of input index, and the array if it holds one.
static blok_status load_array(blok_feed *feed, size_t index, blok_source *source,
                              blok_error *error) {
  if (source->kind == BLOK_SOURCE_UNKNOWN) {
    return blok_cli_error(error, BLOK_E_UNSUPPORTED,
                          "%s: neither an array (.npy, .pb) nor a picture (.png, .jpg, .ppm)",
                          blok_show(source->path).text);
  }
  if (source->kind != BLOK_SOURCE_NPY && source->kind != BLOK_SOURCE_PB) return BLOK_OK;
  blok_array *array = &feed->arrays[index];
  const blok_status status = blok_array_read(source, array, error);
  if (status != BLOK_OK) return status;
  blok_source_free(source);
  return bind_all(feed, index, array->tensor.dims, array->tensor.rank, error);
}

static blok_status load_all(blok_feed *feed, const char *const *paths, blok_source *sources,
                            blok_error *error) {
  blok_status status = bind_flags(feed, error);
  for (size_t i = 0; i < feed->count && status == BLOK_OK; i++) {
    if (paths[i] == NULL) continue;
    status = blok_source_read(paths[i], &sources[i], error);
    if (status == BLOK_OK) status = load_array(feed, i, &sources[i], error);
  }
  for (size_t i = 0; i < feed->count && status == BLOK_OK; i++) {
    if (sources[i].bytes != NULL) status = blok_feed_picture(feed, i, &sources[i], error);
  }
  for (size_t i = 0; i < feed->count && status == BLOK_OK; i++) {
    if (paths[i] == NULL) status = fill_noise(feed, i, error);
  }
  return status;
}

blok_status blok_feed_load(blok_feed *feed, const char *const *paths, blok_error *error) {
  for (size_t i = 0; i < feed->count; i++) blok_array_free(&feed->arrays[i]);
  blok_source *sources = blok_cli_alloc(feed->count, sizeof *sources);
  const blok_status status = load_all(feed, paths, sources, error);
  for (size_t i = 0; i < feed->count; i++) {
    blok_source_free(&sources[i]);
    feed->tensors[i] = feed->arrays[i].tensor;
  }
  free(sources);
  return status;
}
