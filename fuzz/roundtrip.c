// What can be imported can be exported, and what was exported is imported and exported again to the
// same bytes: the first export is the normal form of a file.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/storage.h"
#include "exporter/exporter.h"
#include "importer/importer.h"
#include "passes/passes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct written {
  uint8_t *bytes;
  size_t size, capacity;
} written;

static int collect(void *context, const void *bytes, size_t size) {
  written *out = context;
  if (size > out->capacity - out->size) {
    size_t capacity = (out->size + size) * 2;
    uint8_t *grown = realloc(out->bytes, capacity);
    if (!grown) return 1;
    out->bytes = grown;
    out->capacity = capacity;
  }
  if (size) memcpy(out->bytes + out->size, bytes, size);
  out->size += size;
  return 0;
}

// External data of every name: 4 KiB of nothing.
static int find_external(void *context, const char *location, const void **bytes, size_t *size) {
  static const uint8_t zeroes[4096];
  (void)context;
  (void)location;
  *bytes = zeroes;
  *size = sizeof zeroes;
  return 0;
}

static blok_status import(const void *bytes, size_t size, blok_module **out, blok_error *error) {
  static const blok_external external = {NULL, find_external};
  blok_limits limits = BLOK_LIMITS_INIT;
  limits.nodes = 10000;
  limits.skeleton_bytes = 16 << 20;
  blok_import_options options = {.allocator = blok_allocator_default(),
                                 .limits = blok_limits_resolve(&limits),
                                 .external = &external};
  *out = NULL;
  blok_storage *source = blok_storage_borrow(options.allocator, bytes, size, NULL, NULL);
  if (!source) abort();
  blok_status status = blok_import(source, &options, out, error);
  blok_storage_release(source);
  return status;
}

static void fail(const char *what, const blok_error *error) {
  fprintf(stderr, "%s: %s\n", what, error->message);
  abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  blok_error error = BLOK_ERROR_INIT;
  blok_module *module = NULL;
  written first = {NULL, 0, 0}, second = {NULL, 0, 0};
  if (import(bytes, size, &module, &error) != BLOK_OK) return 0;
  if (blok_export_writer(module, collect, &first, &error) != BLOK_OK) fail("export", &error);
  blok_module_free(&module);
  if (import(first.bytes, first.size, &module, &error) != BLOK_OK) fail("import again", &error);
  if (blok_export_writer(module, collect, &second, &error) != BLOK_OK) fail("export again", &error);
  blok_module_free(&module);
  if (first.size != second.size || memcmp(first.bytes, second.bytes, first.size) != 0) {
    fail("the second export differs", &error);
  }
  free(first.bytes);
  free(second.bytes);
  return 0;
}
