// Copying the nodes of one graph into another of the same module: a function's body to where it is
// called, a branch to where it is taken.
#ifndef BLOK_PASSES_SPLICE_H
#define BLOK_PASSES_SPLICE_H

#include "graph/graph.h"

// What a copied attribute becomes: *out is a shallow copy of in. *keep false: it is left out.
typedef blok_status (*blok_splice_attr)(void *context, const blok_attr *in, blok_attr *out,
                                        bool *keep, blok_error *error);
// The operator set that a copied node is written in, 0: the module's.
typedef int64_t (*blok_splice_opset)(void *context, const blok_node *node);

typedef struct blok_splice {
  blok_graph *graph;        // to where
  const blok_graph *body;   // from where
  const char *prefix;       // of the names of nodes and values; NULL: they keep theirs
  blok_node_id call;        // whose sources the copies have
  blok_splice_attr attr;    // NULL: attributes stay as they are
  blok_splice_opset opset;  // NULL: nodes keep theirs
  void *context;            // of attr and opset
  blok_value_id *map;       // by value handle of body; i is UINT32_MAX for one not met yet
} blok_splice;

// The rest is set; the map has no entries.
BLOK_MUST_CHECK blok_status blok_splice_begin(blok_splice *splice, blok_error *error);
void blok_splice_end(blok_splice *splice);

// Lets an inner value be one of graph (or none, for an input that is left out).
void blok_splice_bind(blok_splice *splice, blok_value_id inner, blok_value_id value);

// The value of graph that stands for an inner one: as bound, or a copy made now.
BLOK_MUST_CHECK blok_status blok_splice_value(blok_splice *splice, blok_value_id inner,
                                              blok_value_id *out, blok_error *error);

// Copies a node of body, its subgraphs too, to the end of graph's order.
BLOK_MUST_CHECK blok_status blok_splice_node(blok_splice *splice, blok_node_id node,
                                             blok_node_id *out, blok_error *error);

// Before the nodes: lets body's outputs be outputs (n of them, none allowed), which have no
// producer, where a node of body makes them. After the nodes: an Identity for each of the others.
void blok_splice_outputs(blok_splice *splice, const blok_value_id *outputs, uint32_t n);
BLOK_MUST_CHECK blok_status blok_splice_rest(blok_splice *splice, const blok_value_id *outputs,
                                             uint32_t n, blok_error *error);

#endif  // BLOK_PASSES_SPLICE_H
