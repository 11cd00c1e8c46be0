// An allocator that fails when told to and counts what lives, and the sweep that fails every
// allocation of a call in turn.
#ifndef BLOK_TESTS_SUPPORT_FAULT_H
#define BLOK_TESTS_SUPPORT_FAULT_H

#include <blok/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Counts from the first allocation. Not thread-safe.
typedef struct blok_fault {
  uint64_t fail_at;      // this call to reallocate gives NULL, counted from 1; 0: none does
  bool fail_after;       // and so do all later ones
  uint64_t calls;        // of reallocate
  uint64_t live_blocks;  // not released yet
  size_t live_bytes;
  size_t peak_bytes;
} blok_fault;

#define BLOK_FAULT_INIT \
  { 0, false, 0, 0, 0, 0 }

// An allocator over fault, which must outlive everything made with it.
blok_allocator blok_fault_allocator(blok_fault *fault);

// One try of the code under test: everything it allocates comes from allocator, and it frees what
// it made before it returns, whatever the status. It must itself assert that outputs of a failed
// call are NULL.
typedef blok_status (*blok_fault_fn)(void *context, const blok_allocator *allocator,
                                     blok_error *error);

// Runs fn once without failure (it must give BLOK_OK), then with allocation k failing for every k
// that the first run reached (under a sanitizer, for a part of them), once alone and once with all
// later ones failing too. Asserts with Check that each gives BLOK_E_MEMORY with a message, or
// BLOK_OK where the code can do without that block, and that nothing stays allocated. Returns the
// number of allocations of the first run.
uint64_t blok_fault_sweep(blok_fault_fn fn, void *context);

#endif  // BLOK_TESTS_SUPPORT_FAULT_H
