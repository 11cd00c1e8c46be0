// Protobuf's wire format with the weights left out.
//
// A model file is a few kilobytes of structure around megabytes of weights. The scan walks the
// bytes once, without recursion, checks all that makes a message well formed, and copies the
// structure into memory, the skeleton: the same message without its payloads. A payload is the
// content of a TensorProto's raw_data, or of its float_data, int32_data, int64_data, double_data or
// uint64_data when it is a single packed run, of BLOK_WIRE_CUT_BYTES or more. Where each one lies
// is kept in a table.
//
//     storage                  skeleton                              payloads
//     model { graph {          model { graph {
//       initializer {            initializer {
//                                  536870911: 0    ------------->    0: raw_data, offset, size
//         name: "w"                name: "w" } } }
//         raw_data: ... } } }
//
// Every TensorProto of a skeleton begins with a marker, an unknown field with the number
// BLOK_WIRE_MARKER and a fixed 32-bit value: the index of its first payload, or
// BLOK_WIRE_NO_PAYLOAD. It is always there and always comes first, so that a field of the same
// number in the file, kept behind it, is no marker.
//
// The splice goes the other way: it streams a skeleton with each marker replaced by the payload
// that it stands for, and all lengths made right. Both are driven by protobuf-c's descriptors of
// the schema: there is no second list of messages and fields.
#ifndef BLOK_PROTO_WIRE_H
#define BLOK_PROTO_WIRE_H

#include <blok/types.h>
#include <protobuf-c/protobuf-c.h>

#include "base/alloc.h"
#include "base/storage.h"

#define BLOK_WIRE_CUT_BYTES  1024u
#define BLOK_WIRE_MARKER     536870911u
#define BLOK_WIRE_NO_PAYLOAD UINT32_MAX

// Messages inside messages, the outermost counted. protobuf-c unpacks and packs by recursion: this
// bounds the stack it takes, to less than 512 KiB. A subgraph is three levels (graph, node,
// attribute), so blok_limits.depth has no effect above BLOK_WIRE_MAX_SUBGRAPHS.
#define BLOK_WIRE_MAX_DEPTH     320
#define BLOK_WIRE_MAX_SUBGRAPHS 90

// Bytes that one message can have: protobuf's own bound.
#define BLOK_WIRE_MAX_MESSAGE INT32_MAX

// The fields of a TensorProto that may hold its elements, by number.
typedef enum blok_wire_tensor_field {
  BLOK_WIRE_FLOAT_DATA = 4,
  BLOK_WIRE_INT32_DATA = 5,
  BLOK_WIRE_STRING_DATA = 6,
  BLOK_WIRE_INT64_DATA = 7,
  BLOK_WIRE_RAW_DATA = 9,
  BLOK_WIRE_DOUBLE_DATA = 10,
  BLOK_WIRE_UINT64_DATA = 11
} blok_wire_tensor_field;

// A payload that was cut out.
typedef struct blok_wire_payload {
  uint64_t offset;  // of its first byte in the storage, behind tag and length
  uint64_t size;
  uint32_t field;  // blok_wire_tensor_field
  bool more;       // the next payload of the table belongs to the same tensor
} blok_wire_payload;

typedef struct blok_wire_skeleton {
  blok_allocator allocator;
  uint8_t *bytes;
  size_t size;
  size_t capacity;
  blok_wire_payload *payloads;
  uint32_t payload_count;
  uint32_t payload_capacity;
} blok_wire_skeleton;

// Scans storage as a message of type root. Reads a file through a window of a few kilobytes.
//
// BLOK_E_MALFORMED: a bad tag, length or wire type, or a truncated file; BLOK_E_LIMIT: depth, nodes
// or skeleton_bytes of limits (NULL: the defaults) would be passed; BLOK_E_UNSUPPORTED: an embedded
// message that occurs twice where one is meant, or a zero byte inside a string. *out is filled in
// any case and freed with blok_wire_skeleton_free.
BLOK_MUST_CHECK blok_status blok_wire_scan(const blok_storage *storage,
                                           const ProtobufCMessageDescriptor *root,
                                           const blok_limits *limits,
                                           const blok_allocator *allocator, blok_wire_skeleton *out,
                                           blok_error *error);

void blok_wire_skeleton_free(blok_wire_skeleton *skeleton);

// A payload to be put in: the whole of storage becomes the content of the TensorProto field.
typedef struct blok_wire_source {
  const blok_storage *storage;
  uint32_t field;  // blok_wire_tensor_field
} blok_wire_source;

// Takes the next size bytes of a message.
typedef blok_status (*blok_wire_write_fn)(void *context, const void *bytes, size_t size,
                                          blok_error *error);

// Streams the message whose skeleton is bytes. Every TensorProto in it begins its unknown fields
// with a marker, an index into sources or BLOK_WIRE_NO_PAYLOAD; a source stands where its field's
// number belongs in rising order. write NULL: only counts. *total, unless NULL, is set to the
// message's size before anything is written.
//
// BLOK_E_LIMIT: the message would pass BLOK_WIRE_MAX_MESSAGE (nothing has been written then), or
// nests too deep; BLOK_E_INTERNAL: the skeleton breaks the contract; else what write or reading a
// storage gives.
BLOK_MUST_CHECK blok_status blok_wire_splice(const uint8_t *bytes, size_t size,
                                             const ProtobufCMessageDescriptor *root,
                                             const blok_wire_source *sources, uint32_t source_count,
                                             const blok_allocator *allocator,
                                             blok_wire_write_fn write, void *context,
                                             uint64_t *total, blok_error *error);

#endif  // BLOK_PROTO_WIRE_H
