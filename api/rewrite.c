// A model written anew from its blocks.
#include "api/internal.h"
#include "base/error.h"
#include "blocks/write.h"

blok_status blok_model_rewrite(const blok_model *model, blok_model **out, blok_error *error) {
  blok_error_clear(error);
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_rewrite: out is NULL");
  *out = NULL;
  if (!model) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_rewrite: model is NULL");
  BLOK_TRY(blok_model_runnable(model, error));
  blok_error local = BLOK_ERROR_INIT;
  blok_error *fault = error ? error : &local;
  blok_open_options options = BLOK_OPEN_OPTIONS_INIT;
  options.allocator = &model->allocator;
  options.limits = &model->limits;
  options.name = model->name;
  blok_module *written = NULL;
  blok_status status =
      blok_blocks_write(model->working, model->facts, model->overlay, &written, fault);
  if (status == BLOK_OK) status = blok_model_of(&written, &options, out, fault);
  if (status != BLOK_OK) blok_error_prefix(fault, "%s: ", blok_quote(model->name).text);
  return status;
}
