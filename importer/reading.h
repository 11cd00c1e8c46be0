// What the files of the importer share: the state of one import, and the copying of small things
// out of the message into the module's arena.
#ifndef BLOK_IMPORTER_READING_H
#define BLOK_IMPORTER_READING_H

#include "graph/graph.h"
#include "importer/importer.h"
#include "proto/message.h"

// A file of external data, opened once.
typedef struct blok_reading_file {
  const char *location;
  blok_storage *storage;  // the whole file
} blok_reading_file;

typedef struct blok_reading {
  const blok_import_options *options;
  const blok_proto *proto;
  blok_module *module;
  blok_arena *arena;  // the module's
  uint32_t n_files, cap_files;
  blok_reading_file *files;
} blok_reading;

// Each copies into the arena. The only error is BLOK_E_MEMORY.
BLOK_MUST_CHECK blok_status blok_read_text(blok_reading *reading, const char *text,
                                           const char **out, blok_error *error);  // NULL stays NULL
BLOK_MUST_CHECK blok_status blok_read_bytes(blok_reading *reading, ProtobufCBinaryData bytes,
                                            blok_bytes *out, blok_error *error);
// Unknown fields in wire form, one after the other.
BLOK_MUST_CHECK blok_status blok_read_unknown(blok_reading *reading,
                                              const ProtobufCMessageUnknownField *fields,
                                              size_t count, blok_bytes *out, blok_error *error);
// A message that Blok keeps without reading, in wire form.
BLOK_MUST_CHECK blok_status blok_read_opaque(blok_reading *reading, const ProtobufCMessage *message,
                                             blok_bytes *out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_read_properties(blok_reading *reading, size_t count,
                                                 Blok__Onnx__StringStringEntryProto *const *entries,
                                                 blok_property **out, blok_error *error);
// Doc string, metadata and unknown fields; *out is NULL when there is none of them.
BLOK_MUST_CHECK blok_status blok_read_notes(blok_reading *reading, const char *doc, size_t count,
                                            Blok__Onnx__StringStringEntryProto *const *metadata,
                                            const ProtobufCMessageUnknownField *unknown,
                                            size_t unknown_count, const blok_notes **out,
                                            blok_error *error);

// A type; NULL gives NULL.
BLOK_MUST_CHECK blok_status blok_read_type(blok_reading *reading,
                                           const Blok__Onnx__TypeProto *message, blok_type **out,
                                           blok_error *error);

// A tensor, its storage reference included (the caller hands it to the module). what names it in
// messages: "initializer 'w'".
BLOK_MUST_CHECK blok_status blok_read_literal(blok_reading *reading,
                                              const Blok__Onnx__TensorProto *message,
                                              const char *what, blok_literal **out,
                                              blok_error *error);
// The same, and the module keeps it (attributes, sparse tensors).
BLOK_MUST_CHECK blok_status blok_read_kept_literal(blok_reading *reading,
                                                   const Blok__Onnx__TensorProto *message,
                                                   const char *what, blok_literal **out,
                                                   blok_error *error);
BLOK_MUST_CHECK blok_status blok_read_sparse(blok_reading *reading,
                                             const Blok__Onnx__SparseTensorProto *message,
                                             const char *what, blok_sparse *out, blok_error *error);

// The storage of an external file, borrowed from reading.
BLOK_MUST_CHECK blok_status blok_read_external(blok_reading *reading, const char *location,
                                               blok_storage **out, blok_error *error);

// BLOK_E_MALFORMED when a local function calls itself, directly or through others, or is there
// twice.
BLOK_MUST_CHECK blok_status blok_refuse_recursion(const blok_module *module, blok_error *error);

// ---- Graphs -------------------------------------------------------------------------------------

// The names of one graph while it is read, and of the graphs around it.
typedef struct blok_scope blok_scope;
struct blok_scope {
  blok_scope *outer;  // NULL: a main graph or a function's body
  blok_graph *graph;
  blok_names names;  // to value handles
  uint32_t n_captures, cap_captures;
  blok_capture *captures;
};

// Reads a graph. outer is the enclosing scope, whose own values are all known by now; captures
// receives what it takes from there (may be NULL for a main graph).
BLOK_MUST_CHECK blok_status blok_read_graph(blok_reading *reading,
                                            const Blok__Onnx__GraphProto *message,
                                            blok_scope *outer, blok_subgraph *out,
                                            blok_error *error);

// A function's body: values for its inputs, then nodes, then outputs.
BLOK_MUST_CHECK blok_status blok_read_function_body(blok_reading *reading,
                                                    const Blok__Onnx__FunctionProto *message,
                                                    blok_graph **out, blok_error *error);

// The nodes of a graph: outputs first, then inputs and attributes, so that order does not matter.
BLOK_MUST_CHECK blok_status blok_read_nodes(blok_reading *reading, size_t count,
                                            Blok__Onnx__NodeProto *const *messages,
                                            blok_scope *scope, blok_error *error);

// One attribute. scope is where a subgraph finds what it captures.
BLOK_MUST_CHECK blok_status blok_read_attribute(blok_reading *reading,
                                                const Blok__Onnx__AttributeProto *message,
                                                blok_scope *scope, const char *owner,
                                                blok_attr *out, blok_error *error);

// The value of a name in the scope, taken as a capture from the scopes around it if need be; none
// when nothing has that name.
BLOK_MUST_CHECK blok_status blok_scope_find(blok_reading *reading, blok_scope *scope,
                                            const char *name, blok_value_id *out,
                                            blok_error *error);
// A new value; BLOK_E_MALFORMED when the scope has the name already. what: "output of node 'x'".
BLOK_MUST_CHECK blok_status blok_scope_define(blok_reading *reading, blok_scope *scope,
                                              const char *name, const char *what,
                                              blok_value_id *out, blok_error *error);

#endif  // BLOK_IMPORTER_READING_H
