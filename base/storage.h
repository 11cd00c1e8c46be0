// Storage: where a weight's bytes are. Owned memory, the caller's memory with a release function, a
// range of a file, or a slice of another storage. Immutable, shared by an atomic reference count.
#ifndef BLOK_BASE_STORAGE_H
#define BLOK_BASE_STORAGE_H

#include <blok/status.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/file.h"

typedef struct blok_storage blok_storage;

// Each makes a storage with one reference. NULL: no memory (what was handed over is then not
// taken).

// Takes bytes, which came from blok_alloc with this allocator.
blok_storage *blok_storage_own(const blok_allocator *allocator, void *bytes, size_t size);
// A copy of bytes.
blok_storage *blok_storage_copy(const blok_allocator *allocator, const void *bytes, size_t size);
// Borrows bytes until release(context, bytes) is called with the last reference; release may be
// NULL.
blok_storage *blok_storage_borrow(const blok_allocator *allocator, const void *bytes, size_t size,
                                  void (*release)(void *context, const void *bytes), void *context);
// size bytes of file from offset (retains file). The range must lie inside the file.
blok_storage *blok_storage_file(const blok_allocator *allocator, blok_file *file, uint64_t offset,
                                uint64_t size);
// size bytes of parent from offset (retains parent, or its file). Must lie inside parent.
blok_storage *blok_storage_slice(const blok_allocator *allocator, blok_storage *parent,
                                 uint64_t offset, uint64_t size);

blok_storage *blok_storage_retain(blok_storage *storage);
void blok_storage_release(blok_storage *storage);  // NULL is allowed

uint64_t blok_storage_size(const blok_storage *storage);

// The bytes where they lie in memory; NULL for a range of a file. Valid while storage lives; no
// alignment is promised.
const void *blok_storage_memory(const blok_storage *storage);

// Copies size bytes from offset. Thread-safe. Fails with BLOK_E_IO (file), BLOK_E_ARGUMENT (range).
BLOK_MUST_CHECK blok_status blok_storage_read(const blok_storage *storage, uint64_t offset,
                                              void *bytes, size_t size, blok_error *error);

#endif  // BLOK_BASE_STORAGE_H
