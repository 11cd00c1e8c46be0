// TensorProto to blok_literal: which field holds the elements, and where its bytes lie.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "importer/reading.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw data is little endian");

// The fields of a TensorProto that may hold its elements.
typedef struct data_field {
  uint32_t number;
  blok_encoding encoding;
  const char *name;
} data_field;

static const data_field data_fields[] = {
    {BLOK_WIRE_RAW_DATA, BLOK_ENCODED_RAW, "raw_data"},
    {BLOK_WIRE_FLOAT_DATA, BLOK_ENCODED_FLOAT_DATA, "float_data"},
    {BLOK_WIRE_INT32_DATA, BLOK_ENCODED_INT32_DATA, "int32_data"},
    {BLOK_WIRE_INT64_DATA, BLOK_ENCODED_INT64_DATA, "int64_data"},
    {BLOK_WIRE_DOUBLE_DATA, BLOK_ENCODED_DOUBLE_DATA, "double_data"},
    {BLOK_WIRE_UINT64_DATA, BLOK_ENCODED_UINT64_DATA, "uint64_data"},
    {BLOK_WIRE_STRING_DATA, BLOK_ENCODED_STRINGS, "string_data"},
};

static bool field_is_set(const Blok__Onnx__TensorProto *message, uint32_t number) {
  switch (number) {
    case BLOK_WIRE_FLOAT_DATA:
      return message->n_float_data > 0;
    case BLOK_WIRE_INT32_DATA:
      return message->n_int32_data > 0;
    case BLOK_WIRE_STRING_DATA:
      return message->n_string_data > 0;
    case BLOK_WIRE_INT64_DATA:
      return message->n_int64_data > 0;
    case BLOK_WIRE_RAW_DATA:
      return message->has_raw_data;
    case BLOK_WIRE_DOUBLE_DATA:
      return message->n_double_data > 0;
    case BLOK_WIRE_UINT64_DATA:
      return message->n_uint64_data > 0;
    default:
      return false;
  }
}

// The one field that holds the elements; NULL when none does. Two are malformed.
static blok_status find_field(const blok_reading *reading, const Blok__Onnx__TensorProto *message,
                              const char *what, const data_field **out, blok_error *error) {
  *out = NULL;
  for (size_t i = 0; i < sizeof data_fields / sizeof *data_fields; i++) {
    const data_field *field = &data_fields[i];
    if (!field_is_set(message, field->number) &&
        !blok_proto_payload(reading->proto, message, field->number)) {
      continue;
    }
    if (*out) {
      return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s holds its elements twice, in %s and in %s",
                       what, (*out)->name, field->name);
    }
    *out = field;
  }
  return BLOK_OK;
}

// ---- Elements inside the message ----------------------------------------------------------------

static size_t put_varint(uint8_t *at, uint64_t value) {
  size_t n = 0;
  while (value >= 0x80) {
    at[n++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  at[n++] = (uint8_t)value;
  return n;
}

// Varints as the wire packs them: what protobuf-c has unpacked is packed again.
static blok_storage *pack_varints(const blok_allocator *allocator,
                                  const Blok__Onnx__TensorProto *message, uint32_t number) {
  enum { VARINT_BYTES = 10 };
  size_t n = number == BLOK_WIRE_INT32_DATA   ? message->n_int32_data
             : number == BLOK_WIRE_INT64_DATA ? message->n_int64_data
                                              : message->n_uint64_data;
  size_t room, used = 0;
  uint8_t *bytes = blok_mul_size(n, VARINT_BYTES, &room) ? blok_alloc(allocator, room) : NULL;
  if (!bytes) return NULL;
  for (size_t i = 0; i < n; i++) {
    uint64_t value = number == BLOK_WIRE_INT32_DATA   ? (uint64_t)(int64_t)message->int32_data[i]
                     : number == BLOK_WIRE_INT64_DATA ? (uint64_t)message->int64_data[i]
                                                      : message->uint64_data[i];
    used += put_varint(bytes + used, value);
  }
  blok_storage *storage = blok_storage_copy(allocator, bytes, used);
  blok_free(allocator, bytes);
  return storage;
}

static blok_storage *copy_field(const blok_allocator *allocator,
                                const Blok__Onnx__TensorProto *message, uint32_t number) {
  switch (number) {
    case BLOK_WIRE_FLOAT_DATA:
      return blok_storage_copy(allocator, message->float_data,
                               message->n_float_data * sizeof *message->float_data);
    case BLOK_WIRE_RAW_DATA:
      return blok_storage_copy(allocator, message->raw_data.data, message->raw_data.len);
    case BLOK_WIRE_DOUBLE_DATA:
      return blok_storage_copy(allocator, message->double_data,
                               message->n_double_data * sizeof *message->double_data);
    default:
      return pack_varints(allocator, message, number);
  }
}

static blok_status read_strings(blok_reading *reading, const Blok__Onnx__TensorProto *message,
                                blok_literal *literal, blok_error *error) {
  blok_bytes *strings = blok_arena_array(reading->arena, message->n_string_data, sizeof *strings);
  if (!strings) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < message->n_string_data; i++) {
    BLOK_TRY(blok_read_bytes(reading, message->string_data[i], &strings[i], error));
  }
  literal->strings = strings;
  literal->n_strings = (uint32_t)message->n_string_data;
  return BLOK_OK;
}

static blok_status read_inline(blok_reading *reading, const Blok__Onnx__TensorProto *message,
                               const char *what, blok_literal *literal, blok_error *error) {
  const data_field *field;
  BLOK_TRY(find_field(reading, message, what, &field, error));
  if (!field) return BLOK_OK;
  literal->encoding = field->encoding;
  if (field->encoding == BLOK_ENCODED_STRINGS)
    return read_strings(reading, message, literal, error);
  const blok_allocator *allocator = &reading->module->allocator;
  const blok_wire_payload *payload = blok_proto_payload(reading->proto, message, field->number);
  literal->storage = payload ? blok_storage_slice(allocator, blok_proto_storage(reading->proto),
                                                  payload->offset, payload->size)
                             : copy_field(allocator, message, field->number);
  return literal->storage ? BLOK_OK : blok_fail_memory(error, 0);
}

// ---- Elements in another file -------------------------------------------------------------------

static blok_status open_external(const blok_reading *reading, const char *location,
                                 blok_storage **out, blok_error *error) {
  const blok_import_options *options = reading->options;
  const blok_allocator *allocator = &reading->module->allocator;
  *out = NULL;
  if (options->external && options->external->find) {
    const void *bytes = NULL;
    size_t size = 0;
    if (options->external->find(options->external->context, location, &bytes, &size) != 0) {
      return BLOK_FAIL(error, BLOK_E_NOT_FOUND,
                       "external data '%s': the caller's callback has none",
                       blok_quote(location).text);
    }
    *out = blok_storage_borrow(allocator, bytes, size, NULL, NULL);
  } else if (!options->folder) {
    return BLOK_FAIL(error, BLOK_E_NOT_FOUND,
                     "the model keeps weights in the file '%s', but it was not read from a folder: "
                     "give external or external_root of blok_open_options",
                     blok_quote(location).text);
  } else {
    blok_file *file = NULL;
    BLOK_TRY(blok_file_open_inside(options->folder, location, options->external_root, allocator,
                                   &file, error));
    *out = blok_storage_file(allocator, file, 0, blok_file_size(file));
    blok_file_release(file);
  }
  return *out ? BLOK_OK : blok_fail_memory(error, 0);
}

blok_status blok_read_external(blok_reading *reading, const char *location, blok_storage **out,
                               blok_error *error) {
  for (uint32_t i = 0; i < reading->n_files; i++) {
    if (strcmp(reading->files[i].location, location) == 0) {
      *out = reading->files[i].storage;
      return BLOK_OK;
    }
  }
  if (!blok_arena_grow(reading->arena, &reading->files, &reading->cap_files, reading->n_files,
                       sizeof *reading->files)) {
    return blok_fail_memory(error, 0);
  }
  BLOK_TRY(open_external(reading, location, out, error));
  reading->files[reading->n_files++] = (blok_reading_file){location, *out};
  return BLOK_OK;
}

// A decimal number without sign; false when text is none or too large.
static bool parse_size(const char *text, uint64_t *out) {
  uint64_t value = 0;
  if (!text || !*text) return false;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return false;
    if (__builtin_mul_overflow(value, 10u, &value) ||
        __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value)) {
      return false;
    }
  }
  *out = value;
  return true;
}

// Where an external tensor says it lies.
typedef struct external_range {
  uint64_t offset, length;
  bool has_length;
} external_range;

static blok_status read_range(blok_reading *reading, const Blok__Onnx__TensorProto *message,
                              const char *what, blok_literal *literal, external_range *range,
                              blok_error *error) {
  blok_property *rest;
  BLOK_TRY(blok_read_properties(reading, message->n_external_data, message->external_data, &rest,
                                error));
  uint32_t kept = 0;
  for (size_t i = 0; i < message->n_external_data; i++) {
    const char *key = rest[i].key ? rest[i].key : "";
    bool offset = strcmp(key, "offset") == 0, length = strcmp(key, "length") == 0;
    if (strcmp(key, "location") == 0) {
      literal->location = rest[i].value;
    } else if (offset || length) {
      if (!parse_size(rest[i].value, offset ? &range->offset : &range->length)) {
        return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: %s '%s' of its external data is no number",
                         what, key, blok_quote(rest[i].value).text);
      }
      if (length) range->has_length = true;
    } else {
      rest[kept++] = rest[i];
    }
  }
  literal->external = rest;
  literal->n_external = kept;
  if (literal->location && *literal->location) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s is external, but names no file (location)", what);
}

static blok_status read_outside(blok_reading *reading, const Blok__Onnx__TensorProto *message,
                                const char *what, blok_literal *literal, blok_error *error) {
  const data_field *field;
  external_range range = {0, 0, false};
  blok_storage *file;
  BLOK_TRY(find_field(reading, message, what, &field, error));
  if (field && !(field->encoding == BLOK_ENCODED_RAW && message->raw_data.len == 0)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s is external, but holds %s as well", what,
                     field->name);
  }
  BLOK_TRY(read_range(reading, message, what, literal, &range, error));
  blok_status status = blok_read_external(reading, literal->location, &file, error);
  if (status != BLOK_OK) {
    blok_error_prefix(error, "%s: ", what);
    return status;
  }
  uint64_t size = blok_storage_size(file);
  if (range.offset <= size && !range.has_length) range.length = size - range.offset;
  if (range.offset > size || range.length > size - range.offset) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s: its external data lies at %llu + %llu of '%s', which has %llu bytes",
                     what, (unsigned long long)range.offset, (unsigned long long)range.length,
                     blok_quote(literal->location).text, (unsigned long long)size);
  }
  literal->encoding = BLOK_ENCODED_RAW;
  literal->storage =
      blok_storage_slice(&reading->module->allocator, file, range.offset, range.length);
  return literal->storage ? BLOK_OK : blok_fail_memory(error, 0);
}

// ---- The whole tensor ---------------------------------------------------------------------------

static blok_status read_head(blok_reading *reading, const Blok__Onnx__TensorProto *message,
                             const char *what, blok_literal *literal, blok_error *error) {
  BLOK_TRY(blok_read_text(reading, message->name, &literal->name, error));
  if (message->n_dims > UINT16_MAX) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "%s has %zu axes", what, message->n_dims);
  }
  literal->has_dtype = message->has_data_type;
  literal->dtype = (blok_dtype)message->data_type;
  literal->rank = (uint32_t)message->n_dims;
  literal->dims =
      blok_arena_copy(reading->arena, message->dims, message->n_dims * sizeof *message->dims);
  if (!literal->dims) return blok_fail_memory(error, 0);
  literal->has_data_location = message->has_data_location;
  if (message->segment) {
    literal->has_segment = true;
    literal->segment_begin = message->segment->begin;
    literal->segment_end = message->segment->end;
  }
  size_t n_unknown;
  const ProtobufCMessageUnknownField *unknown = blok_proto_tensor_unknown(message, &n_unknown);
  return blok_read_notes(reading, message->doc_string, message->n_metadata_props,
                         message->metadata_props, unknown, n_unknown, &literal->notes, error);
}

static blok_status check_count(const blok_literal *literal, uint64_t limit, const char *what,
                               blok_error *error) {
  size_t count;
  if (blok_literal_count(literal, &count) && count <= limit) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_LIMIT,
                   "%s of shape %s has more than %llu elements (tensor_elements of blok_limits)",
                   what, blok_print_dims(literal->dims, literal->rank).text,
                   (unsigned long long)limit);
}

blok_status blok_read_literal(blok_reading *reading, const Blok__Onnx__TensorProto *message,
                              const char *what, blok_literal **out, blok_error *error) {
  blok_status status = BLOK_OK;
  *out = NULL;
  blok_literal *literal = blok_arena_zero(reading->arena, sizeof *literal);
  if (!literal) return blok_fail_memory(error, sizeof *literal);
  BLOK_TRY(read_head(reading, message, what, literal, error));
  bool outside = message->has_data_location &&
                 message->data_location == BLOK__ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
  if (outside) {
    BLOK_TRY_TO(fail, read_outside(reading, message, what, literal, error));
  } else {
    BLOK_TRY_TO(fail, read_inline(reading, message, what, literal, error));
  }
  BLOK_TRY_TO(fail, blok_literal_check(literal, what, error));
  BLOK_TRY_TO(fail, check_count(literal, reading->options->limits.tensor_elements, what, error));
  *out = literal;
  return BLOK_OK;
fail:
  blok_storage_release(literal->storage);
  literal->storage = NULL;
  return status;
}

blok_status blok_read_kept_literal(blok_reading *reading, const Blok__Onnx__TensorProto *message,
                                   const char *what, blok_literal **out, blok_error *error) {
  BLOK_TRY(blok_read_literal(reading, message, what, out, error));
  return blok_module_keep_literal(reading->module, *out, error);
}
