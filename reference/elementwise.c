// Elementwise operators of one input, Clip and Dropout.
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "graph/literal.h"
#include "reference/reference.h"
#include "reference/rows.h"

// ---- Functions of one number --------------------------------------------------------------------

typedef struct unary {
  double (*function)(const struct unary *self, double x);
  double (*plain)(double x);  // instead of function: one that needs no parameters
  double alpha, beta;
} unary;

static double plain_of(const unary *self, double x) { return self->plain(x); }

static double celu(const unary *self, double x) {
  return x < 0.0 ? self->alpha * expm1(x / self->alpha) : x;
}

static double shrink(const unary *self, double x) {
  if (x < -self->alpha) return x + self->beta;
  return x > self->alpha ? x - self->beta : isnan(x) ? x : 0.0;
}

static double sign_of(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }

static double softsign(double x) { return x / (1.0 + fabs(x)); }

static double thresholded_relu(const unary *self, double x) {
  return x > self->alpha || isnan(x) ? x : 0.0;
}

static double elu(const unary *self, double x) { return x < 0.0 ? self->alpha * expm1(x) : x; }

static double gelu_exact(const unary *self, double x) {
  (void)self;
  return 0.5 * x * (1.0 + erf(x * 0.70710678118654752440));
}

static double gelu_tanh(const unary *self, double x) {
  (void)self;
  return 0.5 * x * (1.0 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

// NaN passes through both comparisons.
static double unit_clamp(double x) { return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x; }

static double hard_sigmoid(const unary *self, double x) {
  return unit_clamp(self->alpha * x + self->beta);
}

static double hard_swish(const unary *self, double x) {
  (void)self;
  return x * unit_clamp(x / 6.0 + 0.5);
}

static double leaky_relu(const unary *self, double x) { return x < 0.0 ? self->alpha * x : x; }

// log(1 + exp(x)), which never overflows.
static double softplus(const unary *self, double x) {
  (void)self;
  return (x < 0.0 ? 0.0 : x) + log1p(exp(-fabs(x)));
}

static double mish(const unary *self, double x) { return x * tanh(softplus(self, x)); }

static double neg(const unary *self, double x) {
  (void)self;
  return -x;
}

static double reciprocal(const unary *self, double x) {
  (void)self;
  return 1.0 / x;
}

static double relu(const unary *self, double x) {
  (void)self;
  return x < 0.0 ? 0.0 : x;
}

// What lies half way goes to the even neighbour.
static double round_of(const unary *self, double x) {
  (void)self;
  return rint(x);
}

static double selu(const unary *self, double x) {
  return self->beta * (x < 0.0 ? self->alpha * expm1(x) : x);
}

static double sigmoid(const unary *self, double x) {
  (void)self;
  return 1.0 / (1.0 + exp(-x));
}

static double swish(const unary *self, double x) { return x / (1.0 + exp(-self->alpha * x)); }

// An operator of one input: its function, and the attributes that are its parameters, with their
// defaults.
typedef struct unary_row {
  blok_op op;
  double (*function)(const unary *self, double x);
  const char *alpha;  // NULL: none
  float alpha_default;
  const char *beta;
  float beta_default;
} unary_row;

static const unary_row unary_rows[] = {
    {BLOK_OP_Celu, celu, "alpha", 1.0F, NULL, 0.0F},
    {BLOK_OP_Elu, elu, "alpha", 1.0F, NULL, 0.0F},
    {BLOK_OP_HardSigmoid, hard_sigmoid, "alpha", 0.2F, "beta", 0.5F},
    {BLOK_OP_HardSwish, hard_swish, NULL, 0.0F, NULL, 0.0F},
    {BLOK_OP_LeakyRelu, leaky_relu, "alpha", 0.01F, NULL, 0.0F},
    {BLOK_OP_Mish, mish, NULL, 0.0F, NULL, 0.0F},
    {BLOK_OP_Neg, neg, NULL, 0.0F, NULL, 0.0F},
    {BLOK_OP_Reciprocal, reciprocal, NULL, 0.0F, NULL, 0.0F},
    {BLOK_OP_Relu, relu, NULL, 0.0F, NULL, 0.0F},
    {BLOK_OP_Round, round_of, NULL, 0.0F, NULL, 0.0F},
    {BLOK_OP_Selu, selu, "alpha", 1.67326319217681884765625F, "gamma", 1.05070102214813232421875F},
    {BLOK_OP_Shrink, shrink, "lambd", 0.5F, "bias", 0.0F},
    {BLOK_OP_Sigmoid, sigmoid, NULL, 0.0F, NULL, 0.0F},
    {BLOK_OP_Softplus, softplus, NULL, 0.0F, NULL, 0.0F},
    {BLOK_OP_Swish, swish, "alpha", 1.0F, NULL, 0.0F},
    {BLOK_OP_ThresholdedRelu, thresholded_relu, "alpha", 1.0F, NULL, 0.0F},
};

static const struct {
  blok_op op;
  double (*function)(double x);
} plain_rows[] = {
    {BLOK_OP_Abs, fabs},    {BLOK_OP_Acos, acos},   {BLOK_OP_Acosh, acosh},
    {BLOK_OP_Asin, asin},   {BLOK_OP_Asinh, asinh}, {BLOK_OP_Atan, atan},
    {BLOK_OP_Atanh, atanh}, {BLOK_OP_Ceil, ceil},   {BLOK_OP_Cos, cos},
    {BLOK_OP_Cosh, cosh},   {BLOK_OP_Erf, erf},     {BLOK_OP_Exp, exp},
    {BLOK_OP_Floor, floor}, {BLOK_OP_Log, log},     {BLOK_OP_Sign, sign_of},
    {BLOK_OP_Sin, sin},     {BLOK_OP_Sinh, sinh},   {BLOK_OP_Softsign, softsign},
    {BLOK_OP_Sqrt, sqrt},   {BLOK_OP_Tan, tan},     {BLOK_OP_Tanh, tanh},
};

static blok_status choose_gelu(const blok_ref_call *call, unary *out, blok_error *error) {
  if (blok_node_text_is(call->node, "approximate", "none", "none")) {
    out->function = gelu_exact;
  } else if (blok_node_text_is(call->node, "approximate", "none", "tanh")) {
    out->function = gelu_tanh;
  } else {
    return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED,
                         "attribute approximate is neither none nor tanh");
  }
  return BLOK_OK;
}

// function stays NULL for an operator that is none of these.
static blok_status choose(const blok_ref_call *call, unary *out, blok_error *error) {
  const blok_node *node = call->node;
  *out = (unary){0};
  if (node->op == BLOK_OP_Gelu) return choose_gelu(call, out, error);
  for (size_t i = 0; i < sizeof plain_rows / sizeof plain_rows[0]; i++) {
    if (plain_rows[i].op != node->op) continue;
    out->function = plain_of;
    out->plain = plain_rows[i].function;
    return BLOK_OK;
  }
  for (size_t i = 0; i < sizeof unary_rows / sizeof unary_rows[0]; i++) {
    const unary_row *row = &unary_rows[i];
    if (row->op != node->op) continue;
    out->function = row->function;
    if (row->alpha) out->alpha = (double)blok_node_float(node, row->alpha, row->alpha_default);
    if (row->beta) out->beta = (double)blok_node_float(node, row->beta, row->beta_default);
    break;
  }
  return BLOK_OK;
}

static size_t piece(size_t count, size_t from) {
  return count - from < BLOK_ROW ? count - from : BLOK_ROW;
}

static void relu_f32(const float *in, float *out, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = in[i] < 0.0F ? 0.0F : in[i];
}

// Relu and Neg take signed integers, Abs and Sign all.
static bool takes_integers(blok_op op, blok_dtype dtype) {
  if (!blok_dtype_is_integer(dtype)) return false;
  if (op == BLOK_OP_Abs || op == BLOK_OP_Sign) return true;
  return (op == BLOK_OP_Relu || op == BLOK_OP_Neg) && !blok_dtype_is_unsigned(dtype);
}

// Wraps: the lowest number of a type is its own negative.
static int64_t integer_op(blok_op op, int64_t x) {
  int64_t negative = (int64_t)(0 - (uint64_t)x);
  if (op == BLOK_OP_Neg) return negative;
  if (op == BLOK_OP_Sign) return x > 0 ? 1 : x < 0 ? -1 : 0;
  if (x >= 0) return x;
  return op == BLOK_OP_Abs ? negative : 0;
}

static void integers(blok_op op, const blok_tensor *in, const blok_tensor *out, size_t count) {
  int64_t row[BLOK_ROW];
  bool is_unsigned = blok_dtype_is_unsigned(in->dtype);
  for (size_t from = 0; from < count; from += BLOK_ROW) {
    size_t n = piece(count, from);
    blok_row_load_i64(in, (int64_t)from, 1, n, row);
    for (size_t i = 0; i < n; i++) {
      if (!is_unsigned) row[i] = integer_op(op, row[i]);
      if (is_unsigned && op == BLOK_OP_Sign) row[i] = row[i] != 0;
    }
    blok_row_store_i64(out, (int64_t)from, n, row);
  }
}

blok_status blok_ref_Unary(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *out = call->out[0];
  size_t count = blok_ref_count(out);
  unary of;
  BLOK_TRY(choose(call, &of, error));
  if (!of.function) {
    return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED, "this build has no such function");
  }
  if (call->node->op == BLOK_OP_Relu && in->dtype == BLOK_F32) {
    relu_f32(in->data, out->data, count);
    return BLOK_OK;
  }
  if (takes_integers(call->node->op, in->dtype)) {
    integers(call->node->op, in, out, count);
    return BLOK_OK;
  }
  if (!blok_dtype_is_float(in->dtype)) return blok_ref_unsupported_type(call, error, in->dtype);
  double row[BLOK_ROW];
  for (size_t from = 0; from < count; from += BLOK_ROW) {
    size_t n = piece(count, from);
    blok_ref_load_many(in, from, n, row);
    for (size_t i = 0; i < n; i++) row[i] = of.function(&of, row[i]);
    blok_ref_store_many(out, from, n, row);
  }
  return BLOK_OK;
}

// ---- Clip ---------------------------------------------------------------------------------------

// As numpy: the lower bound first, then the upper one, and NaN on either side gives NaN.
static double clip_one(double x, const double *low, const double *high) {
  if (low && (x < *low || isnan(*low))) x = *low;
  if (high && (x > *high || isnan(*high)) && !isnan(x)) x = *high;
  return x;
}

static bool below(int64_t a, int64_t b, bool is_unsigned) {
  return is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

static void clip_integers(const blok_tensor *in, const blok_tensor *low, const blok_tensor *high,
                          const blok_tensor *out, size_t count) {
  int64_t row[BLOK_ROW];
  bool is_unsigned = blok_dtype_is_unsigned(in->dtype);
  int64_t least = low ? blok_ref_load_i64(low, 0) : 0;
  int64_t most = high ? blok_ref_load_i64(high, 0) : 0;
  for (size_t from = 0; from < count; from += BLOK_ROW) {
    size_t n = piece(count, from);
    blok_row_load_i64(in, (int64_t)from, 1, n, row);
    for (size_t i = 0; i < n; i++) {
      if (low && below(row[i], least, is_unsigned)) row[i] = least;
      if (high && below(most, row[i], is_unsigned)) row[i] = most;
    }
    blok_row_store_i64(out, (int64_t)from, n, row);
  }
}

blok_status blok_ref_Clip(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *low = blok_ref_in(call, 1);
  const blok_tensor *high = blok_ref_in(call, 2);
  const blok_tensor *out = call->out[0];
  size_t count = blok_ref_count(out);
  for (uint32_t i = 1; i <= 2; i++) {
    const blok_tensor *limit = blok_ref_in(call, i);
    if (!limit) continue;
    if (blok_ref_count(limit) != 1) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "%s has the shape %s instead of one element",
                           i == 1 ? "min" : "max", blok_print_dims(limit->dims, limit->rank).text);
    }
    if (limit->dtype != in->dtype) {
      return blok_ref_fail(call, error, BLOK_E_SHAPE, "input is %s, %s is %s",
                           blok_dtype_name(in->dtype), i == 1 ? "min" : "max",
                           blok_dtype_name(limit->dtype));
    }
  }
  if (blok_dtype_is_integer(in->dtype)) {
    clip_integers(in, low, high, out, count);
    return BLOK_OK;
  }
  if (!blok_dtype_is_float(in->dtype)) return blok_ref_unsupported_type(call, error, in->dtype);
  double row[BLOK_ROW];
  double least = low ? blok_ref_load(low, 0) : 0.0;
  double most = high ? blok_ref_load(high, 0) : 0.0;
  for (size_t from = 0; from < count; from += BLOK_ROW) {
    size_t n = piece(count, from);
    blok_ref_load_many(in, from, n, row);
    for (size_t i = 0; i < n; i++) {
      row[i] = clip_one(row[i], low ? &least : NULL, high ? &most : NULL);
    }
    blok_ref_store_many(out, from, n, row);
  }
  return BLOK_OK;
}

// ---- Dropout ------------------------------------------------------------------------------------

// At inference nothing is dropped; nor is in training with a ratio of 0.
blok_status blok_ref_Dropout(blok_ref_call *call, blok_error *error) {
  const blok_tensor *in = call->in[0];
  const blok_tensor *ratio = blok_ref_in(call, 1);
  const blok_tensor *training = blok_ref_in(call, 2);
  const blok_tensor *out = call->out[0];
  const blok_tensor *mask = call->n_out > 1 ? call->out[1] : NULL;
  size_t count = blok_ref_count(out);
  size_t bytes = 0;
  bool drops = training && blok_ref_count(training) == 1 && blok_ref_load(training, 0) != 0.0;
  if (drops && !(ratio && blok_ref_count(ratio) == 1 && blok_ref_load(ratio, 0) == 0.0)) {
    return blok_ref_fail(call, error, BLOK_E_UNSUPPORTED,
                         "training_mode is true: only inference is supported; export the model in "
                         "evaluation mode");
  }
  if (!blok_dense_bytes(in->dtype, count, &bytes)) {
    return blok_ref_unsupported_type(call, error, in->dtype);
  }
  if (bytes > 0) memcpy(out->data, in->data, bytes);
  if (mask && count > 0) memset(mask->data, 1, count);
  return BLOK_OK;
}
