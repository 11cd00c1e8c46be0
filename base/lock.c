// A lock over a thread mutex: see lock.h.
#include "base/lock.h"

bool blok_lock_init(blok_lock *lock) { return pthread_mutex_init(&lock->mutex, NULL) == 0; }
void blok_lock_free(blok_lock *lock) { (void)pthread_mutex_destroy(&lock->mutex); }
void blok_lock_take(blok_lock *lock) { (void)pthread_mutex_lock(&lock->mutex); }
void blok_lock_give(blok_lock *lock) { (void)pthread_mutex_unlock(&lock->mutex); }
