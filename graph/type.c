// Types: making, copying and printing them. The nesting of a type is a chain (each kind holds at
// most one other type), so everything here is a loop however deep a file nests.
#include "graph/type.h"

#include <stdio.h>
#include <string.h>

blok_type *blok_type_tensor(blok_arena *arena, blok_dtype dtype, uint32_t rank,
                            const blok_dim *dims) {
  blok_type *type = blok_arena_zero(arena, sizeof *type);
  if (!type) return NULL;
  type->kind = BLOK_TYPE_TENSOR;
  type->dtype = dtype;
  type->has_dtype = true;
  type->has_shape = true;
  type->rank = rank;
  if (rank == 0) return type;
  type->dims = blok_arena_array(arena, rank, sizeof *type->dims);
  if (!type->dims) return NULL;
  memcpy(type->dims, dims, rank * sizeof *dims);
  return type;
}

bool blok_dim_same(blok_dim a, blok_dim b) {
  if (a.value >= 0 || b.value >= 0) return a.value == b.value;
  return a.symbol && b.symbol && strcmp(a.symbol, b.symbol) == 0;
}

// ---- Copying ------------------------------------------------------------------------------------

static bool copy_text(blok_arena *arena, const char *text, const char **out) {
  *out = blok_arena_text(arena, text);
  return *out || !text;
}

static bool copy_bytes(blok_arena *arena, blok_bytes bytes, blok_bytes *out) {
  out->size = bytes.size;
  out->data = bytes.data ? blok_arena_copy(arena, bytes.data, bytes.size) : NULL;
  return out->data || !bytes.data;
}

static bool copy_dims(blok_arena *arena, const blok_type *type, blok_type *copy) {
  copy->dims = NULL;
  if (!type->dims || type->rank == 0) return true;
  copy->dims = blok_arena_array(arena, type->rank, sizeof *copy->dims);
  if (!copy->dims) return false;
  for (uint32_t i = 0; i < type->rank; i++) {
    copy->dims[i].value = type->dims[i].value;
    if (!copy_text(arena, type->dims[i].symbol, &copy->dims[i].symbol)) return false;
  }
  return true;
}

static bool copy_dim_notes(blok_arena *arena, const blok_type *type, blok_type *copy) {
  copy->dim_notes = NULL;
  if (!type->dim_notes || type->rank == 0) return true;
  copy->dim_notes = blok_arena_array(arena, type->rank, sizeof *copy->dim_notes);
  if (!copy->dim_notes) return false;
  for (uint32_t i = 0; i < type->rank; i++) {
    const blok_dim_notes *from = &type->dim_notes[i];
    blok_dim_notes *to = &copy->dim_notes[i];
    to->negative = from->negative;
    to->value = from->value;
    if (!copy_text(arena, from->denotation, &to->denotation)) return false;
    if (!copy_bytes(arena, from->unknown, &to->unknown)) return false;
  }
  return true;
}

static bool copy_kept(blok_arena *arena, const blok_type *type, blok_type *copy) {
  return copy_dim_notes(arena, type, copy) &&
         copy_text(arena, type->denotation, &copy->denotation) &&
         copy_bytes(arena, type->unknown, &copy->unknown) &&
         copy_bytes(arena, type->unknown_inner, &copy->unknown_inner) &&
         copy_bytes(arena, type->unknown_shape, &copy->unknown_shape);
}

// One link of the chain, without what it holds.
static blok_type *copy_link(blok_arena *arena, const blok_type *type, bool notes) {
  blok_type *copy = blok_arena_zero(arena, sizeof *copy);
  if (!copy) return NULL;
  copy->kind = type->kind;
  copy->dtype = type->dtype;
  copy->has_dtype = type->has_dtype;
  copy->has_shape = type->has_shape;
  copy->rank = type->rank;
  copy->key_dtype = type->key_dtype;
  copy->has_key_dtype = type->has_key_dtype;
  bool done = copy_dims(arena, type, copy) &&
              copy_text(arena, type->opaque_domain, &copy->opaque_domain) &&
              copy_text(arena, type->opaque_name, &copy->opaque_name) &&
              (!notes || copy_kept(arena, type, copy));
  return done ? copy : NULL;
}

blok_type *blok_type_copy(blok_arena *arena, const blok_type *type, bool notes) {
  blok_type *first = NULL;
  blok_type **end = &first;
  for (; type; type = type->element) {
    *end = copy_link(arena, type, notes);
    if (!*end) return NULL;
    end = &(*end)->element;
  }
  return first;
}

// ---- Printing -----------------------------------------------------------------------------------

// A text that is cut off, with dots, where it no longer fits.
typedef struct text_buffer {
  char text[512];
  size_t used;
  bool full;
} text_buffer;

static void put(text_buffer *buffer, const char *text) {
  size_t length = strlen(text);
  size_t room = sizeof buffer->text - sizeof "..." - buffer->used;
  if (buffer->full) return;
  if (length > room) {
    text = "...";
    length = 3;
    buffer->full = true;
  }
  memcpy(buffer->text + buffer->used, text, length);
  buffer->used += length;
}

static void put_tensor(text_buffer *buffer, const blok_type *type) {
  put(buffer, type->dtype == BLOK_UNDEFINED ? "?" : blok_dtype_name(type->dtype));
  if (!type->has_shape) return;
  put(buffer, "[");
  for (uint32_t i = 0; i < type->rank && !buffer->full; i++) {
    blok_dim dim = type->dims[i];
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)dim.value);
    if (i) put(buffer, ", ");
    put(buffer, dim.value >= 0 ? number : dim.symbol ? blok_quote(dim.symbol).text : "?");
  }
  put(buffer, "]");
}

// What stands before the type that this one holds, or all of it when it holds none.
static void put_link(text_buffer *buffer, const blok_type *type) {
  switch (type->kind) {
    case BLOK_TYPE_NONE:
      put(buffer, "?");
      return;
    case BLOK_TYPE_TENSOR:
      put_tensor(buffer, type);
      return;
    case BLOK_TYPE_SPARSE_TENSOR:
      put(buffer, "sparse(");
      put_tensor(buffer, type);
      put(buffer, ")");
      return;
    case BLOK_TYPE_SEQUENCE:
      put(buffer, "sequence(");
      return;
    case BLOK_TYPE_OPTIONAL:
      put(buffer, "optional(");
      return;
    case BLOK_TYPE_MAP:
      put(buffer, "map(");
      put(buffer, blok_dtype_name((blok_dtype)type->key_dtype));
      put(buffer, ", ");
      return;
    case BLOK_TYPE_OPAQUE:
      put(buffer, "opaque(");
      put(buffer, blok_quote(type->opaque_domain).text);
      put(buffer, ".");
      put(buffer, blok_quote(type->opaque_name).text);
      put(buffer, ")");
      return;
  }
}

static bool holds_another(const blok_type *type) {
  return type->kind == BLOK_TYPE_SEQUENCE || type->kind == BLOK_TYPE_OPTIONAL ||
         type->kind == BLOK_TYPE_MAP;
}

const char *blok_type_text(blok_arena *arena, const blok_type *type) {
  text_buffer buffer = {{0}, 0, false};
  size_t open = 0;
  for (; type && !buffer.full; type = type->element) {
    put_link(&buffer, type);
    if (!holds_another(type)) break;
    open++;
  }
  if (!type) put(&buffer, "?");
  for (; open && !buffer.full; open--) put(&buffer, ")");
  return blok_arena_textn(arena, buffer.text, buffer.used);
}
