// What stands behind blok_model: the one struct that all files of this room share.
#ifndef BLOK_API_INTERNAL_H
#define BLOK_API_INTERNAL_H

#include <blok/model.h>
#include <blok/plan.h>
#include <blok/session.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/lock.h"
#include "base/options.h"
#include "base/text.h"
#include "blocks/blocks.h"
#include "graph/functions.h"
#include "graph/graph.h"
#include "passes/facts.h"
#include "passes/passes.h"
#include "runtime/runtime.h"

// An operator with how often it stands somewhere, for the lists of loose and unknown ones.
typedef struct blok_op_count {
  const char *op;
  size_t count;
  size_t first;
  const char *why;
} blok_op_count;

typedef struct blok_op_counts {
  uint32_t n, capacity;
  blok_op_count *items;
  blok_names index;  // while counting: op -> item
} blok_op_counts;

// Immutable once blok_model_open or _load has returned it; shared by a reference count, since
// sessions outlive it.
struct blok_model {
  atomic_uint references;
  blok_allocator allocator;
  blok_limits limits;
  blok_arena arena;  // of everything below that is no object of its own
  const char *name;
  blok_module *source;
  // The working form; NULL with the reason in why when it could not be made.
  blok_module *working;
  blok_facts *facts;
  blok_overlay *overlay;
  blok_error why;
  blok_functions functions;  // of source
  blok_names working_names;  // value name -> handle in the working graph
  const char *producer;
  uint64_t parameters;
  int64_t macs;
  uint32_t n_warnings, cap_warnings;
  const char **warnings;
  blok_warn_fn warn;
  void *warn_context;
  blok_block *blocks;    // overlay->n_blocks of them
  size_t **block_nodes;  // source node indices by block
  int32_t *node_block;   // by source node index: innermost block
  blok_op_counts loose, unknown;
  // The source graph's inputs that a caller feeds, by place: those that are no initializers too.
  uint32_t n_fed;
  uint32_t *fed;
  // What sessions share. Made with the working graph.
  blok_engine *engine;
  // Of pool, which is made for the first session that wants the model's threads.
  blok_lock lock;
  bool has_lock;
  blok_pool *pool;
};

// A session: an executor, the model it runs, and a flag that keeps two threads out of one run.
struct blok_session {
  blok_allocator allocator;
  blok_model *model;  // one reference
  blok_executor *executor;
  const blok_isa *isa;
  bool reference;
  uint32_t threads;  // that take part in a run
  bool fixed_shapes;
  atomic_flag running;
};

// Takes the session for one call; BLOK_E_BUSY while another thread has it.
BLOK_MUST_CHECK blok_status blok_session_enter(blok_session *session, blok_error *error);
// Gives the session back, and puts the model's name before a failure's message. Returns status.
BLOK_MUST_CHECK blok_status blok_session_leave(blok_session *session, blok_status status,
                                               blok_error *error);

// A model without a source graph: blok_model_free frees it, also where this fails half-way. name is
// taken where options have none.
BLOK_MUST_CHECK blok_status blok_model_new(const char *name, const blok_open_options *options,
                                           blok_model **out, blok_error *error);
// Working graph, blocks and all that is told of them, once model->source stands.
BLOK_MUST_CHECK blok_status blok_model_complete(blok_model *model, const blok_open_options *options,
                                                blok_error *error);

// A model of a source graph that is made here: its working graph, its blocks. *source is taken over
// and NULL afterwards, whatever the status. name, allocator, limits and progress of options are
// used.
BLOK_MUST_CHECK blok_status blok_model_of(blok_module **source, const blok_open_options *options,
                                          blok_model **out, blok_error *error);

// Adds a reference; another thread may hold others.
const blok_model *blok_model_retain(const blok_model *model);

// True for an operator that this build runs, in some version, and for a call of a local function.
bool blok_model_knows(const blok_model *model, const blok_node *node);

// Fills what is derived from source, working graph and overlay: blocks as the API shows them,
// counts, parameters, MACs.
BLOK_MUST_CHECK blok_status blok_model_describe(blok_model *model, blok_error *error);

// Bytes of a literal's elements as they are read, 0 when that overflows.
uint64_t blok_model_literal_bytes(const blok_literal *literal);
// Reads a literal of the model into the caller's data; what names it in messages.
BLOK_MUST_CHECK blok_status blok_model_read_literal(const blok_model *model,
                                                    const blok_literal *literal, const char *what,
                                                    void *data, size_t bytes, blok_error *error);

#endif  // BLOK_API_INTERNAL_H
