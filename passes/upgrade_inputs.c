// Upgrade rules that only change how a node is spelled: attributes that became inputs, defaults
// that became required, attributes that went.
#include <string.h>

#include "base/error.h"
#include "passes/rewrite.h"
#include "passes/upgrade.h"

// Version 1 named the type; since version 6 it is numbered.
blok_status blok_upgrade_cast(blok_upgrade *upgrade, blok_error *error) {
  static const struct {
    const char *name;
    blok_dtype dtype;
  } types[] = {
      {"FLOAT", BLOK_F32},   {"UINT8", BLOK_U8},      {"INT8", BLOK_I8},
      {"UINT16", BLOK_U16},  {"INT16", BLOK_I16},     {"INT32", BLOK_I32},
      {"INT64", BLOK_I64},   {"STRING", BLOK_STRING}, {"BOOL", BLOK_BOOL},
      {"FLOAT16", BLOK_F16}, {"DOUBLE", BLOK_F64},    {"UINT32", BLOK_U32},
      {"UINT64", BLOK_U64},  {"COMPLEX64", BLOK_C64}, {"COMPLEX128", BLOK_C128},
  };
  const blok_attr *to = blok_node_attr(blok_node_at(upgrade->graph, upgrade->node), "to");
  if (!to || to->type != BLOK_ATTR_STRING) return BLOK_OK;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    size_t size = strlen(types[i].name);
    if (to->as.s.size != size || memcmp(to->as.s.data, types[i].name, size) != 0) continue;
    return blok_node_set_int(upgrade->graph, upgrade->node, "to", types[i].dtype, error);
  }
  return blok_upgrade_fail(upgrade, error, BLOK_E_MALFORMED, "'%s' is no element type",
                           blok_quoten(to->as.s.data, to->as.s.size).text);
}

blok_status blok_upgrade_clip(blok_upgrade *upgrade, blok_error *error) {
  BLOK_TRY(blok_upgrade_number(upgrade, "min", 1, error));
  return blok_upgrade_number(upgrade, "max", 2, error);
}

blok_status blok_upgrade_concat(blok_upgrade *upgrade, blok_error *error) {
  if (blok_node_attr(blok_node_at(upgrade->graph, upgrade->node), "axis")) return BLOK_OK;
  return blok_node_set_int(upgrade->graph, upgrade->node, "axis", 1, error);
}

// C was broadcast only when the node said so; what was valid then is valid without.
blok_status blok_upgrade_gemm(blok_upgrade *upgrade, blok_error *error) {
  (void)error;
  blok_node_drop_attr(upgrade->graph, upgrade->node, "broadcast");
  return BLOK_OK;
}

blok_status blok_upgrade_pad(blok_upgrade *upgrade, blok_error *error) {
  BLOK_TRY(blok_upgrade_ints(upgrade, upgrade->version < 2 ? "paddings" : "pads", 1, error));
  const blok_node *node = blok_node_at(upgrade->graph, upgrade->node);
  bool zero = blok_node_float(node, "value", 0.0f) == 0.0f;
  if (!zero) return blok_upgrade_number(upgrade, "value", 2, error);
  blok_node_drop_attr(upgrade->graph, upgrade->node, "value");
  return BLOK_OK;
}

// An empty list meant all axes, as no list does.
blok_status blok_upgrade_reduce(blok_upgrade *upgrade, blok_error *error) {
  const blok_attr *axes = blok_node_attr(blok_node_at(upgrade->graph, upgrade->node), "axes");
  if (axes && axes->type == BLOK_ATTR_INTS && axes->n == 0) {
    blok_node_drop_attr(upgrade->graph, upgrade->node, "axes");
  }
  return blok_upgrade_ints(upgrade, "axes", 1, error);
}

blok_status blok_upgrade_reshape(blok_upgrade *upgrade, blok_error *error) {
  return blok_upgrade_ints(upgrade, "shape", 1, error);
}

blok_status blok_upgrade_scatter(blok_upgrade *upgrade, blok_error *error) {
  (void)error;
  blok_node_set_op(upgrade->graph, upgrade->node, "ScatterElements");
  return BLOK_OK;
}

blok_status blok_upgrade_slice(blok_upgrade *upgrade, blok_error *error) {
  BLOK_TRY(blok_upgrade_ints(upgrade, "starts", 1, error));
  BLOK_TRY(blok_upgrade_ints(upgrade, "ends", 2, error));
  return blok_upgrade_ints(upgrade, "axes", 3, error);
}

// Without sizes the axis was cut in as many parts as there are outputs; now the node says it.
blok_status blok_upgrade_split(blok_upgrade *upgrade, blok_error *error) {
  if (upgrade->version < 13) BLOK_TRY(blok_upgrade_ints(upgrade, "split", 1, error));
  const blok_node *node = blok_node_at(upgrade->graph, upgrade->node);
  if (blok_node_input(node, 1).i) return BLOK_OK;
  return blok_node_set_int(upgrade->graph, upgrade->node, "num_outputs", node->n_outputs, error);
}

blok_status blok_upgrade_squeeze(blok_upgrade *upgrade, blok_error *error) {
  return blok_upgrade_ints(upgrade, "axes", 1, error);
}

// Version 1 repeated one axis, both given as inputs that a run alone may know.
blok_status blok_upgrade_tile(blok_upgrade *upgrade, blok_error *error) {
  return blok_upgrade_fail(upgrade, error, BLOK_E_UNSUPPORTED,
                           "only versions 6 and newer of Tile are supported; write the model in "
                           "opset 6 or newer");
}

// Version 1 had k as an attribute.
blok_status blok_upgrade_top_k(blok_upgrade *upgrade, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  int64_t k = blok_node_int(blok_node_at(graph, upgrade->node), "k", -1);
  blok_value_id value = BLOK_NO_VALUE;
  if (k < 0) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_MALFORMED, "attribute k is no number of items");
  }
  BLOK_TRY(blok_rewrite_ints(graph, upgrade->node, "k", &k, 1, &value, error));
  blok_node_drop_attr(graph, upgrade->node, "k");
  return blok_rewrite_input(graph, upgrade->node, 1, value, error);
}

// ---- Resize and Upsample ------------------------------------------------------------------------

// Version 10 knew one way to map coordinates, which later versions name.
static blok_status old_mapping(blok_upgrade *upgrade, blok_error *error) {
  BLOK_TRY(blok_node_set_text(upgrade->graph, upgrade->node, "coordinate_transformation_mode",
                              "asymmetric", error));
  return blok_node_set_text(upgrade->graph, upgrade->node, "nearest_mode", "floor", error);
}

// (X, scales) becomes (X, no roi, scales).
blok_status blok_upgrade_resize10(blok_upgrade *upgrade, blok_error *error) {
  blok_value_id scales = blok_node_input(blok_node_at(upgrade->graph, upgrade->node), 1);
  BLOK_TRY(blok_rewrite_input(upgrade->graph, upgrade->node, 1, BLOK_NO_VALUE, error));
  BLOK_TRY(blok_rewrite_input(upgrade->graph, upgrade->node, 2, scales, error));
  return old_mapping(upgrade, error);
}

// Version 11 had to be given roi and scales and called empty ones unused. Its mapping
// tf_half_pixel_for_nn is half_pixel with another rounding where one fits: with h = (x + 0.5) /
// scale, floor(h) = round_prefer_ceil(h - 0.5) and round_prefer_floor(h) = ceil(h - 0.5).
blok_status blok_upgrade_resize(blok_upgrade *upgrade, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  for (uint32_t slot = 1; slot < 4; slot++) {
    const blok_fact *fact = blok_upgrade_in(upgrade, slot);
    bool empty = fact->rank == 1 && fact->dims[0].value == 0;
    if (empty) blok_graph_set_input(graph, upgrade->node, slot, BLOK_NO_VALUE);
  }
  const blok_node *node = blok_node_at(graph, upgrade->node);
  const char *mapping = "coordinate_transformation_mode";
  if (!blok_node_text_is(node, mapping, "half_pixel", "tf_half_pixel_for_nn")) return BLOK_OK;
  const char *rounding = NULL;
  const char *standard = "round_prefer_floor";
  if (blok_node_text_is(node, "nearest_mode", standard, "floor")) rounding = "round_prefer_ceil";
  if (blok_node_text_is(node, "nearest_mode", standard, standard)) rounding = "ceil";
  if (!rounding) {
    return blok_upgrade_fail(upgrade, error, BLOK_E_UNSUPPORTED,
                             "tf_half_pixel_for_nn is supported with nearest_mode floor and "
                             "round_prefer_floor only");
  }
  BLOK_TRY(blok_node_set_text(graph, upgrade->node, mapping, "half_pixel", error));
  return blok_node_set_text(graph, upgrade->node, "nearest_mode", rounding, error);
}

// The scales of an Upsample older than version 9, as a constant.
static blok_status attribute_scales(blok_upgrade *upgrade, blok_value_id *out, blok_error *error) {
  const blok_node *node = blok_node_at(upgrade->graph, upgrade->node);
  const blok_attr *list = blok_node_attr(node, "scales");
  float sides[4] = {1.0f, 1.0f, blok_node_float(node, "height_scale", 1.0f),
                    blok_node_float(node, "width_scale", 1.0f)};
  const float *scales = sides;
  int64_t dims[1] = {4};
  if (upgrade->version >= 7) {
    if (!list || list->type != BLOK_ATTR_FLOATS) {
      return blok_upgrade_fail(upgrade, error, BLOK_E_MALFORMED,
                               "attribute scales is not a list of floats");
    }
    scales = list->as.floats;
    dims[0] = list->n;
  }
  BLOK_TRY(
      blok_graph_add_constant(upgrade->graph, "scales", BLOK_F32, 1, dims, scales, out, error));
  static const char *const gone[] = {"scales", "height_scale", "width_scale"};
  for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
    blok_node_drop_attr(upgrade->graph, upgrade->node, gone[i]);
  }
  return BLOK_OK;
}

blok_status blok_upgrade_upsample(blok_upgrade *upgrade, blok_error *error) {
  blok_graph *graph = upgrade->graph;
  const blok_node *node = blok_node_at(graph, upgrade->node);
  blok_value_id scales = blok_node_input(node, 1);
  if (blok_node_text_is(node, "mode", "nearest", "bilinear")) {
    BLOK_TRY(blok_node_set_text(graph, upgrade->node, "mode", "linear", error));
  }
  if (upgrade->version < 9) BLOK_TRY(attribute_scales(upgrade, &scales, error));
  blok_node_set_op(graph, upgrade->node, "Resize");
  BLOK_TRY(blok_rewrite_input(graph, upgrade->node, 1, BLOK_NO_VALUE, error));
  BLOK_TRY(blok_rewrite_input(graph, upgrade->node, 2, scales, error));
  return old_mapping(upgrade, error);
}
