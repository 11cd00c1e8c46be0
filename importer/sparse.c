// SparseTensorProto to blok_sparse. Its indices are read and checked at once: who makes it dense
// can then rely on them.
#include "base/error.h"
#include "base/size.h"
#include "importer/reading.h"

// Each index against the dense shape: positions [n], or coordinates [n, rank].
static blok_status check_places(const blok_sparse *sparse, const int64_t *indices, size_t n,
                                size_t elements, const char *what, blok_error *error) {
  const bool coordinates = sparse->indices->rank == 2;
  for (size_t i = 0; i < n; i++) {
    int64_t bound = coordinates ? sparse->dims[i % sparse->rank] : (int64_t)elements;
    if (indices[i] >= 0 && indices[i] < bound) continue;
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: index %lld lies outside the shape %s", what,
                     (long long)indices[i], blok_print_dims(sparse->dims, sparse->rank).text);
  }
  return BLOK_OK;
}

static blok_status check_indices(const blok_reading *reading, const blok_sparse *sparse,
                                 const char *what, blok_error *error) {
  const blok_literal *values = sparse->values, *indices = sparse->indices;
  const blok_allocator *allocator = &reading->module->allocator;
  size_t elements, n, bytes;
  if (!values || !indices) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s has no %s", what, values ? "indices" : "values");
  }
  if (!blok_dims_count(sparse->dims, sparse->rank, &elements) || elements > INT64_MAX) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: its shape %s is none", what,
                     blok_print_dims(sparse->dims, sparse->rank).text);
  }
  bool places = indices->rank == 1 || (indices->rank == 2 && sparse->rank > 0 &&
                                       indices->dims[1] == (int64_t)sparse->rank);
  if (values->rank != 1 || indices->dtype != BLOK_I64 || !places ||
      indices->dims[0] != values->dims[0]) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: its indices %s do not fit its values %s", what,
                     blok_print_dims(indices->dims, indices->rank).text,
                     blok_print_dims(values->dims, values->rank).text);
  }
  if (!blok_literal_count(indices, &n) || !blok_dense_bytes(BLOK_I64, n, &bytes)) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "%s has too many indices", what);
  }
  int64_t *read = blok_alloc(allocator, bytes);
  if (!read) return blok_fail_memory(error, bytes);
  blok_status status = blok_literal_read(indices, allocator, read, bytes, error);
  if (status == BLOK_OK) status = check_places(sparse, read, n, elements, what, error);
  blok_free(allocator, read);
  return status;
}

blok_status blok_read_sparse(blok_reading *reading, const Blok__Onnx__SparseTensorProto *message,
                             const char *what, blok_sparse *out, blok_error *error) {
  if (message->values) {
    BLOK_TRY(blok_read_kept_literal(reading, message->values, what, &out->values, error));
  }
  if (message->indices) {
    BLOK_TRY(blok_read_kept_literal(reading, message->indices, what, &out->indices, error));
  }
  out->rank = (uint32_t)message->n_dims;
  out->dims =
      blok_arena_copy(reading->arena, message->dims, message->n_dims * sizeof *message->dims);
  if (!out->dims) return blok_fail_memory(error, 0);
  BLOK_TRY(check_indices(reading, out, what, error));
  return blok_read_unknown(reading, message->base.unknown_fields, message->base.n_unknown_fields,
                           &out->unknown, error);
}
