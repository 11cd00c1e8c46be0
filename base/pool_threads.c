// The threads of a pool: made, sleeping, ended, and made again in a forked child. See pool_os.h.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/pool_os.h"
#include "base/size.h"

// About a tenth of a millisecond: one look with its pause takes 10 to 45 ns.
#define SPINS 4096
// With more threads than processors, who spins keeps others from working.
#define SPINS_CROWDED 32

// ---- Sleeping -----------------------------------------------------------------------------------

static bool bell_init(blok_bell *bell) {
  if (pthread_mutex_init(&bell->mutex, NULL) != 0) return false;
  if (pthread_cond_init(&bell->changed, NULL) != 0) {
    (void)pthread_mutex_destroy(&bell->mutex);
    return false;
  }
  atomic_init(&bell->asleep, false);
  return true;
}

static void bell_destroy(blok_bell *bell) {
  (void)pthread_cond_destroy(&bell->changed);
  (void)pthread_mutex_destroy(&bell->mutex);
}

void blok_bell_sleep(blok_bell *bell, const atomic_uint *state, uint32_t value) {
  (void)pthread_mutex_lock(&bell->mutex);
  atomic_store(&bell->asleep, true);
  while (atomic_load(state) == value) (void)pthread_cond_wait(&bell->changed, &bell->mutex);
  atomic_store(&bell->asleep, false);
  (void)pthread_mutex_unlock(&bell->mutex);
}

void blok_bell_ring(blok_bell *bell) {
  if (!atomic_load(&bell->asleep)) return;
  (void)pthread_mutex_lock(&bell->mutex);  // who has said so has begun to wait
  (void)pthread_mutex_unlock(&bell->mutex);
  (void)pthread_cond_signal(&bell->changed);
}

// ---- A worker -----------------------------------------------------------------------------------

// True: the seat is BUSY, with a run in it. False: the pool ends.
static bool wait_for_work(blok_seat *seat, uint32_t spins) {
  for (;;) {
    for (uint32_t i = 0; i < spins; i++) {
      unsigned state = atomic_load_explicit(&seat->state, memory_order_relaxed);
      if (state == BLOK_SEAT_QUIT) return false;
      if (state == BLOK_SEAT_POSTED) {
        if (atomic_compare_exchange_strong(&seat->state, &state, BLOK_SEAT_BUSY)) return true;
        i = 0;  // taken back: the next one comes soon
      }
      blok_spin();
    }
    blok_bell_sleep(&seat->bell, &seat->state, BLOK_SEAT_REST);
  }
}

static void *work(void *argument) {
  blok_seat *seat = argument;
  blok_pool *pool = seat->pool;
#ifdef __linux__
  char name[16];
  (void)snprintf(name, sizeof name, "blok-%u", (unsigned)seat->index);
  (void)pthread_setname_np(pthread_self(), name);
#endif
  while (wait_for_work(seat, pool->spins)) {
    blok_pool_work(pool->seats, seat->seats, seat->index, seat->fn, seat->context);
    atomic_store(&seat->state, BLOK_SEAT_REST);
    blok_bell_ring(&pool->seats[0].bell);
  }
  return NULL;
}

// The host's signals are for its own threads; only what a thread does itself reaches ours, and a
// profiler's clock.
static void choose_signals(sigset_t *blocked) {
  static const int let_through[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                                    SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
  (void)sigfillset(blocked);
  for (size_t i = 0; i < sizeof let_through / sizeof *let_through; i++) {
    (void)sigdelset(blocked, let_through[i]);
  }
}

// Makes the threads of the seats but the first, as many as the system gives; its errno value.
static int start_workers(blok_pool *pool) {
  sigset_t blocked, before;
  choose_signals(&blocked);
  int failed = pthread_sigmask(SIG_SETMASK, &blocked, &before);
  if (failed) return failed;
  for (uint32_t i = 1; i < pool->threads && !failed; i++) {
    blok_seat *seat = &pool->seats[i];
    failed = pthread_create(&seat->thread, NULL, work, seat);
    if (!failed) pool->workers = i;
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return failed;
}

static void stop_workers(blok_pool *pool) {
  for (uint32_t i = 1; i <= pool->workers; i++) {
    atomic_store(&pool->seats[i].state, BLOK_SEAT_QUIT);
    blok_bell_ring(&pool->seats[i].bell);
  }
  for (uint32_t i = 1; i <= pool->workers; i++) {
    (void)pthread_join(pool->seats[i].thread, NULL);
  }
  pool->workers = 0;
}

uintptr_t blok_pool_self(void) { return (uintptr_t)pthread_self(); }

// ---- After a fork -------------------------------------------------------------------------------
//
// The child has a copy of the pool's memory, as it was at that moment, and one thread: the one that
// forked. A handler counts the forks; a pool made under another count than now's has no threads.

static atomic_uint forks;
static atomic_uintptr_t forked_by;  // the thread that lives on in this process
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_failed;

static void count_fork(void) {
  atomic_store(&forked_by, blok_pool_self());
  atomic_fetch_add(&forks, 1);
}

static void watch_forks(void) { once_failed = pthread_atfork(NULL, NULL, count_fork); }

static uint64_t made_now(void) { return (uint64_t)atomic_load(&forks) * 2; }

static bool make_bells(blok_pool *pool) {
  for (pool->bells = 0; pool->bells < pool->threads; pool->bells++) {
    if (!bell_init(&pool->seats[pool->bells].bell)) return false;
  }
  return true;
}

// Seats, bells and threads as if nothing had been run yet. Locks that were copied may be locked by
// threads that are not here: they are made anew, not destroyed. With fewer threads than wanted,
// or none, the pool works as well.
static void make_again(blok_pool *pool) {
  if (atomic_load(&pool->holder) != atomic_load(&forked_by)) {
    atomic_store(&pool->holder, 0);
    pool->running = false;
  }
  pool->workers = 0;
  for (uint32_t i = 0; i < pool->threads; i++) {
    atomic_store(&pool->seats[i].state, BLOK_SEAT_REST);
  }
  if (make_bells(pool) && !pool->parallel_for) (void)start_workers(pool);
}

bool blok_pool_ready(blok_pool *pool) {
  uint64_t now = made_now();
  uint64_t made = atomic_load_explicit(&pool->made, memory_order_acquire);
  if (made == now) return true;
  if (made == now + 1) return false;
  if (!atomic_compare_exchange_strong(&pool->made, &made, now + 1)) return made == now;
  make_again(pool);
  atomic_store_explicit(&pool->made, now, memory_order_release);
  return true;
}

// ---- Making and freeing -------------------------------------------------------------------------

static void destroy(blok_pool *pool) {
  blok_allocator allocator = pool->allocator;
  if (atomic_load(&pool->made) == made_now()) {  // else nothing of it is this process's
    stop_workers(pool);
    for (uint32_t i = 0; i < pool->bells; i++) bell_destroy(&pool->seats[i].bell);
  }
  blok_free_aligned(&allocator, pool->seats);
  blok_free_aligned(&allocator, pool);
}

blok_pool *blok_pool_retain(blok_pool *pool) {
  atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
  return pool;
}

void blok_pool_release(blok_pool *pool) {
  if (!pool) return;
  if (atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel) == 1) destroy(pool);
}

static blok_status make_seats(blok_pool *pool, blok_error *error) {
  size_t bytes;
  if (!blok_mul_size(pool->threads, sizeof *pool->seats, &bytes)) {
    return blok_fail_memory(error, SIZE_MAX);
  }
  pool->seats = blok_alloc_aligned(&pool->allocator, bytes);
  if (!pool->seats) return blok_fail_memory(error, bytes);
  memset(pool->seats, 0, bytes);
  for (uint32_t i = 0; i < pool->threads; i++) {
    pool->seats[i].index = i;
    pool->seats[i].pool = pool;
  }
  return make_bells(pool) ? BLOK_OK : blok_fail_memory(error, 0);
}

static blok_status make_threads(blok_pool *pool, bool exactly, blok_error *error) {
  if (pool->parallel_for || start_workers(pool) == 0) return BLOK_OK;
  if (exactly) {
    return BLOK_FAIL(error, BLOK_E_MEMORY,
                     "the system gives this process %u more threads, not the %u that a pool of %u "
                     "needs: ask for fewer, or for 0 to take what there is",
                     (unsigned)pool->workers, (unsigned)pool->threads - 1, (unsigned)pool->threads);
  }
  pool->threads = pool->workers + 1;
  return BLOK_OK;
}

static blok_status take_options(const blok_pool_options *given, blok_pool_options *options,
                                blok_error *error) {
  if (!given) return BLOK_OK;
  uint32_t size = given->struct_size;
  if (size < sizeof size) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "blok_pool_options: struct_size is %u: begin with its _INIT macro",
                     (unsigned)size);
  }
  memcpy(options, given, size < sizeof *options ? size : sizeof *options);
  if (options->threads > BLOK_POOL_MOST_THREADS) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "a pool of %u threads was asked for: the most is %u",
                     (unsigned)options->threads, (unsigned)BLOK_POOL_MOST_THREADS);
  }
  return BLOK_OK;
}

blok_status blok_pool_new(const blok_pool_options *given, blok_pool **out, blok_error *error) {
  blok_error_clear(error);
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_pool_new: out is NULL");
  *out = NULL;
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  BLOK_TRY(take_options(given, &options, error));
  (void)pthread_once(&once, watch_forks);
  if (once_failed) return blok_fail_memory(error, 0);
  const blok_allocator *allocator = blok_allocator_or_default(options.allocator);
  blok_pool *pool = blok_alloc_aligned(allocator, sizeof *pool);
  if (!pool) return blok_fail_memory(error, sizeof *pool);
  memset(pool, 0, sizeof *pool);
  atomic_init(&pool->references, 1);
  atomic_init(&pool->made, made_now());
  pool->allocator = *allocator;
  pool->parallel_for = options.parallel_for;
  pool->parallel_for_context = options.parallel_for_context;
  uint32_t processors = blok_cpu_count();
  pool->threads = options.threads ? options.threads : processors;
  if (pool->threads > BLOK_POOL_MOST_THREADS) pool->threads = BLOK_POOL_MOST_THREADS;
  pool->spins = pool->threads > processors ? SPINS_CROWDED : SPINS;

  blok_status status;
  BLOK_TRY_TO(fail, make_seats(pool, error));
  BLOK_TRY_TO(fail, make_threads(pool, options.threads != 0, error));
  *out = pool;
  return BLOK_OK;

fail:
  destroy(pool);
  return status;
}

void blok_pool_free(blok_pool **handle) {
  if (!handle) return;
  blok_pool_release(*handle);
  *handle = NULL;
}

uint32_t blok_pool_thread_count(const blok_pool *pool) { return blok_pool_threads(pool); }
