// Tensors outside of models: counting, freeing.
#include "api/internal.h"
#include "base/size.h"

size_t blok_tensor_count(const blok_tensor *tensor) {
  size_t count;
  if (!tensor) return 0;
  if (tensor->rank > BLOK_MAX_RANK) return SIZE_MAX;
  return blok_dims_count(tensor->dims, tensor->rank, &count) ? count : SIZE_MAX;
}

void blok_tensor_free(const blok_allocator *allocator, blok_tensor *tensor) {
  if (!tensor) return;
  blok_free_aligned(blok_allocator_or_default(allocator), tensor->data);
  tensor->data = NULL;
  tensor->bytes = 0;
}
