// Statistics of a tensor's elements: extremes, mean, spread, a histogram.
#include <math.h>
#include <string.h>

#include "tools/element.h"
#include "tools/html.h"

// Sums are shifted by the first finite element, so that a small spread round a large mean survives.
static void measure_spread(const blok_tensor *tensor, blok_html_stats *out) {
  double first = 0, sum = 0, squares = 0;
  size_t finite = 0;
  for (size_t i = 0; i < out->count; i++) {
    const double x = blok_element_get(tensor, i);
    if (isnan(x)) {
      out->nan++;
      continue;
    }
    if (isinf(x)) {
      out->inf++;
      continue;
    }
    out->zeros += x == 0;
    if (finite == 0) first = out->min = out->max = x;
    if (x < out->min) out->min = x;
    if (x > out->max) out->max = x;
    sum += x - first;
    squares += (x - first) * (x - first);
    finite++;
  }
  if (finite == 0) return;
  const double mean = sum / (double)finite;
  const double variance = squares / (double)finite - mean * mean;
  out->mean = first + mean;
  out->std = variance > 0 ? sqrt(variance) : 0;
}

static void measure_bars(const blok_tensor *tensor, blok_html_stats *out) {
  const double step = (out->max - out->min) / BLOK_HTML_BARS;
  if (!(step > 0) || isinf(step)) return;
  for (size_t i = 0; i < out->count; i++) {
    const double x = blok_element_get(tensor, i);
    if (isnan(x) || isinf(x)) continue;
    const double at = (x - out->min) / step;
    const size_t bar = at < BLOK_HTML_BARS ? (size_t)at : BLOK_HTML_BARS - 1;
    if (out->bars[bar] < UINT32_MAX) out->bars[bar]++;
  }
}

void blok_html_measure(const blok_tensor *tensor, blok_html_stats *out) {
  memset(out, 0, sizeof *out);
  const size_t count = blok_tensor_count(tensor);
  const uint32_t parts = blok_element_parts(tensor->dtype);
  if (count == SIZE_MAX || parts == 0) return;
  out->count = count * parts;
  measure_spread(tensor, out);
  measure_bars(tensor, out);
}
