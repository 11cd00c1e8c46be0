// A model's life: made of a source graph, shared by a count of references, freed. Where the source
// graph comes from is another file's matter: open.c reads it, builder.c takes what was built.
#include <string.h>

#include "api/internal.h"
#include "base/error.h"

blok_status blok_model_new(const char *name, const blok_open_options *options, blok_model **out,
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

blok_status blok_model_complete(blok_model *model, const blok_open_options *options,
                                blok_error *error) {
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
  BLOK_TRY_TO(fail, blok_model_new("model", options, &model, error));
  model->source = *source;
  *source = NULL;
  BLOK_TRY_TO(fail, blok_model_complete(model, options, error));
  *out = model;
  return BLOK_OK;
fail:
  blok_module_free(source);
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
