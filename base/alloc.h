// Memory: the caller's allocator, growable arrays over it, and arenas.
#ifndef BLOK_BASE_ALLOC_H
#define BLOK_BASE_ALLOC_H

#include <blok/types.h>
#include <stdbool.h>
#include <stddef.h>

// malloc and free as a blok_allocator. Lives for ever.
const blok_allocator *blok_allocator_default(void);

// allocator itself, or the default one for NULL.
const blok_allocator *blok_allocator_or_default(const blok_allocator *allocator);

// NULL on failure. 0 bytes give a block of 1.
void *blok_alloc(const blok_allocator *allocator, size_t bytes);
void *blok_alloc_zero(const blok_allocator *allocator, size_t bytes);

// count elements of size bytes, zeroed; NULL on failure and on overflow.
void *blok_alloc_array(const blok_allocator *allocator, size_t count, size_t size);

// NULL on failure, block intact; a NULL block is a new one.
void *blok_realloc(const blok_allocator *allocator, void *block, size_t bytes);
void blok_free(const blok_allocator *allocator, void *block);  // NULL is allowed

// A block aligned to 64 bytes (a cache line, an AVX-512 vector), freed by blok_free_aligned.
void *blok_alloc_aligned(const blok_allocator *allocator, size_t bytes);
void blok_free_aligned(const blok_allocator *allocator, void *block);

// Makes room for one element more in a growable array: *items has *capacity elements of size bytes,
// count of them used; both are changed together when it grows. false: no memory, array intact.
bool blok_grow(const blok_allocator *allocator, void *items, uint32_t *capacity, uint32_t count,
               size_t size);

// ---- Arena: many small blocks, freed together ---------------------------------------------------
//
// Blocks come from chunks of the allocator, each aligned to 16 bytes. With BLOK_DEBUG_ARENA every
// block is a chunk of its own, so that valgrind and ASan see its ends. Not thread-safe.

typedef struct blok_arena_chunk blok_arena_chunk;

typedef struct blok_arena {
  blok_allocator allocator;
  blok_arena_chunk *chunks;  // newest first
  size_t used;               // of the newest
  size_t capacity;
  size_t total;  // bytes taken from the allocator
} blok_arena;

void blok_arena_init(blok_arena *arena, const blok_allocator *allocator);
void blok_arena_free(blok_arena *arena);  // leaves it empty and usable

void *blok_arena_alloc(blok_arena *arena, size_t bytes);  // not zeroed; NULL on failure
void *blok_arena_zero(blok_arena *arena, size_t bytes);
void *blok_arena_array(blok_arena *arena, size_t count, size_t size);  // zeroed
void *blok_arena_copy(blok_arena *arena, const void *bytes, size_t size);
char *blok_arena_text(blok_arena *arena, const char *text);  // copy of a string; NULL for NULL
char *blok_arena_textn(blok_arena *arena, const char *text, size_t length);  // adds the NUL
char *blok_arena_format(blok_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Growable array whose items live in an arena (the old items stay behind until the arena is freed).
bool blok_arena_grow(blok_arena *arena, void *items, uint32_t *capacity, uint32_t count,
                     size_t size);

#endif  // BLOK_BASE_ALLOC_H
