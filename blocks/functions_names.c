// What functions, their nodes and their inputs go by.
//
// Functions go by the kind of block: "residual", "residual_2". In a body, a node goes by its
// operator and a call by what the block inside is called within its parent ("conv1" of
// "layer1.0.conv1" in "layer1.0") where all blocks of the form agree, by its kind otherwise: so a
// block that is inlined again, "layer1.0/conv1/Conv", goes by the name that it had.
#include <string.h>

#include "base/error.h"
#include "blocks/functions_parts.h"
#include "graph/schemas.h"

// stem, or stem_2, stem_3, ..., whichever is not taken; put into taken.
static const char *take_name(blok_arena *arena, blok_names *taken, const char *stem) {
  uint32_t count = 0;
  const char *name = stem;
  if (blok_names_find(taken, stem, &count)) {
    uint32_t other;
    do {
      name = blok_arena_format(arena, "%s_%u", stem, (unsigned)++count);
    } while (name && blok_names_find(taken, name, &other));
  }
  // By its stem, the last number that was tried.
  if (!name || !blok_names_put(taken, stem, count ? count : 1)) return NULL;
  return name == stem || blok_names_put(taken, name, 1) ? name : NULL;
}

// ---- Inside a body ------------------------------------------------------------------------------

// "downsample/0" of "layer2.0.downsample.0" in "layer2.0", and of "downsample.0" in anything else;
// NULL where the name says nothing.
static const char *name_inside(blok_arena *arena, const char *name, const char *parent) {
  const size_t length = strlen(parent);
  if (strncmp(name, parent, length) == 0 && name[length] == '.') name += length + 1;
  if (!*name || strchr(name, '/') || strcmp(name, parent) == 0) return NULL;
  char *inside = blok_arena_text(arena, name);
  for (char *at = inside; at && *at; at++) {
    if (*at == '.') *at = '/';
  }
  return inside;
}

// What the call at item is called in all blocks of the form, or its kind.
static const char *call_stem(blok_calls *self, const blok_call_form *form, uint32_t item) {
  const blok_block_record *blocks = self->overlay->blocks;
  blok_arena *arena = &self->module->arena;
  const char *common = NULL;
  for (int32_t b = form->first; b >= 0; b = self->blocks[b].next) {
    const blok_block_record *called = &blocks[self->blocks[b].items[item].block];
    const char *name = name_inside(arena, called->name, blocks[b].name);
    if (!name || (common && strcmp(name, common) != 0)) {
      return blok_block_kind_name(called->kind);
    }
    common = name;
  }
  return common;
}

static const char *input_stem(blok_calls *self, const blok_call_item *item, const char *item_name,
                              uint32_t place) {
  blok_arena *arena = &self->module->arena;
  if (item->block >= 0) {
    const blok_call_form *called = &self->forms[self->blocks[item->block].form];
    return blok_arena_format(arena, "%s.%s", item_name, called->input_names[place]);
  }
  const blok_node *node = blok_node_at(self->graph, item->node);
  const int64_t opset = blok_module_opset(self->module, blok_node_domain(node));
  const blok_schema *schema = blok_schema_find(blok_node_domain(node), node->op_type, opset);
  const blok_schema_formal *formal = schema ? blok_schema_input_of_slot(schema, place) : NULL;
  if (!formal) return blok_arena_format(arena, "%s.%u", item_name, (unsigned)place);
  return blok_arena_format(arena, "%s.%s", item_name, blok_schema_text(formal->name));
}

// An outer value goes by who reads it first. The entry is "x", the exit "y".
static blok_status name_inputs(blok_calls *self, blok_call_form *form, blok_names *taken) {
  const blok_call_block *block = &self->blocks[form->first];
  blok_arena *arena = &self->module->arena;
  for (uint32_t k = 0; k < block->n_outer; k++) self->value_number[block->outer[k].i] = k;
  if (form->n_outer) form->input_names[0] = "x";
  for (uint32_t i = 0; i < block->n_items; i++) {
    const blok_call_item *item = &block->items[i];
    blok_call_item maker;
    for (uint32_t place = 0; place < blok_calls_reads(self, item); place++) {
      const blok_value_id value = blok_calls_read(self, item, place);
      if (!value.i || blok_calls_maker(self, form->first, value, &maker).i) continue;
      const uint32_t k = self->value_number[value.i];
      if (form->input_names[k]) continue;
      const char *stem = input_stem(self, item, form->item_names[i], place);
      const char *name = stem ? take_name(arena, taken, stem) : NULL;
      if (!name) return blok_fail_memory(self->error, 0);
      form->input_names[k] = name;
    }
  }
  return BLOK_OK;
}

static blok_status name_items(blok_calls *self, blok_call_form *form, blok_names *taken) {
  const blok_call_block *block = &self->blocks[form->first];
  blok_arena *arena = &self->module->arena;
  for (uint32_t i = 0; i < block->n_items; i++) {
    const blok_call_item *item = &block->items[i];
    const char *stem = item->block >= 0 ? call_stem(self, form, i)
                                        : blok_node_at(self->graph, item->node)->op_type;
    form->item_names[i] = stem ? take_name(arena, taken, stem) : NULL;
    if (!form->item_names[i]) return blok_fail_memory(self->error, 0);
  }
  return BLOK_OK;
}

static blok_status name_parts(blok_calls *self, blok_call_form *form) {
  blok_arena *arena = &self->module->arena;
  const uint32_t n_items = self->blocks[form->first].n_items;
  blok_names taken;
  blok_status status = BLOK_OK;
  blok_names_init(&taken, &self->module->allocator);
  form->item_names = blok_arena_array(arena, n_items, sizeof *form->item_names);
  form->input_names = blok_arena_array(arena, form->n_outer, sizeof *form->input_names);
  if (!form->item_names || !form->input_names || !blok_names_put(&taken, "x", 1) ||
      !blok_names_put(&taken, "y", 1)) {
    status = blok_fail_memory(self->error, 0);
  }
  if (status == BLOK_OK) status = name_items(self, form, &taken);
  if (status == BLOK_OK) status = name_inputs(self, form, &taken);
  blok_names_free(&taken);
  return status;
}

// ---- Functions ----------------------------------------------------------------------------------

// In the order of their first blocks; what the file has already keeps its name.
static blok_status name_functions(blok_calls *self, blok_names *taken) {
  const blok_module *module = self->module;
  for (uint32_t f = 0; f < module->n_functions; f++) {
    const blok_function *function = &module->functions[f];
    if (!blok_text_equal(function->domain, BLOK_FUNCTIONS_DOMAIN) || !function->name) continue;
    if (!blok_names_put(taken, function->name, 1)) return blok_fail_memory(self->error, 0);
  }
  for (uint32_t b = 0; b < self->overlay->n_blocks; b++) {
    if (!self->blocks[b].made) continue;
    blok_call_form *form = &self->forms[self->blocks[b].form];
    if (form->name) continue;
    const char *kind = blok_block_kind_name(self->overlay->blocks[b].kind);
    form->name = take_name(&self->module->arena, taken, kind);
    if (!form->name) return blok_fail_memory(self->error, 0);
  }
  return BLOK_OK;
}

blok_status blok_calls_names(blok_calls *self) {
  blok_names taken;
  blok_names_init(&taken, &self->module->allocator);
  const blok_status status = name_functions(self, &taken);
  blok_names_free(&taken);
  BLOK_TRY(status);
  for (uint32_t f = 0; f < self->n_forms; f++) {
    BLOK_TRY(name_parts(self, &self->forms[f]));
    BLOK_TRY(blok_calls_doc(self, &self->forms[f]));
  }
  return BLOK_OK;
}
