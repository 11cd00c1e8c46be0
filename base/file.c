// Reading files: see file.h.
#define _XOPEN_SOURCE     700
#define _FILE_OFFSET_BITS 64
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_os.h"

struct blok_file {
  atomic_uint references;
  blok_allocator allocator;
  int descriptor;
  bool regular;
  uint64_t size;
  struct timespec modified;
  char *path;
};

blok_quoted blok_file_show(const char *path) {
  const size_t most = 140;
  size_t length = strlen(path);
  if (length <= most) return blok_quote(path);
  const char *tail = path + length - most + 3;
  while (((unsigned char)*tail & 0xc0) == 0x80) tail++;  // not into the middle of a character
  blok_quoted rest = blok_quote(tail);
  blok_quoted shown = {"..."};
  size_t kept = strlen(rest.text);
  if (kept > sizeof shown.text - 4) kept = sizeof shown.text - 4;
  memcpy(shown.text + 3, rest.text, kept);
  shown.text[3 + kept] = '\0';
  return shown;
}

blok_os_text blok_os_describe(int number) {
  blok_os_text words = {"unknown error"};
  if (strerror_r(number, words.text, sizeof words.text) != 0) {
    memcpy(words.text, "unknown error", sizeof "unknown error");
  }
  return words;
}

// A terminal ends when its user says so, /dev/null at once; /dev/zero never does.
static bool is_endless(int descriptor, const struct stat *status) {
  struct stat null;
  if (!S_ISBLK(status->st_mode) && !S_ISCHR(status->st_mode)) return false;
  if (stat("/dev/null", &null) == 0 && null.st_rdev == status->st_rdev) return false;
  return !isatty(descriptor);
}

static blok_status check_kind(int descriptor, const struct stat *status, const char *path, bool any,
                              blok_error *error) {
  if (S_ISDIR(status->st_mode)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "'%s' is a folder, not a file",
                     blok_file_show(path).text);
  }
  if (!any && !S_ISREG(status->st_mode)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "'%s' is not a regular file",
                     blok_file_show(path).text);
  }
  if (is_endless(descriptor, status)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "'%s' is a device, not a file",
                     blok_file_show(path).text);
  }
  return BLOK_OK;
}

blok_status blok_file_adopt(int descriptor, const char *path, const blok_allocator *allocator,
                            bool *regular, blok_file **out, blok_error *error) {
  blok_file *file = NULL;
  struct stat status;
  blok_status result;
  if (fstat(descriptor, &status) != 0) {
    result = BLOK_FAIL(error, BLOK_E_IO, "cannot read '%s': %s", blok_file_show(path).text,
                       blok_os_describe(errno).text);
    goto fail;
  }
  result = check_kind(descriptor, &status, path, regular != NULL, error);
  if (result != BLOK_OK) goto fail;

  size_t length = strlen(path) + 1;
  file = blok_alloc_zero(allocator, sizeof *file);
  if (file) file->path = blok_alloc(allocator, length);
  if (!file || !file->path) {
    result = blok_fail_memory(error, sizeof *file + length);
    goto fail;
  }
  memcpy(file->path, path, length);
  atomic_init(&file->references, 1);
  file->allocator = *allocator;
  file->descriptor = descriptor;
  file->regular = S_ISREG(status.st_mode);
  file->size = file->regular ? (uint64_t)status.st_size : 0;
  file->modified = status.st_mtim;
  if (regular) *regular = file->regular;
  *out = file;
  return BLOK_OK;

fail:
  blok_free(allocator, file);
  close(descriptor);
  return result;
}

blok_status blok_file_open(const char *path, const blok_allocator *allocator, bool *regular,
                           blok_file **out, blok_error *error) {
  *out = NULL;
  allocator = blok_allocator_or_default(allocator);
  // A caller who takes no pipe must not wait for one either.
  int flags = O_RDONLY | O_CLOEXEC | (regular ? 0 : O_NONBLOCK);
  int descriptor;
  do {
    descriptor = open(path, flags);
  } while (descriptor < 0 && errno == EINTR);
  if (descriptor >= 0) return blok_file_adopt(descriptor, path, allocator, regular, out, error);
  if (errno == ENOENT || errno == ENOTDIR) {
    return BLOK_FAIL(error, BLOK_E_NOT_FOUND, "'%s': no such file", blok_file_show(path).text);
  }
  return BLOK_FAIL(error, BLOK_E_IO, "cannot open '%s': %s", blok_file_show(path).text,
                   blok_os_describe(errno).text);
}

blok_file *blok_file_retain(blok_file *file) {
  atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
  return file;
}

void blok_file_release(blok_file *file) {
  if (!file) return;
  if (atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1) return;
  blok_allocator allocator = file->allocator;
  close(file->descriptor);
  blok_free(&allocator, file->path);
  blok_free(&allocator, file);
}

uint64_t blok_file_size(const blok_file *file) { return file->size; }

static bool changed(const blok_file *file) {
  struct stat now;
  if (fstat(file->descriptor, &now) != 0) return true;
  return (uint64_t)now.st_size != file->size || now.st_mtim.tv_sec != file->modified.tv_sec ||
         now.st_mtim.tv_nsec != file->modified.tv_nsec;
}

blok_status blok_file_read(const blok_file *file, uint64_t offset, void *bytes, size_t size,
                           blok_error *error) {
  if (!file->regular || offset > file->size || size > file->size - offset) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "'%s': %zu bytes at offset %llu lie outside the file of %llu bytes",
                     blok_file_show(file->path).text, size, (unsigned long long)offset,
                     (unsigned long long)file->size);
  }
  size_t done = 0;
  while (done < size) {
    size_t part = size - done < BLOK_FILE_CALL_BYTES ? size - done : BLOK_FILE_CALL_BYTES;
    ssize_t got = pread(file->descriptor, (char *)bytes + done, part, (off_t)(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return BLOK_FAIL(error, BLOK_E_IO, "cannot read '%s': %s", blok_file_show(file->path).text,
                       blok_os_describe(errno).text);
    }
    if (got == 0) break;
    done += (size_t)got;
  }
  // Looked at after the bytes, so that a change while they were read is seen too.
  if (done < size || changed(file)) {
    return BLOK_FAIL(error, BLOK_E_IO, "'%s' was changed while it was in use: open it again",
                     blok_file_show(file->path).text);
  }
  return BLOK_OK;
}

blok_status blok_file_read_stream(blok_file *file, const blok_allocator *allocator, size_t limit,
                                  void **bytes, size_t *size, blok_error *error) {
  const size_t first = 65536;
  *bytes = NULL;
  *size = 0;
  allocator = blok_allocator_or_default(allocator);
  char *buffer = NULL;
  size_t capacity = 0;
  size_t used = 0;
  blok_status result;
  for (;;) {
    if (used == capacity) {
      size_t wanted = capacity == 0 ? first : capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
      char *grown = blok_realloc(allocator, buffer, wanted);
      if (!grown) {
        result = blok_fail_memory(error, wanted);
        goto fail;
      }
      buffer = grown;
      capacity = wanted;
    }
    size_t room = capacity - used;
    ssize_t got = read(file->descriptor, buffer + used,
                       room < BLOK_FILE_CALL_BYTES ? room : BLOK_FILE_CALL_BYTES);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      result = BLOK_FAIL(error, BLOK_E_IO, "cannot read '%s': %s", blok_file_show(file->path).text,
                         blok_os_describe(errno).text);
      goto fail;
    }
    if (got == 0) break;
    used += (size_t)got;
    if (used > limit) {
      result = BLOK_FAIL(error, BLOK_E_LIMIT, "'%s' holds more than the limit of %zu bytes",
                         blok_file_show(file->path).text, limit);
      goto fail;
    }
  }
  *bytes = buffer;
  *size = used;
  return BLOK_OK;

fail:
  blok_free(allocator, buffer);
  return result;
}

void blok_file_remove(const char *path) { (void)unlink(path); }

bool blok_file_exists(const char *path) {
  struct stat status;
  return lstat(path, &status) == 0;
}

const char *blok_path_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

char *blok_path_folder(blok_arena *arena, const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash) return blok_arena_text(arena, ".");
  return blok_arena_textn(arena, path, slash == path ? 1 : (size_t)(slash - path));
}
