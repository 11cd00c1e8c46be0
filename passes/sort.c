// Nodes in topological order, in the main graph and in every subgraph.
#include "base/error.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

static blok_status sort_graph(blok_graph *graph, void *context, blok_error *error) {
  (void)context;
  return blok_graph_sort(graph, error);
}

blok_status blok_pass_sort(blok_module *module, const blok_pass_options *options,
                           blok_error *error) {
  (void)options;
  return blok_each_graph(module->graph, sort_graph, NULL, error);
}
