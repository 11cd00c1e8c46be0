// The inference hooks, declared from ops.def. One file per operator family defines them; a hook
// that is missing is a link error.
#ifndef BLOK_GRAPH_OPS_OPS_H
#define BLOK_GRAPH_OPS_OPS_H

#include "graph/infer.h"

// Rows of one family declare the same function again.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
#define OP(id, domain, name, infer, reference) \
  blok_status blok_infer_##infer(blok_infer *context, blok_error *error);
#include "graph/ops.def"
#undef OP
#pragma GCC diagnostic pop

#endif  // BLOK_GRAPH_OPS_OPS_H
