// See folder.h.
#define _XOPEN_SOURCE 700
#include "support/folder.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void blok_test_folder_make(blok_test_folder *folder) {
  const char *root = getenv("TMPDIR");
  int length = snprintf(folder->path, sizeof folder->path, "%s/blok-test-XXXXXX",
                        root && root[0] ? root : "/tmp");
  ck_assert_int_lt(length, (int)sizeof folder->path);
  ck_assert_ptr_nonnull(mkdtemp(folder->path));
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where) {
  (void)status;
  (void)kind;
  (void)where;
  return remove(path);
}

void blok_test_folder_remove(blok_test_folder *folder) {
  ck_assert_int_eq(nftw(folder->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *blok_test_path(const blok_test_folder *folder, const char *name) {
  static char paths[8][512];
  static unsigned turn;
  char *path = paths[turn++ % 8];
  int length = snprintf(path, sizeof paths[0], "%s/%s", folder->path, name);
  ck_assert_int_lt(length, (int)sizeof paths[0]);
  return path;
}

void blok_test_write(const char *path, const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
  ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
}

char *blok_test_read(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  size_t used = 0;
  size_t capacity = 4096;
  char *bytes = malloc(capacity + 1);
  ck_assert_ptr_nonnull(bytes);
  for (;;) {
    size_t got = fread(bytes + used, 1, capacity - used, file);
    used += got;
    if (got == 0) break;
    if (used < capacity) continue;
    capacity *= 2;
    bytes = realloc(bytes, capacity + 1);
    ck_assert_ptr_nonnull(bytes);
  }
  ck_assert_int_eq(ferror(file), 0);
  fclose(file);
  bytes[used] = '\0';
  *size = used;
  return bytes;
}

size_t blok_test_count(const blok_test_folder *folder) {
  DIR *directory = opendir(folder->path);
  ck_assert_ptr_nonnull(directory);
  size_t count = 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count - 2;  // "." and ".."
}
