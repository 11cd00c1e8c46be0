// blok_type to TypeProto.
#include "base/error.h"
#include "exporter/writing.h"

static blok_status write_dim(blok_writing *writing, blok_dim dim, const blok_dim_notes *notes,
                             Blok__Onnx__TensorShapeProto__Dimension **out, blok_error *error) {
  Blok__Onnx__TensorShapeProto__Dimension *message =
      blok_write_take(writing, 1, sizeof *message, error);
  *out = message;
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__tensor_shape_proto__dimension__init(message);
  bool negative = notes && notes->negative;
  if (blok_dim_known(dim) || negative) {
    message->value_case = BLOK__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
    message->dim_value = negative ? notes->value : dim.value;
  } else if (dim.symbol) {
    message->value_case = BLOK__ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
    message->dim_param = blok_write_text(dim.symbol);
  }
  if (!notes) return BLOK_OK;
  message->denotation = blok_write_text(notes->denotation);
  return blok_write_unknown(writing, notes->unknown, &message->base, error);
}

static blok_status write_shape(blok_writing *writing, const blok_type *type,
                               Blok__Onnx__TensorShapeProto **out, blok_error *error) {
  *out = NULL;
  if (!type->has_shape) return BLOK_OK;
  Blok__Onnx__TensorShapeProto *message = blok_write_take(writing, 1, sizeof *message, error);
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__tensor_shape_proto__init(message);
  message->n_dim = type->rank;
  message->dim = blok_write_take(writing, type->rank, sizeof *message->dim, error);
  if (!message->dim) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < type->rank; i++) {
    const blok_dim_notes *notes = type->dim_notes ? &type->dim_notes[i] : NULL;
    BLOK_TRY(write_dim(writing, type->dims[i], notes, &message->dim[i], error));
  }
  *out = message;
  return blok_write_unknown(writing, type->unknown_shape, &message->base, error);
}

// Makes the inner message of one kind and puts it into the TypeProto's union.
#define INNER(Type, init, field, CASE)                             \
  Type *inner = blok_write_take(writing, 1, sizeof *inner, error); \
  if (!inner) return BLOK_E_MEMORY;                                \
  init(inner);                                                     \
  message->value_case = BLOK__ONNX__TYPE_PROTO__VALUE_##CASE;      \
  message->field = inner;                                          \
  BLOK_TRY(blok_write_unknown(writing, type->unknown_inner, &inner->base, error))

blok_status blok_write_type(blok_writing *writing, const blok_type *type,
                            Blok__Onnx__TypeProto **out, blok_error *error) {
  *out = NULL;
  if (!type) return BLOK_OK;
  Blok__Onnx__TypeProto *message = blok_write_take(writing, 1, sizeof *message, error);
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__type_proto__init(message);
  *out = message;
  message->denotation = blok_write_text(type->denotation);
  BLOK_TRY(blok_write_unknown(writing, type->unknown, &message->base, error));
  switch (type->kind) {
    case BLOK_TYPE_NONE:
      return BLOK_OK;
    case BLOK_TYPE_TENSOR: {
      INNER(Blok__Onnx__TypeProto__Tensor, blok__onnx__type_proto__tensor__init, tensor_type,
            TENSOR_TYPE);
      inner->has_elem_type = type->has_dtype;
      inner->elem_type = (int32_t)type->dtype;
      return write_shape(writing, type, &inner->shape, error);
    }
    case BLOK_TYPE_SPARSE_TENSOR: {
      INNER(Blok__Onnx__TypeProto__SparseTensor, blok__onnx__type_proto__sparse_tensor__init,
            sparse_tensor_type, SPARSE_TENSOR_TYPE);
      inner->has_elem_type = type->has_dtype;
      inner->elem_type = (int32_t)type->dtype;
      return write_shape(writing, type, &inner->shape, error);
    }
    case BLOK_TYPE_SEQUENCE: {
      INNER(Blok__Onnx__TypeProto__Sequence, blok__onnx__type_proto__sequence__init, sequence_type,
            SEQUENCE_TYPE);
      return blok_write_type(writing, type->element, &inner->elem_type, error);
    }
    case BLOK_TYPE_OPTIONAL: {
      INNER(Blok__Onnx__TypeProto__Optional, blok__onnx__type_proto__optional__init, optional_type,
            OPTIONAL_TYPE);
      return blok_write_type(writing, type->element, &inner->elem_type, error);
    }
    case BLOK_TYPE_MAP: {
      INNER(Blok__Onnx__TypeProto__Map, blok__onnx__type_proto__map__init, map_type, MAP_TYPE);
      inner->has_key_type = type->has_key_dtype;
      inner->key_type = type->key_dtype;
      return blok_write_type(writing, type->element, &inner->value_type, error);
    }
    case BLOK_TYPE_OPAQUE: {
      INNER(Blok__Onnx__TypeProto__Opaque, blok__onnx__type_proto__opaque__init, opaque_type,
            OPAQUE_TYPE);
      inner->domain = blok_write_text(type->opaque_domain);
      inner->name = blok_write_text(type->opaque_name);
      return BLOK_OK;
    }
  }
  return BLOK_OK;
}
