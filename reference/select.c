// What picks elements along an axis: ArgMax, ArgMin, TopK, OneHot; and what goes by the diagonals
// of a matrix: Trilu, which keeps a triangle, and EyeLike.
//
// Elements are compared by a key: an unsigned number of the same order, NaN above all others, so
// that one comparison serves every type.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"

static uint64_t key_of(const blok_tensor *in, size_t i) {
  const uint64_t top = (uint64_t)1 << 63;
  if (!blok_dtype_is_float(in->dtype)) {
    uint64_t bits = (uint64_t)blok_ref_load_i64(in, i);
    return blok_dtype_is_unsigned(in->dtype) ? bits : bits ^ top;
  }
  double value = blok_ref_load(in, i) + 0.0;  // one zero
  uint64_t bits;
  if (isnan(value)) return UINT64_MAX;
  memcpy(&bits, &value, sizeof bits);
  return bits & top ? ~bits : bits | top;
}

static bool may_compare(blok_dtype dtype) {
  return blok_dtype_is_float(dtype) || blok_dtype_is_integer(dtype);
}

// The lines along one axis: outer * inner of them, length elements each, inner apart.
typedef struct lines {
  size_t outer, length, inner;
} lines;

static void find_lines(const blok_tensor *in, uint32_t axis, lines *out) {
  out->outer = out->inner = 1;
  out->length = (size_t)in->dims[axis];
  for (uint32_t i = 0; i < axis; i++) out->outer *= (size_t)in->dims[i];
  for (uint32_t i = axis + 1; i < in->rank; i++) out->inner *= (size_t)in->dims[i];
}

// ---- ArgMax, ArgMin -----------------------------------------------------------------------------

blok_status blok_ref_ArgExtreme(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  bool least = call->node->op == BLOK_OP_ArgMin;
  bool last = blok_node_int(call->node, "select_last_index", 0) != 0;
  uint32_t axis = 0;
  if (!may_compare(in->dtype)) return blok_ref_unsupported_type(call, error, in->dtype);
  BLOK_TRY(blok_ref_axis(call, in, &axis, error));
  if (blok_ref_count(call->out[0]) == 0) return BLOK_OK;
  lines of;
  find_lines(in, axis, &of);
  if (of.length == 0) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "axis %u of input %s is empty", axis,
                         blok_print_dims(in->dims, in->rank).text);
  }
  for (size_t line = 0; line < of.outer * of.inner; line++) {
    size_t first = line / of.inner * of.length * of.inner + line % of.inner;
    uint64_t best = key_of(in, first);
    size_t found = 0;
    for (size_t i = 1; i < of.length; i++) {
      uint64_t key = key_of(in, first + i * of.inner);
      // A NaN is neither larger nor smaller, but it is found.
      bool better = least ? best != UINT64_MAX && (key < best || key == UINT64_MAX) : key > best;
      if (!better && !(last && key == best)) continue;
      best = key;
      found = i;
    }
    blok_ref_store_i64(call->out[0], line, (int64_t)found);
  }
  return BLOK_OK;
}

// ---- TopK ---------------------------------------------------------------------------------------

typedef struct ranked {
  uint64_t key;
  size_t index;
} ranked;

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

// Sorts by key, of equal ones by index: a merge of ever longer runs, between items and spare. Gives
// the one of the two that holds the result.
static ranked *sort(ranked *items, ranked *spare, size_t n) {
  for (size_t run = 1; run<n; run = run> n / 2 ? n : run * 2) {
    for (size_t from = 0, end; from < n; from = end) {
      size_t middle = from + least_of(run, n - from);
      end = middle + least_of(run, n - middle);
      size_t a = from, b = middle;
      for (size_t to = from; to < end; to++) {
        bool left = a < middle && (b == end || items[a].key <= items[b].key);
        spare[to] = left ? items[a++] : items[b++];
      }
    }
    ranked *other = items;
    items = spare;
    spare = other;
  }
  return items;
}

blok_status blok_ref_TopK(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *values = call->out[0];
  const blok_tensor *indices = call->out[1];
  bool largest = blok_node_int(call->node, "largest", 1) != 0;
  int64_t asked = blok_node_int(call->node, "axis", -1);
  uint32_t axis = 0;
  if (!may_compare(in->dtype)) return blok_ref_unsupported_type(call, error, in->dtype);
  bool fits = blok_axis_normal(asked, in->rank, &axis) && blok_ref_count(call->in[1]) == 1 &&
              values->rank == in->rank && values->dims[axis] == blok_ref_load_i64(call->in[1], 0) &&
              values->dims[axis] <= in->dims[axis];
  if (!fits) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE,
                         "K must be one number, from 0 to the size of axis %lld of input %s",
                         (long long)asked, blok_print_dims(in->dims, in->rank).text);
  }
  if (blok_ref_count(values) == 0) return BLOK_OK;
  lines of;
  ranked *items;
  size_t k = (size_t)values->dims[axis], room;
  find_lines(in, axis, &of);
  if (!blok_mul_size(of.length, 2, &room)) return blok_fail_memory(error, SIZE_MAX);
  BLOK_TRY(blok_ref_scratch(call, room, sizeof *items, &items, error));
  for (size_t line = 0; line < of.outer * of.inner; line++) {
    size_t first = line / of.inner * of.length * of.inner + line % of.inner;
    size_t to = line / of.inner * k * of.inner + line % of.inner;
    for (size_t i = 0; i < of.length; i++) {
      uint64_t key = key_of(in, first + i * of.inner);
      items[i] = (ranked){largest ? ~key : key, i};
    }
    const ranked *sorted = sort(items, items + of.length, of.length);
    for (size_t i = 0; i < k; i++, to += of.inner) {
      size_t from = first + sorted[i].index * of.inner;
      if (blok_dtype_is_float(in->dtype)) {
        blok_ref_store(values, to, blok_ref_load(in, from));
      } else {
        blok_ref_store_i64(values, to, blok_ref_load_i64(in, from));
      }
      blok_ref_store_i64(indices, to, (int64_t)sorted[i].index);
    }
  }
  blok_free(call->allocator, items);
  return BLOK_OK;
}

// ---- OneHot -------------------------------------------------------------------------------------

blok_status blok_ref_OneHot(blok_ref_call *call, blok_error *error) {
  const blok_tensor *indices = call->in[0];
  const blok_tensor *pair = call->in[2];
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(pair->dtype);
  int64_t asked = blok_node_int(call->node, "axis", -1);
  uint32_t axis = 0;
  if (size == 0) return blok_ref_unsupported_type(call, error, pair->dtype);
  if (!may_compare(indices->dtype)) return blok_ref_unsupported_type(call, error, indices->dtype);
  bool fits = out->rank == indices->rank + 1 && blok_axis_normal(asked, out->rank, &axis) &&
              blok_ref_count(pair) == 2 && blok_ref_count(call->in[1]) == 1;
  int64_t depth = fits ? blok_ref_load_i64(call->in[1], 0) : 0;
  if (!fits || depth != out->dims[axis]) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "depth and indices %s do not give output %s",
                         blok_print_dims(indices->dims, indices->rank).text,
                         blok_print_dims(out->dims, out->rank).text);
  }
  if (blok_ref_count(out) == 0) return BLOK_OK;
  lines of;
  find_lines(out, axis, &of);
  unsigned char *to = out->data;
  const unsigned char *off = pair->data, *on = off + size;
  for (size_t i = 0; i < blok_ref_count(out); i++) memcpy(to + i * size, off, size);
  for (size_t i = 0; i < of.outer * of.inner; i++) {
    int64_t at = blok_ref_load_i64(indices, i);
    if (at < -depth || at >= depth) continue;
    if (at < 0) at += depth;
    size_t line = i / of.inner * of.length * of.inner + i % of.inner;
    memcpy(to + (line + (size_t)at * of.inner) * size, on, size);
  }
  return BLOK_OK;
}

// ---- Diagonals ----------------------------------------------------------------------------------

blok_status blok_ref_Trilu(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *shift = blok_ref_in(call, 1);
  size_t size = blok_dtype_size(in->dtype), bytes;
  bool upper = blok_node_int(call->node, "upper", 1) != 0;
  if (size == 0 || in->dtype == BLOK_STRING) {
    return blok_ref_unsupported_type(call, error, in->dtype);
  }
  if (in->rank < 2 || (shift && blok_ref_count(shift) != 1)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s holds no matrices, or k is no number",
                         blok_print_dims(in->dims, in->rank).text);
  }
  size_t count = blok_ref_count(in);
  if (count == 0) return BLOK_OK;
  int64_t rows = in->dims[in->rank - 2], columns = in->dims[in->rank - 1];
  int64_t k = shift ? blok_ref_load_i64(shift, 0) : 0;
  // Beyond the corners more shift changes nothing.
  k = blok_max_i64(-rows - 1, blok_min_i64(k, columns + 1));
  if (!blok_mul_size(count, size, &bytes)) return blok_fail_memory(error, SIZE_MAX);
  unsigned char *to = call->out[0]->data;
  memcpy(to, in->data, bytes);
  for (size_t i = 0; i < count; i++) {
    int64_t column = (int64_t)i % columns, row = (int64_t)i / columns % rows;
    bool kept = upper ? column - row >= k : column - row <= k;
    if (!kept) memset(to + i * size, 0, size);
  }
  return BLOK_OK;
}

blok_status blok_ref_EyeLike(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  size_t size = blok_dtype_size(out->dtype), bytes;
  int64_t k = blok_node_int(call->node, "k", 0);
  bool real = blok_dtype_is_float(out->dtype);
  bool whole = blok_dtype_is_integer(out->dtype) || out->dtype == BLOK_BOOL;
  if (size == 0 || (!real && !whole)) return blok_ref_unsupported_type(call, error, out->dtype);
  if (in->rank != 2 || out->rank != 2) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s is no matrix",
                         blok_print_dims(in->dims, in->rank).text);
  }
  if (blok_ref_count(out) == 0) return BLOK_OK;
  int64_t rows = out->dims[0], columns = out->dims[1];
  // Beyond the corners the diagonal lies outside.
  k = blok_max_i64(-rows, blok_min_i64(k, columns));
  if (!blok_mul_size(blok_ref_count(out), size, &bytes)) return blok_fail_memory(error, SIZE_MAX);
  memset(out->data, 0, bytes);
  for (int64_t row = blok_max_i64(0, -k); row < rows && row + k < columns; row++) {
    size_t at = (size_t)(row * columns + row + k);
    if (real) {
      blok_ref_store(out, at, 1);
    } else {
      blok_ref_store_i64(out, at, 1);
    }
  }
  return BLOK_OK;
}
