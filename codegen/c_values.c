// Values in the text of a C program: types, shapes, elements and attributes.
#include <string.h>

#include "codegen/c.h"

// ---- Lists --------------------------------------------------------------------------------------

static const char *int_text(blok_c *self, int64_t value) {
  if (value == INT64_MIN) return "INT64_MIN";
  if (value == INT64_MAX) return "INT64_MAX";
  const bool wide = value > INT32_MAX || value < INT32_MIN;
  return blok_c_text(self, "%lld%s", (long long)value, wide ? "LL" : "");
}

static const char *float_text(blok_c *self, double value) {
  const char *number = blok_c_number(self, value);
  return blok_c_text(self, "%s%s", number, strpbrk(number, ".e") ? "f" : "");
}

static const char *ints_text(blok_c *self, size_t n, const int64_t *ints) {
  blok_page list;
  blok_page_begin(&list, &self->outline->allocator);
  for (size_t i = 0; i < n; i++) blok_page_item(&list, int_text(self, ints[i]));
  return blok_c_keep(self, blok_page_end(&list, &self->arena));
}

static const char *floats_text(blok_c *self, const blok_attr *attr) {
  blok_page list;
  blok_page_begin(&list, &self->outline->allocator);
  for (uint32_t i = 0; i < attr->n; i++) {
    blok_page_item(&list, float_text(self, (double)attr->as.floats[i]));
  }
  return blok_c_keep(self, blok_page_end(&list, &self->arena));
}

// ---- Tensors ------------------------------------------------------------------------------------

const char *blok_c_dtype(blok_dtype dtype) {
  switch (dtype) {
    case BLOK_F32:
      return "BLOK_F32";
    case BLOK_F64:
      return "BLOK_F64";
    case BLOK_F16:
      return "BLOK_F16";
    case BLOK_I64:
      return "BLOK_I64";
    case BLOK_I32:
      return "BLOK_I32";
    case BLOK_I16:
      return "BLOK_I16";
    case BLOK_I8:
      return "BLOK_I8";
    case BLOK_U8:
      return "BLOK_U8";
    case BLOK_U16:
      return "BLOK_U16";
    case BLOK_U32:
      return "BLOK_U32";
    case BLOK_U64:
      return "BLOK_U64";
    case BLOK_BOOL:
      return "BLOK_BOOL";
    case BLOK_UNDEFINED:
    case BLOK_STRING:
    case BLOK_C64:
    case BLOK_C128:
    case BLOK_BF16:
    case BLOK_F8E4M3FN:
    case BLOK_F8E4M3FNUZ:
    case BLOK_F8E5M2:
    case BLOK_F8E5M2FNUZ:
    case BLOK_U4:
    case BLOK_I4:
    case BLOK_F4E2M1:
    case BLOK_F8E8M0:
    case BLOK_U2:
    case BLOK_I2:
    case BLOK_F6E2M3:
    case BLOK_F6E3M2:
      break;
  }
  return NULL;
}

const char *blok_c_dims(blok_c *self, uint32_t rank, const int64_t *dims) {
  if (rank == 0) return "0, NULL";
  return blok_c_text(self, "%u, (int64_t[]){%s}", rank, ints_text(self, rank, dims));
}

const char *blok_c_elements(blok_c *self, const blok_inline *value) {
  const bool real = value->dtype == BLOK_F32 || value->dtype == BLOK_F64;
  const char *type = value->dtype == BLOK_F32    ? "float"
                     : value->dtype == BLOK_F64  ? "double"
                     : value->dtype == BLOK_I32  ? "int32_t"
                     : value->dtype == BLOK_BOOL ? "bool"
                                                 : "int64_t";
  blok_page list;
  if (!value->n) return "NULL";
  blok_page_begin(&list, &self->outline->allocator);
  for (uint32_t i = 0; i < value->n; i++) {
    blok_page_item(&list, !real                      ? int_text(self, value->ints[i])
                          : value->dtype == BLOK_F32 ? float_text(self, value->floats[i])
                                                     : blok_c_number(self, value->floats[i]));
  }
  return blok_c_text(self, "(%s[]){%s}", type,
                     blok_c_keep(self, blok_page_end(&list, &self->arena)));
}

const char *blok_c_tensor(blok_c *self, const char *name, const blok_inline *value) {
  size_t bytes = 0;
  if (!value->n || !blok_dense_bytes(value->dtype, value->n, &bytes)) return NULL;
  const char *dims = value->rank ? ints_text(self, value->rank, value->dims) : "0";
  return blok_c_text(self,
                     "{.name = %s, .type = \"tensor\", .tensor = "
                     "&(blok_tensor){sizeof(blok_tensor), %s, %u, {%s}, %s, %zu}}",
                     name, blok_c_dtype(value->dtype), value->rank, dims,
                     blok_c_elements(self, value), bytes);
}

// ---- Attributes ---------------------------------------------------------------------------------

const char *blok_c_attribute(blok_c *self, const blok_attr *attr) {
  const char *name = blok_c_quoted(self, attr->name);
  const char *text = NULL;
  blok_inline value;
  switch (attr->type) {
    case BLOK_ATTR_INT:
      self->needs[BLOK_C_INT] = true;
      return blok_c_text(self, "INT(%s, %s)", name, int_text(self, attr->as.i));
    case BLOK_ATTR_FLOAT:
      self->needs[BLOK_C_FLOAT] = true;
      return blok_c_text(self, "FLOAT(%s, %s)", name, float_text(self, (double)attr->as.f));
    case BLOK_ATTR_STRING:
      self->needs[BLOK_C_TEXT] = true;
      text = blok_c_keep(
          self, blok_arena_textn(&self->arena, (const char *)attr->as.s.data, attr->as.s.size));
      return blok_c_text(self, "TEXT(%s, %s)", name, blok_c_quoted(self, text));
    case BLOK_ATTR_INTS:
      if (attr->n == 0) return NULL;
      self->needs[BLOK_C_INTS] = true;
      return blok_c_text(self, "INTS(%s, %s)", name, ints_text(self, attr->n, attr->as.ints));
    case BLOK_ATTR_FLOATS:
      if (attr->n == 0) return NULL;
      self->needs[BLOK_C_FLOATS] = true;
      return blok_c_text(self, "FLOATS(%s, %s)", name, floats_text(self, attr));
    case BLOK_ATTR_TENSOR:
      return blok_inline_of(attr->as.literal, &self->outline->allocator, &value)
                 ? blok_c_tensor(self, name, &value)
                 : NULL;
    case BLOK_ATTR_UNDEFINED:
    case BLOK_ATTR_GRAPH:
    case BLOK_ATTR_STRINGS:
    case BLOK_ATTR_TENSORS:
    case BLOK_ATTR_GRAPHS:
    case BLOK_ATTR_SPARSE_TENSOR:
    case BLOK_ATTR_SPARSE_TENSORS:
    case BLOK_ATTR_TYPE:
    case BLOK_ATTR_TYPES:
      break;
  }
  return NULL;
}
