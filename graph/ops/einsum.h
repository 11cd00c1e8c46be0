// The equation of an Einsum, shared by inference and reference.
#ifndef BLOK_GRAPH_OPS_EINSUM_H
#define BLOK_GRAPH_OPS_EINSUM_H

#include "graph/graph.h"

#define BLOK_EINSUM_OPERANDS 4
#define BLOK_EINSUM_LABELS   32

// Every axis of every operand has a label; axes of one label have the same size, or 1 and are
// repeated. The axes that an ellipsis stands for have labels of their own, aligned at the last one.
typedef struct blok_einsum {
  uint32_t n_operands;
  uint32_t n_labels;
  uint32_t rank[BLOK_EINSUM_OPERANDS];
  uint8_t axes[BLOK_EINSUM_OPERANDS][BLOK_MAX_RANK];
  uint32_t out_rank;
  uint8_t out_axes[BLOK_MAX_RANK];
} blok_einsum;

// Reads the node's equation for operands of these ranks. NULL: done; else what is wrong with it, as
// the end of a message.
const char *blok_einsum_read(const blok_node *node, uint32_t n, const uint32_t *ranks,
                             blok_einsum *out);

#endif  // BLOK_GRAPH_OPS_EINSUM_H
