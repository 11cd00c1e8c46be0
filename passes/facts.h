// What is known of every value of a graph: whole-graph type and shape inference.
//
// The driver walks a sorted working graph, runs each node's hook (graph/infer.h), and evaluates
// small nodes of known inputs by the reference interpreter, so that shape chains become numbers as
// soon as the inputs' shapes are.
#ifndef BLOK_PASSES_FACTS_H
#define BLOK_PASSES_FACTS_H

#include <blok/types.h>

#include "graph/graph.h"
#include "graph/infer.h"

typedef struct blok_facts blok_facts;
struct blok_facts {
  blok_arena arena;
  uint32_t n;     // values of the graph
  blok_fact *of;  // by value handle
  blok_allocator allocator;
};

typedef struct blok_facts_options {
  // Facts of the graph's inputs, by position in graph->inputs (initializers that are inputs too
  // included, and ignored); NULL: as declared.
  const blok_fact *inputs;
  const blok_fact *captures;  // by value handle of this graph, for subgraphs; NULL for main graphs.
                              // Subgraphs may have both: see blok_facts_body
  blok_limits limits;         // tensor_elements is used; 0: the default
  // Declared shapes of inner values and outputs are only checked, never believed: for who sizes
  // memory or changes the graph by the facts, since a run may make another shape than the file
  // declares.
  bool inferred_only;
} blok_facts_options;

// Facts of every value. Shapes that disagree are BLOK_E_SHAPE; a value of which nothing can be
// known is left unknown. Declared types of inner values and outputs are used where inference gives
// less, and checked where both are known (a contradiction is BLOK_E_SHAPE that names both
// shapes).
BLOK_MUST_CHECK blok_status blok_facts_compute(const blok_graph *graph,
                                               const blok_facts_options *options,
                                               const blok_allocator *allocator, blok_facts **out,
                                               blok_error *error);
void blok_facts_free(blok_facts **facts);

// One node, whose inputs' facts are given by slot (NULL: left out); out has n_outputs facts, whose
// memory comes from arena. For steps whose sizes only the run knows: inputs carry their tensors.
BLOK_MUST_CHECK blok_status blok_facts_node(const blok_graph *graph, blok_node_id node,
                                            const blok_fact *const *in, blok_fact *out,
                                            blok_arena *arena, blok_error *error);

// What holds of a body of node (If, Loop, Scan) in every round of it: the facts of its inputs, by
// position in body->graph->inputs (*inputs is NULL when it has none), and of its captures, by value
// handle. A carried value whose shape changes from round to round is known by its type alone. Both
// live in arena; facts are those of graph, computed to their end, and may be given small constants
// to keep, so no other thread may use them meanwhile. Where the node itself does not fit its
// inputs, *inputs are all unknown.
BLOK_MUST_CHECK blok_status blok_facts_body(const blok_facts *facts, const blok_graph *graph,
                                            blok_node_id node, const blok_subgraph *body,
                                            blok_arena *arena, blok_fact **inputs,
                                            blok_fact **captures, blok_error *error);

// Facts of which not one is known.
BLOK_MUST_CHECK blok_status blok_facts_unknown(const blok_graph *graph,
                                               const blok_allocator *allocator, blok_facts **out,
                                               blok_error *error);

// The fact of a tensor in memory (tensor is borrowed): dims, and elements of small integer tensors.
BLOK_MUST_CHECK blok_status blok_fact_of_tensor(blok_arena *arena, const blok_tensor *tensor,
                                                blok_fact *out, blok_error *error);

// The fact that a declared type gives.
BLOK_MUST_CHECK blok_status blok_fact_of_type(blok_arena *arena, const blok_type *type,
                                              blok_fact *out, blok_error *error);

#endif  // BLOK_PASSES_FACTS_H
