// What the files of the exporter share: the message that is being built, and the payloads that are
// streamed into it.
#ifndef BLOK_EXPORTER_WRITING_H
#define BLOK_EXPORTER_WRITING_H

#include "exporter/exporter.h"
#include "proto/message.h"

// A weight that goes to the external file.
typedef struct blok_outside {
  const blok_storage *storage;
  uint64_t offset;  // in the external file
} blok_outside;

typedef struct blok_writing {
  const blok_module *module;
  blok_arena arena;  // of the message
  blok_weights_at weights;
  const char *external_name;  // as the model will spell it; NULL: all inline
  uint64_t external_size;     // bytes placed so far
  bool forced_external;       // too large for one message: external data unasked
  uint32_t n_outside, cap_outside;
  blok_outside *outside;
  uint32_t n_sources, cap_sources;
  blok_wire_source *sources;
  Blok__Onnx__ModelProto *message;
} blok_writing;

// The whole message, into writing->message.
BLOK_MUST_CHECK blok_status blok_write_model(blok_writing *writing, blok_error *error);

// Each makes one message (or list of them) in the writing's arena from a part of the graph, whose
// texts and numbers it borrows. names are those of blok_write_names; NULL parts give NULL messages.
// The only errors are BLOK_E_MEMORY. captures and outer_names are NULL for a graph that is no
// subgraph.
BLOK_MUST_CHECK blok_status blok_write_graph(blok_writing *writing, const blok_graph *graph,
                                             const char *const *outer_names,
                                             const blok_subgraph *captures,
                                             Blok__Onnx__GraphProto **out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_write_nodes(blok_writing *writing, const blok_graph *graph,
                                             const char *const *names, size_t *count,
                                             Blok__Onnx__NodeProto ***out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_write_attribute(blok_writing *writing, const blok_attr *attr,
                                                 const char *const *names,
                                                 Blok__Onnx__AttributeProto **out,
                                                 blok_error *error);
BLOK_MUST_CHECK blok_status blok_write_entries(blok_writing *writing,
                                               const blok_value_entry *entries, size_t count,
                                               const char *const *names,
                                               Blok__Onnx__ValueInfoProto ***out,
                                               blok_error *error);
// The names under which a graph's values are written, by handle: captures by their outer names.
BLOK_MUST_CHECK blok_status blok_write_names(blok_writing *writing, const blok_graph *graph,
                                             const char *const *outer_names,
                                             const blok_subgraph *captures, const char ***out,
                                             blok_error *error);

// A literal's bytes stay in its storage: they are noted as a source of the message, or as a part of
// the external file.
BLOK_MUST_CHECK blok_status blok_write_literal(blok_writing *writing, const blok_literal *literal,
                                               const char *name, Blok__Onnx__TensorProto **out,
                                               blok_error *error);
BLOK_MUST_CHECK blok_status blok_write_sparse(blok_writing *writing, const blok_sparse *sparse,
                                              Blok__Onnx__SparseTensorProto **out,
                                              blok_error *error);
BLOK_MUST_CHECK blok_status blok_write_type(blok_writing *writing, const blok_type *type,
                                            Blok__Onnx__TypeProto **out, blok_error *error);

// A zeroed block of the message's arena; NULL gives BLOK_E_MEMORY in error.
void *blok_write_take(blok_writing *writing, size_t count, size_t size, blok_error *error);

// Texts are borrowed from the graph: protobuf-c never writes through its pointers while packing.
char *blok_write_text(const char *text);
BLOK_MUST_CHECK blok_status blok_write_unknown(blok_writing *writing, blok_bytes bytes,
                                               ProtobufCMessage *message, blok_error *error);
BLOK_MUST_CHECK blok_status blok_write_properties(blok_writing *writing,
                                                  const blok_property *properties, size_t count,
                                                  Blok__Onnx__StringStringEntryProto ***out,
                                                  blok_error *error);
// Doc string, metadata and unknown fields of notes (NULL: none) into a message's fields. metadata
// and count may be NULL for a message without them.
BLOK_MUST_CHECK blok_status blok_write_notes(blok_writing *writing, const blok_notes *notes,
                                             char **doc, size_t *count,
                                             Blok__Onnx__StringStringEntryProto ***metadata,
                                             ProtobufCMessage *message, blok_error *error);
// Unpacks what the importer kept in wire form.
BLOK_MUST_CHECK blok_status blok_write_opaque(blok_writing *writing, blok_bytes bytes,
                                              const ProtobufCMessageDescriptor *descriptor,
                                              ProtobufCMessage **out, blok_error *error);

#endif  // BLOK_EXPORTER_WRITING_H
