// blok_literal to TensorProto: bytes stay in their storages, as payloads of the message or ranges
// of the external file.
#include "base/error.h"
#include "exporter/writing.h"

enum { EXTERNAL_ALIGNMENT = 64, EXTERNAL_FROM_BYTES = 1024 };

// The TensorProto field whose content a storage of this encoding is.
static uint32_t field_of(blok_encoding encoding) {
  switch (encoding) {
    case BLOK_ENCODED_RAW:
      return BLOK_WIRE_RAW_DATA;
    case BLOK_ENCODED_FLOAT_DATA:
      return BLOK_WIRE_FLOAT_DATA;
    case BLOK_ENCODED_INT32_DATA:
      return BLOK_WIRE_INT32_DATA;
    case BLOK_ENCODED_INT64_DATA:
      return BLOK_WIRE_INT64_DATA;
    case BLOK_ENCODED_DOUBLE_DATA:
      return BLOK_WIRE_DOUBLE_DATA;
    case BLOK_ENCODED_UINT64_DATA:
      return BLOK_WIRE_UINT64_DATA;
    case BLOK_ENCODED_STRINGS:
    case BLOK_ENCODED_NONE:
      break;
  }
  return 0;
}

// Typed data stays inside whatever is asked for: outside it would turn into raw data.
static bool goes_outside(const blok_writing *writing, const blok_literal *literal) {
  if (!writing->external_name || literal->encoding != BLOK_ENCODED_RAW) return false;
  if (writing->weights == BLOK_WEIGHTS_AS_READ) return literal->location != NULL;
  return writing->weights == BLOK_WEIGHTS_EXTERNAL &&
         blok_storage_size(literal->storage) >= EXTERNAL_FROM_BYTES;
}

static blok_status add_source(blok_writing *writing, const blok_literal *literal, uint32_t *index,
                              blok_error *error) {
  if (!blok_arena_grow(&writing->arena, &writing->sources, &writing->cap_sources,
                       writing->n_sources, sizeof *writing->sources)) {
    return blok_fail_memory(error, 0);
  }
  *index = writing->n_sources;
  writing->sources[writing->n_sources++] =
      (blok_wire_source){literal->storage, field_of(literal->encoding)};
  return BLOK_OK;
}

static blok_status place_outside(blok_writing *writing, const blok_literal *literal,
                                 Blok__Onnx__TensorProto *message, blok_error *error) {
  enum { RANGE_KEYS = 3 };
  if (!blok_arena_grow(&writing->arena, &writing->outside, &writing->cap_outside,
                       writing->n_outside, sizeof *writing->outside)) {
    return blok_fail_memory(error, 0);
  }
  uint64_t offset =
      (writing->external_size + EXTERNAL_ALIGNMENT - 1) & ~(uint64_t)(EXTERNAL_ALIGNMENT - 1);
  uint64_t length = blok_storage_size(literal->storage);
  writing->outside[writing->n_outside++] = (blok_outside){literal->storage, offset};
  writing->external_size = offset + length;
  blok_property *keys =
      blok_write_take(writing, RANGE_KEYS + literal->n_external, sizeof *keys, error);
  if (!keys) return BLOK_E_MEMORY;
  keys[0] = (blok_property){.key = "location", .value = writing->external_name};
  keys[1] = (blok_property){
      .key = "offset",
      .value = blok_arena_format(&writing->arena, "%llu", (unsigned long long)offset)};
  keys[2] = (blok_property){
      .key = "length",
      .value = blok_arena_format(&writing->arena, "%llu", (unsigned long long)length)};
  if (!keys[1].value || !keys[2].value) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < literal->n_external; i++) keys[RANGE_KEYS + i] = literal->external[i];
  message->n_external_data = RANGE_KEYS + literal->n_external;
  message->has_data_location = 1;
  message->data_location = BLOK__ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
  return blok_write_properties(writing, keys, message->n_external_data, &message->external_data,
                               error);
}

static blok_status write_strings(blok_writing *writing, const blok_literal *literal,
                                 Blok__Onnx__TensorProto *message, blok_error *error) {
  message->n_string_data = literal->n_strings;
  message->string_data =
      blok_write_take(writing, literal->n_strings, sizeof *message->string_data, error);
  if (!message->string_data) return BLOK_E_MEMORY;
  for (uint32_t i = 0; i < literal->n_strings; i++) {
    message->string_data[i].data = (uint8_t *)(uintptr_t)literal->strings[i].data;
    message->string_data[i].len = literal->strings[i].size;
  }
  return BLOK_OK;
}

static blok_status write_head(blok_writing *writing, const blok_literal *literal, const char *name,
                              Blok__Onnx__TensorProto *message, blok_error *error) {
  message->name = blok_write_text(name);
  message->n_dims = literal->rank;
  message->dims = (int64_t *)(uintptr_t)literal->dims;
  message->has_data_type = literal->has_dtype;
  message->data_type = (int32_t)literal->dtype;
  // Inline data is the default place, so it is written only where the file wrote it.
  message->has_data_location = literal->has_data_location && !literal->location;
  message->data_location = BLOK__ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT;
  if (literal->has_segment) {
    Blok__Onnx__TensorProto__Segment *segment = blok_write_take(writing, 1, sizeof *segment, error);
    if (!segment) return BLOK_E_MEMORY;
    blok__onnx__tensor_proto__segment__init(segment);
    segment->has_begin = segment->has_end = 1;
    segment->begin = literal->segment_begin;
    segment->end = literal->segment_end;
    message->segment = segment;
  }
  return blok_write_notes(writing, literal->notes, &message->doc_string, &message->n_metadata_props,
                          &message->metadata_props, &message->base, error);
}

blok_status blok_write_literal(blok_writing *writing, const blok_literal *literal, const char *name,
                               Blok__Onnx__TensorProto **out, blok_error *error) {
  *out = NULL;
  if (!literal) return BLOK_OK;
  Blok__Onnx__TensorProto *message = blok_write_take(writing, 1, sizeof *message, error);
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__tensor_proto__init(message);
  *out = message;
  BLOK_TRY(write_head(writing, literal, name, message, error));
  uint32_t source = BLOK_WIRE_NO_PAYLOAD;
  if (literal->encoding == BLOK_ENCODED_STRINGS) {
    BLOK_TRY(write_strings(writing, literal, message, error));
  } else if (goes_outside(writing, literal)) {
    BLOK_TRY(place_outside(writing, literal, message, error));
  } else if (literal->encoding != BLOK_ENCODED_NONE) {
    BLOK_TRY(add_source(writing, literal, &source, error));
  }
  return blok_proto_mark(&writing->arena, message, source) ? BLOK_OK : blok_fail_memory(error, 0);
}

blok_status blok_write_sparse(blok_writing *writing, const blok_sparse *sparse,
                              Blok__Onnx__SparseTensorProto **out, blok_error *error) {
  Blok__Onnx__SparseTensorProto *message = blok_write_take(writing, 1, sizeof *message, error);
  *out = message;
  if (!message) return BLOK_E_MEMORY;
  blok__onnx__sparse_tensor_proto__init(message);
  const blok_literal *values = sparse->values, *indices = sparse->indices;
  BLOK_TRY(
      blok_write_literal(writing, values, values ? values->name : NULL, &message->values, error));
  BLOK_TRY(blok_write_literal(writing, indices, indices ? indices->name : NULL, &message->indices,
                              error));
  message->n_dims = sparse->rank;
  message->dims = (int64_t *)(uintptr_t)sparse->dims;
  return blok_write_unknown(writing, sparse->unknown, &message->base, error);
}
