// The arrays beside the text. See codegen.h.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "codegen/codegen.h"

// Swaps the axes of a matrix of elements of 4 bytes.
static void transpose(const uint32_t *from, uint32_t *to, size_t rows, size_t columns) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t k = 0; k < columns; k++) to[k * rows + i] = from[i * columns + k];
  }
}

blok_status blok_codegen_weight(const blok_saved_weight *weight, const blok_allocator *allocator,
                                blok_tensor *tensor, blok_error *error) {
  size_t count = 0, bytes = 0;
  *tensor = (blok_tensor)BLOK_TENSOR_INIT;
  if (!blok_dims_count(weight->dims, weight->rank, &count) ||
      !blok_dense_bytes(weight->literal->dtype, count, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "'%s' is too large", blok_quote(weight->name).text);
  }
  void *data = blok_alloc(allocator, bytes);
  if (!data) return blok_fail_memory(error, bytes);
  blok_status status = blok_literal_read(weight->literal, allocator, data, bytes, error);
  if (status == BLOK_OK && weight->transposed) {
    void *turned = blok_alloc(allocator, bytes);
    if (turned) {
      transpose(data, turned, (size_t)weight->dims[1], (size_t)weight->dims[0]);
      blok_free(allocator, data);
      data = turned;
    } else {
      status = blok_fail_memory(error, bytes);
    }
  }
  if (status != BLOK_OK) {
    blok_free(allocator, data);
    return status;
  }
  tensor->dtype = weight->literal->dtype;
  tensor->rank = weight->rank;
  if (weight->rank) memcpy(tensor->dims, weight->dims, weight->rank * sizeof *weight->dims);
  tensor->data = data;
  tensor->bytes = bytes;
  return BLOK_OK;
}
