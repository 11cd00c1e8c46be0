// Engines: a model's plans and shaped plans, made once and shared. See runtime.h.
//
// One lock is held while a plan is found or made, so that two sessions that want the same one make
// it once. The lock of the pack store is taken inside it, never the other way round. A run takes
// neither.
#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "runtime/runtime.h"

// Shaped plans that nobody uses and that are kept, with their packed weights, for who comes back
// to their shapes: a session that goes to and fro between a few, or one that is made anew for each
// request.
enum { MOST_IDLE = 4 };

typedef struct known_plan known_plan;
struct known_plan {
  known_plan *next;
  const blok_isa *isa;
  bool reference, blocks;
  blok_arena arena;
  blok_plan *plan;
};

typedef struct known_shape known_shape;
struct known_shape {
  known_shape *next;
  const blok_plan *plan;
  blok_limits limits;
  blok_arena arena;  // of inputs
  const blok_fact *inputs;
  blok_shaped *shaped;
  uint32_t users;
  uint64_t left;  // when the last user left, as the engine counts
};

struct blok_engine {
  blok_allocator allocator;
  const blok_module *module;
  const blok_facts *facts;
  const blok_overlay *overlay;
  blok_lock lock;
  bool has_lock;
  blok_pack_store *store;
  known_plan *plans;
  known_shape *shapes;
  uint64_t clock;
};

blok_status blok_engine_new(const blok_module *module, const blok_facts *facts,
                            const blok_overlay *overlay, const blok_allocator *allocator,
                            blok_engine **out, blok_error *error) {
  *out = NULL;
  blok_status status = BLOK_OK;
  blok_engine *engine = blok_alloc_zero(allocator, sizeof *engine);
  if (!engine) return blok_fail_memory(error, sizeof *engine);
  engine->allocator = *allocator;
  engine->module = module;
  engine->facts = facts;
  engine->overlay = overlay;
  engine->has_lock = blok_lock_init(&engine->lock);
  if (!engine->has_lock) {
    status = BLOK_FAIL(error, BLOK_E_MEMORY, "the system gives no lock");
    goto fail;
  }
  BLOK_TRY_TO(fail, blok_pack_store_new(allocator, &engine->store, error));
  *out = engine;
  return BLOK_OK;
fail:
  blok_engine_free(&engine);
  return status;
}

static void free_shape(blok_engine *engine, known_shape *shape) {
  blok_shaped_free(&shape->shaped);
  blok_arena_free(&shape->arena);
  blok_free(&engine->allocator, shape);
}

static void free_plan(blok_engine *engine, known_plan *known) {
  blok_arena_free(&known->arena);
  blok_free(&engine->allocator, known);
}

void blok_engine_free(blok_engine **pointer) {
  blok_engine *engine = *pointer;
  if (!engine) return;
  *pointer = NULL;
  for (known_shape *shape = engine->shapes, *next; shape; shape = next) {
    next = shape->next;
    free_shape(engine, shape);
  }
  for (known_plan *known = engine->plans, *next; known; known = next) {
    next = known->next;
    free_plan(engine, known);
  }
  blok_pack_store_free(&engine->store);
  if (engine->has_lock) blok_lock_free(&engine->lock);
  blok_allocator allocator = engine->allocator;
  blok_free(&allocator, engine);
}

// ---- Plans --------------------------------------------------------------------------------------

static blok_status make_plan(blok_engine *engine, const blok_isa *isa, bool reference, bool blocks,
                             known_plan **out, blok_error *error) {
  known_plan *known = blok_alloc_zero(&engine->allocator, sizeof *known);
  if (!known) return blok_fail_memory(error, sizeof *known);
  known->isa = isa;
  known->reference = reference;
  known->blocks = blocks;
  blok_arena_init(&known->arena, &engine->allocator);
  blok_plan_options options = {.isa = isa,
                               .reference = reference,
                               .fuse = blocks && !reference,
                               .overlay = blocks && !reference ? engine->overlay : NULL};
  blok_status status = blok_plan_new(engine->module->graph, &options, engine->facts, &known->arena,
                                     &known->plan, error);
  if (status != BLOK_OK) {
    free_plan(engine, known);
    return status;
  }
  known->next = engine->plans;
  engine->plans = known;
  *out = known;
  return BLOK_OK;
}

blok_status blok_engine_plan(blok_engine *engine, const blok_isa *isa, bool reference, bool blocks,
                             const blok_plan **out, blok_error *error) {
  *out = NULL;
  blok_status status = BLOK_OK;
  blok_lock_take(&engine->lock);
  known_plan *known = engine->plans;
  while (known && (known->isa != isa || known->reference != reference || known->blocks != blocks)) {
    known = known->next;
  }
  if (!known) status = make_plan(engine, isa, reference, blocks, &known, error);
  if (known) *out = known->plan;
  blok_lock_give(&engine->lock);
  return status;
}

// ---- Shaped plans -------------------------------------------------------------------------------

static bool same_fact(const blok_fact *a, const blok_fact *b) {
  if (a->kind != b->kind || a->dtype != b->dtype || a->rank != b->rank) return false;
  for (int32_t d = 0; d < a->rank; d++) {
    if (a->dims[d].value != b->dims[d].value) return false;
  }
  return true;
}

static known_shape *find_shape(const blok_engine *engine, const blok_plan *plan,
                               const blok_fact *inputs, const blok_limits *limits) {
  const uint32_t count = engine->module->graph->n_inputs;
  for (known_shape *shape = engine->shapes; shape; shape = shape->next) {
    // Limits are numbers without gaps between them.
    if (shape->plan != plan || memcmp(&shape->limits, limits, sizeof *limits) != 0) continue;
    uint32_t same = 0;
    while (same < count && same_fact(&shape->inputs[same], &inputs[same])) same++;
    if (same == count) return shape;
  }
  return NULL;
}

// What same_fact looks at.
static bool copy_facts(blok_arena *arena, const blok_fact *inputs, uint32_t count,
                       const blok_fact **out) {
  blok_fact *copy = blok_arena_array(arena, count, sizeof *copy);
  if (!copy) return false;
  for (uint32_t i = 0; i < count; i++) {
    copy[i].kind = inputs[i].kind;
    copy[i].dtype = inputs[i].dtype;
    copy[i].rank = inputs[i].rank;
    if (inputs[i].rank <= 0) continue;
    copy[i].dims =
        blok_arena_copy(arena, inputs[i].dims, (size_t)inputs[i].rank * sizeof *inputs[i].dims);
    if (!copy[i].dims) return false;
  }
  *out = copy;
  return true;
}

static blok_status make_shape(blok_engine *engine, const blok_plan *plan, const blok_fact *inputs,
                              const blok_limits *limits, known_shape **out, blok_error *error) {
  blok_status status = BLOK_OK;
  known_shape *shape = blok_alloc_zero(&engine->allocator, sizeof *shape);
  if (!shape) return blok_fail_memory(error, sizeof *shape);
  shape->plan = plan;
  shape->limits = *limits;
  blok_arena_init(&shape->arena, &engine->allocator);
  if (!copy_facts(&shape->arena, inputs, engine->module->graph->n_inputs, &shape->inputs)) {
    status = blok_fail_memory(error, 0);
    goto fail;
  }
  blok_shaped_options options = {.inputs = inputs, .limits = limits, .store = engine->store};
  BLOK_TRY_TO(fail, blok_shaped_new(plan, &options, &engine->allocator, &shape->shaped, error));
  shape->next = engine->shapes;
  engine->shapes = shape;
  *out = shape;
  return BLOK_OK;
fail:
  free_shape(engine, shape);
  return status;
}

blok_status blok_engine_shape(blok_engine *engine, const blok_plan *plan, const blok_fact *inputs,
                              const blok_limits *limits, blok_shaped **out, blok_error *error) {
  *out = NULL;
  blok_status status = BLOK_OK;
  blok_lock_take(&engine->lock);
  known_shape *shape = find_shape(engine, plan, inputs, limits);
  if (!shape) status = make_shape(engine, plan, inputs, limits, &shape, error);
  if (shape) {
    shape->users++;
    *out = shape->shaped;
  }
  blok_lock_give(&engine->lock);
  return status;
}

// Frees the one that was left first, while too many are idle.
static void trim(blok_engine *engine) {
  uint32_t idle = 0;
  known_shape **oldest = NULL;
  for (known_shape **link = &engine->shapes; *link; link = &(*link)->next) {
    if ((*link)->users) continue;
    idle++;
    if (!oldest || (*link)->left < (*oldest)->left) oldest = link;
  }
  if (idle <= MOST_IDLE) return;
  known_shape *shape = *oldest;
  *oldest = shape->next;
  free_shape(engine, shape);
}

void blok_engine_release(blok_engine *engine, blok_shaped **shaped) {
  if (!*shaped) return;
  blok_lock_take(&engine->lock);
  known_shape *shape = engine->shapes;
  while (shape->shaped != *shaped) shape = shape->next;
  if (--shape->users == 0) {
    shape->left = ++engine->clock;
    trim(engine);
  }
  blok_lock_give(&engine->lock);
  *shaped = NULL;
}

size_t blok_engine_packed_bytes(blok_engine *engine) {
  return blok_pack_store_bytes(engine->store);
}
