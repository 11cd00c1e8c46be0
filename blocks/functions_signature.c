// A body as text: two blocks of equal texts are one function.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "blocks/functions_parts.h"

typedef struct text {
  blok_calls *self;
  char *at;
  size_t size, capacity;
  blok_status status;
} text;

static void add(text *out, const void *bytes, size_t size) {
  if (out->status != BLOK_OK) return;
  if (out->size + size + 1 > out->capacity) {
    const size_t capacity = 2 * (out->size + size) + 256;
    char *larger = blok_arena_alloc(&out->self->scratch, capacity);
    if (!larger) {
      out->status = blok_fail_memory(out->self->error, capacity);
      return;
    }
    if (out->size) memcpy(larger, out->at, out->size);
    out->at = larger;
    out->capacity = capacity;
  }
  memcpy(out->at + out->size, bytes, size);
  out->size += size;
  out->at[out->size] = '\0';
}

static void add_number(text *out, char before, int64_t number) {
  char digits[32];
  const int length = snprintf(digits, sizeof digits, "%c%lld", before, (long long)number);
  add(out, digits, (size_t)length);
}

// In hexadecimal: whatever the bytes are, they end where they end.
static void add_bytes(text *out, const void *bytes, size_t size) {
  static const char digits[] = "0123456789abcdef";
  const uint8_t *from = bytes;
  add(out, "'", 1);
  for (size_t i = 0; i < size; i++) {
    const char two[2] = {digits[from[i] >> 4], digits[from[i] & 15]};
    add(out, two, 2);
  }
}

static void add_name(text *out, const char *name) {
  if (!name) name = "";
  add_bytes(out, name, strlen(name));
}

// ---- Attributes ---------------------------------------------------------------------------------

static void add_literal(text *out, int32_t block, const blok_literal *literal) {
  const blok_allocator *allocator = &out->self->module->allocator;
  size_t count, bytes;
  add_number(out, 't', literal->dtype);
  for (uint32_t d = 0; d < literal->rank; d++) add_number(out, ',', literal->dims[d]);
  if (literal->dtype == BLOK_STRING || !blok_literal_count(literal, &count) ||
      !blok_dense_bytes(literal->dtype, count, &bytes)) {
    add_number(out, '!', block);  // like no other
    return;
  }
  void *elements = blok_alloc(allocator, bytes);
  if (!elements) {
    out->status = blok_fail_memory(out->self->error, bytes);
    return;
  }
  if (out->status == BLOK_OK) {
    out->status = blok_literal_read(literal, allocator, elements, bytes, out->self->error);
  }
  if (out->status == BLOK_OK) add_bytes(out, elements, bytes);
  blok_free(allocator, elements);
}

static void add_value(text *out, int32_t block, const blok_attr *attr) {
  if (attr->n == 0) return;
  switch (attr->type) {
    case BLOK_ATTR_INT:
      add_number(out, 'i', attr->as.i);
      return;
    case BLOK_ATTR_INTS:
      for (uint32_t i = 0; i < attr->n; i++) add_number(out, 'i', attr->as.ints[i]);
      return;
    case BLOK_ATTR_FLOAT:
      add_bytes(out, &attr->as.f, sizeof attr->as.f);
      return;
    case BLOK_ATTR_FLOATS:
      add_bytes(out, attr->as.floats, attr->n * sizeof *attr->as.floats);
      return;
    case BLOK_ATTR_STRING:
      add_bytes(out, attr->as.s.data, attr->as.s.size);
      return;
    case BLOK_ATTR_STRINGS:
      for (uint32_t i = 0; i < attr->n; i++) {
        add_bytes(out, attr->as.strings[i].data, attr->as.strings[i].size);
      }
      return;
    case BLOK_ATTR_TENSOR:
      add_literal(out, block, attr->as.literal);
      return;
    case BLOK_ATTR_UNDEFINED:
    case BLOK_ATTR_GRAPH:
    case BLOK_ATTR_TENSORS:
    case BLOK_ATTR_GRAPHS:
    case BLOK_ATTR_SPARSE_TENSOR:
    case BLOK_ATTR_SPARSE_TENSORS:
    case BLOK_ATTR_TYPE:
    case BLOK_ATTR_TYPES:
      return;  // a region with one of these stays nodes
  }
}

static int by_name(const void *left, const void *right) {
  const blok_attr *a = *(const blok_attr *const *)left, *b = *(const blok_attr *const *)right;
  const int order = strcmp(a->name ? a->name : "", b->name ? b->name : "");
  return order ? order : (a > b) - (a < b);
}

static void add_attributes(text *out, int32_t block, const blok_node *node) {
  const blok_attr **sorted =
      blok_arena_array(&out->self->scratch, node->n_attrs, sizeof(const blok_attr *));
  if (!sorted) {
    out->status = blok_fail_memory(out->self->error, 0);
    return;
  }
  for (uint32_t a = 0; a < node->n_attrs; a++) sorted[a] = &node->attrs[a];
  if (node->n_attrs) qsort(sorted, node->n_attrs, sizeof *sorted, by_name);
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    add(out, " ", 1);
    add_name(out, sorted[a]->name);
    add_number(out, '=', sorted[a]->type);
    add_value(out, block, sorted[a]);
  }
}

// ---- The body -----------------------------------------------------------------------------------

// "-": left out; "o3": the third from outside; "n4.0": output 0 of the item that came fourth.
static void add_read(text *out, int32_t block, blok_value_id value) {
  const blok_calls *self = out->self;
  blok_call_item maker;
  if (!value.i) {
    add(out, "-", 1);
    return;
  }
  const blok_node_id key = blok_calls_maker(self, block, value, &maker);
  if (!key.i) {
    add_number(out, 'o', self->value_number[value.i]);
    return;
  }
  add_number(out, 'n', self->node_number[key.i]);
  add_number(out, '.', maker.block < 0 ? blok_value_at(self->graph, value)->producer_slot : 0);
}

static void add_item(text *out, int32_t block, const blok_call_item *item) {
  const blok_calls *self = out->self;
  if (item->block >= 0) {
    add_number(out, 'f', self->blocks[item->block].form);
  } else {
    const blok_node *node = blok_node_at(self->graph, item->node);
    add_name(out, blok_node_domain(node));
    add_name(out, node->op_type);
    add_name(out, node->overload);
    add_number(out, ':', node->opset);
    add_attributes(out, block, node);
    for (uint32_t o = 0; o < node->n_outputs; o++) add(out, node->outputs[o].i ? "y" : "-", 1);
  }
  for (uint32_t k = 0; k < blok_calls_reads(self, item); k++) {
    add_read(out, block, blok_calls_read(self, item, k));
  }
  add(out, "\n", 1);
}

blok_status blok_calls_signature(blok_calls *self, int32_t index, const char **out) {
  const blok_call_block *block = &self->blocks[index];
  blok_call_item item;
  text body = {.self = self};
  for (uint32_t k = 0; k < block->n_outer; k++) self->value_number[block->outer[k].i] = k;
  for (uint32_t i = 0; i < block->n_items; i++) {
    const blok_call_item *at = &block->items[i];
    const blok_node_id key =
        at->block < 0 ? at->node : blok_value_producer(self->graph, self->blocks[at->block].exit);
    self->node_number[key.i] = i;
  }
  add_number(&body, 'k', self->overlay->blocks[index].kind);
  add_number(&body, ' ', block->n_outer);
  add(&body, "\n", 1);
  for (uint32_t i = 0; i < block->n_items; i++) add_item(&body, index, &block->items[i]);
  (void)blok_calls_maker(self, index, block->exit, &item);
  add_read(&body, index, block->exit);
  *out = body.at;
  return body.status;
}
