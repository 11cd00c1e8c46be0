// Which Blok this is.
#ifndef BLOK_VERSION_H
#define BLOK_VERSION_H

#include <blok/status.h>

#define BLOK_VERSION_MAJOR  0
#define BLOK_VERSION_MINOR  1
#define BLOK_VERSION_PATCH  0
#define BLOK_VERSION_STRING "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

// The version of the library that is linked, "0.1.0".
BLOK_API const char *blok_version(void);

// The instruction sets this CPU offers among those Blok knows, best first: "avx2 sse2".
BLOK_API const char *blok_isa(void);

// The options this library was built with: "openblas asan".
BLOK_API const char *blok_build_options(void);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_VERSION_H
