// Block records in the making: gathering members, claiming nodes, filling what every kind has.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "blocks/matcher.h"

void blok_members_begin(blok_matcher *matcher, blok_members *members) {
  memset(members, 0, sizeof *members);
  members->matcher = matcher;
}

void blok_members_add(blok_members *members, blok_node_id node) {
  if (!blok_arena_grow(&members->matcher->scratch, &members->nodes, &members->capacity, members->n,
                       sizeof *members->nodes)) {
    members->failed = true;
    return;
  }
  members->nodes[members->n++] = node;
}

void blok_members_add_unit(blok_members *members, const blok_unit *unit) {
  const blok_matcher *matcher = members->matcher;
  const blok_node_id *nodes = unit->nodes;
  uint32_t n = unit->n_nodes;
  if (unit->kind == BLOK_UNIT_SE) {
    nodes = matcher->records[unit->record]->members;
    n = matcher->records[unit->record]->n_members;
  }
  for (uint32_t i = 0; i < n; i++) blok_members_add(members, nodes[i]);
}

bool blok_unit_free(const blok_matcher *matcher, const blok_unit *unit) {
  if (unit->kind == BLOK_UNIT_SE) return matcher->records[unit->record]->parent < 0;
  for (uint32_t i = 0; i < unit->n_nodes; i++) {
    if (matcher->owner[unit->nodes[i].i] >= 0) return false;
  }
  return true;
}

bool blok_unit_home(const blok_matcher *matcher, const blok_unit *unit, int32_t *home) {
  if (unit->kind == BLOK_UNIT_SE || unit->n_nodes == 0) return false;
  *home = matcher->owner[unit->nodes[0].i];
  for (uint32_t i = 1; i < unit->n_nodes; i++) {
    if (matcher->owner[unit->nodes[i].i] != *home) return false;
  }
  if (*home < 0) return true;
  blok_block_kind kind = matcher->records[*home]->kind;
  return kind == BLOK_RESIDUAL_OTHER || kind == BLOK_GATE;
}

int32_t blok_outermost(const blok_matcher *matcher, blok_node_id node) {
  blok_record_note *notes = matcher->notes;
  int32_t at = matcher->owner[node.i], root = at;
  if (at < 0) return -1;
  while (notes[root].above >= 0) root = notes[root].above;
  // The next one that asks takes one step.
  while (at != root) {
    int32_t next = notes[at].above;
    notes[at].above = root;
    at = next;
  }
  return root;
}

// A record got a parent: levels above it may become more.
static void place_below(blok_matcher *matcher, uint32_t child, int32_t parent) {
  uint32_t height = matcher->notes[child].height;
  matcher->notes[child].above = parent;
  while (parent >= 0 && matcher->notes[parent].height <= height) {
    matcher->notes[parent].height = ++height;
    parent = matcher->records[parent]->parent;
  }
}

bool blok_record_fits(const blok_matcher *matcher, uint32_t child) {
  return matcher->notes[child].height < BLOK_BLOCK_DEPTH;
}

void blok_record_adopt(blok_matcher *matcher, uint32_t child, uint32_t parent) {
  matcher->records[child]->parent = (int32_t)parent;
  place_below(matcher, child, (int32_t)parent);
}

// ---- Members ------------------------------------------------------------------------------------

typedef struct placed {
  uint32_t place;
  blok_node_id node;
} placed;

static int by_place(const void *left, const void *right) {
  uint32_t a = ((const placed *)left)->place, b = ((const placed *)right)->place;
  return a < b ? -1 : a > b;
}

void blok_members_sort(blok_members *members) {
  const blok_matcher *matcher = members->matcher;
  if (members->failed || members->n < 2) return;
  placed *sorted = blok_alloc_array(&matcher->allocator, members->n, sizeof *sorted);
  if (!sorted) {
    members->failed = true;
    return;
  }
  for (uint32_t i = 0; i < members->n; i++) {
    sorted[i] = (placed){matcher->place[members->nodes[i].i], members->nodes[i]};
  }
  qsort(sorted, members->n, sizeof *sorted, by_place);
  for (uint32_t i = 0; i < members->n; i++) members->nodes[i] = sorted[i].node;
  blok_free(&matcher->allocator, sorted);
}

// Copies what the record points to into the overlay's arena.
static blok_status keep_descriptor(blok_matcher *matcher, blok_block_record *record,
                                   blok_error *error) {
  blok_arena *arena = &matcher->overlay->arena;
  bool kept = true;
#define KEEP(field, n)                                                                    \
  do {                                                                                    \
    if (record->field) {                                                                  \
      record->field = blok_arena_copy(arena, record->field, (n) * sizeof *record->field); \
      kept = kept && record->field;                                                       \
    }                                                                                     \
  } while (0)
  KEEP(conv, 1);
  KEEP(residual, 1);
  KEEP(se, 1);
  KEEP(gate, 1);
  KEEP(weights, record->kind == BLOK_SQUEEZE_EXCITE ? 2 : 1);
  KEEP(residual_weights, 1);
  KEEP(region, record->n_region);
#undef KEEP
  return kept ? BLOK_OK : blok_fail_memory(error, 0);
}

static void count_members(const blok_matcher *matcher, blok_block_record *record) {
  record->parameters = 0;
  record->macs = 0;
  for (uint32_t i = 0; i < record->n_members; i++) {
    record->parameters += matcher->parameters[record->members[i].i];
    int64_t macs = matcher->macs[record->members[i].i];
    if (record->macs < 0) continue;
    if (macs < 0 || !blok_add_i64(record->macs, macs, &record->macs)) record->macs = -1;
  }
}

// ---- Notes --------------------------------------------------------------------------------------

// Levels that a block of this kind has, or may get: convolutions, and inverted bottlenecks of them,
// are found last.
static uint32_t levels_of(blok_block_kind kind) {
  if (kind == BLOK_CONV_NORM_ACT || kind == BLOK_SQUEEZE_EXCITE) return 1;
  return kind == BLOK_RESIDUAL_OTHER || kind == BLOK_GATE ? 3 : 2;
}

// Counts a read of value, unless it is a constant or made by a marked node.
static bool note_read(blok_matcher *matcher, blok_value_id value, blok_read **reads, uint32_t *n,
                      uint32_t *capacity) {
  const blok_marks *nodes = &matcher->node_marks;
  blok_marks *values = &matcher->value_marks;
  if (!value.i || blok_value_at(matcher->graph, value)->literal) return true;
  blok_node_id maker = blok_value_producer(matcher->graph, value);
  if (maker.i && nodes->stamp[maker.i] == nodes->epoch) return true;
  if (values->stamp[value.i] == values->epoch) {
    (*reads)[values->at[value.i]].reads++;
    return true;
  }
  if (!blok_arena_grow(&matcher->scratch, reads, capacity, *n, sizeof **reads)) return false;
  values->stamp[value.i] = values->epoch;
  values->at[value.i] = *n;
  (*reads)[(*n)++] = (blok_read){value, 1};
  return true;
}

static blok_status note_record(blok_matcher *matcher, const blok_block_record *record,
                               blok_record_note *note, blok_error *error) {
  blok_read *reads = NULL;
  uint32_t capacity = 0;
  *note = (blok_record_note){.above = -1, .height = levels_of(record->kind)};
  matcher->node_marks.epoch++;
  matcher->value_marks.epoch++;
  for (uint32_t i = 0; i < record->n_members; i++) {
    matcher->node_marks.stamp[record->members[i].i] = matcher->node_marks.epoch;
  }
  for (uint32_t i = 0; i < record->n_members; i++) {
    const blok_node *node = blok_node_at(matcher->graph, record->members[i]);
    note->traits |= matcher->traits[record->members[i].i];
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      if (!note_read(matcher, node->inputs[k], &reads, &note->n_reads, &capacity)) {
        return blok_fail_memory(error, 0);
      }
    }
  }
  note->reads = reads;
  return BLOK_OK;
}

blok_status blok_record_add(blok_matcher *matcher, const blok_block_record *record,
                            blok_members *members, uint32_t *index, blok_error *error) {
  blok_members_sort(members);
  if (members->failed) return blok_fail_memory(error, 0);
  blok_block_record *made = blok_arena_copy(&matcher->scratch, record, sizeof *record);
  if (!made ||
      !blok_arena_grow(&matcher->scratch, &matcher->records, &matcher->cap_records,
                       matcher->n_records, sizeof(blok_block_record *)) ||
      !blok_arena_grow(&matcher->scratch, &matcher->notes, &matcher->cap_notes, matcher->n_records,
                       sizeof *matcher->notes)) {
    return blok_fail_memory(error, sizeof *record);
  }
  made->members = blok_arena_copy(&matcher->overlay->arena, members->nodes,
                                  members->n * sizeof *members->nodes);
  made->n_members = members->n;
  if (!made->members) return blok_fail_memory(error, members->n * sizeof *members->nodes);
  BLOK_TRY(keep_descriptor(matcher, made, error));
  BLOK_TRY(note_record(matcher, made, &matcher->notes[matcher->n_records], error));
  count_members(matcher, made);
  made->name = blok_scope_name(matcher, made);
  if (!made->name) return blok_fail_memory(error, 0);
  *index = matcher->n_records++;
  matcher->records[*index] = made;
  if (made->parent >= 0) place_below(matcher, *index, made->parent);
  for (uint32_t i = 0; i < made->n_members; i++) {
    int32_t *owner = &matcher->owner[made->members[i].i];
    // A child found earlier (a squeeze-excite) goes on holding its nodes.
    if (*owner < 0 || *owner == made->parent) *owner = (int32_t)*index;
  }
  return BLOK_OK;
}

// ---- Convolutions -------------------------------------------------------------------------------

blok_conv_desc blok_conv_described(const blok_unit *conv, const blok_unit *norm,
                                   const blok_unit *act) {
  blok_conv_desc desc = *conv->conv;
  if (norm) {
    desc.norm = norm->norm;
    desc.norm_groups = norm->norm_groups;
    desc.epsilon = norm->epsilon;
  }
  if (act) {
    desc.activation = act->activation;
    desc.alpha = act->alpha;
    desc.beta = act->beta;
  }
  return desc;
}

blok_conv_weights blok_conv_weighed(const blok_matcher *matcher, const blok_unit *conv,
                                    const blok_unit *norm, const blok_unit *act) {
  blok_conv_weights weights;
  memset(&weights, 0, sizeof weights);
  const blok_node *node = blok_node_at(matcher->graph, conv->nodes[0]);
  weights.weight = blok_node_input(node, 1);
  weights.bias = blok_node_input(node, 2);
  if (act) weights.slope = act->slope;
  if (norm) memcpy(weights.norm, norm->weights, sizeof weights.norm);
  return weights;
}

blok_status blok_record_conv(blok_matcher *matcher, int32_t parent, const blok_unit *conv,
                             const blok_unit *norm, const blok_unit *act, bool pre,
                             blok_error *error) {
  blok_members members;
  blok_members_begin(matcher, &members);
  blok_block_record record;
  memset(&record, 0, sizeof record);
  record.kind = BLOK_CONV_NORM_ACT;
  record.parent = parent;
  const blok_unit *before = norm ? norm : act ? act : conv;
  const blok_unit *after = act ? act : norm ? norm : conv;
  record.entry = pre ? before->in : conv->in;
  record.exit = pre ? conv->out : after->out;
  blok_conv_desc desc = blok_conv_described(conv, norm, act);
  blok_conv_weights weights = blok_conv_weighed(matcher, conv, norm, act);
  record.conv = &desc;
  record.weights = &weights;
  blok_members_add_unit(&members, conv);
  if (norm) blok_members_add_unit(&members, norm);
  if (act) blok_members_add_unit(&members, act);
  uint32_t index;
  return blok_record_add(matcher, &record, &members, &index, error);
}

// ---- Near misses --------------------------------------------------------------------------------

blok_shared_words blok_shared_say(const blok_matcher *matcher, blok_value_id value) {
  const blok_value *shared = blok_value_at(matcher->graph, value);
  blok_shared_words words;
  snprintf(words.text, sizeof words.text, "'%s' is %s", blok_quote(shared->name).text,
           shared->is_output ? "a graph output" : "read elsewhere too");
  return words;
}

blok_status blok_miss_add(blok_matcher *matcher, blok_block_kind kind, blok_node_id node,
                          const char *condition, const char *got, const char *want,
                          blok_error *error) {
  blok_overlay *overlay = matcher->overlay;
  blok_near_miss miss = {kind, node, blok_arena_text(&overlay->arena, condition),
                         blok_arena_text(&overlay->arena, got),
                         blok_arena_text(&overlay->arena, want)};
  if (!miss.condition || !miss.got || !miss.want ||
      !blok_arena_grow(&overlay->arena, &overlay->misses, &matcher->cap_misses, overlay->n_misses,
                       sizeof *overlay->misses)) {
    return blok_fail_memory(error, 0);
  }
  overlay->misses[overlay->n_misses++] = miss;
  return BLOK_OK;
}
