// Which local function a node calls: the one place that knows what a call and a function must
// share.
#ifndef BLOK_GRAPH_FUNCTIONS_H
#define BLOK_GRAPH_FUNCTIONS_H

#include "graph/graph.h"

// The functions of a module, sorted by domain ("ai.onnx" is ""), name and overload. Borrows them:
// it must not outlive the module, nor see its list of functions change.
typedef struct blok_functions {
  blok_allocator allocator;
  const blok_function **sorted;
  uint32_t n;
} blok_functions;

// Free it with blok_functions_free also when this fails.
BLOK_MUST_CHECK blok_status blok_functions_sort(const blok_module *module, blok_functions *out,
                                                blok_error *error);
void blok_functions_free(blok_functions *functions);  // zeroed ones are allowed

// The function with the node's domain, operator and overload, the first in the file's order; NULL:
// none. Thread-safe.
const blok_function *blok_functions_find(const blok_functions *functions, const blok_node *node);

// A function that has the key of another; NULL: each has its own.
const blok_function *blok_functions_repeated(const blok_functions *functions);

#endif  // BLOK_GRAPH_FUNCTIONS_H
