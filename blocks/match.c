// The driver: units, then each matcher of blocks.def in turn, then the records in their final
// order.
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "blocks/drop_path.h"
#include "blocks/matcher.h"

// Rows that are found by the row before them.
#define blok_match_NONE NULL

static const blok_match_fn matchers[] = {
#define BLOCK(id, name, match, what) blok_match_##match,
#include "blocks/blocks.def"
#undef BLOCK
};

// ---- Setting up ---------------------------------------------------------------------------------

static bool make_marks(blok_arena *arena, uint32_t n, blok_marks *marks) {
  marks->stamp = blok_arena_array(arena, n, sizeof *marks->stamp);
  marks->at = blok_arena_array(arena, n, sizeof *marks->at);
  return marks->stamp && marks->at;
}

static bool make_arrays(blok_matcher *matcher) {
  const blok_graph *graph = matcher->graph;
  blok_arena *arena = &matcher->scratch;
  matcher->place = blok_arena_array(arena, graph->n_nodes, sizeof *matcher->place);
  matcher->owner = blok_arena_array(arena, graph->n_nodes, sizeof *matcher->owner);
  matcher->parameters = blok_arena_array(arena, graph->n_nodes, sizeof *matcher->parameters);
  matcher->macs = blok_arena_array(arena, graph->n_nodes, sizeof *matcher->macs);
  matcher->traits = blok_arena_array(arena, graph->n_nodes, sizeof *matcher->traits);
  matcher->unit_of = blok_arena_array(arena, graph->n_values, sizeof *matcher->unit_of);
  matcher->reader_of = blok_arena_array(arena, graph->n_values, sizeof *matcher->reader_of);
  matcher->made_from = blok_arena_array(arena, graph->n_values, sizeof *matcher->made_from);
  matcher->tells_of = blok_arena_array(arena, graph->n_values, sizeof *matcher->tells_of);
  bool room =
      blok_arena_grow(arena, &matcher->units, &matcher->cap_units, 0, sizeof *matcher->units);
  return room && matcher->place && matcher->owner && matcher->parameters && matcher->macs &&
         matcher->traits && matcher->unit_of && matcher->reader_of && matcher->made_from &&
         matcher->tells_of && make_marks(arena, graph->n_values, &matcher->value_marks) &&
         make_marks(arena, graph->n_nodes, &matcher->node_marks);
}

// From which of the graph's inputs what the node makes is computed.
static void trace_inputs(blok_matcher *matcher, const blok_node *node) {
  uint64_t from = 0, of = 0;
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    from |= matcher->made_from[node->inputs[i].i];
    of |= matcher->tells_of[node->inputs[i].i];
  }
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    const blok_attr *attr = &node->attrs[a];
    if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
    for (uint32_t g = 0; g < attr->n; g++) {
      const blok_subgraph *sub = &attr->as.graphs[g];
      for (uint32_t c = 0; c < sub->n_captures; c++) {
        from |= matcher->made_from[sub->captures[c].outer.i];
        of |= matcher->tells_of[sub->captures[c].outer.i];
      }
    }
  }
  if (node->op == BLOK_OP_Shape) of = 0;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    if (!node->outputs[i].i) continue;
    matcher->made_from[node->outputs[i].i] = from;
    matcher->tells_of[node->outputs[i].i] = of;
  }
}

// What each node and value is asked for again and again.
static void sweep_nodes(blok_matcher *matcher) {
  const blok_graph *graph = matcher->graph;
  uint32_t bit = 0;
  for (uint32_t i = 0; i < graph->n_inputs; i++) {
    blok_value_id input = graph->inputs[i].value;
    if (blok_value_at(graph, input)->literal) continue;
    matcher->made_from[input.i] = matcher->tells_of[input.i] = (uint64_t)1 << bit;
    if (bit < 63) bit++;
  }
  for (uint32_t i = 0; i < graph->n_nodes; i++) matcher->owner[i] = -1;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    blok_node_id node = graph->order[i];
    matcher->place[node.i] = i;
    matcher->parameters[node.i] = blok_node_parameters(graph, node);
    matcher->macs[node.i] = blok_node_macs(graph, matcher->facts, node);
    matcher->traits[node.i] = blok_node_traits(graph, node);
    trace_inputs(matcher, blok_node_at(graph, node));
  }
}

blok_status blok_matcher_open(const blok_graph *graph, const blok_facts *facts,
                              const blok_allocator *allocator, blok_matcher *matcher,
                              blok_error *error) {
  memset(matcher, 0, sizeof *matcher);
  matcher->graph = graph;
  matcher->facts = facts;
  matcher->allocator = *blok_allocator_or_default(allocator);
  blok_arena_init(&matcher->scratch, &matcher->allocator);
  matcher->overlay = blok_alloc_zero(&matcher->allocator, sizeof *matcher->overlay);
  if (!matcher->overlay) return blok_fail_memory(error, sizeof *matcher->overlay);
  matcher->overlay->allocator = matcher->allocator;
  blok_arena_init(&matcher->overlay->arena, &matcher->allocator);
  if (!make_arrays(matcher)) return blok_fail_memory(error, 0);
  memset(&matcher->units[0], 0, sizeof matcher->units[0]);
  matcher->n_units = 1;
  sweep_nodes(matcher);
  BLOK_TRY(blok_uses_build(graph, &matcher->allocator, &matcher->uses, error));
  return blok_units_find(matcher, error);
}

void blok_matcher_close(blok_matcher *matcher) {
  blok_uses_free(&matcher->uses);
  blok_arena_free(&matcher->scratch);
  blok_overlay_free(&matcher->overlay);
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
  blok_matcher matcher;
  blok_status status = BLOK_OK;
  BLOK_TRY_TO(done, blok_matcher_open(graph, facts, allocator, &matcher, error));
  for (size_t i = 0; i < sizeof matchers / sizeof matchers[0]; i++) {
    if (matchers[i]) BLOK_TRY_TO(done, matchers[i](&matcher, error));
  }
  BLOK_TRY_TO(done, finish(&matcher, error));
  BLOK_TRY_TO(done, blok_scope_tell_apart(&matcher, error));
  BLOK_TRY_TO(done, blok_drop_path_read(graph->module, matcher.overlay, error));
  *out = matcher.overlay;
  matcher.overlay = NULL;
done:
  blok_matcher_close(&matcher);
  return status;
}

void blok_overlay_free(blok_overlay **overlay) {
  if (!*overlay) return;
  blok_allocator allocator = (*overlay)->allocator;
  blok_arena_free(&(*overlay)->arena);
  blok_free(&allocator, *overlay);
  *overlay = NULL;
}
