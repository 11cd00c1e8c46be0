// Binary operators and activations: which form they run in, and what of them the fused kernels do.
//
// Where a full-sized operand stands blocked the result does too. An addition takes the scale of a
// squeeze-excite along; adding or multiplying numbers by channel is a bias or factor.
#include "runtime/ops/elementwise.h"

#include "base/error.h"

typedef struct kind_row {
  blok_op op;
  blok_binary_kind kind;
  const char *name;
  bool commutes;
} kind_row;

static const kind_row *row_of(blok_op op) {
  static const kind_row rows[] = {
      {BLOK_OP_Add, BLOK_BINARY_ADD, "add", true},
      {BLOK_OP_Sum, BLOK_BINARY_ADD, "add", true},
      {BLOK_OP_Sub, BLOK_BINARY_SUB, "subtract", false},
      {BLOK_OP_Mul, BLOK_BINARY_MUL, "multiply", true},
      {BLOK_OP_Div, BLOK_BINARY_DIV, "divide", false},
      {BLOK_OP_Max, BLOK_BINARY_MAX, "maximum", true},
      {BLOK_OP_Min, BLOK_BINARY_MIN, "minimum", true},
      {BLOK_OP_PRelu, BLOK_BINARY_PRELU, "prelu", false},
      {BLOK_OP_Pow, BLOK_BINARY_POW, "power", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].op == op) return &rows[i];
  }
  return NULL;
}

// ---- Blocked ------------------------------------------------------------------------------------

typedef enum operand_kind {
  OPERAND_OTHER,     // does not fit planes
  OPERAND_FULL,      // of the result's shape
  OPERAND_REPEATED,  // dims of 1 beside the result's; all pixels or none
  OPERAND_SINGLE,    // the same, of one channel for all
  OPERAND_CHANNELS   // a constant of one number, or of one a channel
} operand_kind;

static operand_kind kind_of(const blok_lowering *lowering, blok_value_id value,
                            const blok_tensor *out) {
  blok_tensor shape;
  bool full = true, pixels = true, one = true;
  if (blok_lower_is_constant(lowering, value)) {
    return blok_lower_by_channel(lowering, value, out) ? OPERAND_CHANNELS : OPERAND_OTHER;
  }
  if (!blok_lower_floats(lowering, value, &shape) || shape.rank != out->rank) return OPERAND_OTHER;
  for (uint32_t d = 0; d < shape.rank; d++) {
    const bool same = shape.dims[d] == out->dims[d];
    if (!same && shape.dims[d] != 1) return OPERAND_OTHER;
    full = full && same;
    if (d >= 2) {
      pixels = pixels && same;
      one = one && shape.dims[d] == 1;
    }
  }
  if (full) return OPERAND_FULL;
  if (!pixels && !one) return OPERAND_OTHER;
  return shape.dims[1] == out->dims[1] ? OPERAND_REPEATED : OPERAND_SINGLE;
}

typedef struct blocked_pair {
  const kind_row *row;
  blok_value_id a, b;
  operand_kind a_kind, b_kind;
} blocked_pair;

// The operands so that the first is full-sized if that may be; false where planes do not serve.
static bool choose_blocked(const blok_lowering *lowering, const blok_tensor *out,
                           blok_value_id result, blocked_pair *pair) {
  if (out->rank != 3 && out->rank != 4) return false;
  pair->a_kind = kind_of(lowering, pair->a, out);
  pair->b_kind = kind_of(lowering, pair->b, out);
  if (pair->row->commutes && pair->a_kind != OPERAND_FULL) {
    const blok_value_id value = pair->a;
    const operand_kind kind = pair->a_kind;
    pair->a = pair->b;
    pair->a_kind = pair->b_kind;
    pair->b = value;
    pair->b_kind = kind;
  }
  if (pair->a_kind == OPERAND_OTHER || pair->a_kind == OPERAND_SINGLE ||
      pair->b_kind == OPERAND_OTHER) {
    return false;
  }
  return (pair->a_kind == OPERAND_FULL && blok_lower_go_blocked(lowering, pair->a, out, result)) ||
         (pair->b_kind == OPERAND_FULL && blok_lower_go_blocked(lowering, pair->b, out, result));
}

// Both full-sized: one of them may have a scale to be applied.
static blok_status add_full(blok_lowering *lowering, const blok_region *region, blocked_pair *pair,
                            blok_planes_map *map, blok_error *error) {
  blok_buffer_id in, beside, scale;
  BLOK_TRY(blok_lower_scaled(lowering, pair->a, &in, &scale, error));
  if (scale) {
    BLOK_TRY(blok_lower_blocked(lowering, pair->b, &beside, error));
  } else {
    beside = in;
    BLOK_TRY(blok_lower_scaled(lowering, pair->b, &in, &scale, error));
  }
  const blok_planes planes = blok_lower_buffer(lowering, in)->planes;
  map->in = blok_plane_operand_of(lowering, in, &planes);
  map->beside = blok_plane_operand_of(lowering, beside, &planes);
  map->scale = blok_plane_operand_scale(lowering, scale, &planes);
  map->after = region->act;
  return BLOK_OK;
}

// channels: the numbers of the operand that is a constant.
static blok_status general(blok_lowering *lowering, const blok_region *region, blocked_pair *pair,
                           const float *channels, blok_planes_map *map, blok_error *error) {
  blok_buffer_id a = 0, b = 0;
  const blok_plane_operand numbers = blok_plane_operand_channels(lowering, channels);
  if (pair->a_kind != OPERAND_CHANNELS) {
    BLOK_TRY(blok_lower_blocked(lowering, pair->a, &a, error));
  }
  if (pair->b_kind != OPERAND_CHANNELS) {
    BLOK_TRY(blok_lower_blocked(lowering, pair->b, &b, error));
  }
  const blok_planes planes =
      blok_lower_buffer(lowering, pair->a_kind == OPERAND_FULL ? a : b)->planes;
  const blok_plane_operand other = b ? blok_plane_operand_of(lowering, b, &planes) : numbers;
  map->in = a ? blok_plane_operand_of(lowering, a, &planes) : numbers;
  map->act = region->act;
  const bool by_channel = other.row == 0 && !other.single;
  if (by_channel && pair->row->kind == BLOK_BINARY_ADD) {
    map->bias = other;
  } else if (by_channel && pair->row->kind == BLOK_BINARY_MUL) {
    map->mul = other;
  } else {
    map->beside = other;
    map->binary = true;
    map->kind = pair->row->kind;
  }
  return BLOK_OK;
}

static blok_status lower_blocked(blok_lowering *lowering, const blok_region *region,
                                 blocked_pair *pair, const blok_tensor *out, bool *done,
                                 blok_error *error) {
  blok_region arrays = {.slope = region->slope};
  if (pair->a_kind == OPERAND_CHANNELS) arrays.scale = pair->a;
  if (pair->b_kind == OPERAND_CHANNELS) arrays.scale = pair->b;
  blok_epilogue epilogue;
  blok_planes_map map = {0};
  bool fits;
  if (region->slope.i && !blok_lower_by_channel(lowering, region->slope, out)) return BLOK_OK;
  BLOK_TRY(blok_lower_epilogue(lowering, &arrays, BLOK_NO_VALUE, (uint32_t)out->dims[1], false,
                               &epilogue, &fits, error));
  if (!fits) return BLOK_OK;
  if (pair->row->kind == BLOK_BINARY_ADD && pair->a_kind == OPERAND_FULL &&
      pair->b_kind == OPERAND_FULL) {
    BLOK_TRY(add_full(lowering, region, pair, &map, error));
  } else {
    BLOK_TRY(general(lowering, region, pair, epilogue.scale, &map, error));
  }
  map.slope = blok_plane_operand_channels(lowering, epilogue.slope);
  *done = true;
  return blok_lower_planes_map(lowering, pair->row->name, region->out, &map, error);
}

// ---- The regions --------------------------------------------------------------------------------

blok_status blok_lower_binary(blok_lowering *lowering, const blok_region *region, bool *done,
                              blok_error *error) {
  const blok_node *node = blok_node_at(blok_lower_graph(lowering), region->anchor);
  blocked_pair pair = {.row = row_of(node->op)};
  blok_tensor shape, operand;
  if (!pair.row || node->n_inputs != 2 || region->residual.i) return BLOK_OK;
  pair.a = node->inputs[0];
  pair.b = node->inputs[1];
  if (!blok_lower_floats(lowering, region->out, &shape) ||
      !blok_lower_floats(lowering, pair.a, &operand) ||
      !blok_lower_floats(lowering, pair.b, &operand)) {
    return BLOK_OK;
  }
  if (choose_blocked(lowering, &shape, region->out, &pair)) {
    return lower_blocked(lowering, region, &pair, &shape, done, error);
  }
  if (region->act.kind == BLOK_FN_PRELU) return BLOK_OK;
  return blok_lower_plain_pair(lowering, pair.row->name, pair.row->kind, region->act,
                               node->inputs[0], node->inputs[1], region->out, done, error);
}

// On planes: a scale that waits is applied on the way.
static blok_status act_blocked(blok_lowering *lowering, const blok_region *region,
                               const blok_tensor *shape, bool *done, blok_error *error) {
  const blok_region arrays = {.slope = region->slope};
  blok_epilogue epilogue;
  blok_planes_map map = {.act = region->act};
  blok_buffer_id in, scale;
  bool fits;
  BLOK_TRY(blok_lower_epilogue(lowering, &arrays, BLOK_NO_VALUE, (uint32_t)shape->dims[1], false,
                               &epilogue, &fits, error));
  if (!fits) return BLOK_OK;
  BLOK_TRY(blok_lower_scaled(lowering, region->in, &in, &scale, error));
  const blok_planes planes = blok_lower_buffer(lowering, in)->planes;
  map.in = blok_plane_operand_of(lowering, in, &planes);
  map.mul = blok_plane_operand_scale(lowering, scale, &planes);
  map.slope = blok_plane_operand_channels(lowering, epilogue.slope);
  *done = true;
  return blok_lower_planes_map(lowering, "activation", region->out, &map, error);
}

blok_status blok_lower_activation(blok_lowering *lowering, const blok_region *region, bool *done,
                                  blok_error *error) {
  blok_tensor in, out;
  if (!blok_lower_floats(lowering, region->in, &in) ||
      !blok_lower_floats(lowering, region->out, &out) || in.bytes != out.bytes) {
    return BLOK_OK;
  }
  if (blok_lower_go_blocked(lowering, region->in, &in, region->out) &&
      (!region->slope.i || blok_lower_by_channel(lowering, region->slope, &in))) {
    return act_blocked(lowering, region, &in, done, error);
  }
  if (region->slope.i) {
    return blok_lower_plain_pair(lowering, "prelu", BLOK_BINARY_PRELU,
                                 (blok_act){BLOK_FN_NONE, 0, 0}, region->in, region->slope,
                                 region->out, done, error);
  }
  *done = true;
  return blok_lower_plain_act(lowering, region->act, region->in, region->out, error);
}
