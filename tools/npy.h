// numpy's .npy files, versions 1 to 3.
#ifndef BLOK_TOOLS_NPY_H
#define BLOK_TOOLS_NPY_H

#include "tools/source.h"

// Reads the array: C or Fortran order, either byte order, every numeric type and bool. Nothing in
// the header is believed before it is checked against the file's size. out->data is malloc'ed.
// BLOK_E_MALFORMED, BLOK_E_UNSUPPORTED (objects, text, structures), BLOK_E_LIMIT (rank),
// BLOK_E_MEMORY.
BLOK_MUST_CHECK blok_status blok_npy_parse(const blok_source *source, blok_tensor *out,
                                           blok_error *error);

// The bytes of the .npy file of tensor, to be freed with free(). Types that numpy lacks are written
// as the smallest that holds their values exactly: bfloat16 and smaller floats as float32, integers
// of less than a byte as 8 bits. BLOK_E_UNSUPPORTED for strings.
BLOK_MUST_CHECK blok_status blok_npy_format(const blok_tensor *tensor, uint8_t **bytes,
                                            size_t *size, blok_error *error);

// Writes bytes to path: to a new file beside it, renamed when whole. BLOK_E_IO.
BLOK_MUST_CHECK blok_status blok_file_replace(const char *path, const void *bytes, size_t size,
                                              blok_error *error);

#endif  // BLOK_TOOLS_NPY_H
