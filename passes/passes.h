// From source graph to working graph: the passes, in the order of passes.def, and the driver.
#ifndef BLOK_PASSES_PASSES_H
#define BLOK_PASSES_PASSES_H

#include <blok/types.h>

#include "graph/graph.h"

// What the passes may use and do.
typedef struct blok_pass_options {
  blok_limits limits;  // resolved: no zeroes
  blok_progress_fn progress;
  void *progress_context;
} blok_pass_options;

// One pass changes the main graph of module (and its subgraphs) in place. On failure the module is
// still a verified graph or is thrown away by the caller.
typedef blok_status (*blok_pass_fn)(blok_module *module, const blok_pass_options *options,
                                    blok_error *error);

// Metadata of a model that its working graph keeps (blocks/drop_path.h).
#define BLOK_DROP_PATH_KEY "blok.drop_path"

// Makes the working graph: a clone of source (storages shared, each node naming its sources) that
// has been sorted, upgraded to the newest operator versions, inlined, folded, simplified and swept.
// Fails with BLOK_E_UNSUPPORTED when an operator is not known, with a list of kinds, counts and
// first nodes; with BLOK_E_SHAPE when shapes disagree. In debug builds the graph is verified after
// each pass.
BLOK_MUST_CHECK blok_status blok_working_graph(const blok_module *source,
                                               const blok_pass_options *options, blok_module **out,
                                               blok_error *error);

// Defaults put in place of zeroes; NULL gives all defaults.
blok_limits blok_limits_resolve(const blok_limits *limits);

// A pass that runs twice is declared twice.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
#define PASS(id, what)                                                              \
  blok_status blok_pass_##id(blok_module *module, const blok_pass_options *options, \
                             blok_error *error);
#include "passes/passes.def"
#undef PASS
#pragma GCC diagnostic pop

#endif  // BLOK_PASSES_PASSES_H
