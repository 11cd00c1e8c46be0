// Handing out cells, and the life of a run. See pool.h; the threads are in pool_threads.c.
#include "base/pool.h"

#include "base/pool_os.h"

// ---- Cells --------------------------------------------------------------------------------------

static uint64_t pack(uint32_t first, uint32_t last) { return (uint64_t)last << 32 | first; }

// Takes a quarter of what is left in a range, from its front or its end. A range only shrinks
// during a run, and its value is all there is of it, so comparing values is enough.
static bool take(_Atomic uint64_t *range, bool front, uint32_t *first, uint32_t *last) {
  uint64_t now = atomic_load_explicit(range, memory_order_relaxed);
  for (;;) {
    uint32_t begin = (uint32_t)now, end = (uint32_t)(now >> 32);
    if (begin >= end) return false;
    uint32_t left = end - begin;
    uint32_t count = left / 4 + (left % 4 != 0);
    uint64_t rest = front ? pack(begin + count, end) : pack(begin, end - count);
    if (atomic_compare_exchange_weak_explicit(range, &now, rest, memory_order_relaxed,
                                              memory_order_relaxed)) {
      *first = front ? begin : end - count;
      *last = *first + count;
      return true;
    }
  }
}

void blok_pool_work(blok_seat *seats, uint32_t count, uint32_t index, blok_cell_fn fn,
                    void *context) {
  uint32_t first, last;
  while (take(&seats[index].range, true, &first, &last)) fn(context, first, last, index);
  for (uint32_t i = 1; i < count; i++) {
    uint32_t other = index + i < count ? index + i : index + i - count;
    while (take(&seats[other].range, false, &first, &last)) fn(context, first, last, index);
  }
}

// Each seat's range: equal parts, the first ones larger by one where they do not come out even.
static void deal(blok_seat *seats, uint32_t count, uint32_t cells) {
  uint32_t part = cells / count, more = cells % count, first = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t last = first + part + (i < more);
    atomic_store_explicit(&seats[i].range, pack(first, last), memory_order_relaxed);
    first = last;
  }
}

// ---- A run on the pool's own threads ------------------------------------------------------------

static void post(blok_seat *seat, uint32_t count, blok_cell_fn fn, void *context) {
  seat->fn = fn;
  seat->context = context;
  seat->seats = count;
  atomic_store(&seat->state, BLOK_SEAT_POSTED);
  blok_bell_ring(&seat->bell);
}

// Until the worker no longer works. One that has not begun need not: no cell is left for it.
static void collect(blok_pool *pool, blok_seat *seat) {
  unsigned state = BLOK_SEAT_POSTED;
  if (atomic_compare_exchange_strong(&seat->state, &state, BLOK_SEAT_REST)) return;
  for (uint32_t i = 0; i < pool->spins; i++) {
    if (atomic_load_explicit(&seat->state, memory_order_acquire) != BLOK_SEAT_BUSY) return;
    blok_spin();
  }
  blok_bell_sleep(&pool->seats[0].bell, &seat->state, BLOK_SEAT_BUSY);
}

static void run_on_workers(blok_pool *pool, uint32_t count, blok_cell_fn fn, void *context) {
  for (uint32_t i = 1; i < count; i++) post(&pool->seats[i], count, fn, context);
  blok_pool_work(pool->seats, count, 0, fn, context);
  for (uint32_t i = 1; i < count; i++) collect(pool, &pool->seats[i]);
}

// ---- A run on the caller's threads --------------------------------------------------------------

typedef struct outside_run {
  blok_seat *seats;
  uint32_t count;
  blok_cell_fn fn;
  void *context;
} outside_run;

static void outside_task(void *task_context, uint32_t index) {
  const outside_run *run = task_context;
  blok_pool_work(run->seats, run->count, index, run->fn, run->context);
}

// ---- Who has the pool ---------------------------------------------------------------------------

static bool hold(blok_pool *pool) {
  uintptr_t nobody = 0;
  return atomic_compare_exchange_strong_explicit(&pool->holder, &nobody, blok_pool_self(),
                                                 memory_order_acquire, memory_order_relaxed);
}

bool blok_pool_begin(blok_pool *pool) { return pool && blok_pool_ready(pool) && hold(pool); }

void blok_pool_end(blok_pool *pool) {
  // In a forked child another thread may have it by now, when this one never used it there.
  uintptr_t self = blok_pool_self();
  (void)atomic_compare_exchange_strong_explicit(&pool->holder, &self, 0, memory_order_release,
                                                memory_order_relaxed);
}

uint32_t blok_pool_threads(const blok_pool *pool) { return pool ? pool->threads : 1; }

void blok_pool_run(blok_pool *pool, uint32_t threads, uint32_t cells, blok_cell_fn fn,
                   void *context) {
  if (cells == 0) return;
  uint32_t count = blok_pool_threads(pool);
  if (threads && threads < count) count = threads;
  if (cells < count) count = cells;
  bool kept = false, taken = false;
  if (count > 1 && blok_pool_ready(pool)) {
    kept = atomic_load_explicit(&pool->holder, memory_order_relaxed) == blok_pool_self();
    if (!kept) taken = hold(pool);
    if (!pool->parallel_for && (kept || taken) && count > pool->workers + 1) {
      count = pool->workers + 1;
    }
  }
  if (count == 1 || (!kept && !taken) || pool->running) {
    fn(context, 0, cells, 0);
  } else {
    pool->running = true;
    deal(pool->seats, count, cells);
    if (pool->parallel_for) {
      outside_run run = {pool->seats, count, fn, context};
      pool->parallel_for(pool->parallel_for_context, count, outside_task, &run);
    } else {
      run_on_workers(pool, count, fn, context);
    }
    pool->running = false;
  }
  if (taken) blok_pool_end(pool);
}
