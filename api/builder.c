// Builders and models: a builder made from a model, a model made by a builder.
#include "api/internal.h"
#include "base/error.h"
#include "blocks/build/build.h"

blok_status blok_builder_from(const blok_model *model, const blok_builder_options *given,
                              blok_builder **out, blok_error *error) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  blok_module *module = NULL;
  blok_error_clear(error);
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_builder_from: out is NULL");
  *out = NULL;
  if (!model) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_builder_from: model is NULL");
  BLOK_TRY(blok_take_options(given, &options, sizeof options, "blok_builder_options", error));
  if (!options.allocator) options.allocator = &model->allocator;
  if (!options.limits) options.limits = &model->limits;
  options.name = model->name;
  options.opset = 0;
  BLOK_TRY(blok_module_clone(model->source, false, true, &module, error));
  return blok_builder_begin(&options, &module, out, error);
}

blok_status blok_builder_finish(blok_builder **builder, blok_model **out, blok_error *error) {
  blok_module *module = NULL;
  blok_error_clear(error);
  if (out) *out = NULL;
  if (!builder || !out) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_builder_finish: %s is NULL",
                     builder ? "out" : "builder");
  }
  BLOK_TRY(blok_builder_enter_bare(*builder, "blok_builder_finish", error));
  const blok_builder *from = *builder;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.allocator = &from->allocator;
  options.limits = &from->limits;
  options.name = from->name;
  BLOK_TRY(blok_builder_take(*builder, &module, error));
  const blok_status status = blok_model_of(&module, &options, out, error);
  blok_builder_taken(builder, status);
  return status;
}
