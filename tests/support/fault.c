// See fault.h.
#include "support/fault.h"

#include <check.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

// Before each block, its size.
typedef union header {
  size_t bytes;
  max_align_t alignment;
} header;

static void release(void *context, void *block) {
  blok_fault *fault = context;
  if (!block) return;
  header *head = (header *)block - 1;
  fault->live_blocks--;
  fault->live_bytes -= head->bytes;
  free(head);
}

static void *reallocate(void *context, void *block, size_t bytes) {
  blok_fault *fault = context;
  fault->calls++;
  bool fails = fault->fail_at && (fault->calls == fault->fail_at ||
                                  (fault->fail_after && fault->calls > fault->fail_at));
  if (fails || bytes > SIZE_MAX - sizeof(header)) return NULL;
  // A new place every time, so that a pointer kept across a growth is caught.
  header *head = malloc(sizeof *head + bytes);
  if (!head) return NULL;
  head->bytes = bytes;
  memset(head + 1, 0xa5, bytes);
  fault->live_blocks++;
  fault->live_bytes += bytes;
  if (fault->live_bytes > fault->peak_bytes) fault->peak_bytes = fault->live_bytes;
  if (block) {
    size_t old = ((header *)block - 1)->bytes;
    memcpy(head + 1, block, old < bytes ? old : bytes);
    release(context, block);
  }
  return head + 1;
}

blok_allocator blok_fault_allocator(blok_fault *fault) {
  blok_allocator allocator = {fault, reallocate, release};
  return allocator;
}

static void try_failing(blok_fault_fn fn, void *context, uint64_t k, bool after) {
  blok_fault fault = BLOK_FAULT_INIT;
  fault.fail_at = k;
  fault.fail_after = after;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = fn(context, &allocator, &error);
  ck_assert_msg(status == BLOK_E_MEMORY || status == BLOK_OK,
                "allocation %llu failed: status %d (%s) instead of BLOK_E_MEMORY",
                (unsigned long long)k, (int)status, error.message);
  if (status != BLOK_OK) {
    ck_assert_msg(error.message[0] != '\0', "allocation %llu failed without a message",
                  (unsigned long long)k);
  }
  ck_assert_msg(fault.live_blocks == 0, "allocation %llu failed: %llu blocks leaked",
                (unsigned long long)k, (unsigned long long)fault.live_blocks);
}

// Sanitizers make a run up to a hundred times as slow: of a long sweep they see the first
// allocations, and then every seventh. Without them every one fails.
static uint64_t step_after(uint64_t k) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return k < 200 ? 1 : 7;
#else
  (void)k;
  return 1;
#endif
}

uint64_t blok_fault_sweep(blok_fault_fn fn, void *context) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = fn(context, &allocator, &error);
  ck_assert_msg(status == BLOK_OK, "without a failure: %s", error.message);
  ck_assert_msg(fault.live_blocks == 0, "without a failure: %llu blocks leaked",
                (unsigned long long)fault.live_blocks);
  for (uint64_t k = 1; k <= fault.calls; k += step_after(k)) {
    try_failing(fn, context, k, false);
    try_failing(fn, context, k, true);
  }
  return fault.calls;
}
