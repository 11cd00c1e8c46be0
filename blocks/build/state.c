// What a builder knows of its module (names, weights, facts, blocks): taken anew after a change of
// any kind, put aside while a change is tried.
#include <string.h>

#include "base/error.h"
#include "blocks/build/build.h"
#include "passes/driver.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

// ---- Names and weights --------------------------------------------------------------------------

static bool take_name(blok_names *names, const char *name, uint32_t value) {
  return !name || blok_names_put(names, name, value);
}

// Those of a subgraph too: what stands inside must not go by a name of what stands outside.
static blok_status take_inner(blok_graph *graph, void *context, blok_error *error) {
  blok_builder *builder = context;
  if (graph == builder->graph) return BLOK_OK;
  for (uint32_t i = 1; i < graph->n_values; i++) {
    const blok_value *value = &graph->values[i];
    if (!value->dead && !take_name(&builder->taken, value->name, 0)) {
      return blok_fail_memory(error, 0);
    }
  }
  return BLOK_OK;
}

blok_status blok_builder_take_names(blok_builder *builder, blok_error *error) {
  blok_graph *graph = builder->graph;
  BLOK_TRY(blok_each_graph(graph, take_inner, builder, error));
  for (uint32_t i = 1; i < graph->n_nodes; i++) {
    const blok_node *node = &graph->nodes[i];
    if (!node->dead && !take_name(&builder->taken, node->name, 0)) {
      return blok_fail_memory(error, 0);
    }
  }
  for (uint32_t i = 1; i < graph->n_values; i++) {
    const blok_value *value = &graph->values[i];
    if (!value->dead && !take_name(&builder->taken, value->name, i)) {
      return blok_fail_memory(error, 0);
    }
  }
  return BLOK_OK;
}

// True for an input slot that says how rather than what: a range, a size, a share.
static bool steering(const blok_node *node, uint32_t slot) {
  static const char *const ops[] = {"Clip", "Dropout", "Pad", "Resize", "Upsample"};
  if (slot == 0 || *blok_node_domain(node)) return false;
  for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
    if (strcmp(node->op_type, ops[i]) == 0) return true;
  }
  return false;
}

static bool is_float(blok_dtype dtype) {
  return dtype == BLOK_F32 || dtype == BLOK_F64 || dtype == BLOK_F16 || dtype == BLOK_BF16;
}

// The initializers of floats with an axis or more, unless all that reads them is steered by them.
static blok_status take_weights(blok_builder *builder, blok_error *error) {
  const blok_graph *graph = builder->graph;
  enum { STEERS = 1, TELLS = 2 };
  blok_status status = BLOK_OK;
  uint8_t *reads = blok_alloc_array(&builder->allocator, graph->n_values, sizeof *reads);
  if (!reads) return blok_fail_memory(error, graph->n_values);
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    for (uint32_t s = 0; s < node->n_inputs; s++) {
      reads[node->inputs[s].i] |= steering(node, s) ? STEERS : TELLS;
    }
  }
  for (uint32_t i = 0; i < graph->n_initializers && status == BLOK_OK; i++) {
    const blok_value_id id = graph->initializers[i];
    const blok_literal *literal = blok_value_at(graph, id)->literal;
    if (!literal || literal->rank == 0 || !is_float(literal->dtype) || reads[id.i] == STEERS) {
      continue;
    }
    if (!blok_grow(&builder->allocator, &builder->weights, &builder->cap_weights,
                   builder->n_weights, sizeof *builder->weights)) {
      status = blok_fail_memory(error, 0);
      break;
    }
    builder->weights[builder->n_weights++] = id;
  }
  blok_free(&builder->allocator, reads);
  return status;
}

// ---- Facts --------------------------------------------------------------------------------------

blok_status blok_builder_learn_copy(blok_builder *builder, blok_value_id value,
                                    const blok_fact *from, blok_error *error) {
  blok_arena *arena = &builder->facts->arena;
  blok_fact fact = {.kind = from->kind, .dtype = from->dtype, .rank = from->rank};
  if (from->kind != BLOK_TYPE_TENSOR) return BLOK_OK;
  if (from->rank > 0) {
    blok_dim *dims = blok_arena_copy(arena, from->dims, (size_t)from->rank * sizeof *dims);
    if (!dims) return blok_fail_memory(error, 0);
    for (int32_t i = 0; i < from->rank; i++) {
      if (!dims[i].symbol) continue;
      dims[i].symbol = blok_arena_text(arena, dims[i].symbol);
      if (!dims[i].symbol) return blok_fail_memory(error, 0);
    }
    fact.dims = dims;
  }
  return blok_builder_learn(builder, value, &fact, error);
}

// What inputs and constants say; nothing for those that contradict themselves.
static blok_status begin_facts(blok_builder *builder, blok_error *error) {
  blok_error reason = BLOK_ERROR_INIT;
  const blok_status status = blok_facts_begin(builder->graph, &builder->facts_options,
                                              &builder->allocator, &builder->facts, &reason);
  if (status == BLOK_OK) return BLOK_OK;
  if (status == BLOK_E_MEMORY) return blok_fail(error, status, "%s", reason.message);
  return blok_facts_unknown(builder->graph, &builder->allocator, &builder->facts, error);
}

// Values of the working graph that go by the name of one of the module's.
static blok_status learn_from_view(blok_builder *builder, blok_error *error) {
  const blok_build_view *view = NULL;
  blok_error reason = BLOK_ERROR_INIT;
  const blok_status status = blok_builder_look(builder, &view, &reason);
  if (status == BLOK_E_MEMORY) return blok_fail(error, status, "%s", reason.message);
  if (status != BLOK_OK) return BLOK_OK;
  const blok_graph *working = view->working->graph;
  for (uint32_t i = 1; i < working->n_values; i++) {
    const blok_value *value = &working->values[i];
    blok_value_id own = BLOK_NO_VALUE;
    if (value->dead || !blok_names_find(&builder->taken, value->name, &own.i) || !own.i) continue;
    if (blok_builder_fact(builder, own)->kind != BLOK_TYPE_NONE) continue;
    BLOK_TRY(blok_builder_learn_copy(builder, own, blok_facts_of(view->facts, (blok_value_id){i}),
                                     error));
  }
  return BLOK_OK;
}

// ---- All of it ----------------------------------------------------------------------------------

void blok_builder_drop_view(blok_builder *builder) {
  blok_overlay_free(&builder->view.overlay);
  blok_facts_free(&builder->view.facts);
  blok_module_free(&builder->view.working);
}

void blok_builder_drop_state(blok_builder *builder) {
  blok_facts_free(&builder->facts);
  blok_names_free(&builder->taken);
  blok_free(&builder->allocator, builder->weights);
  builder->weights = NULL;
  builder->n_weights = builder->cap_weights = 0;
}

static blok_status take_state(blok_builder *builder, blok_error *error) {
  builder->graph = builder->module->graph;
  for (uint32_t i = 0; i < builder->cap_was; i++) builder->was[i] = NULL;
  BLOK_TRY(blok_builder_take_names(builder, error));
  BLOK_TRY(take_weights(builder, error));
  return begin_facts(builder, error);
}

// What is built is inferred node by node. An imported node may be in an older form: its working
// graph tells first.
static blok_status learn_all(blok_builder *builder, blok_error *error) {
  bool whole = false;
  if (!builder->from_model) BLOK_TRY(blok_builder_learn_nodes(builder, &whole, error));
  if (whole) return BLOK_OK;
  BLOK_TRY(learn_from_view(builder, error));
  return blok_builder_learn_nodes(builder, &whole, error);
}

blok_status blok_builder_changed(blok_builder *builder, blok_error *error) {
  blok_builder_drop_view(builder);
  blok_builder_drop_state(builder);
  BLOK_TRY(take_state(builder, error));
  return builder->graph->n_order ? learn_all(builder, error) : BLOK_OK;
}

blok_status blok_builder_look(blok_builder *builder, const blok_build_view **out,
                              blok_error *error) {
  blok_build_view *view = &builder->view;
  const blok_pass_options options = {.limits = builder->limits};
  blok_status status = BLOK_OK;
  *out = NULL;
  if (!view->overlay) {
    blok_builder_drop_view(builder);
    BLOK_TRY_TO(fail, blok_working_graph(builder->module, &options, &view->working, error));
    BLOK_TRY_TO(fail, blok_facts_compute(view->working->graph, &builder->facts_options,
                                         &builder->allocator, &view->facts, error));
    BLOK_TRY_TO(fail, blok_blocks_match(view->working->graph, view->facts, &builder->allocator,
                                        &view->overlay, error));
  }
  *out = view;
  return BLOK_OK;
fail:
  blok_builder_drop_view(builder);
  return status;
}

// ---- Trying -------------------------------------------------------------------------------------

// What the builder has of one module.
typedef struct blok_build_saved {
  struct blok_build_saved *next;
  blok_module *module;
  blok_names taken;
  blok_facts *facts;
  uint32_t n_weights, cap_weights;
  blok_value_id *weights;
} blok_build_saved;

static void put_aside(blok_builder *builder, blok_build_saved *saved) {
  saved->module = builder->module;
  saved->taken = builder->taken;
  saved->facts = builder->facts;
  saved->n_weights = builder->n_weights;
  saved->cap_weights = builder->cap_weights;
  saved->weights = builder->weights;
  saved->next = builder->saved;
  builder->saved = saved;
  builder->module = NULL;
  builder->facts = NULL;
  blok_names_init(&builder->taken, &builder->allocator);
  builder->weights = NULL;
  builder->n_weights = builder->cap_weights = 0;
}

// Puts the newest of what was put aside in the place of what there is.
static void put_back(blok_builder *builder) {
  blok_build_saved *saved = builder->saved;
  blok_builder_drop_state(builder);
  blok_module_free(&builder->module);
  builder->module = saved->module;
  builder->graph = saved->module->graph;
  builder->taken = saved->taken;
  builder->facts = saved->facts;
  builder->n_weights = saved->n_weights;
  builder->cap_weights = saved->cap_weights;
  builder->weights = saved->weights;
  for (uint32_t i = 0; i < builder->cap_was; i++) builder->was[i] = NULL;
  builder->saved = saved->next;
  blok_free(&builder->allocator, saved);
}

void blok_builder_throw_away(blok_builder *builder) {
  blok_build_saved *saved = builder->saved;
  builder->saved = saved->next;
  blok_facts_free(&saved->facts);
  blok_names_free(&saved->taken);
  blok_module_free(&saved->module);
  blok_free(&builder->allocator, saved->weights);
  blok_free(&builder->allocator, saved);
}

blok_status blok_builder_try_begin(blok_builder *builder, blok_module **kept, blok_error *error) {
  blok_module *copy = NULL;
  *kept = NULL;
  blok_build_saved *saved = blok_alloc_zero(&builder->allocator, sizeof *saved);
  if (!saved) return blok_fail_memory(error, sizeof *saved);
  const blok_status status = blok_module_copy(builder->module, &copy, error);
  if (status != BLOK_OK) {
    blok_free(&builder->allocator, saved);
    return status;
  }
  put_aside(builder, saved);
  builder->module = copy;
  blok_status state = take_state(builder, error);
  for (uint32_t i = 1; i < builder->graph->n_values && state == BLOK_OK; i++) {
    const blok_value_id value = {i};
    if (blok_builder_fact(builder, value)->kind != BLOK_TYPE_NONE) continue;
    state = blok_builder_learn_copy(builder, value, blok_facts_of(saved->facts, value), error);
  }
  if (state == BLOK_OK) {
    *kept = saved->module;
    return BLOK_OK;
  }
  put_back(builder);
  return state;
}

blok_status blok_builder_try_end(blok_builder *builder, blok_module **kept, blok_status status,
                                 blok_error *error) {
  *kept = NULL;
  blok_builder_drop_view(builder);
  if (status == BLOK_OK && builder->module) status = blok_builder_changed(builder, error);
  if (status == BLOK_OK) {
    blok_builder_throw_away(builder);
  } else {
    put_back(builder);
  }
  return status;
}
