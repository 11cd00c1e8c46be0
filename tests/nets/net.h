// Small networks for tests of matchers and plans, written by names. Nodes must be made in execution
// order.
#ifndef BLOK_TESTS_NETS_NET_H
#define BLOK_TESTS_NETS_NET_H

#include "blocks/blocks.h"

// A module with an empty main graph. Asserts, as all of these do, that it worked.
blok_module *net_module(void);

// The value of this name, made when there is none; "-": none.
blok_value_id net_value(blok_graph *graph, const char *name);
// A float32 input [n, c, h, w]; negative: open (n: the symbol N).
void net_input(blok_graph *graph, const char *name, int64_t n, int64_t c, int64_t h, int64_t w);
void net_output(blok_graph *graph, const char *name);
// Initializers: float32 zeros, one float32 number of rank 0, integers.
void net_weight(blok_graph *graph, const char *name, int rank, const int64_t *dims);
void net_number(blok_graph *graph, const char *name, float number);
void net_ints(blok_graph *graph, const char *name, const int64_t *ints, int64_t n);

// A node of lists of names with blanks between them: net_node(g, "Conv", "x w -", "y").
blok_node_id net_node(blok_graph *graph, const char *op_type, const char *inputs,
                      const char *outputs);

// Nodes of lines "Op name=value ...: inputs = outputs", up to a NULL: an attribute is an integer,
// a list of them (0,2,3,1) or a number with a point. "Gemm transB=1 alpha=0.5: x w b = y".
void net_lines(blok_graph *graph, const char *const *lines);

// A convolution of in -> out with padding k / 2, of weight NAME.weight and no bias.
typedef struct net_conv_shape {
  int64_t in, out, k, stride, groups;  // stride and groups: 0 is 1
} net_conv_shape;
static inline net_conv_shape net_k(int64_t in, int64_t out, int64_t k, int64_t stride) {
  return (net_conv_shape){in, out, k, stride, 0};
}
blok_node_id net_conv(blok_graph *graph, const char *name, const char *x, const char *y,
                      net_conv_shape shape);
// A BatchNormalization of NAME.weight, .bias, .mean, .var.
blok_node_id net_norm(blok_graph *graph, const char *name, const char *x, const char *y,
                      int64_t channels);
// GlobalAveragePool, two products c -> hidden -> c with Relu and Sigmoid, Mul(x, gate).
void net_se(blok_graph *graph, const char *name, const char *x, const char *y, int64_t channels,
            int64_t hidden);

// A module whose graph has an input x [N, 16, 8, 8].
blok_graph *net_begin(blok_module **module);
// conv, norm, Relu, conv, norm of 3x3: x of 16 channels to f.
void net_post(blok_graph *graph, int64_t out, int64_t stride);

// For large nets, without looking names up: a node of one input (b none) or two under a fresh name,
// and its output. A Conv gets padding for 3x3.
blok_value_id net_next(blok_graph *graph, const char *op_type, blok_value_id a, blok_value_id b);
// An If on condition (a name) whose two branches take the Relu of captured.
blok_node_id net_if(blok_graph *graph, const char *condition, const char *captured,
                    const char *out);

// What was found; frees what it was before. net_free ends it, with the module.
typedef struct net_found {
  blok_module *module;
  blok_facts *facts;
  blok_overlay *overlay;
} net_found;
net_found net_match(blok_module *module);
void net_free(net_found *found);
// y becomes the output first.
net_found net_finish(blok_module *module);

// The only block without a parent of this kind.
const blok_block_record *net_block(const net_found *found, blok_block_kind kind);
uint32_t net_count(const net_found *found, blok_block_kind kind);
// Asserts that there is no residual, bottleneck or squeeze-excite, and one near miss of this
// condition.
void net_assert_refused(const net_found *found, const char *condition);

#endif  // BLOK_TESTS_NETS_NET_H
