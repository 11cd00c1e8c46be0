// Import, export, import: what was read is what is written, for every stored model.
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "exporter/exporter.h"
#include "importer/importer.h"
#include "passes/passes.h"
#include "support/folder.h"

Suite *suite_roundtrip(void);

typedef struct text {
  char *bytes;
  size_t size, capacity;
} text;

static int append(void *context, const void *bytes, size_t size) {
  text *out = context;
  if (out->size + size > out->capacity) {
    out->capacity = (out->size + size) * 2;
    out->bytes = realloc(out->bytes, out->capacity);
    ck_assert_ptr_nonnull(out->bytes);
  }
  if (size) memcpy(out->bytes + out->size, bytes, size);
  out->size += size;
  return 0;
}

static void append_text(void *context, const char *piece) { append(context, piece, strlen(piece)); }

static blok_module *import_storage(blok_storage *source, const char *folder) {
  blok_module *module = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_import_options options = {
      .allocator = blok_allocator_default(), .limits = blok_limits_resolve(NULL), .folder = folder};
  ck_assert_ptr_nonnull(source);
  blok_status status = blok_import(source, &options, &module, &error);
  blok_storage_release(source);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  return module;
}

static blok_module *import_file(const char *folder) {
  char path[1024];
  snprintf(path, sizeof path, "%s/model.onnx", folder);
  blok_file *file = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_file_open(path, blok_allocator_default(), NULL, &file, &error) == BLOK_OK,
                "%s", error.message);
  blok_storage *source = blok_storage_file(blok_allocator_default(), file, 0, blok_file_size(file));
  blok_file_release(file);
  return import_storage(source, folder);
}

static text dump(const blok_module *module) {
  text out = {NULL, 0, 0};
  blok_graph_dump(module->graph, append_text, &out);
  for (uint32_t i = 0; i < module->n_functions; i++) {
    blok_graph_dump(module->functions[i].body, append_text, &out);
  }
  return out;
}

static text export(const blok_module *module) {
  text out = {NULL, 0, 0};
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_msg(blok_export_writer(module, append, &out, &error) == BLOK_OK, "%s", error.message);
  return out;
}

static void assert_same(text a, text b, const char *name) {
  ck_assert_msg(a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0, "%s differs", name);
  free(a.bytes);
  free(b.bytes);
}

static void check_model(const char *folder, const char *name) {
  blok_module *read = import_file(folder);
  text first = export(read);
  blok_module *again =
      import_storage(blok_storage_copy(blok_allocator_default(), first.bytes, first.size), NULL);
  assert_same(dump(read), dump(again), name);
  assert_same(first, export(again), name);
  blok_module_free(&again);

  // With all weights outside and back, the same bytes again.
  blok_test_folder work;
  blok_test_folder_make(&work);
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  blok_error error = BLOK_ERROR_INIT;
  options.weights = BLOK_WEIGHTS_EXTERNAL;
  blok_status status =
      blok_export_file(read, blok_test_path(&work, "model.onnx"), &options, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  again = import_file(work.path);
  assert_same(export(read), export(again), name);
  blok_module_free(&again);
  blok_module_free(&read);
  blok_test_folder_remove(&work);
}

START_TEST(roundtrip__keeps_every_stored_model) {
  DIR *models = opendir(BLOK_TEST_DATA "/good");
  ck_assert_ptr_nonnull(models);
  size_t count = 0;
  for (struct dirent *entry; (entry = readdir(models)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char folder[1024], path[1100];
    snprintf(folder, sizeof folder, "%s/good/%s", BLOK_TEST_DATA, entry->d_name);
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    if (!blok_file_exists(path)) continue;
    check_model(folder, entry->d_name);
    count++;
  }
  closedir(models);
  ck_assert_uint_gt(count, 20);
}
END_TEST

Suite *suite_roundtrip(void) {
  Suite *suite = suite_create("roundtrip");
  TCase *tests = tcase_create("roundtrip");
  tcase_add_test(tests, roundtrip__keeps_every_stored_model);
  suite_add_tcase(suite, tests);
  return suite;
}
