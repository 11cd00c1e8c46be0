// Opening a model: bytes to source graph.
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/storage.h"
#include "importer/importer.h"

static void note_warning(void *context, const char *message) {
  blok_model *model = context;
  if (model->warn) model->warn(model->warn_context, message);
  const char *copy = blok_arena_text(&model->arena, message);
  if (!copy || !blok_arena_grow(&model->arena, &model->warnings, &model->cap_warnings,
                                model->n_warnings, sizeof *model->warnings)) {
    return;  // a warning that finds no memory is lost, not the model
  }
  model->warnings[model->n_warnings++] = copy;
}

static blok_status open_storage(blok_model *model, blok_storage *source,
                                const blok_open_options *options, const char *folder,
                                blok_error *error) {
  blok_import_options import = {.allocator = &model->allocator,
                                .limits = model->limits,
                                .folder = folder,
                                .external_root = options->external_root,
                                .external = options->external,
                                .warn = note_warning,
                                .warn_context = model};
  BLOK_TRY(blok_import(source, &import, &model->source, error));
  return blok_model_complete(model, options, error);
}

// So much is read from a pipe, whose end nobody knows beforehand: 4 GiB.
static const size_t most_from_a_pipe = (size_t)1 << 32;

// The file's bytes as a storage: a range of the file, or memory for a pipe.
static blok_status file_storage(const blok_model *model, const char *path, blok_storage **out,
                                blok_error *error) {
  blok_file *file = NULL;
  bool regular = false;
  blok_status status = BLOK_OK;
  *out = NULL;
  BLOK_TRY(blok_file_open(path, &model->allocator, &regular, &file, error));
  if (regular) {
    *out = blok_storage_file(&model->allocator, file, 0, blok_file_size(file));
  } else {
    void *bytes = NULL;
    size_t size = 0;
    BLOK_TRY_TO(done, blok_file_read_stream(file, &model->allocator, most_from_a_pipe, &bytes,
                                            &size, error));
    *out = blok_storage_own(&model->allocator, bytes, size);
    if (!*out) blok_free(&model->allocator, bytes);
  }
  if (!*out) status = blok_fail_memory(error, 0);
done:
  blok_file_release(file);
  return status;
}

blok_status blok_model_open(const char *path, const blok_open_options *given, blok_model **out,
                            blok_error *error) {
  blok_error_clear(error);
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_open: out is NULL");
  *out = NULL;
  if (!path) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_open: path is NULL");
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  BLOK_TRY(blok_take_options(given, &options, sizeof options, "blok_open_options", error));
  blok_error local = BLOK_ERROR_INIT;
  blok_error *fault = error ? error : &local;
  blok_status status = BLOK_OK;
  blok_model *model = NULL;
  blok_storage *source = NULL;
  bool input = strcmp(path, "-") == 0;
  BLOK_TRY_TO(fail, blok_model_new(input ? "standard input" : path, &options, &model, fault));
  BLOK_TRY_TO(fail, file_storage(model, input ? "/dev/stdin" : path, &source, fault));
  const char *folder = input ? NULL : blok_path_folder(&model->arena, path);
  if (!input && !folder) {
    status = blok_fail_memory(fault, 0);
    goto fail;
  }
  BLOK_TRY_TO(fail, open_storage(model, source, &options, folder, fault));
  blok_storage_release(source);
  *out = model;
  return BLOK_OK;
fail:
  // What failed before there were bytes names the file itself.
  if (source) blok_error_prefix(fault, "%s: ", blok_quote(model->name).text);
  blok_storage_release(source);
  blok_model_free(&model);
  return status;
}

blok_status blok_model_load(const void *bytes, size_t size,
                            void (*release)(void *context, const void *bytes), void *context,
                            const blok_open_options *given, blok_model **out, blok_error *error) {
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  blok_status status = BLOK_OK;
  blok_model *model = NULL;
  blok_storage *source = NULL;
  blok_error local = BLOK_ERROR_INIT;
  blok_error *fault = error ? error : &local;
  blok_error_clear(error);
  if (out) *out = NULL;
  if (!out || (!bytes && size)) {
    status =
        BLOK_FAIL(fault, BLOK_E_ARGUMENT, "blok_model_load: %s is NULL", out ? "bytes" : "out");
    goto fail;
  }
  BLOK_TRY_TO(fail, blok_take_options(given, &options, sizeof options, "blok_open_options", fault));
  BLOK_TRY_TO(fail, blok_model_new("model", &options, &model, fault));
  source = blok_storage_borrow(&model->allocator, bytes, size, release, context);
  if (!source) {
    status = blok_fail_memory(fault, 0);
    goto fail;
  }
  BLOK_TRY_TO(fail, open_storage(model, source, &options, options.external_root, fault));
  blok_storage_release(source);
  *out = model;
  return BLOK_OK;
fail:
  if (model && model->name) blok_error_prefix(fault, "%s: ", blok_quote(model->name).text);
  // The bytes go back to the caller with the last storage that borrows them, or here.
  if (!source && release) release(context, bytes);
  blok_storage_release(source);
  blok_model_free(&model);
  return status;
}
