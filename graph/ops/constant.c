// Constant and ConstantOfShape.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/ops/elements.h"
#include "graph/ops/ops.h"

static const blok_allocator *allocator_of(const blok_infer *context) {
  const blok_module *module = context->graph->module;
  return module ? &module->allocator : blok_allocator_default();
}

// Numbers of a small int32, int64 or bool literal into the elements of output 0.
static blok_status literal_elements(blok_infer *context, const blok_literal *literal,
                                    blok_error *error) {
  union {
    int64_t i64[BLOK_FACT_ELEMENTS];
    int32_t i32[BLOK_FACT_ELEMENTS];
    uint8_t bits[BLOK_FACT_ELEMENTS];
  } values;
  blok_element items[BLOK_FACT_ELEMENTS];
  size_t count = 0;
  size_t bytes = 0;
  blok_dtype dtype = literal->dtype;
  if (dtype != BLOK_I32 && dtype != BLOK_I64 && dtype != BLOK_BOOL) return BLOK_OK;
  if (!blok_literal_count(literal, &count) || count > BLOK_FACT_ELEMENTS) return BLOK_OK;
  if (!blok_dense_bytes(dtype, count, &bytes)) return BLOK_OK;
  BLOK_TRY(blok_literal_read(literal, allocator_of(context), &values, bytes, error));
  for (size_t i = 0; i < count; i++) {
    int64_t value = dtype == BLOK_I64   ? values.i64[i]
                    : dtype == BLOK_I32 ? (int64_t)values.i32[i]
                                        : (int64_t)values.bits[i];
    items[i] = blok_element_of(value);
  }
  return blok_elements_put(context, 0, items, (uint32_t)count, error);
}

static blok_status set_dims(blok_infer *context, blok_dtype dtype, uint32_t rank,
                            const int64_t *dims, blok_error *error) {
  blok_dim out[BLOK_MAX_RANK] = {{0, NULL}};
  if (rank > BLOK_MAX_RANK) {
    return blok_infer_fail(context, error, "its value has %u axes, the limit is %u", rank,
                           (unsigned)BLOK_MAX_RANK);
  }
  for (uint32_t i = 0; i < rank; i++) {
    if (dims[i] < 0) {
      return blok_infer_fail(context, error, "its value has the shape %s",
                             blok_print_dims(dims, rank).text);
    }
    out[i] = blok_dim_of(dims[i]);
  }
  return blok_infer_set(context, 0, dtype, rank, out, error);
}

static blok_status constant_value(blok_infer *context, const blok_attr *attr, blok_error *error) {
  int64_t n = attr->n;
  blok_element items[BLOK_FACT_ELEMENTS];
  switch ((int)attr->type) {
    case BLOK_ATTR_TENSOR: {
      const blok_literal *literal = attr->as.literal;
      if (attr->n == 0 || !literal) break;
      BLOK_TRY(set_dims(context, literal->dtype, literal->rank, literal->dims, error));
      return literal_elements(context, literal, error);
    }
    case BLOK_ATTR_SPARSE_TENSOR: {
      const blok_sparse *sparse = attr->as.sparse;
      if (attr->n == 0 || !sparse || !sparse->values) break;
      return set_dims(context, sparse->values->dtype, sparse->rank, sparse->dims, error);
    }
    case BLOK_ATTR_FLOAT:
      return set_dims(context, BLOK_F32, 0, NULL, error);
    case BLOK_ATTR_FLOATS:
      return set_dims(context, BLOK_F32, 1, &n, error);
    case BLOK_ATTR_INT:
      BLOK_TRY(set_dims(context, BLOK_I64, 0, NULL, error));
      items[0] = blok_element_of(attr->as.i);
      return blok_elements_put(context, 0, items, 1, error);
    case BLOK_ATTR_INTS:
      BLOK_TRY(set_dims(context, BLOK_I64, 1, &n, error));
      if (n > BLOK_FACT_ELEMENTS) return BLOK_OK;
      for (int64_t i = 0; i < n; i++) items[i] = blok_element_of(attr->as.ints[i]);
      return blok_elements_put(context, 0, items, (uint32_t)n, error);
    case BLOK_ATTR_STRING:
      return set_dims(context, BLOK_STRING, 0, NULL, error);
    case BLOK_ATTR_STRINGS:
      return set_dims(context, BLOK_STRING, 1, &n, error);
    default:
      break;
  }
  return blok_infer_fail(context, error, "attribute %s holds no value",
                         blok_quote(attr->name).text);
}

static bool names_value(const char *name) {
  return name && (strncmp(name, "value", 5) == 0 || strcmp(name, "sparse_value") == 0);
}

blok_status blok_infer_Constant(blok_infer *context, blok_error *error) {
  const blok_attr *found = NULL;
  for (uint32_t i = 0; i < context->node->n_attrs; i++) {
    const blok_attr *attr = &context->node->attrs[i];
    if (!names_value(attr->name)) continue;
    if (found) {
      return blok_infer_fail(context, error, "it has both the attributes %s and %s",
                             blok_quote(found->name).text, blok_quote(attr->name).text);
    }
    found = attr;
  }
  if (!found) return blok_infer_fail(context, error, "it has no attribute that holds a value");
  return context->n_out > 0 ? constant_value(context, found, error) : BLOK_OK;
}

blok_status blok_infer_ConstantOfShape(blok_infer *context, blok_error *error) {
  const blok_attr *attr = blok_node_attr(context->node, "value");
  const blok_literal *literal =
      attr && attr->type == BLOK_ATTR_TENSOR && attr->n ? attr->as.literal : NULL;
  blok_dtype dtype = BLOK_F32;
  if (context->n_out == 0) return BLOK_OK;
  if (attr) {
    size_t count = 0;
    if (!literal || !blok_literal_count(literal, &count) || count != 1) {
      return blok_infer_fail(context, error, "attribute value is no tensor of one element");
    }
    dtype = literal->dtype;
  }
  const blok_fact *shape = blok_infer_in(context, 0);
  int64_t length = blok_infer_length(shape);
  if (length > BLOK_MAX_RANK) {
    return blok_infer_fail(context, error, "the shape asked for has %lld axes, the limit is %u",
                           (long long)length, (unsigned)BLOK_MAX_RANK);
  }
  blok_element sizes[BLOK_FACT_ELEMENTS];
  blok_dim dims[BLOK_MAX_RANK];
  uint32_t rank = 0;
  if (length < 0 || !blok_elements_get(shape, sizes, &rank)) {
    blok_infer_set_dtype(context, 0, dtype);
    return BLOK_OK;
  }
  for (uint32_t i = 0; i < rank; i++) {
    if (sizes[i].known && sizes[i].value < 0) {
      return blok_infer_fail(context, error, "axis %u of the shape asked for is %lld", i,
                             (long long)sizes[i].value);
    }
    dims[i] = blok_dim_of_element(sizes[i]);
  }
  BLOK_TRY(blok_infer_set(context, 0, dtype, rank, dims, error));
  size_t count = 0;
  if (!blok_fact_count(&context->out[0], &count) || count > BLOK_FACT_ELEMENTS) return BLOK_OK;
  if (dtype != BLOK_I32 && dtype != BLOK_I64 && dtype != BLOK_BOOL) return BLOK_OK;
  int64_t wide = 0;
  int32_t narrow = 0;
  uint8_t truth = 0;
  void *value = dtype == BLOK_I64 ? (void *)&wide : dtype == BLOK_I32 ? (void *)&narrow : &truth;
  size_t bytes = dtype == BLOK_I64 ? sizeof wide : dtype == BLOK_I32 ? sizeof narrow : sizeof truth;
  BLOK_TRY(blok_literal_read(literal, allocator_of(context), value, bytes, error));
  blok_element items[BLOK_FACT_ELEMENTS];
  for (size_t i = 0; i < count; i++) {
    items[i] = blok_element_of(dtype == BLOK_I64   ? wide
                               : dtype == BLOK_I32 ? (int64_t)narrow
                                                   : (int64_t)truth);
  }
  return blok_elements_put(context, 0, items, (uint32_t)count, error);
}
