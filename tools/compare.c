// Comparing an output with what it should be.
#include "tools/compare.h"

#include <math.h>
#include <string.h>

#include "tools/element.h"
#include "tools/shape.h"

static bool same_shape(const blok_tensor *a, const blok_tensor *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

static void compare_texts(const blok_tensor *got, const blok_tensor *want, blok_mismatch *out) {
  const blok_text *a = got->data;
  const blok_text *b = want->data;
  for (size_t i = 0; i < out->count; i++) {
    out->bad +=
        a[i].size != b[i].size || (a[i].size > 0 && memcmp(a[i].bytes, b[i].bytes, a[i].size) != 0);
  }
}

void blok_compare(const blok_tensor *got, const blok_tensor *want, double rtol, double atol,
                  blok_mismatch *out) {
  memset(out, 0, sizeof *out);
  out->count =
      blok_tensor_count(want) * (want->dtype == BLOK_STRING ? 1 : blok_element_parts(want->dtype));
  if (got->dtype != want->dtype || !same_shape(got, want)) {
    (void)snprintf(out->why, sizeof out->why, "%s %.60s, not %s %.60s", blok_dtype_name(got->dtype),
                   blok_show_dims(got->dims, got->rank).text, blok_dtype_name(want->dtype),
                   blok_show_dims(want->dims, want->rank).text);
    out->bad = out->count > 0 ? out->count : 1;
    out->max_abs = (double)NAN;
    out->max_rel = (double)NAN;
    return;
  }
  if (want->dtype == BLOK_STRING) {
    compare_texts(got, want, out);
    return;
  }
  bool lone_nan = false;
  for (size_t i = 0; i < out->count; i++) {
    const double a = blok_element_get(got, i);
    const double b = blok_element_get(want, i);
    if (a == b || (isnan(a) && isnan(b))) continue;
    const double distance = fabs(a - b);
    const bool good = isfinite(a) && isfinite(b) && distance <= atol + rtol * fabs(b);
    out->bad += !good;
    lone_nan = lone_nan || isnan(distance);
    out->max_abs = fmax(out->max_abs, distance);
    if (b != 0) out->max_rel = fmax(out->max_rel, distance / fabs(b));
  }
  if (lone_nan) out->max_abs = out->max_rel = (double)NAN;
}

double blok_largest(const blok_tensor *tensor) {
  const size_t count = blok_tensor_count(tensor) * blok_element_parts(tensor->dtype);
  double most = 0;
  for (size_t i = 0; i < count; i++) {
    const double x = fabs(blok_element_get(tensor, i));
    if (isfinite(x) && x > most) most = x;
  }
  return most;
}
