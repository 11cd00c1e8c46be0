// Constants of the source graph: finding them behind Constant nodes and Identities, reading their
// elements, and making new ones.
#include "base/error.h"
#include "base/half.h"
#include "base/size.h"
#include "blocks/edit/edit.h"

#define MOST_STEPS 16

// ---- Finding ------------------------------------------------------------------------------------

static bool is_default(const blok_node *node) { return blok_node_domain(node)[0] == '\0'; }

const blok_literal *blok_editing_literal(const blok_graph *graph, blok_value_id id,
                                         blok_value_id *where) {
  for (int step = 0; id.i && step < MOST_STEPS; step++) {
    const blok_value *value = blok_value_at(graph, id);
    if (where) *where = id;
    if (value->literal) return value->literal;
    if (!value->producer.i) return NULL;
    const blok_node *node = blok_node_at(graph, value->producer);
    if (!is_default(node)) return NULL;
    if (node->op == BLOK_OP_Constant) {
      const blok_attr *attr = blok_node_attr(node, "value");
      return attr && attr->type == BLOK_ATTR_TENSOR ? attr->as.literal : NULL;
    }
    if (node->op != BLOK_OP_Identity) return NULL;
    id = blok_node_input(node, 0);
  }
  return NULL;
}

// ---- Reading ------------------------------------------------------------------------------------

// The elements as they lie in memory, in scratch memory.
static blok_status read_native(blok_editing *editing, const blok_literal *literal, void **out,
                               size_t *count) {
  size_t bytes = 0;
  *out = NULL;
  if (!blok_literal_count(literal, count) || !blok_dense_bytes(literal->dtype, *count, &bytes)) {
    return BLOK_FAIL(editing->error, BLOK_E_LIMIT, "constant '%s' holds more than memory can",
                     blok_quote(literal->name).text);
  }
  *out = blok_arena_zero(&editing->scratch, bytes ? bytes : 1);
  if (!*out) return blok_fail_memory(editing->error, bytes);
  return blok_literal_read(literal, &editing->builder->allocator, *out, bytes, editing->error);
}

blok_status blok_editing_read(blok_editing *editing, const blok_literal *literal, double **out,
                              size_t *count) {
  void *native = NULL;
  size_t bytes = 0;
  const blok_dtype dtype = literal->dtype;
  if (dtype != BLOK_F32 && dtype != BLOK_F64 && dtype != BLOK_F16 && dtype != BLOK_BF16) {
    return BLOK_FAIL(editing->error, BLOK_E_UNSUPPORTED, "constant '%s' is %s, no float",
                     blok_quote(literal->name).text, blok_dtype_name(dtype));
  }
  BLOK_TRY(read_native(editing, literal, &native, count));
  if (dtype == BLOK_F64) {
    *out = native;
    return BLOK_OK;
  }
  if (!blok_mul_size(*count ? *count : 1, sizeof **out, &bytes)) {
    return blok_fail_memory(editing->error, 0);
  }
  *out = blok_arena_alloc(&editing->scratch, bytes);
  if (!*out) return blok_fail_memory(editing->error, bytes);
  for (size_t i = 0; i < *count; i++) {
    (*out)[i] = dtype == BLOK_F32   ? (double)((const float *)native)[i]
                : dtype == BLOK_F16 ? (double)blok_f16_to_f32(((const uint16_t *)native)[i])
                                    : (double)blok_bf16_to_f32(((const uint16_t *)native)[i]);
  }
  return BLOK_OK;
}

blok_status blok_editing_read_ints(blok_editing *editing, const blok_literal *literal,
                                   int64_t **out, size_t *count) {
  void *native = NULL;
  *out = NULL;
  if (literal->dtype != BLOK_I64) return BLOK_OK;
  BLOK_TRY(read_native(editing, literal, &native, count));
  *out = native;
  return BLOK_OK;
}

// ---- Making -------------------------------------------------------------------------------------

// stem, or stem and a number, whichever is free.
static const char *free_name(const blok_editing *editing, const char *stem) {
  const blok_names *taken = &editing->builder->taken;
  blok_arena *arena = &editing->builder->module->arena;
  uint32_t other = 0, number = 0;
  const char *name = blok_arena_text(arena, stem);
  while (name && blok_names_find(taken, name, &other)) {
    name = blok_arena_format(arena, "%s_%u", stem, ++number);
  }
  return name;
}

blok_status blok_editing_fresh(blok_editing *editing, const char *stem, const char **out) {
  const char *name = free_name(editing, stem);
  if (!name || !blok_names_put(&editing->builder->taken, name, 0))
    return blok_fail_memory(editing->error, 0);
  *out = name;
  return BLOK_OK;
}

static blok_status add(blok_editing *editing, const char *stem, blok_dtype dtype, uint32_t rank,
                       const int64_t *dims, const void *elements, size_t bytes,
                       blok_value_id *out) {
  blok_graph *graph = editing->graph;
  const char *name = NULL;
  blok_literal *literal = NULL;
  BLOK_TRY(blok_editing_fresh(editing, stem, &name));
  BLOK_TRY(blok_graph_add_value(graph, name, out, editing->error));
  BLOK_TRY(blok_literal_make(&graph->module->arena, dtype, rank, dims, elements, bytes, &literal,
                             editing->error));
  literal->name = name;
  return blok_graph_add_initializer(graph, *out, literal, editing->error);
}

// Doubles rounded to dtype, in scratch memory.
static blok_status round_to(blok_editing *editing, blok_dtype dtype, uint32_t rank,
                            const int64_t *dims, const double *elements, void **out,
                            size_t *bytes) {
  size_t count = 0;
  if (!blok_dims_count(dims, rank, &count) || !blok_dense_bytes(dtype, count, bytes)) {
    return blok_fail_memory(editing->error, 0);
  }
  void *native = blok_arena_alloc(&editing->scratch, *bytes ? *bytes : 1);
  *out = native;
  if (!native) return blok_fail_memory(editing->error, *bytes);
  for (size_t i = 0; i < count; i++) {
    if (dtype == BLOK_F64) {
      ((double *)native)[i] = elements[i];
    } else if (dtype == BLOK_F16) {
      ((uint16_t *)native)[i] = blok_f16_from_f64(elements[i]);
    } else if (dtype == BLOK_BF16) {
      ((uint16_t *)native)[i] = blok_bf16_from_f64(elements[i]);
    } else {
      ((float *)native)[i] = (float)elements[i];
    }
  }
  return BLOK_OK;
}

blok_status blok_editing_write(blok_editing *editing, const char *stem, blok_dtype dtype,
                               uint32_t rank, const int64_t *dims, const double *elements,
                               blok_value_id *out) {
  void *native = NULL;
  size_t bytes = 0;
  BLOK_TRY(round_to(editing, dtype, rank, dims, elements, &native, &bytes));
  return add(editing, stem, dtype, rank, dims, native, bytes, out);
}

blok_status blok_editing_fill(blok_editing *editing, blok_value_id value, blok_dtype dtype,
                              uint32_t rank, const int64_t *dims, const double *elements) {
  blok_module *module = editing->builder->module;
  void *native = NULL;
  size_t bytes = 0;
  blok_literal *literal = NULL;
  BLOK_TRY(round_to(editing, dtype, rank, dims, elements, &native, &bytes));
  BLOK_TRY(blok_literal_make(&module->arena, dtype, rank, dims, native, bytes, &literal,
                             editing->error));
  literal->name = blok_value_at(editing->graph, value)->name;
  BLOK_TRY(blok_module_keep_literal(module, literal, editing->error));
  blok_value_at(editing->graph, value)->literal = literal;
  return BLOK_OK;
}

blok_status blok_editing_write_ints(blok_editing *editing, const char *stem, const int64_t *ints,
                                    uint32_t n, blok_value_id *out) {
  const int64_t dims[1] = {n};
  return add(editing, stem, BLOK_I64, 1, dims, ints, n * sizeof *ints, out);
}

blok_status blok_editing_draw(blok_editing *editing, const char *name, blok_dtype dtype,
                              uint32_t rank, const int64_t *dims, blok_draw draw, double bound,
                              blok_value_id *out) {
  double *elements = NULL;
  size_t count = 0;
  name = free_name(editing, name);
  if (!name) return blok_fail_memory(editing->error, 0);
  BLOK_TRY(
      blok_builder_weight(editing->builder, name, rank, dims, draw, bound, out, editing->error));
  if (dtype != BLOK_F64 && dtype != BLOK_F16 && dtype != BLOK_BF16) return BLOK_OK;
  const blok_literal *literal = blok_value_at(editing->graph, *out)->literal;
  BLOK_TRY(blok_editing_read(editing, literal, &elements, &count));
  return blok_editing_fill(editing, *out, dtype, rank, dims, elements);
}
