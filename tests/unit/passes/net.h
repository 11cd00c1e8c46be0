// Small models made by hand for the tests of the passes: values go by their names.
#ifndef BLOK_TESTS_PASSES_NET_H
#define BLOK_TESTS_PASSES_NET_H

#include <blok/types.h>

#include "graph/graph.h"
#include "passes/passes.h"

typedef struct net {
  blok_module *module;  // the source
  blok_graph *graph;    // where nodes and values go: the main graph, or one inside it
  blok_module *work;    // after net_work
} net;

// A module of this operator set with an empty main graph. All of these assert with Check.
void net_make(net *self, int64_t opset);
void net_free(net *self);

// The value of this name, made when there is none yet.
blok_value_id net_value(blok_graph *graph, const char *name);

// dims as text: "N,3,4", "?" for an axis of which nothing is known, "" for a scalar, NULL for no
// shape.
void net_input(net *self, const char *name, blok_dtype dtype, const char *dims);
void net_output(net *self, const char *name);
void net_type(net *self, const char *name, blok_dtype dtype, const char *dims);
void net_f32(net *self, const char *name, const char *dims, const float *values);
void net_i64(net *self, const char *name, const char *dims, const int64_t *values);

// Names of inputs and outputs with commas between them; an empty one is left out.
blok_node_id net_node(net *self, const char *op_type, const char *inputs, const char *outputs);
void net_int(net *self, blok_node_id node, const char *name, int64_t value);
void net_ints(net *self, blok_node_id node, const char *name, uint32_t n, const int64_t *values);
void net_float(net *self, blok_node_id node, const char *name, float value);
void net_text(net *self, blok_node_id node, const char *name, const char *value);
void net_attr(net *self, blok_node_id node, const blok_attr *attr);

// A branch with captures of these names (inner names are the same), attached to node as attribute;
// the net's graph becomes the branch until net_leave.
void net_branch(net *self, blok_node_id node, const char *attr, const char *captures);
void net_leave(net *self);

// Options with the default limits.
blok_pass_options net_options(void);

// Makes the working graph, which must succeed; or must fail with this status and a message that
// holds text.
void net_work(net *self);
void net_refuse(net *self, blok_status status, const char *text);

// Operators of the working graph in order: "Unsqueeze Add". Valid until the next call.
const char *net_ops(const net *self);
// The node that makes the value of this name, NULL when there is none.
const blok_node *net_maker(const net *self, const char *name);
// The constant of this name or of a node's input, as integers; -1 when it is none of int64.
int64_t net_ints_of(const net *self, blok_value_id value, int64_t *out, size_t capacity);

// A model of operator set 22 with one float32 input x of these dims.
void net_start(net *self, const char *dims);
// y becomes an output; the working graph must hold these operators; all is freed.
void net_expect(net *self, const char *ops);

// Runs the working graph on float inputs (in the order of the graph's inputs, constants left out)
// by inference with whole values: at most 64 elements a value. The output must be float32 of these
// dims.
void net_check(const net *self, const blok_tensor *inputs, uint32_t n, const char *output,
               const char *dims, const float *want);

#endif  // BLOK_TESTS_PASSES_NET_H
