// Memory under a limit: see heap.h.
#include "runtime/exec/heap.h"

#include "base/error.h"

static blok_status take(blok_heap *heap, size_t bytes, void **out, blok_error *error) {
  *out = NULL;
  if (bytes > heap->limit || heap->used > heap->limit - bytes) {
    return BLOK_FAIL(error, BLOK_E_LIMIT,
                     "values need more than the limit of %llu bytes a session (run_bytes)",
                     (unsigned long long)heap->limit);
  }
  *out = blok_alloc_aligned(&heap->allocator, bytes);
  if (!*out) return blok_fail_memory(error, bytes);
  heap->used += bytes;
  return BLOK_OK;
}

blok_status blok_heap_take_block(blok_heap *heap, size_t bytes, char **out, blok_error *error) {
  void *block;
  blok_status status = take(heap, bytes, &block, error);
  *out = block;
  return status;
}

void blok_heap_give_block(blok_heap *heap, char *block, size_t bytes) {
  if (!block) return;
  blok_free_aligned(&heap->allocator, block);
  heap->used -= bytes;
}

blok_status blok_heap_take(blok_heap *heap, size_t bytes, void **out, blok_error *error) {
  BLOK_TRY(take(heap, bytes, out, error));
  heap->late += bytes;
  if (heap->late > heap->late_most) heap->late_most = heap->late;
  return BLOK_OK;
}

void blok_heap_give(blok_heap *heap, void *block, size_t bytes) {
  if (!block) return;
  blok_free_aligned(&heap->allocator, block);
  heap->used -= bytes;
  heap->late -= bytes;
}
