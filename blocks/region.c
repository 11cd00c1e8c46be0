// See region.h. A search walks backwards from the end to what may be computed from x, then forwards
// over what it met, in execution order, to see what is.
#include "blocks/region.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

// ---- What stands in a node ----------------------------------------------------------------------

typedef struct trait_row {
  const char *op_type;
  uint8_t traits;
} trait_row;

static int by_op_type(const void *key, const void *row) {
  return strcmp(key, ((const trait_row *)row)->op_type);
}

// True when the node combines two values that are no constants.
static bool of_two_values(const blok_graph *graph, const blok_node *node) {
  if (node->n_inputs != 2 || !node->inputs[0].i || !node->inputs[1].i) return false;
  return !blok_value_at(graph, node->inputs[0])->literal &&
         !blok_value_at(graph, node->inputs[1])->literal;
}

uint8_t blok_node_traits(const blok_graph *graph, blok_node_id id) {
  enum {
    RESIZE = BLOK_TRAIT_RESIZE,
    ACT = BLOK_TRAIT_ACTIVATION,
    CONV = BLOK_TRAIT_CONV | BLOK_TRAIT_PRODUCT,
    PRODUCT = BLOK_TRAIT_PRODUCT,
    NORM = BLOK_TRAIT_NORM,
    POOL = BLOK_TRAIT_POOL
  };
  // In the order of strcmp.
  static const trait_row rows[] = {
      {"Attention", PRODUCT | ACT},
      {"AveragePool", POOL},
      {"BatchNormalization", NORM},
      {"Celu", ACT},
      {"Clip", ACT},
      {"Conv", CONV},
      {"ConvTranspose", RESIZE | PRODUCT},
      {"DeformConv", CONV},
      {"Einsum", PRODUCT},
      {"Elu", ACT},
      {"Erf", ACT},
      {"GRU", PRODUCT | ACT},
      {"Gelu", ACT},
      {"Gemm", PRODUCT},
      {"GlobalAveragePool", POOL},
      {"GlobalLpPool", POOL},
      {"GlobalMaxPool", POOL},
      {"GroupNormalization", NORM},
      {"HardSigmoid", ACT},
      {"HardSwish", ACT},
      {"InstanceNormalization", NORM},
      {"LRN", NORM},
      {"LSTM", PRODUCT | ACT},
      {"LayerNormalization", NORM},
      {"LeakyRelu", ACT},
      {"LpNormalization", NORM},
      {"LpPool", POOL},
      {"MatMul", PRODUCT},
      {"MaxPool", POOL},
      {"MeanVarianceNormalization", NORM},
      {"Mish", ACT},
      {"PRelu", ACT},
      {"RMSNormalization", NORM},
      {"RNN", PRODUCT | ACT},
      {"ReduceL1", POOL},
      {"ReduceL2", POOL},
      {"ReduceLogSumExp", POOL},
      {"ReduceMax", POOL},
      {"ReduceMean", POOL},
      {"ReduceMin", POOL},
      {"ReduceSum", POOL},
      {"ReduceSumSquare", POOL},
      {"Relu", ACT},
      {"Resize", RESIZE},
      {"Selu", ACT},
      {"Sigmoid", ACT},
      {"Softmax", ACT},
      {"Softplus", ACT},
      {"Softsign", ACT},
      {"Swish", ACT},
      {"Tanh", ACT},
      {"ThresholdedRelu", ACT},
      {"Upsample", RESIZE},
  };
  const blok_node *node = blok_node_at(graph, id);
  if (*blok_node_domain(node)) return 0;
  // A gate.
  if (node->op == BLOK_OP_Mul) return of_two_values(graph, node) ? ACT : 0;
  const trait_row *row =
      bsearch(node->op_type, rows, sizeof rows / sizeof rows[0], sizeof rows[0], by_op_type);
  return row ? row->traits : 0;
}

// ---- A search -----------------------------------------------------------------------------------

// A node, or a block stepped over.
typedef struct step {
  uint32_t place;     // of the node that makes what it was met by
  int32_t record;     // -1: a node
  blok_node_id node;  // that node
  uint32_t first_read, n_reads;
  bool descends;  // from x,
  bool carries;   // from its elements and not its shape alone
} step;

// A value that was met.
typedef struct met {
  blok_value_id value;
  uint32_t reads;  // by steps that descend
  bool descends, carries;
} met;

struct blok_region_room {
  uint32_t n_steps, n_reads, n_met, cap_met;
  uint32_t n_slots;  // of the nodes stepped over, constants and outputs counted
  step steps[BLOK_REGION_STEPS];
  blok_read reads[BLOK_REGION_READS];
  met *met;  // value_marks of the matcher say where each value stands
  blok_node_id own[BLOK_REGION_STEPS];
  uint32_t children[BLOK_REGION_STEPS];
};

typedef struct search {
  blok_matcher *matcher;
  struct blok_region_room *room;
  blok_value_id x;
  bool x_made;       // by a node,
  uint32_t x_place;  // which stands here
  bool too_large, failed;
  blok_value_id torn;  // an inner value of a block, read from outside it
} search;

// Of a value that was met.
static met *met_of(const search *self, blok_value_id value) {
  return &self->room->met[self->matcher->value_marks.at[value.i]];
}

static met *find_met(const search *self, blok_value_id value) {
  const blok_marks *marks = &self->matcher->value_marks;
  return marks->stamp[value.i] == marks->epoch ? met_of(self, value) : NULL;
}

static void meet(search *self, blok_value_id value) {
  blok_marks *marks = &self->matcher->value_marks;
  struct blok_region_room *room = self->room;
  if (marks->stamp[value.i] == marks->epoch) return;
  if (!blok_arena_grow(&self->matcher->scratch, &room->met, &room->cap_met, room->n_met,
                       sizeof *room->met)) {
    self->failed = true;
    return;
  }
  const bool is_x = blok_same_value(value, self->x);
  marks->stamp[value.i] = marks->epoch;
  marks->at[value.i] = room->n_met;
  room->met[room->n_met++] = (met){value, 0, is_x, is_x};
}

// Notes a read of the step in the making; constants are none.
static void note_read(search *self, blok_value_id value, uint32_t reads) {
  struct blok_region_room *room = self->room;
  if (!value.i || blok_value_at(self->matcher->graph, value)->literal || self->too_large) return;
  if (room->n_reads == BLOK_REGION_READS) {
    self->too_large = true;
    return;
  }
  room->reads[room->n_reads++] = (blok_read){value, reads};
  meet(self, value);
}

static bool holds_subgraph(const blok_node *node) {
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    if (node->attrs[a].type == BLOK_ATTR_GRAPH || node->attrs[a].type == BLOK_ATTR_GRAPHS) {
      return true;
    }
  }
  return false;
}

static void note_reads_of_node(search *self, const blok_node *node) {
  uint32_t left = BLOK_REGION_READS - self->room->n_slots;
  if (node->n_inputs > left || node->n_outputs > left - node->n_inputs) {
    self->too_large = true;
    return;
  }
  self->room->n_slots += node->n_inputs + node->n_outputs;
  for (uint32_t i = 0; i < node->n_inputs && !self->too_large; i++) {
    note_read(self, node->inputs[i], 1);
  }
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    const blok_attr *attr = &node->attrs[a];
    if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
    for (uint32_t g = 0; g < attr->n; g++) {
      const blok_subgraph *sub = &attr->as.graphs[g];
      for (uint32_t c = 0; c < sub->n_captures && !self->too_large; c++) {
        note_read(self, sub->captures[c].outer, 1);
      }
    }
  }
}

// Steps over what makes value, unless that cannot be computed from x, or was met before.
static void step_back(search *self, blok_value_id value) {
  blok_matcher *matcher = self->matcher;
  struct blok_region_room *room = self->room;
  blok_marks *nodes = &matcher->node_marks;
  blok_node_id node = blok_value_producer(matcher->graph, value);
  if (!node.i || blok_same_value(value, self->x)) return;
  uint64_t needed = matcher->made_from[self->x.i];
  if ((matcher->made_from[value.i] & needed) != needed) return;
  if (self->x_made && matcher->place[node.i] <= self->x_place) return;
  if (nodes->stamp[node.i] == nodes->epoch) return;
  nodes->stamp[node.i] = nodes->epoch;
  if (room->n_steps == BLOK_REGION_STEPS) {
    self->too_large = true;
    return;
  }
  step *made = &room->steps[room->n_steps++];
  *made = (step){.place = matcher->place[node.i],
                 .record = blok_outermost(matcher, node),
                 .node = node,
                 .first_read = room->n_reads};
  if (made->record >= 0) {
    const blok_record_note *note = &matcher->notes[made->record];
    if (!blok_same_value(matcher->records[made->record]->exit, value)) self->torn = value;
    for (uint32_t i = 0; i < note->n_reads && !self->too_large; i++) {
      note_read(self, note->reads[i].value, note->reads[i].reads);
    }
  } else {
    note_reads_of_node(self, blok_node_at(matcher->graph, node));
  }
  made->n_reads = room->n_reads - made->first_read;
}

static int by_place(const void *left, const void *right) {
  uint32_t a = ((const step *)left)->place, b = ((const step *)right)->place;
  return a < b ? -1 : a > b;
}

// True when the node makes something of its input's elements, not of its shape.
static bool reads_elements(const blok_node *node) {
  return node->op != BLOK_OP_Shape && node->op != BLOK_OP_Size;
}

// Marks what descends from x, and counts how often that is read by what does.
static void step_forward(search *self) {
  struct blok_region_room *room = self->room;
  const blok_graph *graph = self->matcher->graph;
  for (uint32_t s = 0; s < room->n_steps; s++) {
    step *at = &room->steps[s];
    const blok_read *reads = room->reads + at->first_read;
    for (uint32_t i = 0; i < at->n_reads; i++) {
      const met *read = met_of(self, reads[i].value);
      at->descends = at->descends || read->descends;
      at->carries = at->carries || read->carries;
    }
    if (!at->descends) continue;
    for (uint32_t i = 0; i < at->n_reads; i++) {
      met_of(self, reads[i].value)->reads += reads[i].reads;
    }
    const blok_node *node = blok_node_at(graph, at->node);
    at->carries = at->carries && (at->record >= 0 || reads_elements(node));
    for (uint32_t i = 0; i < node->n_outputs; i++) {
      met *made = find_met(self, node->outputs[i]);
      if (!made) continue;
      made->descends = true;
      made->carries = at->carries;
    }
  }
}

// ---- What was found -----------------------------------------------------------------------------

// Side inputs tell less than x: there is an input of the graph that x depends on and they do not.
static blok_value_id other_branch(const search *self) {
  const struct blok_region_room *room = self->room;
  const uint64_t *tells_of = self->matcher->tells_of;
  uint64_t all = tells_of[self->x.i];
  for (uint32_t i = 0; i < room->n_met; i++) {
    const met *at = &room->met[i];
    uint64_t of = tells_of[at->value.i];
    if (!at->descends && at->reads && of && (of & all) == all) return at->value;
  }
  return BLOK_NO_VALUE;
}

// An inner value that something outside reads.
static blok_value_id shared_value(const search *self, blok_value_id end) {
  const blok_matcher *matcher = self->matcher;
  const struct blok_region_room *room = self->room;
  for (uint32_t s = 0; s < room->n_steps; s++) {
    if (!room->steps[s].descends || room->steps[s].record >= 0) continue;
    const blok_node *node = blok_node_at(matcher->graph, room->steps[s].node);
    for (uint32_t i = 0; i < node->n_outputs; i++) {
      blok_value_id value = node->outputs[i];
      if (!value.i || blok_same_value(value, end)) continue;
      const met *at = find_met(self, value);
      if (blok_uses_count(&matcher->uses, value) != (at ? at->reads : 0)) return value;
    }
  }
  for (uint32_t i = 0; i < room->n_met; i++) {
    const met *at = &room->met[i];
    if (!at->descends || blok_same_value(at->value, end) || blok_same_value(at->value, self->x)) {
      continue;
    }
    if (blok_uses_count(&matcher->uses, at->value) != at->reads) return at->value;
  }
  return BLOK_NO_VALUE;
}

static void fill_region(const search *self, blok_region *region, blok_value_id *subgraph) {
  const blok_matcher *matcher = self->matcher;
  struct blok_region_room *room = self->room;
  uint32_t traits = 0;
  region->own = room->own;
  region->children = room->children;
  region->entry_reads = met_of(self, self->x)->reads;
  for (uint32_t s = 0; s < room->n_steps; s++) {
    const step *at = &room->steps[s];
    if (!at->descends) continue;
    if (at->record >= 0) {
      region->children[region->n_children++] = (uint32_t)at->record;
      traits |= matcher->notes[at->record].traits;
      continue;
    }
    region->own[region->n_own++] = at->node;
    traits |= matcher->traits[at->node.i];
    const blok_node *node = blok_node_at(matcher->graph, at->node);
    if (holds_subgraph(node)) *subgraph = blok_node_output(node, 0);
  }
  region->has_resize = traits & BLOK_TRAIT_RESIZE;
  region->has_activation = traits & BLOK_TRAIT_ACTIVATION;
  region->has_product = traits & BLOK_TRAIT_PRODUCT;
  region->has_norm = traits & BLOK_TRAIT_NORM;
  region->has_pool = traits & BLOK_TRAIT_POOL;
}

static blok_region_result judge(search *self, blok_region *region) {
  struct blok_region_room *room = self->room;
  if (self->too_large) return BLOK_REGION_TOO_LARGE;
  qsort(room->steps, room->n_steps, sizeof *room->steps, by_place);
  step_forward(self);
  if (!met_of(self, region->end)->carries || blok_same_value(region->end, self->x)) {
    return BLOK_REGION_UNRELATED;
  }
  blok_value_id subgraph = BLOK_NO_VALUE;
  fill_region(self, region, &subgraph);
  if (subgraph.i) {
    region->culprit = subgraph;
    return BLOK_REGION_SUBGRAPH;
  }
  region->culprit = other_branch(self);
  if (region->culprit.i) return BLOK_REGION_OTHER_INPUT;
  region->culprit = self->torn;
  if (!region->culprit.i) region->culprit = shared_value(self, region->end);
  return region->culprit.i ? BLOK_REGION_SHARED : BLOK_REGION_FOUND;
}

blok_status blok_region_find(blok_matcher *matcher, blok_value_id x, blok_value_id end,
                             blok_region *region, blok_region_result *result, blok_error *error) {
  memset(region, 0, sizeof *region);
  region->entry = x;
  region->end = end;
  *result = BLOK_REGION_UNRELATED;
  if (!matcher->room) {
    matcher->room = blok_arena_zero(&matcher->scratch, sizeof *matcher->room);
    if (!matcher->room) return blok_fail_memory(error, sizeof *matcher->room);
  }
  search self = {.matcher = matcher, .room = matcher->room, .x = x};
  matcher->room->n_steps = matcher->room->n_reads = 0;
  matcher->room->n_met = matcher->room->n_slots = 0;
  matcher->value_marks.epoch++;
  matcher->node_marks.epoch++;
  blok_node_id maker = blok_value_producer(matcher->graph, x);
  self.x_made = maker.i != 0;
  self.x_place = maker.i ? matcher->place[maker.i] : 0;
  meet(&self, x);
  meet(&self, end);
  // What is met is listed; the list grows as it is walked.
  for (uint32_t i = 0; i < matcher->room->n_met && !self.too_large && !self.failed; i++) {
    step_back(&self, matcher->room->met[i].value);
  }
  if (self.failed) return blok_fail_memory(error, 0);
  matcher->steps += matcher->room->n_steps + matcher->room->n_reads;
  *result = judge(&self, region);
  return BLOK_OK;
}
