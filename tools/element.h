// Single elements of tensors as doubles.
#ifndef BLOK_TOOLS_ELEMENT_H
#define BLOK_TOOLS_ELEMENT_H

#include "tools/cli.h"

// Numbers that lie in one element: 2 for the complex types, 0 for strings, else 1.
uint32_t blok_element_parts(blok_dtype dtype);

// Number index (counted in parts) of the tensor. Bytes are read unaligned. 0 for strings.
double blok_element_get(const blok_tensor *tensor, size_t index);

// Sets element index to number, rounded to the type. For the floats of 16 bits and more, the
// integers of 8 bits and more, and bool; false for other types.
bool blok_element_set(blok_tensor *tensor, size_t index, double number);

// Whether the type is one of floating point that blok_element_set takes.
bool blok_element_is_real(blok_dtype dtype);

// Bytes that count elements take, SIZE_MAX when that overflows. Strings: of blok_text.
size_t blok_element_bytes(blok_dtype dtype, size_t count);

#endif  // BLOK_TOOLS_ELEMENT_H
