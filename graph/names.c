// Names of values: an index over a graph's values that grows as they do, and fresh names from it.
#include <string.h>

#include "base/error.h"
#include "graph/graph.h"

// The slot that holds a value of this name, or the free one where it belongs.
static uint32_t slot_of(const blok_graph *graph, const char *name) {
  uint32_t mask = graph->n_name_slots - 1;
  uint32_t slot = (uint32_t)blok_hash_bytes(name, strlen(name)) & mask;
  while (graph->name_slots[slot].i) {
    if (strcmp(blok_value_at(graph, graph->name_slots[slot])->name, name) == 0) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

static void enter(blok_graph *graph, blok_value_id value) {
  const char *name = blok_value_at(graph, value)->name;
  if (!name) return;
  uint32_t slot = slot_of(graph, name);
  if (!graph->name_slots[slot].i) graph->n_name_entries++;
  graph->name_slots[slot] = value;
}

// Room for one entry more than there are values; at most half full, so that probing stays short.
static bool make_room(blok_graph *graph) {
  uint64_t wanted = (uint64_t)graph->n_name_entries + (graph->n_values - graph->n_named) + 1;
  if (wanted < graph->n_name_slots / 2) return true;
  uint64_t slots = 64;
  while (slots / 2 <= wanted + graph->n_values) slots *= 2;
  if (slots > UINT32_MAX) return false;
  blok_value_id *fresh =
      blok_arena_array(&graph->module->arena, (size_t)slots, sizeof *graph->name_slots);
  if (!fresh) return false;
  graph->name_slots = fresh;
  graph->n_name_slots = (uint32_t)slots;
  graph->n_name_entries = 0;
  graph->n_named = 0;
  return true;
}

static bool bring_up(blok_graph *graph) {
  if (!make_room(graph)) return false;
  uint32_t first = graph->n_named ? graph->n_named : 1;
  for (uint32_t i = first; i < graph->n_values; i++) enter(graph, (blok_value_id){i});
  graph->n_named = graph->n_values;
  return true;
}

blok_status blok_graph_new_name(blok_graph *graph, const char *stem, const char **out,
                                blok_error *error) {
  *out = NULL;
  if (!stem || !*stem) stem = "value";
  if (!bring_up(graph)) return blok_fail_memory(error, 0);
  blok_arena *arena = &graph->module->arena;
  size_t length = strlen(stem);
  const size_t digits = sizeof "_4294967295";
  char *name = blok_arena_alloc(arena, length + digits);
  if (!name) return blok_fail_memory(error, length);
  memcpy(name, stem, length + 1);
  while (graph->name_slots[slot_of(graph, name)].i) {
    // The number in decimal behind the stem; one counter for all stems keeps this from searching.
    char text[16];
    size_t at = sizeof text;
    for (uint32_t number = ++graph->next_name; number; number /= 10) {
      text[--at] = (char)('0' + number % 10);
    }
    name[length] = '_';
    memcpy(name + length + 1, text + at, sizeof text - at);
    name[length + 1 + sizeof text - at] = '\0';
  }
  *out = name;
  return BLOK_OK;
}

blok_status blok_graph_rename(blok_graph *graph, blok_value_id value, const char *name,
                              blok_error *error) {
  if (!bring_up(graph)) return blok_fail_memory(error, 0);
  blok_value_at(graph, value)->name = name;
  enter(graph, value);
  return BLOK_OK;
}
