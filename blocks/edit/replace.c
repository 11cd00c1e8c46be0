// Blocks of the source graph written anew: found by the names of the values between which they
// stand, taken out as far as nothing else needs their nodes, and written from their records.
#include <string.h>

#include "base/error.h"
#include "blocks/edit/edit.h"
#include "passes/rewrite.h"

typedef struct replacing {
  blok_editing *editing;
  const blok_graph *working;
  uint32_t n_values;      // of values: those of working, then the fresh weights
  blok_value_id *values;  // the source graph's value for it, none yet or none at all
  uint32_t n_roots, cap_roots;
  blok_value_id *roots;  // what must outlive the old nodes
} replacing;

static blok_status keep(replacing *self, blok_value_id value) {
  if (!blok_arena_grow(&self->editing->scratch, &self->roots, &self->cap_roots, self->n_roots,
                       sizeof *self->roots)) {
    return blok_fail_memory(self->editing->error, 0);
  }
  self->roots[self->n_roots++] = value;
  return BLOK_OK;
}

// ---- Where a block stands -----------------------------------------------------------------------

static blok_status find_boundary(replacing *self, const blok_block_record *record,
                                 blok_value_id working, const char *what) {
  blok_editing *editing = self->editing;
  if (!working.i || self->values[working.i].i) return BLOK_OK;
  const char *name = blok_value_at(self->working, working)->name;
  const blok_value_id value = blok_editing_value(editing, name);
  if (!value.i) {
    return BLOK_FAIL(editing->error, BLOK_E_UNSUPPORTED,
                     "block '%s' cannot be written anew: it %s at '%s', which stands for no value "
                     "of the file (a layout or a function lies between)",
                     blok_quote(record->name).text, what, blok_quote(name).text);
  }
  self->values[working.i] = value;
  return keep(self, value);
}

static bool same_bytes(const blok_literal *a, const blok_literal *b) {
  return a->storage == b->storage && a->dtype == b->dtype && a->rank == b->rank &&
         a->encoding == b->encoding && a->storage &&
         memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

// The source graph's own constant for a weight, where it has the weight as it is.
static blok_status find_weight(replacing *self, blok_value_id weight) {
  if (!weight.i || weight.i >= self->working->n_values || self->values[weight.i].i) return BLOK_OK;
  const blok_value *value = blok_value_at(self->working, weight);
  const blok_value_id own = blok_editing_value(self->editing, value->name);
  if (!own.i || !value->literal) return BLOK_OK;
  const blok_literal *literal = blok_editing_literal(self->editing->graph, own, NULL);
  if (!literal || !same_bytes(literal, value->literal)) return BLOK_OK;
  self->values[weight.i] = own;
  return keep(self, own);
}

// The weights of a record as one list of handles.
static const blok_value_id *weights_of(const blok_block_record *record, size_t *n) {
  const size_t size = sizeof(blok_value_id);
  if (record->residual_weights) {
    *n = sizeof *record->residual_weights / size;
    return (const blok_value_id *)(const void *)record->residual_weights;
  }
  const size_t many = record->kind == BLOK_SQUEEZE_EXCITE ? 2 : record->weights ? 1 : 0;
  *n = many * sizeof *record->weights / size;
  return (const blok_value_id *)(const void *)record->weights;
}

static blok_status find_block(replacing *self, const blok_block_record *record) {
  size_t n = 0;
  BLOK_TRY(find_boundary(self, record, record->entry, "begins"));
  BLOK_TRY(find_boundary(self, record, record->exit, "ends"));
  BLOK_TRY(find_boundary(self, record, record->skip_entry, "takes its skip path"));
  if (record->kind == BLOK_RESIDUAL_OTHER) {
    BLOK_TRY(find_boundary(self, record, record->region_out, "has F(x)"));
  }
  const blok_value_id *weights = weights_of(record, &n);
  for (size_t i = 0; i < n; i++) BLOK_TRY(find_weight(self, weights[i]));
  return BLOK_OK;
}

// ---- Weights ------------------------------------------------------------------------------------

// A weight that was folded, or stands in a function: an initializer over the same bytes.
static blok_status share_weight(replacing *self, blok_value_id weight) {
  blok_editing *editing = self->editing;
  if (!weight.i || self->values[weight.i].i) return BLOK_OK;
  const blok_value *value = blok_value_at(self->working, weight);
  const char *name = NULL;
  blok_value_id made = BLOK_NO_VALUE;
  if (!value->literal) {
    return BLOK_FAIL(editing->error, BLOK_E_INTERNAL, "'%s' is a weight of a block and no constant",
                     blok_quote(value->name).text);
  }
  BLOK_TRY(blok_editing_fresh(editing, value->name, &name));
  BLOK_TRY(blok_graph_add_value(editing->graph, name, &made, editing->error));
  self->values[weight.i] = made;
  const blok_literal *literal = value->literal;
  BLOK_TRY(blok_rewrite_share(editing->graph, made, literal, literal->rank, literal->dims,
                              editing->error));
  // Texts lie in the view, which goes when the edit ends.
  blok_literal *own = blok_value_at(editing->graph, made)->literal;
  own->n_external = 0;
  own->external = NULL;
  own->notes = NULL;
  if (!own->location) return BLOK_OK;
  own->location = blok_arena_text(&editing->builder->module->arena, own->location);
  return own->location ? BLOK_OK : blok_fail_memory(editing->error, 0);
}

static blok_status draw_weight(replacing *self, const blok_fresh_weight *fresh, blok_dtype dtype) {
  blok_editing *editing = self->editing;
  const blok_block_weight *weight = &fresh->weight;
  blok_value_id made = BLOK_NO_VALUE;
  BLOK_TRY(blok_editing_draw(editing, fresh->name, dtype, weight->rank, weight->dims, weight->draw,
                             weight->bound, &made));
  self->values[weight->at->i] = made;
  return BLOK_OK;
}

// ---- Writing ------------------------------------------------------------------------------------

// The block's name as a module path: inside another block a component of its own
// ("stage1.0/se"), so that both keep their names.
static const char *scope_of(const replacing *self, const blok_block_record *record) {
  const blok_overlay *overlay = self->editing->view.overlay;
  const size_t length = strlen(record->name);
  char *scope = blok_arena_copy(&self->editing->builder->module->arena, record->name, length + 1);
  for (int32_t p = record->parent; scope && p >= 0; p = overlay->blocks[p].parent) {
    const char *name = overlay->blocks[p].name;
    const size_t n = strlen(name);
    if (n < length && strncmp(name, record->name, n) == 0 && scope[n] == '.') scope[n] = '/';
  }
  return scope;
}

static blok_status write_block(replacing *self, const blok_replacement *replacement) {
  blok_editing *editing = self->editing;
  const blok_block_record *record = replacement->record;
  const blok_dtype known = editing->view.facts->of[record->exit.i].dtype;
  const blok_dtype dtype = known ? known : BLOK_F32;
  const uint32_t first = editing->graph->n_order;
  size_t n = 0;
  blok_writer writer = {.graph = editing->graph,
                        .values = self->values,
                        .taken = &editing->builder->taken,
                        .dtype = dtype,
                        .error = editing->error};
  writer.scope = scope_of(self, record);
  if (!writer.scope) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < replacement->n_fresh; i++) {
    BLOK_TRY(draw_weight(self, &replacement->fresh[i], dtype));
  }
  const blok_value_id *weights = weights_of(record, &n);
  for (size_t i = 0; i < n; i++) BLOK_TRY(share_weight(self, weights[i]));
  BLOK_TRY(blok_write_block(&writer, record));
  blok_editing_newest(editing, first);
  return BLOK_OK;
}

static blok_status prepare(replacing *self, uint32_t n, const blok_replacement *replacements) {
  blok_editing *editing = self->editing;
  self->working = editing->view.working->graph;
  self->n_values = self->working->n_values;
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t f = 0; f < replacements[i].n_fresh; f++) {
      replacements[i].fresh[f].weight.at->i = self->n_values++;
    }
  }
  self->values = blok_arena_array(&editing->scratch, self->n_values, sizeof *self->values);
  return self->values ? BLOK_OK : blok_fail_memory(editing->error, 0);
}

blok_status blok_editing_replace(blok_editing *editing, uint32_t n,
                                 const blok_replacement *replacements) {
  replacing self = {.editing = editing};
  BLOK_TRY(prepare(&self, n, replacements));
  for (uint32_t i = 0; i < n; i++) BLOK_TRY(find_block(&self, replacements[i].record));
  for (uint32_t i = 0; i < n; i++) {
    BLOK_TRY(blok_editing_detach(editing, self.values[replacements[i].record->exit.i]));
  }
  BLOK_TRY(blok_editing_sweep(editing, self.roots, self.n_roots));
  for (uint32_t i = 0; i < n; i++) BLOK_TRY(write_block(&self, &replacements[i]));
  return BLOK_OK;
}
