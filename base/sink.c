// Writing files: see blok_sink in file.h.
//
// A regular file is written under a temporary name in its own folder and renamed when whole, so
// that whoever reads the path sees the old file or the new one. What is no regular file (a pipe, a
// terminal, /dev/null) cannot be replaced and is written to directly.
#define _XOPEN_SOURCE     700
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/file_os.h"
#include "base/size.h"

#define SINK_BUFFER    65536
#define TEMPORARY_NAME ".blok-0123456789abcdef.tmp"

struct blok_sink {
  blok_allocator allocator;
  int descriptor;    // -1: none
  bool failed;       // a write went wrong: there is nothing to commit
  char *path;        // to be renamed to, links resolved; for a direct sink the path itself
  char *temporary;   // NULL: direct
  uint64_t written;  // what is still in buffer included
  size_t used;
  char buffer[SINK_BUFFER];
};

static void destroy(blok_sink *sink) {
  blok_allocator allocator = sink->allocator;
  blok_free(&allocator, sink->temporary);
  blok_free(&allocator, sink->path);
  blok_free(&allocator, sink);
}

static blok_status fail_write(const char *path, int number, blok_error *error) {
  if (number == ENOSPC || number == EDQUOT) {
    return BLOK_FAIL(error, BLOK_E_IO, "cannot write '%s': disk full (%s)",
                     blok_file_show(path).text, blok_os_describe(number).text);
  }
  return BLOK_FAIL(error, BLOK_E_IO, "cannot write '%s': %s", blok_file_show(path).text,
                   blok_os_describe(number).text);
}

// A name that nobody else is likely to use at this moment; O_EXCL decides.
static uint64_t next_number(void) {
  static atomic_uint turn;
  struct timespec now = {0, 0};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  uint64_t seed[4] = {(uint64_t)now.tv_sec, (uint64_t)now.tv_nsec, (uint64_t)getpid(),
                      atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed)};
  return blok_hash_bytes(seed, sizeof seed);
}

static blok_status open_temporary(blok_sink *sink, blok_error *error) {
  size_t folder = (size_t)(blok_path_name(sink->path) - sink->path);
  size_t bytes;
  if (!blok_add_size(folder, sizeof TEMPORARY_NAME, &bytes)) return blok_fail_memory(error, 0);
  char *temporary = blok_alloc(&sink->allocator, bytes);
  if (!temporary) return blok_fail_memory(error, bytes);
  memcpy(temporary, sink->path, folder);
  for (int tries = 0; tries < 100 && sink->descriptor < 0; tries++) {
    (void)snprintf(temporary + folder, sizeof TEMPORARY_NAME, ".blok-%016llx.tmp",
                   (unsigned long long)next_number());
    sink->descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (sink->descriptor < 0 && errno != EEXIST && errno != EINTR) break;
  }
  if (sink->descriptor < 0) {
    blok_status status = fail_write(sink->path, errno, error);
    blok_free(&sink->allocator, temporary);
    return status;
  }
  sink->temporary = temporary;
  return BLOK_OK;
}

static blok_status open_direct(blok_sink *sink, blok_error *error) {
  do {
    sink->descriptor = open(sink->path, O_WRONLY | O_CLOEXEC);
  } while (sink->descriptor < 0 && errno == EINTR);
  return sink->descriptor < 0 ? fail_write(sink->path, errno, error) : BLOK_OK;
}

// path, or what it leads to if it is a link: the link stays, its target is replaced.
static blok_status resolve(blok_sink *sink, const char *path, bool exists, blok_error *error) {
  size_t length = strlen(path) + 1;
  size_t bytes = length > PATH_MAX ? length : PATH_MAX;
  sink->path = blok_alloc(&sink->allocator, bytes);
  if (!sink->path) return blok_fail_memory(error, bytes);
  if (!exists || !realpath(path, sink->path)) memcpy(sink->path, path, length);
  return BLOK_OK;
}

blok_status blok_sink_open(const char *path, const blok_allocator *allocator, blok_sink **out,
                           blok_error *error) {
  *out = NULL;
  allocator = blok_allocator_or_default(allocator);
  struct stat standing;
  bool exists = stat(path, &standing) == 0;
  if (exists && S_ISDIR(standing.st_mode)) {
    return BLOK_FAIL(error, BLOK_E_IO, "cannot write '%s': it is a folder",
                     blok_file_show(path).text);
  }
  if (blok_path_name(path)[0] == '\0') {
    return BLOK_FAIL(error, BLOK_E_IO, "cannot write '%s': it names no file",
                     blok_file_show(path).text);
  }
  blok_sink *sink = blok_alloc(allocator, sizeof *sink);
  if (!sink) return blok_fail_memory(error, sizeof *sink);
  sink->allocator = *allocator;
  sink->descriptor = -1;
  sink->failed = false;
  sink->path = NULL;
  sink->temporary = NULL;
  sink->written = 0;
  sink->used = 0;
  bool direct = exists && !S_ISREG(standing.st_mode);
  blok_status status = resolve(sink, path, exists && !direct, error);
  if (status == BLOK_OK) status = direct ? open_direct(sink, error) : open_temporary(sink, error);
  // Who may read the old file may read the new one, nobody else.
  if (status == BLOK_OK && exists && !direct) {
    (void)!fchmod(sink->descriptor, standing.st_mode & 0777);
  }
  if (status != BLOK_OK) {
    destroy(sink);
    return status;
  }
  *out = sink;
  return BLOK_OK;
}

static blok_status write_all(blok_sink *sink, const char *bytes, size_t size, blok_error *error) {
  while (size > 0) {
    size_t part = size < BLOK_FILE_CALL_BYTES ? size : BLOK_FILE_CALL_BYTES;
    ssize_t done = write(sink->descriptor, bytes, part);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) {
      sink->failed = true;
      return fail_write(sink->path, done < 0 ? errno : EIO, error);
    }
    bytes += done;
    size -= (size_t)done;
  }
  return BLOK_OK;
}

static blok_status flush(blok_sink *sink, blok_error *error) {
  size_t used = sink->used;
  sink->used = 0;
  return write_all(sink, sink->buffer, used, error);
}

blok_status blok_sink_write(blok_sink *sink, const void *bytes, size_t size, blok_error *error) {
  if (size > sizeof sink->buffer - sink->used) BLOK_TRY(flush(sink, error));
  if (size >= sizeof sink->buffer) {
    BLOK_TRY(write_all(sink, bytes, size, error));
  } else if (size > 0) {
    memcpy(sink->buffer + sink->used, bytes, size);
    sink->used += size;
  }
  sink->written += size;
  return BLOK_OK;
}

uint64_t blok_sink_written(const blok_sink *sink) { return sink->written; }

blok_status blok_sink_commit(blok_sink **handle, blok_error *error) {
  blok_sink *sink = *handle;
  blok_status status = sink->failed ? fail_write(sink->path, EIO, error) : flush(sink, error);
  if (status == BLOK_OK && sink->temporary && fdatasync(sink->descriptor) != 0 && errno != EINVAL &&
      errno != ENOTSUP) {  // file systems that cannot sync say so
    status = fail_write(sink->path, errno, error);
  }
  int closed = close(sink->descriptor);
  sink->descriptor = -1;
  if (status == BLOK_OK && closed != 0 && errno != EINTR) {
    status = fail_write(sink->path, errno, error);
  }
  if (status == BLOK_OK && sink->temporary && rename(sink->temporary, sink->path) != 0) {
    status = fail_write(sink->path, errno, error);
  }
  if (status != BLOK_OK) {
    blok_sink_abandon(handle);
    return status;
  }
  destroy(sink);
  *handle = NULL;
  return BLOK_OK;
}

void blok_sink_abandon(blok_sink **handle) {
  blok_sink *sink = *handle;
  if (!sink) return;
  if (sink->descriptor >= 0) close(sink->descriptor);
  if (sink->temporary) (void)unlink(sink->temporary);
  destroy(sink);
  *handle = NULL;
}
