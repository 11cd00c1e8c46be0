// Opening external data, whose location a model of unknown origin chose: see blok_file_open_inside.
//
// The path is walked one component at a time from an open folder, and no component may be a
// symbolic link, so that nothing can be swapped between a check and its use. Where the caller names
// a root, links are resolved first, and the resolved path is walked so from the root.
#define _XOPEN_SOURCE     700
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/file_os.h"
#include "base/size.h"

#define REMEDY "--external-root DIR names a folder that it may lie in"

// What every message names.
typedef struct place {
  const char *folder;
  const char *location;
  bool rooted;  // the caller named a root
  blok_error *error;
} place;

static blok_status refuse(const place *at, blok_status status, const char *why) {
  return BLOK_FAIL(at->error, status, "external data '%s' of folder '%s': %s",
                   blok_quote(at->location).text, blok_file_show(at->folder).text, why);
}

static blok_status refuse_errno(const place *at, int number) {
  if (number == ENOENT || number == ENOTDIR) return refuse(at, BLOK_E_NOT_FOUND, "no such file");
  return refuse(at, BLOK_E_IO, blok_os_describe(number).text);
}

static blok_status check_location(const place *at) {
  const char *location = at->location;
  if (location[0] == '\0') return refuse(at, BLOK_E_MALFORMED, "the location is empty");
  if (location[0] == '/') {
    return refuse(at, BLOK_E_MALFORMED,
                  "the location is an absolute path, it must be relative to the model's folder");
  }
  if (strchr(location, '\\')) {
    return refuse(at, BLOK_E_MALFORMED, "the location holds a backslash, components end in '/'");
  }
  for (const char *part = location; *part;) {
    size_t length = strcspn(part, "/");
    if (length == 2 && part[0] == '.' && part[1] == '.') {
      return refuse(at, BLOK_E_MALFORMED, "the location leaves the model's folder by '..'");
    }
    part += length;
    part += *part == '/';
  }
  return BLOK_OK;
}

// The next component of *rest into name, "." and empty ones left out; false at the end. last says
// whether another follows.
static bool next_component(const char **rest, char name[NAME_MAX + 1], bool *last, bool *too_long) {
  const char *at = *rest;
  for (;;) {
    at += strspn(at, "/");
    if (at[0] == '.' && (at[1] == '/' || at[1] == '\0')) {
      at++;
    } else {
      break;
    }
  }
  size_t length = strcspn(at, "/");
  *too_long = length > NAME_MAX;
  if (length == 0 || *too_long) return false;
  memcpy(name, at, length);
  name[length] = '\0';
  at += length;
  *rest = at;
  while (*at == '/' || (*at == '.' && (at[1] == '/' || at[1] == '\0'))) at++;
  *last = *at == '\0';
  return true;
}

static int open_again(int folder, const char *name, int flags) {
  int descriptor;
  do {
    descriptor = openat(folder, name, flags | O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

// Looks at an entry before it is opened: opening a device can do things.
static blok_status check_entry(const place *at, int folder, const char *name, bool last) {
  struct stat status;
  if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return refuse_errno(at, errno);
  if (S_ISLNK(status.st_mode)) {
    return refuse(at, BLOK_E_MALFORMED, "it is reached by a symbolic link; " REMEDY);
  }
  if (last && S_ISDIR(status.st_mode)) {
    return refuse(at, BLOK_E_MALFORMED, "it is a folder, not a file");
  }
  if (last && !S_ISREG(status.st_mode)) {
    return refuse(at, BLOK_E_MALFORMED, "it is not a regular file");
  }
  if (last && status.st_nlink > 1 && !at->rooted) {
    return refuse(at, BLOK_E_MALFORMED,
                  "it has more than one hard link, so it may be a file from elsewhere; " REMEDY);
  }
  return BLOK_OK;
}

// Opens relative, walked from the folder base without following a link.
static blok_status walk(const place *at, const char *base, const char *relative, int *out) {
  char name[NAME_MAX + 1];
  bool last = false;
  bool too_long = false;
  int folder = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return refuse_errno(at, errno);
  blok_status status = BLOK_OK;
  while (!last) {
    if (!next_component(&relative, name, &last, &too_long)) {
      status = too_long ? refuse_errno(at, ENAMETOOLONG)
                        : refuse(at, BLOK_E_MALFORMED, "it is a folder, not a file");
      break;
    }
    BLOK_TRY_TO(done, check_entry(at, folder, name, last));
    int next = open_again(folder, name, last ? O_NONBLOCK : O_DIRECTORY);
    if (next < 0) {
      status = refuse_errno(at, errno);
      break;
    }
    close(folder);
    folder = next;
  }
  if (status == BLOK_OK) {
    // Once more on what is open: the entry may have been changed since it was looked at.
    struct stat found;
    if (fstat(folder, &found) != 0) {
      status = refuse_errno(at, errno);
    } else if (!S_ISREG(found.st_mode) || (found.st_nlink > 1 && !at->rooted)) {
      status = refuse(at, BLOK_E_MALFORMED, "it was changed while it was opened");
    }
  }
done:
  if (status == BLOK_OK) {
    *out = folder;
  } else {
    close(folder);
  }
  return status;
}

// What of path lies below folder, both resolved; NULL when it lies elsewhere.
static const char *below(const char *path, const char *folder) {
  size_t length = strlen(folder);
  if (length == 1) return path + 1;  // "/"
  if (strncmp(path, folder, length) != 0 || path[length] != '/') return NULL;
  return path + length + 1;
}

// Resolves all links of full, and walks the result from root, or from folder if it lies there.
static blok_status walk_resolved(const place *at, const char *full, const char *root,
                                 const blok_allocator *allocator, int *out) {
  blok_status status;
  char *resolved = blok_alloc(allocator, PATH_MAX);
  char *base = blok_alloc(allocator, PATH_MAX);
  if (!resolved || !base) {
    status = blok_fail_memory(at->error, PATH_MAX);
    goto done;
  }
  if (!realpath(full, resolved)) {
    status = refuse_errno(at, errno);
    goto done;
  }
  if (!realpath(root, base)) {
    status = BLOK_FAIL(at->error, BLOK_E_NOT_FOUND, "external root '%s': %s",
                       blok_file_show(root).text, blok_os_describe(errno).text);
    goto done;
  }
  const char *relative = below(resolved, base);
  if (!relative) {
    if (!realpath(at->folder, base)) {
      status = refuse_errno(at, errno);
      goto done;
    }
    relative = below(resolved, base);
  }
  if (!relative) {
    status = BLOK_FAIL(at->error, BLOK_E_MALFORMED,
                       "external data '%s' of folder '%s': a symbolic link leads out of the "
                       "external root '%s'; " REMEDY,
                       blok_quote(at->location).text, blok_file_show(at->folder).text,
                       blok_file_show(root).text);
    goto done;
  }
  status = walk(at, base, relative, out);
done:
  blok_free(allocator, base);
  blok_free(allocator, resolved);
  return status;
}

blok_status blok_file_open_inside(const char *folder, const char *location, const char *root,
                                  const blok_allocator *allocator, blok_file **out,
                                  blok_error *error) {
  *out = NULL;
  allocator = blok_allocator_or_default(allocator);
  const place at = {folder, location, root != NULL, error};
  BLOK_TRY(check_location(&at));

  size_t bytes;
  if (!blok_add_size(strlen(folder), strlen(location), &bytes) ||
      !blok_add_size(bytes, 2, &bytes)) {
    return blok_fail_memory(error, 0);
  }
  char *full = blok_alloc(allocator, bytes);
  if (!full) return blok_fail_memory(error, bytes);
  (void)snprintf(full, bytes, "%s/%s", folder, location);

  int descriptor = -1;
  blok_status status = root ? walk_resolved(&at, full, root, allocator, &descriptor)
                            : walk(&at, folder, location, &descriptor);
  if (status == BLOK_OK) status = blok_file_adopt(descriptor, full, allocator, NULL, out, error);
  blok_free(allocator, full);
  return status;
}
