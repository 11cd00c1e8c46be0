// Type and shape inference of one node: the hooks of graph/ops/, one per operator family.
//
// A fact is what is known of a value: its type, each dimension as number, symbol or nothing, and,
// for small tensors, the elements. Hooks work on facts alone, so that one hook serves a model whose
// batch is a symbol, a session whose shapes are fixed, and a run that holds every input in memory.
#ifndef BLOK_GRAPH_INFER_H
#define BLOK_GRAPH_INFER_H

#include <blok/types.h>

#include "graph/graph.h"

// Integer tensors of up to this many elements carry them one by one.
#define BLOK_FACT_ELEMENTS 64

// One element of a small integer tensor: a number, a symbol (the size of an open axis), or nothing.
typedef struct blok_element {
  bool known;
  int64_t value;       // when known
  const char *symbol;  // when not known; NULL: nothing is known
} blok_element;

typedef struct blok_fact {
  blok_type_kind kind;  // BLOK_TYPE_NONE: nothing is known
  blok_dtype dtype;     // BLOK_UNDEFINED: unknown
  int32_t rank;         // -1: unknown
  const blok_dim *dims;
  uint32_t n_elements;           // of elements; 0 when they are not tracked
  const blok_element *elements;  // row-major; NULL: not tracked
  const blok_tensor *tensor;     // the whole value where it is known; NULL otherwise
  const blok_type *type;         // for kinds other than tensors: the whole type
} blok_fact;

typedef struct blok_infer blok_infer;
struct blok_infer {
  const blok_graph *graph;
  const blok_node *node;
  const blok_fact *const *in;  // n_in of them; NULL for an input left out
  uint32_t n_in;
  blok_fact *out;  // n_out of them, all unknown at the start
  uint32_t n_out;
  blok_arena *arena;  // for dims and elements of out
  // Infers a subgraph whose captures have the facts of the enclosing graph's values; fills one fact
  // for each of its outputs. inputs: facts of its own inputs, by position; NULL where it takes
  // none. Set by the driver.
  blok_status (*subgraph)(blok_infer *self, const blok_subgraph *subgraph, const blok_fact *inputs,
                          blok_fact *outputs, blok_error *error);
  void *driver;
  uint32_t depth;  // subgraphs around the node
};

typedef blok_status (*blok_infer_fn)(blok_infer *infer, blok_error *error);

// Runs the node's hook. Knows the operator only (BLOK_E_UNSUPPORTED otherwise). Checks the number
// of inputs and outputs against the schema first. Errors name the node, operator and shapes.
BLOK_MUST_CHECK blok_status blok_infer_node(blok_infer *infer, blok_error *error);

// ---- For hooks ----------------------------------------------------------------------------------

// Fact of an input, NULL when it is left out or past the end.
static inline const blok_fact *blok_infer_in(const blok_infer *infer, uint32_t slot) {
  return slot < infer->n_in ? infer->in[slot] : NULL;
}

static inline bool blok_fact_ranked(const blok_fact *fact) { return fact && fact->rank >= 0; }

// True when rank and all dims are numbers.
bool blok_fact_shaped(const blok_fact *fact);
// Elements when shaped; false otherwise or on overflow.
bool blok_fact_count(const blok_fact *fact, size_t *count);

// Sets output slot to a tensor of dtype and dims (copied). Nothing happens for a slot past the end.
// rank above BLOK_MAX_RANK and negative numbers are errors.
BLOK_MUST_CHECK blok_status blok_infer_set(blok_infer *infer, uint32_t slot, blok_dtype dtype,
                                           uint32_t rank, const blok_dim *dims, blok_error *error);
// Sets only the dtype, rank unknown.
void blok_infer_set_dtype(blok_infer *infer, uint32_t slot, blok_dtype dtype);
// Attaches elements (copied) to an output that has been set; more than BLOK_FACT_ELEMENTS are
// dropped.
BLOK_MUST_CHECK blok_status blok_infer_set_elements(blok_infer *infer, uint32_t slot,
                                                    const blok_element *elements, uint32_t n,
                                                    blok_error *error);

// The integers of an input (int32 or int64): true when all are known and there are capacity of them
// at most; values gets them. *n is their number where that is known, also when it is above capacity
// (a hook that must refuse so many tells by that), 0 otherwise.
bool blok_infer_ints(const blok_infer *infer, uint32_t slot, int64_t *values, uint32_t capacity,
                     uint32_t *n);

// "Conv node 'layer1.0': " + the formatted text. Status BLOK_E_SHAPE.
blok_status blok_infer_fail(const blok_infer *infer, blok_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The attribute axis (default 0) as an axis of in, whose rank is known. BLOK_E_SHAPE when it is out
// of range.
BLOK_MUST_CHECK blok_status blok_infer_axis(const blok_infer *infer, const blok_fact *in,
                                            uint32_t *out, blok_error *error);

// The fact's shape for messages: "[N, 3, ?, 224]", "?" for an unknown rank.
blok_dims_text blok_print_fact(const blok_fact *fact);

// ---- Geometry shared by inference, reference and kernels ----------------------------------------

// axis in -rank..rank-1 made non-negative; false when it is out of range.
bool blok_axis_normal(int64_t axis, uint32_t rank, uint32_t *out);

// Windows of convolutions and pools over up to BLOK_MAX_RANK - 2 spatial axes.
typedef struct blok_window {
  uint32_t axes;
  int64_t kernel[BLOK_MAX_RANK], stride[BLOK_MAX_RANK], dilation[BLOK_MAX_RANK];
  // Resolved, auto_pad included; -1: SAME, and what it depends on is unknown.
  int64_t pad_begin[BLOK_MAX_RANK], pad_end[BLOK_MAX_RANK];
  int64_t in[BLOK_MAX_RANK], out[BLOK_MAX_RANK];  // -1: unknown
} blok_window;

// Reads kernel_shape (or kernel, where the attribute is missing: Conv; -1 in it: unknown), strides,
// dilations, pads, auto_pad and ceil_mode of a node whose input has `axes` spatial sizes in[] (-1:
// unknown), and resolves pads and output sizes. Malformed or impossible values are BLOK_E_SHAPE
// with the node's name.
BLOK_MUST_CHECK blok_status blok_window_resolve(const blok_graph *graph, const blok_node *node,
                                                uint32_t axes, const int64_t *in,
                                                const int64_t *kernel, blok_window *out,
                                                blok_error *error);

// The same for the transposed windows of ConvTranspose, where input i lies under the outputs from
// i * stride - pad_begin on; output_padding and output_shape come in. pad_begin and pad_end are
// what is cut off the full result; pad_begin is -1 where it depends on a size that is unknown.
// Outputs beyond the full result are 0.
BLOK_MUST_CHECK blok_status blok_window_resolve_transposed(const blok_graph *graph,
                                                           const blok_node *node, uint32_t axes,
                                                           const int64_t *in, const int64_t *kernel,
                                                           blok_window *out, blok_error *error);

// Numpy broadcasting of two shapes; false when they disagree. Unknown against a number above 1
// gives the number, against 1 or unknown stays unknown; equal symbols stay. out may be a or b.
// False for ranks above BLOK_MAX_RANK too.
bool blok_broadcast_dims(const blok_dim *a, uint32_t rank_a, const blok_dim *b, uint32_t rank_b,
                         blok_dim *out, uint32_t *rank_out);

#endif  // BLOK_GRAPH_INFER_H
