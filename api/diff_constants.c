// Constants of two models, compared by their elements, however they are stored.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/diff_parts.h"
#include "base/error.h"
#include "base/size.h"
#include "reference/reference.h"

// ---- What is a constant -------------------------------------------------------------------------

static bool from_literal(const blok_literal *literal, blok_diff_constant *out) {
  *out = (blok_diff_constant){.dtype = literal->dtype,
                              .rank = literal->rank,
                              .dims = literal->dims,
                              .literal = literal,
                              .n_strings = literal->n_strings,
                              .strings = literal->strings};
  return true;
}

// rank 0 for one element, else a list of n.
static bool from_elements(blok_dtype dtype, bool list, uint32_t n, const void *elements,
                          blok_diff_constant *out) {
  *out =
      (blok_diff_constant){.dtype = dtype, .rank = list ? 1 : 0, .length = n, .elements = elements};
  return true;
}

static bool from_strings(bool list, uint32_t n, const blok_bytes *strings,
                         blok_diff_constant *out) {
  *out = (blok_diff_constant){
      .dtype = BLOK_STRING, .rank = list ? 1 : 0, .length = n, .n_strings = n, .strings = strings};
  return true;
}

static bool from_node(const blok_node *node, blok_diff_constant *out) {
  if (!node->op_type || strcmp(node->op_type, "Constant") != 0 || *blok_node_domain(node) ||
      node->n_attrs != 1 || node->attrs[0].n == 0) {
    return false;
  }
  const blok_attr *attr = &node->attrs[0];
  if (attr->ref) return false;
  if (attr->type == BLOK_ATTR_TENSOR) return from_literal(attr->as.literal, out);
  if (attr->type == BLOK_ATTR_INT) return from_elements(BLOK_I64, false, 1, &attr->as.i, out);
  if (attr->type == BLOK_ATTR_FLOAT) return from_elements(BLOK_F32, false, 1, &attr->as.f, out);
  if (attr->type == BLOK_ATTR_STRING) return from_strings(false, 1, &attr->as.s, out);
  if (attr->type == BLOK_ATTR_STRINGS) return from_strings(true, attr->n, attr->as.strings, out);
  if (attr->type == BLOK_ATTR_INTS) {
    return from_elements(BLOK_I64, true, attr->n, attr->as.ints, out);
  }
  if (attr->type == BLOK_ATTR_FLOATS) {
    return from_elements(BLOK_F32, true, attr->n, attr->as.floats, out);
  }
  return false;
}

bool blok_differ_constant(const blok_graph *graph, blok_value_id id, blok_diff_constant *out) {
  if (!id.i) return false;
  const blok_value *value = blok_value_at(graph, id);
  if (value->literal) return from_literal(value->literal, out);
  return value->producer.i && from_node(blok_node_at(graph, value->producer), out);
}

static const int64_t *dims_of(const blok_diff_constant *constant) {
  return constant->literal || constant->rank == 0 ? constant->dims : &constant->length;
}

static bool size_of(const blok_diff_constant *constant, size_t *count, size_t *bytes) {
  return blok_dims_count(dims_of(constant), constant->rank, count) &&
         blok_dense_bytes(constant->dtype, *count, bytes);
}

// Its elements in native order, to be freed. Strings are not read so.
static blok_status read_elements(const blok_differ *self, const blok_diff_constant *constant,
                                 size_t bytes, void **out) {
  *out = blok_alloc(&self->allocator, bytes);
  if (!*out) return blok_fail_memory(self->error, bytes);
  if (!constant->literal) {
    if (bytes) memcpy(*out, constant->elements, bytes);
    return BLOK_OK;
  }
  const blok_status status =
      blok_literal_read(constant->literal, &self->allocator, *out, bytes, self->error);
  if (status == BLOK_OK) return BLOK_OK;
  blok_free(&self->allocator, *out);
  *out = NULL;
  return status;
}

// ---- Equal as they are stored -------------------------------------------------------------------

enum { PIECE = 1 << 16 };

// Equal bytes in one encoding are equal elements: no more than two pieces are held.
static blok_status same_storage(const blok_differ *self, const blok_literal *a,
                                const blok_literal *b, bool *same) {
  *same = false;
  if (a->encoding != b->encoding || !a->storage || !b->storage) return BLOK_OK;
  const uint64_t size = blok_storage_size(a->storage);
  if (a->storage == b->storage) {
    *same = true;
    return BLOK_OK;
  }
  if (size != blok_storage_size(b->storage)) return BLOK_OK;
  uint8_t *pieces = blok_alloc(&self->allocator, 2 * (size_t)PIECE);
  if (!pieces) return blok_fail_memory(self->error, 2 * (size_t)PIECE);
  blok_status status = BLOK_OK;
  *same = true;
  for (uint64_t at = 0; at < size && *same; at += PIECE) {
    const size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
    BLOK_TRY_TO(done, blok_storage_read(a->storage, at, pieces, n, self->error));
    BLOK_TRY_TO(done, blok_storage_read(b->storage, at, pieces + PIECE, n, self->error));
    *same = memcmp(pieces, pieces + PIECE, n) == 0;
  }
done:
  blok_free(&self->allocator, pieces);
  return status;
}

// ---- Elements -----------------------------------------------------------------------------------

typedef struct tally {
  size_t different;
  double most;
} tally;

static void tell(blok_diff_words *out, const tally *found, size_t count, const char *what) {
  if (found->different == 0) return;
  if (found->most == 0) {
    (void)snprintf(out->text, sizeof out->text,
                   "%zu of %zu %s differ in bits, though not as numbers", found->different, count,
                   what);
  } else {
    (void)snprintf(out->text, sizeof out->text, "%zu of %zu %s differ, by %.9g at most",
                   found->different, count, what, found->most);
  }
  out->max_abs = found->most;
}

// Numbers that a double holds: the same bits, or within the tolerance.
static tally compare_numbers(const blok_differ *self, blok_dtype dtype, size_t count,
                             const uint8_t *a, const uint8_t *b) {
  enum { ROW = 256 };
  double left[ROW], right[ROW];
  tally found = {0, 0};
  const size_t size = blok_dtype_bits(dtype) / 8;
  blok_tensor tensors[SIDES] = {BLOK_TENSOR_INIT, BLOK_TENSOR_INIT};
  for (int side = 0; side < SIDES; side++) {
    tensors[side].dtype = dtype;
    tensors[side].rank = 1;
    tensors[side].dims[0] = (int64_t)count;
    tensors[side].data = (void *)(uintptr_t)(side == SIDE_A ? a : b);
    tensors[side].bytes = count * size;
  }
  for (size_t first = 0; first < count; first += ROW) {
    const size_t n = count - first < ROW ? count - first : ROW;
    if (memcmp(a + first * size, b + first * size, n * size) == 0) continue;
    blok_ref_load_many(&tensors[SIDE_A], first, n, left);
    blok_ref_load_many(&tensors[SIDE_B], first, n, right);
    for (size_t i = 0; i < n; i++) {
      const size_t at = (first + i) * size;
      if (memcmp(a + at, b + at, size) == 0) continue;
      const bool numbers = !isnan(left[i]) && !isnan(right[i]);
      const bool none = isnan(left[i]) && isnan(right[i]);
      const double by = left[i] == right[i] || none ? 0
                        : numbers                   ? fabs(left[i] - right[i])
                                                    : (double)INFINITY;
      if (self->options.tolerance > 0 && by <= self->options.tolerance) continue;
      found.different++;
      if (by > found.most) found.most = by;
    }
  }
  return found;
}

static bool has_doubles(blok_dtype dtype) {
  return blok_dtype_is_float(dtype) || blok_dtype_is_integer(dtype) || dtype == BLOK_BOOL;
}

static void compare_bytes(blok_dtype dtype, size_t count, size_t bytes, const uint8_t *a,
                          const uint8_t *b, blok_diff_words *out) {
  size_t size = blok_dtype_bits(dtype) / 8, different = 0;
  const bool packed = size == 0;  // several elements in a byte
  if (packed) size = 1;
  for (size_t at = 0; at < bytes; at += size) different += memcmp(a + at, b + at, size) != 0;
  if (different == 0) return;
  (void)snprintf(out->text, sizeof out->text, "%zu of %zu %s differ", different,
                 packed ? bytes : count, packed ? "bytes" : "elements");
}

static blok_status compare_elements(const blok_differ *self, const blok_diff_constant *a,
                                    const blok_diff_constant *b, blok_diff_words *out) {
  size_t count, bytes;
  void *left = NULL, *right = NULL;
  blok_status status = BLOK_OK;
  if (!size_of(a, &count, &bytes)) return BLOK_OK;
  BLOK_TRY(read_elements(self, a, bytes, &left));
  BLOK_TRY_TO(done, read_elements(self, b, bytes, &right));
  if (memcmp(left, right, bytes) == 0) goto done;
  if (has_doubles(a->dtype)) {
    const tally found = compare_numbers(self, a->dtype, count, left, right);
    tell(out, &found, count, "elements");
  } else if (a->dtype == BLOK_C64 || a->dtype == BLOK_C128) {
    const blok_dtype part = a->dtype == BLOK_C64 ? BLOK_F32 : BLOK_F64;
    const tally found = compare_numbers(self, part, 2 * count, left, right);
    tell(out, &found, 2 * count, "real and imaginary parts");
  } else {
    compare_bytes(a->dtype, count, bytes, left, right, out);
  }
done:
  blok_free(&self->allocator, left);
  blok_free(&self->allocator, right);
  return status;
}

static bool same_bytes(blok_bytes a, blok_bytes b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static void compare_strings(const blok_diff_constant *a, const blok_diff_constant *b,
                            blok_diff_words *out) {
  if (a->n_strings != b->n_strings) {
    (void)snprintf(out->text, sizeof out->text, "it holds %u strings in A, %u in B",
                   (unsigned)a->n_strings, (unsigned)b->n_strings);
    return;
  }
  for (uint32_t i = 0; i < a->n_strings; i++) {
    if (same_bytes(a->strings[i], b->strings[i])) continue;
    (void)snprintf(out->text, sizeof out->text, "string %u is '%.60s' in A, '%.60s' in B",
                   (unsigned)i, blok_quoten(a->strings[i].data, a->strings[i].size).text,
                   blok_quoten(b->strings[i].data, b->strings[i].size).text);
    return;
  }
}

blok_status blok_differ_compare(blok_differ *self, const blok_diff_constant *a,
                                const blok_diff_constant *b, blok_diff_words *out) {
  bool same = false;
  *out = (blok_diff_words){.text = ""};
  if (a->dtype != b->dtype) {
    (void)snprintf(out->text, sizeof out->text, "type is %s in A, %s in B",
                   blok_dtype_name(a->dtype), blok_dtype_name(b->dtype));
    return BLOK_OK;
  }
  if (a->rank != b->rank ||
      (a->rank && memcmp(dims_of(a), dims_of(b), a->rank * sizeof *a->dims) != 0)) {
    (void)snprintf(out->text, sizeof out->text, "shape is %.100s in A, %.100s in B",
                   blok_print_dims(dims_of(a), a->rank).text,
                   blok_print_dims(dims_of(b), b->rank).text);
    return BLOK_OK;
  }
  if (a->dtype == BLOK_STRING) {
    compare_strings(a, b, out);
    return BLOK_OK;
  }
  if (a->literal && b->literal) {
    BLOK_TRY(same_storage(self, a->literal, b->literal, &same));
  }
  return same ? BLOK_OK : compare_elements(self, a, b, out);
}

// ---- Hashes -------------------------------------------------------------------------------------

static uint64_t hash_bytes(const uint8_t *bytes, size_t size) {
  uint64_t hash = size, word;
  for (; size >= sizeof word; bytes += sizeof word, size -= sizeof word) {
    memcpy(&word, bytes, sizeof word);
    hash = blok_diff_mix(hash, word);
  }
  word = 0;
  if (size) memcpy(&word, bytes, size);
  return blok_diff_mix(hash, word);
}

blok_status blok_differ_hash_constant(blok_differ *self, const blok_diff_constant *constant,
                                      uint64_t *out) {
  size_t count, bytes;
  void *elements = NULL;
  uint64_t hash = blok_diff_mix(1, (uint64_t)constant->dtype);
  for (uint32_t d = 0; d < constant->rank; d++) {
    hash = blok_diff_mix(hash, (uint64_t)dims_of(constant)[d]);
  }
  for (uint32_t i = 0; i < constant->n_strings; i++) {
    const blok_bytes string = constant->strings[i];
    hash = blok_diff_mix(hash, hash_bytes(string.data, string.size));
  }
  *out = hash;
  if (constant->dtype == BLOK_STRING || !size_of(constant, &count, &bytes)) return BLOK_OK;
  BLOK_TRY(read_elements(self, constant, bytes, &elements));
  *out = blok_diff_mix(hash, hash_bytes(elements, bytes));
  blok_free(&self->allocator, elements);
  return BLOK_OK;
}
