// GatherElements, GatherND, ScatterElements and ScatterND: every index is checked before it is
// used.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/literal.h"
#include "reference/reference.h"

// Index i of the tensor as one of an axis of size elements.
static blok_status read_index(const blok_ref_call *call, const blok_tensor *indices, size_t i,
                              int64_t size, size_t *out, blok_error *error) {
  int64_t index = blok_ref_load_i64(indices, i);
  if (index < -size || index >= size) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE,
                         "index %lld is out of range for an axis of %lld", (long long)index,
                         (long long)size);
  }
  *out = (size_t)(index < 0 ? index + size : index);
  return BLOK_OK;
}

static blok_status check_indices(const blok_ref_call *call, blok_error *error) {
  blok_dtype dtype = call->in[1]->dtype;
  if (dtype == BLOK_I64 || dtype == BLOK_I32) return BLOK_OK;
  return blok_ref_unsupported_type(call, error, dtype);
}

static blok_status fail_shapes(const blok_ref_call *call, blok_error *error) {
  return blok_ref_fail(call, error, BLOK_E_SHAPE, "input %s and indices %s do not go together",
                       blok_print_dims(call->in[0]->dims, call->in[0]->rank).text,
                       blok_print_dims(call->in[1]->dims, call->in[1]->rank).text);
}

// ---- What is done where an update lands ---------------------------------------------------------

typedef enum reduction { REPLACE, ADD, MUL, MAX, MIN } reduction;

static blok_status read_reduction(const blok_ref_call *call, reduction *out, blok_error *error) {
  static const char *const names[] = {"none", "add", "mul", "max", "min"};
  for (int i = 0; i < 5; i++) {
    if (!blok_node_text_is(call->node, "reduction", "none", names[i])) continue;
    *out = (reduction)i;
    return BLOK_OK;
  }
  return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED,
                       "reduction must be none, add, mul, max or min");
}

static double join_floats(reduction how, double a, double b) {
  if (isnan(a) || isnan(b)) return (double)NAN;
  if (how == ADD) return a + b;
  if (how == MUL) return a * b;
  return (how == MAX) == (a > b) ? a : b;
}

static int64_t join_integers(reduction how, int64_t a, int64_t b, bool is_unsigned) {
  if (how == ADD) return (int64_t)((uint64_t)a + (uint64_t)b);
  if (how == MUL) return (int64_t)((uint64_t)a * (uint64_t)b);
  bool larger = is_unsigned ? (uint64_t)a > (uint64_t)b : a > b;
  return (how == MAX) == larger ? a : b;
}

// count elements of updates from `from` on land at out's from `to` on.
static void land(reduction how, const blok_tensor *updates, size_t from, const blok_tensor *out,
                 size_t to, size_t count) {
  size_t size = blok_dtype_size(out->dtype);
  if (how == REPLACE) {
    if (count > 0) {
      memcpy((unsigned char *)out->data + to * size,
             (const unsigned char *)updates->data + from * size, count * size);
    }
    return;
  }
  for (size_t i = 0; i < count; i++) {
    if (blok_dtype_is_float(out->dtype)) {
      blok_ref_store(
          out, to + i,
          join_floats(how, blok_ref_load(out, to + i), blok_ref_load(updates, from + i)));
    } else {
      blok_ref_store_i64(
          out, to + i,
          join_integers(how, blok_ref_load_i64(out, to + i), blok_ref_load_i64(updates, from + i),
                        blok_dtype_is_unsigned(out->dtype)));
    }
  }
}

// The output begins as the input.
static blok_status begin(const blok_ref_call *call, reduction *how, blok_error *error) {
  const blok_tensor *in = call->in[0];
  size_t bytes = 0;
  BLOK_TRY(check_indices(call, error));
  BLOK_TRY(read_reduction(call, how, error));
  bool numbers = blok_dtype_is_float(in->dtype) || blok_dtype_is_integer(in->dtype);
  if (blok_dtype_size(in->dtype) == 0 || (*how != REPLACE && !numbers) ||
      !blok_dense_bytes(in->dtype, blok_ref_count(in), &bytes)) {
    return blok_ref_unsupported_type(call, error, in->dtype);
  }
  if (call->in[2]->dtype != in->dtype) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "element types %s and %s do not go together",
                         blok_dtype_name(in->dtype), blok_dtype_name(call->in[2]->dtype));
  }
  if (bytes > 0 && call->out[0]->data != in->data) memcpy(call->out[0]->data, in->data, bytes);
  return BLOK_OK;
}

// ---- GatherElements, ScatterElements ------------------------------------------------------------

// A place for each index: at its own coordinates, but along axis at the index.
typedef struct places {
  uint32_t axis;
  int64_t strides[BLOK_MAX_RANK];  // of the tensor that is indexed
  int64_t at[BLOK_MAX_RANK];       // of the present index
} places;

static blok_status begin_places(const blok_ref_call *call, places *out, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *indices = call->in[1];
  *out = (places){0};
  BLOK_TRY(blok_ref_axis(call, in, &out->axis, error));
  bool fits = indices->rank == in->rank;
  for (uint32_t i = 0; fits && i < in->rank; i++) {
    fits = i == out->axis || indices->dims[i] <= in->dims[i];
  }
  if (!fits) return fail_shapes(call, error);
  blok_ref_strides(in, out->strides);
  return BLOK_OK;
}

// The place of index i; they are asked for in order.
static blok_status next_place(const blok_ref_call *call, places *of, size_t i, size_t *out,
                              blok_error *error) {
  const blok_tensor *indices = call->in[1];
  size_t index = 0, place = 0;
  BLOK_TRY(read_index(call, indices, i, call->in[0]->dims[of->axis], &index, error));
  for (uint32_t axis = 0; axis < indices->rank; axis++) {
    size_t along = axis == of->axis ? index : (size_t)of->at[axis];
    place += along * (size_t)of->strides[axis];
  }
  for (uint32_t axis = indices->rank; axis-- > 0;) {
    if (++of->at[axis] < indices->dims[axis]) break;
    of->at[axis] = 0;
  }
  *out = place;
  return BLOK_OK;
}

blok_status blok_ref_GatherElements(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  size_t size = blok_dtype_size(in->dtype), count = blok_ref_count(call->in[1]);
  places of;
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  BLOK_TRY(check_indices(call, error));
  BLOK_TRY(begin_places(call, &of, error));
  for (size_t i = 0; i < count; i++) {
    size_t place;
    BLOK_TRY(next_place(call, &of, i, &place, error));
    memcpy((unsigned char *)call->out[0]->data + i * size,
           (const unsigned char *)in->data + place * size, size);
  }
  return BLOK_OK;
}

blok_status blok_ref_ScatterElements(blok_ref_call *call, blok_error *error) {
  size_t count = blok_ref_count(call->in[1]);
  reduction how;
  places of;
  BLOK_TRY(begin(call, &how, error));
  BLOK_TRY(begin_places(call, &of, error));
  if (blok_ref_count(call->in[2]) != count) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "updates %s and indices %s differ",
                         blok_print_dims(call->in[2]->dims, call->in[2]->rank).text,
                         blok_print_dims(call->in[1]->dims, call->in[1]->rank).text);
  }
  for (size_t i = 0; i < count; i++) {
    size_t place;
    BLOK_TRY(next_place(call, &of, i, &place, error));
    land(how, call->in[2], i, call->out[0], place, 1);
  }
  return BLOK_OK;
}

// ---- GatherND, ScatterND ------------------------------------------------------------------------

// Lists of indices into the axes after the first batch ones; each names a slice.
typedef struct slices {
  size_t lists, length;  // lists of so many indices
  size_t per_batch;      // lists that share the same place along the batch axes
  size_t batch_size;     // elements of one batch
  size_t slice;          // elements of one slice
  const int64_t *dims;   // of the axes that the indices are for
} slices;

static blok_status begin_slices(const blok_ref_call *call, uint32_t batch, slices *out,
                                blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *indices = call->in[1];
  uint32_t lists = indices->rank - 1;  // rank 0 is refused below
  bool fits = indices->rank >= 1 && batch <= lists && batch < in->rank;
  if (fits) fits = indices->dims[lists] >= 0 && indices->dims[lists] <= (int64_t)(in->rank - batch);
  for (uint32_t i = 0; fits && i < batch; i++) fits = in->dims[i] == indices->dims[i];
  if (!fits) return fail_shapes(call, error);
  out->length = (size_t)indices->dims[lists];
  out->dims = in->dims + batch;
  uint32_t whole = batch + (uint32_t)out->length;  // axes that the slices do not have
  fits = blok_dims_count(indices->dims, lists, &out->lists) &&
         blok_dims_count(indices->dims + batch, lists - batch, &out->per_batch) &&
         blok_dims_count(in->dims + batch, in->rank - batch, &out->batch_size) &&
         blok_dims_count(in->dims + whole, in->rank - whole, &out->slice);
  return fits ? BLOK_OK : fail_shapes(call, error);
}

// Where the slice of a list begins.
static blok_status slice_at(const blok_ref_call *call, const slices *of, size_t list, size_t *out,
                            blok_error *error) {
  size_t place = 0;
  for (size_t i = 0; i < of->length; i++) {
    size_t index = 0;
    BLOK_TRY(read_index(call, call->in[1], list * of->length + i, of->dims[i], &index, error));
    place = place * (size_t)of->dims[i] + index;
  }
  *out = list / of->per_batch * of->batch_size + place * of->slice;
  return BLOK_OK;
}

blok_status blok_ref_GatherND(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  size_t size = blok_dtype_size(in->dtype), want = 0;
  int64_t batch = blok_node_int(call->node, "batch_dims", 0);
  slices of;
  if (size == 0) return blok_ref_unsupported_type(call, error, in->dtype);
  BLOK_TRY(check_indices(call, error));
  if (batch < 0 || batch > BLOK_MAX_RANK) return fail_shapes(call, error);
  BLOK_TRY(begin_slices(call, (uint32_t)batch, &of, error));
  if (!blok_mul_size(of.lists, of.slice, &want) || want != blok_ref_count(call->out[0])) {
    return fail_shapes(call, error);
  }
  for (size_t list = 0; list < of.lists; list++) {
    size_t place;
    BLOK_TRY(slice_at(call, &of, list, &place, error));
    if (of.slice == 0) continue;
    memcpy((unsigned char *)call->out[0]->data + list * of.slice * size,
           (const unsigned char *)in->data + place * size, of.slice * size);
  }
  return BLOK_OK;
}

blok_status blok_ref_ScatterND(blok_ref_call *call, blok_error *error) {
  reduction how;
  slices of;
  size_t want = 0;
  BLOK_TRY(begin(call, &how, error));
  BLOK_TRY(begin_slices(call, 0, &of, error));
  if (!blok_mul_size(of.lists, of.slice, &want) || want != blok_ref_count(call->in[2])) {
    return blok_ref_fail(call, error, BLOK_E_SHAPE, "updates %s are not one slice for each index",
                         blok_print_dims(call->in[2]->dims, call->in[2]->rank).text);
  }
  for (size_t list = 0; list < of.lists; list++) {
    size_t place;
    BLOK_TRY(slice_at(call, &of, list, &place, error));
    land(how, call->in[2], list * of.slice, call->out[0], place, of.slice);
  }
  return BLOK_OK;
}
