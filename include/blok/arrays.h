// numpy's .npy arrays in memory: read into a tensor, and the header that is written before one.
// Nothing is allocated here. Weights come from .npz files, many arrays in one:
// blok_build_weights_npz (blok/build.h).
#ifndef BLOK_ARRAYS_H
#define BLOK_ARRAYS_H

#include <blok/types.h>

#ifdef __cplusplus
extern "C" {
#endif

// Fills out with type, dims and the bytes that its elements take; data is NULL. bytes are those of
// the whole file, of C or Fortran order, either byte order, every numeric type and bool. Nothing in
// the header is believed before it is checked against size. name goes before messages.
// BLOK_E_MALFORMED; BLOK_E_UNSUPPORTED: objects, text, structures.
BLOK_API BLOK_MUST_CHECK blok_status blok_npy_describe(const void *bytes, size_t size,
                                                       const char *name, blok_tensor *out,
                                                       blok_error *error);

// The elements too, row-major and in the machine's byte order, into out->data, the caller's memory
// of out->bytes. BLOK_E_BUFFER when these are too few.
BLOK_API BLOK_MUST_CHECK blok_status blok_npy_read(const void *bytes, size_t size, const char *name,
                                                   blok_tensor *out, blok_error *error);

// No header that blok_npy_header writes is longer.
#define BLOK_NPY_HEADER 512

// The bytes that stand before tensor's elements in a .npy file, a multiple of 64; *size says how
// many. BLOK_E_UNSUPPORTED: a type that numpy does not have; BLOK_E_BUFFER: capacity is too small.
BLOK_API BLOK_MUST_CHECK blok_status blok_npy_header(const blok_tensor *tensor, void *header,
                                                     size_t capacity, size_t *size,
                                                     blok_error *error);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_ARRAYS_H
