// Comparing an output with what it should be.
#ifndef BLOK_TOOLS_COMPARE_H
#define BLOK_TOOLS_COMPARE_H

#include "tools/cli.h"

typedef struct blok_mismatch {
  double max_abs;  // NaN when one side alone is NaN; 0 for equal infinities
  double max_rel;  // of max(|got - want| / |want|) where want is not 0
  size_t bad;      // elements outside the tolerance
  size_t count;    // elements compared; complex numbers count as two
  char why[160];   // type or shape differ: then every element is bad; else ""
} blok_mismatch;

// An element is good when |got - want| <= atol + rtol * |want|, when both are NaN, or both the same
// infinity. Strings must be equal. Type and shape must agree exactly.
void blok_compare(const blok_tensor *got, const blok_tensor *want, double rtol, double atol,
                  blok_mismatch *out);

// The largest finite magnitude among a tensor's numbers; 0 where there is none.
double blok_largest(const blok_tensor *tensor);

#endif  // BLOK_TOOLS_COMPARE_H
