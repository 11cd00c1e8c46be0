// Control flow: steps that hold shaped plans of their bodies.
#ifndef BLOK_RUNTIME_PLAN_CONTROL_H
#define BLOK_RUNTIME_PLAN_CONTROL_H

#include "runtime/plan/lowering.h"

// The step of an If, Loop or Scan. Its bodies are shaped for what holds in every round of them: see
// blok_facts_body. A body whose shapes disagree is shaped open.
BLOK_MUST_CHECK blok_status blok_lower_control(blok_lowering *lowering, blok_node_id node,
                                               blok_error *error);

#endif  // BLOK_RUNTIME_PLAN_CONTROL_H
