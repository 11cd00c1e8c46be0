// What a block's function consists of: its nodes, with the blocks inside as calls, in the order in
// which the exit's making meets them, and the values that they read from outside. Neither depends
// on names or on the order of the file, so that equal blocks come out equal.
#include <string.h>

#include "base/error.h"
#include "blocks/functions_parts.h"

// ---- Items --------------------------------------------------------------------------------------

blok_node_id blok_calls_maker(const blok_calls *self, int32_t block, blok_value_id value,
                              blok_call_item *item) {
  const blok_node_id producer = blok_value_producer(self->graph, value);
  int32_t at = producer.i ? self->inner[producer.i] : -1;
  if (at == block) {
    *item = (blok_call_item){producer, -1};
    return producer;
  }
  while (at >= 0 && self->blocks[at].above != block) at = self->blocks[at].above;
  if (at < 0) return BLOK_NO_NODE;
  *item = (blok_call_item){BLOK_NO_NODE, at};
  return blok_value_producer(self->graph, self->blocks[at].exit);
}

uint32_t blok_calls_reads(const blok_calls *self, const blok_call_item *item) {
  return item->block >= 0 ? self->blocks[item->block].n_outer
                          : blok_node_at(self->graph, item->node)->n_inputs;
}

blok_value_id blok_calls_read(const blok_calls *self, const blok_call_item *item, uint32_t place) {
  if (item->block < 0) return blok_node_at(self->graph, item->node)->inputs[place];
  const blok_call_block *called = &self->blocks[item->block];
  return self->forms[called->form].inside[place] ? BLOK_NO_VALUE : called->outer[place];
}

// Producers before readers: depth first from the exit, over the inputs by place. The stack holds
// indices of items in the order of their finding, and how many of their inputs have been followed.
static blok_status list_items(blok_calls *self, int32_t index) {
  blok_call_block *block = &self->blocks[index];
  const uint32_t mark = (uint32_t)index + 1;
  blok_call_item *found = blok_arena_array(&self->scratch, block->n_nodes, sizeof *found);
  block->items = blok_arena_array(&self->scratch, block->n_nodes, sizeof *block->items);
  if (!found || !block->items) return blok_fail_memory(self->error, 0);
  uint32_t *at = self->stack, *followed = self->stack + self->graph->n_nodes;
  uint32_t n_found = 0, depth = 0;
  blok_node_id key = blok_calls_maker(self, index, block->exit, &found[n_found]);
  self->node_mark[key.i] = mark;
  followed[depth] = 0;
  at[depth++] = n_found++;
  while (depth > 0) {
    const blok_call_item item = found[at[depth - 1]];
    if (followed[depth - 1] == blok_calls_reads(self, &item)) {
      block->items[block->n_items++] = item;
      depth--;
      continue;
    }
    const blok_value_id value = blok_calls_read(self, &item, followed[depth - 1]++);
    if (!value.i) continue;
    blok_call_item maker;
    key = blok_calls_maker(self, index, value, &maker);
    if (!key.i || self->node_mark[key.i] == mark) continue;
    self->node_mark[key.i] = mark;
    found[n_found] = maker;
    followed[depth] = 0;
    at[depth++] = n_found++;
  }
  return BLOK_OK;
}

// ---- What it reads from outside -----------------------------------------------------------------

static blok_status list_outer(blok_calls *self, int32_t index) {
  blok_call_block *block = &self->blocks[index];
  const uint32_t mark = (uint32_t)index + 1;
  blok_call_item maker;
  uint32_t reads = 0, n = 0, first = UINT32_MAX;
  for (uint32_t i = 0; i < block->n_items; i++) reads += blok_calls_reads(self, &block->items[i]);
  block->outer = blok_arena_array(&self->scratch, reads, sizeof *block->outer);
  if (!block->outer) return blok_fail_memory(self->error, 0);
  for (uint32_t i = 0; i < block->n_items; i++) {
    for (uint32_t k = 0; k < blok_calls_reads(self, &block->items[i]); k++) {
      const blok_value_id value = blok_calls_read(self, &block->items[i], k);
      if (!value.i || self->value_mark[value.i] == mark) continue;
      if (blok_calls_maker(self, index, value, &maker).i) continue;
      self->value_mark[value.i] = mark;
      const bool entry = value.i == block->entry.i;
      if (entry || (first == UINT32_MAX && !self->constant[value.i])) first = n;
      block->outer[n++] = value;
    }
  }
  block->n_outer = n;
  if (first == UINT32_MAX || first == 0) return BLOK_OK;
  const blok_value_id entry = block->outer[first];
  memmove(block->outer + 1, block->outer, first * sizeof *block->outer);
  block->outer[0] = entry;
  return BLOK_OK;
}

// ---- Forms --------------------------------------------------------------------------------------

static blok_status new_form(blok_calls *self, int32_t index) {
  if (!blok_arena_grow(&self->scratch, &self->forms, &self->cap_forms, self->n_forms,
                       sizeof *self->forms)) {
    return blok_fail_memory(self->error, 0);
  }
  blok_call_form *form = &self->forms[self->n_forms];
  const blok_call_block *block = &self->blocks[index];
  *form = (blok_call_form){.first = index, .last = index, .n_outer = block->n_outer};
  form->inside = blok_arena_array(&self->scratch, block->n_outer, sizeof *form->inside);
  if (!form->inside) return blok_fail_memory(self->error, 0);
  self->n_forms++;
  return BLOK_OK;
}

// Finds the block's form by what its body says; a new one where nobody has said it yet.
static blok_status find_form(blok_calls *self, int32_t index, blok_names *bodies) {
  const char *signature = NULL;
  uint32_t form = self->n_forms;
  BLOK_TRY(blok_calls_signature(self, index, &signature));
  if (blok_names_find(bodies, signature, &form)) {
    self->blocks[self->forms[form].last].next = index;
    self->forms[form].last = index;
  } else {
    BLOK_TRY(new_form(self, index));
    if (!blok_names_put(bodies, signature, form)) return blok_fail_memory(self->error, 0);
  }
  self->blocks[index].form = form;
  return BLOK_OK;
}

// ---- Constants inside ---------------------------------------------------------------------------
// Axes, bounds, shapes: integers and single numbers. Weights stay outside, whatever their size.

enum { MOST_ELEMENTS = 64, MOST_BYTES = MOST_ELEMENTS * 16 };

static const blok_literal *small_constant(const blok_calls *self, blok_value_id id) {
  const blok_value *value = blok_value_at(self->graph, id);
  const blok_literal *literal = value->is_input ? NULL : value->literal;
  size_t count, bytes;
  if (value->producer.i) {
    const blok_node *node = blok_node_at(self->graph, value->producer);
    const blok_attr *attr = blok_calls_is_constant(node) ? blok_node_attr(node, "value") : NULL;
    if (attr && attr->type == BLOK_ATTR_TENSOR && attr->n) literal = attr->as.literal;
  }
  if (!literal || literal->dtype == BLOK_STRING || !blok_literal_count(literal, &count) ||
      !blok_dense_bytes(literal->dtype, count, &bytes) || bytes > MOST_BYTES) {
    return NULL;
  }
  const bool whole = literal->dtype == BLOK_I64 || literal->dtype == BLOK_I32;
  return (whole && count <= MOST_ELEMENTS) || literal->rank == 0 ? literal : NULL;
}

static blok_status same_literal(const blok_calls *self, const blok_literal *a,
                                const blok_literal *b, bool *same) {
  uint8_t left[MOST_BYTES] = {0}, right[MOST_BYTES] = {0};
  size_t count, bytes;
  *same = a->dtype == b->dtype && a->rank == b->rank &&
          (a->rank == 0 || memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0);
  if (!*same || a == b) return BLOK_OK;
  *same = blok_literal_count(a, &count) && blok_dense_bytes(a->dtype, count, &bytes) &&
          bytes <= MOST_BYTES;
  if (!*same) return BLOK_OK;
  const blok_allocator *allocator = &self->module->allocator;
  BLOK_TRY(blok_literal_read(a, allocator, left, bytes, self->error));
  BLOK_TRY(blok_literal_read(b, allocator, right, bytes, self->error));
  *same = memcmp(left, right, bytes) == 0;
  return BLOK_OK;
}

// What all calls hand over alike goes into the body.
static blok_status take_inside(blok_calls *self, blok_call_form *form) {
  for (uint32_t k = 0; k < form->n_outer; k++) {
    const blok_literal *first = NULL;
    bool same = true;
    for (int32_t b = form->first; b >= 0 && same; b = self->blocks[b].next) {
      const blok_literal *literal = small_constant(self, self->blocks[b].outer[k]);
      same = literal != NULL;
      if (!first) first = literal;
      if (same) BLOK_TRY(same_literal(self, first, literal, &same));
    }
    if (same) form->inside[k] = first;
  }
  return BLOK_OK;
}

// Where its call stands: at its first node, where all that it reads is there by then, else where
// its exit was made. So blocks stay in the order in which they began.
static void find_place(const blok_calls *self, blok_call_block *block) {
  const blok_call_form *form = &self->forms[block->form];
  uint32_t first = UINT32_MAX;
  block->place = self->place[blok_value_producer(self->graph, block->exit).i];
  for (uint32_t i = 0; i < block->n_nodes; i++) {
    if (self->place[block->nodes[i].i] < first) first = self->place[block->nodes[i].i];
  }
  for (uint32_t k = 0; k < block->n_outer; k++) {
    const blok_node_id producer = blok_value_producer(self->graph, block->outer[k]);
    if (form->inside[k]) continue;
    if (producer.i && self->place[producer.i] >= first) return;
  }
  if (self->sorted) block->place = first;
}

// ---- All blocks ---------------------------------------------------------------------------------

// What calls nothing first: who calls a function must know its inputs.
static blok_status form_level(blok_calls *self, uint32_t height, blok_names *bodies) {
  const uint32_t known = self->n_forms;
  for (uint32_t b = 0; b < self->overlay->n_blocks; b++) {
    if (!self->blocks[b].made || self->blocks[b].height != height) continue;
    BLOK_TRY(list_items(self, (int32_t)b));
    BLOK_TRY(list_outer(self, (int32_t)b));
    BLOK_TRY(find_form(self, (int32_t)b, bodies));
  }
  for (uint32_t f = known; f < self->n_forms; f++) {
    BLOK_TRY(take_inside(self, &self->forms[f]));
  }
  return BLOK_OK;
}

blok_status blok_calls_bodies(blok_calls *self) {
  uint32_t highest = 0;
  blok_names bodies;
  blok_status status = BLOK_OK;
  for (uint32_t b = 0; b < self->overlay->n_blocks; b++) {
    if (self->blocks[b].made && self->blocks[b].height > highest) {
      highest = self->blocks[b].height;
    }
  }
  memset(self->node_mark, 0, self->graph->n_nodes * sizeof *self->node_mark);
  blok_names_init(&bodies, &self->module->allocator);
  for (uint32_t h = 0; h <= highest && status == BLOK_OK; h++) {
    status = form_level(self, h, &bodies);
  }
  blok_names_free(&bodies);
  for (uint32_t b = 0; b < self->overlay->n_blocks && status == BLOK_OK; b++) {
    if (self->blocks[b].made) find_place(self, &self->blocks[b]);
  }
  return status;
}
