// What the passes share: walking a graph while its order is made anew, new nodes and constants,
// and the removal of nodes that only hand a value on.
#ifndef BLOK_PASSES_REWRITE_H
#define BLOK_PASSES_REWRITE_H

#include <blok/types.h>

#include "graph/graph.h"

// The index-th subgraph among the node's attributes, NULL past the last.
blok_subgraph *blok_node_subgraph(const blok_node *node, uint32_t index);

// Calls visit for every graph inside graph, inner ones first, then for graph itself.
typedef blok_status (*blok_graph_visit)(blok_graph *graph, void *context, blok_error *error);
BLOK_MUST_CHECK blok_status blok_each_graph(blok_graph *graph, blok_graph_visit visit,
                                            void *context, blok_error *error);

// ---- A new order --------------------------------------------------------------------------------
// A pass that puts nodes before or after others takes the order away, then keeps each old node at
// its place; nodes made meanwhile go to the end of the order so far.
typedef struct blok_old_order {
  const blok_node_id *items;
  uint32_t n;
} blok_old_order;

blok_old_order blok_rewrite_begin(blok_graph *graph);
BLOK_MUST_CHECK blok_status blok_rewrite_keep(blok_graph *graph, blok_node_id node,
                                              blok_error *error);

// ---- New nodes and constants --------------------------------------------------------------------

// A node of the default domain at the end of the order, with n inputs and one output (output, or a
// fresh value when that is none). It takes the name and the sources of like.
BLOK_MUST_CHECK blok_status blok_rewrite_node(blok_graph *graph, blok_node_id like,
                                              const char *op_type, uint32_t n,
                                              const blok_value_id *inputs, blok_value_id output,
                                              blok_node_id *out, blok_error *error);

// A list of integers as a constant named after node and what: "layer1/axes".
BLOK_MUST_CHECK blok_status blok_rewrite_ints(blok_graph *graph, blok_node_id node,
                                              const char *what, const int64_t *values, uint32_t n,
                                              blok_value_id *out, blok_error *error);

// One number as a constant of rank 0; dtype is a float or integer type of whole bytes.
BLOK_MUST_CHECK blok_status blok_rewrite_number(blok_graph *graph, blok_node_id node,
                                                const char *what, blok_dtype dtype, double value,
                                                blok_value_id *out, blok_error *error);

// Sets an input, after making room for it.
BLOK_MUST_CHECK blok_status blok_rewrite_input(blok_graph *graph, blok_node_id node, uint32_t slot,
                                               blok_value_id value, blok_error *error);

// value becomes an initializer that shares literal's bytes, with other dims where dims is not NULL.
// value has no producer. literal is not changed.
BLOK_MUST_CHECK blok_status blok_rewrite_share(blok_graph *graph, blok_value_id value,
                                               const blok_literal *literal, uint32_t rank,
                                               const int64_t *dims, blok_error *error);

// Adds to each node's sources those of all the nodes that lie on its chain: next[i] is the node
// that follows node i, 0 at the end; no two lead to the same one. Nodes that another leads to are
// left as they come out. In time as sorting takes; next is used up.
BLOK_MUST_CHECK blok_status blok_rewrite_gather(blok_graph *graph, uint32_t *next,
                                                blok_error *error);

// ---- Handing on ---------------------------------------------------------------------------------
// Takes nodes out whose output is their input, in one sweep. Between begin and end no values may be
// made; nodes are visited in topological order.
typedef struct blok_bypass {
  blok_graph *graph;
  const blok_allocator *allocator;
  blok_value_id *map;
} blok_bypass;

BLOK_MUST_CHECK blok_status blok_bypass_begin(blok_graph *graph, blok_bypass *out,
                                              blok_error *error);

// Takes node out when its input at slot can stand for its first output (the only one that is read).
// A graph output keeps its name: then the node that makes the input makes the output instead, and
// where that cannot be (the input is a graph's input, constant, capture or output itself) the node
// stays and this returns false.
bool blok_bypass_node(blok_bypass *bypass, blok_node_id node, uint32_t slot);

// Readers follow, the order is swept, the memory freed. abandon: only frees.
void blok_bypass_end(blok_bypass *bypass);
void blok_bypass_abandon(blok_bypass *bypass);

#endif  // BLOK_PASSES_REWRITE_H
