// What the three files behind base/file.h share: file.c reads, inside.c opens external data, sink.c
// writes. Nobody else includes this.
#ifndef BLOK_BASE_FILE_OS_H
#define BLOK_BASE_FILE_OS_H

#include "base/file.h"
#include "base/text.h"

// One call to the system moves at most this much (Linux itself stops a little below 2 GiB).
#define BLOK_FILE_CALL_BYTES ((size_t)1 << 30)

// A path for messages: escaped, and when it is too long, its end, which tells more.
blok_quoted blok_file_show(const char *path);

// The system's words for an errno value.
typedef struct blok_os_text {
  char text[128];
} blok_os_text;
blok_os_text blok_os_describe(int number);

// Makes a blok_file of an open descriptor: takes it, closes it on failure too. A folder is
// BLOK_E_MALFORMED; so is what is no regular file when regular is NULL.
BLOK_MUST_CHECK blok_status blok_file_adopt(int descriptor, const char *path,
                                            const blok_allocator *allocator, bool *regular,
                                            blok_file **out, blok_error *error);

#endif  // BLOK_BASE_FILE_OS_H
