// Activations spelled in several nodes.
//
// Two shapes hold all of them. A bound: x, maybe multiplied and shifted, kept between two numbers
// (relu6, hard sigmoid). A product: Mul and Div by numbers flattened into one number and a few
// factors, so that it does not matter in which order an exporter multiplies; one factor is x, the
// other is computed from x (silu, hard swish, gelu, mish). Every value inside is read by the
// spelling alone.
#include <math.h>
#include <string.h>

#include "blocks/matcher.h"

// The nodes read so far, from the last to the first.
typedef struct spelling {
  const blok_matcher *matcher;
  uint32_t n;
  blok_node_id nodes[BLOK_UNIT_NODES];
} spelling;

static bool take(spelling *self, blok_node_id node) {
  if (self->n == BLOK_UNIT_NODES) return false;
  self->nodes[self->n++] = node;
  return true;
}

// The node of this operator that makes value for one reader alone; NULL otherwise.
static const blok_node *inner(const spelling *self, blok_value_id value, blok_op op,
                              blok_node_id *id) {
  if (!value.i || !blok_only_read(self->matcher, value, 1)) return NULL;
  *id = blok_value_producer(self->matcher->graph, value);
  const blok_node *node = blok_node_at(self->matcher->graph, *id);
  return id->i && node->op == op && blok_node_input(node, 0).i ? node : NULL;
}

// Takes the node of one input, of this operator, that makes value; *in is its input.
static bool take_unary(spelling *self, blok_value_id value, blok_op op, blok_value_id *in) {
  blok_node_id id;
  const blok_node *node = inner(self, value, op, &id);
  if (!node || !take(self, id)) return false;
  *in = node->inputs[0];
  return true;
}

// Takes the Add of a number that makes value; *in is the other input.
static bool take_shift(spelling *self, blok_value_id value, double *number, blok_value_id *in) {
  blok_node_id id;
  const blok_node *node = inner(self, value, BLOK_OP_Add, &id);
  for (uint32_t c = 0; node && c < 2; c++) {
    if (!blok_number_beside(self->matcher, node, c, number)) continue;
    *in = node->inputs[1 - c];
    return take(self, id);
  }
  return false;
}

// ---- Products -----------------------------------------------------------------------------------

#define FACTORS 4

typedef struct product {
  double number;
  uint32_t n;
  blok_value_id factor[FACTORS];
} product;

// The two operands of a Mul, or those of a Div by a number with its reciprocal.
static bool is_product(const spelling *self, const blok_node *node, double *divisor) {
  *divisor = 0;
  if (node->n_inputs != 2 || !node->inputs[0].i || !node->inputs[1].i) return false;
  if (node->op == BLOK_OP_Mul) return true;
  return node->op == BLOK_OP_Div && blok_number_beside(self->matcher, node, 1, divisor) &&
         *divisor != 0;
}

// Puts the operands of a product at place i of the factors and behind the last; numbers go into
// the number. False: too many factors.
static bool open_product(const spelling *self, const blok_node *node, double divisor, uint32_t i,
                         product *out) {
  double number = 0;
  uint32_t first = 0, n = divisor != 0 ? 1 : 2;
  if (divisor != 0) out->number /= divisor;
  for (uint32_t c = 0; n == 2 && c < 2; c++) {
    if (!blok_number_beside(self->matcher, node, c, &number)) continue;
    out->number *= number;
    first = 1 - c;
    n = 1;
  }
  if (n == 2 && out->n == FACTORS) return false;
  out->factor[i] = node->inputs[first];
  if (n == 2) out->factor[out->n++] = node->inputs[1];
  return true;
}

// Flattens the product that node makes, and takes its nodes.
static bool read_product(spelling *self, blok_node_id id, product *out) {
  double divisor;
  const blok_node *node = blok_node_at(self->matcher->graph, id);
  if (!is_product(self, node, &divisor) || !take(self, id)) return false;
  out->number = 1;
  out->n = 1;
  if (!open_product(self, node, divisor, 0, out)) return false;
  for (uint32_t i = 0; i < out->n;) {
    blok_value_id value = out->factor[i];
    blok_node_id maker = blok_value_producer(self->matcher->graph, value);
    node = blok_node_at(self->matcher->graph, maker);
    bool opened = maker.i && blok_only_read(self->matcher, value, 1) &&
                  is_product(self, node, &divisor) && self->n < BLOK_UNIT_NODES &&
                  open_product(self, node, divisor, i, out);
    if (!opened) {
      i++;
    } else if (!take(self, maker)) {
      return false;
    }
  }
  return true;
}

// The same of a value; one that no product makes is a product of one factor. A product's value must
// be read by this spelling alone.
static bool value_product(spelling *self, blok_value_id value, product *out) {
  blok_node_id id = blok_value_producer(self->matcher->graph, value);
  double divisor;
  if (id.i && is_product(self, blok_node_at(self->matcher->graph, id), &divisor) &&
      blok_only_read(self->matcher, value, 1)) {
    return read_product(self, id, out);
  }
  *out = (product){1, 1, {value}};
  return true;
}

// ---- Parts --------------------------------------------------------------------------------------

// value = a x + b: up to two nodes; x is where they end.
static void take_line(spelling *self, blok_value_id value, double *a, double *b, blok_value_id *x) {
  *a = 1;
  *b = 0;
  *x = value;
  for (int i = 0; i < 2; i++) {
    double number = 0, divisor;
    blok_node_id id = blok_value_producer(self->matcher->graph, *x);
    const blok_node *node = blok_node_at(self->matcher->graph, id);
    if (!id.i || !blok_only_read(self->matcher, *x, 1) || node->n_inputs != 2) return;
    uint32_t c = 1;
    if (!blok_number_beside(self->matcher, node, 1, &number)) {
      c = 0;
      if (!blok_number_beside(self->matcher, node, 0, &number)) return;
    }
    if (node->op == BLOK_OP_Add) {
      *b += *a * number;
    } else if (node->op == BLOK_OP_Sub && c == 1) {
      *b -= *a * number;
    } else if (is_product(self, node, &divisor)) {
      *a = divisor != 0 ? *a / divisor : *a * number;
    } else {
      return;
    }
    if (!take(self, id)) return;
    *x = node->inputs[1 - c];
  }
}

// The activation unit that makes value for one reader alone, with its nodes taken; NULL otherwise.
static const blok_unit *take_unit(spelling *self, blok_value_id value, blok_activation activation) {
  const blok_unit *unit = blok_unit_making(self->matcher, value, BLOK_UNIT_ACT);
  if (!unit || unit->activation != activation || !blok_only_read(self->matcher, value, 1)) {
    return NULL;
  }
  for (uint32_t i = unit->n_nodes; i-- > 0;) {
    if (!take(self, unit->nodes[i])) return NULL;
  }
  return unit;
}

// number * value is the hard sigmoid a x + b between 0 and 1.
static bool take_hard_sigmoid(spelling *self, blok_value_id value, double number, double *a,
                              double *b, blok_value_id *x) {
  spelling before = *self;
  const blok_unit *gate = take_unit(self, value, BLOK_ACT_HARD_SIGMOID);
  if (gate) {
    *a = gate->alpha;
    *b = gate->beta;
    *x = gate->in;
    return blok_fits_number(number, 1);
  }
  *self = before;
  const blok_unit *bound = take_unit(self, value, BLOK_ACT_RELU6);
  double high = 6;
  if (!bound) {
    *self = before;
    bound = take_unit(self, value, BLOK_ACT_CLIP);
    if (!bound || bound->alpha != 0) return false;
    high = bound->beta;
  }
  if (!blok_fits_number(high * number, 1)) return false;
  take_line(self, bound->in, a, b, x);
  *a *= number;
  *b *= number;
  return *b != 0;
}

// value is x to this power: the operator, or a product of x with itself.
static bool is_power(spelling *self, const product *of, blok_value_id x, uint32_t power) {
  if (of->n == 1 && !blok_same_value(of->factor[0], x)) {
    blok_node_id id;
    const blok_node *node = inner(self, of->factor[0], BLOK_OP_Pow, &id);
    double exponent = 0;
    return node && blok_number_beside(self->matcher, node, 1, &exponent) && exponent == power &&
           blok_same_value(node->inputs[0], x) && take(self, id);
  }
  if (of->n != power) return false;
  for (uint32_t i = 0; i < power; i++) {
    if (!blok_same_value(of->factor[i], x)) return false;
  }
  return true;
}

// value is sqrt(2 / pi) (x + 0.044715 x^3).
static bool take_cubic(spelling *self, blok_value_id value, blok_value_id x) {
  product whole, part;
  if (!value_product(self, value, &whole) || !blok_fits_number(whole.number, 0.7978845608028654)) {
    return false;
  }
  if (whole.n == 2) {
    // x (1 + 0.044715 x^2)
    uint32_t at = blok_same_value(whole.factor[0], x) ? 1 : 0;
    double one = 0;
    blok_value_id square;
    return blok_same_value(whole.factor[1 - at], x) &&
           take_shift(self, whole.factor[at], &one, &square) && one == 1 &&
           value_product(self, square, &part) && blok_fits_number(part.number, 0.044715) &&
           is_power(self, &part, x, 2);
  }
  blok_node_id id;
  const blok_node *sum = whole.n == 1 ? inner(self, whole.factor[0], BLOK_OP_Add, &id) : NULL;
  if (!sum || sum->n_inputs != 2 || !take(self, id)) return false;
  uint32_t at = blok_same_value(sum->inputs[0], x) ? 1 : 0;
  return blok_same_value(sum->inputs[1 - at], x) && value_product(self, sum->inputs[at], &part) &&
         blok_fits_number(part.number, 0.044715) && is_power(self, &part, x, 3);
}

// number * value is (1 + erf(x / sqrt 2)) / 2, or the same by tanh.
static bool take_gelu(spelling *self, blok_value_id value, double number, blok_value_id x,
                      blok_activation *activation) {
  double one = 0;
  blok_value_id rest, in;
  product curve, line;
  if (!take_shift(self, value, &one, &rest) || !value_product(self, rest, &curve)) return false;
  if (curve.n != 1 || !blok_fits_number(one * number, 0.5) ||
      !blok_fits_number(curve.number * number, 0.5)) {
    return false;
  }
  if (take_unary(self, curve.factor[0], BLOK_OP_Erf, &in)) {
    *activation = BLOK_ACT_GELU;
    return value_product(self, in, &line) && line.n == 1 && blok_same_value(line.factor[0], x) &&
           blok_fits_number(line.number, 0.7071067811865476);
  }
  *activation = BLOK_ACT_GELU_TANH;
  return take_unary(self, curve.factor[0], BLOK_OP_Tanh, &in) && take_cubic(self, in, x);
}

// value is tanh(softplus(x)).
static bool take_mish(spelling *self, blok_value_id value, blok_value_id x) {
  blok_value_id soft, in, sum;
  double one = 0;
  if (!take_unary(self, value, BLOK_OP_Tanh, &soft)) return false;
  if (take_unary(self, soft, BLOK_OP_Softplus, &in)) return blok_same_value(in, x);
  return take_unary(self, soft, BLOK_OP_Log, &sum) && take_shift(self, sum, &one, &in) &&
         one == 1 && take_unary(self, in, BLOK_OP_Exp, &in) && blok_same_value(in, x);
}

// ---- Whole spellings ----------------------------------------------------------------------------

// number * x * value, where value is computed from x.
static bool read_gated(spelling *self, double number, blok_value_id x, blok_value_id value,
                       blok_unit *unit) {
  const spelling before = *self;
  blok_value_id in;
  double a, b;
  unit->in = x;
  const blok_unit *sigmoid = take_unit(self, value, BLOK_ACT_SIGMOID);
  if (sigmoid) {
    unit->activation = BLOK_ACT_SILU;
    return number == 1 && blok_same_value(sigmoid->in, x);
  }
  *self = before;
  if (take_hard_sigmoid(self, value, number, &a, &b, &in)) {
    unit->activation = BLOK_ACT_HARD_SWISH;
    return blok_same_value(in, x) && blok_fits_number(a, 1.0 / 6) && blok_fits_number(b, 0.5);
  }
  *self = before;
  if (take_gelu(self, value, number, x, &unit->activation)) return true;
  *self = before;
  unit->activation = BLOK_ACT_MISH;
  return number == 1 && take_mish(self, value, x);
}

static bool read_whole_product(spelling *self, blok_node_id id, blok_unit *unit) {
  product whole;
  if (!read_product(self, id, &whole)) return false;
  if (whole.n == 1) {
    unit->activation = BLOK_ACT_HARD_SIGMOID;
    return take_hard_sigmoid(self, whole.factor[0], whole.number, &unit->alpha, &unit->beta,
                             &unit->in);
  }
  const spelling before = *self;
  for (uint32_t g = 0; whole.n == 2 && g < 2; g++) {
    *self = before;
    if (read_gated(self, whole.number, whole.factor[1 - g], whole.factor[g], unit)) return true;
  }
  return false;
}

// What keeps its input between two numbers: Clip, Relu, Min, Max.
static bool read_bound(const spelling *self, const blok_node *node, double *low, double *high,
                       blok_value_id *in) {
  const blok_matcher *matcher = self->matcher;
  *low = -HUGE_VAL;
  *high = HUGE_VAL;
  *in = blok_node_input(node, 0);
  if (node->op == BLOK_OP_Relu) {
    *low = 0;
    return true;
  }
  if (node->op == BLOK_OP_Clip) {
    blok_value_id min = blok_node_input(node, 1), max = blok_node_input(node, 2);
    return (!min.i || blok_constant_number(matcher, min, low)) &&
           (!max.i || blok_constant_number(matcher, max, high));
  }
  if (node->op != BLOK_OP_Min && node->op != BLOK_OP_Max) return false;
  double *bound = node->op == BLOK_OP_Min ? high : low;
  for (uint32_t c = 0; c < 2; c++) {
    if (!blok_number_beside(matcher, node, c, bound)) continue;
    *in = node->inputs[1 - c];
    return true;
  }
  return false;
}

static bool unbounded(double bound) { return isinf(bound) != 0; }

// One or two nodes that bound x from below and above, and what is multiplied and shifted before.
static bool read_whole_bound(spelling *self, blok_node_id id, blok_unit *unit) {
  const blok_graph *graph = self->matcher->graph;
  double low, high, lower, upper;
  blok_value_id x, further;
  if (!read_bound(self, blok_node_at(graph, id), &low, &high, &x) || !take(self, id)) return false;
  blok_node_id before = blok_value_producer(graph, x);
  // One bounds what the other leaves open.
  if (unbounded(low) != unbounded(high) && before.i && blok_only_read(self->matcher, x, 1) &&
      read_bound(self, blok_node_at(graph, before), &lower, &upper, &further) &&
      unbounded(lower) != unbounded(low) && unbounded(upper) != unbounded(high) &&
      fmax(low, lower) <= fmin(high, upper) && take(self, before)) {
    low = fmax(low, lower);
    high = fmin(high, upper);
    x = further;
  }
  unit->in = x;
  if (low == 0 && high == 1) {
    const spelling bound = *self;
    unit->activation = BLOK_ACT_HARD_SIGMOID;
    take_line(self, x, &unit->alpha, &unit->beta, &unit->in);
    if (unit->beta != 0) return true;
    *self = bound;
    unit->in = x;
  }
  bool named = low == 0 && (high == 6 || unbounded(high));
  unit->activation = !named ? BLOK_ACT_CLIP : high == 6 ? BLOK_ACT_RELU6 : BLOK_ACT_RELU;
  unit->alpha = named ? 0 : low;
  unit->beta = named ? 0 : high;
  return true;
}

static bool read_spelling(spelling *self, const blok_node *node, blok_node_id id, blok_unit *unit) {
  if (node->op == BLOK_OP_Relu || node->op == BLOK_OP_Clip || node->op == BLOK_OP_Min ||
      node->op == BLOK_OP_Max) {
    return read_whole_bound(self, id, unit);
  }
  return (node->op == BLOK_OP_Mul || node->op == BLOK_OP_Div) && read_whole_product(self, id, unit);
}

bool blok_activation_spelled(const blok_matcher *matcher, blok_node_id id, blok_unit *unit) {
  spelling self = {matcher, 0, {BLOK_NO_NODE}};
  blok_unit found = *unit;
  if (!read_spelling(&self, blok_node_at(matcher->graph, id), id, &found)) return false;
  found.n_nodes = self.n;
  found.in_reads = 0;
  for (uint32_t i = 0; i < self.n; i++) {
    // From the first to the last.
    found.nodes[i] = self.nodes[self.n - 1 - i];
    const blok_node *node = blok_node_at(matcher->graph, found.nodes[i]);
    for (uint32_t s = 0; s < node->n_inputs; s++) {
      if (blok_same_value(node->inputs[s], found.in)) found.in_reads++;
    }
  }
  *unit = found;
  return true;
}
