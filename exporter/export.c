// The exporter's face: to a file with its external data, or to a writer. See exporter.h.
//
// Files are written under temporary names. The external file gets its name first (a new one, where
// one stands already), then the model, and only then is the external file of the model that was
// replaced removed: at every moment the path names a whole model.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "exporter/writing.h"

static void writing_begin(blok_writing *writing, const blok_module *module, blok_weights_at weights,
                          const char *external_name) {
  *writing = (blok_writing){.module = module, .weights = weights, .external_name = external_name};
  blok_arena_init(&writing->arena, &module->allocator);
}

static void writing_end(blok_writing *writing) { blok_arena_free(&writing->arena); }

// ---- To a writer --------------------------------------------------------------------------------

typedef struct caller_writer {
  blok_write_fn write;
  void *context;
} caller_writer;

static blok_status write_to_caller(void *context, const void *bytes, size_t size,
                                   blok_error *error) {
  const caller_writer *writer = context;
  if (writer->write(writer->context, bytes, size) == 0) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_IO, "the writer took no more bytes");
}

blok_status blok_export_writer(const blok_module *module, blok_write_fn write, void *context,
                               blok_error *error) {
  blok_status status = BLOK_OK;
  blok_writing writing;
  caller_writer writer = {write, context};
  writing_begin(&writing, module, BLOK_WEIGHTS_INLINE, NULL);
  BLOK_TRY_TO(done, blok_write_model(&writing, error));
  BLOK_TRY_TO(done, blok_proto_write(&writing.message->base, writing.sources, writing.n_sources,
                                     &module->allocator, write_to_caller, &writer, error));
done:
  writing_end(&writing);
  return status;
}

// ---- The external file --------------------------------------------------------------------------

enum { COPY_BYTES = 1 << 20 };

// Copies through chunk, which has COPY_BYTES; weights that lie in memory are written from there.
static blok_status copy_storage(const blok_storage *storage, void *chunk, blok_sink *sink,
                                blok_error *error) {
  uint64_t size = blok_storage_size(storage);
  const void *bytes = blok_storage_memory(storage);
  if (bytes) return blok_sink_write(sink, bytes, (size_t)size, error);
  for (uint64_t at = 0; at < size;) {
    size_t n = size - at < COPY_BYTES ? (size_t)(size - at) : COPY_BYTES;
    BLOK_TRY(blok_storage_read(storage, at, chunk, n, error));
    BLOK_TRY(blok_sink_write(sink, chunk, n, error));
    at += n;
  }
  return BLOK_OK;
}

static blok_status write_outside(const blok_writing *writing, const char *path,
                                 const blok_save_options *options, blok_error *error) {
  static const uint8_t zeroes[64] = {0};
  blok_status status = BLOK_OK;
  blok_sink *sink = NULL;
  const blok_allocator *allocator = &writing->module->allocator;
  void *chunk = blok_alloc(allocator, COPY_BYTES);
  if (!chunk) return blok_fail_memory(error, COPY_BYTES);
  BLOK_TRY_TO(fail, blok_sink_open(path, allocator, &sink, error));
  for (uint32_t i = 0; i < writing->n_outside; i++) {
    uint64_t gap = writing->outside[i].offset - blok_sink_written(sink);
    BLOK_TRY_TO(fail, blok_sink_write(sink, zeroes, (size_t)gap, error));
    BLOK_TRY_TO(fail, copy_storage(writing->outside[i].storage, chunk, sink, error));
    if (options->progress &&
        options->progress(options->progress_context, "write weights", blok_sink_written(sink),
                          writing->external_size) != 0) {
      status = BLOK_FAIL(error, BLOK_E_CANCELLED, "writing was cancelled");
      goto fail;
    }
  }
  blok_free(allocator, chunk);
  return blok_sink_commit(&sink, error);
fail:
  blok_free(allocator, chunk);
  blok_sink_abandon(&sink);
  return status;
}

static char *beside(blok_arena *arena, const char *path, const char *name) {
  size_t folder = (size_t)(blok_path_name(path) - path);
  return blok_arena_format(arena, "%.*s%s", (int)folder, path, name);
}

// Whether name, beside path, is the model itself.
static bool is_model(const char *path, const char *name) {
  return strcmp(blok_path_name(path), name) == 0;
}

// The wished name, or the first of NAME.1, NAME.2, ... that no file has.
static blok_status free_name(blok_arena *arena, const char *path, const char *wish,
                             const char **out, blok_error *error) {
  for (unsigned k = 0;; k++) {
    *out = k == 0 ? wish : blok_arena_format(arena, "%s.%u", wish, k);
    char *full = *out ? beside(arena, path, *out) : NULL;
    if (!full) return blok_fail_memory(error, 0);
    if (!is_model(path, *out) && !blok_file_exists(full)) return BLOK_OK;
  }
}

// The external files that a model once written to path may have left: those beside it that path's
// model names, of the name that is wished for or a numbered one. Found before path is replaced.
typedef struct stale_files {
  uint32_t n, capacity;
  const char **paths;
} stale_files;

// Whether name is wish, or wish, '.' and digits.
static bool is_numbered(const char *name, const char *wish) {
  size_t length = strlen(wish);
  if (strncmp(name, wish, length) != 0) return false;
  if (name[length] == '\0') return true;
  return name[length] == '.' && name[length + 1] != '\0' &&
         strspn(name + length + 1, "0123456789") == strlen(name + length + 1);
}

static blok_status add_stale(blok_arena *arena, const char *path, const char *name,
                             stale_files *out, blok_error *error) {
  char *full = beside(arena, path, name);
  if (!full) return blok_fail_memory(error, 0);
  if (is_model(path, name) || !blok_file_exists(full)) return BLOK_OK;
  for (uint32_t i = 0; i < out->n; i++) {
    if (strcmp(out->paths[i], full) == 0) return BLOK_OK;
  }
  if (!blok_arena_grow(arena, &out->paths, &out->capacity, out->n, sizeof *out->paths)) {
    return blok_fail_memory(error, 0);
  }
  out->paths[out->n++] = full;
  return BLOK_OK;
}

// The name whose length and bytes stand at bytes, as the value of a property; false when it is none
// of a plain file.
static bool read_name(const uint8_t *bytes, size_t size, char *out, size_t room) {
  size_t length = size > 0 ? bytes[0] & 0x7f : 0, used = 1;
  if (size > 1 && bytes[0] & 0x80) length |= (size_t)bytes[used++] << 7;
  if (length == 0 || length >= room || length > size - used) return false;
  memcpy(out, bytes + used, length);
  out[length] = '\0';
  return strlen(out) == length;
}

// Looks for the key "location" (field 1 of a property, then field 2, the name) in all of the file.
static blok_status scan_stale(blok_arena *arena, const blok_file *file, const char *path,
                              const char *wish, stale_files *out, blok_error *error) {
  static const char key[] = "\x0a\x08location\x12";
  enum { KEY = sizeof key - 1, NAME = 512, WINDOW = 16384 };
  uint8_t window[WINDOW];
  char name[NAME];
  uint64_t size = blok_file_size(file);
  for (uint64_t at = 0; at < size; at += WINDOW - NAME) {
    size_t n = size - at < WINDOW ? (size_t)(size - at) : WINDOW;
    // An old model that cannot be read names nothing.
    if (blok_file_read(file, at, window, n, NULL) != BLOK_OK) return BLOK_OK;
    for (size_t i = 0; i + KEY < n && i < WINDOW - NAME; i++) {
      if (window[i] != '\x0a' || memcmp(window + i, key, KEY) != 0) continue;
      if (!read_name(window + i + KEY, n - i - KEY, name, sizeof name)) continue;
      if (is_numbered(name, wish)) BLOK_TRY(add_stale(arena, path, name, out, error));
    }
  }
  return BLOK_OK;
}

static blok_status find_stale(blok_arena *arena, const char *path, const char *wish,
                              const blok_allocator *allocator, stale_files *out,
                              blok_error *error) {
  const char *second = blok_arena_format(arena, "%s.1", wish);
  const char *first_path = beside(arena, path, wish);
  const char *second_path = second ? beside(arena, path, second) : NULL;
  if (!first_path || !second_path) return blok_fail_memory(error, 0);
  if (!blok_file_exists(first_path) && !blok_file_exists(second_path)) return BLOK_OK;
  blok_file *file = NULL;
  blok_error ignored = BLOK_ERROR_INIT;
  blok_status status = blok_file_open(path, allocator, NULL, &file, &ignored);
  if (status == BLOK_E_MEMORY) return blok_fail_memory(error, 0);
  if (status != BLOK_OK) return BLOK_OK;
  status = scan_stale(arena, file, path, wish, out, error);
  blok_file_release(file);
  return status;
}

// ---- To a file ----------------------------------------------------------------------------------

static void fill_report(const blok_writing *writing, uint64_t model_bytes, const char *name,
                        blok_save_report *report) {
  if (!report) return;
  blok_save_report filled = BLOK_SAVE_REPORT_INIT;
  filled.struct_size = report->struct_size;
  filled.model_bytes = model_bytes;
  filled.external_bytes = writing->external_size;
  filled.forced_external = writing->forced_external;
  filled.opset = blok_module_opset(writing->module, "");
  filled.ir_version = writing->module->ir_version;
  snprintf(filled.external_name, sizeof filled.external_name, "%s", writing->n_outside ? name : "");
  // An older caller's struct is shorter.
  size_t size = report->struct_size < sizeof filled ? report->struct_size : sizeof filled;
  memcpy(report, &filled, size);
}

static blok_status write_to_sink(void *context, const void *bytes, size_t size, blok_error *error) {
  return blok_sink_write(context, bytes, size, error);
}

static blok_status write_model_file(const blok_writing *writing, const char *path, uint64_t *bytes,
                                    blok_error *error) {
  blok_sink *sink = NULL;
  BLOK_TRY(blok_sink_open(path, &writing->module->allocator, &sink, error));
  blok_status status =
      blok_proto_write(&writing->message->base, writing->sources, writing->n_sources,
                       &writing->module->allocator, write_to_sink, sink, error);
  *bytes = blok_sink_written(sink);
  if (status == BLOK_OK) return blok_sink_commit(&sink, error);
  blok_sink_abandon(&sink);
  return status;
}

// Builds the message, and builds it again with external data where it would pass what protobuf can
// hold in one piece.
static blok_status build(blok_writing *writing, const char *external_name,
                         const blok_save_options *options, blok_error *error) {
  const blok_module *module = writing->module;
  uint64_t bytes = 0;
  BLOK_TRY(blok_write_model(writing, error));
  if (options->weights != BLOK_WEIGHTS_AS_READ) return BLOK_OK;
  BLOK_TRY(blok_proto_measure(&writing->message->base, writing->sources, writing->n_sources,
                              &module->allocator, &bytes, error));
  if (bytes <= BLOK_WIRE_MAX_MESSAGE) return BLOK_OK;
  writing_end(writing);
  writing_begin(writing, module, BLOK_WEIGHTS_EXTERNAL, external_name);
  writing->forced_external = true;
  return blok_write_model(writing, error);
}

static blok_status check_name(const char *name, blok_error *error) {
  if (*name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
    return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                   "external data '%s': give a plain file name, it is put beside the model",
                   blok_quote(name).text);
}

blok_status blok_export_file(const blok_module *module, const char *path,
                             const blok_save_options *options, blok_error *error) {
  blok_status status = BLOK_OK;
  blok_arena names;
  blok_arena_init(&names, &module->allocator);
  blok_writing writing;
  writing_begin(&writing, module, options->weights, NULL);
  stale_files stale = {0, 0, NULL};
  const char *outside = NULL, *chosen = NULL;
  const char *wish = options->external_name;
  if (!wish) wish = blok_arena_format(&names, "%s.data", blok_path_name(path));
  if (!wish) {
    status = blok_fail_memory(error, 0);
    goto done;
  }
  BLOK_TRY_TO(done, check_name(wish, error));
  if (is_model(path, wish) && options->weights != BLOK_WEIGHTS_INLINE) {
    status = BLOK_FAIL(error, BLOK_E_ARGUMENT,
                       "external data '%s': that is the model's own name, give it another",
                       blok_quote(wish).text);
    goto done;
  }
  BLOK_TRY_TO(done, free_name(&names, path, wish, &chosen, error));
  if (options->weights != BLOK_WEIGHTS_INLINE) writing.external_name = chosen;
  BLOK_TRY_TO(done, build(&writing, chosen, options, error));
  BLOK_TRY_TO(done, find_stale(&names, path, wish, &module->allocator, &stale, error));
  if (writing.n_outside) {
    outside = beside(&names, path, chosen);
    if (!outside) {
      status = blok_fail_memory(error, 0);
      goto done;
    }
    BLOK_TRY_TO(done, write_outside(&writing, outside, options, error));
  }
  uint64_t bytes = 0;
  status = write_model_file(&writing, path, &bytes, error);
  if (status != BLOK_OK && outside) blok_file_remove(outside);
  for (uint32_t i = 0; status == BLOK_OK && i < stale.n; i++) blok_file_remove(stale.paths[i]);
  if (status == BLOK_OK) fill_report(&writing, bytes, chosen, options->report);
done:
  writing_end(&writing);
  blok_arena_free(&names);
  return status;
}
