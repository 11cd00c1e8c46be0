// Reading the wire format field by field, from memory or through a window on a file. Private to
// proto/.
#ifndef BLOK_PROTO_READER_H
#define BLOK_PROTO_READER_H

#include "proto/wire.h"

enum { BLOK_WIRE_VARINT_BYTES = 10 };

typedef enum blok_wire_type {
  BLOK_WIRE_VARINT = 0,
  BLOK_WIRE_FIXED64 = 1,
  BLOK_WIRE_LENGTH = 2,
  BLOK_WIRE_GROUP = 3,
  BLOK_WIRE_GROUP_END = 4,
  BLOK_WIRE_FIXED32 = 5
} blok_wire_type;

typedef struct blok_wire_reader {
  const blok_storage *storage;
  const uint8_t *memory;  // the whole message, or NULL: then through the window
  uint8_t *window;        // BLOK_WIRE_WINDOW bytes of the caller's; NULL for memory
  uint64_t window_at;
  size_t window_size;
  uint64_t at;  // the next byte
  uint64_t size;
} blok_wire_reader;

#define BLOK_WIRE_WINDOW 16384

typedef struct blok_wire_field {
  uint32_t number;
  blok_wire_type type;
  uint64_t start;    // offset of the tag
  uint64_t content;  // offset of the value: behind tag and length
  uint64_t size;     // of the value
} blok_wire_field;

// Reads tag and length of the field at reader->at, leaving at at its value. The value is checked to
// end before end. message names the message that holds the field, for errors.
BLOK_MUST_CHECK blok_status blok_wire_next(blok_wire_reader *reader, uint64_t end,
                                           const ProtobufCMessageDescriptor *message,
                                           blok_wire_field *field, blok_error *error);

// Copies size bytes from offset.
BLOK_MUST_CHECK blok_status blok_wire_copy(const blok_wire_reader *reader, uint64_t offset,
                                           void *bytes, size_t size, blok_error *error);

// Writes value as a varint; returns its length.
size_t blok_wire_put_varint(uint8_t *out, uint64_t value);
size_t blok_wire_varint_size(uint64_t value);

static inline uint32_t blok_wire_tag(uint32_t number, blok_wire_type type) {
  return number << 3 | (uint32_t)type;
}

// true for TensorProto's raw_data and packed typed fields.
bool blok_wire_is_payload_field(uint32_t number);

#endif  // BLOK_PROTO_READER_H
