// The parts of a squeeze-excite, read backwards. See parts.h.
#include "blocks/parts.h"

#include "base/size.h"

// ---- Gathering ----------------------------------------------------------------------------------

static bool has(const blok_gather *self, blok_node_id node) {
  for (uint32_t i = 0; i < self->n; i++) {
    if (self->nodes[i].i == node.i) return true;
  }
  return false;
}

void blok_gather_add(blok_gather *self, blok_node_id node) {
  if (has(self, node)) return;
  if (self->n == BLOK_GATHER_NODES) {
    self->full = true;
    return;
  }
  self->nodes[self->n++] = node;
}

void blok_gather_unit(blok_gather *self, const blok_unit *unit) {
  for (uint32_t i = 0; i < unit->n_nodes; i++) blok_gather_add(self, unit->nodes[i]);
}

static bool value_private(const blok_gather *self, blok_value_id value) {
  // A node has few slots that are of interest here.
  const uint32_t most = 4 * BLOK_GATHER_NODES;
  uint32_t n = blok_uses_count(&self->matcher->uses, value);
  const blok_use *uses = blok_uses_of(&self->matcher->uses, value);
  if (blok_value_at(self->matcher->graph, value)->is_output || n > most) return false;
  for (uint32_t i = 0; i < n; i++) {
    if (!uses[i].node.i || uses[i].slot == UINT32_MAX || !has(self, uses[i].node)) return false;
  }
  return true;
}

blok_value_id blok_gather_shared(const blok_gather *self, blok_value_id exit) {
  for (uint32_t i = 0; i < self->n; i++) {
    const blok_node *node = blok_node_at(self->matcher->graph, self->nodes[i]);
    for (uint32_t o = 0; o < node->n_outputs; o++) {
      blok_value_id out = node->outputs[o];
      if (out.i && !blok_same_value(out, exit) && !value_private(self, out)) return out;
    }
  }
  return BLOK_NO_VALUE;
}

static const blok_literal *constant(const blok_matcher *matcher, blok_value_id value) {
  return value.i ? blok_value_at(matcher->graph, value)->literal : NULL;
}

bool blok_gather_closed(const blok_gather *self, blok_value_id x, uint32_t *reads) {
  const blok_graph *graph = self->matcher->graph;
  *reads = 0;
  for (uint32_t i = 0; i < self->n; i++) {
    const blok_node *node = blok_node_at(graph, self->nodes[i]);
    for (uint32_t s = 0; s < node->n_inputs; s++) {
      blok_value_id in = node->inputs[s];
      if (!in.i || constant(self->matcher, in)) continue;
      if (blok_same_value(in, x)) {
        ++*reads;
      } else if (!has(self, blok_value_producer(graph, in))) {
        return false;
      }
    }
  }
  return !self->full;
}

// ---- Layout -------------------------------------------------------------------------------------

// Gathers what computes a shape, down to constants and the Shape nodes.
static void gather_shape(blok_gather *self, blok_value_id shape) {
  const blok_graph *graph = self->matcher->graph;
  blok_node_id node = shape.i ? blok_value_producer(graph, shape) : BLOK_NO_NODE;
  uint32_t next = self->n;
  if (node.i) blok_gather_add(self, node);
  // What was added is followed in its turn.
  for (; next < self->n && !self->full; next++) {
    const blok_node *at = blok_node_at(graph, self->nodes[next]);
    if (at->op == BLOK_OP_Shape || at->op == BLOK_OP_Size) continue;
    for (uint32_t s = 0; s < at->n_inputs; s++) {
      node = at->inputs[s].i ? blok_value_producer(graph, at->inputs[s]) : BLOK_NO_NODE;
      if (node.i) blok_gather_add(self, node);
    }
  }
}

// The axes of a shape that are not 1, and at most one that is open.
typedef struct sizes {
  uint32_t n, n_open;
  uint32_t open;  // its place
  int64_t known;  // product of the numbers
  blok_dim dims[BLOK_MAX_RANK];
} sizes;

static bool read_sizes(const blok_fact *fact, sizes *out) {
  *out = (sizes){0, 0, 0, 1, {{0, NULL}}};
  if (fact->rank < 0 || fact->rank > BLOK_MAX_RANK) return false;
  for (int32_t i = 0; i < fact->rank; i++) {
    blok_dim dim = fact->dims[i];
    if (blok_dim_known(dim)) {
      if (dim.value == 1) continue;
      if (dim.value == 0 || !blok_mul_i64(out->known, dim.value, &out->known)) return false;
    } else {
      out->n_open++;
      out->open = out->n;
    }
    out->dims[out->n++] = dim;
  }
  return out->n_open <= 1;
}

// Puts the number that the open axis must be, since both shapes have as many elements.
static bool close_open(sizes *self, int64_t elements) {
  if (elements % self->known != 0) return false;
  int64_t size = elements / self->known;
  self->n_open = 0;
  self->dims[self->open] = blok_dim_of(size);
  if (size != 1) return true;
  for (uint32_t i = self->open + 1; i < self->n; i++) self->dims[i - 1] = self->dims[i];
  self->n--;
  return true;
}

// The same axes in the same order but for those of size 1; both have as many elements.
static bool same_but_ones(const blok_fact *from, const blok_fact *to) {
  sizes a, b;
  if (!read_sizes(from, &a) || !read_sizes(to, &b)) return false;
  if (a.n_open > b.n_open && !close_open(&a, b.known)) return false;
  if (b.n_open > a.n_open && !close_open(&b, a.known)) return false;
  if (a.n != b.n) return false;
  // Where both have an open axis it is the same size if the others are.
  bool open = a.n_open == 1;
  if (open && (a.open != b.open || a.known != b.known)) return false;
  for (uint32_t i = 0; i < a.n; i++) {
    if (open && i == a.open) continue;
    if (a.dims[i].value != b.dims[i].value) return false;
  }
  return true;
}

static bool same_shape(const blok_fact *a, const blok_fact *b) {
  if (a->rank < 0 || a->rank != b->rank) return false;
  for (int32_t i = 0; i < a->rank; i++) {
    if (!blok_dim_same(a->dims[i], b->dims[i])) return false;
  }
  return true;
}

// True when the axes that are not 1 stay in their order.
static bool keeps_order(const blok_node *node, const blok_fact *in) {
  uint32_t n = 0;
  int64_t before = -1;
  const int64_t *perm = blok_node_ints(node, "perm", &n);
  if (in->rank < 0 || n != (uint32_t)in->rank) return false;
  for (uint32_t i = 0; i < n; i++) {
    if (perm[i] < 0 || perm[i] >= n) return false;
    if (in->dims[perm[i]].value == 1) continue;
    if (perm[i] < before) return false;
    before = perm[i];
  }
  return true;
}

static bool is_layout(const blok_matcher *matcher, const blok_node *node) {
  if (!blok_node_input(node, 0).i || node->outputs[0].i == 0) return false;
  const blok_fact *in = &matcher->facts->of[node->inputs[0].i];
  const blok_fact *out = &matcher->facts->of[node->outputs[0].i];
  if (node->op == BLOK_OP_Identity) return true;
  if (node->op == BLOK_OP_Expand) return same_shape(in, out);
  if (node->op == BLOK_OP_Transpose) return keeps_order(node, in);
  return (node->op == BLOK_OP_Reshape || node->op == BLOK_OP_Flatten ||
          node->op == BLOK_OP_Squeeze || node->op == BLOK_OP_Unsqueeze) &&
         same_but_ones(in, out);
}

#define LAYOUT_STEPS 8

blok_value_id blok_layout_read(blok_gather *self, blok_value_id value) {
  for (int i = 0; i < LAYOUT_STEPS; i++) {
    blok_node_id id = blok_value_producer(self->matcher->graph, value);
    const blok_node *node = blok_node_at(self->matcher->graph, id);
    if (!id.i || !is_layout(self->matcher, node)) break;
    blok_gather_add(self, id);
    gather_shape(self, blok_node_input(node, 1));
    value = node->inputs[0];
  }
  return value;
}

bool blok_one_place(const blok_matcher *matcher, blok_value_id value, blok_value_id x) {
  const blok_fact *small = &matcher->facts->of[value.i], *large = &matcher->facts->of[x.i];
  if (large->rank != 4 || small->rank < 3 || small->rank > 4) return false;
  const blok_dim *last = small->dims + (small->rank - 2);
  return last[0].value == 1 && last[1].value == 1;
}

// True when shape is made by a Shape of the whole of x.
static bool is_shape_of(const blok_matcher *matcher, blok_value_id shape, blok_value_id x) {
  if (!shape.i) return false;
  blok_node_id id = blok_value_producer(matcher->graph, shape);
  const blok_node *node = blok_node_at(matcher->graph, id);
  return id.i && node->op == BLOK_OP_Shape && blok_same_value(blok_node_input(node, 0), x) &&
         blok_node_int(node, "start", 0) == 0 && !blok_node_attr(node, "end");
}

blok_value_id blok_expand_read(blok_gather *self, blok_value_id value, blok_value_id x) {
  const blok_matcher *matcher = self->matcher;
  blok_node_id id = blok_value_producer(matcher->graph, value);
  const blok_node *node = blok_node_at(matcher->graph, id);
  if (!id.i || node->op != BLOK_OP_Expand || !blok_node_input(node, 0).i) return value;
  blok_value_id shape = blok_node_input(node, 1);
  if (!is_shape_of(matcher, shape, x) &&
      !same_shape(&matcher->facts->of[value.i], &matcher->facts->of[x.i])) {
    return value;
  }
  blok_gather_add(self, id);
  gather_shape(self, shape);
  return node->inputs[0];
}

// ---- Means --------------------------------------------------------------------------------------

// An AveragePool whose window is the whole picture.
static bool whole_window(const blok_matcher *matcher, const blok_node *node) {
  uint32_t n_kernel, n_pads;
  const blok_fact *in = &matcher->facts->of[node->inputs[0].i];
  const blok_fact *out = &matcher->facts->of[node->outputs[0].i];
  const int64_t *kernel = blok_node_ints(node, "kernel_shape", &n_kernel);
  const int64_t *pads = blok_node_ints(node, "pads", &n_pads);
  if (n_kernel != 2 || in->rank != 4 || out->rank != 4) return false;
  for (uint32_t i = 0; i < n_pads; i++) {
    if (pads[i] != 0) return false;
  }
  for (uint32_t i = 0; i < 2; i++) {
    if (in->dims[2 + i].value != kernel[i] || out->dims[2 + i].value != 1) return false;
  }
  return true;
}

// Bits of the axes that a ReduceMean takes, for an input of this rank; 0: not known.
static uint32_t mean_axes(const blok_matcher *matcher, const blok_node *node, uint32_t rank) {
  uint32_t bits = 0;
  blok_value_id axes = blok_node_input(node, 1);
  const blok_fact *fact = axes.i ? &matcher->facts->of[axes.i] : NULL;
  if (!fact || !fact->elements || fact->n_elements > 2) return 0;
  for (uint32_t i = 0; i < fact->n_elements; i++) {
    uint32_t axis = 0;
    if (!fact->elements[i].known || !blok_axis_normal(fact->elements[i].value, rank, &axis)) {
      return 0;
    }
    bits |= 1u << axis;
  }
  return bits;
}

// The ReduceMean that makes value, or NULL.
static const blok_node *reduce_mean(const blok_matcher *matcher, blok_value_id value,
                                    blok_node_id *id) {
  *id = value.i ? blok_value_producer(matcher->graph, value) : BLOK_NO_NODE;
  const blok_node *node = blok_node_at(matcher->graph, *id);
  bool is = id->i && node->op == BLOK_OP_ReduceMean && blok_node_input(node, 0).i;
  return is ? node : NULL;
}

static const uint32_t both = 1u << 2 | 1u << 3;

// A mean over one axis behind a mean over the other one.
static bool second_mean(blok_gather *self, const blok_node *node, blok_value_id *x) {
  blok_node_id id;
  const blok_node *before = reduce_mean(self->matcher, node->inputs[0], &id);
  if (!before) return false;
  uint32_t first = mean_axes(self->matcher, before, 4);
  bool kept = blok_node_int(before, "keepdims", 1) != 0;
  if (first != 1u << 2 && first != 1u << 3) return false;
  uint32_t second = mean_axes(self->matcher, node, kept ? 4 : 3);
  if (second != (kept ? both & ~first : 1u << 2)) return false;
  blok_gather_add(self, id);
  *x = before->inputs[0];
  return self->matcher->facts->of[x->i].rank == 4;
}

// A mean over the last axis behind a Reshape of [N, C, H, W] to [N, C, H W].
static bool flat_mean(blok_gather *self, const blok_node *node, blok_value_id *x) {
  const blok_matcher *matcher = self->matcher;
  blok_value_id flat = node->inputs[0];
  blok_node_id id = blok_value_producer(matcher->graph, flat);
  const blok_node *reshape = blok_node_at(matcher->graph, id);
  if (!id.i || reshape->op != BLOK_OP_Reshape || !blok_node_input(reshape, 0).i) return false;
  *x = reshape->inputs[0];
  const blok_fact *in = &matcher->facts->of[x->i], *out = &matcher->facts->of[flat.i];
  if (in->rank != 4 || out->rank != 3 || mean_axes(matcher, node, 3) != 1u << 2) return false;
  int64_t area = 0;
  bool areas = blok_dim_known(in->dims[2]) && blok_dim_known(in->dims[3]) &&
               blok_mul_i64(in->dims[2].value, in->dims[3].value, &area) && area > 0 &&
               out->dims[2].value == area;
  bool pictures = blok_dim_same(in->dims[0], out->dims[0]);
  bool channels = blok_dim_same(in->dims[1], out->dims[1]);
  // The third follows from the other two.
  if (!channels || (!areas && !pictures)) return false;
  blok_gather_add(self, id);
  gather_shape(self, blok_node_input(reshape, 1));
  return true;
}

bool blok_mean_read(blok_gather *self, blok_value_id value, blok_value_id *x) {
  const blok_matcher *matcher = self->matcher;
  blok_node_id id = blok_value_producer(matcher->graph, value);
  const blok_node *node = blok_node_at(matcher->graph, id);
  if (!id.i || !blok_node_input(node, 0).i) return false;
  blok_gather_add(self, id);
  *x = node->inputs[0];
  if (node->op == BLOK_OP_GlobalAveragePool) return true;
  if (node->op == BLOK_OP_AveragePool) return whole_window(matcher, node);
  if (node->op != BLOK_OP_ReduceMean) return false;
  int32_t rank = matcher->facts->of[x->i].rank;
  bool kept = blok_node_int(node, "keepdims", 1) != 0;
  if (mean_axes(matcher, node, 4) == both && (rank == 4 || (rank < 0 && kept))) return true;
  return second_mean(self, node, x) || flat_mean(self, node, x);
}

// ---- Products -----------------------------------------------------------------------------------

// A constant of as many numbers as there are outputs, along the axis that stands `behind` axes
// before the last one.
static bool is_bias(const blok_matcher *matcher, blok_value_id value, int64_t n, uint32_t behind) {
  const blok_literal *literal = constant(matcher, value);
  if (!literal || literal->rank <= behind || literal->rank > 4) return false;
  for (uint32_t i = 0; i < literal->rank; i++) {
    if (literal->dims[i] != (i == literal->rank - 1 - behind ? n : 1)) return false;
  }
  return true;
}

static bool read_conv(blok_gather *self, blok_value_id value, blok_small_product *out) {
  const blok_unit *unit = blok_unit_making(self->matcher, value, BLOK_UNIT_CONV);
  if (!unit) return false;
  const blok_conv_desc *desc = unit->conv;
  for (int i = 0; i < 4; i++) {
    if (desc->pads[i] != 0) return false;
  }
  if (desc->kernel[0] != 1 || desc->kernel[1] != 1 || desc->groups != 1) return false;
  const blok_node *node = blok_node_at(self->matcher->graph, unit->nodes[0]);
  blok_gather_unit(self, unit);
  *out =
      (blok_small_product){BLOK_PRODUCT_CONV, desc->in_channels,        desc->out_channels,
                           unit->in,          blok_node_input(node, 1), blok_node_input(node, 2)};
  return true;
}

static bool read_linear(blok_gather *self, blok_value_id value, blok_small_product *out) {
  const blok_matcher *matcher = self->matcher;
  blok_node_id id = blok_value_producer(matcher->graph, value);
  const blok_node *node = blok_node_at(matcher->graph, id);
  if (!id.i || (node->op != BLOK_OP_Gemm && node->op != BLOK_OP_MatMul)) return false;
  const blok_literal *weight = constant(matcher, blok_node_input(node, 1));
  if (!blok_node_input(node, 0).i || !weight || weight->rank != 2) return false;
  bool transposed = false;
  if (node->op == BLOK_OP_Gemm) {
    transposed = blok_node_int(node, "transB", 0) != 0;
    if (blok_node_int(node, "transA", 0) != 0 || blok_node_float(node, "alpha", 1) != 1) {
      return false;
    }
    out->bias = blok_node_input(node, 2);
    if (out->bias.i && blok_node_float(node, "beta", 1) != 1) return false;
  }
  out->kind = transposed ? BLOK_PRODUCT_LINEAR : BLOK_PRODUCT_LINEAR_IN_OUT;
  out->in_size = weight->dims[transposed ? 1 : 0];
  out->out_size = weight->dims[transposed ? 0 : 1];
  out->in = node->inputs[0];
  out->weight = node->inputs[1];
  const blok_fact *fact = &matcher->facts->of[out->in.i];
  blok_gather_add(self, id);
  return fact->rank >= 1 && fact->dims[fact->rank - 1].value == out->in_size &&
         (!out->bias.i || is_bias(matcher, out->bias, out->out_size, 0));
}

bool blok_small_product_read(blok_gather *self, blok_value_id value, blok_small_product *out) {
  const blok_matcher *matcher = self->matcher;
  *out = (blok_small_product){BLOK_PRODUCT_CONV, 0, 0, {0}, {0}, {0}};
  blok_node_id id = blok_value_producer(matcher->graph, value);
  const blok_node *add = blok_node_at(matcher->graph, id);
  if (!id.i || add->op != BLOK_OP_Add || add->n_inputs != 2) {
    return read_conv(self, value, out) || read_linear(self, value, out);
  }
  for (uint32_t c = 0; c < 2; c++) {
    blok_value_id in = add->inputs[1 - c], bias = add->inputs[c];
    if (!in.i || !constant(matcher, bias)) continue;
    bool conv = read_conv(self, in, out);
    if ((!conv && !read_linear(self, in, out)) || out->bias.i) return false;
    if (!is_bias(matcher, bias, out->out_size, conv ? 2 : 0)) return false;
    out->bias = bias;
    blok_gather_add(self, id);
    // The addition must not broaden what it is added to.
    return matcher->facts->of[in.i].rank == matcher->facts->of[value.i].rank;
  }
  return false;
}
