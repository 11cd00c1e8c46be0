// The splice: a skeleton and its payloads to the whole message, as a stream. See wire.h.
//
// The skeleton is walked twice, with a stack of frames as in the scan. The first walk finds what
// every embedded message will measure, in the order in which they begin; the second, taking the
// sizes in that order, writes. A tensor's marker stands behind its known fields, so its payload is
// looked up when the tensor begins and written before the first field with a higher number.
#include <string.h>

#include "base/error.h"
#include "proto/onnx.pb-c.h"
#include "proto/reader.h"
#include "proto/wire.h"

typedef unsigned long long ull;

enum { BUFFER_BYTES = 65536 };

typedef struct frame {
  const ProtobufCMessageDescriptor *message;
  uint64_t end;                    // in the skeleton
  uint64_t size;                   // of the whole message, as far as it has been counted
  uint32_t index;                  // of its size in the table
  const blok_wire_source *source;  // of a tensor: what is still to be put in, or NULL
  bool marker_seen;
} frame;

typedef struct splicer {
  blok_wire_reader reader;
  const blok_wire_source *sources;
  uint32_t source_count;
  const blok_allocator *allocator;
  blok_error *error;

  uint64_t *sizes;  // of all messages, in the order in which they begin
  uint32_t size_count;
  uint32_t size_capacity;
  uint32_t next;  // the second walk's place in sizes

  bool writing;
  blok_wire_write_fn write;
  void *context;
  uint8_t *buffer;
  size_t buffered;

  uint32_t depth;
  frame frames[BLOK_WIRE_MAX_DEPTH];
} splicer;

static frame *top(splicer *s) { return &s->frames[s->depth - 1]; }

// ---- Output -------------------------------------------------------------------------------------

static blok_status flush(splicer *s) {
  if (s->buffered == 0) return BLOK_OK;
  size_t size = s->buffered;
  s->buffered = 0;
  return s->write(s->context, s->buffer, size, s->error);
}

static blok_status put(splicer *s, const uint8_t *bytes, size_t size) {
  if (size > BUFFER_BYTES - s->buffered) BLOK_TRY(flush(s));
  if (size > BUFFER_BYTES) return s->write(s->context, bytes, size, s->error);
  if (size > 0) memcpy(s->buffer + s->buffered, bytes, size);
  s->buffered += size;
  return BLOK_OK;
}

static blok_status put_varint(splicer *s, uint64_t value) {
  uint8_t bytes[BLOK_WIRE_VARINT_BYTES];
  return put(s, bytes, blok_wire_put_varint(bytes, value));
}

// A storage's content: from memory at once, from a file by buffers full.
static blok_status put_storage(splicer *s, const blok_storage *storage) {
  uint64_t size = blok_storage_size(storage);
  const uint8_t *memory = blok_storage_memory(storage);
  if (memory) return put(s, memory, (size_t)size);
  for (uint64_t at = 0; at < size;) {
    BLOK_TRY(flush(s));
    size_t part = size - at < BUFFER_BYTES ? (size_t)(size - at) : BUFFER_BYTES;
    BLOK_TRY(blok_storage_read(storage, at, s->buffer, part, s->error));
    s->buffered = part;
    at += part;
  }
  return BLOK_OK;
}

// ---- Parts of a message: counted in the first walk, written in the second -----------------------

static blok_status head(splicer *s, uint32_t tag, uint64_t size) {
  top(s)->size += blok_wire_varint_size(tag) + blok_wire_varint_size(size);
  if (!s->writing) return BLOK_OK;
  BLOK_TRY(put_varint(s, tag));
  return put_varint(s, size);
}

static blok_status as_it_is(splicer *s, const blok_wire_field *field) {
  size_t size = (size_t)(field->content + field->size - field->start);
  top(s)->size += size;
  return s->writing ? put(s, s->reader.memory + field->start, size) : BLOK_OK;
}

// Puts in what the tensor's source holds, if it is not done yet.
static blok_status put_source(splicer *s) {
  const blok_wire_source *source = top(s)->source;
  if (!source) return BLOK_OK;
  top(s)->source = NULL;
  uint64_t size = blok_storage_size(source->storage);
  BLOK_TRY(head(s, blok_wire_tag(source->field, BLOK_WIRE_LENGTH), size));
  top(s)->size += size;
  return s->writing ? put_storage(s, source->storage) : BLOK_OK;
}

// ---- Walking ------------------------------------------------------------------------------------

static blok_status broken(splicer *s, const char *what) {
  return BLOK_FAIL(s->error, BLOK_E_INTERNAL, "cannot write the model: %s", what);
}

static bool is_known(const frame *in, const blok_wire_field *field) {
  return protobuf_c_message_descriptor_get_field(in->message, field->number) != NULL;
}

// Finds the marker, the first unknown field, of the tensor that begins at the reader.
static blok_status find_source(splicer *s) {
  frame *tensor = top(s);
  uint64_t begin = s->reader.at;
  while (s->reader.at < tensor->end) {
    blok_wire_field field;
    BLOK_TRY(blok_wire_next(&s->reader, tensor->end, tensor->message, &field, s->error));
    s->reader.at = field.content + field.size;
    if (is_known(tensor, &field)) continue;
    if (field.number != BLOK_WIRE_MARKER || field.type != BLOK_WIRE_FIXED32) break;
    const uint8_t *bytes = s->reader.memory + field.content;
    uint32_t index =
        bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    s->reader.at = begin;
    if (index == BLOK_WIRE_NO_PAYLOAD) return BLOK_OK;
    if (index >= s->source_count || !blok_wire_is_payload_field(s->sources[index].field)) {
      return broken(s, "a tensor's marker names no payload");
    }
    tensor->source = &s->sources[index];
    return BLOK_OK;
  }
  return broken(s, "a tensor has no marker");
}

static blok_status open_frame(splicer *s, const ProtobufCMessageDescriptor *message, uint64_t end) {
  if (s->depth == BLOK_WIRE_MAX_DEPTH) {
    return BLOK_FAIL(s->error, BLOK_E_LIMIT, "the model's messages nest deeper than %d levels",
                     BLOK_WIRE_MAX_DEPTH);
  }
  uint32_t index = s->next++;
  if (!s->writing) {
    if (!blok_grow(s->allocator, &s->sizes, &s->size_capacity, s->size_count, sizeof *s->sizes)) {
      return blok_fail_memory(s->error, 2 * sizeof *s->sizes * s->size_capacity);
    }
    s->sizes[s->size_count++] = 0;
  }
  s->frames[s->depth++] = (frame){message, end, 0, index, NULL, false};
  return message == &blok__onnx__tensor_proto__descriptor ? find_source(s) : BLOK_OK;
}

// Ends a message; in the first walk its size, now known, goes into the table and its parent.
static blok_status close_frame(splicer *s) {
  BLOK_TRY(put_source(s));
  const frame *closed = top(s);
  uint64_t size = closed->size;
  s->sizes[closed->index] = size;
  s->depth--;
  if (s->depth > 0) top(s)->size += size + (s->writing ? 0 : blok_wire_varint_size(size));
  return BLOK_OK;
}

// An embedded message: its tag and, in the second walk, its length; the first adds the length's own
// size when the message is closed.
static blok_status begin_message(splicer *s, const blok_wire_field *field,
                                 const ProtobufCMessageDescriptor *message) {
  uint32_t tag = blok_wire_tag(field->number, BLOK_WIRE_LENGTH);
  if (s->writing) {
    BLOK_TRY(head(s, tag, s->sizes[s->next]));
  } else {
    top(s)->size += blok_wire_varint_size(tag);
  }
  return open_frame(s, message, field->content + field->size);
}

static blok_status walk_field(splicer *s, const blok_wire_field *field) {
  frame *in = top(s);
  const ProtobufCFieldDescriptor *known =
      protobuf_c_message_descriptor_get_field(in->message, field->number);
  if (in->message == &blok__onnx__tensor_proto__descriptor) {
    if (!known || (in->source && field->number > in->source->field)) BLOK_TRY(put_source(s));
    bool marker = field->number == BLOK_WIRE_MARKER && !in->marker_seen;
    if (marker) {
      in->marker_seen = true;
      s->reader.at = field->content + field->size;
      return BLOK_OK;
    }
  }
  if (known && known->type == PROTOBUF_C_TYPE_MESSAGE && field->type == BLOK_WIRE_LENGTH) {
    return begin_message(s, field, known->descriptor);
  }
  s->reader.at = field->content + field->size;
  return as_it_is(s, field);
}

static blok_status walk(splicer *s, const ProtobufCMessageDescriptor *root, bool writing) {
  s->writing = writing;
  s->next = 0;
  s->reader.at = 0;
  BLOK_TRY(open_frame(s, root, s->reader.size));
  while (s->depth > 0) {
    if (s->reader.at == top(s)->end) {
      BLOK_TRY(close_frame(s));
      continue;
    }
    blok_wire_field field;
    BLOK_TRY(blok_wire_next(&s->reader, top(s)->end, top(s)->message, &field, s->error));
    BLOK_TRY(walk_field(s, &field));
  }
  return writing ? flush(s) : BLOK_OK;
}

static blok_status count_and_write(splicer *s, const ProtobufCMessageDescriptor *root,
                                   uint64_t *total) {
  BLOK_TRY(walk(s, root, false));
  uint64_t size = s->sizes[0];
  if (total) *total = size;
  if (!s->write) return BLOK_OK;
  if (size > BLOK_WIRE_MAX_MESSAGE) {
    return BLOK_FAIL(s->error, BLOK_E_LIMIT,
                     "the model with its weights inside would have %llu bytes, and a protobuf file "
                     "holds at most %d: put the weights into external data",
                     (ull)size, BLOK_WIRE_MAX_MESSAGE);
  }
  s->buffer = blok_alloc(s->allocator, BUFFER_BYTES);
  if (!s->buffer) return blok_fail_memory(s->error, BUFFER_BYTES);
  return walk(s, root, true);
}

blok_status blok_wire_splice(const uint8_t *bytes, size_t size,
                             const ProtobufCMessageDescriptor *root,
                             const blok_wire_source *sources, uint32_t source_count,
                             const blok_allocator *allocator, blok_wire_write_fn write,
                             void *context, uint64_t *total, blok_error *error) {
  allocator = blok_allocator_or_default(allocator);
  splicer *s = blok_alloc_zero(allocator, sizeof *s);
  if (!s) return blok_fail_memory(error, sizeof *s);
  s->reader.memory = bytes;
  s->reader.size = size;
  s->sources = sources;
  s->source_count = source_count;
  s->allocator = allocator;
  s->error = error;
  s->write = write;
  s->context = context;
  blok_status status = count_and_write(s, root, total);
  blok_free(allocator, s->buffer);
  blok_free(allocator, s->sizes);
  blok_free(allocator, s);
  return status;
}
