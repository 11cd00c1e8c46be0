// Shapes of Resize: the input's, with the axes that scales or sizes name changed.
#include "graph/ops/resize.h"

#include <math.h>

#include "base/error.h"
#include "graph/ops/elements.h"
#include "graph/ops/geometry.h"
#include "graph/ops/ops.h"

// ---- Shared with the reference ------------------------------------------------------------------

blok_resize_policy blok_resize_policy_of(const blok_node *node) {
  static const char name[] = "keep_aspect_ratio_policy";
  if (blok_node_text_is(node, name, "stretch", "stretch")) return BLOK_RESIZE_STRETCH;
  if (blok_node_text_is(node, name, "stretch", "not_larger")) return BLOK_RESIZE_NOT_LARGER;
  if (blok_node_text_is(node, name, "stretch", "not_smaller")) return BLOK_RESIZE_NOT_SMALLER;
  return BLOK_RESIZE_BAD_POLICY;
}

bool blok_resize_axes(const blok_node *node, uint32_t rank, uint32_t axes[BLOK_MAX_RANK],
                      uint32_t *n) {
  uint32_t given;
  const int64_t *values = blok_node_ints(node, "axes", &given);
  if (rank > BLOK_MAX_RANK) return false;
  if (!values) {
    for (uint32_t i = 0; i < rank; i++) axes[i] = i;
    *n = rank;
    return true;
  }
  bool marked[BLOK_MAX_RANK] = {false};
  int64_t bad;
  if (!blok_axes_mark(values, given, rank, marked, &bad)) return false;
  for (uint32_t i = 0; i < given; i++) {
    axes[i] = (uint32_t)(values[i] < 0 ? values[i] + (int64_t)rank : values[i]);
  }
  *n = given;
  return true;
}

bool blok_resize_scaled(int64_t size, float scale, int64_t *out) {
  if (!(scale > 0) || isinf(scale)) return false;
  float scaled = floorf((float)size * scale);
  if (!(scaled < 0x1p62f)) return false;
  *out = (int64_t)scaled;
  return true;
}

bool blok_resize_ratio(blok_resize_policy policy, const int64_t *in, const int64_t *wanted,
                       uint32_t n, uint32_t *which) {
  double best = 0;
  for (uint32_t i = 0; i < n; i++) {
    if (in[i] <= 0 || wanted[i] <= 0) return false;
    double ratio = (double)wanted[i] / (double)in[i];
    if (i == 0 || (policy == BLOK_RESIZE_NOT_LARGER ? ratio < best : ratio > best)) {
      best = ratio;
      *which = i;
    }
  }
  return n > 0;
}

bool blok_resize_kept(int64_t size, int64_t wanted, int64_t in, int64_t *out) {
  double exact = (double)size * (double)wanted / (double)in;
  if (!(exact < 0x1p62)) return false;
  *out = (int64_t)floor(exact + 0.5);
  return true;
}

// ---- The hook -----------------------------------------------------------------------------------

// What a Resize asks for, and the shape it has so far.
typedef struct resize_shape {
  const blok_fact *x;
  uint32_t n;
  uint32_t axes[BLOK_MAX_RANK];
  blok_dim dims[BLOK_MAX_RANK];
} resize_shape;

// Left out, or the empty tensor that stands for that.
static bool is_absent(const blok_fact *fact) {
  return !fact || (fact->rank == 1 && fact->dims[0].value == 0);
}

static blok_status check_length(const blok_infer *infer, const char *what, const blok_fact *fact,
                                uint32_t n, blok_error *error) {
  if (fact->rank < 0) return BLOK_OK;
  if (fact->rank == 1 && (!blok_dim_known(fact->dims[0]) || fact->dims[0].value == n)) {
    return BLOK_OK;
  }
  return blok_infer_fail(infer, error, "%s is %s; it needs one value for each of %u axes", what,
                         blok_print_fact(fact).text, n);
}

static blok_status apply_scales(const blok_infer *infer, const blok_fact *scales,
                                resize_shape *shape, blok_error *error) {
  BLOK_TRY(check_length(infer, "scales", scales, shape->n, error));
  const blok_tensor *tensor = scales->tensor;
  bool known = tensor && tensor->dtype == BLOK_F32 && tensor->rank == 1 &&
               tensor->dims[0] == shape->n && tensor->data;
  for (uint32_t i = 0; i < shape->n; i++) {
    blok_dim *dim = &shape->dims[shape->axes[i]];
    if (!known) {
      *dim = blok_dim_unknown();
      continue;
    }
    float scale = ((const float *)tensor->data)[i];
    int64_t size = 0;
    if (!blok_resize_scaled(blok_dim_known(*dim) ? dim->value : 1, scale, &size)) {
      return blok_infer_fail(infer, error, "scale %g of axis %u of input %s is not possible",
                             (double)scale, shape->axes[i], blok_print_fact(shape->x).text);
    }
    if (blok_dim_known(*dim)) {
      *dim = blok_dim_of(size);
    } else if (scale < 1 || scale > 1) {
      *dim = blok_dim_unknown();
    }
  }
  return BLOK_OK;
}

// Sizes that keep the aspect ratio: known only when all of them and of the input's axes are.
static blok_status keep_ratio(const blok_infer *infer, blok_resize_policy policy, bool known,
                              const blok_element *items, resize_shape *shape, blok_error *error) {
  int64_t in[BLOK_MAX_RANK] = {0}, wanted[BLOK_MAX_RANK] = {0};
  for (uint32_t i = 0; i < shape->n; i++) {
    blok_dim dim = shape->dims[shape->axes[i]];
    known = known && items[i].known && blok_dim_known(dim);
    in[i] = dim.value;
    wanted[i] = known ? items[i].value : 0;
    shape->dims[shape->axes[i]] = blok_dim_unknown();
  }
  if (!known) return BLOK_OK;
  uint32_t which;
  bool fits = blok_resize_ratio(policy, in, wanted, shape->n, &which);
  for (uint32_t i = 0; fits && i < shape->n; i++) {
    int64_t size;
    fits = blok_resize_kept(in[i], wanted[which], in[which], &size);
    if (fits) shape->dims[shape->axes[i]] = blok_dim_of(size);
  }
  if (fits) return BLOK_OK;
  return blok_infer_fail(infer, error, "sizes %s do not fit input %s",
                         blok_print_dims(wanted, shape->n).text, blok_print_fact(shape->x).text);
}

static blok_status apply_sizes(const blok_infer *infer, const blok_fact *sizes, resize_shape *shape,
                               blok_error *error) {
  BLOK_TRY(check_length(infer, "sizes", sizes, shape->n, error));
  blok_resize_policy policy = blok_resize_policy_of(infer->node);
  if (policy == BLOK_RESIZE_BAD_POLICY) {
    return blok_infer_fail(infer, error, "keep_aspect_ratio_policy is not one that ONNX has");
  }
  blok_element items[BLOK_FACT_ELEMENTS];
  uint32_t n_items;
  bool known = blok_elements_get(sizes, items, &n_items) && n_items == shape->n;
  for (uint32_t i = 0; known && i < shape->n; i++) {
    if (items[i].known && items[i].value < 0) {
      return blok_infer_fail(infer, error, "size %lld of axis %u is negative",
                             (long long)items[i].value, shape->axes[i]);
    }
  }
  if (policy != BLOK_RESIZE_STRETCH) return keep_ratio(infer, policy, known, items, shape, error);
  for (uint32_t i = 0; i < shape->n; i++) {
    shape->dims[shape->axes[i]] = known ? blok_dim_of_element(items[i]) : blok_dim_unknown();
  }
  return BLOK_OK;
}

blok_status blok_infer_Resize(blok_infer *infer, blok_error *error) {
  resize_shape shape = {.x = blok_infer_in(infer, 0)};
  const blok_fact *scales = blok_infer_in(infer, 2);
  const blok_fact *sizes = blok_infer_in(infer, 3);
  if (is_absent(scales) == is_absent(sizes)) {
    return blok_infer_fail(
        infer, error, "it has %s; it needs one of them",
        is_absent(scales) ? "neither scales nor sizes" : "both scales and sizes");
  }
  const blok_fact *x = shape.x;
  if (!blok_fact_ranked(x)) {
    blok_infer_set_dtype(infer, 0, x ? x->dtype : BLOK_UNDEFINED);
    return BLOK_OK;
  }
  uint32_t rank = (uint32_t)x->rank;
  if (!blok_resize_axes(infer->node, rank, shape.axes, &shape.n)) {
    return blok_infer_fail(infer, error, "axes do not name axes of input %s, each once",
                           blok_print_fact(x).text);
  }
  for (uint32_t i = 0; i < rank; i++) shape.dims[i] = x->dims[i];
  if (is_absent(scales)) {
    BLOK_TRY(apply_sizes(infer, sizes, &shape, error));
  } else {
    BLOK_TRY(apply_scales(infer, scales, &shape, error));
  }
  return blok_infer_set(infer, 0, x->dtype, rank, shape.dims, error);
}
