// Constant and ConstantOfShape: elements that attributes hold.
#include <blok/session.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "reference/reference.h"
#include "reference/walk.h"

// ---- Constant -----------------------------------------------------------------------------------

// Writes count values of a sparse tensor where its indices say, into an output of zeros.
static blok_status place_values(const blok_ref_call *call, const blok_sparse *sparse,
                                const blok_tensor *out, size_t count, const unsigned char *values,
                                const int64_t *indices, blok_error *error) {
  size_t size = blok_dtype_size(out->dtype);
  size_t total = blok_ref_count(out);
  uint32_t width = sparse->indices->rank == 2 ? out->rank : 1;
  for (size_t i = 0; i < count; i++) {
    uint64_t at = 0;
    for (uint32_t axis = 0; axis < width; axis++) {
      int64_t limit = width == 1 && sparse->indices->rank == 1 ? (int64_t)total : out->dims[axis];
      int64_t index = indices[i * width + axis];
      if (index < 0 || index >= limit) {
        return blok_ref_fail(call, error, BLOK_E_SHAPE,
                             "index %lld of a sparse value is not below %lld", (long long)index,
                             (long long)limit);
      }
      at = at * (uint64_t)limit + (uint64_t)index;
    }
    memcpy((unsigned char *)out->data + at * size, values + i * size, size);
  }
  return BLOK_OK;
}

static blok_status sparse_value(const blok_ref_call *call, const blok_sparse *sparse,
                                const blok_tensor *out, blok_error *error) {
  size_t size = blok_dtype_size(out->dtype);
  size_t count = 0;
  size_t n_indices = 0;
  size_t wanted = 0;
  size_t total = blok_ref_count(out);
  void *values = NULL;
  int64_t *indices = NULL;
  blok_status status = BLOK_OK;
  if (size == 0 || out->dtype == BLOK_STRING) {
    return blok_ref_unsupported_type(call, error, out->dtype);
  }
  if (!sparse->values || !sparse->indices || sparse->indices->dtype != BLOK_I64 ||
      sparse->indices->rank < 1 || sparse->indices->rank > 2 ||
      !blok_literal_count(sparse->values, &count) ||
      !blok_literal_count(sparse->indices, &n_indices) ||
      !blok_mul_size(count, sparse->indices->rank == 2 ? out->rank : 1, &wanted) ||
      n_indices != wanted) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE,
                         "values and indices of the sparse value do not go together");
  }
  if (total > 0) memset(out->data, 0, total * size);
  BLOK_TRY_TO(done, blok_ref_scratch(call, count, size, &values, error));
  BLOK_TRY_TO(done, blok_ref_scratch(call, n_indices, sizeof *indices, &indices, error));
  BLOK_TRY_TO(done,
              blok_literal_read(sparse->values, call->allocator, values, count * size, error));
  BLOK_TRY_TO(done, blok_literal_read(sparse->indices, call->allocator, indices,
                                      n_indices * sizeof *indices, error));
  status = place_values(call, sparse, out, count, values, indices, error);
done:
  blok_free(call->allocator, values);
  blok_free(call->allocator, indices);
  return status;
}

static void set_text(const blok_tensor *out, size_t i, blok_bytes bytes) {
  blok_text *text = (blok_text *)out->data + i;
  text->bytes = (const char *)bytes.data;
  text->size = bytes.size;
}

static blok_status write_value(const blok_ref_call *call, const blok_attr *attr,
                               const blok_tensor *out, blok_error *error) {
  size_t count = blok_ref_count(out);
  size_t bytes = 0;
  switch ((int)attr->type) {
    case BLOK_ATTR_TENSOR:
      if (!attr->n || !blok_dense_bytes(out->dtype, count, &bytes)) break;
      return blok_literal_read(attr->as.literal, call->allocator, out->data, bytes, error);
    case BLOK_ATTR_SPARSE_TENSOR:
      if (!attr->n) break;
      return sparse_value(call, attr->as.sparse, out, error);
    case BLOK_ATTR_FLOAT:
      blok_ref_store(out, 0, (double)attr->as.f);
      return BLOK_OK;
    case BLOK_ATTR_INT:
      blok_ref_store_i64(out, 0, attr->as.i);
      return BLOK_OK;
    case BLOK_ATTR_STRING:
      set_text(out, 0, attr->as.s);
      return BLOK_OK;
    case BLOK_ATTR_FLOATS:
      for (size_t i = 0; i < count && i < attr->n; i++) {
        blok_ref_store(out, i, (double)attr->as.floats[i]);
      }
      return BLOK_OK;
    case BLOK_ATTR_INTS:
      for (size_t i = 0; i < count && i < attr->n; i++) {
        blok_ref_store_i64(out, i, attr->as.ints[i]);
      }
      return BLOK_OK;
    case BLOK_ATTR_STRINGS:
      for (size_t i = 0; i < count && i < attr->n; i++) set_text(out, i, attr->as.strings[i]);
      return BLOK_OK;
    default:
      break;
  }
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "attribute %s holds no value",
                       blok_quote(attr->name).text);
}

blok_status blok_ref_Constant(blok_ref_call *call, blok_error *error) {
  for (uint32_t i = 0; i < call->node->n_attrs; i++) {
    const blok_attr *attr = &call->node->attrs[i];
    if (!attr->name) continue;
    if (strncmp(attr->name, "value", 5) != 0 && strcmp(attr->name, "sparse_value") != 0) continue;
    return write_value(call, attr, call->out[0], error);
  }
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "it has no attribute that holds a value");
}

// ---- ConstantOfShape ----------------------------------------------------------------------------

blok_status blok_ref_ConstantOfShape(blok_ref_call *call, blok_error *error) {
  const blok_tensor *out = call->out[0];
  const blok_attr *attr = blok_node_attr(call->node, "value");
  size_t size = blok_dtype_size(out->dtype);
  size_t count = blok_ref_count(out);
  unsigned char element[16] = {0};
  if (size == 0 || size > sizeof element || out->dtype == BLOK_STRING) {
    return blok_ref_unsupported_type(call, error, out->dtype);
  }
  if (attr) {
    size_t n = 0;
    const blok_literal *literal =
        attr->type == BLOK_ATTR_TENSOR && attr->n ? attr->as.literal : NULL;
    if (!literal || literal->dtype != out->dtype || !blok_literal_count(literal, &n) || n != 1) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE,
                           "attribute value is no tensor of one element of type %s",
                           blok_dtype_name(out->dtype));
    }
    BLOK_TRY(blok_literal_read(literal, call->allocator, element, size, error));
  }
  blok_walk_copy_row(size, (int64_t)count, out->data, 1, element, 0);
  return BLOK_OK;
}
