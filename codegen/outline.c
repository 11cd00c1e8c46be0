// From working graph and blocks to parts in order. See outline.h.
#include "codegen/outline.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "blocks/build/build.h"
#include "codegen/parts.h"

void blok_outline_free(blok_outline **outline) {
  if (!*outline) return;
  const blok_allocator allocator = (*outline)->allocator;
  blok_arena_free(&(*outline)->arena);
  blok_free(&allocator, *outline);
  *outline = NULL;
}

bool blok_item_same(const blok_item *a, const blok_item *b) {
  blok_block left = {.struct_size = sizeof left}, right = {.struct_size = sizeof right};
  if (a->kind != b->kind || a->block != b->block) return false;
  left.kind = right.kind = a->block;
  switch (a->kind) {
    case BLOK_ITEM_CONV:
      left.conv = &a->conv;
      right.conv = &b->conv;
      break;
    case BLOK_ITEM_RESIDUAL:
      left.residual = &a->residual;
      right.residual = &b->residual;
      break;
    case BLOK_ITEM_SE:
      left.se = &a->se;
      right.se = &b->se;
      break;
    case BLOK_ITEM_LINEAR:
    case BLOK_ITEM_NORM:
    case BLOK_ITEM_LAYER_NORM:
    case BLOK_ITEM_NODE:
      return false;
  }
  return blok_block_same(&left, &right);
}

// ---- Weights that are saved ---------------------------------------------------------------------

blok_status blok_outline_save(blok_outline *outline, const blok_saved_weight *weight,
                              blok_error *error) {
  if (!blok_arena_grow(&outline->arena, &outline->weights, &outline->cap_weights,
                       outline->n_weights, sizeof *weight)) {
    return blok_fail_memory(error, sizeof *weight);
  }
  outline->weights[outline->n_weights++] = *weight;
  return BLOK_OK;
}

// ---- Blocks that both languages can say ---------------------------------------------------------

static bool conv_fits(const blok_conv_desc *conv) {
  return conv->norm != BLOK_NORM_NONE || conv->norm_groups == 0;
}

static bool skip_fits(const blok_residual_desc *desc) {
  for (int32_t i = 0; i < desc->skip_steps; i++) {
    if (desc->skip_step[i].op == BLOK_SKIP_CONV && !conv_fits(&desc->skip_step[i].conv)) {
      return false;
    }
  }
  return !desc->skip_elsewhere && desc->skip_channels == 0 && !desc->channels_last;
}

// The convolution is the first node of a record in post order.
static bool begins_with_conv(const blok_graph *graph, const blok_block_record *record) {
  return record->n_members && strcmp(blok_node_at(graph, record->members[0])->op_type, "Conv") == 0;
}

static bool kind_fits(const blok_graph *graph, const blok_block_record *record) {
  switch (record->kind) {
    case BLOK_CONV_NORM_ACT:
      return begins_with_conv(graph, record);
    case BLOK_SQUEEZE_EXCITE:
      return true;
    case BLOK_RESIDUAL:
    case BLOK_BOTTLENECK:
    case BLOK_INVERTED_BOTTLENECK:
      return skip_fits(record->residual);
    case BLOK_RESIDUAL_OTHER:
    case BLOK_GATE:
      break;
  }
  return false;
}

// A copy of record that may be changed, its descriptor in item.
static blok_status copy_record(blok_arena *arena, const blok_block_record *record, blok_item *item,
                               blok_block_record *out, blok_error *error) {
  *out = *record;
  *item = (blok_item){.in = record->entry, .out = record->exit, .stage = -1, .block = record->kind};
  if (record->residual) {
    item->kind = BLOK_ITEM_RESIDUAL;
    item->residual = *record->residual;
    out->residual = &item->residual;
    out->residual_weights =
        blok_arena_copy(arena, record->residual_weights, sizeof *record->residual_weights);
    return out->residual_weights ? BLOK_OK : blok_fail_memory(error, 0);
  }
  item->kind = record->se ? BLOK_ITEM_SE : BLOK_ITEM_CONV;
  if (record->se) item->se = *record->se;
  if (record->conv) item->conv = *record->conv;
  out->se = record->se ? &item->se : NULL;
  out->conv = record->conv ? &item->conv : NULL;
  out->weights =
      blok_arena_copy(arena, record->weights, (record->se ? 2 : 1) * sizeof *record->weights);
  return out->weights ? BLOK_OK : blok_fail_memory(error, 0);
}

// Products whose weights lie in x out become linear layers, whose weights are saved out x in.
static void straighten(blok_se_desc *se, bool turned[2]) {
  for (int i = 0; i < 2; i++) {
    turned[i] = se->product[i] == BLOK_PRODUCT_LINEAR_IN_OUT;
    if (turned[i]) se->product[i] = BLOK_PRODUCT_LINEAR;
  }
}

// True when the literal can be saved as the weight that a block asks for.
static bool weight_fits(const blok_literal *literal, const blok_block_weight *weight) {
  size_t have = 0, want = 0;
  return literal && literal->dtype == BLOK_F32 && blok_literal_count(literal, &have) &&
         blok_dims_count(weight->dims, weight->rank, &want) && have == want;
}

// Makes the record's item, and its weights under names that begin with a block's; *fits is false
// where it cannot be. Weights are saved once the item has a path (save_block).
static blok_status try_block(blok_outline *outline, const blok_block_record *record,
                             blok_block_item *out, bool *fits, blok_error *error) {
  blok_error inner = BLOK_ERROR_INIT;
  blok_block_record copy;
  *fits = false;
  if (!kind_fits(outline->graph, record)) return BLOK_OK;
  BLOK_TRY(copy_record(&outline->arena, record, &out->item, &copy, error));
  if (out->item.kind == BLOK_ITEM_SE) straighten(&out->item.se, out->turned);
  if (out->item.kind == BLOK_ITEM_RESIDUAL && out->item.residual.has_se) {
    straighten(&out->item.residual.se, out->turned);
  }
  const blok_status status = blok_block_weights(BLOK_NAMING_TORCHVISION, &copy, &outline->arena,
                                                &out->weights, &out->n_weights, &inner);
  if (status == BLOK_E_MEMORY) return blok_fail_memory(error, 0);
  if (status != BLOK_OK) return BLOK_OK;
  const blok_conv_weights *products = copy.se                 ? copy.weights
                                      : copy.residual_weights ? copy.residual_weights->se
                                                              : NULL;
  out->swapped = blok_arena_array(&outline->arena, out->n_weights + 1, sizeof *out->swapped);
  if (!out->swapped) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < out->n_weights; i++) {
    const blok_block_weight *weight = &out->weights[i];
    if (!weight_fits(blok_value_at(outline->graph, *weight->at)->literal, weight)) return BLOK_OK;
    for (int k = 0; products && k < 2; k++) {
      if (weight->at == &products[k].weight) out->swapped[i] = out->turned[k];
    }
  }
  *fits = true;
  return BLOK_OK;
}

// ---- Items in order -----------------------------------------------------------------------------

static blok_status add_item(blok_making *making, const blok_item *item, const char *name,
                            const blok_block_item *block, blok_error *error) {
  blok_outline *outline = making->outline;
  if (!blok_arena_grow(&outline->arena, &outline->items, &outline->cap_items, outline->n_items,
                       sizeof *item)) {
    return blok_fail_memory(error, sizeof *item);
  }
  making->names[outline->n_items] = name;
  making->of[outline->n_items] = block;
  outline->items[outline->n_items++] = *item;
  if (block) {
    outline->n_blocks++;
  } else {
    outline->n_nodes++;
  }
  return BLOK_OK;
}

blok_status blok_making_add(blok_making *making, const blok_item *item, const char *name,
                            blok_error *error) {
  return add_item(making, item, name, NULL, error);
}

// "conv1" of a convolution whose weight is called "conv1.weight"; NULL where it is not called so.
static const char *conv_name(blok_making *making, const blok_block_record *record) {
  static const char ending[] = ".weight";
  if (record->kind != BLOK_CONV_NORM_ACT || !record->weights->weight.i) return NULL;
  const char *name = blok_value_at(making->outline->graph, record->weights->weight)->name;
  const size_t length = strlen(name);
  if (length < sizeof ending || strpbrk(name, "/:")) return NULL;
  if (strcmp(name + length - (sizeof ending - 1), ending) != 0) return NULL;
  return blok_arena_textn(&making->arena, name, length - (sizeof ending - 1));
}

// What the file calls a block, NULL where that is only a node's name.
static const char *block_name(blok_making *making, const blok_block_record *record) {
  const blok_graph *graph = making->outline->graph;
  const char *own = conv_name(making, record);
  if (own) return own;
  if (!record->name || strpbrk(record->name, "/:")) return NULL;
  for (uint32_t i = 0; i < record->n_members; i++) {
    const blok_node *node = blok_node_at(graph, record->members[i]);
    if (node->name && strcmp(node->name, record->name) == 0) return NULL;
    for (uint32_t k = 0; k < node->n_outputs; k++) {
      const blok_value *value = blok_value_at(graph, node->outputs[k]);
      if (node->outputs[k].i && strcmp(value->name, record->name) == 0) return NULL;
    }
  }
  return record->name;
}

// The outermost block around node that is an item; NULL: none.
static const blok_block_item *item_around(const blok_making *making, blok_node_id node,
                                          uint32_t *index) {
  const blok_block_item *found = NULL;
  for (int32_t i = making->overlay->innermost[node.i]; i >= 0;
       i = making->overlay->blocks[i].parent) {
    if (!making->blocks[i].fits) continue;
    found = &making->blocks[i];
    *index = (uint32_t)i;
  }
  return found;
}

static blok_status add_node(blok_making *making, blok_node_id id, blok_error *error) {
  const blok_graph *graph = making->outline->graph;
  const blok_node *node = blok_node_at(graph, id);
  uint32_t index = 0;
  const blok_block_item *around = item_around(making, id, &index);
  if (!around) return blok_making_node(making, id, error);
  for (uint32_t k = 0; k < node->n_outputs; k++) {
    if (!blok_same_value(node->outputs[k], around->item.out)) continue;
    const char *name = block_name(making, &making->overlay->blocks[index]);
    return add_item(making, &around->item, name, around, error);
  }
  return BLOK_OK;
}

// The weights of the blocks, now that these have paths.
static blok_status save_blocks(blok_making *making, blok_error *error) {
  blok_outline *outline = making->outline;
  for (uint32_t i = 0; i < outline->n_items; i++) {
    const blok_block_item *block = making->of[i];
    for (uint32_t k = 0; block && k < block->n_weights; k++) {
      const blok_block_weight *weight = &block->weights[k];
      blok_saved_weight saved = {.rank = weight->rank, .transposed = block->swapped[k]};
      saved.literal = blok_value_at(outline->graph, *weight->at)->literal;
      saved.name =
          blok_arena_format(&outline->arena, "%s.%s", outline->items[i].path, weight->name);
      if (!saved.name) return blok_fail_memory(error, 0);
      memcpy(saved.dims, weight->dims, weight->rank * sizeof *saved.dims);
      BLOK_TRY(blok_outline_save(outline, &saved, error));
    }
  }
  return BLOK_OK;
}

// No part takes the name of one of the graph's inputs and outputs.
static blok_status reserve_names(blok_making *making, blok_error *error) {
  const blok_graph *graph = making->outline->graph;
  bool good = true;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const char *name = blok_value_at(graph, graph->inputs[i].value)->name;
    good = good && blok_names_put(&making->namer.taken, name, 1);
  }
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    const char *name = blok_value_at(graph, graph->outputs[i].value)->name;
    good = good && blok_names_put(&making->namer.taken, name, 1);
  }
  return good ? BLOK_OK : blok_fail_memory(error, 0);
}

static blok_status make_items(blok_making *making, blok_error *error) {
  blok_outline *outline = making->outline;
  const blok_graph *graph = outline->graph;
  const blok_overlay *overlay = making->overlay;
  making->names = blok_arena_array(&making->arena, graph->n_order + 1, sizeof *making->names);
  making->of = blok_arena_array(&making->arena, graph->n_order + 1, sizeof *making->of);
  making->taken = blok_arena_array(&making->arena, graph->n_nodes, sizeof *making->taken);
  making->blocks = blok_arena_array(&making->arena, overlay->n_blocks + 1, sizeof *making->blocks);
  outline->constants =
      blok_arena_array(&outline->arena, graph->n_values, sizeof *outline->constants);
  if (!making->names || !making->of || !making->taken || !making->blocks || !outline->constants) {
    return blok_fail_memory(error, 0);
  }
  BLOK_TRY(reserve_names(making, error));
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    BLOK_TRY(try_block(outline, &overlay->blocks[i], &making->blocks[i], &making->blocks[i].fits,
                       error));
  }
  for (uint32_t i = 0; i < graph->n_order; i++) BLOK_TRY(add_node(making, graph->order[i], error));
  BLOK_TRY(blok_outline_name(outline, making->names, &making->namer, error));
  BLOK_TRY(save_blocks(making, error));
  return blok_making_save(making, error);
}

blok_status blok_outline_make(const blok_module *working, const blok_facts *facts,
                              const blok_overlay *overlay, const char *name, int64_t opset,
                              const blok_allocator *allocator, blok_outline **out,
                              blok_error *error) {
  blok_status status = BLOK_OK;
  blok_making making = {.overlay = overlay};
  blok_outline *outline = blok_alloc_zero(allocator, sizeof *outline);
  *out = NULL;
  if (!outline) return blok_fail_memory(error, sizeof *outline);
  outline->allocator = *allocator;
  outline->graph = working->graph;
  outline->facts = facts;
  outline->name = name;
  outline->opset = opset;
  blok_arena_init(&outline->arena, allocator);
  blok_arena_init(&making.arena, allocator);
  making.outline = outline;
  making.namer.arena = &outline->arena;
  blok_names_init(&making.namer.taken, allocator);
  BLOK_TRY_TO(done, blok_uses_build(working->graph, allocator, &making.uses, error));
  BLOK_TRY_TO(done, make_items(&making, error));
  *out = outline;
  outline = NULL;
done:
  blok_uses_free(&making.uses);
  blok_names_free(&making.namer.taken);
  blok_arena_free(&making.arena);
  blok_outline_free(&outline);
  return status;
}
