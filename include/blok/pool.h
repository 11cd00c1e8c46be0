// A pool: the threads that compute.
//
// One pool is enough for a program: sessions share it. While a session runs on a pool, another
// session that runs on it at the same moment computes on its own thread alone; nobody waits for
// anybody. What a model computes has the same bits whatever the number of threads.
//
// Between the steps of a run the pool's threads spin for about a tenth of a millisecond, then they
// sleep; between runs they sleep. A fork copies no threads: in the child, the pool makes its own
// when it is first used there. A child may not be forked from inside parallel_for.
#ifndef BLOK_POOL_H
#define BLOK_POOL_H

#include <blok/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct blok_pool blok_pool;

// A pool has at most this many threads.
#define BLOK_POOL_MOST_THREADS 1024

// The caller's own way to compute in parallel: calls task(task_context, index) once for each index
// below count, on any threads, in any order or at once, and returns when all of them have returned.
typedef void (*blok_parallel_for_fn)(void *context, uint32_t count,
                                     void (*task)(void *task_context, uint32_t index),
                                     void *task_context);

typedef struct blok_pool_options {
  uint32_t struct_size;
  // Threads that compute, the one that calls run included. 0: one for each processor that this
  // process may use, by its affinity mask and its control group's quota; then fewer are made when
  // the machine refuses more.
  uint32_t threads;
  const blok_allocator *allocator;    // NULL: malloc
  blok_parallel_for_fn parallel_for;  // NULL: the pool makes threads; else it makes none
  void *parallel_for_context;
} blok_pool_options;

#define BLOK_POOL_OPTIONS_INIT \
  { sizeof(blok_pool_options), 0, NULL, NULL, NULL }

// Makes a pool and its threads, one less than the number of threads that compute. NULL options are
// the defaults. BLOK_E_ARGUMENT: more than BLOK_POOL_MOST_THREADS; BLOK_E_MEMORY: no memory, or the
// machine refuses a thread of the number asked for; *out is NULL then and no thread is left.
// Thread-safe.
BLOK_API BLOK_MUST_CHECK blok_status blok_pool_new(const blok_pool_options *options,
                                                   blok_pool **out, blok_error *error);

// Gives the pool up and sets *pool to NULL; NULL is allowed. Its threads end with the last session
// that was made with it. Not from inside parallel_for.
BLOK_API void blok_pool_free(blok_pool **pool);

// How many threads compute, the caller's included; 1 for NULL. Thread-safe.
BLOK_API uint32_t blok_pool_thread_count(const blok_pool *pool);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_POOL_H
