// Small graphs for tests, written by names.
#ifndef BLOK_TESTS_UNIT_GRAPH_NET_H
#define BLOK_TESTS_UNIT_GRAPH_NET_H

#include "graph/graph.h"

// A module with an empty main graph. Asserts, as all of these do, that it worked.
blok_module *net_module(void);

// The value of this name, made when there is none; "" or "-": none.
blok_value_id net_value(blok_graph *graph, const char *name);
void net_input(blok_graph *graph, const char *name);
void net_output(blok_graph *graph, const char *name);
void net_constant(blok_graph *graph, const char *name, const float *values, int64_t n);

// A node of lists of names with blanks between them: net_node(g, "conv1", "Conv", "x w -", "y").
blok_node_id net_node(blok_graph *graph, const char *name, const char *op_type, const char *inputs,
                      const char *outputs);

// Gives node a subgraph attribute "body" whose graph has one Relu node that reads the captured
// outer value.
blok_graph *net_body(blok_graph *graph, blok_node_id node, const char *outer);

// Asserts that the nodes stand in the order of these names: "a b c".
void net_assert_order(const blok_graph *graph, const char *names);

// The dump of a graph, to be freed with free().
char *net_dump(const blok_graph *graph);

void net_assert_valid(const blok_graph *graph, bool sorted);

#endif  // BLOK_TESTS_UNIT_GRAPH_NET_H
