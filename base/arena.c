// Arenas: see alloc.h.
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/size.h"

enum { ARENA_ALIGNMENT = 16, ARENA_FIRST_CHUNK = 4096, ARENA_LARGEST_CHUNK = 1 << 20 };

struct blok_arena_chunk {
  blok_arena_chunk *next;
  size_t padding;  // keeps what follows aligned to 16
};

void blok_arena_init(blok_arena *arena, const blok_allocator *allocator) {
  memset(arena, 0, sizeof *arena);
  arena->allocator = *blok_allocator_or_default(allocator);
}

void blok_arena_free(blok_arena *arena) {
  blok_arena_chunk *chunk = arena->chunks;
  while (chunk) {
    blok_arena_chunk *next = chunk->next;
    blok_free(&arena->allocator, chunk);
    chunk = next;
  }
  arena->chunks = NULL;
  arena->used = arena->capacity = arena->total = 0;
}

static blok_arena_chunk *new_chunk(blok_arena *arena, size_t capacity) {
  size_t total;
  if (!blok_add_size(capacity, sizeof(blok_arena_chunk), &total)) return NULL;
  blok_arena_chunk *chunk = blok_alloc(&arena->allocator, total);
  if (chunk) arena->total += total;
  return chunk;
}

// A block too large for the current chunk's style gets one of its own, filed behind the current
// one, so that the room left in the current one is not lost.
static void *alloc_apart(blok_arena *arena, size_t bytes) {
  blok_arena_chunk *chunk = new_chunk(arena, bytes);
  if (!chunk) return NULL;
  if (arena->chunks) {
    chunk->next = arena->chunks->next;
    arena->chunks->next = chunk;
  } else {
    chunk->next = NULL;
    arena->chunks = chunk;
    arena->used = arena->capacity = bytes;
  }
  return chunk + 1;
}

void *blok_arena_alloc(blok_arena *arena, size_t bytes) {
  if (bytes > SIZE_MAX - ARENA_ALIGNMENT) return NULL;
#ifdef BLOK_DEBUG_ARENA
  return alloc_apart(arena, bytes ? bytes : 1);
#else
  bytes = (bytes + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
  if (bytes == 0) bytes = ARENA_ALIGNMENT;
  if (bytes > arena->capacity - arena->used) {
    size_t capacity = arena->total < ARENA_FIRST_CHUNK ? ARENA_FIRST_CHUNK : arena->total;
    if (capacity > ARENA_LARGEST_CHUNK) capacity = ARENA_LARGEST_CHUNK;
    if (bytes > capacity / 4) return alloc_apart(arena, bytes);
    blok_arena_chunk *chunk = new_chunk(arena, capacity);
    if (!chunk) return NULL;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->used = 0;
    arena->capacity = capacity;
  }
  void *block = (char *)(arena->chunks + 1) + arena->used;
  arena->used += bytes;
  return block;
#endif
}

void *blok_arena_zero(blok_arena *arena, size_t bytes) {
  void *block = blok_arena_alloc(arena, bytes);
  if (block) memset(block, 0, bytes);
  return block;
}

void *blok_arena_array(blok_arena *arena, size_t count, size_t size) {
  size_t bytes;
  return blok_mul_size(count, size, &bytes) ? blok_arena_zero(arena, bytes) : NULL;
}

void *blok_arena_copy(blok_arena *arena, const void *bytes, size_t size) {
  void *block = blok_arena_alloc(arena, size);
  if (block && size) memcpy(block, bytes, size);
  return block;
}

char *blok_arena_textn(blok_arena *arena, const char *text, size_t length) {
  if (length == SIZE_MAX) return NULL;
  char *copy = blok_arena_alloc(arena, length + 1);
  if (!copy) return NULL;
  if (length) memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

char *blok_arena_text(blok_arena *arena, const char *text) {
  return text ? blok_arena_textn(arena, text, strlen(text)) : NULL;
}

char *blok_arena_format(blok_arena *arena, const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = length < 0 ? NULL : blok_arena_alloc(arena, (size_t)length + 1);
  if (text) vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}

bool blok_arena_grow(blok_arena *arena, void *items, uint32_t *capacity, uint32_t count,
                     size_t size) {
  if (count < *capacity) return true;
  if (*capacity > UINT32_MAX / 2) return false;
  uint32_t wanted = *capacity ? *capacity * 2 : 8;
  size_t bytes;
  if (!blok_mul_size(wanted, size, &bytes)) return false;
  void *grown = blok_arena_alloc(arena, bytes);
  if (!grown) return false;
  void *old;
  memcpy(&old, items, sizeof old);
  if (count) memcpy(grown, old, count * size);
  memcpy(items, &grown, sizeof grown);
  *capacity = wanted;
  return true;
}
