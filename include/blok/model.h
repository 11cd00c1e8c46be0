// A model: open it, look at it, write it back.
//
// A model is immutable once opened, so any number of threads may read it and make sessions of it.
// Strings and structs that it returns live as long as the model.
#ifndef BLOK_MODEL_H
#define BLOK_MODEL_H

#include <blok/blocks.h>
#include <blok/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct blok_model blok_model;

// External data that the caller holds: fills *bytes and *size with what location (as the model
// spells it) holds. The bytes are borrowed until the model and all that shares its weights are
// freed. A result other than 0 says there is none.
typedef struct blok_external {
  void *context;
  int (*find)(void *context, const char *location, const void **bytes, size_t *size);
} blok_external;

// Read during the call, which keeps none of these pointers; warn and progress are called during it.
typedef struct blok_open_options {
  uint32_t struct_size;
  const blok_allocator *allocator;  // NULL: malloc and free
  const blok_limits *limits;        // NULL: the defaults
  const char *external_root;        // folder that external data may lie in; NULL: the model's own.
                                    // blok_model_load, which knows no folder, looks there
  const blok_external *external;    // asked instead of files; NULL: files
  const char *name;                 // what messages call the model; NULL: its path, "standard
                                    // input" or "model"
  blok_warn_fn warn;                // NULL: warnings are only kept (blok_model_warning)
  void *warn_context;
  blok_progress_fn progress;  // NULL: none
  void *progress_context;
} blok_open_options;

#define BLOK_OPEN_OPTIONS_INIT \
  { sizeof(blok_open_options), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL }

// Opens the model at path ("-" is standard input, of which 4 GiB at most are read). Weights stay in
// the file until they are used; the file is kept open, and a model whose file changes underneath
// gives BLOK_E_IO.
//
// A file that is well formed but cannot be run (an unknown operator, shapes that disagree) still
// opens: blok_model_runnable() then says why not. *out is NULL unless the status is BLOK_OK; free
// it with blok_model_free.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_open(const char *path,
                                                     const blok_open_options *options,
                                                     blok_model **out, blok_error *error);

// The same from memory, which is borrowed: bytes must stay as they are until release(context,
// bytes) is called, once, when nothing needs them any more: at the latest when the model and all
// that shares its weights are freed, or before this returns, when it fails. release may be NULL.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_load(
    const void *bytes, size_t size, void (*release)(void *context, const void *bytes),
    void *context, const blok_open_options *options, blok_model **out, blok_error *error);

// Frees the model and sets *model to NULL; NULL is allowed. Sessions made of it live on.
BLOK_API void blok_model_free(blok_model **model);

// BLOK_OK if every operator can be run and the shapes agree; else the status and, in error, the
// reason.
BLOK_API blok_status blok_model_runnable(const blok_model *model, blok_error *error);

// Warnings met while opening; index from 0. NULL past the last.
BLOK_API const char *blok_model_warning(const blok_model *model, size_t index);

// ---- What the file says -------------------------------------------------------------------------

typedef struct blok_model_info {
  uint32_t struct_size;
  const char *name;      // the graph's name; "" if it has none
  const char *producer;  // "pytorch 2.13.0"; "" if the file does not say
  const char *doc;       // the model's doc string; "" if none
  int64_t ir_version;
  int64_t opset;     // of the default domain; 0 if the model imports none
  size_t nodes;      // of the main graph
  size_t functions;  // model-local functions
  size_t inputs;     // without those that are initializers too
  size_t outputs;
  size_t weights;         // initializers of the main graph
  uint64_t parameters;    // trainable numbers, counted as docs/blocks.md says
  int64_t macs;           // multiply-adds of one run, an open first axis counted as 1; -1: unknown
  uint64_t weight_bytes;  // of these weights, as the file stores them; strings not counted
  uint64_t external_bytes;  // of those in external files
} blok_model_info;

#define BLOK_MODEL_INFO_INIT \
  { sizeof(blok_model_info), NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

BLOK_API BLOK_MUST_CHECK blok_status blok_model_get_info(const blok_model *model,
                                                         blok_model_info *info);

// An input, output or inner value as the model declares or infers it.
typedef struct blok_value_info {
  uint32_t struct_size;
  const char *name;
  blok_dtype dtype;       // BLOK_UNDEFINED when unknown or not a tensor
  const char *type;       // "float32", or the kind: "sequence", "optional", "map", ..., "unknown"
  int32_t rank;           // -1: unknown
  const blok_axis *axes;  // rank of them
} blok_value_info;

#define BLOK_VALUE_INFO_INIT \
  { sizeof(blok_value_info), NULL, BLOK_UNDEFINED, NULL, -1, NULL }

// Input or output by position, in the file's order, initializers listed as inputs left out.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_input(const blok_model *model, size_t index,
                                                      blok_value_info *info);
BLOK_API BLOK_MUST_CHECK blok_status blok_model_output(const blok_model *model, size_t index,
                                                       blok_value_info *info);

// A node of the main graph in the file's order. Empty names are "".
typedef struct blok_node_info {
  uint32_t struct_size;
  const char *name;  // the node's name, or its first output's when it has none
  const char *op_type;
  const char *domain;  // "" for the default domain
  size_t inputs;
  size_t outputs;
  int32_t block;  // index of the innermost block that holds it, or that holds all who read it where
                  // it computes nothing that is left; -1: none
  bool known;     // Blok has the operator at this version
} blok_node_info;

#define BLOK_NODE_INFO_INIT \
  { sizeof(blok_node_info), NULL, NULL, NULL, 0, 0, -1, false }

BLOK_API BLOK_MUST_CHECK blok_status blok_model_node(const blok_model *model, size_t index,
                                                     blok_node_info *info);

// Name of the node's input or output slot ("" for one left out); NULL when slot is out of range.
BLOK_API const char *blok_model_node_input(const blok_model *model, size_t node, size_t slot);
BLOK_API const char *blok_model_node_output(const blok_model *model, size_t node, size_t slot);

// Type and shape of the node's output as inferred for the working graph, BLOK_E_NOT_FOUND when the
// working graph holds no such value.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_node_output_info(const blok_model *model,
                                                                 size_t node, size_t slot,
                                                                 blok_value_info *info);

// An attribute of a node. What does not belong to its type is NULL or 0.
typedef struct blok_attribute_info {
  uint32_t struct_size;
  const char *name;
  const char *type;     // "int", "float", "string", "tensor", "graph", "ints", "floats", ...
  size_t count;         // values of the plural types, 1 for the others
  const int64_t *ints;  // int, ints: count of them
  const float *floats;  // float, floats: count of them
  const char *text;     // string: text_size bytes, not ended by a zero
  size_t text_size;
  blok_dtype dtype;  // tensor: as in blok_weight_info
  uint32_t rank;
  const int64_t *dims;
  uint64_t bytes;
} blok_attribute_info;

#define BLOK_ATTRIBUTE_INFO_INIT \
  { sizeof(blok_attribute_info), NULL, NULL, 0, NULL, NULL, NULL, 0, BLOK_UNDEFINED, 0, NULL, 0 }

// Attribute index of a node, in the file's order. BLOK_E_NOT_FOUND past the last.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_node_attribute(const blok_model *model, size_t node,
                                                               size_t index,
                                                               blok_attribute_info *info);

// Reads a tensor attribute as blok_model_weight_read reads a weight. BLOK_E_ARGUMENT for one of
// another type.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_node_attribute_read(const blok_model *model,
                                                                    size_t node, size_t index,
                                                                    void *data, size_t bytes,
                                                                    blok_error *error);

typedef struct blok_weight_info {
  uint32_t struct_size;
  const char *name;
  blok_dtype dtype;
  uint32_t rank;
  const int64_t *dims;
  uint64_t bytes;        // of its elements as blok_model_weight_read gives them
  const char *location;  // external file as the model spells it, NULL when inline
} blok_weight_info;

#define BLOK_WEIGHT_INFO_INIT \
  { sizeof(blok_weight_info), NULL, BLOK_UNDEFINED, 0, NULL, 0, NULL }

BLOK_API BLOK_MUST_CHECK blok_status blok_model_weight(const blok_model *model, size_t index,
                                                       blok_weight_info *info);

// Reads weight index (see blok_weight_info) into data, decoded to native elements (blok_text for
// strings, whose characters stay the model's). BLOK_E_BUFFER if bytes is less than the elements
// need.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_weight_read(const blok_model *model, size_t index,
                                                            void *data, size_t bytes,
                                                            blok_error *error);

// ---- What Blok makes of it ----------------------------------------------------------------------

// Blocks in execution order, a parent before its children. 0 blocks when the model is not runnable.
BLOK_API size_t blok_model_block_count(const blok_model *model);
BLOK_API const blok_block *blok_model_block(const blok_model *model, size_t index);

// Node index (as blok_model_node counts) of the block's member, ascending; SIZE_MAX past the last.
BLOK_API size_t blok_model_block_node(const blok_model *model, size_t block, size_t member);

// True when both are of one kind and their descriptors are equal field by field: numbers exactly or
// within what a float32 holds. Names, entries, exits and parents play no part. NULL is the same
// only as NULL.
BLOK_API bool blok_block_same(const blok_block *a, const blok_block *b);

// A new model whose blocks are written from their descriptors: the working graph of model, in which
// the nodes of every outermost block are deleted and written anew from its descriptor and weights
// alone. Of a residual_other F(x) stays as the nodes that it is, of a gate all: blocks inside are
// written in their turn. New nodes go by the block's name: "layer1.0/conv1/Conv".
//
// What comes out is a model like any other, opened with model's allocator and limits: its source
// graph, of the newest operator set that Blok knows, is what blok_model_save writes, and its blocks
// are matched again. It shares model's weights, which are not copied, and may outlive it.
// Thread-safe as reading is. *out is NULL unless the status is BLOK_OK; free it with
// blok_model_free. A model that is not runnable has no working graph: the status and the reason are
// blok_model_runnable's.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_rewrite(const blok_model *model, blok_model **out,
                                                        blok_error *error);

// Operators outside every block, most frequent first.
typedef struct blok_loose_info {
  uint32_t struct_size;
  const char *op;  // with its domain unless that is the default one
  size_t count;
  size_t first;     // node index of the first
  const char *why;  // "no block holds it"
} blok_loose_info;

#define BLOK_LOOSE_INFO_INIT \
  { sizeof(blok_loose_info), NULL, 0, 0, NULL }

BLOK_API size_t blok_model_loose_count(const blok_model *model);
BLOK_API BLOK_MUST_CHECK blok_status blok_model_loose(const blok_model *model, size_t index,
                                                      blok_loose_info *info);

// Operators of the source graph, its subgraphs included, that this build cannot run, most frequent
// first; why is NULL.
BLOK_API size_t blok_model_unknown_count(const blok_model *model);
BLOK_API BLOK_MUST_CHECK blok_status blok_model_unknown(const blok_model *model, size_t index,
                                                        blok_loose_info *info);

// A place that looked like a block and was refused: the one condition that failed.
typedef struct blok_miss_info {
  uint32_t struct_size;
  const char *kind;       // the block it would have been: "residual"
  const char *node;       // where: a source node's name, "" for one that has none
  const char *condition;  // "inner value used elsewhere"
  const char *got;        // what stands there
  const char *want;       // what would have matched
} blok_miss_info;

#define BLOK_MISS_INFO_INIT \
  { sizeof(blok_miss_info), NULL, NULL, NULL, NULL, NULL }

BLOK_API size_t blok_model_miss_count(const blok_model *model);
BLOK_API BLOK_MUST_CHECK blok_status blok_model_miss(const blok_model *model, size_t index,
                                                     blok_miss_info *info);

// ---- Writing it back ----------------------------------------------------------------------------

typedef enum blok_weights_at {
  BLOK_WEIGHTS_AS_READ = 0,  // inline stays inline, external goes to one new file
  BLOK_WEIGHTS_INLINE = 1,   // all inside the .onnx
  BLOK_WEIGHTS_EXTERNAL = 2  // raw data of 1 KiB or more in one file beside it
} blok_weights_at;

// What blok_model_save wrote.
typedef struct blok_save_report {
  uint32_t struct_size;
  uint64_t model_bytes;     // of the .onnx
  uint64_t external_bytes;  // of the file beside it, 0: none
  bool forced_external;     // more than 2 GB forced external data unasked
  char external_name[256];  // "" when there is none
  int64_t opset;            // that the default domain is written in
  int64_t ir_version;
  size_t functions;       // model-local functions that blocks were written as
  size_t functions_kept;  // blocks that stay nodes though functions were asked for
} blok_save_report;

#define BLOK_SAVE_REPORT_INIT \
  { sizeof(blok_save_report), 0, 0, false, "", 0, 0, 0, 0 }

typedef struct blok_save_options {
  uint32_t struct_size;
  blok_weights_at weights;
  const char *external_name;  // name of the external file; NULL: the model's file name + ".data"
  blok_progress_fn progress;  // while the external file is written; NULL: none
  void *progress_context;
  blok_save_report *report;  // filled when the model stands; NULL: not wanted
  int64_t opset;   // operator set of the default domain that the model is written in, 7 to the
                   // newest (every operator in the form that it had there, the IR version that
                   // belongs to it); 0: the model's own. BLOK_E_UNSUPPORTED, with the node's name,
                   // for what cannot be said there
  bool functions;  // each block as a call of a model-local function, named after its kind
} blok_save_options;

#define BLOK_SAVE_OPTIONS_INIT \
  { sizeof(blok_save_options), BLOK_WEIGHTS_AS_READ, NULL, NULL, NULL, NULL, 0, false }

// Writes the source graph to path as ONNX: to a temporary file in the same folder, renamed when
// whole, so that the old file stays until the new one stands. path may be the file it was opened
// from. Equal models under equal names give equal bytes.
//
// An external file is never overwritten: where one of its name stands, NAME.1, NAME.2, ... is taken
// (the report says which), and what the replaced model named so is removed once the new one stands.
// BLOK_E_LIMIT: a model of more than 2 GB that was asked for inline.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_save(const blok_model *model, const char *path,
                                                     const blok_save_options *options,
                                                     blok_error *error);

// Takes size bytes; a result other than 0 stops the writing with BLOK_E_IO.
typedef int (*blok_write_fn)(void *context, const void *bytes, size_t size);

// Writes the model with all weights inline to a writer. BLOK_E_LIMIT above 2 GB.
BLOK_API BLOK_MUST_CHECK blok_status blok_model_write(const blok_model *model, blok_write_fn write,
                                                      void *context, blok_error *error);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_MODEL_H
