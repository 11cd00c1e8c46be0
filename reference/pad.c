// Pad: constant, edge, reflect, wrap; negative pads take away first, and what is left is padded.
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"
#include "reference/reference.h"
#include "reference/walk.h"

typedef enum pad_mode { PAD_CONSTANT, PAD_EDGE, PAD_REFLECT, PAD_WRAP } pad_mode;

// Of each axis: what is added, what is taken away, and what is left between.
typedef struct pads {
  int64_t add_begin[BLOK_MAX_RANK], drop_begin[BLOK_MAX_RANK], left[BLOK_MAX_RANK];
} pads;

static blok_status read_mode(const blok_ref_call *call, pad_mode *mode, blok_error *error) {
  static const char *const names[] = {"constant", "edge", "reflect", "wrap"};
  for (uint32_t i = 0; i < 4; i++) {
    if (!blok_node_text_is(call->node, "mode", "constant", names[i])) continue;
    *mode = (pad_mode)i;
    return BLOK_OK;
  }
  return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED,
                       "attribute mode is none of constant, edge, reflect, wrap");
}

static blok_status read_pads(const blok_ref_call *call, pads *out, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *axes_in = blok_ref_in(call, 3);
  int64_t amounts[2 * BLOK_MAX_RANK];
  int64_t axes[BLOK_MAX_RANK];
  bool seen[BLOK_MAX_RANK] = {false};
  uint32_t n = in->rank;
  uint32_t n_amounts = 0;
  for (uint32_t i = 0; i < in->rank; i++) {
    axes[i] = i;
    out->add_begin[i] = 0;
    out->drop_begin[i] = 0;
    out->left[i] = in->dims[i];
  }
  bool readable = blok_ref_ints(call->in[1], amounts, 2 * BLOK_MAX_RANK, &n_amounts) &&
                  (!axes_in || blok_ref_ints(axes_in, axes, BLOK_MAX_RANK, &n));
  if (!readable || n_amounts != 2 * n) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "it takes two pads an axis of input %s",
                         blok_print_dims(in->dims, in->rank).text);
  }
  for (uint32_t i = 0; i < n; i++) {
    uint32_t axis = 0;
    int64_t size = 0;
    int64_t begin = amounts[i];
    int64_t end = amounts[n + i];
    bool fits = blok_axis_normal(axes[i], in->rank, &axis) && !seen[axis];
    if (fits) {
      seen[axis] = true;
      out->add_begin[axis] = blok_max_i64(begin, 0);
      fits = begin >= -in->dims[axis] && end >= -in->dims[axis];
      if (fits) {
        out->drop_begin[axis] = -blok_min_i64(begin, 0);
        out->left[axis] += blok_min_i64(begin, 0) + blok_min_i64(end, 0);
      }
      fits = fits && out->left[axis] >= 0 && blok_add_i64(in->dims[axis], begin, &size) &&
             blok_add_i64(size, end, &size) && size == call->out[0]->dims[axis];
    }
    if (!fits) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE,
                           "pads %lld and %lld do not fit axis %lld of input %s", (long long)begin,
                           (long long)end, (long long)axes[i],
                           blok_print_dims(in->dims, in->rank).text);
    }
  }
  return BLOK_OK;
}

// Where position at, counted from the first of n elements, takes its element from.
static int64_t source_of(pad_mode mode, int64_t at, int64_t n) {
  if (at >= 0 && at < n) return at;
  if (mode == PAD_EDGE || n == 1) return at < 0 ? 0 : n - 1;
  int64_t period = mode == PAD_WRAP ? n : 2 * (n - 1);
  int64_t rest = at % period;
  if (rest < 0) rest += period;
  return rest < n ? rest : period - rest;
}

// Copies what is left of the input to its place in the output.
static void copy_inside(const blok_ref_call *call, const pads *of, size_t size) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  int64_t to_strides[BLOK_MAX_RANK];
  int64_t from_strides[BLOK_MAX_RANK];
  size_t to = 0;
  size_t from = 0;
  blok_ref_strides(in, from_strides);
  blok_ref_strides(out, to_strides);
  for (uint32_t i = 0; i < in->rank; i++) {
    if (of->left[i] == 0) return;
  }
  for (uint32_t i = 0; i < in->rank; i++) {
    to += (size_t)(of->add_begin[i] * to_strides[i]);
    from += (size_t)(of->drop_begin[i] * from_strides[i]);
  }
  blok_walk_copy(size, in->rank, of->left, (unsigned char *)out->data + to * size, to_strides,
                 (const unsigned char *)in->data + from * size, from_strides);
}

static blok_status pad_constant(const blok_ref_call *call, const pads *of, size_t size,
                                blok_error *error) {
  const blok_tensor *value = blok_ref_in(call, 2);
  const blok_tensor *out = call->out[0];
  unsigned char zero[16] = {0};
  if (value && (value->dtype != out->dtype || blok_ref_count(value) != 1)) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "constant_value is not one element of type %s",
                         blok_dtype_name(out->dtype));
  }
  blok_walk_copy_row(size, (int64_t)blok_ref_count(out), out->data, 1, value ? value->data : zero,
                     0);
  copy_inside(call, of, size);
  return BLOK_OK;
}

// Tables say, axis by axis, how far from the input's start each output position takes its element.
static blok_status pad_by_table(const blok_ref_call *call, pad_mode mode, const pads *of,
                                size_t size, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  int64_t strides[BLOK_MAX_RANK];
  int64_t *table[BLOK_MAX_RANK];
  int64_t *all = NULL;
  int64_t at[BLOK_MAX_RANK] = {0};
  size_t total = 0;
  size_t count = blok_ref_count(out);
  if (count == 0) return BLOK_OK;
  for (uint32_t i = 0; i < in->rank; i++) {
    if (of->left[i] == 0) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE,
                           "axis %u of input %s is empty: nothing to pad with", i,
                           blok_print_dims(in->dims, in->rank).text);
    }
    total += (size_t)out->dims[i];
  }
  BLOK_TRY(blok_ref_scratch(call, total, sizeof *all, &all, error));
  blok_ref_strides(in, strides);
  total = 0;
  for (uint32_t i = 0; i < in->rank; i++) {
    table[i] = all + total;
    for (int64_t k = 0; k < out->dims[i]; k++) {
      int64_t source = source_of(mode, k - of->add_begin[i], of->left[i]) + of->drop_begin[i];
      table[i][k] = source * strides[i];
    }
    total += (size_t)out->dims[i];
  }
  unsigned char *to = out->data;
  const unsigned char *from = in->data;
  uint32_t outer = in->rank > 0 ? in->rank - 1 : 0;
  size_t row = in->rank > 0 ? (size_t)out->dims[outer] : 1;
  for (size_t done = 0; done < count; done += row) {
    size_t base = 0;
    for (uint32_t i = 0; i < outer; i++) base += (size_t)table[i][at[i]];
    for (size_t k = 0; k < row; k++) {
      size_t source = base + (in->rank > 0 ? (size_t)table[outer][k] : 0);
      memcpy(to + (done + k) * size, from + source * size, size);
    }
    for (uint32_t axis = outer; axis-- > 0;) {
      if (++at[axis] < out->dims[axis]) break;
      at[axis] = 0;
    }
  }
  blok_free(call->allocator, all);
  return BLOK_OK;
}

blok_status blok_ref_Pad(blok_ref_call *call, blok_error *error) {
  size_t size = blok_dtype_size(call->in[0]->dtype);
  pad_mode mode = PAD_CONSTANT;
  pads of = {{0}, {0}, {0}};
  if (size == 0 || size > 16) {
    return blok_ref_unsupported_type(call, error, call->in[0]->dtype);
  }
  BLOK_TRY(read_mode(call, &mode, error));
  BLOK_TRY(read_pads(call, &of, error));
  if (mode == PAD_CONSTANT) return pad_constant(call, &of, size, error);
  return pad_by_table(call, mode, &of, size, error);
}
