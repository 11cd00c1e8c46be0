// The pool: every cell once, whoever asks, and no thread left behind. What it says of the machine.
#define _XOPEN_SOURCE 700
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/pool.h"
#include "support/fault.h"
#include "support/folder.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#endif

#define MOST_CELLS   3000
#define MOST_THREADS 16

// What one run did. ordinary counts the cells without atomics: the pool alone must order them.
typedef struct record {
  atomic_uint times[MOST_CELLS];
  atomic_bool inside[MOST_THREADS];  // a worker of that number computes
  atomic_uint shared;                // two at once had one number, or a number was too large
  uint32_t threads;
  uint32_t ordinary[MOST_CELLS];
  atomic_uint calls;
} record;

static void count_cells(void *context, uint32_t first, uint32_t last, uint32_t worker) {
  record *seen = context;
  atomic_fetch_add(&seen->calls, 1);
  if (worker >= seen->threads || atomic_exchange(&seen->inside[worker], true)) {
    atomic_fetch_add(&seen->shared, 1);
    return;
  }
  for (uint32_t i = first; i < last; i++) {
    atomic_fetch_add(&seen->times[i], 1);
    seen->ordinary[i]++;
  }
  atomic_store(&seen->inside[worker], false);
}

// Asserting nothing, so that children and other threads may call it.
static bool is_right(const record *seen, uint32_t cells, uint32_t runs) {
  bool right = atomic_load(&seen->shared) == 0;
  for (uint32_t i = 0; i < MOST_CELLS; i++) {
    uint32_t wanted = i < cells ? runs : 0;
    right = right && atomic_load(&seen->times[i]) == wanted && seen->ordinary[i] == wanted;
  }
  return right;
}

static blok_pool *new_pool(uint32_t threads) {
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  options.threads = threads;
  blok_pool *pool = NULL;
  blok_error error = BLOK_ERROR_INIT;
  blok_status status = blok_pool_new(&options, &pool, &error);
  ck_assert_msg(status == BLOK_OK, "%s", error.message);
  ck_assert_uint_eq(blok_pool_thread_count(pool), threads);
  return pool;
}

static bool runs_right(blok_pool *pool, uint32_t threads, uint32_t cells, uint32_t runs) {
  static _Thread_local record seen;
  memset(&seen, 0, sizeof seen);
  uint32_t most = blok_pool_threads(pool);
  seen.threads = threads && threads < most ? threads : most;
  for (uint32_t i = 0; i < runs; i++) blok_pool_run(pool, threads, cells, count_cells, &seen);
  return is_right(&seen, cells, runs);
}

static void sleep_for(long milliseconds) {
  struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  while (nanosleep(&time, &time) != 0) {
  }
}

// ---- Runs ---------------------------------------------------------------------------------------

START_TEST(pool__computes_every_cell_once_for_any_number_of_cells_and_threads) {
  static const uint32_t cells[] = {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 100, 257, 2999};
  for (uint32_t threads = 1; threads <= MOST_THREADS; threads++) {
    blok_pool *pool = new_pool(threads);
    bool held = threads % 2 == 0;
    if (held) ck_assert(blok_pool_begin(pool));
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
      ck_assert(runs_right(pool, threads, cells[i], 3));
      ck_assert(runs_right(pool, threads / 2, cells[i], 2));
      ck_assert(runs_right(pool, 2 * threads, cells[i], 1));
    }
    if (held) blok_pool_end(pool);
    blok_pool_free(&pool);
    ck_assert_ptr_null(pool);
  }
}
END_TEST

START_TEST(pool__gives_what_one_run_wrote_to_the_next) {
  blok_pool *pool = new_pool(4);
  ck_assert(blok_pool_begin(pool));
  for (uint32_t round = 0; round < 200; round++) ck_assert(runs_right(pool, 0, 64, 20));
  blok_pool_end(pool);
  blok_pool_free(&pool);
}
END_TEST

START_TEST(pool__computes_alone_in_one_call_when_there_is_one_thread_or_cell_or_no_pool) {
  static record seen;
  seen.threads = 1;
  blok_pool *pool = new_pool(3);
  blok_pool_run(NULL, 8, 100, count_cells, &seen);
  blok_pool_run(pool, 1, 100, count_cells, &seen);
  ck_assert(is_right(&seen, 100, 2));
  blok_pool_run(pool, 3, 1, count_cells, &seen);
  ck_assert_uint_eq(atomic_load(&seen.calls), 3);
  ck_assert(!blok_pool_begin(NULL));
  ck_assert_uint_eq(blok_pool_threads(NULL), 1);
  ck_assert_uint_eq(blok_pool_thread_count(NULL), 1);
  blok_pool_free(&pool);
  blok_pool_free(&pool);
  blok_pool_free(NULL);
}
END_TEST

// The first cell waits until another thread has come: it never does when the pool has but one.
typedef struct meeting {
  atomic_uint came, left;
  atomic_bool met;
} meeting;

static void meet(void *context, uint32_t first, uint32_t last, uint32_t worker) {
  (void)first;
  (void)last;
  meeting *here = context;
  atomic_fetch_add(&here->came, 1);
  for (int i = 0; i < 5000 && atomic_load(&here->came) < 2; i++) sleep_for(1);
  if (atomic_load(&here->came) >= 2) atomic_store(&here->met, true);
  if (worker != 0) sleep_for(3);  // the caller waits, and falls asleep over it
  atomic_fetch_add(&here->left, 1);
}

START_TEST(pool__wakes_threads_that_sleep_and_waits_for_them) {
  blok_pool *pool = new_pool(2);
  for (int i = 0; i < 20; i++) {
    meeting here = {0, 0, false};
    sleep_for(5);
    blok_pool_run(pool, 2, 2, meet, &here);
    ck_assert(atomic_load(&here.met));
    ck_assert_uint_eq(atomic_load(&here.left), 2);
  }
  blok_pool_free(&pool);
}
END_TEST

// The first cell takes long; who computes the others is noted.
typedef struct uneven {
  atomic_uint others;  // finished of the cells behind the first
  atomic_bool all_seen;
} uneven;

static void compute_unevenly(void *context, uint32_t first, uint32_t last, uint32_t worker) {
  (void)worker;
  uneven *cells = context;
  if (first != 0) {
    atomic_fetch_add(&cells->others, last - first);
    return;
  }
  for (int i = 0; i < 5000 && atomic_load(&cells->others) < 64 - last; i++) sleep_for(1);
  if (atomic_load(&cells->others) == 64 - last) atomic_store(&cells->all_seen, true);
}

START_TEST(pool__takes_the_cells_of_a_thread_that_is_held_up) {
  blok_pool *pool = new_pool(2);
  uneven cells = {0, false};
  blok_pool_run(pool, 2, 64, compute_unevenly, &cells);
  ck_assert(atomic_load(&cells.all_seen));
  blok_pool_free(&pool);
}
END_TEST

typedef struct nest {
  blok_pool *pool;
  atomic_uint cells;
  atomic_uint strangers;  // inner calls for another worker than 0
} nest;

static void inner_cells(void *context, uint32_t first, uint32_t last, uint32_t worker) {
  nest *both = context;
  atomic_fetch_add(&both->cells, last - first);
  if (worker != 0) atomic_fetch_add(&both->strangers, 1);
}

static void outer_cells(void *context, uint32_t first, uint32_t last, uint32_t worker) {
  (void)worker;
  nest *both = context;
  for (uint32_t i = first; i < last; i++) blok_pool_run(both->pool, 4, 10, inner_cells, both);
  if (blok_pool_begin(both->pool)) atomic_fetch_add(&both->strangers, 1);
}

START_TEST(pool__computes_alone_inside_a_cell) {
  nest both = {new_pool(4), 0, 0};
  for (int held = 0; held < 2; held++) {
    atomic_store(&both.cells, 0);
    if (held) ck_assert(blok_pool_begin(both.pool));
    blok_pool_run(both.pool, 4, 50, outer_cells, &both);
    if (held) blok_pool_end(both.pool);
    ck_assert_uint_eq(atomic_load(&both.cells), 500);
    ck_assert_uint_eq(atomic_load(&both.strangers), 0);
  }
  blok_pool_free(&both.pool);
}
END_TEST

// ---- Several callers ----------------------------------------------------------------------------

// Gives the pool back when all went well.
static void *use_pool(void *argument) {
  blok_pool *pool = argument;
  bool right = true;
  for (uint32_t i = 0; i < 40; i++) {
    bool held = i % 3 && blok_pool_begin(pool);
    right = runs_right(pool, 0, 1 + i * 7, 5) && right;
    if (held) blok_pool_end(pool);
  }
  return right ? pool : NULL;
}

START_TEST(pool__serves_four_threads_at_once) {
  blok_pool *pool = new_pool(3);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    ck_assert_int_eq(pthread_create(&threads[i], NULL, use_pool, pool), 0);
  }
  for (int i = 0; i < 4; i++) {
    void *result = NULL;
    ck_assert_int_eq(pthread_join(threads[i], &result), 0);
    ck_assert_ptr_eq(result, pool);
  }
  blok_pool_free(&pool);
}
END_TEST

// Gives the pool back when it was not to be had, and the cells were computed here all the same.
static void *try_pool(void *argument) {
  blok_pool *pool = argument;
  static record seen;
  seen.threads = 1;
  if (blok_pool_begin(pool)) return NULL;
  blok_pool_run(pool, 3, 30, count_cells, &seen);
  return is_right(&seen, 30, 1) && atomic_load(&seen.calls) == 1 ? pool : NULL;
}

START_TEST(pool__is_one_threads_from_begin_to_end) {
  blok_pool *pool = new_pool(3);
  ck_assert(blok_pool_begin(pool));
  ck_assert(!blok_pool_begin(pool));
  pthread_t other;
  void *result = NULL;
  ck_assert_int_eq(pthread_create(&other, NULL, try_pool, pool), 0);
  ck_assert_int_eq(pthread_join(other, &result), 0);
  ck_assert_ptr_eq(result, pool);
  meeting here = {0, 0, false};
  blok_pool_run(pool, 2, 2, meet, &here);  // still with its threads
  ck_assert(atomic_load(&here.met));
  blok_pool_end(pool);
  ck_assert(blok_pool_begin(pool));
  blok_pool_end(pool);
  blok_pool_free(&pool);
}
END_TEST

// ---- Life ---------------------------------------------------------------------------------------

START_TEST(pool__ends_its_threads_whether_they_spin_or_sleep) {
  for (int i = 0; i < 50; i++) {
    blok_pool *pool = new_pool(5);
    if (i % 2) ck_assert(runs_right(pool, 0, 20, 1));
    if (i % 5 == 0) sleep_for(3);
    blok_pool_free(&pool);
  }
}
END_TEST

START_TEST(pool__lives_until_its_last_reference) {
  blok_fault fault = BLOK_FAULT_INIT;
  blok_allocator allocator = blok_fault_allocator(&fault);
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  options.threads = 2;
  options.allocator = &allocator;
  blok_pool *pool = NULL;
  ck_assert_int_eq(blok_pool_new(&options, &pool, NULL), BLOK_OK);
  blok_pool *kept = blok_pool_retain(pool);
  blok_pool_free(&pool);
  uint64_t calls = fault.calls;
  ck_assert(runs_right(kept, 0, 40, 3));
  ck_assert_uint_eq(fault.calls, calls);
  blok_pool_release(kept);
  blok_pool_release(NULL);
  ck_assert_uint_eq(fault.live_blocks, 0);
}
END_TEST

static blok_status make_pool(void *context, const blok_allocator *allocator, blok_error *error) {
  (void)context;
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  options.threads = 3;
  options.allocator = allocator;
  blok_pool *pool = NULL;
  blok_status status = blok_pool_new(&options, &pool, error);
  ck_assert((status == BLOK_OK) == (pool != NULL));
  if (pool) ck_assert(runs_right(pool, 0, 9, 1));
  blok_pool_free(&pool);
  return status;
}

START_TEST(pool__says_so_when_memory_fails) {
  ck_assert_uint_eq(blok_fault_sweep(make_pool, NULL), 2);
}
END_TEST

START_TEST(pool__refuses_options_that_are_none_and_too_many_threads) {
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  blok_pool *pool = NULL;
  blok_error error = BLOK_ERROR_INIT;
  options.threads = BLOK_POOL_MOST_THREADS + 1;
  ck_assert_int_eq(blok_pool_new(&options, &pool, &error), BLOK_E_ARGUMENT);
  ck_assert_ptr_null(pool);
  ck_assert_ptr_nonnull(strstr(error.message, "1025"));
  ck_assert_ptr_nonnull(strstr(error.message, "1024"));
  options.struct_size = 0;
  ck_assert_int_eq(blok_pool_new(&options, &pool, &error), BLOK_E_ARGUMENT);
  ck_assert_ptr_nonnull(strstr(error.message, "struct_size"));
  ck_assert_int_eq(blok_pool_new(NULL, NULL, &error), BLOK_E_ARGUMENT);
  options.struct_size = sizeof options.struct_size;  // of a version without the other fields
  ck_assert_int_eq(blok_pool_new(&options, &pool, &error), BLOK_OK);
  ck_assert_uint_eq(blok_pool_thread_count(pool), blok_cpu_count());
  blok_pool_free(&pool);
}
END_TEST

#ifndef SANITIZED
// qemu-user keeps no limit of address space, and a child that is forked beside threads may hang in
// it.
static bool is_emulated(const char *what) {
  if (!getenv("BLOK_TEST_EMULATED")) return false;
  printf("skipped: pool %s, because an emulator does it in its own way\n", what);
  return true;
}

// Leaves this process address space for a megabyte more: no room for the stacks of threads.
static void forbid_threads(void) {
  FILE *file = fopen("/proc/self/statm", "r");
  ck_assert_ptr_nonnull(file);
  unsigned long pages = 0;
  ck_assert_int_eq(fscanf(file, "%lu", &pages), 1);
  ck_assert_int_eq(fclose(file), 0);
  rlim_t bytes = (rlim_t)(pages + 256) * (rlim_t)sysconf(_SC_PAGESIZE);
  struct rlimit limit = {bytes, bytes};
  ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}
#endif

START_TEST(pool__says_so_when_the_system_refuses_threads_or_takes_what_there_is) {
#ifdef SANITIZED
  puts("skipped: pool without threads, because sanitizers need address space");
#else
  if (is_emulated("without threads")) return;
  forbid_threads();
  blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
  options.threads = 8;
  blok_pool *pool = NULL;
  blok_error error = BLOK_ERROR_INIT;
  ck_assert_int_eq(blok_pool_new(&options, &pool, &error), BLOK_E_MEMORY);
  ck_assert_ptr_null(pool);
  ck_assert_ptr_nonnull(strstr(error.message, "7"));
  options.threads = 0;
  ck_assert_int_eq(blok_pool_new(&options, &pool, &error), BLOK_OK);
  ck_assert(runs_right(pool, 0, 100, 2));
  blok_pool_free(&pool);
#endif
}
END_TEST

// ---- Forks --------------------------------------------------------------------------------------

#ifndef SANITIZED
static void expect_child(pid_t child) {
  int status = 0;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status));
  ck_assert_int_eq(WEXITSTATUS(status), 0);
}

// In a child: 0 when two threads compute.
static int child_result(blok_pool *pool) {
  (void)signal(SIGALRM, SIG_DFL);
  (void)alarm(20);
  meeting here = {0, 0, false};
  blok_pool_run(pool, 2, 2, meet, &here);
  return runs_right(pool, 0, 100, 3) && atomic_load(&here.met) ? 0 : 1;
}

typedef struct runner {
  blok_pool *pool;
  atomic_bool stop, wrong;
} runner;

static void *keep_running(void *argument) {
  runner *own = argument;
  while (!atomic_load(&own->stop)) {
    if (!use_pool(own->pool)) atomic_store(&own->wrong, true);
  }
  return NULL;
}
#endif

START_TEST(pool__makes_its_own_threads_in_a_forked_child) {
#ifdef SANITIZED
  puts("skipped: pool after a fork, because sanitizers lose their locks in it");
#else
  blok_pool *pool = new_pool(3);
  ck_assert(runs_right(pool, 0, 50, 1));
  for (int held = 0; held < 2; held++) {
    if (held) ck_assert(blok_pool_begin(pool));
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
      int result = child_result(pool);
      pid_t grandchild = fork();
      if (grandchild == 0) _exit(child_result(pool));
      int status = 1;
      if (waitpid(grandchild, &status, 0) != grandchild || status != 0) result = 2;
      if (held) blok_pool_end(pool);
      if (!blok_pool_begin(pool)) result = 3;
      blok_pool_end(pool);
      blok_pool_free(&pool);
      _exit(result);
    }
    expect_child(child);
    ck_assert(runs_right(pool, 0, 50, 2));
    if (held) blok_pool_end(pool);
  }
  blok_pool_free(&pool);
#endif
}
END_TEST

START_TEST(pool__is_free_in_a_child_that_was_forked_while_others_ran) {
#ifndef SANITIZED
  if (is_emulated("after a fork")) return;
  runner own = {new_pool(3), false, false};
  pthread_t other;
  ck_assert_int_eq(pthread_create(&other, NULL, keep_running, &own), 0);
  for (int i = 0; i < 40; i++) {
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
      int result = i % 4 ? child_result(own.pool) : 0;  // and one that never uses it
      blok_pool_free(&own.pool);
      _exit(result);
    }
    expect_child(child);
  }
  atomic_store(&own.stop, true);
  ck_assert_int_eq(pthread_join(other, NULL), 0);
  ck_assert(!atomic_load(&own.wrong));
  blok_pool_free(&own.pool);
#endif
}
END_TEST

// ---- The caller's threads -----------------------------------------------------------------------

typedef struct outside {
  int order;  // 0: from the first; 1: from the last; 2: a thread for each
  atomic_uint calls;
} outside;

typedef struct outside_call {
  void (*task)(void *task_context, uint32_t index);
  void *task_context;
  uint32_t index;
} outside_call;

static void *call_task(void *argument) {
  outside_call *call = argument;
  call->task(call->task_context, call->index);
  return NULL;
}

static void parallel_for(void *context, uint32_t count,
                         void (*task)(void *task_context, uint32_t index), void *task_context) {
  outside *own = context;
  atomic_fetch_add(&own->calls, 1);
  if (own->order < 2) {
    for (uint32_t i = 0; i < count; i++) task(task_context, own->order ? count - 1 - i : i);
    return;
  }
  pthread_t threads[MOST_THREADS];
  outside_call calls[MOST_THREADS];
  ck_assert_uint_le(count, MOST_THREADS);
  for (uint32_t i = 0; i < count; i++) {
    calls[i] = (outside_call){task, task_context, i};
    ck_assert_int_eq(pthread_create(&threads[i], NULL, call_task, &calls[i]), 0);
  }
  for (uint32_t i = 0; i < count; i++) ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

START_TEST(pool__computes_on_the_callers_threads) {
  for (int order = 0; order < 3; order++) {
    outside own = {order, 0};
    blok_pool_options options = BLOK_POOL_OPTIONS_INIT;
    options.threads = 6;
    options.parallel_for = parallel_for;
    options.parallel_for_context = &own;
    blok_pool *pool = NULL;
    ck_assert_int_eq(blok_pool_new(&options, &pool, NULL), BLOK_OK);
    ck_assert_uint_eq(blok_pool_thread_count(pool), 6);
    ck_assert(runs_right(pool, 0, 100, 4));
    ck_assert(runs_right(pool, 3, 2, 1));
    ck_assert(runs_right(pool, 6, 1, 1));
    ck_assert_uint_eq(atomic_load(&own.calls), 5);
    nest both = {pool, 0, 0};
    blok_pool_run(pool, 4, 50, outer_cells, &both);
    ck_assert_uint_eq(atomic_load(&both.cells), 500);
    ck_assert_uint_eq(atomic_load(&both.strangers), 0);
    ck_assert_uint_eq(atomic_load(&own.calls), 6);
    blok_pool_free(&pool);
  }
}
END_TEST

// ---- Processors ---------------------------------------------------------------------------------

START_TEST(pool__default_has_a_thread_for_each_processor) {
  uint32_t processors = blok_cpu_count();
  ck_assert_uint_ge(processors, 1);
  ck_assert_int_le((long)processors, sysconf(_SC_NPROCESSORS_CONF));
  blok_pool *pool = NULL;
  ck_assert_int_eq(blok_pool_new(NULL, &pool, NULL), BLOK_OK);
  ck_assert_uint_eq(blok_pool_thread_count(pool), processors);
  blok_pool_free(&pool);
}
END_TEST

// A folder that stands for the machine.
static void put(const blok_test_folder *machine, const char *path, const char *text) {
  char whole[512];
  (void)snprintf(whole, sizeof whole, "%s%s", machine->path, path);
  for (char *slash = whole + strlen(machine->path) + 1; (slash = strchr(slash, '/')); slash++) {
    *slash = '\0';
    (void)mkdir(whole, 0700);
    *slash = '/';
  }
  blok_test_write(whole, text, strlen(text));
}

START_TEST(pool__quota_is_the_least_of_the_groups_above_in_version_2) {
  blok_test_folder machine;
  blok_test_folder_make(&machine);
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 0);
  put(&machine, "/proc/self/mountinfo",
      "21 1 8:1 / / rw,relatime - ext4 /dev/root rw\n"
      "31 23 0:28 / /groups rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
  put(&machine, "/proc/self/cgroup", "0::/a/b\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 0);
  put(&machine, "/groups/a/b/cpu.max", "max 100000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 0);
  put(&machine, "/groups/a/cpu.max", "250000 100000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 3);
  put(&machine, "/groups/a/b/cpu.max", "50000 100000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 1);
  put(&machine, "/groups/a/b/cpu.max", "900000 100000\n");
  put(&machine, "/groups/cpu.max", "200000 100000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 2);
  // A container's mount, which begins at its own group.
  put(&machine, "/proc/self/mountinfo", "31 23 0:28 /a /groups rw - cgroup2 cgroup2 rw\n");
  put(&machine, "/proc/self/cgroup", "0::/a\n");
  put(&machine, "/groups/cpu.max", "400000 100000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 4);
  put(&machine, "/groups/cpu.max", "nonsense");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 0);
  put(&machine, "/groups/cpu.max", "400000 0\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 0);
  blok_test_folder_remove(&machine);
}
END_TEST

START_TEST(pool__quota_is_that_of_the_controller_cpu_in_version_1) {
  blok_test_folder machine;
  blok_test_folder_make(&machine);
  put(&machine, "/proc/self/mountinfo",
      "30 23 0:27 / /groups/set rw - cgroup cgroup rw,cpuset\n"
      "31 23 0:28 / /groups/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
      "32 23 0:29 / /groups/two rw - cgroup2 cgroup2 rw\n");
  put(&machine, "/proc/self/cgroup", "3:cpuset:/x\n2:cpuacct,cpu:/own\n0::/\n");
  put(&machine, "/groups/set/x/cpu.cfs_quota_us", "100000\n");
  put(&machine, "/groups/set/x/cpu.cfs_period_us", "100000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 0);
  put(&machine, "/groups/cpu/own/cpu.cfs_quota_us", "-1\n");
  put(&machine, "/groups/cpu/own/cpu.cfs_period_us", "100000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 0);
  put(&machine, "/groups/cpu/own/cpu.cfs_quota_us", "650000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 7);
  put(&machine, "/groups/two/cpu.max", "500000 100000\n");
  ck_assert_uint_eq(blok_cpu_quota(machine.path), 5);
  blok_test_folder_remove(&machine);
}
END_TEST

Suite *suite_pool(void) {
  Suite *suite = suite_create("pool");
  TCase *tests = tcase_create("pool");
  tcase_add_test(tests, pool__computes_every_cell_once_for_any_number_of_cells_and_threads);
  tcase_add_test(tests, pool__gives_what_one_run_wrote_to_the_next);
  tcase_add_test(tests,
                 pool__computes_alone_in_one_call_when_there_is_one_thread_or_cell_or_no_pool);
  tcase_add_test(tests, pool__wakes_threads_that_sleep_and_waits_for_them);
  tcase_add_test(tests, pool__takes_the_cells_of_a_thread_that_is_held_up);
  tcase_add_test(tests, pool__computes_alone_inside_a_cell);
  tcase_add_test(tests, pool__serves_four_threads_at_once);
  tcase_add_test(tests, pool__is_one_threads_from_begin_to_end);
  tcase_add_test(tests, pool__ends_its_threads_whether_they_spin_or_sleep);
  tcase_add_test(tests, pool__lives_until_its_last_reference);
  tcase_add_test(tests, pool__says_so_when_memory_fails);
  tcase_add_test(tests, pool__refuses_options_that_are_none_and_too_many_threads);
  tcase_add_test(tests, pool__says_so_when_the_system_refuses_threads_or_takes_what_there_is);
  tcase_add_test(tests, pool__computes_on_the_callers_threads);
  tcase_add_test(tests, pool__default_has_a_thread_for_each_processor);
  tcase_add_test(tests, pool__quota_is_the_least_of_the_groups_above_in_version_2);
  tcase_add_test(tests, pool__quota_is_that_of_the_controller_cpu_in_version_1);
  suite_add_tcase(suite, tests);
  TCase *forks = tcase_create("fork");
  tcase_add_test(forks, pool__makes_its_own_threads_in_a_forked_child);
  tcase_add_test(forks, pool__is_free_in_a_child_that_was_forked_while_others_ran);
  suite_add_tcase(suite, forks);
  return suite;
}
