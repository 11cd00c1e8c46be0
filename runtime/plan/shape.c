// Shaping: facts for these inputs, regions into steps, buffers into one arena. See shaped.h.
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "runtime/plan/lowering.h"
#include "runtime/plan/place.h"

// ---- Inputs -------------------------------------------------------------------------------------

static blok_status add_input(blok_lowering *lowering, blok_value_id value, blok_error *error) {
  blok_buffer like = {.kind = BLOK_BUFFER_INPUT, .layout = BLOK_PLAIN, .value = value};
  if (!blok_lower_shape(lowering, value, &like.shape)) like.shape.rank = BLOK_RANK_OPEN;
  like.bytes = like.shape.bytes;
  return blok_buffer_add(lowering, &like, &lowering->forms[value.i].plain, error);
}

static blok_status add_inputs(blok_lowering *lowering, blok_error *error) {
  const blok_graph *graph = lowering->graph;
  for (uint32_t v = 1; v < graph->n_values; v++) {
    const blok_value *value = &graph->values[v];
    if (value->dead || value->literal || !(value->is_input || value->is_capture)) continue;
    BLOK_TRY(add_input(lowering, (blok_value_id){v}, error));
  }
  return BLOK_OK;
}

// ---- Places -------------------------------------------------------------------------------------

static int by_first(const void *left, const void *right) {
  const blok_placement *a = left, *b = right;
  if (a->first != b->first) return a->first < b->first ? -1 : 1;
  return a->last < b->last ? 1 : a->last > b->last ? -1 : 0;
}

// Outputs stand until the end, and a flag on a buffer holds for every view of it.
static void settle(blok_lowering *lowering) {
  blok_shaped *shaped = lowering->shaped;
  const blok_graph *graph = lowering->graph;
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    const blok_buffer_id id = shaped->plain[graph->outputs[i].value.i];
    if (id) blok_buffer_at(lowering, blok_lower_root(lowering, id))->last = shaped->n_steps;
  }
  for (uint32_t b = 1; b < shaped->n_buffers; b++) {
    blok_buffer *buffer = &shaped->buffers[b];
    if (buffer->kind != BLOK_BUFFER_VIEW) continue;
    buffer->zero_pixel = shaped->buffers[buffer->root].zero_pixel;
  }
}

static blok_status fail_limit(blok_error *error, size_t bytes, const blok_limits *limits) {
  return BLOK_FAIL(error, BLOK_E_LIMIT,
                   "values need %zu bytes, more than the limit of %llu bytes a session (run_bytes)",
                   bytes, (unsigned long long)limits->run_bytes);
}

// items and ids of one length: the placement of a buffer finds its way back by its place.
typedef struct placed {
  blok_placement item;
  blok_buffer_id id;
} placed;

static blok_status place(blok_lowering *lowering, blok_error *error) {
  blok_shaped *shaped = lowering->shaped;
  const blok_allocator *allocator = &shaped->allocator;
  blok_status status = BLOK_OK;
  uint32_t n = 0;
  placed *all = blok_alloc_array(allocator, shaped->n_buffers, sizeof *all);
  blok_placement *items = blok_alloc_array(allocator, shaped->n_buffers, sizeof *items);
  if (!all || !items) {
    status = blok_fail_memory(error, 0);
    goto done;
  }
  for (uint32_t b = 1; b < shaped->n_buffers; b++) {
    const blok_buffer *buffer = &shaped->buffers[b];
    if (buffer->kind != BLOK_BUFFER_ARENA || buffer->first == UINT32_MAX) continue;
    all[n++] = (placed){{buffer->first, buffer->last, buffer->bytes, 0}, b};
  }
  qsort(all, n, sizeof *all, by_first);
  for (uint32_t i = 0; i < n; i++) items[i] = all[i].item;
  if (!blok_place(items, n, allocator, &shaped->arena_bytes)) {
    status = blok_fail_memory(error, shaped->arena_bytes);
    goto done;
  }
  for (uint32_t i = 0; i < n; i++) shaped->buffers[all[i].id].at = items[i].offset;
  if (shaped->arena_bytes > lowering->options->limits->run_bytes) {
    status = fail_limit(error, shaped->arena_bytes, lowering->options->limits);
  }
done:
  blok_free(allocator, items);
  blok_free(allocator, all);
  return status;
}

// ---- All of it ----------------------------------------------------------------------------------

static blok_status lower_all(blok_lowering *lowering, blok_error *error) {
  blok_shaped *shaped = lowering->shaped;
  const blok_buffer none = {.kind = 0};
  blok_buffer_id id;
  BLOK_TRY(blok_buffer_add(lowering, &none, &id, error));
  BLOK_TRY(add_inputs(lowering, error));
  blok_lower_wishes(lowering);
  for (uint32_t r = 0; r < lowering->plan->n_regions; r++) {
    BLOK_TRY(blok_lower_region(lowering, r, error));
  }
  // Outputs that no region makes: an input or a constant that the graph hands through.
  for (uint32_t i = 0; i < lowering->graph->n_outputs; i++) {
    BLOK_TRY(blok_lower_plain(lowering, lowering->graph->outputs[i].value, &id, error));
  }
  for (uint32_t v = 1; v < lowering->graph->n_values; v++) {
    shaped->plain[v] = lowering->forms[v].plain;
  }
  settle(lowering);
  return place(lowering, error);
}

static blok_status facts_of(const blok_plan *plan, const blok_shaped_options *options,
                            const blok_allocator *allocator, blok_facts **out, blok_error *error) {
  if (options->open) return blok_facts_unknown(plan->graph, allocator, out, error);
  const blok_facts_options given = {.inputs = options->inputs,
                                    .captures = options->captures,
                                    .limits = *options->limits,
                                    .inferred_only = true};
  return blok_facts_compute(plan->graph, &given, allocator, out, error);
}

blok_status blok_shaped_new(const blok_plan *plan, const blok_shaped_options *options,
                            const blok_allocator *allocator, blok_shaped **out, blok_error *error) {
  blok_status status = BLOK_OK;
  blok_facts *facts = NULL;
  blok_arena work;
  *out = NULL;
  blok_shaped *shaped = blok_alloc_zero(allocator, sizeof *shaped);
  if (!shaped) return blok_fail_memory(error, sizeof *shaped);
  shaped->plan = plan;
  shaped->allocator = *allocator;
  shaped->store = options->store;
  blok_arena_init(&shaped->arena, allocator);
  blok_arena_init(&work, allocator);
  blok_lowering lowering = {.plan = plan,
                            .graph = plan->graph,
                            .isa = plan->options.isa,
                            .options = options,
                            .shaped = shaped};
  blok_arena_init(&lowering.scratch, allocator);
  BLOK_TRY_TO(done, facts_of(plan, options, allocator, &facts, error));
  lowering.facts = facts;
  lowering.forms = blok_arena_array(&work, plan->graph->n_values, sizeof *lowering.forms);
  shaped->plain = blok_arena_array(&shaped->arena, plan->graph->n_values, sizeof *shaped->plain);
  if (!lowering.forms || !shaped->plain) {
    status = blok_fail_memory(error, 0);
    goto done;
  }
  BLOK_TRY_TO(done, lower_all(&lowering, error));
done:
  blok_arena_free(&lowering.scratch);
  blok_arena_free(&work);
  blok_facts_free(&facts);
  if (status != BLOK_OK) blok_shaped_free(&shaped);
  *out = shaped;
  return status;
}

void blok_shaped_free(blok_shaped **pointer) {
  blok_shaped *shaped = *pointer;
  if (!shaped) return;
  *pointer = NULL;
  for (uint32_t s = 0; s < shaped->n_steps; s++) {
    for (uint32_t b = 0; b < shaped->steps[s].n_bodies; b++) {
      blok_shaped_free(&shaped->steps[s].bodies[b].shaped);
    }
  }
  for (uint32_t p = 0; p < shaped->n_packs; p++) blok_pack_release(shaped->store, shaped->packs[p]);
  const blok_allocator allocator = shaped->allocator;
  blok_arena_free(&shaped->arena);
  blok_free(&allocator, shaped);
}
