// Comparing two models: what is public, and the list of differences. See diff_parts.h.
#include <blok/diff.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/diff_parts.h"
#include "base/error.h"

// ---- The list -----------------------------------------------------------------------------------

// So many are held until they are sorted; all are counted.
enum { HELD = 1 << 16 };

static const char *name_of(blok_differ *self, const blok_diff_frame *frame, int side,
                           blok_node_id id) {
  if (!frame || !id.i) return "";
  const blok_graph *graph = frame->graph[side];
  const blok_node *node = blok_node_at(graph, id);
  const char *name = node->name && *node->name ? node->name : NULL;
  for (uint32_t o = 0; !name && o < node->n_outputs; o++) {
    if (node->outputs[o].i) name = blok_value_at(graph, node->outputs[o])->name;
  }
  return name ? blok_arena_text(&self->diff->arena, name) : "";
}

static uint32_t place_of(const blok_diff_frame *frame, blok_node_id a, blok_node_id b) {
  if (!frame) return 0;
  if (a.i) return blok_differ_place(frame, SIDE_A, a);
  return b.i ? blok_differ_place(frame, SIDE_B, b) : frame->place ? frame->place : UINT32_MAX;
}

blok_status blok_differ_say(blok_differ *self, blok_difference_kind kind, blok_diff_frame *frame,
                            blok_node_id a, blok_node_id b, double max_abs, const char *format,
                            ...) {
  blok_diff *diff = self->diff;
  char text[900];
  diff->count++;
  if (diff->n == HELD) return BLOK_OK;
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  blok_diff_item item = {.place = place_of(frame, a, b), .number = diff->n};
  item.shown = (blok_difference)BLOK_DIFFERENCE_INIT;
  item.shown.kind = kind;
  item.shown.max_abs = max_abs;
  item.shown.node_a = name_of(self, frame, SIDE_A, a);
  item.shown.node_b = name_of(self, frame, SIDE_B, b);
  item.shown.text = blok_arena_format(&diff->arena, "%s%s", frame ? frame->where : "", text);
  if (!item.shown.text || !item.shown.node_a || !item.shown.node_b ||
      !blok_grow(&diff->allocator, &diff->items, &diff->capacity, diff->n, sizeof item)) {
    return blok_fail_memory(self->error, 0);
  }
  diff->items[diff->n++] = item;
  return BLOK_OK;
}

blok_status blok_differ_first(blok_differ *self, const void *owner, uint64_t a, uint64_t b,
                              bool *first) {
  char key[80];
  uint32_t known;
  (void)snprintf(key, sizeof key, "%p %llx %llx", owner, (unsigned long long)a,
                 (unsigned long long)b);
  *first = !blok_names_find(&self->seen, key, &known);
  if (!*first) return BLOK_OK;
  const char *kept = blok_arena_text(&self->scratch, key);
  return kept && blok_names_put(&self->seen, kept, 0) ? BLOK_OK : blok_fail_memory(self->error, 0);
}

static int in_order(const void *left, const void *right) {
  const blok_diff_item *a = left, *b = right;
  if (a->place != b->place) return a->place < b->place ? -1 : 1;
  return (a->number > b->number) - (a->number < b->number);
}

// ---- Comparing ----------------------------------------------------------------------------------

static blok_status compare(blok_differ *self) {
  const blok_module *a = self->module[SIDE_A], *b = self->module[SIDE_B];
  BLOK_TRY(blok_differ_interfaces(self));
  const blok_diff_graphs graphs = {.graph = {a->graph, b->graph},
                                   .opsets = {a->opsets, b->opsets},
                                   .n_opsets = {a->n_opsets, b->n_opsets},
                                   .where = ""};
  BLOK_TRY(blok_differ_enter(self, NULL, &graphs, NULL));
  return blok_differ_walk(self);
}

static blok_status run(blok_differ *self) {
  blok_arena_init(&self->scratch, &self->allocator);
  blok_names_init(&self->seen, &self->allocator);
  for (int side = 0; side < SIDES; side++) {
    blok_names_init(&self->symbols[side], &self->allocator);
  }
  const blok_status status = compare(self);
  for (int side = 0; side < SIDES; side++) blok_names_free(&self->symbols[side]);
  blok_names_free(&self->seen);
  blok_free(&self->allocator, self->tasks);
  blok_arena_free(&self->scratch);
  return status;
}

static blok_status check(const blok_model *a, const blok_model *b, const blok_diff_options *given,
                         blok_diff_options *options, blok_error *error) {
  if (!a || !b) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_diff: %s is NULL", a ? "b" : "a");
  }
  BLOK_TRY(blok_take_options(given, options, sizeof *options, "blok_diff_options", error));
  if (isnan(options->tolerance) || options->tolerance < 0) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT,
                     "blok_model_diff: the tolerance is %g, it must be 0 or more",
                     options->tolerance);
  }
  if (!options->working) return BLOK_OK;
  BLOK_TRY(blok_model_runnable(a, error));
  return blok_model_runnable(b, error);
}

blok_status blok_model_diff(const blok_model *a, const blok_model *b,
                            const blok_diff_options *given, blok_diff **out, blok_error *error) {
  blok_diff_options options = BLOK_DIFF_OPTIONS_INIT;
  blok_error_clear(error);
  if (!out) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_model_diff: out is NULL");
  *out = NULL;
  BLOK_TRY(check(a, b, given, &options, error));
  const bool working = options.working;
  blok_differ self = {
      .module = {working ? a->working : a->source, working ? b->working : b->source},
      .functions = {&a->functions, &b->functions},
      .options = options,
      .allocator = a->allocator,
      .error = error};
  blok_diff *diff = blok_alloc_zero(&a->allocator, sizeof *diff);
  if (!diff) return blok_fail_memory(error, sizeof *diff);
  diff->allocator = a->allocator;
  blok_arena_init(&diff->arena, &diff->allocator);
  self.diff = diff;
  const blok_status status = run(&self);
  if (status != BLOK_OK) {
    blok_diff_free(&diff);
    return status;
  }
  if (diff->n) qsort(diff->items, diff->n, sizeof *diff->items, in_order);
  if (diff->n > options.most) diff->n = (uint32_t)options.most;
  *out = diff;
  return BLOK_OK;
}

void blok_diff_free(blok_diff **pointer) {
  if (!pointer || !*pointer) return;
  blok_diff *diff = *pointer;
  *pointer = NULL;
  blok_allocator allocator = diff->allocator;
  blok_free(&allocator, diff->items);
  blok_arena_free(&diff->arena);
  blok_free(&allocator, diff);
}

size_t blok_diff_count(const blok_diff *diff) { return diff ? diff->count : 0; }

blok_status blok_diff_at(const blok_diff *diff, size_t index, blok_difference *out) {
  if (!diff || !out || out->struct_size == 0) return BLOK_E_ARGUMENT;
  if (index >= diff->n) return BLOK_E_NOT_FOUND;
  const blok_difference *shown = &diff->items[index].shown;
  BLOK_FILL(out, .kind = shown->kind, .text = shown->text, .node_a = shown->node_a,
            .node_b = shown->node_b, .max_abs = shown->max_abs);
  return BLOK_OK;
}
