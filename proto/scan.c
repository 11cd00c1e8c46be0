// The scan: a message's bytes to its skeleton and the table of its payloads. See wire.h.
//
// A stack of frames stands for the messages that are open. The length of a message is known only
// when its payloads have been left out, so the skeleton keeps five bytes for it, a padded varint
// that is filled in when the frame is closed.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "proto/onnx.pb-c.h"
#include "proto/reader.h"
#include "proto/wire.h"

typedef unsigned long long ull;

enum { PADDED_VARINT = 5, PAYLOAD_FIELDS = BLOK_WIRE_UINT64_DATA + 1 };

typedef struct frame {
  const ProtobufCMessageDescriptor *message;
  uint64_t end;
  size_t length_at;  // in the skeleton
  uint32_t seen;     // bit n: the singular embedded message number n has occurred
} frame;

// The tensor that is open: at most one, since no tensor holds another. A look ahead over its tags
// tells which raw_data is the last, the one that counts, and which typed fields are a single run.
typedef struct open_tensor {
  uint64_t last_raw;               // offset of the last raw_data's tag
  uint32_t count[PAYLOAD_FIELDS];  // occurrences by field number
  size_t marker_at;                // where the marker's value is in the skeleton
  uint32_t marker;                 // its value so far
} open_tensor;

typedef struct scanner {
  blok_wire_reader reader;
  blok_wire_skeleton *skeleton;
  blok_error *error;
  uint64_t skeleton_limit;
  uint64_t node_limit;
  uint64_t nodes;
  uint32_t subgraph_limit;
  uint32_t graphs;  // open ones
  uint32_t depth;   // open frames
  open_tensor tensor;
  frame frames[BLOK_WIRE_MAX_DEPTH];
} scanner;

// ---- Writing the skeleton -----------------------------------------------------------------------

// Makes room for size bytes more; they are the caller's to fill and to count.
static blok_status reserve(scanner *s, uint64_t size) {
  blok_wire_skeleton *skeleton = s->skeleton;
  if (size > s->skeleton_limit - skeleton->size) {
    return BLOK_FAIL(s->error, BLOK_E_LIMIT,
                     "the message without its weights is larger than %llu bytes (skeleton_bytes of "
                     "blok_limits)",
                     (ull)s->skeleton_limit);
  }
  size_t needed = skeleton->size + (size_t)size;
  if (needed <= skeleton->capacity) return BLOK_OK;
  size_t capacity = skeleton->capacity ? skeleton->capacity : 4096;
  while (capacity < needed) {
    if (!blok_add_size(capacity, capacity / 2, &capacity)) {
      return blok_fail_memory(s->error, needed);
    }
  }
  uint8_t *grown = blok_realloc(&skeleton->allocator, skeleton->bytes, capacity);
  if (!grown) return blok_fail_memory(s->error, capacity);
  skeleton->bytes = grown;
  skeleton->capacity = capacity;
  return BLOK_OK;
}

static void put_varint(blok_wire_skeleton *skeleton, uint64_t value) {
  skeleton->size += blok_wire_put_varint(skeleton->bytes + skeleton->size, value);
}

static void put_fixed32(uint8_t *out, uint32_t value) {
  for (int i = 0; i < 4; i++) out[i] = (uint8_t)(value >> (8 * i));
}

static void put_padded(uint8_t *out, uint32_t value) {
  for (int i = 0; i < PADDED_VARINT - 1; i++) out[i] = (uint8_t)(value >> (7 * i) | 0x80);
  out[PADDED_VARINT - 1] = (uint8_t)(value >> (7 * (PADDED_VARINT - 1)));
}

// Copies a field as it is, tag and length in their shortest form.
static blok_status copy_field(scanner *s, const blok_wire_field *field) {
  blok_wire_skeleton *skeleton = s->skeleton;
  uint64_t limit = s->skeleton_limit;
  BLOK_TRY(reserve(s, field->size < limit ? field->size + 2 * BLOK_WIRE_VARINT_BYTES : limit + 1));
  put_varint(skeleton, blok_wire_tag(field->number, field->type));
  if (field->type == BLOK_WIRE_LENGTH) put_varint(skeleton, field->size);
  BLOK_TRY(blok_wire_copy(&s->reader, field->content, skeleton->bytes + skeleton->size,
                          (size_t)field->size, s->error));
  skeleton->size += (size_t)field->size;
  return BLOK_OK;
}

// ---- Opening and closing messages ---------------------------------------------------------------

static frame *top(scanner *s) { return &s->frames[s->depth - 1]; }

static blok_status open_frame(scanner *s, const ProtobufCMessageDescriptor *message, uint64_t end,
                              size_t length_at, uint64_t at) {
  if (s->depth == BLOK_WIRE_MAX_DEPTH) {
    return BLOK_FAIL(s->error, BLOK_E_LIMIT, "byte %llu: messages nest deeper than %d levels",
                     (ull)at, BLOK_WIRE_MAX_DEPTH);
  }
  if (message == &blok__onnx__graph_proto__descriptor && s->graphs++ > s->subgraph_limit) {
    return BLOK_FAIL(s->error, BLOK_E_LIMIT,
                     "byte %llu: subgraphs nest deeper than %u levels (depth of blok_limits, at "
                     "most %d)",
                     (ull)at, s->subgraph_limit, BLOK_WIRE_MAX_SUBGRAPHS);
  }
  if (message == &blok__onnx__node_proto__descriptor && s->nodes++ >= s->node_limit) {
    return BLOK_FAIL(s->error, BLOK_E_LIMIT,
                     "byte %llu: the model has more than %llu nodes (nodes of blok_limits)",
                     (ull)at, (ull)s->node_limit);
  }
  s->frames[s->depth++] = (frame){message, end, length_at, 0};
  return BLOK_OK;
}

static blok_status close_frame(scanner *s) {
  const frame *closed = top(s);
  blok_wire_skeleton *skeleton = s->skeleton;
  if (closed->message == &blok__onnx__graph_proto__descriptor) s->graphs--;
  s->depth--;
  if (s->depth == 0) return BLOK_OK;
  size_t size = skeleton->size - closed->length_at - PADDED_VARINT;
  if (size > BLOK_WIRE_MAX_MESSAGE) {
    return BLOK_FAIL(s->error, BLOK_E_LIMIT, "a %s has %zu bytes besides its weights, over %d",
                     closed->message->short_name, size, BLOK_WIRE_MAX_MESSAGE);
  }
  put_padded(skeleton->bytes + closed->length_at, (uint32_t)size);
  return BLOK_OK;
}

// Begins an embedded message: its tag, and room for its length. The reader stands at its content.
static blok_status begin_message(scanner *s, const blok_wire_field *field,
                                 const ProtobufCFieldDescriptor *known) {
  blok_wire_skeleton *skeleton = s->skeleton;
  frame *parent = top(s);
  if (known->label != PROTOBUF_C_LABEL_REPEATED) {
    uint32_t bit = field->number < 32 ? UINT32_C(1) << field->number : 0;
    if (parent->seen & bit) {
      return BLOK_FAIL(s->error, BLOK_E_UNSUPPORTED,
                       "byte %llu: a %s has its '%s' twice, and the parts are not merged",
                       (ull)field->start, parent->message->short_name, known->name);
    }
    parent->seen |= bit;
  }
  BLOK_TRY(reserve(s, BLOK_WIRE_VARINT_BYTES + PADDED_VARINT));
  put_varint(skeleton, blok_wire_tag(field->number, BLOK_WIRE_LENGTH));
  size_t length_at = skeleton->size;
  skeleton->size += PADDED_VARINT;
  return open_frame(s, known->descriptor, field->content + field->size, length_at, field->start);
}

// ---- Fields -------------------------------------------------------------------------------------

static blok_wire_type wire_type_of(ProtobufCType type) {
  switch (type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
      return BLOK_WIRE_FIXED32;
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
      return BLOK_WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
      return BLOK_WIRE_LENGTH;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
      break;
  }
  return BLOK_WIRE_VARINT;
}

// A known field has its type's wire type; a repeated number may also be a packed run.
static blok_status check_type(const scanner *s, const ProtobufCMessageDescriptor *message,
                              const blok_wire_field *field, const ProtobufCFieldDescriptor *known) {
  blok_wire_type type = wire_type_of(known->type);
  if (field->type == type) return BLOK_OK;
  bool packed = field->type == BLOK_WIRE_LENGTH && known->label == PROTOBUF_C_LABEL_REPEATED;
  if (!packed) {
    return BLOK_FAIL(s->error, BLOK_E_MALFORMED,
                     "not a %s, or damaged at byte %llu: '%s' has wire type %d instead of %d",
                     message->short_name, (ull)field->start, known->name, (int)field->type,
                     (int)type);
  }
  uint64_t element = type == BLOK_WIRE_FIXED32 ? 4 : type == BLOK_WIRE_FIXED64 ? 8 : 1;
  if (field->size % element != 0) {
    return BLOK_FAIL(s->error, BLOK_E_MALFORMED,
                     "damaged at byte %llu: '%s' of a %s has %llu bytes, no multiple of %d",
                     (ull)field->start, known->name, message->short_name, (ull)field->size,
                     (int)element);
  }
  return BLOK_OK;
}

// C strings end at a zero byte, so one inside would cut the string short.
static blok_status check_string(const scanner *s, const blok_wire_field *field,
                                const ProtobufCFieldDescriptor *known) {
  const blok_wire_skeleton *skeleton = s->skeleton;
  size_t size = (size_t)field->size;
  if (size == 0 || !memchr(skeleton->bytes + skeleton->size - size, 0, size)) return BLOK_OK;
  return BLOK_FAIL(s->error, BLOK_E_UNSUPPORTED,
                   "byte %llu: the string '%s' of a %s holds a zero byte", (ull)field->start,
                   known->name, s->frames[s->depth - 1].message->short_name);
}

static blok_status take_field(scanner *s, const blok_wire_field *field,
                              const ProtobufCFieldDescriptor *known) {
  BLOK_TRY(copy_field(s, field));
  s->reader.at = field->content + field->size;
  if (known && known->type == PROTOBUF_C_TYPE_STRING) return check_string(s, field, known);
  return BLOK_OK;
}

// ---- Tensors ------------------------------------------------------------------------------------

// Reads the tags of the tensor that was just opened. The reader ends where it began.
static blok_status look_ahead(scanner *s) {
  open_tensor *tensor = &s->tensor;
  uint64_t begin = s->reader.at;
  uint64_t end = top(s)->end;
  while (s->reader.at < end) {
    blok_wire_field field;
    BLOK_TRY(blok_wire_next(&s->reader, end, top(s)->message, &field, s->error));
    if (blok_wire_is_payload_field(field.number)) tensor->count[field.number]++;
    if (field.number == BLOK_WIRE_RAW_DATA) tensor->last_raw = field.start;
    s->reader.at = field.content + field.size;
  }
  s->reader.at = begin;
  return BLOK_OK;
}

static blok_status begin_tensor(scanner *s) {
  blok_wire_skeleton *skeleton = s->skeleton;
  s->tensor = (open_tensor){.marker = BLOK_WIRE_NO_PAYLOAD};
  BLOK_TRY(look_ahead(s));
  BLOK_TRY(reserve(s, BLOK_WIRE_VARINT_BYTES + 4));
  put_varint(skeleton, blok_wire_tag(BLOK_WIRE_MARKER, BLOK_WIRE_FIXED32));
  s->tensor.marker_at = skeleton->size;
  put_fixed32(skeleton->bytes + skeleton->size, BLOK_WIRE_NO_PAYLOAD);
  skeleton->size += 4;
  return BLOK_OK;
}

static blok_status cut(scanner *s, const blok_wire_field *field) {
  blok_wire_skeleton *skeleton = s->skeleton;
  uint32_t count = skeleton->payload_count;
  if (!blok_grow(&skeleton->allocator, &skeleton->payloads, &skeleton->payload_capacity, count,
                 sizeof *skeleton->payloads)) {
    return blok_fail_memory(s->error, sizeof *skeleton->payloads * count);
  }
  if (s->tensor.marker == BLOK_WIRE_NO_PAYLOAD) {
    s->tensor.marker = count;
    put_fixed32(skeleton->bytes + s->tensor.marker_at, count);
  } else {
    skeleton->payloads[count - 1].more = true;
  }
  skeleton->payloads[count] =
      (blok_wire_payload){field->content, field->size, field->number, false};
  skeleton->payload_count++;
  return BLOK_OK;
}

static bool worth_cutting(const scanner *s, const blok_wire_field *field) {
  return blok_wire_is_payload_field(field->number) && field->type == BLOK_WIRE_LENGTH &&
         field->size >= BLOK_WIRE_CUT_BYTES &&
         (field->number == BLOK_WIRE_RAW_DATA || s->tensor.count[field->number] == 1);
}

static blok_status take_tensor_field(scanner *s, const blok_wire_field *field,
                                     const ProtobufCFieldDescriptor *known) {
  bool overridden = field->number == BLOK_WIRE_RAW_DATA && field->start != s->tensor.last_raw;
  if (!overridden && !worth_cutting(s, field)) return take_field(s, field, known);
  s->reader.at = field->content + field->size;
  return overridden ? BLOK_OK : cut(s, field);
}

// ---- The scan -----------------------------------------------------------------------------------

static blok_status scan_field(scanner *s, const blok_wire_field *field) {
  const ProtobufCMessageDescriptor *tensor = &blok__onnx__tensor_proto__descriptor;
  const ProtobufCMessageDescriptor *message = top(s)->message;
  const ProtobufCFieldDescriptor *known =
      protobuf_c_message_descriptor_get_field(message, field->number);
  if (known) BLOK_TRY(check_type(s, message, field, known));
  if (known && known->type == PROTOBUF_C_TYPE_MESSAGE) {
    BLOK_TRY(begin_message(s, field, known));
    return known->descriptor == tensor ? begin_tensor(s) : BLOK_OK;
  }
  return message == tensor ? take_tensor_field(s, field, known) : take_field(s, field, known);
}

static blok_status scan_all(scanner *s, const ProtobufCMessageDescriptor *root) {
  BLOK_TRY(open_frame(s, root, s->reader.size, 0, 0));
  if (root == &blok__onnx__tensor_proto__descriptor) BLOK_TRY(begin_tensor(s));
  while (s->depth > 0) {
    if (s->reader.at == top(s)->end) {
      BLOK_TRY(close_frame(s));
      continue;
    }
    blok_wire_field field;
    BLOK_TRY(blok_wire_next(&s->reader, top(s)->end, top(s)->message, &field, s->error));
    BLOK_TRY(scan_field(s, &field));
  }
  return BLOK_OK;
}

static uint64_t or_default(uint64_t limit, uint64_t value) { return limit ? limit : value; }

blok_status blok_wire_scan(const blok_storage *storage, const ProtobufCMessageDescriptor *root,
                           const blok_limits *limits, const blok_allocator *allocator,
                           blok_wire_skeleton *out, blok_error *error) {
  static const blok_limits no_limits = BLOK_LIMITS_INIT;
  allocator = blok_allocator_or_default(allocator);
  if (!limits) limits = &no_limits;
  memset(out, 0, sizeof *out);
  out->allocator = *allocator;

  blok_status status = BLOK_E_MEMORY;
  uint8_t *window = NULL;
  scanner *s = blok_alloc_zero(allocator, sizeof *s);
  if (!s) {
    blok_fail_memory(error, sizeof *s);
    goto done;
  }
  s->reader.storage = storage;
  s->reader.memory = blok_storage_memory(storage);
  s->reader.size = blok_storage_size(storage);
  s->skeleton = out;
  s->error = error;
  s->skeleton_limit = or_default(limits->skeleton_bytes, UINT64_C(512) << 20);
  s->node_limit = or_default(limits->nodes, 4000000);
  s->subgraph_limit = (uint32_t)or_default(limits->depth, 64);
  if (s->subgraph_limit > BLOK_WIRE_MAX_SUBGRAPHS) s->subgraph_limit = BLOK_WIRE_MAX_SUBGRAPHS;
  if (!s->reader.memory) {
    window = blok_alloc(allocator, BLOK_WIRE_WINDOW);
    if (!window) {
      blok_fail_memory(error, BLOK_WIRE_WINDOW);
      goto done;
    }
    s->reader.window = window;
  }
  status = scan_all(s, root);

done:
  blok_free(allocator, window);
  blok_free(allocator, s);
  return status;
}

void blok_wire_skeleton_free(blok_wire_skeleton *skeleton) {
  if (!skeleton->allocator.release) return;
  blok_free(&skeleton->allocator, skeleton->bytes);
  blok_free(&skeleton->allocator, skeleton->payloads);
  memset(skeleton, 0, sizeof *skeleton);
}
