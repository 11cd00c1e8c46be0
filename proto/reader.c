// Tags, lengths and varints, from memory or through a window on a file. See reader.h.
#include "proto/reader.h"

#include <string.h>

#include "base/error.h"

typedef unsigned long long ull;

// Makes the bytes at `at` readable: up to want of them, fewer at the message's end.
static blok_status peek(blok_wire_reader *reader, size_t want, const uint8_t **bytes, size_t *have,
                        blok_error *error) {
  uint64_t left = reader->size - reader->at;
  if (want > left) want = (size_t)left;
  *have = want;
  if (reader->memory) {
    *bytes = reader->memory + reader->at;
    return BLOK_OK;
  }
  bool inside = reader->at >= reader->window_at &&
                reader->at + want <= reader->window_at + reader->window_size;
  if (!inside) {
    size_t size = left < BLOK_WIRE_WINDOW ? (size_t)left : BLOK_WIRE_WINDOW;
    reader->window_size = 0;
    BLOK_TRY(blok_storage_read(reader->storage, reader->at, reader->window, size, error));
    reader->window_at = reader->at;
    reader->window_size = size;
  }
  *bytes = reader->window + (reader->at - reader->window_at);
  return BLOK_OK;
}

blok_status blok_wire_copy(const blok_wire_reader *reader, uint64_t offset, void *bytes,
                           size_t size, blok_error *error) {
  if (size == 0) return BLOK_OK;
  const uint8_t *from = NULL;
  if (reader->memory) {
    from = reader->memory + offset;
  } else if (offset >= reader->window_at &&
             offset + size <= reader->window_at + reader->window_size) {
    from = reader->window + (offset - reader->window_at);
  }
  if (!from) return blok_storage_read(reader->storage, offset, bytes, size, error);
  memcpy(bytes, from, size);
  return BLOK_OK;
}

static const char *kind_of(const ProtobufCMessageDescriptor *message) {
  return message->short_name;
}

// Reads a varint of at most 10 bytes that ends before end.
static blok_status read_varint(blok_wire_reader *reader, uint64_t end, uint64_t *value,
                               const ProtobufCMessageDescriptor *message, blok_error *error) {
  const uint8_t *bytes;
  size_t have;
  BLOK_TRY(peek(reader, BLOK_WIRE_VARINT_BYTES, &bytes, &have, error));
  if (have > end - reader->at) have = (size_t)(end - reader->at);
  uint64_t result = 0;
  for (size_t i = 0; i < have; i++) {
    result |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
    if (bytes[i] < 0x80) {
      reader->at += i + 1;
      *value = result;
      return BLOK_OK;
    }
  }
  if (have == BLOK_WIRE_VARINT_BYTES) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "damaged at byte %llu, in %s: a number of over 10 bytes", (ull)reader->at,
                     kind_of(message));
  }
  if (end == reader->size) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "the file is truncated: a number in %s goes on past byte %llu, the last",
                     kind_of(message), (ull)end);
  }
  return BLOK_FAIL(error, BLOK_E_MALFORMED,
                   "damaged at byte %llu: a number goes on past the end of its %s", (ull)reader->at,
                   kind_of(message));
}

static blok_status too_long(const blok_wire_reader *reader, uint64_t end,
                            const ProtobufCMessageDescriptor *message, const blok_wire_field *field,
                            blok_error *error) {
  const ProtobufCFieldDescriptor *known =
      protobuf_c_message_descriptor_get_field(message, field->number);
  if (end < reader->size) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "damaged at byte %llu: field %u of a %s has %llu bytes where %llu are left",
                     (ull)field->start, field->number, kind_of(message), (ull)field->size,
                     (ull)(end - field->content));
  }
  if (!known) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "not a %s, or damaged at byte %llu: field %u goes past the end of the file",
                     kind_of(message), (ull)field->start, field->number);
  }
  return BLOK_FAIL(error, BLOK_E_MALFORMED,
                   "the file is truncated: '%s' of the %s has %llu bytes from byte %llu on, and "
                   "the file ends at byte %llu",
                   known->name, kind_of(message), (ull)field->size, (ull)field->content,
                   (ull)reader->size);
}

blok_status blok_wire_next(blok_wire_reader *reader, uint64_t end,
                           const ProtobufCMessageDescriptor *message, blok_wire_field *field,
                           blok_error *error) {
  uint64_t value;
  field->start = reader->at;
  BLOK_TRY(read_varint(reader, end, &value, message, error));
  uint32_t type = (uint32_t)(value & 7);
  if (value > UINT32_MAX || value >> 3 == 0 || type > BLOK_WIRE_FIXED32) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "not a %s, or damaged at byte %llu: no field begins so", kind_of(message),
                     (ull)field->start);
  }
  field->number = (uint32_t)(value >> 3);
  field->type = (blok_wire_type)type;
  field->content = reader->at;
  switch (field->type) {
    case BLOK_WIRE_VARINT:
      BLOK_TRY(read_varint(reader, end, &value, message, error));
      field->size = reader->at - field->content;
      reader->at = field->content;
      return BLOK_OK;
    case BLOK_WIRE_FIXED64:
      field->size = 8;
      break;
    case BLOK_WIRE_FIXED32:
      field->size = 4;
      break;
    case BLOK_WIRE_LENGTH:
      BLOK_TRY(read_varint(reader, end, &field->size, message, error));
      field->content = reader->at;
      break;
    case BLOK_WIRE_GROUP:
    case BLOK_WIRE_GROUP_END:
      return BLOK_FAIL(error, BLOK_E_MALFORMED,
                       "not a %s, or damaged at byte %llu: field %u is a group, and ONNX has none",
                       kind_of(message), (ull)field->start, field->number);
  }
  if (field->size > end - field->content) return too_long(reader, end, message, field, error);
  return BLOK_OK;
}

size_t blok_wire_put_varint(uint8_t *out, uint64_t value) {
  size_t size = 0;
  while (value >= 0x80) {
    out[size++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  out[size++] = (uint8_t)value;
  return size;
}

size_t blok_wire_varint_size(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    size++;
  }
  return size;
}

bool blok_wire_is_payload_field(uint32_t number) {
  switch (number) {
    case 4:   // float_data
    case 5:   // int32_data
    case 7:   // int64_data
    case 9:   // raw_data
    case 10:  // double_data
    case 11:  // uint64_data
      return true;
    default:
      return false;
  }
}
