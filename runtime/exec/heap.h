// The memory of one executor, under the limit of run_bytes: the block that a reshape takes, and
// what a run asks for beyond it.
#ifndef BLOK_RUNTIME_EXEC_HEAP_H
#define BLOK_RUNTIME_EXEC_HEAP_H

#include "base/alloc.h"

typedef struct blok_heap {
  blok_allocator allocator;
  uint64_t limit;
  uint64_t used;             // the block's bytes included
  uint64_t late, late_most;  // what runs asked for: now, and the most in the last run
} blok_heap;

// Aligned to 64 bytes. BLOK_E_LIMIT past the limit; *out is NULL on failure.
BLOK_MUST_CHECK blok_status blok_heap_take_block(blok_heap *heap, size_t bytes, char **out,
                                                 blok_error *error);
void blok_heap_give_block(blok_heap *heap, char *block, size_t bytes);  // NULL is allowed

// The same for what only a run knows.
BLOK_MUST_CHECK blok_status blok_heap_take(blok_heap *heap, size_t bytes, void **out,
                                           blok_error *error);
void blok_heap_give(blok_heap *heap, void *block, size_t bytes);  // NULL is allowed

#endif  // BLOK_RUNTIME_EXEC_HEAP_H
