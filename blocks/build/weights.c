// Weights: fresh ones drawn as PyTorch draws them, the caller's put in their place, and their list.
//
// A weight's numbers come from the builder's seed, its name and each element's place, through a
// generator without a state (splitmix64 of a counter). So they are the same whatever stands around.
#include <string.h>

#include "base/error.h"
#include "base/near.h"
#include "base/options.h"
#include "base/size.h"
#include "blocks/build/build.h"

// ---- Drawing ------------------------------------------------------------------------------------

static uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// Uniform in [-bound, bound), 24 bits of each.
static void draw_uniform(uint64_t key, float bound, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const uint64_t bits = mix(key + (i + 1) * 0x9e3779b97f4a7c15u) >> 40;
    out[i] = ((float)(int64_t)bits * 0x1p-23f - 1.0f) * bound;
  }
}

static void draw_numbers(const blok_builder *builder, const char *name, blok_draw draw,
                         double bound, float *out, size_t count) {
  if (draw == BLOK_DRAW_UNIFORM) {
    const uint64_t key = mix(builder->seed ^ mix(blok_hash_bytes(name, strlen(name))));
    draw_uniform(key, (float)bound, out, count);
    return;
  }
  for (size_t i = 0; i < count; i++) out[i] = (float)bound;
}

// ---- Adding -------------------------------------------------------------------------------------

static blok_status check_new(const blok_builder *builder, const char *name, blok_dtype dtype,
                             uint32_t rank, const int64_t *dims, size_t *count, size_t *bytes,
                             blok_error *error) {
  uint32_t other;
  if (!*name) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "a weight needs a name");
  if (blok_names_find(&builder->taken, name, &other)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "weight '%s': the name is taken: give the block a name of its own",
                     blok_quote(name).text);
  }
  if (!blok_dims_count(dims, rank, count) || !blok_dense_bytes(dtype, *count, bytes)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "weight '%s' of shape %s: no such size",
                     blok_quote(name).text, blok_print_dims(dims, rank).text);
  }
  if (*count > builder->limits.tensor_elements || *bytes > builder->limits.run_bytes) {
    return BLOK_FAIL(error, BLOK_E_LIMIT,
                     "weight '%s' of shape %s has %zu bytes: the limits are %llu elements and %llu "
                     "bytes (tensor_elements and run_bytes of blok_limits)",
                     blok_quote(name).text, blok_print_dims(dims, rank).text, *bytes,
                     (unsigned long long)builder->limits.tensor_elements,
                     (unsigned long long)builder->limits.run_bytes);
  }
  return BLOK_OK;
}

// The value called name, with literal as its initializer. Takes the literal's storage over.
static blok_status add_initializer(blok_builder *builder, const char *name, blok_literal *literal,
                                   blok_value_id *out, blok_error *error) {
  blok_graph *graph = builder->graph;
  BLOK_TRY(blok_module_keep_literal(builder->module, literal, error));
  literal->name = blok_arena_text(&builder->module->arena, name);
  if (!literal->name) return blok_fail_memory(error, 0);
  if (!blok_names_put(&builder->taken, literal->name, graph->n_values) ||
      !blok_arena_grow(&builder->module->arena, &graph->initializers, &graph->cap_initializers,
                       graph->n_initializers, sizeof *graph->initializers)) {
    return blok_fail_memory(error, 0);
  }
  BLOK_TRY(blok_graph_add_value(graph, literal->name, out, error));
  graph->initializers[graph->n_initializers++] = *out;
  blok_value_at(graph, *out)->literal = literal;
  return blok_builder_learn_literal(builder, *out, literal, error);
}

static blok_status list_weight(blok_builder *builder, blok_value_id value, blok_error *error) {
  if (!blok_grow(&builder->allocator, &builder->weights, &builder->cap_weights, builder->n_weights,
                 sizeof *builder->weights)) {
    return blok_fail_memory(error, 0);
  }
  builder->weights[builder->n_weights++] = value;
  return BLOK_OK;
}

// The float32 weight of that name and these dims that the graph has already, where weights are
// shared; false: there is none.
static bool find_shared(const blok_builder *builder, const char *name, uint32_t rank,
                        const int64_t *dims, blok_value_id *out) {
  uint32_t place;
  if (!builder->shares || !blok_names_find(&builder->taken, name, &place) || place == 0) {
    return false;
  }
  const blok_literal *literal = blok_value_at(builder->graph, (blok_value_id){place})->literal;
  if (!literal || literal->dtype != BLOK_F32 || literal->rank != rank ||
      memcmp(literal->dims, dims, rank * sizeof *dims) != 0) {
    return false;
  }
  *out = (blok_value_id){place};
  return true;
}

blok_status blok_builder_weight(blok_builder *builder, const char *name, uint32_t rank,
                                const int64_t *dims, blok_draw draw, double bound,
                                blok_value_id *out, blok_error *error) {
  blok_arena *arena = &builder->module->arena;
  size_t count = 0, bytes = 0;
  *out = BLOK_NO_VALUE;
  if (find_shared(builder, name, rank, dims, out)) return BLOK_OK;
  BLOK_TRY(check_new(builder, name, BLOK_F32, rank, dims, &count, &bytes, error));
  blok_literal *literal = blok_arena_zero(arena, sizeof *literal);
  int64_t *own = blok_arena_copy(arena, dims, rank * sizeof *dims);
  if (!literal || !own) return blok_fail_memory(error, 0);
  float *numbers = blok_alloc(&builder->allocator, bytes);
  if (!numbers) return blok_fail_memory(error, bytes);
  draw_numbers(builder, name, draw, bound, numbers, count);
  literal->storage = blok_storage_own(&builder->allocator, numbers, bytes);
  if (!literal->storage) {
    blok_free(&builder->allocator, numbers);
    return blok_fail_memory(error, 0);
  }
  literal->dtype = BLOK_F32;
  literal->has_dtype = true;
  literal->rank = rank;
  literal->dims = own;
  literal->encoding = BLOK_ENCODED_RAW;
  BLOK_TRY(add_initializer(builder, name, literal, out, error));
  return rank > 0 ? list_weight(builder, *out, error) : BLOK_OK;
}

static bool counts_as_weight(const blok_tensor *tensor) {
  return tensor->rank > 0 && (tensor->dtype == BLOK_F32 || tensor->dtype == BLOK_F64 ||
                              tensor->dtype == BLOK_F16 || tensor->dtype == BLOK_BF16);
}

blok_status blok_builder_check_tensor(const char *what, const char *name, const blok_tensor *tensor,
                                      size_t *bytes, blok_error *error) {
  size_t count = 0;
  BLOK_TRY(blok_check_struct(tensor, "blok_tensor", error));
  if (!tensor || tensor->rank > BLOK_MAX_RANK) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s '%s': tensor %s", what, blok_quote(name).text,
                     tensor ? "has too many axes" : "is NULL");
  }
  if (!blok_dims_count(tensor->dims, tensor->rank, &count) ||
      !blok_dense_bytes(tensor->dtype, count, bytes)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s '%s': no tensor is %s%s", what,
                     blok_quote(name).text, blok_dtype_name(tensor->dtype),
                     blok_print_dims(tensor->dims, tensor->rank).text);
  }
  if (*bytes && (!tensor->data || tensor->bytes < *bytes)) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s '%s': %s%s needs %zu bytes, the tensor has %zu",
                     what, blok_quote(name).text, blok_dtype_name(tensor->dtype),
                     blok_print_dims(tensor->dims, tensor->rank).text, *bytes,
                     tensor->data ? tensor->bytes : 0);
  }
  return BLOK_OK;
}

blok_status blok_builder_initializer(blok_builder *builder, const char *name,
                                     const blok_tensor *tensor, blok_value_id *out,
                                     blok_error *error) {
  size_t count = 0, bytes = 0;
  blok_literal *literal = NULL;
  *out = BLOK_NO_VALUE;
  BLOK_TRY(blok_builder_check_tensor("constant", name, tensor, &bytes, error));
  BLOK_TRY(
      check_new(builder, name, tensor->dtype, tensor->rank, tensor->dims, &count, &bytes, error));
  BLOK_TRY(blok_literal_make(&builder->module->arena, tensor->dtype, tensor->rank, tensor->dims,
                             tensor->data, bytes, &literal, error));
  BLOK_TRY(add_initializer(builder, name, literal, out, error));
  return counts_as_weight(tensor) ? list_weight(builder, *out, error) : BLOK_OK;
}

blok_status blok_build_constant(blok_builder *builder, const char *name, const blok_tensor *tensor,
                                blok_value_id *out, blok_error *error) {
  blok_value_id made = BLOK_NO_VALUE;
  BLOK_TRY(blok_builder_enter_bare(builder, "blok_build_constant", error));
  BLOK_TRY(blok_builder_check_name("blok_build_constant", name, error));
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_build_constant: out is NULL");
  const blok_build_mark mark = blok_builder_mark(builder);
  const blok_status status = blok_builder_close(
      builder, &mark, blok_builder_initializer(builder, name, tensor, &made, error));
  if (status == BLOK_OK) *out = made;
  return status;
}

// ---- The caller's numbers -----------------------------------------------------------------------

static blok_status no_weight(const blok_builder *builder, const char *name, blok_error *error) {
  const char **names = blok_alloc_array(&builder->allocator, builder->n_weights + 1, sizeof *names);
  if (!names) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < builder->n_weights; i++) {
    names[i] = blok_value_at(builder->graph, builder->weights[i])->name;
  }
  const blok_near_names near = blok_names_near(name, names, builder->n_weights);
  blok_free(&builder->allocator, names);
  return BLOK_FAIL(error, BLOK_E_NOT_FOUND, "no weight is called '%s'%s", blok_quote(name).text,
                   near.text);
}

static blok_status check_same(const char *name, const blok_literal *literal,
                              const blok_tensor *tensor, blok_error *error) {
  bool same = literal->dtype == tensor->dtype && literal->rank == tensor->rank;
  for (uint32_t i = 0; same && i < literal->rank; i++) same = literal->dims[i] == tensor->dims[i];
  if (same && literal->dtype != BLOK_STRING) return BLOK_OK;
  return BLOK_FAIL(
      error, BLOK_E_ARGUMENT, "weight '%s' is %s%s, and the tensor %s%s", blok_quote(name).text,
      blok_dtype_name(literal->dtype), blok_print_dims(literal->dims, literal->rank).text,
      blok_dtype_name(tensor->dtype), blok_print_dims(tensor->dims, tensor->rank).text);
}

blok_status blok_build_weight(blok_builder *builder, const char *name, const blok_tensor *tensor,
                              blok_error *error) {
  blok_value_id value = BLOK_NO_VALUE;
  size_t bytes = 0;
  BLOK_TRY(blok_builder_enter_bare(builder, "blok_build_weight", error));
  BLOK_TRY(blok_builder_check_name("blok_build_weight", name, error));
  BLOK_TRY(blok_builder_check_tensor("weight", name, tensor, &bytes, error));
  if (!blok_names_find(&builder->taken, name, &value.i)) return no_weight(builder, name, error);
  blok_literal *literal = builder->graph->values[value.i].literal;
  if (!literal) return no_weight(builder, name, error);
  BLOK_TRY(check_same(name, literal, tensor, error));
  if (!literal->storage) return BLOK_OK;  // no elements
  blok_storage *storage = blok_storage_copy(&builder->allocator, tensor->data, bytes);
  if (!storage) return blok_fail_memory(error, bytes);
  const blok_literal was = *literal;
  literal->storage = storage;
  literal->encoding = BLOK_ENCODED_RAW;
  literal->location = NULL;
  literal->external = NULL;
  literal->n_external = 0;
  literal->has_data_location = false;
  const blok_status status = blok_builder_renew(builder, value, error);
  if (status == BLOK_OK) {
    blok_builder_drop_view(builder);
    blok_storage_release(was.storage);
  } else {
    blok_storage_release(storage);
    *literal = was;
  }
  return status;
}

// ---- The list -----------------------------------------------------------------------------------

blok_status blok_build_weight_info(const blok_builder *builder, size_t index,
                                   blok_weight_info *info) {
  if (!builder || !builder->module || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  if (index >= builder->n_weights) return BLOK_E_NOT_FOUND;
  const blok_value *value = blok_value_at(builder->graph, builder->weights[index]);
  const blok_literal *literal = value->literal;
  size_t count = 0, bytes = 0;
  if (!blok_literal_count(literal, &count) || !blok_dense_bytes(literal->dtype, count, &bytes)) {
    bytes = 0;
  }
  BLOK_FILL(info, .name = value->name, .dtype = literal->dtype, .rank = literal->rank,
            .dims = literal->dims, .bytes = bytes, .location = literal->location);
  return BLOK_OK;
}
