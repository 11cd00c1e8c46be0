// Cast and CastLike: between floats, integers and bool, and from strings to numbers.
//
// Numbers are converted as blok_ref_store says; integers among themselves drop their upper bits.
#define _GNU_SOURCE  // strtod_l: the decimal point is a dot whatever the process's locale
#include <blok/session.h>
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "graph/literal.h"
#include "reference/reference.h"
#include "reference/rows.h"

static size_t piece(size_t count, size_t from) {
  return count - from < BLOK_ROW ? count - from : BLOK_ROW;
}

static void cast_integers(const blok_tensor *in, const blok_tensor *out, size_t count) {
  int64_t row[BLOK_ROW];
  for (size_t from = 0; from < count; from += BLOK_ROW) {
    size_t n = piece(count, from);
    blok_row_load_i64(in, (int64_t)from, 1, n, row);
    blok_row_store_i64(out, (int64_t)from, n, row);
  }
}

// Wide integers to f32 in one rounding; a double between would make two.
static void wide_to_f32(const blok_tensor *in, const blok_tensor *out, size_t count) {
  float *to = out->data;
  const int64_t *from = in->data;
  const uint64_t *from_unsigned = in->data;
  bool is_unsigned = in->dtype == BLOK_U64;
  for (size_t i = 0; i < count; i++) {
    to[i] = is_unsigned ? (float)from_unsigned[i] : (float)from[i];
  }
}

static void cast_by_double(const blok_tensor *in, const blok_tensor *out, size_t count) {
  double row[BLOK_ROW];
  for (size_t from = 0; from < count; from += BLOK_ROW) {
    size_t n = piece(count, from);
    blok_ref_load_many(in, from, n, row);
    blok_ref_store_many(out, from, n, row);
  }
}

// ---- Strings ------------------------------------------------------------------------------------

#define NUMBER_LENGTH 400  // the longest spelling that is read

// A decimal integer with an optional sign, nothing else; wraps beyond 64 bits.
static bool parse_integer(const char *text, int64_t *value) {
  uint64_t sum = 0;
  bool negative = *text == '-';
  if (*text == '-' || *text == '+') text++;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') return false;
    sum = sum * 10 + (uint64_t)(*text - '0');
  }
  *value = (int64_t)(negative ? 0 - sum : sum);
  return true;
}

// Plain and scientific decimals, INF and NaN in any case; no hexadecimal.
static bool parse_double(const char *text, locale_t c_locale, double *value) {
  char *end = NULL;
  for (const char *c = text; *c != '\0'; c++) {
    if (*c == 'x' || *c == 'X' || *c == '(') return false;
  }
  *value = strtod_l(text, &end, c_locale);
  return end != text && *end == '\0';
}

// The spelling without the space around it, terminated.
static bool spelling_of(const blok_text *text, char out[NUMBER_LENGTH]) {
  size_t first = 0;
  size_t last = text->size;
  while (first < last && isspace((unsigned char)text->bytes[first])) first++;
  while (last > first && isspace((unsigned char)text->bytes[last - 1])) last--;
  size_t length = last - first;
  if (length == 0 || length >= NUMBER_LENGTH) return false;
  memcpy(out, text->bytes + first, length);
  out[length] = '\0';
  return memchr(out, '\0', length) == NULL;
}

static blok_status cast_strings(const blok_ref_call *call, const blok_tensor *in,
                                const blok_tensor *out, size_t count, blok_error *error) {
  locale_t c_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
  blok_status status = BLOK_OK;
  if (c_locale == (locale_t)0) return blok_fail_memory(error, 0);
  bool integers = blok_dtype_is_integer(out->dtype);
  for (size_t i = 0; i < count; i++) {
    const blok_text *text = (const blok_text *)in->data + i;
    char spelling[NUMBER_LENGTH];
    int64_t whole = 0;
    double value = 0.0;
    bool readable = spelling_of(text, spelling);
    if (readable && integers && parse_integer(spelling, &whole)) {
      blok_ref_store_i64(out, i, whole);
      continue;
    }
    if (!readable || !parse_double(spelling, c_locale, &value)) {
      status = blok_ref_fail(call, error, BLOK_E_SHAPE, "element %zu, '%s', is no number", i,
                             blok_quoten(text->bytes, text->size).text);
      break;
    }
    blok_ref_store(out, i, value);
  }
  freelocale(c_locale);
  return status;
}

// ---- The operators ------------------------------------------------------------------------------

static bool is_number(blok_dtype dtype) {
  return blok_dtype_is_float(dtype) || blok_dtype_is_integer(dtype) || dtype == BLOK_BOOL;
}

static blok_status cast(const blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  size_t count = blok_ref_count(out);
  size_t bytes = 0;
  if (in->dtype == out->dtype && blok_dense_bytes(in->dtype, count, &bytes)) {
    if (bytes > 0) memcpy(out->data, in->data, bytes);
    return BLOK_OK;
  }
  if (in->dtype == BLOK_STRING && is_number(out->dtype)) {
    return cast_strings(call, in, out, count, error);
  }
  if (!is_number(in->dtype) || !is_number(out->dtype)) {
    return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED,
                         "elements of type %s cannot be cast to %s here",
                         blok_dtype_name(in->dtype), blok_dtype_name(out->dtype));
  }
  bool whole_out = blok_dtype_is_integer(out->dtype) || out->dtype == BLOK_BOOL;
  if (!blok_dtype_is_float(in->dtype) && whole_out) {
    cast_integers(in, out, count);
  } else if ((in->dtype == BLOK_I64 || in->dtype == BLOK_U64) && out->dtype == BLOK_F32) {
    wide_to_f32(in, out, count);
  } else {
    cast_by_double(in, out, count);
  }
  return BLOK_OK;
}

blok_status blok_ref_Cast(blok_ref_call *call, blok_error *error) { return cast(call, error); }

blok_status blok_ref_CastLike(blok_ref_call *call, blok_error *error) { return cast(call, error); }
