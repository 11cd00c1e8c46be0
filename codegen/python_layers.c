// Convolutions, pools, products, norms and softmaxes as calls of PyTorch's functions.
#include <math.h>
#include <string.h>

#include "codegen/python.h"
#include "graph/infer.h"

// ---- Windows ------------------------------------------------------------------------------------

// Kernel, strides, pads and dilations of a convolution or pool.
typedef struct window {
  uint32_t axes;
  int64_t kernel[3], stride[3], dilation[3], begin[3], end[3];
  bool same;   // auto_pad SAME_*
  bool lower;  // SAME_LOWER
} window;

static void take(const blok_node *node, const char *name, uint32_t axes, int64_t *out) {
  uint32_t n = 0;
  const int64_t *values = blok_node_ints(node, name, &n);
  for (uint32_t i = 0; i < axes; i++) out[i] = i < n ? values[i] : 1;
}

// False where the number of axes is not 1 to 3, or the kernel is not known.
static bool read_window(const blok_py_call *call, bool conv, window *out) {
  const blok_node *node = call->node;
  const int32_t rank = blok_py_rank(call, 0);
  uint32_t n = 0;
  *out = (window){.axes = rank >= 3 && rank <= 5 ? (uint32_t)rank - 2 : 0};
  if (!out->axes) return false;
  take(node, "kernel_shape", out->axes, out->kernel);
  take(node, "strides", out->axes, out->stride);
  take(node, "dilations", out->axes, out->dilation);
  if (conv) {
    const blok_fact *weight = blok_py_fact(call, 1);
    if (weight->rank != rank) return false;
    for (uint32_t i = 0; i < out->axes; i++) out->kernel[i] = weight->dims[i + 2].value;
  }
  const int64_t *pads = blok_node_ints(node, "pads", &n);
  for (uint32_t i = 0; i < out->axes && n == 2 * out->axes; i++) {
    out->begin[i] = pads[i];
    out->end[i] = pads[out->axes + i];
  }
  out->lower = blok_node_text_is(node, "auto_pad", "NOTSET", "SAME_LOWER");
  out->same = out->lower || blok_node_text_is(node, "auto_pad", "NOTSET", "SAME_UPPER");
  if (blok_node_text_is(node, "auto_pad", "NOTSET", "VALID")) {
    memset(out->begin, 0, sizeof out->begin);
    memset(out->end, 0, sizeof out->end);
  }
  return true;
}

static bool is_even(const window *w) {
  for (uint32_t i = 0; i < w->axes; i++) {
    if (w->begin[i] != w->end[i]) return false;
  }
  return !w->same;
}

static bool any(const int64_t *values, uint32_t n, int64_t other) {
  for (uint32_t i = 0; i < n; i++) {
    if (values[i] != other) return true;
  }
  return false;
}

// x with the window's uneven pads put round it: "F.pad(x, (0, 1, 0, 1))".
static const char *padded(blok_py_call *call, const window *w, const char *x, const char *value) {
  blok_python *self = call->python;
  const char *text = "";
  if (w->same) {
    self->uses[BLOK_PY_SAME_PAD] = true;
    return blok_py(self, "same_pad(%s, %s, %s, %s, lower=%s, value=%s)", x,
                   blok_py_tuple(self, w->kernel, w->axes, false),
                   blok_py_tuple(self, w->stride, w->axes, false),
                   blok_py_tuple(self, w->dilation, w->axes, false), w->lower ? "True" : "False",
                   value);
  }
  for (uint32_t i = w->axes; i-- > 0;) {
    text = blok_py(self, "%s%s%lld, %lld", text, *text ? ", " : "", (long long)w->begin[i],
                   (long long)w->end[i]);
  }
  const char *last = strcmp(value, "0") == 0 ? "" : blok_py(self, ", value=%s", value);
  return blok_py(self, "F.pad(%s, (%s)%s)", x, text, last);
}

// ", stride=2, padding=1, dilation=2", what is 1 or 0 left out.
static const char *window_arguments(blok_py_call *call, const window *w, bool padding,
                                    const char *const names[3]) {
  blok_python *self = call->python;
  const char *text = "";
  if (names[0] && any(w->stride, w->axes, 1)) {
    text =
        blok_py(self, "%s, %s=%s", text, names[0], blok_py_tuple(self, w->stride, w->axes, true));
  }
  if (padding && any(w->begin, w->axes, 0)) {
    text = blok_py(self, "%s, %s=%s", text, names[1], blok_py_tuple(self, w->begin, w->axes, true));
  }
  if (names[2] && any(w->dilation, w->axes, 1)) {
    text =
        blok_py(self, "%s, %s=%s", text, names[2], blok_py_tuple(self, w->dilation, w->axes, true));
  }
  return text;
}

static const char *const window_names[3] = {"stride", "padding", "dilation"};

static const char *of_conv(blok_py_call *call) {
  window w;
  const char *weight = blok_py_tensor(call, 1), *bias = blok_py_tensor(call, 2);
  if (!read_window(call, true, &w)) return blok_py_refuse(call, "its number of axes is not known");
  const bool even = is_even(&w);
  const long long groups = blok_node_int(call->node, "group", 1);
  return blok_py(call->python, "F.conv%ud(%s, %s, %s%s%s)", w.axes,
                 even ? blok_py_tensor(call, 0) : padded(call, &w, blok_py_tensor(call, 0), "0"),
                 weight, bias ? bias : "None", window_arguments(call, &w, even, window_names),
                 groups == 1 ? "" : blok_py(call->python, ", groups=%lld", groups));
}

static const char *of_conv_transpose(blok_py_call *call) {
  window w;
  uint32_t n = 0;
  blok_python *self = call->python;
  const char *weight = blok_py_tensor(call, 1), *bias = blok_py_tensor(call, 2);
  const long long groups = blok_node_int(call->node, "group", 1);
  if (!read_window(call, true, &w)) return blok_py_refuse(call, "its number of axes is not known");
  if (blok_node_attr(call->node, "output_shape") || w.same) {
    return blok_py_refuse(call, "its pads depend on the shape of what it makes");
  }
  const int64_t *extra = blok_node_ints(call->node, "output_padding", &n);
  int64_t more[3] = {0, 0, 0};
  for (uint32_t i = 0; i < w.axes; i++) {
    more[i] = (i < n ? extra[i] : 0) + w.begin[i] - w.end[i];
    if (more[i] < 0 || (more[i] >= w.stride[i] && more[i] >= w.dilation[i])) {
      return blok_py_refuse(call, "pads that differ so much are none of PyTorch's");
    }
  }
  const char *out = any(more, w.axes, 0) ? blok_py(self, ", output_padding=%s",
                                                   blok_py_tuple(self, more, w.axes, true))
                                         : "";
  return blok_py(self, "F.conv_transpose%ud(%s, %s, %s%s%s%s)", w.axes, blok_py_tensor(call, 0),
                 weight, bias ? bias : "None", window_arguments(call, &w, true, window_names), out,
                 groups == 1 ? "" : blok_py(self, ", groups=%lld", groups));
}

// PyTorch pads a pool by half its kernel at most.
static bool pool_takes(const window *w) {
  for (uint32_t i = 0; i < w->axes; i++) {
    if (w->begin[i] > w->kernel[i] / 2) return false;
  }
  return is_even(w);
}

// A pool's ", stride=": its default is the kernel, not 1.
static const char *pool_stride(blok_py_call *call, const window *w) {
  if (memcmp(w->stride, w->kernel, w->axes * sizeof *w->stride) == 0) return "";
  return blok_py(call->python, ", stride=%s",
                 blok_py_tuple(call->python, w->stride, w->axes, true));
}

static const char *of_max_pool(blok_py_call *call) {
  static const char *const names[3] = {NULL, "padding", "dilation"};
  window w;
  if (!read_window(call, false, &w)) return blok_py_refuse(call, "its number of axes is not known");
  if (blok_node_output(call->node, 1).i) return blok_py_refuse(call, "its indices are read");
  const bool even = pool_takes(&w);
  const bool ceil = blok_node_int(call->node, "ceil_mode", 0) != 0;
  return blok_py(
      call->python, "F.max_pool%ud(%s, %s%s%s%s)", w.axes,
      even ? blok_py_tensor(call, 0) : padded(call, &w, blok_py_tensor(call, 0), "float(\"-inf\")"),
      blok_py_tuple(call->python, w.kernel, w.axes, true), pool_stride(call, &w),
      window_arguments(call, &w, even, names), ceil ? ", ceil_mode=True" : "");
}

static const char *of_average_pool(blok_py_call *call) {
  static const char *const names[3] = {NULL, "padding", NULL};
  window w;
  blok_python *self = call->python;
  if (!read_window(call, false, &w)) return blok_py_refuse(call, "its number of axes is not known");
  const bool counted = blok_node_int(call->node, "count_include_pad", 0) != 0;
  const bool ceil = blok_node_int(call->node, "ceil_mode", 0) != 0;
  if (any(w.dilation, w.axes, 1)) return blok_py_refuse(call, "PyTorch has no dilation for it");
  const char *kernel = blok_py_tuple(self, w.kernel, w.axes, true);
  const char *end = ceil ? ", ceil_mode=True" : "";
  if (pool_takes(&w)) {
    const bool bare = counted || !any(w.begin, w.axes, 0);
    return blok_py(self, "F.avg_pool%ud(%s, %s%s%s%s%s)", w.axes, blok_py_tensor(call, 0), kernel,
                   pool_stride(call, &w), window_arguments(call, &w, true, names), end,
                   bare ? "" : ", count_include_pad=False");
  }
  if (ceil) return blok_py_refuse(call, "uneven pads together with ceil_mode");
  const char *x = padded(call, &w, blok_py_tensor(call, 0), "0");
  if (counted) {
    return blok_py(self, "F.avg_pool%ud(%s, %s%s)", w.axes, x, kernel, pool_stride(call, &w));
  }
  self->uses[BLOK_PY_AVERAGE_POOL] = true;
  return blok_py(self, "mean_of_windows(F.avg_pool%ud, lambda x: %s, %s, %s%s)", w.axes,
                 padded(call, &w, "x", "0"), blok_py_tensor(call, 0), kernel,
                 pool_stride(call, &w));
}

static const char *of_global_pool(blok_py_call *call) {
  const int32_t rank = blok_py_rank(call, 0);
  const bool mean = strcmp(call->node->op_type, "GlobalAveragePool") == 0;
  const char *axes = "";
  if (rank < 3) return blok_py_refuse(call, "its number of axes is not known");
  for (int32_t i = 2; i < rank; i++) {
    axes = blok_py(call->python, "%s%s%d", axes, i > 2 ? ", " : "", (int)i);
  }
  return blok_py(call->python, "%s.%s((%s%s), keepdim=True)", blok_py_tensor(call, 0),
                 mean ? "mean" : "amax", axes, rank == 3 ? "," : "");
}

// ---- Products -----------------------------------------------------------------------------------

static const char *of_matmul(blok_py_call *call) {
  return blok_py(call->python, "%s @ %s", blok_py_tensor(call, 0), blok_py_tensor(call, 1));
}

static const char *of_gemm(blok_py_call *call) {
  blok_python *self = call->python;
  const blok_node *node = call->node;
  const char *a = blok_py_tensor(call, 0), *b = blok_py_tensor(call, 1);
  const char *c = blok_py_operand(call, 2);
  if (blok_node_int(node, "transA", 0)) a = blok_py(self, "%s.T", a);
  if (blok_node_int(node, "transB", 0)) b = blok_py(self, "%s.T", b);
  const char *text = blok_py(self, "%s @ %s", a, b);
  if (blok_node_float(node, "alpha", 1) != 1) {
    text = blok_py(self, "%s * (%s)", blok_py_float(call, "alpha", 1), text);
  }
  if (!c) return text;
  if (blok_node_float(node, "beta", 1) != 1) {
    c = blok_py(self, "%s * %s", blok_py_float(call, "beta", 1), c);
  }
  return blok_py(self, "%s + %s", text, c);
}

static const char *of_einsum(blok_py_call *call) {
  blok_python *self = call->python;
  const blok_attr *equation = blok_node_attr(call->node, "equation");
  if (!equation || equation->type != BLOK_ATTR_STRING) {
    return blok_py_refuse(call, "it has no equation");
  }
  const char *text = blok_py_keep(
      self, blok_arena_textn(&self->arena, (const char *)equation->as.s.data, equation->as.s.size));
  const char *quoted = blok_py_keep(self, blok_quoted_text(&self->arena, text));
  blok_page inputs;
  blok_page_begin(&inputs, &self->outline->allocator);
  blok_page_item(&inputs, quoted);
  for (uint32_t i = 0; i < call->node->n_inputs; i++) {
    blok_page_item(&inputs, blok_py_tensor(call, i));
  }
  return blok_py(self, "torch.einsum(%s)", blok_py_list(self, &inputs));
}

// ---- Norms and softmaxes ------------------------------------------------------------------------

static const char *of_batch_norm(blok_py_call *call) {
  if (blok_node_int(call->node, "training_mode", 0)) {
    return blok_py_refuse(call, "it is in training mode");
  }
  return blok_py(call->python, "F.batch_norm(%s, %s, %s, %s, %s, eps=%s)", blok_py_tensor(call, 0),
                 blok_py_tensor(call, 3), blok_py_tensor(call, 4), blok_py_tensor(call, 1),
                 blok_py_tensor(call, 2), blok_py_float(call, "epsilon", 1e-5F));
}

static const char *of_instance_norm(blok_py_call *call) {
  return blok_py(call->python, "F.instance_norm(%s, weight=%s, bias=%s, eps=%s)",
                 blok_py_tensor(call, 0), blok_py_tensor(call, 1), blok_py_tensor(call, 2),
                 blok_py_float(call, "epsilon", 1e-5F));
}

static const char *of_group_norm(blok_py_call *call) {
  return blok_py(call->python, "F.group_norm(%s, %lld, %s, %s, eps=%s)", blok_py_tensor(call, 0),
                 (long long)blok_node_int(call->node, "num_groups", 1), blok_py_tensor(call, 1),
                 blok_py_tensor(call, 2), blok_py_float(call, "epsilon", 1e-5F));
}

// The last axes from axis on: "x.shape[-1:]".
static const char *of_layer_norm(blok_py_call *call) {
  int64_t axis = 0;
  const int32_t rank = blok_py_rank(call, 0);
  const char *x = blok_py_tensor(call, 0), *bias = blok_py_tensor(call, 2);
  if (rank < 0 || !blok_py_axis(call, -1, &axis)) {
    return blok_py_refuse(call, "its number of axes is not known");
  }
  if (blok_node_output(call->node, 1).i || blok_node_output(call->node, 2).i) {
    return blok_py_refuse(call, "its mean or deviation is read");
  }
  const long long last = (long long)axis - rank;
  return blok_py(call->python,
                 "F.layer_norm(%s, %s.shape[%lld:], %s.expand(%s.shape[%lld:]), %s%s%s%s, eps=%s)",
                 x, x, last, blok_py_tensor(call, 1), x, last, bias ? bias : "None",
                 bias ? ".expand(" : "",
                 bias ? blok_py(call->python, "%s.shape[%lld:]", x, last) : "", bias ? ")" : "",
                 blok_py_float(call, "epsilon", 1e-5F));
}

static const char *of_softmax(blok_py_call *call) {
  const bool log = strcmp(call->node->op_type, "LogSoftmax") == 0;
  return blok_py(call->python, "F.%s(%s, %lld)", log ? "log_softmax" : "softmax",
                 blok_py_tensor(call, 0), (long long)blok_node_int(call->node, "axis", -1));
}

static const char *of_lrn(blok_py_call *call) {
  const long long size = blok_node_int(call->node, "size", 1);
  if (size % 2 == 0) return blok_py_refuse(call, "an even size, which PyTorch centres otherwise");
  return blok_py(call->python, "F.local_response_norm(%s, %lld, alpha=%s, beta=%s, k=%s)",
                 blok_py_tensor(call, 0), size, blok_py_float(call, "alpha", 1e-4F),
                 blok_py_float(call, "beta", 0.75F), blok_py_float(call, "bias", 1));
}

static const struct {
  const char *op_type;
  blok_py_fn write;
} functions[] = {
    {"AveragePool", of_average_pool},
    {"BatchNormalization", of_batch_norm},
    {"Conv", of_conv},
    {"ConvTranspose", of_conv_transpose},
    {"Einsum", of_einsum},
    {"Gemm", of_gemm},
    {"GlobalAveragePool", of_global_pool},
    {"GlobalMaxPool", of_global_pool},
    {"GroupNormalization", of_group_norm},
    {"InstanceNormalization", of_instance_norm},
    {"LRN", of_lrn},
    {"LayerNormalization", of_layer_norm},
    {"LogSoftmax", of_softmax},
    {"MatMul", of_matmul},
    {"MaxPool", of_max_pool},
    {"Softmax", of_softmax},
};

blok_py_fn blok_py_find_layers(const char *op_type) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (strcmp(functions[i].op_type, op_type) == 0) return functions[i].write;
  }
  return NULL;
}
