// The operators that Blok knows: one row each in ops.def, expanded here into an enum.
#ifndef BLOK_GRAPH_OPS_H
#define BLOK_GRAPH_OPS_H

#include <stdint.h>

typedef enum blok_op {
  BLOK_OP_UNKNOWN = 0,
#define OP(id, domain, name, infer, reference) BLOK_OP_##id,
#include "graph/ops.def"
#undef OP
  BLOK_OP_COUNT
} blok_op;

// The domain as it is compared: NULL and "ai.onnx" are the default one, "".
const char *blok_domain(const char *domain);

// The row of (domain, op_type); BLOK_OP_UNKNOWN when there is none. "" and "ai.onnx" are the same
// domain.
blok_op blok_op_find(const char *domain, const char *op_type);

// The operator's name, "" for BLOK_OP_UNKNOWN.
const char *blok_op_name(blok_op op);

#endif  // BLOK_GRAPH_OPS_H
