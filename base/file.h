// The one seam to the operating system's files.
#ifndef BLOK_BASE_FILE_H
#define BLOK_BASE_FILE_H

#include <blok/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

// ---- Reading ------------------------------------------------------------------------------------

// A file, opened once and shared (atomic reference count). The size and time of change of a regular
// one are remembered: blok_file_read fails with BLOK_E_IO when they have changed, and on a short
// read.
typedef struct blok_file blok_file;

// Opens path for reading. BLOK_E_NOT_FOUND: no such file; BLOK_E_IO: anything else that the system
// says; a folder is an error of its own. *regular is false for a pipe or device: read it whole with
// blok_file_read_stream. Thread-safe. regular may be NULL: then what is not regular is an error.
BLOK_MUST_CHECK blok_status blok_file_open(const char *path, const blok_allocator *allocator,
                                           bool *regular, blok_file **out, blok_error *error);
blok_file *blok_file_retain(blok_file *file);
void blok_file_release(blok_file *file);  // NULL is allowed
uint64_t blok_file_size(const blok_file *file);

// size bytes from offset into bytes; checks that they lie inside. Thread-safe.
BLOK_MUST_CHECK blok_status blok_file_read(const blok_file *file, uint64_t offset, void *bytes,
                                           size_t size, blok_error *error);

// Reads a pipe or device to its end, at most limit bytes. *bytes is freed with blok_free.
BLOK_MUST_CHECK blok_status blok_file_read_stream(blok_file *file, const blok_allocator *allocator,
                                                  size_t limit, void **bytes, size_t *size,
                                                  blok_error *error);

// Opens location inside folder for external data. Refused (BLOK_E_MALFORMED): an absolute path, a
// ".." component, a backslash or empty name, what is no regular file. root NULL: folder itself must
// hold it, no symbolic link is followed at all, and a file with more than one hard link is refused.
// With a root, links are followed while what they lead to lies inside root or folder, and hard
// links are taken. BLOK_E_NOT_FOUND: no such file. Thread-safe.
BLOK_MUST_CHECK blok_status blok_file_open_inside(const char *folder, const char *location,
                                                  const char *root, const blok_allocator *allocator,
                                                  blok_file **out, blok_error *error);

// ---- Writing ------------------------------------------------------------------------------------

// A new file beside path under a temporary name; commit renames it to path, abandon removes it. A
// symbolic link at path stays, what it leads to is replaced. A pipe or device at path is written to
// directly. One thread at a time.
typedef struct blok_sink blok_sink;

// Begins a file. BLOK_E_IO: the folder or the file cannot be written. End it with commit or
// abandon.
BLOK_MUST_CHECK blok_status blok_sink_open(const char *path, const blok_allocator *allocator,
                                           blok_sink **out, blok_error *error);
BLOK_MUST_CHECK blok_status blok_sink_write(blok_sink *sink, const void *bytes, size_t size,
                                            blok_error *error);
uint64_t blok_sink_written(const blok_sink *sink);  // bytes so far
// Flushes to the disk (write errors show here at the latest), closes, renames; frees the sink in
// any case.
BLOK_MUST_CHECK blok_status blok_sink_commit(blok_sink **handle, blok_error *error);
void blok_sink_abandon(blok_sink **handle);  // NULL inside is allowed

// Removes a file; errors are ignored.
void blok_file_remove(const char *path);
bool blok_file_exists(const char *path);

// The folder part of path ("." when it has none), in the arena; NULL: no memory.
char *blok_path_folder(blok_arena *arena, const char *path);
const char *blok_path_name(const char *path);  // what follows the last '/'

#endif  // BLOK_BASE_FILE_H
