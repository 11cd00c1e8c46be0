// Copies of the small things: texts, bytes, notes, types, literals, sparse tensors, attributes.
#include "graph/copy.h"

#include <string.h>

#include "base/error.h"

static blok_status no_memory(const blok_copier *c) { return blok_fail_memory(c->error, 0); }

blok_status blok_copy_text(const blok_copier *c, const char *text, const char **out) {
  *out = blok_arena_text(&c->to->arena, text);
  return *out || !text ? BLOK_OK : no_memory(c);
}

blok_status blok_copy_texts(const blok_copier *c, const char *const *texts, uint32_t n,
                            const char ***out) {
  *out = NULL;
  if (n == 0) return BLOK_OK;
  const char **copies = blok_arena_array(&c->to->arena, n, sizeof *copies);
  if (!copies) return no_memory(c);
  for (uint32_t i = 0; i < n; i++) BLOK_TRY(blok_copy_text(c, texts[i], &copies[i]));
  *out = copies;
  return BLOK_OK;
}

// size bytes that are there: NULL stays NULL.
static blok_status copy_block(const blok_copier *c, const void *bytes, size_t size, void **out) {
  *out = bytes ? blok_arena_copy(&c->to->arena, bytes, size) : NULL;
  return *out || !bytes ? BLOK_OK : no_memory(c);
}

blok_status blok_copy_bytes(const blok_copier *c, blok_bytes bytes, blok_bytes *out) {
  void *data;
  BLOK_TRY(copy_block(c, bytes.data, bytes.size, &data));
  out->data = data;
  out->size = bytes.size;
  return BLOK_OK;
}

blok_status blok_copy_many_bytes(const blok_copier *c, const blok_bytes *bytes, uint32_t n,
                                 const blok_bytes **out) {
  *out = NULL;
  if (n == 0) return BLOK_OK;
  blok_bytes *copies = blok_arena_array(&c->to->arena, n, sizeof *copies);
  if (!copies) return no_memory(c);
  for (uint32_t i = 0; i < n; i++) BLOK_TRY(blok_copy_bytes(c, bytes[i], &copies[i]));
  *out = copies;
  return BLOK_OK;
}

blok_status blok_copy_unknown(const blok_copier *c, blok_bytes unknown, blok_bytes *out) {
  if (c->notes) return blok_copy_bytes(c, unknown, out);
  memset(out, 0, sizeof *out);
  return BLOK_OK;
}

blok_status blok_copy_properties(const blok_copier *c, const blok_property *properties, uint32_t n,
                                 blok_property **out) {
  *out = NULL;
  if (n == 0) return BLOK_OK;
  blok_property *copies = blok_arena_array(&c->to->arena, n, sizeof *copies);
  if (!copies) return no_memory(c);
  for (uint32_t i = 0; i < n; i++) {
    BLOK_TRY(blok_copy_text(c, properties[i].key, &copies[i].key));
    BLOK_TRY(blok_copy_text(c, properties[i].value, &copies[i].value));
    BLOK_TRY(blok_copy_unknown(c, properties[i].unknown, &copies[i].unknown));
  }
  *out = copies;
  return BLOK_OK;
}

blok_status blok_copy_notes(const blok_copier *c, const blok_notes *notes, const blok_notes **out) {
  *out = NULL;
  if (!notes || !c->notes) return BLOK_OK;
  blok_notes *copy = blok_arena_zero(&c->to->arena, sizeof *copy);
  if (!copy) return no_memory(c);
  copy->n_metadata = notes->n_metadata;
  BLOK_TRY(blok_copy_text(c, notes->doc, &copy->doc));
  BLOK_TRY(blok_copy_properties(c, notes->metadata, notes->n_metadata, &copy->metadata));
  BLOK_TRY(blok_copy_bytes(c, notes->unknown, &copy->unknown));
  *out = copy;
  return BLOK_OK;
}

blok_status blok_copy_type(const blok_copier *c, const blok_type *type, blok_type **out) {
  *out = type ? blok_type_copy(&c->to->arena, type, c->notes) : NULL;
  return *out || !type ? BLOK_OK : no_memory(c);
}

// ---- Literals -----------------------------------------------------------------------------------

static blok_status copy_dims(const blok_copier *c, const int64_t *dims, uint32_t rank,
                             const int64_t **out) {
  void *copy;
  BLOK_TRY(copy_block(c, dims, rank * sizeof *dims, &copy));
  *out = copy;
  return BLOK_OK;
}

blok_status blok_copy_literal(const blok_copier *c, const blok_literal *literal,
                              blok_literal **out) {
  *out = NULL;
  if (!literal) return BLOK_OK;
  blok_literal *copy = blok_arena_copy(&c->to->arena, literal, sizeof *literal);
  if (!copy) return no_memory(c);
  copy->storage = NULL;
  copy->external = NULL;
  if (!c->notes) copy->n_external = 0;
  BLOK_TRY(blok_copy_text(c, literal->name, &copy->name));
  BLOK_TRY(copy_dims(c, literal->dims, literal->rank, &copy->dims));
  BLOK_TRY(blok_copy_many_bytes(c, literal->strings, literal->n_strings, &copy->strings));
  BLOK_TRY(blok_copy_text(c, literal->location, &copy->location));
  blok_property *external;
  BLOK_TRY(blok_copy_properties(c, literal->external, copy->n_external, &external));
  copy->external = external;
  BLOK_TRY(blok_copy_notes(c, literal->notes, &copy->notes));
  if (literal->storage) {
    copy->storage = blok_storage_retain(literal->storage);
    BLOK_TRY(blok_module_keep_literal(c->to, copy, c->error));
  }
  *out = copy;
  return BLOK_OK;
}

blok_status blok_copy_sparse(const blok_copier *c, const blok_sparse *sparse, uint32_t n,
                             blok_sparse **out) {
  *out = NULL;
  if (n == 0) return BLOK_OK;
  blok_sparse *copies = blok_arena_array(&c->to->arena, n, sizeof *copies);
  if (!copies) return no_memory(c);
  for (uint32_t i = 0; i < n; i++) {
    copies[i].rank = sparse[i].rank;
    BLOK_TRY(blok_copy_literal(c, sparse[i].values, &copies[i].values));
    BLOK_TRY(blok_copy_literal(c, sparse[i].indices, &copies[i].indices));
    BLOK_TRY(copy_dims(c, sparse[i].dims, sparse[i].rank, &copies[i].dims));
    BLOK_TRY(blok_copy_unknown(c, sparse[i].unknown, &copies[i].unknown));
  }
  *out = copies;
  return BLOK_OK;
}

// ---- Attributes ---------------------------------------------------------------------------------

static blok_status copy_subgraph(const blok_copier *c, const blok_subgraph *sub, blok_graph *outer,
                                 const blok_value_id *map, blok_subgraph *out) {
  blok_value_id *inner_map = NULL;
  blok_status status = BLOK_OK;
  BLOK_TRY_TO(done, blok_copy_graph(c, sub->graph, outer, false, &out->graph, &inner_map));
  out->n_captures = sub->n_captures;
  out->captures = blok_arena_array(&c->to->arena, sub->n_captures, sizeof *out->captures);
  if (!out->captures) {
    status = no_memory(c);
    goto done;
  }
  for (uint32_t i = 0; i < sub->n_captures; i++) {
    out->captures[i].outer = map ? map[sub->captures[i].outer.i] : BLOK_NO_VALUE;
    out->captures[i].inner = inner_map[sub->captures[i].inner.i];
  }
done:
  blok_free(&c->to->allocator, inner_map);
  return status;
}

static blok_status copy_subgraphs(const blok_copier *c, const blok_attr *attr, blok_graph *outer,
                                  const blok_value_id *map, blok_attr *copy) {
  copy->as.graphs = NULL;
  if (attr->n == 0) return BLOK_OK;
  copy->as.graphs = blok_arena_array(&c->to->arena, attr->n, sizeof *copy->as.graphs);
  if (!copy->as.graphs) return no_memory(c);
  for (uint32_t i = 0; i < attr->n; i++) {
    BLOK_TRY(copy_subgraph(c, &attr->as.graphs[i], outer, map, &copy->as.graphs[i]));
  }
  return BLOK_OK;
}

static blok_status copy_literals(const blok_copier *c, const blok_attr *attr, blok_attr *copy) {
  copy->as.literals = blok_arena_array(&c->to->arena, attr->n, sizeof *copy->as.literals);
  if (!copy->as.literals) return no_memory(c);
  for (uint32_t i = 0; i < attr->n; i++) {
    BLOK_TRY(blok_copy_literal(c, attr->as.literals[i], &copy->as.literals[i]));
  }
  return BLOK_OK;
}

static blok_status copy_types(const blok_copier *c, const blok_attr *attr, blok_attr *copy) {
  copy->as.types = blok_arena_array(&c->to->arena, attr->n, sizeof *copy->as.types);
  if (!copy->as.types) return no_memory(c);
  for (uint32_t i = 0; i < attr->n; i++) {
    BLOK_TRY(blok_copy_type(c, attr->as.types[i], &copy->as.types[i]));
  }
  return BLOK_OK;
}

static blok_status copy_numbers(const blok_copier *c, const blok_attr *attr, blok_attr *copy) {
  bool floats = attr->type == BLOK_ATTR_FLOATS;
  void *numbers;
  BLOK_TRY(copy_block(c, floats ? (const void *)attr->as.floats : (const void *)attr->as.ints,
                      attr->n * (floats ? sizeof(float) : sizeof(int64_t)), &numbers));
  if (floats) {
    copy->as.floats = numbers;
  } else {
    copy->as.ints = numbers;
  }
  return BLOK_OK;
}

// The value of an attribute whose n is above 0.
static blok_status copy_attr_value(const blok_copier *c, const blok_attr *attr, blok_graph *outer,
                                   const blok_value_id *map, blok_attr *copy) {
  switch (attr->type) {
    case BLOK_ATTR_UNDEFINED:
    case BLOK_ATTR_FLOAT:
    case BLOK_ATTR_INT:
      return BLOK_OK;
    case BLOK_ATTR_STRING:
      return blok_copy_bytes(c, attr->as.s, &copy->as.s);
    case BLOK_ATTR_TENSOR:
      return blok_copy_literal(c, attr->as.literal, &copy->as.literal);
    case BLOK_ATTR_GRAPH:
    case BLOK_ATTR_GRAPHS:
      return copy_subgraphs(c, attr, outer, map, copy);
    case BLOK_ATTR_FLOATS:
    case BLOK_ATTR_INTS:
      return copy_numbers(c, attr, copy);
    case BLOK_ATTR_STRINGS:
      return blok_copy_many_bytes(c, attr->as.strings, attr->n, &copy->as.strings);
    case BLOK_ATTR_TENSORS:
      return copy_literals(c, attr, copy);
    case BLOK_ATTR_SPARSE_TENSOR:
    case BLOK_ATTR_SPARSE_TENSORS:
      return blok_copy_sparse(c, attr->as.sparse, attr->n, &copy->as.sparse);
    case BLOK_ATTR_TYPE:
    case BLOK_ATTR_TYPES:
      return copy_types(c, attr, copy);
  }
  return BLOK_OK;
}

blok_status blok_copy_attrs(const blok_copier *c, const blok_attr *attrs, uint32_t n,
                            blok_graph *outer, const blok_value_id *map, blok_attr **out) {
  *out = NULL;
  if (n == 0) return BLOK_OK;
  blok_attr *copies = blok_arena_array(&c->to->arena, n, sizeof *copies);
  if (!copies) return no_memory(c);
  for (uint32_t i = 0; i < n; i++) {
    copies[i] = attrs[i];
    BLOK_TRY(blok_copy_text(c, attrs[i].name, &copies[i].name));
    BLOK_TRY(blok_copy_text(c, attrs[i].ref, &copies[i].ref));
    BLOK_TRY(blok_copy_notes(c, attrs[i].notes, &copies[i].notes));
    if (attrs[i].n) BLOK_TRY(copy_attr_value(c, &attrs[i], outer, map, &copies[i]));
  }
  *out = copies;
  return BLOK_OK;
}
