// What a session has become: memory, steps, times. See blok/plan.h.
#include <string.h>

#include "api/internal.h"
#include "base/error.h"
#include "base/size.h"

// ---- Taking the session for one look ------------------------------------------------------------

// Taking a session changes nothing that the caller can see, so it stays const for him.
static blok_session *writable(const blok_session *session) {
  return (blok_session *)(uintptr_t)session;
}

static blok_status begin(const blok_session *session, const void *info, const char *call,
                         blok_error *error) {
  blok_error_clear(error);
  if (!session || !info) {
    return BLOK_FAIL(error, BLOK_E_ARGUMENT, "%s: %s is NULL", call, session ? "info" : "session");
  }
  BLOK_TRY(blok_check_struct(info, call, error));
  return blok_session_enter(writable(session), error);
}

static blok_status end(const blok_session *session, blok_status status, blok_error *error) {
  return blok_session_leave(writable(session), status, error);
}

static blok_status shaped_of(const blok_session *session, const blok_shaped **out,
                             blok_error *error) {
  *out = blok_executor_shaped(session->executor);
  if (*out) return BLOK_OK;
  return BLOK_FAIL(error, BLOK_E_ARGUMENT, "the session has no shapes yet: reshape it first");
}

// ---- Memory -------------------------------------------------------------------------------------

// The most bytes of values that stand at one step, and that step: what comes and goes, summed up
// step by step.
static blok_status live_bytes(const blok_session *session, const blok_shaped *shaped, uint64_t *out,
                              size_t *step, blok_error *error) {
  const uint32_t n = shaped->n_steps;
  uint64_t *change = blok_alloc_array(&session->allocator, (size_t)n + 2, sizeof *change);
  if (!change) return blok_fail_memory(error, ((size_t)n + 2) * sizeof *change);
  for (uint32_t i = 1; i < shaped->n_buffers; i++) {
    const blok_buffer *buffer = &shaped->buffers[i];
    if (buffer->kind != BLOK_BUFFER_ARENA) continue;
    const uint64_t bytes = ((uint64_t)buffer->bytes + 63) / 64 * 64;
    change[buffer->first < n ? buffer->first : n] += bytes;
    change[(buffer->last < n ? buffer->last : n) + 1] -= bytes;
  }
  uint64_t now = 0;
  *out = *step = 0;
  for (uint32_t s = 0; s <= n; s++) {
    now += change[s];
    if (now <= *out) continue;
    *out = now;
    *step = s < n ? s : n - (n > 0);
  }
  blok_free(&session->allocator, change);
  return BLOK_OK;
}

static blok_status memory(const blok_session *session, blok_memory_info *info, blok_error *error) {
  const blok_shaped *shaped = NULL;
  uint64_t live = 0, heap = 0, most = 0;
  size_t live_step = 0;
  BLOK_TRY(shaped_of(session, &shaped, error));
  BLOK_TRY(live_bytes(session, shaped, &live, &live_step, error));
  blok_executor_heap_bytes(session->executor, &heap, &most);
  BLOK_FILL(info, .arena_bytes = blok_executor_arena_bytes(session->executor),
            .value_bytes = shaped->arena_bytes, .live_bytes = live, .live_step = live_step,
            .scratch_bytes = shaped->scratch_bytes,
            .packed_bytes = blok_engine_packed_bytes(session->model->engine), .heap_bytes = heap,
            .heap_most_bytes = most);
  return BLOK_OK;
}

blok_status blok_session_memory(const blok_session *session, blok_memory_info *info,
                                blok_error *error) {
  BLOK_TRY(begin(session, info, "blok_session_memory", error));
  return end(session, memory(session, info, error), error);
}

blok_status blok_session_machine(const blok_session *session, blok_machine_info *info,
                                 blok_error *error) {
  BLOK_TRY(begin(session, info, "blok_session_machine", error));
  const blok_shaped *shaped = blok_executor_shaped(session->executor);
  BLOK_FILL(info, .isa = session->reference ? "reference" : session->isa->name,
            .threads = session->threads, .steps = shaped ? shaped->n_steps : 0);
  return end(session, BLOK_OK, error);
}

// ---- Steps --------------------------------------------------------------------------------------

static const blok_region *region_of(const blok_shaped *shaped, const blok_step *step) {
  return &shaped->plan->regions[step->region];
}

// True when another step of the same region stands for the node.
static bool has_own_step(const blok_shaped *shaped, uint32_t index, blok_node_id node) {
  const uint32_t region = shaped->steps[index].region;
  uint32_t first = index, last = index;
  while (first > 0 && shaped->steps[first - 1].region == region) first--;
  while (last + 1 < shaped->n_steps && shaped->steps[last + 1].region == region) last++;
  for (uint32_t s = first; s <= last; s++) {
    if (shaped->steps[s].node.i == node.i) return true;
  }
  return false;
}

// The step's least source node above `above`; 0: none. A step stands for its own node,
// that of a region's anchor also for those of the region that have no step of their own.
static uint32_t next_source(const blok_shaped *shaped, uint32_t index, uint32_t above) {
  const blok_graph *graph = shaped->plan->graph;
  const blok_step *step = &shaped->steps[index];
  const blok_region *region = region_of(shaped, step);
  const bool anchor = step->node.i == region->anchor.i;
  uint32_t least = 0;
  for (uint32_t n = 0; n < (anchor ? region->n_nodes : 1); n++) {
    const blok_node_id id = anchor ? region->nodes[n] : step->node;
    if (id.i != step->node.i && has_own_step(shaped, index, id)) continue;
    const blok_node *node = blok_node_at(graph, id);
    for (uint32_t s = 0; s < node->n_sources; s++) {
      const uint32_t source = node->sources[s].i;
      if (source > above && (least == 0 || source < least)) least = source;
    }
  }
  return least;
}

static size_t count_sources(const blok_shaped *shaped, uint32_t index) {
  size_t count = 0;
  for (uint32_t at = 0; (at = next_source(shaped, index, at)) != 0;) count++;
  return count;
}

// The source node that the step stands for first; else what the working graph calls its node.
static void name_step(const blok_session *session, const blok_graph *graph, const blok_step *step,
                      blok_node_info *out) {
  const blok_node *node = blok_node_at(graph, step->node);
  if (node->n_sources && blok_model_node(session->model, node->sources[0].i - 1, out) == BLOK_OK) {
    return;
  }
  const blok_value_id first = blok_node_output(node, 0);
  out->op_type = node->op_type;
  out->name = node->name && *node->name ? node->name
              : first.i                 ? blok_value_at(graph, first)->name
                                        : "";
}

static int32_t block_of(const blok_session *session, const blok_shaped *shaped,
                        const blok_step *step) {
  const blok_region *region = region_of(shaped, step);
  if (region->block >= 0) return region->block;
  const blok_overlay *overlay = session->model->overlay;
  return overlay && step->node.i < overlay->n_nodes ? overlay->innermost[step->node.i] : -1;
}

// The first thing that the step makes; NULL: it makes nothing that has a place.
static const blok_buffer *made_by(const blok_shaped *shaped, const blok_step *step) {
  for (uint32_t w = 0; w < step->n_writes; w++) {
    if (step->writes[w]) return blok_shaped_buffer(shaped, step->writes[w]);
  }
  return NULL;
}

static blok_status describe_step(const blok_session *session, size_t index, blok_step_info *info,
                                 blok_error *error) {
  const blok_shaped *shaped = NULL;
  BLOK_TRY(shaped_of(session, &shaped, error));
  if (index >= shaped->n_steps) {
    return BLOK_FAIL(error, BLOK_E_NOT_FOUND, "the plan has %u steps, there is none of index %zu",
                     shaped->n_steps, index);
  }
  const blok_step *step = &shaped->steps[index];
  blok_node_info source = BLOK_NODE_INFO_INIT;
  name_step(session, shaped->plan->graph, step, &source);
  blok_step_info step_info = BLOK_STEP_INFO_INIT;
  step_info.name = source.name;
  step_info.op = source.op_type;
  step_info.nodes = count_sources(shaped, (uint32_t)index);
  step_info.block = block_of(session, shaped, step);
  step_info.kernel = step->kernel;
  step_info.layout = "plain";
  const blok_buffer *made = made_by(shaped, step);
  if (made) {
    const bool blocked = made->layout == BLOK_BLOCKED;
    step_info.layout = blocked ? "blocked" : "plain";
    step_info.lanes = blocked ? shaped->plan->options.isa->lanes : 0;
    step_info.dtype = made->shape.dtype;
    step_info.rank = made->shape.rank == BLOK_RANK_OPEN ? -1 : (int32_t)made->shape.rank;
    memcpy(step_info.dims, made->shape.dims, sizeof step_info.dims);
  }
  step_info.bytes = step->bytes;
  step_info.macs = step->macs;
  step_info.cells = (uint32_t)step->cells;
  step_info.scratch_bytes = step->scratch_bytes;
  const blok_step_time *times = blok_executor_times(session->executor);
  if (times) {
    step_info.runs = times[index].runs;
    step_info.nanoseconds = times[index].nanoseconds;
    step_info.least_nanoseconds = times[index].least;
  }
  const uint32_t size = info->struct_size;
  memcpy(info, &step_info, size < sizeof step_info ? size : sizeof step_info);
  info->struct_size = size;
  return BLOK_OK;
}

blok_status blok_session_step(const blok_session *session, size_t index, blok_step_info *info,
                              blok_error *error) {
  BLOK_TRY(begin(session, info, "blok_session_step", error));
  return end(session, describe_step(session, index, info, error), error);
}

static size_t source_at(const blok_session *session, size_t index, size_t member) {
  const blok_shaped *shaped = blok_executor_shaped(session->executor);
  if (!shaped || index >= shaped->n_steps) return SIZE_MAX;
  uint32_t at = next_source(shaped, (uint32_t)index, 0);
  for (size_t i = 0; i < member && at; i++) at = next_source(shaped, (uint32_t)index, at);
  return at ? at - 1 : SIZE_MAX;
}

size_t blok_session_step_node(const blok_session *session, size_t index, size_t member) {
  if (!session || blok_session_enter(writable(session), NULL) != BLOK_OK) return SIZE_MAX;
  size_t node = source_at(session, index, member);
  return end(session, BLOK_OK, NULL) == BLOK_OK ? node : SIZE_MAX;
}

blok_status blok_session_profile(blok_session *session, bool on, blok_error *error) {
  blok_error_clear(error);
  if (!session) return BLOK_FAIL(error, BLOK_E_ARGUMENT, "blok_session_profile: session is NULL");
  BLOK_TRY(blok_session_enter(session, error));
  return end(session, blok_executor_profile(session->executor, on, error), error);
}
