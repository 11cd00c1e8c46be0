// Where -o puts the outputs of a run.
#define _POSIX_C_SOURCE 200809L
#include "tools/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/npy.h"

void blok_place_begin(blok_place *place, const char *path) {
  memset(place, 0, sizeof *place);
  place->path = path;
  if (path == NULL) return;
  const size_t length = strlen(path);
  place->is_stdout = strcmp(path, "-") == 0;
  place->is_file = length > 4 && strcmp(path + length - 4, ".npy") == 0;
}

static blok_status make_folder(const char *path, bool *made, blok_error *error) {
  struct stat facts;
  *made = mkdir(path, 0777) == 0;
  if (*made) return BLOK_OK;
  int code = errno;
  if (code == EEXIST) code = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode) ? 0 : ENOTDIR;
  if (code == 0 && access(path, W_OK | X_OK) == 0) return BLOK_OK;
  return blok_cli_error(error, BLOK_E_IO, "%s: the output folder cannot be %s: %s",
                        blok_show(path).text, code == 0 ? "written to" : "made",
                        strerror(code == 0 ? errno : code));
}

// "cat" of "a/cat.png", and "cat-2" when an earlier picture took that.
static char *choose_stem(const blok_place *place, const char *picture, size_t before) {
  const char *name = blok_cli_basename(picture);
  const char *dot = strrchr(name, '.');
  const size_t length = dot == NULL || dot == name ? strlen(name) : (size_t)(dot - name);
  char *stem = blok_cli_alloc(length + 24, 1);
  memcpy(stem, name, length);
  for (unsigned tried = 2;; tried++) {
    size_t i = 0;
    while (i < before && strcmp(place->stems[i], stem) != 0) i++;
    if (i == before) return stem;
    (void)snprintf(stem + length, 24, "-%u", tried);
  }
}

static char *join(const char *folder, const char *name) {
  const size_t folder_length = strlen(folder);
  const size_t name_length = strlen(name);
  char *path = blok_cli_alloc(folder_length + name_length + 2, 1);
  memcpy(path, folder, folder_length);
  path[folder_length] = '/';
  memcpy(path + folder_length + 1, name, name_length);
  return path;
}

blok_status blok_place_make(blok_place *place, const char *const *pictures, size_t count,
                            blok_error *error) {
  if (place->path == NULL || place->is_file || place->is_stdout) return BLOK_OK;
  blok_status status = make_folder(place->path, &place->made, error);
  if (count < 2 || status != BLOK_OK) return status;
  place->stems = blok_cli_alloc(count, sizeof *place->stems);
  for (size_t i = 0; i < count && status == BLOK_OK; i++) {
    place->stems[i] = choose_stem(place, pictures[i], i);
    char *folder = join(place->path, place->stems[i]);
    bool made = false;
    status = make_folder(folder, &made, error);
    free(folder);
  }
  return status;
}

blok_status blok_place_put(const blok_place *place, blok_cli *cli, size_t run, size_t index,
                           const blok_tensor *tensor, char **file, blok_error *error) {
  uint8_t *bytes = NULL;
  size_t size = 0;
  *file = NULL;
  if (place->path == NULL) return BLOK_OK;
  blok_status status = blok_npy_format(tensor, &bytes, &size, error);
  if (status != BLOK_OK) return status;
  if (place->is_stdout) {
    (void)blok_cli_write(cli, bytes, size);
    free(bytes);
    return BLOK_OK;
  }
  if (place->is_file) {
    *file = blok_cli_alloc(strlen(place->path) + 1, 1);
    memcpy(*file, place->path, strlen(place->path));
  } else {
    char name[40];
    (void)snprintf(name, sizeof name, "output_%zu.npy", index);
    char *folder = place->stems == NULL ? NULL : join(place->path, place->stems[run]);
    *file = join(folder == NULL ? place->path : folder, name);
    free(folder);
  }
  status = blok_file_replace(*file, bytes, size, error);
  free(bytes);
  return status;
}

void blok_place_end(blok_place *place, size_t count, bool failed) {
  for (size_t i = 0; place->stems != NULL && i < count; i++) {
    if (failed && place->made && place->stems[i] != NULL) {
      char *folder = join(place->path, place->stems[i]);
      (void)rmdir(folder);
      free(folder);
    }
    free(place->stems[i]);
  }
  if (failed && place->made) (void)rmdir(place->path);
  free(place->stems);
  memset(place, 0, sizeof *place);
}
