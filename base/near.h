// Names that someone may have meant by one that is not there: what messages end in.
#ifndef BLOK_BASE_NEAR_H
#define BLOK_BASE_NEAR_H

#include <stdint.h>

// "; near it: 'a', 'b'" of n names, the nearest first; where none is near, all of them if they are
// few ("; there are 'a', 'b'"), or "".
typedef struct blok_near_names {
  char text[360];
} blok_near_names;
blok_near_names blok_names_near(const char *name, const char *const *names, uint32_t n);

#endif  // BLOK_BASE_NEAR_H
