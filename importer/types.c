// TypeProto to blok_type. Nesting is bounded by the scan of the wire.
#include "base/error.h"
#include "importer/reading.h"

static blok_status read_dim(blok_reading *reading,
                            const Blok__Onnx__TensorShapeProto__Dimension *message, blok_dim *dim,
                            blok_dim_notes *notes, blok_error *error) {
  *dim = blok_dim_unknown();
  switch ((int)message->value_case) {
    case BLOK__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE:
      if (message->dim_value >= 0) {
        dim->value = message->dim_value;
      } else {
        notes->negative = true;
        notes->value = message->dim_value;
      }
      break;
    case BLOK__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM:
      BLOK_TRY(blok_read_text(reading, message->dim_param, &dim->symbol, error));
      break;
    case BLOK__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE__NOT_SET:
    default:
      break;
  }
  BLOK_TRY(blok_read_text(reading, message->denotation, &notes->denotation, error));
  return blok_read_unknown(reading, message->base.unknown_fields, message->base.n_unknown_fields,
                           &notes->unknown, error);
}

static blok_status read_shape(blok_reading *reading, const Blok__Onnx__TensorShapeProto *message,
                              blok_type *type, blok_error *error) {
  if (!message) return BLOK_OK;
  type->has_shape = true;
  type->rank = (uint32_t)message->n_dim;
  type->dims = blok_arena_array(reading->arena, message->n_dim, sizeof *type->dims);
  type->dim_notes = blok_arena_array(reading->arena, message->n_dim, sizeof *type->dim_notes);
  if (!type->dims || !type->dim_notes) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < message->n_dim; i++) {
    BLOK_TRY(read_dim(reading, message->dim[i], &type->dims[i], &type->dim_notes[i], error));
  }
  return blok_read_unknown(reading, message->base.unknown_fields, message->base.n_unknown_fields,
                           &type->unknown_shape, error);
}

// tensor_type and sparse_tensor_type are alike.
static blok_status read_tensor(blok_reading *reading, bool has_dtype, int32_t dtype,
                               const Blok__Onnx__TensorShapeProto *shape, blok_type *type,
                               blok_error *error) {
  type->has_dtype = has_dtype;
  type->dtype = (blok_dtype)dtype;
  return read_shape(reading, shape, type, error);
}

blok_status blok_read_type(blok_reading *reading, const Blok__Onnx__TypeProto *message,
                           blok_type **out, blok_error *error) {
  *out = NULL;
  if (!message) return BLOK_OK;
  blok_type *type = blok_arena_zero(reading->arena, sizeof *type);
  if (!type) return blok_fail_memory(error, sizeof *type);
  *out = type;
  BLOK_TRY(blok_read_text(reading, message->denotation, &type->denotation, error));
  BLOK_TRY(blok_read_unknown(reading, message->base.unknown_fields, message->base.n_unknown_fields,
                             &type->unknown, error));
  const ProtobufCMessage *inner = NULL;
  switch ((int)message->value_case) {
    case BLOK__ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE: {
      const Blok__Onnx__TypeProto__Tensor *tensor = message->tensor_type;
      type->kind = BLOK_TYPE_TENSOR;
      inner = &tensor->base;
      BLOK_TRY(read_tensor(reading, tensor->has_elem_type, tensor->elem_type, tensor->shape, type,
                           error));
      break;
    }
    case BLOK__ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE: {
      const Blok__Onnx__TypeProto__SparseTensor *tensor = message->sparse_tensor_type;
      type->kind = BLOK_TYPE_SPARSE_TENSOR;
      inner = &tensor->base;
      BLOK_TRY(read_tensor(reading, tensor->has_elem_type, tensor->elem_type, tensor->shape, type,
                           error));
      break;
    }
    case BLOK__ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
      type->kind = BLOK_TYPE_SEQUENCE;
      inner = &message->sequence_type->base;
      BLOK_TRY(blok_read_type(reading, message->sequence_type->elem_type, &type->element, error));
      break;
    case BLOK__ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
      type->kind = BLOK_TYPE_OPTIONAL;
      inner = &message->optional_type->base;
      BLOK_TRY(blok_read_type(reading, message->optional_type->elem_type, &type->element, error));
      break;
    case BLOK__ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
      type->kind = BLOK_TYPE_MAP;
      inner = &message->map_type->base;
      type->has_key_dtype = message->map_type->has_key_type;
      type->key_dtype = message->map_type->key_type;
      BLOK_TRY(blok_read_type(reading, message->map_type->value_type, &type->element, error));
      break;
    case BLOK__ONNX__TYPE_PROTO__VALUE_OPAQUE_TYPE:
      type->kind = BLOK_TYPE_OPAQUE;
      inner = &message->opaque_type->base;
      BLOK_TRY(blok_read_text(reading, message->opaque_type->domain, &type->opaque_domain, error));
      BLOK_TRY(blok_read_text(reading, message->opaque_type->name, &type->opaque_name, error));
      break;
    case BLOK__ONNX__TYPE_PROTO__VALUE__NOT_SET:
    default:
      return BLOK_OK;
  }
  return blok_read_unknown(reading, inner->unknown_fields, inner->n_unknown_fields,
                           &type->unknown_inner, error);
}
