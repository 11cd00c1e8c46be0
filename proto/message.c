// Skeletons to unpacked messages, and messages to bytes. See message.h.
#include "proto/message.h"

#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "proto/sniff.h"

typedef unsigned long long ull;

// An unpacked message may take this many times the limit on its skeleton: an empty message of two
// bytes becomes a struct of two hundred.
enum { UNPACKED_FACTOR = 8 };
#define DEFAULT_SKELETON_BYTES (UINT64_C(512) << 20)

struct blok_proto {
  blok_allocator allocator;
  blok_arena arena;           // holds the message
  ProtobufCMessage *message;  // its first member is the descriptor, which says the kind
  blok_wire_payload *payloads;
  uint32_t payload_count;
  blok_storage *storage;
};

// ---- Reading ------------------------------------------------------------------------------------

// protobuf-c's allocator over an arena, with a bound.
typedef struct unpack_memory {
  blok_arena *arena;
  uint64_t limit;
  bool past_limit;
  bool refused;
} unpack_memory;

static void *unpack_alloc(void *context, size_t size) {
  unpack_memory *memory = context;
  if (memory->arena->total > memory->limit || size > memory->limit) {
    memory->past_limit = true;
    return NULL;
  }
  void *block = blok_arena_alloc(memory->arena, size);
  if (!block) memory->refused = true;
  return block;
}

static void unpack_free(void *context, void *block) {
  (void)context;
  (void)block;
}

static blok_status unpack(blok_proto *proto, const blok_wire_skeleton *skeleton,
                          const ProtobufCMessageDescriptor *root, const blok_limits *limits,
                          blok_error *error) {
  uint64_t limit = DEFAULT_SKELETON_BYTES;
  if (limits && limits->skeleton_bytes) limit = limits->skeleton_bytes;
  if (limit > UINT64_MAX / UNPACKED_FACTOR) limit = UINT64_MAX / UNPACKED_FACTOR;
  unpack_memory memory = {&proto->arena, limit * UNPACKED_FACTOR, false, false};
  ProtobufCAllocator allocator = {unpack_alloc, unpack_free, &memory};
  static const uint8_t nothing[1] = {0};
  proto->message = protobuf_c_message_unpack(root, &allocator, skeleton->size,
                                             skeleton->bytes ? skeleton->bytes : nothing);
  if (proto->message) return BLOK_OK;
  if (memory.past_limit) {
    return BLOK_FAIL(error, BLOK_E_LIMIT,
                     "the message without its weights takes more than %llu bytes of memory "
                     "(skeleton_bytes of blok_limits, times %d)",
                     (ull)memory.limit, UNPACKED_FACTOR);
  }
  if (memory.refused) return blok_fail_memory(error, 0);
  return BLOK_FAIL(error, BLOK_E_MALFORMED, "damaged: a field of the %s is not well formed",
                   root->short_name);
}

static blok_status check_content(const blok_proto *proto, blok_error *error) {
  const Blok__Onnx__ModelProto *model = blok_proto_model(proto);
  if (model && !model->graph) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "not an ONNX model, or cut off: there is no graph in it");
  }
  const Blok__Onnx__TensorProto *tensor = blok_proto_tensor(proto);
  if (tensor && !tensor->has_data_type) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "not a TensorProto, or cut off: there is no data_type in it");
  }
  return BLOK_OK;
}

static blok_status read_message(blok_storage *storage, const ProtobufCMessageDescriptor *root,
                                const char *kind, const blok_limits *limits,
                                const blok_allocator *allocator, blok_proto **out,
                                blok_error *error) {
  *out = NULL;
  if (blok_storage_size(storage) == 0) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "not %s: the file is empty", kind);
  }
  allocator = blok_allocator_or_default(allocator);
  blok_proto *proto = blok_alloc_zero(allocator, sizeof *proto);
  if (!proto) return blok_fail_memory(error, sizeof *proto);
  proto->allocator = *allocator;
  blok_arena_init(&proto->arena, allocator);
  proto->storage = blok_storage_retain(storage);

  blok_wire_skeleton skeleton;
  blok_status status = blok_wire_scan(storage, root, limits, allocator, &skeleton, error);
  if (status != BLOK_OK) goto fail;
  BLOK_TRY_TO(fail, unpack(proto, &skeleton, root, limits, error));
  proto->payloads = skeleton.payloads;
  proto->payload_count = skeleton.payload_count;
  skeleton.payloads = NULL;
  BLOK_TRY_TO(fail, check_content(proto, error));
  blok_wire_skeleton_free(&skeleton);
  *out = proto;
  return BLOK_OK;

fail:
  if (status == BLOK_E_MALFORMED || status == BLOK_E_UNSUPPORTED) {
    blok_error sniffed = BLOK_ERROR_INIT;
    if (blok_proto_sniff(storage, kind, &sniffed) != BLOK_OK) {
      blok_error_clear(error);
      status = BLOK_FAIL(error, sniffed.status, "%s", sniffed.message);
    }
  }
  blok_wire_skeleton_free(&skeleton);
  blok_proto_free(&proto);
  return status;
}

blok_status blok_proto_read_model(blok_storage *storage, const blok_limits *limits,
                                  const blok_allocator *allocator, blok_proto **out,
                                  blok_error *error) {
  return read_message(storage, &blok__onnx__model_proto__descriptor, "an ONNX model", limits,
                      allocator, out, error);
}

blok_status blok_proto_read_tensor(blok_storage *storage, const blok_limits *limits,
                                   const blok_allocator *allocator, blok_proto **out,
                                   blok_error *error) {
  return read_message(storage, &blok__onnx__tensor_proto__descriptor, "a TensorProto", limits,
                      allocator, out, error);
}

blok_status blok_proto_read_sequence(blok_storage *storage, const blok_limits *limits,
                                     const blok_allocator *allocator, blok_proto **out,
                                     blok_error *error) {
  return read_message(storage, &blok__onnx__sequence_proto__descriptor, "a SequenceProto", limits,
                      allocator, out, error);
}

blok_status blok_proto_read_optional(blok_storage *storage, const blok_limits *limits,
                                     const blok_allocator *allocator, blok_proto **out,
                                     blok_error *error) {
  return read_message(storage, &blok__onnx__optional_proto__descriptor, "an OptionalProto", limits,
                      allocator, out, error);
}

void blok_proto_free(blok_proto **proto) {
  blok_proto *p = *proto;
  *proto = NULL;
  if (!p) return;
  blok_allocator allocator = p->allocator;
  blok_arena_free(&p->arena);
  blok_free(&allocator, p->payloads);
  blok_storage_release(p->storage);
  blok_free(&allocator, p);
}

// ---- What was read ------------------------------------------------------------------------------

static const void *message_as(const blok_proto *proto, const ProtobufCMessageDescriptor *kind) {
  return proto->message->descriptor == kind ? proto->message : NULL;
}

const Blok__Onnx__ModelProto *blok_proto_model(const blok_proto *proto) {
  return message_as(proto, &blok__onnx__model_proto__descriptor);
}

const Blok__Onnx__TensorProto *blok_proto_tensor(const blok_proto *proto) {
  return message_as(proto, &blok__onnx__tensor_proto__descriptor);
}

const Blok__Onnx__SequenceProto *blok_proto_sequence(const blok_proto *proto) {
  return message_as(proto, &blok__onnx__sequence_proto__descriptor);
}

const Blok__Onnx__OptionalProto *blok_proto_optional(const blok_proto *proto) {
  return message_as(proto, &blok__onnx__optional_proto__descriptor);
}

blok_storage *blok_proto_storage(const blok_proto *proto) { return proto->storage; }

const blok_wire_payload *blok_proto_payload(const blok_proto *proto,
                                            const Blok__Onnx__TensorProto *tensor, uint32_t field) {
  const uint8_t *bytes = tensor->base.unknown_fields[0].data;
  uint32_t index =
      bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
  while (index < proto->payload_count) {
    const blok_wire_payload *payload = &proto->payloads[index++];
    if (payload->field == field) return payload;
    if (!payload->more) return NULL;
  }
  return NULL;
}

const ProtobufCMessageUnknownField *blok_proto_tensor_unknown(const Blok__Onnx__TensorProto *tensor,
                                                              size_t *count) {
  *count = tensor->base.n_unknown_fields - 1;
  return tensor->base.unknown_fields + 1;
}

// ---- Writing ------------------------------------------------------------------------------------

bool blok_proto_mark(blok_arena *arena, Blok__Onnx__TensorProto *tensor, uint32_t source) {
  ProtobufCMessage *base = &tensor->base;
  ProtobufCMessageUnknownField *fields =
      blok_arena_array(arena, (size_t)base->n_unknown_fields + 1, sizeof *fields);
  uint8_t *value = blok_arena_alloc(arena, 4);
  if (!fields || !value) return false;
  for (int i = 0; i < 4; i++) value[i] = (uint8_t)(source >> (8 * i));
  fields[0] = (ProtobufCMessageUnknownField){
      .tag = BLOK_WIRE_MARKER, .wire_type = PROTOBUF_C_WIRE_TYPE_32BIT, .len = 4, .data = value};
  if (base->n_unknown_fields > 0) {
    memcpy(fields + 1, base->unknown_fields, base->n_unknown_fields * sizeof *fields);
  }
  base->unknown_fields = fields;
  base->n_unknown_fields++;
  return true;
}

static blok_status pack_and_splice(const ProtobufCMessage *message, const blok_wire_source *sources,
                                   uint32_t source_count, const blok_allocator *allocator,
                                   blok_wire_write_fn write, void *context, uint64_t *total,
                                   blok_error *error) {
  allocator = blok_allocator_or_default(allocator);
  size_t size = protobuf_c_message_get_packed_size(message);
  if (size > BLOK_WIRE_MAX_MESSAGE) {
    return BLOK_FAIL(error, BLOK_E_LIMIT, "the model has %zu bytes besides its weights, over %d",
                     size, BLOK_WIRE_MAX_MESSAGE);
  }
  uint8_t *bytes = blok_alloc(allocator, size);
  if (!bytes) return blok_fail_memory(error, size);
  protobuf_c_message_pack(message, bytes);
  blok_status status = blok_wire_splice(bytes, size, message->descriptor, sources, source_count,
                                        allocator, write, context, total, error);
  blok_free(allocator, bytes);
  return status;
}

blok_status blok_proto_write(const ProtobufCMessage *message, const blok_wire_source *sources,
                             uint32_t source_count, const blok_allocator *allocator,
                             blok_wire_write_fn write, void *context, blok_error *error) {
  return pack_and_splice(message, sources, source_count, allocator, write, context, NULL, error);
}

blok_status blok_proto_measure(const ProtobufCMessage *message, const blok_wire_source *sources,
                               uint32_t source_count, const blok_allocator *allocator,
                               uint64_t *bytes, blok_error *error) {
  return pack_and_splice(message, sources, source_count, allocator, NULL, NULL, bytes, error);
}
