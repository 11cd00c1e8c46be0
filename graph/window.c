// The geometry of convolution and pooling windows. On one axis a kernel of k places, d apart,
// covers e = (k - 1) * d + 1; over an input of n with pads b and a it fits at (n + b + a - e) / s +
// 1 places, s apart. Transposed, n windows s apart make (n - 1) * s + e outputs, less the pads. All
// numbers come from the file, so every step is checked.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "graph/infer.h"

typedef enum auto_pad { PAD_GIVEN, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_NONE } auto_pad;

typedef struct window_reader {
  const blok_graph *graph;
  const blok_node *node;
  blok_error *error;
} window_reader;

static blok_status fail(const window_reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static blok_status fail(const window_reader *r, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return BLOK_FAIL(r->error, BLOK_E_SHAPE, "%s node '%s': %s", blok_quote(r->node->op_type).text,
                   blok_node_label(r->graph, r->node).text, text);
}

// An ints attribute of n values, none below low; fallback for each where it is absent.
static blok_status read_ints(const window_reader *r, const char *name, uint32_t n, int64_t low,
                             int64_t fallback, int64_t *out) {
  const blok_attr *attr = blok_node_attr(r->node, name);
  if (!attr) {
    for (uint32_t i = 0; i < n; i++) out[i] = fallback;
    return BLOK_OK;
  }
  uint32_t held;
  const int64_t *values = blok_node_ints(r->node, name, &held);
  if (held != n) {
    return fail(r, "%s has %u values, the input's spatial axes need %u", name, held, n);
  }
  for (uint32_t i = 0; i < n; i++) {
    if (values[i] < low) {
      return fail(r, "%s[%u] is %lld, it must be %lld or more", name, i, (long long)values[i],
                  (long long)low);
    }
    out[i] = values[i];
  }
  return BLOK_OK;
}

static blok_status read_kernel(const window_reader *r, const int64_t *kernel, blok_window *out) {
  if (!blok_node_attr(r->node, "kernel_shape")) {
    if (!kernel) return fail(r, "kernel_shape is missing");
    for (uint32_t i = 0; i < out->axes; i++) {
      if (kernel[i] == 0) return fail(r, "the kernel's spatial size %u is 0", i);
      out->kernel[i] = kernel[i] < 0 ? -1 : kernel[i];
    }
    return BLOK_OK;
  }
  BLOK_TRY(read_ints(r, "kernel_shape", out->axes, 1, 1, out->kernel));
  for (uint32_t i = 0; kernel && i < out->axes; i++) {
    if (kernel[i] < 0 || kernel[i] == out->kernel[i]) continue;
    return fail(r, "kernel_shape[%u] is %lld, but the weight's size there is %lld", i,
                (long long)out->kernel[i], (long long)kernel[i]);
  }
  return BLOK_OK;
}

static blok_status read_auto_pad(const window_reader *r, auto_pad *out) {
  static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
  for (int i = 0; i < 4; i++) {
    if (!blok_node_text_is(r->node, "auto_pad", "NOTSET", names[i])) continue;
    *out = (auto_pad)i;
    return BLOK_OK;
  }
  const blok_attr *attr = blok_node_attr(r->node, "auto_pad");
  bool text = attr->type == BLOK_ATTR_STRING && attr->n;
  return fail(r, "auto_pad '%s' is none of NOTSET, SAME_UPPER, SAME_LOWER, VALID",
              text ? blok_quoten(attr->as.s.data, attr->as.s.size).text : "");
}

// What the kernel covers on an axis; false on overflow.
static bool covered(const blok_window *w, uint32_t axis, int64_t *out) {
  return blok_mul_i64(w->kernel[axis] - 1, w->dilation[axis], out) && blok_add_i64(*out, 1, out);
}

// SAME: as many places as strides fit; the pads are what that takes, the odd one at the end (UPPER)
// or at the beginning.
static blok_status resolve_same(const window_reader *r, blok_window *w, uint32_t axis, bool upper) {
  int64_t in = w->in[axis], stride = w->stride[axis], cover, last, total;
  w->pad_begin[axis] = w->pad_end[axis] = -1;
  w->out[axis] = in < 0 ? -1 : in / stride + (in % stride != 0);
  // With a stride of 1 the pads do not depend on the input.
  if (w->kernel[axis] < 0 || (in < 0 && stride != 1)) return BLOK_OK;
  if (!covered(w, axis, &cover)) return fail(r, "the kernel's reach on axis %u is too large", axis);
  if (in < 0 || stride == 1) {
    total = cover - 1;
  } else {
    last = in == 0 ? 0 : (w->out[axis] - 1) * stride;  // below in
    if (!blok_add_i64(last - in, cover, &total)) {
      return fail(r, "the kernel's reach on axis %u is too large", axis);
    }
  }
  if (total < 0) total = 0;
  int64_t less = total / 2, more = total - less;
  w->pad_begin[axis] = upper ? less : more;
  w->pad_end[axis] = upper ? more : less;
  return BLOK_OK;
}

static blok_status resolve_given(const window_reader *r, blok_window *w, uint32_t axis, bool ceil) {
  int64_t in = w->in[axis], stride = w->stride[axis], cover, padded;
  int64_t begin = w->pad_begin[axis], end = w->pad_end[axis];
  w->out[axis] = -1;
  if (in < 0 || w->kernel[axis] < 0) return BLOK_OK;
  if (!covered(w, axis, &cover) || !blok_add_i64(in, begin, &padded) ||
      !blok_add_i64(padded, end, &padded)) {
    return fail(r, "kernel or pads on axis %u are too large", axis);
  }
  // Rounded up, one window may lack less than a stride.
  if (padded < cover && !(ceil && cover - padded < stride)) {
    return fail(r,
                "on spatial axis %u the kernel %lld with dilation %lld covers %lld, more than "
                "the input's %lld with pads %lld and %lld",
                axis, (long long)w->kernel[axis], (long long)w->dilation[axis], (long long)cover,
                (long long)in, (long long)begin, (long long)end);
  }
  int64_t room = padded - cover;
  int64_t steps = room / stride;
  if (ceil) {
    // Rounded up, the last window must begin inside the input or the pad before it.
    if (room % stride > 0) steps++;
    if (in + begin > 0 && steps > (in + begin - 1) / stride) steps--;
  }
  w->out[axis] = steps + 1;  // steps is below padded, as cover is 1 at least
  return BLOK_OK;
}

// What both kinds of window read: all but what they make of the pads. pads has room for
// 2 * BLOK_MAX_RANK, and is zero where auto_pad says how to pad.
static blok_status read_window(const window_reader *r, uint32_t axes, const int64_t *in,
                               const int64_t *kernel, blok_window *out, auto_pad *mode,
                               int64_t *pads) {
  memset(out, 0, sizeof *out);
  if (axes > BLOK_MAX_RANK - 2) {
    return fail(r, "%u spatial axes, the most is %d", axes, BLOK_MAX_RANK - 2);
  }
  out->axes = axes;
  for (uint32_t i = 0; i < axes; i++) out->in[i] = in[i] < 0 ? -1 : in[i];
  memset(pads, 0, 2 * BLOK_MAX_RANK * sizeof *pads);
  *mode = PAD_GIVEN;
  BLOK_TRY(read_kernel(r, kernel, out));
  BLOK_TRY(read_ints(r, "strides", axes, 1, 1, out->stride));
  BLOK_TRY(read_ints(r, "dilations", axes, 1, 1, out->dilation));
  BLOK_TRY(read_auto_pad(r, mode));
  return *mode == PAD_GIVEN ? read_ints(r, "pads", 2 * axes, 0, 0, pads) : BLOK_OK;
}

blok_status blok_window_resolve(const blok_graph *graph, const blok_node *node, uint32_t axes,
                                const int64_t *in, const int64_t *kernel, blok_window *out,
                                blok_error *error) {
  window_reader r = {graph, node, error};
  auto_pad mode;
  int64_t pads[2 * BLOK_MAX_RANK];
  BLOK_TRY(read_window(&r, axes, in, kernel, out, &mode, pads));
  // VALID windows lie in the input as they are: ONNX gives them no part in ceil_mode.
  bool ceil = mode == PAD_GIVEN && blok_node_int(node, "ceil_mode", 0) != 0;
  for (uint32_t i = 0; i < axes; i++) {
    out->pad_begin[i] = pads[i];
    out->pad_end[i] = pads[axes + i];
    if (mode == PAD_SAME_UPPER || mode == PAD_SAME_LOWER) {
      BLOK_TRY(resolve_same(&r, out, i, mode == PAD_SAME_UPPER));
    } else {
      BLOK_TRY(resolve_given(&r, out, i, ceil));
    }
  }
  return BLOK_OK;
}

// ---- Transposed windows -------------------------------------------------------------------------

// What an axis is to give, where the node says it: output_shape, or SAME; -1 otherwise.
typedef struct transposed_axis {
  int64_t wanted;
  int64_t extra;  // output_padding
  bool upper;     // the odd pad goes to the end
} transposed_axis;

static blok_status resolve_transposed(const window_reader *r, blok_window *w, uint32_t axis,
                                      const transposed_axis *want) {
  int64_t in = w->in[axis], cover = 0, full = 0;
  w->out[axis] = want->wanted;
  if (in < 0 || w->kernel[axis] < 0) {
    if (want->wanted >= 0) w->pad_begin[axis] = w->pad_end[axis] = -1;
    return BLOK_OK;
  }
  // No input at all makes no output but what is added to it.
  if (!covered(w, axis, &cover) || !blok_mul_i64(blok_max_i64(in - 1, 0), w->stride[axis], &full) ||
      !blok_add_i64(full, in > 0 ? cover : 0, &full) || !blok_add_i64(full, want->extra, &full)) {
    return fail(r, "kernel, strides or output_padding on axis %u are too large", axis);
  }
  if (want->wanted >= 0) {
    int64_t total = blok_max_i64(full - want->wanted, 0);
    int64_t less = total / 2, more = total - less;
    w->pad_begin[axis] = want->upper ? less : more;
    w->pad_end[axis] = want->upper ? more : less;
    return BLOK_OK;
  }
  int64_t pads = 0;
  if (!blok_add_i64(w->pad_begin[axis], w->pad_end[axis], &pads) || pads > full) {
    return fail(r, "on spatial axis %u the pads %lld and %lld cut off more than the %lld outputs",
                axis, (long long)w->pad_begin[axis], (long long)w->pad_end[axis], (long long)full);
  }
  w->out[axis] = full - pads;
  return BLOK_OK;
}

blok_status blok_window_resolve_transposed(const blok_graph *graph, const blok_node *node,
                                           uint32_t axes, const int64_t *in, const int64_t *kernel,
                                           blok_window *out, blok_error *error) {
  window_reader r = {graph, node, error};
  auto_pad mode;
  int64_t pads[2 * BLOK_MAX_RANK];
  int64_t extra[BLOK_MAX_RANK], wanted[BLOK_MAX_RANK];
  BLOK_TRY(read_window(&r, axes, in, kernel, out, &mode, pads));
  BLOK_TRY(read_ints(&r, "output_padding", axes, 0, 0, extra));
  BLOK_TRY(read_ints(&r, "output_shape", axes, 0, -1, wanted));
  bool same = mode == PAD_SAME_UPPER || mode == PAD_SAME_LOWER;
  for (uint32_t i = 0; i < axes; i++) {
    out->pad_begin[i] = pads[i];
    out->pad_end[i] = pads[axes + i];
    if (same && wanted[i] < 0 && out->in[i] >= 0 &&
        !blok_mul_i64(out->in[i], out->stride[i], &wanted[i])) {
      return fail(&r, "strides[%u] is too large", i);
    }
    if (same && wanted[i] < 0) {
      out->pad_begin[i] = out->pad_end[i] = out->out[i] = -1;
      continue;
    }
    transposed_axis want = {wanted[i], extra[i], mode == PAD_SAME_UPPER};
    BLOK_TRY(resolve_transposed(&r, out, i, &want));
  }
  return BLOK_OK;
}
