// The block overlay: records over the working graph, found by matchers, never nodes in it.
//
// A record keeps the descriptor (include/blok/blocks.h), the member nodes and the values between
// which it stands. Records form a tree. The graph stays complete ONNX.
#ifndef BLOK_BLOCKS_BLOCKS_H
#define BLOK_BLOCKS_BLOCKS_H

#include <blok/blocks.h>

#include "graph/graph.h"
#include "passes/facts.h"

// Weight values of the working graph, none where absent.
typedef struct blok_conv_weights {
  blok_value_id weight, bias;  // weight of a skip path's scale: the constant
  blok_value_id norm[4];       // scale, B, mean, var
  blok_value_id slope;         // of a prelu
} blok_conv_weights;

// Those of a block with an addition: of F's convolutions, of the skip path's steps, of its
// squeeze-excite's products; the constant that F(x) is multiplied by, the slope of a prelu behind
// the addition.
typedef struct blok_residual_weights {
  blok_conv_weights conv[3], skip[BLOK_SKIP_STEPS], se[2];
  blok_value_id scale, after_slope;
} blok_residual_weights;

typedef struct blok_block_record {
  blok_block_kind kind;
  int32_t parent;    // index in the overlay, -1: none
  const char *name;  // the scope its nodes or weights share ("layer1.0"), or its first node's name
  blok_value_id entry, exit;
  blok_value_id skip_entry;  // where the skip path begins; none unless skip_elsewhere
  uint32_t n_members;
  const blok_node_id *members;  // working nodes, children's included, in execution order
  const char *skip_of;          // see blok_block
  // The descriptor by kind, as in blok_block; the others NULL. weights: one (conv_norm_act), two
  // (squeeze_excite: of its products).
  const blok_conv_desc *conv;
  const blok_residual_desc *residual;
  const blok_se_desc *se;
  const blok_gate_desc *gate;
  const blok_conv_weights *weights;
  const blok_residual_weights *residual_weights;
  // residual_other: F's nodes, children's included, in execution order, and the operand of the
  // addition that they make. gate: all its nodes, and its exit.
  uint32_t n_region;
  const blok_node_id *region;
  blok_value_id region_out;
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
