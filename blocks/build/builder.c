// A builder's life: beginning, growing by what calls add, taking back what a failed call added,
// handing over what was built.
#include <blok/version.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "blocks/build/build.h"
#include "graph/schemas.h"
#include "passes/downgrade.h"
#include "passes/driver.h"
#include "passes/passes.h"

#define OLDEST_OPSET  7
#define DEFAULT_OPSET 18

// ---- Beginning ----------------------------------------------------------------------------------

static blok_status import_set(blok_module *module, int64_t opset, blok_error *error) {
  blok_opset *import = blok_arena_zero(&module->arena, sizeof *import);
  if (!import) return blok_fail_memory(error, sizeof *import);
  import->domain = "";
  import->version = opset;
  import->has_version = true;
  module->opsets = import;
  module->n_opsets = 1;
  return BLOK_OK;
}

// An empty graph in the newest operator set.
static blok_status new_module(const blok_builder *builder, blok_module **out, blok_error *error) {
  const int64_t newest = blok_schema_latest_opset("");
  BLOK_TRY(blok_module_new(&builder->allocator, out, error));
  blok_module *module = *out;
  module->producer_name = "blok";
  module->producer_version = BLOK_VERSION_STRING;
  module->has_ir_version = true;
  module->ir_version = blok_ir_of_opset(newest);
  BLOK_TRY(import_set(module, newest, error));
  BLOK_TRY(blok_graph_new(module, NULL, &module->graph, error));
  module->graph->name = blok_arena_text(&module->arena, builder->name);
  return module->graph->name ? BLOK_OK : blok_fail_memory(error, 0);
}

static blok_status check_options(const blok_builder_options *options, blok_error *error) {
  const int64_t newest = blok_schema_latest_opset("");
  if (options->opset && (options->opset < OLDEST_OPSET || options->opset > newest)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "operator set %lld: a model can be built in sets %d to %lld",
                     (long long)options->opset, OLDEST_OPSET, (long long)newest);
  }
  if (options->naming != BLOK_NAMING_GUIDE && options->naming != BLOK_NAMING_TORCHVISION) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "naming is %d: see blok_naming", (int)options->naming);
  }
  return blok_check_struct(options->limits, "blok_limits", error);
}

static blok_status set_up(blok_builder *builder, const blok_builder_options *options,
                          blok_module **module, blok_error *error) {
  builder->name = blok_arena_text(&builder->arena, options->name ? options->name : "model");
  if (!builder->name) return blok_fail_memory(error, 0);
  builder->from_model = module && *module;
  if (builder->from_model) {
    builder->module = *module;
    *module = NULL;
    builder->opset = blok_module_opset(builder->module, "");
    if (!builder->module->graph) {
      return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: the model has no graph",
                       blok_quote(builder->name).text);
    }
  } else {
    builder->opset = options->opset ? options->opset : DEFAULT_OPSET;
    BLOK_TRY(new_module(builder, &builder->module, error));
  }
  return blok_builder_changed(builder, error);
}

blok_status blok_builder_begin(const blok_builder_options *given, blok_module **module,
                               blok_builder **out, blok_error *error) {
  blok_builder_options options = BLOK_BUILDER_OPTIONS_INIT;
  blok_status status = BLOK_OK;
  *out = NULL;
  BLOK_TRY_TO(fail,
              blok_take_options(given, &options, sizeof options, "blok_builder_options", error));
  BLOK_TRY_TO(fail, check_options(&options, error));
  const blok_allocator *allocator = blok_allocator_or_default(options.allocator);
  blok_builder *builder = blok_alloc_zero(allocator, sizeof *builder);
  *out = builder;
  if (!builder) {
    status = blok_fail_memory(error, sizeof *builder);
    goto fail;
  }
  builder->allocator = *allocator;
  blok_names_init(&builder->taken, &builder->allocator);
  builder->limits = blok_limits_resolve(options.limits);
  builder->facts_options.limits = builder->limits;
  builder->seed = options.seed;
  builder->naming = options.naming;
  blok_arena_init(&builder->arena, allocator);
  BLOK_TRY_TO(fail, set_up(builder, &options, module, error));
  return BLOK_OK;
fail:
  if (module) blok_module_free(module);
  blok_builder_free(out);
  return status;
}

blok_status blok_builder_new(const blok_builder_options *options, blok_builder **out,
                             blok_error *error) {
  blok_error_clear(error);
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_builder_new: out is NULL");
  return blok_builder_begin(options, NULL, out, error);
}

void blok_builder_free(blok_builder **pointer) {
  if (!pointer || !*pointer) return;
  blok_builder *builder = *pointer;
  *pointer = NULL;
  while (builder->saved) blok_builder_throw_away(builder);
  blok_builder_drop_view(builder);
  blok_builder_drop_state(builder);
  blok_module_free(&builder->module);
  blok_allocator allocator = builder->allocator;
  blok_free(&allocator, builder->was);
  blok_arena_free(&builder->arena);
  blok_free(&allocator, builder);
}

// ---- Adding, and taking back --------------------------------------------------------------------

blok_build_mark blok_builder_mark(const blok_builder *builder) {
  const blok_graph *graph = builder->graph;
  return (blok_build_mark){.n_nodes = graph->n_nodes,
                           .n_values = graph->n_values,
                           .n_order = graph->n_order,
                           .n_inputs = graph->n_inputs,
                           .n_outputs = graph->n_outputs,
                           .n_initializers = graph->n_initializers,
                           .n_literals = builder->module->n_literals,
                           .n_weights = builder->n_weights,
                           .notes = builder->module->notes};
}

// The names of what is there now. The table has held more, so that it has room.
static void name_again(blok_builder *builder) {
  blok_names *taken = &builder->taken;
  if (taken->capacity) memset(taken->keys, 0, taken->capacity * sizeof *taken->keys);
  taken->count = 0;
  const blok_status status = blok_builder_take_names(builder, NULL);
  (void)status;
}

// Takes off the outputs that were listed since, and gives their values the names that they had.
static void unlist_outputs(blok_builder *builder, uint32_t n_outputs) {
  blok_graph *graph = builder->graph;
  while (graph->n_outputs > n_outputs) {
    const uint32_t last = --graph->n_outputs;
    blok_value *value = blok_value_at(graph, graph->outputs[last].value);
    value->is_output = false;
    if (last < builder->cap_was && builder->was[last]) value->name = builder->was[last];
  }
}

static void release_literals(blok_module *module, uint32_t n_literals) {
  while (module->n_literals > n_literals) {
    blok_literal *literal = module->literals[--module->n_literals];
    blok_storage_release(literal->storage);
    literal->storage = NULL;
  }
}

blok_status blok_builder_close(blok_builder *builder, const blok_build_mark *mark,
                               blok_status status) {
  blok_graph *graph = builder->graph;
  blok_builder_drop_view(builder);
  if (status == BLOK_OK) return BLOK_OK;
  unlist_outputs(builder, mark->n_outputs);
  release_literals(builder->module, mark->n_literals);
  for (uint32_t i = mark->n_values; i < graph->n_values && i < builder->facts->n; i++) {
    builder->facts->of[i] = (blok_fact){.kind = BLOK_TYPE_NONE, .rank = -1};
  }
  graph->n_nodes = mark->n_nodes;
  graph->n_values = mark->n_values;
  graph->n_order = mark->n_order;
  graph->n_inputs = mark->n_inputs;
  graph->n_initializers = mark->n_initializers;
  builder->n_weights = mark->n_weights;
  builder->module->notes = mark->notes;
  // The graph's own index of names is made anew when it is asked for.
  graph->name_slots = NULL;
  graph->n_name_slots = graph->n_named = graph->n_name_entries = 0;
  name_again(builder);
  return status;
}

// ---- Handing over -------------------------------------------------------------------------------

// A model of a set older than any that can be written stays in it while nothing is added.
static blok_status check_nothing_new(const blok_builder *builder, blok_error *error) {
  const blok_graph *graph = builder->graph;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (node->opset == 0) continue;
    return BLOK_FAIL(
        error, BLOK_E_UNSUPPORTED,
        "%s: node '%s' was added to a model of operator set %lld, and nodes are written "
        "in set %d and newer: bring the model there first",
        blok_quote(builder->name).text, blok_node_label(graph, node).text,
        (long long)builder->opset, OLDEST_OPSET);
  }
  return BLOK_OK;
}

static blok_status finish_module(blok_builder *builder, blok_error *error) {
  blok_module *module = builder->module;
  if (module->graph->n_outputs == 0) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "%s: the model has no output: name one by blok_build_output",
                     blok_quote(builder->name).text);
  }
  if (builder->opset >= OLDEST_OPSET) {
    BLOK_TRY(blok_downgrade(module, builder->facts, builder->opset, error));
  } else {
    BLOK_TRY(check_nothing_new(builder, error));
  }
  BLOK_TRY(blok_graph_renumber(module->graph, error));
  return blok_graph_verify(module->graph, false, error);
}

blok_status blok_builder_take(blok_builder *builder, blok_module **out, blok_error *error) {
  blok_module *kept = NULL;
  *out = NULL;
  BLOK_TRY(blok_builder_try_begin(builder, &kept, error));
  const blok_status status = finish_module(builder, error);
  if (status != BLOK_OK) return blok_builder_try_end(builder, &kept, status, error);
  *out = builder->module;
  builder->module = NULL;
  return BLOK_OK;
}

void blok_builder_taken(blok_builder **builder, blok_status status) {
  blok_module *kept = NULL;
  if (status == BLOK_OK) {
    blok_builder_free(builder);
  } else {
    (void)blok_builder_try_end(*builder, &kept, status, NULL);
  }
}
