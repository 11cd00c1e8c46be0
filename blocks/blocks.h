// The block overlay: records over the working graph, found by matchers, never nodes in it.
//
// A record keeps the descriptor (include/blok/blocks.h), the member nodes and the values between
// which it stands. Records form a tree. The graph stays complete ONNX.
#ifndef BLOK_BLOCKS_BLOCKS_H
#define BLOK_BLOCKS_BLOCKS_H

#include <blok/blocks.h>

#include "graph/graph.h"
#include "passes/facts.h"

typedef struct blok_block_record {
  blok_block_kind kind;
  int32_t parent;    // index in the overlay, -1: none
  const char *name;  // the scope its nodes or weights share ("layer1.0"), or its first node's name
  blok_value_id entry, exit;
  uint32_t n_members;
  const blok_node_id *members;  // working nodes, children's included, in execution order
  const char *skip_of;          // see blok_block
  union {
    blok_conv_desc conv;
    blok_residual_desc residual;
    blok_se_desc se;
  } as;
  // Weight values of the working graph: of the k-th convolution (or SE product), none where absent;
  // 3 is the projection.
  blok_value_id weight[4], bias[4];
  blok_value_id norm[4][4];  // scale, B, mean, var
  uint64_t parameters;
  int64_t macs;
} blok_block_record;

// A near miss: the one condition that failed.
typedef struct blok_near_miss {
  blok_block_kind kind;
  blok_node_id node;  // working node: the addition or scale where the match began
  const char *condition, *got, *want;
} blok_near_miss;

typedef struct blok_overlay {
  blok_arena arena;
  blok_allocator allocator;
  uint32_t n_blocks;
  blok_block_record *blocks;  // in execution order, a parent before its children
  uint32_t n_nodes;
  int32_t *innermost;  // by working node handle: the innermost block that holds it, -1: none
  uint32_t n_misses;
  blok_near_miss *misses;
} blok_overlay;

// Finds every block of the main graph. facts are the graph's, as declared.
BLOK_MUST_CHECK blok_status blok_blocks_match(const blok_graph *graph, const blok_facts *facts,
                                              const blok_allocator *allocator, blok_overlay **out,
                                              blok_error *error);
void blok_overlay_free(blok_overlay **overlay);

// Parameters of the whole source graph: each float initializer once, each Identity of one once
// more; not BN mean and variance, 0-d constants, or what feeds shape, pad, scale or roi inputs. See
// docs/blocks.md.
BLOK_MUST_CHECK blok_status blok_count_parameters(const blok_module *source,
                                                  const blok_allocator *allocator, uint64_t *out,
                                                  blok_error *error);

// Multiply-adds of one node (Conv, ConvTranspose, Gemm, MatMul; 0 for others), an open first axis
// of the graph's inputs counted as 1; -1 when another axis is open.
int64_t blok_node_macs(const blok_graph *graph, const blok_facts *facts, blok_node_id node);

#endif  // BLOK_BLOCKS_BLOCKS_H
