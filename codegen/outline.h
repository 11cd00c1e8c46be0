// What a model's source text will say, language aside: its parts in order, what each is called,
// which run in a row and can be a loop, and the weights beside it.
//
// A part is a block that both languages build from its descriptor, a layer of PyTorch (a linear
// layer, a norm), or one node. Blocks that cannot be said so come apart into the blocks inside them
// and nodes.
#ifndef BLOK_CODEGEN_OUTLINE_H
#define BLOK_CODEGEN_OUTLINE_H

#include "blocks/blocks.h"
#include "graph/graph.h"
#include "passes/facts.h"

typedef enum blok_item_kind {
  BLOK_ITEM_CONV = 1,        // conv_norm_act
  BLOK_ITEM_RESIDUAL = 2,    // residual, bottleneck, inverted_bottleneck
  BLOK_ITEM_SE = 3,          // squeeze_excite
  BLOK_ITEM_LINEAR = 4,      // MatMul or Gemm with a constant, and its bias
  BLOK_ITEM_NORM = 5,        // a batch norm that no block holds
  BLOK_ITEM_LAYER_NORM = 6,  // over the last axes, with constant scale and bias
  BLOK_ITEM_NODE = 7
} blok_item_kind;

typedef struct blok_item {
  blok_item_kind kind;
  blok_block_kind block;  // of BLOK_ITEM_RESIDUAL
  const char *path;       // of a module's weights: "layer1.0"; of a node its name in C
  blok_node_id node;      // of what is no block
  blok_value_id in, out;  // of all but nodes
  // Of blocks. Products of a squeeze-excite are BLOK_PRODUCT_LINEAR or _CONV.
  blok_conv_desc conv;
  blok_residual_desc residual;
  blok_se_desc se;
  // Of the others.
  int64_t features[2];  // of a linear layer: in, out; of a norm: [0]
  bool bias;
  double epsilon;
  int32_t stage;  // index in the outline's, -1: none
} blok_item;

// Items in a row that feed one another and belong together.
typedef struct blok_stage {
  const char *path;
  uint32_t first, count;
} blok_stage;

// An array of the .npz: the literal's elements in these dims; transposed: its two axes swapped.
typedef struct blok_saved_weight {
  const char *name;
  const blok_literal *literal;
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
  bool transposed;
} blok_saved_weight;

typedef struct blok_outline {
  blok_arena arena;
  blok_allocator allocator;
  const blok_graph *graph;
  const blok_facts *facts;
  const char *name;  // of the model
  int64_t opset;     // that the model came in
  uint32_t n_items, cap_items;
  blok_item *items;
  uint32_t n_stages, cap_stages;
  blok_stage *stages;
  uint32_t n_weights, cap_weights;
  blok_saved_weight *weights;
  const char **constants;  // by value: the name of a constant that nodes read and that is saved;
                           // NULL: none, or its numbers stand in the text
  uint32_t n_blocks, n_nodes;  // written as blocks, and other nodes
} blok_outline;

// working, its facts and its overlay must outlive the outline.
BLOK_MUST_CHECK blok_status blok_outline_make(const blok_module *working, const blok_facts *facts,
                                              const blok_overlay *overlay, const char *name,
                                              int64_t opset, const blok_allocator *allocator,
                                              blok_outline **out, blok_error *error);
void blok_outline_free(blok_outline **outline);

// Whether item and the one behind it differ in nothing but weights and place.
bool blok_item_same(const blok_item *a, const blok_item *b);

// ---- Variables ----------------------------------------------------------------------------------

// The variable that holds each value, by handle; NULL for constants. A variable is used again as
// soon as its value has been read for the last time, so that a chain of parts is one variable.
BLOK_MUST_CHECK blok_status blok_outline_variables(const blok_outline *outline, blok_arena *arena,
                                                   const char ***out, blok_error *error);

// A constant's elements, which the text may hold: integers, bools and floats, 64 at most.
#define BLOK_INLINE_ELEMENTS 64
typedef struct blok_inline {
  blok_dtype dtype;
  uint32_t rank;
  const int64_t *dims;
  uint32_t n;
  int64_t ints[BLOK_INLINE_ELEMENTS];   // integers and bools
  double floats[BLOK_INLINE_ELEMENTS];  // floats
} blok_inline;

// False when the literal is too long, or of another type.
bool blok_inline_of(const blok_literal *literal, const blok_allocator *allocator, blok_inline *out);
// False when value is no constant, too, or one that is saved.
bool blok_outline_inline(const blok_outline *outline, blok_value_id value, blok_inline *out);

// ---- For outline's files ------------------------------------------------------------------------

// Names for modules: unique, from what the file calls them.
typedef struct blok_namer {
  blok_arena *arena;
  blok_names taken;
} blok_namer;

// stem as an identifier that no other part has: with "_2", "_3" ... behind it where it must be, or
// counted: "conv1", "conv2" from the first on.
BLOK_MUST_CHECK blok_status blok_namer_take(blok_namer *namer, const char *stem, bool counted,
                                            const char **out, blok_error *error);

// Names for all items, after they stand in their order: stages, modules, nodes. names are what the
// file calls them, by item.
BLOK_MUST_CHECK blok_status blok_outline_name(blok_outline *outline, const char *const *names,
                                              blok_namer *namer, blok_error *error);

#endif  // BLOK_CODEGEN_OUTLINE_H
