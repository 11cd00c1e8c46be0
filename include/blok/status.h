// Status codes and the error record that every fallible call of Blok fills.
//
// A call that can fail returns a blok_status. Where the status alone does not say what went wrong
// it also takes a blok_error owned by the caller; NULL is allowed where only the status matters.
// The message is one line that names the file, the node, the operator, the value and the limit, as
// far as they are known. The library never prints, aborts, exits, or keeps an error of its own.
#ifndef BLOK_STATUS_H
#define BLOK_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define BLOK_MUST_CHECK __attribute__((warn_unused_result))
#define BLOK_API        __attribute__((visibility("default")))
#else
#define BLOK_MUST_CHECK
#define BLOK_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum blok_status {
  BLOK_OK = 0,
  BLOK_E_ARGUMENT = 1,     // the caller broke the call's contract: NULL, a wrong count, no _INIT
  BLOK_E_MALFORMED = 2,    // the bytes are no well-formed model, tensor or array
  BLOK_E_UNSUPPORTED = 3,  // well formed, but this build cannot run or write it
  BLOK_E_SHAPE = 4,        // shapes or types disagree, or a size is not known yet
  BLOK_E_LIMIT = 5,        // a limit of blok_limits would be passed
  BLOK_E_IO = 6,           // the machine refused to read or write
  BLOK_E_MEMORY = 7,       // the allocator gave nothing
  BLOK_E_BUFFER = 8,       // the caller's buffer is too small
  BLOK_E_BUSY = 9,         // the session is running on another thread
  BLOK_E_CANCELLED = 10,   // the caller's callback asked to stop
  BLOK_E_NOT_FOUND = 11,   // no file of that name, nothing at that index
  BLOK_E_INTERNAL = 12     // a promise inside the library was broken: please report it
} blok_status;

#define BLOK_ERROR_MESSAGE_SIZE 1000

// Emptied by every call that takes it, then filled by the one that fails. The message of the
// place where the fault was found stays; higher calls only put names before it, the model's first.
typedef struct blok_error {
  uint32_t struct_size;  // sizeof(blok_error): set by BLOK_ERROR_INIT
  blok_status status;
  char message[BLOK_ERROR_MESSAGE_SIZE];  // one line, NUL terminated, no control bytes
} blok_error;

#define BLOK_ERROR_INIT \
  { sizeof(blok_error), BLOK_OK, "" }

// The code's name for scripts: "ok", "argument", "malformed", "unsupported", "shape", "limit",
// "io", "memory", "buffer", "busy", "cancelled", "not_found", "internal". Never NULL.
BLOK_API const char *blok_status_name(blok_status status);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_STATUS_H
