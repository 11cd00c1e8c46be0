// Blocks, loose and unknown operators, near misses: handed out as describe.c prepared them.
#include <string.h>

#include "api/internal.h"

size_t blok_model_block_count(const blok_model *model) {
  return model && model->overlay ? model->overlay->n_blocks : 0;
}

const blok_block *blok_model_block(const blok_model *model, size_t index) {
  return index < blok_model_block_count(model) ? &model->blocks[index] : NULL;
}

size_t blok_model_block_node(const blok_model *model, size_t block, size_t member) {
  const blok_block *shown = blok_model_block(model, block);
  return shown && member < shown->nodes ? model->block_nodes[block][member] : SIZE_MAX;
}

static blok_status hand_count(const blok_op_counts *counts, size_t index, blok_loose_info *info) {
  if (!info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  if (index >= counts->n) return BLOK_E_NOT_FOUND;
  const blok_op_count *item = &counts->items[index];
  BLOK_FILL(info, .op = item->op, .count = item->count, .first = item->first, .why = item->why);
  return BLOK_OK;
}

size_t blok_model_loose_count(const blok_model *model) { return model ? model->loose.n : 0; }

blok_status blok_model_loose(const blok_model *model, size_t index, blok_loose_info *info) {
  return model ? hand_count(&model->loose, index, info) : BLOK_E_ARGUMENT;
}

size_t blok_model_unknown_count(const blok_model *model) { return model ? model->unknown.n : 0; }

blok_status blok_model_unknown(const blok_model *model, size_t index, blok_loose_info *info) {
  return model ? hand_count(&model->unknown, index, info) : BLOK_E_ARGUMENT;
}

size_t blok_model_miss_count(const blok_model *model) {
  return model && model->overlay ? model->overlay->n_misses : 0;
}

blok_status blok_model_miss(const blok_model *model, size_t index, blok_miss_info *info) {
  if (!model || !info || info->struct_size == 0) return BLOK_E_ARGUMENT;
  if (index >= blok_model_miss_count(model)) return BLOK_E_NOT_FOUND;
  const blok_near_miss *miss = &model->overlay->misses[index];
  const blok_node *node = blok_node_at(model->working->graph, miss->node);
  blok_node_info source = BLOK_NODE_INFO_INIT;
  const char *name = "";
  if (node->n_sources && blok_model_node(model, node->sources[0].i - 1, &source) == BLOK_OK) {
    name = source.name;
  }
  BLOK_FILL(info, .kind = blok_block_kind_name(miss->kind), .node = name,
            .condition = miss->condition, .got = miss->got, .want = miss->want);
  return BLOK_OK;
}
