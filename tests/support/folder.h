// A folder of a test's own, and files in it.
#ifndef BLOK_TESTS_SUPPORT_FOLDER_H
#define BLOK_TESTS_SUPPORT_FOLDER_H

#include <stddef.h>

typedef struct blok_test_folder {
  char path[256];
} blok_test_folder;

// All of these assert with Check that the system did what was asked.
void blok_test_folder_make(blok_test_folder *folder);
void blok_test_folder_remove(blok_test_folder *folder);  // with all that is in it

// folder's path, '/' and name; valid until the eighth call after this one.
const char *blok_test_path(const blok_test_folder *folder, const char *name);

void blok_test_write(const char *path, const void *bytes, size_t size);
// The file's bytes in memory of malloc, with a NUL behind them; NULL when there is no such file.
char *blok_test_read(const char *path, size_t *size);
// Number of entries, so that a file left behind shows.
size_t blok_test_count(const blok_test_folder *folder);

#endif  // BLOK_TESTS_SUPPORT_FOLDER_H
