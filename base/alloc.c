// The allocator's helpers: the default one, zeroed and aligned blocks, growable arrays. See
// alloc.h.
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

static void *default_reallocate(void *context, void *block, size_t bytes) {
  (void)context;
  return realloc(block, bytes);
}

static void default_release(void *context, void *block) {
  (void)context;
  free(block);
}

static const blok_allocator default_allocator = {NULL, default_reallocate, default_release};

const blok_allocator *blok_allocator_default(void) { return &default_allocator; }

const blok_allocator *blok_allocator_or_default(const blok_allocator *allocator) {
  return allocator ? allocator : &default_allocator;
}

void *blok_alloc(const blok_allocator *allocator, size_t bytes) {
  return allocator->reallocate(allocator->context, NULL, bytes ? bytes : 1);
}

void *blok_alloc_zero(const blok_allocator *allocator, size_t bytes) {
  void *block = blok_alloc(allocator, bytes);
  if (block) memset(block, 0, bytes);
  return block;
}

void *blok_alloc_array(const blok_allocator *allocator, size_t count, size_t size) {
  size_t bytes;
  if (!blok_mul_size(count, size, &bytes)) return NULL;
  return blok_alloc_zero(allocator, bytes);
}

void *blok_realloc(const blok_allocator *allocator, void *block, size_t bytes) {
  return allocator->reallocate(allocator->context, block, bytes ? bytes : 1);
}

void blok_free(const blok_allocator *allocator, void *block) {
  if (block) allocator->release(allocator->context, block);
}

// The block's own start is kept in the word before the aligned address.
void *blok_alloc_aligned(const blok_allocator *allocator, size_t bytes) {
  const size_t alignment = 64;
  size_t total;
  if (!blok_add_size(bytes, alignment + sizeof(void *), &total)) return NULL;
  char *block = blok_alloc(allocator, total);
  if (!block) return NULL;
  size_t past = (uintptr_t)(block + sizeof(void *)) % alignment;
  char *aligned = block + sizeof(void *) + (past ? alignment - past : 0);
  memcpy(aligned - sizeof(void *), &block, sizeof block);
  return aligned;
}

void blok_free_aligned(const blok_allocator *allocator, void *block) {
  if (!block) return;
  void *start;
  memcpy(&start, (char *)block - sizeof(void *), sizeof start);
  blok_free(allocator, start);
}

static bool next_capacity(uint32_t capacity, size_t size, uint32_t *wanted, size_t *bytes) {
  if (capacity > UINT32_MAX / 2) return false;
  *wanted = capacity ? capacity * 2 : 8;
  return blok_mul_size(*wanted, size, bytes);
}

bool blok_grow(const blok_allocator *allocator, void *items, uint32_t *capacity, uint32_t count,
               size_t size) {
  if (count < *capacity) return true;
  uint32_t wanted;
  size_t bytes;
  if (!next_capacity(*capacity, size, &wanted, &bytes)) return false;
  void *old;
  memcpy(&old, items, sizeof old);
  void *grown = blok_realloc(allocator, old, bytes);
  if (!grown) return false;
  memcpy(items, &grown, sizeof grown);
  *capacity = wanted;
  return true;
}
