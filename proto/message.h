// ONNX messages in memory: read from a storage, written to a stream. The face of proto/ to importer
// and exporter, the only rooms that see the generated structs.
//
// Reading gives the unpacked message and the places of the payloads that the scan left out (see
// wire.h); nothing in it points into the storage. For a tensor whose raw_data or typed data was cut
// the unpacked field is absent, and blok_proto_payload says where it lies.
#ifndef BLOK_PROTO_MESSAGE_H
#define BLOK_PROTO_MESSAGE_H

#include <blok/types.h>

#include "base/alloc.h"
#include "base/storage.h"
#include "proto/onnx.pb-c.h"
#include "proto/wire.h"

// ---- Reading ------------------------------------------------------------------------------------

typedef struct blok_proto blok_proto;

// Each reads storage, which is retained, as one message. What is no such message gives
// BLOK_E_MALFORMED with a line that says what it looks like instead (text, a zip archive, ...) or
// where it is damaged or truncated; past a limit (NULL: the defaults) BLOK_E_LIMIT; all statuses of
// blok_wire_scan are possible. With BLOK_OK a model has a graph and a lone tensor a data_type;
// nothing else is promised. *out is NULL unless the status is BLOK_OK; free it with
// blok_proto_free.
BLOK_MUST_CHECK blok_status blok_proto_read_model(blok_storage *storage, const blok_limits *limits,
                                                  const blok_allocator *allocator, blok_proto **out,
                                                  blok_error *error);
BLOK_MUST_CHECK blok_status blok_proto_read_tensor(blok_storage *storage, const blok_limits *limits,
                                                   const blok_allocator *allocator,
                                                   blok_proto **out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_proto_read_sequence(blok_storage *storage,
                                                     const blok_limits *limits,
                                                     const blok_allocator *allocator,
                                                     blok_proto **out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_proto_read_optional(blok_storage *storage,
                                                     const blok_limits *limits,
                                                     const blok_allocator *allocator,
                                                     blok_proto **out, blok_error *error);

void blok_proto_free(blok_proto **proto);  // NULL inside is allowed

// The message, borrowed from proto; NULL when it was read as another kind.
const Blok__Onnx__ModelProto *blok_proto_model(const blok_proto *proto);
const Blok__Onnx__TensorProto *blok_proto_tensor(const blok_proto *proto);
const Blok__Onnx__SequenceProto *blok_proto_sequence(const blok_proto *proto);
const Blok__Onnx__OptionalProto *blok_proto_optional(const blok_proto *proto);

// What proto was read from, borrowed. Slice it at a payload's offset and size.
blok_storage *blok_proto_storage(const blok_proto *proto);

// Where the content of the tensor's field lies: raw_data's bytes, or a typed field's packed
// elements as the wire holds them (4 or 8 bytes little endian each, or varints, whose form has not
// been checked). NULL when it was not cut: then it is in the struct, if it is anywhere.
const blok_wire_payload *blok_proto_payload(const blok_proto *proto,
                                            const Blok__Onnx__TensorProto *tensor, uint32_t field);

// The tensor's unknown fields without the marker, which is the first; their number in *count.
const ProtobufCMessageUnknownField *blok_proto_tensor_unknown(const Blok__Onnx__TensorProto *tensor,
                                                              size_t *count);

// ---- Writing ------------------------------------------------------------------------------------

// Puts the marker before what tensor->base.unknown_fields holds: an index into the sources of
// blok_proto_write, or BLOK_WIRE_NO_PAYLOAD. Every TensorProto of a message that is written needs
// one, once. Memory comes from the arena; false: none left.
BLOK_MUST_CHECK bool blok_proto_mark(blok_arena *arena, Blok__Onnx__TensorProto *tensor,
                                     uint32_t source);

// Writes message with its sources put in, in the order of field numbers: equal messages give equal
// bytes. Takes memory for the message without its payloads, never for a payload. Statuses as for
// blok_wire_splice; over 2 GiB nothing is written, and the error says to use external data.
BLOK_MUST_CHECK blok_status blok_proto_write(const ProtobufCMessage *message,
                                             const blok_wire_source *sources, uint32_t source_count,
                                             const blok_allocator *allocator,
                                             blok_wire_write_fn write, void *context,
                                             blok_error *error);

// How many bytes blok_proto_write would write, also past its bound.
BLOK_MUST_CHECK blok_status blok_proto_measure(const ProtobufCMessage *message,
                                               const blok_wire_source *sources,
                                               uint32_t source_count,
                                               const blok_allocator *allocator, uint64_t *bytes,
                                               blok_error *error);

#endif  // BLOK_PROTO_MESSAGE_H
