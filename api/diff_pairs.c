// A pair of nodes that stand for each other, and pairs of values that do not.
#include <stdio.h>
#include <string.h>

#include "api/diff_parts.h"
#include "base/error.h"
#include "graph/schemas.h"

// ---- Nodes of one operator ----------------------------------------------------------------------

bool blok_differ_same_op(const blok_differ *self, const blok_diff_frame *frame, blok_node_id a,
                         blok_node_id b) {
  const blok_node *left = blok_node_at(frame->graph[SIDE_A], a);
  const blok_node *right = blok_node_at(frame->graph[SIDE_B], b);
  const bool calls = blok_differ_function(self, SIDE_A, left) != NULL;
  if (calls != (blok_differ_function(self, SIDE_B, right) != NULL)) return false;
  return calls || (blok_text_equal(left->op_type, right->op_type) &&
                   strcmp(blok_node_domain(left), blok_node_domain(right)) == 0 &&
                   blok_text_equal(left->overload, right->overload));
}

// The bodies of functions that a pair of nodes calls, once for each pair of functions.
static blok_status enter_function(blok_differ *self, const blok_diff_frame *frame, blok_node_id a,
                                  const blok_function *left, const blok_function *right) {
  bool first = false;
  BLOK_TRY(blok_differ_first(self, NULL, (uint64_t)(left - self->module[SIDE_A]->functions),
                             (uint64_t)(right - self->module[SIDE_B]->functions), &first));
  if (!first) return BLOK_OK;
  const char *where =
      blok_arena_format(&self->scratch, "function '%.100s': ", blok_quote(left->name).text);
  if (!where) return blok_fail_memory(self->error, 0);
  const blok_diff_graphs graphs = {.graph = {left->body, right->body},
                                   .opsets = {left->opsets, right->opsets},
                                   .n_opsets = {left->n_opsets, right->n_opsets},
                                   .where = where,
                                   .place = blok_differ_place(frame, SIDE_A, a)};
  return blok_differ_enter(self, NULL, &graphs, NULL);
}

static uint32_t count_outputs(const blok_node *node) {
  uint32_t n = node->n_outputs;
  while (n > 0 && !node->outputs[n - 1].i) n--;
  return n;
}

// True where another number of outputs means another result: the last one stands for many, or
// nobody knows.
static bool counts_outputs(const blok_node *node) {
  const blok_schema *schema = blok_schema_find(blok_node_domain(node), node->op_type,
                                               blok_schema_latest_opset(blok_node_domain(node)));
  if (!schema || schema->output_count == 0) return true;
  return blok_schema_output(schema, schema->output_count - 1u)->option == BLOK_FORMAL_VARIADIC;
}

// ---- Inputs that commute ------------------------------------------------------------------------

enum { MOST_INPUTS = 32 };

typedef struct places {
  uint32_t n;
  const uint64_t *hash[SIDES];  // of values
  blok_value_id value[SIDES][MOST_INPUTS];
  bool taken[SIDES][MOST_INPUTS];
  uint32_t partner[MOST_INPUTS];  // by A's input
} places;

// Pairs what has equal hashes, those in equal places first.
static void pair_equal(places *at) {
  for (uint32_t i = 0; i < at->n; i++) {
    const uint64_t wanted = at->hash[SIDE_A][at->value[SIDE_A][i].i];
    for (uint32_t step = 0; step < at->n && !at->taken[SIDE_A][i]; step++) {
      const uint32_t k = (i + step) % at->n;
      if (at->taken[SIDE_B][k] || at->hash[SIDE_B][at->value[SIDE_B][k].i] != wanted) continue;
      at->taken[SIDE_A][i] = at->taken[SIDE_B][k] = true;
      at->partner[i] = k;
    }
  }
}

// True when two inputs look the same from here.
static bool ambiguous(const places *at, const uint64_t *hash) {
  for (uint32_t i = 0; i < at->n; i++) {
    for (uint32_t k = 0; k < i; k++) {
      const uint32_t one = at->value[SIDE_A][i].i, other = at->value[SIDE_A][k].i;
      if (one != other && hash[one] == hash[other]) return true;
    }
  }
  return false;
}

static blok_status pair_inputs(blok_differ *self, blok_diff_frame *frame, places *at) {
  enum { HIGHEST = BLOK_DIFF_LEVELS - 1 };
  BLOK_TRY(blok_differ_hash(self, frame));
  if (ambiguous(at, frame->hash[SIDE_A][HIGHEST])) {
    BLOK_TRY(blok_differ_hash_whole(self, frame));
    for (int side = 0; side < SIDES; side++) at->hash[side] = frame->whole[side];
    pair_equal(at);
  }
  for (int level = HIGHEST; level >= 0; level--) {
    for (int side = 0; side < SIDES; side++) at->hash[side] = frame->hash[side][level];
    pair_equal(at);
  }
  for (uint32_t i = 0, k = 0; i < at->n; i++) {
    if (at->taken[SIDE_A][i]) continue;
    while (at->taken[SIDE_B][k]) k++;
    at->taken[SIDE_B][k] = true;
    at->partner[i] = k;
  }
  return BLOK_OK;
}

static blok_status push_commuting(blok_differ *self, blok_diff_frame *frame, blok_node_id a,
                                  blok_node_id b) {
  places at = {.n = blok_node_at(frame->graph[SIDE_A], a)->n_inputs};
  for (int side = 0; side < SIDES; side++) {
    const blok_node *node = blok_node_at(frame->graph[side], side == SIDE_A ? a : b);
    for (uint32_t i = 0; i < at.n; i++) {
      at.value[side][i] = blok_differ_resolve(self, frame->graph[side], node->inputs[i]);
    }
  }
  BLOK_TRY(pair_inputs(self, frame, &at));
  for (uint32_t i = at.n; i-- > 0;) {
    const uint32_t k = at.partner[i];
    const blok_diff_reader reader = {frame, {a, b}, {i, k}};
    BLOK_TRY(blok_differ_push(self, frame, at.value[SIDE_A][i], at.value[SIDE_B][k], &reader));
  }
  return BLOK_OK;
}

static blok_status push_inputs(blok_differ *self, blok_diff_frame *frame, blok_node_id a,
                               blok_node_id b) {
  const blok_node *left = blok_node_at(frame->graph[SIDE_A], a);
  const blok_node *right = blok_node_at(frame->graph[SIDE_B], b);
  if (left->n_inputs == right->n_inputs && left->n_inputs <= MOST_INPUTS &&
      blok_diff_commutes(left) && blok_diff_commutes(right)) {
    return push_commuting(self, frame, a, b);
  }
  const uint32_t n = left->n_inputs > right->n_inputs ? left->n_inputs : right->n_inputs;
  for (uint32_t i = n; i-- > 0;) {
    const blok_diff_reader reader = {frame, {a, b}, {i, i}};
    BLOK_TRY(blok_differ_push(self, frame, blok_node_input(left, i), blok_node_input(right, i),
                              &reader));
  }
  return BLOK_OK;
}

blok_status blok_differ_pair(blok_differ *self, blok_diff_frame *frame, blok_node_id a,
                             blok_node_id b) {
  const blok_node *left = blok_node_at(frame->graph[SIDE_A], a);
  const blok_node *right = blok_node_at(frame->graph[SIDE_B], b);
  const blok_function *called[SIDES] = {blok_differ_function(self, SIDE_A, left),
                                        blok_differ_function(self, SIDE_B, right)};
  frame->partner[SIDE_A][a.i] = b;
  frame->partner[SIDE_B][b.i] = a;
  BLOK_TRY(blok_differ_attributes(self, frame, a, b));
  if (count_outputs(left) != count_outputs(right) && counts_outputs(left)) {
    BLOK_TRY(blok_differ_say(self, BLOK_DIFF_NODE, frame, a, b, 0, "%s: %u outputs in A, %u in B",
                             blok_differ_label(frame, SIDE_A, a).text,
                             (unsigned)count_outputs(left), (unsigned)count_outputs(right)));
  }
  if (called[SIDE_A] && called[SIDE_B]) {
    BLOK_TRY(enter_function(self, frame, a, called[SIDE_A], called[SIDE_B]));
  }
  return push_inputs(self, frame, a, b);
}

// ---- Where both graphs meet again ---------------------------------------------------------------

enum { CHAIN = 48, NEAR = 8, STRONG = 2 };

typedef struct chains {
  const blok_diff_task *task;
  uint32_t n[SIDES];
  blok_value_id at[SIDES][CHAIN];
} chains;

blok_value_id blok_differ_above(const blok_differ *self, const blok_graph *graph,
                                blok_value_id value) {
  const blok_node_id producer = blok_value_producer(graph, value);
  blok_diff_constant constant;
  if (!producer.i || blok_differ_constant(graph, value, &constant)) return BLOK_NO_VALUE;
  const blok_node *node = blok_node_at(graph, producer);
  for (uint32_t i = 0; i < node->n_inputs; i++) {
    const blok_value_id input = blok_differ_resolve(self, graph, node->inputs[i]);
    if (input.i && !blok_differ_constant(graph, input, &constant)) return input;
  }
  return BLOK_NO_VALUE;
}

static void climb(const blok_differ *self, chains *on, int side) {
  const blok_graph *graph = on->task->frame->graph[side];
  blok_value_id value = on->task->value[side];
  while (value.i && on->n[side] < CHAIN) {
    on->at[side][on->n[side]++] = value;
    value = blok_differ_above(self, graph, value);
  }
}

// True when both nodes read a matrix or more of constants of one shape: a norm that was folded into
// the weights changes what stands around a convolution, not that.
static bool same_weights(const blok_diff_frame *frame, blok_node_id a, blok_node_id b) {
  blok_diff_constant left, right;
  const blok_value_id in_a = blok_node_input(blok_node_at(frame->graph[SIDE_A], a), 1);
  const blok_value_id in_b = blok_node_input(blok_node_at(frame->graph[SIDE_B], b), 1);
  return blok_differ_constant(frame->graph[SIDE_A], in_a, &left) &&
         blok_differ_constant(frame->graph[SIDE_B], in_b, &right) && left.rank >= 2 &&
         left.rank == right.rank &&
         memcmp(left.dims, right.dims, left.rank * sizeof *left.dims) == 0;
}

// How many levels of both values agree; -1: they are made in different ways, or stand for others.
static int agreement(const blok_differ *self, const blok_diff_frame *frame, blok_value_id a,
                     blok_value_id b) {
  const blok_node_id left = blok_value_producer(frame->graph[SIDE_A], a);
  const blok_node_id right = blok_value_producer(frame->graph[SIDE_B], b);
  if (!left.i && !right.i) {
    const uint32_t input = frame->input[SIDE_A][a.i];
    const bool captured = frame->outside[SIDE_A][a.i].i && frame->outside[SIDE_B][b.i].i;
    return captured || (input && input == frame->input[SIDE_B][b.i]) ? BLOK_DIFF_LEVELS : -1;
  }
  if (!left.i || !right.i || !blok_differ_same_op(self, frame, left, right)) return -1;
  const blok_node_id known = frame->partner[SIDE_A][left.i];
  if (known.i == right.i && known.i) return BLOK_DIFF_LEVELS;
  if (known.i || frame->partner[SIDE_B][right.i].i) return -1;
  int level = -1;
  while (level + 1 < BLOK_DIFF_LEVELS &&
         frame->hash[SIDE_A][level + 1][a.i] == frame->hash[SIDE_B][level + 1][b.i]) {
    level++;
  }
  return level >= 0 && level < STRONG && same_weights(frame, left, right) ? STRONG : level;
}

// The nearest places (i, k) of both chains that agree; those that agree well may be a little
// further. False: there are none.
static bool find_meeting(const blok_differ *self, const chains *on, uint32_t *i, uint32_t *k) {
  uint32_t weak = 0, weak_i = 0, weak_k = 0;
  const uint32_t most = on->n[SIDE_A] + on->n[SIDE_B];
  for (uint32_t sum = 1; sum < most; sum++) {
    if (weak && sum > weak + NEAR) break;
    // Those in the middle first: as many nodes on either side.
    for (uint32_t step = 0; step <= sum; step++) {
      const uint32_t half = (step + 1) / 2;
      const uint32_t a = step % 2 ? sum / 2 + half : sum / 2 - half;
      if (a > sum || a >= on->n[SIDE_A] || sum - a >= on->n[SIDE_B]) continue;
      const int level =
          agreement(self, on->task->frame, on->at[SIDE_A][a], on->at[SIDE_B][sum - a]);
      if (level >= STRONG) {
        *i = a;
        *k = sum - a;
        return true;
      }
      if (level >= 0 && !weak && sum <= NEAR) {
        weak = sum;
        weak_i = a;
        weak_k = sum - a;
      }
    }
  }
  *i = weak_i;
  *k = weak_k;
  return weak > 0;
}

// ---- What stands between ------------------------------------------------------------------------

typedef struct listing {
  char text[200];
} listing;

// "BatchNormalization x 3, Relu": the operators of the first n of the chain.
static listing list_ops(const chains *on, int side, uint32_t n) {
  const blok_graph *graph = on->task->frame->graph[side];
  const char *ops[CHAIN];
  uint32_t counts[CHAIN], kinds = 0;
  listing out = {""};
  size_t length = 0;
  for (uint32_t i = 0; i < n; i++) {
    const char *op = blok_node_at(graph, blok_value_producer(graph, on->at[side][i]))->op_type;
    uint32_t kind = 0;
    while (kind < kinds && strcmp(ops[kind], op) != 0) kind++;
    if (kind == kinds) {
      counts[kinds] = 0;
      ops[kinds++] = op;
    }
    counts[kind]++;
  }
  for (uint32_t kind = 0; kind < kinds && length + 1 < sizeof out.text; kind++) {
    const blok_quoted op = blok_quote(ops[kind]);
    const char *comma = kind ? ", " : "";
    const int wrote =
        counts[kind] > 1
            ? snprintf(out.text + length, sizeof out.text - length, "%s%.60s x %u", comma, op.text,
                       (unsigned)counts[kind])
            : snprintf(out.text + length, sizeof out.text - length, "%s%.60s", comma, op.text);
    if (wrote > 0) length += (size_t)wrote;
  }
  return out;
}

// Marks the nodes that stand between; false when all have been told of before.
static bool tell_nodes(const chains *on, const uint32_t n[SIDES]) {
  bool any = false;
  for (int side = 0; side < SIDES; side++) {
    for (uint32_t i = 0; i < n[side]; i++) {
      const blok_node_id node = blok_value_producer(on->task->frame->graph[side], on->at[side][i]);
      uint8_t *told = &on->task->frame->told[side][node.i];
      any = any || !*told;
      *told = 1;
    }
  }
  return any;
}

static blok_status say_between(blok_differ *self, const chains *on, const uint32_t n[SIDES]) {
  const blok_diff_task *task = on->task;
  blok_diff_frame *frame = task->frame;
  blok_node_id node[SIDES] = {BLOK_NO_NODE, BLOK_NO_NODE};
  for (int side = 0; side < SIDES; side++) {
    if (n[side]) node[side] = blok_value_producer(frame->graph[side], task->value[side]);
  }
  if (n[SIDE_A] == 1 && n[SIDE_B] == 1) {
    return blok_differ_say(self, BLOK_DIFF_NODE, frame, node[SIDE_A], node[SIDE_B], 0,
                           "%s of A is %s in B",
                           blok_differ_label(frame, SIDE_A, node[SIDE_A]).text,
                           blok_differ_label(frame, SIDE_B, node[SIDE_B]).text);
  }
  const blok_diff_label reader = blok_differ_reader(&task->reader);
  if (n[SIDE_A] && n[SIDE_B]) {
    return blok_differ_say(self, BLOK_DIFF_NODE, frame, node[SIDE_A], node[SIDE_B], 0,
                           "before %s stand %s in A, %s in B", reader.text,
                           list_ops(on, SIDE_A, n[SIDE_A]).text,
                           list_ops(on, SIDE_B, n[SIDE_B]).text);
  }
  const int side = n[SIDE_A] ? SIDE_A : SIDE_B;
  const blok_diff_label last = blok_differ_label(frame, side, node[side]);
  if (n[side] == 1) {
    return blok_differ_say(self, BLOK_DIFF_NODE, frame, node[SIDE_A], node[SIDE_B], 0,
                           "%s has 1 node more before %s: %s", side == SIDE_A ? "A" : "B",
                           reader.text, last.text);
  }
  return blok_differ_say(self, BLOK_DIFF_NODE, frame, node[SIDE_A], node[SIDE_B], 0,
                         "%s has %u nodes more before %s: %s; the last is %s",
                         side == SIDE_A ? "A" : "B", (unsigned)n[side], reader.text,
                         list_ops(on, side, n[side]).text, last.text);
}

// One operator in the place of another: what they read is compared all the same.
static blok_status pair_replaced(blok_differ *self, const chains *on) {
  blok_diff_frame *frame = on->task->frame;
  const blok_node_id a = blok_value_producer(frame->graph[SIDE_A], on->at[SIDE_A][0]);
  const blok_node_id b = blok_value_producer(frame->graph[SIDE_B], on->at[SIDE_B][0]);
  const blok_node *left = blok_node_at(frame->graph[SIDE_A], a);
  const blok_node *right = blok_node_at(frame->graph[SIDE_B], b);
  frame->partner[SIDE_A][a.i] = b;
  frame->partner[SIDE_B][b.i] = a;
  if (left->n_inputs == right->n_inputs) return push_inputs(self, frame, a, b);
  return blok_differ_push(self, frame, on->at[SIDE_A][1], on->at[SIDE_B][1], &on->task->reader);
}

blok_status blok_differ_meet(blok_differ *self, const blok_diff_task *task) {
  chains on = {.task = task};
  uint32_t n[SIDES] = {0, 0};
  BLOK_TRY(blok_differ_hash(self, task->frame));
  for (int side = 0; side < SIDES; side++) climb(self, &on, side);
  if (!find_meeting(self, &on, &n[SIDE_A], &n[SIDE_B])) {
    const blok_node_id a = blok_value_producer(task->frame->graph[SIDE_A], task->value[SIDE_A]);
    const blok_node_id b = blok_value_producer(task->frame->graph[SIDE_B], task->value[SIDE_B]);
    n[SIDE_A] = a.i != 0;
    n[SIDE_B] = b.i != 0;
    return tell_nodes(&on, n)
               ? blok_differ_say_wiring(self, task, task->value[SIDE_A], task->value[SIDE_B])
               : BLOK_OK;
  }
  if (tell_nodes(&on, n)) BLOK_TRY(say_between(self, &on, n));
  if (n[SIDE_A] == 1 && n[SIDE_B] == 1) return pair_replaced(self, &on);
  return blok_differ_push(self, task->frame, on.at[SIDE_A][n[SIDE_A]], on.at[SIDE_B][n[SIDE_B]],
                          &task->reader);
}
