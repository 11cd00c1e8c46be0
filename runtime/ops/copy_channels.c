// Channels of blocked values gathered into others, and channel shuffles: see copy.h.
#include <string.h>

#include "base/error.h"
#include "runtime/ops/copy.h"

// ---- Maps ---------------------------------------------------------------------------------------

blok_status blok_channel_map_new(blok_lowering *lowering, uint32_t channels, uint32_t n_sources,
                                 blok_channel_map *out, blok_error *error) {
  *out = (blok_channel_map){.channels = channels, .n_sources = n_sources};
  out->lanes = blok_lower_alloc(lowering, channels, sizeof *out->lanes);
  out->sources = blok_lower_alloc(lowering, n_sources, sizeof *out->sources);
  return out->lanes && out->sources ? BLOK_OK : blok_fail_memory(error, 0);
}

typedef struct channel_args {
  void (*move)(const blok_channel_move *job, size_t first, size_t last);
  blok_channel_move job;
  blok_buffer_id to;
  uint32_t n_sources;
  const blok_buffer_id *sources;
  blok_lane_source strides[];  // data NULL
} channel_args;

enum { SOURCES_AT_ONCE = 16 };  // the job's sources stand on the stack

static void run_channels(const blok_step_call *call, uint32_t first, uint32_t last,
                         uint32_t worker) {
  (void)worker;
  const channel_args *args = call->args;
  blok_lane_source sources[SOURCES_AT_ONCE];
  blok_channel_move job = args->job;
  for (uint32_t i = 0; i < args->n_sources; i++) {
    sources[i] = args->strides[i];
    sources[i].data = blok_step_floats(call, args->sources[i]);
  }
  job.sources = sources;
  job.to = blok_step_floats(call, args->to);
  args->move(&job, first, last);
}

static blok_status channel_step(blok_lowering *lowering, const char *kernel,
                                const blok_channel_map *map, blok_buffer_id to, blok_error *error) {
  const blok_isa *isa = blok_lower_isa(lowering);
  channel_args *args =
      blok_lower_alloc(lowering, 1, sizeof *args + map->n_sources * sizeof(blok_lane_source));
  if (!args) return blok_fail_memory(error, 0);
  const blok_planes *planes = &blok_lower_buffer(lowering, to)->planes;
  args->move = isa->layout->channels;
  args->job = (blok_channel_move){.lanes = map->lanes,
                                  .batch = planes->batch_stride,
                                  .plane = planes->plane_stride,
                                  .images = planes->n,
                                  .channels = planes->c,
                                  .pixels = (size_t)planes->h * planes->w};
  args->to = to;
  args->n_sources = map->n_sources;
  args->sources = map->sources;
  for (uint32_t i = 0; i < map->n_sources; i++) {
    const blok_planes *from = &blok_lower_buffer(lowering, map->sources[i])->planes;
    args->strides[i] = (blok_lane_source){NULL, from->batch_stride, from->plane_stride};
  }
  const size_t moved = planes->n * (size_t)planes->c * planes->h * planes->w;
  const size_t cells = blok_channel_cells(&args->job, isa->lanes);
  const blok_step step = {.kernel = kernel,
                          .run = run_channels,
                          .args = args,
                          .n_reads = map->n_sources,
                          .reads = map->sources,
                          .n_writes = 1,
                          .writes = &to,
                          .cells = cells,
                          .bytes = 2 * moved * sizeof(float)};
  return blok_lower_step(lowering, &step, error);
}

// The sources that the map's lanes name, by themselves.
static blok_status used_sources(blok_lowering *lowering, const blok_channel_map *map,
                                blok_channel_map *out, blok_error *error) {
  uint16_t *place = blok_lower_alloc(lowering, map->n_sources, sizeof *place);
  BLOK_TRY(blok_channel_map_new(lowering, map->channels, map->n_sources, out, error));
  if (!place) return blok_fail_memory(error, 0);
  out->n_sources = 0;
  for (uint32_t c = 0; c < map->channels; c++) {
    out->lanes[c] = map->lanes[c];
    const uint16_t source = map->lanes[c].source;
    if (source == BLOK_LANE_ZERO) continue;
    if (!place[source]) {
      out->sources[out->n_sources++] = map->sources[source];
      place[source] = (uint16_t)out->n_sources;
    }
    out->lanes[c].source = (uint16_t)(place[source] - 1);
  }
  return BLOK_OK;
}

// More sources than a step takes at once go in rounds: each fills lanes that are zero yet, and
// keeps those that are there.
static blok_status in_rounds(blok_lowering *lowering, const char *kernel,
                             const blok_channel_map *map, blok_buffer_id to, blok_error *error) {
  const uint32_t fresh = SOURCES_AT_ONCE - 1;
  for (uint32_t done = 0; done < map->n_sources; done += fresh) {
    const uint32_t left = map->n_sources - done, n = left < fresh ? left : fresh;
    blok_channel_map round;
    BLOK_TRY(blok_channel_map_new(lowering, map->channels, n + 1, &round, error));
    memcpy(round.sources, map->sources + done, n * sizeof *round.sources);
    round.sources[n] = to;
    round.n_sources = done ? n + 1 : n;
    for (uint32_t c = 0; c < map->channels; c++) {
      const blok_lane lane = map->lanes[c];
      round.lanes[c] = (blok_lane){BLOK_LANE_ZERO, 0};
      if (lane.source == BLOK_LANE_ZERO) continue;
      if (lane.source < done) {
        round.lanes[c] = (blok_lane){(uint16_t)n, c};
      } else if (lane.source < done + n) {
        round.lanes[c] = (blok_lane){(uint16_t)(lane.source - done), lane.channel};
      }
    }
    BLOK_TRY(channel_step(lowering, kernel, &round, to, error));
  }
  return BLOK_OK;
}

blok_status blok_lower_channels(blok_lowering *lowering, const char *kernel,
                                const blok_channel_map *map, blok_buffer_id to, blok_error *error) {
  blok_channel_map used;
  BLOK_TRY(used_sources(lowering, map, &used, error));
  return used.n_sources > SOURCES_AT_ONCE ? in_rounds(lowering, kernel, &used, to, error)
                                          : channel_step(lowering, kernel, &used, to, error);
}

blok_status blok_lower_mapped(blok_lowering *lowering, const char *kernel,
                              const blok_channel_map *map, uint32_t first, blok_value_id value,
                              blok_error *error) {
  blok_buffer_id to;
  BLOK_TRY(blok_lower_output(lowering, value, BLOK_BLOCKED, &to, error));
  blok_channel_map part = *map;
  part.lanes += first;
  part.channels = blok_lower_buffer(lowering, to)->planes.c;
  return blok_lower_channels(lowering, kernel, &part, to, error);
}

// ---- Shuffles -----------------------------------------------------------------------------------

static bool captures(const blok_node *node, blok_value_id value) {
  for (uint32_t a = 0; a < node->n_attrs; a++) {
    const blok_attr *attr = &node->attrs[a];
    if (attr->type != BLOK_ATTR_GRAPH && attr->type != BLOK_ATTR_GRAPHS) continue;
    for (uint32_t g = 0; g < attr->n; g++) {
      const blok_subgraph *body = &attr->as.graphs[g];
      for (uint32_t c = 0; c < body->n_captures; c++) {
        if (blok_same_value(body->captures[c].outer, value)) return true;
      }
    }
  }
  return false;
}

// The only node that reads the elements of value, once and as its first input; NULL: there is no
// such one.
static const blok_node *only_reader(const blok_lowering *lowering, blok_value_id value) {
  const blok_graph *graph = blok_lower_graph(lowering);
  const blok_node *found = NULL;
  if (blok_value_at(graph, value)->is_output) return NULL;
  for (uint32_t i = 0; i < graph->n_order; i++) {
    const blok_node *node = blok_node_at(graph, graph->order[i]);
    if (captures(node, value)) return NULL;
    if (blok_lower_reads_shape(lowering, node)) continue;
    for (uint32_t k = 0; k < node->n_inputs; k++) {
      if (!blok_same_value(node->inputs[k], value)) continue;
      if (found || k > 0) return NULL;
      found = node;
    }
  }
  return found;
}

static bool same_dims(const int64_t *a, const int64_t *b, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// [n, c, ...] seen as [n, groups, c / groups, ...].
static bool cuts_channels(const blok_tensor *whole, const blok_tensor *cut) {
  return whole->rank >= 3 && cut->rank == whole->rank + 1 && cut->dims[0] == whole->dims[0] &&
         cut->dims[1] * cut->dims[2] == whole->dims[1] &&
         same_dims(cut->dims + 3, whole->dims + 2, whole->rank - 2);
}

static bool turns_groups(const blok_node *node, uint32_t rank) {
  uint32_t n;
  const int64_t *perm = blok_node_ints(node, "perm", &n);
  if (n != rank || perm[0] != 0 || perm[1] != 2 || perm[2] != 1) return false;
  for (uint32_t i = 3; i < n; i++) {
    if (perm[i] != (int64_t)i) return false;
  }
  return true;
}

// A Split of the channels one of whose outputs is better blocked.
static bool splits_channels(const blok_lowering *lowering, const blok_node *node) {
  const int64_t axis = blok_node_int(node, "axis", 0);
  blok_tensor shape;
  bool wanted = false;
  if (node->op != BLOK_OP_Split || !node->n_outputs) return false;
  for (uint32_t i = 0; i < node->n_outputs; i++) {
    const blok_value_id out = node->outputs[i];
    if (!out.i || !blok_lower_shape(lowering, out, &shape)) return false;
    if (axis != 1 && axis + shape.rank != 1) return false;
    wanted = wanted || blok_lower_prefers_blocked(lowering, out);
  }
  return wanted;
}

bool blok_lower_shuffle(const blok_lowering *lowering, blok_value_id value, blok_shuffle *out) {
  blok_tensor whole, cut, end;
  *out = (blok_shuffle){0};
  if (!blok_lower_shape(lowering, value, &whole) || whole.dtype != BLOK_F32) return false;
  const blok_node *first = only_reader(lowering, value);
  if (!first || first->op != BLOK_OP_Reshape ||
      !blok_lower_shape(lowering, first->outputs[0], &cut) || !cuts_channels(&whole, &cut)) {
    return false;
  }
  const blok_node *turn = only_reader(lowering, first->outputs[0]);
  if (!turn || turn->op != BLOK_OP_Transpose || !turns_groups(turn, cut.rank)) return false;
  const blok_node *second = only_reader(lowering, turn->outputs[0]);
  if (!second || second->op != BLOK_OP_Reshape ||
      !blok_lower_shape(lowering, second->outputs[0], &end) || end.rank != whole.rank ||
      !same_dims(end.dims, whole.dims, end.rank)) {
    return false;
  }
  out->groups = (uint32_t)cut.dims[1];
  out->end = second->outputs[0];
  if (!blok_lower_prefers_blocked(lowering, out->end)) return false;
  const blok_node *split = only_reader(lowering, out->end);
  if (split && splits_channels(lowering, split)) out->split = split;
  return true;
}

blok_status blok_lower_shuffle_ends(blok_lowering *lowering, const blok_shuffle *shuffle,
                                    const blok_channel_map *map, blok_error *error) {
  const uint32_t rest = map->channels / shuffle->groups;
  blok_channel_map turned = *map;
  turned.lanes = blok_lower_alloc(lowering, map->channels, sizeof *turned.lanes);
  if (!turned.lanes) return blok_fail_memory(error, 0);
  for (uint32_t c = 0; c < map->channels; c++) {
    turned.lanes[c] = map->lanes[c % shuffle->groups * rest + c / shuffle->groups];
  }
  if (!shuffle->split) {
    return blok_lower_mapped(lowering, "channel shuffle", &turned, 0, shuffle->end, error);
  }
  uint32_t first = 0;
  for (uint32_t i = 0; i < shuffle->split->n_outputs; i++) {
    const blok_value_id out = shuffle->split->outputs[i];
    BLOK_TRY(blok_lower_mapped(lowering, "channel shuffle", &turned, first, out, error));
    first += (uint32_t)blok_lower_fact(lowering, out)->dims[1].value;
  }
  return BLOK_OK;
}

static bool ends_made(const blok_lowering *lowering, const blok_shuffle *shuffle) {
  const blok_value_id end = shuffle->split ? shuffle->split->outputs[0] : shuffle->end;
  return blok_lower_is_blocked(lowering, end);
}

static const blok_node *maker_of(const blok_graph *graph, blok_value_id value, blok_op op) {
  const blok_node_id id = value.i ? blok_value_producer(graph, value) : BLOK_NO_NODE;
  const blok_node *node = id.i ? blok_node_at(graph, id) : NULL;
  return node && node->op == op ? node : NULL;
}

bool blok_lower_shuffled(const blok_lowering *lowering, const blok_node *node) {
  const blok_graph *graph = blok_lower_graph(lowering);
  const blok_value_id in = blok_node_input(node, 0), out = blok_node_output(node, 0);
  blok_value_id start = in;
  if (out.i && blok_lower_is_blocked(lowering, out)) return true;
  const blok_node *turn = node->op == BLOK_OP_Transpose ? node
                          : node->op == BLOK_OP_Reshape ? maker_of(graph, in, BLOK_OP_Transpose)
                                                        : NULL;
  if (turn) {
    const blok_node *first = maker_of(graph, blok_node_input(turn, 0), BLOK_OP_Reshape);
    if (!first) return false;
    start = blok_node_input(first, 0);
  } else if (node->op != BLOK_OP_Reshape) {
    return false;
  }
  blok_tensor whole, cut;
  const blok_node *first = maker_of(graph, turn ? blok_node_input(turn, 0) : out, BLOK_OP_Reshape);
  if (!first || !start.i || !blok_lower_shape(lowering, start, &whole) ||
      !blok_lower_shape(lowering, first->outputs[0], &cut) || !cuts_channels(&whole, &cut)) {
    return false;
  }
  blok_shuffle shuffle;
  return blok_lower_shuffle(lowering, start, &shuffle) && ends_made(lowering, &shuffle);
}
