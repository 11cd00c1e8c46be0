// A model as source text with its weights beside it. See blok/source.h.
#include <blok/source.h>
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "base/file.h"
#include "codegen/codegen.h"
#include "exporter/npz.h"

// path with its ending replaced by ".npz", in the arena.
static char *weights_path(blok_arena *arena, const char *path) {
  const char *name = blok_path_name(path), *dot = strrchr(name, '.');
  const size_t length = dot && dot != name ? (size_t)(dot - path) : strlen(path);
  char *stem = blok_arena_textn(arena, path, length);
  return stem ? blok_arena_format(arena, "%s.npz", stem) : NULL;
}

static blok_status write_weights(const blok_outline *outline, blok_sink *sink, blok_error *error) {
  const blok_allocator *allocator = &outline->allocator;
  blok_status status = BLOK_OK;
  blok_npz_writer writer;
  blok_npz_begin(&writer, sink, allocator);
  for (uint32_t i = 0; i < outline->n_weights && status == BLOK_OK; i++) {
    blok_tensor tensor;
    status = blok_codegen_weight(&outline->weights[i], allocator, &tensor, error);
    if (status == BLOK_OK) {
      status = blok_npz_put(&writer, outline->weights[i].name, &tensor, error);
    }
    blok_free(allocator, tensor.data);
  }
  if (status == BLOK_OK) status = blok_npz_end(&writer, error);
  blok_npz_free(&writer);
  return status;
}

// Both files whole under temporary names, then the weights' name, then the text's.
static blok_status write_files(const blok_outline *outline, const blok_page *page, const char *path,
                               const char *weights, blok_error *error) {
  const blok_allocator *allocator = &outline->allocator;
  blok_status status = BLOK_OK;
  blok_sink *text = NULL, *arrays = NULL;
  BLOK_TRY_TO(done, blok_sink_open(weights, allocator, &arrays, error));
  BLOK_TRY_TO(done, blok_sink_open(path, allocator, &text, error));
  BLOK_TRY_TO(done, write_weights(outline, arrays, error));
  BLOK_TRY_TO(done, blok_sink_write(text, page->text, page->size, error));
  BLOK_TRY_TO(done, blok_sink_commit(&arrays, error));
  BLOK_TRY_TO(done, blok_sink_commit(&text, error));
done:
  blok_sink_abandon(&arrays);
  blok_sink_abandon(&text);
  return status;
}

static blok_status save(const blok_model *model, const char *path, blok_language language,
                        blok_outline *outline, blok_source_report *report, blok_error *error) {
  blok_page page;
  char *weights = weights_path(&outline->arena, path);
  if (!weights) return blok_fail_memory(error, 0);
  if (strcmp(weights, path) == 0) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: the weights would be written to that name; call the text .py or .c",
                     blok_quote(path).text);
  }
  blok_page_begin(&page, &model->allocator);
  const char *beside = blok_path_name(weights);
  blok_status status = language == BLOK_SOURCE_C ? blok_codegen_c(outline, beside, &page, error)
                                                 : blok_codegen_python(outline, &page, error);
  if (status == BLOK_OK) status = write_files(outline, &page, path, weights, error);
  if (status == BLOK_OK && report) {
    blok_source_report made = BLOK_SOURCE_REPORT_INIT;
    made.lines = page.lines;
    made.blocks = outline->n_blocks;
    made.operators = outline->n_nodes;
    (void)snprintf(made.weights_name, sizeof made.weights_name, "%s", beside);
    const uint32_t size = report->struct_size;
    memcpy(report, &made, size < sizeof made ? size : sizeof made);
    report->struct_size = size;
  }
  blok_page_free(&page);
  return status;
}

blok_status blok_model_save_source(const blok_model *model, const char *path,
                                   blok_language language, blok_source_report *report,
                                   blok_error *error) {
  blok_error_clear(error);
  if (!model || !path) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_save_source: %s is NULL",
                     model ? "path" : "model");
  }
  if (language != BLOK_SOURCE_C && language != BLOK_SOURCE_PYTHON) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "blok_model_save_source: language is %d: see blok_language", (int)language);
  }
  BLOK_TRY(blok_check_struct(report, "blok_source_report", error));
  BLOK_TRY(blok_model_runnable(model, error));
  blok_error local = BLOK_ERROR_INIT;
  blok_error *fault = error ? error : &local;
  blok_outline *outline = NULL;
  const char *name = model->source->graph->name;
  const int64_t opset = blok_module_opset(model->source, "");
  blok_status status =
      blok_outline_make(model->working, model->facts, model->overlay, name && *name ? name : "net",
                        opset, &model->allocator, &outline, fault);
  if (status == BLOK_OK) status = save(model, path, language, outline, report, fault);
  blok_outline_free(&outline);
  if (status != BLOK_OK) blok_error_prefix(fault, "%s: ", blok_quote(model->name).text);
  return status;
}
