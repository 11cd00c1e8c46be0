// Writing the source graph back to ONNX.
#include "api/internal.h"
#include "base/error.h"
#include "exporter/exporter.h"

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
  return blok_export_file(model->source, path, &options, error);
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
