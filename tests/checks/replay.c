// Runs a fuzz target over stored files: the arguments are files, or folders to walk. For compilers
// without libFuzzer, and for seeing what one input does.
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static size_t runs;

static int run_file(const char *path, const struct stat *status, int kind, struct FTW *where) {
  (void)where;
  if (kind != FTW_F) return 0;
  size_t size = (size_t)status->st_size;
  uint8_t *bytes = malloc(size ? size : 1);
  FILE *file = fopen(path, "rb");
  int failed = !bytes || !file || fread(bytes, 1, size, file) != size;
  if (failed) {
    fprintf(stderr, "%s: cannot be read\n", path);
  } else {
    LLVMFuzzerTestOneInput(bytes, size);
    runs++;
  }
  if (file) fclose(file);
  free(bytes);
  return failed;
}

int main(int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    if (nftw(arguments[i], run_file, 16, FTW_PHYS) != 0) return EXIT_FAILURE;
  }
  printf("%zu files\n", runs);
  return EXIT_SUCCESS;
}
