// Writing a graph in an older operator set: each operator in the form that it had there, spelled
// out by other operators where it did not exist yet.
#ifndef BLOK_PASSES_DOWNGRADE_H
#define BLOK_PASSES_DOWNGRADE_H

#include <blok/types.h>

#include "graph/graph.h"
#include "passes/facts.h"

// Models are written in this operator set of the default domain at the oldest.
#define BLOK_OLDEST_OPSET 7

// The IR version that belongs to an operator set of the default domain: 3 for 7, 8 for 17, ...
int64_t blok_ir_of_opset(int64_t opset);

// Rewrites every node of module that is written in the newest operator set (node->opset is the
// newest, or 0 where the module's own is) so that it stands in opset, and makes opset the module's:
// nodes of other domains, and those that opset already says, stay as they are. facts are of the
// main graph's values (those of nodes that change must be known; new values have none). The IR
// version becomes that of opset where it is lower or the operator set went down; below IR 4
// initializers are listed as inputs. BLOK_E_UNSUPPORTED: "Einsum node 'x' cannot be written in
// operator set 9: it came with 12"; the module may then be half-way and is of no more use.
BLOK_MUST_CHECK blok_status blok_downgrade(blok_module *module, const blok_facts *facts,
                                           int64_t opset, blok_error *error);

// A clone of source, notes included, in opset: up or down. Nodes whose form is the same in both
// sets stay as they are; functions are inlined where their operators change.
BLOK_MUST_CHECK blok_status blok_convert_opset(const blok_module *source, int64_t opset,
                                               const blok_limits *limits, blok_module **out,
                                               blok_error *error);

#endif  // BLOK_PASSES_DOWNGRADE_H
