// Writing .npz files: a zip archive of .npy arrays, stored, as numpy.savez makes them.
//
// The elements of each array begin at a multiple of 64 bytes of the file. Equal arrays give equal
// bytes: there are no dates. Sizes and offsets of 4 GiB and more are written as zip's 64-bit ones.
#ifndef BLOK_EXPORTER_NPZ_H
#define BLOK_EXPORTER_NPZ_H

#include <blok/types.h>

#include "base/alloc.h"
#include "base/file.h"

typedef struct blok_npz_entry {
  const char *name;
  uint64_t size, offset;  // of the .npy, and of its record
  uint32_t crc;
} blok_npz_entry;

typedef struct blok_npz_writer {
  blok_sink *sink;  // borrowed
  blok_arena arena;
  uint32_t n, capacity;
  blok_npz_entry *entries;
} blok_npz_writer;

// Begins an archive in sink, in which nothing has been written.
void blok_npz_begin(blok_npz_writer *writer, blok_sink *sink, const blok_allocator *allocator);
// An array called name, which must be no other's (name is copied). BLOK_E_UNSUPPORTED: a type that
// numpy does not have.
BLOK_MUST_CHECK blok_status blok_npz_put(blok_npz_writer *writer, const char *name,
                                         const blok_tensor *tensor, blok_error *error);
// Writes the directory, which ends the archive. The sink is still to be committed.
BLOK_MUST_CHECK blok_status blok_npz_end(blok_npz_writer *writer, blok_error *error);
void blok_npz_free(blok_npz_writer *writer);

#endif  // BLOK_EXPORTER_NPZ_H
