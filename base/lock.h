// A lock: one thread at a time.
#ifndef BLOK_BASE_LOCK_H
#define BLOK_BASE_LOCK_H

#include <pthread.h>
#include <stdbool.h>

typedef struct blok_lock {
  pthread_mutex_t mutex;
} blok_lock;

// For locks that are never freed; others call blok_lock_init.
#define BLOK_LOCK_INIT \
  { PTHREAD_MUTEX_INITIALIZER }

// false: the system gives none; then there is nothing to free.
bool blok_lock_init(blok_lock *lock);
// Nobody may have it.
void blok_lock_free(blok_lock *lock);

// Waits until no other thread has it. A thread must not take it twice.
void blok_lock_take(blok_lock *lock);
void blok_lock_give(blok_lock *lock);

#endif  // BLOK_BASE_LOCK_H
