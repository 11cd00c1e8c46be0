// Functions of one value, as the epilogue computes them, read from nodes and from matched units.
#ifndef BLOK_RUNTIME_PLAN_ACTS_H
#define BLOK_RUNTIME_PLAN_ACTS_H

#include "blocks/matcher.h"
#include "passes/facts.h"
#include "runtime/kernels/epilogue.h"

// A node that alone is such a function; slope is the constant of a PRelu, else none. false for
// every other node. The element type is not looked at.
bool blok_act_of_node(const blok_graph *graph, const blok_facts *facts, blok_node_id node,
                      blok_act *act, blok_value_id *slope);

// The function that a unit of the kind activation is.
blok_act blok_act_of_unit(const blok_unit *unit);

#endif  // BLOK_RUNTIME_PLAN_ACTS_H
