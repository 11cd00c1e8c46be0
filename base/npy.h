// numpy's .npy arrays: a magic number, a header that is a Python dictionary, the elements.
#ifndef BLOK_BASE_NPY_H
#define BLOK_BASE_NPY_H

#include <blok/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a header says.
typedef struct blok_npy {
  blok_dtype dtype;
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
  bool fortran;  // the first axis is the fastest one
  bool swapped;  // bytes are in the order that is not the machine's
  size_t start;  // of the elements in the file
  size_t bytes;  // of the elements
} blok_npy;

// A header of version 1 is never longer.
#define BLOK_NPY_HEADER_BYTES 65546

// Reads the header at bytes, of which size are there, of an array of whole bytes. Every number of
// it is checked against whole. name is put before messages. BLOK_E_MALFORMED; BLOK_E_UNSUPPORTED
// for elements other than numbers and bool.
BLOK_MUST_CHECK blok_status blok_npy_parse_header(const void *bytes, size_t size, uint64_t whole,
                                                  const char *name, blok_npy *out,
                                                  blok_error *error);

// Copies the elements, npy->bytes of them, in row-major order and the machine's byte order.
void blok_npy_elements(const blok_npy *npy, const void *elements, void *out);

// Writes the header of a row-major array in the machine's byte order: a multiple of 64 bytes, whose
// number it returns; 0 where numpy has no such type. out has room for BLOK_NPY_WRITTEN.
#define BLOK_NPY_WRITTEN 512
size_t blok_npy_write_header(blok_dtype dtype, uint32_t rank, const int64_t *dims, char *out);

#endif  // BLOK_BASE_NPY_H
