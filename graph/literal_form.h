// What a literal's dims and type ask of its data: shared by the checks and the reader of literals.
#ifndef BLOK_GRAPH_LITERAL_FORM_H
#define BLOK_GRAPH_LITERAL_FORM_H

#include "graph/literal.h"

typedef struct blok_literal_form {
  size_t count;    // elements
  size_t bytes;    // of them in memory
  size_t numbers;  // varints in a typed field of integers
} blok_literal_form;

// Checks dims, type and encoding; what stands before the messages.
BLOK_MUST_CHECK blok_status blok_literal_form_of(const blok_literal *literal, const char *what,
                                                 blok_literal_form *out, blok_error *error);

// Checks the length of the data as far as it shows without reading it.
BLOK_MUST_CHECK blok_status blok_literal_length(const blok_literal *literal, const char *what,
                                                const blok_literal_form *form, blok_error *error);

// The name of the field of TensorProto: "raw_data". Never NULL.
const char *blok_encoding_field(blok_encoding encoding);

#endif  // BLOK_GRAPH_LITERAL_FORM_H
