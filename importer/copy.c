// Small things out of the message: texts, bytes, properties, notes, unknown fields.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "importer/reading.h"

blok_status blok_read_text(blok_reading *reading, const char *text, const char **out,
                           blok_error *error) {
  *out = blok_arena_text(reading->arena, text);
  return *out || !text ? BLOK_OK : blok_fail_memory(error, strlen(text));
}

blok_status blok_read_bytes(blok_reading *reading, ProtobufCBinaryData bytes, blok_bytes *out,
                            blok_error *error) {
  *out = (blok_bytes){blok_arena_copy(reading->arena, bytes.data, bytes.len), bytes.len};
  return out->data ? BLOK_OK : blok_fail_memory(error, bytes.len);
}

static size_t put_tag(uint8_t *at, uint32_t tag, uint8_t wire_type) {
  uint64_t key = (uint64_t)tag << 3 | wire_type;
  size_t n = 0;
  do {
    at[n] = (uint8_t)(key & 0x7f);
    key >>= 7;
    if (key) at[n] |= 0x80;
    n++;
  } while (key);
  return n;
}

blok_status blok_read_unknown(blok_reading *reading, const ProtobufCMessageUnknownField *fields,
                              size_t count, blok_bytes *out, blok_error *error) {
  enum { TAG_BYTES = 5 };
  *out = (blok_bytes){NULL, 0};
  if (count == 0) return BLOK_OK;
  size_t room = 0;
  for (size_t i = 0; i < count; i++) {
    if (!blok_add_size(room, fields[i].len + TAG_BYTES, &room)) return blok_fail_memory(error, 0);
  }
  uint8_t *bytes = blok_arena_alloc(reading->arena, room);
  if (!bytes) return blok_fail_memory(error, room);
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    used += put_tag(bytes + used, fields[i].tag, (uint8_t)fields[i].wire_type);
    if (fields[i].len) memcpy(bytes + used, fields[i].data, fields[i].len);
    used += fields[i].len;
  }
  *out = (blok_bytes){bytes, used};
  return BLOK_OK;
}

blok_status blok_read_opaque(blok_reading *reading, const ProtobufCMessage *message,
                             blok_bytes *out, blok_error *error) {
  size_t size = protobuf_c_message_get_packed_size(message);
  uint8_t *bytes = blok_arena_alloc(reading->arena, size);
  if (!bytes) return blok_fail_memory(error, size);
  *out = (blok_bytes){bytes, protobuf_c_message_pack(message, bytes)};
  return BLOK_OK;
}

blok_status blok_read_properties(blok_reading *reading, size_t count,
                                 Blok__Onnx__StringStringEntryProto *const *entries,
                                 blok_property **out, blok_error *error) {
  *out = NULL;
  if (count == 0) return BLOK_OK;
  blok_property *properties = blok_arena_array(reading->arena, count, sizeof *properties);
  if (!properties) return blok_fail_memory(error, 0);
  for (size_t i = 0; i < count; i++) {
    BLOK_TRY(blok_read_text(reading, entries[i]->key, &properties[i].key, error));
    BLOK_TRY(blok_read_text(reading, entries[i]->value, &properties[i].value, error));
    BLOK_TRY(blok_read_unknown(reading, entries[i]->base.unknown_fields,
                               entries[i]->base.n_unknown_fields, &properties[i].unknown, error));
  }
  *out = properties;
  return BLOK_OK;
}

blok_status blok_read_notes(blok_reading *reading, const char *doc, size_t count,
                            Blok__Onnx__StringStringEntryProto *const *metadata,
                            const ProtobufCMessageUnknownField *unknown, size_t unknown_count,
                            const blok_notes **out, blok_error *error) {
  *out = NULL;
  if (!doc && count == 0 && unknown_count == 0) return BLOK_OK;
  blok_notes *notes = blok_arena_zero(reading->arena, sizeof *notes);
  if (!notes) return blok_fail_memory(error, sizeof *notes);
  BLOK_TRY(blok_read_text(reading, doc, &notes->doc, error));
  BLOK_TRY(blok_read_properties(reading, count, metadata, &notes->metadata, error));
  BLOK_TRY(blok_read_unknown(reading, unknown, unknown_count, &notes->unknown, error));
  notes->n_metadata = (uint32_t)count;
  *out = notes;
  return BLOK_OK;
}
