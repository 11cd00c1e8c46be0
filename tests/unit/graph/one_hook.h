// Inference of one node from facts written as text: "N,3,?" is a symbol, a number and an unknown
// axis.
#ifndef BLOK_TESTS_UNIT_GRAPH_ONE_HOOK_H
#define BLOK_TESTS_UNIT_GRAPH_ONE_HOOK_H

#include "graph/infer.h"

enum { ONE_HOOK_SLOTS = 6 };

typedef struct one_hook {
  blok_module *module;
  blok_graph *graph;
  blok_node_id node;
  uint32_t n_in, n_out;
  blok_fact in[ONE_HOOK_SLOTS];
  bool has_in[ONE_HOOK_SLOTS];
  blok_fact out[ONE_HOOK_SLOTS];
  blok_status (*subgraph)(blok_infer *self, const blok_subgraph *subgraph, const blok_fact *inputs,
                          blok_fact *outputs, blok_error *error);
  blok_error error;
} one_hook;

void one_hook_init(one_hook *self, const char *op_type, uint32_t n_in, uint32_t n_out);
void one_hook_free(one_hook *self);

void one_hook_int(one_hook *self, const char *name, int64_t value);
void one_hook_ints(one_hook *self, const char *name, uint32_t n, const int64_t *values);
// An attribute whose value the caller fills in.
blok_attr *one_hook_attr(one_hook *self, const char *name, blok_attr_type type);

// Input slot: dtype and shape; NULL for an unknown rank, "" for a scalar.
void one_hook_in(one_hook *self, uint32_t slot, blok_dtype dtype, const char *shape);
// A one-dimensional int64 input whose elements are written in the same way, numbers of any sign.
void one_hook_list(one_hook *self, uint32_t slot, const char *elements);
// A scalar input of the given type with a known value.
void one_hook_scalar(one_hook *self, uint32_t slot, blok_dtype dtype, int64_t value);

blok_status one_hook_run(one_hook *self);
// Runs, asserts success and that output slot has this dtype and shape (NULL: unknown rank).
void one_hook_gives(one_hook *self, uint32_t slot, blok_dtype dtype, const char *shape);
// Asserts the elements of output slot, after a run; NULL: none are tracked.
void one_hook_elements(one_hook *self, uint32_t slot, const char *elements);
// Runs and asserts BLOK_E_SHAPE with a message that holds part.
void one_hook_fails(one_hook *self, const char *part);

#endif  // BLOK_TESTS_UNIT_GRAPH_ONE_HOOK_H
