// Operators that PyTorch computes element by element: most are a pattern, $0 and $1 their inputs.
#include <math.h>
#include <string.h>

#include "codegen/python.h"

// The pattern with its inputs in place; NULL when one of them is missing.
static const char *fill(blok_py_call *call, const char *pattern, bool tensors) {
  const char *text = "";
  for (const char *from = pattern; *from; from++) {
    if (*from != '$') {
      text = blok_py(call->python, "%s%c", text, *from);
      continue;
    }
    const uint32_t slot = (uint32_t)(*++from - '0');
    const char *in = tensors ? blok_py_tensor(call, slot) : blok_py_operand(call, slot);
    if (!in) return blok_py_refuse(call, "an input is missing");
    text = blok_py(call->python, "%s%s", text, in);
  }
  return text;
}

static const struct {
  const char *op_type, *pattern;
  bool tensors;  // PyTorch's function takes no plain numbers
} patterns[] = {
    {"Abs", "torch.abs($0)", true},
    {"Acos", "torch.acos($0)", true},
    {"Add", "$0 + $1", false},
    {"And", "torch.logical_and($0, $1)", true},
    {"Asin", "torch.asin($0)", true},
    {"Atan", "torch.atan($0)", true},
    {"Ceil", "torch.ceil($0)", true},
    {"Cos", "torch.cos($0)", true},
    {"Equal", "$0 == $1", false},
    {"Erf", "torch.erf($0)", true},
    {"Exp", "torch.exp($0)", true},
    {"Floor", "torch.floor($0)", true},
    {"Greater", "$0 > $1", false},
    {"GreaterOrEqual", "$0 >= $1", false},
    {"HardSwish", "F.hardswish($0)", true},
    {"Identity", "$0", true},
    {"IsInf", "torch.isinf($0)", true},
    {"IsNaN", "torch.isnan($0)", true},
    {"Less", "$0 < $1", false},
    {"LessOrEqual", "$0 <= $1", false},
    {"Log", "torch.log($0)", true},
    {"Mish", "F.mish($0)", true},
    {"Mul", "$0 * $1", false},
    {"Neg", "-$0", true},
    {"Not", "torch.logical_not($0)", true},
    {"Or", "torch.logical_or($0, $1)", true},
    {"PRelu", "torch.where($0 < 0, $0 * $1, $0)", true},
    {"Pow", "$0 ** $1", false},
    {"Reciprocal", "1 / $0", true},
    {"Relu", "F.relu($0)", true},
    {"Round", "torch.round($0)", true},
    {"Sigmoid", "torch.sigmoid($0)", true},
    {"Sign", "torch.sign($0)", true},
    {"Sin", "torch.sin($0)", true},
    {"Softplus", "F.softplus($0)", true},
    {"Softsign", "F.softsign($0)", true},
    {"Sqrt", "torch.sqrt($0)", true},
    {"Sub", "$0 - $1", false},
    {"Tan", "torch.tan($0)", true},
    {"Tanh", "torch.tanh($0)", true},
    {"Where", "torch.where($0, $1, $2)", true},
    {"Xor", "torch.logical_xor($0, $1)", true},
};

static const char *by_pattern(blok_py_call *call) {
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    if (strcmp(patterns[i].op_type, call->node->op_type) == 0) {
      return fill(call, patterns[i].pattern, patterns[i].tensors);
    }
  }
  return NULL;
}

static const char *of_div(blok_py_call *call) {
  if (blok_py_is_float(call, 0)) return fill(call, "$0 / $1", false);
  return fill(call, "torch.div($0, $1, rounding_mode=\"trunc\")", true);
}

static const char *of_mod(blok_py_call *call) {
  const bool fmod = blok_node_int(call->node, "fmod", 0) != 0;
  return fill(call, fmod ? "torch.fmod($0, $1)" : "torch.remainder($0, $1)", true);
}

// Max, Min, Sum of any number of inputs; Mean is not spelled.
static const char *of_many(blok_py_call *call) {
  const bool sum = call->node->op_type[0] == 'S';
  const char *name = strcmp(call->node->op_type, "Max") == 0 ? "maximum" : "minimum";
  const char *text = blok_py_tensor(call, 0);
  for (uint32_t i = 1; text && i < call->node->n_inputs; i++) {
    const char *next = blok_py_tensor(call, i);
    if (!next) return blok_py_refuse(call, "an input is missing");
    text = sum ? blok_py(call->python, "%s + %s", text, next)
               : blok_py(call->python, "torch.%s(%s, %s)", name, text, next);
  }
  return text;
}

static const char *of_clip(blok_py_call *call) {
  blok_inline low, high;
  const blok_outline *outline = call->python->outline;
  const blok_value_id from = blok_node_input(call->node, 1), to = blok_node_input(call->node, 2);
  const bool plain = (!from.i || blok_outline_inline(outline, from, &low)) &&
                     (!to.i || blok_outline_inline(outline, to, &high));
  const char *min = plain ? blok_py_in(call, 1) : blok_py_tensor(call, 1);
  const char *max = plain ? blok_py_in(call, 2) : blok_py_tensor(call, 2);
  if (!min && !max) return blok_py_in(call, 0);
  return blok_py(call->python, "torch.clamp(%s%s%s%s%s)", blok_py_tensor(call, 0),
                 min ? ", min=" : "", min ? min : "", max ? ", max=" : "", max ? max : "");
}

static const char *torch_type(blok_dtype dtype) {
  const char *name = blok_dtype_name(dtype);
  static const char *const known[] = {"float32", "uint8", "int8",    "int16",   "int32",
                                      "int64",   "bool",  "float16", "float64", "bfloat16"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(name, known[i]) == 0) return name;
  }
  return NULL;
}

static const char *of_cast(blok_py_call *call) {
  const char *type = torch_type((blok_dtype)blok_node_int(call->node, "to", 0));
  if (!type) return blok_py_refuse(call, "a type that PyTorch does not have");
  return blok_py(call->python, "%s.to(torch.%s)", blok_py_tensor(call, 0), type);
}

static const char *of_cast_like(blok_py_call *call) { return fill(call, "$0.to($1.dtype)", true); }

// f(x, alpha) with alpha's default left out.
static const char *with_alpha(blok_py_call *call, const char *function, float fallback,
                              float of_torch) {
  const float alpha = blok_node_float(call->node, "alpha", fallback);
  if (alpha == of_torch)
    return blok_py(call->python, "F.%s(%s)", function, blok_py_tensor(call, 0));
  return blok_py(call->python, "F.%s(%s, %s)", function, blok_py_tensor(call, 0),
                 blok_py_float(call, "alpha", fallback));
}

static const char *of_elu(blok_py_call *call) { return with_alpha(call, "elu", 1, 1); }
static const char *of_celu(blok_py_call *call) { return with_alpha(call, "celu", 1, 1); }
static const char *of_leaky(blok_py_call *call) {
  return with_alpha(call, "leaky_relu", 0.01F, 0.01F);
}

static const char *of_selu(blok_py_call *call) {
  const double alpha = (double)blok_node_float(call->node, "alpha", 1.67326324F);
  const double gamma = (double)blok_node_float(call->node, "gamma", 1.05070102F);
  if (fabs(alpha - 1.6732632423543772) > 1e-6 || fabs(gamma - 1.0507009873554805) > 1e-6) {
    return blok_py_refuse(call, "alpha and gamma other than PyTorch's");
  }
  return fill(call, "F.selu($0)", true);
}

static const char *of_hard_sigmoid(blok_py_call *call) {
  const float alpha = blok_node_float(call->node, "alpha", 0.2F);
  const float beta = blok_node_float(call->node, "beta", 0.5F);
  if (fabsf(alpha - 1.0F / 6) < 1e-7F && beta == 0.5F) return fill(call, "F.hardsigmoid($0)", true);
  return blok_py(call->python, "torch.clamp(%s * %s + %s, 0, 1)", blok_py_tensor(call, 0),
                 blok_py_float(call, "alpha", 0.2F), blok_py_float(call, "beta", 0.5F));
}

static const char *of_gelu(blok_py_call *call) {
  const bool tanh = blok_node_text_is(call->node, "approximate", "none", "tanh");
  return fill(call, tanh ? "F.gelu($0, approximate=\"tanh\")" : "F.gelu($0)", true);
}

static const char *of_swish(blok_py_call *call) {
  if (blok_node_float(call->node, "alpha", 1) == 1) return fill(call, "F.silu($0)", true);
  const char *x = blok_py_tensor(call, 0);
  return blok_py(call->python, "%s * torch.sigmoid(%s * %s)", x, x,
                 blok_py_float(call, "alpha", 1));
}

static const char *of_thresholded(blok_py_call *call) {
  return blok_py(call->python, "F.threshold(%s, %s, 0.0)", blok_py_tensor(call, 0),
                 blok_py_float(call, "alpha", 1));
}

static const char *of_trilu(blok_py_call *call) {
  const char *k = blok_py_in(call, 1);
  return blok_py(call->python, "torch.%s(%s, %s)",
                 blok_node_int(call->node, "upper", 1) ? "triu" : "tril", blok_py_tensor(call, 0),
                 k ? k : "0");
}

// Nothing at inference.
static const char *of_dropout(blok_py_call *call) {
  int64_t training[BLOK_INLINE_ELEMENTS] = {0};
  uint32_t n = 0;
  if (!blok_py_ints(call, 2, NULL, &n, training) || (n && training[0])) {
    return blok_py_refuse(call, "it is in training mode");
  }
  if (blok_node_output(call->node, 1).i) return blok_py_refuse(call, "its mask is read");
  return blok_py_tensor(call, 0);
}

static const struct {
  const char *op_type;
  blok_py_fn write;
} functions[] = {
    {"Cast", of_cast},
    {"CastLike", of_cast_like},
    {"Celu", of_celu},
    {"Clip", of_clip},
    {"Div", of_div},
    {"Dropout", of_dropout},
    {"Elu", of_elu},
    {"Gelu", of_gelu},
    {"HardSigmoid", of_hard_sigmoid},
    {"LeakyRelu", of_leaky},
    {"Max", of_many},
    {"Min", of_many},
    {"Mod", of_mod},
    {"Selu", of_selu},
    {"Sum", of_many},
    {"Swish", of_swish},
    {"ThresholdedRelu", of_thresholded},
    {"Trilu", of_trilu},
};

blok_py_fn blok_py_find_elementwise(const char *op_type) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (strcmp(functions[i].op_type, op_type) == 0) return functions[i].write;
  }
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    if (strcmp(patterns[i].op_type, op_type) == 0) return by_pattern;
  }
  return NULL;
}
