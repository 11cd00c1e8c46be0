// Graphs: nodes and values, named by handles, in an arena.
//
// One form serves the source graph (all that a file said, in its order) and the working graph (a
// clone that passes have normalised). Handles are 32-bit numbers, typed so that nodes and values
// cannot be mixed; 0 means none. They are never reused: what is removed stays as a dead entry, and
// a clone compacts. Nothing points into protobuf messages.
//
// Ownership: a graph belongs to a module, which owns the arena that everything here lives in, and
// releases the storages of all literals when it is freed. Not thread-safe while it is changed;
// any number of threads may read.
#ifndef BLOK_GRAPH_GRAPH_H
#define BLOK_GRAPH_GRAPH_H

#include <blok/types.h>

#include "base/alloc.h"
#include "base/text.h"
#include "graph/literal.h"
#include "graph/ops.h"
#include "graph/type.h"

typedef struct blok_node_id {
  uint32_t i;
} blok_node_id;

#define BLOK_NO_NODE  ((blok_node_id){0})
#define BLOK_NO_VALUE ((blok_value_id){0})

typedef struct blok_graph blok_graph;
typedef struct blok_module blok_module;

// ---- Attributes ---------------------------------------------------------------------------------

// Numbered as ONNX's AttributeProto.AttributeType.
typedef enum blok_attr_type {
  BLOK_ATTR_UNDEFINED = 0,
  BLOK_ATTR_FLOAT = 1,
  BLOK_ATTR_INT = 2,
  BLOK_ATTR_STRING = 3,
  BLOK_ATTR_TENSOR = 4,
  BLOK_ATTR_GRAPH = 5,
  BLOK_ATTR_FLOATS = 6,
  BLOK_ATTR_INTS = 7,
  BLOK_ATTR_STRINGS = 8,
  BLOK_ATTR_TENSORS = 9,
  BLOK_ATTR_GRAPHS = 10,
  BLOK_ATTR_SPARSE_TENSOR = 11,
  BLOK_ATTR_SPARSE_TENSORS = 12,
  BLOK_ATTR_TYPE = 13,
  BLOK_ATTR_TYPES = 14
} blok_attr_type;

typedef struct blok_sparse {
  blok_literal *values;   // NULL: absent
  blok_literal *indices;  // NULL: absent
  uint32_t rank;
  const int64_t *dims;
  blok_bytes unknown;
} blok_sparse;

// A subgraph and what it takes from outside: captures[k] pairs a value of the enclosing graph with
// the inner value that stands for it.
typedef struct blok_capture {
  blok_value_id outer;
  blok_value_id inner;
} blok_capture;

typedef struct blok_subgraph {
  blok_graph *graph;
  uint32_t n_captures;
  blok_capture *captures;
} blok_subgraph;

typedef struct blok_attr {
  const char *name;
  blok_attr_type type;  // by the field that is set when the file wrote none
  bool has_type;        // the file wrote it
  const char *ref;      // ref_attr_name (in functions); NULL: absent
  const blok_notes *notes;
  uint32_t n;  // of the plural forms; 1 for the others when their field is set, 0 when it is not
  union {
    int64_t i;
    float f;
    blok_bytes s;
    const int64_t *ints;
    const float *floats;
    const blok_bytes *strings;
    blok_literal *literal;
    blok_literal **literals;
    blok_subgraph *graphs;  // BLOK_ATTR_GRAPH and _GRAPHS
    blok_sparse *sparse;    // BLOK_ATTR_SPARSE_TENSOR and _TENSORS
    blok_type **types;      // BLOK_ATTR_TYPE and _TYPES
  } as;
} blok_attr;

// ---- Nodes --------------------------------------------------------------------------------------

typedef struct blok_node {
  blok_op op;  // BLOK_OP_UNKNOWN for one that ops.def does not hold
  const char *op_type;
  const char *domain;    // NULL: absent; "" and "ai.onnx" are the default one
  const char *name;      // NULL: absent
  const char *overload;  // NULL: absent
  int64_t opset;         // version of its domain that the node is written in where that is not the
                         // module's (nodes of inlined functions); 0: the module's
  uint32_t n_inputs, n_outputs, n_attrs;
  blok_value_id *inputs;  // BLOK_NO_VALUE for one left out
  blok_value_id *outputs;
  blok_attr *attrs;
  const blok_notes *notes;
  uint32_t n_device_configurations;
  const blok_bytes *device_configurations;  // NodeDeviceConfigurationProto, in wire form, not read
  // Working graphs: the nodes of the source's main graph that it came from, ascending.
  uint32_t n_sources;
  const blok_node_id *sources;
  const char *scope;  // working graphs: the module path that torch.export noted ("layer1.0.conv1");
                      // NULL: none
  bool dead;
} blok_node;

// ---- Values -------------------------------------------------------------------------------------

typedef struct blok_value {
  const char *name;       // unique in its graph, not empty
  blok_type *type;        // declared or inferred; NULL: unknown
  blok_node_id producer;  // none for inputs, initializers, captures
  uint32_t producer_slot;
  blok_literal *literal;  // initializer; NULL otherwise
  bool is_input;          // listed as a graph input (may be an initializer too)
  bool is_output;
  bool is_capture;  // stands for a value of the enclosing graph
  bool is_sparse;   // a sparse initializer of this name exists
  bool dead;
} blok_value;

// An entry of the lists of inputs, outputs and inner values, as the file wrote it.
typedef struct blok_value_entry {
  blok_value_id value;
  const blok_type *type;  // NULL: absent
  const blok_notes *notes;
} blok_value_entry;

typedef struct blok_quant_annotation {
  const char *tensor_name;
  uint32_t n;
  const blok_property *params;
  blok_bytes unknown;
} blok_quant_annotation;

struct blok_graph {
  blok_module *module;
  blok_graph *outer;  // enclosing graph; NULL for a main graph or a function's body
  const char *name;   // NULL: absent
  const blok_notes *notes;
  // Item 0 of both arrays is a dead placeholder, so that a handle is an index.
  uint32_t n_nodes, cap_nodes;
  blok_node *nodes;
  uint32_t n_values, cap_values;
  blok_value *values;
  // Lists in the file's order.
  uint32_t n_inputs, cap_inputs;
  blok_value_entry *inputs;
  uint32_t n_outputs, cap_outputs;
  blok_value_entry *outputs;
  uint32_t n_infos, cap_infos;
  blok_value_entry *infos;  // value_info
  uint32_t n_initializers, cap_initializers;
  blok_value_id *initializers;
  uint32_t n_sparse;
  blok_sparse *sparse;  // sparse initializers
  uint32_t n_quant;
  blok_quant_annotation *quant;
  // Execution order of the live nodes. Source graphs: the file's order, which need not be
  // topological. Working graphs: topological (blok_graph_sort).
  uint32_t n_order, cap_order;
  blok_node_id *order;
  // Index of the values' names, made by blok_graph_new_name as it needs it: open addressing, in the
  // arena. The first n_named values are in it.
  uint32_t n_named, n_name_slots, n_name_entries, next_name;
  blok_value_id *name_slots;
};

// ---- Modules: what a ModelProto holds -----------------------------------------------------------

typedef struct blok_opset {
  const char *domain;  // NULL: absent
  int64_t version;
  bool has_version;
  blok_bytes unknown;
} blok_opset;

typedef struct blok_function {
  const char *name, *domain, *overload;
  uint32_t n_inputs, n_outputs, n_attributes, n_defaults, n_opsets;
  const char **inputs;
  const char **outputs;
  const char **attributes;  // without default
  blok_attr *defaults;      // attribute_proto: with default
  blok_opset *opsets;
  blok_graph *body;  // its inputs and outputs as values; infos = value_info
  const blok_notes *notes;
} blok_function;

typedef struct blok_training {
  blok_graph *initialization, *algorithm;  // NULL: absent
  uint32_t n_initialization_bindings, n_update_bindings;
  const blok_property *initialization_bindings, *update_bindings;
  blok_bytes unknown;
} blok_training;

struct blok_module {
  blok_allocator allocator;
  blok_arena arena;
  bool has_ir_version, has_model_version;
  int64_t ir_version, model_version;
  const char *producer_name, *producer_version, *domain;  // NULL: absent
  const blok_notes *notes;  // doc, metadata_props, unknown fields of the model
  uint32_t n_opsets;
  blok_opset *opsets;
  blok_graph *graph;  // the main graph
  uint32_t n_functions;
  blok_function *functions;
  uint32_t n_training;
  blok_training *training;
  uint32_t n_configurations;
  const blok_bytes *configurations;  // DeviceConfigurationProto, in wire form, not read
  // Every literal that holds a storage, so that freeing the module releases them.
  uint32_t n_literals, cap_literals;
  blok_literal **literals;
};

// ---- Making -------------------------------------------------------------------------------------

// An empty module without a main graph. *out is NULL on failure.
BLOK_MUST_CHECK blok_status blok_module_new(const blok_allocator *allocator, blok_module **out,
                                            blok_error *error);
void blok_module_free(blok_module **module);

// An empty graph in the module's arena.
BLOK_MUST_CHECK blok_status blok_graph_new(blok_module *module, blok_graph *outer, blok_graph **out,
                                           blok_error *error);

// A deep copy: storages shared, dead entries dropped, functions copied. sources: each node of the
// main graph gets itself as its source. notes: whether doc strings, metadata, value_info, training,
// and unknown fields come along (a working graph needs none).
BLOK_MUST_CHECK blok_status blok_module_clone(const blok_module *module, bool sources, bool notes,
                                              blok_module **out, blok_error *error);

// The same with notes, and with the handles of all graphs as they are: dead entries stay.
BLOK_MUST_CHECK blok_status blok_module_copy(const blok_module *module, blok_module **out,
                                             blok_error *error);

// Adds a value; name must be unique in the graph (the importer checks; passes use
// blok_graph_new_name). It must live in the arena or longer than the module.
BLOK_MUST_CHECK blok_status blok_graph_add_value(blok_graph *graph, const char *name,
                                                 blok_value_id *out, blok_error *error);

// A name that no value of the graph, dead ones included, has yet: stem, or stem + a number. The
// value must then be added, or another call may give the same name.
BLOK_MUST_CHECK blok_status blok_graph_new_name(blok_graph *graph, const char *stem,
                                                const char **out, blok_error *error);

// Gives value another name, which must be unique in the graph and live as long as the module.
// Writing value->name instead is right only where a name goes from one value to another.
BLOK_MUST_CHECK blok_status blok_graph_rename(blok_graph *graph, blok_value_id value,
                                              const char *name, blok_error *error);

// Appends a node with the given numbers of slots, all none, to the arrays and to the order. op_type
// must be in the arena or static. The op is looked up from domain and op_type.
BLOK_MUST_CHECK blok_status blok_graph_add_node(blok_graph *graph, const char *domain,
                                                const char *op_type, uint32_t n_inputs,
                                                uint32_t n_outputs, blok_node_id *out,
                                                blok_error *error);

// Sets an input (any value or none).
void blok_graph_set_input(blok_graph *graph, blok_node_id node, uint32_t slot, blok_value_id value);
// Sets an output: value must have no producer yet; none is allowed.
void blok_graph_set_output(blok_graph *graph, blok_node_id node, uint32_t slot,
                           blok_value_id value);

// Append to the graph's inputs or outputs. type is borrowed, as the file declares it; NULL: none.
BLOK_MUST_CHECK blok_status blok_graph_add_input(blok_graph *graph, blok_value_id value,
                                                 const blok_type *type, blok_error *error);
BLOK_MUST_CHECK blok_status blok_graph_add_output(blok_graph *graph, blok_value_id value,
                                                  const blok_type *type, blok_error *error);
// Makes value an initializer and hands the literal's storage reference to the module: also when
// this fails. value may be an input.
BLOK_MUST_CHECK blok_status blok_graph_add_initializer(blok_graph *graph, blok_value_id value,
                                                       blok_literal *literal, blok_error *error);
// Hands over the storage reference of a literal that is no initializer (an attribute's); released
// here when this fails.
BLOK_MUST_CHECK blok_status blok_module_keep_literal(blok_module *module, blok_literal *literal,
                                                     blok_error *error);

// A new initializer of native elements under a fresh name.
BLOK_MUST_CHECK blok_status blok_graph_add_constant(blok_graph *graph, const char *stem,
                                                    blok_dtype dtype, uint32_t rank,
                                                    const int64_t *dims, const void *elements,
                                                    blok_value_id *out, blok_error *error);

// Replaces or adds an attribute (single int, float, string, ints) of a node in place.
BLOK_MUST_CHECK blok_status blok_node_set_int(blok_graph *graph, blok_node_id node,
                                              const char *name, int64_t value, blok_error *error);
BLOK_MUST_CHECK blok_status blok_node_set_float(blok_graph *graph, blok_node_id node,
                                                const char *name, float value, blok_error *error);
BLOK_MUST_CHECK blok_status blok_node_set_text(blok_graph *graph, blok_node_id node,
                                               const char *name, const char *value,
                                               blok_error *error);
BLOK_MUST_CHECK blok_status blok_node_set_ints(blok_graph *graph, blok_node_id node,
                                               const char *name, const int64_t *values, uint32_t n,
                                               blok_error *error);
void blok_node_drop_attr(blok_graph *graph, blok_node_id node, const char *name);
// Gives the node another number of inputs; new slots are none.
BLOK_MUST_CHECK blok_status blok_node_resize_inputs(blok_graph *graph, blok_node_id node,
                                                    uint32_t n_inputs, blok_error *error);
// Changes the operator.
void blok_node_set_op(blok_graph *graph, blok_node_id node, const char *op_type);
// Adds the sources of from to those of node (sorted, unique).
BLOK_MUST_CHECK blok_status blok_node_add_sources(blok_graph *graph, blok_node_id node,
                                                  const blok_node *from, blok_error *error);

// Marks a node dead, detaches its outputs; blok_graph_sweep then tidies the order.
void blok_graph_remove_node(blok_graph *graph, blok_node_id node);
// Drops dead nodes from the order, and dead values from the lists of initializers and inner values.
void blok_graph_sweep(blok_graph *graph);

// Every node input and capture that reads old reads new_value instead. A graph output that lists
// old goes on listing it, for its name's sake: a caller that removes the producer must see to that.
// Linear in the graph; for many at once use blok_graph_replace_all.
void blok_graph_replace_uses(blok_graph *graph, blok_value_id old, blok_value_id new_value);
// The same for all values: map[v] is the value that replaces v (none: itself), followed to its end;
// n_values entries. A circle in the map does no harm.
void blok_graph_replace_all(blok_graph *graph, const blok_value_id *map);

// Puts order into a topological one, keeping the given order where it is one already. What
// subgraphs capture counts as read; their own order is not touched. BLOK_E_MALFORMED: a cycle, with
// the names of nodes on it, or a value that is read and that nothing makes.
BLOK_MUST_CHECK blok_status blok_graph_sort(blok_graph *graph, blok_error *error);

// Gives the nodes new handles that follow the order, from 1 on, as in a graph that was imported;
// dead nodes go. Sources and scopes of a working graph go too. Old handles mean nothing afterwards.
BLOK_MUST_CHECK blok_status blok_graph_renumber(blok_graph *graph, blok_error *error);

// ---- Looking ------------------------------------------------------------------------------------

static inline blok_node *blok_node_at(const blok_graph *graph, blok_node_id id) {
  return &graph->nodes[id.i];
}
static inline blok_value *blok_value_at(const blok_graph *graph, blok_value_id id) {
  return &graph->values[id.i];
}
static inline bool blok_same_value(blok_value_id a, blok_value_id b) { return a.i == b.i; }

// Input slot of a node, none when it is absent or past the end.
static inline blok_value_id blok_node_input(const blok_node *node, uint32_t slot) {
  return slot < node->n_inputs ? node->inputs[slot] : BLOK_NO_VALUE;
}
static inline blok_value_id blok_node_output(const blok_node *node, uint32_t slot) {
  return slot < node->n_outputs ? node->outputs[slot] : BLOK_NO_VALUE;
}

// The node that makes the value, none for inputs and initializers.
static inline blok_node_id blok_value_producer(const blok_graph *graph, blok_value_id value) {
  return graph->values[value.i].producer;
}

// The domain with "ai.onnx" and NULL folded to "".
const char *blok_node_domain(const blok_node *node);

// What messages call a node: its name, or its first output's, escaped.
blok_quoted blok_node_label(const blok_graph *graph, const blok_node *node);

// Attribute by name, NULL when absent.
const blok_attr *blok_node_attr(const blok_node *node, const char *name);
int64_t blok_node_int(const blok_node *node, const char *name, int64_t fallback);
float blok_node_float(const blok_node *node, const char *name, float fallback);
// True when the string attribute (or fallback where it is absent) equals text.
bool blok_node_text_is(const blok_node *node, const char *name, const char *fallback,
                       const char *text);
// Ints attribute: its values, NULL and *n = 0 when absent.
const int64_t *blok_node_ints(const blok_node *node, const char *name, uint32_t *n);

// Version of a domain that the module imports, 0 when it imports none.
int64_t blok_module_opset(const blok_module *module, const char *domain);

// ---- Uses: who reads a value --------------------------------------------------------------------

// Built in one sweep; stale after the graph is changed.
typedef struct blok_use {
  blok_node_id node;  // none: a graph output
  uint32_t slot;  // input slot, or the output's index; UINT32_MAX: captured by a subgraph of node
} blok_use;

typedef struct blok_uses {
  const blok_allocator *allocator;
  uint32_t *first;  // n_values + 1 entries into items
  blok_use *items;
} blok_uses;

// Fills *out, which is freed with blok_uses_free.
BLOK_MUST_CHECK blok_status blok_uses_build(const blok_graph *graph,
                                            const blok_allocator *allocator, blok_uses *out,
                                            blok_error *error);
void blok_uses_free(blok_uses *uses);
static inline uint32_t blok_uses_count(const blok_uses *uses, blok_value_id value) {
  return uses->first[value.i + 1] - uses->first[value.i];
}
static inline const blok_use *blok_uses_of(const blok_uses *uses, blok_value_id value) {
  return uses->items + uses->first[value.i];
}

// ---- Checking and printing (debug, tests) -------------------------------------------------------

// All that passes may rely on, in the graph and its subgraphs: handles in range and alive,
// producers agree with outputs and op with op_type, order holds each live node once and is
// topological when sorted is asked for, the lists agree with the values' flags, every capture
// stands for a value of the enclosing graph, names unique. BLOK_E_INTERNAL names the first fault.
BLOK_MUST_CHECK blok_status blok_graph_verify(const blok_graph *graph, bool sorted,
                                              blok_error *error);

// One line for each list and node, through write(context, text); a line comes in several pieces.
void blok_graph_dump(const blok_graph *graph, void (*write)(void *context, const char *text),
                     void *context);

#endif  // BLOK_GRAPH_GRAPH_H
