// Sparse initializers become dense ones: what the file lists is put into a tensor of zeros.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "passes/evaluate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "reference/reference.h"

typedef struct sparse_parts {
  const char *name;
  const blok_tensor *values;   // [n]
  const blok_tensor *indices;  // [n] of positions, or [n, rank] of coordinates
  uint32_t rank;
  const int64_t *dims;
  size_t count;  // elements when dense
} sparse_parts;

static blok_status fail_sparse(const sparse_parts *parts, blok_error *error, const char *what) {
  return BLOK_FAIL(error, BLOK_E_MALFORMED, "sparse initializer '%s': %s",
                   blok_quote(parts->name).text, what);
}

static blok_status read_parts(const blok_sparse *sparse, uint64_t limit, blok_arena *arena,
                              sparse_parts *out, blok_error *error) {
  blok_tensor *values = NULL;
  blok_tensor *indices = NULL;
  size_t bytes = 0;
  out->name = sparse->values ? sparse->values->name : NULL;
  out->rank = sparse->rank;
  out->dims = sparse->dims;
  if (!sparse->values || !sparse->indices || sparse->rank > BLOK_MAX_RANK) {
    return fail_sparse(out, error, "values, indices or dimensions are missing or too many");
  }
  BLOK_TRY(blok_literal_tensor(sparse->values, arena, &values, error));
  BLOK_TRY(blok_literal_tensor(sparse->indices, arena, &indices, error));
  if (!blok_dims_count(out->dims, out->rank, &out->count) ||
      !blok_mul_size(out->count, blok_dtype_size(values->dtype), &bytes) || bytes > limit) {
    return BLOK_FAIL(error, BLOK_E_LIMIT,
                     "sparse initializer '%s' of shape %s would take more than %llu bytes as a "
                     "dense one",
                     blok_quote(out->name).text, blok_print_dims(out->dims, out->rank).text,
                     (unsigned long long)limit);
  }
  bool positions = indices->rank == 1;
  bool coordinates = indices->rank == 2 && indices->dims[1] == (int64_t)out->rank;
  if (values->rank != 1 || indices->dtype != BLOK_I64 || !(positions || coordinates) ||
      indices->dims[0] != values->dims[0]) {
    return fail_sparse(out, error, "indices do not fit the values");
  }
  out->values = values;
  out->indices = indices;
  return BLOK_OK;
}

// Where the i-th value goes; false when that is outside.
static bool place_of(const sparse_parts *parts, size_t i, size_t *out) {
  if (parts->indices->rank == 1) {
    int64_t position = blok_ref_load_i64(parts->indices, i);
    *out = (size_t)position;
    return position >= 0 && (uint64_t)position < parts->count;
  }
  size_t place = 0;
  for (uint32_t axis = 0; axis < parts->rank; axis++) {
    int64_t at = blok_ref_load_i64(parts->indices, i * parts->rank + axis);
    if (at < 0 || at >= parts->dims[axis]) return false;
    place = place * (size_t)parts->dims[axis] + (size_t)at;
  }
  *out = place;
  return true;
}

static blok_status make_dense(blok_graph *graph, blok_value_id value, const sparse_parts *parts,
                              blok_arena *arena, blok_error *error) {
  size_t size = blok_dtype_size(parts->values->dtype);
  uint8_t *dense = blok_arena_zero(arena, parts->count * size);
  if (!dense) return blok_fail_memory(error, parts->count * size);
  for (size_t i = 0; i < (size_t)parts->values->dims[0]; i++) {
    size_t place = 0;
    if (!place_of(parts, i, &place)) return fail_sparse(parts, error, "an index is out of range");
    memcpy(dense + place * size, (const uint8_t *)parts->values->data + i * size, size);
  }
  blok_literal *literal = NULL;
  BLOK_TRY(blok_literal_make(&graph->module->arena, parts->values->dtype, parts->rank, parts->dims,
                             dense, parts->count * size, &literal, error));
  literal->name = blok_value_at(graph, value)->name;
  return blok_graph_add_initializer(graph, value, literal, error);
}

static blok_status densify_value(blok_graph *graph, blok_value_id value, const blok_sparse *sparse,
                                 uint64_t limit, blok_error *error) {
  blok_arena arena;
  blok_arena_init(&arena, &graph->module->allocator);
  sparse_parts parts = {0};
  blok_status status = read_parts(sparse, limit, &arena, &parts, error);
  if (status == BLOK_OK && parts.values && parts.indices) {
    status = make_dense(graph, value, &parts, &arena, error);
  }
  blok_arena_free(&arena);
  blok_value_at(graph, value)->is_sparse = false;
  return status;
}

static blok_status densify_graph(blok_graph *graph, void *context, blok_error *error) {
  const blok_pass_options *options = context;
  blok_names index;
  blok_status status = BLOK_OK;
  if (graph->n_sparse == 0) return BLOK_OK;
  blok_names_init(&index, &graph->module->allocator);
  for (uint32_t i = 0; i < graph->n_sparse; i++) {
    const blok_literal *values = graph->sparse[i].values;
    if (values && values->name && !blok_names_put(&index, values->name, i)) {
      BLOK_TRY_TO(done, blok_fail_memory(error, 0));
    }
  }
  for (uint32_t i = 1; i < graph->n_values; i++) {
    const blok_value *value = &graph->values[i];
    uint32_t at = 0;
    if (value->dead || !value->is_sparse || value->literal ||
        !blok_names_find(&index, value->name, &at)) {
      continue;
    }
    BLOK_TRY_TO(done, densify_value(graph, (blok_value_id){i}, &graph->sparse[at],
                                    options->limits.fold_bytes, error));
  }
  graph->n_sparse = 0;
  graph->sparse = NULL;
done:
  blok_names_free(&index);
  return status;
}

blok_status blok_pass_densify(blok_module *module, const blok_pass_options *options,
                              blok_error *error) {
  blok_pass_options copy = *options;
  return blok_each_graph(module->graph, densify_graph, &copy, error);
}
