// What parts and variables are called, as a person would call them: "layer1" for the blocks
// layer1.0 and layer1.1, "conv1" for a convolution of no name, x for what goes from part to part.
#include <ctype.h>
#include <string.h>

#include "base/error.h"
#include "codegen/outline.h"
#include "codegen/page.h"

// ---- Unique names -------------------------------------------------------------------------------

blok_status blok_namer_take(blok_namer *namer, const char *stem, bool counted, const char **out,
                            blok_error *error) {
  const char *base = blok_identifier(namer->arena, stem, "part");
  uint32_t next = 1;
  if (!base) return blok_fail_memory(error, 0);
  (void)blok_names_find(&namer->taken, base, &next);
  *out = counted ? NULL : base;
  while (!*out || blok_is_reserved(*out) || blok_names_find(&namer->taken, *out, &(uint32_t){0})) {
    const uint32_t number = counted ? next++ : ++next;
    *out = blok_arena_format(namer->arena, counted ? "%s%u" : "%s_%u", base, number);
    if (!*out) return blok_fail_memory(error, 0);
  }
  // The stem remembers the last number, so that many equal stems take no longer.
  if (!blok_names_put(&namer->taken, base, next) ||
      (strcmp(base, *out) != 0 && !blok_names_put(&namer->taken, *out, 1))) {
    return blok_fail_memory(error, 0);
  }
  return BLOK_OK;
}

// ---- Stages -------------------------------------------------------------------------------------

static bool is_block(const blok_item *item) {
  return item->kind == BLOK_ITEM_CONV || item->kind == BLOK_ITEM_RESIDUAL ||
         item->kind == BLOK_ITEM_SE;
}

static bool is_number(const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (!isdigit((unsigned char)text[i])) return false;
  }
  return length > 0;
}

// Length of what stands before name's last segment that is a number: "features" of
// "features.2.block". 0: it has none.
static size_t stem_length(const char *name) {
  size_t end = strlen(name);
  while (end > 0) {
    size_t begin = end;
    while (begin > 0 && name[begin - 1] != '.') begin--;
    if (is_number(name + begin, end - begin)) return begin > 0 ? begin - 1 : 0;
    end = begin > 0 ? begin - 1 : 0;
  }
  return 0;
}

// What the file calls an item, without the number of a convolution inside its own Sequential:
// "features.0" of "features.0.1". In the arena; NULL for NULL.
static blok_status clean_name(blok_outline *outline, const blok_item *item, const char *name,
                              const char **out, blok_error *error) {
  *out = name;
  if (!name || item->kind != BLOK_ITEM_CONV) return BLOK_OK;
  const size_t whole = strlen(name), length = stem_length(name);
  if (length == 0 || !is_number(name + length + 1, whole - length - 1)) return BLOK_OK;
  char *shorter = blok_arena_textn(&outline->arena, name, length);
  if (!shorter) return blok_fail_memory(error, 0);
  const char *dot = strrchr(shorter, '.');
  if (dot && is_number(dot + 1, strlen(dot + 1))) *out = shorter;
  return BLOK_OK;
}

static bool changes_size(const blok_item *item) {
  if (item->kind != BLOK_ITEM_RESIDUAL) return false;
  for (int32_t i = 0; i < item->residual.convs; i++) {
    if (item->residual.conv[i].stride[0] != 1) return true;
  }
  return false;
}

// Whether next, which reads what item makes, belongs to the same stage.
static bool together(const blok_item *item, const char *name, const blok_item *next,
                     const char *next_name) {
  if (!is_block(next) || !blok_same_value(item->out, next->in)) return false;
  if (!name != !next_name) return false;
  if (!name) {
    return item->kind == BLOK_ITEM_RESIDUAL && next->kind == BLOK_ITEM_RESIDUAL &&
           !changes_size(next);
  }
  const size_t length = stem_length(name);
  return length > 0 && stem_length(next_name) == length && strncmp(name, next_name, length) == 0;
}

// Whether only one item reads value, and no output is it.
static bool read_once(const uint32_t *reads, blok_value_id value) { return reads[value.i] == 1; }

// How often items read each value; a graph output counts as two.
static void count_reads(const blok_outline *outline, uint32_t *reads) {
  const blok_graph *graph = outline->graph;
  for (uint32_t i = 0; i < outline->n_items; i++) {
    const blok_item *item = &outline->items[i];
    if (item->kind != BLOK_ITEM_NODE) {
      reads[item->in.i]++;
      continue;
    }
    const blok_node *node = blok_node_at(graph, item->node);
    for (uint32_t k = 0; k < node->n_inputs; k++) reads[node->inputs[k].i]++;
  }
  for (uint32_t i = 0; i < graph->n_outputs; i++) reads[graph->outputs[i].value.i] += 2;
}

static const char *kind_word(const blok_outline *outline, const blok_item *item) {
  switch (item->kind) {
    case BLOK_ITEM_CONV:
      return "conv";
    case BLOK_ITEM_RESIDUAL:
      return "block";
    case BLOK_ITEM_SE:
      return "se";
    case BLOK_ITEM_LINEAR:
      return "fc";
    case BLOK_ITEM_NORM:
    case BLOK_ITEM_LAYER_NORM:
      return "norm";
    case BLOK_ITEM_NODE:
      break;
  }
  return blok_node_at(outline->graph, item->node)->op_type;
}

static blok_status name_stage(blok_outline *outline, uint32_t first, uint32_t count,
                              const char *name, blok_namer *namer, blok_error *error) {
  if (!blok_arena_grow(&outline->arena, &outline->stages, &outline->cap_stages, outline->n_stages,
                       sizeof *outline->stages)) {
    return blok_fail_memory(error, 0);
  }
  blok_stage *stage = &outline->stages[outline->n_stages];
  const char *stem = name ? blok_arena_textn(&outline->arena, name, stem_length(name)) : "stage";
  if (!stem) return blok_fail_memory(error, 0);
  *stage = (blok_stage){.first = first, .count = count};
  BLOK_TRY(blok_namer_take(namer, stem, !name, &stage->path, error));
  for (uint32_t i = 0; i < count; i++) {
    blok_item *item = &outline->items[first + i];
    item->stage = (int32_t)outline->n_stages;
    item->path = blok_arena_format(&outline->arena, "%s.%u", stage->path, i);
    if (!item->path) return blok_fail_memory(error, 0);
  }
  outline->n_stages++;
  return BLOK_OK;
}

// A single item: "layer4" of "layer4.0".
static blok_status name_single(blok_outline *outline, blok_item *item, const char *name,
                               blok_namer *namer, blok_error *error) {
  const char *stem = name;
  if (name && is_block(item)) {
    const size_t length = stem_length(name), whole = strlen(name);
    if (length && is_number(name + length + 1, whole - length - 1)) {
      stem = blok_arena_textn(&outline->arena, name, length);
      if (!stem) return blok_fail_memory(error, 0);
    }
  }
  if (stem) return blok_namer_take(namer, stem, false, &item->path, error);
  const bool node = item->kind == BLOK_ITEM_NODE;
  char *word = blok_arena_text(&outline->arena, kind_word(outline, item));
  if (!word) return blok_fail_memory(error, 0);
  for (char *at = word; *at; at++) *at = (char)tolower((unsigned char)*at);
  return blok_namer_take(namer, word, !node, &item->path, error);
}

blok_status blok_outline_name(blok_outline *outline, const char *const *names, blok_namer *namer,
                              blok_error *error) {
  const uint32_t n = outline->n_items;
  uint32_t *reads = blok_arena_array(&outline->arena, outline->graph->n_values, sizeof *reads);
  const char **clean = blok_arena_array(&outline->arena, n + 1, sizeof *clean);
  if (!reads || !clean) return blok_fail_memory(error, 0);
  count_reads(outline, reads);
  for (uint32_t i = 0; i < n; i++) {
    BLOK_TRY(clean_name(outline, &outline->items[i], names[i], &clean[i], error));
  }
  for (uint32_t i = 0, next; i < n; i = next) {
    next = i + 1;
    while (
        is_block(&outline->items[i]) && next < n &&
        read_once(reads, outline->items[next - 1].out) &&
        together(&outline->items[next - 1], clean[next - 1], &outline->items[next], clean[next])) {
      next++;
    }
    if (next - i > 1) {
      BLOK_TRY(name_stage(outline, i, next - i, clean[i], namer, error));
    } else {
      BLOK_TRY(name_single(outline, &outline->items[i], clean[i], namer, error));
    }
  }
  return BLOK_OK;
}

// ---- Variables ----------------------------------------------------------------------------------

typedef struct variables {
  const blok_outline *outline;
  blok_arena *arena;
  const char **of;  // by value
  uint32_t *last;   // by value: the item that reads it last; UINT32_MAX: an output
  uint32_t n_free, cap_free;
  const char **unused;  // variables that hold nothing now
  uint32_t made;
} variables;

static blok_status fresh(variables *self, const char **out, blok_error *error) {
  static const char *const first[] = {"x", "y", "z", "u", "v", "w"};
  enum { FIRST = sizeof first / sizeof *first };
  if (self->n_free) {
    *out = self->unused[--self->n_free];
    return BLOK_OK;
  }
  const uint32_t number = self->made++;
  *out = number < FIRST ? first[number] : blok_arena_format(self->arena, "t%u", number - FIRST + 1);
  return *out ? BLOK_OK : blok_fail_memory(error, 0);
}

static blok_status give_back(variables *self, const char *name, blok_error *error) {
  if (!blok_arena_grow(self->arena, &self->unused, &self->cap_free, self->n_free,
                       sizeof *self->unused)) {
    return blok_fail_memory(error, 0);
  }
  self->unused[self->n_free++] = name;
  return BLOK_OK;
}

static void read_values(const blok_outline *outline, const blok_item *item, uint32_t *n,
                        const blok_value_id **values) {
  if (item->kind != BLOK_ITEM_NODE) {
    *n = 1;
    *values = &item->in;
    return;
  }
  const blok_node *node = blok_node_at(outline->graph, item->node);
  *n = node->n_inputs;
  *values = node->inputs;
}

static void made_values(const blok_outline *outline, const blok_item *item, uint32_t *n,
                        const blok_value_id **values) {
  if (item->kind != BLOK_ITEM_NODE) {
    *n = 1;
    *values = &item->out;
    return;
  }
  const blok_node *node = blok_node_at(outline->graph, item->node);
  *n = node->n_outputs;
  *values = node->outputs;
}

// Variables of what item reads for the last time go back, of what it makes are taken: the first of
// them is the variable of the first value that ends here.
static blok_status step(variables *self, uint32_t index, blok_error *error) {
  const blok_item *item = &self->outline->items[index];
  const blok_value_id *values = NULL;
  uint32_t n = 0;
  read_values(self->outline, item, &n, &values);
  for (uint32_t i = n; i-- > 0;) {
    const uint32_t value = values[i].i;
    bool again = false;
    for (uint32_t k = 0; k < i; k++) again = again || values[k].i == value;
    if (!value || again || !self->of[value] || self->last[value] != index) continue;
    BLOK_TRY(give_back(self, self->of[value], error));
  }
  made_values(self->outline, item, &n, &values);
  for (uint32_t i = 0; i < n; i++) {
    if (values[i].i) BLOK_TRY(fresh(self, &self->of[values[i].i], error));
  }
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t value = values[i].i;
    if (value && self->last[value] == 0) BLOK_TRY(give_back(self, self->of[value], error));
  }
  return BLOK_OK;
}

static blok_status name_inputs(variables *self, blok_error *error) {
  const blok_graph *graph = self->outline->graph;
  blok_namer namer = {.arena = self->arena};
  blok_status status = BLOK_OK;
  uint32_t fed = 0;
  blok_names_init(&namer.taken, &self->outline->allocator);
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    fed += !blok_value_at(graph, graph->inputs[i].value)->literal;
  }
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    const blok_value *value = blok_value_at(graph, graph->inputs[i].value);
    const char **name = &self->of[graph->inputs[i].value.i];
    if (value->literal) continue;
    if (fed == 1) {
      BLOK_TRY_TO(done, fresh(self, name, error));
      continue;
    }
    const char *stem = blok_arena_format(self->arena, "in_%s", value->name);
    if (!stem) {
      status = blok_fail_memory(error, 0);
      goto done;
    }
    BLOK_TRY_TO(done, blok_namer_take(&namer, stem, false, name, error));
  }
done:
  blok_names_free(&namer.taken);
  return status;
}

blok_status blok_outline_variables(const blok_outline *outline, blok_arena *arena,
                                   const char ***out, blok_error *error) {
  const blok_graph *graph = outline->graph;
  variables self = {.outline = outline, .arena = arena};
  self.of = blok_arena_array(arena, graph->n_values, sizeof *self.of);
  self.last = blok_arena_array(arena, graph->n_values, sizeof *self.last);
  *out = NULL;
  if (!self.of || !self.last) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < outline->n_items; i++) {
    const blok_value_id *values = NULL;
    uint32_t n = 0;
    read_values(outline, &outline->items[i], &n, &values);
    for (uint32_t k = 0; k < n; k++) self.last[values[k].i] = i;
  }
  // Item 0 reads only inputs, whose variables are theirs for good when there are several.
  for (uint32_t i = 0; i < graph->n_outputs; i++) {
    self.last[graph->outputs[i].value.i] = UINT32_MAX;
  }
  BLOK_TRY(name_inputs(&self, error));
  for (uint32_t i = 0; i < outline->n_items; i++) BLOK_TRY(step(&self, i, error));
  *out = self.of;
  return BLOK_OK;
}
