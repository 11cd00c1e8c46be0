// numpy's .npy arrays. See npy.h.
#include "base/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "base/text.h"

// numpy's letter and size for each type that it has.
static const struct {
  const char *code;
  blok_dtype dtype;
} npy_types[] = {{"f4", BLOK_F32}, {"f8", BLOK_F64},  {"f2", BLOK_F16}, {"i1", BLOK_I8},
                 {"i2", BLOK_I16}, {"i4", BLOK_I32},  {"i8", BLOK_I64}, {"u1", BLOK_U8},
                 {"u2", BLOK_U16}, {"u4", BLOK_U32},  {"u8", BLOK_U64}, {"b1", BLOK_BOOL},
                 {"c8", BLOK_C64}, {"c16", BLOK_C128}};

#define NPY_TYPES (sizeof npy_types / sizeof npy_types[0])

static bool machine_is_little(void) {
  const uint16_t one = 1;
  uint8_t first;
  memcpy(&first, &one, 1);
  return first == 1;
}

// ---- Reading ------------------------------------------------------------------------------------

// The dictionary of a header.
typedef struct npy_text {
  char descr[16];
  bool fortran;
  bool has_descr, has_order, has_shape;
  uint32_t rank;
  int64_t dims[BLOK_MAX_RANK];
} npy_text;

typedef struct cursor {
  const char *next;
  const char *end;
} cursor;

static void skip_space(cursor *at) {
  while (at->next < at->end && (*at->next == ' ' || *at->next == '\n' || *at->next == '\t')) {
    at->next++;
  }
}

static bool take(cursor *at, char wanted) {
  skip_space(at);
  if (at->next == at->end || *at->next != wanted) return false;
  at->next++;
  return true;
}

// A quoted text of less than size bytes.
static bool take_text(cursor *at, char *out, size_t size) {
  skip_space(at);
  if (at->next == at->end || (*at->next != '\'' && *at->next != '"')) return false;
  const char quote = *at->next++;
  const char *close = memchr(at->next, quote, (size_t)(at->end - at->next));
  if (close == NULL || (size_t)(close - at->next) >= size) return false;
  memcpy(out, at->next, (size_t)(close - at->next));
  out[close - at->next] = '\0';
  at->next = close + 1;
  return true;
}

static bool take_word(cursor *at, const char *word) {
  skip_space(at);
  const size_t length = strlen(word);
  if ((size_t)(at->end - at->next) < length || memcmp(at->next, word, length) != 0) return false;
  at->next += length;
  return true;
}

static bool take_shape(cursor *at, npy_text *header) {
  if (!take(at, '(')) return false;
  while (!take(at, ')')) {
    skip_space(at);
    if (header->rank == BLOK_MAX_RANK || at->next == at->end) return false;
    int64_t value = 0;
    const char *first = at->next;
    while (at->next < at->end && *at->next >= '0' && *at->next <= '9') {
      if (value > (INT64_MAX - 9) / 10) return false;
      value = value * 10 + (*at->next++ - '0');
    }
    if (at->next == first) return false;
    header->dims[header->rank++] = value;
    if (!take(at, ',')) {
      if (!take(at, ')')) return false;
      break;
    }
  }
  header->has_shape = true;
  return true;
}

static bool parse_text(cursor at, npy_text *header) {
  if (!take(&at, '{')) return false;
  while (!take(&at, '}')) {
    char key[32];
    if (!take_text(&at, key, sizeof key) || !take(&at, ':')) return false;
    if (strcmp(key, "descr") == 0 && !header->has_descr) {
      header->has_descr = true;
      if (!take_text(&at, header->descr, sizeof header->descr)) return false;
    } else if (strcmp(key, "fortran_order") == 0 && !header->has_order) {
      header->has_order = true;
      header->fortran = take_word(&at, "True");
      if (!header->fortran && !take_word(&at, "False")) return false;
    } else if (strcmp(key, "shape") != 0 || header->has_shape || !take_shape(&at, header)) {
      return false;
    }
    if (!take(&at, ',')) {
      if (!take(&at, '}')) return false;
      break;
    }
  }
  return header->has_descr && header->has_order && header->has_shape;
}

// Type and byte order from numpy's letters.
static bool take_type(const char *descr, blok_npy *out) {
  const char order = descr[0];
  const char *code = order != '\0' && strchr("<>=|", order) ? descr + 1 : descr;
  out->dtype = BLOK_UNDEFINED;
  for (size_t i = 0; i < NPY_TYPES; i++) {
    if (strcmp(code, npy_types[i].code) == 0) out->dtype = npy_types[i].dtype;
  }
  out->swapped =
      order == '>' ? machine_is_little() : order != '=' && order != '|' && !machine_is_little();
  return out->dtype != BLOK_UNDEFINED;
}

blok_status blok_npy_parse_header(const void *data, size_t size, uint64_t whole, const char *name,
                                  blok_npy *out, blok_error *error) {
  const blok_quoted shown = blok_quote(name);
  const uint8_t *bytes = data;
  npy_text text = {0};
  if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0 || bytes[6] < 1 || bytes[6] > 3) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED, "%s: no .npy file of version 1 to 3", shown.text);
  }
  const size_t start = bytes[6] == 1 ? 10 : 12;
  size_t length = bytes[8] | (size_t)bytes[9] << 8;
  if (bytes[6] > 1 && size >= 12) length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  if (size < start || length > size - start) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s: the file ends inside its header (%" PRIu64 " bytes)", shown.text, whole);
  }
  const char *first = (const char *)bytes + start;
  if (!parse_text((cursor){first, first + length}, &text)) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s: its header is no description of an array of at most %d axes", shown.text,
                     BLOK_MAX_RANK);
  }
  if (!take_type(text.descr, out)) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED, "%s: numpy type '%s'; numbers and bool can be read",
                     shown.text, blok_quote(text.descr).text);
  }
  out->rank = text.rank;
  out->fortran = text.fortran;
  out->start = start + length;
  memcpy(out->dims, text.dims, sizeof text.dims);
  size_t need = SIZE_MAX;
  if (!blok_dims_count(text.dims, text.rank, &need) ||
      !blok_mul_size(need, blok_dtype_bits(out->dtype) / 8, &need)) {
    need = SIZE_MAX;
  }
  const uint64_t have = whole - out->start;
  if (need != have) {
    return BLOK_FAIL(error, BLOK_E_MALFORMED,
                     "%s: its shape needs %zu bytes of elements, the file holds %" PRIu64,
                     shown.text, need, have);
  }
  out->bytes = need;
  return BLOK_OK;
}

// Copies elements that lie with the first axis fastest into row-major order.
static void copy_fortran(const blok_npy *npy, const uint8_t *from, uint8_t *to, size_t element) {
  int64_t index[BLOK_MAX_RANK] = {0};
  const size_t count = npy->bytes / element;
  for (size_t i = 0; i < count; i++) {
    size_t offset = 0;
    for (uint32_t axis = npy->rank; axis-- > 0;) {
      offset = offset * (size_t)npy->dims[axis] + (size_t)index[axis];
    }
    memcpy(to + i * element, from + offset * element, element);
    for (uint32_t axis = npy->rank; axis-- > 0;) {
      if (++index[axis] < npy->dims[axis]) break;
      index[axis] = 0;
    }
  }
}

// Reverses each unit of so many bytes.
static void swap_bytes(uint8_t *bytes, size_t count, size_t unit) {
  for (size_t i = 0; i < count; i++, bytes += unit) {
    for (size_t low = 0, high = unit - 1; low < high; low++, high--) {
      const uint8_t kept = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = kept;
    }
  }
}

void blok_npy_elements(const blok_npy *npy, const void *elements, void *out) {
  const size_t element = blok_dtype_bits(npy->dtype) / 8;
  const bool pairs = npy->dtype == BLOK_C64 || npy->dtype == BLOK_C128;
  const size_t unit = pairs ? element / 2 : element;
  if (npy->bytes == 0) return;
  if (npy->fortran && npy->rank > 1) {
    copy_fortran(npy, elements, out, element);
  } else {
    memcpy(out, elements, npy->bytes);
  }
  if (npy->swapped && unit > 1) swap_bytes(out, npy->bytes / unit, unit);
  if (npy->dtype == BLOK_BOOL) {
    uint8_t *bytes = out;
    for (size_t i = 0; i < npy->bytes; i++) bytes[i] = bytes[i] != 0;
  }
}

// ---- Writing ------------------------------------------------------------------------------------

size_t blok_npy_write_header(blok_dtype dtype, uint32_t rank, const int64_t *dims, char *out) {
  const char *code = NULL;
  for (size_t i = 0; i < NPY_TYPES; i++) {
    if (npy_types[i].dtype == dtype) code = npy_types[i].code;
  }
  if (!code) return 0;
  const char order = code[1] == '1' && code[2] == '\0' ? '|' : machine_is_little() ? '<' : '>';
  const size_t size = BLOK_NPY_WRITTEN;
  size_t used = 10;
  used += (size_t)snprintf(out + used, size - used,
                           "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, code);
  for (uint32_t i = 0; i < rank; i++) {
    used += (size_t)snprintf(out + used, size - used, "%s%" PRId64 "%s", i > 0 ? ", " : "", dims[i],
                             rank == 1 ? "," : "");
  }
  used += (size_t)snprintf(out + used, size - used, "), }");
  const size_t whole = (used + 1 + 63) / 64 * 64;
  memset(out + used, ' ', whole - used);
  out[whole - 1] = '\n';
  memcpy(out, "\x93NUMPY\x01\x00", 8);
  out[8] = (char)((whole - 10) & 0xff);
  out[9] = (char)((whole - 10) >> 8);
  return whole;
}
