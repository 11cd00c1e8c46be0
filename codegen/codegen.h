// A model as source text: what api/ calls.
#ifndef BLOK_CODEGEN_CODEGEN_H
#define BLOK_CODEGEN_CODEGEN_H

#include "codegen/outline.h"
#include "codegen/page.h"

// Each puts a whole file into page, which is empty. weights_name: the .npz beside it,
// which a Python file finds by its own name.
// BLOK_E_UNSUPPORTED, with the node's name: an operator that the language has no call for.
BLOK_MUST_CHECK blok_status blok_codegen_c(const blok_outline *outline, const char *weights_name,
                                           blok_page *page, blok_error *error);
BLOK_MUST_CHECK blok_status blok_codegen_python(const blok_outline *outline, blok_page *page,
                                                blok_error *error);

// The elements of a weight as it is saved, in the allocator's memory, tensor->data, which the
// caller frees.
BLOK_MUST_CHECK blok_status blok_codegen_weight(const blok_saved_weight *weight,
                                                const blok_allocator *allocator,
                                                blok_tensor *tensor, blok_error *error);

#endif  // BLOK_CODEGEN_CODEGEN_H
