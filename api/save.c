// Writing a model as ONNX: as it came, in another operator set, or with its blocks as functions.
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "blocks/functions.h"
#include "exporter/exporter.h"
#include "passes/downgrade.h"

// Functions came with this IR version.
#define FUNCTIONS_IR 8

// What goes into the file: the model's own source graph, or one that was made for the purpose.
typedef struct saving {
  const blok_module *module;
  blok_module *made;  // NULL: module is the model's
  blok_functions_report functions;
} saving;

static blok_status convert(const blok_model *model, int64_t opset, saving *out, blok_error *error) {
  BLOK_TRY(blok_convert_opset(model->source, opset, &model->limits, &out->made, error));
  out->module = out->made;
  return BLOK_OK;
}

// Sets that go with an IR version below 4 list initializers as inputs; with functions the version
// is higher, and those that the model did not list itself need not be.
static blok_status raise_ir(const blok_graph *source, blok_module *module, blok_error *error) {
  blok_graph *graph = module->graph;
  blok_names listed;
  if (module->n_functions == 0) return BLOK_OK;
  if (module->ir_version < FUNCTIONS_IR) module->ir_version = FUNCTIONS_IR;
  module->has_ir_version = true;
  blok_names_init(&listed, &module->allocator);
  bool whole = true;
  for (uint32_t i = 0; whole && i < source->n_inputs; i++) {
    whole = blok_names_put(&listed, blok_value_at(source, source->inputs[i].value)->name, i);
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; whole && i < graph->n_inputs; i++) {
    blok_value *value = blok_value_at(graph, graph->inputs[i].value);
    uint32_t at = 0;
    value->is_input = !value->literal || blok_names_find(&listed, value->name, &at);
    if (value->is_input) graph->inputs[kept++] = graph->inputs[i];
  }
  if (whole) graph->n_inputs = kept;
  blok_names_free(&listed);
  return whole ? BLOK_OK : blok_fail_memory(error, 0);
}

// Bodies are written in the set that the model is in by then: blocks are found on what was
// converted.
static blok_status outline(const blok_model *model, saving *out, blok_error *error) {
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  blok_model *converted = NULL;
  const blok_model *found = model;
  blok_status status = BLOK_OK;
  options.allocator = &model->allocator;
  options.limits = &model->limits;
  options.name = model->name;
  if (out->made) {
    BLOK_TRY(blok_model_of(&out->made, &options, &converted, error));
    found = converted;
  }
  BLOK_TRY_TO(done, blok_model_runnable(found, error));
  BLOK_TRY_TO(done, blok_blocks_to_functions(found->source, found->working, found->overlay,
                                             &out->made, &out->functions, error));
  out->module = out->made;
  status = raise_ir(model->source->graph, out->made, error);
done:
  blok_model_free(&converted);
  return status;
}

static blok_status prepare(const blok_model *model, const blok_save_options *options, saving *out,
                           blok_error *error) {
  blok_error local = BLOK_ERROR_INIT;
  blok_error *fault = error ? error : &local;
  blok_status status = BLOK_OK;
  *out = (saving){.module = model->source};
  if (options->opset != 0) status = convert(model, options->opset, out, fault);
  if (status == BLOK_OK && options->functions) status = outline(model, out, fault);
  if (status == BLOK_OK) return BLOK_OK;
  blok_module_free(&out->made);
  blok_error_prefix(fault, "%s: ", blok_quote(model->name).text);
  return status;
}

static void report_functions(const saving *saved, blok_save_report *report) {
  if (!report) return;
  blok_save_report whole = BLOK_SAVE_REPORT_INIT;
  // An older caller's struct is shorter.
  size_t size = report->struct_size < sizeof whole ? report->struct_size : sizeof whole;
  memcpy(&whole, report, size);
  whole.functions = saved->functions.functions;
  whole.functions_kept = saved->functions.kept;
  memcpy(report, &whole, size);
}

blok_status blok_model_save(const blok_model *model, const char *path,
                            const blok_save_options *given, blok_error *error) {
  blok_save_options options = BLOK_SAVE_OPTIONS_INIT;
  blok_error_clear(error);
  if (!model || !path) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_save: %s is NULL",
                     model ? "path" : "model");
  }
  BLOK_TRY(blok_take_options(given, &options, sizeof options, "blok_save_options", error));
  BLOK_TRY(blok_check_struct(options.report, "blok_save_report", error));
  if (options.weights < BLOK_WEIGHTS_AS_READ || options.weights > BLOK_WEIGHTS_EXTERNAL) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_save: weights is %d: see blok_weights_at",
                     (int)options.weights);
  }
  saving saved;
  BLOK_TRY(prepare(model, &options, &saved, error));
  blok_status status = blok_export_file(saved.module, path, &options, error);
  if (status == BLOK_OK) report_functions(&saved, options.report);
  blok_module_free(&saved.made);
  return status;
}

blok_status blok_model_write(const blok_model *model, blok_write_fn write, void *context,
                             blok_error *error) {
  blok_error_clear(error);
  if (!model || !write) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_write: %s is NULL",
                     model ? "write" : "model");
  }
  return blok_export_writer(model->source, write, context, error);
}
