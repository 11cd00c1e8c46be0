// The driver: units, then each matcher of blocks.def in turn, then the records in their final
// order.
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "blocks/matcher.h"

// Rows that are found by the row before them.
#define blok_match_NONE NULL

static const blok_match_fn matchers[] = {
#define BLOCK(id, name, match, what) blok_match_##match,
#include "blocks/blocks.def"
#undef BLOCK
};

// ---- Setting up ---------------------------------------------------------------------------------

static blok_status prepare(blok_matcher *matcher, blok_error *error) {
  const blok_graph *graph = matcher->graph;
  blok_arena *arena = &matcher->scratch;
  matcher->place = blok_arena_array(arena, graph->n_nodes, sizeof *matcher->place);
  matcher->owner = blok_arena_array(arena, graph->n_nodes, sizeof *matcher->owner);
  matcher->unit_of = blok_arena_array(arena, graph->n_values, sizeof *matcher->unit_of);
  matcher->reader_of = blok_arena_array(arena, graph->n_values, sizeof *matcher->reader_of);
  bool room =
      blok_arena_grow(arena, &matcher->units, &matcher->cap_units, 0, sizeof *matcher->units);
  if (!room || !matcher->place || !matcher->owner || !matcher->unit_of || !matcher->reader_of) {
    return blok_fail_memory(error, 0);
  }
  memset(&matcher->units[0], 0, sizeof matcher->units[0]);
  matcher->n_units = 1;
  for (uint32_t i = 0; i < graph->n_nodes; i++) matcher->owner[i] = -1;
  for (uint32_t i = 0; i < graph->n_order; i++) matcher->place[graph->order[i].i] = i;
  return blok_uses_build(graph, &matcher->allocator, &matcher->uses, error);
}

// ---- The final order ----------------------------------------------------------------------------

// Found records by the place of their first node.
typedef struct rank {
  uint32_t place, found;
} rank;

static int by_place(const void *left, const void *right) {
  const rank *a = left, *b = right;
  if (a->place != b->place) return a->place < b->place ? -1 : 1;
  return a->found < b->found ? -1 : a->found > b->found;
}

// Records as trees: first child, next sibling; n_records stands for "none", and root heads the
// records without a parent.
typedef struct forest {
  uint32_t none, root;
  uint32_t *child, *next;
} forest;

static blok_status plant(blok_matcher *matcher, forest *trees, blok_error *error) {
  uint32_t n = matcher->n_records;
  trees->none = n;
  trees->child = blok_arena_array(&matcher->scratch, (size_t)n + 1, sizeof *trees->child);
  trees->next = blok_arena_array(&matcher->scratch, (size_t)n + 1, sizeof *trees->next);
  rank *ranks = blok_arena_array(&matcher->scratch, n, sizeof *ranks);
  if (!trees->child || !trees->next || !ranks) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < n; i++) {
    ranks[i] = (rank){matcher->place[matcher->records[i]->members[0].i], i};
  }
  if (n) qsort(ranks, n, sizeof *ranks, by_place);
  for (uint32_t i = 0; i <= n; i++) trees->child[i] = n;
  trees->root = n;
  // From the last to the first, so that each list comes out in order.
  for (uint32_t i = n; i-- > 0;) {
    uint32_t found = ranks[i].found;
    int32_t parent = matcher->records[found]->parent;
    uint32_t *head = parent < 0 ? &trees->root : &trees->child[parent];
    trees->next[found] = *head;
    *head = found;
  }
  return BLOK_OK;
}

static void place_block(blok_matcher *matcher, uint32_t found, int32_t parent) {
  blok_overlay *overlay = matcher->overlay;
  uint32_t index = overlay->n_blocks++;
  blok_block_record *block = &overlay->blocks[index];
  *block = *matcher->records[found];
  block->parent = parent;
  // A child comes later and takes its nodes over.
  for (uint32_t i = 0; i < block->n_members; i++) {
    overlay->innermost[block->members[i].i] = (int32_t)index;
  }
}

// Each tree from its root down, a parent before its children. The parents on the way are kept in a
// list, not on the stack: trees are as deep as the file makes them.
static blok_status finish(blok_matcher *matcher, blok_error *error) {
  blok_overlay *overlay = matcher->overlay;
  forest trees;
  BLOK_TRY(plant(matcher, &trees, error));
  overlay->n_nodes = matcher->graph->n_nodes;
  overlay->innermost =
      blok_arena_array(&overlay->arena, overlay->n_nodes, sizeof *overlay->innermost);
  overlay->blocks = blok_arena_array(&overlay->arena, matcher->n_records, sizeof *overlay->blocks);
  uint32_t *above = blok_arena_array(&matcher->scratch, matcher->n_records, sizeof *above);
  if (!overlay->innermost || !overlay->blocks || !above) return blok_fail_memory(error, 0);
  for (uint32_t i = 0; i < overlay->n_nodes; i++) overlay->innermost[i] = -1;
  uint32_t depth = 0, at = trees.root;
  int32_t parent = -1;
  while (at != trees.none || depth) {
    if (at == trees.none) {
      at = trees.next[above[--depth]];
      parent = overlay->blocks[parent].parent;
      continue;
    }
    int32_t placed = (int32_t)overlay->n_blocks;
    place_block(matcher, at, parent);
    if (trees.child[at] == trees.none) {
      at = trees.next[at];
      continue;
    }
    above[depth++] = at;
    at = trees.child[at];
    parent = placed;
  }
  return BLOK_OK;
}

// ---- The two calls ------------------------------------------------------------------------------

blok_status blok_blocks_match(const blok_graph *graph, const blok_facts *facts,
                              const blok_allocator *allocator, blok_overlay **out,
                              blok_error *error) {
  *out = NULL;
  allocator = blok_allocator_or_default(allocator);
  blok_overlay *overlay = blok_alloc_zero(allocator, sizeof *overlay);
  if (!overlay) return blok_fail_memory(error, sizeof *overlay);
  overlay->allocator = *allocator;
  blok_arena_init(&overlay->arena, allocator);
  blok_matcher matcher;
  memset(&matcher, 0, sizeof matcher);
  matcher.graph = graph;
  matcher.facts = facts;
  matcher.allocator = *allocator;
  matcher.overlay = overlay;
  blok_arena_init(&matcher.scratch, allocator);
  blok_status status = BLOK_OK;
  BLOK_TRY_TO(done, prepare(&matcher, error));
  BLOK_TRY_TO(done, blok_units_find(&matcher, error));
  for (size_t i = 0; i < sizeof matchers / sizeof matchers[0]; i++) {
    if (matchers[i]) BLOK_TRY_TO(done, matchers[i](&matcher, error));
  }
  BLOK_TRY_TO(done, finish(&matcher, error));
done:
  blok_uses_free(&matcher.uses);
  blok_arena_free(&matcher.scratch);
  if (status != BLOK_OK) blok_overlay_free(&overlay);
  *out = overlay;
  return status;
}

void blok_overlay_free(blok_overlay **overlay) {
  if (!*overlay) return;
  blok_allocator allocator = (*overlay)->allocator;
  blok_arena_free(&(*overlay)->arena);
  blok_free(&allocator, *overlay);
  *overlay = NULL;
}
