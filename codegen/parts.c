// Nodes that no block holds: linear layers and norms, whose weights go by the layer's name, and
// plain nodes, whose constants stand in the text where they are short.
#include "codegen/parts.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/half.h"
#include "codegen/page.h"

static const blok_literal *literal_of(const blok_outline *outline, blok_value_id value) {
  return value.i ? blok_value_at(outline->graph, value)->literal : NULL;
}

static bool is_op(const blok_node *node, const char *op_type) {
  return *blok_node_domain(node) == '\0' && strcmp(node->op_type, op_type) == 0;
}

// A float32 constant of that many elements, whatever its ones.
static bool is_vector(const blok_literal *literal, int64_t n) {
  size_t count = 0;
  return literal && literal->dtype == BLOK_F32 && blok_literal_count(literal, &count) &&
         (int64_t)count == n && literal->rank >= 1 && literal->dims[literal->rank - 1] == n;
}

// "fc" of a weight called "fc.weight"; else of a node called "/head/fc/Gemm" "head.fc"; NULL
// where neither says anything.
static const char *layer_name(blok_making *making, const blok_node *node, blok_value_id weight) {
  static const char ending[] = ".weight";
  const char *name = blok_value_at(making->outline->graph, weight)->name;
  const size_t length = strlen(name);
  if (length > sizeof ending - 1 && !strpbrk(name, "/:") &&
      strcmp(name + length - (sizeof ending - 1), ending) == 0) {
    return blok_arena_textn(&making->arena, name, length - (sizeof ending - 1));
  }
  if (node->scope && *node->scope) return node->scope;
  if (!node->name || node->name[0] != '/') return NULL;
  const char *end = strrchr(node->name, '/');
  if (end == node->name) return NULL;
  char *text = blok_arena_textn(&making->arena, node->name + 1, (size_t)(end - node->name - 1));
  for (char *at = text; at && *at; at++) {
    if (*at == '/') *at = '.';
  }
  return text;
}

// ---- Layers -------------------------------------------------------------------------------------

// The layer's bias and weight as its item will save them.
typedef struct layer {
  blok_item item;
  blok_value_id weight, bias, mean, variance;
} layer;

// The Add of a constant that alone reads the product's result; none where there is none.
static blok_node_id bias_of(const blok_making *making, blok_value_id product, int64_t features,
                            blok_value_id *bias) {
  const blok_outline *outline = making->outline;
  if (blok_uses_count(&making->uses, product) != 1) return BLOK_NO_NODE;
  const blok_node_id reader = blok_uses_of(&making->uses, product)->node;
  if (!reader.i || making->overlay->innermost[reader.i] != -1) {
    for (int32_t i = reader.i ? making->overlay->innermost[reader.i] : -1; i >= 0;
         i = making->overlay->blocks[i].parent) {
      if (making->blocks[i].fits) return BLOK_NO_NODE;
    }
    if (!reader.i) return BLOK_NO_NODE;
  }
  const blok_node *add = blok_node_at(outline->graph, reader);
  if (!is_op(add, "Add")) return BLOK_NO_NODE;
  *bias = add->inputs[blok_same_value(add->inputs[0], product) ? 1 : 0];
  const blok_literal *literal = literal_of(outline, *bias);
  return is_vector(literal, features) && literal->rank == 1 ? reader : BLOK_NO_NODE;
}

static bool match_matmul(blok_making *making, blok_node_id id, layer *out) {
  const blok_outline *outline = making->outline;
  const blok_node *node = blok_node_at(outline->graph, id);
  const blok_literal *weight = literal_of(outline, blok_node_input(node, 1));
  const blok_fact *x = &outline->facts->of[blok_node_input(node, 0).i];
  if (!is_op(node, "MatMul") || !weight || weight->rank != 2 || weight->dtype != BLOK_F32 ||
      literal_of(outline, node->inputs[0]) || x->rank < 2) {
    return false;
  }
  out->item.features[0] = weight->dims[0];
  out->item.features[1] = weight->dims[1];
  out->item.in = node->inputs[0];
  out->item.out = node->outputs[0];
  out->weight = node->inputs[1];
  const blok_node_id add = bias_of(making, node->outputs[0], weight->dims[1], &out->bias);
  if (add.i) {
    making->taken[add.i] = true;
    out->item.out = blok_node_at(outline->graph, add)->outputs[0];
    out->item.bias = true;
  }
  return true;
}

static bool match_gemm(const blok_making *making, blok_node_id id, layer *out, bool *turned) {
  const blok_outline *outline = making->outline;
  const blok_node *node = blok_node_at(outline->graph, id);
  const blok_literal *weight = literal_of(outline, blok_node_input(node, 1));
  if (!is_op(node, "Gemm") || !weight || weight->rank != 2 || weight->dtype != BLOK_F32 ||
      literal_of(outline, node->inputs[0]) || blok_node_int(node, "transA", 0) ||
      blok_node_float(node, "alpha", 1) != 1 || blok_node_float(node, "beta", 1) != 1) {
    return false;
  }
  *turned = blok_node_int(node, "transB", 0) == 0;
  out->item.features[0] = weight->dims[*turned ? 0 : 1];
  out->item.features[1] = weight->dims[*turned ? 1 : 0];
  out->item.in = node->inputs[0];
  out->item.out = node->outputs[0];
  out->weight = node->inputs[1];
  out->bias = blok_node_input(node, 2);
  out->item.bias = out->bias.i != 0;
  return !out->bias.i || is_vector(literal_of(outline, out->bias), out->item.features[1]);
}

static bool match_norm(const blok_making *making, blok_node_id id, layer *out) {
  const blok_outline *outline = making->outline;
  const blok_node *node = blok_node_at(outline->graph, id);
  const blok_fact *x = &outline->facts->of[blok_node_input(node, 0).i];
  const blok_literal *scale = literal_of(outline, blok_node_input(node, 1));
  if (!is_op(node, "BatchNormalization") || !scale || scale->rank != 1 || x->rank != 4 ||
      blok_node_int(node, "training_mode", 0) || literal_of(outline, node->inputs[0])) {
    return false;
  }
  for (uint32_t i = 1; i < 5; i++) {
    if (!is_vector(literal_of(outline, blok_node_input(node, i)), scale->dims[0])) return false;
  }
  out->item.kind = BLOK_ITEM_NORM;
  out->item.features[0] = scale->dims[0];
  out->item.epsilon = (double)blok_node_float(node, "epsilon", 1e-5F);
  out->item.bias = true;
  out->item.in = node->inputs[0];
  out->item.out = node->outputs[0];
  out->weight = node->inputs[1];
  out->bias = node->inputs[2];
  out->mean = node->inputs[3];
  out->variance = node->inputs[4];
  return true;
}

static bool match_layer_norm(const blok_making *making, blok_node_id id, layer *out) {
  const blok_outline *outline = making->outline;
  const blok_node *node = blok_node_at(outline->graph, id);
  const blok_fact *x = &outline->facts->of[blok_node_input(node, 0).i];
  const blok_literal *scale = literal_of(outline, blok_node_input(node, 1));
  const int64_t axis = blok_node_int(node, "axis", -1);
  if (!is_op(node, "LayerNormalization") || !scale || scale->rank != 1 || x->rank < 1 ||
      (axis != -1 && axis != x->rank - 1) || literal_of(outline, node->inputs[0]) ||
      !is_vector(scale, scale->dims[0]) || x->dims[x->rank - 1].value != scale->dims[0] ||
      blok_node_output(node, 1).i || blok_node_output(node, 2).i) {
    return false;
  }
  out->item.kind = BLOK_ITEM_LAYER_NORM;
  out->item.features[0] = scale->dims[0];
  out->item.epsilon = (double)blok_node_float(node, "epsilon", 1e-5F);
  out->item.in = node->inputs[0];
  out->item.out = node->outputs[0];
  out->weight = node->inputs[1];
  out->bias = blok_node_input(node, 2);
  out->item.bias = out->bias.i != 0;
  return !out->bias.i || is_vector(literal_of(outline, out->bias), scale->dims[0]);
}

blok_status blok_making_node(blok_making *making, blok_node_id id, blok_error *error) {
  const blok_node *node = blok_node_at(making->outline->graph, id);
  bool turned = false;
  layer found = {.item = {.kind = BLOK_ITEM_LINEAR, .node = id, .stage = -1}};
  if (making->taken[id.i]) return BLOK_OK;
  if (match_matmul(making, id, &found) || match_gemm(making, id, &found, &turned) ||
      match_norm(making, id, &found) || match_layer_norm(making, id, &found)) {
    return blok_making_add(making, &found.item, layer_name(making, node, found.weight), error);
  }
  blok_item item = {.kind = BLOK_ITEM_NODE, .node = id, .stage = -1};
  return blok_making_add(making, &item, NULL, error);
}

// ---- Their weights ------------------------------------------------------------------------------

static blok_status save(blok_making *making, const char *path, const char *what,
                        blok_value_id value, bool transposed, blok_error *error) {
  blok_outline *outline = making->outline;
  blok_saved_weight weight = {.literal = literal_of(outline, value), .transposed = transposed};
  weight.name = blok_arena_format(&outline->arena, "%s.%s", path, what);
  if (!weight.name) return blok_fail_memory(error, 0);
  if (weight.literal->rank == 2 && strcmp(what, "weight") == 0) {
    weight.rank = 2;
    weight.dims[0] = weight.literal->dims[transposed ? 1 : 0];
    weight.dims[1] = weight.literal->dims[transposed ? 0 : 1];
  } else {
    weight.rank = 1;
    weight.dims[0] = weight.literal->dims[weight.literal->rank - 1];
  }
  return blok_outline_save(outline, &weight, error);
}

static blok_status save_layer(blok_making *making, const blok_item *item, blok_error *error) {
  blok_outline *outline = making->outline;
  const blok_node *node = blok_node_at(outline->graph, item->node);
  const bool linear = item->kind == BLOK_ITEM_LINEAR;
  const bool turned = linear && !blok_node_int(node, "transB", 0);
  blok_value_id bias = blok_node_input(node, 2);
  if (is_op(node, "MatMul") && item->bias) {
    bias_of(making, node->outputs[0], item->features[1], &bias);
  }
  BLOK_TRY(save(making, item->path, "weight", node->inputs[1], turned, error));
  if (item->bias) BLOK_TRY(save(making, item->path, "bias", bias, false, error));
  if (item->kind != BLOK_ITEM_NORM) return BLOK_OK;
  BLOK_TRY(save(making, item->path, "running_mean", node->inputs[3], false, error));
  return save(making, item->path, "running_var", node->inputs[4], false, error);
}

// A stem for a constant's name: what the file calls it where a person did, else by its reader.
static const char *constant_stem(blok_making *making, const blok_node *node, uint32_t slot,
                                 blok_value_id value) {
  static const char *const generated[] = {"onnx", "val_", "const", "Const", "_", "/", "node_"};
  const char *name = blok_value_at(making->outline->graph, value)->name;
  bool own = !strpbrk(name, "/:") && (*name < '0' || *name > '9');
  for (size_t i = 0; i < sizeof generated / sizeof *generated; i++) {
    if (strncmp(name, generated[i], strlen(generated[i])) == 0) own = false;
  }
  if (own) return name;
  const bool layered = strstr(node->op_type, "Conv") || strstr(node->op_type, "Norm");
  if (layered && slot == 1) return "weight";
  return layered && slot == 2 ? "bias" : "constant";
}

// Integers and single numbers stand in the text, and so do sizes and scales of pictures, of which
// shapes are made.
static bool stays_in_text(const blok_outline *outline, const blok_node *node, blok_value_id value) {
  blok_inline text;
  if (!blok_outline_inline(outline, value, &text)) return false;
  const bool real = text.dtype == BLOK_F32 || text.dtype == BLOK_F64;
  return !real || text.n == 1 || is_op(node, "Resize");
}

// Gives a constant that node reads a name, and saves it, unless it is short.
static blok_status save_constant(blok_making *making, const blok_node *node, uint32_t slot,
                                 blok_error *error) {
  blok_outline *outline = making->outline;
  const blok_value_id value = node->inputs[slot];
  const blok_literal *literal = literal_of(outline, value);
  if (!literal || outline->constants[value.i] || stays_in_text(outline, node, value)) {
    return BLOK_OK;
  }
  blok_saved_weight weight = {.literal = literal, .rank = literal->rank};
  if (literal->rank > BLOK_MAX_RANK || blok_dtype_bits(literal->dtype) % 8 != 0 ||
      literal->dtype == BLOK_STRING || literal->dtype == BLOK_BF16 ||
      blok_dtype_bits(literal->dtype) == 0) {
    return BLOK_FAIL(error, BLOK_E_UNSUPPORTED,
                     "%s node '%s': a constant of %s, which an .npz file cannot hold",
                     blok_quote(node->op_type).text, blok_node_label(outline->graph, node).text,
                     blok_dtype_name(literal->dtype));
  }
  BLOK_TRY(blok_namer_take(&making->namer, constant_stem(making, node, slot, value), false,
                           &outline->constants[value.i], error));
  weight.name = outline->constants[value.i];
  if (literal->rank) memcpy(weight.dims, literal->dims, literal->rank * sizeof *weight.dims);
  return blok_outline_save(outline, &weight, error);
}

blok_status blok_making_save(blok_making *making, blok_error *error) {
  blok_outline *outline = making->outline;
  for (uint32_t i = 0; i < outline->n_items; i++) {
    const blok_item *item = &outline->items[i];
    if (making->of[i]) continue;
    if (item->kind != BLOK_ITEM_NODE) {
      BLOK_TRY(save_layer(making, item, error));
      continue;
    }
    const blok_node *node = blok_node_at(outline->graph, item->node);
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      BLOK_TRY(save_constant(making, node, k, error));
    }
  }
  return BLOK_OK;
}

// ---- Short constants ----------------------------------------------------------------------------

bool blok_inline_of(const blok_literal *literal, const blok_allocator *allocator,
                    blok_inline *out) {
  size_t count = 0, bytes = 0;
  uint64_t space[BLOK_INLINE_ELEMENTS];
  if (!blok_literal_count(literal, &count) || count > BLOK_INLINE_ELEMENTS ||
      !blok_dense_bytes(literal->dtype, count, &bytes) || bytes > sizeof space) {
    return false;
  }
  const blok_dtype dtype = literal->dtype;
  const bool whole = dtype == BLOK_I64 || dtype == BLOK_I32 || dtype == BLOK_BOOL;
  if (!whole && dtype != BLOK_F32 && dtype != BLOK_F64) return false;
  if (blok_literal_read(literal, allocator, space, bytes, NULL) != BLOK_OK) return false;
  *out = (blok_inline){.dtype = dtype, .rank = literal->rank, .dims = literal->dims};
  out->n = (uint32_t)count;
  for (size_t i = 0; i < count; i++) {
    const uint8_t *at = (const uint8_t *)space + i * (bytes / count);
    int32_t i32;
    float f32;
    if (dtype == BLOK_I64) memcpy(&out->ints[i], at, 8);
    if (dtype == BLOK_BOOL) out->ints[i] = *at != 0;
    if (dtype == BLOK_F64) memcpy(&out->floats[i], at, 8);
    if (dtype == BLOK_I32) {
      memcpy(&i32, at, 4);
      out->ints[i] = i32;
    }
    if (dtype == BLOK_F32) {
      memcpy(&f32, at, 4);
      out->floats[i] = (double)f32;
    }
  }
  return true;
}

bool blok_outline_inline(const blok_outline *outline, blok_value_id value, blok_inline *out) {
  const blok_literal *literal = literal_of(outline, value);
  return literal && !outline->constants[value.i] &&
         blok_inline_of(literal, &outline->allocator, out);
}
