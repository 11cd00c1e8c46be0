// Declared types against inferred facts, and the symbols that a session's input shapes bind.
#ifndef BLOK_PASSES_DECLARED_H
#define BLOK_PASSES_DECLARED_H

#include "passes/facts.h"

typedef struct blok_binding {
  int64_t value;
  const char *input;  // the input whose shape said so
} blok_binding;

typedef struct blok_bindings {
  bool concrete;  // the inputs' facts were given, not declared
  bool open;      // ... and a declared input shape had no number at some axis
  blok_names index;
  uint32_t n, capacity;
  blok_binding *items;
} blok_bindings;

void blok_bindings_init(blok_bindings *bindings, const blok_allocator *allocator);
void blok_bindings_free(blok_bindings *bindings);

// Checks an input's given fact against its declared type (NULL: none) and notes what its symbols
// stand for. BLOK_E_SHAPE names the input, what was given and what is wanted.
BLOK_MUST_CHECK blok_status blok_bindings_input(blok_bindings *bindings, const char *name,
                                                const blok_type *declared, const blok_fact *given,
                                                blok_error *error);

// Lets a declared type fill what inference left open in fact, in arena; numbers that disagree are
// BLOK_E_SHAPE. With given inputs declared numbers count only if no input was declared open: they
// may be left over from the shapes that the exporter saw.
BLOK_MUST_CHECK blok_status blok_declared_merge(const blok_bindings *bindings, const char *name,
                                                const blok_type *declared, blok_arena *arena,
                                                blok_fact *fact, blok_error *error);

#endif  // BLOK_PASSES_DECLARED_H
