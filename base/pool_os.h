// What pool.c (work) and pool_threads.c (threads: made, slept, joined, forked) share. Nobody else
// includes this.
#ifndef BLOK_BASE_POOL_OS_H
#define BLOK_BASE_POOL_OS_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/pool.h"

// One thread sleeps until another one has changed what it looks at. The sleeper says so in asleep
// and looks once more; the other one makes its change and then looks at asleep: all of it in the
// one order of memory_order_seq_cst, so that one of the two always sees the other.
typedef struct blok_bell {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  atomic_bool asleep;
} blok_bell;

// A worker's state. Only the holder of the pool posts; worker and holder both try to change POSTED,
// one to BUSY, the other back to REST when no cell is left for the worker.
enum { BLOK_SEAT_REST, BLOK_SEAT_POSTED, BLOK_SEAT_BUSY, BLOK_SEAT_QUIT };

// The place of one thread. The first cache line is all that the holder and the worker pass one
// another in a run: where the worker spins there is also its work.
typedef struct blok_seat {
  alignas(64) atomic_uint state;
  uint32_t index;
  _Atomic uint64_t range;  // cells not begun: first in the lower half, last in the upper
  blok_cell_fn fn;
  void *context;
  uint32_t seats;  // of this run
  blok_pool *pool;
  pthread_t thread;
  alignas(64) blok_bell bell;  // the seat's thread sleeps here
} blok_seat;

struct blok_pool {
  atomic_uint references;
  blok_allocator allocator;
  uint32_t threads;  // that compute, the caller's included: number of seats
  uint32_t spins;    // looks before a thread sleeps
  blok_parallel_for_fn parallel_for;
  void *parallel_for_context;
  blok_seat *seats;  // the first is the holder's own, the others are the workers'
  uint32_t bells;    // seats whose bell is made
  // Changed only by who makes the threads, and then stores made.
  uint32_t workers;       // threads that stand, at most threads - 1
  _Atomic uint64_t made;  // in which process: twice the number of forks before; + 1: being made
  alignas(64) atomic_uintptr_t holder;  // the thread that keeps the pool; 0: nobody
  bool running;                         // the holder is inside a run; only it looks
};

// One turn of a loop that waits for another thread.
static inline void blok_spin(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

// Sleeps until *state is not value. Only one thread sleeps at a bell.
void blok_bell_sleep(blok_bell *bell, const atomic_uint *state, uint32_t value);
// After a seq_cst store to the state: wakes who sleeps for it.
void blok_bell_ring(blok_bell *bell);

// Takes cells of the run until none is left: of the seat's own range, then of the others'.
void blok_pool_work(blok_seat *seats, uint32_t count, uint32_t index, blok_cell_fn fn,
                    void *context);

// This thread, as a number that is not 0.
uintptr_t blok_pool_self(void);

// Whether the pool may be used in this process: false only while another thread makes the threads
// anew, after a fork.
bool blok_pool_ready(blok_pool *pool);

#endif  // BLOK_BASE_POOL_OS_H
