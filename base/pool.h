// Work in parallel. A step's work is cut into cells, numbered from 0, which do not depend on one
// another; a run hands each cell to one thread of a pool. See blok/pool.h for the public half.
//
// Every thread begins with a range of cells of its own, the same one for the same numbers of cells
// and threads, so that what it wrote in one step is in its cache in the next. It takes them from
// the front, a quarter of what is left at a time; who has none left takes from the ends of the
// others' ranges in the same way. So a slow cell or a thread that the system does not run holds up
// nobody for longer than what it has begun. Which thread computes a cell must not show in results.
//
// A run allocates nothing, and makes no system call but those that wait and wake.
#ifndef BLOK_BASE_POOL_H
#define BLOK_BASE_POOL_H

#include <blok/pool.h>
#include <stdbool.h>
#include <stdint.h>

// Computes the cells [first, last). worker is below the number of threads of the run, and no two
// calls at one moment have the same: it may choose scratch memory.
typedef void (*blok_cell_fn)(void *context, uint32_t first, uint32_t last, uint32_t worker);

blok_pool *blok_pool_retain(blok_pool *pool);
// With the last reference the threads end, which this call waits for. NULL is allowed.
void blok_pool_release(blok_pool *pool);

// How many threads compute, the caller's included: the limit of worker. 1 for NULL. Thread-safe.
uint32_t blok_pool_threads(const blok_pool *pool);

// Keeps the pool for this thread until blok_pool_end: for the steps of a whole run. False: another
// thread has it, or this one already; then there is nothing to end. False for NULL. Thread-safe.
BLOK_MUST_CHECK bool blok_pool_begin(blok_pool *pool);
// After a blok_pool_begin that was true, on the same thread.
void blok_pool_end(blok_pool *pool);

// Calls fn until each of the cells has been computed once, then returns: what the cells wrote is
// seen by the caller. At most threads threads take part, the caller among them as worker 0; 0 means
// as many as the pool has. The caller computes all cells in one call, as worker 0, when that number
// or cells is 1, when another thread has the pool, when this is called from inside a cell, and
// for a NULL pool. A pool that nobody has is kept for just this run. Thread-safe.
void blok_pool_run(blok_pool *pool, uint32_t threads, uint32_t cells, blok_cell_fn fn,
                   void *context);

// Processors that this process may use: its affinity mask, or the processor time that its control
// group may take per second, rounded up, if that is less. At least 1. Thread-safe.
uint32_t blok_cpu_count(void);

// The second of the two: 0 for no limit. root is put before every path that is read ("" for the
// machine's own), so that a folder can stand for the machine.
uint32_t blok_cpu_quota(const char *root);

#endif  // BLOK_BASE_POOL_H
