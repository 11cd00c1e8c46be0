// Which Blok this is: include/blok/version.h.
#include <blok/version.h>

#include "base/cpu.h"

const char *blok_version(void) { return BLOK_VERSION_STRING; }

const char *blok_isa(void) { return blok_cpu_isa_text(); }

// The build says what it was made with.
const char *blok_build_options(void) { return BLOK_BUILD_OPTIONS; }
