// Edits of blocks by their descriptors: changed by the caller, given a squeeze-excite, or written
// anew as they are.
#include <string.h>

#include "base/error.h"
#include "blocks/edit/edit.h"

#define KIND(kind) (1u << (uint32_t)(kind))
#define ADDITIONS                                                                 \
  (KIND(BLOK_RESIDUAL) | KIND(BLOK_BOTTLENECK) | KIND(BLOK_INVERTED_BOTTLENECK) | \
   KIND(BLOK_RESIDUAL_OTHER))

// ---- A record with another descriptor -----------------------------------------------------------

// A copy whose weights can be changed.
static blok_status copy_record(blok_editing *editing, const blok_block_record *from,
                               blok_block_record **out) {
  blok_arena *arena = &editing->scratch;
  blok_block_record *record = blok_arena_copy(arena, from, sizeof *from);
  *out = record;
  if (!record) return blok_fail_memory(editing->error, sizeof *from);
  if (from->residual_weights) {
    record->residual_weights =
        blok_arena_copy(arena, from->residual_weights, sizeof *from->residual_weights);
    return record->residual_weights ? BLOK_OK : blok_fail_memory(editing->error, 0);
  }
  if (!from->weights) return BLOK_OK;
  const size_t weights = from->kind == BLOK_SQUEEZE_EXCITE ? 2 : 1;
  record->weights = blok_arena_copy(arena, from->weights, weights * sizeof *from->weights);
  return record->weights ? BLOK_OK : blok_fail_memory(editing->error, 0);
}

static size_t offset_of(const blok_block_record *record, const blok_value_id *at) {
  const char *base = record->residual_weights ? (const char *)record->residual_weights
                                              : (const char *)record->weights;
  return (size_t)((const char *)at - base);
}

static blok_value_id *at_offset(const blok_block_record *record, size_t offset) {
  const void *base = record->residual_weights ? (const void *)record->residual_weights
                                              : (const void *)record->weights;
  return (blok_value_id *)((uintptr_t)base + offset);
}

static const blok_block_weight *find_slot(const blok_block_record *record,
                                          const blok_block_weight *list, uint32_t n,
                                          size_t offset) {
  for (uint32_t i = 0; i < n; i++) {
    if (offset_of(record, list[i].at) == offset) return &list[i];
  }
  return NULL;
}

static bool same_dims(const blok_block_weight *a, const blok_block_weight *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

// What the weight of old in this slot is called in the source graph; NULL: it has none there.
static const char *old_name(const blok_editing *editing, blok_value_id weight) {
  if (!weight.i) return NULL;
  const char *name = blok_value_at(editing->view.working->graph, weight)->name;
  const blok_value_id own = blok_editing_value(editing, name);
  return own.i && blok_value_at(editing->graph, own)->literal ? name : NULL;
}

static blok_status add_fresh(blok_editing *editing, const blok_block_record *old,
                             const blok_block_weight *weight, size_t offset,
                             blok_replacement *out) {
  blok_fresh_weight *fresh = &out->fresh[out->n_fresh++];
  fresh->weight = *weight;
  fresh->name = old_name(editing, *at_offset(old, offset));
  if (fresh->name) {
    fresh->name = blok_arena_text(&editing->builder->module->arena, fresh->name);
    return fresh->name ? BLOK_OK : blok_fail_memory(editing->error, 0);
  }
  return blok_builder_join(editing->builder, old->name, weight->name, &fresh->name, editing->error);
}

// record is a copy of old with another descriptor: it keeps the weights whose dims are the same,
// and the others are drawn.
static blok_status fit_weights(blok_editing *editing, blok_block_record *old,
                               blok_block_record *record, blok_replacement *out) {
  blok_arena *arena = &editing->scratch;
  blok_block_weight *before = NULL, *after = NULL;
  uint32_t n_before = 0, n_after = 0;
  const blok_naming naming = editing->builder->naming;
  *out = (blok_replacement){.record = record};
  BLOK_TRY(blok_block_weights(naming, old, arena, &before, &n_before, editing->error));
  BLOK_TRY(blok_block_weights(naming, record, arena, &after, &n_after, editing->error));
  out->fresh = blok_arena_array(arena, n_after, sizeof *out->fresh);
  if (!out->fresh) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < n_before; i++) {
    const size_t offset = offset_of(old, before[i].at);
    if (!find_slot(record, after, n_after, offset)) *at_offset(record, offset) = BLOK_NO_VALUE;
  }
  for (uint32_t i = 0; i < n_after; i++) {
    const size_t offset = offset_of(record, after[i].at);
    const blok_block_weight *was = find_slot(old, before, n_before, offset);
    if (was && was->at->i && same_dims(was, &after[i])) continue;
    BLOK_TRY(add_fresh(editing, old, &after[i], offset, out));
  }
  return BLOK_OK;
}

// The block in whose place desc comes, of the block's own kind.
static blok_status describe(blok_editing *editing, int32_t index, const void *desc,
                            blok_replacement *out) {
  blok_block_record *old = NULL, *record = NULL;
  BLOK_TRY(copy_record(editing, &editing->view.overlay->blocks[index], &old));
  BLOK_TRY(copy_record(editing, old, &record));
  if (record->residual) record->residual = desc;
  if (record->conv) record->conv = desc;
  if (record->se) record->se = desc;
  return fit_weights(editing, old, record, out);
}

// ---- One block changed --------------------------------------------------------------------------

static blok_status find(blok_editing *editing, const char *name, uint32_t kinds, const char *wanted,
                        int32_t *out) {
  *out = -1;
  if (!name) return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "the block's name is NULL");
  const int32_t index = blok_editing_block(editing, name, kinds);
  if (index < 0) return blok_editing_no_block(editing, name);
  const blok_block_record *record = &editing->view.overlay->blocks[index];
  if (!(kinds >> (uint32_t)record->kind & 1u)) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "block '%s' is a %s and no %s",
                     blok_quote(name).text, blok_block_kind_name(record->kind), wanted);
  }
  *out = index;
  return BLOK_OK;
}

// Shapes may be others from here on.
static blok_status replace_changed(blok_editing *editing, const blok_replacement *replacement) {
  BLOK_TRY(blok_editing_replace(editing, 1, replacement));
  BLOK_TRY(blok_editing_forget_types(editing, true));
  return blok_editing_declare_outputs(editing);
}

static blok_status check_convs(const blok_editing *editing, const blok_block_record *record,
                               const blok_residual_desc *desc) {
  const int32_t least = record->kind == BLOK_BOTTLENECK ? 3 : 2;
  const int32_t most = record->kind == BLOK_RESIDUAL ? 2 : 3;
  if (record->kind == BLOK_RESIDUAL_OTHER || (desc->convs >= least && desc->convs <= most)) {
    return BLOK_OK;
  }
  return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                   "block '%s' is a %s, which has %d%s convolutions, not %d",
                   blok_quote(record->name).text, blok_block_kind_name(record->kind), least,
                   least == most ? "" : " or 3", desc->convs);
}

static blok_status edit_residual(blok_editing *editing, const char *block,
                                 const blok_residual_desc *given, uint32_t *redrawn) {
  int32_t index = -1;
  blok_replacement replacement;
  if (!given || given->struct_size < sizeof *given) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                     "blok_edit_residual: begin desc with BLOK_RESIDUAL_DESC_INIT");
  }
  BLOK_TRY(blok_editing_look_inside(editing));
  BLOK_TRY(find(editing, block, ADDITIONS, "block with an addition", &index));
  const blok_block_record *record = &editing->view.overlay->blocks[index];
  blok_residual_desc *desc = blok_arena_copy(&editing->scratch, given, sizeof *given);
  if (!desc) return blok_fail_memory(editing->error, sizeof *given);
  BLOK_TRY(check_convs(editing, record, desc));
  if (record->kind != BLOK_RESIDUAL_OTHER) {
    BLOK_TRY(blok_check_residual(record->name, &editing->view.facts->of[record->entry.i], desc,
                                 editing->error));
  }
  BLOK_TRY(describe(editing, index, desc, &replacement));
  *redrawn = replacement.n_fresh;
  return replace_changed(editing, &replacement);
}

blok_status blok_edit_residual(blok_builder *builder, const char *block,
                               const blok_residual_desc *desc, size_t *redrawn, blok_error *error) {
  blok_editing editing;
  uint32_t n = 0;
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = edit_residual(&editing, block, desc, &n);
  status = blok_editing_end(&editing, status);
  if (redrawn) *redrawn = status == BLOK_OK ? n : 0;
  return status;
}

static blok_status edit_conv(blok_editing *editing, const char *block, const blok_conv_desc *given,
                             uint32_t *redrawn) {
  int32_t index = -1;
  blok_replacement replacement;
  if (!given || given->struct_size < sizeof *given) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                     "blok_edit_conv: begin desc with BLOK_CONV_DESC_INIT");
  }
  BLOK_TRY(blok_editing_look_inside(editing));
  BLOK_TRY(find(editing, block, KIND(BLOK_CONV_NORM_ACT), "conv_norm_act", &index));
  const blok_block_record *record = &editing->view.overlay->blocks[index];
  blok_conv_desc *desc = blok_arena_copy(&editing->scratch, given, sizeof *given);
  if (!desc) return blok_fail_memory(editing->error, sizeof *given);
  BLOK_TRY(blok_check_conv(record->name, &editing->view.facts->of[record->entry.i], desc,
                           editing->error));
  BLOK_TRY(describe(editing, index, desc, &replacement));
  *redrawn = replacement.n_fresh;
  return replace_changed(editing, &replacement);
}

blok_status blok_edit_conv(blok_builder *builder, const char *block, const blok_conv_desc *desc,
                           size_t *redrawn, blok_error *error) {
  blok_editing editing;
  uint32_t n = 0;
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = edit_conv(&editing, block, desc, &n);
  status = blok_editing_end(&editing, status);
  if (redrawn) *redrawn = status == BLOK_OK ? n : 0;
  return status;
}

static blok_status edit_se(blok_editing *editing, const char *block, const blok_se_desc *given,
                           uint32_t *redrawn) {
  int32_t index = -1;
  blok_replacement replacement;
  if (!given || given->struct_size < sizeof *given) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT,
                     "blok_edit_se: begin desc with BLOK_SE_DESC_INIT");
  }
  BLOK_TRY(blok_editing_look_inside(editing));
  BLOK_TRY(find(editing, block, KIND(BLOK_SQUEEZE_EXCITE), "squeeze_excite", &index));
  const blok_block_record *record = &editing->view.overlay->blocks[index];
  blok_se_desc *desc = blok_arena_copy(&editing->scratch, given, sizeof *given);
  if (!desc) return blok_fail_memory(editing->error, sizeof *given);
  BLOK_TRY(blok_check_squeeze_excite(record->name, &editing->view.facts->of[record->entry.i], desc,
                                     editing->error));
  BLOK_TRY(describe(editing, index, desc, &replacement));
  *redrawn = replacement.n_fresh;
  return replace_changed(editing, &replacement);
}

blok_status blok_edit_se(blok_builder *builder, const char *block, const blok_se_desc *desc,
                         size_t *redrawn, blok_error *error) {
  blok_editing editing;
  uint32_t n = 0;
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = edit_se(&editing, block, desc, &n);
  status = blok_editing_end(&editing, status);
  if (redrawn) *redrawn = status == BLOK_OK ? n : 0;
  return status;
}

// ---- Squeeze-excites put in ---------------------------------------------------------------------

// Behind the last convolution's norm, in an inverted bottleneck behind its wide convolution.
static blok_status describe_excited(blok_editing *editing, const blok_block_record *record,
                                    const blok_block_options *options, blok_residual_desc *desc) {
  const bool inverted = record->kind == BLOK_INVERTED_BOTTLENECK;
  desc->has_se = true;
  desc->se_conv = inverted ? desc->convs - 2 : desc->convs - 1;
  const blok_conv_desc *conv = &desc->conv[desc->se_conv];
  desc->se_before_act =
      !inverted && desc->order == BLOK_ORDER_POST && conv->activation != BLOK_ACT_NONE;
  desc->se = (blok_se_desc)BLOK_SE_DESC_INIT;
  return blok_se_describe(options, conv->out_channels, &desc->se, editing->error);
}

static blok_status add_excited(blok_editing *editing, int32_t index,
                               const blok_block_options *options, blok_replacement *out) {
  const blok_block_record *record = &editing->view.overlay->blocks[index];
  blok_residual_desc *desc =
      blok_arena_copy(&editing->scratch, record->residual, sizeof *record->residual);
  if (!desc) return blok_fail_memory(editing->error, sizeof *desc);
  BLOK_TRY(describe_excited(editing, record, options, desc));
  return describe(editing, index, desc, out);
}

static blok_status excite(blok_editing *editing, const char *block,
                          const blok_block_options *options, uint32_t *changed) {
  const uint32_t kinds = ADDITIONS & ~KIND(BLOK_RESIDUAL_OTHER);
  const blok_block_options fallback = BLOK_BLOCK_OPTIONS_INIT;
  if (!options) options = &fallback;
  BLOK_TRY(blok_editing_look_inside(editing));
  const blok_overlay *overlay = editing->view.overlay;
  int32_t only = -1;
  if (block) BLOK_TRY(find(editing, block, kinds, "residual block that can hold one", &only));
  if (only >= 0 && overlay->blocks[only].residual->has_se) {
    return BLOK_FAIL(editing->error, BLOK_E_ARGUMENT, "block '%s' has a squeeze-excite already",
                     blok_quote(block).text);
  }
  blok_replacement *list = blok_arena_array(&editing->scratch, overlay->n_blocks + 1, sizeof *list);
  if (!list) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    const blok_block_record *record = &overlay->blocks[i];
    if (only >= 0 && (int32_t)i != only) continue;
    if (!(kinds >> (uint32_t)record->kind & 1u) || record->residual->has_se) continue;
    BLOK_TRY(add_excited(editing, (int32_t)i, options, &list[(*changed)++]));
  }
  return blok_editing_replace(editing, *changed, list);
}

blok_status blok_edit_squeeze_excite(blok_builder *builder, const char *block,
                                     const blok_block_options *options, size_t *changed,
                                     blok_error *error) {
  blok_editing editing;
  uint32_t n = 0;
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = excite(&editing, block, options, &n);
  status = blok_editing_end(&editing, status);
  if (changed) *changed = status == BLOK_OK ? n : 0;
  return status;
}

// ---- Everything as it is ------------------------------------------------------------------------

static bool keeps_region(const blok_block_record *record) {
  return record->kind == BLOK_RESIDUAL_OTHER || record->kind == BLOK_GATE;
}

static bool in_region(const blok_block_record *record, blok_node_id node) {
  for (uint32_t i = 0; i < record->n_region; i++) {
    if (record->region[i].i == node.i) return true;
  }
  return false;
}

// True for a block that no other one is written with.
static bool stands_alone(const blok_overlay *overlay, const blok_block_record *record) {
  while (record->parent >= 0) {
    const blok_block_record *parent = &overlay->blocks[record->parent];
    if (!keeps_region(parent) || !in_region(parent, record->members[0])) return false;
    record = parent;
  }
  return true;
}

static blok_status rewrite(blok_editing *editing) {
  BLOK_TRY(blok_editing_look_inside(editing));
  const blok_overlay *overlay = editing->view.overlay;
  uint32_t n = 0;
  blok_replacement *list = blok_arena_array(&editing->scratch, overlay->n_blocks + 1, sizeof *list);
  if (!list) return blok_fail_memory(editing->error, 0);
  for (uint32_t i = 0; i < overlay->n_blocks; i++) {
    const blok_block_record *record = &overlay->blocks[i];
    if (record->kind == BLOK_GATE || !stands_alone(overlay, record)) continue;
    list[n++] = (blok_replacement){.record = record};
  }
  return blok_editing_replace(editing, n, list);
}

blok_status blok_edit_rewrite(blok_builder *builder, blok_error *error) {
  blok_editing editing;
  blok_status status = blok_editing_begin(builder, &editing, error);
  if (status == BLOK_OK) status = rewrite(&editing);
  return blok_editing_end(&editing, status);
}
