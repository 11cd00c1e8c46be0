// The inputs declared anew: another shape, another batch, an open one.
#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "blocks/edit/edit.h"
#include "blocks/edit/trial.h"

typedef struct reshaping {
  blok_editing *editing;
  uint8_t *batched;  // by place in the graph's inputs: its first axis changed
  int64_t old;       // what the first axis was, 0: it was open, or did not change
} reshaping;

// ---- Axes ---------------------------------------------------------------------------------------

static blok_status check_axis(const blok_editing *editing, const char *input, uint32_t axis,
                              const blok_axis *given) {
  if (given->value >= 1 || given->value == -1) return BLOK_OK;
  return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                   "input '%s': axis %u cannot be %lld: a size is 1 at least, -1 leaves it open",
                   blok_quote(input).text, axis, (long long)given->value);
}

static blok_status fill_type(const blok_editing *editing, const blok_type *old, uint32_t rank,
                             const blok_axis *axes, blok_type **out) {
  blok_arena *arena = &editing->builder->module->arena;
  blok_type *type = blok_type_copy(arena, old, true);
  blok_dim *dims = blok_arena_array(arena, rank, sizeof *dims);
  *out = type;
  if (!type || !dims) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < rank; i++) {
    const bool named = axes[i].value < 0 && axes[i].symbol && *axes[i].symbol;
    dims[i].value = axes[i].value;
    dims[i].symbol = named ? blok_arena_text(arena, axes[i].symbol) : NULL;
    if (named && !dims[i].symbol) return blok_fail_memory(editing->error, 0);
  }
  type->has_shape = true;
  type->rank = rank;
  type->dims = dims;
  type->dim_notes = NULL;
  return BLOK_OK;
}

// The input at this place gets a new shape.
static blok_status declare(reshaping *self, uint32_t place, uint32_t rank, const blok_axis *axes) {
  blok_editing *editing = self->editing;
  blok_graph *graph = editing->graph;
  blok_value_entry *entry = &graph->inputs[place];
  blok_value *value = blok_value_at(graph, entry->value);
  const blok_type *old = entry->type;
  blok_type *type = NULL;
  if (!old || old->kind != BLOK_TYPE_TENSOR) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "input '%s' is no tensor and has no shape",
                     blok_quote(value->name).text);
  }
  if (rank > BLOK_MAX_RANK) {
    return BLOK_FAIL(editing->error, BLOK_E_LIMIT, "input '%s': rank %u, at most %d is supported",
                     blok_quote(value->name).text, rank, BLOK_MAX_RANK);
  }
  for (uint32_t i = 0; i < rank; i++) BLOK_TRY(check_axis(editing, value->name, i, &axes[i]));
  BLOK_TRY(fill_type(editing, old, rank, axes, &type));
  const blok_dim before = old->has_shape && old->rank ? old->dims[0] : blok_dim_unknown();
  if (rank && blok_dim_known(before) && before.value > 0 && before.value != axes[0].value) {
    self->batched[place] = 1;
    if (self->old && self->old != before.value) {
      return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                       "input '%s' has a batch of %lld and another input one of %lld: change them "
                       "one by one",
                       blok_quote(value->name).text, (long long)before.value, (long long)self->old);
    }
    self->old = before.value;
  }
  entry->type = type;
  value->type = type;
  return BLOK_OK;
}

// ---- The edits ----------------------------------------------------------------------------------

static blok_status begin(reshaping *self) {
  blok_editing *editing = self->editing;
  self->batched = blok_arena_array(&editing->scratch, editing->graph->n_inputs + 1, 1);
  if (!self->batched) return blok_fail_memory(editing->error, 0);
  return blok_editing_forget_types(editing, true);
}

static blok_status settle(reshaping *self) {
  blok_editing *editing = self->editing;
  blok_trial trial = {editing, self->batched, self->old};
  if (self->old) BLOK_TRY(blok_trial_run(&trial));
  return blok_editing_declare_outputs(editing);
}

static blok_status edit_input(reshaping *self, const char *name, uint32_t rank,
                              const blok_axis *axes) {
  blok_editing *editing = self->editing;
  const blok_graph *graph = editing->graph;
  if (!name || (rank && !axes)) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "blok_edit_input: %s is NULL",
                     name ? "axes" : "name");
  }
  BLOK_TRY(begin(self));
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const blok_value *value = blok_value_at(graph, graph->inputs[i].value);
    if (value->literal || strcmp(value->name, name) != 0) continue;
    BLOK_TRY(declare(self, i, rank, axes));
    return settle(self);
  }
  const char **names = blok_arena_array(&editing->scratch, graph->n_inputs + 1, sizeof *names);
  uint32_t n = 0;
  if (!names) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const blok_value *value = blok_value_at(graph, graph->inputs[i].value);
    if (!value->literal) names[n++] = value->name;
  }
  return BLOK_FAIL(editing->error, BLOK_E_NOT_FOUND, "there is no input '%s'%s",
                   blok_quote(name).text, blok_names_near(name, names, n).text);
}

blok_status blok_edit_input(blok_builder *builder, const char *name, uint32_t rank,
                            const blok_axis *axes, blok_error *error) {
  blok_editing editing;
  reshaping self = {.editing = &editing};
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = edit_input(&self, name, rank, axes);
  return blok_editing_end(&editing, status);
}

static blok_status edit_batch(reshaping *self, int64_t size, const char *symbol) {
  blok_editing *editing = self->editing;
  const blok_graph *graph = editing->graph;
  uint32_t changed = 0;
  if (size < 0) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                     "a batch of %lld: 1 is the least, 0 leaves it open", (long long)size);
  }
  BLOK_TRY(begin(self));
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const blok_type *type = graph->inputs[i].type;
    blok_axis axes[BLOK_MAX_RANK];
    if (blok_value_at(graph, graph->inputs[i].value)->literal) continue;
    if (!type || type->kind != BLOK_TYPE_TENSOR || !type->has_shape || type->rank == 0 ||
        type->rank > BLOK_MAX_RANK) {
      continue;
    }
    for (uint32_t a = 0; a < type->rank; a++) {
      axes[a] = (blok_axis){type->dims[a].value, type->dims[a].symbol};
    }
    axes[0] = (blok_axis){size ? size : -1, size ? NULL : symbol && *symbol ? symbol : "N"};
    BLOK_TRY(declare(self, i, type->rank, axes));
    changed++;
  }
  if (changed) return settle(self);
  return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "no input has a first axis");
}

blok_status blok_edit_batch(blok_builder *builder, int64_t size, const char *symbol,
                            blok_error *error) {
  blok_editing editing;
  reshaping self = {.editing = &editing};
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = edit_batch(&self, size, symbol);
  return blok_editing_end(&editing, status);
}
