// Small things into the message: texts, properties, notes, unknown fields.
#include "base/error.h"
#include "exporter/writing.h"

void *blok_write_take(blok_writing *writing, size_t count, size_t size, blok_error *error) {
  void *block = blok_arena_array(&writing->arena, count, size);
  if (!block) (void)blok_fail_memory(error, 0);
  return block;
}

char *blok_write_text(const char *text) { return (char *)(uintptr_t)text; }

// All fields go in as the data of one: protobuf-c writes the first tag, then the rest as it stands.
blok_status blok_write_unknown(blok_writing *writing, blok_bytes bytes, ProtobufCMessage *message,
                               blok_error *error) {
  if (bytes.size == 0) return BLOK_OK;
  ProtobufCMessageUnknownField *field = blok_write_take(writing, 1, sizeof *field, error);
  if (!field) return BLOK_E_MEMORY;
  uint64_t key = 0;
  size_t at = 0;
  do {
    key |= (uint64_t)(bytes.data[at] & 0x7f) << (7 * at);
  } while (bytes.data[at++] & 0x80 && at < bytes.size);
  field->tag = (uint32_t)(key >> 3);
  field->wire_type = (ProtobufCWireType)(key & 7);
  field->data = (uint8_t *)(uintptr_t)(bytes.data + at);
  field->len = bytes.size - at;
  message->unknown_fields = field;
  message->n_unknown_fields = 1;
  return BLOK_OK;
}

blok_status blok_write_properties(blok_writing *writing, const blok_property *properties,
                                  size_t count, Blok__Onnx__StringStringEntryProto ***out,
                                  blok_error *error) {
  *out = blok_write_take(writing, count, sizeof **out, error);
  if (!*out) return BLOK_E_MEMORY;
  for (size_t i = 0; i < count; i++) {
    Blok__Onnx__StringStringEntryProto *entry = blok_write_take(writing, 1, sizeof *entry, error);
    if (!entry) return BLOK_E_MEMORY;
    blok__onnx__string_string_entry_proto__init(entry);
    entry->key = blok_write_text(properties[i].key);
    entry->value = blok_write_text(properties[i].value);
    BLOK_TRY(blok_write_unknown(writing, properties[i].unknown, &entry->base, error));
    (*out)[i] = entry;
  }
  return BLOK_OK;
}

blok_status blok_write_notes(blok_writing *writing, const blok_notes *notes, char **doc,
                             size_t *count, Blok__Onnx__StringStringEntryProto ***metadata,
                             ProtobufCMessage *message, blok_error *error) {
  if (!notes) return BLOK_OK;
  *doc = blok_write_text(notes->doc);
  BLOK_TRY(blok_write_unknown(writing, notes->unknown, message, error));
  if (!metadata || notes->n_metadata == 0) return BLOK_OK;
  *count = notes->n_metadata;
  return blok_write_properties(writing, notes->metadata, notes->n_metadata, metadata, error);
}

static void *arena_alloc(void *data, size_t size) { return blok_arena_alloc(data, size); }

static void arena_free(void *data, void *block) {
  (void)data;
  (void)block;
}

blok_status blok_write_opaque(blok_writing *writing, blok_bytes bytes,
                              const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **out,
                              blok_error *error) {
  ProtobufCAllocator allocator = {arena_alloc, arena_free, &writing->arena};
  *out = protobuf_c_message_unpack(descriptor, &allocator, bytes.size, bytes.data);
  return *out ? BLOK_OK : blok_fail_memory(error, bytes.size);
}
