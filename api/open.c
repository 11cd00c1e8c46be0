// Opening a model: bytes to source graph, source graph to working graph, blocks over it.
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/storage.h"
#include "importer/importer.h"

static uint32_t size_of_struct(const void *given) {
  uint32_t size;  // every versioned struct begins with it
  memcpy(&size, given, sizeof size);
  return size;
}

blok_status blok_check_struct(const void *given, const char *what, blok_error *error) {
  if (!given || size_of_struct(given) >= sizeof(uint32_t)) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: struct_size is %u: begin with its _INIT macro",
                   what, size_of_struct(given));
}

blok_status blok_take_options(const void *given, void *out, uint32_t size, const char *what,
                              blok_error *error) {
  if (!given) return BLOK_OK;
  BLOK_TRY(blok_check_struct(given, what, error));
  uint32_t given_size = size_of_struct(given);
  memcpy(out, given, given_size < size ? given_size : size);
  memcpy(out, &size, sizeof size);
  return BLOK_OK;
}

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

static blok_status new_model(const char *name, const blok_open_options *options, blok_model **out,
                             blok_error *error) {
  const blok_allocator *allocator = blok_allocator_or_default(options->allocator);
  *out = NULL;
  BLOK_TRY(blok_check_struct(options->limits, "blok_limits", error));
  blok_model *model = blok_alloc_zero(allocator, sizeof *model);
  *out = model;
  if (!model) return blok_fail_memory(error, sizeof *model);
  atomic_init(&model->references, 1);
  model->allocator = *allocator;
  model->limits = blok_limits_resolve(options->limits);
  blok_arena_init(&model->arena, allocator);
  blok_names_init(&model->working_names, &model->allocator);
  blok_names_init(&model->loose.index, &model->allocator);
  blok_names_init(&model->unknown.index, &model->allocator);
  model->why = (blok_error)BLOK_ERROR_INIT;
  model->warn = options->warn;
  model->warn_context = options->warn_context;
  model->has_lock = blok_lock_init(&model->lock);
  if (!model->has_lock) return BLOK_FAIL(error, BLOK_E_MEMORY, "the system gives no lock");
  model->name = blok_arena_text(&model->arena, options->name ? options->name : name);
  return model->name ? BLOK_OK : blok_fail_memory(error, 0);
}

// Failures that say nothing about the model: they end the opening.
static bool machine_failed(blok_status status) {
  return status == BLOK_E_MEMORY || status == BLOK_E_IO || status == BLOK_E_CANCELLED ||
         status == BLOK_E_INTERNAL;
}

static blok_status index_names(blok_model *model, blok_error *error) {
  const blok_graph *graph = model->working->graph;
  for (uint32_t v = 1; v < graph->n_values; v++) {
    if (graph->values[v].dead) continue;
    if (!blok_names_put(&model->working_names, graph->values[v].name, v)) {
      return blok_fail_memory(error, 0);
    }
  }
  return BLOK_OK;
}

// Working graph, facts and blocks. Any of them may fail for a model that is well formed: the reason
// is kept, and the model opens all the same.
static blok_status make_working(blok_model *model, const blok_open_options *options,
                                blok_error *error) {
  blok_pass_options passes = {model->limits, options->progress, options->progress_context};
  blok_facts_options facts = {.limits = model->limits};
  blok_status status = blok_working_graph(model->source, &passes, &model->working, &model->why);
  if (status == BLOK_OK) {
    status = blok_facts_compute(model->working->graph, &facts, &model->allocator, &model->facts,
                                &model->why);
  }
  if (status == BLOK_OK) {
    status = blok_blocks_match(model->working->graph, model->facts, &model->allocator,
                               &model->overlay, &model->why);
  }
  if (status == BLOK_OK) {
    status = blok_engine_new(model->working, model->facts, model->overlay, &model->allocator,
                             &model->engine, &model->why);
  }
  if (status == BLOK_OK) return index_names(model, error);
  blok_overlay_free(&model->overlay);
  blok_facts_free(&model->facts);
  blok_module_free(&model->working);
  if (machine_failed(status)) return blok_fail(error, status, "%s", model->why.message);
  return BLOK_OK;
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
  BLOK_TRY(make_working(model, options, error));
  BLOK_TRY(blok_model_describe(model, error));
  model->warn = NULL;
  model->warn_context = NULL;
  return BLOK_OK;
}

blok_status blok_model_of(blok_module **source, const blok_open_options *options, blok_model **out,
                          blok_error *error) {
  blok_model *model = NULL;
  blok_status status = BLOK_OK;
  *out = NULL;
  BLOK_TRY_TO(fail, new_model("model", options, &model, error));
  model->source = *source;
  *source = NULL;
  BLOK_TRY_TO(fail, make_working(model, options, error));
  BLOK_TRY_TO(fail, blok_model_describe(model, error));
  model->warn = NULL;
  model->warn_context = NULL;
  *out = model;
  return BLOK_OK;
fail:
  blok_module_free(source);
  blok_model_free(&model);
  return status;
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
  BLOK_TRY_TO(fail, new_model(input ? "standard input" : path, &options, &model, fault));
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
  BLOK_TRY_TO(fail, new_model("model", &options, &model, fault));
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

const blok_model *blok_model_retain(const blok_model *model) {
  // The count is the one field that changes in a model that others may be reading.
  atomic_uint *references = (atomic_uint *)(uintptr_t)&model->references;
  atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
  return model;
}

void blok_model_free(blok_model **pointer) {
  if (!pointer || !*pointer) return;
  blok_model *model = *pointer;
  *pointer = NULL;
  if (atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) != 1) return;
  blok_pool_release(model->pool);
  blok_engine_free(&model->engine);
  blok_functions_free(&model->functions);
  blok_overlay_free(&model->overlay);
  blok_facts_free(&model->facts);
  blok_module_free(&model->working);
  blok_module_free(&model->source);
  blok_names_free(&model->working_names);
  blok_names_free(&model->loose.index);
  blok_names_free(&model->unknown.index);
  if (model->has_lock) blok_lock_free(&model->lock);
  blok_allocator allocator = model->allocator;
  blok_arena_free(&model->arena);
  blok_free(&allocator, model);
}

blok_status blok_model_runnable(const blok_model *model, blok_error *error) {
  blok_error_clear(error);
  if (!model) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_runnable: model is NULL");
  if (model->working) return BLOK_OK;
  return blok_fail(error, model->why.status, "%s: %s", blok_quote(model->name).text,
                   model->why.message);
}

const char *blok_model_warning(const blok_model *model, size_t index) {
  return model && index < model->n_warnings ? model->warnings[index] : NULL;
}
