// The driver: a clone of the source goes through the passes of passes.def.
#include <string.h>

#include "base/error.h"
#include "passes/passes.h"

typedef struct pass {
  const char *name;
  const char *what;
  blok_pass_fn run;
} pass;

static const pass passes[] = {
#define PASS(id, what) {#id, what, blok_pass_##id},
#include "passes/passes.def"
#undef PASS
};

#define PASSES (sizeof passes / sizeof passes[0])

blok_limits blok_limits_resolve(const blok_limits *limits) {
  blok_limits out = BLOK_LIMITS_INIT;
  if (limits) {
    size_t size = limits->struct_size < sizeof out ? limits->struct_size : sizeof out;
    memcpy(&out, limits, size);
    out.struct_size = sizeof out;
  }
  if (!out.depth) out.depth = 64;
  if (!out.skeleton_bytes) out.skeleton_bytes = (uint64_t)512 << 20;
  if (!out.nodes) out.nodes = 4000000;
  if (!out.tensor_elements) out.tensor_elements = (uint64_t)1 << 40;
  if (!out.run_bytes) out.run_bytes = (uint64_t)16 << 30;
  if (!out.fold_bytes) out.fold_bytes = (uint64_t)64 << 20;
  if (!out.inline_nodes) out.inline_nodes = 1000000;
  if (!out.loop_trips) out.loop_trips = 1000000;
  return out;
}

static blok_status run_pass(const pass *step, blok_module *module, const blok_pass_options *options,
                            blok_error *error) {
  BLOK_TRY(step->run(module, options, error));
#ifndef NDEBUG
  // The main graph is sorted from the second pass on.
  blok_status status = blok_graph_verify(module->graph, step != &passes[0], error);
  if (status != BLOK_OK) blok_error_prefix(error, "after pass %s: ", step->name);
  return status;
#else
  return BLOK_OK;
#endif
}

// Of the model's notes the working graph has only what blocks are told by.
static blok_status keep_metadata(const blok_module *source, blok_module *module,
                                 blok_error *error) {
  const blok_notes *notes = source->notes;
  for (uint32_t i = 0; notes && i < notes->n_metadata; i++) {
    const blok_property *property = &notes->metadata[i];
    if (!property->key || strcmp(property->key, BLOK_DROP_PATH_KEY) != 0) continue;
    blok_notes *kept = blok_arena_zero(&module->arena, sizeof *kept);
    blok_property *copy = blok_arena_zero(&module->arena, sizeof *copy);
    if (!kept || !copy) return blok_fail_memory(error, sizeof *kept);
    copy->key = BLOK_DROP_PATH_KEY;
    copy->value = blok_arena_text(&module->arena, property->value);
    if (property->value && !copy->value) return blok_fail_memory(error, strlen(property->value));
    kept->n_metadata = 1;
    kept->metadata = copy;
    module->notes = kept;
    return BLOK_OK;
  }
  return BLOK_OK;
}

blok_status blok_working_graph(const blok_module *source, const blok_pass_options *options,
                               blok_module **out, blok_error *error) {
  *out = NULL;
  blok_module *module = NULL;
  blok_status status = BLOK_OK;
  BLOK_TRY(blok_module_clone(source, true, false, &module, error));
  BLOK_TRY_TO(fail, keep_metadata(source, module, error));
  for (size_t i = 0; i < PASSES; i++) {
    if (options->progress &&
        options->progress(options->progress_context, passes[i].what, i, PASSES) != 0) {
      status = BLOK_FAIL(error, BLOK_E_CANCELLED, "stopped while the graph was prepared");
      goto fail;
    }
    BLOK_TRY_TO(fail, run_pass(&passes[i], module, options, error));
  }
  *out = module;
  return BLOK_OK;
fail:
  blok_module_free(&module);
  return status;
}
