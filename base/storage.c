// Where a weight's bytes are, and reading them from there. See storage.h.
#include "base/storage.h"

#include <stdatomic.h>
#include <string.h>

#include "base/error.h"

struct blok_storage {
  atomic_uint references;
  blok_allocator allocator;
  uint64_t size;
  // In memory: bytes, and who frees them. In a file: file and offset.
  const uint8_t *bytes;
  void *owned;
  void (*release)(void *context, const void *bytes);
  void *context;
  blok_storage *parent;
  blok_file *file;
  uint64_t offset;
};

static blok_storage *new_storage(const blok_allocator *allocator, const void *bytes,
                                 uint64_t size) {
  blok_storage *storage = blok_alloc_zero(allocator, sizeof *storage);
  if (!storage) return NULL;
  atomic_init(&storage->references, 1);
  storage->allocator = *allocator;
  storage->bytes = bytes;
  storage->size = size;
  return storage;
}

blok_storage *blok_storage_own(const blok_allocator *allocator, void *bytes, size_t size) {
  blok_storage *storage = new_storage(allocator, bytes, size);
  if (storage) storage->owned = bytes;
  return storage;
}

blok_storage *blok_storage_copy(const blok_allocator *allocator, const void *bytes, size_t size) {
  void *copy = blok_alloc(allocator, size);
  if (!copy) return NULL;
  if (size) memcpy(copy, bytes, size);
  blok_storage *storage = blok_storage_own(allocator, copy, size);
  if (!storage) blok_free(allocator, copy);
  return storage;
}

blok_storage *blok_storage_borrow(const blok_allocator *allocator, const void *bytes, size_t size,
                                  void (*release)(void *context, const void *bytes),
                                  void *context) {
  blok_storage *storage = new_storage(allocator, bytes, size);
  if (!storage) return NULL;
  storage->release = release;
  storage->context = context;
  return storage;
}

blok_storage *blok_storage_file(const blok_allocator *allocator, blok_file *file, uint64_t offset,
                                uint64_t size) {
  blok_storage *storage = new_storage(allocator, NULL, size);
  if (!storage) return NULL;
  storage->file = blok_file_retain(file);
  storage->offset = offset;
  return storage;
}

blok_storage *blok_storage_slice(const blok_allocator *allocator, blok_storage *parent,
                                 uint64_t offset, uint64_t size) {
  if (offset > parent->size || size > parent->size - offset) return NULL;
  if (parent->file)
    return blok_storage_file(allocator, parent->file, parent->offset + offset, size);
  blok_storage *storage = new_storage(allocator, parent->bytes + offset, size);
  if (storage) storage->parent = blok_storage_retain(parent);
  return storage;
}

blok_storage *blok_storage_retain(blok_storage *storage) {
  atomic_fetch_add_explicit(&storage->references, 1, memory_order_relaxed);
  return storage;
}

void blok_storage_release(blok_storage *storage) {
  if (!storage) return;
  if (atomic_fetch_sub_explicit(&storage->references, 1, memory_order_acq_rel) != 1) return;
  blok_allocator allocator = storage->allocator;
  if (storage->release) storage->release(storage->context, storage->bytes);
  blok_free(&allocator, storage->owned);
  blok_storage_release(storage->parent);
  blok_file_release(storage->file);
  blok_free(&allocator, storage);
}

uint64_t blok_storage_size(const blok_storage *storage) { return storage->size; }

const void *blok_storage_memory(const blok_storage *storage) { return storage->bytes; }

blok_status blok_storage_read(const blok_storage *storage, uint64_t offset, void *bytes,
                              size_t size, blok_error *error) {
  if (offset > storage->size || size > storage->size - offset) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "read of %zu bytes at %llu lies outside a storage of %llu", size,
                     (unsigned long long)offset, (unsigned long long)storage->size);
  }
  if (storage->file)
    return blok_file_read(storage->file, storage->offset + offset, bytes, size, error);
  if (size) memcpy(bytes, storage->bytes + offset, size);
  return BLOK_OK;
}
